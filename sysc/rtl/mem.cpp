// SPDX-License-Identifier: Apache-2.0
#include "../dram/dram_channel.hpp"
#include "Vpl_mem.h"
#include "Vpl_mem___024root.h"
#include "dram/dfi_port.hpp"
#include "verilated_node.hpp"

namespace tsr {
namespace {

class Memory final : public VerilatedNode<Vpl_mem, Memory> {
 public:
  Memory(const NodeStraps& straps, DramChannel& dram)
      : VerilatedNode(straps), port_(dram.device()) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    set_config(model_.cfg_i, *straps.config);
    model_.dfi_rvalid_i = 0;
    count_select_out = &model_.router_sel_o;
    count_in = &model_.router_cnt_i;
  }

  /// The device advances by what the controller drove up to this edge; its answer is there after
  /// it. Cycles in which the node slept pass for the device too.
  void before_edge(std::uint64_t now) {
    model_.now_i = now;
    if (now > next_) port_.device().pass(now - next_);
    next_ = now + 1;
    port_.sample(model_);
  }
  void after_edge(std::uint64_t) { port_.drive(model_); }

  /// What the device's checker has to say about a controller that sleeps too long comes in time.
  std::uint64_t latest_wake(std::uint64_t now) const {
    const auto& device = port_.device();
    const std::uint64_t deadline = device.next_deadline();
    return deadline == ~0ULL ? kNever : now + 1 + (deadline - device.cycle());
  }

 private:
  DfiPort port_;
  std::uint64_t next_ = 0;  ///< cycle of the next edge, if the node does not sleep
};

}  // namespace

std::unique_ptr<NodeModel> make_memory(const NodeStraps& straps, DramChannel& dram) {
  return std::make_unique<Memory>(straps, dram);
}

}  // namespace tsr
