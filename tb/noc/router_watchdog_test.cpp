// SPDX-License-Identifier: Apache-2.0
/// Link watchdog of one router node: ports whose link gives no credit back, and what becomes of
/// the flits that want them.
#include "noc/router_page.hpp"
#include "router_bench.hpp"

namespace tsr::tb {
namespace {

constexpr std::uint64_t kTimeout = 4096;  // LinkTimeout of tsr_router
constexpr unsigned kEast = static_cast<unsigned>(Dir::kEast);
constexpr unsigned kWest = static_cast<unsigned>(Dir::kWest);

class NocWatchdog : public NocRouter {
 protected:
  std::uint32_t status(unsigned net) { return counter(net * 8 + 7); }
  std::uint32_t stuck(unsigned net) { return status(net) & 0x1eU; }
  std::uint32_t dropped(unsigned net) { return counter(net * 8 + 6); }
  void control(unsigned net, const RouterTable& table) {
    Flit flit = control_write(kHere, kHere, net, table);
    flit.seal();
    send(0, 0, flit);
    run(10);
  }
  void send_east(unsigned net, unsigned count, bool vc = false) {
    for (unsigned i = 0; i < count; ++i) {
      Flit flit = through(net, Dir::kWest, Dir::kEast);
      flit.vc = vc;
      send(net, kWest, flit);
    }
  }
  bool run_until_stuck(unsigned net) {
    dut().cnt_sel_i = static_cast<CData>(net * 8 + 7);
    run(3);
    return run_until([&] { return (dut().cnt_o & 0x1eU) != 0; }, 2 * kTimeout);
  }
};

TEST_F(NocWatchdog, APortWithoutCreditsIsGivenUpAndDrains) {
  for (unsigned k = 0; k < 2; ++k) {
    now_offset_ = rand_in(0, 65535);
    drain_[k][kEast] = 0;
    departures_.clear();
    send_east(k, 20);
    run(60);
    EXPECT_EQ(departures_.size(), kVcDepth);
    const std::uint64_t start = cycle();
    ASSERT_TRUE(run_until_stuck(k));
    EXPECT_GT(cycle() - start + 60, kTimeout);
    EXPECT_LT(cycle() - start, kTimeout * 3 / 2 + 60);
    EXPECT_EQ(stuck(k), 1U << kEast);
    EXPECT_EQ(stuck(1 - k), k == 0 ? 0U : 1U << kEast) << "each network for itself";
    ASSERT_TRUE(run_until([&] { return drained(); }, 100)) << "whatever waits is dropped";
    run(20);
    EXPECT_TRUE(dut().idle_o);
    EXPECT_EQ(departures_.size(), kVcDepth);
    EXPECT_EQ(dropped(k), 20 - kVcDepth);
    // What comes later does not wait at all; other ways are as before.
    send_east(k, 5, true);
    send(k, 0, through(k, Dir::kLocal, Dir::kSouth));
    run(20);
    EXPECT_EQ(dropped(k), 25 - kVcDepth);
    EXPECT_EQ(departures_.size(), kVcDepth + 1);
  }
}

TEST_F(NocWatchdog, OneLostFlitIsEnough) {
  drain_[1][kEast] = 0;
  send_east(1, 1);
  run(100);
  EXPECT_FALSE(dut().idle_o) << "the watchdog waits for the credit";
  EXPECT_EQ(stuck(1), 0U);
  ASSERT_TRUE(run_until_stuck(1));
  run(5);
  EXPECT_TRUE(dut().idle_o);
  EXPECT_EQ(dropped(1), 0U);
}

TEST_F(NocWatchdog, ACreditNowAndThenKeepsALinkAlive) {
  drain_[0][kEast] = 0;
  send_east(0, 16);
  run(60);
  for (int i = 0; i < 8; ++i) {
    run(kTimeout - 10);
    EXPECT_FALSE(dut().idle_o);
    *nets_[0].tx_credit = static_cast<SData>(sinks_[0][kEast].drain(1) << (2 * kEast));
    run(5);
    ASSERT_EQ(stuck(0), 0U) << i;
  }
  EXPECT_EQ(departures_.size(), 16U);
  EXPECT_EQ(dropped(0), 0U);
}

TEST_F(NocWatchdog, ABeatKeepsALinkAliveAndGoesNoFurther) {
  for (unsigned k = 0; k < 2; ++k) {
    drain_[k][kEast] = 0;
    departures_.clear();
    send_east(k, 9);
    run(60);
    for (int i = 0; i < 6; ++i) {
      run(kTimeout - 10);
      sources_[k][kEast].push_free(beat_flit());
      run(5);
      ASSERT_EQ(stuck(k), 0U) << i;
    }
    EXPECT_EQ(departures_.size(), kVcDepth);
    EXPECT_EQ(dropped(k), 0U);
    EXPECT_TRUE(sources_[k][kEast].all_credits_back()) << "a beat takes no slot";
    ASSERT_TRUE(run_until_stuck(k));
  }
}

TEST_F(NocWatchdog, ADamagedBeatPaysNoCredit) {
  context().assertOn(false);  // the link checkers would complain
  stamp_ = false;
  for (unsigned k = 0; k < 2; ++k) {
    drain_[k][0] = 0;
    departures_.clear();
    for (unsigned i = 0; i < 2 * kVcDepth + 4; ++i) {
      Flit flit = through(k, Dir::kWest, Dir::kLocal);
      flit.seal();
      send(k, kWest, flit);
    }
    run(60);
    const std::uint32_t before = counter(k * 8 + 5);
    for (unsigned bit = 512; bit < kFlitBits; ++bit) {
      auto lanes = beat_flit().to_lanes();
      lanes[bit / 64] ^= 1ULL << (bit % 64);
      sources_[k][kWest].push_free(Flit::from_lanes(lanes));
    }
    run(kFlitBits - 512 + 10);
    EXPECT_EQ(counter(k * 8 + 5) - before, kFlitBits - 512) << "they count as damaged flits";
    EXPECT_EQ(departures_.size(), kVcDepth);
    EXPECT_EQ(sources_[k][kWest].waiting(), 4U);
    drain_[k][0] = 1;
    ASSERT_TRUE(run_until([&] { return drained(); }, 100)) << "more or fewer credits than slots";
    run(10);
    EXPECT_EQ(departures_.size(), 2 * kVcDepth + 4);
  }
}

TEST_F(NocWatchdog, ARouterThatHoldsFlitsSaysSoToTheirSenderAlone) {
  for (unsigned k = 0; k < 2; ++k) {
    drain_[k][0] = 0;
    beats_.clear();
    for (unsigned i = 0; i < kVcDepth + 1; ++i) send(k, kWest, through(k, Dir::kWest, Dir::kLocal));
    send(k, 0, through(k, Dir::kLocal, Dir::kLocal));
    run(kTimeout * 5 + 100);
    // Ticks come twice in a timeout; the first one sees that flits are held.
    EXPECT_GE(beats_.size(), 9U);
    EXPECT_LE(beats_.size(), 10U);
    for (const auto& beat : beats_) {
      EXPECT_EQ(beat.network, k);
      EXPECT_EQ(beat.port, kWest);
      EXPECT_TRUE(beat.flit == beat_flit());
    }
    EXPECT_EQ(counter(k * 8 + kWest), 0U) << "beats are not counted";
    drain_[k][0] = 1;
    ASSERT_TRUE(run_until([&] { return drained(); }, 100));
    run(10);
    beats_.clear();
    // A flit now and then that gets through: nobody needs to be told.
    drain_[k][0] = 0;
    for (int i = 0; i < 20; ++i) send(k, kWest, through(k, Dir::kWest, Dir::kLocal));
    for (int i = 0; i < 10; ++i) {
      run(kTimeout / 4);
      *nets_[k].tx_credit = static_cast<SData>(sinks_[k][0].drain());
    }
    EXPECT_TRUE(beats_.empty());
    drain_[k][0] = 1;
    ASSERT_TRUE(run_until([&] { return drained(); }, 200));
  }
}

TEST_F(NocWatchdog, TheEndpointMayWaitForEver) {
  for (unsigned k = 0; k < 2; ++k) {
    drain_[k][0] = 0;
    for (int i = 0; i < 12; ++i) send(k, kWest, through(k, Dir::kWest, Dir::kLocal));
  }
  run(4 * kTimeout);
  for (unsigned k = 0; k < 2; ++k) {
    EXPECT_EQ(stuck(k), 0U);
    drain_[k][0] = 1;
  }
  ASSERT_TRUE(run_until([&] { return drained(); }, 100));
  run(20);
  EXPECT_EQ(departures_.size(), 24U);
}

TEST_F(NocWatchdog, OtherBranchesOfAMulticastGoOn) {
  drain_[0][kEast] = 0;
  send_east(0, 1);
  ASSERT_TRUE(run_until_stuck(0));
  departures_.clear();
  send(0, 0, make(0, kHere, {{2, 2}, {5, 4}}));
  run(20);
  std::set<unsigned> ports;
  for (const auto& d : departures_) ports.insert(d.port);
  EXPECT_EQ(ports, (std::set<unsigned>{0, 1, 3, 4}));
  EXPECT_EQ(dropped(0), 1U);
  EXPECT_TRUE(drained());
}

TEST_F(NocWatchdog, AControlWriteFreesThePortAndIsShown) {
  drain_[0][kEast] = 0;
  send_east(0, 3);
  ASSERT_TRUE(run_until_stuck(0));
  RouterTable table;
  table.down = 1U << kWest;
  control(0, table);
  EXPECT_EQ(status(0), table.control() << 16);
  EXPECT_EQ(status(1), 0U);
  drain_[0][kEast] = 1;  // the link was only slow
  departures_.clear();
  send_east(0, 20);
  ASSERT_TRUE(run_until([&] { return drained(); }, 100));
  run(20);
  EXPECT_EQ(departures_.size(), 20U);
  EXPECT_EQ(dropped(0), 0U);
}

TEST_F(NocWatchdog, ADeadPortIsNotWatchedAndDrains) {
  drain_[1][kEast] = 0;
  send_east(1, 20);
  run(60);
  RouterTable table;
  table.dead = 1U << kEast;
  control(1, table);
  run(30);
  EXPECT_TRUE(drained());
  EXPECT_TRUE(dut().idle_o) << "its credits are not waited for";
  EXPECT_EQ(dropped(1), 20 - kVcDepth);
  run(2 * kTimeout);
  EXPECT_EQ(status(1), table.control() << 16);
}

}  // namespace
}  // namespace tsr::tb
