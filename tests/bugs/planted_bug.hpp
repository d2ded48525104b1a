// SPDX-License-Identifier: Apache-2.0
/// Bugs in the RTL of the tiles, to show that the checkers find them. Only test programs have them.
#pragma once

#include <string>
#include <vector>

namespace tsr::test {

/// Names that plant_bug() knows: one bug in each engine and one in the core.
const std::vector<std::string>& planted_bugs();

/// Every tile made from now on has this bug; "" for none. Throws InputError for an unknown name.
void plant_bug(const std::string& name);

}  // namespace tsr::test
