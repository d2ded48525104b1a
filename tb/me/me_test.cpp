// SPDX-License-Identifier: Apache-2.0
/// Bench of the matrix engine: commands, streams and accumulation, bit-exact against the functional
/// model. Formats have a bench of their own: me_format_test.cpp.
#include <algorithm>
#include <cstring>
#include <vector>

#include "Vtsr_me.h"
#include "me/me_bench.hpp"

namespace tsr::tb {
namespace {

class Me : public MeBench<Vtsr_me> {
 protected:
  /// One BF16 dot product: result of cell (0, 0).
  std::uint32_t dot(const std::vector<std::uint16_t>& x, const std::vector<std::uint16_t>& y,
                    const std::uint32_t* preload = nullptr, bool relu = false,
                    bool out_bf16 = false) {
    return dot_of({MeFormat::Bf16, MeFormat::Bf16, false}, {x.begin(), x.end()},
                  {y.begin(), y.end()}, preload, relu, out_bf16);
  }
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
    plan.place();
    std::memcpy(&env().spm[plan.a], x.data(), 2 * plan.k);
    std::memcpy(&env().spm[plan.b], y.data(), 2 * plan.k);
    check_plan(plan, "large");
  }
  // All operands at one address: 65535 beats, the longest loop there is.
  GemmPlan plan;
  plan.m = plan.n = 8;
  plan.k = 4;
  plan.place();
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
  EXPECT_EQ(run_one(plan.command(0, 1)).error, CmdError::Ok);
  expect_spm(expected, plan, "long");
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
  for (int i = 0; i < 80 && !HasFailure(); ++i) {
    GemmPlan plan = random_plan(40, 40, 100);
    plan.bias = true;
    plan.trans_a = plan.trans_b = false;
    plan.batch = plan.k_split = 1;
    plan.place();
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
    shape.format_b = plan.me.format_b;
    shape.mixed = true;
    shape.mx = plan.me.mx;
    shape.scale_a = &env().spm[plan.sa];
    shape.scale_b = &env().spm[plan.sb];
    shape.ld_scale_a = shape.ld_scale_b = plan.lds;
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

TEST_F(Me, AllFourOperandOrders) {
  for (const MeFormat format : {MeFormat::Bf16, MeFormat::Int8, MeFormat::Tf32, MeFormat::Fp32,
                                MeFormat::Fp16, MeFormat::E4m3}) {
    for (unsigned order = 0; order < 4; ++order) {
      for (const unsigned size : {16U, 21U}) {
        GemmPlan plan = plain(format, size, size + 3, size + 9);
        plan.trans_a = (order & 2) != 0;
        plan.trans_b = (order & 1) != 0;
        plan.place();
        fill(plan, Mix::Near);
        check_plan(plan, fmt::format("order {}", order));
      }
    }
  }
}

TEST_F(Me, ConvolutionReadsThePictureInPlace) {
  // 3 x 3, padding 1, INT8: kloop 2 ends a block behind channels, kernel columns and rows.
  engines::ConvShape shape;
  shape.h = 9;
  shape.w = 16;
  shape.channel_bytes = 16;
  shape.kernel_h = shape.kernel_w = 3;
  shape.pad = 1;
  shape.pixel_pitch = 24;
  shape.row_pitch = 16 * 24 + 8;
  shape.input = 1024;
  const engines::AguBuilder a = engines::conv_stream(shape);
  ASSERT_EQ(a.error(), nullptr);
  engines::AguBuilder b;  // 8 filters of [ky][kx][channel]
  b.base = 16384;
  b.pitch = 9 * 16 + 8;
  b.loops = {{18, 8}, {2, 0}, {9, 0}};
  engines::AguBuilder o;  // 8 filters of each pixel
  o.base = 32768;
  o.w = 4;
  o.pitch = 32;
  o.loops = {{4, 64}, {2, 8 * 32}, {9, 16 * 32}};
  engines::MeConfig me;
  me.set_format(MeFormat::Int8);
  me.kloop = 2;
  engines::MeContext context{me.to_row(), a.row(), b.row(), {}, o.row(), {}};
  // Filters are walked in one loop: K of B ends with its loop 0, behind as many beats.
  auto row_b = engines::AguConfig::from_row(context.b);
  row_b.count = {2, 3, 3, 2, 9, 1};
  row_b.set_strides({8, 16, 48, 0, 0, 0});
  context.b = row_b.to_row();
  for (auto& byte : env().spm) byte = static_cast<std::uint8_t>(rng()());
  const auto picture = env().spm;
  MeCommand command;
  command.base = {a.base, b.base, 0, o.base};
  env().set_context(0, context);
  EXPECT_EQ(run_one(command).error, CmdError::Ok);
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 16; ++x) {
      for (int f = 0; f < 8; ++f) {
        int sum = 0;
        for (int ky = 0; ky < 3; ++ky) {
          for (int kx = 0; kx < 3; ++kx) {
            const int at_y = y + ky - 1;
            const int at_x = x + kx - 1;
            if (at_y < 0 || at_y >= 9 || at_x < 0 || at_x >= 16) continue;
            for (int c = 0; c < 16; ++c) {
              sum +=
                  static_cast<std::int8_t>(
                      picture[static_cast<std::size_t>(1024 + at_y * 392 + at_x * 24 + c)]) *
                  static_cast<std::int8_t>(
                      picture[static_cast<std::size_t>(16384 + f * 152 + ky * 48 + kx * 16 + c)]);
            }
          }
        }
        std::int32_t got = 0;
        std::memcpy(&got, &env().spm[static_cast<std::size_t>(32768 + (y * 16 + x) * 32 + 4 * f)],
                    4);
        ASSERT_EQ(got, sum) << "pixel " << x << "," << y << " filter " << f;
      }
    }
  }
}

TEST_F(Me, QueuedCommandsRunInOrderAndSeeEarlierResults) {
  // Each command adds A * B to the result of the one before: C of one is O of the other.
  GemmPlan plan;
  plan.m = 20;
  plan.n = 12;
  plan.k = 24;
  plan.me.preload = true;
  plan.place();
  plan.o = plan.c;
  plan.end = plan.o + plan.ldo * plan.m;
  for (const double stall : {0.0, 0.4}) {
    stall_everything(stall);
    fill(plan, Mix::Near);
    env().set_context(0, plan.context());
    auto expected = env().spm;
    const std::size_t before = env().done.size();
    for (std::uint16_t i = 0; i < 20; ++i) {
      ASSERT_EQ(engines::run_gemm(plan.context(), plan.bases(), expected).error, CmdError::Ok);
      env().commands.push_back(plan.command(0, i));
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 20; }, 100000));
    for (std::uint16_t i = 0; i < 20; ++i) EXPECT_EQ(env().done[before + i].id, i);
    expect_spm(expected, plan, "chained");
  }
}

