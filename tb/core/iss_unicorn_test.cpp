// SPDX-License-Identifier: Apache-2.0
// The instruction-set model against Unicorn (QEMU's RISC-V translator), an independent
// implementation.
//
// Compared: all registers, pc and all memory after random programs of every unprivileged RV32IM
// instruction. Left out because Unicorn differs by design: misaligned accesses (Unicorn performs
// them), time and counters (host time), interrupts and traps (the host handles them), WARL fields
// of the machine CSRs.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unicorn/unicorn.h>

#include "common/bench.hpp"
#include "core/random_program.hpp"
#include "iss/iss.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;
using tb::RandomProgram;

constexpr std::size_t kBytes = 0x20000;

/// 128 KiB of flat memory from address 0.
class FlatMemory : public IssMemory {
 public:
  std::vector<Word> words = std::vector<Word>(kBytes / 4);

  bool fetch(Word addr, Word& insn) override { return load(addr, 0xf, insn); }
  bool load(Word addr, std::uint8_t /*strb*/, Word& word) override {
    if (addr >= kBytes) return false;
    word = words[addr / 4];
    return true;
  }
  bool store(Word addr, std::uint8_t strb, Word word) override {
    if (addr >= kBytes) return false;
    for (unsigned i = 0; i < 4; ++i) {
      const Word mask = 0xffU << (8 * i);
      if ((strb >> i) & 1) words[addr / 4] = (words[addr / 4] & ~mask) | (word & mask);
    }
    return true;
  }
  void put(const Program& program) {
    std::copy(program.words().begin(), program.words().end(), words.begin() + program.base() / 4);
  }
};

class IssUnicorn : public testing::Test {
 protected:
  void SetUp() override {
    seed_ = tb::seed_from_env();
    rng_.seed(seed_);
    fmt::print("seed {} (set TSR_SEED to change it)\n", seed_);
  }

  /// Run both from RandomProgram::kSetup, `steps` instructions or to `until`, and compare
  /// everything.
  void compare(FlatMemory& memory, Word until) {
    uc_engine* engine = nullptr;
    ASSERT_EQ(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &engine), UC_ERR_OK);
    ASSERT_EQ(uc_mem_map(engine, 0, kBytes, UC_PROT_ALL), UC_ERR_OK);
    ASSERT_EQ(uc_mem_write(engine, 0, memory.words.data(), kBytes), UC_ERR_OK);
    ASSERT_EQ(uc_emu_start(engine, RandomProgram::kSetup, until, 0, 0), UC_ERR_OK);

    Iss iss(memory);
    iss.reset(RandomProgram::kSetup);
    for (int i = 0; i < 100000 && iss.pc() != until; ++i) {
      const Retire r = iss.step();
      ASSERT_FALSE(r.trap) << r.to_string();
      ++instructions_;
    }
    ASSERT_EQ(iss.pc(), until);
    for (unsigned i = 0; i < 32; ++i) {
      Word value = 0;
      ASSERT_EQ(uc_reg_read(engine, UC_RISCV_REG_X0 + static_cast<int>(i), &value), UC_ERR_OK);
      EXPECT_EQ(iss.reg(i), value) << "x" << i;
    }
    std::vector<Word> words(kBytes / 4);
    ASSERT_EQ(uc_mem_read(engine, 0, words.data(), kBytes), UC_ERR_OK);
    EXPECT_TRUE(words == memory.words) << "memory differs";
    uc_close(engine);
  }

  std::uint64_t seed_ = 1;
  std::mt19937_64 rng_;
  std::uint64_t instructions_ = 0;
};

TEST_F(IssUnicorn, AgreesOnRandomPrograms) {
  for (int i = 0; i < 150 && !HasFailure(); ++i) {
    FlatMemory memory;
    for (auto& word : memory.words) word = static_cast<Word>(rng_());
    RandomProgram random(rng_, {/*system=*/false, /*backward=*/false, /*bus=*/false});
    memory.put(random.setup(false));
    memory.put(random.code(2000));
    compare(memory, RandomProgram::kCode + 4 * 2000);
  }
  fmt::print("{} instructions compared\n", instructions_);
  EXPECT_GE(instructions_, 50000U);
}

TEST_F(IssUnicorn, AgreesOnLoops) {
  // A loop around random straight code, so that values evolve.
  for (int i = 0; i < 50 && !HasFailure(); ++i) {
    FlatMemory memory;
    for (auto& word : memory.words) word = static_cast<Word>(rng_());
    RandomProgram random(rng_, {/*system=*/false, /*backward=*/false, /*bus=*/false});
    memory.put(random.setup(false));
    Program code = random.code(60);
    const Word tail = RandomProgram::kCode + 4 * 60;
    code.patch(tail, addi(29, 29, 1));
    code << addi(24, 0, 40)
         << blt(29, 24, static_cast<int>(RandomProgram::kCode) - static_cast<int>(tail) - 8);
    memory.put(code);
    compare(memory, tail + 12);
  }
  EXPECT_GE(instructions_, 50000U);
}

TEST_F(IssUnicorn, AgreesOnScratchCsr) {
  for (int i = 0; i < 50; ++i) {
    FlatMemory memory;
    Program program(RandomProgram::kSetup);
    for (Word r = 1; r < 32; ++r) program.li(r, static_cast<Word>(rng_()));
    for (int n = 0; n < 200; ++n) {
      static constexpr Word kOps[] = {1, 2, 3, 5, 6, 7};
      program << csr(kOps[rng_() % 6], rng_() % 32, kMscratch, rng_() % 32);
    }
    memory.put(program);
    compare(memory, program.here());
  }
}

}  // namespace
