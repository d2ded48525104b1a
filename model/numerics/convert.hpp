// SPDX-License-Identifier: Apache-2.0
/// Conversions between number formats. NaN becomes the canonical NaN of the result's format.
#pragma once

#include <cstdint>
#include <cstring>

#include "numerics/format.hpp"

namespace tsr::numerics {

/// Any floating-point format to any other, rounded once. With `saturate` a finite number that is
/// too large becomes the largest finite one. An infinity stays one if the result's format has it,
/// except that saturating FP8 gives the largest finite number (OCP FP8 1.0, table of conversions);
/// without saturation E4M3 gives NaN. FP6 and FP4 give their largest number for infinities (with
/// its sign) and for NaN (positive).
constexpr std::uint32_t convert(const FloatFormat& from, const FloatFormat& to, std::uint32_t bits,
                                Rounding rounding = Rounding::NearestEven, bool saturate = false,
                                std::uint32_t random = 0) {
  const Decoded x = decode(from, bits);
  const std::uint32_t sign = x.negative ? to.sign_bit() : 0;
  switch (x.kind) {
    case FloatClass::Nan:
      return to.canonical_nan();
    case FloatClass::Infinity:
      return overflow_bits(to, x.negative, saturate && to.total_bits() <= 8);
    case FloatClass::Zero:
      return sign;
    case FloatClass::Finite:
      break;
  }
  return encode(to, x.negative, x.significand, x.exponent, rounding, saturate, random);
}

/// Result of a conversion to an integer.
struct IntResult {
  std::int32_t value;  ///< saturated to the format's range; 0 for NaN
  bool invalid;        ///< the operand was NaN or out of range
};

/// An integer of any width, saturated to `to`.
constexpr IntResult saturate_int(const IntFormat& to, std::int64_t x) {
  if (x > to.max()) return {static_cast<std::int32_t>(to.max()), true};
  if (x < to.min()) return {static_cast<std::int32_t>(to.min()), true};
  return {static_cast<std::int32_t>(x), false};
}

/// A floating-point number rounded to an integer, then saturated.
constexpr IntResult float_to_int(const FloatFormat& from, const IntFormat& to, std::uint32_t bits,
                                 Rounding rounding = Rounding::NearestEven,
                                 std::uint32_t random = 0) {
  const Decoded x = decode(from, bits);
  switch (x.kind) {
    case FloatClass::Nan:
      return {0, true};
    case FloatClass::Zero:
      return {0, false};
    case FloatClass::Infinity:
      return {static_cast<std::int32_t>(x.negative ? to.min() : to.max()), true};
    case FloatClass::Finite:
      break;
  }
  std::uint64_t magnitude = x.significand;
  if (x.exponent < 0) {
    magnitude = round_shift(magnitude, -x.exponent, x.negative, rounding, random);
  } else {
    magnitude <<= x.exponent > 32 ? 32 : x.exponent;  // beyond every format in any case
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return saturate_int(to, x.negative ? -value : value);
}

/// A 32-bit integer to a floating-point format, rounded once. Zero gives +0.
constexpr std::uint32_t int_to_float(const FloatFormat& to, std::int32_t x,
                                     Rounding rounding = Rounding::NearestEven,
                                     bool saturate = false, std::uint32_t random = 0) {
  const std::int64_t wide = x;
  return encode(to, x < 0, static_cast<std::uint64_t>(x < 0 ? -wide : wide), 0, rounding, saturate,
                random);
}

/// The integer that `bits` means in `format`; higher bits are ignored.
constexpr std::int32_t decode_int(const IntFormat& format, std::uint32_t bits) {
  const std::uint32_t mask = format.bits == 32 ? ~0U : (1U << format.bits) - 1;
  const std::uint32_t sign = format.is_signed ? 1U << (format.bits - 1) : 0;
  return static_cast<std::int32_t>(((bits & mask) ^ sign) - sign);
}

/// FP32 bits of the scale 2^(e-127); 0xFF is NaN (OCP MX 1.0, E8M0). Exact: e = 0 is subnormal.
constexpr std::uint32_t e8m0_to_fp32(std::uint8_t e) {
  if (e == 0xff) return kFp32.canonical_nan();
  return e == 0 ? 0x0040'0000 : static_cast<std::uint32_t>(e) << 23;
}

/// An element as it lies in memory to the 32-bit word that the vector engine computes with: FP32
/// bits, or INT32 for integer formats. Exact.
constexpr std::uint32_t load_element(ElementFormat format, std::uint32_t code) {
  if (format == ElementFormat::E8m0) return e8m0_to_fp32(static_cast<std::uint8_t>(code));
  if (is_float(format)) {
    return convert(float_format(format), kFp32, code);
  }
  return static_cast<std::uint32_t>(decode_int(int_format(format), code));
}

/// How an output port converts.
struct StoreMode {
  bool from_int = false;  ///< the word is INT32, else FP32
  Rounding rounding = Rounding::NearestEven;
  bool saturate = false;     ///< floating-point overflow gives the largest finite number
  std::uint32_t random = 0;  ///< for Rounding::Stochastic
};

/// A 32-bit word to the element as it lies in memory, rounded once; integers saturate, NaN gives 0.
/// E8M0 takes the exponent of an FP32 number: toward zero to a power of two, at least 2^-127;
/// infinity and NaN give 0xFF. From INT32 it takes that of the number rounded to FP32.
constexpr std::uint32_t store_element(ElementFormat format, std::uint32_t word,
                                      const StoreMode& mode = {}) {
  const auto integer = static_cast<std::int32_t>(word);
  if (format == ElementFormat::E8m0) {
    const std::uint32_t x = mode.from_int ? int_to_float(kFp32, integer) : word;
    return (x >> 23) & 0xff;
  }
  if (is_float(format)) {
    const FloatFormat to = float_format(format);
    return mode.from_int ? int_to_float(to, integer, mode.rounding, mode.saturate, mode.random)
                         : convert(kFp32, to, word, mode.rounding, mode.saturate, mode.random);
  }
  const IntFormat to = int_format(format);
  const IntResult result = mode.from_int
                               ? saturate_int(to, integer)
                               : float_to_int(kFp32, to, word, mode.rounding, mode.random);
  const std::uint32_t mask = to.bits == 32 ? ~0U : (1U << to.bits) - 1;
  return static_cast<std::uint32_t>(result.value) & mask;
}

/// What a conversion by store_element() lost beyond precision.
struct StoreFlags {
  bool nan = false;       ///< the word is NaN
  bool overflow = false;  ///< it is infinite, or beyond the largest number after rounding
};

/// Flags of store_element(). "After rounding" is as if exponents had no end.
constexpr StoreFlags store_flags(ElementFormat format, std::uint32_t word,
                                 const StoreMode& mode = {}) {
  const auto integer = static_cast<std::int32_t>(word);
  if (!mode.from_int) {
    const FloatClass kind = decode(kFp32, word).kind;
    if (kind == FloatClass::Nan) return {true, false};
    if (kind == FloatClass::Infinity) return {false, true};
  }
  if (format == ElementFormat::E8m0 || format == ElementFormat::Fp32) return {};
  if (!is_float(format)) {
    const IntFormat to = int_format(format);
    const IntResult result = mode.from_int
                                 ? saturate_int(to, integer)
                                 : float_to_int(kFp32, to, word, mode.rounding, mode.random);
    return {false, result.invalid};
  }
  const FloatFormat to = float_format(format);
  const FloatFormat wide{10, to.fraction_bits};
  const Decoded largest = decode(to, to.max_finite());
  const std::uint32_t rounded = mode.from_int
                                    ? int_to_float(wide, integer, mode.rounding, false, mode.random)
                                    : convert(kFp32, wide, word, mode.rounding, false, mode.random);
  return {false, (rounded & ~wide.sign_bit()) >
                     encode(wide, false, largest.significand, largest.exponent)};
}

constexpr std::uint16_t fp32_to_bf16(std::uint32_t bits,
                                     Rounding rounding = Rounding::NearestEven) {
  return static_cast<std::uint16_t>(convert(kFp32, kBf16, bits, rounding));
}

/// Exact, but for NaN payloads.
constexpr std::uint32_t bf16_to_fp32(std::uint16_t bits) { return convert(kBf16, kFp32, bits); }

/// The bit pattern of a host float, and back.
inline std::uint32_t bits_of(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

}  // namespace tsr::numerics
