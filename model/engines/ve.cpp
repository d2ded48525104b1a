// SPDX-License-Identifier: Apache-2.0
#include "engines/ve.hpp"

#include <algorithm>
#include <cstring>

#include "numerics/special.hpp"

namespace tsr::engines {

namespace {

using Words = std::array<std::uint32_t, kVeLanes>;
using numerics::kFp32Sign;

/// `n` bits of `word` from bit `at`.
constexpr unsigned field(std::uint64_t word, unsigned at, unsigned n) {
  return static_cast<unsigned>((word >> at) & ((std::uint64_t{1} << n) - 1));
}
constexpr bool flag(std::uint64_t word, unsigned at) { return ((word >> at) & 1) != 0; }

VeOperand operand_from(unsigned bits) {
  return {static_cast<VeSrc>(bits & 31), flag(bits, 5), flag(bits, 6)};
}
unsigned operand_bits(const VeOperand& x) {
  return static_cast<unsigned>(x.src) | static_cast<unsigned>(x.abs) << 5 |
         static_cast<unsigned>(x.neg) << 6;
}

/// Index behind the last valid byte; 0 if there is none.
unsigned valid_end(std::uint64_t strb) {
  return strb == 0 ? 0 : 64 - static_cast<unsigned>(__builtin_clzll(strb));
}

/// Element `index` of a beat, unconverted.
std::uint32_t element(const BeatBytes& data, unsigned bits, unsigned index) {
  if (bits == 4) return (data[index / 2] >> (4 * (index % 2))) & 15;
  std::uint32_t value = 0;
  std::memcpy(&value, &data[index * (bits / 8)], bits / 8);
  return value;
}
void put_element(BeatBytes& data, unsigned bits, unsigned index, std::uint32_t value) {
  if (bits == 4) {
    const unsigned shift = 4 * (index % 2);
    data[index / 2] =
        static_cast<std::uint8_t>((data[index / 2] & ~(15U << shift)) | (value & 15) << shift);
  } else {
    std::memcpy(&data[index * (bits / 8)], &value, bits / 8);
  }
}

/// One group of a stream: unconverted elements, which of them are valid, tags.
struct Group {
  Words raw{};
  unsigned mask = 0;
  unsigned last = 0;
  bool fin = false;
};

/// Beats of a stream: from the scratchpad, or from the matrix engine.
class BeatSource {
 public:
  BeatSource(const AguConfig& config, std::uint32_t base, const std::vector<std::uint8_t>& spm)
      : agu_(config, base), mode_(config.xpose), spm_(&spm) {}
  explicit BeatSource(const std::vector<VeBeat>& chain) : chain_(&chain) {}

  bool done() const { return spm_ != nullptr ? agu_.done() : ended_; }
  std::size_t taken() const { return taken_; }
  bool range_error() const { return range_error_; }
  std::uint32_t range_address() const { return range_address_; }

  VeBeat next() {
    VeBeat beat;
    if (spm_ == nullptr) {
      if (taken_ < chain_->size()) beat = (*chain_)[taken_++];
      ended_ = beat.fin || taken_ >= chain_->size();
      beat.fin = ended_;
      return beat;
    }
    const Access access = agu_.current();
    if (out_of_range(access, spm_->size()) && !range_error_) {
      range_error_ = true;
      range_address_ = access.base;
    }
    const StreamBeat read = read_beat(access, mode_, *spm_);
    beat.data = read.data;
    beat.strb = read.strb;
    beat.last = read.last;
    agu_.next();
    beat.fin = agu_.done();
    ++taken_;
    return beat;
  }

 private:
  Agu agu_{AguConfig{}, 0};
  Transpose mode_ = Transpose::None;
  const std::vector<std::uint8_t>* spm_ = nullptr;
  const std::vector<VeBeat>* chain_ = nullptr;
  std::size_t taken_ = 0;
  bool ended_ = false;
  bool range_error_ = false;
  std::uint32_t range_address_ = 0;
};

/// An input port: cuts beats into groups or scalars.
class Input {
 public:
  Input(const VeInPort& port, BeatSource source)
      : port_(port),
        bits_(static_cast<unsigned>(numerics::element_bits(port.format))),
        source_(std::move(source)) {}

  BeatSource& source() { return source_; }
  /// No further element. Missing elements count as zero.
  bool exhausted() const { return position_ == end_ && source_.done(); }
  bool whole_beat_left() const { return !source_.done() || (end_ != 0 && position_ == 0); }

