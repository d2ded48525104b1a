// SPDX-License-Identifier: Apache-2.0
/// One router node (both networks) against an independent model of dimension-order trees.
#include "router_bench.hpp"

namespace tsr::tb {
namespace {

TEST_F(NocRouter, RoutesEverySourceAndTargetInTwoCycles) {
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned s = 0; s < kMesh * kMesh; ++s) {
      for (unsigned d = 0; d < kMesh * kMesh; ++d) {
        const Node src{s % kMesh, s / kMesh};
        const Node dst{d % kMesh, d / kMesh};
        const auto way = passage(k, src, {dst, dst});
        if (!way) continue;
        departures_.clear();
        const Flit f = make(k, src, {dst, dst});
        send(k, way->first, f);
        run(5);
        ASSERT_EQ(departures_.size(), 1U);
        const Departure& got = departures_[0];
        EXPECT_EQ(got.network, k);
        EXPECT_EQ(got.port, *way->second.begin());
        EXPECT_EQ(got.cycle - entered_[f.data[0]], 2U);
        EXPECT_EQ(got.flit.data, f.data);
      }
    }
  }
}

TEST_F(NocRouter, SustainsOneFlitACycleOnEveryPort) {
  using enum_pair = std::pair<Dir, Dir>;
  const std::array<enum_pair, 5> flows = {
      enum_pair{Dir::kLocal, Dir::kNorth}, enum_pair{Dir::kNorth, Dir::kSouth},
      enum_pair{Dir::kSouth, Dir::kLocal}, enum_pair{Dir::kEast, Dir::kWest},
      enum_pair{Dir::kWest, Dir::kEast}};
  for (int i = 0; i < 250; ++i) {
    for (unsigned k = 0; k < 2; ++k) {
      for (const auto& [in, out] : flows) send(k, static_cast<unsigned>(in), through(k, in, out));
    }
  }
  run(20);
  const auto before = sent_;
  run(200);
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned p = 0; p < kNumDirs; ++p) EXPECT_EQ(sent_[k][p] - before[k][p], 200U);
  }
}

TEST_F(NocRouter, SpendsExactlyTheCreditsItHas) {
  for (unsigned k = 0; k < 2; ++k) {
    const auto east = static_cast<unsigned>(Dir::kEast);
    const auto west = static_cast<unsigned>(Dir::kWest);
    drain_[k][east] = 0;
    departures_.clear();
    for (int i = 0; i < 20; ++i) {
      for (unsigned vc = 0; vc < kNumVcs; ++vc) {
        Flit f = through(k, Dir::kWest, Dir::kEast);
        f.vc = vc != 0;
        send(k, west, f);
      }
    }
    run(60);
    EXPECT_EQ(departures_.size(), 2 * kVcDepth);
    EXPECT_EQ(sources_[k][west].waiting(), 40U - 4 * kVcDepth);
    for (unsigned vc = 0; vc < kNumVcs; ++vc) {
      departures_.clear();
      *nets_[k].tx_credit = static_cast<SData>(sinks_[k][east].drain(1U << vc) << (2 * east));
      run(20);
      ASSERT_EQ(departures_.size(), 1U);
      EXPECT_EQ(departures_[0].flit.vc, vc != 0);
    }
    drain_[k][east] = 1.0;
    ASSERT_TRUE(run_until([&] { return drained(); }, 200));
  }
}

TEST_F(NocRouter, ABlockedVcDoesNotBlockTheOther) {
  const auto west = static_cast<unsigned>(Dir::kWest);
  drain_[0][static_cast<unsigned>(Dir::kEast)] = 0;
  for (unsigned i = 0; i < 2 * kVcDepth; ++i) send(0, west, through(0, Dir::kWest, Dir::kEast));
  run(40);
  departures_.clear();
  for (int i = 0; i < 30; ++i) {
    Flit f = through(0, Dir::kWest, Dir::kSouth);
    f.vc = true;
    send(0, west, f);
  }
  run(40);
  EXPECT_EQ(departures_.size(), 30U);
}

