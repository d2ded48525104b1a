// SPDX-License-Identifier: Apache-2.0
// Read DMA engine: directed tests.
#include <set>

#include "dma_env.hpp"

namespace tsr::tb {
namespace {

class Rdma : public DmaBench {
 protected:
  /// Bytes of [at, at + n) in the scratchpad are either what they were or what `memory_` holds at
  /// source + (byte - at); bytes for which `must_stay` is true are what they were.
  void check_partial(std::uint32_t at, std::uint32_t n, std::uint64_t source,
                     const std::function<bool(std::uint32_t)>& must_stay) {
    const auto contents = read_scratchpad();
    for (std::uint32_t i = 0; i < kSpmBytes; ++i) {
      const bool inside = i >= at && i < at + n;
      const bool kept = contents[i] == spm_[i];
      if (inside && !must_stay(i - at)) {
        ASSERT_TRUE(kept || contents[i] == memory_.read(source + i - at)) << "byte " << i;
      } else {
        ASSERT_TRUE(kept) << "byte " << i;
      }
    }
    spm_ = contents;
  }
};

TEST_F(Rdma, NopIsDoneAtOnceWithoutAnyEffect) {
  const Done done = execute(kRdma, make_command(DmaOp::Nop, 0, 0, 0x7a5c), make_config(0));
  EXPECT_EQ(done.id, 0x7a5c);
  EXPECT_EQ(done.error, CmdError::Ok);
  EXPECT_LE(done.cycle - accepted_[kRdma], 4U);
  EXPECT_TRUE(requests_[kRdma].empty());
  check_memories();
}

TEST_F(Rdma, ReadsEveryAlignmentPair) {
  latency_max_ = 30;
  reorder_ = true;
  unsigned n = 0;
  for (std::uint32_t s = 0; s < 64; ++s) {
    for (std::uint32_t d = 0; d < 64; ++d) {
      const auto count = static_cast<std::uint32_t>(rand_in(1, 200));
      const std::uint64_t src = 0x12300 + rand_in(0, 15) * 64 + s;
      check(
          kRdma,
          make_command(DmaOp::Read, src, rand_in(0, 900) * 64 + d, static_cast<std::uint16_t>(n++)),
          make_config(count));
    }
    if (HasFailure()) break;
  }
  check_memories();
}

TEST_F(Rdma, ReadsElementsOfEverySize) {
  for (std::uint32_t count = 1; count < 1100; count += count < 300 ? 1 : 37) {
    check(kRdma,
          make_command(DmaOp::Read, kNodeSpace | (0x1000000 + rand_in(0, 5000)), rand_in(0, 60000)),
          make_config(count));
  }
  check_memories();
}

TEST_F(Rdma, SplitsAtGranulesAndNamesTheDestination) {
  check(kRdma, make_command(DmaOp::Read, 0x10ff, 0x203), make_config(258));
  ASSERT_EQ(requests_[kRdma].size(), 3U);
  const std::array<std::uint64_t, 3> address{0x10ff, 0x1100, 0x1200};
  const std::array<std::uint64_t, 3> bytes{1, 256, 1};
  const std::array<std::uint32_t, 3> doff{0x203, 0x204, 0x304};
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(requests_[kRdma][i].address, address[i]);
    EXPECT_EQ(requests_[kRdma][i].strb, bytes[i]);
    EXPECT_EQ(requests_[kRdma][i].doff, doff[i]);
  }
  check_memories();
}

TEST_F(Rdma, WalksFourDimensionsBothWays) {
  DmaConfig c = make_config(24);
  c.src_iter = {3, 4, 5};
  c.src_stride = {100, -1000, 70000};
  c.dst_iter = {10, 2, 3};
  c.dst_stride = {-40, 4000, 9000};
  check(kRdma, make_command(DmaOp::Read, 0x4000003, 5001), c);
  // The same with roles of the loops exchanged.
  c.src_iter = {60, 1, 1};
  c.dst_iter = {1, 1, 60};
  c.dst_stride = {0, 0, 31};
  check(kRdma, make_command(DmaOp::Read, 0x4000003, 40000), c);
  check_memories();
}

TEST_F(Rdma, FillsWithThePatternOfTheAddress) {
  for (std::uint32_t offset = 0; offset < 16; ++offset) {
    for (const std::uint32_t count : {1U, 3U, 7U, 8U, 63U, 64U, 65U, 200U}) {
      check(kRdma, make_command(DmaOp::SpmFill, 0, 1024 * offset + offset), make_config(count));
    }
  }
  DmaConfig c = make_config(10);
  c.dst_iter = {5, 6, 7};
  c.dst_stride = {-16, 200, 1500};
  c.src_iter = {0, 0, 0};  // a fill has no source
  check(kRdma, make_command(DmaOp::SpmFill, 0, 20000, 9), c);
  EXPECT_TRUE(requests_[kRdma].empty());
  check_memories();
}

// ---------------------------------------------------------------- reads for a rectangle of nodes

TEST_F(Rdma, SpreadReadsNameTheirRectangleAndWhatListenersPost) {
  DmaCommand c = make_command(DmaOp::Spread, 0x10ff, 0x203);
  c.x0 = 1;
  c.y0 = 2;
  c.x1 = 3;
  c.y1 = 4;
  c.arg[3] = 0x19;  // semaphore 9
  check(kRdma, c, make_config(258));
  ASSERT_EQ(requests_[kRdma].size(), 3U);
  for (const Request& r : requests_[kRdma]) {
    EXPECT_TRUE(r.spread);
    EXPECT_FALSE(r.multicast);
    EXPECT_EQ(r.to, 1U | 2U << 6 | 3U << 12 | 4U << 18 | 0x19U << 24);
  }
  forget();
  // Without a semaphore, then a read of its own behind it.
  c.arg[3] = 9;
  check(kRdma, c, make_config(64));
  EXPECT_EQ(requests_[kRdma].at(0).to >> 24, 9U);
  forget();
  check(kRdma, make_command(DmaOp::Read, 0x1000, 0x40), make_config(64));
  EXPECT_FALSE(requests_[kRdma].at(0).spread);
  EXPECT_EQ(requests_[kRdma].at(0).to, 0U);
  check_memories();
}

TEST_F(Rdma, RefusesASpreadReadOfAnInvertedRectangle) {
  for (const bool in_x : {false, true}) {
    DmaCommand c = make_command(DmaOp::Spread, 0x1000, 0);
    (in_x ? c.x0 : c.y0) = 2;
    (in_x ? c.x1 : c.y1) = 1;
    check(kRdma, c, make_config(64));
    EXPECT_EQ(done_[kRdma].error, CmdError::Context);
  }
  EXPECT_TRUE(requests_[kRdma].empty());
}

TEST_F(Rdma, StoresWhatOtherNodesReadForItAtAnyAlignment) {
  std::uint64_t sent = 0;
  for (unsigned s = 0; s < 64; ++s) {
    for (unsigned d = 0; d < 64; ++d) {
      const auto count = static_cast<unsigned>(rand_in(1, 64 - s));
      // Also below the destination's first word: byte 0 of the block would lie before offset 0.
      const auto slot = static_cast<std::uint32_t>(sent % 256) * 128;
      hear(0x5000 + s, count, slot + d, 7);
      ++sent;
      if (sent % 256 == 0) {
        ASSERT_TRUE(run_until([&] { return heard_ == sent; }, 2000));
      }
    }
  }
  EXPECT_EQ(posts_[7], sent);
  EXPECT_EQ(ops_[kRdma], 0U) << "no command's bytes";
  check_memories();
}

TEST_F(Rdma, HearsWithoutDelayWhileItFillsOrWaits) {
  // A fill of 64 KiB takes 1024 cycles; what is heard does not wait for its end.
  issue(kRdma, make_command(DmaOp::SpmFill, 0, 0), make_config(kSpmBytes - 4096));
  const auto outcome =
      predict(kRdma, make_command(DmaOp::SpmFill, 0, 0), make_config(kSpmBytes - 4096));
  run(100);
  for (unsigned i = 0; i < 32; ++i) hear(0x9000 + 64 * i, 64, kSpmBytes - 4096 + 64 * i, -1);
  EXPECT_TRUE(run_until([&] { return heard_ == 32; }, 60)) << "listeners must sink";
  EXPECT_FALSE(done_[kRdma].valid);
  EXPECT_EQ(posts_, (std::array<std::uint64_t, 16>{}));
  compare(wait_done(kRdma), outcome, make_command(DmaOp::SpmFill, 0, 0), kRdma);
  check_memories();
}

TEST_F(Rdma, WhatItHearsDoesNotKeepItsOwnCommandAlive) {
  on_request_ = [](const Request&) { return Reply{Reply::What::kNever, 0, 0}; };
  DmaConfig c = make_config(64);
  c.timeout = 300;
  issue(kRdma, make_command(DmaOp::Read, 0x1000, 0), c);
  for (unsigned i = 0; i < 1000 && !done_[kRdma].valid; ++i) {
    if (i % 4 == 0) hear(0x9000, 64, 0x8000, 3);
    tick();
  }
  EXPECT_EQ(done_[kRdma].error, CmdError::Bus);
  EXPECT_EQ(done_[kRdma].info, kErrTimeout);
  run(20);
  check_memories();
}

TEST_F(Rdma, RefusesForeignOpcodes) {
  for (unsigned op = 1; op < 256; ++op) {
    if (op <= 0x03) continue;
    DmaCommand command = make_command(DmaOp::Read, 0, 0, static_cast<std::uint16_t>(op));
    command.op = static_cast<std::uint8_t>(op);
    const Done done = execute(kRdma, command, make_config(64));
    EXPECT_EQ(done.error, CmdError::Opcode);
    EXPECT_EQ(done.id, op);
  }
  EXPECT_TRUE(requests_[kRdma].empty());
  check_memories();
}

TEST_F(Rdma, RefusesBadDescriptorsWithoutAnyEffect) {
  const auto command = make_command(DmaOp::Read, 0x1000, 0);
  const auto expect = [&](const DmaConfig& c, CmdError error) {
    const Done done = execute(kRdma, command, c);
    EXPECT_EQ(done.error, error);
    EXPECT_EQ(predict(kRdma, command, c).error, error);
  };
  expect(make_config(0), CmdError::Zero);
  expect(make_config((1U << 20) + 1), CmdError::Context);
  for (unsigned i = 0; i < 3; ++i) {
    DmaConfig c = make_config(8);
    c.src_iter[i] = 0;
    expect(c, CmdError::Zero);
    c = make_config(8);
    c.dst_iter[i] = 0;
    expect(c, CmdError::Zero);
    c = make_config(8);
    c.src_iter[i] = 2;
    expect(c, CmdError::Shape);
    c = make_config(8);
    c.dst_iter[i] = 65535;
    expect(c, CmdError::Shape);
  }
  // Totals that differ only above 32 bits.
  DmaConfig c = make_config(8);
  c.src_iter = {32768, 32768, 4};
  c.dst_iter = {32768, 32768, 8};
  expect(c, CmdError::Shape);
  EXPECT_TRUE(requests_[kRdma].empty());
  check_memories();
}

TEST_F(Rdma, RefusesAddressesBeyond56Bits) {
  const auto command = make_command(DmaOp::Read, 0x0100000000001240, 0);
  const Done done = execute(kRdma, command, make_config(64));
  EXPECT_EQ(done.error, CmdError::Bus);
  EXPECT_EQ(done.info, kErrUnmapped);
  EXPECT_EQ(done.address, 0x1240U);
  EXPECT_EQ(predict(kRdma, command, make_config(64)).address, 0x1240U);
  EXPECT_TRUE(requests_[kRdma].empty());
}

TEST_F(Rdma, StopsAtTheFirstElementOutOfRange) {
  check(kRdma, make_command(DmaOp::Read, 0, kSpmBytes - 64), make_config(64));
  check(kRdma, make_command(DmaOp::Read, 0, kSpmBytes - 63), make_config(64));
  check(kRdma, make_command(DmaOp::Read, 0, kSpmBytes), make_config(1));
  check(kRdma, make_command(DmaOp::Read, 0, 0), make_config(kSpmBytes + 1));
  check(kRdma, make_command(DmaOp::Read, 0, 0xffffffff), make_config(2));
  check(kRdma, make_command(DmaOp::SpmFill, 0, kSpmBytes - 9), make_config(10));
  DmaConfig c = make_config(100);
  c.src_iter = {8, 1, 1};
  c.src_stride = {100, 0, 0};
  c.dst_iter = {8, 1, 1};
  c.dst_stride = {-300, 0, 0};
  check(kRdma, make_command(DmaOp::Read, 0x5000, 1000), c);  // fails at the fifth
  EXPECT_EQ(done_[kRdma].address, 0xffffff38U);
  c.dst_stride = {300, 0, 0};
  check(kRdma, make_command(DmaOp::SpmFill, 0, kSpmBytes - 1000), c);
  c.dst_stride = {static_cast<std::int32_t>(0x80000000U), 0, 0};
  check(kRdma, make_command(DmaOp::Read, 0x5000, 1000), c);
  check_memories();
}

TEST_F(Rdma, ReportsAnErrorOfAnyRequestInFlight) {
  constexpr std::uint32_t kCount = 40 * 256;
  latency_min_ = 5;
  latency_max_ = 60;
  reorder_ = true;
  for (std::size_t bad = 0; bad < 40; ++bad) {
    forget();
    const std::uint64_t source = 0x100000 + bad * 0x10000;
    const auto at = static_cast<std::uint32_t>(rand_in(0, 40000));
    on_request_ = [&](const Request& r) {
      if (r.index == bad) return Reply{Reply::What::kError, kErrForbidden, 0};
      return Reply{};
    };
    const Done done = execute(kRdma, make_command(DmaOp::Read, source, at), make_config(kCount));
    EXPECT_EQ(done.error, CmdError::Bus);
    EXPECT_EQ(done.info, kErrForbidden);
    EXPECT_EQ(done.address, source + 256 * bad);
    EXPECT_EQ(in_flight_[kRdma], 0U) << "done while reads are in flight";
    check_partial(at, kCount, source, [&](std::uint32_t i) { return i / 256 == bad; });
    on_request_ = nullptr;
    check(kRdma, make_command(DmaOp::Read, 0x7777, rand_in(0, 60000)), make_config(1000));
  }
  check_memories();
}

TEST_F(Rdma, RejectsPoisonedData) {
  for (unsigned block = 0; block < 4; ++block) {
    forget();
    const std::uint64_t source = 0x300010;
    on_request_ = [&](const Request& r) {
      if (r.index == 2) return Reply{Reply::What::kPoison, 0, block};
      return Reply{};
    };
    const Done done = execute(kRdma, make_command(DmaOp::Read, source, 999), make_config(2000));
    EXPECT_EQ(done.error, CmdError::Bus);
    EXPECT_EQ(done.info, kErrPoison);
    EXPECT_EQ(done.address, 0x300200 + 64 * block);
    check_partial(999, 2000, source, [&](std::uint32_t i) {
      return (source + i) / 64 == (0x300200 + 64 * block) / 64;
    });
    on_request_ = nullptr;
    check(kRdma, make_command(DmaOp::Read, 0x7777, 100), make_config(1000));
  }
  check_memories();
}

TEST_F(Rdma, RefusesDataForAPlaceOutsideTheScratchpad) {
  // A responder that names a wrong destination: the request's own is in range.
  for (const std::uint32_t doff : {kSpmBytes, kSpmBytes - 32, 0x3ffff8U}) {
    const auto before = spm_;
    on_request_ = [&](const Request& r) {
      stray_response(kRdma, r.tag, kKindReadRsp, r.address, doff);
      return Reply{Reply::What::kNever, 0, 0};
    };
    const Done done = execute(kRdma, make_command(DmaOp::Read, 0x1000, 0), make_config(64));
    EXPECT_EQ(done.error, CmdError::Range);
    EXPECT_EQ(done.address, doff);
    // Lanes that are in range are written (with the zeros that came), nothing else.
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t at = (doff + i) & 0x3fffffU;
      if (at < kSpmBytes) spm_[at] = 0;
    }
    check_memories();
  }
}

