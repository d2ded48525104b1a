// SPDX-License-Identifier: Apache-2.0
#include "engines/me.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "engines/me_kernel.hpp"
#include "engines/stream_walk.hpp"

namespace tsr::engines {

namespace {

/// Product of the counts of loops `from`..`to`; 0 if it does not fit 32 bits.
std::uint64_t total(const AguConfig& config, unsigned from, unsigned to) {
  std::uint64_t product = 1;
  for (unsigned j = from; j <= to; ++j) {
    product *= config.count[j];
    if (product >> 32 != 0) return 0;
  }
  return product;
}

/// Rows of a beat with a valid byte.
std::uint32_t rows_in_use(std::uint64_t strb) {
  std::uint32_t rows = 0;
  for (unsigned l = 0; l < 8; ++l) rows |= ((strb >> (8 * l)) & 0xff) != 0 ? 1U << l : 0U;
  return rows;
}

/// One operand: a reader for each 8 rows of the grid, in lock-step.
class Operand {
 public:
  Operand(const AguConfig& config, std::uint32_t base, unsigned grid) {
    const std::uint32_t upper =
        config.xpose == Transpose::None ? 8 * config.pitch : 8U << config.w_log2;
    readers_.emplace_back(config, base);
    if (grid > 8) readers_.emplace_back(config, base + upper, 8U);
  }

  void next() {
    for (auto& reader : readers_) reader.next();
  }
  unsigned last() const { return readers_[0].last(); }
  std::uint32_t base() const { return readers_[0].base(); }
  bool plain() const { return readers_[0].plain(); }
  std::size_t readers() const { return readers_.size(); }

  /// 64 bytes of each reader to `out[i]`; rows with an unmasked byte are noted in `used`. False: an
  /// access is outside; `failed` gets its base.
  bool read(const std::vector<std::uint8_t>& spm, const std::array<std::uint8_t*, 2>& out,
            std::uint32_t& used, std::uint32_t& failed) const {
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      if (readers_[i].out_of_range(spm.size())) {
        failed = readers_[i].base();
        return false;
      }
      const std::uint64_t strb = readers_[i].read(spm, out[i]);
      used |= (strb == ~std::uint64_t{0} ? 0xffU : rows_in_use(strb)) << (8 * i);
    }
    return true;
  }

  /// As StreamWalk's.
  bool in_a_row(std::size_t beats, std::size_t spm_bytes) const {
    return std::all_of(readers_.begin(), readers_.end(),
                       [=](const StreamWalk& reader) { return reader.in_a_row(beats, spm_bytes); });
  }
  void read_row(const std::vector<std::uint8_t>& spm, const std::array<std::uint8_t*, 2>& out,
                std::size_t beats) const {
    for (std::size_t i = 0; i < readers_.size(); ++i) readers_[i].read_row(spm, out[i], beats);
  }
  void skip(std::size_t beats) {
    for (auto& reader : readers_) reader.skip(beats);
  }

 private:
  std::vector<StreamWalk> readers_;
};

/// Tells whether a block's beats of an operand are those of the block before, which still lie in
/// their slots: a block that begins at the same place walks the same way.
class Repeats {
 public:
  Repeats(const Operand& operand, bool fits) : operand_(operand), may_(fits && operand.plain()) {}
  bool next_block() {
    const bool same = may_ && known_ && operand_.base() == base_;
    base_ = operand_.base();
    known_ = true;
    return same;
  }

 private:
  const Operand& operand_;
  bool may_;
  bool known_ = false;
  std::uint32_t base_ = 0;
};

/// Block scales of an operand: which byte belongs to the operand's beat.
class Scales {
 public:
  Scales(const AguConfig& operand, const ContextRow& row, unsigned first_word, std::uint32_t base,
         MeFormat format, unsigned grid)
      : per_block_(static_cast<unsigned>(numerics::kScaleBlock / numerics::beat_elements(format))),
        stream_(config(operand, row, first_word, format), base, grid) {}

  /// 8 scales for each reader to `out[i]`.
  bool read(const std::vector<std::uint8_t>& spm, const std::array<std::uint8_t*, 2>& out,
            std::uint32_t& failed) const {
    std::array<BeatBytes, 2> rows{};
    std::uint32_t unused = 0;
    if (!stream_.read(spm, {rows[0].data(), rows[1].data()}, unused, failed)) return false;
    for (std::size_t i = 0; i < stream_.readers(); ++i) {
      for (std::size_t r = 0; r < 8; ++r) out[i][r] = rows[i][8 * r + beat_ / per_block_ % 8];
    }
    return true;
  }
  /// The operand's beat was used; `last`: loop 0 ends with it.
  void next(bool last) {
    ++beat_;
    if (last || beat_ == 8 * per_block_) {
      beat_ = 0;
      stream_.next();
    }
  }

