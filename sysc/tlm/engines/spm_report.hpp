// SPDX-License-Identifier: Apache-2.0
/// Tells a node's observer of writes of the scratchpad.
#pragma once

#include <cstring>

#include "engines/agu.hpp"
#include "probe/node_probe.hpp"

namespace tsr {

/// Writes of a functional engine. Lanes outside the scratchpad are left out.
class SpmReport final : public engines::WriteObserver {
 public:
  SpmReport(NodeProbe& probe, std::uint64_t cycle, SpmWriter writer, std::size_t spm_bytes)
      : probe_(probe), cycle_(cycle), writer_(writer), spm_bytes_(spm_bytes) {}

  void write(const engines::Access& access, const engines::BeatBytes& data) override {
    SpmWrite out;
    out.writer = writer_;
    for (unsigned lane = 0; lane < 8; ++lane) {
      const std::uint64_t bytes = access.strb >> (8 * lane) & 0xffU;
      if (bytes == 0 || access.lane[lane] + 8 > spm_bytes_) continue;
      out.offset[lane] = access.lane[lane];
      out.strobe |= bytes << (8 * lane);
      std::memcpy(&out.data[lane], &data[8 * std::size_t{lane}], 8);
    }
    if (out.strobe != 0) probe_.spm_write(cycle_, out);
  }

  /// `count` bytes at `at` as they are in `spm` now, in accesses of 64 bytes.
  void bytes(const std::vector<std::uint8_t>& spm, std::uint32_t at, std::uint32_t count) {
    const std::uint64_t end = std::uint64_t{at} + count;
    for (std::uint64_t base = at & ~7U; base < end; base += 64) {
      engines::Access access;
      engines::BeatBytes data{};
      for (unsigned i = 0; i < 64; ++i) {
        if (i % 8 == 0) access.lane[i / 8] = static_cast<std::uint32_t>(base + i);
        if (base + i < at || base + i >= end) continue;
        access.strb |= std::uint64_t{1} << i;
        data[i] = spm[base + i];
      }
      write(access, data);
    }
  }

 private:
  NodeProbe& probe_;
  std::uint64_t cycle_;
  SpmWriter writer_;
  std::size_t spm_bytes_;
};

}  // namespace tsr
