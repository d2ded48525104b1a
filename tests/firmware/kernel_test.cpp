// SPDX-License-Identifier: Apache-2.0
// The feeder, and the kernels that measure single engines, on a fake chip.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "fake_chip.hpp"
#include "me_exec.hpp"

extern "C" {
#include "runtime/tessera_tile.h"
#include "runtime/tile/feed.h"
int kernel_gemm_spm(const tsr_launch_t* launch);
int kernel_conv(const tsr_launch_t* launch);
int kernel_vector(const tsr_launch_t* launch);
int kernel_classify(const tsr_launch_t* launch);
int kernel_layout(const tsr_launch_t* launch);
int kernel_stream(const tsr_launch_t* launch);
}

namespace tsr {
namespace {

uint64_t seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

/// Run `kernel` on w x h tiles; returns what the first tile that fails returns. Afterwards all
/// engines are idle and all semaphores zero.
template <class Args>
int run_kernel(int (*kernel)(const tsr_launch_t*), FakeHbm& hbm, const Args& args, uint32_t w = 1,
               uint32_t h = 1, const std::function<void(FakeChip&)>& look = {}) {
  FakeChip chip(hbm, 1, 1, w, h, seed(), {});
  int result = 0;
  chip.run([&](uint32_t, uint32_t) {
    if (tsr_node_init(tsr_self()) != TSR_OK) throw std::runtime_error("init");
    tsr_launch_t launch{};
    launch.args_bytes = sizeof(args);
    launch.x0 = launch.y0 = 1;
    launch.x1 = static_cast<uint8_t>(w);
    launch.y1 = static_cast<uint8_t>(h);
    name_tiles(launch);
    static_assert(sizeof(args) <= sizeof(launch.args));
    std::memcpy(launch.args, &args, sizeof(args));
    const int value = kernel(&launch);
    if (result == 0) result = value;
  });
  for (uint32_t t = 0; t < w * h; t++) {
    const FakeTile& tile = chip.tile(t % w, t / w);
    EXPECT_TRUE(tile.idle());
    for (const uint32_t s : tile.semaphores()) EXPECT_EQ(s, 0u);
  }
  if (look) look(chip);
  return result;
}

/// Memory with random content, and places in it.
struct Memory {
  explicit Memory(size_t bytes = 1u << 21) : hbm(bytes), rng(seed()) {
    for (auto& b : hbm.data) b = static_cast<uint8_t>(rng());
    before = hbm.data;
  }
  uint64_t place(size_t bytes) {
    const uint64_t at = next;
    next += bytes + rng() % 9;
    if (next > hbm.data.size()) throw std::runtime_error("the test's data do not fit");
    return at;
  }
  uint8_t* at(uint64_t address) { return &hbm.data[address]; }
  template <class T>
  T get(uint64_t address) const {
    T v;
    std::memcpy(&v, &hbm.data[address], sizeof(v));
    return v;
  }
  template <class T>
  void put(uint64_t address, T v) {
    std::memcpy(at(address), &v, sizeof(v));
  }
  int put_random(uint64_t row, uint32_t format, uint64_t index) {
    const int most = format_bits(format) >= 16 ? 7 : 3;
    const int v = static_cast<int>(rng() % (2 * most + 1)) - most;
    put_element(at(row), format, index, format_encode(format, v));
    return v;
  }
  /// Bytes outside [first, first + bytes) were not written, those inside once.
  void expect_written_once(uint64_t first, uint64_t bytes) {
    for (uint64_t i = 0; i < hbm.data.size(); i++) {
      ASSERT_EQ(hbm.written[i], i >= first && i < first + bytes ? 1 : 0) << "byte " << i;
    }
  }

  FakeHbm hbm;
  std::mt19937_64 rng;
  uint64_t next = 256;
  std::vector<uint8_t> before;
};

// ---------------------------------------------------------------- feeder

/// A source of pattern fills of the layout engine: shape `key` fills key + 1 words.
struct Fills {
  std::vector<uint32_t> keys;
  size_t next = 0;
  uint32_t encoded = 0;
  std::function<bool()> ready = [] { return true; };

