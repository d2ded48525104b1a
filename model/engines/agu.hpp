// SPDX-License-Identifier: Apache-2.0
/// Functional address generator: context rows and the accesses they stand for.
#pragma once

#include <array>
#include <cstdint>

namespace tsr::engines {

inline constexpr std::uint32_t kSpmAddressMask = (1U << 22) - 1;

/// One context row: sixteen 32-bit words.
using ContextRow = std::array<std::uint32_t, 16>;

/// Address generator configuration (context rows A, B, C, O of the matrix engine).
struct AguConfig {
  std::uint32_t pitch = 0;  // bytes between row groups, multiple of 8; 0: all are the first one
  unsigned w_log2 = 0;      // lanes of a row group: 1, 2, 4, 8
  bool redge_en = false;  // in the last iteration of loop redge_loop only rows < redge_n are valid
  unsigned redge_loop = 0;
  bool redge_sub = false;  // rows are counted on over loop 0
  unsigned redge_n = 0;
  bool bedge_en =
      false;  // in the last iteration of bedge_loop only bedge_m bytes of each row group
  unsigned bedge_loop = 0;
  unsigned bedge_m = 0;
  std::array<std::uint32_t, 6> count{1, 1, 1, 1, 1, 1};  // iterations, loop 0 innermost; 1..65535
  std::array<std::int32_t, 6> delta{};  // bytes added when loop j advances, multiple of 8

  /// Deltas from plain strides: iteration i of loop j is at i * stride[j].
  void set_strides(const std::array<std::int32_t, 6>& stride);

  static AguConfig from_row(const ContextRow& row);
  ContextRow to_row() const;

  /// The hardware accepts a row: every field in its range, unused word zero.
  static bool legal(const ContextRow& row);
};

/// One access of eight lanes of 8 bytes.
struct Access {
  std::uint32_t base = 0;
  std::array<std::uint32_t, 8> lane{};  // byte offset of each lane
  std::uint64_t strb = 0;               // valid bytes, 8 a lane
  unsigned last = 0;                    // bit j: loops 0..j are at their last iteration
};

/// Walks the loops of a configuration.
class Agu {
 public:
  Agu(const AguConfig& config, std::uint32_t base);

  bool done() const { return done_; }
  Access current() const;
  void next();

 private:
  AguConfig config_;
  std::uint32_t address_;
  std::array<std::uint32_t, 6> index_{};
  bool done_ = false;
};

}  // namespace tsr::engines
