// SPDX-License-Identifier: Apache-2.0
/// A thin owner of an MPFR number, wide enough that every sum in these tests is exact, and rounding
/// to a format by MPFR's own subnormal handling.
#pragma once

#include <mpfr.h>

#include <cstdint>
#include <utility>

#include "numerics/format.hpp"

namespace tsr::numerics {

/// Exact within 2000 bits: additions and scalings below never round.
class Exact {
 public:
  Exact() {
    mpfr_init2(value_, 2000);
    mpfr_set_zero(value_, 1);
  }
  /// x * 2^exponent.
  Exact(std::int64_t x, int exponent) : Exact() {
    mpfr_set_sj_2exp(value_, x, exponent, MPFR_RNDN);
  }
  Exact(const Exact& other) : Exact() { mpfr_set(value_, other.value_, MPFR_RNDN); }
  Exact& operator=(const Exact& other) {
    mpfr_set(value_, other.value_, MPFR_RNDN);
    return *this;
  }
  ~Exact() { mpfr_clear(value_); }

  Exact& operator+=(const Exact& other) {
    mpfr_add(value_, value_, other.value_, MPFR_RNDN);
    return *this;
  }
  Exact& operator-=(const Exact& other) {
    mpfr_sub(value_, value_, other.value_, MPFR_RNDN);
    return *this;
  }
  /// Multiple of 2^exponent at or below.
  Exact floor_to(int exponent) const {
    Exact out(*this);
    mpfr_mul_2si(out.value_, out.value_, -exponent, MPFR_RNDN);
    mpfr_floor(out.value_, out.value_);
    mpfr_mul_2si(out.value_, out.value_, exponent, MPFR_RNDN);
    return out;
  }
  /// Multiple of 2^exponent toward zero.
  Exact trunc_to(int exponent) const {
    Exact out(*this);
    mpfr_mul_2si(out.value_, out.value_, -exponent, MPFR_RNDN);
    mpfr_trunc(out.value_, out.value_);
    mpfr_mul_2si(out.value_, out.value_, exponent, MPFR_RNDN);
    return out;
  }
  Exact magnitude() const {
    Exact out(*this);
    mpfr_abs(out.value_, out.value_, MPFR_RNDN);
    return out;
  }
  bool is_zero() const { return mpfr_zero_p(value_) != 0; }
  bool negative() const { return mpfr_sgn(value_) < 0; }
  /// For messages and bounds only.
  double approximate() const { return mpfr_get_d(value_, MPFR_RNDN); }

  friend bool operator==(const Exact& a, const Exact& b) {
    return mpfr_equal_p(a.value_, b.value_) != 0;
  }
  friend bool operator<(const Exact& a, const Exact& b) {
    return mpfr_less_p(a.value_, b.value_) != 0;
  }
  friend bool operator<=(const Exact& a, const Exact& b) { return !(b < a); }

  /// Round once to an IEEE format, with MPFR's exponent range and subnormal rounding. Not for
  /// Rounding::Stochastic.
  std::uint32_t encode(const FloatFormat& format, Rounding rounding) const {
    const mpfr_rnd_t mode = rounding == Rounding::NearestEven  ? MPFR_RNDN
                            : rounding == Rounding::TowardZero ? MPFR_RNDZ
                            : rounding == Rounding::Up         ? MPFR_RNDU
                                                               : MPFR_RNDD;
    const mpfr_exp_t old_min = mpfr_get_emin();
    const mpfr_exp_t old_max = mpfr_get_emax();
    mpfr_set_emin(2 - format.bias() - format.fraction_bits);
    mpfr_set_emax(format.bias() + 1);
    mpfr_t out;
    mpfr_init2(out, format.fraction_bits + 1);
    int ternary = mpfr_set(out, value_, mode);
    ternary = mpfr_check_range(out, ternary, mode);
    mpfr_subnormalize(out, ternary, mode);
    mpfr_set_emin(old_min);
    mpfr_set_emax(old_max);
    std::uint32_t bits = mpfr_signbit(out) != 0 ? format.sign_bit() : 0;
    if (mpfr_inf_p(out) != 0) {
      bits |= format.infinity();
    } else if (mpfr_zero_p(out) == 0) {
      // Count units in the last place from the smallest subnormal.
      const auto exponent = static_cast<int>(mpfr_get_exp(out)) - 1;
      const int min_exponent = 1 - format.bias();
      const int scale = exponent > min_exponent ? exponent : min_exponent;
      mpfr_abs(out, out, MPFR_RNDN);
      mpfr_mul_2si(out, out, format.fraction_bits - scale, MPFR_RNDN);
      bits |= ((static_cast<std::uint32_t>(scale - min_exponent) << format.fraction_bits) +
               static_cast<std::uint32_t>(mpfr_get_ui(out, MPFR_RNDN)))
              << format.padding;
    }
    mpfr_clear(out);
    return bits;
  }

 private:
  mpfr_t value_;
};

/// encode() of numerics/format.hpp, by MPFR.
inline std::uint32_t mpfr_encode(const FloatFormat& format, bool negative,
                                 std::uint64_t significand, int exponent, Rounding rounding) {
  Exact value(static_cast<std::int64_t>(significand >> 1), exponent + 1);
  value += Exact(static_cast<std::int64_t>(significand & 1), exponent);
  if (negative) {
    Exact zero;
    zero -= value;
    return zero.encode(format, rounding);
  }
  return value.encode(format, rounding);
}

}  // namespace tsr::numerics
