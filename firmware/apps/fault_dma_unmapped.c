/* SPDX-License-Identifier: Apache-2.0 */
/* DMA from an HBM address beyond the memory's end: ends as an engine fault. Returns 1 if it did
 * not. */
#include "runtime/tessera_tile.h"

#define UNMAPPED_HBM 0xff00000000ull

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  TSR_KERNEL_TRY(tsr_node_read(tsr_self(), UNMAPPED_HBM, 0, 256), 2);
  return 1;
}
