/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/me.h"

#include <stddef.h>

/* Word 0 of a context's first row. */
#define CONFIG_PRELOAD (1u << 4)
#define CONFIG_RELU (1u << 5)
#define CONFIG_OUT_BF16 (1u << 6)
#define CONFIG_FORMAT_B 8u
#define CONFIG_MX (1u << 12)
#define CONFIG_KLOOP 13u
#define CONFIG_CHAIN_A (1u << 16)
#define CONFIG_CHAIN_O (1u << 17)

#define SCALE_ROW 7u /* of a context */
#define BLOCK_BYTES(element) (TSR_ME_BLOCK * (element))

enum { ROW_ME, ROW_A, ROW_B, ROW_C, ROW_O, ROW_SCALE };

static bool is_fp8(tsr_me_format_t f) { return f == TSR_ME_E4M3 || f == TSR_ME_E5M2; }
static bool is_fp6(tsr_me_format_t f) { return f == TSR_ME_E3M2 || f == TSR_ME_E2M3; }

static uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

uint32_t tsr_me_element_bits(tsr_me_format_t format) {
  switch (format) {
    case TSR_ME_FP32:
    case TSR_ME_TF32:
      return 32;
    case TSR_ME_BF16:
    case TSR_ME_FP16:
      return 16;
    case TSR_ME_E2M1:
    case TSR_ME_INT4:
      return 4;
    default:
      return (uint32_t)format < TSR_ME_FORMATS ? 8 : 0;
  }
}

static tsr_me_format_t second_format(tsr_me_format_t a, tsr_me_format_t b) {
  return b == TSR_ME_BF16 ? a : b;
}

bool tsr_me_formats_ok(tsr_me_format_t format, tsr_me_format_t format_b, bool mx, bool out_bf16) {
  const tsr_me_format_t b = second_format(format, format_b);
  const bool pair = b == format || (is_fp8(format) && is_fp8(b)) || (is_fp6(format) && is_fp6(b));
  const bool scaled =
      is_fp8(format) || is_fp6(format) || format == TSR_ME_E2M1 || format == TSR_ME_INT8;
  return (uint32_t)format < TSR_ME_FORMATS && pair && (scaled || !mx) &&
         !(out_bf16 && tsr_me_is_integer(format, mx));
}

static uint32_t config_word(tsr_me_format_t format, tsr_me_format_t format_b, bool relu,
                            bool out_bf16) {
  return (uint32_t)format | ((uint32_t)second_format(format, format_b) << CONFIG_FORMAT_B) |
         (relu ? CONFIG_RELU : 0) | (out_bf16 ? CONFIG_OUT_BF16 : 0);
}

/* ---- products ------------------------------------------------------------------------------- */

/* Numbers of the loops of a product. Pieces of K take a loop only if there are several. */
typedef struct {
  uint32_t cols, rows, batch;
} order_t;

static order_t order_of(const tsr_me_gemm_t *g) {
  const uint32_t first = g->k_pieces > 1 ? 2 : 1;
  return (order_t){first, first + 1, first + 2};
}

static uint32_t batch_of(const tsr_me_gemm_t *g) { return g->batch == 0 ? 1 : g->batch; }

/* Whether three loops describe the streams of an operand. */
static bool is_plain(const tsr_me_gemm_t *g, bool trans) {
  return !trans && g->k_pieces <= 1 && g->batch <= 1;
}

static void encode_plain_operand(const tsr_me_gemm_t *g, bool is_b, uint32_t *row) {
  const uint32_t pitch = is_b ? g->b_pitch : g->a_pitch;
  const uint32_t block = TSR_ME_BLOCK * pitch;
  const tsr_agu_nest_t nest = {
      .count = {(g->k_bytes + 7) / 8, ceil_div(g->cols, TSR_ME_BLOCK),
                ceil_div(g->rows, TSR_ME_BLOCK)},
      .stride = {8, is_b ? block : 0, is_b ? 0 : block},
      .pitch = pitch,
      .edge_rows = (is_b ? g->cols : g->rows) % TSR_ME_BLOCK,
      .edge_rows_loop = is_b ? 1 : 2,
      .edge_bytes = g->k_bytes % 8,
  };
  tsr_agu_encode_nest(&nest, row);
}

/* A or B. Untransposed: lane r brings 8 bytes of K of row r. Transposed: a beat brings `depth` rows
 * of K, each with 8 elements of 8 rows (columns) of the product. */
