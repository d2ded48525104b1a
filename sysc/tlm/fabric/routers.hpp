// SPDX-License-Identifier: Apache-2.0
/// What the routers of a chip know and count, and the ways that messages take through them: the
/// untimed half of the TLM network. Mirror of rtl/noc.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "noc/flit.hpp"
#include "noc/router_page.hpp"

namespace tsr {

/// One link that a message crosses: output `port` of a router. Hops stand behind the hop that they
/// follow.
struct Hop {
  std::uint32_t link = 0;    ///< Routers::link()
  std::int32_t before = -1;  ///< hop that leads to this router; -1: the source's own router
  std::int32_t leaf = -1;    ///< node that the message is delivered to, or -1
  bool dead = false;         ///< nothing comes out at its other end
};

/// Way of a message: a tree of hops.
struct Way {
  std::vector<Hop> hops;
  std::vector<std::uint32_t> drops;  ///< routers (net * nodes + node) that do not know a way on
  bool tree = false;                 ///< to a rectangle
  bool live = true;  ///< no hop is dead, nothing is dropped; to one node: the last hop is its leaf
};

class Routers {
 public:
  /// Cycles of silence after which a link counts as stuck, as tsr_router.LinkTimeout.
  static constexpr std::uint64_t kLinkTimeout = 4096;
  enum Counter : unsigned { kParity = 5, kDropped = 6, kStatus = 7 };

  Routers(unsigned width, unsigned height);

  unsigned nodes() const { return width_ * height_; }
  unsigned links() const { return 2 * nodes() * kNumDirs; }
  unsigned index(Node node) const { return node.y * width_ + node.x; }
  Node node(unsigned index) const { return {index % width_, index / width_}; }
  unsigned link(unsigned net, unsigned node, unsigned port) const {
    return (net * nodes() + node) * kNumDirs + port;
  }

  /// Way from a node's endpoint to the nodes of `dst` on network 0 (requests, x first) or 1
  /// (responses, y first). Valid until the routers change.
  const Way& way(unsigned net, bool vc, unsigned source, const Rect& dst, bool mcast);

  /// A posted write to the router page of a node, node-local offset.
  void write_page(unsigned node, std::uint32_t offset, const std::uint8_t* data,
                  std::uint64_t strobe);
  /// The link of a node's port carries nothing any more, in both directions and networks.
  void kill_link(unsigned node, unsigned port);
  /// A message goes out over a dead link in `cycle`: it is swallowed, or dropped once the
  /// router has given the link up.
  void lose(std::uint32_t link, std::uint64_t cycle);
  /// A message without a way was dropped by a router.
  void drop(std::uint32_t router) { ++dropped_[router]; }
  /// Returns how many it were.
  std::uint32_t count(std::uint32_t link) { return ++sent_[link]; }
  /// Flits so far over a link.
  std::uint64_t sent(std::uint32_t link) const { return sent_[link]; }
  /// Counter as cnt_sel_i chooses it: bit 3 the network, 2:0 the counter.
  std::uint32_t counter(unsigned node, unsigned select, std::uint64_t cycle) const;

 private:
  struct Step {
    unsigned node;
    unsigned from;
    std::int32_t hop;
  };

  unsigned want(unsigned net, bool vc, const Step& at, const Rect& dst, bool mcast) const;
  Way find(unsigned net, bool vc, unsigned source, const Rect& dst, bool mcast);
  unsigned neighbour(unsigned node, unsigned port) const;
  bool stuck(std::uint32_t link, std::uint64_t cycle) const;
  void forget();

  unsigned width_;
  unsigned height_;
  std::vector<RouterTable> tables_;        ///< by net and node
  std::vector<std::uint32_t> control_;     ///< as written
  std::vector<std::uint8_t> edge_;         ///< bit per port with something behind it
  std::vector<bool> cut_;                  ///< by node and port
  std::vector<std::uint64_t> stuck_from_;  ///< by link; cycle from which it is given up
  std::vector<std::uint32_t> sent_;        ///< by link
  std::vector<std::uint32_t> dropped_;     ///< by net and node
  std::vector<const Way*> unicast_;        ///< by net, VC, source and destination
  std::unordered_map<std::uint64_t, Way> multicast_;
  std::deque<Way> ways_;
};

}  // namespace tsr
