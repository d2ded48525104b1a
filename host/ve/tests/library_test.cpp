// SPDX-License-Identifier: Apache-2.0
/// Every expression of the library on the functional vector engine, against double arithmetic.
#include "ve/library.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <random>

#include "numerics/special.hpp"
#include "ve/run.hpp"

namespace tsr::ve {
namespace {

using Numbers = std::vector<double>;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

unsigned seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : 1;
}
std::size_t scale() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? std::max(1UL, std::strtoul(text, nullptr, 0)) : 1;
}

/// What an FP32 result becomes: a number beyond the largest is infinite.
double as_fp32(double x) { return static_cast<double>(static_cast<float>(x)); }

/// `got` is `want` but for the given errors; NaN and infinity are themselves.
void expect_close(double got, double want, double relative, double absolute,
                  const std::string& what) {
  if (std::isnan(want)) {
    EXPECT_TRUE(std::isnan(got)) << what << ": got " << got << ", want NaN";
    return;
  }
  const double limit = relative * std::fabs(want) + absolute;
  if (std::isinf(as_fp32(want))) {
    // The last numbers before the overflow may fall on either side.
    EXPECT_TRUE(got == as_fp32(want) || std::fabs(got - want) <= limit)
        << what << ": got " << got << ", want " << want;
    return;
  }
  EXPECT_TRUE(std::fabs(got - want) <= limit)
      << what << ": got " << got << ", want " << want << ", limit " << limit;
}

/// Numbers to try: round ones, limits, random ones of every size.
Numbers edges() {
  return {0.0,     -0.0,   1.0,   -1.0, 0.5,   -0.5,    2.0,   -2.5, 1.5,   3.0,
          1e-38,   -1e-38, 1e-45, 3e38, -3e38, kInf,    -kInf, kNan, 127.0, -128.0,
          65504.0, 1e-7,   -1e-7, 0.99, -0.99, 1048576, 6.0,   -6.0, 88.0,  -88.0};
}

/// Where the inputs of an elementwise case come from.
enum class Domain { Any, Moderate, Positive };

double draw(std::mt19937& rng, Domain domain) {
  std::uniform_real_distribution<double> unit(-1, 1);
  if (domain == Domain::Moderate) return as_fp32(8 * unit(rng));
  const double wide = std::exp2(60 * unit(rng)) * (unit(rng) < 0 ? -1 : 1);
  return as_fp32(domain == Domain::Positive ? std::fabs(wide) : wide);
}

struct Elementwise {
  const char* name;
  std::size_t arity;
  std::function<double(const double*)> reference;
  double relative;
  std::function<double(const double*)> absolute;  // error beyond the relative one
  Domain domain = Domain::Any;
  bool integer = false;
};

