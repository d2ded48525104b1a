/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gemm_plan.h"

#include <stddef.h>

#include "drivers/me.h"

#define BLOCK TSR_ME_BLOCK
#define MAX_BLOCKS 16u      /* row or column blocks of a piece or chunk */
#define COMMAND_BEATS 512u  /* a command takes at least so long, if the shape allows */
#define LONGEST_BEATS 4096u /* and up to so long, if enough commands remain */
#define COMMANDS_LOG2 4u    /* enough, for one tile; twice as many if tiles share the memory */
#define MERGED_BEATS 1024u  /* two pieces are merged below this */
#define SPLIT_BEATS 2048u   /* split K: operands are not reused, larger blocks need fewer loads */
#define RESULT_BYTES 16384u /* for result buffers, if there are at least two */
#define MAX_RESULTS 8u
#define MAX_SLOTS 128u /* credits are posted at once, at most 255 */

static inline uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
static inline uint32_t round_up(uint32_t a, uint32_t b) { return ceil_div(a, b) * b; }
static inline uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

void tsr_gemm_share(uint32_t total, uint32_t index, uint32_t count, uint32_t *first, uint32_t *size,
                    uint32_t *largest) {
  const uint32_t blocks = ceil_div(total, BLOCK);
  const uint32_t each = blocks / count;
  const uint32_t more = blocks - each * count; /* so many get one block more */
  const uint32_t begin = index * each + min_u32(index, more);
  const uint32_t end = begin + each + (index < more);
  *first = min_u32(begin * BLOCK, total);
  *size = min_u32(end * BLOCK, total) - *first;
  *largest = min_u32((each + (more > 0)) * BLOCK, total);
}

/* ---- sizes ---------------------------------------------------------------------------------- */

/* Sizes of the slots for given steps. No divisions: this is tried for many steps at every start. */
typedef struct {
  uint32_t a, b, c; /* a and b with their scales */
  uint32_t a_scale, b_scale;
  uint32_t sum_pitch, o_pitch, o_offset;
} slots_t;

static slots_t slots_for(const tsr_gemm_plan_t *p, uint32_t row_step, uint32_t col_step,
                         uint32_t merge) {
  const bool bf16 = (p->args.flags & TSR_GEMM_OUT_BF16) != 0;
  const bool bias = (p->args.flags & TSR_GEMM_BIAS) != 0;
  const uint32_t rows = row_step * merge;
  slots_t s;
  s.a_scale = row_step * p->scale_pitch;
  s.b_scale = col_step * p->scale_pitch;
  s.a = row_step * p->pitch + s.a_scale;
  s.b = col_step * p->pitch + (bias ? 4 * col_step : 0) + s.b_scale;
  s.sum_pitch = tsr_me_wide_pitch(col_step);
  s.o_pitch = bf16 ? tsr_me_bf16_pitch(col_step) : s.sum_pitch;
  s.o_offset = bf16 && p->k_parts > 1 ? rows * s.sum_pitch : 0; /* sums and results lie apart */
  s.c = s.o_offset + rows * s.o_pitch;
  return s;
}

/* Whether the least number of slots fits: one of A, two of the others. */
static bool fits(const tsr_gemm_plan_t *p, uint32_t row_step, uint32_t col_step, uint32_t merge,
                 uint32_t spm_bytes) {
  const slots_t s = slots_for(p, row_step, col_step, merge);
  const uint32_t a = p->k_parts > 1 ? 2 : 1;
  const uint32_t b = p->k_parts > 1 || p->cols > col_step ? 2 : 1;
  return a * s.a + b * s.b + 2 * s.c <= spm_bytes;
}

/* Length of a command. The core needs some time for each, so the fewer the better; but the engine
 * idles while the first one's operands come, and while the last one's results go. */
static uint32_t command_beats(const tsr_gemm_plan_t *p, uint32_t beats, bool alone) {
  const uint32_t blocks = ceil_div(p->rows, BLOCK) * ceil_div(p->cols, BLOCK);
  const uint32_t commands_log2 = alone ? COMMANDS_LOG2 : COMMANDS_LOG2 + 1;
  if (blocks >= LONGEST_BEATS << commands_log2) {
    return LONGEST_BEATS; /* whatever beats is; nor would the product overflow */
  }
  const uint32_t length = (blocks * beats) >> commands_log2;
  return length < COMMAND_BEATS ? COMMAND_BEATS : min_u32(length, LONGEST_BEATS);
}

