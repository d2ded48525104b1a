// SPDX-License-Identifier: Apache-2.0
#include "engines/agu.hpp"

#include <utility>

namespace tsr::engines {

namespace {

constexpr unsigned kLoops = 6;

std::int32_t sign_extend(std::uint32_t value, unsigned bits) {
  return static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits);
}

/// What the hardware adds when loop j advances, from plain strides; 0 for loops that never advance.
std::array<std::int64_t, kLoops> steps_from_strides(
    const std::array<std::int64_t, kLoops>& stride,
    const std::array<std::uint32_t, kLoops>& count) {
  std::array<std::int64_t, kLoops> step{};
  std::int64_t rewind = 0;
  for (unsigned j = 0; j < kLoops; ++j) {
    if (count[j] > 1) step[j] = stride[j] - rewind;
    rewind += stride[j] * (std::int64_t{count[j]} - 1);
  }
  return step;
}

/// The inverse.
std::array<std::int64_t, kLoops> strides_from_steps(
    const std::array<std::int32_t, kLoops>& step, const std::array<std::uint32_t, kLoops>& count) {
  std::array<std::int64_t, kLoops> stride{};
  std::int64_t rewind = 0;
  for (unsigned j = 0; j < kLoops; ++j) {
    stride[j] = step[j] + rewind;
    rewind += stride[j] * (std::int64_t{count[j]} - 1);
  }
  return stride;
}

}  // namespace

// ------------------------------------------------------------------ configuration

void AguConfig::set_strides(const std::array<std::int32_t, 6>& stride) {
  std::array<std::int64_t, kLoops> wide{};
  for (unsigned j = 0; j < kLoops; ++j) wide[j] = stride[j];
  const auto steps = steps_from_strides(wide, count);
  for (unsigned j = 0; j < kLoops; ++j) {
    delta[j] = sign_extend(static_cast<std::uint32_t>(steps[j]), 22);
  }
}

AguConfig AguConfig::from_row(const ContextRow& row) {
  const auto bits = [&row](unsigned word, unsigned low, unsigned width) {
    return (row[word] >> low) & ((1U << width) - 1);
  };
  AguConfig config;
  config.pitch = bits(1, 0, 22);
  config.xstep = bits(1, 22, 10);
  config.w_log2 = bits(2, 0, 2);
  config.xpose = static_cast<Transpose>(bits(2, 2, 2));
  config.redge_en = bits(2, 4, 1) != 0;
  config.redge_loop = bits(2, 5, 3);
  config.redge_sub = bits(2, 8, 1) != 0;
  config.redge_n = bits(2, 12, 4);
  config.bedge_en = bits(2, 16, 1) != 0;
  config.bedge_loop = bits(2, 17, 3);
  config.gather_loop = bits(2, 20, 3);
  config.bedge_m = bits(2, 24, 7);
  config.gather = bits(2, 31, 1) != 0;
  config.win_w = bits(3, 0, 12);
  config.win_h = bits(3, 12, 12);
  config.pad_x = bits(3, 24, 4);
  config.pad_y = bits(3, 28, 4);
  for (unsigned j = 0; j < kLoops; ++j) {
    config.count[j] = bits(4 + j, 0, 16);
    config.dx[j] = sign_extend(bits(4 + j, 16, 16), 16);
    config.delta[j] = sign_extend(bits(10 + j, 0, 22), 22);
    config.dy[j] = sign_extend(bits(10 + j, 22, 10), 10);
  }
  return config;
}

ContextRow AguConfig::to_row() const {
  ContextRow row{};
  const auto put = [&row](unsigned word, unsigned low, unsigned width, std::uint32_t value) {
    row[word] |= (value & ((1U << width) - 1)) << low;
  };
  put(1, 0, 22, pitch);
  put(1, 22, 10, xstep);
  put(2, 0, 2, w_log2);
  put(2, 2, 2, static_cast<std::uint32_t>(xpose));
  put(2, 4, 1, redge_en ? 1 : 0);
  put(2, 5, 3, redge_loop);
  put(2, 8, 1, redge_sub ? 1 : 0);
  put(2, 12, 4, redge_n);
  put(2, 16, 1, bedge_en ? 1 : 0);
  put(2, 17, 3, bedge_loop);
  put(2, 20, 3, gather_loop);
  put(2, 24, 7, bedge_m);
  put(2, 31, 1, gather ? 1 : 0);
  put(3, 0, 12, win_w);
  put(3, 12, 12, win_h);
  put(3, 24, 4, pad_x);
  put(3, 28, 4, pad_y);
  for (unsigned j = 0; j < kLoops; ++j) {
    put(4 + j, 0, 16, count[j]);
    put(4 + j, 16, 16, static_cast<std::uint32_t>(dx[j]));
    put(10 + j, 0, 22, static_cast<std::uint32_t>(delta[j]));
    put(10 + j, 22, 10, static_cast<std::uint32_t>(dy[j]));
  }
  return row;
}

