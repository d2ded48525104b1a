// SPDX-License-Identifier: Apache-2.0
/// Conversions between number formats. NaN becomes the canonical NaN of the result's format.
#pragma once

#include <cstdint>
#include <cstring>

#include "numerics/format.hpp"

namespace tsr::numerics {

/// Any floating-point format to any other, rounded once.
constexpr std::uint32_t convert(const FloatFormat& from, const FloatFormat& to, std::uint32_t bits,
                                Rounding rounding = Rounding::NearestEven) {
  const Decoded x = decode(from, bits);
  const std::uint32_t sign = x.negative ? to.sign_bit() : 0;
  switch (x.kind) {
    case FloatClass::Nan:
      return to.canonical_nan();
    case FloatClass::Infinity:
      return sign | to.infinity();
    case FloatClass::Zero:
      return sign;
    case FloatClass::Finite:
      break;
  }
  return encode(to, x.negative, x.significand, x.exponent, rounding);
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