/* Grow pieces and chunks until a command is long enough, and shared loads give each tile eight
 * rows. */
static bool choose_steps(tsr_gemm_plan_t *p, uint32_t spm_bytes, bool alone) {
  const uint32_t beats = (p->k_part + 7) / 8;
  const uint32_t target = p->k_parts > 1 ? SPLIT_BEATS : command_beats(p, beats, alone);
  const uint32_t max_rows = min_u32(round_up(p->rows, BLOCK), MAX_BLOCKS * BLOCK);
  const uint32_t max_cols = min_u32(round_up(p->cols, BLOCK), MAX_BLOCKS * BLOCK);
  const uint32_t share_rows = p->group_a.count * BLOCK;
  const uint32_t share_cols = p->group_b.count * BLOCK;
  uint32_t rows = min_u32(share_rows, max_rows), cols = min_u32(share_cols, max_cols);
  if (!fits(p, rows, cols, 1, spm_bytes)) {
    rows = BLOCK;
    cols = BLOCK;
    if (!fits(p, rows, cols, 1, spm_bytes)) {
      return false;
    }
  }
  bool grown = true;
  while (grown && ((rows / BLOCK) * (cols / BLOCK) * beats < target || rows < share_rows ||
                   cols < share_cols)) {
    const uint32_t more_rows = min_u32(2 * rows, max_rows);
    const uint32_t more_cols = min_u32(2 * cols, max_cols);
    const bool can_rows = more_rows > rows && fits(p, more_rows, cols, 1, spm_bytes);
    const bool can_cols = more_cols > cols && fits(p, rows, more_cols, 1, spm_bytes);
    const bool cols_first = cols * share_rows <= rows * share_cols;
    grown = can_rows || can_cols;
    if (can_cols && (cols_first || !can_rows)) {
      cols = more_cols;
    } else if (can_rows) {
      rows = more_rows;
    }
  }
  p->row_step = rows;
  p->col_step = cols;
  const bool brief = (rows / BLOCK) * (cols / BLOCK) * beats < MERGED_BEATS;
  const bool merge =
      p->k_parts == 1 && p->rows > rows && brief && fits(p, rows, cols, 2, spm_bytes);
  p->merge = merge ? 2 : 1;
  return true;
}

/* Share the scratchpad between the three kinds of buffers and place them: A at the bottom, B at the
 * top, scales and C between them, so that the streams meet in the same hyperbank as little as
 * possible. */
