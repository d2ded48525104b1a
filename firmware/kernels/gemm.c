/* SPDX-License-Identifier: Apache-2.0 */
/* GEMM kernel: C = act(A * B^T + bias) over the launched rectangle of tiles. Rows of tiles take row
 * ranges of C, columns take column ranges. See gemm_plan.h for the schedule.
 *
 * The core only keeps the three command queues filled (feed.h); everything else waits on semaphores
 * in the queues. */
#include <stddef.h>

#include "drivers/me.h"
#include "kernels/gemm_plan.h"
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"

#define RING 16u /* power of two */
#define ME_AHEAD \
  2u /* unfinished commands that ME always has, if there are any: the others go first */

/* Part of a shared load that is to be multicast. */
typedef struct {
  bool is_a;
  uint32_t at, bytes; /* in the scratchpad */
  uint32_t sem;       /* of the group, gets one when the part is there */
} share_t;

typedef struct {
  tsr_node_t *node;
  tsr_gemm_plan_t plan;
  tsr_feed_t feed;
  uint32_t rect_a, rect_b; /* groups, as command words */
  tsr_gemm_load_iter_t loads;
  tsr_gemm_block_iter_t blocks;
  tsr_gemm_load_t load;   /* next; valid unless loads_ended */
  tsr_gemm_block_t block; /* next; valid unless blocks_ended */
  bool loads_ended, blocks_ended, shares_ended;
  bool post_b; /* next before it: a no-operation that posts FREE_B */
  /* What WDMA is to do for commands of the others. Counts; indices are these modulo RING. */
  share_t shares[RING];
  uint32_t shares_in, shares_out;
  tsr_gemm_drain_t drains[RING];
  uint32_t drains_in, drains_out;
} gemm_t;

static uint32_t one(uint32_t sem) { return sem == TSR_GEMM_NO_SEM ? 0 : tsr_cmd_sem(sem, 1); }

/* ---- RDMA ----------------------------------------------------------------------------------- */

/* Shape of a load: rows, bytes of a row, kind. */
static uint32_t load_key(const tsr_gemm_load_t *l) {
  return l->rows | (l->bytes << 8) | ((uint32_t)l->kind << 28);
}

static tsr_status_t encode_load(void *state, uint32_t key, uint32_t ctx) {
  const gemm_t *g = state;
  const tsr_gemm_plan_t *p = &g->plan;
  const uint32_t kind = key >> 28;
  const bool scales = kind == TSR_GEMM_LOAD_A_SCALES || kind == TSR_GEMM_LOAD_B_SCALES;
  uint32_t pitch = kind == TSR_GEMM_LOAD_A ? p->args.lda : p->args.ldb;
  if (scales) {
    pitch = kind == TSR_GEMM_LOAD_A_SCALES ? p->args.lda_scale : p->args.ldb_scale;
  }
  return tsr_dma_set_rows(&g->node->dma, TSR_DMA_RDMA, ctx, key & 0xff, (key >> 8) & 0xfffff, pitch,
                          scales ? p->scale_pitch : p->pitch);
}

static tsr_feed_next_t next_load(void *state, tsr_feed_cmd_t *cmd) {
  gemm_t *g = state;
  const tsr_gemm_load_t *l = &g->load;
  if (g->loads_ended) {
    return TSR_FEED_END;
  }
  if (g->shares_in - g->shares_out == RING) {
    return TSR_FEED_LATER;
  }
  cmd->op = TSR_OP_DMA_READ;
  cmd->overlap = true; /* loads go to different places */
  cmd->key = load_key(l);
  cmd->waits = one(l->wait_sem);
  cmd->posts = one(l->post_sem);
  cmd->args = 3;
  cmd->arg[0] = (uint32_t)l->src;
  cmd->arg[1] = (uint32_t)(l->src >> 32);
  cmd->arg[2] = l->dst;
  if (l->post_sem == TSR_GEMM_SEM_SHARE) {
    g->shares[g->shares_in++ % RING] =
        (share_t){l->kind == TSR_GEMM_LOAD_A, l->dst, l->rows * g->plan.pitch, l->part_sem};
  }
  g->loads_ended = !tsr_gemm_next_load(&g->plan, &g->loads, &g->load);
  return TSR_FEED_COMMAND;
}

