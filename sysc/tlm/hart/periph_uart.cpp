// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/periph_uart.hpp"

#include <algorithm>

#include "regs/uart_regs.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

using namespace regs::uart;

namespace {

constexpr std::uint64_t kFrameBits = 10;
constexpr std::uint64_t kToPin = 2;  // from the FIFO to the pin
constexpr std::uint32_t kTxLost = 1, kRxOverflow = 2;

}  // namespace

Uart::Uart(Parts& parts, UartTerminal& terminal)
    : RegBlock(kBlock),
      parts_(parts),
      terminal_(terminal),
      alarm_(parts.timeline, [this] { advance(); }) {}

void Uart::reset() {
  RegBlock::reset();
  alarm_.cancel();
  tx_.clear();
  rx_.clear();
  active_ = false;
}

bool Uart::enabled() const { return (get(kCtrlOffset) & 1) != 0; }
bool Uart::loopback() const { return (get(kCtrlOffset) & 4) != 0; }
std::uint64_t Uart::bit_cycles() const { return std::max(get(kDivisorOffset), 4U); }

bool Uart::interrupt() const {
  const std::uint32_t enable = get(kIrqEnableOffset);
  return ((enable & 1) != 0 && !rx_.empty()) || ((enable & 2) != 0 && tx_.size() <= kDepth / 2) ||
         ((enable & 4) != 0 && get(kErrorsOffset) != 0);
}

std::uint32_t Uart::status() const {
  return (tx_.size() == kDepth ? 1U : 0U) | (tx_.empty() && !active_ ? 2U : 0U) |
         (!rx_.empty() ? 4U : 0U) | (rx_.size() == kDepth ? 8U : 0U) |
         static_cast<std::uint32_t>(tx_.size()) << 8 | static_cast<std::uint32_t>(rx_.size()) << 16;
}

std::uint32_t Uart::on_read(std::uint32_t offset, std::uint32_t stored) {
  if (offset == kStatusOffset) return status();
  if (offset != kDataOffset) return stored;
  if (rx_.empty()) return 0;
  const std::uint32_t byte = rx_.front();
  rx_.pop_front();
  parts_.regs->update_interrupts();
  return byte | 1U << 8;
}

bool Uart::on_write(std::uint32_t offset, std::uint32_t data) {
  if (offset == kDataOffset) {
    if (tx_.size() < kDepth) {
      tx_.push_back(static_cast<std::uint8_t>(data));
    } else {
      set_bits(kErrorsOffset, kTxLost);
    }
  }
  if (!active_ && !tx_.empty() && enabled() && !alarm_.armed()) alarm_.set(parts_.now() + 1);
  parts_.regs->update_interrupts();
  return true;
}

void Uart::advance() {
  if (active_) end_byte();
  if (!tx_.empty() && enabled()) begin_byte();
  parts_.regs->update_interrupts();
}

void Uart::begin_byte() {
  byte_ = tx_.front();
  tx_.pop_front();
  active_ = true;
  begun_ = parts_.now();
  cycles_ = bit_cycles();
  alarm_.set(begun_ + kFrameBits * cycles_);
}

void Uart::end_byte() {
  active_ = false;
  if (!loopback()) return draw(begun_ + kToPin);
  if ((get(kCtrlOffset) & 2) == 0) return;  // the receiver is off
  if (rx_.size() < kDepth) {
    rx_.push_back(byte_);
  } else {
    set_bits(kErrorsOffset, kRxOverflow);
  }
}

/// The pin's levels of the byte: start bit, eight bits, stop bit.
void Uart::draw(std::uint64_t from) const {
  const unsigned frame = static_cast<unsigned>(byte_) << 1 | 1U << 9;
  for (std::uint64_t cycle = 0; cycle < kFrameBits * cycles_; ++cycle) {
    terminal_.sample(from + cycle, (frame >> (cycle / cycles_) & 1U) != 0);
  }
}

}  // namespace tsr::hart
