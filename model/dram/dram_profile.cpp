// SPDX-License-Identifier: Apache-2.0
#include "dram/dram_profile.hpp"

#include <toml++/toml.h>

#include <limits>
#include <stdexcept>

namespace tsr {
namespace {

/// Positive integer `key` of `table`, or an error that names the file.
int positive(const toml::table& table, const std::string& path, const std::string& key) {
  const auto value = table[key].value_exact<std::int64_t>();
  if (!value) throw std::runtime_error(path + ": missing or not an integer: " + key);
  if (*value < 1 || *value > std::numeric_limits<int>::max()) {
    throw std::runtime_error(path + ": out of range: " + key);
  }
  return static_cast<int>(*value);
}

bool known_timing(std::string_view key) {
  for (const auto& field : kDramTimingFields) {
    if (key == field.name) return true;
  }
  return false;
}

}  // namespace

DramProfile load_dram_profile(const std::string& path) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(path + ": " + std::string(error.description()));
  }
  for (const auto& [key, value] : file) {
    if (key != "name" && key != "tck_ps" && key != "timing") {
      throw std::runtime_error(path + ": unknown key: " + std::string(key.str()));
    }
  }
  DramProfile profile;
  const auto name = file["name"].value_exact<std::string>();
  if (!name) throw std::runtime_error(path + ": missing or not a string: name");
  profile.name = *name;
  profile.tck_ps = positive(file, path, "tck_ps");
  const toml::table* timing = file["timing"].as_table();
  if (timing == nullptr) throw std::runtime_error(path + ": missing table: timing");
  for (const auto& [key, value] : *timing) {
    if (!known_timing(key.str())) {
      throw std::runtime_error(path + ": unknown key: timing." + std::string(key.str()));
    }
  }
  for (const auto& field : kDramTimingFields) {
    profile.timing.*field.member = positive(*timing, path, field.name);
  }
  return profile;
}

}  // namespace tsr
