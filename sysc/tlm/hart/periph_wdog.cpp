// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/periph_wdog.hpp"

#include <algorithm>

#include "regs/wdog_regs.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

using namespace regs::wdog;

Wdog::Wdog(Parts& parts, HostPort& host)
    : RegBlock(kBlock), parts_(parts), host_(host), alarm_(parts.timeline, [this] { expire(); }) {}

void Wdog::reset() {
  RegBlock::reset();
  alarm_.cancel();
  last_ = fatal_ = false;
}

bool Wdog::interrupt() const { return (get(kStateOffset) & 1) != 0; }
bool Wdog::running() const { return (get(kCtrlOffset) & 1) != 0 && !fatal_; }

std::uint64_t Wdog::limit() const { return std::max(get(kTimeoutOffset), 1U); }

std::uint32_t Wdog::on_read(std::uint32_t offset, std::uint32_t stored) {
  if (offset == kStateOffset) return stored | (last_ ? 2U : 0U) | (fatal_ ? 4U : 0U);
  if (offset != kElapsedOffset) return stored;
  if (!running() || parts_.now() < start_) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(parts_.now() - start_, 0xffffffff));
}

bool Wdog::on_write(std::uint32_t offset, std::uint32_t /*data*/) {
  if (offset == kCtrlOffset || offset == kKickOffset) {
    start_ = parts_.now() + 1;
    last_ = false;
  }
  arm();
  parts_.regs->update_interrupts();
  return true;
}

/// Seen in the cycle behind the one that reaches the limit.
void Wdog::arm() {
  if (!running()) return alarm_.cancel();
  alarm_.set(std::max(start_ + limit(), parts_.now() + 1) + 1);
}

void Wdog::expire() {
  set_bits(kStateOffset, 1);
  fatal_ = last_;
  last_ = true;
  start_ = parts_.now() - 1;
  arm();
  parts_.regs->update_interrupts();
  if (fatal_ && host_.on_watchdog) host_.on_watchdog();
}

}  // namespace tsr::hart
