/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix engine: contexts from matrix descriptions, and the command that uses them. */
#ifndef TSR_DRIVERS_ME_H
#define TSR_DRIVERS_ME_H

#include <stdbool.h>

#include "drivers/cmdq.h"

#define TSR_CTX_ROW_WORDS 16u
#define TSR_ME_MAX_ROWS 32768u     /* rows and columns of a product */
#define TSR_ME_MAX_K_BYTES 262144u /* of a row of A or B */
#define TSR_ME_BLOCK 8u            /* rows and columns of the grid of cells */

/* Context store of the own node. */
typedef struct {
  tsr_mmio_t contexts;
} tsr_me_t;

typedef enum { TSR_ME_BF16 = 0, TSR_ME_INT8 = 1 } tsr_me_format_t;
typedef enum { TSR_ME_PRELOAD_NONE, TSR_ME_PRELOAD_ROW, TSR_ME_PRELOAD_MATRIX } tsr_me_preload_t;

/* O[rows][cols] = act(A[rows][k] * B[cols][k]^T + C). All matrices row-major in the scratchpad. */
typedef struct {
  tsr_me_format_t format;
  bool relu;
  bool out_bf16;            /* O in BF16 instead of FP32 / INT32; BF16 operands only */
  tsr_me_preload_t preload; /* C: none, one row of FP32 / INT32 for all rows, or a matrix of them */
  uint32_t rows, cols;      /* 1 or more */
  uint32_t k_bytes;         /* bytes of a row of A and B that count */
  uint32_t a_pitch, b_pitch, c_pitch, o_pitch; /* bytes, multiples of 8 */
} tsr_me_gemm_t;

/* Rows of a context: ME (word 0 only), A, B, C (with preload only), O. */
#define TSR_ME_CTX_ROWS 5u
typedef struct {
  uint32_t row[TSR_ME_CTX_ROWS][TSR_CTX_ROW_WORDS];
} tsr_me_context_t;

/* Encode a matrix product. @param context result. @return TSR_INVALID for a description out of
 * range. */
TSR_MUST_USE tsr_status_t tsr_me_encode(const tsr_me_gemm_t *gemm, tsr_me_context_t *context);

/* Write context `ctx` (0..7). No command that uses it may be queued or running. */
TSR_MUST_USE tsr_status_t tsr_me_set_context(const tsr_me_t *h, uint32_t ctx,
                                             const tsr_me_context_t *context);

/* Command with the scratchpad offsets of the four matrices (multiples of 8). */
void tsr_me_gemm_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t o);

/* Smallest pitch for a row of operand bytes that the scratchpad serves without bank conflicts. */
static inline uint32_t tsr_me_operand_pitch(uint32_t bytes) { return (((bytes + 7) / 8) | 1u) * 8; }

/* The same for a row of FP32 / INT32 results or preloads, and for a row of BF16 results. */
static inline uint32_t tsr_me_wide_pitch(uint32_t elements) {
  return (((elements + 7) / 8) | 1u) * 32;
}
static inline uint32_t tsr_me_bf16_pitch(uint32_t elements) {
  return (((elements + 7) / 8) | 1u) * 16;
}

#endif
