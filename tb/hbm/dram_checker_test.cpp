// SPDX-License-Identifier: Apache-2.0
/// The checker of the DRAM device is itself checked: for each constraint of each speed grade, a
/// sequence that violates it by one clock is caught under the right name, and one that just meets
/// it passes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <functional>
#include <set>
#include <vector>

#include "dram/dram_device.hpp"
#include "dram/dram_profile.hpp"

namespace tsr {
namespace {

/// A command at a clock, relative to the end of the initialization.
struct Command {
  std::int64_t clock;
  bool column;
  RowCmd row_cmd;
  ColCmd col_cmd;
  unsigned bank;
};

Command act(std::int64_t clock, unsigned bank) {
  return {clock, false, RowCmd::kAct, ColCmd::kRd, bank};
}
Command pre(std::int64_t clock, unsigned bank) {
  return {clock, false, RowCmd::kPre, ColCmd::kRd, bank};
}
Command ref(std::int64_t clock, unsigned bank) {
  return {clock, false, RowCmd::kRefPb, ColCmd::kRd, bank};
}
Command ref_all(std::int64_t clock) { return {clock, false, RowCmd::kRefAb, ColCmd::kRd, 0}; }
Command sleep(std::int64_t clock, RowCmd cmd) { return {clock, false, cmd, ColCmd::kRd, 0}; }
Command pde(std::int64_t clock) { return sleep(clock, RowCmd::kPde); }
Command sre(std::int64_t clock) { return sleep(clock, RowCmd::kSre); }
Command pdx(std::int64_t clock) { return sleep(clock, RowCmd::kPdx); }
Command rd(std::int64_t clock, unsigned bank) {
  return {clock, true, RowCmd::kAct, ColCmd::kRd, bank};
}
Command wr(std::int64_t clock, unsigned bank) {
  return {clock, true, RowCmd::kAct, ColCmd::kWr, bank};
}

/// Drives a device as a controller would: data follows every write on time.
class Driver {
 public:
  explicit Driver(const DramTiming& timing) : device_(timing), t_(timing) {}

  DramDevice& device() { return device_; }

  void cycle(DfiCommand command) {
    if (command.col_valid && command.col_cmd == ColCmd::kWr) {
      data_.push_back((device_.cycle() * 2 + command.col_phase + static_cast<unsigned>(t_.cwl)) /
                      2);
    }
    if (!data_.empty() && data_.front() == device_.cycle()) {
      command.wdata_valid = true;
      data_.pop_front();
    }
    std::array<DfiIn, kDramPcs> in{};
    std::array<DfiOut, kDramPcs> out{};
    in[0].command = command.pack();
    in[1].command = DfiCommand{}.pack();
    device_.step(in.data(), out.data());
  }

  void idle(std::int64_t cycles) {
    for (std::int64_t i = 0; i < cycles; ++i) cycle({});
  }

  void mode_write(unsigned index, int value) {
    DfiCommand c;
    c.row_valid = true;
    c.row_cmd = RowCmd::kMrs;
    c.row_bank = index;
    c.row = static_cast<unsigned>(value);
    cycle(c);
  }

  /// Reset, power-up, mode registers; then array commands are legal.
  void initialize() {
    DfiCommand reset;
    reset.reset_n = false;
    cycle(reset);
    idle(t_.init);
    mode_write(kMrCl, t_.cl);
    idle(t_.mod);
    mode_write(kMrCwl, t_.cwl);
    idle(t_.mod);
    mode_write(kMrEnable, 1);
    idle(t_.mod);
    base_ = static_cast<std::int64_t>(device_.cycle()) * 2;
  }

  /// Issue commands (ordered by clock, at most one of a kind per cycle), then wait for the data.
  void run(const std::vector<Command>& commands) {
    std::size_t next = 0;
    while (next < commands.size()) {
      DfiCommand c;
      while (next < commands.size() &&
             (base_ + commands[next].clock) / 2 == static_cast<std::int64_t>(device_.cycle())) {
        const Command& command = commands[next++];
        const auto phase = static_cast<unsigned>((base_ + command.clock) % 2);
        if (command.column) {
          ASSERT_FALSE(c.col_valid) << "two column commands in a cycle";
          c.col_valid = true;
          c.col_cmd = command.col_cmd;
          c.col_phase = phase;
          c.col_bank = command.bank;
        } else {
          ASSERT_FALSE(c.row_valid) << "two row commands in a cycle";
          c.row_valid = true;
          c.row_cmd = command.row_cmd;
          c.row_phase = phase;
          c.row_bank = command.bank;
        }
      }
      cycle(c);
    }
    idle(t_.cwl + t_.cl + 4);
  }