  /// Make an element available unless the stream is over.
  void prefetch() {
    if (position_ < end_ || source_.done()) return;
    beat_ = source_.next();
    const unsigned step = port_.scalar ? bits_ : bits_ * kVeLanes;  // bits of a group or scalar
    const bool cut = port_.skip || port_.scalar;
    end_ = cut ? std::max(1U, (valid_end(beat_.strb) * 8 + step - 1) / step) : 512 / step;
    position_ = 0;
  }

  Group next_group() {
    prefetch();
    Group group;
    for (unsigned lane = 0; lane < kVeLanes && position_ < end_; ++lane) {
      const unsigned index = position_ * kVeLanes + lane;
      group.raw[lane] = element(beat_.data, bits_, index);
      if (((beat_.strb >> (index * bits_ / 8)) & 1) != 0) group.mask |= 1U << lane;
    }
    if (position_ < end_) ++position_;
    if (position_ == end_) {
      group.last = beat_.last;
      group.fin = beat_.fin;
    }
    return group;
  }

  /// The scalar port's element for this group; `group_last` are the tags of I0's group.
  std::uint32_t scalar(unsigned group_last) {
    prefetch();
    const std::uint32_t value = position_ < end_ ? element(beat_.data, bits_, position_) : 0;
    second_ = !second_;
    const bool advance = port_.hold_two ? !second_ : ((group_last >> port_.hold_loop) & 1) != 0;
    if (advance && position_ < end_) ++position_;
    return value;
  }

 private:
  VeInPort port_;
  unsigned bits_;
  BeatSource source_;
  VeBeat beat_;
  unsigned position_ = 0;  // next group or scalar of the beat
  unsigned end_ = 0;
  bool second_ = false;
};

/// The pipeline of eight stages: what a group's four values become.
class Pipeline {
 public:
  Pipeline(const VeConfig& config, const std::array<std::uint32_t, kVeConstants>& k)
      : config_(config), k_(k) {
    for (unsigned s = 0; s < kVeStages; ++s) acc_[s].fill(k_[config_.stage[s].acc_init]);
  }

  void run(std::array<Words, 4>& v, unsigned mask, unsigned last, std::uint32_t first_element) {
    for (unsigned s = 0; s < kVeStages; ++s) {
      const VeStage& stage = config_.stage[s];
      if (stage.dst == 4 && !stage.acc_en) continue;
      const auto fetch = [&](const VeOperand& x, unsigned lane) {
        std::uint32_t value = source(x.src, v, s, lane, first_element);
        if (x.abs) value &= ~kFp32Sign;
        return x.neg ? value ^ kFp32Sign : value;
      };
      Words result;
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        const unsigned from = stage.rot ? (lane + stage.exch) % kVeLanes : lane ^ stage.exch;
        result[lane] = numerics::vec_op(stage.op, fetch(stage.a, lane), fetch(stage.b, from),
                                        fetch(stage.c, lane), stage.rm);
      }
      if (stage.acc_en) {
        for (unsigned lane = 0; lane < kVeLanes; ++lane) {
          if (((mask >> lane) & 1) != 0) acc_[s][lane] = result[lane];
        }
      }
      if (((last >> stage.acc_loop) & 1) != 0) acc_[s].fill(k_[stage.acc_init]);
      if (stage.dst < 4) v[stage.dst] = result;
    }
  }

 private:
  std::uint32_t source(VeSrc src, const std::array<Words, 4>& v, unsigned stage, unsigned lane,
                       std::uint32_t first_element) const {
    switch (src) {
      case VeSrc::Lane:
        return lane;
      case VeSrc::Elem:
        return first_element + lane;
      case VeSrc::Acc:
        return acc_[stage][lane];
      case VeSrc::Zero:
        return 0;
      default:
        break;
    }
    const auto index = static_cast<unsigned>(src);
    return index < 4 ? v[index][lane] : k_[index - static_cast<unsigned>(VeSrc::K0)];
  }

  const VeConfig& config_;
  std::array<std::uint32_t, kVeConstants> k_;
  std::array<Words, kVeStages> acc_;
};

/// x is a number, and larger than the best so far (NaN: none).
bool wins_over(std::uint32_t x, std::uint32_t best) {
  if (numerics::fp32_is_nan(x)) return false;
  return numerics::fp32_is_nan(best) || numerics::fp32_key(best) < numerics::fp32_key(x);
}

/// The reduction behind the last stage.
class Reduction {
 public:
  explicit Reduction(const VeReduce& config) : config_(config) { restart(); }

