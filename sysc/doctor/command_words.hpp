// SPDX-License-Identifier: Apache-2.0
/// A command as firmware pushed it, for the doctor.
#pragma once

#include <cstdint>

#include "chip_state.hpp"

namespace tsr::doctor {

/// From words 0 to 3, see tsr_tile_pkg::cmd_t.
inline Command command_of(const std::uint32_t* word) {
  Command c;
  c.id = word[0] >> 16;
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint32_t wait = word[1] >> (16 * i), post = word[2] >> (16 * i);
    if ((wait >> 4 & 1U) != 0) c.waits.push_back({wait & 15U, wait >> 8 & 255U, {}});
    if ((post >> 4 & 1U) == 0) continue;
    Tokens tokens{post & 15U, post >> 8 & 255U, {}};
    if (i == 0 && (post >> 5 & 1U) != 0) {
      tokens.remote =
          Rect{{word[3] & 63U, word[3] >> 8 & 63U}, {word[3] >> 16 & 63U, word[3] >> 24 & 63U}};
    }
    c.posts.push_back(tokens);
  }
  return c;
}

}  // namespace tsr::doctor
