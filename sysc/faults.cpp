// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "error.hpp"

namespace tsr {
namespace {

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Node> node_of(const std::string& text) {
  const auto comma = text.find(',');
  if (comma == std::string::npos) return std::nullopt;
  const auto x = parse_number<unsigned>(text.substr(0, comma));
  const auto y = parse_number<unsigned>(text.substr(comma + 1));
  if (!x || !y) return std::nullopt;
  return Node{*x, *y};
}

std::optional<MeshLink> link_of(const std::string& text) {
  const auto comma = text.rfind(',');
  if (comma == std::string::npos) return std::nullopt;
  const auto node = node_of(text.substr(0, comma));
  const std::string port = text.substr(comma + 1);
  if (!node || (port != "east" && port != "south")) return std::nullopt;
  return MeshLink{*node, port == "east" ? Dir::kEast : Dir::kSouth};
}

void check_node(const Config& config, Node node) {
  if (node.x >= static_cast<unsigned>(config.mesh_w) ||
      node.y >= static_cast<unsigned>(config.mesh_h)) {
    throw InputError(fmt::format("node {},{} is outside of {}'s mesh of {} x {}", node.x, node.y,
                                 config.name, config.mesh_w, config.mesh_h));
  }
}

void check_link(const Config& config, const MeshLink& link) {
  check_node(config, link.node);
  const bool east = link.port == Dir::kEast;
  const unsigned at = east ? link.node.x : link.node.y;
  if (at + 1 >= static_cast<unsigned>(east ? config.mesh_w : config.mesh_h)) {
    throw InputError(fmt::format("node {},{} of {} has no {} neighbour, so no link", link.node.x,
                                 link.node.y, config.name, east ? "eastern" : "southern"));
  }
}

}  // namespace

Node parse_node(const std::string& text) {
  const auto node = node_of(text);
  if (!node) throw InputError(fmt::format("'{}' is no node: give X,Y", text));
  return *node;
}

MeshLink parse_link(const std::string& text) {
  const auto link = link_of(text);
  if (!link) {
    throw InputError(fmt::format("'{}' is no link: give X,Y,east or X,Y,south", text));
  }
  return *link;
}

LinkDeath parse_link_death(const std::string& text) {
  const auto at = text.find('@');
  const auto link = link_of(text.substr(0, at));
  const auto cycle =
      at == std::string::npos ? std::nullopt : parse_number<std::uint64_t>(text.substr(at + 1));
  if (!link || !cycle) {
    throw InputError(
        fmt::format("'{}' is no death of a link: give X,Y,east@CYCLE or X,Y,south@CYCLE", text));
  }
  return {*link, *cycle};
}

LostOutput parse_lost_output(const std::string& text, unsigned net) {
  const auto at = text.find('@');
  const auto node = node_of(text.substr(0, at));
  const auto cycle =
      at == std::string::npos ? std::nullopt : parse_number<std::uint64_t>(text.substr(at + 1));
  if (!node || !cycle) {
    throw InputError(fmt::format("'{}' is no node and cycle: give X,Y@CYCLE", text));
  }
  return {*node, net, *cycle};
}

void check_faults(const Config& config, const ChipFaults& faults) {
  for (const auto& link : faults.dead_links) check_link(config, link);
  for (const auto& death : faults.deaths) check_link(config, death.link);
  for (const auto& loss : faults.losses) check_node(config, loss.node);
  for (const Node node : faults.dead_tiles) {
    check_node(config, node);
    if (config.kind(node) != NodeKind::Tile) {
      throw InputError(fmt::format("node {},{} of {} is no tile (it is a {})", node.x, node.y,
                                   config.name, to_string(config.kind(node))));
    }
  }
}

}  // namespace tsr
