// SPDX-License-Identifier: Apache-2.0
/// The core: runs the instruction-set model in slices between what happens around it.
///
/// A slice runs ahead of the chip by a quantum at most, and only within the TCMs and the ROM.
/// Accesses to anything else are made in the cycle in which the RTL makes them. Interrupts are
/// looked at where a slice begins, and after accesses and instructions that may enable one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "iss/iss.hpp"
#include "tlm/hart/core_debug.hpp"
#include "tlm/hart/core_port.hpp"
#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class CoreRunner final : public TimelineClient, private IssMemory {
 public:
  explicit CoreRunner(Parts& parts);

  /// Node reset. The ctl core starts.
  void reset();
  /// CORE_CTRL.RUN rises, falls.
  void start(std::uint32_t pc);
  void hold();
  /// Interrupt lines, as mip.
  void set_lines(std::uint32_t mip);

  void request_halt();
  void resume(bool step);
  bool halted() const { return phase_ == Phase::Halted; }
  bool asleep() const { return phase_ == Phase::Asleep; }
  /// Nothing happens in here by itself.
  bool idle() const;
  HartState state() const;
  /// Instructions since the node was made.
  std::uint64_t instructions() const { return earlier_ + iss_.retired(); }

  /// Back door of the TCMs; bit 16: DTCM.
  std::uint32_t read_tcm(std::uint32_t addr) const;
  void write_tcm(std::uint32_t addr, std::uint32_t data, std::uint8_t strb);

  Iss& iss() { return iss_; }
  void wake(std::uint32_t what) override;

 private:
  enum class Phase : std::uint8_t {
    Held,    ///< in reset
    Run,     ///< the next slice is scheduled
    Access,  ///< a bus access is scheduled
    Port,    ///< it waits for the port, which an access of before a reset holds
    Wait,    ///< it waits for its answer
    Asleep,  ///< WFI
    Halted,  ///< by a debugger
  };

  bool fetch(std::uint32_t addr, std::uint32_t& insn) override;
  bool load(std::uint32_t addr, std::uint8_t strb, std::uint32_t& word) override;
  bool store(std::uint32_t addr, std::uint8_t strb, std::uint32_t word) override;

  void schedule(Phase phase, std::uint64_t cycle);
  void slice();
  IssStop advance(std::uint64_t limit);
  IssStop watch(std::uint64_t limit);
  bool boundary();
  void begin_access();
  void make_access();
  void end_access(const CorePort::Outcome& outcome);
  void sleep_or_wait();
  void finish_wfi();
  void step_one(std::uint64_t cycle);
  void take_interrupt(std::uint32_t code);
  void report(std::uint64_t cycle, const Retire& retire);
  void halt(HaltCause cause);
  bool watched() const;

  Parts& parts_;
  Iss iss_;
  std::vector<std::uint8_t> itcm_, dtcm_, rom_;
  Phase phase_ = Phase::Held;
  std::uint32_t token_ = 0;    ///< of the event that counts
  std::uint64_t local_ = 0;    ///< cycle of the next instruction
  std::uint64_t earlier_ = 0;  ///< instructions before the last start
  bool halt_wanted_ = false;
  bool stepping_ = false;   ///< one instruction, without interrupts
  bool stepped_ = false;    ///< ... was executed
  bool triggered_ = false;  ///< watch() stopped at a trigger
  IssAccess access_;
  CorePort::Outcome outcome_;
};

}  // namespace tsr::hart
