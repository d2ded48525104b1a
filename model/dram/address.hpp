// SPDX-License-Identifier: Apache-2.0
/// Mapping of node-local byte offsets to the DRAM: mirror of rtl/hbm/tsr_hbm_pkg.sv.
#pragma once

#include <cstdint>

namespace tsr {

constexpr unsigned kDramPcs = 2;         ///< pseudo channels of a memory node
constexpr unsigned kDramBankGroups = 4;  ///< bank groups of a pseudo channel
constexpr unsigned kDramBanks = 16;      ///< banks of a pseudo channel
constexpr unsigned kDramRows = 32768;    ///< rows of a bank
constexpr unsigned kDramCols = 32;       ///< atoms of a row
constexpr unsigned kDramAtomBytes = 32;  ///< bytes of a column command
constexpr unsigned kDramRowBytes = kDramCols * kDramAtomBytes;
constexpr std::uint64_t kDramNodeBytes =
    std::uint64_t{kDramPcs} * kDramBanks * kDramRows * kDramRowBytes;  ///< 1 GiB

/// One 32-byte atom.
struct DramAddress {
  unsigned pc = 0;
  unsigned bank = 0;  ///< bank group * 4 + bank
  unsigned row = 0;
  unsigned col = 0;

  friend bool operator==(const DramAddress& a, const DramAddress& b) {
    return a.pc == b.pc && a.bank == b.bank && a.row == b.row && a.col == b.col;
  }
};

/// Row number folded to four bits, its low nibble in Gray code.
constexpr unsigned dram_bank_hash(unsigned row) {
  return (row ^ ((row & 0xfU) >> 1) ^ (row >> 4) ^ (row >> 8) ^ (row >> 12)) & 0xfU;
}

/// Parity of node-local offset bits 29:8: flips the pseudo channels of a granule.
constexpr unsigned dram_pc_flip(std::uint64_t offset) {
  std::uint64_t bits = (offset & (kDramNodeBytes - 1)) >> 8;
  unsigned parity = 0;
  for (; bits != 0; bits &= bits - 1) parity ^= 1U;
  return parity;
}

/// Atom that holds node-local byte `offset` (modulo 1 GiB).
constexpr DramAddress dram_address(std::uint64_t offset) {
  const auto bits = [offset](unsigned low, unsigned width) {
    return static_cast<unsigned>(offset >> low) & ((1U << width) - 1);
  };
  DramAddress a;
  a.row = bits(15, 15);
  a.bank = (bits(9, 2) << 2 | bits(13, 2)) ^ dram_bank_hash(a.row);
  a.col = bits(11, 2) << 3 | bits(7, 2) << 1 | bits(5, 1);
  a.pc = bits(6, 1) ^ dram_pc_flip(offset);
  return a;
}

/// Inverse of dram_address(): node-local offset of the atom's first byte.
constexpr std::uint64_t dram_offset(const DramAddress& a) {
  const unsigned bank = a.bank ^ dram_bank_hash(a.row);
  const std::uint64_t offset = std::uint64_t{a.row} << 15 | std::uint64_t{bank & 3U} << 13 |
                               std::uint64_t{a.col >> 3} << 11 | std::uint64_t{bank >> 2} << 9 |
                               ((a.col >> 1) & 3U) << 7 | (a.col & 1U) << 5;
  return offset | std::uint64_t{a.pc ^ dram_pc_flip(offset)} << 6;
}

}  // namespace tsr
