// SPDX-License-Identifier: Apache-2.0
#include "attribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tsr::tools {

const std::array<const char*, kEngines> kEngineNames = {"rdma", "wdma", "me", "ve", "tdma"};

namespace {

std::uint64_t not_idle(const EngineCounters& e) {
  return e.busy + e.wait_semaphore + e.starved + e.blocked + e.conflict + e.config;
}

void add(EngineCounters& sum, const EngineCounters& e) {
  sum.busy += e.busy;
  sum.wait_semaphore += e.wait_semaphore;
  sum.starved += e.starved;
  sum.blocked += e.blocked;
  sum.conflict += e.conflict;
  sum.config += e.config;
  sum.idle += e.idle;
  sum.commands += e.commands;
  sum.operations += e.operations;
  sum.context_rows += e.context_rows;
}

}  // namespace

EngineCounters inside_window(EngineCounters engine, std::uint64_t window) {
  const std::uint64_t used = not_idle(engine);
  std::uint64_t before = used > window ? used - window : 0;
  for (std::uint64_t* cause : {&engine.wait_semaphore, &engine.config}) {
    const std::uint64_t part = std::min(before, *cause);
    *cause -= part;
    before -= part;
  }
  if (before != 0) {
    throw Error(ExitCode::JobFailed,
                fmt::format("the tile's counters are wrong: {} cycles of work in a window of {}",
                            window + before, window));
  }
  engine.idle = window - not_idle(engine);
  return engine;
}

nlohmann::ordered_json engine_json(const EngineCounters& engine) {
  return {{"busy", engine.busy},
          {"wait_semaphore", engine.wait_semaphore},
          {"starved", engine.starved},
          {"blocked", engine.blocked},
          {"conflict", engine.conflict},
          {"config", engine.config},
          {"idle", engine.idle},
          {"commands", engine.commands},
          {"operations", engine.operations},
          {"context_rows", engine.context_rows}};
}

Attribution read_attribution(Platform& chip, const std::vector<Node>& tiles) {
  std::vector<TileCounters> counters;
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t last = 0;
  for (const Node tile : tiles) {
    const auto& c = counters.emplace_back(chip.tile_counters(tile));
    if (c.last_command <= c.first_command) continue;  // no commands
    first = std::min(first, c.first_command);
    last = std::max(last, c.last_command);
  }
  Attribution out;
  out.window = last > first ? last - first : 0;
  out.tiles = tiles.size();
  for (const auto& c : counters) {
    const std::array<const EngineCounters*, kEngines> engines = {&c.rdma, &c.wdma, &c.me, &c.ve,
                                                                 &c.tdma};
    for (std::size_t i = 0; i < kEngines; ++i) {
      add(out.engine[i], inside_window(*engines[i], out.window));
      out.loading[i] += engines[i]->config;
    }
  }
  return out;
}

nlohmann::ordered_json Attribution::json() const {
  nlohmann::ordered_json json;
  json["window"] = window;
  json["tiles"] = tiles;
  for (std::size_t i = 0; i < kEngines; ++i) json[kEngineNames[i]] = engine_json(engine[i]);
  return json;
}

void Attribution::print(Session& session) const {
  session.line(fmt::format("\n{:<6}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}", "cycles",
                           "busy", "wait", "starved", "blocked", "conflict", "config", "idle",
                           "commands"));
  for (std::size_t i = 0; i < kEngines; ++i) {
    const auto& e = engine[i];
    if (e.commands == 0) continue;
    session.line(fmt::format("{:<6}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
                             kEngineNames[i], e.busy, e.wait_semaphore, e.starved, e.blocked,
                             e.conflict, e.config, e.idle, e.commands));
  }
  if (tiles > 1) session.line(fmt::format("sums of {} tiles over {} cycles each", tiles, window));
}

}  // namespace tsr::tools
