// SPDX-License-Identifier: Apache-2.0
/// Commands for the vector engine with streams that fit together, made by hand or at random.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "engines/agu.hpp"
#include "engines/ve.hpp"
#include "numerics/convert.hpp"

namespace tsr::tb {

using engines::AguConfig;
using engines::VeConfig;
using VeFormat = numerics::ElementFormat;
using VeOp = numerics::VecOp;
using engines::VeRed;
using VeRound = numerics::Rounding;
using engines::VeSrc;

/// Bits of an element in memory.
inline unsigned bits_of(VeFormat format) {
  return static_cast<unsigned>(numerics::element_bits(format));
}

/// Contiguous stream of `beats` beats of 64 bytes; `tail` > 0: only so many bytes of the last one.
inline AguConfig linear(std::uint32_t beats, unsigned tail = 0) {
  AguConfig agu;
  agu.w_log2 = 3;
  agu.count = {beats, 1, 1, 1, 1, 1};
  agu.set_strides({64, 0, 0, 0, 0, 0});
  agu.bedge_en = tail != 0;
  agu.bedge_loop = 0;
  agu.bedge_m = tail;
  return agu;
}

struct VePlan {
  VeConfig config;
  std::array<AguConfig, 3> in;
  std::array<AguConfig, 2> out;
  engines::VeCommand args;
  std::vector<engines::VeBeat> chain;

  engines::VeContext context() const {
    engines::VeContext c;
    c.stages = config.stage_row();
    c.io = config.io_row();
    for (unsigned i = 0; i < 3; ++i) c.in[i] = in[i].to_row();
    for (unsigned i = 0; i < 2; ++i) c.out[i] = out[i].to_row();
    return c;
  }

  /// For messages: every field that is not at rest.
  std::string describe() const {
    std::string text;
    for (unsigned s = 0; s < engines::kVeStages; ++s) {
      const auto& x = config.stage[s];
      const auto operand = [](const engines::VeOperand& o) {
        return fmt::format("{}{}{}", o.neg ? "-" : "", o.abs ? "|" : "", static_cast<int>(o.src));
      };
      if (x.op == VeOp::Pass && x.dst == 4 && !x.acc_en) continue;
      text += fmt::format("\n  stage {}: op {} a {} b {} c {} exch {}{} dst {} rm {}", s,
                          static_cast<int>(x.op), operand(x.a), operand(x.b), operand(x.c),
                          x.rot ? "r" : "x", x.exch, x.dst, static_cast<int>(x.rm));
      if (x.acc_en) text += fmt::format(" acc loop {} init {}", x.acc_loop, x.acc_init);
    }
    for (unsigned i = 0; i < 3; ++i) {
      const auto& x = config.in[i];
      if (!x.en) continue;
      text += fmt::format("\n  in {}: {}{}{}{}{}", i, numerics::element_name(x.format),
                          x.to_f ? " to_f" : "", x.skip ? " skip" : "", x.chain ? " chain" : "",
                          !x.scalar    ? ""
                          : x.hold_two ? " scalar two"
                                       : fmt::format(" scalar loop {}", x.hold_loop));
    }
    for (unsigned i = 0; i < 2; ++i) {
      const auto& x = config.out[i];
      if (!x.en) continue;
      text += fmt::format("\n  out {}: {} src {} rm {}{}{}{}{}{}{}{}", i,
                          numerics::element_name(x.format), x.src, static_cast<int>(x.rm),
                          x.sat ? " sat" : "", x.from_i ? " from_i" : "", x.scalar ? " scalar" : "",
                          x.on_last ? fmt::format(" on_last {}", x.loop) : "", x.mx ? " mx" : "",
                          x.chain ? " chain" : "", x.skip ? " skip" : "");
    }
    text += fmt::format("\n  reduce op {} src {} loop {} elem {}; {} groups",
                        static_cast<int>(config.reduce.op), config.reduce.src, config.reduce.loop,
                        config.reduce.elem_loop, groups().size());
    return text;
  }

