// SPDX-License-Identifier: Apache-2.0
/// What streams must do, straight from the definition: positions are sums of iteration times
/// stride, no steps, no rewinding. Independent of the model's and of the hardware's way to walk.
/// Also random configurations for the tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "engines/agu.hpp"

namespace tsr::tb {

using engines::AguBuilder;
using engines::BeatBytes;
using engines::Transpose;

/// One access as a stream offers it.
struct RefAccess {
  std::uint32_t base = 0;
  std::uint64_t strb = 0;
  unsigned last = 0;
};

/// A run: configuration and indexes for gather.
struct RefRun {
  AguBuilder config;
  std::vector<std::uint32_t> indexes;
};

/// Multiplies the random counts of tests: TSR_SCALE, or 1.
inline int scaled(int count) {
  const char* text = std::getenv("TSR_SCALE");
  return count * (text != nullptr ? std::max(1, std::atoi(text)) : 1);
}

/// Accesses of a run for a generator that serves rows row_base.. of a grid.
inline std::vector<RefAccess> reference(const RefRun& run, unsigned row_base = 0) {
  const AguBuilder& c = run.config;
  std::array<engines::AguLoop, 6> loop{};
  for (std::size_t j = 0; j < c.loops.size(); ++j) loop[j] = c.loops[j];
  const unsigned transposed_rows = c.xpose != Transpose::None ? row_base : 0;
  const unsigned plain_rows = row_base - transposed_rows;
  std::vector<RefAccess> out;
  std::array<std::int64_t, 6> i{};
  std::size_t index_at = 0;
  std::vector<std::int64_t> run_key;
  const auto emit = [&] {
    RefAccess access;
    std::int64_t at = c.base;
    std::int64_t x = -std::int64_t{c.window.pad_x};
    std::int64_t y = -std::int64_t{c.window.pad_y};
    for (unsigned j = 0; j < 6; ++j) {
      if (!c.gather || j < c.gather_loop) at += i[j] * loop[j].stride;
      x += i[j] * loop[j].dx;
      y += i[j] * loop[j].dy;
    }
    if (c.gather) {
      // A new index whenever the outer loops are somewhere else.
      const std::vector<std::int64_t> key(i.begin() + c.gather_loop, i.end());
      if (!out.empty() && key != run_key) ++index_at;
      run_key = key;
      at += run.indexes.at(index_at) & ~7U;
    }
    access.base = static_cast<std::uint32_t>(at) & 0x3fffff;
    const auto at_end = [&](unsigned l) { return i[l] == std::int64_t{loop[l].count} - 1; };
    for (unsigned byte = 0; byte < 64; ++byte) {
      const unsigned group = byte / (8 * c.w);
      const unsigned column = byte % (8 * c.w);
      bool valid = true;
      if (c.rows.on && at_end(c.rows.loop)) {
        const std::int64_t row =
            group + plain_rows + (c.rows.over_loop0 ? i[0] * std::int64_t{8 / c.w} : 0);
        valid = row < c.rows.n;
      }
      if (c.bytes.on && at_end(c.bytes.loop)) {
        valid = valid && column + transposed_rows * c.w < c.bytes.n;
      }
      if (c.window.w != 0) {
        const std::int64_t px = x + std::int64_t{c.window.xstep} * (group + plain_rows);
        valid = valid && px >= 0 && px < c.window.w && y >= 0 && y < c.window.h;
      }
      if (valid) access.strb |= std::uint64_t{1} << byte;
    }
    for (unsigned j = 0; j < 6 && at_end(j); ++j) access.last |= 1U << j;
    out.push_back(access);
  };
  for (i[5] = 0; i[5] < loop[5].count; ++i[5])
    for (i[4] = 0; i[4] < loop[4].count; ++i[4])
      for (i[3] = 0; i[3] < loop[3].count; ++i[3])
        for (i[2] = 0; i[2] < loop[2].count; ++i[2])
          for (i[1] = 0; i[1] < loop[1].count; ++i[1])
            for (i[0] = 0; i[0] < loop[0].count; ++i[0]) emit();
  return out;
}

/// Element size of a transpose, bytes.
inline unsigned element_bytes(Transpose mode) {
  return mode == Transpose::Bytes4 ? 4 : mode == Transpose::Bytes2 ? 2 : 1;
}

/// Rows of eight elements become columns: spelled out as matrices.
inline BeatBytes transposed(const BeatBytes& in, Transpose mode) {
  if (mode == Transpose::None) return in;
  const unsigned size = element_bytes(mode);
  const unsigned rows = 8 / size;
  BeatBytes out{};
  for (unsigned row = 0; row < rows; ++row) {
    for (unsigned column = 0; column < 8; ++column) {
      for (unsigned b = 0; b < size; ++b) {
        out[(column * rows + row) * size + b] = in[(row * 8 + column) * size + b];
      }
    }
  }
  return out;
}

inline std::uint64_t transposed_mask(std::uint64_t strb, Transpose mode) {
  BeatBytes flags{};
  for (unsigned i = 0; i < 64; ++i) flags[i] = (strb >> i) & 1;
  flags = transposed(flags, mode);
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64; ++i) out |= std::uint64_t{flags[i]} << i;
  return out;
}

