/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to hang, to be told apart. */
#include "apps/apps_abi.h"
#include "runtime/tessera_tile.h"

#define SEM_NEVER 5u /* nobody posts it */
#define SEM_A 6u
#define SEM_B 7u

int kernel_main(const tsr_launch_t *launch);
void stuck_loop(void);

/* A command that does nothing, but waits before and posts after. */
static void command(tsr_cmd_t *cmd, uint32_t id, uint32_t wait, uint32_t post) {
  tsr_cmd_init(cmd, TSR_OP_NOP, 0, id);
  tsr_cmd_wait(cmd, 0, wait, 1);
  tsr_cmd_post(cmd, 0, post, 1);
}

static tsr_status_t missing_post(tsr_node_t *node) {
  tsr_cmd_t cmd;
  command(&cmd, 1, SEM_NEVER, SEM_A);
  TSR_TRY(tsr_node_push(node, TSR_ENGINE_RDMA, &cmd));
  return tsr_node_wait(node, SEM_A, 1, 0);
}

static tsr_status_t full_queue(tsr_node_t *node) {
  tsr_cmd_t cmd;
  for (uint32_t id = 0;; id++) {
    command(&cmd, id, SEM_NEVER, SEM_A);
    TSR_TRY(tsr_node_push(node, TSR_ENGINE_ME, &cmd));
  }
}

static tsr_status_t circle(tsr_node_t *node) {
  tsr_cmd_t cmd;
  command(&cmd, 1, SEM_A, SEM_B);
  TSR_TRY(tsr_node_push(node, TSR_ENGINE_RDMA, &cmd));
  command(&cmd, 2, SEM_B, SEM_A);
  TSR_TRY(tsr_node_push(node, TSR_ENGINE_WDMA, &cmd));
  return tsr_node_wait(node, SEM_NEVER, 1, 0);
}

/* Reads memory until it does not answer. */
static tsr_status_t reads(tsr_node_t *node, uint64_t address) {
  for (uint32_t at = 0;; at = (at + 4096) % 65536) {
    TSR_TRY(tsr_node_read(node, address + at, 0, 4096));
  }
}

__attribute__((noinline)) void stuck_loop(void) {
  for (;;) {
    tsr_barrier();
  }
}

int kernel_main(const tsr_launch_t *launch) {
  const tsr_stuck_args_t *args = (const tsr_stuck_args_t *)(const void *)launch->args;
  tsr_node_t *node = tsr_self();
  switch (args->kind) {
    case TSR_STUCK_MISSING_POST:
      TSR_KERNEL_TRY(missing_post(node), 1);
      break;
    case TSR_STUCK_FULL_QUEUE:
      TSR_KERNEL_TRY(full_queue(node), 1);
      break;
    case TSR_STUCK_CIRCLE:
      TSR_KERNEL_TRY(circle(node), 1);
      break;
    case TSR_STUCK_READS:
      TSR_KERNEL_TRY(reads(node, args->address_lo), 1);
      break;
    default:
      stuck_loop();
  }
  return 0;
}
