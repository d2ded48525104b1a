// SPDX-License-Identifier: Apache-2.0
/// The end of a node's two links, as tsr_link_tx and tsr_link_rx are: between flits with credits on
/// one side and queues on the other.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "noc/flit.hpp"
#include "rtl/node_model.hpp"
#include "tlm/timeline.hpp"

namespace tsr {

/// A model that the composition kernel clocks beside RTL models. step() touches nothing but its own
/// queues; everything else happens in exchange(), which is called between cycles by one thread.
class LinkEnd : public NodeModel, public TimelineClient {
 public:
  /// Work of an adapter between two cycles; Timeline::now() is the cycle to come.
  void exchange();
  /// Called when the model has to be clocked again. Must be set before anything runs.
  std::function<void()> on_wake;

  Pins step(std::uint64_t now, Pins in) final;
  Pins rise(std::uint64_t now, Pins in) final { return step(now, in); }
  void fall() final {}
  void set_reset(bool active) final;
  void trace(SimContext&) final {}

 protected:
  explicit LinkEnd(Timeline& timeline);

  /// A flit has come in.
  virtual void received(unsigned net, const Flit& flit) = 0;
  /// In every exchange(), for side inputs.
  virtual void refresh() {}
  /// A flit for which send() returned false is out: `what` as given there.
  virtual void sent(void* what) = 0;

  /// Send a flit so that it is on the link in `cycle`, or as soon as there is a credit. `what`:
  /// tell sent() when it is out, null: do not.
  void send(unsigned net, std::uint64_t cycle, const Flit& flit, void* what = nullptr);
  /// Flits of a network that wait.
  std::size_t waiting(unsigned net) const { return queue_[net][0].size() + queue_[net][1].size(); }

  Timeline& timeline_;

 private:
  struct Waiting {
    std::uint64_t cycle;
    Flit flit;
    void* what;
  };

  void wake(std::uint32_t) final {
    if (on_wake) on_wake();
  }
  Pins put_out(unsigned net, std::uint64_t now);
  bool due(std::uint64_t now) const;

  std::array<std::array<std::deque<Waiting>, kNumVcs>, kNets> queue_;
  std::array<std::array<unsigned, kNumVcs>, kNets> credits_;
  std::array<std::array<unsigned, kNumVcs>, kNets> owed_{};  ///< credits to give back
  std::array<unsigned, kNets> turn_{};                       ///< VC that goes first
  std::array<std::vector<Flit>, kNets> inbox_;
  std::vector<void*> outbox_;  ///< for sent()
  std::array<std::array<std::uint32_t, kFlitWords>, kNets> tx_{};
  std::array<std::array<std::uint32_t, kFlitWords>, kNets> rx_{};
  bool reset_ = false;
};

}  // namespace tsr
