/* SPDX-License-Identifier: Apache-2.0 */
/* GEMM planner: pure functions that turn a tile's part of a matrix product into scratchpad buffers
 * and three sequences of operations, one an engine, coupled by semaphores only.
 *
 * Rows of A are cut into pieces of row_step, columns (rows of B) into chunks of col_step. A panel
 * of pieces lies in the scratchpad while chunks stream through a ring of slots. Loads happen in the
 * order of events: an event brings a piece or a chunk, and the matrix engine then multiplies it
 * with everything of the other kind that is there already. At the start pieces and chunks
 * alternate, so that work grows with the square of what was loaded. When B fits as a whole it is
 * loaded once, and panels of A stream.
 *
 * Tiles of a grid row need the same rows of A, those of a grid column the same rows of B. The first
 * pieces and chunks are shared: groups of up to four tiles read a part of each one, and multicast
 * it to the group. Their places are free when the kernel starts, so nobody asks for permission;
 * every shared piece and chunk has a semaphore that counts its parts. Later loads are each tile's
 * own. Buffers therefore lie at the same offsets in all tiles: they are laid out for the largest
 * part of the grid.
 *
 * With block scales, every load of A or B has one of its scales in front of it; each tile reads
 * these itself. They lie beside the results, so that they do not disturb the streams of A and B.
 *
 * If a row of K does not fit (more than TSR_GEMM_WHOLE_K_BYTES), every block is summed over pieces
 * of K: partial sums stay in FP32 or INT32 in the block's result buffer, and are preloaded for the
 * next piece. */
#ifndef TSR_KERNELS_GEMM_PLAN_H
#define TSR_KERNELS_GEMM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "tessera_abi.h"

#define TSR_GEMM_GROUP 4u  /* tiles that share loads */
#define TSR_GEMM_SHARED 4u /* pieces and chunks that are shared, at most */

/* Semaphores that couple the engines. Those named FREE are credits: the kernel posts the number of
 * free places before it starts, and clears what is left at the end. */
enum {
  TSR_GEMM_SEM_PART_A = 0, /* + index: parts of a shared piece that are there */
  TSR_GEMM_SEM_PART_B = 4, /* + index: parts of a shared chunk that are there */
  TSR_GEMM_SEM_SELF =
      0, /* split K, where nothing is shared: ME -> ME, the partial sum is written */
  TSR_GEMM_SEM_FREE_A = 8,   /* ME -> RDMA: the next piece's place is free */
  TSR_GEMM_SEM_FREE_B = 9,   /* ME -> RDMA: the next chunk's slot is free */
  TSR_GEMM_SEM_C_READY = 10, /* ME -> WDMA: the next block is computed */
  TSR_GEMM_SEM_FREE_C = 11,  /* WDMA -> ME: the next result buffer is free */
  TSR_GEMM_SEM_SHARE = 12,   /* RDMA -> WDMA: the next part to multicast is there */
  TSR_GEMM_SEM_LOADED = 14,  /* RDMA -> ME: the next own load is there */
  TSR_GEMM_SEM_DONE = 15,    /* WDMA -> core: the last block is in HBM */
  TSR_GEMM_NO_SEM = 16
};

/* Tiles that share loads: grid positions first..first + count - 1, of which this is number index.
 */
typedef struct {
  uint32_t first, count, index;
} tsr_gemm_group_t;

/* A tile's part: rows m0.. and columns n0.. of C; scratchpad offsets and sizes in bytes. */
typedef struct {
  tsr_gemm_args_t args;
  uint32_t m0, rows, n0, cols;
  uint32_t k_bytes;            /* of a whole row of A or B */
  uint32_t k_part;             /* of a row in the scratchpad, k_bytes unless split */
  uint32_t k_parts;            /* 1, or pieces of K */
  uint32_t pitch;              /* of a row of A or B in the scratchpad */
  uint32_t row_step, col_step; /* rows of a piece, columns of a chunk; multiples of 8 */
  uint32_t merge;              /* pieces that one command may cover */
  uint32_t pieces, chunks;     /* of the whole part */
  uint32_t panel, panels;      /* pieces of a panel, number of panels */
  uint32_t growth;             /* chunks that take part in the alternation at a panel's start */
  bool b_resident;             /* all chunks stay; loaded in the first panel only */
  uint32_t a_base, a_slot;
  uint32_t b_base, b_slot, b_slots;
  bool mx;                             /* block scales; the fields below are 0 without */
  uint32_t scale_bytes;                /* of a row's part in the scratchpad */
  uint32_t scale_pitch;                /* of a row in the scratchpad */
  uint32_t a_scales, b_scales;         /* offsets of the first slots */
  uint32_t a_scale_slot, b_scale_slot; /* as many as of A and B */
  uint32_t bias_offset;                /* of the bias in a slot of B */
  uint32_t c_base, c_slot, c_slots;
  uint32_t o_offset; /* of the result in a slot of C; partial sums lie at 0 */
  uint32_t o_pitch, sum_pitch;
  uint32_t out_bytes;                /* of an element of C */
  tsr_gemm_group_t group_a, group_b; /* along the grid row, along the grid column */
  uint32_t shared_a, shared_b;       /* so many pieces and chunks are shared */
  uint64_t a_step, b_step;           /* bytes of A in a piece, of B in a chunk, in memory */
} tsr_gemm_plan_t;

