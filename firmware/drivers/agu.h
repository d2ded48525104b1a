/* SPDX-License-Identifier: Apache-2.0 */
/* Encoder of address generator rows (agu_cfg_t of tsr_tile_pkg.sv) from plain loops. A pure
 * function without a handle: the drivers of the engines build their contexts with it. */
#ifndef TSR_DRIVERS_AGU_H
#define TSR_DRIVERS_AGU_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/status.h"

#define TSR_CTX_BYTES 512u
#define TSR_CTX_ROW_BYTES 64u
#define TSR_CTX_ROW_WORDS 16u

#define TSR_AGU_LOOPS 6u
#define TSR_AGU_ADDRESS_MASK 0x3fffffu /* addresses and deltas wrap at 4 MiB */

/* In-beat transpose: elements of 1, 2, 4 bytes that lie in 8, 4, 2 rows of 8. */
typedef enum { TSR_XPOSE_NONE, TSR_XPOSE_B1, TSR_XPOSE_B2, TSR_XPOSE_B4 } tsr_xpose_t;

/* Iteration i adds i * stride to the address and i * (dx, dy) to the position in the picture. */
typedef struct {
  uint32_t count; /* 1..65535; 0 counts as 1 */
  int32_t stride; /* bytes, multiple of 8 */
  int32_t dx, dy; /* columns and rows; only with a window */
} tsr_agu_loop_t;

/* A stream: in each iteration, loop 0 innermost, eight lanes of 8 bytes; lane l is at the
 * iteration's address + l / w * pitch + l mod w * 8. */
typedef struct {
  tsr_agu_loop_t loop[TSR_AGU_LOOPS];
  uint32_t pitch;     /* bytes between row groups, multiple of 8; 0 = all are the first one */
  uint32_t w_log2;    /* log2 of the lanes of a row group */
  tsr_xpose_t xpose;  /* B1 needs w = 1, B2 w = 2, B4 w = 4 */
  uint32_t edge_rows; /* in the last iteration of loop edge_rows_loop only so many rows (1..16) */
  uint32_t edge_rows_loop; /*   are valid; 0 = all */
  bool edge_rows_over_0;   /* rows are counted on over loop 0 */
  uint32_t
      edge_bytes; /* in the last iteration of loop edge_bytes_loop only so many bytes of each */
  uint32_t edge_bytes_loop; /*   row group (1..64) are valid; 0 = all */
  /* Picture of win_w x win_h (0 = none, up to 4095): the position starts at (-pad_x, -pad_y), up to
   * 15 each, row group r is at column x + r * xstep; row groups outside read as zeros. */
  uint32_t win_w, win_h, pad_x, pad_y, xstep;
  bool gather; /* the base of each run of loops 0..gather_loop-1 comes from the index stream */
  uint32_t gather_loop;
} tsr_agu_t;

/* Encode a stream; the base (word 0) is 0. @param row result.
 * @return TSR_INVALID if a field is out of range. */
TSR_MUST_USE tsr_status_t tsr_agu_encode(const tsr_agu_t *agu, uint32_t row[TSR_CTX_ROW_WORDS]);

/* The frequent stream: three loops, no window, transpose or gather. Cheaper to encode, for kernels
 * that need many. Fields as in tsr_agu_t. */
typedef struct {
  uint32_t count[3], stride[3];
  uint32_t pitch, w_log2;
  uint32_t edge_rows, edge_rows_loop, edge_bytes, edge_bytes_loop;
  bool edge_rows_over_0;
} tsr_agu_nest_t;

/* Encode a stream whose fields are in range and not checked. @param row result. */
void tsr_agu_encode_nest(const tsr_agu_nest_t *nest, uint32_t row[TSR_CTX_ROW_WORDS]);

/* Stream over `rows` rows of `bytes` bytes in beats of 64 bytes: loop 0 walks a row, loop 1 the
 * rows. Rows begin at multiples of 8. The last beat of each row has its valid bytes only. */
tsr_agu_t tsr_agu_rows(uint32_t rows, uint32_t bytes, uint32_t pitch);

#endif
