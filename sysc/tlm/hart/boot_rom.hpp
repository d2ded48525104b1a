// SPDX-License-Identifier: Apache-2.0
/// Content of the boot ROM, from rtl/ctl/tsr_boot_rom_pkg.sv: the same as in the RTL.
#pragma once

#include <cstdint>

namespace tsr::hart {

/// Word at byte `offset`, a multiple of 4; zero beyond the image.
std::uint32_t boot_rom_word(std::uint32_t offset);

}  // namespace tsr::hart