TEST_F(Rdma, TimesOutAndSurvivesLateResponses) {
  DmaConfig config = make_config(16 * 256);
  config.timeout = 150;
  // Requests 3, 7 and 9 are answered late, 11 never.
  on_request_ = [&](const Request& r) {
    if (r.index == 3 || r.index == 7 || r.index == 9) return Reply{Reply::What::kHold, 0, 0};
    if (r.index == 11) return Reply{Reply::What::kNever, 0, 0};
    return Reply{};
  };
  const Done done = execute(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config);
  EXPECT_EQ(done.error, CmdError::Bus);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0x9300U);
  EXPECT_NEAR(static_cast<double>(done.cycle - last_response_), 150.0, 8.0);
  check_partial(0x800, 16 * 256, 0x9000, [](std::uint32_t i) {
    return i / 256 == 3 || i / 256 == 7 || i / 256 == 9 || i / 256 == 11;
  });
  // The dead tags' data arrive in the middle of the next commands and must not land anywhere.
  on_request_ = nullptr;
  reorder_ = true;
  std::set<unsigned> dead{requests_[kRdma][3].tag, requests_[kRdma][7].tag, requests_[kRdma][9].tag,
                          requests_[kRdma][11].tag};
  forget();
  check(kRdma, make_command(DmaOp::Read, 0x20000, 0x4000), make_config(20000));
  for (const auto& r : requests_[kRdma]) EXPECT_EQ(dead.count(r.tag), 0U) << "dead tag reused";
  release_held(60);
  check(kRdma, make_command(DmaOp::Read, 0x40000, 0x400), make_config(20000));
  check_memories();
  // Late answers freed their tags; the one that was never answered stays out of use.
  forget();
  check(kRdma, make_command(DmaOp::Read, 0x40000, 0x400), make_config(20000));
  std::set<unsigned> used;
  for (const auto& r : requests_[kRdma]) used.insert(r.tag);
  EXPECT_EQ(used.size(), 31U);
  check_memories();
}

