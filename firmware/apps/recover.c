/* SPDX-License-Identifier: Apache-2.0 */
/* Every engine fails in every way that its commands can, with errors masked from the core: the
 * engine stops, the captured error names it, and after a restart it works again. Then the matrix
 * and the vector engine wait in a chain for a partner that never comes, or is dropped. Returns 0,
 * or 100 * engine + 10 * way + the number of the check that failed (engine and way from 1; chains
 * are the ways 7 and 8). */
#include "apps/apps_abi.h"
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "drivers/ve.h"
#include "runtime/tessera_tile.h"

#define CTX 0u
#define SEM 2u
#define TIMEOUT 100000u
#define UNMAPPED_HBM 0xff00000000ull
#define FROM 0u /* places in the scratchpad */
#define TO 4096u

typedef enum {
  BAD_OPCODE,
  BAD_CONTEXT,
  BAD_ZERO,
  BAD_SHAPE,
  BAD_RANGE,
  BAD_BUS,
  WAYS,
  GOOD,
  CHAINED
} way_t;

static const uint8_t codes[WAYS] = {TSR_CMD_ERR_OPCODE, TSR_CMD_ERR_CONTEXT, TSR_CMD_ERR_ZERO,
                                    TSR_CMD_ERR_SHAPE,  TSR_CMD_ERR_RANGE,   TSR_CMD_ERR_BUS};

/* Which ways there are, by engine: DMA has no illegal fields, only it uses the network. */
#define BIT(way) (1u << (way))
static const uint8_t ways[TSR_ENGINES] = {
    BIT(BAD_OPCODE) | BIT(BAD_ZERO) | BIT(BAD_SHAPE) | BIT(BAD_RANGE) | BIT(BAD_BUS),
    BIT(BAD_OPCODE) | BIT(BAD_ZERO) | BIT(BAD_SHAPE) | BIT(BAD_RANGE) | BIT(BAD_BUS),
    BIT(BAD_OPCODE) | BIT(BAD_CONTEXT) | BIT(BAD_SHAPE) | BIT(BAD_RANGE),
    BIT(BAD_OPCODE) | BIT(BAD_CONTEXT) | BIT(BAD_SHAPE) | BIT(BAD_RANGE),
    BIT(BAD_OPCODE) | BIT(BAD_CONTEXT) | BIT(BAD_ZERO) | BIT(BAD_SHAPE) | BIT(BAD_RANGE)};

/* DMA of 64 bytes. */
static tsr_status_t dma(tsr_node_t *n, bool read, way_t way, uint64_t hbm, tsr_cmd_t *cmd) {
  tsr_dma_shape_t shape = tsr_dma_linear(way == BAD_ZERO ? 0 : 64);
  if (way == BAD_SHAPE) {
    shape.src.iterations[1] = 2;
  }
  const uint32_t spm = way == BAD_RANGE ? n->self.spm_bytes - 32 : read ? TO : FROM;
  const uint64_t address = way == BAD_BUS ? UNMAPPED_HBM : hbm;
  if (read) {
    tsr_dma_read_cmd(cmd, CTX, 0, address, spm);
  } else {
    tsr_dma_write_cmd(cmd, CTX, 0, spm, address);
  }
  return tsr_dma_set_context(&n->dma, read ? TSR_DMA_RDMA : TSR_DMA_WDMA, CTX, &shape);
}

/* 8 x 8 x 8 product of INT8. */
static tsr_status_t product(tsr_node_t *n, way_t way, tsr_cmd_t *cmd) {
  const tsr_me_gemm_t gemm = {.format = TSR_ME_INT8,
                              .rows = 8,
                              .cols = 8,
                              .k_bytes = 8,
                              .a_pitch = 8,
                              .b_pitch = 8,
                              .o_pitch = 32,
                              .chain_o = way == CHAINED};
  tsr_me_context_t context;
  TSR_TRY(tsr_me_encode(&gemm, &context));
  if (way == BAD_CONTEXT) {
    context.row[0][0] |= 15; /* format */
  } else if (way == BAD_SHAPE) {
    context.row[1][4] = 2; /* K of A alone */
  }
  tsr_me_gemm_cmd(cmd, CTX, 0, FROM, FROM, 0, way == BAD_RANGE ? n->self.spm_bytes : TO);
  return tsr_me_set_context(&n->me, CTX, &context);
}

