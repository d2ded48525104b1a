// SPDX-License-Identifier: Apache-2.0
#include "attribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tsr::tools {
namespace {

constexpr std::array<const char*, kEngines> kNames = {"rdma", "wdma", "me", "ve", "tdma"};

std::uint64_t not_idle(const EngineCounters& e) {
  return e.busy + e.wait_semaphore + e.starved + e.blocked + e.conflict + e.config;
}

/// Restrict an engine's counters to a window. Commands may wait for semaphores before the first one
/// is offered to an engine: what does not fit the window was before it.
EngineCounters inside(EngineCounters e, std::uint64_t window) {
  const std::uint64_t used = not_idle(e);
  std::uint64_t before = used > window ? used - window : 0;
  for (std::uint64_t* cause : {&e.wait_semaphore, &e.config}) {
    const std::uint64_t part = std::min(before, *cause);
    *cause -= part;
    before -= part;
  }
  if (before != 0) {
    throw Error(ExitCode::JobFailed,
                fmt::format("the tile's counters are wrong: {} cycles of work in a window of {}",
                            window + before, window));
  }
  e.idle = window - not_idle(e);
  return e;
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
      add(out.engine[i], inside(*engines[i], out.window));
      out.loading[i] += engines[i]->config;
    }
  }
  return out;
}

nlohmann::ordered_json Attribution::json() const {
  nlohmann::ordered_json json;
  json["window"] = window;
  json["tiles"] = tiles;
  for (std::size_t i = 0; i < kEngines; ++i) {
    const auto& e = engine[i];
    json[kNames[i]] = {{"busy", e.busy},
                       {"wait_semaphore", e.wait_semaphore},
                       {"starved", e.starved},
                       {"blocked", e.blocked},
                       {"conflict", e.conflict},
                       {"config", e.config},
                       {"idle", e.idle},
                       {"commands", e.commands},
                       {"operations", e.operations},
                       {"context_rows", e.context_rows}};
  }
  return json;
}

void Attribution::print(Session& session) const {
  session.line(fmt::format("\n{:<6}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}", "cycles",
                           "busy", "wait", "starved", "blocked", "conflict", "config", "idle",
                           "commands"));
  for (std::size_t i = 0; i < kEngines; ++i) {
    const auto& e = engine[i];
    if (e.commands == 0) continue;
    session.line(fmt::format("{:<6}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}", kNames[i],
                             e.busy, e.wait_semaphore, e.starved, e.blocked, e.conflict, e.config,
                             e.idle, e.commands));
  }
  if (tiles > 1) session.line(fmt::format("sums of {} tiles over {} cycles each", tiles, window));
}

}  // namespace tsr::tools
