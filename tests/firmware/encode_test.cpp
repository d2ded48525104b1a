// SPDX-License-Identifier: Apache-2.0
// Contexts that the drivers encode, executed from the hardware's description, against plain loops
// over the matrices and pictures that they describe.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>

#include "bus.hpp"
#include "engines/tdma.hpp"
#include "me_exec.hpp"

extern "C" {
#include "drivers/agu.h"
#include "drivers/me.h"
#include "drivers/tdma.h"
#include "drivers/ve.h"
}

namespace tsr {
namespace {

constexpr size_t SpmBytes = 262144;

uint64_t seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

int scale_knob() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? std::atoi(text) : 1;
}

uint32_t row_word(const uint32_t* row, uint32_t word) { return row[word]; }

// ---------------------------------------------------------------- address generator

TEST(AguEncoder, WalksPlainStrides) {
  std::mt19937_64 rng(seed());
  std::cout << "seed " << seed() << "\n";
  for (int n = 0; n < 200 * scale_knob(); n++) {
    tsr_agu_t agu = {};
    agu.w_log2 = rng() % 4;
    agu.pitch = 8 * (rng() % 300);
    const bool window = rng() % 2;
    uint64_t total = 1;
    for (auto& l : agu.loop) {
      l.count = static_cast<uint32_t>(rng() % 5);
      total *= std::max(l.count, 1u);
      l.stride = 8 * (static_cast<int>(rng() % 2001) - 1000);
      if (window) {
        l.dx = static_cast<int>(rng() % 41) - 20;
        l.dy = static_cast<int>(rng() % 21) - 10;
      }
    }
    if (window) {
      agu.win_w = static_cast<uint32_t>(1 + rng() % 60);
      agu.win_h = static_cast<uint32_t>(1 + rng() % 40);
      agu.pad_x = rng() % 16;
      agu.pad_y = rng() % 16;
      agu.xstep = rng() % 4;
    }
    uint32_t row[16];
    ASSERT_EQ(tsr_agu_encode(&agu, row), TSR_OK);
    const uint32_t base = static_cast<uint32_t>(rng() % 0x3fffff) & ~7u;
    const auto accesses = walk([&](uint32_t w) { return row_word(row, w); }, base);
    ASSERT_EQ(accesses.size(), total);
    for (uint64_t a = 0; a < total; a++) {
      int64_t address = base;
      int x = -static_cast<int>(agu.pad_x), y = -static_cast<int>(agu.pad_y);
      uint64_t left = a;
      for (const auto& l : agu.loop) {
        const uint64_t i = left % std::max(l.count, 1u);
        left /= std::max(l.count, 1u);
        address += static_cast<int64_t>(i) * l.stride;
        x += static_cast<int>(i) * l.dx;
        y += static_cast<int>(i) * l.dy;
      }
      const uint32_t w = 1u << agu.w_log2;
      for (uint32_t l = 0; l < 8; l++) {
        const int column = x + static_cast<int>(l / w * agu.xstep);
        const bool in = !window || (y >= 0 && y < static_cast<int>(agu.win_h) && column >= 0 &&
                                    column < static_cast<int>(agu.win_w));
        ASSERT_EQ(accesses[a].mask[l], in ? 0xff : 0) << n << " access " << a;
        ASSERT_EQ(accesses[a].lane[l], (address + l / w * agu.pitch + l % w * 8) & 0x3fffff);
      }
    }
  }
}

TEST(AguEncoder, EncodesEdgesTransposeAndGather) {
  tsr_agu_t agu = {};
  agu.w_log2 = 1;
  agu.xpose = TSR_XPOSE_B2;
  agu.edge_rows = 16;
  agu.edge_rows_loop = 5;
  agu.edge_rows_over_0 = true;
  agu.edge_bytes = 64;
  agu.edge_bytes_loop = 4;
  agu.gather = true;
  agu.gather_loop = 6;
  uint32_t row[16];
  ASSERT_EQ(tsr_agu_encode(&agu, row), TSR_OK);
  EXPECT_EQ(row[2], 1u | 2 << 2 | 1 << 4 | 5 << 5 | 1 << 8 | 0 << 12 | 1 << 16 | 4 << 17 | 6 << 20 |
                        64u << 24 | 1u << 31);
}

TEST(AguEncoder, RefusesWhatTheHardwareCannot) {
  const auto encode = [](auto change) {
    tsr_agu_t agu = {};
    agu.loop[0] = {4, 8, 0, 0};
    agu.loop[1] = {4, 64, 1, 1};
    change(agu);
    uint32_t row[16];
    return tsr_agu_encode(&agu, row);
  };
  EXPECT_EQ(encode([](auto&) {}), TSR_OK);
  EXPECT_EQ(encode([](auto& a) { a.pitch = 12; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.loop[0].stride = 4; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.loop[0].count = 65536; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.w_log2 = 4; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.xpose = TSR_XPOSE_B4; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.edge_rows = 17; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.edge_bytes_loop = 6; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.win_w = 4096; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.win_w = 10, a.pad_x = 16; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.win_w = 10, a.loop[1].dy = 512; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& a) { a.win_w = 10, a.loop[1].dx = 40000; }), TSR_INVALID);
}

TEST(AguEncoder, RowsEndWithPartialBeats) {
  const auto agu = tsr_agu_rows(3, 100, 104);
  uint32_t row[16];
  ASSERT_EQ(tsr_agu_encode(&agu, row), TSR_OK);
  const auto accesses = walk([&](uint32_t w) { return row_word(row, w); }, 800);
  ASSERT_EQ(accesses.size(), 6u);
  for (uint32_t i = 0; i < 6; i++) {
    EXPECT_EQ(accesses[i].lane[0], 800 + i / 2 * 104 + i % 2 * 64);
    EXPECT_EQ(accesses[i].mask[4], i % 2 ? 0x0f : 0xff);
    EXPECT_EQ(accesses[i].mask[5], i % 2 ? 0 : 0xff);
    EXPECT_EQ(accesses[i].last & 1, i % 2);
  }
}

// ---------------------------------------------------------------- matrix engine

/// A scratchpad whose content is random, and a place for each operand.
class Image {
 public:
  explicit Image(uint64_t s) : spm(SpmBytes), rng(s) {
    for (auto& b : spm) b = static_cast<uint8_t>(rng());  // NaN where a mask is missing
  }