static tsr_status_t encode_operand(const tsr_me_gemm_t *g, bool is_b, uint32_t *row) {
  const order_t loop = order_of(g);
  const uint32_t element = tsr_me_element_bits(g->format) / 8;
  const bool trans = is_b ? g->b_trans : g->a_trans;
  if (is_plain(g, trans)) {
    encode_plain_operand(g, is_b, row);
    return TSR_OK;
  }
  const uint32_t pitch = is_b ? g->b_pitch : g->a_pitch;
  const uint32_t length = is_b ? g->cols : g->rows;
  const uint32_t tail = length % TSR_ME_BLOCK;
  const uint32_t own = is_b ? loop.cols : loop.rows;
  tsr_agu_t agu = {.pitch = pitch};
  uint32_t step = 8; /* along K */
  uint32_t block = TSR_ME_BLOCK * pitch;
  if (trans) {
    const uint32_t depth = 8 / element;
    step = depth * pitch;
    block = BLOCK_BYTES(element);
    agu.w_log2 = element >> 1; /* 1, 2, 4 bytes: w = 1, 2, 4 */
    agu.xpose = (tsr_xpose_t)(agu.w_log2 + 1);
    agu.edge_rows = g->k_bytes / element % depth;
    agu.edge_bytes = tail * element;
    agu.edge_bytes_loop = own;
  } else {
    agu.edge_rows = tail;
    agu.edge_rows_loop = own;
    agu.edge_bytes = g->k_bytes % 8;
  }
  agu.loop[0] = (tsr_agu_loop_t){.count = (g->k_bytes + 7) / 8, .stride = (int32_t)step};
  if (g->k_pieces > 1) {
    agu.loop[1] =
        (tsr_agu_loop_t){.count = g->k_pieces, .stride = (int32_t)(is_b ? g->b_piece : g->a_piece)};
  }
  agu.loop[loop.cols].count = ceil_div(g->cols, TSR_ME_BLOCK);
  agu.loop[loop.rows].count = ceil_div(g->rows, TSR_ME_BLOCK);
  agu.loop[own].stride = (int32_t)block;
  agu.loop[loop.batch] =
      (tsr_agu_loop_t){.count = batch_of(g), .stride = (int32_t)(is_b ? g->b_batch : g->a_batch)};
  return tsr_agu_encode(&agu, row);
}

/* C or O: blocks of 8 x 8 results of 4 or 2 bytes; `pitch` 0 repeats one row. */
static tsr_status_t encode_result(const tsr_me_gemm_t *g, bool half, uint32_t pitch, uint32_t batch,
                                  uint32_t *row) {
  const uint32_t size_log2 = half ? 1 : 2;
  if (g->batch <= 1) {
    const tsr_agu_nest_t nest = {
        .count = {half ? 2 : 4, ceil_div(g->cols, TSR_ME_BLOCK), ceil_div(g->rows, TSR_ME_BLOCK)},
        .stride = {(half ? 4 : 2) * pitch, TSR_ME_BLOCK << size_log2, TSR_ME_BLOCK * pitch},
        .pitch = pitch,
        .w_log2 = size_log2,
        .edge_rows = g->rows % TSR_ME_BLOCK,
        .edge_rows_loop = 2,
        .edge_rows_over_0 = true,
        .edge_bytes = (g->cols % TSR_ME_BLOCK) << size_log2,
        .edge_bytes_loop = 1};
    tsr_agu_encode_nest(&nest, row);
    return TSR_OK;
  }
  tsr_agu_t agu = {.pitch = pitch,
                   .w_log2 = size_log2,
                   .edge_rows = g->rows % TSR_ME_BLOCK,
                   .edge_rows_loop = 2,
                   .edge_rows_over_0 = true,
                   .edge_bytes = (g->cols % TSR_ME_BLOCK) << size_log2,
                   .edge_bytes_loop = 1};
  agu.loop[0] =
      (tsr_agu_loop_t){.count = half ? 2 : 4, .stride = (int32_t)((half ? 4 : 2) * pitch)};
  agu.loop[1] = (tsr_agu_loop_t){.count = ceil_div(g->cols, TSR_ME_BLOCK),
                                 .stride = (int32_t)(TSR_ME_BLOCK << size_log2)};
  agu.loop[2] = (tsr_agu_loop_t){.count = ceil_div(g->rows, TSR_ME_BLOCK),
                                 .stride = (int32_t)(TSR_ME_BLOCK * pitch)};
  agu.loop[3] = (tsr_agu_loop_t){.count = batch_of(g), .stride = (int32_t)batch};
  return tsr_agu_encode(&agu, row);
}

