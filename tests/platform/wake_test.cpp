// SPDX-License-Identifier: Apache-2.0
/// Hart nodes that sleep although timer, watchdog or MTIMECMP is armed: every instruction,
/// interrupt and answer comes in the same cycle as in a node that never sleeps.
#include <gtest/gtest.h>

#include <random>

#include "core/rv_asm.hpp"
#include "host_target/host_port.hpp"
#include "regs/timer_regs.hpp"
#include "regs/wdog_regs.hpp"
#include "rtl/jtag_pins.hpp"
#include "tile_board.hpp"
#include "uart/uart_terminal.hpp"

namespace tsr {
namespace {

namespace regs = tsr::regs;
using test::TileBoard;

constexpr std::uint32_t kTimer = 0x0010'1000, kWdog = 0x0010'4000;
constexpr rv::Word kTimerIrq = 1U << 25, kWdogIrq = 1U << 27, kCoreTimerIrq = 1U << 7;

/// What happened when: {cycle, kind, value, value}.
using History = std::vector<std::array<std::uint64_t, 4>>;
enum Kind : std::uint64_t { kRetired, kLines, kAnswer, kDead };

struct Log final : NodeProbe {
  void retire(std::uint64_t cycle, const Retire& event) override {
    history.push_back({cycle, kRetired, event.pc, event.rd_wdata});
  }
  void interrupts(std::uint64_t cycle, std::uint32_t mip) override {
    history.push_back({cycle, kLines, mip, 0});
  }
  History history;
};

/// A ctl node without a network worth its name: the host stops its core in the boot ROM and gives
/// it another program.
class CtlBoard {
 public:
  explicit CtlBoard(bool sleep) : context_(1) {
    chip_.mesh_w = 2;
    chip_.mem = {{1, 0}};
    host_.on_response = [this](const HostResponse& answer) {
      log_.history.push_back({kernel_->cycle(), kAnswer, answer.error, answer.data[word_]});
      answered_ = true;
    };
    host_.on_interrupt = [](bool) {};
    host_.on_watchdog = [this] {
      log_.history.push_back({kernel_->cycle(), kDead, 0, 0});
      dead_ = true;
    };
    ChipFuses fuses;
    fuses.debug_open = true;
    std::vector<MeshNode> nodes(2);
    nodes[0].router = make_router({&context_, "board.router_0", {0, 0}, &chip_});
    nodes[1].router = make_router({&context_, "board.router_1", {1, 0}, &chip_});
    nodes[0].endpoint =
        make_ctl({&context_, "board.ctl", {0, 0}, &chip_}, fuses, host_, uart_, jtag_);
    nodes[1].endpoint = make_bare({&context_, "board.bare", {1, 0}, &chip_});
    kernel_ = std::make_unique<Kernel>(2, 1, std::move(nodes), 1, &context_);
    kernel_->allow_sleep(sleep);
    kernel_->add_probe(0, log_);
    kernel_->reset();
  }

  Kernel& kernel() { return *kernel_; }
  const History& history() const { return log_.history; }
  /// The watchdog has expired twice.
  bool dead() const { return dead_; }
  /// The core has retired the instruction at `pc`.
  bool reached(std::uint32_t pc) const {
    return std::any_of(log_.history.begin(), log_.history.end(),
                       [pc](const auto& entry) { return entry[1] == kRetired && entry[2] == pc; });
  }

  void access(bool write, std::uint32_t local, std::uint32_t value) {
    HostRequest request;
    request.write = write;
    request.address = node_address({0, 0}, write ? local & ~63U : local);
    request.bytes = 4;
    request.strobe = 15ULL << (local % 64);
    word_ = local % 64 / 4;
    request.data[word_] = value;
    host_.requests.push_back(request);
    kernel_->wake_endpoint(0);
    answered_ = false;
    for (int i = 0; i < 500 && !answered_; ++i) kernel_->run(1);
    ASSERT_TRUE(answered_);
    ASSERT_EQ(log_.history.back()[2], 0U) << std::hex << local;
  }
  void write(std::uint32_t local, std::uint32_t value) { access(true, local, value); }

