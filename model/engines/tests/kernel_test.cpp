// SPDX-License-Identifier: Apache-2.0
/// Fast versions of the functional engines against the plain ones: matrix kernel, stream walks.
/// TSR_SEED sets the seed, TSR_SCALE multiplies the number of random cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "engines/me_kernel.hpp"
#include "engines/stream_walk.hpp"
#include "engines/ve.hpp"

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
  const MeKind kind(ElementFormat::Bf16, ElementFormat::Bf16, false);
  MeTile tile;
  MeDrained fast, plain;
  for (unsigned i = 0; i < 4000; ++i) {
    tile.clear();
    for (unsigned cell = 0; cell < 64; ++cell) {
      tile.m[cell] = static_cast<std::int64_t>(rng()) >> (17 + rng() % 47);
      tile.e[cell] = static_cast<std::int32_t>(rng() % 700) - 150;
    }
    if (rng() % 4 == 0) tile.nan = rng() & rng() & rng();
    if (rng() % 4 == 0) tile.pinf = rng() & rng();
    if (rng() % 4 == 0) tile.ninf = rng() & rng();
    const bool relu = rng() % 2 == 0;
    const bool half = rng() % 2 == 0;
    me_drain(kind, tile, relu, half, fast);
    me_drain_portable(kind, tile, relu, half, plain);
    ASSERT_EQ(fast.nan, plain.nan);
    ASSERT_EQ(fast.overflow, plain.overflow);
    for (unsigned cell = 0; cell < 64; ++cell) {
      ASSERT_EQ(fast.bits[cell], plain.bits[cell]) << tile.m[cell] << " * 2^" << tile.e[cell] - 280;
    }
  }
}

