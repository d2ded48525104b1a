// SPDX-License-Identifier: Apache-2.0
/// `tessera bench gemm`: one matrix product, checked and measured against its bounds.
#pragma once

#include <cstdint>
#include <string>

#include "session.hpp"

namespace tsr::tools {

struct GemmOptions {
  std::string format = "bf16";  ///< bf16, int8
  std::uint32_t m = 512, n = 512, k = 512;
  std::string scope = "chip";  ///< tile, chip
  std::string source = "hbm";  ///< spm (one tile), hbm
};

/// Returns 0 if the result equals the golden model's bit for bit.
int run_gemm_bench(const SessionOptions& session, const GemmOptions& options);

}  // namespace tsr::tools
