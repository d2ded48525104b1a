// SPDX-License-Identifier: Apache-2.0
/// `tessera bench sim`: speed of the simulation itself.
#pragma once

#include <cstdint>

#include "session.hpp"

namespace tsr::tools {

struct SimOptions {
  unsigned busy = 0;             ///< tiles whose matrix engine works; 0: all
  std::uint64_t cycles = 20000;  ///< length of the measured window
  bool recorder = false;         ///< measure what the flight recorder costs, too
  bool compare = false;          ///< the same on RTL and on TLM models, and firmware on TLM
};

int run_sim_bench(const SessionOptions& session, const SimOptions& options);

}  // namespace tsr::tools
