// SPDX-License-Identifier: Apache-2.0
/// States of nodes as text, to be handed from one process to another.
#pragma once

#include <string>
#include <vector>

#include "chip_state.hpp"

namespace tsr::doctor {

/// JSON in one line.
std::string to_text(const std::vector<NodeState>& nodes);
/// The other way round. Throws InputError for anything else.
std::vector<NodeState> nodes_of(const std::string& text);

}  // namespace tsr::doctor
