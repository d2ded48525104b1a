/* SPDX-License-Identifier: Apache-2.0 */
/* What ctl asks may be lost on a link that has died. Nothing here waits for ever: writes are
 * posted, and reads are commands of the DMA with a timeout of their own. */
#include "runtime/ctl/heal.h"

#include <stddef.h>

#include "hal/csr.h"
#include "regs/hbm_regs.h"
#include "regs/tile_regs.h"

#define READ_TIMEOUT 20000u /* much more than a router's watchdog takes */
#define QUIET_CYCLES 20000u /* for commands that run in tiles held in reset */
#define ROUNDS 32u
#define STATUS_SELECT 7u
#define NET_SELECT 8u
#define STATUS_FIXED 0xe000ffe1u /* bits that are zero in every status */
#define STATUS_TABLES (1u << 16) /* the control word's bit 0 */

enum { NORTH = 1, EAST, SOUTH, WEST };

static tsr_routes_t routes;

static bool is_in(uint64_t map, uint32_t node) { return (map >> node & 1) != 0; }

static bool is_memory(const tsr_chip_t *chip, uint32_t node) {
  for (uint32_t i = 0; i < chip->info.mem_count; i++) {
    if (tsr_node_index(chip->info.mem[i].x, chip->info.mem[i].y) == node) {
      return true;
    }
  }
  return false;
}

/* A word of a node; false if no answer came. */
static bool read_word(tsr_chip_t *chip, uint32_t node, uint32_t local, uint32_t *value) {
  tsr_dma_shape_t shape = tsr_dma_linear(4);
  shape.timeout = READ_TIMEOUT;
  tsr_cmd_t cmd;
  tsr_dma_read_cmd(&cmd, TSR_NODE_CTX, 0, tsr_addr_node(node % 8, node / 8, local),
                   TSR_CTL_SPM_WORDS);
  if (tsr_node_run_dma(&chip->node, TSR_ENGINE_RDMA, &cmd, &shape) == TSR_OK) {
    *value = tsr_spm_read(TSR_CTL_SPM_WORDS);
    return true;
  }
  (void)!tsr_node_reset(&chip->node);
  return false;
}

/* Status of one network of a node's router. Bare nodes show it without being asked. */
static bool read_status(tsr_chip_t *chip, uint32_t node, uint32_t select, uint32_t *status) {
  const bool memory = is_memory(chip, node);
  if (!memory && node != chip->links.ctl && !is_in(chip->info.tiles, node)) {
    return read_word(chip, node, TSR_REGS_BASE + 4 * select, status);
  }
  const uint32_t sel = memory ? TSR_HBM_ROUTER_SEL_OFFSET : TSR_TILE_ROUTER_SEL_OFFSET;
  const uint32_t count = memory ? TSR_HBM_ROUTER_COUNT_OFFSET : TSR_TILE_ROUTER_COUNT_OFFSET;
  return tsr_chip_write_all(chip, 1ull << node, TSR_REGS_BASE + sel, select) == TSR_OK &&
         read_word(chip, node, TSR_REGS_BASE + count, status);
}

/* Note a port that leads nowhere; returns whether that is news. */
static bool note(tsr_chip_t *chip, uint32_t node, uint32_t port) {
  const uint32_t owner = port == NORTH ? node - 8 : port == WEST ? node - 1 : node;
  uint64_t *map = port == EAST || port == WEST ? &chip->dead_east : &chip->dead_south;
  if (!is_in(chip->links.live[port], node) || is_in(*map, owner)) {
    return false;
  }
  *map |= 1ull << owner;
  return true;
}

/* Whether a node's router shows its two status words. */
static bool ask_router(tsr_chip_t *chip, uint32_t node, uint32_t *found) {
  for (uint32_t net = 0; net < 2; net++) {
    uint32_t status = 0;
    if (!read_status(chip, node, STATUS_SELECT + NET_SELECT * net, &status)) {
      return false;
    }
    const bool tables = (status & STATUS_TABLES) != 0;
    if ((status & STATUS_FIXED) != 0 || tables == chip->links.whole) {
      return true; /* no router's status: an endpoint of another kind */
    }
    for (uint32_t p = NORTH; p <= WEST; p++) {
      *found += (status >> p & 1) != 0 && note(chip, node, p);
    }
  }
  return true;
}

/* Look at the routers of `ask`; returns the first node without an answer, or an empty map. Without
 * tables, nodes behind a dead link are left out. */
static uint64_t scan(tsr_chip_t *chip, uint64_t ask, uint32_t *found) {
  const tsr_sys_info_t *info = &chip->info;
  for (uint32_t node = 0; node < 64; node++) {
    const uint32_t known = *found;
    if (is_in(ask, node) && !ask_router(chip, node, found)) {
      return 1ull << node;
    }
    tsr_links_t now;
    if (chip->links.whole && *found != known &&
        tsr_links_init(&now, info->mesh_w, info->mesh_h, info->ctl, chip->dead_east,
                       chip->dead_south) == TSR_OK) {
      ask &= tsr_links_direct(&now, now.ctl);
    }
  }
  return 0;
}

static void wait(uint32_t cycles) {
  const uint64_t start = tsr_cycles();
  while (tsr_cycles() - start < cycles) {
  }
}

/* Cores held, queues empty: as far as the posts arrive. */
static tsr_status_t hush(tsr_chip_t *chip) {
  TSR_TRY(tsr_chip_write_all(chip, chip->tiles, TSR_REGS_BASE + TSR_TILE_CORE_CTRL_OFFSET, 0));
  TSR_TRY(tsr_chip_write_all(chip, chip->tiles, TSR_REGS_BASE + TSR_TILE_ENGINE_CTRL_OFFSET,
                             TSR_TILE_ENGINE_CTRL_FLUSH_MASK));
  wait(QUIET_CYCLES);
  return TSR_OK;
}

tsr_status_t tsr_heal_links(tsr_chip_t *chip, uint32_t *found) {
  const tsr_sys_info_t *info = &chip->info;
  *found = 0;
  /* A mesh beyond the maps has no status to look at. */
  if (chip->links.whole && tsr_links_init(&chip->links, info->mesh_w, info->mesh_h, info->ctl,
                                          chip->dead_east, chip->dead_south) != TSR_OK) {
    return TSR_OK;
  }
  /* A read that is lost wakes the watchdog of the link that loses it: the next round sees that. */
  uint64_t doubted = 0, given_up = 0;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t news = 0;
    const uint64_t silent = scan(chip, chip->links.reach & ~given_up, &news);
    if (news != 0) {
      *found += news;
      TSR_TRY(hush(chip));
      TSR_TRY(tsr_chip_find_links(chip));
      TSR_TRY(tsr_detour_load(&chip->node, &chip->links, &routes));
    } else if (silent == 0) {
      break;
    } else {
      given_up |= silent & doubted;
      doubted |= silent;
    }
  }
  chip->tiles &= ~given_up;
  return TSR_OK;
}

tsr_status_t tsr_heal_restart(tsr_chip_t *chip) {
  uint64_t missing = 0;
  TSR_TRY(tsr_chip_route(chip, chip->tiles));
  TSR_TRY(tsr_chip_stop(chip, chip->tiles));
  return tsr_chip_start(chip, chip->tiles, &missing);
}