TEST_F(Rdma, RecoversWhenNoTagIsLeft) {
  DmaConfig config = make_config(40 * 256);
  config.timeout = 100;
  on_request_ = [](const Request&) { return Reply{Reply::What::kNever, 0, 0}; };
  Done done = execute(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(requests_[kRdma].size(), 32U);
  on_request_ = nullptr;
  done = execute(kRdma, make_command(DmaOp::Read, 0xa000, 0x800), config);
  EXPECT_EQ(done.error, CmdError::Bus);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0xa000U);
  EXPECT_EQ(requests_[kRdma].size(), 32U) << "nothing can be sent";
  check(kRdma, make_command(DmaOp::Read, 0xb000, 0x800), make_config(10000));
  check_memories();
}

TEST_F(Rdma, ForgetsWhatWillNeverBeAnswered) {
  DmaConfig config = make_config(40 * 256);
  config.timeout = 100;
  on_request_ = [](const Request&) { return Reply{Reply::What::kNever, 0, 0}; };
  EXPECT_EQ(execute(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config).info, kErrTimeout);
  on_request_ = nullptr;
  dut().forget_i = 1;
  run(1);
  dut().forget_i = 0;
  check(kRdma, make_command(DmaOp::Read, 0xb000, 0x800), make_config(10000));
  check_memories();
}

