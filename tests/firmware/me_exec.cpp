// SPDX-License-Identifier: Apache-2.0
#include "me_exec.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>

namespace tsr {
namespace {

constexpr uint32_t Wrap = 0x3fffff;

uint32_t bits_of(float f) {
  uint32_t b;
  std::memcpy(&b, &f, 4);
  return b;
}

float float_of(uint32_t b) {
  float f;
  std::memcpy(&f, &b, 4);
  return f;
}

int64_t sign_extend(uint32_t value, uint32_t bits) {
  const uint32_t sign = 1u << (bits - 1);
  return static_cast<int64_t>((value & (2 * sign - 1)) ^ sign) - sign;
}

/// Exponent and fraction bits of the small formats, and their bias.
struct Layout {
  uint32_t exponent, fraction;
  int bias;
};

const std::map<uint32_t, Layout> layouts = {{2, {5, 10, 15}}, {5, {4, 3, 7}}, {6, {5, 2, 15}},
                                            {7, {3, 2, 3}},   {8, {2, 3, 1}}, {9, {2, 1, 1}}};

double decode_small(const Layout& l, uint32_t format, uint32_t bits) {
  const uint32_t fraction = bits & ((1u << l.fraction) - 1);
  const uint32_t exponent = bits >> l.fraction & ((1u << l.exponent) - 1);
  const double sign = bits >> (l.fraction + l.exponent) & 1 ? -1 : 1;
  const uint32_t top = (1u << l.exponent) - 1;
  if ((format == 2 || format == 6) && exponent == top) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (format == 5 && (bits & 0x7f) == 0x7f) return std::numeric_limits<double>::quiet_NaN();
  const double significand = fraction + (exponent != 0 ? 1u << l.fraction : 0);
  const int e = static_cast<int>(exponent == 0 ? 1 : exponent) - l.bias;
  return sign * std::ldexp(significand, e - static_cast<int>(l.fraction));
}

/// Every code of a small format.
struct Table {
  std::vector<double> value;
  std::map<double, uint32_t> code;  ///< without NaN; of both zeros one
};

const Table& table(uint32_t format) {
  static std::array<Table, 16> tables;
  Table& t = tables[format];
  if (t.value.empty()) {
    const Layout& l = layouts.at(format);
    for (uint32_t b = 0; b < 1u << format_bits(format); b++) {
      const uint32_t used = b & ((2u << (l.exponent + l.fraction)) - 1);  // FP6: 6 bits of a byte
      t.value.push_back(decode_small(l, format, used));
      if (used == b && !std::isnan(t.value[b])) t.code.emplace(t.value[b], b);
    }
  }
  return t;
}

}  // namespace

// ---------------------------------------------------------------- streams

std::vector<Access> walk(const RowWords& word, uint32_t base) {
  const uint32_t pitch = word(1) & Wrap, w2 = word(2), w3 = word(3);
  const int xstep = static_cast<int>(word(1) >> 22);
  const uint32_t w = 1u << (w2 & 3);
  const uint32_t xpose = w2 >> 2 & 3;
  const int win_w = static_cast<int>(w3 & 0xfff), win_h = static_cast<int>(w3 >> 12 & 0xfff);
  if (xpose != 0 && w != 1u << (xpose - 1)) throw std::runtime_error("transpose does not match w");
  if (pitch % 8 != 0 || base % 8 != 0 || base > Wrap) throw std::runtime_error("AGU alignment");
  if ((w2 >> 5 & 7) > 5 || (w2 >> 17 & 7) > 5) throw std::runtime_error("AGU edge loop");
  std::array<uint32_t, 6> count{}, i{};
  uint64_t total = 1;
  for (uint32_t j = 0; j < 6; j++) {
    count[j] = word(4 + j) & 0xffff;
    if (count[j] == 0 || word(10 + j) % 8 != 0) throw std::runtime_error("AGU loop");
    total *= count[j];
  }
  std::vector<Access> out;
  uint32_t address = base;
  int x = -static_cast<int>(w3 >> 24 & 15), y = -static_cast<int>(w3 >> 28);
  for (uint64_t n = 0; n < total; n++) {
    Access a{};
    a.xpose = xpose;
    const auto is_last = [&](uint32_t loop) { return i[loop] + 1 == count[loop]; };
    const bool redge = (w2 >> 4 & 1) && is_last(w2 >> 5 & 7);
    const bool bedge = (w2 >> 16 & 1) && is_last(w2 >> 17 & 7);
    const uint32_t redge_n = (w2 >> 12 & 15) == 0 ? 16 : w2 >> 12 & 15;
    for (uint32_t l = 0; l < 8; l++) {
      a.lane[l] = (address + l / w * pitch + l % w * 8) & Wrap;
      const uint32_t row = (w2 >> 8 & 1 ? i[0] * (8 / w) : 0) + l / w;
      const int column = x + static_cast<int>(l / w) * xstep;
      const bool in_picture = win_w == 0 || (y >= 0 && y < win_h && column >= 0 && column < win_w);
      for (uint32_t b = 0; b < 8; b++) {
        const bool in_row = !redge || row < redge_n;
        const bool in_bytes = !bedge || l % w * 8 + b < (w2 >> 24 & 127);
        if (in_row && in_bytes && in_picture) a.mask[l] |= static_cast<uint8_t>(1u << b);
      }
    }
    for (uint32_t j = 0; j < 6 && is_last(j); j++) a.last |= 1u << j;
    out.push_back(a);
    for (uint32_t j = 0; j < 6; j++) {
      if (++i[j] < count[j]) {
        address = (address + (word(10 + j) & Wrap)) & Wrap;
        x += static_cast<int16_t>(word(4 + j) >> 16);
        y += static_cast<int>(sign_extend(word(10 + j) >> 22, 10));
        break;
      }
      i[j] = 0;
    }
  }
  return out;
}

std::array<std::array<uint8_t, 8>, 8> read_lanes(const Access& access,
                                                 const std::vector<uint8_t>& spm) {
  std::array<std::array<uint8_t, 8>, 8> in{}, out{};
  for (uint32_t l = 0; l < 8; l++) {
    if (access.mask[l] == 0) continue;
    if (access.lane[l] + 8 > spm.size()) throw std::runtime_error("outside the scratchpad");
    for (uint32_t b = 0; b < 8; b++) {
      in[l][b] = access.mask[l] >> b & 1 ? spm[access.lane[l] + b] : 0;
    }
  }
  if (access.xpose == 0) return in;
  // Element e of row k: byte k * row + e * size of the beat goes to lane e, byte k * size.
  const uint32_t size = 1u << (access.xpose - 1), row = 8 * size;
  for (uint32_t byte = 0; byte < 64; byte++) {
    const uint32_t k = byte / row, e = byte % row / size;
    out[e][k * size + byte % size] = in[byte / 8][byte % 8];
  }
  return out;
}

uint32_t bank_cycles(const Access& a, bool copies, size_t spm_bytes) {
  std::map<size_t, std::set<uint32_t>> lines;  // (hyperbank, bank) -> what goes one after another
  size_t worst = 1;
  for (uint32_t l = 0; l < 8; l++) {
    if (a.mask[l] == 0) continue;
    auto& set = lines[a.lane[l] / (spm_bytes / 8) * 8 + a.lane[l] / 8 % 8];
    set.insert(copies ? a.lane[l] * 2 : l * 2 + 1);
    worst = std::max(worst, set.size());
  }
  return static_cast<uint32_t>(worst);
}

// ---------------------------------------------------------------- formats

uint32_t format_bits(uint32_t format) {
  switch (format) {
    case 0:
    case 2:
      return 16;
    case 3:
    case 4:
      return 32;
    case 9:
    case 10:
      return 4;
    default:
      return 8;
  }
}

double format_decode(uint32_t format, uint32_t bits) {
  switch (format) {
    case 0:
      return float_of(bits << 16);
    case 1:
      return static_cast<double>(sign_extend(bits, 8));
    case 3:
      return float_of(bits & ~0x1fffu);
    case 4:
      return float_of(bits);
    case 10:
      return static_cast<double>(sign_extend(bits, 4));
    default:
      return table(format).value[bits];
  }
}

uint32_t format_encode(uint32_t format, double value) {
  if (format == 0) return bits_of(static_cast<float>(value)) >> 16;
  if (format == 3 || format == 4) return bits_of(static_cast<float>(value));
  if (format == 1 || format == 10) {
    return static_cast<uint32_t>(static_cast<int>(value)) & ((1u << format_bits(format)) - 1);
  }
  const auto& codes = table(format).code;
  const auto found = codes.find(value);
  if (found == codes.end()) throw std::runtime_error("format has no such value");
  return found->second;
}

uint32_t get_element(const uint8_t* row, uint32_t format, uint64_t index) {
  const uint32_t bits = format_bits(format);
  if (bits == 4) return row[index / 2] >> 4 * (index % 2) & 15;
  uint32_t value = 0;
  std::memcpy(&value, row + index * (bits / 8), bits / 8);
  return value;
}

void put_element(uint8_t* row, uint32_t format, uint64_t index, uint32_t value) {
  const uint32_t bits = format_bits(format);
  if (bits == 4) {
    const uint32_t shift = 4 * (index % 2);
    row[index / 2] = static_cast<uint8_t>((row[index / 2] & ~(15u << shift)) | value << shift);
  } else {
    std::memcpy(row + index * (bits / 8), &value, bits / 8);
  }
}

// ---------------------------------------------------------------- matrix engine

namespace {

using Lanes = std::array<std::array<uint8_t, 8>, 8>;

/// Scales of one operand: its words of row 7, loop counts of the operand's row.
class Scales {
 public:
  Scales(const ContextWords& context, uint32_t operand_row, uint32_t first_word, uint32_t base,
         uint32_t beats_a_block)
      : beats_(beats_a_block) {
    const uint32_t beats = context(operand_row, 4) & 0xffff;
    count_ = (beats + 8 * beats_ - 1) / (8 * beats_);
    const auto word = [&](uint32_t w) -> uint32_t {
      if (w == 1) return context(7, first_word + 1) & Wrap;
      if (w == 4) return count_;
      if (w > 4 && w < 10) return context(operand_row, w) & 0xffff;
      if (w >= 10) return context(7, first_word + 2 + w - 10) & Wrap;
      return 0;
    };
    accesses_ = walk(word, base);
  }

