// SPDX-License-Identifier: Apache-2.0
/// Streams of compiled passes in the scratchpad, and programs on the functional vector engine.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ve/compiler.hpp"

namespace tsr::ve {

/// What an expression runs over: `rows` rows of `cols` elements.
struct Shape {
  std::size_t rows = 1;
  std::size_t cols = 1;
};

/// Elements that a port moves for a shape.
std::size_t elements(PortRole role, const Shape& shape);

/// Bytes between rows of a stream that lies packed but for rows beginning at multiples of 8.
std::uint32_t packed_pitch(const Port& port, const Shape& shape);

/// Address generator of a port for row-major data: streams and block scalars have `pitch` bytes
/// between rows (0: one row for all); scalars a row and lanes are packed. Made for row_loop 0.
/// Throws std::invalid_argument for shapes that do not fit (rows of half bytes, blocks not of 32).
engines::AguBuilder stream_agu(const Port& port, const Shape& shape, std::uint32_t pitch);

/// The seven rows of a pass's context, streams packed; `one_row` names inputs of one row that all
/// rows share.
engines::VeContext context(const Pass& pass, const Shape& shape,
                           const std::set<std::string>& one_row = {});

/// Inputs of a run: element codes as they lie in memory, one a word.
struct RunInput {
  Shape shape;
  std::map<std::string, std::vector<std::uint32_t>> data;
  std::set<std::string> one_row;                // inputs of one row that all rows share
  std::map<std::string, std::uint32_t> params;  // FP32 or INT32 bits; missing ones as declared
  engines::VeStageMasks masks;                  // as in the program's CompileOptions
};

struct RunOutput {
  std::map<std::string, std::vector<std::uint32_t>> data;  // element codes of every output
  std::uint64_t groups = 0;                                // of all passes
};

/// Run all passes on ve_run. Throws std::invalid_argument for missing or misshaped data,
/// std::runtime_error if a command fails. Chained streams cannot be run.
RunOutput run(const Program& program, const RunInput& input);

/// Element codes of real numbers (integer formats: rounded), and back.
std::vector<std::uint32_t> encode(ElementFormat format, const std::vector<double>& values);
std::vector<double> decode(ElementFormat format, const std::vector<std::uint32_t>& codes);

}  // namespace tsr::ve
