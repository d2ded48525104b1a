// SPDX-License-Identifier: Apache-2.0
/// Efficiency of the memory node on access patterns, and the cost of simulating it.
#include <Vhbm_mem_fast.h>

#include <ctime>

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
  double efficiency(const std::string& name, std::uint64_t cycles,
                    const std::function<void()>& next) {
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
                       [&] { node_->read(std::exchange(at, at + 256), 256); }),
            98);
}

TEST_F(HbmPerf, SequentialWrites) {
  std::uint64_t at = 0;
  EXPECT_GE(efficiency("sequential writes 64 B", kCycles,
                       [&] { node_->write(std::exchange(at, at + 64), ~0ULL); }),
            98);
}

TEST_F(HbmPerf, SixteenAlignedStreams) {
  std::uint64_t n = 0;
  EXPECT_GE(efficiency("16 streams 256 B, 1 MiB apart", kCycles,
                       [&] {
                         node_->read((n % 16 << 20) + n / 16 * 256, 256);
                         ++n;
                       }),
            98);
}

TEST_F(HbmPerf, SixteenRandomStreams) {
  std::array<std::uint64_t, 16> at;
  for (auto& a : at) a = rand_in(0, (kDramNodeBytes >> 9) - 1) * 256;
  EXPECT_GE(efficiency("16 streams 256 B, random start", kCycles,
                       [&] {
                         auto& a = at[rand_in(0, 15)];
                         node_->read(std::exchange(a, a + 256), 256);
                       }),
            97);
}

TEST_F(HbmPerf, FourteenReadTwoWriteStreams) {
  std::array<std::uint64_t, 16> at;
  for (auto& a : at) a = rand_in(0, (kDramNodeBytes >> 9) - 1) * 256;
  EXPECT_GE(efficiency("14 read 2 write streams", kCycles,
                       [&] {
                         const std::uint64_t s = rand_in(0, 15);
                         if (s < 14) {
                           node_->read(at[s], 256);
                         } else {
                           for (unsigned i = 0; i < 4; ++i) {
                             if (node_->can_send()) node_->write(at[s] + i * 64, ~0ULL);
                           }
                         }
                         at[s] += 256;
                       }),
            92);
}

TEST_F(HbmPerf, RandomReads256) {
  EXPECT_GE(efficiency("random reads 256 B", kCycles,
                       [&] { node_->read(rand_in(0, kDramNodeBytes / 256 - 1) * 256, 256); }),
            96);
}

TEST_F(HbmPerf, RandomReads64) {
  EXPECT_GE(efficiency("random reads 64 B", kCycles,
                       [&] { node_->read(rand_in(0, kDramNodeBytes / 64 - 1) * 64, 64); }),
            62);
}

TEST_F(HbmPerf, RandomMix64) {
  EXPECT_GE(efficiency("random 2 reads : 1 write 64 B", kCycles,
                       [&] {
                         const std::uint64_t block = rand_in(0, kDramNodeBytes / 64 - 1) * 64;
                         if (rand_in(0, 2) == 0) {
                           node_->write(block, ~0ULL);
                         } else {
                           node_->read(block, 64);
                         }
                       }),
            53);
}

TEST_F(HbmPerf, Stride16KiB) {
  std::uint64_t at = 0;
  EXPECT_GE(efficiency("stride 16 KiB reads 256 B", kCycles,
                       [&] { node_->read(std::exchange(at, (at + 16384) % kDramNodeBytes), 256); }),
            97);
}

/// A reader of the high class, one read at a time, among low traffic that takes all it can get.
class HbmQos : public HbmPerf {
 protected:
  struct Figures {
    double mean = 0;        ///< of the high reader's latencies, in clocks
    std::uint64_t p95 = 0;  ///< not exceeded by 95 % of them
    double bus = 0;         ///< percent of the peak, all traffic
  };

