// SPDX-License-Identifier: Apache-2.0
/// Words of a hart node beyond its scratchpad: registers, command staging, contexts, core memories,
/// boot ROM, peripherals (rtl/tile's tsr_local_bus).
#pragma once

#include <array>
#include <cstdint>

#include "tlm/hart/parts.hpp"

namespace tsr::hart {

struct WordAccess {
  bool network = false;  ///< by the network interface for the ctl node; else by the core
  bool write = false;
  std::uint32_t addr = 0;  ///< node-local, multiple of 4
  std::uint32_t data = 0;
  std::uint8_t strb = 0xf;
};

struct WordAnswer {
  Err err = Err::kNone;
  std::uint32_t data = 0;
  unsigned cycles = 2;  ///< from acceptance to the answer
};

class LocalBus {
 public:
  explicit LocalBus(Parts& parts) : parts_(parts) {}

  WordAnswer access(const WordAccess& access);

 private:
  WordAnswer tcm(const WordAccess& access);
  WordAnswer stage(const WordAccess& access);
  WordAnswer context(const WordAccess& access);
  WordAnswer rom(const WordAccess& access);

  Parts& parts_;
  std::array<std::array<std::uint32_t, 16>, kEngines> staged_{};
};

}  // namespace tsr::hart