/* 16 INT32 values through all stages unchanged. */
static tsr_status_t pass(tsr_node_t *n, way_t way, tsr_cmd_t *cmd) {
  const tsr_agu_t one = tsr_agu_rows(1, 64, 0), two = tsr_agu_rows(2, 64, 64);
  const uint32_t base[TSR_VE_PORTS] = {FROM, 0, 0, way == BAD_RANGE ? n->self.spm_bytes : TO, 0};
  tsr_ve_context_t context = {.program = {0}};
  for (uint32_t s = 0; s < 8; s++) {
    context.program[2 * s + 1] = 4u << 3; /* OpPass to nowhere */
  }
  context.program[16 + 8] = TSR_FORMAT_INT32 | (1u << 4);
  context.program[16 + 11] = TSR_FORMAT_INT32 | (1u << 4) | (1u << 13); /* V0, an integer */
  if (way == BAD_CONTEXT) {
    context.program[0] |= 63; /* operation */
  } else if (way == CHAINED) {
    context.program[16 + 8] |= 1u << 14; /* I0 from the matrix engine */
  }
  TSR_TRY(tsr_agu_encode(&one, context.stream[TSR_VE_I0]));
  TSR_TRY(tsr_agu_encode(way == BAD_SHAPE ? &two : &one, context.stream[TSR_VE_O0]));
  tsr_ve_cmd(cmd, CTX, 0, base);
  return tsr_ve_set_context(&n->ve, CTX, &context);
}

/* Copy of 64 bytes. */
static tsr_status_t copy(tsr_node_t *n, way_t way, tsr_cmd_t *cmd) {
  const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {{.count = 1}};
  tsr_tdma_op_t op;
  TSR_TRY(tsr_tdma_copy(FROM, way == BAD_RANGE ? n->self.spm_bytes - 32 : TO, 64, loops, &op));
  uint32_t *config = op.row[TSR_TDMA_ROW_CONFIG];
  if (way == BAD_ZERO) {
    config[0] = 0;
  } else if (way == BAD_SHAPE) {
    config[7] += 1; /* iterations of the source */
  } else if (way == BAD_CONTEXT) {
    config[15] = 1; /* reserved */
  }
  tsr_tdma_cmd(cmd, CTX, 0, &op);
  return tsr_tdma_set_context(&n->tdma, CTX, &op);
}

/* A command of an engine and its context: good, or bad in one way. */
static tsr_status_t build(tsr_node_t *n, uint32_t engine, way_t way, uint64_t hbm, tsr_cmd_t *cmd) {
  tsr_status_t status = TSR_OK;
  switch (engine) {
    case TSR_ENGINE_ME:
      status = product(n, way, cmd);
      break;
    case TSR_ENGINE_VE:
      status = pass(n, way, cmd);
      break;
    case TSR_ENGINE_TDMA:
      status = copy(n, way, cmd);
      break;
    default:
      status = dma(n, engine == TSR_ENGINE_RDMA, way, hbm, cmd);
      break;
  }
  if (way == BAD_OPCODE) {
    cmd->w[TSR_CMD_W_OP] |= 0x7f;
  }
  return status;
}

/* Good work: word i of the result must be as expected. */
static bool works(tsr_node_t *n, uint32_t engine, uint64_t hbm) {
  tsr_cmd_t cmd;
  for (uint32_t i = 0; i < 64; i += 4) {
    tsr_spm_write(FROM + i, 0x01010101u * (i / 8 + 1));
    tsr_spm_write(TO + i, 0);
  }
  if (engine == TSR_ENGINE_RDMA && tsr_node_write(n, FROM, hbm, 64) != TSR_OK) {
    return false;
  }
  if (build(n, engine, GOOD, hbm, &cmd) != TSR_OK) {
    return false;
  }
  tsr_cmd_post(&cmd, 0, SEM, 1);
  if (tsr_node_push(n, engine, &cmd) != TSR_OK || tsr_node_wait(n, SEM, 1, TIMEOUT) != TSR_OK) {
    return false;
  }
  if (engine == TSR_ENGINE_WDMA && tsr_node_read(n, hbm, TO, 64) != TSR_OK) {
    return false;
  }
  for (uint32_t i = 0; i < 16; i++) {
    const uint32_t want =
        engine == TSR_ENGINE_ME ? 8 * (i / 8 + 1) * (i % 8 + 1) : tsr_spm_read(FROM + 4 * i);
    if (tsr_spm_read(TO + 4 * i) != want) {
      return false;
    }
  }
  return true;
}

/* Sleep in steps until the engine has stopped. */
static bool stops(tsr_node_t *n, uint32_t engine) {
  const uint64_t start = tsr_cycles();
  tsr_cmdq_state_t state;
  do {
    if (tsr_cmdq_state(&n->queue[engine], &state) != TSR_OK || tsr_cycles() - start > TIMEOUT) {
      return false;
    }
  } while (!state.stopped);
  return true;
}

