// SPDX-License-Identifier: Apache-2.0
/// Builds the boot image of tessera_abi.h.
#pragma once

#include <cstdint>
#include <vector>

#include "elf/elf.hpp"

namespace tsr {

/// Image of a ctl and a tile program. Throws InputError when it does not fit the format.
std::vector<std::uint8_t> build_image(const ElfImage& ctl, const ElfImage& tile);

}  // namespace tsr
