/* SPDX-License-Identifier: Apache-2.0 */
/* Good work, or one of many ways to go wrong, on one tile or on all: shows that the next launch
 * works whatever the last one did. */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "runtime/tessera_tile.h"

#define UNMAPPED_HBM 0xff00000000ull
#define SEM 2u
#define BURST_BYTES 65536u

int kernel_main(const tsr_launch_t *launch);

/* Write TSR_HELLO_WORD + index through DMA, INT8 products of ones included: needs clean queues,
 * semaphores, contexts and engines. Returns 0 or the number of the step that failed. */
static int work(const tsr_launch_t *launch, uint64_t address) {
  tsr_node_t *node = tsr_self();
  const uint32_t index = tsr_tile_index(launch);
  const tsr_me_gemm_t gemm = {.format = TSR_ME_INT8,
                              .preload = TSR_ME_PRELOAD_NONE,
                              .rows = 8,
                              .cols = 8,
                              .k_bytes = 16,
                              .a_pitch = 24,
                              .b_pitch = 24,
                              .o_pitch = 32};
  const tsr_dma_shape_t operands = tsr_dma_linear(256);
  tsr_me_context_t context;
  tsr_cmd_t cmd;
  uint32_t left = 1;
  for (uint32_t sem = 0; sem < TSR_NODE_SEM; sem++) {
    TSR_KERNEL_TRY(tsr_tile_sem_read(&node->regs, sem, &left), 1);
    if (left != 0) {
      return 2;
    }
  }
  tsr_dma_spm_fill_cmd(&cmd, 0, 0, 0x01010101u, 0);
  TSR_KERNEL_TRY(tsr_node_run_dma(node, TSR_ENGINE_RDMA, &cmd, &operands), 3);
  TSR_KERNEL_TRY(tsr_me_encode(&gemm, &context), 4);
  TSR_KERNEL_TRY(tsr_me_set_context(&node->me, 0, &context), 5);
  tsr_me_gemm_cmd(&cmd, 0, 0, 0, 0, 0, 1024);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd), 6);
  TSR_KERNEL_TRY(tsr_node_wait(node, SEM, 1, 0), 7);
  if (tsr_spm_read(1024 + 4 * index) != 16) {
    return 8;
  }
  tsr_spm_write(0, TSR_HELLO_WORD + index);
  TSR_KERNEL_TRY(tsr_node_write(node, 0, address + 4 * index, 4), 9);
  return 0;
}

/* Leave all queues full of commands that wait for nothing or for ever, then trap. */
static void burst(uint64_t address) {
  tsr_node_t *node = tsr_self();
  const tsr_dma_shape_t big = tsr_dma_linear(BURST_BYTES);
  tsr_cmd_t cmd;
  for (uint32_t way = TSR_DMA_RDMA; way <= TSR_DMA_WDMA; way++) {
    (void)!tsr_dma_set_context(&node->dma, way, 0, &big);
  }
  for (uint32_t i = 0; i < TSR_CMDQ_DEPTH; i++) {
    tsr_cmd_init(&cmd, TSR_OP_DMA_READ, 0, i);
    cmd.w[5] = (uint32_t)address;
    cmd.w[6] = (uint32_t)(address >> 32);
    (void)!tsr_cmdq_push(&node->queue[TSR_ENGINE_RDMA], &cmd);
    tsr_cmd_init(&cmd, TSR_OP_DMA_WRITE, 0, i);
    cmd.w[5] = BURST_BYTES;
    cmd.w[7] = (uint32_t)address;
    cmd.w[8] = (uint32_t)(address >> 32);
    (void)!tsr_cmdq_push(&node->queue[TSR_ENGINE_WDMA], &cmd);
    tsr_cmd_init(&cmd, TSR_OP_NOP, 0, i);
    tsr_cmd_wait(&cmd, 0, SEM, 255);
    (void)!tsr_cmdq_push(&node->queue[TSR_ENGINE_ME], &cmd);
    (void)!tsr_cmdq_push(&node->queue[TSR_ENGINE_VE], &cmd);
    (void)!tsr_cmdq_push(&node->queue[TSR_ENGINE_TDMA], &cmd);
  }
  __asm__ volatile("ebreak");
}

