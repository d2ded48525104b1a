// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the matrix engine, bit for bit: what one cell does with one group of products, how
/// it accumulates, is preloaded and drained. docs/numerics.md states the same contract in words,
/// with error bounds.
#pragma once

#include <cstdint>

#include "numerics/convert.hpp"
#include "numerics/format.hpp"

namespace tsr::numerics {

// ------------------------------------------------------------------ formats

constexpr bool is_fp8(ElementFormat f) {
  return f == ElementFormat::E4m3 || f == ElementFormat::E5m2;
}
constexpr bool is_fp6(ElementFormat f) {
  return f == ElementFormat::E3m2 || f == ElementFormat::E2m3;
}

/// The matrix engine multiplies elements of this format.
constexpr bool is_matrix_format(ElementFormat f) {
  switch (f) {
    case ElementFormat::Bf16:
    case ElementFormat::Int8:
    case ElementFormat::Fp16:
    case ElementFormat::Tf32:
    case ElementFormat::Fp32:
    case ElementFormat::E4m3:
    case ElementFormat::E5m2:
    case ElementFormat::E3m2:
    case ElementFormat::E2m3:
    case ElementFormat::E2m1:
    case ElementFormat::Int4:
      return true;
    default:
      return false;
  }
}

/// A and B may have these formats: equal, both FP8, or both FP6.
constexpr bool is_matrix_pair(ElementFormat a, ElementFormat b) {
  return is_matrix_format(a) && (a == b || (is_fp8(a) && is_fp8(b)) || (is_fp6(a) && is_fp6(b)));
}

/// The format has a block-scaled (MX) form.
constexpr bool is_mx_format(ElementFormat f) {
  return is_fp8(f) || is_fp6(f) || f == ElementFormat::E2m1 || f == ElementFormat::Int8;
}

/// Results are INT32 instead of FP32.
constexpr bool has_int32_results(ElementFormat f, bool mx) {
  return f == ElementFormat::Int4 || (f == ElementFormat::Int8 && !mx);
}

/// Bits of an element in memory.
constexpr int matrix_element_bits(ElementFormat f) { return element_info(f).storage_bits; }

/// Elements of a beat: 8 bytes of a row.
constexpr int beat_elements(ElementFormat f) { return 64 / matrix_element_bits(f); }

/// Elements that share a block scale along K.
inline constexpr int kScaleBlock = 32;

// ------------------------------------------------------------------ elements

/// An element split once for use in many groups.
///
/// Floating: value (-1)^negative * significand * 2^(exponent + constant of the format); exponent is
/// the biased one, 1 for subnormals. FP32 is normalized: bit 23 is set unless the element is zero,
/// and the exponent of a subnormal is 0 or less. E5M2 has its significand shifted left by one.
/// Fixed (E2M1, FP6, integers): value (-1)^negative * significand in units of 2^-1, 2^-4, 1.
struct MatrixElement {
  std::uint32_t significand = 0;
  std::int16_t exponent = 0;
  bool negative = false;
  bool infinite = false;
  bool nan = false;

