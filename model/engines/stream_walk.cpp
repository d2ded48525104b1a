// SPDX-License-Identifier: Apache-2.0
#include "engines/stream_walk.hpp"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tsr::engines {

namespace {

constexpr unsigned kLoops = 6;

/// The lowest `n` bits, n <= 64.
constexpr std::uint64_t low_bits(unsigned n) {
  return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

/// Byte mask of 8 from its bits.
constexpr std::uint64_t spread_bits(std::uint64_t bits) {
  // Bit i to byte i, then to all of its bits.
  const std::uint64_t ones = (bits * 0x0101'0101'0101'0101U) & 0x8040'2010'0804'0201U;
  return ((ones + 0x7f7f'7f7f'7f7f'7f7fU) >> 7 & 0x0101'0101'0101'0101U) * 0xffU;
}

#if defined(__SSE2__)

/// Interleave elements of 1 << Log2 bytes, low and high halves.
template <int Log2>
void interleave(__m128i x, __m128i y, __m128i& low, __m128i& high) {
  if constexpr (Log2 == 0) {
    low = _mm_unpacklo_epi8(x, y);
    high = _mm_unpackhi_epi8(x, y);
  } else if constexpr (Log2 == 1) {
    low = _mm_unpacklo_epi16(x, y);
    high = _mm_unpackhi_epi16(x, y);
  } else {
    low = _mm_unpacklo_epi32(x, y);
    high = _mm_unpackhi_epi32(x, y);
  }
}

/// Rows of eight elements of T become columns: each step interleaves the first half of the rows
/// with the second one.
template <typename T>
void turn(std::uint8_t* data) {
  constexpr int kLog2 = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : 2;
  auto* at = reinterpret_cast<__m128i*>(data);
  __m128i a = _mm_loadu_si128(at), b = _mm_loadu_si128(at + 1), c = _mm_loadu_si128(at + 2),
          d = _mm_loadu_si128(at + 3);
  for (int step = 0; step < 3 - kLog2; ++step) {
    __m128i e, f, g, h;
    interleave<kLog2>(a, c, e, f);
    interleave<kLog2>(b, d, g, h);
    a = e;
    b = f;
    c = g;
    d = h;
  }
  _mm_storeu_si128(at, a);
  _mm_storeu_si128(at + 1, b);
  _mm_storeu_si128(at + 2, c);
  _mm_storeu_si128(at + 3, d);
}

#else

/// Rows of eight elements of T become columns.
template <typename T>
void turn(std::uint8_t* data) {
  constexpr unsigned kRows = 8 / sizeof(T);
  std::array<T, 8 * kRows> in{}, out{};
  std::memcpy(in.data(), data, 64);
  for (unsigned row = 0; row < kRows; ++row) {
    for (unsigned i = 0; i < 8; ++i) out[i * kRows + row] = in[row * 8 + i];
  }
  std::memcpy(data, out.data(), 64);
}

#endif

}  // namespace

void transpose_in_place(std::uint8_t* data, Transpose mode) {
  switch (mode) {
    case Transpose::None:
      return;
    case Transpose::Bytes1:
      return turn<std::uint8_t>(data);
    case Transpose::Bytes2:
      return turn<std::uint16_t>(data);
    case Transpose::Bytes4:
      return turn<std::uint32_t>(data);
  }
}

StreamWalk::StreamWalk(const AguConfig& config, std::uint32_t base, unsigned row_base)
    : config_(config), row_base_(row_base), address_(base & kSpmAddressMask) {
  const unsigned width = 1U << config.w_log2;
  for (unsigned l = 0; l < 8; ++l) {
    offset_[l] = ((l / width) * config.pitch + (l % width) * 8) & kSpmAddressMask;
    reach_ = std::max(reach_, offset_[l] + 8);
  }
  wraps_ = config.pitch != 0 && (8 / width - 1) * std::uint64_t{config.pitch} > kSpmAddressMask;
  plain_ = !config.redge_en && !config.bedge_en && config.win_w == 0;
  const unsigned group_bytes = 8 * width;
  const unsigned before = config.xpose != Transpose::None ? row_base << config.w_log2 : 0;
  const unsigned columns =
      config.bedge_m <= before ? 0 : std::min(group_bytes, config.bedge_m - before);
  for (unsigned at = 0; at < 64; at += group_bytes) byte_edge_ |= low_bits(columns) << at;
  x_ = -std::int64_t{config.pad_x};
  y_ = -std::int64_t{config.pad_y};
  find_last();
}

void StreamWalk::find_last() {
  last_ = 0;
  for (unsigned j = 0; j < kLoops && index_[j] + 1 == config_.count[j]; ++j) last_ |= 1U << j;
}

void StreamWalk::advance() {
  for (unsigned j = 0; j < kLoops; ++j) {
    if (++index_[j] < config_.count[j]) {
      move(j);
      find_last();
      return;
    }
    index_[j] = 0;
  }
  done_ = true;
}

std::uint64_t StreamWalk::masked_strobe() const {
  const unsigned group_bytes = 8U << config_.w_log2;
  const unsigned groups = 8U >> config_.w_log2;
  const bool transposed = config_.xpose != Transpose::None;
  const auto ends = [this](unsigned loop) { return index_[loop] + 1 == config_.count[loop]; };
  std::uint64_t strobe = ~std::uint64_t{0};
  if (config_.redge_en && ends(config_.redge_loop)) {
    std::uint64_t before = transposed ? 0 : row_base_;
    if (config_.redge_sub) before += std::uint64_t{index_[0]} * groups;
    const std::uint64_t rows = config_.redge_n == 0 ? 16 : config_.redge_n;
    const std::uint64_t valid = rows <= before ? 0 : std::min<std::uint64_t>(groups, rows - before);
    strobe = low_bits(static_cast<unsigned>(valid) * group_bytes);
  }
  if (config_.bedge_en && ends(config_.bedge_loop)) strobe &= byte_edge_;
  if (config_.win_w == 0) return strobe;
  // Positions have 16 bits.
  const std::int64_t y = static_cast<std::int16_t>(y_);
  if (y < 0 || y >= config_.win_h) return 0;
  std::int64_t x =
      static_cast<std::int16_t>(x_) + std::int64_t{config_.xstep} * (transposed ? 0 : row_base_);
  std::uint64_t seen = 0;
  for (unsigned g = 0; g < groups; ++g, x += config_.xstep) {
    if (x >= 0 && x < config_.win_w) seen |= low_bits(group_bytes) << (g * group_bytes);
  }
  return strobe & seen;
}

Access StreamWalk::access() const {
  Access access;
  access.base = address_;
  for (unsigned l = 0; l < 8; ++l) access.lane[l] = lane(l);
  access.strb = strobe();
  access.last = last_;
  return access;
}

bool StreamWalk::lanes_out_of_range(std::size_t spm_bytes) const {
  return engines::out_of_range(access(), spm_bytes);
}

std::uint64_t StreamWalk::read_masked(const std::vector<std::uint8_t>& spm,
                                      std::uint8_t* data) const {
  const std::uint64_t strobe = this->strobe();
  const bool safe = inside(spm.size());
  for (unsigned l = 0; l < 8; ++l) {
    const std::uint32_t at = lane(l);
    const std::uint64_t valid = strobe >> (8 * l) & 0xff;
    std::uint64_t word = 0;
    if (safe || std::size_t{at} + 8 <= spm.size()) {
      std::memcpy(&word, spm.data() + at, 8);
    } else if (at < spm.size()) {
      std::memcpy(&word, spm.data() + at, spm.size() - at);
    }
    if (valid != 0xff) word &= spread_bits(valid);
    std::memcpy(data + std::size_t{8} * l, &word, 8);
  }
  if (config_.xpose == Transpose::None) return strobe;
  transpose_in_place(data, config_.xpose);
  return strobe == ~std::uint64_t{0} ? strobe : transpose_mask(strobe, config_.xpose);
}

void StreamWalk::read_row(const std::vector<std::uint8_t>& spm, std::uint8_t* data,
                          std::size_t beats) const {
  const std::uint8_t* row[8];
  for (unsigned l = 0; l < 8; ++l) row[l] = spm.data() + address_ + offset_[l];
  for (std::size_t beat = 0; beat < beats; ++beat) {
    for (unsigned l = 0; l < 8; ++l) {
      std::memcpy(data + 64 * beat + 8 * std::size_t{l}, row[l] + 8 * beat, 8);
    }
  }
}

void StreamWalk::write(std::vector<std::uint8_t>& spm, const std::uint8_t* data) const {
  const std::uint64_t strobe = this->strobe();
  for (unsigned l = 0; l < 8; ++l) {
    const std::uint32_t at = lane(l);
    const std::uint64_t valid = strobe >> (8 * l) & 0xff;
    if (valid == 0xff && std::size_t{at} + 8 <= spm.size()) {
      std::memcpy(spm.data() + at, data + std::size_t{8} * l, 8);
      continue;
    }
    for (unsigned i = 0; i < 8; ++i) {
      if ((valid >> i & 1) != 0 && at + i < spm.size()) spm[at + i] = data[8 * l + i];
    }
  }
}

}  // namespace tsr::engines
