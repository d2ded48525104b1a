/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/tdma.h"

#include <stddef.h>

/* Word 12 of the configuration row. */
#define FLAG_MIRROR (1u << 2)
#define FLAG_NIBBLE (1u << 3)

#define INDEXES_A_BEAT 16u

uint32_t tsr_tdma_bytes(tsr_tdma_element_t element, uint32_t n) {
  return element == TSR_TDMA_BITS4 ? (n + 1) / 2 : n << (element - TSR_TDMA_BYTES1);
}

static void clear(tsr_tdma_op_t *op, uint32_t code, uint32_t src, uint32_t dst) {
  *op = (tsr_tdma_op_t){.op = code, .src = src, .dst = dst};
}

static uint32_t pair(uint32_t low, uint32_t high) { return low | (high << 16); }

/* Configuration row of a byte mover: `count` bytes an element. */
static tsr_status_t set_walk(uint32_t *row, uint32_t count, const tsr_tdma_loop_t *loops) {
  uint32_t n[TSR_TDMA_LOOPS];
  if (count == 0 || count > TSR_TDMA_MAX_COUNT || loops == NULL) {
    return TSR_INVALID;
  }
  row[0] = count;
  for (uint32_t i = 0; i < TSR_TDMA_LOOPS; i++) {
    if (loops[i].count > UINT16_MAX) {
      return TSR_INVALID;
    }
    n[i] = loops[i].count == 0 ? 1 : loops[i].count;
    row[1 + i] = (uint32_t)loops[i].src;
    row[4 + i] = (uint32_t)loops[i].dst;
  }
  row[7] = pair(n[0], n[1]);
  row[8] = pair(n[2], n[0]);
  row[9] = pair(n[1], n[2]);
  return TSR_OK;
}

tsr_status_t tsr_tdma_copy(uint32_t src, uint32_t dst, uint32_t count,
                           const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS], tsr_tdma_op_t *op) {
  if (op == NULL) {
    return TSR_INVALID;
  }
  clear(op, TSR_OP_TCOPY, src, dst);
  return set_walk(op->row[TSR_TDMA_ROW_CONFIG], count, loops);
}

tsr_status_t tsr_tdma_fill(uint32_t dst, uint32_t count, uint32_t pattern,
                           const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS], tsr_tdma_op_t *op) {
  if (op == NULL) {
    return TSR_INVALID;
  }
  clear(op, TSR_OP_TFILL, 0, dst);
  op->pattern = pattern;
  return set_walk(op->row[TSR_TDMA_ROW_CONFIG], count, loops);
}

/* A beat takes a block of the source, 8 bytes or more of each of its rows, and leaves it as rows of
 * 8 bytes of the destination. 4-bit elements are turned in blocks of 16 x 16: two beats. */
typedef struct {
  uint8_t rows, cols; /* of the block */
  uint8_t w_log2;     /* lanes of a row of it in the source */
  uint8_t xpose;
} block_t;

static const block_t blocks[] = {{16, 16, 0, TSR_XPOSE_NONE},
                                 {8, 8, 0, TSR_XPOSE_B1},
                                 {4, 8, 1, TSR_XPOSE_B2},
                                 {2, 8, 2, TSR_XPOSE_B4}};

tsr_status_t tsr_tdma_turn(tsr_tdma_element_t element, uint32_t rows, uint32_t cols,
                           tsr_tdma_plane_t src, tsr_tdma_plane_t dst, tsr_tdma_turn_t turn,
                           tsr_tdma_loop_t batch, tsr_tdma_op_t *op) {
  if (op == NULL || element > TSR_TDMA_BYTES4 || rows == 0 || cols == 0) {
    return TSR_INVALID;
  }
  const block_t *b = &blocks[element];
  const bool nibble = element == TSR_TDMA_BITS4;
  const bool rows_back = turn == TSR_TDMA_ROTATE90 || turn == TSR_TDMA_ANTI_TRANSPOSE;
  const bool cols_back = turn == TSR_TDMA_ROTATE270 || turn == TSR_TDMA_ANTI_TRANSPOSE;
  const uint32_t first = nibble ? 1 : 0; /* loop of the columns of blocks */
  const uint32_t wide = 8u << b->w_log2; /* bytes of a block's row */
  const uint32_t count_r = (rows + b->rows - 1) / b->rows, count_c = (cols + b->cols - 1) / b->cols;
  const int32_t from_pitch = (int32_t)(rows_back ? 0 - src.pitch : src.pitch);
  const int32_t to_pitch = (int32_t)(cols_back ? 0 - dst.pitch : dst.pitch);
  tsr_agu_t from = {.pitch = (uint32_t)from_pitch,
                    .w_log2 = b->w_log2,
                    .xpose = (tsr_xpose_t)b->xpose,
                    .edge_rows = rows % b->rows,
                    .edge_rows_loop = first + 1,
                    .edge_rows_over_0 = nibble,
                    .edge_bytes = tsr_tdma_bytes(element, cols) % wide,
                    .edge_bytes_loop = first};
  tsr_agu_t to = {.pitch = (uint32_t)to_pitch,
                  .edge_rows = cols % b->cols,
                  .edge_rows_loop = first,
                  .edge_rows_over_0 = nibble,
                  .edge_bytes = tsr_tdma_bytes(element, rows) % 8,
                  .edge_bytes_loop = first + 1};
  if (nibble) {
    from.loop[0] = (tsr_agu_loop_t){.count = 2, .stride = 8 * from_pitch};
    to.loop[0] = (tsr_agu_loop_t){.count = 2, .stride = 8 * to_pitch};
  }
  from.loop[first] = (tsr_agu_loop_t){.count = count_c, .stride = (int32_t)wide};
  to.loop[first] = (tsr_agu_loop_t){.count = count_c, .stride = b->cols * to_pitch};
  from.loop[first + 1] = (tsr_agu_loop_t){.count = count_r, .stride = b->rows * from_pitch};
  to.loop[first + 1] = (tsr_agu_loop_t){.count = count_r, .stride = 8};
  from.loop[first + 2] = (tsr_agu_loop_t){.count = batch.count, .stride = batch.src};
  to.loop[first + 2] = (tsr_agu_loop_t){.count = batch.count, .stride = batch.dst};
  clear(op, TSR_OP_TTRANS, rows_back ? src.base + (rows - 1) * src.pitch : src.base,
        cols_back ? dst.base + (cols - 1) * dst.pitch : dst.base);
  op->row[TSR_TDMA_ROW_CONFIG][12] = nibble ? FLAG_NIBBLE : 0;
  TSR_TRY(tsr_agu_encode(&from, op->row[TSR_TDMA_ROW_SRC]));
  return tsr_agu_encode(&to, op->row[TSR_TDMA_ROW_DST]);
}