TEST_F(Me, MixedQueueOfFormatsAndNops) {
  // Plans that lie apart may overlap; those in one place may not.
  for (int round = 0; round < 60 && !HasFailure(); ++round) {
    const bool apart = chance(0.7);
    stall_everything(chance(0.5) ? 0.0 : 0.3);
    std::vector<GemmPlan> plans;
    std::uint32_t at = 0;
    for (unsigned i = 0; i < 6; ++i) {
      GemmPlan plan = random_plan(20, 20, 30);
      plan.place(apart ? at : 0);
      at = plan.end;
      if (apart || i == 0) fill(plan, kMixes[rand_in(0, 4)]);
      plans.push_back(plan);
      env().set_context(i, plan.context());
    }
    ASSERT_LE(at, kSpmBytes);
    auto expected = env().spm;
    const std::size_t before = env().done.size();
    std::vector<unsigned> infos;
    for (std::uint16_t i = 0; i < 12; ++i) {
      const GemmPlan& plan = plans[i % 6];
      MeCommand command = plan.command(i % 6, static_cast<std::uint16_t>(100 + i));
      command.overlap = apart && chance(0.8);
      if (chance(0.2)) command.op = 0;
      unsigned info = 0;
      if (command.op == 0x21) {
        const auto result = engines::run_gemm(plan.job(), expected);
        info = info_of(result);
      }
      infos.push_back(info);
      env().commands.push_back(command);
    }
    ASSERT_TRUE(run_until([&] { return env().done.size() == before + 12; }, 100000));
    for (std::uint16_t i = 0; i < 12; ++i) {
      EXPECT_EQ(env().done[before + i].id, 100 + i);
      EXPECT_EQ(env().done[before + i].error, CmdError::Ok);
      EXPECT_EQ(env().done[before + i].info, infos[i]) << "command " << i;
    }
    EXPECT_TRUE(env().spm == expected) << "round " << round;
  }
}

