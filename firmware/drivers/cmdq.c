/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cmdq.h"

#include <stddef.h>

#include "regs/tile_regs.h"

#define TSR_CMDQ_FREE_BITS 4u /* distance of the FREE fields of QUEUE_STATUS */
#define TSR_CMDQ_PUSH_WORD (TSR_CMD_WORDS - 1u)

tsr_status_t tsr_cmdq_init(tsr_cmdq_t *h, uint32_t node_base, uint32_t engine) {
  if (h == NULL || engine >= TSR_ENGINES) {
    return TSR_INVALID;
  }
  h->staging.base = node_base + TSR_CMD_BASE + engine * (4 * TSR_CMD_WORDS);
  h->regs.base = node_base + TSR_REGS_BASE;
  h->engine = engine;
  h->known = false;
  return TSR_OK;
}

static tsr_cmdq_state_t decode(uint32_t word, uint32_t engine) {
  tsr_cmdq_state_t state;
  state.free = (word >> (TSR_CMDQ_FREE_BITS * engine)) & TSR_TILE_QUEUE_STATUS_FREE0_MASK;
  state.busy = ((TSR_FIELD_GET(TSR_TILE_QUEUE_STATUS_BUSY, word) >> engine) & 1) != 0;
  state.stopped = ((TSR_FIELD_GET(TSR_TILE_QUEUE_STATUS_STOPPED, word) >> engine) & 1) != 0;
  return state;
}

tsr_status_t tsr_cmdq_state(const tsr_cmdq_t *h, tsr_cmdq_state_t *state) {
  if (h == NULL || state == NULL) {
    return TSR_INVALID;
  }
  *state = decode(tsr_mmio_read(h->regs, TSR_TILE_QUEUE_STATUS_OFFSET), h->engine);
  return TSR_OK;
}

tsr_status_t tsr_cmdq_states(const tsr_cmdq_t *h, tsr_cmdq_state_t states[TSR_ENGINES]) {
  if (h == NULL || states == NULL) {
    return TSR_INVALID;
  }
  const uint32_t word = tsr_mmio_read(h->regs, TSR_TILE_QUEUE_STATUS_OFFSET);
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    states[e] = decode(word, e);
  }
  return TSR_OK;
}

tsr_status_t tsr_cmdq_clear(tsr_cmdq_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  for (uint32_t i = 0; i < TSR_CMDQ_PUSH_WORD; i++) {
    if (!h->known) {
      h->shadow[i] = 1;
    }
    tsr_cmdq_stage(h, i, 0);
  }
  h->known = true;
  return TSR_OK;
}

void tsr_cmdq_push_free(tsr_cmdq_t *h, const tsr_cmd_t *cmd) {
  for (uint32_t i = 0; i < TSR_CMDQ_PUSH_WORD; i++) {
    if (!h->known) {
      h->shadow[i] = ~cmd->w[i];
    }
    tsr_cmdq_stage(h, i, cmd->w[i]);
  }
  h->known = true;
  tsr_mmio_write(h->staging, 4 * TSR_CMDQ_PUSH_WORD, cmd->w[TSR_CMDQ_PUSH_WORD]);
}

tsr_status_t tsr_cmdq_push(tsr_cmdq_t *h, const tsr_cmd_t *cmd) {
  if (cmd == NULL) {
    return TSR_INVALID;
  }
  tsr_cmdq_state_t state;
  TSR_TRY(tsr_cmdq_state(h, &state));
  if (state.free == 0) {
    return TSR_BUSY;
  }
  tsr_cmdq_push_free(h, cmd);
  return TSR_OK;
}

tsr_status_t tsr_cmdq_flush(const tsr_cmdq_t *h) {
  if (h == NULL) {
    return TSR_INVALID;
  }
  tsr_mmio_write(h->regs, TSR_TILE_ENGINE_CTRL_OFFSET, 1u << h->engine);
  return TSR_OK;
}
