/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution of pictures in the scratchpad, without a copy of the input (drivers/me.h). */
#include "drivers/me.h"
#include "kernels/bench.h"
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"

typedef struct {
  tsr_node_t *node;
  tsr_me_conv_t conv; /* of all pictures of this tile */
  tsr_me_context_t context;
  tsr_me_conv_group_t step;
  uint32_t out_h, out_w;
  uint32_t tap_bytes, pixel_bytes, out_bytes; /* in HBM: of a tap, of a pixel of input and output */
  uint32_t input, filters, bias, output;      /* in the scratchpad */
  uint32_t pictures, groups;                  /* commands: one for each of each */
  uint32_t picture, group, left;              /* next command; repetitions that are left */
} conv_t;

/* Fill in the shape of this tile's pictures. Returns 0 or TSR_KERNEL_*. */
static int describe(const tsr_conv_args_t *args, uint32_t pictures, conv_t *c) {
  const uint32_t bits = tsr_me_element_bits((tsr_me_format_t)args->format);
  const uint32_t known = TSR_GEMM_RELU | TSR_GEMM_BIAS | TSR_GEMM_OUT_BF16;
  const bool half = (args->flags & TSR_GEMM_OUT_BF16) != 0;
  if ((args->flags & ~known) != 0 ||
      !tsr_me_formats_ok((tsr_me_format_t)args->format, (tsr_me_format_t)args->format_b, false,
                         half)) {
    return TSR_KERNEL_BAD_FORMAT;
  }
  if (args->groups == 0 || args->c > TSR_ME_MAX_ROWS || args->k > TSR_ME_MAX_ROWS ||
      args->h > UINT16_MAX || args->w > UINT16_MAX || args->c * bits % 8 != 0) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  const bool depthwise = args->groups > 1 && args->groups == args->c && args->groups == args->k;
  const uint32_t tap = depthwise ? TSR_ME_BLOCK : args->c / args->groups;
  c->tap_bytes = tap * bits / 8;
  c->pixel_bytes = args->c * bits / 8;
  c->out_bytes = args->k * (half ? 2 : 4);
  c->conv =
      (tsr_me_conv_t){.format = (tsr_me_format_t)args->format,
                      .format_b = (tsr_me_format_t)args->format_b,
                      .relu = (args->flags & TSR_GEMM_RELU) != 0,
                      .out_bf16 = half,
                      .bias = (args->flags & TSR_GEMM_BIAS) != 0,
                      .n = pictures,
                      .h = args->h,
                      .w = args->w,
                      .c = args->c,
                      .k = args->k,
                      .r = args->r,
                      .s = args->s,
                      .stride = args->stride,
                      .dilation = args->dilation,
                      .pad = args->pad,
                      .groups = args->groups,
                      .in_pitch = tsr_me_operand_pitch(c->pixel_bytes),
                      .tap_pitch = tsr_align(c->tap_bytes, 8),
                      .out_pitch = half ? tsr_me_bf16_pitch(args->k) : tsr_me_wide_pitch(args->k)};
  c->conv.filter_pitch = tsr_me_operand_pitch(args->r * args->s * c->conv.tap_pitch);
  if (tsr_me_conv_size(&c->conv, &c->out_h, &c->out_w) != TSR_OK) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  c->step = tsr_me_conv_group(&c->conv);
  c->groups = depthwise ? 1 : args->groups;
  c->pictures = 1;
  if (tsr_me_encode_conv(&c->conv, &c->context) != TSR_OK) { /* perhaps too many loops */
    tsr_me_conv_t one = c->conv;
    one.n = 1;
    c->pictures = pictures;
    if (tsr_me_encode_conv(&one, &c->context) != TSR_OK) {
      return TSR_KERNEL_BAD_SHAPE;
    }
  }
  return 0;
}

/* Input at the bottom, filters in the next hyperbank, bias and output at the top. */
static bool place(conv_t *c, uint32_t spm_bytes) {
  const tsr_me_conv_t *v = &c->conv;
  const uint32_t hyperbank = spm_bytes / 8;
  const uint64_t input = (uint64_t)v->n * v->h * v->w * v->in_pitch;
  const uint64_t filters = (uint64_t)v->k * v->filter_pitch;
  const uint64_t top =
      (uint64_t)v->n * c->out_h * c->out_w * v->out_pitch + tsr_align(4 * v->k, 32);
  if (input + filters + top > spm_bytes) {
    return false;
  }
  const uint32_t limit = (spm_bytes - (uint32_t)top) & ~7u;
  c->input = 0;
  c->filters = ((uint32_t)input + hyperbank - 1) / hyperbank * hyperbank;
  if (c->filters + filters > limit) {
    c->filters = (uint32_t)input;
  }
  c->bias = limit;
  c->output = limit + tsr_align(4 * v->k, 32);
  return c->filters + filters <= limit;
}

/* Elements of `bytes` bytes, dense on the side of HBM, walked by three loops. */
static tsr_dma_walk_t dense(uint32_t bytes, uint32_t n0, uint32_t n1, uint32_t n2) {
  return (tsr_dma_walk_t){{(int32_t)bytes, (int32_t)(bytes * n0), (int32_t)(bytes * n0 * n1)},
                          {(uint16_t)n0, (uint16_t)n1, (uint16_t)n2}};
}

