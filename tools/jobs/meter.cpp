// SPDX-License-Identifier: Apache-2.0
#include "meter.hpp"

#include <algorithm>
#include <limits>

namespace tsr::tools {
namespace {

constexpr std::uint64_t kFlitBytes = 96;

}  // namespace

Totals Meter::read() {
  using Counter = Platform::TileCounter;
  Totals totals;
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;
  for (const Node tile : chip_.config().tiles) {
    const auto get = [&](Counter counter) { return chip_.tile_counter(tile, counter); };
    totals.macs += get(Counter::MeOperations);
    totals.network_bytes +=
        kFlitBytes * (get(Counter::RequestFlitsSent) + get(Counter::RequestFlitsReceived) +
                      get(Counter::ResponseFlitsSent) + get(Counter::ResponseFlitsReceived));
    totals.instructions += get(Counter::Instructions);
    const auto start = get(Counter::FirstCommand);
    const auto end = get(Counter::LastCommand);
    if (end > start) {  // this tile had commands
      first = std::min(first, start);
      last = std::max(last, end);
    }
  }
  if (last > first) totals.command_cycles = last - first;
  for (const Node memory : chip_.config().memories) {
    const auto counters = chip_.memory_counters(memory);
    totals.hbm_bytes_read += counters.bytes_read;
    totals.hbm_bytes_written += counters.bytes_written;
  }
  return totals;
}

}  // namespace tsr::tools
