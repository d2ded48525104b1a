// SPDX-License-Identifier: Apache-2.0
/// Routes around every single fault and random sets of them, judged by the independent checker.
#include "noc/fault_routes.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "noc/route_check.hpp"

namespace tsr {
namespace {

RouteReport check(const FaultRoutes& routes) {
  return check_routes(routes.faults(), routes.net(), routes.tables(),
                      [&](Node s, Node d) { return routes.layer(s, d) == Layer::kTables; });
}

/// Pairs of live nodes that live links connect, by a search of its own.
unsigned connected_pairs(const FaultMap& faults) {
  unsigned pairs = 0;
  for (unsigned s = 0; s < faults.nodes(); ++s) {
    std::vector<bool> seen(faults.nodes(), false);
    const std::function<void(Node)> visit = [&](Node at) {
      if (!faults.alive(at) || seen[faults.index(at)]) return;
      seen[faults.index(at)] = true;
      ++pairs;
      for (const Dir p : {Dir::kNorth, Dir::kEast, Dir::kSouth, Dir::kWest}) {
        if (const auto next = faults.neighbour(at, p)) visit(*next);
      }
    };
    visit(faults.node(s));
  }
  return pairs;
}

unsigned routed_pairs(const FaultRoutes& routes, Layer layer) {
  unsigned pairs = 0;
  const FaultMap& faults = routes.faults();
  for (unsigned s = 0; s < faults.nodes(); ++s) {
    for (unsigned d = 0; d < faults.nodes(); ++d) {
      pairs += routes.layer(faults.node(s), faults.node(d)) == layer;
    }
  }
  return pairs;
}

void expect_routed(const FaultMap& faults) {
  for (unsigned net = 0; net < 2; ++net) {
    const FaultRoutes routes(faults, net);
    EXPECT_EQ(check(routes).text(), "");
    EXPECT_EQ(routed_pairs(routes, Layer::kDimension) + routed_pairs(routes, Layer::kTables),
              connected_pairs(faults));
  }
}

void for_each_link(unsigned width, unsigned height, const std::function<void(FaultMap)>& use) {
  const FaultMap whole(width, height);
  for (unsigned i = 0; i < whole.nodes(); ++i) {
    for (const Dir port : {Dir::kEast, Dir::kSouth}) {
      const auto next = whole.neighbour(whole.node(i), port);
      if (!next) continue;
      FaultMap faults = whole;
      faults.kill_link(whole.node(i), *next);
      use(faults);
    }
  }
}

TEST(FaultRoutes, AWholeMeshNeedsNoTables) {
  for (unsigned net = 0; net < 2; ++net) {
    const FaultRoutes routes(FaultMap(4, 4), net);
    EXPECT_EQ(routed_pairs(routes, Layer::kDimension), 256U);
    EXPECT_EQ(routes.hops({0, 0}, {3, 2}), 5U);
    EXPECT_DOUBLE_EQ(routes.peak_load(), 16);  // of 16 flits a node: bound 1.0
    EXPECT_TRUE(check(routes).good());
  }
}

TEST(FaultRoutes, TablesAloneCanCarryEveryPair) {
  const FaultRoutes routes(FaultMap(5, 3), 0);
  const auto report =
      check_routes(routes.faults(), 0, routes.tables(), [](Node, Node) { return true; });
  EXPECT_EQ(report.text(), "");
}

TEST(FaultRoutes, SurviveEverySingleLink) {
  for_each_link(4, 4, expect_routed);
  for_each_link(1, 4, expect_routed);
  for_each_link(3, 2, expect_routed);
}

TEST(FaultRoutes, SurviveEverySingleRouter) {
  for (unsigned i = 0; i < 16; ++i) {
    FaultMap faults(4, 4);
    faults.kill_router(faults.node(i));
    EXPECT_EQ(connected_pairs(faults), 15U * 15U);
    expect_routed(faults);
  }
}

TEST(FaultRoutes, SurviveRandomSetsOfManyFaults) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    FaultMap links(8, 8), routers(8, 8);
    links.kill_random_links(16, seed);
    routers.kill_random_routers(8, seed);
    expect_routed(links);
    expect_routed(routers);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(FaultRoutes, EachPartOfASplitMeshIsRouted) {
  FaultMap faults(4, 2);
  faults.kill_link({1, 0}, {2, 0});
  faults.kill_link({1, 1}, {2, 1});
  faults.kill_link({2, 0}, {3, 0});
  const FaultRoutes routes(faults, 0);
  EXPECT_EQ(routes.layer({0, 0}, {2, 0}), Layer::kNone);
  EXPECT_EQ(routes.layer({2, 0}, {3, 0}), Layer::kTables);
  EXPECT_EQ(routes.hops({2, 0}, {3, 0}), 3U);
  EXPECT_EQ(routes.tables()[0].port[0][RouterTable::entry({3, 1})], RouterTable::kNone);
  EXPECT_EQ(routed_pairs(routes, Layer::kNone), 32U);
  expect_routed(faults);
}

TEST(FaultRoutes, OneDeadLinkCostsLittleThroughput) {
  const auto worst_and_mean = [](unsigned side) {
    const double whole = FaultRoutes(FaultMap(side, side), 0).peak_load();
    double worst = 1, sum = 0;
    unsigned count = 0;
    for_each_link(side, side, [&](const FaultMap& faults) {
      const double kept = whole / FaultRoutes(faults, 0).peak_load();
      worst = std::min(worst, kept);
      sum += kept;
      ++count;
    });
    return std::make_pair(worst, sum / count);
  };
  const auto [worst4, mean4] = worst_and_mean(4);
  const auto [worst8, mean8] = worst_and_mean(8);
  RecordProperty("kept", std::to_string(worst4) + " " + std::to_string(mean4) + " " +
                             std::to_string(worst8) + " " + std::to_string(mean8));
  EXPECT_GE(mean4, 0.81);
  EXPECT_GE(worst4, 0.66);
  EXPECT_GE(mean8, 0.84);
  EXPECT_GE(worst8, 0.61);
}

/// The four routers of a 2 x 2 mesh send everything clockwise.
TEST(RouteCheck, FindsAPlantedCycle) {
  const FaultMap faults(2, 2);
  FaultRoutes routes(faults, 0);
  auto tables = routes.tables();
  const Dir clockwise[4] = {Dir::kEast, Dir::kSouth, Dir::kNorth, Dir::kWest};
  for (unsigned i = 0; i < 4; ++i) {
    for (auto& phase : tables[i].port) {
      phase.fill(static_cast<std::uint8_t>(clockwise[i]));
      phase[RouterTable::entry(faults.node(i))] = 0;
    }
  }
  const auto report = check_routes(faults, 0, tables, [](Node, Node) { return true; });
  EXPECT_TRUE(report.stray.empty()) << "every flit arrives, in an idle mesh";
  EXPECT_EQ(report.cycle.size(), 4U);
  EXPECT_EQ(report.vc, 1U);
  EXPECT_NE(report.text().find("(0, 0).E (1, 0).S (1, 1).W (0, 1).N"), std::string::npos)
      << report.text();
}

TEST(RouteCheck, FindsFlitsThatStray) {
  FaultMap faults(3, 3);
  faults.kill_link({0, 0}, {1, 0});
  const FaultRoutes routes(faults, 0);
  const auto with = [&](const std::function<void(std::vector<RouterTable>&)>& damage) {
    auto tables = routes.tables();
    damage(tables);
    return check_routes(faults, 0, tables,
                        [&](Node s, Node d) { return routes.layer(s, d) == Layer::kTables; })
        .text();
  };
  EXPECT_EQ(with([](auto&) {}), "");
  const unsigned target = RouterTable::entry({1, 0});
  const auto first = [&](std::vector<RouterTable>& t) -> std::uint8_t& {
    return t[0].port[0][target];
  };
  const auto says = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  says(with([&](auto& t) { first(t) = RouterTable::kNone; }), "(1, 0) on VC 1 finds no way");
  says(with([&](auto& t) { first(t) = 0; }), "is delivered at (0, 0)");
  says(with([&](auto& t) { first(t) = static_cast<std::uint8_t>(Dir::kEast); }), "finds no way");
  says(with([&](auto& t) { t[0].enable = false; }), "finds no way");
  const auto all_on_vc0 =
      check_routes(faults, 0, routes.tables(), [](Node, Node) { return false; }).text();
  says(all_on_vc0, "(0, 0) to (1, 0) on VC 0 finds no way at (0, 0)");
}

TEST(FaultMap, RefusesWhatTheMeshDoesNotHave) {
  EXPECT_THROW(FaultMap(9, 2), std::invalid_argument);
  FaultMap faults(4, 4);
  EXPECT_THROW(faults.kill_link({0, 0}, {1, 1}), std::invalid_argument);
  EXPECT_THROW(faults.kill_link({3, 0}, {4, 0}), std::invalid_argument);
  EXPECT_THROW(faults.kill_router({4, 0}), std::invalid_argument);
  EXPECT_THROW(faults.kill_random_links(25, 1), std::invalid_argument);
  EXPECT_FALSE(faults.any());
  faults.kill_random_links(24, 1);
  EXPECT_TRUE(faults.any());
  EXPECT_EQ(connected_pairs(faults), 16U);
  EXPECT_EQ(faults.live_routers(), 16U);
  faults.kill_router({3, 3});
  EXPECT_EQ(faults.live_routers(), 15U);
}

}  // namespace
}  // namespace tsr
