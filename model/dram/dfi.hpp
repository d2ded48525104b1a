// SPDX-License-Identifier: Apache-2.0
/// DFI-like port between memory controller and DRAM: mirror of `dfi_cmd_t` in
/// rtl/hbm/tsr_hbm_pkg.sv.
#pragma once

#include <array>
#include <cstdint>

#include "dram/address.hpp"

namespace tsr {

/// kPde, kSre, kPdx: enter power-down, enter self-refresh, leave either.
enum class RowCmd : std::uint8_t {
  kAct = 0,
  kPre = 1,
  kRefPb = 2,
  kRefAb = 3,
  kMrs = 4,
  kPde = 5,
  kSre = 6,
  kPdx = 7
};
enum class ColCmd : std::uint8_t { kRd = 0, kWr = 1, kMrr = 2 };

/// Mode registers.
constexpr unsigned kMrCl = 0;
constexpr unsigned kMrCwl = 1;
constexpr unsigned kMrEnable = 2;
/// Low word of the answer to kMrr.
constexpr std::uint32_t kMrrMagic = 0x334d4248;

/// Commands of one chip cycle (two DRAM clocks) to one pseudo channel.
struct DfiCommand {
  bool reset_n = true;
  bool wdata_valid = false;
  bool col_valid = false;
  ColCmd col_cmd = ColCmd::kRd;
  unsigned col_phase = 0;  ///< which of the two clocks
  unsigned col_bank = 0;
  unsigned col = 0;
  bool row_valid = false;
  RowCmd row_cmd = RowCmd::kAct;
  unsigned row_phase = 0;
  unsigned row_bank = 0;
  unsigned row = 0;

  /// As the 64-bit `dfi_cmd_t`.
  std::uint64_t pack() const {
    return std::uint64_t{row} | std::uint64_t{row_bank} << 15 | std::uint64_t{row_phase} << 19 |
           std::uint64_t(row_cmd) << 20 | std::uint64_t{row_valid} << 23 |
           std::uint64_t{col} << 24 | std::uint64_t{col_bank} << 29 |
           std::uint64_t{col_phase} << 33 | std::uint64_t(col_cmd) << 34 |
           std::uint64_t{col_valid} << 36 | std::uint64_t{wdata_valid} << 37 |
           std::uint64_t{reset_n} << 38;
  }

  static DfiCommand unpack(std::uint64_t w) {
    const auto bits = [w](unsigned low, unsigned width) {
      return static_cast<unsigned>(w >> low) & ((1U << width) - 1);
    };
    DfiCommand c;
    c.row = bits(0, 15);
    c.row_bank = bits(15, 4);
    c.row_phase = bits(19, 1);
    c.row_cmd = static_cast<RowCmd>(bits(20, 3));
    c.row_valid = bits(23, 1) != 0;
    c.col = bits(24, 5);
    c.col_bank = bits(29, 4);
    c.col_phase = bits(33, 1);
    c.col_cmd = static_cast<ColCmd>(bits(34, 2));
    c.col_valid = bits(36, 1) != 0;
    c.wdata_valid = bits(37, 1) != 0;
    c.reset_n = bits(38, 1) != 0;
    return c;
  }

  /// Bits of the packed form that a device must look at: nothing to do while they are 0 and reset
  /// is off.
  static constexpr std::uint64_t kRowValid = 1ULL << 23;
  static constexpr std::uint64_t kColValid = 1ULL << 36;
  static constexpr std::uint64_t kDataValid = 1ULL << 37;
  static constexpr std::uint64_t kResetN = 1ULL << 38;
};

using DramAtom = std::array<std::uint64_t, 4>;

/// What the controller drives in one chip cycle.
struct DfiIn {
  std::uint64_t command = 0;  ///< packed DfiCommand
  std::uint32_t wstrb = 0;    ///< bytes to write
  DramAtom wdata{};
  std::uint16_t wside = 0;  ///< side bits of the atom, always written
};

/// What the device drives in the following chip cycle.
struct DfiOut {
  bool rvalid = false;
  DramAtom rdata{};
  std::uint16_t rside = 0;
};

}  // namespace tsr
