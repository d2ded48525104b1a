// SPDX-License-Identifier: Apache-2.0
#include "view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "../error.hpp"
#include "description.hpp"
#include "failure.hpp"
#include "place.hpp"
#include "writer.hpp"

namespace tsr::waves {
namespace {

constexpr std::size_t kMaxMarkers = 26;

Place require(const FstFile& trace, const Description& view, const std::string& node) {
  const auto all = find_places(trace, view.scopes);
  std::string there;
  for (const auto& place : all) {
    if (node.empty() || place_label(place) == node) return place;
    there += " " + place_label(place);
  }
  if (all.empty()) {
    throw InputError(
        fmt::format("{}: view {} fits nothing in this trace; `tessera waves FILE --list` "
                    "shows what does",
                    trace.file(), view.name));
  }
  throw InputError(
      fmt::format("--node {}: view {} has nothing there; it has{}", node, view.name, there));
}

/// First and last time to show, and the marked one.
struct Window {
  std::uint64_t from, to, event;

  /// `before` and `after` cycles around `time`, within the trace.
  void around(std::uint64_t time, std::uint64_t before, std::uint64_t after) {
    event = time;
    from = std::max(from, time - std::min(time, before * kWavePeriodPs));
    to = std::min(to, time + after * kWavePeriodPs);
  }
};

Window opening(FstFile& trace, const Description& view, const Place& place) {
  Window window{trace.begin(), trace.end(), trace.begin()};
  if (view.opens.empty()) return window;
  std::optional<std::uint64_t> first;
  for (const auto& at : place.instances) {
    const auto event = trace.reaches(at.scope + "." + view.opens, 1);
    if (event && (!first || *event < *first)) first = event;
  }
  if (first) window.around(*first, view.before, view.after);
  return window;
}

Window choose_window(FstFile& trace, const Description& view, const Place& place,
                     const ViewOptions& options) {
  auto window = opening(trace, view, place);
  if (options.at) {
    window = {trace.begin(), trace.end(), trace.begin()};
    window.around(*options.at * kWavePeriodPs, 70, 30);
  }
  if (options.from) window.from = *options.from * kWavePeriodPs;
  if (options.from && !options.at) window.event = window.from;
  if (options.to) window.to = *options.to * kWavePeriodPs;
  if (window.from >= window.to) throw InputError("the window of cycles is empty");
  return window;
}

/// GTKWave's zoom is -log2 of the time of 200 pixels; the picture has 1400. `letters`: of the
/// longest comment, which must not push the values out of their column.
std::string header(const Window& window, const std::vector<Marker>& markers, std::size_t letters) {
  if (markers.size() > kMaxMarkers) throw InputError("GTKWave has markers A to Z: 26");
  const double zoom = -std::log2(static_cast<double>(window.to - window.from) / 7);
  std::string text = fmt::format("[timestart] {}\n*{:.6f} {}", window.from, zoom, window.event);
  for (std::size_t i = 0; i < kMaxMarkers; ++i) {
    text += i < markers.size() ? fmt::format(" {}", markers[i].cycle * kWavePeriodPs) : " -1";
  }
  text += "\n";
  for (std::size_t i = 0; i < markers.size(); ++i) {
    text += fmt::format("[markername] {}{}\n", static_cast<char>('A' + i), markers[i].text);
  }
  constexpr std::size_t kLetter = 7, kNames = 330, kValues = 100;
  const auto width = std::max(kNames, letters == 0 ? 0 : kLetter * letters + kValues);
  return text + fmt::format("[sst_width] 0\n[signals_width] {}\n[sst_expanded] 0\n", width);
}

/// Groups of a view at a place. `only`: the engine that failed.
void groups(Writer& writer, const FstFile& trace, const Description& view, const Place& place,
            const std::string& prefix, std::optional<std::size_t> only) {
  const bool several = place.instances.size() > 1;
  for (std::size_t i = 0; i < place.instances.size(); ++i) {
    const auto& at = place.instances[i];
    for (const auto& group : view.groups) {
      if (group.of.empty()) {
        const auto name = prefix + (several ? at.name + " " : "");
        writer.group(group, at, name, group.engine ? only : std::nullopt);
        continue;
      }
      if (i != 0) continue;
      for (const auto& other : find_places(trace, group.of)) {
        for (const auto& instance : other.instances) {
          writer.group(group, instance, prefix + place_label(other) + " ");
        }
      }
    }
  }
}

/// Shows the engine that failed.
void failed_engine(Writer& writer, const FstFile& trace, const Description& view,
                   const Place& place, const FailedCommand& failed) {
  const auto engine = load_view(view.engine_views.at(failed.engine));
  for (const auto& other : find_places(trace, engine.scopes)) {
    if (other.root == place.root) groups(writer, trace, engine, other, engine.name + " ", {});
  }
}

std::vector<Marker> failure_markers(const FailedCommand& failed) {
  std::vector<Marker> markers;
  if (failed.start) markers.push_back({*failed.start, fmt::format("#{} begins", failed.id)});
  markers.push_back({failed.end, "fails"});
  return markers;
}

void refuse_missing(const FstFile& trace, const View& made) {
  throw InputError(
      fmt::format("{}: view {}: {} signals are not in this trace (--allow-missing "
                  "leaves them out):\n  {}",
                  trace.file(), made.name, made.missing.size(), fmt::join(made.missing, "\n  ")));
}

}  // namespace

std::string view_title(const std::string& view) { return load_view(view).title; }

std::vector<std::string> view_blocks(const std::string& view) { return load_view(view).blocks; }

std::vector<std::string> view_places(const FstFile& trace, const std::string& view) {
  std::vector<std::string> names;
  for (const auto& place : find_places(trace, load_view(view).scopes)) {
    names.push_back(place_label(place));
  }
  return names;
}

View make_view(FstFile& trace, const std::string& name, const ViewOptions& given) {
  const auto view = load_view(name);
  const auto place = require(trace, view, given.node);
  View made;
  made.name = name;
  made.instance = place.instances.front().scope;
  auto options = given;
  std::optional<FailedCommand> failed;
  if (!view.engine_views.empty()) {
    if (!options.at) options.at = trace.end() / kWavePeriodPs;
    failed = failed_command(trace, made.instance, *options.at);
    if (failed) {
      const auto marks = failure_markers(*failed);
      options.markers.insert(options.markers.begin(), marks.begin(), marks.end());
    }
  }
  const auto window = choose_window(trace, view, place, options);
  made.from = window.from;
  made.to = window.to;
  made.event = window.event;
  const auto letters = failed ? std::max(failed->command.size(), failed->error.size()) : 0;
  made.text = header(window, options.markers, letters);
  Writer writer(trace, made);
  writer.head("cycle", "dec", place.root + ".now_i");
  std::optional<std::size_t> only;
  if (failed) {
    if (!failed->command.empty()) writer.comment(failed->command);
    writer.comment(failed->error);
    only = failed->engine;
  }
  groups(writer, trace, view, place, "", only);
  if (failed) failed_engine(writer, trace, view, place, *failed);
  if (!made.missing.empty() && !options.allow_missing) refuse_missing(trace, made);
  return made;
}

}  // namespace tsr::waves
