// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/core_runner.hpp"

#include <algorithm>
#include <cstring>

#include "tlm/hart/boot_rom.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint32_t kTcmBytes = 0x10000;
constexpr std::uint32_t kRomBytes = 0x10000;
constexpr std::uint32_t kWfi = 0x10500073;
constexpr std::uint32_t kEbreak = 0x00100073;
// Cycles from reset's end, the write of CORE_CTRL or of DBG_CTRL to the first instruction.
constexpr std::uint64_t kResetLead = 2;
constexpr std::uint64_t kStartLead = 3;
constexpr std::uint64_t kTrapCycles = 2;

}  // namespace

CoreRunner::CoreRunner(Parts& parts)
    : parts_(parts),
      iss_(*this, parts.node().pack()),
      itcm_(kTcmBytes),
      dtcm_(kTcmBytes),
      rom_(parts.is_ctl ? kRomBytes : 0) {
  for (std::uint32_t at = 0; at < rom_.size(); at += 4) {
    const std::uint32_t word = boot_rom_word(at);
    std::memcpy(rom_.data() + at, &word, sizeof word);
  }
  iss_.attach({itcm_.data(), kTcmBytes, dtcm_.data(), kTcmBytes, rom_.data(),
               static_cast<std::uint32_t>(rom_.size())});
}

// ---------------------------------------------------------------- start and stop

void CoreRunner::reset() {
  hold();
  halt_wanted_ = false;
  if (!parts_.is_ctl) return;
  start(kRomBase);
  schedule(Phase::Run, parts_.now() + kResetLead);
}

void CoreRunner::start(std::uint32_t pc) {
  earlier_ += iss_.retired();
  iss_.reset(pc);
  stepping_ = stepped_ = false;
  schedule(Phase::Run, parts_.now() + kStartLead);
}

void CoreRunner::hold() {
  const bool was_halted = halted();
  earlier_ += iss_.retired();
  iss_.reset(0);
  phase_ = Phase::Held;
  ++token_;
  parts_.core_port->drop();
  parts_.debug->clear();
  if (was_halted && parts_.setup.on_halt) parts_.setup.on_halt(false);
}

void CoreRunner::schedule(Phase phase, std::uint64_t cycle) {
  phase_ = phase;
  local_ = phase == Phase::Run ? cycle : local_;
  parts_.timeline.at(cycle, *this, ++token_);
}

void CoreRunner::set_lines(std::uint32_t mip) {
  iss_.set_irq(mip);
  if (phase_ == Phase::Asleep && (iss_.irq() & iss_.irq_enabled()) != 0) {
    finish_wfi();
  }
}

// ---------------------------------------------------------------- slices

void CoreRunner::wake(std::uint32_t what) {
  if (what != token_) return;
  switch (phase_) {
    case Phase::Run:
      return slice();
    case Phase::Access:
      return make_access();
    default:
      return;
  }
}

void CoreRunner::slice() {
  iss_.set_now(local_);
  const std::uint64_t limit = local_ + parts_.setup.quantum;
  while (true) {
    if (boundary()) return;
    if (iss_.now() >= limit) return schedule(Phase::Run, iss_.now());
    switch (advance(limit)) {
      case IssStop::Bus:
        return begin_access();
      case IssStop::Wfi:
        return sleep_or_wait();
      case IssStop::Ebreak:
        return halt(triggered_ ? HaltCause::Trigger : HaltCause::Ebreak);
      default:
        break;  // boundary() sees to it
    }
  }
}

/// Between two instructions: halt, or take an interrupt. True: halted.
bool CoreRunner::boundary() {
  if (halt_wanted_ || stepped_) {
    halt(stepped_ ? HaltCause::Step : HaltCause::Request);
    return true;
  }
  if (stepping_) return false;
  if (const auto code = iss_.pending_interrupt()) take_interrupt(*code);
  return false;
}

void CoreRunner::take_interrupt(std::uint32_t code) {
  const Retire retire = iss_.take_interrupt(code);
  report(iss_.now() + 1, retire);
  iss_.set_now(iss_.now() + kTrapCycles);
}

bool CoreRunner::watched() const {
  return stepping_ || parts_.probe != nullptr || parts_.debug->armed();
}

IssStop CoreRunner::advance(std::uint64_t limit) {
  triggered_ = false;
  return watched() ? watch(limit) : iss_.run(limit);
}

/// run(), looking at each instruction.
IssStop CoreRunner::watch(std::uint64_t limit) {
  while (iss_.now() < limit) {
    const auto access = iss_.access();
    if (parts_.debug->pc_hit(iss_.pc()) || (access && parts_.debug->access_hit(*access))) {
      triggered_ = true;
      return IssStop::Ebreak;
    }
    std::uint32_t insn = 0;
    fetch(iss_.pc(), insn);
    if (insn == kEbreak && iss_.halt_on_ebreak()) return IssStop::Ebreak;
    const bool asleep = insn == kWfi && !stepping_ && (iss_.irq() & iss_.irq_enabled()) == 0;
    if (asleep) return IssStop::Wfi;
    if (access && access->bus()) return IssStop::Bus;
    step_one(iss_.now());
    if (stepped_) return IssStop::Time;
    if (!stepping_ && iss_.pending_interrupt()) return IssStop::Interrupt;
  }
  return IssStop::Time;
}

