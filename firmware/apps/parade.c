/* SPDX-License-Identifier: Apache-2.0 */
/* For waves: every engine works once, one after the other, each started by a post of the one
 * before; then a DMA fails on an address where nothing is. Returns a number if it does not. */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "drivers/ve.h"
#include "runtime/tessera_tile.h"

#define UNMAPPED_HBM 0xff00000000ull
#define BYTES 1024u
#define CTX_DMA 1u /* context of both DMA engines and the ME */
#define CTX_VE 2u
#define CTX_TDMA 3u
#define SEM 4u /* of step 0; the next one's is one higher */

/* Places in the scratchpad: operands, and the results of ME, VE and TDMA. */
enum { FROM = 0, ME_TO = 4096, VE_TO = 8192, TDMA_TO = 12288 };

/* Step `n` waits for the one before, and posts for the next one. */
static tsr_status_t start(tsr_node_t *n, uint32_t engine, uint32_t step, tsr_cmd_t *cmd) {
  if (step != 0) {
    tsr_cmd_wait(cmd, 0, SEM + step, 1);
  }
  tsr_cmd_post(cmd, 0, SEM + step + 1, 1);
  return tsr_node_push(n, engine, cmd);
}

static tsr_status_t product(tsr_node_t *n, tsr_cmd_t *cmd) {
  const tsr_me_gemm_t gemm = {.format = TSR_ME_INT8,
                              .rows = 8,
                              .cols = 8,
                              .k_bytes = 64,
                              .a_pitch = 72,
                              .b_pitch = 72,
                              .o_pitch = 32};
  tsr_me_context_t context;
  TSR_TRY(tsr_me_encode(&gemm, &context));
  tsr_me_gemm_cmd(cmd, CTX_DMA, 3, FROM, FROM, 0, ME_TO);
  return tsr_me_set_context(&n->me, CTX_DMA, &context);
}

/* 64 INT32 values through all stages unchanged. */
static tsr_status_t pass(tsr_node_t *n, tsr_cmd_t *cmd) {
  const tsr_agu_t rows = tsr_agu_rows(4, 64, 64);
  const uint32_t base[TSR_VE_PORTS] = {ME_TO, 0, 0, VE_TO, 0};
  tsr_ve_context_t context = {.program = {0}};
  for (uint32_t s = 0; s < 8; s++) {
    context.program[2 * s + 1] = 4u << 3; /* OpPass to nowhere */
  }
  context.program[16 + 8] = TSR_FORMAT_INT32 | (1u << 4);
  context.program[16 + 11] = TSR_FORMAT_INT32 | (1u << 4) | (1u << 13); /* V0, an integer */
  TSR_TRY(tsr_agu_encode(&rows, context.stream[TSR_VE_I0]));
  TSR_TRY(tsr_agu_encode(&rows, context.stream[TSR_VE_O0]));
  tsr_ve_cmd(cmd, CTX_VE, 4, base);
  return tsr_ve_set_context(&n->ve, CTX_VE, &context);
}

static tsr_status_t copy(tsr_node_t *n, tsr_cmd_t *cmd) {
  const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {{.count = 1}};
  tsr_tdma_op_t op;
  TSR_TRY(tsr_tdma_copy(VE_TO, TDMA_TO, BYTES, loops, &op));
  tsr_tdma_cmd(cmd, CTX_TDMA, 5, &op);
  return tsr_tdma_set_context(&n->tdma, CTX_TDMA, &op);
}

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_parade_args_t *args = (const tsr_parade_args_t *)(const void *)launch->args;
  const tsr_dma_shape_t shape = tsr_dma_linear(BYTES);
  tsr_node_t *n = tsr_self();
  tsr_cmd_t read, write, gemm, vector, layout, bad;
  TSR_KERNEL_TRY(product(n, &gemm), 1);
  TSR_KERNEL_TRY(pass(n, &vector), 2);
  TSR_KERNEL_TRY(copy(n, &layout), 3);
  TSR_KERNEL_TRY(tsr_dma_set_context(&n->dma, TSR_DMA_RDMA, CTX_DMA, &shape), 4);
  TSR_KERNEL_TRY(tsr_dma_set_context(&n->dma, TSR_DMA_WDMA, CTX_DMA, &shape), 5);
  tsr_dma_read_cmd(&read, CTX_DMA, 2, args->address, FROM);
  tsr_dma_write_cmd(&write, CTX_DMA, 6, TDMA_TO, args->address);
  tsr_dma_read_cmd(&bad, CTX_DMA, 7, UNMAPPED_HBM, FROM);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_WDMA, 4, &write), 6);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_TDMA, 3, &layout), 7);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_VE, 2, &vector), 8);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_ME, 1, &gemm), 9);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_RDMA, 0, &read), 10);
  TSR_KERNEL_TRY(start(n, TSR_ENGINE_RDMA, 5, &bad), 11);
  TSR_KERNEL_TRY(tsr_node_wait(n, SEM + 6, 1, 100000), 12);
  return 13;
}
