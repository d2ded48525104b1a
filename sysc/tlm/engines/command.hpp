// SPDX-License-Identifier: Apache-2.0
/// A command as it goes from firmware through a queue to an engine: fields of cmd_t in
/// tsr_tile_pkg.sv.
#pragma once

#include <array>
#include <cstdint>

#include "engines/agu.hpp"
#include "noc/address_map.hpp"

namespace tsr {

/// Take `amount` from semaphore `id` once it holds that many.
struct SemWait {
  bool on = false;
  unsigned id = 0;
  unsigned amount = 0;
};

/// Add `amount` to semaphore `id`, here or in every node of the command's post rectangle.
struct SemPost {
  bool on = false;
  bool remote = false;  ///< first post only
  unsigned id = 0;
  unsigned amount = 0;
};

/// Eight rows of a context.
using Context = std::array<engines::ContextRow, 8>;

struct EngineCommand {
  std::array<std::uint32_t, 16> words{};

  unsigned op() const { return words[0] & 0xffU; }
  unsigned context() const { return (words[0] >> 8) & 7U; }
  bool irq() const { return bit(11); }
  bool overlap() const { return bit(12); }
  std::uint16_t id() const { return static_cast<std::uint16_t>(words[0] >> 16); }

  SemWait wait(unsigned i) const {
    const std::uint32_t bits = words[1] >> (16 * i);
    return {(bits & 16U) != 0, bits & 15U, (bits >> 8) & 0xffU};
  }
  bool waits() const { return wait(0).on || wait(1).on; }
  SemPost post(unsigned i) const {
    const std::uint32_t bits = words[2] >> (16 * i);
    return {(bits & 16U) != 0, i == 0 && (bits & 32U) != 0, bits & 15U, (bits >> 8) & 0xffU};
  }
  /// Rectangle of a remote post (word 3), of a multicast or spread read (word 4).
  Rect rect(unsigned word) const {
    const std::uint32_t bits = words[word];
    return {{bits & 63U, (bits >> 8) & 63U}, {(bits >> 16) & 63U, (bits >> 24) & 63U}};
  }

 private:
  bool bit(unsigned i) const { return ((words[0] >> i) & 1U) != 0; }
};

}  // namespace tsr
