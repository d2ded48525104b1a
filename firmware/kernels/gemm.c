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

#define DRAINS 16u            /* power of two */
#define CONTEXTS TSR_NODE_CTX /* the last one belongs to the runtime */

/* Contexts that hold the shapes in use. */
typedef struct {
  uint32_t key[CONTEXTS];
  uint32_t used;
} cache_t;

/* One engine's command under construction, and its shapes. */
typedef struct {
  tsr_cmdq_t *queue;
  uint32_t free; /* entries known to be free */
  bool busy;
  bool ended; /* no operation is left */
  uint32_t id;
  cache_t cache;
  tsr_cmd_t cmd;
} feeder_t;

typedef struct {
  tsr_node_t *node;
  tsr_gemm_plan_t plan;
  feeder_t rdma, me, wdma;
  tsr_node_id_t here, origin; /* own node, north-west corner of the rectangle */
  tsr_gemm_load_iter_t loads, shares;
  tsr_gemm_block_iter_t blocks;
  tsr_gemm_load_t load;  /* next to push */
  tsr_gemm_load_t share; /* next to multicast, while sharing */
  bool sharing;
  tsr_gemm_block_t block;          /* next to push */
  bool post_b;                     /* next to push before it: a no-operation that posts FREE_B */
  tsr_gemm_drain_t drains[DRAINS]; /* results of pushed blocks that are to be written back */
  uint32_t drains_in, drains_out;  /* counts; the ring's indices are these modulo DRAINS */
} gemm_t;

/* Context that holds shape `key`, in *ctx. *fresh: it must be written first. False: all contexts
 * are taken and the engine may still read them. */
static bool find_context(feeder_t *f, uint32_t key, uint32_t *ctx, bool *fresh) {
  cache_t *c = &f->cache;
  *fresh = false;
  for (uint32_t i = 0; i < c->used; i++) {
    if (c->key[i] == key) {
      *ctx = i;
      return true;
    }
  }
  if (c->used == CONTEXTS) {
    if (f->busy) {
      return false;
    }
    c->used = 0;
  }
  *ctx = c->used++;
  c->key[*ctx] = key;
  *fresh = true;
  return true;
}

/* First words of a command: operation, context, interrupt when done, next id. No waits or posts. */
static void begin(feeder_t *f, uint32_t op, uint32_t ctx) {
  f->cmd.w[0] = op | (ctx << 8) | (1u << 11) | (f->id << 16);
  f->cmd.w[1] = 0;
  f->cmd.w[2] = 0;
  f->id = (f->id + 1) & 0xffff;
}

static void push(feeder_t *f) {
  tsr_cmdq_push_free(f->queue, &f->cmd);
  f->free--;
  f->busy = true;
}

/* ---- RDMA ----------------------------------------------------------------------------------- */

static bool feed_rdma(gemm_t *g) {
  feeder_t *f = &g->rdma;
  const tsr_gemm_load_t *l = &g->load;
  if (f->ended || f->free == 0) {
    return false;
  }
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, l->rows | (l->bytes << 8) | ((uint32_t)l->kind << 30), &ctx, &fresh)) {
    return false;
  }
  if (fresh) {
    const uint32_t src_pitch = l->kind == TSR_GEMM_LOAD_A ? g->plan.args.lda : g->plan.args.ldb;
    const tsr_dma_shape_t shape = tsr_dma_rows(l->rows, l->bytes, src_pitch, g->plan.pitch);
    if (tsr_dma_set_context(&g->node->dma, TSR_DMA_RDMA, ctx, &shape) != TSR_OK) {
      return false;
    }
  }
  begin(f, TSR_OP_DMA_READ, ctx);
  f->cmd.w[5] = (uint32_t)l->src;
  f->cmd.w[6] = (uint32_t)(l->src >> 32);
  f->cmd.w[7] = l->dst;
  if (l->wait_sem != TSR_GEMM_NO_SEM) {
    tsr_cmd_wait(&f->cmd, 0, l->wait_sem, 1);
  }
  if (l->post_sem != TSR_GEMM_NO_SEM) {
    tsr_cmd_post(&f->cmd, 0, l->post_sem, 1);
  }
  push(f);
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

/* Move one of the block's waits into slot `slot` of the command, if there is one. */
static void add_wait(feeder_t *f, uint32_t slot, tsr_gemm_block_t *b) {
  if (b->wait_parts != 0) {
    uint32_t sem = 0;
    while (((b->wait_parts >> sem) & 1) == 0) {
      sem++;
    }
    tsr_cmd_wait(&f->cmd, slot, sem, 1);
    b->wait_parts &= b->wait_parts - 1;
  } else if (b->wait_loads > 0) {
    tsr_cmd_wait(&f->cmd, slot, TSR_GEMM_SEM_LOADED, b->wait_loads);
    b->wait_loads = 0;
  }
}

