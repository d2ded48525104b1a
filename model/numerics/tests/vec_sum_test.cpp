// SPDX-License-Identifier: Apache-2.0
/// The reduction sum: its rules restated on exact MPFR numbers, and its error bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "env.hpp"
#include "mpfr_value.hpp"
#include "numerics/vector.hpp"

namespace tsr::numerics {
namespace {

using Lanes = std::array<std::uint32_t, kVecLanes>;

Exact exact_of(std::uint32_t bits) {
  const Decoded d = decode(kFp32, bits);
  const auto magnitude = static_cast<std::int64_t>(d.significand);
  return Exact(d.negative ? -magnitude : magnitude, d.exponent);
}

/// The accumulator as an exact value and the exponent of its unit.
struct Restated {
  Exact value;
  int unit = 0;

  void add(const Lanes& x, std::uint32_t valid) {
    int top = -1000;
    for (int i = 0; i < kVecLanes; ++i) {
      const Decoded d = decode(kFp32, x[static_cast<std::size_t>(i)]);
      if ((valid >> i & 1) != 0 && d.kind == FloatClass::Finite) top = std::max(top, d.exponent);
    }
    if (top == -1000) return;
    const int group_unit = top - 12;
    Exact sum;
    for (int i = 0; i < kVecLanes; ++i) {
      if ((valid >> i & 1) != 0)
        sum += exact_of(x[static_cast<std::size_t>(i)]).trunc_to(group_unit);
    }
    if (sum.is_zero()) return;
    if (value.is_zero()) {
      value = sum;
      unit = group_unit;
    } else if (group_unit >= unit) {
      // A negative number never shifts to zero: beyond 59 places its sign is left.
      value = value.floor_to(std::min(group_unit, unit + 59));
      if (group_unit > unit + 59) value = value.negative() ? Exact(-1, group_unit) : Exact();
      unit = group_unit;
      value += sum;
    } else {
      int distance = unit - group_unit;
      const Exact edge(1, unit + 43);
      Exact negative_edge;
      negative_edge -= edge;
      if (value < edge && negative_edge <= value) {
        const int down = std::min(distance, 15);
        unit -= down;
        distance -= down;
      }
      if (distance > 47) {
        value += sum.negative() ? Exact(-1, unit) : Exact();
      } else {
        value += sum.floor_to(unit);
      }
    }
    const Exact limit(1, unit + 58);
    Exact negative_limit;
    negative_limit -= limit;
    if (limit <= value || value < negative_limit) {
      unit += 8;
      value = value.floor_to(unit);
    }
  }
};

std::uint32_t random_number(std::mt19937_64& rng, int low_field, int fields) {
  const auto field = static_cast<std::uint32_t>(low_field + static_cast<int>(rng() % fields));
  return (static_cast<std::uint32_t>(rng()) & 0x807f'ffff) | std::min(field, 254U) << 23;
}

TEST(VecSum, EqualsItsRulesOnExactNumbers) {
  auto rng = seeded_rng();
  for (std::int64_t run = 0; run < scaled(3'000); ++run) {
    const int low = static_cast<int>(rng() % 250);
    const int spread = 1 + static_cast<int>(rng() % (run % 3 == 0 ? 200 : 20));
    VecSum sum;
    Restated restated;
    Lanes last{};
    for (int group = 0; group < 12; ++group) {
      Lanes x{};
      for (auto& lane : x) {
        lane = rng() % 8 == 0 ? 0 : random_number(rng, low, spread);
      }
      if (group % 3 == 1) {  // take the group before back: cancellation
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = last[i] ^ kFp32Sign;
      }
      const auto valid = group % 4 == 3 ? static_cast<std::uint32_t>(rng() & 0xffff) : 0xffffU;
      sum.add(sum_group(x.data(), valid));
      restated.add(x, valid);
      last = x;
      ASSERT_EQ(Exact(sum.m, sum.e - 162), restated.value)
          << fmt::format("run {} group {}", run, group);
      if (sum.m != 0) {
        ASSERT_EQ(sum.e - 162, restated.unit) << fmt::format("run {} group {}", run, group);
        ASSERT_EQ(sum.drain(), restated.value.encode(kFp32, Rounding::NearestEven));
      } else {
        ASSERT_EQ(sum.drain(), 0U);
      }
    }
  }
}

/// Many groups of the largest numbers: growth.
TEST(VecSum, LongSumsGrowAndOverflowOnlyInTheResult) {
  Lanes x;
  x.fill(bits_of(1.5F));
  VecSum sum;
  for (int group = 0; group < 40'000; ++group) {
    sum.add(sum_group(x.data(), 0xffff));
  }
  EXPECT_EQ(sum.drain(), bits_of(1.5F * 16 * 40'000));
  x.fill(0x7f7f'ffff);
  VecSum large;
  for (int group = 0; group < 3'000'000; ++group) large.add(sum_group(x.data(), 0xffff));
  EXPECT_EQ(large.drain(), kFp32Inf);
  x.fill(0xff7f'ffff);
  for (int group = 0; group < 3'000'000; ++group) large.add(sum_group(x.data(), 0xffff));
  x.fill(0);
  x[3] = bits_of(1.0F);
  large.add(sum_group(x.data(), 0xffff));
  EXPECT_FALSE(large.nan || large.pinf || large.ninf);
}

/// |result - exact sum| < 17 n u, u = max(2^-35 P, 2^-50 T), see docs/vector-numerics.md.
TEST(VecSum, ErrorBoundHoldsUnderAdversarialCancellation) {
  auto rng = seeded_rng();
  for (std::int64_t run = 0; run < scaled(2'000); ++run) {
    const int low = 30 + static_cast<int>(rng() % 150);
    const int spread = 1 + static_cast<int>(rng() % 70);
    const int groups = 2 + static_cast<int>(rng() % 40);
    std::vector<Lanes> input;
    for (int g = 0; g < groups; ++g) {
      Lanes x{};
      for (auto& lane : x) lane = random_number(rng, low, spread);
      if (g % 2 == 1 && rng() % 2 == 0) {
        x = input.back();
        for (auto& lane : x) lane ^= kFp32Sign;
        std::shuffle(x.begin(), x.end(), rng);
        x[rng() % 16] = random_number(rng, low, 2);
      }
      input.push_back(x);
    }
    if (run % 3 == 0) std::sort(input.begin(), input.end());  // a staircase
    VecSum sum;
    Exact exact;
    Exact largest;
    Exact partial;
    for (const Lanes& x : input) {
      sum.add(sum_group(x.data(), 0xffff));
      for (const std::uint32_t lane : x) {
        exact += exact_of(lane);
        if (largest < exact_of(lane).magnitude()) largest = exact_of(lane).magnitude();
      }
      const Exact now = exact.magnitude();
      if (partial < now) partial = now;
    }
    const double p = std::ldexp(largest.approximate(), -35);
    const double t = std::ldexp(partial.approximate(), -49);  // twice: room for the error so far
    Exact error(sum.m, sum.e - 162);
    error -= exact;
    ASSERT_LT(std::fabs(error.approximate()), 17.0 * groups * std::max(p, t)) << "run " << run;
  }
}

/// What a sequence of fused additions loses, the reduction keeps.
TEST(VecSum, SmallTermsSurviveACancelledLargeOne) {
  Lanes x{};
  x[0] = bits_of(1.0e8F);
  x[5] = bits_of(-1.0e8F);
  x[9] = bits_of(0.125F);
  VecSum sum;
  sum.add(sum_group(x.data(), 0xffff));
  EXPECT_EQ(sum.drain(), bits_of(0.125F));
}

TEST(VecSum, InfinitiesAndNan) {
  const auto sum_of = [](std::uint32_t a, std::uint32_t b, std::uint32_t valid) {
    Lanes x{};
    x[2] = a;
    x[7] = b;
    VecSum sum;
    sum.add(sum_group(x.data(), valid));
    return sum.drain();
  };
  const std::uint32_t one = bits_of(1.0F);
  EXPECT_EQ(sum_of(kFp32Inf, one, 0xffff), kFp32Inf);
  EXPECT_EQ(sum_of(kFp32Inf | kFp32Sign, one, 0xffff), kFp32Inf | kFp32Sign);
  EXPECT_EQ(sum_of(kFp32Inf, kFp32Inf | kFp32Sign, 0xffff), kFp32Nan);
  EXPECT_EQ(sum_of(0xffff'ffff, one, 0xffff), kFp32Nan);
  EXPECT_EQ(sum_of(0xffff'ffff, one, 0xfffb), one);  // a masked lane does not count
  EXPECT_EQ(sum_of(kFp32Sign, kFp32Sign, 0xffff), 0U);
  EXPECT_EQ(VecSum().drain(), 0U);
}

TEST(VecSum, SubnormalsAreExact) {
  Lanes x;
  x.fill(1);
  VecSum sum;
  for (int i = 0; i < 1000; ++i) sum.add(sum_group(x.data(), 0xffff));
  EXPECT_EQ(sum.drain(), 16'000U);
}

}  // namespace
}  // namespace tsr::numerics
