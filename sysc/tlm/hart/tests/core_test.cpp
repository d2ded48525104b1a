// SPDX-License-Identifier: Apache-2.0
// Programs on a TLM tile's core: what they reach, faults, cycles, interrupts, debugger.
#include "hart_bench.hpp"

namespace tsr::tb {
namespace {

using namespace rv;

/// Programs with x5 = registers, x6 = scratchpad, x7 = window 0, x8 = data memory.
Program program() {
  Program program;
  program.li(5, kRegs).li(6, kSpm).li(7, 0x80000000).li(8, 0x10000);
  return program;
}

class HartCore : public HartTile {
 protected:
  void run_to_stop() {
    ASSERT_TRUE(run_until([this] { return node->state().core == HartState::Core::Wfi; }))
        << node->state().to_string();
  }
  /// Cycles between two reads of mcycle around `words`.
  std::uint32_t cycles(const std::vector<Word>& words) {
    Program p = program();
    p << csrr(20, kMcycle);
    for (const Word word : words) p << word;
    p << csrr(21, kMcycle) << sub(21, 21, 20) << sw(21, 8, 0) << kWfi;
    set(reg::kCoreCtrlOffset, 0);
    start(p);
    run_to_stop();
    return dtcm(0) - 1;
  }
};

TEST_F(HartCore, RunsAndReachesScratchpadRegistersAndHbm) {
  open_window(0, 0, 0xfff, 3);
  hbm[0x104] = 0x5a;
  Program p = program();
  p << sw(0, 5, static_cast<int>(reg::kCoreWinOffset)) << lw(10, 7, 0x104) << addi(10, 10, 1)
    << sw(10, 7, 0x108) << sw(10, 6, 0x40) << load(4, 11, 6, 0x40) << sw(11, 8, 4) << lw(12, 5, 0)
    << sw(12, 8, 8) << kWfi;
  start(p);
  run_to_stop();
  EXPECT_EQ(hbm[0x108], 0x5b);
  EXPECT_EQ(read(kSpm + 0x40, 4).word(), 0x5bU);
  EXPECT_EQ(dtcm(4), 0x5bU);
  EXPECT_EQ(dtcm(8), get(reg::kIdOffset));
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen[1].header.kind, Kind::kWrite);
  EXPECT_EQ(seen[1].header.strb, 0xfULL << 8);
  EXPECT_EQ(seen[1].header.tag >> 6, 2);
}

TEST_F(HartCore, TakesTheDocumentedCycles) {
  EXPECT_EQ(cycles({nop()}), 1U);
  EXPECT_EQ(cycles({lw(10, 5, 0)}), 5U) << "register";
  EXPECT_EQ(cycles({sw(10, 5, static_cast<int>(reg::kScratchOffset))}), 5U);
  EXPECT_EQ(cycles({lw(10, 6, 0)}), 4U) << "scratchpad";
  EXPECT_EQ(cycles({mul(10, 5, 5), div(10, 5, 6)}), 36U);
  EXPECT_EQ(cycles({jal(0, 4), lw(10, 8, 0)}), 3U);
}

TEST_F(HartCore, AWindowTakesTheRoundTrip) {
  open_window(0, 0, 0xfff, 3);
  for (const bool by_call : {false, true}) {
    late = by_call;
    latency = 30;
    // On the link four cycles after the instruction, in the core's hands one cycle after the
    // answer.
    EXPECT_EQ(cycles({lw(10, 7, 0)}), 4U + 30 + 1 + 1);
  }
}

TEST_F(HartCore, FaultsPreciselyOnAnErrorResponse) {
  open_window(0, 0, 0xfff, 3);
  refuse = Err::kUnsupported;
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << addi(10, 0, 77);
  const Word faulting = p.here();
  p << lw(10, 7, 0x10) << addi(10, 10, 1) << kWfi;
  p.pad_to(0x100);
  p << csrr(11, kMcause) << csrr(12, kMepc) << csrr(13, kMtval) << sw(10, 8, 0) << sw(11, 8, 4)
    << sw(12, 8, 8) << sw(13, 8, 12) << kWfi;
  start(p);
  run_to_stop();
  EXPECT_EQ(dtcm(0), 77U);
  EXPECT_EQ(dtcm(4), 5U);
  EXPECT_EQ(dtcm(8), faulting);
  EXPECT_EQ(dtcm(12), 0x80000010U);
}

TEST_F(HartCore, WithoutAWindowTheCoreIsRefused) {
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << sw(10, 7, 0) << kWfi;
  p.pad_to(0x100);
  p << csrr(11, kMcause) << sw(11, 8, 4) << kWfi;
  start(p);
  run_to_stop();
  EXPECT_EQ(dtcm(4), 7U);
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(get(reg::kErrFirstOffset), 6U | 2U << 4 | 2U << 8 | kSelf.pack() << 16);
}

TEST_F(HartCore, PoisonAndSilenceAreFaults) {
  open_window(0, 0, 0xfff, 3);
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << lw(10, 7, 0) << kWfi;
  p.pad_to(0x100);
  p << csrr(11, kMcause) << csrr(12, kMcycle) << sw(11, 8, 4) << sw(12, 8, 8) << kWfi;
  poison = true;
  start(p);
  run_to_stop();
  EXPECT_EQ(dtcm(4), 5U);
  poison = false;
  lose = true;
  set(reg::kCoreCtrlOffset, 0);
  write_word(0x10004, 0);
  const auto begin = clock.now();
  set(reg::kCoreCtrlOffset, 1);
  run(300);
  EXPECT_EQ(node->state().core, HartState::Core::Waiting);
  EXPECT_NE(node->state().to_string().find("waits at pc 0x00028"), std::string::npos)
      << node->state().to_string();
  run_to_stop();
  EXPECT_EQ(dtcm(4), 5U);
  EXPECT_GE(dtcm(8) - begin, 1024U);
  EXPECT_LE(dtcm(8) - begin, 1100U);
}

TEST_F(HartCore, ARestartedCoreWaitsForTheAccessThatItLeft) {
  open_window(0, 0, 0xfff, 3);
  latency = 500;
  Program first = program();
  first << lw(10, 7, 0) << sw(10, 8, 0) << kWfi;
  start(first);
  run(100);
  EXPECT_EQ(node->state().core, HartState::Core::Waiting);
  set(reg::kCoreCtrlOffset, 0);
  EXPECT_EQ(node->state().core, HartState::Core::Held);
  Program second = program();
  second.li(10, 0x77);
  second << sw(10, 5, static_cast<int>(reg::kScratchOffset)) << sw(10, 8, 4) << kWfi;
  start(second);
  run(100);
  EXPECT_EQ(get(reg::kScratchOffset), 0U) << "the port is not free";
  run(500);
  EXPECT_EQ(get(reg::kScratchOffset), 0x77U);
  EXPECT_EQ(dtcm(4), 0x77U);
}

TEST_F(HartCore, ALateAnswerBehindATimeoutIsDropped) {
  open_window(0, 0, 0xfff, 3);
  latency = 3000;
  hbm[0] = 1;
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << lw(10, 7, 0) << kStop;
  p.pad_to(0x100);
  p << addi(11, 11, 1) << lw(12, 5, 0) << sw(11, 8, 0) << sw(12, 8, 4) << kStop;
  start(p);
  run(5000);
  EXPECT_EQ(dtcm(0), 1U) << "one fault";
  EXPECT_EQ(dtcm(4), get(reg::kIdOffset));
}

TEST_F(HartCore, SleepsInWfiAndWakesOnLaunch) {
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20);
  p.li(20, 1U << 18);
  p << csrw(kMie, 20) << csrsi(kMstatus, 8) << kWfi << addi(11, 11, 1) << jal(0, -8);
  p.pad_to(0x100);
  p << addi(10, 10, 1) << sw(10, 8, 0) << addi(21, 0, 4)
    << sw(21, 5, static_cast<int>(reg::kIrqStateOffset)) << kMret;
  start(p);
  run_to_stop();
  EXPECT_EQ(get(reg::kDbgStatusOffset), 8U);
  EXPECT_TRUE(node->idle());
  for (Word i = 1; i <= 3; ++i) {
    set(reg::kLaunchOffset, i);
    run(100);
    EXPECT_EQ(dtcm(0), i);
    EXPECT_EQ(node->state().core, HartState::Core::Wfi);
  }
}

