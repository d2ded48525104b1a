// SPDX-License-Identifier: Apache-2.0
// The instruction-set model's fast path against its slow one: same programs, same interrupts, same
// time.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "common/bench.hpp"
#include "core/random_program.hpp"
#include "iss/iss.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;
using tb::RandomProgram;

constexpr std::uint32_t kTcmBytes = 0x10000;

/// Both TCMs and a ROM as bytes; nothing on the bus.
class Tcms : public IssMemory {
 public:
  std::vector<std::uint8_t> itcm = std::vector<std::uint8_t>(kTcmBytes);
  std::vector<std::uint8_t> dtcm = std::vector<std::uint8_t>(kTcmBytes);
  std::vector<std::uint8_t> rom = std::vector<std::uint8_t>(0x4000);

  bool fetch(Word addr, Word& insn) override {
    if (addr < kTcmBytes) return get(itcm, addr, insn);
    return addr - 0x80000 < rom.size() && get(rom, addr - 0x80000, insn);
  }
  bool load(Word addr, std::uint8_t /*strb*/, Word& word) override {
    if (addr >= 2 * kTcmBytes) return false;
    return get(addr < kTcmBytes ? itcm : dtcm, addr % kTcmBytes, word);
  }
  bool store(Word addr, std::uint8_t strb, Word word) override {
    if (addr >= 2 * kTcmBytes) return false;
    auto& memory = addr < kTcmBytes ? itcm : dtcm;
    for (unsigned i = 0; i < 4; ++i) {
      if ((strb >> i & 1U) != 0) {
        memory[addr % kTcmBytes + i] = static_cast<std::uint8_t>(word >> 8 * i);
      }
    }
    return true;
  }
  void put(const Program& program) {
    std::memcpy(itcm.data() + program.base(), program.words().data(), 4 * program.words().size());
  }
  IssFastMemory fast() {
    return {itcm.data(), kTcmBytes, dtcm.data(), kTcmBytes, rom.data(), 0x4000};
  }

 private:
  static bool get(const std::vector<std::uint8_t>& from, Word addr, Word& word) {
    std::memcpy(&word, from.data() + addr, 4);
    return true;
  }
};

/// What run() does, one step() at a time.
IssStop run_slowly(Iss& iss, Tcms& memory, std::uint64_t until) {
  while (iss.now() < until) {
    Word insn = 0;
    if (memory.fetch(iss.pc(), insn) && insn == kWfi && (iss.irq() & iss.irq_enabled()) == 0) {
      return IssStop::Wfi;
    }
    const auto access = iss.access();
    if (access && access->addr >= 2 * kTcmBytes && access->addr % access->bytes == 0) {
      return IssStop::Bus;
    }
    const Retire retire = iss.step();
    iss.set_now(iss.now() + iss.cycles());
    if (!retire.trap && iss.pending_interrupt()) return IssStop::Interrupt;
  }
  return IssStop::Time;
}

class IssRun : public testing::Test {
 protected:
  IssRun() : slow_(slow_memory_), fast_(fast_memory_) {}

  void SetUp() override {
    const auto seed = tb::seed_from_env();
    rng_.seed(seed);
    fmt::print("seed {} (set TSR_SEED to change it)\n", seed);
  }

  void load(tb::RandomMix mix, unsigned count) {
    RandomProgram random(rng_, mix);
    for (auto* memory : {&slow_memory_.itcm, &slow_memory_.dtcm}) {
      for (auto& byte : *memory) byte = static_cast<std::uint8_t>(rng_());
    }
    slow_memory_.put(RandomProgram::table());
    slow_memory_.put(random.setup((rng_() & 1) != 0));
    slow_memory_.put(random.code(count));
    fast_memory_ = slow_memory_;
    fast_.attach(fast_memory_.fast());
    for (Iss* iss : {&slow_, &fast_}) {
      iss->reset(RandomProgram::kSetup);
      iss->set_now(0);
      iss->set_irq(0);
    }
  }

  void compare_state() {
    ASSERT_EQ(fast_.pc(), slow_.pc());
    ASSERT_EQ(fast_.now(), slow_.now());
    ASSERT_EQ(fast_.retired(), slow_.retired());
    for (unsigned i = 0; i < 32; ++i) ASSERT_EQ(fast_.reg(i), slow_.reg(i)) << "x" << i;
    for (const Word n : {0x300U, 0x304U, 0x305U, 0x340U, 0x341U, 0x342U, 0x343U, 0x344U, 0xb00U,
                         0xb02U, 0xb80U, 0xb82U}) {
      ASSERT_EQ(fast_.csr(n), slow_.csr(n)) << fmt::format("CSR {:03x}", n);
    }
  }

