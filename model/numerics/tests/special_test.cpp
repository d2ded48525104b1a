// SPDX-License-Identifier: Apache-2.0
/// Special functions: error bounds over every BF16 argument and 10^7 FP32 arguments each, limits,
/// signs and exact points. The reference is the host's double arithmetic, whose error (below 2^-50)
/// does not matter against bounds of 2^-18 and tighter; MPFR checks the reference and the functions
/// on samples.
#include "numerics/special.hpp"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <array>
#include <cmath>

#include "env.hpp"

namespace tsr::numerics {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// Largest errors met, and where.
struct Worst {
  double relative = 0;
  double absolute = 0;
  std::uint32_t at_relative = 0;
  std::uint32_t at_absolute = 0;
};

struct Function {
  Special op;
  const char* name;
  double (*reference)(double);
  void (*exact)(mpfr_t);  // in place, 200 bits
  double relative_bound;  // of results of at least `relative_from`; 0: none
  double relative_from;
  double absolute_bound;      // of smaller results (relative_bound set) or all (not set)
  int low_field, high_field;  // exponent fields where the function has its shape
};

double turn(double a) { return 2 * kPi * std::remainder(a, 1.0); }

void mpfr_times_two_pi(mpfr_t x) {
  mpfr_t pi;
  mpfr_init2(pi, 300);
  mpfr_const_pi(pi, MPFR_RNDN);
  mpfr_mul_2ui(pi, pi, 1, MPFR_RNDN);
  mpfr_mul(x, x, pi, MPFR_RNDN);
  mpfr_clear(pi);
}

const std::array<Function, 8>& functions() {
  // Smallest normal number: below, results are rounded to multiples of 2^-149.
  constexpr double kNormal = 0x1p-126;
  static const std::array<Function, 8> list{{
      {Special::Exp2, "exp2", [](double x) { return std::exp2(x); },
       [](mpfr_t x) { mpfr_exp2(x, x, MPFR_RNDN); }, 0x1p-21, kNormal, 0x1p-150, 100, 136},
      {Special::Log2, "log2", [](double x) { return std::log2(x); },
       [](mpfr_t x) { mpfr_log2(x, x, MPFR_RNDN); }, 0x1p-21, 1.0, 0x1p-21, 117, 137},
      {Special::Rcp, "rcp", [](double x) { return 1 / x; },
       [](mpfr_t x) { mpfr_ui_div(x, 1, x, MPFR_RNDN); }, 0x1p-21, kNormal, 0x1p-149, 0, 254},
      {Special::Rsqrt, "rsqrt", [](double x) { return 1 / std::sqrt(x); },
       [](mpfr_t x) { mpfr_rec_sqrt(x, x, MPFR_RNDN); }, 0x1p-21, kNormal, 0, 0, 254},
      {Special::Tanh, "tanh", [](double x) { return std::tanh(x); },
       [](mpfr_t x) { mpfr_tanh(x, x, MPFR_RNDN); }, 0x1p-21, kNormal, 0x1p-150, 112, 131},
      {Special::Sin, "sin", [](double x) { return std::sin(turn(x)); },
       [](mpfr_t x) {
         mpfr_times_two_pi(x);
         mpfr_sin(x, x, MPFR_RNDN);
       },
       0, 0, 0x1p-20, 110, 149},
      {Special::Cos, "cos", [](double x) { return std::cos(turn(x)); },
       [](mpfr_t x) {
         mpfr_times_two_pi(x);
         mpfr_cos(x, x, MPFR_RNDN);
       },
       0, 0, 0x1p-20, 110, 149},
      {Special::Phi, "phi", [](double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); },
       [](mpfr_t x) {
         mpfr_t root;
         mpfr_init2(root, 300);
         mpfr_sqrt_ui(root, 2, MPFR_RNDN);
         mpfr_div(x, x, root, MPFR_RNDN);
         mpfr_neg(x, x, MPFR_RNDN);
         mpfr_erfc(x, x, MPFR_RNDN);
         mpfr_div_2ui(x, x, 1, MPFR_RNDN);
         mpfr_clear(root);
       },
       0x1p-18, 0x1p-30, 0x1p-20, 110, 130},
  }};
  return list;
}

const Function& function(Special op) { return functions()[static_cast<std::size_t>(op)]; }