  uint32_t place(uint32_t bytes) {
    const uint32_t at = next_;
    next_ += (bytes + 7) / 8 * 8 + 8 * (rng() % 3);
    if (next_ > SpmBytes) throw std::runtime_error("the test's operands do not fit");
    return at;
  }

  double put_random(uint32_t at, uint32_t format, uint64_t index) {
    const int most = format_bits(format) >= 16 || format == TSR_ME_INT8 ? 7 : 3;
    const int v = static_cast<int>(rng() % (2 * most + 1)) - most;
    put_element(&spm[at], format, index, format_encode(format, v));
    return v;
  }

  std::vector<uint8_t> spm;
  std::mt19937_64 rng;

 private:
  uint32_t next_ = 64;
};

/// A driver's context in the store's rows, as it gets there over the bus.
ContextWords store(RegisterBus& bus) {
  return [&bus](uint32_t row, uint32_t word) {
    return bus.memory[TSR_CTX_BASE + 512 + row * 64 + word * 4];
  };
}

void expect_result(const std::vector<uint8_t>& spm, uint32_t at, double v, bool integer,
                   bool half) {
  uint32_t want = static_cast<uint32_t>(static_cast<int64_t>(v)), got = 0;
  if (!integer) {
    const float f = static_cast<float>(v);
    std::memcpy(&want, &f, 4);
    if (half) want >>= 16;
  }
  std::memcpy(&got, &spm[at], half ? 2 : 4);
  ASSERT_EQ(got, want) << "at " << at;
}

struct GemmCase {
  uint32_t format, format_b;
  bool mx, a_trans, b_trans, half, relu;
  tsr_me_preload_t preload;
  uint32_t m, n, k, batch, pieces;
};

void check_gemm(const GemmCase& t, uint64_t s) {
  Image image(s);
  auto& rng = image.rng;
  const uint32_t bits = format_bits(t.format);
  const uint32_t second = t.format_b == 0 ? t.format : t.format_b;
  const uint32_t pieces = std::max(t.pieces, 1u), batch = std::max(t.batch, 1u);
  const auto slack = [&] { return 8 * static_cast<uint32_t>(rng() % 3); };
  const auto words = [](uint32_t bytes) { return (bytes + 7) / 8 * 8; };
  tsr_me_gemm_t g = {};
  g.format = static_cast<tsr_me_format_t>(t.format);
  g.format_b = static_cast<tsr_me_format_t>(t.format_b);
  g.relu = t.relu;
  g.out_bf16 = t.half;
  g.mx = t.mx;
  g.a_trans = t.a_trans;
  g.b_trans = t.b_trans;
  g.preload = t.preload;
  g.rows = t.m;
  g.cols = t.n;
  g.k_bytes = t.k * bits / 8;
  g.a_pitch = words((t.a_trans ? t.m : t.k) * bits / 8 + 7) + slack();
  g.b_pitch = words((t.b_trans ? t.n : t.k) * bits / 8 + 7) + slack();
  g.c_pitch = words(4 * t.n) + slack();
  g.o_pitch = words((t.half ? 2 : 4) * t.n) + slack();
  const uint32_t blocks = (t.k + 31) / 32;
  g.a_scale_pitch = words(blocks) + slack();
  g.b_scale_pitch = words(blocks) + slack();
  // A column of 8 elements is read beyond an edge: the rows exist, the values do not count.
  const uint32_t a_one = ((t.a_trans ? t.k : t.m) + 8) * g.a_pitch;
  const uint32_t b_one = ((t.b_trans ? t.k : t.n) + 8) * g.b_pitch;
  g.k_pieces = t.pieces;
  g.a_piece = a_one + slack();
  g.b_piece = b_one + slack();
  g.batch = t.batch;
  g.a_batch = g.a_piece * pieces;
  g.b_batch = rng() % 4 == 0 ? 0 : g.b_piece * pieces;  // 0: the same operand again
  g.c_batch = t.preload == TSR_ME_PRELOAD_MATRIX ? (t.m + 8) * g.c_pitch : g.c_pitch;
  g.o_batch = (t.m + 8) * g.o_pitch;
  g.a_scale_batch = (t.m + 8) * g.a_scale_pitch;
  g.b_scale_batch = g.b_batch == 0 ? 0 : (t.n + 8) * g.b_scale_pitch;
  const uint32_t a = image.place(batch * g.a_batch), b = image.place(batch * g.b_piece * pieces);
  const uint32_t c = image.place(batch * g.c_batch), o = image.place(batch * g.o_batch);
  const uint32_t sa = image.place(t.mx ? batch * g.a_scale_batch : 0);
  const uint32_t sb = image.place(t.mx ? batch * (t.n + 8) * g.b_scale_pitch : 0);
  auto& spm = image.spm;

  // Fill the operands element by element, at addresses that follow from the description.
  const auto fill = [&](uint32_t base, uint32_t rows, uint32_t pitch, bool trans, uint32_t format,
                        uint32_t piece, uint32_t step) {
    for (uint32_t n = 0; n < batch; n++) {
      for (uint32_t p = 0; p < pieces; p++) {
        for (uint32_t i = 0; i < rows; i++) {
          for (uint32_t k = 0; k < t.k; k++) {
            const uint32_t at = base + n * step + p * piece;
            image.put_random(at + (trans ? k : i) * pitch, format, trans ? i : k);
          }
        }
      }
    }
  };
  fill(a, t.m, g.a_pitch, t.a_trans, t.format, g.a_piece, g.a_batch);
  fill(b, t.n, g.b_pitch, t.b_trans, second, g.b_piece, g.b_batch);
  const bool integer = !t.mx && (t.format == TSR_ME_INT8 || t.format == TSR_ME_INT4);
  for (uint32_t at = c; at < c + batch * g.c_batch; at += 4) {
    const int v = static_cast<int>(rng() % 101) - 50;
    const float f = static_cast<float>(v);
    if (integer) {
      std::memcpy(&spm[at], &v, 4);
    } else {
      std::memcpy(&spm[at], &f, 4);
    }
  }
  for (uint32_t at = sa; t.mx && at < sb + batch * (t.n + 8) * g.b_scale_pitch; at++) {
    spm[at] = static_cast<uint8_t>(125 + rng() % 5);
  }

  tsr_me_context_t context;
  ASSERT_EQ(tsr_me_encode(&g, &context), TSR_OK);
  RegisterBus bus;
  const tsr_me_t h = {{TSR_CTX_BASE}};
  ASSERT_EQ(tsr_me_set_context(&h, 1, &context), TSR_OK);
  tsr_cmd_t cmd;
  tsr_me_gemm_cmd(&cmd, 1, 0, a, b, c, o);
  tsr_me_scales(&cmd, sa, sb);
  std::array<uint32_t, 16> command;
  std::copy_n(cmd.w, 16, command.begin());
  auto after = spm;
  ASSERT_NO_THROW(me_execute(store(bus), command, after, nullptr));

  const auto value = [&](uint32_t base, uint32_t pitch, bool trans, uint32_t format, uint32_t row,
                         uint32_t k) {
    const uint32_t at = base + (trans ? k : row) * pitch;
    return format_decode(format, get_element(&spm[at], format, trans ? row : k));
  };
  const auto scale = [&](uint32_t base, uint32_t pitch, uint32_t row, uint32_t k) {
    return t.mx ? std::ldexp(1.0, spm[base + row * pitch + k / 32] - 127) : 1.0;
  };
  const uint32_t size = t.half ? 2 : 4;
  std::vector<bool> written(SpmBytes);
  for (uint32_t n = 0; n < batch; n++) {
    for (uint32_t i = 0; i < t.m; i++) {
      for (uint32_t j = 0; j < t.n; j++) {
        double v = 0;
        if (t.preload != TSR_ME_PRELOAD_NONE) {
          const uint32_t row = t.preload == TSR_ME_PRELOAD_MATRIX ? i : 0;
          const uint32_t at = c + n * g.c_batch + row * g.c_pitch + 4 * j;
          int32_t w;
          std::memcpy(&w, &spm[at], 4);
          float f;
          std::memcpy(&f, &spm[at], 4);
          v = integer ? w : static_cast<double>(f);
        }
        for (uint32_t p = 0; p < pieces; p++) {
          for (uint32_t k = 0; k < t.k; k++) {
            const uint32_t from_a = a + n * g.a_batch + p * g.a_piece;
            const uint32_t from_b = b + n * g.b_batch + p * g.b_piece;
            v += value(from_a, g.a_pitch, t.a_trans, t.format, i, k) *
                 scale(sa + n * g.a_scale_batch, g.a_scale_pitch, i, k) *
                 value(from_b, g.b_pitch, t.b_trans, second, j, k) *
                 scale(sb + n * g.b_scale_batch, g.b_scale_pitch, j, k);
          }
        }
        if (t.relu) v = std::max(v, 0.0);
        const uint32_t at = o + n * g.o_batch + i * g.o_pitch + size * j;
        expect_result(after, at, v, integer, t.half);
        if (testing::Test::HasFatalFailure()) return;
        for (uint32_t byte = 0; byte < size; byte++) written[at + byte] = true;
      }
    }
  }
  for (size_t i = 0; i < SpmBytes; i++) {
    if (!written[i]) {
      ASSERT_EQ(after[i], spm[i]) << "byte outside the result at " << i;
    }
  }
}

TEST(MeEncoder, ProductsOfEveryFormatAndOrder) {
  for (uint32_t format = 0; format < TSR_ME_FORMATS; format++) {
    for (uint32_t order = 0; order < 4; order++) {
      if (format_bits(format) == 4 && order != 0) continue;
      for (const bool full : {true, false}) {
        const GemmCase t = {format,
                            0,
                            false,
                            (order & 1) != 0,
                            (order & 2) != 0,
                            false,
                            !full,
                            full ? TSR_ME_PRELOAD_NONE : TSR_ME_PRELOAD_ROW,
                            full ? 16u : 13u,
                            full ? 24u : 11u,
                            full ? 32u : 22u,
                            0,
                            0};
        check_gemm(t, seed());
        if (HasFatalFailure()) FAIL() << "format " << format << " order " << order;
      }
    }
  }
}

TEST(MeEncoder, BlockScales) {
  for (const uint32_t format :
       {TSR_ME_E4M3, TSR_ME_E5M2, TSR_ME_E3M2, TSR_ME_E2M3, TSR_ME_E2M1, TSR_ME_INT8}) {
    for (const uint32_t k : {32u, 256u, 288u, 300u, 530u}) {
      check_gemm(
          {format, 0, true, false, false, false, false, TSR_ME_PRELOAD_NONE, 20, 17, k, 2, 0},
          seed());
      if (HasFatalFailure()) FAIL() << "format " << format << " k " << k;
    }
  }
}

TEST(MeEncoder, RandomProducts) {
  std::mt19937_64 rng(seed());
  std::cout << "seed " << seed() << "\n";
  for (int i = 0; i < 150 * scale_knob(); i++) {
    GemmCase t = {};
    t.format = static_cast<uint32_t>(rng() % TSR_ME_FORMATS);
    if (t.format == TSR_ME_E4M3 || t.format == TSR_ME_E3M2) t.format_b = t.format + rng() % 2;
    const uint32_t bits = format_bits(t.format);
    t.mx = (bits == 8 || t.format == TSR_ME_E2M1) && rng() % 2;
    t.a_trans = bits >= 8 && rng() % 2;
    t.b_trans = bits >= 8 && rng() % 2;
    const bool integer = !t.mx && (t.format == TSR_ME_INT8 || t.format == TSR_ME_INT4);
    t.preload = static_cast<tsr_me_preload_t>(rng() % 3);
    t.relu = rng() % 2;
    t.m = 1 + rng() % 30;
    t.n = 1 + rng() % 30;
    t.k = static_cast<uint32_t>(1 + rng() % 80);
    t.half = !integer && t.k == 1;  // sums that BF16 holds exactly
    if (bits == 4) t.k += t.k % 2;
    t.batch = rng() % 4;
    t.pieces = t.mx ? 0 : rng() % 4;
    if (t.half) t.pieces = 0, t.preload = TSR_ME_PRELOAD_NONE, t.mx = false;
    const uint64_t s = rng();
    check_gemm(t, s);
    if (HasFatalFailure()) FAIL() << "case " << i << " format " << t.format;
  }
}

TEST(MeEncoder, ChainedStreamsAreLeftOut) {
  RegisterBus bus;
  const tsr_me_t h = {{TSR_CTX_BASE}};
  tsr_me_gemm_t g = {};
  g.rows = g.cols = g.k_bytes = 8;
  g.a_pitch = g.b_pitch = 8;
  g.chain_a = g.chain_o = true;
  tsr_me_context_t context;
  ASSERT_EQ(tsr_me_encode(&g, &context), TSR_OK);
  ASSERT_EQ(tsr_me_set_context(&h, 0, &context), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 1u + 15);
  EXPECT_EQ(bus.memory[TSR_CTX_BASE], 3u << 16);
  EXPECT_EQ(bus.memory.count(TSR_CTX_BASE + 64 + 4), 0u);
  EXPECT_EQ(bus.memory.count(TSR_CTX_BASE + 4 * 64 + 4), 0u);
}

TEST(MeEncoder, RefusesWhatTheEngineCannot) {
  const auto encode = [](auto change) {
    tsr_me_gemm_t g = {};
    g.format = TSR_ME_E4M3;
    g.rows = g.cols = g.k_bytes = 8;
    g.a_pitch = g.b_pitch = g.o_pitch = 32;
    change(g);
    tsr_me_context_t context;
    return tsr_me_encode(&g, &context);
  };
  EXPECT_EQ(encode([](auto& g) { g.format_b = TSR_ME_E5M2; }), TSR_OK);
  EXPECT_EQ(encode([](auto& g) { g.format_b = TSR_ME_E3M2; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.format = static_cast<tsr_me_format_t>(11); }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.format = TSR_ME_BF16, g.mx = true; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.format = TSR_ME_INT4, g.a_trans = true; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.format = TSR_ME_INT4, g.out_bf16 = true; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.format = TSR_ME_INT8, g.mx = g.out_bf16 = true; }), TSR_OK);
  EXPECT_EQ(encode([](auto& g) { g.mx = true, g.k_pieces = 2; }), TSR_INVALID);
  EXPECT_EQ(encode([](auto& g) { g.mx = true, g.a_scale_pitch = 4; }), TSR_INVALID);
}

