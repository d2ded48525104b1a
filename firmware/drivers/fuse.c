/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/fuse.h"

#include <stddef.h>

#include "regs/fuse_regs.h"

static uint64_t read_map(const tsr_fuse_t *h, uint32_t offset) {
  const uint32_t lo = tsr_mmio_read(h->base, offset);
  const uint32_t hi = tsr_mmio_read(h->base, offset + 4);
  return ((uint64_t)hi << 32) | lo;
}

tsr_status_t tsr_fuse_read(const tsr_fuse_t *h, tsr_fuse_map_t *map) {
  if (h == NULL || map == NULL) {
    return TSR_INVALID;
  }
  map->dead_tiles = read_map(h, TSR_FUSE_DEAD_TILES_OFFSET);
  map->dead_east = read_map(h, TSR_FUSE_DEAD_EAST_OFFSET);
  map->dead_south = read_map(h, TSR_FUSE_DEAD_SOUTH_OFFSET);
  const uint32_t fuse = tsr_mmio_read(h->base, TSR_FUSE_DEBUG_FUSE_OFFSET);
  map->debug_open = (fuse & TSR_FUSE_DEBUG_FUSE_OPEN_MASK) != 0;
  return TSR_OK;
}

tsr_status_t tsr_fuse_lock_debug(const tsr_fuse_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->base, TSR_FUSE_DEBUG_LOCK_OFFSET, TSR_FUSE_DEBUG_LOCK_LOCK_MASK);
  const uint32_t lock = tsr_mmio_read(h->base, TSR_FUSE_DEBUG_LOCK_OFFSET);
  return (lock & TSR_FUSE_DEBUG_LOCK_LOCK_MASK) != 0 ? TSR_OK : TSR_FAILED;
}