TEST_F(Kernel, PreloadsAsTheReference) {
  MeTile fast, plain;
  for (unsigned i = 0; i < 2000; ++i) {
    std::uint32_t bits[64];
    for (auto& x : bits) {
      x = static_cast<std::uint32_t>(rng());
      if (rng() % 4 == 0) x |= 0x7f80'0000;
      if (rng() % 4 == 0) x &= 0x807f'ffff;
      if (rng() % 4 == 0) x &= 0xff80'0000;
    }
    fast.clear();
    plain.clear();
    fast.preload_all(false, bits);
    for (unsigned cell = 0; cell < 64; ++cell) {
      plain.preload(false, cell, bits[cell]);
      ASSERT_EQ(fast.m[cell], plain.m[cell]) << std::hex << bits[cell];
      if (fast.m[cell] != 0) ASSERT_EQ(fast.e[cell], plain.e[cell]) << std::hex << bits[cell];
    }
    ASSERT_EQ(fast.nan, plain.nan);
    ASSERT_EQ(fast.pinf, plain.pinf);
    ASSERT_EQ(fast.ninf, plain.ninf);
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

class VectorKernel : public Kernel {
 protected:
  std::uint32_t in(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(rng() % (high - low + 1));
  }
  bool chance(unsigned of) { return rng() % of == 0; }

  VeOperand operand() { return {static_cast<VeSrc>(in(0, 15)), chance(8), chance(8)}; }

  VeStage stage(unsigned number, const VeStageMasks& masks) {
    VeStage out;
    for (;;) {
      out.op = static_cast<VecOp>(chance(3) ? in(0, 25) : in(32, 47));
      const unsigned code = static_cast<unsigned>(out.op);
      const bool fma = (masks.fma >> number & 1) != 0;
      const bool sfu = (masks.sfu >> number & 1) != 0;
      if (code < 32 || (code < 36 && fma) || (code >= 40 && sfu)) break;
    }
    out.a = operand();
    out.b = operand();
    out.c = operand();
    out.exch = chance(3) ? in(0, 15) : 0;
    out.rot = chance(2);
    out.dst = in(0, 4);
    out.rm = static_cast<Rounding>(in(0, 4));
    out.acc_en = chance(4);
    out.acc_loop = in(0, 5);
    out.acc_init = in(0, 7);
    return out;
  }

  VeInPort input(unsigned number) {
    VeInPort port;
    port.en = number == 0 || chance(2);
    port.format = static_cast<ElementFormat>(in(0, 14));
    port.to_f = chance(2);
    port.scalar = number != 0 && chance(3);
    port.hold_loop = in(0, 5);
    port.hold_two = chance(4);
    port.skip = chance(3);
    return port;
  }
  VeOutPort output(unsigned number) {
    VeOutPort port;
    port.en = number == 0 || chance(2);
    port.format = static_cast<ElementFormat>(in(0, 14));
    port.src = in(0, 5);
    port.rm = static_cast<Rounding>(chance(3) ? in(0, 4) : 0);
    port.sat = chance(3);
    port.from_i = chance(3);
    port.scalar = chance(6);
    port.on_last = chance(4);
    port.loop = in(0, 2);
    port.mx = number == 0 && chance(6);
    port.skip = chance(4);
    return port;
  }

  VeConfig config(const VeStageMasks& masks) {
    VeConfig out;
    do {
      for (unsigned s = 0; s < kVeStages; ++s) {
        out.stage[s] = chance(2) ? VeStage{} : stage(s, masks);
      }
      for (auto& k : out.k) k = word();
      for (unsigned i = 0; i < 3; ++i) out.in[i] = input(i);
      for (unsigned i = 0; i < 2; ++i) out.out[i] = output(i);
      out.reduce = {static_cast<VeRed>(in(0, 10)), in(0, 3), in(0, 3), in(0, 5)};
      out.seed = static_cast<std::uint32_t>(rng());
      out.patch = in(0, 31);
    } while (!ve_legal(out, masks));
    return out;
  }

  /// Any word, a number of moderate size, or a corner.
  std::uint32_t word() {
    static constexpr std::uint32_t kCorners[] = {
        0, 0x8000'0000, 0x7f80'0000, 0xff80'0000, 0x7fc0'0000, 0x7f7f'ffff,
        1, 0x0080'0000, 0x3f80'0000, 0xffff'ffff, 0x7fff'ffff, 0x8000'0001};
    const auto any = static_cast<std::uint32_t>(rng());
    if (chance(4)) return any;
    if (chance(4)) return kCorners[rng() % std::size(kCorners)];
    return (any & 0x807f'ffff) | ((119 + (any >> 23 & 15)) << 23);
  }

  ContextRow stream(bool output) {
    AguConfig agu;
    agu.w_log2 = in(0, 3);
    if (!output && chance(5)) {
      agu.xpose = static_cast<Transpose>(in(1, 3));
      agu.w_log2 = static_cast<unsigned>(agu.xpose) - 1;
    }
    agu.pitch = 8 * in(0, 40);
    for (unsigned j = 0; j < 3; ++j) {
      agu.count[j] = in(1, 4);
      agu.delta[j] = static_cast<std::int32_t>(8 * in(0, 12));
    }
    agu.redge_en = chance(3);
    agu.redge_loop = in(0, 3);
    agu.redge_n = in(0, 9);
    agu.bedge_en = chance(3);
    agu.bedge_loop = in(0, 3);
    agu.bedge_m = in(0, 64);
    return agu.to_row();
  }

  void fill(std::vector<std::uint8_t>& spm) {
    for (std::size_t i = 0; i < spm.size(); i += 4) {
      const std::uint32_t x = word();
      std::memcpy(&spm[i], &x, 4);
    }
  }
};

TEST_F(VectorKernel, FastVectorEngineEqualsThePlainOne) {
  const auto cases = 1500 * from_env("TSR_SCALE", 1);
  std::vector<std::uint8_t> spm(65536);
  for (unsigned long n = 0; n < cases; ++n) {
    if (n % 8 == 0) fill(spm);
    VeStageMasks masks;
    masks.fma = in(0, 255);
    masks.sfu = in(0, 255) & ~masks.fma;
    const VeConfig made = config(masks);
    VeContext context;
    context.stages = made.stage_row();
    context.io = made.io_row();
    for (auto& row : context.in) row = stream(false);
    for (auto& row : context.out) row = stream(true);
    VeCommand command;
    // Outputs behind the inputs: a command does not read what it writes.
    for (unsigned i = 0; i < 5; ++i)
      command.base[i] = 8 * in(0, 300) + (i < 3 ? 0 : 16384 * (i - 2));
    if (chance(20)) command.base[in(0, 4)] = 65536 - 8 * in(0, 100);
    for (auto& k : command.constant) k = word();
    std::vector<std::uint8_t> x = spm, y = spm;
    const VeResult plain = ve_run(context, command, x, {}, masks);
    ve_apply(plain, x);
    const VeResult fast = ve_execute(context, command, y, {}, masks);
    ASSERT_EQ(fast.error, plain.error) << n;
    ASSERT_EQ(fast.address, plain.address) << n;
    ASSERT_EQ(fast.groups, plain.groups) << n;
    ASSERT_EQ(fast.nan, plain.nan) << n;
    ASSERT_EQ(fast.overflow, plain.overflow) << n;
    const auto differ = std::mismatch(x.begin(), x.end(), y.begin()).first - x.begin();
    ASSERT_TRUE(x == y) << n << ", error " << static_cast<unsigned>(plain.error) << ", byte "
                        << differ << std::hex << ", formats "
                        << static_cast<unsigned>(made.in[0].format)
                        << static_cast<unsigned>(made.out[0].format)
                        << static_cast<unsigned>(made.out[1].format) << " ports "
                        << made.out[0].to_word() << " " << made.out[1].to_word() << " "
                        << made.reduce.to_word();
  }
}

/// Every operation on many words, in the first stage.
TEST_F(VectorKernel, FastOperationsEqualThePlainOnes) {
  const auto rounds = 40 * from_env("TSR_SCALE", 1);
  std::vector<std::uint8_t> spm(32768);
  for (unsigned code = 0; code < 48; ++code) {
    VeConfig made;
    for (auto& s : made.stage) s.dst = 4;
    VeStage& first = made.stage[0];
    first.op = static_cast<VecOp>(code);
    first.a.src = VeSrc::V0;
    first.b.src = VeSrc::V1;
    first.c.src = VeSrc::V2;
    first.dst = 0;
    const VeStageMasks masks{code < 40 ? 1U : 0U, code < 40 ? 0U : 1U};
    for (auto& port : made.in) {
      port.en = true;
      port.format = ElementFormat::Int32;  // words as they are, NaN too
    }
    made.out[0].en = true;
    made.out[0].format = ElementFormat::Int32;
    made.out[0].from_i = true;
    if (!ve_legal(made, masks)) continue;
    VeContext context;
    context.stages = made.stage_row();
    context.io = made.io_row();
    AguConfig agu;
    agu.w_log2 = 3;
    agu.count[0] = 64;
    agu.delta[0] = 64;
    for (auto& row : context.in) row = agu.to_row();
    context.out[0] = agu.to_row();
    VeCommand command;
    command.base = {0, 4096, 8192, 16384, 0};
    for (unsigned long n = 0; n < rounds; ++n) {
      fill(spm);
      std::vector<std::uint8_t> x = spm, y = spm;
      ve_apply(ve_run(context, command, x, {}, masks), x);
      ve_execute(context, command, y, {}, masks);
      const auto at = [](const std::vector<std::uint8_t>& bytes, std::size_t offset) {
        std::uint32_t out = 0;
        std::memcpy(&out, &bytes[offset], 4);
        return out;
      };
      for (std::size_t i = 0; i < 4096; i += 4) {
        ASSERT_EQ(at(y, 16384 + i), at(x, 16384 + i))
            << "operation " << code << std::hex << " a " << at(spm, i) << " b " << at(spm, 4096 + i)
            << " c " << at(spm, 8192 + i);
      }
    }
  }
}

}  // namespace
}  // namespace tsr::engines