  Figures measure(bool qos, const std::function<void()>& low) {
    node_->source = node_->config.ctl;
    const std::uint32_t sched = 16U | 52U << 8 | 1024U << 16;
    node_->register_write(regs::hbm::kSchedOffset, sched | (qos ? 1U << 28 : 0U));
    EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 10000));
    node_->source = {2, 2};
    std::vector<std::uint64_t> latencies;
    bool waiting = false;
    node_->on_answer = [&](const Flit& request, std::uint64_t clocks) {
      if (!request.cls) return;
      latencies.push_back(clocks);
      waiting = false;
    };
    const std::uint64_t start = node_->cycle, before = columns();
    while (node_->cycle - start < 2 * kCycles) {
      if (!waiting && rand_in(0, 19) == 0) {
        node_->vc = node_->cls = waiting = true;
        node_->read(rand_in(kDramNodeBytes / 128, kDramNodeBytes / 64 - 1) * 64, 64);
        node_->vc = node_->cls = false;
      }
      while (node_->can_send()) low();
      tick();
    }
    Figures f;
    f.bus = 50.0 * static_cast<double>(columns() - before) / static_cast<double>(2 * kCycles);
    EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 100000));
    node_->on_answer = nullptr;
    EXPECT_GT(latencies.size(), 100U);
    std::sort(latencies.begin(), latencies.end());
    for (const auto l : latencies) f.mean += static_cast<double>(l);
    f.mean /= static_cast<double>(latencies.size());
    f.p95 = latencies[latencies.size() * 95 / 100];
    return f;
  }

  void compare(const char* name, double mean_share, double p95_share,
               const std::function<void()>& low) {
    node_->max_queued = 1;
    const Figures off = measure(false, low);
    const Figures on = measure(true, low);
    fmt::print(
        "{:<22} high reader {:.0f} -> {:.0f} clocks, 95 % {} -> {}; bus {:.1f} -> {:.1f} %\n", name,
        off.mean, on.mean, off.p95, on.p95, off.bus, on.bus);
    EXPECT_LE(on.mean, mean_share * off.mean);
    EXPECT_LE(static_cast<double>(on.p95), p95_share * static_cast<double>(off.p95));
    EXPECT_GE(on.bus, 0.97 * off.bus);
  }
};

TEST_F(HbmQos, HighReadsOvertakeRandomReads) {
  compare("random reads 64 B", 0.5, 0.6,
          [&] { node_->read(rand_in(0, kDramNodeBytes / 128 - 1) * 64, 64); });
}

TEST_F(HbmQos, HighReadsOvertakeStreams) {
  std::array<std::uint64_t, 16> at;
  for (auto& a : at) a = rand_in(0, (kDramNodeBytes >> 10) - 1) * 256;
  compare("16 streams 256 B", 0.6, 0.7, [&] {
    auto& a = at[rand_in(0, 15)];
    node_->read(std::exchange(a, a + 256), 256);
  });
}

TEST_F(HbmQos, HighReadsOvertakeAMixWithWrites) {
  compare("2 reads : 1 write 64 B", 0.6, 0.8, [&] {
    const std::uint64_t block = rand_in(0, kDramNodeBytes / 128 - 1) * 64;
    if (rand_in(0, 2) == 0) {
      node_->write(block, ~0ULL);
    } else {
      node_->read(block, 64);
    }
  });
}

/// Cost of evaluating the model alone: the inputs of a run are recorded, then replayed on a fresh
/// model.
class HbmSimulation : public HbmPerf {
 protected:
  struct Inputs {
    std::uint64_t now;
    bool valid;
    std::uint8_t credit, rvalid;
    std::array<std::uint32_t, kFlitWords> flit;
    std::array<std::uint32_t, 16> rdata;
    std::uint32_t rside;
  };

  void SetUp() override {
    after_edge([this] {
      if (!node_ || dut().rst_ni == 0) return;
      Inputs in{
          node_->cycle, dut().req_rx_valid_i != 0, dut().rsp_tx_credit_i, dut().dfi_rvalid_i, {},
          {},           dut().dfi_rside_i};
      for (unsigned i = 0; i < in.flit.size(); ++i) in.flit[i] = dut().req_rx_flit_i[i];
      for (unsigned i = 0; i < in.rdata.size(); ++i) in.rdata[i] = dut().dfi_rdata_i[i];
      inputs_.push_back(in);
    });
    HbmPerf::SetUp();
  }

