/* SPDX-License-Identifier: Apache-2.0 */
/* Boot ROM of the ctl node: brings up HBM, waits for an image, checks and loads the ctl part of it,
 * and jumps there with the image's HBM address in a0 (low) and a1 (high). A bad image is reported,
 * and the ROM waits for the next one. */
#include <stdint.h>

#include "boot/crc32.h"
#include "drivers/fuse.h"
#include "drivers/hbm.h"
#include "drivers/mailbox.h"
#include "drivers/sys.h"
#include "drivers/uart.h"
#include "hal/csr.h"
#include "runtime/common/image.h"
#include "runtime/ctl/detour.h"

#define TSR_BOOT_RESERVED 0x0001c000u /* DTCM of the ctl node from here on is the ROM's */
#define TSR_BOOT_BIT_CYCLES 8u
#define TSR_BOOT_HBM_TIMEOUT 2000000u
#define TSR_BOOT_WINDOW 0u
#define TSR_BOOT_CRC_SKIP 16u /* bytes of the header that the checksum does not cover */
#define TSR_BOOT_BAD_CRC 6u   /* follows the field numbers of tsr_image_check() */
#define TSR_BOOT_BAD_ADDRESS 7u

static const tsr_uart_t uart = {{TSR_UART_BASE}};
static const tsr_mailbox_t mailbox = {{TSR_MAILBOX_BASE}};
static const tsr_sys_t sys = {{TSR_SYS_BASE}};

static const tsr_fuse_t fuse = {{TSR_FUSE_BASE}};

static tsr_node_t node;
static tsr_links_t links;
static union {
  tsr_routes_t routes; /* before the first image */
  tsr_crc32_table_t crc_table;
} memory;

/* A UART that does not send is no reason not to boot. */
static void say(const char *text) { (void)!tsr_uart_print(&uart, text); }
static void say_hex(uint32_t value) { (void)!tsr_uart_print_hex(&uart, value); }

static void show(uint32_t status) { (void)!tsr_mailbox_set_status(&mailbox, status, 0); }

static void fatal(const char *what, uint32_t reason, uint32_t d0, uint32_t d1, uint32_t d2) {
  const uint32_t details[TSR_MAILBOX_DETAILS] = {d0, d1, d2, 0};
  (void)!tsr_mailbox_set_status(&mailbox, TSR_STATUS_FATAL | (reason << 8), details);
  say("boot: fatal: ");
  say(what);
  say(" ");
  say_hex(d0);
  say("\n");
}

void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value);
void tsr_trap(uint32_t cause, uint32_t pc, uint32_t value) {
  fatal("trap", TSR_FATAL_TRAP, cause, pc, value);
  tsr_halt();
}

/* Report a failed DMA: its network error in bits 7:0, its command error in bits 15:8. */
static void fatal_dma(tsr_status_t status) {
  tsr_tile_error_t first = {.valid = false};
  tsr_tile_error_t last = first;
  (void)!tsr_tile_errors(&node.regs, &first, &last);
  const uint32_t code =
      last.valid ? last.info | ((uint32_t)last.code << 8) : (uint32_t)status << 16;
  fatal("DMA", TSR_FATAL_DMA, code, (uint32_t)last.address, (uint32_t)(last.address >> 32));
  (void)!tsr_node_reset(&node);
}

/* Way around the dead links that the fuses name, if any. */
static tsr_status_t find_ways(const tsr_sys_info_t *info) {
  tsr_fuse_map_t fuses;
  TSR_TRY(tsr_fuse_read(&fuse, &fuses));
  links = (tsr_links_t){.reach = UINT64_MAX, .whole = true};
  if ((fuses.dead_east | fuses.dead_south) == 0) {
    return TSR_OK;
  }
  TSR_TRY(tsr_links_init(&links, info->mesh_w, info->mesh_h, info->ctl, fuses.dead_east,
                         fuses.dead_south));
  return links.whole ? TSR_OK : tsr_detour_load(&node, &links, &memory.routes);
}

/* Initialize all memory nodes at once. One that cannot be reached is none that works. */
static tsr_status_t init_hbm(const tsr_sys_info_t *info, uint32_t *which) {
  const tsr_hbm_t hbm = {{TSR_WINDOW_BASE(TSR_BOOT_WINDOW) + TSR_REGS_BASE}};
  for (uint32_t pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < info->mem_count; i++) {
      *which = i;
      if (!tsr_links_reach(&links, info->mem[i])) {
        return TSR_FAILED;
      }
      const uint64_t base = tsr_addr_node(info->mem[i].x, info->mem[i].y, 0);
      TSR_TRY(tsr_tile_core_window(&node.regs, TSR_BOOT_WINDOW, base));
      TSR_TRY(pass == 0 ? tsr_hbm_start_init(&hbm) : tsr_hbm_wait_init(&hbm, TSR_BOOT_HBM_TIMEOUT));
    }
  }
  return TSR_OK;
}

