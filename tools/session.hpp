// SPDX-License-Identifier: Apache-2.0
/// What all subcommands that simulate have in common: options, progress display, JSON results.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "doctor/diagnose.hpp"
#include "run_data.hpp"
#include "tessera/host.hpp"

namespace tsr::tools {

/// Cycles between snapshots of `tessera run`. Benchmarks take none unless they are asked to.
inline constexpr std::uint64_t kSnapshotEvery = 50'000;

/// Options of a simulation.
struct SessionOptions {
  std::string config = "t16";
  std::uint64_t seed = 1;
  unsigned threads = 1;
  std::uint64_t max_cycles = 0;
  std::string dram_errors;
  std::string dram_error_rate;
  bool no_check = false;
  std::string trace_file;
  std::uint64_t trace_from = 0;
  std::uint64_t trace_to = ~0ULL;
  std::string vcd_file;
  std::uint64_t snapshot_every = 0;  ///< of the flight recorder; 0: off
  std::uint64_t window = 5000;
  std::string flight_file = "tessera-flight.fst";
  std::optional<std::uint64_t> replay;
  TimelineOptions timeline;
  int gdb_port = -1;         ///< -1: no GDB
  bool gdb_reset = false;    ///< wait for GDB before the first instruction
  int jtag_port = -1;        ///< -1: no JTAG
  bool jtag_locked = false;  ///< the debug fuse stays closed
  std::string json_file;
  std::vector<std::string> kill_links, dead_links, dead_tiles, mute_nodes, lost_credits;
  bool tlm = false;  ///< everything that `tile` to `ctl` do not name is TLM
  std::vector<std::string> tile, noc, hbm, ctl;

  /// Declare them on a subcommand.
  void add_to(CLI::App& app);
};

/// Declare --tlm, --tile, --noc, --hbm and --ctl.
void add_model_options(CLI::App& app, SessionOptions& options);
/// Which models they name. Throws InputError.
Models models_of(const SessionOptions& options);
/// Lines of the report, and the progress line below them.
class Screen {
 public:
  explicit Screen(std::FILE* out);
  bool terminal() const { return terminal_; }
  void line(const std::string& text);
  void show(const Progress& progress);
  void clear_progress();

 private:
  std::FILE* out_;
  bool terminal_;
  bool progress_shown_ = false;
};

/// After a session was left by an exception: what the flight recorder finds, on standard error.
/// If the chip hangs, also why, and in the JSON result as "hang". Nothing if there is nothing to
/// tell, or if the failure is the user's mistake.
void explain_failure(ExitCode code, const std::string& message);

/// A platform with the terminal around it. Text goes to standard output, or to standard error when
/// the JSON result goes to standard output.
class Session {
 public:
  explicit Session(const SessionOptions& options);
  ~Session();

  Platform& chip() { return *chip_; }
  const SessionOptions& options() const { return options_; }
  /// Print a line of the report, without disturbing the progress line.
  void line(const std::string& text);
  /// Start a stage: shown with the progress, and printed when it ends with the cycles that it took.
  void begin(const std::string& stage);
  /// End the stage; returns its cycles. `note` is printed behind them.
  std::uint64_t end(const std::string& note = "");

  /// Start the measured part: clear all counters.
  void measure() { chip_->clear_counters(); }
  /// The measured part is complete: if JSON is asked for, end() reads what `tessera report` draws.
  /// The last call counts.
  void measured() { measured_ = true; }

  /// Result keys, flat at the top level.
  nlohmann::ordered_json result;
  /// Add the simulation's own figures, write the result where --json says. `verdict`, if there is
  /// one, is the last line.
  void finish(const std::string& verdict = "");

 private:
  void collect();
  nlohmann::ordered_json report() const;

  SessionOptions options_;
  std::shared_ptr<Screen> screen_;
  int exceptions_;  ///< under way when the session began
  std::string stage_;
  std::uint64_t stage_start_ = 0;
  std::vector<Stage> stages_;
  bool measured_ = false;             ///< collect() is due
  nlohmann::ordered_json collected_;  ///< null: nothing was measured
  std::unique_ptr<Platform> chip_;
};

/// A diagnosis as the JSON key "hang".
nlohmann::ordered_json to_json(const doctor::Diagnosis& diagnosis);

/// Refuse, before a long run, a file that cannot be written after it. Throws InputError.
void require_writable(const std::string& file);

/// Write JSON to a file, or to standard output for "-". Nothing for "".
void write_json(const nlohmann::ordered_json& json, const std::string& file);

/// "12.3 MB" and the like.
std::string human_bytes(std::uint64_t bytes);

}  // namespace tsr::tools
