// SPDX-License-Identifier: Apache-2.0
#include "sim.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "apps/apps_abi.h"
#include "operand.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kSide =
    128;  // one product is 128 x 128 x 128: 8,192 cycles of the matrix engine
constexpr std::uint64_t kProductMacs = std::uint64_t{kSide} * kSide * kSide;
constexpr std::uint64_t kStartCycles = 100'000;  // all tiles work well before this

/// Work of the chip up to now.
struct Work {
  std::uint64_t cycle = 0;
  std::uint64_t macs = 0;
  std::uint64_t instructions = 0;
};

Work work_of(Platform& chip, const std::vector<Node>& tiles) {
  using Counter = Platform::TileCounter;
  Work work;
  work.cycle = chip.cycle();
  for (const Node tile : tiles) {
    work.macs += chip.tile_counter(tile, Counter::MeOperations);
    work.instructions += chip.tile_counter(tile, Counter::Instructions);
  }
  work.instructions += chip.tile_counter(chip.config().ctl, Counter::Instructions);
  return work;
}

/// What a window was simulated at.
struct Speed {
  double khz = 0;
  double utilization = 0;
  double macs_per_second = 0;
  double mips = 0;
  double boot_khz = 0;
  double boot_mips = 0;
  double cpu_khz = 0;  ///< by processor time, which other programs do not disturb
  double boot_cpu_khz = 0;
  std::uint64_t cycles = 0;
};

double seconds_of(Platform& chip, std::uint64_t cycles) {
  const double before = chip.stats().wall_seconds;
  chip.advance(cycles);
  return chip.stats().wall_seconds - before;
}

/// Processor time of child processes that have ended.
double children_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// What the flight recorder costs: the same window without snapshots and with four of them, each
/// twice in turns; then waves of the last cycles, against the run up to there.
void measure_recorder(Session& session, std::uint64_t cycles) {
  constexpr unsigned kSnapshots = 4;
  auto& chip = session.chip();
  double without = 0, with = 0;
  const auto before = chip.snapshots();
  for (const bool on : {false, true, true, false}) {
    chip.set_snapshot_every(on ? cycles / kSnapshots : 0);
    (on ? with : without) += seconds_of(chip, cycles);
  }
  const double count = static_cast<double>(chip.snapshots() - before);
  const double khz = static_cast<double>(2 * cycles) / without / 1e3;
  const double each_ms = (with - without) / std::max(count, 1.0) * 1e3;
  const double ratio = 1 + each_ms * khz / static_cast<double>(kSnapshotEvery);
  session.line(fmt::format("{:.1f} ms a snapshot: {:.3f} times the time with one every {} cycles",
                           each_ms, ratio, kSnapshotEvery));
  auto& json = session.result;
  json["snapshots"] = chip.snapshots() - before;
  json["snapshot_ms"] = each_ms;
  json["snapshot_ratio"] = ratio;

  chip.set_snapshot_every(kSnapshotEvery);
  chip.advance(cycles);
  const auto run = chip.stats();
  const double before_waves = children_cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const auto report = chip.record_failure();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double cpu = children_cpu_seconds() - before_waves;
  if (!report || !report->written) {
    throw Error(ExitCode::JobFailed, report ? report->text : "there is no flight recorder");
  }
  const double factor = (run.cpu_seconds + cpu) / run.cpu_seconds;
  session.line(fmt::format(
      "{} cycles of waves after a failure in {:.1f} s; with them the run takes {:.2f} times the "
      "processor time, {:.1f} s and {:.1f} s",
      report->to - report->from + 1, took.count(), factor, run.cpu_seconds, cpu));
  json["flight_cycles"] = report->to - report->from + 1;
  json["flight_seconds"] = took.count();
  json["flight_cpu_seconds"] = cpu;
  json["flight_ratio"] = factor;
  std::filesystem::remove(report->fst);
  std::filesystem::remove(report->view);
}

std::vector<Node> tiles_in(const Config& config, const Rect& rect) {
  std::vector<Node> tiles;
  for (const Node tile : config.tiles) {
    if (rect.contains(tile)) tiles.push_back(tile);
  }
  return tiles;
}

