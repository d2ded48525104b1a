/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the matrix engine busy from the scratchpad alone: for utilization and simulation speed. */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "runtime/tessera_tile.h"

#define SEM_END 0u
#define OUT_SPM 0u

/* Words of ones, by format. */
static const uint32_t ones[TSR_ME_FORMATS] = {0x3f803f80u, 0x01010101u, 0x3c003c00u, 0x3f800000u,
                                              0x3f800000u, 0x38383838u, 0x3c3c3c3cu, 0x0c0c0c0cu,
                                              0x08080808u, 0x22222222u, 0x11111111u};

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_me_loop_args_t *args = (const tsr_me_loop_args_t *)(const void *)launch->args;
  tsr_node_t *node = tsr_self();
  if (args->format >= TSR_ME_FORMATS) {
    return 1;
  }
  const tsr_me_format_t format = (tsr_me_format_t)args->format;
  const uint32_t k_bytes = args->k * tsr_me_element_bits(format) / 8;
  const uint32_t pitch = tsr_me_operand_pitch(k_bytes);
  const uint32_t o_pitch = tsr_me_wide_pitch(args->cols);
  /* A from the bottom, B in the next hyperbank after it, O in the last hyperbanks. */
  const uint32_t hyperbank = node->self.spm_bytes / 8;
  const uint32_t b = (args->rows * pitch + hyperbank - 1) / hyperbank * hyperbank;
  const uint32_t o_bytes = args->rows * o_pitch;
  if (args->repeat == 0 || o_bytes > node->self.spm_bytes ||
      b + args->cols * pitch > node->self.spm_bytes - o_bytes) {
    return 1;
  }
  const uint32_t o = (node->self.spm_bytes - o_bytes) & ~7u;
  tsr_cmd_t cmd;
  tsr_dma_spm_fill_cmd(&cmd, 0, 0, ones[format], 0);
  const tsr_dma_shape_t all = tsr_dma_linear(node->self.spm_bytes);
  TSR_KERNEL_TRY(tsr_node_run_dma(node, TSR_ENGINE_RDMA, &cmd, &all), 2);
  const tsr_me_gemm_t gemm = {.format = format,
                              .preload = TSR_ME_PRELOAD_NONE,
                              .rows = args->rows,
                              .cols = args->cols,
                              .k_bytes = k_bytes,
                              .a_pitch = pitch,
                              .b_pitch = pitch,
                              .o_pitch = o_pitch};
  tsr_me_context_t context;
  TSR_KERNEL_TRY(tsr_me_encode(&gemm, &context), 3);
  TSR_KERNEL_TRY(tsr_me_set_context(&node->me, 0, &context), 4);
  TSR_KERNEL_TRY(tsr_tile_counters_clear(&node->regs), 5);
  const uint64_t start = tsr_cycles();
  for (uint32_t i = 0; i < args->repeat; i++) {
    tsr_me_gemm_cmd(&cmd, 0, i, 0, b, 0, o);
    if (i + 1 == args->repeat) {
      tsr_cmd_post(&cmd, 0, SEM_END, 1);
    }
    TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd), 6);
  }
  TSR_KERNEL_TRY(tsr_node_wait(node, SEM_END, 1, 0), 7);
  const uint64_t cycles = tsr_cycles() - start;
  uint64_t ops = 0;
  TSR_KERNEL_TRY(tsr_tile_counter(&node->regs, TSR_ENGINE_ME * 16 + TSR_TILE_COUNTER_OPS, &ops), 8);
  if (args->address == 0) {
    return 0;
  }
  const uint32_t words[4] = {(uint32_t)cycles, (uint32_t)(cycles >> 32), (uint32_t)ops,
                             (uint32_t)(ops >> 32)};
  for (uint32_t i = 0; i < 4; i++) {
    tsr_spm_write(OUT_SPM + 4 * i, words[i]);
  }
  TSR_KERNEL_TRY(tsr_node_write(node, OUT_SPM, args->address + 16 * tsr_tile_index(launch), 16), 9);
  return 0;
}