  /// Value and index of the group: zeros unless it has last[loop].
  std::pair<std::uint32_t, std::uint32_t> add(const Words& x, unsigned mask, unsigned last,
                                              std::uint32_t first_element) {
    if (config_.op == VeRed::None) return {0, 0};
    if (config_.op == VeRed::SumF) {
      sum_.add(numerics::sum_group(x.data(), mask));
    } else {
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        if (((mask >> lane) & 1) != 0) take(x[lane], first_element + lane);
      }
    }
    if (((last >> config_.loop) & 1) == 0) return {0, 0};
    const bool indexed = config_.op == VeRed::ArgMaxF || config_.op == VeRed::ArgMinF ||
                         config_.op == VeRed::ArgMaxI || config_.op == VeRed::ArgMinI;
    const std::pair<std::uint32_t, std::uint32_t> out{
        config_.op == VeRed::SumF ? sum_.drain() : value_, indexed ? index_ : 0};
    restart();
    return out;
  }

 private:
  void restart() {
    sum_ = {};
    index_ = 0;
    empty_ = true;
    switch (config_.op) {
      case VeRed::SumI:
        value_ = 0;
        break;
      case VeRed::MaxI:
      case VeRed::ArgMaxI:
        value_ = kFp32Sign;
        break;
      case VeRed::MinI:
      case VeRed::ArgMinI:
        value_ = ~kFp32Sign;
        break;
      default:
        value_ = numerics::kFp32Nan;
        break;
    }
  }

  void take(std::uint32_t x, std::uint32_t element_number) {
    bool wins = false;
    switch (config_.op) {
      case VeRed::SumI:
        value_ += x;
        return;
      case VeRed::MaxI:
      case VeRed::ArgMaxI:
        wins = static_cast<std::int32_t>(x) > static_cast<std::int32_t>(value_);
        break;
      case VeRed::MinI:
      case VeRed::ArgMinI:
        wins = static_cast<std::int32_t>(x) < static_cast<std::int32_t>(value_);
        break;
      case VeRed::MaxF:
      case VeRed::ArgMaxF:
        wins = wins_over(x, value_);
        break;
      default:
        wins = wins_over(numerics::fp32_neg(x), numerics::fp32_neg(value_));
        break;
    }
    if (wins) value_ = x;
    if (wins || empty_) index_ = element_number;
    empty_ = false;
  }

  VeReduce config_;
  numerics::VecSum sum_;
  std::uint32_t value_ = 0;
  std::uint32_t index_ = 0;
  bool empty_ = true;
};

/// Packs elements into beats and writes them at the accesses of the port.
class Packer {
 public:
  Packer(unsigned bits, bool skip, const AguConfig& agu, std::uint32_t base)
      : bits_(bits), skip_(skip), agu_(agu, base) {}
  /// Beats for the matrix engine.
  explicit Packer(unsigned bits) : bits_(bits), chain_(true) {}

  bool surplus() const { return surplus_; }
  bool accesses_left() const { return !chain_ && !agu_.done(); }

  /// Elements of one group. `valid` and the tags matter for chain beats only.
  void add(const std::uint32_t* elements, unsigned count, unsigned valid, unsigned last,
           VeResult& result, unsigned port) {
    for (unsigned i = 0; i < count; ++i, ++fill_) {
      const bool keep = !chain_ || ((valid >> i) & 1) != 0;
      if (!keep) continue;
      put_element(data_, bits_, fill_, elements[i]);
      const unsigned byte = fill_ * bits_ / 8;
      for (unsigned b = 0; b < std::max(1U, bits_ / 8); ++b)
        strb_ |= std::uint64_t{1} << (byte + b);
    }
    last_ = last;
    const unsigned full = 512 / bits_;
    bool complete = fill_ >= full;
    if (!chain_ && skip_ && !agu_.done()) {
      complete = complete || fill_ * bits_ >= 8 * valid_end(agu_.current().strb);
    }
    if (complete) flush(result, port, false);
  }

