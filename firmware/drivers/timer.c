/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/timer.h"

#include <stddef.h>

#include "regs/timer_regs.h"

#define TSR_TIMER_IRQ_ALL (TSR_TIMER_IRQ_STATE_EXPIRED_MASK | TSR_TIMER_IRQ_STATE_MISSED_MASK)

tsr_status_t tsr_timer_now(const tsr_timer_t *h, uint64_t *cycles) {
  if (h == NULL || cycles == NULL) {
    return TSR_INVALID;
  }
  const uint32_t lo = tsr_mmio_read(h->base, TSR_TIMER_TIME_LO_OFFSET);
  const uint32_t hi = tsr_mmio_read(h->base, TSR_TIMER_TIME_HI_OFFSET);
  *cycles = ((uint64_t)hi << 32) | lo;
  return TSR_OK;
}

tsr_status_t tsr_timer_arm(const tsr_timer_t *h, uint64_t at, uint32_t period) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TIMER_CTRL_OFFSET, 0);
  tsr_mmio_write(h->base, TSR_TIMER_COMPARE_LO_OFFSET, (uint32_t)at);
  tsr_mmio_write(h->base, TSR_TIMER_COMPARE_HI_OFFSET, (uint32_t)(at >> 32));
  tsr_mmio_write(h->base, TSR_TIMER_PERIOD_OFFSET, period);
  tsr_mmio_write(h->base, TSR_TIMER_IRQ_STATE_OFFSET, TSR_TIMER_IRQ_ALL);
  tsr_mmio_write(h->base, TSR_TIMER_CTRL_OFFSET, TSR_TIMER_CTRL_EN_MASK);
  return TSR_OK;
}

tsr_status_t tsr_timer_disarm(const tsr_timer_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_TIMER_CTRL_OFFSET, 0);
  tsr_mmio_write(h->base, TSR_TIMER_IRQ_STATE_OFFSET, TSR_TIMER_IRQ_ALL);
  return TSR_OK;
}

tsr_status_t tsr_timer_take(const tsr_timer_t *h, bool *expired, bool *missed) {
  if (h == NULL || expired == NULL || missed == NULL) {
    return TSR_INVALID;
  }
  const uint32_t state = tsr_mmio_read(h->base, TSR_TIMER_IRQ_STATE_OFFSET);
  *expired = (state & TSR_TIMER_IRQ_STATE_EXPIRED_MASK) != 0;
  *missed = (state & TSR_TIMER_IRQ_STATE_MISSED_MASK) != 0;
  tsr_mmio_write(h->base, TSR_TIMER_IRQ_STATE_OFFSET, state & TSR_TIMER_IRQ_ALL);
  return TSR_OK;
}
