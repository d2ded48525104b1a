// SPDX-License-Identifier: Apache-2.0
/// Dead links and routers of a bench's mesh, and the routes around them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "noc/fault_map.hpp"
#include "noc/fault_routes.hpp"

namespace tsr::tools {

/// Routes of both networks.
struct MeshRoutes {
  /// Computes tables and checks them; throws Error with ExitCode::CheckFailed if they are not free
  /// of cycles or a pair strays.
  explicit MeshRoutes(const FaultMap& map);

  FaultMap faults;
  std::array<FaultRoutes, 2> nets;
};

/// Add the faults of a file: lines `link X,Y X,Y` and `router X,Y`, # begins a comment. Throws
/// InputError with the line.
void read_faults(const std::string& path, FaultMap& faults);

/// Add faults at random, from `COUNT,SEED`; `set` is added to the seed. Throws InputError.
void add_random_links(const std::string& spec, unsigned set, FaultMap& faults);
void add_random_routers(const std::string& spec, unsigned set, FaultMap& faults);

/// One map for each link or each router ("link", "router") that could be dead alone.
std::vector<FaultMap> single_faults(const std::string& what, const FaultMap& faults);

}  // namespace tsr::tools
