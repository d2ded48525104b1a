/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product of operands in the scratchpad: one command in every format and operand order,
 * repeated to measure the matrix engine cold and chained. */
#include "drivers/me.h"
#include "kernels/bench.h"
#include "runtime/tessera_tile.h"

#define CTX 0u

/* Where the operands lie, and their rows. */
typedef struct {
  uint32_t a, b, bias, a_scales, b_scales, o;
  uint32_t a_rows, b_rows, a_bytes, b_bytes; /* as they lie */
  uint32_t scale_bytes, out_bytes;           /* of a row of scales; of a result */
} layout_t;

/* Describe the product. Returns 0 or TSR_KERNEL_*. */
static int describe(const tsr_gemm_args_t *args, tsr_me_gemm_t *g, layout_t *l) {
  const uint32_t flags = args->flags;
  const uint32_t known = TSR_GEMM_RELU | TSR_GEMM_BIAS | TSR_GEMM_OUT_BF16 | TSR_GEMM_NO_SHARE |
                         TSR_GEMM_MX | TSR_GEMM_A_TRANS | TSR_GEMM_B_TRANS;
  const uint32_t bits = tsr_me_element_bits((tsr_me_format_t)args->format);
  *g = (tsr_me_gemm_t){
      .format = (tsr_me_format_t)args->format,
      .format_b = (tsr_me_format_t)args->format_b,
      .relu = (flags & TSR_GEMM_RELU) != 0,
      .out_bf16 = (flags & TSR_GEMM_OUT_BF16) != 0,
      .mx = (flags & TSR_GEMM_MX) != 0,
      .a_trans = (flags & TSR_GEMM_A_TRANS) != 0,
      .b_trans = (flags & TSR_GEMM_B_TRANS) != 0,
      .preload = (flags & TSR_GEMM_BIAS) != 0 ? TSR_ME_PRELOAD_ROW : TSR_ME_PRELOAD_NONE,
      .rows = args->m,
      .cols = args->n,
  };
  if ((flags & ~known) != 0 || !tsr_me_formats_ok(g->format, g->format_b, g->mx, g->out_bf16) ||
      ((g->a_trans || g->b_trans) && bits < 8)) {
    return TSR_KERNEL_BAD_FORMAT;
  }
  if (args->m == 0 || args->n == 0 || args->k == 0 || args->m > TSR_ME_MAX_ROWS ||
      args->n > TSR_ME_MAX_ROWS || args->k > TSR_ME_MAX_ROWS || (bits == 4 && (args->k & 1) != 0)) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  g->k_bytes = args->k * bits / 8;
  g->a_pitch =
      g->a_trans ? tsr_me_trans_pitch(args->m, bits / 8) : tsr_me_operand_pitch(g->k_bytes);
  g->b_pitch =
      g->b_trans ? tsr_me_trans_pitch(args->n, bits / 8) : tsr_me_operand_pitch(g->k_bytes);
  g->o_pitch = g->out_bf16 ? tsr_me_bf16_pitch(args->n) : tsr_me_wide_pitch(args->n);
  l->scale_bytes = g->mx ? (args->k + TSR_ME_SCALE_BLOCK - 1) / TSR_ME_SCALE_BLOCK : 0;
  g->a_scale_pitch = g->mx ? tsr_me_operand_pitch(l->scale_bytes) : 0;
  g->b_scale_pitch = g->a_scale_pitch;
  l->a_rows = g->a_trans ? args->k : args->m;
  l->b_rows = g->b_trans ? args->k : args->n;
  l->a_bytes = g->a_trans ? args->m * (bits / 8) : g->k_bytes;
  l->b_bytes = g->b_trans ? args->n * (bits / 8) : g->k_bytes;
  l->out_bytes = g->out_bf16 ? 2 : 4;
  return 0;
}

/* A at the bottom, B in the next hyperbank behind it if there is room; scales, bias and result at
 * the top: so the streams disturb each other as little as possible. False if it does not fit. */
