/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the layout engine on matrices in HBM: load, rearrange in the scratchpad, store. */
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "kernels/bench.h"
#include "runtime/tessera_tile.h"

#define CTX_FILL 0u
#define CTX_MAIN 1u

typedef struct {
  tsr_node_t *node;
  const tsr_layout_args_t *args;
  tsr_tdma_element_t element;
  uint32_t batch;                   /* matrices of this tile */
  uint32_t rows, row_bytes;         /* of a matrix of the input */
  uint32_t out_rows, out_row_bytes; /* of the output */
  tsr_tdma_plane_t src, dst;        /* of the first matrix */
  uint32_t index, indexes;          /* list in the scratchpad, its length */
  bool fill;                        /* `before` comes first */
  bool main;                        /* `op` comes, once for each of `commands` matrices */
  uint32_t commands;
  tsr_tdma_op_t before, op;
} layout_t;

static bool is_turn(uint32_t op) { return op <= TSR_LAYOUT_ANTI_TRANSPOSE; }
static bool is_indexed(uint32_t op) { return op == TSR_LAYOUT_GATHER || op == TSR_LAYOUT_SCATTER; }

/* Sizes of both sides. False if they make no sense. */
static bool describe(layout_t *l, const tsr_layout_args_t *a) {
  const uint32_t limit = 1u << 16;
  if (a->op > TSR_LAYOUT_SCATTER || a->rows == 0 || a->cols == 0 || a->rows >= limit ||
      a->cols >= 1u << 20 || (is_indexed(a->op) && (a->batch != 1 || a->out_rows == 0)) ||
      (a->top | a->bottom | a->left | a->right | a->out_rows) >= limit) {
    return false;
  }
  uint32_t out_cols = a->cols;
  l->out_rows = a->rows;
  if (is_turn(a->op)) {
    l->out_rows = a->cols;
    out_cols = a->rows;
  } else if (a->op == TSR_LAYOUT_PAD) {
    l->out_rows += a->top + a->bottom;
    out_cols += a->left + a->right;
  } else if (is_indexed(a->op)) {
    l->out_rows = a->out_rows;
  }
  l->rows = a->rows;
  switch (a->bits) {
    case 4:
      l->element = TSR_TDMA_BITS4;
      break;
    case 8:
      l->element = TSR_TDMA_BYTES1;
      break;
    case 16:
      l->element = TSR_TDMA_BYTES2;
      break;
    case 32:
      l->element = TSR_TDMA_BYTES4;
      break;
    default:
      return false;
  }
  l->row_bytes = tsr_tdma_bytes(l->element, a->cols);
  l->out_row_bytes = tsr_tdma_bytes(l->element, out_cols);
  l->indexes = a->op == TSR_LAYOUT_GATHER ? a->out_rows : a->op == TSR_LAYOUT_SCATTER ? a->rows : 0;
  return l->out_rows < limit && a->cols * a->bits % 8 == 0 && out_cols * a->bits % 8 == 0 &&
         a->left * a->bits % 8 == 0;
}

/* Source at the bottom, destination in the next hyperbank behind it, the index list at the top. */
static bool place(layout_t *l, uint32_t spm_bytes) {
  const uint32_t element = l->element == TSR_TDMA_BITS4 ? 1 : l->args->bits / 8;
  const uint32_t hyperbank = spm_bytes / 8;
  /* A turn reads rows of 8 elements: pitches without bank conflicts. */
  l->src.pitch = is_turn(l->args->op) && element > 1 ? tsr_me_trans_pitch(l->args->cols, element)
                                                     : tsr_me_operand_pitch(l->row_bytes);
  l->dst.pitch = tsr_me_operand_pitch(l->out_row_bytes);
  const uint64_t src = (uint64_t)l->batch * l->rows * l->src.pitch;
  const uint64_t dst = (uint64_t)l->batch * l->out_rows * l->dst.pitch;
  const uint32_t list = tsr_align(4 * l->indexes, 64);
  if (src + dst + list > spm_bytes) {
    return false;
  }
  l->index = (spm_bytes - list) & ~63u;
  l->src.base = 0;
  l->dst.base = ((uint32_t)src + hyperbank - 1) / hyperbank * hyperbank;
  if (l->dst.base + dst > l->index) {
    l->dst.base = (uint32_t)src;
  }
  return l->dst.base + dst <= l->index;
}

static tsr_status_t encode(layout_t *l) {
  const tsr_layout_args_t *a = l->args;
  const int32_t src_step = (int32_t)(l->rows * l->src.pitch);
  const int32_t dst_step = (int32_t)(l->out_rows * l->dst.pitch);
  const tsr_tdma_loop_t rows[TSR_TDMA_LOOPS] = {
      {l->rows, (int32_t)l->src.pitch, (int32_t)l->dst.pitch}, {l->batch, src_step, dst_step}};
  const tsr_tdma_loop_t filled[TSR_TDMA_LOOPS] = {{l->out_rows, 0, (int32_t)l->dst.pitch},
                                                  {l->batch, 0, dst_step}};
  l->main = true;
  l->commands = 1;
  switch (a->op) {
    case TSR_LAYOUT_MIRROR_X:
    case TSR_LAYOUT_MIRROR_Y:
    case TSR_LAYOUT_ROTATE180:
      l->commands = l->batch;
      return tsr_tdma_mirror(l->element, a->rows, a->cols, l->src, l->dst,
                             a->op != TSR_LAYOUT_MIRROR_Y, a->op != TSR_LAYOUT_MIRROR_X, &l->op);
    case TSR_LAYOUT_FILL:
      l->main = false;
      l->fill = true;
      return tsr_tdma_fill(l->dst.base, l->out_row_bytes, a->pattern, filled, &l->before);
    case TSR_LAYOUT_PAD:
      l->fill = true;
      TSR_TRY(tsr_tdma_fill(l->dst.base, l->out_row_bytes, a->pattern, filled, &l->before));
      return tsr_tdma_copy(l->src.base, l->dst.base + a->top * l->dst.pitch + a->left * a->bits / 8,
                           l->row_bytes, rows, &l->op);
    case TSR_LAYOUT_COPY:
      return tsr_tdma_copy(l->src.base, l->dst.base, l->row_bytes, rows, &l->op);
    case TSR_LAYOUT_GATHER:
      return tsr_tdma_gather(l->src, l->rows, l->index, l->dst, l->out_rows, l->row_bytes, &l->op);
    case TSR_LAYOUT_SCATTER:
      return tsr_tdma_scatter(l->src, l->index, l->dst, l->out_rows, l->rows, l->row_bytes, &l->op);
    default:
      return tsr_tdma_turn(l->element, a->rows, a->cols, l->src, l->dst, (tsr_tdma_turn_t)a->op,
                           (tsr_tdma_loop_t){l->batch, src_step, dst_step}, &l->op);
  }
}