  /// The started beat leaves; `fin`: of the last group.
  void flush(VeResult& result, unsigned port, bool fin) {
    if (fill_ == 0) {
      if (fin && chain_ && !result.chain_out.empty()) result.chain_out.back().fin = true;
      return;
    }
    if (chain_) {
      result.chain_out.push_back({data_, strb_, last_, fin});
    } else if (agu_.done()) {
      surplus_ = true;
    } else {
      result.writes[port].push_back({agu_.current(), data_});
      agu_.next();
    }
    fill_ = 0;
    data_.fill(0);
    strb_ = 0;
  }

 private:
  unsigned bits_;
  bool skip_ = false;
  bool chain_ = false;
  Agu agu_{AguConfig{}, 0};
  BeatBytes data_{};
  std::uint64_t strb_ = 0;
  unsigned fill_ = 0;  // elements in the beat
  unsigned last_ = 0;
  bool surplus_ = false;
};

/// A group of an MX block that waits for the second one.
struct MxGroup {
  Words value;
  unsigned mask;
  unsigned last;
};

using PortRandom = std::vector<numerics::StochasticLane>;

PortRandom port_random(std::uint32_t seed, unsigned port) {
  PortRandom lanes;
  for (unsigned lane = 0; lane < kVeLanes; ++lane) lanes.emplace_back(seed, lane, port);
  return lanes;
}

/// The word that a stage computes with.
std::uint32_t load(const VeInPort& port, std::uint32_t raw) {
  const std::uint32_t word = numerics::load_element(port.format, raw);
  return port.to_f && numerics::is_integer(port.format) ? numerics::i2f(word) : word;
}

bool known_op(VecOp op) {
  const auto code = static_cast<unsigned>(op);
  return code <= 25 || (code >= 32 && code <= 35) || (code >= 40 && code <= 47);
}
bool needs_fma(VecOp op) { return (static_cast<unsigned>(op) & 0x38) == 0x20; }
bool needs_sfu(VecOp op) { return (static_cast<unsigned>(op) & 0x38) == 0x28; }

}  // namespace

VeStage VeStage::from_word(std::uint64_t word) {
  VeStage stage;
  stage.op = static_cast<VecOp>(field(word, 0, 6));
  stage.a = operand_from(field(word, 6, 7));
  stage.b = operand_from(field(word, 13, 7));
  stage.c = operand_from(field(word, 20, 7));
  stage.exch = field(word, 30, 4);
  stage.rot = flag(word, 34);
  stage.dst = field(word, 35, 3);
  stage.rm = static_cast<Rounding>(field(word, 38, 3));
  stage.acc_en = flag(word, 41);
  stage.acc_loop = field(word, 42, 3);
  stage.acc_init = field(word, 45, 3);
  return stage;
}

std::uint64_t VeStage::to_word() const {
  return static_cast<std::uint64_t>(op) | std::uint64_t{operand_bits(a)} << 6 |
         std::uint64_t{operand_bits(b)} << 13 | std::uint64_t{operand_bits(c)} << 20 |
         std::uint64_t{exch} << 30 | static_cast<std::uint64_t>(rot) << 34 |
         std::uint64_t{dst} << 35 | static_cast<std::uint64_t>(rm) << 38 |
         static_cast<std::uint64_t>(acc_en) << 41 | std::uint64_t{acc_loop} << 42 |
         std::uint64_t{acc_init} << 45;
}

VeInPort VeInPort::from_word(std::uint32_t word) {
  VeInPort port;
  port.format = static_cast<ElementFormat>(field(word, 0, 4));
  port.en = flag(word, 4);
  port.to_f = flag(word, 5);
  port.scalar = flag(word, 8);
  port.hold_loop = field(word, 9, 3);
  port.hold_two = flag(word, 12);
  port.skip = flag(word, 13);
  port.chain = flag(word, 14);
  return port;
}

std::uint32_t VeInPort::to_word() const {
  return static_cast<unsigned>(format) | static_cast<unsigned>(en) << 4 |
         static_cast<unsigned>(to_f) << 5 | static_cast<unsigned>(scalar) << 8 | hold_loop << 9 |
         static_cast<unsigned>(hold_two) << 12 | static_cast<unsigned>(skip) << 13 |
         static_cast<unsigned>(chain) << 14;
}

