// SPDX-License-Identifier: Apache-2.0
/// The language: what is understood, and what errors say.
#include <gtest/gtest.h>

#include "ve/compiler.hpp"
#include "ve/library.hpp"
#include "ve/run.hpp"

namespace tsr::ve {
namespace {

using engines::VeSrc;

/// y of an expression for x = some numbers in one row, FP32 or INT32.
std::vector<double> eval(const std::string& text, const std::vector<double>& x) {
  const Program program = compile(text);
  RunInput input;
  input.shape = {1, x.size()};
  for (const Port& port : program.inputs) {
    input.data[port.name] = encode(port.format.format, x);
  }
  const Port& out = program.outputs[0];
  return decode(out.format.format, run(program, input).data.at(out.name));
}

std::vector<double> real(const std::string& value, const std::vector<double>& x) {
  return eval("pass t: in x: stream; out y = " + value + ";", x);
}
std::vector<double> integer(const std::string& value, const std::vector<double>& x) {
  return eval("pass t: in x: int stream; out y = " + value + ";", x);
}
using D = std::vector<double>;

TEST(VeLanguage, OperatorsBindAsInC) {
  EXPECT_EQ(real("1 + x * 2", {3}), D{7});
  EXPECT_EQ(real("(1 + x) * 2", {3}), D{8});
  EXPECT_EQ(real("x - 1 - 1", {3}), D{1});
  EXPECT_EQ(real("-x * 2", {3}), D{-6});
  EXPECT_EQ(real("-(x - 5)", {3}), D{2});
  EXPECT_EQ(integer("x | 1 << 4", {3}), D{19});
  EXPECT_EQ(integer("x & 6 ^ 1", {3}), D{3});
  EXPECT_EQ(integer("select(x + 1 < 5, 1, 2)", {3}), D{1});
}

TEST(VeLanguage, NumbersAndConstantsFoldBeforeTheRounding) {
  EXPECT_EQ(real("x * (ln2 * log2e)", {3}), D{3});
  EXPECT_EQ(real("x + 1e1", {3}), D{13});
  EXPECT_EQ(real("x + .5", {3}), D{3.5});
  EXPECT_EQ(real("x / 4", {3}), D{0.75});
  const Program p = compile("pass t: in x: stream; const k = 2 * 3; out y = x * k + max(k, 7);");
  EXPECT_EQ(p.passes[0].config.k[0], numerics::bits_of(6.0F));
  EXPECT_EQ(p.passes[0].config.k[1], numerics::bits_of(7.0F));
}

TEST(VeLanguage, NegationAndMagnitudeCostNoStage) {
  const Program p = compile("pass t: in x: stream, z: stream; out y = fma(-x, abs(z), -abs(x));");
  EXPECT_EQ(p.passes[0].operations, 1u);
  EXPECT_EQ(real("-abs(-x) - -x", {3, -4}), (D{0, -8}));
  // Constants of both signs share a slot; zero needs none.
  const Program q = compile("pass t: in x: stream; out y = max(x * 3 + -3, 0);");
  EXPECT_EQ(q.passes[0].config.k[0], numerics::bits_of(3.0F));
  EXPECT_EQ(q.passes[0].config.k[1], 0u);
}

TEST(VeLanguage, ProductsAreFusedOnlyOnRequest) {
  const std::string text = "pass t: in a: stream, b: stream, c: stream; out y = c - a * b;";
  EXPECT_EQ(compile(text).passes[0].operations, 2u);
  CompileOptions options;
  options.contract = true;
  const Program fused = compile(text, {}, options);
  EXPECT_EQ(fused.passes[0].operations, 1u);
  RunInput input;
  input.data = {{"a", encode(ElementFormat::Fp32, {1 + 0x1p-12})},
                {"b", encode(ElementFormat::Fp32, {1 + 0x1p-12})},
                {"c", encode(ElementFormat::Fp32, {1 + 0x1p-11})}};
  const auto value = [&](const Program& p) {
    return decode(ElementFormat::Fp32, run(p, input).data.at("y"))[0];
  };
  EXPECT_EQ(value(compile(text)), 0);
  EXPECT_EQ(value(fused), -0x1p-24);
  // Not where something else uses the product.
  const std::string twice = "pass t: in a: stream, b: stream; p = a * b; out y = p + a; out p;";
  EXPECT_EQ(compile(twice, {}, options).passes[0].operations, 2u);
}

TEST(VeLanguage, MasksCombineAndInvert) {
  const D x = {-2, 0, 1, 5};
  EXPECT_EQ(real("select(x > 0 & x < 3, 1, 0)", x), (D{0, 0, 1, 0}));
  EXPECT_EQ(real("select(~(x > 0 & x < 3), 1, 0)", x), (D{1, 1, 0, 1}));
  EXPECT_EQ(real("select(x != 0 & x != 1, 1, 0)", x), (D{1, 0, 0, 1}));
  EXPECT_EQ(real("select(x != 0 | ~(x < 3), 1, 0)", x), (D{1, 0, 1, 1}));
  EXPECT_EQ(real("select((x != 0) ^ (x > 0), 1, 0)", x), (D{1, 0, 0, 0}));
  EXPECT_EQ(eval("pass t: in x: stream; out y = x >= 1;", x), (D{0, 0, -1, -1}));
  EXPECT_EQ(eval("pass t: in x: stream; out y = ~isneg(-x);", x), (D{-1, 0, 0, 0}));
}

TEST(VeLanguage, IntegersConvertAndCount) {
  EXPECT_EQ(real("to_real(to_int(x, down))", {-1.5, 2.5}), (D{-2, 2}));
  EXPECT_EQ(real("to_real(to_int(x))", {-1.5, 2.5}), (D{-2, 2}));
  EXPECT_EQ(eval("pass t: in x: stream; out y = bits(x);", {1}), D{0x3f800000});
  EXPECT_EQ(eval("pass t: in x: int stream; out y = from_bits(x);", {0x3f800000}), D{1});
  EXPECT_EQ(eval("expr t: in x: stream; m = max(bits(x)) over row; out y = m - bits(x);", {1, 2}),
            (D{1 << 23, 0}));
  EXPECT_EQ(real("from_bits(bits(x) + (1 << 23))", {3}), D{6});
  EXPECT_EQ(integer("-x + abs(-x)", {5, -7}), (D{0, 14}));
  EXPECT_EQ(integer("elem + x", D(20, 100))[17], 117);
  EXPECT_EQ(integer("lane + x", D(20, 100))[17], 101);
}

TEST(VeLanguage, LanesAreExchangedForOperandsOfEveryKind) {
  D x(16);
  for (std::size_t i = 0; i < 16; ++i) x[i] = static_cast<double>(i * i);
  const auto expect = [&](const std::string& text, auto f) {
    const D y = real(text, x);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(y[i], f(i)) << text << " lane " << i;
  };
  expect("lane_xor(x, 5)", [&](std::size_t i) { return x[i ^ 5]; });
  expect("lane_rot(x, 3)", [&](std::size_t i) { return x[(i + 3) % 16]; });
  expect("lane_rot(lane_rot(x, 9), 9)", [&](std::size_t i) { return x[(i + 2) % 16]; });
  expect("lane_rot(lane_xor(x, 1), 1)", [&](std::size_t i) { return x[((i + 1) % 16) ^ 1]; });
  expect("lane_xor(x, 1) - x", [&](std::size_t i) { return x[i ^ 1] - x[i]; });
  expect("x - lane_xor(x, 1)", [&](std::size_t i) { return x[i] - x[i ^ 1]; });
  expect("lane_xor(x, 8) - lane_xor(x, 1)", [&](std::size_t i) { return x[i ^ 8] - x[i ^ 1]; });
  expect("fma(lane_xor(x, 2), x, lane_xor(x, 1))",
         [&](std::size_t i) { return x[i ^ 2] * x[i] + x[i ^ 1]; });
  expect("-abs(-lane_xor(x, 4))", [&](std::size_t i) { return -x[i ^ 4]; });
  expect("select(lane_xor(x, 1) < x, 1, 0)",
         [&](std::size_t i) { return x[i ^ 1] < x[i] ? 1.0 : 0.0; });
  expect("select(x > 3, x, lane_xor(x, 1))",
         [&](std::size_t i) { return x[i] > 3 ? x[i] : x[i ^ 1]; });
}

TEST(VeLanguage, AccumulatorsRunOverRows) {
  const std::string text =
      "pass t: in x: stream; acc s = s + x from 10 over row; acc n: int = n + 1 from -1 over all;"
      "out s; out n;";
  const Program p = compile(text);
  RunInput input;
  input.shape = {2, 48};
  D x(96);
  for (std::size_t i = 0; i < 96; ++i) x[i] = static_cast<double>(i);
  input.data["x"] = encode(ElementFormat::Fp32, x);
  const auto out = run(p, input).data;
  const D s = decode(ElementFormat::Fp32, out.at("s"));
  const D n = decode(ElementFormat::Int32, out.at("n"));
  for (std::size_t i = 0; i < 96; ++i) {
    double want = 10;
    for (std::size_t k = i / 48 * 48 + i % 48 % 16; k <= i; k += 16) want += x[k];
    EXPECT_EQ(s[i], want);
    const auto group = i / 16;
    EXPECT_EQ(n[i], static_cast<double>(group));
  }
}

TEST(VeLanguage, ParametersTakeTheWordsOfTheCommand) {
  const Program p = compile(
      "pass t: in x: stream; param a = 2, b: int = 3; "
      "out y = x * a; out z = to_int(x) + b;");
  ASSERT_EQ(p.passes[0].params.size(), 2u);
  EXPECT_EQ(p.passes[0].config.patch, 3u);
  EXPECT_EQ(p.passes[0].config.k[0], numerics::bits_of(2.0F));
  EXPECT_EQ(p.passes[0].config.k[1], 3u);
  EXPECT_EQ(p.passes[0].params[1].slot, 1u);
  EXPECT_TRUE(p.passes[0].params[1].integer);
}

TEST(VeLanguage, PortsGetFormatsModesAndRoles) {
  const Program p = compile(
      "pass t: in x: stream, s: scalar(row), b: scalar(block); y = x * s * b; out y; out m = "
      "max(y) over row;",
      {{"x", "int8"},
       {"s", "bf16"},
       {"b", "e8m0"},
       {"y", "fp8e4m3:stochastic:sat"},
       {"m", "fp16"}});
  const auto& config = p.passes[0].config;
  EXPECT_TRUE(config.in[0].to_f);
  EXPECT_FALSE(config.in[0].scalar);
  EXPECT_TRUE(config.in[1].scalar);
  EXPECT_FALSE(config.in[1].hold_two);
  EXPECT_TRUE(config.in[2].hold_two);
  EXPECT_EQ(config.out[0].rm, Rounding::Stochastic);
  EXPECT_TRUE(config.out[0].sat);
  EXPECT_EQ(config.out[1].src, 4u);
  EXPECT_TRUE(config.out[1].scalar && config.out[1].on_last);
  EXPECT_EQ(p.outputs[0].format.text(), "fp8e4m3:stochastic:sat");
  EXPECT_TRUE(engines::ve_legal(config));
}

TEST(VeLanguage, ChainedStreamsTakeTheFirstPorts) {
  const Program p = compile("pass t: in a: stream, b: stream; y = a + b; out z = a - b; out y;",
                            {{"b", "fp32:chain"}, {"y", "bf16:chain"}});
  EXPECT_EQ(p.passes[0].inputs[0].name, "b");
  EXPECT_TRUE(p.passes[0].config.in[0].chain);
  EXPECT_EQ(p.passes[0].outputs[0].name, "y");
  EXPECT_TRUE(p.passes[0].config.out[0].chain);
}

TEST(VeLanguage, RowLoopNumbersComeFromTheOptions) {
  CompileOptions options;
  options.row_loop = 2;
  const Program p =
      compile("pass t: in x: stream, s: scalar(row); out y = sum(x * s) over row;", {}, options);
  EXPECT_EQ(p.passes[0].config.in[1].hold_loop, 2u);
  EXPECT_EQ(p.passes[0].config.reduce.loop, 2u);
  EXPECT_EQ(p.passes[0].config.out[0].loop, 2u);
  const Program q = compile("pass t: in x: stream; out y = argmax(x) over all;", {}, options);
  EXPECT_EQ(q.passes[0].config.reduce.loop, 5u);
  EXPECT_EQ(q.passes[0].config.reduce.elem_loop, 5u);
}

TEST(VeLanguage, SeveralDefinitionsKeepTheirCommentsAndText) {
  const auto definitions = parse(
      "# File.\n\n# First line,\n# second.\npass a:\n  in x: stream;\n  out y = x;\n"
      "expr b: in x: stream; out y = -x;\n",
      "two.ve");
  ASSERT_EQ(definitions.size(), 2u);
  EXPECT_EQ(definitions[0].comment, "First line,\nsecond.");
  EXPECT_EQ(definitions[0].text, "pass a:\n  in x: stream;\n  out y = x;");
  EXPECT_TRUE(definitions[0].single_pass);
  EXPECT_EQ(definitions[1].comment, "");
  EXPECT_FALSE(definitions[1].single_pass);
}

// ------------------------------------------------------------------ errors

struct Wrong {
  const char* text;
  const char* message;
};

TEST(VeLanguage, ErrorsNamePlaceAndReason) {
  const Wrong cases[] = {
      {"hello", "expression:1:1: expected 'expr NAME:' or 'pass NAME:', found 'hello'"},
      {"", "expression:1:1: no expression"},
      {"pass t: in x: stream;", "expression:1:6: 't' has no output"},
      {"pass t: in x: stream;\n  out y = x +;", "expression:2:14: expected a value, found ';'"},
      {"pass t: in x: stream;\n  out y = x $ 2;", "expression:2:13: unknown character '$'"},
      {"pass t: in x: stream;\n  out y = 3x;", "expression:2:11: malformed number '3x...'"},
      {"pass t: in x: stream;\n  out y = z;", "expression:2:11: 'z' is not defined"},
      {"pass t: in x: stream;\n  x = x + 1; out x;", "expression:2:3: 'x' is already defined"},
      {"pass t: in x: stream;\n  out y = foo(x);", "expression:2:11: unknown function 'foo'"},
      {"pass t: in x: stream;\n  out y = fma(x, x);",
       "expression:2:11: fma() takes 3 arguments, not 2"},
      {"pass t: in x: stream;\n  out y = max(x);",
       "expression:2:11: max() of one value needs a loop"},
      {"pass t: in x: stream;\n  out y = sum(x);", "expression:2:11: sum() needs a loop"},
      {"pass t: in x: stream;\n  out y = sum(x) over column;", "unknown loop 'column'"},
      {"pass t: in x: scalar(column);", "a scalar is held for a 'row'"},
      {"pass t: in x: stream, i: int stream;\n  out y = x + i;",
       "expression:2:13: '+' of a real and an integer"},
      {"pass t: in i: int stream;\n  out y = i * 3;", "expression:2:13: no integer '*'"},
      {"pass t: in i: int stream;\n  out y = i + 0.5;", "expression:2:13: an integer is needed"},
      {"pass t: in x: stream;\n  out y = x & 3;", "'&' needs integers or masks"},
      {"pass t: in x: stream;\n  out y = select(x, 1, 0);",
       "expression:2:18: the condition of select()"},
      {"pass t: in x: stream;\n  out y = exp2(x < 1);", "this is a mask, but a real is needed"},
      {"pass t: in x: stream;\n  out y = 3;", "a constant: nothing to compute"},
      {"pass t: in x: stream;\n  out y = lane;", "does not depend on an input"},
      {"pass t: in x: stream;\n  out y = lane_xor(x, 16);", "a lane distance is 0..15"},
      {"pass t: in x: stream;\n  out y = to_int(x, sideways);", "a rounding mode is"},
      {"pass t: in x: stream;\n  acc s = s * 2 + x from 0 over row; out s;",
       "expression:2:7: the accumulator 's' must be an operand of the last operation"},
      {"pass t: in x: stream;\n  acc s = x + x from 0 over row; out s;", "the accumulator 's'"},
      {"pass t: in x: stream;\n  out y = first(x);", "first() needs a value of 16 lanes"},
      {"pass t: in x: stream;\n  out y = x + last(x) over row;",
       "a value of 16 lanes a row cannot be"},
      {"pass t: in m: scalar(row);\n  out y = max(m) over row;", "the value changes no more often"},
      {"pass t: in x: stream;\n  pi = x; out y = pi;", "'pi' is a built-in constant"},
  };
  for (const Wrong& wrong : cases) {
    try {
      compile(std::string(wrong.text));
      ADD_FAILURE() << "compiles: " << wrong.text;
    } catch (const CompileError& error) {
      EXPECT_NE(std::string(error.what()).find(wrong.message), std::string::npos)
          << wrong.text << "\n  says: " << error.what() << "\n  not:  " << wrong.message;
    }
  }
}

TEST(VeLanguage, PassesThatDoNotFitSayWhatAndWhy) {
  const Wrong cases[] = {
      {"pass t: in x: stream;\n  out y = x - max(x) over row;",
       "max at 2:15 is complete only behind the last stage"},
      {"pass t: in x: stream;\n  out a = sum(x) over row;\n  out b = max(x) over row;",
       "two different reductions (sum (a) at 2:11, max (b) at 3:11): a pass has one"},
      {"pass t: in a: stream, b: stream, c: stream, d: stream;\n  out y = fma(a, b, c) + d;",
       "needs 4 inputs (a at 1:12, b at 1:23, c at 1:34, d at 1:45), a pass reads 3"},
      {"pass t: in x: stream;\n  out a = x;\n  out b = -x;\n  out c = abs(x);",
       "3 outputs, a pass has 2"},
      {"pass t: in x: stream;\n  out y = x * x * x * x * x * x;",
       "5 operations need a multiplier or adder (mul at 2:13, mul at 2:17, mul at 2:21, mul at "
       "2:25, "
       "mul (y) at 2:29), 4 stages have one"},
      {"pass t: in x: stream;\n  out y = exp2(log2(tanh(x)));",
       "3 operations need special functions"},
      {"pass t: in x: stream;\n  out y = exp2(x) * x * x * x;", "no stage is left for"},
      {"pass t: in x: stream;\n  a = min(max(min(max(x, 1), 2), 1), 2);\n"
       "  out y = max(min(max(min(max(a, 1), 2), 1), 2), 1);",
       "9 operations need a stage"},
      {"pass t: in x: int stream;\n  out y = (((((((x ^ 1) + 2 & 3) + 4 ^ 5) + 6 | 7) + 8 ^ 10) + "
       "11));",
       "different constants, a pass has 8"},
      {"pass t: in x: stream;\n  param a, b, c, d, f, g;\n  out y = max(max(max(max(max(max(x, a), "
       "b), c), d), f), g);",
       "6 parameters: a command brings 5"},
      {"pass t: in a: int stream, b: int stream, c: int stream;\n"
       "  d = a + b; e0 = b + c; f = a + c;\n"
       "  out y = (d ^ e0 ^ f) + (a & b) + c;\n",
       "more than 4 values have to be carried at once"},
      {"pass t: in x: stream;\n  out i = argmax(x) over all;\n  out y = select(elem < 3, x, 0);",
       "element numbers within a row and within all"},
  };
  for (const Wrong& wrong : cases) {
    try {
      compile(std::string(wrong.text));
      ADD_FAILURE() << "compiles: " << wrong.text;
    } catch (const CompileError& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find("'t' does not fit one pass: "), std::string::npos) << what;
      EXPECT_NE(what.find(wrong.message), std::string::npos)
          << wrong.text << "\n  says: " << what << "\n  not:  " << wrong.message;
    }
  }
}

TEST(VeLanguage, FormatsThatDoNotSuitAreRefused) {
  const auto refused = [](const std::string& text, const Formats& formats, const char* message) {
    try {
      compile(text, formats);
      ADD_FAILURE() << "compiles: " << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  const std::string copy = "pass t: in x: stream; out y = x;";
  const std::string ints = "pass t: in x: int stream; out y = x;";
  refused(copy, {{"q", "fp32"}}, "has no stream 'q'");
  refused(ints, {{"x", "bf16"}}, "must be an integer one");
  refused(copy, {{"x", "mxint8"}}, "MX is for outputs");
  refused(copy, {{"y", "mxbf16"}}, "an MX output is a stream of");
  refused(ints, {{"y", "mxint8"}}, "MX quantizes reals");
  refused("pass t: in x: stream; out y = sum(x) over row;", {{"y", "mxint8"}}, "an MX output");
  refused("expr t: in x: stream; out y = x - max(x) over row;", {{"x", "fp32:chain"}},
          "2 passes read it");
  EXPECT_THROW(StreamFormat("fp7"), std::invalid_argument);
  EXPECT_THROW(StreamFormat("bf16:sideways"), std::invalid_argument);
  EXPECT_THROW(library("no_such_thing"), std::invalid_argument);
  EXPECT_THROW(read_file("/no/such/file"), std::invalid_argument);
}

TEST(VeLanguage, MxOutputsNeedBothPorts) {
  const std::string text = "pass t: in x: stream; out y = x; out z = -x;";
  EXPECT_THROW(compile(text, {{"y", "mxint8"}}), CompileError);
  const Program p = compile("expr t: in x: stream; out y = x; out z = -x;", {{"y", "mxint8"}});
  EXPECT_EQ(p.passes.size(), 2u);
}

}  // namespace
}  // namespace tsr::ve
