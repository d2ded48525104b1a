// SPDX-License-Identifier: Apache-2.0
/// Where the cycles of a measurement went: for each engine, by cause, from the counters of the
/// tiles.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "session.hpp"

namespace tsr::tools {

enum EngineIndex { kRdma, kWdma, kMe, kVe, kTdma, kEngines };

/// The measured window: from the first engine command of any tile until the last one ended.
struct Attribution {
  std::uint64_t window = 0;  ///< cycles
  std::uint64_t tiles = 0;
  /// Sums over the tiles, by EngineIndex. The seven causes, idle included, add up to
  /// window * tiles.
  std::array<EngineCounters, kEngines> engine{};
  /// Cycles of loading contexts that were not hidden behind work, before the window too.
  std::array<std::uint64_t, kEngines> loading{};

  nlohmann::ordered_json json() const;
  /// Print the engines that had commands.
  void print(Session& session) const;
};

/// Names of the engines in JSON, by EngineIndex.
extern const std::array<const char*, kEngines> kEngineNames;

/// Restrict an engine's counters to a window: what does not fit it was waiting for semaphores or
/// loading of contexts before the window, and is taken off. Throws Error{JobFailed} if the counters
/// contradict that.
EngineCounters inside_window(EngineCounters engine, std::uint64_t window);
/// Causes and counts of an engine under their keys.
nlohmann::ordered_json engine_json(const EngineCounters& engine);

/// Read the counters of `tiles`. The window begins when the first command is offered to an engine;
/// what an engine spent before that, waiting for semaphores or loading contexts, is taken off.
/// Throws Error{JobFailed} if the counters contradict each other.
Attribution read_attribution(Platform& chip, const std::vector<Node>& tiles);

}  // namespace tsr::tools
