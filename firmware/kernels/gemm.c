/* SPDX-License-Identifier: Apache-2.0 */
/* GEMM kernel: C = act(A * B^T + bias) over the launched rectangle of tiles. Rows of tiles take row
 * ranges of C, columns take column ranges. See gemm_plan.h for the schedule.
 *
 * The core only keeps the three command queues filled. It sleeps until a command is done;
 * everything else waits on semaphores in the queues. */
#include <stddef.h>

#include "drivers/me.h"
#include "kernels/gemm_plan.h"
#include "runtime/tessera_tile.h"

#define RING 16u              /* power of two */
#define ME_AHEAD 2u           /* commands that ME always has, if there are any */
#define CONTEXTS TSR_NODE_CTX /* the last one belongs to the runtime */

/* Command words, see tsr_tile_pkg.sv. */
enum { W_OP, W_WAITS, W_POSTS, W_POST_RECT, W_MCAST_RECT, W_ARG0, W_ARG1, W_ARG2, W_ARG3 };

/* One engine's queue, and the shapes that its contexts hold. */
typedef struct {
  tsr_cmdq_t *queue;
  uint32_t free; /* entries known to be free */
  bool busy;
  bool ended; /* no operation is left */
  uint32_t id;
  uint32_t used; /* contexts */
  uint32_t key[CONTEXTS];
} feeder_t;

/* Part of a shared load that is to be multicast. */
typedef struct {
  bool is_a;
  uint32_t at, bytes; /* in the scratchpad */
  uint32_t sem;       /* of the group, gets one when the part is there */
} share_t;

typedef struct {
  tsr_node_t *node;
  tsr_gemm_plan_t plan;
  feeder_t rdma, me, wdma;
  tsr_rect_t rect_a, rect_b; /* groups */
  tsr_gemm_load_iter_t loads;
  tsr_gemm_block_iter_t blocks;
  tsr_gemm_load_t load;   /* next to push */
  tsr_gemm_block_t block; /* next to push */
  bool post_b;            /* next to push before it: a no-operation that posts FREE_B */
  /* What WDMA is to do for commands pushed to the others. Counts; indices are these modulo RING. */
  share_t shares[RING];
  uint32_t shares_in, shares_out;
  tsr_gemm_drain_t drains[RING];
  uint32_t drains_in, drains_out;
} gemm_t;

/* Context that holds shape `key`, in *ctx. *fresh: it must be written first. False: all contexts
 * are taken and the engine may still read them. */
static bool find_context(feeder_t *f, uint32_t key, uint32_t *ctx, bool *fresh) {
  *fresh = false;
  for (uint32_t i = 0; i < f->used; i++) {
    if (f->key[i] == key) {
      *ctx = i;
      return true;
    }
  }
  if (f->used == CONTEXTS) {
    if (f->busy) {
      return false;
    }
    f->used = 0;
  }
  *ctx = f->used;
  f->key[f->used++] = key;
  *fresh = true;
  return true;
}

/* Push a command whose arguments are staged. It interrupts the core when done. */
static void push(feeder_t *f, uint32_t op, uint32_t ctx, uint32_t waits, uint32_t posts) {
  tsr_cmdq_stage(f->queue, W_OP, op | (ctx << 8) | (1u << 11) | (f->id++ << 16));
  tsr_cmdq_stage(f->queue, W_WAITS, waits);
  tsr_cmdq_stage(f->queue, W_POSTS, posts);
  tsr_cmdq_go(f->queue);
  f->free--;
  f->busy = true;
}

/* ---- RDMA ----------------------------------------------------------------------------------- */

static bool feed_rdma(gemm_t *g) {
  feeder_t *f = &g->rdma;
  const tsr_gemm_load_t *l = &g->load;
  if (f->ended || f->free == 0 || g->shares_in - g->shares_out == RING) {
    return false;
  }
  const bool is_a = l->kind == TSR_GEMM_LOAD_A;
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, l->rows | (l->bytes << 8) | ((uint32_t)l->kind << 30), &ctx, &fresh)) {
    return false;
  }
  if (fresh) {
    const uint32_t src_pitch = is_a ? g->plan.args.lda : g->plan.args.ldb;
    if (tsr_dma_set_rows(&g->node->dma, TSR_DMA_RDMA, ctx, l->rows, l->bytes, src_pitch,
                         g->plan.pitch) != TSR_OK) {
      return false;
    }
  }
  tsr_cmdq_stage(f->queue, W_ARG0, (uint32_t)l->src);
  tsr_cmdq_stage(f->queue, W_ARG1, (uint32_t)(l->src >> 32));
  tsr_cmdq_stage(f->queue, W_ARG2, l->dst);
  push(f, TSR_OP_DMA_READ, ctx, l->wait_sem == TSR_GEMM_NO_SEM ? 0 : tsr_cmd_sem(l->wait_sem, 1),
       l->post_sem == TSR_GEMM_NO_SEM ? 0 : tsr_cmd_sem(l->post_sem, 1));
  if (l->post_sem == TSR_GEMM_SEM_SHARE) {
    g->shares[g->shares_in++ % RING] =
        (share_t){is_a, l->dst, l->rows * g->plan.pitch, l->part_sem};
  }
  f->ended = !tsr_gemm_next_load(&g->plan, &g->loads, &g->load);
  return true;
}

