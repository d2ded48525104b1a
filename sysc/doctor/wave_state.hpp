// SPDX-License-Identifier: Apache-2.0
/// Reads the state of a chip from its waves.
#pragma once

#include <cstdint>
#include <string>

#include "chip_state.hpp"

namespace tsr::doctor {

/// State at the end of `cycle`, or of the last traced cycle if that is earlier. Cores are observed
/// over the traced cycles before it, at most 5,000. Throws InputError if the file is no trace of a
/// chip, or if signals that are needed have other names in it. Waves may lack the nodes and routers
/// that are TLM; `models` then has the configuration, and those nodes.
ChipState read_state(const std::string& fst, std::uint64_t cycle = ~0ULL,
                     const ChipState& models = {});

}  // namespace tsr::doctor