  /// Scales of the eight rows for beat `beat` of run `run` of the operand's loop 0.
  std::array<double, 8> at(size_t run, size_t beat, const std::vector<uint8_t>& spm,
                           uint64_t* conflicts) {
    const size_t block = beat / beats_, n = run * count_ + block / 8;
    if (n != loaded_) {
      lanes_ = read_lanes(accesses_.at(n), spm);
      *conflicts += bank_cycles(accesses_[n], false, spm.size()) - 1;
      loaded_ = n;
    }
    std::array<double, 8> r{};
    for (uint32_t l = 0; l < 8; l++) {
      const uint8_t s = lanes_[l][block % 8];
      r[l] = s == 255 ? std::numeric_limits<double>::quiet_NaN() : std::ldexp(1.0, s - 127);
    }
    return r;
  }

 private:
  uint32_t beats_, count_;
  std::vector<Access> accesses_;
  size_t loaded_ = SIZE_MAX;
  Lanes lanes_{};
};

}  // namespace

void me_execute(const ContextWords& context, const std::array<uint32_t, 16>& cmd,
                std::vector<uint8_t>& spm, MeStats* stats) {
  const auto row = [&](uint32_t r) {
    return [&context, r](uint32_t word) { return context(r, word); };
  };
  const uint32_t cfg = context(0, 0), fmt_a = cfg & 15, fmt_b = cfg >> 8 & 15;
  const bool preload = cfg >> 4 & 1, relu = cfg >> 5 & 1, half = cfg >> 6 & 1, mx = cfg >> 12 & 1;
  const uint32_t kloop = cfg >> 13 & 7;
  const auto pair = [&](uint32_t a, uint32_t b) {
    return (fmt_a == a || fmt_a == b) && (fmt_b == a || fmt_b == b);
  };
  if (fmt_a > 10 || (fmt_a != fmt_b && !pair(5, 6) && !pair(7, 8)) || (cfg >> 16) != 0) {
    throw std::runtime_error("matrix engine context");
  }
  const bool integer = !mx && (fmt_a == 1 || fmt_a == 10);
  if (integer && half) throw std::runtime_error("BF16 of integers");
  const auto as = walk(row(1), cmd[5]), bs = walk(row(2), cmd[6]), os = walk(row(4), cmd[8]);
  const auto cs = preload ? walk(row(3), cmd[7]) : std::vector<Access>{};
  if (as.size() != bs.size()) throw std::runtime_error("streams of A and B differ");
  const uint32_t elements = 64 / format_bits(fmt_a);
  std::vector<Scales> scales;
  if (mx) {
    const uint32_t beats = 32 / elements;
    scales.emplace_back(context, 1, 0, cmd[10], beats);
    scales.emplace_back(context, 2, 8, cmd[11], beats);
  }
  const uint32_t out_beats = half ? 2 : 4;
  size_t next_o = 0, next_c = 0;
  uint64_t conflicts = 0, shared = 0;
  double sum[8][8];
  const auto begin = [&] {
    for (auto& r : sum) std::fill(std::begin(r), std::end(r), 0.0);
    for (uint32_t beat = 0; preload && beat < 4; beat++) {
      const auto& access = cs.at(next_c++);
      const auto lanes = read_lanes(access, spm);
      conflicts += bank_cycles(access, true, spm.size()) - 1;
      for (uint32_t e = 0; e < 16; e++) {
        uint32_t v;
        std::memcpy(&v, &lanes[e / 2][e % 2 * 4], 4);
        sum[beat * 2 + e / 8][e % 8] =
            integer ? static_cast<int32_t>(v) : static_cast<double>(float_of(v));
      }
    }
  };
  const auto end = [&] {
    for (uint32_t beat = 0; beat < out_beats; beat++) {
      const auto& access = os.at(next_o++);
      conflicts += bank_cycles(access, false, spm.size()) - 1;
      const uint32_t size = half ? 2 : 4, rows = 8 / out_beats;
      for (uint32_t byte = 0; byte < 64; byte++) {
        if ((access.mask[byte / 8] >> byte % 8 & 1) == 0) continue;
        const uint32_t element = byte / size, at = access.lane[byte / 8] + byte % 8;
        double v = sum[beat * rows + element / 8][element % 8];
        if (relu && v < 0) v = 0;
        const uint32_t word = integer ? static_cast<uint32_t>(static_cast<int64_t>(v))
                                      : bits_of(static_cast<float>(v)) >> (half ? 16 : 0);
        if (at >= spm.size()) throw std::runtime_error("result outside the scratchpad");
        spm[at] = static_cast<uint8_t>(word >> 8 * (byte % size));
      }
    }
  };
  begin();
  size_t run_a = 0, run_b = 0, beat_a = 0, beat_b = 0;
  for (size_t i = 0; i < as.size(); i++) {
    const bool ends = as[i].last >> kloop & 1;
    if (ends != (bs[i].last >> kloop & 1)) throw std::runtime_error("blocks of A and B differ");
    const auto a = read_lanes(as[i], spm), b = read_lanes(bs[i], spm);
    conflicts += bank_cycles(as[i], false, spm.size()) + bank_cycles(bs[i], false, spm.size()) - 2;
    shared += as[i].lane[0] / (spm.size() / 8) == bs[i].lane[0] / (spm.size() / 8);
    std::array<double, 8> sa, sb;
    sa.fill(1);
    sb.fill(1);
    if (mx) {
      sa = scales[0].at(run_a, beat_a, spm, &conflicts);
      sb = scales[1].at(run_b, beat_b, spm, &conflicts);
    }
    double va[8][16], vb[8][16];
    for (uint32_t r = 0; r < 8; r++) {
      for (uint32_t k = 0; k < elements; k++) {
        va[r][k] = format_decode(fmt_a, get_element(a[r].data(), fmt_a, k)) * sa[r];
        vb[r][k] = format_decode(fmt_b, get_element(b[r].data(), fmt_b, k)) * sb[r];
      }
    }
    for (uint32_t r = 0; r < 8; r++) {
      for (uint32_t c = 0; c < 8; c++) {
        for (uint32_t k = 0; k < elements; k++) sum[r][c] += va[r][k] * vb[c][k];
      }
    }
    beat_a = as[i].last & 1 ? 0 : beat_a + 1;
    beat_b = bs[i].last & 1 ? 0 : beat_b + 1;
    run_a += as[i].last & 1;
    run_b += bs[i].last & 1;
    if (ends) {
      end();
      if (i + 1 < as.size()) begin();
    }
  }
  if (next_o != os.size() || next_c != cs.size()) {
    throw std::runtime_error("streams of C or O have accesses left");
  }
  if (stats != nullptr) {
    stats->conflicts += conflicts;
    stats->shared += shared;
  }
}

}  // namespace tsr
