/* SPDX-License-Identifier: Apache-2.0 */
/* The drivers against the real hardware of a tile. Returns 0 or the number of the step that failed.
 */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "runtime/tessera_tile.h"

#define SEM 2u
#define TIMEOUT 100000u

static bool semaphores(tsr_node_t *n) {
  uint32_t value = 0;
  if (tsr_tile_sem_post(&n->regs, SEM, 200) != TSR_OK ||
      tsr_tile_sem_post(&n->regs, SEM, 200) != TSR_OK ||
      tsr_tile_sem_read(&n->regs, SEM, &value) != TSR_OK || value != 400) {
    return false;
  }
  if (tsr_tile_sem_take(&n->regs, SEM, 401) != TSR_BUSY ||
      tsr_tile_sem_take(&n->regs, SEM, 300) != TSR_OK ||
      tsr_tile_sem_read(&n->regs, SEM, &value) != TSR_OK || value != 100) {
    return false;
  }
  if (tsr_tile_sem_clear(&n->regs, SEM) != TSR_OK ||
      tsr_tile_sem_read(&n->regs, SEM, &value) != TSR_OK) {
    return false;
  }
  return value == 0;
}

/* A post to the own node over the network, and a sleep on it. */
static bool posts(tsr_node_t *n) {
  return tsr_tile_post(&n->regs, n->self.node, SEM, 3) == TSR_OK &&
         tsr_node_wait(n, SEM, 3, TIMEOUT) == TSR_OK;
}

static bool timer(tsr_node_t *n) {
  const uint64_t start = tsr_cycles();
  return tsr_node_wait(n, SEM, 1, 500) == TSR_TIMEOUT && tsr_cycles() - start >= 500 &&
         tsr_cycles() - start < 5000;
}

/* A full queue of commands, each of which posts; a ninth is refused until there is room. */
static bool queue(tsr_node_t *n) {
  tsr_cmd_t cmd;
  tsr_cmd_init(&cmd, TSR_OP_NOP, 0, 1);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  tsr_cmd_wait(&cmd, 0, SEM + 1, 1);
  uint32_t pushed = 0;
  while (pushed < 2 * TSR_CMDQ_DEPTH && tsr_cmdq_push(&n->queue[TSR_ENGINE_WDMA], &cmd) == TSR_OK) {
    pushed++;
  }
  if (pushed < TSR_CMDQ_DEPTH || pushed == 2 * TSR_CMDQ_DEPTH) {
    return false;
  }
  return tsr_tile_sem_post(&n->regs, SEM + 1, pushed) == TSR_OK &&
         tsr_node_wait(n, SEM, pushed, TIMEOUT) == TSR_OK;
}

static bool fill(tsr_node_t *n) {
  tsr_cmd_t cmd;
  tsr_spm_write(256, 0x11111111u);
  tsr_dma_spm_fill_cmd(&cmd, 0, 0, 0xdeadbeefu, 64);
  const tsr_dma_shape_t shape = tsr_dma_linear(192);
  if (tsr_node_run_dma(n, TSR_ENGINE_RDMA, &cmd, &shape) != TSR_OK) {
    return false;
  }
  for (uint32_t i = 64; i < 256; i += 4) {
    if (tsr_spm_read(i) != 0xdeadbeefu) {
      return false;
    }
  }
  return tsr_spm_read(256) == 0x11111111u;
}

/* Scratchpad -> HBM -> scratchpad at odd byte offsets. */
static bool copy(tsr_node_t *n, uint64_t hbm) {
  for (uint32_t i = 0; i < 1024; i += 4) {
    tsr_spm_write(i, 0x9e3779b9u * (i + 1));
    tsr_spm_write(4096 + i, 0);
  }
  if (tsr_node_write(n, 4, hbm + 13, 777) != TSR_OK ||
      tsr_node_read(n, hbm + 13, 4096 + 8, 777) != TSR_OK) {
    return false;
  }
  for (uint32_t i = 0; i < 776; i += 4) {
    if (tsr_spm_read(4096 + 8 + i) != tsr_spm_read(4 + i)) {
      return false;
    }
  }
  const uint32_t tail = tsr_spm_read(4096 + 8 + 776);
  return tail == (tsr_spm_read(4 + 776) & 0xffu);
}

/* 8 x 8 x 16 product of INT8 with a preloaded row. */
static bool matrix(tsr_node_t *n) {
  const uint32_t a = 0, b = 1024, c = 2048, o = 4096;
  const tsr_me_gemm_t gemm = {.format = TSR_ME_INT8,
                              .preload = TSR_ME_PRELOAD_ROW,
                              .rows = 8,
                              .cols = 8,
                              .k_bytes = 16,
                              .a_pitch = 24,
                              .b_pitch = 24,
                              .o_pitch = 32};
  for (uint32_t row = 0; row < 8; row++) {
    for (uint32_t k = 0; k < 16; k += 4) {
      tsr_spm_write(a + 24 * row + k, 0x01010101u * (row + 1));
      tsr_spm_write(b + 24 * row + k, 0x00ff0100u + row); /* row, 1, -1, 0 */
    }
    tsr_spm_write(c + 4 * row, 1000 * row);
  }
  tsr_me_context_t context;
  tsr_cmd_t cmd;
  tsr_me_gemm_cmd(&cmd, 1, 7, a, b, c, o);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  if (tsr_me_encode(&gemm, &context) != TSR_OK ||
      tsr_me_set_context(&n->me, 1, &context) != TSR_OK ||
      tsr_node_push(n, TSR_ENGINE_ME, &cmd) != TSR_OK ||
      tsr_node_wait(n, SEM, 1, TIMEOUT) != TSR_OK) {
    return false;
  }
  for (uint32_t row = 0; row < 8; row++) {
    for (uint32_t col = 0; col < 8; col++) {
      if (tsr_spm_read(o + 32 * row + 4 * col) != 4 * (row + 1) * col + 1000 * col) {
        return false;
      }
    }
  }
  return true;
}

