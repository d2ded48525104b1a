// SPDX-License-Identifier: Apache-2.0
/// The scratchpad of a verilated tile as bytes, read without a cycle. (Reading all of it through
/// the network takes 16,384 cycles.)
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "Vtile.h"
#include "Vtile___024root.h"

namespace tsr::tb {

inline std::vector<std::uint8_t> scratchpad(const Vtile& tile) {
  constexpr std::size_t kRows = 512;  // words of a bank
  std::vector<std::uint8_t> bytes(64 * kRows * 8);
  // Word w of hyperbank h is in bank w mod 8.
  const auto copy = [&bytes](unsigned h, unsigned b, const auto& bank) {
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::uint64_t word = bank[row];
      std::memcpy(&bytes[8 * ((h * kRows + row) * 8 + b)], &word, 8);
    }
  };
// clang-format off
#define TSR_NAME(H, B)                                          \
  tsr_tile__DOT__u_node__DOT__u_spm__DOT__gen_hb__BRA__##H##__KET__##\
__DOT__gen_bank__BRA__##B##__KET____DOT__mem_q
// clang-format on
#define TSR_BANK(H, B) copy(H, B, tile.rootp->TSR_NAME(H, B));
#define TSR_HYPERBANK(H) \
  TSR_BANK(H, 0)         \
  TSR_BANK(H, 1)         \
  TSR_BANK(H, 2) TSR_BANK(H, 3) TSR_BANK(H, 4) TSR_BANK(H, 5) TSR_BANK(H, 6) TSR_BANK(H, 7)
  TSR_HYPERBANK(0)
  TSR_HYPERBANK(1)
  TSR_HYPERBANK(2)
  TSR_HYPERBANK(3)
  TSR_HYPERBANK(4)
  TSR_HYPERBANK(5)
  TSR_HYPERBANK(6)
  TSR_HYPERBANK(7)
#undef TSR_HYPERBANK
#undef TSR_BANK
#undef TSR_NAME
  return bytes;
}

}  // namespace tsr::tb