/* Scales of an operand: an access brings 8 blocks of 32 elements for each of 8 rows. */
static void encode_scales(const tsr_me_gemm_t *g, bool is_b, uint32_t *words) {
  const order_t loop = order_of(g);
  const uint32_t pitch = is_b ? g->b_scale_pitch : g->a_scale_pitch;
  const uint32_t beats = TSR_ME_SCALE_BLOCK * tsr_me_element_bits(g->format) / 64; /* of a block */
  uint32_t count[TSR_AGU_LOOPS] = {ceil_div((g->k_bytes + 7) / 8, 8 * beats), 1, 1, 1, 1, 1};
  uint32_t stride[TSR_AGU_LOOPS] = {8};
  count[loop.cols] = ceil_div(g->cols, TSR_ME_BLOCK);
  count[loop.rows] = ceil_div(g->rows, TSR_ME_BLOCK);
  count[loop.batch] = batch_of(g);
  stride[is_b ? loop.cols : loop.rows] = TSR_ME_BLOCK * pitch;
  stride[loop.batch] = is_b ? g->b_scale_batch : g->a_scale_batch;
  words[0] = 0;
  words[1] = pitch;
  uint32_t back = 0;
  for (uint32_t j = 0; j < TSR_AGU_LOOPS; j++) {
    words[2 + j] = count[j] > 1 ? (stride[j] - back) & TSR_AGU_ADDRESS_MASK : 0;
    back += stride[j] * (count[j] - 1);
  }
}

static bool gemm_legal(const tsr_me_gemm_t *g) {
  const uint32_t bits = tsr_me_element_bits(g->format);
  const uint32_t pitches = g->a_pitch | g->b_pitch | g->c_pitch | g->o_pitch | g->a_scale_pitch |
                           g->b_scale_pitch | g->a_scale_batch | g->b_scale_batch;
  if (g->rows == 0 || g->cols == 0 || g->k_bytes == 0 || g->rows > TSR_ME_MAX_ROWS ||
      g->cols > TSR_ME_MAX_ROWS || g->k_bytes > TSR_ME_MAX_K_BYTES || (pitches & 7) != 0) {
    return false;
  }
  if (!tsr_me_formats_ok(g->format, g->format_b, g->mx, g->out_bf16)) {
    return false;
  }
  if ((g->a_trans || g->b_trans) && (bits < 8 || g->k_bytes % (bits / 8) != 0)) {
    return false;
  }
  return !(g->mx && g->k_pieces > 1) && !(g->chain_a && (g->mx || g->a_trans));
}

tsr_status_t tsr_me_encode(const tsr_me_gemm_t *gemm, tsr_me_context_t *context) {
  if (gemm == NULL || context == NULL || !gemm_legal(gemm)) {
    return TSR_INVALID;
  }
  const bool preload = gemm->preload != TSR_ME_PRELOAD_NONE;
  context->row[ROW_ME][0] = config_word(gemm->format, gemm->format_b, gemm->relu, gemm->out_bf16) |
                            (preload ? CONFIG_PRELOAD : 0) | (gemm->mx ? CONFIG_MX : 0) |
                            (gemm->chain_a ? CONFIG_CHAIN_A : 0) |
                            (gemm->chain_o ? CONFIG_CHAIN_O : 0) |
                            ((gemm->k_pieces > 1 ? 1u : 0) << CONFIG_KLOOP);
  if (!gemm->chain_a) {
    TSR_TRY(encode_operand(gemm, false, context->row[ROW_A]));
  }
  TSR_TRY(encode_operand(gemm, true, context->row[ROW_B]));
  if (preload) {
    const bool matrix = gemm->preload == TSR_ME_PRELOAD_MATRIX;
    TSR_TRY(
        encode_result(gemm, false, matrix ? gemm->c_pitch : 0, gemm->c_batch, context->row[ROW_C]));
  }
  if (!gemm->chain_o) {
    TSR_TRY(encode_result(gemm, gemm->out_bf16, gemm->o_pitch, gemm->o_batch, context->row[ROW_O]));
  }
  if (gemm->mx) {
    encode_scales(gemm, false, &context->row[ROW_SCALE][0]);
    encode_scales(gemm, true, &context->row[ROW_SCALE][8]);
  }
  return TSR_OK;
}