  std::int64_t base() const { return base_; }

 private:
  DramDevice device_;
  DramTiming t_;
  std::deque<std::uint64_t> data_;
  std::int64_t base_ = 0;
};

/// One constraint: a sequence whose last pair is `distance` apart.
struct Rule {
  const char* test;  ///< name of the case
  const char* rule;  ///< name that the checker must report
  std::function<std::int64_t(const DramTiming&)> required;
  std::function<std::vector<Command>(const DramTiming&, std::int64_t distance)> sequence;
  std::set<std::string> beside;  ///< rules that the profile cannot separate from this one
};

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.test; }

// Banks: 0 and 1 in group 0, 4 in group 1, 8 in group 2, 12 in group 3.
constexpr std::int64_t kLong = 300;

std::vector<Rule> rules() {
  using T = DramTiming;
  using D = std::int64_t;
  using S = std::vector<Command>;
  return {
      {"tRCDRD",
       "tRCDRD",
       [](const T& t) { return t.rcdrd; },
       [](const T&, D d) {
         return S{act(0, 0), rd(d, 0)};
       },
       {}},
      {"tRCDWR",
       "tRCDWR",
       [](const T& t) { return t.rcdwr; },
       [](const T&, D d) {
         return S{act(0, 0), wr(d, 0)};
       },
       {}},
      {"tRAS",
       "tRAS",
       [](const T& t) { return t.ras; },
       [](const T&, D d) {
         return S{act(0, 0), pre(d, 0)};
       },
       {}},
      {"tRP_Activate",
       "tRP",
       [](const T& t) { return t.rp; },
       [](const T&, D d) {
         return S{act(0, 0), pre(kLong, 0), act(kLong + d, 0)};
       },
       {}},
      {"tRP_Refresh",
       "tRP",
       [](const T& t) { return t.rp; },
       [](const T&, D d) {
         return S{act(0, 0), pre(kLong, 0), ref(kLong + d, 0)};
       },
       {}},
      {"tRP_RefreshAll",
       "tRP",
       [](const T& t) { return t.rp; },
       [](const T&, D d) {
         return S{act(0, 5), pre(kLong, 5), ref_all(kLong + d)};
       },
       {}},
      {"tRC_Activate",
       "tRC",
       [](const T& t) { return t.rc; },
       [](const T& t, D d) {
         return S{act(0, 0), pre(t.ras, 0), act(d, 0)};
       },
       {"tRP"}},
      {"tRC_Refresh",
       "tRC",
       [](const T& t) { return t.rc; },
       [](const T& t, D d) {
         return S{act(0, 0), pre(t.ras, 0), ref(d, 0)};
       },
       {"tRP"}},
      {"tRRD_S",
       "tRRD_S",
       [](const T& t) { return t.rrd_s; },
       [](const T&, D d) {
         return S{act(0, 0), act(d, 4)};
       },
       {}},
      {"tRRD_L",
       "tRRD_L",
       [](const T& t) { return t.rrd_l; },
       [](const T&, D d) {
         return S{act(0, 0), act(d, 1)};
       },
       {}},
      {"tRRD_S_Refresh",
       "tRRD_S",
       [](const T& t) { return t.rrd_s; },
       [](const T&, D d) {
         return S{act(0, 0), ref(d, 4)};
       },
       {}},
      {"tRRD_L_Refresh",
       "tRRD_L",
       [](const T& t) { return t.rrd_l; },
       [](const T&, D d) {
         return S{act(0, 0), ref(d, 1)};
       },
       {}},
      {"tFAW",
       "tFAW",
       [](const T& t) { return t.faw; },
       [](const T& t, D d) {
         const D r = t.rrd_s;
         return S{act(0, 0), act(r, 4), act(2 * r, 8), act(3 * r, 12), act(d, 1)};
       },
       {"tRRD_S", "tRRD_L"}},
      {"tPPD",
       "tPPD",
       [](const T& t) { return t.ppd; },
       [](const T&, D d) {
         return S{act(0, 0), act(101, 4), pre(kLong + 1, 0), pre(kLong + 1 + d, 4)};
       },
       {}},
      {"tCCD_S_Read",
       "tCCD_S",
       [](const T& t) { return t.ccd_s; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 4), rd(kLong + 1, 0), rd(kLong + 1 + d, 4)};
       },
       {}},
      {"tCCD_L_Read",
       "tCCD_L",
       [](const T& t) { return t.ccd_l; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 1), rd(kLong, 0), rd(kLong + d, 1)};
       },
       {}},
      {"tCCD_L_SameBank",
       "tCCD_L",
       [](const T& t) { return t.ccd_l; },
       [](const T&, D d) {
         return S{act(0, 0), rd(kLong, 0), rd(kLong + d, 0)};
       },
       {}},
      {"tCCD_S_Write",
       "tCCD_S",
       [](const T& t) { return t.ccd_s; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 4), wr(kLong + 1, 0), wr(kLong + 1 + d, 4)};
       },
       {}},
      {"tCCD_L_Write",
       "tCCD_L",
       [](const T& t) { return t.ccd_l; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 1), wr(kLong, 0), wr(kLong + d, 1)};
       },
       {}},
      {"tWR",
       "tWR",
       [](const T& t) { return t.cwl + t.bl + t.wr; },
       [](const T&, D d) {
         return S{act(0, 0), wr(kLong, 0), pre(kLong + d, 0)};
       },
       {}},
      {"tRTP",
       "tRTP",
       [](const T& t) { return t.rtp; },
       [](const T&, D d) {
         return S{act(0, 0), rd(kLong, 0), pre(kLong + d, 0)};
       },
       {}},
      {"tWTR_S",
       "tWTR_S",
       [](const T& t) { return t.cwl + t.bl + t.wtr_s; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 4), wr(kLong, 0), rd(kLong + d, 4)};
       },
       {}},
      {"tWTR_L",
       "tWTR_L",
       [](const T& t) { return t.cwl + t.bl + t.wtr_l; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 1), wr(kLong, 0), rd(kLong + d, 1)};
       },
       {}},
      {"tRTW_SameBank",
       "tRTW",
       [](const T& t) { return t.rtw; },
       [](const T&, D d) {
         return S{act(0, 0), rd(kLong, 0), wr(kLong + d, 0)};
       },
       {}},
      {"tRTW_OtherGroup",
       "tRTW",
       [](const T& t) { return t.rtw; },
       [](const T&, D d) {
         return S{act(0, 0), act(100, 4), rd(kLong, 0), wr(kLong + d, 4)};
       },
       {}},
      {"tRFCab_Activate",
       "tRFCab",
       [](const T& t) { return t.rfcab; },
       [](const T&, D d) {
         return S{ref_all(0), act(d, 3)};
       },
       {}},
      {"tRFCab_Refresh",
       "tRFCab",
       [](const T& t) { return t.rfcab; },
       [](const T&, D d) {
         return S{ref_all(0), ref(d, 3)};
       },
       {}},
      {"tRFCpb_Activate",
       "tRFCpb",
       [](const T& t) { return t.rfcpb; },
       [](const T&, D d) {
         return S{ref(0, 3), act(d, 3)};
       },
       {}},
      {"tRFCpb_Refresh",
       "tRFCpb",
       [](const T& t) { return t.rfcpb; },
       [](const T&, D d) {
         return S{ref(0, 3), ref(d, 3)};
       },
       {}},
      {"tRFCpb_RefreshAll",
       "tRFCpb",
       [](const T& t) { return t.rfcpb; },
       [](const T&, D d) {
         return S{ref(0, 3), ref_all(d)};
       },
       {}},
      {"tRREFD_Activate",
       "tRREFD",
       [](const T& t) { return t.rrefd; },
       [](const T&, D d) {
         return S{ref(0, 3), act(d, 4)};
       },
       {}},
      {"tRREFD_Refresh",
       "tRREFD",
       [](const T& t) { return t.rrefd; },
       [](const T&, D d) {
         return S{ref(0, 3), ref(d, 4)};
       },
       {}},
      {"tCKE_PowerDown",
       "tCKE",
       [](const T& t) { return t.cke; },
       [](const T&, D d) {
         return S{pde(0), pdx(d)};
       },
       {}},
      {"tCKE_SelfRefresh",
       "tCKE",
       [](const T& t) { return t.cke; },
       [](const T&, D d) {
         return S{sre(0), pdx(d)};
       },
       {}},
      {"tXP_Activate",
       "tXP",
       [](const T& t) { return t.xp; },
       [](const T&, D d) {
         return S{pde(0), pdx(kLong), act(kLong + d, 3)};
       },
       {}},
      {"tXP_Refresh",
       "tXP",
       [](const T& t) { return t.xp; },
       [](const T&, D d) {
         return S{pde(0), pdx(kLong), ref(kLong + d, 3)};
       },
       {}},
      {"tXS_Activate",
       "tXS",
       [](const T& t) { return t.xs; },
       [](const T&, D d) {
         return S{sre(0), pdx(kLong), act(kLong + d, 3)};
       },
       {}},
      {"tXS_PowerDown",
       "tXS",
       [](const T& t) { return t.xs; },
       [](const T&, D d) {
         return S{sre(0), pdx(kLong), pde(kLong + d)};
       },
       {}},
      {"tRP_PowerDown",
       "tRP",
       [](const T& t) { return t.rp; },
       [](const T&, D d) {
         return S{act(0, 5), pre(kLong, 5), pde(kLong + d)};
       },
       {}},
      {"tRFCpb_SelfRefresh",
       "tRFCpb",
       [](const T& t) { return t.rfcpb; },
       [](const T&, D d) {
         return S{ref(0, 3), sre(d)};
       },
       {}},
      {"tRFCab_PowerDown",
       "tRFCab",
       [](const T& t) { return t.rfcab; },
       [](const T&, D d) {
         return S{ref_all(0), pde(d)};
       },
       {}},
      {"tRDPDE",
       "tRDPDE",
       [](const T& t) { return t.cl + t.bl; },
       [](const T& t, D d) {
         return S{act(0, 5), rd(kLong, 5), pre(kLong + t.rtp, 5), pde(kLong + d)};
       },
       {"tRP"}},
  };
}

