// SPDX-License-Identifier: Apache-2.0
/// Number formats as data: layout of the floating-point formats, decode and one rounding encoder
/// for all of them. Integer arithmetic only; values are bit patterns in uint32_t.
#pragma once

#include <cstdint>

namespace tsr::numerics {

/// Layout of an IEEE 754 style format: sign, exponent, fraction; subnormals, infinities and NaNs.
struct FloatFormat {
  int exponent_bits;
  int fraction_bits;

  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  constexpr int exponent_max() const { return (1 << exponent_bits) - 1; }
  constexpr std::uint32_t sign_bit() const { return 1U << (exponent_bits + fraction_bits); }
  constexpr std::uint32_t infinity() const {
    return static_cast<std::uint32_t>(exponent_max()) << fraction_bits;
  }
  /// The one NaN that results use: positive, quiet, no payload.
  constexpr std::uint32_t canonical_nan() const { return infinity() | (1U << (fraction_bits - 1)); }
};

inline constexpr FloatFormat kFp32{8, 23};
inline constexpr FloatFormat kBf16{8, 7};

enum class Rounding { NearestEven, TowardZero, Up, Down };

enum class FloatClass { Zero, Finite, Infinity, Nan };

/// A decoded number: (-1)^negative * significand * 2^exponent when Finite (subnormals included).
struct Decoded {
  FloatClass kind;
  bool negative;
  std::uint32_t significand;
  int exponent;
};

constexpr Decoded decode(const FloatFormat& format, std::uint32_t bits) {
  const bool negative = (bits & format.sign_bit()) != 0;
  const std::uint32_t fraction = bits & ((1U << format.fraction_bits) - 1);
  const int biased = static_cast<int>(bits >> format.fraction_bits) & format.exponent_max();
  if (biased == format.exponent_max()) {
    return {fraction == 0 ? FloatClass::Infinity : FloatClass::Nan, negative, 0, 0};
  }
  if (biased == 0 && fraction == 0) return {FloatClass::Zero, negative, 0, 0};
  const std::uint32_t hidden = biased == 0 ? 0 : 1U << format.fraction_bits;
  const int exponent = (biased == 0 ? 1 : biased) - format.bias() - format.fraction_bits;
  return {FloatClass::Finite, negative, hidden | fraction, exponent};
}

/// Index of the leading one of x, x > 0.
constexpr int leading_one(std::uint64_t x) { return 63 - __builtin_clzll(x); }

/// x / 2^shift, rounded to an integer as `rounding` says for a number of that sign; shift >= 1.
constexpr std::uint64_t round_shift(std::uint64_t x, int shift, bool negative, Rounding rounding) {
  const std::uint64_t kept = shift > 63 ? 0 : x >> shift;
  const std::uint64_t lost = shift > 63 ? x : x & ((std::uint64_t{1} << shift) - 1);
  const std::uint64_t half = shift > 64 ? 0 : std::uint64_t{1} << (shift - 1);
  switch (rounding) {
    case Rounding::NearestEven:
      if (shift > 64) return 0;
      return kept + ((lost > half || (lost == half && (kept & 1) != 0)) ? 1 : 0);
    case Rounding::TowardZero:
      return kept;
    case Rounding::Up:
      return kept + (lost != 0 && !negative ? 1 : 0);
    case Rounding::Down:
      return kept + (lost != 0 && negative ? 1 : 0);
  }
  return kept;
}

/// Bits of (-1)^negative * significand * 2^exponent rounded once to `format`. Results too small
/// become subnormal or a signed zero; results too large become infinity, or the largest finite
/// number where the rounding mode points back.
constexpr std::uint32_t encode(const FloatFormat& format, bool negative, std::uint64_t significand,
                               int exponent, Rounding rounding = Rounding::NearestEven) {
  const std::uint32_t sign = negative ? format.sign_bit() : 0;
  if (significand == 0) return sign;
  const int min_exponent = 1 - format.bias();
  const int top = leading_one(significand) + exponent;
  const int scale = top > min_exponent ? top : min_exponent;
  const int shift = scale - format.fraction_bits - exponent;
  const bool inward = rounding == Rounding::TowardZero || (rounding == Rounding::Up && negative) ||
                      (rounding == Rounding::Down && !negative);
  const std::uint32_t overflow = format.infinity() - (inward ? 1 : 0);
  if (scale > format.bias()) return sign | overflow;
  const std::uint64_t rounded =
      shift > 0 ? round_shift(significand, shift, negative, rounding) : significand << -shift;
  // The hidden bit adds one to the exponent field, and so does a carry out of the rounding.
  const std::uint32_t bits =
      (static_cast<std::uint32_t>(scale - min_exponent) << format.fraction_bits) +
      static_cast<std::uint32_t>(rounded);
  return sign | (bits >= format.infinity() ? overflow : bits);
}

}  // namespace tsr::numerics