std::int32_t i32(double x) { return static_cast<std::int32_t>(x); }
double wrap(std::int64_t x) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(x)); }
double clamp32(double x) { return std::min(2147483647.0, std::max(-2147483648.0, x)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// x * f where the hardware multiplies an infinite x by a factor that is 0.
double times(double x, double f) { return x * f; }

constexpr double kE20 = 0x1p-20;
constexpr double kE21 = 0x1p-21;
constexpr double kTau = 6.283185307179586;

const std::vector<Elementwise>& elementwise() {
  const auto none = [](const double*) { return 0.0; };
  const auto tiny = [](const double*) { return 0x1p-126; };
  const auto small = [](const double*) { return 0x1p-20; };
  const auto half = 0x1p-24;
  static const std::vector<Elementwise> kCases = {
      {"neg", 1, [](const double* x) { return -x[0]; }, 0, none},
      {"abs", 1, [](const double* x) { return std::fabs(x[0]); }, 0, none},
      {"sqrt", 1, [](const double* x) { return std::sqrt(x[0]); }, kE20, none},
      {"rsqrt", 1, [](const double* x) { return 1 / std::sqrt(x[0]); }, kE21, none},
      {"recip", 1, [](const double* x) { return 1 / x[0]; }, kE21, tiny},
      {"exp", 1, [](const double* x) { return std::exp(x[0]); }, 0,
       [](const double* x) {
         const double y = std::exp(x[0]);
         return std::isinf(y) ? 0
                              : y * (kE21 + std::fmin(std::fabs(x[0]), 200) * 0x1p-23) + 0x1p-140;
       }},
      {"exp_precise", 1, [](const double* x) { return std::isinf(x[0]) ? kNan : std::exp(x[0]); },
       kE20, [](const double* x) { return std::exp(x[0]) * std::fabs(x[0]) * 0x1p-26 + 0x1p-140; },
       Domain::Moderate},
      {"exp2", 1, [](const double* x) { return std::exp2(x[0]); }, kE21,
       [](const double*) { return 0x1p-149; }},
      {"log", 1, [](const double* x) { return std::log(x[0]); }, kE20, small},
      {"log2", 1, [](const double* x) { return std::log2(x[0]); }, kE21, small},
      {"sin", 1, [](const double* x) { return std::sin(x[0]); }, 0,
       [](const double* x) { return kE20 + std::fabs(x[0]) * 0x1p-23; }, Domain::Moderate},
      {"cos", 1, [](const double* x) { return std::cos(x[0]); }, 0,
       [](const double* x) { return kE20 + std::fabs(x[0]) * 0x1p-23; }, Domain::Moderate},
      {"floor", 1, [](const double* x) { return std::floor(x[0]); }, 0, none},
      {"ceil", 1, [](const double* x) { return std::ceil(x[0]); }, 0, none},
      {"round", 1, [](const double* x) { return std::nearbyint(x[0]); }, 0, none},
      {"trunc", 1, [](const double* x) { return std::trunc(x[0]); }, 0, none},
      {"sign", 1,
       [](const double* x) {
         if (std::isnan(x[0])) return 1.0;
         return static_cast<double>((x[0] > 0) - (x[0] < 0));
       },
       0, none},
      {"square", 1, [](const double* x) { return x[0] * x[0]; }, half, tiny},
      {"neg_int", 1, [](const double* x) { return wrap(-static_cast<std::int64_t>(x[0])); }, 0,
       none, Domain::Any, true},
      {"abs_int", 1,
       [](const double* x) { return wrap(std::llabs(static_cast<std::int64_t>(x[0]))); }, 0, none,
       Domain::Any, true},

      {"add", 2, [](const double* x) { return x[0] + x[1]; }, half, none},
      {"sub", 2, [](const double* x) { return x[0] - x[1]; }, half, none},
      {"mul", 2, [](const double* x) { return x[0] * x[1]; }, half, tiny},
      {"div", 2, [](const double* x) { return x[0] / x[1]; }, kE20, tiny, Domain::Moderate},
      {"min", 2, [](const double* x) { return std::fmin(x[0], x[1]); }, 0, none},
      {"max", 2, [](const double* x) { return std::fmax(x[0], x[1]); }, 0, none},
      {"pow", 2, [](const double* x) { return std::pow(std::fabs(x[0]), x[1] / 16); }, 0,
       [](const double* x) {
         const double y = std::pow(std::fabs(x[0]), x[1] / 16);
         return y *
                (kE21 + std::fabs(x[1] / 16) * (std::fabs(std::log2(std::fabs(x[0]))) + 1) * kE20);
       },
       Domain::Moderate},
      {"fma", 3, [](const double* x) { return std::fma(x[0], x[1], x[2]); }, half, tiny,
       Domain::Moderate},
      {"add_int", 2, [](const double* x) { return wrap(std::int64_t{i32(x[0])} + i32(x[1])); }, 0,
       none, Domain::Any, true},
      {"sub_int", 2, [](const double* x) { return wrap(std::int64_t{i32(x[0])} - i32(x[1])); }, 0,
       none, Domain::Any, true},
      {"add_sat", 2, [](const double* x) { return clamp32(x[0] + x[1]); }, 0, none, Domain::Any,
       true},
      {"sub_sat", 2, [](const double* x) { return clamp32(x[0] - x[1]); }, 0, none, Domain::Any,
       true},
      {"min_int", 2, [](const double* x) { return std::min(x[0], x[1]); }, 0, none, Domain::Any,
       true},
      {"max_int", 2, [](const double* x) { return std::max(x[0], x[1]); }, 0, none, Domain::Any,
       true},

      {"eq", 2, [](const double* x) { return x[0] == x[1] ? 1.0 : 0.0; }, 0, none},
      {"ne", 2, [](const double* x) { return x[0] != x[1] ? 1.0 : 0.0; }, 0, none},
      {"lt", 2, [](const double* x) { return x[0] < x[1] ? 1.0 : 0.0; }, 0, none},
      {"le", 2, [](const double* x) { return x[0] <= x[1] ? 1.0 : 0.0; }, 0, none},
      {"gt", 2, [](const double* x) { return x[0] > x[1] ? 1.0 : 0.0; }, 0, none},
      {"ge", 2, [](const double* x) { return x[0] >= x[1] ? 1.0 : 0.0; }, 0, none},
      {"isnan", 1, [](const double* x) { return std::isnan(x[0]) ? 1.0 : 0.0; }, 0, none},
      {"eq_int", 2, [](const double* x) { return x[0] == x[1] ? -1.0 : 0.0; }, 0, none, Domain::Any,
       true},
      {"ne_int", 2, [](const double* x) { return x[0] != x[1] ? -1.0 : 0.0; }, 0, none, Domain::Any,
       true},
      {"lt_int", 2, [](const double* x) { return x[0] < x[1] ? -1.0 : 0.0; }, 0, none, Domain::Any,
       true},
      {"le_int", 2, [](const double* x) { return x[0] <= x[1] ? -1.0 : 0.0; }, 0, none, Domain::Any,
       true},
      {"where", 3, [](const double* x) { return x[0] != 0 ? x[1] : x[2]; }, 0, none},
      {"masked_fill", 2, [](const double* x) { return x[1] != 0 ? x[0] : -kInf; }, 0, none},
      {"clamp", 1, [](const double* x) { return std::fmin(std::fmax(x[0], 0), 1); }, 0, none},

      {"and", 2, [](const double* x) { return double(i32(x[0]) & i32(x[1])); }, 0, none,
       Domain::Any, true},
      {"or", 2, [](const double* x) { return double(i32(x[0]) | i32(x[1])); }, 0, none, Domain::Any,
       true},
      {"xor", 2, [](const double* x) { return double(i32(x[0]) ^ i32(x[1])); }, 0, none,
       Domain::Any, true},
      {"not", 1, [](const double* x) { return double(~i32(x[0])); }, 0, none, Domain::Any, true},
      {"shl", 2, [](const double* x) { return wrap(std::int64_t{i32(x[0])} << (i32(x[1]) & 31)); },
       0, none, Domain::Any, true},
      {"shr", 2,
       [](const double* x) {
         return wrap(static_cast<std::uint32_t>(i32(x[0])) >> (i32(x[1]) & 31));
       },
       0, none, Domain::Any, true},
      {"sar", 2, [](const double* x) { return double(i32(x[0]) >> (i32(x[1]) & 31)); }, 0, none,
       Domain::Any, true},
      {"shl_by", 1, [](const double* x) { return wrap(std::int64_t{i32(x[0])} * 2); }, 0, none,
       Domain::Any, true},
      {"sar_by", 1, [](const double* x) { return double(i32(x[0]) >> 1); }, 0, none, Domain::Any,
       true},
      {"logical_and", 2, [](const double* x) { return x[0] != 0 && x[1] != 0 ? 1.0 : 0.0; }, 0,
       none},
      {"logical_or", 2, [](const double* x) { return x[0] != 0 || x[1] != 0 ? 1.0 : 0.0; }, 0,
       none},
      {"logical_xor", 2, [](const double* x) { return (x[0] != 0) != (x[1] != 0) ? 1.0 : 0.0; }, 0,
       none},
      {"logical_not", 1, [](const double* x) { return x[0] == 0 ? 1.0 : 0.0; }, 0, none},

      {"relu", 1, [](const double* x) { return std::signbit(x[0]) ? 0.0 : x[0]; }, 0, none},
      {"leaky_relu", 1,
       [](const double* x) {
         return std::signbit(x[0]) ? x[0] * static_cast<double>(0.01F) : x[0];
       },
       half, tiny},
      {"sat_relu", 1, [](const double* x) { return std::fmin(std::fmax(x[0], 0), 6); }, 0, none},
      {"elu", 1, [](const double* x) { return std::signbit(x[0]) ? std::expm1(x[0]) : x[0]; }, kE20,
       small},
      {"gelu", 1,
       [](const double* x) { return times(x[0], 0.5 * std::erfc(-x[0] * std::sqrt(0.5))); }, kE20,
       [](const double* x) { return std::fabs(x[0]) < 8 ? std::fabs(x[0]) * kE20 : 0x1p-40; }},
      {"gelu_tanh", 1,
       [](const double* x) {
         const double u = 0.7978845608028654 * (x[0] + 0.044715 * x[0] * x[0] * x[0]);
         if (std::isinf(x[0])) return x[0] > 0 ? x[0] : kNan;
         return 0.5 * x[0] * (1 + std::tanh(u));
       },
       kE20, [](const double* x) { return std::fabs(x[0]) * kE20; }, Domain::Moderate},
      {"gelu_sigmoid", 1, [](const double* x) { return times(x[0], sigmoid(1.702 * x[0])); }, 0,
       [](const double* x) {
         return std::fabs(times(x[0], sigmoid(1.702 * x[0]))) *
                    (3 * kE21 + std::fabs(x[0]) * 0x1p-21) +
                0x1p-120;
       },
       Domain::Moderate},
      {"silu", 1, [](const double* x) { return times(x[0], sigmoid(x[0])); }, 0,
       [](const double* x) {
         return std::fabs(times(x[0], sigmoid(x[0]))) * (3 * kE21 + std::fabs(x[0]) * 0x1p-22) +
                0x1p-120;
       },
       Domain::Moderate},
      {"swiglu", 2, [](const double* x) { return x[1] * x[0] * sigmoid(x[0]); }, 0,
       [](const double* x) {
         return std::fabs(x[1] * x[0] * sigmoid(x[0])) * (4 * kE21 + std::fabs(x[0]) * 0x1p-22) +
                0x1p-120;
       },
       Domain::Moderate},
      {"geglu", 2,
       [](const double* x) { return x[1] * x[0] * 0.5 * std::erfc(-x[0] * std::sqrt(0.5)); }, kE20,
       [](const double* x) { return std::fabs(x[0] * x[1]) * kE20 + 0x1p-120; }, Domain::Moderate},
      {"sigmoid", 1, [](const double* x) { return sigmoid(x[0]); }, 0,
       [](const double* x) {
         return sigmoid(x[0]) * (3 * kE21 + std::min(128.0, std::fabs(x[0])) * 0x1p-22) + 0x1p-120;
       }},
      {"tanh", 1, [](const double* x) { return std::tanh(x[0]); }, kE21, none},
      {"softplus", 1,
       [](const double* x) { return std::fmax(x[0], 0) + std::log1p(std::exp(-std::fabs(x[0]))); },
       kE20, small},
      {"hard_swish", 1,
       [](const double* x) { return x[0] * std::fmin(std::fmax(x[0] / 6 + 0.5, 0), 1); }, kE20,
       [](const double* x) { return std::fabs(x[0]) * 0x1p-23; }, Domain::Moderate},
      {"rope_half", 3,
       [](const double* x) { return x[1] * std::sin(kTau * x[2]) + x[0] * std::cos(kTau * x[2]); },
       kE20, [](const double* x) { return (std::fabs(x[0]) + std::fabs(x[1])) * 0x1p-19; },
       Domain::Moderate},
  };
  return kCases;
}

/// Input `i` of a case: edge values in all combinations, then random ones.
std::vector<Numbers> samples(const Elementwise& c, std::mt19937& rng, std::size_t count) {
  std::vector<Numbers> in(c.arity);
  const auto suits = [&](double x) {
    if (c.integer) return true;
    if (c.domain == Domain::Moderate) return std::fabs(x) <= 128;
    return c.domain == Domain::Any || x > 0;
  };
  Numbers picks;
  if (c.integer) {
    picks = {0, 1, -1, 2, 31, 32, 2147483647, -2147483648.0, 65536, -65536, 255};
  } else {
    picks = edges();
  }
  const std::size_t n = picks.size();
  std::size_t combinations = c.arity == 1 ? n : c.arity == 2 ? n * n : 200;
  for (std::size_t k = 0; k < combinations + count; ++k) {
    std::vector<double> x(c.arity);
    for (std::size_t i = 0; i < c.arity; ++i) {
      if (k >= combinations) {
        x[i] =
            c.integer ? static_cast<double>(static_cast<std::int32_t>(rng())) : draw(rng, c.domain);
      } else {
        x[i] = c.arity == 3 ? picks[rng() % n] : picks[i == 0 ? k % n : k / n];
        if (!c.integer) x[i] = as_fp32(x[i]);
        if (!suits(x[i])) x[i] = 0.75;
      }
    }
    for (std::size_t i = 0; i < c.arity; ++i) in[i].push_back(x[i]);
  }
  while (in[0].size() % 3 != 0) {
    for (Numbers& x : in) x.push_back(1);
  }
  return in;
}

class Library : public testing::Test {
 protected:
  std::mt19937 rng{seed()};
  void SetUp() override { RecordProperty("seed", static_cast<int>(seed())); }
};

TEST_F(Library, ElementwiseFunctionsAreWithinTheirBounds) {
  for (const Elementwise& c : elementwise()) {
    SCOPED_TRACE(c.name);
    const Definition& definition = library(c.name);
    const Program program = compile(definition);
    ASSERT_EQ(program.inputs.size(), c.arity);
    ASSERT_EQ(program.outputs.size(), 1u);
    auto in = samples(c, rng, 300 * scale());
    if (std::string(c.name) == "pow") {
      for (double& x : in[0]) x = std::fabs(x) + 0x1p-10;
      for (double& x : in[0]) x = as_fp32(x);
      for (double& x : in[1]) x = as_fp32(x / 16);
    }
    if (std::string(c.name) == "div") {
      for (double& x : in[1]) x = x != 0 && std::fabs(x) < 0x1p-126 ? 0x1p-126 : x;
    }
    RunInput input;
    input.shape = {3, in[0].size() / 3};
    for (std::size_t i = 0; i < c.arity; ++i) {
      input.data[program.inputs[i].name] = encode(program.inputs[i].format.format, in[i]);
    }
    const RunOutput out = run(program, input);
    const Port& port = program.outputs[0];
    const Numbers y = decode(port.format.format, out.data.at(port.name));
    for (std::size_t k = 0; k < y.size(); ++k) {
      double x[3] = {};
      for (std::size_t i = 0; i < c.arity; ++i) {
        x[i] = in[i][k];
      }
      double scaled[3] = {x[0], x[1], x[2]};
      if (std::string(c.name) == "pow") scaled[1] *= 16;
      // Besides, a subnormal result is rounded.
      const double subnormal = c.relative > 0 ? 0x1p-149 : 0;
      expect_close(y[k], c.reference(scaled), c.relative, c.absolute(scaled) + subnormal,
                   std::string(c.name) + " of " + testing::PrintToString(Numbers(x, x + c.arity)));
      if (HasFailure()) return;
    }
  }
}

TEST_F(Library, SignedZerosComeOutRight) {
  const auto one = [](const char* name, std::uint32_t x) {
    RunInput input;
    input.data["x"] = {x};
    return run(compile(library(name)), input).data.at("y")[0];
  };
  EXPECT_EQ(one("neg", 0), 0x80000000u);
  EXPECT_EQ(one("abs", 0x80000000), 0u);
  EXPECT_EQ(one("sqrt", 0x80000000), 0x80000000u);
  EXPECT_EQ(one("recip", 0x80000000), 0xff800000u);
  EXPECT_EQ(one("sign", 0x80000000), 0x80000000u);
  EXPECT_EQ(one("relu", 0x80000000), 0u);
  EXPECT_EQ(one("tanh", 0x80000000), 0x80000000u);
  EXPECT_EQ(one("ceil", numerics::bits_of(-0.5F)), 0x80000000u);
}

TEST_F(Library, AffineAndScalarParametersComeFromTheCommand) {
  RunInput input;
  input.shape = {2, 20};
  Numbers x(40);
  for (double& v : x) v = draw(rng, Domain::Moderate);
  input.data["x"] = encode(ElementFormat::Fp32, x);
  input.params = {{"scale", numerics::bits_of(3.0F)}, {"shift", numerics::bits_of(-0.25F)}};
  const Numbers y =
      decode(ElementFormat::Fp32, run(compile(library("affine")), input).data.at("y"));
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], as_fp32(std::fma(x[i], 3, -0.25)));
  // Fixed at compile time they are constants.
  CompileOptions options;
  options.fixed = {{"scale", 3}, {"shift", -0.25}};
  const Program fixed = compile(library("affine"), {}, options);
  EXPECT_TRUE(fixed.params.empty());
  EXPECT_EQ(decode(ElementFormat::Fp32, run(fixed, input).data.at("y")), y);
}

