// SPDX-License-Identifier: Apache-2.0
/// Tessera's runtime library: open a chip, load programs, move data, launch kernels, read counters.
///
///   auto chip = tsr::Platform::open("t16");
///   chip->load();                                        // firmware and the shipped kernels
///   const auto a = chip->allocate(bytes);
///   chip->write(a, data, bytes);
///   chip->run("kernel_gemm", chip->all_tiles(), args);   // launch and wait
///   chip->read(c, result, bytes);
///
/// Every failure is a tsr::Error (error.hpp): what() says what was wrong, where and what to do,
/// code() which exit code it stands for. One platform can be open at a time in a process.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config.hpp"
#include "doctor/chip_state.hpp"
#include "dram/dram_errors.hpp"
#include "elf/elf.hpp"
#include "error.hpp"
#include "faults.hpp"
#include "models.hpp"
#include "noc/address_map.hpp"
#include "noc/flit.hpp"
#include "recorder/flight.hpp"
#include "timeline/run_timeline.hpp"

namespace tsr {

/// State of a long run, for progress displays.
struct Progress {
  std::string stage;         ///< what is going on
  std::uint64_t cycles = 0;  ///< since reset
  double khz = 0;            ///< simulated cycles per wall millisecond, recent
  double wall_seconds = 0;   ///< since open()
};

/// How to open a platform.
struct PlatformOptions {
  unsigned threads = 1;              ///< worker threads; changes nothing but speed
  std::uint64_t seed = 1;            ///< initial values of uninitialized flops and memories
  std::uint64_t max_cycles = 0;      ///< end with ExitCode::Timeout after so many cycles; 0: never
  Models models = default_models();  ///< which parts are RTL and which TLM; see docs/tlm.md
  ChipFaults faults;                 ///< what is broken
  DramErrors dram_errors;            ///< bit errors of the DRAM on purpose
  /// Compare every instruction and every engine command of the RTL with the functional models while
  /// the chip runs; the first difference throws Error{CheckFailed}.
  bool check = true;
  bool sleep = true;       ///< false: clock idle nodes too; slow, for checking that nothing changes
  std::string trace_file;  ///< FST waves; empty: none
  std::uint64_t trace_from = 0;    ///< first traced cycle
  std::uint64_t trace_to = ~0ULL;  ///< last traced cycle
  /// Beside the FST write a save file for GTKWave (its name with .gtkw) with this cycle marked.
  std::optional<std::uint64_t> trace_mark;
  RecorderOptions recorder;  ///< waves of the last cycles before a failure
  std::string vcd_file;      ///< the same waves as VCD; needs fst2vcd (package gtkwave)
  TimelineOptions timeline;  ///< trace events for Perfetto; docs/timeline.md
  /// Serve GDB at this port of 127.0.0.1 (0: any free one), and wait for it at the end of load().
  /// Opens the debug fuse. See docs/debugging.md.
  std::optional<std::uint16_t> gdb_port;
  std::function<void(std::uint16_t port)> gdb_waits;  ///< called when GDB may connect
  /// Serve the chip's JTAG port to OpenOCD (remote_bitbang) at this port of 127.0.0.1 (0: any free
  /// one), and wait for it at the end of load().
  std::optional<std::uint16_t> jtag_port;
  bool jtag_open = true;  ///< with jtag_port: open the debug fuse; else firmware locks debug access
  std::function<void(std::uint16_t port)> jtag_waits;  ///< called when OpenOCD may connect
  std::function<void(const std::string& line)> uart;   ///< every line of the chip's UART
  std::function<void(const Progress&)> progress;       ///< called a few times a second
};

/// Outcome of a launch that ended well.
struct Completion {
  std::uint32_t value = 0;   ///< what the kernels returned (0)
  std::uint64_t cycles = 0;  ///< from launch to completion, measured by the ctl firmware
  std::uint32_t tiles = 0;   ///< launched
};

/// Links that died under a launch, found and routed around by the ctl firmware. All tiles that can
/// be reached were loaded anew.
struct Recovery {
  std::uint32_t links = 0;   ///< found
  std::uint64_t cycles = 0;  ///< from the end of the launch to tiles that are ready again
  std::uint64_t ready = 0;   ///< cycle in which the host was told
};

/// Cycles of an engine since the last clear_counters(), by what they were spent on.
struct EngineCounters {
  std::uint64_t busy = 0, wait_semaphore = 0, starved = 0, blocked = 0, conflict = 0, config = 0;
  std::uint64_t idle = 0;          ///< the remainder of elapsed
  std::uint64_t commands = 0;      ///< commands done
  std::uint64_t operations = 0;    ///< multiply-adds (ME), elements (VE) or bytes (DMA, TDMA)
  std::uint64_t context_rows = 0;  ///< context rows loaded, one cycle each
};

/// Counters of a tile since the last clear_counters().
struct TileCounters {
  EngineCounters rdma, wdma, me, ve, tdma;
  std::uint64_t elapsed = 0;
  std::uint64_t request_flits_sent = 0, request_flits_received = 0;
  std::uint64_t response_flits_sent = 0, response_flits_received = 0;
  std::uint64_t instructions = 0;
  std::uint64_t spm_conflict_cycles = 0;
  std::uint64_t first_command =
      0;  ///< cycle in which the first command was offered to its engine; that of the clear if none
  std::uint64_t last_command = 0;  ///< cycle in which the last command ended
};

/// Counters of a memory node since the last clear_counters().
struct MemoryCounters {
  std::uint64_t bytes_read = 0, bytes_written = 0;
  std::uint64_t row_hits = 0, row_misses = 0;
  std::uint64_t turnarounds = 0;  ///< of the data bus
  std::uint64_t refreshes = 0;
  std::uint64_t activates = 0, precharges = 0;
  std::uint64_t bus_busy = 0;  ///< cycles of the data bus, sum of both pseudo channels
  std::uint64_t elapsed = 0;   ///< cycles since the counters were cleared
};

/// Flits that a node's router sent since the last clear_counters(), by port. The simulator counts
/// them, not the chip.
struct LinkCounters {
  static constexpr unsigned kPorts = kNumDirs;  ///< in the order of Dir: local, north, east, ...
  std::array<std::uint64_t, kPorts> request{}, response{};
};

/// What the simulator did so far.
struct SimulationStats {
  std::uint64_t cycles = 0;
  double wall_seconds = 0;                 ///< spent simulating
  double cpu_seconds = 0;                  ///< processor time of the process meanwhile
  bool checked = false;                    ///< PlatformOptions::check, and there is RTL to check
  std::uint64_t checked_instructions = 0;  ///< compared so far
  std::uint64_t checked_commands = 0;      ///< of engines
  std::uint64_t dram_bit_errors = 0;       ///< that PlatformOptions::dram_errors caused
  double khz() const {
    return wall_seconds > 0 ? static_cast<double>(cycles) / wall_seconds / 1e3 : 0;
  }
};

/// A chip that runs. Uses the chip through its host port only: nothing here reaches around the
/// hardware.
class Platform {
 public:
  /// Build the chip of a configuration (name or TOML file) and reset it.
  static std::unique_ptr<Platform> open(const std::string& config, PlatformOptions options = {});
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// The configuration without the tiles and memory nodes that `faults` takes away.
  const Config& config() const;
  /// All tiles of the floor plan as one rectangle; a launch on it uses those that work. Throws
  /// InputError if they do not form one.
  Rect all_tiles() const;

