// SPDX-License-Identifier: Apache-2.0
/// Traces of memory accesses to one HBM pseudo channel.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace tsr::tools {

constexpr std::uint64_t kHbmChannelBytes = std::uint64_t{1} << 29;  ///< addresses end here
constexpr unsigned kHbmAtom = 32;                                   ///< bytes of a column access

/// One line: consecutive bytes that one source reads or writes.
struct HbmAccess {
  bool write = false;
  std::uint64_t address = 0;   ///< inside the pseudo channel, multiple of 32
  std::uint64_t bytes = 0;     ///< multiple of 32
  std::uint32_t source = 0;    ///< who asks; does not change anything
  std::uint64_t earliest = 0;  ///< not offered before this DRAM clock
};
using HbmTrace = std::vector<HbmAccess>;

/// Lines `R|W ADDRESS BYTES SOURCE EARLIEST_CLOCK`; numbers are decimal, or hexadecimal after 0x.
/// Empty lines and everything behind '#' are skipped. Addresses are rounded down to whole atoms.
/// Throws InputError with `name` and the line's number.
HbmTrace parse_hbm_trace(std::istream& text, const std::string& name);
HbmTrace load_hbm_trace(const std::string& path);

/// Atoms of a trace.
std::uint64_t hbm_atoms(const HbmTrace& trace);

}  // namespace tsr::tools
