/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of the test kernels (args of tsr_command_t). Plain C11, also read by C++. */
#ifndef TSR_APPS_ABI_H
#define TSR_APPS_ABI_H

#include <stdint.h>

/* hello: every tile writes TSR_HELLO_WORD + index to address + 4 * index. */
#define TSR_HELLO_WORD 0x48454c00u
typedef struct {
  uint64_t address;
  uint32_t return_index; /* 1: the kernel returns its index instead of 0 */
  uint32_t reserved;
} tsr_hello_args_t;

/* memcpy: tiles copy equal shares of `bytes` bytes through their scratchpads. */
typedef struct {
  uint64_t src, dst;
  uint32_t bytes;
  uint32_t reserved;
} tsr_memcpy_args_t;

/* fault_trap: what traps. */
enum {
  TSR_TRAP_ILLEGAL = 0,    /* instruction of all zeros */
  TSR_TRAP_LOAD = 1,       /* load from a hole of the node's address map */
  TSR_TRAP_STORE = 2,      /* store to a read-only place: the window of an unmapped HBM address */
  TSR_TRAP_MISALIGNED = 3, /* load of a word from an odd address */
  TSR_TRAP_FETCH = 4       /* jump into the data memory */
};
typedef struct {
  uint32_t kind; /* TSR_TRAP_* */
} tsr_fault_trap_args_t;

/* selftest: returns the number of the step that failed. */
typedef struct {
  uint64_t address; /* 4 KiB of HBM for each tile of the rectangle */
} tsr_selftest_args_t;
#define TSR_SELFTEST_BYTES 4096u

/* recover: every engine fails in every way and is restarted; arguments of selftest. Returns 0, or
 * 100 * engine + 10 * way + check, see apps/recover.c. */

/* misbehave: the tile with this index (TSR_MISBEHAVE_ALL: every tile) does what `kind` says; the
 * others write TSR_HELLO_WORD + index to address + 4 * index. */
enum {
  TSR_MISBEHAVE_NOT = 0,             /* does good work too */
  TSR_MISBEHAVE_RETURN = 1,          /* returns 77 */
  TSR_MISBEHAVE_TRAP = 2,            /* illegal instruction */
  TSR_MISBEHAVE_OPCODE = 3,          /* command that no engine knows, id 0x1234 */
  TSR_MISBEHAVE_CONTEXT = 4,         /* matrix product of an illegal context, id 0x55 */
  TSR_MISBEHAVE_READ_UNMAPPED = 5,   /* DMA from beyond the end of HBM */
  TSR_MISBEHAVE_WRITE_UNMAPPED = 6,  /* DMA to beyond the end of HBM */
  TSR_MISBEHAVE_READ_FORBIDDEN = 7,  /* DMA from node (0, 0)'s scratchpad */
  TSR_MISBEHAVE_WRITE_FORBIDDEN = 8, /* DMA to node (0, 0)'s registers */
  TSR_MISBEHAVE_ZERO = 9,            /* DMA of no bytes */
  TSR_MISBEHAVE_RANGE = 10,          /* DMA over the end of the scratchpad */
  TSR_MISBEHAVE_BURST = 11, /* trap with all queues full; writes to address + 64 KiB .. + 128 KiB */
  TSR_MISBEHAVE_SPIN = 12,  /* never returns, busy */
  TSR_MISBEHAVE_SLEEP = 13, /* never returns, asleep */
  TSR_MISBEHAVE_WRECK = 14, /* destroys its program; never returns */
  TSR_MISBEHAVE_VE_CONTEXT = 15, /* vector command of an illegal context, id 0x56 */
  TSR_MISBEHAVE_TDMA_ZERO = 16   /* layout command of no bytes, id 0x57 */
};
#define TSR_MISBEHAVE_ALL 0xffffffffu
typedef struct {
  uint64_t address;
  uint32_t kind; /* TSR_MISBEHAVE_* */
  uint32_t index;
} tsr_misbehave_args_t;

/* parade: every engine works once, then a DMA fails. */
typedef struct {
  uint64_t address; /* 1 KiB of HBM: read, then written */
} tsr_parade_args_t;

/* stuck: tiles hang in the way that `kind` says. */
enum {
  TSR_STUCK_MISSING_POST = 0, /* RDMA waits for semaphore 5, which nobody posts */
  TSR_STUCK_FULL_QUEUE =
      1,                /* the core pushes into the full queue of the ME, whose head waits for it */
  TSR_STUCK_CIRCLE = 2, /* RDMA waits for the WDMA, and the WDMA for the RDMA */
  TSR_STUCK_LOOP = 3,   /* function stuck_loop */
  TSR_STUCK_READS = 4   /* reads 64 KiB at `address_lo` of HBM, again and again */
};
typedef struct {
  uint32_t kind; /* TSR_STUCK_* */
  uint32_t address_lo;
} tsr_stuck_args_t;

