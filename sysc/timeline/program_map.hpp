// SPDX-License-Identifier: Apache-2.0
/// Names of what a core runs: functions by address, firmware markers by number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "elf/elf.hpp"

namespace tsr {

class ProgramMap {
 public:
  /// Index of a place that no function is known for.
  static constexpr std::uint32_t kUnknown = ~0U;
  /// That of the ctl node's boot ROM, whose symbols are not in the programs.
  static constexpr std::uint32_t kRom = kUnknown - 1;

  ProgramMap() = default;
  explicit ProgramMap(const ElfImage& image)
      : functions_(image.functions()), markers_(image.markers()) {}

  /// Function at an address, or kUnknown.
  std::uint32_t find(std::uint32_t pc) const;
  /// Name of what find() returned.
  std::string name(std::uint32_t function) const;
  /// Whether `pc` lies in a function that find() returned.
  bool holds(std::uint32_t function, std::uint32_t pc) const {
    if (function == kRom) return in_rom(pc);
    if (function >= functions_.size()) return false;
    const auto& f = functions_[function];
    return pc >= f.address && pc - f.address < f.size;
  }
  /// Name of a marker: as TSR_MARK_BEGIN gave it, or its number.
  std::string marker(unsigned id) const;

 private:
  /// rtl/tile_pkg/tsr_tile_pkg.sv: RomBase, and the ROM's largest size.
  static bool in_rom(std::uint32_t pc) { return pc - 0x8'0000U < 0x8'0000U; }

  std::vector<ElfFunction> functions_;  ///< by address
  std::map<std::uint32_t, std::string> markers_;
};

}  // namespace tsr
