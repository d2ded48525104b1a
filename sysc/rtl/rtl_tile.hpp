// SPDX-License-Identifier: Apache-2.0
/// A verilated tile as a node. `Model`: the verilated class.
#pragma once

#include "probe_port.hpp"
#include "verilated_node.hpp"

namespace tsr {

template <class Model>
class RtlTile : public VerilatedNode<Model, RtlTile<Model>> {
 public:
  using Base = VerilatedNode<Model, RtlTile<Model>>;

  explicit RtlTile(const NodeStraps& straps) : Base(straps) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    set_config(model_.cfg_i, *straps.config);
    this->count_select_out = &model_.router_sel_o;
    this->count_in = &model_.router_cnt_i;
  }

  void before_edge(std::uint64_t now) {
    model_.now_i = now;
    port_.cycle = now;
  }
  void after_edge(std::uint64_t now) {
    if (port_.probe != nullptr) port_.sample(model_.retire_o);
    if (shows_trap(model_.retire_o)) this->last_trap = now;
  }
  bool halted() const { return model_.halted_o != 0; }

  void set_probe(NodeProbe* probe) override {
    port_.probe = probe;
    port_.spm_bytes = TSR_BUILT_SPM_KIB * 1024;
    model_.rootp->tsr_tile__DOT__u_node__DOT__u_probe__DOT__handle =
        probe != nullptr ? port_.handle() : 0;
  }

 protected:
  using Base::model_;

 private:
  ProbePort port_;
};

}  // namespace tsr
