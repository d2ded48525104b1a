/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/gemm_plan.h"

#include <stddef.h>

#include "drivers/me.h"

#define BLOCK TSR_ME_BLOCK
#define MAX_BLOCKS 16u      /* row or column blocks of a piece or chunk */
#define COMMAND_BEATS 512u  /* a command takes at least so long, if the shape allows */
#define MERGED_BEATS 1024u  /* two pieces are merged below this */
#define SPLIT_BEATS 2048u   /* split K: operands are not reused, larger blocks need fewer loads */
#define RESULT_BYTES 16384u /* for result buffers, if there are at least two */
#define MAX_RESULTS 8u
#define MAX_SLOTS 128u /* credits are posted at once, at most 255 */

static uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
static uint32_t round_up(uint32_t a, uint32_t b) { return ceil_div(a, b) * b; }
static uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }

void tsr_gemm_share(uint32_t total, uint32_t index, uint32_t count, uint32_t *first,
                    uint32_t *size) {
  const uint32_t blocks = ceil_div(total, BLOCK);
  const uint32_t each = blocks / count;
  const uint32_t more = blocks % count; /* so many get one block more */
  const uint32_t begin = index * each + min_u32(index, more);
  const uint32_t end = begin + each + (index < more);
  *first = min_u32(begin * BLOCK, total);
  *size = min_u32(end * BLOCK, total) - *first;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

/* Sizes that follow from row_step, col_step and merge. */
static void set_slots(tsr_gemm_plan_t *p) {
  const bool bf16 = (p->args.flags & TSR_GEMM_OUT_BF16) != 0;
  const bool bias = (p->args.flags & TSR_GEMM_BIAS) != 0;
  const uint32_t rows = p->row_step * p->merge;
  p->pieces = ceil_div(p->rows, p->row_step);
  p->chunks = ceil_div(p->cols, p->col_step);
  p->a_slot = p->row_step * p->pitch;
  p->bias_offset = p->col_step * p->pitch;
  p->b_slot = p->bias_offset + (bias ? 4 * p->col_step : 0);
  p->sum_pitch = tsr_me_wide_pitch(p->col_step);
  p->o_pitch = bf16 ? tsr_me_bf16_pitch(p->col_step) : p->sum_pitch;
  p->o_offset = bf16 && p->k_parts > 1 ? rows * p->sum_pitch : 0; /* sums and results lie apart */
  p->c_slot = p->o_offset + rows * p->o_pitch;
}

/* Whether the least number of slots fits: two of each kind where there are two. */
static bool fits(const tsr_gemm_plan_t *p, uint32_t spm_bytes) {
  const uint32_t a = p->k_parts > 1 ? 2 : 1;
  const uint32_t b = p->k_parts > 1 ? 2 : min_u32(p->chunks, 2);
  return a * p->a_slot + b * p->b_slot + 2 * p->c_slot <= spm_bytes;
}

/* Grow pieces and chunks until a command is long enough, and shared loads give each tile eight
 * rows. */
static bool choose_steps(tsr_gemm_plan_t *p, uint32_t spm_bytes) {
  const uint32_t beats = ceil_div(p->k_part, 8);
  const uint32_t target = p->k_parts > 1 ? SPLIT_BEATS : COMMAND_BEATS;
  const uint32_t max_rows = min_u32(round_up(p->rows, BLOCK), MAX_BLOCKS * BLOCK);
  const uint32_t max_cols = min_u32(round_up(p->cols, BLOCK), MAX_BLOCKS * BLOCK);
  p->row_step = BLOCK;
  p->col_step = BLOCK;
  p->merge = 1;
  set_slots(p);
  if (!fits(p, spm_bytes)) {
    return false;
  }
  const uint32_t share_rows = p->group_a.count * BLOCK;
  const uint32_t share_cols = p->group_b.count * BLOCK;
  bool grown = true;
  while (grown && ((p->row_step / BLOCK) * (p->col_step / BLOCK) * beats < target ||
                   p->row_step < share_rows || p->col_step < share_cols)) {
    grown = false;
    for (uint32_t attempt = 0; attempt < 2 && !grown; attempt++) {
      tsr_gemm_plan_t next = *p;
      if ((p->col_step * share_rows <= p->row_step * share_cols) == (attempt == 0)) {
        next.col_step = min_u32(2 * p->col_step, max_cols);
      } else {
        next.row_step = min_u32(2 * p->row_step, max_rows);
      }
      set_slots(&next);
      grown =
          (next.col_step != p->col_step || next.row_step != p->row_step) && fits(&next, spm_bytes);
      if (grown) {
        *p = next;
      }
    }
  }
  if (p->k_parts == 1 && p->pieces > 1 &&
      (p->row_step / BLOCK) * (p->col_step / BLOCK) * beats < MERGED_BEATS) {
    tsr_gemm_plan_t next = *p;
    next.merge = 2;
    set_slots(&next);
    if (fits(&next, spm_bytes)) {
      *p = next;
    }
  }
  return true;
}

/* Share the scratchpad between the three kinds of buffers and place them: A at the bottom, B at the
 * top, C between them, so that the streams meet in the same hyperbank as little as possible. */
static void choose_buffers(tsr_gemm_plan_t *p, uint32_t spm_bytes) {
  const uint32_t hyperbank = spm_bytes / 8;
  p->c_slots = RESULT_BYTES / p->c_slot;
  p->c_slots = p->c_slots < 2 ? 2 : min_u32(p->c_slots, MAX_RESULTS);
  uint32_t a = 1;
  uint32_t b = min_u32(p->chunks, 2);
  if (p->k_parts > 1) {
    a = 2;
    b = 2;
  }
  while (p->c_slots > 2 && p->c_slots * p->c_slot + a * p->a_slot + b * p->b_slot > spm_bytes) {
    p->c_slots--;
  }
  const uint32_t room = spm_bytes - p->c_slots * p->c_slot;
  const uint32_t max_pieces = min_u32(p->pieces, MAX_SLOTS);
  const uint32_t max_chunks = min_u32(p->chunks, MAX_SLOTS);
  if (p->k_parts == 1) {
    const uint32_t some = min_u32(p->chunks, 3);
    if (max_pieces == p->pieces && p->pieces * p->a_slot + some * p->b_slot <= room) {
      a = p->pieces; /* all of A, and B as far as it fits */
      b = min_u32((room - a * p->a_slot) / p->b_slot, max_chunks);
    } else if (max_chunks == p->chunks && p->chunks * p->b_slot + 2 * p->a_slot <= room) {
      b = p->chunks; /* all of B, and A streams */
      a = min_u32((room - b * p->b_slot) / p->a_slot, max_pieces);
    } else {
      b = some * p->b_slot + p->a_slot <= room ? some : b;
      a = min_u32((room - b * p->b_slot) / p->a_slot, max_pieces);
    }
  }
  p->panel = a;
  p->b_slots = b;
  p->merge = min_u32(p->merge, p->panel);

  p->a_base = 0;
  p->b_base = spm_bytes - b * p->b_slot;
  if (p->b_base / hyperbank * hyperbank >= a * p->a_slot + p->c_slots * p->c_slot) {
    p->b_base = p->b_base / hyperbank * hyperbank;
  }
  p->c_base = round_up(a * p->a_slot, hyperbank);
  if (p->c_base + p->c_slots * p->c_slot > p->b_base) {
    p->c_base = a * p->a_slot;
  }
}

/* Group of position `index` among `count` positions that have work. */
static tsr_gemm_group_t group_of(uint32_t index, uint32_t count) {
  const uint32_t first = index / TSR_GEMM_GROUP * TSR_GEMM_GROUP;
  return (tsr_gemm_group_t){first, min_u32(count - first, TSR_GEMM_GROUP), index - first};
}

int tsr_gemm_plan(const tsr_gemm_args_t *args, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                  uint32_t spm_bytes, tsr_gemm_plan_t *p) {
  const uint32_t known = TSR_GEMM_RELU | TSR_GEMM_BIAS | TSR_GEMM_OUT_BF16 | TSR_GEMM_NO_SHARE;
  if (args->format > TSR_GEMM_INT8 || (args->flags & ~known) != 0 ||
      (args->format == TSR_GEMM_INT8 && (args->flags & TSR_GEMM_OUT_BF16) != 0)) {
    return TSR_GEMM_BAD_FORMAT;
  }
  const uint32_t element = args->format == TSR_GEMM_INT8 ? 1 : 2;
  *p = (tsr_gemm_plan_t){.args = *args};
  p->out_bytes = (args->flags & TSR_GEMM_OUT_BF16) != 0 ? 2 : 4;
  if (args->m == 0 || args->n == 0 || args->k == 0 || args->k > (1u << 30) ||
      args->n > (1u << 28) || args->m > (1u << 30) || x >= w || y >= h) {
    return TSR_GEMM_BAD_SHAPE;
  }
  p->k_bytes = args->k * element;
  if (args->lda < p->k_bytes || args->ldb < p->k_bytes || args->ldc < args->n * p->out_bytes) {
    return TSR_GEMM_BAD_SHAPE;
  }
  p->k_part = p->k_bytes <= TSR_GEMM_WHOLE_K_BYTES ? p->k_bytes : TSR_GEMM_SPLIT_K_BYTES;
  p->k_parts = ceil_div(p->k_bytes, p->k_part);
  p->pitch = tsr_me_operand_pitch(p->k_part);
  uint32_t rows = 0, cols = 0, first = 0;
  tsr_gemm_share(args->m, y, h, &p->m0, &rows);
  tsr_gemm_share(args->n, x, w, &p->n0, &cols);
  if (rows == 0 || cols == 0) {
    return 0;
  }
  p->group_a = (tsr_gemm_group_t){x, 1, 0};
  p->group_b = (tsr_gemm_group_t){y, 1, 0};
  if (p->k_parts == 1 && (args->flags & TSR_GEMM_NO_SHARE) == 0) {
    p->group_a = group_of(x, min_u32(w, ceil_div(args->n, BLOCK)));
    p->group_b = group_of(y, min_u32(h, ceil_div(args->m, BLOCK)));
  }
  /* The layout is that of the largest part, position 0. */
  tsr_gemm_share(args->m, 0, h, &first, &p->rows);
  tsr_gemm_share(args->n, 0, w, &first, &p->cols);
  if (!choose_steps(p, spm_bytes)) {
    return TSR_GEMM_NO_MEMORY;
  }
  choose_buffers(p, spm_bytes);
  p->rows = rows;
  p->cols = cols;
  p->pieces = ceil_div(rows, p->row_step);
  p->chunks = ceil_div(cols, p->col_step);
  p->panels = ceil_div(p->pieces, p->panel);
  p->b_resident = p->b_slots >= p->chunks;
  p->growth = p->b_resident ? p->chunks : p->b_slots - 1;
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
  return w->is_a ? p->group_a.count > 1 : p->group_b.count > 1 && w->index < p->b_slots;
}

/* Part `index` of `total` rows that a group shares. @param first, size result. */
static void part_of(const tsr_gemm_group_t *group, uint32_t total, uint32_t index, uint32_t *first,
                    uint32_t *size) {
  const uint32_t each = ceil_div(total, group->count);
  *first = min_u32(index * each, total);
  *size = min_u32(each, total - *first);
}

/* ---- loads ---------------------------------------------------------------------------------- */

static tsr_gemm_load_t load_a(const tsr_gemm_plan_t *p, uint32_t piece, uint32_t k, uint32_t slot) {
  const uint64_t row = p->m0 + piece * p->row_step;
  return (tsr_gemm_load_t){
      .kind = TSR_GEMM_LOAD_A,
      .src = p->args.a + row * p->args.lda + (uint64_t)k * p->k_part,
      .dst = p->a_base + slot * p->a_slot,
      .rows = rows_of_piece(p, piece),
      .bytes = bytes_of_part(p, k),
      .wait_sem = TSR_GEMM_SEM_FREE_A,
      .post_sem = TSR_GEMM_SEM_LOADED,
  };
}

static tsr_gemm_load_t load_b(const tsr_gemm_plan_t *p, uint32_t chunk, uint32_t k, uint32_t slot) {
  const uint64_t col = p->n0 + chunk * p->col_step;
  return (tsr_gemm_load_t){
      .kind = TSR_GEMM_LOAD_B,
      .src = p->args.b + col * p->args.ldb + (uint64_t)k * p->k_part,
      .dst = p->b_base + slot * p->b_slot,
      .rows = cols_of_chunk(p, chunk),
      .bytes = bytes_of_part(p, k),
      .wait_sem = TSR_GEMM_SEM_FREE_B,
      .post_sem = TSR_GEMM_SEM_LOADED,
  };
}

static tsr_gemm_load_t load_bias(const tsr_gemm_plan_t *p, uint32_t chunk, uint32_t slot) {
  const uint64_t col = p->n0 + chunk * p->col_step;
  return (tsr_gemm_load_t){
      .kind = TSR_GEMM_LOAD_BIAS,
      .src = p->args.bias + 4 * col,
      .dst = p->b_base + slot * p->b_slot + p->bias_offset,
      .rows = 1,
      .bytes = 4 * cols_of_chunk(p, chunk),
      .wait_sem = TSR_GEMM_SEM_FREE_B,
      .post_sem = TSR_GEMM_NO_SEM,
  };
}

/* Loads of the next block of a split product: A, the bias if it is needed, B. A's credit covers
 * all. */
static bool fill_split(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it) {
  if (it->piece == p->pieces) {
    return false;
  }
  it->next[0] = load_b(p, it->chunk, it->k, it->slot);
  it->next[0].wait_sem = TSR_GEMM_NO_SEM;
  it->pending = 1;
  if (it->k == 0 && (p->args.flags & TSR_GEMM_BIAS) != 0) {
    it->next[1] = load_bias(p, it->chunk, it->slot);
    it->next[1].wait_sem = TSR_GEMM_NO_SEM;
    it->pending = 2;
  }
  return true;
}

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

/* Cut a load down to the own part of a group; false if that is empty. */
static bool keep_part(const tsr_gemm_plan_t *p, const tsr_gemm_group_t *group, uint32_t src_pitch,
                      tsr_gemm_load_t *load) {
  uint32_t first = 0;
  part_of(group, load->rows, group->index, &first, &load->rows);
  load->src += (uint64_t)first * src_pitch;
  load->dst += first * p->pitch;
  load->wait_sem = TSR_GEMM_NO_SEM;
  load->post_sem = TSR_GEMM_SEM_SHARE;
  return load->rows > 0;
}

/* The bias goes in front of the chunk and takes its credit; every tile loads it itself. A shared
 * chunk does not tell when the bias is there, so it posts LOADED. */
static void put_bias_first(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, uint32_t slot,
                           bool shared, bool chunk_follows, tsr_gemm_load_t *load) {
  if (chunk_follows) {
    it->next[0] = *load;
    it->next[0].wait_sem = TSR_GEMM_NO_SEM;
    it->pending = 1;
  }
  *load = load_bias(p, it->walk.index, slot);
  if (shared) {
    load->wait_sem = TSR_GEMM_NO_SEM;
    load->post_sem = TSR_GEMM_SEM_LOADED;
  }
}

bool tsr_gemm_next_load(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it, tsr_gemm_load_t *load) {
  if (it->pending > 0) {
    *load = it->next[--it->pending];
    return true;
  }
  if (p->k_parts > 1) {
    if (p->rows == 0 || p->cols == 0 || !fill_split(p, it)) {
      return false;
    }
    *load = load_a(p, it->piece, it->k, it->slot);
    load->post_sem = TSR_GEMM_NO_SEM; /* B's post covers all */
    step_split(p, &it->piece, &it->chunk, &it->k, &it->slot);
    return true;
  }
  while (next_event(p, &it->walk)) {
    const bool shared = is_shared(p, &it->walk);
    bool any = false;
    if (it->walk.is_a) {
      *load = load_a(p, it->walk.panel * p->panel + it->walk.index, 0, it->walk.index);
      any = !shared || keep_part(p, &p->group_a, p->args.lda, load);
    } else {
      const uint32_t slot = it->b_slot;
      it->b_slot = slot + 1 == p->b_slots ? 0 : slot + 1;
      *load = load_b(p, it->walk.index, 0, slot);
      any = !shared || keep_part(p, &p->group_b, p->args.ldb, load);
      if ((p->args.flags & TSR_GEMM_BIAS) != 0) {
        put_bias_first(p, it, slot, shared, any, load);
        any = true;
      }
    }
    if (any) {
      return true;
    }
  }
  return false;
}

bool tsr_gemm_next_share(const tsr_gemm_plan_t *p, tsr_gemm_load_iter_t *it,
                         tsr_gemm_load_t *part) {
  while (it->walk.panel == 0 && tsr_gemm_next_load(p, it, part)) {
    if (part->post_sem == TSR_GEMM_SEM_SHARE) {
      return true;
    }
  }
  return false;
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
                              .wait_self = it->k > 0,
                              .post_self = it->k + 1 < p->k_parts,
                              .post_a = 1};
  place_block(p, it->piece, it->chunk, it->slot, it->slot, it->c_slot, block);
  if (!block->last) {
    block->o = block->sum;
  } else {
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
  const uint32_t sem = w->is_a ? TSR_GEMM_SEM_PART_A : TSR_GEMM_SEM_PART_B;
  const uint32_t total = w->is_a ? rows_of_piece(p, w->index) : cols_of_chunk(p, w->index);
  for (uint32_t i = 0; i < group->count; i++) {
    uint32_t first = 0, size = 0;
    part_of(group, total, i, &first, &size);
    it->parts |= (uint32_t)(size > 0) << (sem + i);
  }
  it->waits += !w->is_a && (p->args.flags & TSR_GEMM_BIAS) != 0;
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
      it->first_slot = (it->first_slot + p->chunks) % p->b_slots;
    }
    w->started = true;
    it->inner = 0;
    add_waits(p, it);
  }
  const uint32_t pieces = pieces_of_panel(p, w->panel);
  const uint32_t piece = w->is_a ? w->index : it->inner;
  const uint32_t chunk = w->is_a ? it->inner : w->index;
  const uint32_t count = w->is_a ? 1 : min_u32(w->others - piece, p->merge);
  const uint32_t slot = it->first_slot + chunk;
  *block = (tsr_gemm_block_t){
      .k_bytes = p->k_bytes,
      .first = true,
      .last = true,
      .wait_loads = it->waits,
      .wait_parts = it->parts,
  };
  place_block(p, w->panel * p->panel + piece, chunk, piece, slot % p->b_slots, it->c_slot, block);
  block->rows = min_u32(p->rows - block->row, count * p->row_step);
  block->post_a = chunk + 1 == p->chunks ? count : 0;
  block->post_b = piece + count == pieces && !p->b_resident &&
                  w->panel * p->chunks + chunk + p->b_slots < p->panels * p->chunks;
  it->waits = 0;
  it->parts = 0;
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
