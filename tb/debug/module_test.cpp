// SPDX-License-Identifier: Apache-2.0
/// The debug module through its JTAG port: run control, commands, resets, locks, errors of the
/// network.
#include "debug_bench.hpp"

namespace {

using tsr::tb::CoreModel;
using tsr::tb::DebugBench;

enum Error : unsigned {
  kOk = 0,
  kBusy = 1,
  kNotSupported = 2,
  kException = 3,
  kHaltResume = 4,
  kBus = 5,
  kOther = 7
};

class DebugModule : public DebugBench {
 protected:
  void SetUp() override {
    DebugBench::SetUp();
    test_reset();
    set(kControl, kActive);
  }

  std::uint32_t state(unsigned hart) {
    return status(hart) & (kHalted | kRunning | kUnavail | kNone);
  }
  unsigned read_reg(unsigned number, std::uint32_t& value) {
    const unsigned code = command(reg_command(number, false));
    value = get(kData0);
    return code;
  }
  unsigned write_reg(unsigned number, std::uint32_t value) {
    set(kData0, value);
    return command(reg_command(number, true));
  }
};

TEST_F(DebugModule, SleepsUntilItIsActive) {
  set(kControl, 0);
  EXPECT_EQ(get(kControl), 0U);
  set(kControl, kHalt | 1U << 16);
  set(kData0, 5);
  EXPECT_EQ(requests_, 0U);
  EXPECT_EQ(get(kControl), 0U);
  EXPECT_EQ(get(kData0), 0U);
  set(kControl, kActive);
  EXPECT_EQ(get(kControl), kActive);
  EXPECT_EQ(get(kAbstractcs), 2U) << "no program buffer, two data registers";
  set(kData0, 5);
  set(kControl, 0);
  set(kControl, kActive);
  EXPECT_EQ(get(kData0), 0U) << "it forgets everything";
  EXPECT_EQ(get(0x38), 0U) << "no system bus access";
  EXPECT_EQ(get(0x12), 0U);
}

TEST_F(DebugModule, CountsTheHarts) {
  set_chip({{1, 0}, {7, 0}, {0, 1}, {3, 7}, {7, 7}}, {0, 0}, {{0, 1}});
  core(2).run = false;
  set(kControl, 0x03ff'ffc0 | kActive);
  EXPECT_EQ(get(kControl), 0x7fU << 16 | kActive) << "seven bits select";
  EXPECT_EQ(state(0), kRunning);
  EXPECT_EQ(state(1), kRunning);
  EXPECT_EQ(state(2), kUnavail) << "its core is held in reset";
  EXPECT_EQ(state(3), kUnavail) << "dead";
  EXPECT_EQ(state(5), kRunning) << "the last node of the largest mesh";
  EXPECT_EQ(state(6), kNone);
  EXPECT_EQ(state(127), kNone);
  core(4).halted = true;
  EXPECT_EQ(state(4), kHalted);
}

TEST_F(DebugModule, HaltsResumesAndSteps) {
  halt(2);
  EXPECT_EQ(state(2), kHalted);
  EXPECT_EQ(state(1), kRunning);
  EXPECT_EQ(status(2) & kResumed, 0U);
  control(2, kResume);
  EXPECT_EQ(get(kStatus) & (kResumed | kRunning), kResumed | kRunning);
  EXPECT_EQ(core(2).resumes, 1U);
  halt(2);
  // dcsr.step is the debug module's, the rest the core's.
  ASSERT_EQ(write_reg(0x7b0, 0x8004), kOk);
  EXPECT_EQ(core(2).csr[0x7b0], 0x8004U);
  core(2).csr[0x7b0] = 0x4000'8003;
  std::uint32_t dcsr = 0;
  EXPECT_EQ(read_reg(0x7b0, dcsr), kOk);
  EXPECT_EQ(dcsr, 0x4000'8007U);
  control(2, kResume);
  EXPECT_EQ(get(kStatus) & (kResumed | kHalted), kResumed | kHalted);
  EXPECT_EQ(core(2).steps, 1U);
  EXPECT_EQ(core(2).resumes, 1U);
  halt(1);
  control(1, kResume);
  EXPECT_EQ(core(1).steps, 0U) << "another hart's";
  control(2);
  ASSERT_EQ(write_reg(0x7b0, 0), kOk);
  control(2, kResume);
  EXPECT_EQ(get(kStatus) & (kResumed | kRunning), kResumed | kRunning);
}

TEST_F(DebugModule, ReadsAndWritesRegisters) {
  halt(3);
  auto& c = core(3);
  for (unsigned i = 0; i < 32; ++i) {
    const auto value = static_cast<std::uint32_t>(rng()());
    c.busy_reads = static_cast<unsigned>(rand_in(0, 3));
    ASSERT_EQ(write_reg(0x1000 + i, value), kOk);
    EXPECT_EQ(c.x[i], i == 0 ? 0 : value);
    std::uint32_t back = 0;
    ASSERT_EQ(read_reg(0x1000 + i, back), kOk);
    EXPECT_EQ(back, c.x[i]);
  }
  ASSERT_EQ(write_reg(0x7b1, 0x104), kOk);
  EXPECT_EQ(c.pc, 0x104U) << "dpc";
  ASSERT_EQ(write_reg(0x300, 0x1880), kOk);
  EXPECT_EQ(c.csr[0x300], 0x1880U);
  std::uint32_t value = 0;
  EXPECT_EQ(read_reg(0x301, value), kException) << "no such CSR";
  EXPECT_EQ(read_reg(0x1020, value), kNotSupported) << "no floating point registers";
  EXPECT_EQ(command(reg_command(0x1008, false, 3)), kNotSupported) << "64 bits";
  EXPECT_EQ(command(reg_command(0x1008, false) | 1U << 18), kNotSupported) << "no program buffer";
  EXPECT_EQ(command(1U << 24), kNotSupported) << "quick access";
  EXPECT_EQ(command(2U << 20 | 0x1008), kOk) << "transfers nothing";
  control(4);
  EXPECT_EQ(read_reg(0x1008, value), kHaltResume) << "it runs";
  control(9);
  EXPECT_EQ(read_reg(0x1008, value), kHaltResume) << "it does not exist";
  core(1).halted = core(1).refuses = true;
  control(1);
  EXPECT_EQ(read_reg(0x1008, value), kOther) << "its node is locked";
}

TEST_F(DebugModule, CountsRegistersUp) {
  halt(1);
  for (unsigned i = 0; i < 32; ++i) core(1).x[i] = 100 + i;
  set(kCommand, reg_command(0x1004, false) | 1U << 19);
  set(kAuto, 1);
  for (unsigned i = 4; i < 12; ++i) ASSERT_EQ(get(kData0), 100 + i);
  set(kAuto, 0);
  EXPECT_EQ(take_error(), kOk);
}

TEST_F(DebugModule, KeepsAnErrorUntilItIsCleared) {
  halt(1);
  core(1).x[5] = 55;
  set(kCommand, reg_command(0x1020, false));
  settle();
  EXPECT_EQ(error(), kNotSupported);
  set(kData0, 1);
  const unsigned before = requests_;
  set(kCommand, reg_command(0x1005, false));
  EXPECT_EQ(requests_, before) << "nothing starts meanwhile";
  EXPECT_EQ(get(kData0), 1U);
  EXPECT_EQ(take_error(), kNotSupported);
  EXPECT_EQ(command(reg_command(0x1005, false)), kOk);
  EXPECT_EQ(get(kData0), 55U);
}

TEST_F(DebugModule, SaysWhenACommandIsInTheWay) {
  halt(1);
  core(1).x[7] = 0x77;
  patience_ = 1;
  const auto during = [&](const auto& act, unsigned want) {
    ready_ = 0;
    set(kData0, 3);
    set(kCommand, reg_command(0x1007, false));
    EXPECT_EQ(get(kAbstractcs) >> 12 & 1U, 1U) << "busy";
    act();
    ready_ = 1;
    EXPECT_EQ(take_error(), want);
    EXPECT_EQ(get(kData0), 0x77U) << "the command itself is done";
  };
  during([&] { set(kCommand, reg_command(0x1008, false)); }, kBusy);
  during([&] { set(kData0, 9); }, kBusy);
  during([&] { get(kData1); }, kBusy);
  during([&] { set(kAbstractcs, 0); }, kBusy);
  during([&] { set(kAuto, 3); }, kBusy);
  during([&] { get(kAbstractcs); }, kOk);
  EXPECT_EQ(get(kAuto), 0U);
}

TEST_F(DebugModule, ReadsAndWritesMemoryOfAllSizes) {
  core(2).window[3] = 0x0000'012;   // HBM at 0x1200'0000'0
  core(2).window[7] = 0x0100'0000;  // node space
  control(2);
  auto model = chip_.memory;
  for (int i = 0; i < 300; ++i) {
    const auto size = static_cast<unsigned>(rand_in(0, 2));
    const std::uint32_t offset = static_cast<std::uint32_t>(rand_in(0, 63)) << size & 63U;
    std::uint32_t address = offset;
    std::uint64_t global = 1ULL << 52 | 2ULL << 38 | offset;  // hart 2 is node (1, 1)...
    global = 1ULL << 52 | 1ULL << 38 | 1ULL << 32 | offset;
    switch (rand_in(0, 3)) {
      case 0:
        break;  // ITCM
      case 1:
        address += 0x0100'0000;
        global += 0x0100'0000;
        break;  // scratchpad
      case 2:
        address += 0xb012'3440;
        global = 0x12ULL << 28 | (0x0012'3440 + offset);
        break;
      default:
        address += 0xf000'0100;
        global = 0x100'0000ULL << 28 | (0x100 + offset);
        break;
    }
    set(kData1, address);
    const std::uint32_t all = size == 2 ? ~0U : (1U << (8U << size)) - 1;
    if (chance(0.5)) {
      const auto value = static_cast<std::uint32_t>(rng()());
      set(kData0, value);
      ASSERT_EQ(command(mem_command(size, true)), kOk);
      for (unsigned b = 0; b < 1U << size; ++b)
        model[global + b] = static_cast<std::uint8_t>(value >> 8 * b);
      ASSERT_EQ(chip_.memory, model) << "these bytes and no others";
    } else {
      ASSERT_EQ(command(mem_command(size, false)), kOk);
      std::uint32_t want = 0;
      for (unsigned b = 0; b < 1U << size; ++b)
        want |= static_cast<std::uint32_t>(chip_.byte(global + b)) << 8 * b;
      ASSERT_EQ(get(kData0), want & all);
    }
    EXPECT_EQ(get(kData1), address);
  }
  EXPECT_FALSE(core(2).halted) << "memory does not need the core";
  set(kData1, 2);
  EXPECT_EQ(command(mem_command(2, false)), kBus) << "not aligned";
  EXPECT_EQ(command(mem_command(3, false)), kNotSupported);
  chip_.bad_from = 1ULL << 52 | 1ULL << 38 | 1ULL << 32 | 0x40;
  set(kData1, 0x40);
  EXPECT_EQ(command(mem_command(2, false)), kBus) << "refused";
  EXPECT_EQ(get(kData1), 0x40U) << "a failed access does not count up";
}

TEST_F(DebugModule, WalksThroughMemory) {
  control(0);
  for (unsigned size = 0; size < 3; ++size) {
    set(kData1, 0x100);
    set(kCommand, mem_command(size, true, true));
    set(kAuto, 1);
    for (unsigned i = 1; i < 20; ++i) {
      settle();
      set(kData0, i * 3);
    }
    ASSERT_EQ(take_error(), kOk);
    set(kAuto, 0);
    EXPECT_EQ(get(kData1), 0x100 + (20U << size));
    for (unsigned i = 1; i < 20; ++i)
      EXPECT_EQ(chip_.byte((1ULL << 52) + 0x100 + (i << size)), i * 3);
  }
}

TEST_F(DebugModule, RestartsTheTilesThatRan) {
  core(2).run = false;
  halt(3);
  ASSERT_EQ(write_reg(0x7b0, 4), kOk);
  for (unsigned h = 0; h < 5; ++h) control(h, kAckReset);
  EXPECT_EQ(status(1) & kHaveReset, 0U);
  control(1, kHalt | kNdmreset);
  set(kControl, 4U << 16 | kHalt | kNdmreset | kActive);
  EXPECT_EQ(get(kControl), 4U << 16 | kNdmreset | kActive);
  EXPECT_FALSE(core(1).run || core(3).run || core(4).run);
  EXPECT_TRUE(core(0).run) << "ctl's core goes on";
  EXPECT_EQ(get(kStatus) & kUnavail, kUnavail);
  control(4, kHalt);
  EXPECT_EQ(state(1), kHalted) << "in front of its first instruction";
  EXPECT_EQ(state(2), kUnavail) << "it was not running";
  EXPECT_EQ(state(3), kRunning);
  EXPECT_EQ(state(4), kHalted);
  for (unsigned h : {1U, 3U, 4U}) {
    EXPECT_EQ(core(h).starts, 1U);
    EXPECT_EQ(status(h) & kHaveReset, kHaveReset);
    control(h, kAckReset);
    EXPECT_EQ(status(h) & kHaveReset, 0U);
  }
  EXPECT_EQ(status(0) & kHaveReset, 0U);
  EXPECT_EQ(core(2).starts, 0U);
  halt(3);
  control(3, kResume);
  EXPECT_EQ(core(3).steps, 0U) << "dcsr.step is 0 after a reset";
}

TEST_F(DebugModule, EndsAResetWhenItIsSwitchedOff) {
  control(1, kNdmreset);
  EXPECT_FALSE(core(1).run);
  set(kControl, 0);
  EXPECT_EQ(get(kControl), 0U);
  EXPECT_TRUE(core(1).run && core(4).run);
}

TEST_F(DebugModule, SumsUpWhoIsHalted) {
  std::vector<Place> all;
  for (unsigned n = 1; n < 64; ++n) all.push_back({n % 8, n / 8});
  set_chip(all, {0, 0}, {{5, 0}});
  for (const unsigned h : {0U, 5U, 31U, 33U, 63U}) core(h).halted = true;
  control(7);
  EXPECT_EQ(get(kSum0), 1U | 1U << 31) << "hart 5 is dead";
  EXPECT_EQ(get(kSum1), 3U);
  control(40);
  EXPECT_EQ(get(kSum0), 1U << 1 | 1U << 31);
  control(64);
  EXPECT_EQ(get(kSum0), 0U);
  core(0).halted = core(31).halted = false;
  EXPECT_EQ(get(kSum1), 2U);
}

TEST_F(DebugModule, IsOfNoUseWhileLocked) {
  halt(1);
  set(kData0, 42);
  dut().lock_i = 1;
  run(2);
  EXPECT_EQ(get(kStatus), kVersion) << "not authenticated, and nothing else";
  const unsigned before = requests_;
  EXPECT_EQ(get(kControl), kActive);
  EXPECT_EQ(get(kData0), 0U);
  set(kData0, 1);
  set(kCommand, reg_command(0x1001, false));
  set(kCommand, mem_command(2, false));
  control(1, kResume);
  control(2, kHalt | kNdmreset);
  set(0x30, 0x1234);
  EXPECT_EQ(get(0x30), 0U) << "no authentication";
  EXPECT_EQ(get(kSum0), 0U);
  EXPECT_EQ(requests_, before);
  EXPECT_TRUE(core(1).halted);
  EXPECT_FALSE(core(2).halted);
  dut().lock_i = 0;
  run(2);
  EXPECT_EQ(get(kData0), 42U);
}

TEST_F(DebugModule, GivesUpOnANetworkThatDoesNotAnswer) {
  halt(1);
  core(1).x[9] = 9;
  lose_ = 1;
  EXPECT_EQ(command(reg_command(0x1009, false)), kOther);
  lose_ = 1;
  control(1);
  EXPECT_EQ(get(kStatus) & kUnavail, kUnavail);
  EXPECT_EQ(state(1), kHalted) << "the next one is answered";
  // An answer that comes after its timeout is nobody's.
  lose_ = 1;
  late_ = kTimeout + rand_in(100, 600);
  set(kData1, 0x200);
  EXPECT_EQ(command(mem_command(2, false)), kBus);
  for (std::uint32_t i = 0; i < 8; ++i) {
    core(1).x[9] = i;
    std::uint32_t value = 0;
    EXPECT_EQ(read_reg(0x1009, value), kOk);
    EXPECT_EQ(value, i);
  }
}

TEST_F(DebugModule, SharesItsWayWithTheHost) {
  host_traffic_ = true;
  for (int i = 0; i < 60; ++i) {
    ready_ = chance(0.5) ? 0.2 : 1.0;
    const auto hart = static_cast<unsigned>(rand_in(0, 4));
    halt(hart);
    const auto reg = static_cast<unsigned>(rand_in(1, 31));
    const auto value = static_cast<std::uint32_t>(rng()());
    ASSERT_EQ(write_reg(0x1000 + reg, value), kOk);
    std::uint32_t back = 0;
    ASSERT_EQ(read_reg(0x1000 + reg, back), kOk);
    ASSERT_EQ(back, value);
    ASSERT_EQ(core(hart).x[reg], value);
    control(hart, kResume);
    ASSERT_EQ(get(kStatus) & kRunning, kRunning);
  }
  EXPECT_GT(host_done_, 1'000U);
}

}  // namespace
