// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <systemc>
#include <thread>

#include "chip.hpp"
#include "debug/gdb_server.hpp"
#include "debug/jtag_server.hpp"
#include "doctor/state_text.hpp"
#include "doctor/wave_state.hpp"
#include "heap.hpp"
#include "image.hpp"
#include "names.hpp"
#include "regs/hbm_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/tile_regs.hpp"
#include "survivors.hpp"
#include "tessera/host.hpp"
#include "tessera_abi.h"
#include "waves/failure.hpp"

namespace tsr {
namespace {

// rtl/tile/tsr_tile_pkg.sv, rtl/ctl/tsr_ctl_pkg.sv
constexpr std::uint32_t kRegsBase = 0x0002'0000;
constexpr std::uint32_t kMailboxBase = 0x0010'2000;
/// Between looks at the mailbox while no interrupt comes, and at the progress display.
constexpr std::uint64_t kPollCycles = 20'000;
/// The boot ROM and the ctl firmware answer the mailbox well within this time.
constexpr std::uint64_t kMailboxTimeout = 20'000'000;
constexpr unsigned kTimeoutError = 4;  // tsr_pkg::ErrTimeout
/// Times that a read is repeated which a dead link may have swallowed.
constexpr unsigned kLostReads = 2;
/// From the end of the firmware's recovery to the interrupt, roughly: it writes the record.
constexpr std::uint64_t kReportCycles = 1'000;
constexpr double kProgressSeconds = 0.2;
/// Between looks at what a debugger wants, while cores run.
constexpr std::uint64_t kGdbCycles = 2'000;
/// Wall time to wait when all cores sleep and only a debugger can do something.
constexpr auto kGdbRest = std::chrono::milliseconds(5);

std::string node_name(Node node) { return fmt::format("({}, {})", node.x, node.y); }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The host: TLM-2.0 initiator on the chip's host socket.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> socket;

  explicit Host(sc_core::sc_module_name name) : sc_module(name), socket("socket") {}

  tlm::tlm_response_status transfer(bool write, std::uint64_t address, void* data, unsigned bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    return payload.get_response_status();
  }
};

/// Each platform gets a SystemC simulation of its own: a kernel cannot be taken apart once it ran.
void fresh_systemc() {
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_curr_simcontext = new sc_core::sc_simcontext();
  sc_core::sc_default_global_context = sc_core::sc_curr_simcontext;
}

bool platform_is_open = false;

/// The chip for the debugger: through the host port.
class HostAccess final : public debug::ChipAccess {
 public:
  HostAccess(Chip& chip, Host& host) : chip_(chip), host_(host) {}

  bool read(std::uint64_t address, void* data, std::size_t bytes) override {
    return transfer(false, address, data, bytes);
  }
  bool write(std::uint64_t address, const void* data, std::size_t bytes) override {
    return transfer(true, address, const_cast<void*>(data), bytes);
  }
  bool halted(Node node) override { return chip_.halted(node); }
  void advance(std::uint64_t cycles) override { chip_.advance(cycles); }
  std::uint64_t cycle() const override { return chip_.cycle(); }

 private:
  bool transfer(bool write, std::uint64_t address, void* data, std::size_t bytes) {
    return bytes == 0 || host_.transfer(write, address, data, static_cast<unsigned>(bytes)) ==
                             tlm::TLM_OK_RESPONSE;
  }

  Chip& chip_;
  Host& host_;
};

/// The chip's JTAG pins. Notes when a debugger has halted all tiles, however short.
class ChipJtag final : public debug::JtagAccess {
 public:
  explicit ChipJtag(Chip& chip) : chip_(chip) {}

  bool all_halted() const { return all_halted_; }

  void drive(bool tck, bool tms, bool tdi, bool trst, unsigned cycles) override {
    JtagPins pins;
    pins.tck = tck;
    pins.tms = tms;
    pins.tdi = tdi;
    pins.trst_n = !trst;
    chip_.set_jtag(pins);
    // It ends early when a core halts or the chip wants the host.
    for (const std::uint64_t end = chip_.cycle() + cycles; chip_.cycle() < end;) {
      chip_.advance(end - chip_.cycle());
    }
    if (all_halted_) return;
    const auto& tiles = chip_.config().tiles;
    all_halted_ =
        std::all_of(tiles.begin(), tiles.end(), [this](Node tile) { return chip_.halted(tile); });
  }
  bool tdo() override { return chip_.jtag_tdo(); }

 private:
  Chip& chip_;
  bool all_halted_ = false;
};

}  // namespace

