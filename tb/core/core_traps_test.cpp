// SPDX-License-Identifier: Apache-2.0
// Exceptions, CSRs, interrupts, WFI, counters.
#include "Vcore.h"
#include "core/core_bench.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

constexpr Word kHandler = 0x1000;

class CoreTrap : public tb::CoreBench<Vcore> {
 protected:
  /// Program start: mtvec to the handler (direct). The handler ends the test.
  static Program with_handler() {
    Program program;
    program.li(31, kHandler);
    program << csrw(kMtvec, 31);
    return program;
  }
  void load_stop_handler() {
    Program handler(kHandler);
    handler << kStop;
    write_program(handler);
  }
  /// Handler that steps over the offender.
  void load_skip_handler() {
    Program handler(kHandler);
    handler << csrr(30, kMepc) << addi(30, 30, 4) << csrw(kMepc, 30) << kMret;
    write_program(handler);
  }

  /// Run the program; its only trap must be `cause` with `tval` at `pc`.
  void expect_trap(const Program& program, Word pc, Word cause, Word tval) {
    load_stop_handler();
    execute(program);
    unsigned traps = 0;
    for (const auto& r : retired()) {
      if (!r.trap) continue;
      ++traps;
      EXPECT_FALSE(r.intr);
      EXPECT_EQ(r.pc, pc);
      EXPECT_EQ(r.cause, cause);
      EXPECT_EQ(r.tval, tval);
      EXPECT_FALSE(r.rd_we);
      EXPECT_FALSE(r.mem_valid);
    }
    EXPECT_EQ(traps, 1U);
    EXPECT_EQ(retired().back().pc, kHandler);
    EXPECT_EQ(iss().csr(kMepc), pc);
    EXPECT_EQ(iss().csr(kMcause), cause);
    EXPECT_EQ(iss().csr(kMtval), tval);
    stop();
  }
};

TEST_F(CoreTrap, IllegalWordsTrapWithTheWordInMtval) {
  const std::vector<Word> words = {0x00000000,
                                   0xffffffff,
                                   0x0000007f,
                                   r_type(2, 1, 2, 0, 3),
                                   r_type(0x20, 1, 2, 1, 3),
                                   r_type(0x21, 1, 2, 0, 3),
                                   i_type(0x400, 1, 1, 2, 0x13),
                                   i_type(0x200, 1, 5, 2, 0x13),
                                   i_type(0, 1, 3, 2, 0x03),
                                   i_type(0, 1, 6, 2, 0x03),
                                   i_type(0, 1, 7, 2, 0x03),
                                   s_type(0, 1, 2, 3),
                                   s_type(0, 1, 2, 7),
                                   b_type(2, 1, 2, 8),
                                   b_type(3, 1, 2, 8),
                                   i_type(0, 1, 1, 2, 0x67),
                                   i_type(0, 1, 2, 2, 0x0f),
                                   0x10200073 /* SRET */,
                                   0x00200073 /* URET */,
                                   0x30200173,
                                   0x12000073 /* SFENCE.VMA */,
                                   i_type(0, 1, 4, 2, 0x73),
                                   0x0000202f /* LR.W */,
                                   0x00000053 /* FADD */,
                                   0x00000001 /* compressed */};
  for (const Word word : words) {
    Program program = with_handler();
    const Word pc = program.here();
    program << word << addi(1, 0, 1) << kStop;
    expect_trap(program, pc, 2, word);
  }
}

TEST_F(CoreTrap, EcallAndEbreakTrap) {
  Program ecall = with_handler();
  const Word pc = ecall.here();
  ecall << kEcall << kStop;
  expect_trap(ecall, pc, 11, 0);
  Program ebreak = with_handler();
  ebreak << kEbreak << kStop;
  expect_trap(ebreak, pc, 3, 0);
}

TEST_F(CoreTrap, MisalignedAccessesTrapWithoutEffect) {
  for (const Word base : {0x00010100U, 0x00000800U, 0x01000000U}) {
    for (const auto& [funct3, offset] :
         std::vector<std::pair<Word, int>>{{1, 1}, {1, 3}, {5, 1}, {2, 1}, {2, 2}, {2, 3}}) {
      for (const bool is_store : {false, true}) {
        if (is_store && funct3 == 5) continue;
        Program program = with_handler();
        program.li(5, base).li(6, 0x1234);
        const Word pc = program.here();
        program << (is_store ? store(funct3, 6, 5, offset) : load(funct3, 6, 5, offset)) << kStop;
        expect_trap(program, pc, is_store ? 6 : 4, base + static_cast<Word>(offset));
      }
    }
  }
  EXPECT_EQ(bus_accesses(), 0U);
}