tsr_status_t tsr_tdma_mirror(tsr_tdma_element_t element, uint32_t rows, uint32_t cols,
                             tsr_tdma_plane_t src, tsr_tdma_plane_t dst, bool x, bool y,
                             tsr_tdma_op_t *op) {
  if (op == NULL || element > TSR_TDMA_BYTES4 || rows == 0 || cols == 0 ||
      (x && element == TSR_TDMA_BITS4 && cols % 2 != 0)) {
    return TSR_INVALID;
  }
  const int32_t to_pitch = (int32_t)(y ? 0 - dst.pitch : dst.pitch);
  const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {{rows, (int32_t)src.pitch, to_pitch}};
  TSR_TRY(tsr_tdma_copy(src.base, y ? dst.base + (rows - 1) * dst.pitch : dst.base,
                        tsr_tdma_bytes(element, cols), loops, op));
  if (x) {
    op->row[TSR_TDMA_ROW_CONFIG][12] = FLAG_MIRROR | (uint32_t)element; /* units: the same order */
  }
  return TSR_OK;
}

/* What gather and scatter share: a walk over the packed rows, and the index stream. */
static tsr_status_t set_indexed(tsr_tdma_op_t *op, tsr_tdma_plane_t table, uint32_t limit,
                                uint32_t index, tsr_tdma_loop_t packed, uint32_t row_bytes) {
  const uint32_t rows = packed.count;
  if (rows == 0 || rows > UINT16_MAX || table.pitch == 0 || table.pitch > TSR_TDMA_MAX_COUNT ||
      (index & 7) != 0) {
    return TSR_INVALID;
  }
  const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {packed};
  uint32_t *config = op->row[TSR_TDMA_ROW_CONFIG];
  TSR_TRY(set_walk(config, row_bytes, loops));
  config[10] = table.pitch;
  config[11] = limit;
  op->index = index;
  const tsr_agu_t list = tsr_agu_rows(1, 4 * rows, 0);
  return tsr_agu_encode(&list, op->row[TSR_TDMA_ROW_INDEX]);
}

tsr_status_t tsr_tdma_gather(tsr_tdma_plane_t table, uint32_t limit, uint32_t index,
                             tsr_tdma_plane_t packed, uint32_t rows, uint32_t row_bytes,
                             tsr_tdma_op_t *op) {
  if (op == NULL) {
    return TSR_INVALID;
  }
  clear(op, TSR_OP_TGATHER, table.base, packed.base);
  const tsr_tdma_loop_t walk = {rows, 0, (int32_t)packed.pitch};
  return set_indexed(op, table, limit, index, walk, row_bytes);
}

tsr_status_t tsr_tdma_scatter(tsr_tdma_plane_t packed, uint32_t index, tsr_tdma_plane_t table,
                              uint32_t limit, uint32_t rows, uint32_t row_bytes,
                              tsr_tdma_op_t *op) {
  if (op == NULL) {
    return TSR_INVALID;
  }
  clear(op, TSR_OP_TSCATTER, packed.base, table.base);
  const tsr_tdma_loop_t walk = {rows, (int32_t)packed.pitch, 0};
  return set_indexed(op, table, limit, index, walk, row_bytes);
}

tsr_status_t tsr_tdma_set_context(const tsr_tdma_t *h, uint32_t ctx, const tsr_tdma_op_t *op) {
  if (h == NULL || ctx >= TSR_CONTEXTS || op == NULL) {
    return TSR_INVALID;
  }
  const bool turn = op->op == TSR_OP_TTRANS;
  const bool indexed = op->op == TSR_OP_TGATHER || op->op == TSR_OP_TSCATTER;
  const bool used[TSR_TDMA_ROWS] = {true, turn, turn, indexed};
  for (uint32_t r = 0; r < TSR_TDMA_ROWS; r++) {
    const tsr_mmio_t to = {h->contexts.base + ctx * TSR_CTX_BYTES + r * TSR_CTX_ROW_BYTES};
    for (uint32_t i = 0; used[r] && i < TSR_CTX_ROW_WORDS; i++) {
      tsr_mmio_write(to, 4 * i, op->row[r][i]);
    }
  }
  return TSR_OK;
}

void tsr_tdma_cmd(tsr_cmd_t *cmd, uint32_t ctx, uint32_t id, const tsr_tdma_op_t *op) {
  tsr_cmd_init(cmd, op->op, ctx, id);
  cmd->w[TSR_CMD_W_ARG0] = op->src;
  cmd->w[TSR_CMD_W_ARG1] = op->dst;
  cmd->w[TSR_CMD_W_ARG2] = op->index;
  cmd->w[TSR_CMD_W_PATTERN] = op->pattern;
}
