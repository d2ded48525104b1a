// SPDX-License-Identifier: Apache-2.0
/// Modes of the memory node: all-bank refresh, power-down, self-refresh, classes, faults of the
/// read path while it initializes.
#include "hbm/ctrl_bench.hpp"

namespace tsr::tb {
namespace {

constexpr std::uint32_t kRefreshDefault = 1U | 1U << 4 | 4U << 8;
constexpr std::uint32_t kAllBank = 1U << 12;
constexpr std::uint32_t kSelfRefresh = 1U << 1;

// Counters of a pseudo channel's modes, see COUNT_SEL.
constexpr unsigned kCountGap = 96;
constexpr unsigned kCountOwed = 97;
constexpr unsigned kCountAll = 98;
constexpr unsigned kCountDowns = 99;
constexpr unsigned kCountDownCycles = 100;
constexpr unsigned kCountSelfs = 101;
constexpr unsigned kCountSelfCycles = 102;
constexpr unsigned kCountHigh = 103;

class HbmModes : public HbmNodeTest {
 protected:
  /// Saturate the node for `cycles`; the worst refresh debt that the device sees.
  std::int64_t saturate(std::uint64_t cycles) {
    std::int64_t worst = -8;
    std::uint64_t next = 0;
    for (const std::uint64_t start = node_->cycle; node_->cycle - start < cycles; tick()) {
      if (node_->can_send()) {
        // One bank gets row hits without end, the others a sequential stream.
        node_->read(next % 3 == 0 ? (next / 3 % 4) * 1024 : next * 256 % (1 << 24), 256);
        ++next;
      }
      worst = std::max({worst, node_->device().refresh_debt(0), node_->device().refresh_debt(1)});
    }
    finish();
    return worst;
  }
  const DramDevice::Counts& counts(unsigned pc) { return node_->device().counts(pc); }
  static std::uint64_t anywhere(std::uint64_t n) { return n * 1088 / 64 * 64; }
};

// ---------------------------------------------------------------- refresh

TEST_F(HbmModes, AllBankRefreshIsOnTimeUnderSaturation) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kRefreshOffset, kRefreshDefault | kAllBank);
  run(200);
  write_register(hbm::kCountCtrlOffset, 1);
  const auto before = counts(0);
  const std::uint64_t begin = node_->cycle;
  EXPECT_LE(saturate(60000), 2) << "refresh intervals behind";
  const std::uint64_t all = counts(0).all_refreshes - before.all_refreshes;
  EXPECT_EQ(counts(0).refreshes - before.refreshes, all) << "no bank on its own";
  const auto intervals = static_cast<double>((node_->cycle - begin) * 2) / timing_.refi;
  EXPECT_NEAR(static_cast<double>(all), intervals, 6);
  EXPECT_NEAR(static_cast<double>(counter(kCountAll)), static_cast<double>(all), 1);
  EXPECT_LE(counter(kCountOwed), 2U);
  EXPECT_GE(counter(kCountGap), static_cast<unsigned>(timing_.refi) / 2);
  EXPECT_LE(counter(kCountGap), 7U * static_cast<unsigned>(timing_.refi));
}

TEST_F(HbmModes, RefreshCountersTellTheLongestGapAndTheDebt) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kRefreshOffset, 1U | 5U << 4);  // late, and none ahead
  run(std::uint64_t{2} * timing_.refi);
  write_register(hbm::kCountCtrlOffset, 1);
  EXPECT_EQ(counter(kCountGap), 0U);
  // Row hits without end in one bank: it owes six, then is refreshed at once.
  std::uint64_t hits = 0;
  for (const std::uint64_t begin = node_->cycle;
       node_->cycle - begin < std::uint64_t{10} * timing_.refi / 2; tick()) {
    if (node_->can_send()) {
      node_->read(dram_offset({0, 3, 7, static_cast<unsigned>(hits++ % 16 * 2)}), 64);
    }
  }
  finish();
  EXPECT_EQ(counter(kCountOwed), 6U);
  EXPECT_NEAR(static_cast<double>(counter(kCountGap)), 6.0 * timing_.refi, 1.1 * timing_.refi);
  EXPECT_LE(counter(kCountOwed + 16), 1U) << "the other pseudo channel was idle";
}

TEST_F(HbmModes, RefreshModeMayChangeUnderTraffic) {
  start_and_initialize(quick("hbm3-6400"));
  for (int i = 0; i < 30; ++i) {
    write_register(hbm::kRefreshOffset, 1U | static_cast<std::uint32_t>(rand_in(0, 7)) << 4 |
                                            static_cast<std::uint32_t>(rand_in(0, 7)) << 8 |
                                            (chance(0.5) ? kAllBank : 0U));
    random_traffic(300, 4096, 0.4, anywhere);
    run(rand_in(0, 4000));
  }
  EXPECT_GT(counts(0).all_refreshes, 1U);
  EXPECT_GT(counts(0).refreshes, counts(0).all_refreshes);
  run(3000);
  node_->compare_memory();
}

