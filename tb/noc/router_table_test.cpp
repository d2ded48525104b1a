// SPDX-License-Identifier: Apache-2.0
/// Routing tables of one router node: the router page that loads them, and the ways they give.
#include "noc/router_page.hpp"
#include "router_bench.hpp"

namespace tsr::tb {
namespace {

class NocRouterTable : public NocRouter {
 protected:
  /// Write to the router page by input `in`, and wait until it has had its effect.
  void write(Flit flit, unsigned in = 0) {
    flit.seal();
    send(0, in, flit);
    ASSERT_TRUE(run_until([&] { return drained(); }, 100));
    run(3);
  }
  void load(unsigned net, const RouterTable& table, unsigned in = 0) {
    write(table_write(kHere, kHere, net, table), in);
    write(control_write(kHere, kHere, net, table), in);
  }
  RouterTable random_table() {
    RouterTable table;
    for (auto& phase : table.port) {
      for (auto& port : phase) port = static_cast<std::uint8_t>(rand_in(0, 7));
    }
    table.down = static_cast<std::uint8_t>(rand_in(0, 15) << 1);
    table.enable = true;
    return table;
  }
  static Node target(unsigned number) { return {number % kMesh, number / kMesh}; }

  /// Ports by which a flit that came in by `in` leaves.
  std::set<unsigned> ways(unsigned net, unsigned in, const Flit& flit) {
    departures_.clear();
    send(net, in, flit);
    run(6);
    std::set<unsigned> ports;
    for (const auto& d : departures_) {
      EXPECT_EQ(d.network, net);
      EXPECT_EQ(d.cycle - entered_[flit.data[0]], 2U);
      ports.insert(d.port);
    }
    return ports;
  }
  /// A flit to one node, from where dimension order would bring it in by `in`.
  Flit unicast(unsigned net, unsigned in, Node dst, bool vc) {
    Flit flit = make(net, step(kHere, static_cast<Dir>(in)), {dst, dst});
    flit.vc = vc;
    return flit;
  }
};

TEST_F(NocRouterTable, GivesEveryTargetItsWayByTheInputsPhase) {
  for (unsigned k = 0; k < 2; ++k) {
    const RouterTable table = random_table();
    load(k, table, k == 0 ? 0 : 3);
    std::uint32_t dropped = counter(k * 8 + 6);
    for (unsigned in = 0; in < kNumDirs; ++in) {
      for (unsigned n = 0; n < kMesh * kMesh; ++n) {
        const auto got = ways(k, in, unicast(k, in, target(n), true));
        const unsigned port = table.way(in, target(n));
        if (port < kNumDirs && (port != in || port == 0)) {
          ASSERT_EQ(got, std::set<unsigned>{port})
              << "network " << k << " in " << in << " to " << n;
        } else {
          ASSERT_TRUE(got.empty()) << "no way, or back where it came from";
          ++dropped;
        }
      }
    }
    EXPECT_EQ(counter(k * 8 + 6), dropped);
  }
}

TEST_F(NocRouterTable, ChangesNothingOnVc0OrTheOtherNetworkOrWhenOff) {
  RouterTable table = random_table();
  const auto expect_dimension_order = [&](unsigned k, bool vc) {
    for (unsigned n = 0; n < kMesh * kMesh; ++n) {
      const auto way = passage(k, kHere, {target(n), target(n)});
      ASSERT_EQ(ways(k, 0, unicast(k, 0, target(n), vc)), way->second);
    }
  };
  load(0, table);
  expect_dimension_order(0, false);
  expect_dimension_order(1, true);
  table.enable = false;
  load(0, table);
  expect_dimension_order(0, true);
}

TEST_F(NocRouterTable, ResetTurnsTablesOff) {
  load(1, random_table());
  reset();
  const auto east = step(kHere, Dir::kEast);
  EXPECT_EQ(ways(1, 0, unicast(1, 0, east, true)), std::set<unsigned>{2});
}

TEST_F(NocRouterTable, DeadPortsSendNothingOnEitherVc) {
  RouterTable table;
  table.port[0].fill(static_cast<std::uint8_t>(Dir::kEast));
  table.dead = 1U << static_cast<unsigned>(Dir::kEast);
  table.enable = true;
  const Node east = step(kHere, Dir::kEast);
  for (unsigned k = 0; k < 2; ++k) {
    load(k, table);
    EXPECT_TRUE(ways(k, 0, unicast(k, 0, east, false)).empty());
    EXPECT_TRUE(ways(k, 0, unicast(k, 0, east, true)).empty());
    EXPECT_EQ(counter(k * 8 + 6), 2U);
    EXPECT_EQ(ways(k, 0, unicast(k, 0, step(kHere, Dir::kSouth), false)), std::set<unsigned>{3});
  }
}

TEST_F(NocRouterTable, DropsMulticastAndFarTargetsOnVc1) {
  RouterTable table;
  for (auto& phase : table.port) phase.fill(static_cast<std::uint8_t>(Dir::kSouth));
  table.enable = true;
  load(0, table);
  Flit flit = make(0, kHere, {kHere, {4, 4}});
  EXPECT_EQ(ways(0, 0, flit), (std::set<unsigned>{0, 2, 3}));
  flit.vc = true;
  EXPECT_TRUE(ways(0, 0, flit).empty());
  EXPECT_TRUE(ways(0, 0, unicast(0, 0, {8, 3}, true)).empty());
  EXPECT_TRUE(ways(0, 0, unicast(0, 0, {3, 8}, true)).empty());
  EXPECT_EQ(counter(6), 3U);
}

TEST_F(NocRouterTable, WritesRowsOneByOneByTheirStrobes) {
  RouterTable table = random_table();
  table.down = 0;
  load(0, table);
  RouterTable other = random_table();
  Flit flit = table_write(kHere, kHere, 0, other);
  flit.strb = 0xfULL << (4 * 5);  // row 5, may still go up
  write(flit);
  for (unsigned x = 0; x < kMesh; ++x) {
    const unsigned entry = RouterTable::entry({x, 5});
    table.port[0][entry] = other.port[0][entry];
  }
  for (unsigned n = 0; n < kMesh * kMesh; ++n) {
    const auto got = ways(0, 0, unicast(0, 0, target(n), true));
    const unsigned port = table.way(0, target(n));
    ASSERT_EQ(got, port < kNumDirs ? std::set<unsigned>{port} : std::set<unsigned>{});
  }
}

TEST_F(NocRouterTable, TakesPageWritesWithADeadEndpoint) {
  // The endpoint takes nothing: all credits of its link are spent.
  drain_[0][0] = 0;
  for (unsigned i = 0; i < 2 * kVcDepth; ++i) {
    Flit f = make(0, kHere, {kHere, kHere});
    f.vc = i >= kVcDepth;
    send(0, 4, f);
  }
  run(30);
  ASSERT_EQ(departures_.size(), 2 * kVcDepth);
  departures_.clear();
  RouterTable table;
  table.port[0].fill(static_cast<std::uint8_t>(Dir::kNorth));
  table.enable = true;
  for (unsigned in = 0; in < kNumDirs; ++in) load(0, table, in);
  EXPECT_TRUE(departures_.empty());
  EXPECT_EQ(counter(0), 2 * kVcDepth) << "page writes are not sent";
  EXPECT_EQ(ways(0, 0, unicast(0, 0, {7, 7}, true)), std::set<unsigned>{1});
  drain_[0][0] = 1;
  run(30);
  EXPECT_TRUE(drained());
}

TEST_F(NocRouterTable, TakesNothingButPostedWritesToItsPage) {
  const Flit page = control_write(kHere, kHere, 0, RouterTable());
  const auto delivered = [&](const std::function<void(Flit&)>& change, unsigned net = 0) {
    Flit flit = page;
    flit.data[0] = ++last_id_;
    change(flit);
    flit.seal();
    return ways(net, 4, flit) == std::set<unsigned>{0};
  };
  EXPECT_FALSE(delivered([](Flit&) {}));
  EXPECT_TRUE(delivered([](Flit& f) { f.kind = Kind::kWrite; }));
  EXPECT_TRUE(delivered([](Flit& f) { f.addr -= 0x1000; }));
  EXPECT_TRUE(delivered([](Flit& f) { f.addr &= ~(1ULL << 52); })) << "an HBM address";
  EXPECT_TRUE(delivered([](Flit& f) { f.kind = Kind::kReadRsp; }, 1));
  EXPECT_EQ(counter(6), 0U);
}

TEST_F(NocRouterTable, IgnoresDamagedAndUnusedPageWrites) {
  RouterTable table;
  table.port[0].fill(static_cast<std::uint8_t>(Dir::kNorth));
  table.enable = true;
  load(0, table);
  const auto still_there = [&] {
    return ways(0, 0, unicast(0, 0, {7, 7}, true)) == std::set<unsigned>{1};
  };
  const Flit off = control_write(kHere, kHere, 0, RouterTable());
  Flit flit = off;
  flit.poison = true;
  write(flit);
  EXPECT_TRUE(still_there());
  EXPECT_EQ(counter(5), 1U);
  flit = off;
  flit.addr += 0x100;  // nothing there
  write(flit);
  EXPECT_TRUE(still_there());
  context().assertOn(false);  // the link checkers would complain of what comes now
  stamp_ = false;
  flit = off;
  flit.seal();
  flit.data[3] ^= 4;
  send(0, 0, flit);
  run(10);
  EXPECT_EQ(counter(5), 2U);
  stamp_ = true;
  EXPECT_TRUE(still_there());
  write(off);
  EXPECT_FALSE(still_there());
}

TEST_F(NocRouterTable, MulticastPageWritesAreTakenAndPassedOn) {
  RouterTable table;
  table.port[0].fill(static_cast<std::uint8_t>(Dir::kNorth));
  load(0, table);
  table.enable = true;
  Flit flit = control_write(step(kHere, Dir::kWest), kHere, 0, table);
  flit.dst = {{2, 3}, {5, 4}};
  flit.mcast = true;
  flit.data[1] = 77;
  flit.seal();
  departures_.clear();
  send(0, 4, flit);
  run(8);
  std::set<unsigned> ports;
  for (const auto& d : departures_) ports.insert(d.port);
  EXPECT_EQ(ports, (std::set<unsigned>{2, 3}));
  EXPECT_EQ(ways(0, 0, unicast(0, 0, {7, 7}, true)), std::set<unsigned>{1});
}

TEST_F(NocRouterTable, RandomTrafficOnBothVcsFollowsTheTables) {
  std::array<RouterTable, 2> tables;
  for (unsigned k = 0; k < 2; ++k) {
    tables[k] = random_table();
    load(k, tables[k]);
  }
  departures_.clear();
  std::map<std::tuple<unsigned, unsigned, bool, unsigned>, std::deque<std::uint64_t>> expected;
  std::map<std::uint64_t, unsigned> input_of;
  unsigned sent = 0;
  for (int i = 0; i < 6000; ++i) {
    const auto k = static_cast<unsigned>(rand_in(0, 1));
    const auto in = static_cast<unsigned>(rand_in(0, 4));
    const bool vc = chance(0.6);
    Flit f = unicast(k, in, target(static_cast<unsigned>(rand_in(0, 63))), vc);
    if (!vc) f = through(k, Dir::kLocal, static_cast<Dir>(rand_in(0, 4)));
    const unsigned from = vc ? in : 0;
    const unsigned out = vc ? tables[k].way(from, f.dst.lo)
                            : static_cast<unsigned>(*passage(k, kHere, f.dst)->second.begin());
    send(k, from, f);
    input_of[f.data[0]] = from;
    if (out >= kNumDirs || (out == from && out != 0)) continue;
    expected[{k, out, vc, from}].push_back(f.data[0]);
    ++sent;
  }
  ASSERT_NO_FATAL_FAILURE(finish_with_random_stalls());
  EXPECT_EQ(departures_.size(), sent);
  for (const auto& d : departures_) {
    auto& queue = expected[{d.network, d.port, d.flit.vc, input_of[d.flit.data[0]]}];
    ASSERT_FALSE(queue.empty());
    EXPECT_EQ(queue.front(), d.flit.data[0]);
    queue.pop_front();
  }
}

}  // namespace
}  // namespace tsr::tb