static int try_way(tsr_node_t *n, uint32_t engine, way_t way, uint64_t hbm) {
  const uint16_t id = (uint16_t)(0x5000 + 16 * engine + way);
  const tsr_tile_t *regs = &n->regs;
  tsr_cmd_t cmd, behind;
  tsr_tile_error_t first, last;
  uint32_t left = 1;
  TSR_KERNEL_TRY(build(n, engine, way, hbm, &cmd), 1);
  cmd.w[TSR_CMD_W_OP] = (cmd.w[TSR_CMD_W_OP] & 0xffffu) | ((uint32_t)id << 16);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  TSR_KERNEL_TRY(tsr_node_push(n, engine, &cmd), 2);
  if (!stops(n, engine)) {
    return 3;
  }
  TSR_KERNEL_TRY(tsr_tile_errors(regs, &first, &last), 4);
  const tsr_tile_error_t *e = first.source == engine ? &first : &last;
  if (!e->valid || e->source != engine || e->code != codes[way] || e->cmd != id) {
    return 5;
  }
  tsr_cmd_init(&behind, TSR_OP_NOP, 0, 0); /* waits behind the stop, and is dropped */
  tsr_cmd_post(&behind, 0, SEM, 1);
  if (tsr_cmdq_push(&n->queue[engine], &behind) != TSR_OK) {
    return 6;
  }
  TSR_KERNEL_TRY(tsr_node_restart(n, engine), 7);
  TSR_KERNEL_TRY(tsr_tile_errors_clear(regs), 8);
  TSR_KERNEL_TRY(tsr_tile_irq_clear(regs, TSR_TILE_IRQ_ERROR), 8);
  if (tsr_tile_sem_read(regs, SEM, &left) != TSR_OK || left != 0) {
    return 9; /* the failed command, or the one behind it, posted */
  }
  return works(n, engine, hbm) ? 0 : 10;
}

/* A chain whose partner never comes, or is dropped with its queue: a restart frees the engine. What
 * is given up posts nothing. */
static int try_chain(tsr_node_t *n, uint32_t engine, bool dropped, uint64_t hbm) {
  const uint32_t other = engine == TSR_ENGINE_ME ? TSR_ENGINE_VE : TSR_ENGINE_ME;
  const tsr_tile_t *regs = &n->regs;
  tsr_cmd_t cmd, never;
  tsr_cmdq_state_t state;
  tsr_tile_error_t first, last;
  uint32_t left = 1;
  if (dropped) { /* what would be the partner waits for a semaphore */
    tsr_cmd_init(&never, TSR_OP_NOP, 0, 0);
    tsr_cmd_wait(&never, 0, SEM, 1);
    TSR_KERNEL_TRY(tsr_node_push(n, other, &never), 1);
  }
  TSR_KERNEL_TRY(build(n, engine, CHAINED, hbm, &cmd), 2);
  tsr_cmd_post(&cmd, 0, SEM, 1);
  TSR_KERNEL_TRY(tsr_node_push(n, engine, &cmd), 3);
  if (tsr_node_wait(n, SEM, 1, 2000) != TSR_TIMEOUT) {
    return 4;
  }
  TSR_KERNEL_TRY(tsr_cmdq_state(&n->queue[engine], &state), 5);
  if (!state.busy) {
    return 5;
  }
  if (dropped) {
    TSR_KERNEL_TRY(tsr_cmdq_flush(&n->queue[other]), 6);
  }
  TSR_KERNEL_TRY(tsr_node_restart(n, engine), 7);
  TSR_KERNEL_TRY(tsr_tile_errors(regs, &first, &last), 8);
  if (first.valid || tsr_tile_sem_read(regs, SEM, &left) != TSR_OK || left != 0) {
    return 8;
  }
  return works(n, TSR_ENGINE_ME, hbm) && works(n, TSR_ENGINE_VE, hbm) ? 0 : 9;
}

int kernel_main(const tsr_launch_t *launch);
int kernel_main(const tsr_launch_t *launch) {
  const tsr_selftest_args_t *args = (const tsr_selftest_args_t *)(const void *)launch->args;
  tsr_node_t *n = tsr_self();
  const uint64_t hbm = args->address + TSR_SELFTEST_BYTES * tsr_tile_index(launch);
  int result = 0;
  TSR_KERNEL_TRY(tsr_tile_errors_enable(&n->regs, 0, false, false), 1);
  for (uint32_t engine = 0; engine < TSR_ENGINES && result == 0; engine++) {
    for (uint32_t way = 0; way < WAYS && result == 0; way++) {
      if ((ways[engine] & BIT(way)) != 0) {
        const int bad = try_way(n, engine, (way_t)way, hbm);
        result = bad == 0 ? 0 : (int)(100 * (engine + 1) + 10 * (way + 1)) + bad;
      }
    }
    for (uint32_t dropped = 0; dropped < 2 && result == 0; dropped++) {
      if (engine == TSR_ENGINE_ME || engine == TSR_ENGINE_VE) {
        const int bad = try_chain(n, engine, dropped != 0, hbm);
        result = bad == 0 ? 0 : (int)(100 * (engine + 1) + 10 * (WAYS + 1 + dropped)) + bad;
      }
    }
  }
  TSR_KERNEL_TRY(tsr_tile_errors_enable(&n->regs, (1u << TSR_ENGINES) - 1, false, false), 1);
  return result;
}
