// SPDX-License-Identifier: Apache-2.0
/// `tessera bench noc`: the network alone.
#pragma once

namespace CLI {
class App;
}

namespace tsr::tools {

/// Add the subcommand; its exit code goes to `code`.
void add_noc_bench(CLI::App& bench, int& code);

}  // namespace tsr::tools
