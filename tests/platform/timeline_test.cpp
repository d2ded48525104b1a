// SPDX-License-Identifier: Apache-2.0
/// Timelines from sequences of events made by hand.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engines/dma.hpp"
#include "error.hpp"
#include "noc/flit.hpp"
#include "timeline/run_timeline.hpp"

namespace tsr {
namespace {

using Json = nlohmann::json;

constexpr std::uint32_t kNop = 0x13, kRet = 0x8067, kCall = 0xef;  // jalr x0, ra; jal ra
constexpr std::uint32_t kWfi = 0x1050'0073, kMret = 0x3020'0073;

std::uint32_t mark_begin(unsigned id) { return id << 20 | 2U << 12 | 0x13; }
std::uint32_t mark_end(unsigned id) { return id << 20 | 3U << 12 | 0x13; }

/// Feeds a node and returns its events as JSON.
class Feeder {
 public:
  explicit Feeder(TimelineWindow window = {}) : node(7, window) {}

  void run(std::uint64_t cycle, std::uint32_t pc, std::uint32_t insn = kNop, bool trap = false) {
    Retire retire;
    retire.valid = true;
    retire.pc = pc;
    retire.insn = insn;
    retire.trap = trap;
    node.retire(cycle, retire);
  }
  void store(std::uint64_t cycle, std::uint32_t address, std::uint32_t data) {
    Retire retire;
    retire.valid = retire.mem_valid = retire.mem_write = true;
    retire.insn = 0x23;
    retire.mem_addr = address;
    retire.mem_data = data;
    node.retire(cycle, retire);
  }
  /// As the driver pushes a command.
  void push(std::uint64_t cycle, Engine engine, std::uint32_t word0) {
    const auto base = 0x30000U + 64U * static_cast<unsigned>(engine);
    store(cycle - 1, base, word0);
    store(cycle, base + 60, 0);
  }
  void start(std::uint64_t cycle, Engine engine, std::uint32_t word0) {
    CommandStart command;
    command.engine = engine;
    command.words[0] = word0;
    node.command_start(cycle, command);
  }
  void done(std::uint64_t cycle, Engine engine, std::uint16_t id, std::uint8_t error = 0) {
    CommandDone command;
    command.engine = engine;
    command.id = id;
    command.error = error;
    command.address = 0x40;
    node.command_done(cycle, command);
  }
  /// Slices of a track as "name begin cycles".
  std::vector<std::string> slices(unsigned track) {
    std::vector<std::string> out;
    for (const auto& event : node.events()) {
      const auto json = Json::parse(event.json);
      if (json["ph"] != "E" || json["tid"] != track) continue;
      EXPECT_EQ(json["pid"], 7);
      const auto& args = json["args"];
      out.push_back(fmt::format("{} {} {}", json["name"].get<std::string>(),
                                args["cycle"].get<std::uint64_t>(),
                                args["cycles"].get<std::uint64_t>()));
    }
    return out;
  }
  NodeTimeline node;
};

using Strings = std::vector<std::string>;

/// A file that vanishes.
class TempFile {
 public:
  explicit TempFile(const std::string& name)
      : path_(
            (std::filesystem::temp_directory_path() / (name + std::to_string(getpid()))).string()) {
  }
  ~TempFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }
  std::string text() const {
    std::ifstream stream(path_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  std::string path_;
};

/// A program with functions and markers: firmware/apps/marks.c.
ElfImage program() {
  static const std::string file = TSR_MARKS_ELF;
  return ElfImage::load(file);
}

TEST(Timeline, TimesAreWholeNanosecondsThatFollowEachOther) {
  EXPECT_EQ(trace_time(0), "0.000");
  EXPECT_EQ(trace_time(1), "0.001");
  EXPECT_EQ(trace_time(4), "0.005");
  EXPECT_EQ(trace_time(800'000'000), "1000000.000");
  for (std::uint64_t cycle = 0; cycle < 100; ++cycle) {
    EXPECT_DOUBLE_EQ(std::stod(trace_time(cycle)) + std::stod(trace_duration(cycle, cycle + 3)),
                     std::stod(trace_time(cycle + 3)));
  }
}

TEST(Timeline, CoreFollowsCallsReturnsAndTraps) {
  const auto image = program();
  const ProgramMap map(image);
  const auto functions = image.functions();
  ASSERT_GE(functions.size(), 3U);
  const auto &a = functions[0], &b = functions[1], &c = functions[2];
  Feeder f;
  f.node.set_program(&map);
  f.run(10, a.address, kCall);
  f.run(12, b.address);
  f.run(13, b.address + 4, kNop, true);  // a trap: the handler runs, then mret
  f.run(20, c.address, kMret);
  f.run(25, b.address + 4, kRet);
  f.run(30, a.address + 4);
  f.node.finish(40);
  EXPECT_EQ(f.slices(kCoreTrack),
            (Strings{c.name + " 20 5", b.name + " 12 18", a.name + " 10 30"}));
}

TEST(Timeline, SleepEndsWhereTheCoreWakes) {
  Feeder f;
  f.run(5, 0x100);
  f.run(105, 0x104, kWfi);
  f.node.finish(110);
  EXPECT_EQ(f.slices(kCoreTrack), (Strings{"sleep (wfi) 6 99", "(no symbol) 5 105"}));
}

TEST(Timeline, TheBootRomIsOneSlice) {
  Feeder f;
  f.run(5, 0x8'0000, kCall);
  f.run(6, 0x8'0100, kRet);
  f.run(9, 0x8'0004, kCall);
  f.run(15, 0x100);
  f.node.finish(20);
  EXPECT_EQ(f.slices(kCoreTrack), (Strings{"boot ROM 5 10", "(no symbol) 15 5"}));
}

TEST(Timeline, MarkersNest) {
  Feeder f;
  f.run(1, 0, mark_begin(3));
  f.run(4, 4, mark_begin(2047));
  f.run(9, 8, mark_end(2047));
  f.run(10, 12, mark_begin(4));
  f.run(12, 16, mark_end(3));  // ends 4 too
  f.run(13, 20, mark_end(99));
  f.run(14, 24, mark_begin(8));
  f.node.finish(20);
  EXPECT_EQ(f.slices(kMarkerTrack),
            (Strings{"marker 2047 4 5", "marker 4 10 2", "marker 3 1 11", "marker 8 14 6"}));
}

TEST(Timeline, CommandsWaitRunAndOverlap) {
  Feeder f;
  const auto word = [](unsigned op, unsigned id) { return op | id << 16; };
  f.push(100, Engine::Me, word(0x21, 1));
  f.push(110, Engine::Me, word(0x21, 2));
  f.push(112, Engine::Me, word(0x21, 9));  // thrown away by a flush
  f.push(114, Engine::Me, word(0x21, 3));
  f.start(130, Engine::Me, word(0x21, 1));
  f.start(140, Engine::Me, word(0x21, 2));  // overlaps
  f.done(150, Engine::Me, 1);
  f.done(170, Engine::Me, 2, 6);
  f.start(200, Engine::Me, word(0x21, 3));
  f.node.finish(210);
  const unsigned me = kEngineTrack + 2 * kEngineLanes;
  EXPECT_EQ(f.slices(me), (Strings{"wait 100 30", "gemm 130 20", "wait 170 30", "gemm 200 10"}));
  EXPECT_EQ(f.slices(me + 1), (Strings{"gemm 140 30"}));
  Strings more;
  for (const auto& event : f.node.events()) {
    const auto json = Json::parse(event.json);
    if (json["name"] == "gemm" && json["ph"] == "E") more.push_back(json["args"].dump());
  }
  EXPECT_EQ(more[0], R"({"context":0,"cycle":130,"cycles":20,"id":1,"queued":30})");
  EXPECT_NE(more[1].find(R"("address":"0x40")"), std::string::npos);
  EXPECT_NE(more[1].find(R"("error":6)"), std::string::npos);
  EXPECT_NE(more[2].find(R"("unfinished":true)"), std::string::npos);
}

TEST(Timeline, SlicesAreCutToTheWindow) {
  Feeder f({100, 200});
  const auto word = 0x01U | 7U << 16;
  f.run(50, 0);
  f.start(60, Engine::Rdma, word);
  f.done(120, Engine::Rdma, 7);
  f.start(130, Engine::Rdma, word);
  f.done(250, Engine::Rdma, 7);
  f.start(260, Engine::Rdma, word);
  f.done(270, Engine::Rdma, 7);
  f.run(150, 0);
  f.run(260, 0);
  f.node.finish(200);
  EXPECT_EQ(f.slices(kEngineTrack), (Strings{"read 100 20", "read 130 70"}));
  EXPECT_EQ(f.slices(kCoreTrack), (Strings{"(no symbol) 150 50"}));
}

Config two_tiles() {
  return parse_config(
      "name = \"two\"\nnodes = [\"CTT\", \"M..\"]\n[memory]\ncapacity_mib = 64\n"
      "dram = \"hbm3-6400\"\n[tile]\nspm_kib = 256\nme = [8, 8]\n[uart]\ncycles_per_bit = 8\n",
      "two.toml");
}

/// A chip whose memory node is at (0, 1), and a node's DMA engines.
class DmaFeeder {
 public:
  explicit DmaFeeder(TimelineWindow window = {})
      : chip_(two_tiles().straps()), node(7, window, {true, 70, 3, "tile DMA", &chip_}) {}

  /// A command of `bytes` bytes in one element, by a context of its own.
  void start(Engine engine, unsigned id, std::uint32_t bytes) {
    const unsigned row = engine == Engine::Wdma ? 6 : 5;
    const unsigned context = id % 8;
    engines::DmaConfig config;
    config.count = bytes;
    config.src_iter = config.dst_iter = {1, 1, 1};
    const auto words = config.to_words();
    for (unsigned i = 0; i < 16; ++i) {
      node.context_write(0, 16 * (8 * context + row) + i, words[i]);
    }
    CommandStart command;
    command.engine = engine;
    command.words[0] = (engine == Engine::Wdma ? 0x11U : 0x01U) | context << 8 | id << 16;
    node.command_start(0, command);
  }
  void done(std::uint64_t cycle, Engine engine, unsigned id) {
    CommandDone command;
    command.engine = engine;
    command.id = static_cast<std::uint16_t>(id);
    node.command_done(cycle, command);
  }
  void read(std::uint64_t cycle, std::uint8_t tag, std::uint64_t address, unsigned bytes) {
    DmaRequest request;
    request.tag = tag;
    request.kind = static_cast<std::uint8_t>(Kind::kRead);
    request.address = address;
    request.strobe = bytes;
    node.dma_request(cycle, request);
  }
  void block(std::uint64_t cycle, std::uint8_t tag, std::uint64_t address,
             std::uint64_t strobe = ~0ULL, Kind kind = Kind::kReadRsp, Err error = Err::kNone) {
    DmaResponse response;
    response.tag = tag;
    response.kind = static_cast<std::uint8_t>(kind);
    response.address = address;
    response.strobe = strobe;
    response.error = static_cast<std::uint8_t>(error);
    node.dma_response(cycle, response);
  }
  void write(std::uint64_t cycle, std::uint8_t tag, std::uint64_t address, Kind kind,
             bool multicast = false) {
    DmaRequest request;
    request.engine = Engine::Wdma;
    request.tag = tag;
    request.kind = static_cast<std::uint8_t>(kind);
    request.address = address;
    request.strobe = 0xff;
    request.multicast = multicast;
    request.rect = Node{1, 0}.pack() | Node{2, 0}.pack() << 12;
    node.dma_request(cycle, request);
  }
  void acknowledge(std::uint64_t cycle, std::uint8_t tag) {
    DmaResponse response;
    response.engine = Engine::Wdma;
    response.tag = tag;
    response.kind = static_cast<std::uint8_t>(Kind::kWriteRsp);
    node.dma_response(cycle, response);
  }
  /// Slices as "track name begin cycles" and the arguments that are asked for.
  std::vector<std::string> slices(const std::vector<std::string>& keys = {}) {
    std::vector<std::string> out;
    for (const auto& event : node.events()) {
      const auto json = Json::parse(event.json);
      if (json["ph"] != "X") continue;
      const auto& args = json["args"];
      auto text =
          fmt::format("{} {} {} {}", json["tid"].get<unsigned>(), json["name"].get<std::string>(),
                      args["cycle"].get<std::uint64_t>(), args["cycles"].get<std::uint64_t>());
      if (json["pid"] != 70) continue;
      for (const auto& key : keys) {
        if (args.contains(key)) text += " " + key + "=" + args[key].dump();
      }
      out.push_back(text);
    }
    return out;
  }

 private:
  ChipConfig chip_;

 public:
  NodeTimeline node;
};

TEST(Timeline, ReadsLastFromTheirRequestToTheirLastBlock) {
  DmaFeeder f;
  f.start(Engine::Rdma, 5, 256 + 16);
  f.read(10, 0, 0x1000, 256);
  f.read(11, 1, 0x1138, 16);  // eight bytes of each of two blocks
  f.block(30, 1, 0x1140, 0xff);
  for (unsigned i = 0; i < 4; ++i) f.block(40 + i, 0, 0x1000 + 64 * i);
  f.block(50, 1, 0x1138, 0xffULL << 56);
  f.done(60, Engine::Rdma, 5);
  f.node.settle(44);
  EXPECT_EQ(f.node.bytes_read(), 256U + 8U);
  f.node.settle(100);
  EXPECT_EQ(f.node.bytes_read(), 256U + 16U);
  EXPECT_EQ(f.slices({"command", "address", "bytes"}),
            (Strings{"1 read (0, 1) 10 33 command=5 address=\"0x1000\" bytes=256",
                     "2 read (0, 1) 11 39 command=5 address=\"0x1138\" bytes=16"}));
}

TEST(Timeline, TransactionsTakeTheFirstFreeLane) {
  DmaFeeder f;
  f.read(10, 0, 0, 64);
  f.read(11, 1, 64, 64);
  f.block(20, 0, 0);
  f.read(20, 0, 128, 64);  // slices of a lane do not touch each other
  f.read(21, 2, 192, 64);
  f.block(22, 1, 64);
  f.block(25, 0, 128);
  f.block(26, 2, 192);
  f.node.settle(100);
  EXPECT_EQ(f.slices(), (Strings{"1 read (0, 1) 10 10", "2 read (0, 1) 11 11", "3 read (0, 1) 20 5",
                                 "1 read (0, 1) 21 5"}));
}

TEST(Timeline, RequestsBelongToTheFirstCommandThatHasNotAskedForAll) {
  DmaFeeder f;
  f.start(Engine::Rdma, 1, 128);
  f.read(10, 0, 0, 64);
  f.start(Engine::Rdma, 2, 64);
  f.read(11, 1, 64, 64);
  f.read(12, 2, 4096, 64);
  f.block(20, 0, 0);
  f.block(21, 1, 64);
  f.done(25, Engine::Rdma, 1);
  f.block(30, 2, 4096);
  f.node.settle(100);
  EXPECT_EQ(f.slices({"command"}),
            (Strings{"1 read (0, 1) 10 10 command=1", "2 read (0, 1) 11 10 command=1",
                     "3 read (0, 1) 12 18 command=2"}));
}

TEST(Timeline, WritesLastUntilTheyAreAcknowledged) {
  DmaFeeder f;
  f.write(5, 3, node_address({2, 0}, 0x40), Kind::kWrite);
  f.write(6, 4, node_address({1, 0}, 0x40), Kind::kWritePosted, true);
  f.acknowledge(35, 3);
  f.node.settle(6);
  EXPECT_EQ(f.node.bytes_written(), 8U);
  f.node.settle(50);
  EXPECT_EQ(f.node.bytes_written(), 16U);
  EXPECT_EQ(f.slices({"bytes"}), (Strings{"102 multicast (1, 0) to (2, 0) 6 1 bytes=8",
                                          "101 write (2, 0) 5 30 bytes=8"}));
}

TEST(Timeline, RefusedAndUnansweredTransactionsSaySo) {
  DmaFeeder f;
  f.start(Engine::Rdma, 9, 512);
  f.read(10, 0, 0, 256);
  f.read(11, 1, 1ULL << 50, 256);
  f.block(30, 1, 1ULL << 50, 0, Kind::kErrRsp, Err::kUnmapped);
  f.done(90, Engine::Rdma, 9);
  f.block(95, 0, 0);  // too late
  f.node.settle(100);
  EXPECT_EQ(f.slices({"error", "unanswered"}),
            (Strings{"2 read nowhere 11 19 error=1", "1 read (0, 1) 10 80 unanswered=true"}));
}

TEST(Timeline, WhatIsToldAheadIsWrittenWhenItHasHappened) {
  DmaFeeder f;
  f.read(10, 0, 0, 64);
  f.block(40, 0, 0);
  f.read(12, 1, 64, 64);
  f.block(70, 1, 64);
  f.read(14, 2, 128, 64);
  f.node.settle(41);
  EXPECT_EQ(f.slices(), (Strings{"1 read (0, 1) 10 30"}));
  EXPECT_EQ(f.node.bytes_read(), 64U);
  f.node.finish(50);
  EXPECT_EQ(f.slices({"unfinished"}),
            (Strings{"1 read (0, 1) 10 30", "2 read (0, 1) 12 38 unfinished=true",
                     "3 read (0, 1) 14 36 unfinished=true"}));
  EXPECT_EQ(f.node.bytes_read(), 64U);
}

TEST(Timeline, TransactionsAreCutToTheWindow) {
  DmaFeeder f({100, 200});
  f.read(10, 0, 0, 64);
  f.block(40, 0, 0);
  f.read(90, 0, 0, 64);
  f.block(140, 0, 0);
  f.read(190, 0, 0, 64);
  f.block(240, 0, 0);
  f.read(250, 0, 0, 64);
  f.block(260, 0, 0);
  f.node.settle(300);
  EXPECT_EQ(f.slices(), (Strings{"1 read (0, 1) 100 40", "1 read (0, 1) 190 10"}));
}

/// What a run of two tiles wrote, looked at in steps of `step` cycles.
Json record(const std::string& file, std::uint64_t step, TimelineOptions options = {}) {
  options.file = file;
  options.interval = 64;
  std::uint64_t cycle = 0;
  RunTimeline timeline(
      two_tiles(), options,
      {[&](std::size_t node, unsigned link) { return node == 1 && link == 2 ? cycle / 2 : 0; },
       [&](std::size_t, unsigned channel, unsigned way) {
         return channel == 1 && way == 0 && cycle >= 128 ? std::uint64_t{4096} : 0;
       }});
  timeline.keep_commands(0);
  for (; cycle < 640; ++cycle) {
    if (cycle % step == 0 && cycle != 0) timeline.tick(cycle);
    for (const std::size_t node : {2U, 1U}) {  // the order of threads
      CommandStart start;
      start.words[0] = static_cast<std::uint32_t>(0x01U | cycle << 16);
      CommandDone done;
      done.id = static_cast<std::uint16_t>(cycle);
      if (cycle % 10 == node) timeline.node(node)->command_start(cycle, start);
      if (cycle % 10 == node + 4) timeline.node(node)->command_done(cycle, done);
    }
  }
  timeline.finish(cycle);
  EXPECT_LE(timeline.commands().size(), 240U);
  std::ifstream stream(file);
  return Json::parse(stream);
}

TEST(Timeline, FileIsTheSameHoweverOftenItIsWritten) {
  const TempFile file("timeline");
  const auto first = record(file.path(), 64);
  const auto text = file.text();
  EXPECT_GT(first["traceEvents"].size(), 2U * 64U);
  EXPECT_EQ(first["otherData"]["cut_at"], nullptr);
  std::uint64_t flits = 0, reads = 0;
  for (const auto& event : first["traceEvents"]) {
    ASSERT_TRUE(event.contains("ph") && event.contains("pid") && event.contains("name"));
    if (event["ph"] != "C") continue;
    if (event["name"] == "(1, 0) east flits") flits = event["args"]["request"];
    if (event["name"] == "channel 1 bytes") reads += event["args"]["read"].get<std::uint64_t>();
  }
  EXPECT_EQ(flits, 32U) << "of an interval of 64 cycles; written when it changes";
  EXPECT_EQ(reads, 4096U);
  record(file.path(), 64);
  EXPECT_EQ(file.text(), text);
}

TEST(Timeline, EndsAtTheLimitOfEvents) {
  const TempFile file("timeline");
  TimelineOptions options;
  options.max_events = 60;
  const auto json = record(file.path(), 64, options);
  EXPECT_LE(json["traceEvents"].size(), 60U);
  EXPECT_TRUE(json["otherData"]["cut_at"].is_number());
}

TEST(Timeline, IsWholeWhenTheRunBreaksOff) {
  const TempFile file("timeline");
  {
    TimelineOptions options;
    options.file = file.path();
    RunTimeline timeline(two_tiles(), options,
                         {[](std::size_t, unsigned) { return std::uint64_t{0}; },
                          [](std::size_t, unsigned, unsigned) { return std::uint64_t{0}; }});
  }
  EXPECT_TRUE(Json::parse(file.text()).contains("traceEvents"));
}

TEST(Timeline, UnwritableFileIsRefused) {
  EXPECT_THROW(TraceWriter("/no/such/folder/timeline.json"), InputError);
}

TEST(Timeline, NamesOfMarkersAreInTheProgram) {
  const auto image = program();
  EXPECT_EQ(image.markers().at(1), "round");
  EXPECT_EQ(image.markers().at(2047), "wait \"a\" bit");
  EXPECT_EQ(trace_text(image.markers().at(2047)), "wait \\\"a\\\" bit");
}

}  // namespace
}  // namespace tsr
