// SPDX-License-Identifier: Apache-2.0
#include "tlm/engines/timing.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace tsr::timing {

using engines::AguConfig;
using engines::ContextRow;
using engines::Transpose;

// ------------------------------------------------------------------ scratchpad

unsigned access_cycles(const AguConfig& config, bool write) {
  const unsigned width = 1U << config.w_log2;
  if (width == 8 || (config.pitch == 0 && !write)) return 1;
  std::array<unsigned, 8> lanes{};
  unsigned most = 0;
  for (unsigned l = 0; l < 8; ++l) {
    const std::uint32_t word = (l / width) * (config.pitch / 8) + l % width;
    most = std::max(most, ++lanes[word % 8]);
  }
  return most;
}

void BankLoad::add(std::int64_t low, std::int64_t high, std::uint64_t accesses, unsigned cycles) {
  low = std::max<std::int64_t>(low, 0);
  high = std::min<std::int64_t>(high, 8 * std::int64_t{hyperbank_} - 1);
  if (low > high) return;
  const double each = static_cast<double>(accesses) * cycles / static_cast<double>(high - low + 1);
  for (std::int64_t at = low; at <= high;) {
    const std::int64_t bank = at / hyperbank_;
    const std::int64_t end = std::min(high + 1, (bank + 1) * hyperbank_);
    load_[static_cast<std::size_t>(bank)] += each * static_cast<double>(end - at);
    at = end;
  }
}

namespace {

/// Strides of the loops from what is added when they advance, which rewinds the loops inside.
std::array<std::int64_t, 6> strides(const std::array<std::int32_t, 6>& step,
                                    const std::array<std::uint32_t, 6>& count) {
  std::array<std::int64_t, 6> stride{};
  std::int64_t rewind = 0;
  for (unsigned j = 0; j < 6; ++j) {
    stride[j] = step[j] + rewind;
    rewind += stride[j] * (std::int64_t{count[j]} - 1);
  }
  return stride;
}

/// Share of the accesses of a plane check that lie in a row of the picture: the others touch
/// nothing.
double share_inside(const AguConfig& config) {
  if (config.win_w == 0) return 1;
  const auto stride = strides(config.dy, config.count);
  // How many iterations lie at each row, a loop after the other.
  std::map<std::int64_t, double> rows{{-std::int64_t{config.pad_y}, 1.0}};
  for (unsigned j = 0; j < 6; ++j) {
    if (stride[j] == 0) continue;
    std::map<std::int64_t, double> next;
    for (const auto& [y, share] : rows) {
      for (std::uint32_t i = 0; i < config.count[j]; ++i) {
        next[y + stride[j] * i] += share / config.count[j];
      }
    }
    rows = std::move(next);
    if (rows.size() > 4096) return 1;  // no picture
  }
  double inside = 0;
  for (const auto& [y, share] : rows) {
    if (y >= 0 && y < config.win_h) inside += share;
  }
  return inside;
}

}  // namespace

void BankLoad::add(const AguConfig& config, std::uint32_t base, bool write) {
  const auto stride = strides(config.delta, config.count);
  // A picture with a border begins in front of its first pixel, which may be below 0.
  std::int64_t low = base;
  if (low >= 8 * std::int64_t{hyperbank_}) low -= std::int64_t{1} << 22;
  std::int64_t high = low + 7;
  for (unsigned j = 0; j < 6; ++j) {
    const std::int64_t way = stride[j] * (std::int64_t{config.count[j]} - 1);
    (way < 0 ? low : high) += way;
  }
  const unsigned groups = 8U >> config.w_log2;
  // A pitch above half the address space is negative.
  const auto pitch = static_cast<std::int64_t>(static_cast<std::int32_t>(config.pitch << 10) >> 10);
  const std::int64_t rows = pitch * (groups - 1);
  (rows < 0 ? low : high) += rows;
  high += 8 * ((std::int64_t{1} << config.w_log2) - 1);
  const double accesses = static_cast<double>(config.accesses()) * share_inside(config);
  add(low, high, static_cast<std::uint64_t>(accesses), access_cycles(config, write));
}

std::uint64_t BankLoad::busiest() const {
  return static_cast<std::uint64_t>(std::llround(*std::max_element(load_.begin(), load_.end())));
}

