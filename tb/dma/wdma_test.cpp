// SPDX-License-Identifier: Apache-2.0
// Write DMA engine: directed tests.
#include <set>

#include "dma_env.hpp"

namespace tsr::tb {
namespace {

class Wdma : public DmaBench {};

TEST_F(Wdma, NopIsDoneAtOnceWithoutAnyEffect) {
  const Done done = execute(kWdma, make_command(DmaOp::Nop, 0, 0, 0x7a5c), make_config(0));
  EXPECT_EQ(done.id, 0x7a5c);
  EXPECT_EQ(done.error, CmdError::Ok);
  EXPECT_TRUE(requests_[kWdma].empty());
  check_memories();
}

TEST_F(Wdma, WritesEveryAlignmentPair) {
  unsigned n = 0;
  for (std::uint32_t s = 0; s < 64; ++s) {
    for (std::uint32_t d = 0; d < 64; ++d) {
      const auto count = static_cast<std::uint32_t>(rand_in(1, 200));
      check(kWdma,
            make_command(DmaOp::Write, rand_in(0, 900) * 64 + s,
                         0x123000 + rand_in(0, 1000) * 64 + d, static_cast<std::uint16_t>(n++)),
            make_config(count));
    }
    if (HasFailure()) break;
  }
  check_memories();
}

TEST_F(Wdma, WritesElementsOfEverySize) {
  for (std::uint32_t count = 1; count < 1100; count += count < 300 ? 1 : 37) {
    check(
        kWdma,
        make_command(DmaOp::Write, rand_in(0, 60000), kNodeSpace | (0x1000000 + rand_in(0, 5000))),
        make_config(count));
  }
  check(kWdma, make_command(DmaOp::Write, kSpmBytes - 1, 0x3f), make_config(1));
  check(kWdma, make_command(DmaOp::Write, 0, 0x1003f), make_config(kSpmBytes));
  check_memories();
}

TEST_F(Wdma, SendsAlignedBlocksWithStrobes) {
  check(kWdma, make_command(DmaOp::Write, 0x101, 0x203e), make_config(67));
  ASSERT_EQ(requests_[kWdma].size(), 3U);
  const std::array<std::uint64_t, 3> address{0x2000, 0x2040, 0x2080};
  const std::array<std::uint64_t, 3> strb{0xc000000000000000ULL, ~std::uint64_t{0}, 1};
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(requests_[kWdma][i].address, address[i]);
    EXPECT_EQ(requests_[kWdma][i].strb, strb[i]);
    EXPECT_EQ(requests_[kWdma][i].kind, unsigned{kKindWrite});
    EXPECT_FALSE(requests_[kWdma][i].multicast);
  }
  check_memories();
}

TEST_F(Wdma, WalksFourDimensionsBothWays) {
  DmaConfig c = make_config(24);
  c.dst_iter = {3, 4, 5};
  c.dst_stride = {100, -1000, 70000};
  c.src_iter = {10, 2, 3};
  c.src_stride = {-40, 4000, 9000};
  check(kWdma, make_command(DmaOp::Write, 5001, 0x4000003), c);
  check_memories();
}

TEST_F(Wdma, FillsWithThePatternOfTheAddress) {
  for (std::uint32_t offset = 0; offset < 16; ++offset) {
    for (const std::uint32_t count : {1U, 3U, 7U, 8U, 63U, 64U, 65U, 200U}) {
      check(kWdma, make_command(DmaOp::Fill, 0, 1024 * offset + offset), make_config(count));
    }
  }
  DmaConfig c = make_config(10);
  c.dst_iter = {5, 6, 7};
  c.dst_stride = {-16, 200, 1500};
  c.src_iter = {0, 0, 0};  // a fill has no source
  check(kWdma, make_command(DmaOp::Fill, 0xffffffff, 20000, 9), c);
  check_memories();
}

TEST_F(Wdma, MulticastsPostedWritesToARectangle) {
  DmaConfig c = make_config(200);
  c.src_iter = {4, 1, 1};
  c.src_stride = {500, 0, 0};
  c.dst_iter = {2, 2, 1};
  c.dst_stride = {1000, -3000, 0};
  DmaCommand command = make_command(DmaOp::Multicast, 0x77, 0x1008005);
  command.arg[3] = 0xdeadbeef;  // not used
  command.x0 = 1;
  command.y0 = 2;
  command.x1 = 33;
  command.y1 = 2;
  check(kWdma, command, c);
  for (const auto& r : requests_[kWdma]) {
    EXPECT_EQ(r.kind, unsigned{kKindWritePosted});
    EXPECT_TRUE(r.multicast);
    EXPECT_EQ(r.rect, (2U << 18 | 33U << 12 | 2U << 6 | 1U));
    EXPECT_EQ(r.address >> 32, kNodeSpace >> 32 | 2U << 6 | 1U);
  }
  // A node-local offset wraps within its node.
  command.arg[2] = 0x20;
  check(kWdma, command, c);
  check_memories();
  EXPECT_EQ(in_flight_[kWdma], 0U);
}

TEST_F(Wdma, MulticastToOneNodeIsAPostedUnicast) {
  DmaCommand command = make_command(DmaOp::Multicast, 0x77, 0xfffff000);
  command.x0 = command.x1 = 5;
  command.y0 = command.y1 = 3;
  check(kWdma, command, make_config(64));
  ASSERT_FALSE(requests_[kWdma].empty());
  for (const auto& r : requests_[kWdma]) {
    EXPECT_EQ(r.kind, unsigned{kKindWritePosted});
    EXPECT_FALSE(r.multicast);
    EXPECT_EQ(r.address >> 32, kNodeSpace >> 32 | 3U << 6 | 5U);
  }
  EXPECT_EQ(in_flight_[kWdma], 0U);
}

TEST_F(Wdma, RefusesAnInvertedRectangle) {
  DmaCommand command = make_command(DmaOp::Multicast, 0, 0x1000000);
  command.x0 = 3;
  command.x1 = 2;
  EXPECT_EQ(execute(kWdma, command, make_config(64)).error, CmdError::Context);
  EXPECT_EQ(predict(kWdma, command, make_config(64)).error, CmdError::Context);
  command = make_command(DmaOp::Multicast, 0, 0x1000000);
  command.y0 = 1;
  EXPECT_EQ(execute(kWdma, command, make_config(64)).error, CmdError::Context);
  EXPECT_TRUE(requests_[kWdma].empty());
}

TEST_F(Wdma, RefusesForeignOpcodes) {
  for (unsigned op = 1; op < 256; ++op) {
    if (op >= 0x11 && op <= 0x13) continue;
    DmaCommand command = make_command(DmaOp::Write, 0, 0, static_cast<std::uint16_t>(op));
    command.op = static_cast<std::uint8_t>(op);
    const Done done = execute(kWdma, command, make_config(64));
    EXPECT_EQ(done.error, CmdError::Opcode);
    EXPECT_EQ(done.id, op);
  }
  EXPECT_TRUE(requests_[kWdma].empty());
}

TEST_F(Wdma, RefusesBadDescriptorsWithoutAnyEffect) {
  for (const DmaOp op : {DmaOp::Write, DmaOp::Multicast, DmaOp::Fill}) {
    const auto command = make_command(op, 0x1000, 0);
    const auto expect = [&](const DmaConfig& c) {
      const auto outcome = predict(kWdma, command, c);
      if (outcome.error == CmdError::Ok) return;  // a fill does not mind its source
      const Done done = execute(kWdma, command, c);
      EXPECT_EQ(done.error, outcome.error);
    };
    EXPECT_EQ(predict(kWdma, command, make_config(0)).error, CmdError::Zero);
    expect(make_config(0));
    expect(make_config((1U << 20) + 1));
    for (unsigned i = 0; i < 3; ++i) {
      DmaConfig c = make_config(8);
      c.dst_iter[i] = 0;
      expect(c);
      if (op == DmaOp::Fill) continue;
      c = make_config(8);
      c.src_iter[i] = 0;
      expect(c);
      c = make_config(8);
      c.src_iter[i] = 2;
      expect(c);
      EXPECT_EQ(done_[kWdma].error, CmdError::Shape);
    }
  }
  EXPECT_TRUE(requests_[kWdma].empty());
  check_memories();
}

TEST_F(Wdma, RefusesAddressesBeyond56Bits) {
  for (const DmaOp op : {DmaOp::Write, DmaOp::Fill}) {
    check(kWdma, make_command(op, 0, 0x8000000000001240), make_config(64));
    EXPECT_EQ(done_[kWdma].error, CmdError::Bus);
    EXPECT_EQ(done_[kWdma].info, kErrUnmapped);
  }
  EXPECT_TRUE(requests_[kWdma].empty());
}

TEST_F(Wdma, StopsAtTheFirstElementOutOfRange) {
  check(kWdma, make_command(DmaOp::Write, kSpmBytes - 64, 0), make_config(64));
  check(kWdma, make_command(DmaOp::Write, kSpmBytes - 63, 0), make_config(64));
  check(kWdma, make_command(DmaOp::Write, 0, 0), make_config(kSpmBytes + 1));
  check(kWdma, make_command(DmaOp::Write, 0xffffffff, 0), make_config(2));
  check(kWdma, make_command(DmaOp::Multicast, kSpmBytes, 0), make_config(1));
  DmaConfig c = make_config(100);
  c.dst_iter = {8, 1, 1};
  c.dst_stride = {100, 0, 0};
  c.src_iter = {8, 1, 1};
  c.src_stride = {-300, 0, 0};
  check(kWdma, make_command(DmaOp::Write, 1000, 0x5000), c);  // fails at the fifth
  EXPECT_EQ(done_[kWdma].address, 0xffffff38U);
  check_memories();
}

TEST_F(Wdma, ReportsAnErrorOfAnyWriteInFlight) {
  latency_min_ = 5;
  latency_max_ = 90;
  reorder_ = true;
  for (std::size_t bad = 0; bad < 80; ++bad) {
    forget();
    on_request_ = [&](const Request& r) {
      if (r.index == bad) return Reply{Reply::What::kError, kErrForbidden, 0};
      return Reply{};
    };
    const std::uint64_t target = 0x100000 + bad * 0x10000;
    const Done done =
        execute(kWdma, make_command(DmaOp::Write, 0x100, target), make_config(80 * 64));
    EXPECT_EQ(done.error, CmdError::Bus);
    EXPECT_EQ(done.info, kErrForbidden);
    EXPECT_EQ(done.address, target + 64 * bad);
    EXPECT_EQ(in_flight_[kWdma], 0U) << "done while writes are in flight";
    // What was sent is a prefix of the command, with the right data.
    for (const auto& r : requests_[kWdma]) {
      EXPECT_EQ(r.address, target + 64 * r.index);
      if (r.index == bad) continue;
      for (unsigned i = 0; i < 64; ++i) {
        ASSERT_EQ(memory_.read(r.address + i), spm_[0x100 + 64 * r.index + i]);
      }
    }
    memory_.clear();
    on_request_ = nullptr;
    check(kWdma, make_command(DmaOp::Write, 0x333, 0x7777), make_config(1000));
    check_memories();
    memory_.clear();
    expected_.clear();
  }
}

TEST_F(Wdma, TreatsAPoisonedAcknowledgementAsAnError) {
  on_request_ = [](const Request& r) {
    return r.index == 1 ? Reply{Reply::What::kPoison, 0, 0} : Reply{};
  };
  const Done done = execute(kWdma, make_command(DmaOp::Write, 0, 0x1000), make_config(256));
  EXPECT_EQ(done.error, CmdError::Bus);
  EXPECT_EQ(done.info, kErrPoison);
  EXPECT_EQ(done.address, 0x1040U);
}

TEST_F(Wdma, TimesOutAndSurvivesLateAcknowledgements) {
  DmaConfig config = make_config(20 * 64);
  config.timeout = 150;
  on_request_ = [&](const Request& r) {
    if (r.index == 3 || r.index == 9) return Reply{Reply::What::kHold, 0, 0};
    if (r.index == 11) return Reply{Reply::What::kNever, 0, 0};
    return Reply{};
  };
  const auto command = make_command(DmaOp::Write, 0x800, 0x9000);
  predict(kWdma, command, config);
  const Done done = execute(kWdma, command, config);
  EXPECT_EQ(done.error, CmdError::Bus);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0x90c0U);
  EXPECT_NEAR(static_cast<double>(done.cycle - last_response_), 150.0, 8.0);
  const std::set<unsigned> dead{requests_[kWdma][3].tag, requests_[kWdma][9].tag,
                                requests_[kWdma][11].tag};
  // A late acknowledgement must not stand for one of the next command.
  on_request_ = nullptr;
  forget();
  latency_min_ = latency_max_ = 100;
  issue(kWdma, make_command(DmaOp::Write, 0x100, 0x20000), make_config(64 * 64));
  predict(kWdma, make_command(DmaOp::Write, 0x100, 0x20000), make_config(64 * 64));
  run(20);
  release_held(5);
  wait_done(kWdma);
  EXPECT_EQ(done_[kWdma].error, CmdError::Ok);
  EXPECT_EQ(in_flight_[kWdma], 0U);
  for (const auto& r : requests_[kWdma]) {
    if (r.cycle < accepted_[kWdma] + 20) {
      EXPECT_EQ(dead.count(r.tag), 0U);
    }
  }
  check_memories();
}