/* The whole operation once. */
static tsr_status_t run(const layout_t *l) {
  tsr_cmd_t cmd;
  if (l->fill) {
    tsr_tdma_cmd(&cmd, CTX_FILL, 1, &l->before);
    if (!l->main) {
      tsr_cmd_post(&cmd, 0, TSR_BENCH_SEM_END, 1);
    }
    TSR_TRY(tsr_node_push(l->node, TSR_ENGINE_TDMA, &cmd));
  }
  for (uint32_t i = 0; l->main && i < l->commands; i++) {
    tsr_tdma_cmd(&cmd, CTX_MAIN, 2 + i, &l->op);
    cmd.w[TSR_CMD_W_ARG0] += i * l->rows * l->src.pitch;
    cmd.w[TSR_CMD_W_ARG1] += i * l->out_rows * l->dst.pitch;
    if (i + 1 == l->commands) {
      tsr_cmd_post(&cmd, 0, TSR_BENCH_SEM_END, 1);
    }
    TSR_TRY(tsr_node_push(l->node, TSR_ENGINE_TDMA, &cmd));
  }
  return TSR_OK;
}

static tsr_status_t load(const layout_t *l, uint64_t input, uint64_t output) {
  const tsr_layout_args_t *a = l->args;
  if (l->indexes != 0) {
    TSR_TRY(tsr_node_read(l->node, a->index, l->index, 4 * l->indexes));
  }
  if (a->op == TSR_LAYOUT_SCATTER) {
    TSR_TRY(tsr_bench_load(l->node, output, l->out_row_bytes, l->out_rows, l->out_row_bytes,
                           l->dst.base, l->dst.pitch));
  }
  return a->op == TSR_LAYOUT_FILL ? TSR_OK
                                  : tsr_bench_load(l->node, input, l->row_bytes, l->batch * l->rows,
                                                   l->row_bytes, l->src.base, l->src.pitch);
}

/* ABI: args is tsr_layout_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_layout(const tsr_launch_t *launch);
int kernel_layout(const tsr_launch_t *launch) {
  const tsr_layout_args_t *args = (const tsr_layout_args_t *)(const void *)launch->args;
  layout_t l = {.node = tsr_self(), .args = args};
  uint32_t first = 0;
  if (launch->args_bytes < sizeof(*args) || args->batch == 0 || !describe(&l, args)) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  l.batch = tsr_bench_share(args->batch, tsr_tile_index(launch), tsr_tile_count(launch), &first);
  if (l.batch == 0) {
    return 0;
  }
  if (!place(&l, l.node->self.spm_bytes)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  const uint64_t input = args->input + (uint64_t)first * l.rows * l.row_bytes;
  const uint64_t output = args->output + (uint64_t)first * l.out_rows * l.out_row_bytes;
  TSR_KERNEL_TRY(encode(&l), TSR_KERNEL_BAD_SHAPE);
  TSR_KERNEL_TRY(load(&l, input, output), TSR_KERNEL_HARDWARE);
  if (l.fill) {
    TSR_KERNEL_TRY(tsr_tdma_set_context(&l.node->tdma, CTX_FILL, &l.before), TSR_KERNEL_HARDWARE);
  }
  if (l.main) {
    TSR_KERNEL_TRY(tsr_tdma_set_context(&l.node->tdma, CTX_MAIN, &l.op), TSR_KERNEL_HARDWARE);
  }
  TSR_KERNEL_TRY(run(&l), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(tsr_node_wait(l.node, TSR_BENCH_SEM_END, 1, 0), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(tsr_bench_store(l.node, l.dst.base, l.dst.pitch, l.batch * l.out_rows,
                                 l.out_row_bytes, output, l.out_row_bytes),
                 TSR_KERNEL_HARDWARE);
  if (args->repeat > 0) {
    TSR_KERNEL_TRY(tsr_tile_counters_clear(&l.node->regs), TSR_KERNEL_HARDWARE);
    for (uint32_t i = 0; i < args->repeat; i++) {
      TSR_KERNEL_TRY(run(&l), TSR_KERNEL_HARDWARE);
    }
    for (uint32_t i = 0; i < args->repeat; i++) {
      TSR_KERNEL_TRY(tsr_node_wait(l.node, TSR_BENCH_SEM_END, 1, 0), TSR_KERNEL_HARDWARE);
    }
  }
  return 0;
}
