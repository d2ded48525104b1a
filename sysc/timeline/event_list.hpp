// SPDX-License-Identifier: Apache-2.0
/// Trace events of a node until they are written: slices, cut to the window, and names of tracks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsr {

/// Cycles that a timeline holds, both inclusive.
struct TimelineWindow {
  std::uint64_t from = 0, to = ~0ULL;
  bool holds(std::uint64_t cycle) const { return cycle >= from && cycle <= to; }
};

/// An event of a node, ready to be written.
struct TimelineEvent {
  std::uint64_t cycle = 0;  ///< in which it was known
  std::string json;
};

/// Process and thread of the trace event format.
struct TimelineTrack {
  unsigned pid = 0, tid = 0;
};

class EventList {
 public:
  explicit EventList(TimelineWindow window) : window_(window) {}

  /// A slice, known in cycle `now`. `more`: further arguments, each with a comma in front. Slices
  /// of a track nest, or follow each other; begin < end.
  void slice(TimelineTrack track, std::uint64_t now, std::uint64_t begin, std::uint64_t end,
             const std::string& name, const std::string& more = "");
  /// The same as a single event, for tracks in which no slice touches another: speedscope adds
  /// start and duration up, which comes out a little later than the start of the next one.
  void lone_slice(TimelineTrack track, std::uint64_t now, std::uint64_t begin, std::uint64_t end,
                  const std::string& name, const std::string& more = "");
  /// Name of a track; tracks of a process are shown by their tid.
  void name_track(TimelineTrack track, std::uint64_t now, const std::string& name);
  /// Name of a process, and its place among the others.
  void name_process(unsigned pid, std::uint64_t now, const std::string& name, unsigned place);

  const TimelineWindow& window() const { return window_; }
  /// From now on there is nothing to tell.
  void stop() { window_ = {~0ULL, 0}; }
  bool stopped() const { return window_.from > window_.to; }
  /// Events since the list was emptied last, by the caller.
  std::vector<TimelineEvent>& events() { return events_; }

 private:
  bool cut(std::uint64_t& begin, std::uint64_t& end) const;

  TimelineWindow window_;
  std::vector<TimelineEvent> events_;
};

}  // namespace tsr