/// What a random run may use.
struct Features {
  bool gather = true;
  bool xpose = true;
  bool window = true;
  bool edges = true;
  /// Most accesses of a run.
  std::uint64_t accesses = 400;
  /// 0: any address; else most accesses lie in a scratchpad of this size.
  std::uint32_t spm_bytes = 0;
};

template <class Rng>
RefRun random_run(Rng& rng, const Features& may) {
  const auto in = [&rng](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(rng);
  };
  const auto chance = [&](double p) { return std::bernoulli_distribution(p)(rng); };
  RefRun run;
  AguBuilder& c = run.config;
  const std::uint32_t span = may.spm_bytes != 0 ? may.spm_bytes : 1U << 22;
  const std::int64_t reach = span / 64;  // of strides and pitch
  c.base = static_cast<std::uint32_t>(in(0, span / 8 - 1) * 8);
  c.pitch = static_cast<std::uint32_t>(chance(0.1) ? 0 : in(0, reach / 8) * 8);
  if (may.xpose && chance(0.4)) {
    c.xpose = static_cast<Transpose>(in(1, 3));
    c.w = element_bytes(c.xpose);
  } else {
    c.w = 1U << in(0, 3);
  }
  c.loops.resize(static_cast<std::size_t>(in(1, 6)));
  std::uint64_t total = 1;
  for (auto& loop : c.loops) {
    loop.count = static_cast<std::uint32_t>(chance(0.3) ? 1 : in(1, 6));
    if (chance(0.05)) loop.count = static_cast<std::uint32_t>(in(1, 40));
    if (total * loop.count > may.accesses) loop.count = 1;
    total *= loop.count;
    loop.stride = static_cast<std::int32_t>(chance(0.2) ? 0 : in(-reach / 8, reach / 8) * 8);
  }
  if (may.edges && chance(0.5)) {
    c.rows = {true, static_cast<unsigned>(in(0, 5)), static_cast<unsigned>(in(1, 16)), chance(0.5)};
  }
  if (may.edges && chance(0.5)) {
    c.bytes = {true, static_cast<unsigned>(in(0, 5)),
               static_cast<unsigned>(chance(0.8) ? in(0, 8 * c.w) : in(0, 127)), false};
  }
  if (may.window && chance(0.5)) {
    const bool small = chance(0.8);
    c.window.w = static_cast<unsigned>(small ? in(1, 30) : in(1, 4095));
    c.window.h = static_cast<unsigned>(small ? in(1, 20) : in(0, 4095));
    c.window.pad_x = static_cast<unsigned>(in(0, 15));
    c.window.pad_y = static_cast<unsigned>(in(0, 15));
    c.window.xstep = static_cast<unsigned>(small ? in(0, 4) : in(0, 1023));
    for (auto& loop : c.loops) {
      loop.dx = static_cast<std::int32_t>(small ? in(-3, 9) : in(-200, 400));
      loop.dy = static_cast<std::int32_t>(small ? in(-2, 5) : in(-8, 12));
    }
    if (c.error() != nullptr) {  // the rewinding of a long loop does not fit
      for (auto& loop : c.loops) loop.dx = loop.dy = 0;
    }
  }
  if (may.gather && chance(0.4)) {
    c.gather = true;
    c.gather_loop = static_cast<unsigned>(in(0, 6));
    run.indexes.resize(c.config().indexes());
    for (auto& index : run.indexes) {
      index = static_cast<std::uint32_t>(in(0, span / 8 - 1) * 8 + in(0, 7));
      if (chance(0.1)) index |= static_cast<std::uint32_t>(in(0, 1023)) << 22;
    }
    if (may.spm_bytes != 0) c.base = 0;
  }
  return run;
}

}  // namespace tsr::tb
