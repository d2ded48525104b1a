// SPDX-License-Identifier: Apache-2.0
/// Which links and routers of a mesh are dead.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "noc/flit.hpp"

namespace tsr {

/// Widest and highest mesh that routing tables cover.
constexpr unsigned kMaxMeshSide = 8;

/// Port of the neighbour that a port leads to.
constexpr Dir facing(Dir port) {
  return port == Dir::kLocal ? port : static_cast<Dir>((static_cast<unsigned>(port) + 1) % 4 + 1);
}

/// A mesh with its dead links and routers. A link is dead in both directions and on both networks;
/// a dead router takes all of its links with it. A dead endpoint behind a live router is no fault
/// of the network.
class FaultMap {
 public:
  /// 1..kMaxMeshSide each; throws std::invalid_argument otherwise.
  FaultMap(unsigned width, unsigned height);

  /// Throws std::invalid_argument unless the nodes are neighbours in the mesh.
  void kill_link(Node a, Node b);
  /// Throws std::invalid_argument unless the node is in the mesh.
  void kill_router(Node node);
  /// Kill links or routers picked at random, the same on every platform. Throws
  /// std::invalid_argument when there are not as many.
  void kill_random_links(unsigned count, std::uint64_t seed);
  void kill_random_routers(unsigned count, std::uint64_t seed);

  unsigned width() const { return width_; }
  unsigned height() const { return height_; }
  unsigned nodes() const { return width_ * height_; }
  /// Nodes are numbered row by row.
  unsigned index(Node node) const { return node.y * width_ + node.x; }
  Node node(unsigned index) const { return {index % width_, index / width_}; }
  bool in_mesh(Node node) const { return node.x < width_ && node.y < height_; }
  bool any() const;
  unsigned live_routers() const;
  bool alive(Node node) const { return router_alive_[index(node)]; }
  /// The node that a live link of a live router leads to, itself live; nothing for the local port.
  std::optional<Node> neighbour(Node node, Dir port) const;
  /// The same without faults.
  std::optional<Node> mesh_neighbour(Node node, Dir port) const;

 private:
  unsigned width_;
  unsigned height_;
  std::vector<bool> router_alive_;
  std::vector<bool> link_alive_;  ///< [node][port], both sides alike
};

}  // namespace tsr
