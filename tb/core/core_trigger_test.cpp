// SPDX-License-Identifier: Apache-2.0
/// Hardware breakpoints and watchpoints of tsr_core.
#include "Vcore.h"
#include "core/core_bench.hpp"

namespace tsr::tb {
namespace {

using namespace rv;

constexpr Word kTselect = 0x17a0, kTdata1 = 0x17a1, kTdata2 = 0x17a2, kTinfo = 0x17a4;
constexpr Word kDcsrRegister = 0x17b0;
constexpr unsigned kTriggers = 4;
// tdata1: type mcontrol, action halt, machine mode, what the trigger watches
constexpr Word kControl = 2U << 28 | 1U << 27 | 1U << 12 | 1U << 6;
constexpr Word kRange = 1U << 7, kHit = 1U << 20, kExecute = 4, kStore = 2, kLoad = 1;

class CoreTrigger : public CoreBench<Vcore> {
 protected:
  /// Held in front of its first instruction, so that triggers can be set.
  void start_halted(const Program& program) {
    write_program(program);
    write_tcm(0x10000, std::vector<Word>(16, 7));
    pulse_halt();
    start();
    ASSERT_TRUE(wait_halted());
  }
  void set(unsigned trigger, Word control, Word address) {
    ASSERT_FALSE(debug_write(kTselect, trigger).error);
    ASSERT_FALSE(debug_write(kTdata1, control).error);
    ASSERT_FALSE(debug_write(kTdata2, address).error);
  }
  Word control_of(unsigned trigger) {
    debug_write(kTselect, trigger);
    return debug_read(kTdata1).data;
  }
  Word pc() { return debug_read(32).data; }
  Word halt_cause() { return debug_read(kDcsrRegister).data >> 6 & 7; }
  void resume() { pulse_resume(); }
};

/// x10 = 0x10000 and nine accesses: a word, half-words and bytes around 0x10010, loads and stores.
Program accesses() {
  Program program;
  program.li(10, 0x10000);
  program << sw(0, 10, 0x0c) << lw(1, 10, 0x10) << store(1, 0, 10, 0x12) << store(0, 0, 10, 0x13)
          << load(4, 1, 10, 0x13) << sw(0, 10, 0x14) << lw(1, 10, 0x1c) << sw(0, 10, 0x20) << kStop;
  return program;
}

TEST_F(CoreTrigger, RegistersTellWhatIsThere) {
  start_halted(accesses());
  for (unsigned i = 0; i < kTriggers; ++i) {
    set(i, kControl | kLoad, 0x1234 + i);
    EXPECT_EQ(debug_read(kTinfo).data, 4U) << "mcontrol is the only type";
  }
  debug_write(kTselect, kTriggers);
  EXPECT_EQ(debug_read(kTselect).data, kTriggers - 1) << "there are no more";
  for (unsigned i = 0; i < kTriggers; ++i) {
    debug_write(kTselect, i);
    EXPECT_EQ(debug_read(kTdata2).data, 0x1234 + i);
    EXPECT_EQ(debug_read(kTdata1).data, 0x2be01041U);
  }
  debug_write(kTdata1, 0xffffffff);
  EXPECT_EQ(debug_read(kTdata1).data, 0x2bf01047U) << "only what is implemented is kept";
  debug_write(kTdata1, 0);
  EXPECT_EQ(debug_read(kTdata1).data & 0x1047fU & ~(1U << 12), 0U);
}

TEST_F(CoreTrigger, BreakpointHaltsInFrontOfTheInstruction) {
  const Program program = accesses();
  start_halted(program);
  set(2, kControl | kExecute, 8);
  resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(pc(), 8U);
  EXPECT_EQ(halt_cause(), 2U);
  EXPECT_EQ(retired().back().pc, 4U);
  EXPECT_NE(control_of(2) & kHit, 0U);
  EXPECT_EQ(control_of(0) & kHit, 0U);
  resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(pc(), 8U) << "a breakpoint stays in force on resume";
  set(2, 0, 0);
  resume();
  run_to_stop();
}

TEST_F(CoreTrigger, WatchpointHaltsInFrontOfTheAccess) {
  struct Case {
    Word control, address;
    std::vector<int> hits;  // instruction of accesses(), counted from the first access
  };
  const std::array cases = {
      Case{kStore, 0x10012, {2}},
      Case{kStore, 0x10010, {}},
      Case{kLoad, 0x10010, {1}},
      Case{kLoad | kStore, 0x10013, {3, 4}},
      Case{kStore | kRange, 0x10011, {2, 3}},                         // 0x10010..0x10013
      Case{kLoad | kRange, 0x10017, {1, 4, 6}},                       // 0x10010..0x1001f
      Case{kLoad | kStore | kRange, 0x1000f, {0, 1, 2, 3, 4, 5, 6}},  // 0x10000..0x1001f
      Case{kStore | kRange, 0x7fffffff, {0, 2, 3, 5, 7}},             // everything
  };
  for (const auto& c : cases) {
    stop();
    start_halted(accesses());
    const Word first = 4 * static_cast<Word>(accesses().words().size() - 9);
    for (const int hit : c.hits) {
      set(1, kControl | c.control, c.address);
      resume();
      ASSERT_TRUE(wait_halted()) << fmt::format("{:#x} {:#x}", c.control, c.address);
      EXPECT_EQ(pc(), first + 4 * static_cast<Word>(hit));
      EXPECT_EQ(retired().back().pc, pc() - 4) << "the access was not made";
      EXPECT_EQ(halt_cause(), 2U);
      EXPECT_NE(control_of(1) & kHit, 0U);
      set(1, 0, 0);
      pulse_step();
      ASSERT_TRUE(wait_halted());
      EXPECT_EQ(halt_cause(), 4U);
    }
    set(1, kControl | c.control, c.address);
    resume();
    run_to_stop();
  }
}

TEST_F(CoreTrigger, WatchesTheBusAndSteps) {
  Program program;
  program.li(10, 0x01000000);
  program << sw(10, 10, 0) << lw(1, 10, 4) << addi(2, 0, 2) << kStop;
  start_halted(program);
  bus().max_latency = 9;
  set(0, kControl | kLoad | kExecute, 0x01000004);
  set(3, kControl | kStore, 0x01000000);
  resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_NE(bus().word(0x01000000), 0x01000000U) << "the store has not begun";
  const Word at_store = pc();
  pulse_step();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(pc(), at_store) << "still watched";
  EXPECT_EQ(halt_cause(), 2U) << "the watchpoint comes before the step";
  set(3, 0, 0);
  resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(pc(), at_store + 4);
  EXPECT_EQ(bus().word(0x01000000), 0x01000000U);
  set(0, 0, 0);
  resume();
  run_to_stop();
  EXPECT_EQ(iss().reg(2), 2U);
}

TEST_F(CoreTrigger, WatchpointComesBeforeTheTrapOfTheAccess) {
  Program program;
  program.li(31, 0x100);
  program << csrw(kMtvec, 31);
  program.li(10, 0x00020000 - 4);
  program << sw(0, 10, 2) << kStop;  // misaligned
  program.pad_to(0x100);
  program << kStop;
  start_halted(program);
  set(0, kControl | kStore, 0x1fffe);
  resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_FALSE(retired().back().trap);
  set(0, 0, 0);
  resume();
  run_to_stop();
  EXPECT_EQ(retired().back().pc, 0x100U);
}

TEST_F(CoreTrigger, ProgramsCannotTouchThem) {
  Program program;
  program.li(31, 0x100);
  program << csrw(kMtvec, 31) << csrw(0x7a1, 31) << kStop;
  program.pad_to(0x100);
  program << csrr(1, kMcause) << kStop;
  write_program(program);
  start();
  run_to_stop();
  EXPECT_EQ(iss().reg(1), 2U) << "illegal instruction";
}

TEST_F(CoreTrigger, ResetClearsThem) {
  start_halted(accesses());
  set(0, kControl | kExecute, 8);
  stop();
  start();
  run_to_stop();
}

}  // namespace
}  // namespace tsr::tb
