// SPDX-License-Identifier: Apache-2.0
/// Queues, semaphores, counters, chains and DMA of the TLM engines, one behaviour a test.
#include <gtest/gtest.h>

#include "engines/dma.hpp"
#include "engines/me.hpp"
#include "engines/tdma.hpp"
#include "engines/ve.hpp"
#include "fake_host.hpp"

namespace tsr {
namespace {

using Words = std::array<std::uint32_t, 16>;

constexpr std::uint32_t wait_of(unsigned semaphore, unsigned amount) {
  return semaphore | 16U | amount << 8;
}
constexpr std::uint32_t post_of(unsigned semaphore, unsigned amount) {
  return semaphore | 16U | amount << 8;
}

class Engines : public testing::Test {
 protected:
  void SetUp() override { make({}); }

  void make(const EngineSetup& setup) {
    complex_ = make_engine_complex(setup, host_);
    host_.complex = complex_.get();
  }

  static Words nop(unsigned id, std::uint32_t waits = 0, std::uint32_t posts = 0) {
    Words words{};
    words[0] = id << 16;
    words[1] = waits;
    words[2] = posts;
    return words;
  }
  void write_row(unsigned context, unsigned row, const engines::ContextRow& words) {
    for (unsigned w = 0; w < 16; ++w) {
      complex_->set_context_word(512 * context + 64 * row + 4 * w, words[w]);
    }
  }
  /// A DMA context of `count` elements of `bytes`, one behind the other, in row 5 or 6.
  void dma_context(unsigned row, std::uint32_t bytes, std::uint16_t count = 1,
                   std::uint32_t timeout = 0) {
    engines::DmaConfig config;
    config.count = bytes;
    config.src_iter = config.dst_iter = {count, 1, 1};
    config.src_stride[0] = config.dst_stride[0] = static_cast<std::int32_t>(bytes);
    config.timeout = timeout;
    write_row(0, row, config.to_words());
  }
  static Words dma(engines::DmaOp op, unsigned id, std::uint64_t source,
                   std::uint64_t destination) {
    engines::DmaCommand command;
    command.op = static_cast<std::uint8_t>(op);
    command.id = static_cast<std::uint16_t>(id);
    command.arg = {static_cast<std::uint32_t>(source), static_cast<std::uint32_t>(source >> 32),
                   static_cast<std::uint32_t>(destination),
                   static_cast<std::uint32_t>(destination >> 32)};
    return command.to_words();
  }
  void fill_memory(std::uint64_t at, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      host_.memory[at + i] = static_cast<std::uint8_t>(host_.rng());
    }
  }
  bool push(Engine engine, const Words& words) { return complex_->push(engine, words); }
  std::uint64_t counter(Engine engine, unsigned n) {
    return complex_->counter(16 * static_cast<unsigned>(engine) + n);
  }

