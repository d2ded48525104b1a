// SPDX-License-Identifier: Apache-2.0
/// Bench of the matrix engine's arithmetic: every format bit-exact against the numerics headers.
#include "Vtsr_me.h"
#include "me/me_bench.hpp"

namespace tsr::tb {
namespace {

using numerics::bits_of;

class MeFormats : public MeBench<Vtsr_me> {
 protected:
  /// Every pair of codes below `codes` at element `lane` of a beat, all other elements zero.
  void every_pair(Pair pair, unsigned codes, unsigned lane) {
    const unsigned side = std::min(codes, 128U);
    GemmPlan plan = plain(pair.a, side, side, numerics::beat_elements(pair.a));
    plan.me.set_formats(pair.a, pair.b);
    std::fill(env().spm.begin(), env().spm.begin() + plan.o, std::uint8_t{0});
    const unsigned bits = plan.bits();
    for (unsigned first_a = 0; first_a < codes; first_a += side) {
      for (unsigned first_b = 0; first_b < codes; first_b += side) {
        for (unsigned i = 0; i < side; ++i) {
          const unsigned byte = 8 * i + lane * bits / 8;
          const unsigned shift = lane * bits % 8;
          env().spm[plan.a + byte] = static_cast<std::uint8_t>((first_a + i) << shift);
          env().spm[plan.b + byte] = static_cast<std::uint8_t>((first_b + i) << shift);
        }
        check_plan(plan, fmt::format("{} lane {}", pair.name(), lane));
        if (HasFailure()) return;
        check_products(plan, pair, first_a, first_b);
      }
    }
  }

  /// Products that are exact in double arithmetic.
  void check_products(const GemmPlan& plan, Pair pair, unsigned first_a, unsigned first_b) {
    for (unsigned i = 0; i < plan.m; ++i) {
      for (unsigned j = 0; j < plan.n; ++j) {
        std::uint32_t got = 0;
        std::memcpy(&got, &env().spm[plan.o + plan.ldo * i + 4 * j], 4);
        if (plan.me.int32_results()) {
          const auto x = numerics::decode_int(numerics::int_format(pair.a), first_a + i);
          const auto y = numerics::decode_int(numerics::int_format(pair.b), first_b + j);
          ASSERT_EQ(static_cast<std::int32_t>(got), x * y) << pair.name();
          continue;
        }
        const auto value = [](MeFormat format, unsigned code) {
          return numerics::float_of(
              numerics::convert(numerics::float_format(format), numerics::kFp32, code));
        };
        const float x = value(pair.a, first_a + i);
        const float y = value(pair.b, first_b + j);
        const float exact = x * y;  // at most 8 significant bits, never subnormal
        const std::uint32_t want = exact != exact ? 0x7fc0'0000U : exact == 0 ? 0 : bits_of(exact);
        ASSERT_EQ(got, want) << pair.name() << " codes " << first_a + i << " and " << first_b + j;
      }
    }
  }

