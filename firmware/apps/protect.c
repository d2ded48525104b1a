/* SPDX-License-Identifier: Apache-2.0 */
/* One access of the host's choice, allowed or not, by any of the ways that a tile has. Traps return
 * to the program, and engine errors do not trap, so that it can tell what it saw. */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "drivers/ve.h"
#include "runtime/tessera_tile.h"

#define CTX 0u
#define WINDOW 1u
#define SEM 5u
#define FROM 0x9000u /* 64 bytes that are written elsewhere, operands */
#define TIMEOUT 100000u

static volatile uint32_t trapped, trap_cause, trap_value;

/* Remember the trap and go on behind the instruction. */
__attribute__((interrupt("machine"), aligned(4))) static void on_trap(void) {
  uint32_t pc, cause, value;
  __asm__ volatile("csrr %0, mepc" : "=r"(pc));
  __asm__ volatile("csrr %0, mcause" : "=r"(cause));
  __asm__ volatile("csrr %0, mtval" : "=r"(value));
  __asm__ volatile("csrw mepc, %0" : : "r"(pc + 4));
  trapped++;
  trap_cause = cause;
  trap_value = value;
}

static uint32_t load(uint32_t at) { return tsr_mmio_read((tsr_mmio_t){at}, 0); }
static void store(uint32_t at) { tsr_mmio_write((tsr_mmio_t){at}, 0, TSR_PROTECT_WORD); }

/* Address of a global one in the core's window. */
static uint32_t window(tsr_node_t *n, uint64_t address) {
  (void)!tsr_tile_core_window(&n->regs, WINDOW, address);
  return TSR_WINDOW_BASE(WINDOW) + ((uint32_t)address & 0xfffffffu);
}

/* 64 bytes in context CTX. */
static tsr_status_t flit(tsr_node_t *n, tsr_dma_engine_t way) {
  const tsr_dma_shape_t shape = tsr_dma_linear(64);
  return tsr_dma_set_context(&n->dma, way, CTX, &shape);
}

/* 8 x 8 x 8 product of INT8. */
static tsr_status_t product(tsr_node_t *n, uint32_t out, tsr_cmd_t *cmd) {
  const tsr_me_gemm_t gemm = {.format = TSR_ME_INT8,
                              .rows = 8,
                              .cols = 8,
                              .k_bytes = 8,
                              .a_pitch = 8,
                              .b_pitch = 8,
                              .o_pitch = 32};
  tsr_me_context_t context;
  TSR_TRY(tsr_me_encode(&gemm, &context));
  tsr_me_gemm_cmd(cmd, CTX, TSR_PROTECT_ID, FROM, FROM, 0, out);
  return tsr_me_set_context(&n->me, CTX, &context);
}

/* 16 INT32 values through all stages unchanged. */
static tsr_status_t pass(tsr_node_t *n, uint32_t out, tsr_cmd_t *cmd) {
  const tsr_agu_t one = tsr_agu_rows(1, 64, 0);
  const uint32_t base[TSR_VE_PORTS] = {FROM, 0, 0, out, 0};
  tsr_ve_context_t context = {.program = {0}};
  for (uint32_t s = 0; s < 8; s++) {
    context.program[2 * s + 1] = 4u << 3; /* OpPass to nowhere */
  }
  context.program[16 + 8] = TSR_FORMAT_INT32 | (1u << 4);
  context.program[16 + 11] = TSR_FORMAT_INT32 | (1u << 4) | (1u << 13); /* V0, an integer */
  TSR_TRY(tsr_agu_encode(&one, context.stream[TSR_VE_I0]));
  TSR_TRY(tsr_agu_encode(&one, context.stream[TSR_VE_O0]));
  tsr_ve_cmd(cmd, CTX, TSR_PROTECT_ID, base);
  return tsr_ve_set_context(&n->ve, CTX, &context);
}

static tsr_status_t copy(tsr_node_t *n, uint32_t out, tsr_cmd_t *cmd) {
  const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {{.count = 1}};
  tsr_tdma_op_t op;
  TSR_TRY(tsr_tdma_copy(FROM, out, 64, loops, &op));
  tsr_tdma_cmd(cmd, CTX, TSR_PROTECT_ID, &op);
  return tsr_tdma_set_context(&n->tdma, CTX, &op);
}

