/* SPDX-License-Identifier: Apache-2.0 */
/* Timer of the ctl node. */
#ifndef TSR_DRIVERS_TIMER_H
#define TSR_DRIVERS_TIMER_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/status.h"

typedef struct {
  tsr_mmio_t base;
} tsr_timer_t;

/* Cycle count of the chip. @param cycles result. */
TSR_MUST_USE tsr_status_t tsr_timer_now(const tsr_timer_t *h, uint64_t *cycles);

/* Arm the timer; a pending expiry is cleared.
 * @param at cycle count of the (first) expiry. @param period cycles between expiries, 0 = one shot.
 */
TSR_MUST_USE tsr_status_t tsr_timer_arm(const tsr_timer_t *h, uint64_t at, uint32_t period);

/* Disarm the timer and clear a pending expiry. */
TSR_MUST_USE tsr_status_t tsr_timer_disarm(const tsr_timer_t *h);

/* Take a pending expiry.
 * @param expired it had expired. @param missed at least one expiry was not taken in time. */
TSR_MUST_USE tsr_status_t tsr_timer_take(const tsr_timer_t *h, bool *expired, bool *missed);

#endif