TEST_F(HartCore, TheTimerWakesItInItsCycle) {
  Program p = program();
  p.li(20, 5000);
  p << sw(20, 5, static_cast<int>(reg::kMtimecmpLoOffset))
    << sw(0, 5, static_cast<int>(reg::kMtimecmpHiOffset)) << addi(21, 0, 0x80) << csrw(kMie, 21)
    << kWfi << csrr(22, kTime) << sw(22, 8, 0) << kStop;
  start(p);
  ASSERT_TRUE(run_until([this] { return clock.now() >= 6000; }));
  EXPECT_EQ(dtcm(0), 5001U);
}

TEST_F(HartCore, AnInterruptFindsABusyCoreWithinAQuantum) {
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20);
  p.li(20, 1U << 18);
  p << csrw(kMie, 20) << csrsi(kMstatus, 8) << jal(0, 0);
  p.pad_to(0x100);
  p << csrr(22, kTime) << sw(22, 8, 0) << kStop;
  start(p);
  run(1000);
  const auto raised = clock.now();
  set(reg::kLaunchOffset, 1);
  run(500);
  EXPECT_GE(dtcm(0), raised);
  EXPECT_LE(dtcm(0), raised + setup().quantum + 4);
}

TEST_F(HartCore, DebugHaltsReadsStepsAndResumes) {
  Program p = program();
  const Word top = p.here();
  p << addi(10, 10, 1) << jal(0, -4);
  start(p);
  run(500);
  set(reg::kDbgCtrlOffset, 1);
  run(300);
  EXPECT_EQ(get(reg::kDbgStatusOffset), 1U);
  EXPECT_TRUE(node->halted());
  EXPECT_EQ(halts, std::vector<bool>{true});
  const auto debug = [this](Word command) {
    set(reg::kDbgCmdOffset, command);
    EXPECT_EQ(get(reg::kDbgStatusOffset), 1U);
    return get(reg::kDbgDataOffset);
  };
  const Word pc = debug(32);
  const Word count = debug(10);
  EXPECT_TRUE(pc == top || pc == top + 4);
  set(reg::kDbgCtrlOffset, 4);
  run(50);
  EXPECT_EQ(debug(32), pc == top ? top + 4 : top);
  EXPECT_EQ(debug(10), pc == top ? count + 1 : count);
  EXPECT_EQ(debug(0x1000 + 0x7b0) >> 6 & 7, 4U);
  set(reg::kDbgDataOffset, 1000);
  debug(1U << 17 | 10);
  set(reg::kDbgAddrOffset, top);
  EXPECT_EQ(debug(1U << 16), addi(10, 10, 1));
  set(reg::kDbgCtrlOffset, 2);
  run(100);
  EXPECT_FALSE(node->halted());
  set(reg::kDbgCtrlOffset, 1);
  run(300);
  EXPECT_GT(debug(10), 1000U);
  set(reg::kDbgCmdOffset, 33);
  EXPECT_EQ(get(reg::kDbgStatusOffset), 5U) << "there is no register 33";
}

