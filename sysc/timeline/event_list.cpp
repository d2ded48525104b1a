// SPDX-License-Identifier: Apache-2.0
#include "event_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "timeline/trace_writer.hpp"

namespace tsr {

/// Cut to the window; false: nothing is left.
bool EventList::cut(std::uint64_t& begin, std::uint64_t& end) const {
  begin = std::max(begin, window_.from);
  end = std::min(end, window_.to);
  return begin < end;
}

/// A begin and an end. The arguments are at the end: so speedscope sums up slices of one name.
void EventList::slice(TimelineTrack track, std::uint64_t now, std::uint64_t begin,
                      std::uint64_t end, const std::string& name, const std::string& more) {
  if (!cut(begin, end)) return;
  const auto text = trace_text(name);
  events_.push_back(
      {now, fmt::format("{{\"ph\":\"B\",\"pid\":{},\"tid\":{},\"ts\":{},\"name\":\"{}\"}}",
                        track.pid, track.tid, trace_time(begin), text)});
  events_.push_back(
      {now, fmt::format("{{\"ph\":\"E\",\"pid\":{},\"tid\":{},\"ts\":{},\"name\":\"{}\","
                        "\"args\":{{\"cycle\":{},\"cycles\":{}{}}}}}",
                        track.pid, track.tid, trace_time(end), text, begin, end - begin, more)});
}

void EventList::lone_slice(TimelineTrack track, std::uint64_t now, std::uint64_t begin,
                           std::uint64_t end, const std::string& name, const std::string& more) {
  if (!cut(begin, end)) return;
  events_.push_back(
      {now, fmt::format("{{\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{},\"dur\":{},\"name\":\"{}\","
                        "\"args\":{{\"cycle\":{},\"cycles\":{}{}}}}}",
                        track.pid, track.tid, trace_time(begin), trace_duration(begin, end),
                        trace_text(name), begin, end - begin, more)});
}

void EventList::name_track(TimelineTrack track, std::uint64_t now, const std::string& name) {
  events_.push_back({now, trace_name(track.pid, track.tid, "thread", name)});
  events_.push_back({now, trace_place(track.pid, track.tid, "thread", track.tid)});
}

void EventList::name_process(unsigned pid, std::uint64_t now, const std::string& name,
                             unsigned place) {
  events_.push_back({now, trace_name(pid, 0, "process", name)});
  events_.push_back({now, trace_place(pid, 0, "process", place)});
}

}  // namespace tsr