  // ---- Programs

  /// Boot: wait for the boot ROM, write the image of both programs to HBM, wait until every tile
  /// is ready. Empty names mean the shipped firmware: ctl runtime, and tile runtime with the
  /// kernels.
  void load(const std::string& tile_elf = "", const std::string& ctl_elf = "");
  /// Names of the loaded kernels (functions kernel_*).
  std::vector<std::string> kernels() const;
  /// Path of a shipped firmware file. Throws InputError if it was not built.
  static std::string firmware(const std::string& name);

  // ---- Memory (HBM)

  /// Allocate HBM; returns a global address. Throws Error when there is no room.
  std::uint64_t allocate(std::uint64_t bytes, std::uint64_t alignment = 256);
  /// Give back what allocate() returned.
  void free(std::uint64_t address);
  /// Copy to and from any global address the host may reach. Throws Error{ChipFault} with the
  /// chip's reason when the access is refused.
  void write(std::uint64_t address, const void* data, std::size_t bytes);
  void read(std::uint64_t address, void* data, std::size_t bytes);
  void write32(std::uint64_t address, std::uint32_t value);
  std::uint32_t read32(std::uint64_t address);

  // ---- Kernels

  /// Start a kernel on every tile of a rectangle; returns its sequence number. `timeout`: cycles
  /// until the ctl firmware gives up, 0 = its default. The chip refuses a rectangle with a tile
  /// that does not work, unless it is all_tiles().
  std::uint32_t launch(const std::string& kernel, Rect tiles, const void* args,
                       std::size_t args_bytes, std::uint32_t timeout = 0);
  /// Wait for a launch. Throws Error: JobFailed (a kernel returned non-zero), ChipFault (trap or
  /// engine error, decoded), Timeout.
  Completion wait(std::uint32_t sequence);
  /// What happened to links so far: one entry for each launch after which some were found dead.
  const std::vector<Recovery>& recoveries() const;
  /// launch() and wait().
  template <class Args>
  Completion run(const std::string& kernel, Rect tiles, const Args& args,
                 std::uint32_t timeout = 0) {
    return wait(launch(kernel, tiles, &args, sizeof(Args), timeout));
  }

