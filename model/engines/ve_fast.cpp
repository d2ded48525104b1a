// SPDX-License-Identifier: Apache-2.0
// ve_execute: what ve_run does, a group at a time without allocations; every choice that the
// configuration makes is made once a command.
#include <algorithm>
#include <cstring>
#include <optional>

#include "engines/stream_walk.hpp"
#include "engines/ve_kernel.hpp"
#include "numerics/special.hpp"

namespace tsr::engines {

namespace {

using numerics::kFp32Sign;

constexpr bool flag(std::uint64_t word, unsigned at) { return ((word >> at) & 1) != 0; }

unsigned bits_of_format(ElementFormat format) {
  return static_cast<unsigned>(numerics::element_bits(format));
}

/// Index behind the last valid byte; 0 if there is none.
unsigned valid_end(std::uint64_t strb) {
  return strb == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(strb));
}

std::uint32_t element(const std::uint8_t* data, unsigned bits, unsigned index) {
  if (bits == 4) return (data[index / 2] >> (4 * (index % 2))) & 15;
  std::uint32_t value = 0;
  std::memcpy(&value, data + std::size_t{index} * (bits / 8), bits / 8);
  return value;
}
void put_element(std::uint8_t* data, unsigned bits, unsigned index, std::uint32_t value) {
  if (bits == 4) {
    const unsigned shift = 4 * (index % 2);
    data[index / 2] =
        static_cast<std::uint8_t>((data[index / 2] & ~(15U << shift)) | (value & 15) << shift);
  } else {
    std::memcpy(data + std::size_t{index} * (bits / 8), &value, bits / 8);
  }
}

/// Lanes of a group of 16 elements whose first byte is valid.
unsigned lanes_in(std::uint64_t strb, unsigned bits) {
  unsigned mask = 0;
  for (unsigned lane = 0; lane < kVeLanes; ++lane) {
    if (flag(strb, lane * bits / 8)) mask |= 1U << lane;
  }
  return mask;
}

void fill(VeWords& words, std::uint32_t value) {
  for (auto& word : words.w) word = value;
}

/// A range error that was met first.
struct RangeError {
  bool met = false;
  std::uint32_t address = 0;
};

// ------------------------------------------------------------------ inputs

/// An input port: beats of a stream or of the matrix engine, cut into groups or scalars.
class FastInput {
 public:
  FastInput(const VeInPort& port, const ContextRow& row, std::uint32_t base,
            const std::vector<std::uint8_t>& spm, const std::vector<VeBeat>& chain)
      : port_(port),
        bits_(bits_of_format(port.format)),
        step_(port.scalar ? bits_ : bits_ * kVeLanes),
        load_(ve_fast_load(port)),
        spm_(spm),
        chain_(chain) {
    if (!port.chain) walk_.emplace(AguConfig::from_row(row), base);
  }

  bool exhausted() const { return position_ == end_ && source_done(); }
  bool whole_beat_left() const { return !source_done() || (end_ != 0 && position_ == 0); }
  std::size_t taken() const { return taken_; }
  const RangeError& range() const { return range_; }
  unsigned mask() const { return mask_; }
  unsigned last() const { return last_; }
  bool fin() const { return fin_; }

  /// Make an element available unless the stream is over.
  void prefetch() {
    if (position_ < end_ || source_done()) return;
    next_beat();
    const bool cut = port_.skip || port_.scalar;
    end_ = cut ? std::max(1U, (valid_end(strb_) * 8 + step_ - 1) / step_) : 512 / step_;
    position_ = 0;
  }

  /// The next group's words; its mask and tags are those of mask(), last() and fin().
  void next_group(VeWords& out) {
    prefetch();
    mask_ = 0;
    last_ = 0;
    fin_ = false;
    if (position_ == end_) {
      fill(out, word(0));  // missing elements have the code zero
      return;
    }
    const unsigned at = position_ * step_ / 8;
    load(data_.data() + at, out);
    mask_ = strb_ == ~std::uint64_t{0} ? 0xffff : lanes_in(strb_ >> at, bits_);
    if (++position_ < end_) return;
    last_ = beat_last_;
    fin_ = beat_fin_;
  }

