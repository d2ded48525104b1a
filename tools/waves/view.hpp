// SPDX-License-Identifier: Apache-2.0
/// GTKWave save files made from the view descriptions in waves/views and the signals of a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "waves/fst_index.hpp"

namespace tsr::waves {

/// A labelled time in the picture, at most 26 of them (GTKWave's markers A to Z).
struct Marker {
  std::uint64_t cycle;
  std::string text;
};

struct ViewOptions {
  std::string node;  ///< "X,Y": which instance; empty: the first that fits
  std::vector<Marker> markers;
  std::optional<std::uint64_t> from;  ///< first cycle to show; without it as the view says
  std::optional<std::uint64_t> to;    ///< last cycle to show
  bool allow_missing = false;         ///< leave rows out whose signals the trace does not have
};

/// A save file, and what went into it.
struct View {
  std::string text;                  ///< contents of the .gtkw file
  std::string instance;              ///< scope that it shows; empty: the whole chip
  std::vector<std::string> signals;  ///< full names of all signals in the rows
  std::vector<std::string> missing;  ///< signals that were left out
  unsigned rows = 0;                 ///< lines of the picture
};

/// Names of the views in waves/views, in alphabetical order.
std::vector<std::string> view_names();

/// First line of a view's description.
std::string view_title(const std::string& view);

/// Instances in the trace that the view fits; empty: it does not fit.
std::vector<std::string> view_instances(const FstIndex& trace, const std::string& view);

/// Resolve a view against a trace. Throws InputError: no such view, the trace has no such instance,
/// signals are missing (it names them) and may not be, more than 26 markers.
View make_view(const FstIndex& trace, const std::string& view, const ViewOptions& options = {});

/// make_view() for the trace file `fst`, in one call: the contents of its .gtkw file.
std::string write_view(const std::string& fst, const std::string& view, const std::string& node,
                       const std::vector<Marker>& markers);

}  // namespace tsr::waves
