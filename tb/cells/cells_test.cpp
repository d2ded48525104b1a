// SPDX-License-Identifier: Apache-2.0
/// Bench of the common cells: streams, arbiters, counters, clock gate.
#include <algorithm>
#include <array>
#include <deque>

#include "Vcells.h"
#include "common/bench.hpp"

namespace tsr::tb {
namespace {

constexpr unsigned kStreams = 5;
constexpr std::array<unsigned, kStreams> kCapacity = {5, 4, 1, 1, 2};
constexpr std::array<unsigned, kStreams> kLatency = {1, 0, 1, 0, 1};
constexpr std::array<const char*, kStreams> kName = {"fifo", "fall-through fifo", "fifo of one",
                                                     "skid", "spill"};

class Cells : public Bench<Vcells> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    dut().clr_i = 0;  // unset inputs are random
    dut().in_valid_i = 0;
    dut().in_data_i = 0;
    dut().out_ready_i = 0;
    dut().rr_req_i = 0;
    dut().rr_ready_i = 0;
    dut().age_req_i = 0;
    dut().cnt_clr_i = 0;
    dut().cnt_inc_i = 0;
    dut().gate_en_i = 1;
    dut().gate_test_i = 0;
    dut().chk_valid_i = 0;
    dut().req_valid_i = 0;
    dut().rsp_valid_i = 0;
    dut().req_credit_i = 0;
    dut().rsp_credit_i = 0;
    reset();
  }

  std::uint64_t field(std::uint64_t value, unsigned index, unsigned width) {
    return (value >> (index * width)) & ((1ULL << width) - 1);
  }
  void drive_data(unsigned s, unsigned value) {
    dut().in_data_i = (dut().in_data_i & ~(0xfffULL << (12 * s))) | std::uint64_t{value}
                                                                        << (12 * s);
  }
  static void put(CData& port, unsigned bit, bool value) {
    port = static_cast<CData>((port & ~(1U << bit)) | unsigned{value} << bit);
  }
};

TEST_F(Cells, StreamsKeepEveryItemInOrderUnderRandomStalls) {
  std::array<std::deque<unsigned>, kStreams> inside;
  std::array<std::uint64_t, kStreams> moved{};
  std::array<double, kStreams> offer{}, take{};
  for (int step = 0; step < 30000; ++step) {
    for (unsigned s = 0; s < kStreams; ++s) {
      if (step % 500 == 0) {
        offer[s] = 0.1 * static_cast<double>(rand_in(1, 10));
        take[s] = 0.1 * static_cast<double>(rand_in(1, 10));
      }
    }
    dut().clk_i = 0;
    dut().eval();
    std::array<bool, kStreams> accepted{};
    for (unsigned s = 0; s < kStreams; ++s) {
      const bool in_ready = (dut().in_ready_o >> s) & 1;
      const bool in_valid = (dut().in_valid_i >> s) & 1;
      const bool out_valid = (dut().out_valid_o >> s) & 1;
      const bool out_ready = (dut().out_ready_i >> s) & 1;
      const auto in_data = static_cast<unsigned>(field(dut().in_data_i, s, 12));
      ASSERT_EQ(in_ready, inside[s].size() < kCapacity[s]) << kName[s];
      if (s < 3) ASSERT_EQ(field(dut().count_o, s, 3), inside[s].size()) << kName[s];
      accepted[s] = in_valid && in_ready;
      if (accepted[s] && kLatency[s] == 0) inside[s].push_back(in_data);
      ASSERT_EQ(out_valid, !inside[s].empty()) << kName[s] << " step " << step;
      if (out_valid) {
        ASSERT_EQ(field(dut().out_data_o, s, 12), inside[s].front()) << kName[s];
      }
      if (out_valid && out_ready) {
        inside[s].pop_front();
        ++moved[s];
      }
      if (accepted[s] && kLatency[s] == 1) inside[s].push_back(in_data);
    }
    tick();
    for (unsigned s = 0; s < kStreams; ++s) {
      if (accepted[s] || !((dut().in_valid_i >> s) & 1)) {
        put(dut().in_valid_i, s, chance(offer[s]));
        drive_data(s, static_cast<unsigned>(rand_in(0, 0xfff)));
      }
      put(dut().out_ready_i, s, chance(take[s]));
    }
  }
  for (unsigned s = 0; s < kStreams; ++s) EXPECT_GT(moved[s], 3000U) << kName[s];
}

TEST_F(Cells, StreamsHoldTheirCapacityAndNoMore) {
  dut().in_valid_i = 0x1f;
  std::array<unsigned, kStreams> taken{};
  before_edge([&] {
    for (unsigned s = 0; s < kStreams; ++s) taken[s] += (dut().in_ready_o >> s) & 1;
  });
  run(10);
  for (unsigned s = 0; s < kStreams; ++s) EXPECT_EQ(taken[s], kCapacity[s]) << kName[s];
}

TEST_F(Cells, StreamsMoveOneItemACycle) {
  dut().in_valid_i = 0x1f;
  dut().out_ready_i = 0x1f;
  run(4);
  std::array<unsigned, kStreams> moved{};
  before_edge([&] {
    for (unsigned s = 0; s < kStreams; ++s) moved[s] += (dut().out_valid_o >> s) & 1;
  });
  run(100);
  for (unsigned s = 0; s < kStreams; ++s) EXPECT_EQ(moved[s], s == 2 ? 50U : 100U) << kName[s];
}

TEST_F(Cells, StreamsHaveTheStatedLatency) {
  dut().in_valid_i = 0x1f;
  dut().clk_i = 0;
  dut().eval();
  for (unsigned s = 0; s < kStreams; ++s) {
    EXPECT_EQ((dut().out_valid_o >> s) & 1, kLatency[s] == 0 ? 1 : 0) << kName[s];
  }
  tick();
  dut().in_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().out_valid_o, 0x1f);
}