TEST_F(Rdma, TimesOutWhenTheNetworkTakesNothing) {
  request_stall_[kRdma] = 1.0;
  DmaConfig config = make_config(1000);
  config.timeout = 64;
  const Done done = execute(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0x9000U);
  request_stall_[kRdma] = 0.0;
  check(kRdma, make_command(DmaOp::Read, 0xb000, 0x800), make_config(10000));
  check_memories();
}

TEST_F(Rdma, TimeoutCountsFromTheLastProgress) {
  // Slow but steady: every response comes just in time.
  DmaConfig config = make_config(4 * 256);
  config.timeout = 100;
  latency_min_ = latency_max_ = 90;
  check(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config);
  latency_min_ = latency_max_ = 130;
  const Done done = execute(kRdma, make_command(DmaOp::Read, 0x9000, 0x800), config);
  EXPECT_EQ(done.info, kErrTimeout);
  run(200);
  check_memories();
}

TEST_F(Rdma, SinksResponsesThatNobodyAskedFor) {
  for (unsigned tag = 0; tag < 64; ++tag) {
    stray_response(kRdma, tag, tag % 2 == 0 ? kKindReadRsp : kKindErrRsp, 64 * tag);
  }
  run(100);
  // A duplicate for a live tag: another block of the same granule that was not asked for.
  on_request_ = [&](const Request& r) {
    stray_response(kRdma, r.tag, kKindReadRsp, r.address + 128);
    stray_response(kRdma, (r.tag + 1) % 32, kKindReadRsp, r.address);
    return Reply{};
  };
  check(kRdma, make_command(DmaOp::Read, 0x1000, 0x100), make_config(128));
  run(50);
  check_memories();
}

