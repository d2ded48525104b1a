// SPDX-License-Identifier: Apache-2.0
// Atomics: served in the scratchpad, and started by the core's registers. Classes of requests. What
// the core does when the network fails it.
#include <set>

#include "noc/amo.hpp"
#include "tile_core.hpp"

namespace {

using namespace tsr;
using namespace tsr::tb;

constexpr Amo kOps[] = {Amo::kAdd, Amo::kAnd, Amo::kOr, Amo::kSwap,
                        Amo::kCas, Amo::kMin, Amo::kMax};

class AtomicBench : public TileCore {
 protected:
  Flit atomic(Node src, Amo op, std::uint32_t offset, std::uint32_t operand,
              std::uint32_t expected = 0) {
    Flit flit = request(src, Kind::kAtomic, offset);
    flit.amo = op;
    flit.data[0] = operand | std::uint64_t{expected} << 32;
    flit.doff = 0x40;
    flit.tag = 200;
    flit.cls = chance(0.5);
    flit.seal();
    return flit;
  }

  struct Old {
    Err err = Err::kNone;
    std::uint32_t value = 0;
  };
  /// Send an atomic into the tile and check the shape of its answer.
  Old send(const Flit& flit) {
    links().to_request.queue.push_back(flit);
    const auto rsp = response(flit.tag);
    if (!rsp) return {Err::kTimeout, 0};
    EXPECT_EQ(rsp->dst.lo, flit.src);
    EXPECT_EQ(rsp->vc, flit.vc);
    EXPECT_EQ(rsp->cls, flit.cls);
    if (rsp->kind == Kind::kErrRsp) return {rsp->err, 0};
    const unsigned lane = flit.addr & 63U;
    EXPECT_EQ(rsp->kind, Kind::kReadRsp);
    EXPECT_EQ(rsp->addr, flit.addr & ~63ULL);
    EXPECT_EQ(rsp->strb, 0xfULL << lane);
    EXPECT_EQ(rsp->doff, (flit.doff - lane) & 0xffffffU);
    return {Err::kNone, static_cast<std::uint32_t>(rsp->data[lane / 8] >> (8 * (lane % 8)))};
  }
  Err error(const Flit& flit) { return send(flit).err; }

  // ---- the tile's own
  void prepare(std::uint64_t addr, std::uint32_t operand, std::uint32_t expected = 0) {
    set(reg::kAtomicAddrLoOffset, static_cast<std::uint32_t>(addr));
    set(reg::kAtomicAddrHiOffset, static_cast<std::uint32_t>(addr >> 32));
    set(reg::kAtomicOperandOffset, operand);
    set(reg::kAtomicExpectOffset, expected);
  }
  Err go(Amo op) { return write_word(kRegs + reg::kAtomicGoOffset, static_cast<unsigned>(op)); }
  Err finish() {
    for (int i = 0; i < 1000; ++i) {
      const std::uint32_t status = get(reg::kAtomicStatusOffset);
      if ((status & 1U) == 0) return static_cast<Err>(status >> 4 & 7U);
      run(20);
    }
    ADD_FAILURE() << "the atomic never ends";
    return Err::kTimeout;
  }
  Err own(Amo op, std::uint64_t addr, std::uint32_t operand, std::uint32_t expected = 0) {
    prepare(addr, operand, expected);
    EXPECT_EQ(go(op), Err::kNone);
    return finish();
  }
  std::uint32_t result() { return get(reg::kAtomicResultOffset); }

