/* SPDX-License-Identifier: Apache-2.0 */
/* DMA that runs over the end of the scratchpad: ends as an engine fault. Returns 1 if it did not.
 */
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  tsr_node_t *node = tsr_self();
  TSR_KERNEL_TRY(tsr_node_read(node, 0, node->self.spm_bytes - 64, 128), 2);
  return 1;
}