static void choose_buffers(tsr_gemm_plan_t *p, uint32_t spm_bytes) {
  const slots_t s = slots_for(p, p->row_step, p->col_step, p->merge);
  const uint32_t pieces = ceil_div(p->rows, p->row_step);
  const uint32_t chunks = ceil_div(p->cols, p->col_step);
  uint32_t a = p->k_parts > 1 ? 2 : 1;
  uint32_t b = p->k_parts > 1 || chunks > 1 ? 2 : 1;
  uint32_t c = RESULT_BYTES / s.c;
  c = c < 2 ? 2 : min_u32(c, MAX_RESULTS);
  while (c > 2 && c * s.c + a * s.a + b * s.b > spm_bytes) {
    c--;
  }
  const uint32_t room = spm_bytes - c * s.c;
  if (p->k_parts == 1) {
    const uint32_t some = min_u32(chunks, 3);
    if (pieces <= MAX_SLOTS && pieces * s.a + some * s.b <= room) {
      a = pieces; /* all of A, and B as far as it fits */
      b = min_u32((room - a * s.a) / s.b, min_u32(chunks, MAX_SLOTS));
    } else if (chunks <= MAX_SLOTS && chunks * s.b + 2 * s.a <= room) {
      b = chunks; /* all of B, and A streams */
      a = min_u32((room - b * s.b) / s.a, min_u32(pieces, MAX_SLOTS));
    } else {
      b = some * s.b + s.a <= room ? some : b;
      a = min_u32((room - b * s.b) / s.a, min_u32(pieces, MAX_SLOTS));
    }
  }
  p->pieces = pieces;
  p->chunks = chunks;
  p->panel = a;
  p->merge = min_u32(p->merge, a);
  p->a_slot = s.a - s.a_scale;
  p->b_slot = s.b - s.b_scale;
  p->c_slot = s.c;
  p->a_scale_slot = s.a_scale;
  p->b_scale_slot = s.b_scale;
  p->b_slots = b;
  p->c_slots = c;
  p->bias_offset = p->col_step * p->pitch;
  p->sum_pitch = s.sum_pitch;
  p->o_pitch = s.o_pitch;
  p->o_offset = s.o_offset;
  p->a_base = 0;
  p->b_base = spm_bytes - b * p->b_slot;
  const uint32_t scales = a * s.a_scale + b * s.b_scale;
  const uint32_t a_end = a * p->a_slot;
  /* To hyperbanks, if there is room; sizes that are no power of two do without. */
  const uint32_t mask = (spm_bytes & (spm_bytes - 1)) == 0 ? spm_bytes / 8 - 1 : 7;
  if ((p->b_base & ~mask) >= a_end + scales + c * s.c) {
    p->b_base &= ~mask;
  }
  p->a_scales = (a_end + mask) & ~mask;
  if (p->a_scales + scales + c * s.c > p->b_base) {
    p->a_scales = a_end;
  }
  p->b_scales = p->a_scales + a * s.a_scale;
  p->c_base = p->a_scales + scales;
}

/* Group of position `index` among `count` positions that have work. */
static tsr_gemm_group_t group_of(uint32_t index, uint32_t count) {
  const uint32_t first = index / TSR_GEMM_GROUP * TSR_GEMM_GROUP;
  return (tsr_gemm_group_t){first, min_u32(count - first, TSR_GEMM_GROUP), index - first};
}

int tsr_gemm_plan(const tsr_gemm_args_t *args, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                  uint32_t spm_bytes, tsr_gemm_plan_t *p) {
  const uint32_t known =
      TSR_GEMM_RELU | TSR_GEMM_BIAS | TSR_GEMM_OUT_BF16 | TSR_GEMM_NO_SHARE | TSR_GEMM_MX;
  const bool mx = (args->flags & TSR_GEMM_MX) != 0;
  if ((args->flags & ~known) != 0 ||
      !tsr_me_formats_ok((tsr_me_format_t)args->format, (tsr_me_format_t)args->format_b, mx,
                         (args->flags & TSR_GEMM_OUT_BF16) != 0)) {
    return TSR_GEMM_BAD_FORMAT;
  }
  const uint32_t bits = tsr_me_element_bits((tsr_me_format_t)args->format);
  p->args = *args;
  p->rows = 0;
  p->cols = 0;
  p->out_bytes = (args->flags & TSR_GEMM_OUT_BF16) != 0 ? 2 : 4;
  if (args->m == 0 || args->n == 0 || args->k == 0 || args->k > (1u << 30) ||
      args->n > (1u << 28) || args->m > (1u << 30) || x >= w || y >= h) {
    return TSR_GEMM_BAD_SHAPE;
  }
  p->k_bytes = bits == 4 ? args->k / 2 : args->k * (bits / 8);
  const uint32_t row_scales = mx ? ceil_div(args->k, TSR_ME_SCALE_BLOCK) : 0;
  if (args->lda < p->k_bytes || args->ldb < p->k_bytes || args->ldc < args->n * p->out_bytes ||
      args->lda_scale < row_scales || args->ldb_scale < row_scales ||
      (bits == 4 && args->k % 2 != 0)) {
    return TSR_GEMM_BAD_SHAPE;
  }
  p->k_part = p->k_bytes <= TSR_GEMM_WHOLE_K_BYTES ? p->k_bytes : TSR_GEMM_SPLIT_K_BYTES;
  p->k_parts = p->k_bytes == p->k_part ? 1 : ceil_div(p->k_bytes, p->k_part);
  p->pitch = tsr_me_operand_pitch(p->k_part);
  p->mx = mx;
  p->scale_bytes = mx ? ceil_div(p->k_part * 8 / bits, TSR_ME_SCALE_BLOCK) : 0;
  p->scale_pitch = mx ? tsr_me_operand_pitch(p->scale_bytes) : 0;
  uint32_t rows = 0, cols = 0, most_rows = 0, most_cols = 0;
  tsr_gemm_share(args->m, y, h, &p->m0, &rows, &most_rows);
  tsr_gemm_share(args->n, x, w, &p->n0, &cols, &most_cols);
  if (rows == 0 || cols == 0) {
    return 0;
  }
  p->group_a = (tsr_gemm_group_t){x, 1, 0};
  p->group_b = (tsr_gemm_group_t){y, 1, 0};
  if (p->k_parts == 1 && (args->flags & TSR_GEMM_NO_SHARE) == 0) {
    p->group_a = group_of(x, min_u32(w, ceil_div(args->n, BLOCK)));
    p->group_b = group_of(y, min_u32(h, ceil_div(args->m, BLOCK)));
  }
  p->rows = most_rows; /* the layout is that of the largest part */
  p->cols = most_cols;
  if (!choose_steps(p, spm_bytes, w * h == 1)) {
    return TSR_GEMM_NO_MEMORY;
  }
  choose_buffers(p, spm_bytes);
  p->rows = rows;
  p->cols = cols;
  if (rows != most_rows) {
    p->pieces = ceil_div(rows, p->row_step);
  }
  if (cols != most_cols) {
    p->chunks = ceil_div(cols, p->col_step);
  }
  p->panels = p->pieces <= p->panel ? 1 : ceil_div(p->pieces, p->panel);
  p->shared_a = p->group_a.count > 1 ? min_u32(p->panel, TSR_GEMM_SHARED) : 0;
  p->shared_b = p->group_b.count > 1 ? min_u32(p->b_slots, TSR_GEMM_SHARED) : 0;
  p->b_resident = p->b_slots >= p->chunks;
  p->growth = p->b_resident ? p->chunks : p->b_slots - 1;
  p->a_step = (uint64_t)p->row_step * args->lda;
  p->b_step = (uint64_t)p->col_step * args->ldb;
  return 0;
}

