// SPDX-License-Identifier: Apache-2.0
// Other nodes' requests to a TLM tile: what they reach, rights, refusals, records, cycles.
#include "hart_bench.hpp"

namespace tsr::tb {
namespace {

TEST_F(HartTile, ShowsItsIdentity) {
  EXPECT_EQ(get(reg::kIdOffset), kSelf.x | kSelf.y << 8 | 256U << 20);
}

TEST_F(HartTile, CtlReachesCoreMemories) {
  for (const std::uint32_t local : {0U, 0xfffcU, 0x10000U, 0x1fffcU}) {
    EXPECT_EQ(write_word(local, 0x1234'0000 + local).err, Err::kNone);
  }
  for (const std::uint32_t local : {0U, 0xfffcU, 0x10000U, 0x1fffcU}) {
    EXPECT_EQ(read(local, 4).word(), 0x1234'0000 + local);
  }
}

TEST_F(HartTile, ScratchpadKeepsWhatIsWrittenAtAnyAlignment) {
  std::mt19937 rng(1);
  std::vector<std::uint8_t> model(1024);
  for (std::uint32_t at = 0; at < 1024; at += 64) {
    write(kSpm + at, std::vector<std::uint8_t>(64));
  }
  for (int i = 0; i < 200; ++i) {
    const std::uint32_t at = rng() % 1024;
    std::vector<std::uint8_t> data(1 + rng() % (64 - at % 64));
    for (auto& byte : data) byte = static_cast<std::uint8_t>(rng());
    std::copy(data.begin(), data.end(), model.begin() + at);
    EXPECT_EQ(write(kSpm + at, data).err, Err::kNone);
  }
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t at = rng() % 1024;
    const unsigned bytes = 1 + rng() % (256 - at % 256);
    const Reply reply = read(kSpm + at, bytes);
    EXPECT_TRUE(std::equal(reply.data.begin(), reply.data.end(), model.begin() + at));
  }
}

TEST_F(HartTile, HolesAreUnmapped) {
  for (const std::uint32_t local :
       {0x0005'0000U, 0x0008'0000U, 0x0010'0000U, 0x0200'0000U, kSpm + 0x40000, 0xfffff000U}) {
    EXPECT_EQ(read(local, 4).err, Err::kUnmapped) << fmt::format("{:08x}", local);
  }
  EXPECT_EQ(read(kRegs + 0x3fc, 4).err, Err::kForbidden);
}

TEST_F(HartTile, UnsupportedShapesAreRefused) {
  EXPECT_EQ(read(kRegs + 0x3c, 8).err, Err::kUnsupported) << "two blocks of registers";
  EXPECT_EQ(read(kCmd, 4).err, Err::kUnsupported) << "staging is written";
  EXPECT_EQ(write(kCmd, {1, 2}).err, Err::kUnsupported) << "by words";
  EXPECT_EQ(write(kCtx, {1, 2}).err, Err::kUnsupported);
  EXPECT_EQ(atomic(Amo::kAdd, 0x10000, 1, 0, kCtl).err, Err::kUnsupported);
  EXPECT_EQ(atomic(Amo::kAdd, kSpm + 2, 1, 0, kCtl).err, Err::kUnsupported);
}

TEST_F(HartTile, OtherNodesGetOnlyWhatRemoteCtrlOpens) {
  EXPECT_EQ(read(kSpm, 4, kOther).err, Err::kForbidden);
  EXPECT_EQ(write_word(kSpm, 1, kOther).err, Err::kForbidden);
  set(reg::kRemoteBaseOffset, 0x1000);
  set(reg::kRemoteLimitOffset, 0x1fff);
  set(reg::kRemoteCtrlOffset, 1);
  EXPECT_EQ(read(kSpm + 0x1000, 256, kOther).err, Err::kNone);
  EXPECT_EQ(read(kSpm + 0xfff, 1, kOther).err, Err::kForbidden);
  EXPECT_EQ(read(kSpm + 0x2000, 1, kOther).err, Err::kForbidden);
  EXPECT_EQ(write_word(kSpm + 0x1000, 1, kOther).err, Err::kForbidden);
  EXPECT_EQ(atomic(Amo::kAdd, kSpm + 0x1000, 1, 0, kOther).err, Err::kForbidden);
  set(reg::kRemoteCtrlOffset, 2);
  EXPECT_EQ(write_word(kSpm + 0x1fc0, 1, kOther).err, Err::kNone);
  EXPECT_EQ(write_word(kSpm + 0x2000, 1, kOther).err, Err::kForbidden);
  EXPECT_EQ(read(kSpm + 0x1000, 4, kOther).err, Err::kForbidden);
  EXPECT_EQ(read(kRegs, 4, kOther).err, Err::kForbidden) << "registers are never theirs";
  EXPECT_EQ(read(0x10000, 4, kOther).err, Err::kForbidden);
  EXPECT_EQ(read(kSpm, 4, kSelf).err, Err::kNone) << "a node reaches its own scratchpad";
}

TEST_F(HartTile, SemaphorePostsNeedTheirRight) {
  post(3, 7, kOther);
  EXPECT_EQ(get(reg::kSemOffset + 12), 0U);
  set(reg::kRemoteCtrlOffset, 4);
  post(3, 7, kOther);
  post(3, 2, kCtl);
  EXPECT_EQ(get(reg::kSemOffset + 12), 9U);
}

TEST_F(HartTile, RefusedAccessIsRecordedWithItsInitiator) {
  EXPECT_EQ(read(kSpm + 0x40, 4, kOther).err, Err::kForbidden);
  EXPECT_EQ(get(reg::kErrStatusOffset), 1U);
  EXPECT_EQ(get(reg::kErrFirstOffset), 5U | 2U << 4 | 2U << 8 | kOther.pack() << 16);
  EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), kSpm + 0x40);
  EXPECT_EQ(get(reg::kErrFirstAddrHiOffset), node_address(kSelf, 0) >> 32);
  read(0x0200'0000, 4);
  EXPECT_EQ(get(reg::kErrStatusOffset), 3U);
  EXPECT_EQ(get(reg::kErrLastOffset), 5U | 1U << 4 | 1U << 8 | kCtl.pack() << 16);
  EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), kSpm + 0x40) << "the first one stays";
  set(reg::kErrStatusOffset, 3);
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
}

TEST_F(HartTile, CountsDownAndRefusesASemaphoreTakenTooFar) {
  set(reg::kSemOffset + 8, 5);
  set(reg::kSemOffset + 8, 1U << 31 | 3);
  EXPECT_EQ(get(reg::kSemOffset + 8), 2U);
  EXPECT_EQ(write_word(kRegs + reg::kSemOffset + 8, 1U << 31 | 3).err, Err::kForbidden);
  EXPECT_EQ(get(reg::kSemOffset + 8), 2U);
}

TEST_F(HartTile, AtomicsDoTheirOperation) {
  struct Case {
    Amo amo;
    std::uint32_t old, operand, expected, result;
  };
  const Case cases[] = {{Amo::kAdd, 0xffffffff, 3, 0, 2},
                        {Amo::kAnd, 0xff00ff00, 0x0ff00ff0, 0, 0x0f000f00},
                        {Amo::kOr, 0xff00ff00, 0x0ff00ff0, 0, 0xfff0fff0},
                        {Amo::kSwap, 1, 2, 0, 2},
                        {Amo::kCas, 1, 2, 1, 2},
                        {Amo::kCas, 1, 2, 3, 1},
                        {Amo::kMin, 5, 0xfffffffe, 0, 0xfffffffe},
                        {Amo::kMax, 5, 0xfffffffe, 0, 5}};
  for (const Case& c : cases) {
    write_word(kSpm + 0x84, c.old);
    const Reply reply = atomic(c.amo, kSpm + 0x84, c.operand, c.expected, kCtl);
    EXPECT_EQ(reply.err, Err::kNone);
    EXPECT_EQ(reply.word(), c.old);
    EXPECT_EQ(read(kSpm + 0x84, 4).word(), c.result) << static_cast<unsigned>(c.amo);
  }
}

TEST_F(HartTile, ListensOnlyWhereOthersMayWrite) {
  hear(0x1000, kOther);
  EXPECT_EQ(get(reg::kErrFirstOffset), 7U | 2U << 4 | 2U << 8 | kOther.pack() << 16);
  EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), kSpm + 0x1000);
  set(reg::kRemoteCtrlOffset, 2);
  set(reg::kRemoteBaseOffset, 0x1000);
  set(reg::kRemoteLimitOffset, 0x10bf);
  hear(0x1000, kOther);
  hear(0x1078, kOther, 0xff);
  hear(0x1090, kOther);               // ends behind the range
  hear(0x1080, kOther, ~0ULL, true);  // poisoned
  hear(0x8000, kCtl);                 // the ctl node may write anywhere
  hear(0x3fff0, kCtl);                // outside
  EXPECT_EQ(get(reg::kSemOffset + 4 * 5), 3U);
  EXPECT_EQ(read(kSpm + 0x1001, 1).data[0], 2U);
  EXPECT_EQ(read(kSpm + 0x107f, 1).data[0], 8U);
  EXPECT_EQ(read(kSpm + 0x8000, 1).data[0], 1U);
  set(reg::kCountSelOffset, 122);
  EXPECT_EQ(get(reg::kCountLoOffset), 3U);
  set(reg::kCountSelOffset, 123);
  EXPECT_EQ(get(reg::kCountLoOffset), 4U);
}

