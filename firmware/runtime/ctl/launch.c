/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/ctl/launch.h"

#include <stddef.h>

#include "drivers/wdog.h"
#include "hal/csr.h"
#include "regs/tile_regs.h"

/* Words of a command in the scratchpad, and of the launch descriptor that is made of it in place.
 */
enum { CMD_OPCODE, CMD_SEQUENCE, CMD_KERNEL_PC, CMD_ARGS_BYTES, CMD_RECT, CMD_TIMEOUT };
enum { LAUNCH_SEQUENCE, LAUNCH_KERNEL_PC, LAUNCH_ARGS_BYTES, LAUNCH_RECT };
_Static_assert(offsetof(tsr_command_t, args) == offsetof(tsr_launch_t, args), "args move");

#define TSR_LAUNCH_HEADER_BYTES 64u
#define TSR_NO_WORD 0xffffffffu
#define CTX_DESCRIPTOR 0u
#define CTX_DOORBELL 1u

static const tsr_wdog_t wdog = {{TSR_WDOG_BASE}};

typedef struct {
  uint32_t word[6];
  tsr_rect_t rect;
  uint64_t map;
} request_t;

static request_t read_request(void) {
  request_t r;
  for (uint32_t i = 0; i < 6; i++) {
    r.word[i] = tsr_spm_read(TSR_CTL_SPM_COMMAND + 4 * i);
  }
  const uint32_t rect = r.word[CMD_RECT];
  r.rect = (tsr_rect_t){(uint8_t)rect, (uint8_t)(rect >> 8), (uint8_t)(rect >> 16),
                        (uint8_t)(rect >> 24)};
  r.map = tsr_chip_rect_map(r.rect);
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
      (r->map & ~chip->tiles) != 0) {
    return CMD_RECT;
  }
  return TSR_NO_WORD;
}

/* Descriptor and doorbell to all tiles of the rectangle. */
static tsr_status_t ring_tiles(tsr_chip_t *chip, const request_t *r) {
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_SEQUENCE, r->word[CMD_SEQUENCE]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_KERNEL_PC, r->word[CMD_KERNEL_PC]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_ARGS_BYTES, r->word[CMD_ARGS_BYTES]);
  tsr_spm_write(TSR_CTL_SPM_COMMAND + 4 * LAUNCH_RECT, r->word[CMD_RECT]);
  tsr_spm_write(TSR_CTL_SPM_WORDS, r->word[CMD_SEQUENCE]);
  const uint32_t bytes = TSR_LAUNCH_HEADER_BYTES + ((r->word[CMD_ARGS_BYTES] + 63u) & ~63u);
  const tsr_dma_t *dma = &chip->node.dma;
  TSR_TRY(tsr_dma_set_rows(dma, TSR_DMA_WDMA, CTX_DESCRIPTOR, 1, bytes, 0, 0));
  TSR_TRY(tsr_dma_set_rows(dma, TSR_DMA_WDMA, CTX_DOORBELL, 1, 4, 0, 0));
  tsr_cmd_t cmd; /* both leave in order: the doorbell arrives behind the descriptor */
  tsr_dma_mcast_cmd(&cmd, CTX_DESCRIPTOR, 0, TSR_CTL_SPM_COMMAND, r->rect,
                    TSR_DTCM_BASE + TSR_LAUNCH_DTCM_OFFSET);
  TSR_TRY(tsr_node_push(&chip->node, TSR_ENGINE_WDMA, &cmd));
  tsr_dma_mcast_cmd(&cmd, CTX_DOORBELL, 0, TSR_CTL_SPM_WORDS, r->rect,
                    TSR_REGS_BASE + TSR_TILE_LAUNCH_OFFSET);
  return tsr_node_push(&chip->node, TSR_ENGINE_WDMA, &cmd);
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
    if (((r->map >> i) & 1) == 0) {
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

tsr_status_t tsr_launch_run(tsr_chip_t *chip, tsr_completion_t *completion) {
  if (chip == NULL || completion == NULL) {
    return TSR_INVALID;
  }
  const request_t r = read_request();
  *completion = (tsr_completion_t){.sequence = r.word[CMD_SEQUENCE]};
  const uint32_t bad = bad_word(chip, &r);
  if (bad != TSR_NO_WORD) {
    completion->status = TSR_DONE_BAD_COMMAND;
    completion->value = bad;
    return TSR_OK;
  }
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
  TSR_TRY(wait_tiles(chip, tsr_chip_count(r.map), &faults, &expired));
  const uint64_t cycles = tsr_cycles() - start;
  completion->cycles_lo = (uint32_t)cycles;
  completion->cycles_hi = (uint32_t)(cycles >> 32);
  if (faults == 0 && !expired) {
    completion->status = TSR_DONE_OK;
    return TSR_OK;
  }

  bool found = false;
  TSR_TRY(describe(chip, &r, TSR_TILE_FAULT, completion, &found));
  completion->status = TSR_DONE_FAULT;
  if (!found && !expired) {
    TSR_TRY(describe(chip, &r, TSR_TILE_DONE, completion, &found));
    completion->status = TSR_DONE_KERNEL_FAILED;
    return TSR_OK;
  }
  if (!found) {
    TSR_TRY(describe(chip, &r, 0, completion, &found));
    completion->status = TSR_DONE_TIMEOUT;
  }
  uint64_t missing = 0;
  TSR_TRY(tsr_chip_stop(chip, r.map));
  return tsr_chip_start(chip, r.map & chip->tiles, &missing);
}
