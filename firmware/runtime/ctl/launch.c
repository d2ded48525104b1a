/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ctl/launch.h"

#include <stddef.h>

#include "drivers/wdog.h"
#include "hal/csr.h"
#include "regs/tile_regs.h"
#include "runtime/ctl/heal.h"

/* Words of a command in the scratchpad, and of the launch descriptor that is made of it in place.
 */
enum {
  CMD_OPCODE,
  CMD_SEQUENCE,
  CMD_KERNEL_PC,
  CMD_ARGS_BYTES,
  CMD_RECT,
  CMD_TIMEOUT,
  CMD_FLAGS,
  CMD_WORDS
};
enum {
  LAUNCH_SEQUENCE,
  LAUNCH_KERNEL_PC,
  LAUNCH_ARGS_BYTES,
  LAUNCH_RECT,
  LAUNCH_FLAGS,
  LAUNCH_GRID,
  LAUNCH_TILES
};
_Static_assert(offsetof(tsr_launch_t, tiles) == 4 * LAUNCH_TILES, "launch words move");
_Static_assert(offsetof(tsr_command_t, flags) == 4 * CMD_FLAGS, "command words move");
_Static_assert(offsetof(tsr_command_t, args) == offsetof(tsr_launch_t, args), "args move");

#define TSR_LAUNCH_HEADER_BYTES 64u
#define TSR_NO_WORD 0xffffffffu
#define CTX_DESCRIPTOR 0u
#define CTX_DOORBELL 1u

static const tsr_wdog_t wdog = {{TSR_WDOG_BASE}};

typedef struct {
  uint32_t word[CMD_WORDS];
  tsr_rect_t rect;
  uint64_t map; /* of the tiles to launch */
} request_t;

static request_t read_request(const tsr_chip_t *chip) {
  request_t r;
  for (uint32_t i = 0; i < CMD_WORDS; i++) {
    r.word[i] = tsr_spm_read(TSR_CTL_SPM_COMMAND + 4 * i);
  }
  const uint32_t rect = r.word[CMD_RECT];
  r.rect = (tsr_rect_t){(uint8_t)rect, (uint8_t)(rect >> 8), (uint8_t)(rect >> 16),
                        (uint8_t)(rect >> 24)};
  r.map = tsr_chip_rect_map(r.rect);
  if ((r.word[CMD_FLAGS] & TSR_LAUNCH_LIVE) != 0) {
    r.map &= chip->tiles;
  }
  return r;
}

/* Index of the first word that makes no sense, or TSR_NO_WORD. */
static uint32_t bad_word(const tsr_chip_t *chip, const request_t *r) {
  if (r->word[CMD_OPCODE] != TSR_CMD_LAUNCH) {
    return CMD_OPCODE;
  }
  if (r->word[CMD_SEQUENCE] == 0) {
    return CMD_SEQUENCE;
  }
  if ((r->word[CMD_KERNEL_PC] & 3) != 0 || r->word[CMD_KERNEL_PC] >= TSR_TCM_BYTES) {
    return CMD_KERNEL_PC;
  }
  if (r->word[CMD_ARGS_BYTES] > TSR_ARGS_MAX) {
    return CMD_ARGS_BYTES;
  }
  if (r->rect.x0 > r->rect.x1 || r->rect.y0 > r->rect.y1 || r->rect.x1 > 7 || r->rect.y1 > 7 ||
      r->map == 0 || (r->map & ~chip->tiles) != 0) {
    return CMD_RECT;
  }
  if ((r->word[CMD_FLAGS] & ~(uint32_t)TSR_LAUNCH_LIVE) != 0) {
    return CMD_FLAGS;
  }
  return TSR_NO_WORD;
}

/* Width and height of the tiles as a grid: their rectangle if they fill it, else as square as their
 * number allows. */
static uint32_t make_grid(const request_t *r) {
  const uint32_t count = tsr_chip_count(r->map);
  uint32_t h = r->rect.y1 - r->rect.y0 + 1u;
  if (count != h * (r->rect.x1 - r->rect.x0 + 1u)) {
    for (h = 1; (h + 1) * (h + 1) <= count; h++) {
    }
    while (count % h != 0) {
      h--;
    }
    h = count / h; /* like chips: not wider than high */
  }
  return count / h | h << 8;
}

/* Whether the tiles fill the rectangle and may multicast in it. */
static bool is_together(const tsr_chip_t *chip, const request_t *r) {
  return r->map == tsr_chip_rect_map(r->rect) && tsr_chip_together(chip, r->map);
}