TEST_F(Rdma, MovesOneFlitACycleWhenAligned) {
  constexpr unsigned kLatency = 60;
  latency_min_ = latency_max_ = kLatency;
  check(kRdma, make_command(DmaOp::Read, 0x10000, 0x4000), make_config(32768));
  const std::uint64_t cycles = done_[kRdma].cycle - accepted_[kRdma];
  fmt::print("32 KiB aligned, latency {}: {} cycles\n", kLatency, cycles);
  EXPECT_LE(cycles, 512 + kLatency + 16U);
  EXPECT_GE(states_[kRdma][kStBusy], 512U);
  // Misaligned within a word on both sides alike: still one access a flit.
  check(kRdma, make_command(DmaOp::Read, 0x10008, 0x4018), make_config(32768));
  EXPECT_LE(done_[kRdma].cycle - accepted_[kRdma], 513 + kLatency + 16U);
  // A shift within words: two accesses a flit.
  check(kRdma, make_command(DmaOp::Read, 0x10000, 0x4003), make_config(32768));
  EXPECT_LE(done_[kRdma].cycle - accepted_[kRdma], 1024 + kLatency + 16U);
  check_memories();
}

TEST_F(Rdma, MeetsTheStatedLatency) {
  check(kRdma, make_command(DmaOp::Read, 0x1000, 0), make_config(64));
  EXPECT_EQ(requests_[kRdma][0].cycle - accepted_[kRdma], 8U);
  EXPECT_EQ(done_[kRdma].cycle - last_response_, 4U);
}