TEST_F(Library, RowScalarsBelongToTheirRow) {
  const std::size_t rows = 5;
  for (const std::size_t cols : {1, 16, 17, 64, 70}) {
    Numbers a(rows * cols), b(rows), c(rows);
    for (auto* v : {&a, &b, &c}) {
      for (double& x : *v) x = draw(rng, Domain::Moderate);
    }
    RunInput input;
    input.shape = {rows, cols};
    input.data = {
        {"a", encode(ElementFormat::Fp32, a)},     {"b", encode(ElementFormat::Fp32, b)},
        {"x", encode(ElementFormat::Fp32, a)},     {"scale", encode(ElementFormat::Fp32, b)},
        {"shift", encode(ElementFormat::Fp32, c)}, {"inv_scale", encode(ElementFormat::Fp32, b)}};
    const auto sum =
        decode(ElementFormat::Fp32, run(compile(library("add_row")), input).data.at("y"));
    const auto mul =
        decode(ElementFormat::Fp32, run(compile(library("mul_row")), input).data.at("y"));
    const auto bn =
        decode(ElementFormat::Fp32, run(compile(library("batchnorm")), input).data.at("y"));
    const auto q =
        decode(ElementFormat::Fp32, run(compile(library("quantize_row")), input).data.at("y"));
    const auto d =
        decode(ElementFormat::Fp32, run(compile(library("dequantize_row")), input).data.at("y"));
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(sum[i], as_fp32(a[i] + b[i / cols]));
      EXPECT_EQ(mul[i], as_fp32(a[i] * b[i / cols]));
      EXPECT_EQ(bn[i], as_fp32(std::fma(a[i], b[i / cols], c[i / cols])));
      EXPECT_EQ(q[i], mul[i]);
      EXPECT_EQ(d[i], mul[i]);
    }
  }
}

