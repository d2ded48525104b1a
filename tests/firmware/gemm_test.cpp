// SPDX-License-Identifier: Apache-2.0
// The GEMM kernel and its planner, run on the host against a fake tile.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "fake_chip.hpp"

extern "C" {
#include "kernels/gemm_plan.h"
#include "runtime/tessera_tile.h"
int kernel_gemm(const tsr_launch_t* launch);

static tsr_node_t nodes[64];
tsr_node_t* tsr_self(void) { return &nodes[tsr::FakeChip::current_index()]; }
}

namespace tsr {
namespace {

uint64_t seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

/// A product with small integers, so that every format and order of summation is exact.
struct Problem {
  uint32_t m, n, k, format, flags;
  uint32_t pad_a = 0, pad_b = 0, pad_c = 0, shift = 0;  ///< bytes
  uint32_t grid_w = 1, grid_h = 1;
};

std::ostream& operator<<(std::ostream& os, const Problem& p) {
  return os << p.m << " x " << p.n << " x " << p.k << " format " << p.format << " flags " << p.flags
            << " pads " << p.pad_a << " " << p.pad_b << " " << p.pad_c << " shift " << p.shift
            << " grid " << p.grid_w << " x " << p.grid_h;
}

uint16_t small_bf16(int v) {
  const float f = static_cast<float>(v);
  uint32_t b;
  std::memcpy(&b, &f, 4);
  return static_cast<uint16_t>(b >> 16);
}

class GemmRun {
 public:
  GemmRun(const Problem& p, uint64_t seed, FakeTile::Timing timing)
      : p_(p), rng_(seed), timing_(timing), hbm_(layout()) {}

  void execute() {
    fill();
    FakeChip chip(hbm_, 1, 2, p_.grid_w, p_.grid_h, rng_(), timing_);
    chip.run([&](uint32_t, uint32_t) {
      if (tsr_node_init(tsr_self()) != TSR_OK) throw std::runtime_error("init");
      tsr_launch_t launch{};
      launch.args_bytes = sizeof(args_);
      launch.x0 = 1;
      launch.y0 = 2;
      launch.x1 = static_cast<uint8_t>(p_.grid_w);
      launch.y1 = static_cast<uint8_t>(p_.grid_h + 1);
      std::memcpy(launch.args, &args_, sizeof(args_));
      const int result = kernel_gemm(&launch);
      if (result != 0) throw std::runtime_error("kernel returned " + std::to_string(result));
    });
    for (uint32_t y = 0; y < p_.grid_h; y++) {
      for (uint32_t x = 0; x < p_.grid_w; x++) collect(chip.tile(x, y));
    }
  }

  void check() {
    const uint32_t out = p_.flags & TSR_GEMM_OUT_BF16 ? 2 : 4;
    for (uint32_t i = 0; i < p_.m; i++) {
      for (uint32_t j = 0; j < p_.n; j++) {
        int64_t v = p_.flags & TSR_GEMM_BIAS ? bias_[j] : 0;
        for (uint32_t k = 0; k < p_.k; k++) v += a_[i * p_.k + k] * b_[j * p_.k + k];
        if (p_.flags & TSR_GEMM_RELU) v = std::max<int64_t>(v, 0);
        uint32_t want = static_cast<uint32_t>(v);
        if (p_.format == TSR_GEMM_BF16) {
          const float f = static_cast<float>(v);
          std::memcpy(&want, &f, 4);
          if (out == 2) want >>= 16;
        }
        const uint64_t at = args_.c + uint64_t{i} * args_.ldc + j * out;
        uint32_t got = 0;
        std::memcpy(&got, &hbm_.data[at], out);
        ASSERT_EQ(got, want) << "row " << i << " column " << j << " of " << p_;
        for (uint32_t b = 0; b < out; b++) ASSERT_EQ(hbm_.written[at + b], 1) << p_;
      }
    }
    uint64_t written = 0;
    for (const uint8_t w : hbm_.written) written += w;
    EXPECT_EQ(written, uint64_t{p_.m} * p_.n * out) << "bytes outside C were written: " << p_;
  }

  uint64_t cycles = 0, me_busy = 0, conflicts = 0, shared = 0, me_commands = 0;

 private:
  size_t layout() {
    const uint32_t e = p_.format == TSR_GEMM_INT8 ? 1 : 2,
                   out = p_.flags & TSR_GEMM_OUT_BF16 ? 2 : 4;
    args_ = {};
    args_.m = p_.m;
    args_.n = p_.n;
    args_.k = p_.k;
    args_.format = p_.format;
    args_.flags = p_.flags;
    args_.lda = p_.k * e + p_.pad_a;
    args_.ldb = p_.k * e + p_.pad_b;
    args_.ldc = p_.n * out + p_.pad_c;
    args_.a = 256 + p_.shift;
    args_.b = args_.a + uint64_t{args_.lda} * p_.m + p_.shift;
    args_.bias = args_.b + uint64_t{args_.ldb} * p_.n + p_.shift;
    args_.c = args_.bias + 4ull * p_.n + p_.shift;
    return args_.c + uint64_t{args_.ldc} * p_.m + 256;
  }

