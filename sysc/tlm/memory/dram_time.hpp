// SPDX-License-Identifier: Apache-2.0
/// How long the accesses of one pseudo channel take: data bus, bank groups, banks with their open
/// rows, activates, write drains, refresh. A model of what rtl/hbm's controller achieves, not of
/// how: accesses reserve what they need when they come.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dram/address.hpp"
#include "dram/timing.hpp"
#include "tlm/fabric/calendar.hpp"

namespace tsr {

/// Counters as COUNT_SEL numbers them.
struct DramCounts {
  std::array<std::uint64_t, 14> value{};
  std::array<std::uint64_t, 16> latency{};  ///< blocks read by their latency
};

class DramTime {
 public:
  /// Names of DramCounts::value.
  enum : unsigned {
    kReads = 0,
    kWrites,
    kRowHits,
    kRowMisses,
    kActivates,
    kPrecharges,
    kRefreshes,
    kBusy,
    kBytesRead,
    kBytesWritten,
    kTurnarounds,
    kMerged,
    kHazards,
    kForwarded
  };

  /// The DRAM is initialized in `cycle`, with these timings.
  void start(const DramTiming& timing, std::uint64_t cycle);
  /// Read `atoms` (1 or 2) of a block whose request was on the node's link in `cycle`; returns when
  /// the answer is on the link back. `high`: of the high class.
  std::uint64_t read(const DramAddress& block, unsigned atoms, bool high, std::uint64_t cycle);
  /// Write a block; returns when it is in the write queue.
  std::uint64_t write(const DramAddress& block, unsigned atoms, std::uint64_t cycle);
  /// A partial write or an atomic has read its block: it holds the read-modify-write unit.
  std::uint64_t modify(std::uint64_t cycle);

  DramCounts& counts() { return counts_; }
  std::uint64_t high_reads() const { return high_reads_; }
  /// Column commands since the start, of reads (0) and writes (1, when they are queued); clearing
  /// the counters leaves them alone.
  std::uint64_t columns(unsigned way) const { return atoms_[way]; }
  void clear_counts() {
    counts_ = {};
    high_reads_ = 0;
  }
  /// Refreshes up to a cycle.
  std::uint64_t refreshes(std::uint64_t cycle) const;
  /// Writes that fill the write queue before they are drained, and those that are left.
  void set_drain(unsigned high, unsigned low) { drain_blocks_ = high > low ? high - low : 1; }

 private:
  struct Row {
    unsigned row = ~0U;
    std::uint64_t usable = 0;  ///< from this cycle on columns can be read
    std::uint64_t closes = 0;  ///< accesses that come before still find it open
  };
  struct Bank {
    Row open;
    Row previous;
    std::uint64_t activated = 0;
    std::uint64_t last_column = 0;
    std::uint64_t last_want = 0;
    std::uint64_t refreshed = 0;
    unsigned close_ahead = 3;  ///< as tsr_hbm_close: 2 and 3 close quiet banks
    bool valid = false;
  };
  struct Pending {
    unsigned bank;
    unsigned row;
    unsigned atoms;
  };

  /// Cycle from which the row can be used; opens it if need be.
  std::uint64_t open_row(unsigned bank, unsigned row, std::uint64_t cycle, unsigned rcd);
  std::uint64_t activate(Bank& bank, unsigned index, unsigned row, std::uint64_t cycle, bool closed,
                         unsigned rcd);
  std::uint64_t column(unsigned group, bool high, std::uint64_t cycle);
  void drain(std::uint64_t cycle);
  void settle(std::uint64_t cycle);

  static unsigned cycles(int clocks) { return static_cast<unsigned>(clocks + 1) / 2; }

  DramTiming t_;
  unsigned act_clocks_ = 6;
  unsigned ccd_l_ = 2;
  unsigned rcd_read_ = 16, rcd_write_ = 8;
  unsigned turn_slots_ = 24;
  unsigned drain_blocks_ = 36;
  std::uint64_t started_ = 0;
  std::array<Bank, kDramBanks> banks_{};
  Calendar<64> columns_;
  std::array<Calendar<64>, kDramBankGroups> groups_;
  Calendar<64> activates_;  ///< in units of act_clocks_
  std::vector<Pending> pending_;
  std::uint64_t last_write_ = 0;
  std::uint64_t drain_from_ = 0;
  bool read_since_drain_ = false;
  std::uint64_t modify_free_ = 0;
  DramCounts counts_;
  std::array<std::uint64_t, 2> atoms_{};
  std::uint64_t high_reads_ = 0;
};

}  // namespace tsr