 private:
  static AguConfig config(const AguConfig& operand, const ContextRow& row, unsigned first_word,
                          MeFormat format) {
    AguConfig out = operand;
    out.pitch = row[first_word + 1] & kSpmAddressMask;
    out.w_log2 = 0;
    out.xpose = Transpose::None;
    out.count[0] = scale_accesses(format, operand.count[0]);
    for (unsigned j = 0; j < 6; ++j) {
      out.delta[j] = static_cast<std::int32_t>(row[first_word + 2 + j] << 10) >> 10;
    }
    out.redge_sub = false;
    out.bedge_en = false;
    if (operand.xpose != Transpose::None) {  // its rows are bytes in memory
      out.redge_en = operand.bedge_en;
      out.redge_loop = operand.bedge_loop;
      out.redge_n = operand.bedge_m & 15;
    }
    return out;
  }

  unsigned per_block_;  // beats of a block
  unsigned beat_ = 0;
  Operand stream_;
};

/// The grid as tiles of 8 x 8 cells, and beats that wait to be added.
class Grid {
 public:
  /// Rows of 2 KiB: an operand of that size is read once for all blocks that it takes part in.
  static constexpr std::size_t kBeats = 256;
  Grid(const MeKind& kind, unsigned side)
      : kind_(kind), side_(side), halves_(side > 8 ? 2 : 1), tiles_(halves_ * halves_) {}

  void clear() {
    for (MeTile& tile : tiles_) tile.clear();
  }
  /// Where the next beat goes: halves of A, of B, and their scales.
  std::array<std::uint8_t*, 2> slot_a() { return slot(a_, 64); }
  std::array<std::uint8_t*, 2> slot_b() { return slot(b_, 64); }
  std::array<std::uint8_t*, 2> slot_scale_a() { return slot(scale_a_, 8); }
  std::array<std::uint8_t*, 2> slot_scale_b() { return slot(scale_b_, 8); }
  /// The beat in the slots is complete, or so many from there on.
  void add_beats(std::size_t beats = 1) {
    waiting_ += beats;
    if (waiting_ == kBeats) flush();
  }
  void flush() {
    for (unsigned i = 0; i < tiles_.size(); ++i) {
      const unsigned y = i / halves_;
      const unsigned x = i % halves_;
      me_accumulate(kind_,
                    {a_[y].data(), b_[x].data(), scale_a_[y].data(), scale_b_[x].data(), waiting_},
                    tiles_[i]);
    }
    waiting_ = 0;
  }
  void preload(const std::vector<std::uint32_t>& bits) {
    if (side_ == 8) return tiles_[0].preload_all(kind_.rule.int32, bits.data());
    for (unsigned cell = 0; cell < bits.size(); ++cell) {
      tiles_[tile_of(cell)].preload(kind_.rule.int32, number(cell), bits[cell]);
    }
  }
  /// Results in the order of the cells; notes exceptions of rows and columns in use.
  void drain(bool relu, bool to_bf16, std::uint32_t rows, std::uint32_t columns,
             std::vector<std::uint32_t>& bits, MeResult& result) {
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
      me_drain(kind_, tiles_[i], relu, to_bf16, drained_[i]);
      // A grid of 4 x 4 has only a part of a tile, though its streams bring eight rows.
      const std::uint32_t there = side_ < 8 ? (1U << side_) - 1 : 0xff;
      const std::uint32_t y = rows >> (8 * (i / halves_)) & there;
      const std::uint32_t x = columns >> (8 * (i % halves_)) & there;
      std::uint64_t counts = 0;
      for (unsigned r = 0; r < 8; ++r) {
        if ((y >> r & 1) != 0) counts |= std::uint64_t{x} << (8 * r);
      }
      result.nan = result.nan || (drained_[i].nan & counts) != 0;
      result.overflow = result.overflow || (drained_[i].overflow & counts) != 0;
    }
    if (side_ == 8) {
      bits.assign(drained_[0].bits, drained_[0].bits + 64);
      return;
    }
    for (unsigned cell = 0; cell < bits.size(); ++cell) {
      bits[cell] = drained_[tile_of(cell)].bits[number(cell)];
    }
  }