TEST_F(Wdma, RecoversWhenNoTagIsLeft) {
  DmaConfig config = make_config(80 * 64);
  config.timeout = 100;
  on_request_ = [](const Request&) { return Reply{Reply::What::kNever, 0, 0}; };
  Done done = execute(kWdma, make_command(DmaOp::Write, 0, 0x9000), config);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(requests_[kWdma].size(), 64U);
  on_request_ = nullptr;
  done = execute(kWdma, make_command(DmaOp::Write, 0, 0xa000), config);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0xa000U);
  EXPECT_EQ(requests_[kWdma].size(), 64U) << "nothing can be sent";
  memory_.clear();
  check(kWdma, make_command(DmaOp::Write, 0x10, 0xb000), make_config(10000));
  check_memories();
}

TEST_F(Wdma, ForgetsWhatWillNeverBeAcknowledged) {
  DmaConfig config = make_config(80 * 64);
  config.timeout = 100;
  on_request_ = [](const Request&) { return Reply{Reply::What::kNever, 0, 0}; };
  EXPECT_EQ(execute(kWdma, make_command(DmaOp::Write, 0, 0x9000), config).info, kErrTimeout);
  on_request_ = nullptr;
  dut().forget_i = 2;
  run(1);
  dut().forget_i = 0;
  memory_.clear();
  check(kWdma, make_command(DmaOp::Write, 0x10, 0xb000), make_config(10000));
  check_memories();
}