  void start_program(const std::vector<std::uint32_t>& words) {
    constexpr std::uint32_t kRegs = TileBoard::kRegs;
    write(kRegs + regs::tile::kDbgCtrlOffset, 1);  // halt
    for (std::size_t i = 0; i < words.size(); ++i) {
      write(4 * static_cast<std::uint32_t>(i), words[i]);
    }
    write(kRegs + regs::tile::kDbgDataOffset, 0);
    write(kRegs + regs::tile::kDbgCmdOffset, 32 | 1U << 17);  // pc
    write(kRegs + regs::tile::kDbgCtrlOffset, 2);             // resume
  }

 private:
  SimContext context_;
  ChipConfig chip_;
  HostPort host_;
  UartTerminal uart_{868, {}};
  JtagPins jtag_;
  Log log_;
  bool answered_ = false;
  bool dead_ = false;
  unsigned word_ = 0;
  std::unique_ptr<Kernel> kernel_;
};

/// Writes programs that arm timers at random and wait for them.
class Waiter {
 public:
  explicit Waiter(std::uint64_t seed) : rng_(seed) {
    program_.li(kNode, TileBoard::kRegs).li(kTimers, kTimer).li(kDogs, kWdog);
    program_ << rv::addi(kOnes, 0, -1);
    set(kNode, regs::tile::kMtimecmpHiOffset, 0);
  }

  /// Let MTIMECMP pass `distance` cycles from now on; one that has passed acts at once.
  void core_timer(int distance) {
    program_ << rv::csrr(kNow, rv::kTime) << rv::addi(kValue, kNow, distance)
             << rv::sw(kValue, kNode, regs::tile::kMtimecmpLoOffset);
  }
  void timer(int distance, std::uint32_t period) {
    set(kTimers, regs::timer::kPeriodOffset, period);
    set(kTimers, regs::timer::kCompareHiOffset, 0);
    program_ << rv::lw(kNow, kTimers, regs::timer::kTimeLoOffset)
             << rv::addi(kValue, kNow, distance)
             << rv::sw(kValue, kTimers, regs::timer::kCompareLoOffset);
    set(kTimers, regs::timer::kCtrlOffset, 1);
  }
  void watchdog(std::uint32_t timeout) {
    set(kDogs, regs::wdog::kTimeoutOffset, timeout);
    set(kDogs, regs::wdog::kCtrlOffset, 1);
  }
  /// Sleep until one of these interrupts is pending, and look at the time.
  void wait(rv::Word enabled) {
    program_.li(kValue, enabled);
    program_ << rv::csrw(rv::kMie, kValue) << rv::kWfi << rv::csrr(kNow, rv::kTime)
             << rv::csrr(kNow, rv::kMip);
  }
  void clear_ctl() {
    set(kDogs, regs::wdog::kKickOffset, 0);
    program_ << rv::sw(kOnes, kTimers, regs::timer::kIrqStateOffset)
             << rv::sw(kOnes, kDogs, regs::wdog::kStateOffset);
  }

  /// One wait on a tile.
  void tile_step() {
    core_timer(in(-20, 300));
    wait(kCoreTimerIrq);
  }
  /// One wait on the ctl node: something will wake it, other things may.
  void ctl_step() {
    const int source = in(0, 2);
    const auto armed = [&](int which) { return source == which || in(0, 1) != 0; };
    rv::Word enabled = in(0, 1) != 0 ? ~0U : 0U;
    watchdog(static_cast<std::uint32_t>(source == 2 ? in(60, 300) : in(900, 1500)));
    if (armed(0)) core_timer(in(-30, 400));
    if (armed(1)) timer(in(-30, 400), in(0, 2) == 0 ? static_cast<std::uint32_t>(in(1, 90)) : 0);
    enabled &= source == 2 ? kWdogIrq | kTimerIrq : ~kTimerIrq;
    constexpr rv::Word kIrqs[] = {kCoreTimerIrq, kTimerIrq, kWdogIrq};
    wait(enabled | kIrqs[source]);
    clear_ctl();
  }
  /// The watchdog dies of it, twice the timeout from now on.
  void die(std::uint32_t timeout) {
    set(kTimers, regs::timer::kCtrlOffset, 0);
    watchdog(timeout);
    wait(0);
  }

  std::vector<rv::Word> words() { return (program_ << rv::kStop).words(); }

 private:
  static constexpr rv::Word kNode = 1, kTimers = 2, kDogs = 3, kValue = 4, kNow = 5, kOnes = 6;

  int in(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }
  void set(rv::Word base, std::uint32_t offset, std::uint32_t value) {
    program_.li(kValue, value);
    program_ << rv::sw(kValue, base, static_cast<int>(offset));
  }

