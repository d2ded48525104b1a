// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_mailbox.
#include "Vctl_mailbox.h"
#include "periph_bench.hpp"
#include "regs/mailbox_regs.hpp"

namespace {

using namespace tsr::regs::mailbox;  // offsets of this block only

class Mailbox : public tsr::tb::PeriphBench<Vctl_mailbox> {
 protected:
  void SetUp() override {
    PeriphBench::SetUp();
    reset();
  }

  bool doorbell() {
    settle();
    return dut().irq_o != 0;
  }
  bool host_irq() {
    settle();
    return dut().host_irq_o != 0;
  }
};

TEST_F(Mailbox, KeepsWordsOfHostAndFirmwareApart) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> words = {{kStatusOffset, 0}};
  for (std::uint32_t i = 0; i < 4; ++i) {
    words.push_back({kArgOffset + 4 * i, 0});
    words.push_back({kDetailOffset + 4 * i, 0});
  }
  for (auto& [offset, value] : words) {
    value = static_cast<std::uint32_t>(rng()());
    write(offset, value);
  }
  for (const auto& [offset, value] : words) EXPECT_EQ(read(offset), value) << offset;
  EXPECT_FALSE(doorbell());
  EXPECT_FALSE(host_irq());
}

TEST_F(Mailbox, CommandRingsUntilTheFirmwareTakesIt) {
  write(kArgOffset, 0x1234);
  write(kCmdOffset, 3);
  tick();
  EXPECT_TRUE(doorbell());
  run(20);
  EXPECT_TRUE(doorbell());
  EXPECT_EQ(read(kDoorbellOffset), 1U);
  EXPECT_EQ(read(kCmdOffset), 3U);
  write(kDoorbellOffset, 1);
  EXPECT_FALSE(doorbell());
  EXPECT_EQ(read(kDoorbellOffset), 0U);
  EXPECT_FALSE(host_irq());
}

TEST_F(Mailbox, SameCommandTwiceRingsTwice) {
  for (int i = 0; i < 2; ++i) {
    write(kCmdOffset, 3);
    tick();
    EXPECT_TRUE(doorbell());
    write(kDoorbellOffset, 1);
    EXPECT_FALSE(doorbell());
  }
}

TEST_F(Mailbox, ACommandThatArrivesWhileTheLastIsClearedIsNotLost) {
  write(kCmdOffset, 1);
  tick();
  write(kCmdOffset, 2);
  write(kDoorbellOffset, 1);  // in the cycle in which the second command sets it
  EXPECT_TRUE(doorbell());
}

TEST_F(Mailbox, FirmwareInterruptsTheHostUntilTheHostClearsIt) {
  write(kHostRaiseOffset, 1);
  EXPECT_FALSE(host_irq());
  run(2);
  EXPECT_TRUE(host_irq());
  EXPECT_EQ(read(kHostIrqOffset), 1U);
  write(kHostRaiseOffset, 2);
  run(2);
  EXPECT_EQ(read(kHostIrqOffset), 3U);
  write(kHostIrqOffset, 1);
  run(2);
  EXPECT_TRUE(host_irq()) << "STATUS is still pending";
  write(kHostIrqOffset, 2);
  run(2);
  EXPECT_FALSE(host_irq());
  write(kHostRaiseOffset, 0);
  run(3);
  EXPECT_FALSE(host_irq());
  EXPECT_FALSE(doorbell());
}

TEST_F(Mailbox, IsAwakeUntilAllOutputsSettled) {
  settle();
  EXPECT_TRUE(dut().idle_o);
  write(kHostRaiseOffset, 1);
  for (int i = 0; i < 5 && !host_irq(); ++i) {
    EXPECT_FALSE(dut().idle_o);
    tick();
  }
  EXPECT_TRUE(host_irq());
  EXPECT_TRUE(dut().idle_o);
  write(kCmdOffset, 1);
  settle();
  EXPECT_FALSE(dut().idle_o);
  tick();
  EXPECT_TRUE(doorbell());
  EXPECT_TRUE(dut().idle_o);
}

}  // namespace