TEST_F(CoreTrap, MisalignedTargetsTrapOnTheJump) {
  Program branch = with_handler();
  const Word pc = branch.here();
  branch << beq(0, 0, 6) << kStop;
  expect_trap(branch, pc, 0, pc + 6);
  Program jump = with_handler();
  jump << jal(1, 10) << kStop;
  expect_trap(jump, pc, 0, pc + 10);
  EXPECT_EQ(iss().reg(1), 0U);
  Program indirect = with_handler();
  indirect << jalr(1, 0, 0x103) << kStop;
  expect_trap(indirect, pc, 0, 0x102);
  // A branch that is not taken does not care.
  Program untaken = with_handler();
  untaken << bne(0, 0, 6) << kStop;
  execute(untaken);
  EXPECT_EQ(retired().back().pc, pc + 4);
}

TEST_F(CoreTrap, FetchOutsideTheItcmFaults) {
  for (const Word target : {0x00010000U, 0x00020000U, 0x00080000U, 0x01000000U, 0xfffffffcU}) {
    Program program = with_handler();
    program.li(5, target);
    program << jalr(0, 5, 0) << kStop;
    expect_trap(program, target, 1, target);
  }
}

TEST_F(CoreTrap, FetchFaultsWhenRunningOffTheItcm) {
  Program tail(0xfff8);
  tail << addi(1, 0, 1) << addi(2, 0, 2);
  write_program(tail);
  Program program = with_handler();
  program.li(5, 0xfff8);
  program << jalr(0, 5, 0);
  expect_trap(program, 0x10000, 1, 0x10000);
  EXPECT_EQ(iss().reg(2), 2U);
}

TEST_F(CoreTrap, BusErrorsFaultPrecisely) {
  for (const bool is_store : {false, true}) {
    Program program = with_handler();
    program.li(5, 0x02000004).li(6, 0x1111);
    const Word pc = program.here();
    program << (is_store ? store(1, 6, 5, 2) : load(1, 6, 5, 2)) << addi(6, 0, 1) << kStop;
    bus().error_addr = 0x02000004;
    expect_trap(program, pc, is_store ? 7 : 5, 0x02000006);
    EXPECT_EQ(iss().reg(6), 0x1111U);
  }
  EXPECT_EQ(bus_accesses(), 2U);
}

TEST_F(CoreTrap, TrapsAndMretKeepTheInterruptEnableStack) {
  load_skip_handler();
  Program program = with_handler();
  program << csrsi(kMstatus, 8) << kEcall << csrr(7, kMstatus) << kStop;
  execute(program);
  const auto in_handler = retired_at(kHandler);
  ASSERT_EQ(in_handler.size(), 1U);
  EXPECT_EQ(iss().reg(7), 0x1888U);  // MPP = 3, MPIE = 1 after MRET, MIE restored
}

TEST_F(CoreTrap, EveryCsrNumberBehavesAsTheModel) {
  // All 4,096 numbers but mtvec: read, write all ones, clear, read, set; what traps is skipped.
  // Registers that exist: 39, none, 62, and 11 read-only ones that trap on three of the five
  // accesses.
  const std::vector<unsigned> expected = {5 * (1023 - 39), 5 * 1024, 5 * (1024 - 62),
                                          5 * (1024 - 11) + 3 * 11};
  load_skip_handler();
  for (Word block = 0; block < 4; ++block) {
    Program program(0x2000);
    program.li(31, kHandler);
    program << csrw(kMtvec, 31) << addi(5, 0, -1);
    for (Word n = block * 1024; n < block * 1024 + 1024; ++n) {
      if (n == kMtvec) continue;
      program << csrr(6, n) << csr(1, 7, n, 5) << csr(7, 8, n, 0x15) << csr(3, 9, n, 0)
              << csr(6, 10, n, 0x1f);
    }
    program << kStop;
    write_program(program);
    start(0x2000);
    run_to_stop(60000);
    unsigned traps = 0;
    for (const auto& r : retired()) traps += r.trap ? 1 : 0;
    EXPECT_EQ(traps, expected[block]);
    stop();
  }
}

