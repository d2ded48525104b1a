// SPDX-License-Identifier: Apache-2.0
#include "ve/library.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace tsr::ve {

namespace {

std::vector<Definition> load() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TSR_VE_LIBRARY_DIR)) {
    if (entry.path().extension() == ".ve") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Definition> out;
  for (const std::string& path : paths) {
    for (Definition& definition : read_file(path)) out.push_back(std::move(definition));
  }
  return out;
}

}  // namespace

std::vector<Definition> read_file(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::invalid_argument("cannot read '" + path + "'");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return parse(text, std::filesystem::path(path).filename().string());
}

const std::vector<Definition>& library() {
  static const std::vector<Definition> kLibrary = load();
  return kLibrary;
}

const Definition& library(const std::string& name) {
  for (const Definition& definition : library()) {
    if (definition.name == name) return definition;
  }
  throw std::invalid_argument("the library has no expression '" + name + "'");
}

}  // namespace tsr::ve
