/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ctl/chip.h"

#include <stddef.h>

#include "hal/csr.h"
#include "regs/tile_regs.h"

#define TSR_START_TIMEOUT 100000u /* cycles from RUN to the tiles' first report */
#define TSR_STOP_TIMEOUT (1u << 21)
#define TSR_LAST_PAGE 0xffffffffu
#define PIECE_BYTES 512u /* what the buffers of a router hold */

uint32_t tsr_chip_count(uint64_t tiles) {
  uint32_t count = 0;
  for (; tiles != 0; tiles &= tiles - 1) {
    count++;
  }
  return count;
}

uint64_t tsr_chip_rect_map(tsr_rect_t rect) {
  uint64_t map = 0;
  for (uint32_t y = rect.y0; y <= rect.y1 && y < 8; y++) {
    for (uint32_t x = rect.x0; x <= rect.x1 && x < 8; x++) {
      map |= 1ull << tsr_node_index(x, y);
    }
  }
  return map;
}

uint32_t tsr_chip_cover(uint64_t map, tsr_rect_t rects[TSR_CHIP_MAX_RECTS]) {
  uint32_t count = 0;
  for (uint8_t y = 0; y < 8; y++) {
    const uint32_t row = (uint32_t)(map >> (8 * y)) & 0xff;
    for (uint8_t x = 0; x < 8; x++) {
      if ((row & (1u << x)) == 0) {
        continue;
      }
      uint8_t end = x;
      while (end < 7 && (row & (2u << end)) != 0) {
        end++;
      }
      uint32_t i = 0; /* a run like the one above continues its rectangle */
      while (i < count && !(rects[i].x0 == x && rects[i].x1 == end && rects[i].y1 + 1 == y)) {
        i++;
      }
      if (i < count) {
        rects[i].y1 = y;
      } else {
        rects[count++] = (tsr_rect_t){x, y, end, y};
      }
      x = end;
    }
  }
  return count;
}

uint32_t tsr_chip_targets(const tsr_chip_t *chip, uint64_t map,
                          tsr_rect_t rects[TSR_CHIP_MAX_RECTS]) {
  if (chip->links.whole) {
    return tsr_chip_cover(map, rects);
  }
  uint32_t count = 0;
  for (uint8_t y = 0; map != 0; y++, map >>= 8) {
    uint32_t row = (uint32_t)map & 0xff;
    for (uint8_t x = 0; row != 0; x++, row >>= 1) {
      if ((row & 1) != 0) {
        rects[count++] = (tsr_rect_t){x, y, x, y};
      }
    }
  }
  return count;
}

bool tsr_chip_together(const tsr_chip_t *chip, uint64_t map) {
  for (uint32_t i = 0; i < 64 && !chip->links.whole; i++) {
    if ((map >> i & 1) != 0 && (map & ~tsr_links_direct(&chip->links, i)) != 0) {
      return false;
    }
  }
  return true;
}

tsr_status_t tsr_chip_find_links(tsr_chip_t *chip) {
  const tsr_sys_info_t *info = &chip->info;
  chip->links = (tsr_links_t){.reach = UINT64_MAX, .whole = true};
  if ((chip->dead_east | chip->dead_south) == 0) {
    return TSR_OK;
  }
  TSR_TRY(tsr_links_init(&chip->links, info->mesh_w, info->mesh_h, info->ctl, chip->dead_east,
                         chip->dead_south));
  chip->tiles &= chip->links.reach;
  for (uint32_t i = 0; i < info->mem_count; i++) {
    if (!tsr_links_reach(&chip->links, info->mem[i])) {
      chip->cut_off = i + 1;
      return TSR_FAILED;
    }
  }
  return TSR_OK;
}

tsr_status_t tsr_chip_init(tsr_chip_t *chip, uint64_t image) {
  static const tsr_sys_t sys = {{TSR_SYS_BASE}};
  static const tsr_fuse_t fuse = {{TSR_FUSE_BASE}};
  if (chip == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_node_init(&chip->node));
  TSR_TRY(tsr_node_reset(&chip->node));
  TSR_TRY(tsr_sys_read(&sys, &chip->info));
  tsr_fuse_map_t fuses;
  TSR_TRY(tsr_fuse_read(&fuse, &fuses));
  chip->tiles = chip->info.tiles;
  chip->dead_east = fuses.dead_east;
  chip->dead_south = fuses.dead_south;
  TSR_TRY(tsr_chip_find_links(chip));
  chip->image = image;
  const tsr_tile_remote_t posts_only = {.post = true, .last_byte = 0};
  TSR_TRY(tsr_tile_remote(&chip->node.regs, &posts_only));
  return tsr_image_read_header(&chip->node, image, &chip->header);
}

