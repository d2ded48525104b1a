/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/me.h"

#include <stddef.h>

#define TSR_CTX_ROW_BYTES 64u
#define TSR_CTX_BYTES 512u

#define CONFIG_PRELOAD (1u << 4)

enum { ROW_ME, ROW_A, ROW_B, ROW_C, ROW_O };

/* One stream's address generator: loop 0 runs inside a block of results, loop 1 over the column
 * blocks, loop 2 over the row blocks; the others are not used. */
typedef struct {
  uint32_t count[3];
  uint32_t stride[3]; /* bytes, multiples of 8 */
} loops_t;

/* Edge masks in word 2 of a row. */
static uint32_t row_edge(uint32_t loop, uint32_t rows, bool over_loop_0) {
  return rows == 0 ? 0 : (1u << 4) | (loop << 5) | ((uint32_t)over_loop_0 << 8) | (rows << 12);
}
static uint32_t byte_edge(uint32_t loop, uint32_t bytes) {
  return bytes == 0 ? 0 : (1u << 16) | (loop << 17) | (bytes << 24);
}

/* Deltas contain the rewinding of the loops inside. */
static void encode(uint32_t row[TSR_CTX_ROW_WORDS], uint32_t w_log2, uint32_t pitch, uint32_t edges,
                   const loops_t *l) {
  row[0] = 0;
  row[1] = pitch;
  row[2] = w_log2 | edges;
  row[3] = 0;
  row[4] = l->count[0];
  row[5] = l->count[1];
  row[6] = l->count[2];
  row[7] = 1;
  row[8] = 1;
  row[9] = 1;
  row[10] = l->stride[0];
  const uint32_t back_0 = (l->count[0] - 1) * l->stride[0];
  row[11] = l->stride[1] - back_0;
  row[12] = l->stride[2] - back_0 - (l->count[1] - 1) * l->stride[1];
  row[13] = 0;
  row[14] = 0;
  row[15] = 0;
}

static void encode_operand(const tsr_me_gemm_t *g, bool is_b, loops_t *l, uint32_t *row) {
  const uint32_t pitch = is_b ? g->b_pitch : g->a_pitch;
  const uint32_t tail = (is_b ? g->cols : g->rows) % TSR_ME_BLOCK;
  l->count[0] = (g->k_bytes + 7) / 8;
  l->stride[0] = 8;
  l->stride[1] = is_b ? TSR_ME_BLOCK * pitch : 0;
  l->stride[2] = is_b ? 0 : TSR_ME_BLOCK * pitch;
  encode(row, 0, pitch, row_edge(is_b ? 1 : 2, tail, false) | byte_edge(0, g->k_bytes % 8), l);
}

/* C or O: blocks of 8 x 8 results of 4 or 2 bytes; `pitch` 0 repeats one row. */
static void encode_result(const tsr_me_gemm_t *g, bool half, uint32_t pitch, loops_t *l,
                          uint32_t *row) {
  const uint32_t size_log2 = half ? 1 : 2;
  l->count[0] = half ? 2 : 4;
  l->stride[0] = (half ? 4 : 2) * pitch;
  l->stride[1] = TSR_ME_BLOCK << size_log2;
  l->stride[2] = TSR_ME_BLOCK * pitch;
  const uint32_t edges = row_edge(2, g->rows % TSR_ME_BLOCK, true) |
                         byte_edge(1, (g->cols % TSR_ME_BLOCK) << size_log2);
  encode(row, size_log2, pitch, edges, l);
}

tsr_status_t tsr_me_encode(const tsr_me_gemm_t *gemm, tsr_me_context_t *context) {
  if (gemm == NULL || context == NULL || gemm->rows == 0 || gemm->cols == 0 || gemm->k_bytes == 0 ||
      (gemm->out_bf16 && gemm->format != TSR_ME_BF16)) {
    return TSR_INVALID;
  }
  if (gemm->rows > TSR_ME_MAX_ROWS || gemm->cols > TSR_ME_MAX_ROWS ||
      gemm->k_bytes > TSR_ME_MAX_K_BYTES ||
      ((gemm->a_pitch | gemm->b_pitch | gemm->c_pitch | gemm->o_pitch) & 7) != 0) {
    return TSR_INVALID;
  }
  const bool preload = gemm->preload != TSR_ME_PRELOAD_NONE;
  context->row[ROW_ME][0] = (uint32_t)gemm->format | (preload ? CONFIG_PRELOAD : 0) |
                            ((uint32_t)gemm->relu << 5) | ((uint32_t)gemm->out_bf16 << 6);
  loops_t l;
  l.count[1] = (gemm->cols + TSR_ME_BLOCK - 1) / TSR_ME_BLOCK;
  l.count[2] = (gemm->rows + TSR_ME_BLOCK - 1) / TSR_ME_BLOCK;
  encode_operand(gemm, false, &l, context->row[ROW_A]);
  encode_operand(gemm, true, &l, context->row[ROW_B]);
  if (preload) {
    encode_result(gemm, false, gemm->preload == TSR_ME_PRELOAD_MATRIX ? gemm->c_pitch : 0, &l,
                  context->row[ROW_C]);
  }
  encode_result(gemm, gemm->out_bf16, gemm->o_pitch, &l, context->row[ROW_O]);
  return TSR_OK;
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