  void fill() {
    for (auto& b : hbm_.data) b = static_cast<uint8_t>(rng_());  // NaN where a mask is missing
    const auto matrix = [&](std::vector<int>& values, uint32_t rows, uint64_t base,
                            uint32_t pitch) {
      values.resize(size_t{rows} * p_.k);
      for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t k = 0; k < p_.k; k++) {
          // Small enough for sums that fit BF16's 8 bits when the result is BF16.
          const int v = p_.flags & TSR_GEMM_OUT_BF16 ? static_cast<int>(rng_() % 31 == 0)
                                                     : static_cast<int>(rng_() % 15) - 7;
          values[i * p_.k + k] = v;
          uint8_t* to = &hbm_.data[base + uint64_t{i} * pitch];
          if (p_.format == TSR_GEMM_INT8) {
            to[k] = static_cast<uint8_t>(v);
          } else {
            const uint16_t h = small_bf16(v);
            std::memcpy(to + 2 * k, &h, 2);
          }
        }
      }
    };
    matrix(a_, p_.m, args_.a, args_.lda);
    matrix(b_, p_.n, args_.b, args_.ldb);
    bias_.resize(p_.n);
    for (uint32_t j = 0; j < p_.n; j++) {
      bias_[j] = static_cast<int>(rng_() % 101) - 50;
      const float f = static_cast<float>(bias_[j]);
      std::memcpy(
          &hbm_.data[args_.bias + 4 * j],
          p_.format == TSR_GEMM_INT8 ? static_cast<void*>(&bias_[j]) : const_cast<float*>(&f), 4);
    }
  }

  void collect(const FakeTile& tile) {
    EXPECT_TRUE(tile.idle()) << p_;
    for (const uint32_t s : tile.semaphores()) EXPECT_EQ(s, 0u) << p_;
    cycles = std::max(cycles, tile.last_done());
    me_busy = std::max(me_busy, tile.busy_cycles(FakeTile::Me));
    me_commands += tile.commands(FakeTile::Me);
    conflicts += tile.bank_conflicts();
    shared += tile.shared_hyperbank();
  }

  Problem p_;
  std::mt19937_64 rng_;
  FakeTile::Timing timing_;
  tsr_gemm_args_t args_;
  FakeHbm hbm_;
  std::vector<int> a_, b_, bias_;
};

void run_random(const Problem& p, uint64_t s) {
  GemmRun run(p, s, {});
  ASSERT_NO_THROW(run.execute()) << p;
  run.check();
  EXPECT_EQ(run.conflicts, 0u) << p;
}

TEST(GemmKernel, ComputesDirectedShapes) {
  const std::vector<Problem> shapes = {
      {1, 1, 1, TSR_GEMM_BF16, 0},
      {8, 8, 4, TSR_GEMM_BF16, 0},
      {9, 7, 5, TSR_GEMM_BF16, TSR_GEMM_BIAS},
      {64, 32, 784, TSR_GEMM_BF16, TSR_GEMM_BIAS | TSR_GEMM_RELU},
      {64, 10, 128, TSR_GEMM_BF16, TSR_GEMM_BIAS},
      {33, 65, 100, TSR_GEMM_BF16, TSR_GEMM_OUT_BF16},
      {40, 200, 40, TSR_GEMM_INT8, TSR_GEMM_BIAS | TSR_GEMM_RELU, 3, 5, 7, 1},
      {24, 40, 4096, TSR_GEMM_BF16, TSR_GEMM_BIAS},
      {9, 17, 8192, TSR_GEMM_INT8, 0},
      {300, 20, 300, TSR_GEMM_BF16, 0},
      {20, 300, 300, TSR_GEMM_BF16, TSR_GEMM_RELU},
      {400, 400, 24, TSR_GEMM_INT8, 0},
      {256, 128, 784, TSR_GEMM_BF16, TSR_GEMM_BIAS | TSR_GEMM_RELU | TSR_GEMM_OUT_BF16, 0, 0, 0, 0,
       4, 4},
      {256, 10, 128, TSR_GEMM_BF16, TSR_GEMM_BIAS, 0, 0, 0, 0, 4, 4},
      {100, 90, 300, TSR_GEMM_BF16, TSR_GEMM_BIAS, 0, 0, 0, 0, 6, 5},
      {260, 600, 600, TSR_GEMM_INT8, TSR_GEMM_BIAS, 0, 0, 0, 0, 2, 2},
      {600, 260, 600, TSR_GEMM_BF16, 0, 0, 0, 0, 0, 2, 1},
      {300, 700, 400, TSR_GEMM_BF16, 0, 0, 0, 0, 0, 1, 2},
      {128, 128, 4096, TSR_GEMM_BF16, 0, 0, 0, 0, 0, 4, 4},
  };
  for (const auto& p : shapes) run_random(p, seed());
}

