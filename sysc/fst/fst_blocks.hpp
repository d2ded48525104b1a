// SPDX-License-Identifier: Apache-2.0
/// Looks at the frame of an FST file before GTKWave's reader does, which does not end on some
/// damaged ones.
#pragma once

#include <string>

namespace tsr {

/// Throws InputError unless the file is a whole trace: a chain of blocks from its begin to its end,
/// with header, geometry and hierarchy.
void check_fst(const std::string& file);

}  // namespace tsr
