// SPDX-License-Identifier: Apache-2.0
#include "noc/fault_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace tsr::tools {
namespace {

unsigned distance(Node a, Node b) {
  return static_cast<unsigned>(std::abs(static_cast<int>(a.x) - static_cast<int>(b.x)) +
                               std::abs(static_cast<int>(a.y) - static_cast<int>(b.y)));
}

/// Pairs, and hops with and without faults.
void count_pairs(const FaultRoutes& routes, FaultCost& cost) {
  const FaultMap& faults = routes.faults();
  double hops = 0, whole_hops = 0;
  for (unsigned s = 0; s < faults.nodes(); ++s) {
    for (unsigned d = 0; d < faults.nodes(); ++d) {
      const Node source = faults.node(s), destination = faults.node(d);
      const Layer layer = routes.layer(source, destination);
      if (layer == Layer::kNone) continue;
      ++cost.pairs;
      cost.table_pairs += layer == Layer::kTables;
      hops += routes.hops(source, destination);
      whole_hops += distance(source, destination);
    }
  }
  cost.hop_inflation = whole_hops > 0 ? hops / whole_hops : 1;
}

/// Flits a node and cycle that the most loaded link lets through.
double bound(const FaultMap& faults, double peak) {
  return std::min(1.0, faults.nodes() / std::max(peak, 1.0));
}

double accepted(TrafficOptions options, const TrafficPattern& pattern) {
  options.rate = 1;
  options.hopeless = 0;
  return run_traffic(options, pattern, [](double) {}).accepted;
}

struct Spread {
  double mean = 0, low = 0, high = 0;
};
template <class Field>
Spread spread(const std::vector<FaultCost>& costs, Field field) {
  Spread s{0, field(costs[0]), field(costs[0])};
  for (const FaultCost& cost : costs) {
    s.mean += field(cost);
    s.low = std::min(s.low, field(cost));
    s.high = std::max(s.high, field(cost));
  }
  s.mean /= static_cast<double>(costs.size());
  return s;
}

}  // namespace

/// The same for all faults that leave all pairs connected: then measured once.
double FaultBench::whole_throughput(const TrafficOptions& whole, unsigned pairs) {
  const unsigned nodes = whole.mesh.width * whole.mesh.height;
  if (pairs != nodes * nodes) return accepted(whole, pattern_);
  if (all_pairs_throughput_ == 0) all_pairs_throughput_ = accepted(whole, pattern_);
  return all_pairs_throughput_;
}

FaultCost FaultBench::measure(const std::shared_ptr<const MeshRoutes>& routes) {
  FaultCost cost;
  const FaultRoutes& net = routes->nets[options_.mesh.net];
  count_pairs(net, cost);
  TrafficOptions whole = options_, faulty = options_;
  whole.pairs = faulty.pairs = routes;
  whole.mesh.routes = nullptr;
  faulty.mesh.routes = routes;
  cost.reachable = run_all_pairs(faulty);
  cost.load_bound =
      bound(net.faults(), net.peak_load()) / bound(net.faults(), net.whole_peak_load());
  cost.throughput = accepted(faulty, pattern_) / whole_throughput(whole, cost.pairs);
  return cost;
}

std::string summarize(const std::vector<FaultCost>& costs, nlohmann::ordered_json& json) {
  const auto pairs = spread(costs, [](const FaultCost& c) { return double(c.pairs); });
  const auto tables = spread(costs, [](const FaultCost& c) { return double(c.table_pairs); });
  const auto reachable = spread(costs, [](const FaultCost& c) { return c.reachable; });
  const auto hops = spread(costs, [](const FaultCost& c) { return c.hop_inflation; });
  const auto load = spread(costs, [](const FaultCost& c) { return c.load_bound; });
  const auto kept = spread(costs, [](const FaultCost& c) { return c.throughput; });
  json["fault_sets"] = costs.size();
  json["connected_pairs"] = pairs.mean;
  json["table_pairs"] = tables.mean;
  json["reachable"] = reachable.low;
  json["hop_inflation"] = hops.mean;
  json["hop_inflation_worst"] = hops.high;
  json["throughput_retained"] = kept.mean;
  json["throughput_retained_worst"] = kept.low;
  json["load_bound_retained"] = load.mean;
  json["load_bound_retained_worst"] = load.low;
  const auto worst = [&](double value) {
    return costs.size() > 1 ? fmt::format(" (worst {:.3f})", value) : "";
  };
  return fmt::format(
      "{} set{} of faults: {:.5g} connected pairs, {:.5g} of them by tables; {:.2f} % delivered\n"
      "against the mesh without faults: hops x {:.3f}{}, accepted at offered load 1.0 x {:.3f}{}, "
      "bound by link loads x {:.3f}{}\n",
      costs.size(), costs.size() == 1 ? "" : "s", pairs.mean, tables.mean, reachable.low, hops.mean,
      worst(hops.high), kept.mean, worst(kept.low), load.mean, worst(load.low));
}

}  // namespace tsr::tools
