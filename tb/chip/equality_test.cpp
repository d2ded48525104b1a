// SPDX-License-Identifier: Apache-2.0
/// The composed platform and the monolithic chip are one and the same machine, cycle for cycle.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/bench.hpp"
#include "composed.hpp"
#include "mono_chip.hpp"

namespace tsr::tb {
namespace {

constexpr unsigned kWidth = 2;  // of t4's mesh

GemmJob job() { return {136, 112, 160, seed_from_env()}; }

TEST(ChipEquality, MonolithicChipGivesTheSameFlitsInTheSameCycles) {
  const auto composed = run_gemm(job());
  ASSERT_TRUE(composed.right) << "the product is wrong";
  // The record is worth something only if the job went through the whole chip.
  ASSERT_GT(composed.record.flits.size(), 10'000U);
  ASSERT_FALSE(composed.record.interrupts.empty());
  std::string error;
  const auto mono = replay_monolithic(composed.record, error);
  fmt::print("{} cycles, {} flits, {} host requests, {} cycles of the launch\n", mono.cycles,
             mono.flits.size(), mono.requests.size(), composed.launch_cycles);
  EXPECT_EQ(error, "");
  const auto difference = first_difference(composed.record, "composed", mono, "monolithic", kWidth);
  EXPECT_TRUE(difference.empty()) << difference;
  EXPECT_EQ(mono.requests.size(), composed.record.requests.size());
}

TEST(ChipEquality, SleepingChangesNothing) {
  GemmJob awake = job();
  awake.sleep = false;
  const auto expected = run_gemm(awake);
  const auto actual = run_gemm(job());
  ASSERT_TRUE(expected.right) << "the product is wrong";
  const auto difference =
      first_difference(expected.record, "always awake", actual.record, "with sleep", kWidth);
  EXPECT_TRUE(difference.empty()) << difference;
  EXPECT_TRUE(actual.result == expected.result);
  EXPECT_EQ(actual.counters, expected.counters);
  EXPECT_LT(actual.kernel.endpoint_steps, expected.kernel.endpoint_steps);
}

}  // namespace
}  // namespace tsr::tb
