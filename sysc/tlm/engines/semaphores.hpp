// SPDX-License-Identifier: Apache-2.0
/// Sixteen counting semaphores of a node, as tsr_sem.sv.
#pragma once

#include <array>
#include <cstdint>

#include "tlm/engines/command.hpp"

namespace tsr {

/// Values have 16 bits and wrap: firmware bounds what is outstanding.
class Semaphores {
 public:
  std::uint32_t value(unsigned id) const { return value_[id & 15U]; }
  void post(unsigned id, unsigned amount) {
    value_[id & 15U] = static_cast<std::uint16_t>(value_[id & 15U] + (amount & 0xffU));
  }
  /// False, and nothing changed: it holds less.
  bool take(unsigned id, unsigned amount) {
    amount &= 0xffU;
    if (value_[id & 15U] < amount) return false;
    value_[id & 15U] = static_cast<std::uint16_t>(value_[id & 15U] - amount);
    return true;
  }
  /// Both waits of a command at once, if both hold. Two waits on one semaphore need the sum.
  bool grant(const EngineCommand& command) {
    const SemWait a = command.wait(0);
    const SemWait b = command.wait(1);
    const unsigned first = a.amount + (b.on && a.id == b.id ? b.amount : 0);
    if (a.on && value_[a.id] < first) return false;
    if (b.on && value_[b.id] < b.amount) return false;
    if (a.on) take(a.id, a.amount);
    if (b.on) take(b.id, b.amount);
    return true;
  }

 private:
  std::array<std::uint16_t, 16> value_{};
};

}  // namespace tsr
