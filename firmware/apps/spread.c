/* SPDX-License-Identifier: Apache-2.0 */
/* One tile reads HBM for all. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

#define SEM 3u
#define TO 0x4003u /* where the data go */
#define TIMEOUT 1000000u

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_spread_args_t *args = (const tsr_spread_args_t *)(const void *)launch->args;
  tsr_node_t *self = tsr_self();
  const uint32_t index = tsr_tile_index(launch);
  const tsr_rect_t all = {launch->x0, launch->y0, launch->x1, launch->y1};
  if (index == args->reader) {
    TSR_KERNEL_TRY(tsr_node_spread(self, args->src, TO, all, args->bytes, SEM), 1);
  } else {
    TSR_KERNEL_TRY(tsr_node_hear(self, args->src, args->bytes, SEM, TIMEOUT), 2);
  }
  TSR_KERNEL_TRY(tsr_node_write(self, TO, args->dst + index * args->bytes, args->bytes), 3);
  return 0;
}
