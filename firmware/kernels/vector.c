/* SPDX-License-Identifier: Apache-2.0 */
/* Passes of the vector engine over matrices in HBM, as a tsr_vec_program_t describes. Rows come in
 * blocks; every buffer has two slots in the scratchpad. While VE works on one block, RDMA loads the
 * next one and WDMA writes the one before; semaphores couple them, the core keeps the queues
 * filled. */
#include <stddef.h>

#include "drivers/ve.h"
#include "kernels/bench.h"
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"

#define SLOTS 2u
#define BLOCK_BYTES 16384u /* of the largest buffer, about: short first loads and last stores */
#define HYPERBANKS 8u

/* VE reads the context rows of both DMA engines: it has its own contexts. */
#define VE_CONTEXTS 5u
#define DMA_CONTEXTS (TSR_FEED_CONTEXTS - VE_CONTEXTS)

enum {
  SEM_END = TSR_BENCH_SEM_END, /* -> core: all is done */
  SEM_LOADED = 1,              /* RDMA -> VE: a block is there */
  SEM_FREE_IN = 2,             /* VE -> RDMA: a block was read */
  SEM_READY = 3,               /* VE -> WDMA: a block is computed */
  SEM_FREE_OUT = 4             /* WDMA -> VE: a block was written */
};

typedef struct {
  uint32_t row_bytes;
  uint32_t pitch;       /* of rows in the scratchpad */
  uint32_t slot[SLOTS]; /* offsets; the same for a shared row */
  uint32_t like;        /* first buffer of the same shape: their loads share a context */
} place_t;

/* Position of an engine in its sequence: the next of its items in block `block`. */
typedef struct {
  uint32_t block, item;
} position_t;

typedef struct {
  tsr_node_t *node;
  tsr_vec_program_t program;
  place_t place[TSR_VEC_BUFFERS];
  uint32_t first, rows; /* of this tile */
  uint32_t block_rows, blocks;
  uint32_t slots; /* SLOTS, or 1 */
  uint8_t in[TSR_VEC_BUFFERS], out[TSR_VEC_BUFFERS];
  uint32_t ins, outs; /* buffers that are loaded and stored for each block */
  bool resident;      /* repeating: VE alone */
  position_t load, pass, store;
} vector_t;

/* ---- description ---------------------------------------------------------------------------- */

static bool buffer_ok(const tsr_vec_buffer_t *b) {
  const uint32_t known = TSR_VEC_IN | TSR_VEC_OUT | TSR_VEC_SHARED | TSR_VEC_PACKED;
  const bool in = (b->flags & TSR_VEC_IN) != 0, out = (b->flags & TSR_VEC_OUT) != 0;
  const bool shared = (b->flags & TSR_VEC_SHARED) != 0;
  return (b->flags & ~known) == 0 && !(in && out) && (in || !shared) && b->elements != 0 &&
         b->elements <= (1u << 20) &&
         (b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 32) &&
         b->elements * b->bits % 8 == 0;
}

static bool pass_ok(const tsr_vec_program_t *p, const tsr_vec_pass_t *pass) {
  for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
    if (tsr_ve_has_stream(pass->program, port) && pass->buffer[port] >= p->buffers) {
      return false;
    }
  }
  return true;
}

/* Read and check the description. Returns 0 or TSR_KERNEL_*. */
static int read_program(vector_t *v, uint64_t address) {
  tsr_vec_program_t *p = &v->program;
  uint32_t *words = (uint32_t *)p;
  TSR_KERNEL_TRY(tsr_node_read(v->node, address, 0, sizeof(*p)), TSR_KERNEL_HARDWARE);
  for (uint32_t i = 0; i < sizeof(*p) / 4; i++) {
    words[i] = tsr_spm_read(4 * i);
  }
  if (p->buffers == 0 || p->buffers > TSR_VEC_BUFFERS || p->passes == 0 ||
      p->passes > TSR_VEC_PASSES) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  for (uint32_t i = 0; i < p->buffers; i++) {
    const tsr_vec_buffer_t *b = &p->buffer[i];
    if (!buffer_ok(b)) {
      return TSR_KERNEL_BAD_SHAPE;
    }
    v->place[i].row_bytes = b->elements * b->bits / 8;
    v->place[i].pitch = (b->flags & TSR_VEC_PACKED) != 0 ? v->place[i].row_bytes
                                                         : tsr_align(v->place[i].row_bytes, 8);
    if ((b->flags & (TSR_VEC_IN | TSR_VEC_SHARED)) == TSR_VEC_IN) {
      v->in[v->ins++] = (uint8_t)i;
    } else if ((b->flags & TSR_VEC_OUT) != 0) {
      v->out[v->outs++] = (uint8_t)i;
    }
    v->place[i].like = i;
    for (uint32_t j = 0; j < i; j++) {
      const tsr_vec_buffer_t *o = &p->buffer[j];
      if (o->pitch == b->pitch && o->elements == b->elements && o->bits == b->bits &&
          ((o->flags ^ b->flags) & (TSR_VEC_PACKED | TSR_VEC_SHARED)) == 0) {
        v->place[i].like = v->place[j].like;
        break;
      }
    }
  }
  for (uint32_t i = 0; i < p->passes; i++) {
    if (!pass_ok(p, &p->pass[i])) {
      return TSR_KERNEL_BAD_SHAPE;
    }
  }
  return v->outs == 0 ? TSR_KERNEL_BAD_SHAPE : 0;
}