// ------------------------------------------------------------------ rows

/// Shapes with whole groups, partial groups, partial beats, several beats.
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> kShapes = {{1, 1},  {3, 5},   {4, 16},  {2, 17},
                                             {5, 32}, {3, 100}, {19, 64}, {2, 257}};
  return kShapes;
}

Numbers draw_many(std::mt19937& rng, std::size_t n, ElementFormat format = ElementFormat::Fp32) {
  Numbers x(n);
  for (double& v : x) v = draw(rng, Domain::Moderate);
  return decode(format, encode(format, x));
}

/// Runs a row expression with input x (and others) and gives decoded outputs.
std::map<std::string, Numbers> run_rows(const char* name, const Shape& shape,
                                        const std::map<std::string, Numbers>& data,
                                        const Formats& formats = {},
                                        const std::map<std::string, std::uint32_t>& params = {},
                                        const std::set<std::string>& one_row = {}) {
  const Program program = compile(library(name), formats);
  RunInput input;
  input.shape = shape;
  input.params = params;
  input.one_row = one_row;
  for (const Port& port : program.inputs) {
    input.data[port.name] = encode(port.format.format, data.at(port.name));
  }
  const RunOutput out = run(program, input);
  std::map<std::string, Numbers> result;
  for (const Port& port : program.outputs) {
    result[port.name] = decode(port.format.format, out.data.at(port.name));
  }
  return result;
}

TEST_F(Library, SoftmaxRowsSumToOneAndMatch) {
  for (const Shape& shape : shapes()) {
    const Numbers x = draw_many(rng, shape.rows * shape.cols);
    Numbers maxima(shape.rows, -kInf);
    for (std::size_t i = 0; i < x.size(); ++i) {
      maxima[i / shape.cols] = std::max(maxima[i / shape.cols], x[i]);
    }
    const auto y = run_rows("softmax", shape, {{"x", x}}).at("y");
    const auto known = run_rows("softmax_known_max", shape, {{"x", x}, {"m", maxima}}).at("y");
    const auto logs = run_rows("log_softmax", shape, {{"x", x}}).at("y");
    EXPECT_EQ(y, known);
    for (std::size_t r = 0; r < shape.rows; ++r) {
      const auto row = x.begin() + static_cast<std::ptrdiff_t>(r * shape.cols);
      double sum = 0;
      for (std::size_t i = 0; i < shape.cols; ++i) sum += std::exp(row[i] - maxima[r]);
      double total = 0;
      for (std::size_t i = 0; i < shape.cols; ++i) {
        const std::size_t at = r * shape.cols + i;
        const double want = std::exp(row[i] - maxima[r]) / sum;
        expect_close(y[at], want, 8 * kE20, 0, "softmax");
        expect_close(logs[at], std::log(want), 2 * kE20, 4 * kE20, "log_softmax");
        total += y[at];
      }
      EXPECT_NEAR(total, 1, 4 * kE20);
    }
  }
}

TEST_F(Library, SoftmaxInBf16AndWithMaskedElements) {
  const Shape shape{4, 48};
  Numbers x = draw_many(rng, shape.rows * shape.cols, ElementFormat::Bf16);
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] = -kInf;  // causal masks do this
  const auto y = run_rows("softmax", shape, {{"x", x}}, {{"x", "bf16"}, {"y", "bf16"}}).at("y");
  for (std::size_t r = 0; r < shape.rows; ++r) {
    double m = -kInf, sum = 0;
    for (std::size_t i = 0; i < shape.cols; ++i) m = std::max(m, x[r * shape.cols + i]);
    for (std::size_t i = 0; i < shape.cols; ++i) sum += std::exp(x[r * shape.cols + i] - m);
    for (std::size_t i = 0; i < shape.cols; ++i) {
      const double want = std::exp(x[r * shape.cols + i] - m) / sum;
      expect_close(y[r * shape.cols + i], want, 0x1p-8, 0x1p-130, "softmax bf16");
      if (i % 3 == 0 && r * shape.cols % 3 == 0) {
        EXPECT_EQ(y[r * shape.cols + i], 0);
      }
    }
  }
}

