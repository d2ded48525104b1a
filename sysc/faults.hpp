// SPDX-License-Identifier: Apache-2.0
/// What is broken in a chip: tiles and links that are dead from the start, as the fuses say, and
/// links that die while it runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config.hpp"
#include "noc/flit.hpp"

namespace tsr {

/// The link from a node to its eastern or southern neighbour: both networks, both directions.
struct MeshLink {
  Node node;
  Dir port = Dir::kEast;
};

/// From this cycle on the link carries nothing, neither flits nor credits.
struct LinkDeath {
  MeshLink link;
  std::uint64_t cycle = 0;
};

/// From this cycle on nothing that a node's endpoint puts onto one of the networks gets to its
/// router: flits and credits.
struct LostOutput {
  Node node;
  unsigned net = 0;  ///< 0 request, 1 response
  std::uint64_t cycle = 0;
};

struct ChipFaults {
  std::vector<Node> dead_tiles;      ///< in the fuses; there is no endpoint behind their routers
  std::vector<MeshLink> dead_links;  ///< in the fuses; dead from the first cycle
  std::vector<LinkDeath> deaths;     ///< of which the chip is not told
  std::vector<LostOutput> losses;    ///< of which the chip is not told
};

/// "X,Y". These throw InputError.
Node parse_node(const std::string& text);
/// "X,Y,east" or "X,Y,south".
MeshLink parse_link(const std::string& text);
/// "X,Y,east@CYCLE" or "X,Y,south@CYCLE".
LinkDeath parse_link_death(const std::string& text);

/// "X,Y@CYCLE", of network `net`.
LostOutput parse_lost_output(const std::string& text, unsigned net);

/// Throws InputError unless all that is named exists in the configuration.
void check_faults(const Config& config, const ChipFaults& faults);

}  // namespace tsr