/* Send `shape` from the words area to node-local offset `local` of every node of `map`. */
static tsr_status_t mcast_map(tsr_chip_t *chip, uint64_t map, uint32_t local,
                              const tsr_dma_shape_t *shape) {
  tsr_rect_t rects[TSR_CHIP_MAX_RECTS];
  const uint32_t count = tsr_chip_targets(chip, map, rects);
  for (uint32_t i = 0; i < count; i++) {
    tsr_cmd_t cmd;
    tsr_dma_mcast_cmd(&cmd, TSR_NODE_CTX, 0, TSR_CTL_SPM_WORDS, rects[i], local);
    TSR_TRY(tsr_node_run_dma(&chip->node, TSR_ENGINE_WDMA, &cmd, shape));
  }
  return TSR_OK;
}

tsr_status_t tsr_chip_write_all(tsr_chip_t *chip, uint64_t map, uint32_t local, uint32_t value) {
  const tsr_dma_shape_t word = tsr_dma_linear(4);
  tsr_spm_write(TSR_CTL_SPM_WORDS, value);
  return mcast_map(chip, map, local, &word);
}

tsr_status_t tsr_chip_route(tsr_chip_t *chip, uint64_t map) {
  const tsr_dma_shape_t shape = tsr_dma_linear(4 * TSR_DETOUR_NI_WORDS);
  for (uint32_t i = 0; i < 64 && !chip->links.whole; i++) {
    if ((map >> i & 1) == 0) {
      continue;
    }
    uint32_t words[TSR_DETOUR_NI_WORDS];
    tsr_detour_ni(&chip->links, i, words);
    for (uint32_t w = 0; w < TSR_DETOUR_NI_WORDS; w++) {
      tsr_spm_write(TSR_CTL_SPM_WORDS + 4 * w, words[w]);
    }
    TSR_TRY(mcast_map(chip, 1ull << i, TSR_REGS_BASE + TSR_TILE_ROUTE_VC1_LO_OFFSET, &shape));
  }
  return TSR_OK;
}

tsr_status_t tsr_chip_open(tsr_chip_t *chip, uint64_t map) {
  /* BASE, LIMIT, CTRL of windows 0 and 1; the word after CTRL is a hole and is left out. */
  const uint32_t windows[2][3] = {
      {0, TSR_LAST_PAGE,
       TSR_FIELD(TSR_TILE_ACCESS_CTRL_SPACE, TSR_SPACE_HBM) | TSR_TILE_ACCESS_CTRL_READ_MASK |
           TSR_TILE_ACCESS_CTRL_WRITE_MASK},
      {0, TSR_LAST_PAGE,
       TSR_FIELD(TSR_TILE_ACCESS_CTRL_SPACE, TSR_SPACE_NODE) | TSR_TILE_ACCESS_CTRL_WRITE_MASK},
  };
  for (uint32_t w = 0; w < 2; w++) {
    for (uint32_t i = 0; i < 3; i++) {
      tsr_spm_write(TSR_CTL_SPM_WORDS + TSR_TILE_ACCESS_BASE_STRIDE * w + 4 * i, windows[w][i]);
    }
  }
  const tsr_dma_shape_t shape =
      tsr_dma_rows(2, 12, TSR_TILE_ACCESS_BASE_STRIDE, TSR_TILE_ACCESS_BASE_STRIDE);
  TSR_TRY(mcast_map(chip, map, TSR_REGS_BASE + TSR_TILE_ACCESS_BASE_OFFSET, &shape));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_REMOTE_LIMIT_OFFSET,
                             TSR_TILE_REMOTE_LIMIT_ADDR_MASK));
  return tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_REMOTE_CTRL_OFFSET,
                            TSR_TILE_REMOTE_CTRL_WRITE_MASK | TSR_TILE_REMOTE_CTRL_POST_MASK);
}

tsr_status_t tsr_chip_tile(tsr_chip_t *chip, uint32_t index, tsr_tile_t *tile) {
  if (chip == NULL || index >= 64 || tile == NULL) {
    return TSR_INVALID;
  }
  tile->base.base = TSR_WINDOW_BASE(TSR_CTL_WINDOW_TILE) + TSR_REGS_BASE;
  return tsr_tile_core_window(&chip->node.regs, TSR_CTL_WINDOW_TILE,
                              tsr_addr_node(index % 8, index / 8, 0));
}

/* Where an image goes. */
typedef struct {
  tsr_chip_t *chip;
  tsr_rect_t rects[TSR_CHIP_MAX_RECTS];
  uint32_t count;
} targets_t;

/* Whole pieces to all targets in turn, without waiting in between: a tile takes much longer to
 * store a piece than the network to bring it, so they store side by side. */
