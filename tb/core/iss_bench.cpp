// SPDX-License-Identifier: Apache-2.0
// Instructions a second of the instruction-set model: run() on hot loops, step() beside it.
// --benchmark_format=json gives a report for machines.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "core/rv_asm.hpp"
#include "iss/iss.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

/// Both TCMs.
class Tcms : public IssMemory {
 public:
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(0x20000);

  bool fetch(Word addr, Word& insn) override { return load(addr, 0xf, insn); }
  bool load(Word addr, std::uint8_t /*strb*/, Word& word) override {
    if (addr >= bytes.size()) return false;
    std::memcpy(&word, bytes.data() + addr, 4);
    return true;
  }
  bool store(Word addr, std::uint8_t strb, Word word) override {
    if (addr >= bytes.size()) return false;
    for (unsigned i = 0; i < 4; ++i) {
      if ((strb >> i & 1U) != 0) bytes[addr + i] = static_cast<std::uint8_t>(word >> 8 * i);
    }
    return true;
  }
};

/// Typical kernel code, as in core_speed_test.cpp: loads, a store, arithmetic, a branch every ten.
Program mixed() {
  Program program;
  program.li(5, 0x10000);
  const Word top = program.here();
  program << lw(6, 5, 0) << lw(7, 5, 4) << add(8, 6, 7) << sw(8, 5, 8) << xori(9, 8, 0x55)
          << slli(10, 9, 3) << mul(11, 10, 8) << addi(12, 12, 1) << andi(13, 12, 0xff);
  program << bne(5, 0, static_cast<int>(top) - static_cast<int>(program.here()));
  return program;
}

/// Copies words, four instructions a word.
Program copy() {
  Program program;
  const Word outer = program.here();
  program.li(5, 0x10000).li(6, 0x18000).li(7, 0x14000);
  const Word top = program.here();
  program << lw(8, 5, 0) << addi(5, 5, 4) << sw(8, 6, 0) << addi(6, 6, 4);
  program << blt(5, 7, static_cast<int>(top) - static_cast<int>(program.here()));
  program << jal(0, static_cast<int>(outer) - static_cast<int>(program.here()));
  return program;
}

void prepare(Tcms& memory, Iss& iss, const Program& program) {
  std::memcpy(memory.bytes.data(), program.words().data(), 4 * program.words().size());
  iss.attach({memory.bytes.data(), 0x10000, memory.bytes.data() + 0x10000, 0x10000, nullptr, 0});
  iss.reset(0);
  iss.set_now(0);
}

void run(benchmark::State& state, const Program& program) {
  Tcms memory;
  Iss iss(memory);
  prepare(memory, iss, program);
  for (auto _ : state) iss.run(iss.now() + 100000);
  state.SetItemsProcessed(static_cast<std::int64_t>(iss.retired()));
}

void step(benchmark::State& state, const Program& program) {
  Tcms memory;
  Iss iss(memory);
  prepare(memory, iss, program);
  for (auto _ : state) {
    for (int i = 0; i < 10000; ++i) benchmark::DoNotOptimize(iss.step());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(iss.retired()));
}

BENCHMARK_CAPTURE(run, mixed, mixed());
BENCHMARK_CAPTURE(run, copy, copy());
BENCHMARK_CAPTURE(step, mixed, mixed());

}  // namespace

BENCHMARK_MAIN();
