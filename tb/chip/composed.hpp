// SPDX-License-Identifier: Apache-2.0
/// A recorded GEMM on the composed platform.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernel/kernel.hpp"
#include "record.hpp"
#include "tessera/host.hpp"

namespace tsr::tb {

struct GemmJob {
  std::uint32_t m = 0, n = 0, k = 0;  ///< elements, BF16
  std::uint64_t seed = 1;             ///< of the operands
  unsigned threads = 1;
  bool sleep = true;  ///< false: every model is evaluated in every cycle
};

/// What came of it.
struct GemmOutcome {
  Record record;                     ///< from reset to the last counter that the host read
  std::vector<std::uint8_t> result;  ///< C, FP32, rows without gaps
  bool right = false;                ///< C equals the golden model's, bit for bit
  std::uint64_t launch_cycles = 0;   ///< as the ctl firmware measured
  /// Every counter of tiles and memory nodes, with its name.
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  KernelStats kernel;
};

/// Boot t4, load the image, run kernel_gemm on all tiles, read result and counters.
GemmOutcome run_gemm(const GemmJob& job);

}  // namespace tsr::tb
