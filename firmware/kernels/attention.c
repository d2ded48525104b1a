/* SPDX-License-Identifier: Apache-2.0 */
/* Attention without ever holding a whole score matrix (flash attention):
 *     O = softmax(Q K^T / sqrt(d)) V     for each head.
 *
 * Work is cut into units: one head and two blocks, x and y, of 64 queries. Tiles take units in
 * turn. A unit walks the blocks of 128 keys. For each block of queries and of keys the matrix
 * engine computes the scores S = Q K^T into the scratchpad; the vector engine finds the rows' new
 * maxima m' = max(m, scale * max(S)), the probabilities P = 2^(scale * S - m') and their sums, and
 * scales what O has so far by 2^(m - m'); then the matrix engine adds P V to O. The sums of the
 * blocks are brought together only at the unit's end, from the maxima and sums that every block
 * left behind. scale is log2(e) / sqrt(d).
 *
 * The two blocks of queries alternate: while the vector engine works on one, the matrix engine
 * works on the other, S(x, j), O(y, j-1), S(y, j), O(x, j), S(x, j+1), O(y, j), ... and goes on
 * with the next unit without a pause. What belongs to x, what belongs to y, and keys and values lie
 * in different hyperbanks. Keys and values have one place each: while the matrix engine uses the
 * one, the other is loaded. The core only keeps four queues filled. */
#include <stddef.h>

#include "drivers/dma.h"
#include "drivers/me.h"
#include "drivers/ve.h"
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"
#include "ve_images.h"

#define QUERIES 64u /* of a block */
#define KEYS 128u   /* of a block */
#define MAX_DIM 64u
#define MAX_BLOCKS 32u      /* of keys */
#define STAT (QUERIES * 4u) /* bytes of one value a query */

/* Semaphores. */
enum {
  SEM_S,        /* ME -> VE: scores are there */
  SEM_P,        /* VE -> ME: probabilities are there, O is scaled */
  SEM_O,        /* ME -> VE: the unit's last product is added to O */
  SEM_OUT,      /* VE -> WDMA: a block of results is there */
  SEM_OUT_FREE, /* WDMA -> VE: its place is free */
  SEM_K,        /* RDMA -> ME */
  SEM_V,
  SEM_K_FREE, /* ME -> RDMA: the place of the keys is free; after a unit's last ones, that of y's
                 queries too */
  SEM_V_FREE,
  SEM_Q,      /* RDMA -> ME */
  SEM_Q_FREE, /* ME -> RDMA: the place of x's queries is free */
  SEM_END     /* WDMA -> core */
};

/* Shapes; a context each. */
enum { KEY_S, KEY_O };                                                 /* ME */
enum { KEY_MASK, KEY_MAX, KEY_EXP, KEY_SCALE, KEY_OUT, KEY_SUM = 16 }; /* VE; KEY_SUM + blocks */
#define SUM_PROGRAM 5u
#define PROGRAMS 6u                                    /* KEY_MASK..KEY_OUT, SUM_PROGRAM */
enum { KEY_ROWS_Q, KEY_ROWS_K, KEY_ROWS_V, KEY_ZERO }; /* RDMA */

/* Position of one of the engines in the sequence of units and blocks of keys. */
typedef struct {
  uint32_t unit; /* of this tile, counted from 0 */
  uint32_t j;    /* block of keys */
  uint32_t step; /* what comes next for it */
} cursor_t;

typedef struct {
  tsr_node_t *node;
  const tsr_attention_args_t *args;
  tsr_feed_t feed;
  uint32_t first, stride, units; /* units of this tile: first + stride * i, i < units */
  uint32_t pairs;                /* units of a head */
  uint32_t blocks;               /* of keys */
  uint32_t row_bytes;            /* of a row of Q, K, V, O */
  uint32_t q_pitch, v_pitch;     /* in the scratchpad; K has the pitch of Q */
  uint32_t p_pitch, s_pitch, o_pitch;
  uint32_t q[2], p[2], s[2], o[2], maxima[2], sums[2], total, rows, k, v;
  uint32_t zero; /* what the first product of a unit is added to: saves a context of ME */
  cursor_t load, me, ve, out;
  bool zeroed;    /* the command that fills zero was given */
  bool owed;      /* y's product with the values of block owed_j is still to do */
  bool owed_last; /* it is the unit's last one */
  uint32_t owed_j;
  tsr_ve_context_t programs[PROGRAMS]; /* encoded once: a context that comes back is only copied */
} attention_t;

