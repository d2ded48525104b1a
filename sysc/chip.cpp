// SPDX-License-Identifier: Apache-2.0
#include "chip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "check/node_check.hpp"
#include "chip_tlm.hpp"
#include "doctor/pc_watch.hpp"
#include "doctor/state_text.hpp"
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
    if (config_.nodes[i] == NodeKind::Tile) fuses.tiles |= bit(place(i));
  }
  for (const Node tile : options_.faults.dead_tiles) fuses.dead_tiles |= bit(tile);
  for (const auto& link : options_.faults.dead_links) {
    (link.port == Dir::kEast ? fuses.dead_east : fuses.dead_south) |= bit(link.node);
  }
  fuses.debug_open = options_.debug_open;
  return fuses;
}

Node Chip::place(std::size_t index) const {
  const auto width = static_cast<std::size_t>(config_.mesh_w);
  return {static_cast<unsigned>(index % width), static_cast<unsigned>(index / width)};
}

void Chip::cut_link(const MeshLink& link, std::uint64_t cycle) {
  const auto port = static_cast<unsigned>(link.port);
  if (tlm_ && tlm_->fabric() != nullptr) {
    tlm_->fabric()->kill_link(static_cast<unsigned>(config_.index(link.node)), port, cycle);
  } else {
    kernel_->kill_link(config_.index(link.node), port, cycle);
  }
}

void Chip::kill_link(const LinkDeath& death) {
  cut_link(death.link, death.cycle);
  if (recorder_) recorder_->note_link_death(death);
}

void Chip::break_links() {
  for (const auto& link : options_.faults.dead_links) cut_link(link, 0);
  for (const auto& death : options_.faults.deaths) cut_link(death.link, death.cycle);
  for (const auto& loss : options_.faults.losses) {
    if (options_.models.noc == Fidelity::Tlm) {
      throw InputError("--mute-node and --lose-credits need the network's RTL; use --noc rtl");
    }
    kernel_->lose_output(config_.index(loss.node), loss.net, loss.cycle);
  }
}

std::unique_ptr<NodeModel> Chip::rtl_endpoint(std::size_t index, NodeKind kind,
                                              const ChipFuses& fuse_map) {
  const Node here = place(index);
  const auto straps = [&](const char* what) {
    return NodeStraps{context_.get(),
                      fmt::format("{}.{}_{}_{}", config_.name, what, here.x, here.y), here,
                      &straps_};
  };
  switch (kind) {
    case NodeKind::Ctl:
      return make_ctl(straps("ctl"), fuse_map, host_port_, *uart_, jtag_);
    case NodeKind::Tile:
      return make_tile(straps("tile"));
    case NodeKind::Memory:
      drams_[index] = std::make_unique<DramChannel>(
          dram_profile_file(config_), fmt::format("memory node ({}, {})", here.x, here.y),
          [this] { request_stop(); });
      return make_memory(straps("mem"), *drams_[index]);
    default:
      return make_bare(straps(config_.kind(here) == NodeKind::Tile ? "dead_tile" : "bare"));
  }
}

/// A TLM endpoint; returns what the kernel clocks for it, if anything.
std::unique_ptr<NodeModel> Chip::tlm_endpoint(std::size_t index, NodeKind kind,
                                              const ChipFuses& fuse_map) {
  switch (kind) {
    case NodeKind::Ctl:
      return tlm_->add_ctl(index, {fuse_map, &host_port_, uart_.get()});
    case NodeKind::Tile:
      return tlm_->add_tile(index);
    case NodeKind::Memory:
      return tlm_->add_memory(index, dram_timing(dram_profile_file(config_)));
    default:
      tlm_->add_bare(index);
      return nullptr;
  }
}

MeshNode Chip::build_node(std::size_t index, const ChipFuses& fuse_map) {
  const Node here = place(index);
  // A dead tile is switched off; its node answers as one without a tile.
  const bool dead = (fuse_map.dead_tiles >> (here.y * 8 + here.x) & 1U) != 0;
  const NodeKind kind = dead ? NodeKind::Bare : config_.nodes[index];
  const Models& models = options_.models;
  const Fidelity fidelity = kind == NodeKind::Bare ? models.noc : models.of(config_, here);
  MeshNode node;
  node.weight = weight(config_.nodes[index]);
  if (models.noc == Fidelity::Rtl) {
    node.router =
        make_router({context_.get(), fmt::format("{}.router_{}_{}", config_.name, here.x, here.y),
                     here, &straps_});
  }
  if (fidelity == Fidelity::Tlm) {
    node.endpoint = tlm_endpoint(index, kind, fuse_map);
  } else {
    node.endpoint = rtl_endpoint(index, kind, fuse_map);
    node.main_thread = kind == NodeKind::Ctl;
    if (models.noc == Fidelity::Tlm) node.router = tlm_->add_rtl(index, *node.endpoint);
  }
  return node;
}

