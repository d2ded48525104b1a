// SPDX-License-Identifier: Apache-2.0
/// Bench of the matrix engine: bit-exact against the functional model and the numerics headers.
#include <algorithm>
#include <cstring>
#include <vector>

#include "Vtsr_me.h"
#include "common/bench.hpp"
#include "me/me_env.hpp"
#include "numerics/convert.hpp"
#include "numerics/matrix.hpp"

namespace tsr::tb {
namespace {

using engines::CmdError;
using engines::MeFormat;

enum State { Idle = 0, Busy = 1, Starved = 3, Blocked = 4, Conflict = 5, Config = 6 };

/// How random BF16 elements are distributed.
enum class Mix { Bits, Near, Tiny, Special, Cancel };
constexpr Mix kMixes[] = {Mix::Bits, Mix::Near, Mix::Tiny, Mix::Special, Mix::Cancel};

class Me : public Bench<Vtsr_me> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    env_ = std::make_unique<MeEnv<Vtsr_me>>(dut(), 256 * 1024);
    env_->rng.seed(seed() ^ 0x5eed);
    before_edge([this] { env_->before_edge(); });
    after_edge([this] { env_->after_edge(); });
    reset();
    run(2);
    env_->state_cycles = {};
    env_->ops = 0;
    env_->done.clear();
    env_->problem.clear();
  }

  void TearDown() override {
    EXPECT_EQ(env_->problem, "");
    Bench::TearDown();
  }

  MeEnv<Vtsr_me>& env() { return *env_; }

  void stall_everything(double probability) {
    env().stall = {probability, probability, probability, probability};
    env().context_stall = probability;
    env().command_gap = probability;
  }

  std::uint16_t random_bf16(Mix mix) {
    const auto fraction = static_cast<std::uint16_t>(rng()() & 0x807f);
    const auto with_exponent = [&](std::uint64_t low, std::uint64_t high) {
      return static_cast<std::uint16_t>(fraction | rand_in(low, high) << 7);
    };
    switch (mix) {
      case Mix::Bits:
        return static_cast<std::uint16_t>(rng()());
      case Mix::Near:
        return chance(0.05) ? 0 : with_exponent(120, 134);
      case Mix::Tiny:
        return with_exponent(0, 70);
      case Mix::Special: {
        static constexpr std::uint16_t kPick[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x0080,
                                                  0x3f80, 0xbf80, 0x7f7f, 0xff7f, 0x7f80, 0xff80,
                                                  0x7f81, 0xffc0, 0x7fff, 0x4000};
        // Mostly finite, so that not every result is NaN.
        return kPick[chance(0.02) ? rand_in(0, 15) : rand_in(0, 9)];
      }
      case Mix::Cancel: {
        static constexpr std::uint16_t kPick[] = {0x7e80, 0xfe80, 0x5f80, 0xdf80, 0x4b80, 0xcb80,
                                                  0x3f80, 0xbf80, 0x3fff, 0xbfff, 0x3380, 0x1f80};
        return kPick[rand_in(0, 11)];
      }
    }
    return 0;
  }

  void fill(const GemmPlan& plan, Mix mix) {
    const std::uint32_t end = plan.o + plan.ldo * plan.m;
    for (std::uint32_t i = 0; i < end; i += 8) {
      const std::uint64_t bits = rng()();
      std::memcpy(&env().spm[i], &bits, 8);
    }
    if (plan.me.format == MeFormat::Int8) {
      if (mix != Mix::Special) return;
      for (std::uint32_t i = 0; i < plan.c; ++i) {  // extremes
        env().spm[i] = chance(0.8) ? 0x80 : 0x7f;
      }
      return;
    }
    for (std::uint32_t i = 0; i < plan.c; i += 2) {
      const std::uint16_t x = random_bf16(mix);
      std::memcpy(&env().spm[i], &x, 2);
    }
    if (mix == Mix::Bits || mix == Mix::Special) return;
    for (std::uint32_t i = plan.c; i < plan.o; i += 4) {  // preload near the products
      const std::uint32_t x = (static_cast<std::uint32_t>(random_bf16(mix)) << 16) |
                              static_cast<std::uint32_t>(rng()() & 0xffff);
      std::memcpy(&env().spm[i], &x, 4);
    }
  }

  GemmPlan random_plan(unsigned max_m, unsigned max_n, unsigned max_k) {
    GemmPlan plan;
    plan.m = static_cast<unsigned>(rand_in(1, max_m));
    plan.n = static_cast<unsigned>(rand_in(1, max_n));
    plan.k = static_cast<unsigned>(rand_in(1, max_k));
    plan.me.format = chance(0.5) ? MeFormat::Int8 : MeFormat::Bf16;
    plan.me.preload = chance(0.5);
    plan.bias = chance(0.5);
    plan.me.relu = chance(0.3);
    plan.me.out_bf16 = plan.me.format == MeFormat::Bf16 && chance(0.4);
    plan.place(static_cast<unsigned>(rand_in(0, 3)) * 8);
    return plan;
  }

