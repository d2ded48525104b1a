// SPDX-License-Identifier: Apache-2.0
/// Connects a DramDevice to a verilated memory node (any class with the DFI ports of tsr_mem).
#pragma once

#include "dram/dram_device.hpp"

namespace tsr {

/// Call sample() before the rising edge, drive() after it, in every cycle in which the node is
/// clocked; cycles in which it is not are for DramDevice::pass().
class DfiPort {
 public:
  explicit DfiPort(DramDevice& device) : device_(device) {}

  /// Take what the controller drives in this cycle, and advance the device by it.
  template <class Model>
  void sample(const Model& model) {
    for (unsigned p = 0; p < kDramPcs; ++p) {
      DfiIn& in = in_[p];
      in.command = word(model.dfi_cmd_o, 2 * p);
      if ((in.command & DfiCommand::kDataValid) == 0) continue;
      in.wstrb = static_cast<std::uint32_t>(model.dfi_wstrb_o >> (32 * p));
      for (unsigned i = 0; i < 4; ++i) in.wdata[i] = word(model.dfi_wdata_o, 8 * p + 2 * i);
      in.wside = static_cast<std::uint16_t>(model.dfi_wside_o >> (16 * p));
    }
    device_.step(in_.data(), out_.data());
  }

  /// Drive the device's answer into the controller's inputs.
  template <class Model>
  void drive(Model& model) const {
    model.dfi_rvalid_i = (out_[0].rvalid ? 1U : 0U) | (out_[1].rvalid ? 2U : 0U);
    if (model.dfi_rvalid_i == 0) return;
    model.dfi_rside_i =
        static_cast<std::uint32_t>(out_[0].rside) | static_cast<std::uint32_t>(out_[1].rside) << 16;
    for (unsigned p = 0; p < kDramPcs; ++p) {
      if (!out_[p].rvalid) continue;
      for (unsigned i = 0; i < 4; ++i) {
        model.dfi_rdata_i[8 * p + 2 * i] = static_cast<std::uint32_t>(out_[p].rdata[i]);
        model.dfi_rdata_i[8 * p + 2 * i + 1] = static_cast<std::uint32_t>(out_[p].rdata[i] >> 32);
      }
    }
  }

  DramDevice& device() { return device_; }
  const DramDevice& device() const { return device_; }

 private:
  template <class Wide>
  static std::uint64_t word(const Wide& words, unsigned index) {
    return words[index] | static_cast<std::uint64_t>(words[index + 1]) << 32;
  }

  DramDevice& device_;
  std::array<DfiIn, kDramPcs> in_{};
  std::array<DfiOut, kDramPcs> out_{};
};

}  // namespace tsr