  /// The scalar port's word for this group; `group_last` are the tags of I0's group.
  std::uint32_t scalar(unsigned group_last) {
    prefetch();
    const std::uint32_t raw = position_ < end_ ? element(data_.data(), bits_, position_) : 0;
    second_ = !second_;
    const bool advance = port_.hold_two ? !second_ : flag(group_last, port_.hold_loop);
    if (advance && position_ < end_) ++position_;
    if (raw != scalar_raw_ || !scalar_known_) {
      scalar_raw_ = raw;
      scalar_known_ = true;
      scalar_word_ = word(raw);
    }
    return scalar_word_;
  }

 private:
  bool source_done() const { return walk_ ? walk_->done() : ended_; }
  std::uint32_t word(std::uint32_t raw) const {
    const std::uint32_t value = numerics::load_element(port_.format, raw);
    return port_.to_f && numerics::is_integer(port_.format) ? numerics::i2f(value) : value;
  }
  void load(const std::uint8_t* data, VeWords& out) const {
    if (load_ != nullptr) return load_(data, out);
    for (unsigned lane = 0; lane < kVeLanes; ++lane) out.w[lane] = word(element(data, bits_, lane));
  }
  void next_beat() {
    if (!walk_) {
      VeBeat beat;
      if (taken_ < chain_.size()) beat = chain_[taken_++];
      ended_ = beat.fin || taken_ >= chain_.size();
      std::copy(beat.data.begin(), beat.data.end(), data_.begin());
      strb_ = beat.strb;
      beat_last_ = beat.last;
      beat_fin_ = ended_;
      return;
    }
    if (!range_.met && walk_->out_of_range(spm_.size())) range_ = {true, walk_->base()};
    strb_ = walk_->read(spm_, data_.data());
    beat_last_ = walk_->last();
    walk_->next();
    beat_fin_ = walk_->done();
    ++taken_;
  }

  VeInPort port_;
  unsigned bits_;
  unsigned step_;  // bits of a group or scalar
  VeLoadFn load_;
  const std::vector<std::uint8_t>& spm_;
  const std::vector<VeBeat>& chain_;
  std::optional<StreamWalk> walk_;  // else the chain
  alignas(64) std::array<std::uint8_t, 128> data_{};
  std::uint64_t strb_ = 0;
  unsigned beat_last_ = 0;
  bool beat_fin_ = false;
  std::size_t taken_ = 0;
  bool ended_ = false;
  unsigned position_ = 0;  // next group or scalar of the beat
  unsigned end_ = 0;
  bool second_ = false;
  bool scalar_known_ = false;
  std::uint32_t scalar_raw_ = 0, scalar_word_ = 0;
  unsigned mask_ = 0, last_ = 0;
  bool fin_ = false;
  RangeError range_;
};

// ------------------------------------------------------------------ stages

/// The eight stages; those without effect are left out.
class FastPipeline {
 public:
  FastPipeline(const VeConfig& config, const std::array<std::uint32_t, kVeConstants>& k) {
    for (unsigned i = 0; i < kVeConstants; ++i) fill(constant_[i], k[i]);
    fill(zero_, 0);
    for (unsigned lane = 0; lane < kVeLanes; ++lane) lane_.w[lane] = lane;
    for (unsigned s = 0; s < kVeStages; ++s) {
      const VeStage& stage = config.stage[s];
      if (stage.dst == 4 && !stage.acc_en) continue;
      acc_[used_] = constant_[stage.acc_init];
      Step& step = step_[used_++];
      step.stage = stage;
      step.op = ve_fast_op(stage);
      step.moves = stage.exch != 0;
      const auto elem = [](const VeOperand& x) { return x.src == VeSrc::Elem; };
      numbers_ = numbers_ || elem(stage.a) || elem(stage.b) || elem(stage.c);
      step.initial = stage.acc_init;
    }
  }

