// SPDX-License-Identifier: Apache-2.0
/// What the benchmarks share: formats by name, random operands, launches whose refusals are
/// explained.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "numerics/format.hpp"
#include "session.hpp"

namespace tsr::tools {

/// An element format, perhaps with block scales.
struct BenchFormat {
  numerics::ElementFormat element = numerics::ElementFormat::Bf16;
  bool mx = false;

  unsigned bits() const { return static_cast<unsigned>(numerics::element_bits(element)); }
  /// Results are INT32.
  bool integer_results() const;
  /// Peak multiply-adds of one cell of the matrix engine in a cycle.
  unsigned macs_per_cell() const;
};

/// Names of the matrix engine's formats: element formats, and with "mx" in front those that have
/// block scales.
std::vector<std::string> matrix_format_names(bool with_mx);

/// Format of a name. Throws InputError.
BenchFormat bench_format(const std::string& name);

/// Rows of elements, packed, at a pitch of whole flits.
struct Matrix {
  std::size_t rows, cols;
  unsigned bits;
  std::size_t row_bytes, pitch;
  std::vector<std::uint8_t> bytes;

  Matrix(std::size_t row_count, std::size_t columns, unsigned element_bits);
  std::uint32_t get(std::size_t row, std::size_t col) const;
  void set(std::size_t row, std::size_t col, std::uint32_t code);
  Matrix transposed() const;
};

/// A random element without NaN or infinity: wide floating-point formats within 2^-4..2^4, others
/// anything.
std::uint32_t random_element(numerics::ElementFormat format, std::mt19937_64& rng);
Matrix random_matrix(std::size_t rows, std::size_t cols, numerics::ElementFormat format,
                     std::mt19937_64& rng);
/// E8M0 scales within 2^-4..2^4, one for each 32 of `k` elements of a row.
Matrix random_scales(std::size_t rows, std::size_t k, std::mt19937_64& rng);

/// Copy to HBM; returns the address.
std::uint64_t upload(Platform& chip, const std::vector<std::uint8_t>& bytes);

inline std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// What a launch was refused for (TSR_KERNEL_* other than hardware) becomes an InputError: `what`
/// names the problem, `advice` what to do when it does not fit the scratchpad. The launch is the
/// session's measured part.
Completion run_kernel(Session& session, const std::string& kernel, Rect tiles, const void* args,
                      std::size_t args_bytes, const std::string& what, const std::string& advice);

/// A rectangle of `count` tiles from the first one on, 0: all. Throws InputError that names
/// `option` if there is none of that size.
Rect tile_rectangle(const Platform& chip, unsigned count, const std::string& option);

/// First tile of the chip as a rectangle.
Rect first_tile(const Platform& chip);

/// The report's last line and the exit code.
int conclude(Session& session, std::size_t mismatches);

}  // namespace tsr::tools