/// Start the matrix engines for at least so many cycles; returns the launch.
std::uint32_t start_engines(Platform& chip, const Rect& rect, const std::vector<Node>& tiles,
                            std::uint64_t cycles) {
  tsr_me_loop_args_t args{};
  args.rows = args.cols = args.k = kSide;
  args.format = TSR_GEMM_BF16;
  args.repeat = static_cast<std::uint32_t>(
      (cycles + kStartCycles) * chip.config().bf16_macs_per_cycle() / kProductMacs + 1);
  const auto launch = chip.launch("kernel_main", rect, &args, sizeof(args));
  const auto deadline = chip.cycle() + kStartCycles;
  for (const Node tile : tiles) {
    while (chip.tile_counter(tile, Platform::TileCounter::MeOperations) == 0) {
      if (chip.cycle() > deadline)
        throw Error(ExitCode::JobFailed, "the matrix engines do not start");
      chip.advance(200);
    }
  }
  return launch;
}

/// Let `cycles` pass; returns the speed of the simulation meanwhile.
Speed measure(Platform& chip, const std::vector<Node>& tiles, std::uint64_t cycles) {
  const Work first = work_of(chip, tiles);
  const auto before = chip.stats();
  chip.advance(cycles);
  const auto after = chip.stats();
  const Work last = work_of(chip, tiles);
  const double seconds = std::max(after.wall_seconds - before.wall_seconds, 1e-9);
  const double elapsed = static_cast<double>(last.cycle - first.cycle);
  const double macs = static_cast<double>(last.macs - first.macs) / elapsed;
  const auto peak = chip.config().bf16_macs_per_cycle() * tiles.size();
  Speed speed;
  speed.cycles = after.cycles - before.cycles;
  speed.khz = static_cast<double>(speed.cycles) / seconds / 1e3;
  speed.cpu_khz = static_cast<double>(speed.cycles) /
                  std::max(after.cpu_seconds - before.cpu_seconds, 1e-9) / 1e3;
  speed.utilization = macs / static_cast<double>(peak);
  speed.macs_per_second = macs * speed.khz * 1e3;
  speed.mips =
      static_cast<double>(last.instructions - first.instructions) / elapsed * speed.khz / 1e3;
  return speed;
}

/// Boot, and measure with `options.busy` matrix engines at work; the lock-step checkers and the
/// flight recorder too, if they are there.
Speed engines_busy(Session& session, const SimOptions& options) {
  auto& chip = session.chip();
  const auto& config = chip.config();
  const Rect rect = tile_rectangle(chip, options.busy, "--busy");
  const auto tiles = tiles_in(config, rect);
  session.begin("boot");
  chip.load(Platform::firmware("apps/me_loop.elf"));
  const auto boot = chip.stats();
  const auto instructions = chip.tile_counter(config.ctl, Platform::TileCounter::Instructions);
  session.end(fmt::format("{:.1f} kHz", boot.khz()));
  session.begin(fmt::format("start {} of {} tiles", options.busy, config.tiles.size()));
  const bool checked = !session.options().no_check && !models_of(session.options()).all_tlm(config);
  const std::uint64_t windows = 1 + (checked ? 1 : 0) + (options.recorder ? 5 : 0);
  session.measure();
  const auto launch = start_engines(chip, rect, tiles, windows * options.cycles);
  session.end();
  session.begin("all busy");
  Speed speed = measure(chip, tiles, options.cycles);
  session.end();
  if (checked) {
    session.begin("all busy, not checked");
    chip.stop_checks();
    const Speed unchecked = measure(chip, tiles, options.cycles);
    const double ratio = unchecked.cpu_khz / speed.cpu_khz;
    session.end(fmt::format("{:.1f} kHz: checking costs a factor of {:.2f}, by processor time",
                            unchecked.khz, ratio));
    session.result["unchecked_khz"] = unchecked.khz;
    session.result["check_ratio"] = ratio;
  }
  if (options.recorder) {
    session.begin("recorder");
    measure_recorder(session, options.cycles);
    session.end();
  }
  session.begin("finish");
  chip.wait(launch);
  session.measured();
  session.end();
  speed.boot_khz = boot.khz();
  speed.boot_cpu_khz = static_cast<double>(boot.cycles) / std::max(boot.cpu_seconds, 1e-9) / 1e3;
  speed.boot_mips = static_cast<double>(instructions) / boot.wall_seconds / 1e6;
  session.line(
      fmt::format("\n{:.1f} kHz with {} of {} matrix engines busy ({:.0f} % of their peak)",
                  speed.khz, options.busy, config.tiles.size(), 100 * speed.utilization));
  session.line(fmt::format("{:.3g} multiply-adds a second, {:.3g} MIPS ({:.3g} MIPS while booting)",
                           speed.macs_per_second, speed.mips, speed.boot_mips));
  return speed;
}

