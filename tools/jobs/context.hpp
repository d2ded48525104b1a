// SPDX-License-Identifier: Apache-2.0
/// `tessera bench context`: loading a bank of configuration, and what a switch between commands
/// costs.
#pragma once

#include "session.hpp"

namespace tsr::tools {

/// Returns 0 if all results equal the golden models' bit for bit.
int run_context_bench(const SessionOptions& session);

}  // namespace tsr::tools
