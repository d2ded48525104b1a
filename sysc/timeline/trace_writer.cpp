// SPDX-License-Identifier: Apache-2.0
#include "trace_writer.hpp"

#include <fmt/format.h>

#include "error.hpp"

namespace tsr {

namespace {

std::string microseconds(std::uint64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

}  // namespace

std::string trace_time(std::uint64_t cycle) { return microseconds(trace_nanoseconds(cycle)); }

std::string trace_duration(std::uint64_t begin, std::uint64_t end) {
  return microseconds(trace_nanoseconds(end) - trace_nanoseconds(begin));
}

std::string trace_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out;
}

std::string trace_name(unsigned pid, unsigned tid, const char* what, std::string_view name) {
  return fmt::format(
      "{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"{}_name\",\"args\":{{\"name\":\"{}\"}}}}",
      pid, tid, what, trace_text(name));
}

std::string trace_place(unsigned pid, unsigned tid, const char* what, unsigned place) {
  return fmt::format(
      "{{\"ph\":\"M\",\"pid\":{},\"tid\":{},\"name\":\"{}_sort_index\",\"args\":{{\"sort_index\":{}"
      "}}}}",
      pid, tid, what, place);
}

TraceWriter::TraceWriter(std::string file)
    : file_(std::move(file)), stream_(std::fopen(file_.c_str(), "wb")) {
  if (stream_ == nullptr) throw InputError(fmt::format("{}: cannot be written", file_));
  std::fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n", stream_);
}

TraceWriter::~TraceWriter() { end("{}"); }

void TraceWriter::event(std::string_view object) {
  if (events_ != 0) std::fputs(",\n", stream_);
  std::fwrite(object.data(), 1, object.size(), stream_);
  ++events_;
}

bool TraceWriter::end(std::string_view other) {
  if (stream_ == nullptr) return true;
  fmt::print(stream_, "\n], \"otherData\": {}}}\n", other);
  const bool good = std::ferror(stream_) == 0;
  const bool closed = std::fclose(stream_) == 0;
  stream_ = nullptr;
  return good && closed;
}

void TraceWriter::close(std::string_view other) {
  if (!end(other)) throw InputError(fmt::format("{}: the timeline cannot be written", file_));
}

}  // namespace tsr
