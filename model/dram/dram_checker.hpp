// SPDX-License-Identifier: Apache-2.0
/// Timing and state checker of one DRAM pseudo channel. Independent of the controller: it keeps the
/// clock of the last command of every kind and compares distances.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "dram/dfi.hpp"
#include "dram/timing.hpp"

namespace tsr {

/// One broken rule.
struct DramViolation {
  std::int64_t clock = 0;  ///< DRAM clock of the offending command
  unsigned pc = 0;
  unsigned bank = 0;
  std::string rule;           ///< "tRCDRD", "tFAW", .. or a state rule: "ActOpenBank", ..
  std::string previous;       ///< earlier command of the pair, empty for state rules
  std::string command;        ///< offending command
  std::int64_t required = 0;  ///< least distance in clocks (tREFI: most intervals of debt)
  std::int64_t actual = 0;    ///< distance found
  std::string message;        ///< all of it in words
};

class DramChecker {
 public:
  using Sink = std::function<void(const DramViolation&)>;

  /// Refreshes of a bank that may be postponed, or done ahead.
  static constexpr std::int64_t kMaxPostponed = 8;
  /// next_deadline(): none.
  static constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

  DramChecker(const DramTiming& timing, unsigned pc, Sink sink);

  /// The device's reset is low at `clock`.
  void reset(std::int64_t clock);
  /// Commands, in order of their clock.
  void row(std::int64_t clock, RowCmd cmd, unsigned bank, unsigned row);
  void column(std::int64_t clock, ColCmd cmd, unsigned bank);
  /// Time passes: refresh debts are checked up to `clock`.
  void advance(std::int64_t clock) {
    if (clock >= next_deadline_) check_deadlines(clock);
  }
  /// Clock in which advance() will report something if no command comes.
  std::int64_t next_deadline() const { return next_deadline_; }
  /// Report a rule of the data bus.
  void report_data(std::int64_t clock, const std::string& rule, const std::string& what);

  bool enabled() const { return enabled_; }
  bool powered_down() const { return power_ == Power::kDown; }
  bool self_refreshing() const { return power_ == Power::kSelf; }
  bool open(unsigned bank) const { return banks_[bank].open; }
  unsigned open_row(unsigned bank) const { return banks_[bank].row; }
  unsigned mode_register(unsigned index) const { return index < 3 ? mode_[index] : 0; }
  /// Refresh intervals that the worst bank is behind at `clock`; negative: ahead. Time in
  /// self-refresh does not count.
  std::int64_t refresh_debt(std::int64_t clock) const;

 private:
  static constexpr std::int64_t kNever = -(1LL << 60);

  enum class Power { kUp, kDown, kSelf };

  struct Bank {
    bool open = false;
    unsigned row = 0;
    std::int64_t act = kNever;
    std::int64_t pre = kNever;
    std::int64_t rd = kNever;
    std::int64_t wr = kNever;
    std::int64_t ref = kNever;
    std::int64_t refreshed = 0;  // intervals paid
  };
  struct Group {
    std::int64_t act = kNever;
    std::int64_t col = kNever;
    std::int64_t wr = kNever;
  };

  void report(std::int64_t clock, unsigned bank, const std::string& rule,
              const std::string& previous, const std::string& command, std::int64_t required,
              std::int64_t actual);
  /// `clock` must be at least `required` after `since`.
  void need(std::int64_t clock, unsigned bank, const char* rule, const char* previous,
            const char* command, std::int64_t since, std::int64_t required);
  /// Rules of every command: power-up, power-down, mode registers, all-bank refresh. `array`: needs
  /// an enabled device.
  void need_ready(std::int64_t clock, unsigned bank, const char* command, bool array);
  void need_act_spacing(std::int64_t clock, unsigned bank, const char* command);
  void need_refresh_spacing(std::int64_t clock, unsigned bank, const char* command);
  void activate(std::int64_t clock, unsigned bank, unsigned row);
  void precharge(std::int64_t clock, unsigned bank);
  void refresh_bank(std::int64_t clock, unsigned bank);
  void refresh_all(std::int64_t clock);
  void mode_write(std::int64_t clock, unsigned index, unsigned value);
  void enter_sleep(std::int64_t clock, Power to);
  void leave_sleep(std::int64_t clock);
  void pay_refresh(std::int64_t clock, Bank& bank);
  void check_deadlines(std::int64_t clock);
  void update_deadline();

  DramTiming t_;
  unsigned pc_;
  Sink sink_;
  std::array<Bank, kDramBanks> banks_{};
  std::array<Group, kDramBankGroups> groups_{};
  std::array<std::int64_t, 4> acts_{};  // the last four activates, oldest at next_act_
  unsigned next_act_ = 0;
  std::int64_t last_pre_ = kNever;
  unsigned last_pre_bank_ = 0;
  std::int64_t last_rd_ = kNever;
  std::int64_t last_ref_all_ = kNever;
  std::int64_t last_mrs_ = kNever;
  Power power_ = Power::kUp;
  std::int64_t slept_ = kNever;      // last entry to power-down or self-refresh
  std::int64_t left_down_ = kNever;  // last exit of power-down, of self-refresh
  std::int64_t left_self_ = kNever;
  std::int64_t released_ = 0;  // clock after the last one with reset low
  bool enabled_ = false;
  std::int64_t enabled_at_ = 0;
  std::int64_t next_deadline_ = 0;
  std::array<unsigned, 3> mode_{};
};

}  // namespace tsr
