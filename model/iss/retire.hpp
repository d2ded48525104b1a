// SPDX-License-Identifier: Apache-2.0
/// One retired instruction or taken trap, as the RTL core and the instruction-set model report it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace tsr {

/// Mirror of tsr_core_pkg::retire_t; see there for the meaning of each field.
struct Retire {
  bool valid = false;
  bool trap = false;
  bool intr = false;
  std::uint32_t cause = 0;
  std::uint32_t tval = 0;
  std::uint32_t pc = 0;
  std::uint32_t insn = 0;
  bool rd_we = false;
  std::uint8_t rd = 0;
  std::uint32_t rd_wdata = 0;
  bool mem_valid = false;
  bool mem_write = false;
  std::uint32_t mem_addr = 0;
  std::uint32_t mem_data = 0;
  std::uint8_t mem_strb = 0;

  bool operator==(const Retire& other) const;
  bool operator!=(const Retire& other) const { return !(*this == other); }
  /// One line for messages.
  std::string to_string() const;
};

/// Bits of tsr_core_pkg::retire_t.
constexpr unsigned kRetireBits = 239;
/// 32-bit words of retire_t as Verilator packs it.
constexpr unsigned kRetireWords = 8;

/// Unpack the words of a Verilator port of type retire_t (word 0 holds bits 31:0).
Retire unpack_retire(const std::array<std::uint32_t, kRetireWords>& words);

}  // namespace tsr
