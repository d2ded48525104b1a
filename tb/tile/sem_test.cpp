// SPDX-License-Identifier: Apache-2.0
// Bench of tsr_sem against a plain array of counters.
#include <array>

#include "Vsem.h"
#include "common/bench.hpp"

namespace {

using tsr::tb::get_bits;
using tsr::tb::set_bits;

constexpr unsigned kEngines = 5;
constexpr unsigned kPosts = 7;

struct Wait {
  bool en = false;
  unsigned id = 0;
  unsigned n = 0;
};

class Sem : public tsr::tb::Bench<Vsem> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    clear_inputs();
    reset();
  }

  void clear_inputs() {
    dut().wait_valid_i = 0;
    dut().post_valid_i = 0;
    dut().take_valid_i = 0;
  }

  void post(unsigned port, unsigned id, unsigned n) {
    dut().post_valid_i |= 1U << port;
    std::uint32_t ids = dut().post_id_i;
    ids = (ids & ~(15U << (4 * port))) | id << (4 * port);
    dut().post_id_i = ids;
    std::uint64_t ns = dut().post_n_i;
    ns = (ns & ~(0xffULL << (8 * port))) | std::uint64_t{n} << (8 * port);
    dut().post_n_i = ns;
  }

  void wait(unsigned engine, const std::array<Wait, 2>& w) {
    dut().wait_valid_i |= 1U << engine;
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned low = engine * 32 + i * 16;
      set_bits(dut().wait_i, low, 16, w[i].id | (w[i].en ? 16U : 0U) | w[i].n << 8);
    }
  }

  unsigned value(unsigned id) {
    return static_cast<unsigned>(get_bits(dut().value_o, 16 * id, 16));
  }
};

TEST_F(Sem, StartsAtZero) {
  for (unsigned id = 0; id < 16; ++id) EXPECT_EQ(value(id), 0U) << id;
}

TEST_F(Sem, AddsAllPostsOfOneCycle) {
  for (unsigned port = 0; port < kPosts; ++port) post(port, 5, port + 1);
  tick();
  clear_inputs();
  tick();
  EXPECT_EQ(value(5), 28U);
  EXPECT_EQ(value(4), 0U);
}

TEST_F(Sem, GrantsOnlyWhenBothConditionsHold) {
  wait(1, {Wait{true, 2, 3}, Wait{true, 9, 1}});
  post(0, 2, 3);
  tick();
  dut().post_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().wait_gnt_o, 0) << "semaphore 9 is still zero";
  post(1, 9, 1);
  tick();
  dut().post_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().wait_gnt_o, 2);
  tick();
  clear_inputs();
  tick();
  EXPECT_EQ(value(2), 0U);
  EXPECT_EQ(value(9), 0U);
}

TEST_F(Sem, TwoWaitsOnOneSemaphoreNeedTheSum) {
  wait(0, {Wait{true, 7, 2}, Wait{true, 7, 3}});
  post(0, 7, 4);
  tick();
  dut().post_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().wait_gnt_o, 0);
  post(0, 7, 1);
  tick();
  dut().post_valid_i = 0;
  dut().eval();
  EXPECT_EQ(dut().wait_gnt_o, 1);
  tick();
  clear_inputs();
  dut().eval();
  EXPECT_EQ(value(7), 0U);
}

TEST_F(Sem, CoreTakeIsRefusedBelowTheAmount) {
  post(0, 3, 2);
  tick();
  clear_inputs();
  dut().take_valid_i = 1;
  dut().take_id_i = 3;
  dut().take_n_i = 3;
  dut().eval();
  EXPECT_EQ(dut().take_err_o, 1);
  tick();
  EXPECT_EQ(value(3), 2U);
  dut().take_n_i = 2;
  dut().eval();
  EXPECT_EQ(dut().take_err_o, 0);
  tick();
  clear_inputs();
  dut().eval();
  EXPECT_EQ(value(3), 0U);
}

TEST_F(Sem, NoEngineStarves) {
  // All want the same semaphore; one unit arrives every cycle.
  std::array<int, kEngines> granted{};
  for (int cycle = 0; cycle < 500; ++cycle) {
    clear_inputs();
    post(0, 1, 1);
    for (unsigned e = 0; e < kEngines; ++e) wait(e, {Wait{true, 1, 1}, Wait{}});
    dut().eval();
    for (unsigned e = 0; e < kEngines; ++e) granted[e] += (dut().wait_gnt_o >> e) & 1;
    tick();
  }
  for (unsigned e = 0; e < kEngines; ++e) EXPECT_GE(granted[e], 95) << "engine " << e;
}

TEST_F(Sem, RandomTrafficMatchesCounters) {
  std::array<unsigned, 16> model{};
  for (int cycle = 0; cycle < 30000; ++cycle) {
    clear_inputs();
    std::array<unsigned, 16> delta{};
    for (unsigned port = 0; port < kPosts; ++port) {
      if (!chance(0.1)) continue;
      const auto id = static_cast<unsigned>(rand_in(0, 15));
      const auto n = static_cast<unsigned>(rand_in(0, 4));
      if (model[id] + delta[id] > 60000) continue;
      post(port, id, n);
      delta[id] += n;
    }
    std::array<std::array<Wait, 2>, kEngines> waits{};
    for (unsigned e = 0; e < kEngines; ++e) {
      for (auto& w : waits[e]) {
        w = {chance(0.7), static_cast<unsigned>(rand_in(0, 15)),
             static_cast<unsigned>(rand_in(0, 8))};
      }
      if (chance(0.5)) wait(e, waits[e]);
    }
    const bool take = chance(0.1);
    const auto take_id = static_cast<unsigned>(rand_in(0, 15));
    const auto take_n = static_cast<unsigned>(rand_in(0, 10));
    dut().take_valid_i = take;
    dut().take_id_i = take_id;
    dut().take_n_i = take_n;
    dut().eval();

    // A grant must be affordable, and someone affordable must be granted unless the core takes.
    bool any = false;
    for (unsigned e = 0; e < kEngines; ++e) {
      std::array<unsigned, 16> need{};
      for (const auto& w : waits[e]) {
        if (w.en) need[w.id] += w.n;
      }
      bool can = true;
      for (unsigned id = 0; id < 16; ++id) can = can && need[id] <= model[id];
      can = can && ((dut().wait_valid_i >> e) & 1);
      any = any || can;
      if ((dut().wait_gnt_o >> e) & 1) {
        ASSERT_TRUE(can) << "engine " << e << " cycle " << cycle;
        for (unsigned id = 0; id < 16; ++id) delta[id] -= need[id];
      }
    }
    ASSERT_EQ(dut().wait_gnt_o != 0, any && !take) << "cycle " << cycle;
    if (take) {
      ASSERT_EQ(dut().take_err_o, take_n > model[take_id]);
      if (take_n <= model[take_id]) delta[take_id] -= take_n;
    }
    tick();
    for (unsigned id = 0; id < 16; ++id) {
      model[id] += delta[id];
      ASSERT_EQ(value(id), model[id]) << "semaphore " << id << " cycle " << cycle;
    }
  }
}

}  // namespace