VeOutPort VeOutPort::from_word(std::uint32_t word) {
  VeOutPort port;
  port.format = static_cast<ElementFormat>(field(word, 0, 4));
  port.en = flag(word, 4);
  port.src = field(word, 5, 3);
  port.rm = static_cast<Rounding>(field(word, 9, 3));
  port.sat = flag(word, 12);
  port.from_i = flag(word, 13);
  port.scalar = flag(word, 14);
  port.on_last = flag(word, 15);
  port.loop = field(word, 16, 3);
  port.mx = flag(word, 19);
  port.chain = flag(word, 20);
  port.skip = flag(word, 21);
  return port;
}

std::uint32_t VeOutPort::to_word() const {
  return static_cast<unsigned>(format) | static_cast<unsigned>(en) << 4 | src << 5 |
         static_cast<unsigned>(rm) << 9 | static_cast<unsigned>(sat) << 12 |
         static_cast<unsigned>(from_i) << 13 | static_cast<unsigned>(scalar) << 14 |
         static_cast<unsigned>(on_last) << 15 | loop << 16 | static_cast<unsigned>(mx) << 19 |
         static_cast<unsigned>(chain) << 20 | static_cast<unsigned>(skip) << 21;
}

VeReduce VeReduce::from_word(std::uint32_t word) {
  return {static_cast<VeRed>(field(word, 0, 4)), field(word, 4, 2), field(word, 6, 3),
          field(word, 9, 3)};
}

std::uint32_t VeReduce::to_word() const {
  return static_cast<unsigned>(op) | src << 4 | loop << 6 | elem_loop << 9;
}

VeConfig VeConfig::from_rows(const ContextRow& stages, const ContextRow& io) {
  VeConfig config;
  for (unsigned s = 0; s < kVeStages; ++s) {
    config.stage[s] = VeStage::from_word(stages[2 * s] | std::uint64_t{stages[2 * s + 1]} << 32);
  }
  for (unsigned i = 0; i < kVeConstants; ++i) config.k[i] = io[i];
  for (unsigned i = 0; i < 3; ++i) config.in[i] = VeInPort::from_word(io[8 + i]);
  for (unsigned i = 0; i < 2; ++i) config.out[i] = VeOutPort::from_word(io[11 + i]);
  config.reduce = VeReduce::from_word(io[13]);
  config.seed = io[14];
  config.patch = io[15] & 255;
  return config;
}

ContextRow VeConfig::stage_row() const {
  ContextRow row{};
  for (unsigned s = 0; s < kVeStages; ++s) {
    const std::uint64_t word = stage[s].to_word();
    row[2 * s] = static_cast<std::uint32_t>(word);
    row[2 * s + 1] = static_cast<std::uint32_t>(word >> 32);
  }
  return row;
}

ContextRow VeConfig::io_row() const {
  ContextRow row{};
  for (unsigned i = 0; i < kVeConstants; ++i) row[i] = k[i];
  for (unsigned i = 0; i < 3; ++i) row[8 + i] = in[i].to_word();
  for (unsigned i = 0; i < 2; ++i) row[11 + i] = out[i].to_word();
  row[13] = reduce.to_word();
  row[14] = seed;
  row[15] = patch;
  return row;
}

bool ve_legal(const VeConfig& config, const VeStageMasks& masks) {
  const auto mode = [](Rounding rm) { return static_cast<unsigned>(rm) <= 4; };
  const auto format = [](ElementFormat f) { return static_cast<unsigned>(f) <= 14; };
  const auto source = [](const VeOperand& x) { return static_cast<unsigned>(x.src) < 16; };
  for (unsigned s = 0; s < kVeStages; ++s) {
    const VeStage& stage = config.stage[s];
    if (!known_op(stage.op) || !mode(stage.rm) || stage.dst > 4 || stage.acc_loop > 5) return false;
    if (!source(stage.a) || !source(stage.b) || !source(stage.c)) return false;
    if (needs_fma(stage.op) && !flag(masks.fma, s)) return false;
    if (needs_sfu(stage.op) && !flag(masks.sfu, s)) return false;
  }
  if (!config.in[0].en || config.in[0].scalar) return false;
  for (unsigned i = 0; i < 3; ++i) {
    const VeInPort& port = config.in[i];
    if (!port.en) continue;
    if (!format(port.format) || port.hold_loop > 5 || (port.chain && i != 0)) return false;
  }
  for (unsigned i = 0; i < 2; ++i) {
    const VeOutPort& port = config.out[i];
    if (!port.en) continue;
    if (i == 1 && config.out[0].en && config.out[0].mx) continue;  // takes the scales
    if (!format(port.format)) return false;
    if (!mode(port.rm) || port.src > 5 || port.loop > 5) return false;
    if (i != 0 && (port.chain || port.mx)) return false;
    if (port.mx && (port.scalar || port.on_last || port.from_i || !config.out[1].en ||
                    !numerics::is_mx(port.format))) {
      return false;
    }
  }
  return static_cast<unsigned>(config.reduce.op) <= 10 && config.reduce.loop <= 5 &&
         config.reduce.elem_loop <= 5;
}

