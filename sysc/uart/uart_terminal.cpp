// SPDX-License-Identifier: Apache-2.0
#include "uart_terminal.hpp"

namespace tsr {

void UartTerminal::start(std::uint64_t now) {
  receiving_ = true;
  bit_ = 0;
  shift_ = 0;
  next_sample_ = now + cycles_per_bit_ / 2;
}

void UartTerminal::take_bit(bool level) {
  next_sample_ += cycles_per_bit_;
  if (bit_ == 0) {
    receiving_ = !level;  // a glitch shorter than half a bit is no start bit
    ++bit_;
    return;
  }
  if (bit_ <= 8) {
    shift_ |= static_cast<unsigned>(level) << (bit_ - 1);
    ++bit_;
    return;
  }
  receiving_ = false;
  if (!level) {
    ++framing_errors_;
    return;
  }
  const char c = static_cast<char>(shift_);
  text_ += c;
  if (c == '\n') {
    flush();
  } else if (c != '\r') {
    line_ += c;
  }
}

void UartTerminal::flush() {
  if (line_.empty()) return;
  if (sink_) sink_(line_);
  line_.clear();
}

}  // namespace tsr
