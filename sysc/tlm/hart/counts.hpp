// SPDX-License-Identifier: Apache-2.0
/// The counters of COUNT_SEL that are not the engines'.
#pragma once

#include <cstdint>

namespace tsr::hart {

struct Counts {
  std::uint64_t start = 0;    ///< cycle of the last clear
  std::uint64_t instret = 0;  ///< the core's instructions then
  std::uint64_t request_tx = 0;
  std::uint64_t request_rx = 0;
  std::uint64_t response_tx = 0;
  std::uint64_t response_rx = 0;
  std::uint64_t parity = 0;
  std::uint64_t heard = 0;
  std::uint64_t unheard = 0;
};

}  // namespace tsr::hart