  void open_remote(unsigned control, std::uint32_t base = 0, std::uint32_t limit = kSpmBytes - 1) {
    set(reg::kRemoteBaseOffset, base);
    set(reg::kRemoteLimitOffset, limit);
    set(reg::kRemoteCtrlOffset, control);
  }
};

class Atomics : public AtomicBench {};

// ---------------------------------------------------------------- served in the scratchpad

TEST_F(Atomics, DoTheirOperationOnCornersAndRandomWords) {
  const std::uint32_t corners[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff};
  const auto value = [&] {
    return chance(0.7) ? corners[rand_in(0, 6)] : static_cast<std::uint32_t>(rng()());
  };
  std::uint32_t memory = 0x12345678;
  ASSERT_EQ(write_word(kSpm + 0x104, memory), Err::kNone);
  for (int round = 0; round < 40; ++round) {
    for (const Amo op : kOps) {
      if (chance(0.2)) {
        memory = value();
        ASSERT_EQ(write_word(kSpm + 0x104, memory), Err::kNone);
      }
      const std::uint32_t operand = value();
      const std::uint32_t expected = chance(0.5) ? memory : value();
      const Old old = send(atomic(kCtl, op, kSpm + 0x104, operand, expected));
      ASSERT_EQ(old.err, Err::kNone);
      ASSERT_EQ(old.value, memory) << "operation " << static_cast<unsigned>(op);
      memory = amo_result(op, memory, operand, expected);
      ASSERT_EQ(read_word(kSpm + 0x104), memory) << "operation " << static_cast<unsigned>(op);
    }
  }
}

TEST_F(Atomics, TouchOneWordOnly) {
  Bytes model = random_bytes(256);
  write_bytes(kSpm + 0x3f40, model);
  for (unsigned at = 0; at < 256; at += 4) {
    const auto operand = static_cast<std::uint32_t>(rng()());
    std::uint32_t old = 0;
    std::memcpy(&old, &model[at], 4);
    const Old got = send(atomic(kCtl, Amo::kSwap, kSpm + 0x3f40 + at, operand));
    ASSERT_EQ(got.err, Err::kNone);
    EXPECT_EQ(got.value, old) << at;
    std::memcpy(&model[at], &operand, 4);
    ASSERT_EQ(read_bytes(kSpm + 0x3f40, 256), model) << at;
  }
  EXPECT_EQ(error(atomic(kCtl, Amo::kOr, kSpm + kSpmBytes - 4, 1)), Err::kNone) << "the last word";
}

TEST_F(Atomics, NeedTheRightToReadAndToWrite) {
  const auto add = [&](std::uint32_t offset) {
    return error(atomic(kOther, Amo::kAdd, kSpm + offset, 1));
  };
  ASSERT_EQ(write_word(kSpm + 0x1040, 7), Err::kNone);
  EXPECT_EQ(add(0x1040), Err::kForbidden);
  open_remote(1, 0x1040, 0x104b);
  EXPECT_EQ(add(0x1040), Err::kForbidden);
  open_remote(2, 0x1040, 0x104b);
  EXPECT_EQ(add(0x1040), Err::kForbidden);
  open_remote(3, 0x1040, 0x104b);
  EXPECT_EQ(read_word(kSpm + 0x1040), 7U);
  EXPECT_EQ(add(0x1040), Err::kNone);
  EXPECT_EQ(add(0x1048), Err::kNone);
  EXPECT_EQ(add(0x103c), Err::kForbidden);
  EXPECT_EQ(add(0x104c), Err::kForbidden);
  set(reg::kRemoteLimitOffset, 0x104a);
  EXPECT_EQ(add(0x1048), Err::kForbidden) << "its last byte counts";
  EXPECT_EQ(read_word(kSpm + 0x1040), 8U);
  set(reg::kErrStatusOffset, 3);
  add(0x2000);
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xf7U, 5U | 2U << 4) << "recorded";
}

