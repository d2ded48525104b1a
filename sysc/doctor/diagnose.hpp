// SPDX-License-Identifier: Apache-2.0
/// Says why a chip hangs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "chip_state.hpp"

namespace tsr::doctor {

/// Name of the function at a pc of a node, "" if unknown.
using Symbols = std::function<std::string(Kind, std::uint32_t pc)>;

/// `who` cannot go on before `whom` does something.
struct WaitsFor {
  std::string who, whom, why;
};

struct Diagnosis {
  std::string cause;                ///< the most likely one, in a sentence
  std::string kind;                 ///< a word for it, for programs; "none" if nothing is wrong
  std::vector<std::string> others;  ///< further causes, likelier ones first
  std::vector<std::string> cycle;   ///< who waits for whom in a circle, if anybody
  std::vector<WaitsFor> waits;
  std::vector<std::string> transactions;  ///< everything in flight, oldest first
  std::vector<std::string> cores;         ///< what each core does

  /// Readable report, several lines.
  std::string text() const;
};

/// A pure function of the state.
Diagnosis diagnose(const ChipState& state, const Symbols& symbols = {});

}  // namespace tsr::doctor
