// SPDX-License-Identifier: Apache-2.0
/// Measures what a chip does between two points: matrix engine work, HBM and network traffic.
#pragma once

#include <cstdint>

#include "tessera/host.hpp"

namespace tsr::tools {

/// Totals over the chip since the meter was started.
struct Totals {
  std::uint64_t macs = 0;
  std::uint64_t hbm_bytes_read = 0, hbm_bytes_written = 0;
  std::uint64_t network_bytes = 0;  ///< 96 bytes a flit that a tile sent or received
  std::uint64_t instructions = 0;   ///< retired by the tile cores
  std::uint64_t command_cycles =
      0;  ///< from the first engine command of any tile to the end of the last
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