  /// Queue a command, let it finish alone, return its completion.
  MeDone run_one(const MeCommand& command, std::uint64_t limit = 200000) {
    const std::size_t before = env().done.size();
    env().commands.push_back(command);
    EXPECT_TRUE(run_until([&] { return env().done.size() > before; }, limit)) << "no completion";
    return env().done.size() > before ? env().done.back() : MeDone{};
  }

  /// Where the scratchpad differs from `expected`, in words.
  void expect_spm(const std::vector<std::uint8_t>& expected, const GemmPlan& plan,
                  const std::string& what) {
    if (env().spm == expected) return;
    const auto at = static_cast<std::uint32_t>(
        std::mismatch(expected.begin(), expected.end(), env().spm.begin()).first -
        expected.begin());
    if (at < plan.o || at >= plan.o + plan.ldo * plan.m) {
      ADD_FAILURE() << what << fmt::format(": byte {:#x} outside of O changed", at);
      return;
    }
    const std::uint32_t row = (at - plan.o) / plan.ldo;
    const std::uint32_t col = (at - plan.o) % plan.ldo / plan.result();
    std::string operands;
    for (unsigned i = 0; i < std::min(plan.k, 64U); ++i) {
      std::uint16_t x = 0;
      std::uint16_t y = 0;
      std::memcpy(&x, &env().spm[plan.a + row * plan.lda + i * plan.element()], plan.element());
      std::memcpy(&y, &env().spm[plan.b + col * plan.ldb + i * plan.element()], plan.element());
      operands += fmt::format(" {:x}*{:x}", x, y);
    }
    std::uint32_t got = 0;
    std::uint32_t want = 0;
    const std::uint32_t word = plan.o + row * plan.ldo + col * plan.result();
    std::memcpy(&got, &env().spm[word], plan.result());
    std::memcpy(&want, &expected[word], plan.result());
    ADD_FAILURE() << what
                  << fmt::format(
                         ": row {} column {} (cell {},{}) is {:#x}, expected {:#x}, cycle {}; "
                         "m {} n {} k {}; operands{}",
                         row, col, row % 8, col % 8, got, want, env().cycle, plan.m, plan.n, plan.k,
                         operands);
  }

  /// Run a plan on the scratchpad as it is and compare with the functional model.
  void check_plan(const GemmPlan& plan, const std::string& what) {
    env().set_context(1, plan.context());
    auto expected = env().spm;
    const auto result = engines::run_gemm(plan.context(), plan.bases(), expected);
    ASSERT_EQ(result.error, CmdError::Ok) << what;
    MeCommand command;
    command.context = 1;
    command.id = static_cast<std::uint16_t>(rng()());
    command.base = plan.bases();
    const MeDone done = run_one(command);
    EXPECT_EQ(done.id, command.id) << what;
    EXPECT_EQ(done.error, CmdError::Ok) << what;
    EXPECT_EQ(done.address, 0U) << what;
    expect_spm(expected, plan, what);
  }

  /// One BF16 dot product per row pair: results of cell (0, 0) for A = x, B = y, preload c.
  std::uint32_t dot(const std::vector<std::uint16_t>& x, const std::vector<std::uint16_t>& y,
                    const std::uint32_t* preload = nullptr, bool relu = false,
                    bool out_bf16 = false) {
    GemmPlan plan;
    plan.m = plan.n = 1;
    plan.k = static_cast<unsigned>(x.size());
    plan.me.preload = preload != nullptr;
    plan.me.relu = relu;
    plan.me.out_bf16 = out_bf16;
    plan.place(0);
    std::fill(env().spm.begin(), env().spm.end(), std::uint8_t{0xff});  // NaN everywhere else
    std::memcpy(&env().spm[plan.a], x.data(), 2 * x.size());
    std::memcpy(&env().spm[plan.b], y.data(), 2 * y.size());
    if (preload != nullptr) std::memcpy(&env().spm[plan.c], preload, 4);
    check_plan(plan, "dot");
    std::uint32_t result = 0;
    std::memcpy(&result, &env().spm[plan.o], plan.result());
    return result;
  }

 private:
  std::unique_ptr<MeEnv<Vtsr_me>> env_;
};

TEST_F(Me, MultipliesAndAddsSmallNumbers) {
  EXPECT_EQ(dot({0x3f80, 0x4000, 0x4040, 0x4080}, {0x3f80, 0x3f80, 0x3f80, 0x3f80}),
            numerics::bits_of(10.0F));
  EXPECT_EQ(dot({0x3f80}, {0xc000}), numerics::bits_of(-2.0F));
  const std::uint32_t five = numerics::bits_of(5.0F);
  EXPECT_EQ(dot({0x3f80}, {0xc000}, &five), numerics::bits_of(3.0F));
}