namespace {

/// Streams that a configuration uses: I0, I1, I2, O0, O1.
std::array<bool, 5> used_streams(const VeConfig& config) {
  std::array<bool, 5> streams{};
  for (unsigned i = 0; i < 3; ++i) streams[i] = config.in[i].en && !config.in[i].chain;
  for (unsigned i = 0; i < 2; ++i) streams[3 + i] = config.out[i].en && !config.out[i].chain;
  return streams;
}

}  // namespace

VeCheck ve_check(const VeContext& context, const VeCommand& command, const VeStageMasks& masks) {
  const VeConfig config = VeConfig::from_rows(context.stages, context.io);
  if (!ve_legal(config, masks)) return {CmdError::Context, 0};
  const std::array<bool, 5> streams = used_streams(config);
  for (unsigned port = 0; port < 5; ++port) {
    if (!streams[port]) continue;
    const ContextRow& row = port < 3 ? context.in[port] : context.out[port - 3];
    if (!AguConfig::legal(row)) return {CmdError::Context, 0};
    const AguConfig agu = AguConfig::from_row(row);
    const bool turned = port >= 3 && agu.xpose != Transpose::None;
    if (agu.gather || turned) return {CmdError::Context, 0};
  }
  for (unsigned port = 0; port < 5; ++port) {
    const std::uint32_t base = command.base[port];
    if (streams[port] && (base % 8 != 0 || base > kSpmAddressMask)) return {CmdError::Range, base};
  }
  return {};
}

