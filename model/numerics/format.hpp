// SPDX-License-Identifier: Apache-2.0
/// Number formats as data: layout of the floating-point and integer formats, decode and one
/// rounding encoder for all of them. Integer arithmetic only; values are bit patterns in uint32_t.
///
/// Sources: IEEE 754-2019; OCP 8-bit Floating Point Specification 1.0 (E4M3, E5M2); OCP
/// Microscaling Formats Specification 1.0 (E3M2, E2M3, E2M1, E8M0, block INT8).
#pragma once

#include <cstdint>
#include <string_view>

namespace tsr::numerics {

/// What the codes with the largest exponent mean.
enum class Specials {
  Ieee,     ///< infinity and NaNs
  NanOnly,  ///< finite numbers, but all ones is NaN (OCP E4M3)
  None      ///< finite numbers (OCP FP6, FP4)
};

/// Layout of a floating-point format: sign, exponent, fraction, then `padding` low bits of the
/// container that are ignored on input and zero on output (TF32).
struct FloatFormat {
  int exponent_bits;
  int fraction_bits;
  Specials specials = Specials::Ieee;
  int padding = 0;

  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  /// Largest exponent field.
  constexpr int exponent_max() const { return (1 << exponent_bits) - 1; }
  /// Exponent of the largest finite numbers.
  constexpr int top_exponent() const {
    return exponent_max() - bias() - (specials == Specials::Ieee ? 1 : 0);
  }
  constexpr int total_bits() const { return 1 + exponent_bits + fraction_bits; }
  constexpr std::uint32_t sign_bit() const {
    return 1U << (exponent_bits + fraction_bits + padding);
  }
  constexpr bool has_infinity() const { return specials == Specials::Ieee; }
  constexpr bool has_nan() const { return specials != Specials::None; }
  /// Positive infinity; meaningful only with has_infinity().
  constexpr std::uint32_t infinity() const {
    return static_cast<std::uint32_t>(exponent_max()) << (fraction_bits + padding);
  }
  constexpr std::uint32_t max_finite() const {
    const std::uint32_t codes = (1U << (exponent_bits + fraction_bits)) - 1;
    const std::uint32_t above = specials == Specials::Ieee      ? 1U << fraction_bits
                                : specials == Specials::NanOnly ? 1U
                                                                : 0U;
    return (codes - above) << padding;
  }
  /// The one NaN that results use: positive, quiet, no payload. A format without NaN gives its
  /// largest number instead.
  constexpr std::uint32_t canonical_nan() const {
    if (specials == Specials::Ieee) return infinity() | (1U << (fraction_bits - 1 + padding));
    return (sign_bit() - 1) >> padding << padding;
  }
};

inline constexpr FloatFormat kFp32{8, 23};
inline constexpr FloatFormat kTf32{8, 10, Specials::Ieee, 13};
inline constexpr FloatFormat kFp16{5, 10};
inline constexpr FloatFormat kBf16{8, 7};
inline constexpr FloatFormat kE4m3{4, 3, Specials::NanOnly};
inline constexpr FloatFormat kE5m2{5, 2};
inline constexpr FloatFormat kE3m2{3, 2, Specials::None};
inline constexpr FloatFormat kE2m3{2, 3, Specials::None};
inline constexpr FloatFormat kE2m1{2, 1, Specials::None};

/// Layout of an integer format, two's complement if signed.
struct IntFormat {
  int bits;
  bool is_signed = true;

