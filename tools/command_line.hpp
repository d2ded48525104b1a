// SPDX-License-Identifier: Apache-2.0
/// The `tessera` command line.
#pragma once

namespace tsr::tools {

/// Parse the arguments and do what they ask; returns the exit code. Messages go to standard error.
int command_line(int argc, char** argv);

}  // namespace tsr::tools
