// SPDX-License-Identifier: Apache-2.0
/// Common base of all block benches: one verilated model, its clock and reset, waves on request,
/// seeds.
///
/// Environment: TSR_SEED=<n> sets the random seed (printed by every test), TSR_TRACE=1 writes
/// <suite>.<test>.fst into the current folder (models built with TSR_BENCH_WAVES or WAVES). Its
/// time is that of the platform's traces, 1,250 ps a cycle, so that views and `tessera waves` fit.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <verilated.h>
#include <verilated_fst_c.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace tsr::tb {

/// Seed of this run: TSR_SEED, or 1.
inline std::uint64_t seed_from_env() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

/// GoogleTest fixture that owns one verilated model with ports clk_i and rst_ni.
///
/// One clock cycle is tick(): the model settles with the inputs as they are, before_edge() hooks
/// sample its outputs, the rising edge happens, after_edge() hooks drive inputs. So drivers behave
/// as flops do.
template <class Model>
class Bench : public testing::Test {
 public:
  using Hook = std::function<void()>;

 protected:
  void SetUp() override {
    seed_ = seed_from_env();
    rng_.seed(seed_);
    RecordProperty("seed", std::to_string(seed_));
    fmt::print("seed {} (set TSR_SEED to change it)\n", seed_);
    context_ = std::make_unique<VerilatedContext>();
    context_->randReset(2);
    context_->randSeed(static_cast<int>(seed_ & 0x7fffffff) | 1);
    context_->fatalOnError(false);
    context_->fatalOnVpiError(false);
    context_->errorLimit(10);
    context_->traceEverOn(true);
    model_ = std::make_unique<Model>(context_.get(), "dut");
    if (std::getenv("TSR_TRACE") != nullptr) open_waves(model_.get());
  }

  void TearDown() override {
    model_->final();
    if (fst_) fst_->close();
    EXPECT_EQ(context_->errorCount(), 0) << "RTL assertions failed; see the messages above";
  }

  /// Hold reset for `cycles` cycles. Assertions are off meanwhile.
  void reset(int cycles = 4) {
    context_->assertOn(false);
    model_->rst_ni = 0;
    for (int i = 0; i < cycles; ++i) tick();
    model_->rst_ni = 1;
    context_->assertOn(true);
  }

  /// One clock cycle.
  void tick() {
    model_->clk_i = 0;
    model_->eval();
    if (cycle_ != 0) dump(cycle_ * kWavePeriod - kWavePeriod / 2);
    for (auto& hook : before_edge_) hook();
    model_->clk_i = 1;
    model_->eval();
    dump(cycle_ * kWavePeriod);
    for (auto& hook : after_edge_) hook();
    ++cycle_;
  }

  void run(std::uint64_t cycles) {
    for (std::uint64_t i = 0; i < cycles; ++i) tick();
  }

  /// Tick until `done` or `limit` cycles; returns whether `done` came true.
  bool run_until(const std::function<bool()>& done, std::uint64_t limit) {
    for (std::uint64_t i = 0; i < limit; ++i) {
      if (done()) return true;
      tick();
    }
    return done();
  }

  /// Sampled before the rising edge, when combinational outputs have settled.
  void before_edge(Hook hook) { before_edge_.push_back(std::move(hook)); }
  /// Run right after the rising edge: drive inputs here.
  void after_edge(Hook hook) { after_edge_.push_back(std::move(hook)); }

  Model& dut() { return *model_; }
  std::mt19937_64& rng() { return rng_; }
  /// Uniform in [low, high].
  std::uint64_t rand_in(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(rng_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(rng_); }
  std::uint64_t cycle() const { return cycle_; }
  std::uint64_t seed() const { return seed_; }
  VerilatedContext& context() { return *context_; }

 private:
  /// Waves of this test; only models built with TSR_BENCH_WAVES have trace().
  template <class M>
  auto open_waves(M* model) -> decltype(model->trace(static_cast<VerilatedFstC*>(nullptr), 99)) {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    fst_ = std::make_unique<VerilatedFstC>();
    fst_->set_time_resolution("1ps");
    model->trace(fst_.get(), 99);
    fst_->open(fmt::format("{}.{}.fst", info->test_suite_name(), info->name()).c_str());
  }
  void open_waves(...) { FAIL() << "no waves in this build: configure with -DTSR_BENCH_WAVES=ON"; }

  /// Picoseconds of a cycle in the waves.
  static constexpr std::uint64_t kWavePeriod = 1250;

  void dump(std::uint64_t time) {
    if (fst_) fst_->dump(time);
  }

  std::uint64_t seed_ = 1;
  std::mt19937_64 rng_;
  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<VerilatedFstC> fst_;
  std::vector<Hook> before_edge_;
  std::vector<Hook> after_edge_;
  std::uint64_t cycle_ = 0;
};

/// Read `width` bits at bit `low` of a packed Verilator vector (32-bit words), width <= 64.
template <class Wide>
std::uint64_t get_bits(const Wide& words, unsigned low, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = low + i;
    value |= static_cast<std::uint64_t>((words[bit / 32] >> (bit % 32)) & 1U) << i;
  }
  return value;
}

/// Write `width` bits at bit `low` of a packed Verilator vector, width <= 64.
template <class Wide>
void set_bits(Wide& words, unsigned low, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = low + i;
    const std::uint32_t mask = 1U << (bit % 32);
    if ((value >> i) & 1U) {
      words[bit / 32] |= mask;
    } else {
      words[bit / 32] &= ~mask;
    }
  }
}

}  // namespace tsr::tb
