// SPDX-License-Identifier: Apache-2.0
#include "noc/faults.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "error.hpp"
#include "noc/route_check.hpp"

namespace tsr::tools {
namespace {

Node parse_node(const std::string& text) {
  Node node;
  char rest = 0;
  if (text.find('-') != std::string::npos ||
      std::sscanf(text.c_str(), "%u,%u%c", &node.x, &node.y, &rest) != 2) {
    throw std::invalid_argument(fmt::format("'{}' is no node: give X,Y", text));
  }
  return node;
}

void add_fault(const std::vector<std::string>& words, FaultMap& faults) {
  if (words[0] == "link" && words.size() == 3) {
    faults.kill_link(parse_node(words[1]), parse_node(words[2]));
  } else if (words[0] == "router" && words.size() == 2) {
    faults.kill_router(parse_node(words[1]));
  } else {
    throw std::invalid_argument("a line is 'link X,Y X,Y' or 'router X,Y'");
  }
}

struct RandomSpec {
  unsigned count = 0;
  unsigned long long seed = 0;
};

RandomSpec parse_random(const std::string& spec) {
  RandomSpec random;
  char rest = 0;
  if (spec.find('-') != std::string::npos ||
      std::sscanf(spec.c_str(), "%u,%llu%c", &random.count, &random.seed, &rest) != 2) {
    throw InputError(fmt::format("random faults '{}': give COUNT,SEED, such as 4,1", spec));
  }
  return random;
}

RouteReport check(const FaultRoutes& routes) {
  return check_routes(routes.faults(), routes.net(), routes.tables(),
                      [&routes](Node source, Node destination) {
                        return routes.layer(source, destination) == Layer::kTables;
                      });
}

}  // namespace

MeshRoutes::MeshRoutes(const FaultMap& map)
    : faults(map), nets{FaultRoutes(map, 0), FaultRoutes(map, 1)} {
  for (const FaultRoutes& routes : nets) {
    const auto report = check(routes);
    if (!report.good()) {
      throw Error(ExitCode::CheckFailed,
                  fmt::format("routes of the {} network: {}",
                              routes.net() == 0 ? "request" : "response", report.text()));
    }
  }
}

void read_faults(const std::string& path, FaultMap& faults) {
  std::ifstream stream(path);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", path));
  unsigned line_number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++line_number;
    std::istringstream text(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    if (words.empty()) continue;
    try {
      add_fault(words, faults);
    } catch (const std::invalid_argument& error) {
      throw InputError(fmt::format("{}:{}: {}", path, line_number, error.what()));
    }
  }
}

void add_random_links(const std::string& spec, unsigned set, FaultMap& faults) {
  const RandomSpec random = parse_random(spec);
  try {
    faults.kill_random_links(random.count, random.seed + set);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("random faults '{}': {}", spec, error.what()));
  }
}

void add_random_routers(const std::string& spec, unsigned set, FaultMap& faults) {
  const RandomSpec random = parse_random(spec);
  try {
    faults.kill_random_routers(random.count, random.seed + set);
  } catch (const std::invalid_argument& error) {
    throw InputError(fmt::format("random faults '{}': {}", spec, error.what()));
  }
}

std::vector<FaultMap> single_faults(const std::string& what, const FaultMap& faults) {
  std::vector<FaultMap> maps;
  for (unsigned i = 0; i < faults.nodes(); ++i) {
    const Node node = faults.node(i);
    if (what == "router") {
      if (!faults.alive(node)) continue;
      maps.push_back(faults);
      maps.back().kill_router(node);
      continue;
    }
    for (const Dir port : {Dir::kEast, Dir::kSouth}) {
      const auto next = faults.neighbour(node, port);
      if (!next) continue;
      maps.push_back(faults);
      maps.back().kill_link(node, *next);
    }
  }
  return maps;
}

}  // namespace tsr::tools