struct Platform::State {
  Config config;
  PlatformOptions options;
  std::unique_ptr<RunTimeline> timeline;  ///< outlives the chip, which calls it
  std::unique_ptr<Chip> chip;
  std::unique_ptr<Host> host;
  std::unique_ptr<HostAccess> debug_access;
  std::unique_ptr<debug::GdbServer> gdb;
  bool gdb_waited = false;  ///< GDB has been waited for; from then on it is served
  std::unique_ptr<ChipJtag> jtag_pins;
  std::unique_ptr<debug::JtagServer> jtag;
  bool jtag_waited = false;  ///< the same for the JTAG port
  std::unique_ptr<Heap> heap;
  std::unique_ptr<ElfImage> tile_elf;
  std::unique_ptr<ElfImage> ctl_elf;
  std::string stage = "start";
  std::chrono::steady_clock::time_point opened = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_progress = opened;
  std::uint64_t last_cycle = 0;
  std::uint64_t ring = 0;
  bool loaded = false;
  bool fst_is_temporary = false;  ///< only made for the VCD
  std::uint32_t next_sequence = 1;
  std::set<std::uint32_t> in_flight;
  std::map<std::uint32_t, std::string> kernel_of;
  std::vector<Recovery> recoveries;
  std::uint64_t counters_cleared = 0;
  std::vector<std::uint64_t> link_flits;  ///< when the counters were cleared; empty: never
  std::optional<FlightFailure> failure;   ///< the latest, if more is known of it than now
  bool hangs = false;                     ///< the latest failure was one to wait for something

  State() { platform_is_open = true; }
  ~State() {
    gdb.reset();
    jtag.reset();
    host.reset();
    chip.reset();
    platform_is_open = false;
  }

  std::uint64_t mailbox(std::uint32_t offset) const {
    return node_address(config.ctl, kMailboxBase + offset);
  }
  static std::uint64_t registers(Node node, std::uint32_t offset) {
    return node_address(node, kRegsBase + offset);
  }

  /// Read the record of a launch. A dead link may have swallowed the request; the firmware routes
  /// around it meanwhile.
  tsr_completion_t read_completion(std::uint64_t address) {
    for (unsigned again = kLostReads;; --again) {
      tsr_completion_t record{};
      try {
        transfer(false, address, &record, sizeof(record));
        return record;
      } catch (const Error&) {
        if (again == 0 || chip->host_target().last_error().error != kTimeoutError) throw;
      }
    }
  }

  void transfer(bool write, std::uint64_t address, void* data, std::size_t bytes) {
    auto* at = static_cast<std::uint8_t*>(data);
    constexpr std::size_t kPayload = 1U << 20;
    for (std::size_t done = 0; done < bytes;) {
      const auto part = static_cast<unsigned>(std::min(bytes - done, kPayload));
      const auto status = host->transfer(write, address + done, at + done, part);
      if (status != tlm::TLM_OK_RESPONSE) {
        const auto& refusal = chip->host_target().last_error();
        throw Error(ExitCode::ChipFault,
                    fmt::format("host {} of {} bytes at {:#x}: {} (at {:#x}, error {})",
                                write ? "write" : "read", bytes, address,
                                network_error_name(refusal.error), refusal.address, refusal.error));
      }
      done += part;
    }
  }
  std::uint32_t read32(std::uint64_t address) {
    std::uint32_t value = 0;
    transfer(false, address, &value, sizeof(value));
    return value;
  }
  void write32(std::uint64_t address, std::uint32_t value) {
    transfer(true, address, &value, sizeof(value));
  }

  void show_progress() {
    if (!options.progress) return;
    const auto now = std::chrono::steady_clock::now();
    const double since = std::chrono::duration<double>(now - last_progress).count();
    if (since < kProgressSeconds) return;
    const auto cycle = chip->cycle();
    options.progress({stage, cycle, static_cast<double>(cycle - last_cycle) / since / 1e3,
                      seconds_since(opened)});
    last_progress = now;
    last_cycle = cycle;
  }

  /// Clear the chip's interrupt to the host; returns which bits were set.
  std::uint32_t take_interrupt() {
    if (!chip->host_interrupt()) return 0;
    const auto bits = read32(mailbox(regs::mailbox::kHostIrqOffset));
    write32(mailbox(regs::mailbox::kHostIrqOffset), bits);
    return bits;
  }

  /// A debugger has taken part in the run, and may do so again.
  bool debugged() const { return gdb_waited || jtag_waited; }

  /// Let the chip run for at most so many cycles; serves the debuggers that are there.
  void run(std::uint64_t cycles) {
    if (!debugged()) {
      chip->advance(cycles);
      return;
    }
    if (gdb_waited && !gdb->serve()) throw Error(ExitCode::JobFailed, "GDB killed the run");
    if (jtag_waited) jtag->serve();
    if (chip->asleep()) std::this_thread::sleep_for(kGdbRest);
    chip->advance(std::min(cycles, kGdbCycles));
  }

  enum class News { None, Interrupt, Asleep };
  /// Run until the chip interrupts the host, or for a while. Asleep: every node sleeps without an
  /// interrupt, so that only the host (or GDB) can wake it.
  News await_news() {
    if (!chip->host_interrupt()) run(kPollCycles);
    const bool asleep = !debugged() && chip->asleep() && !chip->host_interrupt();
    if (take_interrupt() != 0) return News::Interrupt;
    return asleep ? News::Asleep : News::None;
  }
  bool await_interrupt() { return await_news() != News::Asleep; }

  [[noreturn]] void dead_chip(const std::string& what) {
    throw Error(
        ExitCode::Timeout,
        fmt::format("cycle {}: every node of the chip sleeps while the host waits for {}: nothing "
                    "will ever happen. Trace the run with --trace to see the last activity",
                    chip->cycle(), what));
  }