TEST_F(Wdma, TimesOutWhenTheNetworkTakesNothing) {
  request_stall_[kWdma] = 1.0;
  DmaConfig config = make_config(1000);
  config.timeout = 64;
  issue(kWdma, make_command(DmaOp::Write, 0, 0x9000), config);
  run(200);
  EXPECT_FALSE(done_[kWdma].valid) << "the offered flit cannot be withdrawn";
  request_stall_[kWdma] = 0.0;
  const Done done = wait_done(kWdma);
  EXPECT_EQ(done.info, kErrTimeout);
  EXPECT_EQ(done.address, 0x9000U);
  EXPECT_EQ(requests_[kWdma].size(), 1U) << "what was buffered behind it is dropped";
  run(50);
  memory_.clear();
  check(kWdma, make_command(DmaOp::Write, 0x800, 0xb000), make_config(10000));
  check_memories();
}

TEST_F(Wdma, SinksAcknowledgementsThatNobodyAskedFor) {
  for (unsigned tag = 0; tag < 64; ++tag) stray_response(kWdma, tag, kKindErrRsp, 64 * tag);
  run(100);
  check(kWdma, make_command(DmaOp::Write, 0x100, 0x1000), make_config(128));
  check_memories();
}

TEST_F(Wdma, MovesOneFlitACycleWhenAligned) {
  constexpr unsigned kLatency = 60;
  latency_min_ = latency_max_ = kLatency;
  check(kWdma, make_command(DmaOp::Write, 0x4000, 0x10000), make_config(32768));
  const std::uint64_t cycles = done_[kWdma].cycle - accepted_[kWdma];
  fmt::print("32 KiB aligned, latency {}: {} cycles\n", kLatency, cycles);
  EXPECT_LE(cycles, 512 + kLatency + 16U);
  check(kWdma, make_command(DmaOp::Write, 0x4018, 0x10008), make_config(32768));
  EXPECT_LE(done_[kWdma].cycle - accepted_[kWdma], 513 + kLatency + 16U);
  check(kWdma, make_command(DmaOp::Write, 0x4003, 0x10000), make_config(32768));
  EXPECT_LE(done_[kWdma].cycle - accepted_[kWdma], 1024 + kLatency + 16U);
  check(kWdma, make_command(DmaOp::Fill, 0, 0x10000), make_config(32768));
  EXPECT_LE(done_[kWdma].cycle - accepted_[kWdma], 512 + kLatency + 16U);
  check(kWdma, make_command(DmaOp::Multicast, 0x4000, 0x1000000), make_config(32768));
  EXPECT_LE(done_[kWdma].cycle - accepted_[kWdma], 512 + 16U);
  check_memories();
}