namespace {

/// Loops with more than one iteration.
unsigned levels(const AguConfig& config) {
  unsigned outermost = 0;
  for (unsigned j = 0; j < 6; ++j) {
    if (config.count[j] > 1) outermost = j + 1;
  }
  return outermost;
}

/// Cycles that a stream needs for itself. An access without a lane is accepted at once.
std::uint64_t stream_cycles(const AguConfig& config, bool write) {
  const double share = share_inside(config);
  const double cycles = access_cycles(config, write) * share + (1 - share);
  return static_cast<std::uint64_t>(static_cast<double>(config.accesses()) * cycles);
}

}  // namespace

// ------------------------------------------------------------------ matrix engine

std::uint64_t me_beat_ops(const engines::MeConfig& config, unsigned grid) {
  return std::uint64_t{grid} * grid *
         (64U / static_cast<unsigned>(numerics::element_bits(config.format)));
}

Occupancy me_occupancy(const engines::MeJob& job, const engines::MePlan& plan,
                       std::uint32_t spm_bytes) {
  const engines::MeConfig me = engines::MeConfig::from_row(job.context.me);
  const AguConfig a = AguConfig::from_row(job.context.a);
  const AguConfig b = AguConfig::from_row(job.context.b);
  const AguConfig c = AguConfig::from_row(job.context.c);
  const AguConfig o = AguConfig::from_row(job.context.o);

  Occupancy out;
  out.rows = 2U + static_cast<unsigned>(!me.chain_a) + static_cast<unsigned>(me.preload) +
             static_cast<unsigned>(!me.chain_o) + static_cast<unsigned>(me.mx);
  // 10 cycles from the offer to the first request with one loop, 2 more to the first beat.
  out.config = 7 + std::max(levels(a), levels(b)) + static_cast<unsigned>(me.preload) +
               static_cast<unsigned>(me.mx);
  out.lead = 4;
  out.drain = 12;

  const bool two = me.format == engines::MeFormat::Fp32;  // cycles a beat
  const std::uint64_t shortest = job.grid == 16 ? 16 : job.grid == 4 ? 1 : me.preload ? 6 : 4;
  const std::uint64_t block = std::max(plan.beats * (two ? 2 : 1), shortest);
  out.busy = plan.blocks * plan.beats * (two ? 2 : 1);
  out.work = plan.blocks * block;
  out.first = block + out.drain;

  BankLoad load(spm_bytes);
  std::uint64_t port_c = 0;  // of stream C and the scales
  if (!me.chain_a) {
    out.work = std::max(out.work, stream_cycles(a, false));
    load.add(a, job.base[0], false);
  }
  out.work = std::max(out.work, stream_cycles(b, false));
  load.add(b, job.base[1], false);
  if (me.preload) {
    port_c += stream_cycles(c, false);
    load.add(c, job.base[2], false);
  }
  if (me.mx) {
    const auto scales = [&](const AguConfig& operand, unsigned base) {
      const std::uint64_t accesses = operand.accesses() / operand.count[0] *
                                     engines::scale_accesses(me.format, operand.count[0]);
      port_c += accesses;
      load.add(job.scale_base[base], std::int64_t{job.scale_base[base]} + 63, accesses, 1);
    };
    scales(a, 0);
    scales(b, 1);
  }
  if (!me.chain_o) {
    out.work = std::max(out.work, stream_cycles(o, true));
    load.add(o, job.base[3], true);
  }
  const std::uint64_t port = std::max(port_c, load.busiest());
  if (port > out.work) {
    // The scratchpad holds it up: its last reads are over before the last beats and the drain.
    out.work = port;
    out.drain -= 9;
  }
  return out;
}

// ------------------------------------------------------------------ vector engine

namespace {

/// Last valid byte of an access, plus 1, when the edge loops are at their last iteration or not.
unsigned valid_bytes(const AguConfig& config, bool row_edge, bool byte_edge) {
  const unsigned group_bytes = 8U << config.w_log2;
  const unsigned groups = 64 / group_bytes;
  unsigned rows = groups;
  if (config.redge_en && row_edge) {
    rows = std::min(groups, config.redge_n == 0 ? 16U : config.redge_n);
  }
  unsigned bytes = group_bytes;
  if (config.bedge_en && byte_edge) bytes = std::min(group_bytes, config.bedge_m);
  return rows == 0 || bytes == 0 ? 0 : (rows - 1) * group_bytes + bytes;
}

/// Beats times what `of` says of a beat's valid bytes.
template <typename Of>
std::uint64_t over_edges(const AguConfig& config, Of of) {
  const std::uint64_t total = config.accesses();
  if (!config.redge_en && !config.bedge_en) return total * of(valid_bytes(config, false, false));
  std::uint64_t sum = 0;
  for (unsigned edges = 0; edges < 4; ++edges) {
    const bool row = (edges & 1U) != 0;
    const bool byte = (edges & 2U) != 0;
    const bool same = config.redge_loop == config.bedge_loop;
    if (same && row != byte) continue;
    std::uint64_t count = total / config.count[config.redge_loop];
    count *= row ? 1 : config.count[config.redge_loop] - 1;
    if (!same) {
      count /= config.count[config.bedge_loop];
      count *= byte ? 1 : config.count[config.bedge_loop] - 1;
    }
    sum += count * of(valid_bytes(config, row, byte));
  }
  return sum;
}

}  // namespace