 private:
  template <std::size_t Bytes>
  using Buffer = std::array<std::array<std::uint8_t, Bytes * kBeats>, 2>;

  template <std::size_t Size>
  std::array<std::uint8_t*, 2> slot(std::array<std::array<std::uint8_t, Size>, 2>& buffer,
                                    std::size_t bytes) {
    return {buffer[0].data() + bytes * waiting_, buffer[1].data() + bytes * waiting_};
  }
  unsigned tile_of(unsigned cell) const { return cell / side_ / 8 * halves_ + cell % side_ / 8; }
  unsigned number(unsigned cell) const { return cell / side_ % 8 * 8 + cell % side_ % 8; }

  MeKind kind_;
  unsigned side_;
  unsigned halves_;
  std::vector<MeTile> tiles_;
  std::array<MeDrained, 4> drained_;
  Buffer<64> a_, b_;
  Buffer<8> scale_a_, scale_b_;
  std::size_t waiting_ = 0;
};

bool scale_words_legal(const ContextRow& row) {
  for (unsigned word = 0; word < 16; ++word) {
    if (word % 8 != 0 && row[word] % 8 != 0) return false;
  }
  return true;
}

bool stream_legal(const ContextRow& row, bool may_transpose) {
  const AguConfig config = AguConfig::from_row(row);
  return AguConfig::legal(row) && !config.gather &&
         (may_transpose || config.xpose == Transpose::None);
}

}  // namespace

bool MeConfig::int32_results() const { return numerics::has_int32_results(format, mx); }

MeConfig MeConfig::from_row(const ContextRow& row) {
  const auto bit = [&row](unsigned i) { return ((row[0] >> i) & 1) != 0; };
  MeConfig config;
  config.format = static_cast<MeFormat>(row[0] & 15);
  config.preload = bit(4);
  config.relu = bit(5);
  config.out_bf16 = ((row[0] >> 6) & 3) == 1;
  config.format_b = static_cast<MeFormat>((row[0] >> 8) & 15);
  config.mx = bit(12);
  config.kloop = (row[0] >> 13) & 7;
  config.chain_a = bit(16);
  config.chain_o = bit(17);
  return config;
}

ContextRow MeConfig::to_row() const {
  ContextRow row{};
  row[0] = static_cast<unsigned>(format) | static_cast<unsigned>(preload) << 4 |
           static_cast<unsigned>(relu) << 5 | static_cast<unsigned>(out_bf16) << 6 |
           static_cast<unsigned>(format_b) << 8 | static_cast<unsigned>(mx) << 12 | kloop << 13 |
           static_cast<unsigned>(chain_a) << 16 | static_cast<unsigned>(chain_o) << 17;
  return row;
}

bool MeConfig::legal(const ContextRow& row) {
  const MeConfig config = from_row(row);
  const unsigned out = (row[0] >> 6) & 3;
  return numerics::is_matrix_pair(config.format, config.format_b) &&
         (!config.mx || (numerics::is_mx_format(config.format) && !config.chain_a)) &&
         config.kloop <= 5 && (out == 0 || (out == 1 && !config.int32_results()));
}

void ScaleConfig::set_strides(const std::array<std::int32_t, 6>& stride, const AguConfig& operand,
                              unsigned count0) {
  AguConfig plain;
  plain.count = operand.count;
  plain.count[0] = count0;
  plain.set_strides(stride);
  delta = plain.delta;
}

unsigned scale_accesses(MeFormat format, std::uint32_t beats) {
  const auto of_access =
      static_cast<unsigned>(8 * numerics::kScaleBlock / numerics::beat_elements(format));
  return (beats + of_access - 1) / of_access;
}

ContextRow scale_row(const ScaleConfig& a, const ScaleConfig& b) {
  ContextRow row{};
  for (unsigned side = 0; side < 2; ++side) {
    const ScaleConfig& scale = side == 0 ? a : b;
    row[8 * side + 1] = scale.pitch;
    for (unsigned j = 0; j < 6; ++j) {
      row[8 * side + 2 + j] = static_cast<std::uint32_t>(scale.delta[j]);
    }
  }
  return row;
}

