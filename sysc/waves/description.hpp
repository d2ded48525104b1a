// SPDX-License-Identifier: Apache-2.0
/// Descriptions of views: waves/views/*.toml, as waves/README.md explains them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "place.hpp"

namespace tsr::waves {

/// A row: label, format, signal, and perhaps valid signal and colour, empty if not given.
using RowText = std::array<std::string, 5>;

struct Group {
  std::string name;
  ScopeList of;                   ///< repeated for every instance of these in the trace, if given
  std::vector<std::string> each;  ///< rows are repeated for these: `{n}`, `{name}`
  bool engine = false;            ///< `each` are engines: only the one that failed, if it is known
  std::vector<RowText> rows;
};

struct Description {
  std::string name, title;
  std::vector<std::string> blocks;  ///< folders of rtl/ that it shows
  ScopeList scopes;
  std::string opens;     ///< signal whose first 1 the window begins at, if given
  unsigned before = 20;  ///< cycles before that
  unsigned after = 200;  ///< cycles after that
  std::vector<Group> groups;
  std::vector<std::string> engine_views;  ///< views of the engines, in the order of their numbers
};

/// All views, in alphabetical order.
std::vector<std::string> view_names();

/// Throws InputError: no such view, or its description is wrong (it says where).
Description load_view(const std::string& name);

}  // namespace tsr::waves