/* What to read next. */
typedef enum {
  TSR_GEMM_LOAD_A,
  TSR_GEMM_LOAD_B,
  TSR_GEMM_LOAD_BIAS,
  TSR_GEMM_LOAD_A_SCALES,
  TSR_GEMM_LOAD_B_SCALES
} tsr_gemm_load_kind_t;
typedef struct {
  tsr_gemm_load_kind_t kind;
  uint64_t src; /* global address of the first row */
  uint32_t dst;
  uint32_t rows, bytes; /* rows of `bytes` bytes; a bias is one row */
  uint32_t wait_sem;    /* TSR_GEMM_SEM_FREE_A or _B to take one from, or TSR_GEMM_NO_SEM */
  uint32_t post_sem;    /* TSR_GEMM_SEM_LOADED or _SHARE to post one to, or TSR_GEMM_NO_SEM */
  uint32_t part_sem;    /* if shared: semaphore of the group that gets one when the part is there */
} tsr_gemm_load_t;

/* What to multiply next. */
typedef struct {
  uint32_t row, rows, col, cols; /* inside the tile's part */
  uint32_t k_bytes;
  bool first, last;            /* first, last piece of K: preload the bias; post C_READY */
  uint32_t a, b, bias, sum, o; /* scratchpad offsets */
  uint32_t a_scales, b_scales; /* with block scales */
  uint32_t wait_loads;         /* LOADED, 0..3 */
  uint32_t wait_a, wait_b;     /* PART semaphores as tsr_cmd_sem() words, 0 = none */
  bool wait_c;                 /* FREE_C */
  bool wait_self, post_self;
  uint32_t post_a; /* FREE_A, 0..merge */
  bool post_b;     /* FREE_B */
} tsr_gemm_block_t;

/* What to write back next. */
typedef struct {
  uint32_t rows, bytes; /* rows of `bytes` bytes */
  uint32_t src;
  uint64_t dst;
} tsr_gemm_drain_t;

/* Position in the sequence of events. Zero it to start. */
typedef struct {
  bool started, is_a, ended;
  uint32_t panel, na, nb; /* pieces and chunks there so far */
  uint32_t index;         /* piece of the panel or chunk of the current event */
  uint32_t others;        /* how many of the other kind it meets */
} tsr_gemm_walk_t;

/* Iterators over loads and blocks. */
typedef struct {
  tsr_gemm_walk_t walk;
  uint64_t a_src, b_src; /* of the next piece and chunk */
  uint32_t a_dst, b_dst;
  uint32_t a_left, b_left;        /* rows of A, columns of B that are left */
  bool inside;                    /* loads of the event are left */
  uint32_t stage;                 /* next kind of load of the event or block */
  uint32_t piece, chunk, k, slot; /* split K */
} tsr_gemm_load_iter_t;

typedef struct {
  tsr_gemm_walk_t walk;
  uint32_t inner;                 /* next of the event's others */
  uint32_t waits, wait_a, wait_b; /* what no block has waited for yet */
  uint32_t blocks;                /* results so far */
  uint32_t c_slot;                /* of the next result */
  uint32_t first_slot;            /* of the panel's first chunk */
  uint32_t piece, chunk, k, slot; /* split K */
} tsr_gemm_block_iter_t;

/* Rows of C that grid row (or columns that grid column) `index` of `count` computes: blocks of 8,
 * spread as evenly as possible. @param first, size result. @param largest size of the largest part.
 */
void tsr_gemm_share(uint32_t total, uint32_t index, uint32_t count, uint32_t *first, uint32_t *size,
                    uint32_t *largest);

/* Plan the part of tile (x, y) in a grid of w x h tiles.
 * @param spm_bytes scratchpad size.
 * @return 0, TSR_GEMM_BAD_SHAPE, TSR_GEMM_BAD_FORMAT or TSR_GEMM_NO_MEMORY. rows or cols of the
 * plan are 0 if the tile has nothing to do. */
int tsr_gemm_plan(const tsr_gemm_args_t *args, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                  uint32_t spm_bytes, tsr_gemm_plan_t *plan);

/* Start of the loads; the iterator over blocks starts as zeros. */
void tsr_gemm_start_loads(const tsr_gemm_plan_t *plan, tsr_gemm_load_iter_t *it);

/* Next operation of each sequence; false at its end. */
bool tsr_gemm_next_load(const tsr_gemm_plan_t *plan, tsr_gemm_load_iter_t *it,
                        tsr_gemm_load_t *load);
bool tsr_gemm_next_block(const tsr_gemm_plan_t *plan, tsr_gemm_block_iter_t *it,
                         tsr_gemm_block_t *block);

/* Whether loads after the last one may be shared (post SHARE). */
bool tsr_gemm_shares_left(const tsr_gemm_plan_t *plan, const tsr_gemm_load_iter_t *it);

/* Write-back of a block that is the last of its K. */
void tsr_gemm_drain(const tsr_gemm_plan_t *plan, const tsr_gemm_block_t *block,
                    tsr_gemm_drain_t *drain);

#endif
