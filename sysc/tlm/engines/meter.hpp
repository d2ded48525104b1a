// SPDX-License-Identifier: Apache-2.0
/// Counters of one engine, as tsr_node_counters.sv: every cycle belongs to one state, and idle is
/// what remains of the elapsed time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace tsr {

/// eng_state_e.
enum class EngineState : std::uint8_t {
  Idle = 0,
  Busy = 1,
  WaitSem = 2,
  Starved = 3,
  Blocked = 4,
  Conflict = 5,
  Config = 6
};
inline constexpr unsigned kEngineStates = 7;

/// Cycles from `from` to before `to`, and how many of them are in which state. What no state claims
/// is `rest`.
struct Phase {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  EngineState rest = EngineState::Busy;
  std::array<std::uint64_t, kEngineStates> share{};
};

class EngineMeter {
 public:
  std::uint64_t done = 0;
  std::uint64_t ops = 0;
  std::uint64_t rows = 0;

  void clear(std::uint64_t now) {
    *this = EngineMeter{};
    counted_ = now;
  }
  /// Count the part of a phase that lies before `now` and was not counted yet, in proportion.
  void count(const Phase& phase, std::uint64_t now) {
    const std::uint64_t from = std::max(phase.from, counted_);
    const std::uint64_t to = std::min(phase.to, now);
    if (from >= to) return;
    const std::uint64_t whole = phase.to - phase.from;
    std::uint64_t left = to - from;
    for (unsigned s = 1; s < kEngineStates; ++s) {
      const std::uint64_t part = std::min(left, (phase.share[s] * (to - from) + whole / 2) / whole);
      cycles_[s] += part;
      left -= part;
    }
    cycles_[static_cast<unsigned>(phase.rest)] += left;
    counted_ = to;
  }
  std::uint64_t cycles(EngineState state) const { return cycles_[static_cast<unsigned>(state)]; }
  /// Cycles that are not idle.
  std::uint64_t active() const {
    std::uint64_t sum = 0;
    for (unsigned s = 1; s < kEngineStates; ++s) sum += cycles_[s];
    return sum;
  }

 private:
  std::array<std::uint64_t, kEngineStates> cycles_{};
  std::uint64_t counted_ = 0;
};

}  // namespace tsr
