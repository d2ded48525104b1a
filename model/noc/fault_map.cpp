// SPDX-License-Identifier: Apache-2.0
#include "noc/fault_map.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

namespace tsr {
namespace {

/// `count` of `candidates`, without the standard library's distributions: those differ between
/// platforms.
template <class T>
std::vector<T> pick(std::vector<T> candidates, unsigned count, std::uint64_t seed) {
  if (count > candidates.size()) {
    throw std::invalid_argument("more random faults than the mesh has places for");
  }
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < count; ++i) {
    std::swap(candidates[i], candidates[i + random() % (candidates.size() - i)]);
  }
  candidates.resize(count);
  return candidates;
}

}  // namespace

FaultMap::FaultMap(unsigned width, unsigned height)
    : width_(width),
      height_(height),
      router_alive_(width * height, true),
      link_alive_(width * height * kNumDirs, true) {
  if (width < 1 || width > kMaxMeshSide || height < 1 || height > kMaxMeshSide) {
    throw std::invalid_argument("a mesh has 1 to 8 columns and rows");
  }
}

void FaultMap::kill_link(Node a, Node b) {
  for (unsigned p = 1; p < kNumDirs; ++p) {
    const Dir port = static_cast<Dir>(p);
    if (!in_mesh(a) || mesh_neighbour(a, port) != b) continue;
    link_alive_[index(a) * kNumDirs + p] = false;
    link_alive_[index(b) * kNumDirs + static_cast<unsigned>(facing(port))] = false;
    return;
  }
  throw std::invalid_argument("a link joins two neighbours of the mesh");
}

void FaultMap::kill_router(Node node) {
  if (!in_mesh(node)) throw std::invalid_argument("no such node in the mesh");
  router_alive_[index(node)] = false;
}

void FaultMap::kill_random_links(unsigned count, std::uint64_t seed) {
  std::vector<std::pair<Node, Node>> links;
  for (unsigned i = 0; i < nodes(); ++i) {
    for (const Dir port : {Dir::kEast, Dir::kSouth}) {
      if (const auto next = neighbour(node(i), port)) links.emplace_back(node(i), *next);
    }
  }
  for (const auto& [a, b] : pick(std::move(links), count, seed)) kill_link(a, b);
}

void FaultMap::kill_random_routers(unsigned count, std::uint64_t seed) {
  std::vector<Node> live;
  for (unsigned i = 0; i < nodes(); ++i) {
    if (router_alive_[i]) live.push_back(node(i));
  }
  for (const Node victim : pick(std::move(live), count, seed)) kill_router(victim);
}

bool FaultMap::any() const {
  const auto dead = [](const std::vector<bool>& alive) {
    return std::find(alive.begin(), alive.end(), false) != alive.end();
  };
  return dead(router_alive_) || dead(link_alive_);
}

unsigned FaultMap::live_routers() const {
  return static_cast<unsigned>(std::count(router_alive_.begin(), router_alive_.end(), true));
}

std::optional<Node> FaultMap::mesh_neighbour(Node node, Dir port) const {
  switch (port) {
    case Dir::kNorth:
      --node.y;  // wraps below zero: then it is not in the mesh
      break;
    case Dir::kEast:
      ++node.x;
      break;
    case Dir::kSouth:
      ++node.y;
      break;
    case Dir::kWest:
      --node.x;
      break;
    default:
      return std::nullopt;
  }
  return in_mesh(node) ? std::optional<Node>(node) : std::nullopt;
}

std::optional<Node> FaultMap::neighbour(Node node, Dir port) const {
  const auto next = mesh_neighbour(node, port);
  if (!next || !alive(node) || !alive(*next)) return std::nullopt;
  if (!link_alive_[index(node) * kNumDirs + static_cast<unsigned>(port)]) return std::nullopt;
  return next;
}

}  // namespace tsr