// ---------------------------------------------------------------- convolutions

struct ConvCase {
  uint32_t format, n, h, w, c, k, r, s, stride, dilation, pad, groups;
  bool bias, half;
};

std::ostream& operator<<(std::ostream& os, const ConvCase& t) {
  return os << "format " << t.format << " n " << t.n << " h " << t.h << " w " << t.w << " c " << t.c
            << " k " << t.k << " r " << t.r << " s " << t.s << " stride " << t.stride
            << " dilation " << t.dilation << " pad " << t.pad << " groups " << t.groups;
}

void check_conv(const ConvCase& t, uint64_t s) {
  Image image(s);
  auto& rng = image.rng;
  const uint32_t bits = format_bits(t.format);
  const auto words = [](uint32_t b) { return (b + 7) / 8 * 8; };
  const bool depthwise = t.groups > 1 && t.groups == t.c && t.groups == t.k;
  const uint32_t tap_channels = depthwise ? 8 : t.c / t.groups;
  tsr_me_conv_t v = {};
  v.format = static_cast<tsr_me_format_t>(t.format);
  v.bias = t.bias;
  v.out_bf16 = t.half;
  v.n = t.n, v.h = t.h, v.w = t.w, v.c = t.c, v.k = t.k, v.r = t.r, v.s = t.s;
  v.stride = t.stride, v.dilation = t.dilation, v.pad = t.pad, v.groups = t.groups;
  v.in_pitch = words(t.c * bits / 8) + 8 * (rng() % 2);
  v.tap_pitch = words(tap_channels * bits / 8);
  v.filter_pitch = t.r * t.s * v.tap_pitch + 8 * (rng() % 2);
  v.out_pitch = words(t.k * (t.half ? 2 : 4)) + 8 * (rng() % 2);
  uint32_t oh = 0, ow = 0;
  ASSERT_EQ(tsr_me_conv_size(&v, &oh, &ow), TSR_OK);
  const uint32_t input = image.place((t.n * t.h * t.w + 8) * v.in_pitch);
  const uint32_t filters = image.place((t.k + 8) * v.filter_pitch);
  const uint32_t bias = image.place(4 * t.k + 32),
                 output = image.place((t.n * oh * ow + 8) * v.out_pitch);
  auto& spm = image.spm;
  for (uint32_t p = 0; p < t.n * t.h * t.w; p++) {
    for (uint32_t c = 0; c < t.c; c++) image.put_random(input + p * v.in_pitch, t.format, c);
  }
  for (uint32_t k = 0; k < t.k; k++) {
    for (uint32_t tap = 0; tap < t.r * t.s; tap++) {
      for (uint32_t c = 0; c < tap_channels; c++) {
        const uint32_t at = filters + k * v.filter_pitch + tap * v.tap_pitch;
        if (depthwise && c != k % 8) {
          put_element(&spm[at], t.format, c, 0);
        } else {
          image.put_random(at, t.format, c);
        }
      }
    }
  }
  const bool integer = t.format == TSR_ME_INT8 || t.format == TSR_ME_INT4;
  std::vector<int> biases(t.k);
  for (uint32_t k = 0; k < t.k; k++) {
    biases[k] = static_cast<int>(rng() % 21) - 10;
    const float f = static_cast<float>(biases[k]);
    std::memcpy(&spm[bias + 4 * k],
                integer ? static_cast<const void*>(&biases[k]) : static_cast<const void*>(&f), 4);
  }

  auto after = spm;
  tsr_me_conv_t one = v;
  uint32_t pictures = 1;
  tsr_me_context_t context;
  if (tsr_me_encode_conv(&one, &context) != TSR_OK) {  // more than six loops: a command a picture
    ASSERT_GT(t.n, 1u) << t;
    one.n = 1;
    pictures = t.n;
    ASSERT_EQ(tsr_me_encode_conv(&one, &context), TSR_OK) << t;
  }
  RegisterBus bus;
  const tsr_me_t h = {{TSR_CTX_BASE}};
  ASSERT_EQ(tsr_me_set_context(&h, 1, &context), TSR_OK);
  const auto step = tsr_me_conv_group(&v);
  for (uint32_t n = 0; n < pictures; n++) {
    for (uint32_t g = 0; g < (depthwise ? 1 : t.groups); g++) {
      const uint32_t from = input + n * t.h * t.w * v.in_pitch + g * step.input;
      tsr_cmd_t cmd;
      tsr_me_gemm_cmd(&cmd, 1, 0, tsr_me_conv_base(&v, from), filters + g * step.filters,
                      bias + g * step.bias, output + n * oh * ow * v.out_pitch + g * step.output);
      std::array<uint32_t, 16> command;
      std::copy_n(cmd.w, 16, command.begin());
      try {
        me_execute(store(bus), command, after, nullptr);
      } catch (const std::exception& e) {
        FAIL() << e.what() << ": " << t;
      }
    }
  }

  const uint32_t size = t.half ? 2 : 4;
  std::vector<bool> written(SpmBytes);
  const uint32_t group_c = t.c / t.groups, group_k = t.k / t.groups;
  for (uint32_t n = 0; n < t.n; n++) {
    for (uint32_t y = 0; y < oh; y++) {
      for (uint32_t x = 0; x < ow; x++) {
        for (uint32_t k = 0; k < t.k; k++) {
          double sum = t.bias ? biases[k] : 0;
          for (uint32_t r = 0; r < t.r; r++) {
            for (uint32_t q = 0; q < t.s; q++) {
              const int iy =
                  static_cast<int>(y * t.stride + r * t.dilation) - static_cast<int>(t.pad);
              const int ix =
                  static_cast<int>(x * t.stride + q * t.dilation) - static_cast<int>(t.pad);
              if (iy < 0 || ix < 0 || iy >= static_cast<int>(t.h) || ix >= static_cast<int>(t.w)) {
                continue;
              }
              const uint32_t pixel = input + ((n * t.h + static_cast<uint32_t>(iy)) * t.w +
                                              static_cast<uint32_t>(ix)) *
                                                 v.in_pitch;
              const uint32_t tap = filters + k * v.filter_pitch + (r * t.s + q) * v.tap_pitch;
              for (uint32_t c = 0; c < group_c; c++) {
                sum += format_decode(t.format, get_element(&spm[pixel], t.format,
                                                           k / group_k * group_c + c)) *
                       format_decode(t.format,
                                     get_element(&spm[tap], t.format, depthwise ? k % 8 : c));
              }
            }
          }
          const uint32_t at = output + ((n * oh + y) * ow + x) * v.out_pitch + size * k;
          expect_result(after, at, sum, integer, t.half);
          if (testing::Test::HasFatalFailure()) {
            FAIL() << t << " at " << n << " " << y << " " << x << " " << k;
          }
          for (uint32_t byte = 0; byte < size; byte++) written[at + byte] = true;
        }
      }
    }
  }
  for (size_t i = 0; i < SpmBytes; i++) {
    if (!written[i]) {
      ASSERT_EQ(after[i], spm[i]) << "byte outside the result at " << i << ": " << t;
    }
  }
}

