// SPDX-License-Identifier: Apache-2.0
/// Routes around dead links and routers.
///
/// A pair of nodes whose dimension-order path is intact keeps it, on VC 0. All other pairs go by
/// tables on VC 1: up some links, then down some, where up leads to a node that is nearer to the
/// root of the tree of its component. A flit that has gone down never goes up again and nobody
/// changes its VC, so neither layer has a cycle; and up to the root, then down, always is a way.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/fault_map.hpp"
#include "noc/router_page.hpp"

namespace tsr {

/// How the flits of a pair travel.
enum class Layer : std::uint8_t {
  kNone,       ///< not at all: the pair is not connected
  kDimension,  ///< VC 0, dimension order
  kTables      ///< VC 1, tables
};

/// Routes of one network. The tables lead from everywhere to everywhere, on the shortest up/down
/// ways; where there are several, those that stay off loaded links. Each component takes the root
/// that keeps the most loaded link lowest. All routers on a way are nearer to its source than its
/// end is: tables can be loaded over the network, near ones first.
class FaultRoutes {
 public:
  /// `net`: 0 the request network (x first), 1 the response network (y first).
  FaultRoutes(const FaultMap& faults, unsigned net);

  const FaultMap& faults() const { return faults_; }
  unsigned net() const { return net_; }
  Layer layer(Node source, Node destination) const {
    return layers_[faults_.index(source) * faults_.nodes() + faults_.index(destination)];
  }
  /// Links that a flit crosses; the pair must be connected.
  unsigned hops(Node source, Node destination) const;
  /// Tables by node number; those of dead routers are empty.
  const std::vector<RouterTable>& tables() const { return tables_; }
  /// Flits over the most loaded link when every connected pair sends one.
  double peak_load() const;
  /// The same in dimension order through a mesh without faults.
  double whole_peak_load() const;

 private:
  using Loads = std::vector<double>;  ///< by node and port

  void find_layers();
  void route_component(const std::vector<unsigned>& members);
  void orient(unsigned root);
  double fill_tables(const std::vector<unsigned>& members, unsigned rounds);
  double price(double load) const;
  void route_to(unsigned destination, const std::vector<unsigned>& members, const Loads& loads);
  void add_flow(unsigned destination, const std::vector<unsigned>& members, double sign,
                Loads& loads) const;
  void write_controls();
  bool up(unsigned from, unsigned to) const { return rank_[to] < rank_[from]; }
  int next(unsigned node, unsigned port) const { return next_[node * kNumDirs + port]; }
  double weight(unsigned source, unsigned destination) const;

  FaultMap faults_;
  unsigned net_;
  std::vector<Layer> layers_;
  std::vector<int> next_;       ///< neighbour by node and port, or -1
  std::vector<unsigned> rank_;  ///< up is towards the smaller rank
  std::vector<RouterTable> tables_;
  Loads direct_;  ///< of the pairs on VC 0
};

}  // namespace tsr
