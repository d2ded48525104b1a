/* SPDX-License-Identifier: Apache-2.0 */
/* The own hart node with all its drivers, and blocking helpers that sleep in WFI: used by the boot
 * ROM, the ctl runtime and the tile runtime. They use context 7 and semaphore 13. */
#ifndef TSR_RUNTIME_NODE_H
#define TSR_RUNTIME_NODE_H

#include "drivers/cmdq.h"
#include "drivers/dma.h"
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "drivers/tile.h"
#include "drivers/ve.h"

#define TSR_NODE_CTX 7u
#define TSR_NODE_SEM 13u

typedef struct {
  tsr_tile_t regs;
  tsr_cmdq_t queue[TSR_ENGINES]; /* by TSR_ENGINE_* */
  tsr_dma_t dma;
  tsr_me_t me;
  tsr_ve_t ve;
  tsr_tdma_t tdma;
  tsr_tile_identity_t self;
  uint16_t next_id; /* id of the next command of the helpers */
} tsr_node_t;

/* Bind all drivers to the own node and read its identity. */
TSR_MUST_USE tsr_status_t tsr_node_init(tsr_node_t *node);

/* Own node into its idle state: engines flushed, semaphores zero, interrupts and captured errors
 * cleared. */
TSR_MUST_USE tsr_status_t tsr_node_reset(tsr_node_t *node);

/* Drop what an engine's queue holds, wait for the command that runs, and clear a stop. What the
 * dropped commands would have posted is not posted. A chained command whose partner's queue is
 * empty is given up; flush the partner's queue before (tsr_cmdq_flush()) if it is not to come any
 * more. */
TSR_MUST_USE tsr_status_t tsr_node_restart(tsr_node_t *node, uint32_t engine);

/* Sleep until semaphore `sem` holds `n`, then take them.
 * @param timeout cycles, 0 = none.
 * @return TSR_TIMEOUT, or TSR_FAILED when an engine error is pending (where errors do not trap). */
TSR_MUST_USE tsr_status_t tsr_node_wait(tsr_node_t *node, uint32_t sem, uint32_t n,
                                        uint32_t timeout);

/* Push a command, sleeping while the queue is full. */
TSR_MUST_USE tsr_status_t tsr_node_push(tsr_node_t *node, uint32_t engine, const tsr_cmd_t *cmd);

/* Push a DMA command with shape `shape` in context 7 and sleep until it is done. Sets id and
 * post 1. */
TSR_MUST_USE tsr_status_t tsr_node_run_dma(tsr_node_t *node, uint32_t engine, tsr_cmd_t *cmd,
                                           const tsr_dma_shape_t *shape);

/* Blocking copies of `bytes` bytes: from a global address, to one, and to node-local offset `local`
 * of every node of `rect` (the latter returns when the last flit has left). */
TSR_MUST_USE tsr_status_t tsr_node_read(tsr_node_t *node, uint64_t src, uint32_t dst_spm,
                                        uint32_t bytes);
TSR_MUST_USE tsr_status_t tsr_node_write(tsr_node_t *node, uint32_t src_spm, uint64_t dst,
                                         uint32_t bytes);
TSR_MUST_USE tsr_status_t tsr_node_mcast(tsr_node_t *node, uint32_t src_spm, tsr_rect_t rect,
                                         uint32_t local, uint32_t bytes);

/* Blocking spread read of `bytes` bytes of HBM to scratchpad offset `dst_spm` of every tile of
 * `rect`, which holds the own one; the others count blocks with `sem` (TSR_DMA_NO_SEM: none).
 * Returns when the own share has arrived. */
TSR_MUST_USE tsr_status_t tsr_node_spread(tsr_node_t *node, uint64_t src, uint32_t dst_spm,
                                          tsr_rect_t rect, uint32_t bytes, uint32_t sem);

/* On the other tiles: sleep until the same read has arrived here.
 * @param timeout cycles, 0 = none. A read that fails never arrives: only its reader learns of it.
 */
TSR_MUST_USE tsr_status_t tsr_node_hear(tsr_node_t *node, uint64_t src, uint32_t bytes,
                                        uint32_t sem, uint32_t timeout);

/* Atomic on the word at a global address, see tsr_tile_atomic(). */
TSR_MUST_USE tsr_status_t tsr_atomic(const tsr_node_t *node, tsr_amo_t op, uint64_t address,
                                     uint32_t operand, uint32_t expected, uint32_t *old);

/* Word access to the own scratchpad; offset is a multiple of 4. */
static inline uint32_t tsr_spm_read(uint32_t offset) {
  const tsr_mmio_t spm = {TSR_SPM_BASE};
  return tsr_mmio_read(spm, offset);
}
static inline void tsr_spm_write(uint32_t offset, uint32_t value) {
  const tsr_mmio_t spm = {TSR_SPM_BASE};
  tsr_mmio_write(spm, offset, value);
}

#endif