TEST(MeEncoder, ConvolutionsFrom1x1To7x7) {
  for (uint32_t filter = 1; filter <= 7; filter++) {
    for (const uint32_t pad : {0u, filter / 2}) {
      for (const uint32_t stride : {1u, 2u}) {
        check_conv({TSR_ME_INT8, 1, 9, 11, 16, 10, filter, filter, stride, 1, pad, 1, false, false},
                   seed());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(MeEncoder, ConvolutionsOfEveryFormat) {
  for (uint32_t format = 0; format < TSR_ME_FORMATS; format++) {
    check_conv({format, 2, 6, 8, 12, 16, 3, 3, 1, 1, 1, 1, true, false}, seed());
    if (HasFatalFailure()) return;
  }
}

TEST(MeEncoder, DilatedGroupedAndDepthwiseConvolutions) {
  const std::vector<ConvCase> cases = {
      {TSR_ME_INT8, 1, 12, 13, 8, 8, 3, 3, 1, 2, 2, 1, false, false},
      {TSR_ME_BF16, 1, 12, 13, 8, 8, 3, 3, 2, 3, 3, 1, true, false},
      {TSR_ME_INT8, 2, 6, 7, 32, 24, 3, 3, 1, 1, 1, 4, true, false},
      {TSR_ME_FP16, 1, 6, 7, 8, 16, 3, 3, 1, 1, 1, 2, true, false},
      {TSR_ME_INT8, 1, 9, 9, 24, 24, 3, 3, 1, 1, 1, 24, true, false},
      {TSR_ME_BF16, 2, 9, 9, 16, 16, 5, 5, 2, 1, 2, 16, false, false},
      {TSR_ME_FP32, 1, 5, 9, 8, 8, 3, 1, 1, 1, 0, 8, false, false},
      {TSR_ME_E4M3, 3, 5, 5, 8, 3, 1, 1, 1, 1, 0, 1, true, false},   // a matrix product
      {TSR_ME_E4M3, 3, 5, 5, 8, 16, 1, 1, 2, 1, 0, 1, true, false},  // all pictures in one command
      {TSR_ME_BF16, 2, 4, 20, 3, 5, 1, 7, 1, 1, 3, 1, true, false},
      {TSR_ME_BF16, 2, 20, 4, 3, 5, 7, 1, 1, 1, 3, 1, true, false},
      {TSR_ME_E2M1, 1, 5, 6, 6, 9, 3, 3, 1, 1, 1, 1, false, false},
      {TSR_ME_BF16, 1, 5, 6, 1, 4, 1, 1, 1, 1, 2, 1, false, true},
  };
  for (const auto& t : cases) {
    check_conv(t, seed());
    if (HasFatalFailure()) return;
  }
}

TEST(MeEncoder, RandomConvolutions) {
  std::mt19937_64 rng(seed());
  std::cout << "seed " << seed() << "\n";
  for (int i = 0; i < 150 * scale_knob();) {
    ConvCase t = {};
    t.format = static_cast<uint32_t>(rng() % TSR_ME_FORMATS);
    const uint32_t bits = format_bits(t.format);
    t.n = 1 + rng() % 3, t.h = 1 + rng() % 14, t.w = 1 + rng() % 20;
    t.c = 1 + rng() % 20, t.k = 1 + rng() % 20;
    t.r = 1 + rng() % 7, t.s = 1 + rng() % 7;
    t.stride = 1 + rng() % 3, t.dilation = 1 + rng() % 3, t.pad = rng() % 5;
    t.groups = 1;
    t.bias = rng() % 2;
    if (bits == 4) t.c += t.c % 2;
    if (rng() % 4 == 0) {
      t.groups = 1 + rng() % 3;
      t.c = t.groups * (64 / bits) * (1 + rng() % 2);
      t.k = t.groups * 2 * (1 + rng() % 6);
    } else if (rng() % 4 == 0 && bits >= 8) {
      t.groups = t.c = t.k = 8 * (1 + rng() % 3);
    }
    const uint32_t tall = t.dilation * (t.r - 1) + 1, wide = t.dilation * (t.s - 1) + 1;
    if (t.h + 2 * t.pad < tall || t.w + 2 * t.pad < wide) continue;
    check_conv(t, rng());
    if (HasFatalFailure()) FAIL() << "case " << i;
    i++;
  }
}

// ---------------------------------------------------------------- layout engine

/// Run an operation on the functional model of the engine.
std::vector<uint8_t> run_layout(const tsr_tdma_op_t& op, std::vector<uint8_t> spm) {
  engines::TdmaCommand command;
  const auto row = [&](uint32_t r) {
    engines::ContextRow words{};
    std::copy_n(op.row[r], 16, words.begin());
    return words;
  };
  command.op = static_cast<uint8_t>(op.op);
  command.src = op.src;
  command.dst = op.dst;
  command.index = op.index;
  command.pattern = op.pattern;
  command.tdma = row(TSR_TDMA_ROW_CONFIG);
  command.rd = row(op.op == TSR_OP_TTRANS ? TSR_TDMA_ROW_SRC : TSR_TDMA_ROW_INDEX);
  command.wr = row(TSR_TDMA_ROW_DST);
  EXPECT_EQ(engines::tdma_run(command, spm).error, engines::CmdError::Ok);
  return spm;
}

TEST(TdmaEncoder, TurnsMatricesOfEveryElementAndSize) {
  std::mt19937_64 rng(seed());
  std::cout << "seed " << seed() << "\n";
  const uint32_t formats[] = {TSR_ME_INT4, TSR_ME_INT8, TSR_ME_BF16, TSR_ME_FP32};
  for (int n = 0; n < 400 * scale_knob(); n++) {
    const uint32_t e = static_cast<uint32_t>(rng() % 4), format = formats[e];
    const auto element = static_cast<tsr_tdma_element_t>(e);
    const auto turn = static_cast<tsr_tdma_turn_t>(rng() % 4);
    const uint32_t rows = 1 + rng() % 40, cols = 1 + rng() % 40, batch = 1 + rng() % 3;
    const auto pitch = [&](uint32_t count) {
      return (tsr_tdma_bytes(element, count) + 7) / 8 * 8 + 8 * static_cast<uint32_t>(rng() % 3);
    };
    const tsr_tdma_plane_t src = {static_cast<uint32_t>(8 * (rng() % 9)), pitch(cols)};
    const tsr_tdma_plane_t dst = {65536 + static_cast<uint32_t>(8 * (rng() % 9)), pitch(rows)};
    const uint32_t src_step = rows * src.pitch + 8 * (rng() % 3), dst_step = cols * dst.pitch + 16;
    tsr_tdma_op_t op;
    ASSERT_EQ(
        tsr_tdma_turn(element, rows, cols, src, dst, turn,
                      {batch, static_cast<int32_t>(src_step), static_cast<int32_t>(dst_step)}, &op),
        TSR_OK);
    Image image(rng());
    auto want = image.spm;
    for (uint32_t b = 0; b < batch; b++) {
      for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t c = 0; c < cols; c++) {
          const bool back_r = turn == TSR_TDMA_ROTATE270 || turn == TSR_TDMA_ANTI_TRANSPOSE;
          const bool back_c = turn == TSR_TDMA_ROTATE90 || turn == TSR_TDMA_ANTI_TRANSPOSE;
          uint8_t* to = &want[dst.base + b * dst_step + (back_r ? cols - 1 - c : c) * dst.pitch];
          put_element(to, format, back_c ? rows - 1 - r : r,
                      get_element(&image.spm[src.base + b * src_step + r * src.pitch], format, c));
          if (e == 0 && rows % 2 != 0) put_element(to, format, rows, 0);
        }
      }
    }
    const auto got = run_layout(op, image.spm);
    ASSERT_TRUE(got == want) << "element " << e << " turn " << turn << " " << rows << " x " << cols;
  }
}

}  // namespace
}  // namespace tsr
