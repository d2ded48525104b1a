// SPDX-License-Identifier: Apache-2.0
#include "tile/program_maker.hpp"

#include <verilated.h>

#include <algorithm>
#include <numeric>

#include "engines/tdma.hpp"
#include "me/gemm_plan.hpp"
#include "ve/ve_plan.hpp"

namespace tsr::tb {

namespace {

using engines::AguConfig;
using engines::CmdError;
using engines::ContextRow;
using numerics::ElementFormat;

constexpr unsigned kEdgeSemaphores = 12;  // 0..11 order commands
constexpr unsigned kGate = 12;            // posted by the bench
constexpr unsigned kSurplus = 15;         // posted by commands, taken by nobody
constexpr std::int64_t kLargest = 3000;   // bytes of an operand

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

ProgramMaker::ProgramMaker(std::mt19937_64& rng, ProgramLayout layout)
    : rng_(rng), layout_(std::move(layout)) {
  page_format_.assign(layout_.arena.bytes / ProgramLayout::kPage, Format::Uint8);
  std::iota(order_.begin(), order_.end(), 0U);
  std::shuffle(order_.begin(), order_.end(), rng_);
}

std::uint64_t ProgramMaker::in(std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(rng_);
}
std::uint32_t ProgramMaker::pick(std::uint64_t low, std::uint64_t high) {
  return static_cast<std::uint32_t>(in(low, high));
}
bool ProgramMaker::chance(double p) { return std::bernoulli_distribution(p)(rng_); }

// ------------------------------------------------------------------ data

std::vector<std::uint32_t> ProgramMaker::refresh(World& world, double share) {
  VeRandom random(rng_);
  std::vector<std::uint32_t> pages;
  for (std::uint32_t p = 0; p < page_format_.size(); ++p) {
    if (!chance(share)) continue;
    page_format_[p] = chance(0.15) ? Format::E8m0 : static_cast<Format>(in(0, 14));
    const std::size_t begin = layout_.arena.base + p * ProgramLayout::kPage;
    if (page_format_[p] == Format::E8m0) {  // scales near one
      for (std::size_t i = 0; i < ProgramLayout::kPage; ++i) {
        world.spm[begin + i] =
            static_cast<std::uint8_t>(chance(0.01) ? pick(0, 255) : pick(118, 136));
      }
    } else {
      random.fill(world.spm, begin, begin + ProgramLayout::kPage, page_format_[p]);
    }
    pages.push_back(p);
  }
  return pages;
}

void ProgramMaker::write_lists(World& world) {
  for (std::uint32_t i = 0; i < ProgramLayout::kListBytes; ++i) {
    world.spm[layout_.lists + i] =
        i % 4 == 0 ? static_cast<std::uint8_t>(pick(0, ProgramLayout::kListLimit - 1))
                   : std::uint8_t{0};
  }
}

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

// ------------------------------------------------------------------ commands

bool ProgramMaker::place(const Operand& operand, ProgramCommand& command) {
  Span span;
  span.write = operand.write;
  ProgramLayout::Region region = layout_.arena;
  std::uint64_t offset = 0;  // of a global address
  if (operand.list) {
    region = {layout_.lists, ProgramLayout::kListBytes};
  } else if (operand.memory && chance(0.85)) {
    region = layout_.memory[in(0, layout_.memory.size() - 1)];
    span.memory = true;
  } else if (operand.memory) {
    offset = layout_.own_spm;
  }
  const std::int64_t size = operand.high - operand.low;
  if (size > region.bytes) return false;
  auto begin = static_cast<std::int64_t>(in(0, static_cast<std::uint64_t>(region.bytes - size)));
  std::vector<std::uint32_t> pages;
  for (std::uint32_t p = 0; p < page_format_.size(); ++p) {
    if (page_format_[p] == operand.format) pages.push_back(p);
  }
  if (!operand.write && !operand.memory && !operand.list && !pages.empty() && chance(0.7)) {
    begin = std::int64_t{pages[in(0, pages.size() - 1)]} * ProgramLayout::kPage + pick(0, 64) * 8;
    begin = std::min<std::int64_t>(begin, region.bytes - size);
  }
  begin += static_cast<std::int64_t>(region.base);
  std::int64_t base = begin - operand.low;
  base -= base % operand.align;
  if (base + operand.low < static_cast<std::int64_t>(region.base)) return false;
  const std::uint64_t address = static_cast<std::uint64_t>(base) + offset;
  command.words[operand.word] = static_cast<std::uint32_t>(address);
  if (operand.memory) command.words[operand.word + 1] = static_cast<std::uint32_t>(address >> 32);
  span.begin = static_cast<std::uint64_t>(base + operand.low);
  span.end = static_cast<std::uint64_t>(base + operand.high);
  command.spans.push_back(span);
  return true;
}

std::optional<ProgramCommand> ProgramMaker::instance(const Shape& shape) {
  VeRandom random(rng_);
  for (int attempt = 0; attempt < 30; ++attempt) {
    ProgramCommand command;
    command.engine = shape.engine;
    unsigned opcode = shape.opcode;
    bool no_source = false, no_target = false;
    const double kind = std::uniform_real_distribution<double>(0, 1)(rng_);
    if (shape.may_fill && kind < 0.25) {
      opcode = shape.engine == 0 ? 0x02 : shape.engine == 1 ? 0x13 : 0x45;
      no_source = true;
    } else if (shape.engine == 1 && kind < 0.4) {
      opcode = 0x12;
      no_target = true;
      const unsigned y0 = pick(0, 4);
      command.words[4] = pick(layout_.own_x + 1, 3) | y0 << 8 | 3U << 16 | pick(y0, 4) << 24;
      command.words[7] = 0x0100'0000 + pick(0x8000, 0xa000);
    }
    command.words[0] = opcode | shape.context << 8;
    // VE constants, bases of ports that are off, fill patterns: anything.
    for (unsigned w = 9; w < 15; ++w) command.words[w] = random.number();
    bool good = true;
    for (const Operand& operand : shape.operands) {
      if ((operand.word == 5 && no_source) || (operand.write && no_target)) continue;
      good = good && place(operand, command);
    }
    const bool in_place = shape.in_place != 0 && chance(0.3);
    for (std::size_t i = 0; i < command.spans.size() && good && in_place; ++i) {
      const Operand& operand = shape.operands[i];
      if (operand.word != 8) continue;
      command.words[8] = command.words[shape.in_place];
      command.spans[i].begin = static_cast<std::uint64_t>(command.words[8] + operand.low);
      command.spans[i].end = static_cast<std::uint64_t>(command.words[8] + operand.high);
    }
    for (std::size_t x = 0; x < command.spans.size() && good; ++x) {
      for (std::size_t y = 0; y < x; ++y) {
        if (!conflict(command.spans[x], command.spans[y])) continue;
        const bool meant =
            in_place && shape.operands[x].word == 8 && shape.operands[y].word == shape.in_place;
        good = good && meant;
      }
    }
    if (good) return command;
  }
  return {};
}

// ------------------------------------------------------------------ order

bool ProgramMaker::add_edge(std::size_t from, std::size_t to, bool join) {
  Links& p = links_[from];
  Links& c = links_[to];
  const auto free_post = [&p] { return p.post[1] < 0 ? 1 : !p.reports && p.post[0] < 0 ? 0 : -1; };
  const auto free_wait = [&c] { return c.wait[0] < 0 ? 0 : c.wait[1] < 0 ? 1 : -1; };
  const auto find = [&](Owner owner, std::size_t command) {
    for (unsigned s = 0; s < kEdgeSemaphores; ++s) {
      if (semaphores_[s].owner == owner && semaphores_[s].command == command)
        return static_cast<int>(s);
    }
    return -1;
  };
  const unsigned amount = pick(1, 3);
  const Owner owner = join ? Owner::Consumer : Owner::Producer;
  const std::size_t master = join ? to : from;
  int semaphore = find(owner, master);
  if (semaphore < 0) {
    semaphore = find(Owner::Free, 0);
    if (semaphore < 0) return false;
  }
  const auto slot_of = [semaphore](const int(&list)[2]) {
    return list[0] == semaphore ? 0 : list[1] == semaphore ? 1 : -1;
  };
  int post = slot_of(p.post), wait = slot_of(c.wait);
  if (!join && wait >= 0) return true;
  if (post < 0) post = free_post();
  if (wait < 0) wait = free_wait();
  if (post < 0 || wait < 0) return false;
  semaphores_[static_cast<unsigned>(semaphore)] = {owner, static_cast<unsigned>(master)};
  p.post[post] = c.wait[wait] = semaphore;
  p.post_n[post] += amount;
  c.wait_n[wait] += amount;
  return true;
}

/// Order the last command behind what it conflicts with. False: not possible.
bool ProgramMaker::link(Program& program, std::size_t index) {
  ProgramCommand& command = program.commands[index];
  int previous = -1;
  for (std::size_t j = 0; j < index; ++j) {
    if (program.commands[j].engine == command.engine) previous = static_cast<int>(j);
  }
  const bool may_overlap = command.engine == 0 || command.engine == 2 || command.engine == 3;
  const bool overlap = previous >= 0 && chance(may_overlap ? 0.6 : 0.2);
  std::bitset<32> before;
  if (previous >= 0) {
    before = program.commands[static_cast<std::size_t>(previous)].before;
    if (!overlap) {
      for (std::size_t j = 0; j < index; ++j) {
        if (program.commands[j].engine == command.engine)
          before |= program.commands[j].before, before.set(j);
      }
    }
  }
  std::vector<std::size_t> producers;
  for (std::size_t j = index; j-- > 0;) {
    const bool needed = conflict(program.commands[j].spans, command.spans) && !before[j];
    const bool extra = chance(0.04);
    if (!(needed || extra) || static_cast<int>(j) == command.partner) {
      if (needed) return false;  // the two ends of a chain
      continue;
    }
    // Who waits for its partner's partner would wait for itself.
    if (before[j]) continue;
    producers.push_back(j);
    before.set(j);
    before |= program.commands[j].before;
  }
  const bool join = producers.size() > 2 || (producers.size() == 2 && chance(0.4));
  for (const std::size_t j : producers) {
    if (!add_edge(j, index, join)) return false;
  }
  if (overlap) command.words[0] |= 1U << 12;
  command.before = before;
  return true;
}

bool ProgramMaker::append(Program& program, std::vector<ProgramCommand> commands) {
  const auto links = links_;
  const auto semaphores = semaphores_;
  const std::size_t first = program.commands.size();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands.size() == 2) commands[i].partner = static_cast<int>(first + 1 - i);
    program.commands.push_back(commands[i]);
    links_.push_back({});
    links_.back().reports = chance(0.85);
    if (!link(program, first + i)) {
      program.commands.resize(first);
      links_ = links;
      semaphores_ = semaphores;
      return false;
    }
  }
  return true;
}