TEST_F(Wdma, MeetsTheStatedLatency) {
  check(kWdma, make_command(DmaOp::Write, 0, 0x1000), make_config(64));
  EXPECT_EQ(requests_[kWdma][0].cycle - accepted_[kWdma], 10U);
  EXPECT_EQ(done_[kWdma].cycle - last_response_, 2U);
  forget();
  check(kWdma, make_command(DmaOp::Fill, 0, 0x1000), make_config(64));
  EXPECT_EQ(requests_[kWdma][0].cycle - accepted_[kWdma], 9U);
  forget();
  check(kWdma, make_command(DmaOp::Multicast, 0, 0x1000), make_config(64));
  EXPECT_EQ(done_[kWdma].cycle - requests_[kWdma][0].cycle, 2U);
}

TEST_F(Wdma, KeepsSixtyFourFlitsUnacknowledged) {
  latency_min_ = latency_max_ = 400;
  check(kWdma, make_command(DmaOp::Write, 0, 0x10000), make_config(200 * 64));
  EXPECT_EQ(most_in_flight_[kWdma], 64U);
  check_memories();
}

TEST_F(Wdma, IsDoneOnlyAfterTheLastAcknowledgement) {
  latency_min_ = latency_max_ = 333;
  check(kWdma, make_command(DmaOp::Write, 0, 0x10000), make_config(64));
  EXPECT_GT(done_[kWdma].cycle, last_response_);
  EXPECT_GE(done_[kWdma].cycle - requests_[kWdma][0].cycle, 333U);
  check_memories();
}

