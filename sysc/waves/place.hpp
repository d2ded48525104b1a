// SPDX-License-Identifier: Apache-2.0
/// Where in a trace a view fits.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../fst/fst_file.hpp"

namespace tsr::waves {

/// A module that a view can show: the model that it is in, and its scope there.
struct Instance {
  std::string root;   ///< t4.tile_0_1, or the top of a bench
  std::string scope;  ///< the same with the module's path
  std::string name;   ///< short name, among several of one place
};

/// A node of the chip, or the top of a bench, with all that a view shows there.
struct Place {
  std::string root;
  bool node = false;  ///< x and y are known
  unsigned x = 0, y = 0;
  std::vector<Instance> instances;  ///< one or more, in the order of the view
};

/// Scopes below a place's root that a view fits: paths and their short names.
using ScopeList = std::vector<std::pair<std::string, std::string>>;

/// All places, in reading order of the mesh.
std::vector<Place> find_places(const FstFile& trace, const ScopeList& scopes);

/// "X,Y", or the root of a bench.
std::string place_label(const Place& place);

}  // namespace tsr::waves
