// SPDX-License-Identifier: Apache-2.0
/// What dead links and routers cost the network.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "noc/faults.hpp"
#include "noc/traffic.hpp"

namespace tsr::tools {

/// Costs of one set of faults. Everything compares with the mesh without faults whose same pairs
/// send.
struct FaultCost {
  unsigned pairs = 0;        ///< connected, a node with itself included
  unsigned table_pairs = 0;  ///< of them, by tables on VC 1
  double reachable = 0;      ///< percent of the connected pairs that were delivered to
  double hop_inflation = 0;  ///< mean hops
  double load_bound = 0;     ///< bound of throughput by the most loaded link, uniform traffic
  double throughput = 0;     ///< accepted at offered load 1.0
};

/// Measures sets of faults; `options.mesh.routes` is not looked at.
class FaultBench {
 public:
  FaultBench(const TrafficOptions& options, const TrafficPattern& pattern)
      : options_(options), pattern_(pattern) {}
  FaultCost measure(const std::shared_ptr<const MeshRoutes>& routes);

 private:
  double whole_throughput(const TrafficOptions& whole, unsigned pairs);

  const TrafficOptions& options_;
  const TrafficPattern& pattern_;
  double all_pairs_throughput_ = 0;  ///< without faults, of all pairs; 0: not measured yet
};

/// Means and worst of several sets, in words; the numbers are added to `json`.
std::string summarize(const std::vector<FaultCost>& costs, nlohmann::ordered_json& json);

}  // namespace tsr::tools
