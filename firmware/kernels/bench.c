/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/bench.h"

#include <stddef.h>

#include "hal/csr.h"

/* Rows in commands of at most 65535; rows without gaps as one run. */
static tsr_dma_shape_t shape_of(uint32_t rows, uint32_t bytes, uint32_t src_pitch,
                                uint32_t dst_pitch) {
  if (src_pitch == bytes && dst_pitch == bytes && rows * bytes <= TSR_DMA_MAX_COUNT) {
    return tsr_dma_linear(rows * bytes);
  }
  return tsr_dma_rows(rows, bytes, src_pitch, dst_pitch);
}

tsr_status_t tsr_bench_load(tsr_node_t *node, uint64_t src, uint32_t src_pitch, uint32_t rows,
                            uint32_t bytes, uint32_t dst, uint32_t dst_pitch) {
  const tsr_dma_shape_t shape = shape_of(rows, bytes, src_pitch, dst_pitch);
  tsr_cmd_t cmd;
  if (rows > UINT16_MAX) {
    return TSR_INVALID;
  }
  tsr_dma_read_cmd(&cmd, TSR_NODE_CTX, 0, src, dst);
  return tsr_node_run_dma(node, TSR_ENGINE_RDMA, &cmd, &shape);
}

tsr_status_t tsr_bench_store(tsr_node_t *node, uint32_t src, uint32_t src_pitch, uint32_t rows,
                             uint32_t bytes, uint64_t dst, uint32_t dst_pitch) {
  const tsr_dma_shape_t shape = shape_of(rows, bytes, src_pitch, dst_pitch);
  tsr_cmd_t cmd;
  if (rows > UINT16_MAX) {
    return TSR_INVALID;
  }
  tsr_dma_write_cmd(&cmd, TSR_NODE_CTX, 0, src, dst);
  return tsr_node_run_dma(node, TSR_ENGINE_WDMA, &cmd, &shape);
}

tsr_status_t tsr_bench_repeat(tsr_node_t *node, uint32_t engine, const tsr_cmd_t *cmd,
                              uint32_t times) {
  tsr_cmdq_t *queue = &node->queue[engine];
  uint32_t left = times;
  for (uint32_t i = 0; i + 1 < TSR_CMD_WORDS; i++) {
    tsr_cmdq_stage(queue, i, cmd->w[i]);
  }
  TSR_TRY(tsr_tile_space_irq(&node->regs, engine));
  while (left > 0) {
    tsr_cmdq_state_t state;
    TSR_TRY(tsr_cmdq_state(queue, &state));
    if (state.stopped) {
      return TSR_FAILED;
    }
    for (; state.free > 0 && left > 0; state.free--) {
      if (left == 1) {
        tsr_cmdq_stage(queue, TSR_CMD_W_POSTS, tsr_cmd_sem(TSR_BENCH_SEM_END, 1));
      }
      tsr_cmdq_go(queue);
      left--;
    }
    if (left > 0) {
      tsr_irq_sleep(TSR_IRQ_SPACE | TSR_IRQ_ERROR);
    }
  }
  TSR_TRY(tsr_tile_space_irq(&node->regs, TSR_ENGINES));
  return tsr_node_wait(node, TSR_BENCH_SEM_END, 1, 0);
}

uint32_t tsr_bench_share(uint32_t total, uint32_t index, uint32_t count, uint32_t *first) {
  const uint32_t each = (total + count - 1) / count;
  *first = index * each < total ? index * each : total;
  return total - *first < each ? total - *first : each;
}
