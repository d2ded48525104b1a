// SPDX-License-Identifier: Apache-2.0
/// An endpoint in C++ for meshes of RTL routers: sends scripted requests, answers requests, and
/// keeps a log of everything that arrives.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "noc/flit.hpp"
#include "rtl/node_model.hpp"

namespace tsr::test {

/// Something that arrived: when, and what.
struct Arrival {
  std::uint64_t cycle;
  Flit flit;
  bool operator==(const Arrival& other) const {
    return cycle == other.cycle && flit.to_lanes() == other.flit.to_lanes();
  }
};

class TestEndpoint final : public NodeModel {
 public:
  explicit TestEndpoint(Node node) : node_(node) {
    for (unsigned net = 0; net < kNets; ++net) {
      tx_flit[net] = tx_[net].data();
      rx_flit[net] = rx_[net].data();
    }
  }

  /// Queue a read of one byte at `address` of `target`, to be sent at `cycle` or later.
  void read(Node target, std::uint64_t address, std::uint8_t tag, std::uint64_t cycle = 0) {
    Flit flit;
    flit.kind = Kind::kRead;
    flit.src = node_;
    flit.set_dst(target);
    flit.addr = address;
    flit.strb = 1;
    flit.tag = tag;
    queue_[0].push_back({cycle, flit});
  }
  /// Queue any request, to be sent at once.
  void send(Flit flit) {
    flit.src = node_;
    queue_[0].push_back({0, flit});
  }

  Pins step(std::uint64_t now, Pins in) override {
    if (reset_) return kIdlePin;
    Pins out = 0;
    for (unsigned net = 0; net < kNets; ++net) {
      const unsigned link = net * kPorts;
      for (unsigned vc = 0; vc < kNumVcs; ++vc) {
        credits_[net][vc] += (in >> (credit_pin(link) + vc)) & 1U;
      }
      if ((in & valid_pin(link)) != 0) {
        const Flit flit = Flit::from_words(rx_[net].data());
        out |= 1U << (credit_pin(link) + (flit.vc ? 1 : 0));
        if (net == 0) {
          answer(now, flit);
        } else {
          arrivals.push_back({now, flit});
          if (on_arrival) on_arrival();
        }
      }
      auto& queue = queue_[net];
      if (!queue.empty() && queue.front().cycle <= now &&
          credits_[net][queue.front().flit.vc] > 0) {
        Flit flit = queue.front().flit;
        queue.pop_front();
        --credits_[net][flit.vc];
        flit.birth = static_cast<std::uint16_t>(now);
        flit.seal();
        if (spoil) spoil(flit);
        flit.to_words(tx_[net].data());
        out |= valid_pin(link);
      }
    }
    if (queue_[0].empty() && queue_[1].empty()) out |= kIdlePin;
    wake_at = kNever;
    if (names_wake && queue_[1].empty() && !queue_[0].empty() && queue_[0].front().cycle > now) {
      out |= kIdlePin;
      wake_at = queue_[0].front().cycle;
    }
    return out;
  }
  Pins rise(std::uint64_t now, Pins in) override { return step(now, in); }
  void fall() override {}
  void set_reset(bool active) override { reset_ = active; }
  void trace(SimContext&) override {}

  std::vector<Arrival> arrivals;     ///< responses received
  std::function<void()> on_arrival;  ///< called within the cycle
  std::function<void(Flit&)> spoil;  ///< may change what is sent, after it was sealed
  bool names_wake = false;           ///< sleeps until the next request is to be sent

 private:
  void answer(std::uint64_t now, const Flit& request) {
    Flit flit;
    flit.kind = Kind::kReadRsp;
    flit.src = node_;
    flit.set_dst(request.src);
    flit.vc = request.vc;
    flit.tag = request.tag;
    flit.addr = request.addr & ~63ULL;
    flit.data[0] = node_.pack();
    queue_[1].push_back({now, flit});
  }

  Node node_;
  bool reset_ = false;
  std::array<std::array<unsigned, kNumVcs>, kNets> credits_{
      {{kVcDepth, kVcDepth}, {kVcDepth, kVcDepth}}};
  std::array<std::array<std::uint32_t, kFlitWords>, kNets> tx_{};
  std::array<std::array<std::uint32_t, kFlitWords>, kNets> rx_{};
  std::array<std::deque<Arrival>, kNets> queue_;
};

}  // namespace tsr::test
