/* SPDX-License-Identifier: Apache-2.0 */
/* Classes and probabilities from a network's logits in HBM: softmax over the classes of every
 * sample, and the class with the largest logit.
 *
 * Samples come as rows of few classes: a row would fill only a part of the vector engine's lanes.
 * So the layout engine turns each block of samples into a row a class. Then every lane holds a
 * sample, and what runs over the classes is a plain accumulator in the lane. The layout engine
 * turns the probabilities back.
 *
 * Blocks have two slots: RDMA loads the next one and WDMA writes the one before while the layout
 * and vector engines work. Semaphores couple the four; the core keeps the queues filled. */
#include <stddef.h>

#include "kernels/bench.h"
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"
#include "ve_images.h"

#define SLOTS 2u
#define HYPERBANKS 8u
#define BLOCK 256u      /* samples at most; a multiple of the lanes */
#define MAX_CLASSES 255 /* 255 is the answer "none" */

/* VE and TDMA read rows of the others: contexts of their own. */
enum { VE_CONTEXTS = 3, TDMA_CONTEXTS = 2, DMA_CONTEXTS = 2 };

enum {
  SEM_END = TSR_BENCH_SEM_END, /* -> core: all is done */
  SEM_LOADED = 1,              /* RDMA -> TDMA: a block's logits are there */
  SEM_TURNED = 2,              /* TDMA -> VE: a row a class */
  SEM_DIVIDED = 3,             /* VE -> TDMA: probabilities are there, and answers */
  SEM_READY = 4,               /* TDMA -> WDMA: a row a sample */
  SEM_FREE = 5                 /* WDMA -> RDMA: a block was written */
};

enum { PASS_MAX, PASS_EXP, PASS_PICK, PASS_DIVIDE, PASSES };
enum { STORE_PROBABILITIES, STORE_ANSWERS, STORES };
#define KEY_BACK 1u     /* TDMA: a row a class -> a row a sample */
#define KEY_TAIL 0x100u /* the last block's shape, if it is shorter */

/* Places of a block. Each of the first three has a hyperbank. */
typedef struct {
  uint32_t samples;          /* logits, then probabilities: a row a sample */
  uint32_t classes;          /* logits, then probabilities: a row a class */
  uint32_t exps;             /* exponentials: a row a class */
  uint32_t top, sum, answer; /* a word a sample */
} slot_t;

/* Position of an engine: the next of its items in block `block`. */
typedef struct {
  uint32_t block, item;
} position_t;

typedef struct {
  tsr_node_t *node;
  const tsr_classify_args_t *args;
  uint32_t first, samples; /* of this tile */
  uint32_t block_samples, blocks;
  uint32_t sample_pitch, class_pitch;
  slot_t slot[SLOTS];
  position_t pass, store;
  uint32_t load;                    /* next block */
  uint32_t streams;                 /* samples that the rows below are for; 0: none yet */
  uint32_t all[TSR_CTX_ROW_WORDS];  /* a value a class and sample */
  uint32_t held[TSR_CTX_ROW_WORDS]; /* a sample's value, for each class */
  uint32_t each[TSR_CTX_ROW_WORDS]; /* a value a sample */
  uint32_t turned; /* blocks that TDMA turned; it turns block b back after block b + 1 */
  uint32_t back;   /* blocks that TDMA turned back */
} classify_t;

/* ---- shapes --------------------------------------------------------------------------------- */

static uint32_t samples_of(const classify_t *c, uint32_t block) {
  const uint32_t left = c->samples - block * c->block_samples;
  return left < c->block_samples ? left : c->block_samples;
}

static uint32_t key_of(const classify_t *c, uint32_t what, uint32_t block) {
  return what | (samples_of(c, block) == c->block_samples ? 0 : KEY_TAIL);
}

static uint32_t samples_of_key(const classify_t *c, uint32_t key) {
  return samples_of(c, (key & KEY_TAIL) != 0 ? c->blocks - 1 : 0);
}

