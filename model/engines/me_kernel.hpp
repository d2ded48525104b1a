// SPDX-License-Identifier: Apache-2.0
/// Inner loop of the functional matrix engine: an 8 x 8 tile of cells takes beats. Two versions
/// with the same results bit for bit: a portable one out of numerics/matrix.hpp, and one for
/// processors with AVX-512.
#pragma once

#include <cstddef>
#include <cstdint>

#include "numerics/matrix.hpp"

namespace tsr::engines {

inline constexpr unsigned kMeTile = 8;

/// Cells (r, c) of a tile are number 8 r + c.
struct MeTile {
  alignas(64) std::int64_t m[64];     ///< numerics::Accumulator::m
  alignas(64) std::int32_t e[64];     ///< numerics::Accumulator::e
  alignas(64) std::uint32_t sum[64];  ///< integer formats
  std::uint64_t nan, pinf, ninf;      ///< bit i: of cell i

  void clear();
  void preload(bool int32, unsigned cell, std::uint32_t bits);
  /// All cells at once; `bits` of 64 cells.
  void preload_all(bool int32, const std::uint32_t* bits);
  numerics::Accumulator accumulator(unsigned cell) const;
};

/// What a tile multiplies.
struct MeKind {
  numerics::ElementFormat a = numerics::ElementFormat::Bf16;
  numerics::ElementFormat b = numerics::ElementFormat::Bf16;
  bool mx = false;
  numerics::GroupRule rule{};

  MeKind(numerics::ElementFormat format_a, numerics::ElementFormat format_b, bool scaled)
      : a(format_a), b(format_b), mx(scaled), rule(numerics::group_rule(a, b, mx)) {}
};

/// Consecutive beats. A beat is 64 bytes of either operand: 8 bytes of K for each of 8 rows or
/// columns. With block scales: 8 bytes a beat, one for each row or column.
struct MeBeats {
  const std::uint8_t* a = nullptr;
  const std::uint8_t* b = nullptr;
  const std::uint8_t* scale_a = nullptr;
  const std::uint8_t* scale_b = nullptr;
  std::size_t count = 0;
};

/// Add beats to a tile, with the fastest version that the processor has.
void me_accumulate(const MeKind& kind, const MeBeats& beats, MeTile& tile);

/// The versions themselves, for tests and benchmarks.
void me_accumulate_portable(const MeKind& kind, const MeBeats& beats, MeTile& tile);
bool me_has_avx512();
void me_accumulate_avx512(const MeKind& kind, const MeBeats& beats, MeTile& tile);

/// Sticky flags that a beat's infinities, NaNs and NaN scales set.
void me_flags(const MeKind& kind, const MeBeats& beats, std::size_t beat, MeTile& tile);

/// Results of a tile.
struct MeDrained {
  alignas(64) std::uint32_t bits[64];  ///< FP32, INT32, or BF16
  std::uint64_t nan, overflow;         ///< bit i: result i is NaN; a finite sum became infinite
};

/// Round the accumulators of a tile to results. BF16 is rounded from FP32.
void me_drain(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16, MeDrained& out);
void me_drain_portable(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16,
                       MeDrained& out);
void me_drain_avx512(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16,
                     MeDrained& out);
void me_preload_avx512(const std::uint32_t* bits, MeTile& tile);

}  // namespace tsr::engines
