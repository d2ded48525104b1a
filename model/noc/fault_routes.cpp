// SPDX-License-Identifier: Apache-2.0
#include "noc/fault_routes.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace tsr {
namespace {

constexpr unsigned kUp = 0, kDown = 1;  // phases: may still go up, only down
constexpr unsigned kRounds = 4;         // in which destinations choose again by the loads
constexpr unsigned kFinalists = 8;      // roots that get all rounds
constexpr unsigned kUnreached = ~0U;

/// Of a pair that has its way on VC 0 already: so little that it only breaks ties.
constexpr double kIdleWeight = 1e-3;

/// Ports of the dimension-order path, without the local one.
std::vector<unsigned> dimension_path(Node at, Node to, bool x_first) {
  std::vector<unsigned> ports;
  const auto walk = [&ports](unsigned from, unsigned goal, Dir plus, Dir minus) {
    for (; from < goal; ++from) ports.push_back(static_cast<unsigned>(plus));
    for (; from > goal; --from) ports.push_back(static_cast<unsigned>(minus));
  };
  if (x_first) walk(at.x, to.x, Dir::kEast, Dir::kWest);
  walk(at.y, to.y, Dir::kSouth, Dir::kNorth);
  if (!x_first) walk(at.x, to.x, Dir::kEast, Dir::kWest);
  return ports;
}

}  // namespace

FaultRoutes::FaultRoutes(const FaultMap& faults, unsigned net)
    : faults_(faults),
      net_(net),
      layers_(faults.nodes() * faults.nodes(), Layer::kNone),
      next_(faults.nodes() * kNumDirs, -1),
      rank_(faults.nodes(), kUnreached),
      tables_(faults.nodes()),
      direct_(faults.nodes() * kNumDirs, 0.0) {
  for (unsigned i = 0; i < faults_.nodes(); ++i) {
    for (unsigned p = 1; p < kNumDirs; ++p) {
      const auto there = faults_.neighbour(faults_.node(i), static_cast<Dir>(p));
      if (there) next_[i * kNumDirs + p] = static_cast<int>(faults_.index(*there));
    }
  }
  find_layers();
  for (unsigned i = 0; i < faults_.nodes(); ++i) {
    if (!faults_.alive(faults_.node(i)) || rank_[i] != kUnreached) continue;
    std::vector<unsigned> members;
    for (unsigned j = 0; j < faults_.nodes(); ++j) {
      if (layers_[i * faults_.nodes() + j] != Layer::kNone) members.push_back(j);
    }
    route_component(members);
  }
  write_controls();
}

/// Which pairs are connected, and which of them by their dimension-order path.
void FaultRoutes::find_layers() {
  for (unsigned s = 0; s < faults_.nodes(); ++s) {
    if (!faults_.alive(faults_.node(s))) continue;
    orient(s);  // reaches what is connected
    for (unsigned d = 0; d < faults_.nodes(); ++d) {
      if (rank_[d] == kUnreached) continue;
      const auto path = dimension_path(faults_.node(s), faults_.node(d), net_ == 0);
      int at = static_cast<int>(s);
      for (const unsigned port : path) {
        if (at >= 0) at = next(static_cast<unsigned>(at), port);
      }
      layers_[s * faults_.nodes() + d] = at >= 0 ? Layer::kDimension : Layer::kTables;
      if (at < 0) continue;
      at = static_cast<int>(s);
      for (const unsigned port : path) {
        direct_[static_cast<unsigned>(at) * kNumDirs + port] += 1;
        at = next(static_cast<unsigned>(at), port);
      }
    }
    rank_.assign(rank_.size(), kUnreached);
  }
}

/// Every node is tried as root with one round, the best ones then with all.
void FaultRoutes::route_component(const std::vector<unsigned>& members) {
  std::vector<std::pair<double, unsigned>> roots;
  for (const unsigned root : members) {
    orient(root);
    roots.emplace_back(fill_tables(members, 1), root);
  }
  std::sort(roots.begin(), roots.end());
  if (roots.size() > kFinalists) roots.resize(kFinalists);
  for (auto& [peak, root] : roots) {
    orient(root);
    peak = fill_tables(members, kRounds);
  }
  orient(std::min_element(roots.begin(), roots.end())->second);
  fill_tables(members, kRounds);
}

/// Rank the nodes of the root's component by their distance from it.
void FaultRoutes::orient(unsigned root) {
  std::vector<unsigned> level(faults_.nodes(), kUnreached);
  std::vector<unsigned> queue = {root};
  level[root] = 0;
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const unsigned at = queue[head];
    rank_[at] = level[at] * faults_.nodes() + at;
    for (unsigned p = 1; p < kNumDirs; ++p) {
      const int there = next(at, p);
      if (there < 0 || level[static_cast<unsigned>(there)] != kUnreached) continue;
      level[static_cast<unsigned>(there)] = level[at] + 1;
      queue.push_back(static_cast<unsigned>(there));
    }
  }
}

/// What a pair adds to the loads of VC 1.
double FaultRoutes::weight(unsigned source, unsigned destination) const {
  return layers_[source * faults_.nodes() + destination] == Layer::kTables ? 1.0 : kIdleWeight;
}

/// Tables of a component; returns the load of its most loaded link.
double FaultRoutes::fill_tables(const std::vector<unsigned>& members, unsigned rounds) {
  Loads loads = direct_;
  for (unsigned round = 0; round < rounds; ++round) {
    for (const unsigned d : members) {
      if (round > 0) add_flow(d, members, -1, loads);
      route_to(d, members, loads);
      add_flow(d, members, 1, loads);
    }
  }
  double peak = 0;
  for (const unsigned i : members) {
    for (unsigned p = 1; p < kNumDirs; ++p) peak = std::max(peak, loads[i * kNumDirs + p]);
  }
  return peak;
}

