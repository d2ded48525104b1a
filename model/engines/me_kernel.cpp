// SPDX-License-Identifier: Apache-2.0
#include "engines/me_kernel.hpp"

#include <array>
#include <cstring>

namespace tsr::engines {

namespace {

using numerics::ElementFormat;
using numerics::Group;
using numerics::MatrixElement;

/// Element i of packed bytes.
std::uint32_t load(int bits, const std::uint8_t* bytes, unsigned i) {
  if (bits == 4) return (bytes[i / 2] >> (4 * (i % 2))) & 15U;
  const auto size = static_cast<std::size_t>(bits) / 8;
  std::uint32_t out = 0;
  std::memcpy(&out, bytes + i * size, size);
  return out;
}

/// Elements of 8 rows, at most 16 of each.
struct Decoded {
  std::array<MatrixElement, 128> element;
  unsigned of_row;

  Decoded(ElementFormat format, const std::uint8_t* beat)
      : of_row(static_cast<unsigned>(numerics::beat_elements(format))) {
    const int bits = numerics::matrix_element_bits(format);
    for (unsigned row = 0; row < kMeTile; ++row) {
      for (unsigned i = 0; i < of_row; ++i) {
        element[row * of_row + i] =
            numerics::matrix_element(format, load(bits, beat + std::size_t{8} * row, i));
      }
    }
  }
};

}  // namespace

void MeTile::clear() { std::memset(static_cast<void*>(this), 0, sizeof *this); }

void MeTile::preload(bool int32, unsigned cell, std::uint32_t bits) {
  if (int32) {
    sum[cell] = bits;
    return;
  }
  const numerics::Accumulator acc = numerics::preload_fp32(bits);
  const auto put = [cell](std::uint64_t& word, bool on) {
    word = (word & ~(std::uint64_t{1} << cell)) | std::uint64_t{on} << cell;
  };
  m[cell] = acc.m;
  e[cell] = acc.e;
  put(nan, acc.nan);
  put(pinf, acc.pinf);
  put(ninf, acc.ninf);
}

void MeTile::preload_all(bool int32, const std::uint32_t* bits) {
  static const bool fast = me_has_avx512();
  if (int32) {
    std::memcpy(sum, bits, sizeof sum);
  } else if (fast) {
    me_preload_avx512(bits, *this);
  } else {
    for (unsigned cell = 0; cell < 64; ++cell) preload(false, cell, bits[cell]);
  }
}

numerics::Accumulator MeTile::accumulator(unsigned cell) const {
  const auto flag = [cell](std::uint64_t word) { return (word >> cell & 1) != 0; };
  return {m[cell], e[cell], flag(nan), flag(pinf), flag(ninf)};
}

void me_flags(const MeKind& kind, const MeBeats& beats, std::size_t beat, MeTile& tile) {
  const Decoded x(kind.a, beats.a + 64 * beat);
  const Decoded y(kind.b, beats.b + 64 * beat);
  const auto products = static_cast<unsigned>(kind.rule.products);
  for (unsigned cell = 0; cell < 64; ++cell) {
    const unsigned r = cell / 8;
    const unsigned c = cell % 8;
    const std::uint64_t bit = std::uint64_t{1} << cell;
    for (unsigned i = 0; i < x.of_row; i += products) {
      const Group group = numerics::matrix_group(kind.rule, &x.element[r * x.of_row + i],
                                                 &y.element[c * y.of_row + i]);
      if (group.nan) tile.nan |= bit;
      if (group.pinf) tile.pinf |= bit;
      if (group.ninf) tile.ninf |= bit;
    }
    if (kind.mx && (beats.scale_a[8 * beat + r] == 0xff || beats.scale_b[8 * beat + c] == 0xff)) {
      tile.nan |= bit;
    }
  }
}

void me_accumulate_portable(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  const auto products = static_cast<unsigned>(kind.rule.products);
  for (std::size_t beat = 0; beat < beats.count; ++beat) {
    const Decoded x(kind.a, beats.a + 64 * beat);
    const Decoded y(kind.b, beats.b + 64 * beat);
    for (unsigned cell = 0; cell < 64; ++cell) {
      const unsigned r = cell / 8;
      const unsigned c = cell % 8;
      numerics::Accumulator acc = tile.accumulator(cell);
      for (unsigned i = 0; i < x.of_row; i += products) {
        Group group = numerics::matrix_group(kind.rule, &x.element[r * x.of_row + i],
                                             &y.element[c * y.of_row + i]);
        if (kind.mx) {
          group = numerics::scale_group(group, beats.scale_a[8 * beat + r],
                                        beats.scale_b[8 * beat + c]);
        }
        if (kind.rule.int32) {
          tile.sum[cell] = numerics::accumulate_int32(tile.sum[cell], group);
        } else {
          numerics::accumulate(acc, group);
        }
      }
      if (kind.rule.int32) continue;
      const std::uint64_t bit = std::uint64_t{1} << cell;
      tile.m[cell] = acc.m;
      tile.e[cell] = acc.e;
      if (acc.nan) tile.nan |= bit;
      if (acc.pinf) tile.pinf |= bit;
      if (acc.ninf) tile.ninf |= bit;
    }
  }
}

void me_accumulate(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  static const bool fast = me_has_avx512();
  (fast ? me_accumulate_avx512 : me_accumulate_portable)(kind, beats, tile);
}

void me_drain_portable(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16,
                       MeDrained& out) {
  out.nan = out.overflow = 0;
  for (unsigned cell = 0; cell < 64; ++cell) {
    const numerics::Accumulator acc = tile.accumulator(cell);
    std::uint32_t bits = kind.rule.int32 ? tile.sum[cell] : numerics::drain_fp32(acc);
    const std::uint64_t bit = std::uint64_t{1} << cell;
    if (!kind.rule.int32) {
      const bool special = acc.nan || acc.pinf || acc.ninf;
      if (numerics::is_fp32_nan(bits)) out.nan |= bit;
      if (!special && numerics::is_fp32_infinity(bits)) out.overflow |= bit;
    }
    if (relu) bits = numerics::relu(bits);
    if (to_bf16) {
      const std::uint32_t half = numerics::fp32_to_bf16(bits);
      if (!numerics::is_fp32_infinity(bits) && numerics::is_fp32_infinity(half << 16)) {
        out.overflow |= bit;
      }
      bits = half;
    }
    out.bits[cell] = bits;
  }
}

void me_drain(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16, MeDrained& out) {
  static const bool fast = me_has_avx512();
  (fast ? me_drain_avx512 : me_drain_portable)(kind, tile, relu, to_bf16, out);
}

}  // namespace tsr::engines
