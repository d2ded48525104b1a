// SPDX-License-Identifier: Apache-2.0
/// Timer: one-shot and periodic interrupt (regs/timer.toml).
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

class Timer final : public RegBlock {
 public:
  explicit Timer(Parts& parts);
  void reset() override;
  bool interrupt() const;
  bool idle() const { return !enabled(); }

 private:
  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;
  bool on_write(std::uint32_t offset, std::uint32_t data) override;
  bool enabled() const;
  std::uint64_t compare() const;
  void arm();
  void expire();

  Parts& parts_;
  Alarm alarm_;
  std::uint32_t high_ = 0;
};

}  // namespace tsr::hart
