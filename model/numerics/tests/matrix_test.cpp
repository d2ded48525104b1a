// SPDX-License-Identifier: Apache-2.0
/// The matrix engine's arithmetic against exact arithmetic: groups, accumulation rule, error bound,
/// preload and drain.
#include "numerics/matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "mpfr_value.hpp"

namespace tsr::numerics {
namespace {

class Matrix : public testing::Test {
 protected:
  std::mt19937_64 rng_{7};

  int rand_in(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }

  /// Finite BF16 with a biased exponent in [low, high].
  std::uint16_t random_element(int low, int high) {
    return static_cast<std::uint16_t>((rng_() & 0x807f) |
                                      static_cast<std::uint64_t>(rand_in(low, high)) << 7);
  }
};

Exact product(std::uint16_t a, std::uint16_t b) {
  const Decoded x = decode(kBf16, a);
  const Decoded y = decode(kBf16, b);
  const auto p = static_cast<std::int64_t>(x.significand) * y.significand;
  return {x.negative != y.negative ? -p : p, x.exponent + y.exponent};
}

/// Exponent of a product before normalization: sum of the biased element exponents.
int product_exponent(std::uint16_t a, std::uint16_t b) {
  const auto biased = [](std::uint16_t x) { return std::max(1, (x >> 7) & 0xff); };
  return biased(a) + biased(b);
}

Exact value_of(const Group& group) { return {group.s, group.e - 280}; }
Exact value_of(const Accumulator& acc) { return {acc.m, acc.e - 280}; }

/// The contract in terms of values: each product cut to the quantum of the largest one.
Exact reference_group(const std::uint16_t* a, const std::uint16_t* b, int* top) {
  *top = 0;
  for (int i = 0; i < 4; ++i) {
    if (!product(a[i], b[i]).is_zero()) *top = std::max(*top, product_exponent(a[i], b[i]));
  }
  Exact sum;
  for (int i = 0; i < 4; ++i) sum += product(a[i], b[i]).trunc_to(*top - 280);
  return sum;
}

/// The accumulation rule in terms of values: a multiple of 2^(e-280).
struct Reference {
  Exact value;
  int e = 0;

  Exact unit(std::int64_t n) const { return {n, e - 280}; }