  void run(std::array<VeWords, 4>& v, unsigned mask, unsigned last, std::uint32_t first_element) {
    if (numbers_) {
      for (unsigned lane = 0; lane < kVeLanes; ++lane) element_.w[lane] = first_element + lane;
    }
    for (unsigned s = 0; s < used_; ++s) {
      const Step& step = step_[s];
      const VeStage& stage = step.stage;
      VeWords ta, tb, tc, moved, result;
      const VeWords& a = operand(stage.a, v, s, ta);
      const VeWords* b = &operand(stage.b, v, s, tb);
      const VeWords& c = operand(stage.c, v, s, tc);
      if (step.moves) {
        for (unsigned lane = 0; lane < kVeLanes; ++lane) {
          moved.w[lane] = b->w[stage.rot ? (lane + stage.exch) % kVeLanes : lane ^ stage.exch];
        }
        b = &moved;
      }
      if (step.op != nullptr) {
        step.op(a, *b, c, result);
      } else {
        for (unsigned lane = 0; lane < kVeLanes; ++lane) {
          result.w[lane] = numerics::vec_op(stage.op, a.w[lane], b->w[lane], c.w[lane], stage.rm);
        }
      }
      if (stage.acc_en) {
        for (unsigned lane = 0; lane < kVeLanes; ++lane) {
          acc_[s].w[lane] = flag(mask, lane) ? result.w[lane] : acc_[s].w[lane];
        }
      }
      if (flag(last, stage.acc_loop)) acc_[s] = constant_[step.initial];
      if (stage.dst < 4) v[stage.dst] = result;
    }
  }

 private:
  struct Step {
    VeStage stage;
    VeOpFn op = nullptr;
    bool moves = false;  // lanes of b
    unsigned initial = 0;
  };

  const VeWords& operand(const VeOperand& x, const std::array<VeWords, 4>& v, unsigned step,
                         VeWords& space) const {
    const VeWords& value = source(x.src, v, step);
    if (!x.abs && !x.neg) return value;
    const std::uint32_t keep = x.abs ? ~kFp32Sign : ~0U;
    const std::uint32_t turn = x.neg ? kFp32Sign : 0;
    for (unsigned lane = 0; lane < kVeLanes; ++lane) space.w[lane] = (value.w[lane] & keep) ^ turn;
    return space;
  }
  const VeWords& source(VeSrc src, const std::array<VeWords, 4>& v, unsigned step) const {
    switch (src) {
      case VeSrc::Lane:
        return lane_;
      case VeSrc::Elem:
        return element_;
      case VeSrc::Acc:
        return acc_[step];
      case VeSrc::Zero:
        return zero_;
      default:
        break;
    }
    const auto index = static_cast<unsigned>(src);
    return index < 4 ? v[index] : constant_[index - static_cast<unsigned>(VeSrc::K0)];
  }

  std::array<Step, kVeStages> step_;
  std::array<VeWords, kVeStages> acc_;
  unsigned used_ = 0;
  std::array<VeWords, kVeConstants> constant_;
  VeWords zero_, lane_, element_;
  bool numbers_ = false;  // an operand is the element number
};

// ------------------------------------------------------------------ reduction

class FastReduction {
 public:
  explicit FastReduction(const VeReduce& config)
      : config_(config), sum_group_(ve_fast_sum()), on_(config.op != VeRed::None) {
    restart();
  }

  bool on() const { return on_; }

  /// Value and index of the group: zeros unless it has last[loop].
  std::pair<std::uint32_t, std::uint32_t> add(const VeWords& x, unsigned mask, unsigned last,
                                              std::uint32_t first_element) {
    if (config_.op == VeRed::SumF) {
      sum_.add(sum_group_ != nullptr ? sum_group_(x, mask) : numerics::sum_group(x.w, mask));
    } else if (config_.op == VeRed::SumI) {
      for (unsigned lane = 0; lane < kVeLanes; ++lane) value_ += flag(mask, lane) ? x.w[lane] : 0;
    } else {
      extreme(x, mask, first_element);
    }
    if (!flag(last, config_.loop)) return {0, 0};
    const bool indexed = config_.op == VeRed::ArgMaxF || config_.op == VeRed::ArgMinF ||
                         config_.op == VeRed::ArgMaxI || config_.op == VeRed::ArgMinI;
    const std::pair<std::uint32_t, std::uint32_t> out{
        config_.op == VeRed::SumF ? sum_.drain() : value_, indexed ? index_ : 0};
    restart();
    return out;
  }

 private:
  bool floating() const {
    return config_.op == VeRed::MaxF || config_.op == VeRed::MinF || config_.op == VeRed::ArgMaxF ||
           config_.op == VeRed::ArgMinF;
  }
  bool smallest() const {
    return config_.op == VeRed::MinF || config_.op == VeRed::ArgMinF || config_.op == VeRed::MinI ||
           config_.op == VeRed::ArgMinI;
  }

