// SPDX-License-Identifier: Apache-2.0
/// `tessera bench stream`: the tiles' DMA against the memory nodes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "session.hpp"

namespace tsr::tools {

struct StreamOptions {
  std::string pattern = "read";  ///< stream_patterns()
  std::uint32_t bytes = 0;       ///< that each tile moves (copy: copies); 0: depends on the pattern
  std::uint32_t burst = 0;       ///< bytes of a command; 0: depends on the pattern
  std::uint32_t element = 0;     ///< contiguous bytes of a command; 0: all; random: 256
  std::uint32_t region_mib = 256;  ///< random: where the blocks lie
  unsigned tiles = 0;              ///< how many take part; 0: all
};

std::vector<std::string> stream_patterns();

/// Returns 0 if every byte arrived where it should.
int run_stream_bench(const SessionOptions& session, const StreamOptions& options);

}  // namespace tsr::tools
