// SPDX-License-Identifier: Apache-2.0
/// Debug accesses to the halted core, and its triggers (rtl/core's tsr_core_dbg and
/// tsr_core_trigger).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "iss/iss.hpp"
#include "tlm/hart/parts.hpp"

namespace tsr::hart {

/// Why the core halted: dcsr.cause.
enum class HaltCause : std::uint8_t { None = 0, Ebreak = 1, Trigger = 2, Request = 3, Step = 4 };

class CoreDebug {
 public:
  explicit CoreDebug(Parts& parts) : parts_(parts) {}

  /// Node reset.
  void reset();
  /// The core is held in reset: triggers and dcsr are cleared.
  void clear();

  /// DBG_CMD and DBG_ADDR: make an access, if none is under way.
  void command(std::uint32_t command, std::uint32_t address);
  /// DBG_STATUS, DBG_DATA.
  std::uint32_t status() const;
  std::uint32_t data() const { return data_; }
  void set_data(std::uint32_t data) { data_ = data; }
  bool busy() const { return busy_; }

  void set_cause(HaltCause cause) { cause_ = cause; }
  /// Some trigger is enabled: each instruction must be looked at.
  bool armed() const { return armed_; }
  /// A trigger halts in front of the instruction at `pc`, or in front of this access.
  bool pc_hit(std::uint32_t pc);
  bool access_hit(const IssAccess& access);

 private:
  static constexpr unsigned kTriggers = 4;
  struct Trigger {
    bool hit = false, napot = false, machine = false;
    bool execute = false, store = false, load = false;
    std::uint32_t data = 0;
    std::uint32_t care = ~0U;

    bool matches(std::uint32_t address) const { return ((address ^ data) & care) == 0; }
    void update_care() { care = napot ? ~(data ^ (data + 1)) : ~0U; }
    std::uint32_t control() const;
    void set_control(std::uint32_t value);
  };

  bool register_access(bool write, std::uint32_t address);
  bool csr_access(bool write, std::uint32_t number);
  std::optional<std::uint32_t> debug_csr(std::uint32_t number) const;
  bool set_debug_csr(std::uint32_t number, std::uint32_t value);
  void memory_access(bool write, std::uint32_t address);
  void tcm_access(bool write, std::uint32_t address);
  void finish(bool ok);
  template <class Hits>
  bool look(Hits hits);

  Parts& parts_;
  bool busy_ = false;
  bool error_ = false;
  std::uint32_t data_ = 0;
  HaltCause cause_ = HaltCause::None;
  std::array<Trigger, kTriggers> triggers_;
  unsigned select_ = 0;
  bool armed_ = false;
};

}  // namespace tsr::hart
