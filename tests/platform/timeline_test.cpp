// SPDX-License-Identifier: Apache-2.0
/// Timelines from sequences of events made by hand.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "error.hpp"
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
      if (json["ph"] != "X" || json["tid"] != track) continue;
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
    if (json["name"] == "gemm") more.push_back(json["args"].dump());
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