/* Descriptor and doorbell to all tiles. */
static tsr_status_t ring_tiles(tsr_chip_t *chip, const request_t *r) {
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_SEQUENCE, r->word[CMD_SEQUENCE]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_KERNEL_PC, r->word[CMD_KERNEL_PC]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_ARGS_BYTES, r->word[CMD_ARGS_BYTES]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_RECT, r->word[CMD_RECT]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_FLAGS,
                is_together(chip, r) ? 0 : TSR_LAUNCH_ALONE);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_GRID, make_grid(r));
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_TILES, (uint32_t)r->map);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_TILES + 4, (uint32_t)(r->map >> 32));
  tsr_spm_write(TSR_CTL_SPM_WORDS, r->word[CMD_SEQUENCE]);
  const uint32_t bytes = TSR_LAUNCH_HEADER_BYTES + ((r->word[CMD_ARGS_BYTES] + 63u) & ~63u);
  const tsr_dma_t *dma = &chip->node.dma;
  TSR_TRY(tsr_dma_set_rows(dma, TSR_DMA_WDMA, CTX_DESCRIPTOR, 1, bytes, 0, 0));
  TSR_TRY(tsr_dma_set_rows(dma, TSR_DMA_WDMA, CTX_DOORBELL, 1, 4, 0, 0));
  tsr_rect_t rects[TSR_CHIP_MAX_RECTS];
  const uint32_t count = tsr_chip_targets(chip, r->map, rects);
  for (uint32_t i = 0; i < count; i++) {
    tsr_cmd_t cmd; /* both leave in order: the doorbell arrives behind the descriptor */
    tsr_dma_mcast_cmd(&cmd, CTX_DESCRIPTOR, 0, TSR_CTL_SPM_COMMAND, rects[i],
                      TSR_DTCM_BASE + TSR_LAUNCH_DTCM_OFFSET);
    TSR_TRY(tsr_node_push(&chip->node, TSR_ENGINE_WDMA, &cmd));
    tsr_dma_mcast_cmd(&cmd, CTX_DOORBELL, 0, TSR_CTL_SPM_WORDS, rects[i],
                      TSR_REGS_BASE + TSR_TILE_LAUNCH_OFFSET);
    TSR_TRY(tsr_node_push(&chip->node, TSR_ENGINE_WDMA, &cmd));
  }
  return TSR_OK;
}

/* Sleep until all tiles are done, one has faulted, or the watchdog bites. */
static tsr_status_t wait_tiles(tsr_chip_t *chip, uint32_t count, uint32_t *faults, bool *expired) {
  const tsr_tile_t *regs = &chip->node.regs;
  uint32_t done = 0;
  *expired = false;
  TSR_TRY(tsr_tile_sem_irq(regs, TSR_CTL_SEM_DONE, count));
  for (;;) {
    TSR_TRY(tsr_tile_sem_read(regs, TSR_CTL_SEM_DONE, &done));
    TSR_TRY(tsr_wdog_expired(&wdog, expired));
    if (done >= count || *expired) {
      break;
    }
    tsr_irq_sleep(TSR_IRQ_SEM | TSR_IRQ_CTL_WDOG);
  }
  TSR_TRY(tsr_wdog_stop(&wdog));
  TSR_TRY(tsr_tile_sem_irq(regs, 0, 0));
  if (done >= count) {
    *expired = false; /* finished just in time */
  }
  return tsr_tile_sem_read(regs, TSR_CTL_SEM_FAULT, faults);
}

/* Fill in what the first tile in state `state` left, or the first that is not done if `state` is 0.
 * Returns whether there is one. */
