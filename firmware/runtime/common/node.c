/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/common/node.h"

#include <stddef.h>

#include "hal/csr.h"

#define TSR_FLUSH_TIMEOUT (1u << 21) /* more than any engine's own timeout */

tsr_status_t tsr_node_init(tsr_node_t *node) {
  if (node == NULL) {
    return TSR_INVALID;
  }
  node->regs.base.base = TSR_REGS_BASE;
  node->dma.contexts.base = TSR_CTX_BASE;
  node->me.contexts.base = TSR_CTX_BASE;
  node->ve.contexts.base = TSR_CTX_BASE;
  node->tdma.contexts.base = TSR_CTX_BASE;
  node->next_id = 0;
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    TSR_TRY(tsr_cmdq_init(&node->queue[e], 0, e));
    TSR_TRY(tsr_cmdq_clear(&node->queue[e]));
  }
  return tsr_tile_identify(&node->regs, &node->self);
}

tsr_status_t tsr_node_restart(tsr_node_t *node, uint32_t engine) {
  if (node == NULL || engine >= TSR_ENGINES) {
    return TSR_INVALID;
  }
  const tsr_cmdq_t *queue = &node->queue[engine];
  const uint64_t start = tsr_cycles();
  tsr_cmdq_state_t state;
  TSR_TRY(tsr_cmdq_flush(queue));
  do {
    TSR_TRY(tsr_cmdq_state(queue, &state));
    if (tsr_cycles() - start > TSR_FLUSH_TIMEOUT) {
      return TSR_TIMEOUT;
    }
  } while (state.busy);
  return tsr_cmdq_flush(queue); /* what was running may have stopped it again */
}

tsr_status_t tsr_node_reset(tsr_node_t *node) {
  if (node == NULL) {
    return TSR_INVALID;
  }
  const tsr_tile_t *regs = &node->regs;
  for (uint32_t e = 0; e < TSR_ENGINES; e++) { /* all first: they may wait for each other */
    TSR_TRY(tsr_cmdq_flush(&node->queue[e]));
  }
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    TSR_TRY(tsr_node_restart(node, e));
  }
  for (uint32_t sem = 0; sem < TSR_SEMAPHORES; sem++) {
    TSR_TRY(tsr_tile_sem_clear(regs, sem));
  }
  TSR_TRY(tsr_tile_sem_irq(regs, 0, 0));
  TSR_TRY(tsr_tile_space_irq(regs, TSR_ENGINES));
  TSR_TRY(tsr_tile_timer(regs, UINT64_MAX));
  TSR_TRY(tsr_tile_errors_clear(regs));
  TSR_TRY(tsr_tile_formats_clear(regs));
  TSR_TRY(tsr_tile_errors_enable(regs, (1u << TSR_ENGINES) - 1, false, false));
  return tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE | TSR_TILE_IRQ_ERROR | TSR_TILE_IRQ_LAUNCH);
}

tsr_status_t tsr_node_wait(tsr_node_t *node, uint32_t sem, uint32_t n, uint32_t timeout) {
  if (node == NULL) {
    return TSR_INVALID;
  }
  const tsr_tile_t *regs = &node->regs;
  const uint64_t deadline = timeout == 0 ? UINT64_MAX : tsr_cycles() + timeout;
  tsr_status_t status = tsr_tile_sem_take(regs, sem, n);
  if (status != TSR_BUSY) {
    return status;
  }
  TSR_TRY(tsr_tile_sem_irq(regs, sem, n));
  if (timeout != 0) {
    TSR_TRY(tsr_tile_timer(regs, deadline));
  }
  do {
    tsr_irq_sleep(TSR_IRQ_SEM | TSR_IRQ_TIMER | TSR_IRQ_ERROR);
    status = tsr_tile_sem_take(regs, sem, n);
    uint32_t pending = 0;
    TSR_TRY(tsr_tile_irq_pending(regs, &pending));
    if (status == TSR_BUSY && (pending & TSR_TILE_IRQ_ERROR) != 0) {
      status = TSR_FAILED;
    } else if (status == TSR_BUSY && tsr_cycles() >= deadline) {
      status = TSR_TIMEOUT;
    }
  } while (status == TSR_BUSY);
  TSR_TRY(tsr_tile_sem_irq(regs, 0, 0));
  if (timeout != 0) {
    TSR_TRY(tsr_tile_timer(regs, UINT64_MAX));
  }
  return status;
}

