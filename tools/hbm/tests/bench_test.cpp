// SPDX-License-Identifier: Apache-2.0
/// The controller of one pseudo channel under traces: efficiency, data, timing, refresh, bounded
/// waiting.
#include "hbm/bench.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <tuple>

#include "dram/dram_checker.hpp"
#include "dram/dram_profile.hpp"
#include "hbm/patterns.hpp"

namespace tsr::tools {
namespace {

std::uint64_t seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

DramTiming timing(const std::string& name) {
  return load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/" + name + ".toml").timing;
}

/// Run a trace; everything that must hold for every one is checked here.
HbmFigures run(const HbmTrace& trace, HbmBenchOptions options = {},
               const std::string& profile = "hbm3-6400") {
  const DramTiming t = timing(profile);
  HbmFigures f = run_hbm_trace(trace, t, options);
  EXPECT_EQ(f.violations, 0U) << f.first_violation;
  EXPECT_EQ(f.wrong_bytes, 0U) << f.first_wrong;
  EXPECT_EQ(f.reads + f.writes, hbm_atoms(trace));
  // At most four refreshes ahead, then two intervals behind; the DRAM allows eight of each.
  EXPECT_LE(f.refresh_gap, 7U * static_cast<unsigned>(t.refi));
  EXPECT_EQ(f.latency_counts, f.latency_seen) << "the controller's latency histogram";
  return f;
}

HbmAccess access(bool write, unsigned bank, unsigned row, unsigned block = 0) {
  const std::uint64_t offset = dram_offset({0, bank, row % kDramRows, 2 * block});
  return {write, offset >> 7 << 6, 64, 0, 0};
}

// ---------------------------------------------------------------- efficiency

struct Floor {
  const char* pattern;
  double percent;
};
void PrintTo(const Floor& f, std::ostream* out) { *out << f.pattern; }

using Measured = std::tuple<const char*, Floor>;  // speed grade, pattern

class HbmEfficiency : public testing::TestWithParam<Measured> {};

TEST_P(HbmEfficiency, IsAtLeast) {
  const auto [profile, floor] = GetParam();
  const HbmFigures f = run(make_hbm_pattern(floor.pattern, seed(), 2 << 20), {}, profile);
  fmt::print(
      "{} {}: {:.2f} %, {:.2f} activates a kilobyte, {} turnarounds, {} clocks at most in a "
      "queue\n",
      profile, floor.pattern, f.efficiency, f.activates_per_kilobyte, f.turnarounds,
      std::max(f.read_wait, f.write_wait));
  EXPECT_GE(f.efficiency, floor.percent);
  EXPECT_LE(f.efficiency, 100.0);
}

std::string measured_name(const testing::TestParamInfo<Measured>& info) {
  return std::string(std::get<1>(info.param).pattern);
}

INSTANTIATE_TEST_SUITE_P(
    Hbm3, HbmEfficiency,
    testing::Combine(testing::Values("hbm3-6400"),
                     testing::Values(Floor{"seq_rd", 97.5}, Floor{"seq_wr", 97.5},
                                     Floor{"mix21_256", 90}, Floor{"mix11_256", 86},
                                     Floor{"rnd_rd64", 63.5}, Floor{"rnd_rd256", 97.5},
                                     Floor{"rnd_wr64", 57}, Floor{"rnd_mix21_64", 53.5},
                                     Floor{"stride_16k", 63.5}, Floor{"s16_64", 96.5},
                                     Floor{"s16_256", 97.5}, Floor{"s16_256_al", 97.5},
                                     Floor{"s16_14r2w_256", 94})),
    measured_name);
// A little below what is measured.
INSTANTIATE_TEST_SUITE_P(
    Hbm2e, HbmEfficiency,
    testing::Combine(testing::Values("hbm2e-3200"),
                     testing::Values(Floor{"seq_rd", 98.5}, Floor{"seq_wr", 98.5},
                                     Floor{"mix21_256", 92}, Floor{"mix11_256", 91},
                                     Floor{"rnd_rd64", 54}, Floor{"rnd_rd256", 98.5},
                                     Floor{"rnd_wr64", 54}, Floor{"rnd_mix21_64", 52.5},
                                     Floor{"stride_16k", 54}, Floor{"s16_64", 98},
                                     Floor{"s16_256", 98.5}, Floor{"s16_256_al", 98.5},
                                     Floor{"s16_14r2w_256", 94})),
    measured_name);

TEST(HbmBench, AllBankRefreshCostsLittleMore) {
  HbmBenchOptions options;
  options.refresh_all = true;
  for (const auto& name : hbm_pattern_names()) {
    SCOPED_TRACE(name);
    const HbmTrace trace = make_hbm_pattern(name, seed(), 1 << 19);
    const HbmFigures each = run(trace), all = run(trace, options);
    // A refresh of all banks takes 560 of 6,240 clocks.
    EXPECT_GE(all.efficiency, 0.85 * each.efficiency);
    EXPECT_LE(all.refresh_debt, 2U);
    EXPECT_EQ(all.refreshes % kDramBanks, 0U);
  }
}

TEST(HbmBench, RefreshCountersAgreeWithTheCommands) {
  for (const bool all : {false, true}) {
    HbmBenchOptions options;
    options.refresh_all = all;
    const HbmFigures f = run(make_hbm_pattern("rnd_mix21_64", seed(), 2 << 20), options);
    EXPECT_EQ(f.refresh_gap_count, f.refresh_between);
    EXPECT_GT(f.refresh_gap_count, 0U);
    EXPECT_GE(f.refresh_debt, 1U);
    EXPECT_LE(f.refresh_debt, 2U);
  }
}

TEST(HbmBench, PowerDownOfAnIdleChannelKeepsTheData) {
  HbmBenchOptions options;
  options.rate = 0.02;
  options.power_down = 8;
  const HbmFigures f = run(make_hbm_pattern("rnd_mix21_64", seed(), 1 << 17), options);
  fmt::print("2 % of the peak: {} power-downs, {} of {} cycles, mean latency {:.1f}\n",
             f.power_downs, f.power_down_cycles, f.clocks / 2, f.latency_mean);
  EXPECT_GT(f.power_downs, 100U);
}

TEST(HbmBench, LowRateGivesUnloadedLatency) {
  HbmBenchOptions options;
  options.rate = 0.02;
  const HbmFigures f = run(make_hbm_pattern("seq_rd", 1, 1 << 16), options);
  fmt::print("2 % of the peak: mean {:.1f}, longest {} clocks\n", f.latency_mean, f.latency_max);
  EXPECT_NEAR(f.efficiency, 2.0, 0.1);
  // The device's 22, 16 each way, and 4 to the second atom of the block; now and then an activate.
  EXPECT_LE(f.latency_mean, 22 + 32 + 4);
  EXPECT_LE(f.latency_min, 22 + 16);  // nothing but this controller and its DRAM
  EXPECT_GE(f.latency_min, 22);
}

TEST(HbmBench, WindowKeepsReadsAndWritesTogether) {
  // All reads stand before all writes: a window shorter than the trace forces them one after the
  // other.
  HbmTrace trace = make_hbm_pattern("seq_rd", 1, 1 << 16);
  for (const auto& read : make_hbm_pattern("seq_rd", 1, 1 << 16)) {
    trace.push_back({true, read.address + (1 << 20), read.bytes, 1, 0});
  }
  HbmBenchOptions options;
  options.window = 16;
  EXPECT_LE(run(trace, options).turnarounds, 4U);
  options.window = 1 << 20;
  EXPECT_GT(run(trace, options).turnarounds, 4U);
}

TEST(HbmBench, EarliestClockIsKept) {
  HbmTrace trace = make_hbm_pattern("seq_rd", 1, 1 << 14);
  const auto at_once = run(trace).clocks;
  for (std::size_t i = 0; i < trace.size(); ++i) trace[i].earliest = 50 * i;
  EXPECT_GE(run(trace).clocks, 50 * trace.size() * 85 / 100);
  EXPECT_LT(at_once, 50 * trace.size() / 4);
}

TEST(HbmBench, LatencyClassesAreTwoAnOctave) {
  EXPECT_EQ(hbm_latency_limit(0), 32U);
  EXPECT_EQ(hbm_latency_limit(1), 48U);
  EXPECT_EQ(hbm_latency_limit(14), 4096U);
  EXPECT_EQ(hbm_latency_class(31), 0U);
  EXPECT_EQ(hbm_latency_class(32), 1U);
  EXPECT_EQ(hbm_latency_class(4095), 14U);
  EXPECT_EQ(hbm_latency_class(4096), 15U);
}

// ---------------------------------------------------------------- waiting

/// No entry may wait longer than this in a queue, whatever comes.
constexpr std::uint64_t kAgeBound = 4096;

void expect_bounded(const HbmTrace& trace) {
  const HbmFigures f = run(trace);
  fmt::print("longest in queue: reads {}, writes {} clocks\n", f.read_wait, f.write_wait);
  EXPECT_LE(f.read_wait, kAgeBound);
  EXPECT_LE(f.write_wait, kAgeBound);
}

TEST(HbmBench, OneBankRowConflictsWithoutEndAreServedInTime) {
  HbmTrace trace;
  for (unsigned i = 0; i < 4000; ++i) trace.push_back(access(i % 2 != 0, 5, 7 * i + i % 2));
  expect_bounded(trace);
}

TEST(HbmBench, RowConflictsUnderRowHitsAreServedInTime) {
  std::mt19937_64 rng(seed());
  HbmTrace trace;
  for (unsigned i = 0; i < 12000; ++i) {
    const bool write = rng() % 10 < 3;
    const auto kind = rng() % 10;
    const auto block = static_cast<unsigned>(rng() % 16);
    const auto random = static_cast<unsigned>(rng() % kDramRows);
    if (kind < 2) trace.push_back(access(write, 5, random));
    if (kind >= 2 && kind < 5) trace.push_back(access(write, 5, 77, block));
    if (kind >= 5) trace.push_back(access(write, random % 16, random / 16 % 4, block));
  }
  expect_bounded(trace);
}

TEST(HbmBench, AFewWritesAmongReadsAreServedInTime) {
  HbmTrace trace = make_hbm_pattern("seq_rd", 1, 1 << 20);
  for (std::size_t i = 100; i < trace.size(); i += 3000) trace[i].write = true;
  expect_bounded(trace);
}

TEST(HbmBench, AFewReadsAmongWritesAreServedInTime) {
  HbmTrace trace = make_hbm_pattern("seq_wr", 1, 1 << 20);
  for (std::size_t i = 100; i < trace.size(); i += 3000) trace[i].write = false;
  expect_bounded(trace);
}

TEST(HbmBench, HazardsOnAFewBlocksKeepTheData) {
  std::mt19937_64 rng(seed());
  HbmTrace trace;
  for (unsigned i = 0; i < 20000; ++i) {
    HbmAccess a = access(rng() % 2 != 0, static_cast<unsigned>(rng() % 3),
                         static_cast<unsigned>(rng() % 3), static_cast<unsigned>(rng() % 2));
    if (rng() % 2 != 0) a.bytes = 32;
    if (rng() % 4 == 0) a.address += 32;
    trace.push_back(a);
  }
  expect_bounded(trace);
}

// ---------------------------------------------------------------- command trace

TEST(HbmBench, CommandTraceObeysTheRulesByItself) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  HbmBenchOptions options;
  options.commands = file;
  const HbmTrace trace = make_hbm_pattern("rnd_mix21_64", seed(), 1 << 18);
  run(trace, options);
  std::rewind(file);
  const DramTiming t = timing("hbm3-6400");
  std::uint64_t broken = 0, columns = 0, wrong_row = 0;
  DramChecker checker(t, 0, [&](const DramViolation& v) {
    // The trace has no mode registers, and begins with the power-up long past.
    broken += v.rule != "NotInitialized" && v.rule != "tINIT";
  });
  char name[8];
  unsigned long long clock = 0, last = 0;
  unsigned group = 0, bank = 0, row = 0, col = 0;
  while (std::fscanf(file, "%llu %7s %u %u %u %u", &clock, name, &group, &bank, &row, &col) == 6) {
    EXPECT_GE(clock, last);
    last = clock;
    const std::string command = name;
    const unsigned b = group * 4 + bank;
    const auto at = static_cast<std::int64_t>(clock);
    if (command == "ACT") checker.row(at, RowCmd::kAct, b, row);
    if (command == "PRE") checker.row(at, RowCmd::kPre, b, row);
    if (command == "REFPB") checker.row(at, RowCmd::kRefPb, b, row);
    if (command == "REFAB") checker.row(at, RowCmd::kRefAb, b, row);
    if (command == "RD" || command == "WR") {
      ++columns;
      wrong_row += checker.open_row(b) != row || col >= kDramCols;
      checker.column(at, command == "RD" ? ColCmd::kRd : ColCmd::kWr, b);
    }
  }
  EXPECT_TRUE(std::feof(file)) << "a line has another form";
  std::fclose(file);
  EXPECT_EQ(broken, 0U);
  EXPECT_EQ(wrong_row, 0U);
  EXPECT_EQ(columns, hbm_atoms(trace));
}

}  // namespace
}  // namespace tsr::tools