TEST_F(Me, OverlappedCommandsLeaveNoBubble) {
  // Different formats, with and without preload, block scales, either output width.
  std::vector<GemmPlan> plans;
  std::uint32_t at = 0;
  const Pair pairs[] = {
      {MeFormat::Bf16, MeFormat::Bf16, false}, {MeFormat::E4m3, MeFormat::E5m2, true},
      {MeFormat::Int8, MeFormat::Int8, false}, {MeFormat::E2m1, MeFormat::E2m1, true},
      {MeFormat::Fp32, MeFormat::Fp32, false}, {MeFormat::Fp16, MeFormat::Fp16, false},
      {MeFormat::E2m3, MeFormat::E3m2, false}, {MeFormat::Int4, MeFormat::Int4, false}};
  for (unsigned i = 0; i < 8; ++i) {
    GemmPlan plan;
    plan.m = plan.n = 16;
    plan.me.set_formats(pairs[i].a, pairs[i].b);
    plan.me.mx = pairs[i].mx;
    plan.k = 24 * 64 / plan.bits();
    plan.me.preload = i % 2 == 1;
    plan.me.out_bf16 = !plan.me.int32_results() && i % 4 == 1;
    plan.pad = 8;
    plan.place(at);
    at = plan.end;
    fill(plan, Mix::Near);
    env().set_context(i, plan.context());
    plans.push_back(plan);
  }
  ASSERT_LE(at, kSpmBytes);
  auto expected = env().spm;
  env().keep_states = true;
  std::uint64_t busy = 0;
  constexpr unsigned kCommands = 64;
  for (std::uint16_t i = 0; i < kCommands; ++i) {
    const auto at_random = static_cast<unsigned>(rand_in(0, 7));
    const GemmPlan& plan = plans[i < 8 ? i : at_random];
    const auto result = engines::run_gemm(plan.job(), expected);
    busy += result.beats * (plan.me.format == MeFormat::Fp32 ? 2 : 1);
    env().commands.push_back(plan.command(i < 8 ? i : at_random, i, true));
  }
  ASSERT_TRUE(run_until([&] { return env().done.size() == kCommands; }, 50000));
  EXPECT_TRUE(env().spm == expected);
  const auto& states = env().states;
  const auto first = std::find(states.begin(), states.end(), Busy);
  const auto last = std::find(states.rbegin(), states.rend(), Busy).base();
  const auto bubbles = static_cast<std::uint64_t>(last - first) - busy;
  fmt::print("{} commands, {} busy cycles, {} bubbles\n", kCommands, busy, bubbles);
  EXPECT_EQ(bubbles, 0U);
}

TEST_F(Me, WithoutOverlapReadsWaitForTheLastWrite) {
  GemmPlan plan;
  plan.m = plan.n = 16;
  plan.k = 16;
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  env().commands.push_back(plan.command(0, 1));
  env().commands.push_back(plan.command(0, 2));
  env().stall[3] = 0.9;
  bool second = false;
  std::uint64_t last_write = 0;
  std::uint64_t first_read = 0;
  before_edge([&] {
    if (dut().cmd_ready_o != 0 && env().done.empty() && last_write != 0) second = true;
    if (env().done.empty() && (dut().spm_valid_o & dut().spm_ready_i & 8) != 0)
      last_write = cycle();
    if (first_read == 0 && last_write != 0 && (dut().spm_valid_o & 1) != 0 && second) {
      first_read = cycle();
    }
  });
  ASSERT_TRUE(run_until([&] { return env().done.size() == 2; }, 5000));
  EXPECT_GT(first_read, last_write);
}