  /// Tags of every group, in order.
  std::vector<unsigned> groups() const {
    std::vector<unsigned> tags;
    const unsigned bits = bits_of(config.in[0].format);
    const auto beat = [&](std::uint64_t strb, unsigned last) {
      unsigned n = 32 / bits;
      if (config.in[0].skip) {
        const unsigned valid = strb == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(strb));
        n = std::max(1U, (valid * 8 + 16 * bits - 1) / (16 * bits));
      }
      for (unsigned i = 0; i < n; ++i) tags.push_back(i + 1 == n ? last : 0);
    };
    if (config.in[0].chain) {
      for (const auto& b : chain) beat(b.strb, b.last);
    } else {
      for (engines::Agu agu(in[0], 0); !agu.done(); agu.next()) {
        beat(engines::transpose_mask(agu.current().strb, in[0].xpose), agu.current().last);
      }
    }
    return tags;
  }

  /// Make the streams of I1, I2, O0, O1 contiguous and as long as I0 needs them, but for port
  /// `keep` of the outputs.
  void fit(unsigned keep = 2) {
    const std::vector<unsigned> tags = groups();
    for (unsigned i = 1; i < 3; ++i) {
      const auto& port = config.in[i];
      const unsigned bits = bits_of(port.format);
      std::uint32_t need = static_cast<std::uint32_t>(tags.size());
      unsigned unit = 16 * bits;
      if (port.scalar) {
        unit = bits;
        need = 1;
        for (std::size_t g = 0; g + 1 < tags.size(); ++g) {
          need += port.hold_two ? g % 2 : tags[g] >> port.hold_loop & 1;
        }
      }
      in[i] = linear((need * unit + 511) / 512);
    }
    for (unsigned i = 0; i < 2; ++i) {
      if (i == keep) continue;
      const auto& port = config.out[i];
      const bool scales = i == 1 && config.out[0].en && config.out[0].mx;
      const unsigned bits = scales ? 8 : bits_of(port.format);
      std::uint32_t n = 0;
      for (const unsigned tag : tags) n += !port.on_last || (tag >> port.loop & 1) != 0 ? 1 : 0;
      if (scales) n = static_cast<std::uint32_t>(tags.size() + 1) / 2;
      const std::uint32_t total = n * bits * (port.scalar || scales ? 1 : 16);
      const std::uint32_t bytes = (total + 7) / 8;
      out[i] = linear(std::max(1U, (bytes + 63) / 64), bytes % 64);
    }
  }
};

/// Random plans. Ranges of the scratchpad: see `base`.
class VeRandom {
 public:
  explicit VeRandom(std::mt19937_64& rng) : rng_(rng) {}

  std::uint64_t in(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(rng_);
  }
  bool chance(double p) { return std::bernoulli_distribution(p)(rng_); }
  std::uint32_t word() { return static_cast<std::uint32_t>(rng_()); }

  VeFormat format() { return static_cast<VeFormat>(in(0, 14)); }

  engines::VeOperand operand() {
    engines::VeOperand x;
    static constexpr unsigned kSources[] = {0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15};
    x.src = static_cast<VeSrc>(kSources[in(0, 15)]);
    x.abs = chance(0.1);
    x.neg = chance(0.15);
    return x;
  }

  engines::VeStage stage(unsigned s) {
    static constexpr engines::VeStageMasks kMasks;
    engines::VeStage stage;
    if (chance(0.3)) return stage;  // nothing
    stage.op = static_cast<VeOp>(in(0, 25));
    if ((kMasks.fma >> s & 1) != 0 && chance(0.6)) stage.op = static_cast<VeOp>(in(32, 35));
    if ((kMasks.sfu >> s & 1) != 0 && chance(0.6)) stage.op = static_cast<VeOp>(in(40, 47));
    stage.a = operand();
    stage.b = operand();
    stage.c = operand();
    if (chance(0.3)) {
      stage.exch = static_cast<unsigned>(in(0, 15));
      stage.rot = chance(0.5);
    }
    stage.dst = static_cast<unsigned>(in(0, 4));
    stage.rm = static_cast<VeRound>(in(0, 4));
    stage.acc_en = chance(0.3);
    stage.acc_loop = static_cast<unsigned>(in(0, 5));
    stage.acc_init = static_cast<unsigned>(in(0, 7));
    return stage;
  }

