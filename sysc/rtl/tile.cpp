// SPDX-License-Identifier: Apache-2.0
#include "Vpl_tile.h"
#include "Vpl_tile___024root.h"
#include "probe_port.hpp"
#include "verilated_node.hpp"

namespace tsr {
namespace {

class Tile final : public VerilatedNode<Vpl_tile, Tile> {
 public:
  explicit Tile(const NodeStraps& straps) : VerilatedNode(straps) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    set_config(model_.cfg_i, *straps.config);
    count_select_out = &model_.router_sel_o;
    count_in = &model_.router_cnt_i;
  }

  void before_edge(std::uint64_t now) {
    model_.now_i = now;
    port_.cycle = now;
  }
  void after_edge(std::uint64_t) {
    if (port_.probe != nullptr) port_.sample(model_.retire_o);
  }
  bool halted() const { return model_.halted_o != 0; }

  void set_probe(NodeProbe* probe) override {
    port_.probe = probe;
    port_.spm_bytes = TSR_BUILT_SPM_KIB * 1024;
    model_.rootp->tsr_tile__DOT__u_node__DOT__u_probe__DOT__handle =
        probe != nullptr ? port_.handle() : 0;
  }

 private:
  ProbePort port_;
};

}  // namespace

std::unique_ptr<NodeModel> make_tile(const NodeStraps& straps) {
  return std::make_unique<Tile>(straps);
}

}  // namespace tsr
