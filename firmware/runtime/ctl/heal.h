/* SPDX-License-Identifier: Apache-2.0 */
/* Links that die while the chip runs. */
#ifndef TSR_RUNTIME_CTL_HEAL_H
#define TSR_RUNTIME_CTL_HEAL_H

#include "runtime/ctl/chip.h"

/* Ask all routers in reach for ports that their watchdogs have given up, and route around those
 * links. If there are any, the cores of all tiles are held in reset, the tables are new, and tiles
 * out of reach are out of use. So are tiles whose node does not answer.
 * @param found links that were not known to be dead.
 * @return TSR_FAILED if a memory node is cut off: chip->cut_off. */
TSR_MUST_USE tsr_status_t tsr_heal_links(tsr_chip_t *chip, uint32_t *found);

/* Tell the tiles in use their new ways, load and start them. Tiles that do not start are out of
 * use. */
TSR_MUST_USE tsr_status_t tsr_heal_restart(tsr_chip_t *chip);

#endif
