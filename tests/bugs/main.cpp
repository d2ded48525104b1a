// SPDX-License-Identifier: Apache-2.0
/// `tessera_bugs`: `tessera` on a chip whose tiles have a planted bug: the same command line, and
/// `--plant NAME`.
#include <cstdio>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "error.hpp"
#include "planted_bug.hpp"

int main(int argc, char** argv) try {
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::string(argv[i]) != "--plant") {
      rest.push_back(argv[i]);
      continue;
    }
    if (++i == argc) throw tsr::InputError("--plant needs the name of a bug");
    tsr::test::plant_bug(argv[i]);
  }
  rest.push_back(nullptr);
  return tsr::tools::command_line(static_cast<int>(rest.size()) - 1, rest.data());
} catch (const tsr::Error& error) {
  std::fprintf(stderr, "tessera_bugs: %s\n", error.what());
  return static_cast<int>(error.code());
}