  std::mt19937_64 rng_;
  rv::Program program_;
};

TEST(PlatformWake, TimersWakeATileInTheirCycle) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Waiter waiter(seed);
    for (int i = 0; i < 40; ++i) waiter.tile_step();
    const auto program = waiter.words();
    History histories[2];
    std::uint64_t steps[2] = {}, cycles[2] = {};
    for (const bool sleep : {false, true}) {
      TileBoard board;
      Log log;
      board.kernel().allow_sleep(sleep);
      board.kernel().add_probe(TileBoard::kTile, log);
      board.start_program(program);
      const auto before = board.kernel().stats().endpoint_steps;
      while (log.history.empty() || log.history.back()[2] != 4 * (program.size() - 1)) {
        board.run(1);
        ASSERT_LT(board.kernel().cycle(), 100'000U);
        EXPECT_FALSE(board.kernel().all_asleep()) << "the timer will come";
      }
      histories[sleep ? 1 : 0] = log.history;
      steps[sleep ? 1 : 0] = board.kernel().stats().endpoint_steps - before;
      cycles[sleep ? 1 : 0] = board.kernel().cycle();
    }
    EXPECT_EQ(histories[1], histories[0]) << "seed " << seed;
    EXPECT_EQ(cycles[1], cycles[0]);
    EXPECT_LT(steps[1], steps[0] / 4);
  }
}

TEST(PlatformWake, TimersAndWatchdogWakeTheCtlNodeInTheirCycle) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Waiter waiter(seed);
    for (int i = 0; i < 40; ++i) waiter.ctl_step();
    waiter.die(500);
    const auto program = waiter.words();
    History histories[2];
    std::uint64_t steps[2] = {};
    for (const bool sleep : {false, true}) {
      CtlBoard board(sleep);
      board.start_program(program);
      const auto before = board.kernel().stats().endpoint_steps;
      std::mt19937_64 rng(seed);
      while (!board.dead()) {
        ASSERT_LT(board.kernel().cycle(), 100'000U);
        EXPECT_FALSE(board.kernel().all_asleep()) << "the watchdog will come";
        board.kernel().run(1 + rng() % 500);
        board.access(false,
                     (rng() & 1) != 0 ? kTimer + regs::timer::kTimeLoOffset
                                      : kWdog + regs::wdog::kElapsedOffset,
                     0);
      }
      histories[sleep ? 1 : 0] = board.history();
      steps[sleep ? 1 : 0] = board.kernel().stats().endpoint_steps - before;
      board.kernel().run(1000);
      EXPECT_EQ(board.kernel().all_asleep(), sleep) << "it is dead";
      // All is retired but what stands behind the last WFI.
      EXPECT_TRUE(board.reached(4 * static_cast<std::uint32_t>(program.size() - 5)));
      EXPECT_FALSE(board.reached(4 * static_cast<std::uint32_t>(program.size() - 3)));
    }
    EXPECT_EQ(histories[1], histories[0]) << "seed " << seed;
    EXPECT_LT(steps[1], steps[0] / 2);
  }
}

TEST(PlatformWake, AFarTimerCostsNothing) {
  TileBoard board;
  Log log;
  board.kernel().add_probe(TileBoard::kTile, log);
  rv::Program program;
  program.li(1, TileBoard::kRegs).li(2, 2).li(3, 1U << 7);
  program << rv::sw(2, 1, regs::tile::kMtimecmpHiOffset)
          << rv::sw(0, 1, regs::tile::kMtimecmpLoOffset) << rv::csrw(rv::kMie, 3) << rv::kWfi
          << rv::csrr(4, rv::kTimeh) << rv::csrw(rv::kMie, 0) << rv::kWfi;
  board.start_program(program.words());
  board.run(1000);
  const auto before = board.kernel().stats().endpoint_steps;
  board.run(3ULL << 32);
  EXPECT_LT(board.kernel().stats().endpoint_steps - before, 40U);
  EXPECT_TRUE(board.kernel().all_asleep())
      << "a timer that has fired, its interrupt masked, is none";
  const auto rise = std::find_if(log.history.begin(), log.history.end(),
                                 [](const auto& entry) { return entry[1] == kLines; });
  ASSERT_NE(rise, log.history.end());
  EXPECT_EQ((*rise)[0], 2ULL << 32);
  EXPECT_EQ((*rise)[2], kCoreTimerIrq);
}

}  // namespace
}  // namespace tsr