/* Sleep until the host sends a BOOT command; others are ignored. */
static uint64_t wait_for_image(void) {
  tsr_mailbox_command_t command;
  for (;;) {
    while (tsr_mailbox_take(&mailbox, &command) != TSR_OK) {
      tsr_irq_sleep(TSR_IRQ_CTL_MAILBOX);
    }
    if (command.code == TSR_MBOX_BOOT) {
      return command.args[0] | ((uint64_t)command.args[1] << 32);
    }
  }
}

/* Checksum of the whole image, read in pieces through the scratchpad. */
static tsr_status_t checksum(uint64_t image, uint32_t total, uint32_t *crc) {
  uint32_t value = 0xffffffffu;
  for (uint32_t done = 0; done < total;) {
    const uint32_t left = total - done;
    const uint32_t part = left < TSR_IMAGE_STAGE_BYTES ? left : TSR_IMAGE_STAGE_BYTES;
    const uint32_t skip = done == 0 ? TSR_BOOT_CRC_SKIP : 0;
    TSR_TRY(tsr_node_read(&node, image + done, TSR_IMAGE_SPM_STAGE, part));
    value = tsr_crc32_spm(&memory.crc_table, value, TSR_IMAGE_SPM_STAGE + skip, (part - skip) / 4);
    done += part;
  }
  *crc = ~value;
  return TSR_OK;
}

static tsr_status_t send_to_self(void *nodes, uint32_t local, uint32_t bytes) {
  (void)nodes;
  const tsr_node_id_t here = node.self.node;
  return tsr_node_mcast(&node, TSR_IMAGE_SPM_STAGE, (tsr_rect_t){here.x, here.y, here.x, here.y},
                        local, bytes);
}

/* Check and load an image. Returns only if that failed, with the failure reported. */
static void boot(uint64_t image) {
  const uint32_t dtcm_end[2] = {TSR_BOOT_RESERVED, TSR_DTCM_BASE + TSR_LAUNCH_DTCM_OFFSET};
  tsr_image_header_t header;
  if ((image & 255) != 0) {
    fatal("image address", TSR_FATAL_IMAGE, TSR_BOOT_BAD_ADDRESS, (uint32_t)image,
          (uint32_t)(image >> 32));
    return;
  }
  tsr_status_t status = tsr_image_read_header(&node, image, &header);
  if (status != TSR_OK) {
    fatal_dma(status);
    return;
  }
  const uint32_t bad = tsr_image_check(&header, dtcm_end);
  if (bad != 0) {
    fatal("image field", TSR_FATAL_IMAGE, bad, 0, 0);
    return;
  }
  uint32_t crc = 0;
  status = checksum(image, header.total_bytes, &crc);
  if (status != TSR_OK) {
    fatal_dma(status);
    return;
  }
  if (crc != header.crc32) {
    fatal("image CRC", TSR_FATAL_IMAGE, TSR_BOOT_BAD_CRC, crc, header.crc32);
    return;
  }
  const tsr_rect_t self = {node.self.node.x, node.self.node.y, node.self.node.x, node.self.node.y};
  status = tsr_image_load(&node, image, &header, TSR_TARGET_CTL, send_to_self, 0);
  if (status != TSR_OK) {
    fatal_dma(status);
    return;
  }
  /* Multicast is posted: a read of the own register block through the network arrives behind it. */
  const tsr_mmio_t own = {TSR_WINDOW_BASE(TSR_BOOT_WINDOW) + TSR_REGS_BASE};
  if (tsr_tile_core_window(&node.regs, TSR_BOOT_WINDOW, tsr_addr_node(self.x0, self.y0, 0)) !=
      TSR_OK) {
    return;
  }
  (void)tsr_mmio_read(own, 0);
  say("boot: image ok, starting ctl\n");
  __asm__ volatile("fence.i" : : : "memory");
  void (*const entry)(uint32_t, uint32_t) =
      (void (*)(uint32_t, uint32_t))(uintptr_t)header.ctl_entry;
  entry((uint32_t)image, (uint32_t)(image >> 32));
}

int main(void) {
  (void)!tsr_uart_init(&uart, TSR_BOOT_BIT_CYCLES);
  show(TSR_STATUS_ROM);
  say("\nTessera boot ROM\n");
  tsr_sys_info_t info;
  if (tsr_node_init(&node) != TSR_OK || tsr_node_reset(&node) != TSR_OK ||
      tsr_sys_read(&sys, &info) != TSR_OK) {
    fatal("configuration", TSR_FATAL_CONFIG, 0, 0, 0);
    tsr_halt();
  }
  if (find_ways(&info) != TSR_OK) {
    fatal("routes", TSR_FATAL_ROUTES, 0, 0, 0);
    tsr_halt();
  }
  uint32_t which = 0;
  if (init_hbm(&info, &which) != TSR_OK) {
    fatal("HBM node", TSR_FATAL_HBM, which, 0, 0);
    tsr_halt();
  }
  tsr_crc32_init(&memory.crc_table);
  show(TSR_STATUS_HBM_READY);
  say("boot: HBM ready, waiting for an image\n");
  for (;;) {
    const uint64_t image = wait_for_image();
    show(TSR_STATUS_LOADING);
    boot(image);
  }
}