  /// A stream for I0 with at most `limit` accesses.
  AguConfig walk(unsigned limit) {
    AguConfig agu;
    agu.w_log2 = static_cast<unsigned>(in(0, 3));
    agu.pitch = static_cast<std::uint32_t>(in(0, 12)) * 8;
    std::array<std::int32_t, 6> stride{};
    unsigned total = 1;
    for (unsigned j = 0; j < 6; ++j) {
      agu.count[j] = static_cast<std::uint32_t>(chance(0.4) ? 1 : in(1, 5));
      if (total * agu.count[j] > limit) agu.count[j] = 1;
      total *= agu.count[j];
      stride[j] = static_cast<std::int32_t>(in(0, 40)) * 8;
    }
    agu.set_strides(stride);
    if (chance(0.4)) {
      agu.bedge_en = true;
      agu.bedge_loop = static_cast<unsigned>(in(0, 5));
      agu.bedge_m = static_cast<unsigned>(in(0, 8U << agu.w_log2));
    }
    if (chance(0.3)) {
      agu.redge_en = true;
      agu.redge_loop = static_cast<unsigned>(in(0, 5));
      agu.redge_sub = chance(0.3);
      agu.redge_n = static_cast<unsigned>(in(1, 8));
    }
    if (chance(0.2))
      agu.xpose = static_cast<engines::Transpose>(agu.w_log2 == 3 ? 0 : agu.w_log2 + 1);
    return agu;
  }

  VePlan plan(unsigned limit) {
    VePlan plan;
    VeConfig& c = plan.config;
    for (unsigned s = 0; s < engines::kVeStages; ++s) c.stage[s] = stage(s);
    for (auto& k : c.k) k = number();
    c.seed = word();
    c.patch = chance(0.3) ? static_cast<unsigned>(in(0, 31)) : 0;
    for (auto& k : plan.args.constant) k = number();
    c.reduce.op = static_cast<VeRed>(in(0, 10));
    c.reduce.src = static_cast<unsigned>(in(0, 3));
    c.reduce.loop = static_cast<unsigned>(in(0, 5));
    c.reduce.elem_loop = static_cast<unsigned>(in(0, 5));
    for (unsigned i = 0; i < 3; ++i) {
      auto& port = c.in[i];
      port.en = i == 0 || chance(0.6);
      port.format = format();
      port.to_f = chance(0.5);
      port.skip = chance(0.4);
      port.hold_loop = static_cast<unsigned>(in(0, 5));
      port.scalar = i != 0 && chance(0.5);
      port.hold_two = chance(0.3);
    }
    for (unsigned i = 0; i < 2; ++i) {
      auto& port = c.out[i];
      port.en = chance(0.8);
      port.format = format();
      port.src = static_cast<unsigned>(in(0, 5));
      port.rm = static_cast<VeRound>(in(0, 4));
      port.sat = chance(0.5);
      port.from_i = chance(0.3);
      port.scalar = chance(0.2);
      port.on_last = chance(0.3);
      port.loop = static_cast<unsigned>(in(0, 5));
    }
    if (chance(0.25)) {
      static constexpr VeFormat kMx[] = {VeFormat::E4m3, VeFormat::E5m2, VeFormat::E3m2,
                                         VeFormat::E2m3, VeFormat::E2m1, VeFormat::Int8};
      c.out[0].en = c.out[1].en = c.out[0].mx = true;
      c.out[0].format = kMx[in(0, 5)];
      c.out[0].scalar = c.out[0].on_last = c.out[0].from_i = false;
    }
    plan.in[0] = walk(limit);
    if (chance(0.2)) {
      c.in[0].chain = true;
      const std::uint64_t beats = in(1, limit);
      for (std::uint64_t b = 0; b < beats; ++b)
        plan.chain.push_back(beat(b % 4 == 3, b + 1 == beats));
    }
    c.out[0].chain = chance(0.2);
    if (c.in[0].chain && c.out[0].chain) c.out[0].on_last = false;
    plan.fit();
    if (c.out[0].en && !c.out[0].chain && !c.out[0].on_last && !c.out[0].scalar && !c.out[0].mx &&
        !c.in[0].chain && chance(0.5)) {
      // As the compiler does it: the output walks as the input, beat by beat.
      c.out[0].format = c.in[0].format;
      c.out[0].skip = c.in[0].skip;
      plan.out[0] = plan.in[0];
      plan.out[0].xpose = engines::Transpose::None;
      if (plan.in[0].xpose != engines::Transpose::None) c.out[0].skip = c.in[0].skip = false;
      plan.fit(0);
    }
    return plan;
  }