static bool place(const tsr_me_gemm_t *g, uint32_t spm_bytes, layout_t *l) {
  const uint32_t a_end = l->a_rows * g->a_pitch, b_size = l->b_rows * g->b_pitch;
  const uint32_t a_scales = tsr_align(g->rows, TSR_ME_BLOCK) * g->a_scale_pitch;
  const uint32_t b_scales = tsr_align(g->cols, TSR_ME_BLOCK) * g->b_scale_pitch;
  const uint32_t bias = g->preload == TSR_ME_PRELOAD_ROW ? tsr_align(4 * g->cols, 32) : 0;
  const uint64_t top = (uint64_t)g->rows * g->o_pitch + a_scales + b_scales + bias;
  const uint32_t hyperbank = spm_bytes / 8;
  if (top + a_end + b_size > spm_bytes) {
    return false;
  }
  const uint32_t limit = (spm_bytes - (uint32_t)top) & ~7u;
  l->a = 0;
  l->b = (a_end + hyperbank - 1) / hyperbank * hyperbank;
  if (l->b + b_size > limit) {
    l->b = a_end;
  }
  l->a_scales = limit;
  l->b_scales = l->a_scales + a_scales;
  l->bias = l->b_scales + b_scales;
  l->o = l->bias + bias;
  return l->b + b_size <= limit;
}

static tsr_status_t load(tsr_node_t *node, const tsr_gemm_args_t *args, const tsr_me_gemm_t *g,
                         const layout_t *l) {
  TSR_TRY(tsr_bench_load(node, args->a, args->lda, l->a_rows, l->a_bytes, l->a, g->a_pitch));
  TSR_TRY(tsr_bench_load(node, args->b, args->ldb, l->b_rows, l->b_bytes, l->b, g->b_pitch));
  if (g->preload == TSR_ME_PRELOAD_ROW) {
    TSR_TRY(tsr_node_read(node, args->bias, l->bias, 4 * args->n));
  }
  if (g->mx) {
    TSR_TRY(tsr_bench_load(node, args->a_scale, args->lda_scale, args->m, l->scale_bytes,
                           l->a_scales, g->a_scale_pitch));
    TSR_TRY(tsr_bench_load(node, args->b_scale, args->ldb_scale, args->n, l->scale_bytes,
                           l->b_scales, g->b_scale_pitch));
  }
  return TSR_OK;
}

/* ABI: args is tsr_gemm_spm_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_gemm_spm(const tsr_launch_t *launch);
int kernel_gemm_spm(const tsr_launch_t *launch) {
  const tsr_gemm_spm_args_t *args = (const tsr_gemm_spm_args_t *)(const void *)launch->args;
  tsr_node_t *node = tsr_self();
  tsr_me_gemm_t gemm;
  tsr_me_context_t context;
  layout_t l;
  tsr_cmd_t cmd;
  if (launch->args_bytes < sizeof(*args)) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  const int bad = describe(&args->gemm, &gemm, &l);
  if (bad != 0) {
    return bad;
  }
  if (!place(&gemm, node->self.spm_bytes, &l)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  TSR_KERNEL_TRY(tsr_me_encode(&gemm, &context), TSR_KERNEL_BAD_SHAPE);
  TSR_KERNEL_TRY(load(node, &args->gemm, &gemm, &l), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(tsr_me_set_context(&node->me, CTX, &context), TSR_KERNEL_HARDWARE);
  tsr_me_gemm_cmd(&cmd, CTX, 1, l.a, l.b, l.bias, l.o);
  tsr_me_scales(&cmd, l.a_scales, l.b_scales);
  tsr_cmd_overlap(&cmd); /* all write the same results */
  TSR_KERNEL_TRY(tsr_bench_repeat(node, TSR_ENGINE_ME, &cmd, 1), TSR_KERNEL_HARDWARE);
  if (tsr_tile_index(launch) == 0) {
    TSR_KERNEL_TRY(tsr_bench_store(node, l.o, gemm.o_pitch, args->gemm.m,
                                   args->gemm.n * l.out_bytes, args->gemm.c, args->gemm.ldc),
                   TSR_KERNEL_HARDWARE);
  }
  if (args->repeat > 0) {
    TSR_KERNEL_TRY(tsr_tile_counters_clear(&node->regs), TSR_KERNEL_HARDWARE);
    TSR_KERNEL_TRY(tsr_bench_repeat(node, TSR_ENGINE_ME, &cmd, args->repeat), TSR_KERNEL_HARDWARE);
  }
  return 0;
}