  constexpr std::int64_t max() const {
    return (std::int64_t{1} << (bits - (is_signed ? 1 : 0))) - 1;
  }
  constexpr std::int64_t min() const { return is_signed ? -max() - 1 : 0; }
};

inline constexpr IntFormat kInt4{4};
inline constexpr IntFormat kInt8{8};
inline constexpr IntFormat kInt16{16};
inline constexpr IntFormat kInt32{32};
inline constexpr IntFormat kUint8{8, false};

/// Element formats of streams and scratchpad, numbered as fmt_e of rtl/tile/tsr_tile_pkg.sv.
enum class ElementFormat : std::uint8_t {
  Bf16 = 0,
  Int8 = 1,
  Fp16 = 2,
  Tf32 = 3,
  Fp32 = 4,
  E4m3 = 5,
  E5m2 = 6,
  E3m2 = 7,
  E2m3 = 8,
  E2m1 = 9,
  Int4 = 10,
  Int16 = 11,
  Int32 = 12,
  E8m0 = 13,
  Uint8 = 14
};
inline constexpr int kElementFormats = 15;

/// What is known of an element format.
struct ElementInfo {
  std::string_view name;  ///< as on the command line
  int storage_bits;       ///< bits an element takes in memory: FP6 has one element a byte
  bool is_float;          ///< layout is `as_float`; else `as_int` (E8M0: neither)
  FloatFormat as_float;
  IntFormat as_int;
};

constexpr ElementInfo element_info(ElementFormat format) {
  switch (format) {
    case ElementFormat::Bf16:
      return {"bf16", 16, true, kBf16, {}};
    case ElementFormat::Int8:
      return {"int8", 8, false, {}, kInt8};
    case ElementFormat::Fp16:
      return {"fp16", 16, true, kFp16, {}};
    case ElementFormat::Tf32:
      return {"tf32", 32, true, kTf32, {}};
    case ElementFormat::Fp32:
      return {"fp32", 32, true, kFp32, {}};
    case ElementFormat::E4m3:
      return {"fp8e4m3", 8, true, kE4m3, {}};
    case ElementFormat::E5m2:
      return {"fp8e5m2", 8, true, kE5m2, {}};
    case ElementFormat::E3m2:
      return {"fp6e3m2", 8, true, kE3m2, {}};
    case ElementFormat::E2m3:
      return {"fp6e2m3", 8, true, kE2m3, {}};
    case ElementFormat::E2m1:
      return {"fp4e2m1", 4, true, kE2m1, {}};
    case ElementFormat::Int4:
      return {"int4", 4, false, {}, kInt4};
    case ElementFormat::Int16:
      return {"int16", 16, false, {}, kInt16};
    case ElementFormat::Int32:
      return {"int32", 32, false, {}, kInt32};
    case ElementFormat::E8m0:
      return {"e8m0", 8, false, {}, {}};
    case ElementFormat::Uint8:
      return {"uint8", 8, false, {}, kUint8};
  }
  return {};
}

constexpr std::string_view element_name(ElementFormat format) { return element_info(format).name; }

/// Bits that an element takes in memory.
constexpr int element_bits(ElementFormat format) { return element_info(format).storage_bits; }

constexpr bool is_float(ElementFormat format) { return element_info(format).is_float; }

/// INT4, INT8, INT16, INT32, UINT8.
constexpr bool is_integer(ElementFormat format) {
  return !is_float(format) && format != ElementFormat::E8m0;
}

/// Layout of a floating-point element format.
constexpr FloatFormat float_format(ElementFormat format) { return element_info(format).as_float; }

/// Layout of an integer element format.
constexpr IntFormat int_format(ElementFormat format) { return element_info(format).as_int; }

/// Find the format of a command-line name. False if there is none; `format` is then unchanged.
constexpr bool element_from_name(std::string_view name, ElementFormat& format) {
  for (int i = 0; i < kElementFormats; ++i) {
    const auto candidate = static_cast<ElementFormat>(i);
    if (element_name(candidate) == name) {
      format = candidate;
      return true;
    }
  }
  return false;
}

/// Numbered as rm_e of rtl/ve/tsr_ve_pkg.sv. Stochastic takes a random 32-bit word: the magnitude
/// is rounded up when the lost bits, as a fraction of one unit and cut to 32 bits, exceed the word.
enum class Rounding { NearestEven = 0, TowardZero = 1, Up = 2, Down = 3, Stochastic = 4 };

enum class FloatClass { Zero, Finite, Infinity, Nan };

/// A decoded number: (-1)^negative * significand * 2^exponent when Finite (subnormals included).
struct Decoded {
  FloatClass kind;
  bool negative;
  std::uint32_t significand;
  int exponent;
};

/// Bits above the format's (FP6 and FP4 in a byte) are ignored.
constexpr Decoded decode(const FloatFormat& format, std::uint32_t bits) {
  const bool negative = (bits & format.sign_bit()) != 0;
  const std::uint32_t code = (bits & (format.sign_bit() - 1)) >> format.padding;
  const std::uint32_t fraction = code & ((1U << format.fraction_bits) - 1);
  const int biased = static_cast<int>(code >> format.fraction_bits);
  if (format.specials == Specials::Ieee && biased == format.exponent_max()) {
    return {fraction == 0 ? FloatClass::Infinity : FloatClass::Nan, negative, 0, 0};
  }
  if (format.specials == Specials::NanOnly &&
      code == (1U << (format.exponent_bits + format.fraction_bits)) - 1) {
    return {FloatClass::Nan, negative, 0, 0};
  }
  if (code == 0) return {FloatClass::Zero, negative, 0, 0};
  const std::uint32_t hidden = biased == 0 ? 0 : 1U << format.fraction_bits;
  const int exponent = (biased == 0 ? 1 : biased) - format.bias() - format.fraction_bits;
  return {FloatClass::Finite, negative, hidden | fraction, exponent};
}

/// Index of the leading one of x, x > 0.
constexpr int leading_one(std::uint64_t x) { return 63 - __builtin_clzll(x); }

/// x / 2^shift, rounded to an integer as `rounding` says for a number of that sign; shift >= 1.
constexpr std::uint64_t round_shift(std::uint64_t x, int shift, bool negative, Rounding rounding,
                                    std::uint32_t random = 0) {
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
    case Rounding::Stochastic: {
      const std::uint64_t fraction = shift <= 32   ? lost << (32 - shift)
                                     : shift <= 95 ? lost >> (shift - 32)
                                                   : 0;
      return kept + (fraction > random ? 1 : 0);
    }
  }
  return kept;
}