TEST_F(HartCore, TriggersAndEbreakHaltInFrontOfTheInstruction) {
  Program p = program();
  const Word top = p.here();
  p << addi(10, 10, 1) << sw(10, 8, 0x20) << kEbreak << jal(0, -12);
  put(0, p.words());
  set(reg::kDbgCtrlOffset, 1);
  set(reg::kBootPcOffset, 0);
  set(reg::kCoreCtrlOffset, 1);
  run(10);
  ASSERT_TRUE(node->halted()) << "in front of its first instruction";
  const auto csr = [this](Word number, Word value) {
    set(reg::kDbgDataOffset, value);
    set(reg::kDbgCmdOffset, 1U << 17 | 0x1000 | number);
    EXPECT_EQ(get(reg::kDbgStatusOffset), 1U);
  };
  const auto go = [this] {
    set(reg::kDbgCtrlOffset, 2);
    run(200);
    ASSERT_TRUE(node->halted());
    set(reg::kDbgCmdOffset, 32);
  };
  csr(0x7b0, 1U << 15);
  go();
  EXPECT_EQ(get(reg::kDbgDataOffset), top + 8) << "EBREAK";
  csr(0x7a2, 0x10020);
  csr(0x7a1, 1U << 6 | 2);
  set(reg::kDbgDataOffset, top);
  set(reg::kDbgCmdOffset, 1U << 17 | 32);
  go();
  EXPECT_EQ(get(reg::kDbgDataOffset), top + 4) << "the store";
  set(reg::kDbgCmdOffset, 0x1000 + 0x7b0);
  EXPECT_EQ(get(reg::kDbgDataOffset) >> 6 & 7, 2U);
}