MeJob MeJob::from_words(const std::array<ContextRow, 8>& rows,
                        const std::array<std::uint32_t, 16>& command, unsigned grid) {
  MeJob job;
  job.context = {rows[0], rows[1], rows[2], rows[3], rows[4], rows[7]};
  for (unsigned i = 0; i < 4; ++i) job.base[i] = command[5 + i];
  job.scale_base = {command[10], command[11]};
  job.grid = grid;
  return job;
}

MeResult run_gemm(const MeContext& context, const std::array<std::uint32_t, 4>& base,
                  std::vector<std::uint8_t>& spm) {
  MeJob job;
  job.context = context;
  job.base = base;
  return run_gemm(job, spm);
}

MePlan me_plan(const MeJob& job) {
  const MeContext& context = job.context;
  MePlan plan;
  const auto fail = [&plan](CmdError error, std::uint32_t address = 0) {
    plan.error = error;
    plan.address = address;
    return plan;
  };

  const MeConfig me = MeConfig::from_row(context.me);
  const std::array<bool, 4> used{!me.chain_a, true, me.preload, !me.chain_o};
  const std::array<const ContextRow*, 4> rows{&context.a, &context.b, &context.c, &context.o};
  if (!MeConfig::legal(context.me)) return fail(CmdError::Context);
  for (unsigned i = 0; i < 4; ++i) {
    if (used[i] && !stream_legal(*rows[i], i < 2)) return fail(CmdError::Context);
  }
  if (me.mx && !scale_words_legal(context.scale)) return fail(CmdError::Context);
  const auto bad_base = [](std::uint32_t base) { return base % 8 != 0 || base > kSpmAddressMask; };
  for (unsigned i = 0; i < 4; ++i) {
    if (used[i] && bad_base(job.base[i])) return fail(CmdError::Range, job.base[i]);
  }
  for (const std::uint32_t base : job.scale_base) {
    if (me.mx && bad_base(base)) return fail(CmdError::Range, base);
  }

  std::array<AguConfig, 4> config;
  for (unsigned i = 0; i < 4; ++i) config[i] = AguConfig::from_row(*rows[i]);
  plan.pre_beats = job.grid * job.grid / 16;
  plan.out_beats = me.out_bf16 ? std::max(1U, plan.pre_beats / 2) : plan.pre_beats;
  plan.beats = total(config[1], 0, me.kloop);
  plan.blocks = me.kloop == 5 ? 1 : total(config[1], me.kloop + 1, 5);
  if (plan.blocks == 0 || plan.blocks >> 30 != 0 || plan.beats == 0) return fail(CmdError::Shape);
  if (used[0] && (total(config[0], 0, me.kloop) != plan.beats ||
                  (me.kloop == 5 ? 1 : total(config[0], me.kloop + 1, 5)) != plan.blocks)) {
    return fail(CmdError::Shape);
  }
  if ((used[2] && total(config[2], 0, 5) != plan.blocks * plan.pre_beats) ||
      (used[3] && total(config[3], 0, 5) != plan.blocks * plan.out_beats)) {
    return fail(CmdError::Shape);
  }
  return plan;
}

