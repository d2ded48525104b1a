// SPDX-License-Identifier: Apache-2.0
/// Bench of the vector engine: bit-exact against the functional model.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "Vtsr_ve.h"
#include "common/bench.hpp"
#include "ve/ve_env.hpp"
#include "ve/ve_plan.hpp"

namespace tsr::tb {
namespace {

using engines::CmdError;

enum State { Idle = 0, Busy = 1, Starved = 3, Blocked = 4, Conflict = 5, Config = 6 };

constexpr std::size_t kSpm = 256 * 1024;
constexpr std::array<std::uint32_t, 5> kBase = {0x00000, 0x10000, 0x18000, 0x20000, 0x30000};

class Ve : public Bench<Vtsr_ve> {
 protected:
  using Env = VeEnv<Vtsr_ve>;

  void SetUp() override {
    Bench::SetUp();
    env_ = std::make_unique<Env>(dut(), kSpm);
    env_->rng.seed(seed() ^ 0x5eed);
    before_edge([this] { env_->before_edge(); });
    after_edge([this] { env_->after_edge(); });
    reset();
    run(2);
    env_->state_cycles = {};
    env_->busy.clear();
    env_->ops = 0;
    env_->done.clear();
    env_->chain_out.clear();
    env_->problem.clear();
  }

  void TearDown() override {
    EXPECT_EQ(env_->problem, "");
    Bench::TearDown();
  }

  Env& env() { return *env_; }
  VeRandom random() { return VeRandom(rng()); }

  static unsigned scale() {
    const char* text = std::getenv("TSR_SCALE");
    return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : 1;
  }

  void stall_everything(double probability) {
    env().stall.fill(probability);
    env().context_stall = probability;
    env().command_gap = probability;
    env().chain_gap = probability;
    env().chain_stall = probability;
  }

  /// Fresh data for a plan's inputs.
  void fill(const VePlan& plan) {
    auto r = random();
    r.fill(env().spm, kBase[0], kBase[0] + 0x4000, plan.config.in[0].format);
    r.fill(env().spm, kBase[1], kBase[1] + 0x2000, plan.config.in[1].format);
    r.fill(env().spm, kBase[2], kBase[2] + 0x2000, plan.config.in[2].format);
  }

  /// Queue a command, let it finish, return its completion.
  VeDone run_one(const VeJob& job, std::uint64_t limit = 200000) {
    const std::size_t before = env().done.size();
    env().jobs.push_back(job);
    EXPECT_TRUE(run_until([&] { return env().done.size() > before; }, limit)) << "no completion";
    return env().done.size() > before ? env().done.back() : VeDone{};
  }

  /// First difference of the scratchpads, if there is one.
  void expect_spm(const std::vector<std::uint8_t>& expected, const std::string& what) {
    if (env().spm == expected) return;
    const auto at = static_cast<std::size_t>(
        std::mismatch(expected.begin(), expected.end(), env().spm.begin()).first -
        expected.begin());
    const std::size_t word = at & ~std::size_t{3};
    std::uint32_t want = 0, have = 0;
    std::memcpy(&want, &expected[word], 4);
    std::memcpy(&have, &env().spm[word], 4);
    ADD_FAILURE() << what
                  << fmt::format(": at {:#x} expected {:#010x}, is {:#010x}", word, want, have);
  }

  /// Format flags as the engine reports them.
  static unsigned info_of(const engines::VeResult& result) {
    return (result.nan ? 1U : 0U) | (result.overflow ? 2U : 0U);
  }

  /// Run a plan and compare everything with the model.
  engines::VeResult check(const VePlan& given, const std::string& name) {
    VePlan plan = given;
    const std::string what = name + given.describe() + "\n ";
    plan.args.base = kBase;
    env().set_context(2, plan.context());
    const auto expected = engines::ve_run(plan.context(), plan.args, env().spm, plan.chain);
    std::vector<std::uint8_t> spm = env().spm;
    engines::ve_apply(expected, spm);
    env().chain_in.assign(plan.chain.begin(), plan.chain.end());
    env().chain_out.clear();
    const VeDone done =
        run_one({0x31, chance(0.5), 2, static_cast<std::uint16_t>(cycle()), plan.args});
    EXPECT_EQ(done.error, expected.error) << what;
    if (expected.error == CmdError::Ok) EXPECT_EQ(done.info, info_of(expected)) << what;
    expect_spm(spm, what);
    EXPECT_TRUE(env().chain_in.empty()) << what;
    EXPECT_EQ(env().chain_out.size(), expected.chain_out.size()) << what;
    for (std::size_t i = 0; i < std::min(env().chain_out.size(), expected.chain_out.size()); ++i) {
      const auto& have = env().chain_out[i];
      const auto& want = expected.chain_out[i];
      EXPECT_EQ(have.data, want.data) << what << " beat " << i;
      EXPECT_EQ(have.strb, want.strb) << what << " beat " << i;
      EXPECT_EQ(have.last, want.last) << what << " beat " << i;
      EXPECT_EQ(have.fin, want.fin) << what << " beat " << i;
    }
    return expected;
  }