static bool feed_me(gemm_t *g) {
  feeder_t *f = &g->me;
  const tsr_gemm_block_t *b = &g->block;
  if (f->free == 0) {
    return false;
  }
  if (g->post_b) {
    begin(f, TSR_OP_NOP, 0);
    tsr_cmd_post(&f->cmd, 0, TSR_GEMM_SEM_FREE_B, 1);
    g->post_b = false;
    push(f);
    return true;
  }
  if (f->ended || g->drains_in - g->drains_out == DRAINS) {
    return false;
  }
  const uint32_t parts = b->wait_parts;
  if ((parts & (parts - 1)) != 0 || (parts != 0 && b->wait_loads > 0)) {
    begin(f, TSR_OP_NOP, 0); /* more waits than a command has room for */
    add_wait(f, 0, &g->block);
    add_wait(f, 1, &g->block);
    push(f);
    return true;
  }
  uint32_t ctx = 0;
  bool fresh = false;
  const uint32_t key =
      b->rows | (b->cols << 12) | ((uint32_t)b->first << 30) | ((uint32_t)b->last << 31);
  if (!find_context(f, key, &ctx, &fresh) || (fresh && !write_block_context(g, b, ctx))) {
    return false;
  }
  begin(f, TSR_OP_GEMM, ctx);
  f->cmd.w[5] = b->a;
  f->cmd.w[6] = b->b;
  f->cmd.w[7] = b->first ? b->bias : b->sum;
  f->cmd.w[8] = b->o;
  add_wait(f, 0, &g->block);
  tsr_cmd_wait(&f->cmd, 1, b->wait_self ? TSR_GEMM_SEM_SELF : TSR_GEMM_SEM_FREE_C, 1);
  tsr_cmd_post(&f->cmd, 1, b->post_self ? TSR_GEMM_SEM_SELF : TSR_GEMM_SEM_C_READY, 1);
  if (b->post_a > 0) {
    tsr_cmd_post(&f->cmd, 0, TSR_GEMM_SEM_FREE_A, b->post_a);
    g->post_b = b->post_b;
  } else if (b->post_b) {
    tsr_cmd_post(&f->cmd, 0, TSR_GEMM_SEM_FREE_B, 1);
  }
  push(f);
  if (b->last) {
    tsr_gemm_drain(&g->plan, b, &g->drains[g->drains_in++ % DRAINS]);
  }
  f->ended = !tsr_gemm_next_block(&g->plan, &g->blocks, &g->block);
  return true;
}

/* ---- WDMA ----------------------------------------------------------------------------------- */

/* Multicast the own part of a shared load to the group, and tell the group. */
static bool push_share(gemm_t *g) {
  feeder_t *f = &g->wdma;
  const tsr_gemm_plan_t *p = &g->plan;
  const bool is_a = g->share.kind == TSR_GEMM_LOAD_A;
  const tsr_gemm_group_t *group = is_a ? &p->group_a : &p->group_b;
  const uint32_t bytes = g->share.rows * p->pitch;
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, bytes | (1u << 31), &ctx, &fresh)) {
    return false;
  }
  if (fresh) {
    const tsr_dma_shape_t shape = tsr_dma_linear(bytes);
    if (tsr_dma_set_context(&g->node->dma, TSR_DMA_WDMA, ctx, &shape) != TSR_OK) {
      return false;
    }
  }
  tsr_rect_t rect = {g->here.x, g->here.y, g->here.x, g->here.y};
  if (is_a) {
    rect.x0 = (uint8_t)(g->origin.x + group->first);
    rect.x1 = (uint8_t)(rect.x0 + group->count - 1);
  } else {
    rect.y0 = (uint8_t)(g->origin.y + group->first);
    rect.y1 = (uint8_t)(rect.y0 + group->count - 1);
  }
  begin(f, TSR_OP_MCAST, ctx);
  f->cmd.w[4] = tsr_cmd_rect(rect);
  f->cmd.w[5] = g->share.dst;
  f->cmd.w[7] = TSR_SPM_BASE + g->share.dst;
  f->cmd.w[8] = 0;
  tsr_cmd_wait(&f->cmd, 0, TSR_GEMM_SEM_SHARE, 1);
  tsr_cmd_post_remote(&f->cmd, rect,
                      (is_a ? TSR_GEMM_SEM_PART_A : TSR_GEMM_SEM_PART_B) + group->index, 1);
  push(f);
  g->sharing = tsr_gemm_next_share(p, &g->shares, &g->share);
  return true;
}

