/* SPDX-License-Identifier: Apache-2.0 */
/* Trap in one of several ways. Returns 1 if nothing trapped. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

#define HOLE 0x00f00000u /* nothing is there in a node's address map */
#define UNMAPPED_HBM 0xff00000000ull

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_fault_trap_args_t *args = (const tsr_fault_trap_args_t *)(const void *)launch->args;
  const uint32_t kind = launch->args_bytes < sizeof(*args) ? TSR_TRAP_ILLEGAL : args->kind;
  switch (kind) {
    case TSR_TRAP_LOAD:
      (void)tsr_mmio_read((tsr_mmio_t){HOLE}, 0);
      break;
    case TSR_TRAP_STORE:
      TSR_KERNEL_TRY(tsr_tile_core_window(&tsr_self()->regs, 0, UNMAPPED_HBM), 2);
      tsr_mmio_write((tsr_mmio_t){TSR_WINDOW_BASE(0)}, 0, 0);
      break;
    case TSR_TRAP_MISALIGNED:
      __asm__ volatile("lw t0, 1(%0)" : : "r"(TSR_DTCM_BASE) : "t0", "memory");
      break;
    case TSR_TRAP_FETCH:
      __asm__ volatile("jalr ra, 0(%0)" : : "r"(TSR_DTCM_BASE) : "ra", "memory");
      break;
    default:
      __asm__ volatile(".word 0");
      break;
  }
  return 1;
}
