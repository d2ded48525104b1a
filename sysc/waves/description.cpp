// SPDX-License-Identifier: Apache-2.0
#include "description.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "../error.hpp"

namespace tsr::waves {
namespace {

std::vector<std::string> strings(const toml::node_view<const toml::node> node) {
  std::vector<std::string> out;
  const auto* array = node.as_array();
  if (array == nullptr) return out;
  for (const auto& item : *array) out.push_back(item.value_or(std::string()));
  return out;
}

/// "path" or ["path", "short name"].
ScopeList scopes(const toml::node_view<const toml::node> node) {
  ScopeList out;
  const auto* array = node.as_array();
  if (array == nullptr) return out;
  for (const auto& item : *array) {
    if (const auto* pair = item.as_array()) {
      out.emplace_back((*pair)[0].value_or(std::string()), (*pair)[1].value_or(std::string()));
    } else {
      out.emplace_back(item.value_or(std::string()), "");
    }
  }
  return out;
}

Group group(const toml::table& table) {
  Group out;
  out.name = table["name"].value_or(std::string());
  out.of = scopes(table["of"]);
  out.each = strings(table["each"]);
  out.engine = table["engine"].value_or(false);
  if (const auto* rows = table["rows"].as_array()) {
    for (const auto& item : *rows) {
      RowText row;
      const auto* words = item.as_array();
      for (std::size_t i = 0; words != nullptr && i < words->size() && i < row.size(); ++i) {
        row[i] = (*words)[i].value_or(std::string());
      }
      out.rows.push_back(row);
    }
  }
  return out;
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

Description load_view(const std::string& name) {
  const auto file = fmt::format("{}/{}.toml", TSR_VIEW_DIR, name);
  if (!std::filesystem::is_regular_file(file)) {
    throw InputError(
        fmt::format("{}: no such view; there are {}", name, fmt::join(view_names(), " ")));
  }
  toml::table parsed;
  try {
    parsed = toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    throw InputError(
        fmt::format("{}:{}: {}", file, error.source().begin.line, error.description()));
  }
  const toml::table& table = parsed;
  Description out;
  out.name = name;
  out.title = table["title"].value_or(std::string());
  out.blocks = strings(table["blocks"]);
  out.scopes = scopes(table["scope"]);
  out.opens = table["opens"][0].value_or(std::string());
  out.before = table["opens"][1].value_or(out.before);
  out.after = table["opens"][2].value_or(out.after);
  out.engine_views = strings(table["engine_views"]);
  if (const auto* groups = table["group"].as_array()) {
    for (const auto& item : *groups) out.groups.push_back(group(*item.as_table()));
  }
  return out;
}

}  // namespace tsr::waves