/* ---- convolutions --------------------------------------------------------------------------- */

/* A convolution in the terms of the loops. */
typedef struct {
  uint32_t n, out_h, out_w; /* result */
  uint32_t in_w;            /* row length of the input in pixels */
  uint32_t c_bytes;         /* of a tap */
  uint32_t filters;         /* of the command */
  bool depthwise;
  uint32_t k_loops; /* loops that K takes */
} geometry_t;

tsr_status_t tsr_me_conv_size(const tsr_me_conv_t *conv, uint32_t *out_h, uint32_t *out_w) {
  if (conv == NULL || out_h == NULL || out_w == NULL || conv->stride == 0 || conv->r == 0 ||
      conv->s == 0) {
    return TSR_INVALID;
  }
  const uint32_t h = conv->h + 2 * conv->pad, w = conv->w + 2 * conv->pad;
  const uint32_t tall = conv->dilation * (conv->r - 1) + 1;
  const uint32_t wide = conv->dilation * (conv->s - 1) + 1;
  if (h < tall || w < wide) {
    return TSR_INVALID;
  }
  *out_h = (h - tall) / conv->stride + 1;
  *out_w = (w - wide) / conv->stride + 1;
  return TSR_OK;
}

static tsr_status_t geometry(const tsr_me_conv_t *c, geometry_t *g) {
  const uint32_t bits = tsr_me_element_bits(c->format);
  if (c->n == 0 || c->h == 0 || c->w == 0 || c->c == 0 || c->k == 0 || c->dilation == 0 ||
      c->groups == 0 || c->c % c->groups != 0 || c->k % c->groups != 0 ||
      ((c->in_pitch | c->tap_pitch | c->filter_pitch | c->out_pitch) & 7) != 0 ||
      !tsr_me_formats_ok(c->format, c->format_b, false, c->out_bf16)) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_me_conv_size(c, &g->out_h, &g->out_w));
  g->n = c->n;
  g->in_w = c->w;
  g->depthwise = c->groups > 1 && c->groups == c->c && c->groups == c->k;
  if (g->depthwise) {
    if (bits < 8 || c->c % TSR_ME_BLOCK != 0) {
      return TSR_INVALID;
    }
    g->c_bytes = BLOCK_BYTES(bits / 8);
    g->filters = c->k;
  } else {
    const uint32_t channel_bits = c->c / c->groups * bits;
    if (channel_bits % 8 != 0 || (c->groups > 1 && channel_bits % 64 != 0)) {
      return TSR_INVALID; /* a group would begin within a word */
    }
    g->c_bytes = channel_bits / 8;
    g->filters = c->k / c->groups;
  }
  if (c->r == 1 && c->s == 1 && c->stride == 1 && c->pad == 0) { /* pixels are all alike */
    g->out_w = c->n * c->h * c->w;
    g->in_w = g->out_w;
    g->out_h = 1;
    g->n = 1;
  }
  g->k_loops = 1 + (c->s > 1) + (c->r > 1);
  return TSR_OK;
}

/* Add a loop unless it has one iteration; *loops counts. False if all loops are taken. */
static bool add_loop(tsr_agu_t *agu, uint32_t *loops, tsr_agu_loop_t loop) {
  if (loop.count <= 1) {
    return true;
  }
  if (*loops == TSR_AGU_LOOPS) {
    return false;
  }
  agu->loop[(*loops)++] = loop;
  return true;
}

/* The loops outside of K: blocks of filters, blocks of columns, rows, pictures. An edge in the last
 * iteration of a loop with one iteration holds always, whatever loop is named: a free one is named.
 */
static bool add_outer(tsr_agu_t *agu, uint32_t loops, tsr_agu_loop_t filters,
                      tsr_agu_loop_t columns, tsr_agu_loop_t rows, tsr_agu_loop_t pictures,
                      uint32_t *filter_loop, uint32_t *column_loop) {
  uint32_t used = loops;
  bool ok = add_loop(agu, &used, filters);
  const uint32_t column = used;
  ok = ok && add_loop(agu, &used, columns) && add_loop(agu, &used, rows) &&
       add_loop(agu, &used, pictures);
  *filter_loop = filters.count > 1 ? loops : used;
  *column_loop = columns.count > 1 ? column : used;
  return ok;
}

