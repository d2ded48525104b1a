// SPDX-License-Identifier: Apache-2.0
/// Loader of DRAM speed grades (configs/dram/*.toml).
#pragma once

#include <string>

#include "dram/timing.hpp"

namespace tsr {

/// Load a speed grade. Every timing value must be there, positive, and known; otherwise, or when
/// the file cannot be read, throws std::runtime_error with a message that names file and key.
DramProfile load_dram_profile(const std::string& path);

}  // namespace tsr