  std::string fatal_message(std::uint32_t status) {
    hangs = status >> 8 != TSR_FATAL_TRAP && status >> 8 != TSR_FATAL_IMAGE;
    const auto detail = [&](unsigned i) {
      return read32(mailbox(regs::mailbox::kDetailOffset + 4 * i));
    };
    switch (status >> 8) {
      case TSR_FATAL_TRAP: {
        const auto trap = chip->kernel().last_trap(config.index(config.ctl));
        failure = FlightFailure{trap == NodeModel::kNever ? chip->cycle() : trap, config.ctl};
        const auto pc = detail(1);
        const std::string where = ctl_elf ? ctl_elf->describe(pc) : "";
        return fmt::format("ctl core trapped: {} at pc {:#x}{}, address {:#x}",
                           trap_name(detail(0)), pc, where.empty() ? "" : " (" + where + ")",
                           detail(2));
      }
      case TSR_FATAL_IMAGE:
        return fmt::format(
            "the boot image was refused (check {}, see TSR_FATAL_IMAGE in tessera_abi.h)",
            detail(0));
      case TSR_FATAL_HBM:
        return fmt::format("memory node {} did not initialize, or dead links cut it off",
                           detail(0));
      case TSR_FATAL_DMA:
        return fmt::format("DMA error while loading: {}, {}, address {:#x}",
                           command_error_name(detail(0) >> 8), network_error_name(detail(0) & 0xff),
                           detail(1) | static_cast<std::uint64_t>(detail(2)) << 32);
      case TSR_FATAL_CONFIG:
        return "the chip's configuration registers make no sense to the boot ROM";
      case TSR_FATAL_TILE:
        return fmt::format("tiles did not start (bit y * 8 + x of {:#x})",
                           detail(0) | static_cast<std::uint64_t>(detail(1)) << 32);
      case TSR_FATAL_ROUTES:
        return "there are no sound routes around the dead links";
      default:
        return fmt::format("ctl firmware gave up (status {:#x})", status);
    }
  }

  /// Wait until the firmware shows `wanted` in MBOX STATUS.
  void wait_status(std::uint32_t wanted, const char* what) {
    const auto start = chip->cycle();
    for (bool alive = true;; alive = await_interrupt()) {
      const auto status = read32(mailbox(regs::mailbox::kStatusOffset));
      if ((status & 0xff) == TSR_STATUS_FATAL) {
        throw Error(ExitCode::ChipFault,
                    fmt::format("cycle {}: {}", chip->cycle(), fatal_message(status)));
      }
      if (status >= wanted) return;
      if (chip->cycle() - start > kMailboxTimeout) {
        throw Error(ExitCode::Timeout,
                    fmt::format("{} cycles passed while the host waited for {} (status {})",
                                chip->cycle() - start, what, status));
      }
      if (!alive) dead_chip(what);
    }
  }

  /// Give the firmware a mailbox command and wait until it has taken it.
  void command(std::uint32_t code, std::uint32_t arg0, std::uint32_t arg1) {
    wait_doorbell("the previous mailbox command");
    write32(mailbox(regs::mailbox::kArgOffset), arg0);
    write32(mailbox(regs::mailbox::kArgOffset + 4), arg1);
    write32(mailbox(regs::mailbox::kCmdOffset), code);
  }
  void wait_doorbell(const char* what) {
    const auto start = chip->cycle();
    while ((read32(mailbox(regs::mailbox::kDoorbellOffset)) & 1U) != 0) {
      const auto status = read32(mailbox(regs::mailbox::kStatusOffset));
      if ((status & 0xff) == TSR_STATUS_FATAL) {
        throw Error(ExitCode::ChipFault,
                    fmt::format("cycle {}: {}", chip->cycle(), fatal_message(status)));
      }
      if (chip->cycle() - start > kMailboxTimeout) {
        throw Error(ExitCode::Timeout, fmt::format("the ctl firmware did not take {}", what));
      }
      run(200);
    }
  }

  std::uint64_t allocate(std::uint64_t bytes, std::uint64_t alignment) {
    const auto offset = heap->allocate(std::max<std::uint64_t>(bytes, 1), alignment);
    if (!offset) {
      throw Error(
          ExitCode::BadInput,
          fmt::format("no room for {} bytes in HBM: the largest free piece of {} MiB is {} bytes. "
                      "Raise memory.capacity_mib in {}",
                      bytes, config.memory_mib, heap->largest(), config.file));
    }
    return hbm_address(*offset);
  }

  std::uint64_t link_flits_now(std::size_t node, unsigned link) const {
    return chip->link_flits(node, link);
  }

  std::uint64_t counter(Node node, std::uint32_t select_offset, std::uint32_t low_offset,
                        std::uint32_t high_offset, std::uint32_t select) {
    write32(registers(node, select_offset), select);
    const std::uint64_t low = read32(registers(node, low_offset));
    return low | static_cast<std::uint64_t>(read32(registers(node, high_offset))) << 32;
  }