double cpu_mips(const Speed& speed) { return speed.mips * speed.cpu_khz / speed.khz; }

/// Boot, and measure with firmware at work on the cores of all tiles.
Speed cores_busy(Session& session, std::uint64_t cycles) {
  constexpr std::uint64_t kCyclesPerRound = 4096;  // fewer than a round takes
  auto& chip = session.chip();
  session.begin("boot");
  chip.load(Platform::firmware("apps/compute.elf"));
  session.end();
  session.begin("firmware on all cores");
  tsr_compute_args_t args{};
  args.rounds = static_cast<std::uint32_t>((cycles + kStartCycles) / kCyclesPerRound);
  const auto launch = chip.launch("kernel_main", chip.all_tiles(), &args, sizeof(args));
  chip.advance(kStartCycles / 4);
  const Speed speed = measure(chip, chip.config().tiles, cycles);
  chip.wait(launch);
  session.end(fmt::format("{:.3g} MIPS, {:.3g} by processor time", speed.mips, cpu_mips(speed)));
  return speed;
}

SessionOptions as_tlm(SessionOptions options) {
  options.tlm = true;
  options.tile = options.noc = options.hbm = options.ctl = {};
  return options;
}

void put(nlohmann::ordered_json& json, const Speed& speed, unsigned busy) {
  json["busy"] = busy;
  json["cycles"] = speed.cycles;
  json["khz"] = speed.khz;
  json["macs_per_second"] = speed.macs_per_second;
  json["mips"] = speed.mips;
  json["utilization"] = speed.utilization;
  json["boot_khz"] = speed.boot_khz;
  json["boot_mips"] = speed.boot_mips;
}

/// The same window on the models that the options name and on TLM, then firmware on TLM.
void compare(const SessionOptions& session_options, const SimOptions& options) {
  constexpr std::uint64_t kTlmFactor = 20;  // a window that is long enough to be measured
  const auto rest = as_tlm(session_options);
  auto quiet = session_options;
  quiet.json_file = session_options.json_file == "-" ? "-" : "";
  Speed slow, cores;
  {
    Session session(quiet);
    slow = engines_busy(session, options);
  }
  {
    Session session(as_tlm(quiet));
    cores = cores_busy(session, options.cycles * kTlmFactor);
  }
  Session session(rest);
  SimOptions longer = options;
  longer.cycles *= kTlmFactor;
  longer.recorder = false;  // there are no waves
  const Speed fast = engines_busy(session, longer);
  put(session.result, slow, options.busy);
  auto& json = session.result["tlm"];
  put(json, fast, options.busy);
  const double faster = fast.cpu_khz / slow.cpu_khz;
  const double faster_boot = fast.boot_cpu_khz / slow.boot_cpu_khz;
  json["speedup"] = faster;
  json["boot_speedup"] = faster_boot;
  json["firmware_mips"] = cpu_mips(cores);
  json["firmware_khz"] = cores.cpu_khz;
  session.line(fmt::format(
      "TLM, by processor time: {:.0f} times as fast with the engines busy, {:.0f} times while\n"
      "booting; {:.3g} MIPS of firmware on {} cores",
      faster, faster_boot, cpu_mips(cores), session.chip().config().tiles.size()));
  session.finish();
}

}  // namespace

int run_sim_bench(const SessionOptions& session_options, const SimOptions& given) {
  Platform::firmware("apps/me_loop.elf");  // missing firmware is refused before the chip is built
  SimOptions options = given;
  if (options.busy == 0) {
    options.busy = static_cast<unsigned>(load_config(session_options.config).tiles.size());
  }
  SessionOptions recorded = session_options;
  if (options.recorder) recorded.snapshot_every = kSnapshotEvery;
  if (options.compare) {
    compare(recorded, options);
    return 0;
  }
  Session session(recorded);
  if (options.recorder) session.chip().set_snapshot_every(0);
  put(session.result, engines_busy(session, options), options.busy);
  session.finish();
  return 0;
}

}  // namespace tsr::tools