bool AguConfig::legal(const ContextRow& row) {
  const AguConfig config = from_row(row);
  if (config.pitch % 8 != 0) return false;
  if (config.redge_en && config.redge_loop > 5) return false;
  if (config.bedge_en && config.bedge_loop > 5) return false;
  if (config.gather && config.gather_loop > 6) return false;
  const unsigned mode = static_cast<unsigned>(config.xpose);
  if (mode != 0 && config.w_log2 != mode - 1) return false;
  for (unsigned j = 0; j < kLoops; ++j) {
    if (config.count[j] == 0 || config.delta[j] % 8 != 0) return false;
  }
  return true;
}

std::uint64_t AguConfig::accesses() const {
  std::uint64_t product = 1;
  for (const auto n : count) product *= n;
  return product;
}

std::uint64_t AguConfig::indexes() const {
  std::uint64_t product = gather ? 1 : 0;
  for (unsigned j = gather_loop; j < kLoops; ++j) product *= count[j];
  return product;
}

// ------------------------------------------------------------------ walk

Agu::Agu(const AguConfig& config, std::uint32_t base, std::vector<std::uint32_t> indexes,
         unsigned row_base)
    : config_(config),
      base_(base),
      indexes_(std::move(indexes)),
      row_base_(row_base),
      stride_(strides_from_steps(config.delta, config.count)),
      stride_x_(strides_from_steps(config.dx, config.count)),
      stride_y_(strides_from_steps(config.dy, config.count)) {}

std::uint32_t Agu::address() const {
  std::int64_t address = base_;
  std::uint64_t run = 0;  // number of the gather run
  for (unsigned j = kLoops; j-- > 0;) {
    if (config_.gather && j >= config_.gather_loop) {
      run = run * config_.count[j] + index_[j];
    } else {
      address += stride_[j] * index_[j];
    }
  }
  if (config_.gather) address += indexes_.at(run) & ~7U;
  return static_cast<std::uint32_t>(address) & kSpmAddressMask;
}

bool Agu::byte_valid(unsigned byte) const {
  const unsigned group_bytes = 8U << config_.w_log2;
  const unsigned group = byte / group_bytes;
  const unsigned column = byte % group_bytes;
  // A transpose turns the bytes of a group into the rows of the grid.
  const bool transposed = config_.xpose != Transpose::None;
  if (config_.redge_en && ends(config_.redge_loop)) {
    std::uint64_t row = group + (transposed ? 0 : row_base_);
    if (config_.redge_sub) row += std::uint64_t{index_[0]} * (8 >> config_.w_log2);
    if (row >= (config_.redge_n == 0 ? 16 : config_.redge_n)) return false;
  }
  if (config_.bedge_en && ends(config_.bedge_loop)) {
    const unsigned before = transposed ? row_base_ << config_.w_log2 : 0;
    if (before + column >= config_.bedge_m) return false;
  }
  if (config_.win_w != 0) {
    std::int64_t x = -std::int64_t{config_.pad_x};
    std::int64_t y = -std::int64_t{config_.pad_y};
    for (unsigned j = 0; j < kLoops; ++j) {
      x += stride_x_[j] * index_[j];
      y += stride_y_[j] * index_[j];
    }
    // Positions have 16 bits.
    x = static_cast<std::int16_t>(x) +
        std::int64_t{config_.xstep} * (group + (transposed ? 0 : row_base_));
    y = static_cast<std::int16_t>(y);
    if (x < 0 || x >= config_.win_w || y < 0 || y >= config_.win_h) return false;
  }
  return true;
}

Access Agu::current() const {
  Access access;
  access.base = address();
  const unsigned width = 1U << config_.w_log2;
  for (unsigned l = 0; l < 8; ++l) {
    access.lane[l] =
        (access.base + (l / width) * config_.pitch + (l % width) * 8) & kSpmAddressMask;
  }
  for (unsigned i = 0; i < 64; ++i) {
    if (byte_valid(i)) access.strb |= std::uint64_t{1} << i;
  }
  for (unsigned j = 0; j < kLoops && ends(j); ++j) access.last |= 1U << j;
  return access;
}

