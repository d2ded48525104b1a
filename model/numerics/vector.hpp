// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the vector engine, bit for bit, on 32-bit words that are FP32 or INT32: integer
/// arithmetic only. Special functions are in numerics/special.hpp; docs/vector-numerics.md states
/// the same contract in words.
#pragma once

#include <array>
#include <cstdint>

#include "numerics/convert.hpp"
#include "numerics/format.hpp"

namespace tsr::numerics {

inline constexpr std::uint32_t kFp32Nan = 0x7fc0'0000;
inline constexpr std::uint32_t kFp32Inf = 0x7f80'0000;
inline constexpr std::uint32_t kFp32Sign = 0x8000'0000;
inline constexpr std::uint32_t kFp32One = 0x3f80'0000;

constexpr bool fp32_is_nan(std::uint32_t x) { return (x & ~kFp32Sign) > kFp32Inf; }
constexpr bool fp32_is_inf(std::uint32_t x) { return (x & ~kFp32Sign) == kFp32Inf; }
constexpr bool fp32_is_zero(std::uint32_t x) { return (x & ~kFp32Sign) == 0; }

// ------------------------------------------------------------------ FP32 arithmetic

namespace detail {

/// A magnitude with its leading one at bit 61 (or zero), times 2^exponent.
struct Normalized {
  bool negative;
  std::uint64_t magnitude;
  int exponent;
};

constexpr Normalized normalize(bool negative, std::uint64_t magnitude, int exponent) {
  if (magnitude == 0) return {negative, 0, 0};
  const int shift = 61 - leading_one(magnitude);
  return {negative, magnitude << shift, exponent - shift};
}

/// x >> shift with every lost one kept in bit 0. That bit is far below the rounding position.
constexpr std::uint64_t shift_sticky(std::uint64_t x, int shift) {
  if (shift == 0) return x;
  if (shift > 63) return x != 0 ? 1 : 0;
  return (x >> shift) | ((x & ((std::uint64_t{1} << shift) - 1)) != 0 ? 1 : 0);
}

/// a + b rounded once, nearest-even. An exact zero from opposite signs is +0.
constexpr std::uint32_t add_round(const Normalized& a, const Normalized& b) {
  if (a.magnitude == 0 && b.magnitude == 0) {
    return a.negative && b.negative ? kFp32Sign : 0;
  }
  if (a.magnitude == 0) return encode(kFp32, b.negative, b.magnitude, b.exponent);
  if (b.magnitude == 0) return encode(kFp32, a.negative, a.magnitude, a.exponent);
  const bool swap = a.exponent < b.exponent;
  const Normalized& large = swap ? b : a;
  const Normalized& small = swap ? a : b;
  const std::uint64_t aligned = shift_sticky(small.magnitude, large.exponent - small.exponent);
  if (large.negative == small.negative) {
    return encode(kFp32, large.negative, large.magnitude + aligned, large.exponent);
  }
  if (large.magnitude == aligned) return 0;
  const bool larger = large.magnitude > aligned;
  return encode(kFp32, larger ? large.negative : small.negative,
                larger ? large.magnitude - aligned : aligned - large.magnitude, large.exponent);
}

}  // namespace detail

/// a * b + c rounded once (IEEE 754 fusedMultiplyAdd, nearest-even). Subnormals are kept; every NaN
/// is the canonical one.
constexpr std::uint32_t fp32_fma(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  if (fp32_is_nan(a) || fp32_is_nan(b) || fp32_is_nan(c)) return kFp32Nan;
  const bool negative = ((a ^ b) & kFp32Sign) != 0;
  if (fp32_is_inf(a) || fp32_is_inf(b)) {
    if (fp32_is_zero(a) || fp32_is_zero(b)) return kFp32Nan;
    const std::uint32_t product = kFp32Inf | (negative ? kFp32Sign : 0);
    return fp32_is_inf(c) && c != product ? kFp32Nan : product;
  }
  if (fp32_is_inf(c)) return c;
  const Decoded x = decode(kFp32, a);
  const Decoded y = decode(kFp32, b);
  const Decoded z = decode(kFp32, c);
  const std::uint64_t product = static_cast<std::uint64_t>(x.significand) * y.significand;
  return detail::add_round(detail::normalize(negative, product, x.exponent + y.exponent),
                           detail::normalize(z.negative, z.significand, z.exponent));
}

constexpr std::uint32_t fp32_neg(std::uint32_t x) { return x ^ kFp32Sign; }
constexpr std::uint32_t fp32_abs(std::uint32_t x) { return x & ~kFp32Sign; }

constexpr std::uint32_t fp32_add(std::uint32_t a, std::uint32_t b) {
  return fp32_fma(a, kFp32One, b);
}
constexpr std::uint32_t fp32_sub(std::uint32_t a, std::uint32_t b) {
  return fp32_fma(a, kFp32One, fp32_neg(b));
}
constexpr std::uint32_t fp32_mul(std::uint32_t a, std::uint32_t b) {
  // Adding a zero of the product's sign leaves the sign of a zero product as it is.
  return fp32_fma(a, b, (a ^ b) & kFp32Sign);
}

// ------------------------------------------------------------------ comparison and selection

/// Order of FP32 numbers as signed integers; -0 is just below +0. Not for NaN.
constexpr std::int32_t fp32_key(std::uint32_t x) {
  return static_cast<std::int32_t>((x & kFp32Sign) != 0 ? ~x ^ kFp32Sign : x);
}

/// IEEE 754 minimumNumber and maximumNumber: a NaN loses, -0 < +0, two NaNs give the canonical one.
constexpr std::uint32_t fp32_min(std::uint32_t a, std::uint32_t b) {
  if (fp32_is_nan(a)) return fp32_is_nan(b) ? kFp32Nan : b;
  if (fp32_is_nan(b)) return a;
  return fp32_key(b) < fp32_key(a) ? b : a;
}
constexpr std::uint32_t fp32_max(std::uint32_t a, std::uint32_t b) {
  if (fp32_is_nan(a)) return fp32_is_nan(b) ? kFp32Nan : b;
  if (fp32_is_nan(b)) return a;
  return fp32_key(b) > fp32_key(a) ? b : a;
}

constexpr bool fp32_unordered(std::uint32_t a, std::uint32_t b) {
  return fp32_is_nan(a) || fp32_is_nan(b);
}
constexpr bool fp32_eq(std::uint32_t a, std::uint32_t b) {
  return !fp32_unordered(a, b) && (a == b || (fp32_is_zero(a) && fp32_is_zero(b)));
}
constexpr bool fp32_lt(std::uint32_t a, std::uint32_t b) {
  return !fp32_unordered(a, b) && !fp32_eq(a, b) && fp32_key(a) < fp32_key(b);
}
constexpr bool fp32_le(std::uint32_t a, std::uint32_t b) {
  return !fp32_unordered(a, b) && (fp32_eq(a, b) || fp32_key(a) < fp32_key(b));
}

/// Result word of a comparison.
constexpr std::uint32_t mask_word(bool condition) { return condition ? ~0U : 0U; }

/// a has its sign bit set ? b : c.
constexpr std::uint32_t select(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return (a >> 31) != 0 ? b : c;
}

// ------------------------------------------------------------------ INT32

constexpr std::int32_t as_int(std::uint32_t x) { return static_cast<std::int32_t>(x); }

/// Sum and difference that stop at the ends of INT32; plain + and - on uint32_t wrap.
constexpr std::uint32_t int_add_sat(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(
      saturate_int(kInt32, std::int64_t{as_int(a)} + as_int(b)).value);
}
constexpr std::uint32_t int_sub_sat(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(
      saturate_int(kInt32, std::int64_t{as_int(a)} - as_int(b)).value);
}
constexpr std::uint32_t int_min(std::uint32_t a, std::uint32_t b) {
  return as_int(b) < as_int(a) ? b : a;
}
constexpr std::uint32_t int_max(std::uint32_t a, std::uint32_t b) {
  return as_int(b) > as_int(a) ? b : a;
}
constexpr std::uint32_t shift_left(std::uint32_t a, std::uint32_t b) { return a << (b & 31); }
constexpr std::uint32_t shift_right(std::uint32_t a, std::uint32_t b) { return a >> (b & 31); }
constexpr std::uint32_t shift_right_arith(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(as_int(a) >> (b & 31));
}

// ------------------------------------------------------------------ FP32 <-> INT32, rounding

namespace detail {
/// Stages have no random word: they round stochastic as nearest-even.
constexpr Rounding stage_rounding(Rounding rounding) {
  return rounding == Rounding::Stochastic ? Rounding::NearestEven : rounding;
}
}  // namespace detail

/// FP32 to INT32, saturating, NaN gives 0.
constexpr std::uint32_t f2i(std::uint32_t x, Rounding rounding = Rounding::NearestEven) {
  return static_cast<std::uint32_t>(
      float_to_int(kFp32, kInt32, x, detail::stage_rounding(rounding)).value);
}

constexpr std::uint32_t i2f(std::uint32_t x, Rounding rounding = Rounding::NearestEven) {
  return int_to_float(kFp32, as_int(x), detail::stage_rounding(rounding));
}

/// FP32 to an integral FP32 number (IEEE 754 roundToIntegral); a zero result keeps the sign.
constexpr std::uint32_t round_integral(std::uint32_t x, Rounding rounding = Rounding::NearestEven) {
  const Decoded d = decode(kFp32, x);
  if (d.kind == FloatClass::Nan) return kFp32Nan;
  if (d.kind != FloatClass::Finite || d.exponent >= 0) return x;
  const std::uint64_t magnitude =
      round_shift(d.significand, -d.exponent, d.negative, detail::stage_rounding(rounding));
  return encode(kFp32, d.negative, magnitude, 0);
}

// ------------------------------------------------------------------ operations of a stage

/// Numbered as op_e of rtl/ve/tsr_ve_pkg.sv. Special functions are in numerics/special.hpp.
enum class VecOp : std::uint8_t {
  Pass = 0,
  AddI = 1,
  SubI = 2,
  AddSat = 3,
  SubSat = 4,
  MinI = 5,
  MaxI = 6,
  MinF = 7,
  MaxF = 8,
  EqI = 9,
  LtI = 10,
  LeI = 11,
  EqF = 12,
  LtF = 13,
  LeF = 14,
  Sel = 15,
  And = 16,
  Or = 17,
  Xor = 18,
  Shl = 19,
  Shr = 20,
  Sar = 21,
  F2I = 22,
  I2F = 23,
  Round = 24,
  Unord = 25,
  Fma = 32,
  Mul = 33,
  Add = 34,
  Sub = 35,
  Exp2 = 40,
  Log2 = 41,
  Rcp = 42,
  Rsqrt = 43,
  Tanh = 44,
  Sin = 45,
  Cos = 46,
  Phi = 47
};

/// Result of every operation but the special functions (those give 0; see vec_op() in special.hpp).
constexpr std::uint32_t arithmetic_op(VecOp op, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                                      Rounding rounding = Rounding::NearestEven) {
  switch (op) {
    case VecOp::Pass:
      return a;
    case VecOp::AddI:
      return a + b;
    case VecOp::SubI:
      return a - b;
    case VecOp::AddSat:
      return int_add_sat(a, b);
    case VecOp::SubSat:
      return int_sub_sat(a, b);
    case VecOp::MinI:
      return int_min(a, b);
    case VecOp::MaxI:
      return int_max(a, b);
    case VecOp::MinF:
      return fp32_min(a, b);
    case VecOp::MaxF:
      return fp32_max(a, b);
    case VecOp::EqI:
      return mask_word(a == b);
    case VecOp::LtI:
      return mask_word(as_int(a) < as_int(b));
    case VecOp::LeI:
      return mask_word(as_int(a) <= as_int(b));
    case VecOp::EqF:
      return mask_word(fp32_eq(a, b));
    case VecOp::LtF:
      return mask_word(fp32_lt(a, b));
    case VecOp::LeF:
      return mask_word(fp32_le(a, b));
    case VecOp::Sel:
      return select(a, b, c);
    case VecOp::And:
      return a & b;
    case VecOp::Or:
      return a | b;
    case VecOp::Xor:
      return a ^ b;
    case VecOp::Shl:
      return shift_left(a, b);
    case VecOp::Shr:
      return shift_right(a, b);
    case VecOp::Sar:
      return shift_right_arith(a, b);
    case VecOp::F2I:
      return f2i(a, rounding);
    case VecOp::I2F:
      return i2f(a, rounding);
    case VecOp::Round:
      return round_integral(a, rounding);
    case VecOp::Unord:
      return mask_word(fp32_unordered(a, b));
    case VecOp::Fma:
      return fp32_fma(a, b, c);
    case VecOp::Mul:
      return fp32_mul(a, b);
    case VecOp::Add:
      return fp32_add(a, b);
    case VecOp::Sub:
      return fp32_sub(a, b);
    default:
      return 0;
  }
}

// ------------------------------------------------------------------ wide reduction sum

inline constexpr int kVecLanes = 16;

/// Sum of the 16 lanes of a group: s * 2^(e-162), and what special numbers were met.
struct SumGroup {
  std::int64_t s = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;
};

/// Lanes with a clear bit in `valid` do not count. Magnitudes are aligned to the largest exponent
/// and cut 12 bits below an FP32 ulp of the largest number.
constexpr SumGroup sum_group(const std::uint32_t* x, std::uint32_t valid) {
  SumGroup group;
  Decoded d[kVecLanes]{};
  for (int i = 0; i < kVecLanes; ++i) {
    d[i] = (valid >> i & 1) != 0 ? decode(kFp32, x[i]) : Decoded{FloatClass::Zero, false, 0, 0};
    group.nan = group.nan || d[i].kind == FloatClass::Nan;
    if (d[i].kind == FloatClass::Infinity) (d[i].negative ? group.ninf : group.pinf) = true;
    if (d[i].kind == FloatClass::Finite && d[i].exponent + 150 > group.e) {
      group.e = d[i].exponent + 150;
    }
  }
  for (int i = 0; i < kVecLanes; ++i) {
    if (d[i].kind != FloatClass::Finite) continue;
    const int shift = group.e - (d[i].exponent + 150);
    const std::uint64_t wide = static_cast<std::uint64_t>(d[i].significand) << 12;
    const auto term = static_cast<std::int64_t>(shift > 63 ? 0 : wide >> shift);
    group.s += d[i].negative ? -term : term;
  }
  return group;
}

/// Accumulator of the reduction sum: m * 2^(e-162) with a 60-bit m, and sticky flags.
struct VecSum {
  std::int64_t m = 0;
  int e = 0;
  bool nan = false;
  bool pinf = false;
  bool ninf = false;

