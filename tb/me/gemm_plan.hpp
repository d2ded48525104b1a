// SPDX-License-Identifier: Apache-2.0
/// Matrices in the scratchpad for one GEMM command of any format, size, order of operands and
/// grid, and the context and command for it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engines/me.hpp"
#include "me/me_env.hpp"
#include "numerics/matrix.hpp"

namespace tsr::tb {

/// O[b][m][n] = A[b][m][k] * B[b][n][k]^T (+ C[b][m][n]); edges are masked. A transposed operand
/// lies as [k][m] or [k][n]. K of 4-bit formats is even.
struct GemmPlan {
  unsigned m = 0, n = 0, k = 0;  // elements
  unsigned batch = 1;
  unsigned grid = 8;
  engines::MeConfig me;
  bool bias = false;                      // preload one row of n values instead of a matrix
  bool trans_a = false, trans_b = false;  // not for 4-bit formats
  unsigned k_split = 1;                   // K in two loops, kloop 1; divides the beats of K
  unsigned pad = 0;                       // bytes added to each row, multiple of 8
  std::uint32_t a = 0, b = 0, c = 0, o = 0, sa = 0, sb = 0;   // offsets, multiples of 8
  std::uint32_t lda = 0, ldb = 0, ldc = 0, ldo = 0, lds = 0;  // bytes, multiples of 8
  std::uint32_t end = 0;

  static std::uint32_t up(std::uint32_t bytes) { return (bytes + 7) & ~7U; }
  unsigned bits() const { return static_cast<unsigned>(numerics::matrix_element_bits(me.format)); }
  unsigned result() const { return me.out_bf16 ? 2 : 4; }
  unsigned blocks_m() const { return (m + grid - 1) / grid; }
  unsigned blocks_n() const { return (n + grid - 1) / grid; }
  unsigned beats_k() const { return (k * bits() + 63) / 64; }
  std::uint64_t beats() const { return std::uint64_t{beats_k()} * blocks_m() * blocks_n() * batch; }
  std::uint32_t rows_c() const { return bias ? 1 : m; }

  /// Place everything one after the other from `at` on.
  void place(std::uint32_t at = 0) {
    lda = up(trans_a ? m * bits() / 8 : (k * bits() + 7) / 8) + pad;
    ldb = up(trans_b ? n * bits() / 8 : (k * bits() + 7) / 8) + pad;
    ldc = up(n * 4) + pad;
    ldo = up(n * result()) + pad;
    lds = up(scale_bytes()) + pad;
    const auto take = [&at](std::uint32_t bytes) {
      const std::uint32_t here = at;
      at += bytes;
      return here;
    };
    a = take(batch * lda * (trans_a ? k : m));
    b = take(batch * ldb * (trans_b ? k : n));
    sa = take(me.mx ? batch * lds * m : 0);
    sb = take(me.mx ? batch * lds * n : 0);
    c = take(me.preload ? batch * ldc * rows_c() : 0);
    o = take(batch * ldo * m);
    end = at;
  }

  engines::MeContext context() const {
    engines::MeContext out;
    engines::MeConfig config = me;
    config.kloop = k_split > 1 ? 1 : 0;
    out.me = config.to_row();
    const auto config_a = operand(a_side());
    const auto config_b = operand(b_side());
    out.a = config_a.to_row();
    out.b = config_b.to_row();
    out.c = results(ldc, 4, bias).to_row();
    out.o = results(ldo, result(), false).to_row();
    if (me.mx) {
      out.scale = engines::scale_row(scales(a_side(), config_a), scales(b_side(), config_b));
    }
    return out;
  }

  std::array<std::uint32_t, 4> bases() const { return {a, b, c, o}; }

  engines::MeJob job() const {
    engines::MeJob job;
    job.context = context();
    job.base = bases();
    job.scale_base = {sa, sb};
    job.grid = grid;
    return job;
  }

  MeCommand command(unsigned context_index, std::uint16_t id, bool overlap = false) const {
    return {0x21, context_index, id, bases(), {sa, sb}, overlap};
  }

 private:
  struct Side {
    std::uint32_t pitch;
    unsigned rows;
    unsigned row_loop;  // 0: blocks of n, 1: blocks of m, behind the loops of K
    bool transposed;
    unsigned inner;  // iterations of loop 0
  };
  Side a_side() const { return {lda, m, 1, trans_a, beats_k() / k_split}; }
  /// K is split the other way round.
  Side b_side() const { return {ldb, n, 0, trans_b, k_split > 1 ? k_split : beats_k()}; }

