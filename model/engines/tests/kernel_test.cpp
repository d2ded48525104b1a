// SPDX-License-Identifier: Apache-2.0
/// Fast versions of the functional engines against the plain ones: matrix kernel, stream walks.
/// TSR_SEED sets the seed, TSR_SCALE multiplies the number of random cases.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>

#include "engines/me_kernel.hpp"
#include "engines/stream_walk.hpp"

namespace tsr::engines {
namespace {

using numerics::ElementFormat;

unsigned long from_env(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoul(text, nullptr, 0) : otherwise;
}

class Kernel : public testing::Test {
 protected:
  Kernel() : rng(from_env("TSR_SEED", 1)) {}
  std::mt19937_64 rng;

  /// 64 bytes: anything, small numbers, numbers near the ends of the exponent, or corners.
  void draw(ElementFormat format, std::uint8_t* beat) {
    const auto bits = static_cast<unsigned>(numerics::matrix_element_bits(format));
    const unsigned way = rng() % 5;
    for (unsigned at = 0; at < 512; at += bits) {
      std::uint64_t code = rng();
      if (way == 1) code &= code >> 32 & 0x8fff'8f8f'3f8f'8fffU;
      if (way == 2 && rng() % 2 == 0) code = 0;
      if (way == 3)
        code = (code & 1) << (bits - 1) | ((code >> 1 & 1) != 0 ? 0 : (1U << (bits - 2)));
      if (way == 4 && format == ElementFormat::Bf16)
        code = 0x3f00 + code % 512 + (code >> 32 & 0x8000);
      if (way == 4 && format == ElementFormat::Fp32) code = 0x3f00'0000 + code % 0x200'0000;
      for (unsigned i = 0; i < bits; ++i) {
        const unsigned bit = at + i;
        beat[bit / 8] = static_cast<std::uint8_t>((beat[bit / 8] & ~(1U << (bit % 8))) |
                                                  (code >> i & 1) << (bit % 8));
      }
    }
  }