TEST_F(Me, ResultsGoToTheVectorEngine) {
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    stall_everything(i % 2 == 0 ? 0.0 : 0.4);
    GemmPlan plan = random_plan(30, 30, 40);
    plan.me.chain_o = true;
    fill(plan, kMixes[rand_in(0, 4)]);
    env().set_context(0, plan.context());
    const auto before = env().spm;
    auto expected = env().spm;
    engines::MeChain chain;
    const auto result = engines::run_gemm(plan.job(), expected, &chain);
    ASSERT_EQ(result.error, CmdError::Ok);
    env().chain_out.clear();
    const MeDone done = run_one(plan.command(0, 5));
    EXPECT_EQ(done.error, CmdError::Ok);
    EXPECT_EQ(done.info, info_of(result));
    EXPECT_TRUE(env().spm == before);
    ASSERT_EQ(env().chain_out.size(), chain.out.size());
    for (std::size_t b = 0; b < chain.out.size(); ++b) {
      EXPECT_TRUE(env().chain_out[b].data == chain.out[b].data) << "beat " << b;
      EXPECT_EQ(env().chain_out[b].last, chain.out[b].last) << "beat " << b;
      EXPECT_EQ(env().chain_out[b].strb, chain.out[b].strb) << "beat " << b;
    }
  }
}

TEST_F(Me, OperandAComesFromTheVectorEngine) {
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    stall_everything(i % 2 == 0 ? 0.0 : 0.4);
    GemmPlan plan = random_plan(30, 30, 40);
    if (plan.me.mx) continue;
    plan.me.chain_a = true;
    fill(plan, kMixes[rand_in(0, 4)]);
    auto context = plan.context();
    context.a.fill(0xffff'ffff);  // is not looked at
    env().set_context(0, context);
    auto job = plan.job();
    job.context = context;
    engines::MeChain chain;
    const unsigned kloop = plan.k_split > 1 ? 1 : 0;
    const std::uint64_t beats = plan.beats();
    for (std::uint64_t b = 0; b < beats; ++b) {
      engines::StreamBeat beat;
      beat.strb = ~std::uint64_t{0};
      beat.last = (b + 1) % plan.beats_k() == 0 ? 1U << kloop : 0;
      for (unsigned at = 0; at < 64; at += 4) {
        std::uint32_t x = random_element(plan.me.format, Mix::Near);
        if (plan.bits() < 32) x = static_cast<std::uint32_t>(rng()());
        std::memcpy(&beat.data[at], &x, 4);
      }
      chain.in.push_back(beat);
      env().chain_in.push_back(beat);
    }
    auto expected = env().spm;
    const auto result = engines::run_gemm(job, expected, &chain);
    ASSERT_EQ(result.error, CmdError::Ok);
    const MeDone done = run_one(plan.command(0, 6));
    EXPECT_EQ(done.error, CmdError::Ok);
    EXPECT_EQ(done.info, info_of(result));
    EXPECT_TRUE(env().chain_in.empty());
    expect_spm(expected, plan, "chained operand");
  }
}

TEST_F(Me, ChainedOperandOfAnotherLengthIsAShapeError) {
  GemmPlan plan = plain(MeFormat::Bf16, 16, 16, 32);
  plan.me.chain_a = true;
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  for (unsigned b = 0; b < 32; ++b) {
    engines::StreamBeat beat;
    beat.last = b % 4 == 3 ? 1 : 0;  // the engine expects blocks of 8 beats
    env().chain_in.push_back(beat);
  }
  EXPECT_EQ(run_one(plan.command(0, 1)).error, CmdError::Shape);
  EXPECT_TRUE(env().chain_in.empty());
  plan.me.chain_a = false;
  check_plan(plan, "afterwards");
}