/* ---- ME ------------------------------------------------------------------------------------- */

static bool write_block_context(gemm_t *g, const tsr_gemm_block_t *b, uint32_t ctx) {
  const tsr_gemm_plan_t *p = &g->plan;
  const bool bias = (p->args.flags & TSR_GEMM_BIAS) != 0;
  const tsr_me_gemm_t gemm = {
      .format = p->args.format == TSR_GEMM_INT8 ? TSR_ME_INT8 : TSR_ME_BF16,
      .relu = b->last && (p->args.flags & TSR_GEMM_RELU) != 0,
      .out_bf16 = b->last && (p->args.flags & TSR_GEMM_OUT_BF16) != 0,
      .preload = !b->first ? TSR_ME_PRELOAD_MATRIX
                 : bias    ? TSR_ME_PRELOAD_ROW
                           : TSR_ME_PRELOAD_NONE,
      .rows = b->rows,
      .cols = b->cols,
      .k_bytes = b->k_bytes,
      .a_pitch = p->pitch,
      .b_pitch = p->pitch,
      .c_pitch = p->sum_pitch,
      .o_pitch = b->last ? p->o_pitch : p->sum_pitch,
  };
  tsr_me_context_t context;
  return tsr_me_encode(&gemm, &context) == TSR_OK &&
         tsr_me_set_context(&g->node->me, ctx, &context) == TSR_OK;
}

/* Take up to two waits off the block; *left: how many remain. */
static uint32_t take_waits(tsr_gemm_block_t *b, uint32_t *left) {
  uint32_t word[4];
  uint32_t count = 0;
  if (b->wait_a != 0) {
    word[count++] = b->wait_a;
  }
  if (b->wait_b != 0) {
    word[count++] = b->wait_b;
  }
  if (b->wait_loads > 0) {
    word[count++] = tsr_cmd_sem(TSR_GEMM_SEM_LOADED, b->wait_loads);
  }
  if (b->wait_c || b->wait_self) {
    word[count++] = tsr_cmd_sem(b->wait_self ? TSR_GEMM_SEM_SELF : TSR_GEMM_SEM_FREE_C, 1);
  }
  *left = count > 2 ? count - 2 : 0;
  if (count == 0) {
    return 0;
  }
  return count == 1 ? word[0] : word[0] | (word[1] << 16);
}

static bool feed_me(gemm_t *g) {
  feeder_t *f = &g->me;
  tsr_gemm_block_t *b = &g->block;
  if (f->free == 0) {
    return false;
  }
  if (g->post_b) {
    push(f, TSR_OP_NOP, 0, 0, tsr_cmd_sem(TSR_GEMM_SEM_FREE_B, 1));
    g->post_b = false;
    return true;
  }
  if (f->ended || g->drains_in - g->drains_out == RING) {
    return false;
  }
  uint32_t left = 0;
  const uint32_t waits = take_waits(b, &left);
  if (left > 0) { /* more than a command has room for: the first two go ahead */
    push(f, TSR_OP_NOP, 0, waits, 0);
    if (b->wait_a != 0 && b->wait_b != 0) {
      b->wait_a = 0;
      b->wait_b = 0;
    } else {
      b->wait_a = 0;
      b->wait_b = 0;
      b->wait_loads = 0;
    }
    return true;
  }
  uint32_t ctx = 0;
  bool fresh = false;
  const uint32_t key =
      b->rows | (b->cols << 12) | ((uint32_t)b->first << 30) | ((uint32_t)b->last << 31);
  if (!find_context(f, key, &ctx, &fresh) || (fresh && !write_block_context(g, b, ctx))) {
    return false;
  }
  const uint32_t end = b->post_self ? TSR_GEMM_SEM_SELF : TSR_GEMM_SEM_C_READY;
  uint32_t free = 0;
  if (b->post_a > 0) {
    free = tsr_cmd_sem(TSR_GEMM_SEM_FREE_A, b->post_a);
    g->post_b = b->post_b;
  } else if (b->post_b) {
    free = tsr_cmd_sem(TSR_GEMM_SEM_FREE_B, 1);
  }
  tsr_cmdq_stage(f->queue, W_ARG0, b->a);
  tsr_cmdq_stage(f->queue, W_ARG1, b->b);
  tsr_cmdq_stage(f->queue, W_ARG2, b->first ? b->bias : b->sum);
  tsr_cmdq_stage(f->queue, W_ARG3, b->o);
  push(f, TSR_OP_GEMM, ctx, waits, free | (tsr_cmd_sem(end, 1) << 16));
  if (b->last) {
    tsr_gemm_drain(&g->plan, b, &g->drains[g->drains_in++ % RING]);
  }
  f->ended = !tsr_gemm_next_block(&g->plan, &g->blocks, &g->block);
  return true;
}

