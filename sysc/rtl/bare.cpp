// SPDX-License-Identifier: Apache-2.0
#include "Vpl_bare.h"
#include "Vpl_bare___024root.h"
#include "verilated_node.hpp"

namespace tsr {
namespace {

class Bare final : public VerilatedNode<Vpl_bare, Bare> {
 public:
  explicit Bare(const NodeStraps& straps) : VerilatedNode(straps) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    set_config(model_.cfg_i, *straps.config);
    count_select_out = &model_.router_sel_o;
    count_in = &model_.router_cnt_i;
  }

  void before_edge(std::uint64_t now) { model_.now_i = now; }
};

}  // namespace

std::unique_ptr<NodeModel> make_bare(const NodeStraps& straps) {
  return std::make_unique<Bare>(straps);
}

}  // namespace tsr
