// SPDX-License-Identifier: Apache-2.0
/// The ctl firmware's routes around dead links, held against the model's maps, routes and checker.
extern "C" {
#include "runtime/ctl/routes.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "noc/fault_routes.hpp"
#include "noc/route_check.hpp"

namespace tsr {
namespace {

std::uint64_t bit(Node node) { return 1ULL << (node.y * 8 + node.x); }

/// What the firmware makes of a fault map.
struct Firmware {
  tsr_links_t links{};
  tsr_routes_t routes{};

  Firmware(const FaultMap& faults, Node ctl) {
    std::uint64_t dead_east = 0, dead_south = 0;
    for (unsigned i = 0; i < faults.nodes(); ++i) {
      const Node node = faults.node(i);
      if (!faults.neighbour(node, Dir::kEast)) dead_east |= bit(node);
      if (!faults.neighbour(node, Dir::kSouth)) dead_south |= bit(node);
    }
    EXPECT_EQ(tsr_links_init(&links, faults.width(), faults.height(),
                             {static_cast<std::uint8_t>(ctl.x), static_cast<std::uint8_t>(ctl.y)},
                             dead_east, dead_south),
              TSR_OK);
    tsr_routes_fill(&links, &routes);
  }

  bool reaches(Node node) const { return (links.reach & bit(node)) != 0; }
  bool direct(Node a, Node b) const {
    return (tsr_links_direct(&links, a.y * 8 + a.x) & bit(b)) != 0;
  }
  bool good() const { return tsr_routes_check(&links, &routes); }

  /// The tables as routers take them.
  std::vector<RouterTable> tables(const FaultMap& faults) const {
    std::vector<RouterTable> all(faults.nodes());
    for (unsigned i = 0; i < faults.nodes(); ++i) {
      const Node node = faults.node(i);
      if (!reaches(node)) continue;
      const tsr_route_table_t& from = routes.table[node.y * 8 + node.x];
      for (unsigned entry = 0; entry < 128; ++entry) {
        all[i].port[entry / 64][entry % 64] = from.row[entry / 8] >> entry % 8 * 3 & 7;
      }
      all[i].enable = (from.control & 1) != 0;
      all[i].down = from.control & 0x1e;
      all[i].dead = from.control >> 8 & 0x1e;
    }
    return all;
  }
};

/// The part of a mesh that is connected with ctl; every other router is dead.
FaultMap part_of(const FaultMap& faults, const Firmware& firmware) {
  FaultMap part = faults;
  for (unsigned i = 0; i < part.nodes(); ++i) {
    if (!firmware.reaches(part.node(i)) && part.alive(part.node(i))) part.kill_router(part.node(i));
  }
  return part;
}

/// Routers on ctl's way to a node come before it.
void expect_loadable(const FaultMap& faults, const Firmware& firmware,
                     const std::vector<RouterTable>& tables, Node ctl) {
  std::vector<unsigned> place(faults.nodes(), ~0U);
  for (unsigned i = 0; i < firmware.routes.count; ++i) {
    const unsigned n = firmware.routes.order[i];
    place[faults.index({n % 8, n / 8})] = i;
  }
  for (unsigned d = 0; d < faults.nodes(); ++d) {
    if (!firmware.reaches(faults.node(d))) continue;
    ASSERT_NE(place[d], ~0U);
    unsigned in = 0;
    for (Node at = ctl; at != faults.node(d);) {
      EXPECT_LT(place[faults.index(at)], place[d]);
      const unsigned out = tables[faults.index(at)].way(in, faults.node(d));
      at = *faults.neighbour(at, static_cast<Dir>(out));
      in = static_cast<unsigned>(facing(static_cast<Dir>(out)));
    }
  }
}

/// Whether live links lead along the dimension-order path.
bool path_is_whole(const FaultMap& faults, unsigned net, Node at, Node to) {
  while (at != to) {
    const bool along_x = at.x != to.x && (net == 0 || at.y == to.y);
    const Dir in_x = to.x > at.x ? Dir::kEast : Dir::kWest;
    const auto next = faults.neighbour(at, along_x       ? in_x
                                           : to.y > at.y ? Dir::kSouth
                                                         : Dir::kNorth);
    if (!next) return false;
    at = *next;
  }
  return true;
}

/// Hold everything the firmware finds against the model.
void expect_routed(const FaultMap& faults, Node ctl) {
  const Firmware firmware(faults, ctl);
  EXPECT_TRUE(firmware.good());
  EXPECT_EQ(firmware.links.whole, !faults.any());
  const FaultMap part = part_of(faults, firmware);
  const auto tables = firmware.tables(faults);
  expect_loadable(part, firmware, tables, ctl);
  for (unsigned net = 0; net < 2; ++net) {
    // An answer takes the VC of its request.
    const auto mixed = [&](Node s, Node d) {
      return net == 0 ? !firmware.direct(s, d) : !firmware.direct(d, s);
    };
    EXPECT_EQ(check_routes(part, net, tables, mixed).text(), "");
    const auto all = [](Node, Node) { return true; };  // as the ctl node's own flits
    EXPECT_EQ(check_routes(part, net, tables, all).text(), "");
    for (unsigned s = 0; s < part.nodes(); ++s) {
      if (!part.alive(part.node(s))) continue;
      for (unsigned d = 0; d < part.nodes(); ++d) {
        EXPECT_EQ(mixed(part.node(s), part.node(d)),
                  !path_is_whole(part, net, part.node(s), part.node(d)));
      }
    }
  }
}

struct Mesh {
  unsigned width, height;
};
constexpr Mesh kMeshes[] = {{4, 4}, {4, 6}, {8, 8}};

TEST(Routes, WholeMeshes) {
  for (const auto& mesh : kMeshes) expect_routed(FaultMap(mesh.width, mesh.height), {0, 0});
  expect_routed(FaultMap(1, 1), {0, 0});
  expect_routed(FaultMap(8, 1), {3, 0});
  expect_routed(FaultMap(2, 4), {0, 0});
}

TEST(Routes, EveryLink) {
  for (const auto& mesh : kMeshes) {
    const FaultMap whole(mesh.width, mesh.height);
    for (unsigned i = 0; i < whole.nodes(); ++i) {
      for (const Dir port : {Dir::kEast, Dir::kSouth}) {
        const auto next = whole.neighbour(whole.node(i), port);
        if (!next) continue;
        FaultMap faults = whole;
        faults.kill_link(whole.node(i), *next);
        expect_routed(faults, {0, 0});
      }
    }
  }
}

TEST(Routes, EveryRouter) {
  for (const auto& mesh : kMeshes) {
    for (unsigned i = 1; i < mesh.width * mesh.height; ++i) {
      FaultMap faults(mesh.width, mesh.height);
      faults.kill_router(faults.node(i));
      expect_routed(faults, {0, 0});
    }
  }
}

TEST(Routes, ManyFaults) {
  std::mt19937 random(1);
  for (unsigned seed = 0; seed < 400; ++seed) {
    const Mesh mesh = kMeshes[seed % 3];
    FaultMap faults(mesh.width, mesh.height);
    faults.kill_random_links(random() % (mesh.width * mesh.height), seed);
    if (seed % 2 != 0) faults.kill_random_routers(random() % 4, seed);
    const Node ctl = faults.node(random() % faults.nodes());
    if (!faults.alive(ctl)) continue;
    SCOPED_TRACE(seed);
    expect_routed(faults, ctl);
  }
}

TEST(Routes, ACutMeshKeepsThePartOfCtl) {
  FaultMap faults(4, 6);
  for (unsigned x = 0; x < 4; ++x) faults.kill_link({x, 3}, {x, 4});
  expect_routed(faults, {0, 0});
  EXPECT_EQ(Firmware(faults, {0, 0}).links.reach, 0x0f0f0f0fU);
  EXPECT_EQ(Firmware(faults, {0, 5}).links.reach, 0x0f0fULL << 32);
}

TEST(Routes, LoadsAreSpread) {
  double sum = 0, worst = 9;
  unsigned count = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    FaultMap faults(4, 6);
    faults.kill_random_links(1 + seed % 2, seed);
    const Firmware firmware(faults, {0, 0});
    const auto tables = firmware.tables(faults);
    const FaultRoutes model(faults, 0);
    std::vector<double> loads(faults.nodes() * kNumDirs);
    for (unsigned s = 0; s < faults.nodes(); ++s) {
      for (unsigned d = 0; d < faults.nodes(); ++d) {
        const Node to = faults.node(d);
        const bool by_table = !firmware.direct(faults.node(s), to);
        Node at = faults.node(s);
        for (unsigned in = 0; at != to;) {
          const unsigned in_row = to.x > at.x ? 2 : 4, in_column = to.y > at.y ? 3 : 1;
          const unsigned out = by_table       ? tables[faults.index(at)].way(in, to)
                               : at.x != to.x ? in_row
                                              : in_column;
          loads[faults.index(at) * kNumDirs + out] += 1;
          at = *faults.neighbour(at, static_cast<Dir>(out));
          in = static_cast<unsigned>(facing(static_cast<Dir>(out)));
        }
      }
    }
    const double share = model.peak_load() / *std::max_element(loads.begin(), loads.end());
    sum += share;
    worst = std::min(worst, share);
    ++count;
  }
  EXPECT_GT(sum / count, 0.75);  // of the throughput that the model's search finds
  EXPECT_GT(worst, 0.6);
}

TEST(RouteCheck, FindsCircles) {
  const FaultMap faults(4, 4);
  Firmware firmware(faults, {0, 0});
  ASSERT_TRUE(firmware.good());
  // Around the square of the first four nodes, clockwise, towards a node far away.
  const auto set = [&](unsigned node, unsigned port) {
    for (unsigned phase = 0; phase < 2; ++phase) {
      auto& row = firmware.routes.table[node].row[8 * phase + 3];
      row = (row & ~(7U << 9)) | port << 9;
    }
  };
  set(0, 2);
  set(1, 3);
  set(9, 4);
  set(8, 1);
  EXPECT_FALSE(firmware.good());
}

TEST(RouteCheck, FindsEveryWrongEntry) {
  FaultMap faults(4, 4);
  faults.kill_link({1, 1}, {2, 1});
  const Firmware good(faults, {0, 0});
  unsigned refused = 0, agreed = 0;
  for (unsigned node = 0; node < 16; ++node) {
    for (unsigned to = 0; to < 16; ++to) {
      for (unsigned port = 0; port < 8; ++port) {
        Firmware changed = good;
        const unsigned at = node / 4 * 8 + node % 4;
        auto& row = changed.routes.table[at].row[to / 4];
        row = (row & ~(7U << to % 4 * 3)) | port << to % 4 * 3;
        const auto all = [](Node, Node) { return true; };
        const bool fine = check_routes(faults, 0, changed.tables(faults), all).good();
        agreed += changed.good() == fine;
        refused += !fine;
      }
    }
  }
  EXPECT_EQ(agreed, 16U * 16 * 8);
  EXPECT_GT(refused, 1000U);
}

TEST(RouteCheck, FindsRoutersThatAreOffOrClosed) {
  FaultMap faults(4, 4);
  faults.kill_link({1, 1}, {2, 1});
  Firmware off(faults, {0, 0});
  off.routes.table[9].control &= ~1U;
  EXPECT_FALSE(off.good());
  Firmware closed(faults, {0, 0});
  closed.routes.table[0].control |= 1U << 10;
  EXPECT_FALSE(closed.good());
}

TEST(Routes, RefusesMeshesBeyondTheTables) {
  tsr_links_t links;
  EXPECT_EQ(tsr_links_init(&links, 9, 4, {0, 0}, 0, 0), TSR_INVALID);
  EXPECT_EQ(tsr_links_init(&links, 4, 0, {0, 0}, 0, 0), TSR_INVALID);
  EXPECT_EQ(tsr_links_init(&links, 4, 4, {0, 4}, 0, 0), TSR_INVALID);
  EXPECT_EQ(tsr_links_init(nullptr, 4, 4, {0, 0}, 0, 0), TSR_INVALID);
}

}  // namespace
}  // namespace tsr
