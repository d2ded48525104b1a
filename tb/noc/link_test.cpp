// SPDX-License-Identifier: Apache-2.0
/// Sender and receiver of a link.
#include <array>
#include <deque>

#include "Vnoc_blocks.h"
#include "common/bench.hpp"
#include "net_model.hpp"

namespace tsr::tb {
namespace {

class NocLink : public Bench<Vnoc_blocks> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    dut().link_valid_i = 0;  // unset inputs are random
    dut().link_ready_i = 0;
    dut().flip_i = 0;
    dut().req_rx_valid_i = 0;
    dut().rsp_rx_valid_i = 0;
    dut().rsp_tx_credit_i = 0;
    after_edge([this] { dut().now_i = cycle() + 1; });
    reset();
  }
  Flit flit(std::uint64_t id, bool vc) {
    Flit f = random_flit(0, {1, 1}, {{2, 2}, {2, 2}}, id, rng());
    f.vc = vc;
    f.birth = 0xabc;  // the sender replaces these
    f.dpar = 0x5a;
    f.par = (id & 1) != 0;
    return f;
  }
  void offer(const Flit& f) {
    f.to_words(dut().link_flit_i.data());
    dut().link_valid_i = 1;
  }
  void settle() {
    dut().clk_i = 0;
    dut().eval();
  }
};

TEST_F(NocLink, AddsOneCycleAtEachEndAndStampsTheFlit) {
  Flit f = flit(1, false);
  offer(f);
  settle();
  ASSERT_TRUE(dut().link_ready_o);
  const auto now = static_cast<std::uint16_t>(dut().now_i);
  tick();
  dut().link_valid_i = 0;
  settle();
  EXPECT_TRUE(dut().wire_valid_o);
  EXPECT_FALSE(dut().link_valid_o);
  tick();
  settle();
  ASSERT_TRUE(dut().link_valid_o);
  f.birth = now;
  f.seal();
  EXPECT_TRUE(Flit::from_words(dut().link_flit_o.data()) == f);
}

TEST_F(NocLink, AcceptsExactlyTheBufferWhileNobodyReads) {
  for (unsigned vc = 0; vc < kNumVcs; ++vc) {
    unsigned accepted = 0;
    for (int i = 0; i < 20; ++i) {
      offer(flit(1, vc != 0));
      settle();
      accepted += dut().link_ready_o;
      tick();
    }
    EXPECT_EQ(accepted, kVcDepth) << "vc " << vc;
  }
}

TEST_F(NocLink, SustainsOneFlitACycle) {
  dut().link_ready_i = 1;
  unsigned moved = 0;
  for (unsigned i = 0; i < 110; ++i) {
    offer(flit(i, false));
    settle();
    EXPECT_TRUE(dut().link_ready_o) << "cycle " << i;
    if (i >= 10) moved += dut().link_valid_o;
    tick();
  }
  EXPECT_EQ(moved, 100U);
}

TEST_F(NocLink, BothVcsKeepOrderAndGetTheirTurnUnderRandomStalls) {
  std::array<std::deque<Flit>, kNumVcs> inside;
  std::array<unsigned, kNumVcs> moved{};
  std::uint64_t id = 0;
  Flit current = flit(id, false);
  bool offering = false;
  for (int i = 0; i < 20000; ++i) {
    if (!offering && chance(0.8)) {
      current = flit(++id, chance(0.5));
      current.birth = static_cast<std::uint16_t>(dut().now_i);  // when it was first offered
      offering = true;
    }
    if (offering) offer(current);
    dut().link_valid_i = offering;
    dut().link_ready_i = chance(i % 2000 < 1000 ? 0.4 : 0.95);
    settle();
    if (dut().link_valid_o && dut().link_ready_i) {
      const Flit got = Flit::from_words(dut().link_flit_o.data());
      ASSERT_FALSE(inside[got.vc].empty());
      Flit want = inside[got.vc].front();
      inside[got.vc].pop_front();
      ASSERT_EQ(want.birth, got.birth);
      want.seal();
      ASSERT_TRUE(want == got);
      ++moved[got.vc];
    }
    if (offering && dut().link_ready_o) {
      inside[current.vc].push_back(current);
      offering = false;
    }
    tick();
  }
  EXPECT_GT(moved[0], 4000U);
  EXPECT_GT(moved[1], 4000U);
}

