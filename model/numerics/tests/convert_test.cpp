// SPDX-License-Identifier: Apache-2.0
/// Formats and conversions against Eigen's bfloat16 and MPFR.
#include "numerics/convert.hpp"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cstring>
#include <random>

#include "mpfr_value.hpp"

namespace tsr::numerics {
namespace {

constexpr Rounding kModes[] = {Rounding::NearestEven, Rounding::TowardZero, Rounding::Up,
                               Rounding::Down};

bool is_nan(const FloatFormat& format, std::uint32_t bits) {
  return (bits & ~format.sign_bit()) > format.infinity();
}

std::uint16_t eigen_bf16(std::uint32_t bits) {
  const Eigen::bfloat16 x(float_of(bits));
  std::uint16_t out;
  std::memcpy(&out, &x, sizeof out);
  return out;
}

TEST(Convert, EveryBf16ToFp32EqualsEigen) {
  for (std::uint32_t x = 0; x < 0x10000; ++x) {
    const auto bits = static_cast<std::uint16_t>(x);
    const std::uint32_t got = bf16_to_fp32(bits);
    if (is_nan(kBf16, bits)) {
      ASSERT_EQ(got, kFp32.canonical_nan()) << std::hex << x;
    } else {
      Eigen::bfloat16 reference;
      std::memcpy(&reference, &bits, sizeof bits);
      ASSERT_EQ(got, bits_of(static_cast<float>(reference))) << std::hex << x;
      ASSERT_EQ(fp32_to_bf16(got), bits) << std::hex << x;
    }
  }
}

TEST(Convert, Fp32ToBf16NearestEqualsEigen) {
  const auto check = [](std::uint32_t bits) {
    const std::uint16_t got = fp32_to_bf16(bits);
    if (is_nan(kFp32, bits)) {
      ASSERT_EQ(got, kBf16.canonical_nan()) << std::hex << bits;
    } else {
      ASSERT_EQ(got, eigen_bf16(bits)) << std::hex << bits;
    }
  };
  // Every upper half with the low halves where rounding turns, then random patterns.
  for (std::uint32_t high = 0; high < 0x10000; ++high) {
    for (const std::uint32_t low : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      check(high << 16 | low);
    }
  }
  std::mt19937 rng(1);
  for (int i = 0; i < 4'000'000; ++i) check(static_cast<std::uint32_t>(rng()));
}

TEST(Convert, Fp32ToBf16EveryModeEqualsMpfr) {
  std::mt19937 rng(2);
  for (int i = 0; i < 200'000; ++i) {
    std::uint32_t bits = static_cast<std::uint32_t>(rng());
    if (i % 4 == 0) bits &= 0x80ff'ffff;  // subnormals and tiny numbers
    if (i % 4 == 1) bits |= 0x7f00'0000;  // near overflow
    const Decoded x = decode(kFp32, bits);
    if (x.kind != FloatClass::Finite) continue;
    for (const Rounding mode : kModes) {
      ASSERT_EQ(fp32_to_bf16(bits, mode),
                mpfr_encode(kBf16, x.negative, x.significand, x.exponent, mode))
          << std::hex << bits << " mode " << static_cast<int>(mode);
    }
  }
}

TEST(Convert, EncodeEqualsMpfr) {
  std::mt19937_64 rng(3);
  for (int i = 0; i < 300'000; ++i) {
    // Any width of significand, exponents around every edge of the format.
    const std::uint64_t significand = (rng() >> (rng() % 64)) | 1;
    const int exponent = static_cast<int>(rng() % 420) - 260;
    const bool negative = (rng() & 1) != 0;
    const FloatFormat& format = (rng() & 1) != 0 ? kFp32 : kBf16;
    const Rounding mode = kModes[rng() % 4];
    ASSERT_EQ(encode(format, negative, significand, exponent, mode),
              mpfr_encode(format, negative, significand, exponent, mode))
        << significand << " * 2^" << exponent << " mode " << static_cast<int>(mode);
  }
}

TEST(Convert, SpecialValues) {
  for (const Rounding mode : kModes) {
    EXPECT_EQ(fp32_to_bf16(0x7f80'0000, mode), 0x7f80);
    EXPECT_EQ(fp32_to_bf16(0xff80'0000, mode), 0xff80);
    EXPECT_EQ(fp32_to_bf16(0xffff'ffff, mode), 0x7fc0);
    EXPECT_EQ(fp32_to_bf16(0x7f80'0001, mode), 0x7fc0);
    EXPECT_EQ(fp32_to_bf16(0x8000'0000, mode), 0x8000);
    EXPECT_EQ(fp32_to_bf16(0, mode), 0);
  }
}

}  // namespace
}  // namespace tsr::numerics
