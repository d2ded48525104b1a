// SPDX-License-Identifier: Apache-2.0
#include "noc/fault_routes.hpp"

#include <algorithm>
#include <limits>

namespace tsr {
namespace {

constexpr unsigned kUp = 0, kDown = 1;  // phases: may still go up, only down
constexpr unsigned kRounds = 4;         // in which destinations choose again by the loads
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

void FaultRoutes::route_component(const std::vector<unsigned>& members) {
  double best = std::numeric_limits<double>::max();
  unsigned best_root = members.front();
  for (const unsigned root : members) {
    orient(root);
    const double peak = fill_tables(members, 1);
    if (peak >= best) continue;
    best = peak;
    best_root = root;
  }
  orient(best_root);
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

/// Entries of all tables for one destination: from it outwards, each node and phase takes the
/// cheapest of its shortest ways, where loaded links are dear.
void FaultRoutes::route_to(unsigned destination, const std::vector<unsigned>& members,
                           Loads& loads) {
  const unsigned entry = RouterTable::entry(faults_.node(destination));
  for (const unsigned i : members) {
    for (auto& phase : tables_[i].port) phase[entry] = RouterTable::kNone;
  }
  const auto state = [](unsigned node, unsigned phase) { return 2 * node + phase; };
  std::vector<unsigned> length(2 * faults_.nodes(), kUnreached);
  std::vector<double> cost(2 * faults_.nodes(), 0.0);
  std::vector<unsigned> queue;
  for (const unsigned phase : {kUp, kDown}) {
    length[state(destination, phase)] = 0;
    tables_[destination].port[phase][entry] = static_cast<std::uint8_t>(Dir::kLocal);
    queue.push_back(state(destination, phase));
  }
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const unsigned to = queue[head] / 2, to_phase = queue[head] % 2;
    for (unsigned p = 1; p < kNumDirs; ++p) {
      const int before = next(to, p);
      if (before < 0) continue;
      const auto from = static_cast<unsigned>(before);
      if (up(from, to) != (to_phase == kUp)) continue;
      const auto port = static_cast<unsigned>(facing(static_cast<Dir>(p)));
      const double load = loads[from * kNumDirs + port] + 1;
      const double price = cost[queue[head]] + load * load * load;
      for (const unsigned phase : {kUp, kDown}) {
        if (phase == kDown && up(from, to)) continue;
        const unsigned s = state(from, phase);
        const bool first = length[s] == kUnreached;
        if (first) {
          length[s] = length[queue[head]] + 1;
          queue.push_back(s);
        } else if (length[s] != length[queue[head]] + 1 || price >= cost[s]) {
          continue;
        }
        cost[s] = price;
        tables_[from].port[phase][entry] = static_cast<std::uint8_t>(port);
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
