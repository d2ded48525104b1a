// SPDX-License-Identifier: Apache-2.0
/// From the functions that rtl/tile/tsr_probe.sv calls to the observers of a node.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "probe/node_probe.hpp"

namespace tsr {

/// Lives in the node's wrapper; its address is the `handle` of the node's tsr_probe.
struct ProbePort {
  NodeProbe* probe = nullptr;
  std::uint64_t cycle = 0;      ///< under way
  std::uint32_t spm_bytes = 0;  ///< scratchpad: lanes outside of it are not written

  std::uint64_t handle() const { return reinterpret_cast<std::uintptr_t>(this); }
  /// Bit of `valid` in the last word of a packed retire_t.
  static constexpr std::uint32_t kRetireValid = 1U << ((kRetireBits - 1) % 32);

  /// End of a cycle: report the instruction in a port of type retire_t, if there is one, and what
  /// changed the core from outside.
  template <class Wide>
  void sample(const Wide& retire) {
    if ((retire[kRetireWords - 1] & kRetireValid) != 0) {
      std::array<std::uint32_t, kRetireWords> words{};
      for (unsigned i = 0; i < kRetireWords; ++i) words[i] = retire[i];
      probe->retire(cycle, unpack_retire(words));
    }
    if (!outside_.empty()) report_outside();
  }
  void tcm_write(std::uint32_t address, std::uint8_t strobe, std::uint32_t data) {
    outside_.push_back({false, address, strobe, data});
  }
  void debug_write(std::uint32_t address, std::uint32_t data) {
    outside_.push_back({true, address, 0, data});
  }

 private:
  /// What changes the core from outside waits for the instruction of its cycle.
  struct Outside {
    bool debug;
    std::uint32_t address;
    std::uint8_t strobe;
    std::uint32_t data;
  };
  void report_outside();

  std::vector<Outside> outside_;
};

}  // namespace tsr
