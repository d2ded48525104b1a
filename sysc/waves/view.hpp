// SPDX-License-Identifier: Apache-2.0
/// GTKWave save files made from the view descriptions in waves/views and the signals of a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../fst/fst_file.hpp"

namespace tsr::waves {

/// A labelled time in the picture, at most 26 of them (GTKWave's markers A to Z).
struct Marker {
  std::uint64_t cycle;
  std::string text;
};

struct ViewOptions {
  std::string node;  ///< "X,Y": which place; empty: the first that fits
  std::vector<Marker> markers;
  std::optional<std::uint64_t> from;  ///< first cycle to show; without it as the view says
  std::optional<std::uint64_t> to;    ///< last cycle to show
  std::optional<std::uint64_t> at;  ///< cycle to mark; without `from` and `to` shown in the middle
  bool allow_missing = false;       ///< leave rows out whose signals the trace does not have
};

/// A save file, and what went into it.
struct View {
  std::string name;                  ///< of its description
  std::string text;                  ///< contents of the .gtkw file
  std::string instance;              ///< first scope that it shows
  std::vector<std::string> signals;  ///< full names of all signals in the rows
  std::vector<std::string> missing;  ///< signals that were left out
  unsigned rows = 0;                 ///< lines of the picture
  std::uint64_t from = 0, to = 0;    ///< time to show, picoseconds
  std::uint64_t event = 0;           ///< marked time
};

/// Names of the views in waves/views, in alphabetical order.
std::vector<std::string> view_names();

/// What a view shows, in a line.
std::string view_title(const std::string& view);

/// Folders of rtl/ whose blocks a view shows.
std::vector<std::string> view_blocks(const std::string& view);

/// Places in the trace that the view fits, "X,Y" or the name of a bench's model; empty: none.
std::vector<std::string> view_places(const FstFile& trace, const std::string& view);

/// Resolve a view against a trace. The view `failure` looks for the engine that failed at or before
/// `at` (without it: the last cycle), marks it and its command, and shows its engine in detail.
/// Throws InputError: no such view, the trace has no such place, signals are missing (it names
/// them) and may not be, more than 26 markers.
View make_view(FstFile& trace, const std::string& view, const ViewOptions& options = {});

}  // namespace tsr::waves
