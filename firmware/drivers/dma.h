/* SPDX-License-Identifier: Apache-2.0 */
/* DMA descriptors: shapes in the context store, and the commands that use them. */
#ifndef TSR_DRIVERS_DMA_H
#define TSR_DRIVERS_DMA_H

#include "drivers/agu.h"
#include "drivers/cmdq.h"

#define TSR_DMA_LOOPS 3u
#define TSR_DMA_MAX_COUNT (1u << 20)

/* Context store of the own node. */
typedef struct {
  tsr_mmio_t contexts;
} tsr_dma_t;

/* One side's walk: address = base + sum of iteration i * stride[i]; loop 0 is the innermost. */
typedef struct {
  int32_t stride[TSR_DMA_LOOPS];
  uint16_t iterations[TSR_DMA_LOOPS];
} tsr_dma_walk_t;

/* Elements of `count` bytes; both sides have the same number of them. */
typedef struct {
  uint32_t count; /* 1..TSR_DMA_MAX_COUNT */
  tsr_dma_walk_t src, dst;
  uint32_t timeout; /* cycles without progress until the command fails; 0 = 65,536 */
} tsr_dma_shape_t;

typedef enum { TSR_DMA_RDMA, TSR_DMA_WDMA } tsr_dma_engine_t;

/* `bytes` bytes in one piece. */
tsr_dma_shape_t tsr_dma_linear(uint32_t bytes);

/* `rows` rows of `bytes` bytes, with a pitch on each side. */
tsr_dma_shape_t tsr_dma_rows(uint32_t rows, uint32_t bytes, uint32_t src_pitch, uint32_t dst_pitch);

/* Write a shape into context `ctx` (0..7). No command that uses it may be queued or running.
 * The shape is written as it is, so that tests can provoke the hardware's errors. */
TSR_MUST_USE tsr_status_t tsr_dma_set_context(const tsr_dma_t *h, tsr_dma_engine_t engine,
                                              uint32_t ctx, const tsr_dma_shape_t *shape);

/* The same for `rows` rows of `bytes` bytes with a pitch on each side, and the default timeout. */
TSR_MUST_USE tsr_status_t tsr_dma_set_rows(const tsr_dma_t *h, tsr_dma_engine_t engine,
                                           uint32_t ctx, uint32_t rows, uint32_t bytes,
                                           uint32_t src_pitch, uint32_t dst_pitch);

/* Command: global address -> own scratchpad offset. */
void tsr_dma_read_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint64_t src, uint32_t dst_spm);

/* Command: HBM -> scratchpad offset `dst_spm` of every node of `rect`, which holds the own one: one
 * read feeds all. The others must allow writes by other nodes there. In each of them every block of
 * 64 bytes that arrives adds 1 to semaphore `sem` (TSR_DMA_NO_SEM: none); they wait for
 * tsr_dma_blocks() of them. The command's own posts happen here alone. */
#define TSR_DMA_NO_SEM TSR_SEMAPHORES
void tsr_dma_spread_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint64_t src, uint32_t dst_spm,
                        tsr_rect_t rect, uint32_t sem);

/* Blocks that one element of `bytes` bytes at `src` arrives in. */
static inline uint32_t tsr_dma_blocks(uint64_t src, uint32_t bytes) {
  return (((uint32_t)src & 63u) + bytes + 63u) / 64u;
}

/* Command: own scratchpad offset -> global address. */
void tsr_dma_write_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t src_spm, uint64_t dst);

/* Command: own scratchpad offset -> node-local offset of every node of a rectangle. */
void tsr_dma_mcast_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t src_spm, tsr_rect_t rect,
                       uint32_t dst_local);

/* Commands: 32-bit pattern -> own scratchpad offset (RDMA), -> global address (WDMA). */
void tsr_dma_spm_fill_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t pattern,
                          uint32_t dst_spm);
void tsr_dma_fill_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t pattern, uint64_t dst);

#endif
