/* SPDX-License-Identifier: Apache-2.0 */
/* All tiles share three words by atomics. */
#include <stddef.h>

#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_atomics_args_t *args = (const tsr_atomics_args_t *)(const void *)launch->args;
  const tsr_node_t *self = tsr_self();
  const uint32_t index = tsr_tile_index(launch);
  uint32_t old = 0, sum = 0;
  for (uint32_t i = 0; i < args->rounds; i++) {
    TSR_KERNEL_TRY(tsr_atomic(self, TSR_AMO_ADD, args->counter, 1, 0, &old), 1);
    sum += old;
  }
  TSR_KERNEL_TRY(tsr_atomic(self, TSR_AMO_MAX, args->counter + 4, index, 0, NULL), 2);
  TSR_KERNEL_TRY(tsr_atomic(self, TSR_AMO_SWAP, args->counter + 8, index + 1, 0, &old), 3);
  tsr_spm_write(0, sum);
  tsr_spm_write(4, old);
  TSR_KERNEL_TRY(tsr_node_write(tsr_self(), 0, args->out + 8 * index, 8), 4);
  return 0;
}
