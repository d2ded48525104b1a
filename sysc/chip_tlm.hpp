// SPDX-License-Identifier: Apache-2.0
/// The TLM half of a chip: its event queue, its network, its nodes, and the adapters to the RTL
/// half.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config.hpp"
#include "kernel/kernel.hpp"
#include "models.hpp"
#include "tlm/adapter/rtl_endpoint.hpp"
#include "tlm/adapter/tlm_endpoint.hpp"
#include "tlm/fabric/bare_node.hpp"
#include "tlm/fabric/fabric.hpp"
#include "tlm/hart/hart_node.hpp"
#include "tlm/memory/memory_node.hpp"

namespace tsr {

/// Nodes are numbered as in Config. Made within the constructor of the chip's module.
class TlmSide final : public TimedModels {
 public:
  /// `stop`: ends the run. Both references outlive this.
  TlmSide(const Config& config, const ChipConfig& straps, Fidelity noc, std::function<void()> stop);

  /// TLM endpoints. Each returns what the kernel clocks in its place: null when the network is TLM.
  std::unique_ptr<NodeModel> add_tile(std::size_t node);
  std::unique_ptr<NodeModel> add_ctl(std::size_t node, const CtlSetup& setup);
  std::unique_ptr<NodeModel> add_memory(std::size_t node, const DramTiming& timing);
  /// Only with a TLM network.
  void add_bare(std::size_t node);
  /// An RTL endpoint at the TLM network; returns what stands in the kernel as its router.
  std::unique_ptr<NodeModel> add_rtl(std::size_t node, NodeModel& endpoint);

  /// All nodes are there, and so is the kernel.
  void connect(Kernel& kernel);
  void reset();

  Timeline& timeline() { return timeline_; }
  /// Null: the network is RTL.
  Fabric* fabric() { return fabric_.get(); }
  /// Null: the node's endpoint is no TLM hart, no TLM memory.
  TlmHartNode* hart(std::size_t node) { return harts_[node].get(); }
  MemoryNode* memory(std::size_t node) { return memories_[node].get(); }

  void run_to(std::uint64_t cycle) override;
  std::uint64_t run_alone(std::uint64_t end) override;
  std::uint64_t next() const override { return timeline_.next(); }

 private:
  Node place(std::size_t node) const;
  std::string name(const char* what, std::size_t node) const;
  HartSetup hart_setup(const char* what, std::size_t node, RouterPort& router);
  std::unique_ptr<TlmEndpoint> adapter(std::size_t node);
  RouterPort& router_of(std::size_t node, TlmEndpoint* adapter);
  template <class Module>
  std::unique_ptr<NodeModel> attach(std::size_t node, Module& module,
                                    std::unique_ptr<TlmEndpoint> adapter);

  const Config& config_;
  const ChipConfig& straps_;
  std::function<void()> stop_;
  Timeline timeline_;
  std::unique_ptr<Fabric> fabric_;
  std::vector<std::unique_ptr<TlmHartNode>> harts_;
  std::vector<std::unique_ptr<MemoryNode>> memories_;
  std::vector<std::unique_ptr<BareNode>> bares_;
  struct Adapter {
    LinkEnd* link = nullptr;
    bool as_router = false;
  };
  std::vector<Adapter> adapters_;  ///< by node; they belong to the kernel
};

}  // namespace tsr