/* spread: the tile with index `reader` reads `bytes` bytes at `src` for all tiles of the launch;
 * each writes what arrived to dst + index * bytes. */
typedef struct {
  uint64_t src, dst;
  uint32_t bytes; /* 1..128 KiB */
  uint32_t reader;
} tsr_spread_args_t;

/* atomics: every tile adds 1 to `counter` (a global address) `rounds` times, then its index to the
 * maximum at counter + 4, and exchanges its index + 1 with counter + 8. Writes the sum of the old
 * values of the counter and what it got in exchange to out + 8 * index. */
typedef struct {
  uint64_t counter;
  uint64_t out;
  uint32_t rounds;
  uint32_t reserved;
} tsr_atomics_args_t;

/* protect: one access that the tile may or may not be allowed. It returns 0 whatever comes of it;
 * the error log is left as the hardware wrote it. */
enum {
  TSR_PROTECT_LOAD = 0,      /* core, word at a global address */
  TSR_PROTECT_STORE = 1,     /* likewise; stores TSR_PROTECT_WORD */
  TSR_PROTECT_LOAD_OWN = 2,  /* core, word at an address as the core sees it */
  TSR_PROTECT_STORE_OWN = 3, /* likewise */
  TSR_PROTECT_RDMA = 4,      /* 64 bytes from a global address */
  TSR_PROTECT_WDMA = 5,      /* 64 bytes of TSR_PROTECT_WORD to a global address */
  TSR_PROTECT_FILL = 6,      /* likewise, without the scratchpad */
  TSR_PROTECT_MCAST = 7,     /* likewise to a node-local offset of the rectangle */
  TSR_PROTECT_POST = 8,      /* core, semaphore 5 of the rectangle's first node */
  TSR_PROTECT_POST_RECT = 9, /* command, semaphore 5 of the rectangle */
  /* Engines, `address` is the scratchpad offset of their result (WDMA: source), 64 bytes. */
  TSR_PROTECT_SPM_RDMA = 10,
  TSR_PROTECT_SPM_WDMA = 11,
  TSR_PROTECT_SPM_ME = 12,
  TSR_PROTECT_SPM_VE = 13,
  TSR_PROTECT_SPM_TDMA = 14,
  TSR_PROTECT_SPREAD = 15, /* 64 bytes of HBM to TSR_PROTECT_LANDING of the rectangle */
  TSR_PROTECT_ATOMIC = 16  /* adds TSR_PROTECT_WORD at a global address; `stopped` if it failed */
};
#define TSR_PROTECT_WORD 0xbad0bad0u
#define TSR_PROTECT_ID 0x77u        /* of commands */
#define TSR_PROTECT_RESULT 0x8000u  /* scratchpad offset of the result */
#define TSR_PROTECT_LANDING 0x8100u /* where reads go */
typedef struct {
  uint64_t address;
  uint32_t kind;
  uint32_t rect; /* x0 | y0 << 8 | x1 << 16 | y1 << 24 */
  uint64_t open; /* HBM that the tile may reach, for TSR_PROTECT_SPM_* */
} tsr_protect_args_t;
typedef struct {
  uint32_t trapped, cause, value; /* the core's trap */
  uint32_t stopped;               /* an engine stopped on an error */
  uint32_t word;                  /* what was loaded */
} tsr_protect_result_t;

/* compute: every core hashes a table in its data memory `rounds` times: for the simulation speed of
 * firmware. Returns 1 if the hash is not `expected` (0: any is right). */
#define TSR_COMPUTE_WORDS 1024u
typedef struct {
  uint32_t rounds;
  uint32_t expected;
} tsr_compute_args_t;

/* me_loop: the matrix engine multiplies rows x k by cols x k in the scratchpad, `repeat` times,
 * without memory traffic. Results are not checked. Writes the cycles it took and the multiply-adds
 * counted by the engine to address + 16 * index (two 64-bit words), if address is not 0. */
typedef struct {
  uint64_t address;
  uint32_t rows, cols, k; /* elements; operands must fit the scratchpad */
  uint32_t format;        /* TSR_FORMAT_* of the matrix engine */
  uint32_t repeat;
  uint32_t reserved;
} tsr_me_loop_args_t;

#endif