  /// What the user is told of dead links, behind the failure that they caused.
  std::string note_recovery(const tsr_completion_t& record) {
    if (record.dead_links == 0) return "";
    recoveries.push_back({record.dead_links, record.recovery, chip->cycle()});
    return fmt::format(
        ". {} dead link{} found and routed around in {} cycles: the chip is ready, launch again",
        record.dead_links, record.dead_links == 1 ? " was" : "s were", record.recovery);
  }

  /// Let a timeline observe the chip.
  void record_timeline() {
    auto& kernel = chip->kernel();
    timeline = std::make_unique<RunTimeline>(
        config, options.timeline,
        RunTimeline::Sources{
            [this](std::size_t node, unsigned link) { return chip->link_flits(node, link); },
            [this](std::size_t index, unsigned channel, unsigned way) {
              const auto bytes = chip->dram_bytes(index, channel);
              return way == 0 ? bytes.read : bytes.written;
            }});
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
      if (auto* node = timeline->node(i)) chip->add_probe(i, *node);
    }
    kernel.observe_time(options.timeline.interval,
                        [this](std::uint64_t cycle) { timeline->tick(cycle); });
  }

  /// All tiles of the floor plan, dead or not, if they form a rectangle.
  std::optional<Rect> floor_plan_tiles() const {
    Rect rect{{~0U, ~0U}, {0, 0}};
    std::size_t count = 0;
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
      if (config.nodes[i] != NodeKind::Tile) continue;
      const auto width = static_cast<std::size_t>(config.mesh_w);
      const Node tile{static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)};
      rect.lo = {std::min(rect.lo.x, tile.x), std::min(rect.lo.y, tile.y)};
      rect.hi = {std::max(rect.hi.x, tile.x), std::max(rect.hi.y, tile.y)};
      ++count;
    }
    const bool full = (rect.hi.x - rect.lo.x + 1) * (rect.hi.y - rect.lo.y + 1) == count;
    return full ? std::optional<Rect>(rect) : std::nullopt;
  }

  /// Where and when a launch failed. The firmware tells of it after it has started the tiles anew.
  void note_failure(const tsr_completion_t& record) {
    const Node node{record.tile_x, record.tile_y};
    const auto told = chip->interrupt_cycle();
    const std::uint64_t late = record.recovery + kReportCycles;
    failure = FlightFailure{told > late ? told - late : told, node};
    const auto trap = chip->kernel().last_trap(config.index(node));
    if (record.status == TSR_DONE_FAULT && trap != NodeModel::kNever) failure->cycle = trap;
    hangs = record.status == TSR_DONE_TIMEOUT || record.info == kTimeoutError;
  }

  [[noreturn]] void fail(const tsr_completion_t& record) {
    const std::string links = note_recovery(record);
    note_failure(record);
    const std::string tile = node_name({record.tile_x, record.tile_y});
    const std::string& kernel = kernel_of[record.sequence];
    const std::uint64_t address = record.address_lo | static_cast<std::uint64_t>(record.address_hi)
                                                          << 32;
    switch (record.status) {
      case TSR_DONE_KERNEL_FAILED:
        throw Error(ExitCode::JobFailed,
                    fmt::format("{}: tile {} returned {}{}", kernel, tile, record.value, links));
      case TSR_DONE_TIMEOUT:
        throw Error(
            ExitCode::Timeout,
            fmt::format("{}: tile {} did not finish in time. Raise the launch's timeout, or look "
                        "for what the tile waits for{}",
                        kernel, tile, links));
      case TSR_DONE_BAD_COMMAND:
        throw Error(
            ExitCode::BadInput,
            fmt::format(
                "{}: the ctl firmware refused the launch: word {} of the command is not "
                "acceptable (opcode 0, arguments 3, rectangle 4: it must hold working tiles only)",
                kernel, record.value));
      default:
        break;
    }
    std::string what;
    switch (record.fault) {
      case TSR_FAULT_TRAP: {
        const std::string where = tile_elf->describe(record.pc);
        what =
            fmt::format("trap: {} (cause {}) at pc {:#x}{}, address {:#x}", trap_name(record.cause),
                        record.cause, record.pc, where.empty() ? "" : " (" + where + ")", address);
        break;
      }
      case TSR_FAULT_ENGINE:
        what = fmt::format("{} error: {} (code {}), command id {}, address {:#x}",
                           engine_name(record.engine), command_error_name(record.cause),
                           record.cause, record.command_id, address);
        if (record.info != 0) what += fmt::format(": {}", network_error_name(record.info));
        break;
      case TSR_FAULT_ACCESS:
        what = fmt::format("refused access: {}, address {:#x}", network_error_name(record.cause),
                           address);
        break;
      default:
        what = fmt::format("fault of an unknown kind ({})", record.fault);
    }
    throw Error(ExitCode::ChipFault, fmt::format("{}: tile {}: {}{}", kernel, tile, what, links));
  }
};

Platform::Platform(std::unique_ptr<State> state) : state_(std::move(state)) {}

