// SPDX-License-Identifier: Apache-2.0
#include "hart.hpp"

#include <algorithm>
#include <cstring>

#include "regs/tile_regs.hpp"

namespace tsr::debug {
namespace {

using namespace regs::tile;

// Node-local addresses and the core's own: rtl/tile/README.md
constexpr std::uint32_t kRegsBase = 0x0002'0000;
constexpr std::uint32_t kLocalEnd = 0x8000'0000;
constexpr unsigned kWindowBits = 28;

constexpr std::uint32_t kHalt = 1, kResume = 2, kStep = 4;  // DBG_CTRL
constexpr std::uint32_t kBusy = 2, kError = 4;              // DBG_STATUS
constexpr std::uint32_t kWriteCommand = 1U << 17;           // DBG_CMD
constexpr unsigned kDcsr = Hart::kFirstCsr + 0x7b0, kTselect = Hart::kFirstCsr + 0x7a0;
constexpr unsigned kTdata1 = kTselect + 1, kTdata2 = kTselect + 2;
constexpr std::uint32_t kEbreakm = 1U << 15;
constexpr std::uint32_t kEbreak = 0x0010'0073;
constexpr std::uint32_t kTriggerOn = 2U << 28 | 1U << 27 | 1U << 12 | 1U << 6, kNapot = 1U << 7;
constexpr std::uint32_t kTriggerHit = 1U << 20;
constexpr unsigned kPatience = 1000;  // looks at DBG_STATUS, far more than any access takes

/// tdata1's execute, store and load bits.
std::uint32_t watched(StopPoint kind) {
  switch (kind) {
    case StopPoint::kWrite:
      return 2;
    case StopPoint::kRead:
      return 1;
    case StopPoint::kAccess:
      return 3;
    default:
      return 4;
  }
}

}  // namespace

std::uint64_t Hart::register_address(std::uint32_t offset) const {
  return node_address(node_, kRegsBase + offset);
}

std::optional<std::uint32_t> Hart::load(std::uint32_t offset) {
  std::uint32_t value = 0;
  if (!chip_.read(register_address(offset), &value, sizeof(value))) return std::nullopt;
  return value;
}

bool Hart::store(std::uint32_t offset, std::uint32_t value) {
  return chip_.write(register_address(offset), &value, sizeof(value));
}

// ---------------------------------------------------------------- run control

bool Hart::in_reset() { return !is_ctl_ && (load(kCoreCtrlOffset).value_or(0) & 1U) == 0; }

void Hart::request_halt() { store(kDbgCtrlOffset, kHalt); }

void Hart::prepare() {
  const auto dcsr = reg(kDcsr);
  if (!dcsr || (*dcsr & kEbreakm) != 0) return;  // a reset clears it, and the triggers with it
  set_reg(kDcsr, kEbreakm);
  for (unsigned i = 0; i < kTriggers; ++i) {
    if (triggers_[i]) set_trigger(i, triggers_[i]);
  }
}

void Hart::resume() { store(kDbgCtrlOffset, kResume); }
void Hart::step() { store(kDbgCtrlOffset, kStep); }
void Hart::release() { set_reg(kDcsr, 0); }

bool Hart::restart() {
  return !is_ctl_ && store(kCoreCtrlOffset, 0) && store(kDbgCtrlOffset, kHalt) &&
         store(kCoreCtrlOffset, 1);
}

HaltCause Hart::cause() { return static_cast<HaltCause>(reg(kDcsr).value_or(0) >> 6 & 7U); }

// ---------------------------------------------------------------- registers

std::optional<std::uint32_t> Hart::reg(unsigned number) {
  if (!store(kDbgCmdOffset, number)) return std::nullopt;
  for (unsigned i = 0; i < kPatience; ++i) {
    const auto status = load(kDbgStatusOffset);
    if (!status || (*status & kBusy) == 0) {
      if (!status || (*status & kError) != 0) return std::nullopt;
      return load(kDbgDataOffset);
    }
  }
  return std::nullopt;
}

bool Hart::set_reg(unsigned number, std::uint32_t value) {
  if (!store(kDbgDataOffset, value) || !store(kDbgCmdOffset, number | kWriteCommand)) return false;
  for (unsigned i = 0; i < kPatience; ++i) {
    const auto status = load(kDbgStatusOffset);
    if (!status || (*status & kBusy) == 0) return status && (*status & kError) == 0;
  }
  return false;
}

// ---------------------------------------------------------------- memory

std::optional<Hart::Place> Hart::place(std::uint32_t address) {
  if (address < kLocalEnd) return Place{node_address(node_, address), kLocalEnd - address};
  const std::uint32_t window = address >> kWindowBits & 7U;
  const auto base = load(kCoreWinOffset + 4 * window);
  if (!base) return std::nullopt;
  const std::uint32_t offset = address & ((1U << kWindowBits) - 1);
  return Place{static_cast<std::uint64_t>(*base) << kWindowBits | offset,
               (1U << kWindowBits) - offset};
}

bool Hart::copy(bool write, std::uint32_t address, std::uint8_t* data, std::size_t bytes) {
  while (bytes != 0) {
    const auto at = place(address);
    if (!at) return false;
    const auto part = std::min<std::size_t>(bytes, at->room);
    const bool fine =
        write ? chip_.write(at->global, data, part) : chip_.read(at->global, data, part);
    if (!fine) return false;
    address += static_cast<std::uint32_t>(part);
    data += part;
    bytes -= part;
  }
  return true;
}

bool Hart::read(std::uint32_t address, std::uint8_t* data, std::size_t bytes) {
  if (!copy(false, address, data, bytes)) return false;
  for (const auto& [at, original] : software_) {
    for (unsigned i = 0; i < 4; ++i) {
      const std::uint32_t index = at + i - address;
      if (index < bytes) data[index] = static_cast<std::uint8_t>(original >> (8 * i));
    }
  }
  return true;
}

bool Hart::write(std::uint32_t address, const std::uint8_t* data, std::size_t bytes) {
  std::vector<std::uint8_t> copied(data, data + bytes);
  for (auto& [at, original] : software_) {
    for (unsigned i = 0; i < 4; ++i) {
      const std::uint32_t index = at + i - address;
      if (index >= bytes) continue;
      original = (original & ~(0xffU << (8 * i))) | std::uint32_t{data[index]} << (8 * i);
      copied[index] = static_cast<std::uint8_t>(kEbreak >> (8 * i));
    }
  }
  return copy(true, address, copied.data(), bytes);
}

// ---------------------------------------------------------------- breakpoints

bool Hart::set_trigger(unsigned index, const std::optional<Trigger>& trigger) {
  std::uint32_t control = 0, data = 0;
  if (trigger) {
    control = kTriggerOn | watched(trigger->kind);
    data = trigger->address;
    if (trigger->kind != StopPoint::kHardware) {
      // The smallest aligned range of at least a word that holds what is watched: an access counts
      // by its first byte.
      std::uint32_t size = 4;
      const std::uint32_t last = trigger->address + trigger->bytes - 1;
      while (size != 1U << 31 && (trigger->address / size != last / size)) size *= 2;
      control |= kNapot;
      data = (trigger->address & ~(size - 1)) | (size / 2 - 1);
    }
  }
  return set_reg(kTselect, index) && set_reg(kTdata2, data) && set_reg(kTdata1, control);
}

bool Hart::insert(StopPoint kind, std::uint32_t address, std::uint32_t bytes) {
  if (kind == StopPoint::kSoftware) {
    if (address % 4 != 0) return false;
    if (has_breakpoint(address)) return true;
    std::uint32_t original = 0;
    if (!copy(false, address, reinterpret_cast<std::uint8_t*>(&original), 4)) return false;
    std::uint32_t ebreak = kEbreak;
    if (!copy(true, address, reinterpret_cast<std::uint8_t*>(&ebreak), 4)) return false;
    software_[address] = original;
    return true;
  }
  for (unsigned i = 0; i < kTriggers; ++i) {
    if (triggers_[i]) continue;
    const Trigger trigger{kind, address, std::max(bytes, 1U)};
    if (halted() && !set_trigger(i, trigger)) return false;
    triggers_[i] = trigger;  // a core that is in reset gets it when it starts
    return true;
  }
  return false;
}

bool Hart::remove(StopPoint kind, std::uint32_t address, std::uint32_t bytes) {
  if (kind == StopPoint::kSoftware) {
    const auto found = software_.find(address);
    if (found == software_.end()) return true;
    std::uint32_t now = 0;
    bool fine = copy(false, address, reinterpret_cast<std::uint8_t*>(&now), 4);
    // Code that was loaded over the breakpoint stays.
    if (fine && now == kEbreak) {
      fine = copy(true, address, reinterpret_cast<std::uint8_t*>(&found->second), 4);
    }
    software_.erase(found);
    return fine;
  }
  for (unsigned i = 0; i < kTriggers; ++i) {
    auto& trigger = triggers_[i];
    if (!trigger || trigger->kind != kind || trigger->address != address ||
        trigger->bytes != std::max(bytes, 1U)) {
      continue;
    }
    trigger.reset();
    return !halted() || set_trigger(i, trigger);
  }
  return true;
}

void Hart::remove_all() {
  while (!software_.empty()) remove(StopPoint::kSoftware, software_.begin()->first, 4);
  for (unsigned i = 0; i < kTriggers; ++i) {
    if (!triggers_[i]) continue;
    triggers_[i].reset();
    if (halted()) set_trigger(i, triggers_[i]);
  }
}

std::optional<Hart::Hit> Hart::hit() {
  std::optional<Hit> found;
  for (unsigned i = 0; i < kTriggers; ++i) {
    if (!triggers_[i] || !set_reg(kTselect, i)) continue;
    const auto control = reg(kTdata1);
    if (!control || (*control & kTriggerHit) == 0) continue;
    set_reg(kTdata1, *control & ~kTriggerHit);
    if (!found) found = Hit{triggers_[i]->kind, triggers_[i]->address};
  }
  return found;
}

}  // namespace tsr::debug