void Chip::build() {
  context_ = std::make_unique<SimContext>(options_.seed);
  uart_ = std::make_unique<UartTerminal>(static_cast<unsigned>(config_.uart_cycles_per_bit),
                                         options_.uart);
  if (options_.models.any_tlm(config_)) {
    tlm_ = std::make_unique<TlmSide>(config_, straps_, options_.models.noc,
                                     [this] { request_stop(); });
  }
  drams_.resize(config_.nodes.size());
  std::vector<MeshNode> nodes;
  const ChipFuses fuse_map = fuses();
  for (std::size_t i = 0; i < config_.nodes.size(); ++i) nodes.push_back(build_node(i, fuse_map));
  add_dram_errors();
  kernel_ = std::make_unique<Kernel>(config_.mesh_w, config_.mesh_h, std::move(nodes),
                                     options_.threads, context_.get(), options_.trace);
  kernel_->allow_sleep(options_.sleep);
  if (tlm_) tlm_->connect(*kernel_);
  break_links();
  if (options_.check) {
    kernel_->check_links(true);
    add_checks();
  }
  connect_host();
}

void Chip::connect_host() {
  host_port_.on_interrupt = [this](bool level) {
    interrupt_ = level;
    if (!level) return;
    interrupt_cycle_ = cycle();
    request_stop();
  };
  host_port_.on_watchdog = [this] {
    watchdog_ = true;
    request_stop();
  };
  const std::size_t ctl = config_.index(config_.ctl);
  host_target_ = std::make_unique<HostTarget>(
      "host_target", host_port_,
      HostTarget::Control{[this] { advance(kQuantum); }, [this] { request_stop(); },
                          [this, ctl] {
                            if (recorder_) recorder_->note_pushed(running_);
                            wake_host(ctl);
                          }});
  if (options_.recorder.every != 0) build_recorder(ctl);
}

void Chip::wake_host(std::size_t ctl) {
  TlmHartNode* hart = tlm_ ? tlm_->hart(ctl) : nullptr;
  if (hart != nullptr) {
    hart->wake_host();
  } else {
    kernel_->wake_endpoint(ctl);
  }
}

void Chip::build_recorder(std::size_t ctl) {
  RecordedChip chip{*kernel_, *context_, host_port_};
  chip.waves = !options_.models.all_tlm(config_);
  chip.pins = tlm_ == nullptr || tlm_->hart(ctl) == nullptr;
  chip.silence = [this] { uart_->silence(); };
  chip.kill_link = [this](const LinkDeath& death) { cut_link(death.link, death.cycle); };
  chip.wake_host = [this, ctl] { wake_host(ctl); };
  if (tlm_) {
    chip.timeline = &tlm_->timeline();
    chip.watch = [this] { watch_cores(); };
    chip.nodes = [this] { return doctor::to_text(tlm_nodes()); };
  }
  recorder_ = std::make_unique<FlightRecorder>(std::move(chip), options_.recorder);
  host_port_.on_request = [this](const HostRequest& request) { recorder_->note_request(request); };
}

void Chip::watch_cores() {
  for (std::size_t i = 0; tlm_ && i < config_.nodes.size(); ++i) {
    if (tlm_->hart(i) == nullptr) continue;
    watches_[i] = std::make_unique<doctor::PcWatch>(cycle());
    add_probe(i, *watches_[i]);
  }
}

