// SPDX-License-Identifier: Apache-2.0
// Start and stop, TCM back door, ROM, debug port.
#include "Vcore.h"
#include "core/core_bench.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

class CoreSystem : public tb::CoreBench<Vcore> {
 protected:
  static Program counting_loop() {
    Program program;
    program << addi(1, 1, 1) << addi(2, 2, 2) << jal(0, -8);
    return program;
  }
};

// ---------------------------------------------------------------- start and stop

TEST_F(CoreSystem, HeldCoreIsIdleAndKeepsItsTcms) {
  write_tcm(0x00000, {1, 2, 3});
  write_tcm(0x1fffc, {4});
  run(5);
  EXPECT_TRUE(idle());
  EXPECT_TRUE(retired().empty());
  Program program(0x100);
  program << lw(5, 0, 4) << lui(6, 0x20000) << lw(7, 6, -4) << kStop;
  execute(program);
  EXPECT_EQ(iss().reg(5), 2U);
  EXPECT_EQ(iss().reg(7), 4U);
}

TEST_F(CoreSystem, StartsAtBootPcWithClearedRegisters) {
  Program program(0x200);
  for (Word r = 1; r < 32; ++r) program << addi(r, r, 1);
  program << csrsi(kMstatus, 8) << csrsi(kMscratch, 31) << kStop;
  for (int i = 0; i < 3; ++i) {
    execute(program);
    EXPECT_EQ(iss().reg(31), 1U);
    stop();
    EXPECT_TRUE(idle());
  }
}

TEST_F(CoreSystem, ShortestPulseOfRunRestarts) {
  write_program(counting_loop());
  start();
  run(30);
  dut().run_i = 0;
  tick();
  const auto before = retired().size();
  EXPECT_GT(before, 10U);
  // One more instruction may still show on the retire port.
  dut().run_i = 1;
  tick();
  start();
  run(20);
  EXPECT_EQ(retired()[0].pc, 0U);
  EXPECT_EQ(retired()[0].rd_wdata, 1U);
}

TEST_F(CoreSystem, StoppingDuringABusAccessFinishesIt) {
  Program program;
  program.li(5, 0x01000000);
  program << addi(6, 0, 9) << sw(6, 5, 0) << kStop;
  write_program(program);
  bus().stuck = true;
  start();
  run(20);
  dut().run_i = 0;
  run(10);
  EXPECT_TRUE(dut().bus_valid_o) << "the request is held";
  EXPECT_FALSE(idle());
  bus().stuck = false;
  stop();
  EXPECT_EQ(bus().word(0x01000000), 9U);
  EXPECT_EQ(retired().size(), 3U);
  bus().max_latency = 20;
  start();
  run_to_stop();
  stop();
}

TEST_F(CoreSystem, RestartWaitsForTheOldBusAccess) {
  Program program;
  program.li(5, 0x01000000);
  program << lw(6, 5, 0) << lw(7, 5, 4) << kStop;
  write_program(program);
  bus().stuck = true;
  start();
  run(20);
  dut().run_i = 0;
  run(2);
  start();
  run(20);
  EXPECT_EQ(retired().size(), 2U);
  bus().stuck = false;
  ASSERT_TRUE(run_until([this] { return !memory().bus.empty(); }, 20));
  memory().bus.clear();  // the old access, made by nobody
  run_to_stop();
  EXPECT_EQ(bus_accesses(), 3U);
}

// ---------------------------------------------------------------- back door

TEST_F(CoreSystem, BackDoorHonoursStrobes) {
  write_tcm(0x10010, {0x11223344, 0x55667788});
  for (Word strb = 0; strb < 16; ++strb) {
    door_queue().push_back({true, 0x10010, 0xaabbcc00 + strb, static_cast<std::uint8_t>(strb)});
    door_queue().push_back({false, 0x10010, 0, 0xf});
  }
  door_queue().push_back({false, 0x10014, 0, 0xf});
  ASSERT_TRUE(run_until([this] { return door_idle(); }, 200));
  EXPECT_EQ(door_answers().size(), 2U + 33U);
  EXPECT_EQ(door_answers().back().data, 0x55667788U);
  EXPECT_EQ(door_answers()[2 + 3].data, 0x112233U << 8 | 0x01);
}