TEST_F(Me, ErrorsBelongToTheirCommandWhenTwoOverlap) {
  for (const unsigned stream : {0U, 1U, 2U, 3U, 4U, 5U}) {
    for (const bool first_fails : {true, false}) {
      for (const double stall : {0.0, 0.4}) {
        stall_everything(stall);
        GemmPlan one = plain(MeFormat::E4m3, 16, 16, 512);
        one.me.mx = true;
        one.me.preload = true;
        one.place();
        GemmPlan two = one;
        two.place(one.end);
        fill(one, Mix::Near);
        fill(two, Mix::Near);
        env().set_context(0, one.context());
        env().set_context(1, two.context());
        MeCommand commands[] = {one.command(0, 10), two.command(1, 11, true)};
        MeCommand& bad = commands[first_fails ? 0 : 1];
        (stream < 4 ? bad.base[stream] : bad.scale_base[stream - 4]) = kSpmBytes;
        auto expected = env().spm;
        engines::run_gemm((first_fails ? two : one).job(), expected);
        const std::size_t before = env().done.size();
        for (const auto& command : commands) env().commands.push_back(command);
        // The queue withdraws what was not accepted, a cycle after the failure.
        run_until([&] { return env().done.size() > before; }, 20000);
        run(1);
        const bool both = env().commands.empty();
        if (!both) env().withdraw();
        run_until([&] { return dut().idle_o != 0; }, 20000);
        ASSERT_EQ(env().done.size(), before + (both ? 2 : 1));
        const auto& first = env().done[before];
        EXPECT_EQ(first.id, 10);
        EXPECT_EQ(first.error, first_fails ? CmdError::Range : CmdError::Ok);
        if (both) {
          EXPECT_EQ(env().done[before + 1].id, 11);
          EXPECT_EQ(env().done[before + 1].error, first_fails ? CmdError::Ok : CmdError::Range);
          EXPECT_GE(env().done[before + (first_fails ? 0 : 1)].address, kSpmBytes);
        }
        if (both || !first_fails) {
          const GemmPlan& good = first_fails ? two : one;
          EXPECT_TRUE(std::equal(expected.begin() + good.o, expected.begin() + good.end,
                                 env().spm.begin() + good.o));
        }
        stall_everything(0);
        fill(one, Mix::Near);
        check_plan(one, "after a range error");
      }
    }
  }
}

TEST_F(Me, RefusesIllegalCommandsWithoutSideEffects) {
  GemmPlan plan;
  plan.m = plan.n = 16;
  plan.k = 16;
  plan.me.preload = true;
  plan.place();
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
      {"A of INT16", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 11 | 11 << 8; }},
      {"INT32", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 12 | 12 << 8; }},
      {"BF16 with INT8", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 1 << 8; }},
      {"FP8 with FP6", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 5 | 7 << 8; }},
      {"block scales of BF16", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 1 << 12; }},
      {"block scales of INT4", CmdError::Context,
       [](Ctx& c, Cmd&) { c.me[0] |= 10 | 10 << 8 | 1 << 12; }},
      {"block scales of a chained operand", CmdError::Context,
       [](Ctx& c, Cmd&) { c.me[0] |= 5 | 5 << 8 | 1 << 12 | 1 << 16; }},
      {"kloop 6", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 6 << 13; }},
      {"scale pitch not of 8", CmdError::Context,
       [](Ctx& c, Cmd&) {
         c.me[0] |= 5 | 5 << 8 | 1 << 12;
         c.scale[9] = 4;
       }},
      {"scale base not of 8", CmdError::Range,
       [](Ctx& c, Cmd& m) {
         c.me[0] |= 5 | 5 << 8 | 1 << 12;
         m.scale_base[1] = 4;
       }},
      {"gather", CmdError::Context, [](Ctx& c, Cmd&) { c.a[2] |= 1U << 31; }},
      {"transposed output", CmdError::Context, [](Ctx& c, Cmd&) { c.o[2] |= 3 << 2; }},
      {"transpose of another width", CmdError::Context, [](Ctx& c, Cmd&) { c.a[2] |= 3 << 2; }},
      {"format 15", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 15; }},
      {"output format", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 2 << 6; }},
      {"BF16 of integers", CmdError::Context, [](Ctx& c, Cmd&) { c.me[0] |= 1 | 1 << 8 | 1 << 6; }},
      {"count 0 in A", CmdError::Context, [](Ctx& c, Cmd&) { c.a[5] = 0; }},
      {"count 0 in O", CmdError::Context, [](Ctx& c, Cmd&) { c.o[9] = 0; }},
      {"count 0 in C", CmdError::Context, [](Ctx& c, Cmd&) { c.c[4] = 0; }},
      {"count of 65536", CmdError::Context, [](Ctx& c, Cmd&) { c.b[4] = 65536; }},  // is 0
      {"pitch not of 8", CmdError::Context, [](Ctx& c, Cmd&) { c.a[1] += 4; }},
      {"delta not of 8", CmdError::Context, [](Ctx& c, Cmd&) { c.b[11] += 1; }},
      {"row edge loop 6", CmdError::Context, [](Ctx& c, Cmd&) { c.a[2] |= 1U << 4 | 6U << 5; }},
      {"byte edge loop 7", CmdError::Context, [](Ctx& c, Cmd&) { c.o[2] |= 1U << 16 | 7U << 17; }},
      {"A base not of 8", CmdError::Range, [](Ctx&, Cmd& c) { c.base[0] += 4; }},
      {"O base too large", CmdError::Range, [](Ctx&, Cmd& c) { c.base[3] = 1U << 22; }},
      {"B base before O base", CmdError::Range,
       [](Ctx&, Cmd& c) {
         c.base[1] = 1U << 31 | 8;
         c.base[3] = 3;
       }},
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
        engines::MeJob job;
        job.context = context;
        job.base = command.base;
        job.scale_base = command.scale_base;
        const auto expected = engines::run_gemm(job, copy);
        EXPECT_EQ(expected.error, c.error) << c.what;
        EXPECT_EQ(done.address, expected.address) << c.what;
        EXPECT_EQ(done.address != 0, c.error == CmdError::Range) << c.what;
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
      plan.place();
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
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  auto bad = plan.bases();
  bad[0] = 256 * 1024;
  env().commands.push_back(plan.command(0, 1));
  env().commands.back().base = bad;
  env().commands.push_back(plan.command(0, 2));
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
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  auto expected = env().spm;
  engines::run_gemm(plan.context(), plan.bases(), expected);
  for (std::uint16_t i = 0; i < 3; ++i) env().commands.push_back(plan.command(0, i));
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
      plan.me.set_format(format);
      plan.me.preload = preload;
      plan.bias = true;
      plan.pad = 8;
      plan.place();
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
  plan.me.set_format(MeFormat::Int8);
  plan.pad = 8;
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  for (std::uint16_t i = 0; i < 9; ++i) env().commands.push_back(plan.command(0, i));
  ASSERT_TRUE(run_until([&] { return env().done.size() == 9; }, 20000));
  const double cycles = static_cast<double>(env().done[8].cycle - env().done[0].cycle) / 8;
  fmt::print("64 x 64 x 64 INT8 chained: {} cycles a command, 512 beats\n", cycles);
  EXPECT_LE(cycles, 512 + 15);
}

