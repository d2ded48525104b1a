// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_uart against an independent serial line.
#include "Vctl_uart.h"
#include "periph_bench.hpp"
#include "regs/uart_regs.hpp"
#include "serial.hpp"

namespace {

using namespace tsr::regs::uart;  // offsets of this block only
using tsr::tb::SerialDecoder;
using tsr::tb::SerialEncoder;

constexpr std::uint32_t kDataValid = 1U << 8;
constexpr std::uint32_t kTxFull = 1, kTxIdle = 2, kRxValid = 4, kRxFull = 8;
constexpr std::uint32_t kTxLost = 1, kRxOverflow = 2, kRxFraming = 4;
constexpr std::uint32_t kTxEn = 1, kRxEn = 2, kLoopback = 4;

class Uart : public tsr::tb::PeriphBench<Vctl_uart> {
 protected:
  void SetUp() override {
    PeriphBench::SetUp();
    dut().rx_i = 1;
    reset();
  }

  /// Connects a decoder to tx_o and an encoder to rx_i.
  void connect(double rx_bit, std::uint64_t tx_bit) {
    const bool first = !encoder_;
    decoder_ = std::make_unique<SerialDecoder>(tx_bit);
    encoder_ = std::make_unique<SerialEncoder>(rx_bit);
    if (!first) return;
    before_edge([this] { decoder_->sample(dut().tx_o); });
    after_edge([this] { dut().rx_i = encoder_->next(); });
  }

  std::vector<std::uint8_t> random_bytes(std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rand_in(0, 255));
    return bytes;
  }

  void wait_tx_idle() {
    for (int i = 0; i < 10000000; ++i) {
      if (read(kStatusOffset) & kTxIdle) return;
    }
    FAIL() << "transmitter never idle";
  }

  std::vector<std::uint8_t> drain() {
    std::vector<std::uint8_t> bytes;
    for (;;) {
      const std::uint32_t data = read(kDataOffset);
      if (!(data & kDataValid)) return bytes;
      bytes.push_back(static_cast<std::uint8_t>(data));
    }
  }

  std::unique_ptr<SerialDecoder> decoder_;
  std::unique_ptr<SerialEncoder> encoder_;
};

TEST_F(Uart, IsQuietAfterReset) {
  connect(8, 8);
  EXPECT_EQ(read(kStatusOffset), kTxIdle);
  EXPECT_EQ(read(kDataOffset), 0U);
  run(200);
  EXPECT_TRUE(dut().tx_o);
  EXPECT_TRUE(dut().idle_o);
  EXPECT_FALSE(dut().irq_o);
  EXPECT_TRUE(decoder_->starts.empty());
}

class UartDivisor : public Uart, public testing::WithParamInterface<unsigned> {
 protected:
  std::uint64_t bit() const { return std::max(4U, GetParam()); }
};

TEST_P(UartDivisor, SendsBytesBackToBack) {
  connect(static_cast<double>(bit()), bit());
  write(kDivisorOffset, GetParam());
  const auto bytes = random_bytes(16);
  for (const auto byte : bytes) write(kDataOffset, byte);
  wait_tx_idle();
  run(bit());
  EXPECT_EQ(decoder_->bytes, bytes);
  EXPECT_EQ(decoder_->errors, 0);
  for (std::size_t i = 1; i < decoder_->starts.size(); ++i) {
    EXPECT_EQ(decoder_->starts[i] - decoder_->starts[i - 1], 10 * bit());
  }
}

TEST_P(UartDivisor, ReceivesBytesBackToBack) {
  connect(static_cast<double>(bit()), bit());
  write(kDivisorOffset, GetParam());
  const auto bytes = random_bytes(16);
  for (const auto byte : bytes) encoder_->send(byte);
  while (!encoder_->done()) tick();
  run(4);
  EXPECT_EQ(drain(), bytes);
  EXPECT_EQ(read(kErrorsOffset), 0U);
}

