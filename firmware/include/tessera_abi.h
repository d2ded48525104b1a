/* SPDX-License-Identifier: Apache-2.0 */
/* What the host, the ctl firmware and the tile firmware promise each other. Plain C11, also read by
 * C++. All fields little endian. Addresses are 56-bit global addresses in 64-bit fields. */
#ifndef TESSERA_ABI_H
#define TESSERA_ABI_H

#include <stdint.h>

/* ---- Boot image, written by the host into HBM at any 256-byte aligned address ------------------
 * It must stay there as it is while the chip runs: tiles are reloaded from it after a fault. */

#define TSR_IMAGE_MAGIC 0x49525354u /* "TSRI" */
#define TSR_IMAGE_VERSION 1u
#define TSR_IMAGE_MAX_SEGMENTS 14u
#define TSR_IMAGE_MAX_BYTES (1u << 20)

enum { TSR_TARGET_CTL = 0, TSR_TARGET_TILES = 1 };

typedef struct {
  uint32_t target; /* TSR_TARGET_* */
  uint32_t dest;   /* node-local destination, multiple of 64: ITCM 0x0..0xffff, or DTCM from 0x10000
                      up to 0x1c000 (ctl) or 0x1fe00 (tiles) */
  uint32_t offset; /* from the start of the image, multiple of 64 */
  uint32_t bytes;  /* multiple of 64, padded with zeros */
} tsr_image_segment_t;

/* 256 bytes. Segments follow at their offsets. */
typedef struct {
  uint32_t magic;
  uint32_t version;
  uint32_t total_bytes; /* header and segments, multiple of 4 */
  uint32_t crc32;       /* IEEE 802.3 (zlib) over bytes 16..total_bytes */
  uint32_t ctl_entry;
  uint32_t tile_entry;
  uint32_t segment_count;
  uint32_t reserved;
  tsr_image_segment_t segments[TSR_IMAGE_MAX_SEGMENTS];
} tsr_image_header_t;

/* ---- Mailbox: ctl registers MBOX (regs/mailbox.toml) ------------------------------------------
 */

enum {
  TSR_MBOX_BOOT = 1, /* ARG0/ARG1 = HBM address of the boot image (low, high) */
  TSR_MBOX_RING_BASE =
      2, /* ARG0/ARG1 = HBM address of the command ring; after boot, before any doorbell */
  /* ARG0 = ring tail: index one past the newest command. Indices count up and wrap at
   * TSR_RING_ENTRIES or at 2^32; at most TSR_RING_ENTRIES - 1 commands may wait. */
  TSR_MBOX_DOORBELL = 3
};

/* Word that the firmware shows in MBOX STATUS. */
enum {
  TSR_STATUS_RESET = 0,
  TSR_STATUS_ROM = 1,       /* boot ROM runs */
  TSR_STATUS_HBM_READY = 2, /* HBM initialized, waiting for the image */
  TSR_STATUS_LOADING = 3,
  TSR_STATUS_READY = 4,   /* tiles run, ctl accepts RING_BASE and then commands */
  TSR_STATUS_FATAL = 0x80 /* | TSR_FATAL_* << 8 */
};
enum {
  TSR_FATAL_TRAP = 1, /* ctl core trapped: MBOX DETAIL0 = cause, DETAIL1 = pc, DETAIL2 = address */
  /* Bad image: DETAIL0 = 1 magic, 2 version, 3 total_bytes, 4 segment_count, 5 entry, 6 CRC
   * (DETAIL1 = computed, DETAIL2 = given), 7 image address, 16 + i segment i. The ROM goes on:
   * another BOOT command tries again. */
  TSR_FATAL_IMAGE = 2,
  TSR_FATAL_HBM = 3, /* memory node did not initialize: DETAIL0 = index */
  /* DMA error while loading: DETAIL0 = network error | command error << 8, DETAIL1/2 = address. The
   * ROM goes on as above. */
  TSR_FATAL_DMA = 4,
  TSR_FATAL_CONFIG = 5, /* the chip's configuration registers make no sense */
  TSR_FATAL_TILE = 6    /* tiles did not start: DETAIL0/1 = map, bit y * 8 + x */
};

/* ---- Command ring in HBM: TSR_RING_ENTRIES commands, then as many completions ------------------
 */

#define TSR_RING_ENTRIES 64u

enum { TSR_CMD_LAUNCH = 1 };

#define TSR_ARGS_MAX 192u
#define TSR_LAUNCH_TIMEOUT_DEFAULT 20000000u

/* 256 bytes. */
typedef struct {
  uint32_t opcode;        /* TSR_CMD_* */
  uint32_t sequence;      /* copied into the completion; not 0 */
  uint32_t kernel_pc;     /* entry point in tile ITCM: int kernel(const tsr_launch_t *launch) */
  uint32_t args_bytes;    /* 0..TSR_ARGS_MAX */
  uint8_t x0, y0, x1, y1; /* rectangle of tiles, inclusive */
  uint32_t timeout;       /* cycles, 0 = TSR_LAUNCH_TIMEOUT_DEFAULT */
  uint32_t reserved[10];
  uint8_t args[TSR_ARGS_MAX];
} tsr_command_t;