  engines::VeBeat beat(bool block, bool fin) {
    engines::VeBeat beat;
    beat.strb = chance(0.8) ? ~0ULL : rng_();
    for (unsigned i = 0; i < 16; ++i) {
      const std::uint32_t x = number();
      std::memcpy(&beat.data[4 * i], &x, 4);
    }
    for (unsigned i = 0; i < 64; ++i) {
      if ((beat.strb >> i & 1) == 0) beat.data[i] = 0;
    }
    beat.last = (block || fin ? 1U : 0U) | (fin ? 32U : 0U);
    beat.fin = fin;
    return beat;
  }

  /// FP32 or INT32 word: mostly near one, some of everything.
  std::uint32_t number() {
    const std::uint32_t fraction = word() & 0x807f'ffff;
    const double pick = std::uniform_real_distribution<double>(0, 1)(rng_);
    if (pick < 0.65) return fraction | static_cast<std::uint32_t>(in(118, 133)) << 23;
    if (pick < 0.75)
      return (fraction & 0xfff8'0000) | static_cast<std::uint32_t>(in(120, 140)) << 23;
    if (pick < 0.85)
      return static_cast<std::uint32_t>(static_cast<std::int32_t>(word()) >> in(8, 28));
    if (pick < 0.9) return fraction;
    if (pick < 0.92) return 0x7f80'0000 | (word() & 0x8040'0000);
    if (pick < 0.95) return word() & 0x8000'0000;
    return word();
  }

  /// Fill [begin, end) with elements of `format`.
  void fill(std::vector<std::uint8_t>& spm, std::size_t begin, std::size_t end, VeFormat format) {
    const bool calm = chance(0.7);  // no NaN, little that is huge
    const unsigned bits = bits_of(format);
    std::uint64_t buffer = 0;
    unsigned have = 0;
    for (std::size_t at = begin; at < end;) {
      std::uint32_t x = number();
      if (calm && (x & 0x7f80'0000) == 0x7f80'0000) x = 0x3f80'0000;
      numerics::StoreMode mode;
      mode.from_int = numerics::is_integer(format);
      if (mode.from_int) x = static_cast<std::uint32_t>(static_cast<std::int32_t>(x) >> in(0, 24));
      const std::uint32_t code =
          calm || chance(0.5) ? numerics::store_element(format, x, mode) : word();
      buffer |= static_cast<std::uint64_t>(bits == 32 ? code : code & ((1U << bits) - 1)) << have;
      have += bits;
      for (; have >= 8 && at < end; have -= 8, buffer >>= 8)
        spm[at++] = static_cast<std::uint8_t>(buffer);
    }
  }

 private:
  std::mt19937_64& rng_;
};

}  // namespace tsr::tb