  /// I0 -> V0 -> O0, nothing in between.
  static VePlan copy_plan(VeFormat from, VeFormat to, std::uint32_t elements) {
    VePlan plan;
    auto& c = plan.config;
    c.in[0].en = true;
    c.in[0].format = from;
    c.out[0].en = true;
    c.out[0].format = to;
    const unsigned bits = bits_of(from);
    const std::uint32_t bytes = (elements * bits + 7) / 8;
    plan.in[0] = linear((bytes + 63) / 64);
    plan.fit();
    return plan;
  }

  static engines::VeStage op(VeOp code, VeSrc a, VeSrc b, VeSrc c, unsigned dst) {
    engines::VeStage stage;
    stage.op = code;
    stage.a.src = a;
    stage.b.src = b;
    stage.c.src = c;
    stage.dst = dst;
    return stage;
  }

 private:
  std::unique_ptr<Env> env_;
};

TEST_F(Ve, CopiesEveryFormatToEveryFormat) {
  for (unsigned from = 0; from < 15; ++from) {
    for (unsigned to = 0; to < 15; ++to) {
      VePlan plan = copy_plan(static_cast<VeFormat>(from), static_cast<VeFormat>(to), 300);
      plan.config.in[0].to_f = chance(0.5);
      plan.config.out[0].from_i =
          numerics::is_integer(static_cast<VeFormat>(from)) && !plan.config.in[0].to_f;
      plan.config.out[0].rm = static_cast<VeRound>(rand_in(0, 4));
      plan.config.out[0].sat = chance(0.5);
      plan.config.seed = static_cast<std::uint32_t>(rng()());
      fill(plan);
      check(plan, fmt::format("from {} to {}", from, to));
    }
  }
}

TEST_F(Ve, EverySixteenBitInputInEveryMode) {
  for (const auto format : {VeFormat::Fp16, VeFormat::Bf16, VeFormat::Int16}) {
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      for (unsigned i = 0; i < 16384; ++i) {
        const auto code = static_cast<std::uint16_t>(quarter * 16384 + i);
        std::memcpy(&env().spm[kBase[0] + 2 * i], &code, 2);
      }
      for (unsigned rm = 0; rm < 5; ++rm) {
        static constexpr VeFormat kTo[] = {VeFormat::E4m3, VeFormat::E5m2, VeFormat::Int8,
                                           VeFormat::E2m1, VeFormat::Fp16};
        VePlan plan = copy_plan(format, kTo[(rm + quarter) % 5], 16384);
        plan.config.in[0].to_f = true;
        plan.config.out[0].rm = static_cast<VeRound>(rm);
        plan.config.seed = static_cast<std::uint32_t>(rng()());
        plan.config.out[1] = plan.config.out[0];
        plan.config.out[1].format = VeFormat::Fp32;
        plan.fit();
        check(plan, fmt::format("quarter {} rm {}", quarter, rm));
      }
    }
  }
}

TEST_F(Ve, EveryOperationInEveryStageThatHasIt) {
  static constexpr engines::VeStageMasks kMasks;
  for (unsigned code = 0; code < 48; ++code) {
    if ((code > 25 && code < 32) || (code > 35 && code < 40)) continue;
    for (unsigned s = 0; s < 8; ++s) {
      if ((code & 0x38) == 0x20 && (kMasks.fma >> s & 1) == 0) continue;
      if ((code & 0x38) == 0x28 && (kMasks.sfu >> s & 1) == 0) continue;
      VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Int32, 512);
      for (unsigned i = 1; i < 3; ++i) {
        plan.config.in[i].en = true;
        plan.config.in[i].format = VeFormat::Int32;
      }
      plan.config.in[0].format = VeFormat::Int32;  // bits as they are
      plan.config.out[0].from_i = true;
      plan.config.stage[s] = op(static_cast<VeOp>(code), VeSrc::V0, VeSrc::V1, VeSrc::V2, 3);
      plan.config.stage[s].rm = static_cast<VeRound>(rand_in(0, 3));
      plan.config.out[0].src = 3;
      plan.fit();
      auto r = random();
      for (unsigned p = 0; p < 3; ++p) {
        for (unsigned i = 0; i < 512; ++i) {
          const std::uint32_t x = r.number();
          std::memcpy(&env().spm[kBase[p] + 4 * i], &x, 4);
        }
      }
      check(plan, fmt::format("operation {} in stage {}", code, s));
    }
  }
}

TEST_F(Ve, RandomConfigurations) {
  auto r = random();
  for (unsigned i = 0; i < 900 * scale() && !HasFailure(); ++i) {
    const VePlan plan = r.plan(24);
    if (i % 4 == 0) fill(plan);
    check(plan, fmt::format("plan {}", i));
  }
}

