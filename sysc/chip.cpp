// SPDX-License-Identifier: Apache-2.0
#include "chip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dram/dram_channel.hpp"
#include "dram/dram_device.hpp"
#include "error.hpp"
#include "rtl/node_model.hpp"
#include "rtl/sim_context.hpp"

namespace tsr {
namespace {

constexpr std::uint64_t kQuantum = 4096;  // cycles per SystemC activation, at most

/// Relative cost of a node's models while awake.
unsigned weight(NodeKind kind) {
  switch (kind) {
    case NodeKind::Tile:
      return Kernel::kHeavyWeight;
    case NodeKind::Memory:
      return 4;
    case NodeKind::Ctl:
      return 2;
    default:
      return 1;
  }
}

sc_core::sc_time cycles_to_time(std::uint64_t cycles) {
  return sc_core::sc_time(static_cast<double>(cycles) * 1e9 / Chip::kClockHz, sc_core::SC_NS);
}

}  // namespace

Chip::Chip(sc_core::sc_module_name name, const Config& config, ChipOptions options)
    : sc_module(name), config_(config), options_(std::move(options)), straps_(config.straps()) {
  build();
  SC_HAS_PROCESS(Chip);
  SC_METHOD(run_cycles);
  sensitive << resume_;
  dont_initialize();
}

Chip::~Chip() = default;

ChipFuses Chip::fuses() const {
  const auto bit = [](Node node) { return 1ULL << (node.y * 8 + node.x); };
  ChipFuses fuses;
  for (std::size_t i = 0; i < config_.nodes.size(); ++i) {
    const auto width = static_cast<std::size_t>(config_.mesh_w);
    if (config_.nodes[i] != NodeKind::Tile) continue;
    fuses.tiles |= bit({static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)});
  }
  for (const Node tile : options_.faults.dead_tiles) fuses.dead_tiles |= bit(tile);
  for (const auto& link : options_.faults.dead_links) {
    (link.port == Dir::kEast ? fuses.dead_east : fuses.dead_south) |= bit(link.node);
  }
  fuses.debug_open = options_.debug_open;
  return fuses;
}

void Chip::break_links() {
  const auto kill = [this](const MeshLink& link, std::uint64_t cycle) {
    kernel_->kill_link(config_.index(link.node), static_cast<unsigned>(link.port), cycle);
  };
  for (const auto& link : options_.faults.dead_links) kill(link, 0);
  for (const auto& death : options_.faults.deaths) kill(death.link, death.cycle);
}

void Chip::build() {
  context_ = std::make_unique<SimContext>(options_.seed, !options_.trace.file.empty());
  uart_ = std::make_unique<UartTerminal>(static_cast<unsigned>(config_.uart_cycles_per_bit),
                                         options_.uart);
  const std::string profile = dram_profile_file(config_);
  std::vector<MeshNode> nodes;
  std::size_t ctl = 0;
  const ChipFuses fuse_map = fuses();
  for (std::size_t i = 0; i < config_.nodes.size(); ++i) {
    const auto width = static_cast<std::size_t>(config_.mesh_w);
    const Node here{static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)};
    const NodeKind kind = config_.nodes[i];
    const auto straps = [&](const char* what) {
      return NodeStraps{context_.get(),
                        fmt::format("{}.{}_{}_{}", config_.name, what, here.x, here.y), here,
                        &straps_};
    };
    MeshNode node;
    node.weight = weight(kind);
    node.router = make_router(straps("router"));
    switch (kind) {
      case NodeKind::Ctl:
        ctl = i;
        node.main_thread = true;
        node.endpoint = make_ctl(straps("ctl"), fuse_map, host_port_, *uart_);
        break;
      case NodeKind::Tile:
        // A dead tile is switched off; its node answers as one without a tile.
        node.endpoint = (fuse_map.dead_tiles >> (here.y * 8 + here.x) & 1U) != 0
                            ? make_bare(straps("dead_tile"))
                            : make_tile(straps("tile"));
        break;
      case NodeKind::Memory:
        drams_.push_back(std::make_unique<DramChannel>(
            profile, fmt::format("memory node ({}, {})", here.x, here.y),
            [this] { request_stop(); }));
        node.endpoint = make_memory(straps("mem"), *drams_.back());
        break;
      case NodeKind::Bare:
        node.endpoint = make_bare(straps("bare"));
        break;
    }
    nodes.push_back(std::move(node));
  }
  add_dram_errors();
  kernel_ = std::make_unique<Kernel>(config_.mesh_w, config_.mesh_h, std::move(nodes),
                                     options_.threads, context_.get(), options_.trace);
  break_links();
  host_port_.on_interrupt = [this](bool level) {
    interrupt_ = level;
    if (level) request_stop();
  };
  host_port_.on_watchdog = [this] {
    watchdog_ = true;
    request_stop();
  };
  host_target_ = std::make_unique<HostTarget>(
      "host_target", host_port_,
      HostTarget::Control{[this] { advance(kQuantum); }, [this] { request_stop(); },
                          [this, ctl] { kernel_->wake_endpoint(ctl); }});
}

