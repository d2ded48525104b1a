// SPDX-License-Identifier: Apache-2.0
/// UART (regs/uart.toml): bytes leave at the pace of the line, and the terminal gets the levels of
/// the pin a byte at a time, when the byte's stop bit has begun. The receive pin stays high.
#pragma once

#include <cstdint>
#include <deque>

#include "tlm/hart/parts.hpp"
#include "tlm/hart/reg_block.hpp"

namespace tsr::hart {

class Uart final : public RegBlock {
 public:
  Uart(Parts& parts, UartTerminal& terminal);
  void reset() override;
  bool interrupt() const;
  bool idle() const { return !active_ && (tx_.empty() || !enabled()); }

 private:
  static constexpr std::size_t kDepth = 16;

  std::uint32_t on_read(std::uint32_t offset, std::uint32_t stored) override;
  bool on_write(std::uint32_t offset, std::uint32_t data) override;
  std::uint32_t status() const;
  bool enabled() const;
  bool loopback() const;
  std::uint64_t bit_cycles() const;
  void advance();
  void begin_byte();
  void end_byte();
  void draw(std::uint64_t from) const;

  Parts& parts_;
  UartTerminal& terminal_;
  Alarm alarm_;
  std::deque<std::uint8_t> tx_, rx_;
  bool active_ = false;       ///< a byte is on the line
  std::uint8_t byte_ = 0;     ///< it
  std::uint64_t begun_ = 0;   ///< cycle in which it was taken from the FIFO
  std::uint64_t cycles_ = 8;  ///< of its bits
};

}  // namespace tsr::hart
