// SPDX-License-Identifier: Apache-2.0
// The GEMM kernel and its planner, run on the host against a fake tile.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "fake_chip.hpp"
#include "me_exec.hpp"

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
  uint32_t format_b = 0;  ///< 0: as format
  bool alone = false;     ///< launched as tiles that may not share, in another grid

  bool mx() const { return (flags & TSR_GEMM_MX) != 0; }
  bool integer() const { return !mx() && (format == TSR_FORMAT_INT8 || format == TSR_FORMAT_INT4); }
  uint32_t second() const { return format_b == 0 ? format : format_b; }
  uint32_t row_bytes() const { return k * format_bits(format) / 8; }
  uint32_t scale_bytes() const { return (k + 31) / 32; }
};

std::ostream& operator<<(std::ostream& os, const Problem& p) {
  return os << p.m << " x " << p.n << " x " << p.k << " format " << p.format << ", " << p.second()
            << " flags " << p.flags << " pads " << p.pad_a << " " << p.pad_b << " " << p.pad_c
            << " shift " << p.shift << (p.alone ? " alone" : "") << " grid " << p.grid_w << " x "
            << p.grid_h;
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
      name_tiles(launch);
      if (p_.alone) {
        std::swap(launch.grid_w, launch.grid_h);
        launch.flags = TSR_LAUNCH_ALONE;
      }
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
        double v = p_.flags & TSR_GEMM_BIAS ? bias_[j] : 0;
        for (uint32_t k = 0; k < p_.k; k++) {
          v += a_.value(i, k) * b_.value(j, k);
        }
        if (p_.flags & TSR_GEMM_RELU) v = std::max(v, 0.0);
        uint32_t want = static_cast<uint32_t>(static_cast<int64_t>(v));
        if (!p_.integer()) {
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
    const uint32_t out = p_.flags & TSR_GEMM_OUT_BF16 ? 2 : 4;
    args_ = {};
    args_.m = p_.m;
    args_.n = p_.n;
    args_.k = p_.k;
    args_.format = p_.format;
    args_.flags = p_.flags;
    args_.format_b = p_.format_b;
    args_.lda = p_.row_bytes() + p_.pad_a;
    args_.ldb = p_.row_bytes() + p_.pad_b;
    args_.ldc = p_.n * out + p_.pad_c;
    args_.a = 256 + p_.shift;
    args_.b = args_.a + uint64_t{args_.lda} * p_.m + p_.shift;
    args_.bias = args_.b + uint64_t{args_.ldb} * p_.n + p_.shift;
    args_.c = args_.bias + 4ull * p_.n + p_.shift;
    uint64_t end = args_.c + uint64_t{args_.ldc} * p_.m + 256;
    if (p_.mx()) {
      args_.lda_scale = p_.scale_bytes() + p_.pad_b;
      args_.ldb_scale = p_.scale_bytes() + p_.pad_a;
      args_.a_scale = end + p_.shift;
      args_.b_scale = args_.a_scale + uint64_t{args_.lda_scale} * p_.m;
      end = args_.b_scale + uint64_t{args_.ldb_scale} * p_.n + 256;
    }
    return end;
  }

  void fill() {
    for (auto& b : hbm_.data) b = static_cast<uint8_t>(rng_());  // NaN where a mask is missing
    fill_matrix(a_, p_.m, p_.format, args_.a, args_.lda, args_.a_scale, args_.lda_scale);
    fill_matrix(b_, p_.n, p_.second(), args_.b, args_.ldb, args_.b_scale, args_.ldb_scale);
    bias_.resize(p_.n);
    for (uint32_t j = 0; j < p_.n; j++) {
      bias_[j] = static_cast<int>(rng_() % 101) - 50;
      const float f = static_cast<float>(bias_[j]);
      std::memcpy(&hbm_.data[args_.bias + 4 * j],
                  p_.integer() ? static_cast<void*>(&bias_[j]) : const_cast<float*>(&f), 4);
    }
  }

  /// Elements and the scales of blocks of 32 of them.
  struct Matrix {
    uint32_t k = 0;
    std::vector<double> element, scale;
    double value(uint32_t row, uint32_t i) const {
      return element[size_t{row} * k + i] * scale[size_t{row} * ((k + 31) / 32) + i / 32];
    }
  };

  void fill_matrix(Matrix& m, uint32_t rows, uint32_t format, uint64_t base, uint32_t pitch,
                   uint64_t scale_base, uint32_t scale_pitch) {
    m.k = p_.k;
    m.element.resize(size_t{rows} * p_.k);
    m.scale.assign(size_t{rows} * p_.scale_bytes(), 1);
    const bool out_bf16 = (p_.flags & TSR_GEMM_OUT_BF16) != 0;
    const int most = format_bits(format) >= 16 || format == TSR_FORMAT_INT8 ? 7 : 3;
    for (uint32_t i = 0; i < rows; i++) {
      for (uint32_t k = 0; k < p_.k; k++) {
        // Small enough for sums that fit BF16's 8 bits when the result is BF16.
        const int v = out_bf16 ? static_cast<int>(rng_() % 31 == 0)
                               : static_cast<int>(rng_() % (2 * most + 1)) - most;
        m.element[size_t{i} * p_.k + k] = v;
        put_element(&hbm_.data[base + uint64_t{i} * pitch], format, k, format_encode(format, v));
      }
      for (uint32_t block = 0; p_.mx() && block < p_.scale_bytes(); block++) {
        const int e = out_bf16 ? 0 : static_cast<int>(rng_() % 5) - 2;
        m.scale[size_t{i} * p_.scale_bytes() + block] = std::ldexp(1.0, e);
        hbm_.data[scale_base + uint64_t{i} * scale_pitch + block] = static_cast<uint8_t>(127 + e);
      }
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
  Matrix a_, b_;
  std::vector<int> bias_;
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

TEST(GemmKernel, ComputesEveryFormat) {
  for (uint32_t format = 0; format <= TSR_FORMAT_INT4; format++) {
    run_random({30, 44, 100, format, TSR_GEMM_BIAS}, seed());
    run_random({70, 60, 130, format, TSR_GEMM_RELU, 4, 8, 4, 3, 2, 2}, seed());
  }
  Problem mixed = {40, 24, 65, TSR_FORMAT_FP8_E4M3, 0};
  mixed.format_b = TSR_FORMAT_FP8_E5M2;
  run_random(mixed, seed());
  mixed.format = TSR_FORMAT_FP6_E2M3;
  mixed.format_b = TSR_FORMAT_FP6_E3M2;
  run_random(mixed, seed());
}

TEST(GemmKernel, ComputesBlockScaledFormats) {
  const uint32_t mx = TSR_GEMM_MX;
  for (const uint32_t format : {TSR_FORMAT_FP8_E4M3, TSR_FORMAT_FP8_E5M2, TSR_FORMAT_FP6_E3M2,
                                TSR_FORMAT_FP6_E2M3, TSR_FORMAT_FP4_E2M1, TSR_FORMAT_INT8}) {
    run_random({30, 44, 100, format, mx | TSR_GEMM_BIAS}, seed());
    run_random({100, 90, 700, format, mx, 4, 8, 4, 3, 2, 2}, seed());
    run_random({70, 130, 1030, format, mx | TSR_GEMM_BIAS | TSR_GEMM_OUT_BF16, 0, 1, 0, 0, 3, 3},
               seed());
  }
  run_random({300, 300, 600, TSR_FORMAT_FP8_E4M3, mx}, seed());
  run_random({20, 30, 9000, TSR_FORMAT_FP8_E4M3, mx | TSR_GEMM_BIAS}, seed());  // split K
  run_random({20, 30, 17000, TSR_FORMAT_FP4_E2M1, mx, 2, 4, 6, 1}, seed());
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
    p.format = static_cast<uint32_t>(rng() % (rng() % 2 ? 2 : 11));
    if (p.format != 0 && p.format != 2 && p.format != 3 && p.format != 4 && p.format != 10) {
      p.flags = rng() % 2 ? TSR_GEMM_MX : 0;
    }
    if (format_bits(p.format) == 4) p.k += p.k % 2;
    p.flags |= static_cast<uint32_t>(rng()) & (p.integer() ? 3 : 7);
    if (rng() % 4 == 0) p.flags |= TSR_GEMM_NO_SHARE;
    if (rng() % 2) {
      p.pad_a = rng() % 40;
      p.pad_b = rng() % 40;
      p.pad_c = rng() % 40;
      p.shift = rng() % 9;
    }
    p.grid_w = 1 + rng() % 4;
    p.grid_h = 1 + rng() % 4;
    p.alone = rng() % 4 == 0;
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
      name_tiles(launch);
      launch.args_bytes = sizeof(args);
      std::memcpy(launch.args, &args, sizeof(args));
      result = kernel_gemm(&launch);
    });
    return result;
  };
  EXPECT_EQ(run([](auto& a) { a.m = 0; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.k = 9; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.ldc = 31; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.format = TSR_FORMAT_INT16; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.format_b = TSR_FORMAT_INT8; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.flags = TSR_GEMM_MX; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.flags = TSR_GEMM_A_TRANS; }), TSR_GEMM_BAD_FORMAT);
  EXPECT_EQ(run([](auto& a) { a.format = TSR_FORMAT_INT4, a.k = 7; }), TSR_GEMM_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.format = TSR_FORMAT_FP8_E4M3, a.flags = TSR_GEMM_MX; }),
            TSR_GEMM_BAD_SHAPE);
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
  // From the kernel's start: the first command is encoded before the first load is asked for.
  const uint32_t bound = 512 * 512 * 512 / 256 / 16;
  EXPECT_LE(timed_cycles({512, 512, 512, TSR_GEMM_BF16, 0, 0, 0, 0, 0, 4, 4}), bound * 114 / 100);
  // Without sharing, four times the reads go through the same bandwidth.
  EXPECT_LE(timed_cycles({512, 512, 512, TSR_GEMM_BF16, TSR_GEMM_NO_SHARE, 0, 0, 0, 0, 4, 4}),
            bound * 125 / 100);
}

}  // namespace
}  // namespace tsr
