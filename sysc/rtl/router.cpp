// SPDX-License-Identifier: Apache-2.0
#include "Vpl_router.h"
#include "Vpl_router___024root.h"
#include "verilated_node.hpp"

namespace tsr {
namespace {

/// Ports of a router that have something behind them: its endpoint, and neighbours inside the mesh.
unsigned links_in_use(Node node, const ChipConfig& config) {
  const auto bit = [](Dir dir, bool in_use) {
    return in_use ? 1U << static_cast<unsigned>(dir) : 0U;
  };
  return bit(Dir::kLocal, true) | bit(Dir::kNorth, node.y > 0) |
         bit(Dir::kEast, node.x + 1 < config.mesh_w) |
         bit(Dir::kSouth, node.y + 1 < config.mesh_h) | bit(Dir::kWest, node.x > 0);
}

class Router final : public VerilatedNode<Vpl_router, Router> {
 public:
  explicit Router(const NodeStraps& straps) : VerilatedNode(straps) {
    model_.node_i = static_cast<SData>(straps.node.pack());
    model_.link_en_i = static_cast<CData>(links_in_use(straps.node, *straps.config));
    count_select_in = &model_.cnt_sel_i;
    count_out = &model_.cnt_o;
  }

  void before_edge(std::uint64_t now) { model_.now_i = static_cast<SData>(now); }
};

}  // namespace

std::unique_ptr<NodeModel> make_router(const NodeStraps& straps) {
  return std::make_unique<Router>(straps);
}

}  // namespace tsr