TEST_F(NocLink, TurnsAlternateBetweenBusyVcs) {
  for (unsigned i = 0; i < 2 * kVcDepth; ++i) {
    offer(flit(i, i >= kVcDepth));
    settle();
    ASSERT_TRUE(dut().link_ready_o);
    tick();
  }
  dut().link_valid_i = 0;
  run(2);
  dut().link_ready_i = 1;
  unsigned last = 2;
  for (unsigned i = 0; i < 2 * kVcDepth; ++i) {
    settle();
    ASSERT_TRUE(dut().link_valid_o);
    const unsigned vc = Flit::from_words(dut().link_flit_o.data()).vc;
    EXPECT_NE(vc, last);
    last = vc;
    tick();
  }
}

TEST_F(NocLink, DropsDamagedHeadersReturnsTheirCreditsAndReportsThem) {
  constexpr unsigned kVcBit = 709;  // a damaged VC bit would pay the wrong VC
  dut().link_ready_i = 1;
  unsigned sent = 0;
  unsigned damaged = 0;
  unsigned reported = 0;
  unsigned received = 0;
  bool on_wire_damaged = false;
  for (int i = 0; i < 6000; ++i) {
    offer(flit(1, chance(0.5)));
    dut().link_valid_i = i < 5900;
    dut().link_ready_i = i >= 5900 || chance(0.7);
    on_wire_damaged = chance(0.3);
    dut().flip_i = on_wire_damaged;
    do {
      dut().flip_bit_i = static_cast<SData>(rand_in(512, 767));
    } while (dut().flip_bit_i == kVcBit);
    settle();
    sent += dut().link_valid_i && dut().link_ready_o;
    damaged += dut().wire_valid_o && on_wire_damaged;
    reported += dut().link_par_err_o;
    received += dut().link_valid_o && dut().link_ready_i;
    tick();
  }
  EXPECT_GT(damaged, 1000U);
  EXPECT_EQ(reported, damaged);
  EXPECT_EQ(received, sent - damaged);
  // All credits are back: the buffer takes its full depth again.
  dut().flip_i = 0;
  dut().link_ready_i = 0;
  unsigned accepted = 0;
  for (int i = 0; i < 40; ++i) {
    offer(flit(1, i >= 20));
    settle();
    accepted += dut().link_ready_o;
    tick();
  }
  EXPECT_EQ(accepted, 2 * kVcDepth);
}

TEST_F(NocLink, DataDamageStaysVisibleInTheHeader) {
  dut().flip_i = 1;
  dut().flip_bit_i = 3 * 64 + 5;
  offer(flit(1, false));
  tick();
  dut().link_valid_i = 0;
  run(2);
  settle();
  ASSERT_TRUE(dut().link_valid_o);
  const Flit got = Flit::from_words(dut().link_flit_o.data());
  EXPECT_EQ(got.dpar ^ got.data_parity(), 1 << 3);
}

TEST_F(NocLink, IsIdleOnlyWhenNothingMoves) {
  run(3);
  settle();
  EXPECT_TRUE(dut().link_tx_idle_o);
  EXPECT_TRUE(dut().link_rx_idle_o);
  offer(flit(1, false));
  settle();
  EXPECT_FALSE(dut().link_tx_idle_o);
  tick();  // on the wire
  dut().link_valid_i = 0;
  settle();
  EXPECT_FALSE(dut().link_tx_idle_o);
  EXPECT_FALSE(dut().link_rx_idle_o);
  tick();  // in the buffer
  settle();
  EXPECT_TRUE(dut().link_tx_idle_o);
  EXPECT_FALSE(dut().link_rx_idle_o);
  dut().link_ready_i = 1;
  tick();  // its credit on the way
  settle();
  EXPECT_FALSE(dut().link_rx_idle_o);
  tick();
  settle();
  EXPECT_TRUE(dut().link_rx_idle_o);
}

}  // namespace
}  // namespace tsr::tb
