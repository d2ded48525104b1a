// SPDX-License-Identifier: Apache-2.0
/// Checker of loaded routing tables: finds cycles of links that could wait for each other, and
/// pairs whose flits do not arrive. It knows nothing of how the tables were made.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "noc/fault_map.hpp"
#include "noc/router_page.hpp"

namespace tsr {

/// A link of one VC, by the router and port that send.
struct Channel {
  Node node;
  Dir port;
};

struct RouteReport {
  std::vector<Channel> cycle;  ///< of VC 0 or VC 1; empty: none
  unsigned vc = 0;             ///< the cycle's
  std::string stray;           ///< first pair that does not arrive, and where it ends; empty: none

  bool good() const { return cycle.empty() && stray.empty(); }
  /// What is wrong, in words; empty when nothing is.
  std::string text() const;
};

/// Whether sources send flits of a pair on VC 1 (true) or VC 0.
using UsesTables = std::function<bool(Node source, Node destination)>;

/// Check the tables of all routers of one network (by node number), as they are loaded.
///
/// Cycles: on VC 1 every entry of every enabled table counts with every input that may lead to it,
/// whether a flit ever comes that way or not; a router that is not enabled counts with its
/// dimension-order turns. On VC 0 the paths of all pairs count that use it. Strays: every connected
/// pair is followed from its source.
RouteReport check_routes(const FaultMap& faults, unsigned net,
                         const std::vector<RouterTable>& tables, const UsesTables& uses_tables);

}  // namespace tsr