  static tsr_feed_next_t give(void* state, tsr_feed_cmd_t* cmd) {
    auto& f = *static_cast<Fills*>(state);
    if (f.next == f.keys.size()) return TSR_FEED_END;
    if (!f.ready()) return TSR_FEED_LATER;
    cmd->op = TSR_OP_TFILL;
    cmd->key = f.keys[f.next];
    cmd->args = 5;
    cmd->arg[1] = static_cast<uint32_t>(256 * f.next);
    cmd->arg[4] = static_cast<uint32_t>(0x1000 + f.next);
    cmd->posts = ++f.next == f.keys.size() ? tsr_cmd_sem(3, 1) : 0;
    return TSR_FEED_COMMAND;
  }
  static tsr_status_t encode(void* state, uint32_t key, uint32_t ctx) {
    static_cast<Fills*>(state)->encoded++;
    const tsr_tdma_loop_t loops[TSR_TDMA_LOOPS] = {};
    tsr_tdma_op_t op;
    TSR_TRY(tsr_tdma_fill(0, 4 * (key + 1), 0, loops, &op));
    return tsr_tdma_set_context(&tsr_self()->tdma, ctx, &op);
  }
};

/// Feed the fills through `contexts` contexts and check what they left.
void run_fills(Fills& fills, uint32_t contexts) {
  FakeHbm hbm(64);
  FakeChip chip(hbm, 1, 1, 1, 1, seed(), {});
  chip.run([&](uint32_t, uint32_t) {
    tsr_node_t* node = tsr_self();
    if (tsr_node_init(node) != TSR_OK) throw std::runtime_error("init");
    static tsr_feed_t feed;
    const tsr_feed_source_t source = {&fills, Fills::give, Fills::encode, 1, contexts, 0};
    tsr_feed_init(&feed, node);
    ASSERT_EQ(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &source), TSR_OK);
    ASSERT_EQ(tsr_feed_run(&feed), TSR_OK);
    ASSERT_EQ(tsr_node_wait(node, 3, 1, 0), TSR_OK);
    for (size_t i = 0; i < fills.keys.size(); i++) {
      for (uint32_t w = 0; w <= fills.keys[i]; w++) {
        ASSERT_EQ(tsr_spm_read(static_cast<uint32_t>(256 * i) + 4 * w), 0x1000 + i);
      }
    }
  });
  EXPECT_EQ(chip.tile(0, 0).commands(FakeTile::Tdma), fills.keys.size());
  EXPECT_TRUE(chip.tile(0, 0).idle());
}

TEST(Feed, WritesAContextOnceWhileItFits) {
  Fills fills;
  for (uint32_t i = 0; i < 60; i++) fills.keys.push_back(i * 7 % 5);
  run_fills(fills, 5);
  EXPECT_EQ(fills.encoded, 5u);
}

TEST(Feed, ReplacesContextsOnlyWhenTheirCommandsAreDone) {
  // The fake chip fails if a context changes while a queued or running command names it.
  std::mt19937_64 rng(seed());
  for (const uint32_t contexts : {1u, 2u, 3u, 6u}) {
    Fills fills;
    for (uint32_t i = 0; i < 200; i++) fills.keys.push_back(static_cast<uint32_t>(rng() % 12));
    run_fills(fills, contexts);
    EXPECT_GT(fills.encoded, 12u);
  }
}

TEST(Feed, ReplacesTheContextUsedLongestAgo) {
  Fills fills;
  for (uint32_t i = 0; i < 30; i++) {
    fills.keys.insert(fills.keys.end(), {0, 1, 0, 2 + i % 3});  // 0 is always the latest but one
  }
  run_fills(fills, 3);
  // 0 and 1 once; of the three others each at its every turn, in the place of one another.
  EXPECT_EQ(fills.encoded, 2u + 30);
}

TEST(Feed, AsksAgainWhenASourceWaits) {
  // The layout engine's source waits for the other source to have given a command for each of its.
  struct Nops {
    size_t given = 0, total = 20;
    static tsr_feed_next_t give(void* state, tsr_feed_cmd_t* cmd) {
      auto& n = *static_cast<Nops*>(state);
      if (n.given == n.total) return TSR_FEED_END;
      n.given++;
      cmd->op = TSR_OP_NOP;
      return TSR_FEED_COMMAND;
    }
    static tsr_status_t encode(void*, uint32_t, uint32_t) { return TSR_FAILED; }
  } nops;
  Fills fills;
  fills.keys.assign(20, 3);
  fills.ready = [&] { return nops.given > fills.next; };
  FakeHbm hbm(64);
  FakeChip chip(hbm, 1, 1, 1, 1, seed(), {});
  chip.run([&](uint32_t, uint32_t) {
    tsr_node_t* node = tsr_self();
    if (tsr_node_init(node) != TSR_OK) throw std::runtime_error("init");
    static tsr_feed_t feed;
    const tsr_feed_source_t later = {&fills, Fills::give, Fills::encode, 0, 2, 0};
    const tsr_feed_source_t first = {&nops, Nops::give, Nops::encode, 2, 1, 2};
    tsr_feed_init(&feed, node);
    ASSERT_EQ(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &later), TSR_OK);
    ASSERT_EQ(tsr_feed_use(&feed, TSR_ENGINE_VE, &first), TSR_OK);
    ASSERT_EQ(tsr_feed_run(&feed), TSR_OK);
    ASSERT_EQ(tsr_node_wait(node, 3, 1, 0), TSR_OK);
  });
  EXPECT_EQ(chip.tile(0, 0).commands(FakeTile::Ve), 20u);
  EXPECT_EQ(chip.tile(0, 0).commands(FakeTile::Tdma), 20u);
}

TEST(Feed, RefusesContextsThatDoNotExist) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  tsr_feed_t feed;
  tsr_feed_init(&feed, &node);
  Fills fills;
  const tsr_feed_source_t none = {&fills, Fills::give, Fills::encode, 0, 0, 0};
  const tsr_feed_source_t beyond = {&fills, Fills::give, Fills::encode, 1, 8, 0};
  EXPECT_EQ(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &none), TSR_INVALID);
  EXPECT_EQ(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &beyond), TSR_INVALID);
}

TEST(Feed, ReportsAnEngineThatStopped) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  tsr_feed_t feed;
  tsr_feed_init(&feed, &node);
  Fills fills;
  fills.keys = {1};
  const tsr_feed_source_t source = {&fills, Fills::give, Fills::encode, 0, 1, 0};
  ASSERT_EQ(tsr_feed_use(&feed, TSR_ENGINE_TDMA, &source), TSR_OK);
  bus.memory[TSR_REGS_BASE + 0x1c] = 1u << (25 + TSR_ENGINE_TDMA) | 8u << 16;  // QUEUE_STATUS
  EXPECT_EQ(tsr_feed_run(&feed), TSR_FAILED);
}

// ---------------------------------------------------------------- gemm_spm

struct SpmGemm {
  uint32_t m, n, k, format, flags, repeat;
  uint32_t format_b = 0;
};

