// SPDX-License-Identifier: Apache-2.0
#include "tlm/memory/dram_time.hpp"

#include <algorithm>

namespace tsr {
namespace {

/// Request link to column or row command, data to answer link: rtl/hbm, latency.
constexpr std::uint64_t kToCommand = 4;
constexpr std::uint64_t kFromData = 5;
/// Request link to the answer of a write.
constexpr std::uint64_t kToQueue = 5;
/// A bank is quiet after one to two periods of 32 cycles.
constexpr std::uint64_t kQuiet = 48;
/// Writes that find room in the queue while the ones before them are drained.
constexpr std::uint64_t kSpareWrites = 12;
/// Without traffic queued writes are soon in the DRAM.
constexpr std::uint64_t kSettle = 100;
/// Two partial writes of different blocks in 3.9 cycles.
constexpr std::uint64_t kModify = 4;

unsigned latency_class(std::uint64_t clocks) {
  unsigned index = 0;
  std::uint64_t limit = 32;
  while (index < 15 && clocks >= limit) {
    ++index;
    limit = index % 2 != 0 ? limit * 3 / 2 : limit * 4 / 3;
  }
  return index;
}

}  // namespace

void DramTime::start(const DramTiming& timing, std::uint64_t cycle) {
  t_ = timing;
  act_clocks_ = static_cast<unsigned>(std::max({t_.rrd_s, (t_.faw + 3) / 4, 2}));
  ccd_l_ = std::max(1U, cycles(t_.ccd_l));
  rcd_read_ = cycles(t_.rcdrd);
  rcd_write_ = cycles(t_.rcdwr);
  // Both turns of a drain, and more for the rows that are not open in time.
  turn_slots_ = (cycles(t_.cwl + t_.bl + t_.wtr_l) + cycles(t_.rtw)) * 5 / 2;
  started_ = cycle;
  banks_ = {};
}

std::uint64_t DramTime::refreshes(std::uint64_t cycle) const {
  if (t_.refi == 0 || cycle < started_) return 0;
  return (cycle - started_) * 2 * kDramBanks / static_cast<unsigned>(t_.refi);
}

std::uint64_t DramTime::activate(Bank& bank, unsigned index, unsigned row, std::uint64_t cycle,
                                 bool closed, unsigned rcd) {
  std::uint64_t from = cycle;
  if (bank.valid) {
    from = std::max(from, bank.activated + cycles(t_.rc));
    if (!closed) {
      const std::uint64_t precharge =
          std::max({cycle, bank.activated + cycles(t_.ras), bank.last_column + cycles(t_.rtp)});
      from = std::max(from, precharge + cycles(t_.rp));
    }
  }
  // Refresh of this bank: a quiet bank had it already, a busy one may owe one.
  const std::uint64_t period = static_cast<std::uint64_t>(t_.refi) / 2;
  const std::uint64_t phase = started_ + index * period / kDramBanks;
  const std::uint64_t due = cycle > phase ? (cycle - phase) / period : 0;
  if (cycle > bank.last_want + period / kDramBanks) {
    bank.refreshed = std::max(bank.refreshed, due);
  } else if (due > bank.refreshed + 1) {
    bank.refreshed = due;
    from += cycles(t_.rfcpb);
  }
  const std::uint64_t slot = activates_.claim((2 * from + act_clocks_ - 1) / act_clocks_);
  const std::uint64_t at = std::max(from, slot * act_clocks_ / 2);
  bank.previous = bank.open;
  bank.previous.closes = at > cycles(t_.rp) ? at - cycles(t_.rp) : 0;
  bank.open = {row, at + rcd, ~0ULL};
  bank.activated = at;
  bank.valid = true;
  ++counts_.value[kActivates];
  ++counts_.value[kRowMisses];
  return bank.open.usable;
}

std::uint64_t DramTime::open_row(unsigned index, unsigned row, std::uint64_t cycle, unsigned rcd) {
  Bank& bank = banks_[index];
  const bool quiet = cycle > bank.last_want + kQuiet && cycle > bank.last_column + kQuiet;
  const bool closed = bank.valid && quiet && bank.close_ahead >= 2;
  std::uint64_t usable;
  if (bank.valid && bank.open.row == row && !closed) {
    usable = bank.open.usable;
    ++counts_.value[kRowHits];
  } else if (bank.valid && bank.previous.row == row && cycle < bank.previous.closes) {
    usable = bank.previous.usable;
    ++counts_.value[kRowHits];
  } else {
    if (bank.valid && !closed) ++counts_.value[kPrecharges];
    if (bank.valid && quiet) {
      const bool same = bank.open.row == row;
      if (same && bank.close_ahead > 0) --bank.close_ahead;
      if (!same && bank.close_ahead < 3) ++bank.close_ahead;
    } else if (bank.valid && bank.close_ahead < 3) {
      ++bank.close_ahead;
    }
    usable = activate(bank, index, row, cycle, closed, rcd);
  }
  bank.last_want = std::max(bank.last_want, cycle);
  return usable;
}

/// Take a column command of a bank group; returns its cycle.
std::uint64_t DramTime::column(unsigned group, bool high, std::uint64_t cycle) {
  Calendar<64>& own = groups_[group];
  for (std::uint64_t at = cycle;; at += 64) {
    std::uint64_t bits = columns_.free(at);
    for (unsigned i = 0; i < ccd_l_; ++i) bits &= own.free(at + i);
    if (bits == 0) continue;
    at += static_cast<unsigned>(__builtin_ctzll(bits));
    columns_.take(at);
    for (unsigned i = 0; i < ccd_l_; ++i) own.take(at + i);
    return high ? cycle : at;
  }
}

std::uint64_t DramTime::read(const DramAddress& block, unsigned atoms, bool high,
                             std::uint64_t cycle) {
  settle(cycle);
  read_since_drain_ = true;
  const std::uint64_t ready = cycle + kToCommand;
  const std::uint64_t usable = open_row(block.bank, block.row, ready, rcd_read_);
  std::uint64_t at = std::max(ready, usable);
  const unsigned group = block.bank / 4;
  for (unsigned i = 0; i < atoms; ++i) at = column(group, high, i == 0 ? at : at + ccd_l_);
  Bank& bank = banks_[block.bank];
  bank.last_column = std::max(bank.last_column, at);
  counts_.value[kReads] += atoms;
  atoms_[0] += atoms;
  if (high) ++high_reads_;
  counts_.value[kBusy] += atoms;
  const std::uint64_t done = at + cycles(t_.cl + t_.bl) + kFromData;
  ++counts_.latency[latency_class(2 * (done - cycle))];
  return done;
}

std::uint64_t DramTime::write(const DramAddress& block, unsigned atoms, std::uint64_t cycle) {
  settle(cycle);
  const std::uint64_t place = pending_.size();
  std::uint64_t accepted = cycle;
  if (place > kSpareWrites) {
    accepted = std::max(accepted, drain_from_ + 2 * (place - kSpareWrites));
  }
  pending_.push_back({block.bank, block.row, atoms});
  last_write_ = accepted;
  counts_.value[kWrites] += atoms;
  atoms_[1] += atoms;
  counts_.value[kBusy] += atoms;
  if (pending_.size() >= drain_blocks_) drain(accepted + kToCommand);
  return accepted + kToQueue;
}

/// Write what is queued: rows first, then columns; the data bus turns twice if reads use it too.
void DramTime::drain(std::uint64_t cycle) {
  std::uint64_t first = ~0ULL, last = 0;
  if (read_since_drain_) {
    counts_.value[kTurnarounds] += 2;
    for (unsigned i = 0; i < turn_slots_; ++i) columns_.claim(cycle);
  }
  for (const Pending& write : pending_) {
    const std::uint64_t usable = open_row(write.bank, write.row, cycle, rcd_write_);
    std::uint64_t at = std::max(cycle, usable);
    for (unsigned i = 0; i < write.atoms; ++i) {
      at = column(write.bank / 4, false, at);
      first = std::min(first, at);
      last = std::max(last, at);
    }
    banks_[write.bank].last_column = std::max(banks_[write.bank].last_column, at);
  }
  drain_from_ = first;
  read_since_drain_ = false;
  pending_.clear();
}

/// Writes that have waited through a quiet time are in the DRAM by now.
void DramTime::settle(std::uint64_t cycle) {
  if (pending_.empty() || cycle < last_write_ + kSettle) return;
  for (const Pending& write : pending_) open_row(write.bank, write.row, last_write_, rcd_write_);
  drain_from_ = 0;
  read_since_drain_ = false;
  pending_.clear();
}

std::uint64_t DramTime::modify(std::uint64_t cycle) {
  modify_free_ = std::max(modify_free_, cycle) + kModify;
  return modify_free_ - kModify;
}

}  // namespace tsr
