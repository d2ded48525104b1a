// SPDX-License-Identifier: Apache-2.0
#include "report_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "jobs/attribution.hpp"
#include "run_data.hpp"

namespace tsr::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uintmax_t kMaxBytes = 64U << 20;
constexpr std::uint64_t kMaxCount = 1ULL << 53;  // beyond it the page's numbers are not exact
constexpr std::size_t kMaxSide = 62, kMaxItems = 100'000;

/// A value of the JSON with its path, for messages.
class Value {
 public:
  Value(const Json& json, std::string file, std::string path)
      : json_(json), file_(std::move(file)), path_(std::move(path)) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}: {} {}", file_, path_.empty() ? "the JSON" : path_, what));
  }
  Value operator[](const std::string& key) const {
    if (!json_.is_object()) fail("must be an object");
    const auto found = json_.find(key);
    const std::string path = path_.empty() ? key : path_ + "." + key;
    if (found == json_.end()) throw InputError(fmt::format("{}: {} is missing", file_, path));
    return {*found, file_, path};
  }
  bool has(const std::string& key) const { return json_.contains(key); }
  /// The items of an array.
  std::vector<Value> items() const {
    if (!json_.is_array()) fail("must be an array");
    if (json_.size() > kMaxItems) fail(fmt::format("has more than {} items", kMaxItems));
    std::vector<Value> out;
    for (std::size_t i = 0; i < json_.size(); ++i) {
      out.emplace_back(json_[i], file_, fmt::format("{}[{}]", path_, i));
    }
    return out;
  }
  std::uint64_t count(std::uint64_t most = kMaxCount) const {
    if (!json_.is_number_integer() ||
        (!json_.is_number_unsigned() && json_.get<std::int64_t>() < 0)) {
      fail("must be a whole number that is not negative");
    }
    const auto value = json_.get<std::uint64_t>();
    if (value > most) fail(fmt::format("is {}, beyond {}", value, most));
    return value;
  }
  std::uint64_t positive(std::uint64_t most = kMaxCount) const {
    const auto value = count(most);
    if (value == 0) fail("must be more than 0");
    return value;
  }
  void number() const {
    if (!json_.is_number() || !std::isfinite(json_.get<double>()) || json_.get<double>() < 0) {
      fail("must be a finite number that is not negative");
    }
  }
  std::string text() const {
    if (!json_.is_string()) fail("must be a text");
    return json_.get<std::string>();
  }

 private:
  const Json& json_;
  std::string file_, path_;
};

/// What the parts of the data must agree on.
struct Plan {
  std::vector<std::string> rows;
  std::uint64_t window = 0;

  /// Check the coordinates of an item; `letter`: what must stand there, 0: anything.
  std::pair<std::size_t, std::size_t> place(const Value& item, char letter) const {
    const auto x = item["x"].count(), y = item["y"].count();
    if (y >= rows.size() || x >= rows[0].size()) item.fail("lies outside of the floor plan");
    if (letter != 0 && rows[y][x] != letter) {
      item.fail(fmt::format("is at a '{}' of the floor plan, not at a '{}'", rows[y][x], letter));
    }
    return {x, y};
  }
};

std::uint64_t span(const Value& value) {
  const auto from = value["from"].count(), to = value["to"].count();
  if (to < from) value.fail("ends before it begins");
  return to - from;
}

Plan check_chip(const Value& chip) {
  for (const char* key : {"name", "dram"}) chip[key].text();
  for (const char* key : {"clock_hz", "me_rows", "me_cols"}) chip[key].positive();
  for (const char* key : {"memory_mib", "spm_kib"}) chip[key].count();
  Plan plan;
  const auto floor_plan = chip["floor_plan"];
  for (const auto& row : floor_plan.items()) {
    plan.rows.push_back(row.text());
    if (plan.rows.back().size() != plan.rows.front().size())
      row.fail("is not as long as the first");
    if (plan.rows.back().find_first_not_of("CTM.") != std::string::npos) {
      row.fail("has a letter other than C, T, M and .");
    }
  }
  if (plan.rows.empty() || plan.rows.size() > kMaxSide || plan.rows[0].empty() ||
      plan.rows[0].size() > kMaxSide) {
    floor_plan.fail(fmt::format("must have 1 to {} rows and columns", kMaxSide));
  }
  return plan;
}

void check_engine(const Value& engine, std::uint64_t window) {
  std::uint64_t sum = 0;
  for (const char* cause :
       {"busy", "wait_semaphore", "starved", "blocked", "conflict", "config", "idle"}) {
    sum += engine[cause].count();
  }
  if (sum != window) {
    engine.fail(fmt::format("has causes of {} cycles in a window of {}", sum, window));
  }
  for (const char* key : {"commands", "operations", "context_rows"}) engine[key].count();
}

