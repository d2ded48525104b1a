// SPDX-License-Identifier: Apache-2.0
/// Watches which instructions a core retires, where there are no waves of it.
#pragma once

#include <cstdint>
#include <set>

#include "chip_state.hpp"
#include "probe/node_probe.hpp"

namespace tsr::doctor {

class PcWatch final : public NodeProbe {
 public:
  /// Watches from `cycle` on.
  explicit PcWatch(std::uint64_t cycle) : from_(cycle) {}

  void retire(std::uint64_t /*cycle*/, const Retire& retire) override {
    pcs_.insert(retire.pc);
    ++retired_;
  }
  /// Write down what was seen up to now, which is `cycle`.
  void tell(CoreState& core, std::uint64_t cycle) const {
    core.observed = cycle - from_;
    core.pcs = static_cast<unsigned>(pcs_.size());
    core.retired = retired_;
    if (pcs_.empty()) return;
    core.pc_low = *pcs_.begin();
    core.pc_high = *pcs_.rbegin();
  }

 private:
  std::uint64_t from_;
  std::uint64_t retired_ = 0;
  std::set<std::uint32_t> pcs_;
};

}  // namespace tsr::doctor