static uint32_t unit_number(const attention_t *g, uint32_t unit) {
  return g->first + unit * g->stride;
}

/* Blocks of keys that a unit needs: both of its blocks of queries end in the same block of keys. */
static uint32_t key_blocks(const attention_t *g, uint32_t unit) {
  if ((g->args->flags & TSR_ATTENTION_CAUSAL) == 0) {
    return g->blocks;
  }
  return unit_number(g, unit) % g->pairs + 1;
}

static bool on_diagonal(const attention_t *g, uint32_t unit, uint32_t j) {
  return (g->args->flags & TSR_ATTENTION_CAUSAL) != 0 && j + 1 == key_blocks(g, unit);
}

/* Global address of a row of a head's matrix. */
static uint64_t row_address(const attention_t *g, uint64_t base, uint32_t unit, uint32_t row) {
  const uint32_t head = unit_number(g, unit) / g->pairs;
  return base + ((uint64_t)head * g->args->seq + row) * g->row_bytes;
}

static uint32_t query_row(const attention_t *g, uint32_t unit, uint32_t y) {
  return (2 * (unit_number(g, unit) % g->pairs) + y) * QUERIES;
}

/* ---- RDMA: per unit Q of x, first K, Q of y, first V, then K and V of every further block ------
 */

static tsr_feed_next_t next_load(void *state, tsr_feed_cmd_t *cmd) {
  attention_t *g = state;
  cursor_t *c = &g->load;
  if (c->unit == g->units) {
    return TSR_FEED_END;
  }
  uint64_t src = 0;
  cmd->op = TSR_OP_DMA_READ;
  cmd->args = 3;
  cmd->overlap = true;
  switch (c->step) {
    case 0: /* Q of x */
    case 2: /* Q of y: its place is free because that of the keys was */
      src = row_address(g, g->args->q, c->unit, query_row(g, c->unit, c->step / 2));
      cmd->key = KEY_ROWS_Q;
      cmd->arg[2] = g->q[c->step / 2];
      cmd->waits = c->step == 0 ? tsr_cmd_sem(SEM_Q_FREE, 1) : 0;
      cmd->posts = tsr_cmd_sem(SEM_Q, 1);
      c->step++;
      break;
    case 1:
      src = row_address(g, g->args->k, c->unit, c->j * KEYS);
      cmd->key = KEY_ROWS_K;
      cmd->arg[2] = g->k;
      cmd->waits = tsr_cmd_sem(SEM_K_FREE, 1);
      cmd->posts = tsr_cmd_sem(SEM_K, 1);
      c->step = c->j == 0 ? 2 : 3;
      break;
    default:
      if (!g->zeroed) { /* the first values are the first that nobody waits for at once */
        g->zeroed = true;
        cmd->op = TSR_OP_SPM_FILL;
        cmd->key = KEY_ZERO;
        cmd->arg[2] = g->zero;
        cmd->arg[4] = 0;
        cmd->args = 5;
        cmd->waits = 0;
        cmd->posts = 0;
        return TSR_FEED_COMMAND;
      }
      cmd->overlap = c->unit > 0 || c->j > 0; /* the first ones tell that zero is filled, too */
      src = row_address(g, g->args->v, c->unit, c->j * KEYS);
      cmd->key = KEY_ROWS_V;
      cmd->arg[2] = g->v;
      cmd->waits = tsr_cmd_sem(SEM_V_FREE, 1);
      cmd->posts = tsr_cmd_sem(SEM_V, 1);
      c->step = 1;
      if (++c->j == key_blocks(g, c->unit)) {
        *c = (cursor_t){.unit = c->unit + 1};
      }
      break;
  }
  cmd->arg[0] = (uint32_t)src;
  cmd->arg[1] = (uint32_t)(src >> 32);
  return TSR_FEED_COMMAND;
}

