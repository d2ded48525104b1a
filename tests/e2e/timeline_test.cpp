// SPDX-License-Identifier: Apache-2.0
/// `--timeline`: the same file for any number of threads, windows, failing runs, wrong options.
/// tests/browser opens timelines in viewers; tests/platform makes them from events by hand.
#include <map>

#include "process.hpp"

namespace tsr::e2e {
namespace {

using Json = nlohmann::json;

std::vector<std::string> run_of(const std::string& program, const std::string& file,
                                std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"run", app(program), "--config", "t4", "--timeline", file};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(EndToEndTimeline, IsTheSameForAnyNumberOfThreadsAndChangesNothing) {
  const TempFolder folder;
  const auto one = tessera(run_of("marks", folder / "1", {"--json", "-"}));
  const auto two = tessera(run_of("marks", folder / "2", {"--json", "-", "-j", "2"}));
  const auto none = tessera({"run", app("marks"), "--config", "t4", "--json", "-"});
  ASSERT_EQ(one.code, 0) << one;
  ASSERT_EQ(two.code, 0) << two;
  ASSERT_EQ(none.code, 0) << none;
  EXPECT_EQ(one.json()["cycles"], none.json()["cycles"]);
  EXPECT_EQ(one.json()["total_cycles"], none.json()["total_cycles"]);
  const auto text = read_file(folder / "1");
  EXPECT_TRUE(text == read_file(folder / "2"));
  EXPECT_GT(Json::parse(text)["traceEvents"].size(), 1000U);
  const auto commands = one.json()["report"]["timeline"]["commands"];
  std::size_t reads = 0;
  for (const auto& command : commands) {
    if (command["y"] == 0) continue;  // ctl has commands of its own: to launch
    EXPECT_EQ(command["name"], "read");
    reads += command["engine"] == "rdma";
    EXPECT_LT(command["from"], command["to"]);
  }
  EXPECT_EQ(reads, 4U * 3U) << "three in each of four tiles";
}

TEST(EndToEndTimeline, HoldsItsWindowOnly) {
  const TempFolder folder;
  const auto outcome = tessera(
      run_of("marks", folder / "t", {"--timeline-from", "200000", "--timeline-to", "210000"}));
  ASSERT_EQ(outcome.code, 0) << outcome;
  const auto json = Json::parse(read_file(folder / "t"));
  EXPECT_EQ(json["otherData"]["to"], 210'000);
  std::size_t slices = 0;
  for (const auto& event : json["traceEvents"]) {
    if (event["ph"] != "X" && event["ph"] != "E") continue;
    ++slices;
    const auto from = event["args"]["cycle"].get<std::uint64_t>();
    EXPECT_GE(from, 200'000U);
    EXPECT_LE(from + event["args"]["cycles"].get<std::uint64_t>(), 210'000U);
  }
  EXPECT_GT(slices, 0U);
}

TEST(EndToEndTimeline, IsWholeWhenTheRunFails) {
  const TempFolder folder;
  const auto trap = tessera(run_of("fault_trap", folder / "trap"));
  EXPECT_EQ(trap.code, 3) << trap;
  EXPECT_TRUE(Json::accept(read_file(folder / "trap")));
  const auto limit = tessera(run_of("marks", folder / "limit", {"--max-cycles", "50000"}));
  EXPECT_EQ(limit.code, 4) << limit;
  const auto json = Json::parse(read_file(folder / "limit"));
  bool unfinished = false;
  for (const auto& event : json["traceEvents"]) {
    unfinished |= event.contains("args") && event["args"].contains("unfinished");
  }
  EXPECT_TRUE(unfinished);
}

TEST(EndToEndTimeline, EndsAtItsLimitAndSaysSo) {
  const TempFolder folder;
  const auto outcome = tessera(run_of("marks", folder / "t", {"--timeline-events", "2000"}));
  ASSERT_EQ(outcome.code, 0) << outcome;
  EXPECT_TRUE(outcome.says("the timeline ends in cycle")) << outcome;
  EXPECT_LE(Json::parse(read_file(folder / "t"))["traceEvents"].size(), 2000U);
}

TEST(EndToEndTimeline, TransactionsCanBeLeftOut) {
  const TempFolder folder;
  const auto count = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"--tlm"};
    words.insert(words.end(), more.begin(), more.end());
    const auto outcome = tessera(run_of("marks", folder / "t", words));
    EXPECT_EQ(outcome.code, 0) << outcome;
    std::map<std::string, std::size_t> events;
    const auto json = Json::parse(read_file(folder / "t"));
    for (const auto& event : json["traceEvents"]) ++events[event["ph"]];
    return events;
  };
  auto all = count({}), fewer = count({"--no-timeline-dma"});
  EXPECT_GE(all["X"], 4U * 3U * 2048U / 256U) << "three reads of 2048 bytes in each of four tiles";
  EXPECT_EQ(fewer["X"], 0U);
  EXPECT_EQ(all["E"], fewer["E"]);
  EXPECT_EQ(all["B"], all["E"]);
  EXPECT_EQ(all["C"], fewer["C"]);
}

TEST(EndToEndTimeline, WrongOptionsAreRefused) {
  const TempFolder folder;
  const auto unwritable = tessera(run_of("marks", "/no/such/folder/t.json"));
  EXPECT_EQ(unwritable.code, 2);
  EXPECT_TRUE(unwritable.says("/no/such/folder/t.json: cannot be written")) << unwritable;
  const auto behind =
      tessera(run_of("marks", folder / "t", {"--timeline-from", "9", "--timeline-to", "3"}));
  EXPECT_EQ(behind.code, 2);
  EXPECT_TRUE(behind.says("--timeline-from is behind --timeline-to")) << behind;
  const auto lonely = tessera({"run", app("marks"), "--timeline-to", "3"});
  EXPECT_EQ(lonely.code, 2);
  EXPECT_TRUE(lonely.says("need --timeline FILE")) << lonely;
}

}  // namespace
}  // namespace tsr::e2e
