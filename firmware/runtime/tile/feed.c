/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tile/feed.h"

#include <stddef.h>

#include "hal/csr.h"

void tsr_feed_init(tsr_feed_t *feed, tsr_node_t *node) {
  feed->node = node;
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    feed->engine[e].active = false;
    feed->engine[e].pending = false;
  }
}

/* Commands of an engine that are done, by the node's counter. */
static tsr_status_t count_done(const tsr_feed_t *feed, uint32_t engine, uint32_t *count) {
  uint64_t value = 0;
  TSR_TRY(tsr_tile_counter(&feed->node->regs, engine * 16 + TSR_TILE_COUNTER_COMMANDS, &value));
  *count = (uint32_t)value;
  return TSR_OK;
}

tsr_status_t tsr_feed_use(tsr_feed_t *feed, uint32_t engine, const tsr_feed_source_t *source) {
  if (feed == NULL || engine >= TSR_ENGINES || source == NULL || source->contexts == 0 ||
      source->first_context + source->contexts > TSR_FEED_CONTEXTS) {
    return TSR_INVALID;
  }
  tsr_feed_engine_t *f = &feed->engine[engine];
  f->source = *source;
  if (f->source.ahead == 0) {
    f->source.ahead = UINT32_MAX;
  }
  f->queue = &feed->node->queue[engine];
  f->queue->known = false; /* push() */
  f->active = true;
  f->pending = false;
  f->cmd = (tsr_feed_cmd_t){.op = TSR_OP_NOP};
  f->free = TSR_CMDQ_DEPTH;
  f->pushed = 0;
  f->done = 0;
  f->used = 0;
  return count_done(feed, engine, &f->first_done);
}

/* Learn how many of the engine's commands are done. */
static tsr_status_t see_done(const tsr_feed_t *feed, tsr_feed_engine_t *f) {
  uint32_t count = 0;
  TSR_TRY(count_done(feed, f->queue->engine, &count));
  f->done = count - f->first_done;
  return TSR_OK;
}

/* The context whose last command is the oldest. */
static uint32_t oldest_context(const tsr_feed_engine_t *f) {
  uint32_t oldest = 0;
  for (uint32_t i = 1; i < f->used; i++) {
    if ((int32_t)(f->last[i] - f->last[oldest]) < 0) {
      oldest = i;
    }
  }
  return oldest;
}

/* Context, counted from the engine's first one, that holds the pending command's shape; *ready:
 * false if all are in use. */
static tsr_status_t find_context(const tsr_feed_t *feed, tsr_feed_engine_t *f, uint32_t *slot,
                                 bool *ready) {
  const uint32_t key = f->cmd.key, used = f->used;
  uint32_t i = 0;
  *ready = true;
  while (i < used && f->key[i] != key) {
    i++;
  }
  *slot = i;
  if (i < used) {
    return TSR_OK;
  }
  if (used < f->source.contexts) {
    f->used++;
  } else {
    i = oldest_context(f);
    *slot = i;
    if ((int32_t)(f->done - f->last[i]) < 0) {
      TSR_TRY(see_done(feed, f));
      *ready = (int32_t)(f->done - f->last[i]) >= 0;
      if (!*ready) {
        return TSR_OK;
      }
    }
  }
  f->key[i] = key;
  return f->source.encode(f->source.state, key, f->source.first_context + i);
}

/* Push the pending command. It interrupts the core when done. Nearly all words differ from those of
 * the command before, so what staging holds is not looked at. */
