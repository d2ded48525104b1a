// SPDX-License-Identifier: Apache-2.0
/// Bit errors that a run gives its DRAM on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsr {

/// Errors of all memory nodes of a chip.
struct DramErrors {
  /// A broken bit: 0..255 of the 32-byte atom's data, 256..271 of its side bits.
  struct Cell {
    std::uint64_t address = 0;  ///< HBM offset of a byte of the atom
    unsigned bit = 0;
  };
  std::vector<Cell> broken;
  double rate = 0;         ///< probability that a bit that is read flips
  std::uint64_t seed = 1;  ///< of the random ones

  bool any() const { return rate > 0 || !broken.empty(); }
};

/// Broken cells from a text file: a line is `ADDRESS BIT...`, numbers as in C; `#` starts a
/// comment. Throws InputError that names file and line.
std::vector<DramErrors::Cell> load_broken_cells(const std::string& file);

/// `RATE` or `RATE,SEED` into `errors`; throws InputError.
void parse_error_rate(const std::string& text, DramErrors& errors);

}  // namespace tsr
