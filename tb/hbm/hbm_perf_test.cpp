// SPDX-License-Identifier: Apache-2.0
/// Efficiency of the memory node on access patterns, and the cost of simulating it.
#include <Vhbm_mem_fast.h>

#include <chrono>

#include "common/bench.hpp"
#include "hbm/mem_bench.hpp"

namespace tsr::tb {
namespace {

class HbmPerf : public Bench<Vhbm_mem_fast> {
 protected:
  using Node = MemNode<Vhbm_mem_fast>;

  void SetUp() override {
    Bench::SetUp();
    DramTiming t = load_timing("hbm3-6400");
    node_ = std::make_unique<Node>(dut(), t, seed());
    before_edge([this] { node_->before_edge(); });
    after_edge([this] { node_->after_edge(); });
    reset();
    node_->source = node_->config.ctl;
    node_->register_write(regs::hbm::kCtrlOffset, 1);
    ASSERT_TRUE(run_until([this] { return node_->device().initialized(0); }, 10000));
    run(1000);
    node_->source = {2, 2};
  }
  void TearDown() override {
    for (const auto& v : node_->violations()) ADD_FAILURE() << v.message;
    Bench::TearDown();
  }

  std::uint64_t columns() const {
    std::uint64_t sum = 0;
    for (unsigned pc = 0; pc < 2; ++pc) {
      sum += node_->device().counts(pc).reads + node_->device().counts(pc).writes;
    }
    return sum;
  }

  /// Percent of the data bus peak while `next` supplies requests; the first tenth is not counted.
  double efficiency(const std::string& name, std::uint64_t cycles, const std::function<void()>& next) {
    std::uint64_t first_columns = 0, first_cycle = 0;
    const std::uint64_t start = node_->cycle;
    while (node_->cycle - start < cycles) {
      while (node_->can_send()) next();
      tick();
      if (first_cycle == 0 && node_->cycle - start >= cycles / 10) {
        first_cycle = node_->cycle;
        first_columns = columns();
      }
    }
    const double percent = 50.0 * static_cast<double>(columns() - first_columns) /
                           static_cast<double>(node_->cycle - first_cycle);
    EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 100000));
    fmt::print("{:<28} {:5.1f} % of peak\n", name, percent);
    RecordProperty("percent_x10", static_cast<int>(percent * 10));
    return percent;
  }

  std::unique_ptr<Node> node_;
};

constexpr std::uint64_t kCycles = 30000;

TEST_F(HbmPerf, SequentialReads) {
  std::uint64_t at = 0;
  EXPECT_GE(efficiency("sequential reads 256 B", kCycles,
                       [&] { node_->read(std::exchange(at, at + 256), 256); }), 85);
}

TEST_F(HbmPerf, SequentialWrites) {
  std::uint64_t at = 0;
  EXPECT_GE(efficiency("sequential writes 64 B", kCycles,
                       [&] { node_->write(std::exchange(at, at + 64), ~0ULL); }), 85);
}

TEST_F(HbmPerf, SixteenAlignedStreams) {
  std::uint64_t n = 0;
  EXPECT_GE(efficiency("16 streams 256 B, 1 MiB apart", kCycles, [&] {
              node_->read((n % 16 << 20) + n / 16 * 256, 256);
              ++n;
            }), 70);
}

TEST_F(HbmPerf, SixteenRandomStreams) {
  std::array<std::uint64_t, 16> at;
  for (auto& a : at) a = rand_in(0, (kDramNodeBytes >> 9) - 1) * 256;
  EXPECT_GE(efficiency("16 streams 256 B, random start", kCycles, [&] {
              auto& a = at[rand_in(0, 15)];
              node_->read(std::exchange(a, a + 256), 256);
            }), 70);
}

TEST_F(HbmPerf, FourteenReadTwoWriteStreams) {
  std::array<std::uint64_t, 16> at;
  for (auto& a : at) a = rand_in(0, (kDramNodeBytes >> 9) - 1) * 256;
  EXPECT_GE(efficiency("14 read 2 write streams", kCycles, [&] {
              const std::uint64_t s = rand_in(0, 15);
              if (s < 14) {
                node_->read(at[s], 256);
              } else {
                for (unsigned i = 0; i < 4; ++i) {
                  if (node_->can_send()) node_->write(at[s] + i * 64, ~0ULL);
                }
              }
              at[s] += 256;
            }), 60);
}

TEST_F(HbmPerf, RandomReads256) {
  EXPECT_GE(efficiency("random reads 256 B", kCycles,
                       [&] { node_->read(rand_in(0, kDramNodeBytes / 256 - 1) * 256, 256); }), 60);
}

TEST_F(HbmPerf, RandomReads64) {
  EXPECT_GE(efficiency("random reads 64 B", kCycles,
                       [&] { node_->read(rand_in(0, kDramNodeBytes / 64 - 1) * 64, 64); }), 40);
}

TEST_F(HbmPerf, RandomMix64) {
  EXPECT_GE(efficiency("random 2 reads : 1 write 64 B", kCycles, [&] {
              const std::uint64_t block = rand_in(0, kDramNodeBytes / 64 - 1) * 64;
              if (rand_in(0, 2) == 0) {
                node_->write(block, ~0ULL);
              } else {
                node_->read(block, 64);
              }
            }), 25);
}

TEST_F(HbmPerf, Stride16KiB) {
  std::uint64_t at = 0;
  EXPECT_GE(efficiency("stride 16 KiB reads 256 B", kCycles,
                       [&] { node_->read(std::exchange(at, (at + 16384) % kDramNodeBytes), 256); }), 50);
}

/// Cost of one evaluated cycle of the model (both clock edges), and of the device.
class HbmSimulation : public HbmPerf {
 protected:
  double nanoseconds(std::uint64_t cycles, const std::function<void()>& feed) {
    using Clock = std::chrono::steady_clock;
    Clock::duration model{}, clock_cost{};
    for (std::uint64_t i = 0; i < cycles; ++i) {
      feed();
      const auto t0 = Clock::now();
      dut().clk_i = 0;
      dut().eval();
      const auto t1 = Clock::now();
      node_->before_edge();
      const auto t2 = Clock::now();
      dut().clk_i = 1;
      dut().eval();
      const auto t3 = Clock::now();
      node_->after_edge();
      const auto t4 = Clock::now();
      const auto t5 = Clock::now();
      model += (t1 - t0) + (t3 - t2);
      clock_cost += 2 * (t5 - t4);
    }
    return std::chrono::duration<double, std::nano>(model - clock_cost).count() /
           static_cast<double>(cycles);
  }
};

TEST_F(HbmSimulation, CostOfACycle) {
  const double idle = nanoseconds(50000, [] {});
  std::uint64_t at = 0;
  const double busy = nanoseconds(50000, [&] {
    if (node_->can_send()) node_->read(std::exchange(at, at + 256), 256);
  });
  EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 10000));
  const double random = nanoseconds(50000, [&] {
    if (!node_->can_send()) return;
    const std::uint64_t block = rand_in(0, kDramNodeBytes / 64 - 1) * 64;
    if (rand_in(0, 2) == 0) {
      node_->write(block, ~0ULL);
    } else {
      node_->read(block, 64);
    }
  });
  fmt::print("one cycle: idle {:.0f} ns, sequential reads {:.0f} ns, random mix {:.0f} ns\n", idle, busy,
             random);
  // Loose: the machine may be shared. Alone it is several times faster.
  EXPECT_LE(idle, 3000);
  EXPECT_LE(busy, 10000);
  EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 10000));
}

}  // namespace
}  // namespace tsr::tb