/* ---- events --------------------------------------------------------------------------------- */

static uint32_t pieces_of_panel(const tsr_gemm_plan_t *p, uint32_t panel) {
  return min_u32(p->pieces - panel * p->panel, p->panel);
}

/* Step to the next event; false at the end. */
static bool next_event(const tsr_gemm_plan_t *p, tsr_gemm_walk_t *w) {
  if (w->ended || p->rows == 0 || p->cols == 0) {
    return false;
  }
  uint32_t pieces = pieces_of_panel(p, w->panel);
  if (w->na == pieces && w->nb == p->chunks) {
    w->panel++;
    if (w->panel == p->panels) {
      w->ended = true;
      return false;
    }
    pieces = pieces_of_panel(p, w->panel);
    w->na = 0;
    w->nb = p->b_resident ? p->chunks : 0;
  }
  w->is_a = w->na < pieces && (w->nb >= p->growth || w->na <= w->nb);
  if (w->is_a) {
    w->index = w->na++;
    w->others = w->nb;
  } else {
    w->index = w->nb++;
    w->others = w->na;
  }
  return true;
}

static uint32_t rows_of_piece(const tsr_gemm_plan_t *p, uint32_t piece) {
  return min_u32(p->rows - piece * p->row_step, p->row_step);
}

static uint32_t cols_of_chunk(const tsr_gemm_plan_t *p, uint32_t chunk) {
  return min_u32(p->cols - chunk * p->col_step, p->col_step);
}

static uint32_t bytes_of_part(const tsr_gemm_plan_t *p, uint32_t k) {
  return min_u32(p->k_bytes - k * p->k_part, p->k_part);
}

/* Whether the current event's load is shared. */
static bool is_shared(const tsr_gemm_plan_t *p, const tsr_gemm_walk_t *w) {
  if (w->panel != 0) {
    return false;
  }
  return w->index < (w->is_a ? p->shared_a : p->shared_b);
}

