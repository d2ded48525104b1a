// SPDX-License-Identifier: Apache-2.0
/// FP32 arithmetic against the host's IEEE 754 operators and std::fma, comparisons, INT32.
#include "numerics/vector.hpp"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <limits>
#include <vector>

#include "env.hpp"

namespace tsr::numerics {
namespace {

/// The host's result with the project's NaN.
std::uint32_t canonical(float x) { return std::isnan(x) ? kFp32Nan : bits_of(x); }

const std::vector<std::uint32_t>& corners() {
  static const std::vector<std::uint32_t> list = [] {
    std::vector<std::uint32_t> out;
    for (const std::uint32_t x :
         {0x0000'0000U, 0x0000'0001U, 0x0000'0002U, 0x0040'0000U, 0x007f'ffffU, 0x0080'0000U,
          0x0080'0001U, 0x00ff'ffffU, 0x0100'0000U, 0x1f80'0000U, 0x2000'0001U, 0x3300'0000U,
          0x3380'0000U, 0x3380'0001U, 0x33ff'ffffU, 0x3400'0000U, 0x3f7f'ffffU, 0x3f80'0000U,
          0x3f80'0001U, 0x3fff'ffffU, 0x4000'0000U, 0x4b00'0000U, 0x4b7f'ffffU, 0x4b80'0000U,
          0x5f00'0000U, 0x5f80'0001U, 0x7e80'0000U, 0x7f00'0000U, 0x7f7f'ffffU, 0x7f80'0000U,
          0x7f80'0001U, 0x7fc0'0000U, 0x7fff'ffffU}) {
      out.push_back(x);
      out.push_back(x | kFp32Sign);
    }
    return out;
  }();
  return list;
}

void check_arithmetic(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const float x = float_of(a);
  const float y = float_of(b);
  const float z = float_of(c);
  const auto text = [&](const char* op) {
    return fmt::format("{} a {:08x} b {:08x} c {:08x}", op, a, b, c);
  };
  ASSERT_EQ(fp32_fma(a, b, c), canonical(std::fma(x, y, z))) << text("fma");
  ASSERT_EQ(fp32_add(a, b), canonical(x + y)) << text("add");
  ASSERT_EQ(fp32_sub(a, b), canonical(x - y)) << text("sub");
  ASSERT_EQ(fp32_mul(a, b), canonical(x * y)) << text("mul");
}

/// A number with exponent field near `field`.
std::uint32_t near_field(std::uint32_t random, int field) {
  const int kept = field < 0 ? 0 : field > 254 ? 254 : field;
  return (random & 0x807f'ffff) | static_cast<std::uint32_t>(kept) << 23;
}

TEST(Fp32, CornersEqualTheHost) {
  for (const std::uint32_t a : corners()) {
    for (const std::uint32_t b : corners()) {
      for (const std::uint32_t c : corners()) {
        check_arithmetic(a, b, c);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Fp32, RandomPatternsEqualTheHost) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(1'000'000); ++i) {
    check_arithmetic(static_cast<std::uint32_t>(rng()), static_cast<std::uint32_t>(rng()),
                     static_cast<std::uint32_t>(rng()));
    if (HasFatalFailure()) return;
  }
}

/// Addend of the size of the product, or of the other summand: cancellation and alignment.
TEST(Fp32, CancellationEqualsTheHost) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(1'000'000); ++i) {
    const auto a = near_field(static_cast<std::uint32_t>(rng()), 1 + static_cast<int>(rng() % 254));
    const auto near = static_cast<int>(rng() % 60) - 30;
    std::uint32_t b =
        near_field(static_cast<std::uint32_t>(rng()), static_cast<int>(a >> 23 & 255) + near);
    if (i % 3 == 0)
      b = a ^ kFp32Sign ^ static_cast<std::uint32_t>(rng() % 4);  // all but the last bits
    const int product = static_cast<int>(a >> 23 & 255) + static_cast<int>(b >> 23 & 255) - 127;
    std::uint32_t c = near_field(static_cast<std::uint32_t>(rng()), product + near);
    if (i % 2 == 0) c = fp32_mul(a, b) ^ kFp32Sign;  // what is left is the rounding error
    check_arithmetic(a, b, c);
    if (HasFatalFailure()) return;
  }
}

TEST(Fp32, SubnormalsEqualTheHost) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(1'000'000); ++i) {
    const auto a = near_field(static_cast<std::uint32_t>(rng()), 1 + static_cast<int>(rng() % 254));
    // Products around the smallest numbers, subnormal summands and factors.
    const auto b =
        near_field(static_cast<std::uint32_t>(rng()),
                   127 - static_cast<int>(a >> 23 & 255) + static_cast<int>(rng() % 50) - 25);
    const auto c = static_cast<std::uint32_t>(rng()) & 0x80ff'ffff;
    check_arithmetic(a, b, c);
    check_arithmetic(c, static_cast<std::uint32_t>(rng()) & 0x80ff'ffff, a);
    if (HasFatalFailure()) return;
  }
}

TEST(Fp32, ZerosHaveTheRightSign) {
  EXPECT_EQ(fp32_add(0, kFp32Sign), 0U);
  EXPECT_EQ(fp32_add(kFp32Sign, kFp32Sign), kFp32Sign);
  EXPECT_EQ(fp32_sub(0, 0), 0U);
  EXPECT_EQ(fp32_sub(kFp32Sign, 0), kFp32Sign);
  EXPECT_EQ(fp32_mul(kFp32Sign, kFp32One), kFp32Sign);
  EXPECT_EQ(fp32_fma(kFp32One, kFp32One, kFp32One | kFp32Sign), 0U);
  EXPECT_EQ(fp32_mul(0x8000'0001, 1), kFp32Sign);
}

void check_comparisons(std::uint32_t a, std::uint32_t b) {
  const float x = float_of(a);
  const float y = float_of(b);
  const auto text = [&] { return fmt::format("a {:08x} b {:08x}", a, b); };
  ASSERT_EQ(fp32_eq(a, b), x == y) << text();
  ASSERT_EQ(fp32_lt(a, b), x < y) << text();
  ASSERT_EQ(fp32_le(a, b), x <= y) << text();
  ASSERT_EQ(fp32_unordered(a, b), std::isunordered(x, y)) << text();
  std::uint32_t low = canonical(std::fmin(x, y));
  std::uint32_t high = canonical(std::fmax(x, y));
  if (fp32_is_zero(a) && fp32_is_zero(b)) {  // fmin and fmax do not order the zeros
    low = a | b;
    high = a & b;
  }
  ASSERT_EQ(fp32_min(a, b), low) << text();
  ASSERT_EQ(fp32_max(a, b), high) << text();
}

TEST(Fp32, ComparisonsMinimumNumberAndMaximumNumber) {
  for (const std::uint32_t a : corners()) {
    for (const std::uint32_t b : corners()) {
      check_comparisons(a, b);
      if (HasFatalFailure()) return;
    }
  }
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(500'000); ++i) {
    const auto a = static_cast<std::uint32_t>(rng());
    auto b = static_cast<std::uint32_t>(rng());
    if (i % 2 == 0) b = (a + static_cast<std::uint32_t>(rng() % 3) - 1) ^ (b & kFp32Sign);
    check_comparisons(a, b);
    if (HasFatalFailure()) return;
  }
}

void check_rounding(std::uint32_t a) {
  const float x = float_of(a);
  const struct {
    Rounding mode;
    int host;
  } modes[] = {{Rounding::NearestEven, FE_TONEAREST},
               {Rounding::TowardZero, FE_TOWARDZERO},
               {Rounding::Up, FE_UPWARD},
               {Rounding::Down, FE_DOWNWARD},
               {Rounding::Stochastic, FE_TONEAREST}};
  for (const auto& m : modes) {
    float integral = x;
    if (m.host == FE_TONEAREST) integral = std::nearbyint(x);
    if (m.host == FE_TOWARDZERO) integral = std::trunc(x);
    if (m.host == FE_UPWARD) integral = std::ceil(x);
    if (m.host == FE_DOWNWARD) integral = std::floor(x);
    ASSERT_EQ(round_integral(a, m.mode), canonical(integral)) << fmt::format("{:08x}", a);
    std::int32_t integer = 0;
    if (!std::isnan(x)) {
      integer = integral >= 2147483648.0F   ? std::numeric_limits<std::int32_t>::max()
                : integral < -2147483648.0F ? std::numeric_limits<std::int32_t>::min()
                                            : static_cast<std::int32_t>(integral);
    }
    ASSERT_EQ(as_int(f2i(a, m.mode)), integer) << fmt::format("{:08x}", a);
  }
}

TEST(Fp32, RoundingToIntegersEqualsTheHost) {
  for (const std::uint32_t a : corners()) check_rounding(a);
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(500'000); ++i) {
    auto a = static_cast<std::uint32_t>(rng());
    if (i % 4 != 0) a = near_field(a, 120 + static_cast<int>(rng() % 42));
    if (i % 4 == 1) a &= 0xffff'0000;  // ties
    check_rounding(a);
    if (HasFatalFailure()) return;
  }
}

TEST(Fp32, FromInt32TreatsStochasticAsNearest) {
  EXPECT_EQ(i2f(0x0100'0001, Rounding::Stochastic), i2f(0x0100'0001));
  EXPECT_EQ(i2f(0x0100'0001, Rounding::Up), 0x4b80'0001U);
  EXPECT_EQ(i2f(0x8000'0000), 0xcf00'0000U);
}

TEST(Int32, OperationsWrapOrSaturate) {
  auto rng = seeded_rng();
  const auto clamp = [](std::int64_t x) {
    constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
    constexpr std::int64_t kMin = std::numeric_limits<std::int32_t>::min();
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(x > kMax   ? kMax
                                                                : x < kMin ? kMin
                                                                           : x));
  };
  for (std::int64_t i = 0; i < scaled(500'000); ++i) {
    auto a = static_cast<std::uint32_t>(rng());
    auto b = static_cast<std::uint32_t>(rng());
    if (i % 4 == 0) b = a;
    if (i % 4 == 1) a = 0x8000'0000 + static_cast<std::uint32_t>(rng() % 3) - 1;
    const std::int64_t x = as_int(a);
    const std::int64_t y = as_int(b);
    const auto run = [&](VecOp op) { return arithmetic_op(op, a, b, 0x1234'5678); };
    const auto text = fmt::format("a {:08x} b {:08x}", a, b);
    ASSERT_EQ(run(VecOp::AddI), static_cast<std::uint32_t>(x + y)) << text;
    ASSERT_EQ(run(VecOp::SubI), static_cast<std::uint32_t>(x - y)) << text;
    ASSERT_EQ(run(VecOp::AddSat), clamp(x + y)) << text;
    ASSERT_EQ(run(VecOp::SubSat), clamp(x - y)) << text;
    ASSERT_EQ(run(VecOp::MinI), static_cast<std::uint32_t>(std::min(x, y))) << text;
    ASSERT_EQ(run(VecOp::MaxI), static_cast<std::uint32_t>(std::max(x, y))) << text;
    ASSERT_EQ(run(VecOp::EqI), x == y ? ~0U : 0U) << text;
    ASSERT_EQ(run(VecOp::LtI), x < y ? ~0U : 0U) << text;
    ASSERT_EQ(run(VecOp::LeI), x <= y ? ~0U : 0U) << text;
    const unsigned n = b % 32;
    ASSERT_EQ(run(VecOp::Shl), static_cast<std::uint32_t>(std::uint64_t{a} << n)) << text;
    ASSERT_EQ(run(VecOp::Shr), static_cast<std::uint32_t>(std::uint64_t{a} >> n)) << text;
    ASSERT_EQ(run(VecOp::Sar), static_cast<std::uint32_t>(static_cast<std::int64_t>(
                                   std::floor(std::ldexp(x, -static_cast<int>(n))))))
        << text;
    ASSERT_EQ(run(VecOp::And), a & b);
    ASSERT_EQ(run(VecOp::Or), a | b);
    ASSERT_EQ(run(VecOp::Xor), a ^ b);
    ASSERT_EQ(run(VecOp::Sel), x < 0 ? b : 0x1234'5678U);
    ASSERT_EQ(run(VecOp::Pass), a);
  }
}

TEST(VecOps, DispatchReachesTheFloatingPointOperations) {
  const std::uint32_t a = bits_of(1.5F);
  const std::uint32_t b = bits_of(-2.25F);
  const std::uint32_t c = bits_of(10.0F);
  EXPECT_EQ(arithmetic_op(VecOp::Fma, a, b, c), bits_of(1.5F * -2.25F + 10.0F));
  EXPECT_EQ(arithmetic_op(VecOp::Mul, a, b, c), bits_of(1.5F * -2.25F));
  EXPECT_EQ(arithmetic_op(VecOp::Add, a, b, c), bits_of(-0.75F));
  EXPECT_EQ(arithmetic_op(VecOp::Sub, a, b, c), bits_of(3.75F));
  EXPECT_EQ(arithmetic_op(VecOp::MinF, a, b, c), b);
  EXPECT_EQ(arithmetic_op(VecOp::MaxF, a, b, c), a);
  EXPECT_EQ(arithmetic_op(VecOp::EqF, a, b, c), 0U);
  EXPECT_EQ(arithmetic_op(VecOp::LtF, b, a, c), ~0U);
  EXPECT_EQ(arithmetic_op(VecOp::LeF, a, a, c), ~0U);
  EXPECT_EQ(arithmetic_op(VecOp::Unord, a, kFp32Nan, c), ~0U);
  EXPECT_EQ(arithmetic_op(VecOp::F2I, b, a, c, Rounding::Down), static_cast<std::uint32_t>(-3));
  EXPECT_EQ(arithmetic_op(VecOp::I2F, 7, a, c), bits_of(7.0F));
  EXPECT_EQ(arithmetic_op(VecOp::Round, b, a, c, Rounding::Up), bits_of(-2.0F));
}

/// The standard's numbers of xorshift32 from state 1, and the seeding of the lanes.
TEST(Stochastic, GeneratorIsXorshift32) {
  StochasticLane lane(1 ^ 0x9E37'79B9U, 0, 0);
  EXPECT_EQ(lane.next(), 270369U);
  EXPECT_EQ(lane.next(), 67634689U);
  EXPECT_EQ(lane.next(), 2647435461U);
  // A seed that would give state zero starts from 1.
  StochasticLane zero(0x9E37'79B9U, 0, 0);
  EXPECT_EQ(zero.next(), 270369U);
  StochasticLane last(0, 15, 1);
  StochasticLane same(0x9E37'79B9U * 32 ^ 0x9E37'79B9U, 0, 0);
  EXPECT_EQ(last.next(), same.next());
}

}  // namespace
}  // namespace tsr::numerics