enum {
  TSR_DONE_OK = 0,
  TSR_DONE_KERNEL_FAILED = 1, /* a kernel returned non-zero: tile_x/y, value */
  TSR_DONE_FAULT = 2,         /* a tile faulted: the record below */
  TSR_DONE_TIMEOUT = 3,       /* tile_x/y = first tile that did not finish */
  TSR_DONE_BAD_COMMAND = 4    /* value = index of the bad field's word */
};

enum {
  TSR_FAULT_NONE = 0,
  TSR_FAULT_TRAP = 1,   /* core trap: cause, pc, address = mtval */
  TSR_FAULT_ENGINE = 2, /* engine error: cause = tsr_cmd_err, engine, command_id, info, address */
  TSR_FAULT_ACCESS = 3  /* refused or unmapped access recorded by the network interface */
};

/* 64 bytes, completion record and fault record in one; written before the host interrupt. */
typedef struct {
  uint32_t sequence; /* 0 = not written yet; sequences start at 1 */
  uint32_t status;   /* TSR_DONE_* */
  uint32_t value;    /* kernel's return value */
  uint8_t tile_x, tile_y;
  uint8_t fault;  /* TSR_FAULT_* */
  uint8_t engine; /* 0 RDMA, 1 WDMA, 2 ME */
  uint32_t cause;
  uint32_t pc;
  uint32_t address_lo, address_hi;
  uint32_t command_id;
  uint32_t info;                 /* network error code of a bus error */
  uint32_t cycles_lo, cycles_hi; /* from launch to completion */
  uint32_t reserved[4];
} tsr_completion_t;

/* ---- Launch descriptor: ctl writes it to every tile's DTCM, then rings the tile doorbell -------
 */

#define TSR_LAUNCH_DTCM_OFFSET \
  0xfe00u /* offset of tsr_launch_t in DTCM; DTCM 0xfe00..0xffff is reserved */

/* 256 bytes. */
typedef struct {
  uint32_t sequence;
  uint32_t kernel_pc;
  uint32_t args_bytes;
  uint8_t x0, y0, x1, y1; /* the launched rectangle */
  uint32_t reserved[12];
  uint8_t args[TSR_ARGS_MAX];
} tsr_launch_t;

/* DTCM 0xff00..0xffff: trace ring of the tile runtime. Word 0 counts the entries written; entry n
 * is word 1 + n % TSR_TRACE_ENTRIES. */
#define TSR_TRACE_DTCM_OFFSET 0xff00u
#define TSR_TRACE_ENTRIES 63u

/* Semaphores of the ctl node that tiles post: FAULT (when not all is well), then DONE. A fault
 * posts TSR_CTL_FAULT_WEIGHT times DONE, so that ctl need not wait for the other tiles. */
enum { TSR_CTL_SEM_DONE = 15, TSR_CTL_SEM_FAULT = 14 };
#define TSR_CTL_FAULT_WEIGHT 128u

/* SCRATCH word TSR_SCRATCH_STATE, bits 7:0. */
enum { TSR_TILE_IDLE = 1, TSR_TILE_RUNNING = 2, TSR_TILE_DONE = 3, TSR_TILE_FAULT = 4 };

/* Tile status, left by the tile runtime in tile registers SCRATCH0..7 before it posts. Before ctl
 * starts a tile's core it leaves its own coordinate (x | y << 8) in VALUE. */
enum {
  TSR_SCRATCH_STATE = 0, /* TSR_TILE_*; with TSR_TILE_FAULT also tsr_completion_t.fault << 8 */
  TSR_SCRATCH_VALUE = 1, /* kernel's return value */
  TSR_SCRATCH_CAUSE = 2,
  TSR_SCRATCH_PC = 3,
  TSR_SCRATCH_ADDRESS = 4, /* low, high */
  TSR_SCRATCH_ENGINE = 6,  /* engine | info << 8 | command id << 16 */
  TSR_SCRATCH_SEQUENCE = 7
};

/* ---- GEMM kernel arguments: C[M][N] = act(A[M][K] * B[N][K]^T + bias[N]) -----------------------
 */

/* Results are rounded once, unless a row of A or B has more than TSR_GEMM_WHOLE_K_BYTES bytes: then
 * sums are rounded to FP32 (INT32: exact) after every TSR_GEMM_SPLIT_K_BYTES bytes of K. */
#define TSR_GEMM_WHOLE_K_BYTES 8192u
#define TSR_GEMM_SPLIT_K_BYTES 2048u

/* Return values of kernel_gemm besides 0. */
enum {
  TSR_GEMM_BAD_SHAPE = 1,
  TSR_GEMM_BAD_FORMAT = 2,
  TSR_GEMM_NO_MEMORY = 3,
  TSR_GEMM_HARDWARE = 4
};

enum { TSR_GEMM_BF16 = 0, TSR_GEMM_INT8 = 1 };
/* NO_SHARE: every tile reads all of its operands itself instead of sharing them by multicast. */
enum { TSR_GEMM_RELU = 1, TSR_GEMM_BIAS = 2, TSR_GEMM_OUT_BF16 = 4, TSR_GEMM_NO_SHARE = 8 };

typedef struct {
  uint32_t m, n, k;       /* elements, any positive size */
  uint32_t format;        /* TSR_GEMM_BF16 / INT8 */
  uint32_t flags;         /* TSR_GEMM_RELU | ... */
  uint32_t lda, ldb, ldc; /* row pitch in bytes */
  uint64_t a, b, bias, c; /* global addresses; bias: N FP32 (or INT32) values */
} tsr_gemm_args_t;

#endif
