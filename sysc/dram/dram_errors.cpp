// SPDX-License-Identifier: Apache-2.0
#include "dram_errors.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include "../error.hpp"
#include "dram/ecc.hpp"
#include "noc/address_map.hpp"

namespace tsr {
namespace {

std::optional<std::uint64_t> number(const std::string& text) {
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const auto value = std::strtoull(text.c_str(), &end, 0);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return value;
}

}  // namespace

std::vector<DramErrors::Cell> load_broken_cells(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", file));
  std::vector<DramErrors::Cell> cells;
  std::string line;
  for (unsigned count = 1; std::getline(stream, line); ++count) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word)) continue;
    const auto address = number(word);
    if (!address || *address != hbm_address(*address)) {
      throw InputError(fmt::format("{}:{}: '{}' is no address in HBM", file, count, word));
    }
    const std::size_t before = cells.size();
    while (words >> word) {
      const auto bit = number(word);
      if (!bit || *bit >= kEccCodeBits) {
        throw InputError(fmt::format("{}:{}: '{}' is no bit of an atom (0..{})", file, count, word,
                                     kEccCodeBits - 1));
      }
      cells.push_back({*address, static_cast<unsigned>(*bit)});
    }
    if (cells.size() == before) {
      throw InputError(fmt::format("{}:{}: ADDRESS BIT... expected", file, count));
    }
  }
  return cells;
}

void parse_error_rate(const std::string& text, DramErrors& errors) {
  const auto comma = text.find(',');
  const std::string rate = text.substr(0, comma);
  char* end = nullptr;
  errors.rate = std::strtod(rate.c_str(), &end);
  std::optional<std::uint64_t> seed = errors.seed;
  if (comma != std::string::npos) seed = number(text.substr(comma + 1));
  if (rate.empty() || *end != '\0' || !(errors.rate >= 0 && errors.rate < 1) || !seed) {
    throw InputError(
        fmt::format("error rate '{}': RATE or RATE,SEED expected, RATE from 0 to below 1", text));
  }
  errors.seed = *seed;
}

}  // namespace tsr