TEST_F(Rdma, IssuesARequestEveryCycle) {
  DmaConfig c = make_config(16);
  c.src_iter = {30, 1, 1};
  c.src_stride = {4096, 0, 0};
  c.dst_iter = {30, 1, 1};
  c.dst_stride = {16, 0, 0};
  check(kRdma, make_command(DmaOp::Read, 0, 0), c);
  EXPECT_EQ(requests_[kRdma].back().cycle - requests_[kRdma].front().cycle, 29U);
  check_memories();
}

TEST_F(Rdma, FillsSixtyFourBytesACycle) {
  check(kRdma, make_command(DmaOp::SpmFill, 0, 0x4000), make_config(32768));
  EXPECT_LE(done_[kRdma].cycle - accepted_[kRdma], 512 + 16U);
  check_memories();
}

TEST_F(Rdma, KeepsThirtyTwoReadsOf256BytesInFlight) {
  latency_min_ = latency_max_ = 400;
  check(kRdma, make_command(DmaOp::Read, 0x10000, 0), make_config(64 * 256));
  EXPECT_EQ(most_in_flight_[kRdma], 32U);
  check_memories();
}

TEST_F(Rdma, OverlappedCommandsKeepTheResponsesComing) {
  // 32 commands of 1 KiB, 16 flits each, with a long way to the memory.
  constexpr unsigned kCommands = 32, kLatency = 120;
  latency_min_ = latency_max_ = kLatency;
  std::array<std::uint64_t, 2> cycles{};
  overlapping_ = true;
  for (const bool overlap : {false, true}) {
    const std::uint64_t start = cycle();
    completions_[kRdma].clear();
    for (unsigned i = 0; i < kCommands; ++i) {
      auto command =
          make_command(DmaOp::Read, 0x20000 + 0x1000 * i, 1024 * i, static_cast<std::uint16_t>(i));
      command.overlap = overlap;
      predict(kRdma, command, make_config(1024));
      issue(kRdma, command, make_config(1024));
      ASSERT_TRUE(run_until([&] { return taken(kRdma); }, 1000));
    }
    ASSERT_TRUE(run_until([&] { return completions_[kRdma].size() == kCommands; }, 1000));
    cycles[overlap ? 1 : 0] = done_[kRdma].cycle - start;
    check_memories();
  }
  fmt::print("32 x 1 KiB, latency {}: {} cycles, overlapped {}\n", kLatency, cycles[0], cycles[1]);
  EXPECT_GE(cycles[0], kCommands * (16 + kLatency));
  // Two commands share a round trip: their issue, 2 x 16 flits are less than it.
  EXPECT_LE(cycles[1], kCommands * (kLatency + 24) / 2 + kLatency);
}