/* Input: lane r brings 8 bytes of channels of result column r. */
static tsr_status_t encode_input(const tsr_me_conv_t *c, const geometry_t *g, uint32_t *row) {
  const uint32_t line = g->in_w * c->in_pitch;
  const int32_t d = (int32_t)c->dilation, s = (int32_t)c->stride;
  tsr_agu_t agu = {.pitch = c->stride * c->in_pitch, .edge_bytes = g->c_bytes % 8};
  if (c->pad != 0) {
    agu.win_w = c->w;
    agu.win_h = c->h;
    agu.pad_x = c->pad;
    agu.pad_y = c->pad;
    agu.xstep = c->stride;
  }
  uint32_t loops = 1;
  agu.loop[0] = (tsr_agu_loop_t){.count = (g->c_bytes + 7) / 8, .stride = 8};
  (void)add_loop(
      &agu, &loops,
      (tsr_agu_loop_t){.count = c->s, .stride = (int32_t)(c->dilation * c->in_pitch), .dx = d});
  (void)add_loop(&agu, &loops,
                 (tsr_agu_loop_t){.count = c->r, .stride = (int32_t)(c->dilation * line), .dy = d});
  const tsr_agu_loop_t filters = {.count = ceil_div(g->filters, TSR_ME_BLOCK),
                                  .stride = g->depthwise ? (int32_t)g->c_bytes : 0};
  const tsr_agu_loop_t columns = {.count = ceil_div(g->out_w, TSR_ME_BLOCK),
                                  .stride = (int32_t)(TSR_ME_BLOCK * c->stride * c->in_pitch),
                                  .dx = (int32_t)TSR_ME_BLOCK * s};
  const tsr_agu_loop_t rows = {.count = g->out_h, .stride = (int32_t)(c->stride * line), .dy = s};
  const tsr_agu_loop_t pictures = {.count = g->n, .stride = (int32_t)(c->h * line)};
  uint32_t filter_loop = 0;
  agu.edge_rows = g->out_w % TSR_ME_BLOCK;
  if (!add_outer(&agu, loops, filters, columns, rows, pictures, &filter_loop,
                 &agu.edge_rows_loop)) {
    return TSR_INVALID;
  }
  return tsr_agu_encode(&agu, row);
}

/* Filters: lane k brings 8 bytes of channels of filter k. */
static tsr_status_t encode_filters(const tsr_me_conv_t *c, const geometry_t *g, uint32_t *row) {
  tsr_agu_t agu = {.pitch = c->filter_pitch, .edge_bytes = g->c_bytes % 8};
  uint32_t loops = 1;
  agu.loop[0] = (tsr_agu_loop_t){.count = (g->c_bytes + 7) / 8, .stride = 8};
  (void)add_loop(&agu, &loops, (tsr_agu_loop_t){.count = c->s, .stride = (int32_t)c->tap_pitch});
  (void)add_loop(&agu, &loops,
                 (tsr_agu_loop_t){.count = c->r, .stride = (int32_t)(c->s * c->tap_pitch)});
  const tsr_agu_loop_t filters = {.count = ceil_div(g->filters, TSR_ME_BLOCK),
                                  .stride = (int32_t)(TSR_ME_BLOCK * c->filter_pitch)};
  const tsr_agu_loop_t columns = {.count = ceil_div(g->out_w, TSR_ME_BLOCK)};
  const tsr_agu_loop_t rows = {.count = g->out_h}, pictures = {.count = g->n};
  uint32_t column_loop = 0;
  agu.edge_rows = g->filters % TSR_ME_BLOCK;
  if (!add_outer(&agu, loops, filters, columns, rows, pictures, &agu.edge_rows_loop,
                 &column_loop)) {
    return TSR_INVALID;
  }
  return tsr_agu_encode(&agu, row);
}

/* Results, or the bias (pitch 0): blocks of 8 columns x 8 filters. */
static tsr_status_t encode_pixels(const geometry_t *g, bool half, uint32_t pitch, uint32_t *row) {
  const uint32_t size_log2 = half ? 1 : 2;
  const uint32_t line = g->out_w * pitch;
  tsr_agu_t agu = {.pitch = pitch,
                   .w_log2 = size_log2,
                   .edge_rows = g->out_w % TSR_ME_BLOCK,
                   .edge_rows_over_0 = true,
                   .edge_bytes = (g->filters % TSR_ME_BLOCK) << size_log2};
  agu.loop[0] =
      (tsr_agu_loop_t){.count = half ? 2 : 4, .stride = (int32_t)((half ? 4 : 2) * pitch)};
  const tsr_agu_loop_t filters = {.count = ceil_div(g->filters, TSR_ME_BLOCK),
                                  .stride = (int32_t)(TSR_ME_BLOCK << size_log2)};
  const tsr_agu_loop_t columns = {.count = ceil_div(g->out_w, TSR_ME_BLOCK),
                                  .stride = (int32_t)(TSR_ME_BLOCK * pitch)};
  const tsr_agu_loop_t rows = {.count = g->out_h, .stride = (int32_t)line};
  const tsr_agu_loop_t pictures = {.count = g->n, .stride = (int32_t)(g->out_h * line)};
  if (!add_outer(&agu, 1, filters, columns, rows, pictures, &agu.edge_bytes_loop,
                 &agu.edge_rows_loop)) {
    return TSR_INVALID;
  }
  return tsr_agu_encode(&agu, row);
}

