// SPDX-License-Identifier: Apache-2.0
/// `tessera bench conv`: a convolution in one tile's scratchpad.
#pragma once

#include <cstdint>
#include <string>

#include "session.hpp"

namespace tsr::tools {

/// Input [n][h][w][c], filters [k][r][s][c / groups].
struct ConvOptions {
  std::uint32_t n = 1, h = 16, w = 16, c = 64, k = 64, r = 3, s = 3;
  std::uint32_t stride = 1, dilation = 1, pad = 1, groups = 1;
  std::string format = "bf16";  ///< matrix_format_names(false)
  std::uint32_t repeat = 1;     ///< times in a row
};

/// Returns 0 if the result equals the golden model's bit for bit.
int run_conv_bench(const SessionOptions& session, const ConvOptions& options);

}  // namespace tsr::tools