TEST_F(Atomics, AreRefusedWhereNoneAreServed) {
  context().assertOn(false);  // the link checker would report the illegal ones as well
  ASSERT_EQ(write_word(kSpm, 5), Err::kNone);
  for (const std::uint32_t offset : {0U, kDtcm, kRegs + reg::kScratchOffset, kCommands, kContexts,
                                     0x0005'0000U, kSpm + kSpmBytes, kSpm - 4}) {
    EXPECT_EQ(error(atomic(kCtl, Amo::kAdd, offset, 1)), Err::kUnsupported) << offset;
  }
  for (unsigned at = 1; at < 4; ++at) {
    EXPECT_EQ(error(atomic(kCtl, Amo::kAdd, kSpm + at, 1)), Err::kUnsupported) << at;
  }
  for (unsigned op = 7; op < 16; ++op) {
    EXPECT_EQ(error(atomic(kCtl, static_cast<Amo>(op), kSpm, 1)), Err::kUnsupported) << op;
  }
  Flit damaged = atomic(kCtl, Amo::kAdd, kSpm, 1);
  damaged.data[0] ^= 2;
  EXPECT_EQ(error(damaged), Err::kParity);
  EXPECT_EQ(read_word(kSpm), 5U);
}

// Many nodes add to one counter between reads and writes of others: nobody's share is lost.
TEST_F(Atomics, AreAtomicAmongAllNodes) {
  open_remote(3);
  ASSERT_EQ(write_word(kSpm + 0x80, 1000), Err::kNone);
  ASSERT_EQ(write_word(kSpm + 0x84, 0), Err::kNone);
  const Node nodes[] = {{0, 1}, {3, 3}, {2, 4}, kCtl};
  unsigned sent = 0;
  unsigned others = 0;
  for (int i = 0; i < 400; ++i) {
    const Node src = nodes[rand_in(0, 3)];
    Flit flit = atomic(src, Amo::kAdd, kSpm + 0x80, 1);
    switch (rand_in(0, 3)) {
      case 0:  // the neighbour word, written around the counter
        flit = request(src, Kind::kWritePosted, kSpm + 0x80);
        flit.strb = 0xf0;
        flit.data[0] = static_cast<std::uint64_t>(i) << 32;
        break;
      case 1:
        flit = request(src, Kind::kRead, kSpm + 0x40);
        flit.strb = 128;
        flit.tag = 201;
        others += 2;
        break;
      default:
        ++sent;
        break;
    }
    flit.vc = src == kCtl;
    flit.seal();
    links().to_request.queue.push_back(flit);
  }
  auto& received = links().responses.received;
  ASSERT_TRUE(run_until([&] { return received.size() >= sent + others; }, 50000));
  std::set<std::uint32_t> olds;
  for (const Flit& flit : received) {
    ASSERT_EQ(flit.kind, Kind::kReadRsp);
    if (flit.tag == 200) olds.insert(static_cast<std::uint32_t>(flit.data[0]));
  }
  received.clear();
  EXPECT_EQ(olds.size(), sent) << "every adder saw another value";
  EXPECT_EQ(*olds.begin(), 1000U);
  EXPECT_EQ(*olds.rbegin(), 1000U + sent - 1);
  EXPECT_EQ(read_word(kSpm + 0x80), 1000U + sent);
}

// ---------------------------------------------------------------- started by the core's registers

TEST_F(Atomics, LeaveTheTileAndBringTheOldValueBack) {
  open_windows();
  for (unsigned i = 0; i < 16; ++i) {
    const std::uint64_t addr = hbm(0x123400 + 4 * i);
    const auto old = static_cast<std::uint32_t>(rng()());
    for (unsigned b = 0; b < 4; ++b) memory_[addr + b] = static_cast<std::uint8_t>(old >> 8 * b);
    const Amo op = kOps[i % 7];
    EXPECT_EQ(own(op, addr, 0x1111 * i, 0x2222 * i), Err::kNone);
    EXPECT_EQ(result(), old);
    ASSERT_EQ(atomics_.size(), i + 1);
    EXPECT_EQ(atomics_[i].amo, op);
    EXPECT_EQ(atomics_[i].addr, addr);
    EXPECT_EQ(atomics_[i].data[0], 0x1111 * i | std::uint64_t{0x2222 * i} << 32);
    EXPECT_TRUE(atomics_[i].cls);
  }
}

TEST_F(Atomics, ReachTheOwnScratchpadWithoutAWindow) {
  ASSERT_EQ(write_word(kSpm + 0x10, 40), Err::kNone);
  const std::uint64_t addr = node_address(kSelf, kSpm + 0x10);
  EXPECT_EQ(own(Amo::kAdd, addr, 2), Err::kNone);
  EXPECT_EQ(result(), 40U);
  EXPECT_EQ(read_word(kSpm + 0x10), 42U);
  EXPECT_EQ(own(Amo::kCas, addr, 9, 41), Err::kNone);
  EXPECT_EQ(read_word(kSpm + 0x10), 42U);
  EXPECT_EQ(own(Amo::kAdd, node_address(kSelf, kRegs), 1), Err::kUnsupported);
}

TEST_F(Atomics, NeedAWindowToReadAndToWrite) {
  const auto window = [&](unsigned w, unsigned rights) {
    set(reg::kAccessBaseOffset + 16 * w, 0);
    set(reg::kAccessLimitOffset + 16 * w, 0xffff);
    set(reg::kAccessCtrlOffset + 16 * w, rights);
  };
  EXPECT_EQ(own(Amo::kAdd, hbm(0x1000), 1), Err::kForbidden);
  window(0, 0x10);
  EXPECT_EQ(own(Amo::kAdd, hbm(0x1000), 1), Err::kForbidden);
  window(0, 0x20);
  EXPECT_EQ(own(Amo::kAdd, hbm(0x1000), 1), Err::kForbidden);
  window(1, 0x10);
  EXPECT_EQ(own(Amo::kAdd, hbm(0x1000), 1), Err::kNone);
  EXPECT_EQ(own(Amo::kAdd, std::uint64_t{3} << 52, 1), Err::kUnmapped);
  EXPECT_EQ(atomics_.size(), 1U);
}

TEST_F(Atomics, StartOneAtATimeAndOnlyKnownOnes) {
  open_windows();
  prepare(hbm(0x40), 1);
  EXPECT_EQ(write_word(kRegs + reg::kAtomicGoOffset, 7), Err::kForbidden) << "no such operation";
  EXPECT_EQ(get(reg::kAtomicStatusOffset), 0U);
  silent_ = true;
  ASSERT_EQ(go(Amo::kAdd), Err::kNone);
  EXPECT_EQ(go(Amo::kAdd), Err::kForbidden) << "one is under way";
  // What is prepared meanwhile does not change it.
  prepare(hbm(0x80), 2);
  silent_ = false;
  EXPECT_EQ(finish(), Err::kNone);
  ASSERT_EQ(atomics_.size(), 1U);
  EXPECT_EQ(atomics_[0].addr, hbm(0x40));
  EXPECT_EQ(atomics_[0].data[0], 1U);
}

TEST_F(Atomics, ReportWhyTheyFailed) {
  context().assertOn(false);  // the link checker would report the damage as well
  open_windows();
  bad_blocks_.insert(hbm(0x40));
  EXPECT_EQ(own(Amo::kAdd, hbm(0x40), 1), Err::kUnmapped);
  poisoned_ = true;
  EXPECT_EQ(own(Amo::kAdd, hbm(0x80), 1), Err::kPoison);
  poisoned_ = false;
  damaged_ = true;
  EXPECT_EQ(own(Amo::kAdd, hbm(0x80), 1), Err::kPoison) << "parity";
  damaged_ = false;
  EXPECT_EQ(own(Amo::kAdd, hbm(0x80), 1), Err::kNone);
}

TEST_F(Atomics, TimeOutAndIgnoreTheLateAnswer) {
  open_windows();
  silent_ = true;
  const std::uint64_t begin = cycle();
  EXPECT_EQ(own(Amo::kAdd, hbm(0x40), 1), Err::kTimeout);
  EXPECT_GE(cycle() - begin, 1U << 13);
  memory_[hbm(0x40)] = 0x11;
  memory_[hbm(0x80)] = 0x22;
  prepare(hbm(0x80), 1);
  ASSERT_EQ(go(Amo::kAdd), Err::kNone);
  run(100);
  silent_ = false;  // both come now, in any order
  EXPECT_EQ(finish(), Err::kNone);
  EXPECT_EQ(result(), 0x22U);
  run(100);
  EXPECT_EQ(result(), 0x22U);
  EXPECT_EQ(atomics_.size(), 2U);
}

// The core's loads and its atomics share a way: neither gets the other's answer.
TEST_F(Atomics, TheCoreLoadsWhileItsAtomicsAreUnderWay) {
  open_windows();
  open_remote(3);
  for (unsigned i = 0; i < 64; ++i) memory_[hbm(0x30000000 + 4 * i)] = 1;
  const std::uint64_t counter = node_address(kSelf, kSpm + 0x20);
  prepare(counter, 1);
  ASSERT_EQ(write_word(kSpm + 0x20, 0), Err::kNone);
  std::vector<std::uint32_t> code;
  li(code, 1, kRegs);
  li(code, 2, 3);
  code.push_back(store_word(2, 1, reg::kCoreWinOffset));
  li(code, 3, 0x80000000);
  code.push_back(addi(4, 0, 50));  // rounds
  code.push_back(addi(5, 0, 0));   // sum of what was loaded
  const auto loop = code.size();
  code.push_back(store_word(0, 1, reg::kAtomicGoOffset));  // add
  code.push_back(load_word(6, 3, 0x40));
  code.push_back(0x006282b3);  // add x5, x5, x6
  code.push_back(load_word(7, 1, reg::kAtomicStatusOffset));
  code.push_back(0xfe039ee3);  // bnez x7, -4
  code.push_back(addi(4, 4, -1));
  const auto back = -4 * static_cast<int>(code.size() - loop);
  const auto b = static_cast<std::uint32_t>(back);
  code.push_back((b >> 12 & 1U) << 31 | (b >> 5 & 63U) << 25 | 4U << 15 | 1U << 12 |
                 (b >> 1 & 15U) << 8 | (b >> 11 & 1U) << 7 | 0x63);  // bnez x4, loop
  code.push_back(store_word(5, 1, reg::kScratchOffset));
  code.push_back(kWfi);
  load_and_run(code);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(error(atomic(kOther, Amo::kAdd, kSpm + 0x20, 1)), Err::kNone);
  }
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 20000));
  EXPECT_EQ(get(reg::kScratchOffset), 50U);
  EXPECT_EQ(read_word(kSpm + 0x20), 100U);
}