tsr_status_t tsr_me_encode_conv(const tsr_me_conv_t *conv, tsr_me_context_t *context) {
  geometry_t g;
  if (conv == NULL || context == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(geometry(conv, &g));
  context->row[ROW_ME][0] = config_word(conv->format, conv->format_b, conv->relu, conv->out_bf16) |
                            (conv->bias ? CONFIG_PRELOAD : 0) | ((g.k_loops - 1) << CONFIG_KLOOP);
  TSR_TRY(encode_input(conv, &g, context->row[ROW_A]));
  TSR_TRY(encode_filters(conv, &g, context->row[ROW_B]));
  if (conv->bias) {
    TSR_TRY(encode_pixels(&g, false, 0, context->row[ROW_C]));
  }
  return encode_pixels(&g, conv->out_bf16, conv->out_pitch, context->row[ROW_O]);
}

uint32_t tsr_me_conv_base(const tsr_me_conv_t *conv, uint32_t input) {
  return (input - conv->pad * (conv->w + 1) * conv->in_pitch) & TSR_AGU_ADDRESS_MASK;
}

tsr_me_conv_group_t tsr_me_conv_group(const tsr_me_conv_t *conv) {
  const uint32_t filters = conv->k / conv->groups;
  return (tsr_me_conv_group_t){
      .input = conv->c / conv->groups * tsr_me_element_bits(conv->format) / 8,
      .filters = filters * conv->filter_pitch,
      .output = filters * (conv->out_bf16 ? 2 : 4),
      .bias = filters * 4};
}

/* ---- contexts and commands ------------------------------------------------------------------ */

/* Words 0 and, of scales, 8 are replaced by the command. */
static void write_row(const tsr_me_t *h, uint32_t ctx, uint32_t hw_row, const uint32_t *row) {
  const tsr_mmio_t to = {h->contexts.base + ctx * TSR_CTX_BYTES + hw_row * TSR_CTX_ROW_BYTES};
#pragma GCC unroll 16
  for (uint32_t i = 1; i < TSR_CTX_ROW_WORDS; i++) {
    tsr_mmio_write(to, 4 * i, row[i]);
  }
}

tsr_status_t tsr_me_set_context(const tsr_me_t *h, uint32_t ctx, const tsr_me_context_t *context) {
  if (h == NULL || ctx >= TSR_CONTEXTS || context == NULL) {
    return TSR_INVALID;
  }
  const uint32_t config = context->row[ROW_ME][0];
  tsr_mmio_write(h->contexts, ctx * TSR_CTX_BYTES, config); /* the others mean nothing */
  if ((config & CONFIG_CHAIN_A) == 0) {
    write_row(h, ctx, ROW_A, context->row[ROW_A]);
  }
  write_row(h, ctx, ROW_B, context->row[ROW_B]);
  if ((config & CONFIG_PRELOAD) != 0) {
    write_row(h, ctx, ROW_C, context->row[ROW_C]);
  }
  if ((config & CONFIG_CHAIN_O) == 0) {
    write_row(h, ctx, ROW_O, context->row[ROW_O]);
  }
  if ((config & CONFIG_MX) != 0) {
    write_row(h, ctx, SCALE_ROW, context->row[ROW_SCALE]);
  }
  return TSR_OK;
}

void tsr_me_gemm_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t o) {
  tsr_cmd_init(cmd, TSR_OP_GEMM, ctx, id);
  cmd->w[TSR_CMD_W_ARG0] = a;
  cmd->w[TSR_CMD_W_ARG1] = b;
  cmd->w[TSR_CMD_W_ARG2] = c;
  cmd->w[TSR_CMD_W_ARG3] = o;
}
