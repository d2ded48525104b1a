/* SPDX-License-Identifier: Apache-2.0 */
/* Something to debug: a sum that a trap interrupts. Returns 0 only if a debugger led the program
 * past the trap and set `bias`. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

#define ROUNDS 10u
#define WANTED_BIAS 7u

/* volatile: the debugger reads and writes them. */
volatile uint32_t bias;
volatile uint32_t total;

__attribute__((noinline)) static uint32_t square(uint32_t n) { return n * n; }

__attribute__((noinline)) static void add(uint32_t n) { total = total + square(n) + bias; }

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const uint32_t index = tsr_tile_index(launch);
  total = index;
  for (uint32_t n = 0; n < ROUNDS; ++n) {
    add(n);
  }
  __asm__ volatile(".globl debug_trap\ndebug_trap: .word 0");
  tsr_spm_write(0, total);
  return total == index + 285u + ROUNDS * WANTED_BIAS ? 0 : 1;
}
