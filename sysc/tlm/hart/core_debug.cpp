// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/core_debug.hpp"

#include "tlm/hart/core_port.hpp"
#include "tlm/hart/core_runner.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint32_t kPc = 32;
constexpr std::uint32_t kTselect = 0x7a0, kTdata1 = 0x7a1, kTdata2 = 0x7a2, kTinfo = 0x7a4,
                        kDcsr = 0x7b0;
constexpr std::uint32_t kTcmEnd = 0x20000;
constexpr std::uint32_t kDcsrVersion = 4U << 28;
constexpr std::uint32_t kEbreakm = 1U << 15;

}  // namespace

// ---------------------------------------------------------------- triggers

/// Type 2, for the debugger only, ranges up to 2^31 bytes, action 1 (halt).
std::uint32_t CoreDebug::Trigger::control() const {
  return 2U << 28 | 1U << 27 | 31U << 21 | (hit ? 1U << 20 : 0U) | 1U << 12 |
         (napot ? 1U << 7 : 0U) | (machine ? 1U << 6 : 0U) | (execute ? 4U : 0U) |
         (store ? 2U : 0U) | (load ? 1U : 0U);
}

void CoreDebug::Trigger::set_control(std::uint32_t value) {
  hit = (value >> 20 & 1U) != 0;
  napot = (value >> 7 & 15U) == 1;
  machine = (value >> 6 & 1U) != 0;
  execute = (value & 4) != 0;
  store = (value & 2) != 0;
  load = (value & 1) != 0;
  update_care();
}

template <class Hits>
bool CoreDebug::look(Hits hits) {
  bool any = false;
  for (Trigger& trigger : triggers_) {
    if (!trigger.machine || !hits(trigger)) continue;
    trigger.hit = true;
    any = true;
  }
  return any;
}

bool CoreDebug::pc_hit(std::uint32_t pc) {
  return armed_ && look([pc](const Trigger& t) { return t.execute && t.matches(pc); });
}

bool CoreDebug::access_hit(const IssAccess& access) {
  return armed_ && look([&access](const Trigger& t) {
           return (access.write ? t.store : t.load) && t.matches(access.addr);
         });
}

// ---------------------------------------------------------------- state

void CoreDebug::reset() {
  clear();
  busy_ = false;
  error_ = false;
}

void CoreDebug::clear() {
  triggers_ = {};
  select_ = 0;
  armed_ = false;
  cause_ = HaltCause::None;
  parts_.core->iss().set_halt_on_ebreak(false);
}

std::uint32_t CoreDebug::status() const {
  return (parts_.core->halted() ? 1U : 0U) | (busy_ ? 2U : 0U) | (error_ ? 4U : 0U) |
         (parts_.core->asleep() ? 8U : 0U);
}

// ---------------------------------------------------------------- accesses

void CoreDebug::command(std::uint32_t command, std::uint32_t address) {
  if (busy_) return;
  error_ = true;
  if (!parts_.core->halted()) return;
  const bool write = (command >> 17 & 1U) != 0;
  const bool memory = (command >> 16 & 1U) != 0;
  busy_ = true;
  if (memory) {
    memory_access(write, address);
  } else {
    finish(register_access(write, command & 0xffff));
  }
}

void CoreDebug::finish(bool ok) {
  busy_ = false;
  error_ = !ok;
}

bool CoreDebug::register_access(bool write, std::uint32_t address) {
  Iss& iss = parts_.core->iss();
  if (address < kPc) {
    if (write) {
      iss.set_reg(address, data_);
    } else {
      data_ = iss.reg(address);
    }
    return true;
  }
  if (address == kPc) {
    if (write) {
      iss.set_pc(data_);
    } else {
      data_ = iss.pc();
    }
    return true;
  }
  return address >> 12 == 1 && csr_access(write, address & 0xfff);
}

bool CoreDebug::csr_access(bool write, std::uint32_t number) {
  Iss& iss = parts_.core->iss();
  iss.set_now(parts_.now());
  const auto special = debug_csr(number);
  if (write) return special ? set_debug_csr(number, data_) : iss.set_csr(number, data_);
  const auto value = special ? special : iss.csr(number);
  if (value) data_ = *value;
  return value.has_value();
}

std::optional<std::uint32_t> CoreDebug::debug_csr(std::uint32_t number) const {
  switch (number) {
    case kTselect:
      return select_;
    case kTdata1:
      return triggers_[select_].control();
    case kTdata2:
      return triggers_[select_].data;
    case kTinfo:
      return 1U << 2;
    case kDcsr:
      return kDcsrVersion | (parts_.core->iss().halt_on_ebreak() ? kEbreakm : 0U) |
             static_cast<std::uint32_t>(cause_) << 6 | 3U;
    default:
      return std::nullopt;
  }
}

bool CoreDebug::set_debug_csr(std::uint32_t number, std::uint32_t value) {
  Trigger& trigger = triggers_[select_];
  if (number == kTselect && value < kTriggers) select_ = value;
  if (number == kTdata1) trigger.set_control(value);
  if (number == kTdata2) {
    trigger.data = value;
    trigger.update_care();
  }
  if (number == kDcsr) parts_.core->iss().set_halt_on_ebreak((value & kEbreakm) != 0);
  armed_ = false;
  for (const Trigger& t : triggers_) armed_ |= t.machine && (t.execute || t.load || t.store);
  return true;
}

void CoreDebug::memory_access(bool write, std::uint32_t address) {
  if (address % 4 != 0) return finish(false);
  if (address < kTcmEnd) return tcm_access(write, address);
  if (parts_.core_port->busy()) return finish(false);
  const IssAccess access{address, 4, write, 0xf, data_};
  parts_.core_port->start(access, [this, write](const CorePort::Outcome& outcome) {
    if (!write) data_ = outcome.word;
    finish(outcome.ok);
  });
}

void CoreDebug::tcm_access(bool write, std::uint32_t address) {
  if (write) {
    parts_.core->write_tcm(address, data_, 0xf);
  } else {
    data_ = parts_.core->read_tcm(address);
  }
  finish(true);
}

}  // namespace tsr::hart
