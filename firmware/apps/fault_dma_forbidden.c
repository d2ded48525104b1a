/* SPDX-License-Identifier: Apache-2.0 */
/* DMA from the scratchpad of node (0, 0): no access window of a tile allows reads there, so it ends
 * as an engine fault. Returns 1 if it did not. */
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  TSR_KERNEL_TRY(tsr_node_read(tsr_self(), tsr_addr_node(0, 0, TSR_SPM_BASE), 0, 64), 2);
  return 1;
}
