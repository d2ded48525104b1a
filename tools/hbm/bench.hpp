// SPDX-License-Identifier: Apache-2.0
/// Replays a trace on the controller of one HBM pseudo channel (its RTL) with the DRAM device
/// behind it.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "dram/timing.hpp"
#include "hbm/trace.hpp"

namespace tsr::tools {

struct HbmBenchOptions {
  unsigned window = 256;          ///< atoms of the trace that reads and writes may be apart
  double rate = 0;                ///< offered share of the peak; 0: as fast as it goes
  unsigned write_low = 16;        ///< SCHED.WR_LOW
  unsigned write_high = 52;       ///< SCHED.WR_HIGH
  unsigned age_limit = 1024;      ///< SCHED.AGE_LIMIT
  bool refresh_all = false;       ///< REFRESH.ALL_BANK
  unsigned power_down = 0;        ///< POWER.PD_IDLE, chip cycles; 0: never
  std::FILE* commands = nullptr;  ///< every command to the DRAM
};

/// Classes of the controller's latency histogram.
constexpr unsigned kHbmLatencyClasses = 16;
/// First latency in DRAM clocks that is beyond class `c`: 32, 48, 64, 96, ... 4096.
constexpr std::uint64_t hbm_latency_limit(unsigned c) {
  return std::uint64_t{32 + c % 2 * 16} << c / 2;
}
/// The class of a latency.
unsigned hbm_latency_class(std::uint64_t clocks);

/// What was measured. Everything but totals and refreshes leaves out the first tenth of the trace.
struct HbmFigures {
  std::uint64_t reads = 0, writes = 0;  ///< atoms of the trace
  std::uint64_t clocks = 0;             ///< DRAM clocks of the counted part
  double efficiency = 0;                ///< percent of the data bus
  double latency_mean = 0;              ///< of reads, first offered to data, in DRAM clocks
  std::uint64_t latency_min = 0, latency_p99 = 0, latency_max = 0;
  std::uint64_t read_wait = 0;   ///< longest from taken to data, in DRAM clocks, of the whole run
  std::uint64_t write_wait = 0;  ///< longest from taken to the last write command
  /// Blocks read by latency class, taken to data, of the whole run: the controller's counters, and
  /// what was seen at its ports.
  std::array<std::uint64_t, kHbmLatencyClasses> latency_counts{}, latency_seen{};
  double activates_per_kilobyte = 0;
  std::uint64_t activates = 0, columns = 0, turnarounds = 0;
  double row_hits = 0;                  ///< share of column commands to a row that had one before
  std::uint64_t refreshes = 0;          ///< bank refreshes of the whole run
  std::uint64_t refresh_gap = 0;        ///< longest time of a bank without one, in DRAM clocks
  std::uint64_t refresh_between = 0;    ///< longest time of a bank between two
  std::uint64_t refresh_gap_count = 0;  ///< the controller's counter: between two refreshes
  std::uint64_t refresh_debt = 0;       ///< most refreshes that a bank has owed
  std::uint64_t power_downs = 0, power_down_cycles = 0;
  std::uint64_t wrong_bytes = 0;  ///< read data, and memory at the end
  std::string first_wrong;        ///< where
  std::uint64_t violations = 0;   ///< of the DRAM's rules
  std::string first_violation;
};

/// Throws tsr::Error(ExitCode::Timeout) when the controller stops answering.
HbmFigures run_hbm_trace(const HbmTrace& trace, const DramTiming& timing,
                         const HbmBenchOptions& options);

}  // namespace tsr::tools
