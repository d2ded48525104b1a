// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <thread>

#include "doctor/wave_state.hpp"
#include "jobs/operand.hpp"

namespace tsr::tools {

void SessionOptions::add_to(CLI::App& app) {
  app.add_option("-c,--config", config, "Chip: t4, t16 or a TOML file")->capture_default_str();
  app.add_option("--seed", seed, "Seed of the data, and of uninitialized flops")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("-j,--threads", threads, "Worker threads; they change the speed and nothing else")
      ->capture_default_str()
      ->check(CLI::Range(1U, 256U));
  app.add_option("--max-cycles", max_cycles, "Give up (exit code 4) after so many cycles; 0: never")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--no-check", no_check,
               "Do not compare instructions and engine commands with the functional models.\n"
               "Faster, but a wrong result stays unnoticed; the report says so");
  app.add_option(
      "--dram-errors", dram_errors,
      "Broken DRAM cells: a text file with lines ADDRESS BIT... (HBM address; bit 0..255 "
      "of its 32 bytes, 256..271 of their side bits)");
  app.add_option("--dram-error-rate", dram_error_rate,
                 "Random DRAM errors: RATE or RATE,SEED; a bit that is read flips with this "
                 "probability, and stays so until it is written");
  app.add_option("--trace", trace_file, "Write waves to this FST file (slow: choose a window)");
  app.add_option("--trace-from", trace_from, "First traced cycle")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--trace-to", trace_to, "Last traced cycle (default: the end)")
      ->check(CLI::NonNegativeNumber);
  app.add_option(
         "--snapshot-every", snapshot_every,
         "Flight recorder: take a copy of the simulation every so many cycles. After a\n"
         "failure, or on Ctrl-C or SIGUSR1, the copy writes waves of the cycles before it.\n"
         "0: off")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--window", window, "Cycles that the flight recorder and --replay trace")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  app.add_option("--flight", flight_file,
                 "File for the waves of the flight recorder and of --replay; a save file for\n"
                 "GTKWave with the ending .gtkw lies beside it")
      ->capture_default_str();
  app.add_option("--replay", replay,
                 "Run again and trace the --window around this cycle: a run with the same options\n"
                 "does the same in every cycle")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--vcd", vcd_file, "Write the same waves as VCD (needs fst2vcd, package gtkwave)");
  app.add_option("--timeline", timeline.file,
                 "Write what cores, engines, memory and network did as trace events (JSON) for\n"
                 "Perfetto or speedscope; see docs/timeline.md");
  app.add_option("--timeline-from", timeline.window.from, "First cycle of the timeline")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--timeline-to", timeline.window.to,
                 "Last cycle of the timeline (default: the end)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--timeline-interval", timeline.interval,
                 "Cycles that the counters of the timeline sum up")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{16}, std::uint64_t{1} << 20));
  app.add_option("--timeline-events", timeline.max_events,
                 "End the timeline after so many events; viewers get slow beyond a few million")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1000}, std::uint64_t{1} << 32));
  app.add_flag("!--no-timeline-dma", timeline.dma,
               "Leave the DMA transactions out of the timeline: they are the most of its events");
  app.add_option(
         "--kill-link", kill_links,
         "Let a link die: X,Y,east@CYCLE or X,Y,south@CYCLE, the link of node (X, Y) to its\n"
         "neighbour. Both directions carry nothing from that cycle on (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--dead-link", dead_links,
                 "A link that is dead from the start, and in the fuses: X,Y,east or X,Y,south\n"
                 "(repeatable)")
      ->allow_extra_args(false);
  app.add_option("--dead-tile", dead_tiles,
                 "A tile that is dead from the start, and in the fuses: X,Y (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--mute-node", mute_nodes,
                 "X,Y@CYCLE: from that cycle on the network loses what node (X, Y) answers\n"
                 "(repeatable)")
      ->allow_extra_args(false);
  app.add_option(
         "--lose-credits", lost_credits,
         "X,Y@CYCLE: from that cycle on the network loses the credits that node (X, Y) gives\n"
         "for requests, and its own requests (repeatable)")
      ->allow_extra_args(false);
  add_model_options(app, *this);
  app.add_option("--gdb", gdb_port,
                 "Serve GDB at this port of 127.0.0.1 (0: any free one) and wait for it when all\n"
                 "programs are loaded. Every core is a thread; see docs/debugging.md")
      ->check(CLI::Range(0, 65535));
  app.add_flag("--gdb-reset", gdb_reset,
               "Wait for GDB before the first instruction of the boot ROM");
  app.add_option(
         "--jtag", jtag_port,
         "Serve the chip's JTAG port to OpenOCD (remote_bitbang) at this port of 127.0.0.1\n"
         "(0: any free one); the job starts when OpenOCD has halted all tiles, as\n"
         "configs/openocd/tessera.cfg makes it. See docs/debugging.md")
      ->check(CLI::Range(0, 65535));
  app.add_flag("--jtag-locked", jtag_locked,
               "With --jtag: leave the debug fuse closed, so that the firmware locks debug access");
  app.add_option("--json", json_file,
                 "Write the results as JSON to this file; - is standard output");
}

