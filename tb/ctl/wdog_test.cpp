// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_wdog.
#include "Vctl_wdog.h"
#include "periph_bench.hpp"
#include "regs/wdog_regs.hpp"

namespace {

using namespace tsr::regs::wdog;  // offsets of this block only

constexpr std::uint32_t kExpired = 1, kLast = 2, kFatal = 4;
constexpr std::uint64_t kNever = ~0ULL;

class Wdog : public tsr::tb::PeriphBench<Vctl_wdog> {
 protected:
  void SetUp() override {
    PeriphBench::SetUp();
    reset();
  }

  /// Starts with `timeout`; returns the time from which it counts.
  std::uint64_t start(std::uint32_t timeout) {
    write(kTimeoutOffset, timeout);
    write(kCtrlOffset, 1);
    return now();
  }

  /// One cycle in which nothing happens and the wake-up time is known, but for cycle `from`, in
  /// which the time starts.
  void expect_sleep(std::uint64_t from, std::uint64_t wake) {
    settle();
    EXPECT_EQ(dut().idle_o, now() != from);
    if (now() != from) EXPECT_EQ(dut().wake_o, wake);
    EXPECT_FALSE(dut().fatal_o);
    tick();
  }

  bool irq() {
    settle();
    return dut().irq_o != 0;
  }
  bool fatal() {
    settle();
    return dut().fatal_o != 0;
  }
};

TEST_F(Wdog, DoesNothingWhileOff) {
  write(kTimeoutOffset, 5);
  run(100);
  EXPECT_FALSE(irq());
  EXPECT_TRUE(dut().idle_o);
  EXPECT_EQ(dut().wake_o, kNever);
  EXPECT_EQ(read(kElapsedOffset), 0U);
}

TEST_F(Wdog, InterruptsAfterTheTimeoutAndIsFatalAfterAnother) {
  for (const std::uint32_t timeout : {1U, 2U, 3U, 50U, 1000U}) {
    reset();
    const std::uint64_t from = start(timeout);
    while (now() < from + timeout) expect_sleep(from, from + timeout);
    tick();
    EXPECT_TRUE(irq());
    EXPECT_FALSE(fatal());
    while (now() < from + 2 * timeout) expect_sleep(from + timeout, from + 2 * timeout);
    tick();
    EXPECT_TRUE(fatal());
    EXPECT_EQ(dut().wake_o, kNever);
    EXPECT_EQ(read(kStateOffset), kExpired | kLast | kFatal);
    settle();
    EXPECT_TRUE(dut().idle_o);
  }
}

TEST_F(Wdog, FatalStaysWhateverSoftwareDoes) {
  start(5);
  run(20);
  EXPECT_TRUE(fatal());
  write(kKickOffset, 1);
  write(kStateOffset, 7);
  write(kCtrlOffset, 0);
  write(kCtrlOffset, 1);
  run(20);
  EXPECT_TRUE(fatal());
  reset();
  EXPECT_FALSE(fatal());
}

TEST_F(Wdog, KicksPostponeTheInterrupt) {
  start(20);
  for (int i = 0; i < 50; ++i) {
    run(17);
    write(kKickOffset, static_cast<std::uint32_t>(i));
    EXPECT_FALSE(irq());
  }
  run(25);
  EXPECT_TRUE(irq());
}

TEST_F(Wdog, KickAfterTheInterruptPreventsTheFatalExpiry) {
  start(20);
  for (int i = 0; i < 10; ++i) {
    while (!irq()) tick();
    EXPECT_EQ(read(kStateOffset), kExpired | kLast);
    write(kKickOffset, 0);
    tick();
    EXPECT_EQ(read(kStateOffset), kExpired);
    write(kStateOffset, kExpired);
    EXPECT_EQ(read(kStateOffset), 0U);
    run(10);
    EXPECT_FALSE(fatal());
  }
}

TEST_F(Wdog, ClearingTheInterruptIsNotAKick) {
  start(20);
  while (!irq()) tick();
  write(kStateOffset, kExpired);
  run(25);
  EXPECT_TRUE(fatal());
}

TEST_F(Wdog, ZeroTimeoutActsAsOne) {
  const std::uint64_t from = start(0);
  while (!irq() && now() < from + 10) tick();
  EXPECT_EQ(now(), from + 2);
}

TEST_F(Wdog, ElapsedTimeSaturates) {
  const std::uint64_t from = start(0xffffffff);
  run(10);
  EXPECT_EQ(read(kElapsedOffset), now() - 1 - from);
  set_now(from + 0xfffffff0);
  EXPECT_EQ(read(kElapsedOffset), 0xfffffff0U);
  EXPECT_FALSE(irq());
  set_now(from + 0x500000000ULL);
  EXPECT_EQ(read(kElapsedOffset), 0xffffffffU);
  EXPECT_TRUE(irq());
}

TEST_F(Wdog, FollowsAModelUnderRandomAccesses) {
  // State as seen in a cycle; the write of a cycle acts in the next one.
  bool on = false, expired = false, last = false, dead = false, restart = false;
  std::uint64_t from = 0, timeout = 0xffffffff;
  int fatal_runs = 0;
  for (int i = 0; i < 100000; ++i) {
    if (dead && chance(0.02)) {
      reset();
      on = expired = last = dead = restart = false;
      timeout = 0xffffffff;
      ++fatal_runs;
    }
    settle();
    ASSERT_EQ(dut().irq_o, expired) << i;
    ASSERT_EQ(dut().fatal_o, dead) << i;
    // What this cycle does by itself.
    const bool expires =
        on && !dead && !restart && now() - from >= std::max<std::uint64_t>(timeout, 1);
    const bool restarts = restart;
    const std::uint64_t time = now();
    restart = false;
    bool clear = false;
    if (chance(0.05)) {
      switch (rand_in(0, 4)) {
        case 0:
          on = chance(0.9);
          restart = true;
          write(kCtrlOffset, on);
          break;
        case 1:
          timeout = rand_in(0, 60);
          write(kTimeoutOffset, static_cast<std::uint32_t>(timeout));
          break;
        case 2:
          clear = true;
          write(kStateOffset, kExpired);
          break;
        default:
          restart = true;
          write(kKickOffset, 0);
      }
    } else {
      tick();
    }
    if (clear) expired = false;
    if (restarts) {
      last = false;
      from = time;
    } else if (expires) {
      dead = dead || last;
      last = true;
      expired = true;
      from = time;
    }
  }
  EXPECT_GT(fatal_runs, 5);
}

}  // namespace
