// SPDX-License-Identifier: Apache-2.0
/// Every format and every conversion against tables of all values, Eigen's half and bfloat16, the
/// compiler's _Float16, MPFR, and the standards' corner cases.
#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "compiler_half.h"
#include "env.hpp"
#include "mpfr_value.hpp"
#include "numerics/convert.hpp"
#include "value_table.hpp"

namespace tsr::numerics {
namespace {

using E = ElementFormat;

constexpr Rounding kModes[] = {Rounding::NearestEven, Rounding::TowardZero, Rounding::Up,
                               Rounding::Down, Rounding::Stochastic};

/// Words of the stochastic generator that show each way: never, always unless exact, between.
constexpr std::uint32_t kWords[] = {0xffff'ffff, 0, 0x7fff'ffff, 0x8000'0000, 0x1234'5678};

constexpr std::uint32_t kNoInfinity = 0;

/// What the standards say of a format, written down again.
struct Reference {
  E element;
  ValueTable table;
  std::uint32_t infinity;   // kNoInfinity if there is none
  std::uint32_t nan;        // what NaN becomes
  std::uint32_t overflow;   // what too large a number becomes, not saturating
  std::uint32_t largest;    // the largest finite number
  bool saturates_infinity;  // FP8 and smaller
};

const std::vector<std::unique_ptr<Reference>>& references() {
  static const auto list = [] {
    std::vector<std::unique_ptr<Reference>> out;
    const auto add = [&](Reference r) { out.push_back(std::make_unique<Reference>(std::move(r))); };
    add({E::Bf16, {kBf16, 8, 7, 127, 128}, 0x7f80, 0x7fc0, 0x7f80, 0x7f7f, false});
    add({E::Fp16, {kFp16, 5, 10, 15, 1024}, 0x7c00, 0x7e00, 0x7c00, 0x7bff, false});
    add({E::Tf32,
         {kTf32, 8, 10, 127, 1024},
         0x7f80'0000,
         0x7fc0'0000,
         0x7f80'0000,
         0x7f7f'e000,
         false});
    add({E::E4m3, {kE4m3, 4, 3, 7, 1}, kNoInfinity, 0x7f, 0x7f, 0x7e, true});
    add({E::E5m2, {kE5m2, 5, 2, 15, 4}, 0x7c, 0x7e, 0x7c, 0x7b, true});
    add({E::E3m2, {kE3m2, 3, 2, 3, 0}, kNoInfinity, 0x1f, 0x1f, 0x1f, true});
    add({E::E2m3, {kE2m3, 2, 3, 1, 0}, kNoInfinity, 0x1f, 0x1f, 0x1f, true});
    add({E::E2m1, {kE2m1, 2, 1, 1, 0}, kNoInfinity, 0x07, 0x07, 0x07, true});
    return out;
  }();
  return list;
}

/// A double that holds any number here exactly (NaN payloads aside) to a format.
std::uint32_t expected_float(const Reference& r, double x, Rounding mode, bool saturate,
                             std::uint32_t random) {
  const std::uint32_t sign =
      std::signbit(x) ? 1U << (r.table.format().total_bits() - 1 + r.table.format().padding) : 0;
  if (std::isnan(x)) return r.nan;
  if (std::isinf(x)) {
    if (r.infinity != kNoInfinity && !(saturate && r.saturates_infinity)) return sign | r.infinity;
    return r.element == E::E4m3 && !saturate ? r.nan : sign | r.largest;
  }
  return r.table.round(x, mode, saturate ? r.largest : r.overflow, random);
}

/// A double to an integer range.
std::int64_t expected_int(double x, double low, double high, Rounding mode, std::uint32_t random) {
  if (std::isnan(x)) return 0;
  double y = x;
  switch (mode) {
    case Rounding::NearestEven:
      y = std::nearbyint(x);  // the host's mode is nearest-even
      break;
    case Rounding::TowardZero:
      y = std::trunc(x);
      break;
    case Rounding::Up:
      y = std::ceil(x);
      break;
    case Rounding::Down:
      y = std::floor(x);
      break;
    case Rounding::Stochastic: {
      const double whole = std::trunc(x);
      const double part = std::fabs(x - whole);
      const bool away = std::floor(std::ldexp(part, 32)) > static_cast<double>(random);
      y = away ? whole + (x < 0 ? -1 : 1) : whole;
      break;
    }
  }
  return static_cast<std::int64_t>(y < low ? low : y > high ? high : y);
}

struct IntReference {
  E element;
  double low;
  double high;
  std::uint32_t mask;
};
constexpr IntReference kInts[] = {{E::Int4, -8, 7, 0xf},
                                  {E::Int8, -128, 127, 0xff},
                                  {E::Int16, -32768, 32767, 0xffff},
                                  {E::Int32, -2147483648.0, 2147483647.0, 0xffff'ffff},
                                  {E::Uint8, 0, 255, 0xff}};

double value_of_fp32(std::uint32_t bits) { return static_cast<double>(float_of(bits)); }

/// One source, as the double that it is and the word that ports carry, to every format and mode.
void check_to_all(double x, std::uint32_t word, bool from_int, std::uint32_t random) {
  for (const Rounding mode : kModes) {
    for (const bool saturate : {false, true}) {
      const StoreMode store{from_int, mode, saturate, random};
      for (const auto& r : references()) {
        const std::uint32_t expected = expected_float(*r, x, mode, saturate, random);
        ASSERT_EQ(store_element(r->element, word, store), expected) << fmt::format(
            "{:08x} ({}) to {} mode {} sat {} random {:08x}: expected {:08x}", word, x,
            element_name(r->element), static_cast<int>(mode), saturate, random, expected);
      }
    }
    const StoreMode store{from_int, mode, false, random};
    for (const IntReference& r : kInts) {
      const auto expected =
          static_cast<std::uint32_t>(expected_int(x, r.low, r.high, mode, random)) & r.mask;
      ASSERT_EQ(store_element(r.element, word, store), expected)
          << fmt::format("{:08x} ({}) to {} mode {} random {:08x}: expected {:08x}", word, x,
                         element_name(r.element), static_cast<int>(mode), random, expected);
    }
  }
}

TEST(Formats, EveryCodeDecodesToItsValue) {
  for (const auto& r : references()) {
    const FloatFormat& format = r->table.format();
    const std::uint32_t codes = 1U << (format.total_bits() - 1);
    for (std::uint32_t code = 0; code < codes; ++code) {
      for (const bool negative : {false, true}) {
        const std::uint32_t bits = (code | (negative ? codes : 0)) << format.padding;
        const std::uint32_t got = load_element(r->element, bits);
        if (code < r->table.count()) {
          const double value = negative ? -r->table.value(code) : r->table.value(code);
          ASSERT_EQ(got, bits_of(static_cast<float>(value)))
              << fmt::format("{} {:x}", element_name(r->element), bits);
        } else if (code << format.padding == r->infinity) {
          ASSERT_EQ(got, 0x7f80'0000U | (negative ? 0x8000'0000U : 0)) << std::hex << bits;
        } else {
          ASSERT_EQ(got, 0x7fc0'0000U) << element_name(r->element) << std::hex << bits;
        }
      }
    }
  }
}

TEST(Formats, EveryFiniteCodeComesBack) {
  for (const auto& r : references()) {
    const FloatFormat& format = r->table.format();
    for (std::uint32_t code = 0; code < r->table.count(); ++code) {
      for (const std::uint32_t sign : {0U, format.sign_bit()}) {
        const std::uint32_t bits = code << format.padding | sign;
        const std::uint32_t word = load_element(r->element, bits);
        for (const Rounding mode : kModes) {
          ASSERT_EQ(store_element(r->element, word, {false, mode, false, 0}), bits)
              << element_name(r->element) << std::hex << " " << bits;
        }
      }
    }
  }
}

TEST(Formats, Tf32IgnoresTheLowBitsOfItsContainer) {
  EXPECT_EQ(load_element(E::Tf32, 0x3f80'1fff), 0x3f80'0000U);
  EXPECT_EQ(load_element(E::Tf32, 0x7f80'1fff), 0x7f80'0000U);
  EXPECT_EQ(load_element(E::Tf32, 0x8000'1fff), 0x8000'0000U);
}

TEST(Formats, SmallFormatsIgnoreHigherBits) {
  EXPECT_EQ(load_element(E::E3m2, 0xdf), load_element(E::E3m2, 0x1f));
  EXPECT_EQ(load_element(E::E2m3, 0xff), load_element(E::E2m3, 0x3f));
  EXPECT_EQ(load_element(E::E2m1, 0xf7), load_element(E::E2m1, 0x07));
  EXPECT_EQ(load_element(E::Int4, 0xf9), static_cast<std::uint32_t>(-7));
}

TEST(Formats, NamesAndWidths) {
  const char* names[] = {"bf16",    "int8",    "fp16",    "tf32",    "fp32",
                         "fp8e4m3", "fp8e5m2", "fp6e3m2", "fp6e2m3", "fp4e2m1",
                         "int4",    "int16",   "int32",   "e8m0",    "uint8"};
  const int bits[] = {16, 8, 16, 32, 32, 8, 8, 8, 8, 4, 4, 16, 32, 8, 8};
  for (int i = 0; i < kElementFormats; ++i) {
    const auto format = static_cast<E>(i);
    EXPECT_EQ(element_name(format), names[i]);
    EXPECT_EQ(element_bits(format), bits[i]) << names[i];
    E found{};
    EXPECT_TRUE(element_from_name(names[i], found));
    EXPECT_EQ(found, format);
  }
  E unchanged = E::Fp32;
  EXPECT_FALSE(element_from_name("fp24", unchanged));
  EXPECT_EQ(unchanged, E::Fp32);
}

TEST(Formats, E8m0IsAPowerOfTwo) {
  for (int e = 0; e < 255; ++e) {
    const std::uint32_t expected = bits_of(static_cast<float>(std::ldexp(1.0, e - 127)));
    EXPECT_EQ(load_element(E::E8m0, static_cast<std::uint32_t>(e)), expected) << e;
    if (e > 0) {
      EXPECT_EQ(store_element(E::E8m0, expected), static_cast<std::uint32_t>(e));
      EXPECT_EQ(store_element(E::E8m0, expected | 0x7f'ffff), static_cast<std::uint32_t>(e));
    }
  }
  EXPECT_EQ(store_element(E::E8m0, 4096, {true}), 127U + 12);
}

// ---------------------------------------------------------------- every 16-bit source

TEST(Convert16, EveryFp16ToEveryFormatInEveryMode) {
  for (std::uint32_t x = 0; x < 0x10000; ++x) {
    check_to_all(compiler_half_to_float(static_cast<std::uint16_t>(x)), load_element(E::Fp16, x),
                 false, kWords[x % 5]);
    if (HasFatalFailure()) return;
  }
}

TEST(Convert16, EveryBf16ToEveryFormatInEveryMode) {
  for (std::uint32_t x = 0; x < 0x10000; ++x) {
    Eigen::bfloat16 value;
    const auto bits = static_cast<std::uint16_t>(x);
    std::memcpy(&value, &bits, sizeof value);
    check_to_all(static_cast<double>(static_cast<float>(value)), load_element(E::Bf16, x), false,
                 kWords[x % 5]);
    if (HasFatalFailure()) return;
  }
}

TEST(Convert16, EveryInt16ToEveryFormatInEveryMode) {
  for (std::int32_t x = -32768; x < 32768; ++x) {
    const std::uint32_t word = load_element(E::Int16, static_cast<std::uint32_t>(x) & 0xffff);
    ASSERT_EQ(static_cast<std::int32_t>(word), x);
    check_to_all(x, word, true, kWords[(x & 0xff) % 5]);
    for (const Rounding mode : kModes) {
      ASSERT_EQ(int_to_float(kFp32, x, mode), bits_of(static_cast<float>(x))) << x;
    }
    if (HasFatalFailure()) return;
  }
}

/// Direct conversions between two formats, without the word in between, give the same.
TEST(Convert16, DirectConversionsEqualThoseOverFp32) {
  for (const FloatFormat& from : {kFp16, kBf16, kE4m3, kE5m2, kE3m2, kE2m3, kE2m1}) {
    const std::uint32_t codes = 1U << from.total_bits();
    for (std::uint32_t x = 0; x < codes; ++x) {
      const std::uint32_t word = convert(from, kFp32, x);
      for (const auto& r : references()) {
        const auto mode = static_cast<Rounding>(x % 5);
        const FloatFormat& to = r->table.format();
        ASSERT_EQ(convert(from, to, x, mode, false, 0x5555'5555),
                  convert(kFp32, to, word, mode, false, 0x5555'5555))
            << std::hex << x << " to " << element_name(r->element);
      }
    }
  }
}

// ---------------------------------------------------------------- FP32 and INT32 sources

TEST(Convert32, Fp32SamplesToEveryFormatInEveryMode) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(60'000); ++i) {
    auto bits = static_cast<std::uint32_t>(rng());
    const auto field = static_cast<std::uint32_t>(rng() % 46);
    if (i % 4 == 1) bits = (bits & 0x807f'ffff) | (100 + field) << 23;  // FP16 and FP8 range
    if (i % 4 == 2) bits &= 0x80ff'ffff;                                // subnormal and tiny
    if (i % 4 == 3) bits = (bits & 0xffff'f000) | (bits >> 1 & 0x800);  // near ties
    check_to_all(value_of_fp32(bits), bits, false, static_cast<std::uint32_t>(rng()));
    if (HasFatalFailure()) return;
  }
}

/// Each value of each format, the point half way to the next, and their FP32 neighbours.
TEST(Convert32, Fp32AroundEveryTurningPoint) {
  for (const auto& r : references()) {
    if (r->element == E::Tf32) continue;  // its spacing is that of FP32: sampled above
    for (std::uint32_t code = 0; code < r->table.count(); ++code) {
      const double low = r->table.value(code);
      const double high = r->table.value(code + 1);
      for (const double point : {low, (low + high) / 2, high}) {
        if (point > 3.4e38) continue;
        const std::uint32_t centre = bits_of(static_cast<float>(point));
        for (int step = -1; step <= 1; ++step) {
          if (centre == 0 && step < 0) continue;
          const std::uint32_t bits = centre + static_cast<std::uint32_t>(step);
          for (const Rounding mode : kModes) {
            const bool saturate = (code & 1) != 0;
            const std::uint32_t signed_bits = bits | (code & 2) << 30;
            ASSERT_EQ(store_element(r->element, signed_bits, {false, mode, saturate, 0x8000'0000}),
                      expected_float(*r, value_of_fp32(signed_bits), mode, saturate, 0x8000'0000))
                << fmt::format("{:08x} to {} mode {}", signed_bits, element_name(r->element),
                               static_cast<int>(mode));
          }
        }
      }
    }
  }
}

TEST(Convert32, Fp32ToFp16EqualsEigenAndTheCompiler) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(1'000'000); ++i) {
    auto bits = static_cast<std::uint32_t>(rng());
    if (i % 2 != 0)
      bits = (bits & 0x807f'ffff) | static_cast<std::uint32_t>(100 + rng() % 46) << 23;
    if ((bits & 0x7fff'ffff) > 0x7f80'0000) continue;
    const std::uint16_t expected = compiler_float_to_half(float_of(bits));
    const Eigen::half eigen(float_of(bits));
    ASSERT_EQ(eigen.x, expected) << std::hex << bits;
    ASSERT_EQ(convert(kFp32, kFp16, bits), expected) << std::hex << bits;
  }
}

TEST(Convert32, EveryFp16ToFp32EqualsEigenAndTheCompiler) {
  for (std::uint32_t x = 0; x < 0x10000; ++x) {
    const auto bits = static_cast<std::uint16_t>(x);
    Eigen::half eigen;
    eigen.x = bits;
    const std::uint32_t got = convert(kFp16, kFp32, x);
    if ((x & 0x7fff) > 0x7c00) {
      ASSERT_EQ(got, 0x7fc0'0000U) << std::hex << x;
    } else {
      ASSERT_EQ(got, bits_of(compiler_half_to_float(bits))) << std::hex << x;
      ASSERT_EQ(got, bits_of(static_cast<float>(eigen))) << std::hex << x;
    }
  }
}

TEST(Convert32, Fp32ToTf32AndFp16EqualMpfr) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(40'000); ++i) {
    auto bits = static_cast<std::uint32_t>(rng());
    if (i % 4 == 0) bits &= 0x80ff'ffff;
    if (i % 4 == 1) bits |= 0x7f00'0000;
    if (i % 4 == 2)
      bits = (bits & 0x807f'ffff) | static_cast<std::uint32_t>(100 + rng() % 46) << 23;
    const Decoded x = decode(kFp32, bits);
    if (x.kind != FloatClass::Finite) continue;
    for (const Rounding mode : kModes) {
      if (mode == Rounding::Stochastic) continue;
      for (const FloatFormat& to : {kTf32, kFp16}) {
        ASSERT_EQ(convert(kFp32, to, bits, mode),
                  mpfr_encode(to, x.negative, x.significand, x.exponent, mode))
            << fmt::format("{:08x} mode {}", bits, static_cast<int>(mode));
      }
    }
  }
}

TEST(Convert32, Int32SamplesToEveryFormatInEveryMode) {
  auto rng = seeded_rng();
  const std::int32_t corners[] = {0,
                                  1,
                                  -1,
                                  std::numeric_limits<std::int32_t>::max(),
                                  std::numeric_limits<std::int32_t>::min(),
                                  0xff'ffff,
                                  0x100'0001,
                                  -0x100'0001,
                                  65504,
                                  65519,
                                  65520,
                                  448,
                                  464,
                                  465,
                                  57344,
                                  61440};
  for (std::int64_t i = 0; i < scaled(40'000); ++i) {
    auto x = static_cast<std::int32_t>(rng()) >> (rng() % 32);
    if (i < static_cast<std::int64_t>(std::size(corners))) x = corners[i];
    const auto random = static_cast<std::uint32_t>(rng());
    check_to_all(x, static_cast<std::uint32_t>(x), true, random);
    if (HasFatalFailure()) return;
    // FP32: the host for nearest-even, MPFR for all modes.
    ASSERT_EQ(int_to_float(kFp32, x), bits_of(static_cast<float>(x))) << x;
    for (const Rounding mode : kModes) {
      if (mode == Rounding::Stochastic) continue;
      const auto magnitude = static_cast<std::uint64_t>(x < 0 ? -std::int64_t{x} : std::int64_t{x});
      const std::uint32_t expected = x == 0 ? 0 : mpfr_encode(kFp32, x < 0, magnitude, 0, mode);
      ASSERT_EQ(int_to_float(kFp32, x, mode), expected) << x << " mode " << static_cast<int>(mode);
    }
    // Stochastic against exact integer arithmetic.
    const std::uint32_t down = int_to_float(kFp32, x, Rounding::TowardZero);
    const double lost = std::fabs(static_cast<double>(x) - value_of_fp32(down));
    const double ulp = value_of_fp32(down + 1) - value_of_fp32(down);
    const bool away = std::floor(std::ldexp(lost / std::fabs(ulp), 32)) > random;
    ASSERT_EQ(int_to_float(kFp32, x, Rounding::Stochastic, false, random), down + (away ? 1 : 0))
        << x;
  }
}

TEST(Convert32, ToIntegersFlagsNanAndOverflow) {
  EXPECT_EQ(float_to_int(kFp32, kInt8, 0x7fc0'0000).value, 0);
  EXPECT_TRUE(float_to_int(kFp32, kInt8, 0x7fc0'0000).invalid);
  EXPECT_TRUE(float_to_int(kFp32, kInt8, 0x7f80'0000).invalid);
  EXPECT_TRUE(float_to_int(kFp32, kInt8, bits_of(127.5F)).invalid);
  EXPECT_FALSE(float_to_int(kFp32, kInt8, bits_of(127.5F), Rounding::TowardZero).invalid);
  EXPECT_FALSE(float_to_int(kFp32, kInt8, bits_of(-128.5F)).invalid);
  EXPECT_TRUE(float_to_int(kFp32, kUint8, bits_of(-1.0F)).invalid);
  EXPECT_FALSE(float_to_int(kFp32, kUint8, bits_of(-0.5F)).invalid);
  EXPECT_EQ(float_to_int(kFp32, kInt32, bits_of(2147483648.0F)).value,
            std::numeric_limits<std::int32_t>::max());
}

/// Over many random words, the share of numbers rounded away is the lost fraction.
TEST(Stochastic, RoundsAwayInProportion) {
  auto rng = seeded_rng();
  for (const std::uint32_t lost : {0x1000U, 0x4000U, 0x8000U, 0xc000U, 0xf000U}) {
    int away = 0;
    constexpr int kTrials = 100'000;
    for (int i = 0; i < kTrials; ++i) {
      const auto random = static_cast<std::uint32_t>(rng());
      away +=
          convert(kFp32, kBf16, 0x3f80'0000 | lost, Rounding::Stochastic, false, random) == 0x3f81;
    }
    // Six standard deviations of a fair binomial count are 6 * sqrt(25,000) = 949.
    EXPECT_NEAR(away, kTrials * (lost / 65536.0), 950) << std::hex << lost;
  }
}

// ---------------------------------------------------------------- defects seen in published code

TEST(PublishedDefects, E5m2InfinityToBf16) {
  EXPECT_EQ(convert(kE5m2, kBf16, 0x7c), 0x7f80U);
  EXPECT_EQ(convert(kE5m2, kBf16, 0xfc), 0xff80U);
}

TEST(PublishedDefects, E5m2NanToBf16) {
  for (const std::uint32_t nan : {0x7dU, 0x7eU, 0x7fU, 0xfdU, 0xfeU, 0xffU}) {
    EXPECT_EQ(convert(kE5m2, kBf16, nan), 0x7fc0U) << std::hex << nan;
  }
}

TEST(PublishedDefects, E5m2SubnormalsInFp16) {
  // E5M2 is the upper byte of FP16: subnormals are 1, 2, 3 times 2^-16.
  for (std::uint32_t x = 0; x < 4; ++x) {
    EXPECT_EQ(convert(kE5m2, kFp16, x), x << 8);
    EXPECT_EQ(convert(kE5m2, kFp16, x | 0x80), (x | 0x80) << 8);
    EXPECT_EQ(convert(kFp16, kE5m2, x << 8), x);
  }
}

TEST(PublishedDefects, E4m3SubnormalsInBf16) {
  for (int x = 1; x < 8; ++x) {
    const std::uint32_t expected = bits_of(static_cast<float>(x) / 512) >> 16;
    EXPECT_EQ(convert(kE4m3, kBf16, static_cast<std::uint32_t>(x)), expected) << x;
    EXPECT_EQ(convert(kE4m3, kBf16, static_cast<std::uint32_t>(x) | 0x80), expected | 0x8000) << x;
  }
}

TEST(PublishedDefects, ScaleFfGivesNan) {
  EXPECT_EQ(e8m0_to_fp32(0xff), 0x7fc0'0000U);
  EXPECT_EQ(load_element(E::E8m0, 0xff), 0x7fc0'0000U);
}

TEST(Fp8, SaturatingAndNonSaturatingOverflow) {
  const std::uint32_t inf = 0x7f80'0000;
  const auto e4m3 = [](std::uint32_t x, bool saturate) {
    return convert(kFp32, kE4m3, x, Rounding::NearestEven, saturate);
  };
  const auto e5m2 = [](std::uint32_t x, bool saturate) {
    return convert(kFp32, kE5m2, x, Rounding::NearestEven, saturate);
  };
  EXPECT_EQ(e4m3(bits_of(464.0F), false), 0x7eU);  // half way to 480, to even
  EXPECT_EQ(e4m3(bits_of(464.1F), false), 0x7fU);
  EXPECT_EQ(e4m3(bits_of(-464.1F), true), 0xfeU);
  EXPECT_EQ(e4m3(inf, false), 0x7fU);
  EXPECT_EQ(e4m3(inf, true), 0x7eU);
  EXPECT_EQ(e5m2(bits_of(61440.0F), false), 0x7cU);  // half way to 65536, to even
  EXPECT_EQ(e5m2(bits_of(61439.0F), false), 0x7bU);
  EXPECT_EQ(e5m2(bits_of(-61440.0F), true), 0xfbU);
  EXPECT_EQ(e5m2(inf | 0x8000'0000, false), 0xfcU);
  EXPECT_EQ(e5m2(inf, true), 0x7bU);
}

}  // namespace
}  // namespace tsr::numerics