TEST_F(Ve, RandomConfigurationsWithRandomStalls) {
  auto r = random();
  for (unsigned i = 0; i < 700 * scale() && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.1, 0.3, 0.6, 0.9};
    stall_everything(kStall[rand_in(0, 3)]);
    env().stall[rand_in(0, 4)] = chance(0.5) ? 0 : 0.95;  // one port unlike the others
    const VePlan plan = r.plan(16);
    if (i % 4 == 0) fill(plan);
    check(plan, fmt::format("plan {}", i));
  }
}

TEST_F(Ve, WrongCountsEndInAShapeError) {
  auto r = random();
  unsigned errors = 0;
  for (unsigned i = 0; i < 300 * scale() && !HasFailure(); ++i) {
    stall_everything(chance(0.5) ? 0.0 : 0.4);
    VePlan plan = r.plan(12);
    const auto spoil = [&](AguConfig& agu) {
      agu.count[5] = 1;
      if (chance(0.5) || agu.count[0] == 1) {
        agu.count[0] += static_cast<std::uint32_t>(rand_in(1, 3));
      } else {
        agu.count[0] -= 1;
      }
    };
    if (chance(0.6)) spoil(plan.in[rand_in(1, 2)]);
    if (chance(0.6)) spoil(plan.out[rand_in(0, 1)]);
    errors += check(plan, fmt::format("plan {}", i)).error == CmdError::Shape ? 1 : 0;
  }
  EXPECT_GT(errors, 100U);
  auto good = r.plan(12);
  check(good, "after errors");
}

TEST_F(Ve, RowReductions) {
  // Rows of 100 elements: sums, maxima and their places, one result a row.
  for (unsigned code = 1; code <= 10; ++code) {
    const bool integer = code >= 6;
    VePlan plan = copy_plan(integer ? VeFormat::Int16 : VeFormat::Bf16, VeFormat::Int32, 16);
    auto& c = plan.config;
    AguConfig& rows = plan.in[0];
    rows.w_log2 = 3;
    rows.count = {4, 9, 1, 1, 1, 1};
    rows.set_strides({64, 200, 0, 0, 0, 0});
    rows.bedge_en = true;
    rows.bedge_loop = 0;
    rows.bedge_m = 8;
    c.in[0].skip = true;
    c.reduce.op = static_cast<VeRed>(code);
    c.reduce.loop = 0;
    c.reduce.elem_loop = 0;
    c.out[0].src = 4;
    c.out[0].scalar = c.out[0].on_last = true;
    c.out[0].from_i = integer;
    c.out[0].format = integer ? VeFormat::Int32 : VeFormat::Fp32;
    c.out[1] = c.out[0];
    c.out[1].src = 5;
    c.out[1].from_i = true;
    c.out[1].format = VeFormat::Int32;
    plan.fit();
    for (unsigned i = 0; i < 6; ++i) {
      fill(plan);
      if (i == 5) {  // rows of NaN
        for (unsigned b = 0; b < 900; ++b) env().spm[kBase[0] + b] = 0xff;
      }
      EXPECT_EQ(check(plan, fmt::format("reduction {}", code)).error, CmdError::Ok);
    }
  }
}

TEST_F(Ve, FloatAccumulatorsInEveryMultiplierStage) {
  for (const unsigned s : {0U, 1U, 3U, 6U}) {
    for (const double stall : {0.0, 0.4}) {
      stall_everything(stall);
      VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 40);
      plan.config.stage[s] = op(VeOp::Fma, VeSrc::V0, VeSrc::V0, VeSrc::Acc, 1);
      plan.config.stage[s].acc_en = true;
      plan.config.stage[s].acc_loop = 5;
      plan.config.stage[s].acc_init = 3;
      plan.config.k[3] = 0x40490fdb;
      plan.config.stage[(s + 1) % 8] = op(VeOp::AddI, VeSrc::Acc, VeSrc::V0, VeSrc::Zero, 2);
      plan.config.stage[(s + 1) % 8].acc_en = true;
      plan.config.out[0].src = 1;
      plan.config.out[1] = plan.config.out[0];
      plan.config.out[1].src = 2;
      plan.fit();
      fill(plan);
      check(plan, fmt::format("stage {}", s));
    }
  }
}

/// The plan's addresses, for the n-th of several commands that may overlap.
engines::VeCommand moved(const VePlan& plan, unsigned n) {
  engines::VeCommand args = plan.args;
  for (unsigned p = 0; p < 5; ++p) args.base[p] = kBase[p] + (p < 3 ? 0 : 0x1800 * n);
  return args;
}