void add_model_options(CLI::App& app, SessionOptions& options) {
  app.add_flag(
      "--tlm", options.tlm,
      "Fast transaction-level models of everything: the same results, cycle counts within\n"
      "a few percent. The options below take single parts back to RTL");
  const auto add = [&app](const char* name, std::vector<std::string>& values, const char* text) {
    app.add_option(name, values, text)->allow_extra_args(false);
  };
  add("--tile", options.tile,
      "Model of the tiles: rtl (cycle for cycle, the default) or tlm (fast); of one tile:\n"
      "X,Y=rtl or X,Y=tlm (repeatable)");
  add("--noc", options.noc, "Model of the network: rtl or tlm");
  add("--hbm", options.hbm,
      "Model of the memory nodes: rtl or tlm; of one: X,Y=rtl or X,Y=tlm (repeatable)");
  add("--ctl", options.ctl, "Model of the ctl node: rtl or tlm");
}

Models models_of(const SessionOptions& options) {
  Models models = options.tlm ? tlm_models() : default_models();
  for (const auto& text : options.tile) parse_model(text, "--tile", models.tile, models);
  for (const auto& text : options.noc) models.noc = parse_model(text, "--noc");
  for (const auto& text : options.hbm) parse_model(text, "--hbm", models.hbm, models);
  for (const auto& text : options.ctl) models.ctl = parse_model(text, "--ctl");
  return models;
}

namespace {

/// Waves show RTL models alone.
std::string trace_note(const Models& models, const Config& config) {
  if (!models.any_tlm(config)) return "";
  if (models.all_tlm(config)) {
    throw InputError(
        "waves show RTL models, and there is none: leave one of --tile, --noc, --hbm "
        "and --ctl at rtl, or do without --trace and --vcd");
  }
  return fmt::format("waves show the RTL models alone ({})", models.to_text(config));
}
/// The chip of a session that an exception has ended.
std::unique_ptr<Platform> failed_chip;
/// Where its JSON result was to go.
std::string failed_json;

/// --replay is a trace with another choice of the window.
void trace_around(SessionOptions& options) {
  if (!options.trace_file.empty() || !options.vcd_file.empty()) {
    throw InputError("--replay writes a trace of its own: leave --trace and --vcd out");
  }
  const std::uint64_t before = std::min(options.window / 2, *options.replay);
  options.trace_file = options.flight_file;
  options.trace_from = *options.replay - before;
  options.trace_to = options.trace_from + options.window - 1;
  options.snapshot_every = 0;  // its waves would have the same name
}

ChipFaults faults_of(const SessionOptions& options) {
  ChipFaults faults;
  for (const auto& text : options.dead_tiles) faults.dead_tiles.push_back(parse_node(text));
  for (const auto& text : options.dead_links) faults.dead_links.push_back(parse_link(text));
  for (const auto& text : options.kill_links) faults.deaths.push_back(parse_link_death(text));
  for (const auto& text : options.mute_nodes) faults.losses.push_back(parse_lost_output(text, 1));
  for (const auto& text : options.lost_credits) faults.losses.push_back(parse_lost_output(text, 0));
  return faults;
}

}  // namespace

