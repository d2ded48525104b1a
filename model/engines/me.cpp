// SPDX-License-Identifier: Apache-2.0
#include "engines/me.hpp"

#include <algorithm>
#include <cstring>

#include "numerics/matrix.hpp"

namespace tsr::engines {

namespace {

using numerics::Accumulator;
using numerics::GroupRule;
using numerics::MatrixElement;

/// Product of the counts of loops `from`..`to`; 0 if it does not fit 32 bits.
std::uint64_t total(const AguConfig& config, unsigned from, unsigned to) {
  std::uint64_t product = 1;
  for (unsigned j = from; j <= to; ++j) {
    product *= config.count[j];
    if (product >> 32 != 0) return 0;
  }
  return product;
}

/// Element i of packed bytes.
std::uint32_t load_element(MeFormat format, const std::uint8_t* bytes, std::size_t i) {
  const auto bits = static_cast<std::size_t>(numerics::matrix_element_bits(format));
  if (bits == 4) return (bytes[i / 2] >> (4 * (i % 2))) & 15U;
  std::uint32_t out = 0;
  std::memcpy(&out, bytes + i * bits / 8, bits / 8);
  return out;
}

/// One cell.
struct Cell {
  Accumulator fp;
  std::uint32_t integer = 0;

  void preload(const GroupRule& rule, std::uint32_t bits) {
    if (rule.int32) {
      integer = bits;
    } else {
      fp = numerics::preload_fp32(bits);
    }
  }
  void add(const GroupRule& rule, const numerics::Group& group) {
    if (rule.int32) {
      integer = numerics::accumulate_int32(integer, group);
    } else {
      numerics::accumulate(fp, group);
    }
  }
  /// FP32 or INT32 bits; notes exceptions in `result`, if there is one.
  std::uint32_t drain(const GroupRule& rule, bool relu, bool to_bf16, MeResult* result) const {
    std::uint32_t bits = rule.int32 ? integer : numerics::drain_fp32(fp);
    if (result != nullptr && !rule.int32) {
      const bool infinite = fp.pinf || fp.ninf;
      result->nan = result->nan || numerics::is_fp32_nan(bits);
      result->overflow =
          result->overflow || (!infinite && !fp.nan && numerics::is_fp32_infinity(bits));
    }
    if (relu) bits = numerics::relu(bits);
    if (to_bf16) {
      const std::uint32_t half = numerics::fp32_to_bf16(bits);
      if (result != nullptr && !numerics::is_fp32_infinity(bits)) {
        result->overflow = result->overflow || numerics::is_fp32_infinity(half << 16);
      }
      bits = half;
    }
    return bits;
  }
};

/// Lanes of a beat with a valid byte are rows `first`.. in use.
void note_rows(std::uint64_t strb, std::size_t first, std::vector<bool>& used) {
  for (std::size_t l = 0; l < 8 && first + l < used.size(); ++l) {
    if (((strb >> (8 * l)) & 0xff) != 0) used[first + l] = true;
  }
}

/// One operand: a reader for each 8 rows of the grid, in lock-step.
class Operand {
 public:
  Operand(const AguConfig& config, std::uint32_t base, unsigned grid)
      : grid_(grid), xpose_(config.xpose) {
    const std::uint32_t upper =
        config.xpose == Transpose::None ? 8 * config.pitch : 8U << config.w_log2;
    readers_.emplace_back(config, base);
    if (grid > 8) {
      readers_.emplace_back(config, base + upper, std::vector<std::uint32_t>{}, 8U);
    }
  }

  void next() {
    for (auto& reader : readers_) reader.next();
  }
  unsigned last() const { return readers_[0].current().last; }

  /// 8 bytes for each row; rows with an unmasked byte are noted in `used`. False: an access is
  /// outside; `failed` gets its base.
  bool read(const std::vector<std::uint8_t>& spm, std::vector<std::uint8_t>& rows,
            std::vector<bool>& used, std::uint32_t& failed) const {
    rows.resize(std::size_t{8} * std::max(grid_, 8U));
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const Access access = readers_[i].current();
      if (out_of_range(access, spm.size())) {
        failed = access.base;
        return false;
      }
      const StreamBeat beat = read_beat(access, xpose_, spm);
      std::copy(beat.data.begin(), beat.data.end(),
                rows.begin() + static_cast<std::ptrdiff_t>(64 * i));
      note_rows(beat.strb, 8 * i, used);
    }
    return true;
  }

