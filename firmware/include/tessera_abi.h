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
  /* Tiles run, ctl accepts RING_BASE and then commands. Shown again after links have died:
   * DETAIL0 = links, DETAIL1 = cycles taken, DETAIL2/3 = map of the tiles in use. */
  TSR_STATUS_READY = 4,
  TSR_STATUS_FATAL = 0x80 /* | TSR_FATAL_* << 8 */
};
enum {
  TSR_FATAL_TRAP = 1, /* ctl core trapped: MBOX DETAIL0 = cause, DETAIL1 = pc, DETAIL2 = address */
  /* Bad image: DETAIL0 = 1 magic, 2 version, 3 total_bytes, 4 segment_count, 5 entry, 6 CRC
   * (DETAIL1 = computed, DETAIL2 = given), 7 image address, 16 + i segment i. The ROM goes on:
   * another BOOT command tries again. */
  TSR_FATAL_IMAGE = 2,
  TSR_FATAL_HBM = 3, /* memory node did not initialize, or is cut off: DETAIL0 = index */
  /* DMA error while loading: DETAIL0 = network error | command error << 8, DETAIL1/2 = address. The
   * ROM goes on as above. */
  TSR_FATAL_DMA = 4,
  TSR_FATAL_CONFIG = 5, /* the chip's configuration registers make no sense */
  TSR_FATAL_TILE = 6,   /* tiles did not start: DETAIL0/1 = map, bit y * 8 + x; 0: none is left */
  TSR_FATAL_ROUTES = 7  /* no sound routes around the dead links of the fuses */
};

/* ---- Command ring in HBM: TSR_RING_ENTRIES commands, then as many completions ------------------
 */

#define TSR_RING_ENTRIES 64u

enum { TSR_CMD_LAUNCH = 1 };

#define TSR_ARGS_MAX 192u
#define TSR_LAUNCH_TIMEOUT_DEFAULT 20000000u

/* Leave out what is no working tile; without it, a rectangle with such nodes is refused. */
enum { TSR_LAUNCH_LIVE = 1 };

/* 256 bytes. */
typedef struct {
  uint32_t opcode;        /* TSR_CMD_* */
  uint32_t sequence;      /* copied into the completion; not 0 */
  uint32_t kernel_pc;     /* entry point in tile ITCM: int kernel(const tsr_launch_t *launch) */
  uint32_t args_bytes;    /* 0..TSR_ARGS_MAX */
  uint8_t x0, y0, x1, y1; /* rectangle of tiles, inclusive */
  uint32_t timeout;       /* cycles, 0 = TSR_LAUNCH_TIMEOUT_DEFAULT */
  uint32_t flags;         /* TSR_LAUNCH_LIVE */
  uint32_t reserved[9];
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
  uint8_t engine; /* 0 RDMA, 1 WDMA, 2 ME, 3 VE, 4 TDMA */
  uint32_t cause;
  uint32_t pc;
  uint32_t address_lo, address_hi;
  uint32_t command_id;
  uint32_t info;                 /* network error code of a bus error */
  uint32_t cycles_lo, cycles_hi; /* from launch to completion */
  uint32_t tiles;                /* launched */
  uint32_t dead_links;           /* found after this launch, and routed around */
  uint32_t recovery;             /* cycles from the end of a failed launch to restarted tiles */
  uint32_t reserved;
} tsr_completion_t;

/* ---- Launch descriptor: ctl writes it to every tile's DTCM, then rings the tile doorbell -------
 */

#define TSR_LAUNCH_DTCM_OFFSET \
  0xfe00u /* offset of tsr_launch_t in DTCM; DTCM 0xfe00..0xffff is reserved */

/* Tiles must not multicast to each other: the launched tiles do not fill the rectangle, or a dead
 * link lies in the way. */
enum { TSR_LAUNCH_ALONE = 1 };

