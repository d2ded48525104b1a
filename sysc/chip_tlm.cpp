// SPDX-License-Identifier: Apache-2.0
#include "chip_tlm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tsr {

TlmSide::TlmSide(const Config& config, const ChipConfig& straps, Fidelity noc,
                 std::function<void()> stop)
    : config_(config),
      straps_(straps),
      stop_(std::move(stop)),
      harts_(config.nodes.size()),
      memories_(config.nodes.size()),
      bares_(config.nodes.size()),
      adapters_(config.nodes.size()) {
  if (kCycle.value() != kCycleValue) {
    throw std::logic_error("TLM models need SystemC's time resolution to be 1 ps");
  }
  if (noc == Fidelity::Tlm) fabric_ = std::make_unique<Fabric>("fabric", timeline_, straps_);
}

Node TlmSide::place(std::size_t node) const {
  const auto width = static_cast<std::size_t>(config_.mesh_w);
  return {static_cast<unsigned>(node % width), static_cast<unsigned>(node / width)};
}

std::string TlmSide::name(const char* what, std::size_t node) const {
  return fmt::format("{}_{}_{}", what, place(node).x, place(node).y);
}

std::unique_ptr<TlmEndpoint> TlmSide::adapter(std::size_t node) {
  if (fabric_) return nullptr;
  return std::make_unique<TlmEndpoint>(name("link", node).c_str(), timeline_, place(node));
}

RouterPort& TlmSide::router_of(std::size_t node, TlmEndpoint* adapter) {
  if (adapter != nullptr) return *adapter;
  return fabric_->router_port(static_cast<unsigned>(node));
}

template <class Module>
std::unique_ptr<NodeModel> TlmSide::attach(std::size_t node, Module& module,
                                           std::unique_ptr<TlmEndpoint> adapter) {
  if (adapter == nullptr) {
    module.initiator.bind(fabric_->from_node(static_cast<unsigned>(node)));
    fabric_->to_node(static_cast<unsigned>(node)).bind(module.target);
    return nullptr;
  }
  module.initiator.bind(adapter->from_endpoint);
  adapter->to_endpoint.bind(module.target);
  adapters_[node] = {adapter.get(), false};
  return adapter;
}

HartSetup TlmSide::hart_setup(const char* what, std::size_t node, RouterPort& router) {
  HartSetup setup;
  setup.name = name(what, node);
  setup.node = place(node);
  setup.config = &straps_;
  setup.timeline = &timeline_;
  setup.grid = static_cast<unsigned>(config_.me_rows);
  setup.engines = [](const EngineSetup& engines, EngineHost& host) {
    return make_engine_complex(engines, host);
  };
  setup.router = &router;
  setup.on_halt = [this](bool halted) {
    if (halted) stop_();
  };
  return setup;
}

std::unique_ptr<NodeModel> TlmSide::add_tile(std::size_t node) {
  auto link = adapter(node);
  HartSetup setup = hart_setup("tile", node, router_of(node, link.get()));
  setup.spm_bytes = static_cast<std::uint32_t>(config_.spm_kib) * 1024;
  harts_[node] = make_tlm_tile(setup);
  return attach(node, *harts_[node], std::move(link));
}

std::unique_ptr<NodeModel> TlmSide::add_ctl(std::size_t node, const CtlSetup& ctl) {
  constexpr std::uint32_t kCtlSpmBytes = 65536;
  auto link = adapter(node);
  HartSetup setup = hart_setup("ctl", node, router_of(node, link.get()));
  setup.spm_bytes = kCtlSpmBytes;
  harts_[node] = make_tlm_ctl(setup, ctl);
  return attach(node, *harts_[node], std::move(link));
}

std::unique_ptr<NodeModel> TlmSide::add_memory(std::size_t node, const DramTiming& timing) {
  auto link = adapter(node);
  const MemoryParts parts{place(node), &straps_, timing, &router_of(node, link.get())};
  memories_[node] = std::make_unique<MemoryNode>(name("mem", node).c_str(), timeline_, parts);
  return attach(node, *memories_[node], std::move(link));
}

void TlmSide::add_bare(std::size_t node) {
  bares_[node] =
      std::make_unique<BareNode>(name("bare", node).c_str(), straps_, router_of(node, nullptr));
  attach(node, *bares_[node], nullptr);
}

std::unique_ptr<NodeModel> TlmSide::add_rtl(std::size_t node, NodeModel& endpoint) {
  const auto index = static_cast<unsigned>(node);
  auto link = std::make_unique<RtlEndpoint>(name("link", node).c_str(), timeline_, place(node),
                                            fabric_->router_port(index), endpoint);
  link->initiator.bind(fabric_->from_node(index));
  fabric_->to_node(index).bind(link->target);
  adapters_[node] = {link.get(), true};
  return link;
}

void TlmSide::connect(Kernel& kernel) {
  for (std::size_t node = 0; node < adapters_.size(); ++node) {
    const Adapter& adapter = adapters_[node];
    if (adapter.link == nullptr) continue;
    adapter.link->on_wake = [&kernel, node, as_router = adapter.as_router] {
      if (as_router) {
        kernel.wake_router(node);
      } else {
        kernel.wake_endpoint(node);
      }
    };
  }
  kernel.set_timed(this);
}

void TlmSide::reset() {
  for (auto& hart : harts_) {
    if (hart) hart->reset();
  }
  for (auto& memory : memories_) {
    if (memory) memory->reset();
  }
}

void TlmSide::run_to(std::uint64_t cycle) {
  for (const Adapter& adapter : adapters_) {
    if (adapter.link != nullptr) adapter.link->exchange();
  }
  // A stop ends the kernel's run behind this cycle, not the cycle itself.
  while (timeline_.now() <= cycle) timeline_.run(cycle + 1);
}

std::uint64_t TlmSide::run_alone(std::uint64_t end) {
  timeline_.run(end);
  return timeline_.now();
}

}  // namespace tsr