 private:
  unsigned grid_;
  Transpose xpose_;
  std::vector<Agu> readers_;
};

/// Block scales of an operand: which byte belongs to the operand's beat.
class Scales {
 public:
  Scales(const AguConfig& operand, const ContextRow& row, unsigned first_word, std::uint32_t base,
         MeFormat format, unsigned grid)
      : per_block_(static_cast<unsigned>(numerics::kScaleBlock / numerics::beat_elements(format))),
        stream_(config(operand, row, first_word, format), base, grid) {}

  bool read(const std::vector<std::uint8_t>& spm, std::vector<std::uint8_t>& scale,
            std::uint32_t& failed) const {
    std::vector<std::uint8_t> rows;
    std::vector<bool> unused;
    if (!stream_.read(spm, rows, unused, failed)) return false;
    scale.resize(rows.size() / 8);
    for (std::size_t r = 0; r < scale.size(); ++r) scale[r] = rows[8 * r + beat_ / per_block_ % 8];
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

std::vector<MatrixElement> decode_rows(MeFormat format, const std::uint8_t* rows, unsigned count) {
  const auto n = static_cast<std::size_t>(numerics::beat_elements(format));
  std::vector<MatrixElement> out(count * n);
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t i = 0; i < n; ++i) {
      out[r * n + i] = numerics::matrix_element(format, load_element(format, rows + 8 * r, i));
    }
  }
  return out;
}

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

  const GroupRule rule = numerics::group_rule(me.format, me.format_b, me.mx);
  const auto elements = static_cast<unsigned>(numerics::beat_elements(me.format));
  Operand a(config_a, job.base[0], grid);
  Operand b(config_b, job.base[1], grid);
  Scales scales_a(config_a, context.scale, 0, job.scale_base[0], me.format, grid);
  Scales scales_b(config_b, context.scale, 8, job.scale_base[1], me.format, grid);
  Agu c(config_c, job.base[2]);
  Agu o(config_o, job.base[3]);
  std::vector<Cell> cells(std::size_t{grid} * grid);
  std::vector<std::uint8_t> bytes_a, bytes_b, scale_a, scale_b;
  bool disagree = false;
  std::uint32_t failed = 0;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    std::fill(cells.begin(), cells.end(), Cell{});
    std::vector<bool> used_rows(grid), used_cols(grid);
    for (unsigned beat = 0; me.preload && beat < pre_beats; ++beat, c.next()) {
      const Access access = c.current();
      if (out_of_range(access, spm.size())) return fail(CmdError::Range, access.base);
      const BeatBytes data = read_beat(access, Transpose::None, spm).data;
      for (unsigned i = 0; i < 16; ++i) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &data[4 * std::size_t{i}], 4);
        cells[16 * beat + i].preload(rule, bits);
      }
    }
    for (bool end = false; !end; b.next()) {
      const unsigned last_b = b.last();
      end = ((last_b >> me.kloop) & 1) != 0;
      unsigned last_a = last_b;
      if (me.chain_a) {
        bytes_a.clear();
        for (unsigned row = 0; row < grid; row += 8) {
          const StreamBeat& beat = chain->in.at(chain->taken++);
          bytes_a.insert(bytes_a.end(), beat.data.begin(), beat.data.end());
          note_rows(beat.strb, row, used_rows);
          last_a = beat.last;
        }
        disagree = disagree || ((last_a ^ last_b) >> me.kloop & 1) != 0;
      } else {
        last_a = a.last();
        if (!a.read(spm, bytes_a, used_rows, failed)) return fail(CmdError::Range, failed);
        a.next();
      }
      if (!b.read(spm, bytes_b, used_cols, failed)) return fail(CmdError::Range, failed);
      if (me.mx) {
        if (!scales_a.read(spm, scale_a, failed) || !scales_b.read(spm, scale_b, failed)) {
          return fail(CmdError::Range, failed);
        }
        scales_a.next((last_a & 1) != 0);
        scales_b.next((last_b & 1) != 0);
      }
      const auto x = decode_rows(me.format, bytes_a.data(), grid);
      const auto y = decode_rows(me.format_b, bytes_b.data(), grid);
      for (unsigned r = 0; r < grid; ++r) {
        for (unsigned col = 0; col < grid; ++col) {
          for (unsigned i = 0; i < elements; i += static_cast<unsigned>(rule.products)) {
            auto group = numerics::matrix_group(rule, &x[r * elements + i], &y[col * elements + i]);
            if (me.mx) group = numerics::scale_group(group, scale_a[r], scale_b[col]);
            cells[r * grid + col].add(rule, group);
          }
        }
      }
      ++result.beats;
    }
    const unsigned per_beat = grid * grid / out_beats;  // results of one access
    for (unsigned beat = 0; beat < out_beats; ++beat) {
      BeatBytes data{};
      const std::size_t bytes = me.out_bf16 ? 2 : 4;
      for (unsigned i = 0; i < per_beat; ++i) {
        const unsigned index = beat * per_beat + i;
        const bool counts = used_rows[index / grid] && used_cols[index % grid];
        const std::uint32_t bits =
            cells[index].drain(rule, me.relu, me.out_bf16, counts ? &result : nullptr);
        std::memcpy(&data[bytes * i], &bits, bytes);
      }
      if (me.chain_o) {
        const bool end = beat + 1 == out_beats;
        const std::uint64_t mask = bytes * per_beat == 64 ? ~std::uint64_t{0} : 0xffff'ffffU;
        chain->out.push_back(
            {data, mask, (end ? 1U : 0U) | (end && block + 1 == blocks ? 32U : 0U)});
        continue;
      }
      const Access access = o.current();
      o.next();
      if (out_of_range(access, spm.size())) return fail(CmdError::Range, access.base);
      write_beat(access, data, spm);
      if (observer != nullptr) observer->write(access, data);
    }
  }
  if (disagree) return fail(CmdError::Shape);
  return result;
}

