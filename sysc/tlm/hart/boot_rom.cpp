// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/boot_rom.hpp"

#include <cstddef>

namespace tsr::hart {

namespace {

// The numbers between the braces of the package.
constexpr std::uint32_t kWords[] = {
#include "boot_rom_words.inc"
};
constexpr std::size_t kCount = sizeof kWords / sizeof kWords[0];

}  // namespace

std::uint32_t boot_rom_word(std::uint32_t offset) {
  return offset / 4 < kCount ? kWords[offset / 4] : 0;
}

}  // namespace tsr::hart
