// SPDX-License-Identifier: Apache-2.0
/// The lock-step checkers on sequences of events made by hand.
#include <gtest/gtest.h>

#include <map>

#include "check/node_check.hpp"
#include "core/rv_asm.hpp"
#include "engines/tdma.hpp"
#include "noc/flit.hpp"

namespace tsr {
namespace {

using check::NodeCheck;

constexpr std::size_t kSpmBytes = 4096;

#define EXPECT_HAS(checker, part)                                       \
  ASSERT_TRUE((checker).difference()) << "nothing was found";           \
  EXPECT_NE((checker).difference()->text.find(part), std::string::npos) \
      << (checker).difference()->text
#define EXPECT_RIGHT(checker) EXPECT_FALSE((checker).difference()) << (checker).difference()->text

// ------------------------------------------------------------------ core

/// Memory of the core that plays the RTL.
struct CoreWords final : IssMemory {
  bool fetch(std::uint32_t at, std::uint32_t& word) override { return load(at, 15, word); }
  bool load(std::uint32_t at, std::uint8_t, std::uint32_t& word) override {
    word = words[at];
    return at < 0x9000'0000;
  }
  bool store(std::uint32_t at, std::uint8_t, std::uint32_t word) override {
    words[at] = word;
    return at < 0x9000'0000;
  }
  std::map<std::uint32_t, std::uint32_t> words;
};

/// A program on the core that plays the RTL, and its checker.
struct CoreRun {
  explicit CoreRun(const std::vector<std::uint32_t>& program, std::uint32_t at = 0)
      : rtl(memory, Node{1, 2}.pack()), checker({{1, 2}, kSpmBytes, 8}, [this] { ++stops; }) {
    for (const auto word : program) {
      memory.words[at] = word;
      if (at < 0x10000) checker.tcm_write(0, at, 15, word);
      at += 4;
    }
    start(at - 4 * static_cast<std::uint32_t>(program.size()));
  }
  void start(std::uint32_t pc) {
    rtl.reset(pc);
    checker.core_start(cycle, pc);
  }
  Retire step() {
    rtl.set_now(++cycle);
    return rtl.step();
  }
  void run(unsigned instructions) {
    for (unsigned i = 0; i < instructions; ++i) {
      const Retire retire = step();  // the checker has the same time
      checker.retire(cycle, retire);
    }
  }

