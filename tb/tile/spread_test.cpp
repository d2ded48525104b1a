// SPDX-License-Identifier: Apache-2.0
// Reads answered by multicast: the tile as the one that asks, and as one that listens.
#include "tile_core.hpp"

namespace {

using namespace tsr;
using namespace tsr::tb;

constexpr std::uint32_t rect_word(unsigned x0, unsigned y0, unsigned x1, unsigned y1) {
  return x0 | y0 << 8 | x1 << 16 | y1 << 24;
}

class Spread : public TileBench {
 protected:
  /// A spread read of HBM offset `src` to scratchpad offset `dst`, for the rectangle `rect`.
  static Words spread_command(std::uint32_t src, std::uint32_t dst, std::uint32_t rect,
                              std::uint32_t listen = 0) {
    Words w = command(0x03, 0, 21);
    w[4] = rect;
    w[5] = src;
    w[7] = dst;
    w[8] = listen;
    return w;
  }

  void open_remote(std::uint32_t base = 0, std::uint32_t limit = kSpmBytes - 1) {
    set(reg::kRemoteBaseOffset, base);
    set(reg::kRemoteLimitOffset, limit);
    set(reg::kRemoteCtrlOffset, 2);
  }

  /// Access window `w`: pages of node space or HBM.
  void window(unsigned w, std::uint32_t base, std::uint32_t limit, std::uint32_t control) {
    set(reg::kAccessBaseOffset + 16 * w, base);
    set(reg::kAccessLimitOffset + 16 * w, limit);
    set(reg::kAccessCtrlOffset + 16 * w, control);
  }
  static std::uint32_t page(Node node, std::uint32_t offset) {
    return node.pack() << 20 | offset >> 12;
  }

  std::uint32_t counter(unsigned selector) {
    set(reg::kCountSelOffset, selector);
    return get(reg::kCountLoOffset);
  }
  std::uint32_t semaphore(unsigned id) { return get(reg::kSemOffset + 4 * id); }

  void expect_scratchpad(std::uint32_t offset, const Bytes& bytes) {
    EXPECT_EQ(read_bytes(kSpm + offset, static_cast<unsigned>(bytes.size())), bytes)
        << "offset " << offset;
  }