/* ---- ME ------------------------------------------------------------------------------------- */

/* Shape of a block: rows, columns, first and last piece of K. */
static uint32_t block_key(const tsr_gemm_block_t *b) {
  return b->rows | (b->cols << 12) | ((uint32_t)b->first << 30) | ((uint32_t)b->last << 31);
}

static tsr_status_t encode_block(void *state, uint32_t key, uint32_t ctx) {
  const gemm_t *g = state;
  const tsr_gemm_plan_t *p = &g->plan;
  const bool bias = (p->args.flags & TSR_GEMM_BIAS) != 0;
  const bool first = ((key >> 30) & 1) != 0, last = (key >> 31) != 0;
  const tsr_me_gemm_t gemm = {
      .format = (tsr_me_format_t)p->args.format,
      .format_b = (tsr_me_format_t)p->args.format_b,
      .mx = p->mx,
      .relu = last && (p->args.flags & TSR_GEMM_RELU) != 0,
      .out_bf16 = last && (p->args.flags & TSR_GEMM_OUT_BF16) != 0,
      .preload = !first ? TSR_ME_PRELOAD_MATRIX
                 : bias ? TSR_ME_PRELOAD_ROW
                        : TSR_ME_PRELOAD_NONE,
      .rows = key & 0xfff,
      .cols = (key >> 12) & 0xfff,
      .k_bytes = last ? p->k_bytes - (p->k_parts - 1) * p->k_part : p->k_part,
      .a_pitch = p->pitch,
      .b_pitch = p->pitch,
      .c_pitch = p->sum_pitch,
      .o_pitch = last ? p->o_pitch : p->sum_pitch,
      .a_scale_pitch = p->scale_pitch,
      .b_scale_pitch = p->scale_pitch,
  };
  tsr_me_context_t context;
  TSR_TRY(tsr_me_encode(&gemm, &context));
  return tsr_me_set_context(&g->node->me, ctx, &context);
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

static tsr_feed_next_t no_operation(tsr_feed_cmd_t *cmd, uint32_t waits, uint32_t posts) {
  cmd->op = TSR_OP_NOP;
  cmd->waits = waits;
  cmd->posts = posts;
  cmd->args = 0;
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_block(void *state, tsr_feed_cmd_t *cmd) {
  gemm_t *g = state;
  tsr_gemm_block_t *b = &g->block;
  if (g->post_b) {
    g->post_b = false;
    return no_operation(cmd, 0, tsr_cmd_sem(TSR_GEMM_SEM_FREE_B, 1));
  }
  if (g->blocks_ended) {
    return TSR_FEED_END;
  }
  if (g->drains_in - g->drains_out == RING) {
    return TSR_FEED_LATER;
  }
  uint32_t left = 0;
  const uint32_t waits = take_waits(b, &left);
  if (left > 0) { /* more than a command has room for: the first two go ahead */
    if (b->wait_a == 0 || b->wait_b == 0) {
      b->wait_loads = 0;
    }
    b->wait_a = 0;
    b->wait_b = 0;
    return no_operation(cmd, waits, 0);
  }
  const uint32_t end = b->post_self ? TSR_GEMM_SEM_SELF : TSR_GEMM_SEM_C_READY;
  uint32_t free = 0;
  if (b->post_a > 0) {
    free = tsr_cmd_sem(TSR_GEMM_SEM_FREE_A, b->post_a);
    g->post_b = b->post_b;
  } else if (b->post_b) {
    free = tsr_cmd_sem(TSR_GEMM_SEM_FREE_B, 1);
  }
  cmd->op = TSR_OP_GEMM;
  cmd->key = block_key(b);
  cmd->waits = waits;
  cmd->posts = free | (tsr_cmd_sem(end, 1) << 16);
  /* Blocks write different places; what they read was loaded before. Only sums of pieces of K
   * depend on the block before, and a result buffer on WDMA, which FREE_C tells. */
  cmd->overlap = b->first;
  cmd->args = g->plan.mx ? 7 : 4;
  cmd->arg[0] = b->a;
  cmd->arg[1] = b->b;
  cmd->arg[2] = b->first ? b->bias : b->sum;
  cmd->arg[3] = b->o;
  cmd->arg[5] = b->a_scales;
  cmd->arg[6] = b->b_scales;
  if (b->last) {
    tsr_gemm_drain(&g->plan, b, &g->drains[g->drains_in++ % RING]);
  }
  g->blocks_ended = !tsr_gemm_next_block(&g->plan, &g->blocks, &g->block);
  return TSR_FEED_COMMAND;
}

/* ---- WDMA ----------------------------------------------------------------------------------- */

#define SHARE_KEY (1u << 31)

static tsr_status_t encode_write(void *state, uint32_t key, uint32_t ctx) {
  const gemm_t *g = state;
  const tsr_dma_t *dma = &g->node->dma;
  if ((key & SHARE_KEY) != 0) {
    return tsr_dma_set_rows(dma, TSR_DMA_WDMA, ctx, 1, key & ~SHARE_KEY, 0, 0);
  }
  return tsr_dma_set_rows(dma, TSR_DMA_WDMA, ctx, key & 0xfff, key >> 12, g->plan.o_pitch,
                          g->plan.args.ldc);
}

/* Whether multicasts are to come, now or later. */
static bool sharing(const gemm_t *g) {
  return g->shares_in != g->shares_out ||
         (!g->loads_ended &&
          (g->load.post_sem == TSR_GEMM_SEM_SHARE || tsr_gemm_shares_left(&g->plan, &g->loads)));
}

/* Multicast the own part of a shared load to the group, and tell the group. */
static tsr_feed_next_t next_share(gemm_t *g, tsr_feed_cmd_t *cmd) {
  if (g->shares_in == g->shares_out) {
    return TSR_FEED_LATER;
  }
  const share_t *s = &g->shares[g->shares_out++ % RING];
  cmd->op = TSR_OP_MCAST;
  cmd->key = s->bytes | SHARE_KEY;
  cmd->waits = tsr_cmd_sem(TSR_GEMM_SEM_SHARE, 1);
  cmd->posts = tsr_cmd_sem(s->sem, 1) | TSR_CMD_POST_REMOTE;
  cmd->post_rect = s->is_a ? g->rect_a : g->rect_b;
  cmd->mcast_rect = cmd->post_rect;
  cmd->args = 3;
  cmd->arg[0] = s->at;
  cmd->arg[2] = TSR_SPM_BASE + s->at;
  return TSR_FEED_COMMAND;
}

/* All multicasts go first: they wait for nobody else, so that no tile waits for another in a
 * circle. */
static tsr_feed_next_t next_write(void *state, tsr_feed_cmd_t *cmd) {
  gemm_t *g = state;
  if (!g->shares_ended) {
    g->shares_ended = !sharing(g);
    if (!g->shares_ended) {
      return next_share(g, cmd);
    }
  }
  if (g->drains_in == g->drains_out) {
    return g->blocks_ended ? TSR_FEED_END : TSR_FEED_LATER;
  }
  const tsr_gemm_drain_t *d = &g->drains[g->drains_out++ % RING];
  const bool done = g->blocks_ended && g->drains_in == g->drains_out;
  cmd->op = TSR_OP_DMA_WRITE;
  cmd->key = d->rows | (d->bytes << 12);
  cmd->waits = tsr_cmd_sem(TSR_GEMM_SEM_C_READY, 1);
  cmd->posts =
      tsr_cmd_sem(TSR_GEMM_SEM_FREE_C, 1) | (done ? tsr_cmd_sem(TSR_GEMM_SEM_DONE, 1) << 16 : 0);
  cmd->args = 4;
  cmd->arg[0] = d->src;
  cmd->arg[2] = (uint32_t)d->dst;
  cmd->arg[3] = (uint32_t)(d->dst >> 32);
  return TSR_FEED_COMMAND;
}

/* ---- kernel --------------------------------------------------------------------------------- */

/* The first product as soon as possible: its command, which waits for its operands, then their
 * loads and multicasts, and only then what comes after. The queues are empty and have room for all
 * of that. Encoding the command takes longer than any of the others; behind the loads it would
 * delay the next ones. */
static tsr_status_t start(gemm_t *g) {
  bool more = true, any = true;
  g->blocks_ended = !tsr_gemm_next_block(&g->plan, &g->blocks, &g->block);
  while (any && g->drains_in == 0) {
    TSR_TRY(tsr_feed_one(&g->feed, TSR_ENGINE_ME, &any));
  }
  tsr_gemm_start_loads(&g->plan, &g->loads);
  g->loads_ended = !tsr_gemm_next_load(&g->plan, &g->loads, &g->load);
  while (more) {
    TSR_TRY(tsr_feed_one(&g->feed, TSR_ENGINE_RDMA, &more));
    TSR_TRY(tsr_feed_one(&g->feed, TSR_ENGINE_WDMA, &any));
    const bool of_a = g->load.kind == TSR_GEMM_LOAD_A || g->load.kind == TSR_GEMM_LOAD_A_SCALES;
    more = more && !(g->loads.walk.nb > 0 && of_a);
  }
  return TSR_OK;
}

/* Post the credits, run all three sequences, and leave every semaphore at zero. */
static tsr_status_t run(gemm_t *g) {
  const tsr_gemm_plan_t *p = &g->plan;
  const tsr_tile_t *regs = &g->node->regs;
  /* Different rows of a context: the three engines share them. */
  const tsr_feed_source_t loads = {g, next_load, encode_load, 0, TSR_FEED_CONTEXTS, 0};
  const tsr_feed_source_t blocks = {g, next_block, encode_block, 0, TSR_FEED_CONTEXTS, ME_AHEAD};
  const tsr_feed_source_t writes = {g, next_write, encode_write, 0, TSR_FEED_CONTEXTS, 0};
  if (p->panel > p->shared_a) { /* shared loads fill their places without asking */
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_A, p->panel - p->shared_a));
  }
  if (p->b_slots > p->shared_b) {
    TSR_TRY(tsr_tile_sem_post(regs, TSR_GEMM_SEM_FREE_B, p->b_slots - p->shared_b));
  }
  tsr_feed_init(&g->feed, g->node);
  TSR_TRY(tsr_feed_use(&g->feed, TSR_ENGINE_RDMA, &loads));
  TSR_TRY(tsr_feed_use(&g->feed, TSR_ENGINE_ME, &blocks));
  TSR_TRY(tsr_feed_use(&g->feed, TSR_ENGINE_WDMA, &writes));
  TSR_TRY(start(g));
  TSR_TRY(tsr_feed_run(&g->feed));
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
  tsr_gemm_args_t mine = *args;
  if ((launch->flags & TSR_LAUNCH_ALONE) != 0) {
    mine.flags |= TSR_GEMM_NO_SHARE;
  }
  const int bad = tsr_gemm_plan(&mine, tsr_grid_x(launch), tsr_grid_y(launch), tsr_grid_w(launch),
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
  g.rect_a = tsr_cmd_rect((tsr_rect_t){(uint8_t)x0, here.y, (uint8_t)(x0 + ga->count - 1), here.y});
  g.rect_b = tsr_cmd_rect((tsr_rect_t){here.x, (uint8_t)y0, here.x, (uint8_t)(y0 + gb->count - 1)});
  g.blocks = (tsr_gemm_block_iter_t){.inner = 0};
  g.blocks_ended = false;
  g.shares_ended = false;
  g.post_b = false;
  g.shares_in = 0;
  g.shares_out = 0;
  g.drains_in = 0;
  g.drains_out = 0;
  return run(&g) == TSR_OK ? 0 : TSR_GEMM_HARDWARE;
}