TEST_F(HartCore, LockedDebugRefusesEveryone) {
  set(reg::kDbgLockOffset, 1);
  EXPECT_EQ(write_word(kRegs + reg::kDbgCtrlOffset, 1).err, Err::kForbidden);
  EXPECT_EQ(write_word(kRegs + reg::kDbgDataOffset, 1).err, Err::kForbidden);
  EXPECT_EQ(get(reg::kDbgLockOffset), 1U);
}

TEST_F(HartCore, PrivilegedRegistersAreNotTheCores) {
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << sw(10, 5, static_cast<int>(reg::kRemoteCtrlOffset))
    << kWfi;
  p.pad_to(0x100);
  p << csrr(11, kMcause) << sw(11, 8, 4) << kWfi;
  start(p);
  run_to_stop();
  EXPECT_EQ(dtcm(4), 7U);
}

TEST_F(HartCore, AtomicsLeaveTheTileAndBringTheOldValueBack) {
  open_window(0, 0, 0xfff, 3);
  Program p = program();
  const auto reg_store = [&p](Word value, std::uint32_t offset) {
    p.li(10, value);
    p << sw(10, 5, static_cast<int>(offset));
  };
  reg_store(0x140, reg::kAtomicAddrLoOffset);
  reg_store(0, reg::kAtomicAddrHiOffset);
  reg_store(5, reg::kAtomicOperandOffset);
  reg_store(9, reg::kAtomicExpectOffset);
  reg_store(4, reg::kAtomicGoOffset);
  p << lw(11, 5, static_cast<int>(reg::kAtomicStatusOffset)) << andi(12, 11, 1) << bne(12, 0, -8)
    << lw(13, 5, static_cast<int>(reg::kAtomicResultOffset)) << sw(11, 8, 0) << sw(13, 8, 4)
    << kWfi;
  start(p);
  run_to_stop();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].header.kind, Kind::kAtomic);
  EXPECT_EQ(seen[0].header.amo, Amo::kCas);
  EXPECT_EQ(seen[0].address, 0x140U);
  EXPECT_EQ(seen[0].header.tag & 0x20, 0x20);
  EXPECT_EQ(seen[0].data[0], 5);
  EXPECT_EQ(seen[0].data[4], 9);
  EXPECT_EQ(dtcm(0), 0U);
  EXPECT_EQ(dtcm(4), 0x11223344U);
}

TEST_F(HartCore, PostsLeaveThroughTheRegister) {
  open_window(0, node_address({0, 0}, 0), node_address({3, 3}, 0xffffffff), 2);
  Program p = program();
  p.li(10, 3 | 9U << 8 | kOther.x << 16 | kOther.y << 24);
  p << sw(10, 5, static_cast<int>(reg::kPostOffset)) << kWfi;
  start(p);
  run_to_stop();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].header.kind, Kind::kSemPost);
  EXPECT_EQ(seen[0].header.dst.lo, kOther);
  EXPECT_EQ(seen[0].header.doff, 3U | 9U << 8);
  EXPECT_TRUE(seen[0].header.cls) << "posts are urgent after reset";
}

TEST_F(HartCore, RouteMapsChooseTheChannelAndRefuseWhatCannotBeReached) {
  open_window(0, 0, 0xfff, 3);
  const unsigned bit = kMem.y * 8 + kMem.x;
  set(reg::kRouteVc1LoOffset, 1U << bit);
  cycles({lw(10, 7, 0)});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].header.vc);
  EXPECT_EQ(seen[0].header.dst.lo, kMem);
  set(reg::kRouteNoneLoOffset, 1U << bit);
  Program p = program();
  p << addi(20, 0, 0x100) << csrw(kMtvec, 20) << lw(10, 7, 0) << kWfi;
  p.pad_to(0x100);
  p << kWfi;
  set(reg::kCoreCtrlOffset, 0);
  start(p);
  run_to_stop();
  EXPECT_EQ(node->state().pc, 0x100U);
  EXPECT_EQ(get(reg::kErrFirstOffset) >> 4 & 15, 1U);
}

