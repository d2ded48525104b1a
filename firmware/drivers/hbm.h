/* SPDX-License-Identifier: Apache-2.0 */
/* HBM memory node. The block's base lies in a core window onto the node. */
#ifndef TSR_DRIVERS_HBM_H
#define TSR_DRIVERS_HBM_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/status.h"

typedef struct {
  tsr_mmio_t base;
} tsr_hbm_t;

/* Start the initialization with the timing registers as they are; does not wait. */
TSR_MUST_USE tsr_status_t tsr_hbm_start_init(const tsr_hbm_t *h);

/* Wait for the end of the initialization.
 * @param timeout cycles. @return TSR_TIMEOUT, or TSR_FAILED if a pseudo channel failed. */
TSR_MUST_USE tsr_status_t tsr_hbm_wait_init(const tsr_hbm_t *h, uint32_t timeout);

#endif