void gemm(const GemmShape& shape, const void* a, const void* b, const std::uint32_t* bias,
          void* c) {
  const auto* bytes_a = static_cast<const std::uint8_t*>(a);
  const auto* bytes_b = static_cast<const std::uint8_t*>(b);
  auto* bytes_c = static_cast<std::uint8_t*>(c);
  const MeFormat format_b = shape.mixed ? shape.format_b : shape.format;
  const GroupRule rule = numerics::group_rule(shape.format, format_b, shape.mx);
  const auto group_size = static_cast<std::size_t>(rule.products);
  const std::size_t groups = (shape.k + group_size - 1) / group_size;

  // Rows decoded once and padded to whole groups.
  const auto elements = [&](MeFormat format, const std::uint8_t* matrix, std::size_t rows,
                            std::size_t pitch) {
    std::vector<MatrixElement> out(rows * groups * group_size);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < shape.k; ++i) {
        out[r * groups * group_size + i] =
            numerics::matrix_element(format, load_element(format, matrix + r * pitch, i));
      }
    }
    return out;
  };
  const auto x = elements(shape.format, bytes_a, shape.m, shape.lda);
  const auto y = elements(format_b, bytes_b, shape.n, shape.ldb);

  for (std::size_t row = 0; row < shape.m; ++row) {
    for (std::size_t col = 0; col < shape.n; ++col) {
      Cell cell;
      if (bias != nullptr) cell.preload(rule, bias[col]);
      for (std::size_t g = 0; g < groups; ++g) {
        auto group = numerics::matrix_group(rule, &x[(row * groups + g) * group_size],
                                            &y[(col * groups + g) * group_size]);
        if (shape.mx) {
          const std::size_t block = g * group_size / numerics::kScaleBlock;
          group = numerics::scale_group(group, shape.scale_a[row * shape.ld_scale_a + block],
                                        shape.scale_b[col * shape.ld_scale_b + block]);
        }
        cell.add(rule, group);
      }
      const std::uint32_t bits = cell.drain(rule, shape.relu, shape.out_bf16, nullptr);
      std::uint8_t* out = bytes_c + row * shape.ldc + col * (shape.out_bf16 ? 2 : 4);
      std::memcpy(out, &bits, shape.out_bf16 ? 2 : 4);
    }
  }
}

}  // namespace tsr::engines