/// Compare with a correct finite value. Results that FP32 cannot hold must be infinite.
void check_value(const Function& f, std::uint32_t a, double expected, Worst& worst) {
  const std::uint32_t got = special(f.op, a);
  const double size = std::fabs(expected);
  const auto text = [&] {
    return fmt::format("{}({:08x} = {}) = {:08x} = {}, expected {}", f.name, a, float_of(a), got,
                       float_of(got), expected);
  };
  if (size >= 0x1.ffffffp127) {
    ASSERT_EQ(got & ~kFp32Sign, kFp32Inf) << text();
    return;
  }
  if (size > 0x1.fffffp127 && fp32_is_inf(got)) return;  // within the bound of the threshold
  const double error = std::fabs(static_cast<double>(float_of(got)) - expected);
  if (f.relative_bound != 0 && size >= f.relative_from) {
    ASSERT_LE(error, f.relative_bound * size) << text();
    if (error > worst.relative * size) {
      worst.relative = error / size;
      worst.at_relative = a;
    }
    // phi promises both.
    if (f.op == Special::Phi) ASSERT_LE(error, f.absolute_bound) << text();
  } else {
    // Subnormal results: the relative error plus half a unit in the last place.
    const double relative = f.relative_from < 0x1p-100 ? f.relative_bound * size : 0;
    ASSERT_LE(error, f.absolute_bound + relative) << text();
  }
  if ((f.relative_bound == 0 || size < f.relative_from || f.op == Special::Phi) &&
      error > worst.absolute) {
    worst.absolute = error;
    worst.at_absolute = a;
  }
}

/// Any argument: NaN where the reference is NaN, the reference's infinities, its signed zeros.
void check(const Function& f, std::uint32_t a, Worst& worst) {
  const double expected = f.reference(static_cast<double>(float_of(a)));
  const std::uint32_t got = special(f.op, a);
  if (std::isnan(expected)) {
    ASSERT_EQ(got, kFp32Nan) << fmt::format("{}({:08x})", f.name, a);
  } else if (std::isinf(expected)) {
    ASSERT_EQ(got, kFp32Inf | (expected < 0 ? kFp32Sign : 0))
        << fmt::format("{}({:08x})", f.name, a);
  } else {
    check_value(f, a, expected, worst);
  }
}

void report(const Function& f, const Worst& worst) {
  fmt::print("{}: relative 2^{:.2f} at {:08x}, absolute 2^{:.2f} at {:08x}\n", f.name,
             std::log2(worst.relative), worst.at_relative, std::log2(worst.absolute),
             worst.at_absolute);
}

class SpecialFunction : public testing::TestWithParam<Special> {
 protected:
  const Function& f() const { return function(GetParam()); }
};

TEST_P(SpecialFunction, EveryBf16Argument) {
  Worst worst;
  for (std::uint32_t a = 0; a < 0x10000; ++a) {
    check(f(), a << 16, worst);
    if (HasFatalFailure()) return;
  }
  report(f(), worst);
}