static bool is_shared(const vector_t *v, uint32_t buffer) {
  return (v->program.buffer[buffer].flags & TSR_VEC_SHARED) != 0;
}

static uint32_t rows_of(const vector_t *v, uint32_t buffer, uint32_t rows) {
  return is_shared(v, buffer) ? 1 : rows;
}

/* Place all slots for blocks of `rows` rows: at multiples of `unit`. False if they do not fit. */
static bool place_all(vector_t *v, uint32_t rows, uint32_t unit, uint32_t spm_bytes) {
  uint64_t at = 0;
  for (uint32_t i = 0; i < v->program.buffers; i++) {
    place_t *p = &v->place[i];
    const uint64_t bytes = (uint64_t)rows_of(v, i, rows) * p->pitch;
    const uint64_t step = (bytes + unit - 1) / unit * unit;
    const uint32_t slots = is_shared(v, i) ? 1 : v->slots;
    for (uint32_t s = 0; s < SLOTS; s++) {
      p->slot[s] = (uint32_t)(at + (s < slots ? s * step : 0));
    }
    at += slots * step;
    if (at > spm_bytes) {
      return false;
    }
  }
  return true;
}

/* Choose the rows of a block, and place the slots: each in hyperbanks of its own if they fit. */
static bool plan(vector_t *v, bool resident) {
  const uint32_t spm_bytes = v->node->self.spm_bytes;
  uint32_t widest = 8;
  for (uint32_t i = 0; i < v->program.buffers; i++) {
    if (!is_shared(v, i) && v->place[i].pitch > widest) {
      widest = v->place[i].pitch;
    }
  }
  uint32_t rows = v->rows;
  v->slots = resident ? 1 : SLOTS;
  if (!resident && rows > BLOCK_BYTES / widest) {
    rows = widest > BLOCK_BYTES ? 1 : BLOCK_BYTES / widest;
  }
  if (rows > UINT16_MAX) {
    rows = UINT16_MAX;
  }
  while (!place_all(v, rows, spm_bytes / HYPERBANKS, spm_bytes) &&
         !place_all(v, rows, 64, spm_bytes)) {
    if (rows == 1 || resident) {
      return false;
    }
    rows = (rows + 1) / 2;
  }
  v->block_rows = rows;
  v->blocks = (v->rows + rows - 1) / rows;
  return !resident || v->blocks == 1;
}

/* ---- shapes --------------------------------------------------------------------------------- */

#define KEY_TAIL 0x100u /* the last block's shape, if it is shorter */

static uint32_t rows_of_block(const vector_t *v, uint32_t block) {
  const uint32_t left = v->rows - block * v->block_rows;
  return left < v->block_rows ? left : v->block_rows;
}

static uint32_t key_of(const vector_t *v, uint32_t what, uint32_t block) {
  return what | (rows_of_block(v, block) == v->block_rows ? 0 : KEY_TAIL);
}

static uint32_t rows_of_key(const vector_t *v, uint32_t key) {
  return rows_of_block(v, (key & KEY_TAIL) != 0 ? v->blocks - 1 : 0);
}

static tsr_status_t encode_dma(const vector_t *v, tsr_dma_engine_t engine, uint32_t key,
                               uint32_t ctx) {
  const uint32_t buffer = key & 0xff;
  const uint32_t rows = rows_of(v, buffer, rows_of_key(v, key));
  const place_t *p = &v->place[buffer];
  if ((v->program.buffer[buffer].flags & TSR_VEC_PACKED) != 0) {
    return tsr_dma_set_rows(&v->node->dma, engine, ctx, 1, rows * p->row_bytes, 0, 0);
  }
  const uint32_t pitch = v->program.buffer[buffer].pitch;
  const bool load = engine == TSR_DMA_RDMA;
  return tsr_dma_set_rows(&v->node->dma, engine, ctx, rows, p->row_bytes, load ? pitch : p->pitch,
                          load ? p->pitch : pitch);
}

