// SPDX-License-Identifier: Apache-2.0
#include "run_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "rtl/node_model.hpp"

namespace tsr {
namespace {

constexpr std::size_t kKeptOfANode = 120;  // commands
constexpr unsigned kChannels = 2;          // of a memory node
constexpr unsigned kNetworkPid = 1000;
constexpr unsigned kMemoryPid = 500;  // + index
constexpr unsigned kDmaPid = 2000;    // + that of the node
constexpr std::array<const char*, kPorts> kPortNames = {"to its node", "north", "east", "south",
                                                        "west"};

/// Of a process among the others; behind each there is room for one more.
unsigned place_of(unsigned pid) { return 2 * pid; }

}  // namespace

RunTimeline::RunTimeline(const Config& config, TimelineOptions options, Sources sources)
    : config_(config),
      straps_(config.straps()),
      options_(std::move(options)),
      sources_(std::move(sources)),
      writer_(options_.file),
      nodes_(config.nodes.size()),
      counted_(options_.window.from / options_.interval * options_.interval) {
  add_nodes();
  add_memories();
  add_links();
}

RunTimeline::~RunTimeline() = default;

void RunTimeline::name_process(unsigned pid, const std::string& name) {
  writer_.event(trace_name(pid, 0, "process", name));
  writer_.event(trace_place(pid, 0, "process", place_of(pid)));
}

void RunTimeline::add_counter(unsigned pid, const std::string& name,
                              std::vector<std::string> series,
                              std::vector<std::function<std::uint64_t()>> read) {
  const std::vector<std::uint64_t> zero(read.size());
  counters_.push_back({pid, name, std::move(series), std::move(read), zero, zero});
}

void RunTimeline::add_nodes() {
  for (std::size_t i = 0; i < config_.nodes.size(); ++i) {
    const NodeKind kind = config_.nodes[i];
    if (kind != NodeKind::Tile && kind != NodeKind::Ctl) continue;
    const auto width = static_cast<std::size_t>(config_.mesh_w);
    const auto pid = static_cast<unsigned>(i + 1);
    const auto name = fmt::format("{} ({}, {})", to_string(kind), i % width, i / width);
    nodes_[i] = std::make_unique<NodeTimeline>(
        pid, options_.window,
        DmaTrackSetup{options_.dma, kDmaPid + pid, place_of(pid) + 1, name + " DMA", &straps_});
    name_process(pid, name);
    writer_.event(trace_name(pid, kCoreTrack, "thread", "core"));
    writer_.event(trace_name(pid, kMarkerTrack, "thread", "markers"));
    auto* node = nodes_[i].get();
    add_counter(pid, "DMA bytes", {"read", "written"},
                {[node] { return node->bytes_read(); }, [node] { return node->bytes_written(); }});
  }
}

void RunTimeline::add_memories() {
  for (std::size_t i = 0; i < config_.memories.size(); ++i) {
    const auto pid = static_cast<unsigned>(kMemoryPid + i);
    name_process(pid, fmt::format("memory ({}, {})", config_.memories[i].x, config_.memories[i].y));
    for (unsigned channel = 0; channel < kChannels; ++channel) {
      add_counter(pid, fmt::format("channel {} bytes", channel), {"read", "written"},
                  {[this, i, channel] { return sources_.bytes(i, channel, 0); },
                   [this, i, channel] { return sources_.bytes(i, channel, 1); }});
    }
  }
}

void RunTimeline::add_links() {
  name_process(kNetworkPid, "network");
  const auto width = static_cast<std::size_t>(config_.mesh_w);
  for (std::size_t node = 0; node < config_.nodes.size(); ++node) {
    for (unsigned port = 0; port < kPorts; ++port) {
      add_counter(kNetworkPid,
                  fmt::format("({}, {}) {} flits", node % width, node / width, kPortNames[port]),
                  {"request", "response"},
                  {[this, node, port] { return sources_.flits(node, port); },
                   [this, node, port] { return sources_.flits(node, kPorts + port); }});
    }
  }
}

void RunTimeline::set_programs(const ElfImage& tile, const ElfImage& ctl) {
  tile_program_ = ProgramMap(tile);
  ctl_program_ = ProgramMap(ctl);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    nodes_[i]->set_program(config_.nodes[i] == NodeKind::Ctl ? &ctl_program_ : &tile_program_);
  }
}

/// Write an event, unless there are too many.
void RunTimeline::write(std::uint64_t cycle, const std::string& event) {
  if (writer_.events() < options_.max_events) {
    writer_.event(event);
  } else {
    cut_at_ = std::min(cut_at_, cycle);
  }
}

