// SPDX-License-Identifier: Apache-2.0
/// Independent model of the network for its benches: paths, link drivers and sinks, delivery
/// scoreboard.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "noc/flit.hpp"

namespace tsr::tb {

using Hop = std::pair<Node, Dir>;  ///< a node and the port a flit leaves it by

inline Dir opposite(Dir d) {
  switch (d) {
    case Dir::kNorth:
      return Dir::kSouth;
    case Dir::kSouth:
      return Dir::kNorth;
    case Dir::kEast:
      return Dir::kWest;
    case Dir::kWest:
      return Dir::kEast;
    default:
      return Dir::kLocal;
  }
}

inline Node step(Node n, Dir d) {
  switch (d) {
    case Dir::kNorth:
      return {n.x, n.y - 1};
    case Dir::kSouth:
      return {n.x, n.y + 1};
    case Dir::kEast:
      return {n.x + 1, n.y};
    case Dir::kWest:
      return {n.x - 1, n.y};
    default:
      return n;
  }
}

inline unsigned distance(Node a, Node b) {
  return static_cast<unsigned>(std::abs(int(a.x) - int(b.x)) + std::abs(int(a.y) - int(b.y)));
}

/// Every hop from `src` to `dst`, the last one being (dst, local).
inline std::vector<Hop> path(Node src, Node dst, bool x_first) {
  std::vector<Hop> hops;
  Node at = src;
  const auto walk_x = [&] {
    while (at.x != dst.x) {
      hops.emplace_back(at, dst.x > at.x ? Dir::kEast : Dir::kWest);
      at = step(at, hops.back().second);
    }
  };
  const auto walk_y = [&] {
    while (at.y != dst.y) {
      hops.emplace_back(at, dst.y > at.y ? Dir::kSouth : Dir::kNorth);
      at = step(at, hops.back().second);
    }
  };
  if (x_first) {
    walk_x();
    walk_y();
  } else {
    walk_y();
    walk_x();
  }
  hops.emplace_back(dst, Dir::kLocal);
  return hops;
}

/// Nodes of `rect` inside a w x h mesh.
inline std::vector<Node> members(const Rect& rect, unsigned w, unsigned h) {
  std::vector<Node> nodes;
  for (unsigned y = rect.lo.y; y <= rect.hi.y && y < h; ++y) {
    for (unsigned x = rect.lo.x; x <= rect.hi.x && x < w; ++x) nodes.push_back({x, y});
  }
  return nodes;
}

/// Union of the paths from `src` to every node of `rect` in a w x h mesh.
inline std::set<Hop> tree(Node src, const Rect& rect, unsigned w, unsigned h, bool x_first) {
  std::set<Hop> hops;
  for (Node dst : members(rect, w, h)) {
    for (const Hop& hop : path(src, dst, x_first)) hops.insert(hop);
  }
  return hops;
}

/// What a router sends as a sign of life.
inline Flit beat_flit() {
  Flit flit;
  flit.dst = {{63, 63}, {0, 0}};
  return flit;
}

/// Source end of a link in a bench: unlimited queue per VC, credits, one flit a cycle.
class LinkSource {
 public:
  void push(const Flit& flit) { queue_[flit.vc].push_back(flit); }
  /// A flit that needs no credit, before all others.
  void push_free(const Flit& flit) { free_.push_back(flit); }
  void credit(unsigned pulses) {
    for (unsigned v = 0; v < kNumVcs; ++v) {
      credits_[v] += (pulses >> v) & 1;
      EXPECT_LE(credits_[v], kVcDepth) << "more credits than buffer slots";
    }
  }
  /// The flit to drive in the next cycle, if a VC has both a flit and a credit.
  std::optional<Flit> next() {
    if (!free_.empty()) {
      Flit flit = free_.front();
      free_.pop_front();
      return flit;
    }
    for (unsigned i = 0; i < kNumVcs; ++i) {
      turn_ = (turn_ + 1) % kNumVcs;
      if (!queue_[turn_].empty() && credits_[turn_] > 0) {
        --credits_[turn_];
        Flit flit = queue_[turn_].front();
        queue_[turn_].pop_front();
        return flit;
      }
    }
    return std::nullopt;
  }
  std::size_t waiting() const { return queue_[0].size() + queue_[1].size(); }
  bool all_credits_back() const { return credits_[0] == kVcDepth && credits_[1] == kVcDepth; }