  /// The last error is that of an answer to another node's read, for this reason and place.
  void expect_unheard(Err err, std::uint32_t offset, Node owner) {
    const std::uint32_t last = get(reg::kErrLastOffset);
    EXPECT_EQ(last & 7U, 7U);
    EXPECT_EQ((last >> 4) & 15U, static_cast<unsigned>(err));
    EXPECT_EQ(last >> 16, owner.pack());
    EXPECT_EQ(get(reg::kErrLastAddrLoOffset), kSpm + offset);
    EXPECT_EQ(get(reg::kErrLastAddrHiOffset), node_address(kSelf, 0) >> 32);
    set(reg::kErrStatusOffset, 3);
  }
};

// ---------------------------------------------------------------- asking

TEST_F(Spread, AsksForAMulticastAndTakesItsOwnShare) {
  open_windows();
  const Bytes source = random_bytes(1000);
  for (std::size_t i = 0; i < source.size(); ++i) memory_[hbm(0x10033 + i)] = source[i];
  write_context(0, 5, dma_rows(1000, 1, 0, 0));
  Words cmd = spread_command(0x10033, 0x345, rect_word(0, 1, 3, 4), 0x1b);
  cmd[2] = 0x0114;  // its own completion posts semaphore 4
  ASSERT_EQ(push(kRdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  expect_scratchpad(0x345, source);
  ASSERT_EQ(spread_.size(), 5U) << "granules";
  for (const Flit& flit : spread_) {
    EXPECT_EQ(flit.data[0], pack_spread({{0, 1}, {3, 4}}, {true, 11}));
    EXPECT_FALSE(flit.mcast);
  }
  EXPECT_EQ(semaphore(4), 1U);
  EXPECT_EQ(semaphore(11), 0U) << "only listeners count blocks";
  EXPECT_EQ(counter(9), 1000U);
  EXPECT_EQ(counter(122), 0U);
}

TEST_F(Spread, AnErrorEndsTheCommand) {
  open_windows();
  write_context(0, 5, dma_rows(300, 1, 0, 0));
  bad_blocks_.insert(hbm(0x10100));
  ASSERT_EQ(push(kRdma, spread_command(0x10000, 0, rect_word(1, 2, 1, 2))), Err::kNone);
  ASSERT_TRUE(engines_done());
  const std::uint32_t first = get(reg::kErrFirstOffset);
  EXPECT_EQ(first & 0x7f7U, 0U | 6U << 4 | 1U << 8) << "bus error, unmapped";
  set(reg::kEngineCtrlOffset, 31);
  set(reg::kErrStatusOffset, 3);
  poisoned_ = true;
  ASSERT_EQ(push(kRdma, spread_command(0x20000, 0, rect_word(1, 2, 1, 2))), Err::kNone);
  ASSERT_TRUE(engines_done());
  EXPECT_EQ((get(reg::kErrFirstOffset) >> 8) & 7U, static_cast<unsigned>(Err::kPoison));
}

TEST_F(Spread, NeedsTheRightToReadThereAndToWriteInTheWholeRectangle) {
  const std::uint32_t rect = rect_word(0, 1, 3, 2);
  const auto outcome = [&](std::uint32_t where, std::uint32_t dst = 0) {
    write_context(0, 5, dma_rows(128, 1, 0, 0));
    EXPECT_EQ(push(kRdma, spread_command(0x4000, dst, where)), Err::kNone);
    EXPECT_TRUE(engines_done());
    const std::uint32_t first = get(reg::kErrFirstOffset);
    const bool failed = (get(reg::kErrStatusOffset) & 1U) != 0;
    set(reg::kEngineCtrlOffset, 31);
    set(reg::kErrStatusOffset, 3);
    return failed ? static_cast<Err>((first >> 8) & 7U) : Err::kNone;
  };
  const std::uint32_t spm_end = kSpm + kSpmBytes - 1;
  EXPECT_EQ(outcome(rect), Err::kForbidden);
  window(0, 0, 0xffffffff, 0x10);  // HBM, read only
  EXPECT_EQ(outcome(rect), Err::kForbidden) << "no right to write";
  window(1, page({0, 1}, kSpm), page({3, 2}, spm_end), 0x11);
  EXPECT_EQ(outcome(rect), Err::kForbidden) << "right to read, not to write";
  window(1, page({0, 1}, kSpm), page({3, 2}, spm_end), 0x21);
  EXPECT_EQ(outcome(rect), Err::kNone);
  EXPECT_EQ(outcome(rect_word(0, 1, 3, 3)), Err::kForbidden) << "far corner outside";
  window(1, page({1, 1}, kSpm), page({3, 2}, spm_end), 0x21);
  EXPECT_EQ(outcome(rect), Err::kForbidden) << "near corner outside";
  window(1, page({0, 1}, kSpm), page({3, 2}, kSpm + 0xfff), 0x21);
  EXPECT_EQ(outcome(rect, 0x1000 - 128), Err::kNone);
  EXPECT_EQ(outcome(rect, 0x1000 - 127), Err::kForbidden) << "the last byte counts";
  window(1, 0, 0xffffffff, 0x21);
  EXPECT_EQ(outcome(rect_word(0, 1, 4, 2)), Err::kUnmapped) << "beyond the mesh";
  window(0, 0, 0xffffffff, 0x20);
  EXPECT_EQ(outcome(rect), Err::kForbidden) << "no right to read";
}

TEST_F(Spread, AMulticastWriteNeedsTheFarCornerToo) {
  window(0, page({0, 1}, kSpm), page({3, 1}, kSpm + 0xfff), 0x21);
  write_context(0, 6, dma_rows(64, 1, 0, 0));
  Words cmd = command(0x12, 0, 5);
  cmd[4] = rect_word(0, 1, 3, 1);
  cmd[7] = kSpm;
  ASSERT_EQ(push(kWdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  run(50);
  EXPECT_EQ(posted_.size(), 1U);
  cmd[4] = rect_word(0, 1, 3, 2);
  ASSERT_EQ(push(kWdma, cmd), Err::kNone);
  ASSERT_TRUE(engines_done());
  run(50);
  EXPECT_EQ(posted_.size(), 1U) << "refused";
  EXPECT_EQ(get(reg::kErrFirstOffset) & 0xf7U, 6U | 2U << 4);
}

TEST_F(Spread, ATileDoesNotAnswerByMulticast) {
  Flit flit = request(kCtl, Kind::kRead, kSpm);
  flit.strb = 64;
  flit.spread = true;
  flit.data[0] = pack_spread({{0, 0}, {3, 5}});
  flit.tag = 201;
  flit.seal();
  links().to_request.queue.push_back(flit);
  const auto rsp = response(201);
  ASSERT_TRUE(rsp);
  EXPECT_EQ(rsp->err, Err::kUnsupported);
  EXPECT_FALSE(rsp->mcast);
}

// ---------------------------------------------------------------- listening

TEST_F(Spread, StoresWhatAnotherNodeReadAndCountsTheBlocks) {
  open_remote();
  Bytes model = random_bytes(8192);
  write_bytes(kSpm, model);
  unsigned count = 0;
  for (unsigned i = 0; i < 64; ++i) {
    const auto lane = static_cast<unsigned>(rand_in(0, 63));
    const Bytes bytes = random_bytes(rand_in(1, 64 - lane));
    const auto at = static_cast<std::uint32_t>(i * 128 + rand_in(0, 64));
    const bool post = chance(0.5);
    count += post ? 1 : 0;
    hear(heard(kOther, hbm(64 * i), lane, at, bytes, {post, 13}));
    std::copy(bytes.begin(), bytes.end(), model.begin() + at);
  }
  ASSERT_TRUE(run_until([&] { return links().to_response.queue.empty(); }, 2000));
  run(20);
  EXPECT_EQ(semaphore(13), count);
  expect_scratchpad(0, model);
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  EXPECT_EQ(counter(122), 64U);
  EXPECT_EQ(counter(123), 0U);
  EXPECT_EQ(counter(9), 0U) << "no bytes of its own commands";
}

TEST_F(Spread, ACommandThatWaitsForTheBlocksFindsTheirData) {
  open_windows();
  open_remote();
  const Bytes bytes = random_bytes(640);
  write_context(0, 6, dma_rows(640, 1, 0, 0));
  for (int round = 0; round < 8; ++round) {
    const std::uint32_t to = 0x5000 + 0x1000 * static_cast<std::uint32_t>(round);
    Words cmd = command(0x11, 0, 9);
    cmd[1] = 0x0a13;  // ten of semaphore 3
    cmd[5] = 0x2003;
    cmd[7] = to;
    ASSERT_EQ(push(kWdma, cmd), Err::kNone);
    for (unsigned i = 0; i < 10; ++i) {
      const Bytes block(bytes.begin() + 64 * i, bytes.begin() + 64 * (i + 1));
      hear(heard(kOther, hbm(64 * i), 0, 0x2003 + 64 * i, block, {true, 3}));
    }
    ASSERT_TRUE(engines_done());
    for (unsigned i = 0; i < bytes.size(); ++i) ASSERT_EQ(memory_[hbm(to + i)], bytes[i]) << i;
    EXPECT_EQ(semaphore(3), 0U);
    write_bytes(kSpm + 0x2003, Bytes(640, 0));
  }
}

TEST_F(Spread, ListensOnlyWhereOthersMayWrite) {
  const Bytes before = random_bytes(256);
  const Bytes bytes = random_bytes(64);
  write_bytes(kSpm + 0x1000, before);
  const auto refused = [&](const Flit& flit, Err err, std::uint32_t offset, Node owner = kOther) {
    hear(flit);
    run(30);
    expect_unheard(err, offset, owner);
  };
  refused(heard(kOther, hbm(0), 0, 0x1000, bytes, {true, 1}), Err::kForbidden, 0x1000);
  open_remote(0x1040, 0x10bf);
  refused(heard(kOther, hbm(0), 1, 0x103f, Bytes(2, 9), {true, 1}), Err::kForbidden, 0x103f);
  refused(heard(kOther, hbm(0), 0, 0x1081, bytes, {true, 1}), Err::kForbidden, 0x1081);
  set(reg::kRemoteCtrlOffset, 5);
  refused(heard(kOther, hbm(0), 0, 0x1040, bytes, {true, 1}), Err::kForbidden, 0x1040);
  expect_scratchpad(0x1000, before);
  EXPECT_EQ(semaphore(1), 0U);
  // Just inside; the rest of the block does not count.
  set(reg::kRemoteCtrlOffset, 2);
  hear(heard(kOther, hbm(0), 60, 0x1040, Bytes(4, 7), {true, 1}));
  hear(heard(kOther, hbm(0), 0, 0x1080, bytes, {true, 1}));
  run(30);
  EXPECT_EQ(semaphore(1), 2U);
  expect_scratchpad(0x1040, Bytes(4, 7));
  expect_scratchpad(0x1080, bytes);
  // The ctl node may write anywhere, but not where nothing is.
  set(reg::kRemoteCtrlOffset, 0);
  hear(heard(kCtl, hbm(0), 0, 0x8000, bytes, {true, 1}));
  run(30);
  expect_scratchpad(0x8000, bytes);
  EXPECT_EQ(semaphore(1), 3U);
  refused(heard(kCtl, hbm(0), 0, kSpmBytes - 63, bytes), Err::kUnmapped, kSpmBytes - 63, kCtl);
  refused(heard(kCtl, hbm(0), 0, 0xfffff0, bytes), Err::kUnmapped, 0xfffff0, kCtl);
  EXPECT_EQ(counter(122), 3U);
  EXPECT_EQ(counter(123), 6U);
}

TEST_F(Spread, DamagedAndPoisonedBlocksAreNotStored) {
  context().assertOn(false);  // the link checker would report the damage as well
  open_remote();
  const Bytes bytes(64, 0x11);
  write_bytes(kSpm, Bytes(64, 0));
  Flit flit = heard(kOther, hbm(0), 0, 0, bytes, {true, 2});
  flit.poison = true;
  flit.seal();
  hear(flit);
  run(30);
  expect_unheard(Err::kPoison, 0, kOther);
  flit = heard(kOther, hbm(0), 0, 0, bytes, {true, 2});
  flit.data[3] ^= 4;
  hear(flit);
  run(30);
  expect_unheard(Err::kParity, 0, kOther);
  expect_scratchpad(0, Bytes(64, 0));
  EXPECT_EQ(semaphore(2), 0U);
}

TEST_F(Spread, ARefusedBlockInterruptsIfAccessErrorsDo) {
  set(reg::kErrEnableOffset, 1U << 5);
  hear(heard(kOther, hbm(0), 0, 0, Bytes(64, 1)));
  run(30);
  EXPECT_EQ((get(reg::kIrqStateOffset) >> 1) & 1U, 1U);
}

// Tags, data and semaphores of own reads, fills and other nodes' reads do not mix.
TEST_F(Spread, AsksAndListensAtOnce) {
  open_windows();
  open_remote(0x20000, 0x2ffff);
  links().credit_chance = 0.7;
  Bytes model = random_bytes(0x4000);
  for (std::size_t i = 0; i < model.size(); ++i) memory_[hbm(0x100000 + i)] = model[i];
  Bytes told = random_bytes(0x1000);
  write_bytes(kSpm + 0x20000, told);
  write_context(0, 5, dma_rows(0x1000, 1, 0, 0));
  unsigned posts = 0;
  for (unsigned i = 0; i < 4; ++i) {
    Words cmd = spread_command(0x100000 + 0x1000 * i, 0x1000 * i, rect_word(0, 1, 3, 4), 0x15);
    if (i == 2) cmd[0] = 0x02 | 21U << 16;  // a fill among them
    cmd[9] = 0xa5a5a5a5;
    ASSERT_EQ(push(kRdma, cmd), Err::kNone);
    for (unsigned n = 0; n < 40; ++n) {
      const Bytes bytes = random_bytes(64);
      const auto at = static_cast<std::uint32_t>(rand_in(0, 0x1000 - 64));
      hear(heard(kOther, hbm(0), 0, 0x20000 + at, bytes, {true, 5}));
      std::copy(bytes.begin(), bytes.end(), told.begin() + at);
      ++posts;
      if (chance(0.3)) run(rand_in(1, 10));
    }
  }
  ASSERT_TRUE(engines_done());
  ASSERT_TRUE(run_until([&] { return links().to_response.queue.empty(); }, 2000));
  run(20);
  EXPECT_EQ(get(reg::kErrStatusOffset), 0U);
  std::fill(model.begin() + 0x2000, model.begin() + 0x3000, std::uint8_t{0xa5});
  expect_scratchpad(0, model);
  expect_scratchpad(0x20000, told);
  EXPECT_EQ(semaphore(5), posts);
}

// ---------------------------------------------------------------- sleep

class SpreadCore : public TileCore {};

TEST_F(SpreadCore, ASleepingTileListensAndItsCoreWakes) {
  set(reg::kRemoteLimitOffset, kSpmBytes - 1);
  set(reg::kRemoteCtrlOffset, 2);
  set(reg::kSemIrqOffset, 6U | 1U << 4 | 3U << 16);  // three of semaphore 6
  std::vector<std::uint32_t> code;
  li(code, 1, 1U << 19);  // semaphore interrupt enabled, MIE clear: wake without a trap
  code.push_back(csrw(0x304, 1));
  code.push_back(kWfi);
  li(code, 2, kRegs);
  li(code, 3, kSpm + 0x400);
  code.push_back(load_word(4, 3, 0));
  code.push_back(store_word(4, 2, reg::kScratchOffset));
  li(code, 5, 0x80000003);
  code.push_back(store_word(5, 2, reg::kSemOffset + 24));  // take them
  code.push_back(kWfi);
  load_and_run(code);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000)) << "must fall asleep";
  for (unsigned i = 0; i < 3; ++i) {
    run(200);
    EXPECT_EQ(dut().idle_o, 1) << "asleep between the blocks";
    hear(heard(kOther, hbm(0), 0, 0x400 - 64 + 32 * i, Bytes(64, std::uint8_t(i + 1)), {true, 6}));
    ASSERT_TRUE(run_until([&] { return links().to_response.queue.empty(); }, 100));
  }
  run(200);
  ASSERT_TRUE(run_until([&] { return dut().idle_o != 0; }, 1000));
  EXPECT_EQ(get(reg::kScratchOffset), 0x03030303U);
  EXPECT_EQ(get(reg::kSemOffset + 24), 0U);
}

}  // namespace