/// Ids, semaphores and interrupts into the words.
void ProgramMaker::finish(Program& program) {
  unsigned gated = 0;
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    ProgramCommand& command = program.commands[i];
    Links& links = links_[i];
    if (links.wait[0] < 0 && chance(0.2)) {
      links.wait[0] = kGate;
      links.wait_n[0] = pick(1, 3);
      gated += links.wait_n[0];
    }
    if (links.post[1] < 0 && chance(0.1)) {
      links.post[1] = kSurplus;
      links.post_n[1] = pick(1, 5);
    }
    command.words[0] |= ((program.number << 5 | static_cast<unsigned>(i)) & 0xffff) << 16;
    if (chance(0.1)) command.words[0] |= 1U << 11;
    for (unsigned slot = 0; slot < 2; ++slot) {
      if (links.wait[slot] >= 0) {
        command.words[1] |=
            (static_cast<unsigned>(links.wait[slot]) | 16U | links.wait_n[slot] << 8)
            << (16 * slot);
      }
      if (links.post[slot] >= 0) {
        command.words[2] |=
            (static_cast<unsigned>(links.post[slot]) | 16U | links.post_n[slot] << 8)
            << (16 * slot);
      }
    }
    if (links.reports) {
      command.words[2] |= command.engine | 0x30U | static_cast<unsigned>(i + 1) << 8;
      command.words[3] = layout_.report_rect;
    }
    command.words[15] = pick(0, 0xffff'ffff);
  }
  while (gated > 0) {
    const unsigned n = pick(1, std::min(gated, 4U));
    program.gates.push_back({kGate, n});
    gated -= n;
  }
}

