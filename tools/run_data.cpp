// SPDX-License-Identifier: Apache-2.0
#include "run_data.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "jobs/attribution.hpp"

namespace tsr::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kClockHz = 800'000'000;
constexpr unsigned kFlitDataBytes = 64, kFlitBytes = 96;
constexpr unsigned kMemoryBytesPerCycle = 64;  // of one memory node
constexpr std::array<const char*, kNumDirs> kPortNames = {"local", "north", "east", "south",
                                                          "west"};

std::vector<std::string>& words() {
  static std::vector<std::string> list;
  return list;
}

/// The counters of a tile. Those of the engines are all zero, and not read, without a command.
TileCounters read_tile(Platform& chip, Node tile) {
  using Counter = Platform::TileCounter;
  if (chip.tile_counter(tile, Counter::LastCommand) >
      chip.tile_counter(tile, Counter::FirstCommand)) {
    return chip.tile_counters(tile);
  }
  TileCounters counters;
  counters.elapsed = chip.tile_counter(tile, Counter::Elapsed);
  counters.instructions = chip.tile_counter(tile, Counter::Instructions);
  counters.request_flits_sent = chip.tile_counter(tile, Counter::RequestFlitsSent);
  counters.request_flits_received = chip.tile_counter(tile, Counter::RequestFlitsReceived);
  counters.response_flits_sent = chip.tile_counter(tile, Counter::ResponseFlitsSent);
  counters.response_flits_received = chip.tile_counter(tile, Counter::ResponseFlitsReceived);
  return counters;
}

std::array<const EngineCounters*, kEngines> engines_of(const TileCounters& tile) {
  return {&tile.rdma, &tile.wdma, &tile.me, &tile.ve, &tile.tdma};
}

/// From the first engine command of any tile to the end of the last one; without commands, or when
/// the engines were at work before it (the counters were not cleared), from the clear on.
struct Window {
  std::uint64_t from = 0, to = 0;
  std::uint64_t cycles() const { return to - from; }
};

Window window_of(const std::vector<TileCounters>& tiles, std::uint64_t cleared, std::uint64_t now) {
  Window window{std::numeric_limits<std::uint64_t>::max(), 0};
  for (const auto& tile : tiles) {
    if (tile.last_command <= tile.first_command) continue;
    window.from = std::min(window.from, tile.first_command);
    window.to = std::max(window.to, tile.last_command);
  }
  if (window.from >= window.to) return {cleared, now};
  for (const auto& tile : tiles) {
    for (const auto* e : engines_of(tile)) {
      if (e->busy + e->starved + e->blocked + e->conflict > window.cycles()) return {cleared, now};
    }
  }
  return window;
}

Json tile_json(Node node, const TileCounters& tile, const Window& window) {
  Json engines;
  const auto all = engines_of(tile);
  for (std::size_t i = 0; i < kEngines; ++i) {
    engines[kEngineNames[i]] = engine_json(inside_window(*all[i], window.cycles()));
  }
  return {{"x", node.x},
          {"y", node.y},
          {"elapsed", tile.elapsed},
          {"instructions", tile.instructions},
          {"spm_conflict_cycles", tile.spm_conflict_cycles},
          {"request_flits_sent", tile.request_flits_sent},
          {"request_flits_received", tile.request_flits_received},
          {"response_flits_sent", tile.response_flits_sent},
          {"response_flits_received", tile.response_flits_received},
          {"engines", std::move(engines)}};
}

Json memory_json(Platform& chip, Node node) {
  const auto m = chip.memory_counters(node);
  return {{"x", node.x},
          {"y", node.y},
          {"bytes_read", m.bytes_read},
          {"bytes_written", m.bytes_written},
          {"row_hits", m.row_hits},
          {"row_misses", m.row_misses},
          {"activates", m.activates},
          {"precharges", m.precharges},
          {"turnarounds", m.turnarounds},
          {"refreshes", m.refreshes},
          {"bus_busy", m.bus_busy},
          {"elapsed", m.elapsed}};
}

/// Every link of a router that leads to a neighbour or to its endpoint.
Json links_json(const Platform& chip) {
  const auto& config = chip.config();
  const auto width = static_cast<unsigned>(config.mesh_w);
  const auto height = static_cast<unsigned>(config.mesh_h);
  Json links = Json::array();
  for (unsigned y = 0; y < height; ++y) {
    for (unsigned x = 0; x < width; ++x) {
      const std::array<bool, kNumDirs> there = {true, y > 0, x + 1 < width, y + 1 < height, x > 0};
      const auto counters = chip.link_counters({x, y});
      for (unsigned port = 0; port < kNumDirs; ++port) {
        if (!there[port]) continue;
        links.push_back({{"x", x},
                         {"y", y},
                         {"port", kPortNames[port]},
                         {"request", counters.request[port]},
                         {"response", counters.response[port]}});
      }
    }
  }
  return links;
}

}  // namespace

void set_command_line(int argc, char** argv) { words().assign(argv, argv + argc); }
const std::vector<std::string>& command_line() { return words(); }

Json read_run_data(Platform& chip) {
  const std::uint64_t cleared = chip.counters_cleared(), now = chip.cycle();
  Json data;
  data["measured"] = {{"from", cleared}, {"to", now}};
  // What still counts while the host reads comes first.
  data["links"] = links_json(chip);
  data["memories"] = Json::array();
  for (const Node memory : chip.config().memories) {
    data["memories"].push_back(memory_json(chip, memory));
  }
  std::vector<TileCounters> tiles;
  for (const Node tile : chip.config().tiles) tiles.push_back(read_tile(chip, tile));
  const Window window = window_of(tiles, cleared, now);
  data["window"] = {{"from", window.from}, {"to", window.to}};
  data["tiles"] = Json::array();
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    data["tiles"].push_back(tile_json(chip.config().tiles[i], tiles[i], window));
  }
  return data;
}

Json timeline_json(Platform& chip) {
  const RunTimeline& timeline = *chip.timeline();
  Json commands = Json::array();
  for (const auto& [node, command] : timeline.commands()) {
    commands.push_back({{"x", node.x},
                        {"y", node.y},
                        {"engine", kEngineNames[static_cast<std::size_t>(command.engine)]},
                        {"name", command.name},
                        {"id", command.id},
                        {"from", command.begin},
                        {"to", command.end}});
  }
  return {{"file", timeline.options().file},
          {"from", std::max(chip.counters_cleared(), timeline.options().window.from)},
          {"commands", std::move(commands)}};
}

Json chip_json(const Config& config) {
  Json rows = Json::array();
  for (int y = 0; y < config.mesh_h; ++y) {
    std::string row;
    for (int x = 0; x < config.mesh_w; ++x) {
      row += static_cast<char>(config.kind({static_cast<unsigned>(x), static_cast<unsigned>(y)}));
    }
    rows.push_back(row);
  }
  return {{"name", config.name},           {"clock_hz", kClockHz},
          {"floor_plan", std::move(rows)}, {"memory_mib", config.memory_mib},
          {"dram", config.dram},           {"spm_kib", config.spm_kib},
          {"me_rows", config.me_rows},     {"me_cols", config.me_cols}};
}

Json peak_json(const std::string& format, std::uint64_t macs) {
  return {{"format", format},
          {"macs_per_cycle_tile", macs},
          {"memory_bytes_per_cycle_node", kMemoryBytesPerCycle},
          {"link_flits_per_cycle", 1},
          {"flit_bytes", kFlitBytes},
          {"flit_data_bytes", kFlitDataBytes}};
}

}  // namespace tsr::tools