/* The command of an attempt. Returns its engine, TSR_ENGINES if it cannot be made. */
static uint32_t build(tsr_node_t *n, const tsr_protect_args_t *a, tsr_cmd_t *cmd) {
  const uint32_t offset = (uint32_t)a->address;
  const tsr_rect_t rect = {(uint8_t)a->rect, (uint8_t)(a->rect >> 8), (uint8_t)(a->rect >> 16),
                           (uint8_t)(a->rect >> 24)};
  uint32_t engine = TSR_ENGINE_WDMA;
  tsr_status_t status = flit(n, TSR_DMA_WDMA);
  switch (a->kind) {
    case TSR_PROTECT_RDMA:
    case TSR_PROTECT_SPM_RDMA:
      engine = TSR_ENGINE_RDMA;
      status = flit(n, TSR_DMA_RDMA);
      if (a->kind == TSR_PROTECT_RDMA) {
        tsr_dma_read_cmd(cmd, CTX, TSR_PROTECT_ID, a->address, TSR_PROTECT_LANDING);
      } else {
        tsr_dma_read_cmd(cmd, CTX, TSR_PROTECT_ID, a->open, offset);
      }
      break;
    case TSR_PROTECT_SPREAD:
      engine = TSR_ENGINE_RDMA;
      status = flit(n, TSR_DMA_RDMA);
      tsr_dma_spread_cmd(cmd, CTX, TSR_PROTECT_ID, a->address, TSR_PROTECT_LANDING, rect,
                         TSR_DMA_NO_SEM);
      break;
    case TSR_PROTECT_WDMA:
      tsr_dma_write_cmd(cmd, CTX, TSR_PROTECT_ID, FROM, a->address);
      break;
    case TSR_PROTECT_FILL:
      tsr_dma_fill_cmd(cmd, CTX, TSR_PROTECT_ID, TSR_PROTECT_WORD, a->address);
      break;
    case TSR_PROTECT_MCAST:
      tsr_dma_mcast_cmd(cmd, CTX, TSR_PROTECT_ID, FROM, rect, offset);
      break;
    case TSR_PROTECT_POST_RECT:
      tsr_cmd_init(cmd, TSR_OP_NOP, CTX, TSR_PROTECT_ID);
      tsr_cmd_post_remote(cmd, rect, SEM, 1);
      break;
    case TSR_PROTECT_SPM_WDMA:
      tsr_dma_write_cmd(cmd, CTX, TSR_PROTECT_ID, offset, a->open);
      break;
    case TSR_PROTECT_SPM_ME:
      engine = TSR_ENGINE_ME;
      status = product(n, offset, cmd);
      break;
    case TSR_PROTECT_SPM_VE:
      engine = TSR_ENGINE_VE;
      status = pass(n, offset, cmd);
      break;
    default:
      engine = TSR_ENGINE_TDMA;
      status = copy(n, offset, cmd);
      break;
  }
  return status == TSR_OK ? engine : TSR_ENGINES;
}

/* Run one command; *stopped tells whether it failed. */
static int engine_access(tsr_node_t *n, const tsr_protect_args_t *a, uint32_t *stopped) {
  tsr_cmd_t cmd;
  tsr_cmdq_state_t state;
  const uint64_t start = tsr_cycles();
  const uint32_t engine = build(n, a, &cmd);
  if (engine == TSR_ENGINES) {
    return 1;
  }
  TSR_KERNEL_TRY(tsr_node_push(n, engine, &cmd), 2);
  do {
    TSR_KERNEL_TRY(tsr_cmdq_state(&n->queue[engine], &state), 3);
    if (tsr_cycles() - start > TIMEOUT) {
      return 4;
    }
  } while (state.busy && !state.stopped);
  *stopped = state.stopped;
  TSR_KERNEL_TRY(tsr_node_restart(n, engine), 5);
  return 0;
}

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_protect_args_t *a = (const tsr_protect_args_t *)(const void *)launch->args;
  tsr_node_t *n = tsr_self();
  uint32_t vectors, stopped = 0, word = 0;
  int code = 0;
  for (uint32_t i = 0; i < 64; i += 4) {
    tsr_spm_write(FROM + i, TSR_PROTECT_WORD);
  }
  trapped = trap_cause = trap_value = 0;
  TSR_KERNEL_TRY(tsr_tile_errors_enable(&n->regs, 0, false, false), 6);
  __asm__ volatile("csrrw %0, mtvec, %1" : "=r"(vectors) : "r"((uint32_t)(uintptr_t)on_trap));
  switch (a->kind) {
    case TSR_PROTECT_LOAD:
      word = load(window(n, a->address));
      break;
    case TSR_PROTECT_STORE:
      store(window(n, a->address));
      break;
    case TSR_PROTECT_LOAD_OWN:
      word = load((uint32_t)a->address);
      break;
    case TSR_PROTECT_STORE_OWN:
      store((uint32_t)a->address);
      break;
    case TSR_PROTECT_POST:
      code = (int)tsr_tile_post(&n->regs,
                                (tsr_node_id_t){(uint8_t)a->rect, (uint8_t)(a->rect >> 8)}, SEM, 1);
      break;
    case TSR_PROTECT_ATOMIC:
      stopped = tsr_tile_atomic(&n->regs, TSR_AMO_ADD, a->address, TSR_PROTECT_WORD, 0, &word) ==
                TSR_FAILED;
      break;
    default:
      code = engine_access(n, a, &stopped);
      break;
  }
  __asm__ volatile("csrw mtvec, %0" : : "r"(vectors));
  TSR_KERNEL_TRY(tsr_tile_errors_enable(&n->regs, (1u << TSR_ENGINES) - 1, false, false), 7);
  const uint32_t result[] = {trapped, trap_cause, trap_value, stopped, word};
  for (uint32_t i = 0; i < sizeof(result) / 4; i++) {
    tsr_spm_write(TSR_PROTECT_RESULT + 4 * i, result[i]);
  }
  return code;
}