VeResult ve_run(const VeContext& context, const VeCommand& command,
                const std::vector<std::uint8_t>& spm, const std::vector<VeBeat>& chain_in,
                const VeStageMasks& masks) {
  VeResult result;
  const VeConfig config = VeConfig::from_rows(context.stages, context.io);
  const auto fail = [&result](CmdError error, std::uint32_t address = 0) {
    result.error = error;
    result.address = address;
    return result;
  };
  const VeCheck check = ve_check(context, command, masks);
  if (check.error != CmdError::Ok) return fail(check.error, check.address);
  const std::array<bool, 5> streams = used_streams(config);
  const auto row = [&](unsigned port) -> const ContextRow& {
    return port < 3 ? context.in[port] : context.out[port - 3];
  };

  std::array<std::uint32_t, kVeConstants> k = config.k;
  for (unsigned i = 0; i < 5; ++i) {
    if (flag(config.patch, i)) k[i] = command.constant[i];
  }
  std::vector<Input> in;
  for (unsigned i = 0; i < 3; ++i) {
    in.emplace_back(config.in[i],
                    streams[i] ? BeatSource(AguConfig::from_row(row(i)), command.base[i], spm)
                               : BeatSource(chain_in));
  }
  const bool mx = config.out[0].en && config.out[0].mx;
  std::vector<Packer> out;
  std::vector<PortRandom> random;
  for (unsigned i = 0; i < 2; ++i) {
    const VeOutPort& port = config.out[i];
    const auto format = i == 1 && mx ? ElementFormat::E8m0 : port.format;
    const auto bits = static_cast<unsigned>(numerics::element_bits(format));
    if (streams[3 + i]) {
      out.emplace_back(bits, port.skip, AguConfig::from_row(row(3 + i)), command.base[3 + i]);
    } else {
      out.emplace_back(bits);
    }
    random.push_back(port_random(config.seed, i));
  }
  Pipeline pipeline(config, k);
  Reduction reduction(config.reduce);
  std::vector<MxGroup> block;
  std::uint32_t first_element = 0;
  bool starved = false;

  const auto note = [&](const numerics::StoreFlags& flags) {
    result.nan = result.nan || flags.nan;
    result.overflow = result.overflow || flags.overflow;
  };
  const auto close_block = [&] {
    if (block.empty()) return;
    std::vector<std::uint32_t> counted;  // only valid lanes count for the scale
    for (const MxGroup& group : block) {
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        if (flag(group.mask, lane)) counted.push_back(group.value[lane]);
      }
    }
    const ElementFormat format = config.out[0].format;
    const std::uint32_t scale =
        numerics::mx_scale(format, counted.data(), static_cast<int>(counted.size()));
    for (const MxGroup& group : block) {
      Words elements;
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        elements[lane] =
            numerics::mx_element(format, group.value[lane], static_cast<std::uint8_t>(scale));
        // Scales bring every finite number into range.
        if (flag(group.mask, lane))
          note(numerics::store_flags(ElementFormat::Fp32, group.value[lane]));
      }
      out[0].add(elements.data(), kVeLanes, group.mask, group.last, result, 0);
    }
    out[1].add(&scale, 1, 1, 0, result, 1);
    block.clear();
  };

  for (bool fin = false; !fin;) {
    const Group pace = in[0].next_group();
    fin = pace.fin;
    ++result.groups;
    std::array<Words, 4> v{};
    for (unsigned i = 0; i < 3; ++i) {
      const VeInPort& port = config.in[i];
      if (!port.en) continue;
      Words raw = pace.raw;
      if (i != 0) {
        in[i].prefetch();
        starved = starved || in[i].exhausted();
        if (port.scalar) {
          raw.fill(in[i].scalar(pace.last));
        } else {
          raw = in[i].next_group().raw;
        }
      }
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        v[i][lane] = load(port, raw[lane]);
      }
    }
    pipeline.run(v, pace.mask, pace.last, first_element);
    const auto reduced = reduction.add(v[config.reduce.src], pace.mask, pace.last, first_element);
    first_element = flag(pace.last, config.reduce.elem_loop) ? 0 : first_element + kVeLanes;

    for (unsigned i = 0; i < 2; ++i) {
      const VeOutPort& port = config.out[i];
      if (!port.en || (i == 1 && mx)) continue;
      if (port.on_last && !flag(pace.last, port.loop)) continue;
      Words value;
      if (port.src < 4) {
        value = v[port.src];
      } else {
        value.fill(port.src == 4 ? reduced.first : reduced.second);
      }
      if (port.mx) {
        block.push_back({value, pace.mask, pace.last});
        if (block.size() == 2) close_block();
        continue;
      }
      Words elements;
      for (unsigned lane = 0; lane < kVeLanes; ++lane) {
        const numerics::StoreMode mode{port.from_i, port.rm, port.sat, random[i][lane].next()};
        elements[lane] = numerics::store_element(port.format, value[lane], mode);
        if (port.scalar ? lane == 0 : flag(pace.mask, lane)) {
          note(numerics::store_flags(port.format, value[lane], mode));
        }
      }
      out[i].add(elements.data(), port.scalar ? 1 : kVeLanes, port.scalar ? 1 : pace.mask,
                 pace.last, result, i);
    }
  }
  close_block();
  for (unsigned i = 0; i < 2; ++i) {
    if (config.out[i].en) out[i].flush(result, i, true);
  }
  if (config.in[0].chain) result.chain_used = in[0].source().taken();

  // What went wrong on the way.
  bool shape = starved;
  for (unsigned i = 0; i < 3; ++i) {
    if (i != 0 && config.in[i].en) shape = shape || in[i].whole_beat_left();
    if (in[i].source().range_error()) return fail(CmdError::Range, in[i].source().range_address());
  }
  for (unsigned i = 0; i < 2; ++i) {
    if (!config.out[i].en) continue;
    shape = shape || out[i].surplus() || out[i].accesses_left();
    auto& writes = result.writes[i];
    for (std::size_t w = 0; w < writes.size(); ++w) {
      if (!out_of_range(writes[w].access, spm.size())) continue;
      fail(CmdError::Range, writes[w].access.base);
      writes.resize(w);
    }
  }
  if (result.error == CmdError::Ok && shape) result.error = CmdError::Shape;
  return result;
}

void ve_apply(const VeResult& result, std::vector<std::uint8_t>& spm) {
  for (const auto& port : result.writes) {
    for (const VeWrite& write : port) {
      write_beat(write.access, write.data, spm);
    }
  }
}

}  // namespace tsr::engines