  void compare(const MeKind& kind) {
    constexpr std::size_t kBeats = 24;
    std::vector<std::uint8_t> a(64 * kBeats), b(64 * kBeats), sa(8 * kBeats), sb(8 * kBeats);
    for (std::size_t i = 0; i < kBeats; ++i) {
      draw(kind.a, &a[64 * i]);
      draw(kind.b, &b[64 * i]);
      if (i % 3 != 0) continue;
      // Cancellation: what came before with the other sign.
      std::memcpy(&a[64 * i], &a[64 * (i / 2)], 64);
      std::memcpy(&b[64 * i], &b[64 * (i / 2)], 64);
    }
    for (auto& s : sa) s = static_cast<std::uint8_t>(rng() % 40 == 0 ? rng() : 120 + rng() % 16);
    for (auto& s : sb) s = static_cast<std::uint8_t>(rng() % 40 == 0 ? rng() : 120 + rng() % 16);
    MeTile fast, plain;
    fast.clear();
    for (unsigned cell = 0; cell < 64; ++cell) {
      const auto bits = static_cast<std::uint32_t>(rng());
      if (rng() % 2 == 0)
        fast.preload(kind.rule.int32, cell, rng() % 9 == 0 ? bits : bits & 0xbfff'ffffU);
    }
    plain = fast;
    const MeBeats beats{a.data(), b.data(), sa.data(), sb.data(), kBeats};
    me_accumulate(kind, beats, fast);  // what this processor runs
    me_accumulate_portable(kind, beats, plain);
    for (unsigned cell = 0; cell < 64; ++cell) {
      if (kind.rule.int32) {
        ASSERT_EQ(fast.sum[cell], plain.sum[cell]) << "cell " << cell;
        continue;
      }
      ASSERT_EQ(fast.m[cell], plain.m[cell]) << "cell " << cell;
      ASSERT_EQ(fast.e[cell], plain.e[cell]) << "cell " << cell;
      ASSERT_EQ(me_drain(fast, cell), numerics::drain_fp32(plain.accumulator(cell)));
    }
    ASSERT_EQ(fast.nan, plain.nan);
    ASSERT_EQ(fast.pinf, plain.pinf);
    ASSERT_EQ(fast.ninf, plain.ninf);
  }
};

TEST_F(Kernel, FastMatrixKernelEqualsThePortableOne) {
  const auto cases = static_cast<unsigned>(12 * from_env("TSR_SCALE", 1));
  for (unsigned a = 0; a < numerics::kElementFormats; ++a) {
    for (unsigned b = 0; b < numerics::kElementFormats; ++b) {
      const auto x = static_cast<ElementFormat>(a);
      const auto y = static_cast<ElementFormat>(b);
      if (!numerics::is_matrix_pair(x, y)) continue;
      for (const bool mx : {false, true}) {
        if (mx && !numerics::is_mx_format(x)) continue;
        SCOPED_TRACE(testing::Message() << numerics::element_name(x) << " x "
                                        << numerics::element_name(y) << (mx ? " scaled" : ""));
        for (unsigned i = 0; i < cases; ++i) compare(MeKind(x, y, mx));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(Kernel, DrainsAsTheReference) {
  MeTile tile;
  tile.clear();
  for (unsigned i = 0; i < 200'000; ++i) {
    tile.m[0] = static_cast<std::int64_t>(rng()) >> (17 + rng() % 47);
    tile.e[0] = static_cast<std::int32_t>(rng() % 600) - 100;
    ASSERT_EQ(me_drain(tile, 0), numerics::drain_fp32(tile.accumulator(0)))
        << tile.m[0] << " * 2^" << tile.e[0] - 280;
  }
}

TEST_F(Kernel, StreamWalksAsTheReference) {
  std::vector<std::uint8_t> spm(65536);
  for (auto& byte : spm) byte = static_cast<std::uint8_t>(rng());
  const auto cases = 400 * from_env("TSR_SCALE", 1);
  for (unsigned n = 0; n < cases; ++n) {
    AguConfig config;
    config.w_log2 = rng() % 4;
    if (rng() % 3 == 0) {
      config.xpose = static_cast<Transpose>(1 + rng() % 3);
      config.w_log2 = static_cast<unsigned>(config.xpose) - 1;
    }
    const auto bytes = [&](std::uint32_t most) {
      return static_cast<std::int32_t>(8 * (rng() % (most / 8))) -
             static_cast<std::int32_t>(most / 2 / 8 * 8);
    };
    config.pitch = static_cast<std::uint32_t>(bytes(2048)) & kSpmAddressMask;
    for (unsigned j = 0; j < 6; ++j) {
      config.count[j] = 1 + rng() % 3;
      config.delta[j] = bytes(4096);
      config.dx[j] = static_cast<std::int32_t>(rng() % 8) - 3;
      config.dy[j] = static_cast<std::int32_t>(rng() % 8) - 3;
    }
    config.redge_en = rng() % 2 == 0;
    config.redge_loop = rng() % 6;
    config.redge_sub = rng() % 3 == 0;
    config.redge_n = rng() % 16;
    config.bedge_en = rng() % 2 == 0;
    config.bedge_loop = rng() % 6;
    config.bedge_m = rng() % 128;
    if (rng() % 2 == 0) {
      config.win_w = 1 + rng() % 20;
      config.win_h = 1 + rng() % 20;
      config.pad_x = rng() % 16;
      config.pad_y = rng() % 16;
      config.xstep = rng() % 4;
    }
    const auto base = static_cast<std::uint32_t>(8 * (rng() % (spm.size() / 8 + 100)));
    const unsigned row_base = rng() % 2 == 0 ? 0 : 8;
    Agu plain(config, base, {}, row_base);
    StreamWalk fast(config, base, row_base);
    std::vector<std::uint8_t> x = spm, y = spm;
    for (; !plain.done(); plain.next(), fast.next()) {
      ASSERT_FALSE(fast.done());
      const Access access = plain.current();
      const Access quick = fast.access();
      ASSERT_EQ(quick.base, access.base);
      ASSERT_EQ(quick.lane, access.lane);
      ASSERT_EQ(quick.strb, access.strb);
      ASSERT_EQ(quick.last, access.last);
      ASSERT_EQ(fast.out_of_range(spm.size()), out_of_range(access, spm.size()));
      const StreamBeat beat = read_beat(access, config.xpose, x);
      BeatBytes data{};
      ASSERT_EQ(fast.read(x, data.data()), beat.strb);
      ASSERT_EQ(data, beat.data);
      for (auto& byte : data) byte = static_cast<std::uint8_t>(rng());
      write_beat(access, data, x);
      fast.write(y, data.data());
    }
    ASSERT_TRUE(fast.done());
    ASSERT_EQ(x, y);
  }
}

}  // namespace
}  // namespace tsr::engines