/* Overwrite the program in the instruction memory, this code included. */
static void wreck(void) {
  for (uint32_t at = 0x8000; at != 0; at -= 4) {
    tsr_mmio_write((tsr_mmio_t){TSR_ITCM_BASE}, at - 4, 0);
  }
}

int kernel_main(const tsr_launch_t *launch) {
  const tsr_misbehave_args_t *args = (const tsr_misbehave_args_t *)(const void *)launch->args;
  tsr_node_t *node = tsr_self();
  tsr_cmd_t cmd;
  const uint32_t index = tsr_tile_index(launch);
  const uint32_t kind =
      args->index == index || args->index == TSR_MISBEHAVE_ALL ? args->kind : TSR_MISBEHAVE_NOT;
  switch (kind) {
    case TSR_MISBEHAVE_NOT:
      return work(launch, args->address);
    case TSR_MISBEHAVE_RETURN:
      return 77;
    case TSR_MISBEHAVE_TRAP:
      __asm__ volatile(".word 0");
      break;
    case TSR_MISBEHAVE_OPCODE:
      tsr_cmd_init(&cmd, 0x7f, 0, 0x1234);
      TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd), 1);
      break;
    case TSR_MISBEHAVE_CONTEXT:
      tsr_mmio_write((tsr_mmio_t){TSR_CTX_BASE}, 0, 0xffffffffu);
      tsr_me_gemm_cmd(&cmd, 0, 0x55, 0, 0, 0, 0);
      TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd), 1);
      break;
    case TSR_MISBEHAVE_VE_CONTEXT:
      for (uint32_t i = 0; i < TSR_CTX_BYTES; i += 4) {
        tsr_mmio_write((tsr_mmio_t){TSR_CTX_BASE}, i, 0xffffffffu);
      }
      tsr_cmd_init(&cmd, TSR_OP_VEC, 0, 0x56);
      TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_VE, &cmd), 1);
      break;
    case TSR_MISBEHAVE_TDMA_ZERO:
      for (uint32_t i = 0; i < TSR_CTX_BYTES; i += 4) {
        tsr_mmio_write((tsr_mmio_t){TSR_CTX_BASE}, i, 0);
      }
      tsr_cmd_init(&cmd, TSR_OP_TCOPY, 0, 0x57);
      TSR_KERNEL_TRY(tsr_node_push(node, TSR_ENGINE_TDMA, &cmd), 1);
      break;
    case TSR_MISBEHAVE_READ_UNMAPPED:
      TSR_KERNEL_TRY(tsr_node_read(node, UNMAPPED_HBM, 0, 4096), 1);
      return 1;
    case TSR_MISBEHAVE_WRITE_UNMAPPED:
      TSR_KERNEL_TRY(tsr_node_write(node, 0, UNMAPPED_HBM, 4096), 1);
      return 1;
    case TSR_MISBEHAVE_READ_FORBIDDEN:
      TSR_KERNEL_TRY(tsr_node_read(node, tsr_addr_node(0, 0, TSR_SPM_BASE), 0, 64), 1);
      return 1;
    case TSR_MISBEHAVE_WRITE_FORBIDDEN:
      TSR_KERNEL_TRY(tsr_node_write(node, 0, tsr_addr_node(0, 0, TSR_REGS_BASE), 64), 1);
      return 1;
    case TSR_MISBEHAVE_ZERO:
      TSR_KERNEL_TRY(tsr_node_read(node, args->address, 0, 0), 1);
      return 1;
    case TSR_MISBEHAVE_RANGE:
      TSR_KERNEL_TRY(tsr_node_read(node, args->address, node->self.spm_bytes - 64, 128), 1);
      return 1;
    case TSR_MISBEHAVE_BURST:
      burst(args->address + BURST_BYTES);
      break;
    case TSR_MISBEHAVE_SPIN:
      for (;;) {
        tsr_barrier();
      }
    case TSR_MISBEHAVE_SLEEP:
      TSR_KERNEL_TRY(tsr_node_wait(node, SEM, 1, 0), 1);
      return 1;
    default:
      wreck();
      break;
  }
  return (int)tsr_node_wait(node, SEM, 1, 100000);
}
