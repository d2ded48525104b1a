// SPDX-License-Identifier: Apache-2.0
/// Fixture of the benches of one router node: sources and sinks on all links of both networks.
#pragma once

#include <algorithm>
#include <array>
#include <map>

#include "Vrouter_node.h"
#include "common/bench.hpp"
#include "net_model.hpp"

namespace tsr::tb {

constexpr Node kHere{3, 3};
constexpr unsigned kMesh = 8;  // of the imagined mesh around the node
constexpr unsigned kVcBit = 709;

/// The ports of one network of the model.
struct NetPorts {
  CData* rx_valid;
  std::uint32_t* rx_flit;
  SData* rx_credit;
  CData* tx_valid;
  std::uint32_t* tx_flit;
  SData* tx_credit;
};

struct Departure {
  std::uint64_t cycle;
  unsigned network;
  unsigned port;
  Flit flit;
};

class NocRouter : public Bench<Vrouter_node> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    nets_[0] = {&dut().req_rx_valid_i, dut().req_rx_flit_i.data(), &dut().req_rx_credit_o,
                &dut().req_tx_valid_o, dut().req_tx_flit_o.data(), &dut().req_tx_credit_i};
    nets_[1] = {&dut().rsp_rx_valid_i, dut().rsp_rx_flit_i.data(), &dut().rsp_rx_credit_o,
                &dut().rsp_tx_valid_o, dut().rsp_tx_flit_o.data(), &dut().rsp_tx_credit_i};
    for (auto& net : nets_) *net.rx_valid = *net.tx_credit = 0;
    for (auto& net : drain_) net.fill(1.0);
    dut().node_i = static_cast<SData>(kHere.pack());
    dut().link_en_i = 0x1f;
    dut().cnt_sel_i = 0;
    before_edge([this] { sample(); });
    after_edge([this] { drive(); });
    reset();
  }

  void sample() {
    if (!dut().rst_ni) return;
    bool inputs = false;
    for (unsigned k = 0; k < 2; ++k) {
      const NetPorts& net = nets_[k];
      if (asleep_) {
        EXPECT_EQ(*net.tx_valid, 0) << "an idle router sent a flit";
        EXPECT_EQ(*net.rx_credit, 0) << "an idle router sent a credit";
      }
      inputs |= *net.rx_valid != 0 || *net.tx_credit != 0;
      for (unsigned p = 0; p < kNumDirs; ++p) {
        sources_[k][p].credit((*net.rx_credit >> (2 * p)) & 3);
        if ((*net.tx_valid >> p) & 1) {
          const Flit flit = Flit::from_words(net.tx_flit + p * kFlitWords);
          if (flit.kind == Kind::kNone) {
            beats_.push_back({cycle(), k, p, flit});
            continue;
          }
          sinks_[k][p].receive(flit);
          departures_.push_back({cycle(), k, p, flit});
          ++sent_[k][p];
        }
      }
    }
    asleep_ = dut().idle_o && !inputs;
  }

  void drive() {
    dut().now_i = static_cast<SData>(cycle() + 1 + now_offset_);
    for (unsigned k = 0; k < 2; ++k) {
      const NetPorts& net = nets_[k];
      *net.rx_valid = 0;
      *net.tx_credit = 0;
      for (unsigned p = 0; p < kNumDirs; ++p) {
        if (chance(offer_)) {
          if (auto flit = sources_[k][p].next()) {
            if (stamp_ && flit->kind != Kind::kNone) {
              flit->birth = dut().now_i;
              flit->seal();
            }
            flit->to_words(net.rx_flit + p * kFlitWords);
            *net.rx_valid |= static_cast<CData>(1U << p);
            entered_[flit->data[0]] = cycle() + 1;
          }
        }
        if (chance(drain_[k][p])) {
          *net.tx_credit |= static_cast<SData>(sinks_[k][p].drain() << (2 * p));
        }
      }
    }
  }

  /// Port by which a flit from `src` to `rect` comes in here, and ports by which it leaves.
  static std::optional<std::pair<unsigned, std::set<unsigned>>> passage(unsigned network, Node src,
                                                                        const Rect& rect) {
    const auto hops = tree(src, rect, kMesh, kMesh, network == 0);
    std::set<unsigned> out;
    std::optional<unsigned> in;
    if (src == kHere) in = 0;
    for (const auto& [node, dir] : hops) {
      if (node == kHere) out.insert(static_cast<unsigned>(dir));
      if (dir != Dir::kLocal && step(node, dir) == kHere) in = static_cast<unsigned>(opposite(dir));
    }
    if (out.empty() || !in) return std::nullopt;
    return std::make_pair(*in, out);
  }

  Flit make(unsigned network, Node src, const Rect& dst) {
    return random_flit(network, src, dst, ++last_id_, rng());
  }
  /// A flit that enters by `in` and leaves by `out` (unicast, VC 0).
  Flit through(unsigned network, Dir in, Dir out) {
    const Node src = step(kHere, in);
    return make(network, src, {step(kHere, out), step(kHere, out)});
  }
  void send(unsigned network, unsigned port, const Flit& flit) {
    sources_[network][port].push(flit);
  }
  /// Let everything through, with stalls whose share changes every 100 cycles; then the router must
  /// be idle.
  void finish_with_random_stalls() {
    for (int phase = 0; phase < 400 && !drained(); ++phase) {
      offer_ = 0.1 * static_cast<double>(rand_in(1, 10));
      for (auto& net : drain_) {
        for (auto& d : net) d = 0.1 * static_cast<double>(rand_in(1, 10));
      }
      run(100);
    }
    ASSERT_TRUE(drained());
    run(50);
    EXPECT_TRUE(dut().idle_o);
  }
  std::uint32_t counter(unsigned select) {
    dut().cnt_sel_i = static_cast<CData>(select);
    run(2);
    dut().eval();
    return dut().cnt_o;
  }
  /// Nothing waits or moves any more and all credits are home.
  bool drained() {
    for (unsigned k = 0; k < 2; ++k) {
      for (auto& s : sources_[k]) {
        if (s.waiting() != 0 || !s.all_credits_back()) return false;
      }
    }
    return true;
  }

  std::array<NetPorts, 2> nets_{};
  std::array<std::array<LinkSource, kNumDirs>, 2> sources_;
  std::array<std::array<LinkSink, kNumDirs>, 2> sinks_;
  std::array<std::array<double, kNumDirs>, 2> drain_{};
  std::array<std::array<std::uint64_t, kNumDirs>, 2> sent_{};
  std::vector<Departure> departures_;
  std::vector<Departure> beats_;  // empty flits by which a router says that it lives
  std::map<std::uint64_t, std::uint64_t> entered_;  // id -> cycle on the input link
  double offer_ = 1.0;
  bool stamp_ = true;
  bool asleep_ = false;
  std::uint64_t now_offset_ = 0;
  std::uint64_t last_id_ = 0;
};

}  // namespace tsr::tb