/* Multicasts go first: they wait for nobody else, so that no tile waits for another in a circle. */
static bool feed_wdma(gemm_t *g) {
  feeder_t *f = &g->wdma;
  const tsr_gemm_plan_t *p = &g->plan;
  if (f->free == 0) {
    return false;
  }
  if (g->sharing) {
    return push_share(g);
  }
  if (g->drains_in == g->drains_out) {
    return false;
  }
  const tsr_gemm_drain_t *d = &g->drains[g->drains_out % DRAINS];
  uint32_t ctx = 0;
  bool fresh = false;
  if (!find_context(f, d->rows | (d->bytes << 12), &ctx, &fresh)) {
    return false;
  }
  if (fresh) {
    const tsr_dma_shape_t shape = tsr_dma_rows(d->rows, d->bytes, p->o_pitch, p->args.ldc);
    if (tsr_dma_set_context(&g->node->dma, TSR_DMA_WDMA, ctx, &shape) != TSR_OK) {
      return false;
    }
  }
  g->drains_out++;
  begin(f, TSR_OP_DMA_WRITE, ctx);
  f->cmd.w[5] = d->src;
  f->cmd.w[7] = (uint32_t)d->dst;
  f->cmd.w[8] = (uint32_t)(d->dst >> 32);
  tsr_cmd_wait(&f->cmd, 0, TSR_GEMM_SEM_C_READY, 1);
  tsr_cmd_post(&f->cmd, 0, TSR_GEMM_SEM_FREE_C, 1);
  if (g->me.ended && g->drains_in == g->drains_out) {
    tsr_cmd_post(&f->cmd, 1, TSR_GEMM_SEM_DONE, 1);
  }
  push(f);
  return true;
}

/* ---- kernel --------------------------------------------------------------------------------- */

static void init_feeder(feeder_t *f, tsr_cmdq_t *queue) {
  f->queue = queue;
  f->id = 0;
  f->ended = false;
  f->cache.used = 0;
  tsr_cmd_init(&f->cmd, TSR_OP_NOP, 0, 0);
}

static tsr_status_t look(feeder_t *f) {
  tsr_cmdq_state_t state;
  TSR_TRY(tsr_cmdq_state(f->queue, &state));
  f->free = state.free;
  f->busy = state.busy;
  return TSR_OK;
}

/* Post the credits, run all three sequences, and leave every semaphore at zero. */
static tsr_status_t run(gemm_t *g) {
  const tsr_gemm_plan_t *p = &g->plan;
  const tsr_tile_t *regs = &g->node->regs;
  /* Shared loads fill the places at first, without credits. */
  if (p->group_a.count == 1) {
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_A, p->panel));
  }
  if (p->group_b.count == 1) {
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_B, p->b_slots));
  }
  TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_C, p->c_slots));
  while (!g->rdma.ended || !g->me.ended || g->post_b || g->sharing ||
         g->drains_in != g->drains_out) {
    TSR_TRY(tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE));
    TSR_TRY(look(&g->rdma));
    TSR_TRY(look(&g->me));
    TSR_TRY(look(&g->wdma));
    bool any = feed_rdma(g); /* loads go ahead */
    bool more = true;
    while (more) {
      more = feed_rdma(g);
      more = feed_wdma(g) || more;
      more = feed_me(g) || more;
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
  g.here = g.node->self.node;
  g.origin = (tsr_node_id_t){launch->x0, launch->y0};
  g.loads = (tsr_gemm_load_iter_t){.pending = 0};
  g.shares = g.loads;
  g.blocks = (tsr_gemm_block_iter_t){.inner = 0};
  g.post_b = false;
  g.drains_in = 0;
  g.drains_out = 0;
  init_feeder(&g.rdma, &g.node->queue[TSR_ENGINE_RDMA]);
  init_feeder(&g.me, &g.node->queue[TSR_ENGINE_ME]);
  init_feeder(&g.wdma, &g.node->queue[TSR_ENGINE_WDMA]);
  if (!tsr_gemm_next_block(&g.plan, &g.blocks, &g.block)) {
    return 0; /* nothing to do for this tile */
  }
  g.rdma.ended = !tsr_gemm_next_load(&g.plan, &g.loads, &g.load);
  g.sharing = tsr_gemm_next_share(&g.plan, &g.shares, &g.share);
  return run(&g) == TSR_OK ? 0 : TSR_GEMM_HARDWARE;
}