// ------------------------------------------------------------------ illegal commands

/// What never runs because of the bad command.
void ProgramMaker::bury(Program& program) {
  std::array<bool, kEngines> stuck{};
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    ProgramCommand& command = program.commands[i];
    command.dead = command.bad || stuck[command.engine];
    for (unsigned slot = 0; slot < 2 && !command.dead; ++slot) {
      const unsigned wait = command.wait(slot);
      if ((wait >> 4 & 1) == 0 || (wait & 15) >= kGate) continue;
      for (std::size_t j = 0; j < i; ++j) {
        if (!program.commands[j].dead) continue;
        for (unsigned p = 0; p < 2; ++p) {
          const unsigned post = program.commands[j].post(p);
          if ((post >> 4 & 3) == 1 && (post & 15) == (wait & 15)) command.dead = true;
        }
      }
    }
    stuck[command.engine] = stuck[command.engine] || command.dead;
  }
}

/// Make one command illegal in a way that moves nothing.
void ProgramMaker::spoil(Program& program, const World& world) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    const std::size_t index = in(0, program.commands.size() - 1);
    ProgramCommand& command = program.commands[index];
    if (command.opcode() == 0) continue;
    const ProgramCommand good = command;
    const std::uint32_t bad_address = static_cast<std::uint32_t>(layout_.unmapped.base);
    switch (pick(0, 4)) {
      case 0:  // opcode of another engine, or of none
        command.words[0] = (command.words[0] & ~255U) | pick(0x50, 0xff);
        break;
      case 1:  // context of another engine
        command.words[0] = (command.words[0] & ~0x700U) | pick(0, 7) << 8;
        break;
      case 2:  // base not a multiple of 8, or far outside
        command.words[5 + pick(0, 3)] = chance(0.5) ? pick(0, 0x3'0000) | 4U : 0x0100'0000U;
        break;
      case 3:  // global address beyond 56 bits
        if (command.engine < 2) command.words[command.engine == 0 ? 6 : 8] |= 0x0100'0000U;
        break;
      default:  // unmapped memory
        if (command.engine < 2) {
          command.words[command.engine == 0 ? 5 : 7] = bad_address + layout_.unmapped.bytes / 2;
          command.words[command.engine == 0 ? 6 : 8] = 0;
        }
        break;
    }
    // Half of a chain would wait for ever.
    const auto& rows = program.contexts[command.context()];
    if ((command.engine == 2 && (rows[0][0] >> 16 & 3) != 0) ||
        (command.engine == 3 && ((rows[1][8] >> 14 & 1) != 0 || (rows[1][11] >> 20 & 1) != 0))) {
      command = good;
      continue;
    }
    Program alone;
    alone.contexts = program.contexts;
    alone.commands = {command};
    World after = world;
    const Outcome outcome = execute(alone, after)[0];
    if (outcome.error != CmdError::Ok && after.spm == world.spm && after.memory == world.memory &&
        after.multicast == world.multicast) {
      command.bad = true;
      for (std::size_t i = index + 1; i < program.commands.size(); ++i) {
        if (program.commands[i].engine == command.engine)
          program.commands[i].words[0] &= ~(1U << 12);
      }
      bury(program);
      return;
    }
    command = good;
  }
}