static tsr_status_t encode_load(void *state, uint32_t key, uint32_t ctx) {
  const attention_t *g = state;
  if (key == KEY_ZERO) {
    return tsr_dma_set_rows(&g->node->dma, TSR_DMA_RDMA, ctx, 1, QUERIES * g->o_pitch, 0, 0);
  }
  return tsr_dma_set_rows(&g->node->dma, TSR_DMA_RDMA, ctx, key == KEY_ROWS_Q ? QUERIES : KEYS,
                          g->row_bytes, g->row_bytes, key == KEY_ROWS_V ? g->v_pitch : g->q_pitch);
}

/* ---- ME -----------------------------------------------------------------------------------------
 */

static void scores(attention_t *g, tsr_feed_cmd_t *cmd, uint32_t y) {
  const cursor_t *c = &g->me;
  const bool last = c->j + 1 == key_blocks(g, c->unit);
  const uint32_t end = y == 1 ? tsr_cmd_sem(SEM_K_FREE, 1) : last ? tsr_cmd_sem(SEM_Q_FREE, 1) : 0;
  cmd->key = KEY_S;
  cmd->waits = y == 0 ? tsr_cmd_sem(SEM_K, 1) : 0;
  if (c->j == 0) {
    cmd->waits = (cmd->waits << 16) | tsr_cmd_sem(SEM_Q, 1);
  }
  cmd->posts = tsr_cmd_sem(SEM_S, 1) | (end << 16);
  cmd->arg[0] = g->q[y];
  cmd->arg[1] = g->k;
  cmd->arg[2] = 0;
  cmd->arg[3] = g->s[y];
}

/* O += P V. */
static void add_values(attention_t *g, tsr_feed_cmd_t *cmd, uint32_t y, uint32_t j, bool last) {
  cmd->key = KEY_O;
  cmd->waits = tsr_cmd_sem(SEM_P, 1) | (y == 0 ? tsr_cmd_sem(SEM_V, 1) << 16 : 0);
  cmd->posts = (last ? tsr_cmd_sem(SEM_O, 1) : 0) | (y == 1 ? tsr_cmd_sem(SEM_V_FREE, 1) << 16 : 0);
  cmd->arg[0] = g->p[y];
  cmd->arg[1] = g->v;
  cmd->arg[2] = j == 0 ? g->zero : g->o[y];
  cmd->arg[3] = g->o[y];
}

/* cursor.step: 0 scores of x, 1 product of y of the block before, 2 scores of y, 3 product of x. */
static tsr_feed_next_t next_product(void *state, tsr_feed_cmd_t *cmd) {
  attention_t *g = state;
  cursor_t *c = &g->me;
  const bool over = c->unit == g->units;
  if (over && !g->owed) {
    return TSR_FEED_END;
  }
  cmd->op = TSR_OP_GEMM;
  cmd->args = 4;
  cmd->overlap = true;
  if (over || (c->step == 1 && g->owed)) {
    add_values(g, cmd, 1, g->owed_j, g->owed_last);
    g->owed = false;
    c->step = 2;
    return TSR_FEED_COMMAND;
  }
  const bool last = c->j + 1 == key_blocks(g, c->unit);
  switch (c->step) {
    case 0:
      scores(g, cmd, 0);
      c->step = 1;
      break;
    case 1:
    case 2:
      scores(g, cmd, 1);
      g->owed = true;
      g->owed_j = c->j;
      g->owed_last = last;
      c->step = 3;
      break;
    default:
      add_values(g, cmd, 0, c->j, last);
      *c = last ? (cursor_t){.unit = c->unit + 1} : (cursor_t){.unit = c->unit, .j = c->j + 1};
      break;
  }
  return TSR_FEED_COMMAND;
}

