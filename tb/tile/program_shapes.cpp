// SPDX-License-Identifier: Apache-2.0
/// Random contexts: what the commands of each engine are like, but for their addresses.
#include <verilated.h>

#include <algorithm>

#include "engines/tdma.hpp"
#include "me/gemm_plan.hpp"
#include "tile/program_maker.hpp"
#include "ve/ve_plan.hpp"

namespace tsr::tb {

namespace {

using engines::AguConfig;
using engines::CmdError;
using engines::ContextRow;

constexpr std::int64_t kLargest = 3000;  // bytes of an operand

/// No two lanes of a stream lie on the same bytes.
bool visits_once(const ContextRow& row) {
  std::set<std::uint32_t> lanes;
  for (engines::Agu agu(AguConfig::from_row(row), 1U << 20); !agu.done(); agu.next()) {
    for (const std::uint32_t lane : agu.current().lane) {
      if (!lanes.insert(lane).second) return false;
    }
  }
  return true;
}

}  // namespace

// ------------------------------------------------------------------ shapes

ProgramMaker::Operand ProgramMaker::stream(unsigned word, const ContextRow& row, bool write,
                                           Format format) {
  constexpr std::uint32_t kMiddle = 1U << 20;
  Operand out;
  out.word = word;
  out.write = write;
  out.format = format;
  bool any = false;
  for (engines::Agu agu(AguConfig::from_row(row), kMiddle); !agu.done(); agu.next()) {
    const engines::Access access = agu.current();
    for (unsigned l = 0; l < 8; ++l) {
      if (((access.strb >> (8 * l)) & 255) == 0) continue;
      const std::int64_t at = std::int64_t{access.lane[l]} - kMiddle;
      out.low = any ? std::min(out.low, at) : at;
      out.high = any ? std::max(out.high, at + 8) : at + 8;
      any = true;
    }
  }
  return out;
}

ProgramMaker::Shape ProgramMaker::me_shape(unsigned context, Chain chain,
                                           std::vector<engines::VeBeat>& chained, ContextRow& a_row,
                                           Format& a_format) {
  GemmPlan plan;
  plan.m = pick(1, chance(0.7) ? 9 : 20);
  plan.n = pick(1, chance(0.7) ? 9 : 20);
  Format a = Format::Bf16, b = Format::Bf16;
  do {
    a = static_cast<Format>(in(0, 14));
    b = chance(0.7) ? a : static_cast<Format>(in(0, 14));
  } while (!numerics::is_matrix_pair(a, b));
  plan.me.set_formats(a, b);
  plan.me.mx = numerics::is_mx_format(a) && chain != Chain::VeToMe && chance(0.5);
  const bool four_bits = plan.bits() == 4;
  const unsigned group = 64 / plan.bits();
  plan.k = pick(1, (chance(0.8) ? 5 : 20) * group);
  if (four_bits) plan.k += plan.k % 2;
  plan.batch = chance(0.2) ? 2 : 1;
  plan.trans_a = !four_bits && chance(0.3);
  plan.trans_b = !four_bits && chance(0.3);
  if (chain == Chain::None && plan.beats_k() % 2 == 0 && chance(0.3)) plan.k_split = 2;
  plan.pad = 8 * pick(0, 3);
  plan.me.preload = chance(0.4);
  plan.bias = chance(0.4);
  plan.me.relu = chance(0.3);
  plan.me.out_bf16 = !plan.me.int32_results() && chance(0.3);
  plan.me.chain_o = chain == Chain::MeToVe;
  plan.me.chain_a = chain == Chain::VeToMe;
  plan.place();

  const engines::MeContext rows = plan.context();
  auto& store = contexts_[context];
  Shape shape;
  shape.engine = 2;
  shape.context = context;
  shape.opcode = 0x21;
  store[0] = rows.me;
  store[2] = rows.b;
  if (!plan.me.chain_a) {
    store[1] = rows.a;
    shape.operands.push_back(stream(5, rows.a, false, a));
  }
  shape.operands.push_back(stream(6, rows.b, false, b));
  if (plan.me.preload) {
    store[3] = rows.c;
    shape.operands.push_back(
        stream(7, rows.c, false, plan.me.int32_results() ? Format::Int32 : Format::Fp32));
  }
  if (!plan.me.chain_o) {
    store[4] = rows.o;
    shape.operands.push_back(stream(8, rows.o, true, Format::Fp32));
  }
  if (plan.me.mx) {
    store[7] = rows.scale;
    for (unsigned side = 0; side < 2; ++side) {
      Operand scale;
      scale.word = 10 + side;
      scale.high = std::int64_t{plan.batch} * plan.lds * (side == 0 ? plan.m : plan.n);
      scale.format = Format::E8m0;
      shape.operands.push_back(scale);
    }
  }
  if (plan.me.preload && !plan.bias && !plan.me.out_bf16 && !plan.me.chain_o) shape.in_place = 7;
  if (chain == Chain::MeToVe) {
    const unsigned of_block = plan.me.out_bf16 ? 2 : 4;
    const unsigned beats = plan.blocks_m() * plan.blocks_n() * plan.batch * of_block;
    chained.assign(beats, {});
    for (unsigned i = 0; i < beats; ++i) {
      chained[i].strb = ~std::uint64_t{0};
      chained[i].fin = i + 1 == beats;
      chained[i].last = (i % of_block + 1 == of_block ? 1U : 0U) | (chained[i].fin ? 32U : 0U);
    }
    a_format = plan.me.int32_results() ? Format::Int32
               : plan.me.out_bf16      ? Format::Bf16
                                       : Format::Fp32;
  }
  if (chain == Chain::VeToMe) {
    a_row = rows.a;
    a_format = a;
  }
  return shape;
}

ProgramMaker::Shape ProgramMaker::ve_shape(unsigned context, Chain chain,
                                           const std::vector<engines::VeBeat>& chained,
                                           const ContextRow& a_row, Format a_format) {
  VeRandom random(rng_);
  VePlan plan;
  do {
    plan = random.plan(pick(1, 8));
  } while (plan.config.in[0].chain || (plan.config.out[0].en && plan.config.out[0].chain));
  auto& in0 = plan.config.in[0];
  if (chain == Chain::MeToVe) {
    in0.chain = true;
    if (chance(0.7)) in0.format = a_format;
    plan.chain = chained;
    plan.fit();
  } else if (chain == Chain::VeToMe) {
    // A beat of I0 makes a beat of A: elements of one size, every group.
    plan.in[0] = AguConfig::from_row(a_row);
    do in0.format = static_cast<Format>(in(0, 14));
    while (bits_of(in0.format) != bits_of(a_format));
    in0.skip = false;
    auto& out0 = plan.config.out[0];
    out0 = {};
    out0.en = out0.chain = true;
    out0.format = a_format;
    out0.src = pick(0, 3);
    out0.rm = static_cast<VeRound>(in(0, 4));
    out0.sat = chance(0.7);
    out0.from_i = chance(0.2);
    plan.fit();
  }
  const engines::VeContext rows = plan.context();
  auto& store = contexts_[context];
  store[0] = rows.stages;
  store[1] = rows.io;
  Shape shape;
  shape.engine = 3;
  shape.context = context;
  shape.opcode = 0x31;
  for (unsigned i = 0; i < 3; ++i) {
    const auto& port = plan.config.in[i];
    if (!port.en || port.chain) continue;
    store[2 + i] = rows.in[i];
    shape.operands.push_back(stream(5 + i, rows.in[i], false, port.format));
  }
  for (unsigned i = 0; i < 2; ++i) {
    const auto& port = plan.config.out[i];
    if (!port.en || port.chain) continue;
    store[5 + i] = rows.out[i];
    shape.operands.push_back(stream(8 + i, rows.out[i], true, port.format));
  }
  const auto& out0 = plan.config.out[0];
  const bool written = out0.en && !out0.chain && !plan.config.in[0].chain;
  if (written && rows.out[0] == rows.in[0] && visits_once(rows.in[0])) shape.in_place = 5;
  return shape;
}

std::array<std::uint16_t, 3> ProgramMaker::split(std::uint32_t a, std::uint32_t b,
                                                 std::uint32_t c) {
  std::array<std::uint32_t, 3> n{a, b, c};
  std::shuffle(n.begin(), n.end(), rng_);
  return {static_cast<std::uint16_t>(n[0]), static_cast<std::uint16_t>(n[1]),
          static_cast<std::uint16_t>(n[2])};
}

/// Strides of a walk and what it touches. `apart`: no two elements overlap.
ProgramMaker::Operand ProgramMaker::walk(std::uint32_t count,
                                         const std::array<std::uint16_t, 3>& iter,
                                         std::array<std::int32_t, 3>& stride, std::uint32_t unit,
                                         bool apart) {
  Operand out;
  out.align = unit;
  out.high = count;
  std::array<unsigned, 3> order{0, 1, 2};
  std::shuffle(order.begin(), order.end(), rng_);
  for (const unsigned j : order) {
    const std::int64_t steps = iter[j] - 1;
    const std::int64_t dense = out.high - out.low;
    std::int64_t step = dense + (chance(0.5) ? 0 : pick(0, 40));
    if (!apart) step = pick(0, steps == 0 ? 100 : static_cast<std::uint64_t>(1500 / steps));
    step = (step + unit - 1) / unit * unit;
    if (chance(0.3)) step = -step;
    stride[j] = static_cast<std::int32_t>(step);
    (step < 0 ? out.low : out.high) += steps * step;
  }
  return out;
}

ProgramMaker::Shape ProgramMaker::dma_shape(unsigned engine, unsigned context) {
  engines::DmaConfig config;
  config.count = chance(0.5) ? pick(1, 40) : pick(1, 600);
  const std::uint32_t most = std::max(1U, std::min(12U, 1200 / config.count));
  const std::uint32_t a = pick(1, most), b = pick(1, 2), c = pick(1, 2);
  config.src_iter = split(a, b, c);
  config.dst_iter = split(a, b, c);
  Operand from = walk(config.count, config.src_iter, config.src_stride, 1, false);
  Operand to = walk(config.count, config.dst_iter, config.dst_stride, 1, true);
  from.word = 5;
  to.word = 7;
  to.write = true;
  (engine == 0 ? from : to).memory = true;
  Shape shape;
  shape.engine = engine;
  shape.context = context;
  shape.opcode = engine == 0 ? 0x01 : 0x11;
  shape.operands = {from, to};
  shape.may_fill = true;
  contexts_[context][5 + engine] = config.to_words();
  return shape;
}

ProgramMaker::Shape ProgramMaker::tdma_shape(unsigned context) {
  using engines::TdmaConfig;
  Shape shape;
  shape.engine = 4;
  shape.context = context;
  auto& store = contexts_[context];
  const unsigned kind = pick(0, 5);
  if (kind >= 4) {  // a turn, or any pattern of lanes
    engines::TdmaCommand turn;
    if (kind == 4) {
      const auto element = static_cast<engines::TdmaElement>(in(0, 4));
      const std::uint32_t rows = pick(1, 20), cols = pick(1, 20);
      const auto pitch = [&](std::uint32_t n) {
        return (engines::tdma_bytes(element, n) + 7) / 8 * 8 + 8 * pick(0, 5);
      };
      turn = engines::tdma_turn(element, rows, cols, {0, pitch(cols)}, {0, pitch(rows)},
                                static_cast<engines::TdmaTurn>(in(0, 3)));
    } else {
      TdmaConfig config;
      config.nibble = chance(0.3);
      turn.tdma = config.to_row();
      std::array<std::uint32_t, 6> counts{2, pick(1, 2), pick(1, 2), pick(1, 2), 1, 1};
      for (auto* row : {&turn.rd, &turn.wr}) {
        AguConfig agu;
        std::shuffle(counts.begin(), counts.end(), rng_);
        agu.count = counts;
        agu.w_log2 = pick(0, 3);
        if (row == &turn.rd && agu.w_log2 < 3 && chance(0.7)) {
          agu.xpose = static_cast<engines::Transpose>(agu.w_log2 + 1);
        }
        agu.redge_en = chance(0.4);
        agu.redge_loop = pick(0, 5);
        agu.redge_sub = chance(0.5);
        agu.redge_n = pick(1, 15);
        agu.bedge_en = chance(0.4);
        agu.bedge_loop = pick(0, 5);
        agu.bedge_m = pick(0, 8U << agu.w_log2);
        agu.pitch = 8 * pick(0, 20);
        std::array<std::int32_t, 6> stride{};
        for (auto& s : stride) s = 8 * (static_cast<std::int32_t>(pick(0, 80)) - 20);
        agu.set_strides(stride);
        *row = agu.to_row();
      }
    }
    shape.opcode = 0x42;
    store[0] = turn.tdma;
    store[1] = turn.rd;
    store[2] = turn.wr;
    shape.operands = {stream(5, turn.rd, false, Format::Uint8),
                      stream(6, turn.wr, true, Format::Uint8)};
    return shape;
  }
  TdmaConfig config;
  const bool gather = kind == 2, scatter = kind == 3;
  config.mirror = kind == 1;
  config.unit = static_cast<engines::TdmaUnit>(in(0, 3));
  const std::uint32_t unit = !config.mirror                             ? 1
                             : config.unit == engines::TdmaUnit::Bytes4 ? 4
                             : config.unit == engines::TdmaUnit::Bytes2 ? 2
                                                                        : 1;
  config.count = unit * (chance(0.5) ? pick(1, 12) : pick(1, 150 / unit));
  const std::uint32_t most = std::max(1U, std::min(12U, 1000 / config.count));
  const std::uint32_t a = pick(1, most), b = pick(1, 3), c = pick(1, 2);
  config.src_iter = split(a, b, c);
  config.dst_iter = split(a, b, c);
  Operand from = walk(config.count, config.src_iter, config.src_stride, unit, false);
  Operand to = walk(config.count, config.dst_iter, config.dst_stride, 1, chance(0.7));
  from.word = 5;
  to.word = 6;
  to.write = true;
  shape.opcode = gather ? 0x43 : scatter ? 0x44 : 0x41;
  shape.may_fill = kind == 0;
  if (gather || scatter) {
    config.idx_scale = pick(1, 120);
    config.idx_limit = chance(0.5) ? ProgramLayout::kListLimit : 0;
    Operand& table = gather ? from : to;
    table.low = 0;
    table.high = std::int64_t{config.idx_scale} * (ProgramLayout::kListLimit - 1) + config.count;
    const std::uint32_t words = a * b * c;
    const AguConfig agu = linear((words + 15) / 16, words % 16 * 4);
    store[3] = agu.to_row();
    Operand list = stream(7, store[3], false, Format::Uint8);
    list.list = true;
    shape.operands = {from, to, list};
  } else {
    shape.operands = {from, to};
  }
  store[0] = config.to_row();
  return shape;
}

// ------------------------------------------------------------------ contexts

/// The functional model runs the shapes without an error, and they are small.
bool ProgramMaker::works(const std::vector<Shape>& shapes, const World& world) {
  Program program;
  program.contexts = contexts_;
  for (const Shape& shape : shapes) {
    for (const Operand& operand : shape.operands) {
      if (operand.high - operand.low > kLargest) return false;
    }
    auto command = instance(shape);
    if (!command) return false;
    program.commands.push_back(*command);
  }
  if (shapes.size() == 2) {
    program.commands[0].partner = 1;
    program.commands[1].partner = 0;
  }
  World copy = world;
  for (const Outcome& outcome : execute(program, copy)) {
    if (outcome.error != CmdError::Ok) return false;
  }
  return true;
}

void ProgramMaker::roll_engines(unsigned slot, const World& world) {
  const unsigned me_context = order_[slot], ve_context = order_[3 + slot];
  const double kind = std::uniform_real_distribution<double>(0, 1)(rng_);
  const Chain chain = kind < 0.6 ? Chain::None : kind < 0.8 ? Chain::MeToVe : Chain::VeToMe;
  Shape me, ve;
  for (bool good = false; !good;) {
    std::vector<engines::VeBeat> chained;
    ContextRow a_row{};
    Format a_format = Format::Bf16;
    me = me_shape(me_context, chain, chained, a_row, a_format);
    ve = ve_shape(ve_context, chain, chained, a_row, a_format);
    if (chain == Chain::None) {
      good = works({me}, world) && works({ve}, world);
    } else {
      good = chain == Chain::MeToVe ? works({me, ve}, world) : works({ve, me}, world);
    }
  }
  me.mate = ve.mate = chain == Chain::None ? -1 : static_cast<int>(chain);
  me_[slot] = me;
  ve_[slot] = ve;
}

void ProgramMaker::roll_contexts(const World& world, bool all) {
  for (unsigned slot = 0; slot < 3; ++slot) {
    if (all || chance(0.3)) roll_engines(slot, world);
  }
  for (unsigned slot = 0; slot < 2; ++slot) {
    if (!all && !chance(0.4)) continue;
    do tdma_[slot] = tdma_shape(order_[6 + slot]);
    while (!works({tdma_[slot]}, world));
  }
  // DMA rows are in the contexts of the matrix engine and the layout engine.
  static constexpr unsigned kWith[5] = {0, 1, 2, 6, 7};
  for (unsigned engine = 0; engine < 2; ++engine) {
    for (unsigned slot = 0; slot < 5; ++slot) {
      if (!all && !chance(0.2)) continue;
      do dma_[engine][slot] = dma_shape(engine, order_[kWith[slot]]);
      while (!works({dma_[engine][slot]}, world));
    }
  }
}

}  // namespace tsr::tb
