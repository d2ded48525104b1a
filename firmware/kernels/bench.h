/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels that measure an engine share: moving matrices between HBM and the scratchpad,
 * and repeating a command without a gap. */
#ifndef TSR_KERNELS_BENCH_H
#define TSR_KERNELS_BENCH_H

#include "runtime/common/node.h"

#define TSR_BENCH_SEM_END 0u
#define TSR_BENCH_SEM_SELF 1u

/* Blocking copies of `rows` rows of `bytes` bytes with a pitch on each side; rows is 1 or more. */
TSR_MUST_USE tsr_status_t tsr_bench_load(tsr_node_t *node, uint64_t src, uint32_t src_pitch,
                                         uint32_t rows, uint32_t bytes, uint32_t dst,
                                         uint32_t dst_pitch);
TSR_MUST_USE tsr_status_t tsr_bench_store(tsr_node_t *node, uint32_t src, uint32_t src_pitch,
                                          uint32_t rows, uint32_t bytes, uint64_t dst,
                                          uint32_t dst_pitch);

/* Run a command `times` times (1 or more) and wait for the last one. The queue is kept full; the
 * command must not wait or post. @return TSR_FAILED if the engine stopped (where errors do not
 * trap). */
TSR_MUST_USE tsr_status_t tsr_bench_repeat(tsr_node_t *node, uint32_t engine, const tsr_cmd_t *cmd,
                                           uint32_t times);

/* Part `index` of `total` things that `count` tiles share: *first and how many. */
uint32_t tsr_bench_share(uint32_t total, uint32_t index, uint32_t count, uint32_t *first);

/* Round up to a power of two. */
static inline uint32_t tsr_align(uint32_t value, uint32_t to) {
  return (value + to - 1) & ~(to - 1);
}

#endif