Platform::~Platform() {
  state_->chip->finish();
  const auto& options = state_->options;
  if (options.trace_mark && state_->chip->cycle() > options.trace_from) {
    const auto view = std::filesystem::path(options.trace_file).replace_extension(".gtkw").string();
    try {
      waves::write_failure_view(options.trace_file, view, *options.trace_mark, std::nullopt);
    } catch (const Error& error) {
      fmt::print(stderr, "{}\n", error.what());
    }
  }
  try {
    finish_timeline();
  } catch (const Error& error) {
    fmt::print(stderr, "tessera: {}\n", error.what());
  }
  if (!state_->options.vcd_file.empty() && !state_->options.trace_file.empty()) {
    const std::string command = fmt::format("fst2vcd -f '{}' -o '{}'", state_->options.trace_file,
                                            state_->options.vcd_file);
    if (std::system(command.c_str()) != 0) {
      fmt::print(stderr, "{} was not written: fst2vcd failed (Debian package gtkwave)\n",
                 state_->options.vcd_file);
    } else if (state_->fst_is_temporary) {
      std::remove(state_->options.trace_file.c_str());
    }
  }
}

std::unique_ptr<Platform> Platform::open(const std::string& config, PlatformOptions options) {
  if (platform_is_open) {
    throw InputError("a platform is already open: one SystemC simulation can exist at a time");
  }
  auto state = std::make_unique<State>();
  state->config = load_config(config);
  if (!options.vcd_file.empty() && options.trace_file.empty()) {
    options.trace_file = options.vcd_file + ".fst";
    state->fst_is_temporary = true;
  }
  check_models(state->config, options.models);
  check_faults(state->config, options.faults);
  state->config = survivors(state->config, options.faults);
  state->options = std::move(options);
  const auto& opts = state->options;
  fresh_systemc();
  ChipOptions chip_options;
  chip_options.threads = opts.threads;
  chip_options.seed = opts.seed;
  chip_options.max_cycles = opts.max_cycles;
  chip_options.dram_errors = opts.dram_errors;
  chip_options.check = opts.check;
  chip_options.sleep = opts.sleep;
  chip_options.describe_pc = [raw = state.get()](Node node, std::uint32_t pc) {
    const auto& elf = node == raw->config.ctl ? raw->ctl_elf : raw->tile_elf;
    return elf ? elf->describe(pc) : std::string();
  };
  chip_options.trace = {opts.trace_file, opts.trace_from, opts.trace_to};
  chip_options.models = opts.models;
  chip_options.recorder = opts.recorder;
  chip_options.faults = opts.faults;
  chip_options.uart = opts.uart;
  chip_options.debug_open =
      opts.gdb_port.has_value() || (opts.jtag_port.has_value() && opts.jtag_open);
  chip_options.on_advance = [raw = state.get()] { raw->show_progress(); };
  state->chip = std::make_unique<Chip>("chip", state->config, std::move(chip_options));
  state->host = std::make_unique<Host>("host");
  state->host->socket.bind(state->chip->host_socket());
  state->heap = std::make_unique<Heap>(state->config.straps().hbm_bytes());
  state->chip->reset();
  if (!opts.timeline.file.empty()) state->record_timeline();
  if (opts.gdb_port) {
    state->debug_access = std::make_unique<HostAccess>(*state->chip, *state->host);
    state->gdb = std::make_unique<debug::GdbServer>(*state->debug_access, state->config.tiles,
                                                    state->config.ctl, *opts.gdb_port);
  }
  if (opts.jtag_port) {
    if (opts.models.ctl == Fidelity::Tlm) {
      throw InputError("--jtag: the JTAG port is a part of the ctl node's RTL; use --ctl rtl");
    }
    state->jtag_pins = std::make_unique<ChipJtag>(*state->chip);
    state->jtag = std::make_unique<debug::JtagServer>(*state->jtag_pins, *opts.jtag_port);
  }
  return std::unique_ptr<Platform>(new Platform(std::move(state)));
}

const Config& Platform::config() const { return state_->config; }

Rect Platform::all_tiles() const {
  const auto rect = state_->floor_plan_tiles();
  if (!rect) {
    throw InputError(fmt::format("{}: the tiles do not form a rectangle: name one to launch on",
                                 state_->config.file));
  }
  return *rect;
}

std::string Platform::firmware(const std::string& name) {
  namespace fs = std::filesystem;
  const char* folder = std::getenv("TESSERA_FIRMWARE");
  const fs::path file = fs::path(folder != nullptr ? folder : TSR_FIRMWARE_DIR) / name;
  if (!fs::is_regular_file(file)) {
    throw InputError(
        fmt::format("{}: no such firmware. Build it, or name its folder in "
                    "TESSERA_FIRMWARE",
                    file.string()));
  }
  return file.string();
}

