// SPDX-License-Identifier: Apache-2.0
/// Context images of compiled programs as a C header.
#pragma once

#include <string>
#include <vector>

#include "ve/compiler.hpp"

namespace tsr::ve {

/// A program and the C name it gets.
struct HeaderEntry {
  std::string name;
  Program program;
};

/// C11 text: for every pass the rows RowVe and RowVeIo as `static const uint32_t`, and as enum
/// constants the number of passes, the ports of every stream and the command words of parameters.
/// `guard` is the include guard.
std::string c_header(const std::vector<HeaderEntry>& entries, const std::string& guard);

/// A line "NAME = EXPRESSION [STREAM=FORMAT]... [PARAMETER:=VALUE]... [contract] [row_loop=N]" of a
/// list file. Throws std::invalid_argument, CompileError.
HeaderEntry parse_entry(const std::string& line);

}  // namespace tsr::ve
