// SPDX-License-Identifier: Apache-2.0
/// Cuts an expression into the fewest passes.
#pragma once

#include <vector>

#include "ve/fit.hpp"

namespace tsr::ve {

struct SplitOptions {
  unsigned max_passes = 16;
  std::size_t effort = 10'000;  // steps before the exact search gives up
};

struct Split {
  std::vector<PassPlan> passes;
  bool proven = true;  // no way with fewer passes exists; else the search ran out of effort
};

/// `lossless[i]`: later passes may read output i instead of a temporary. Of the ways with the
/// fewest passes it is one with little memory traffic. Throws CompileError if the expression must
/// be one pass and is not, or if nothing within `max_passes` was found.
Split split(const Fitter& fitter, const std::vector<bool>& lossless,
            const SplitOptions& options = {});

}  // namespace tsr::ve