  constexpr bool special() const { return infinite || nan; }
  constexpr bool zero() const { return !special() && significand == 0; }
};

constexpr MatrixElement matrix_element(ElementFormat format, std::uint32_t bits) {
  MatrixElement out;
  const ElementInfo info = element_info(format);
  if (!info.is_float) {
    const int width = info.as_int.bits;
    const auto x = static_cast<std::int32_t>(bits << (32 - width)) >> (32 - width);
    out.negative = x < 0;
    out.significand = static_cast<std::uint32_t>(x < 0 ? -x : x);
    return out;
  }
  const FloatFormat layout = info.as_float;
  const Decoded x = decode(layout, bits);
  out.negative = x.negative;
  out.infinite = x.kind == FloatClass::Infinity;
  out.nan = x.kind == FloatClass::Nan;
  if (x.kind != FloatClass::Finite) return out;
  out.significand = x.significand;
  if (format == ElementFormat::E2m1 || is_fp6(format)) {
    out.significand <<= x.exponent + (format == ElementFormat::E2m1 ? 1 : 4);
    return out;
  }
  out.exponent = static_cast<std::int16_t>(x.exponent + layout.bias() + layout.fraction_bits);
  if (format == ElementFormat::E5m2) out.significand <<= 1;
  if (format == ElementFormat::Fp32) {
    const int up = 23 - leading_one(out.significand);
    out.significand <<= up;
    out.exponent = static_cast<std::int16_t>(out.exponent - up);
  }
  return out;
}

// ------------------------------------------------------------------ groups

/// Sum of a group of products: s * 2^(e-280), or the integer s; and what special elements were met.
struct Group {
  std::int32_t s = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;
};

/// How a pair of formats is multiplied.
struct GroupRule {
  int products;   ///< of one cell, added at once
  bool floating;  ///< products are aligned to the largest exponent; else all have one exponent
  int window;     ///< left shift of a product before it is aligned or added; FP32: negative
  int exponent;   ///< of the group: plus the largest product exponent if floating
  bool int32;     ///< the sum is an integer, not scaled
};

constexpr GroupRule group_rule(ElementFormat a, ElementFormat b, bool mx) {
  const auto fp8_offset = [](ElementFormat f) { return f == ElementFormat::E4m3 ? 10 : 18; };
  switch (a) {
    case ElementFormat::Int4:
      return {16, false, 0, 0, true};
    case ElementFormat::Int8:
      return mx ? GroupRule{8, false, 11, 257, false} : GroupRule{8, false, 0, 0, true};
    case ElementFormat::E2m1:
      return {16, false, 17, 261, false};
    case ElementFormat::E3m2:
    case ElementFormat::E2m3:
      return {8, false, 8, 264, false};
    case ElementFormat::E4m3:
    case ElementFormat::E5m2:
      return {8, true, 20, 260 - fp8_offset(a) - fp8_offset(b), false};
    case ElementFormat::Fp16:
      return {4, true, 6, 224, false};
    case ElementFormat::Tf32:
      return {2, true, 6, 0, false};
    case ElementFormat::Fp32:
      return {1, true, -18, -2, false};
    default:  // BF16
      return {4, true, 12, 0, false};
  }
}

/// Sum of one group of products.
constexpr Group matrix_group(const GroupRule& rule, const MatrixElement* a,
                             const MatrixElement* b) {
  Group group;
  if (!rule.floating) {
    std::int32_t sum = 0;
    for (int i = 0; i < rule.products; ++i) {
      const auto product = static_cast<std::int32_t>(a[i].significand * b[i].significand);
      sum += a[i].negative != b[i].negative ? -product : product;
    }
    group.s = sum * (1 << rule.window);
    group.e = rule.exponent;
    return group;
  }
  bool any = false;
  int top = 0;
  for (int i = 0; i < rule.products; ++i) {
    if (a[i].special() || b[i].special()) {
      if (a[i].nan || b[i].nan || a[i].zero() || b[i].zero()) {
        group.nan = true;
      } else {
        (a[i].negative != b[i].negative ? group.ninf : group.pinf) = true;
      }
      continue;
    }
    const int exponent = a[i].exponent + b[i].exponent;
    if (a[i].zero() || b[i].zero()) continue;
    if (!any || exponent > top) top = exponent;
    any = true;
  }
  if (!any) return group;
  for (int i = 0; i < rule.products; ++i) {
    if (a[i].special() || b[i].special() || a[i].zero() || b[i].zero()) continue;
    const std::uint64_t product = std::uint64_t{a[i].significand} * b[i].significand;
    const int shift = top - a[i].exponent - b[i].exponent;
    const std::uint64_t placed = rule.window < 0 ? product >> -rule.window : product << rule.window;
    const auto aligned = shift > 31 ? 0 : static_cast<std::int32_t>(placed >> shift);
    group.s += a[i].negative != b[i].negative ? -aligned : aligned;
  }
  group.e = top + rule.exponent;
  return group;
}

/// Block scales (E8M0) of the row and the column: exponents add; 0xff is NaN.
constexpr Group scale_group(Group group, std::uint8_t a, std::uint8_t b) {
  group.e += a + b - 254;
  group.nan = group.nan || a == 0xff || b == 0xff;
  return group;
}

// ------------------------------------------------------------------ accumulator

/// Accumulator of a cell: m * 2^(e-280) with a 48-bit m, and sticky flags.
struct Accumulator {
  std::int64_t m = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;
};

/// Add a group: the operand with the smaller exponent is shifted down (floor). An accumulator that
/// fits 32 bits is first moved down by up to 15 bits, so that after cancellation small groups still
/// count.
constexpr void accumulate(Accumulator& acc, const Group& group) {
  acc.nan = acc.nan || group.nan;
  acc.pinf = acc.pinf || group.pinf;
  acc.ninf = acc.ninf || group.ninf;
  if (group.s == 0) return;
  std::int64_t addend = group.s;
  if (acc.m == 0) {
    acc.e = group.e;
  } else if (group.e >= acc.e) {
    const int distance = group.e - acc.e;
    acc.m >>= distance > 47 ? 47 : distance;
    acc.e = group.e;
  } else {
    int distance = acc.e - group.e;
    if (acc.m == static_cast<std::int32_t>(acc.m)) {
      const int down = distance > 15 ? 15 : distance;
      acc.m *= std::int64_t{1} << down;
      acc.e -= down;
      distance -= down;
    }
    addend >>= distance > 31 ? 31 : distance;
  }
  acc.m += addend;
  const std::int64_t limit = std::int64_t{1} << 46;
  if (acc.m >= limit || acc.m < -limit) {
    acc.m >>= 8;
    acc.e += 8;
  }
}

/// Add an integer group: 32 bits, wraps.
constexpr std::uint32_t accumulate_int32(std::uint32_t acc, const Group& group) {
  return acc + static_cast<std::uint32_t>(group.s);
}

/// Accumulator that holds an FP32 number exactly.
constexpr Accumulator preload_fp32(std::uint32_t bits) {
  const Decoded x = decode(kFp32, bits);
  Accumulator acc;
  acc.nan = x.kind == FloatClass::Nan;
  acc.pinf = x.kind == FloatClass::Infinity && !x.negative;
  acc.ninf = x.kind == FloatClass::Infinity && x.negative;
  if (x.kind == FloatClass::Finite) {
    const auto magnitude = static_cast<std::int64_t>(x.significand) << 7;
    acc.m = x.negative ? -magnitude : magnitude;
    acc.e = x.exponent - 7 + 280;
  }
  return acc;
}

// ------------------------------------------------------------------ drain

/// The accumulator's value rounded once, nearest-even, to FP32.
constexpr std::uint32_t drain_fp32(const Accumulator& acc) {
  if (acc.nan || (acc.pinf && acc.ninf)) return kFp32.canonical_nan();
  if (acc.pinf) return kFp32.infinity();
  if (acc.ninf) return kFp32.infinity() | kFp32.sign_bit();
  const bool negative = acc.m < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -acc.m : acc.m);
  return encode(kFp32, negative, magnitude, acc.e - 280);
}

/// FP32 bits of an infinity of either sign; of a NaN.
constexpr bool is_fp32_infinity(std::uint32_t bits) {
  return (bits & 0x7fff'ffffU) == kFp32.infinity();
}
constexpr bool is_fp32_nan(std::uint32_t bits) { return (bits & 0x7fff'ffffU) > kFp32.infinity(); }

/// ReLU of the drain: results with the sign set (-0 and -Inf too) become +0; NaN stays. The same
/// bit test serves FP32, whose canonical NaN is positive, and INT32.
constexpr std::uint32_t relu(std::uint32_t bits) { return (bits >> 31) != 0 ? 0 : bits; }

}  // namespace tsr::numerics
