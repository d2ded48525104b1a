// SPDX-License-Identifier: Apache-2.0
/// Bernoulli traffic over a raw mesh: injects, measures, and checks every flit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "noc/pattern.hpp"
#include "noc/raw_mesh.hpp"

namespace tsr::tools {

struct TrafficOptions {
  RawMeshOptions mesh;
  unsigned vcs = 2;               ///< virtual channels that sources use, 1 or 2
  double rate = 0.1;              ///< flits a node and cycle
  std::uint64_t warmup = 5000;    ///< cycles before the measurement
  std::uint64_t measure = 10000;  ///< cycles of it
  /// Only connected pairs send; null: all do. With mesh.routes, each pair uses the VC of its layer.
  std::shared_ptr<const MeshRoutes> pairs;
  /// Give up when the mean latency is sure to exceed this; 0: never.
  double hopeless = 0;
};

/// Latencies in cycles from the creation of a flit, before its source queue, to the cycle in which
/// it is on the local link of its destination; of flits created in the measured window.
struct TrafficResult {
  double latency_mean = 0;
  std::uint64_t latency_p99 = 0;
  std::uint64_t latency_max = 0;
  double accepted = 0;             ///< flits a live node and cycle that arrived within the window
  double accepted_min = 0;         ///< of the source with the fewest
  std::uint64_t flits = 0;         ///< checked, all of the run
  std::uint64_t drain_cycles = 0;  ///< from the last injection to an empty mesh
  bool hopeless = false;           ///< given up: only latency_mean counts, as a lower bound
};

/// Run once. Every flit must arrive once, unchanged, at its destination and in the order of its
/// source, destination and virtual channel, and the mesh must be empty in the end; throws Error
/// with ExitCode::CheckFailed otherwise. `progress` gets the part that is done, 0..1.
TrafficResult run_traffic(const TrafficOptions& options, const TrafficPattern& pattern,
                          const std::function<void(double)>& progress);

/// Share of the connected pairs, in percent, that get a flit each through an otherwise idle mesh
/// with `options.mesh.routes`. Throws Error as run_traffic() does for a flit that arrives wrong.
double run_all_pairs(const TrafficOptions& options);

}  // namespace tsr::tools
