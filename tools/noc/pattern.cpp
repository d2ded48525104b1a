// SPDX-License-Identifier: Apache-2.0
#include "noc/pattern.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

#include "error.hpp"

namespace tsr::tools {
namespace {

/// Numbers of a line, without its comment.
std::vector<double> numbers(const std::string& line, const std::string& where) {
  std::istringstream words(line.substr(0, line.find('#')));
  std::vector<double> out;
  for (std::string word; words >> word;) {
    std::size_t used = 0;
    double value = 0;
    try {
      value = std::stod(word, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != word.size() || !(value >= 0)) {
      throw InputError(fmt::format("{}: '{}' is no number of 0 or more", where, word));
    }
    out.push_back(value);
  }
  return out;
}

unsigned node_number(double value, unsigned nodes, const std::string& where) {
  if (value != static_cast<unsigned>(value) || value >= nodes) {
    throw InputError(fmt::format("{}: {} is no node of this mesh (0..{}, y * width + x)", where,
                                 value, nodes - 1));
  }
  return static_cast<unsigned>(value);
}

}  // namespace

std::vector<std::string> TrafficPattern::names() {
  return {"uniform", "bitcomp", "transpose", "tornado", "corners", "neighbor"};
}

TrafficPattern TrafficPattern::named(const std::string& name, unsigned width, unsigned height) {
  const unsigned nodes = width * height;
  if (name == "transpose" && width != height) {
    throw InputError(fmt::format("transpose needs a square mesh, not {}x{}", width, height));
  }
  TrafficPattern pattern(nodes);
  std::vector<unsigned> all(nodes);
  std::iota(all.begin(), all.end(), 0U);
  for (unsigned i = 0; i < nodes; ++i) {
    const unsigned x = i % width, y = i / width;
    if (name == "uniform") {
      pattern.any_of(i, all);
    } else if (name == "bitcomp") {
      pattern.only(i, nodes - 1 - i);
    } else if (name == "transpose") {
      pattern.only(i, x * width + y);
    } else if (name == "tornado") {
      pattern.only(i, (y + (height - 1) / 2) % height * width + (x + (width - 1) / 2) % width);
    } else if (name == "corners") {
      pattern.any_of(i, {0, width - 1, nodes - width, nodes - 1});
    } else if (name == "neighbor") {
      pattern.only(i, y * width + (x + 1) % width);
    } else {
      throw InputError(
          fmt::format("no pattern '{}'; there are {}, or a file", name, fmt::join(names(), ", ")));
    }
  }
  return pattern;
}

TrafficPattern TrafficPattern::file(const std::string& path, unsigned width, unsigned height) {
  std::ifstream stream(path);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", path));
  const unsigned nodes = width * height;
  TrafficPattern pattern(nodes);
  unsigned line_number = 0, row = 0;
  for (std::string line; std::getline(stream, line);) {
    const auto where = fmt::format("{}:{}", path, ++line_number);
    const auto values = numbers(line, where);
    if (values.empty()) continue;
    if (values.size() == 2) {
      const unsigned source = node_number(values[0], nodes, where);
      if (pattern.sends(source)) {
        throw InputError(fmt::format("{}: node {} has a line already", where, source));
      }
      pattern.only(source, node_number(values[1], nodes, where));
      continue;
    }
    if (values.size() != nodes) {
      throw InputError(
          fmt::format("{}: {} numbers; a line is 'source destination', or a "
                      "probability for each of the {} nodes",
                      where, values.size(), nodes));
    }
    if (row == nodes) throw InputError(fmt::format("{}: more rows than nodes", where));
    double sum = 0;
    for (unsigned d = 0; d < nodes; ++d) {
      if (values[d] == 0) continue;
      sum += values[d];
      pattern.rows_[row].push_back({sum, d});
    }
    if (sum > 1 + 1e-9) throw InputError(fmt::format("{}: the row sums to {}", where, sum));
    ++row;
  }
  if (row != 0 && row != nodes) {
    throw InputError(fmt::format("{}: {} rows of probabilities for {} nodes", path, row, nodes));
  }
  if (std::none_of(pattern.rows_.begin(), pattern.rows_.end(),
                   [](const auto& choices) { return !choices.empty(); })) {
    throw InputError(fmt::format("{}: nobody sends", path));
  }
  return pattern;
}

void TrafficPattern::any_of(unsigned source, const std::vector<unsigned>& destinations) {
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    rows_[source].push_back(
        {static_cast<double>(i + 1) / static_cast<double>(destinations.size()), destinations[i]});
  }
}

int TrafficPattern::destination(unsigned source, TrafficRandom& random) const {
  const auto& choices = rows_[source];
  if (choices.size() == 1 && choices[0].up_to == 1.0) {
    return static_cast<int>(choices[0].destination);
  }
  const double pick = random.unit();
  const auto at = std::upper_bound(choices.begin(), choices.end(), pick,
                                   [](double p, const Choice& c) { return p < c.up_to; });
  return at == choices.end() ? -1 : static_cast<int>(at->destination);
}

}  // namespace tsr::tools
