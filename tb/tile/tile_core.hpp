// SPDX-License-Identifier: Apache-2.0
/// A tile bench that runs programs on the tile's core, and a tiny assembler for them.
#pragma once

#include "tile_bench.hpp"

namespace tsr::tb {

inline std::uint64_t hbm(std::uint64_t offset) { return hbm_address(offset); }

constexpr std::uint32_t kEbreak = 0x00100073;
constexpr std::uint32_t kWfi = 0x10500073;
inline std::uint32_t lui(unsigned rd, std::uint32_t value) {
  return (value & 0xfffff000U) | rd << 7 | 0x37;
}
inline std::uint32_t addi(unsigned rd, unsigned rs, int imm) {
  return static_cast<std::uint32_t>(imm) << 20 | rs << 15 | rd << 7 | 0x13;
}
inline std::uint32_t load_word(unsigned rd, unsigned rs, int imm) {
  return static_cast<std::uint32_t>(imm) << 20 | rs << 15 | 2U << 12 | rd << 7 | 0x03;
}
inline std::uint32_t store_word(unsigned rs2, unsigned rs1, int imm) {
  const auto u = static_cast<std::uint32_t>(imm);
  return (u >> 5 & 127U) << 25 | rs2 << 20 | rs1 << 15 | 2U << 12 | (u & 31U) << 7 | 0x23;
}
inline std::uint32_t csrw(unsigned csr, unsigned rs) {
  return csr << 20 | rs << 15 | 1U << 12 | 0x73;
}
inline std::uint32_t csrr(unsigned rd, unsigned csr) {
  return csr << 20 | 2U << 12 | rd << 7 | 0x73;
}
/// li in two instructions
inline void li(std::vector<std::uint32_t>& code, unsigned rd, std::uint32_t value) {
  const std::uint32_t low = value & 0xfffU;
  code.push_back(lui(rd, value + 0x800U));
  code.push_back(addi(rd, rd, static_cast<int>(low) - (low >= 0x800 ? 0x1000 : 0)));
}

class TileCore : public TileBench {
 protected:
  void load_and_run(const std::vector<std::uint32_t>& code) {
    Bytes bytes;
    for (const std::uint32_t word : code) {
      for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    }
    write_bytes(0, bytes);
    set(reg::kBootPcOffset, 0);
    set(reg::kCoreCtrlOffset, 1);
  }
};

}  // namespace tsr::tb
