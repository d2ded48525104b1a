// SPDX-License-Identifier: Apache-2.0
/// GTKWave's process filter: tsr_wave_filter FORMAT reads values, a line each, and writes their
/// texts.
#include <iostream>
#include <string>

#include "formats.hpp"

int main(int argc, char** argv) {
  if (argc != 2 || tsr::waves::find_format(argv[1]) == nullptr) {
    std::cerr << "usage: tsr_wave_filter FORMAT < values; formats:";
    for (const auto& name : tsr::waves::filter_names()) std::cerr << ' ' << name;
    std::cerr << '\n';
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << tsr::waves::filter_text(argv[1], line) << std::endl;
  }
}
