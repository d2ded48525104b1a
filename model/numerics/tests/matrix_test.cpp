// SPDX-License-Identifier: Apache-2.0
/// The matrix engine's arithmetic against exact arithmetic: groups, accumulation rule, error bound,
/// preload and drain.
#include "numerics/matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mpfr_value.hpp"

namespace tsr::numerics {
namespace {

/// A pair of formats, as the matrix engine multiplies it.
struct Pair {
  ElementFormat a, b;
  bool mx;
};

std::vector<Pair> all_pairs() {
  std::vector<Pair> out;
  for (int i = 0; i < kElementFormats; ++i) {
    for (int j = 0; j < kElementFormats; ++j) {
      const auto a = static_cast<ElementFormat>(i);
      const auto b = static_cast<ElementFormat>(j);
      if (!is_matrix_pair(a, b)) continue;
      out.push_back({a, b, false});
      if (is_mx_format(a)) out.push_back({a, b, true});
    }
  }
  return out;
}

std::string name_of(const Pair& pair) {
  return std::string(pair.mx ? "mx " : "") + std::string(element_name(pair.a)) + " x " +
         std::string(element_name(pair.b));
}

class Matrix : public testing::Test {
 protected:
  std::mt19937_64 rng_{7};

  int rand_in(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }

  /// Finite element with a biased exponent in [low, high] of the format's own.
  std::uint32_t random_element(ElementFormat format, int low, int high) {
    const auto random = static_cast<std::uint32_t>(rng_());
    const ElementInfo info = element_info(format);
    if (!info.is_float) return random & ((1U << info.as_int.bits) - 1);
    const FloatFormat f = info.as_float;
    const int top = f.top_exponent() + f.bias();
    const int exponent = rand_in(std::min(low, top), std::min(high, top));
    const std::uint32_t bits =
        (random & (f.sign_bit() | ((1U << (f.fraction_bits + f.padding)) - 1))) |
        static_cast<std::uint32_t>(exponent) << (f.fraction_bits + f.padding);
    return decode(f, bits).kind == FloatClass::Nan ? bits & f.sign_bit() : bits;
  }
  std::uint32_t random_element(ElementFormat format) { return random_element(format, 0, 255); }
};

/// n * 2^e: the exact value of an element; integers of MX INT8 are multiples of 2^-6.
struct Value {
  std::int64_t n;
  int e;
};

Value value_of(ElementFormat format, std::uint32_t bits, bool mx) {
  if (!is_float(format)) return {decode_int(int_format(format), bits), mx ? -6 : 0};
  const Decoded x = decode(float_format(format), bits);
  if (x.kind != FloatClass::Finite) return {0, 0};
  const auto significand = static_cast<std::int64_t>(x.significand);
  return {x.negative ? -significand : significand, x.exponent};
}

/// A product times 2^scale.
Exact product_of(const Pair& pair, std::uint32_t a, std::uint32_t b, int scale = 0) {
  const Value x = value_of(pair.a, a, pair.mx);
  const Value y = value_of(pair.b, b, pair.mx);
  return {x.n * y.n, x.e + y.e + scale};
}

Exact value_of(const Group& group) { return {group.s, group.e - 280}; }
Exact value_of(const Accumulator& acc) { return {acc.m, acc.e - 280}; }

/// Exponent field of a number as written, 1 for subnormals.
int biased(ElementFormat format, std::uint32_t bits) {
  const FloatFormat f = float_format(format);
  const auto code = (bits & (f.sign_bit() - 1)) >> f.padding;
  return std::max(1, static_cast<int>(code >> f.fraction_bits));
}

/// Weight of the lowest kept bit, log2: the contract in terms of values. Floating formats cut each
/// product below that; fixed ones are exact.
int unit_of(const Pair& pair, const std::uint32_t* a, const std::uint32_t* b, int products) {
  const FloatFormat fa = float_format(pair.a);
  const FloatFormat fb = float_format(pair.b);
  if (pair.a == ElementFormat::Fp32) {  // 30 bits of a product of normalized significands
    const auto leading = [](std::uint32_t bits) {
      const Decoded x = decode(kFp32, bits);
      return x.exponent + leading_one(x.significand);
    };
    return leading(a[0]) + leading(b[0]) - 28;
  }
  int top = -100000;
  for (int i = 0; i < products; ++i) {
    if (product_of(pair, a[i], b[i]).is_zero()) continue;
    top = std::max(top, biased(pair.a, a[i]) - fa.bias() + biased(pair.b, b[i]) - fb.bias());
  }
  // Bits kept below the binary point of a product 1.x * 1.x: BF16 2 * 7 + 12, others alike.
  const int below = is_fp8(pair.a) ? 2 * 3 + 20 : 2 * 10 + 6;
  return top - below;
}

std::vector<MatrixElement> elements(ElementFormat format, const std::vector<std::uint32_t>& bits) {
  std::vector<MatrixElement> out;
  out.reserve(bits.size());
  for (const auto x : bits) out.push_back(matrix_element(format, x));
  return out;
}

Group group_of(const Pair& pair, const std::vector<std::uint32_t>& a,
               const std::vector<std::uint32_t>& b) {
  return matrix_group(group_rule(pair.a, pair.b, pair.mx), elements(pair.a, a).data(),
                      elements(pair.b, b).data());
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
  for (const Pair& pair : all_pairs()) {
    const GroupRule rule = group_rule(pair.a, pair.b, pair.mx);
    for (int i = 0; i < 6000; ++i) {
      const int spread = rand_in(0, 254);
      const int low = i % 3 == 0 ? 0 : rand_in(0, 254 - spread);
      std::vector<std::uint32_t> a, b;
      for (int k = 0; k < rule.products; ++k) {
        a.push_back(rand_in(0, 15) == 0 ? 0 : random_element(pair.a, low, low + spread));
        b.push_back(random_element(pair.b, low, low + spread));
      }
      const Group group = group_of(pair, a, b);
      Exact expected;
      for (int k = 0; k < rule.products; ++k) {
        const Exact p =
            product_of(pair, a[static_cast<std::size_t>(k)], b[static_cast<std::size_t>(k)]);
        if (p.is_zero()) continue;
        expected +=
            rule.floating ? p.trunc_to(unit_of(pair, a.data(), b.data(), rule.products)) : p;
      }
      if (rule.int32) {
        ASSERT_TRUE(Exact(group.s, 0) == expected) << name_of(pair);
      } else {
        ASSERT_TRUE(value_of(group) == expected) << name_of(pair);
      }
    }
  }
}

TEST_F(Matrix, GroupsOfSimilarExponentsAreExact) {
  // Products within the window: 12 binades for BF16, 6 for FP16 and TF32, 20 for FP8.
  const std::vector<std::pair<Pair, int>> windows = {
      {{ElementFormat::Bf16, ElementFormat::Bf16, false}, 6},
      {{ElementFormat::Fp16, ElementFormat::Fp16, false}, 3},
      {{ElementFormat::Tf32, ElementFormat::Tf32, false}, 3},
      {{ElementFormat::E4m3, ElementFormat::E4m3, true}, 10},
      {{ElementFormat::E5m2, ElementFormat::E4m3, false}, 10},
      {{ElementFormat::E5m2, ElementFormat::E5m2, false}, 10}};
  for (const auto& [pair, range] : windows) {
    const auto n = static_cast<std::size_t>(group_rule(pair.a, pair.b, pair.mx).products);
    for (int i = 0; i < 8'000; ++i) {
      const int low = rand_in(1, std::max(1, float_format(pair.a).exponent_max() - range - 2));
      std::vector<std::uint32_t> a(n), b(n);
      Exact sum;
      for (std::size_t k = 0; k < n; ++k) {
        a[k] = random_element(pair.a, low, low + range);
        b[k] = random_element(pair.b, low, low + range);
        sum += product_of(pair, a[k], b[k]);
      }
      ASSERT_TRUE(value_of(group_of(pair, a, b)) == sum) << name_of(pair);
    }
  }
}

TEST_F(Matrix, BlockScalesMultiplyExactly) {
  for (const Pair& pair : all_pairs()) {
    if (!pair.mx) continue;
    const auto n = static_cast<std::size_t>(group_rule(pair.a, pair.b, true).products);
    for (int i = 0; i < 2000; ++i) {
      std::vector<std::uint32_t> a(n), b(n);
      for (std::size_t k = 0; k < n; ++k) {
        a[k] = random_element(pair.a);
        b[k] = random_element(pair.b);
      }
      const auto sa = static_cast<std::uint8_t>(rng_());
      const auto sb = static_cast<std::uint8_t>(rng_());
      const Group plain = group_of(pair, a, b);
      const Group scaled = scale_group(plain, sa, sb);
      EXPECT_EQ(scaled.nan, plain.nan || sa == 255 || sb == 255);
      ASSERT_TRUE(value_of(scaled) == Exact(plain.s, plain.e - 280 + sa + sb - 254))
          << name_of(pair);
    }
  }
}

TEST_F(Matrix, SpecialCodesOfEachFormat) {
  const auto special = [](ElementFormat format, std::uint32_t bits) {
    const MatrixElement x = matrix_element(format, bits);
    return x.nan ? 2 : x.infinite ? 1 : 0;
  };
  EXPECT_EQ(special(ElementFormat::E4m3, 0x7f), 2);
  EXPECT_EQ(special(ElementFormat::E4m3, 0xff), 2);
  EXPECT_EQ(special(ElementFormat::E4m3, 0x7e), 0);
  EXPECT_EQ(special(ElementFormat::E5m2, 0x7c), 1);
  EXPECT_EQ(special(ElementFormat::E5m2, 0xfd), 2);
  EXPECT_EQ(special(ElementFormat::Fp16, 0x7c00), 1);
  EXPECT_EQ(special(ElementFormat::Fp16, 0x7c01), 2);
  EXPECT_EQ(special(ElementFormat::Tf32, 0x7f80'1fff), 1);
  EXPECT_EQ(special(ElementFormat::Tf32, 0x7f80'2000), 2);
  EXPECT_EQ(special(ElementFormat::Fp32, 0x7f80'0001), 2);
  for (std::uint32_t code = 0; code < 64; ++code) {
    EXPECT_EQ(special(ElementFormat::E3m2, code), 0);
    EXPECT_EQ(special(ElementFormat::E2m3, code), 0);
    EXPECT_EQ(special(ElementFormat::E2m1, code & 15), 0);
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
      accumulate(
          acc, group_of({ElementFormat::Bf16, ElementFormat::Bf16, false}, {a, a + 4}, {b, b + 4}));
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

/// Sums of adversarial products stay within the documented bound: |result - exact| < (n_cut + 2) n
/// u, u = max(2^-w P, 2^-30 |x|, 2^-38 T), with the window w and the cut products n_cut of the
/// format.
TEST_F(Matrix, ErrorBoundHoldsUnderAdversarialCancellation) {
  for (const Pair& pair : all_pairs()) {
    const GroupRule rule = group_rule(pair.a, pair.b, pair.mx);
    if (rule.int32) continue;
    const auto n = static_cast<std::size_t>(rule.products);
    const int window = pair.a == ElementFormat::Fp32 ? 28 : 26;
    const int cut = !rule.floating ? 0 : rule.products == 1 ? 1 : rule.products - 1;
    const bool fixed = !rule.floating;
    double worst = 0;
    for (int run = 0; run < 250; ++run) {
      const int groups = rand_in(1, 120);
      const int kind = run % 5;
      const int bias = is_float(pair.a) ? float_format(pair.a).bias() : 1;
      Accumulator acc;
      Exact exact;
      double largest = 0;  // P; fixed formats: 2^window units of the group
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
      std::vector<std::vector<std::uint32_t>> history_a, history_b;
      std::vector<int> history_scale;
      for (int g = 0; g < groups; ++g) {
        std::vector<std::uint32_t> a(n), b(n);
        int scale = 0;
        const auto fill = [&](int low, int high) {
          // Subnormals are left out: the bound is stated for normal elements.
          for (std::size_t k = 0; k < n; ++k) {
            a[k] = random_element(pair.a, std::max(1, low), std::max(1, high));
            b[k] = random_element(pair.b, std::max(1, low), std::max(1, high));
          }
        };
        switch (kind) {
          case 0:  // everything near one
            fill(bias - 3, bias + 3);
            break;
          case 1:  // wide exponents
            fill(bias - std::min(bias - 1, 45), bias + std::min(bias - 1, 45));
            scale = pair.mx ? rand_in(-40, 40) : 0;
            break;
          case 2:  // a large term in the first group, out again in the last
            fill(bias - 6, bias);
            if (g == 0 || g == groups - 1) {
              fill(bias + std::min(bias - 1, 40), bias + std::min(bias - 1, 40));
              scale = pair.mx ? 30 : 0;
            }
            break;
          case 3:  // falling staircase: each group a little below the one before
            fill(2 * bias - g, 2 * bias - g);
            scale = pair.mx ? 30 - g : 0;
            break;
          default:  // every other group takes back an earlier one
            fill(bias - 13, bias + 13);
            scale = pair.mx ? rand_in(-13, 13) : 0;
        }
        const bool back =
            !history_a.empty() && (kind == 4 ? g % 2 == 1 : kind == 2 && g == groups - 1);
        if (back) {
          const std::size_t old = kind == 4 ? rng_() % history_a.size() : 0;
          a = history_a[old];
          b = history_b[old];
          scale = history_scale[old];
          for (auto& x : a) {
            if (is_float(pair.a)) x ^= float_format(pair.a).sign_bit();
          }
        }
        history_a.push_back(a);
        history_b.push_back(b);
        history_scale.push_back(scale);
        Group group = group_of(pair, a, b);
        if (pair.mx) group = scale_group(group, static_cast<std::uint8_t>(127 + scale), 127);
        for (std::size_t k = 0; k < n; ++k) {
          const Exact p = product_of(pair, a[k], b[k], scale);
          largest = std::max(largest, std::fabs(p.approximate()));
          exact += p;
          partial = std::max(partial, std::fabs(exact.approximate()));
        }
        if (fixed) largest = std::max(largest, std::ldexp(1.0, group.e - 280 + window));
        accumulate(acc, group);
      }
      Exact error = value_of(acc);
      error -= exact;
      const double unit = std::max(
          {std::ldexp(largest, -window), std::ldexp(preload, -30), std::ldexp(partial, -38)});
      const double bound = (cut + 2) * groups * unit;
      ASSERT_LE(std::fabs(error.approximate()), bound) << name_of(pair) << " run " << run;
      if (bound > 0) worst = std::max(worst, std::fabs(error.approximate()) / bound);
    }
    RecordProperty(name_of(pair), std::to_string(worst));
    if (pair.a == ElementFormat::Bf16) EXPECT_GT(worst, 0.005) << "far from the bound";
  }
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

TEST_F(Matrix, IntegerSumsAreExactAndWrap) {
  for (const ElementFormat format : {ElementFormat::Int8, ElementFormat::Int4}) {
    const auto n = static_cast<std::size_t>(group_rule(format, format, false).products);
    const auto least = static_cast<std::uint32_t>(int_format(format).min());
    for (int i = 0; i < 2000; ++i) {
      auto acc = static_cast<std::uint32_t>(rng_());
      auto exact = static_cast<std::int64_t>(acc);
      for (int g = 0; g < 20; ++g) {
        std::vector<std::uint32_t> a(n), b(n);
        for (std::size_t k = 0; k < n; ++k) {
          a[k] = i % 2 == 0 ? least : static_cast<std::uint32_t>(rng_());
          b[k] = i % 4 == 0 ? least : static_cast<std::uint32_t>(rng_());
          exact += std::int64_t{decode_int(int_format(format), a[k])} *
                   decode_int(int_format(format), b[k]);
        }
        acc = accumulate_int32(acc, group_of({format, format, false}, a, b));
      }
      ASSERT_EQ(acc, static_cast<std::uint32_t>(exact));
    }
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