  unsigned scale_bytes() const {  // of a row: every run of loop 0 begins a new access
    const unsigned largest = std::max(a_side().inner, b_side().inner);
    const unsigned runs = std::max(beats_k() / a_side().inner, beats_k() / b_side().inner);
    return 8 * runs * engines::scale_accesses(me.format, largest);
  }

  /// Lanes 4..7 of a beat with one row a lane do not exist on the small grid.
  void mask_small_grid(engines::AguBuilder& agu) const {
    if (grid == 4) agu.window = {4, 1, 0, 0, 1};
  }

  engines::AguConfig operand(const Side& side) const {
    engines::AguBuilder agu;
    const auto pitch = static_cast<std::int32_t>(side.pitch);
    const auto cells = static_cast<std::int32_t>(grid);
    const unsigned bytes = bits() / 8;
    const unsigned rows_of_k = side.transposed ? 8 / bytes : 0;
    const std::int32_t step_k = side.transposed ? static_cast<std::int32_t>(rows_of_k) * pitch : 8;
    const std::int32_t step =
        side.transposed ? cells * static_cast<std::int32_t>(bytes) : cells * pitch;
    const std::uint32_t plane = side.pitch * (side.transposed ? k : side.rows);
    agu.pitch = side.pitch;
    agu.loops = {{side.inner, step_k}};
    if (k_split > 1) {
      agu.loops.push_back({beats_k() / side.inner, step_k * static_cast<std::int32_t>(side.inner)});
    }
    const auto first = static_cast<unsigned>(agu.loops.size());
    agu.loops.push_back({blocks_n(), side.row_loop == 0 ? step : 0});
    agu.loops.push_back({blocks_m(), side.row_loop == 1 ? step : 0});
    agu.loops.push_back({batch, static_cast<std::int32_t>(plane)});
    if (side.transposed) {
      agu.w = bytes;
      agu.xpose = bytes == 1   ? engines::Transpose::Bytes1
                  : bytes == 2 ? engines::Transpose::Bytes2
                               : engines::Transpose::Bytes4;
      agu.edge_rows(0, k, rows_of_k);
      agu.edge_bytes(first + side.row_loop, side.rows * bytes, grid * bytes);
    } else {
      agu.edge_rows(first + side.row_loop, side.rows, grid);
      agu.edge_bytes(0, k * bits() / 8, 8);
      mask_small_grid(agu);
    }
    return agu.config();
  }

  engines::ScaleConfig scales(const Side& side, const engines::AguConfig& config) const {
    engines::ScaleConfig out;
    const unsigned count = engines::scale_accesses(me.format, side.inner);
    const auto pitch = static_cast<std::int32_t>(lds);
    const unsigned first = k_split > 1 ? 2 : 1;
    std::array<std::int32_t, 6> stride{8, 0, 0, 0, 0, 0};
    if (k_split > 1) stride[1] = 8 * static_cast<std::int32_t>(count);
    stride[first + side.row_loop] = static_cast<std::int32_t>(grid) * pitch;
    stride[first + 2] = static_cast<std::int32_t>(side.rows) * pitch;
    out.pitch = lds;
    out.set_strides(stride, config, count);
    return out;
  }

  /// Results: an access is whole rows of a block.
  engines::AguConfig results(std::uint32_t pitch, unsigned bytes, bool one_row) const {
    engines::AguBuilder agu;
    const unsigned lanes = grid * bytes / 8;  // of a row
    const unsigned rows = std::min(grid, 8 / lanes);
    const auto row = static_cast<std::int32_t>(one_row ? 0 : pitch);
    agu.w = lanes;
    agu.pitch = one_row ? 0 : pitch;
    agu.loops = {{grid / rows, static_cast<std::int32_t>(rows) * row},
                 {blocks_n(), static_cast<std::int32_t>(grid * bytes)},
                 {blocks_m(), static_cast<std::int32_t>(grid) * row},
                 {batch, static_cast<std::int32_t>(pitch * (one_row ? 1 : m))}};
    agu.edge_rows(2, m, grid);
    agu.rows.over_loop0 = true;
    agu.edge_bytes(1, n * bytes, grid * bytes);
    if (lanes == 1) mask_small_grid(agu);
    return agu.config();
  }
};

}  // namespace tsr::tb