Session::Session(const SessionOptions& options)
    : options_(options),
      screen_(std::make_shared<Screen>(options.json_file == "-" ? stderr : stdout)),
      exceptions_(std::uncaught_exceptions()) {
  if (options_.replay) trace_around(options_);
  if (options_.gdb_reset && options_.gdb_port < 0) throw InputError("--gdb-reset needs --gdb PORT");
  if (options_.jtag_locked && options_.jtag_port < 0) {
    throw InputError("--jtag-locked needs --jtag PORT");
  }
  if (options_.trace_from > options_.trace_to) {
    throw InputError("--trace-from is behind --trace-to");
  }
  const bool window = options_.trace_from != 0 || options_.trace_to != ~0ULL;
  if (window && options_.trace_file.empty() && options_.vcd_file.empty()) {
    throw InputError("--trace-from and --trace-to need --trace FILE or --vcd FILE");
  }
  const auto& window_of_timeline = options_.timeline.window;
  if (window_of_timeline.from > window_of_timeline.to) {
    throw InputError("--timeline-from is behind --timeline-to");
  }
  if (options_.timeline.file.empty() &&
      (window_of_timeline.from != 0 || window_of_timeline.to != ~0ULL)) {
    throw InputError("--timeline-from and --timeline-to need --timeline FILE");
  }
  for (const auto& file :
       {options_.trace_file, options_.vcd_file, options_.json_file, options_.timeline.file}) {
    require_writable(file);
  }
  PlatformOptions platform;
  platform.threads = options_.threads;
  platform.seed = options_.seed;
  platform.max_cycles = options_.max_cycles;
  platform.models = models_of(options_);
  const Config config = load_config(options_.config);
  if (!options_.trace_file.empty() || !options_.vcd_file.empty()) {
    const std::string note = trace_note(platform.models, config);
    if (!note.empty()) line(note);
  }
  const std::string models = platform.models.to_text(config);
  result["models"] = models;
  platform.faults = faults_of(options_);
  if (!options_.dram_errors.empty()) {
    platform.dram_errors.broken = load_broken_cells(options_.dram_errors);
  }
  if (!options_.dram_error_rate.empty()) {
    parse_error_rate(options_.dram_error_rate, platform.dram_errors);
  }
  platform.check = !options_.no_check;
  platform.trace_file = options_.trace_file;
  platform.trace_from = options_.trace_from;
  platform.trace_to = options_.trace_to;
  platform.trace_mark = options_.replay;
  platform.recorder = {options_.snapshot_every, options_.window, options_.flight_file, true};
  platform.vcd_file = options_.vcd_file;
  platform.timeline = options_.timeline;
  if (options_.gdb_port >= 0) platform.gdb_port = static_cast<std::uint16_t>(options_.gdb_port);
  platform.gdb_waits = [screen = screen_](std::uint16_t port) {
    screen->line(fmt::format("gdb at 127.0.0.1:{}: waiting for `target remote :{}`", port, port));
  };
  if (options_.jtag_port >= 0) platform.jtag_port = static_cast<std::uint16_t>(options_.jtag_port);
  platform.jtag_open = !options_.jtag_locked;
  platform.jtag_waits = [screen = screen_](std::uint16_t port) {
    screen->line(fmt::format("jtag at 127.0.0.1:{}: waiting for openocd", port));
  };
  // The chip may outlive the session, see explain_failure().
  platform.uart = [screen = screen_](const std::string& text) { screen->line("  uart| " + text); };
  if (screen_->terminal()) {
    platform.progress = [screen = screen_](const Progress& progress) { screen->show(progress); };
  }
  chip_ = Platform::open(options_.config, std::move(platform));
  if (options_.gdb_reset) chip_->wait_for_gdb();
}

Session::~Session() {
  screen_->clear_progress();
  if (chip_ && options_.replay && chip_->cycle() > options_.trace_from) {
    const auto& file = options_.flight_file;
    const auto view = std::filesystem::path(file).replace_extension(".gtkw").string();
    screen_->line(
        fmt::format("cycles {} to {} are in {}\n  look at them: tessera waves {}\n  or:           "
                    "gtkwave {} {}",
                    options_.trace_from, std::min(options_.trace_to, chip_->cycle() - 1), file,
                    file, file, view));
  }
  if (std::uncaught_exceptions() > exceptions_) {
    failed_chip = std::move(chip_);
    failed_json = options_.json_file;
  }
  chip_.reset();
}

