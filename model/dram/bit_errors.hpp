// SPDX-License-Identifier: Apache-2.0
/// Bit errors of a DRAM: random ones at a rate, and broken cells.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dram/ecc.hpp"

namespace tsr {

/// One pseudo channel's. Random errors stay in the memory until the atom is written again; a broken
/// cell reads inverted whatever is written.
class BitErrors {
 public:
  /// Every bit that is read flips with probability `per_bit` (0: never, below 1).
  void set_rate(double per_bit, std::uint64_t seed);
  /// Bit `bit` (below kEccCodeBits) of atom `atom` (any number that names it) is broken.
  void break_cell(std::uint64_t atom, unsigned bit) { broken_[atom].push_back(bit); }

  bool any() const { return rate_ > 0 || !broken_.empty(); }
  /// A random error hits the atom that is read now.
  bool due() const { return rate_ > 0 && left_ < kEccCodeBits; }
  /// While due(): which bit; moves on to the next error.
  unsigned next();
  /// The atom has been read, and no error is due.
  void pass() {
    if (rate_ > 0) left_ -= kEccCodeBits;
  }
  /// Invert what is broken of an atom that is read.
  void apply(std::uint64_t atom, DramAtom& data, std::uint16_t& side);

  /// Random errors so far, and bits that broken cells inverted.
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t gap();

  double rate_ = 0;
  std::uint64_t state_ = 0;
  std::uint64_t left_ = 0;  // bits to read until the next random error
  std::uint64_t count_ = 0;
  std::unordered_map<std::uint64_t, std::vector<unsigned>> broken_;
};

}  // namespace tsr
