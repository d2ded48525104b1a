/* SPDX-License-Identifier: Apache-2.0 */
/* DMA descriptor with a count of zero: ends as an engine fault. Returns 1 if it did not. */
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  TSR_KERNEL_TRY(tsr_node_read(tsr_self(), 0, 0, 0), 2);
  return 1;
}