  void add(const Exact& group, int group_e) {
    if (group.is_zero()) return;
    if (value.is_zero()) {
      value = group;
      e = group_e;
    } else if (group_e >= e) {
      e = group_e;
      value = value.floor_to(e - 280);
      value += group;
    } else {
      const std::int64_t limit = std::int64_t{1} << 31;
      if (unit(-limit) <= value && value < unit(limit)) e = std::max(e - 15, group_e);
      value += group.floor_to(e - 280);
    }
    const std::int64_t limit = std::int64_t{1} << 46;
    if (value < unit(-limit) || unit(limit) <= value) {
      e += 8;
      value = value.floor_to(e - 280);
    }
  }
};

TEST_F(Matrix, GroupsEqualTheContractInExactArithmetic) {
  for (int i = 0; i < 100'000; ++i) {
    const int spread = rand_in(0, 254);
    const int low = rand_in(0, 254 - spread);
    std::uint16_t a[4];
    std::uint16_t b[4];
    for (int k = 0; k < 4; ++k) {
      a[k] = random_element(low, low + spread);
      b[k] = random_element(low, low + spread);
      if (rand_in(0, 15) == 0) a[k] &= 0x8000;  // zeros
    }
    int top = 0;
    const Exact expected = reference_group(a, b, &top);
    const Group group = bf16_group(a, b);
    ASSERT_TRUE(value_of(group) == expected)
        << std::hex << a[0] << " " << a[1] << " " << a[2] << " " << a[3] << " * " << b[0] << " "
        << b[1] << " " << b[2] << " " << b[3];
    if (!expected.is_zero()) ASSERT_EQ(group.e, top);
  }
}

TEST_F(Matrix, GroupsOfSimilarExponentsAreExact) {
  // The window is 12 bits below the least significant bit of the largest product.
  for (int i = 0; i < 50'000; ++i) {
    const int low = rand_in(1, 248);
    std::uint16_t a[4];
    std::uint16_t b[4];
    Exact sum;
    for (int k = 0; k < 4; ++k) {
      a[k] = random_element(low, low + 6);
      b[k] = random_element(low, low + 6);
      sum += product(a[k], b[k]);
    }
    ASSERT_TRUE(value_of(bf16_group(a, b)) == sum);
  }
}

TEST_F(Matrix, SpecialElementsFollowIeee754) {
  static constexpr std::uint16_t kPick[] = {0x0000, 0x8000, 0x0001, 0x3f80, 0xbf80, 0x7f7f,
                                            0xff7f, 0x7f80, 0xff80, 0x7fc0, 0xff81};
  int nans = 0;
  int infinities = 0;
  for (int i = 0; i < 200'000; ++i) {
    const bool with_nan = rand_in(0, 3) == 0;
    Accumulator acc;
    double reference = 0;  // BF16 products and their few sums cannot overflow a double
    for (int g = 0; g < 3; ++g) {
      std::uint16_t a[4];
      std::uint16_t b[4];
      for (int k = 0; k < 4; ++k) {
        const auto pick = [&] {
          return kPick[rand_in(0, 5) != 0 ? rand_in(3, 6) : rand_in(0, with_nan ? 10 : 8)];
        };
        a[k] = pick();
        b[k] = pick();
        reference += static_cast<double>(float_of(std::uint32_t{a[k]} << 16)) *
                     static_cast<double>(float_of(std::uint32_t{b[k]} << 16));
      }
      accumulate(acc, bf16_group(a, b));
    }
    const std::uint32_t bits = drain_fp32(acc);
    if (std::isnan(reference)) {
      ASSERT_EQ(bits, 0x7fc0'0000U);
      ++nans;
    } else if (std::isinf(reference)) {
      ASSERT_EQ(bits, reference > 0 ? 0x7f80'0000U : 0xff80'0000U);
      ++infinities;
    } else {
      ASSERT_FALSE(acc.nan || acc.pinf || acc.ninf);
    }
  }
  EXPECT_GT(nans, 1000);
  EXPECT_GT(infinities, 1000);
}

TEST_F(Matrix, AccumulationEqualsTheRuleInExactArithmetic) {
  for (int run = 0; run < 400; ++run) {
    Accumulator acc;
    Reference reference;
    const int spread = rand_in(0, 60);
    const bool cancels = rand_in(0, 1) != 0;
    Group last;
    for (int i = 0; i < 200; ++i) {
      Group group;
      group.s = static_cast<std::int32_t>(rng_()) >> (1 + rand_in(0, 20));
      group.e = 250 + rand_in(-spread, spread);
      if (cancels && i % 3 == 2) {  // take the group before last back
        group = last;
        group.s = -group.s;
      }
      if (i % 3 == 0) last = group;
      accumulate(acc, group);
      reference.add(value_of(group), group.e);
      ASSERT_TRUE(value_of(acc) == reference.value) << "run " << run << " group " << i;
      if (acc.m != 0) ASSERT_EQ(acc.e, reference.e) << "run " << run << " group " << i;
    }
  }
}

TEST_F(Matrix, TheLongestSumsDoNotNeedToGrow) {
  // 65535 beats, the longest block there is, of the largest groups behind the largest preload.
  Accumulator acc = preload_fp32(0x7f7f'ffff);
  Reference reference{value_of(acc), acc.e};
  const Group group{4 * (0xff * 0xff << 12), acc.e, false, false, false};
  for (int i = 0; i < 65535; ++i) {
    accumulate(acc, group);
    reference.add(value_of(group), group.e);
  }
  EXPECT_TRUE(value_of(acc) == reference.value);
  EXPECT_EQ(acc.e, group.e);
}

TEST_F(Matrix, GrowsAfterMovingDown) {
  // A 32-bit mantissa moved down by 15 fills 47 bits: the next carry moves it up by 8 again.
  for (const int sign : {1, -1}) {
    Accumulator acc;
    accumulate(acc, {sign * 0x7fff'ffff, 300, false, false, false});
    accumulate(acc, {sign * (1 << 30), 285, false, false, false});
    EXPECT_EQ(acc.e, 285 + 8);
    const std::int64_t sum = sign * ((std::int64_t{0x7fff'ffff} << 15) + (1 << 30));
    EXPECT_EQ(acc.m, sum >> 8);
  }
}

/// Sums of adversarial products stay within the documented bound:
/// |result - exact| < 5 n u, u = max(2^-26 P, 2^-30 |x|, 2^-38 T).
TEST_F(Matrix, ErrorBoundHoldsUnderAdversarialCancellation) {
  double worst = 0;
  for (int run = 0; run < 1500; ++run) {
    const int groups = rand_in(1, 120);
    const int kind = run % 5;
    Accumulator acc;
    Exact exact;
    double largest = 0;  // P
    double preload = 0;  // |x|
    double partial = 0;  // T
    if (rand_in(0, 1) != 0) {
      const std::uint32_t x = static_cast<std::uint32_t>(rng_() & 0x807f'ffff) |
                              static_cast<std::uint32_t>(rand_in(90, 170)) << 23;
      acc = preload_fp32(x);
      exact = value_of(acc);
      preload = std::fabs(static_cast<double>(float_of(x)));
      partial = preload;
    }
    std::vector<std::uint16_t> history_a;
    std::vector<std::uint16_t> history_b;
    for (int g = 0; g < groups; ++g) {
      std::uint16_t a[4];
      std::uint16_t b[4];
      for (int k = 0; k < 4; ++k) {
        switch (kind) {
          case 0:  // everything near one
            a[k] = random_element(124, 130);
            b[k] = random_element(124, 130);
            break;
          case 1:  // wide exponents
            a[k] = random_element(80, 175);
            b[k] = random_element(80, 175);
            break;
          case 2:  // a large term, thousands of small ones, the large term back
            a[k] = g == 0 && k == 0            ? 0x5f80
                   : g == groups - 1 && k == 3 ? 0xdf80
                                               : random_element(110, 127);
            b[k] = g == 0 || g == groups - 1 ? 0x3f80 : random_element(110, 127);
            break;
          case 3:  // falling staircase: each group a little below the one before
            a[k] = random_element(std::max(1, 200 - g), std::max(1, 200 - g));
            b[k] = random_element(127, 127);
            break;
          default: {  // every other group takes back an earlier one
            const std::size_t old = history_a.empty() ? 0 : rng_() % history_a.size();
            const bool back = g % 2 == 1;
            a[k] = back ? static_cast<std::uint16_t>(history_a[old] ^ 0x8000)
                        : random_element(100, 150);
            b[k] = back ? history_b[old] : random_element(100, 150);
          }
        }
        history_a.push_back(a[k]);
        history_b.push_back(b[k]);
        const Exact p = product(a[k], b[k]);
        largest = std::max(largest, std::fabs(p.approximate()));
        exact += p;
        partial = std::max(partial, std::fabs(exact.approximate()));
      }
      accumulate(acc, bf16_group(a, b));
    }
    Exact error = value_of(acc);
    error -= exact;
    const double unit =
        std::max({std::ldexp(largest, -26), std::ldexp(preload, -30), std::ldexp(partial, -38)});
    const double bound = 5 * groups * unit;
    ASSERT_LE(std::fabs(error.approximate()), bound) << "run " << run;
    if (bound > 0) worst = std::max(worst, std::fabs(error.approximate()) / bound);
  }
  EXPECT_GT(worst, 0.005) << "the test does not come near the bound";
  RecordProperty("worst", std::to_string(worst));
}

TEST_F(Matrix, CancelledAccumulatorsRecoverSmallGroups) {
  // 2^60 in, 2^60 out leaves a zero; 2^60 in, all but one unit out leaves a short mantissa whose
  // exponent then moves down by 15 a group until small groups count in full.
  Accumulator acc;
  const Group big{1 << 28, 340, false, false, false};
  const Group back{-(1 << 28) + 1, 340, false, false, false};
  accumulate(acc, big);
  accumulate(acc, back);
  EXPECT_EQ(acc.m, 1);
  const Group small{1 << 20, 300, false, false, false};  // 2^20 units 40 bits below
  for (int i = 0; i < 3; ++i) accumulate(acc, small);
  // Down by 15, 15 and 10; the first small group came too early, the others count in full.
  EXPECT_EQ(acc.e, 300);
  EXPECT_EQ(acc.m, (std::int64_t{1} << 40) + 2 * (std::int64_t{1} << 20));
}

TEST_F(Matrix, PreloadIsExact) {
  for (int i = 0; i < 500'000; ++i) {
    auto bits = static_cast<std::uint32_t>(rng_());
    if (i % 4 == 0) bits &= 0x80ff'ffff;
    const Accumulator acc = preload_fp32(bits);
    const Decoded x = decode(kFp32, bits);
    if (x.kind == FloatClass::Finite) {
      const auto significand = static_cast<std::int64_t>(x.significand);
      ASSERT_TRUE(value_of(acc) == Exact(x.negative ? -significand : significand, x.exponent));
    }
    const std::uint32_t expected = x.kind == FloatClass::Zero  ? 0
                                   : x.kind == FloatClass::Nan ? kFp32.canonical_nan()
                                                               : bits;
    ASSERT_EQ(drain_fp32(acc), expected) << std::hex << bits;
  }
}

TEST_F(Matrix, DrainRoundsOnceAsMpfrDoes) {
  for (int i = 0; i < 300'000; ++i) {
    Accumulator acc;
    acc.m = (static_cast<std::int64_t>(rng_()) >> 17) >> rand_in(0, 46);
    acc.e = rand_in(2, 530);
    if (i % 3 == 0) acc.e = rand_in(90, 160);   // subnormal results
    if (i % 3 == 1) acc.e = rand_in(355, 410);  // overflow
    if (i % 7 == 0) {                           // ties
      const int low = rand_in(1, 22);
      acc.m = (acc.m >> (low + 1) << (low + 1)) + (std::int64_t{1} << low);
    }
    if (acc.m == 0) continue;
    ASSERT_EQ(drain_fp32(acc), value_of(acc).encode(kFp32, Rounding::NearestEven))
        << acc.m << " e " << acc.e;
  }
  EXPECT_EQ(drain_fp32(Accumulator{}), 0U);
}

TEST_F(Matrix, Int8SumsAreExactAndWrap) {
  for (int i = 0; i < 2000; ++i) {
    std::uint32_t acc = static_cast<std::uint32_t>(rng_());
    auto exact = static_cast<std::int64_t>(acc);
    for (int g = 0; g < 50; ++g) {
      std::int8_t a[8];
      std::int8_t b[8];
      for (int k = 0; k < 8; ++k) {
        a[k] = static_cast<std::int8_t>(i % 2 == 0 ? -128 : rand_in(-128, 127));
        b[k] = static_cast<std::int8_t>(i % 4 == 0 ? -128 : rand_in(-128, 127));
        exact += a[k] * b[k];
      }
      acc = int8_accumulate(acc, a, b);
    }
    ASSERT_EQ(acc, static_cast<std::uint32_t>(exact));
  }
}

TEST_F(Matrix, ReluClearsEverySignedResult) {
  EXPECT_EQ(relu(0x8000'0000), 0U);
  EXPECT_EQ(relu(0xff80'0000), 0U);
  EXPECT_EQ(relu(0xffff'fffe), 0U);  // INT32 -2
  EXPECT_EQ(relu(0x7fc0'0000), 0x7fc0'0000U);
  EXPECT_EQ(relu(0x7f80'0000), 0x7f80'0000U);
  EXPECT_EQ(relu(5), 5U);
}

}  // namespace
}  // namespace tsr::numerics