  // ---- Counters

  /// Selectors of single counters (COUNT_SEL of the tile's registers).
  enum class TileCounter : std::uint32_t {
    MeOperations = 41,
    Elapsed = 112,
    RequestFlitsSent = 113,
    RequestFlitsReceived = 114,
    ResponseFlitsSent = 115,
    ResponseFlitsReceived = 116,
    Instructions = 117,
    FirstCommand = 120,
    LastCommand = 121,
  };
  std::uint64_t tile_counter(Node tile, TileCounter counter);
  TileCounters tile_counters(Node tile);
  MemoryCounters memory_counters(Node memory);
  /// Of any node, tile or not. Takes no time on the chip.
  LinkCounters link_counters(Node node) const;
  /// Clear the counters of all tiles and memory nodes.
  void clear_counters();
  /// Cycle in which clear_counters() was complete; 0 without one.
  std::uint64_t counters_cleared() const;

  // ---- Debugging

  /// Port that GDB is served at. Throws InputError without PlatformOptions::gdb_port.
  std::uint16_t gdb_port() const;
  /// Wait now, and not in load(), until GDB has connected and lets the chip run.
  void wait_for_gdb();
  /// Tell GDB that the program has ended with this exit code.
  void end_gdb(int code);
  /// Port that the JTAG pins are served at. Throws InputError without PlatformOptions::jtag_port.
  std::uint16_t jtag_port() const;
  /// Wait now, and not in load(), until a client of the JTAG port has halted all tiles, or has
  /// gone.
  void wait_for_jtag();
  /// Let the chip run on until the client of the JTAG port, if there is one, has gone.
  void end_jtag();

  /// Write waves of the cycles before the latest failure that a call of this platform threw, or
  /// before now if none did. Nothing without PlatformOptions::recorder. Each snapshot of the
  /// recorder can be used once.
  std::optional<FlightReport> record_failure();
  /// Whether the chip hangs, as far as a failure that a call threw tells: a timeout, no answer from
  /// the network, a dead chip.
  bool hangs() const;
  /// What all nodes did at the latest failure, for doctor::diagnose(): from what record_failure()
  /// left in `report`, or if that is nothing from now on. For the latter the chip runs on for 1,500
  /// cycles, and can be used for nothing else any more. Throws InputError if the waves cannot be
  /// read.
  doctor::ChipState examine(const std::optional<FlightReport>& report);
  /// "function+0x10" of the loaded program of the tiles or of ctl, "" if unknown.
  std::string describe_pc(NodeKind kind, std::uint32_t pc) const;
  /// Change RecorderOptions::every of a platform that has a recorder; 0: no snapshots for now.
  void set_snapshot_every(std::uint64_t cycles);
  /// Snapshots that the recorder has taken.
  std::uint64_t snapshots() const;

  /// End the timeline's file, if there is one. Throws InputError if it could not be written.
  void finish_timeline();
  /// The timeline that is recorded, or null.
  const RunTimeline* timeline() const;

  // ---- Simulation

  /// Let a link die in a cycle to come: from then on it carries nothing. Throws InputError.
  void kill_link(const LinkDeath& death);
  /// Let `cycles` pass.
  void advance(std::uint64_t cycles);
  std::uint64_t cycle() const;
  SimulationStats stats() const;
  /// Everything the chip's UART said.
  std::string uart_text() const;
  /// End the lock-step (PlatformOptions::check) for the rest of the run, to measure what it costs.
  void stop_checks();
  /// Name the stage that progress reports show.
  void set_stage(const std::string& stage);

 private:
  struct State;
  explicit Platform(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tsr
