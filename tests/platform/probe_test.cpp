// SPDX-License-Identifier: Apache-2.0
/// What an RTL tile tells its observers.
#include <gtest/gtest.h>

#include "core/rv_asm.hpp"
#include "engines/dma.hpp"
#include "engines/tdma.hpp"
#include "tile_board.hpp"

namespace tsr {
namespace {

using test::TileBoard;

/// Keeps everything.
struct Log final : NodeProbe {
  template <class Event>
  struct At {
    std::uint64_t cycle;
    Event event;
  };
  void retire(std::uint64_t cycle, const Retire& event) override {
    retired.push_back({cycle, event});
  }
  void command_start(std::uint64_t cycle, const CommandStart& event) override {
    started.push_back({cycle, event});
  }
  void command_done(std::uint64_t cycle, const CommandDone& event) override {
    done.push_back({cycle, event});
  }
  void spm_write(std::uint64_t cycle, const SpmWrite& event) override {
    writes.push_back({cycle, event});
  }
  void context_write(std::uint64_t cycle, unsigned index, std::uint32_t data) override {
    contexts.push_back({cycle, {index, data}});
  }
  void dma_request(std::uint64_t cycle, const DmaRequest& event) override {
    requests.push_back({cycle, event});
  }
  void dma_response(std::uint64_t cycle, const DmaResponse& event) override {
    responses.push_back({cycle, event});
  }
  void core_start(std::uint64_t cycle, std::uint32_t pc) override { starts.push_back({cycle, pc}); }
  void tcm_write(std::uint64_t cycle, std::uint32_t address, std::uint8_t strobe,
                 std::uint32_t data) override {
    EXPECT_EQ(strobe, 15);
    tcm.push_back({cycle, {address, data}});
  }

