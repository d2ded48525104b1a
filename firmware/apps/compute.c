/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the core busy with loads, stores, arithmetic and branches: for simulation speed. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

static uint32_t table[TSR_COMPUTE_WORDS];

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_compute_args_t *args = (const tsr_compute_args_t *)(const void *)launch->args;
  for (uint32_t i = 0; i < TSR_COMPUTE_WORDS; i++) {
    table[i] = i * 0x9e3779b9u;
  }
  uint32_t hash = 1;
  for (uint32_t round = 0; round < args->rounds; round++) {
    for (uint32_t i = 0; i < TSR_COMPUTE_WORDS; i++) {
      const uint32_t word = table[i];
      hash = (hash ^ word) * 0x01000193u;
      if ((hash & 8u) != 0) {
        table[i] = word + hash;
      }
    }
  }
  return args->expected != 0 && hash != args->expected ? 1 : 0;
}