static tsr_status_t encode_product(void *state, uint32_t key, uint32_t ctx) {
  const attention_t *g = state;
  const bool is_s = key == KEY_S;
  const tsr_me_gemm_t gemm = {.format = (tsr_me_format_t)g->args->format,
                              .rows = QUERIES,
                              .cols = is_s ? KEYS : g->args->dim,
                              .k_bytes = is_s ? g->row_bytes : KEYS * 2,
                              .a_pitch = is_s ? g->q_pitch : g->p_pitch,
                              .b_pitch = is_s ? g->q_pitch : g->v_pitch,
                              .b_trans = !is_s,
                              .preload = is_s ? TSR_ME_PRELOAD_NONE : TSR_ME_PRELOAD_MATRIX,
                              .c_pitch = g->o_pitch,
                              .o_pitch = is_s ? g->s_pitch : g->o_pitch};
  tsr_me_context_t context;
  TSR_TRY(tsr_me_encode(&gemm, &context));
  return tsr_me_set_context(&g->node->me, ctx, &context);
}

/* ---- VE: for every block of scores mask (diagonal), maxima, probabilities, scaling of O;
 *          at the unit's end the sums and the results
 * ---------------------------------------------- */

enum { STEP_MASK, STEP_MAX, STEP_EXP, STEP_SCALE, STEP_SUM, STEP_OUT };

static void pass(tsr_feed_cmd_t *cmd, uint32_t key, uint32_t i0, uint32_t i1, uint32_t i2,
                 uint32_t o0, uint32_t o1) {
  cmd->key = key;
  cmd->arg[0] = i0;
  cmd->arg[1] = i1;
  cmd->arg[2] = i2;
  cmd->arg[3] = o0;
  cmd->arg[4] = o1;
}

/* Pass `step` on block y of queries after block j of keys. */
static void vector_pass(attention_t *g, tsr_feed_cmd_t *cmd, uint32_t unit, uint32_t y, uint32_t j,
                        uint32_t step) {
  /* The maxima before the first block, minus infinity, lie in front of the others. */
  const uint32_t before = g->maxima[y] + j * STAT, after = before + STAT;
  const bool masked = on_diagonal(g, unit, j);
  cmd->waits = 0;
  cmd->posts = 0;
  switch (step) {
    case STEP_MASK:
      pass(cmd, KEY_MASK, g->s[y], g->rows + y * STAT, 0, g->s[y], 0);
      cmd->waits = tsr_cmd_sem(SEM_S, 1);
      cmd->overlap = true;
      break;
    case STEP_MAX:
      pass(cmd, KEY_MAX, g->s[y], before, 0, after, 0);
      cmd->waits = masked ? 0 : tsr_cmd_sem(SEM_S, 1);
      cmd->overlap = !masked;
      break;
    case STEP_EXP:
      pass(cmd, KEY_EXP, g->s[y], after, 0, g->p[y], g->sums[y] + j * STAT);
      cmd->waits = j == 0 ? tsr_cmd_sem(SEM_OUT_FREE, 1) : 0;
      cmd->posts = j == 0 ? tsr_cmd_sem(SEM_P, 1) : 0;
      break;
    case STEP_SCALE:
      pass(cmd, KEY_SCALE, g->o[y], before, after, g->o[y], 0);
      cmd->posts = tsr_cmd_sem(SEM_P, 1);
      cmd->overlap = true;
      break;
    case STEP_SUM: {
      const uint32_t count = key_blocks(g, unit);
      pass(cmd, KEY_SUM + count, g->maxima[y] + STAT, g->sums[y], g->maxima[y] + count * STAT,
           g->total, 0);
      cmd->waits = tsr_cmd_sem(SEM_O, 1);
      break;
    }
    default:
      pass(cmd, KEY_OUT, g->o[y], g->total, 0, g->p[y], 0);
      cmd->posts = tsr_cmd_sem(SEM_OUT, 1);
      break;
  }
}

/* The order follows that of ME. cursor.step: 8 * place + pass; places of a block of keys: 0 block
 * x, 1 results of y of the unit before, 2 block y, 3 results of x. */
