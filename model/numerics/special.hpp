// SPDX-License-Identifier: Apache-2.0
/// Special functions of the vector engine, bit for bit: reduce the argument to a table address and
/// a position x in the interval, interpolate v = c0 + (c1 + c2 x) x, then round once to FP32. The
/// four steps are those of rtl/ve/tsr_sfu_pkg.sv; integer arithmetic within 64 bits.
#pragma once

#include <cstdint>

#include "numerics/format.hpp"
#include "numerics/special_tables.hpp"
#include "numerics/vector.hpp"

namespace tsr::numerics {

/// Numbered as the low three bits of the operations in VecOp.
enum class Special : std::uint8_t {
  Exp2 = 0,   ///< 2^a
  Log2 = 1,   ///< log2(a)
  Rcp = 2,    ///< 1 / a
  Rsqrt = 3,  ///< 1 / sqrt(a)
  Tanh = 4,
  Sin = 5,  ///< sin(2 pi a)
  Cos = 6,  ///< cos(2 pi a)
  Phi = 7   ///< cumulative distribution of the standard normal distribution
};

namespace sfu {

/// What the last step makes of the interpolated v.
enum class Finish : std::uint8_t {
  Scale = 0,  ///< v * 2^exponent
  Log = 1,    ///< exponent + v
  Tail = 2,   ///< 1 - v * 2^exponent
  Fixed = 3   ///< no interpolation: `fixed` is the result
};

enum class Fixed : std::uint8_t { Zero = 0, One = 1, Infinity = 2, Nan = 3 };

/// An argument after reduction.
struct Prepared {
  unsigned address = 0;  ///< 10 bits
  std::uint32_t x = 0;   ///< 20 bits: position in the interval
  int exponent = 0;      ///< 10 bits, signed
  Finish finish = Finish::Scale;
  Fixed fixed = Fixed::Zero;
  bool negative = false;  ///< of the result; Log and Nan decide for themselves
};

constexpr Prepared fixed_result(Fixed value, bool negative) {
  Prepared p;
  p.finish = Finish::Fixed;
  p.fixed = value;
  p.negative = negative;
  return p;
}

inline constexpr std::uint64_t kOne28 = std::uint64_t{1} << 28;

constexpr Prepared prepare_exp2(std::uint64_t fixed, bool negative, unsigned biased) {
  if (biased >= 135) return fixed_result(negative ? Fixed::Zero : Fixed::Infinity, false);
  const std::int64_t power =
      negative ? -static_cast<std::int64_t>(fixed) : static_cast<std::int64_t>(fixed);
  const auto fraction = static_cast<std::uint32_t>(power & 0xfff'ffff);
  Prepared p;
  p.address = fraction >> 23;
  p.x = fraction >> 3 & 0xf'ffff;
  p.exponent = static_cast<int>(power >> 28);
  return p;
}

/// sin(2 pi a), with a quarter added first for the cosine. `m` and `e` are those of tanh below.
constexpr Prepared prepare_sin(std::uint64_t fixed, bool negative, std::uint32_t m, int e,
                               bool cosine) {
  Prepared p;
  if (!cosine && e < -12) {
    p.address = 32 + (m >> 20);
    p.x = m & 0xf'ffff;
    p.exponent = e + 4;
    p.negative = negative;
    return p;
  }
  const std::uint64_t turn = fixed + (cosine ? kOne28 / 4 : 0);
  const auto quarter = static_cast<std::uint32_t>(turn) & 0x3ff'ffff;
  const bool mirrored = (turn >> 26 & 1) != 0;
  // Zeros of the sine have the sign of the argument, those of the cosine are positive.
  const bool zero = !mirrored && quarter == 0;
  p.negative = (!cosine && negative) != ((turn >> 27 & 1) != 0 && !zero);
  if (mirrored && quarter == 0) return fixed_result(Fixed::One, p.negative);
  const std::uint32_t t = mirrored ? 0x400'0000 - quarter : quarter;
  p.address = 256 + (t >> 20);
  p.x = t & 0xf'ffff;
  return p;
}

/// Argument 2^e * (1 + m * 2^-23).
constexpr Prepared prepare_tanh(bool negative, std::uint32_t m, int e) {
  if (e >= 3) return fixed_result(Fixed::One, negative);
  Prepared p;
  p.negative = negative;
  if (e >= -1) {
    p.address = 384 + ((static_cast<unsigned>(e) & 3) << 5) + (m >> 18);
    p.x = m << 2 & 0xf'ffff;
  } else if (e >= -3) {
    p.address = 320 + ((static_cast<unsigned>(e) & 1) << 4) + (m >> 19);
    p.x = m << 1 & 0xf'ffff;
    p.exponent = e + 1;
  } else {
    const bool tiny = e < -11;
    p.address = (tiny ? 40 : 896 + ((static_cast<unsigned>(e) & 7) << 3)) + (m >> 20);
    p.x = m & 0xf'ffff;
    p.exponent = tiny ? e + 2 : e + 1;
  }
  return p;
}

/// Intervals of 1/16, 1/32, 1/64, 1/128 of |a|.
constexpr Prepared prepare_phi(std::uint64_t fixed, bool negative, unsigned biased) {
  // 6.125 and beyond
  if (biased >= 135 || fixed >= 49 * (kOne28 >> 3)) {
    return fixed_result(negative ? Fixed::Zero : Fixed::One, false);
  }
  const auto block = static_cast<unsigned>(fixed >> 25);
  const int shift = block < 8 ? 4 : block < 20 ? 3 : block < 44 ? 2 : 1;
  const unsigned base = block < 8 ? 512 : block < 20 ? 496 : block < 44 ? 416 : 64;
  Prepared p;
  p.address = base + static_cast<unsigned>(fixed >> (20 + shift));
  p.x = static_cast<std::uint32_t>(fixed >> shift) & 0xf'ffff;
  p.exponent = -kSfuPhiShift[block];
  p.finish = negative ? Finish::Scale : Finish::Tail;
  return p;
}

/// Step 1: reduce the argument.
constexpr Prepared prepare(Special op, std::uint32_t a) {
  const bool negative = (a & kFp32Sign) != 0;
  const unsigned biased = a >> 23 & 0xff;
  const std::uint32_t fraction = a & 0x7f'ffff;
  const bool zero = (a & ~kFp32Sign) == 0;
  const bool infinite = biased == 255 && fraction == 0;
  if (biased == 255 && fraction != 0) return fixed_result(Fixed::Nan, false);

  // Fixed point with 28 fraction bits, for exp2, sin, cos and phi; zero where only the integer part
  // would be left (2^23 and beyond: exp2 and phi have decided by then).
  const unsigned place = biased == 0 ? 1 : biased;
  const std::uint64_t significand = fraction | (biased == 0 ? 0U : 1U << 23);
  std::uint64_t fixed = 0;
  if (place < 122) {
    fixed = place < 98 ? 0 : significand >> (122 - place);
  } else if (place < 150) {
    fixed = significand << (place - 122);
  }
  // Normalized: 2^e * (1 + m * 2^-23), for the others.
  const int lead = zero ? 0 : 23 - leading_one(significand);
  const int e = static_cast<int>(place) - 127 - lead;
  const auto m = static_cast<std::uint32_t>(significand << lead) & 0x7f'ffff;

  Prepared p;
  switch (op) {
    case Special::Exp2:
      return prepare_exp2(fixed, negative, biased);
    case Special::Log2:
      if (zero) return fixed_result(Fixed::Infinity, true);
      if (negative) return fixed_result(Fixed::Nan, false);
      if (infinite) return fixed_result(Fixed::Infinity, false);
      p.address = 64 + (m >> 17);
      p.x = m << 3 & 0xf'ffff;
      p.exponent = e;
      p.finish = Finish::Log;
      return p;
    case Special::Rcp:
      if (zero) return fixed_result(Fixed::Infinity, negative);
      if (infinite) return fixed_result(Fixed::Zero, negative);
      p.address = 128 + (m >> 17);
      p.x = m << 3 & 0xf'ffff;
      p.exponent = -e;
      p.negative = negative;
      return p;
    case Special::Rsqrt: {
      if (zero) return fixed_result(Fixed::Infinity, negative);
      if (negative) return fixed_result(Fixed::Nan, false);
      if (infinite) return fixed_result(Fixed::Zero, false);
      const unsigned odd = static_cast<unsigned>(e) & 1;
      p.address = 192 + (odd << 5) + (m >> 18);
      p.x = m << 2 & 0xf'ffff;
      p.exponent = -(e >> 1);
      return p;
    }
    case Special::Tanh:
      if (zero) return fixed_result(Fixed::Zero, negative);
      return prepare_tanh(negative, m, e);
    case Special::Sin:
    case Special::Cos:
      if (infinite) return fixed_result(Fixed::Nan, false);
      if (zero && op == Special::Sin) return fixed_result(Fixed::Zero, negative);
      return prepare_sin(fixed, negative, m, e, op == Special::Cos);
    case Special::Phi:
      return prepare_phi(fixed, negative, biased);
  }
  return p;
}

/// Step 2: slope c1 + c2 x of a table word, in units of 2^-27.
constexpr std::int64_t slope(std::uint64_t word, std::uint32_t x) {
  const auto c1 = static_cast<std::int64_t>(word << 27) >> 42;
  const auto c2 = static_cast<std::int64_t>(word << 49) >> 49;
  return c1 * 4 + ((c2 * static_cast<std::int64_t>(x >> 5)) >> 11);
}

/// Step 3: v = c0 + slope x in units of 2^-28, 30 bits, never negative.
constexpr std::uint64_t value(std::uint64_t word, std::int64_t slope_of_x, std::uint32_t x) {
  const auto c0 = static_cast<std::int64_t>(word >> 37);
  return static_cast<std::uint64_t>(c0 * 4 + ((slope_of_x * static_cast<std::int64_t>(x)) >> 19));
}

/// Step 4: the result, rounded nearest-even.
constexpr std::uint32_t finish(const Prepared& p, std::uint64_t v) {
  const std::uint32_t sign = p.negative ? kFp32Sign : 0;
  switch (p.finish) {
    case Finish::Fixed:
      return p.fixed == Fixed::Nan        ? kFp32Nan
             : p.fixed == Fixed::Infinity ? sign | kFp32Inf
             : p.fixed == Fixed::One      ? sign | kFp32One
                                          : sign;
    case Finish::Log: {
      const std::int64_t log = static_cast<std::int64_t>(p.exponent) * (std::int64_t{1} << 28) +
                               static_cast<std::int64_t>(v);
      return encode(kFp32, log < 0, static_cast<std::uint64_t>(log < 0 ? -log : log), -28);
    }
    case Finish::Tail:
      return encode(kFp32, false, kOne28 - (v >> -p.exponent), -28);
    case Finish::Scale:
      break;
  }
  return encode(kFp32, p.negative, v, p.exponent - 28);
}

}  // namespace sfu

/// Value of a special function of FP32 number `a`.
constexpr std::uint32_t special(Special op, std::uint32_t a) {
  const sfu::Prepared p = sfu::prepare(op, a);
  if (p.finish == sfu::Finish::Fixed) return sfu::finish(p, 0);
  const std::uint64_t word = kSfuTable[p.address];
  return sfu::finish(p, sfu::value(word, sfu::slope(word, p.x), p.x));
}

/// Result of any operation of a stage.
constexpr std::uint32_t vec_op(VecOp op, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                               Rounding rounding = Rounding::NearestEven) {
  const auto code = static_cast<unsigned>(op);
  if (code >= 40 && code <= 47) return special(static_cast<Special>(code & 7), a);
  return arithmetic_op(op, a, b, c, rounding);
}

}  // namespace tsr::numerics
