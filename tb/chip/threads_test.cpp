// SPDX-License-Identifier: Apache-2.0
/// The number of threads changes nothing but speed.
#include <gtest/gtest.h>

#include "common/bench.hpp"
#include "composed.hpp"

namespace tsr::tb {
namespace {

TEST(ChipThreads, OneAndTwoThreadsGiveTheSameResultCyclesAndCounters) {
  GemmJob job{64, 64, 128, seed_from_env()};
  const auto one = run_gemm(job);
  job.threads = 2;
  const auto two = run_gemm(job);
  ASSERT_TRUE(one.right) << "the product is wrong";
  EXPECT_EQ(one.kernel.parallel_cycles, 0U);
  EXPECT_GT(two.kernel.parallel_cycles, 100U) << "the second thread had something to do";
  EXPECT_TRUE(two.result == one.result);
  EXPECT_EQ(two.record.cycles, one.record.cycles);
  EXPECT_EQ(two.launch_cycles, one.launch_cycles);
  EXPECT_EQ(two.counters, one.counters);
  const auto difference = first_difference(one.record, "one thread", two.record, "two threads", 2);
  EXPECT_TRUE(difference.empty()) << difference;
}

}  // namespace
}  // namespace tsr::tb