TEST_F(Library, ClassifyPassesGiveClassesAndProbabilities) {
  // Two rows of 16 samples; a row has all classes of a sample one after the other in its lane.
  const std::size_t lanes = 16, classes = 10, rows = 2;
  const Shape block{rows, lanes * classes};
  const Numbers x = draw_many(rng, rows * lanes * classes);
  const auto at = [&](std::size_t k) { return k / (lanes * classes) * lanes + k % lanes; };
  const auto each_class = [&](const Numbers& one) {
    Numbers all(x.size());
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = one[at(k)];
    return all;
  };
  const auto top = run_rows("classify_max", block, {{"x", x}}).at("y");
  ASSERT_EQ(top.size(), rows * lanes);
  const auto exps = run_rows("classify_exp", block, {{"x", x}, {"m", each_class(top)}});
  const auto picks = run_rows("classify_pick", block, {{"x", x}, {"m", each_class(top)}}).at("i");
  const auto p =
      run_rows("classify_divide", block, {{"u", exps.at("u")}, {"t", each_class(exps.at("t"))}})
          .at("p");
  for (std::size_t i = 0; i < rows * lanes; ++i) {
    const std::size_t first = i / lanes * lanes * classes + i % lanes;
    double most = -kInf, sum = 0;
    std::size_t pick = 255;
    for (std::size_t c = 0; c < classes; ++c) {
      if (x[first + c * lanes] > most) {
        most = x[first + c * lanes];
        pick = c;
      }
    }
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(x[first + c * lanes] - most);
    EXPECT_EQ(top[i], most);
    EXPECT_EQ(picks[i], static_cast<double>(pick));
    for (std::size_t c = 0; c < classes; ++c) {
      expect_close(p[first + c * lanes], std::exp(x[first + c * lanes] - most) / sum, 64 * kE20,
                   0x1p-120, "probability");
    }
  }
}

TEST_F(Library, AttentionPassesAddUpToSoftmax) {
  // Two blocks of keys, online, against the whole row. The "product" with V is the probabilities
  // themselves, so the output block is what softmax gives for the sum of both blocks.
  const std::size_t rows = 16, cols = 40;
  const Shape block{rows, cols};
  const std::map<std::string, std::uint32_t> scale_param = {
      {"scale", numerics::bits_of(static_cast<float>(0.125 * 1.44269504088896340736))}};
  std::vector<Numbers> scores = {draw_many(rng, rows * cols), draw_many(rng, rows * cols)};
  Numbers query(rows);
  for (std::size_t r = 0; r < rows; ++r) query[r] = static_cast<double>(r);
  scores[1] = run_rows("attention_mask", block, {{"s", scores[1]}, {"query", query}}).at("y");
  for (std::size_t k = 0; k < rows * cols; ++k) {
    EXPECT_EQ(std::isinf(scores[1][k]), k % cols > k / cols);
  }
  Numbers m(rows, -kInf), o(rows * cols, 0), maxima, sums;
  for (const Numbers& s : scores) {
    const auto next =
        run_rows("attention_max", block, {{"s", s}, {"m_old", m}}, {}, scale_param).at("m");
    const auto p = run_rows("attention_exp", block, {{"s", s}, {"m", next}}, {}, scale_param);
    o = run_rows("attention_scale", block, {{"o", o}, {"m_old", m}, {"m", next}}).at("y");
    for (std::size_t k = 0; k < o.size(); ++k) o[k] = as_fp32(o[k] + p.at("p")[k]);
    maxima.insert(maxima.end(), next.begin(), next.end());
    sums.insert(sums.end(), p.at("l").begin(), p.at("l").end());
    m = next;
  }
  Numbers last = m;
  last.insert(last.end(), m.begin(), m.end());
  const auto l =
      run_rows("attention_sum", {1, 32}, {{"m", maxima}, {"l", sums}, {"m_last", last}}).at("t");
  ASSERT_EQ(l.size(), rows);
  const auto y = run_rows("attention_out", block, {{"o", o}, {"l", l}}).at("y");
  for (std::size_t r = 0; r < rows; ++r) {
    double top = -kInf, sum = 0;
    const auto at = [&](std::size_t b, std::size_t i) { return scores[b][r * cols + i] * 0.125; };
    for (std::size_t k = 0; k < 2 * cols; ++k) top = std::max(top, at(k % 2, k / 2));
    for (std::size_t k = 0; k < 2 * cols; ++k) sum += std::exp(at(k % 2, k / 2) - top);
    expect_close(l[r], sum, 16 * kE20, 0, "sum of a row");
    for (std::size_t i = 0; i < cols; ++i) {
      const double want = (std::exp(at(0, i) - top) + std::exp(at(1, i) - top)) / sum;
      expect_close(y[r * cols + i], want, 16 * kE20, 0, "output");
    }
  }
}

TEST_F(Library, NormalizationsMatch) {
  for (const Shape& shape : shapes()) {
    if (shape.cols < 5) continue;
    const Numbers x = draw_many(rng, shape.rows * shape.cols);
    const Numbers gamma = draw_many(rng, shape.cols);
    const Numbers beta = draw_many(rng, shape.cols);
    const auto n = static_cast<double>(shape.cols);
    const std::map<std::string, std::uint32_t> params = {
        {"inv_n", numerics::bits_of(static_cast<float>(1 / n))}};
    const std::map<std::string, std::uint32_t> with_eps = {
        {"inv_n", numerics::bits_of(static_cast<float>(1 / n))}, {"eps", numerics::bits_of(1e-5F)}};
    const std::map<std::string, Numbers> data = {{"x", x}, {"gamma", gamma}, {"beta", beta}};
    const auto layer = run_rows("layernorm", shape, data, {}, with_eps, {"gamma", "beta"}).at("y");
    const auto plain = run_rows("layernorm_plain", shape, data, {}, with_eps).at("y");
    const auto rms = run_rows("rmsnorm", shape, data, {}, with_eps, {"gamma"}).at("y");
    const auto unit = run_rows("absmax_norm", shape, data).at("y");
    const auto moments = run_rows("mean_var", shape, data, {}, params);
    for (std::size_t r = 0; r < shape.rows; ++r) {
      double mean = 0, var = 0, square = 0, largest = 0;
      const auto at = [&](std::size_t i) { return x[r * shape.cols + i]; };
      for (std::size_t i = 0; i < shape.cols; ++i) mean += at(i) / n;
      for (std::size_t i = 0; i < shape.cols; ++i) {
        var += (at(i) - mean) * (at(i) - mean) / n;
        square += at(i) * at(i) / n;
        largest = std::max(largest, std::fabs(at(i)));
      }
      expect_close(moments.at("mean")[r], mean, kE20, 8 * 0x1p-22, "mean");
      expect_close(moments.at("variance")[r], var, kE20, 0, "variance");
      for (std::size_t i = 0; i < shape.cols; ++i) {
        const std::size_t k = r * shape.cols + i;
        const double d = (at(i) - mean) / std::sqrt(var + 1e-5);
        expect_close(plain[k], d, 2 * kE20, 2 * kE20, "layernorm_plain");
        expect_close(layer[k], d * gamma[i] + beta[i], 2 * kE20, 16 * kE20, "layernorm");
        expect_close(rms[k], at(i) / std::sqrt(square + 1e-5) * gamma[i], 3 * kE20, 0, "rmsnorm");
        expect_close(unit[k], at(i) / largest, kE20, 0, "absmax_norm");
      }
    }
  }
}

