// SPDX-License-Identifier: Apache-2.0
/// Just enough of PNG to cut a picture.
#pragma once

#include <string>

namespace tsr::tools {

/// Keep the upper `rows` lines of a PNG file with 8-bit RGB or RGBA pixels, and write them without
/// filters, so that simple programs read them. Throws InputError if it is no such picture.
void crop_png(const std::string& file, unsigned rows);

}  // namespace tsr::tools