/* Rows of each member's part of `total` rows that a group shares; the last ones get what is left.
 * Divisions are slow, and groups mostly have 1, 2 or 4 members. */
static uint32_t part_size(const tsr_gemm_group_t *group, uint32_t total) {
  const uint32_t count = group->count;
  return count == 3 ? (total + 2) / 3 : (total + count - 1) >> (count >> 1);
}

/* ---- loads ---------------------------------------------------------------------------------- */

static void set_load(tsr_gemm_load_t *load, tsr_gemm_load_kind_t kind, uint64_t src, uint32_t dst,
                     uint32_t rows, uint32_t bytes) {
  load->kind = kind;
  load->src = src;
  load->dst = dst;
  load->rows = rows;
  load->bytes = bytes;
}

/* Cut a load down to the own part of a group; false if that is empty. */
static bool keep_part(const tsr_gemm_plan_t *p, const tsr_gemm_group_t *group, uint32_t src_pitch,
                      uint32_t part_sem, tsr_gemm_load_t *load) {
  const uint32_t each = part_size(group, load->rows);
  const uint32_t first = group->index * each;
  load->wait_sem = TSR_GEMM_NO_SEM;
  load->post_sem = TSR_GEMM_SEM_SHARE;
  load->part_sem = part_sem;
  if (first >= load->rows) {
    return false;
  }
  load->src += (uint64_t)first * src_pitch;
  load->dst += first * p->pitch;
  load->rows = min_u32(load->rows - first, each);
  return true;
}

static bool load_piece(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, tsr_gemm_load_t *load) {
  const uint32_t rows = min_u32(it->a_left, p->row_step);
  set_load(load, TSR_GEMM_LOAD_A, it->a_src, it->a_dst, rows, p->k_bytes);
  load->wait_sem = TSR_GEMM_SEM_FREE_A;
  load->post_sem = TSR_GEMM_SEM_LOADED;
  it->a_src += p->a_step;
  it->a_dst += p->a_slot;
  it->a_left -= rows;
  return !is_shared(p, &it->walk) ||
         keep_part(p, &p->group_a, p->args.lda, TSR_GEMM_SEM_PART_A + it->walk.index, load);
}

static bool load_chunk(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, tsr_gemm_load_t *load) {
  const uint32_t cols = min_u32(it->b_left, p->col_step);
  set_load(load, TSR_GEMM_LOAD_B, it->b_src, it->b_dst, cols, p->k_bytes);
  load->wait_sem = TSR_GEMM_SEM_FREE_B;
  load->post_sem = TSR_GEMM_SEM_LOADED;
  it->b_src += p->b_step;
  it->b_dst += p->b_slot;
  if (it->b_dst == p->b_base + p->b_slots * p->b_slot) {
    it->b_dst = p->b_base;
  }
  it->b_left -= cols;
  return !is_shared(p, &it->walk) ||
         keep_part(p, &p->group_b, p->args.ldb, TSR_GEMM_SEM_PART_B + it->walk.index, load);
}

/* Rows of scales of the event's piece or chunk. */
static void load_scales(const tsr_gemm_plan_t *p, const tsr_gemm_load_iter_t *it, bool is_a,
                        tsr_gemm_load_t *load) {
  const uint32_t left = is_a ? it->a_left : it->b_left;
  const uint32_t rows = min_u32(left, is_a ? p->row_step : p->col_step);
  const uint32_t first = is_a ? p->m0 + p->rows - left : p->n0 + p->cols - left;
  const uint32_t slot =
      is_a ? (it->a_dst - p->a_base) / p->a_slot : (it->b_dst - p->b_base) / p->b_slot;
  if (is_a) {
    set_load(load, TSR_GEMM_LOAD_A_SCALES, p->args.a_scale + (uint64_t)first * p->args.lda_scale,
             p->a_scales + slot * p->a_scale_slot, rows, p->scale_bytes);
  } else {
    set_load(load, TSR_GEMM_LOAD_B_SCALES, p->args.b_scale + (uint64_t)first * p->args.ldb_scale,
             p->b_scales + slot * p->b_scale_slot, rows, p->scale_bytes);
  }
}