  std::uint32_t dot(MeFormat format, const std::vector<std::uint32_t>& x,
                    const std::vector<std::uint32_t>& y) {
    return dot_of({format, format, false}, x, y);
  }
  std::uint32_t scaled(MeFormat format, std::uint32_t x, std::uint32_t y, std::uint8_t sa,
                       std::uint8_t sb) {
    return dot_of({format, format, true}, {x}, {y}, nullptr, false, false, sa, sb);
  }
};

TEST_F(MeFormats, EveryFp4PairInEveryLane) {
  for (unsigned lane = 0; lane < 16; ++lane) {
    every_pair({MeFormat::E2m1, MeFormat::E2m1, false}, 16, lane);
  }
}

TEST_F(MeFormats, EveryInt4PairInEveryLane) {
  for (unsigned lane = 0; lane < 16; ++lane) {
    every_pair({MeFormat::Int4, MeFormat::Int4, false}, 16, lane);
  }
}

TEST_F(MeFormats, EveryFp6PairInEveryLaneAndMix) {
  for (const MeFormat a : {MeFormat::E3m2, MeFormat::E2m3}) {
    for (const MeFormat b : {MeFormat::E3m2, MeFormat::E2m3}) {
      for (unsigned lane = 0; lane < 8; ++lane) every_pair({a, b, false}, 64, lane);
    }
  }
}

TEST_F(MeFormats, EveryFp8PairInEveryLaneAndMix) {
  for (const MeFormat a : {MeFormat::E4m3, MeFormat::E5m2}) {
    for (const MeFormat b : {MeFormat::E4m3, MeFormat::E5m2}) {
      for (unsigned lane = 0; lane < 8; ++lane) every_pair({a, b, false}, 256, lane);
    }
  }
}

TEST_F(MeFormats, EveryInt8PairInEveryLane) {
  for (unsigned lane = 0; lane < 8; ++lane) {
    every_pair({MeFormat::Int8, MeFormat::Int8, false}, 256, lane);
  }
}

TEST_F(MeFormats, UpperBitsOfFp6BytesAreIgnored) {
  EXPECT_EQ(dot(MeFormat::E3m2, {0xcc}, {0x4c}), dot(MeFormat::E3m2, {0x0c}, {0x0c}));
  EXPECT_EQ(dot(MeFormat::E2m3, {0xff}, {0x9f}), dot(MeFormat::E2m3, {0x3f}, {0x1f}));
}

TEST_F(MeFormats, MillionsOfRandomGroupsInEveryFormat) {
  constexpr unsigned kSide = 64;
  std::uint64_t groups = 0;
  for (std::uint64_t round = 0; round < scale_from_env(); ++round) {
    for (const Pair& pair : all_pairs()) {
      std::uint64_t finite = 0;
      std::uint64_t results = 0;
      for (const Mix mix : kMixes) {
        GemmPlan plan = plain(pair.a, kSide, kSide, 1);
        plan.me.set_formats(pair.a, pair.b);
        plan.me.mx = pair.mx;
        const unsigned beats = draw(1, 6);
        plan.k = beats * static_cast<unsigned>(numerics::beat_elements(pair.a));
        plan.me.preload = chance(0.5);
        plan.place();
        fill(plan, mix);
        check_plan(plan, fmt::format("{} after {} groups", pair.name(), groups));
        if (HasFailure()) return;
        groups += std::uint64_t{kSide} * kSide * beats;
        results += kSide * kSide;
        for (std::uint32_t i = plan.o; i < plan.end; i += 4) {
          std::uint32_t bits = 0;
          std::memcpy(&bits, &env().spm[i], 4);
          finite += (bits & 0x7f80'0000) != 0x7f80'0000 ? 1 : 0;
        }
      }
      EXPECT_GT(finite, results / 4) << pair.name() << " is too special to test sums";
    }
  }
  fmt::print("{} groups\n", groups);
  EXPECT_GE(groups, 1'000'000U);
}

TEST_F(MeFormats, E5m2InfinityAndNan) {
  const std::uint32_t inf = 0x7c, one = 0x3c;
  EXPECT_EQ(dot(MeFormat::E5m2, {inf, one}, {one, one}), 0x7f80'0000U);
  EXPECT_EQ(dot(MeFormat::E5m2, {0xfc}, {one}), 0xff80'0000U);
  EXPECT_EQ(dot(MeFormat::E5m2, {inf}, {0}), 0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::E5m2, {inf, inf}, {one, 0xbc}), 0x7fc0'0000U);
  for (const std::uint32_t nan : {0x7dU, 0x7eU, 0x7fU, 0xfdU, 0xffU}) {
    EXPECT_EQ(dot(MeFormat::E5m2, {one, nan}, {one, one}), 0x7fc0'0000U);
  }
  // Mixed operands: E4M3 has no infinity, 0x7c is 384 there.
  EXPECT_EQ(dot_of({MeFormat::E4m3, MeFormat::E5m2, false}, {0x7c}, {one}), bits_of(384.0F));
  EXPECT_EQ(dot_of({MeFormat::E5m2, MeFormat::E4m3, false}, {inf}, {0x38}), 0x7f80'0000U);
}

TEST_F(MeFormats, E4m3NanAndMaximum) {
  EXPECT_EQ(dot(MeFormat::E4m3, {0x7e}, {0x38}), bits_of(448.0F));
  EXPECT_EQ(dot(MeFormat::E4m3, {0x7f}, {0x38}), 0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::E4m3, {0xff}, {0x00}), 0x7fc0'0000U);
}

TEST_F(MeFormats, Fp8SubnormalsAreNumbers) {
  EXPECT_EQ(dot(MeFormat::E4m3, {0x01}, {0x38}), bits_of(0x1p-9F));
  EXPECT_EQ(dot(MeFormat::E4m3, {0x07}, {0x87}), bits_of(-49 * 0x1p-18F));
  EXPECT_EQ(dot(MeFormat::E5m2, {0x01}, {0x3c}), bits_of(0x1p-16F));
  EXPECT_EQ(dot(MeFormat::E5m2, {0x03}, {0x03}), bits_of(9 * 0x1p-32F));
}

TEST_F(MeFormats, Fp8SumsAreExactWithin20Binades) {
  // 57344^2 and 2^-16 * 2^-16 in one group: the small one lies below the window.
  EXPECT_EQ(dot(MeFormat::E5m2, {0x7b, 0x01, 0xfb}, {0x7b, 0x01, 0x7b}), 0U);
  EXPECT_EQ(dot(MeFormat::E4m3, {0x7e, 0x38, 0xfe}, {0x7e, 0x38, 0x7e}), bits_of(1.0F));
}

TEST_F(MeFormats, Fp16SubnormalsInfinityAndNan) {
  EXPECT_EQ(dot(MeFormat::Fp16, {0x0001}, {0x3c00}), bits_of(0x1p-24F));
  EXPECT_EQ(dot(MeFormat::Fp16, {0x03ff}, {0x8001}), bits_of(-1023 * 0x1p-48F));
  EXPECT_EQ(dot(MeFormat::Fp16, {0x7bff}, {0x7bff}), bits_of(65504.0F * 65504.0F));
  EXPECT_EQ(dot(MeFormat::Fp16, {0x7c00}, {0xbc00}), 0xff80'0000U);
  EXPECT_EQ(dot(MeFormat::Fp16, {0x7c00}, {0x0000}), 0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::Fp16, {0x7c01}, {0x3c00}), 0x7fc0'0000U);
}

TEST_F(MeFormats, Tf32IgnoresTheLow13Bits) {
  EXPECT_EQ(dot(MeFormat::Tf32, {0x3f80'1fff}, {0x4000'0fff}), bits_of(2.0F));
  EXPECT_EQ(dot(MeFormat::Tf32, {0x7f80'1fff}, {0x3f80'0000}), 0x7f80'0000U);  // not NaN
  EXPECT_EQ(dot(MeFormat::Tf32, {0x7f80'2000}, {0x3f80'0000}), 0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::Tf32, {0x0000'1fff}, {0x7f80'0000}), 0x7fc0'0000U);  // 0 * Inf
  EXPECT_EQ(dot(MeFormat::Tf32, {0x0000'2000}, {0x3f80'0000}), 0x0000'2000U);  // subnormal
}

TEST_F(MeFormats, Fp32MantissasAreWhole) {
  // (1 + 2^-23)^2 = 1 + 2^-22 + 2^-46; TF32 would give 1.
  EXPECT_EQ(dot(MeFormat::Fp32, {0x3f80'0001}, {0x3f80'0001}), 0x3f80'0002U);
  // The bits below the first 24 survive in the sum: x * x - 1 - 2^-22 = 2^-46 is cut at 2^-28.
  EXPECT_EQ(dot(MeFormat::Fp32, {0x3f80'0001, 0xbf80'0000}, {0x3f80'0001, 0x3f80'0000}),
            bits_of(0x1p-22F));
  EXPECT_EQ(dot(MeFormat::Fp32, {0x3fff'ffff}, {0x3f80'0000}), 0x3fff'ffffU);
}

TEST_F(MeFormats, Fp32SubnormalsAreNormalizedFirst) {
  EXPECT_EQ(dot(MeFormat::Fp32, {0x0000'0001}, {0x3f80'0000}), 0x0000'0001U);
  EXPECT_EQ(dot(MeFormat::Fp32, {0x007f'ffff}, {0x4b80'0000}), bits_of(8388607 * 0x1p-125F));
  EXPECT_EQ(dot(MeFormat::Fp32, {0x8000'0001}, {0x7f00'0000}), bits_of(-0x1p-22F));
  EXPECT_EQ(dot(MeFormat::Fp32, {0x0000'0001}, {0x0000'0001}), 0U);
}

TEST_F(MeFormats, Fp32InfinityAndNan) {
  EXPECT_EQ(dot(MeFormat::Fp32, {0x3f80'0000, 0x7f80'0000}, {0x3f80'0000, 0x3f80'0000}),
            0x7f80'0000U);
  EXPECT_EQ(dot(MeFormat::Fp32, {0x7f80'0000, 0x7f80'0000}, {0x3f80'0000, 0xbf80'0000}),
            0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::Fp32, {0x7f80'0001}, {0}), 0x7fc0'0000U);
  EXPECT_EQ(dot(MeFormat::Fp32, {0x7f7f'ffff}, {0x7f7f'ffff}), 0x7f80'0000U);
}

TEST_F(MeFormats, BlockScalesShiftTheExponent) {
  EXPECT_EQ(scaled(MeFormat::E4m3, 0x38, 0x38, 127, 127), bits_of(1.0F));
  EXPECT_EQ(scaled(MeFormat::E4m3, 0x38, 0x38, 130, 120), bits_of(0x1p-4F));
  EXPECT_EQ(scaled(MeFormat::E5m2, 0x3c, 0xbc, 0, 254), bits_of(-1.0F));
  EXPECT_EQ(scaled(MeFormat::E2m1, 0x7, 0x7, 128, 127), bits_of(72.0F));
  EXPECT_EQ(scaled(MeFormat::E3m2, 0x1f, 0x1f, 127, 127), bits_of(784.0F));
  EXPECT_EQ(scaled(MeFormat::E2m3, 0x1f, 0x01, 127, 126), bits_of(7.5F / 16));
  EXPECT_EQ(scaled(MeFormat::Int8, 0x40, 0x80, 127, 127), bits_of(-2.0F));  // 1 * -2
}

TEST_F(MeFormats, BlockScalesReachSubnormalsZeroAndInfinity) {
  EXPECT_EQ(scaled(MeFormat::E4m3, 0x38, 0x38, 0, 0), 0U);                // 2^-254
  EXPECT_EQ(scaled(MeFormat::E4m3, 0x38, 0x38, 0, 105), 0x0000'0001U);    // 2^-149
  EXPECT_EQ(scaled(MeFormat::E4m3, 0x38, 0x38, 254, 128), 0x7f80'0000U);  // 2^128
  EXPECT_EQ(scaled(MeFormat::E2m1, 0xa, 0x2, 254, 254), 0xff80'0000U);
}

TEST_F(MeFormats, BlockScaleFfIsNan) {
  for (const MeFormat format : {MeFormat::E4m3, MeFormat::E5m2, MeFormat::E3m2, MeFormat::E2m3,
                                MeFormat::E2m1, MeFormat::Int8}) {
    EXPECT_EQ(scaled(format, 1, 1, 255, 127), 0x7fc0'0000U);
    EXPECT_EQ(scaled(format, 1, 1, 127, 255), 0x7fc0'0000U);
    EXPECT_EQ(scaled(format, 0, 0, 255, 0), 0x7fc0'0000U);
  }
}

TEST_F(MeFormats, EachBlockOf32HasItsScale) {
  for (const Pair& pair : all_pairs()) {
    if (!pair.mx) continue;
    GemmPlan plan = plain(pair.a, 8, 8, 32 * 21);  // three scale accesses of eight blocks
    plan.me.set_formats(pair.a, pair.b);
    plan.me.mx = true;
    plan.place();
    for (int round = 0; round < 4; ++round) {
      fill(plan, Mix::Near);
      check_plan(plan, pair.name());
    }
  }
}

TEST_F(MeFormats, IntegerExtremesWrap) {
  for (const MeFormat format : {MeFormat::Int8, MeFormat::Int4}) {
    const auto most = static_cast<std::uint32_t>(numerics::int_format(format).min());
    for (const std::uint32_t left : {most, most - 1}) {
      for (const std::uint32_t right : {most, most - 1}) {
        for (const std::uint32_t preload : {0U, 0x7fff'ffffU, 0x8000'0000U}) {
          const std::vector<std::uint32_t> x(1000, left);
          const std::vector<std::uint32_t> y(1000, right);
          const auto layout = numerics::int_format(format);
          const int product =
              numerics::decode_int(layout, left) * numerics::decode_int(layout, right);
          EXPECT_EQ(dot_of({format, format, false}, x, y, &preload),
                    preload + static_cast<std::uint32_t>(product * 1000));
        }
      }
    }
  }
}

TEST_F(MeFormats, AdversarialCancellationInEveryFloatingFormat) {
  // Large terms in and out again, small ones between: every group counts in the right order.
  for (const Pair& pair : all_pairs()) {
    GemmPlan plan = plain(pair.a, 24, 24, 1);
    plan.me.set_formats(pair.a, pair.b);
    plan.me.mx = pair.mx;
    if (plan.me.int32_results()) continue;
    const auto n = static_cast<unsigned>(numerics::beat_elements(pair.a));
    plan.k = 40 * n;
    plan.me.preload = true;
    plan.place();
    fill(plan, Mix::Tiny);
    // Beat g + 20 of A takes back beat g; the same beats of B are equal.
    const unsigned beats = plan.beats_k();
    for (unsigned r = 0; r < plan.m; ++r) {
      for (unsigned g = 0; g < beats / 2; ++g) {
        const bool large = g % 5 == 0;
        for (unsigned side = 0; side < 2; ++side) {
          const std::uint32_t at =
              (side == 0 ? plan.a + r * plan.lda : plan.b + r * plan.ldb) + 8 * g;
          if (large) fill_elements(at, at + 8, side == 0 ? pair.a : pair.b, Mix::Cancel);
          std::memcpy(&env().spm[at + 8 * (beats / 2)], &env().spm[at], 8);
          if (side == 1) continue;
          const unsigned step = std::max(1U, plan.bits() / 8);
          for (unsigned b = step - 1; b < 8; b += step) {
            const std::uint8_t sign = plan.bits() == 4 ? 0x88 : is_fp6(pair.a) ? 0x20 : 0x80;
            env().spm[at + 8 * (beats / 2) + b] ^= sign;
          }
        }
      }
    }
    check_plan(plan, pair.name());
  }
}

TEST_F(MeFormats, ExceptionsAreReported) {
  // info bit 0: a NaN result; bit 1: a finite sum became infinite. dot_of compares them too.
  dot(MeFormat::Bf16, {0x7fc0}, {0x3f80});
  EXPECT_EQ(env().done.back().info, 1U);
  dot(MeFormat::Bf16, {0x7f7f}, {0xff7f});
  EXPECT_EQ(env().done.back().info, 2U);
  dot(MeFormat::Bf16, {0x7f80}, {0x3f80});
  EXPECT_EQ(env().done.back().info, 0U);
  const std::uint32_t large = 0x7f7f'ffff;  // infinite as BF16 only
  const Pair bf16{MeFormat::Bf16, MeFormat::Bf16, false};
  dot_of(bf16, {0}, {0}, &large);
  EXPECT_EQ(env().done.back().info, 0U);
  dot_of(bf16, {0}, {0}, &large, false, true);
  EXPECT_EQ(env().done.back().info, 2U);
  dot(MeFormat::Int8, {0x80}, {0x80});
  EXPECT_EQ(env().done.back().info, 0U);
}

}  // namespace
}  // namespace tsr::tb