// ---------------------------------------------------------------- arbitration classes

TEST_F(Atomics, RequestsHaveTheClassThatQosGivesThem) {
  open_windows();
  EXPECT_EQ(get(reg::kQosOffset), 0x14U);
  write_context(0, 5, dma_rows(64, 1, 0, 0));
  write_context(0, 6, dma_rows(64, 1, 0, 0));
  Words load = command(0x03, 0, 1);  // spread: spread_ keeps the request
  load[4] = kSelf.x | kSelf.y << 8 | kSelf.x << 16 | kSelf.y << 24;
  Words mcast = command(0x12, 0, 2);
  mcast[4] = 0 | 1U << 8 | 3U << 16 | 1U << 24;
  mcast[7] = kSpm;
  for (const unsigned qos : {0x14U, 0x03U, 0x1fU, 0x00U, 0x12U}) {
    set(reg::kQosOffset, qos);
    ASSERT_EQ(push(kRdma, load), Err::kNone);
    ASSERT_EQ(push(kWdma, mcast), Err::kNone);
    set(reg::kPostOffset, 3U | 1U << 8 | 2U << 16 | 2U << 24);
    ASSERT_EQ(own(Amo::kAdd, hbm(0x40), 1), Err::kNone);
    ASSERT_TRUE(engines_done());
    run(50);
    EXPECT_EQ(spread_.back().cls, (qos & 1U) != 0);
    EXPECT_EQ(posted_.back().cls, (qos & 2U) != 0);
    EXPECT_EQ(atomics_.back().cls, (qos & 4U) != 0);
    EXPECT_EQ(posts_.back().cls, (qos & 16U) != 0);
  }
}

