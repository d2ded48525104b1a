/* SPDX-License-Identifier: Apache-2.0 */
/* Layout engine: commands with their contexts for the named layout operations. Offsets, pitches and
 * strides are bytes in the scratchpad. Source and destination of an operation must not overlap. */
#ifndef TSR_DRIVERS_TDMA_H
#define TSR_DRIVERS_TDMA_H

#include <stdbool.h>

#include "drivers/agu.h"
#include "drivers/cmdq.h"

#define TSR_TDMA_LOOPS 3u
#define TSR_TDMA_MAX_COUNT (1u << 20)

/* Context store of the own node. */
typedef struct {
  tsr_mmio_t contexts;
} tsr_tdma_t;

/* A loop around an operation: iteration i is at i * stride on each side. */
typedef struct {
  uint32_t count; /* 1..65535; 0 counts as 1 */
  int32_t src, dst;
} tsr_tdma_loop_t;

/* Rows of a matrix. */
typedef struct {
  uint32_t base, pitch;
} tsr_tdma_plane_t;

typedef enum {
  TSR_TDMA_BITS4, /* two a byte, the first in bits 3:0 */
  TSR_TDMA_BYTES1,
  TSR_TDMA_BYTES2,
  TSR_TDMA_BYTES4
} tsr_tdma_element_t;

/* What happens to a matrix of R rows and C columns. */
typedef enum {
  TSR_TDMA_TRANSPOSE,     /* dst[c][r] = src[r][c] */
  TSR_TDMA_ROTATE90,      /* clockwise: dst[c][R-1-r] = src[r][c] */
  TSR_TDMA_ROTATE270,     /* dst[C-1-c][r] = src[r][c] */
  TSR_TDMA_ANTI_TRANSPOSE /* dst[C-1-c][R-1-r] = src[r][c] */
} tsr_tdma_turn_t;

/* Rows of a context that the engine may read. */
enum { TSR_TDMA_ROW_CONFIG, TSR_TDMA_ROW_SRC, TSR_TDMA_ROW_DST, TSR_TDMA_ROW_INDEX, TSR_TDMA_ROWS };

/* An operation: context rows and the command's own words. */
typedef struct {
  uint32_t op; /* TSR_OP_T* */
  uint32_t src, dst, index, pattern;
  uint32_t row[TSR_TDMA_ROWS][TSR_CTX_ROW_WORDS];
} tsr_tdma_op_t;

/* Bytes of `n` elements. */
uint32_t tsr_tdma_bytes(tsr_tdma_element_t element, uint32_t n);

/* Copy runs of `count` bytes (1..TSR_TDMA_MAX_COUNT) at any alignment; three loops, innermost
 * first. Padding and concatenation are copies into a part of a larger matrix. */
TSR_MUST_USE tsr_status_t tsr_tdma_copy(uint32_t src, uint32_t dst, uint32_t count,
                                        const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS],
                                        tsr_tdma_op_t *op);

/* Fill runs of `count` bytes with a pattern: byte i of the scratchpad gets its byte i mod 4. */
TSR_MUST_USE tsr_status_t tsr_tdma_fill(uint32_t dst, uint32_t count, uint32_t pattern,
                                        const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS],
                                        tsr_tdma_op_t *op);

/* Transpose or rotate `rows` x `cols` elements, `batch` times at the loop's strides. Bases, pitches
 * and strides are multiples of 8. With 4-bit elements and odd `rows` the last nibble of each
 * destination row becomes 0. Planes of NCHW to NHWC: rows = C, cols = H * W, and back. */
TSR_MUST_USE tsr_status_t tsr_tdma_turn(tsr_tdma_element_t element, uint32_t rows, uint32_t cols,
                                        tsr_tdma_plane_t src, tsr_tdma_plane_t dst,
                                        tsr_tdma_turn_t turn, tsr_tdma_loop_t batch,
                                        tsr_tdma_op_t *op);

/* Mirror left-right (`x`), top-bottom (`y`); both: rotate by 180 degrees. With `x` the source's
 * base and pitch are multiples of the element, and 4-bit elements come in even numbers of columns.
 */
TSR_MUST_USE tsr_status_t tsr_tdma_mirror(tsr_tdma_element_t element, uint32_t rows, uint32_t cols,
                                          tsr_tdma_plane_t src, tsr_tdma_plane_t dst, bool x,
                                          bool y, tsr_tdma_op_t *op);

/* Rows of `row_bytes` named by `rows` (1..65535) 32-bit indexes at `index` (a multiple of 8):
 * packed row i = table row index[i]. An index counts in table.pitch bytes (1..2^20) and must be
 * below `limit` (0 = none). Scatter goes the other way; of equal indexes the last stays. */
TSR_MUST_USE tsr_status_t tsr_tdma_gather(tsr_tdma_plane_t table, uint32_t limit, uint32_t index,
                                          tsr_tdma_plane_t packed, uint32_t rows,
                                          uint32_t row_bytes, tsr_tdma_op_t *op);
TSR_MUST_USE tsr_status_t tsr_tdma_scatter(tsr_tdma_plane_t packed, uint32_t index,
                                           tsr_tdma_plane_t table, uint32_t limit, uint32_t rows,
                                           uint32_t row_bytes, tsr_tdma_op_t *op);

/* Write the rows that `op` needs into context `ctx` (0..7). No command that uses it may be queued
 * or running. */
TSR_MUST_USE tsr_status_t tsr_tdma_set_context(const tsr_tdma_t *h, uint32_t ctx,
                                               const tsr_tdma_op_t *op);

/* Command of an operation whose context was set. */
void tsr_tdma_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, const tsr_tdma_op_t *op);

#endif
