// SPDX-License-Identifier: Apache-2.0
// Every instruction against hand-written values, and the cycles each takes.
#include "Vcore.h"
#include "core/core_bench.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

class Core : public tb::CoreBench<Vcore> {
 protected:
  struct Case {
    Word insn;  // x7 <- x5, x6
    Word a, b, expected;
  };

  /// One program for all cases; checks the value that each instruction wrote.
  void check(const std::vector<Case>& cases) {
    Program program;
    std::vector<Word> places;
    for (const auto& c : cases) {
      program.li(5, c.a).li(6, c.b);
      places.push_back(program.here());
      program << c.insn;
    }
    program << kStop;
    execute(program);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto found = retired_at(places[i]);
      ASSERT_EQ(found.size(), 1U);
      EXPECT_TRUE(found[0].rd_we);
      EXPECT_EQ(found[0].rd, 7);
      EXPECT_EQ(found[0].rd_wdata, cases[i].expected)
          << "case " << i << " " << found[0].to_string();
    }
  }

  /// Cycles between the retirements of the instructions at `from` and `to` (first occurrences).
  std::uint64_t cycles_between(Word from, Word to) {
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < retired().size(); ++i) {
      if (retired()[i].pc == from && first == 0) first = retire_cycles()[i];
      if (retired()[i].pc == to && first != 0) return retire_cycles()[i] - first;
    }
    ADD_FAILURE() << "not retired";
    return 0;
  }
};

TEST_F(Core, ComputesEveryRegisterInstruction) {
  check({{add(7, 5, 6), 0xffffffff, 2, 1},
         {add(7, 5, 6), 0x7fffffff, 1, 0x80000000},
         {sub(7, 5, 6), 0, 1, 0xffffffff},
         {sub(7, 5, 6), 0x80000000, 1, 0x7fffffff},
         {sll(7, 5, 6), 1, 31, 0x80000000},
         {sll(7, 5, 6), 0x12345678, 36, 0x23456780},
         {slt(7, 5, 6), 0xffffffff, 0, 1},
         {slt(7, 5, 6), 0, 0xffffffff, 0},
         {slt(7, 5, 6), 0x80000000, 0x7fffffff, 1},
         {sltu(7, 5, 6), 0xffffffff, 0, 0},
         {sltu(7, 5, 6), 0, 0xffffffff, 1},
         {xor_(7, 5, 6), 0xff00ff00, 0x0ff00ff0, 0xf0f0f0f0},
         {srl(7, 5, 6), 0x80000000, 31, 1},
         {srl(7, 5, 6), 0x80000000, 0xffffffe4, 0x08000000},
         {sra(7, 5, 6), 0x80000000, 31, 0xffffffff},
         {sra(7, 5, 6), 0x80000000, 4, 0xf8000000},
         {sra(7, 5, 6), 0x40000000, 4, 0x04000000},
         {or_(7, 5, 6), 0xff00ff00, 0x0ff00ff0, 0xfff0fff0},
         {and_(7, 5, 6), 0xff00ff00, 0x0ff00ff0, 0x0f000f00}});
}

TEST_F(Core, ComputesEveryImmediateInstruction) {
  check({{addi(7, 5, -1), 0, 0, 0xffffffff},
         {addi(7, 5, 2047), 1, 0, 0x800},
         {addi(7, 5, -2048), 0, 0, 0xfffff800},
         {slti(7, 5, -1), 0xfffffffe, 0, 1},
         {slti(7, 5, -1), 0, 0, 0},
         {sltiu(7, 5, -1), 0xfffffffe, 0, 1},
         {sltiu(7, 5, 1), 0, 0, 1},
         {xori(7, 5, -1), 0x12345678, 0, 0xedcba987},
         {ori(7, 5, 0x700), 0x0000000f, 0, 0x70f},
         {ori(7, 5, -2048), 1, 0, 0xfffff801},
         {andi(7, 5, -16), 0xffffffff, 0, 0xfffffff0},
         {slli(7, 5, 31), 3, 0, 0x80000000},
         {srli(7, 5, 31), 0x80000000, 0, 1},
         {srai(7, 5, 31), 0x80000000, 0, 0xffffffff},
         {srai(7, 5, 1), 0x40000000, 0, 0x20000000},
         {lui(7, 0xfffff000), 0, 0, 0xfffff000},
         {lui(7, 0x12345000), 0, 0, 0x12345000}});
}

TEST_F(Core, AddsThePcInAuipc) {
  Program program(0x400);
  program << auipc(7, 0) << auipc(8, 0xfffff000) << kStop;
  execute(program);
  EXPECT_EQ(retired()[0].rd_wdata, 0x400U);
  EXPECT_EQ(retired()[1].rd_wdata, 0xfffff404U);
}