  /// One stretch of random length, then whatever it stopped for.
  void stretch() {
    const auto until = slow_.now() + 1 + rng_() % 300;
    const IssStop stop = run_slowly(slow_, slow_memory_, until);
    ASSERT_EQ(fast_.run(until), stop);
    ++stops_[static_cast<unsigned>(stop)];
    compare_state();
    const auto irq = static_cast<Word>(rng_() % 4 != 0 ? 0 : rng_() & rng_());
    for (Iss* iss : {&slow_, &fast_}) {
      if (stop == IssStop::Wfi || stop == IssStop::Bus) {
        iss->step();
        iss->set_now(iss->now() + iss->cycles());
      }
      iss->set_irq(irq);
      if (const auto code = iss->pending_interrupt()) {
        iss->take_interrupt(*code);
        iss->set_now(iss->now() + 2);
      }
    }
  }

  Tcms slow_memory_, fast_memory_;
  Iss slow_, fast_;
  std::mt19937_64 rng_;
  std::uint64_t stops_[5] = {};
};

TEST_F(IssRun, AgreesWithStepsOnRandomPrograms) {
  std::uint64_t instructions = 0;
  for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
    load({/*system=*/true, /*backward=*/true, /*bus=*/true}, 2000);
    for (int n = 0; n < 400 && !HasFatalFailure(); ++n) stretch();
    instructions += fast_.retired();
    EXPECT_TRUE(fast_memory_.itcm == slow_memory_.itcm) << "code memory differs";
    EXPECT_TRUE(fast_memory_.dtcm == slow_memory_.dtcm) << "data memory differs";
  }
  fmt::print("{} instructions; stops: time {}, bus {}, WFI {}, interrupt {}\n", instructions,
             stops_[0], stops_[1], stops_[2], stops_[4]);
  EXPECT_GE(instructions, 100000U);
  for (const unsigned reason : {0U, 1U, 2U, 4U}) EXPECT_GE(stops_[reason], 10U) << reason;
}

/// Loads the words of `program`, then runs from its base for `cycles`.
class IssRunDirected : public IssRun {
 protected:
  void begin(const Program& program) {
    fast_memory_.put(program);
    fast_.attach(fast_memory_.fast());
    fast_.reset(program.base());
    fast_.set_now(0);
  }
};

TEST_F(IssRunDirected, ExecutesCodeThatItHasWritten) {
  Program program;
  program.li(5, addi(6, 6, 1)).li(7, 0x100);
  program << addi(6, 0, 10) << jalr(1, 7, 0) << sw(5, 7, 0) << kFenceI << jalr(1, 7, 0) << kWfi;
  begin(program);
  Program callee(0x100);
  callee << addi(6, 6, 100) << jalr(0, 1, 0);
  fast_memory_.put(callee);
  EXPECT_EQ(fast_.run(1000), IssStop::Wfi);
  EXPECT_EQ(fast_.reg(6), 111U);
}

TEST_F(IssRunDirected, SeesCodeThatOthersHaveWritten) {
  Program program;
  program << addi(6, 6, 1) << jal(0, -4);
  begin(program);
  EXPECT_EQ(fast_.run(30), IssStop::Time);
  Program patch;
  patch << kWfi;
  fast_memory_.put(patch);
  fast_.invalidate(0, 4);
  EXPECT_EQ(fast_.run(100), IssStop::Wfi);
  EXPECT_EQ(fast_.reg(6), 10U);
}

TEST_F(IssRunDirected, StopsInFrontOfEbreakOnlyIfAsked) {
  Program program;
  program.li(5, 0x40);
  program << csrw(kMtvec, 5) << kEbreak;
  program.pad_to(0x40);
  program << kWfi;
  begin(program);
  fast_.set_halt_on_ebreak(true);
  EXPECT_EQ(fast_.run(100), IssStop::Ebreak);
  EXPECT_EQ(fast_.pc(), 12U);  // li is two instructions
  fast_.set_halt_on_ebreak(false);
  EXPECT_EQ(fast_.run(100), IssStop::Wfi);
  EXPECT_EQ(fast_.pc(), 0x40U);
  EXPECT_EQ(fast_.csr(kMcause), 3U);
}

TEST_F(IssRunDirected, RunsFromRomAndFaultsBehindTheMemories) {
  const Word words[] = {addi(6, 0, 7), jalr(0, 0, 0)};
  Program program;
  program.li(5, 0x80000).li(7, 0x90000).li(8, 0x60);
  program << csrw(kMtvec, 8) << jalr(1, 5, 0);
  program.pad_to(0x60);
  program << kWfi;
  begin(program);
  std::memcpy(fast_memory_.rom.data(), words, sizeof words);
  // The ROM jumps to address 0, which jumps to the ROM, and so on; then far away.
  EXPECT_EQ(fast_.run(200), IssStop::Time);
  EXPECT_EQ(fast_.reg(6), 7U);
  fast_.set_pc(0x90000);
  EXPECT_EQ(fast_.run(fast_.now() + 20), IssStop::Wfi);
  EXPECT_EQ(fast_.csr(kMcause), 1U);
  EXPECT_EQ(fast_.csr(kMtval), 0x90000U);
}

}  // namespace