static tsr_feed_next_t next_pass(void *state, tsr_feed_cmd_t *cmd) {
  attention_t *g = state;
  cursor_t *c = &g->ve;
  cmd->op = TSR_OP_VEC;
  cmd->args = 6;
  cmd->arg[5] = g->args->scale; /* word 10 */
  for (;;) {
    const bool over = c->unit == g->units;
    const uint32_t place = c->step >> 3, step = c->step & 7u, j = c->j;
    const bool block = place == 0 || place == 2;
    const uint32_t y = place == 1 || place == 2 ? 1 : 0;
    const uint32_t unit = place == 1 ? c->unit - 1 : c->unit;
    uint32_t last = STEP_OUT;
    bool run = false;
    if (block) {
      last = j == 0 ? STEP_EXP : STEP_SCALE;
      run = !over && (step != STEP_MASK || on_diagonal(g, unit, j));
    } else if (step >= STEP_SUM) {
      run = place == 1 ? c->unit > 0 && j == 0 : !over && j + 1 == key_blocks(g, unit);
    }
    if (step < last && (block || run || step >= STEP_SUM)) {
      c->step++;
    } else if (step < last && !block) {
      c->step = (place << 3) | STEP_SUM;
    } else if (place < 3) {
      c->step = (place + 1) << 3;
    } else if (over) {
      return TSR_FEED_END;
    } else {
      c->step = 0;
      if (++c->j == key_blocks(g, c->unit)) {
        c->j = 0;
        c->unit++;
      }
    }
    if (run) {
      vector_pass(g, cmd, unit, y, j, step);
      return TSR_FEED_COMMAND;
    }
  }
}

/* 16 queries at a time: `blocks` blocks of keys at a distance, then the next 16. */
static void column(uint32_t blocks, uint32_t stride, uint32_t *row) {
  const tsr_agu_nest_t nest = {
      .count = {blocks, QUERIES / TSR_VE_LANES, 1}, .stride = {stride, 64, 0}, .w_log2 = 3};
  tsr_agu_encode_nest(&nest, row);
}

/* Streams of SUM_PROGRAM for so many blocks of keys. */
static void encode_sum(attention_t *g, uint32_t blocks) {
  tsr_ve_context_t *context = &g->programs[SUM_PROGRAM];
  column(blocks, STAT, context->stream[TSR_VE_I0]);
  column(blocks, STAT, context->stream[TSR_VE_I1]);
  column(blocks, 0, context->stream[TSR_VE_I2]);
}

static tsr_status_t encode_programs(attention_t *g) {
  static const uint32_t *const stages[PROGRAMS] = {
      tsr_ve_attention_mask_0_stages, tsr_ve_attention_max_0_stages,
      tsr_ve_attention_exp_0_stages,  tsr_ve_attention_scale_0_stages,
      tsr_ve_attention_out_0_stages,  tsr_ve_attention_sum_0_stages};
  static const uint32_t *const io[PROGRAMS] = {
      tsr_ve_attention_mask_0_io,  tsr_ve_attention_max_0_io, tsr_ve_attention_exp_0_io,
      tsr_ve_attention_scale_0_io, tsr_ve_attention_out_0_io, tsr_ve_attention_sum_0_io};
  const tsr_agu_t s_rows = tsr_agu_rows(QUERIES, KEYS * 4, g->s_pitch);
  const tsr_agu_t p_rows = tsr_agu_rows(QUERIES, KEYS * 2, g->p_pitch);
  const tsr_agu_t o_rows = tsr_agu_rows(QUERIES, g->args->dim * 4, g->o_pitch);
  const tsr_agu_t out_rows = tsr_agu_rows(QUERIES, g->row_bytes, g->row_bytes);
  const tsr_agu_t stat = tsr_agu_rows(1, STAT, STAT);
  const tsr_agu_t *const stream[PROGRAMS][TSR_VE_PORTS] = {
      {&s_rows, &stat, &stat, &s_rows, &stat},   {&s_rows, &stat, &stat, &stat, &stat},
      {&s_rows, &stat, &stat, &p_rows, &stat},   {&o_rows, &stat, &stat, &o_rows, &stat},
      {&o_rows, &stat, &stat, &out_rows, &stat}, {&stat, &stat, &stat, &stat, &stat}};
  for (uint32_t i = 0; i < PROGRAMS; i++) {
    tsr_ve_context_t *context = &g->programs[i];
    for (uint32_t w = 0; w < TSR_CTX_ROW_WORDS; w++) {
      context->program[w] = stages[i][w];
      context->program[TSR_CTX_ROW_WORDS + w] = io[i][w];
    }
    for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
      TSR_TRY(tsr_agu_encode(stream[i][port], context->stream[port]));
    }
  }
  encode_sum(g, g->blocks);
  return TSR_OK;
}

