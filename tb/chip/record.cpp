// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tsr::tb {
namespace {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kRead:
      return "Read";
    case Kind::kWrite:
      return "Write";
    case Kind::kWritePosted:
      return "WritePosted";
    case Kind::kAtomic:
      return "Atomic";
    case Kind::kSemPost:
      return "SemPost";
    case Kind::kReadRsp:
      return "ReadRsp";
    case Kind::kWriteRsp:
      return "WriteRsp";
    case Kind::kErrRsp:
      return "ErrRsp";
    default:
      return "unknown kind";
  }
}

std::string describe(const ResponseEvent& event) {
  return fmt::format("cycle {}: host response, tag {}, error {}, data {:08x}", event.cycle,
                     event.response.tag, event.response.error, fmt::join(event.response.data, " "));
}

std::string describe(const InterruptEvent& event) {
  return fmt::format("cycle {}: host interrupt {}", event.cycle, event.level ? "rises" : "falls");
}

/// The first place where two lists differ, with its cycle; ~0 and "" if nowhere.
template <class Event, class Describe>
std::pair<std::uint64_t, std::string> compare(const std::vector<Event>& expected,
                                              const char* expected_name,
                                              const std::vector<Event>& actual,
                                              const char* actual_name, Describe describe_event) {
  for (std::size_t i = 0; i < expected.size() || i < actual.size(); ++i) {
    const Event* e = i < expected.size() ? &expected[i] : nullptr;
    const Event* a = i < actual.size() ? &actual[i] : nullptr;
    if (e != nullptr && a != nullptr && *e == *a) continue;
    const auto cycle = std::min(e != nullptr ? e->cycle : ~0ULL, a != nullptr ? a->cycle : ~0ULL);
    const auto text = [&](const Event* event) {
      return event != nullptr ? describe_event(*event) : std::string("nothing more");
    };
    return {cycle, fmt::format("first difference in cycle {}, event {}:\n  {}: {}\n  {}: {}", cycle,
                               i, expected_name, text(e), actual_name, text(a))};
  }
  return {~0ULL, ""};
}

}  // namespace

std::string describe(const FlitEvent& event, unsigned width) {
  static const char* const kPortNames[] = {"local", "north", "east", "south", "west"};
  const Flit f = Flit::from_words(event.words);
  const auto node = [](Node n) { return fmt::format("({}, {})", n.x, n.y); };
  return fmt::format(
      "cycle {}: node ({}, {}) {} {}: {} {} -> {}..{} addr {:#x} tag {} doff {:#x} strb {:#x} "
      "vc {} cls {} mcast {} err {} poison {} birth {} par {} dpar {:#x} owner {},{} spread {}, "
      "data {:016x}",
      event.cycle, event.node % width, event.node / width,
      event.link < kNumDirs ? "request" : "response", kPortNames[event.link % kNumDirs],
      kind_name(f.kind), node(f.src), node(f.dst.lo), node(f.dst.hi), f.addr, f.tag, f.doff, f.strb,
      int{f.vc}, int{f.cls}, int{f.mcast}, static_cast<int>(f.err), int{f.poison}, f.birth,
      int{f.par}, f.dpar, f.owner.x, f.owner.y, int{f.spread}, fmt::join(f.data, " "));
}

std::string first_difference(const Record& expected, const char* expected_name,
                             const Record& actual, const char* actual_name, unsigned width) {
  const auto flit = [width](const FlitEvent& event) { return describe(event, width); };
  const auto other = [](const auto& event) { return describe(event); };
  auto first = compare(expected.flits, expected_name, actual.flits, actual_name, flit);
  const auto take = [&first](std::pair<std::uint64_t, std::string> next) {
    if (next.first < first.first) first = std::move(next);
  };
  take(compare(expected.responses, expected_name, actual.responses, actual_name, other));
  take(compare(expected.interrupts, expected_name, actual.interrupts, actual_name, other));
  if (first.second.empty() && expected.cycles != actual.cycles) {
    return fmt::format("{} ran {} cycles, {} {}", expected_name, expected.cycles, actual_name,
                       actual.cycles);
  }
  return first.second;
}

}  // namespace tsr::tb