/// The instruction at the pc, which ends in `cycle` or, if it is not an access, as it does.
void CoreRunner::step_one(std::uint64_t cycle) {
  iss_.set_now(cycle);
  const Retire retire = iss_.step();
  report(cycle + iss_.busy(), retire);
  iss_.set_now(cycle + iss_.cycles());
  if (stepping_) {
    stepping_ = false;
    stepped_ = true;
  }
}

void CoreRunner::report(std::uint64_t cycle, const Retire& retire) {
  if (parts_.probe != nullptr) parts_.probe->retire(cycle, retire);
}

// ---------------------------------------------------------------- sleep

/// In front of a WFI: sleep when the chip is here.
void CoreRunner::sleep_or_wait() {
  local_ = iss_.now();
  if (local_ > parts_.now()) return schedule(Phase::Run, local_);
  phase_ = Phase::Asleep;
}

void CoreRunner::finish_wfi() {
  step_one(parts_.now());
  schedule(Phase::Run, iss_.now());
}

// ---------------------------------------------------------------- accesses

void CoreRunner::begin_access() {
  access_ = *iss_.access();
  schedule(Phase::Access, iss_.now() + CorePort::lead(access_.addr));
}

void CoreRunner::make_access() {
  if (parts_.core_port->busy()) {
    phase_ = Phase::Port;
    parts_.core_port->on_free = [this] {
      if (phase_ == Phase::Port) schedule(Phase::Access, parts_.now() + 1);
    };
    return;
  }
  phase_ = Phase::Wait;
  const std::uint32_t token = token_;
  parts_.core_port->start(access_, [this, token](const CorePort::Outcome& outcome) {
    if (token == token_ && phase_ == Phase::Wait) end_access(outcome);
  });
}

void CoreRunner::end_access(const CorePort::Outcome& outcome) {
  outcome_ = outcome;
  step_one(outcome.cycle);
  local_ = iss_.now();
  // A slice of its own if the answer comes later than now: others come first.
  if (outcome.cycle > parts_.now() + CorePort::lead(0)) return schedule(Phase::Run, local_);
  phase_ = Phase::Run;
  slice();
}

// ---------------------------------------------------------------- debugger

void CoreRunner::halt(HaltCause cause) {
  local_ = iss_.now();
  phase_ = Phase::Halted;
  ++token_;
  halt_wanted_ = stepping_ = stepped_ = false;
  parts_.debug->set_cause(cause);
  if (parts_.setup.on_halt) parts_.setup.on_halt(true);
}

void CoreRunner::request_halt() {
  if (halted()) return;
  halt_wanted_ = true;
  if (phase_ == Phase::Asleep) finish_wfi();
}

void CoreRunner::resume(bool step) {
  if (!halted()) return;
  stepping_ = step;
  schedule(Phase::Run, std::max(local_, parts_.now() + kStartLead));
  if (parts_.setup.on_halt) parts_.setup.on_halt(false);
}

bool CoreRunner::idle() const {
  return phase_ == Phase::Held || phase_ == Phase::Asleep || phase_ == Phase::Halted;
}

HartState CoreRunner::state() const {
  HartState state;
  using Core = HartState::Core;
  switch (phase_) {
    case Phase::Held:
      state.core = Core::Held;
      break;
    case Phase::Asleep:
      state.core = Core::Wfi;
      break;
    case Phase::Halted:
      state.core = Core::Halted;
      break;
    case Phase::Port:
    case Phase::Wait:
      state.core = Core::Waiting;
      break;
    default:
      state.core = Core::Running;
      break;
  }
  state.pc = iss_.pc();
  state.retired = iss_.retired();
  state.pending = iss_.irq();
  state.enabled = iss_.irq_enabled();
  state.address = parts_.core_port->address();
  state.since = parts_.core_port->since();
  state.write = parts_.core_port->writes();
  return state;
}

// ---------------------------------------------------------------- memory

bool CoreRunner::fetch(std::uint32_t addr, std::uint32_t& insn) {
  const std::uint8_t* from = nullptr;
  if (addr < kTcmBytes) {
    from = itcm_.data() + addr;
  } else if (addr - kRomBase < rom_.size()) {
    from = rom_.data() + (addr - kRomBase);
  } else {
    return false;
  }
  std::memcpy(&insn, from, sizeof insn);
  return true;
}

bool CoreRunner::load(std::uint32_t addr, std::uint8_t /*strb*/, std::uint32_t& word) {
  if (addr < Iss::kBusBase) {
    word = read_tcm(addr);
    return true;
  }
  word = outcome_.word;
  return outcome_.ok;
}

bool CoreRunner::store(std::uint32_t addr, std::uint8_t strb, std::uint32_t word) {
  if (addr >= Iss::kBusBase) return outcome_.ok;
  write_tcm(addr, word, strb);
  return true;
}

std::uint32_t CoreRunner::read_tcm(std::uint32_t addr) const {
  const auto& tcm = addr < kTcmBytes ? itcm_ : dtcm_;
  std::uint32_t word = 0;
  std::memcpy(&word, tcm.data() + (addr % kTcmBytes & ~3U), sizeof word);
  return word;
}

void CoreRunner::write_tcm(std::uint32_t addr, std::uint32_t data, std::uint8_t strb) {
  auto& tcm = addr < kTcmBytes ? itcm_ : dtcm_;
  std::uint8_t* place = tcm.data() + (addr % kTcmBytes & ~3U);
  for (unsigned i = 0; i < 4; ++i) {
    if ((strb >> i & 1U) != 0) place[i] = static_cast<std::uint8_t>(data >> 8 * i);
  }
  if (addr < kTcmBytes) iss_.invalidate(addr, 4);
}

}  // namespace tsr::hart