/// What a number becomes that is too large for `format` in a mode that does not point back: the
/// largest finite number if `saturate` or if the format has nothing else, else infinity (E4M3:
/// NaN).
constexpr std::uint32_t overflow_bits(const FloatFormat& format, bool negative, bool saturate) {
  const std::uint32_t sign = negative ? format.sign_bit() : 0;
  if (saturate || !format.has_nan()) return sign | format.max_finite();
  return format.has_infinity() ? sign | format.infinity() : format.canonical_nan();
}

/// Bits of (-1)^negative * significand * 2^exponent rounded once to `format`. Results too small
/// become subnormal or a signed zero. Results too large become the largest finite number where the
/// rounding mode points back, else overflow_bits().
constexpr std::uint32_t encode(const FloatFormat& format, bool negative, std::uint64_t significand,
                               int exponent, Rounding rounding = Rounding::NearestEven,
                               bool saturate = false, std::uint32_t random = 0) {
  const std::uint32_t sign = negative ? format.sign_bit() : 0;
  if (significand == 0) return sign;
  const int min_exponent = 1 - format.bias();
  const int top = leading_one(significand) + exponent;
  const int scale = top > min_exponent ? top : min_exponent;
  const int shift = scale - format.fraction_bits - exponent;
  const bool inward = rounding == Rounding::TowardZero || (rounding == Rounding::Up && negative) ||
                      (rounding == Rounding::Down && !negative);
  const std::uint32_t overflow = overflow_bits(format, negative, saturate || inward);
  if (scale > format.top_exponent()) return overflow;
  const std::uint64_t rounded = shift > 0
                                    ? round_shift(significand, shift, negative, rounding, random)
                                    : significand << -shift;
  // The hidden bit adds one to the exponent field, and so does a carry out of the rounding.
  const std::uint32_t bits =
      ((static_cast<std::uint32_t>(scale - min_exponent) << format.fraction_bits) +
       static_cast<std::uint32_t>(rounded))
      << format.padding;
  return bits > format.max_finite() ? overflow : sign | bits;
}

}  // namespace tsr::numerics