static tsr_status_t encode_load(void *state, uint32_t key, uint32_t ctx) {
  const classify_t *c = state;
  return tsr_dma_set_rows(&c->node->dma, TSR_DMA_RDMA, ctx, samples_of_key(c, key),
                          4 * c->args->classes, c->args->logits_pitch, c->sample_pitch);
}

static tsr_status_t encode_store(void *state, uint32_t key, uint32_t ctx) {
  const classify_t *c = state;
  const uint32_t samples = samples_of_key(c, key);
  if ((key & 0xff) == STORE_ANSWERS) {
    return tsr_dma_set_rows(&c->node->dma, TSR_DMA_WDMA, ctx, 1, 4 * samples, 0, 0);
  }
  return tsr_dma_set_rows(&c->node->dma, TSR_DMA_WDMA, ctx, samples, 4 * c->args->classes,
                          c->sample_pitch, c->args->probabilities_pitch);
}

static tsr_status_t turn(const classify_t *c, uint32_t key, tsr_tdma_op_t *op) {
  const tsr_tdma_plane_t by_sample = {0, c->sample_pitch}, by_class = {0, c->class_pitch};
  const tsr_tdma_loop_t once = {1, 0, 0};
  const uint32_t samples = samples_of_key(c, key);
  if ((key & 0xff) == KEY_BACK) {
    return tsr_tdma_turn(TSR_TDMA_BYTES4, c->args->classes, samples, by_class, by_sample,
                         TSR_TDMA_TRANSPOSE, once, op);
  }
  return tsr_tdma_turn(TSR_TDMA_BYTES4, samples, c->args->classes, by_sample, by_class,
                       TSR_TDMA_TRANSPOSE, once, op);
}

static tsr_status_t encode_turn(void *state, uint32_t key, uint32_t ctx) {
  const classify_t *c = state;
  tsr_tdma_op_t op;
  TSR_TRY(turn(c, key, &op));
  return tsr_tdma_set_context(&c->node->tdma, ctx, &op);
}

/* 16 samples after the other, in each all classes at a distance of `stride`. */
static tsr_agu_t column(const classify_t *c, uint32_t samples, uint32_t stride) {
  const uint32_t rest = samples % TSR_VE_LANES;
  tsr_agu_t agu = {.w_log2 = 3, .edge_bytes = 4 * rest, .edge_bytes_loop = 1};
  agu.loop[0] = (tsr_agu_loop_t){.count = c->args->classes, .stride = (int32_t)stride};
  agu.loop[1] = (tsr_agu_loop_t){.count = (samples + TSR_VE_LANES - 1) / TSR_VE_LANES,
                                 .stride = 4 * TSR_VE_LANES};
  return agu;
}

/* The streams of all passes on so many samples. */
static tsr_status_t encode_streams(classify_t *c, uint32_t samples) {
  const tsr_agu_t all = column(c, samples, c->class_pitch);
  const tsr_agu_t held = column(c, samples, 0);
  const tsr_agu_t each = tsr_agu_rows(1, 4 * samples, 0);
  TSR_TRY(tsr_agu_encode(&all, c->all));
  TSR_TRY(tsr_agu_encode(&held, c->held));
  c->streams = samples;
  return tsr_agu_encode(&each, c->each);
}

static tsr_status_t encode_pass(void *state, uint32_t key, uint32_t ctx) {
  static const uint32_t *const stages[PASSES] = {
      tsr_ve_classify_max_0_stages, tsr_ve_classify_exp_0_stages, tsr_ve_classify_pick_0_stages,
      tsr_ve_classify_divide_0_stages};
  static const uint32_t *const io[PASSES] = {tsr_ve_classify_max_0_io, tsr_ve_classify_exp_0_io,
                                             tsr_ve_classify_pick_0_io,
                                             tsr_ve_classify_divide_0_io};
  classify_t *c = state;
  const uint32_t samples = samples_of_key(c, key), pass = key & 0xff;
  const bool rows_out = pass == PASS_EXP || pass == PASS_DIVIDE;
  const uint32_t *const stream[TSR_VE_PORTS] = {c->all, c->held, c->all,
                                                rows_out ? c->all : c->each, c->each};
  tsr_ve_context_t context;
  if (c->streams != samples) {
    TSR_TRY(encode_streams(c, samples));
  }
  for (uint32_t w = 0; w < TSR_CTX_ROW_WORDS; w++) {
    context.program[w] = stages[pass][w];
    context.program[TSR_CTX_ROW_WORDS + w] = io[pass][w];
    for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
      context.stream[port][w] = stream[port][w];
    }
  }
  return tsr_ve_set_context(&c->node->ve, ctx, &context);
}