static tsr_status_t describe(tsr_chip_t *chip, const request_t *r, uint32_t state,
                             tsr_completion_t *c, bool *found) {
  *found = false;
  for (uint32_t i = 0; i < 64 && !*found; i++) {
    if (((r->map & chip->tiles) >> i & 1) == 0) {
      continue;
    }
    tsr_tile_t tile;
    uint32_t word[TSR_TILE_SCRATCH_WORDS];
    TSR_TRY(tsr_chip_tile(chip, i, &tile));
    for (uint32_t w = 0; w < TSR_TILE_SCRATCH_WORDS; w++) {
      TSR_TRY(tsr_tile_scratch_read(&tile, w, &word[w]));
    }
    const uint32_t is = word[TSR_SCRATCH_STATE] & 0xff;
    const bool current = word[TSR_SCRATCH_SEQUENCE] == r->word[CMD_SEQUENCE];
    const bool failed = is == TSR_TILE_DONE && current && word[TSR_SCRATCH_VALUE] != 0;
    if (state == 0               ? is == TSR_TILE_DONE && current
        : state == TSR_TILE_DONE ? !failed
                                 : is != state) {
      continue;
    }
    *found = true;
    c->tile_x = (uint8_t)(i % 8);
    c->tile_y = (uint8_t)(i / 8);
    c->value = word[TSR_SCRATCH_VALUE];
    if (is == TSR_TILE_FAULT) {
      c->fault = (uint8_t)(word[TSR_SCRATCH_STATE] >> 8);
      c->engine = (uint8_t)word[TSR_SCRATCH_ENGINE];
      c->cause = word[TSR_SCRATCH_CAUSE];
      c->pc = word[TSR_SCRATCH_PC];
      c->address_lo = word[TSR_SCRATCH_ADDRESS];
      c->address_hi = word[TSR_SCRATCH_ADDRESS + 1];
      c->command_id = word[TSR_SCRATCH_ENGINE] >> 16;
      c->info = (word[TSR_SCRATCH_ENGINE] >> 8) & 0xff;
    }
  }
  return TSR_OK;
}

/* Name the first tile of a map, if any. */
static void name_first(tsr_completion_t *c, uint64_t map) {
  for (uint32_t i = 0; map != 0; i++, map >>= 1) {
    if ((map & 1) != 0) {
      c->tile_x = (uint8_t)(i % 8);
      c->tile_y = (uint8_t)(i / 8);
      return;
    }
  }
}

/* How a failed launch ended. */
static tsr_status_t explain(tsr_chip_t *chip, const request_t *r, bool expired,
                            tsr_completion_t *c) {
  bool found = false;
  TSR_TRY(describe(chip, r, TSR_TILE_FAULT, c, &found));
  c->status = TSR_DONE_FAULT;
  if (!found && !expired) {
    c->status = TSR_DONE_KERNEL_FAILED;
    return describe(chip, r, TSR_TILE_DONE, c, &found);
  }
  if (found) {
    return TSR_OK;
  }
  c->status = TSR_DONE_TIMEOUT;
  name_first(c, r->map); /* they may all be done, and only their posts be lost */
  name_first(c, r->map & ~chip->tiles);
  return describe(chip, r, 0, c, &found);
}

tsr_status_t tsr_launch_run(tsr_chip_t *chip, tsr_completion_t *completion) {
  if (chip == NULL || completion == NULL) {
    return TSR_INVALID;
  }
  const request_t r = read_request(chip);
  *completion = (tsr_completion_t){.sequence = r.word[CMD_SEQUENCE]};
  const uint32_t bad = bad_word(chip, &r);
  if (bad != TSR_NO_WORD) {
    completion->status = TSR_DONE_BAD_COMMAND;
    completion->value = bad;
    return TSR_OK;
  }
  completion->tiles = tsr_chip_count(r.map);
  const tsr_tile_t *regs = &chip->node.regs;
  TSR_TRY(tsr_tile_sem_clear(regs, TSR_CTL_SEM_DONE));
  TSR_TRY(tsr_tile_sem_clear(regs, TSR_CTL_SEM_FAULT));

  const uint64_t start = tsr_cycles();
  const uint32_t timeout =
      r.word[CMD_TIMEOUT] == 0 ? TSR_LAUNCH_TIMEOUT_DEFAULT : r.word[CMD_TIMEOUT];
  TSR_TRY(tsr_wdog_start(&wdog, timeout));
  TSR_TRY(ring_tiles(chip, &r));
  uint32_t faults = 0;
  bool expired = false;
  TSR_TRY(wait_tiles(chip, completion->tiles, &faults, &expired));
  const uint64_t cycles = tsr_cycles() - start;
  completion->cycles_lo = (uint32_t)cycles;
  completion->cycles_hi = (uint32_t)(cycles >> 32);
  if (faults == 0 && !expired) {
    completion->status = TSR_DONE_OK;
    return TSR_OK;
  }

  const uint64_t ended = tsr_cycles();
  TSR_TRY(tsr_heal_links(chip, &completion->dead_links));
  TSR_TRY(explain(chip, &r, expired, completion));
  if (completion->dead_links != 0) {
    TSR_TRY(tsr_heal_restart(chip));
  } else if (completion->status != TSR_DONE_KERNEL_FAILED) {
    uint64_t missing = 0;
    TSR_TRY(tsr_chip_stop(chip, r.map & chip->tiles));
    TSR_TRY(tsr_chip_start(chip, r.map & chip->tiles, &missing));
  }
  completion->recovery = (uint32_t)(tsr_cycles() - ended);
  return TSR_OK;
}