/* ---- WDMA ----------------------------------------------------------------------------------- */

/* Whether multicasts are to be pushed, now or later. */
static bool sharing(const gemm_t *g) {
  return g->shares_in != g->shares_out ||
         (!g->rdma.ended &&
          (g->load.post_sem == TSR_GEMM_SEM_SHARE || tsr_gemm_shares_left(&g->plan, &g->loads)));
}

/* Multicast the own part of a shared load to the group, and tell the group. */
static bool push_share(gemm_t *g) {
  feeder_t *f = &g->wdma;
  if (g->shares_in == g->shares_out) {
    return false;
  }
  const share_t *s = &g->shares[g->shares_out % RING];
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, s->bytes | (1u << 31), &ctx, &fresh) ||
      (fresh && tsr_dma_set_rows(&g->node->dma, TSR_DMA_WDMA, ctx, 1, s->bytes, 0, 0) != TSR_OK)) {
    return false;
  }
  const uint32_t rect = tsr_cmd_rect(s->is_a ? g->rect_a : g->rect_b);
  tsr_cmdq_stage(f->queue, W_POST_RECT, rect);
  tsr_cmdq_stage(f->queue, W_MCAST_RECT, rect);
  tsr_cmdq_stage(f->queue, W_ARG0, s->at);
  tsr_cmdq_stage(f->queue, W_ARG2, TSR_SPM_BASE + s->at);
  push(f, TSR_OP_MCAST, ctx, tsr_cmd_sem(TSR_GEMM_SEM_SHARE, 1),
       tsr_cmd_sem(s->sem, 1) | TSR_CMD_POST_REMOTE);
  g->shares_out++;
  return true;
}

/* All multicasts go first: they wait for nobody else, so that no tile waits for another in a
 * circle. */
static bool feed_wdma(gemm_t *g) {
  feeder_t *f = &g->wdma;
  if (f->free == 0) {
    return false;
  }
  if (!f->ended) { /* of multicasts */
    f->ended = !sharing(g);
    if (!f->ended) {
      return push_share(g);
    }
  }
  if (g->drains_in == g->drains_out) {
    return false;
  }
  const tsr_gemm_plan_t *p = &g->plan;
  const tsr_gemm_drain_t *d = &g->drains[g->drains_out % RING];
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, d->rows | (d->bytes << 12), &ctx, &fresh) ||
      (fresh && tsr_dma_set_rows(&g->node->dma, TSR_DMA_WDMA, ctx, d->rows, d->bytes, p->o_pitch,
                                 p->args.ldc) != TSR_OK)) {
    return false;
  }
  g->drains_out++;
  const bool done = g->me.ended && g->drains_in == g->drains_out;
  tsr_cmdq_stage(f->queue, W_ARG0, d->src);
  tsr_cmdq_stage(f->queue, W_ARG2, (uint32_t)d->dst);
  tsr_cmdq_stage(f->queue, W_ARG3, (uint32_t)(d->dst >> 32));
  push(f, TSR_OP_DMA_WRITE, ctx, tsr_cmd_sem(TSR_GEMM_SEM_C_READY, 1),
       tsr_cmd_sem(TSR_GEMM_SEM_FREE_C, 1) | (done ? tsr_cmd_sem(TSR_GEMM_SEM_DONE, 1) << 16 : 0));
  return true;
}

/* ---- kernel --------------------------------------------------------------------------------- */

static void init_feeder(feeder_t *f, tsr_cmdq_t *queue) {
  f->queue = queue;
  f->free = TSR_CMDQ_DEPTH;
  f->busy = false;
  f->id = 0;
  f->ended = false;
  f->used = 0;
}

/* How much room the queues have. */
static tsr_status_t look(gemm_t *g) {
  feeder_t *const feeders[TSR_ENGINES] = {&g->rdma, &g->wdma, &g->me};
  tsr_cmdq_state_t states[TSR_ENGINES];
  TSR_TRY(tsr_cmdq_states(g->rdma.queue, states));
  for (uint32_t e = 0; e < TSR_ENGINES; e++) {
    feeders[e]->free = states[e].free;
    feeders[e]->busy = states[e].busy;
  }
  return TSR_OK;
}

