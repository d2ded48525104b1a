/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel author uses. A kernel is a function
 *     int kernel_<name>(const tsr_launch_t *launch)
 * that runs on every launched tile and returns 0, or anything else to report a
 * failure. It owns the scratchpad, contexts 0..6, semaphores 0..12 and the engines; all of its
 * semaphores must be zero and its engines idle when it returns. Traps and engine errors end the
 * launch with a fault record. */
#ifndef TESSERA_TILE_H
#define TESSERA_TILE_H

#include "hal/csr.h"
#include "runtime/common/node.h"
#include "tessera_abi.h"

/* The own tile's drivers and blocking DMA (tsr_node_read(), tsr_node_write(), ...). */
tsr_node_t *tsr_self(void);

/* Number of tiles, and the own index: row by row from the north-west corner of the rectangle. */
static inline uint32_t tsr_tile_count(const tsr_launch_t *l) {
  return (uint32_t)l->grid_w * l->grid_h;
}
static inline uint32_t tsr_tile_index(const tsr_launch_t *l) {
  const tsr_node_id_t here = tsr_self()->self.node;
  uint64_t before = l->tiles[0] | (uint64_t)l->tiles[1] << 32;
  before &= (1ull << tsr_node_index(here.x, here.y)) - 1;
  uint32_t index = 0;
  for (; before != 0; before &= before - 1) {
    index++;
  }
  return index;
}

/* The tiles as a grid, and the own position in it. It is the launched rectangle if all of that
 * works. */
static inline uint32_t tsr_grid_w(const tsr_launch_t *l) { return l->grid_w; }
static inline uint32_t tsr_grid_h(const tsr_launch_t *l) { return l->grid_h; }
static inline uint32_t tsr_grid_x(const tsr_launch_t *l) { return tsr_tile_index(l) % l->grid_w; }
static inline uint32_t tsr_grid_y(const tsr_launch_t *l) { return tsr_tile_index(l) / l->grid_w; }

/* A buffer in HBM, as `tessera run --in` and `--out` give it in front of the kernel's other
 * argument words. */
typedef struct {
  uint32_t lo, hi; /* global address */
  uint32_t bytes;
} tsr_buffer_t;

static inline uint64_t tsr_buffer_address(const tsr_buffer_t *buffer) {
  return (uint64_t)buffer->hi << 32 | buffer->lo;
}

/* Append a word to the trace ring in DTCM (about ten cycles); debuggers and the platform read it
 * there. */
void tsr_trace(uint32_t word);

/* Leave the kernel with `code` unless `expr` is TSR_OK. */
#define TSR_KERNEL_TRY(expr, code) \
  do {                             \
    if ((expr) != TSR_OK) {        \
      return code;                 \
    }                              \
  } while (0)

#endif