TEST_F(CoreTrap, CsrsResetAndMaskAsDocumented) {
  struct Row {
    Word number, reset, ones;
  };
  const std::vector<Row> rows = {{kMstatus, 0x1800, 0x1888},
                                 {kMisa, 0x40001100, 0x40001100},
                                 {kMie, 0, 0xffff0888},
                                 {kMscratch, 0, 0xffffffff},
                                 {kMepc, 0, 0xfffffffc},
                                 {kMcause, 0, 0x8000001f},
                                 {kMtval, 0, 0xffffffff},
                                 {kMip, 0, 0},
                                 {kMtvec, 0, 0xfffffffd},
                                 {0x310, 0, 0},
                                 {0x320, 0, 0},
                                 {0x323, 0, 0},
                                 {0xb03, 0, 0},
                                 {0xb9f, 0, 0}};
  Program program;
  program << addi(5, 0, -1);
  std::vector<Word> places;
  for (const auto& row : rows) {
    places.push_back(program.here());
    program << csr(1, 6, row.number, 5) << csr(1, 7, row.number, 0);
  }
  program << csrr(6, 0xf11) << csrr(6, 0xf12) << csrr(6, 0xf13) << csrr(8, kMhartid)
          << csrr(6, 0xf15) << kStop;
  execute(program);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(retired_at(places[i])[0].rd_wdata, rows[i].reset) << std::hex << rows[i].number;
    EXPECT_EQ(retired_at(places[i] + 4)[0].rd_wdata, rows[i].ones) << std::hex << rows[i].number;
  }
  EXPECT_EQ(iss().reg(8), kHartId);
}

TEST_F(CoreTrap, ReadOnlyCsrsRefuseWritesOnly) {
  for (const Word number :
       {Word{kMhartid}, Word{kCycle}, Word{kTime}, Word{kInstret}, Word{0xf11}}) {
    Program program = with_handler();
    program << csr(2, 6, number, 0) << csr(7, 6, number, 0);
    const Word pc = program.here();
    program << csr(2, 6, number, 5) << kStop;
    expect_trap(program, pc, 2, csr(2, 6, number, 5));
  }
}

TEST_F(CoreTrap, CountersCountTimeCyclesAndInstructions) {
  Program program;
  program << csrr(5, kTime) << csrr(6, kTimeh) << csrr(7, kMcycle) << csrr(8, kInstret);
  program << nop() << nop() << csrr(9, kMinstret);
  program.li(10, 1000);
  program << csrw(kMcycle, 10) << csrr(11, kMcycle) << csrw(kMcycleh, 10) << csrr(12, kMcycle);
  program << csrr(13, kMcycleh) << csrr(14, kTime) << csrw(kMinstret, 10) << csrr(15, kMinstret);
  program << csrw(kMinstreth, 10) << csrr(16, kMinstret) << csrr(17, kMinstreth) << kStop;
  const auto begin = now();
  execute(program);
  EXPECT_GT(iss().reg(5), static_cast<Word>(begin));
  EXPECT_LT(iss().reg(5), static_cast<Word>(begin + 100));
  EXPECT_EQ(iss().reg(6), static_cast<Word>(begin >> 32));
  EXPECT_EQ(iss().reg(7), iss().reg(5) + 2);  // never written: mcycle is time
  EXPECT_EQ(iss().reg(8), 3U);
  EXPECT_EQ(iss().reg(9), 6U);
  EXPECT_EQ(iss().reg(11), 1001U);
  EXPECT_EQ(iss().reg(12), 1003U);
  EXPECT_EQ(iss().reg(13), 1000U);
  EXPECT_EQ(iss().reg(14), iss().reg(5) + 14);
  EXPECT_EQ(iss().reg(15), 1000U);  // the write itself does not count
  EXPECT_EQ(iss().reg(16), 1001U);
  EXPECT_EQ(iss().reg(17), 1000U);
}

// ---------------------------------------------------------------- interrupts

class CoreIrq : public CoreTrap {
 protected:
  static constexpr Word kTable = 0x2000;

