/* SPDX-License-Identifier: Apache-2.0 */
/* Every tile writes a word to HBM. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_hello_args_t *args = (const tsr_hello_args_t *)(const void *)launch->args;
  const uint32_t index = tsr_tile_index(launch);
  tsr_spm_write(0, TSR_HELLO_WORD + index);
  TSR_KERNEL_TRY(tsr_node_write(tsr_self(), 0, args->address + 4 * index, 4), -1);
  return args->return_index != 0 ? (int)index : 0;
}