void check_tiles(const Value& tiles, const Plan& plan) {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (const auto& tile : tiles.items()) {
    if (!seen.insert(plan.place(tile, 'T')).second) tile.fail("is there twice");
    for (const char* key :
         {"elapsed", "instructions", "spm_conflict_cycles", "request_flits_sent",
          "request_flits_received", "response_flits_sent", "response_flits_received"}) {
      tile[key].count();
    }
    for (const char* name : kEngineNames) check_engine(tile["engines"][name], plan.window);
  }
}

void check_memories(const Value& memories, const Plan& plan) {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (const auto& memory : memories.items()) {
    if (!seen.insert(plan.place(memory, 'M')).second) memory.fail("is there twice");
    for (const char* key : {"bytes_read", "bytes_written", "row_hits", "row_misses", "activates",
                            "precharges", "turnarounds", "refreshes", "bus_busy", "elapsed"}) {
      memory[key].count();
    }
  }
}

void check_links(const Value& links, const Plan& plan) {
  static const std::set<std::string> kPorts = {"local", "north", "east", "south", "west"};
  for (const auto& link : links.items()) {
    const auto [x, y] = plan.place(link, 0);
    const auto port = link["port"].text();
    if (kPorts.count(port) == 0) link["port"].fail("names no port");
    if ((port == "north" && y == 0) || (port == "west" && x == 0) ||
        (port == "east" && x + 1 == plan.rows[0].size()) ||
        (port == "south" && y + 1 == plan.rows.size())) {
      link.fail("leads out of the floor plan");
    }
    for (const char* key : {"request", "response"}) link[key].count();
  }
}

void check_timeline(const Value& timeline, const Plan& plan) {
  timeline["file"].text();
  timeline["from"].count();
  for (const auto& command : timeline["commands"].items()) {
    plan.place(command, 0);
    span(command);
    command["name"].text();
    command["id"].count();
    const auto engine = command["engine"].text();
    if (std::find(kEngineNames.begin(), kEngineNames.end(), engine) == kEngineNames.end()) {
      command["engine"].fail("names no engine");
    }
  }
}

void check_report(const Value& report) {
  if (const auto schema = report["schema"].count(); schema != kReportSchema) {
    report["schema"].fail(
        fmt::format("is {}; this tessera reads {}. Run again, or use the tessera of the run",
                    schema, kReportSchema));
  }
  for (const char* key : {"version", "compiler"}) report[key].text();
  const auto command = report["command"];
  for (const auto& word : command.items()) word.text();
  Plan plan = check_chip(report["chip"]);
  const auto peak = report["peak"];
  peak["format"].text();
  for (const char* key : {"macs_per_cycle_tile", "memory_bytes_per_cycle_node",
                          "link_flits_per_cycle", "flit_bytes", "flit_data_bytes"}) {
    peak[key].positive(1U << 30);
  }
  span(report["measured"]);
  plan.window = span(report["window"]);
  for (const auto& stage : report["stages"].items()) {
    stage["name"].text();
    span(stage);
  }
  check_tiles(report["tiles"], plan);
  check_memories(report["memories"], plan);
  check_links(report["links"], plan);
  if (report.has("timeline")) check_timeline(report["timeline"], plan);
}

std::string read_text(const std::string& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_directory(file, error)) {
    throw InputError(fmt::format("{}: is a folder; name the file that --json wrote", file));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InputError(fmt::format("{}: cannot be read", file));
  std::string text;
  char block[65536];
  while (stream.read(block, sizeof(block)) || stream.gcount() != 0) {
    text.append(block, static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMaxBytes) {
      throw InputError(fmt::format("{}: has more than {} MiB: the JSON of a run is smaller", file,
                                   kMaxBytes >> 20));
    }
  }
  return text;
}

}  // namespace

Json load_run(const std::string& file) {
  const std::string text = read_text(file);
  Json run;
  try {
    run = Json::parse(text);
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: is no JSON: {}", file, error.what()));
  }
  const Value top(run, file, "");
  if (!run.is_object()) top.fail("must be an object, as --json writes it");
  if (!top.has("report") && top.has("error")) {
    throw InputError(fmt::format("{}: the run failed before it had measured anything: {}", file,
                                 run["error"].is_string() ? run["error"].get<std::string>() : ""));
  }
  if (!top.has("report")) {
    throw InputError(
        fmt::format("{}: has no key `report`. tessera run and tessera bench write it with --json "
                    "(bench noc and "
                    "hbm have no chip)",
                    file));
  }
  for (const char* key : {"seed", "threads", "total_cycles"}) top[key].count();
  for (const char* key : {"wall_seconds", "total_khz"}) top[key].number();
  check_report(top["report"]);
  return run;
}

}  // namespace tsr::tools