DramProfile profile(const std::string& name) {
  return load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/" + name + ".toml");
}

using Case = std::tuple<std::string, Rule>;

class DramRule : public testing::TestWithParam<Case> {
 protected:
  DramTiming timing() { return profile(std::get<0>(GetParam())).timing; }
  const Rule& rule() { return std::get<1>(GetParam()); }

  /// Shifts of a sequence, so that its pair starts in either clock of a cycle. A pair one clock
  /// apart must straddle a cycle, because a bus takes one command a cycle: such sequences start
  /// odd.
  static std::vector<std::int64_t> starts(std::int64_t distance) {
    return distance < 2 ? std::vector<std::int64_t>{0} : std::vector<std::int64_t>{0, 1};
  }

  /// Violations of the sequence with the pair `distance` apart; start in either clock of a cycle.
  std::vector<DramViolation> violations(std::int64_t distance, std::int64_t start) {
    Driver driver(timing());
    driver.initialize();
    auto sequence = rule().sequence(timing(), distance);
    for (Command& command : sequence) command.clock += start;
    driver.run(sequence);
    return driver.device().violations();
  }
};

TEST_P(DramRule, OneClockTooEarlyIsCaught) {
  const std::int64_t required = rule().required(timing());
  for (std::int64_t start : starts(required - 1)) {
    bool found = false;
    for (const DramViolation& v : violations(required - 1, start)) {
      if (v.rule != rule().rule) {
        EXPECT_TRUE(rule().beside.count(v.rule)) << v.message;
        continue;
      }
      found = true;
      EXPECT_EQ(v.required, required) << v.message;
      EXPECT_EQ(v.actual, required - 1) << v.message;
      EXPECT_EQ(v.pc, 0U);
      EXPECT_FALSE(v.previous.empty());
      EXPECT_NE(v.message.find(v.rule), std::string::npos);
      EXPECT_NE(v.message.find(v.command), std::string::npos);
    }
    EXPECT_TRUE(found) << rule().rule << " at distance " << required - 1 << " was not reported";
  }
}

