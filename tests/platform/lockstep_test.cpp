// SPDX-License-Identifier: Apache-2.0
/// The lock-step checkers beside an RTL tile: commands that a chain joins, that overlap, and that
/// write over their input.
#include <gtest/gtest.h>

#include "check/node_check.hpp"
#include "tile_jobs.hpp"

namespace tsr {
namespace {

using test::kJobOutput;
using test::rows_of;
using test::TileBoard;

class LockStep : public testing::Test {
 protected:
  LockStep()
      : checker_({TileBoard::tile(), 256 * 1024, 8}, [this] { board_.kernel().request_stop(); }) {
    board_.kernel().add_probe(TileBoard::kTile, checker_);
    test::write_input(board_);
  }

  /// Contexts of a product C[8][8] = A[8][64] * B[8][64]^T in context 0.
  void me_context(const engines::MeConfig& config) {
    board_.context(0, 0, config.to_row());
    board_.context(0, 1, rows_of(128, 1, {{16, 8}}).row());
    board_.context(0, 2, rows_of(128, 1, {{16, 8}}).row());
    board_.context(0, 4, rows_of(32, 4, {{4, 64}}).row());
  }
  /// A copy of `beats` beats of 64 bytes in context 1.
  void ve_context(engines::VeConfig config, unsigned beats) {
    config.in[0].en = true;
    config.out[0].en = true;
    board_.context(1, 0, config.stage_row());
    board_.context(1, 1, config.io_row());
    board_.context(1, 2, rows_of(0, 8, {{beats, 64}}).row());
    board_.context(1, 5, rows_of(0, 8, {{beats, 64}}).row());
  }
  void me(std::uint32_t output, bool overlap = false) {
    auto words = test::job_words(0x21, {0, 1024, 0, output});
    if (overlap) words[0] |= 1U << 12;
    board_.command(2, words);
  }
  void ve(std::uint32_t input, std::uint32_t output) {
    auto words = test::job_words(0x31 | 1U << 8, {input, 0, 0, output});
    board_.command(3, words);
  }
  void expect_right(std::uint64_t commands) {
    for (int i = 0; i < 50 && checker_.commands() < commands && !checker_.difference(); ++i) {
      board_.run(100);
    }
    EXPECT_FALSE(checker_.difference()) << checker_.difference()->text;
    EXPECT_EQ(checker_.commands(), commands);
    EXPECT_EQ(checker_.skipped(), 0U);
  }

  TileBoard board_;
  check::NodeCheck checker_;
};

TEST_F(LockStep, ResultsOfTheMatrixEngineGoThroughTheVectorEngine) {
  engines::MeConfig product;
  product.chain_o = true;
  me_context(product);
  engines::VeConfig copy;
  copy.in[0].chain = true;
  copy.in[0].format = copy.out[0].format = numerics::ElementFormat::Fp32;
  ve_context(copy, 4);
  for (unsigned round = 0; round < 3; ++round) {
    ve(0, kJobOutput + 256 * round);
    me(0);
    expect_right(2 * (round + 1));
  }
}

TEST_F(LockStep, ResultsOfTheVectorEngineAreAnOperandOfTheMatrixEngine) {
  engines::MeConfig product;
  product.chain_a = true;
  me_context(product);
  engines::VeConfig copy;
  copy.out[0].chain = true;
  ve_context(copy, 16);
  for (unsigned round = 0; round < 3; ++round) {
    me(kJobOutput + 256 * round);
    ve(0, 0);
    expect_right(2 * (round + 1));
  }
}

TEST_F(LockStep, CommandsOverlap) {
  me_context({});
  for (unsigned i = 0; i < 6; ++i) me(kJobOutput + 256 * i, true);
  expect_right(6);
}

TEST_F(LockStep, CommandsMayWriteOverTheirInput) {
  engines::VeConfig negate;
  negate.stage[0].op = numerics::VecOp::Pass;
  negate.stage[0].a = {engines::VeSrc::V0, false, true};
  negate.stage[0].dst = 0;
  ve_context(negate, 4);
  for (unsigned i = 0; i < 3; ++i) ve(0, 0);
  expect_right(3);
}

}  // namespace
}  // namespace tsr
