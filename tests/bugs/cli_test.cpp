// SPDX-License-Identifier: Apache-2.0
/// The whole program on a chip with a planted bug: the run ends with exit code 5 and says where.
#include <gtest/gtest.h>

#include <regex>

#include "process.hpp"

namespace tsr {
namespace {

using e2e::tessera;

TEST(PlantedBugsCli, StaleBeatOfRdmaEndsTheRun) {
  const auto outcome = tessera({"bench", "gemm", "-c", "t4", "--plant", "rdma"});
  EXPECT_EQ(outcome.code, 5) << outcome;
  const std::regex message(
      "lock-step: cycle [0-9]+: tile \\([0-9], [0-9]\\): read DMA engine, command [0-9]+ .*: "
      "scratchpad offset 0x[0-9a-f]+ \\(lane 5, byte [0-7]\\): expected 0x[0-9a-f]{2}, got "
      "0x[0-9a-f]{2}, of the response for address 0x[0-9a-f]*[048c]?c0");
  EXPECT_TRUE(std::regex_search(outcome.err, message)) << outcome;
}

TEST(PlantedBugsCli, CoreBugNamesTheFunction) {
  const auto outcome = tessera({"run", e2e::app("hello"), "-c", "t4", "--plant", "core"});
  EXPECT_EQ(outcome.code, 5) << outcome;
  const std::regex message(
      "lock-step: cycle [0-9]+: tile .*: core: instruction 0x[0-9a-f]{8} at pc 0x[0-9a-f]+: value "
      "of x[0-9]+: expected 0x[0-9a-f]+, got 0x[0-9a-f]+; in [a-z_]+");
  EXPECT_TRUE(std::regex_search(outcome.err, message)) << outcome;
}

TEST(PlantedBugsCli, WithoutABugTheRunIsRight) {
  const auto outcome = tessera({"run", e2e::app("hello"), "-c", "t4", "--arg", "0x100000"});
  EXPECT_EQ(outcome.code, 0) << outcome;
}

TEST(PlantedBugsCli, UnknownBugIsBadInput) {
  const auto outcome = tessera({"info", "--plant", "roof"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(outcome.says("roof: no such bug; there are me, ve, ")) << outcome;
}

}  // namespace
}  // namespace tsr
