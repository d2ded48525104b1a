// SPDX-License-Identifier: Apache-2.0
/// Watches the commands of one pseudo channel: trace, counts, refresh gaps.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "dram/dfi.hpp"

namespace tsr::tools {

class HbmObserver {
 public:
  struct Counts {
    std::uint64_t activates = 0, columns = 0, first_columns = 0, turnarounds = 0;
  };

  explicit HbmObserver(std::FILE* trace) : trace_(trace) {}

  /// What the controller drives in chip cycle `cycle`.
  void sample(std::uint64_t command, std::uint64_t cycle) {
    if ((command & (DfiCommand::kRowValid | DfiCommand::kColValid)) != 0) commands(command, cycle);
  }
  /// Refresh gaps count from `clock` on.
  void begin(std::uint64_t clock) {
    refreshed_.fill(clock);
    refreshed_before_.fill(false);
    refreshes = refresh_gap = refresh_between = 0;
    counts = {};
  }
  void end(std::uint64_t clock) {
    for (const auto since : refreshed_) refresh_gap = std::max(refresh_gap, clock - since);
  }

  unsigned open_row(unsigned bank) const { return open_row_[bank]; }

  Counts counts;
  std::uint64_t refreshes = 0, refresh_gap = 0;
  std::uint64_t refresh_between = 0;  ///< as refresh_gap, without the times before a bank's first
                                      ///< one and after its last

 private:
  void commands(std::uint64_t command, std::uint64_t cycle);
  void row(const DfiCommand& c, std::uint64_t clock);
  void column(const DfiCommand& c, std::uint64_t clock);
  void note_refresh(unsigned bank, std::uint64_t clock);
  void print(std::uint64_t clock, const char* name, unsigned bank, unsigned row, unsigned col);

  std::FILE* trace_;
  std::array<unsigned, kDramBanks> open_row_{};
  std::array<bool, kDramBanks> fresh_{};  // no column command since the activate
  std::array<std::uint64_t, kDramBanks> refreshed_{};
  std::array<bool, kDramBanks> refreshed_before_{};
  bool last_write_ = false;
};

}  // namespace tsr::tools