static tsr_status_t send_pieces(const targets_t *t, uint32_t local, uint32_t bytes) {
  tsr_node_t *node = &t->chip->node;
  tsr_cmdq_t *queue = &node->queue[TSR_ENGINE_WDMA];
  TSR_TRY(tsr_dma_set_rows(&node->dma, TSR_DMA_WDMA, TSR_NODE_CTX, 1, PIECE_BYTES, 0, 0));
  TSR_TRY(tsr_cmdq_clear(queue));
  tsr_cmdq_stage(queue, TSR_CMD_W_OP, TSR_OP_MCAST | TSR_NODE_CTX << 8);
  for (uint32_t done = 0; done < bytes; done += PIECE_BYTES) {
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG0, TSR_IMAGE_SPM_STAGE + done);
    tsr_cmdq_stage(queue, TSR_CMD_W_ARG2, local + done);
    for (uint32_t i = 0; i < t->count; i++) {
      tsr_cmdq_state_t state;
      do {
        TSR_TRY(tsr_cmdq_state(queue, &state));
        if (state.stopped) {
          return TSR_FAILED;
        }
      } while (state.free == 0);
      tsr_cmdq_stage(queue, TSR_CMD_W_MCAST_RECT, tsr_cmd_rect(t->rects[i]));
      if (done + PIECE_BYTES == bytes && i + 1 == t->count) {
        tsr_cmdq_stage(queue, TSR_CMD_W_POSTS, tsr_cmd_sem(TSR_NODE_SEM, 1));
      }
      tsr_cmdq_go(queue);
    }
  }
  return tsr_node_wait(node, TSR_NODE_SEM, 1, TSR_STOP_TIMEOUT);
}

static tsr_status_t send_image(void *nodes, uint32_t local, uint32_t bytes) {
  const targets_t *t = nodes;
  const uint32_t pieces = t->count > 1 ? bytes - bytes % PIECE_BYTES : 0;
  if (pieces != 0) {
    TSR_TRY(send_pieces(t, local, pieces));
  }
  for (uint32_t i = 0; i < t->count && pieces != bytes; i++) {
    TSR_TRY(tsr_node_mcast(&t->chip->node, TSR_IMAGE_SPM_STAGE + pieces, t->rects[i],
                           local + pieces, bytes - pieces));
  }
  return TSR_OK;
}

tsr_status_t tsr_chip_start(tsr_chip_t *chip, uint64_t map, uint64_t *missing) {
  if (chip == NULL || missing == NULL) {
    return TSR_INVALID;
  }
  targets_t targets = {.chip = chip};
  targets.count = tsr_chip_targets(chip, map, targets.rects);
  *missing = 0;
  if (map == 0) {
    return TSR_OK;
  }
  TSR_TRY(tsr_chip_route(chip, map));
  TSR_TRY(tsr_image_load(&chip->node, chip->image, &chip->header, TSR_TARGET_TILES, send_image,
                         &targets));
  TSR_TRY(tsr_tile_sem_clear(&chip->node.regs, TSR_CTL_SEM_DONE));
  TSR_TRY(tsr_tile_sem_clear(&chip->node.regs, TSR_CTL_SEM_FAULT));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_SCRATCH(TSR_SCRATCH_STATE), 0));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_SCRATCH(TSR_SCRATCH_VALUE),
                             chip->info.ctl.x | ((uint32_t)chip->info.ctl.y << 8)));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_BOOT_PC_OFFSET,
                             chip->header.tile_entry));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_CORE_CTRL_OFFSET,
                             TSR_TILE_CORE_CTRL_RUN_MASK));
  const tsr_status_t status =
      tsr_node_wait(&chip->node, TSR_CTL_SEM_DONE, tsr_chip_count(map), TSR_START_TIMEOUT);
  if (status != TSR_TIMEOUT) {
    return status;
  }
  for (uint32_t i = 0; i < 64; i++) {
    if (((map >> i) & 1) != 0) {
      tsr_tile_t tile;
      uint32_t state = 0;
      TSR_TRY(tsr_chip_tile(chip, i, &tile));
      TSR_TRY(tsr_tile_scratch_read(&tile, TSR_SCRATCH_STATE, &state));
      if (state != TSR_TILE_IDLE) {
        *missing |= 1ull << i;
      }
    }
  }
  chip->tiles &= ~*missing;
  return TSR_OK;
}

tsr_status_t tsr_chip_stop(tsr_chip_t *chip, uint64_t map) {
  if (chip == NULL) {
    return TSR_INVALID;
  }
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_CORE_CTRL_OFFSET, 0));
  TSR_TRY(tsr_chip_write_all(chip, map, TSR_REGS_BASE + TSR_TILE_ENGINE_CTRL_OFFSET,
                             TSR_TILE_ENGINE_CTRL_FLUSH_MASK));
  const uint64_t start = tsr_cycles();
  for (uint32_t i = 0; i < 64; i++) {
    tsr_tile_t tile;
    bool busy = ((map >> i) & 1) != 0;
    while (busy) {
      TSR_TRY(tsr_chip_tile(chip, i, &tile));
      const uint32_t word = tsr_mmio_read(tile.base, TSR_TILE_QUEUE_STATUS_OFFSET);
      busy = TSR_FIELD_GET(TSR_TILE_QUEUE_STATUS_BUSY, word) != 0;
      if (busy && tsr_cycles() - start > TSR_STOP_TIMEOUT) {
        chip->tiles &= ~(1ull << i);
        break;
      }
    }
  }
  return TSR_OK;
}
