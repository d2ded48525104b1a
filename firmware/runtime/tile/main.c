/* SPDX-License-Identifier: Apache-2.0 */
/* Tile runtime: sleeps until a launch, runs the kernel, reports to ctl. */
#include "runtime/tessera_tile.h"

#define TSR_CAUSE_INTERRUPT 0x80000000u
#define TSR_CAUSE_ERROR (TSR_CAUSE_INTERRUPT | 17u)
#define TSR_SOURCE_ENGINE (TSR_ENGINES - 1) /* highest engine as a source of an error */

static tsr_node_t node;
static tsr_node_id_t ctl; /* left by ctl in SCRATCH before the core starts */

tsr_node_t *tsr_self(void) { return &node; }

void tsr_trace(uint32_t word) {
  const tsr_mmio_t ring = {TSR_DTCM_BASE + TSR_TRACE_DTCM_OFFSET};
  const uint32_t count = tsr_mmio_read(ring, 0);
  tsr_mmio_write(ring, 4 + 4 * (count % TSR_TRACE_ENTRIES), word);
  tsr_mmio_write(ring, 0, count + 1);
}

static void leave(uint32_t word, uint32_t value) {
  (void)!tsr_tile_scratch_write(&node.regs, word, value);
}

/* Tell ctl. FAULT goes first: posts arrive in order. */
static void report(uint32_t state, bool fault, uint32_t weight) {
  leave(TSR_SCRATCH_STATE, state);
  if (fault) {
    (void)!tsr_tile_post(&node.regs, ctl, TSR_CTL_SEM_FAULT, 1);
  }
  (void)!tsr_tile_post(&node.regs, ctl, TSR_CTL_SEM_DONE, weight);
}

/* The error that stopped an engine: accesses that its command made are recorded beside it. */
static uint32_t record_error(void) {
  tsr_tile_error_t first = {.valid = false};
  tsr_tile_error_t last = first;
  (void)!tsr_tile_errors(&node.regs, &first, &last);
  const tsr_tile_error_t *e =
      first.source > TSR_SOURCE_ENGINE && last.source <= TSR_SOURCE_ENGINE ? &last : &first;
  leave(TSR_SCRATCH_CAUSE, e->code);
  leave(TSR_SCRATCH_ADDRESS, (uint32_t)e->address);
  leave(TSR_SCRATCH_ADDRESS + 1, (uint32_t)(e->address >> 32));
  leave(TSR_SCRATCH_ENGINE, e->source | ((uint32_t)e->info << 8) | ((uint32_t)e->cmd << 16));
  return e->source <= TSR_SOURCE_ENGINE ? TSR_FAULT_ENGINE : TSR_FAULT_ACCESS;
}

/* Every trap is the end of the program: leave the fault record, tell ctl, wait to be restarted. */
void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value);
void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value) {
  uint32_t fault = TSR_FAULT_TRAP;
  leave(TSR_SCRATCH_PC, pc);
  if (cause == TSR_CAUSE_ERROR) {
    fault = record_error();
  } else {
    leave(TSR_SCRATCH_CAUSE, cause);
    leave(TSR_SCRATCH_ADDRESS, value);
    leave(TSR_SCRATCH_ADDRESS + 1, 0);
    leave(TSR_SCRATCH_ENGINE, 0);
  }
  report(TSR_TILE_FAULT | (fault << 8), true, TSR_CTL_FAULT_WEIGHT);
  tsr_halt();
}

int main(void) {
  const tsr_launch_t *launch =
      (const tsr_launch_t *)(uintptr_t)(TSR_DTCM_BASE + TSR_LAUNCH_DTCM_OFFSET);
  tsr_mmio_write((tsr_mmio_t){TSR_DTCM_BASE + TSR_TRACE_DTCM_OFFSET}, 0, 0);
  if (tsr_node_init(&node) != TSR_OK || tsr_node_reset(&node) != TSR_OK) {
    tsr_halt(); /* ctl misses the report */
  }
  uint32_t word = 0;
  (void)!tsr_tile_scratch_read(&node.regs, TSR_SCRATCH_VALUE, &word);
  ctl = (tsr_node_id_t){(uint8_t)word, (uint8_t)(word >> 8)};
  tsr_irq_enable(TSR_IRQ_ERROR);
  tsr_irq_global_enable();
  report(TSR_TILE_IDLE, false, 1);
  for (;;) {
    uint32_t pending = 0;
    while (tsr_tile_irq_pending(&node.regs, &pending) == TSR_OK &&
           (pending & TSR_TILE_IRQ_LAUNCH) == 0) {
      tsr_irq_sleep(TSR_IRQ_LAUNCH);
    }
    (void)!tsr_tile_irq_clear(&node.regs, TSR_TILE_IRQ_LAUNCH);
    tsr_barrier(); /* the descriptor came through the network */
    leave(TSR_SCRATCH_VALUE, 0);
    leave(TSR_SCRATCH_STATE, TSR_TILE_RUNNING);
    int (*const kernel)(const tsr_launch_t *) =
        (int (*)(const tsr_launch_t *))(uintptr_t)launch->kernel_pc;
    const int value = kernel(launch);
    leave(TSR_SCRATCH_VALUE, (uint32_t)value);
    leave(TSR_SCRATCH_SEQUENCE, launch->sequence);
    report(TSR_TILE_DONE, value != 0, 1);
  }
}