  FakeHost host_;
  std::unique_ptr<EngineComplex> complex_;
};

// ------------------------------------------------------------------ queues and semaphores

TEST_F(Engines, QueueHoldsEightBehindTheOneThatWaits) {
  for (unsigned i = 0; i < 9; ++i) {
    EXPECT_TRUE(push(Engine::Tdma, nop(i, wait_of(3, 1)))) << i;
    host_.run(3);
  }
  EXPECT_EQ(complex_->free_entries(Engine::Tdma), 0U);
  EXPECT_FALSE(push(Engine::Tdma, nop(9)));
  EXPECT_TRUE(complex_->busy(Engine::Tdma));
  for (unsigned i = 0; i < 9; ++i) complex_->post(3, 1);
  host_.settle(1000);
  ASSERT_EQ(host_.done.size(), 9U);
  for (unsigned i = 0; i < 9; ++i) EXPECT_EQ(host_.done[i].done.id, i);
  EXPECT_TRUE(complex_->idle());
  EXPECT_EQ(complex_->free_entries(Engine::Tdma), 8U);
}

TEST_F(Engines, AHyperbankServesOneBlockACycle) {
  constexpr std::uint32_t kHyperbank = 262144 / 8;
  EXPECT_EQ(complex_->network_access(0, 100), 100U);
  EXPECT_EQ(complex_->network_access(kHyperbank - 64, 100), 101U);
  EXPECT_EQ(complex_->network_access(kHyperbank, 100), 100U);
  EXPECT_EQ(complex_->network_access(7 * kHyperbank, 100), 100U);
}

TEST_F(Engines, WaitsAreTakenTogether) {
  push(Engine::Me, nop(1, wait_of(0, 2) | wait_of(1, 3) << 16));
  push(Engine::Ve, nop(2, wait_of(0, 2)));
  complex_->post(1, 2);
  host_.settle(100);
  EXPECT_EQ(complex_->semaphore(1), 2U);  // nothing is taken by halves
  complex_->post(0, 2);
  host_.settle(100);
  ASSERT_EQ(host_.done.size(), 1U);  // only the one that waits for less
  EXPECT_EQ(host_.done[0].done.id, 2U);
  complex_->post(0, 2);
  complex_->post(1, 1);
  host_.settle(100);
  ASSERT_EQ(host_.done.size(), 2U);
  EXPECT_EQ(complex_->semaphore(0), 0U);
  EXPECT_EQ(complex_->semaphore(1), 0U);
}

TEST_F(Engines, TwoWaitsOnOneSemaphoreNeedTheSum) {
  push(Engine::Me, nop(1, wait_of(5, 2) | wait_of(5, 3) << 16));
  complex_->post(5, 4);
  host_.settle(100);
  EXPECT_TRUE(host_.done.empty());
  complex_->post(5, 1);
  host_.settle(100);
  EXPECT_EQ(host_.done.size(), 1U);
  EXPECT_EQ(complex_->semaphore(5), 0U);
}

TEST_F(Engines, SemaphoresHave16BitsAndTakesAreRefusedBelow) {
  for (unsigned i = 0; i < 257; ++i) complex_->post(2, 255);
  EXPECT_EQ(complex_->semaphore(2), (257U * 255U) & 0xffff);
  complex_->take(4, 1);
  EXPECT_EQ(complex_->semaphore(4), 0U);
  complex_->post(4, 3);
  complex_->take(4, 2);
  EXPECT_EQ(complex_->semaphore(4), 1U);
}

TEST_F(Engines, PostsLocalAndRemote) {
  Words words = nop(7, 0, post_of(6, 9) | 32U | post_of(8, 4) << 16);
  words[0] |= 1U << 11;
  words[3] = 1 | 2U << 8 | 3U << 16 | 4U << 24;
  push(Engine::Wdma, words);
  host_.settle(100);
  EXPECT_EQ(complex_->semaphore(6), 0U);
  EXPECT_EQ(complex_->semaphore(8), 4U);
  ASSERT_EQ(host_.posts.size(), 1U);
  EXPECT_EQ(host_.posts[0].semaphore, 6U);
  EXPECT_EQ(host_.posts[0].amount, 9U);
  EXPECT_TRUE((host_.posts[0].nodes == Rect{{1, 2}, {3, 4}}));
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_TRUE(host_.done[0].interrupt);
}

TEST_F(Engines, AnErrorStopsItsQueueUntilAFlush) {
  Words bad = nop(1, 0, post_of(0, 1));
  bad[0] |= 0x99 | 1U << 11;
  push(Engine::Ve, bad);
  push(Engine::Ve, nop(2, 0, post_of(0, 1)));
  push(Engine::Me, nop(3, 0, post_of(1, 1)));
  host_.settle(1000);
  EXPECT_TRUE(complex_->stopped(Engine::Ve));
  EXPECT_FALSE(complex_->stopped(Engine::Me));
  EXPECT_EQ(complex_->semaphore(0), 0U);
  EXPECT_EQ(complex_->semaphore(1), 1U);
  ASSERT_EQ(host_.done.size(), 2U);
  for (const auto& end : host_.done) {
    if (end.done.engine == Engine::Me) continue;
    EXPECT_EQ(end.done.error, 1U);
    EXPECT_FALSE(end.interrupt);
  }
  complex_->flush(1U << 3);
  EXPECT_FALSE(complex_->stopped(Engine::Ve));
  EXPECT_FALSE(complex_->busy(Engine::Ve));
  push(Engine::Ve, nop(4, 0, post_of(0, 1)));
  host_.settle(1000);
  EXPECT_EQ(complex_->semaphore(0), 1U);
}

/// Any number of commands that do nothing but wait and post: nothing is lost, order is kept.
TEST_F(Engines, RandomTrafficKeepsItsBalance) {
  std::array<int, 16> balance{};
  std::array<std::vector<unsigned>, kEngines> pushed;
  for (unsigned round = 0; round < 3000; ++round) {
    const unsigned engine = host_.rng() % kEngines;
    const unsigned a = host_.rng() % 8;
    const unsigned b = 8 + host_.rng() % 8;
    // Waits take what the same round gives, so that everything can run in the end.
    const std::uint32_t waits = (host_.rng() % 2 != 0 ? wait_of(a, 1) : 0) |
                                (host_.rng() % 2 != 0 ? wait_of(b, 2) << 16 : 0);
    const unsigned c = host_.rng() % 16;
    const std::uint32_t posts = host_.rng() % 2 != 0 ? post_of(c, 3) : 0;
    if (push(static_cast<Engine>(engine), nop(round, waits, posts))) {
      pushed[engine].push_back(round);
      balance[c] += posts != 0 ? 3 : 0;
      balance[a] -= (waits & 16U) != 0 ? 1 : 0;
      balance[b] -= (waits >> 16 & 16U) != 0 ? 2 : 0;
    }
    host_.run(host_.rng() % 6);
    for (unsigned s = 0; s < 16; ++s) {
      if (host_.rng() % 4 != 0) continue;
      complex_->post(s, 2);
      balance[s] += 2;
    }
  }
  for (unsigned round = 0; round < 4000 && !complex_->idle(); ++round) {
    for (unsigned s = 0; s < 16; ++s) {
      complex_->post(s, 1);
      balance[s] += 1;
    }
    host_.run(10);
  }
  ASSERT_TRUE(complex_->idle());
  std::array<std::vector<unsigned>, kEngines> ended;
  for (const auto& end : host_.done) {
    ended[static_cast<unsigned>(end.done.engine)].push_back(end.done.id);
  }
  EXPECT_EQ(ended, pushed);
  for (unsigned s = 0; s < 16; ++s) {
    EXPECT_EQ(static_cast<int>(complex_->semaphore(s)), balance[s]) << s;
  }
}

// ------------------------------------------------------------------ counters

TEST_F(Engines, CountersTellWhereTheTimeWent) {
  host_.run(100);
  complex_->clear_counters();
  host_.run(50);
  push(Engine::Tdma, nop(1, wait_of(0, 1)));
  host_.run(200);
  EXPECT_EQ(counter(Engine::Tdma, 2), 198U);  // still waiting
  complex_->post(0, 1);
  host_.run(100);
  EXPECT_EQ(counter(Engine::Tdma, 8), 1U);
  EXPECT_NEAR(static_cast<double>(counter(Engine::Tdma, 2)), 199, 2);
  EXPECT_EQ(complex_->counter(112), 350U);
  EXPECT_NEAR(static_cast<double>(complex_->counter(120)), 352, 2);
  EXPECT_GT(complex_->counter(121), complex_->counter(120));
  std::uint64_t sum = 0;
  for (unsigned n = 0; n <= 6; ++n) sum += counter(Engine::Tdma, n);
  EXPECT_EQ(sum, 350U);
  complex_->clear_counters();
  EXPECT_EQ(counter(Engine::Tdma, 8), 0U);
  EXPECT_EQ(complex_->counter(112), 0U);
}

TEST_F(Engines, LayoutCommandTakesTheTimeOfTheRtl) {
  const engines::TdmaCommand copy = engines::tdma_copy(0, 0x10000, 4096);
  const auto rows = copy.context_rows();
  for (unsigned r = 0; r < 4; ++r) write_row(2, r, rows[r]);
  for (std::size_t i = 0; i < 4096; ++i) {
    complex_->spm()[i] = static_cast<std::uint8_t>(host_.rng());
  }
  push(Engine::Tdma, copy.to_words(2, 5));
  host_.settle(1000);
  ASSERT_EQ(host_.done.size(), 1U);
  // Push to offer 2 cycles, then 13 + steps (rtl/tdma).
  EXPECT_EQ(host_.done[0].cycle, 2U + 13U + 64U);
  EXPECT_EQ(std::memcmp(&complex_->spm()[0], &complex_->spm()[0x10000], 4096), 0);
  EXPECT_EQ(counter(Engine::Tdma, 9), 4096U);
  EXPECT_EQ(counter(Engine::Tdma, 1), 64U);
}

// ------------------------------------------------------------------ chains

class ChainedEngines : public Engines {
 protected:
  /// An 8 x 8 x 4 product whose results go to the vector engine (context 0), and the command that
  /// takes them (context 1).
  void SetUp() override {
    Engines::SetUp();
    engines::MeConfig me;
    me.chain_o = true;
    engines::AguConfig operand;
    operand.pitch = 8;
    write_row(0, 0, me.to_row());
    write_row(0, 1, operand.to_row());
    write_row(0, 2, operand.to_row());
    engines::VeConfig ve;
    for (auto& stage : ve.stage) stage.dst = 4;
    ve.in[0].en = ve.in[0].chain = true;
    ve.in[0].format = numerics::ElementFormat::Fp32;
    ve.out[0].en = true;
    ve.out[0].format = numerics::ElementFormat::Fp32;
    engines::AguConfig out;
    out.w_log2 = 3;
    out.count[0] = 4;
    out.delta[0] = 64;
    write_row(1, 0, ve.stage_row());
    write_row(1, 1, ve.io_row());
    write_row(1, 5, out.to_row());
    for (unsigned i = 0; i < 128; i += 2) {
      complex_->spm()[i] = 0x80;
      complex_->spm()[i + 1] = 0x3f;  // 1.0
    }
  }
  static Words gemm(unsigned id) {
    Words words = nop(id, 0, post_of(0, 1));
    words[0] |= 0x21;
    words[6] = 64;
    return words;
  }
  static Words vector(unsigned id) {
    Words words = nop(id, 0, post_of(1, 1));
    words[0] |= 0x31 | 1U << 8;
    words[8] = 4096;
    return words;
  }
};

TEST_F(ChainedEngines, ResultsGoToThePartnerInAnyOrderOfStart) {
  for (const bool me_first : {true, false}) {
    std::fill(complex_->spm().begin() + 4096, complex_->spm().begin() + 4352, std::uint8_t{0});
    host_.done.clear();
    push(me_first ? Engine::Me : Engine::Ve, me_first ? gemm(1) : vector(2));
    host_.settle(500);
    EXPECT_TRUE(host_.done.empty());
    push(me_first ? Engine::Ve : Engine::Me, me_first ? vector(2) : gemm(1));
    host_.settle(500);
    ASSERT_EQ(host_.done.size(), 2U);
    EXPECT_EQ(host_.done[0].done.engine, Engine::Me);
    for (unsigned i = 0; i < 256; i += 4) {
      float x = 0;
      std::memcpy(&x, &complex_->spm()[4096 + i], 4);
      EXPECT_EQ(x, 4.0F);
    }
  }
}

TEST_F(ChainedEngines, AFlushBreaksTheChainOfOneThatIsAlone) {
  push(Engine::Me, gemm(1));
  host_.settle(500);
  EXPECT_TRUE(complex_->busy(Engine::Me));
  complex_->flush(1U << 2);
  host_.settle(500);
  EXPECT_FALSE(complex_->busy(Engine::Me));
  EXPECT_EQ(complex_->semaphore(0), 0U);
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_EQ(host_.done[0].done.error, 0U);
  EXPECT_FALSE(host_.done[0].interrupt);
  // Both work again.
  push(Engine::Me, gemm(2));
  push(Engine::Ve, vector(3));
  host_.settle(500);
  EXPECT_EQ(host_.done.size(), 3U);
  EXPECT_EQ(complex_->semaphore(0), 1U);
  EXPECT_EQ(complex_->semaphore(1), 1U);
}

TEST_F(ChainedEngines, AChainThatWorksIsLeftAloneUnlessBothAreFlushed) {
  push(Engine::Me, gemm(1));
  push(Engine::Ve, vector(2));
  host_.run(12);
  complex_->flush(1U << 2);
  host_.settle(500);
  EXPECT_EQ(complex_->semaphore(0), 1U);
  EXPECT_EQ(complex_->semaphore(1), 1U);
  push(Engine::Me, gemm(3));
  push(Engine::Ve, vector(4));
  host_.run(16);
  complex_->flush(3U << 2);
  host_.settle(500);
  EXPECT_TRUE(complex_->idle());
  EXPECT_EQ(complex_->semaphore(0), 1U);
  EXPECT_EQ(complex_->semaphore(1), 1U);
}

// ------------------------------------------------------------------ DMA

TEST_F(Engines, AlignedTransfersTakeTheTimeOfTheRtl) {
  host_.least = host_.most = 60;
  host_.serial = true;
  fill_memory(0x1000, 32768);
  dma_context(5, 32768);
  dma_context(6, 32768);
  push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 0x1000, 0x4000));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 1U);
  for (std::size_t i = 0; i < 32768; ++i) {
    ASSERT_EQ(complex_->spm()[0x4000 + i], host_.memory[0x1000 + i]);
  }
  EXPECT_EQ(host_.requests.size(), 128U);
  EXPECT_EQ(counter(Engine::Rdma, 9), 32768U);
  const std::uint64_t before = host_.clock.now();
  push(Engine::Wdma, dma(engines::DmaOp::Write, 2, 0x4000, 0x2'0000));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 2U);
  // rtl/dma: 583 cycles from command to completion, 2 from push to offer.
  EXPECT_NEAR(static_cast<double>(host_.done[1].cycle - before), 585, 8);
  for (std::size_t i = 0; i < 32768; ++i) {
    ASSERT_EQ(host_.memory[0x2'0000 + i], host_.memory[0x1000 + i]);
  }
}

TEST_F(Engines, TagsLimitWhatIsInFlight) {
  host_.least = 100;
  host_.most = 400;
  fill_memory(0, 65536);
  for (const double late : {0.0, 0.5}) {
    host_.late = late;
    dma_context(5, 65536);
    push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 0, 0));
    host_.settle(50'000);
    EXPECT_EQ(host_.most_under_way(), 32);
    dma_context(6, 65536);
    push(Engine::Wdma, dma(engines::DmaOp::Write, 1, 0, 0x10'0000));
    host_.settle(50'000);
    EXPECT_EQ(host_.most_under_way(), 64);
  }
  EXPECT_EQ(host_.done.size(), 4U);
  for (const auto& end : host_.done) EXPECT_EQ(end.done.error, 0U);
}

TEST_F(Engines, OverlapHidesARoundTrip) {
  host_.least = host_.most = 120;
  host_.serial = true;
  fill_memory(0, 32768);
  dma_context(5, 1024);
  std::array<std::uint64_t, 2> took{};
  for (const bool overlap : {false, true}) {
    const std::uint64_t begin = host_.clock.now();
    for (unsigned i = 0; i < 32; ++i) {
      Words words = dma(engines::DmaOp::Read, i, 1024 * i, 1024 * i);
      if (overlap) words[0] |= 1U << 12;
      while (!push(Engine::Rdma, words)) host_.run(1);
    }
    host_.settle(20'000);
    took[overlap ? 1 : 0] = host_.done.back().cycle - begin;
  }
  // rtl/dma: 4,705 and 2,369 cycles.
  EXPECT_NEAR(static_cast<double>(took[0]), 4705, 4705 * 0.05);
  EXPECT_NEAR(static_cast<double>(took[1]), 2369, 2369 * 0.05);
}

TEST_F(Engines, ErrorAndPoisonEndACommand) {
  fill_memory(0, 4096);
  host_.bad_blocks.insert(1024);
  dma_context(5, 4096);
  push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 0, 0));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_EQ(host_.done[0].done.error, 6U);
  EXPECT_EQ(host_.done[0].done.info, static_cast<unsigned>(Err::kUnmapped));
  EXPECT_EQ(host_.done[0].done.address, 1024U);
  complex_->flush(1);
  host_.bad_blocks.clear();
  host_.poisoned.insert(2048);
  push(Engine::Rdma, dma(engines::DmaOp::Read, 2, 0, 0));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 2U);
  EXPECT_EQ(host_.done[1].done.error, 6U);
  EXPECT_EQ(host_.done[1].done.info, static_cast<unsigned>(Err::kPoison));
  EXPECT_EQ(host_.done[1].done.address, 2048U);
}

TEST_F(Engines, AnElementOutsideEndsACommand) {
  fill_memory(0, 4096);
  dma_context(5, 256, 4);
  const std::uint32_t end = 262144;
  push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 0, end - 600));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_EQ(host_.done[0].done.error, 5U);
  EXPECT_EQ(host_.done[0].done.address, end - 600 + 512U);
  for (unsigned i = 0; i < 512; ++i) ASSERT_EQ(complex_->spm()[end - 600 + i], host_.memory[i]);
}

TEST_F(Engines, ALostAnswerTimesOutAndItsTagIsDeadUntilTheFlush) {
  fill_memory(0, 8192);
  host_.lost.insert(512);
  dma_context(5, 2048, 1, 300);
  push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 0, 0));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_EQ(host_.done[0].done.error, 6U);
  EXPECT_EQ(host_.done[0].done.info, static_cast<unsigned>(Err::kTimeout));
  EXPECT_EQ(host_.done[0].done.address, 512U);
  EXPECT_NEAR(static_cast<double>(host_.done[0].cycle), 340, 30);
  complex_->flush(1);
  host_.lost.clear();
  host_.requests.clear();
  push(Engine::Rdma, dma(engines::DmaOp::Read, 2, 0, 0));
  host_.settle(5000);
  ASSERT_EQ(host_.done.size(), 2U);
  EXPECT_EQ(host_.done[1].done.error, 0U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(host_.requests[i].tag, i);
}