TEST_F(Me, KeepsSubnormals) {
  // Smallest subnormal times one, products that are FP32 subnormals, and below.
  EXPECT_EQ(dot({0x0001}, {0x3f80}), 0x0001'0000U);
  EXPECT_EQ(dot({0x0001}, {0x3780}), 0x0000'0001U);  // 2^-133 * 2^-16 = 2^-149
  EXPECT_EQ(dot({0x0001}, {0x3700}), 0U);            // half of it: to even
  EXPECT_EQ(dot({0x0003}, {0x3700}), 0x0000'0002U);  // 1.5: to even
  EXPECT_EQ(dot({0x8001}, {0x3700}), 0x8000'0000U);  // negative zero by rounding
  EXPECT_EQ(dot({0x007f, 0x007f}, {0x3f80, 0x3f80}), 0x00fe'0000U);
  EXPECT_EQ(dot({0x0001}, {0x0001}), 0U);
  const std::uint32_t subnormal = 0x0000'0007;
  EXPECT_EQ(dot({0x0000}, {0x3f80}, &subnormal), subnormal);
}

TEST_F(Me, HandlesInfinitiesAndNan) {
  const std::uint16_t inf = 0x7f80, minus_inf = 0xff80, nan = 0x7fc1, one = 0x3f80, zero = 0;
  const std::uint32_t canonical = 0x7fc0'0000;
  EXPECT_EQ(dot({inf, one}, {one, one}), 0x7f80'0000U);
  EXPECT_EQ(dot({minus_inf, one}, {one, one}), 0xff80'0000U);
  EXPECT_EQ(dot({minus_inf}, {minus_inf}), 0x7f80'0000U);
  EXPECT_EQ(dot({inf}, {zero}), canonical);
  EXPECT_EQ(dot({zero}, {minus_inf}), canonical);
  EXPECT_EQ(dot({inf, inf}, {one, minus_inf}), canonical);
  EXPECT_EQ(dot({nan, one}, {one, one}), canonical);
  EXPECT_EQ(dot({one, zero}, {one, 0xffff}), canonical);
  // Across beats and against the preload.
  EXPECT_EQ(dot({inf, one, one, one, minus_inf}, {one, one, one, one, one}), canonical);
  for (const std::uint32_t preload : {0x7f80'0000U, 0xff80'0000U, 0x7fc0'0001U, 0xffff'ffffU}) {
    dot({one}, {one}, &preload);
    dot({inf}, {one}, &preload);
    dot({minus_inf}, {one}, &preload, true);
  }
  // Overflow of the drain.
  EXPECT_EQ(dot({0x7f7f}, {0x7f7f}), 0x7f80'0000U);
  EXPECT_EQ(dot({0x7f7f}, {0xff7f}), 0xff80'0000U);
}

TEST_F(Me, CancelsExactlyAndKeepsSmallGroupsAfterwards) {
  // 2^100 - 2^100 + 1: the small group arrives after the cancellation, then before it.
  EXPECT_EQ(
      dot({0x7180, 0, 0, 0, 0xf180, 0, 0, 0, 0x3f80}, {0x3f80, 0, 0, 0, 0x3f80, 0, 0, 0, 0x3f80}),
      numerics::bits_of(1.0F));
  dot({0x3f80, 0, 0, 0, 0x7180, 0, 0, 0, 0xf180}, {0x3f80, 0, 0, 0, 0x3f80, 0, 0, 0, 0x3f80});
  // 2^20 preloaded and cancelled down to 1, then many groups of 2^-14.
  std::vector<std::uint16_t> x{0xc980, 0x3f80, 0, 0};
  std::vector<std::uint16_t> y{0x3f80, 0x3f80, 0, 0};
  for (int i = 0; i < 64; ++i) {
    x.push_back(0x3880);
    y.push_back(0x3f80);
  }
  const std::uint32_t preload = numerics::bits_of(1048576.0F);
  EXPECT_EQ(dot(x, y, &preload), numerics::bits_of(1.0F + 64 * 0x1p-14F));
}

TEST_F(Me, GrowsTheAccumulatorAfterMovingItDown) {
  // A full 31-bit preload is moved down by 15 bits; the largest group then carries out of 47 bits.
  const std::vector<std::uint16_t> large(8, 0x437f);
  for (const std::uint16_t other : {0x437f, 0xc37f}) {
    const std::uint32_t preload = 160U << 23 | 0x7f'ffff | (other & 0x8000U) << 16;
    const auto result = dot(large, std::vector<std::uint16_t>(8, other), &preload);
    EXPECT_EQ(result & 0x7f80'0000, 161U << 23);
    EXPECT_EQ(result >> 31, other >> 15);
  }
  // Groups of -1 unit below the grown exponent then count as -256, enough to turn the rounding.
  std::vector<std::uint16_t> x(4, 0x437f);
  std::vector<std::uint16_t> y(4, 0x437f);
  for (int i = 0; i < 100; ++i) {
    x.insert(x.end(), {0x4300, 0x4300, 0x3c80, 0});
    y.insert(y.end(), {0x4300, 0xc300, 0xbc80, 0});
  }
  const std::uint32_t preload = 160U << 23 | 0x7f'ffff;
  const auto large_alone = dot({x.begin(), x.begin() + 4}, {y.begin(), y.begin() + 4}, &preload);
  EXPECT_EQ(dot(x, y, &preload), large_alone - 1);
}

TEST_F(Me, SumsTheLongestBlocks) {
  for (const std::uint16_t b : {0x3fff, 0xbfff}) {
    const std::vector<std::uint16_t> x(20000, 0x3fff);
    const std::vector<std::uint16_t> y(x.size(), b);
    GemmPlan plan;
    plan.m = plan.n = 1;
    plan.k = 20000;
    plan.place(0);
    std::memcpy(&env().spm[plan.a], x.data(), 2 * plan.k);
    std::memcpy(&env().spm[plan.b], y.data(), 2 * plan.k);
    check_plan(plan, "large");
  }
  // All operands at one address: 65535 beats, the longest loop there is.
  GemmPlan plan;
  plan.m = plan.n = 8;
  plan.k = 4;
  plan.place(0);
  for (unsigned i = 0; i < 64; ++i) {
    const std::uint16_t x = i % 5 == 0 ? 0xbfff : 0x3fff;
    std::memcpy(&env().spm[2 * i], &x, 2);
  }
  auto context = plan.context();
  for (auto* row : {&context.a, &context.b}) {
    auto agu = engines::AguConfig::from_row(*row);
    agu.count[0] = 65535;
    agu.delta[0] = 0;
    *row = agu.to_row();
  }
  env().set_context(0, context);
  auto expected = env().spm;
  ASSERT_EQ(engines::run_gemm(context, plan.bases(), expected).error, CmdError::Ok);
  EXPECT_EQ(run_one({0x21, 0, 1, plan.bases()}).error, CmdError::Ok);
  expect_spm(expected, plan, "long");
}

TEST_F(Me, Int8ExtremesAreExactAndWrap) {
  for (const std::uint8_t left : {0x80, 0x7f}) {
    for (const std::uint8_t right : {0x80, 0x7f}) {
      for (const std::uint32_t preload : {0U, 0x7fff'ffffU, 0x8000'0000U}) {
        GemmPlan plan;
        plan.m = plan.n = 8;
        plan.k = 1000;
        plan.me = {MeFormat::Int8, true, false, false};
        plan.place(0);
        std::fill(env().spm.begin(), env().spm.begin() + plan.b, left);
        std::fill(env().spm.begin() + plan.b, env().spm.begin() + plan.c, right);
        for (std::uint32_t i = plan.c; i < plan.o; i += 4) std::memcpy(&env().spm[i], &preload, 4);
        check_plan(plan, "extremes");
        const int product = static_cast<std::int8_t>(left) * static_cast<std::int8_t>(right);
        std::uint32_t result = 0;
        std::memcpy(&result, &env().spm[plan.o], 4);
        EXPECT_EQ(result, preload + static_cast<std::uint32_t>(product * 1000));
      }
    }
  }
}

TEST_F(Me, EveryInt8PairIsExact) {
  // 256 x 256 products, one per result, through all cells.
  GemmPlan plan;
  plan.m = plan.n = 256;
  plan.k = 1;
  plan.me.format = MeFormat::Int8;
  plan.lda = plan.ldb = 8;
  plan.ldo = 1024;
  plan.b = 2048;
  plan.c = plan.o = 4096;
  // 256 KiB of results do not fit beside the operands: half of the rows at a time.
  plan.m = 128;
  for (unsigned half = 0; half < 2; ++half) {
    for (unsigned i = 0; i < 256; ++i) {
      env().spm[8 * i] = static_cast<std::uint8_t>(128 * half + i);
      env().spm[2048 + 8 * i] = static_cast<std::uint8_t>(i);
    }
    check_plan(plan, "pairs");
    for (unsigned i = 0; i < 128; ++i) {
      for (unsigned j = 0; j < 256; ++j) {
        std::int32_t result = 0;
        std::memcpy(&result, &env().spm[plan.o + 1024 * i + 4 * j], 4);
        ASSERT_EQ(result, static_cast<std::int8_t>(128 * half + i) * static_cast<std::int8_t>(j));
      }
    }
  }
}

TEST_F(Me, ReluAndBf16Output) {
  const std::uint32_t minus_zero = 0x8000'0000;
  EXPECT_EQ(dot({0x3f80}, {0xbf80}, nullptr, true), 0U);
  EXPECT_EQ(dot({0x3f80}, {0x3f80}, nullptr, true), 0x3f80'0000U);
  EXPECT_EQ(dot({0xff80}, {0x3f80}, nullptr, true), 0U);
  EXPECT_EQ(dot({0x7f80}, {0x3f80}, nullptr, true), 0x7f80'0000U);
  EXPECT_EQ(dot({0x7fc0}, {0x3f80}, nullptr, true), 0x7fc0'0000U);
  EXPECT_EQ(dot({0x8001}, {0x3700}, nullptr, true), 0U);  // -0 by rounding
  EXPECT_EQ(dot({0x0000}, {0x3f80}, &minus_zero, false), 0U);
  EXPECT_EQ(dot({0x3f80}, {0x4049}, nullptr, false, true), 0x4049U);
  EXPECT_EQ(dot({0x7fff}, {0x4049}, nullptr, false, true), 0x7fc0U);
  EXPECT_EQ(dot({0x3f80}, {0xc049}, nullptr, true, true), 0U);
  // Ties of the second rounding: 1 + 2^-8 to even, 1 + 3 * 2^-8 up.
  EXPECT_EQ(dot({0x3f80, 0x3f80}, {0x3f80, 0x3b80}, nullptr, false, true), 0x3f80U);
  EXPECT_EQ(dot({0x3f80, 0x3f80}, {0x3f80, 0x3c40}, nullptr, false, true), 0x3f82U);
}

TEST_F(Me, OneMillionRandomDotProducts) {
  constexpr unsigned kSide = 64;  // 4096 dot products a command
  std::uint64_t products = 0;
  std::uint64_t finite = 0;
  while (products < 1'000'000) {
    GemmPlan plan;
    plan.m = plan.n = kSide;
    plan.k = static_cast<unsigned>(rand_in(1, 4)) * 4;
    plan.me.preload = chance(0.5);
    plan.place(0);
    fill(plan, kMixes[rand_in(0, 4)]);
    check_plan(plan, fmt::format("after {} dot products", products));
    if (HasFailure()) return;
    products += kSide * kSide;
    for (std::uint32_t i = plan.o; i < plan.o + plan.ldo * plan.m; i += 4) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, &env().spm[i], 4);
      finite += (bits & 0x7f80'0000) != 0x7f80'0000 ? 1 : 0;
    }
  }
  EXPECT_GT(finite, products / 4) << "the mix is too special to test sums";
}

TEST_F(Me, RandomShapesWithoutStalls) {
  for (int i = 0; i < 400 && !HasFailure(); ++i) {
    const GemmPlan plan = random_plan(40, 40, 100);
    fill(plan, kMixes[rand_in(0, 4)]);
    check_plan(plan, fmt::format("plan {}", i));
  }
}

TEST_F(Me, RandomShapesWithRandomStalls) {
  for (int i = 0; i < 400 && !HasFailure(); ++i) {
    static constexpr double kStall[] = {0.1, 0.3, 0.6, 0.9};
    stall_everything(kStall[rand_in(0, 3)]);
    env().stall[rand_in(0, 3)] = chance(0.5) ? 0 : 0.95;  // one port unlike the others
    const GemmPlan plan = random_plan(26, 26, 40);
    fill(plan, kMixes[rand_in(0, 4)]);
    check_plan(plan, fmt::format("plan {}", i));
  }
}

TEST_F(Me, ResultsEqualTheGoldenGemm) {
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    GemmPlan plan = random_plan(40, 40, 100);
    plan.bias = true;
    plan.place(8);
    fill(plan, Mix::Near);
    std::vector<std::uint8_t> expected = env().spm;
    engines::GemmShape shape;
    shape.m = plan.m;
    shape.n = plan.n;
    shape.k = plan.k;
    shape.lda = plan.lda;
    shape.ldb = plan.ldb;
    shape.ldc = plan.ldo;
    shape.format = plan.me.format;
    shape.relu = plan.me.relu;
    shape.out_bf16 = plan.me.out_bf16;
    std::vector<std::uint32_t> bias(plan.n);
    std::memcpy(bias.data(), &env().spm[plan.c], plan.me.preload ? 4 * plan.n : 0);
    engines::gemm(shape, &env().spm[plan.a], &env().spm[plan.b],
                  plan.me.preload ? bias.data() : nullptr, &expected[plan.o]);
    check_plan(plan, fmt::format("plan {}", i));
    expect_spm(expected, plan, fmt::format("golden {}", i));
  }
}

TEST_F(Me, QueuedCommandsRunInOrderAndSeeEarlierResults) {
  // Each command adds A * B to the result of the one before: C of one is O of the other.
  GemmPlan plan;
  plan.m = 20;
  plan.n = 12;
  plan.k = 24;
  plan.me.preload = true;
  plan.place(0);
  plan.o = plan.c;
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    fill(plan, Mix::Near);
    env().set_context(0, plan.context());
    auto expected = env().spm;
    const std::size_t before = env().done.size();
    for (std::uint16_t i = 0; i < 20; ++i) {
      ASSERT_EQ(engines::run_gemm(plan.context(), plan.bases(), expected).error, CmdError::Ok);
      env().commands.push_back({0x21, 0, i, plan.bases()});
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 20; }, 100000));
    for (std::uint16_t i = 0; i < 20; ++i) EXPECT_EQ(env().done[before + i].id, i);
    expect_spm(expected, plan, "chained");
  }
}

TEST_F(Me, MixedQueueOfFormatsNopsAndErrors) {
  for (int round = 0; round < 40; ++round) {
    stall_everything(chance(0.5) ? 0.0 : 0.3);
    std::vector<GemmPlan> plans;
    for (unsigned i = 0; i < 6; ++i) {
      GemmPlan plan = random_plan(20, 20, 30);
      if (i == 0) fill(plan, Mix::Near);
      plans.push_back(plan);
      env().set_context(i, plan.context());
    }
    auto expected = env().spm;
    const std::size_t before = env().done.size();
    std::vector<CmdError> errors;
    for (std::uint16_t i = 0; i < 12; ++i) {
      MeCommand command;
      command.id = static_cast<std::uint16_t>(100 + i);
      command.context = i % 6;
      command.base = plans[i % 6].bases();
      if (chance(0.2)) command.op = 0;
      if (command.op == 0x21) engines::run_gemm(plans[i % 6].context(), command.base, expected);
      env().commands.push_back(command);
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 12; }, 100000));
    for (std::uint16_t i = 0; i < 12; ++i) {
      EXPECT_EQ(env().done[before + i].id, 100 + i);
      EXPECT_EQ(env().done[before + i].error, CmdError::Ok);
    }
    EXPECT_TRUE(env().spm == expected) << "round " << round;
  }
}

TEST_F(Me, RefusesIllegalCommandsWithoutSideEffects) {
  GemmPlan plan;
  plan.m = plan.n = 16;
  plan.k = 16;
  plan.me.preload = true;
  plan.place(0);
  fill(plan, Mix::Near);
  const auto good = plan.context();
  struct Case {
    const char* what;
    CmdError error;
    std::function<void(engines::MeContext&, MeCommand&)> spoil;
  };
  using Ctx = engines::MeContext;
  using Cmd = MeCommand;
  const std::vector<Case> cases = {
      {"opcode", CmdError::Opcode, [](Ctx&, Cmd& c) { c.op = 0x22; }},
      {"opcode of another engine", CmdError::Opcode, [](Ctx&, Cmd& c) { c.op = 0x01; }},
      {"format 2", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 2; }},
      {"format 15", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 15; }},
      {"output format", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 2 << 6; }},
      {"BF16 of integers", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 1 | 1 << 6; }},
      {"count 0 in A", CmdError::Context, [](Ctx& c, Cmd&) { c.a[5] = 0; }},
      {"count 0 in O", CmdError::Context, [](Ctx& c, Cmd&) { c.o[9] = 0; }},
      {"count 0 in C", CmdError::Context, [](Ctx& c, Cmd&) { c.c[4] = 0; }},
      {"count of 65536", CmdError::Context, [](Ctx& c, Cmd&) { c.b[4] = 65536; }},
      {"pitch not of 8", CmdError::Context, [](Ctx& c, Cmd&) { c.a[1] += 4; }},
      {"delta not of 8", CmdError::Context, [](Ctx& c, Cmd&) { c.b[11] += 1; }},
      {"row edge loop 6", CmdError::Context, [](Ctx& c, Cmd&) { c.a[2] |= 1U << 4 | 6U << 5; }},
      {"byte edge loop 7", CmdError::Context, [](Ctx& c, Cmd&) { c.o[2] |= 1U << 16 | 7U << 17; }},
      {"word 3", CmdError::Context, [](Ctx& c, Cmd&) { c.o[3] = 1; }},
      {"A base not of 8", CmdError::Range, [](Ctx&, Cmd& c) { c.base[0] += 4; }},
      {"O base too large", CmdError::Range, [](Ctx&, Cmd& c) { c.base[3] = 1U << 22; }},
      {"K of A and B", CmdError::Shape, [](Ctx& c, Cmd&) { c.a[4] += 1; }},
      {"blocks of A and B", CmdError::Shape, [](Ctx& c, Cmd&) { c.b[6] += 1; }},
      {"too few results", CmdError::Shape, [](Ctx& c, Cmd&) { c.o[6] -= 1; }},
      {"too many preloads", CmdError::Shape, [](Ctx& c, Cmd&) { c.c[7] = 2; }},
      {"overflowing shape", CmdError::Shape,
       [](Ctx& c, Cmd&) {
         for (auto* row : {&c.a, &c.b, &c.c, &c.o}) {
           for (unsigned j = 5; j < 10; ++j) (*row)[j] = 65535;
         }
       }},
  };
  const auto before = env().spm;
  for (const double stall : {0.0, 0.5}) {
    stall_everything(stall);
    for (const Case& c : cases) {
      engines::MeContext context = good;
      MeCommand command;
      command.id = 77;
      command.context = 3;
      command.base = plan.bases();
      c.spoil(context, command);
      env().set_context(3, context);
      env().writes = 0;
      const MeDone done = run_one(command);
      EXPECT_EQ(done.error, c.error) << c.what;
      EXPECT_EQ(done.id, 77) << c.what;
      run(50);
      EXPECT_EQ(env().writes, 0U) << c.what;
      EXPECT_TRUE(env().spm == before) << c.what;
      if (command.op == 0x21) {
        auto copy = env().spm;
        EXPECT_EQ(engines::run_gemm(context, command.base, copy).error, c.error) << c.what;
      }
      run_until([&] { return dut().idle_o != 0; }, 100);
      EXPECT_EQ(dut().idle_o, 1) << c.what;
    }
  }
  // The engine is as good as new.
  check_plan(plan, "after errors");
}

TEST_F(Me, ReportsAccessesOutsideTheScratchpad) {
  for (unsigned stream = 0; stream < 4; ++stream) {
    for (const double stall : {0.0, 0.5}) {
      stall_everything(stall);
      GemmPlan plan;
      plan.m = plan.n = 16;
      plan.k = 64;
      plan.me.preload = true;
      plan.place(0);
      fill(plan, Mix::Near);
      env().set_context(0, plan.context());
      MeCommand command;
      command.base = plan.bases();
      command.base[stream] = 256 * 1024 - 64;
      env().writes = 0;
      const MeDone done = run_one(command);
      // The very first access fails: nothing is written after it is known.
      EXPECT_LE(env().writes, stream == 3 ? 2U : 0U) << "stream " << stream;
      EXPECT_EQ(done.error, CmdError::Range) << "stream " << stream;
      EXPECT_GE(done.address, 256U * 1024 - 64 - 8 * 1024) << "stream " << stream;
      EXPECT_LT(done.address, 512U * 1024) << "stream " << stream;
      stall_everything(0);
      fill(plan, Mix::Near);
      check_plan(plan, "after a range error");
    }
  }
}

TEST_F(Me, AFailedCommandStartsNothingBehindIt) {
  GemmPlan plan;
  plan.m = plan.n = 16;
  plan.k = 16;
  plan.place(0);
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  auto bad = plan.bases();
  bad[0] = 256 * 1024;
  env().commands.push_back({0x21, 0, 1, bad});
  env().commands.push_back({0x21, 0, 2, plan.bases()});
  // As the command queue does: stop one cycle after the failure was reported.
  ASSERT_TRUE(run_until([&] { return !env().done.empty(); }, 2000));
  EXPECT_EQ(env().done[0].error, CmdError::Range);
  EXPECT_EQ(env().commands.size(), 1U);
  env().withdraw();
  const std::uint64_t writes = env().writes;
  run(300);
  EXPECT_EQ(env().done.size(), 1U);
  EXPECT_EQ(env().writes, writes);
  EXPECT_EQ(dut().idle_o, 1);
}

TEST_F(Me, AbortFinishesTheRunningCommandOnly) {
  GemmPlan plan;
  plan.m = plan.n = 32;
  plan.k = 32;
  plan.place(0);
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  auto expected = env().spm;
  engines::run_gemm(plan.context(), plan.bases(), expected);
  for (std::uint16_t i = 0; i < 3; ++i) env().commands.push_back({0x21, 0, i, plan.bases()});
  run(60);
  dut().abort_i = 1;
  run(1000);
  ASSERT_EQ(env().done.size(), 1U);
  EXPECT_EQ(env().done[0].error, CmdError::Ok);
  EXPECT_EQ(env().commands.size(), 2U);
  expect_spm(expected, plan, "aborted");
  dut().abort_i = 0;
  ASSERT_TRUE(run_until([&] { return env().done.size() == 3; }, 2000));
  expect_spm(expected, plan, "resumed");
}

TEST_F(Me, KeepsTheGridBusy) {
  // 128 x 128 x 128 from an ideal scratchpad, cold, from command to completion.
  for (const bool preload : {false, true}) {
    for (const MeFormat format : {MeFormat::Bf16, MeFormat::Int8}) {
      GemmPlan plan;
      plan.m = plan.n = plan.k = 128;
      plan.me.format = format;
      plan.me.preload = preload;
      plan.bias = true;
      plan.place(8);
      fill(plan, Mix::Near);
      const std::uint64_t beats = 16 * 16 * (format == MeFormat::Int8 ? 16 : 32);
      const std::uint64_t start = cycle();
      const auto states = env().state_cycles;
      const std::uint64_t ops = env().ops;
      check_plan(plan, "utilization");
      const double utilization = static_cast<double>(beats) / static_cast<double>(cycle() - start);
      fmt::print("{} {}: utilization {:.4f}\n", format == MeFormat::Int8 ? "INT8" : "BF16",
                 preload ? "with preload" : "plain", utilization);
      EXPECT_GE(utilization, 0.985);
      run(2);  // the accounting is a cycle behind
      EXPECT_EQ(env().state_cycles[Busy] - states[Busy], beats);
      EXPECT_EQ(env().ops - ops, 128U * 128 * 128);
    }
  }
}

TEST_F(Me, FewIdleCyclesBetweenCommands) {
  GemmPlan plan;
  plan.m = plan.n = plan.k = 64;
  plan.me.format = MeFormat::Int8;
  plan.place(8);
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  for (std::uint16_t i = 0; i < 9; ++i) env().commands.push_back({0x21, 0, i, plan.bases()});
  ASSERT_TRUE(run_until([&] { return env().done.size() == 9; }, 20000));
  const double cycles = static_cast<double>(env().done[8].cycle - env().done[0].cycle) / 8;
  fmt::print("64 x 64 x 64 INT8 chained: {} cycles a command, 512 beats\n", cycles);
  EXPECT_LE(cycles, 512 + 12);
}

TEST_F(Me, LatencyIsAsDocumented) {
  GemmPlan plan;
  plan.m = plan.n = 8;
  plan.k = 64;
  plan.place(0);
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  std::uint64_t offered = 0, requested = 0, first = 0, last = 0, written = 0;
  before_edge([&] {
    if (offered == 0 && dut().cmd_valid_i != 0) offered = cycle();
    if (requested == 0 && dut().a_valid_o != 0) requested = cycle();
    if (dut().ops_o != 0) {  // a cycle late
      if (first == 0) first = cycle() - 1;
      last = cycle() - 1;
    }
    if (dut().o_valid_o != 0) written = cycle();
  });
  const MeDone done = run_one({0x21, 0, 1, plan.bases()});
  EXPECT_EQ(requested - offered, 10U);
  EXPECT_EQ(first - requested, 2U);
  EXPECT_EQ(last - first, 15U);
  EXPECT_EQ(written - last, 8U);
  EXPECT_EQ(done.cycle - written, 2U);
}

TEST_F(Me, ShortBlocksDrainWithoutBubbles) {
  // Four beats a block are as long as the drain of the block before.
  GemmPlan plan;
  plan.m = plan.n = 128;
  plan.k = 16;
  plan.place(8);
  fill(plan, Mix::Near);
  const auto states = env().state_cycles;
  const std::uint64_t start = cycle();
  check_plan(plan, "short blocks");
  run(2);
  EXPECT_EQ(env().state_cycles[Busy] - states[Busy], 1024U);
  EXPECT_LE(cycle() - start, 1024U + 40);
}

TEST_F(Me, AttributesEveryCycle) {
  stall_everything(0.0);
  GemmPlan plan;
  plan.m = plan.n = 32;
  plan.k = 64;
  plan.me.preload = true;
  plan.place(0);
  fill(plan, Mix::Near);
  const auto measure = [&](unsigned port, double stall) {
    env().stall = {};
    env().stall[port] = stall;
    const auto before = env().state_cycles;
    const std::uint64_t start = env().cycle;
    check_plan(plan, "attribution");
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
    EXPECT_LT(spent[Config], 20U);
    EXPECT_EQ(spent[2] + spent[7], 0U);
    return spent;
  };
  const auto ideal = measure(0, 0.0);
  EXPECT_LT(ideal[Starved] + ideal[Blocked] + ideal[Conflict], 40U);
  const auto conflict = measure(0, 0.5);
  EXPECT_GT(conflict[Conflict], 100U);
  const auto blocked = measure(3, 0.9);
  EXPECT_GT(blocked[Blocked], 100U);
}

TEST_F(Me, IdleMeansNothingChanges) {
  run_until([&] { return dut().idle_o != 0; }, 10);
  EXPECT_EQ(dut().idle_o, 1);
  GemmPlan plan;
  plan.m = plan.n = plan.k = 8;
  plan.place(0);
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  env().commands.push_back({0x21, 0, 9, plan.bases()});
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
