// SPDX-License-Identifier: Apache-2.0
/// Microscaling blocks: quantization against the definition in real numbers, dequantization,
/// corners.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "env.hpp"
#include "numerics/vector.hpp"
#include "value_table.hpp"

namespace tsr::numerics {
namespace {

using E = ElementFormat;
using Block = std::array<std::uint32_t, kMxBlock>;
using Codes = std::array<std::uint8_t, kMxBlock>;

/// The element formats with what OCP MX 1.0, table 1, says of them.
struct MxReference {
  E element;
  int emax;
  ValueTable table;  // INT8 needs none
  std::uint32_t largest;
};

const std::array<MxReference, 6>& references() {
  static const std::array<MxReference, 6> list{{
      {E::E4m3, 8, {kE4m3, 4, 3, 7, 1}, 0x7e},
      {E::E5m2, 15, {kE5m2, 5, 2, 15, 4}, 0x7b},
      {E::E3m2, 4, {kE3m2, 3, 2, 3, 0}, 0x1f},
      {E::E2m3, 2, {kE2m3, 2, 3, 1, 0}, 0x1f},
      {E::E2m1, 2, {kE2m1, 2, 1, 1, 0}, 0x07},
      {E::Int8, 0, {kE2m1, 2, 1, 1, 0}, 0x7f},
  }};
  return list;
}

/// Scale byte by logarithm of the exact maximum.
int expected_scale(const MxReference& r, const Block& x) {
  double largest = 0;
  for (const std::uint32_t bits : x) {
    const double value = float_of(bits);
    if (!std::isfinite(value)) return 0xff;
    largest = std::max(largest, std::fabs(value));
  }
  if (largest == 0) return 0;
  return std::clamp(std::ilogb(largest) - r.emax + 127, 0, 254);
}

void check_block(const MxReference& r, const Block& x) {
  Codes codes{};
  const std::uint8_t scale = mx_quantize(r.element, x.data(), codes.data());
  ASSERT_EQ(scale, expected_scale(r, x)) << element_name(r.element);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto text = fmt::format("{} element {}: {:08x} scale {:02x} code {:02x}",
                                  element_name(r.element), i, x[i], scale, codes[i]);
    if (scale == 0xff) {
      ASSERT_EQ(codes[i], 0) << text;
      ASSERT_EQ(mx_dequantize(r.element, codes[i], scale), kFp32Nan) << text;
      continue;
    }
    const double scaled_value = std::ldexp(static_cast<double>(float_of(x[i])), 127 - scale);
    double back = 0;
    if (r.element == E::Int8) {
      const double units = std::clamp(std::nearbyint(scaled_value * 64), -127.0, 127.0);
      ASSERT_EQ(static_cast<std::int8_t>(codes[i]), static_cast<int>(units)) << text;
      back = static_cast<int>(units) / 64.0;  // INT8 has one zero
    } else {
      ASSERT_EQ(codes[i], r.table.round(scaled_value, Rounding::NearestEven, r.largest, 0)) << text;
      const std::uint32_t sign = r.table.format().sign_bit();
      back = r.table.value(codes[i] & (sign - 1)) * ((codes[i] & sign) != 0 ? -1 : 1);
    }
    ASSERT_EQ(mx_dequantize(r.element, codes[i], scale),
              bits_of(static_cast<float>(std::ldexp(back, scale - 127))))
        << text;
  }
}

TEST(Mx, RandomBlocksFollowTheDefinition) {
  auto rng = seeded_rng();
  for (std::int64_t run = 0; run < scaled(20'000); ++run) {
    Block x{};
    const int top = static_cast<int>(rng() % 255);
    for (auto& value : x) {
      const int field = std::max(0, top - static_cast<int>(rng() % 24));
      value = (static_cast<std::uint32_t>(rng()) & 0x807f'ffff) | static_cast<std::uint32_t>(field)
                                                                      << 23;
      if (rng() % 16 == 0) value &= kFp32Sign;
      if (run % 2 == 0) value &= 0xfff8'0000;  // ties
    }
    if (run % 50 == 0) x[rng() % 32] = 0x7f80'0000 | static_cast<std::uint32_t>(rng());
    for (const auto& r : references()) check_block(r, x);
    if (HasFatalFailure()) return;
  }
}

TEST(Mx, ZeroBlock) {
  Block x{};
  x[3] = kFp32Sign;
  for (const auto& r : references()) check_block(r, x);
  EXPECT_EQ(mx_scale(E::E4m3, x.data()), 0);
}

TEST(Mx, SubnormalBlockAndLargestNumber) {
  Block x{};
  x[0] = 1;
  x[1] = 0x0040'0000;
  for (const auto& r : references()) check_block(r, x);
  x.fill(0xff7f'ffff);
  for (const auto& r : references()) check_block(r, x);
  EXPECT_EQ(mx_scale(E::Int8, x.data()), 254);
}

TEST(Mx, NanAndInfinityMakeANanBlock) {
  for (const std::uint32_t special : {0x7f80'0000U, 0xff80'0000U, 0x7fc0'0000U, 0xff80'0001U}) {
    Block x{};
    x.fill(bits_of(3.0F));
    x[31] = special;
    for (const auto& r : references()) check_block(r, x);
  }
}

/// 1.99 in a block whose maximum is in the same binade rounds beyond the largest INT8 and FP8 E4M3.
TEST(Mx, ElementsSaturate) {
  Block x{};
  x.fill(bits_of(1.999F));
  Codes codes{};
  EXPECT_EQ(mx_quantize(E::Int8, x.data(), codes.data()), 127);
  EXPECT_EQ(codes[0], 127);
  EXPECT_EQ(mx_quantize(E::E4m3, x.data(), codes.data()), 119);
  EXPECT_EQ(codes[0], 0x7e);
  x.fill(bits_of(-1.999F));
  mx_quantize(E::Int8, x.data(), codes.data());
  EXPECT_EQ(codes[0], 0x81);
}

TEST(PublishedDefects, ScaleFfGivesNanForEveryElement) {
  for (const auto& r : references()) {
    for (std::uint32_t code = 0; code < 256; ++code) {
      ASSERT_EQ(mx_dequantize(r.element, code, 0xff), kFp32Nan) << element_name(r.element) << code;
    }
  }
}

TEST(Mx, EveryElementUnderEveryScale) {
  for (const auto& r : references()) {
    const std::uint32_t codes = r.element == E::Int8 ? 256 : 2 * r.table.format().sign_bit();
    for (std::uint32_t code = 0; code < codes; ++code) {
      const double value = r.element == E::Int8
                               ? static_cast<std::int8_t>(code) / 64.0
                               : static_cast<double>(float_of(load_element(r.element, code)));
      for (int scale = 0; scale < 255; ++scale) {
        const auto expected = static_cast<float>(std::ldexp(value, scale - 127));
        const std::uint32_t got = mx_dequantize(r.element, code, static_cast<std::uint8_t>(scale));
        ASSERT_EQ(got, std::isnan(expected) ? kFp32Nan : bits_of(expected))
            << fmt::format("{} code {:02x} scale {:02x}", element_name(r.element), code, scale);
      }
    }
  }
}

}  // namespace
}  // namespace tsr::numerics