INSTANTIATE_TEST_SUITE_P(Divisors, UartDivisor, testing::Values(0, 4, 5, 7, 8, 16, 87, 1000));

TEST_F(Uart, ToleratesThreePercentOfClockError) {
  for (const double error : {0.97, 1.03}) {
    connect(100 * error, 100);
    write(kDivisorOffset, 100);
    const auto bytes = random_bytes(12);
    for (const auto byte : bytes) encoder_->send(byte);
    while (!encoder_->done()) tick();
    run(100);
    EXPECT_EQ(drain(), bytes);
    EXPECT_EQ(read(kErrorsOffset), 0U);
  }
}

TEST_F(Uart, LosesAndRecordsBytesBeyondAFullTransmitFifo) {
  connect(8, 8);
  write(kCtrlOffset, kRxEn);
  for (unsigned i = 0; i < 16; ++i) {
    EXPECT_EQ((read(kStatusOffset) >> 8) & 0x1f, i);
    write(kDataOffset, i);
  }
  EXPECT_TRUE(read(kStatusOffset) & kTxFull);
  EXPECT_EQ(read(kErrorsOffset), 0U);
  write(kDataOffset, 99);
  EXPECT_EQ(read(kErrorsOffset), kTxLost);
  write(kErrorsOffset, kTxLost);
  EXPECT_EQ(read(kErrorsOffset), 0U);
  EXPECT_TRUE(decoder_->starts.empty()) << "sent while disabled";
  write(kCtrlOffset, kRxEn | kTxEn);
  wait_tx_idle();
  ASSERT_EQ(decoder_->bytes.size(), 16U);
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(decoder_->bytes[i], i);
}

TEST_F(Uart, KeepsTheFirstSixteenReceivedBytesAndRecordsOverflow) {
  connect(8, 8);
  const auto bytes = random_bytes(17);
  for (const auto byte : bytes) encoder_->send(byte);
  for (int i = 0; i < 16 * 80 + 8; ++i) tick();
  EXPECT_TRUE(read(kStatusOffset) & kRxFull);
  EXPECT_EQ(read(kErrorsOffset), 0U);
  run(100);
  EXPECT_EQ(read(kErrorsOffset), kRxOverflow);
  EXPECT_EQ(drain(), std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + 16));
}

TEST_F(Uart, DropsBytesWithoutStopBitAndRecovers) {
  connect(8, 8);
  encoder_->send(0x31);
  encoder_->send_without_stop(0x32);
  encoder_->hold(false, 300);  // a long break is one error
  encoder_->hold(true, 8);
  encoder_->send(0x33);
  while (!encoder_->done()) tick();
  run(10);
  EXPECT_EQ(drain(), (std::vector<std::uint8_t>{0x31, 0x33}));
  EXPECT_EQ(read(kErrorsOffset), kRxFraming);
  write(kErrorsOffset, kRxFraming);
  EXPECT_EQ(read(kErrorsOffset), 0U);
}

TEST_F(Uart, IgnoresGlitchesShorterThanHalfABit) {
  connect(16, 16);
  write(kDivisorOffset, 16);
  for (int width = 1; width <= 7; ++width) {
    encoder_->hold(false, width);
    encoder_->hold(true, 40);
  }
  encoder_->send(0x55);
  while (!encoder_->done()) tick();
  run(20);
  EXPECT_EQ(drain(), (std::vector<std::uint8_t>{0x55}));
  EXPECT_EQ(read(kErrorsOffset), 0U);
}

TEST_F(Uart, ReceiverOffDropsTheByteUnderWay) {
  connect(8, 8);
  encoder_->send(0x00);
  run(30);
  write(kCtrlOffset, kTxEn);
  run(60);
  EXPECT_TRUE(encoder_->done());
  write(kCtrlOffset, kTxEn | kRxEn);
  encoder_->send(0x7e);
  while (!encoder_->done()) tick();
  run(10);
  EXPECT_EQ(drain(), (std::vector<std::uint8_t>{0x7e}));
}