void Agu::next() {
  for (unsigned j = 0; j < kLoops; ++j) {
    if (++index_[j] < config_.count[j]) return;
    index_[j] = 0;
  }
  done_ = true;
}

// ------------------------------------------------------------------ beats

unsigned transposed_byte(unsigned i, Transpose mode) {
  if (mode == Transpose::None) return i;
  const unsigned size = 1U << (static_cast<unsigned>(mode) - 1);  // bytes of an element
  const unsigned row = i / (8 * size);
  const unsigned element = i / size % 8;
  return 8 * element + row * size + i % size;
}

BeatBytes transpose(const BeatBytes& data, Transpose mode) {
  BeatBytes out{};
  for (unsigned i = 0; i < 64; ++i) out[transposed_byte(i, mode)] = data[i];
  return out;
}

std::uint64_t transpose_mask(std::uint64_t strb, Transpose mode) {
  std::uint64_t out = 0;
  for (unsigned i = 0; i < 64; ++i) out |= ((strb >> i) & 1) << transposed_byte(i, mode);
  return out;
}

bool out_of_range(const Access& access, std::size_t spm_bytes) {
  for (unsigned l = 0; l < 8; ++l) {
    if (((access.strb >> (8 * l)) & 0xff) != 0 && access.lane[l] + 8 > spm_bytes) return true;
  }
  return false;
}

StreamBeat read_beat(const Access& access, Transpose mode, const std::vector<std::uint8_t>& spm) {
  BeatBytes data{};
  for (unsigned i = 0; i < 64; ++i) {
    const std::size_t at = access.lane[i / 8] + std::size_t{i % 8};
    if (((access.strb >> i) & 1) != 0 && at < spm.size()) data[i] = spm[at];
  }
  return {transpose(data, mode), transpose_mask(access.strb, mode), access.last};
}

void write_beat(const Access& access, const BeatBytes& data, std::vector<std::uint8_t>& spm) {
  for (unsigned i = 0; i < 64; ++i) {
    const std::size_t at = access.lane[i / 8] + std::size_t{i % 8};
    if (((access.strb >> i) & 1) != 0 && at < spm.size()) spm[at] = data[i];
  }
}

// ------------------------------------------------------------------ builder

namespace {

/// Last step of `total` in steps of `step`: what is left, 0 if nothing must be masked.
unsigned tail(std::uint64_t total, unsigned step) { return static_cast<unsigned>(total % step); }

unsigned log2_of(unsigned w) { return w == 8 ? 3 : w == 4 ? 2 : w == 2 ? 1 : 0; }

/// Strides and counts of the loops, missing ones added.
struct PlainLoops {
  std::array<std::uint32_t, kLoops> count{1, 1, 1, 1, 1, 1};
  std::array<std::int64_t, kLoops> stride{}, dx{}, dy{};

  explicit PlainLoops(const std::vector<AguLoop>& loops) {
    for (unsigned j = 0; j < kLoops && j < loops.size(); ++j) {
      count[j] = loops[j].count;
      stride[j] = loops[j].stride;
      dx[j] = loops[j].dx;
      dy[j] = loops[j].dy;
    }
  }
};

/// Positions that a walk can take.
struct Range {
  std::int64_t low, high;

  explicit Range(std::int64_t start) : low(start), high(start) {}
  void add(std::int64_t way) { (way < 0 ? low : high) += way; }
  bool fits_16_bits() const { return low >= -32768 && high <= 32767; }
};

}  // namespace

void AguBuilder::edge_rows(unsigned loop, std::uint64_t total, unsigned step) {
  rows.on = tail(total, step) != 0;
  rows.loop = loop;
  rows.n = tail(total, step);
}

void AguBuilder::edge_bytes(unsigned loop, std::uint64_t total, unsigned step) {
  bytes.on = tail(total, step) != 0;
  bytes.loop = loop;
  bytes.n = tail(total, step);
}

