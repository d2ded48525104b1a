/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix engine: contexts from descriptions of products and convolutions, and the command that uses
 * them. */
#ifndef TSR_DRIVERS_ME_H
#define TSR_DRIVERS_ME_H

#include <stdbool.h>

#include "drivers/agu.h"
#include "drivers/cmdq.h"

#define TSR_ME_MAX_ROWS 32768u     /* rows and columns of a product */
#define TSR_ME_MAX_K_BYTES 262144u /* of a row of A or B */
#define TSR_ME_BLOCK 8u            /* rows and columns of the grid of cells */
#define TSR_ME_SCALE_BLOCK 32u     /* elements of K that share a scale */

/* Context store of the own node. */
typedef struct {
  tsr_mmio_t contexts;
} tsr_me_t;

/* Element formats, values of the hardware's fmt_e. FP6 has one element a byte (bits 5:0), FP4 and
 * INT4 have two (the first in bits 3:0). Those from INT16 on are not the matrix engine's. */
typedef enum {
  TSR_ME_BF16 = 0,
  TSR_ME_INT8 = 1,
  TSR_ME_FP16 = 2,
  TSR_ME_TF32 = 3,
  TSR_ME_FP32 = 4,
  TSR_ME_E4M3 = 5,
  TSR_ME_E5M2 = 6,
  TSR_ME_E3M2 = 7,
  TSR_ME_E2M3 = 8,
  TSR_ME_E2M1 = 9,
  TSR_ME_INT4 = 10
} tsr_me_format_t;
#define TSR_ME_FORMATS 11u

typedef enum { TSR_ME_PRELOAD_NONE, TSR_ME_PRELOAD_ROW, TSR_ME_PRELOAD_MATRIX } tsr_me_preload_t;

/* O[rows][cols] = act(A[rows][k] * B[cols][k]^T + C). All matrices row-major in the scratchpad.
 * With a_trans A lies as [k][rows], with b_trans B lies as [k][cols], and the streams transpose
 * them: the orders NT, NN, TT, TN of BLAS are none, b_trans, a_trans, both. Not for formats of 4
 * bits. */
typedef struct {
  tsr_me_format_t format;   /* of A */
  tsr_me_format_t format_b; /* of B; BF16 (0) = that of A. Differs only among FP8, among FP6 */
  bool relu;
  bool out_bf16; /* O in BF16 instead of FP32 / INT32; not with integer results */
  bool mx;       /* FP8, FP6, FP4, INT8: UE8M0 scales, one for each 32 elements of K */
  bool a_trans, b_trans;
  bool chain_a, chain_o;    /* A comes from, O goes to the vector engine: no stream, no pitch */
  tsr_me_preload_t preload; /* C: none, one row of FP32 / INT32 for all rows, or a matrix of them */
  uint32_t rows, cols;      /* 1 or more */
  uint32_t k_bytes; /* bytes of a row of A and B that count (with a transpose: would count) */
  uint32_t a_pitch, b_pitch, c_pitch, o_pitch; /* bytes, multiples of 8 */
  uint32_t a_scale_pitch, b_scale_pitch; /* bytes between the scales of two rows, multiples of 8 */
  /* K in pieces of k_bytes at these distances (a kloop of 1); 0 or 1 = one piece. Not with mx,
   * whose scales begin anew with every piece: their distances would be missing. */
  uint32_t k_pieces, a_piece, b_piece;
  /* So many products, at these distances; 0 or 1 = one. 0 as a distance: the same operand again. */
  uint32_t batch, a_batch, b_batch, c_batch, o_batch, a_scale_batch, b_scale_batch;
} tsr_me_gemm_t;

/* Convolution of pictures in NHWC order, without any copy of the input. Filters lie as
 * [k][r][s][c], results as NHWC. `groups`: 1, or c and k are cut into so many parts and a command
 * computes one of them (tsr_me_conv_group()). Depthwise (groups == c == k) is one command, in
 * blocks of 8 channels with filters as [k][r][s][8] that software has made block-diagonal: element
 * j of filter k is its tap if j == k mod 8, else zero; c a multiple of 8, formats of 8 bits or
 * more. */
