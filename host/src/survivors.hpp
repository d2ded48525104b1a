// SPDX-License-Identifier: Apache-2.0
/// What dead tiles and links leave of a chip.
#pragma once

#include "config.hpp"
#include "faults.hpp"

namespace tsr {

/// The configuration as a broken chip is used: without dead tiles and without tiles that no live
/// link connects with the ctl node; with the first 1, 2, 4 or 8 of the memory nodes that are
/// connected, since HBM interleaves over a power of two. The floor plan stays as it is. Throws
/// InputError if no tile or no memory node is left.
Config survivors(Config config, const ChipFaults& faults);

}  // namespace tsr