MeResult run_gemm(const MeJob& job, std::vector<std::uint8_t>& spm, MeChain* chain,
                  WriteObserver* observer) {
  const MeContext& context = job.context;
  const unsigned grid = job.grid;
  MeResult result;
  const auto fail = [&result](CmdError error, std::uint32_t address = 0) {
    result.error = error;
    result.address = address;
    result.nan = false;
    result.overflow = false;
    return result;
  };

  const MePlan plan = me_plan(job);
  if (plan.error != CmdError::Ok) return fail(plan.error, plan.address);
  const MeConfig me = MeConfig::from_row(context.me);
  const AguConfig config_a = AguConfig::from_row(context.a);
  const AguConfig config_b = AguConfig::from_row(context.b);
  const AguConfig config_c = AguConfig::from_row(context.c);
  const AguConfig config_o = AguConfig::from_row(context.o);
  const unsigned pre_beats = plan.pre_beats;
  const unsigned out_beats = plan.out_beats;
  const std::uint64_t blocks = plan.blocks;

  Operand a(config_a, job.base[0], grid);
  Operand b(config_b, job.base[1], grid);
  Scales scales_a(config_a, context.scale, 0, job.scale_base[0], me.format, grid);
  Scales scales_b(config_b, context.scale, 8, job.scale_base[1], me.format, grid);
  StreamWalk c(config_c, job.base[2]);
  StreamWalk o(config_o, job.base[3]);
  const auto cells = std::make_unique<Grid>(MeKind(me.format, me.format_b, me.mx), grid);
  std::vector<std::uint32_t> results(std::size_t{grid} * grid);
  bool disagree = false;
  std::uint32_t failed = 0;
  Repeats repeats_a(a, plan.beats <= Grid::kBeats && !me.chain_a);
  Repeats repeats_b(b, plan.beats <= Grid::kBeats);
  for (std::uint64_t block = 0; block < blocks; ++block) {
    cells->clear();
    const bool same_a = repeats_a.next_block();
    const bool same_b = repeats_b.next_block();
    // An operand whose beats are kept masks nothing.
    std::uint32_t used_rows = same_a ? ~0U : 0;
    std::uint32_t used_cols = same_b ? ~0U : 0;
    for (unsigned beat = 0; me.preload && beat < pre_beats; ++beat, c.next()) {
      if (c.out_of_range(spm.size())) return fail(CmdError::Range, c.base());
      BeatBytes data;
      c.read(spm, data.data());
      std::memcpy(&results[std::size_t{16} * beat], data.data(), 64);
    }
    if (me.preload) cells->preload(results);
    // A block whose rows are in a row is read at once.
    const bool whole = !me.chain_a && !me.mx && plan.beats <= Grid::kBeats &&
                       a.in_a_row(plan.beats, spm.size()) && b.in_a_row(plan.beats, spm.size());
    if (whole) {
      if (!same_a) a.read_row(spm, cells->slot_a(), plan.beats);
      if (!same_b) b.read_row(spm, cells->slot_b(), plan.beats);
      used_rows = used_cols = ~0U;
      a.skip(plan.beats);
      b.skip(plan.beats);
      cells->add_beats(plan.beats);
      result.beats += plan.beats;
    }
    for (bool end = whole; !end; b.next()) {
      const unsigned last_b = b.last();
      end = ((last_b >> me.kloop) & 1) != 0;
      unsigned last_a = last_b;
      if (me.chain_a) {
        for (unsigned row = 0; row < grid; row += 8) {
          const StreamBeat& beat = chain->in.at(chain->taken++);
          std::copy(beat.data.begin(), beat.data.end(), cells->slot_a()[row / 8]);
          used_rows |= rows_in_use(beat.strb) << row;
          last_a = beat.last;
        }
        disagree = disagree || ((last_a ^ last_b) >> me.kloop & 1) != 0;
      } else {
        last_a = a.last();
        if (!same_a && !a.read(spm, cells->slot_a(), used_rows, failed)) {
          return fail(CmdError::Range, failed);
        }
        a.next();
      }
      if (!same_b && !b.read(spm, cells->slot_b(), used_cols, failed)) {
        return fail(CmdError::Range, failed);
      }
      if (me.mx) {
        if (!scales_a.read(spm, cells->slot_scale_a(), failed) ||
            !scales_b.read(spm, cells->slot_scale_b(), failed)) {
          return fail(CmdError::Range, failed);
        }
        scales_a.next((last_a & 1) != 0);
        scales_b.next((last_b & 1) != 0);
      }
      cells->add_beats();
      ++result.beats;
    }
    cells->flush();
    cells->drain(me.relu, me.out_bf16, used_rows, used_cols, results, result);
    const unsigned per_beat = grid * grid / out_beats;  // results of one access
    const std::size_t bytes = me.out_bf16 ? 2 : 4;
    for (unsigned beat = 0; beat < out_beats; ++beat) {
      BeatBytes data{};
      const std::uint32_t* from = &results[std::size_t{beat} * per_beat];
      if (me.out_bf16) {
        for (unsigned i = 0; i < per_beat; ++i) std::memcpy(&data[std::size_t{2} * i], from + i, 2);
      } else {
        std::memcpy(data.data(), from, std::size_t{4} * per_beat);
      }
      if (me.chain_o) {
        const bool end = beat + 1 == out_beats;
        const std::uint64_t mask = bytes * per_beat == 64 ? ~std::uint64_t{0} : 0xffff'ffffU;
        chain->out.push_back(
            {data, mask, (end ? 1U : 0U) | (end && block + 1 == blocks ? 32U : 0U)});
        continue;
      }
      if (o.out_of_range(spm.size())) return fail(CmdError::Range, o.base());
      o.write(spm, data.data());
      if (observer != nullptr) observer->write(o.access(), data);
      o.next();
    }
  }
  if (disagree) return fail(CmdError::Shape);
  return result;
}

