// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/tile_regs.hpp"

#include "tlm/hart/atomic_unit.hpp"
#include "tlm/hart/core_debug.hpp"
#include "tlm/hart/core_runner.hpp"
#include "tlm/hart/ctl_periph.hpp"
#include "tlm/hart/ni_init.hpp"

namespace tsr::hart {

using namespace regs::tile;

namespace {

// IRQ_STATE
constexpr std::uint32_t kCmdDone = 1, kError = 2, kLaunch = 4, kSem = 8, kSpace = 16;
constexpr unsigned kSemaphores = 16;
constexpr unsigned kCtlClasses = 0x1f;
constexpr std::uint64_t kAccessStride = 16;

}  // namespace

TileRegs::TileRegs(Parts& parts)
    : RegBlock(kBlock), parts_(parts), timer_(parts.timeline, [this] { update_interrupts(); }) {}

void TileRegs::reset() {
  RegBlock::reset();
  timer_.cancel();
  running_ = false;
  debug_locked_ = false;
  count_high_ = 0;
  if (parts_.is_ctl) set(kQosOffset, kCtlClasses);
  parts_.counts = {};
  clear_counts();
}

RegAnswer TileRegs::checked(const RegAccess& access) {
  const bool debug = access.offset >= kDbgCtrlOffset && access.offset <= kDbgDataOffset;
  if (access.write && debug && locked()) return {true, 0};
  return this->access(access);
}

bool TileRegs::locked() const {
  return debug_locked_ || (parts_.periph != nullptr && parts_.periph->debug_locked());
}

// ---------------------------------------------------------------- errors and interrupts

void TileRegs::error(const ErrLog::Entry& entry) {
  const bool armed = (get(kErrStatusOffset) & 1) == 0;
  set_bits(kErrStatusOffset, parts_.log.add(entry, armed));
  const std::uint32_t source = entry.source < kEngines ? 1U << entry.source : 1U << kEngines;
  if ((get(kErrEnableOffset) & source) != 0) set_bits(kIrqStateOffset, kError);
  update_interrupts();
}

void TileRegs::format_event(Engine engine, std::uint16_t id, bool nan, bool overflow) {
  if (!nan && !overflow) return;
  parts_.log.add_format(engine, id, nan, overflow, get(kFmtStatusOffset) == 0);
  const std::uint32_t flags = (nan ? 1U : 0U) | (overflow ? 2U : 0U);
  set_bits(kFmtStatusOffset, engine == Engine::Ve ? flags << 2 : flags);
  if ((get(kErrEnableOffset) & 0x40) != 0) set_bits(kIrqStateOffset, kError);
  update_interrupts();
}

void TileRegs::command_done() {
  set_bits(kIrqStateOffset, kCmdDone);
  update_interrupts();
}

std::uint32_t TileRegs::levels() const {
  std::uint32_t bits = 0;
  const std::uint32_t sem = get(kSemIrqOffset);
  if ((sem & 0x10) != 0 && parts_.engines->semaphore(sem & 15) >= sem >> 16) bits |= kSem;
  const std::uint32_t space = get(kSpaceIrqOffset);
  if ((space & 0x10) != 0 && (space & 7) < kEngines &&
      parts_.engines->free_entries(static_cast<Engine>(space & 7)) != 0) {
    bits |= kSpace;
  }
  return bits;
}

doctor::WakeUp TileRegs::wake_up() const {
  doctor::WakeUp wake;
  wake.timer = timer_armed();
  const std::uint32_t sem = get(kSemIrqOffset);
  if ((sem & 0x10) != 0) wake.semaphore = doctor::Tokens{sem & 15, sem >> 16, {}};
  const std::uint32_t space = get(kSpaceIrqOffset);
  if ((space & 0x10) != 0) wake.space_of = space & 7;
  return wake;
}

void TileRegs::update_interrupts() {
  constexpr std::uint32_t kTimer = 1U << 7;
  std::uint32_t mip = (get(kIrqStateOffset) | levels()) << 16;
  if (parts_.periph != nullptr) mip |= parts_.periph->interrupts() << 16;
  const std::uint64_t compare = timer_compare();
  if (timer_armed()) {
    if (parts_.now() >= compare) {
      mip |= kTimer;
    } else {
      timer_.set(compare);
    }
  } else {
    timer_.cancel();
  }
  parts_.core->set_lines(mip);
}

std::uint64_t TileRegs::timer_compare() const {
  return get(kMtimecmpLoOffset) | static_cast<std::uint64_t>(get(kMtimecmpHiOffset)) << 32;
}

// ---------------------------------------------------------------- what the others look at

TileRegs::Window TileRegs::window(unsigned index) const {
  const auto step = static_cast<std::uint32_t>(kAccessStride * index);
  const std::uint32_t control = get(kAccessCtrlOffset + step);
  return {get(kAccessBaseOffset + step), get(kAccessLimitOffset + step), control & 15,
          (control & 0x10) != 0, (control & 0x20) != 0};
}

std::uint64_t TileRegs::core_window(unsigned index) const {
  return static_cast<std::uint64_t>(get(kCoreWinOffset + 4 * index)) << 28;
}

bool TileRegs::detour(unsigned number) const {
  return (get(number < 32 ? kRouteVc1LoOffset : kRouteVc1HiOffset) >> number % 32 & 1U) != 0;
}

bool TileRegs::unreachable(unsigned number) const {
  return (get(number < 32 ? kRouteNoneLoOffset : kRouteNoneHiOffset) >> number % 32 & 1U) != 0;
}

bool TileRegs::urgent(Initiator initiator) const {
  return (get(kQosOffset) >> static_cast<unsigned>(initiator) & 1U) != 0;
}

// ---------------------------------------------------------------- reads

std::uint32_t TileRegs::on_read(std::uint32_t offset, std::uint32_t stored) {
  switch (offset) {
    case kIdOffset: {
      const Node node = parts_.node();
      return node.x | node.y << 8 | (parts_.is_ctl ? 1U << 16 : 0U) |
             parts_.setup.spm_bytes / 1024 << 20;
    }
    case kIrqStateOffset:
      return stored | levels();
    case kRouterCountOffset:
      return parts_.setup.router == nullptr ? 0 : parts_.setup.router->count();
    case kCountLoOffset: {
      const std::uint64_t value = count(get(kCountSelOffset));
      count_high_ = static_cast<std::uint32_t>(value >> 32);
      return static_cast<std::uint32_t>(value);
    }
    case kCountHiOffset:
      return count_high_;
    default:
      break;
  }
  if (offset >= kErrFirstOffset && offset <= kFmtLastOffset) return read_errors(offset, stored);
  if (offset >= kDbgStatusOffset) return read_core(offset, stored);
  return read_engines(offset, stored);
}

std::uint32_t TileRegs::read_engines(std::uint32_t offset, std::uint32_t stored) {
  if (offset == kQueueStatusOffset) return queue_status();
  if (offset >= kSemOffset && offset < kSemOffset + 4 * kSemaphores) {
    return parts_.engines->semaphore((offset - kSemOffset) / 4) & 0xffff;
  }
  return stored;
}

std::uint32_t TileRegs::queue_status() const {
  std::uint32_t status = 0;
  for (unsigned e = 0; e < kEngines; ++e) {
    const auto engine = static_cast<Engine>(e);
    status |= parts_.engines->free_entries(engine) << 4 * e;
    if (parts_.engines->busy(engine)) status |= 1U << (20 + e);
    if (parts_.engines->stopped(engine)) status |= 1U << (25 + e);
  }
  return status;
}

std::uint32_t TileRegs::read_errors(std::uint32_t offset, std::uint32_t stored) {
  const ErrLog& log = parts_.log;
  switch (offset) {
    case kErrFirstOffset:
      return log.first().word();
    case kErrFirstAddrLoOffset:
      return static_cast<std::uint32_t>(log.first().address);
    case kErrFirstAddrHiOffset:
      return static_cast<std::uint32_t>(log.first().address >> 32) & 0xffffff;
    case kErrLastOffset:
      return log.last().word();
    case kErrLastAddrLoOffset:
      return static_cast<std::uint32_t>(log.last().address);
    case kErrLastAddrHiOffset:
      return static_cast<std::uint32_t>(log.last().address >> 32) & 0xffffff;
    case kFmtFirstOffset:
      return log.format_first();
    case kFmtLastOffset:
      return log.format_last();
    default:
      return stored;
  }
}

std::uint32_t TileRegs::read_core(std::uint32_t offset, std::uint32_t stored) {
  switch (offset) {
    case kDbgStatusOffset:
      return parts_.debug->status();
    case kDbgDataOffset:
      return parts_.debug->data();
    case kDbgLockOffset:
      return locked() ? 1 : 0;
    case kAtomicStatusOffset:
      return parts_.atomic->status();
    case kAtomicResultOffset:
      return parts_.atomic->result();
    default:
      return stored;
  }
}

std::uint64_t TileRegs::count(unsigned selector) const {
  const Counts& counts = parts_.counts;
  switch (selector) {
    case 112:
      return parts_.now() - counts.start;
    case 113:
      return counts.request_tx;
    case 114:
      return counts.request_rx;
    case 115:
      return counts.response_tx;
    case 116:
      return counts.response_rx;
    case 117:
      return parts_.core->instructions() - counts.instret;
    case 119:
      return counts.parity;
    case 122:
      return counts.heard;
    case 123:
      return counts.unheard;
    default:
      return parts_.engines->counter(selector);
  }
}

void TileRegs::clear_counts() {
  parts_.counts = {};
  parts_.counts.start = parts_.now();
  if (parts_.core != nullptr) parts_.counts.instret = parts_.core->instructions();
  if (parts_.engines != nullptr) parts_.engines->clear_counters();
}

// ---------------------------------------------------------------- writes

bool TileRegs::on_write(std::uint32_t offset, std::uint32_t data) {
  if (offset >= kSemOffset && offset < kSemOffset + 4 * kSemaphores) {
    return write_semaphore((offset - kSemOffset) / 4, data);
  }
  if (offset >= kDbgCtrlOffset && offset <= kDbgLockOffset) return write_debug(offset, data);
  switch (offset) {
    case kCoreCtrlOffset:
      write_run();
      break;
    case kLaunchOffset:
      set_bits(kIrqStateOffset, kLaunch);
      update_interrupts();
      break;
    case kIrqStateOffset:
    case kSemIrqOffset:
    case kSpaceIrqOffset:
    case kMtimecmpLoOffset:
    case kMtimecmpHiOffset:
      update_interrupts();
      break;
    case kEngineCtrlOffset:
      if ((data & 31) != 0) parts_.engines->flush(data & 31);
      break;
    case kPostOffset:
      write_post(data);
      break;
    case kRouterSelOffset:
      if (parts_.setup.router != nullptr) parts_.setup.router->select(data & 15);
      break;
    case kCountCtrlOffset:
      if ((data & 1) != 0) clear_counts();
      break;
    case kAtomicGoOffset:
      return start_atomic(data & 15);
    default:
      break;
  }
  return true;
}

bool TileRegs::write_debug(std::uint32_t offset, std::uint32_t data) {
  if (offset == kDbgLockOffset) {
    if ((data & 1) != 0) debug_locked_ = true;
  } else if (offset == kDbgCtrlOffset) {
    if ((data & 1) != 0) parts_.core->request_halt();
    if ((data & 6) != 0) parts_.core->resume((data & 4) != 0);
  } else if (offset == kDbgDataOffset) {
    parts_.debug->set_data(get(kDbgDataOffset));
  } else if (offset == kDbgCmdOffset) {
    parts_.debug->command(get(kDbgCmdOffset), get(kDbgAddrOffset));
  }
  return true;
}

bool TileRegs::write_semaphore(unsigned index, std::uint32_t data) {
  const unsigned amount = data & 0xff;
  if ((data >> 31) != 0) {
    if (parts_.engines->semaphore(index) < amount) return false;
    parts_.engines->take(index, amount);
  } else {
    parts_.engines->post(index, amount);
  }
  update_interrupts();
  return true;
}

void TileRegs::write_post(std::uint32_t data) {
  const Node node{data >> 16 & 63, data >> 24 & 63};
  parts_.init->post({node, node}, data & 15, data >> 8 & 0xff, parts_.now() + 1);
}

void TileRegs::write_run() {
  if (parts_.is_ctl || run() == running_) return;
  running_ = run();
  if (running_) {
    parts_.core->start(boot_pc());
  } else {
    parts_.core->hold();
  }
}

bool TileRegs::start_atomic(std::uint32_t operation) {
  const std::uint64_t address =
      get(kAtomicAddrLoOffset) | static_cast<std::uint64_t>(get(kAtomicAddrHiOffset)) << 32;
  return parts_.atomic->start(operation, address, get(kAtomicOperandOffset),
                              get(kAtomicExpectOffset));
}

}  // namespace tsr::hart
