// SPDX-License-Identifier: Apache-2.0
#include "tlm/memory/memory_regs.hpp"

#include <algorithm>

#include "regs/hbm_regs.hpp"

namespace tsr {
namespace {

using namespace regs::hbm;

constexpr std::uint32_t kMemoryKind = 2;
constexpr std::uint64_t kBlockBytes = 64;

/// rtl/hbm/tsr_hbm_init: cycles between start and end, beside the DRAM's own times.
constexpr std::uint64_t kResetCycles = 8, kAnswerCycles = 128, kInitSteps = 9;

struct TimingRegister {
  std::uint32_t offset;
  int DramTiming::*member;
};
constexpr TimingRegister kTimings[] = {
    {kTClOffset, &DramTiming::cl},       {kTCwlOffset, &DramTiming::cwl},
    {kTCcdSOffset, &DramTiming::ccd_s},  {kTCcdLOffset, &DramTiming::ccd_l},
    {kTRcdrdOffset, &DramTiming::rcdrd}, {kTRcdwrOffset, &DramTiming::rcdwr},
    {kTRpOffset, &DramTiming::rp},       {kTRasOffset, &DramTiming::ras},
    {kTRcOffset, &DramTiming::rc},       {kTRrdSOffset, &DramTiming::rrd_s},
    {kTRrdLOffset, &DramTiming::rrd_l},  {kTFawOffset, &DramTiming::faw},
    {kTPpdOffset, &DramTiming::ppd},     {kTWrOffset, &DramTiming::wr},
    {kTRtpOffset, &DramTiming::rtp},     {kTWtrSOffset, &DramTiming::wtr_s},
    {kTWtrLOffset, &DramTiming::wtr_l},  {kTRtwOffset, &DramTiming::rtw},
    {kTRefiOffset, &DramTiming::refi},   {kTRfcabOffset, &DramTiming::rfcab},
    {kTRfcpbOffset, &DramTiming::rfcpb}, {kTRrefdOffset, &DramTiming::rrefd},
    {kTInitOffset, &DramTiming::init},   {kTModOffset, &DramTiming::mod},
    {kTCkeOffset, &DramTiming::cke},     {kTXpOffset, &DramTiming::xp},
    {kTXsOffset, &DramTiming::xs}};

std::uint64_t half(int clocks) { return static_cast<std::uint64_t>(clocks) / 2 + 1; }

}  // namespace

MemoryRegs::MemoryRegs(const MemoryParts& parts, MemoryStore& store,
                       std::array<DramTime, kDramPcs>& time)
    : parts_(parts), store_(store), time_(time) {
  reset();
}

void MemoryRegs::reset() {
  for (const auto& reg : kBlock) {
    std::uint32_t initial = 0;
    for (const auto& field : reg) initial |= field.reset << field.lsb;
    value(reg.offset) = initial;
  }
  init_at_ = kNever;
  failed_ = false;
  ecc_ = true;
  scrubs_ = false;
  store_.injection = {};
  clear(0);
}

DramTiming MemoryRegs::timing() const {
  DramTiming t;
  t.bl = parts_.device.bl;
  for (const auto& entry : kTimings) t.*entry.member = static_cast<int>(value(entry.offset));
  return t;
}

void MemoryRegs::initialize(std::uint64_t cycle) {
  if (init_at_ != kNever && !(failed_ && init_at_ <= cycle)) return;
  const DramTiming t = timing();
  failed_ = t.cl != parts_.device.cl;  // the mode registers do not come back when they should
  init_at_ = cycle + kResetCycles + half(t.init) + 3 * half(t.mod) + half(t.rfcab) + kAnswerCycles +
             kInitSteps;
  for (auto& channel : time_) channel.start(t, init_at_);
}

bool MemoryRegs::asleep() const { return (value(kCtrlOffset) & 2U) != 0; }

std::uint32_t MemoryRegs::status(std::uint64_t cycle) const {
  const bool started = init_at_ != kNever;
  const bool over = started && init_at_ <= cycle;
  std::uint32_t bits = 1U << 3;
  if (over && !failed_) bits |= 1U;
  if (over && failed_) bits |= 1U << 1 | 3U << 4;
  if (started && !over) bits |= 1U << 2;
  if (over && asleep()) bits |= 3U << 6;
  const std::uint32_t idle = value(kPowerOffset) & 0xfffU;
  if (over && !asleep() && idle != 0 && cycle > last_access_ + idle) bits |= 3U << 8;
  return bits;
}

std::uint64_t MemoryRegs::mode_counter(unsigned pc, unsigned which) const {
  constexpr unsigned kHighReads = 7;
  return which == kHighReads ? time_[pc].high_reads() : 0;
}

std::uint64_t MemoryRegs::counter(std::uint64_t cycle) {
  const std::uint32_t select = value(kCountSelOffset) & 0x7fU;
  const unsigned pc = select >> 4 & 1U;
  const unsigned which = select & 15U;
  switch (select >> 5) {
    case 0:
      if (which == DramTime::kRefreshes) {
        return time_[pc].refreshes(cycle) - cleared_refreshes_[pc];
      }
      return which < 14 ? time_[pc].counts().value[which] : 0;
    case 1:
      return select == 32 ? cycle - start_ : select == 33 ? refused_ : 0;
    case 2:
      return time_[pc].counts().latency[which];
    default:
      return mode_counter(pc, which);
  }
}

/// Registers that hardware writes.
std::uint32_t MemoryRegs::live(std::uint32_t offset, std::uint64_t cycle) {
  switch (offset) {
    case kIdOffset:
      return parts_.node.x | parts_.node.y << 8 | kMemoryKind << 16;
    case kCapacityOffset:
      return parts_.config->mem_mib | kDramPcs << 16;
    case kStatusOffset:
      return status(cycle);
    case kTBlOffset:
      return static_cast<std::uint32_t>(parts_.device.bl);
    case kErrAddrLoOffset:
      return static_cast<std::uint32_t>(err_address_);
    case kErrAddrHiOffset:
      return static_cast<std::uint32_t>(err_address_ >> 32) & 0xffffffU;
    case kErrInfoOffset:
      return err_info_;
    case kCountLoOffset: {
      const std::uint64_t count = counter(cycle);
      count_high_ = static_cast<std::uint32_t>(count >> 32);
      return static_cast<std::uint32_t>(count);
    }
    case kCountHiOffset:
      return count_high_;
    case kRouterCountOffset:
      return parts_.router != nullptr ? parts_.router->count() : 0;
    case kEccFixedCountOffset:
      return fixed_count_;
    case kEccLostCountOffset:
      return lost_count_;
    case kEccFixedAddrOffset:
      return fixed_.address;
    case kEccFixedInfoOffset:
      return fixed_.info;
    case kEccLostAddrOffset:
      return lost_.address;
    case kEccLostInfoOffset:
      return lost_.info;
    case kEccInjectOffset:
      return (value(offset) & 0x7fffffffU) | (store_.injection.arm ? 1U << 31 : 0);
    case kRmwCountOffset:
      return modifies_;
    case kAtomicCountOffset:
      return atomics_;
    case kScrubAddrOffset:
      return static_cast<std::uint32_t>(scrub_block_ * kBlockBytes);
    case kScrubCountOffset:
      return scrub_count_;
    case kScrubFixedOffset:
      return repaired_;
    default:
      return value(offset);
  }
}

std::optional<std::uint32_t> MemoryRegs::read(std::uint32_t offset, std::uint64_t cycle) {
  const auto* reg = kBlock.find(offset);
  if (reg == nullptr) return std::nullopt;
  std::uint32_t readable = 0;
  for (const auto& field : *reg) readable |= field.readable() ? field.mask() : 0;
  return live(offset, cycle) & readable;
}

bool MemoryRegs::write(std::uint32_t offset, std::uint32_t data, std::uint32_t mask,
                       std::uint64_t cycle) {
  const auto* reg = kBlock.find(offset);
  if (reg == nullptr || !reg->writable()) return false;
  std::uint32_t now = value(offset);
  for (const auto& field : *reg) {
    const std::uint32_t bits = field.mask() & mask;
    if (field.access == regs::Access::kRw) now = (now & ~bits) | (data & bits);
    if (field.access == regs::Access::kRw1c) now &= ~(data & bits);
  }
  value(offset) = now;
  written(offset, data & mask, cycle);
  return true;
}

/// What writing a register does.
void MemoryRegs::written(std::uint32_t offset, std::uint32_t data, std::uint64_t cycle) {
  switch (offset) {
    case kCtrlOffset:
      if ((data & 1U) != 0) initialize(cycle);
      break;
    case kSchedOffset:
      for (auto& channel : time_) {
        channel.set_drain(value(offset) >> 8 & 0x7fU, value(offset) & 0x7fU);
      }
      break;
    case kCountCtrlOffset:
      if ((data & 1U) != 0) clear(cycle);
      break;
    case kRouterSelOffset:
      if (parts_.router != nullptr) parts_.router->select(value(offset) & 15U);
      break;
    case kEccCtrlOffset:
    case kScrubCtrlOffset: {
      const bool before = scrubs_;
      ecc_ = (value(kEccCtrlOffset) & 1U) != 0;
      scrubs_ = ecc_ && (value(kScrubCtrlOffset) & 1U) != 0;
      if (scrubs_ && !before) scrubbed_to_ = cycle;
      break;
    }
    case kEccInjectOffset: {
      const std::uint32_t word = value(offset);
      store_.injection = {(word >> 31) != 0, (word >> 24 & 1U) != 0, word & 0x1ffU,
                          word >> 12 & 0x1ffU};
      break;
    }
    default:
      break;
  }
}

void MemoryRegs::clear(std::uint64_t cycle) {
  for (unsigned pc = 0; pc < kDramPcs; ++pc) {
    time_[pc].clear_counts();
    cleared_refreshes_[pc] = time_[pc].refreshes(cycle);
  }
  start_ = cycle;
  refused_ = 0;
  fixed_count_ = lost_count_ = modifies_ = atomics_ = scrub_count_ = repaired_ = 0;
}

void MemoryRegs::refuse(std::uint64_t address, Node source, Kind kind, Err err, std::uint8_t tag) {
  ++refused_;
  std::uint32_t& flags = value(kErrStatusOffset);
  if ((flags & 1U) != 0) {
    flags |= 2U;
    return;
  }
  flags |= 1U;
  err_address_ = address;
  err_info_ = source.x | source.y << 8 | static_cast<std::uint32_t>(kind) << 16 |
              static_cast<std::uint32_t>(err) << 20 | std::uint32_t{tag} << 24;
}

void MemoryRegs::note_events(bool scrub) {
  for (const EccEvent& event : store_.take_events()) {
    const std::uint32_t flag = event.lost ? 2U : 1U;
    ++(event.lost ? lost_count_ : fixed_count_);
    std::uint32_t& flags = value(kEccStatusOffset);
    if ((flags & flag) == 0) {
      (event.lost ? lost_ : fixed_) = {static_cast<std::uint32_t>(event.atom),
                                       event.syndrome | (scrub ? 1U << 16 : 0)};
    }
    flags |= flag;
  }
}

void MemoryRegs::scrub_to(std::uint64_t cycle) {
  if (!scrubs_ || !serves(cycle)) {
    scrubbed_to_ = std::max(scrubbed_to_, cycle);
    return;
  }
  const std::uint64_t interval = std::max<std::uint32_t>(1, value(kScrubCtrlOffset) >> 8);
  const std::uint64_t blocks = (std::uint64_t{parts_.config->mem_mib} << 20) / kBlockBytes;
  if (cycle <= scrubbed_to_) return;
  std::uint64_t due = (cycle - scrubbed_to_) / interval;
  scrubbed_to_ += due * interval;
  scrub_count_ += static_cast<std::uint32_t>(due);
  if (store_.sound()) {
    scrub_block_ = (scrub_block_ + due) % blocks;
    return;
  }
  for (; due != 0; --due) {
    if (store_.scrub(scrub_block_ * kBlockBytes)) ++repaired_;
    scrub_block_ = (scrub_block_ + 1) % blocks;
  }
  note_events(true);
}

}  // namespace tsr
