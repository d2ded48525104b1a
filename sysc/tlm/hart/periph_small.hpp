// SPDX-License-Identifier: Apache-2.0
/// Peripherals without time: mailbox, fuses, what chip this is.
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

/// Mailbox between host and firmware (regs/mailbox.toml).
class Mailbox final : public RegBlock {
 public:
  Mailbox(Parts& parts, HostPort& host);
  void reset() override;
  bool interrupt() const;

 private:
  bool on_write(std::uint32_t offset, std::uint32_t data) override;
  void update_pin();

  Parts& parts_;
  HostPort& host_;
  bool pin_ = false;
};

/// Fuse map and debug lock (regs/fuse.toml).
class Fuse final : public RegBlock {
 public:
  explicit Fuse(const ChipFuses& fuses);
  void reset() override;
  bool debug_locked() const { return locked_ && !fuses_.debug_open; }

 private:
  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;
  bool on_write(std::uint32_t offset, std::uint32_t data) override;

  ChipFuses fuses_;
  bool locked_ = false;
};

/// Straps (regs/sys.toml).
class Sys final : public RegBlock {
 public:
  Sys(const ChipConfig& config, const ChipFuses& fuses);

 private:
  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;

  ChipConfig config_;
  std::uint64_t tiles_;
};

}  // namespace tsr::hart
