// SPDX-License-Identifier: Apache-2.0
/// A mesh of separately verilated router nodes, wired in C++ as the platform does it.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "net_model.hpp"
#include "noc/fault_map.hpp"

namespace tsr::tb {

/// Local links of one node and network.
struct LocalLink {
  bool rx_valid = false;  ///< into the router
  std::array<std::uint32_t, kFlitWords> rx_flit{};
  unsigned tx_credit = 0;
};

/// `NodeModel` is a verilated tsr_router_node. Sleeping nodes are skipped. Dead links carry
/// nothing, and dead routers do nothing: the routers beside them do not know.
template <class NodeModel>
class ComposedMesh {
 public:
  /// Inputs of the next tick, index [network][y * w + x].
  std::array<std::vector<LocalLink>, 2> in;
  /// Counter that every node shows.
  unsigned cnt_sel = 0;
  /// Skip nodes that sleep.
  bool skip = true;

  ComposedMesh(VerilatedContext* context, unsigned w, unsigned h)
      : ComposedMesh(context, FaultMap(w, h)) {}
  ComposedMesh(VerilatedContext* context, const FaultMap& faults)
      : w_(faults.width()), h_(faults.height()), faults_(faults) {
    for (auto& net : in) net.resize(nodes());
    for (unsigned i = 0; i < nodes(); ++i) {
      const Node at = node(i);
      auto& m = *models_.emplace_back(std::make_unique<NodeModel>(context));
      unsigned links = 1;
      for (unsigned p = 1; p < kNumDirs; ++p) {
        links |= unsigned{faults_.mesh_neighbour(at, static_cast<Dir>(p)).has_value()} << p;
      }
      m.node_i = static_cast<SData>(at.pack());
      m.link_en_i = static_cast<CData>(links);
      m.req_rx_valid_i = m.rsp_rx_valid_i = 0;
      m.req_tx_credit_i = m.rsp_tx_credit_i = 0;
    }
  }

  unsigned w() const { return w_; }
  unsigned h() const { return h_; }
  unsigned nodes() const { return w_ * h_; }
  Node node(unsigned i) const { return {i % w_, i / w_}; }
  unsigned index(Node n) const { return n.y * w_ + n.x; }

  /// Hold all nodes in reset for a few cycles.
  void reset() {
    for (int i = 0; i < 4; ++i) tick(0, false);
  }

  /// One clock cycle with the inputs in `in`.
  void tick(std::uint64_t now, bool rst_ni = true) {
    for (unsigned i = 0; i < nodes(); ++i) {
      auto& m = *models_[i];
      gather(i, 0, m.req_rx_valid_i, m.req_rx_flit_i, m.req_tx_credit_i, rst_ni);
      gather(i, 1, m.rsp_rx_valid_i, m.rsp_rx_flit_i, m.rsp_tx_credit_i, rst_ni);
    }
    for (unsigned i = 0; i < nodes(); ++i) {
      if (!alive(i)) continue;
      auto& m = models_[i];
      const bool awake = !rst_ni || !skip || !m->idle_o || m->req_rx_valid_i || m->rsp_rx_valid_i ||
                         m->req_tx_credit_i || m->rsp_tx_credit_i || m->cnt_sel_i != cnt_sel;
      if (!awake) {
        ++skipped_;
        continue;
      }
      ++evaluated_;
      m->rst_ni = rst_ni;
      m->now_i = static_cast<SData>(now);
      m->cnt_sel_i = static_cast<CData>(cnt_sel);
      m->clk_i = 0;
      m->eval();
      m->clk_i = 1;
      m->eval();
    }
  }

  /// Outputs of node i towards its endpoint.
  bool tx_valid(unsigned k, unsigned i) const { return alive(i) && (sent(k, i) & 1) != 0; }
  unsigned rx_credit(unsigned k, unsigned i) const { return alive(i) ? back(k, i) & 3 : 0; }
  const std::uint32_t* tx_words(unsigned k, unsigned i) const { return words(k, i); }
  Flit tx_flit(unsigned k, unsigned i) const { return Flit::from_words(words(k, i)); }
  std::uint32_t count(unsigned i) const { return models_[i]->cnt_o; }
  bool idle() const {
    for (unsigned i = 0; i < nodes(); ++i) {
      if (alive(i) && !models_[i]->idle_o) return false;
    }
    return true;
  }
  std::uint64_t skipped() const { return skipped_; }
  std::uint64_t evaluated() const { return evaluated_; }

 private:
  bool alive(unsigned i) const { return faults_.alive(node(i)); }
  unsigned sent(unsigned k, unsigned i) const {
    return k == 0 ? models_[i]->req_tx_valid_o : models_[i]->rsp_tx_valid_o;
  }
  unsigned back(unsigned k, unsigned i) const {
    return k == 0 ? models_[i]->req_rx_credit_o : models_[i]->rsp_rx_credit_o;
  }
  const std::uint32_t* words(unsigned k, unsigned i) const {
    return k == 0 ? models_[i]->req_tx_flit_o.data() : models_[i]->rsp_tx_flit_o.data();
  }

  template <class Valid, class Wide, class Credit>
  void gather(unsigned i, unsigned k, Valid& valid, Wide& flit, Credit& credit, bool rst_ni) {
    const LocalLink& local = in[k][i];
    unsigned v = 0;
    unsigned c = 0;
    if (rst_ni) {
      v = local.rx_valid;
      c = local.tx_credit;
      if (local.rx_valid) std::memcpy(flit.data(), local.rx_flit.data(), sizeof local.rx_flit);
      for (unsigned p = 1; p < kNumDirs; ++p) {
        const auto next = faults_.neighbour(node(i), static_cast<Dir>(p));
        if (!next) continue;
        const unsigned j = index(*next);
        const auto q = static_cast<unsigned>(opposite(static_cast<Dir>(p)));
        if ((sent(k, j) >> q) & 1) {
          v |= 1U << p;
          std::memcpy(flit.data() + p * kFlitWords, words(k, j) + q * kFlitWords, kFlitWords * 4);
        }
        c |= ((back(k, j) >> (2 * q)) & 3) << (2 * p);
      }
    }
    valid = static_cast<Valid>(v);
    credit = static_cast<Credit>(c);
  }

  unsigned w_;
  unsigned h_;
  FaultMap faults_;
  std::vector<std::unique_ptr<NodeModel>> models_;
  std::uint64_t skipped_ = 0;
  std::uint64_t evaluated_ = 0;
};

}  // namespace tsr::tb