/* The first product as soon as possible: its loads and multicasts, then its command, and only then
 * what comes after. The queues are empty and have room for all of that. */
static void start(gemm_t *g) {
  tsr_gemm_start_loads(&g->plan, &g->loads);
  g->rdma.ended = !tsr_gemm_next_load(&g->plan, &g->loads, &g->load);
  bool more = true;
  while (more) {
    more = feed_rdma(g) && !(g->loads.walk.nb > 0 && g->load.kind == TSR_GEMM_LOAD_A);
    (void)feed_wdma(g);
  }
  g->blocks = (tsr_gemm_block_iter_t){.inner = 0};
  g->me.ended = !tsr_gemm_next_block(&g->plan, &g->blocks, &g->block);
  while (feed_me(g) && g->drains_in == 0) {
  }
}

/* Post the credits, run all three sequences, and leave every semaphore at zero. */
static tsr_status_t run(gemm_t *g) {
  const tsr_gemm_plan_t *p = &g->plan;
  const tsr_tile_t *regs = &g->node->regs;
  if (p->panel > p->shared_a) { /* shared loads fill their places without asking */
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_A, p->panel - p->shared_a));
  }
  if (p->b_slots > p->shared_b) {
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_B, p->b_slots - p->shared_b));
  }
  start(g);
  while (!g->rdma.ended || !g->me.ended || g->post_b || !g->wdma.ended ||
         g->drains_in != g->drains_out) {
    TSR_TRY(tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE));
    TSR_TRY(look(g));
    bool any = false;
    bool more = true;
    while (more) {
      more = feed_rdma(g);
      more = feed_wdma(g) || more;
      if (!more ||
          g->me.free > TSR_CMDQ_DEPTH - ME_AHEAD) { /* the others first: all wait for them */
        more = feed_me(g) || more;
      }
      any = any || more;
    }
    if (!any) {
      tsr_irq_sleep(TSR_IRQ_CMD_DONE);
    }
  }
  TSR_TRY(tsr_node_wait(g->node, TSR_GEMM_SEM_DONE, 1, 0));
  TSR_TRY(tsr_tile_sem_clear(regs, TSR_GEMM_SEM_FREE_A));
  TSR_TRY(tsr_tile_sem_clear(regs, TSR_GEMM_SEM_FREE_B));
  TSR_TRY(tsr_tile_sem_clear(regs, TSR_GEMM_SEM_FREE_C));
  return tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE);
}

/* ABI: args is tsr_gemm_args_t. Returns 0 or TSR_GEMM_*. */
int kernel_gemm(const tsr_launch_t *launch);
int kernel_gemm(const tsr_launch_t *launch) {
  gemm_t g;
  g.node = tsr_self();
  const tsr_gemm_args_t *args = (const tsr_gemm_args_t *)(const void *)launch->args;
  if (launch->args_bytes < sizeof(*args)) {
    return TSR_GEMM_BAD_SHAPE;
  }
  const int bad = tsr_gemm_plan(args, tsr_grid_x(launch), tsr_grid_y(launch), tsr_grid_w(launch),
                                tsr_grid_h(launch), g.node->self.spm_bytes, &g.plan);
  if (bad != 0) {
    return bad;
  }
  const tsr_gemm_group_t *ga = &g.plan.group_a;
  const tsr_gemm_group_t *gb = &g.plan.group_b;
  const tsr_node_id_t here = g.node->self.node;
  const uint32_t x0 = launch->x0 + ga->first, y0 = launch->y0 + gb->first;
  if (g.plan.rows == 0 || g.plan.cols == 0) {
    return 0; /* nothing to do for this tile */
  }
  g.rect_a = (tsr_rect_t){(uint8_t)x0, here.y, (uint8_t)(x0 + ga->count - 1), here.y};
  g.rect_b = (tsr_rect_t){here.x, (uint8_t)y0, here.x, (uint8_t)(y0 + gb->count - 1)};
  g.post_b = false;
  g.shares_in = 0;
  g.shares_out = 0;
  g.drains_in = 0;
  g.drains_out = 0;
  init_feeder(&g.rdma, &g.node->queue[TSR_ENGINE_RDMA]);
  init_feeder(&g.me, &g.node->queue[TSR_ENGINE_ME]);
  init_feeder(&g.wdma, &g.node->queue[TSR_ENGINE_WDMA]);
  return run(&g) == TSR_OK ? 0 : TSR_GEMM_HARDWARE;
}
