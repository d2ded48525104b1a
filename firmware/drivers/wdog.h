/* SPDX-License-Identifier: Apache-2.0 */
/* Watchdog of the ctl node. The first expiry interrupts; a second one without a kick is fatal for
 * the chip. */
#ifndef TSR_DRIVERS_WDOG_H
#define TSR_DRIVERS_WDOG_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/status.h"

typedef struct {
  tsr_mmio_t base;
} tsr_wdog_t;

/* Start with a fresh time; a pending expiry is cleared.
 * @param timeout cycles to the interrupt, 1 or more. */
TSR_MUST_USE tsr_status_t tsr_wdog_start(const tsr_wdog_t *h, uint32_t timeout);

/* Restart the time. */
TSR_MUST_USE tsr_status_t tsr_wdog_kick(const tsr_wdog_t *h);

/* Stop it and clear a pending expiry. */
TSR_MUST_USE tsr_status_t tsr_wdog_stop(const tsr_wdog_t *h);

/* Whether the time ran out since the last start or kick. @param expired result. */
TSR_MUST_USE tsr_status_t tsr_wdog_expired(const tsr_wdog_t *h, bool *expired);

#endif