TEST_F(CoreSystem, BackDoorAndCoreBothProgress) {
  Program program;
  program.li(5, 0x10000);
  const Word loop = program.here();
  for (int i = 0; i < 16; ++i)
    program << lw(6, 5, 4 * i) << sw(6, 5, 4 * i + 64) << lw(7, 0, 4 * i);
  program << jal(0, static_cast<int>(loop - program.here()));
  write_program(program);
  write_tcm(0x10000, std::vector<Word>(32, 0x1234));
  write_tcm(0x10800, std::vector<Word>(64, 5));
  start();
  run(10);
  for (int i = 0; i < 1000; ++i) {
    const Word addr = chance(0.5) ? 0x10800 + 4 * static_cast<Word>(rand_in(0, 63))
                                  : 4 * static_cast<Word>(rand_in(0, 50));
    door_queue().push_back({addr >= 0x10000 && chance(0.5), addr, static_cast<Word>(i), 0xf});
  }
  const auto begin = cycle();
  const auto before = retired().size();
  ASSERT_TRUE(run_until([this] { return door_idle(); }, 5000));
  const auto cycles = cycle() - begin;
  EXPECT_LE(longest_door_wait(), 1U);
  EXPECT_LE(cycles, 2200U);
  EXPECT_GT(retired().size() - before, cycles / 3);
}

// ---------------------------------------------------------------- ROM

TEST_F(CoreSystem, RunsFromRomWhenEnabled) {
  Program rom(0x80000);
  rom << auipc(5, 0) << addi(6, 0, 3) << addi(6, 6, -1) << bne(6, 0, -4) << lui(7, 0x10000)
      << sw(5, 7, 0) << lw(8, 7, 0) << jalr(1, 0, 0x40);
  std::copy(rom.words().begin(), rom.words().end(), memory().rom.begin());
  Program itcm(0x40);
  itcm << addi(9, 8, 4) << kStop;
  write_program(itcm);
  memory().rom_enabled = true;
  dut().rom_en_i = 1;
  start(0x80000);
  run_to_stop();
  EXPECT_EQ(iss().reg(9), 0x80004U);
  EXPECT_EQ(iss().reg(1), 0x80020U);
}

TEST_F(CoreSystem, RomPageEndsAtItsLastWord) {
  Program rom(0x80000);
  rom << lui(5, 0x90000) << jalr(0, 5, 0);
  std::copy(rom.words().begin(), rom.words().end(), memory().rom.begin());
  write_tcm(0, {kStop});
  memory().rom_enabled = true;
  dut().rom_en_i = 1;
  start(0x80000);
  run_to_stop();
  EXPECT_EQ(iss().csr(kMcause), 1U);
  EXPECT_EQ(iss().csr(kMepc), 0x90000U);
}

// ---------------------------------------------------------------- debug

class CoreDebug : public CoreSystem {
 protected:
  void halt() {
    pulse_halt();
    ASSERT_TRUE(wait_halted());
  }
  void step() {
    stepping_ = true;
    pulse_step();
    ASSERT_TRUE(wait_halted());
    stepping_ = false;
  }
};

TEST_F(CoreDebug, HaltsAndResumesWithoutATrace) {
  write_program(counting_loop());
  start();
  run(25);
  halt();
  run(3);
  EXPECT_TRUE(idle());
  const auto count = retired().size();
  run(50);
  EXPECT_EQ(retired().size(), count);
  EXPECT_EQ(debug_read(32).data, iss().pc());
  pulse_resume();
  run(50);
  EXPECT_FALSE(halted());
  EXPECT_GT(retired().size(), count + 20);
}

