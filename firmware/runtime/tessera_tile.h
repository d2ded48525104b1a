/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel author uses. A kernel is a function
 *     int kernel_<name>(const tsr_launch_t *launch)
 * that runs on every tile of the launched rectangle and returns 0, or anything else to report a
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

/* Size of the launched rectangle, and the own position in it. */
static inline uint32_t tsr_grid_w(const tsr_launch_t *l) { return l->x1 - l->x0 + 1u; }
static inline uint32_t tsr_grid_h(const tsr_launch_t *l) { return l->y1 - l->y0 + 1u; }
static inline uint32_t tsr_grid_x(const tsr_launch_t *l) { return tsr_self()->self.node.x - l->x0; }
static inline uint32_t tsr_grid_y(const tsr_launch_t *l) { return tsr_self()->self.node.y - l->y0; }

/* Number of tiles, and the own index: row by row from the north-west corner. */
static inline uint32_t tsr_tile_count(const tsr_launch_t *l) {
  return tsr_grid_w(l) * tsr_grid_h(l);
}
static inline uint32_t tsr_tile_index(const tsr_launch_t *l) {
  return tsr_grid_y(l) * tsr_grid_w(l) + tsr_grid_x(l);
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
