// SPDX-License-Identifier: Apache-2.0
/// The expression library: host/ve/lib/*.ve.
#pragma once

#include <string>
#include <vector>

#include "ve/parse.hpp"

namespace tsr::ve {

/// Every expression of the library, files in alphabetical order. Throws CompileError.
const std::vector<Definition>& library();

/// One of them. Throws std::invalid_argument if there is none of that name.
const Definition& library(const std::string& name);

/// The definitions of a file. Throws std::invalid_argument if it cannot be read, or CompileError.
std::vector<Definition> read_file(const std::string& path);

}  // namespace tsr::ve
