// SPDX-License-Identifier: Apache-2.0
#include "dram/bit_errors.hpp"

#include <algorithm>
#include <cmath>

namespace tsr {

void BitErrors::set_rate(double per_bit, std::uint64_t seed) {
  rate_ = per_bit;
  state_ = seed;
  if (rate_ > 0) left_ = gap();
}

/// Bits read without an error before the next one.
std::uint64_t BitErrors::gap() {
  state_ += 0x9e3779b97f4a7c15U;  // splitmix64
  std::uint64_t x = state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  x ^= x >> 31;
  const double uniform = (static_cast<double>(x >> 11) + 0.5) * 0x1p-53;  // (0, 1)
  return static_cast<std::uint64_t>(std::min(std::log(uniform) / std::log1p(-rate_), 0x1p62));
}

unsigned BitErrors::next() {
  const auto bit = static_cast<unsigned>(left_);
  left_ += 1 + gap();
  ++count_;
  return bit;
}

void BitErrors::apply(std::uint64_t atom, DramAtom& data, std::uint16_t& side) {
  const auto found = broken_.find(atom);
  if (found == broken_.end()) return;
  for (const unsigned bit : found->second) ecc_flip(data, side, bit);
  count_ += found->second.size();
}

}  // namespace tsr