AguConfig AguBuilder::config() const {
  AguConfig config;
  config.pitch = pitch;
  config.w_log2 = log2_of(w);
  config.xpose = xpose;
  config.redge_en = rows.on;
  config.redge_loop = rows.loop;
  config.redge_sub = rows.over_loop0;
  config.redge_n = rows.n & 15;
  config.bedge_en = bytes.on;
  config.bedge_loop = bytes.loop;
  config.bedge_m = bytes.n;
  config.gather = gather;
  config.gather_loop = gather_loop;
  config.win_w = window.w;
  config.win_h = window.h;
  config.pad_x = window.pad_x;
  config.pad_y = window.pad_y;
  config.xstep = window.xstep;
  const PlainLoops plain(loops);
  config.count = plain.count;
  const auto delta = steps_from_strides(plain.stride, plain.count);
  const auto dx = steps_from_strides(plain.dx, plain.count);
  const auto dy = steps_from_strides(plain.dy, plain.count);
  for (unsigned j = 0; j < kLoops; ++j) {
    config.delta[j] = sign_extend(static_cast<std::uint32_t>(delta[j]), 22);
    config.dx[j] = static_cast<std::int32_t>(dx[j]);
    config.dy[j] = static_cast<std::int32_t>(dy[j]);
  }
  return config;
}

ContextRow AguBuilder::row() const {
  ContextRow row = config().to_row();
  row[0] = base & kSpmAddressMask;
  return row;
}

const char* AguBuilder::error() const {
  if (loops.size() > kLoops) return "more than six loops";
  for (const auto& loop : loops) {
    if (loop.count < 1 || loop.count > 65535) return "a loop count is not in 1..65535";
  }
  if (w != 1 && w != 2 && w != 4 && w != 8) return "w is not 1, 2, 4 or 8";
  if (pitch > kSpmAddressMask) return "the pitch does not fit 22 bits";
  if (base % 8 != 0) return "the base is not a multiple of 8";
  if (rows.on && (rows.n < 1 || rows.n > 16)) return "a row edge is not in 1..16";
  if (bytes.on && bytes.n > 127) return "a byte edge is not in 0..127";
  if (window.w > 4095 || window.h > 4095) return "the picture has more than 4095 columns or rows";
  if (window.pad_x > 15 || window.pad_y > 15) return "a padding is more than 15";
  if (window.xstep > 1023) return "xstep is more than 1023";
  if (window.w != 0) {
    const AguConfig built = config();
    Range x{-std::int64_t{window.pad_x}};
    Range y{-std::int64_t{window.pad_y}};
    for (unsigned j = 0; j < kLoops; ++j) {
      if (built.dx[j] < -32768 || built.dx[j] > 32767) return "a step in x does not fit 16 bits";
      if (built.dy[j] < -512 || built.dy[j] > 511) return "a step in y does not fit 10 bits";
    }
    for (const auto& loop : loops) {
      x.add(std::int64_t{loop.dx} * (loop.count - 1));
      y.add(std::int64_t{loop.dy} * (loop.count - 1));
    }
    if (!x.fits_16_bits() || !y.fits_16_bits()) return "a position does not fit 16 bits";
  }
  if (!AguConfig::legal(config().to_row())) return "a field is illegal";
  return nullptr;
}

// ------------------------------------------------------------------ convolution

AguBuilder conv_stream(const ConvShape& shape) {
  const auto signed_of = [](std::uint64_t value) { return static_cast<std::int32_t>(value); };
  const std::uint32_t pixel = shape.pixel_pitch;
  const std::uint32_t line = shape.row_pitch;
  const auto hop = signed_of(shape.stride);
  const auto gap = signed_of(shape.dilation);
  AguBuilder out;
  out.base = (shape.input - shape.pad * (line + pixel)) & kSpmAddressMask;
  out.pitch = shape.stride * pixel;
  out.window = {shape.w, shape.h, shape.pad, shape.pad, shape.stride};
  const bool inside = shape.pad == 0 && shape.out_w() % 8 == 0;
  if (inside) out.window = {};  // every access lies in the picture
  out.loops = {{(shape.channel_bytes + 7) / 8, 8},
               {shape.kernel_w, gap * signed_of(pixel), gap, 0},
               {shape.kernel_h, gap * signed_of(line), 0, gap}};
  out.edge_bytes(0, shape.channel_bytes, 8);
  if (shape.blocks_n > 1) out.loops.push_back({shape.blocks_n, 0});
  if (shape.groups > 1) out.loops.push_back({shape.groups, signed_of(shape.channel_bytes)});
  const unsigned blocks = (shape.out_w() + 7) / 8;
  if (blocks > 1) out.loops.push_back({blocks, 8 * hop * signed_of(pixel), 8 * hop, 0});
  if (shape.out_h() > 1) out.loops.push_back({shape.out_h(), hop * signed_of(line), 0, hop});
  return out;
}

}  // namespace tsr::engines
