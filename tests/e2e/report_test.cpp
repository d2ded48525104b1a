// SPDX-License-Identifier: Apache-2.0
/// `tessera report`: what it refuses, and the data that runs collect for it. tests/browser looks at
/// the page.
#include <fmt/format.h>

#include <limits>

#include "process.hpp"

namespace tsr::e2e {
namespace {

using Json = nlohmann::json;

/// The JSON of one small run, made once.
const Json& run_json() {
  static const Json json = [] {
    const auto outcome = tessera({"bench", "gemm", "--scope", "chip", "--m", "64", "--n", "64",
                                  "--k", "64", "--config", "t4", "--json", "-"});
    EXPECT_EQ(outcome.code, 0) << outcome;
    return outcome.code == 0 ? outcome.json() : Json();
  }();
  return json;
}

/// Refuses the text with exit code 2 and a message that holds `message`; no page is left.
void expect_refused(const std::string& text, const std::string& message) {
  const TempFolder folder;
  const auto file = folder.write("run.json", text);
  const auto outcome = tessera({"report", file, "-o", folder / "page.html"});
  EXPECT_EQ(outcome.code, 2) << outcome;
  EXPECT_TRUE(outcome.says(message)) << message << "\n" << outcome;
  EXPECT_TRUE(outcome.says(file)) << outcome;
  EXPECT_EQ(read_file(folder / "page.html"), "");
}

/// The same for the run's JSON with one value replaced.
void expect_refused_value(const std::string& pointer, const Json& value,
                          const std::string& message) {
  SCOPED_TRACE(pointer);
  Json json = run_json();
  json[Json::json_pointer(pointer)] = value;
  expect_refused(json.dump(), message);
}

TEST(EndToEndReport, MakesAPageOfARun) {
  const TempFolder folder;
  Json json = run_json();
  json["report"]["command"].push_back("</script><b>");  // no way out of the page's data
  const auto file = folder.write("run.json", json.dump());
  const auto outcome = tessera({"report", file, "-o", folder / "page.html"});
  EXPECT_EQ(outcome.code, 0) << outcome;
  const auto page = read_file(folder / "page.html");
  EXPECT_NE(page.find("\\u003c/script>\\u003cb>"), std::string::npos);
  EXPECT_EQ(page.find("</script><b>"), std::string::npos);
}

TEST(EndToEndReport, CountersAgreeWithEachOther) {
  const auto& report = run_json()["report"];
  std::uint64_t macs = 0, written = 0, leaving = 0;
  const auto window =
      report["window"]["to"].get<std::uint64_t>() - report["window"]["from"].get<std::uint64_t>();
  EXPECT_EQ(window, run_json()["cycles"].get<std::uint64_t>());
  EXPECT_LE(report["measured"]["from"], report["window"]["from"]);
  EXPECT_GE(report["measured"]["to"], report["window"]["to"]);
  for (const auto& tile : report["tiles"]) {
    macs += tile["engines"]["me"]["operations"].get<std::uint64_t>();
    for (const auto& link : report["links"]) {
      if (link["x"] != tile["x"] || link["y"] != tile["y"] || link["port"] != "local") continue;
      // The tile goes on counting: the reads of its counters.
      EXPECT_LE(link["response"], tile["response_flits_received"]);
      EXPECT_LE(link["request"], tile["request_flits_received"]);
      EXPECT_LT(tile["response_flits_received"].get<std::uint64_t>(),
                link["response"].get<std::uint64_t>() + 20);
    }
  }
  EXPECT_GE(macs, 64U * 64U * 64U);
  for (const auto& memory : report["memories"]) {
    written += memory["bytes_written"].get<std::uint64_t>();
    for (const auto& link : report["links"]) {
      if (link["x"] == memory["x"] && link["y"] == memory["y"] && link["port"] == "north") {
        leaving += link["response"].get<std::uint64_t>();
      }
    }
  }
  EXPECT_GE(written, 64U * 64U * 4U);
  EXPECT_GT(leaving, 64U * 64U * 2U * 2U / 64U);
}

TEST(EndToEndReport, RefusesWhatIsNoRun) {
  expect_refused("", "is no JSON");
  expect_refused("{\"report\": {\"schema\": NaN}}", "is no JSON");
  expect_refused("{\"total_cycles\": 1e999}", "is no JSON");
  expect_refused("{\"seed\": \"\xff\"}", "is no JSON");
  expect_refused("[1, 2]", "must be an object");
  expect_refused("{\"cycles\": 12}", "has no key `report`");
  expect_refused(R"({"error": "tile (0, 1): trap", "exit_code": 3})",
                 "the run failed before it had measured anything: tile (0, 1): trap");
  expect_refused(std::string((64U << 20) + 1, ' '), "has more than 64 MiB");
  const auto missing = tessera({"report", "no_such_run.json"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_TRUE(missing.says("no_such_run.json: cannot be read")) << missing;
  const auto folder = tessera({"report", "."});
  EXPECT_EQ(folder.code, 2);
  EXPECT_TRUE(folder.says("is a folder")) << folder;
}

TEST(EndToEndReport, NamesTheValueThatIsWrong) {
  expect_refused_value("/report/schema", 2, "report.schema is 2; this tessera reads 1");
  expect_refused_value("/report/chip", nullptr, "report.chip must be an object");
  expect_refused_value("/report/chip/floor_plan", Json::array(), "must have 1 to 62 rows");
  expect_refused_value("/report/chip/floor_plan/0", "Q...", "report.chip.floor_plan[0] ");
  expect_refused_value("/report/chip/clock_hz", 0, "report.chip.clock_hz must be more than 0");
  expect_refused_value("/report/tiles/0/x", 99, "report.tiles[0] lies outside of the floor plan");
  expect_refused_value("/report/tiles/1", run_json()["report"]["tiles"][0], "is there twice");
  expect_refused_value("/report/tiles/0/engines/me/busy", -1,
                       "report.tiles[0].engines.me.busy must be a whole number");
  expect_refused_value("/report/tiles/0/engines/me/busy", 1.5,
                       "report.tiles[0].engines.me.busy must be a whole number");
  expect_refused_value("/report/tiles/0/engines/me/busy", 1, "has causes of ");
  expect_refused_value("/report/memories/0/bytes_read", std::numeric_limits<std::uint64_t>::max(),
                       "report.memories[0].bytes_read is 18446744073709551615, beyond ");
  expect_refused_value("/report/links/0/port", "up", "report.links[0].port names no port");
  expect_refused_value("/report/measured", {{"from", 2}, {"to", 1}}, "ends before it begins");
  expect_refused_value("/wall_seconds", "fast", "wall_seconds must be a finite number");
  Json json = run_json();
  json["report"]["tiles"][0].erase("instructions");
  expect_refused(json.dump(), "report.tiles[0].instructions is missing");
}

TEST(EndToEndReport, RefusesAPageThatCannotBeWritten) {
  const TempFolder folder;
  const auto file = folder.write("run.json", run_json().dump());
  const auto outcome = tessera({"report", file, "-o", folder / "no/such/page.html"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(outcome.says("page.html: cannot be written")) << outcome;
}

}  // namespace
}  // namespace tsr::e2e