TEST_F(Library, RopeTurnsPairs) {
  const Shape shape{3, 48};
  const std::size_t n = shape.rows * shape.cols;
  const Numbers x = draw_many(rng, n);
  Numbers frequency(shape.cols), position(shape.rows), angle(n), c(n), s(n);
  for (std::size_t i = 0; i < shape.cols; i += 2) {
    frequency[i] = frequency[i + 1] = as_fp32(std::pow(10000, -double(i) / 48) / kTau);
  }
  for (std::size_t r = 0; r < shape.rows; ++r) position[r] = static_cast<double>(7 * r + 1);
  for (std::size_t k = 0; k < n; ++k) {
    angle[k] = position[k / shape.cols] * frequency[k % shape.cols];
    c[k] = as_fp32(std::cos(kTau * angle[k]));
    s[k] = as_fp32(std::sin(kTau * angle[k]));
  }
  const auto y = run_rows("rope", shape, {{"x", x}, {"c", c}, {"s", s}}).at("y");
  const auto by_angle =
      run_rows("rope_angle", shape, {{"x", x}, {"frequency", frequency}, {"position", position}},
               {}, {}, {"frequency"})
          .at("y");
  for (std::size_t k = 0; k < n; k += 2) {
    const double y0 = x[k] * c[k] - x[k + 1] * s[k];
    const double y1 = x[k + 1] * c[k] + x[k] * s[k];
    expect_close(y[k], y0, 0, 8 * 0x1p-22, "rope");
    expect_close(y[k + 1], y1, 0, 8 * 0x1p-22, "rope");
    expect_close(by_angle[k], y0, 0, 16 * 8 * 0x1p-20, "rope_angle");
    expect_close(by_angle[k + 1], y1, 0, 16 * 8 * 0x1p-20, "rope_angle");
  }
}

TEST_F(Library, ReductionsMatch) {
  for (const Shape& shape : shapes()) {
    const Numbers x = draw_many(rng, shape.rows * shape.cols);
    const Numbers b = draw_many(rng, shape.rows * shape.cols);
    const std::map<std::string, Numbers> data = {{"x", x}, {"a", x}, {"b", b}};
    const auto n = static_cast<double>(shape.cols);
    const auto sums = run_rows("sum", shape, data).at("y");
    const auto averages =
        run_rows("avg", shape, data, {}, {{"inv_n", numerics::bits_of(static_cast<float>(1 / n))}})
            .at("y");
    const auto maxima = run_rows("max_row", shape, data).at("y");
    const auto minima = run_rows("min_row", shape, data).at("y");
    const auto largest = run_rows("absmax", shape, data).at("y");
    const auto squares = run_rows("sum_square", shape, data).at("y");
    const auto dots = run_rows("dot", shape, data).at("y");
    const auto distances = run_rows("distance_square", shape, data).at("y");
    const auto first_max = run_rows("argmax", shape, data, {{"i", "int32"}}).at("i");
    const auto first_min = run_rows("argmin", shape, data, {{"i", "int16"}}).at("i");
    const auto both = run_rows("max_argmax", shape, data);
    EXPECT_EQ(both.at("y"), maxima);
    EXPECT_EQ(both.at("i"), first_max);
    double all = 0, all_abs = 0;
    for (std::size_t r = 0; r < shape.rows; ++r) {
      const auto row = x.begin() + static_cast<std::ptrdiff_t>(r * shape.cols);
      const auto end = row + static_cast<std::ptrdiff_t>(shape.cols);
      double sum = 0, abs = 0, square = 0, dot = 0, distance = 0, dot_abs = 0;
      for (std::size_t i = 0; i < shape.cols; ++i) {
        const double other = b[r * shape.cols + i];
        sum += row[i];
        abs += std::fabs(row[i]);
        square += row[i] * row[i];
        dot += row[i] * other;
        dot_abs += std::fabs(row[i] * other);
        distance += (row[i] - other) * (row[i] - other);
      }
      all += sum;
      all_abs += abs;
      expect_close(sums[r], sum, 0x1p-23, abs * 0x1p-23, "sum");
      expect_close(averages[r], sum / n, 0x1p-22, abs / n * 0x1p-22, "avg");
      EXPECT_EQ(maxima[r], *std::max_element(row, end));
      EXPECT_EQ(minima[r], *std::min_element(row, end));
      EXPECT_EQ(first_max[r], double(std::max_element(row, end) - row));
      EXPECT_EQ(first_min[r], double(std::min_element(row, end) - row));
      EXPECT_EQ(largest[r], std::max(maxima[r], -minima[r]));
      expect_close(squares[r], square, 0x1p-22, 0, "sum_square");
      expect_close(dots[r], dot, 0x1p-22, dot_abs * 0x1p-22, "dot");
      expect_close(distances[r], distance, 0x1p-21, 0, "distance_square");
    }
    expect_close(run_rows("sum_all", shape, data).at("y")[0], all, 0x1p-22, all_abs * 0x1p-22,
                 "sum_all");
  }
}

TEST_F(Library, SumKeepsSmallNumbersBesideLargeOnesThatCancel) {
  Numbers x(64, 0.0);
  x[0] = 1e8;
  x[17] = 1.0;
  x[40] = -1e8;
  EXPECT_EQ(run_rows("sum", {1, 64}, {{"x", x}}).at("y")[0], 1.0);
}

TEST_F(Library, ReductionsOfTiesAndNan) {
  const Numbers x = {1, 3, kNan, 3, -kInf, 2, kNan, 3, kNan, kNan, kNan, kNan};
  const auto both = run_rows("max_argmax", {3, 4}, {{"x", x}});
  EXPECT_EQ(both.at("y")[0], 3);
  EXPECT_EQ(both.at("i")[0], 1);  // the first of the two
  EXPECT_EQ(both.at("y")[1], 3);
  EXPECT_EQ(both.at("i")[1], 3);
  EXPECT_TRUE(std::isnan(both.at("y")[2]));
  EXPECT_EQ(both.at("i")[2], 0);
}

