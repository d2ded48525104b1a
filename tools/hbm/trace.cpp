// SPDX-License-Identifier: Apache-2.0
#include "hbm/trace.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <sstream>

#include "error.hpp"

namespace tsr::tools {
namespace {

/// A number of `word`; false if it is none, or does not fit.
bool parse_number(const std::string& word, std::uint64_t& value) {
  const bool hex = word.size() > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  const char* first = word.data() + (hex ? 2 : 0);
  const char* last = word.data() + word.size();
  const auto [end, error] = std::from_chars(first, last, value, hex ? 16 : 10);
  return error == std::errc() && end == last;
}

class LineParser {
 public:
  LineParser(std::string name, unsigned number) : name_(std::move(name)), number_(number) {}

  HbmAccess parse(const std::vector<std::string>& words) const {
    if (words.size() != 5) {
      fail(fmt::format("{} words; a line is: R|W ADDRESS BYTES SOURCE EARLIEST_CLOCK",
                       words.size()));
    }
    HbmAccess access;
    if (words[0] != "R" && words[0] != "W") fail(fmt::format("\"{}\" is not R or W", words[0]));
    access.write = words[0] == "W";
    access.address = number(words[1], "address");
    access.bytes = number(words[2], "bytes");
    const std::uint64_t source = number(words[3], "source");
    access.earliest = number(words[4], "earliest clock");
    if (source > 0xffffffffU) fail(fmt::format("source {}: at most 32 bits", source));
    access.source = static_cast<std::uint32_t>(source);
    access.address -= access.address % kHbmAtom;
    if (access.bytes % kHbmAtom != 0 || access.bytes == 0) {
      fail("bytes must be a multiple of 32, not 0");
    }
    if (access.address >= kHbmChannelBytes || access.bytes > kHbmChannelBytes - access.address) {
      fail("the access ends beyond the pseudo channel's 512 MiB");
    }
    return access;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}:{}: {}", name_, number_, what));
  }
  std::uint64_t number(const std::string& word, const char* what) const {
    std::uint64_t value = 0;
    if (!parse_number(word, value)) fail(fmt::format("{} \"{}\" is not a number", what, word));
    return value;
  }

  std::string name_;
  unsigned number_;
};

}  // namespace

HbmTrace parse_hbm_trace(std::istream& text, const std::string& name) {
  HbmTrace trace;
  std::string line;
  for (unsigned number = 1; std::getline(text, line); ++number) {
    std::istringstream stream(line.substr(0, line.find('#')));
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (!words.empty()) trace.push_back(LineParser(name, number).parse(words));
  }
  if (text.bad()) throw InputError(name + ": cannot be read");
  if (trace.empty()) throw InputError(name + ": no access in it");
  return trace;
}

HbmTrace load_hbm_trace(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw InputError(path + ": cannot be opened");
  return parse_hbm_trace(file, path);
}

std::uint64_t hbm_atoms(const HbmTrace& trace) {
  std::uint64_t atoms = 0;
  for (const auto& access : trace) atoms += access.bytes / kHbmAtom;
  return atoms;
}

}  // namespace tsr::tools
