// SPDX-License-Identifier: Apache-2.0
#include "hbm/observer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tsr::tools {

void HbmObserver::commands(std::uint64_t command, std::uint64_t cycle) {
  const DfiCommand c = DfiCommand::unpack(command);
  const bool column_first = c.col_valid && c.row_valid && c.col_phase < c.row_phase;
  if (column_first) column(c, 2 * cycle + c.col_phase);
  if (c.row_valid) row(c, 2 * cycle + c.row_phase);
  if (c.col_valid && !column_first) column(c, 2 * cycle + c.col_phase);
}

void HbmObserver::row(const DfiCommand& c, std::uint64_t clock) {
  const unsigned bank = c.row_bank;
  switch (c.row_cmd) {
    case RowCmd::kAct:
      open_row_[bank] = c.row;
      fresh_[bank] = true;
      ++counts.activates;
      print(clock, "ACT", bank, c.row, 0);
      break;
    case RowCmd::kPre:
      print(clock, "PRE", bank, open_row_[bank], 0);
      break;
    case RowCmd::kRefPb:
      ++refreshes;
      note_refresh(bank, clock);
      print(clock, "REFPB", bank, 0, 0);
      break;
    case RowCmd::kRefAb:
      refreshes += kDramBanks;
      for (unsigned b = 0; b < kDramBanks; ++b) note_refresh(b, clock);
      print(clock, "REFAB", 0, 0, 0);
      break;
    case RowCmd::kPde:
      print(clock, "PDE", 0, 0, 0);
      break;
    case RowCmd::kSre:
      print(clock, "SRE", 0, 0, 0);
      break;
    case RowCmd::kPdx:
      print(clock, "PDX", 0, 0, 0);
      break;
    default:  // mode registers move no data
      break;
  }
}

void HbmObserver::column(const DfiCommand& c, std::uint64_t clock) {
  if (c.col_cmd == ColCmd::kMrr) return;
  const bool write = c.col_cmd == ColCmd::kWr;
  ++counts.columns;
  counts.first_columns += fresh_[c.col_bank];
  fresh_[c.col_bank] = false;
  counts.turnarounds += write != last_write_;
  last_write_ = write;
  print(clock, write ? "WR" : "RD", c.col_bank, open_row_[c.col_bank], c.col);
}

void HbmObserver::note_refresh(unsigned bank, std::uint64_t clock) {
  refresh_gap = std::max(refresh_gap, clock - refreshed_[bank]);
  if (refreshed_before_[bank])
    refresh_between = std::max(refresh_between, clock - refreshed_[bank]);
  refreshed_before_[bank] = true;
  refreshed_[bank] = clock;
}

void HbmObserver::print(std::uint64_t clock, const char* name, unsigned bank, unsigned row,
                        unsigned col) {
  if (trace_ == nullptr) return;
  fmt::print(trace_, "{} {} {} {} {} {}\n", clock, name, bank / 4, bank % 4, row, col);
}

}  // namespace tsr::tools