TEST_P(DramRule, JustInTimePasses) {
  const std::int64_t required = rule().required(timing());
  for (std::int64_t start : starts(required)) {
    for (const DramViolation& v : violations(required, start)) {
      EXPECT_NE(v.rule, rule().rule) << v.message;
      EXPECT_TRUE(rule().beside.count(v.rule)) << v.message;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, DramRule,
                         testing::Combine(testing::Values("hbm3-6400", "hbm2e-3200"),
                                          testing::ValuesIn(rules())),
                         [](const testing::TestParamInfo<Case>& info) {
                           std::string name =
                               std::get<0>(info.param) + "_" + std::get<1>(info.param).test;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class DramProfileTest : public testing::TestWithParam<std::string> {
 protected:
  DramTiming timing() { return profile(GetParam()).timing; }
};

std::set<std::string> rules_of(const DramDevice& device) {
  std::set<std::string> names;
  for (const DramViolation& v : device.violations()) names.insert(v.rule);
  return names;
}

TEST_P(DramProfileTest, StateRulesAreChecked) {
  const std::vector<std::pair<std::string, std::vector<Command>>> cases = {
      {"ActOpenBank", {act(0, 2), act(kLong, 2)}},
      {"ReadClosedBank", {rd(0, 2)}},
      {"WriteClosedBank", {wr(0, 2)}},
      {"RefreshOpenBank", {act(0, 2), ref(kLong, 2)}},
      {"RefreshOpenBank", {act(0, 2), ref_all(kLong)}},
      {"PrechargeClosedBank", {pre(0, 2)}},
      {"PowerDownOpenBank", {act(0, 2), pde(kLong)}},
      {"PowerDownOpenBank", {act(0, 2), sre(kLong)}},
      {"CommandInPowerDown", {pde(0), act(kLong, 2)}},
      {"CommandInPowerDown", {sre(0), ref(kLong, 2)}},
      {"CommandInPowerDown", {pde(0), sre(kLong)}},
      {"ExitWithoutEntry", {pdx(0)}},
  };
  for (const auto& [name, commands] : cases) {
    Driver driver(timing());
    driver.initialize();
    driver.run(commands);
    const auto seen = rules_of(driver.device());
    EXPECT_TRUE(seen.count(name)) << name;
    // Without its own row cycle the second activate of a bank also meets no precharge: nothing else
    // breaks.
    const std::size_t extra = name == "WriteClosedBank" ? seen.count("UnexpectedWriteData") : 0;
    EXPECT_EQ(seen.size(), 1 + extra) << name;
  }
}

TEST_P(DramProfileTest, CommandsBeforeInitializationAreCaught) {
  for (const Command& command : {act(0, 0), pre(0, 0), ref(0, 0), ref_all(0), rd(0, 0), wr(0, 0)}) {
    Driver driver(timing());
    driver.idle(timing().init);
    driver.run({[&] {
      Command late = command;
      late.clock += static_cast<std::int64_t>(driver.device().cycle()) * 2;
      return late;
    }()});
    EXPECT_TRUE(rules_of(driver.device()).count("NotInitialized"));
  }
}

TEST_P(DramProfileTest, PowerUpAndModeRegisterTimesAreChecked) {
  const DramTiming t = timing();
  struct Step {
    std::int64_t init, mod;
    const char* rule;
  };
  // Distances in clocks; the driver idles whole cycles, so the times are rounded up to even ones.
  const std::int64_t init = (t.init + 1) / 2, mod = (t.mod + 1) / 2;
  for (const Step& s :
       {Step{init, mod, ""}, Step{init - 1, mod, "tINIT"}, Step{init, mod - 1, "tMOD"}}) {
    Driver driver(t);
    DfiCommand reset;
    reset.reset_n = false;
    driver.cycle(reset);
    driver.idle(s.init);
    driver.mode_write(kMrCl, t.cl);
    driver.idle(s.mod - 1);
    driver.mode_write(kMrCwl, t.cwl);
    driver.idle(mod);
    driver.mode_write(kMrEnable, 1);
    const auto seen = rules_of(driver.device());
    EXPECT_EQ(seen, s.rule[0] != 0 ? std::set<std::string>{s.rule} : std::set<std::string>{});
  }
}

TEST_P(DramProfileTest, WrongModeRegistersAreCaught) {
  for (int wrong : {0, 1}) {
    const DramTiming t = timing();
    Driver driver(t);
    driver.idle(t.init);
    driver.mode_write(kMrCl, t.cl + (wrong == 0));
    driver.idle(t.mod);
    driver.mode_write(kMrCwl, t.cwl + (wrong == 1));
    driver.idle(t.mod);
    driver.mode_write(kMrEnable, 1);
    EXPECT_EQ(rules_of(driver.device()), std::set<std::string>{"WrongLatency"});
  }
}

TEST_P(DramProfileTest, EightRefreshesMayBePostponedNotNine) {
  const DramTiming t = timing();
  Driver driver(t);
  driver.initialize();
  // The intervals count from the enabling mode register write, tMOD cycles and one before base().
  const std::int64_t enabled = driver.base() - 2 * (t.mod + 1);
  const std::int64_t limit = enabled + 9 * std::int64_t{t.refi};
  while (static_cast<std::int64_t>(driver.device().cycle()) * 2 + 2 <= limit) driver.cycle({});
  EXPECT_EQ(driver.device().refresh_debt(0), 9);
  EXPECT_EQ(driver.device().violation_count(), 0U);
  driver.cycle({});
  // Both pseudo channels, 16 banks; only channel 0 was initialized.
  EXPECT_EQ(driver.device().violation_count(), kDramBanks);
  EXPECT_EQ(rules_of(driver.device()), std::set<std::string>{"tREFI"});
  EXPECT_EQ(driver.device().violations()[0].actual, 9);
}

TEST_P(DramProfileTest, RefreshJustInTimePasses) {
  const DramTiming t = timing();
  Driver driver(t);
  driver.initialize();
  const std::int64_t enabled = driver.base() - 2 * (t.mod + 1);
  const std::int64_t limit = enabled + 9 * std::int64_t{t.refi} - driver.base();
  std::vector<Command> commands;
  for (unsigned b = 0; b < kDramBanks; ++b) {
    commands.push_back(ref(limit - 1 - (15 - static_cast<int>(b)) * std::int64_t{t.rrefd}, b));
  }
  driver.run(commands);
  EXPECT_EQ(driver.device().violation_count(), 0U);
  EXPECT_EQ(driver.device().refresh_debt(0), 8);
}

TEST_P(DramProfileTest, RefreshAheadCountsEightAtMost) {
  const DramTiming t = timing();
  Driver driver(t);
  driver.initialize();
  std::vector<Command> commands;
  for (int i = 0; i < 12; ++i) commands.push_back(ref_all(std::int64_t{i} * (t.rfcab + 1)));
  driver.run(commands);
  EXPECT_EQ(driver.device().violation_count(), 0U);
  const std::int64_t elapsed = (static_cast<std::int64_t>(driver.device().cycle()) * 2) / t.refi;
  EXPECT_GE(driver.device().refresh_debt(0), -8);
  EXPECT_LE(driver.device().refresh_debt(0), -8 + elapsed);
}

TEST_P(DramProfileTest, RefreshGoesOnInPowerDownAndStopsInSelfRefresh) {
  const DramTiming t = timing();
  for (const bool self : {false, true}) {
    Driver driver(t);
    driver.initialize();
    driver.run({self ? sre(0) : pde(0)});
    EXPECT_EQ(driver.device().powered_down(0), !self);
    EXPECT_EQ(driver.device().self_refreshing(0), self);
    driver.idle(std::int64_t{20} * t.refi / 2);
    EXPECT_EQ(driver.device().violation_count() == 0, self);
    const std::int64_t debt = driver.device().refresh_debt(0);
    EXPECT_EQ(debt, self ? 0 : 8);  // in power-down every interval beyond is reported
    driver.device().clear_violations();
    const auto now = static_cast<std::int64_t>(driver.device().cycle()) * 2 - driver.base();
    driver.run({pdx(now)});
    EXPECT_EQ(driver.device().refresh_debt(0), debt);
    driver.idle(std::int64_t{5} * t.refi / 2);
    EXPECT_EQ(driver.device().violation_count() == 0, self);
    if (self) EXPECT_EQ(driver.device().refresh_debt(0), 5);
  }
}

TEST_P(DramProfileTest, WriteDataIsExpectedOnTime) {
  const DramTiming t = timing();
  for (bool missing : {false, true}) {
    DramDevice device(t);
    std::array<DfiIn, kDramPcs> in{};
    std::array<DfiOut, kDramPcs> out{};
    const auto cycle = [&](const DfiCommand& command) {
      in[0].command = command.pack();
      in[1].command = DfiCommand{}.pack();
      device.step(in.data(), out.data());
    };
    DfiCommand data;
    data.wdata_valid = true;
    if (missing) {
      // An activate and a write without initialization: other rules break too, the data is still
      // missed.
      DfiCommand c;
      c.row_valid = true;
      cycle(c);
      c = {};
      c.col_valid = true;
      c.col_cmd = ColCmd::kWr;
      cycle(c);
      for (int i = 0; i < t.cwl; ++i) cycle({});
      EXPECT_TRUE(rules_of(device).count("MissingWriteData"));
    } else {
      cycle(data);
      EXPECT_EQ(rules_of(device), std::set<std::string>{"UnexpectedWriteData"});
    }
  }
}

TEST_P(DramProfileTest, ReadDataComesAfterItsLatency) {
  const DramTiming t = timing();
  Driver driver(t);
  driver.initialize();
  std::array<DfiIn, kDramPcs> in{};
  std::array<DfiOut, kDramPcs> out{};
  const std::uint64_t pattern = 0x0123456789abcdef;
  driver.device().write(dram_offset({0, 6, 0, 0}), &pattern, sizeof pattern);
  const auto cycle = [&](const DfiCommand& command) {
    in[0].command = command.pack();
    in[1].command = DfiCommand{}.pack();
    driver.device().step(in.data(), out.data());
  };
  DfiCommand c;
  c.row_valid = true;
  c.row_bank = 6;
  cycle(c);
  for (int i = 0; i < t.rcdrd; ++i) cycle({});
  c = {};
  c.col_valid = true;
  c.col_bank = 6;
  cycle(c);
  // step() answers for the next cycle, so the first one after the command counts two.
  int cycles = 1;
  while (!out[0].rvalid && cycles < 100) {
    cycle({});
    ++cycles;
  }
  EXPECT_EQ(cycles, (t.cl + t.bl + 1) / 2);
  EXPECT_EQ(out[0].rdata[0], pattern);
  EXPECT_EQ(driver.device().violation_count(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Profiles, DramProfileTest, testing::Values("hbm3-6400", "hbm2e-3200"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class DramProfileFile : public testing::Test {
 protected:
  /// Message of the loader for a file with this text; empty when it is accepted.
  std::string error_of(const std::string& text) {
    const std::string path = testing::TempDir() + "/tsr_profile_test.toml";
    std::ofstream(path) << text;
    try {
      load_dram_profile(path);
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
      return error.what();
    }
    return "";
  }

  /// A good file, with one line changed.
  std::string text(const std::string& key, const std::string& line) {
    std::string result = "name = \"x\"\ntck_ps = 625\n[timing]\n";
    for (const auto& field : kDramTimingFields) {
      result += key == field.name ? line : fmt::format("{} = 7\n", field.name);
    }
    return result;
  }
};

TEST_F(DramProfileFile, GoodFileIsAccepted) { EXPECT_EQ(error_of(text("", "")), ""); }

TEST_F(DramProfileFile, BadFilesAreRefusedWithTheirKey) {
  EXPECT_NE(error_of(text("faw", "")).find("faw"), std::string::npos);
  EXPECT_NE(error_of(text("faw", "faw = 0\n")).find("faw"), std::string::npos);
  EXPECT_NE(error_of(text("faw", "faw = -3\n")).find("faw"), std::string::npos);
  EXPECT_NE(error_of(text("faw", "faw = 2.5\n")).find("faw"), std::string::npos);
  EXPECT_NE(error_of(text("faw", "faw = 3\nfoo = 1\n")).find("foo"), std::string::npos);
  EXPECT_NE(error_of("name = \"x\"\ntck_ps = 625\n").find("timing"), std::string::npos);
  EXPECT_NE(error_of("bar = 1\n" + text("", "")).find("bar"), std::string::npos);
  EXPECT_NE(error_of("name = \n"), "");
  EXPECT_THROW(load_dram_profile("/nonexistent/profile.toml"), std::runtime_error);
}

}  // namespace
}  // namespace tsr