TEST_F(Ve, OverlappingCommandsEqualCommandsInOrder) {
  auto r = random();
  for (unsigned round = 0; round < 60 * scale() && !HasFailure(); ++round) {
    stall_everything(chance(0.5) ? 0.0 : 0.3);
    std::vector<VePlan> plans;
    while (plans.size() < 5) {
      VePlan plan = r.plan(16);
      if (plan.config.in[0].chain || plan.config.out[0].chain) continue;
      if (plans.empty()) fill(plan);
      plans.push_back(plan);
      env().set_context(static_cast<unsigned>(plans.size()), plan.context());
    }
    auto expected = env().spm;
    std::vector<CmdError> errors;
    std::vector<unsigned> infos;
    const std::size_t before = env().done.size();
    for (std::uint16_t i = 0; i < 10; ++i) {
      VeJob job;
      job.id = static_cast<std::uint16_t>(100 + i);
      job.context = 1 + i % 5U;
      job.overlap = chance(0.8);
      job.args = moved(plans[i % 5], i % 5U);
      if (chance(0.1)) job.op = 0;
      errors.push_back(CmdError::Ok);
      infos.push_back(0);
      if (job.op != 0) {
        const auto result = engines::ve_run(plans[i % 5].context(), job.args, expected);
        engines::ve_apply(result, expected);
        errors.back() = result.error;
        infos.back() = info_of(result);
      }
      env().jobs.push_back(job);
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 10; }, 100000));
    for (std::uint16_t i = 0; i < 10; ++i) {
      EXPECT_EQ(env().done[before + i].id, 100 + i);
      EXPECT_EQ(env().done[before + i].error, errors[i]) << "round " << round;
      if (errors[i] == CmdError::Ok) {
        EXPECT_EQ(env().done[before + i].info, infos[i]) << "round " << round;
      }
    }
    expect_spm(expected, fmt::format("round {}", round));
  }
}

TEST_F(Ve, NoBubblesBetweenOverlappingCommands) {
  // Three different algorithms in turn; every cycle from the first to the last group is busy.
  std::vector<VePlan> plans;
  const unsigned groups = 64;
  plans.push_back(copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * groups));
  plans.push_back(copy_plan(VeFormat::Bf16, VeFormat::Bf16, 16 * groups));
  plans.push_back(copy_plan(VeFormat::Fp32, VeFormat::E4m3, 16 * groups));
  plans[0].config.stage[0] = op(VeOp::Fma, VeSrc::V0, VeSrc::K0, VeSrc::V0, 0);
  plans[0].config.k[0] = 0x40400000;
  plans[1].config.stage[2] = op(VeOp::Exp2, VeSrc::V0, VeSrc::Zero, VeSrc::Zero, 1);
  plans[1].config.stage[4] = op(VeOp::MaxF, VeSrc::V0, VeSrc::Acc, VeSrc::Zero, 2);
  plans[1].config.stage[4].acc_en = true;
  plans[1].config.out[0].src = 1;
  plans[1].config.reduce.op = VeRed::SumF;
  plans[1].config.reduce.loop = 5;
  plans[1].config.out[1] = plans[1].config.out[0];
  plans[1].config.out[1].src = 4;
  plans[1].config.out[1].scalar = plans[1].config.out[1].on_last = true;
  plans[1].config.out[1].loop = 5;
  plans[1].config.out[1].format = VeFormat::Fp32;
  plans[2].config.out[0].mx = plans[2].config.out[1].en = true;
  for (auto& plan : plans) plan.fit();
  for (unsigned i = 0; i < 3; ++i) env().set_context(i, plans[i].context());
  fill(plans[0]);
  auto expected = env().spm;
  for (std::uint16_t i = 0; i < 12; ++i) {
    VeJob job;
    job.id = i;
    job.context = i % 3U;
    job.overlap = true;
    job.args = moved(plans[i % 3], i % 3U);
    engines::ve_apply(engines::ve_run(plans[i % 3].context(), job.args, expected), expected);
    env().jobs.push_back(job);
  }
  ASSERT_TRUE(run_until([&] { return env().done.size() == 12; }, 20000));
  run(2);
  ASSERT_EQ(env().busy.size(), 12U * groups);
  EXPECT_EQ(env().busy.back() - env().busy.front() + 1, 12U * groups);
  expect_spm(expected, "overlapped");
}

TEST_F(Ve, ShortCommandsOverlapWithoutBubbles) {
  for (unsigned n = 39; n < 51; ++n) {
    VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * n);
    plan.args.base = kBase;
    env().set_context(0, plan.context());
    env().busy.clear();
    const std::size_t before = env().done.size();
    for (std::uint16_t i = 0; i < 10; ++i) env().jobs.push_back({0x31, true, 0, i, plan.args});
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 10; }, 20000));
    run(2);
    ASSERT_EQ(env().busy.size(), 10U * n);
    // The third command waits for the completion of the first: 44 groups hide that.
    const std::uint64_t bubbles = env().busy.back() - env().busy.front() + 1 - 10U * n;
    EXPECT_EQ(bubbles, n < 44 ? 4U * (44 - n) : 0U) << n << " groups";
  }
}

