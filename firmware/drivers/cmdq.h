/* SPDX-License-Identifier: Apache-2.0 */
/* Command queue of one engine: builds 64-byte commands and pushes them. */
#ifndef TSR_DRIVERS_CMDQ_H
#define TSR_DRIVERS_CMDQ_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "hal/soc.h"
#include "hal/status.h"

#define TSR_CMD_WORDS 16u
#define TSR_CMDQ_DEPTH 8u

/* Words of a command, see tsr_tile_pkg.sv. */
enum {
  TSR_CMD_W_OP = 0,
  TSR_CMD_W_WAITS = 1,
  TSR_CMD_W_POSTS = 2,
  TSR_CMD_W_POST_RECT = 3,
  TSR_CMD_W_MCAST_RECT = 4,
  TSR_CMD_W_ARG0 = 5,    /* DMA source low;       ME A;  VE I0; TDMA source */
  TSR_CMD_W_ARG1 = 6,    /* DMA source high;      ME B;  VE I1; TDMA destination */
  TSR_CMD_W_ARG2 = 7,    /* DMA destination low;  ME C;  VE I2; TDMA indexes */
  TSR_CMD_W_ARG3 = 8,    /* DMA destination high, of a spread read what listeners post;
                            ME O;  VE O0 */
  TSR_CMD_W_PATTERN = 9, /* fill pattern;                VE O1 */
  TSR_CMD_W_ARG5 = 10,   /* ME scales of A;              VE constant 0 */
  TSR_CMD_W_ARG6 = 11    /* ME scales of B;              VE constant 1, and so on up to word 14 */
};

enum {
  TSR_OP_NOP = 0x00,
  TSR_OP_DMA_READ = 0x01,  /* RDMA: global -> scratchpad */
  TSR_OP_SPM_FILL = 0x02,  /* RDMA: pattern -> scratchpad */
  TSR_OP_SPREAD = 0x03,    /* RDMA: HBM -> scratchpad of every node of a rectangle */
  TSR_OP_DMA_WRITE = 0x11, /* WDMA: scratchpad -> global */
  TSR_OP_MCAST = 0x12,     /* WDMA: scratchpad -> node-local offset of a rectangle */
  TSR_OP_DMA_FILL = 0x13,  /* WDMA: pattern -> global */
  TSR_OP_GEMM = 0x21,      /* ME */
  TSR_OP_VEC = 0x31,       /* VE */
  TSR_OP_TCOPY = 0x41,     /* TDMA: strided copy, any byte alignment */
  TSR_OP_TTRANS = 0x42,    /* TDMA: transpose */
  TSR_OP_TGATHER = 0x43,   /* TDMA: rows named by indexes -> packed rows */
  TSR_OP_TSCATTER = 0x44,  /* TDMA: packed rows -> rows named by indexes */
  TSR_OP_TFILL = 0x45      /* TDMA: pattern */
};

/* Why a command failed. */
typedef enum {
  TSR_CMD_OK = 0,
  TSR_CMD_ERR_OPCODE = 1,
  TSR_CMD_ERR_CONTEXT = 2,
  TSR_CMD_ERR_ZERO = 3,
  TSR_CMD_ERR_SHAPE = 4,
  TSR_CMD_ERR_RANGE = 5,
  TSR_CMD_ERR_BUS = 6
} tsr_cmd_err_t;

/* A command as the hardware reads it. Build it with tsr_cmd_init() and the setters. */
typedef struct {
  uint32_t w[TSR_CMD_WORDS];
} tsr_cmd_t;

/* Queue of one engine of the own node, with what the staging words hold. */
typedef struct {
  tsr_mmio_t staging;
  tsr_mmio_t regs;
  uint32_t engine;
  bool known; /* shadow is what the staging words hold */
  uint32_t shadow[TSR_CMD_WORDS];
} tsr_cmdq_t;

typedef struct {
  uint32_t free; /* entries, 0..TSR_CMDQ_DEPTH */
  bool busy;     /* commands queued or running */
  bool stopped;  /* stopped on an error until flushed */
} tsr_cmdq_state_t;

/* An empty command: operation, context 0..7, no waits, posts or interrupt. */
static inline void tsr_cmd_init(tsr_cmd_t *cmd, uint32_t op, uint32_t ctx, uint32_t id) {
  cmd->w[0] = op | ((ctx & 7u) << 8) | (id << 16);
  for (uint32_t i = 1; i < TSR_CMD_WORDS; i++) {
    cmd->w[i] = 0;
  }
}

