/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/agu.h"

#include <stddef.h>

#define MAX_COUNT 65535u
#define MAX_WINDOW 4095u
#define MAX_PAD 15u
#define MAX_XSTEP 1023u
#define BEAT_BYTES 64u

static bool legal(const tsr_agu_t *a) {
  const bool window = a->win_w != 0;
  if ((a->pitch & 7) != 0 || a->w_log2 > 3 || a->edge_rows > 16 || a->edge_bytes > BEAT_BYTES ||
      a->edge_rows_loop >= TSR_AGU_LOOPS || a->edge_bytes_loop >= TSR_AGU_LOOPS ||
      a->gather_loop > TSR_AGU_LOOPS) {
    return false;
  }
  if (a->xpose != TSR_XPOSE_NONE && (uint32_t)a->xpose != a->w_log2 + 1) {
    return false;
  }
  return !window || (a->win_w <= MAX_WINDOW && a->win_h <= MAX_WINDOW && a->pad_x <= MAX_PAD &&
                     a->pad_y <= MAX_PAD && a->xstep <= MAX_XSTEP);
}

static uint32_t edge_rows_bits(uint32_t rows, uint32_t loop, bool over_0) {
  return rows == 0 ? 0 : (1u << 4) | (loop << 5) | ((uint32_t)over_0 << 8) | ((rows & 15u) << 12);
}

static uint32_t edge_bytes_bits(uint32_t bytes, uint32_t loop) {
  return bytes == 0 ? 0 : (1u << 16) | (loop << 17) | (bytes << 24);
}

tsr_status_t tsr_agu_encode(const tsr_agu_t *agu, uint32_t row[TSR_CTX_ROW_WORDS]) {
  if (agu == NULL || row == NULL || !legal(agu)) {
    return TSR_INVALID;
  }
  const bool window = agu->win_w != 0;
  uint32_t w2 = agu->w_log2 | ((uint32_t)agu->xpose << 2) |
                edge_rows_bits(agu->edge_rows, agu->edge_rows_loop, agu->edge_rows_over_0) |
                edge_bytes_bits(agu->edge_bytes, agu->edge_bytes_loop);
  if (agu->gather) {
    w2 |= (agu->gather_loop << 20) | (1u << 31);
  }
  row[0] = 0;
  row[1] = (agu->pitch & TSR_AGU_ADDRESS_MASK) | (window ? agu->xstep << 22 : 0);
  row[2] = w2;
  row[3] = window ? agu->win_w | (agu->win_h << 12) | (agu->pad_x << 24) | (agu->pad_y << 28) : 0;
  int32_t back = 0, back_x = 0, back_y = 0; /* what the loops inside have moved */
  for (uint32_t j = 0; j < TSR_AGU_LOOPS; j++) {
    const tsr_agu_loop_t *l = &agu->loop[j];
    const int32_t more = l->count == 0 ? 0 : (int32_t)(l->count - 1);
    if (l->count > MAX_COUNT || (l->stride & 7) != 0) {
      return TSR_INVALID;
    }
    uint32_t dx = 0, dy = 0;
    if (window && more > 0) {
      const int32_t step_x = l->dx - back_x, step_y = l->dy - back_y;
      if (step_x < INT16_MIN || step_x > INT16_MAX || step_y < -512 || step_y > 511) {
        return TSR_INVALID;
      }
      dx = (uint32_t)step_x << 16;
      dy = (uint32_t)step_y << 22;
      back_x += l->dx * more;
      back_y += l->dy * more;
    }
    row[4 + j] = (uint32_t)(more + 1) | dx;
    row[10 + j] = more > 0 ? ((uint32_t)(l->stride - back) & TSR_AGU_ADDRESS_MASK) | dy : 0;
    back += l->stride * more;
  }
  return TSR_OK;
}

void tsr_agu_encode_nest(const tsr_agu_nest_t *nest, uint32_t row[TSR_CTX_ROW_WORDS]) {
  uint32_t back = 0; /* what the loops inside have moved */
  row[0] = 0;
  row[1] = nest->pitch & TSR_AGU_ADDRESS_MASK;
  row[2] = nest->w_log2 |
           edge_rows_bits(nest->edge_rows, nest->edge_rows_loop, nest->edge_rows_over_0) |
           edge_bytes_bits(nest->edge_bytes, nest->edge_bytes_loop);
  row[3] = 0;
#pragma GCC unroll 3
  for (uint32_t j = 0; j < 3; j++) {
    const uint32_t more = nest->count[j] - 1;
    row[4 + j] = more + 1;
    row[7 + j] = 1;
    row[10 + j] = more > 0 ? (nest->stride[j] - back) & TSR_AGU_ADDRESS_MASK : 0;
    row[13 + j] = 0;
    back += nest->stride[j] * more;
  }
}

tsr_agu_t tsr_agu_rows(uint32_t rows, uint32_t bytes, uint32_t pitch) {
  tsr_agu_t agu = {.w_log2 = 3, .edge_bytes = bytes % BEAT_BYTES};
  agu.loop[0] = (tsr_agu_loop_t){.count = (bytes + BEAT_BYTES - 1) / BEAT_BYTES,
                                 .stride = (int32_t)BEAT_BYTES};
  agu.loop[1] = (tsr_agu_loop_t){.count = rows, .stride = (int32_t)pitch};
  return agu;
}