// ---------------------------------------------------------------- power-down

class HbmPowerDown : public HbmModes {
 protected:
  /// Bursts of traffic with pauses around the time to power-down.
  void bursts(int count) {
    for (int i = 0; i < count; ++i) {
      random_traffic(static_cast<int>(rand_in(1, 12)), 4096, 0.4, anywhere);
      run(rand_in(0, 150));
    }
  }
};

TEST_F(HbmPowerDown, ComesAndGoesWithTraffic) {
  start_and_initialize(quick("hbm3-6400"));
  std::array<std::uint64_t, kDramPcs> down{};
  after_edge([&] {
    for (unsigned p = 0; p < kDramPcs; ++p) down[p] += node_->device().powered_down(p);
  });
  for (const std::uint32_t idle : {1U, 10U, 40U}) {
    write_register(hbm::kPowerOffset, idle);
    bursts(150);
  }
  for (unsigned p = 0; p < kDramPcs; ++p) EXPECT_GT(counts(p).power_downs, 100U);
  run(20000);
  EXPECT_LE(node_->device().refresh_debt(0), 3);
  write_register(hbm::kPowerOffset, 0);
  const std::uint64_t entries = counts(0).power_downs;
  run(3000);
  EXPECT_EQ(counts(0).power_downs, entries) << "0: never";
  EXPECT_FALSE(node_->device().powered_down(0));
  for (unsigned p = 0; p < kDramPcs; ++p) {
    EXPECT_EQ(counter(kCountDowns + 16 * p), counts(p).power_downs);
    EXPECT_EQ(counter(kCountDownCycles + 16 * p), down[p]);
  }
  node_->compare_memory();
}

TEST_F(HbmPowerDown, RefreshGoesOnWithoutTraffic) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kPowerOffset, 16);
  for (const std::uint32_t mode : {0U, kAllBank}) {
    write_register(hbm::kRefreshOffset, kRefreshDefault | mode);
    std::uint64_t down = 0;
    const std::uint64_t entries = counts(0).power_downs;
    const std::uint64_t cycles = std::uint64_t{20} * timing_.refi / 2;
    for (std::uint64_t i = 0; i < cycles; ++i) {
      tick();
      down += node_->device().powered_down(0);
      ASSERT_LE(node_->device().refresh_debt(0), 3);
    }
    fmt::print("idle: {:.1f} % of the time in power-down, {} times\n",
               100.0 * static_cast<double>(down) / static_cast<double>(cycles),
               counts(0).power_downs - entries);
    EXPECT_GE(down, cycles * 8 / 10);
  }
  run_until([this] { return node_->device().powered_down(0) && node_->device().powered_down(1); },
            10000);
  EXPECT_EQ(read_register(hbm::kStatusOffset) >> 8 & 3U, 3U) << "it shows";
}

TEST_F(HbmPowerDown, ABusyNodeStaysUp) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kPowerOffset, 64);
  const std::uint64_t before = counts(0).power_downs;
  saturate(5000);
  EXPECT_LE(counts(0).power_downs, before + 1);
}

// ---------------------------------------------------------------- self-refresh

TEST_F(HbmModes, SelfRefreshKeepsTheDataAndStopsTheDebt) {
  start_and_initialize(quick("hbm3-6400"));
  for (int round = 0; round < 4; ++round) {
    // From power-down too.
    write_register(hbm::kPowerOffset, round % 2 != 0 ? 5 : 0);
    random_traffic(400, 4096, 0.6, anywhere);
    for (int i = 0; i < 40; ++i) node_->write(anywhere(rand_in(0, 4095)), ~0ULL, true);
    write_register(hbm::kCtrlOffset, kSelfRefresh);
    ASSERT_TRUE(run_until(
        [this] { return node_->device().self_refreshing(0) && node_->device().self_refreshing(1); },
        5000));
    run(2);
    EXPECT_EQ(read_register(hbm::kStatusOffset) >> 6 & 3U, 3U);
    node_->compare_memory();  // what was queued is there
    node_->expect_error(node_->request(Kind::kRead, node_->global(0), 64), Err::kUnsupported);
    finish();
    const std::int64_t debt = node_->device().refresh_debt(0);
    run(std::uint64_t{12} * timing_.refi / 2);
    EXPECT_EQ(node_->device().refresh_debt(0), debt);
    EXPECT_TRUE(node_->device().self_refreshing(0)) << "refused requests do not wake it";
    write_register(hbm::kCtrlOffset, 0);
    node_->read(64, 192);
    finish();
    EXPECT_EQ(read_register(hbm::kStatusOffset) >> 6 & 3U, 0U);
    run(round * 1000);
    EXPECT_LE(node_->device().refresh_debt(0), 2);
  }
  EXPECT_EQ(counts(0).self_refreshes, 4U);
  EXPECT_EQ(counter(kCountSelfs), 4U);
  EXPECT_GE(counter(kCountSelfCycles), 4U * 12 * static_cast<unsigned>(timing_.refi) / 2);
  EXPECT_LE(counter(kCountGap), 7U * static_cast<unsigned>(timing_.refi))
      << "self-refresh is not a gap";
  random_traffic(1000, 4096, 0.3, anywhere);
  run(3000);
  node_->compare_memory();
}

