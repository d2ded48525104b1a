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

tsr_status_t tsr_agu_encode(const tsr_agu_t *agu, uint32_t row[TSR_CTX_ROW_WORDS]) {
  if (agu == NULL || row == NULL || !legal(agu)) {
    return TSR_INVALID;
  }
  const bool window = agu->win_w != 0;
  uint32_t w2 = agu->w_log2 | ((uint32_t)agu->xpose << 2);
  if (agu->edge_rows != 0) {
    w2 |= (1u << 4) | (agu->edge_rows_loop << 5) | ((uint32_t)agu->edge_rows_over_0 << 8) |
          ((agu->edge_rows & 15u) << 12);
  }
  if (agu->edge_bytes != 0) {
    w2 |= (1u << 16) | (agu->edge_bytes_loop << 17) | (agu->edge_bytes << 24);
  }
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

tsr_agu_t tsr_agu_rows(uint32_t rows, uint32_t bytes, uint32_t pitch) {
  tsr_agu_t agu = {.w_log2 = 3, .edge_bytes = bytes % BEAT_BYTES};
  agu.loop[0] = (tsr_agu_loop_t){.count = (bytes + BEAT_BYTES - 1) / BEAT_BYTES,
                                 .stride = (int32_t)BEAT_BYTES};
  agu.loop[1] = (tsr_agu_loop_t){.count = rows, .stride = (int32_t)pitch};
  return agu;
}