  void restart() {
    sum_ = {};
    index_ = 0;
    empty_ = true;
    best_ = kNothing;
    value_ = config_.op == VeRed::SumI ? 0
             : floating()              ? numerics::kFp32Nan
             : smallest()              ? ~kFp32Sign
                                       : kFp32Sign;
  }

  /// Rank of a word: the largest wins, the first of equal ones. NaN never does, nor does the
  /// integer that the reduction starts from.
  std::int64_t rank(std::uint32_t x) const {
    if (floating()) {
      if (numerics::fp32_is_nan(x)) return kNothing;
      return numerics::fp32_key(smallest() ? numerics::fp32_neg(x) : x);
    }
    const std::int64_t value = static_cast<std::int32_t>(x);
    return smallest() ? -value : value;
  }

  void extreme(const VeWords& x, unsigned mask, std::uint32_t first_element) {
    if (mask == 0) return;
    if (empty_) {
      index_ = first_element + static_cast<std::uint32_t>(__builtin_ctz(mask));
      if (!floating()) best_ = rank(value_);
    }
    empty_ = false;
    for (unsigned lane = 0; lane < kVeLanes; ++lane) {
      const std::int64_t r = flag(mask, lane) ? rank(x.w[lane]) : kNothing;
      if (r <= best_) continue;
      best_ = r;
      value_ = x.w[lane];
      index_ = first_element + lane;
    }
  }

  static constexpr std::int64_t kNothing = INT64_MIN;
  VeReduce config_;
  VeSumFn sum_group_;
  bool on_;
  numerics::VecSum sum_;
  std::int64_t best_ = kNothing;
  std::uint32_t value_ = 0;
  std::uint32_t index_ = 0;
  bool empty_ = true;
};

// ------------------------------------------------------------------ outputs

/// An output port: conversion, packing, writes.
class FastOutput {
 public:
  FastOutput(const VeOutPort& port, ElementFormat format, const ContextRow& row, std::uint32_t base,
             std::uint32_t seed, unsigned number)
      : port_(port),
        format_(format),
        bits_(bits_of_format(format)),
        store_(format == port.format && !port.scalar && !port.chain ? ve_fast_store(port)
                                                                    : nullptr) {
    if (!port.chain) walk_.emplace(AguConfig::from_row(row), base);
    for (unsigned lane = 0; lane < kVeLanes; ++lane) random_.emplace_back(seed, lane, number);
  }

  bool surplus() const { return surplus_; }
  bool accesses_left() const { return walk_ && !walk_->done(); }
  const RangeError& range() const { return range_; }
  VeFlags flags() const { return flags_; }

  /// Words of a group: convert and pack.
  void add(const VeWords& words, unsigned mask, unsigned last) {
    const unsigned count = port_.scalar ? 1 : kVeLanes;
    const unsigned valid = port_.scalar ? 1 : mask;
    if (store_ != nullptr) {
      flags_ |= store_(words, valid, data_.data() + std::size_t{fill_} * bits_ / 8);
      fill_ += kVeLanes;
      complete(last);
      return;
    }
    std::uint32_t elements[kVeLanes];
    const bool random = port_.rm == Rounding::Stochastic;
    for (unsigned lane = 0; lane < kVeLanes; ++lane) {
      const std::uint32_t number = random ? random_[lane].next() : 0;
      if (lane >= count) continue;
      const numerics::StoreMode mode{port_.from_i, port_.rm, port_.sat, number};
      elements[lane] = numerics::store_element(format_, words.w[lane], mode);
      if (flag(valid, lane)) note(numerics::store_flags(format_, words.w[lane], mode));
    }
    pack(elements, count, valid, last);
  }
  /// Elements that are converted already.
  void pack(const std::uint32_t* elements, unsigned count, unsigned valid, unsigned last) {
    for (unsigned i = 0; i < count; ++i, ++fill_) {
      if (!walk_ && !flag(valid, i)) continue;
      put_element(data_.data(), bits_, fill_, elements[i]);
      if (walk_) continue;
      const unsigned byte = fill_ * bits_ / 8;
      for (unsigned b = 0; b < std::max(1U, bits_ / 8); ++b) {
        strb_ |= std::uint64_t{1} << (byte + b);
      }
    }
    complete(last);
  }
  void note(const numerics::StoreFlags& flags) {
    flags_ |= (flags.nan ? 1U : 0U) | (flags.overflow ? 2U : 0U);
  }