TEST_F(Library, ProductOfRowsCountsNElements) {
  for (const Shape& shape : shapes()) {
    Numbers x(shape.rows * shape.cols);
    for (double& v : x)
      v = as_fp32(std::exp2(std::uniform_real_distribution<double>(-0.4, 0.4)(rng)));
    for (double& v : x) v *= rng() % 2 == 0 ? 1 : -1;
    const auto y = run_rows("mul_row_reduce", shape, {{"x", x}}, {},
                            {{"n", static_cast<std::uint32_t>(shape.cols)}})
                       .at("y");
    for (std::size_t r = 0; r < shape.rows; ++r) {
      double want = 1;
      for (std::size_t i = 0; i < shape.cols; ++i) want *= x[r * shape.cols + i];
      expect_close(y[r], want, static_cast<double>(shape.cols) * 0x1p-23, 0, "product");
    }
  }
}

TEST_F(Library, IntegerReductionsAreExact) {
  const Shape shape{5, 37};
  Numbers x(shape.rows * shape.cols);
  for (double& v : x) v = static_cast<double>(static_cast<std::int32_t>(rng()) >> 8);
  const auto sums = run_rows("sum_int", shape, {{"x", x}}).at("y");
  const auto maxima = run_rows("max_int_row", shape, {{"x", x}}).at("y");
  const auto places = run_rows("argmax_int", shape, {{"x", x}}).at("i");
  for (std::size_t r = 0; r < shape.rows; ++r) {
    const auto row = x.begin() + static_cast<std::ptrdiff_t>(r * shape.cols);
    const auto end = row + static_cast<std::ptrdiff_t>(shape.cols);
    double sum = 0;
    for (auto it = row; it != end; ++it) sum += *it;
    EXPECT_EQ(sums[r], sum);
    EXPECT_EQ(maxima[r], *std::max_element(row, end));
    EXPECT_EQ(places[r], double(std::max_element(row, end) - row));
  }
}

// ------------------------------------------------------------------ conversions and quantization

const std::vector<ElementFormat>& all_formats() {
  static const std::vector<ElementFormat> kFormats = [] {
    std::vector<ElementFormat> out;
    out.reserve(numerics::kElementFormats);
    for (int i = 0; i < numerics::kElementFormats; ++i)
      out.push_back(static_cast<ElementFormat>(i));
    return out;
  }();
  return kFormats;
}

std::uint32_t code_mask(ElementFormat f) {
  const int bits = numerics::element_bits(f);
  return bits == 32 ? ~0U : (1U << bits) - 1;
}

TEST_F(Library, EveryConversionInEveryMode) {
  const Rounding modes[] = {Rounding::NearestEven, Rounding::TowardZero, Rounding::Up,
                            Rounding::Down, Rounding::Stochastic};
  for (const ElementFormat from : all_formats()) {
    const Shape shape{2, 70};
    std::vector<std::uint32_t> codes(shape.rows * shape.cols);
    for (std::uint32_t& code : codes) code = rng() & code_mask(from);
    for (const ElementFormat to : all_formats()) {
      for (const Rounding rm : modes) {
        for (const bool saturate : {false, true}) {
          StreamFormat out_format(to);
          out_format.rounding = rm;
          out_format.saturate = saturate;
          CompileOptions options;
          options.seed = rng();
          const bool integers = numerics::is_integer(from);
          for (const char* name : {"convert", "convert_int"}) {
            const bool as_int = std::string(name) == "convert_int";
            if (as_int && !integers) continue;
            const Program program =
                compile(library(name), {{"x", from}, {"y", out_format}}, options);
            ASSERT_EQ(program.passes.size(), 1u);
            RunInput input;
            input.shape = shape;
            input.data["x"] = codes;
            const auto got = run(program, input).data.at("y");
            std::vector<numerics::StochasticLane> lanes;
            for (unsigned l = 0; l < 16; ++l) lanes.emplace_back(options.seed, l, 0);
            std::size_t errors = 0;
            for (std::size_t r = 0; r < shape.rows; ++r) {
              for (std::size_t i = 0; i < (shape.cols + 15) / 16 * 16; ++i) {
                const std::uint32_t random = lanes[i % 16].next();
                if (i >= shape.cols) continue;
                std::uint32_t word = numerics::load_element(from, codes[r * shape.cols + i]);
                if (integers && !as_int) word = numerics::i2f(word);
                const std::uint32_t want =
                    numerics::store_element(to, word, {as_int, rm, saturate, random});
                errors += got[r * shape.cols + i] != want;
              }
            }
            ASSERT_EQ(errors, 0u) << name << " " << program.inputs[0].format.text() << " -> "
                                  << out_format.text();
          }
        }
      }
    }
  }
}

TEST_F(Library, QuantizeSaturatesAndDequantizeInverts) {
  const Shape shape{2, 50};
  Numbers x = draw_many(rng, 100);
  x[0] = 1e9;
  x[1] = -1e9;
  x[2] = kNan;
  x[3] = kInf;
  const std::map<std::string, std::uint32_t> params = {{"inv_scale", numerics::bits_of(8.0F)},
                                                       {"zero", numerics::bits_of(3.0F)}};
  const auto q = run_rows("quantize", shape, {{"x", x}}, {{"y", "int8"}}, params).at("y");
  EXPECT_EQ(q[0], 127);
  EXPECT_EQ(q[1], -128);
  EXPECT_EQ(q[2], 0);
  EXPECT_EQ(q[3], 127);
  for (std::size_t i = 4; i < x.size(); ++i) {
    EXPECT_EQ(q[i], std::max(-128.0, std::min(127.0, std::nearbyint(as_fp32(x[i] * 8 + 3)))));
  }
  const auto back =
      run_rows("dequantize", shape, {{"x", q}}, {{"x", "int8"}},
               {{"scale", numerics::bits_of(0.125F)}, {"zero", numerics::bits_of(3.0F)}})
          .at("y");
  for (std::size_t i = 4; i < x.size(); ++i) EXPECT_EQ(back[i], (q[i] - 3) * 0.125);
}

TEST_F(Library, DynamicQuantizationUsesTheWholeRange) {
  const Shape shape{4, 60};
  const Numbers x = draw_many(rng, 240);
  const auto out = run_rows("quantize_dynamic", shape, {{"x", x}}, {{"y", "int8"}});
  for (std::size_t r = 0; r < shape.rows; ++r) {
    double largest = 0;
    for (std::size_t i = 0; i < shape.cols; ++i) {
      const double q = out.at("y")[r * shape.cols + i];
      largest = std::max(largest, std::fabs(q));
      EXPECT_NEAR(q * out.at("scale")[r], x[r * shape.cols + i], 0.5001 * out.at("scale")[r]);
    }
    EXPECT_EQ(largest, 127);
  }
}

