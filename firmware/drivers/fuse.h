/* SPDX-License-Identifier: Apache-2.0 */
/* Fuse map and debug lock of the ctl node. */
#ifndef TSR_DRIVERS_FUSE_H
#define TSR_DRIVERS_FUSE_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/status.h"

typedef struct {
  tsr_mmio_t base;
} tsr_fuse_t;

/* Maps of what is broken; bit y * 8 + x is node (x, y). */
typedef struct {
  uint64_t dead_tiles;
  uint64_t dead_east;  /* links to the eastern neighbour */
  uint64_t dead_south; /* links to the southern neighbour */
  bool debug_open;     /* debug access stays open whatever the lock says */
} tsr_fuse_map_t;

/* Read all fuses. @param map result. */
TSR_MUST_USE tsr_status_t tsr_fuse_read(const tsr_fuse_t *h, tsr_fuse_map_t *map);

/* Lock debug access until reset.
 * @return TSR_FAILED if the lock does not hold. */
TSR_MUST_USE tsr_status_t tsr_fuse_lock_debug(const tsr_fuse_t *h);

#endif
