// SPDX-License-Identifier: Apache-2.0
#include "tlm/fabric/routers.hpp"

#include <algorithm>
#include <cstring>

namespace tsr {
namespace {

constexpr unsigned kLocal = 0, kNorth = 1, kEast = 2, kSouth = 3, kWest = 4;
constexpr std::uint64_t kNever = ~0ULL;

/// tsr_noc_pkg::branches: ports that a flit leaves by, dimension order.
unsigned branches(const Rect& dst, Node here, unsigned from, bool x_first) {
  const unsigned lo_a = x_first ? dst.lo.x : dst.lo.y, hi_a = x_first ? dst.hi.x : dst.hi.y;
  const unsigned lo_b = x_first ? dst.lo.y : dst.lo.x, hi_b = x_first ? dst.hi.y : dst.hi.x;
  const unsigned at_a = x_first ? here.x : here.y, at_b = x_first ? here.y : here.x;
  const unsigned plus_a = x_first ? kEast : kSouth, minus_a = x_first ? kWest : kNorth;
  const unsigned plus_b = x_first ? kSouth : kEast, minus_b = x_first ? kNorth : kWest;
  const bool in_a = lo_a <= at_a && at_a <= hi_a;
  const bool in_b = lo_b <= at_b && at_b <= hi_b;
  const bool turn = in_a && from != plus_b && from != minus_b;
  unsigned ports = in_a && in_b ? 1U << kLocal : 0;
  if (hi_a > at_a && (from == kLocal || from == minus_a)) ports |= 1U << plus_a;
  if (lo_a < at_a && (from == kLocal || from == plus_a)) ports |= 1U << minus_a;
  if (hi_b > at_b && (turn || from == minus_b)) ports |= 1U << plus_b;
  if (lo_b < at_b && (turn || from == plus_b)) ports |= 1U << minus_b;
  return ports;
}

std::uint64_t rect_bits(const Rect& rect) {
  return rect.lo.pack() | std::uint64_t{rect.hi.pack()} << 12;
}

}  // namespace

Routers::Routers(unsigned width, unsigned height)
    : width_(width),
      height_(height),
      tables_(2 * nodes()),
      control_(2 * nodes(), 0),
      edge_(nodes(), 0),
      cut_(nodes() * kNumDirs, false),
      stuck_from_(links(), kNever),
      sent_(links(), 0),
      dropped_(2 * nodes(), 0),
      unicast_(4 * nodes() * nodes(), nullptr) {
  for (unsigned i = 0; i < nodes(); ++i) {
    const Node at = node(i);
    edge_[i] = static_cast<std::uint8_t>(
        1U << kLocal | (at.y > 0 ? 1U << kNorth : 0) | (at.x + 1 < width_ ? 1U << kEast : 0) |
        (at.y + 1 < height_ ? 1U << kSouth : 0) | (at.x > 0 ? 1U << kWest : 0));
  }
}

unsigned Routers::neighbour(unsigned node, unsigned port) const {
  switch (port) {
    case kNorth:
      return node - width_;
    case kEast:
      return node + 1;
    case kSouth:
      return node + width_;
    default:
      return node - 1;
  }
}

/// Ports that a message leaves a router by.
unsigned Routers::want(unsigned net, bool vc, const Step& at, const Rect& dst, bool mcast) const {
  const RouterTable& table = tables_[net * nodes() + at.node];
  unsigned ports = 0;
  if (vc && table.enable) {
    const bool covered = dst.lo.x < kMaxMeshSide && dst.lo.y < kMaxMeshSide;
    const unsigned port = covered && !mcast ? table.way(at.from, dst.lo) : RouterTable::kNone;
    if (port < kNumDirs && (port != at.from || port == kLocal)) ports = 1U << port;
  } else {
    ports = branches(dst, node(at.node), at.from, net == 0);
  }
  return ports & edge_[at.node] & ~unsigned{table.dead};
}

Way Routers::find(unsigned net, bool vc, unsigned source, const Rect& dst, bool mcast) {
  Way way;
  way.tree = mcast;
  std::vector<Step> steps{{source, kLocal, -1}};
  // Tables that go in circles lose the message.
  const std::size_t limit = std::size_t{4} * nodes();
  for (std::size_t i = 0; i < steps.size() && i < limit; ++i) {
    const Step at = steps[i];
    const unsigned ports = want(net, vc, at, dst, mcast);
    if (ports == 0) {
      way.drops.push_back(net * nodes() + at.node);
      way.live = false;
    }
    for (unsigned port = 0; port < kNumDirs; ++port) {
      if ((ports >> port & 1U) == 0) continue;
      Hop hop{link(net, at.node, port), at.hop, -1, false};
      if (port == kLocal) {
        hop.leaf = static_cast<std::int32_t>(at.node);
      } else if (cut_[at.node * kNumDirs + port]) {
        hop.dead = true;
        way.live = false;
      } else {
        const unsigned back = (port + 1) % 4 + 1;
        steps.push_back(
            {neighbour(at.node, port), back, static_cast<std::int32_t>(way.hops.size())});
      }
      way.hops.push_back(hop);
    }
  }
  if (!mcast && (way.hops.empty() || way.hops.back().leaf < 0)) way.live = false;
  return way;
}

const Way& Routers::way(unsigned net, bool vc, unsigned source, const Rect& dst, bool mcast) {
  if (dst.lo == dst.hi && !mcast) {
    const Way*& known =
        unicast_[((net * 2 + (vc ? 1 : 0)) * nodes() + source) * nodes() + index(dst.lo)];
    if (known == nullptr) {
      ways_.push_back(find(net, vc, source, dst, mcast));
      known = &ways_.back();
    }
    return *known;
  }
  const std::uint64_t key = rect_bits(dst) | std::uint64_t{source} << 24 |
                            std::uint64_t{net} << 40 | std::uint64_t{vc} << 41;
  const auto found = multicast_.find(key);
  if (found != multicast_.end()) return found->second;
  return multicast_.emplace(key, find(net, vc, source, dst, mcast)).first->second;
}

void Routers::forget() {
  std::fill(unicast_.begin(), unicast_.end(), nullptr);
  multicast_.clear();
  ways_.clear();
}

void Routers::write_page(unsigned node, std::uint32_t offset, const std::uint8_t* data,
                         std::uint64_t strobe) {
  if ((offset & 0xf00U) != 0) return;
  const unsigned net = (offset & kRouterNetStride) != 0 ? 1 : 0;
  RouterTable& table = tables_[net * nodes() + node];
  for (unsigned word = 0; word < 16; ++word) {
    if ((strobe >> 4 * word & 1U) == 0) continue;
    std::uint32_t value;
    std::memcpy(&value, data + 4 * word, 4);
    if ((offset & kRouterControl) == 0) {
      for (unsigned x = 0; x < kMaxMeshSide; ++x) {
        table.port[word / 8][word % 8 * kMaxMeshSide + x] =
            static_cast<std::uint8_t>(value >> 3 * x & 7U);
      }
    } else if (word == 0) {
      control_[net * nodes() + node] = value & 0x1fffU;
      table.enable = (value & 1U) != 0;
      table.down = static_cast<std::uint8_t>(value & 0x1eU);
      table.dead = static_cast<std::uint8_t>(value >> 8 & 0x1fU & ~1U);
      for (unsigned port = 1; port < kNumDirs; ++port) stuck_from_[link(net, node, port)] = kNever;
    }
  }
  forget();
}

void Routers::kill_link(unsigned node, unsigned port) {
  if ((edge_[node] >> port & 1U) == 0) return;
  cut_[node * kNumDirs + port] = true;
  cut_[neighbour(node, port) * kNumDirs + (port + 1) % 4 + 1] = true;
  forget();
}

bool Routers::stuck(std::uint32_t link, std::uint64_t cycle) const {
  return stuck_from_[link] <= cycle;
}

void Routers::lose(std::uint32_t link, std::uint64_t cycle) {
  if (stuck(link, cycle)) {
    ++dropped_[link / kNumDirs];
    return;
  }
  ++sent_[link];
  // The third tick without a sign of life, and not before the first flit that was lost.
  constexpr std::uint64_t kTick = kLinkTimeout / 2;
  if (stuck_from_[link] == kNever) stuck_from_[link] = (cycle / kTick + 3) * kTick;
}

std::uint32_t Routers::counter(unsigned node, unsigned select, std::uint64_t cycle) const {
  const unsigned net = select >> 3 & 1U;
  const unsigned which = select & 7U;
  if (which < kNumDirs) return sent_[link(net, node, which)];
  if (which == kDropped) return dropped_[net * nodes() + node];
  if (which == kParity) return 0;
  std::uint32_t status = control_[net * nodes() + node] << 16;
  for (unsigned port = 1; port < kNumDirs; ++port) {
    if (stuck(link(net, node, port), cycle)) status |= 1U << port;
  }
  return status;
}

}  // namespace tsr
