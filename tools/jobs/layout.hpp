// SPDX-License-Identifier: Apache-2.0
/// `tessera bench layout`: an operation of one tile's layout engine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "session.hpp"

namespace tsr::tools {

struct LayoutOptions {
  std::string op = "transpose";  ///< layout_names()
  std::string bytes = "2";       ///< of an element: 0.5, 1, 2, 4
  std::uint32_t rows = 128, cols = 128;
  std::uint32_t batch = 1;
  std::uint32_t pad = 1;  ///< of op pad: rows and elements on each side
  std::uint32_t repeat = 4;
};

std::vector<std::string> layout_names();

/// Returns 0 if the result equals the golden model's bit for bit.
int run_layout_bench(const SessionOptions& session, const LayoutOptions& options);

}  // namespace tsr::tools