std::uint64_t ve_groups(const engines::VeContext& context) {
  const engines::VeConfig config = engines::VeConfig::from_rows(context.stages, context.io);
  const AguConfig agu = AguConfig::from_row(context.in[0]);
  const engines::VeInPort& port = config.in[0];
  const unsigned bits = 16U * static_cast<unsigned>(numerics::element_bits(port.format));
  if (!port.skip) return agu.accesses() * (512 / bits);
  return over_edges(agu, [&](unsigned bytes) {
    return std::uint64_t{std::max(1U, (8 * bytes + bits - 1) / bits)};
  });
}

namespace {

/// Cycles between groups: accumulation by a multiplier or a special function waits for its result.
unsigned ve_interval(const engines::VeConfig& config) {
  unsigned interval = 1;
  for (const engines::VeStage& stage : config.stage) {
    const bool reads_acc = stage.a.src == engines::VeSrc::Acc ||
                           stage.b.src == engines::VeSrc::Acc || stage.c.src == engines::VeSrc::Acc;
    if (!stage.acc_en || !reads_acc) continue;
    const unsigned kind = static_cast<unsigned>(stage.op) & 0x38U;
    if (kind == 0x20) interval = std::max(interval, 4U);
    if (kind == 0x28) interval = std::max(interval, 6U);
  }
  return interval;
}

}  // namespace

Occupancy ve_occupancy(const engines::VeContext& context, const engines::VeCommand& command,
                       std::uint32_t spm_bytes) {
  const engines::VeConfig config = engines::VeConfig::from_rows(context.stages, context.io);
  Occupancy out;
  BankLoad load(spm_bytes);
  unsigned streams = 0;
  const auto stream = [&](const ContextRow& row, unsigned port, bool write) {
    const AguConfig agu = AguConfig::from_row(row);
    ++streams;
    out.work = std::max(out.work, stream_cycles(agu, write));
    load.add(agu, command.base[port], write);
  };
  for (unsigned i = 0; i < 3; ++i) {
    if (config.in[i].en && !config.in[i].chain) stream(context.in[i], i, false);
  }
  for (unsigned i = 0; i < 2; ++i) {
    if (config.out[i].en && !config.out[i].chain) stream(context.out[i], 3 + i, true);
  }
  out.rows = 2 + streams;
  out.config = 5 + streams;
  out.lead = 4;
  out.drain = 40U + static_cast<unsigned>(config.out[0].en && config.out[0].mx);
  out.busy = config.in[0].chain ? 0 : ve_groups(context);
  out.work = std::max({out.work, out.busy * ve_interval(config), load.busiest()});
  out.first = out.drain;
  return out;
}

// ------------------------------------------------------------------ layout engine