TEST_F(HbmModes, SelfRefreshMayBeCancelledAtAnyTime) {
  start_and_initialize(quick("hbm3-6400"));
  for (int i = 0; i < 60; ++i) {
    random_traffic(static_cast<int>(rand_in(1, 20)), 4096, 0.5, anywhere);
    write_register(hbm::kCtrlOffset, kSelfRefresh);
    run(rand_in(0, 200));
    write_register(hbm::kCtrlOffset, 0);
  }
  EXPECT_GT(counts(0).self_refreshes, 10U);
  run(3000);
  node_->compare_memory();
}

// ---------------------------------------------------------------- delays

/// The device needs more than the register says: the controller uses the register to the clock.
struct Short {
  const char* field;
  int by;
  const char* rule;
};
void PrintTo(const Short& s, std::ostream* out) { *out << s.field; }

class HbmPowerTiming : public HbmModes, public testing::WithParamInterface<Short> {};

TEST_P(HbmPowerTiming, TooShortADelayIsCaughtByTheDevice) {
  const DramTiming programmed = quick("hbm3-6400");
  DramTiming device = programmed;
  for (const auto& field : kDramTimingFields) {
    if (field.name == std::string(GetParam().field)) device.*field.member += GetParam().by;
  }
  start(device);
  timing_ = programmed;
  initialize();
  write_register(hbm::kPowerOffset, 1);
  for (int i = 0; i < 200; ++i) {
    node_->read(anywhere(rand_in(0, 4095)), 64);
    run(rand_in(20, 120));
    if (i % 20 != 0) continue;
    finish();
    write_register(hbm::kCtrlOffset, kSelfRefresh);
    run(rand_in(100, 200));
    write_register(hbm::kCtrlOffset, 0);
  }
  finish();
  unsigned found = 0;
  for (const auto& v : node_->violations()) found += v.rule == GetParam().rule;
  EXPECT_EQ(found == 0, GetParam().by == 0) << GetParam().rule;
  EXPECT_EQ(found, node_->violations().size());
  node_->device().clear_violations();
}
INSTANTIATE_TEST_SUITE_P(Fields, HbmPowerTiming,
                         testing::Values(Short{"cke", 2, "tCKE"}, Short{"xp", 2, "tXP"},
                                         Short{"xs", 2, "tXS"}, Short{"cke", 0, "tCKE"}),
                         [](const auto& info) {
                           return std::string(info.param.field) + std::to_string(info.param.by);
                         });

// ---------------------------------------------------------------- classes

TEST_F(HbmModes, BothClassesKeepTheirData) {
  start_and_initialize(quick("hbm3-6400"));
  write_register(hbm::kCountCtrlOffset, 1);
  std::uint64_t high = 0;
  for (int i = 0; i < 4000; ++i) {
    ASSERT_TRUE(run_until([this] { return node_->can_send(); }, 100000));
    const std::uint64_t block = rand_in(0, 63) % 8 * 64 + rand_in(0, 7) * (1 << 19);
    if (chance(0.4)) {
      node_->write(block, rng()());
    } else {
      node_->cls = chance(0.5);
      node_->read(block, 64);
      high += node_->cls;
    }
    node_->cls = false;
  }
  finish();
  EXPECT_EQ(counter(kCountHigh) + counter(kCountHigh + 16), high);
  run(3000);
  node_->compare_memory();
}

TEST_F(HbmModes, LowReadsAreServedAmongHighOnesWithoutEnd) {
  start_and_initialize(quick("hbm3-6400"));
  // High reads of other rows of one bank fill it; a low read of that bank waits no longer than the
  // bound.
  std::uint64_t worst = 0, low = 0;
  node_->on_answer = [&](const Flit& request, std::uint64_t clocks) {
    if (request.kind != Kind::kRead || request.cls) return;
    worst = std::max(worst, clocks);
    ++low;
  };
  unsigned row = 0;
  for (int i = 0; i < 30000; ++i) {
    node_->vc = node_->cls = true;
    if (node_->can_send()) node_->read(dram_offset({0, 3, row++ % 3000, 0}), 64);
    node_->vc = node_->cls = false;
    if (i % 1000 == 999) node_->read(dram_offset({0, 3, 5000U + row % 16, 0}), 64);
    tick();
  }
  finish(400000);
  node_->on_answer = nullptr;
  EXPECT_EQ(low, 30U);
  fmt::print("low reads among high ones: {} clocks at most\n", worst);
  EXPECT_LE(worst, 2 * 4096U) << "4096 in the queue, and the way to it";
}

