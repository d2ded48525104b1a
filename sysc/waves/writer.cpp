// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include <fmt/format.h>

#include "../error.hpp"

namespace tsr::waves {
namespace {

std::string replace(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

/// GTKWave cuts a name at its last dot.
std::string without_dots(const std::string& text) { return replace(text, ".", " "); }

/// A path that begins with ^ starts at the model's ports, else at the instance.
std::string full(const Instance& at, const std::string& path) {
  return path.front() == '^' ? at.root + "." + path.substr(1) : at.scope + "." + path;
}

constexpr const char* kOpen = "@800200\n-";
constexpr const char* kClose = "@1000200\n-";

}  // namespace

void Writer::head(const std::string& label, const std::string& format, const std::string& signal) {
  if (trace_.full_name(signal).empty()) return;
  emit({label, format, "", "", ""}, *find_format(format), need(signal));
}

void Writer::comment(const std::string& text) {
  view_.text += fmt::format("@200\n-{}\n", text);
  ++view_.rows;
}

void Writer::group(const Group& group, const Instance& at, const std::string& prefix,
                   std::optional<std::size_t> only) {
  const auto name = without_dots(prefix + group.name);
  std::string body;
  std::swap(body, view_.text);
  const std::size_t count = group.each.empty() ? 1 : group.each.size();
  for (std::size_t n = 0; n < count; ++n) {
    if (only && n != *only) continue;
    const auto word = group.each.empty() ? "" : group.each[n];
    for (RowText text : group.rows) {
      for (auto& part : text)
        part = replace(replace(part, "{n}", std::to_string(n)), "{name}", word);
      row(text, at);
    }
  }
  std::swap(body, view_.text);
  if (body.empty()) return;
  view_.text += fmt::format("{}{}\n{}{}{}\n", kOpen, name, body, kClose, name);
  view_.rows += 2;
}

void Writer::row(const RowText& text, const Instance& at) {
  const auto* format = find_format(text[1]);
  if (format == nullptr) {
    throw InputError(fmt::format("view {}: row {}: no format {}", view_.name, text[0], text[1]));
  }
  const std::size_t before = view_.missing.size();
  const auto signals =
      format->text == nullptr ? need(full(at, text[2])) : fields(at, *format, text);
  if (view_.missing.size() == before) emit(text, *format, signals);
}

void Writer::emit(const RowText& row, const Format& format, const std::string& signals) {
  static const std::map<std::string, int> colors = {{"red", 1},   {"orange", 2}, {"yellow", 3},
                                                    {"green", 4}, {"blue", 5},   {"indigo", 6},
                                                    {"violet", 7}};
  const bool filtered = format.text != nullptr;
  view_.text += fmt::format("@{}{}\n", filtered ? "40" : "", format.flags);
  if (filtered) {
    const auto number = filters_.emplace(format.name, filters_.size() + 1).first->second;
    view_.text += fmt::format("^>{} {} {}\n", number, TSR_WAVE_FILTER, format.name);
  }
  if (!row[4].empty()) {
    const auto color = colors.find(row[4]);
    if (color == colors.end()) {
      throw InputError(fmt::format("view {}: row {}: no colour {}", view_.name, row[0], row[4]));
    }
    view_.text += fmt::format("[color] {}\n", color->second);
  }
  view_.text += fmt::format("{}{{{}}} {}\n", filtered ? '#' : '+', without_dots(row[0]), signals);
  ++view_.rows;
}

std::string Writer::need(const std::string& name) {
  auto full = trace_.full_name(name);
  (full.empty() ? view_.missing : view_.signals).push_back(full.empty() ? name : full);
  return full;
}

/// Every bit of a signal, the highest first, as GTKWave combines them.
std::string Writer::bits(const std::string& name, unsigned width) {
  const auto full = need(name);
  if (full.empty()) return "";
  if (trace_.width(name) != width) {
    throw InputError(fmt::format("view {}: {} has {} bits; its filter reads {}", view_.name, full,
                                 trace_.width(name), width));
  }
  if (width == 1) return " " + full;
  std::string out;
  for (unsigned i = 0; i < width; ++i) out += fmt::format(" ({}){}", i, full);
  return out;
}

/// One bit: a scalar, or bit I of a vector as PATH@I.
std::string Writer::valid(const std::string& path) {
  const auto at = path.find('@');
  if (at == std::string::npos) return bits(path, 1);
  const auto name = path.substr(0, at);
  const auto full = need(name);
  if (full.empty()) return "";
  const auto index = static_cast<unsigned>(std::stoul(path.substr(at + 1)));
  if (index >= trace_.width(name)) {
    throw InputError(fmt::format("view {}: {} has no bit {}", view_.name, full, index));
  }
  return fmt::format(" ({}){}", trace_.width(name) - 1 - index, full);
}

std::string Writer::fields(const Instance& at, const Format& format, const RowText& row) {
  if (row[3].empty()) {
    throw InputError(
        fmt::format("view {}: row {}: a filter needs a valid signal", view_.name, row[0]));
  }
  const auto base = full(at, row[2]);
  auto out = valid(full(at, row[3]));
  for (const auto& field : format.fields) {
    const std::string sub = field.path;
    const bool member = !sub.empty() && sub.front() != '[';
    out += bits(fmt::format("{}{}{}", base, member ? "." : "", sub), field.width);
  }
  return out.empty() ? out : out.substr(1);
}

}  // namespace tsr::waves
