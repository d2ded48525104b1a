// SPDX-License-Identifier: Apache-2.0
/// `tessera bench gemm`: one matrix product, checked and measured against its bounds.
#pragma once

#include <cstdint>
#include <string>

#include "attribution.hpp"
#include "session.hpp"

namespace tsr::tools {

struct GemmOptions {
  std::string format = "bf16";  ///< of A: matrix_format_names(true)
  std::string format_b;         ///< of B; empty: as A
  std::uint32_t m = 512, n = 512, k = 512;
  std::string scope = "chip";  ///< tile, chip
  std::string source = "hbm";  ///< spm (one tile), hbm
  std::uint32_t repeat = 1;    ///< products in a row; source spm only
  std::string order = "nt";    ///< nt, nn, tn, tt (BLAS); source spm only
  bool bias = false;           ///< preload a row of results
};

/// What a run measured.
struct GemmRun {
  std::uint64_t cycles = 0;         ///< from the first command to the end of the last
  std::uint64_t launch_cycles = 0;  ///< from launch to completion
  std::uint64_t bytes = 0;          ///< source hbm: every operand and the result once
  std::uint64_t peak = 0;           ///< multiply-adds a cycle of one tile
  std::uint64_t beats = 0;          ///< cycles of the matrix engine for one product at its peak
  std::size_t mismatches = 0;
  double khz = 0;
  Attribution attribution;
};

/// Compute a product on a chip that has booted. Throws InputError for options that do not go
/// together and for products that do not fit.
GemmRun run_gemm(Session& session, const GemmOptions& options);

/// Returns 0 if the result equals the golden model's bit for bit.
int run_gemm_bench(const SessionOptions& session, const GemmOptions& options);

}  // namespace tsr::tools