static tsr_status_t load(const conv_t *c, const tsr_conv_args_t *args, uint64_t input) {
  const tsr_me_conv_t *v = &c->conv;
  tsr_cmd_t cmd;
  tsr_dma_shape_t shape = {.count = c->pixel_bytes,
                           .src = dense(c->pixel_bytes, v->w, v->h, v->n),
                           .dst = dense(v->in_pitch, v->w, v->h, v->n)};
  tsr_dma_read_cmd(&cmd, TSR_NODE_CTX, 0, input, c->input);
  TSR_TRY(tsr_node_run_dma(c->node, TSR_ENGINE_RDMA, &cmd, &shape));
  shape.count = c->tap_bytes;
  shape.src = dense(c->tap_bytes, v->r * v->s, v->k, 1);
  shape.dst = dense(v->tap_pitch, v->r * v->s, v->k, 1);
  shape.dst.stride[1] = (int32_t)v->filter_pitch;
  tsr_dma_read_cmd(&cmd, TSR_NODE_CTX, 0, args->filters, c->filters);
  TSR_TRY(tsr_node_run_dma(c->node, TSR_ENGINE_RDMA, &cmd, &shape));
  return v->bias ? tsr_node_read(c->node, args->bias, c->bias, 4 * v->k) : TSR_OK;
}

static tsr_status_t store(const conv_t *c, uint64_t output) {
  const tsr_me_conv_t *v = &c->conv;
  const tsr_dma_shape_t shape = {.count = c->out_bytes,
                                 .src = dense(v->out_pitch, c->out_w, c->out_h, v->n),
                                 .dst = dense(c->out_bytes, c->out_w, c->out_h, v->n)};
  tsr_cmd_t cmd;
  tsr_dma_write_cmd(&cmd, TSR_NODE_CTX, 0, c->output, output);
  return tsr_node_run_dma(c->node, TSR_ENGINE_WDMA, &cmd, &shape);
}

/* ---- commands: groups inside pictures inside repetitions; all independent ------------------- */

static tsr_feed_next_t next_command(void *state, tsr_feed_cmd_t *cmd) {
  conv_t *c = state;
  const tsr_me_conv_t *v = &c->conv;
  if (c->left == 0) {
    return TSR_FEED_END;
  }
  const uint32_t from = c->input + c->picture * v->h * v->w * v->in_pitch;
  const uint32_t to = c->output + c->picture * c->out_h * c->out_w * v->out_pitch;
  cmd->op = TSR_OP_GEMM;
  cmd->overlap = true;
  cmd->posts = 0;
  cmd->args = 4;
  cmd->arg[0] = tsr_me_conv_base(v, from + c->group * c->step.input);
  cmd->arg[1] = c->filters + c->group * c->step.filters;
  cmd->arg[2] = c->bias + c->group * c->step.bias;
  cmd->arg[3] = to + c->group * c->step.output;
  if (++c->group == c->groups) {
    c->group = 0;
    if (++c->picture == c->pictures) {
      c->picture = 0;
      if (--c->left == 0) {
        cmd->posts = tsr_cmd_sem(TSR_BENCH_SEM_END, 1);
      }
    }
  }
  return TSR_FEED_COMMAND;
}

static tsr_status_t encode(void *state, uint32_t key, uint32_t ctx) {
  const conv_t *c = state;
  (void)key; /* there is one shape */
  return tsr_me_set_context(&c->node->me, ctx, &c->context);
}

static tsr_status_t compute(conv_t *c, uint32_t times) {
  const tsr_feed_source_t source = {c, next_command, encode, 0, 1, 0};
  tsr_feed_t feed;
  c->picture = 0;
  c->group = 0;
  c->left = times;
  tsr_feed_init(&feed, c->node);
  TSR_TRY(tsr_feed_use(&feed, TSR_ENGINE_ME, &source));
  TSR_TRY(tsr_feed_run(&feed));
  return tsr_node_wait(c->node, TSR_BENCH_SEM_END, 1, 0);
}

/* ABI: args is tsr_conv_args_t. Returns 0 or TSR_KERNEL_*. */
int kernel_conv(const tsr_launch_t *launch);
int kernel_conv(const tsr_launch_t *launch) {
  const tsr_conv_args_t *args = (const tsr_conv_args_t *)(const void *)launch->args;
  conv_t c = {.node = tsr_self()};
  if (launch->args_bytes < sizeof(*args) || args->n == 0) {
    return TSR_KERNEL_BAD_SHAPE;
  }
  uint32_t first = 0;
  const uint32_t pictures =
      tsr_bench_share(args->n, tsr_tile_index(launch), tsr_tile_count(launch), &first);
  const int bad = describe(args, pictures == 0 ? 1 : pictures, &c);
  if (bad != 0 || pictures == 0) {
    return bad;
  }
  if (!place(&c, c.node->self.spm_bytes)) {
    return TSR_KERNEL_NO_MEMORY;
  }
  const uint64_t input = args->input + (uint64_t)first * args->h * args->w * c.pixel_bytes;
  const uint64_t output = args->output + (uint64_t)first * c.out_h * c.out_w * c.out_bytes;
  TSR_KERNEL_TRY(load(&c, args, input), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(compute(&c, 1), TSR_KERNEL_HARDWARE);
  TSR_KERNEL_TRY(store(&c, output), TSR_KERNEL_HARDWARE);
  if (args->repeat > 0) {
    TSR_KERNEL_TRY(tsr_tile_counters_clear(&c.node->regs), TSR_KERNEL_HARDWARE);
    TSR_KERNEL_TRY(compute(&c, args->repeat), TSR_KERNEL_HARDWARE);
  }
  return 0;
}
