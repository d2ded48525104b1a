/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel launches. */
#ifndef TSR_RUNTIME_CTL_LAUNCH_H
#define TSR_RUNTIME_CTL_LAUNCH_H

#include "runtime/ctl/chip.h"

/* Run the command at TSR_CTL_SPM_COMMAND of the scratchpad to its end and describe how it ended.
 * After a fault or a timeout the tiles of the rectangle are restarted.
 * @return TSR_OK if `completion` is valid; otherwise ctl itself has failed. */
TSR_MUST_USE tsr_status_t tsr_launch_run(tsr_chip_t *chip, tsr_completion_t *completion);

#endif
