/* SPDX-License-Identifier: Apache-2.0 */
/* Markers around DMA transfers and a loop, for timelines: every tile reads the start of HBM thrice.
 */
#include "runtime/tessera_mark.h"
#include "runtime/tessera_tile.h"

#define ROUNDS 3u
#define BLOCK_BYTES 2048u

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  (void)launch;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    TSR_MARK_BEGIN(1, "round");
    TSR_MARK_BEGIN(2, "read block");
    TSR_KERNEL_TRY(tsr_node_read(tsr_self(), tsr_addr_hbm(0), 0, BLOCK_BYTES), -1);
    TSR_MARK_END(2);
    TSR_MARK_BEGIN(2047, "wait \"a\" bit");
    const uint64_t start = tsr_cycles();
    while (tsr_cycles() - start < 200) {
    }
    TSR_MARK_END(2047);
    TSR_MARK_END(1);
  }
  return 0;
}