void check_gemm_spm(const SpmGemm& t) {
  Memory mem;
  const uint32_t bits = format_bits(t.format), second = t.format_b == 0 ? t.format : t.format_b;
  const bool a_trans = t.flags & TSR_GEMM_A_TRANS, b_trans = t.flags & TSR_GEMM_B_TRANS;
  const bool mx = t.flags & TSR_GEMM_MX;
  tsr_gemm_spm_args_t args{};
  args.repeat = t.repeat;
  tsr_gemm_args_t& g = args.gemm;
  g.m = t.m, g.n = t.n, g.k = t.k, g.format = t.format, g.format_b = t.format_b, g.flags = t.flags;
  g.lda = (a_trans ? t.m : t.k) * bits / 8 + 3;
  g.ldb = (b_trans ? t.n : t.k) * bits / 8 + 1;
  g.ldc = 4 * t.n;
  g.lda_scale = g.ldb_scale = (t.k + 31) / 32;
  g.a = mem.place((a_trans ? t.k : t.m) * g.lda);
  g.b = mem.place((b_trans ? t.k : t.n) * g.ldb);
  g.bias = mem.place(4 * t.n);
  g.a_scale = mem.place(t.m * g.lda_scale);
  g.b_scale = mem.place(t.n * g.ldb_scale);
  g.c = mem.place(t.m * g.ldc);
  std::vector<double> a(t.m * t.k), b(t.n * t.k), bias(t.n);
  const auto fill = [&](std::vector<double>& to, uint32_t rows, uint64_t base, uint32_t pitch,
                        bool trans, uint32_t format, uint64_t scales) {
    for (uint32_t i = 0; i < rows; i++) {
      for (uint32_t k = 0; k < t.k; k++) {
        to[i * t.k + k] = mem.put_random(base + (trans ? k : i) * pitch, format, trans ? i : k);
      }
      for (uint32_t block = 0; mx && block < g.lda_scale; block++) {
        const int e = static_cast<int>(mem.rng() % 5) - 2;
        mem.put(scales + i * g.lda_scale + block, static_cast<uint8_t>(127 + e));
        for (uint32_t k = 32 * block; k < std::min(t.k, 32 * block + 32); k++) {
          to[i * t.k + k] = std::ldexp(to[i * t.k + k], e);
        }
      }
    }
  };
  fill(a, t.m, g.a, g.lda, a_trans, t.format, g.a_scale);
  fill(b, t.n, g.b, g.ldb, b_trans, second, g.b_scale);
  const bool integer = !mx && (t.format == TSR_FORMAT_INT8 || t.format == TSR_FORMAT_INT4);
  for (uint32_t j = 0; j < t.n; j++) {
    const int v = static_cast<int>(mem.rng() % 21) - 10;
    bias[j] = v;
    if (integer) {
      mem.put(g.bias + 4 * j, v);
    } else {
      mem.put(g.bias + 4 * j, static_cast<float>(v));
    }
  }
  uint64_t commands = 0, conflicts = 0;
  ASSERT_EQ(run_kernel(kernel_gemm_spm, mem.hbm, args, 1, 1,
                       [&](FakeChip& chip) {
                         commands = chip.tile(0, 0).commands(FakeTile::Me);
                         conflicts = chip.tile(0, 0).bank_conflicts();
                       }),
            0);
  EXPECT_EQ(commands, 1u + t.repeat);
  EXPECT_EQ(conflicts, 0u);
  for (uint32_t i = 0; i < t.m; i++) {
    for (uint32_t j = 0; j < t.n; j++) {
      double v = t.flags & TSR_GEMM_BIAS ? bias[j] : 0;
      for (uint32_t k = 0; k < t.k; k++) v += a[i * t.k + k] * b[j * t.k + k];
      const uint64_t at = g.c + i * g.ldc + 4 * j;
      const double got = integer ? mem.get<int32_t>(at) : static_cast<double>(mem.get<float>(at));
      ASSERT_EQ(got, static_cast<double>(static_cast<float>(v))) << i << ", " << j;
    }
  }
  mem.expect_written_once(g.c, t.m * g.ldc);
}

TEST(GemmSpmKernel, ComputesAllOrdersAndRepeats) {
  for (const uint32_t order : {0u, 32u, 64u, 96u}) {
    for (const uint32_t format : {TSR_FORMAT_BF16, TSR_FORMAT_INT8, TSR_FORMAT_TF32}) {
      check_gemm_spm({20, 28, 33, format, order | TSR_GEMM_BIAS, 20});
      if (HasFatalFailure()) FAIL() << "order " << order << " format " << format;
    }
  }
  check_gemm_spm({64, 64, 64, TSR_FORMAT_FP8_E4M3, 0, 0, TSR_FORMAT_FP8_E5M2});
  check_gemm_spm({30, 17, 300, TSR_FORMAT_FP4_E2M1, TSR_GEMM_MX | TSR_GEMM_BIAS, 3});
  check_gemm_spm({30, 17, 300, TSR_FORMAT_FP8_E4M3, TSR_GEMM_MX | TSR_GEMM_A_TRANS, 1});
}

TEST(GemmSpmKernel, RefusesBadArguments) {
  Memory mem;
  const auto run = [&](auto change) {
    tsr_gemm_spm_args_t args{};
    args.gemm.m = args.gemm.n = args.gemm.k = 8;
    args.gemm.lda = args.gemm.ldb = 16;
    args.gemm.ldc = 32;
    change(args.gemm);
    return run_kernel(kernel_gemm_spm, mem.hbm, args);
  };
  EXPECT_EQ(run([](auto& g) { g.k = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& g) { g.format = TSR_FORMAT_INT4, g.k = 9; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& g) { g.format = TSR_FORMAT_INT16; }), TSR_KERNEL_BAD_FORMAT);
  EXPECT_EQ(run([](auto& g) { g.flags = 1u << 30; }), TSR_KERNEL_BAD_FORMAT);
  EXPECT_EQ(run([](auto& g) { g.format = TSR_FORMAT_INT4, g.flags = TSR_GEMM_B_TRANS; }),
            TSR_KERNEL_BAD_FORMAT);
  EXPECT_EQ(run([](auto& g) { g.m = 1000, g.n = 1000; }), TSR_KERNEL_NO_MEMORY);
}

// ---------------------------------------------------------------- conv