TEST_F(HartTile, ServesInTheCyclesOfTheRtl) {
  EXPECT_EQ(write(kSpm, std::vector<std::uint8_t>(64)).cycles, 2U);
  EXPECT_EQ(read(kSpm, 64).cycles, 5U);
  EXPECT_EQ(read(kSpm, 256).cycles, 14U);
  EXPECT_EQ(atomic(Amo::kAdd, kSpm, 1, 0, kCtl).cycles, 6U);
  EXPECT_EQ(read(kRegs, 4).cycles, 7U);
  EXPECT_EQ(read(0x10000, 4).cycles, 8U);
  EXPECT_EQ(read(0x10000, 64).cycles, 68U);
  EXPECT_EQ(read(0x0200'0000, 4).cycles, 2U) << "a refusal";
}

TEST_F(HartTile, AFullQueueRefusesTheCommand) {
  // Commands that wait for a semaphore: eight in the queue, one in front of it.
  const std::vector<std::uint32_t> command = {
      0, 1U << 4 | 1U << 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  put(kCmd, command);
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(write_word(kCmd + 60, 0).err, Err::kNone) << i;
    run(5);
  }
  EXPECT_EQ(write_word(kCmd + 60, 0).err, Err::kBusy);
  EXPECT_EQ(get(reg::kQueueStatusOffset) & 15, 0U);
  set(reg::kEngineCtrlOffset, 1);
  run(5);
  EXPECT_EQ(get(reg::kQueueStatusOffset) & 15, 8U);
}

TEST_F(HartTile, ContextsKeepTheirWords) {
  put(kCtx + 0x7fc, {0xabcd1234});
  EXPECT_EQ(read(kCtx + 0x7fc, 4).word(), 0xabcd1234U);
  EXPECT_EQ(write_word(kCtx, 1, kSelf).err, Err::kNone) << "the node's own DMA fills them";
  EXPECT_EQ(write_word(kCtx, 1, kOther).err, Err::kForbidden);
}

}  // namespace
}  // namespace tsr::tb
