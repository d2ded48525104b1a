// SPDX-License-Identifier: Apache-2.0
/// The terminal on the chip's UART.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "uart/uart_terminal.hpp"

namespace tsr {
namespace {

/// Drives a terminal as an 8N1 transmitter with `bit` cycles a bit would.
class Line {
 public:
  Line(UartTerminal& terminal, unsigned bit) : terminal_(terminal), bit_(bit) {}

  void level(bool high, unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) terminal_.sample(now_++, high);
  }
  void send(char c, bool stop = true) {
    level(false, bit_);
    for (unsigned i = 0; i < 8; ++i) level((static_cast<unsigned char>(c) >> i & 1) != 0, bit_);
    level(stop, bit_);
  }
  void skip(std::uint64_t cycles) { now_ += cycles; }

 private:
  UartTerminal& terminal_;
  unsigned bit_;
  std::uint64_t now_ = 0;
};

TEST(UartTerminal, DecodesLinesAtSeveralRates) {
  for (const unsigned bit : {4U, 5U, 8U, 16U, 217U}) {
    std::vector<std::string> lines;
    UartTerminal terminal(bit, [&](const std::string& line) { lines.push_back(line); });
    Line line(terminal, bit);
    line.level(true, 3 * bit);
    for (const char c : std::string("one\r\ntwo ~\n")) line.send(c);
    line.skip(10'000);  // the chip slept
    for (const char c : std::string("three")) line.send(c);
    terminal.flush();
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two ~", "three"})) << bit;
    EXPECT_EQ(terminal.framing_errors(), 0U);
  }
}

TEST(UartTerminal, DropsCharactersWithoutStopBitAndIgnoresGlitches) {
  UartTerminal terminal(8, {});
  Line line(terminal, 8);
  line.level(false, 2);  // shorter than half a bit
  line.level(true, 100);
  line.send('a', false);
  line.level(true, 20);
  line.send('b');
  EXPECT_EQ(terminal.text(), "b");
  EXPECT_EQ(terminal.framing_errors(), 1U);
}

}  // namespace
}  // namespace tsr