TEST_F(NocRouter, ClassThenAgeThenPortDecide) {
  stamp_ = false;
  for (int round = 0; round < 200; ++round) {
    const unsigned k = round % 2;
    now_offset_ = rand_in(0, 4095);
    // Fill the downstream buffers, so that everything waits.
    drain_[k][0] = 0;
    for (unsigned i = 0; i < 2 * kVcDepth; ++i) {
      Flit f = make(k, kHere, {kHere, kHere});
      f.vc = i >= kVcDepth;
      f.seal();
      send(k, 0, f);
    }
    run(25);
    departures_.clear();
    struct Waiting {
      bool cls;
      unsigned age;
      unsigned rank;
      std::uint64_t id;
    };
    std::vector<Waiting> waiting;
    for (unsigned p = 0; p < kNumDirs; ++p) {
      for (unsigned vc = 0; vc < kNumVcs; ++vc) {
        if (chance(0.2)) continue;
        Flit f = make(k, step(kHere, static_cast<Dir>(p)), {kHere, kHere});
        f.vc = vc != 0;
        f.cls = chance(0.3);
        const unsigned age = chance(0.5) ? 7 : static_cast<unsigned>(rand_in(0, 60000));
        f.birth = static_cast<std::uint16_t>(dut().now_i - age);
        f.seal();
        send(k, p, f);
        waiting.push_back({f.cls, age, p * kNumVcs + vc, f.data[0]});
      }
    }
    run(10);
    ASSERT_TRUE(departures_.empty());
    drain_[k][0] = 1.0;
    run(30);
    std::sort(waiting.begin(), waiting.end(), [](const Waiting& a, const Waiting& b) {
      return std::tuple(!a.cls, 65536 - a.age, a.rank) < std::tuple(!b.cls, 65536 - b.age, b.rank);
    });
    ASSERT_EQ(departures_.size(), waiting.size());
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      ASSERT_EQ(departures_[i].flit.data[0], waiting[i].id) << "round " << round << " place " << i;
    }
  }
}

TEST_F(NocRouter, OverloadedPortServesItsInputsEvenly) {
  for (unsigned k = 0; k < 2; ++k) {
    for (int i = 0; i < 1000; ++i) {
      for (unsigned p = 0; p < kNumDirs; ++p)
        send(k, p, through(k, static_cast<Dir>(p), Dir::kLocal));
    }
  }
  run(100);
  departures_.clear();
  run(500);
  std::map<std::pair<unsigned, std::uint32_t>, unsigned> share;
  for (const auto& d : departures_) ++share[{d.network, d.flit.src.pack()}];
  EXPECT_EQ(departures_.size(), 1000U);
  ASSERT_EQ(share.size(), 10U);
  for (const auto& [key, count] : share) EXPECT_NEAR(count, 100, 5);
}

TEST_F(NocRouter, MulticastForksWithoutWaitingForABlockedBranch) {
  for (unsigned k = 0; k < 2; ++k) {
    for (Dir blocked : {Dir::kLocal, Dir::kNorth, Dir::kEast, Dir::kSouth, Dir::kWest}) {
      const auto stuck = static_cast<unsigned>(blocked);
      drain_[k][stuck] = 0;
      for (unsigned i = 0; i < kVcDepth; ++i) send(k, 0, through(k, Dir::kLocal, blocked));
      ASSERT_TRUE(run_until([&] { return drained(); }, 50));
      departures_.clear();
      const Flit mcast = make(k, kHere, {{1, 1}, {5, 5}});
      const Flit behind = make(k, kHere, {kHere, kHere});
      send(k, 0, mcast);
      send(k, 0, behind);
      run(10);
      std::set<unsigned> ports;
      for (const auto& d : departures_) {
        EXPECT_EQ(d.flit.data[0], mcast.data[0]) << "a flit overtook another of its VC";
        EXPECT_EQ(d.cycle - entered_[mcast.data[0]], 2U);
        EXPECT_TRUE(ports.insert(d.port).second) << "a port got two copies";
      }
      EXPECT_EQ(ports.size(), 4U);
      EXPECT_EQ(ports.count(stuck), 0U);
      EXPECT_FALSE(sources_[k][0].all_credits_back());
      departures_.clear();
      drain_[k][stuck] = 1.0;
      ASSERT_TRUE(run_until([&] { return drained(); }, 50));
      run(5);
      ASSERT_EQ(departures_.size(), 2U);
      EXPECT_EQ(departures_[0].flit.data[0], mcast.data[0]);
      EXPECT_EQ(departures_[0].port, stuck);
      EXPECT_EQ(departures_[1].flit.data[0], behind.data[0]);
    }
  }
}

TEST_F(NocRouter, DropsAndCountsDamagedHeaders) {
  context().assertOn(false);  // the link checkers would complain
  stamp_ = false;
  for (unsigned k = 0; k < 2; ++k) {
    departures_.clear();
    const std::uint32_t before = counter(k * 8 + 5);
    unsigned damaged = 0;
    for (unsigned bit = 512; bit < kFlitBits; ++bit) {
      if (bit == kVcBit) continue;  // would pay the wrong VC
      const auto port = static_cast<unsigned>(rand_in(0, 4));
      Flit f = through(k, static_cast<Dir>(port), Dir::kLocal);
      f.vc = chance(0.5);
      f.seal();
      auto lanes = f.to_lanes();
      lanes[bit / 64] ^= 1ULL << (bit % 64);
      send(k, port, Flit::from_lanes(lanes));
      ++damaged;
    }
    ASSERT_TRUE(run_until([&] { return drained(); }, 2000));
    run(5);
    EXPECT_TRUE(departures_.empty());
    EXPECT_EQ(counter(k * 8 + 5) - before, damaged);
    EXPECT_EQ(counter(k * 8 + 6), 0U);
  }
}

