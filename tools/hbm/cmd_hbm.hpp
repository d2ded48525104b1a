// SPDX-License-Identifier: Apache-2.0
/// `tessera bench hbm`: a trace of memory accesses on the HBM controller alone.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "hbm/bench.hpp"

namespace CLI {
class App;
}

namespace tsr::tools {

/// Options as given.
struct HbmOptions {
  HbmBenchOptions bench;
  std::string profile = "hbm3-6400";
  std::string trace_file, pattern, commands_file, json_file;
  std::uint64_t seed = 1;
  std::uint64_t bytes = 2 << 20;
};

/// Run it and report; returns the exit code. Throws Error for bad input.
int run_hbm_bench(const HbmOptions& options);

/// Add the subcommand; it leaves its exit code in `code`.
void add_hbm(CLI::App& bench, int& code);

}  // namespace tsr::tools
