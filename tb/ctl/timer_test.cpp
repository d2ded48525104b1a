// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_timer.
#include "Vctl_timer.h"
#include "periph_bench.hpp"
#include "regs/timer_regs.hpp"

namespace {

using namespace tsr::regs::timer;  // offsets of this block only

constexpr std::uint64_t kNever = ~0ULL;

class Timer : public tsr::tb::PeriphBench<Vctl_timer> {
 protected:
  void SetUp() override {
    PeriphBench::SetUp();
    reset();
  }

  void arm(std::uint64_t compare, std::uint32_t period) {
    write(kCompareLoOffset, static_cast<std::uint32_t>(compare));
    write(kCompareHiOffset, static_cast<std::uint32_t>(compare >> 32));
    write(kPeriodOffset, period);
    write(kCtrlOffset, 1);
  }

  std::uint64_t compare() {
    return read(kCompareLoOffset) | (std::uint64_t{read(kCompareHiOffset)} << 32);
  }

  /// Time at which irq_o is first seen high.
  std::uint64_t irq_time(std::uint64_t limit) {
    for (std::uint64_t i = 0; i < limit; ++i) {
      settle();
      if (dut().irq_o) return now();
      tick();
    }
    return 0;
  }
};

TEST_F(Timer, ShowsTimeWithALatchedHighWord) {
  set_now(0x7ffffffffULL);
  EXPECT_EQ(read(kTimeLoOffset), 0xffffffffU);
  run(5);
  EXPECT_EQ(read(kTimeHiOffset), 7U);
  EXPECT_EQ(read(kTimeLoOffset), 6U);
  EXPECT_EQ(read(kTimeHiOffset), 8U);
}

TEST_F(Timer, OneShotExpiresOnceAndDisarms) {
  const std::uint64_t at = now() + 50;
  EXPECT_EQ(dut().wake_o, kNever);
  arm(at, 0);
  settle();
  EXPECT_TRUE(dut().idle_o) << "until it expires";
  EXPECT_EQ(dut().wake_o, at);
  EXPECT_EQ(irq_time(100), at + 1);
  EXPECT_EQ(dut().wake_o, kNever);
  EXPECT_EQ(read(kCtrlOffset), 0U);
  EXPECT_EQ(compare(), at);
  write(kIrqStateOffset, 1);
  settle();
  EXPECT_FALSE(dut().irq_o);
  EXPECT_TRUE(dut().idle_o);
  run(100);
  EXPECT_EQ(read(kIrqStateOffset), 0U);
}

TEST_F(Timer, ComparesAll64Bits) {
  set_now(0x1fffffff0ULL);
  arm(0x200000004ULL, 0);
  EXPECT_EQ(irq_time(100), 0x200000005ULL);
}

TEST_F(Timer, PastCompareExpiresAtOnce) {
  arm(1, 0);
  settle();
  EXPECT_FALSE(dut().idle_o);
  EXPECT_LE(irq_time(10), now());
  EXPECT_EQ(read(kIrqStateOffset), 1U);
}

TEST_F(Timer, PeriodicKeepsItsPhase) {
  const std::uint64_t start = now() + 40;
  arm(start, 37);
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(dut().wake_o, start + 37 * i);
    EXPECT_EQ(irq_time(100), start + 37 * i + 1);
    write(kIrqStateOffset, 1);
    EXPECT_EQ(read(kIrqStateOffset), 0U);
  }
  write(kCtrlOffset, 0);
  run(100);
  settle();
  EXPECT_FALSE(dut().irq_o);
}

TEST_F(Timer, UnservedPeriodIsRecordedAsMissed) {
  arm(now() + 20, 30);
  run(40);
  EXPECT_EQ(read(kIrqStateOffset), 1U);
  run(30);
  EXPECT_EQ(read(kIrqStateOffset), 3U);
  write(kIrqStateOffset, 3);
  EXPECT_EQ(read(kIrqStateOffset), 0U);
}

TEST_F(Timer, LatePeriodicContinuesOnePeriodFromNow) {
  arm(10, 100);
  const std::uint64_t armed = now();  // the first expiry is seen in this cycle
  run(2);
  write(kIrqStateOffset, 1);
  EXPECT_EQ(compare(), armed + 100);
  EXPECT_EQ(irq_time(200), armed + 101);
}

TEST_F(Timer, RandomOneShotsExpireOnTime) {
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t at = now() + rand_in(6, 300);
    arm(at, 0);
    ASSERT_EQ(irq_time(400), at + 1);
    write(kIrqStateOffset, 1);
  }
}

}  // namespace