void check_conv(const tsr_conv_args_t& shape, uint32_t tiles) {
  Memory mem;
  tsr_conv_args_t t = shape;
  const uint32_t bits = format_bits(t.format);
  const bool depthwise = t.groups > 1 && t.groups == t.c && t.groups == t.k;
  const uint32_t group_c = t.c / t.groups, group_k = t.k / t.groups, tap = depthwise ? 8 : group_c;
  const uint32_t oh = (t.h + 2 * t.pad - t.dilation * (t.r - 1) - 1) / t.stride + 1;
  const uint32_t ow = (t.w + 2 * t.pad - t.dilation * (t.s - 1) - 1) / t.stride + 1;
  t.input = mem.place(t.n * t.h * t.w * t.c * bits / 8);
  t.filters = mem.place(t.k * t.r * t.s * tap * bits / 8);
  t.bias = mem.place(4 * t.k);
  t.output = mem.place(t.n * oh * ow * t.k * 4);
  std::vector<int> in(t.n * t.h * t.w * t.c), filter(t.k * t.r * t.s * tap), bias(t.k);
  for (size_t i = 0; i < in.size(); i++) in[i] = mem.put_random(t.input, t.format, i);
  for (size_t i = 0; i < filter.size(); i++) {
    if (depthwise && i % 8 != i / (t.r * t.s * 8) % 8) {
      put_element(mem.at(t.filters), t.format, i, 0);
    } else {
      filter[i] = mem.put_random(t.filters, t.format, i);
    }
  }
  const bool integer = t.format == TSR_FORMAT_INT8 || t.format == TSR_FORMAT_INT4;
  for (uint32_t k = 0; k < t.k; k++) {
    bias[k] = static_cast<int>(mem.rng() % 21) - 10;
    if (integer) {
      mem.put(t.bias + 4 * k, bias[k]);
    } else {
      mem.put(t.bias + 4 * k, static_cast<float>(bias[k]));
    }
  }
  ASSERT_EQ(run_kernel(kernel_conv, mem.hbm, t, tiles, 1), 0);
  for (uint32_t p = 0; p < t.n * oh * ow; p++) {
    const uint32_t n = p / (oh * ow), y = p / ow % oh, x = p % ow;
    for (uint32_t k = 0; k < t.k; k++) {
      int v = t.flags & TSR_GEMM_BIAS ? bias[k] : 0;
      for (uint32_t i = 0; i < t.r * t.s; i++) {
        const int iy =
            static_cast<int>(y * t.stride + i / t.s * t.dilation) - static_cast<int>(t.pad);
        const int ix =
            static_cast<int>(x * t.stride + i % t.s * t.dilation) - static_cast<int>(t.pad);
        if (iy < 0 || ix < 0 || iy >= static_cast<int>(t.h) || ix >= static_cast<int>(t.w))
          continue;
        const uint32_t pixel =
            ((n * t.h + static_cast<uint32_t>(iy)) * t.w + static_cast<uint32_t>(ix)) * t.c;
        for (uint32_t c = 0; c < group_c; c++) {
          v += in[pixel + k / group_k * group_c + c] *
               filter[(k * t.r * t.s + i) * tap + (depthwise ? k % 8 : c)];
        }
      }
      if (t.flags & TSR_GEMM_RELU) v = std::max(v, 0);
      const uint64_t at = t.output + 4 * (uint64_t{p} * t.k + k);
      const double got = integer ? mem.get<int32_t>(at) : static_cast<double>(mem.get<float>(at));
      ASSERT_EQ(got, v) << "n " << n << " y " << y << " x " << x << " k " << k;
    }
  }
  mem.expect_written_once(t.output, uint64_t{t.n} * oh * ow * t.k * 4);
}

tsr_conv_args_t conv(uint32_t n, uint32_t h, uint32_t w, uint32_t c, uint32_t k, uint32_t r,
                     uint32_t s, uint32_t stride, uint32_t dilation, uint32_t pad, uint32_t groups,
                     uint32_t format, uint32_t flags) {
  tsr_conv_args_t t{};
  t.n = n, t.h = h, t.w = w, t.c = c, t.k = k, t.r = r, t.s = s, t.stride = stride;
  t.dilation = dilation, t.pad = pad, t.groups = groups, t.format = format, t.flags = flags;
  t.repeat = 2;
  return t;
}

TEST(ConvKernel, ComputesConvolutions) {
  const uint32_t bias = TSR_GEMM_BIAS;
  const std::vector<tsr_conv_args_t> cases = {
      conv(1, 16, 16, 32, 16, 3, 3, 1, 1, 1, 1, TSR_FORMAT_INT8, bias | TSR_GEMM_RELU),
      conv(3, 9, 11, 12, 20, 3, 3, 2, 1, 1, 1, TSR_FORMAT_BF16, bias),
      conv(5, 7, 7, 16, 8, 5, 5, 1, 2, 4, 1, TSR_FORMAT_INT8, 0),
      conv(2, 8, 8, 24, 32, 1, 1, 1, 1, 0, 1, TSR_FORMAT_FP8_E4M3, bias),
      conv(2, 8, 9, 32, 16, 3, 3, 1, 1, 1, 2, TSR_FORMAT_FP16, bias),
      conv(2, 9, 9, 24, 24, 3, 3, 1, 1, 1, 24, TSR_FORMAT_INT8, bias),
      conv(1, 12, 12, 8, 8, 7, 7, 2, 1, 3, 1, TSR_FORMAT_TF32, 0),
  };
  for (size_t i = 0; i < cases.size(); i++) {
    check_conv(cases[i], 1 + static_cast<uint32_t>(i % 3));
    if (HasFatalFailure()) FAIL() << "case " << i;
  }
}

TEST(ConvKernel, RefusesBadArguments) {
  Memory mem;
  const auto run = [&](auto change) {
    tsr_conv_args_t t = conv(1, 8, 8, 8, 8, 3, 3, 1, 1, 1, 1, TSR_FORMAT_INT8, 0);
    change(t);
    return run_kernel(kernel_conv, mem.hbm, t);
  };
  EXPECT_EQ(run([](auto& t) { t.n = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.groups = 3; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.stride = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.pad = 16; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.r = 11; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.format = TSR_FORMAT_E8M0; }), TSR_KERNEL_BAD_FORMAT);
  EXPECT_EQ(run([](auto& t) { t.h = t.w = 300; }), TSR_KERNEL_NO_MEMORY);
}

