/* SPDX-License-Identifier: Apache-2.0 */
/* Opcode that no engine knows: ends as an engine fault. Returns 1 if it did not. */
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  tsr_node_t *node = tsr_self();
  tsr_cmd_t cmd;
  tsr_cmd_init(&cmd, 0x7f, 0, 0x1234);
  tsr_cmd_post(&cmd, 0, 0, 1);
  TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd), 2);
  TSR_KERNEL_TRY(tsr_node_wait(node, 0, 1, 100000), 3);
  return 1;
}