TEST(GemmKernel, SplitsLongRows) {
  const std::vector<Problem> shapes = {
      {8, 8, 4097, TSR_GEMM_BF16, TSR_GEMM_BIAS | TSR_GEMM_RELU},
      {70, 45, 5000, TSR_GEMM_BF16, TSR_GEMM_BIAS, 2, 4, 8, 2},
      {30, 20, 6000, TSR_GEMM_BF16, TSR_GEMM_OUT_BF16 | TSR_GEMM_BIAS},
      {20, 50, 9000, TSR_GEMM_INT8, TSR_GEMM_BIAS},
  };
  for (const auto& p : shapes) run_random(p, seed());
}

TEST(GemmKernel, ComputesRandomShapes) {
  std::mt19937_64 rng(seed());
  std::cout << "seed " << seed() << "\n";
  for (int i = 0; i < 60; i++) {
    Problem p{};
    const auto size = [&](uint32_t most) {
      return 1 + static_cast<uint32_t>(rng() % (1u << rng() % most));
    };
    p.m = size(9);
    p.n = size(9);
    p.k = size(10);
    p.format = rng() % 2;
    p.flags = static_cast<uint32_t>(rng()) & (p.format == TSR_GEMM_INT8 ? 3 : 7);
    if (rng() % 4 == 0) p.flags |= TSR_GEMM_NO_SHARE;
    if (rng() % 2) {
      p.pad_a = rng() % 40;
      p.pad_b = rng() % 40;
      p.pad_c = rng() % 40;
      p.shift = rng() % 9;
    }
    p.grid_w = 1 + rng() % 4;
    p.grid_h = 1 + rng() % 4;
    run_random(p, rng());
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(GemmKernel, RefusesBadArguments) {
  FakeHbm hbm(4096);
  FakeChip chip(hbm, 0, 0, 1, 1, 1, {});
  const auto run = [&](const std::function<void(tsr_gemm_args_t&)>& change) {
    int result = 0;
    chip.run([&](uint32_t, uint32_t) {
      if (tsr_node_init(tsr_self()) != TSR_OK) throw std::runtime_error("init");
      tsr_gemm_args_t args{};
      args.m = args.n = args.k = 8;
      args.lda = args.ldb = 16;
      args.ldc = 32;
      change(args);
      tsr_launch_t launch{};
      launch.args_bytes = sizeof(args);
      std::memcpy(launch.args, &args, sizeof(args));
      result = kernel_gemm(&launch);
    });
    return result;
  };
  EXPECT_EQ(run([](auto& a) { a.m = 0; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.k = 9; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.ldc = 31; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.format = 2; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.flags = 16; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.format = TSR_GEMM_INT8, a.flags = TSR_GEMM_OUT_BF16; }),
            TSR_GEMM_BAD_FORMAT);
  EXPECT_TRUE(chip.tile(0, 0).idle());
}

/// What 16 tiles take for a product when each gets its share of 80 % of the memory bandwidth.
uint64_t timed_cycles(const Problem& p) {
  FakeTile::Timing timing;
  timing.random = false;
  timing.hbm_bytes_a_cycle = 16 * 0.8;
  timing.code_cycles = 6;
  GemmRun run(p, seed(), timing);
  EXPECT_NO_THROW(run.execute());
  run.check();
  EXPECT_EQ(run.conflicts, 0u);
  const uint32_t tiles = p.grid_w * p.grid_h;
  EXPECT_LT(run.shared, run.me_busy * tiles / 50);
  std::cout << p << ": " << run.cycles << " cycles, ME busy " << run.me_busy << ", "
            << run.me_commands / tiles << " ME commands a tile\n";
  return run.cycles;
}

TEST(GemmKernel, KeepsMatrixEnginesBusy) {
  const uint32_t bound = 512 * 512 * 512 / 256 / 16;
  EXPECT_LE(timed_cycles({512, 512, 512, TSR_GEMM_BF16, 0, 0, 0, 0, 0, 4, 4}), bound * 112 / 100);
  // Without sharing, four times the reads go through the same bandwidth.
  EXPECT_LE(timed_cycles({512, 512, 512, TSR_GEMM_BF16, TSR_GEMM_NO_SHARE, 0, 0, 0, 0, 4, 4}),
            bound * 125 / 100);
}

}  // namespace
}  // namespace tsr