static tsr_status_t encode_load(void *state, uint32_t key, uint32_t ctx) {
  return encode_dma(state, TSR_DMA_RDMA, key, ctx);
}

static tsr_status_t encode_store(void *state, uint32_t key, uint32_t ctx) {
  return encode_dma(state, TSR_DMA_WDMA, key, ctx);
}

static tsr_status_t encode_pass(void *state, uint32_t key, uint32_t ctx) {
  const vector_t *v = state;
  const tsr_vec_pass_t *pass = &v->program.pass[key & 0xff];
  const uint32_t rows = rows_of_key(v, key);
  tsr_ve_context_t context;
  for (uint32_t i = 0; i < TSR_VE_PROGRAM_WORDS; i++) {
    context.program[i] = pass->program[i];
  }
  for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
    if (!tsr_ve_has_stream(pass->program, port)) {
      continue;
    }
    const uint32_t buffer = pass->buffer[port];
    const place_t *p = &v->place[buffer];
    const bool packed = (v->program.buffer[buffer].flags & TSR_VEC_PACKED) != 0;
    const tsr_agu_t agu =
        packed ? tsr_agu_rows(1, rows_of(v, buffer, rows) * p->row_bytes, 0)
               : tsr_agu_rows(rows, p->row_bytes, is_shared(v, buffer) ? 0 : p->pitch);
    TSR_TRY(tsr_agu_encode(&agu, context.stream[port]));
  }
  return tsr_ve_set_context(&v->node->ve, ctx, &context);
}

/* ---- sequences ------------------------------------------------------------------------------ */

/* Go to the next item; `items` of them make a block. */
static void advance(position_t *at, uint32_t items) {
  if (++at->item == items) {
    at->item = 0;
    at->block++;
  }
}

/* Global address of a buffer's row of this tile's part. */
static uint64_t address_of(const vector_t *v, uint32_t buffer, uint32_t row) {
  const tsr_vec_buffer_t *b = &v->program.buffer[buffer];
  const uint32_t pitch = (b->flags & TSR_VEC_PACKED) != 0 ? v->place[buffer].row_bytes : b->pitch;
  return b->address + (is_shared(v, buffer) ? 0 : (uint64_t)(v->first + row) * pitch);
}