TEST_F(Atomics, AnswersHaveTheClassOfTheirRequest) {
  for (const bool cls : {false, true}) {
    for (const Kind kind : {Kind::kRead, Kind::kWrite}) {
      for (const std::uint32_t offset :
           {kSpm, kRegs + reg::kScratchOffset - 32, kSpm + kSpmBytes}) {
        Flit flit = request(kCtl, kind, offset);
        flit.strb = kind == Kind::kRead ? 4 : 0;
        flit.cls = cls;
        flit.tag = 202;
        flit.seal();
        links().to_request.queue.push_back(flit);
        const auto rsp = response(202);
        ASSERT_TRUE(rsp);
        EXPECT_EQ(rsp->cls, cls) << offset;
      }
    }
  }
}

// ---------------------------------------------------------------- the core and a failing network

class CoreFaults : public AtomicBench {
 protected:
  /// The core loads from HBM; a handler stores mcause and mepc. Expect a load fault there.
  void expect_load_fault(std::uint64_t limit) {
    std::vector<std::uint32_t> code;
    li(code, 1, 0x80);
    code.push_back(csrw(0x305, 1));
    li(code, 3, 0x80000000);
    const auto fault_pc = static_cast<std::uint32_t>(4 * code.size());
    code.push_back(load_word(4, 3, 0x44));
    code.resize(0x20, kEbreak);
    li(code, 1, kRegs);
    code.push_back(csrr(5, 0x342));
    code.push_back(csrr(6, 0x341));
    code.push_back(store_word(6, 1, reg::kScratchOffset + 4));
    code.push_back(store_word(5, 1, reg::kScratchOffset));
    code.push_back(kWfi);
    load_and_run(code);
    ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, limit));
    EXPECT_EQ(get(reg::kScratchOffset), 5U) << "load access fault";
    EXPECT_EQ(get(reg::kScratchOffset + 4), fault_pc);
  }
};

TEST_F(CoreFaults, PoisonedDataIsAFault) {
  open_windows();
  poisoned_ = true;
  expect_load_fault(2000);
}

TEST_F(CoreFaults, DamagedDataIsAFault) {
  context().assertOn(false);  // the link checker would report the damage as well
  open_windows();
  damaged_ = true;
  expect_load_fault(2000);
  set(reg::kCountSelOffset, 119);
  EXPECT_EQ(get(reg::kCountLoOffset), 1U);
}

TEST_F(CoreFaults, NoAnswerIsAFault) {
  open_windows();
  silent_ = true;
  expect_load_fault(20000);
  // The late answer finds nobody.
  silent_ = false;
  run(200);
  EXPECT_EQ(get(reg::kScratchOffset), 5U);
}

}  // namespace