/* ---- sequences ------------------------------------------------------------------------------ */

static const slot_t *slot_of(const classify_t *c, uint32_t block) {
  return &c->slot[block % SLOTS];
}

static uint32_t one(uint32_t sem) { return tsr_cmd_sem(sem, 1); }

static void advance(position_t *at, uint32_t items) {
  if (++at->item == items) {
    at->item = 0;
    at->block++;
  }
}

static tsr_feed_next_t next_load(void *state, tsr_feed_cmd_t *cmd) {
  classify_t *c = state;
  if (c->load == c->blocks) {
    return TSR_FEED_END;
  }
  const uint64_t row = c->first + c->load * c->block_samples;
  const uint64_t from = c->args->logits + row * c->args->logits_pitch;
  cmd->op = TSR_OP_DMA_READ;
  cmd->overlap = true; /* the other slot */
  cmd->key = key_of(c, 0, c->load);
  cmd->waits = c->load >= SLOTS ? one(SEM_FREE) : 0;
  cmd->posts = one(SEM_LOADED);
  cmd->args = 3;
  cmd->arg[0] = (uint32_t)from;
  cmd->arg[1] = (uint32_t)(from >> 32);
  cmd->arg[2] = slot_of(c, c->load)->samples;
  c->load++;
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_turn(void *state, tsr_feed_cmd_t *cmd) {
  classify_t *c = state;
  if (c->back == c->blocks) {
    return TSR_FEED_END;
  }
  const bool back = c->turned == c->blocks || c->turned > c->back + 1;
  const uint32_t block = back ? c->back : c->turned;
  const slot_t *s = slot_of(c, block);
  cmd->op = TSR_OP_TTRANS;
  cmd->key = key_of(c, back ? KEY_BACK : 0, block);
  cmd->waits = one(back ? SEM_DIVIDED : SEM_LOADED);
  cmd->posts = one(back ? SEM_READY : SEM_TURNED);
  cmd->args = 2;
  cmd->arg[0] = back ? s->classes : s->samples;
  cmd->arg[1] = back ? s->samples : s->classes;
  if (back) {
    c->back++;
  } else {
    c->turned++;
  }
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_pass(void *state, tsr_feed_cmd_t *cmd) {
  classify_t *c = state;
  const uint32_t pass = c->pass.item;
  if (c->pass.block == c->blocks) {
    return TSR_FEED_END;
  }
  const slot_t *s = slot_of(c, c->pass.block);
  const bool divide = pass == PASS_DIVIDE;
  cmd->op = TSR_OP_VEC;
  cmd->key = key_of(c, pass, c->pass.block);
  /* The first pass works on the other slot than the one before; answers and exponentials do not
   * need each other. */
  cmd->overlap = pass == PASS_MAX || pass == PASS_PICK;
  cmd->waits = pass == PASS_MAX ? one(SEM_TURNED) : 0;
  cmd->posts = divide ? one(SEM_DIVIDED) : 0;
  cmd->args = 5;
  cmd->arg[0] = divide ? s->exps : s->classes;
  cmd->arg[1] = divide ? s->sum : s->top;
  cmd->arg[3] = pass == PASS_MAX    ? s->top
                : pass == PASS_EXP  ? s->exps
                : pass == PASS_PICK ? s->answer
                                    : s->classes;
  cmd->arg[4] = s->sum;
  advance(&c->pass, PASSES);
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_store(void *state, tsr_feed_cmd_t *cmd) {
  classify_t *c = state;
  const uint32_t block = c->store.block;
  if (block == c->blocks) {
    return TSR_FEED_END;
  }
  const slot_t *s = slot_of(c, block);
  const bool answers = c->store.item == STORE_ANSWERS;
  const uint64_t row = c->first + block * c->block_samples;
  const uint64_t to = answers ? c->args->answers + 4 * row
                              : c->args->probabilities + row * c->args->probabilities_pitch;
  cmd->op = TSR_OP_DMA_WRITE;
  cmd->key = key_of(c, c->store.item, block);
  cmd->waits = answers ? 0 : one(SEM_READY);
  cmd->posts = 0;
  if (answers && block + SLOTS < c->blocks) {
    cmd->posts = one(SEM_FREE);
  } else if (answers && block + 1 == c->blocks) {
    cmd->posts = one(SEM_END);
  }
  cmd->args = 4;
  cmd->arg[0] = answers ? s->answer : s->samples;
  cmd->arg[2] = (uint32_t)to;
  cmd->arg[3] = (uint32_t)(to >> 32);
  advance(&c->store, STORES);
  return TSR_FEED_COMMAND;
}

/* ---- kernel --------------------------------------------------------------------------------- */

/* Choose the samples of a block and place both slots. False if not even the smallest block fits. */
static bool place(classify_t *c) {
  const uint32_t bank = c->node->self.spm_bytes / HYPERBANKS;
  const uint32_t classes = c->args->classes;
  uint32_t samples = BLOCK;
  c->sample_pitch = tsr_me_trans_pitch(classes, 4);
  while (samples / 2 >= tsr_align(c->samples, TSR_VE_LANES)) {
    samples /= 2;
  }
  while (samples * c->sample_pitch > bank || classes * tsr_me_trans_pitch(samples, 4) > bank) {
    samples /= 2;
    if (samples < TSR_VE_LANES) {
      return false;
    }
  }
  c->block_samples = samples;
  c->blocks = (c->samples + samples - 1) / samples;
  c->class_pitch = tsr_me_trans_pitch(samples, 4);
  for (uint32_t i = 0; i < SLOTS; i++) {
    const uint32_t base = i * (HYPERBANKS / SLOTS) * bank;
    c->slot[i] = (slot_t){.samples = base,
                          .classes = base + bank,
                          .exps = base + 2 * bank,
                          .top = base + 3 * bank,
                          .sum = base + 3 * bank + 4 * samples,
                          .answer = base + 3 * bank + 8 * samples};
  }
  return 12 * samples <= bank;
}

static tsr_status_t run(classify_t *c) {
  const uint32_t tdma = VE_CONTEXTS, dma = VE_CONTEXTS + TDMA_CONTEXTS;
  const tsr_feed_source_t loads = {c, next_load, encode_load, dma, DMA_CONTEXTS, 0};
  const tsr_feed_source_t turns = {c, next_turn, encode_turn, tdma, TDMA_CONTEXTS, 0};
  const tsr_feed_source_t passes = {c, next_pass, encode_pass, 0, VE_CONTEXTS, 0};
  const tsr_feed_source_t stores = {c, next_store, encode_store, dma, DMA_CONTEXTS, 0};
  tsr_feed_t feed;
  tsr_feed_init(&feed, c->node);
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_RDMA, &loads));
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &turns));
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_VE, &passes));
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_WDMA, &stores));
  TSR_TRY(tsr_feed_run(&feed));
  return tsr_node_wait(c->node, SEM_END, 1, 0);
}

/* ABI: args is tsr_classify_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_classify(const tsr_launch_t *launch);
int kernel_classify(const tsr_launch_t *launch) {
  const tsr_classify_args_t *args = (const tsr_classify_args_t *)(const void *)launch->args;
  classify_t c = {.node = tsr_self(), .args = args};
  if (launch->args_bytes < sizeof(*args) || args->samples == 0 || args->classes == 0 ||
      args->classes > MAX_CLASSES || args->logits_pitch < 4 * args->classes ||
      args->probabilities_pitch < 4 * args->classes) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  c.samples =
      tsr_bench_share(args->samples, tsr_tile_index(launch), tsr_tile_count(launch), &c.first);
  if (c.samples == 0) {
    return 0;
  }
  if (!place(&c)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  return run(&c) == TSR_OK ? 0 : TSR_KERNEL_HARDWARE;
}