// ---------------------------------------------------------------- vector

/// Program words, from the layout in tsr_ve_pkg.sv.
struct VeProgram {
  std::array<uint32_t, 32> w{};
  uint32_t stages = 0;

  VeProgram() {
    for (uint32_t s = 0; s < 8; s++) w[2 * s + 1] = 4u << 3;  // pass, to nowhere
  }
  VeProgram& stage(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t dst, uint32_t at) {
    const uint64_t word = op | a << 6 | b << 13 | c << 20 | dst << 35;
    w[2 * at] = static_cast<uint32_t>(word);
    w[2 * at + 1] = static_cast<uint32_t>(word >> 32);
    return *this;
  }
  uint32_t& io(uint32_t word) { return w[16 + word]; }
};
constexpr uint64_t V0 = 0, V1 = 1, K0 = 8, OpFma = 32, OpSub = 35;
constexpr uint32_t En = 1 << 4, InScalar = 1 << 8, InSkip = 1 << 13, OutSkip = 1 << 21;
constexpr uint32_t OutScalar = 1 << 14, OutOnLast = 1 << 15;

/// y = x * gain + scalar: BF16 rows, one row of gains for all, FP32 results.
void check_scale(uint32_t rows, uint32_t cols, uint32_t tiles, uint32_t repeat) {
  Memory mem;
  VeProgram p;
  p.stage(OpFma, V0, V1, K0, V0, 0);
  p.io(8) = TSR_FORMAT_BF16 | En | InSkip;
  p.io(9) = TSR_FORMAT_FP32 | En | InSkip;
  p.io(11) = TSR_FORMAT_FP32 | En | OutSkip;
  p.io(15) = 1;  // constant 0 comes from the command
  tsr_vec_program_t v{};
  v.buffers = 3;
  v.passes = 1;
  v.buffer[0] = {mem.place(rows * (2 * cols + 6)), 2 * cols + 6, cols, 16, TSR_VEC_IN};
  v.buffer[1] = {mem.place(4 * cols), 0, cols, 32, TSR_VEC_IN | TSR_VEC_SHARED};
  v.buffer[2] = {mem.place(rows * 4 * cols), 4 * cols, cols, 32, TSR_VEC_OUT};
  std::copy(p.w.begin(), p.w.end(), v.pass[0].program);
  const float shift = 0.25f;
  std::memcpy(&v.pass[0].scalar[0], &shift, 4);
  const uint8_t ports[5] = {0, 1, TSR_VEC_NONE, 2, TSR_VEC_NONE};
  std::copy_n(ports, 5, v.pass[0].buffer);
  std::vector<int> x(rows * cols), gain(cols);
  for (uint32_t i = 0; i < rows * cols; i++) {
    x[i] = mem.put_random(v.buffer[0].address + i / cols * v.buffer[0].pitch, TSR_FORMAT_BF16,
                          i % cols);
  }
  for (uint32_t j = 0; j < cols; j++) {
    gain[j] = mem.put_random(v.buffer[1].address, TSR_FORMAT_FP32, j);
  }
  const uint64_t at = mem.place(sizeof(v));
  std::memcpy(mem.at(at), &v, sizeof(v));
  uint64_t commands = 0;
  ASSERT_EQ(run_kernel(kernel_vector, mem.hbm, tsr_vec_args_t{at, rows, repeat}, tiles, 1,
                       [&](FakeChip& c) { commands = c.tile(0, 0).commands(FakeTile::Ve); }),
            0);
  if (repeat > 0) {
    EXPECT_EQ(commands, 1u + repeat);
  }
  for (uint32_t i = 0; i < rows * cols; i++) {
    const float want = static_cast<float>(x[i] * gain[i % cols]) + shift;
    ASSERT_EQ(mem.get<float>(v.buffer[2].address + 4 * i), want) << i;
  }
  mem.expect_written_once(v.buffer[2].address, 4ull * rows * cols);
}

TEST(VectorKernel, StreamsBlocksOfRows) {
  check_scale(1, 16, 1, 0);
  check_scale(7, 100, 1, 0);
  check_scale(300, 200, 1, 0);  // many blocks, the last one shorter
  check_scale(301, 200, 3, 0);
  check_scale(3, 5000, 2, 0);  // a row a block
  check_scale(2, 64, 4, 0);    // tiles without rows
}

TEST(VectorKernel, RepeatsInTheScratchpad) {
  check_scale(8, 512, 1, 12);
  check_scale(9, 100, 3, 2);
}

/// Two passes: the maximum of each row into a packed buffer, then x - maximum; both are results.
TEST(VectorKernel, PassesRowResultsOn) {
  const uint32_t rows = 210, cols = 90;
  Memory mem;
  VeProgram max, sub;
  max.io(8) = TSR_FORMAT_FP32 | En | InSkip;
  max.io(11) = TSR_FORMAT_FP32 | En | 4 << 5 | OutScalar | OutOnLast;  // value at the end of loop 0
  max.io(13) = 2;  // maximum of V0 until last[0]
  sub.stage(OpSub, V0, V1, 0, V0, 0);
  sub.io(8) = TSR_FORMAT_FP32 | En | InSkip;
  sub.io(9) = TSR_FORMAT_FP32 | En | InScalar;  // held until last[0]
  sub.io(11) = TSR_FORMAT_FP32 | En | OutSkip;
  tsr_vec_program_t v{};
  v.buffers = 3;
  v.passes = 2;
  v.buffer[0] = {mem.place(rows * 4 * cols), 4 * cols, cols, 32, TSR_VEC_IN};
  v.buffer[1] = {mem.place(rows * 4), 0, 1, 32, TSR_VEC_OUT | TSR_VEC_PACKED};
  v.buffer[2] = {mem.place(rows * 4 * cols), 4 * cols, cols, 32, TSR_VEC_OUT};
  std::copy(max.w.begin(), max.w.end(), v.pass[0].program);
  std::copy(sub.w.begin(), sub.w.end(), v.pass[1].program);
  const uint8_t first[5] = {0, TSR_VEC_NONE, TSR_VEC_NONE, 1, TSR_VEC_NONE};
  const uint8_t second[5] = {0, 1, TSR_VEC_NONE, 2, TSR_VEC_NONE};
  std::copy_n(first, 5, v.pass[0].buffer);
  std::copy_n(second, 5, v.pass[1].buffer);
  std::vector<int> x(rows * cols);
  for (uint32_t i = 0; i < rows * cols; i++) {
    x[i] = mem.put_random(v.buffer[0].address, TSR_FORMAT_FP32, i);
  }
  const uint64_t at = mem.place(sizeof(v));
  std::memcpy(mem.at(at), &v, sizeof(v));
  ASSERT_EQ(run_kernel(kernel_vector, mem.hbm, tsr_vec_args_t{at, rows, 0}, 2, 1), 0);
  for (uint32_t i = 0; i < rows; i++) {
    const int most = *std::max_element(&x[i * cols], &x[i * cols] + cols);
    ASSERT_EQ(mem.get<float>(v.buffer[1].address + 4 * i), static_cast<float>(most)) << i;
    for (uint32_t j = 0; j < cols; j++) {
      ASSERT_EQ(mem.get<float>(v.buffer[2].address + 4 * (i * cols + j)),
                static_cast<float>(x[i * cols + j] - most));
    }
  }
}