static void push(tsr_feed_engine_t *f, uint32_t ctx) {
  const tsr_feed_cmd_t *c = &f->cmd;
  const tsr_mmio_t staging = f->queue->staging;
  tsr_mmio_write(
      staging, 4 * TSR_CMD_W_OP,
      c->op | (ctx << 8) | (1u << 11) | (c->overlap ? TSR_CMD_OVERLAP : 0) | (f->pushed << 16));
  tsr_mmio_write(staging, 4 * TSR_CMD_W_WAITS, c->waits);
  tsr_mmio_write(staging, 4 * TSR_CMD_W_POSTS, c->posts);
  if ((c->posts & TSR_CMD_POST_REMOTE) != 0) {
    tsr_mmio_write(staging, 4 * TSR_CMD_W_POST_RECT, c->post_rect);
  }
  if (c->op == TSR_OP_MCAST) {
    tsr_mmio_write(staging, 4 * TSR_CMD_W_MCAST_RECT, c->mcast_rect);
  }
  tsr_mmio_t arg = {staging.base + 4 * TSR_CMD_W_ARG0};
  for (const uint32_t *from = c->arg, *end = from + c->args; from != end; from++) {
    tsr_mmio_write(arg, 0, *from);
    arg.base += 4;
  }
  tsr_cmdq_go(f->queue);
  f->free--;
  f->pushed++;
  f->pending = false;
}

tsr_status_t tsr_feed_one(tsr_feed_t *feed, uint32_t engine, bool *pushed) {
  tsr_feed_engine_t *f = &feed->engine[engine];
  *pushed = false;
  if (!f->active || f->free == 0) {
    return TSR_OK;
  }
  if (!f->pending) {
    f->cmd.overlap = false;
    const tsr_feed_next_t next = f->source.next(f->source.state, &f->cmd);
    f->active = next != TSR_FEED_END;
    if (next != TSR_FEED_COMMAND) {
      return TSR_OK;
    }
    f->pending = true;
  }
  uint32_t ctx = 0;
  if (f->cmd.op != TSR_OP_NOP) {
    bool ready = false;
    uint32_t slot = 0;
    TSR_TRY(find_context(feed, f, &slot, &ready));
    if (!ready) {
      return TSR_OK;
    }
    f->last[slot] = f->pushed + 1;
    ctx = f->source.first_context + slot;
  }
  push(f, ctx);
  *pushed = true;
  return TSR_OK;
}

/* Whether an engine has fewer unfinished commands than it needs. */
static bool is_short(const tsr_feed_engine_t *f) { return f->pushed - f->done < f->source.ahead; }

/* Commands for the engines: those with a limit get what they need at once, the others one each. If
 * `all`, one for everybody who has room. */
static tsr_status_t feed_round(tsr_feed_t *feed, bool all, bool *any) {
  *any = false;
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    const tsr_feed_engine_t *f = &feed->engine[e];
    bool more = f->active && (all || is_short(f));
    while (more) {
      bool pushed = false;
      TSR_TRY(tsr_feed_one(feed, e, &pushed));
      *any = *any || pushed || !f->active; /* the end of one may be what another waited for */
      more = pushed && f->source.ahead != UINT32_MAX && is_short(f);
    }
  }
  return TSR_OK;
}

/* How much room the queues have, and whether those that need few commands have them. */
static tsr_status_t look(tsr_feed_t *feed) {
  tsr_cmdq_state_t states[TSR_ENGINES];
  TSR_TRY(tsr_cmdq_states(&feed->node->queue[0], states));
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    tsr_feed_engine_t *f = &feed->engine[e];
    if (f->active && states[e].stopped) {
      return TSR_FAILED;
    }
    f->free = states[e].free;
    if (f->active && f->source.ahead != UINT32_MAX) {
      TSR_TRY(see_done(feed, f));
    }
  }
  return TSR_OK;
}

static bool any_active(const tsr_feed_t *feed) {
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    if (feed->engine[e].active) {
      return true;
    }
  }
  return false;
}

tsr_status_t tsr_feed_run(tsr_feed_t *feed) {
  const tsr_tile_t *regs = &feed->node->regs;
  while (any_active(feed)) {
    bool some = false;
    TSR_TRY(tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE));
    TSR_TRY(look(feed)); /* anew each time: pushing takes as long as some commands */
    TSR_TRY(feed_round(feed, false, &some));
    if (!some) {
      TSR_TRY(feed_round(feed, true, &some));
    }
    if (!some && any_active(feed)) {
      tsr_irq_sleep(TSR_IRQ_CMD_DONE | TSR_IRQ_ERROR);
    }
  }
  return tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE);
}
