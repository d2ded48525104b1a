// SPDX-License-Identifier: Apache-2.0
/// Terminal on the chip's UART: decodes the transmit pin (8N1) and hands out whole lines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tsr {

/// Decodes one serial line, clocked by the chip.
class UartTerminal {
 public:
  using Sink = std::function<void(const std::string& line)>;

  /// `cycles_per_bit`: as the firmware programs the UART. `sink` gets every line without its end;
  /// it may be empty.
  UartTerminal(unsigned cycles_per_bit, Sink sink)
      : cycles_per_bit_(cycles_per_bit), sink_(std::move(sink)) {}

  /// Level of the pin after the clock edge of cycle `now`. Cycles may be left out while it is high
  /// and idle.
  void sample(std::uint64_t now, bool level) {
    if (!receiving_) {
      if (level) return;
      start(now);
    } else if (now >= next_sample_) {
      take_bit(level);
    }
  }

  /// Hand out an unfinished last line.
  void flush();
  /// Hand out nothing from now on.
  void silence() { sink_ = nullptr; }
  /// Everything received so far.
  const std::string& text() const { return text_; }
  /// Characters whose stop bit was missing.
  std::uint64_t framing_errors() const { return framing_errors_; }

 private:
  void start(std::uint64_t now);
  void take_bit(bool level);

  unsigned cycles_per_bit_;
  Sink sink_;
  bool receiving_ = false;
  unsigned bit_ = 0;  ///< 0 start, 1..8 data, 9 stop
  unsigned shift_ = 0;
  std::uint64_t next_sample_ = 0;
  std::string line_;
  std::string text_;
  std::uint64_t framing_errors_ = 0;
};

}  // namespace tsr
