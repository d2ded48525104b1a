// SPDX-License-Identifier: Apache-2.0
/// GTKWave: in a window, or drawing pictures without a display.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "waves/view.hpp"

namespace tsr::tools {

/// A view, and the PNG file that shall show it.
using Picture = std::pair<waves::View, std::string>;

/// Draw views of a trace, all by one GTKWave in a virtual X server. Throws InputError if a program
/// is missing or a file cannot be written, JobFailed if GTKWave draws nothing.
void draw(const std::string& trace, const std::vector<Picture>& pictures);

/// Show a view in a window until the user closes it. Throws InputError without a display.
void show_window(const std::string& trace, const waves::View& view);

}  // namespace tsr::tools