  /// The started beat leaves at the end of the command.
  void finish(VeResult& result) {
    flush(true);
    if (!walk_) result.chain_out = std::move(chain_);
  }
  /// Where writes go.
  void connect(std::vector<std::uint8_t>& spm, WriteObserver* observer) {
    spm_ = &spm;
    observer_ = observer;
  }

 private:
  void complete(unsigned last) {
    last_ = last;
    bool full = fill_ >= 512 / bits_;
    if (walk_ && port_.skip && !walk_->done()) {
      full = full || fill_ * bits_ >= 8 * valid_end(walk_->strobe());
    }
    if (full) flush(false);
  }

  void flush(bool fin) {
    if (fill_ == 0) {
      if (fin && !walk_ && !chain_.empty()) chain_.back().fin = true;
      return;
    }
    if (!walk_) {
      VeBeat beat;
      std::copy(data_.begin(), data_.begin() + 64, beat.data.begin());
      beat.strb = strb_;
      beat.last = last_;
      beat.fin = fin;
      chain_.push_back(beat);
    } else if (walk_->done()) {
      surplus_ = true;
    } else {
      write();
      walk_->next();
    }
    std::fill(data_.begin(), data_.begin() + 64, std::uint8_t{0});
    fill_ = 0;
    strb_ = 0;
  }

  /// Nothing is written behind an access outside the scratchpad.
  void write() {
    if (range_.met) return;
    if (walk_->out_of_range(spm_->size())) {
      range_ = {true, walk_->base()};
      return;
    }
    walk_->write(*spm_, data_.data());
    if (observer_ == nullptr) return;
    BeatBytes data;
    std::copy(data_.begin(), data_.begin() + 64, data.begin());
    observer_->write(walk_->access(), data);
  }

  VeOutPort port_;
  ElementFormat format_;
  unsigned bits_;
  VeStoreFn store_;
  std::optional<StreamWalk> walk_;  // else the chain
  std::vector<VeBeat> chain_;
  std::vector<numerics::StochasticLane> random_;
  std::vector<std::uint8_t>* spm_ = nullptr;
  WriteObserver* observer_ = nullptr;
  alignas(64) std::array<std::uint8_t, 128> data_{};
  std::uint64_t strb_ = 0;
  unsigned fill_ = 0;  // elements in the beat
  unsigned last_ = 0;
  bool surplus_ = false;
  VeFlags flags_ = 0;
  RangeError range_;
};

/// Groups of an MX block, scaled together.
class MxBlock {
 public:
  MxBlock(ElementFormat format, FastOutput& elements, FastOutput& scales)
      : format_(format), elements_(elements), scales_(scales) {}

  void add(const VeWords& words, unsigned mask, unsigned last) {
    group_[count_++] = {words, mask, last};
    if (count_ == 2) close();
  }
  void close() {
    if (count_ == 0) return;
    std::array<std::uint32_t, 2 * kVeLanes> counted{};  // only valid lanes count for the scale
    int n = 0;
    for (unsigned g = 0; g < count_; ++g) {
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        if (flag(group_[g].mask, lane)) {
          counted[static_cast<std::size_t>(n++)] = group_[g].words.w[lane];
        }
      }
    }
    const std::uint32_t scale = numerics::mx_scale(format_, counted.data(), n);
    for (unsigned g = 0; g < count_; ++g) {
      std::uint32_t out[kVeLanes];
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        const std::uint32_t word = group_[g].words.w[lane];
        out[lane] = numerics::mx_element(format_, word, static_cast<std::uint8_t>(scale));
        // Scales bring every finite number into range.
        if (flag(group_[g].mask, lane)) {
          elements_.note(numerics::store_flags(ElementFormat::Fp32, word));
        }
      }
      elements_.pack(out, kVeLanes, group_[g].mask, group_[g].last);
    }
    scales_.pack(&scale, 1, 1, 0);
    count_ = 0;
  }

 private:
  struct Group {
    VeWords words;
    unsigned mask = 0;
    unsigned last = 0;
  };
  ElementFormat format_;
  FastOutput& elements_;
  FastOutput& scales_;
  std::array<Group, 2> group_;
  unsigned count_ = 0;
};

}  // namespace