TEST_F(Ve, AnOrdinaryCommandSeesTheResultsOfTheOneBefore) {
  // Doubles the same numbers again and again, in place.
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 160);
  plan.config.stage[1] = op(VeOp::Add, VeSrc::V0, VeSrc::V0, VeSrc::Zero, 0);
  plan.args.base = {kBase[0], 0, 0, kBase[0], 0};
  env().set_context(0, plan.context());
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    fill(plan);
    auto expected = env().spm;
    const std::size_t before = env().done.size();
    for (std::uint16_t i = 0; i < 8; ++i) {
      engines::ve_apply(engines::ve_run(plan.context(), plan.args, expected), expected);
      env().jobs.push_back({0x31, false, 0, i, plan.args});
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 8; }, 20000));
    expect_spm(expected, "in place");
  }
}

TEST_F(Ve, CompletionTellsOfNanAndOverflow) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::E4m3, 64);
  plan.args.base = kBase;
  env().set_context(0, plan.context());
  struct Case {
    std::uint32_t word;
    unsigned info;
  };
  for (const Case& c : {Case{0x3f800000, 0}, Case{0x43e00000, 0}, Case{0x7fc00000, 1},
                        Case{0x44000000, 2}, Case{0xff800000, 2}, Case{0x00000001, 0},
                        Case{0x43e80000, 0}, Case{0x43e80001, 2}}) {  // just rounds to 448; beyond
    for (const unsigned at : {0U, 37U, 63U}) {
      for (unsigned i = 0; i < 64; ++i) {
        const std::uint32_t x = i == at ? c.word : 0x3f800000;
        std::memcpy(&env().spm[kBase[0] + 4 * i], &x, 4);
      }
      const VeDone done = run_one({0x31, false, 0, 1, plan.args});
      EXPECT_EQ(done.error, CmdError::Ok);
      EXPECT_EQ(done.info, c.info) << fmt::format("{:#010x} at {}", c.word, at);
    }
  }
}

TEST_F(Ve, OverflowCountsAfterRounding) {
  // The largest number, and what lies between it and the next one, in every rounding mode.
  struct Case {
    VeFormat to;
    std::uint32_t word;
    std::array<unsigned, 4> info;  // nearest-even, toward zero, up, down
  };
  for (const Case& c : {Case{VeFormat::Bf16, 0x7f7f0000, {0, 0, 0, 0}},
                        Case{VeFormat::Bf16, 0x7f7f7fff, {0, 0, 2, 0}},
                        Case{VeFormat::Bf16, 0x7f7f8000, {2, 0, 2, 0}},
                        Case{VeFormat::Bf16, 0xff7f8000, {2, 0, 0, 2}},
                        Case{VeFormat::Fp16, 0x477fefff, {0, 0, 2, 0}},
                        Case{VeFormat::Fp16, 0x477ff000, {2, 0, 2, 0}},
                        Case{VeFormat::E2m1, 0x40dfffff, {0, 0, 2, 0}},
                        Case{VeFormat::E2m1, 0x40e00000, {2, 0, 2, 0}},
                        Case{VeFormat::Int8, 0x42ff0000, {2, 0, 2, 0}},
                        Case{VeFormat::Int8, 0xc3008000, {0, 0, 0, 2}},
                        Case{VeFormat::Uint8, 0xbf000000, {0, 0, 0, 2}},
                        Case{VeFormat::Uint8, 0xbf000001, {2, 0, 0, 2}}}) {
    for (unsigned rm = 0; rm < 4; ++rm) {
      VePlan plan = copy_plan(VeFormat::Fp32, c.to, 64);
      plan.config.out[0].rm = static_cast<engines::Rounding>(rm);
      plan.args.base = kBase;
      env().set_context(0, plan.context());
      for (unsigned i = 0; i < 64; ++i) {
        const std::uint32_t x = i == 5 ? c.word : 0x3f800000;
        std::memcpy(&env().spm[kBase[0] + 4 * i], &x, 4);
      }
      const VeDone done = run_one({0x31, false, 0, 1, plan.args});
      EXPECT_EQ(done.info, c.info[rm]) << fmt::format("{:#010x} mode {}", c.word, rm);
    }
  }
}

