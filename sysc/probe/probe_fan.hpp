// SPDX-License-Identifier: Apache-2.0
/// Several observers of one node.
#pragma once

#include <algorithm>
#include <vector>

#include "probe/node_probe.hpp"

namespace tsr {

/// Calls every observer, in the order in which they were added. They outlive the fan.
class ProbeFan final : public NodeProbe {
 public:
  void add(NodeProbe& probe) { probes_.push_back(&probe); }
  void remove(const NodeProbe& probe) {
    probes_.erase(std::remove(probes_.begin(), probes_.end(), &probe), probes_.end());
  }
  bool empty() const { return probes_.empty(); }

  void retire(std::uint64_t cycle, const Retire& retire) override {
    for (auto* probe : probes_) probe->retire(cycle, retire);
  }
  void command_start(std::uint64_t cycle, const CommandStart& command) override {
    for (auto* probe : probes_) probe->command_start(cycle, command);
  }
  void command_done(std::uint64_t cycle, const CommandDone& command) override {
    for (auto* probe : probes_) probe->command_done(cycle, command);
  }
  void spm_write(std::uint64_t cycle, const SpmWrite& write) override {
    for (auto* probe : probes_) probe->spm_write(cycle, write);
  }
  void context_write(std::uint64_t cycle, unsigned index, std::uint32_t data) override {
    for (auto* probe : probes_) probe->context_write(cycle, index, data);
  }
  void dma_request(std::uint64_t cycle, const DmaRequest& request) override {
    for (auto* probe : probes_) probe->dma_request(cycle, request);
  }
  void dma_response(std::uint64_t cycle, const DmaResponse& response) override {
    for (auto* probe : probes_) probe->dma_response(cycle, response);
  }
  void core_start(std::uint64_t cycle, std::uint32_t pc) override {
    for (auto* probe : probes_) probe->core_start(cycle, pc);
  }
  void interrupts(std::uint64_t cycle, std::uint32_t mip) override {
    for (auto* probe : probes_) probe->interrupts(cycle, mip);
  }
  void tcm_write(std::uint64_t cycle, std::uint32_t address, std::uint8_t strobe,
                 std::uint32_t data) override {
    for (auto* probe : probes_) probe->tcm_write(cycle, address, strobe, data);
  }
  void debug_write(std::uint64_t cycle, std::uint32_t address, std::uint32_t data) override {
    for (auto* probe : probes_) probe->debug_write(cycle, address, data);
  }

 private:
  std::vector<NodeProbe*> probes_;
};

}  // namespace tsr