  unsigned stops = 0;
  std::uint64_t cycle = 10;
  CoreWords memory;
  Iss rtl;
  NodeCheck checker;
};

TEST(CheckCore, FollowsAProgramThatDoesAsItShould) {
  CoreRun run({rv::addi(1, 0, 5), rv::s_type(0x40, 1, 0, 2), rv::i_type(0x40, 0, 2, 2, 0x03),
               rv::i_type(static_cast<int>(0xc01), 0, 2, 3, 0x73), rv::i_type(0xf14, 0, 2, 4, 0x73),
               0});
  run.run(6);  // the last one is illegal and traps
  EXPECT_RIGHT(run.checker);
  EXPECT_EQ(run.checker.instructions(), 6U);
  EXPECT_EQ(run.stops, 0U);
}

TEST(CheckCore, WrongRegisterValueNamesInstructionAndCycle) {
  CoreRun run({rv::addi(1, 0, 5), rv::addi(2, 1, 1), rv::addi(3, 2, 1)});
  run.run(1);
  Retire retire = run.step();
  retire.rd_wdata = 7;
  run.checker.retire(run.cycle, retire);
  EXPECT_HAS(run.checker,
             "core: instruction 0x00108113 at pc 0x4: value of x2: expected 0x6, got 0x7");
  EXPECT_EQ(run.checker.difference()->cycle, 12U);
  EXPECT_EQ(run.checker.difference()->pc, 4U);
  EXPECT_EQ(run.stops, 1U);
  run.run(1);
  EXPECT_EQ(run.stops, 1U) << "only the first difference counts";
}

TEST(CheckCore, WrongStoreAndWrongTrapAreFound) {
  for (const bool trap : {false, true}) {
    CoreRun run({rv::s_type(0x40, 0, 0, 2)});
    Retire retire = run.step();
    if (trap) {
      retire = {};
      retire.valid = retire.trap = true;
      retire.cause = 7;
      retire.insn = rv::s_type(0x40, 0, 0, 2);
    } else {
      retire.mem_addr += 4;
    }
    run.checker.retire(run.cycle, retire);
    EXPECT_HAS(run.checker, trap ? "trap: expected 0x0, got 0x1" : "memory address: expected 0x40");
  }
}

TEST(CheckCore, LoadsFromOutsideFollowTheRtl) {
  CoreRun run({rv::r_type(0, 0, 0, 0, 0), 0x010001b7,  // lui x3, 0x01000
               rv::i_type(8, 3, 2, 4, 0x03), 0x900001b7, rv::i_type(0, 3, 2, 4, 0x03)});
  run.memory.words[0x0100'0008] = 0xabcd;
  run.run(5);  // the last one is refused
  EXPECT_RIGHT(run.checker);
}

TEST(CheckCore, BackDoorAndDebuggerAreSeen) {
  CoreRun run({rv::addi(1, 1, 1), rv::i_type(0x80, 0, 2, 2, 0x03), rv::jal(0, -8)});
  run.run(3);
  run.memory.words[0x80] = 77;
  run.checker.tcm_write(run.cycle, 0x80, 15, 77);
  run.rtl.set_reg(1, 1000);
  run.checker.debug_write(run.cycle, 1, 1000);
  run.run(3);
  run.rtl.set_pc(4);
  run.checker.debug_write(run.cycle, 32, 4);
  run.run(1);
  EXPECT_RIGHT(run.checker);
  run.memory.words[0x80] = 78;  // and nobody told
  run.run(3);
  EXPECT_HAS(run.checker, "value of x2: expected 0x4d, got 0x4e");
}

TEST(CheckCore, InterruptsComeWhenTheRtlTakesThemButNotWithoutReason) {
  for (const bool pending : {true, false}) {
    // mie = 0x80, mstatus.mie = 1
    CoreRun run({rv::addi(1, 0, 0x80), rv::r_type(0, 0, 1, 1, 0, 0x73) | 0x304U << 20,
                 rv::addi(1, 0, 8), rv::r_type(0, 0, 1, 1, 0, 0x73) | 0x300U << 20,
                 rv::addi(5, 0, 1), rv::addi(5, 0, 2)});
    run.run(5);
    if (pending) run.checker.interrupts(run.cycle, 0x80);
    run.rtl.set_irq(0x80);
    run.checker.retire(++run.cycle, run.rtl.take_interrupt(7));
    if (pending) {
      EXPECT_RIGHT(run.checker);
    } else {
      EXPECT_HAS(run.checker, "an interrupt was taken and none is pending");
    }
  }
}

TEST(CheckCore, RomDoesNotChange) {
  CoreRun run({rv::addi(1, 1, 1), rv::jal(0, -4)}, 0x80000);
  run.run(4);
  EXPECT_RIGHT(run.checker);
  run.memory.words[0x80000] = rv::addi(1, 1, 2);
  run.run(1);
  EXPECT_HAS(run.checker, "instruction: expected 0x108093, got 0x208093");
}

// ------------------------------------------------------------------ engines

/// A node whose engines do what the test says.
class Engines : public testing::Test {
 protected:
  Engines() : checker_({{0, 0}, kSpmBytes, 8}, {}) {}

  void context(unsigned row, const std::array<std::uint32_t, 16>& words) {
    for (unsigned i = 0; i < 16; ++i) checker_.context_write(cycle_, 16 * row + i, words[i]);
  }
  void start(Engine engine, const std::array<std::uint32_t, 16>& words) {
    checker_.command_start(++cycle_, {engine, words});
  }
  void done(Engine engine, std::uint8_t error = 0, std::uint8_t info = 0,
            std::uint64_t address = 0) {
    checker_.command_done(++cycle_, {engine, kId, error, info, address, false});
  }
  /// 8 bytes of value `byte` at a scratchpad offset.
  void write(SpmWriter writer, std::uint32_t offset, std::uint8_t byte,
             std::uint64_t strobe = 255) {
    SpmWrite write;
    write.writer = writer;
    write.strobe = strobe;
    for (unsigned lane = 0; lane < 8; ++lane) write.offset[lane] = offset + 8 * lane;
    write.data.fill(0x0101010101010101ULL * byte);
    checker_.spm_write(++cycle_, write);
  }
  void start_fill() {
    const auto fill = engines::tdma_fill(0x100, 8, 0x5a5a5a5a);
    context(0, fill.tdma);
    start(Engine::Tdma, fill.to_words(0, kId));
  }
  /// 8 bytes from address 0x1008 to offset 0x203, or from offset 0x40 to address 0x2008.
  void start_dma(bool write) {
    engines::DmaConfig config;
    config.count = 8;
    config.src_iter = config.dst_iter = {1, 1, 1};
    context(write ? 6 : 5, config.to_words());
    engines::DmaCommand command;
    command.op = static_cast<std::uint8_t>(write ? engines::DmaOp::Write : engines::DmaOp::Read);
    command.id = kId;
    command.arg = {write ? 0x40U : 0x1008U, 0, write ? 0x2008U : 0x203U, 0};
    start(write ? Engine::Wdma : Engine::Rdma, command.to_words());
  }
  DmaRequest read_request() const {
    DmaRequest request;
    request.tag = 3;
    request.kind = static_cast<std::uint8_t>(Kind::kRead);
    request.doff = 0x203;
    request.address = 0x1008;
    request.strobe = 8;
    return request;
  }
  DmaResponse read_response() const {
    DmaResponse response;
    response.tag = 3;
    response.kind = static_cast<std::uint8_t>(Kind::kReadRsp);
    response.doff = 0x203 - 8;
    response.address = 0x1000;
    response.strobe = 0xff00;
    response.data.fill(0x7777777777777777);
    return response;
  }
  /// Both words that the eight bytes at 0x203 reach into.
  void store_read(std::uint8_t byte) {
    SpmWrite write;
    write.writer = SpmWriter::Rdma;
    for (unsigned lane = 0; lane < 8; ++lane) write.offset[lane] = 0x1f8 + 8 * lane;
    write.strobe = 0x7f800ULL;
    write.data.fill(0x0101010101010101ULL * byte);
    checker_.spm_write(++cycle_, write);
  }

  static constexpr std::uint16_t kId = 9;
  std::uint64_t cycle_ = 100;
  NodeCheck checker_;
};

using CheckEngines = Engines;

TEST_F(CheckEngines, RightCommandPasses) {
  start_fill();
  write(SpmWriter::Tdma, 0x100, 0x5a);
  done(Engine::Tdma);
  EXPECT_RIGHT(checker_);
  EXPECT_EQ(checker_.commands(), 1U);
}

TEST_F(CheckEngines, WrongByteNamesCommandPlaceAndCycle) {
  start_fill();
  write(SpmWriter::Tdma, 0x100, 0x5b);
  done(Engine::Tdma);
  EXPECT_HAS(checker_,
             "layout engine, command 9 (started in cycle 101): scratchpad offset 0x100 (lane 0, "
             "byte 0, written in cycle 102): expected 0x5a, got 0x5b");
  EXPECT_EQ(checker_.difference()->cycle, 102U);
}

TEST_F(CheckEngines, MissingAndForeignWritesAreFound) {
  start_fill();
  write(SpmWriter::Tdma, 0x100, 0x5a, 0x7f);
  done(Engine::Tdma);
  EXPECT_HAS(checker_, "scratchpad offset 0x107 (which it did not write)");
}

TEST_F(CheckEngines, WriteBesideTheCommandIsFound) {
  start_fill();
  write(SpmWriter::Tdma, 0x100, 0x5a);
  write(SpmWriter::Tdma, 0x200, 1);
  done(Engine::Tdma);
  EXPECT_HAS(checker_, "scratchpad offset 0x200 ");
}

TEST_F(CheckEngines, WriteWithoutACommandIsFound) {
  write(SpmWriter::Ve, 0x100, 1);
  EXPECT_HAS(checker_, "vector engine, command 0");
}

TEST_F(CheckEngines, WrongEndingIsFound) {
  start_fill();
  done(Engine::Tdma, 5, 0, 0x100);
  EXPECT_HAS(checker_, "expected the end success, got error 5 (info 0, address 0x100)");
}

TEST_F(CheckEngines, IllegalCommandHasToFailAsTheModelSays) {
  std::array<std::uint32_t, 16> words{};
  words[0] = 0x77 | std::uint32_t{kId} << 16;
  for (const Engine engine : {Engine::Rdma, Engine::Wdma, Engine::Me, Engine::Ve, Engine::Tdma}) {
    start(engine, words);
    done(engine, 1);
    EXPECT_RIGHT(checker_);
  }
  start(Engine::Ve, words);
  done(Engine::Ve);
  EXPECT_HAS(checker_, "expected the end error 1 (info 0, address 0x0), got success");
}

TEST_F(CheckEngines, AnotherIdIsFound) {
  start_fill();
  checker_.command_done(++cycle_, {Engine::Tdma, 10, 0, 0, 0, false});
  EXPECT_HAS(checker_, "it ends as command 10");
}

TEST_F(CheckEngines, ReadPassesWithUnalignedDestination) {
  start_dma(false);
  checker_.dma_request(++cycle_, read_request());
  checker_.dma_response(++cycle_, read_response());
  store_read(0x77);
  done(Engine::Rdma);
  EXPECT_RIGHT(checker_);
}

TEST_F(CheckEngines, ReadOfTheWrongAddressIsFound) {
  start_dma(false);
  DmaRequest request = read_request();
  request.address += 64;
  checker_.dma_request(++cycle_, request);
  EXPECT_HAS(checker_, "request 0: expected 8 bytes of address 0x1008 for scratchpad offset 0x203");
}

TEST_F(CheckEngines, ResponseThatWasNotAskedForIsFound) {
  start_dma(false);
  checker_.dma_request(++cycle_, read_request());
  DmaResponse response = read_response();
  response.strobe = 0xff;
  checker_.dma_response(++cycle_, response);
  EXPECT_HAS(checker_, "response for address 0x1000: expected bytes 0x000000000000ff00");
}

TEST_F(CheckEngines, ReadThatStoresAnotherByteIsFound) {
  start_dma(false);
  checker_.dma_request(++cycle_, read_request());
  checker_.dma_response(++cycle_, read_response());
  store_read(0x78);
  EXPECT_HAS(checker_, "read DMA engine, command 9 ");
  EXPECT_HAS(checker_,
             "scratchpad offset 0x203 (lane 1, byte 3): expected 0x77, got 0x78, of the "
             "response for address 0x1000");
}

TEST_F(CheckEngines, ReadThatEndsTooEarlyIsFound) {
  start_dma(false);
  checker_.dma_request(++cycle_, read_request());
  done(Engine::Rdma);
  EXPECT_HAS(checker_, "it ends with 1 of 1 requests made, 1 responses out");
}

TEST_F(CheckEngines, RefusedReadHasToEndWithItsReason) {
  for (const bool right : {true, false}) {
    start_dma(false);
    checker_.dma_request(++cycle_, read_request());
    DmaResponse response = read_response();
    response.kind = static_cast<std::uint8_t>(Kind::kErrRsp);
    response.error = static_cast<std::uint8_t>(Err::kForbidden);
    checker_.dma_response(++cycle_, response);
    if (right) {
      done(Engine::Rdma, 6, 2, 0x1000);
      EXPECT_RIGHT(checker_);
    } else {
      done(Engine::Rdma);
      EXPECT_HAS(checker_, "expected the end error 6 (info 2, address 0x1000), got success");
    }
  }
}

TEST_F(CheckEngines, BlocksOfOtherNodesReadsAreStoredWithoutACommand) {
  DmaResponse response = read_response();
  response.heard = true;
  checker_.dma_response(++cycle_, response);
  store_read(0x77);
  EXPECT_RIGHT(checker_);
  checker_.dma_response(++cycle_, response);
  store_read(0x70);
  EXPECT_HAS(checker_, "read DMA engine, no command: scratchpad offset 0x203");
}

TEST_F(CheckEngines, WriteSendsWhatLiesInTheScratchpad) {
  for (const bool right : {true, false}) {
    write(SpmWriter::Network, 0x40, 0x33);
    start_dma(true);
    DmaRequest request;
    request.engine = Engine::Wdma;
    request.kind = static_cast<std::uint8_t>(Kind::kWrite);
    request.address = 0x2000;
    request.strobe = 0xff00;
    request.data.fill(right ? 0x3333333333333333 : 0x3333443333333333);
    checker_.dma_request(++cycle_, request);
    if (right) {
      done(Engine::Wdma);
      EXPECT_RIGHT(checker_);
    } else {
      EXPECT_HAS(checker_,
                 "write DMA engine, command 9 (started in cycle 106): request 0, address 0x200d "
                 "(lane 1, byte 5): expected 0x33, got 0x44");
    }
  }
}

TEST_F(CheckEngines, GivenUpCommandIsNotCompared) {
  std::array<std::uint32_t, 16> words{};
  words[0] = 0x31 | std::uint32_t{kId} << 16;
  start(Engine::Ve, words);
  write(SpmWriter::Ve, 0x100, 1);
  checker_.command_done(++cycle_, {Engine::Ve, kId, 0, 0, 0, true});
  EXPECT_RIGHT(checker_);
  EXPECT_EQ(checker_.skipped(), 1U);
}

}  // namespace
}  // namespace tsr