void Chip::reset() { kernel_->reset(); }

void Chip::request_stop() {
  stop_requested_ = true;
  kernel_->request_stop();
}

void Chip::run_cycles() {
  const std::uint64_t start = cycle();
  const std::uint64_t wanted = std::min(budget_, kQuantum);
  try {
    if (kernel_->run(wanted) < wanted) stop_requested_ = true;  // a core halted, or request_stop()
  } catch (...) {
    failure_ = std::current_exception();
    stop_requested_ = true;
  }
  last_run_ = cycle() - start;
  budget_ -= last_run_;
  if (budget_ != 0 && !stop_requested_) {
    next_trigger(cycles_to_time(last_run_));
    return;
  }
  if (from_process_) {
    paused_.notify(sc_core::SC_ZERO_TIME);
  } else {
    sc_core::sc_pause();
  }
}

std::uint64_t Chip::advance(std::uint64_t cycles) {
  const std::uint64_t limit = options_.max_cycles;
  const std::uint64_t start = cycle();
  if (limit != 0) {
    if (start >= limit) {
      throw Error(ExitCode::Timeout,
                  fmt::format("cycle limit: {} cycles have run and the job is not finished. Raise "
                              "--max-cycles, or look for what it waits for",
                              start));
    }
    cycles = std::min(cycles, limit - start);
  }
  const auto wall = std::chrono::steady_clock::now();
  stop_requested_ = false;
  budget_ = cycles;
  resume_.notify(cycles_to_time(last_run_));
  const auto current = sc_core::sc_get_current_process_handle();
  from_process_ = current.valid() && current.proc_kind() != sc_core::SC_NO_PROC_;
  if (from_process_) {
    sc_core::wait(paused_);
  } else {
    sc_core::sc_start();
  }
  wall_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  check();
  if (options_.on_advance) options_.on_advance();
  return cycle() - start;
}

void Chip::add_dram_errors() {
  const DramErrors& errors = options_.dram_errors;
  for (std::size_t i = 0; i < drams_.size() && errors.rate > 0; ++i) {
    drams_[i]->device().set_error_rate(errors.rate, errors.seed * drams_.size() + i);
  }
  for (const auto& cell : errors.broken) {
    if (cell.address >= straps_.hbm_bytes()) {
      throw InputError(
          fmt::format("broken DRAM cell at {:#x}: beyond the chip's memory of {:#x} bytes",
                      cell.address, straps_.hbm_bytes()));
    }
    drams_[straps_.hbm_node(cell.address)]->device().break_cell(straps_.hbm_local(cell.address),
                                                                cell.bit);
  }
}

std::uint64_t Chip::dram_bit_errors() const {
  std::uint64_t sum = 0;
  for (const auto& dram : drams_) sum += dram->device().bit_errors();
  return sum;
}

void Chip::check() {
  for (const auto& dram : drams_) {
    if (!dram->violation().empty()) {
      throw Error(ExitCode::CheckFailed, "DRAM timing violation: " + dram->violation());
    }
  }
  if (!kernel_->violation().empty()) {
    throw Error(ExitCode::CheckFailed, "network protocol violation: " + kernel_->violation());
  }
  if (context_->error_count() != 0) {
    throw Error(
        ExitCode::CheckFailed,
        fmt::format("cycle {}: an assertion of the RTL failed; its message is above", cycle()));
  }
  if (watchdog_) {
    throw Error(ExitCode::ChipFault,
                fmt::format("cycle {}: the ctl watchdog expired twice: the ctl firmware no longer "
                            "answers. Reset the chip",
                            cycle()));
  }
}

void Chip::finish() {
  uart_->flush();
  context_->close_trace();
}

}  // namespace tsr