TEST_F(Ve, RefusesIllegalCommandsWithoutSideEffects) {
  VePlan good = copy_plan(VeFormat::Fp32, VeFormat::Bf16, 64);
  good.config.in[1].en = good.config.out[1].en = true;
  good.fit();
  good.args.base = kBase;
  fill(good);
  struct Case {
    const char* what;
    CmdError error;
    std::function<void(VePlan&, VeJob&)> spoil;
  };
  using P = VePlan;
  const auto stage = [](unsigned s, VeOp code) {
    return [s, code](P& p, VeJob&) { p.config.stage[s].op = code; };
  };
  const std::vector<Case> cases = {
      {"opcode", CmdError::Opcode, [](P&, VeJob& j) { j.op = 0x21; }},
      {"multiplier where there is none", CmdError::Context, stage(2, VeOp::Mul)},
      {"special function where there is none", CmdError::Context, stage(0, VeOp::Exp2)},
      {"no operation", CmdError::Context, stage(0, static_cast<VeOp>(26))},
      {"no multiplier operation", CmdError::Context, stage(0, static_cast<VeOp>(36))},
      {"no operation at all", CmdError::Context, stage(5, static_cast<VeOp>(48))},
      {"source", CmdError::Context,
       [](P& p, VeJob&) { p.config.stage[7].b.src = static_cast<VeSrc>(16); }},
      {"destination", CmdError::Context, [](P& p, VeJob&) { p.config.stage[3].dst = 5; }},
      {"stage rounding", CmdError::Context,
       [](P& p, VeJob&) { p.config.stage[3].rm = static_cast<VeRound>(5); }},
      {"accumulator loop", CmdError::Context, [](P& p, VeJob&) { p.config.stage[3].acc_loop = 6; }},
      {"I0 off", CmdError::Context, [](P& p, VeJob&) { p.config.in[0].en = false; }},
      {"I0 scalar", CmdError::Context, [](P& p, VeJob&) { p.config.in[0].scalar = true; }},
      {"input format", CmdError::Context,
       [](P& p, VeJob&) { p.config.in[1].format = static_cast<VeFormat>(15); }},
      {"hold loop", CmdError::Context, [](P& p, VeJob&) { p.config.in[1].hold_loop = 7; }},
      {"chain into I1", CmdError::Context, [](P& p, VeJob&) { p.config.in[1].chain = true; }},
      {"output format", CmdError::Context,
       [](P& p, VeJob&) { p.config.out[0].format = static_cast<VeFormat>(15); }},
      {"output source", CmdError::Context, [](P& p, VeJob&) { p.config.out[1].src = 6; }},
      {"output rounding", CmdError::Context,
       [](P& p, VeJob&) { p.config.out[1].rm = static_cast<VeRound>(7); }},
      {"output loop", CmdError::Context, [](P& p, VeJob&) { p.config.out[0].loop = 6; }},
      {"MX on O1", CmdError::Context, [](P& p, VeJob&) { p.config.out[1].mx = true; }},
      {"MX of BF16", CmdError::Context, [](P& p, VeJob&) { p.config.out[0].mx = true; }},
      {"MX without scales", CmdError::Context,
       [](P& p, VeJob&) {
         p.config.out[0].mx = true;
         p.config.out[0].format = VeFormat::E4m3;
         p.config.out[1].en = false;
       }},
      {"MX of integers", CmdError::Context,
       [](P& p, VeJob&) {
         p.config.out[0].mx = p.config.out[0].from_i = true;
         p.config.out[0].format = VeFormat::E4m3;
       }},
      {"reduction", CmdError::Context,
       [](P& p, VeJob&) { p.config.reduce.op = static_cast<VeRed>(11); }},
      {"reduction loop", CmdError::Context, [](P& p, VeJob&) { p.config.reduce.loop = 6; }},
      {"element loop", CmdError::Context, [](P& p, VeJob&) { p.config.reduce.elem_loop = 6; }},
      {"count 0 in I0", CmdError::Context, [](P& p, VeJob&) { p.in[0].count[3] = 0; }},
      {"count 0 in O1", CmdError::Context, [](P& p, VeJob&) { p.out[1].count[0] = 0; }},
      {"pitch in I1", CmdError::Context, [](P& p, VeJob&) { p.in[1].pitch = 4; }},
      {"gather", CmdError::Context, [](P& p, VeJob&) { p.in[0].gather = true; }},
      {"transposed output", CmdError::Context,
       [](P& p, VeJob&) {
         p.out[0].w_log2 = 0;
         p.out[0].xpose = engines::Transpose::Bytes1;
       }},
      {"I0 base not of 8", CmdError::Range, [](P&, VeJob& j) { j.args.base[0] += 4; }},
      {"O1 base too large", CmdError::Range, [](P&, VeJob& j) { j.args.base[4] = 1U << 22; }},
  };
  const auto before = env().spm;
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    for (const Case& c : cases) {
      VePlan plan = good;
      VeJob job{0x31, false, 3, 77, plan.args};
      c.spoil(plan, job);
      env().set_context(3, plan.context());
      env().writes = 0;
      const VeDone done = run_one(job);
      EXPECT_EQ(done.error, c.error) << c.what;
      EXPECT_EQ(done.id, 77) << c.what;
      run(50);
      EXPECT_EQ(env().writes, 0U) << c.what;
      EXPECT_TRUE(env().spm == before) << c.what;
      if (job.op == 0x31) {
        EXPECT_EQ(engines::ve_run(plan.context(), job.args, env().spm).error, c.error) << c.what;
      }
      run_until([&] { return dut().idle_o != 0; }, 100);
      EXPECT_EQ(dut().idle_o, 1) << c.what;
    }
  }
  check(good, "after errors");
}

