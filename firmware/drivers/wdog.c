/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/wdog.h"

#include <stddef.h>

#include "regs/wdog_regs.h"

tsr_status_t tsr_wdog_start(const tsr_wdog_t *h, uint32_t timeout) {
  if (h == NULL || timeout == 0) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_WDOG_CTRL_OFFSET, 0);
  tsr_mmio_write(h->base, TSR_WDOG_TIMEOUT_OFFSET, timeout);
  tsr_mmio_write(h->base, TSR_WDOG_STATE_OFFSET, TSR_WDOG_STATE_EXPIRED_MASK);
  tsr_mmio_write(h->base, TSR_WDOG_CTRL_OFFSET, TSR_WDOG_CTRL_EN_MASK);
  return TSR_OK;
}

tsr_status_t tsr_wdog_kick(const tsr_wdog_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_WDOG_KICK_OFFSET, 1);
  return TSR_OK;
}

tsr_status_t tsr_wdog_stop(const tsr_wdog_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_WDOG_CTRL_OFFSET, 0);
  tsr_mmio_write(h->base, TSR_WDOG_STATE_OFFSET, TSR_WDOG_STATE_EXPIRED_MASK);
  return TSR_OK;
}

tsr_status_t tsr_wdog_expired(const tsr_wdog_t *h, bool *expired) {
  if (h == NULL || expired == NULL) {
    return TSR_INVALID;
  }
  const uint32_t state = tsr_mmio_read(h->base, TSR_WDOG_STATE_OFFSET);
  *expired = (state & TSR_WDOG_STATE_EXPIRED_MASK) != 0;
  return TSR_OK;
}