TEST_F(CoreDebug, ReadsAndWritesRegisters) {
  write_program(counting_loop());
  start();
  run(25);
  halt();
  for (Word r = 0; r < 32; ++r) {
    EXPECT_EQ(debug_read(r).data, iss().reg(r)) << r;
    EXPECT_FALSE(debug_write(r, 0x1000 + r).error);
  }
  for (Word r = 0; r < 32; ++r) EXPECT_EQ(debug_read(r).data, r == 0 ? 0 : 0x1000 + r);
  EXPECT_FALSE(debug_write(0x1000 + kMscratch, 0xcafe).error);
  EXPECT_EQ(debug_read(0x1000 + kMscratch).data, 0xcafeU);
  EXPECT_EQ(debug_read(0x1000 + kMhartid).data, kHartId);
  EXPECT_FALSE(debug_write(32, 0x6).error);  // bits 1:0 drop
  EXPECT_EQ(debug_read(32).data, 4U);
  pulse_resume();
  run(10);
  EXPECT_EQ(retired_at(4).back().rd, 2U);
  halt();
}

TEST_F(CoreDebug, RefusesWhatItCannotDo) {
  write_program(counting_loop());
  start();
  run(20);
  EXPECT_TRUE(debug_read(1).error) << "not halted";
  EXPECT_TRUE(debug_store(0x10000, 1).error) << "not halted";
  halt();
  EXPECT_TRUE(debug_read(33).error);
  EXPECT_TRUE(debug_read(0xfff).error);
  EXPECT_TRUE(debug_read(0x2000).error);
  EXPECT_TRUE(debug_read(0x80000001).error);
  EXPECT_TRUE(debug_read(0x1000 + 0x123).error);
  EXPECT_TRUE(debug_write(0x1000 + kMhartid, 1).error);
  EXPECT_TRUE(debug_load(0x10001).error);
  EXPECT_TRUE(debug_store(0x10002, 1).error);
  bus().error_addr = 0x01000000;
  EXPECT_TRUE(debug_load(0x01000000).error);
  EXPECT_TRUE(debug_store(0x01000000, 1).error);
  EXPECT_FALSE(debug_load(0x01000004).error);
  EXPECT_FALSE(debug_read(1).error);
  stop();
  EXPECT_TRUE(debug_read(1).error) << "held in reset";
}

TEST_F(CoreDebug, ReadsAndWritesMemory) {
  write_program(counting_loop());
  start();
  run(25);
  halt();
  bus().ready = 0.3;
  bus().max_latency = 9;
  for (const Word addr : {0x00000800U, 0x00010000U, 0x0001fffcU, 0x01000010U, 0x80000000U}) {
    EXPECT_FALSE(debug_store(addr, addr + 1).error);
    const auto answer = debug_load(addr);
    EXPECT_FALSE(answer.error);
    EXPECT_EQ(answer.data, addr + 1);
  }
  EXPECT_EQ(bus().word(0x80000000), 0x80000001U);
  // A breakpoint put into code is seen after resume: nothing stale is executed.
  debug_store(4, addi(3, 0, 99));
  pulse_resume();
  run(10);
  EXPECT_EQ(iss().reg(3), 99U);
}

TEST_F(CoreDebug, DebugMemoryAccessSharesTheTcmWithTheBackDoor) {
  write_program(counting_loop());
  start();
  run(25);
  halt();
  write_tcm(0x10000, std::vector<Word>(16, 7));
  for (int i = 0; i < 2000; ++i) door_queue().push_back({false, 0x10000U + 4 * (i % 16), 0, 0xf});
  for (Word i = 0; i < 50; ++i) {
    EXPECT_EQ(debug_load(0x10000 + 4 * (i % 16)).data, 7U);
  }
  EXPECT_FALSE(door_idle()) << "the back door was busy all the time";
  EXPECT_LE(longest_door_wait(), 1U);
}