/* Interrupt the core when done. */
static inline void tsr_cmd_irq(tsr_cmd_t *cmd) { cmd->w[0] |= 1u << 11; }

/* May run while the engine's command before is unfinished (RDMA reads, ME, VE): it does not read
 * what that one writes, nor write what that one reads or, with RDMA, writes. */
#define TSR_CMD_OVERLAP (1u << 12)
static inline void tsr_cmd_overlap(tsr_cmd_t *cmd) { cmd->w[0] |= TSR_CMD_OVERLAP; }

/* A wait or post in its 16 bits: semaphore, enable, amount (1..255). */
static inline uint32_t tsr_cmd_sem(uint32_t sem, uint32_t n) { return sem | (1u << 4) | (n << 8); }
#define TSR_CMD_POST_REMOTE (1u << 5) /* of post 0: to every node of the post rectangle */

/* Wait `slot` (0, 1): take n (1..255) from semaphore `sem` before the start. */
static inline void tsr_cmd_wait(tsr_cmd_t *cmd, uint32_t slot, uint32_t sem, uint32_t n) {
  cmd->w[1] = (cmd->w[1] & ~(0xffffu << (16 * slot))) | (tsr_cmd_sem(sem, n) << (16 * slot));
}

/* Post `slot` (0, 1): add n (1..255) to the own semaphore `sem` when done. */
static inline void tsr_cmd_post(tsr_cmd_t *cmd, uint32_t slot, uint32_t sem, uint32_t n) {
  cmd->w[2] = (cmd->w[2] & ~(0xffffu << (16 * slot))) | (tsr_cmd_sem(sem, n) << (16 * slot));
}

/* Rectangle as a command word. */
static inline uint32_t tsr_cmd_rect(tsr_rect_t rect) {
  return rect.x0 | ((uint32_t)rect.y0 << 8) | ((uint32_t)rect.x1 << 16) | ((uint32_t)rect.y1 << 24);
}

/* Post 0: add n (1..255) to semaphore `sem` of every node of a rectangle when done. */
static inline void tsr_cmd_post_remote(tsr_cmd_t *cmd, tsr_rect_t rect, uint32_t sem, uint32_t n) {
  tsr_cmd_post(cmd, 0, sem, n);
  cmd->w[2] |= TSR_CMD_POST_REMOTE;
  cmd->w[3] = tsr_cmd_rect(rect);
}

/* Bind the handle to an engine of the own node. @param node_base 0, or a mock's base. */
TSR_MUST_USE tsr_status_t tsr_cmdq_init(tsr_cmdq_t *h, uint32_t node_base, uint32_t engine);

/* State of the queue. @param state result. */
TSR_MUST_USE tsr_status_t tsr_cmdq_state(const tsr_cmdq_t *h, tsr_cmdq_state_t *state);

/* Push a command: writes the words that differ from what staging holds, then word 15.
 * @return TSR_BUSY if the queue is full. */
TSR_MUST_USE tsr_status_t tsr_cmdq_push(tsr_cmdq_t *h, const tsr_cmd_t *cmd);

/* As tsr_cmdq_push() for a caller that knows of a free entry: a full queue would trap the core. */
void tsr_cmdq_push_free(tsr_cmdq_t *h, const tsr_cmd_t *cmd);

/* For loops that push often: set single staging words (0..14) of the next command, then go. Only
 * words that differ are written. All words count, those of earlier commands too. The caller knows
 * of a free entry: a push into a full queue traps the core. */
static inline void tsr_cmdq_stage(tsr_cmdq_t *h, uint32_t word, uint32_t value) {
  if (h->shadow[word] != value) {
    h->shadow[word] = value;
    tsr_mmio_write(h->staging, 4 * word, value);
  }
}
static inline void tsr_cmdq_go(const tsr_cmdq_t *h) {
  tsr_mmio_write(h->staging, 4 * (TSR_CMD_WORDS - 1), 0);
}

/* Make the staging words those of an empty command, before the first tsr_cmdq_stage(). */
TSR_MUST_USE tsr_status_t tsr_cmdq_clear(tsr_cmdq_t *h);

/* State of all queues of the node with one look. */
TSR_MUST_USE tsr_status_t tsr_cmdq_states(const tsr_cmdq_t *h,
                                          tsr_cmdq_state_t states[TSR_ENGINES]);

/* Drop queued commands and clear a stop. The command that runs is finished by the engine. */
TSR_MUST_USE tsr_status_t tsr_cmdq_flush(const tsr_cmdq_t *h);

#endif
