// SPDX-License-Identifier: Apache-2.0
// Bench of the whole tile through its four links: access rights, memories, engines, core, debug,
// sleep.
#include "tile_core.hpp"

namespace {

using namespace tsr;
using namespace tsr::tb;

using Tile = TileBench;

// ---------------------------------------------------------------- memories and rights

TEST_F(Tile, ShowsItsIdentity) {
  EXPECT_EQ(get(reg::kIdOffset), 1U | 2U << 8 | 0U << 16 | 256U << 20);
}

TEST_F(Tile, CtlReachesCoreMemories) {
  const Bytes code = random_bytes(200);
  const Bytes data = random_bytes(133);
  write_bytes(0x40, code);
  write_bytes(kDtcm + 0x7f3, data);
  for (unsigned i = 0; i < code.size(); i += 40) {
    const unsigned count =
        std::min<unsigned>({40, 64 - ((0x40 + i) & 63U), static_cast<unsigned>(code.size()) - i});
    const Answer answer = read(0x40 + i, count);
    ASSERT_EQ(answer.err, Err::kNone);
    for (unsigned b = 0; b < count; ++b) EXPECT_EQ(answer.bytes[b], code[i + b]) << i + b;
  }
  const Answer tail = read(kDtcm + 0x7f3, 13);
  ASSERT_EQ(tail.err, Err::kNone);
  EXPECT_TRUE(std::equal(tail.bytes.begin(), tail.bytes.end(), data.begin()));
}

TEST_F(Tile, ScratchpadKeepsWhatIsWrittenAtAnyAlignment) {
  links().send_chance = 0.7;
  links().credit_chance = 0.6;
  Bytes model(4096, 0);
  write_bytes(kSpm, model);
  for (int round = 0; round < 60; ++round) {
    const auto at = static_cast<std::uint32_t>(rand_in(0, 4000));
    const Bytes bytes = random_bytes(rand_in(1, std::min<std::uint64_t>(300, 4096 - at)));
    write_bytes(kSpm + at, bytes);
    std::copy(bytes.begin(), bytes.end(), model.begin() + at);
    const auto from = static_cast<std::uint32_t>(rand_in(0, 4000));
    const auto count = static_cast<unsigned>(rand_in(1, 4096 - from));
    const Bytes got = read_bytes(kSpm + from, count);
    ASSERT_TRUE(std::equal(got.begin(), got.end(), model.begin() + from)) << "round " << round;
  }
}

TEST_F(Tile, HolesAreUnmapped) {
  EXPECT_EQ(read(0x0001'0000 * 0x200, 4).err, Err::kUnmapped);
  EXPECT_EQ(read(kSpm + kSpmBytes, 4).err, Err::kUnmapped);
  EXPECT_EQ(write_word(0x0005'0000, 1), Err::kUnmapped);
  EXPECT_EQ(write_word(kRegs + 0x7fc, 1), Err::kForbidden) << "hole in the registers";
}

TEST_F(Tile, UnsupportedShapesAreRefused) {
  EXPECT_EQ(read(kRegs, 128).err, Err::kUnsupported) << "registers: one block at most";
  Flit flit = request(kCtl, Kind::kAtomic, kRegs);
  flit.tag = 200;
  flit.seal();
  links().to_request.queue.push_back(flit);
  const auto rsp = response(200);
  ASSERT_TRUE(rsp);
  EXPECT_EQ(rsp->kind, Kind::kErrRsp);
  EXPECT_EQ(rsp->err, Err::kUnsupported);
}

TEST_F(Tile, OtherNodesGetOnlyWhatRemoteCtrlOpens) {
  EXPECT_EQ(read(kRegs, 4, kOther).err, Err::kForbidden);
  EXPECT_EQ(write_word(0x100, 1, kOther), Err::kForbidden);
  EXPECT_EQ(write_word(kCommands, 1, kOther), Err::kForbidden);
  EXPECT_EQ(read(kSpm + 0x1000, 64, kOther).err, Err::kForbidden);
  post_semaphore(4, 1, kOther);
  run(50);
  EXPECT_EQ(get(reg::kSemOffset + 16), 0U);

  set(reg::kRemoteBaseOffset, 0x1040);
  set(reg::kRemoteLimitOffset, 0x1fbf);
  set(reg::kRemoteCtrlOffset, 7);
  EXPECT_EQ(write_word(kSpm + 0x1040, 0x11223344, kOther), Err::kNone);
  EXPECT_EQ(read(kSpm + 0x1040, 64, kOther).err, Err::kNone);
  EXPECT_EQ(read_word(kSpm + 0x1040), 0x11223344U);
  EXPECT_EQ(read(kSpm + 0x103f, 2, kOther).err, Err::kForbidden);
  EXPECT_EQ(read(kSpm + 0x1fbf, 2, kOther).err, Err::kForbidden);
  EXPECT_EQ(write_word(kSpm + 0x1fc0, 1, kOther), Err::kForbidden);
  EXPECT_EQ(write_word(kRegs, 1, kOther), Err::kForbidden);
  post_semaphore(4, 3, kOther);
  run(50);
  EXPECT_EQ(get(reg::kSemOffset + 16), 3U);
}

TEST_F(Tile, RefusedAccessIsRecordedWithItsInitiator) {
  EXPECT_EQ(write_word(0x140, 1, kOther), Err::kForbidden);
  ASSERT_EQ(get(reg::kErrStatusOffset) & 1U, 1U);
  const std::uint32_t first = get(reg::kErrFirstOffset);
  EXPECT_EQ(first & 7U, 5U);
  EXPECT_EQ((first >> 4) & 15U, static_cast<unsigned>(Err::kForbidden));
  EXPECT_EQ(first >> 16, kOther.pack());
  EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), 0x140U);
  set(reg::kErrStatusOffset, 3);
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
}

TEST_F(Tile, DamagedDataIsRefused) {
  context().assertOn(false);  // the link checker would report the damage as well
  ASSERT_EQ(write_word(kSpm, 0x55), Err::kNone);
  Flit flit = request(kCtl, Kind::kWrite, kSpm);
  flit.strb = 0xf;
  flit.data[0] = 0x77;
  flit.tag = 201;
  flit.seal();
  flit.data[0] = 0x76;  // after the parity was made
  links().to_request.queue.push_back(flit);
  const auto rsp = response(201);
  ASSERT_TRUE(rsp);
  EXPECT_EQ(rsp->err, Err::kParity);
  EXPECT_EQ(read_word(kSpm), 0x55U);
}

TEST_F(Tile, CountsDownAndRefusesASemaphoreTakenTooFar) {
  set(reg::kSemOffset, 5);
  EXPECT_EQ(get(reg::kSemOffset), 5U);
  EXPECT_EQ(write_word(kRegs + reg::kSemOffset, 0x80000003), Err::kNone);
  EXPECT_EQ(get(reg::kSemOffset), 2U);
  EXPECT_EQ(write_word(kRegs + reg::kSemOffset, 0x80000003), Err::kForbidden);
  EXPECT_EQ(get(reg::kSemOffset), 2U);
}

// ---------------------------------------------------------------- DMA

TEST_F(Tile, DmaCopiesFromHbmAndBack) {
  open_windows();
  const Bytes source = random_bytes(40 * 100);
  for (std::size_t i = 0; i < source.size(); ++i) memory_[hbm(0x12345 + i)] = source[i];
  write_context(2, 5, dma_rows(100, 40, 100, 104));
  write_context(2, 6, dma_rows(100, 40, 104, 200));
  Words load = command(0x01, 2, 77);
  load[2] = 0x0119;  // post semaphore 9
  load[5] = 0x12345;
  load[7] = 0x800;
  Words store = command(0x11, 2, 78);
  store[1] = 0x0119;  // wait for it
  store[5] = 0x800;
  store[7] = 0x40003;
  ASSERT_EQ(push(kWdma, store), Err::kNone);
  ASSERT_EQ(push(kRdma, load), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  for (unsigned row = 0; row < 40; ++row) {
    for (unsigned i = 0; i < 100; ++i) {
      ASSERT_EQ(memory_[hbm(0x40003 + row * 200 + i)], source[row * 100 + i]) << row << ' ' << i;
    }
  }
  set(reg::kCountSelOffset, 9);
  EXPECT_EQ(get(reg::kCountLoOffset), 4000U) << "bytes read";
  set(reg::kCountSelOffset, 16 + 9);
  EXPECT_EQ(get(reg::kCountLoOffset), 4000U) << "bytes written";
}

TEST_F(Tile, MulticastNamesItsRectangleAndThePostFollowsTheData) {
  open_windows();
  const Bytes source = random_bytes(640);
  write_bytes(kSpm + 0x40, source);
  write_context(0, 6, dma_rows(640, 1, 0, 0));
  Words cmd = command(0x12, 0, 5);
  cmd[2] = 0x0230 | 6;                         // post 0: remote, semaphore 6, two
  cmd[3] = 1 | 1U << 8 | 3U << 16 | 4U << 24;  // post rectangle (1,1)..(3,4)
  cmd[4] = 0 | 2U << 8 | 3U << 16 | 2U << 24;  // data rectangle (0,2)..(3,2)
  cmd[5] = 0x40;
  cmd[7] = kSpm + 0x8000;
  ASSERT_EQ(push(kWdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  run(100);
  ASSERT_EQ(posted_.size(), 10U);
  for (std::size_t i = 0; i < posted_.size(); ++i) {
    EXPECT_TRUE(posted_[i].mcast);
    EXPECT_TRUE((posted_[i].dst == Rect{{0, 2}, {3, 2}}));
    EXPECT_EQ(posted_[i].addr & 0xffffffff, kSpm + 0x8000 + 64 * i);
    for (unsigned b = 0; b < 64; ++b) {
      EXPECT_EQ(static_cast<std::uint8_t>(posted_[i].data[b / 8] >> (8 * (b % 8))),
                source[64 * i + b]);
    }
  }
  ASSERT_EQ(posts_.size(), 1U);
  EXPECT_TRUE(posts_[0].mcast);
  EXPECT_TRUE((posts_[0].dst == Rect{{1, 1}, {3, 4}}));
  EXPECT_EQ(posts_[0].doff & 15U, 6U);
  EXPECT_EQ((posts_[0].doff >> 8) & 255U, 2U);
}

TEST_F(Tile, AMulticastToOneNodeIsAPostedUnicastButNotToARouterPage) {
  open_windows();
  write_context(0, 6, dma_rows(64, 1, 0, 0));
  Words cmd = command(0x12, 0, 6);
  cmd[4] = 3 | 4U << 8 | 3U << 16 | 4U << 24;
  cmd[7] = kSpm;
  ASSERT_EQ(push(kWdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  run(100);
  ASSERT_EQ(posted_.size(), 1U);
  EXPECT_FALSE(posted_[0].mcast);
  EXPECT_TRUE((posted_[0].dst == Rect{{3, 4}, {3, 4}}));
  EXPECT_EQ(posted_[0].addr, node_address({3, 4}, kSpm));
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);

  posted_.clear();
  for (const std::uint32_t rect :
       {cmd[4], 0U | 2U << 8 | 3U << 16 | 2U << 24, 1U | 2U << 8 | 1U << 16 | 2U << 24}) {
    cmd[4] = rect;
    cmd[7] = 0xfffff000;
    ASSERT_EQ(push(kWdma, cmd), Err::kNone);
    ASSERT_TRUE(engines_done());
    run(100);
    EXPECT_TRUE(posted_.empty());
    EXPECT_EQ(get(reg::kErrFirstOffset) & 0xffU, 6U | static_cast<unsigned>(Err::kForbidden) << 4);
    set(reg::kErrStatusOffset, 3);
  }
}

TEST_F(Tile, RouteMapsChooseTheChannelAndRefuseWhatCannotBeReached) {
  open_windows();
  for (const std::uint32_t offset : {reg::kRouteVc1LoOffset, reg::kRouteNoneHiOffset}) {
    EXPECT_EQ(write_word(kRegs + offset, 1, kOther), Err::kForbidden);
    EXPECT_EQ(get(offset), 0U);
  }
  set(reg::kErrStatusOffset, 3);
  const auto post = [&](Node to) {
    set(reg::kPostOffset, 3 | 1U << 8 | to.x << 16 | to.y << 24);
    run(60);
  };
  const auto multicast = [&](std::uint32_t rect) {
    Words cmd = command(0x12, 0, 6);
    cmd[4] = rect;
    cmd[7] = kSpm;
    ASSERT_EQ(push(kWdma, cmd), Err::kNone);
    ASSERT_TRUE(engines_done());
    run(60);
  };
  write_context(0, 5, dma_rows(64, 1, 0, 0));
  write_context(0, 6, dma_rows(64, 1, 0, 0));
  set(reg::kRouteVc1LoOffset, 1U << (1 * 8 + 3));
  set(reg::kRouteVc1HiOffset, 1U << (1 * 8 + 2));
  for (const auto& [to, vc] : {std::pair{Node{3, 1}, true},
                               {Node{2, 5}, true},
                               {Node{3, 5}, false},
                               {Node{2, 1}, false}}) {
    post(to);
    multicast(to.x | to.y << 8 | to.x << 16 | to.y << 24);
    ASSERT_EQ(posts_.size(), 1U);
    EXPECT_EQ(posts_[0].vc, vc);
    ASSERT_EQ(posted_.size(), 1U);
    EXPECT_EQ(posted_[0].vc, vc);
    posts_.clear();
    posted_.clear();
  }
  multicast(2 | 1U << 8 | 3U << 16 | 1U << 24);
  ASSERT_EQ(posted_.size(), 1U);
  EXPECT_FALSE(posted_[0].vc) << "multicast stays";
  posted_.clear();

  // Unreachable: posts and posted writes are dropped, reads are refused; all are recorded.
  set(reg::kRouteNoneLoOffset, 1U << (1 * 8 + 3));
  set(reg::kRouteNoneHiOffset, 0xfU << 8);  // every memory node
  const std::uint32_t record = 6U | static_cast<unsigned>(Err::kUnmapped) << 4;
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  post({3, 1});
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xffU, record);
  EXPECT_EQ(get(reg::kErrFirstAddrHiOffset), 1U << 20 | 1U << 6 | 3U);
  set(reg::kErrStatusOffset, 3);
  multicast(3 | 1U << 8 | 3U << 16 | 1U << 24);
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xffU, record);
  EXPECT_TRUE(posts_.empty() && posted_.empty());
  set(reg::kErrStatusOffset, 3);
  ASSERT_EQ(push(kRdma, command(0x01, 0, 42)), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xffU, record);
  const std::uint32_t last = get(reg::kErrLastOffset);
  EXPECT_EQ(last & 0xffU, 0U | 6U << 4) << "the engine's bus error";
  EXPECT_EQ((last >> 8) & 7U, static_cast<unsigned>(Err::kUnmapped));
  set(reg::kRouteNoneHiOffset, 0);
  set(reg::kErrStatusOffset, 3);
  set(reg::kEngineCtrlOffset, 31);
  memory_[hbm(0)] = 0xcd;
  ASSERT_EQ(push(kRdma, command(0x01, 0, 43)), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(read(kSpm, 1).bytes.at(0), 0xcd);
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
}

TEST_F(Tile, DmaOutsideItsWindowsIsForbiddenAndTheEngineRestarts) {
  write_context(0, 5, dma_rows(256, 1, 0, 0));
  Words cmd = command(0x01, 0, 42);
  cmd[5] = 0x2000;
  ASSERT_EQ(push(kRdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ((get(reg::kQueueStatusOffset) >> 25) & 31U, 1U) << "RDMA stopped";
  const std::uint32_t first = get(reg::kErrFirstOffset);
  EXPECT_TRUE((first & 7U) == 0U || (first & 7U) == 6U);
  const std::uint32_t last = get(reg::kErrLastOffset);
  EXPECT_EQ(last & 7U, 0U) << "the engine's own error comes last";
  EXPECT_EQ((last >> 4) & 15U, 6U);
  EXPECT_EQ((last >> 8) & 7U, static_cast<unsigned>(Err::kForbidden));
  EXPECT_EQ(last >> 16, 42U);
  EXPECT_EQ(get(reg::kErrLastAddrLoOffset), 0x2000U);
  EXPECT_TRUE(links().requests.received.empty()) << "nothing left the tile";

  open_windows();
  set(reg::kErrStatusOffset, 3);
  set(reg::kEngineCtrlOffset, 1);
  memory_[hbm(0x2000)] = 0xab;
  ASSERT_EQ(push(kRdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  EXPECT_EQ(read(kSpm, 1).bytes.at(0), 0xab);
}

TEST_F(Tile, RouterPagesBelongToTheCtlNode) {
  constexpr std::uint32_t kPage = 0xffff'f000;
  open_windows();
  write_context(0, 6, dma_rows(64, 1, 0, 0));
  const struct {
    unsigned opcode;
    Node first, last;  // of a multicast; a write goes to the first
  } cases[] = {{0x12, {0, 2}, {3, 2}},
               {0x12, kSelf, kSelf},
               {0x12, kOther, kOther},
               {0x11, kSelf, kSelf},
               {0x11, kOther, kOther}};
  for (const auto& c : cases) {
    SCOPED_TRACE(testing::Message()
                 << "opcode " << c.opcode << " to " << c.first.x << " " << c.first.y);
    Words cmd = command(c.opcode, 0, 7);
    cmd[4] = c.first.x | c.first.y << 8 | c.last.x << 16 | c.last.y << 24;
    cmd[7] = kPage + 0x40;
    cmd[8] = static_cast<std::uint32_t>(node_address(c.first, 0) >> 32);
    ASSERT_EQ(push(kWdma, cmd), Err::kNone);
    ASSERT_TRUE(engines_done());
    run(50);
    EXPECT_TRUE(posted_.empty());
    EXPECT_TRUE(unanswered().empty());
    ASSERT_EQ(get(reg::kErrStatusOffset) & 1U, 1U);
    const std::uint32_t first = get(reg::kErrFirstOffset);
    EXPECT_EQ(first & 7U, 6U);
    EXPECT_EQ((first >> 4) & 15U, static_cast<unsigned>(Err::kForbidden));
    EXPECT_EQ(first >> 16, static_cast<std::uint32_t>(kSelf.y << 6 | kSelf.x));
    EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), kPage + 0x40);
    EXPECT_EQ(get(reg::kErrFirstAddrHiOffset), cmd[8]);
    set(reg::kErrStatusOffset, 3);
    set(reg::kEngineCtrlOffset, 2);
  }
}

TEST_F(Tile, ReadsThatTheNetworkHoldsBackAgeAllTogether) {
  open_windows();
  write_context(0, 5, dma_rows(0x4000, 1, 0, 0));
  Words cmd = command(0x01, 0, 1);
  cmd[5] = 0x10000;
  silent_ = true;
  links().credit_chance = 0.05;  // a crowded network
  ASSERT_EQ(push(kRdma, cmd), Err::kNone);
  ASSERT_TRUE(run_until([this] { return unanswered().size() == 32; }, 20000));
  for (const Flit& flit : unanswered()) EXPECT_EQ(flit.birth, unanswered().front().birth);
  silent_ = false;
  ASSERT_TRUE(engines_done(100000));
}

TEST_F(Tile, BadCommandsAreReportedWithTheirReason) {
  open_windows();
  struct Case {
    const char* what;
    unsigned engine;
    unsigned opcode;
    Words row;
    std::uint32_t dst;
    unsigned error;
  };
  const Words good = dma_rows(64, 1, 0, 0);
  Words zero_count = good;
  zero_count[0] = 0;
  Words zero_iterations = good;
  zero_iterations[7] &= 0xffff0000U;
  Words mismatch = good;
  mismatch[7] = 2 | 1U << 16;
  const Case cases[] = {
      {"illegal opcode on RDMA", kRdma, 0x55, good, 0, 1},
      {"illegal opcode on WDMA", kWdma, 0x01, good, 0, 1},
      {"illegal opcode on ME", kMe, 0x11, good, 0, 1},
      {"zero count", kRdma, 0x01, zero_count, 0, 3},
      {"zero iterations", kRdma, 0x01, zero_iterations, 0, 3},
      {"totals differ", kRdma, 0x01, mismatch, 0, 4},
      {"outside the scratchpad", kRdma, 0x01, good, kSpmBytes - 32, 5},
  };
  for (const Case& c : cases) {
    write_context(1, 5, c.row);
    write_context(1, 6, c.row);
    Words cmd = command(c.opcode, 1, 9);
    cmd[7] = c.dst;
    ASSERT_EQ(push(c.engine, cmd), Err::kNone) << c.what;
    ASSERT_TRUE(engines_done()) << c.what;
    const std::uint32_t first = get(reg::kErrFirstOffset);
    EXPECT_EQ(get(reg::kErrStatusOffset) & 1U, 1U) << c.what;
    EXPECT_EQ(first & 7U, c.engine) << c.what;
    EXPECT_EQ((first >> 4) & 15U, c.error) << c.what;
    EXPECT_EQ(first >> 16, 9U) << c.what;
    set(reg::kEngineCtrlOffset, 31);
    set(reg::kErrStatusOffset, 3);
  }
}

TEST_F(Tile, ItsOwnDmaFillsItsContexts) {
  // A context blob in the scratchpad goes to context 3 by a DmaWrite to the node itself.
  const Bytes blob = random_bytes(512);
  write_bytes(kSpm + 0x800, blob);
  write_context(0, 6, dma_rows(512, 1, 0, 0));
  Words cmd = command(0x11, 0, 9);
  cmd[5] = 0x800;
  const std::uint64_t to = node_address(kSelf, kContexts + 3 * 512);
  cmd[7] = static_cast<std::uint32_t>(to);
  cmd[8] = static_cast<std::uint32_t>(to >> 32);
  ASSERT_EQ(push(kWdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  for (unsigned i = 0; i < 512; i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &blob[i], 4);
    ASSERT_EQ(read_word(kContexts + 3 * 512 + i), word) << i;
  }
  EXPECT_EQ(write_word(kContexts + 3 * 512, 1, kOther), Err::kForbidden);
}

TEST_F(Tile, UnmappedDmaIsReported) {
  open_windows();
  bad_blocks_.insert(hbm(0x3000));
  write_context(0, 5, dma_rows(64, 1, 0, 0));
  Words cmd = command(0x01, 0, 3);
  cmd[5] = 0x3000;
  ASSERT_EQ(push(kRdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  const std::uint32_t first = get(reg::kErrFirstOffset);
  EXPECT_EQ((first >> 4) & 15U, 6U);
  EXPECT_EQ((first >> 8) & 7U, static_cast<unsigned>(Err::kUnmapped));
}

TEST_F(Tile, DmaTakesPoisonedDamagedAndLostAnswersForErrors) {
  context().assertOn(false);  // the link checker would report the damage as well
  open_windows();
  Words row = dma_rows(256, 1, 0, 0);
  row[10] = 400;  // cycles without progress
  write_context(0, 5, row);
  write_context(0, 6, row);
  const auto fails = [&](unsigned engine, unsigned opcode) {
    EXPECT_EQ(push(engine, command(opcode, 0, 3)), Err::kNone);
    EXPECT_TRUE(engines_done());
    const std::uint32_t first = get(reg::kErrFirstOffset);
    EXPECT_EQ(get(reg::kErrStatusOffset) & 1U, 1U);
    EXPECT_EQ(first & 0xf7U, engine | 6U << 4);
    set(reg::kEngineCtrlOffset, 31);
    set(reg::kErrStatusOffset, 3);
    return static_cast<Err>((first >> 8) & 7U);
  };
  poisoned_ = true;
  EXPECT_EQ(fails(kRdma, 0x01), Err::kPoison);
  EXPECT_EQ(fails(kRdma, 0x03), Err::kPoison);
  poisoned_ = false;
  damaged_ = true;
  EXPECT_EQ(fails(kRdma, 0x01), Err::kPoison);
  damaged_ = false;
  lost_ = true;
  EXPECT_EQ(fails(kRdma, 0x01), Err::kTimeout);
  EXPECT_EQ(fails(kWdma, 0x11), Err::kTimeout);
  lost_ = false;
  ASSERT_EQ(push(kRdma, command(0x01, 0, 3)), Err::kNone);
  ASSERT_EQ(push(kWdma, command(0x11, 0, 4)), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
}

TEST_F(Tile, StampsTheFirstAndTheLastCommand) {
  const auto count = [&](unsigned selector) {
    set(reg::kCountSelOffset, selector);
    return get(reg::kCountLoOffset);
  };
  run(300);
  set(reg::kCountCtrlOffset, 1);
  run(200);
  const std::uint64_t before = cycle();
  ASSERT_EQ(push(kRdma, command(0x00, 0, 1)), Err::kNone);
  const std::uint64_t pushed = cycle();
  run(500);
  ASSERT_EQ(push(kMe, command(0x00, 0, 2)), Err::kNone);
  run(500);
  const std::uint32_t first = count(120);
  const std::uint32_t last = count(121);
  EXPECT_GE(first, before);
  EXPECT_LE(first, pushed + 10);
  EXPECT_GE(last, first + 500);
  EXPECT_LE(last, first + 700);
}

TEST_F(Tile, AFullQueueRefusesTheNinthWaitingCommand) {
  Words blocked = command(0x00, 0, 1);
  blocked[1] = 0x0110;  // semaphore 0 never comes
  for (int i = 0; i < 9; ++i) ASSERT_EQ(push(kRdma, blocked), Err::kNone) << i;
  EXPECT_EQ(push(kRdma, blocked), Err::kBusy);
  EXPECT_EQ(get(reg::kQueueStatusOffset) & 15U, 0U);
  set(reg::kEngineCtrlOffset, 1);
  EXPECT_EQ(get(reg::kQueueStatusOffset) & 15U, 8U);
}

// ---------------------------------------------------------------- matrix engine in place

TEST_F(Tile, MultipliesMatricesInItsScratchpad) {
  // C[24][16] = A[24][40] * B[16][40]^T, BF16.
  constexpr unsigned kM = 24;
  constexpr unsigned kN = 16;
  constexpr unsigned kK = 40;
  constexpr unsigned kPitchAb = 88;  // odd multiple of 8
  constexpr unsigned kPitchC = 96;   // odd multiple of 32
  std::vector<std::uint16_t> a(kM * kK);
  std::vector<std::uint16_t> b(kN * kK);
  for (auto& x : a)
    x = static_cast<std::uint16_t>(0x3f00 + rand_in(0, 255) + (chance(0.5) ? 0x8000 : 0));
  for (auto& x : b)
    x = static_cast<std::uint16_t>(0x3f00 + rand_in(0, 255) + (chance(0.5) ? 0x8000 : 0));
  const auto place = [&](const std::vector<std::uint16_t>& m, unsigned rows, std::uint32_t base) {
    for (unsigned r = 0; r < rows; ++r) {
      Bytes row;
      for (unsigned k = 0; k < kK; ++k) {
        row.push_back(static_cast<std::uint8_t>(m[r * kK + k]));
        row.push_back(static_cast<std::uint8_t>(m[r * kK + k] >> 8));
      }
      write_bytes(base + r * kPitchAb, row);
    }
  };
  place(a, kM, kSpm);
  place(b, kN, kSpm + 0x8000);

  const auto agu = [](std::uint32_t pitch, unsigned w_log2, std::array<std::uint32_t, 3> count,
                      std::array<std::int32_t, 3> stride) {
    Words w{};
    w[1] = pitch;
    w[2] = w_log2;
    std::int32_t rewind = 0;
    for (unsigned j = 0; j < 6; ++j) {
      w[4 + j] = j < 3 ? count[j] : 1;
      if (j < 3) {
        w[10 + j] = static_cast<std::uint32_t>(stride[j] - rewind);
        rewind += stride[j] * static_cast<std::int32_t>(count[j] - 1);
      }
    }
    return w;
  };
  constexpr unsigned kBeats = kK / 4;
  write_context(0, 0, Words{});
  write_context(0, 1, agu(kPitchAb, 0, {kBeats, kN / 8, kM / 8}, {8, 0, 8 * kPitchAb}));
  write_context(0, 2, agu(kPitchAb, 0, {kBeats, kN / 8, kM / 8}, {8, 8 * kPitchAb, 0}));
  write_context(0, 4, agu(kPitchC, 2, {4, kN / 8, kM / 8}, {2 * kPitchC, 32, 8 * kPitchC}));
  Words cmd = command(0x21, 0, 1);
  cmd[6] = 0x8000;
  cmd[8] = 0x10000;
  ASSERT_EQ(push(kMe, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  for (unsigned m = 0; m < kM; ++m) {
    for (unsigned n = 0; n < kN; ++n) {
      double exact = 0;
      for (unsigned k = 0; k < kK; ++k) {
        const auto value = [](std::uint16_t half) {
          const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
          float f = 0;
          std::memcpy(&f, &bits, 4);
          return static_cast<double>(f);
        };
        exact += value(a[m * kK + k]) * value(b[n * kK + k]);
      }
      const Bytes raw = read(kSpm + 0x10000 + m * kPitchC + 4 * n, 4).bytes;
      float got = 0;
      std::memcpy(&got, raw.data(), 4);
      ASSERT_EQ(got, static_cast<float>(exact)) << m << ' ' << n;
    }
  }
}

// ---------------------------------------------------------------- core

TEST_F(TileCore, RunsAndReachesScratchpadRegistersAndHbm) {
  open_windows();
  memory_[hbm(0x30000104)] = 0x21;
  std::vector<std::uint32_t> code;
  li(code, 1, kRegs);
  li(code, 2, 3);  // window 0 -> global 0x3000_0000
  code.push_back(store_word(2, 1, reg::kCoreWinOffset));
  li(code, 3, 0x80000000);
  code.push_back(load_word(4, 3, 0x104));
  li(code, 5, kSpm);
  code.push_back(store_word(4, 5, 0x20));
  code.push_back(load_word(6, 5, 0x20));
  code.push_back(addi(6, 6, 1));
  code.push_back(store_word(6, 3, 0x108));
  li(code, 7, 6 | 9U << 8 | 2U << 16 | 4U << 24);  // post semaphore 6 of (2,4), nine
  code.push_back(store_word(7, 1, reg::kPostOffset));
  code.push_back(store_word(6, 1, reg::kScratchOffset));
  code.push_back(kWfi);
  load_and_run(code);
  ASSERT_TRUE(run_until([&] { return !posts_.empty(); }, 5000));
  run(200);
  EXPECT_EQ(read_word(kSpm + 0x20), 0x21U);
  EXPECT_EQ(memory_[hbm(0x30000108)], 0x22);
  EXPECT_EQ(get(reg::kScratchOffset), 0x22U);
  EXPECT_EQ(posts_[0].dst.lo, (Node{2, 4}));
  EXPECT_EQ(posts_[0].doff, 6U | 9U << 8);
}

TEST_F(TileCore, FaultsPreciselyOnAnErrorResponse) {
  open_windows();
  bad_blocks_.insert(hbm(0x40));
  std::vector<std::uint32_t> code;
  // The handler at 0x80 stores mcause, mepc and mtval.
  li(code, 1, 0x80);
  code.push_back(csrw(0x305, 1));
  li(code, 3, 0x80000000);
  const auto fault_pc = static_cast<std::uint32_t>(4 * code.size());
  code.push_back(load_word(4, 3, 0x44));
  code.resize(0x20, kEbreak);
  li(code, 1, kRegs);
  code.push_back(csrr(5, 0x342));
  code.push_back(csrr(6, 0x341));
  code.push_back(csrr(7, 0x343));
  code.push_back(store_word(6, 1, reg::kScratchOffset + 4));
  code.push_back(store_word(7, 1, reg::kScratchOffset + 8));
  code.push_back(store_word(5, 1, reg::kScratchOffset));
  code.push_back(kWfi);
  load_and_run(code);
  run(1000);
  EXPECT_EQ(get(reg::kScratchOffset), 5U) << "load access fault";
  EXPECT_EQ(get(reg::kScratchOffset + 4), fault_pc);
  EXPECT_EQ(get(reg::kScratchOffset + 8), 0x80000044U);
}

TEST_F(TileCore, WithoutAWindowTheCoreIsRefused) {
  std::vector<std::uint32_t> code;
  li(code, 1, 0x80);
  code.push_back(csrw(0x305, 1));
  li(code, 3, 0x80000000);
  code.push_back(store_word(3, 3, 0));
  code.resize(0x20, kEbreak);
  li(code, 1, kRegs);
  code.push_back(csrr(5, 0x342));
  code.push_back(store_word(5, 1, reg::kScratchOffset));
  code.push_back(kWfi);
  load_and_run(code);
  run(1000);
  EXPECT_EQ(get(reg::kScratchOffset), 7U) << "store access fault";
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xf7U, 6U | 2U << 4);
  EXPECT_TRUE(memory_.empty());
}

TEST_F(TileCore, SleepsInWfiAndWakesOnLaunch) {
  std::vector<std::uint32_t> code;
  li(code, 1, 1U << 18);  // launch interrupt enabled, MIE clear: wake without a trap
  code.push_back(csrw(0x304, 1));
  code.push_back(kWfi);
  li(code, 2, kRegs);
  code.push_back(load_word(3, 2, reg::kLaunchOffset));
  code.push_back(store_word(3, 2, reg::kScratchOffset));
  li(code, 4, 4);
  code.push_back(store_word(4, 2, reg::kIrqStateOffset));
  code.push_back(kWfi);
  load_and_run(code);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000)) << "must fall asleep";
  run(100);
  EXPECT_EQ(dut().idle_o, 1);
  set(reg::kLaunchOffset, 0x77);
  run(200);
  EXPECT_EQ(get(reg::kScratchOffset), 0x77U);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000));
}

TEST_F(TileCore, SleepsUntilJustBeforeItsTimer) {
  std::vector<std::uint32_t> code;
  li(code, 1, 1U << 7);  // timer interrupt enabled, MIE clear: wake without a trap
  code.push_back(csrw(0x304, 1));
  code.push_back(kWfi);
  li(code, 2, kRegs);
  code.push_back(csrr(3, 0xc01));  // time
  code.push_back(store_word(3, 2, reg::kScratchOffset));
  code.push_back(csrw(0x304, 0));
  code.push_back(kWfi);
  set(reg::kMtimecmpLoOffset, 100'000);
  set(reg::kMtimecmpHiOffset, 0);
  load_and_run(code);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 20'000)) << "must fall asleep";
  EXPECT_EQ(dut().wake_o, 99'999U) << "the interrupt's flop is one cycle ahead";
  skipped_ = 99'990 - cycle();
  run(1);
  while (dut().now_i < dut().wake_o) {
    EXPECT_EQ(dut().idle_o, 1);
    run(1);
  }
  EXPECT_EQ(dut().now_i, 99'999U);
  run(1);
  EXPECT_EQ(dut().idle_o, 0);
  run(50);
  const std::uint32_t woken = get(reg::kScratchOffset);
  EXPECT_GE(woken, 100'000U);
  EXPECT_LT(woken, 100'010U);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000)) << "it has fired, and is masked";
  EXPECT_EQ(dut().wake_o, ~0ULL);
  set(reg::kMtimecmpLoOffset, ~0U);  // not yet: the high word is zero
  set(reg::kMtimecmpHiOffset, ~0U);  // disarmed
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000));
  EXPECT_EQ(dut().wake_o, ~0ULL);
}

TEST_F(TileCore, CountersCatchUpAfterSkippedCycles) {
  // The platform does not clock a sleeping tile: time moves on without edges.
  std::vector<std::uint32_t> code;
  code.push_back(kWfi);
  load_and_run(code);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000));
  set(reg::kCountCtrlOffset, 1);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000));
  skipped_ = 100000;
  set(reg::kCountSelOffset, 112);
  const std::uint32_t elapsed = get(reg::kCountLoOffset);
  EXPECT_GT(elapsed, 100000U);
  EXPECT_LT(elapsed, 100200U);
  set(reg::kCountSelOffset, kMe * 16);
  EXPECT_GT(get(reg::kCountLoOffset), 100000U) << "the matrix engine idled all the time";
}

TEST_F(TileCore, DebugHaltsReadsStepsAndResumes) {
  std::vector<std::uint32_t> code;
  code.push_back(addi(1, 0, 11));
  code.push_back(addi(2, 2, 1));  // loop: x2 += 1
  code.push_back(0xffdff06f);     // j loop
  load_and_run(code);
  run(50);
  set(reg::kDbgCtrlOffset, 1);
  run(10);
  ASSERT_EQ(get(reg::kDbgStatusOffset) & 1U, 1U);
  const auto debug_read = [&](std::uint32_t what) {
    set(reg::kDbgCmdOffset, what);
    run(20);
    EXPECT_EQ(get(reg::kDbgStatusOffset) & 6U, 0U);
    return get(reg::kDbgDataOffset);
  };
  EXPECT_EQ(debug_read(1), 11U);
  const std::uint32_t count = debug_read(2);
  const std::uint32_t pc = debug_read(32);
  EXPECT_TRUE(pc == 4 || pc == 8);
  set(reg::kDbgCtrlOffset, 4);  // step
  run(10);
  ASSERT_EQ(get(reg::kDbgStatusOffset) & 1U, 1U);
  EXPECT_EQ(debug_read(32), pc == 4 ? 8U : 4U);
  EXPECT_EQ(debug_read(2), pc == 4 ? count + 1 : count);
  set(reg::kDbgDataOffset, 1000);
  set(reg::kDbgCmdOffset, 1U << 17 | 2);  // x2 = 1000
  run(20);
  set(reg::kDbgCtrlOffset, 2);
  run(100);
  EXPECT_EQ(get(reg::kDbgStatusOffset) & 1U, 0U);
  set(reg::kDbgCtrlOffset, 1);
  run(10);
  EXPECT_GT(debug_read(2), 1000U);
}

TEST_F(TileCore, LockedDebugRefusesEveryone) {
  std::vector<std::uint32_t> code;
  code.push_back(0x0000006f);  // j .
  load_and_run(code);
  set(reg::kDbgLockOffset, 1);
  EXPECT_EQ(write_word(kRegs + reg::kDbgCtrlOffset, 1), Err::kForbidden);
  run(20);
  EXPECT_EQ(get(reg::kDbgStatusOffset) & 1U, 0U) << "not halted";
  set(reg::kDbgLockOffset, 0);
  EXPECT_EQ(get(reg::kDbgLockOffset), 1U) << "the lock is sticky";
}

}  // namespace
