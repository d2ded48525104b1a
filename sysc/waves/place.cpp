// SPDX-License-Identifier: Apache-2.0
#include "place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <tuple>

namespace tsr::waves {
namespace {

Place place_at(const std::string& root) {
  static const std::regex node("\\w+\\.[a-z]+_(\\d+)_(\\d+)");
  Place place{root, false, 0, 0, {}};
  std::smatch match;
  if (std::regex_match(root, match, node)) {
    place.x = static_cast<unsigned>(std::stoul(match[1]));
    place.y = static_cast<unsigned>(std::stoul(match[2]));
    place.node = true;
  }
  return place;
}

/// Roots: the model of a node is two levels deep (t4.tile_0_1), that of a bench one.
std::vector<std::string> roots(const FstFile& trace) {
  std::vector<std::string> found;
  for (const auto& scope : trace.scopes()) {
    if (std::count(scope.begin(), scope.end(), '.') <= 1) found.push_back(scope);
  }
  return found;
}

}  // namespace

std::vector<Place> find_places(const FstFile& trace, const ScopeList& scopes) {
  std::vector<Place> places;
  for (const auto& root : roots(trace)) {
    auto place = place_at(root);
    for (const auto& [path, name] : scopes) {
      const auto scope = fmt::format("{}.{}", root, path);
      if (trace.scopes().count(scope) != 0) place.instances.push_back({root, scope, name});
    }
    if (!place.instances.empty()) places.push_back(std::move(place));
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.y, a.x, a.root) < std::tie(b.y, b.x, b.root);
  });
  return places;
}

std::string place_label(const Place& place) {
  return place.node ? fmt::format("{},{}", place.x, place.y) : place.root;
}

}  // namespace tsr::waves