TEST_F(Library, GemmResultsAreDequantizedByRowAndColumn) {
  const Shape shape{3, 24};
  Numbers x(72);
  for (double& v : x) v = static_cast<double>(static_cast<std::int32_t>(rng()) >> 10);
  const Numbers column = draw_many(rng, 24), row = draw_many(rng, 3);
  const auto y = run_rows("dequantize_gemm", shape, {{"x", x}, {"column", column}, {"row", row}},
                          {{"x", "int32"}}, {}, {"column"})
                     .at("y");
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(y[i], as_fp32(as_fp32(x[i] * row[i / 24]) * column[i % 24]));
  }
}

TEST_F(Library, MxBlocksQuantizeAndComeBack) {
  for (const char* name : {"fp8e4m3", "fp8e5m2", "fp6e3m2", "fp6e2m3", "fp4e2m1", "int8"}) {
    SCOPED_TRACE(name);
    const Shape shape{3, 96};
    Numbers x(shape.rows * shape.cols);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = draw(rng, Domain::Moderate) * std::exp2(double(i / 32 % 5) * 7 - 14);
    }
    x[70] = kNan;
    for (std::size_t i = 96; i < 128; ++i) x[i] = 0;
    const auto codes = encode(ElementFormat::Fp32, x);
    RunInput input;
    input.shape = shape;
    input.data["x"] = codes;
    const Program quantizer =
        compile(library("convert"), {{"y", StreamFormat("mx" + std::string(name))}});
    ASSERT_EQ(quantizer.outputs.size(), 2u);
    const RunOutput q = run(quantizer, input);
    const ElementFormat format = StreamFormat(name).format;
    std::vector<std::uint32_t> want(x.size());
    for (std::size_t b = 0; b < x.size() / 32; ++b) {
      std::uint8_t elements[32];
      const std::uint8_t scale_byte = numerics::mx_quantize(format, &codes[32 * b], elements);
      EXPECT_EQ(q.data.at("y_scales")[b], scale_byte);
      for (std::size_t i = 0; i < 32; ++i) {
        EXPECT_EQ(q.data.at("y")[32 * b + i], elements[i]);
        want[32 * b + i] = numerics::mx_dequantize(format, elements[i], scale_byte);
      }
    }
    const bool int8 = format == ElementFormat::Int8;
    const Program back = compile(library(int8 ? "dequantize_mxint8" : "dequantize_mx"),
                                 {{"x", format}, {"scale", ElementFormat::E8m0}});
    RunInput again;
    again.shape = shape;
    again.data = {{"x", q.data.at("y")}, {"scale", q.data.at("y_scales")}};
    EXPECT_EQ(run(back, again).data.at("y"), want);
  }
}

// ------------------------------------------------------------------ the library as a whole

TEST_F(Library, StreamsOfEveryFormatKeepTheirPlaces) {
  // x + y of different formats: groups come out of differently packed beats.
  for (const char* fx : {"bf16", "int8", "fp32", "fp4e2m1", "fp8e4m3", "int4"}) {
    for (const char* fy : {"fp16", "uint8", "tf32", "int16"}) {
      for (const std::size_t cols : {2, 16, 34, 130}) {
        const Shape shape{3, cols};
        const std::size_t n = shape.rows * cols;
        Numbers x(n), y(n);
        for (double& v : x) v = static_cast<double>(rng() % 5);
        for (double& v : y) v = static_cast<double>(rng() % 100);
        const StreamFormat format_x(fx);
        x = decode(format_x.format, encode(format_x.format, x));
        const auto sum =
            run_rows("add", shape, {{"a", x}, {"b", y}}, {{"a", fx}, {"b", fy}, {"y", "int16"}})
                .at("y");
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(sum[i], x[i] + y[i]) << fx << " " << fy;
      }
    }
  }
}

TEST_F(Library, EveryExpressionHasATest) {
  std::set<std::string> tested = {"affine",
                                  "add_row",
                                  "mul_row",
                                  "batchnorm",
                                  "quantize_row",
                                  "dequantize_row",
                                  "softmax",
                                  "softmax_known_max",
                                  "log_softmax",
                                  "attention_mask",
                                  "attention_max",
                                  "attention_exp",
                                  "attention_scale",
                                  "attention_sum",
                                  "attention_out",
                                  "classify_max",
                                  "classify_exp",
                                  "classify_pick",
                                  "classify_divide",
                                  "layernorm",
                                  "layernorm_plain",
                                  "rmsnorm",
                                  "absmax_norm",
                                  "mean_var",
                                  "rope",
                                  "rope_angle",
                                  "sum",
                                  "avg",
                                  "max_row",
                                  "min_row",
                                  "absmax",
                                  "sum_square",
                                  "dot",
                                  "distance_square",
                                  "argmax",
                                  "argmin",
                                  "max_argmax",
                                  "sum_all",
                                  "mul_row_reduce",
                                  "sum_int",
                                  "max_int_row",
                                  "argmax_int",
                                  "convert",
                                  "convert_int",
                                  "quantize",
                                  "dequantize",
                                  "quantize_dynamic",
                                  "dequantize_gemm",
                                  "dequantize_mx",
                                  "dequantize_mxint8"};
  for (const Elementwise& c : elementwise()) tested.insert(c.name);
  std::set<std::string> names;
  for (const Definition& d : library()) {
    EXPECT_TRUE(names.insert(d.name).second) << d.name << " is there twice";
    EXPECT_TRUE(tested.count(d.name) != 0) << d.name;
  }
  for (const std::string& name : tested) EXPECT_TRUE(names.count(name) != 0) << name;
}

TEST_F(Library, PassesAreThoseOfTheDocumentationAndFoundAtOnce) {
  std::ifstream in(TSR_VE_PAGE);
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const std::clock_t begin = std::clock();
  for (const Definition& d : library()) {
    const Program program = compile(d);
    EXPECT_TRUE(program.fewest_proven) << d.name;
    EXPECT_FALSE(d.comment.empty()) << d.name;
    std::string row = "| `" + d.name + "` | " + std::to_string(program.passes.size()) + " | ";
    for (std::size_t i = 0; i < program.passes.size(); ++i) {
      row += (i == 0 ? "" : " + ") + std::to_string(program.passes[i].operations);
    }
    EXPECT_NE(page.find(row + " |"), std::string::npos) << "docs/vector.md lacks: " << row << " |";
  }
  EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC) << "for the whole library";
}

}  // namespace
}  // namespace tsr::ve
