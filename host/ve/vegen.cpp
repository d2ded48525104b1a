// SPDX-License-Identifier: Apache-2.0
/// tsr_vegen LIST HEADER: compile the programs that a list file names (see ve/header.hpp; empty
/// lines and lines that begin with '#' do not count) and write their context images as a C header.
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "ve/header.hpp"

namespace {

int generate(const std::string& list, const std::string& header) {
  std::ifstream in(list);
  if (!in) {
    std::fprintf(stderr, "tsr_vegen: cannot read '%s'\n", list.c_str());
    return 2;
  }
  std::vector<tsr::ve::HeaderEntry> entries;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line[0] == '#') continue;
    try {
      entries.push_back(tsr::ve::parse_entry(line));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s:%d: %s\n", list.c_str(), number, error.what());
      return 2;
    }
  }
  std::ofstream out(header);
  out << tsr::ve::c_header(entries, "TSR_VE_IMAGES_H");
  out.close();
  if (!out) {
    std::fprintf(stderr, "tsr_vegen: cannot write '%s'\n", header.c_str());
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: tsr_vegen LIST HEADER\n");
    return 2;
  }
  return generate(argv[1], argv[2]);
} catch (const std::exception& error) {
  std::fprintf(stderr, "tsr_vegen: %s\n", error.what());
  return 2;
}