static tsr_status_t encode_pass(void *state, uint32_t key, uint32_t ctx) {
  attention_t *g = state;
  if (key >= KEY_SUM && (g->args->flags & TSR_ATTENTION_CAUSAL) != 0) {
    encode_sum(g, key - KEY_SUM);
  }
  return tsr_ve_set_context(&g->node->ve, ctx, &g->programs[key >= KEY_SUM ? SUM_PROGRAM : key]);
}

/* ---- WDMA: results of x and y of every unit
 * ------------------------------------------------------ */

static tsr_feed_next_t next_write(void *state, tsr_feed_cmd_t *cmd) {
  attention_t *g = state;
  cursor_t *c = &g->out;
  if (c->unit == g->units) {
    return TSR_FEED_END;
  }
  const uint64_t dst = row_address(g, g->args->o, c->unit, query_row(g, c->unit, c->step));
  const bool end = c->step == 1 && c->unit + 1 == g->units;
  cmd->op = TSR_OP_DMA_WRITE;
  cmd->key = 0;
  cmd->waits = tsr_cmd_sem(SEM_OUT, 1);
  cmd->posts = tsr_cmd_sem(SEM_OUT_FREE, 1) | (end ? tsr_cmd_sem(SEM_END, 1) << 16 : 0);
  cmd->args = 4;
  cmd->arg[0] = g->p[c->step];
  cmd->arg[1] = 0;
  cmd->arg[2] = (uint32_t)dst;
  cmd->arg[3] = (uint32_t)(dst >> 32);
  c->unit += c->step;
  c->step ^= 1u;
  return TSR_FEED_COMMAND;
}

static tsr_status_t encode_write(void *state, uint32_t key, uint32_t ctx) {
  const attention_t *g = state;
  (void)key;
  return tsr_dma_set_rows(&g->node->dma, TSR_DMA_WDMA, ctx, QUERIES, g->row_bytes, g->row_bytes,
                          g->row_bytes);
}

/* ---- the kernel
 * ---------------------------------------------------------------------------------- */

/* Places of the buffers. x has the hyperbanks 0 to 2, y 3 to 5, keys 6, values 7;
 * within x and y scores come first, probabilities and queries second, results third. The zeros lie
 * below the keys.
 * @return false if the scratchpad is too small. */
static bool place(attention_t *g) {
  const uint32_t bank = g->node->self.spm_bytes / 8;
  bool fits = true;
  for (uint32_t y = 0; y < 2; y++) {
    const uint32_t first = 3 * y * bank;
    g->s[y] = first;
    g->q[y] = g->s[y] + QUERIES * g->s_pitch;
    g->p[y] = g->q[y] + QUERIES * g->q_pitch;
    g->o[y] = first + 2 * bank;
    g->maxima[y] = g->o[y] + QUERIES * g->o_pitch;
    g->sums[y] = g->maxima[y] + (g->blocks + 1) * STAT;
    fits = fits && g->p[y] + QUERIES * g->p_pitch <= g->o[y] &&
           g->sums[y] + g->blocks * STAT <= first + 3 * bank;
  }
  const uint32_t keys = KEYS * g->q_pitch + 3 * STAT, zeros = QUERIES * g->o_pitch;
  const uint32_t y_end = g->sums[1] + g->blocks * STAT;
  g->k = 7 * bank - keys;
  g->zero = g->k - zeros;
  if (g->zero < y_end) { /* long sequences: behind the keys, where values may lie as well */
    g->k = 6 * bank;
    g->zero = g->k + keys;
  }
  g->total = g->k + KEYS * g->q_pitch;
  g->rows = g->total + STAT;
  g->v = 8 * bank - KEYS * g->v_pitch;
  return fits && g->v >= 7 * bank && g->zero + zeros <= g->v;
}

