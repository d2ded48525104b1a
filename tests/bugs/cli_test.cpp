// SPDX-License-Identifier: Apache-2.0
/// The whole program on a chip with a planted bug: the run ends with exit code 5 and says where.
#include <gtest/gtest.h>

#include <regex>

#include "fst/fst_file.hpp"
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

/// One run is enough: its report names the first wrong byte, and the waves that it names show it.
TEST(PlantedBugsCli, ReportAndWavesLeadToTheFirstWrongBeat) {
  const e2e::TempFolder folder;
  const auto file = folder / "flight.fst";
  const auto outcome = tessera({"run", "mlp", "-c", "t4", "--images", "2", "--min-accuracy", "0",
                                "--flight", file, "--plant", "rdma"});
  EXPECT_EQ(outcome.code, 5) << outcome;
  std::smatch found;
  const std::regex message(
      "lock-step: cycle ([0-9]+): tile \\(([0-9]), ([0-9])\\): read DMA engine.*: scratchpad "
      "offset 0x([0-9a-f]+) \\(lane ([0-7]), byte ([0-7])\\): expected .*, got 0x([0-9a-f]{2})");
  ASSERT_TRUE(std::regex_search(outcome.err, found, message)) << outcome;
  EXPECT_TRUE(outcome.says("are in " + file + " (cycle " + found[1].str() + " is marked)"))
      << outcome;
  // The save file shows that tile alone, at that cycle.
  const auto view = e2e::read_file(folder / "flight.gtkw");
  const auto tile = "t4.tile_" + found[2].str() + "_" + found[3].str() + ".";
  EXPECT_NE(view.find(tile), std::string::npos);
  const auto time = std::to_string(std::stoull(found[1]) * kWavePeriodPs);
  EXPECT_TRUE(std::regex_search(view, std::regex("\n\\*-[0-9.]+ " + time + " "))) << time;
  for (const std::string other : {"0_1", "1_1", "0_2", "1_2"}) {
    if (tile == "t4.tile_" + other + ".") continue;
    EXPECT_EQ(view.find("t4.tile_" + other + "."), std::string::npos) << other;
  }
  // The write is offered in the cycle before the scratchpad has it.
  FstFile fst(file);
  const auto at = (std::stoull(found[1]) - 1) * kWavePeriodPs;
  const auto value = [&](const std::string& signal) {
    const auto handle = fst.find("t4.tile_" + found[2].str() + "_" + found[3].str() +
                                 ".tsr_tile.u_node.u_rdma." + signal);
    EXPECT_NE(handle, FstFile::kNone) << signal;
    return wave_number(fst.values({handle}, at)[handle]);
  };
  EXPECT_EQ(value("spm_valid_o"), 1U);
  const auto lane = std::stoull(found[5]), byte = std::stoull(found[6]);
  EXPECT_EQ(value("spm_req_o.base") + 8 * lane + byte, std::stoull(found[4], nullptr, 16));
  EXPECT_EQ(value("spm_req_o.wdata[" + std::to_string(lane) + "]") >> (8 * byte) & 0xff,
            std::stoull(found[7], nullptr, 16));
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