VeResult ve_execute(const VeContext& context, const VeCommand& command,
                    std::vector<std::uint8_t>& spm, const std::vector<VeBeat>& chain_in,
                    const VeStageMasks& masks, WriteObserver* observer) {
  VeResult result;
  const VeCheck check = ve_check(context, command, masks);
  result.error = check.error;
  result.address = check.address;
  if (check.error != CmdError::Ok) return result;

  const VeConfig config = VeConfig::from_rows(context.stages, context.io);
  std::array<std::uint32_t, kVeConstants> k = config.k;
  for (unsigned i = 0; i < 5; ++i) {
    if (flag(config.patch, i)) k[i] = command.constant[i];
  }
  // Reads see the scratchpad as it was at the start only where nothing was written before: commands
  // do not read what they write.
  std::vector<FastInput> in;
  in.reserve(3);
  for (unsigned i = 0; i < 3; ++i) {
    VeInPort port = config.in[i];
    port.chain = port.chain || !port.en;  // an input that is off has no stream
    in.emplace_back(port, context.in[i], command.base[i], spm, chain_in);
  }
  const bool mx = config.out[0].en && config.out[0].mx;
  std::vector<FastOutput> out;
  out.reserve(2);
  for (unsigned i = 0; i < 2; ++i) {
    VeOutPort port = config.out[i];
    port.chain = port.chain || !port.en;
    const auto format = i == 1 && mx ? ElementFormat::E8m0 : port.format;
    out.emplace_back(port, format, context.out[i], command.base[3 + i], config.seed, i);
    out[i].connect(spm, observer);
  }
  MxBlock block(config.out[0].format, out[0], out[1]);
  FastPipeline pipeline(config, k);
  FastReduction reduction(config.reduce);
  std::uint32_t first_element = 0;
  bool starved = false;

  std::array<VeWords, 4> v;
  VeWords spread;
  for (bool fin = false; !fin;) {
    in[0].next_group(v[0]);
    fin = in[0].fin();
    const unsigned mask = in[0].mask();
    const unsigned last = in[0].last();
    ++result.groups;
    for (unsigned i = 1; i < 3; ++i) {
      const VeInPort& port = config.in[i];
      if (!port.en) {
        fill(v[i], 0);
        continue;
      }
      in[i].prefetch();
      starved = starved || in[i].exhausted();
      if (port.scalar) {
        fill(v[i], in[i].scalar(last));
      } else {
        in[i].next_group(v[i]);
      }
    }
    fill(v[3], 0);
    pipeline.run(v, mask, last, first_element);
    std::pair<std::uint32_t, std::uint32_t> reduced{0, 0};
    if (reduction.on()) reduced = reduction.add(v[config.reduce.src], mask, last, first_element);
    first_element = flag(last, config.reduce.elem_loop) ? 0 : first_element + kVeLanes;

    for (unsigned i = 0; i < 2; ++i) {
      const VeOutPort& port = config.out[i];
      if (!port.en || (i == 1 && mx)) continue;
      if (port.on_last && !flag(last, port.loop)) continue;
      const VeWords* value = &spread;
      if (port.src < 4) {
        value = &v[port.src];
      } else {
        fill(spread, port.src == 4 ? reduced.first : reduced.second);
      }
      if (port.mx) {
        block.add(*value, mask, last);
      } else {
        out[i].add(*value, mask, last);
      }
    }
  }
  block.close();
  bool shape = starved;
  for (unsigned i = 0; i < 2; ++i) {
    if (!config.out[i].en) continue;
    out[i].finish(result);
    result.nan = result.nan || flag(out[i].flags(), 0);
    result.overflow = result.overflow || flag(out[i].flags(), 1);
    shape = shape || out[i].surplus() || out[i].accesses_left();
  }
  if (config.in[0].chain) result.chain_used = in[0].taken();

  // What went wrong on the way; the first input counts first.
  const auto range = [&result](const RangeError& error) {
    result.error = CmdError::Range;
    result.address = error.address;
  };
  for (unsigned i = 0; i < 3; ++i) {
    if (!config.in[i].en) continue;
    if (i != 0) shape = shape || in[i].whole_beat_left();
    if (in[i].range().met) {
      range(in[i].range());
      return result;
    }
  }
  for (unsigned i = 0; i < 2; ++i) {
    if (config.out[i].en && out[i].range().met) range(out[i].range());
  }
  if (result.error == CmdError::Ok && shape) result.error = CmdError::Shape;
  return result;
}

}  // namespace tsr::engines