  /// Vectored handlers: number n in x20, then stop.
  void load_table() {
    Program table(kTable);
    for (Word n = 0; n < 32; ++n) table << jal(0, static_cast<int>(0x400 - 4 * n + 8 * n));
    table.pad_to(kTable + 0x400);
    for (Word n = 0; n < 32; ++n) table << addi(20, 0, static_cast<int>(n)) << kStop;
    write_program(table);
  }
  /// mtvec, mie = `enabled`, MIE, then a long loop.
  static Program waiting_program(Word tvec, Word enabled) {
    Program program;
    program.li(31, tvec);
    program << csrw(kMtvec, 31);
    program.li(31, enabled);
    program << csrw(kMie, 31) << csrsi(kMstatus, 8);
    program << addi(1, 1, 1) << jal(0, -4);
    return program;
  }
  void start_waiting(Word tvec, Word enabled) {
    const Program program = waiting_program(tvec, enabled);
    write_program(program);
    start();
    run(60);
    EXPECT_FALSE(retired().back().trap);
  }
};

TEST_F(CoreIrq, EverySourceTakesItsVector) {
  load_table();
  for (const Word code :
       {3, 7, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}) {
    start_waiting(kTable | 1, 1U << code);
    set_irq(~(1U << code));  // all others: not enabled
    run(20);
    EXPECT_FALSE(retired().back().trap);
    set_irq(1U << code);
    run_to_stop();
    EXPECT_EQ(iss().reg(20), code);
    EXPECT_EQ(iss().csr(kMcause), 0x80000000U | code);
    EXPECT_EQ(iss().csr(kMstatus), 0x1880U);
    set_irq(0);
    stop();
  }
}

TEST_F(CoreIrq, DirectModeUsesTheBase) {
  load_stop_handler();
  start_waiting(kHandler, 0x80);
  set_irq(0x80);
  run_to_stop();
  EXPECT_EQ(retired().back().pc, kHandler);
}

TEST_F(CoreIrq, PriorityIsFastLowestThenExternalSoftTimer) {
  load_table();
  Word pending = 0xffff0888;
  for (const Word code : {16, 17, 24, 31, 11, 3, 7}) {
    if (code < 16)
      pending &= 0xffff;
    else
      pending &= ~((1U << code) - 1) | 0x888;
    start_waiting(kTable | 1, 0xffff0888);
    set_irq(pending);
    run_to_stop();
    EXPECT_EQ(iss().reg(20), code);
    pending &= ~(1U << code);
    set_irq(0);
    stop();
  }
}

TEST_F(CoreIrq, NothingIsTakenWhileMieIsClear) {
  load_table();
  Program program;
  program.li(31, kTable | 1);
  program << csrw(kMtvec, 31);
  program.li(31, 0xffff0888);
  program << csrw(kMie, 31);
  for (int i = 0; i < 20; ++i) program << addi(1, 1, 1);
  const Word enable = program.here();
  program << csrsi(kMstatus, 8) << addi(2, 0, 1) << kStop;
  set_irq(0x00100000);
  execute(program);
  EXPECT_EQ(iss().reg(1), 20U);
  EXPECT_EQ(iss().reg(20), 20U);
  EXPECT_EQ(iss().csr(kMepc), enable + 4);  // taken right behind the enabling instruction
  EXPECT_EQ(iss().reg(2), 0U);
}

TEST_F(CoreIrq, InterruptWaitsForABusAccessUnderWay) {
  load_table();
  Program program;
  program.li(31, kTable | 1);
  program << csrw(kMtvec, 31) << addi(31, 0, -1) << csrw(kMie, 31) << csrsi(kMstatus, 8);
  program.li(5, 0x03000000);
  const Word at = program.here();
  program << lw(6, 5, 0) << addi(7, 0, 1) << kStop;
  write_program(program);
  bus().stuck = true;
  start();
  run(40);
  set_irq(1U << 16);
  run(40);
  EXPECT_EQ(retired().back().pc, at - 4);
  bus().stuck = false;
  run_to_stop();
  EXPECT_EQ(iss().csr(kMepc), at + 4);
  EXPECT_EQ(iss().reg(7), 0U);
  EXPECT_EQ(bus_accesses(), 1U);
}

