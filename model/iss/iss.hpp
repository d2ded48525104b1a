// SPDX-License-Identifier: Apache-2.0
/// Instruction-set model of the Tessera core: RV32IM, Zicsr, Zicntr, Zifencei, machine mode.
///
/// Executes one instruction per step() and reports what the RTL core's retire port reports.
/// Time, interrupt lines and memory come from the outside; interrupts are taken only when asked
/// for, so that the model can follow an RTL core's choice, or decide itself with
/// pending_interrupt().
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "iss/retire.hpp"

namespace tsr {

/// Memory as the core sees it. Addresses are multiples of 4. A false result is an access fault; it
/// must have no other effect.
class IssMemory {
 public:
  virtual ~IssMemory() = default;
  /// Instruction word at `addr`.
  virtual bool fetch(std::uint32_t addr, std::uint32_t& insn) = 0;
  /// Read the bytes of the word at `addr` whose bit in `strb` (4 bits) is set; other bytes are
  /// ignored.
  virtual bool load(std::uint32_t addr, std::uint8_t strb, std::uint32_t& word) = 0;
  /// Write those bytes of `word`.
  virtual bool store(std::uint32_t addr, std::uint8_t strb, std::uint32_t word) = 0;
};

class Iss {
 public:
  /// `memory` must outlive the model.
  explicit Iss(IssMemory& memory, std::uint32_t hart_id = 0);

  /// Reset state of every register; execution starts at `boot_pc` (bits 1:0 ignored).
  void reset(std::uint32_t boot_pc);

  /// Chip's cycle counter as of the next step: time, and source of mcycle.
  void set_now(std::uint64_t now) { now_ = now; }
  /// Interrupt lines in mip's layout; bits that the core does not implement are ignored.
  void set_irq(std::uint32_t mip) { mip_ = mip & kIrqMask; }

  /// Execute one instruction, or take its exception. Never takes an interrupt. WFI completes at
  /// once; see waiting().
  Retire step();
  /// Code (3, 7, 11, 16..31) of the interrupt that is pending, enabled and first in priority.
  std::optional<std::uint32_t> pending_interrupt() const;
  /// Take interrupt `code` in front of the next instruction, whether or not it is pending.
  Retire take_interrupt(std::uint32_t code);
  /// The last step was a WFI and no interrupt enabled in mie is pending.
  bool waiting() const { return wfi_ && (mip_ & mie_) == 0; }

  std::uint32_t pc() const { return pc_; }
  void set_pc(std::uint32_t pc) { pc_ = pc & ~3U; }
  /// Register x0..x31.
  std::uint32_t reg(unsigned index) const { return x_[index]; }
  void set_reg(unsigned index, std::uint32_t value) {
    if (index != 0) x_[index] = value;
  }
  /// Value of CSR `address`; nothing if there is none.
  std::optional<std::uint32_t> csr(std::uint32_t address) const;
  /// Write a CSR as a CSR instruction would; false if it does not exist or is read-only.
  bool set_csr(std::uint32_t address, std::uint32_t value);

  /// Implemented bits of mie and mip.
  static constexpr std::uint32_t kIrqMask = 0xffff0888;

 private:
  struct Exception {
    std::uint32_t cause;
    std::uint32_t tval;
  };

  void enter_trap(Retire& retire, std::uint32_t cause, std::uint32_t tval);
  std::optional<Exception> execute(std::uint32_t insn, Retire& retire);
  std::optional<Exception> execute_load(std::uint32_t insn, Retire& retire);
  std::optional<Exception> execute_store(std::uint32_t insn, Retire& retire);
  std::optional<Exception> execute_system(std::uint32_t insn, Retire& retire);
  std::optional<Exception> jump(std::uint32_t target);
  void write_rd(Retire& retire, std::uint32_t insn, std::uint32_t value);

  IssMemory& memory_;
  std::uint32_t hart_id_;
  std::array<std::uint32_t, 32> x_{};
  std::uint32_t pc_ = 0;
  std::uint32_t next_pc_ = 0;
  bool wfi_ = false;
  bool instret_written_ = false;  // by the instruction under way, which then does not count itself

  std::uint64_t now_ = 0;
  std::uint64_t cycle_offset_ = 0;
  std::uint64_t instret_ = 0;
  std::uint32_t mip_ = 0;
  std::uint32_t mie_ = 0;
  bool status_mie_ = false;
  bool status_mpie_ = false;
  std::uint32_t mtvec_ = 0;
  std::uint32_t mscratch_ = 0;
  std::uint32_t mepc_ = 0;
  std::uint32_t mcause_ = 0;
  std::uint32_t mtval_ = 0;
};

}  // namespace tsr
