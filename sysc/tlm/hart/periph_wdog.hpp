// SPDX-License-Identifier: Apache-2.0
/// Watchdog: first expiry interrupts, a second one without a kick is fatal (regs/wdog.toml).
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

class Wdog final : public RegBlock {
 public:
  Wdog(Parts& parts, HostPort& host);
  void reset() override;
  bool interrupt() const;
  bool idle() const { return !running(); }

 private:
  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;
  bool on_write(std::uint32_t offset, std::uint32_t data) override;
  bool running() const;
  std::uint64_t limit() const;
  void arm();
  void expire();

  Parts& parts_;
  HostPort& host_;
  Alarm alarm_;
  std::uint64_t start_ = 0;
  bool last_ = false;
  bool fatal_ = false;
};

}  // namespace tsr::hart
