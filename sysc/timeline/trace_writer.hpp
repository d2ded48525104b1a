// SPDX-License-Identifier: Apache-2.0
/// Streams trace events (the JSON of chrome://tracing, Perfetto and speedscope) into a file.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tsr {

/// Start of a cycle (1.25 ns long) in whole nanoseconds, rounded down. Viewers keep no fractions:
/// they would round starts and durations apart, and slices that follow each other would overlap.
constexpr std::uint64_t trace_nanoseconds(std::uint64_t cycle) { return cycle * 5 / 4; }
/// Start of a cycle, and a time between two, as microseconds: "0.001".
std::string trace_time(std::uint64_t cycle);
std::string trace_duration(std::uint64_t begin, std::uint64_t end);
/// A text inside quotation marks as JSON wants it; bytes that are no ASCII become '?'.
std::string trace_text(std::string_view text);
/// Events that name a process (`what`: "process") or a track ("thread"), and that say where it
/// stands among the others.
std::string trace_name(unsigned pid, unsigned tid, const char* what, std::string_view name);
std::string trace_place(unsigned pid, unsigned tid, const char* what, unsigned place);

/// One object with the list of events. The file is complete JSON after close(), and after the
/// destructor, however the run ended.
class TraceWriter {
 public:
  /// Throws InputError if the file cannot be written.
  explicit TraceWriter(std::string file);
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Write one event, an object.
  void event(std::string_view object);
  std::uint64_t events() const { return events_; }
  /// End the file; `other` is the object of the key otherData. Throws InputError if anything could
  /// not be written.
  void close(std::string_view other);

 private:
  bool end(std::string_view other);

  std::string file_;
  std::FILE* stream_;
  std::uint64_t events_ = 0;
};

}  // namespace tsr