 private:
  std::deque<Flit> free_;
  std::array<std::deque<Flit>, kNumVcs> queue_;
  std::array<unsigned, kNumVcs> credits_ = {kVcDepth, kVcDepth};
  unsigned turn_ = 0;
};

/// Receiving end of a link in a bench: buffers of kVcDepth flits that drain when told to.
class LinkSink {
 public:
  void receive(const Flit& flit) {
    ++held_[flit.vc];
    EXPECT_LE(held_[flit.vc], kVcDepth) << "credit overdrawn";
  }
  /// Free one slot of each VC in `vcs` that holds a flit; returns the credit pulses.
  unsigned drain(unsigned vcs = 3) {
    unsigned pulses = 0;
    for (unsigned v = 0; v < kNumVcs; ++v) {
      if (((vcs >> v) & 1) && held_[v] > 0) {
        --held_[v];
        pulses |= 1U << v;
      }
    }
    return pulses;
  }
  unsigned held(unsigned vc) const { return held_[vc]; }

 private:
  std::array<unsigned, kNumVcs> held_{};
};

/// Expects every flit once at each target, in order per network, VC, source and target.
class Scoreboard {
 public:
  void expect(unsigned network, Node target, const Flit& flit) {
    flows_[key(network, target, flit)].push_back(flit);
    ++outstanding_;
  }
  /// `birth` is set by the sender, so that it is not compared; the parity then is checked alone.
  void arrived(unsigned network, Node target, const Flit& flit) {
    auto& flow = flows_[key(network, target, flit)];
    ASSERT_FALSE(flow.empty()) << "flit that nobody sent, or twice: network " << network << " at ("
                               << target.x << "," << target.y << ") from (" << flit.src.x << ","
                               << flit.src.y << ") id " << flit.data[0];
    Flit want = flow.front();
    flow.pop_front();
    --outstanding_;
    ++delivered_;
    want.birth = flit.birth;
    want.seal();
    ASSERT_TRUE(want == flit) << "reordered or damaged: expected id " << want.data[0] << ", got "
                              << flit.data[0];
  }
  std::size_t outstanding() const { return outstanding_; }
  std::size_t delivered() const { return delivered_; }

 private:
  using Key = std::tuple<unsigned, bool, std::uint32_t, std::uint32_t>;
  static Key key(unsigned network, Node target, const Flit& flit) {
    return {network, flit.vc, flit.src.pack(), target.pack()};
  }
  std::map<Key, std::deque<Flit>> flows_;
  std::size_t outstanding_ = 0;
  std::size_t delivered_ = 0;
};

/// A legal flit with random payload for network 0 (request) or 1 (response); data[0] is `id`.
inline Flit random_flit(unsigned network, Node src, const Rect& dst, std::uint64_t id,
                        std::mt19937_64& rng) {
  Flit f;
  f.src = src;
  f.dst = dst;
  f.mcast = !(dst.lo == dst.hi);
  f.kind = network == 1 ? Kind::kReadRsp : f.mcast ? Kind::kWritePosted : Kind::kWrite;
  f.tag = static_cast<std::uint8_t>(rng());
  f.doff = static_cast<std::uint32_t>(rng() & 0xfffff);
  f.addr = rng() & 0x1000'00ff'ffff'ffc0;
  f.addr &= (1ULL << kAddrBits) - 1;
  f.strb = rng();
  f.rsvd = static_cast<std::uint8_t>(rng() & 0x7f);
  if (f.mcast && network == 1) f.owner = Node::unpack(static_cast<std::uint32_t>(rng() & 0xfff));
  for (auto& lane : f.data) lane = rng();
  f.data[0] = id;
  return f;
}

}  // namespace tsr::tb