TEST_F(Ve, ReportsAccessesOutsideTheScratchpad) {
  for (unsigned port = 0; port < 5; ++port) {
    for (const double stall : {0.0, 0.5}) {
      stall_everything(stall);
      VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 80);
      plan.config.in[1].en = plan.config.in[2].en = plan.config.out[1].en = true;
      plan.fit();
      plan.args.base = kBase;
      plan.args.base[port] = kSpm - 64;  // the second access is outside
      fill(plan);
      env().set_context(0, plan.context());
      env().writes = 0;
      const VeDone done = run_one({0x31, false, 0, 9, plan.args});
      EXPECT_EQ(done.error, CmdError::Range) << "port " << port;
      EXPECT_EQ(done.address, kSpm) << "port " << port;
      // Little is written after it is known: known inputs stop everything.
      EXPECT_LE(env().writes, port < 3 ? 2U : 20U) << "port " << port;
      stall_everything(0);
      plan.args.base = kBase;
      fill(plan);
      EXPECT_EQ(check(plan, "after a range error").error, CmdError::Ok);
    }
  }
}

TEST_F(Ve, AFailedCommandStartsNothingBehindIt) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 80);
  plan.args.base = kBase;
  env().set_context(0, plan.context());
  for (const bool overlap : {false, true}) {
    env().done.clear();
    auto bad = plan.args;
    bad.base[0] = kSpm;
    env().jobs.push_back({0x31, overlap, 0, 1, bad});
    env().jobs.push_back({0x31, overlap, 0, 2, plan.args});
    // As the command queue does: stop one cycle after the failure was reported.
    ASSERT_TRUE(run_until([&] { return !env().done.empty(); }, 2000));
    EXPECT_EQ(env().done[0].error, CmdError::Range);
    EXPECT_EQ(env().jobs.size(), 1U);
    env().withdraw();
    const std::uint64_t writes = env().writes;
    run(300);
    EXPECT_EQ(env().done.size(), 1U);
    EXPECT_EQ(env().writes, writes);
    EXPECT_EQ(dut().idle_o, 1);
  }
}

TEST_F(Ve, ACommandThatRunsCompletesWhenTheOneBeforeFails) {
  // The first command's last read is outside; by then the second one has started.
  VePlan first = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 60);
  VePlan second = copy_plan(VeFormat::Bf16, VeFormat::Fp32, 16 * 60);
  first.args.base = {static_cast<std::uint32_t>(kSpm - 59 * 64), 0, 0, kBase[3], 0};
  second.args.base = {kBase[0], 0, 0, kBase[3] + 0x2000, 0};
  env().set_context(0, first.context());
  env().set_context(1, second.context());
  fill(second);
  auto expected = env().spm;
  engines::ve_apply(engines::ve_run(second.context(), second.args, expected), expected);
  env().jobs.push_back({0x31, true, 0, 1, first.args});
  env().jobs.push_back({0x31, true, 1, 2, second.args});
  ASSERT_TRUE(run_until([&] { return env().done.size() == 2; }, 2000));
  EXPECT_EQ(env().done[0].error, CmdError::Range);
  EXPECT_EQ(env().done[1].error, CmdError::Ok);
  std::copy_n(expected.begin() + kBase[3], 0x2000, expected.begin() + kBase[3]);
  EXPECT_TRUE(std::equal(expected.begin() + kBase[3] + 0x2000, expected.begin() + kBase[3] + 0x4000,
                         env().spm.begin() + kBase[3] + 0x2000));
}

TEST_F(Ve, AbortFinishesTheRunningCommandsOnly) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Bf16, 16 * 100);
  plan.args.base = kBase;
  env().set_context(0, plan.context());
  fill(plan);
  auto expected = env().spm;
  engines::ve_apply(engines::ve_run(plan.context(), plan.args, expected), expected);
  for (std::uint16_t i = 0; i < 5; ++i) env().jobs.push_back({0x31, i != 0, 0, i, plan.args});
  run(60);  // the second one has overtaken the end of nothing: it waits in its bank
  dut().abort_i = 1;
  run(1000);
  ASSERT_EQ(env().done.size(), 2U);
  EXPECT_EQ(env().done[1].error, CmdError::Ok);
  EXPECT_EQ(env().jobs.size(), 3U);
  expect_spm(expected, "aborted");
  dut().abort_i = 0;
  ASSERT_TRUE(run_until([&] { return env().done.size() == 5; }, 2000));
  expect_spm(expected, "resumed");
}