TEST_F(CoreIrq, HandlersNestAndReturn) {
  // Outer handler (timer) enables interrupts again and is interrupted by the software interrupt.
  Program table(kTable);
  for (Word n = 0; n < 32; ++n) table << kStop;
  table.patch(kTable + 4 * 7, jal(0, 0x100 - 28));
  table.patch(kTable + 4 * 3, jal(0, 0x200 - 12));
  table.pad_to(kTable + 0x100);
  table << csrr(10, kMepc) << csrr(11, kMstatus) << addi(12, 0, 0x80) << csr(3, 0, kMie, 12)
        << csrsi(kMstatus, 8);
  for (int i = 0; i < 20; ++i) table << addi(13, 13, 1);
  table << csr(7, 0, kMstatus, 8) << csrw(kMepc, 10) << csrw(kMstatus, 11) << kMret;
  table.pad_to(kTable + 0x200);
  table << addi(14, 13, 0) << csr(7, 0, kMie, 8) << kMret;
  write_program(table);
  start_waiting(kTable | 1, 0x88);
  set_irq(0x80);
  run(16);
  set_irq(0x88);
  const Word before = iss().reg(1);
  run(100);
  EXPECT_EQ(iss().reg(13), 20U);
  EXPECT_GT(iss().reg(14), 0U);
  EXPECT_LT(iss().reg(14), 20U);
  EXPECT_GT(iss().reg(1), before);  // back in the loop
}

TEST_F(CoreIrq, MipShowsTheLines) {
  Program program;
  program << csrr(5, kMip) << addi(6, 0, -1) << csrw(kMip, 6) << csrr(7, kMip) << kStop;
  set_irq(0xa5a50880);
  execute(program);
  EXPECT_EQ(iss().reg(5), 0xa5a50880U);
  EXPECT_EQ(iss().reg(7), 0xa5a50880U);
}

// ---------------------------------------------------------------- WFI

TEST_F(CoreIrq, WfiSleepsIdleUntilAnEnabledInterrupt) {
  Program program;
  program.li(31, 1U << 18);
  program << csrw(kMie, 31);
  const Word at = program.here();
  program << kWfi << addi(1, 0, 1) << kStop;
  write_program(program);
  start();
  run(40);
  EXPECT_TRUE(wfi());
  EXPECT_TRUE(idle());
  EXPECT_EQ(retired_at(at).size(), 0U);
  set_irq(~(1U << 18));  // not enabled: sleeps on
  run(40);
  EXPECT_TRUE(wfi());
  EXPECT_TRUE(idle());
  set_irq(1U << 18);
  tick();
  EXPECT_FALSE(wfi()) << "seen in the same cycle";
  EXPECT_FALSE(idle());
  run_to_stop();
  EXPECT_EQ(iss().reg(1), 1U);  // MIE = 0: no trap
  EXPECT_EQ(retired_at(at).size(), 1U);
}

TEST_F(CoreIrq, WfiThenTrapReturnsBehindIt) {
  load_table();
  Program program;
  program.li(31, kTable | 1);
  program << csrw(kMtvec, 31) << addi(31, 0, -1) << csrw(kMie, 31) << csrsi(kMstatus, 8);
  const Word at = program.here();
  program << kWfi << addi(1, 0, 1) << kStop;
  write_program(program);
  start();
  run(60);
  EXPECT_TRUE(wfi());
  set_irq(1U << 7);
  run_to_stop();
  EXPECT_EQ(iss().csr(kMepc), at + 4);
  EXPECT_EQ(iss().reg(20), 7U);
  EXPECT_EQ(iss().reg(1), 0U);
}

TEST_F(CoreIrq, WfiWithAPendingInterruptDoesNotSleep) {
  Program program;
  program << addi(31, 0, -1) << csrw(kMie, 31) << kWfi << addi(1, 0, 1) << kStop;
  set_irq(1U << 31);
  execute(program);
  EXPECT_EQ(iss().reg(1), 1U);
}

TEST_F(CoreIrq, BackDoorWorksWhileAsleep) {
  Program program;
  program << kWfi << kStop;
  write_program(program);
  start();
  run(30);
  ASSERT_TRUE(idle());
  for (Word i = 0; i < 64; ++i) door_queue().push_back({true, 0x11000 + 4 * i, i * 3, 0xf});
  for (Word i = 0; i < 64; ++i) door_queue().push_back({false, 0x11000 + 4 * i, 0, 0xf});
  run(2);
  EXPECT_FALSE(idle());
  const auto begin = cycle();
  ASSERT_TRUE(run_until([this] { return door_idle(); }, 1000));
  EXPECT_LE(cycle() - begin, 130U) << "full rate";
  run(2);
  EXPECT_TRUE(idle());
  EXPECT_EQ(door_answers().back().data, 63U * 3);
  EXPECT_EQ(retired().size(), 0U);
}

}  // namespace
