// SPDX-License-Identifier: Apache-2.0
/// Functional model of the layout engine (TDMA), and builders that make its commands for the named
/// layout operations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engines/agu.hpp"
#include "engines/me.hpp"

namespace tsr::engines {

/// Opcodes of the layout engine, tsr_tile_pkg::opcode_e.
enum class TdmaOp : std::uint8_t {
  Nop = 0x00,
  Copy = 0x41,       ///< strided copy, any byte alignment
  Transpose = 0x42,  ///< patterns of eight lanes through the streams
  Gather = 0x43,     ///< rows named by an index stream -> walked elements
  Scatter = 0x44,    ///< walked elements -> rows named by an index stream
  Fill = 0x45        ///< pattern -> walked elements
};

/// Unit of a mirrored element, tsr_tdma_pkg::unit_e.
enum class TdmaUnit : std::uint8_t { Nibble = 0, Bytes1 = 1, Bytes2 = 2, Bytes4 = 3 };

/// Context row RowTdma (tsr_tdma_pkg::tdma_cfg_t).
struct TdmaConfig {
  std::uint32_t count = 1;                   ///< bytes of an element, 1..2^20
  std::array<std::int32_t, 3> src_stride{};  ///< bytes
  std::array<std::int32_t, 3> dst_stride{};
  std::array<std::uint16_t, 3> src_iter{1, 1, 1};  ///< iterations, 0 innermost
  std::array<std::uint16_t, 3> dst_iter{1, 1, 1};
  std::uint32_t idx_scale = 0;  ///< bytes per index unit, 1..2^20
  std::uint32_t idx_limit = 0;  ///< an index must be smaller; 0 = no limit
  TdmaUnit unit = TdmaUnit::Nibble;
  bool mirror = false;  ///< Copy: units of each element in reverse order
  bool nibble = false;  ///< Transpose: of 4-bit elements

  static TdmaConfig from_row(const ContextRow& row);
  ContextRow to_row() const;
};

/// A command with its context.
struct TdmaCommand {
  std::uint8_t op = 0;        ///< TdmaOp
  std::uint32_t src = 0;      ///< argument 0: byte offset in the scratchpad
  std::uint32_t dst = 0;      ///< argument 1
  std::uint32_t index = 0;    ///< argument 2: index list
  std::uint32_t pattern = 0;  ///< byte i of the scratchpad gets pattern byte i mod 4
  ContextRow tdma{};          ///< RowTdma
  ContextRow rd{};            ///< RowTsrc (Transpose), RowTidx (Gather, Scatter)
  ContextRow wr{};            ///< RowTdst (Transpose)