TEST_F(Rdma, OverlappedCommandsEndInOrderWithTheirOwnErrors) {
  constexpr unsigned kCommands = 400;
  std::array<bool, kCommands> bad{};
  for (auto& b : bad) b = chance(0.1);
  reorder_ = true;
  on_request_ = [&](const Request& r) {
    const auto which = static_cast<unsigned>((r.address - 0x100000) >> 12);
    return bad[which] ? Reply{Reply::What::kError, kErrUnmapped, 0} : Reply{};
  };
  overlapping_ = true;
  unsigned next = 0;
  std::size_t ended = 0;
  while (ended < kCommands && cycle() < 400000 && !HasFailure()) {
    if (next % 40 == 0) {
      latency_min_ = 1;
      latency_max_ = static_cast<unsigned>(rand_in(1, 150));
      response_stall_[kRdma] = chance(0.5) ? 0.0 : 0.4;
    }
    if (next < kCommands && taken(kRdma)) {
      // Every command has a kilobyte of its own among the last 64.
      const auto at = 1024 * (next % 64);
      auto command = make_command(DmaOp::Read, 0x100000 + 4096ULL * next, at,
                                  static_cast<std::uint16_t>(next));
      command.overlap = chance(0.8);
      const auto config = make_config(static_cast<std::uint32_t>(rand_in(1, 1024)));
      if (!bad[next]) predict(kRdma, command, config);
      issue(kRdma, command, config);
      ++next;
    }
    tick();
    for (; ended < completions_[kRdma].size(); ++ended) {
      const Done& done = completions_[kRdma][ended];
      EXPECT_EQ(done.id, ended);
      EXPECT_EQ(done.error, bad[ended] ? CmdError::Bus : CmdError::Ok) << ended;
    }
  }
  EXPECT_EQ(ended, kCommands);
  on_request_ = nullptr;
  check_memories();
}

TEST_F(Rdma, AbortFinishesTheCommandAndTakesNoOther) {
  issue(kRdma, make_command(DmaOp::Read, 0x2000, 0), make_config(4000));
  run(20);
  dut().abort_i = 1;
  EXPECT_EQ(wait_done(kRdma).error, CmdError::Ok);
  predict(kRdma, make_command(DmaOp::Read, 0x2000, 0), make_config(4000));
  issue(kRdma, make_command(DmaOp::Read, 0x8000, 0x4000, 2), make_config(4000));
  run(100);
  EXPECT_FALSE(done_[kRdma].valid);
  EXPECT_EQ(dut().idle_o & 1, 1) << "an offered command does not keep an aborted engine awake";
  dut().abort_i = 0;
  EXPECT_EQ(wait_done(kRdma).error, CmdError::Ok);
  predict(kRdma, make_command(DmaOp::Read, 0x8000, 0x4000, 2), make_config(4000));
  check_memories();
}

TEST_F(Rdma, SaysWhatEveryCycleIs) {
  run(10);
  states_ = {};
  run(10);
  EXPECT_EQ(states_[kRdma][kStIdle], 10U);
  // Waiting for responses.
  latency_min_ = latency_max_ = 300;
  states_ = {};
  check(kRdma, make_command(DmaOp::Read, 0x2000, 0), make_config(256));
  EXPECT_NEAR(static_cast<double>(states_[kRdma][kStStarved]), 300, 6);
  EXPECT_NEAR(static_cast<double>(states_[kRdma][kStConfig]), 6, 2);
  EXPECT_EQ(states_[kRdma][kStConflict] + states_[kRdma][kStBlocked], 0U);
  // The network takes nothing.
  request_stall_[kRdma] = 1.0;
  states_ = {};
  issue(kRdma, make_command(DmaOp::Read, 0x2000, 0), make_config(256));
  run(100);
  EXPECT_GE(states_[kRdma][kStBlocked], 85U);
  request_stall_[kRdma] = 0.0;
  wait_done(kRdma);
  // Another port takes every second turn of the hyperbank.
  latency_min_ = latency_max_ = 20;
  disturbance_ = 1.0;
  states_ = {};
  check(kRdma, make_command(DmaOp::SpmFill, 0, 0), make_config(8192));
  disturbance_ = 0.0;
  EXPECT_NEAR(static_cast<double>(states_[kRdma][kStConflict]), 128, 16);
  EXPECT_NEAR(static_cast<double>(states_[kRdma][kStBusy]), 128, 16);
  check_memories();
}

}  // namespace
}  // namespace tsr::tb
