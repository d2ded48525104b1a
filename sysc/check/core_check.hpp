// SPDX-License-Identifier: Apache-2.0
/// Core lock-step: an instruction-set model follows every instruction that an RTL core retires.
///
/// Compared are pc, instruction, register written, memory access, trap and its cause. The RTL
/// decides when an interrupt is taken (that it may be, and which, is compared), what loads from
/// outside the TCMs and the ROM bring, and which accesses outside the TCMs fail.
#pragma once

#include <vector>

#include "check_log.hpp"
#include "iss/iss.hpp"
#include "probe/node_probe.hpp"

namespace tsr::check {

/// The model's memories. What is not here follows the instruction in hand.
class CoreMemory final : public IssMemory {
 public:
  static constexpr std::uint32_t kTcmBytes = 65536;

  CoreMemory() : itcm_(kTcmBytes / 4), dtcm_(kTcmBytes / 4), rom_(kTcmBytes / 4) {}

  bool fetch(std::uint32_t address, std::uint32_t& insn) override;
  bool load(std::uint32_t address, std::uint8_t strobe, std::uint32_t& word) override;
  bool store(std::uint32_t address, std::uint8_t strobe, std::uint32_t word) override;

  /// What the RTL says about the instruction that the model executes next.
  void follow(const Retire& retire) { retire_ = &retire; }
  /// Write a TCM through the back door.
  void write(std::uint32_t address, std::uint8_t strobe, std::uint32_t word);

 private:
  std::uint32_t* tcm(std::uint32_t address);

  std::vector<std::uint32_t> itcm_, dtcm_;
  std::vector<std::optional<std::uint32_t>> rom_;  ///< words that were fetched before
  const Retire* retire_ = nullptr;
};

class CoreCheck final : public NodeProbe {
 public:
  /// `log` outlives the checker.
  CoreCheck(CheckLog& log, std::uint32_t hart_id) : log_(log), iss_(memory_, hart_id) {}

  void retire(std::uint64_t cycle, const Retire& retire) override;
  void core_start(std::uint64_t cycle, std::uint32_t pc) override;
  void interrupts(std::uint64_t cycle, std::uint32_t mip) override;
  void tcm_write(std::uint64_t cycle, std::uint32_t address, std::uint8_t strobe,
                 std::uint32_t data) override;
  void debug_write(std::uint64_t cycle, std::uint32_t address, std::uint32_t data) override;

  std::uint64_t compared() const { return compared_; }

 private:
  CheckLog& log_;
  CoreMemory memory_;
  Iss iss_;
  bool started_ = false;
  std::uint64_t compared_ = 0;
};

}  // namespace tsr::check
