// SPDX-License-Identifier: Apache-2.0
/// Measures what a chip does between two points: the engines' work, HBM and network traffic.
#pragma once

#include <array>
#include <cstdint>

#include "attribution.hpp"
#include "tessera/host.hpp"

namespace tsr::tools {

/// Totals over the chip since the meter was started.
struct Totals {
  std::uint64_t macs = 0;
  std::uint64_t hbm_bytes_read = 0, hbm_bytes_written = 0;
  std::uint64_t network_bytes = 0;  ///< 96 bytes a flit that a tile sent or received
  struct Engine {
    std::uint64_t commands = 0;
    std::uint64_t busy = 0;  ///< cycles of work, sum over the tiles
  };
  std::array<Engine, kEngines> engine{};  ///< by EngineIndex
};

class Meter {
 public:
  explicit Meter(Platform& chip) : chip_(chip) {}
  void start() { chip_.clear_counters(); }
  Totals read();

 private:
  Platform& chip_;
};

}  // namespace tsr::tools