static void load_bias(const tsr_gemm_plan_t *p, const tsr_gemm_load_iter_t *it,
                      tsr_gemm_load_t *load) {
  const uint32_t cols = min_u32(it->b_left, p->col_step);
  const uint64_t col = p->n0 + p->cols - it->b_left;
  set_load(load, TSR_GEMM_LOAD_BIAS, p->args.bias + 4 * col, it->b_dst + p->bias_offset, 1,
           4 * cols);
}

/* What goes in front of the loads of an event: scales, and the bias of a chunk. */
static uint32_t extras_of(const tsr_gemm_plan_t *p, bool is_a) {
  return p->mx + (!is_a && (p->args.flags & TSR_GEMM_BIAS) != 0);
}

/* Next load of the event; false if there is none. Extras go first: the first load takes the credit,
 * the last one posts. Every tile loads them itself: a shared piece or chunk does not tell when they
 * are there, so the last of them posts LOADED. */
static bool event_load(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, tsr_gemm_load_t *load) {
  const bool is_a = it->walk.is_a;
  const uint32_t extras = extras_of(p, is_a), stage = it->stage++;
  if (stage == extras) {
    it->inside = false;
    const bool any = is_a ? load_piece(p, it, load) : load_chunk(p, it, load);
    if (extras > 0) {
      load->wait_sem = TSR_GEMM_NO_SEM;
    }
    return any;
  }
  if (p->mx && stage == 0) {
    load_scales(p, it, is_a, load);
  } else {
    load_bias(p, it, load);
  }
  const bool shared = is_shared(p, &it->walk);
  load->wait_sem = shared || stage > 0 ? TSR_GEMM_NO_SEM
                   : is_a              ? TSR_GEMM_SEM_FREE_A
                                       : TSR_GEMM_SEM_FREE_B;
  load->post_sem = shared && stage + 1 == extras ? TSR_GEMM_SEM_LOADED : TSR_GEMM_NO_SEM;
  return true;
}

/* Step to the next block of a split product: pieces of K innermost, two places in turn. */
static void step_split(const tsr_gemm_plan_t *p, uint32_t *piece, uint32_t *chunk, uint32_t *k,
                       uint32_t *slot) {
  *slot ^= 1;
  if (++*k == p->k_parts) {
    *k = 0;
    if (++*chunk == p->chunks) {
      *chunk = 0;
      ++*piece;
    }
  }
}

/* A, scales, the bias if it is needed, B of each block of a split product. A's credit and B's post
 * cover all. */
static bool next_split_load(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it,
                            tsr_gemm_load_t *load) {
  enum { STAGE_A, STAGE_A_SCALES, STAGE_B_SCALES, STAGE_BIAS, STAGE_B };
  if (it->piece == p->pieces) {
    return false;
  }
  const uint64_t k_scales = (uint64_t)it->k * p->scale_bytes;
  const uint64_t row = p->m0 + it->piece * p->row_step, col = p->n0 + it->chunk * p->col_step;
  const uint64_t k_offset = (uint64_t)it->k * p->k_part;
  const uint32_t bytes = bytes_of_part(p, it->k);
  const uint32_t scales =
      min_u32(p->scale_bytes, ceil_div(p->args.k, TSR_ME_SCALE_BLOCK) - (uint32_t)k_scales);
  const uint32_t rows = rows_of_piece(p, it->piece), cols = cols_of_chunk(p, it->chunk);
  const uint32_t b_dst = p->b_base + it->slot * p->b_slot;
  const bool bias = it->k == 0 && (p->args.flags & TSR_GEMM_BIAS) != 0;
  load->wait_sem = TSR_GEMM_NO_SEM;
  load->post_sem = TSR_GEMM_NO_SEM;
  switch (it->stage) {
    case STAGE_A:
      set_load(load, TSR_GEMM_LOAD_A, p->args.a + row * p->args.lda + k_offset,
               p->a_base + it->slot * p->a_slot, rows, bytes);
      load->wait_sem = TSR_GEMM_SEM_FREE_A;
      it->stage = p->mx ? STAGE_A_SCALES : bias ? STAGE_BIAS : STAGE_B;
      break;
    case STAGE_A_SCALES:
      set_load(load, TSR_GEMM_LOAD_A_SCALES, p->args.a_scale + row * p->args.lda_scale + k_scales,
               p->a_scales + it->slot * p->a_scale_slot, rows, scales);
      it->stage = STAGE_B_SCALES;
      break;
    case STAGE_B_SCALES:
      set_load(load, TSR_GEMM_LOAD_B_SCALES, p->args.b_scale + col * p->args.ldb_scale + k_scales,
               p->b_scales + it->slot * p->b_scale_slot, cols, scales);
      it->stage = bias ? STAGE_BIAS : STAGE_B;
      break;
    case STAGE_BIAS:
      set_load(load, TSR_GEMM_LOAD_BIAS, p->args.bias + 4 * col, b_dst + p->bias_offset, 1,
               4 * cols);
      it->stage = STAGE_B;
      break;
    default:
      set_load(load, TSR_GEMM_LOAD_B, p->args.b + col * p->args.ldb + k_offset, b_dst, cols, bytes);
      load->post_sem = TSR_GEMM_SEM_LOADED;
      it->stage = STAGE_A;
      step_split(p, &it->piece, &it->chunk, &it->k, &it->slot);
      break;
  }
  return true;
}

