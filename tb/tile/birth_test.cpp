// SPDX-License-Identifier: Apache-2.0
// Bench of tsr_ni_birth against a list of free places.
#include <deque>

#include "Vni_birth.h"
#include "common/bench.hpp"

namespace {

constexpr unsigned kSlots = 32;

class Birth : public tsr::tb::Bench<Vni_birth> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    clear();
    reset();
  }

  void clear() {
    dut().cold_i = 0;
    dut().free_i = 0;
    dut().take_i = 0;
    dut().now_i = static_cast<std::uint16_t>(cycle());
  }

  /// One cycle; returns the birth of a request offered in it.
  std::uint16_t step(bool cold, bool free, bool take) {
    clear();
    dut().cold_i = cold;
    dut().free_i = free;
    dut().take_i = take;
    const auto now = dut().now_i;
    dut().eval();
    const std::uint16_t expected = free_.empty() ? now : free_.front();
    EXPECT_EQ(dut().birth_o, expected) << "cycle " << cycle();
    if (take && !free_.empty()) free_.pop_front();
    if (free && free_.size() < kSlots) free_.push_back(now);
    if (cold) free_.assign(kSlots, now);
    const std::uint16_t birth = dut().birth_o;
    tick();
    return birth;
  }

  std::deque<std::uint16_t> free_;  ///< since when, the next one first
};

TEST_F(Birth, RequestsAreAsOldAsTheirPlaces) {
  step(true, false, false);
  const auto start = static_cast<std::uint16_t>(dut().now_i);
  for (unsigned i = 0; i < kSlots; ++i) {
    EXPECT_EQ(step(false, false, true), start) << i;
    step(false, false, false);
  }
  const auto first_answer = static_cast<std::uint16_t>(cycle());
  step(false, true, false);
  for (unsigned i = 0; i < 100; ++i) step(false, false, false);
  EXPECT_EQ(step(false, false, true), first_answer);
}

TEST_F(Birth, FollowsAnyOrderOfAnswersAndRequests) {
  unsigned in_flight = 0;
  for (unsigned i = 0; i < 20000; ++i) {
    const bool cold = in_flight == 0 && chance(0.2);
    const bool take = !cold && in_flight < kSlots && chance(0.5);
    const bool free = in_flight > 0 && chance(0.45);
    step(cold, free, take);
    in_flight += take ? 1 : 0;
    in_flight -= free ? 1 : 0;
  }
}

}  // namespace
