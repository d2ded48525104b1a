/* SPDX-License-Identifier: Apache-2.0 */
/* Ctl runtime: starts the tiles from the boot image, then serves the host's command ring. */
#include <stdint.h>

#include "drivers/fuse.h"
#include "drivers/mailbox.h"
#include "drivers/uart.h"
#include "hal/csr.h"
#include "regs/tile_regs.h"
#include "runtime/ctl/heal.h"
#include "runtime/ctl/launch.h"

static const tsr_uart_t uart = {{TSR_UART_BASE}};
static const tsr_mailbox_t mailbox = {{TSR_MAILBOX_BASE}};
static const tsr_fuse_t fuse = {{TSR_FUSE_BASE}};

static tsr_chip_t chip;

/* A UART that does not send is no reason to stop. */
static void say(const char *text) { (void)!tsr_uart_print(&uart, text); }
static void say_hex(uint32_t value) { (void)!tsr_uart_print_hex(&uart, value); }

static void __attribute__((noreturn))
fatal(uint32_t reason, uint32_t d0, uint32_t d1, uint32_t d2) {
  const uint32_t details[TSR_MAILBOX_DETAILS] = {d0, d1, d2, 0};
  (void)!tsr_mailbox_set_status(&mailbox, TSR_STATUS_FATAL | (reason << 8), details);
  say("ctl: fatal ");
  say_hex(reason);
  say(" ");
  say_hex(d0);
  say("\n");
  tsr_halt();
}

void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value);
void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value) {
  fatal(TSR_FATAL_TRAP, cause, pc, value);
}

/* Stop on a failed helper; a DMA error leaves its details in the captured error. */
static void must(tsr_status_t status) {
  if (status == TSR_OK) {
    return;
  }
  if (chip.cut_off != 0) {
    fatal(TSR_FATAL_HBM, chip.cut_off - 1, 0, 0);
  }
  tsr_tile_error_t first = {.valid = false};
  tsr_tile_error_t last = first;
  (void)!tsr_tile_errors(&chip.node.regs, &first, &last);
  const uint32_t code =
      last.valid ? last.info | ((uint32_t)last.code << 8) : (uint32_t)status << 16;
  fatal(TSR_FATAL_DMA, code, (uint32_t)last.address, (uint32_t)(last.address >> 32));
}

/* Windows, images and cores of all tiles; then the debug locks. */
static void start_tiles(void) {
  uint64_t missing = 0;
  if (chip.tiles == 0) {
    fatal(TSR_FATAL_TILE, 0, 0, 0);
  }
  must(tsr_chip_open(&chip, chip.tiles));
  must(tsr_chip_start(&chip, chip.tiles, &missing));
  if (missing != 0) {
    fatal(TSR_FATAL_TILE, (uint32_t)missing, (uint32_t)(missing >> 32), 0);
  }
  tsr_fuse_map_t fuses;
  must(tsr_fuse_read(&fuse, &fuses));
  must(tsr_fuse_lock_debug(&fuse));
  if (!fuses.debug_open) {
    must(tsr_chip_write_all(&chip, chip.tiles, TSR_REGS_BASE + TSR_TILE_DBG_LOCK_OFFSET,
                            TSR_TILE_DBG_LOCK_LOCK_MASK));
    must(tsr_tile_lock_debug(&chip.node.regs));
  }
}

/* Tell everybody of links that died, and that the chip is ready again. */
static void report_links(uint32_t found, uint32_t cycles) {
  if (found == 0) {
    return;
  }
  const uint32_t details[TSR_MAILBOX_DETAILS] = {found, cycles, (uint32_t)chip.tiles,
                                                 (uint32_t)(chip.tiles >> 32)};
  say("ctl: dead links: ");
  say_hex(found);
  say(", routed around; cycles: ");
  say_hex(cycles);
  say(", tiles ready: ");
  say_hex(tsr_chip_count(chip.tiles));
  say("\n");
  must(tsr_mailbox_set_status(&mailbox, TSR_STATUS_READY, details));
}

/* The own DMA has met an error: a link may have died. The caller tries again. */
static void heal(void) {
  const uint64_t start = tsr_cycles();
  uint32_t found = 0;
  must(tsr_node_reset(&chip.node));
  must(tsr_heal_links(&chip, &found));
  if (found != 0) {
    must(tsr_heal_restart(&chip));
  }
  report_links(found, (uint32_t)(tsr_cycles() - start));
}

/* Run one command of the ring and write its completion record. */
static void serve(uint64_t ring, uint32_t entry) {
  tsr_completion_t completion;
  const uint64_t command = ring + entry * sizeof(tsr_command_t);
  const uint64_t record =
      ring + TSR_RING_ENTRIES * sizeof(tsr_command_t) + entry * sizeof(completion);
  if (tsr_node_read(&chip.node, command, TSR_CTL_SPM_COMMAND, sizeof(tsr_command_t)) != TSR_OK) {
    heal();
    must(tsr_node_read(&chip.node, command, TSR_CTL_SPM_COMMAND, sizeof(tsr_command_t)));
  }
  must(tsr_launch_run(&chip, &completion));
  report_links(completion.dead_links, completion.recovery);
  const uint32_t *words = (const uint32_t *)&completion;
  for (uint32_t i = 0; i < sizeof(completion) / 4; i++) {
    tsr_spm_write(TSR_CTL_SPM_COMPLETION + 4 * i, words[i]);
  }
  if (tsr_node_write(&chip.node, TSR_CTL_SPM_COMPLETION, record, sizeof(completion)) != TSR_OK) {
    heal();
    must(tsr_node_write(&chip.node, TSR_CTL_SPM_COMPLETION, record, sizeof(completion)));
  }
  must(tsr_mailbox_raise_done(&mailbox));
}

int main(uint32_t image_lo, uint32_t image_hi);
int main(uint32_t image_lo, uint32_t image_hi) {
  must(tsr_chip_init(&chip, image_lo | ((uint64_t)image_hi << 32)));
  start_tiles();
  say("ctl: tiles ready: ");
  say_hex(tsr_chip_count(chip.tiles));
  say("\n");
  must(tsr_mailbox_set_status(&mailbox, TSR_STATUS_READY, 0));

  uint64_t ring = 0;
  bool have_ring = false;
  uint32_t head = 0;
  for (;;) {
    tsr_mailbox_command_t command;
    while (tsr_mailbox_take(&mailbox, &command) != TSR_OK) {
      tsr_irq_sleep(TSR_IRQ_CTL_MAILBOX);
    }
    if (command.code == TSR_MBOX_RING_BASE) {
      ring = command.args[0] | ((uint64_t)command.args[1] << 32);
      have_ring = true;
      head = 0;
    } else if (command.code == TSR_MBOX_DOORBELL && have_ring) {
      while (head != command.args[0] % TSR_RING_ENTRIES) {
        serve(ring, head);
        head = (head + 1) % TSR_RING_ENTRIES;
      }
    }
  }
}