void Platform::load(const std::string& tile_elf, const std::string& ctl_elf) {
  auto& s = *state_;
  if (s.loaded) {
    throw InputError(fmt::format("load of {}: the chip already runs {}. Open a new platform",
                                 tile_elf.empty() ? "the shipped firmware" : tile_elf,
                                 s.tile_elf->name()));
  }
  constexpr std::uint32_t kTileDtcm = TSR_LAUNCH_DTCM_OFFSET;  // the launch descriptor lies above
  s.tile_elf = std::make_unique<ElfImage>(
      ElfImage::load(tile_elf.empty() ? firmware("tile.elf") : tile_elf, kTileDtcm));
  s.ctl_elf =
      std::make_unique<ElfImage>(ElfImage::load(ctl_elf.empty() ? firmware("ctl.elf") : ctl_elf));
  auto image = build_image(*s.ctl_elf, *s.tile_elf);
  if (s.timeline) s.timeline->set_programs(*s.tile_elf, *s.ctl_elf);

  set_stage("boot ROM");
  s.wait_status(TSR_STATUS_HBM_READY, "the boot ROM to initialize HBM");
  set_stage("load image");
  const auto at = s.allocate(image.size(), 256);
  s.transfer(true, at, image.data(), image.size());
  s.command(TSR_MBOX_BOOT, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at >> 32));
  set_stage("boot firmware");
  s.wait_status(TSR_STATUS_READY, "the ctl firmware to start the tiles");
  // The image stays allocated: tiles are reloaded from it after a fault.

  constexpr std::size_t kRingBytes =
      TSR_RING_ENTRIES * (sizeof(tsr_command_t) + sizeof(tsr_completion_t));
  s.ring = s.allocate(kRingBytes, 256);
  std::vector<std::uint8_t> zeros(kRingBytes);
  s.transfer(true, s.ring, zeros.data(), zeros.size());
  s.command(TSR_MBOX_RING_BASE, static_cast<std::uint32_t>(s.ring),
            static_cast<std::uint32_t>(s.ring >> 32));
  s.wait_doorbell("the command ring");
  s.take_interrupt();
  s.loaded = true;
  if (s.gdb && !s.gdb_waited) wait_for_gdb();
  if (s.jtag && !s.jtag_waited) wait_for_jtag();
}

std::vector<std::string> Platform::kernels() const {
  return state_->tile_elf ? state_->tile_elf->symbols_with_prefix("kernel_")
                          : std::vector<std::string>{};
}

std::uint64_t Platform::allocate(std::uint64_t bytes, std::uint64_t alignment) {
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    throw InputError(fmt::format("alignment {} is not a power of two", alignment));
  }
  return state_->allocate(bytes, alignment);
}

void Platform::free(std::uint64_t address) {
  if (!state_->heap->free(address)) {
    throw InputError(fmt::format("free of {:#x}: not the start of an allocation", address));
  }
}

void Platform::write(std::uint64_t address, const void* data, std::size_t bytes) {
  // The payload of a write is only read.
  state_->transfer(true, address, const_cast<void*>(data), bytes);
}
void Platform::read(std::uint64_t address, void* data, std::size_t bytes) {
  state_->transfer(false, address, data, bytes);
}
void Platform::write32(std::uint64_t address, std::uint32_t value) {
  state_->write32(address, value);
}
std::uint32_t Platform::read32(std::uint64_t address) { return state_->read32(address); }

std::uint32_t Platform::launch(const std::string& kernel, Rect tiles, const void* args,
                               std::size_t args_bytes, std::uint32_t timeout) {
  auto& s = *state_;
  if (!s.loaded) throw InputError("launch before load(): the chip has no firmware yet");
  const auto names = kernels();
  const auto pc = s.tile_elf->symbol(kernel);
  if (!pc || std::find(names.begin(), names.end(), kernel) == names.end()) {
    std::string known;
    for (const auto& name : names) known += " " + name;
    throw InputError(fmt::format("{}: no kernel '{}'. There is:{}", s.tile_elf->name(), kernel,
                                 known.empty() ? " none" : known));
  }
  if (args_bytes > TSR_ARGS_MAX) {
    throw InputError(fmt::format("{}: {} bytes of arguments; at most {} are possible", kernel,
                                 args_bytes, TSR_ARGS_MAX));
  }
  if (s.in_flight.size() >= TSR_RING_ENTRIES - 1) {
    throw InputError(
        fmt::format("{} launches are under way: wait for one first", s.in_flight.size()));
  }
  tsr_command_t command{};
  command.opcode = TSR_CMD_LAUNCH;
  command.sequence = s.next_sequence++;
  command.kernel_pc = *pc;
  command.args_bytes = static_cast<std::uint32_t>(args_bytes);
  command.x0 = static_cast<std::uint8_t>(tiles.lo.x);
  command.y0 = static_cast<std::uint8_t>(tiles.lo.y);
  command.x1 = static_cast<std::uint8_t>(tiles.hi.x);
  command.y1 = static_cast<std::uint8_t>(tiles.hi.y);
  // Who debugs takes time.
  command.timeout = timeout == 0 && s.jtag_waited ? ~0U : timeout;
  command.flags = s.floor_plan_tiles() == tiles ? TSR_LAUNCH_LIVE : 0;
  if (args_bytes != 0) std::memcpy(command.args, args, args_bytes);
  const std::uint32_t index = command.sequence - 1;
  s.transfer(true, s.ring + (index % TSR_RING_ENTRIES) * sizeof(command), &command,
             sizeof(command));
  s.kernel_of[command.sequence] = kernel;
  s.in_flight.insert(command.sequence);
  s.command(TSR_MBOX_DOORBELL, index + 1, 0);
  return command.sequence;
}