TEST(VectorKernel, RefusesBadDescriptions) {
  const auto run = [&](auto change) {
    Memory mem;
    VeProgram p;
    p.io(8) = TSR_FORMAT_FP32 | En;
    p.io(11) = TSR_FORMAT_FP32 | En;
    tsr_vec_program_t v{};
    v.buffers = 2;
    v.passes = 1;
    v.buffer[0] = {4096, 64, 16, 32, TSR_VEC_IN};
    v.buffer[1] = {8192, 64, 16, 32, TSR_VEC_OUT};
    std::copy(p.w.begin(), p.w.end(), v.pass[0].program);
    const uint8_t ports[5] = {0, TSR_VEC_NONE, TSR_VEC_NONE, 1, TSR_VEC_NONE};
    std::copy_n(ports, 5, v.pass[0].buffer);
    change(v);
    std::memcpy(mem.at(1024), &v, sizeof(v));
    return run_kernel(kernel_vector, mem.hbm, tsr_vec_args_t{1024, 8, 0});
  };
  EXPECT_EQ(run([](auto&) {}), 0);
  EXPECT_EQ(run([](auto& v) { v.buffers = 9; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.passes = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.pass[0].buffer[0] = 2; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.buffer[0].bits = 12; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.buffer[0].bits = 4, v.buffer[0].elements = 3; }),
            TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.buffer[1].flags = 3; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.buffer[1].flags = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& v) { v.buffer[0].elements = 100000; }), TSR_KERNEL_NO_MEMORY);
}

// ---------------------------------------------------------------- classify

/// Logits of a random network on `w` x 1 tiles; rows of HBM have gaps.
void check_classify(uint32_t samples, uint32_t classes, uint32_t w) {
  Memory mem;
  tsr_classify_args_t args{};
  args.samples = samples;
  args.classes = classes;
  args.logits_pitch = 4 * classes + 12;
  args.probabilities_pitch = 4 * classes;
  args.logits = mem.place(samples * args.logits_pitch);
  args.probabilities = mem.place(4 * samples * classes);
  args.answers = mem.place(4 * samples);
  for (uint32_t i = 0; i < samples * classes; i++) {
    const uint64_t row = args.logits + i / classes * args.logits_pitch;
    mem.put(row + 4 * (i % classes), static_cast<float>(mem.rng() % 200) / 8 - 12);
  }
  ASSERT_EQ(run_kernel(kernel_classify, mem.hbm, args, w, 1,
                       [&](FakeChip& chip) {
                         EXPECT_GT(chip.tile(0, 0).commands(FakeTile::Ve), 0u);
                         EXPECT_GT(chip.tile(0, 0).commands(FakeTile::Tdma), 0u);
                       }),
            0);
  for (uint32_t i = 0; i < samples; i++) {
    std::vector<float> x(classes);
    std::memcpy(x.data(), mem.at(args.logits + i * args.logits_pitch), 4 * classes);
    const auto top = std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<double>(v - *top));
    ASSERT_EQ(mem.get<int32_t>(args.answers + 4 * i), top - x.begin()) << i;
    for (uint32_t j = 0; j < classes; j++) {
      const double want = std::exp(static_cast<double>(x[j] - *top)) / sum;
      const double got = mem.get<float>(args.probabilities + 4 * (i * classes + j));
      ASSERT_NEAR(got, want, 0x1p-17 * want) << i << ", " << j;
    }
  }
  for (uint64_t at = 0; at < mem.hbm.data.size(); at++) {
    const bool inside =
        (at >= args.probabilities && at < args.probabilities + 4ull * samples * classes) ||
        (at >= args.answers && at < args.answers + 4ull * samples);
    ASSERT_EQ(mem.hbm.written[at], inside ? 1 : 0) << "byte " << at;
  }
}

TEST(ClassifyKernel, GivesProbabilitiesAndAnswers) {
  check_classify(1, 10, 1);
  check_classify(16, 10, 1);
  check_classify(47, 10, 3);
  check_classify(256, 1, 2);
  check_classify(1500, 10, 1);  // many blocks, the last one shorter
  check_classify(300, 255, 2);
  check_classify(5, 10, 8);  // tiles without samples
}

