// SPDX-License-Identifier: Apache-2.0
/// The checkers find every planted bug, and say where it is; without a bug they say nothing.
#include <gtest/gtest.h>

#include "check/node_check.hpp"
#include "planted_bug.hpp"
#include "tile_jobs.hpp"

namespace tsr {
namespace {

using test::TileBoard;

/// What the checker says about the job of `job` on a tile with `bug`.
std::optional<check::Difference> run(const std::string& job, const std::string& bug) {
  test::plant_bug(bug);
  TileBoard board;
  check::NodeCheck checker({TileBoard::tile(), 256 * 1024, 8},
                           [&board] { board.kernel().request_stop(); });
  board.kernel().add_probe(TileBoard::kTile, checker);
  test::write_input(board);
  test::start_job(board, job);
  for (int i = 0; i < 50 && !checker.difference(); ++i) board.run(100);
  if (checker.difference()) {
    EXPECT_LE(board.kernel().cycle() - checker.difference()->cycle, 200U);
  } else if (job == "core") {
    EXPECT_GT(checker.instructions(), 2U);
  } else {
    EXPECT_EQ(checker.commands(), 1U) << job << ": the command ended";
  }
  return checker.difference();
}

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(PlantedBugs, NothingIsSaidWithoutABug) {
  for (const auto& job : test::planted_bugs()) {
    const auto difference = run(job, "");
    EXPECT_FALSE(difference) << job << ": " << difference->text;
  }
}

/// The checker finds the bug of an engine and its message has all of these parts.
void expect_named(const std::string& engine, const std::vector<std::string>& parts) {
  const auto difference = run(engine, engine);
  ASSERT_TRUE(difference);
  for (const auto& part : parts) EXPECT_HAS(difference->text, part);
}

TEST(PlantedBugs, MatrixEngineNamesCommandCellAndByte) {
  expect_named("me", {"matrix engine, command 291 ", "block 0, cell (row 2, column 5), byte ",
                      "scratchpad offset 0x405",  // row 2: 0x4040, column 5: 20 bytes on
                      "lane ", "written in cycle ", "expected 0x"});
}

TEST(PlantedBugs, VectorEngineNamesCommandLaneAndByte) {
  expect_named("ve", {"vector engine, command 291 ",
                      "output 0, access 0: scratchpad offset 0x4018 (lane 3, byte 0)"});
}

TEST(PlantedBugs, LayoutEngineNamesCommandLaneAndByte) {
  expect_named("tdma",
               {"layout engine, command 291 ", "scratchpad offset 0x400", "(lane 1, byte "});
}

TEST(PlantedBugs, ReadDmaNamesCommandLaneAndSource) {
  expect_named("rdma",
               {"read DMA engine, command 291 ", "scratchpad offset 0x40e8 (lane 5, byte 0)",
                "of the response for address 0x100001010000c0"});
}

TEST(PlantedBugs, WriteDmaNamesCommandLaneAndAddress) {
  expect_named("wdma", {"write DMA engine, command 291 ",
                        "request 0, address 0x10000101004010 (lane 2, byte 0)"});
}

TEST(PlantedBugs, CoreNamesPcInstructionAndRegister) {
  const auto difference = run("core", "core");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->pc, 4U);
  EXPECT_HAS(difference->text, "core: instruction 0x0080d113 at pc 0x4: ");
  EXPECT_HAS(difference->text, "value of x2: expected 0x7, got 0x6");
}

TEST(PlantedBugs, UnknownNamesAreRefused) { EXPECT_ANY_THROW(test::plant_bug("roof")); }

}  // namespace
}  // namespace tsr