  /// Command words (tsr_tile_pkg::cmd_t) without semaphores.
  std::array<std::uint32_t, 16> to_words(unsigned context, std::uint16_t id) const;
  /// The rows of the context, in the store's order; rows that the command does not read are zero.
  std::array<ContextRow, 4> context_rows() const;
};

/// Result of a command.
struct TdmaResult {
  CmdError error = CmdError::Ok;
  std::uint64_t address = 0;  ///< offending address, 0 if there is none
  std::uint64_t bytes = 0;    ///< written, where the command did not fail
};

/// Why a command cannot start (error and address), or Ok.
TdmaResult tdma_check(const TdmaCommand& command);

/// Run a command on the scratchpad contents. Source and destination must not overlap.
/// After CmdError::Range of an element, and CmdError::Shape of an index list that is too short or
/// too long, what was moved before is exact. After CmdError::Range of an access of a Transpose or
/// of an index list, the hardware may have written less than the model.
/// `observer` may be null.
TdmaResult tdma_run(const TdmaCommand& command, std::vector<std::uint8_t>& spm,
                    WriteObserver* observer = nullptr);

// ---------------------------------------------------------------- named layout operations
// Offsets, pitches and strides are bytes.

/// A loop around an operation: iteration i is at i * stride on each side.
struct TdmaLoop {
  std::uint16_t count = 1;
  std::int32_t src_stride = 0;
  std::int32_t dst_stride = 0;
};

/// Rows of a matrix in the scratchpad.
struct TdmaPlane {
  std::uint32_t base = 0;
  std::uint32_t pitch = 0;
};

enum class TdmaElement : std::uint8_t { Bits4, Bytes1, Bytes2, Bytes4, Bytes8 };

/// Bytes of `n` elements in a row.
std::uint32_t tdma_bytes(TdmaElement element, std::uint32_t n);

/// Copy runs of `count` bytes; at most three loops, innermost first.
TdmaCommand tdma_copy(std::uint32_t src, std::uint32_t dst, std::uint32_t count,
                      const std::vector<TdmaLoop>& loops = {});

/// Copy a matrix of `rows` x `row_bytes`; at most two loops around it. Rows that follow each other
/// without a gap on both sides become one run.
TdmaCommand tdma_copy_2d(TdmaPlane src, TdmaPlane dst, std::uint32_t rows, std::uint32_t row_bytes,
                         const std::vector<TdmaLoop>& batch = {});

/// Fill runs of `count` bytes; at most three loops (their src_stride is not used).
TdmaCommand tdma_fill(std::uint32_t dst, std::uint32_t count, std::uint32_t pattern,
                      const std::vector<TdmaLoop>& loops = {});

/// Fill `bytes` bytes (1..4 MiB).
TdmaCommand tdma_memset(std::uint32_t dst, std::uint32_t bytes, std::uint32_t pattern);

/// What happens to a matrix with R rows and C columns.
enum class TdmaTurn : std::uint8_t {
  Transpose,     ///< dst[c][r] = src[r][c]
  Rotate90,      ///< clockwise: dst[c][R-1-r] = src[r][c]
  Rotate270,     ///< dst[C-1-c][r] = src[r][c]
  AntiTranspose  ///< dst[C-1-c][R-1-r] = src[r][c]
};

/// Transpose or rotate a matrix of `rows` x `cols` elements, at 64 bytes a cycle with conflict-free
/// pitches; at most three loops around it (two for Bits4). Bases, pitches and strides are multiples
/// of
/// 8. Bytes of a destination row behind its last element stay; with Bits4 and odd `rows` the
/// last nibble of each destination row becomes 0.
TdmaCommand tdma_turn(TdmaElement element, std::uint32_t rows, std::uint32_t cols, TdmaPlane src,
                      TdmaPlane dst, TdmaTurn turn = TdmaTurn::Transpose,
                      const std::vector<TdmaLoop>& batch = {});

/// Mirror left-right: dst[r][C-1-c] = src[r][c]. Any alignment of the destination; source base and
/// pitch are multiples of the element (Bits4: cols even). At most two loops around it. Not Bytes8.
TdmaCommand tdma_mirror_x(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                          TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch = {});
/// Mirror top-bottom: dst[R-1-r][c] = src[r][c].
TdmaCommand tdma_mirror_y(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                          TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch = {});
/// dst[R-1-r][C-1-c] = src[r][c]; alignment as tdma_mirror_x.
TdmaCommand tdma_rotate180(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                           TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch = {});

/// Matrix with a border of pattern: two commands, fill and copy.
struct TdmaBorder {
  std::uint32_t top = 0, bottom = 0;  ///< rows
  std::uint32_t left = 0, right = 0;  ///< bytes
};
std::vector<TdmaCommand> tdma_pad(TdmaPlane src, TdmaPlane dst, std::uint32_t rows,
                                  std::uint32_t row_bytes, const TdmaBorder& border,
                                  std::uint32_t pattern);

/// A part of a concatenation: rows of `row_bytes`.
struct TdmaPart {
  TdmaPlane plane;
  std::uint32_t rows = 0;
  std::uint32_t row_bytes = 0;
};
/// Parts side by side (equal `rows`), or one below the other: one command each.
std::vector<TdmaCommand> tdma_concat_columns(const std::vector<TdmaPart>& parts, TdmaPlane dst);
std::vector<TdmaCommand> tdma_concat_rows(const std::vector<TdmaPart>& parts, TdmaPlane dst);

/// Dense tensors. One command: a batched transpose where the layout is a multiple of 8 bytes
/// (bases, h * w elements, c elements), else a copy of single elements (1, 2, 4 bytes), one a
/// cycle.
TdmaCommand tdma_nchw_to_nhwc(TdmaElement element, std::uint32_t n, std::uint32_t c,
                              std::uint32_t h, std::uint32_t w, std::uint32_t src,
                              std::uint32_t dst);
TdmaCommand tdma_nhwc_to_nchw(TdmaElement element, std::uint32_t n, std::uint32_t c,
                              std::uint32_t h, std::uint32_t w, std::uint32_t src,
                              std::uint32_t dst);

/// Rows named by a list of 32-bit indices at `index` (multiple of 8).
struct TdmaTable {
  std::uint32_t base = 0;
  std::uint32_t scale = 1;  ///< bytes per index unit: the row pitch, or 1 for byte offsets
  std::uint32_t limit = 0;  ///< an index must be smaller; 0 = no limit
};
/// packed row i = table row index[i]; `rows` rows (1..65535) of `row_bytes`.
TdmaCommand tdma_gather(const TdmaTable& table, std::uint32_t index, TdmaPlane packed,
                        std::uint32_t rows, std::uint32_t row_bytes);
/// table row index[i] = packed row i; of equal indices the last one stays.
TdmaCommand tdma_scatter(TdmaPlane packed, std::uint32_t index, const TdmaTable& table,
                         std::uint32_t rows, std::uint32_t row_bytes);

}  // namespace tsr::engines
