// SPDX-License-Identifier: Apache-2.0
/// Bench of the 4 x 4 and 16 x 16 grids: streams, preload, drain and scales of other widths.
#include "Vtsr_me16.h"
#include "Vtsr_me4.h"
#include "me/me_bench.hpp"

namespace tsr::tb {
namespace {

/// The same checks on every grid.
template <class Model, unsigned Grid>
class GridBench : public MeBench<Model, Grid> {
 protected:
  void every_format() {
    for (const Pair& pair : all_pairs()) {
      GemmPlan plan = this->plain(pair.a, 2 * Grid + 1, Grid + 3, 1);
      plan.me.set_formats(pair.a, pair.b);
      plan.me.mx = pair.mx;
      plan.k = 5 * static_cast<unsigned>(numerics::beat_elements(pair.a));
      plan.me.preload = !pair.mx;
      plan.place();
      this->fill(plan, Mix::Near);
      this->check_plan(plan, pair.name());
    }
  }

  void random_shapes(int plans, double stall) {
    this->stall_everything(stall);
    for (int i = 0; i < plans && !this->HasFailure(); ++i) {
      const GemmPlan plan = this->random_plan(3 * Grid, 3 * Grid, 40);
      if (plan.end > kSpmBytes - 1024) continue;
      this->fill(plan, kMixes[this->draw(0, 4)]);
      this->check_plan(plan, fmt::format("plan {}", i));
    }
  }

  void chains() {
    for (int i = 0; i < 12 && !this->HasFailure(); ++i) {
      this->stall_everything(i % 2 == 0 ? 0.0 : 0.4);
      GemmPlan plan = this->random_plan(2 * Grid, 2 * Grid, 20);
      if (plan.me.mx) continue;
      plan.me.chain_a = plan.me.chain_o = true;
      this->fill(plan, Mix::Near);
      this->env().set_context(0, plan.context());
      engines::MeChain chain;
      for (std::uint64_t b = 0; b < plan.beats(); ++b) {
        for (unsigned rows = 0; rows < Grid; rows += 8) {
          engines::StreamBeat beat;
          beat.strb = ~std::uint64_t{0};
          const bool end = (b + 1) % plan.beats_k() == 0;
          beat.last = end ? 1U << (plan.k_split > 1 ? 1 : 0) : 0;
          for (auto& byte : beat.data) byte = static_cast<std::uint8_t>(this->rng()());
          chain.in.push_back(beat);
          this->env().chain_in.push_back(beat);
        }
      }
      auto expected = this->env().spm;
      ASSERT_EQ(engines::run_gemm(plan.job(), expected, &chain).error, CmdError::Ok);
      this->env().chain_out.clear();
      EXPECT_EQ(this->run_one(plan.command(0, 1)).error, CmdError::Ok);
      ASSERT_EQ(this->env().chain_out.size(), chain.out.size());
      for (std::size_t b = 0; b < chain.out.size(); ++b) {
        EXPECT_TRUE(this->env().chain_out[b].data == chain.out[b].data) << "beat " << b;
        EXPECT_EQ(this->env().chain_out[b].last, chain.out[b].last);
        EXPECT_EQ(this->env().chain_out[b].strb, chain.out[b].strb);
      }
    }
  }

  /// Queued commands that overlap; returns the bubbles between them.
  std::uint64_t overlapped() {
    std::vector<GemmPlan> plans;
    std::uint32_t at = 0;
    for (unsigned i = 0; i < 4; ++i) {
      GemmPlan plan =
          this->plain(i % 2 == 0 ? MeFormat::Bf16 : MeFormat::E4m3, 2 * Grid, 2 * Grid, 256);
      plan.me.mx = i == 1;
      plan.me.preload = i == 2;
      plan.place(at);
      at = plan.end;
      this->fill(plan, Mix::Near);
      this->env().set_context(i, plan.context());
      plans.push_back(plan);
    }
    auto expected = this->env().spm;
    std::uint64_t busy = 0;
    this->env().keep_states = true;
    for (std::uint16_t i = 0; i < 12; ++i) {
      busy += engines::run_gemm(plans[i % 4].job(), expected).beats;
      this->env().commands.push_back(plans[i % 4].command(i % 4, i, true));
    }
    EXPECT_TRUE(this->run_until([&] { return this->env().done.size() == 12; }, 20000));
    EXPECT_TRUE(this->env().spm == expected);
    const auto& states = this->env().states;
    const auto first = std::find(states.begin(), states.end(), Busy);
    const auto last = std::find(states.rbegin(), states.rend(), Busy).base();
    return static_cast<std::uint64_t>(last - first) - busy;
  }

  /// Cycles of a block that is too short to hide its drain.
  void short_blocks() {
    GemmPlan plan = this->plain(MeFormat::Bf16, 4 * Grid, 4 * Grid, 4);
    this->fill(plan, Mix::Near);
    this->check_plan(plan, "one beat a block");
  }
};

class Me4 : public GridBench<Vtsr_me4, 4> {};
class Me16 : public GridBench<Vtsr_me16, 16> {};

TEST_F(Me4, EveryFormat) { every_format(); }
TEST_F(Me4, RandomShapes) { random_shapes(100, 0.0); }
TEST_F(Me4, RandomShapesWithStalls) { random_shapes(60, 0.4); }
TEST_F(Me4, Chains) { chains(); }
TEST_F(Me4, OverlappedCommandsLeaveNoBubble) { EXPECT_EQ(overlapped(), 0U); }
TEST_F(Me4, ShortBlocks) { short_blocks(); }

TEST_F(Me16, EveryFormat) { every_format(); }
TEST_F(Me16, RandomShapes) { random_shapes(40, 0.0); }
TEST_F(Me16, RandomShapesWithStalls) { random_shapes(20, 0.4); }
TEST_F(Me16, Chains) { chains(); }
TEST_F(Me16, OverlappedCommandsLeaveNoBubble) { EXPECT_EQ(overlapped(), 0U); }
TEST_F(Me16, ShortBlocks) { short_blocks(); }

}  // namespace
}  // namespace tsr::tb
