// SPDX-License-Identifier: Apache-2.0
#include "program_map.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tsr {

std::uint32_t ProgramMap::find(std::uint32_t pc) const {
  if (in_rom(pc)) return kRom;
  const auto behind =
      std::upper_bound(functions_.begin(), functions_.end(), pc,
                       [](std::uint32_t at, const ElfFunction& f) { return at < f.address; });
  if (behind == functions_.begin()) return kUnknown;
  const auto index = static_cast<std::uint32_t>(behind - functions_.begin() - 1);
  return holds(index, pc) ? index : kUnknown;
}

std::string ProgramMap::name(std::uint32_t function) const {
  if (function == kRom) return "boot ROM";
  return function < functions_.size() ? functions_[function].name : "(no symbol)";
}

std::string ProgramMap::marker(unsigned id) const {
  const auto found = markers_.find(id);
  return found != markers_.end() ? found->second : fmt::format("marker {}", id);
}

}  // namespace tsr
