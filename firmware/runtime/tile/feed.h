/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the command queues of a tile filled. A kernel gives a source of commands for each engine
 * that it uses; the feeder asks the sources while there is room, gives every shape a context, and
 * sleeps while all queues are full or all sources wait. Order between engines comes from semaphores
 * alone.
 *
 * Contexts are a cache: a command names its shape by a key, and the encoder writes a context when
 * no one holds that shape. A context is replaced only after the last command that used it is done;
 * the one used longest ago goes first. Engines that are used at the same time may share contexts
 * only if they read different rows: ME, RDMA and WDMA may; VE and TDMA need their own. The
 * runtime's blocking helpers write context 7: a kernel that uses it calls none of them meanwhile.
 */
#ifndef TSR_RUNTIME_TILE_FEED_H
#define TSR_RUNTIME_TILE_FEED_H

#include "runtime/common/node.h"

#define TSR_FEED_CONTEXTS TSR_CONTEXTS
#define TSR_FEED_ARGS 10u

/* A command that a source gives. Where a source sets nothing, the values of its command before
 * hold; `overlap` starts as false. */
typedef struct {
  uint32_t op;                    /* TSR_OP_*; TSR_OP_NOP needs no context */
  uint32_t key;                   /* shape: equal keys mean equal contexts */
  uint32_t waits, posts;          /* two tsr_cmd_sem() each; post 0 may have TSR_CMD_POST_REMOTE */
  uint32_t post_rect, mcast_rect; /* tsr_cmd_rect() of a remote post, of TSR_OP_MCAST */
  uint32_t args;                  /* how many of arg[] count */
  uint32_t arg[TSR_FEED_ARGS];    /* command words from TSR_CMD_W_ARG0 on */
  bool overlap;                   /* TSR_CMD_OVERLAP */
} tsr_feed_cmd_t;

typedef enum {
  TSR_FEED_COMMAND, /* *cmd is the next command */
  TSR_FEED_LATER,   /* nothing now: ask again after another engine went on */
  TSR_FEED_END      /* nothing any more */
} tsr_feed_next_t;

typedef struct {
  void *state; /* first argument of the functions */
  tsr_feed_next_t (*next)(void *state, tsr_feed_cmd_t *cmd);
  /* Write the shape `key` into context `ctx`. The key alone, or what it leads to, describes it: the
   * source may have gone on. */
  tsr_status_t (*encode)(void *state, uint32_t key, uint32_t ctx);
  uint32_t first_context, contexts; /* the engine's; first + contexts <= TSR_FEED_CONTEXTS */
  uint32_t ahead; /* with so many unfinished commands the other engines go first; 0 = takes turns */
} tsr_feed_source_t;

/* One engine's part; internal. */
typedef struct {
  tsr_feed_source_t source;
  tsr_cmdq_t *queue;
  bool active;  /* not ended */
  bool pending; /* cmd waits for room or a context */
  tsr_feed_cmd_t cmd;
  uint32_t free;                     /* entries known to be free */
  uint32_t pushed, done, first_done; /* commands; done is what was last read */
  uint32_t used;                     /* contexts that hold a shape */
  uint32_t key[TSR_FEED_CONTEXTS];
  uint32_t last[TSR_FEED_CONTEXTS]; /* value of pushed after the last command that used it */
} tsr_feed_engine_t;

typedef struct {
  tsr_node_t *node;
  tsr_feed_engine_t engine[TSR_ENGINES];
} tsr_feed_t;

/* No engine is used yet. The queues must be empty, and the counters must not be cleared before the
 * feeder has ended. */
void tsr_feed_init(tsr_feed_t *feed, tsr_node_t *node);

/* Use an engine. */
TSR_MUST_USE tsr_status_t tsr_feed_use(tsr_feed_t *feed, uint32_t engine,
                                       const tsr_feed_source_t *source);

/* Push one command of an engine if there is one, and room. For a kernel that orders its first
 * commands itself, before tsr_feed_run(). @param pushed result. */
TSR_MUST_USE tsr_status_t tsr_feed_one(tsr_feed_t *feed, uint32_t engine, bool *pushed);

/* Push everything until all sources have ended. Commands may still run on return: the kernel waits
 * for the semaphore that its last one posts. @return TSR_FAILED if an engine has stopped (where
 * errors do not trap), or what an encoder returned. */
TSR_MUST_USE tsr_status_t tsr_feed_run(tsr_feed_t *feed);

#endif