TEST_F(Engines, MulticastIsPostedToARectangleOrToOneNode) {
  for (std::size_t i = 0; i < 128; ++i) complex_->spm()[i] = static_cast<std::uint8_t>(i);
  dma_context(6, 128);
  Words words = dma(engines::DmaOp::Multicast, 1, 0, 0x0100'0040);
  words[4] = 1 | 1U << 8 | 2U << 16 | 2U << 24;
  push(Engine::Wdma, words);
  words[4] = 3 | 1U << 8 | 3U << 16 | 1U << 24;
  push(Engine::Wdma, words);
  host_.settle(1000);
  ASSERT_EQ(host_.requests.size(), 4U);
  EXPECT_EQ(host_.requests[0].kind, Kind::kWritePosted);
  EXPECT_EQ(host_.requests[0].address, 0x0100'0040U);
  EXPECT_EQ(host_.requests[2].address, node_address({3, 1}, 0x0100'0040));
  EXPECT_EQ(host_.multicast.size(), 128U);
  EXPECT_EQ(host_.multicast[0x0100'0041], 1U);
}

TEST_F(Engines, HeardBlocksAreStoredCountedAndPosted) {
  std::array<std::uint8_t, 64> block{};
  for (unsigned i = 0; i < 64; ++i) block[i] = static_cast<std::uint8_t>(i + 1);
  complex_->heard(0xff'fff0, block.data(), ~std::uint64_t{0} << 16, {true, 9});  // offset -16
  EXPECT_EQ(complex_->spm()[0], 17U);
  EXPECT_EQ(complex_->spm()[47], 64U);
  EXPECT_EQ(complex_->spm()[48], 0U);
  EXPECT_EQ(complex_->semaphore(9), 1U);
  complex_->heard(1024, block.data(), 1, {});
  EXPECT_EQ(complex_->spm()[1024], 1U);
  EXPECT_EQ(complex_->counter(122), 2U);
}

TEST_F(Engines, TheCtlNodeHasDmaAlone) {
  make({true, 65536, 8});
  push(Engine::Rdma, nop(1));
  push(Engine::Me, nop(2));
  host_.settle(1000);
  ASSERT_EQ(host_.done.size(), 1U);
  EXPECT_TRUE(complex_->busy(Engine::Me));
  complex_->flush(31);
  EXPECT_TRUE(complex_->idle());
}

// ------------------------------------------------------------------ observer

struct Recorder final : NodeProbe {
  unsigned starts = 0, ends = 0;
  std::vector<SpmWrite> writes;
  void command_start(std::uint64_t, const CommandStart&) override { ++starts; }
  void command_done(std::uint64_t, const CommandDone&) override { ++ends; }
  void spm_write(std::uint64_t, const SpmWrite& write) override { writes.push_back(write); }
};

TEST_F(Engines, AnObserverSeesCommandsAndWrites) {
  Recorder recorder;
  host_.observer = &recorder;
  fill_memory(3, 300);
  dma_context(5, 300);
  push(Engine::Rdma, dma(engines::DmaOp::Read, 1, 3, 77));
  host_.settle(1000);
  EXPECT_EQ(recorder.starts, 1U);
  EXPECT_EQ(recorder.ends, 1U);
  std::vector<std::uint8_t> seen(1024);
  unsigned bytes = 0;
  for (const SpmWrite& write : recorder.writes) {
    EXPECT_EQ(write.writer, SpmWriter::Rdma);
    for (unsigned i = 0; i < 64; ++i) {
      if ((write.strobe >> i & 1) == 0) continue;
      seen.at(write.offset[i / 8] + i % 8) =
          static_cast<std::uint8_t>(write.data[i / 8] >> (8 * (i % 8)));
      ++bytes;
    }
  }
  EXPECT_EQ(bytes, 300U);
  EXPECT_EQ(std::memcmp(seen.data(), complex_->spm().data(), 1024), 0);
}

}  // namespace
}  // namespace tsr