TEST_F(Wdma, AbortFinishesTheCommandAndTakesNoOther) {
  issue(kWdma, make_command(DmaOp::Write, 0, 0x2000), make_config(4000));
  run(20);
  dut().abort_i = 2;
  EXPECT_EQ(wait_done(kWdma).error, CmdError::Ok);
  predict(kWdma, make_command(DmaOp::Write, 0, 0x2000), make_config(4000));
  issue(kWdma, make_command(DmaOp::Write, 0x4000, 0x8000, 2), make_config(4000));
  run(100);
  EXPECT_FALSE(done_[kWdma].valid);
  EXPECT_EQ(dut().idle_o & 2, 2) << "an offered command does not keep an aborted engine awake";
  dut().abort_i = 0;
  EXPECT_EQ(wait_done(kWdma).error, CmdError::Ok);
  predict(kWdma, make_command(DmaOp::Write, 0x4000, 0x8000, 2), make_config(4000));
  check_memories();
}

TEST_F(Wdma, SaysWhatEveryCycleIs) {
  run(10);
  states_ = {};
  run(10);
  EXPECT_EQ(states_[kWdma][kStIdle], 10U);
  latency_min_ = latency_max_ = 300;
  states_ = {};
  check(kWdma, make_command(DmaOp::Write, 0x2000, 0), make_config(256));
  EXPECT_NEAR(static_cast<double>(states_[kWdma][kStBlocked]), 300, 8);
  EXPECT_NEAR(static_cast<double>(states_[kWdma][kStConfig]), 6, 2);
  EXPECT_EQ(states_[kWdma][kStConflict] + states_[kWdma][kStStarved], 0U);
  latency_min_ = latency_max_ = 20;
  disturbance_ = 1.0;
  states_ = {};
  check(kWdma, make_command(DmaOp::Write, 0, 0x8000), make_config(8192));
  disturbance_ = 0.0;
  // Cycles that lose the hyperbank but still hand a flit to the network are busy ones.
  EXPECT_GE(states_[kWdma][kStBusy] + states_[kWdma][kStConflict], 250U);
  check_memories();
}

}  // namespace
}  // namespace tsr::tb
