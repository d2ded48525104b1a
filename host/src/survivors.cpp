// SPDX-License-Identifier: Apache-2.0
#include "survivors.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "error.hpp"

namespace tsr {
namespace {

constexpr unsigned kMaxSide = 8;  // of meshes that fuses and routing tables cover

bool link_is_dead(const ChipFaults& faults, Node node, Dir port) {
  return std::any_of(faults.dead_links.begin(), faults.dead_links.end(),
                     [&](const MeshLink& link) { return link.node == node && link.port == port; });
}

/// Nodes that live links connect with ctl, by Config::index().
std::vector<bool> connected(const Config& config, const ChipFaults& faults) {
  std::vector<bool> seen(config.nodes.size(), false);
  std::vector<Node> open = {config.ctl};
  seen[config.index(config.ctl)] = true;
  const auto visit = [&](Node next, Node owner, Dir port) {
    if (link_is_dead(faults, owner, port) || seen[config.index(next)]) return;
    seen[config.index(next)] = true;
    open.push_back(next);
  };
  while (!open.empty()) {
    const Node at = open.back();
    open.pop_back();
    const Node east{at.x + 1, at.y}, south{at.x, at.y + 1};
    if (east.x < static_cast<unsigned>(config.mesh_w)) visit(east, at, Dir::kEast);
    if (south.y < static_cast<unsigned>(config.mesh_h)) visit(south, at, Dir::kSouth);
    if (at.x > 0) visit({at.x - 1, at.y}, {at.x - 1, at.y}, Dir::kEast);
    if (at.y > 0) visit({at.x, at.y - 1}, {at.x, at.y - 1}, Dir::kSouth);
  }
  return seen;
}

}  // namespace

Config survivors(Config config, const ChipFaults& faults) {
  const auto side = static_cast<unsigned>(std::max(config.mesh_w, config.mesh_h));
  if (!faults.dead_links.empty() && side > kMaxSide) {
    throw InputError(fmt::format("{}: dead links need a mesh of at most {} x {} nodes", config.name,
                                 kMaxSide, kMaxSide));
  }
  const auto alive = connected(config, faults);
  const auto keep = [&](std::vector<Node>& nodes, const std::vector<Node>& dead) {
    const auto gone = [&](Node node) {
      return !alive[config.index(node)] || std::find(dead.begin(), dead.end(), node) != dead.end();
    };
    nodes.erase(std::remove_if(nodes.begin(), nodes.end(), gone), nodes.end());
  };
  const int node_mib = config.memory_mib / static_cast<int>(config.memories.size());
  keep(config.tiles, faults.dead_tiles);
  keep(config.memories, {});
  if (config.tiles.empty() || config.memories.empty()) {
    throw InputError(fmt::format("{}: the dead tiles and links leave no {}", config.name,
                                 config.tiles.empty() ? "tile" : "memory node"));
  }
  std::size_t count = 1;
  while (2 * count <= config.memories.size()) count *= 2;
  config.memories.resize(count);
  config.memory_mib = node_mib * static_cast<int>(count);
  return config;
}

}  // namespace tsr