TEST_F(NocRouter, GoodFlitsPassBetweenDamagedOnes) {
  context().assertOn(false);  // the link checkers would complain
  stamp_ = false;
  unsigned good = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto port = static_cast<unsigned>(rand_in(0, 4));
    Flit f = through(0, static_cast<Dir>(port), Dir::kLocal);
    f.vc = chance(0.5);
    f.seal();
    if (chance(0.4)) {
      f.par = !f.par;
    } else {
      ++good;
    }
    send(0, port, f);
  }
  for (auto& d : drain_[0]) d = 0.6;
  ASSERT_TRUE(run_until([&] { return drained(); }, 20000));
  run(50);
  EXPECT_EQ(departures_.size(), good);
  EXPECT_EQ(counter(5), 3000U - good);
}

TEST_F(NocRouter, NothingLeavesByAPortWithoutLink) {
  for (unsigned k = 0; k < 2; ++k) {
    departures_.clear();
    dut().link_en_i = 0x1f & ~(1U << static_cast<unsigned>(Dir::kEast));
    send(k, 0, through(k, Dir::kLocal, Dir::kEast));  // nowhere to go
    const Flit mcast = make(k, kHere, {{2, 2}, {5, 4}});
    send(k, 0, mcast);
    ASSERT_TRUE(run_until([&] { return drained(); }, 50));
    run(5);
    std::set<unsigned> ports;
    for (const auto& d : departures_) {
      EXPECT_EQ(d.flit.data[0], mcast.data[0]);
      ports.insert(d.port);
    }
    EXPECT_EQ(ports, (std::set<unsigned>{0, 1, 3, 4}));
    EXPECT_EQ(counter(k * 8 + 6), 1U);
    EXPECT_EQ(counter(k * 8 + 5), 0U);
  }
}

TEST_F(NocRouter, RandomTrafficMatchesTheModelUnderRandomStalls) {
  // Expected flits per network, output, VC and input, in order.
  std::map<std::tuple<unsigned, unsigned, bool, unsigned>, std::deque<Flit>> expected;
  std::map<std::uint64_t, unsigned> input_of;
  unsigned copies = 0;
  for (int i = 0; i < 8000;) {
    const auto k = static_cast<unsigned>(rand_in(0, 1));
    const auto coordinate = [&] { return static_cast<unsigned>(rand_in(0, kMesh - 1)); };
    const Node src{coordinate(), coordinate()};
    Rect rect;
    if (chance(0.3)) {
      const unsigned x0 = coordinate(), x1 = coordinate(), y0 = coordinate(), y1 = coordinate();
      rect = {{std::min(x0, x1), std::min(y0, y1)}, {std::max(x0, x1), std::max(y0, y1)}};
    } else {
      rect.lo = rect.hi = Node{coordinate(), coordinate()};
    }
    const auto way = passage(k, src, rect);
    if (!way) continue;
    Flit f = make(k, src, rect);
    f.vc = chance(0.5);
    f.cls = chance(0.1);
    send(k, way->first, f);
    input_of[f.data[0]] = way->first;
    for (unsigned out : way->second) expected[{k, out, f.vc, way->first}].push_back(f);
    copies += static_cast<unsigned>(way->second.size());
    ++i;
  }
  ASSERT_NO_FATAL_FAILURE(finish_with_random_stalls());
  EXPECT_EQ(departures_.size(), copies);
  for (const auto& d : departures_) {
    auto& queue = expected[{d.network, d.port, d.flit.vc, input_of[d.flit.data[0]]}];
    ASSERT_FALSE(queue.empty());
    Flit want = queue.front();
    queue.pop_front();
    want.birth = d.flit.birth;
    want.seal();
    ASSERT_TRUE(want == d.flit) << "id " << want.data[0] << " expected, " << d.flit.data[0]
                                << " came";
  }
  for (unsigned k = 0; k < 2; ++k) {
    for (unsigned p = 0; p < kNumDirs; ++p) EXPECT_EQ(counter(k * 8 + p), sent_[k][p]);
    EXPECT_EQ(counter(k * 8 + 5), 0U);
    EXPECT_EQ(counter(k * 8 + 7), 0U);
  }
}

TEST_F(NocRouter, FallsAsleepAndWakes) {
  run(5);
  EXPECT_TRUE(dut().idle_o);
  for (const Dir out : {Dir::kLocal, Dir::kEast}) {
    const auto port = static_cast<unsigned>(out);
    drain_[1][port] = 0;
    departures_.clear();
    send(1, 4, through(1, Dir::kWest, out));
    run(2);  // driven, then in the buffer
    EXPECT_FALSE(dut().idle_o);
    run(50);
    EXPECT_EQ(dut().idle_o, out == Dir::kLocal) << "only the watchdog waits for credits";
    drain_[1][port] = 1.0;
    run(5);
    EXPECT_TRUE(dut().idle_o);
    EXPECT_EQ(departures_.size(), 1U);
  }
}

}  // namespace
}  // namespace tsr::tb
