// SPDX-License-Identifier: Apache-2.0
/// `tessera bench vector`: an expression of the library on one tile's vector engine.
#pragma once

#include <cstdint>
#include <string>

#include "attribution.hpp"
#include "session.hpp"

namespace tsr::tools {

struct VectorOptions {
  std::string op;               ///< name of an expression of host/ve/lib
  std::string format = "bf16";  ///< of input and output streams
  std::string out;              ///< of output streams; empty: as `format`
  std::uint32_t len = 1024;     ///< elements of a row
  std::uint32_t rows = 8;
  std::uint32_t repeat = 4;  ///< times in a row
};

struct VectorRun {
  std::uint64_t cycles = 0;  ///< from the first command to the end of the last
  std::uint64_t launch_cycles = 0;
  std::uint64_t passes = 0;
  std::uint64_t elements = 0;  ///< that all passes walk over, once
  std::uint64_t groups = 0;    ///< of 16 elements or less that they take for it
  std::size_t mismatches = 0;
  Attribution attribution;
};

/// Run an expression on a chip that has booted. Throws InputError for expressions, formats and
/// shapes that do not go together or do not fit.
VectorRun run_vector(Session& session, const VectorOptions& options);

/// Returns 0 if every output equals the golden model's bit for bit.
int run_vector_bench(const SessionOptions& session, const VectorOptions& options);

/// Print the library: name, streams, first line of the comment.
void list_expressions();

}  // namespace tsr::tools