Completion Platform::wait(std::uint32_t sequence) {
  auto& s = *state_;
  if (s.in_flight.count(sequence) == 0) {
    throw InputError(fmt::format("wait for launch {}, which is not under way", sequence));
  }
  const std::uint64_t at = s.ring + TSR_RING_ENTRIES * sizeof(tsr_command_t) +
                           ((sequence - 1) % TSR_RING_ENTRIES) * sizeof(tsr_completion_t);
  tsr_completion_t record{};
  for (auto news = State::News::Interrupt;; news = s.await_news()) {
    if (news == State::News::Interrupt) record = s.read_completion(at);
    if (record.sequence == sequence) break;
    const auto status = s.read32(s.mailbox(regs::mailbox::kStatusOffset));
    if ((status & 0xff) == TSR_STATUS_FATAL) {
      throw Error(ExitCode::ChipFault,
                  fmt::format("cycle {}: {}", s.chip->cycle(), s.fatal_message(status)));
    }
    if (news == State::News::Asleep) s.dead_chip(s.kernel_of[sequence]);
  }
  s.in_flight.erase(sequence);
  if (record.status != TSR_DONE_OK) s.fail(record);
  return {record.value, record.cycles_lo | static_cast<std::uint64_t>(record.cycles_hi) << 32,
          record.tiles};
}

std::uint64_t Platform::tile_counter(Node tile, TileCounter counter) {
  using namespace regs::tile;
  return state_->counter(tile, kCountSelOffset, kCountLoOffset, kCountHiOffset,
                         static_cast<std::uint32_t>(counter));
}

TileCounters Platform::tile_counters(Node tile) {
  using namespace regs::tile;
  const auto get = [&](std::uint32_t select) {
    return state_->counter(tile, kCountSelOffset, kCountLoOffset, kCountHiOffset, select);
  };
  const auto engine = [&](std::uint32_t index) {
    EngineCounters e;
    e.idle = get(16 * index);
    e.busy = get(16 * index + 1);
    e.wait_semaphore = get(16 * index + 2);
    e.starved = get(16 * index + 3);
    e.blocked = get(16 * index + 4);
    e.conflict = get(16 * index + 5);
    e.config = get(16 * index + 6);
    e.commands = get(16 * index + 8);
    e.operations = get(16 * index + 9);
    e.context_rows = get(16 * index + 10);
    return e;
  };
  TileCounters t;
  t.rdma = engine(0);
  t.wdma = engine(1);
  t.me = engine(2);
  t.ve = engine(3);
  t.tdma = engine(4);
  t.elapsed = get(112);
  t.request_flits_sent = get(113);
  t.request_flits_received = get(114);
  t.response_flits_sent = get(115);
  t.response_flits_received = get(116);
  t.instructions = get(117);
  t.spm_conflict_cycles = get(118);
  t.first_command = get(120);
  t.last_command = get(121);
  return t;
}

MemoryCounters Platform::memory_counters(Node memory) {
  using namespace regs::hbm;
  constexpr std::uint64_t kAtomBytes = 32;
  const auto get = [&](std::uint32_t select) {
    return state_->counter(memory, kCountSelOffset, kCountLoOffset, kCountHiOffset, select);
  };
  MemoryCounters m;
  for (std::uint32_t channel = 0; channel < 2; ++channel) {
    m.bytes_read += get(16 * channel) * kAtomBytes;
    m.bytes_written += get(16 * channel + 1) * kAtomBytes;
    m.row_hits += get(16 * channel + 2);
    m.row_misses += get(16 * channel + 3);
    m.refreshes += get(16 * channel + 6);
    m.turnarounds += get(16 * channel + 10);
    m.activates += get(16 * channel + 4);
    m.precharges += get(16 * channel + 5);
    m.bus_busy += get(16 * channel + 7);
  }
  m.elapsed = get(32);
  return m;
}

LinkCounters Platform::link_counters(Node node) const {
  const auto& s = *state_;
  const std::size_t index = s.config.index(node);
  const auto since = [&](unsigned link) {
    const auto before = s.link_flits.empty() ? 0 : s.link_flits[index * kLinks + link];
    return s.link_flits_now(index, link) - before;
  };
  LinkCounters counters;
  for (unsigned port = 0; port < kPorts; ++port) {
    counters.request[port] = since(port);
    counters.response[port] = since(kPorts + port);
  }
  return counters;
}

void Platform::clear_counters() {
  for (const Node tile : state_->config.tiles) {
    state_->write32(State::registers(tile, regs::tile::kCountCtrlOffset), 1);
  }
  for (const Node memory : state_->config.memories) {
    state_->write32(State::registers(memory, regs::hbm::kCountCtrlOffset), 1);
  }
  auto& flits = state_->link_flits;
  flits.clear();
  for (std::size_t node = 0; node < state_->config.nodes.size(); ++node) {
    for (unsigned link = 0; link < kLinks; ++link) {
      flits.push_back(state_->link_flits_now(node, link));
    }
  }
  state_->counters_cleared = cycle();
  if (state_->timeline) state_->timeline->keep_commands(cycle());
}

