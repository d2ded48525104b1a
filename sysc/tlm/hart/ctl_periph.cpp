// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/ctl_periph.hpp"

namespace tsr::hart {

CtlPeriph::CtlPeriph(Parts& parts, const CtlSetup& setup)
    : uart_(parts, *setup.uart),
      timer_(parts),
      mailbox_(parts, *setup.host),
      fuse_(setup.fuses),
      wdog_(parts, *setup.host),
      sys_(parts.config, setup.fuses) {}

void CtlPeriph::reset() {
  RegBlock* const pages[] = {&uart_, &timer_, &mailbox_, &fuse_, &wdog_, &sys_};
  for (RegBlock* page : pages) page->reset();
}

RegAnswer CtlPeriph::access(const RegAccess& access) {
  RegBlock* const pages[] = {&uart_, &timer_, &mailbox_, &fuse_, &wdog_, &sys_};
  const std::uint32_t page = access.offset >> 12;
  if (page >= sizeof pages / sizeof pages[0]) return {true, 0};
  RegAccess inside = access;
  inside.offset &= 0xfff;
  return pages[page]->access(inside);
}

std::uint32_t CtlPeriph::interrupts() const {
  return (uart_.interrupt() ? 1U << 8 : 0U) | (timer_.interrupt() ? 1U << 9 : 0U) |
         (mailbox_.interrupt() ? 1U << 10 : 0U) | (wdog_.interrupt() ? 1U << 11 : 0U);
}

bool CtlPeriph::idle() const { return uart_.idle() && timer_.idle() && wdog_.idle(); }

}  // namespace tsr::hart
