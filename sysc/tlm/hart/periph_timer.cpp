// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/periph_timer.hpp"

#include <algorithm>

#include "regs/timer_regs.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

using namespace regs::timer;

Timer::Timer(Parts& parts)
    : RegBlock(kBlock), parts_(parts), alarm_(parts.timeline, [this] { expire(); }) {}

void Timer::reset() {
  RegBlock::reset();
  alarm_.cancel();
}

bool Timer::interrupt() const { return (get(kIrqStateOffset) & 1) != 0; }
bool Timer::enabled() const { return (get(kCtrlOffset) & 1) != 0; }

std::uint64_t Timer::compare() const {
  return get(kCompareLoOffset) | static_cast<std::uint64_t>(get(kCompareHiOffset)) << 32;
}

std::uint32_t Timer::on_read(std::uint32_t offset, std::uint32_t stored) {
  if (offset == kTimeHiOffset) return high_;
  if (offset != kTimeLoOffset) return stored;
  high_ = static_cast<std::uint32_t>(parts_.now() >> 32);
  return static_cast<std::uint32_t>(parts_.now());
}

bool Timer::on_write(std::uint32_t /*offset*/, std::uint32_t /*data*/) {
  arm();
  parts_.regs->update_interrupts();
  return true;
}

/// An expiry is seen in the cycle behind the one that reaches COMPARE; a write acts a cycle later.
void Timer::arm() {
  if (!enabled() || compare() == Timeline::kNever) return alarm_.cancel();
  alarm_.set(std::max(compare(), parts_.now() + 1) + 1);
}

void Timer::expire() {
  const std::uint64_t reached = parts_.now() - 1;
  const std::uint64_t period = get(kPeriodOffset);
  set_bits(kIrqStateOffset, interrupt() ? 3 : 1);
  if (period == 0) {
    set(kCtrlOffset, 0);
  } else {
    std::uint64_t next = compare() + period;
    if (next <= reached) next = reached + period;
    set(kCompareLoOffset, static_cast<std::uint32_t>(next));
    set(kCompareHiOffset, static_cast<std::uint32_t>(next >> 32));
    alarm_.set(std::max(next, parts_.now()) + 1);
  }
  parts_.regs->update_interrupts();
}

}  // namespace tsr::hart