TEST_F(Cells, FifoClearDropsEverything) {
  dut().in_valid_i = 0x07;
  run(3);
  dut().clr_i = 1;  // with an item entering in the same cycle
  tick();
  dut().clr_i = 0;
  dut().in_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().out_valid_o & 7, 0);
  EXPECT_EQ(dut().count_o, 0);
  EXPECT_EQ(dut().in_ready_o & 7, 7);
}

TEST_F(Cells, RoundRobinServesAllInTurn) {
  dut().rr_req_i = 0x1f | 0x1f << 5;
  dut().rr_ready_i = 3;
  for (unsigned i = 0; i < 15; ++i) {
    dut().eval();
    for (unsigned a = 0; a < 2; ++a) {
      EXPECT_EQ(field(dut().rr_idx_o, a, 3), i % 5);
      EXPECT_EQ(field(dut().rr_gnt_o, a, 5), 1U << (i % 5));
    }
    tick();
  }
}

TEST_F(Cells, RoundRobinAgreesWithModelAndHoldsLockedGrants) {
  std::array<int, 2> last = {4, 4};    // served last
  std::array<int, 2> held = {-1, -1};  // granted and not taken
  for (int step = 0; step < 20000; ++step) {
    const auto req = static_cast<unsigned>(rand_in(0, 31));
    // A locked requester keeps asking most of the time.
    unsigned req0 = req;
    if (held[0] >= 0 && chance(0.9)) req0 |= 1U << held[0];
    dut().rr_req_i = static_cast<SData>(req0 | req << 5);
    dut().rr_ready_i = static_cast<CData>(rand_in(0, 3));
    dut().clk_i = 0;
    dut().eval();
    for (unsigned a = 0; a < 2; ++a) {
      const unsigned asked = a == 0 ? req0 : req;
      int expected = -1;
      if (a == 0 && held[a] >= 0 && ((asked >> held[a]) & 1)) {
        expected = held[a];
      } else {
        for (int i = 1; i <= 5 && expected < 0; ++i) {
          if ((asked >> ((last[a] + i) % 5)) & 1) expected = (last[a] + i) % 5;
        }
      }
      ASSERT_EQ(field(dut().rr_gnt_o, a, 5), expected < 0 ? 0 : 1U << expected) << "step " << step;
      ASSERT_EQ(field(dut().rr_idx_o, a, 3), expected < 0 ? 0 : static_cast<unsigned>(expected));
      const bool ready = (dut().rr_ready_i >> a) & 1;
      held[a] = ready ? -1 : expected;
      if (ready && expected >= 0) last[a] = expected;
    }
    tick();
  }
}

TEST_F(Cells, AgeArbiterPicksTheLargestKeyAndTheFirstOfEquals) {
  for (int step = 0; step < 20000; ++step) {
    const auto req = static_cast<unsigned>(rand_in(0, 63));
    const std::uint64_t limit = chance(0.5) ? 3 : 255;  // many ties, or few
    std::uint64_t keys = 0;
    int best = -1;
    std::uint64_t best_key = 0;
    for (unsigned i = 0; i < 6; ++i) {
      const std::uint64_t key = rand_in(0, limit);
      keys |= key << (8 * i);
      if (((req >> i) & 1) && (best < 0 || key > best_key)) {
        best = static_cast<int>(i);
        best_key = key;
      }
    }
    dut().age_req_i = static_cast<CData>(req);
    dut().age_key_i = keys;
    dut().eval();
    ASSERT_EQ(dut().age_gnt_o, best < 0 ? 0 : 1 << best);
    ASSERT_EQ(dut().age_idx_o, best < 0 ? 0 : best);
  }
}

TEST_F(Cells, CountersWrapOrSaturateAndClear) {
  unsigned wrap = 0;
  unsigned saturate = 0;
  for (int step = 0; step < 5000; ++step) {
    const auto a = static_cast<unsigned>(rand_in(0, 7));
    const auto b = static_cast<unsigned>(rand_in(0, 7));
    const bool clear = chance(0.005);
    dut().cnt_inc_i = static_cast<CData>(a | b << 3);
    dut().cnt_clr_i = clear;
    tick();
    wrap = clear ? 0 : (wrap + a) & 0xff;
    saturate = clear ? 0 : std::min(saturate + b, 255U);
    ASSERT_EQ(field(dut().cnt_o, 0, 8), wrap);
    ASSERT_EQ(field(dut().cnt_o, 1, 8), saturate);
  }
}

TEST_F(Cells, ClockGatePassesOnlyEnabledEdges) {
  unsigned edges = dut().gate_count_o;
  unsigned copy = dut().gate_copy_o;
  unsigned src_flop = dut().gate_src_i;
  unsigned enabled = 0;
  for (int step = 0; step < 2000; ++step) {
    const bool enable = chance(0.5);
    const bool test = chance(0.1);
    const auto src = static_cast<CData>(rand_in(0, 255));
    dut().gate_en_i = enable;
    dut().gate_test_i = test;
    dut().gate_src_i = src;
    if (enable || test) {
      edges = (edges + 1) & 0xffff;
      copy = src_flop;  // the value before the common edge: no race between the two clocks
      ++enabled;
    }
    tick();
    src_flop = src;
    ASSERT_EQ(dut().gate_count_o, edges) << "step " << step;
    ASSERT_EQ(dut().gate_copy_o, copy) << "step " << step;
  }
  EXPECT_GT(enabled, 500U);
  EXPECT_LT(enabled, 1500U);
}

}  // namespace
}  // namespace tsr::tb