std::vector<doctor::NodeState> Chip::tlm_nodes() {
  std::vector<doctor::NodeState> nodes;
  for (std::size_t i = 0; tlm_ && i < config_.nodes.size(); ++i) {
    doctor::NodeState node;
    node.node = place(i);
    if (const TlmHartNode* hart = tlm_->hart(i)) {
      node.kind = node.node == config_.ctl ? doctor::Kind::Ctl : doctor::Kind::Tile;
      hart->look(node);
      if (watches_.count(i) != 0) watches_[i]->tell(node.core, cycle());
      nodes.push_back(std::move(node));
    } else if (tlm_->memory(i) != nullptr) {
      node.kind = doctor::Kind::Memory;
      nodes.push_back(std::move(node));
    }
  }
  return nodes;
}

doctor::ChipState Chip::run_on(const std::string& fst, bool& has_waves) {
  constexpr std::uint64_t kLook = 1500;  // enough to tell a loop from a short wait
  // Whoever waited for answers has gone.
  host_port_.on_response = [](const HostResponse&) {};
  host_port_.on_interrupt = [](bool) {};
  host_port_.on_watchdog = [] {};
  uart_->silence();
  has_waves = !options_.models.all_tlm(config_);
  const std::uint64_t end = cycle() + kLook;
  watch_cores();
  if (has_waves) kernel_->start_trace({fst, cycle(), end - 1});
  while (cycle() < end) kernel_->run(end - cycle());
  context_->close_trace();
  doctor::ChipState state;
  state.cycle = end - 1;
  state.config = straps_;
  state.nodes = tlm_nodes();
  return state;
}

bool Chip::halted(Node node) const {
  const std::size_t index = config_.index(node);
  TlmHartNode* hart = tlm_ ? tlm_->hart(index) : nullptr;
  return hart != nullptr ? hart->halted() : kernel_->halted(index);
}

bool Chip::asleep() const {
  return kernel_->all_asleep() && (!tlm_ || tlm_->next() == TimedModels::kNever);
}

void Chip::set_jtag(const JtagPins& pins) {
  const bool tdo = jtag_.tdo;
  jtag_ = pins;
  jtag_.tdo = tdo;
  kernel_->wake_endpoint(config_.index(config_.ctl));
}

void Chip::add_probe(std::size_t node, NodeProbe& probe) {
  TlmHartNode* hart = tlm_ ? tlm_->hart(node) : nullptr;
  if (hart == nullptr) {
    kernel_->add_probe(node, probe);
    return;
  }
  tlm_probes_[node].add(probe);
  hart->set_probe(&tlm_probes_[node]);
}

void Chip::add_checks() {
  constexpr std::size_t kCtlSpmBytes = 65536;
  const auto add = [this](const check::NodeShape& shape) {
    if (options_.models.of(config_, shape.node) == Fidelity::Tlm) return;
    checks_.push_back(
        std::make_unique<check::NodeCheck>(shape, [this] { kernel_->request_stop(); }));
    add_probe(config_.index(shape.node), *checks_.back());
  };
  const auto& dead = options_.faults.dead_tiles;
  for (const Node tile : config_.tiles) {
    if (std::find(dead.begin(), dead.end(), tile) != dead.end()) continue;
    add({tile, static_cast<std::size_t>(config_.spm_kib) * 1024,
         static_cast<unsigned>(config_.me_rows)});
  }
  add({config_.ctl, kCtlSpmBytes, 0});
}

void Chip::stop_checks() {
  kernel_->check_links(false);
  for (const auto& check : checks_) kernel_->remove_probe(config_.index(check->node()), *check);
}

CheckCounts Chip::check_counts() const {
  CheckCounts counts;
  for (const auto& check : checks_) {
    counts.instructions += check->instructions();
    counts.commands += check->commands();
  }
  return counts;
}

/// Throw the first difference: of several in one cycle that of the first node.
void Chip::check_lock_step() {
  const check::NodeCheck* first = nullptr;
  for (const auto& check : checks_) {
    if (!check->difference()) continue;
    if (first == nullptr || check->difference()->cycle < first->difference()->cycle) {
      first = check.get();
    }
  }
  if (first == nullptr) return;
  const auto& difference = *first->difference();
  violation_ = FlightFailure{difference.cycle, first->node()};
  std::string where;
  if (difference.pc && options_.describe_pc) {
    where = options_.describe_pc(first->node(), *difference.pc);
  }
  throw Error(ExitCode::CheckFailed,
              fmt::format("lock-step: cycle {}: {} ({}, {}): {}{}", difference.cycle,
                          first->node() == config_.ctl ? "ctl node" : "tile", first->node().x,
                          first->node().y, difference.text, where.empty() ? "" : "; in " + where));
}

