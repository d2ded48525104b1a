// SPDX-License-Identifier: Apache-2.0
/// `tessera ve`: compile vector engine expressions and show the result.
#pragma once

namespace CLI {
class App;
}

namespace tsr::tools {

/// Adds the subcommand to the application; it leaves its exit code in `code` (2: bad input).
void add_ve(CLI::App& app, int& code);

}  // namespace tsr::tools