TEST_F(Core, MultipliesSignedAndUnsigned) {
  check({{muldiv(0, 7, 5, 6), 0xffffffff, 0xffffffff, 1},
         {muldiv(0, 7, 5, 6), 0x12345678, 0x9abcdef0, 0x242d2080},
         {muldiv(1, 7, 5, 6), 0xffffffff, 0xffffffff, 0},
         {muldiv(1, 7, 5, 6), 0x80000000, 0x80000000, 0x40000000},
         {muldiv(1, 7, 5, 6), 0x80000000, 0x7fffffff, 0xc0000000},
         {muldiv(2, 7, 5, 6), 0xffffffff, 0xffffffff, 0xffffffff},
         {muldiv(2, 7, 5, 6), 0x80000000, 0xffffffff, 0x80000000},
         {muldiv(2, 7, 5, 6), 0x7fffffff, 0xffffffff, 0x7ffffffe},
         {muldiv(3, 7, 5, 6), 0xffffffff, 0xffffffff, 0xfffffffe},
         {muldiv(3, 7, 5, 6), 0x80000000, 2, 1}});
}

TEST_F(Core, DividesWithItsSpecialCases) {
  check({{muldiv(4, 7, 5, 6), 20, 6, 3},
         {muldiv(4, 7, 5, 6), static_cast<Word>(-20), 6, static_cast<Word>(-3)},
         {muldiv(4, 7, 5, 6), 20, static_cast<Word>(-6), static_cast<Word>(-3)},
         {muldiv(4, 7, 5, 6), 0x80000000, 0xffffffff, 0x80000000},
         {muldiv(4, 7, 5, 6), 5, 0, 0xffffffff},
         {muldiv(4, 7, 5, 6), 0xfffffffb, 0, 0xffffffff},
         {muldiv(5, 7, 5, 6), 0xffffffff, 2, 0x7fffffff},
         {muldiv(5, 7, 5, 6), 1, 0xffffffff, 0},
         {muldiv(5, 7, 5, 6), 5, 0, 0xffffffff},
         {muldiv(6, 7, 5, 6), static_cast<Word>(-20), 6, static_cast<Word>(-2)},
         {muldiv(6, 7, 5, 6), 20, static_cast<Word>(-6), 2},
         {muldiv(6, 7, 5, 6), 0x80000000, 0xffffffff, 0},
         {muldiv(6, 7, 5, 6), 0xfffffffb, 0, 0xfffffffb},
         {muldiv(7, 7, 5, 6), 0xffffffff, 0x10000, 0xffff},
         {muldiv(7, 7, 5, 6), 7, 0, 7},
         {muldiv(7, 7, 5, 6), 0xfffffffe, 0xffffffff, 0xfffffffe}});
}

TEST_F(Core, BranchesCompareSignedAndUnsigned) {
  struct Branch {
    Word funct3, a, b;
    bool taken;
  };
  const Word minus = 0xffffffff;
  const std::vector<Branch> branches = {
      {0, 1, 1, true},      {0, 1, 2, false},     {1, 1, 2, true},     {1, 2, 2, false},
      {4, minus, 0, true},  {4, 0, minus, false}, {4, 3, 3, false},    {5, 0, minus, true},
      {5, minus, 0, false}, {5, 3, 3, true},      {6, 0, minus, true}, {6, minus, 0, false},
      {7, minus, 0, true},  {7, 0, minus, false}, {7, 3, 3, true}};
  Program program;
  std::vector<Word> skipped;
  for (const auto& b : branches) {
    program.li(5, b.a).li(6, b.b);
    program << b_type(b.funct3, 5, 6, 8);
    skipped.push_back(program.here());
    program << addi(8, 8, 1);
  }
  // Backwards: count x9 down from 3.
  program << addi(9, 0, 3);
  const Word loop = program.here();
  program << addi(9, 9, -1) << bne(9, 0, -4) << kStop;
  execute(program);
  for (std::size_t i = 0; i < branches.size(); ++i) {
    EXPECT_EQ(retired_at(skipped[i]).size(), branches[i].taken ? 0U : 1U) << i;
  }
  EXPECT_EQ(retired_at(loop).size(), 3U);
}

TEST_F(Core, JumpsLinkAndClearBitZero) {
  Program program;
  program << jal(1, 12) << addi(10, 0, 1) << kStop;  // 0, 4, 8
  program << addi(2, 1, 1) << jalr(3, 2, 0);         // 12, 16: to 4, bit 0 dropped
  execute(program);
  ASSERT_EQ(retired().size(), 5U);
  EXPECT_EQ(retired()[0].rd_wdata, 4U);
  EXPECT_EQ(retired()[2].pc, 16U);
  EXPECT_EQ(retired()[2].rd_wdata, 20U);
  EXPECT_EQ(retired()[3].pc, 4U);
}

TEST_F(Core, JalrMayWriteItsOwnBase) {
  Program program;
  program << addi(1, 0, 12) << jalr(1, 1, 0) << addi(10, 0, 1) << kStop;
  execute(program);
  ASSERT_EQ(retired().size(), 3U);
  EXPECT_EQ(retired()[1].rd_wdata, 8U);
  EXPECT_EQ(retired()[2].pc, 12U);
}

TEST_F(Core, NeverWritesX0) {
  Program program;
  program << addi(0, 0, 5) << add(1, 0, 0) << lui(0, 0x1000) << jal(0, 4) << or_(2, 0, 0) << kStop;
  execute(program);
  for (const auto& r : retired()) EXPECT_EQ(r.rd_wdata, 0U);
}

