/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbm.h"

#include <stddef.h>

#include "hal/csr.h"
#include "regs/hbm_regs.h"

tsr_status_t tsr_hbm_start_init(const tsr_hbm_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_HBM_CTRL_OFFSET, TSR_HBM_CTRL_INIT_START_MASK);
  return TSR_OK;
}

tsr_status_t tsr_hbm_wait_init(const tsr_hbm_t *h, uint32_t timeout) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  const uint64_t start = tsr_cycles();
  for (;;) {
    const uint32_t status = tsr_mmio_read(h->base, TSR_HBM_STATUS_OFFSET);
    if ((status & TSR_HBM_STATUS_INIT_DONE_MASK) != 0) {
      return TSR_OK;
    }
    if ((status & TSR_HBM_STATUS_INIT_ERROR_MASK) != 0) {
      return TSR_FAILED;
    }
    if (tsr_cycles() - start > timeout) {
      return TSR_TIMEOUT;
    }
  }
}
