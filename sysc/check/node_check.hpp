// SPDX-License-Identifier: Apache-2.0
/// Everything that is checked at one hart node while the chip runs: its core against the
/// instruction-set model, its engines against their functional models.
#pragma once

#include <array>
#include <cstdint>

#include "compute_check.hpp"
#include "core_check.hpp"
#include "noc/address_map.hpp"
#include "read_check.hpp"
#include "write_check.hpp"

namespace tsr::check {

/// What a node has.
struct NodeShape {
  Node node;
  std::size_t spm_bytes = 0;
  unsigned grid = 0;  ///< rows and columns of the matrix engine; 0: no engines but DMA
};

class NodeCheck final : public NodeProbe {
 public:
  NodeCheck(const NodeShape& shape, std::function<void()> stop);

  Node node() const { return shape_.node; }
  /// The first difference, if there is one.
  const std::optional<Difference>& difference() const { return log_.difference(); }
  /// Compared so far.
  std::uint64_t instructions() const { return core_.compared(); }
  std::uint64_t commands() const { return commands_; }
  /// Of the commands: ended, but without a result to compare (ComputeCheck::skipped).
  std::uint64_t skipped() const { return compute_.skipped(); }

  void retire(std::uint64_t cycle, const Retire& retire) override { core_.retire(cycle, retire); }
  void core_start(std::uint64_t cycle, std::uint32_t pc) override { core_.core_start(cycle, pc); }
  void interrupts(std::uint64_t cycle, std::uint32_t mip) override { core_.interrupts(cycle, mip); }
  void tcm_write(std::uint64_t cycle, std::uint32_t address, std::uint8_t strobe,
                 std::uint32_t data) override {
    core_.tcm_write(cycle, address, strobe, data);
  }
  void debug_write(std::uint64_t cycle, std::uint32_t address, std::uint32_t data) override {
    core_.debug_write(cycle, address, data);
  }
  void context_write(std::uint64_t cycle, unsigned index, std::uint32_t data) override;
  void spm_write(std::uint64_t cycle, const SpmWrite& write) override;
  void command_start(std::uint64_t cycle, const CommandStart& command) override;
  void command_done(std::uint64_t cycle, const CommandDone& command) override;
  void dma_request(std::uint64_t cycle, const DmaRequest& request) override;
  void dma_response(std::uint64_t cycle, const DmaResponse& response) override;

 private:
  NodeShape shape_;
  CheckLog log_;
  CoreCheck core_;
  Scratchpad spm_;
  std::array<std::array<engines::ContextRow, 8>, 8> contexts_{};
  ReadCheck read_;
  WriteCheck write_;
  ComputeCheck compute_;
  std::uint64_t commands_ = 0;
};

}  // namespace tsr::check
