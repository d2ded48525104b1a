// SPDX-License-Identifier: Apache-2.0
#include "waves/view.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <regex>
#include <tuple>

#include "error.hpp"
#include "waves/formats.hpp"

namespace tsr::waves {
namespace {

constexpr std::size_t kMaxMarkers = 26;

toml::table load(const std::string& view) {
  const auto file = fmt::format("{}/{}.toml", TSR_VIEW_DIR, view);
  if (!std::filesystem::is_regular_file(file)) {
    throw InputError(
        fmt::format("{}: no such view; there are {}", view, fmt::join(view_names(), " ")));
  }
  try {
    return toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    throw InputError(
        fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
  }
}

/// A module that a view can show: the model that it is in, and its scope there.
struct Instance {
  std::string root;   // t4.tile_0_1, or the bench's top
  std::string scope;  // the same with the module's path
  unsigned x = 0, y = 0;
  bool node = false;  // x and y are known
};

Instance instance_at(const std::string& root, const std::string& scope) {
  static const std::regex node("\\w+\\.[a-z]+_(\\d+)_(\\d+)");
  Instance found{root, scope, 0, 0, false};
  std::smatch match;
  if (std::regex_match(root, match, node)) {
    found.x = static_cast<unsigned>(std::stoul(match[1]));
    found.y = static_cast<unsigned>(std::stoul(match[2]));
    found.node = true;
  }
  return found;
}

/// In reading order of the mesh.
std::vector<Instance> instances(const FstIndex& trace, const toml::array* places) {
  std::vector<Instance> found;
  if (places == nullptr) return found;
  for (const auto& place : *places) {
    const auto tail = "." + place.value_or(std::string());
    for (const auto& scope : trace.scopes()) {
      if (scope.size() <= tail.size()) continue;
      const auto root = scope.substr(0, scope.size() - tail.size());
      if (root + tail != scope || std::count(root.begin(), root.end(), '.') > 1) continue;
      found.push_back(instance_at(root, scope));
    }
  }
  std::sort(found.begin(), found.end(), [](const Instance& a, const Instance& b) {
    return std::tie(a.y, a.x, a.scope) < std::tie(b.y, b.x, b.scope);
  });
  return found;
}

std::string label(const Instance& i) { return i.node ? fmt::format("{},{}", i.x, i.y) : i.scope; }

std::string replace(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

class Writer {
 public:
  Writer(const FstIndex& trace, View& view) : trace_(trace), view_(view) {}

  void group(const toml::table& group, const Instance& at, const std::string& prefix) {
    const auto name = replace(prefix + group["name"].value_or(std::string()), ".", " ");
    const auto* rows = group["rows"].as_array();
    if (rows == nullptr) return;
    std::string body;
    std::swap(body, view_.text);
    const auto* each = group["each"].as_array();
    for (std::size_t n = 0; n < (each == nullptr ? 1 : each->size()); ++n) {
      const auto word = each == nullptr ? "" : each->get(n)->value_or(std::string());
      for (const auto& item : *rows) row(*item.as_array(), at, std::to_string(n), word);
    }
    std::swap(body, view_.text);
    if (body.empty()) return;
    view_.text += fmt::format("@800200\n-{}\n{}@1000200\n-{}\n", name, body, name);
    view_.rows += 2;
  }

 private:
  /// ["label", "format", "signal"], and perhaps "valid" and "color". A label with ? at its end is
  /// left out where the instance has no such signal.
  void row(const toml::array& item, const Instance& at, const std::string& n,
           const std::string& word) {
    auto text = [&](std::size_t i) {
      const auto* node = item.get(i);
      const auto raw = node == nullptr ? std::string() : node->value_or(std::string());
      return replace(replace(raw, "{n}", n), "{name}", word);
    };
    auto name = text(0);
    const bool optional = !name.empty() && name.back() == '?';
    if (optional) name.pop_back();
    const auto* format = find_format(text(1));
    if (format == nullptr)
      throw InputError(fmt::format("view row {}: no format {}", name, text(1)));
    const std::size_t before = view_.missing.size();
    const auto signals =
        format->fields.empty() ? plain(at, text(2)) : fields(at, *format, text(2), text(3));
    if (view_.missing.size() != before) {
      if (optional) view_.missing.resize(before);
      return;
    }
    emit(name, *format, signals, text(4));
  }

  void emit(const std::string& name, const Format& format, const std::string& signals,
            const std::string& color) {
    static const std::map<std::string, int> colors = {{"red", 1},   {"orange", 2}, {"yellow", 3},
                                                      {"green", 4}, {"blue", 5},   {"indigo", 6},
                                                      {"violet", 7}};
    const bool filtered = !format.fields.empty();
    view_.text += fmt::format("@{}{}\n", filtered ? "40" : "", format.flags);
    if (filtered) {
      const auto number = filters_.emplace(format.name, filters_.size() + 1).first->second;
      view_.text += fmt::format("^>{} {} {}\n", number, TSR_WAVE_FILTER, format.name);
    }
    const auto found = colors.find(color);
    if (found != colors.end()) view_.text += fmt::format("[color] {}\n", found->second);
    view_.text +=
        fmt::format("{}{{{}}} {}\n", filtered ? '#' : '+', replace(name, ".", " "), signals);
    ++view_.rows;
  }

  /// A path that begins with ^ starts at the model's ports, else at the instance.
  static std::string full(const Instance& at, const std::string& path) {
    return path.front() == '^' ? at.root + "." + path.substr(1) : at.scope + "." + path;
  }

  const Signal* need(const std::string& name) {
    const auto* signal = trace_.find(name);
    if (signal == nullptr) {
      view_.missing.push_back(name);
    } else {
      view_.signals.push_back(signal->name);
    }
    return signal;
  }

  std::string plain(const Instance& at, const std::string& path) {
    const auto* signal = need(full(at, path));
    return signal == nullptr ? "" : signal->name;
  }

  /// Every bit of a signal, the highest first, as GTKWave combines them.
  std::string bits(const std::string& name, unsigned width) {
    const auto* signal = need(name);
    if (signal == nullptr) return "";
    if (signal->width != width) {
      throw InputError(
          fmt::format("{} has {} bits; its filter reads {}", signal->name, signal->width, width));
    }
    if (width == 1) return " " + signal->name;
    std::string out;
    for (unsigned i = 0; i < width; ++i) out += fmt::format(" ({}){}", i, signal->name);
    return out;
  }

  /// One bit: a scalar, or bit I of a vector as PATH@I.
  std::string valid(const std::string& path) {
    const auto at = path.find('@');
    if (at == std::string::npos) return bits(path, 1);
    const auto* signal = need(path.substr(0, at));
    if (signal == nullptr) return "";
    const auto index = static_cast<unsigned>(std::stoul(path.substr(at + 1)));
    return fmt::format(" ({}){}", signal->width - 1 - index, signal->name);
  }

  std::string fields(const Instance& at, const Format& format, const std::string& path,
                     const std::string& valid_path) {
    const auto base = full(at, path);
    if (valid_path.empty())
      throw InputError(fmt::format("{}: a filter needs a valid signal", path));
    std::string out = valid(full(at, valid_path));
    for (const auto& field : format.fields) {
      const std::string sub = field.path;
      out += bits(sub.empty() ? base : fmt::format("{}.{}", base, sub), field.width);
    }
    return out.empty() ? out : out.substr(1);
  }

  const FstIndex& trace_;
  View& view_;
  std::map<std::string, std::size_t> filters_;
};

const Instance* choose(const std::vector<Instance>& all, const std::string& node) {
  for (const auto& i : all) {
    if (node.empty() || (i.node && label(i) == node)) return &i;
  }
  return nullptr;
}

Instance require(const FstIndex& trace, const std::string& view, const toml::table& described,
                 const std::string& node) {
  const auto all = instances(trace, described["scope"].as_array());
  if (const auto* found = choose(all, node)) return *found;
  std::string there;
  for (const auto& i : all) there += " " + label(i);
  if (all.empty()) {
    throw InputError(
        fmt::format("{}: view {} fits nothing in this trace; `tessera waves FILE --list` "
                    "shows what does",
                    trace.file(), view));
  }
  throw InputError(
      fmt::format("--node {}: view {} has nothing there; it has{}", node, view, there));
}

/// First and last time to show, and a marker at the view's event.
struct Window {
  std::uint64_t from, to, event;
};

Window window_of(const FstIndex& trace, const toml::table& described, const Instance& at) {
  Window window{trace.first_time(), trace.last_time(), trace.first_time()};
  const auto* opens = described["opens"].as_array();
  if (opens == nullptr || opens->size() != 3) return window;
  const auto* signal = trace.find(at.scope + "." + opens->get(0)->value_or(std::string()));
  if (signal == nullptr) return window;
  const auto event = trace.reaches(*signal, 1);
  if (!event) return window;
  const auto before = opens->get(1)->value_or(std::int64_t{20}) * std::int64_t{kCycleTime};
  const auto after = opens->get(2)->value_or(std::int64_t{200}) * std::int64_t{kCycleTime};
  window.event = *event;
  window.from = std::max(window.from, *event - std::min<std::uint64_t>(*event, before));
  window.to = std::min(window.to, *event + static_cast<std::uint64_t>(after));
  return window;
}

/// GTKWave's zoom is -log2 of the time of 200 pixels; the picture has 1400.
std::string header(const Window& window, const std::vector<Marker>& markers) {
  if (markers.size() > kMaxMarkers) throw InputError("GTKWave has markers A to Z: 26");
  const double zoom = -std::log2(static_cast<double>(window.to - window.from) / 7);
  std::string text = fmt::format("[timestart] {}\n*{:.6f} {}", window.from, zoom, window.event);
  for (std::size_t i = 0; i < kMaxMarkers; ++i) {
    text += i < markers.size() ? fmt::format(" {}", markers[i].cycle * kCycleTime) : " -1";
  }
  text += "\n";
  for (std::size_t i = 0; i < markers.size(); ++i) {
    text += fmt::format("[markername] {}{} cycle {}\n", static_cast<char>('A' + i), markers[i].text,
                        markers[i].cycle);
  }
  return text + "[sst_width] 0\n[signals_width] 330\n[sst_expanded] 0\n";
}

}  // namespace

std::vector<std::string> view_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TSR_VIEW_DIR)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string view_title(const std::string& view) {
  return load(view)["title"].value_or(std::string());
}

std::vector<std::string> view_instances(const FstIndex& trace, const std::string& view) {
  std::vector<std::string> names;
  for (const auto& i : instances(trace, load(view)["scope"].as_array())) names.push_back(label(i));
  return names;
}

View make_view(const FstIndex& trace, const std::string& view, const ViewOptions& options) {
  const auto described = load(view);
  View made;
  const auto at = require(trace, view, described, options.node);
  made.instance = at.scope;
  auto window = window_of(trace, described, at);
  if (options.from) window.from = window.event = *options.from * kCycleTime;
  if (options.to) window.to = *options.to * kCycleTime;
  if (window.from >= window.to) throw InputError("the window of cycles is empty");
  made.text = header(window, options.markers);
  Writer writer(trace, made);
  const auto* groups = described["group"].as_array();
  for (const auto& item : *groups) {
    const auto& group = *item.as_table();
    const auto* of = group["of"].as_array();
    if (of == nullptr) {
      writer.group(group, at, "");
      continue;
    }
    for (const auto& other : instances(trace, of)) writer.group(group, other, label(other) + " ");
  }
  if (!made.missing.empty() && !options.allow_missing) {
    throw InputError(
        fmt::format("{}: view {}: {} signals are not in this trace (--allow-missing "
                    "leaves them out):\n  {}",
                    trace.file(), view, made.missing.size(), fmt::join(made.missing, "\n  ")));
  }
  return made;
}

std::string write_view(const std::string& fst, const std::string& view, const std::string& node,
                       const std::vector<Marker>& markers) {
  ViewOptions options;
  options.node = node;
  options.markers = markers;
  return make_view(FstIndex(fst), view, options).text;
}

}  // namespace tsr::waves
