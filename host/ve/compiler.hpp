// SPDX-License-Identifier: Apache-2.0
/// Compiler of vector engine expressions: text in, context rows and a description of the streams
/// out. docs/vector.md is the language's page.
///
///     auto program = tsr::ve::compile(tsr::ve::library("softmax"), {{"x", "bf16"}, {"y",
///     "bf16"}}); for (const auto& pass : program.passes) ... pass.stages, pass.io ...
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engines/ve.hpp"
#include "ve/graph.hpp"
#include "ve/parse.hpp"

namespace tsr::ve {

/// Element format of a stream and how an output converts to it. As text: a format's name (bf16,
/// int8, fp8e4m3, ...), for outputs with "mx" in front for MX blocks, then options behind colons:
/// nearest, zero, up, down, stochastic (rounding), sat (too large floating-point numbers become the
/// largest finite one), chain (from or to the matrix engine).
struct StreamFormat {
  ElementFormat format = ElementFormat::Fp32;
  bool mx = false;
  Rounding rounding = Rounding::NearestEven;
  bool saturate = false;
  bool chain = false;

  StreamFormat() = default;
  // Not explicit: Formats are written as {{"x", "bf16"}, {"y", ElementFormat::Int8}}.
  StreamFormat(ElementFormat f) : format(f) {}
  /// Throws std::invalid_argument.
  StreamFormat(const std::string& text);
  StreamFormat(const char* text) : StreamFormat(std::string(text)) {}
  std::string text() const;
};
using Formats = std::map<std::string, StreamFormat>;

struct CompileOptions {
  bool contract = false;                // fuse a * b + c: changes rounding
  std::map<std::string, double> fixed;  // parameters that become constants
  unsigned row_loop = 0;                // loop of I0's address generator that ends with a row
  std::uint32_t seed = 1;               // stochastic rounding
  engines::VeStageMasks masks;          // stages with multiplier and special functions
  unsigned max_passes = 16;
};

/// What moves through a port.
enum class PortRole {
  Stream,    // every element
  Row,       // an element a row
  All,       // one element
  Block,     // an element for 32 elements of a row
  LanesRow,  // 16 elements a row: one group
  LanesAll,  // 16 elements
  MxScales   // a byte for 32 elements of a row
};
const char* role_name(PortRole role);

struct Port {
  std::string name;  // of an input, an output or a temporary
  bool temporary = false;
  PortRole role = PortRole::Stream;
  StreamFormat format;
};

/// A parameter in a pass: constant `slot` comes from command word 10 + slot.
struct ParamSlot {
  std::string name;
  bool integer = false;
  std::uint32_t bits = 0;  // default
  unsigned slot = 0;
};

/// What a pass walks over: a group of its first input is 16 elements of these.
enum class Pace {
  Full,   // every element
  Lanes,  // 16 lanes a row (or 16 in all)
  Row     // the rows' scalars, packed
};

struct Pass {
  engines::VeConfig config;
  engines::ContextRow stages{}, io{};  // rows RowVe and RowVeIo
  Pace pace = Pace::Full;
  std::vector<Port> inputs;   // I0, I1, I2
  std::vector<Port> outputs;  // O0, O1
  std::vector<ParamSlot> params;
  unsigned operations = 0;           // stages that do something
  std::vector<std::string> listing;  // a line for each stage in use, and for the reduction
};

struct Program {
  std::string name;
  std::vector<Pass> passes;
  std::vector<Port> inputs;   // of the expression, in order
  std::vector<Port> outputs;  // MX scales of output y are named y_scales and follow it
  std::vector<Port> temporaries;
  std::vector<Param> params;
  bool fewest_proven = true;  // false: the search ran out of effort before it could rule out fewer
};

/// Streams without a format are FP32, or INT32 where the expression says int. Throws CompileError
/// for the expression, std::invalid_argument for formats that do not suit it.
Program compile(const Definition& definition, const Formats& formats = {},
                const CompileOptions& options = {});

/// The only definition of a text.
Program compile(const std::string& text, const Formats& formats = {},
                const CompileOptions& options = {});

/// What a person wants to see of a program: streams, passes, stages.
std::string describe(const Program& program);

}  // namespace tsr::ve