TEST_F(HbmModes, NobodyStarvesUnderConflictsOfBothClasses) {
  // The RTL asserts the bound; the latency histogram tells the same of the reads. Row conflicts and
  // row hits in one bank, and traffic all over, in changing shares of writes and of the high class,
  // with both refresh modes.
  start_and_initialize(quick("hbm3-6400"));
  for (int phase = 0; phase < 24; ++phase) {
    write_register(hbm::kRefreshOffset, kRefreshDefault | (phase % 2 != 0 ? kAllBank : 0U));
    const double writes = 0.1 * static_cast<double>(rand_in(0, 9));
    const double high = 0.1 * static_cast<double>(rand_in(0, 10));
    const auto conflicts = rand_in(1, 9);
    for (int i = 0; i < 3000; ++i) {
      if (node_->can_send()) {
        const auto row = static_cast<unsigned>(rand_in(0, kDramRows - 1));
        const auto kind = rand_in(0, 9);
        DramAddress at{0, 5, 77, static_cast<unsigned>(rand_in(0, 15)) * 2};
        if (kind < conflicts) {
          at.row = row;
        } else if (kind % 2 != 0) {
          at = {row & 1U, row >> 1 & 15U, row >> 5 & 7U, at.col};
        }
        if (chance(writes)) {
          node_->write(dram_offset(at), ~0ULL);
        } else {
          node_->cls = chance(high);
          node_->read(dram_offset(at), 64);
          node_->cls = false;
        }
      }
      tick();
    }
  }
  finish();
  EXPECT_EQ(counter(64 + 15) + counter(80 + 15), 0U) << "reads that took 4096 clocks or more";
  run(3000);
  node_->compare_memory();
}

// ---------------------------------------------------------------- initialization

struct Fault {
  const char* name;
  ReadFault fault;
};
void PrintTo(const Fault& f, std::ostream* out) { *out << f.name; }

class HbmInitFault : public HbmNodeTest,
                     public testing::WithParamInterface<std::tuple<unsigned, Fault>> {};

TEST_P(HbmInitFault, IsReportedAndCanBeRepaired) {
  const auto [channels, fault] = GetParam();
  start(quick("hbm3-6400"));
  write_register(timing_register("init"), 200);
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (unsigned p = 0; p < kDramPcs; ++p) {
      node_->read_fault[p] = (channels >> p & 1U) != 0 ? fault.fault : ReadFault::kNone;
    }
    write_register(hbm::kCtrlOffset, 1);
    run(2000);
    EXPECT_EQ(read_register(hbm::kStatusOffset) & 0x37U, 2U | channels << 4);
    node_->expect_error(node_->request(Kind::kRead, node_->global(0), 64), Err::kUnsupported);
    finish();
  }
  node_->read_fault = {};
  write_register(hbm::kCtrlOffset, 1);
  run(2000);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 0x37U, 1U);
  random_traffic(500, 4096, 0.4, [](std::uint64_t n) { return n * 64; });
  run(3000);
  node_->compare_memory();
}
INSTANTIATE_TEST_SUITE_P(Faults, HbmInitFault,
                         testing::Combine(testing::Values(1U, 2U, 3U),
                                          testing::Values(Fault{"dead", ReadFault::kDead},
                                                          Fault{"wrong", ReadFault::kWrong},
                                                          Fault{"late", ReadFault::kLate},
                                                          Fault{"twice", ReadFault::kTwice})),
                         [](const auto& info) {
                           return std::string(std::get<1>(info.param).name) + "_channels" +
                                  std::to_string(std::get<0>(info.param));
                         });

TEST_F(HbmModes, AnotherLatencyThanTheDevicesFailsTheInitialization) {
  // The mode registers agree with the controller; the device itself is a cycle slower.
  DramTiming slow = quick("hbm3-6400");
  slow.cl += 2;
  start(slow);
  timing_.cl -= 2;
  for (const auto& field : kDramTimingFields) {
    if (std::string(field.name) == "bl") continue;
    write_register(timing_register(field.name), static_cast<std::uint32_t>(timing_.*field.member));
  }
  write_register(hbm::kCtrlOffset, 1);
  run(2000);
  EXPECT_EQ(read_register(hbm::kStatusOffset) & 0x37U, 0x32U);
  for (const auto& v : node_->violations()) EXPECT_EQ(v.rule, "WrongLatency");
  node_->device().clear_violations();
}

}  // namespace
}  // namespace tsr::tb