TEST_F(HartCore, DmaCopiesFromHbmToTheScratchpad) {
  open_window(0, 0, 0xffff, 3);
  for (unsigned i = 0; i < 1000; ++i) hbm[0x777 + i] = static_cast<std::uint8_t>(i * 7);
  const std::uint32_t row = kCtx + 5 * 64;
  put(row, {1000, 0, 0, 0, 0, 0, 0, 0x00010001, 0x00010001, 0x00010001, 0, 0, 0, 0, 0, 0});
  put(kCmd, {0x00010801, 0, 1U << 4 | 1U << 8 | 2, 0, 0, 0x777, 0, 0x123, 0, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_TRUE(run_until([this] { return node->engines().semaphore(2) == 1; }));
  for (unsigned i = 0; i < 1000; i += 50) {
    EXPECT_EQ(read(kSpm + 0x123 + i, 1).data[0], static_cast<std::uint8_t>(i * 7)) << i;
  }
  EXPECT_EQ(get(reg::kIrqStateOffset) & 1, 1U);
}

TEST_F(HartCore, DmaOutsideItsWindowsIsForbidden) {
  put(kCtx + 5 * 64, {64, 0, 0, 0, 0, 0, 0, 0x00010001, 0x00010001, 0x00010001, 0, 0, 0, 0, 0, 0});
  put(kCmd, {0x00420001, 0, 0, 0, 0, 0x1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_TRUE(run_until([this] { return node->engines().stopped(Engine::Rdma); }));
  EXPECT_TRUE(seen.empty());
  // The refusal, then the command that failed by it.
  EXPECT_EQ(get(reg::kErrFirstOffset), 6U | 2U << 4 | 2U << 8 | kSelf.pack() << 16);
  EXPECT_EQ(get(reg::kErrLastOffset), 0U | 6U << 4 | 2U << 8 | 0x42U << 16);
  EXPECT_EQ(get(reg::kIrqStateOffset) & 2, 2U);
}

TEST_F(HartCore, AMulticastNeedsAWindowFromTheNearToTheFarCorner) {
  const Node far{2, 3};
  const std::uint32_t rect = kOther.x | kOther.y << 8 | far.x << 16 | far.y << 24;
  const std::uint32_t offset = kSpm + 0x2000;
  put(kCtx + 6 * 64, {64, 0, 0, 0, 0, 0, 0, 0x00010001, 0x00010001, 0x00010001, 0, 0, 0, 0, 0, 0});
  const auto send = [&] {
    put(kCmd + 64, {0x00550012, 0, 0, 0, rect, 0, 0, offset, 0, 0, 0, 0, 0, 0, 0, 0});
    run(200);
  };
  open_window(0, node_address(kOther, kSpm), node_address(kOther, kSpm + 0xffff), 2);
  send();
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(get(reg::kErrFirstOffset), 6U | 2U << 4 | 2U << 8 | kSelf.pack() << 16);
  EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), offset);
  EXPECT_EQ(get(reg::kErrFirstAddrHiOffset), node_address(kOther, 0) >> 32);
  open_window(0, node_address(kOther, kSpm), node_address(far, kSpm + 0xffff), 2);
  send();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_TRUE(seen[0].header.mcast);
  EXPECT_EQ(seen[0].header.dst.hi, far);
}

/// Remembers what it is told.
class Recorder : public NodeProbe {
 public:
  void retire(std::uint64_t, const Retire& retire) override { retired.push_back(retire); }
  void spm_write(std::uint64_t, const SpmWrite& write) override { writes.push_back(write); }
  std::vector<Retire> retired;
  std::vector<SpmWrite> writes;
};

TEST_F(HartCore, TellsItsObserverAndTakesTheSameTime) {
  open_window(0, 0, 0xfff, 3);
  const std::vector<Word> words = {lw(10, 5, 0), sw(10, 6, 4), mul(11, 10, 10),
                                   lw(12, 7, 0), jal(0, 4),    sw(11, 8, 4)};
  const auto unobserved = cycles(words);
  Recorder recorder;
  node->set_probe(&recorder);
  EXPECT_EQ(cycles(words), unobserved);
  node->set_probe(nullptr);
  ASSERT_EQ(recorder.writes.size(), 1U);
  EXPECT_EQ(recorder.writes[0].strobe, 0xf0U);
  ASSERT_EQ(recorder.retired.size(), 18U);
  EXPECT_EQ(recorder.retired[9].mem_addr, kRegs);
  EXPECT_EQ(recorder.retired[9].mem_data, get(reg::kIdOffset));
}

}  // namespace
}  // namespace tsr::tb