/* 16 INT32 values plus a constant of the command, through the vector engine. */
static bool vector(tsr_node_t *n) {
  const uint32_t base[TSR_VE_PORTS] = {0, 0, 0, 4096, 0};
  const uint32_t scalars[TSR_VE_SCALARS] = {1000};
  const tsr_agu_t row = tsr_agu_rows(1, 64, 0);
  tsr_ve_context_t context = {.program = {0}};
  for (uint32_t s = 1; s < 8; s++) {
    context.program[2 * s + 1] = 4u << 3; /* OpPass to nowhere */
  }
  context.program[0] = 1u | (8u << 13); /* OpAddI of V0 and constant 0, to V0 */
  context.program[16 + 8] = TSR_FORMAT_INT32 | (1u << 4);
  context.program[16 + 11] = TSR_FORMAT_INT32 | (1u << 4) | (1u << 13); /* V0, an integer */
  tsr_ve_set_patch(context.program, 1);
  for (uint32_t i = 0; i < 16; i++) {
    tsr_spm_write(4 * i, 7 * i);
  }
  tsr_cmd_t cmd;
  tsr_ve_cmd(&cmd, 2, 8, base);
  tsr_ve_scalars(&cmd, scalars);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  if (tsr_agu_encode(&row, context.stream[TSR_VE_I0]) != TSR_OK ||
      tsr_agu_encode(&row, context.stream[TSR_VE_O0]) != TSR_OK ||
      tsr_ve_set_context(&n->ve, 2, &context) != TSR_OK ||
      tsr_node_push(n, TSR_ENGINE_VE, &cmd) != TSR_OK ||
      tsr_node_wait(n, SEM, 1, TIMEOUT) != TSR_OK) {
    return false;
  }
  for (uint32_t i = 0; i < 16; i++) {
    if (tsr_spm_read(4096 + 4 * i) != 7 * i + 1000) {
      return false;
    }
  }
  return true;
}

/* Transpose of 6 x 10 words. */
static bool layout(tsr_node_t *n) {
  const tsr_tdma_plane_t src = {0, 64}, dst = {4096, 40};
  tsr_tdma_op_t op;
  tsr_cmd_t cmd;
  for (uint32_t i = 0; i < 60; i++) {
    tsr_spm_write(i / 10 * src.pitch + i % 10 * 4, 0x100 + i);
  }
  if (tsr_tdma_turn(TSR_TDMA_BYTES4, 6, 10, src, dst, TSR_TDMA_TRANSPOSE,
                    (tsr_tdma_loop_t){.count = 1}, &op) != TSR_OK ||
      tsr_tdma_set_context(&n->tdma, 3, &op) != TSR_OK) {
    return false;
  }
  tsr_tdma_cmd(&cmd, 3, 9, &op);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  if (tsr_node_push(n, TSR_ENGINE_TDMA, &cmd) != TSR_OK ||
      tsr_node_wait(n, SEM, 1, TIMEOUT) != TSR_OK) {
    return false;
  }
  for (uint32_t i = 0; i < 60; i++) {
    if (tsr_spm_read(dst.base + i % 10 * dst.pitch + i / 10 * 4) != 0x100 + i) {
      return false;
    }
  }
  return true;
}

static bool counters(tsr_node_t *n) {
  uint64_t bytes = 0, elapsed = 0;
  if (tsr_tile_counters_clear(&n->regs) != TSR_OK || !fill(n)) {
    return false;
  }
  return tsr_tile_counter(&n->regs, TSR_ENGINE_RDMA * 16 + TSR_TILE_COUNTER_OPS, &bytes) ==
             TSR_OK &&
         tsr_tile_counter(&n->regs, TSR_TILE_COUNTER_ELAPSED, &elapsed) == TSR_OK && bytes == 192 &&
         elapsed > 0 && elapsed < TIMEOUT;
}

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_selftest_args_t *args = (const tsr_selftest_args_t *)(const void *)launch->args;
  tsr_node_t *n = tsr_self();
  if (!semaphores(n)) return 1;
  if (!posts(n)) return 2;
  if (!timer(n)) return 3;
  if (!queue(n)) return 4;
  if (!fill(n)) return 5;
  if (!copy(n, args->address + TSR_SELFTEST_BYTES * tsr_tile_index(launch))) return 6;
  if (!matrix(n)) return 7;
  if (!counters(n)) return 8;
  if (!vector(n)) return 9;
  if (!layout(n)) return 10;
  return 0;
}