TEST_F(CoreDebug, StepsOneInstructionWithoutInterrupts) {
  Program program;
  program.li(31, 0x100);
  program << csrw(kMtvec, 31) << addi(31, 0, -1) << csrw(kMie, 31) << csrsi(kMstatus, 8);
  const Word at = program.here();
  program << addi(1, 0, 1) << kEcall << kWfi << addi(2, 0, 2) << jal(0, -8) << kStop;
  program.pad_to(0x100);
  program << csrr(30, kMepc) << addi(30, 30, 4) << csrw(kMepc, 30) << kMret;
  write_program(program);
  dut().run_i = 0;
  pulse_halt();  // latched while held: halts in front of the first instruction
  start();
  ASSERT_TRUE(wait_halted());
  EXPECT_TRUE(retired().empty());
  EXPECT_EQ(debug_read(32).data, 0U);
  std::vector<Word> pcs;
  for (int i = 0; i < 14; ++i) {
    if (i == 6) set_irq(0x00010000);
    step();
    ASSERT_EQ(retired().size(), static_cast<std::size_t>(i + 1));
    pcs.push_back(retired().back().pc);
    EXPECT_EQ(debug_read(32).data, iss().pc());
  }
  EXPECT_EQ(pcs, (std::vector<Word>{0, 4, 8, 12, 16, 20, at, at + 4, 0x100, 0x104, 0x108, 0x10c,
                                    at + 8, at + 12}));
  EXPECT_TRUE(retired()[7].trap);  // the step over ECALL ends in front of the handler
  EXPECT_FALSE(retired()[7].intr);
  pulse_resume();  // now the interrupt comes first
  run(4);
  EXPECT_TRUE(retired()[14].intr);
}

TEST_F(CoreDebug, HaltsOutOfWfi) {
  Program program;
  program << kWfi << addi(1, 0, 1) << kStop;
  write_program(program);
  start();
  run(30);
  ASSERT_TRUE(wfi());
  halt();
  EXPECT_EQ(debug_read(32).data, 4U);
  pulse_resume();
  run_to_stop();
  EXPECT_EQ(iss().reg(1), 1U);
}

TEST_F(CoreDebug, EbreakHaltsWhenAsked) {
  Program program;
  program << addi(1, 0, 1) << kEbreak << addi(1, 1, 1) << kStop;
  write_program(program);
  pulse_halt();
  start();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(debug_read(0x1000 + kDcsr).data, 0x400000c3U);  // cause 3: halt request
  EXPECT_FALSE(debug_write(0x1000 + kDcsr, 0xffffffff).error);
  pulse_resume();
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(debug_read(32).data, 4U);
  EXPECT_EQ(debug_read(0x1000 + kDcsr).data, 0x40008043U);  // ebreakm, cause 1: EBREAK
  EXPECT_EQ(retired().size(), 1U);
  step();
  EXPECT_EQ(debug_read(32).data, 4U) << "a step onto EBREAK stays there";
  debug_write(32, 8);
  step();
  EXPECT_EQ(debug_read(0x1000 + kDcsr).data, 0x40008103U);  // cause 4: step
  pulse_resume();
  run_to_stop();
  EXPECT_EQ(iss().reg(1), 2U);
}

TEST_F(CoreDebug, HaltWaitsForTheBusAndResetEndsIt) {
  Program program;
  program.li(5, 0x01000000);
  program << lw(6, 5, 0) << kStop;
  write_program(program);
  bus().stuck = true;
  start();
  run(20);
  pulse_halt();
  run(50);
  EXPECT_FALSE(halted());
  bus().stuck = false;
  ASSERT_TRUE(wait_halted());
  EXPECT_EQ(retired().size(), 3U);
  stop();
  tick();
  EXPECT_FALSE(halted());
  start();
  run_to_stop();
}

}  // namespace