TEST(ClassifyKernel, PicksTheFirstOfEqualsAndIgnoresNan) {
  Memory mem;
  const float nan = std::nanf("");
  const std::vector<std::vector<float>> rows = {
      {1, 5, 5, 2}, {-3, nan, -3, -4}, {nan, nan, nan, nan}, {-0.0f, 0.0f, -1, 0.0f}};
  tsr_classify_args_t args{4, 4, 16, 16, mem.place(64), mem.place(64), mem.place(16)};
  for (uint32_t i = 0; i < 4; i++) std::memcpy(mem.at(args.logits + 16 * i), rows[i].data(), 16);
  ASSERT_EQ(run_kernel(kernel_classify, mem.hbm, args), 0);
  const std::vector<int32_t> want = {1, 0, 255, 0};
  for (uint32_t i = 0; i < 4; i++) EXPECT_EQ(mem.get<int32_t>(args.answers + 4 * i), want[i]) << i;
}

TEST(ClassifyKernel, RefusesBadArguments) {
  Memory mem;
  const auto run = [&](auto change) {
    tsr_classify_args_t args{8, 10, 40, 40, 0, 0, 0};
    change(args);
    return run_kernel(kernel_classify, mem.hbm, args);
  };
  EXPECT_EQ(run([](auto& a) { a.samples = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.classes = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.classes = 256; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.logits_pitch = 36; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& a) { a.probabilities_pitch = 36; }), TSR_KERNEL_BAD_SHAPE);
}

// ---------------------------------------------------------------- layout

uint32_t get_bits(const uint8_t* base, uint32_t bits, uint64_t index) {
  if (bits == 4) return base[index / 2] >> 4 * (index % 2) & 15;
  uint32_t v = 0;
  std::memcpy(&v, base + index * (bits / 8), bits / 8);
  return v;
}

/// Runs the operation and compares with `source(batch, row, column)`: the place in the input that
/// the output's element comes from, or a negative row for the pattern.
void check_layout(tsr_layout_args_t t, uint32_t out_rows, uint32_t out_cols, uint32_t tiles,
                  const std::function<std::pair<int64_t, int64_t>(uint32_t, uint32_t)>& source) {
  Memory mem;
  t.input = mem.place(uint64_t{t.batch} * t.rows * t.cols * t.bits / 8);
  const uint64_t out_bytes = uint64_t{t.batch} * out_rows * out_cols * t.bits / 8;
  t.output = mem.place(out_bytes);
  t.repeat = 2;
  const auto before = mem.hbm.data;
  ASSERT_EQ(run_kernel(kernel_layout, mem.hbm, t, tiles, 1), 0);
  for (uint32_t n = 0; n < t.batch; n++) {
    for (uint32_t r = 0; r < out_rows; r++) {
      for (uint32_t c = 0; c < out_cols; c++) {
        const auto [row, col] = source(r, c);
        const uint64_t from = (uint64_t{n} * t.rows + static_cast<uint64_t>(row)) * t.cols +
                              static_cast<uint64_t>(col);
        const uint32_t want = row < 0 ? t.pattern & (t.bits == 32 ? ~0u : (1u << t.bits) - 1)
                                      : get_bits(&before[t.input], t.bits, from);
        ASSERT_EQ(get_bits(mem.at(t.output), t.bits, (uint64_t{n} * out_rows + r) * out_cols + c),
                  want)
            << "op " << t.op << " bits " << t.bits << ": " << n << ", " << r << ", " << c;
      }
    }
  }
  mem.expect_written_once(t.output, out_bytes);
}

TEST(LayoutKernel, TurnsAndMirrors) {
  for (const uint32_t bits : {4u, 8u, 16u, 32u}) {
    for (uint32_t op = TSR_LAYOUT_TRANSPOSE; op <= TSR_LAYOUT_COPY; op++) {
      tsr_layout_args_t t{};
      t.op = op;
      t.bits = bits;
      t.rows = 22;
      t.cols = 38;
      t.batch = 3;
      const int64_t last_r = t.rows - 1, last_c = t.cols - 1;
      const bool turn = op <= TSR_LAYOUT_ANTI_TRANSPOSE;
      check_layout(t, turn ? t.cols : t.rows, turn ? t.rows : t.cols, 1 + op % 2,
                   [&](uint32_t r, uint32_t c) -> std::pair<int64_t, int64_t> {
                     switch (op) {
                       case TSR_LAYOUT_TRANSPOSE:
                         return {c, r};
                       case TSR_LAYOUT_ROTATE90:
                         return {last_r - c, r};
                       case TSR_LAYOUT_ROTATE270:
                         return {c, last_c - r};
                       case TSR_LAYOUT_ANTI_TRANSPOSE:
                         return {last_r - c, last_c - r};
                       case TSR_LAYOUT_MIRROR_X:
                         return {r, last_c - c};
                       case TSR_LAYOUT_MIRROR_Y:
                         return {last_r - r, c};
                       case TSR_LAYOUT_ROTATE180:
                         return {last_r - r, last_c - c};
                       default:
                         return {r, c};
                     }
                   });
      if (HasFatalFailure()) return;
    }
  }
}

TEST(LayoutKernel, PadsAndFills) {
  tsr_layout_args_t t{};
  t.op = TSR_LAYOUT_PAD;
  t.bits = 16;
  t.rows = 9, t.cols = 13, t.batch = 2;
  t.top = 1, t.bottom = 2, t.left = 3, t.right = 4;
  t.pattern = 0x12341234;
  check_layout(t, 12, 20, 2, [&](uint32_t r, uint32_t c) -> std::pair<int64_t, int64_t> {
    const bool inside = r >= 1 && r < 10 && c >= 3 && c < 16;
    return inside ? std::pair<int64_t, int64_t>{r - 1, c - 3} : std::pair<int64_t, int64_t>{-1, 0};
  });
  t = {};
  t.op = TSR_LAYOUT_FILL;
  t.bits = 8;
  t.rows = 5, t.cols = 77, t.batch = 1;
  t.pattern = 0xa5a5a5a5;
  check_layout(t, 5, 77, 1, [](uint32_t, uint32_t) { return std::pair<int64_t, int64_t>{-1, 0}; });
}