TEST_F(Uart, LoopbackReturnsBytesAndKeepsThePinHigh) {
  connect(8, 8);
  write(kCtrlOffset, kTxEn | kRxEn | kLoopback);
  const auto bytes = random_bytes(16);
  for (const auto byte : bytes) write(kDataOffset, byte);
  encoder_->send(0x11);  // the pin is not heard
  wait_tx_idle();
  run(10);
  EXPECT_EQ(drain(), bytes);
  EXPECT_TRUE(decoder_->starts.empty());
}

TEST_F(Uart, InterruptsFollowTheirSources) {
  connect(8, 8);
  const auto irq = [this] {
    settle();
    return dut().irq_o != 0;
  };
  EXPECT_FALSE(irq());
  write(kIrqEnableOffset, 1);  // receive
  EXPECT_FALSE(irq());
  encoder_->send(1);
  run(100);
  EXPECT_TRUE(irq());
  EXPECT_TRUE(read(kStatusOffset) & kRxValid);
  read(kDataOffset);
  EXPECT_FALSE(irq());
  EXPECT_FALSE(read(kStatusOffset) & kRxValid);
  write(kIrqEnableOffset, 2);  // transmit FIFO at most half full
  EXPECT_TRUE(irq());
  write(kCtrlOffset, kRxEn);
  for (int i = 0; i < 8; ++i) write(kDataOffset, 0);
  EXPECT_TRUE(irq());
  write(kDataOffset, 0);
  EXPECT_FALSE(irq());
  write(kIrqEnableOffset, 4);  // errors
  EXPECT_FALSE(irq());
  encoder_->send_without_stop(1);
  run(100);
  EXPECT_TRUE(irq());
  write(kErrorsOffset, kRxFraming);
  EXPECT_FALSE(irq());
}

TEST_F(Uart, IsAwakeWhileAnythingMoves) {
  connect(8, 8);
  write(kDataOffset, 0xff);  // after its start bit the line is high all the time
  for (int i = 0; i < 78; ++i) {
    settle();
    ASSERT_FALSE(dut().idle_o) << i;
    tick();
  }
  run(10);
  EXPECT_TRUE(dut().idle_o);
  encoder_->send(0xff);
  tick();
  for (int i = 0; i < 70; ++i) {
    settle();
    ASSERT_FALSE(dut().idle_o) << i;
    tick();
  }
  run(20);
  EXPECT_TRUE(dut().idle_o);
}

TEST_F(Uart, CarriesRandomTrafficBothWays) {
  connect(4, 4);
  write(kDivisorOffset, 4);
  std::vector<std::uint8_t> sent, written, received;
  unsigned in_flight = 0;
  for (int i = 0; i < 60000; ++i) {
    if (chance(0.02) && in_flight < 12) {
      sent.push_back(static_cast<std::uint8_t>(rand_in(0, 255)));
      encoder_->send(sent.back());
      if (chance(0.5)) encoder_->hold(true, static_cast<double>(rand_in(1, 60)));
      ++in_flight;
    }
    if (chance(0.05)) {
      const auto byte = static_cast<std::uint8_t>(rand_in(0, 255));
      if (!(read(kStatusOffset) & kTxFull)) {
        write(kDataOffset, byte);
        written.push_back(byte);
      }
    } else if (chance(0.05)) {
      const std::uint32_t data = read(kDataOffset);
      if (data & kDataValid) {
        received.push_back(static_cast<std::uint8_t>(data));
        --in_flight;
      }
    } else {
      tick();
    }
  }
  while (!encoder_->done()) tick();
  wait_tx_idle();
  for (const auto byte : drain()) received.push_back(byte);
  EXPECT_GT(sent.size(), 300U);
  EXPECT_EQ(received, sent);
  EXPECT_EQ(decoder_->bytes, written);
  EXPECT_EQ(decoder_->errors, 0);
  EXPECT_EQ(read(kErrorsOffset), 0U);
}

}  // namespace
