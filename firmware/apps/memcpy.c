/* SPDX-License-Identifier: Apache-2.0 */
/* Copy HBM to HBM: every tile moves its share through its scratchpad. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

#define PART_BYTES 65536u

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_memcpy_args_t *args = (const tsr_memcpy_args_t *)(const void *)launch->args;
  const uint32_t count = tsr_tile_count(launch);
  const uint32_t share = (args->bytes + count - 1) / count;
  const uint32_t begin = tsr_tile_index(launch) * share;
  const uint32_t end = begin + share < args->bytes ? begin + share : args->bytes;
  for (uint32_t at = begin; at < end;) {
    const uint32_t part = end - at < PART_BYTES ? end - at : PART_BYTES;
    TSR_KERNEL_TRY(tsr_node_read(tsr_self(), args->src + at, 0, part), 1);
    TSR_KERNEL_TRY(tsr_node_write(tsr_self(), 0, args->dst + at, part), 2);
    at += part;
  }
  return 0;
}