TEST(LayoutKernel, GathersAndScattersRows) {
  for (const bool gather : {true, false}) {
    Memory mem;
    tsr_layout_args_t t{};
    t.op = gather ? TSR_LAYOUT_GATHER : TSR_LAYOUT_SCATTER;
    t.bits = 16;
    t.rows = gather ? 40 : 30;
    t.out_rows = gather ? 50 : 45;
    t.cols = 21;
    t.batch = 1;
    const uint32_t row = 2 * t.cols, count = gather ? t.out_rows : t.rows;
    t.input = mem.place(t.rows * row);
    t.output = mem.place(t.out_rows * row);
    t.index = mem.place(4 * count);
    std::vector<uint32_t> index(count);
    for (uint32_t i = 0; i < count; i++) {
      index[i] = gather ? static_cast<uint32_t>(mem.rng() % t.rows) : (i * 7) % t.out_rows;
      mem.put(t.index + 4 * i, index[i]);
    }
    const auto before = mem.hbm.data;
    ASSERT_EQ(run_kernel(kernel_layout, mem.hbm, t), 0);
    std::vector<uint8_t> want(&before[t.output], &before[t.output] + t.out_rows * row);
    for (uint32_t i = 0; i < count; i++) {
      const uint32_t from = gather ? index[i] : i, to = gather ? i : index[i];
      std::memcpy(&want[to * row], &before[t.input + from * row], row);
    }
    EXPECT_TRUE(std::equal(want.begin(), want.end(), mem.at(t.output)));
  }
}

TEST(LayoutKernel, RefusesBadArguments) {
  Memory mem;
  const auto run = [&](auto change) {
    tsr_layout_args_t t{};
    t.bits = 8;
    t.rows = t.cols = 16;
    t.batch = 1;
    change(t);
    return run_kernel(kernel_layout, mem.hbm, t);
  };
  EXPECT_EQ(run([](auto&) {}), 0);
  EXPECT_EQ(run([](auto& t) { t.op = 12; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.bits = 64; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.rows = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.batch = 0; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.bits = 4, t.rows = 15; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.op = TSR_LAYOUT_GATHER; }), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run([](auto& t) { t.rows = t.cols = 1000; }), TSR_KERNEL_NO_MEMORY);
}

// ---------------------------------------------------------------- streams

constexpr uint32_t StreamProgram = 0x8000, StreamSteps = 12, StreamBurst = 512, StreamSamples = 8;

/// Every tile copies its part of memory, 64 bytes of each 128, to a dense one. Host's part.
void write_stream_program(uint32_t tile, uint64_t source, uint64_t target) {
  struct {
    tsr_stream_program_t head;
    tsr_stream_step_t steps[2 * StreamSteps];
  } program{};
  program.head.reads = program.head.writes = StreamSteps;
  program.head.credits = 3;
  program.head.interval = 50;
  program.head.max_samples = StreamSamples;
  program.head.shape[0] = {64, {128, 512, 0}, {4, 2, 1}, 0};
  program.head.shape[1] = {StreamBurst, {0, 0, 0}, {1, 1, 1}, 0};
  for (uint32_t i = 0; i < StreamSteps; i++) {
    const uint32_t n = tile * StreamSteps + i, spm = i * StreamBurst;
    program.steps[i] = {source + 2 * StreamBurst * n, spm, 0, 1, 1, 0};
    program.steps[StreamSteps + i] = {target + StreamBurst * n, spm, 1, 1, 1, 0};
  }
  std::array<uint32_t, sizeof(program) / 4> words;
  std::memcpy(words.data(), &program, sizeof(program));
  for (uint32_t i = 0; i < words.size(); i++) tsr_spm_write(StreamProgram + 4 * i, words[i]);
}

struct StreamCase {
  uint64_t source = 0, target = 0;
} stream_case;

int run_stream(const tsr_launch_t* launch) {
  const uint32_t steps = StreamProgram + sizeof(tsr_stream_program_t);
  write_stream_program(tsr_tile_index(launch), stream_case.source, stream_case.target);
  const int result = kernel_stream(launch);
  if (result != 0) return result;
  const uint32_t samples = tsr_spm_read(StreamProgram + offsetof(tsr_stream_program_t, samples));
  const uint32_t last = steps + 2 * StreamSteps * sizeof(tsr_stream_step_t) +
                        (samples - 1) * sizeof(tsr_stream_sample_t);
  EXPECT_GE(samples, 2u);
  EXPECT_LE(samples, StreamSamples);
  EXPECT_EQ(tsr_spm_read(last + 4), StreamSteps * StreamBurst);
  EXPECT_EQ(tsr_spm_read(last + 8), StreamSteps * StreamBurst);
  return 0;
}

TEST(StreamKernel, CopiesThroughTheScratchpadWithCoupledLists) {
  Memory mem;
  constexpr uint32_t Tiles = 4, Bytes = Tiles * StreamSteps * StreamBurst;
  stream_case = {mem.place(2 * Bytes), mem.place(Bytes)};
  const tsr_stream_args_t args{StreamProgram, 0};
  EXPECT_EQ(run_kernel(run_stream, mem.hbm, args, 2, 2), 0);
  for (uint32_t i = 0; i < Bytes; i++) {
    ASSERT_EQ(*mem.at(stream_case.target + i),
              mem.before[stream_case.source + i / 64 * 128 + i % 64])
        << i;
  }
  mem.expect_written_once(stream_case.target, Bytes);
}

TEST(StreamKernel, RefusesBadArguments) {
  Memory mem;
  stream_case = {mem.place(4096), mem.place(4096)};
  EXPECT_EQ(run_kernel(kernel_stream, mem.hbm, tsr_stream_args_t{100, 0}), TSR_KERNEL_BAD_SHAPE);
  EXPECT_EQ(run_kernel(kernel_stream, mem.hbm, tsr_stream_args_t{1u << 30, 0}),
            TSR_KERNEL_BAD_SHAPE);
  // An empty scratchpad: no room for samples.
  EXPECT_EQ(run_kernel(kernel_stream, mem.hbm, tsr_stream_args_t{0, 0}), TSR_KERNEL_NO_MEMORY);
}

}  // namespace
}  // namespace tsr
