// SPDX-License-Identifier: Apache-2.0
#include "sim.hpp"

#include <fmt/format.h>

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

/// kHz in the next cycles with the lock-step checkers off, for good.
double speed_without_checks(Platform& chip, std::uint64_t cycles) {
  chip.stop_checks();
  const auto before = chip.stats();
  chip.advance(cycles);
  const auto after = chip.stats();
  return static_cast<double>(after.cycles - before.cycles) /
         std::max(after.wall_seconds - before.wall_seconds, 1e-9) / 1e3;
}

double seconds_of(Platform& chip, std::uint64_t cycles) {
  const double before = chip.stats().wall_seconds;
  chip.advance(cycles);
  return chip.stats().wall_seconds - before;
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
  const double run = chip.stats().wall_seconds;
  const auto start = std::chrono::steady_clock::now();
  const auto report = chip.record_failure();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!report || !report->written) {
    throw Error(ExitCode::JobFailed, report ? report->text : "there is no flight recorder");
  }
  session.line(
      fmt::format("{} cycles of waves after a failure in {:.1f} s: {:.2f} times the run's "
                  "{:.1f} s",
                  report->to - report->from + 1, took.count(), (run + took.count()) / run, run));
  json["flight_cycles"] = report->to - report->from + 1;
  json["flight_seconds"] = took.count();
  json["flight_ratio"] = (run + took.count()) / run;
  std::filesystem::remove(report->fst);
  std::filesystem::remove(report->view);
}

}  // namespace

int run_sim_bench(const SessionOptions& given, const SimOptions& options) {
  const auto program = Platform::firmware("apps/me_loop.elf");
  SessionOptions session_options = given;
  if (options.recorder) session_options.snapshot_every = kSnapshotEvery;
  Session session(session_options);
  auto& chip = session.chip();
  if (options.recorder) chip.set_snapshot_every(0);
  const auto& config = chip.config();
  const unsigned busy =
      options.busy != 0 ? options.busy : static_cast<unsigned>(config.tiles.size());
  const Rect rect = tile_rectangle(chip, busy, "--busy");
  std::vector<Node> tiles;
  for (const Node tile : config.tiles) {
    if (rect.contains(tile)) tiles.push_back(tile);
  }
  session.begin("boot");
  chip.load(program);
  const auto boot = chip.stats();
  const auto boot_instructions = chip.tile_counter(config.ctl, Platform::TileCounter::Instructions);
  session.end(fmt::format("{:.1f} kHz", boot.khz()));

  session.begin(fmt::format("start {} of {} tiles", busy, config.tiles.size()));
  const auto per_cycle = config.bf16_macs_per_cycle();
  const std::uint64_t windows = (session_options.no_check ? 1 : 2) + (options.recorder ? 5 : 0);
  tsr_me_loop_args_t args{};
  args.rows = args.cols = args.k = kSide;
  args.format = TSR_GEMM_BF16;
  args.repeat = static_cast<std::uint32_t>(
      (windows * options.cycles + kStartCycles) * per_cycle / kProductMacs + 1);
  session.measure();
  const auto launch = chip.launch("kernel_main", rect, &args, sizeof(args));
  const auto deadline = chip.cycle() + kStartCycles;
  for (const Node tile : tiles) {
    while (chip.tile_counter(tile, Platform::TileCounter::MeOperations) == 0) {
      if (chip.cycle() > deadline)
        throw Error(ExitCode::JobFailed, "the matrix engines do not start");
      chip.advance(200);
    }
  }
  session.end();

  session.begin("all busy");
  const Work first = work_of(chip, tiles);
  const auto before = chip.stats();
  chip.advance(options.cycles);
  const auto after = chip.stats();
  const Work last = work_of(chip, tiles);
  session.end();
  if (options.recorder) {
    session.begin("recorder");
    measure_recorder(session, options.cycles);
    session.end();
  }
  const double seconds = std::max(after.wall_seconds - before.wall_seconds, 1e-9);
  const double khz = static_cast<double>(after.cycles - before.cycles) / seconds / 1e3;
  if (!session_options.no_check) {
    session.begin("all busy, not checked");
    const double unchecked = speed_without_checks(chip, options.cycles);
    session.end(
        fmt::format("{:.1f} kHz: checking costs a factor of {:.2f}", unchecked, unchecked / khz));
    session.result["unchecked_khz"] = unchecked;
    session.result["check_ratio"] = unchecked / khz;
  }
  session.begin("finish");
  chip.wait(launch);
  session.measured();
  session.end();

  const double elapsed = static_cast<double>(last.cycle - first.cycle);
  const double macs_per_cycle = static_cast<double>(last.macs - first.macs) / elapsed;
  const double utilization = macs_per_cycle / static_cast<double>(per_cycle * busy);
  const double macs_per_second = macs_per_cycle * khz * 1e3;
  const double mips =
      static_cast<double>(last.instructions - first.instructions) / elapsed * khz / 1e3;
  const double boot_mips = static_cast<double>(boot_instructions) / boot.wall_seconds / 1e6;
  session.line(
      fmt::format("\n{:.1f} kHz with {} of {} matrix engines busy ({:.0f} % of their peak)", khz,
                  busy, config.tiles.size(), 100 * utilization));
  session.line(fmt::format("{:.3g} multiply-adds a second, {:.3g} MIPS ({:.3g} MIPS while booting)",
                           macs_per_second, mips, boot_mips));
  auto& json = session.result;
  json["busy"] = busy;
  json["cycles"] = after.cycles - before.cycles;
  json["khz"] = khz;
  json["macs_per_second"] = macs_per_second;
  json["mips"] = mips;
  json["utilization"] = utilization;
  json["boot_khz"] = boot.khz();
  json["boot_mips"] = boot_mips;
  session.finish();
  return 0;
}

}  // namespace tsr::tools