void RunTimeline::settle(std::uint64_t cycle) {
  for (auto& node : nodes_) {
    if (node) node->settle(cycle);
  }
}

/// What the nodes collected, by cycle, within a cycle by node.
void RunTimeline::merge() {
  struct Entry {
    std::uint64_t cycle;
    std::size_t node, index;
  };
  std::vector<Entry> order;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    const auto& events = nodes_[i]->events();
    for (std::size_t k = 0; k < events.size(); ++k) order.push_back({events[k].cycle, i, k});
  }
  const auto key = [](const Entry& e) { return std::tie(e.cycle, e.node, e.index); };
  std::sort(order.begin(), order.end(),
            [&](const Entry& a, const Entry& b) { return key(a) < key(b); });
  for (const auto& entry : order) {
    write(entry.cycle, nodes_[entry.node]->events()[entry.index].json);
  }
  for (auto& node : nodes_) {
    if (node) node->events().clear();
  }
}

void RunTimeline::write_counter(Counter& counter, std::uint64_t cycle,
                                const std::vector<std::uint64_t>& values) {
  if (values == counter.shown) return;
  std::string args;
  for (std::size_t i = 0; i < values.size(); ++i) {
    args += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", counter.series[i], values[i]);
  }
  write(cycle, fmt::format("{{\"ph\":\"C\",\"pid\":{},\"tid\":0,\"ts\":{},\"name\":\"{}\","
                           "\"args\":{{{}}}}}",
                           counter.pid, trace_time(cycle), counter.name, args));
  counter.shown = values;
}

/// Counters of the interval that `cycle` ends. If it is longer than one, nothing happened in the
/// rest: the chip slept.
void RunTimeline::count(std::uint64_t cycle) {
  const bool inside = counted_ >= options_.window.from / options_.interval * options_.interval &&
                      counted_ <= options_.window.to;
  const bool slept = cycle - counted_ > options_.interval;
  for (auto& counter : counters_) {
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < counter.read.size(); ++i) {
      const auto now = counter.read[i]();
      values.push_back(now - counter.last[i]);
      counter.last[i] = now;
    }
    if (!inside) continue;
    write_counter(counter, counted_, values);
    if (slept)
      write_counter(counter, counted_ + options_.interval,
                    std::vector<std::uint64_t>(values.size()));
  }
}

void RunTimeline::tick(std::uint64_t cycle) {
  if (finished_) return;
  settle(cycle);
  if (cycle <= counted_) {
    // Before the window only the counters' origins matter.
    for (auto& counter : counters_) {
      for (std::size_t i = 0; i < counter.read.size(); ++i) counter.last[i] = counter.read[i]();
    }
    return;
  }
  if (cycle > options_.window.to) return finish(cycle);
  merge();
  count(cycle);
  counted_ = cycle / options_.interval * options_.interval;
  if (cut_at_ != ~0ULL) finish(cycle);
}

void RunTimeline::finish(std::uint64_t cycle) {
  if (finished_) return;
  finished_ = true;
  const std::uint64_t end = std::min(cycle, options_.window.to);
  for (auto& node : nodes_) {
    if (node) node->finish(std::max(end, options_.window.from));
  }
  merge();
  for (auto& node : nodes_) {
    if (node) node->stop();
  }
  if (cycle > counted_) count(cycle);
  const std::string cut = cut_at_ == ~0ULL ? "null" : std::to_string(cut_at_);
  writer_.close(
      fmt::format("{{\"chip\": \"{}\", \"clock_mhz\": 800, \"from\": {}, \"to\": {}, "
                  "\"counter_interval\": {}, \"cut_at\": {}}}",
                  trace_text(config_.name), options_.window.from, end, options_.interval, cut));
}

void RunTimeline::keep_commands(std::uint64_t cycle) {
  for (auto& node : nodes_) {
    if (node) node->keep_commands(cycle, kKeptOfANode);
  }
}

std::vector<NodeCommand> RunTimeline::commands() const {
  std::vector<NodeCommand> all;
  const auto width = static_cast<std::size_t>(config_.mesh_w);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) continue;
    const Node node{static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)};
    for (const auto& command : nodes_[i]->commands()) all.push_back({node, command});
  }
  const auto key = [](const NodeCommand& c) {
    return std::make_tuple(c.command.begin, c.node.y, c.node.x, c.command.engine, c.command.id);
  };
  std::sort(all.begin(), all.end(),
            [&](const NodeCommand& a, const NodeCommand& b) { return key(a) < key(b); });
  return all;
}

}  // namespace tsr