TEST_F(Me, LatencyIsAsDocumented) {
  GemmPlan plan;
  plan.m = plan.n = 8;
  plan.k = 64;
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  std::uint64_t offered = 0, requested = 0, first = 0, last = 0, written = 0;
  before_edge([&] {
    if (offered == 0 && dut().cmd_valid_i != 0) offered = cycle();
    if (requested == 0 && (dut().spm_valid_o & 1) != 0) requested = cycle();
    if (dut().ops_o != 0) {  // a cycle late
      if (first == 0) first = cycle() - 1;
      last = cycle() - 1;
    }
    if ((dut().spm_valid_o & 8) != 0) written = cycle();
  });
  const MeDone done = run_one(plan.command(0, 1));
  EXPECT_EQ(requested - offered, 10U);
  EXPECT_EQ(first - requested, 2U);
  EXPECT_EQ(last - first, 15U);
  EXPECT_EQ(written - last, 11U);
  EXPECT_EQ(done.cycle - written, 2U);
}

TEST_F(Me, ConfigurationLoadsWithin16Cycles) {
  // Every context row and five loop levels, while the engine is idle.
  GemmPlan plan;
  plan.m = plan.n = 16;
  plan.me.set_format(MeFormat::E4m3);
  plan.me.mx = true;
  plan.me.preload = true;
  plan.batch = 2;
  plan.k = 64;
  plan.k_split = 2;
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  std::uint64_t offered = 0, accepted = 0;
  before_edge([&] {
    if (offered == 0 && dut().cmd_valid_i != 0) offered = cycle();
    if (accepted == 0 && dut().cmd_ready_o != 0) accepted = cycle();
  });
  EXPECT_EQ(run_one(plan.command(0, 1)).error, CmdError::Ok);
  fmt::print("configuration loaded in {} cycles\n", accepted - offered);
  EXPECT_GT(accepted, offered);
  EXPECT_LE(accepted - offered, 16U);
}

TEST_F(Me, ShortBlocksDrainWithoutBubbles) {
  // Four beats a block are as long as the drain of the block before.
  GemmPlan plan;
  plan.m = plan.n = 128;
  plan.k = 16;
  plan.pad = 8;
  plan.place();
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
  plan.place();
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
  plan.place();
  fill(plan, Mix::Near);
  env().set_context(0, plan.context());
  env().commands.push_back(plan.command(0, 9));
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