namespace {

/// An operand of the golden GEMM as beats: 8 rows after 8 rows, each all of K, the tail zero.
class PackedOperand {
 public:
  PackedOperand(const std::uint8_t* matrix, std::size_t rows, std::size_t k, std::size_t pitch,
                MeFormat format)
      : beats_((k * bits(format) + 63) / 64), bytes_((rows + 7) / 8 * beats_ * 64) {
    const std::size_t row_bytes = (k * bits(format) + 7) / 8;
    // The last byte of a row of 4-bit elements may hold one that does not count.
    const bool half = (k * bits(format)) % 8 != 0;
    for (std::size_t row = 0; row < rows; ++row) {
      std::uint8_t* out = &bytes_[row / 8 * beats_ * 64 + row % 8 * 8];
      for (std::size_t at = 0; at < row_bytes; at += 8) {
        const std::size_t part = std::min<std::size_t>(8, row_bytes - at);
        std::memcpy(out + 8 * at, matrix + row * pitch + at, part);
      }
      if (half) out[(row_bytes - 1) / 8 * 64 + (row_bytes - 1) % 8] &= 15;
    }
  }
  std::size_t beats() const { return beats_; }
  const std::uint8_t* block(std::size_t i) const { return &bytes_[i * beats_ * 64]; }

 private:
  static std::size_t bits(MeFormat format) {
    return static_cast<std::size_t>(numerics::matrix_element_bits(format));
  }
  std::size_t beats_;
  std::vector<std::uint8_t> bytes_;
};

/// Scales of an operand: 8 for each of its beats. Rows that do not exist scale by one.
class PackedScales {
 public:
  PackedScales(const std::uint8_t* scale, std::size_t rows, std::size_t beats, std::size_t pitch,
               MeFormat format)
      : beats_(beats), bytes_((rows + 7) / 8 * beats * 8, 127) {
    const auto per_block =
        static_cast<std::size_t>(numerics::kScaleBlock / numerics::beat_elements(format));
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t beat = 0; beat < beats; ++beat) {
        bytes_[(row / 8 * beats + beat) * 8 + row % 8] = scale[row * pitch + beat / per_block];
      }
    }
  }
  const std::uint8_t* block(std::size_t i) const { return &bytes_[i * beats_ * 8]; }

 private:
  std::size_t beats_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

void gemm(const GemmShape& shape, const void* a, const void* b, const std::uint32_t* bias,
          void* c) {
  const MeFormat format_b = shape.mixed ? shape.format_b : shape.format;
  const MeKind kind(shape.format, format_b, shape.mx);
  const PackedOperand x(static_cast<const std::uint8_t*>(a), shape.m, shape.k, shape.lda,
                        shape.format);
  const PackedOperand y(static_cast<const std::uint8_t*>(b), shape.n, shape.k, shape.ldb, format_b);
  std::optional<PackedScales> scale_x, scale_y;
  if (shape.mx) {
    scale_x.emplace(shape.scale_a, shape.m, x.beats(), shape.ld_scale_a, shape.format);
    scale_y.emplace(shape.scale_b, shape.n, y.beats(), shape.ld_scale_b, format_b);
  }
  auto* bytes_c = static_cast<std::uint8_t*>(c);
  MeTile tile;
  MeDrained drained;
  for (std::size_t row = 0; row < shape.m; row += 8) {
    for (std::size_t col = 0; col < shape.n; col += 8) {
      const std::size_t rows = std::min<std::size_t>(8, shape.m - row);
      const std::size_t cols = std::min<std::size_t>(8, shape.n - col);
      tile.clear();
      MeBeats beats{x.block(row / 8), y.block(col / 8), nullptr, nullptr, x.beats()};
      if (shape.mx) {
        beats.scale_a = scale_x->block(row / 8);
        beats.scale_b = scale_y->block(col / 8);
      }
      for (std::size_t i = 0; bias != nullptr && i < rows * 8; ++i) {
        if (i % 8 < cols)
          tile.preload(kind.rule.int32, static_cast<unsigned>(i), bias[col + i % 8]);
      }
      me_accumulate(kind, beats, tile);
      const std::size_t size = shape.out_bf16 ? 2 : 4;
      me_drain(kind, tile, shape.relu, shape.out_bf16, drained);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < cols; ++i) {
          std::memcpy(bytes_c + (row + r) * shape.ldc + (col + i) * size, &drained.bits[8 * r + i],
                      size);
        }
      }
    }
  }
}

}  // namespace tsr::engines
