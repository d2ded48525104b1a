// SPDX-License-Identifier: Apache-2.0
/// `tessera bench attention`: flash attention on one tile or on all, compared with double
/// precision.
#pragma once

#include <cstdint>
#include <string>

#include "session.hpp"

namespace tsr::tools {

struct AttentionOptions {
  std::uint32_t seq = 512, head_dim = 64, heads = 1;
  std::string format = "bf16";
  bool causal = false;
  std::string scope = "tile";  ///< tile, chip
};

/// Returns 0 if the largest error is within the tolerance.
int run_attention_bench(const SessionOptions& session, const AttentionOptions& options);

}  // namespace tsr::tools
