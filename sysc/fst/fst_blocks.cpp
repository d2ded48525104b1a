// SPDX-License-Identifier: Apache-2.0
#include "fst_blocks.hpp"

#include <fmt/format.h>
#include <gtkwave/fstapi.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <set>

#include "../error.hpp"

namespace tsr {

void check_fst(const std::string& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", file));
  const auto size = static_cast<std::uint64_t>(stream.tellg());
  const auto damaged = fmt::format("{}: not a trace in FST format, or not complete", file);
  std::set<int> types;
  for (std::uint64_t at = 0; at != size;) {
    // A type, then the length of the block without it, big endian.
    std::array<unsigned char, 9> head{};
    stream.seekg(static_cast<std::streamoff>(at));
    if (!stream.read(reinterpret_cast<char*>(head.data()), head.size())) throw InputError(damaged);
    std::uint64_t length = 0;
    for (std::size_t i = 1; i < head.size(); ++i) length = length << 8 | head[i];
    if (length < 8 || length > size - at - 1) throw InputError(damaged);
    types.insert(head[0]);
    at += 1 + length;
  }
  const bool hierarchy = types.count(FST_BL_HIER) != 0 || types.count(FST_BL_HIER_LZ4) != 0 ||
                         types.count(FST_BL_HIER_LZ4DUO) != 0;
  const bool packed = types.count(FST_BL_ZWRAPPER) != 0;
  if (!packed && !(types.count(FST_BL_HDR) != 0 && types.count(FST_BL_GEOM) != 0 && hierarchy)) {
    throw InputError(damaged);
  }
}

}  // namespace tsr