void Platform::finish_timeline() {
  if (state_->timeline) state_->timeline->finish(cycle());
}

const RunTimeline* Platform::timeline() const { return state_->timeline.get(); }

std::uint64_t Platform::counters_cleared() const { return state_->counters_cleared; }

std::uint16_t Platform::gdb_port() const {
  if (!state_->gdb) throw InputError("GDB is not served: open the platform with gdb_port");
  return state_->gdb->port();
}

void Platform::wait_for_gdb() {
  gdb_port();
  state_->gdb_waited = true;
  if (state_->options.gdb_waits) state_->options.gdb_waits(gdb_port());
  state_->gdb->wait_for_client();
}

void Platform::end_gdb(int code) {
  if (state_->gdb) state_->gdb->finish(static_cast<unsigned>(code));
}

std::uint16_t Platform::jtag_port() const {
  if (!state_->jtag) throw InputError("JTAG is not served: open the platform with jtag_port");
  return state_->jtag->port();
}

void Platform::wait_for_jtag() {
  auto& s = *state_;
  jtag_port();
  s.jtag->listen();
  if (s.options.jtag_waits) s.options.jtag_waits(jtag_port());
  s.jtag->accept();
  s.jtag_waited = true;
  while (s.jtag->connected() && !s.jtag_pins->all_halted()) s.run(kGdbCycles);
}

void Platform::end_jtag() {
  auto& s = *state_;
  if (!s.jtag_waited) return;
  while (s.jtag->connected()) s.run(kGdbCycles);
}

const std::vector<Recovery>& Platform::recoveries() const { return state_->recoveries; }

void Platform::kill_link(const LinkDeath& death) {
  ChipFaults faults;
  faults.deaths.push_back(death);
  check_faults(state_->config, faults);
  state_->chip->kill_link(death);
}

std::optional<FlightReport> Platform::record_failure() {
  auto& s = *state_;
  if (s.chip->recorder() == nullptr) return std::nullopt;
  // A checker's finding ends the run: it is the latest failure.
  const auto& found = s.chip->violation() ? s.chip->violation() : s.failure;
  return s.chip->recorder()->record(found.value_or(FlightFailure{s.chip->cycle(), {}}));
}

doctor::ChipState Platform::examine(const std::optional<FlightReport>& report) {
  auto& s = *state_;
  doctor::ChipState state;
  if (report && (report->written || !report->nodes.empty())) {
    state.cycle = report->to;
    state.config = s.config.straps();
    if (!report->nodes.empty()) state.nodes = doctor::nodes_of(report->nodes);
    return report->written ? doctor::read_state(report->fst, ~0ULL, state) : state;
  }
  const auto fst = std::filesystem::temp_directory_path() /
                   fmt::format("tessera-{}-{}.fst", getpid(), s.chip->cycle());
  const struct Remover {
    const std::filesystem::path& file;
    ~Remover() {
      std::error_code unused;
      std::filesystem::remove(file, unused);
    }
  } remover{fst};
  bool has_waves = false;
  state = s.chip->run_on(fst.string(), has_waves);
  return has_waves ? doctor::read_state(fst.string(), ~0ULL, state) : state;
}

bool Platform::hangs() const {
  const auto& s = *state_;
  const auto limit = s.chip->cycle_limit();
  return s.hangs || s.chip->watchdog_expired() || s.chip->asleep() ||
         (limit != 0 && s.chip->cycle() >= limit);
}

std::string Platform::describe_pc(NodeKind kind, std::uint32_t pc) const {
  const auto& elf = kind == NodeKind::Ctl ? state_->ctl_elf : state_->tile_elf;
  return elf ? elf->describe(pc) : "";
}

void Platform::set_snapshot_every(std::uint64_t cycles) {
  if (state_->chip->recorder() != nullptr) state_->chip->recorder()->set_every(cycles);
}
std::uint64_t Platform::snapshots() const {
  return state_->chip->recorder() == nullptr ? 0 : state_->chip->recorder()->snapshots();
}

void Platform::advance(std::uint64_t cycles) {
  const auto end = cycle() + cycles;
  while (cycle() < end) state_->run(std::min(end - cycle(), kPollCycles));
}

std::uint64_t Platform::cycle() const { return state_->chip->cycle(); }
SimulationStats Platform::stats() const {
  const auto& chip = *state_->chip;
  const CheckCounts counts = chip.check_counts();
  SimulationStats stats;
  stats.cycles = chip.cycle();
  stats.wall_seconds = chip.wall_seconds();
  stats.cpu_seconds = chip.cpu_seconds();
  stats.checked = chip.checked();
  stats.checked_instructions = counts.instructions;
  stats.checked_commands = counts.commands;
  stats.dram_bit_errors = chip.dram_bit_errors();
  return stats;
}
std::string Platform::uart_text() const { return state_->chip->uart().text(); }
void Platform::stop_checks() { state_->chip->stop_checks(); }
void Platform::set_stage(const std::string& stage) { state_->stage = stage; }

}  // namespace tsr