  /// Add a group. The operand with the smaller exponent is shifted down (floor); a sum that fits 44
  /// bits is first moved down by up to 15 bits, so that small groups count after a cancellation.
  constexpr void add(const SumGroup& group) {
    nan = nan || group.nan;
    pinf = pinf || group.pinf;
    ninf = ninf || group.ninf;
    if (group.s == 0) return;
    std::int64_t addend = group.s;
    if (m == 0) {
      e = group.e;
    } else if (group.e >= e) {
      const int distance = group.e - e;
      m >>= distance > 59 ? 59 : distance;
      e = group.e;
    } else {
      int distance = e - group.e;
      const std::int64_t edge = std::int64_t{1} << 43;
      if (m < edge && m >= -edge) {
        const int down = distance > 15 ? 15 : distance;
        m *= std::int64_t{1} << down;
        e -= down;
        distance -= down;
      }
      addend >>= distance > 47 ? 47 : distance;
    }
    m += addend;
    const std::int64_t limit = std::int64_t{1} << 58;
    if (m >= limit || m < -limit) {
      m >>= 8;
      e += 8;
    }
  }

  /// The sum rounded once, nearest-even, to FP32. No numbers, or m = 0, give +0.
  constexpr std::uint32_t drain() const {
    if (nan || (pinf && ninf)) return kFp32Nan;
    if (pinf) return kFp32Inf;
    if (ninf) return kFp32Inf | kFp32Sign;
    return encode(kFp32, m < 0, static_cast<std::uint64_t>(m < 0 ? -m : m), e - 162);
  }
};

// ------------------------------------------------------------------ MX blocks

/// Elements of a block that share a scale (OCP MX 1.0, clause 5.2).
inline constexpr int kMxBlock = 32;

/// Element formats of MX blocks: FP8, FP6, FP4 and INT8.
constexpr bool is_mx(ElementFormat format) {
  return format == ElementFormat::E4m3 || format == ElementFormat::E5m2 ||
         format == ElementFormat::E3m2 || format == ElementFormat::E2m3 ||
         format == ElementFormat::E2m1 || format == ElementFormat::Int8;
}

/// Exponent of the largest power of two that an element holds (INT8: multiples of 2^-6, so 0).
constexpr int mx_emax(ElementFormat format) {
  return format == ElementFormat::Int8 ? 0 : float_format(format).top_exponent();
}

/// Shared exponent byte of `n` FP32 numbers: floor(log2(largest magnitude)) - mx_emax + 127, kept
/// in 0..254; 0 if all are zero, 0xFF if one is NaN or infinite.
constexpr std::uint8_t mx_scale(ElementFormat format, const std::uint32_t* x, int n = kMxBlock) {
  std::uint32_t largest = 0;
  for (int i = 0; i < n; ++i) {
    if (fp32_abs(x[i]) > largest) largest = fp32_abs(x[i]);
  }
  if (largest >= kFp32Inf) return 0xff;
  if (largest == 0) return 0;
  const Decoded d = decode(kFp32, largest);
  const int scale = leading_one(d.significand) + d.exponent - mx_emax(format) + 127;
  return static_cast<std::uint8_t>(scale < 0 ? 0 : scale > 254 ? 254 : scale);
}

/// One element of a block: x * 2^(127-scale), nearest-even, saturated. Zero in a block whose scale
/// is 0xFF. INT8 counts in units of 2^-6 and saturates to +-127.
constexpr std::uint32_t mx_element(ElementFormat format, std::uint32_t x, std::uint8_t scale) {
  const Decoded d = decode(kFp32, x);
  if (scale == 0xff || d.kind == FloatClass::Nan || d.kind == FloatClass::Infinity) return 0;
  const int exponent = d.exponent + 127 - scale;
  if (format != ElementFormat::Int8) {
    const FloatFormat to = float_format(format);
    if (d.kind == FloatClass::Zero) return d.negative ? to.sign_bit() : 0;
    return encode(to, d.negative, d.significand, exponent, Rounding::NearestEven, true);
  }
  if (d.kind == FloatClass::Zero) return 0;
  const int shift = -(exponent + 6);
  std::uint64_t magnitude = 127;
  if (shift > 0) {
    magnitude = round_shift(d.significand, shift, d.negative, Rounding::NearestEven);
  } else if (shift > -8) {
    magnitude = static_cast<std::uint64_t>(d.significand) << -shift;
  }
  if (magnitude > 127) magnitude = 127;
  const auto value = static_cast<std::int32_t>(magnitude);
  return static_cast<std::uint32_t>(d.negative ? -value : value) & 0xff;
}

/// Quantize a block of 32 FP32 numbers; gives the scale byte, fills `codes`.
constexpr std::uint8_t mx_quantize(ElementFormat format, const std::uint32_t* x,
                                   std::uint8_t* codes) {
  const std::uint8_t scale = mx_scale(format, x);
  for (int i = 0; i < kMxBlock; ++i) {
    codes[i] = static_cast<std::uint8_t>(mx_element(format, x[i], scale));
  }
  return scale;
}

/// FP32 value of an element under its scale, rounded nearest-even (exact but for subnormal results
/// and overflow to infinity). A scale of 0xFF gives NaN.
constexpr std::uint32_t mx_dequantize(ElementFormat format, std::uint32_t code,
                                      std::uint8_t scale) {
  if (scale == 0xff) return kFp32Nan;
  if (format == ElementFormat::Int8) {
    const std::int32_t value = decode_int(kInt8, code);
    return encode(kFp32, value < 0, static_cast<std::uint64_t>(value < 0 ? -value : value),
                  scale - 127 - 6);
  }
  const Decoded d = decode(float_format(format), code);
  const std::uint32_t sign = d.negative ? kFp32Sign : 0;
  switch (d.kind) {
    case FloatClass::Nan:
      return kFp32Nan;
    case FloatClass::Infinity:
      return sign | kFp32Inf;
    case FloatClass::Zero:
      return sign;
    case FloatClass::Finite:
      break;
  }
  return encode(kFp32, d.negative, d.significand, d.exponent + scale - 127);
}

// ------------------------------------------------------------------ stochastic rounding

/// Generator of one lane of one output port: Marsaglia's xorshift32 (13, 17, 5), period 2^32 - 1.
class StochasticLane {
 public:
  /// State at the start of a command; `seed` is that of the context.
  constexpr StochasticLane(std::uint32_t seed, unsigned lane, unsigned port)
      : state_(seed ^ (0x9E37'79B9U * (1 + lane + 16 * port))) {
    if (state_ == 0) state_ = 1;
  }

  /// Step; the random word of the next group.
  constexpr std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

 private:
  std::uint32_t state_;
};

}  // namespace tsr::numerics