typedef struct {
  tsr_me_format_t format, format_b; /* of input and filters, as in tsr_me_gemm_t */
  bool relu, out_bf16;
  bool bias;           /* C: a row of k FP32 / INT32 values */
  uint32_t n, h, w, c; /* input: h, w up to 4095 with padding */
  uint32_t k, r, s;    /* filters, their rows and columns */
  uint32_t stride;     /* 1 or more, both ways */
  uint32_t dilation;   /* 1 or more */
  uint32_t pad;        /* zeros around the picture, 0..15 */
  uint32_t groups;
  uint32_t in_pitch;     /* bytes between pixels, multiple of 8 */
  uint32_t tap_pitch;    /* bytes between taps of a filter, multiple of 8 */
  uint32_t filter_pitch; /* bytes between filters, multiple of 8 */
  uint32_t out_pitch;    /* bytes between result pixels, multiple of 8 */
} tsr_me_conv_t;

/* Rows of a context in the order ME (word 0 only), A, B, C (with preload only), O, scales (mx
 * only). */
#define TSR_ME_CTX_ROWS 6u
typedef struct {
  uint32_t row[TSR_ME_CTX_ROWS][TSR_CTX_ROW_WORDS];
} tsr_me_context_t;

/* Bits of an element. @return 0 if it is not the matrix engine's. */
uint32_t tsr_me_element_bits(tsr_me_format_t format);

/* INT8 or INT4 without scales: sums are INT32. */
static inline bool tsr_me_is_integer(tsr_me_format_t format, bool mx) {
  return !mx && (format == TSR_ME_INT8 || format == TSR_ME_INT4);
}

/* Whether the engine multiplies these formats (format_b: BF16 = that of A). */
bool tsr_me_formats_ok(tsr_me_format_t format, tsr_me_format_t format_b, bool mx, bool out_bf16);

/* Encode a matrix product. @param context result. @return TSR_INVALID for a description out of
 * range. */
TSR_MUST_USE tsr_status_t tsr_me_encode(const tsr_me_gemm_t *gemm, tsr_me_context_t *context);

/* Encode a convolution: all n pictures in one command if loops are left (n is 1, or r, s or k need
 * no loop of their own, or a 1 x 1 filter without stride and padding, which is a matrix product).
 * @return TSR_INVALID for a description out of range, also if n pictures need more than six loops.
 */
TSR_MUST_USE tsr_status_t tsr_me_encode_conv(const tsr_me_conv_t *conv, tsr_me_context_t *context);

/* Rows and columns of the result. @return TSR_INVALID if the filter does not fit the padded
 * picture. */
TSR_MUST_USE tsr_status_t tsr_me_conv_size(const tsr_me_conv_t *conv, uint32_t *out_h,
                                           uint32_t *out_w);

/* Base of stream A for an input at offset `input`: the first tap of the first result, which may lie
 * in the padding. */
uint32_t tsr_me_conv_base(const tsr_me_conv_t *conv, uint32_t input);

/* Distances in bytes between two groups: of input, filters, results and bias. */
typedef struct {
  uint32_t input, filters, output, bias;
} tsr_me_conv_group_t;
tsr_me_conv_group_t tsr_me_conv_group(const tsr_me_conv_t *conv);

/* Write context `ctx` (0..7). No command that uses it may be queued or running. */
TSR_MUST_USE tsr_status_t tsr_me_set_context(const tsr_me_t *h, uint32_t ctx,
                                             const tsr_me_context_t *context);

/* Command with the scratchpad offsets of the four matrices (multiples of 8). */
void tsr_me_gemm_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t o);

/* Offsets of the scales of A and B for a command of an mx context. */
static inline void tsr_me_scales(tsr_cmd_t *cmd, uint32_t a, uint32_t b) {
  cmd->w[TSR_CMD_W_ARG5] = a;
  cmd->w[TSR_CMD_W_ARG6] = b;
}

/* Smallest pitch for a row of operand bytes that the scratchpad serves without bank conflicts. */
static inline uint32_t tsr_me_operand_pitch(uint32_t bytes) { return (((bytes + 7) / 8) | 1u) * 8; }

/* The same for a row of FP32 / INT32 results or preloads, and for a row of BF16 results. */
static inline uint32_t tsr_me_wide_pitch(uint32_t elements) {
  return (((elements + 7) / 8) | 1u) * 32;
}
static inline uint32_t tsr_me_bf16_pitch(uint32_t elements) {
  return (((elements + 7) / 8) | 1u) * 16;
}

/* The same for a row of a transposed operand: `elements` of 1, 2 or 4 bytes. */
static inline uint32_t tsr_me_trans_pitch(uint32_t elements, uint32_t bytes) {
  return (((elements + 7) / 8) | 1u) * 8 * bytes;
}

#endif