tsr_status_t tsr_node_push(tsr_node_t *node, uint32_t engine, const tsr_cmd_t *cmd) {
  if (node == NULL || engine >= TSR_ENGINES) {
    return TSR_INVALID;
  }
  tsr_status_t status = tsr_cmdq_push(&node->queue[engine], cmd);
  if (status == TSR_BUSY) {
    TSR_TRY(tsr_tile_space_irq(&node->regs, engine));
    while (status == TSR_BUSY) {
      tsr_irq_sleep(TSR_IRQ_SPACE | TSR_IRQ_ERROR);
      uint32_t pending = 0;
      TSR_TRY(tsr_tile_irq_pending(&node->regs, &pending));
      status = (pending & TSR_TILE_IRQ_ERROR) != 0 ? TSR_FAILED
                                                   : tsr_cmdq_push(&node->queue[engine], cmd);
    }
    TSR_TRY(tsr_tile_space_irq(&node->regs, TSR_ENGINES));
  }
  return status;
}

/* Push a DMA command that uses the helpers' context, and sleep until it is done. */
static tsr_status_t push_and_wait(tsr_node_t *node, uint32_t engine, tsr_cmd_t *cmd) {
  cmd->w[0] = (cmd->w[0] & 0xf8ffu) | (TSR_NODE_CTX << 8) | ((uint32_t)node->next_id++ << 16);
  tsr_cmd_post(cmd, 1, TSR_NODE_SEM, 1);
  TSR_TRY(tsr_node_push(node, engine, cmd));
  return tsr_node_wait(node, TSR_NODE_SEM, 1, TSR_FLUSH_TIMEOUT);
}

tsr_status_t tsr_node_run_dma(tsr_node_t *node, uint32_t engine, tsr_cmd_t *cmd,
                              const tsr_dma_shape_t *shape) {
  if (node == NULL || cmd == NULL || engine > TSR_ENGINE_WDMA) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_dma_set_context(&node->dma, engine == TSR_ENGINE_RDMA ? TSR_DMA_RDMA : TSR_DMA_WDMA,
                              TSR_NODE_CTX, shape));
  return push_and_wait(node, engine, cmd);
}

/* One piece of `bytes` bytes. */
static tsr_status_t run_linear(tsr_node_t *node, uint32_t engine, tsr_cmd_t *cmd, uint32_t bytes) {
  if (node == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_dma_set_rows(&node->dma, engine == TSR_ENGINE_RDMA ? TSR_DMA_RDMA : TSR_DMA_WDMA,
                           TSR_NODE_CTX, 1, bytes, 0, 0));
  return push_and_wait(node, engine, cmd);
}

tsr_status_t tsr_node_read(tsr_node_t *node, uint64_t src, uint32_t dst_spm, uint32_t bytes) {
  tsr_cmd_t cmd;
  tsr_dma_read_cmd(&cmd, TSR_NODE_CTX, 0, src, dst_spm);
  return run_linear(node, TSR_ENGINE_RDMA, &cmd, bytes);
}

tsr_status_t tsr_node_write(tsr_node_t *node, uint32_t src_spm, uint64_t dst, uint32_t bytes) {
  tsr_cmd_t cmd;
  tsr_dma_write_cmd(&cmd, TSR_NODE_CTX, 0, src_spm, dst);
  return run_linear(node, TSR_ENGINE_WDMA, &cmd, bytes);
}

tsr_status_t tsr_node_mcast(tsr_node_t *node, uint32_t src_spm, tsr_rect_t rect, uint32_t local,
                            uint32_t bytes) {
  tsr_cmd_t cmd;
  tsr_dma_mcast_cmd(&cmd, TSR_NODE_CTX, 0, src_spm, rect, local);
  return run_linear(node, TSR_ENGINE_WDMA, &cmd, bytes);
}

tsr_status_t tsr_node_spread(tsr_node_t *node, uint64_t src, uint32_t dst_spm, tsr_rect_t rect,
                             uint32_t bytes, uint32_t sem) {
  tsr_cmd_t cmd;
  tsr_dma_spread_cmd(&cmd, TSR_NODE_CTX, 0, src, dst_spm, rect, sem);
  return run_linear(node, TSR_ENGINE_RDMA, &cmd, bytes);
}

tsr_status_t tsr_node_hear(tsr_node_t *node, uint64_t src, uint32_t bytes, uint32_t sem,
                           uint32_t timeout) {
  return tsr_node_wait(node, sem, tsr_dma_blocks(src, bytes), timeout);
}

tsr_status_t tsr_atomic(const tsr_node_t *node, tsr_amo_t op, uint64_t address, uint32_t operand,
                        uint32_t expected, uint32_t *old) {
  return node == NULL ? TSR_INVALID
                      : tsr_tile_atomic(&node->regs, op, address, operand, expected, old);
}
