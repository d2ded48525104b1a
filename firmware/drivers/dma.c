/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/dma.h"

#include <stddef.h>

#define TSR_CTX_ROW_RDMA 5u
#define TSR_CTX_ROW_WDMA 6u

static uint32_t pair(uint16_t low, uint16_t high) { return low | ((uint32_t)high << 16); }

static tsr_mmio_t context_row(const tsr_dma_t *h, tsr_dma_engine_t engine, uint32_t ctx) {
  const uint32_t row = engine == TSR_DMA_RDMA ? TSR_CTX_ROW_RDMA : TSR_CTX_ROW_WDMA;
  return (tsr_mmio_t){h->contexts.base + ctx * TSR_CTX_BYTES + row * TSR_CTX_ROW_BYTES};
}

tsr_dma_shape_t tsr_dma_linear(uint32_t bytes) { return tsr_dma_rows(1, bytes, 0, 0); }

tsr_dma_shape_t tsr_dma_rows(uint32_t rows, uint32_t bytes, uint32_t src_pitch,
                             uint32_t dst_pitch) {
  tsr_dma_shape_t shape = {.count = bytes, .timeout = 0};
  shape.src = (tsr_dma_walk_t){{(int32_t)src_pitch, 0, 0}, {(uint16_t)rows, 1, 1}};
  shape.dst = (tsr_dma_walk_t){{(int32_t)dst_pitch, 0, 0}, {(uint16_t)rows, 1, 1}};
  return shape;
}

tsr_status_t tsr_dma_set_context(const tsr_dma_t *h, tsr_dma_engine_t engine, uint32_t ctx,
                                 const tsr_dma_shape_t *shape) {
  if (h == NULL || ctx >= TSR_CONTEXTS || shape == NULL) {
    return TSR_INVALID;
  }
  const uint16_t *si = shape->src.iterations;
  const uint16_t *di = shape->dst.iterations;
  const tsr_mmio_t row = context_row(h, engine, ctx);
  tsr_mmio_write(row, 0, shape->count);
  for (uint32_t i = 0; i < TSR_DMA_LOOPS; i++) {
    tsr_mmio_write(row, 4 + 4 * i, (uint32_t)shape->src.stride[i]);
    tsr_mmio_write(row, 16 + 4 * i, (uint32_t)shape->dst.stride[i]);
  }
  tsr_mmio_write(row, 28, pair(si[0], si[1]));
  tsr_mmio_write(row, 32, pair(si[2], di[0]));
  tsr_mmio_write(row, 36, pair(di[1], di[2]));
  tsr_mmio_write(row, 40, shape->timeout);
  return TSR_OK;
}

tsr_status_t tsr_dma_set_rows(const tsr_dma_t *h, tsr_dma_engine_t engine, uint32_t ctx,
                              uint32_t rows, uint32_t bytes, uint32_t src_pitch,
                              uint32_t dst_pitch) {
  if (h == NULL || ctx >= TSR_CONTEXTS || rows > UINT16_MAX) {
    return TSR_INVALID;
  }
  const tsr_mmio_t row = context_row(h, engine, ctx);
  tsr_mmio_write(row, 0, bytes);
  tsr_mmio_write(row, 4, src_pitch); /* loops 1 and 2 have one iteration: no strides */
  tsr_mmio_write(row, 16, dst_pitch);
  tsr_mmio_write(row, 28, pair((uint16_t)rows, 1));
  tsr_mmio_write(row, 32, pair(1, (uint16_t)rows));
  tsr_mmio_write(row, 36, pair(1, 1));
  tsr_mmio_write(row, 40, 0);
  return TSR_OK;
}

void tsr_dma_read_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint64_t src, uint32_t dst_spm) {
  tsr_cmd_init(cmd, TSR_OP_DMA_READ, ctx, id);
  cmd->w[5] = (uint32_t)src;
  cmd->w[6] = (uint32_t)(src >> 32);
  cmd->w[7] = dst_spm;
}

void tsr_dma_spread_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint64_t src, uint32_t dst_spm,
                        tsr_rect_t rect, uint32_t sem) {
  tsr_cmd_init(cmd, TSR_OP_SPREAD, ctx, id);
  cmd->w[4] = tsr_cmd_rect(rect);
  cmd->w[5] = (uint32_t)src;
  cmd->w[6] = (uint32_t)(src >> 32);
  cmd->w[7] = dst_spm;
  cmd->w[8] = sem < TSR_SEMAPHORES ? 16u | sem : 0u;
}

void tsr_dma_write_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t src_spm, uint64_t dst) {
  tsr_cmd_init(cmd, TSR_OP_DMA_WRITE, ctx, id);
  cmd->w[5] = src_spm;
  cmd->w[7] = (uint32_t)dst;
  cmd->w[8] = (uint32_t)(dst >> 32);
}

void tsr_dma_mcast_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t src_spm, tsr_rect_t rect,
                       uint32_t dst_local) {
  tsr_cmd_init(cmd, TSR_OP_MCAST, ctx, id);
  cmd->w[4] = tsr_cmd_rect(rect);
  cmd->w[5] = src_spm;
  cmd->w[7] = dst_local;
}

void tsr_dma_spm_fill_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t pattern,
                          uint32_t dst_spm) {
  tsr_cmd_init(cmd, TSR_OP_SPM_FILL, ctx, id);
  cmd->w[7] = dst_spm;
  cmd->w[9] = pattern;
}

void tsr_dma_fill_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t pattern, uint64_t dst) {
  tsr_cmd_init(cmd, TSR_OP_DMA_FILL, ctx, id);
  cmd->w[7] = (uint32_t)dst;
  cmd->w[8] = (uint32_t)(dst >> 32);
  cmd->w[9] = pattern;
}
