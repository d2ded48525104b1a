/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/me.h"

#include <stddef.h>

#define TSR_CTX_ROW_BYTES 64u
#define TSR_CTX_BYTES 512u
#define TSR_MAX_COUNT 65535u

#define CONFIG_PRELOAD (1u << 4)

enum { ROW_ME, ROW_A, ROW_B, ROW_C, ROW_O };

tsr_status_t tsr_agu_encode(const tsr_agu_t *agu, uint32_t row[TSR_CTX_ROW_WORDS]) {
  if (agu == NULL || row == NULL || agu->w_log2 > 3 || (agu->pitch & 7) != 0 || agu->loops == 0 ||
      agu->loops > TSR_AGU_LOOPS || agu->row_loop >= TSR_AGU_LOOPS ||
      agu->byte_loop >= TSR_AGU_LOOPS || agu->row_limit > 15 ||
      agu->byte_limit > (8u << agu->w_log2)) {
    return TSR_INVALID;
  }
  int32_t rewind = 0; /* how far the loops inside have moved */
  for (uint32_t i = 0; i < agu->loops; i++) {
    if (agu->count[i] == 0 || agu->count[i] > TSR_MAX_COUNT || (agu->stride[i] & 7) != 0) {
      return TSR_INVALID;
    }
    row[4 + i] = agu->count[i];
    row[10 + i] = (uint32_t)(agu->stride[i] - rewind);
    rewind += (int32_t)(agu->count[i] - 1) * agu->stride[i];
  }
  for (uint32_t i = agu->loops; i < TSR_AGU_LOOPS; i++) {
    row[4 + i] = 1;
    row[10 + i] = 0;
  }
  row[0] = 0;
  row[1] = agu->pitch;
  row[2] = agu->w_log2;
  if (agu->row_limit != 0) {
    row[2] |=
        (1u << 4) | (agu->row_loop << 5) | ((uint32_t)agu->row_sub << 8) | (agu->row_limit << 12);
  }
  if (agu->byte_limit != 0) {
    row[2] |= (1u << 16) | (agu->byte_loop << 17) | (agu->byte_limit << 24);
  }
  row[3] = 0;
  return TSR_OK;
}

/* Loops of all streams: 0 = inside a block, 1 = column blocks, 2 = row blocks. */
static void set_loops(const tsr_me_gemm_t *g, tsr_agu_t *agu) {
  agu->loops = 3;
  agu->count[1] = (g->cols + TSR_ME_BLOCK - 1) / TSR_ME_BLOCK;
  agu->count[2] = (g->rows + TSR_ME_BLOCK - 1) / TSR_ME_BLOCK;
}

static void operand(const tsr_me_gemm_t *g, bool is_b, tsr_agu_t *agu) {
  const uint32_t pitch = is_b ? g->b_pitch : g->a_pitch;
  const int32_t step = (int32_t)(TSR_ME_BLOCK * pitch);
  set_loops(g, agu);
  agu->w_log2 = 0;
  agu->pitch = pitch;
  agu->count[0] = (g->k_bytes + 7) / 8;
  agu->stride[0] = 8;
  agu->stride[1] = is_b ? step : 0;
  agu->stride[2] = is_b ? 0 : step;
  agu->row_loop = is_b ? 1 : 2;
  agu->row_limit = (is_b ? g->cols : g->rows) % TSR_ME_BLOCK;
  agu->row_sub = false;
  agu->byte_loop = 0;
  agu->byte_limit = g->k_bytes % 8;
}

/* C or O: blocks of 8 x 8 results of 4 or 2 bytes; `pitch` 0 repeats one row. */
static void result(const tsr_me_gemm_t *g, bool half, uint32_t pitch, tsr_agu_t *agu) {
  const uint32_t size = half ? 2 : 4;
  const uint32_t rows_a_beat = half ? 4 : 2;
  set_loops(g, agu);
  agu->w_log2 = half ? 1 : 2;
  agu->pitch = pitch;
  agu->count[0] = half ? 2 : 4;
  agu->stride[0] = (int32_t)(rows_a_beat * pitch);
  agu->stride[1] = (int32_t)(TSR_ME_BLOCK * size);
  agu->stride[2] = (int32_t)(TSR_ME_BLOCK * pitch);
  agu->row_loop = 2;
  agu->row_limit = g->rows % TSR_ME_BLOCK;
  agu->row_sub = true;
  agu->byte_loop = 1;
  agu->byte_limit = (g->cols % TSR_ME_BLOCK) * size;
}

tsr_status_t tsr_me_encode(const tsr_me_gemm_t *gemm, tsr_me_context_t *context) {
  if (gemm == NULL || context == NULL || gemm->rows == 0 || gemm->cols == 0 || gemm->k_bytes == 0 ||
      (gemm->out_bf16 && gemm->format != TSR_ME_BF16)) {
    return TSR_INVALID;
  }
  const bool preload = gemm->preload != TSR_ME_PRELOAD_NONE;
  context->row[ROW_ME][0] = (uint32_t)gemm->format | (preload ? CONFIG_PRELOAD : 0) |
                            ((uint32_t)gemm->relu << 5) | ((uint32_t)gemm->out_bf16 << 6);
  tsr_agu_t agu;
  operand(gemm, false, &agu);
  TSR_TRY(tsr_agu_encode(&agu, context->row[ROW_A]));
  operand(gemm, true, &agu);
  TSR_TRY(tsr_agu_encode(&agu, context->row[ROW_B]));
  if (preload) {
    result(gemm, false, gemm->preload == TSR_ME_PRELOAD_MATRIX ? gemm->c_pitch : 0, &agu);
    TSR_TRY(tsr_agu_encode(&agu, context->row[ROW_C]));
  }
  result(gemm, gemm->out_bf16, gemm->o_pitch, &agu);
  return tsr_agu_encode(&agu, context->row[ROW_O]);
}

tsr_status_t tsr_me_set_context(const tsr_me_t *h, uint32_t ctx, const tsr_me_context_t *context) {
  if (h == NULL || ctx >= TSR_CONTEXTS || context == NULL) {
    return TSR_INVALID;
  }
  const uint32_t base = ctx * TSR_CTX_BYTES;
  const uint32_t config = context->row[ROW_ME][0];
  tsr_mmio_write(h->contexts, base, config); /* the other words of this row mean nothing */
  for (uint32_t row = ROW_A; row < TSR_ME_CTX_ROWS; row++) {
    if (row == ROW_C && (config & CONFIG_PRELOAD) == 0) {
      continue;
    }
    const tsr_mmio_t to = {h->contexts.base + base + row * TSR_CTX_ROW_BYTES};
#pragma GCC unroll 16
    for (uint32_t i = 1; i < TSR_CTX_ROW_WORDS; i++) { /* the command replaces word 0 */
      tsr_mmio_write(to, 4 * i, context->row[row][i]);
    }
  }
  return TSR_OK;
}

void tsr_me_gemm_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t o) {
  tsr_cmd_init(cmd, TSR_OP_GEMM, ctx, id);
  cmd->w[5] = a;
  cmd->w[6] = b;
  cmd->w[7] = c;
  cmd->w[8] = o;
}