  std::vector<At<Retire>> retired;
  std::vector<At<CommandStart>> started;
  std::vector<At<CommandDone>> done;
  std::vector<At<SpmWrite>> writes;
  std::vector<At<std::pair<std::uint32_t, std::uint32_t>>> contexts, tcm;
  std::vector<At<DmaRequest>> requests;
  std::vector<At<DmaResponse>> responses;
  std::vector<At<std::uint32_t>> starts;
};

TEST(PlatformProbe, TellsInstructionsAndTheBackDoor) {
  TileBoard board;
  Log log, second;
  board.kernel().add_probe(TileBoard::kTile, log);
  board.kernel().add_probe(TileBoard::kTile, second);
  const std::vector<std::uint32_t> program{rv::addi(1, 0, 5), rv::addi(2, 1, 7), rv::jal(0, 0)};
  board.start_program(program);
  board.run(50);
  ASSERT_EQ(log.tcm.size(), 3U);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(log.tcm[i].event, std::make_pair(4 * i, program[i]));
  }
  ASSERT_EQ(log.starts.size(), 1U);
  EXPECT_EQ(log.starts[0].event, 0U);
  ASSERT_GE(log.retired.size(), 3U);
  EXPECT_GT(log.retired[0].cycle, log.starts[0].cycle);
  EXPECT_EQ(log.retired[1].event.pc, 4U);
  EXPECT_EQ(log.retired[1].event.rd_wdata, 12U);
  EXPECT_EQ(log.retired[1].cycle, log.retired[0].cycle + 1);
  EXPECT_EQ(second.retired.size(), log.retired.size()) << "both observers see all";
}

TEST(PlatformProbe, TellsCommandsContextsAndScratchpadWrites) {
  TileBoard board;
  Log log;
  board.kernel().add_probe(TileBoard::kTile, log);
  const auto fill = engines::tdma_fill(0x108, 16, 0x44332211);
  const auto rows = fill.context_rows();
  for (unsigned row = 0; row < rows.size(); ++row) board.context(2, row, rows[row]);
  ASSERT_EQ(log.contexts.size(), 16 * rows.size());
  EXPECT_EQ(log.contexts[1].event, std::make_pair(2U * 128 + 1, rows[0][1]));
  const auto words = fill.to_words(2, 77);
  board.command(4, words);
  board.run(200);
  ASSERT_EQ(log.started.size(), 1U);
  EXPECT_EQ(log.started[0].event.engine, Engine::Tdma);
  EXPECT_EQ(log.started[0].event.words, words);
  ASSERT_FALSE(log.writes.empty());
  std::uint64_t bytes = 0;
  for (const auto& [cycle, write] : log.writes) {
    EXPECT_EQ(write.writer, SpmWriter::Tdma);
    EXPECT_GT(cycle, log.started[0].cycle);
    for (unsigned byte = 0; byte < 64; ++byte) {
      if ((write.strobe >> byte & 1) == 0) continue;
      ++bytes;
      const auto at = write.offset[byte / 8] + byte % 8;
      EXPECT_TRUE(at >= 0x108 && at < 0x118) << at;
      EXPECT_EQ(write.data[byte / 8] >> (byte % 8 * 8) & 255, 0x11 * (at % 4 + 1));
    }
  }
  EXPECT_EQ(bytes, 16U);
  ASSERT_EQ(log.done.size(), 1U);
  EXPECT_EQ(log.done[0].event.engine, Engine::Tdma);
  EXPECT_EQ(log.done[0].event.id, 77);
  EXPECT_EQ(log.done[0].event.error, 0);
  EXPECT_GT(log.done[0].cycle, log.writes.back().cycle);
}

TEST(PlatformProbe, TellsRequestsAndResponsesOfTheDmaEngines) {
  TileBoard board;
  Log log;
  board.kernel().add_probe(TileBoard::kTile, log);
  board.write(TileBoard::kScratchpad + 64, 0x01020304);
  ASSERT_EQ(log.writes.size(), 1U);
  EXPECT_EQ(log.writes[0].event.writer, SpmWriter::Network);
  EXPECT_EQ(log.writes[0].event.offset[0], 64U);
  engines::DmaConfig config;
  config.count = 4;
  config.src_iter = config.dst_iter = {1, 1, 1};
  board.context(0, 5, config.to_words());
  engines::DmaCommand read;
  read.op = static_cast<std::uint8_t>(engines::DmaOp::Read);
  read.id = 5;
  const auto source = node_address(TileBoard::tile(), TileBoard::kScratchpad + 64);
  read.arg = {static_cast<std::uint32_t>(source), static_cast<std::uint32_t>(source >> 32), 131, 0};
  board.command(0, read.to_words());
  board.run(300);
  ASSERT_EQ(log.requests.size(), 1U);
  EXPECT_EQ(log.requests[0].event.engine, Engine::Rdma);
  EXPECT_EQ(log.requests[0].event.address, source);
  EXPECT_EQ(log.requests[0].event.strobe, 4U);
  EXPECT_EQ(log.requests[0].event.doff, 131U);
  ASSERT_EQ(log.responses.size(), 1U);
  EXPECT_EQ(log.responses[0].event.kind, static_cast<std::uint8_t>(Kind::kReadRsp));
  EXPECT_EQ(log.responses[0].event.doff, 131U);
  EXPECT_EQ(log.responses[0].event.strobe, 15U);
  EXPECT_EQ(log.responses[0].event.data[0] & 0xffffffff, 0x01020304U);
  ASSERT_EQ(log.done.size(), 1U);
  EXPECT_EQ(log.done[0].event.error, 0);
}

TEST(PlatformProbe, ChangesNothing) {
  std::uint64_t ends[2] = {};
  for (const bool probed : {false, true}) {
    TileBoard board;
    Log log;
    if (probed) board.kernel().add_probe(TileBoard::kTile, log);
    board.start_program({rv::addi(1, 0, 5), rv::kWfi});
    while (!board.kernel().all_asleep() && board.kernel().cycle() < 10000) board.run(1);
    ends[probed ? 1 : 0] = board.kernel().cycle();
  }
  EXPECT_EQ(ends[0], ends[1]);
}

}  // namespace
}  // namespace tsr