TEST_P(SpecialFunction, TenMillionFp32Arguments) {
  auto rng = seeded_rng();
  Worst worst;
  const auto fields = static_cast<unsigned>(f().high_field - f().low_field + 1);
  for (std::int64_t i = 0; i < scaled(5'000'000); ++i) {
    const std::uint64_t random = rng();
    check(f(), static_cast<std::uint32_t>(random), worst);  // any pattern
    // Where the function has its shape.
    const auto field = static_cast<std::uint32_t>(f().low_field + ((random >> 33) % fields));
    check(f(), (static_cast<std::uint32_t>(random >> 9) & 0x807f'ffff) | field << 23, worst);
    if (HasFatalFailure()) return;
  }
  report(f(), worst);
}

TEST_P(SpecialFunction, SubnormalArguments) {
  auto rng = seeded_rng();
  Worst worst;
  for (std::int64_t i = 0; i < scaled(100'000); ++i) {
    const auto random = static_cast<std::uint32_t>(rng());
    check(f(), (random & kFp32Sign) | ((random & 0x7f'ffff) >> (random >> 26 & 31)), worst);
    if (HasFatalFailure()) return;
  }
}

/// The double reference and the function against MPFR.
TEST_P(SpecialFunction, SamplesAgainstMpfr) {
  auto rng = seeded_rng();
  mpfr_t value;
  mpfr_init2(value, 200);
  Worst worst;
  const auto fields = static_cast<unsigned>(f().high_field - f().low_field + 1);
  for (std::int64_t i = 0; i < scaled(10'000); ++i) {
    auto a = static_cast<std::uint32_t>(rng());
    if (i % 2 == 0)
      a = (a & 0x807f'ffff) | static_cast<std::uint32_t>(f().low_field + rng() % fields) << 23;
    const double reference = f().reference(static_cast<double>(float_of(a)));
    if (!std::isfinite(reference)) continue;
    mpfr_set_flt(value, float_of(a), MPFR_RNDN);
    f().exact(value);
    const double exact = mpfr_get_d(value, MPFR_RNDN);
    // Sine and cosine of large arguments keep the absolute error of the reduced argument; beyond
    // -6, phi inherits that of x / sqrt(2), times x.
    const double tolerance =
        f().relative_bound == 0 ? 0x1p-50 : std::fabs(exact) * 0x1p-40 + 0x1p-1060;
    ASSERT_NEAR(reference, exact, tolerance) << fmt::format("{}({:08x})", f().name, a);
    check_value(f(), a, exact, worst);
    if (HasFatalFailure()) return;
  }
  mpfr_clear(value);
}

INSTANTIATE_TEST_SUITE_P(, SpecialFunction,
                         testing::Values(Special::Exp2, Special::Log2, Special::Rcp, Special::Rsqrt,
                                         Special::Tanh, Special::Sin, Special::Cos, Special::Phi),
                         [](const auto& instance) { return function(instance.param).name; });

constexpr std::uint32_t kMinusInf = kFp32Inf | kFp32Sign;

std::uint32_t of(Special op, float x) { return special(op, bits_of(x)); }

TEST(SpecialValues, NanGivesTheCanonicalNan) {
  for (const Function& f : functions()) {
    for (const std::uint32_t nan : {0x7f80'0001U, 0x7fff'ffffU, 0xff80'0001U, 0xffc0'0000U}) {
      EXPECT_EQ(special(f.op, nan), kFp32Nan) << f.name;
    }
  }
}

TEST(SpecialValues, LimitsAndSignedZeros) {
  const struct {
    Special op;
    std::uint32_t at_zero, at_minus_zero, at_inf, at_minus_inf;
  } table[] = {
      {Special::Exp2, kFp32One, kFp32One, kFp32Inf, 0},
      {Special::Log2, kMinusInf, kMinusInf, kFp32Inf, kFp32Nan},
      {Special::Rcp, kFp32Inf, kMinusInf, 0, kFp32Sign},
      {Special::Rsqrt, kFp32Inf, kMinusInf, 0, kFp32Nan},
      {Special::Tanh, 0, kFp32Sign, kFp32One, kFp32One | kFp32Sign},
      {Special::Sin, 0, kFp32Sign, kFp32Nan, kFp32Nan},
      {Special::Cos, kFp32One, kFp32One, kFp32Nan, kFp32Nan},
      {Special::Phi, bits_of(0.5F), bits_of(0.5F), kFp32One, 0},
  };
  for (const auto& row : table) {
    const char* name = function(row.op).name;
    EXPECT_EQ(special(row.op, 0), row.at_zero) << name;
    EXPECT_EQ(special(row.op, kFp32Sign), row.at_minus_zero) << name;
    EXPECT_EQ(special(row.op, kFp32Inf), row.at_inf) << name;
    EXPECT_EQ(special(row.op, kMinusInf), row.at_minus_inf) << name;
  }
}

TEST(SpecialValues, NegativeArgumentsOfLogAndRootAreNan) {
  for (const std::uint32_t a : {0x8000'0001U, 0xbf80'0000U, 0xff7f'ffffU}) {
    EXPECT_EQ(special(Special::Log2, a), kFp32Nan);
    EXPECT_EQ(special(Special::Rsqrt, a), kFp32Nan);
  }
}

TEST(SpecialValues, PowersOfTwoAreExact) {
  for (int n = -149; n <= 127; ++n) {
    const auto x = static_cast<float>(std::ldexp(1.0, n));
    EXPECT_EQ(of(Special::Exp2, static_cast<float>(n)), bits_of(x)) << n;
    EXPECT_EQ(of(Special::Log2, x), bits_of(static_cast<float>(n))) << n;
    const auto inverse = static_cast<float>(std::ldexp(1.0, -n));
    EXPECT_EQ(of(Special::Rcp, x), bits_of(inverse)) << n;
    EXPECT_EQ(of(Special::Rcp, -x), bits_of(-inverse)) << n;
    if (n % 2 == 0) {
      EXPECT_EQ(of(Special::Rsqrt, x), bits_of(static_cast<float>(std::ldexp(1.0, -n / 2)))) << n;
    }
  }
  EXPECT_EQ(of(Special::Exp2, 128.0F), kFp32Inf);
  EXPECT_EQ(of(Special::Exp2, -150.0F), 0U);  // half of the smallest number, to even
  EXPECT_EQ(of(Special::Exp2, -149.5F), 1U);
  EXPECT_EQ(of(Special::Exp2, -1.0e30F), 0U);
}

TEST(SpecialValues, QuarterTurnsAreExact) {
  const std::uint32_t one = kFp32One;
  const std::uint32_t minus_one = kFp32One | kFp32Sign;
  const std::uint32_t sines[] = {0, one, 0, minus_one};
  const std::uint32_t cosines[] = {one, 0, minus_one, 0};
  for (int quarter = 0; quarter < 4000; ++quarter) {
    const float a = static_cast<float>(quarter) / 4;
    EXPECT_EQ(of(Special::Sin, a), sines[quarter % 4]) << a;
    EXPECT_EQ(of(Special::Cos, a), cosines[quarter % 4]) << a;
    // Odd and even, zeros of the sine included.
    EXPECT_EQ(of(Special::Sin, -a), of(Special::Sin, a) ^ kFp32Sign) << a;
    EXPECT_EQ(of(Special::Cos, -a), of(Special::Cos, a)) << a;
  }
  // From 2^23 on every number is a whole turn.
  for (const float a : {0x1p23F, 0x1p24F, 0x1.fffffep127F}) {
    EXPECT_EQ(of(Special::Sin, a), 0U);
    EXPECT_EQ(of(Special::Sin, -a), kFp32Sign);
    EXPECT_EQ(of(Special::Cos, a), one);
  }
}

TEST(SpecialValues, OddAndEvenFunctionsAndRanges) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(500'000); ++i) {
    auto a = static_cast<std::uint32_t>(rng()) & ~kFp32Sign;
    if (i % 2 == 0) a = (a & 0x7f'ffff) | static_cast<std::uint32_t>(100 + rng() % 40) << 23;
    if (a >= kFp32Inf) continue;
    const std::uint32_t b = a | kFp32Sign;
    const auto text = fmt::format("{:08x}", a);
    ASSERT_EQ(special(Special::Rcp, b), special(Special::Rcp, a) | kFp32Sign) << text;
    ASSERT_EQ(special(Special::Tanh, b), special(Special::Tanh, a) | kFp32Sign) << text;
    ASSERT_EQ(special(Special::Sin, b), special(Special::Sin, a) ^ kFp32Sign) << text;
    ASSERT_EQ(special(Special::Cos, b), special(Special::Cos, a)) << text;
    ASSERT_LE(special(Special::Tanh, a), kFp32One) << text;
    ASSERT_LE(special(Special::Sin, a) & ~kFp32Sign, kFp32One) << text;
    ASSERT_LE(special(Special::Cos, a) & ~kFp32Sign, kFp32One) << text;
    ASSERT_LE(special(Special::Phi, a), kFp32One) << text;
    ASSERT_GE(special(Special::Phi, a), bits_of(0.5F)) << text;
    ASSERT_LE(special(Special::Phi, b), bits_of(0.5F)) << text;
  }
}

/// 2 pi a and a themselves, relatively right, where sine and tangent are straight lines.
TEST(SpecialValues, SmallArgumentsOfSineAndTanhKeepTheirRelativeError) {
  auto rng = seeded_rng();
  for (std::int64_t i = 0; i < scaled(200'000); ++i) {
    const auto field = static_cast<std::uint32_t>(1 + rng() % 114);
    const std::uint32_t a = (static_cast<std::uint32_t>(rng()) & 0x807f'ffff) | field << 23;
    const double x = float_of(a);
    ASSERT_NEAR(float_of(special(Special::Sin, a)), 2 * kPi * x, std::fabs(x) * 2 * kPi * 0x1p-20)
        << fmt::format("{:08x}", a);
    if (std::fabs(x) < 0x1p-13) ASSERT_EQ(special(Special::Tanh, a), a);
  }
}

TEST(SpecialValues, DispatchReachesEveryFunction) {
  for (const Function& f : functions()) {
    const auto op = static_cast<VecOp>(40 + static_cast<int>(f.op));
    EXPECT_EQ(vec_op(op, bits_of(0.7F), 0, 0), special(f.op, bits_of(0.7F))) << f.name;
  }
  EXPECT_EQ(vec_op(VecOp::Mul, bits_of(3.0F), bits_of(2.0F), 0), bits_of(6.0F));
}

}  // namespace
}  // namespace tsr::numerics