void Chip::reset() {
  kernel_->reset();
  if (tlm_) tlm_->reset();
}

void Chip::request_stop() {
  stop_requested_ = true;
  kernel_->request_stop();
  if (tlm_) tlm_->timeline().stop();
}

void Chip::run_cycles() {
  const std::uint64_t start = cycle();
  const std::uint64_t wanted = std::min(budget_, kQuantum);
  try {
    if (recorder_) recorder_->tick();
    running_ = true;
    if (kernel_->run(wanted) < wanted) stop_requested_ = true;  // a core halted, or request_stop()
  } catch (...) {
    failure_ = std::current_exception();
    stop_requested_ = true;
  }
  running_ = false;
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
  const std::clock_t cpu = std::clock();
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
  cpu_seconds_ += static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  check();
  if (options_.on_advance) options_.on_advance();
  return cycle() - start;
}

void Chip::add_dram_errors() {
  const DramErrors& errors = options_.dram_errors;
  const auto memories = static_cast<std::uint64_t>(
      std::count(config_.nodes.begin(), config_.nodes.end(), NodeKind::Memory));
  std::uint64_t ordinal = 0;
  for (std::size_t i = 0; i < config_.nodes.size() && errors.rate > 0; ++i) {
    if (config_.nodes[i] != NodeKind::Memory) continue;
    const std::uint64_t seed = errors.seed * memories + ordinal++;
    if (drams_[i]) {
      drams_[i]->device().set_error_rate(errors.rate, seed);
    } else {
      tlm_->memory(i)->store().set_error_rate(errors.rate, seed);
    }
  }
  for (const auto& cell : errors.broken) {
    if (cell.address >= straps_.hbm_bytes()) {
      throw InputError(
          fmt::format("broken DRAM cell at {:#x}: beyond the chip's memory of {:#x} bytes",
                      cell.address, straps_.hbm_bytes()));
    }
    const std::size_t node = config_.index(straps_.mem[straps_.hbm_node(cell.address)]);
    const std::uint64_t local = straps_.hbm_local(cell.address);
    if (drams_[node]) {
      drams_[node]->device().break_cell(local, cell.bit);
    } else {
      tlm_->memory(node)->store().break_cell(local, cell.bit);
    }
  }
}

std::uint64_t Chip::dram_bit_errors() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < config_.nodes.size(); ++i) {
    if (drams_[i]) sum += drams_[i]->device().bit_errors();
    if (tlm_ && tlm_->memory(i) != nullptr) sum += tlm_->memory(i)->store().bit_errors();
  }
  return sum;
}

std::uint64_t Chip::link_flits(std::size_t node, unsigned link) const {
  if (!tlm_ || tlm_->fabric() == nullptr) return kernel_->link_flits(node, link);
  const auto& routers = tlm_->fabric()->routers();
  return routers.sent(routers.link(link / kPorts, static_cast<unsigned>(node), link % kPorts));
}

Chip::DramBytes Chip::dram_bytes(std::size_t index, unsigned channel) const {
  const std::size_t node = config_.index(config_.memories[index]);
  if (const MemoryNode* memory = tlm_ ? tlm_->memory(node) : nullptr) {
    return {memory->column_bytes(channel, 0), memory->column_bytes(channel, 1)};
  }
  const auto& dram = drams_[node];
  if (!dram) return {};
  const auto& counts = dram->device().counts(channel);
  return {counts.reads * kDramAtomBytes, counts.writes * kDramAtomBytes};
}

void Chip::check_dram() {
  for (std::size_t i = 0; i < drams_.size(); ++i) {
    if (!drams_[i] || drams_[i]->violation().empty()) continue;
    violation_ = FlightFailure{cycle() - 1, place(i)};  // the run ends behind its cycle
    throw Error(ExitCode::CheckFailed, "DRAM timing violation: " + drams_[i]->violation());
  }
}

void Chip::check() {
  check_dram();
  if (const auto& violation = kernel_->violation()) {
    violation_ = FlightFailure{violation->cycle, place(violation->node)};
    throw Error(ExitCode::CheckFailed, "network protocol violation: " + violation->text);
  }
  check_lock_step();
  if (context_->error_count() != 0) {
    violation_ = FlightFailure{cycle() - 1, {}};  // the models do not say whose it is
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