TEST_F(Ve, LatencyAndThroughputAreAsDocumented) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 256);
  plan.args.base = kBase;
  env().set_context(0, plan.context());
  fill(plan);
  std::uint64_t offered = 0, requested = 0, first_write = 0, last_write = 0;
  before_edge([&] {
    if (offered == 0 && dut().cmd_valid_i != 0) offered = cycle();
    if (requested == 0 && (dut().spm_valid_o & 1) != 0) requested = cycle();
    if ((dut().spm_valid_o & 8) != 0) {
      if (first_write == 0) first_write = cycle();
      last_write = cycle();
    }
  });
  const std::uint64_t skew = cycle() - env().cycle;
  const VeDone done = run_one({0x31, false, 0, 1, plan.args});
  run(2);
  ASSERT_EQ(env().busy.size(), 256U);
  const std::uint64_t first = env().busy.front() + skew;
  EXPECT_EQ(requested - offered, 9U);
  EXPECT_EQ(first - requested, 2U);
  EXPECT_EQ(env().busy.back() - env().busy.front(), 255U);
  EXPECT_EQ(first_write - first, 38U);
  EXPECT_EQ(last_write - first_write, 255U);
  EXPECT_EQ(done.cycle + skew - last_write, 3U);
}

TEST_F(Ve, StreamsThreeInputsAndTwoOutputsAtSixteenElementsACycle) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 500);
  auto& c = plan.config;
  c.in[1] = c.in[2] = c.in[0];
  c.out[1] = c.out[0];
  c.stage[0] = op(VeOp::Fma, VeSrc::V0, VeSrc::V1, VeSrc::V2, 3);
  c.stage[2] = op(VeOp::Tanh, VeSrc::V3, VeSrc::Zero, VeSrc::Zero, 1);
  c.stage[4] = op(VeOp::AddI, VeSrc::V0, VeSrc::Acc, VeSrc::Zero, 2);
  c.stage[4].acc_en = true;
  c.out[0].src = 1;
  c.out[1].src = 3;
  plan.fit();
  fill(plan);
  check(plan, "streaming");
  run(2);
  ASSERT_EQ(env().busy.size(), 500U);
  EXPECT_EQ(env().busy.back() - env().busy.front(), 499U);
  EXPECT_EQ(env().ops, 16U * 500);
}

TEST_F(Ve, FloatAccumulationTakesAGroupEveryFourCycles) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 100);
  plan.config.stage[3] = op(VeOp::Add, VeSrc::V0, VeSrc::Acc, VeSrc::Zero, 0);
  plan.config.stage[3].acc_en = true;
  fill(plan);
  check(plan, "accumulation");
  run(2);
  // The groups in front of the stage enter freely.
  EXPECT_GE(env().busy.back() - env().busy.front(), 4U * 85);
  EXPECT_LE(env().busy.back() - env().busy.front(), 4U * 99);
}

TEST_F(Ve, AttributesEveryCycle) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 16 * 256);
  const auto measure = [&](unsigned port, double stall) {
    env().stall = {};
    env().stall[port] = stall;
    const auto before = env().state_cycles;
    const std::uint64_t start = env().cycle;
    fill(plan);
    check(plan, "attribution");
    run(3);
    std::array<std::uint64_t, 8> spent{};
    std::uint64_t sum = 0;
    for (unsigned s = 0; s < 8; ++s) {
      spent[s] = env().state_cycles[s] - before[s];
      sum += spent[s];
    }
    EXPECT_EQ(sum, env().cycle - start);
    EXPECT_EQ(spent[Busy], 256U);
    EXPECT_GT(spent[Config], 4U);
    EXPECT_LE(spent[Config], 16U);
    EXPECT_EQ(spent[2] + spent[7], 0U);
    return spent;
  };
  const auto ideal = measure(0, 0.0);
  EXPECT_LT(ideal[Starved] + ideal[Blocked] + ideal[Conflict], 50U);
  const auto conflict = measure(0, 0.5);
  EXPECT_GT(conflict[Conflict], 100U);
  const auto blocked = measure(3, 0.8);
  EXPECT_GT(blocked[Blocked], 300U);
}

TEST_F(Ve, ConfigurationLoadsInAtMostSixteenCycles) {
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 32);
  plan.config.in[1].en = plan.config.in[2].en = plan.config.out[1].en = true;
  plan.fit();
  fill(plan);
  check(plan, "all ports");
  EXPECT_LE(env().state_cycles[Config], 16U);
}

TEST_F(Ve, IdleMeansNothingChanges) {
  run_until([&] { return dut().idle_o != 0; }, 10);
  EXPECT_EQ(dut().idle_o, 1);
  VePlan plan = copy_plan(VeFormat::Fp32, VeFormat::Fp32, 64);
  plan.args.base = kBase;
  env().set_context(0, plan.context());
  env().jobs.push_back({0x31, false, 0, 9, plan.args});
  bool early = false;
  bool started = false;
  run_until(
      [&] {
        started = started || dut().cmd_ready_o != 0;
        early = early || (started && env().done.empty() && dut().idle_o != 0);
        return !env().done.empty();
      },
      1000);
  EXPECT_FALSE(early);
  run(4);
  EXPECT_EQ(dut().idle_o, 1);
  EXPECT_EQ(dut().state_o, Idle);
  EXPECT_EQ(dut().ops_o, 0);
}

}  // namespace
}  // namespace tsr::tb