/* The last load of a block posts. */
static tsr_feed_next_t next_load(void *state, tsr_feed_cmd_t *cmd) {
  vector_t *v = state;
  const uint32_t block = v->load.block, item = v->load.item;
  if (block == v->blocks || v->ins == 0) {
    return TSR_FEED_END;
  }
  const uint32_t buffer = v->in[item];
  const uint64_t from = address_of(v, buffer, block * v->block_rows);
  cmd->op = TSR_OP_DMA_READ;
  cmd->overlap = true; /* loads go to different places */
  cmd->key = key_of(v, v->place[buffer].like, block);
  cmd->waits = item == 0 && block >= v->slots ? tsr_cmd_sem(SEM_FREE_IN, 1) : 0;
  cmd->posts = item + 1 == v->ins ? tsr_cmd_sem(SEM_LOADED, 1) : 0;
  cmd->args = 3;
  cmd->arg[0] = (uint32_t)from;
  cmd->arg[1] = (uint32_t)(from >> 32);
  cmd->arg[2] = v->place[buffer].slot[block % v->slots];
  advance(&v->load, v->ins);
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_pass(void *state, tsr_feed_cmd_t *cmd) {
  vector_t *v = state;
  const uint32_t block = v->pass.block, item = v->pass.item;
  const tsr_vec_pass_t *pass = &v->program.pass[item];
  if (block == v->blocks) {
    return TSR_FEED_END;
  }
  const bool first = item == 0, last = item + 1 == v->program.passes;
  const uint32_t slot = v->resident ? 0 : block % v->slots;
  cmd->op = TSR_OP_VEC;
  cmd->key = key_of(v, item, v->resident ? 0 : block);
  cmd->waits = 0;
  cmd->posts = 0;
  /* The first pass of a block touches other slots than the block before; when repeating, it writes
   * what is there already. */
  cmd->overlap = first || pass->independent != 0;
  if (v->resident) {
    cmd->posts = last && block + 1 == v->blocks ? tsr_cmd_sem(SEM_END, 1) : 0;
  } else {
    if (first) {
      cmd->waits = (v->ins > 0 ? tsr_cmd_sem(SEM_LOADED, 1) : 0) |
                   (block >= v->slots ? tsr_cmd_sem(SEM_FREE_OUT, 1) << 16 : 0);
    }
    if (last) {
      const bool loads = v->ins > 0 && block + v->slots < v->blocks;
      cmd->posts = tsr_cmd_sem(SEM_READY, 1) | (loads ? tsr_cmd_sem(SEM_FREE_IN, 1) << 16 : 0);
    }
  }
  cmd->args = TSR_VE_PORTS + TSR_VE_SCALARS;
  for (uint32_t port = 0; port < TSR_VE_PORTS; port++) {
    const bool used = tsr_ve_has_stream(pass->program, port);
    cmd->arg[port] = used ? v->place[pass->buffer[port]].slot[slot] : 0;
  }
  for (uint32_t k = 0; k < TSR_VE_SCALARS; k++) {
    cmd->arg[TSR_VE_PORTS + k] = pass->scalar[k];
  }
  advance(&v->pass, v->program.passes);
  return TSR_FEED_COMMAND;
}

static tsr_feed_next_t next_store(void *state, tsr_feed_cmd_t *cmd) {
  vector_t *v = state;
  const uint32_t block = v->store.block, item = v->store.item;
  if (block == v->blocks) {
    return TSR_FEED_END;
  }
  const uint32_t buffer = v->out[item];
  const uint64_t to = address_of(v, buffer, block * v->block_rows);
  const bool last = item + 1 == v->outs, end = block + 1 == v->blocks;
  cmd->op = TSR_OP_DMA_WRITE;
  cmd->key = key_of(v, v->place[buffer].like, block);
  cmd->waits = item == 0 ? tsr_cmd_sem(SEM_READY, 1) : 0;
  cmd->posts = (last && end ? tsr_cmd_sem(SEM_END, 1) : 0) |
               (last && block + v->slots < v->blocks ? tsr_cmd_sem(SEM_FREE_OUT, 1) << 16 : 0);
  cmd->args = 4;
  cmd->arg[0] = v->place[buffer].slot[block % v->slots];
  cmd->arg[2] = (uint32_t)to;
  cmd->arg[3] = (uint32_t)(to >> 32);
  advance(&v->store, v->outs);
  return TSR_FEED_COMMAND;
}

/* ---- kernel --------------------------------------------------------------------------------- */

static tsr_status_t load_shared(const vector_t *v) {
  for (uint32_t i = 0; i < v->program.buffers; i++) {
    if (is_shared(v, i)) {
      TSR_TRY(tsr_node_read(v->node, v->program.buffer[i].address, v->place[i].slot[0],
                            v->place[i].row_bytes));
    }
  }
  return TSR_OK;
}

static tsr_status_t stream(vector_t *v) {
  const tsr_feed_source_t loads = {v, next_load, encode_load, VE_CONTEXTS, DMA_CONTEXTS, 0};
  const tsr_feed_source_t passes = {v, next_pass, encode_pass, 0, VE_CONTEXTS, 0};
  const tsr_feed_source_t stores = {v, next_store, encode_store, VE_CONTEXTS, DMA_CONTEXTS, 0};
  tsr_feed_t feed;
  tsr_feed_init(&feed, v->node);
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_RDMA, &loads));
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_VE, &passes));
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_WDMA, &stores));
  TSR_TRY(tsr_feed_run(&feed));
  return tsr_node_wait(v->node, SEM_END, 1, 0);
}

/* All passes `times` times on what lies in the scratchpad: a block counts as a repetition. */
static tsr_status_t repeat(vector_t *v, uint32_t times) {
  const tsr_feed_source_t passes = {v, next_pass, encode_pass, 0, TSR_FEED_CONTEXTS, 0};
  tsr_feed_t feed;
  v->resident = true;
  v->blocks = times;
  v->pass = (position_t){0, 0};
  TSR_TRY(tsr_tile_counters_clear(&v->node->regs));
  tsr_feed_init(&feed, v->node);
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_VE, &passes));
  TSR_TRY(tsr_feed_run(&feed));
  return tsr_node_wait(v->node, SEM_END, 1, 0);
}

/* ABI: args is tsr_vec_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_vector(const tsr_launch_t *launch);
int kernel_vector(const tsr_launch_t *launch) {
  const tsr_vec_args_t *args = (const tsr_vec_args_t *)(const void *)launch->args;
  vector_t v = {.node = tsr_self()};
  if (launch->args_bytes < sizeof(*args) || args->rows == 0) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  v.rows = tsr_bench_share(args->rows, tsr_tile_index(launch), tsr_tile_count(launch), &v.first);
  if (v.rows == 0) {
    return 0;
  }
  const int bad = read_program(&v, args->program);
  if (bad != 0) {
    return bad;
  }
  if (!plan(&v, args->repeat > 0)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  TSR_KERNEL_TRY(load_shared(&v), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(stream(&v), TSR_KERNEL_HARDWARE);
  if (args->repeat > 0) {
    TSR_KERNEL_TRY(repeat(&v, args->repeat), TSR_KERNEL_HARDWARE);
  }
  return 0;
}
