// SPDX-License-Identifier: Apache-2.0
/// Peripherals of the ctl node behind one register bus (rtl/ctl's tsr_ctl_periph).
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"
#include "tlm/hart/periph_small.hpp"
#include "tlm/hart/periph_timer.hpp"
#include "tlm/hart/periph_uart.hpp"
#include "tlm/hart/periph_wdog.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

class CtlPeriph {
 public:
  CtlPeriph(Parts& parts, const CtlSetup& setup);

  void reset();
  /// `offset`: page * 4096 + offset in the page.
  RegAnswer access(const RegAccess& access);
  /// Fast interrupts, bit n is the core's mip[16 + n].
  std::uint32_t interrupts() const;
  bool debug_locked() const { return fuse_.debug_locked(); }
  bool idle() const;

 private:
  Uart uart_;
  Timer timer_;
  Mailbox mailbox_;
  Fuse fuse_;
  Wdog wdog_;
  Sys sys_;
};

}  // namespace tsr::hart
