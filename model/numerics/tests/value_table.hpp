// SPDX-License-Identifier: Apache-2.0
/// An independent reference of rounding: all magnitudes of a format as exact doubles, in order. A
/// number is rounded by finding its neighbours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "numerics/format.hpp"

namespace tsr::numerics {

class ValueTable {
 public:
  /// Built from the definition of the format only: exponent and fraction widths, and the number of
  /// codes at the top that are no finite numbers (IEEE: a binade, E4M3: one, FP6 and FP4: none).
  ValueTable(const FloatFormat& format, int exponent_bits, int fraction_bits, int bias,
             std::uint32_t codes_above)
      : format_(format) {
    const std::uint32_t codes = (1U << (exponent_bits + fraction_bits)) - codes_above;
    for (std::uint32_t code = 0; code <= codes; ++code) {  // and the one after the last
      const auto field = static_cast<int>(code >> fraction_bits);
      const double fraction = static_cast<double>(code & ((1U << fraction_bits) - 1)) /
                              static_cast<double>(1U << fraction_bits);
      values_.push_back(field == 0 ? std::ldexp(fraction, 1 - bias)
                                   : std::ldexp(1 + fraction, field - bias));
    }
  }

  const FloatFormat& format() const { return format_; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(values_.size()) - 1; }
  double value(std::uint32_t code) const { return values_[code]; }

  /// Code (with sign and padding) of finite x; `overflow` is the code without sign of a number that
  /// is too large and not pointed back.
  std::uint32_t round(double x, Rounding rounding, std::uint32_t overflow,
                      std::uint32_t random) const {
    const bool negative = std::signbit(x);
    const double magnitude = std::fabs(x);
    const auto above = std::upper_bound(values_.begin(), values_.end(), magnitude);
    const auto low = static_cast<std::uint32_t>(above - values_.begin()) - 1;
    std::uint32_t code = low;
    if (low >= count()) {  // the code after the last, or more
      const bool back = rounding == Rounding::TowardZero ||
                        rounding == (negative ? Rounding::Up : Rounding::Down);
      code = back ? count() - 1 : count();
    } else if (values_[low] != magnitude) {
      const double part = (magnitude - values_[low]) / (values_[low + 1] - values_[low]);
      switch (rounding) {
        case Rounding::NearestEven:
          if (part > 0.5 || (part == 0.5 && low % 2 != 0)) ++code;
          break;
        case Rounding::TowardZero:
          break;
        case Rounding::Up:
          if (!negative) ++code;
          break;
        case Rounding::Down:
          if (negative) ++code;
          break;
        case Rounding::Stochastic:
          if (std::floor(std::ldexp(part, 32)) > static_cast<double>(random)) ++code;
          break;
      }
    }
    const std::uint32_t sign = negative ? 1U << (format_.total_bits() - 1 + format_.padding) : 0;
    if (code < count()) return sign | code << format_.padding;
    // E4M3's only other code is NaN, which has no sign here.
    return format_.specials == Specials::NanOnly && overflow == 0x7f ? overflow : sign | overflow;
  }

 private:
  FloatFormat format_;
  std::vector<double> values_;
};

}  // namespace tsr::numerics