/// What a link costs among ways of the same length: more the nearer it is to taking all that one
/// node sends.
double FaultRoutes::price(double load) const {
  const double share = (load + 1) / faults_.nodes();
  const double square = share * share;
  return square * square * square * square;
}

/// Entries of all tables for one destination: the cheapest of the shortest ways to it, from it
/// outwards.
void FaultRoutes::route_to(unsigned destination, const std::vector<unsigned>& members,
                           const Loads& loads) {
  const unsigned entry = RouterTable::entry(faults_.node(destination));
  for (const unsigned i : members) {
    for (auto& phase : tables_[i].port) phase[entry] = RouterTable::kNone;
  }
  using Cost = std::pair<unsigned, double>;  // hops first
  using State = std::pair<Cost, unsigned>;   // 2 * node + phase
  std::priority_queue<State, std::vector<State>, std::greater<State>> open;
  std::vector<Cost> cost(2 * faults_.nodes(), {kUnreached, 0.0});
  for (const unsigned phase : {kUp, kDown}) {
    cost[2 * destination + phase] = {0, 0.0};
    tables_[destination].port[phase][entry] = static_cast<std::uint8_t>(Dir::kLocal);
    open.push({{0, 0.0}, 2 * destination + phase});
  }
  while (!open.empty()) {
    const auto [paid, state] = open.top();
    open.pop();
    if (paid > cost[state]) continue;
    const unsigned to = state / 2;
    for (unsigned p = 1; p < kNumDirs; ++p) {
      if (next(to, p) < 0) continue;
      const auto from = static_cast<unsigned>(next(to, p));
      if (up(from, to) != (state % 2 == kUp)) continue;
      const auto port = static_cast<unsigned>(facing(static_cast<Dir>(p)));
      const Cost total = {paid.first + 1, paid.second + price(loads[from * kNumDirs + port])};
      for (const unsigned phase : {kUp, kDown}) {
        const unsigned before = 2 * from + phase;
        if ((phase == kDown && up(from, to)) || total >= cost[before]) continue;
        cost[before] = total;
        tables_[from].port[phase][entry] = static_cast<std::uint8_t>(port);
        open.push({total, before});
      }
    }
  }
}

/// Add (sign 1) or take away (-1) what everybody's flits to one destination put on the links.
void FaultRoutes::add_flow(unsigned destination, const std::vector<unsigned>& members, double sign,
                           Loads& loads) const {
  const unsigned entry = RouterTable::entry(faults_.node(destination));
  for (const unsigned source : members) {
    const double amount = sign * weight(source, destination);
    unsigned phase = kUp;
    for (unsigned at = source; at != destination;) {
      const unsigned port = tables_[at].port[phase][entry];
      loads[at * kNumDirs + port] += amount;
      const auto there = static_cast<unsigned>(next(at, port));
      if (!up(at, there)) phase = kDown;
      at = there;
    }
  }
}

void FaultRoutes::write_controls() {
  for (unsigned i = 0; i < faults_.nodes(); ++i) {
    if (!faults_.alive(faults_.node(i))) continue;
    tables_[i].enable = true;
    for (unsigned p = 1; p < kNumDirs; ++p) {
      const int there = next(i, p);
      const auto bit = static_cast<std::uint8_t>(1U << p);
      if (there < 0) {
        tables_[i].dead |= bit;
      } else if (up(i, static_cast<unsigned>(there))) {
        tables_[i].down |= bit;  // what comes from the nearer node has gone down
      }
    }
  }
}

unsigned FaultRoutes::hops(Node source, Node destination) const {
  if (layer(source, destination) == Layer::kDimension) {
    return static_cast<unsigned>(dimension_path(source, destination, net_ == 0).size());
  }
  unsigned count = 0, in = 0;
  for (unsigned at = faults_.index(source); at != faults_.index(destination); ++count) {
    const unsigned port = tables_[at].way(in, destination);
    at = static_cast<unsigned>(next(at, port));
    in = static_cast<unsigned>(facing(static_cast<Dir>(port)));
  }
  return count;
}

double FaultRoutes::peak_load() const {
  Loads loads = direct_;
  for (unsigned s = 0; s < faults_.nodes(); ++s) {
    for (unsigned d = 0; d < faults_.nodes(); ++d) {
      const Node destination = faults_.node(d);
      if (layer(faults_.node(s), destination) != Layer::kTables) continue;
      unsigned in = 0;
      for (unsigned at = s; at != d;) {
        const unsigned port = tables_[at].way(in, destination);
        loads[at * kNumDirs + port] += 1;
        at = static_cast<unsigned>(next(at, port));
        in = static_cast<unsigned>(facing(static_cast<Dir>(port)));
      }
    }
  }
  return *std::max_element(loads.begin(), loads.end());
}

double FaultRoutes::whole_peak_load() const {
  Loads loads(direct_.size(), 0.0);
  for (unsigned s = 0; s < faults_.nodes(); ++s) {
    for (unsigned d = 0; d < faults_.nodes(); ++d) {
      Node at = faults_.node(s);
      if (layer(at, faults_.node(d)) == Layer::kNone) continue;
      for (const unsigned port : dimension_path(at, faults_.node(d), net_ == 0)) {
        loads[faults_.index(at) * kNumDirs + port] += 1;
        at = *faults_.mesh_neighbour(at, static_cast<Dir>(port));
      }
    }
  }
  return *std::max_element(loads.begin(), loads.end());
}

}  // namespace tsr
