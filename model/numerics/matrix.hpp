// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the matrix engine, bit for bit: what one cell does with one beat, how it
/// accumulates, is preloaded and drained. docs/numerics.md states the same contract in words, with
/// error bounds.
#pragma once

#include <cstdint>

#include "numerics/convert.hpp"
#include "numerics/format.hpp"

namespace tsr::numerics {

/// Products of one cell and one beat.
inline constexpr int kBf16Group = 4;
inline constexpr int kInt8Group = 8;

/// Sum of a group of BF16 products: s * 2^(e-280), and what special elements were met.
struct Group {
  std::int32_t s = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;
};

/// Accumulator of a cell: m * 2^(e-280) with a 48-bit m, and sticky flags.
struct Accumulator {
  std::int64_t m = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;
};

/// A BF16 element split into fields once, for use in many groups: value
/// (-1)^negative * significand * 2^(exponent-134).
struct Bf16Element {
  std::uint8_t significand;
  std::uint8_t exponent;  // biased; 1 for subnormals
  bool negative;
  bool infinite;
  bool nan;
};

constexpr Bf16Element bf16_element(std::uint16_t bits) {
  const unsigned biased = (bits >> 7) & 0xffU;
  const unsigned fraction = bits & 0x7fU;
  Bf16Element x{};
  x.negative = (bits >> 15) != 0;
  x.infinite = biased == 0xff && fraction == 0;
  x.nan = biased == 0xff && fraction != 0;
  if (biased != 0xff) {
    x.significand = static_cast<std::uint8_t>(biased == 0 ? fraction : 0x80U | fraction);
    x.exponent = static_cast<std::uint8_t>(biased == 0 ? 1 : biased);
  }
  return x;
}

/// Sum of four products, aligned to the largest product exponent in a 32-bit window: what lies
/// below the window is cut off each product's magnitude.
constexpr Group bf16_group(const Bf16Element* a, const Bf16Element* b) {
  Group group;
  std::uint32_t product[kBf16Group]{};
  int exponent[kBf16Group]{};
  int top = 0;
  for (int i = 0; i < kBf16Group; ++i) {
    const bool negative = a[i].negative != b[i].negative;
    const bool a_special = a[i].nan || a[i].infinite;
    const bool b_special = b[i].nan || b[i].infinite;
    if (a_special || b_special) {
      const bool zero =
          (!a_special && a[i].significand == 0) || (!b_special && b[i].significand == 0);
      if (a[i].nan || b[i].nan || zero) {
        group.nan = true;
      } else {
        (negative ? group.ninf : group.pinf) = true;
      }
      continue;
    }
    product[i] = static_cast<std::uint32_t>(a[i].significand) * b[i].significand;
    exponent[i] = a[i].exponent + b[i].exponent;
    if (product[i] != 0 && exponent[i] > top) top = exponent[i];
  }
  for (int i = 0; i < kBf16Group; ++i) {
    if (product[i] == 0) continue;
    const int shift = top - exponent[i];
    const auto aligned = shift > 31 ? 0 : static_cast<std::int32_t>((product[i] << 12) >> shift);
    group.s += a[i].negative != b[i].negative ? -aligned : aligned;
  }
  group.e = top;
  return group;
}

constexpr Group bf16_group(const std::uint16_t* a, const std::uint16_t* b) {
  Bf16Element x[kBf16Group]{};
  Bf16Element y[kBf16Group]{};
  for (int i = 0; i < kBf16Group; ++i) {
    x[i] = bf16_element(a[i]);
    y[i] = bf16_element(b[i]);
  }
  return bf16_group(x, y);
}

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

/// The accumulator's value rounded once, nearest-even, to FP32.
constexpr std::uint32_t drain_fp32(const Accumulator& acc) {
  if (acc.nan || (acc.pinf && acc.ninf)) return kFp32.canonical_nan();
  if (acc.pinf) return kFp32.infinity();
  if (acc.ninf) return kFp32.infinity() | kFp32.sign_bit();
  const bool negative = acc.m < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -acc.m : acc.m);
  return encode(kFp32, negative, magnitude, acc.e - 280);
}

/// Sum of eight INT8 products added to a 32-bit accumulator that wraps.
constexpr std::uint32_t int8_accumulate(std::uint32_t acc, const std::int8_t* a,
                                        const std::int8_t* b) {
  for (int i = 0; i < kInt8Group; ++i) acc += static_cast<std::uint32_t>(a[i] * b[i]);
  return acc;
}

/// ReLU of the drain: results with the sign set (-0 and -Inf too) become +0; NaN stays. The same
/// bit test serves FP32, whose canonical NaN is positive, and INT32.
constexpr std::uint32_t relu(std::uint32_t bits) { return (bits >> 31) != 0 ? 0 : bits; }

}  // namespace tsr::numerics
