// SPDX-License-Identifier: Apache-2.0
/// One core under a debugger: run control, registers, memory, breakpoints. Everything goes through
/// the debug registers of the core's node (docs/regs/tile.md), so it works alike on every model of
/// a core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "access.hpp"

namespace tsr::debug {

/// Why a core stands still, as dcsr.cause says.
enum class HaltCause : std::uint8_t {
  kNone = 0,
  kEbreak = 1,
  kTrigger = 2,
  kRequest = 3,
  kStep = 4
};

/// Kinds of watchpoints and breakpoints, with the numbers of GDB's Z packets.
enum class StopPoint : std::uint8_t {
  kSoftware = 0,
  kHardware = 1,
  kWrite = 2,
  kRead = 3,
  kAccess = 4
};

/// Calls that return bool say false when the chip refuses.
class Hart {
 public:
  static constexpr unsigned kPc = 32;            ///< register number of the pc
  static constexpr unsigned kFirstCsr = 0x1000;  ///< + CSR number
  static constexpr unsigned kTriggers = 4;

  /// `is_ctl`: the ctl node's core, which nothing holds in reset.
  Hart(ChipAccess& chip, Node node, bool is_ctl) : chip_(chip), node_(node), is_ctl_(is_ctl) {}

  Node node() const { return node_; }
  bool is_ctl() const { return is_ctl_; }

  // ---- Run control

  bool halted() { return chip_.halted(node_); }
  /// The core is held in reset: it has no state to look at.
  bool in_reset();
  /// Ask it to halt; in reset it will do so in front of its first instruction.
  void request_halt();
  /// What to do once it halts for the first time, or for the first time after a reset: EBREAK stops
  /// it.
  void prepare();
  void resume();
  void step();
  /// EBREAK traps again.
  void release();
  /// Start the program again, halted in front of its first instruction. Not the ctl node's.
  bool restart();
  HaltCause cause();

  // ---- State; the core must be halted

  /// Register 0..31, kPc, or kFirstCsr + n.
  std::optional<std::uint32_t> reg(unsigned number);
  bool set_reg(unsigned number, std::uint32_t value);

  // ---- Memory, as the core addresses it; at any time. Breakpoints of the debugger are invisible.

  bool read(std::uint32_t address, std::uint8_t* data, std::size_t bytes);
  bool write(std::uint32_t address, const std::uint8_t* data, std::size_t bytes);

  // ---- Breakpoints and watchpoints

  bool insert(StopPoint kind, std::uint32_t address, std::uint32_t bytes);
  bool remove(StopPoint kind, std::uint32_t address, std::uint32_t bytes);
  void remove_all();
  /// A software breakpoint lies at this address.
  bool has_breakpoint(std::uint32_t address) const { return software_.count(address) != 0; }
  /// The hardware breakpoint or watchpoint that made the core halt.
  struct Hit {
    StopPoint kind;
    std::uint32_t address;
  };
  std::optional<Hit> hit();

 private:
  struct Trigger {
    StopPoint kind;
    std::uint32_t address;
    std::uint32_t bytes;
  };

  std::uint64_t register_address(std::uint32_t offset) const;
  std::optional<std::uint32_t> load(std::uint32_t offset);
  bool store(std::uint32_t offset, std::uint32_t value);
  /// Global address of a core address, and how many bytes from there on are contiguous.
  struct Place {
    std::uint64_t global;
    std::uint32_t room;
  };
  std::optional<Place> place(std::uint32_t address);
  bool copy(bool write, std::uint32_t address, std::uint8_t* data, std::size_t bytes);
  bool set_trigger(unsigned index, const std::optional<Trigger>& trigger);

  ChipAccess& chip_;
  Node node_;
  bool is_ctl_;
  std::map<std::uint32_t, std::uint32_t> software_;  ///< instruction that stood there
  std::optional<Trigger> triggers_[kTriggers];
};

}  // namespace tsr::debug