/* 256 bytes. */
typedef struct {
  uint32_t sequence;
  uint32_t kernel_pc;
  uint32_t args_bytes;
  uint8_t x0, y0, x1, y1; /* the launched rectangle */
  uint32_t flags;         /* TSR_LAUNCH_ALONE */
  uint8_t grid_w, grid_h; /* the launched tiles as a grid: grid_w * grid_h are launched */
  uint8_t reserved[2];
  uint32_t tiles[2]; /* the launched tiles: bit y * 8 + x, low and high word */
  uint32_t reserved2[8];
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

/* ---- Element formats ---------------------------------------------------------------------------
 * FP6 has one element a byte (bits 5:0), FP4 and INT4 have two (the first in bits 3:0). The matrix
 * engine takes those up to INT4. */

enum {
  TSR_FORMAT_BF16 = 0,
  TSR_FORMAT_INT8 = 1,
  TSR_FORMAT_FP16 = 2,
  TSR_FORMAT_TF32 = 3,
  TSR_FORMAT_FP32 = 4,
  TSR_FORMAT_FP8_E4M3 = 5,
  TSR_FORMAT_FP8_E5M2 = 6,
  TSR_FORMAT_FP6_E3M2 = 7,
  TSR_FORMAT_FP6_E2M3 = 8,
  TSR_FORMAT_FP4_E2M1 = 9,
  TSR_FORMAT_INT4 = 10,
  TSR_FORMAT_INT16 = 11,
  TSR_FORMAT_INT32 = 12,
  TSR_FORMAT_E8M0 = 13,
  TSR_FORMAT_UINT8 = 14
};

/* Return values of the kernels below besides 0. */
enum {
  TSR_KERNEL_BAD_SHAPE = 1,
  TSR_KERNEL_BAD_FORMAT = 2,
  TSR_KERNEL_NO_MEMORY = 3, /* does not fit the scratchpad */
  TSR_KERNEL_HARDWARE = 4
};

/* ---- GEMM kernel arguments: C[M][N] = act(A[M][K] * B[N][K]^T + bias[N]) -----------------------
 */

/* Results are rounded once, unless a row of A or B has more than TSR_GEMM_WHOLE_K_BYTES bytes: then
 * sums are rounded to FP32 (INT32: exact) after every TSR_GEMM_SPLIT_K_BYTES bytes of K. */
#define TSR_GEMM_WHOLE_K_BYTES 8192u
#define TSR_GEMM_SPLIT_K_BYTES 2048u

/* Return values of kernel_gemm besides 0. */
enum {
  TSR_GEMM_BAD_SHAPE = TSR_KERNEL_BAD_SHAPE,
  TSR_GEMM_BAD_FORMAT = TSR_KERNEL_BAD_FORMAT,
  TSR_GEMM_NO_MEMORY = TSR_KERNEL_NO_MEMORY,
  TSR_GEMM_HARDWARE = TSR_KERNEL_HARDWARE
};

enum { TSR_GEMM_BF16 = TSR_FORMAT_BF16, TSR_GEMM_INT8 = TSR_FORMAT_INT8 };
enum {
  TSR_GEMM_RELU = 1,
  TSR_GEMM_BIAS = 2,
  TSR_GEMM_OUT_BF16 = 4, /* not with INT8 and INT4 without scales */
  TSR_GEMM_NO_SHARE = 8, /* every tile reads all of its operands itself: no multicast */
  /* FP8, FP6, FP4, INT8: UE8M0 scales, a byte for each 32 elements of a row. Results are FP32 or
     BF16. */
  TSR_GEMM_MX = 16,
  /* kernel_gemm_spm only, formats of 8 bits or more: A lies as [K][M], B lies as [K][N]. */
  TSR_GEMM_A_TRANS = 32,
  TSR_GEMM_B_TRANS = 64
};

typedef struct {
  uint32_t m, n, k;              /* elements, any positive size; K even with 4-bit formats */
  uint32_t format;               /* TSR_FORMAT_* of A */
  uint32_t flags;                /* TSR_GEMM_RELU | ... */
  uint32_t lda, ldb, ldc;        /* row pitch in bytes */
  uint64_t a, b, bias, c;        /* global addresses; bias: N FP32 (or INT32) values */
  uint32_t format_b;             /* of B: 0 = as A; another one among FP8, among FP6 */
  uint32_t lda_scale, ldb_scale; /* MX: row pitch of the scales in bytes */
  uint32_t reserved;
  uint64_t a_scale, b_scale; /* MX: global addresses of the scales, a row for each row of A, B */
} tsr_gemm_args_t;

/* ---- Benchmarks of one tile's engines ----------------------------------------------------------
 * These kernels load their operands from HBM, compute once, and write the result to HBM. Then, if
 * repeat is not 0, they clear the tile's counters and compute `repeat` times more on what lies in
 * the scratchpad: the counters, with the cycles in which the first command started and the last
 * ended, hold this part alone. Every tile of the rectangle does the same with its own part, see
 * below. */

/* kernel_gemm_spm: every tile computes the whole product; the first one writes C. The repeated
 * commands overlap: the engine goes on without a gap (repeat = 1: cold, more: chained). */
typedef struct {
  tsr_gemm_args_t gemm; /* NO_SHARE means nothing */
  uint32_t repeat;
  uint32_t reserved;
} tsr_gemm_spm_args_t;

/* kernel_conv: input [n][h][w][c], filters [k][r][s][c / groups], output [n][h'][w'][k], bias [k]
 * FP32 or INT32, all dense. Depthwise (groups == c == k): filters [k][r][s][8], made block-diagonal
 * by the host: element j of filter k is its tap if j == k mod 8, else zero; c a multiple of 8.
 * Elements of a group's pixel fill whole bytes, with groups whole 8 bytes. Tiles share the
 * pictures. */
typedef struct {
  uint32_t n, h, w, c, k, r, s;
  uint32_t stride, dilation, pad, groups;
  uint32_t format, format_b; /* as in tsr_gemm_args_t */
  uint32_t flags;            /* TSR_GEMM_RELU | BIAS | OUT_BF16 */
  uint32_t repeat;
  uint32_t reserved;
  uint64_t input, filters, bias, output;
} tsr_conv_args_t;

/* kernel_vector: passes of the vector engine over blocks of rows. The description lies in HBM.
 * Buffers are matrices with the same number of rows; passes run in order on a block of rows in the
 * scratchpad, while the next block is loaded and the one before is written. Tiles share the rows.
 */
#define TSR_VEC_BUFFERS 8u
#define TSR_VEC_PASSES 6u
#define TSR_VEC_PORTS 5u /* I0, I1, I2, O0, O1 */
#define TSR_VEC_NONE 0xffu
enum {
  TSR_VEC_IN = 1,     /* loaded from HBM */
  TSR_VEC_OUT = 2,    /* written to HBM; neither: lives in the scratchpad only */
  TSR_VEC_SHARED = 4, /* one row for all rows (weights, tables); only with IN, loaded once */
  /* Rows follow each other without a gap, here and in HBM, and are one run of elements: values a
   * row (elements = 1), block scales. Otherwise rows begin at multiples of 8 in the scratchpad. */
  TSR_VEC_PACKED = 8
};

/* 24 bytes. */
typedef struct {
  uint64_t address;  /* global; not used by those that stay in the scratchpad */
  uint32_t pitch;    /* bytes between rows in HBM, unless PACKED */
  uint32_t elements; /* of a row */
  uint32_t bits;     /* of an element: 4, 8, 16, 32; rows fill whole bytes */
  uint32_t flags;    /* TSR_VEC_IN | ... */
} tsr_vec_buffer_t;

/* 160 bytes. A stream walks its buffer row by row: loop 0 runs along a row (PACKED: along all rows
 * of the block), loop 1 over the rows. So last[0] is the end of a row, last[1] that of the block.
 * Each row's beats of 64 bytes end with a partial one: ports of rows that are not whole beats need
 * `skip`. */
typedef struct {
  uint32_t program[32];          /* ve_stages_t, then ve_io_t (rtl/ve/tsr_ve_pkg.sv) */
  uint32_t scalar[5];            /* constants 0..4, where the program's patch mask names them */
  uint8_t buffer[TSR_VEC_PORTS]; /* by port; TSR_VEC_NONE for ports that are off */
  uint8_t independent;           /* 1: reads nothing that the pass before writes: they overlap */
  uint16_t reserved;
  uint32_t reserved2;
} tsr_vec_pass_t;

/* In HBM, at a multiple of 64. */
typedef struct {
  uint32_t buffers, passes; /* 1 or more each */
  uint32_t reserved[14];
  tsr_vec_buffer_t buffer[TSR_VEC_BUFFERS];
  tsr_vec_pass_t pass[TSR_VEC_PASSES];
} tsr_vec_program_t;

/* repeat = 0: any number of rows, streamed. Else: every tile's rows must fit the scratchpad at
 * once. */
typedef struct {
  uint64_t program; /* global address of a tsr_vec_program_t */
  uint32_t rows;
  uint32_t repeat;
} tsr_vec_args_t;

/* kernel_layout: one operation of the layout engine on a dense matrix of rows x cols elements,
 * `batch` matrices one after the other. Tiles share the matrices. */
enum {
  TSR_LAYOUT_TRANSPOSE = 0, /* also NCHW -> NHWC (rows = C, cols = H W, batch = N) and back */
  TSR_LAYOUT_ROTATE90 = 1,  /* clockwise */
  TSR_LAYOUT_ROTATE270 = 2,
  TSR_LAYOUT_ANTI_TRANSPOSE = 3,
  TSR_LAYOUT_MIRROR_X = 4, /* left-right */
  TSR_LAYOUT_MIRROR_Y = 5, /* top-bottom */
  TSR_LAYOUT_ROTATE180 = 6,
  TSR_LAYOUT_COPY = 7,
  TSR_LAYOUT_PAD =
      8, /* border of `top`.. rows and `left`.. elements of pattern around the matrix */
  TSR_LAYOUT_FILL = 9,    /* rows x cols elements of pattern; no input */
  TSR_LAYOUT_GATHER = 10, /* out row i = in row index[i]; `out_rows` rows */
  TSR_LAYOUT_SCATTER = 11 /* out row index[i] = in row i; `out_rows` rows, the others stay */
};
typedef struct {
  uint32_t op;   /* TSR_LAYOUT_* */
  uint32_t bits; /* of an element: 4, 8, 16, 32; rows fill whole bytes on both sides */
  uint32_t rows, cols, batch;
  uint32_t top, bottom, left, right; /* PAD */
  uint32_t pattern;  /* 32 bits, repeated from each multiple of 4 of the scratchpad */
  uint32_t out_rows; /* GATHER, SCATTER; batch = 1 */
  uint32_t repeat;
  uint64_t input, output;
  uint64_t index; /* GATHER, SCATTER: 32-bit row numbers, out_rows or rows of them */
} tsr_layout_args_t;

/* kernel_stream: DMA between memory and scratchpad as the host lays it out, as fast as it goes. The
 * host leaves each tile's program in its scratchpad; the tile clears its counters, works through
 * both lists of steps at once, and samples its byte counters meanwhile. Steps of one list run in
 * order; reads overlap, so they must not write what another one writes. A step takes `take` from
 * its list's semaphore before it starts and gives `give` to the other list's when it is done.
 * Shapes describe the memory's side; the scratchpad's is dense. A read may be for
 * all tiles of the launch: it goes to the same place in each scratchpad. */
#define TSR_STREAM_SHAPES 6u

/* 24 bytes. Elements of `element` bytes at sum of i * stride[i], the first innermost. */
typedef struct {
  uint32_t element;
  int32_t stride[3];
  uint16_t iterations[3];
  uint16_t reserved;
} tsr_stream_shape_t;

/* 16 bytes. */
typedef struct {
  uint64_t memory;     /* global address */
  uint32_t scratchpad; /* offset */
  uint8_t shape;
  uint8_t take, give;
  uint8_t spread; /* 1: a read for all tiles */
} tsr_stream_step_t;

/* 16 bytes: bytes moved since the start, as the engines count them, and when (cycles, modulo 2^32).
 */
typedef struct {
  uint32_t cycle;
  uint32_t read, written;
  uint32_t reserved;
} tsr_stream_sample_t;

/* 192 bytes; `reads` steps and then `writes` steps follow, then room for the samples. */
typedef struct {
  uint32_t reads, writes;
  uint32_t credits;     /* first value of the reads' semaphore */
  uint32_t interval;    /* cycles between two samples, at least */
  uint32_t max_samples; /* 2 or more; the last one is taken when all is done */
  uint32_t samples;     /* left by the kernel */
  uint32_t heard;       /* blocks of 64 bytes that other tiles read for this one, below 2^16 */
  uint32_t reserved[5];
  tsr_stream_shape_t shape[TSR_STREAM_SHAPES]; /* element 0: not used */
} tsr_stream_program_t;

typedef struct {
  uint32_t program; /* scratchpad offset of a tsr_stream_program_t, multiple of 64 */
  uint32_t reserved;
} tsr_stream_args_t;

/* kernel_attention: O = softmax(Q K^T / sqrt(dim)) V for each head; Q, K, V, O [heads][seq][dim],
 * dense. Tiles share the heads and pairs of 64 queries. */
enum { TSR_ATTENTION_CAUSAL = 1 }; /* query i sees keys 0..i */

typedef struct {
  uint32_t heads;
  uint32_t seq;    /* queries and keys of a head, multiple of 128, up to 4096 */
  uint32_t dim;    /* multiple of 16, up to 64 */
  uint32_t format; /* TSR_FORMAT_BF16 */
  uint32_t flags;  /* TSR_ATTENTION_* */
  uint32_t scale;  /* FP32: log2(e) / sqrt(dim) */
  uint64_t q, k, v, o;
} tsr_attention_args_t;

/* kernel_classify: probabilities of classes, softmax over each sample's row of logits, and the
 * answer, the first class with the largest logit (INT32; 255 if all are NaN). Tiles share the
 * samples. */
typedef struct {
  uint32_t samples;             /* 1 or more */
  uint32_t classes;             /* 1..255 */
  uint32_t logits_pitch;        /* bytes between the rows of two samples in HBM */
  uint32_t probabilities_pitch; /* likewise */
  uint64_t logits;              /* FP32 [samples][classes] */
  uint64_t probabilities;       /* FP32 [samples][classes] */
  uint64_t answers;             /* INT32 [samples], dense */
} tsr_classify_args_t;

#endif
