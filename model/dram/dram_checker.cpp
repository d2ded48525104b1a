// SPDX-License-Identifier: Apache-2.0
#include "dram/dram_checker.hpp"

#include <algorithm>
#include <utility>

namespace tsr {
namespace {

std::string bank_name(unsigned bank) {
  return "bank group " + std::to_string(bank / 4) + " bank " + std::to_string(bank % 4);
}

}  // namespace

DramChecker::DramChecker(const DramTiming& timing, unsigned pc, Sink sink)
    : t_(timing), pc_(pc), sink_(std::move(sink)) {
  reset(-1);
}

void DramChecker::reset(std::int64_t clock) {
  if (enabled_ || clock < 0 || last_mrs_ != kNever) {
    banks_ = {};
    groups_ = {};
    acts_.fill(kNever);
    last_pre_ = last_rd_ = last_ref_all_ = last_mrs_ = kNever;
    slept_ = left_down_ = left_self_ = kNever;
    power_ = Power::kUp;
    enabled_ = false;
    mode_ = {};
    next_deadline_ = kNoDeadline;
  }
  released_ = clock + 1;
}

void DramChecker::report(std::int64_t clock, unsigned bank, const std::string& rule,
                         const std::string& previous, const std::string& command,
                         std::int64_t required, std::int64_t actual) {
  DramViolation v{clock, pc_, bank, rule, previous, command, required, actual, ""};
  v.message = "DRAM clock " + std::to_string(clock) + ", pseudo channel " + std::to_string(pc_) +
              ", " + bank_name(bank) + ": " + command + " breaks " + rule;
  if (!previous.empty()) {
    v.message += ": " + std::to_string(actual) + " clocks after " + previous + ", at least " +
                 std::to_string(required) + " required";
  } else if (rule == "tREFI") {
    v.message += ": refresh is " + std::to_string(actual) + " intervals behind, at most " +
                 std::to_string(required) + " allowed";
  }
  sink_(v);
}

void DramChecker::report_data(std::int64_t clock, const std::string& rule,
                              const std::string& what) {
  report(clock, 0, rule, "", what, 0, 0);
}

void DramChecker::need(std::int64_t clock, unsigned bank, const char* rule, const char* previous,
                       const char* command, std::int64_t since, std::int64_t required) {
  if (since != kNever && clock - since < required) {
    report(clock, bank, rule, previous, command, required, clock - since);
  }
}

void DramChecker::need_ready(std::int64_t clock, unsigned bank, const char* command, bool array) {
  need(clock, bank, "tINIT", "reset release", command, released_, t_.init);
  if (power_ != Power::kUp) {
    report(clock, bank, "CommandInPowerDown", "", command, 0, 0);
  }
  need(clock, bank, "tXP", "PDX", command, left_down_, t_.xp);
  need(clock, bank, "tXS", "SRX", command, left_self_, t_.xs);
  need(clock, bank, "tMOD", "MRS", command, last_mrs_, t_.mod);
  need(clock, bank, "tRFCab", "REFab", command, last_ref_all_, t_.rfcab);
  if (array && !enabled_) report(clock, bank, "NotInitialized", "", command, 0, 0);
}

void DramChecker::need_act_spacing(std::int64_t clock, unsigned bank, const char* command) {
  for (unsigned g = 0; g < kDramBankGroups; ++g) {
    const bool same = g == bank / 4;
    need(clock, bank, same ? "tRRD_L" : "tRRD_S", "ACT", command, groups_[g].act,
         same ? t_.rrd_l : t_.rrd_s);
  }
}

void DramChecker::need_refresh_spacing(std::int64_t clock, unsigned bank, const char* command) {
  for (unsigned b = 0; b < kDramBanks; ++b) {
    const bool same = b == bank;
    need(clock, bank, same ? "tRFCpb" : "tRREFD", "REFpb", command, banks_[b].ref,
         same ? t_.rfcpb : t_.rrefd);
  }
}

void DramChecker::row(std::int64_t clock, RowCmd cmd, unsigned bank, unsigned row) {
  advance(clock);
  switch (cmd) {
    case RowCmd::kAct:
      activate(clock, bank, row);
      break;
    case RowCmd::kPre:
      precharge(clock, bank);
      break;
    case RowCmd::kRefPb:
      refresh_bank(clock, bank);
      break;
    case RowCmd::kRefAb:
      refresh_all(clock);
      break;
    case RowCmd::kMrs:
      mode_write(clock, bank, row);
      break;
    case RowCmd::kPde:
      enter_sleep(clock, Power::kDown);
      break;
    case RowCmd::kSre:
      enter_sleep(clock, Power::kSelf);
      break;
    case RowCmd::kPdx:
      leave_sleep(clock);
      break;
    default:
      report(clock, bank, "UnknownCommand", "", "row command", 0, 0);
  }
}

void DramChecker::activate(std::int64_t clock, unsigned bank, unsigned row) {
  Bank& b = banks_[bank];
  need_ready(clock, bank, "ACT", true);
  if (b.open) report(clock, bank, "ActOpenBank", "", "ACT", 0, 0);
  need(clock, bank, "tRC", "ACT", "ACT", b.act, t_.rc);
  need(clock, bank, "tRP", "PRE", "ACT", b.pre, t_.rp);
  need_act_spacing(clock, bank, "ACT");
  need_refresh_spacing(clock, bank, "ACT");
  need(clock, bank, "tFAW", "fourth ACT before", "ACT", acts_[next_act_], t_.faw);
  acts_[next_act_] = clock;
  next_act_ = (next_act_ + 1) % 4;
  groups_[bank / 4].act = clock;
  b.act = clock;
  b.open = true;
  b.row = row;
}

void DramChecker::precharge(std::int64_t clock, unsigned bank) {
  Bank& b = banks_[bank];
  need_ready(clock, bank, "PRE", true);
  if (!b.open) report(clock, bank, "PrechargeClosedBank", "", "PRE", 0, 0);
  need(clock, bank, "tRAS", "ACT", "PRE", b.act, t_.ras);
  need(clock, bank, "tRTP", "RD", "PRE", b.rd, t_.rtp);
  need(clock, bank, "tWR", "WR", "PRE", b.wr, t_.cwl + t_.bl + t_.wr);
  if (last_pre_bank_ != bank) need(clock, bank, "tPPD", "PRE", "PRE", last_pre_, t_.ppd);
  last_pre_ = clock;
  last_pre_bank_ = bank;
  b.pre = clock;
  b.open = false;
}

void DramChecker::refresh_bank(std::int64_t clock, unsigned bank) {
  Bank& b = banks_[bank];
  need_ready(clock, bank, "REFpb", true);
  if (b.open) report(clock, bank, "RefreshOpenBank", "", "REFpb", 0, 0);
  need(clock, bank, "tRC", "ACT", "REFpb", b.act, t_.rc);
  need(clock, bank, "tRP", "PRE", "REFpb", b.pre, t_.rp);
  need_act_spacing(clock, bank, "REFpb");
  need_refresh_spacing(clock, bank, "REFpb");
  b.ref = clock;
  pay_refresh(clock, b);
  update_deadline();
}

void DramChecker::refresh_all(std::int64_t clock) {
  need_ready(clock, 0, "REFab", true);
  for (unsigned i = 0; i < kDramBanks; ++i) {
    Bank& b = banks_[i];
    if (b.open) report(clock, i, "RefreshOpenBank", "", "REFab", 0, 0);
    need(clock, i, "tRC", "ACT", "REFab", b.act, t_.rc);
    need(clock, i, "tRP", "PRE", "REFab", b.pre, t_.rp);
    need(clock, i, "tRFCpb", "REFpb", "REFab", b.ref, t_.rfcpb);
    pay_refresh(clock, b);
  }
  last_ref_all_ = clock;
  update_deadline();
}

void DramChecker::mode_write(std::int64_t clock, unsigned index, unsigned value) {
  need_ready(clock, 0, "MRS", false);
  if (enabled_) report(clock, 0, "ModeWriteAfterEnable", "", "MRS", 0, 0);
  if (index >= mode_.size()) {
    report(clock, 0, "UnknownModeRegister", "", "MRS", 0, 0);
    return;
  }
  mode_[index] = value & 0xff;
  last_mrs_ = clock;
  if (index == kMrEnable && (value & 1U) != 0) {
    if (mode_[kMrCl] != static_cast<unsigned>(t_.cl)) {
      report(clock, 0, "WrongLatency", "", "MRS of CL", t_.cl, mode_[kMrCl]);
    }
    if (mode_[kMrCwl] != static_cast<unsigned>(t_.cwl)) {
      report(clock, 0, "WrongLatency", "", "MRS of CWL", t_.cwl, mode_[kMrCwl]);
    }
    enabled_ = true;
    enabled_at_ = clock;
    for (Bank& b : banks_) b.refreshed = 0;
    update_deadline();
  }
}

void DramChecker::enter_sleep(std::int64_t clock, Power to) {
  const char* name = to == Power::kSelf ? "SRE" : "PDE";
  need_ready(clock, 0, name, true);
  for (unsigned i = 0; i < kDramBanks; ++i) {
    const Bank& b = banks_[i];
    if (b.open) report(clock, i, "PowerDownOpenBank", "", name, 0, 0);
    need(clock, i, "tRP", "PRE", name, b.pre, t_.rp);
    need(clock, i, "tRFCpb", "REFpb", name, b.ref, t_.rfcpb);
  }
  need(clock, 0, "tRDPDE", "RD", name, last_rd_, t_.cl + t_.bl);
  power_ = to;
  slept_ = clock;
  update_deadline();
}

void DramChecker::leave_sleep(std::int64_t clock) {
  if (power_ == Power::kUp) {
    report(clock, 0, "ExitWithoutEntry", "", "PDX", 0, 0);
    return;
  }
  need(clock, 0, "tCKE", power_ == Power::kSelf ? "SRE" : "PDE", "PDX", slept_, t_.cke);
  if (power_ == Power::kSelf) {
    left_self_ = clock;
    enabled_at_ += clock - slept_;
  } else {
    left_down_ = clock;
  }
  power_ = Power::kUp;
  update_deadline();
}

void DramChecker::column(std::int64_t clock, ColCmd cmd, unsigned bank) {
  advance(clock);
  if (cmd == ColCmd::kMrr) {
    need_ready(clock, 0, "MRR", true);
    return;
  }
  if (cmd != ColCmd::kRd && cmd != ColCmd::kWr) {
    report(clock, bank, "UnknownCommand", "", "column command", 0, 0);
    return;
  }
  const bool write = cmd == ColCmd::kWr;
  const char* name = write ? "WR" : "RD";
  Bank& b = banks_[bank];
  need_ready(clock, bank, name, true);
  if (!b.open) report(clock, bank, write ? "WriteClosedBank" : "ReadClosedBank", "", name, 0, 0);
  if (b.open) {
    need(clock, bank, write ? "tRCDWR" : "tRCDRD", "ACT", name, b.act, write ? t_.rcdwr : t_.rcdrd);
  }
  for (unsigned g = 0; g < kDramBankGroups; ++g) {
    const bool same = g == bank / 4;
    need(clock, bank, same ? "tCCD_L" : "tCCD_S", "RD or WR", name, groups_[g].col,
         same ? t_.ccd_l : t_.ccd_s);
    if (!write) {
      need(clock, bank, same ? "tWTR_L" : "tWTR_S", "WR", name, groups_[g].wr,
           t_.cwl + t_.bl + (same ? t_.wtr_l : t_.wtr_s));
    }
  }
  if (write) need(clock, bank, "tRTW", "RD", name, last_rd_, t_.rtw);
  groups_[bank / 4].col = clock;
  if (write) {
    groups_[bank / 4].wr = clock;
    b.wr = clock;
  } else {
    last_rd_ = clock;
    b.rd = clock;
  }
}

void DramChecker::pay_refresh(std::int64_t clock, Bank& bank) {
  const std::int64_t elapsed = (clock - enabled_at_) / t_.refi;
  bank.refreshed = std::min(bank.refreshed + 1, elapsed + kMaxPostponed);
}

void DramChecker::update_deadline() {
  std::int64_t least = banks_[0].refreshed;
  for (const Bank& b : banks_) least = std::min(least, b.refreshed);
  const bool counts = enabled_ && power_ != Power::kSelf;
  next_deadline_ = counts ? enabled_at_ + (least + kMaxPostponed + 1) * t_.refi : kNoDeadline;
}

void DramChecker::check_deadlines(std::int64_t clock) {
  const std::int64_t elapsed = (clock - enabled_at_) / t_.refi;
  for (unsigned i = 0; i < kDramBanks; ++i) {
    Bank& b = banks_[i];
    if (elapsed - b.refreshed > kMaxPostponed) {
      report(clock, i, "tREFI", "", "missing refresh", kMaxPostponed, elapsed - b.refreshed);
      b.refreshed = elapsed - kMaxPostponed;  // report every further interval once
    }
  }
  update_deadline();
}

std::int64_t DramChecker::refresh_debt(std::int64_t clock) const {
  if (!enabled_) return 0;
  if (power_ == Power::kSelf) clock = slept_;
  std::int64_t debt = -kMaxPostponed;
  for (const Bank& b : banks_) debt = std::max(debt, (clock - enabled_at_) / t_.refi - b.refreshed);
  return debt;
}

}  // namespace tsr
