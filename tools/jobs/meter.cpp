// SPDX-License-Identifier: Apache-2.0
#include "meter.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint64_t kFlitBytes = 96;
// Selectors of a tile's counters.
constexpr std::uint32_t kCountersOfAnEngine = 16, kBusy = 1, kCommands = 8;

}  // namespace

Totals Meter::read() {
  using Counter = Platform::TileCounter;
  Totals totals;
  for (const Node tile : chip_.config().tiles) {
    const auto get = [&](Counter counter) { return chip_.tile_counter(tile, counter); };
    totals.macs += get(Counter::MeOperations);
    totals.network_bytes +=
        kFlitBytes * (get(Counter::RequestFlitsSent) + get(Counter::RequestFlitsReceived) +
                      get(Counter::ResponseFlitsSent) + get(Counter::ResponseFlitsReceived));
    for (std::uint32_t e = 0; e < kEngines; ++e) {
      totals.engine[e].busy += get(static_cast<Counter>(kCountersOfAnEngine * e + kBusy));
      totals.engine[e].commands += get(static_cast<Counter>(kCountersOfAnEngine * e + kCommands));
    }
  }
  for (const Node memory : chip_.config().memories) {
    const auto counters = chip_.memory_counters(memory);
    totals.hbm_bytes_read += counters.bytes_read;
    totals.hbm_bytes_written += counters.bytes_written;
  }
  return totals;
}

}  // namespace tsr::tools
