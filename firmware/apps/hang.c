/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that never finishes. */
#include "runtime/tessera_tile.h"

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  for (;;) {
    tsr_barrier();
  }
}