  /// Nanoseconds of processor time for a cycle of phase `i`: recorded inputs [mark(i - 1),
  /// mark(i)).
  std::vector<double> replay(const std::vector<std::size_t>& marks) {
    VerilatedContext fresh_context;
    Vhbm_mem_fast model(&fresh_context, "replay");
    const auto cycle = [&model] {
      model.clk_i = 0;
      model.eval();
      model.clk_i = 1;
      model.eval();
    };
    for (unsigned i = 0; i < ChipConfig::kWords; ++i) model.cfg_i[i] = dut().cfg_i[i];
    model.node_i = dut().node_i;
    model.req_rx_valid_i = model.rsp_rx_valid_i = model.rsp_tx_credit_i = model.req_tx_credit_i = 0;
    model.dfi_rvalid_i = 0;
    model.rst_ni = 0;
    for (int i = 0; i < 4; ++i) cycle();
    model.rst_ni = 1;
    std::vector<double> costs;
    std::size_t at = 0;
    for (const std::size_t mark : marks) {
      const std::size_t first = at;
      const std::clock_t start = std::clock();
      for (; at < mark; ++at) {
        // As they were at the edge.
        const Inputs& in = inputs_[at];
        model.now_i = in.now;
        model.rsp_tx_credit_i = in.credit;
        model.req_rx_valid_i = in.valid;
        if (in.valid) {
          for (unsigned i = 0; i < in.flit.size(); ++i) model.req_rx_flit_i[i] = in.flit[i];
        }
        model.dfi_rvalid_i = in.rvalid;
        if (in.rvalid != 0) {
          for (unsigned i = 0; i < in.rdata.size(); ++i) model.dfi_rdata_i[i] = in.rdata[i];
          model.dfi_rside_i = in.rside;
        }
        cycle();
      }
      costs.push_back(static_cast<double>(std::clock() - start) * 1e9 / CLOCKS_PER_SEC /
                      static_cast<double>(at - first));
    }
    // The replay did the same work.
    EXPECT_EQ(model.dfi_cmd_o[0], dut().dfi_cmd_o[0]);
    EXPECT_EQ(model.dfi_cmd_o[2], dut().dfi_cmd_o[2]);
    model.final();
    return costs;
  }

  std::vector<Inputs> inputs_;
};

TEST_F(HbmSimulation, CostOfACycle) {
  std::vector<std::size_t> marks = {inputs_.size()};
  run(20000);
  marks.push_back(inputs_.size());
  std::uint64_t at = 0;
  for (int i = 0; i < 20000; ++i, tick()) {
    if (node_->can_send()) node_->read(std::exchange(at, at + 256), 256);
  }
  marks.push_back(inputs_.size());
  for (int i = 0; i < 20000; ++i, tick()) {
    if (!node_->can_send()) continue;
    const std::uint64_t block = rand_in(0, kDramNodeBytes / 64 - 1) * 64;
    if (rand_in(0, 2) == 0) {
      node_->write(block, ~0ULL);
    } else {
      node_->read(block, 64);
    }
  }
  marks.push_back(inputs_.size());
  EXPECT_TRUE(run_until([this] { return node_->quiet(); }, 10000));
  marks.push_back(inputs_.size());
  const auto cost = replay(marks);
  fmt::print(
      "one cycle of the model: idle {:.0f} ns, sequential reads {:.0f} ns, random mix {:.0f} ns\n",
      cost[1], cost[2], cost[3]);
  // Loose, for slow and shared machines.
  EXPECT_LE(cost[1], 3000);
  EXPECT_LE(cost[2], 6000);
  EXPECT_LE(cost[3], 8000);
}

}  // namespace
}  // namespace tsr::tb