namespace {

/// Why the chip hangs, from what the recorder has left or from what it does now.
doctor::Diagnosis examine(Platform& chip, const std::optional<FlightReport>& report) {
  const auto failed = chip.cycle();
  const auto state = chip.examine(report);
  if (state.cycle >= failed) {
    fmt::print(stderr, "what the chip does behind the failure, in cycles {} to {}:\n", failed,
               state.cycle);
  }
  return doctor::diagnose(state, [&](doctor::Kind kind, std::uint32_t pc) {
    return chip.describe_pc(kind == doctor::Kind::Ctl ? NodeKind::Ctl : NodeKind::Tile, pc);
  });
}

}  // namespace

void explain_failure(ExitCode code, const std::string& message) {
  const auto chip = std::move(failed_chip);
  if (!chip || code == ExitCode::BadInput) return;
  nlohmann::ordered_json json;
  json["error"] = message;
  json["exit_code"] = static_cast<int>(code);
  const bool hangs = chip->hangs();
  const auto report = chip->record_failure();
  if (report) fmt::print(stderr, "{}", report->text);
  try {
    if (report && report->written) {
      json["flight"] = {{"fst", report->fst}, {"from", report->from}, {"to", report->to}};
    }
    if (hangs) {
      const auto diagnosis = examine(*chip, report);
      fmt::print(stderr, "{}", diagnosis.text());
      json["hang"] = to_json(diagnosis);
    }
  } catch (const Error& error) {
    fmt::print(stderr, "no diagnosis: {}\n", error.what());
  }
  try {
    write_json(json, failed_json);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
}

nlohmann::ordered_json to_json(const doctor::Diagnosis& diagnosis) {
  nlohmann::ordered_json json;
  json["kind"] = diagnosis.kind;
  json["cause"] = diagnosis.cause;
  json["others"] = diagnosis.others;
  json["cycle"] = diagnosis.cycle;
  json["waits"] = nlohmann::ordered_json::array();
  for (const auto& edge : diagnosis.waits) {
    json["waits"].push_back({{"who", edge.who}, {"whom", edge.whom}, {"why", edge.why}});
  }
  json["in_flight"] = diagnosis.transactions;
  json["cores"] = diagnosis.cores;
  return json;
}

Screen::Screen(std::FILE* out) : out_(out), terminal_(isatty(fileno(stderr)) != 0) {}

void Screen::clear_progress() {
  if (!progress_shown_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  progress_shown_ = false;
}

void Screen::show(const Progress& progress) {
  fmt::print(stderr, "\r\033[K  {} | {} cycles | {:.1f} kHz | {:.0f} s", progress.stage,
             progress.cycles, progress.khz, progress.wall_seconds);
  std::fflush(stderr);
  progress_shown_ = true;
}

void Screen::line(const std::string& text) {
  clear_progress();
  fmt::print(out_, "{}\n", text);
  std::fflush(out_);
}

void Session::line(const std::string& text) { screen_->line(text); }

void Session::begin(const std::string& stage) {
  stage_ = stage;
  stage_start_ = chip_->cycle();
  chip_->set_stage(stage);
}

std::uint64_t Session::end(const std::string& note) {
  const auto cycles = chip_->cycle() - stage_start_;
  stages_.push_back({stage_, stage_start_, chip_->cycle()});
  line(fmt::format("{:<28} {:>10} cycles{}{}", stage_, cycles, note.empty() ? "" : "   ", note));
  if (measured_) collect();
  return cycles;
}

void Session::collect() {
  measured_ = false;
  if (options_.json_file.empty()) return;
  const auto from = chip_->cycle();
  collected_ = read_run_data(*chip_);
  stages_.push_back({"read the report's counters", from, chip_->cycle()});
}

/// The key `report`: what was collected, and how the run was made.
nlohmann::ordered_json Session::report() const {
  nlohmann::ordered_json out;
  out["schema"] = kReportSchema;
  out["version"] = TSR_VERSION;
  out["compiler"] = __VERSION__;
  out["command"] = command_line();
  const auto& config = chip_->config();
  out["chip"] = chip_json(config);
  const std::string format = result.value("format", "");
  const auto names = matrix_format_names(true);
  const bool known = std::find(names.begin(), names.end(), format) != names.end();
  const auto cells =
      static_cast<std::uint64_t>(config.me_rows) * static_cast<unsigned>(config.me_cols);
  out["peak"] = peak_json(known ? format : "bf16",
                          cells * bench_format(known ? format : "bf16").macs_per_cell());
  out["stages"] = nlohmann::ordered_json::array();
  for (const auto& stage : stages_) {
    out["stages"].push_back({{"name", stage.name}, {"from", stage.from}, {"to", stage.to}});
  }
  out.update(collected_);
  if (chip_->timeline() != nullptr) out["timeline"] = timeline_json(*chip_);
  return out;
}

void Session::finish(const std::string& verdict) {
  chip_->end_gdb(0);
  chip_->end_jtag();
  chip_->finish_timeline();
  const auto stats = chip_->stats();
  result["config"] = chip_->config().name;
  result["seed"] = options_.seed;
  result["threads"] = options_.threads;
  result["total_cycles"] = stats.cycles;
  for (const auto& recovery : chip_->recoveries()) {
    result["recoveries"].push_back(
        {{"links", recovery.links}, {"cycles", recovery.cycles}, {"ready", recovery.ready}});
  }
  result["checked"] = stats.checked;
  if (stats.checked) {
    result["checked_instructions"] = stats.checked_instructions;
    result["checked_commands"] = stats.checked_commands;
    line(fmt::format("checked in lock-step: {} instructions, {} engine commands",
                     stats.checked_instructions, stats.checked_commands));
  } else if (options_.no_check) {
    line("not checked in lock-step (--no-check)");
  }
  result["wall_seconds"] = stats.wall_seconds;
  result["cpu_seconds"] = stats.cpu_seconds;
  result["total_khz"] = stats.khz();
  if (!(options_.dram_errors.empty() && options_.dram_error_rate.empty())) {
    result["dram_bit_errors"] = stats.dram_bit_errors;
    line(fmt::format("{:<28} {:>10}", "DRAM bit errors", stats.dram_bit_errors));
  }
  if (!verdict.empty()) line(verdict);
  if (!collected_.is_null()) result["report"] = report();
  screen_->clear_progress();
  if (!(options_.trace_file.empty() && options_.vcd_file.empty()) &&
      options_.trace_from >= stats.cycles) {
    fmt::print(stderr,
               "tessera: nothing was traced: the run ended in cycle {}, before --trace-from\n",
               stats.cycles);
  }
  if (const auto* timeline = chip_->timeline(); timeline != nullptr) {
    if (timeline->cut_at() != ~0ULL) {
      fmt::print(stderr,
                 "tessera: the timeline ends in cycle {} after {} events: choose a window with "
                 "--timeline-from and --timeline-to, or raise --timeline-events\n",
                 timeline->cut_at(), timeline->events());
    }
    if (options_.timeline.window.from >= stats.cycles) {
      fmt::print(stderr,
                 "tessera: the timeline is empty: the run ended in cycle {}, before "
                 "--timeline-from\n",
                 stats.cycles);
    }
  }
  write_json(result, options_.json_file);
}

void require_writable(const std::string& file) {
  if (file.empty() || file == "-") return;
  const bool existed = std::filesystem::exists(file);
  if (!std::ofstream(file, std::ios::app)) {
    throw InputError(fmt::format("{}: cannot be written", file));
  }
  if (!existed) std::filesystem::remove(file);
}

void write_json(const nlohmann::ordered_json& json, const std::string& file) {
  if (file.empty()) return;
  if (file == "-") {
    fmt::print("{}\n", json.dump(2));
    return;
  }
  std::ofstream stream(file);
  stream << json.dump(2) << "\n";
  if (!stream.flush()) throw InputError(fmt::format("{}: the result cannot be written", file));
}

std::string human_bytes(std::uint64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.2f} MB", value / 1e6);
  if (bytes >= 1'000) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

}  // namespace tsr::tools
