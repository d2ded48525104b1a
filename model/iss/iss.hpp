// SPDX-License-Identifier: Apache-2.0
/// Instruction-set model of the Tessera core: RV32IM, Zicsr, Zicntr, Zifencei, machine mode.
///
/// step() executes one instruction and reports what the RTL core's retire port reports. run()
/// executes many out of memory that it reaches by pointers, without records, at some hundred
/// million instructions a second; both use the same execution of an instruction.
///
/// Time, interrupt lines and memory come from the outside; interrupts are taken only when asked
/// for, so that the model can follow an RTL core's choice, or decide itself with
/// pending_interrupt().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "iss/iss_op.hpp"
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

/// Memory that run() reaches without calls; whoever gives it owns it. Sizes are multiples of 4, 0:
/// there is none. The IssMemory of the model must show the same.
struct IssFastMemory {
  std::uint8_t* itcm = nullptr;  ///< from address 0
  std::uint32_t itcm_bytes = 0;
  std::uint8_t* dtcm = nullptr;  ///< from address 0x10000
  std::uint32_t dtcm_bytes = 0;
  const std::uint8_t* rom = nullptr;  ///< from address 0x80000, fetch only
  std::uint32_t rom_bytes = 0;
};

/// Why run() came back. Only Time and Interrupt can follow executed instructions directly; the
/// others stand in front of an instruction that the caller executes with step() when it is its
/// time.
enum class IssStop : std::uint8_t {
  Time,       ///< the time is up
  Bus,        ///< a load or store outside the TCMs
  Wfi,        ///< WFI, and no interrupt that mie enables is pending
  Ebreak,     ///< EBREAK while set_halt_on_ebreak()
  Interrupt,  ///< an instruction enabled an interrupt that is pending
};

/// The load or store at the pc.
struct IssAccess {
  std::uint32_t addr = 0;  ///< of its lowest byte
  std::uint32_t bytes = 0;
  bool write = false;
  std::uint8_t strb = 0;   ///< bytes of the word, if it is aligned
  std::uint32_t data = 0;  ///< store: in lanes

  bool aligned() const { return addr % bytes == 0; }
  /// Goes to the data bus: neither a TCM's nor misaligned.
  bool bus() const { return addr >= 0x20000 && aligned(); }
};

enum class IssFlow : std::uint8_t;
struct IssStep;

class Iss {
 public:
  /// `memory` must outlive the model.
  explicit Iss(IssMemory& memory, std::uint32_t hart_id = 0);

  /// Reset state of every register; execution starts at `boot_pc` (bits 1:0 ignored).
  void reset(std::uint32_t boot_pc);

  /// Chip's cycle counter as of the next step: time, and source of mcycle.
  void set_now(std::uint64_t now) { now_ = now; }
  std::uint64_t now() const { return now_; }
  /// Interrupt lines in mip's layout; bits that the core does not implement are ignored.
  void set_irq(std::uint32_t mip) { mip_ = mip & kIrqMask; }
  std::uint32_t irq() const { return mip_; }
  std::uint32_t irq_enabled() const { return mie_; }

  /// Execute one instruction, or take its exception. Never takes an interrupt. WFI completes at
  /// once; see waiting(). The time stays.
  Retire step();
  /// Cycles of the last step() in the RTL core (rtl/core/README.md) up to the next instruction;
  /// of an access outside the TCMs only the first one, and one more if it trapped.
  unsigned cycles() const { return cycles_; }
  /// ... of them until it completed: the retire port shows it in the cycle behind them.
  unsigned busy() const { return busy_; }
  /// Code (3, 7, 11, 16..31) of the interrupt that is pending, enabled and first in priority.
  std::optional<std::uint32_t> pending_interrupt() const;
  /// Take interrupt `code` in front of the next instruction, whether or not it is pending.
  Retire take_interrupt(std::uint32_t code);
  /// The last step was a WFI and no interrupt enabled in mie is pending.
  bool waiting() const { return wfi_ && (mip_ & mie_) == 0; }

  /// Memory for run(). Forgets decoded instructions.
  void attach(const IssFastMemory& memory);
  /// Words from `addr` on, `bytes` long, of the ITCM were written by somebody else.
  void invalidate(std::uint32_t addr, std::uint32_t bytes);
  /// Execute from now() until now() is at least `until`, as the RTL core would: the time counts
  /// each instruction's cycles. Interrupt lines do not change meanwhile.
  IssStop run(std::uint64_t until);
  /// EBREAK ends run() instead of trapping.
  void set_halt_on_ebreak(bool halt) { halt_on_ebreak_ = halt; }
  bool halt_on_ebreak() const { return halt_on_ebreak_; }
  /// The load or store at the pc, if there is one.
  std::optional<IssAccess> access() const;
  /// Instructions completed since reset().
  std::uint64_t retired() const { return retired_; }

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
  static constexpr std::uint32_t kDtcmBase = 0x10000;
  static constexpr std::uint32_t kBusBase = 0x20000;  ///< first address behind the TCMs
  static constexpr std::uint32_t kRomBase = 0x80000;

 private:
  template <bool kRecord>
  IssFlow execute(const IssOp& op, IssStep& step, Retire* retire);
  template <bool kRecord>
  IssFlow write_rd(const IssOp& op, std::uint32_t value, Retire* retire);
  template <bool kRecord>
  IssFlow link(const IssOp& op, IssStep& step, std::uint32_t target, Retire* retire);
  template <bool kRecord, class Value>
  IssFlow load(const IssOp& op, IssStep& step, Retire* retire);
  template <bool kRecord, class Value>
  IssFlow store(const IssOp& op, IssStep& step, Retire* retire);
  template <class Value>
  IssFlow load_fast(const IssOp& op, IssStep& step);
  template <class Value>
  IssFlow store_fast(const IssOp& op, IssStep& step);
  IssFlow load_slow(const IssOp& op, IssStep& step, Retire& retire);
  IssFlow store_slow(const IssOp& op, IssStep& step, Retire& retire);

  void enter_trap(std::uint32_t cause, std::uint32_t tval);
  void return_from_trap();
  /// False: illegal.
  bool csr_instruction(std::uint32_t insn, std::uint32_t& old);
  IssOp* decoded(std::uint32_t pc);
  IssOp* decode_at(std::uint32_t pc, IssOp& place);
  void count_instruction();
  IssStop stop_reason(IssKind kind) const;

  IssMemory& memory_;
  IssFastMemory fast_;
  std::vector<IssOp> itcm_ops_;
  std::vector<IssOp> rom_ops_;
  std::uint32_t hart_id_;
  std::array<std::uint32_t, kIssNoRegister + 1> x_{};
  std::uint32_t pc_ = 0;
  bool wfi_ = false;
  bool halt_on_ebreak_ = false;
  bool instret_written_ = false;  // by the instruction under way, which then does not count itself
  unsigned cycles_ = 1;
  unsigned busy_ = 1;

  std::uint64_t now_ = 0;
  std::uint64_t cycle_offset_ = 0;
  std::uint64_t instret_ = 0;
  std::uint64_t retired_ = 0;
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