TEST_F(Core, ForwardsResultsToTheNextInstruction) {
  Program program;
  program << addi(1, 0, 1) << add(1, 1, 1) << add(1, 1, 1) << mul(2, 1, 1) << add(2, 2, 2)
          << lui(3, 0x10000) << sw(2, 3, 0) << lw(4, 3, 0) << add(4, 4, 4) << sw(4, 3, 4)
          << lw(3, 3, 4) << addi(5, 3, 0) << kStop;
  execute(program);
  EXPECT_EQ(iss().reg(5), 64U);
  EXPECT_EQ(retired()[11].rd_wdata, 64U);
}

/// All sizes at all naturally aligned offsets, and all loads back.
void lay_load_store(Program& program, Word base) {
  program.li(5, base).li(6, 0x89abcdef).li(7, 0x76543210);
  for (int i = 0; i < 4; ++i) program << sw(7, 5, 4 * i);
  for (int i = 0; i < 4; ++i) program << store(0, 6, 5, i);
  program << store(1, 6, 5, 4) << store(1, 6, 5, 6) << store(2, 6, 5, 8) << store(0, 6, 5, 13);
  for (int i = 0; i < 16; ++i) program << load(0, 8, 5, i) << load(4, 9, 5, i);
  for (int i = 0; i < 16; i += 2) program << load(1, 8, 5, i) << load(5, 9, 5, i);
  for (int i = 0; i < 16; i += 4) program << load(2, 10, 5, i);
  program << kStop;
}

TEST_F(Core, LoadsAndStoresEverySize) {
  for (const Word base :
       {0x00010100U, 0x00008000U, 0x0001fff0U, 0x0000fff0U, 0x01000040U, 0x80000000U}) {
    Program program;
    lay_load_store(program, base);
    execute(program);
    std::vector<Word> words, bytes;
    for (const auto& r : retired()) {
      if (r.mem_valid && !r.mem_write && r.rd == 10) words.push_back(r.rd_wdata);
      if (r.mem_valid && !r.mem_write && r.rd == 8 && ((r.insn >> 12) & 7) == 0)
        bytes.push_back(r.rd_wdata);
    }
    EXPECT_EQ(words, (std::vector<Word>{0xefefefef, 0xcdefcdef, 0x89abcdef, 0x7654ef10}));
    ASSERT_EQ(bytes.size(), 16U);
    EXPECT_EQ(bytes[0], 0xffffffefU);
    EXPECT_EQ(bytes[12], 0x00000010U);
    EXPECT_EQ(bytes[11], 0xffffff89U);
    EXPECT_EQ(bus_accesses() != 0, base >= 0x20000);
    stop();
  }
}

TEST_F(Core, FenceHasNoEffectAndFenceISeesNewCode) {
  Program program;
  program.li(5, addi(10, 0, 77)).li(6, 0x24);
  program << sw(5, 6, 0) << kFence << kFenceI;
  program.pad_to(0x24);
  program << addi(10, 0, 1) << kStop;
  // The new word follows directly behind FENCE.I, where the old one was already fetched.
  ASSERT_EQ(program.words()[0x24 / 4], addi(10, 0, 1));
  program.patch(0x1c, kFence);
  program.patch(0x20, kFenceI);
  execute(program);
  EXPECT_EQ(retired_at(0x24)[0].rd_wdata, 77U);
}

TEST_F(Core, RetiresOneInstructionACycle) {
  write_tcm(0x10000, {0x1234, 0});
  Program program;
  program.li(5, 0x10000);
  const Word first = program.here();
  for (int i = 0; i < 100; ++i) {
    program << add(6, 6, 5) << lw(7, 5, 0) << add(7, 7, 6) << sw(7, 5, 4) << beq(0, 5, 8);
  }
  const Word last = program.here();
  program << kStop;
  execute(program);
  EXPECT_EQ(cycles_between(first, last), 500U);
}

TEST_F(Core, TakesTheDocumentedCycles) {
  Program program;
  program.li(5, 0x01000000);
  const Word at = program.here();
  program << mul(6, 5, 5) << div(6, 5, 5) << jal(0, 4) << beq(0, 0, 4) << lw(6, 5, 0) << kFenceI
          << csrr(6, kMscratch) << kStop;
  bus().ready = 1.0;
  bus().max_latency = 1;
  execute(program);
  const auto cycles = [&](Word n) { return cycles_between(at + 4 * n - 4, at + 4 * n); };
  EXPECT_EQ(cycles(0), 2U);       // MUL
  EXPECT_EQ(cycles(1), 34U);      // DIV
  EXPECT_EQ(cycles(2), 1U);       // JAL itself ...
  EXPECT_EQ(cycles(3), 2U);       // ... costs its successor a cycle
  EXPECT_EQ(cycles(4), 2U + 2U);  // taken branch, then a bus load: accepted and answered at once
  EXPECT_EQ(cycles(5), 1U);
  EXPECT_EQ(cycles(6), 2U);  // behind FENCE.I
  EXPECT_EQ(cycles(7), 1U);
}

}  // namespace