// ------------------------------------------------------------------ programs

Program ProgramMaker::make(const World& world, unsigned number, bool failing) {
  roll_contexts(world, number == 0);
  Program program;
  program.number = number;
  program.contexts = contexts_;
  links_.clear();
  semaphores_ = {};
  const std::size_t size = in(5, 20);
  for (int attempt = 0; attempt < 200 && program.commands.size() < size; ++attempt) {
    static constexpr Lane kMix[] = {Lane::Rdma, Lane::Wdma, Lane::Me,   Lane::Me,
                                    Lane::Ve,   Lane::Ve,   Lane::Tdma, Lane::Tdma};
    const Lane lane = kMix[in(0, 7)];
    if (chance(0.04)) {
      ProgramCommand nop;
      nop.engine = static_cast<unsigned>(lane);
      append(program, {nop});
      continue;
    }
    const unsigned slot = pick(0, 2);
    const Shape& shape = lane == Lane::Me     ? me_[slot]
                         : lane == Lane::Ve   ? ve_[slot]
                         : lane == Lane::Tdma ? tdma_[in(0, 1)]
                                              : dma_[static_cast<unsigned>(lane)][in(0, 4)];
    const auto first = instance(shape);
    if (!first) continue;
    if (shape.mate < 0) {
      append(program, {*first});
      continue;
    }
    if (failing || program.commands.size() + 2 > 20) continue;
    const auto second = instance(lane == Lane::Me ? ve_[slot] : me_[slot]);
    if (!second || conflict(first->spans, second->spans)) continue;
    const bool me_first = shape.mate == static_cast<int>(Chain::MeToVe);
    if ((lane == Lane::Me) == me_first) {
      append(program, {*first, *second});
    } else {
      append(program, {*second, *first});
    }
  }
  finish(program);
  if (failing) spoil(program, world);
  return program;
}

}  // namespace tsr::tb