static tsr_status_t run(attention_t *g) {
  static const uint32_t sems[] = {SEM_OUT_FREE, SEM_K_FREE, SEM_V_FREE, SEM_Q_FREE};
  static const uint32_t credits[] = {2, 1, 1, 1};
  const tsr_tile_t *regs = &g->node->regs;
  /* A context for each program of VE: it takes the core longest to write one. */
  const tsr_feed_source_t sources[] = {{g, next_load, encode_load, 0, 2, 3},
                                       {g, next_write, encode_write, 0, 1, 0},
                                       {g, next_product, encode_product, 0, 2, 6},
                                       {g, next_pass, encode_pass, 2, PROGRAMS, 5}};
  TSR_TRY(encode_programs(g));
  for (uint32_t i = 0; i < QUERIES; i++) {
    tsr_spm_write(g->rows + 4 * i, i);
    tsr_spm_write(g->rows + STAT + 4 * i, QUERIES + i);
    tsr_spm_write(g->maxima[0] + 4 * i, 0xff800000u);
    tsr_spm_write(g->maxima[1] + 4 * i, 0xff800000u);
  }
  tsr_feed_init(&g->feed, g->node);
  for (uint32_t e = 0; e < 4; e++) {
    TSR_TRY(tsr_feed_use(&g->feed, e, &sources[e]));
  }
  for (uint32_t i = 0; i < 4; i++) {
    TSR_TRY(tsr_tile_sem_post(regs, sems[i], credits[i]));
  }
  TSR_TRY(tsr_feed_run(&g->feed));
  TSR_TRY(tsr_node_wait(g->node, SEM_END, 1, 0));
  for (uint32_t i = 0; i < 4; i++) {
    TSR_TRY(tsr_tile_sem_clear(regs, sems[i]));
  }
  return tsr_tile_irq_clear(regs, TSR_TILE_IRQ_CMD_DONE);
}

/* ABI: args is tsr_attention_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_attention(const tsr_launch_t *launch);
int kernel_attention(const tsr_launch_t *launch) {
  const tsr_attention_args_t *args = (const tsr_attention_args_t *)(const void *)launch->args;
  if (launch->args_bytes < sizeof(*args) || args->heads == 0 || args->seq == 0 ||
      args->seq % KEYS != 0 || args->seq > MAX_BLOCKS * KEYS || args->dim == 0 ||
      args->dim % 16 != 0 || args->dim > MAX_DIM) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  if (args->format != TSR_FORMAT_BF16) {
    return TSR_KERNEL_BAD_FORMAT;
  }
  attention_t g = {.node = tsr_self(), .args = args};
  g.pairs = args->seq / (2 * QUERIES);
  g.blocks = args->seq / KEYS;
  g.row_bytes = args->dim * 2;
  g.q_pitch = tsr_me_operand_pitch(g.row_bytes);
  g.v_pitch = tsr_me_trans_pitch(args->dim, 2);
  g.p_pitch = tsr_me_operand_pitch(KEYS * 2);
  g.s_pitch = tsr_me_wide_pitch(KEYS);
  g.o_pitch = tsr_me_wide_pitch(args->dim);
  g.first = tsr_tile_index(launch);
  g.stride = tsr_tile_count(launch);
  const uint32_t all = args->heads * g.pairs;
  g.units = g.first < all ? (all - g.first + g.stride - 1) / g.stride : 0;
  if (!place(&g)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  if (g.units == 0) {
    return 0;
  }
  return run(&g) == TSR_OK ? 0 : TSR_KERNEL_HARDWARE;
}