void tsr_gemm_start_loads(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it) {
  *it = (tsr_gemm_load_iter_t){
      .a_src = p->args.a + (uint64_t)p->m0 * p->args.lda, .a_left = p->rows, .b_dst = p->b_base};
}

bool tsr_gemm_next_load(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, tsr_gemm_load_t *load) {
  if (p->rows == 0 || p->cols == 0) {
    return false;
  }
  if (p->k_parts > 1) {
    return next_split_load(p, it, load);
  }
  for (;;) {
    if (!it->inside) {
      if (!next_event(p, &it->walk)) {
        return false;
      }
      it->inside = true;
      it->stage = 0;
      if (it->walk.is_a && it->walk.index == 0) { /* a panel begins */
        it->a_dst = p->a_base;
        it->b_src = p->args.b + (uint64_t)p->n0 * p->args.ldb;
        it->b_left = p->cols;
      }
    }
    if (event_load(p, it, load)) {
      return true;
    }
  }
}

bool tsr_gemm_shares_left(const tsr_gemm_plan_t *p, const tsr_gemm_load_iter_t *it) {
  const tsr_gemm_walk_t *w = &it->walk;
  if (w->panel != 0 || w->ended) {
    return false;
  }
  return w->na < min_u32(p->shared_a, p->pieces) || w->nb < min_u32(p->shared_b, p->chunks) ||
         (it->inside && w->index < (w->is_a ? p->shared_a : p->shared_b));
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* Fill in what follows from piece, chunk and slots; rows is set already. */
static void place_block(const tsr_gemm_plan_t *p, uint32_t piece, uint32_t chunk, uint32_t a_slot,
                        uint32_t b_slot, uint32_t c_slot, tsr_gemm_block_t *block) {
  block->row = piece * p->row_step;
  block->col = chunk * p->col_step;
  block->cols = cols_of_chunk(p, chunk);
  block->a = p->a_base + a_slot * p->a_slot;
  block->b = p->b_base + b_slot * p->b_slot;
  block->bias = block->b + p->bias_offset;
  block->a_scales = p->a_scales + a_slot * p->a_scale_slot;
  block->b_scales = p->b_scales + b_slot * p->b_scale_slot;
  block->sum = p->c_base + c_slot * p->c_slot;
  block->o = block->sum + p->o_offset;
}

static void next_c_slot(const tsr_gemm_plan_t *p, tsr_gemm_block_iter_t *it) {
  it->c_slot = it->c_slot + 1 == p->c_slots ? 0 : it->c_slot + 1;
}

static bool next_split_block(const tsr_gemm_plan_t *p, tsr_gemm_block_iter_t *it,
                             tsr_gemm_block_t *block) {
  if (it->piece == p->pieces) {
    return false;
  }
  *block = (tsr_gemm_block_t){.rows = rows_of_piece(p, it->piece),
                              .k_bytes = bytes_of_part(p, it->k),
                              .first = it->k == 0,
                              .last = it->k + 1 == p->k_parts,
                              .wait_loads = 1,
                              .wait_c = it->k == 0 && it->blocks >= p->c_slots,
                              .wait_self = it->k > 0,
                              .post_self = it->k + 1 < p->k_parts,
                              .post_a = 1};
  place_block(p, it->piece, it->chunk, it->slot, it->slot, it->c_slot, block);
  if (!block->last) {
    block->o = block->sum;
  } else {
    it->blocks++;
    next_c_slot(p, it);
  }
  step_split(p, &it->piece, &it->chunk, &it->k, &it->slot);
  return true;
}

/* Count what the first block of the current event has to wait for. */
static void add_waits(const tsr_gemm_plan_t *p, tsr_gemm_block_iter_t *it) {
  const tsr_gemm_walk_t *w = &it->walk;
  if (!is_shared(p, w)) {
    it->waits++;
    return;
  }
  const tsr_gemm_group_t *group = w->is_a ? &p->group_a : &p->group_b;
  const uint32_t total = w->is_a ? rows_of_piece(p, w->index) : cols_of_chunk(p, w->index);
  const uint32_t each = part_size(group, total);
  uint32_t parts = 0;
  for (uint32_t first = 0; first < total; first += each) {
    parts++;
  }
  if (w->is_a) {
    it->wait_a = tsr_cmd_sem(TSR_GEMM_SEM_PART_A + w->index, parts);
  } else {
    it->wait_b = tsr_cmd_sem(TSR_GEMM_SEM_PART_B + w->index, parts);
  }
  it->waits += extras_of(p, w->is_a) > 0;
}

bool tsr_gemm_next_block(const tsr_gemm_plan_t *p, tsr_gemm_block_iter_t *it,
                         tsr_gemm_block_t *block) {
  if (p->rows == 0 || p->cols == 0) {
    return false;
  }
  if (p->k_parts > 1) {
    return next_split_block(p, it, block);
  }
  tsr_gemm_walk_t *w = &it->walk;
  while (it->inner == w->others || !w->started) {
    const uint32_t panel = w->panel;
    if (!next_event(p, w)) {
      return false;
    }
    if (w->panel != panel && !p->b_resident) {
      it->first_slot = (it->first_slot + p->chunks) % p->b_slots; /* once a panel */
    }
    w->started = true;
    it->inner = 0;
    add_waits(p, it);
  }
  const uint32_t pieces = pieces_of_panel(p, w->panel);
  const uint32_t piece = w->is_a ? w->index : it->inner;
  const uint32_t chunk = w->is_a ? it->inner : w->index;
  const uint32_t count = w->is_a ? 1 : min_u32(w->others - piece, p->merge);
  uint32_t slot = it->first_slot + chunk;
  while (slot >= p->b_slots) {
    slot -= p->b_slots;
  }
  block->k_bytes = p->k_bytes;
  block->first = true;
  block->last = true;
  block->wait_loads = it->waits;
  block->wait_a = it->wait_a;
  block->wait_b = it->wait_b;
  block->wait_c = it->blocks >= p->c_slots;
  block->wait_self = false;
  block->post_self = false;
  place_block(p, w->panel * p->panel + piece, chunk, piece, slot, it->c_slot, block);
  block->rows = min_u32(p->rows - block->row, count * p->row_step);
  block->post_a = chunk + 1 == p->chunks ? count : 0;
  block->post_b = piece + count == pieces && !p->b_resident &&
                  w->panel * p->chunks + chunk + p->b_slots < p->panels * p->chunks;
  it->waits = 0;
  it->wait_a = 0;
  it->wait_b = 0;
  it->blocks++;
  it->inner += count;
  next_c_slot(p, it);
  return true;
}

void tsr_gemm_drain(const tsr_gemm_plan_t *p, const tsr_gemm_block_t *block,
                    tsr_gemm_drain_t *drain) {
  const uint64_t row = p->m0 + block->row;
  drain->rows = block->rows;
  drain->bytes = block->cols * p->out_bytes;
  drain->src = block->o;
  drain->dst = p->args.c + row * p->args.ldc + (uint64_t)(p->n0 + block->col) * p->out_bytes;
}