namespace {

/// Steps of the byte mover for one element.
std::uint64_t mover_steps(std::uint64_t source, std::uint64_t destination, std::uint64_t count) {
  const std::uint64_t s = source % 8;
  const std::uint64_t d = destination % 8 + (destination % 8 < s ? 8 : 0);
  return (d + count + 63) / 64;
}

/// Offset of element (i0, i1, i2) of one side.
std::uint64_t walk(const std::array<std::int32_t, 3>& stride, std::uint64_t i0, std::uint64_t i1,
                   std::uint64_t i2) {
  return static_cast<std::uint64_t>(stride[0]) * i0 + static_cast<std::uint64_t>(stride[1]) * i1 +
         static_cast<std::uint64_t>(stride[2]) * i2;
}

/// All alignments of a side repeat after 8 iterations of a loop.
std::uint64_t moves(const engines::TdmaCommand& command, const engines::TdmaConfig& config) {
  const auto op = static_cast<engines::TdmaOp>(command.op);
  const auto& iter = op == engines::TdmaOp::Scatter ? config.src_iter : config.dst_iter;
  const bool same = op != engines::TdmaOp::Copy || config.src_iter == config.dst_iter;
  std::uint64_t steps = 0;
  // Elements of both sides are numbered alike only if the loops agree; else their offsets are taken
  // as those of the first element.
  const std::array<std::uint64_t, 3> period{std::min<std::uint64_t>(iter[0], 8),
                                            std::min<std::uint64_t>(iter[1], 8),
                                            std::min<std::uint64_t>(iter[2], 8)};
  std::uint64_t weight = 0;
  for (std::uint64_t i2 = 0; i2 < period[2]; ++i2) {
    for (std::uint64_t i1 = 0; i1 < period[1]; ++i1) {
      for (std::uint64_t i0 = 0; i0 < period[0]; ++i0) {
        std::uint64_t source = command.src;
        std::uint64_t destination = command.dst;
        if (op == engines::TdmaOp::Gather) {
          source += (config.idx_scale % 8) * i0;
        } else if (op != engines::TdmaOp::Fill && same) {
          source += walk(config.src_stride, i0, i1, i2);
        }
        if (op == engines::TdmaOp::Scatter) {
          destination += (config.idx_scale % 8) * i0;
        } else {
          destination += walk(config.dst_stride, i0, i1, i2);
        }
        if (op == engines::TdmaOp::Fill) source = 0;
        if (config.mirror) source += config.count;
        steps += mover_steps(source, destination, config.count);
        ++weight;
      }
    }
  }
  const std::uint64_t elements = std::uint64_t{iter[0]} * iter[1] * iter[2];
  return (steps * elements + weight - 1) / weight;
}

/// Loops with more than one iteration of a walk.
unsigned walk_levels(const std::array<std::uint16_t, 3>& iter) {
  return iter[2] > 1 ? 3 : iter[1] > 1 ? 2 : iter[0] > 1 ? 1 : 0;
}

/// Bytes that a walked side touches.
void add_walk(BankLoad& load, std::uint32_t base, const std::array<std::int32_t, 3>& stride,
              const std::array<std::uint16_t, 3>& iter, std::uint32_t count, std::uint64_t steps) {
  std::int64_t low = base;
  std::int64_t high = std::int64_t{base} + count - 1;
  for (unsigned j = 0; j < 3; ++j) {
    const std::int64_t way = std::int64_t{stride[j]} * (std::int64_t{iter[j]} - 1);
    (way < 0 ? low : high) += way;
  }
  load.add(low, high, steps, 1);
}

}  // namespace

Occupancy tdma_occupancy(const engines::TdmaCommand& command, std::uint32_t spm_bytes) {
  using engines::TdmaOp;
  const auto op = static_cast<TdmaOp>(command.op);
  const engines::TdmaConfig config = engines::TdmaConfig::from_row(command.tdma);
  Occupancy out;
  BankLoad load(spm_bytes);
  out.lead = 6;
  out.drain = 2;
  unsigned level = 0;
  if (op == TdmaOp::Transpose) {
    const AguConfig from = AguConfig::from_row(command.rd);
    const AguConfig to = AguConfig::from_row(command.wr);
    load.add(from, command.src, false);
    load.add(to, command.dst, true);
    out.busy = from.accesses();
    out.work = std::max({out.busy, stream_cycles(from, false), stream_cycles(to, true)});
    level = out.busy == 1 ? 0 : std::max(levels(from), levels(to));
    out.drain += config.nibble ? 2 : 0;
    out.rows = 3;
  } else {
    out.busy = moves(command, config);
    out.work = out.busy;
    const bool gather = op == TdmaOp::Gather;
    const bool scatter = op == TdmaOp::Scatter;
    if (op == TdmaOp::Copy || scatter) {
      add_walk(load, command.src, config.src_stride, config.src_iter, config.count, out.busy);
      level = walk_levels(config.src_iter);
    }
    if (!scatter) {
      add_walk(load, command.dst, config.dst_stride, config.dst_iter, config.count, out.busy);
      level = std::max(level, walk_levels(config.dst_iter));
    }
    if (gather || scatter) {
      const std::uint64_t lists = AguConfig::from_row(command.rd).accesses();
      out.work += lists > 4 ? lists - 4 : 0;
      out.lead += 6;
      out.rows = 1;
    }
    ++out.rows;
  }
  out.config = 5 + level;
  out.work = std::max(out.work, load.busiest());
  return out;
}

}  // namespace tsr::timing
