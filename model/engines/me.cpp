// SPDX-License-Identifier: Apache-2.0
#include "engines/me.hpp"

#include <algorithm>
#include <cstring>

#include "numerics/matrix.hpp"

namespace tsr::engines {

namespace {

using numerics::Accumulator;
using numerics::Bf16Element;

constexpr unsigned kGrid = 8;  // rows and columns of cells

using BeatData = std::array<std::uint8_t, 64>;

/// Lanes whose strobes are all zero are not accessed; others must lie inside.
bool in_range(const Access& access, std::size_t spm_bytes) {
  for (unsigned l = 0; l < 8; ++l) {
    if (((access.strb >> (8 * l)) & 0xff) != 0 && access.lane[l] + 8 > spm_bytes) return false;
  }
  return true;
}

/// Bytes of an access, masked ones zero.
BeatData read_access(const Access& access, const std::vector<std::uint8_t>& spm) {
  BeatData data{};
  for (unsigned i = 0; i < 64; ++i) {
    if (((access.strb >> i) & 1) != 0) data[i] = spm[access.lane[i / 8] + i % 8];
  }
  return data;
}

void write_access(const Access& access, const BeatData& data, std::vector<std::uint8_t>& spm) {
  for (unsigned i = 0; i < 64; ++i) {
    if (((access.strb >> i) & 1) != 0) spm[access.lane[i / 8] + i % 8] = data[i];
  }
}

/// Accesses of a whole configuration; 0 if they do not fit 32 bits.
std::uint64_t total(const AguConfig& config, unsigned first_loop) {
  std::uint64_t product = 1;
  for (unsigned j = first_loop; j < 6; ++j) {
    product *= config.count[j];
    if (product >> 32 != 0) return 0;
  }
  return product;
}

/// One cell in either format.
struct Cell {
  Accumulator fp;
  std::uint32_t integer = 0;

  void preload(MeFormat format, std::uint32_t bits) {
    if (format == MeFormat::Int8) {
      integer = bits;
    } else {
      fp = numerics::preload_fp32(bits);
    }
  }
  void clear() { *this = Cell{}; }
  void add(MeFormat format, const std::uint8_t* a, const std::uint8_t* b) {
    if (format == MeFormat::Int8) {
      std::int8_t x[8];
      std::int8_t y[8];
      std::memcpy(x, a, 8);
      std::memcpy(y, b, 8);
      integer = numerics::int8_accumulate(integer, x, y);
    } else {
      std::uint16_t x[4];
      std::uint16_t y[4];
      std::memcpy(x, a, 8);
      std::memcpy(y, b, 8);
      numerics::accumulate(fp, numerics::bf16_group(x, y));
    }
  }
  std::uint32_t drain(MeFormat format, bool relu) const {
    const std::uint32_t bits = format == MeFormat::Int8 ? integer : numerics::drain_fp32(fp);
    return relu ? numerics::relu(bits) : bits;
  }
};

}  // namespace

MeConfig MeConfig::from_row(const ContextRow& row) {
  MeConfig config;
  config.format = (row[0] & 15) == 1 ? MeFormat::Int8 : MeFormat::Bf16;
  config.preload = ((row[0] >> 4) & 1) != 0;
  config.relu = ((row[0] >> 5) & 1) != 0;
  config.out_bf16 = ((row[0] >> 6) & 3) == 1;
  return config;
}

ContextRow MeConfig::to_row() const {
  ContextRow row{};
  row[0] = static_cast<unsigned>(format) | static_cast<unsigned>(preload) << 4 |
           static_cast<unsigned>(relu) << 5 | static_cast<unsigned>(out_bf16) << 6;
  return row;
}

bool MeConfig::legal(const ContextRow& row) {
  const unsigned format = row[0] & 15;
  const unsigned out = (row[0] >> 6) & 3;
  return format <= 1 && (out == 0 || (out == 1 && format == 0));
}

MeResult run_gemm(const MeContext& context, const std::array<std::uint32_t, 4>& base,
                  std::vector<std::uint8_t>& spm) {
  MeResult result;
  const auto fail = [&result](CmdError error, std::uint32_t address = 0) {
    result.error = error;
    result.address = address;
    return result;
  };
  const MeConfig me = MeConfig::from_row(context.me);
  const bool legal = MeConfig::legal(context.me) && AguConfig::legal(context.a) &&
                     AguConfig::legal(context.b) && AguConfig::legal(context.o) &&
                     (!me.preload || AguConfig::legal(context.c));
  if (!legal) return fail(CmdError::Context);
  for (unsigned i = 0; i < 4; ++i) {
    if (i == 2 && !me.preload) continue;
    if (base[i] % 8 != 0 || base[i] > kSpmAddressMask) return fail(CmdError::Range);
  }
  const AguConfig config_a = AguConfig::from_row(context.a);
  const AguConfig config_b = AguConfig::from_row(context.b);
  const AguConfig config_c = AguConfig::from_row(context.c);
  const AguConfig config_o = AguConfig::from_row(context.o);
  const std::uint64_t blocks = total(config_a, 1);
  const unsigned out_beats = me.out_bf16 ? 2 : 4;
  if (blocks == 0 || blocks >> 30 != 0 || config_a.count[0] != config_b.count[0] ||
      total(config_b, 1) != blocks || total(config_o, 0) != blocks * out_beats ||
      (me.preload && total(config_c, 0) != blocks * 4)) {
    return fail(CmdError::Shape);
  }

  Agu a(config_a, base[0]);
  Agu b(config_b, base[1]);
  Agu c(config_c, base[2]);
  Agu o(config_o, base[3]);
  std::array<std::array<Cell, kGrid>, kGrid> cells;
  while (!a.done()) {
    for (auto& row : cells) {
      for (auto& cell : row) cell.clear();
    }
    for (unsigned beat = 0; me.preload && beat < 4; ++beat, c.next()) {
      const Access access = c.current();
      if (!in_range(access, spm.size())) return fail(CmdError::Range, access.base);
      const BeatData data = read_access(access, spm);
      for (unsigned i = 0; i < 16; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, &data[4 * i], 4);
        cells[2 * beat + i / kGrid][i % kGrid].preload(me.format, bits);
      }
    }
    for (bool last = false; !last; a.next(), b.next()) {
      const Access access_a = a.current();
      const Access access_b = b.current();
      if (!in_range(access_a, spm.size())) return fail(CmdError::Range, access_a.base);
      if (!in_range(access_b, spm.size())) return fail(CmdError::Range, access_b.base);
      const BeatData data_a = read_access(access_a, spm);
      const BeatData data_b = read_access(access_b, spm);
      for (unsigned r = 0; r < kGrid; ++r) {
        for (unsigned col = 0; col < kGrid; ++col) {
          cells[r][col].add(me.format, &data_a[8 * r], &data_b[8 * col]);
        }
      }
      ++result.beats;
      last = (access_a.last & 1) != 0;
    }
    const unsigned per_beat = kGrid * kGrid / out_beats;  // results of one access
    for (unsigned beat = 0; beat < out_beats; ++beat, o.next()) {
      const Access access = o.current();
      BeatData data{};
      for (unsigned i = 0; i < per_beat; ++i) {
        const unsigned index = beat * per_beat + i;
        const std::uint32_t bits = cells[index / kGrid][index % kGrid].drain(me.format, me.relu);
        if (me.out_bf16) {
          const std::uint16_t half = numerics::fp32_to_bf16(bits);
          std::memcpy(&data[2 * i], &half, 2);
        } else {
          std::memcpy(&data[4 * i], &bits, 4);
        }
      }
      if (!in_range(access, spm.size())) return fail(CmdError::Range, access.base);
      write_access(access, data, spm);
    }
  }
  return result;
}

void gemm(const GemmShape& shape, const void* a, const void* b, const std::uint32_t* bias,
          void* c) {
  const auto* bytes_a = static_cast<const std::uint8_t*>(a);
  const auto* bytes_b = static_cast<const std::uint8_t*>(b);
  auto* bytes_c = static_cast<std::uint8_t*>(c);
  const bool int8 = shape.format == MeFormat::Int8;
  const std::size_t group = int8 ? numerics::kInt8Group : numerics::kBf16Group;
  const std::size_t groups = (shape.k + group - 1) / group;

  // Rows decoded once and padded to whole groups.
  const auto integers = [&](const std::uint8_t* matrix, std::size_t rows, std::size_t pitch) {
    std::vector<std::int8_t> out(int8 ? rows * groups * group : 0);
    for (std::size_t r = 0; int8 && r < rows; ++r) {
      std::memcpy(&out[r * groups * group], matrix + r * pitch, shape.k);
    }
    return out;
  };
  const auto elements = [&](const std::uint8_t* matrix, std::size_t rows, std::size_t pitch) {
    std::vector<Bf16Element> out(int8 ? 0 : rows * groups * group, numerics::bf16_element(0));
    for (std::size_t r = 0; !int8 && r < rows; ++r) {
      for (std::size_t i = 0; i < shape.k; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, matrix + r * pitch + 2 * i, 2);
        out[r * groups * group + i] = numerics::bf16_element(bits);
      }
    }
    return out;
  };
  const auto int_a = integers(bytes_a, shape.m, shape.lda);
  const auto int_b = integers(bytes_b, shape.n, shape.ldb);
  const auto fp_a = elements(bytes_a, shape.m, shape.lda);
  const auto fp_b = elements(bytes_b, shape.n, shape.ldb);

  for (std::size_t row = 0; row < shape.m; ++row) {
    for (std::size_t col = 0; col < shape.n; ++col) {
      Cell cell;
      if (bias != nullptr) cell.preload(shape.format, bias[col]);
      for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t at_a = (row * groups + g) * group;
        const std::size_t at_b = (col * groups + g) * group;
        if (int8) {
          cell.integer = numerics::int8_accumulate(cell.integer, &int_a[at_a], &int_b[at_b]);
        } else {
          numerics::accumulate(cell.fp, numerics::bf16_group(&fp_a[at_a], &fp_b[at_b]));
        }
      }
      const std::uint32_t bits = cell.drain(shape.format, shape.relu);
      std::uint8_t* out = bytes_c + row * shape.ldc + col * (shape.out_bf16 ? 2 : 4);
      if (shape.out_bf16) {
        const std::uint16_t half = numerics::fp32_to_bf16(bits);
        std::memcpy(out, &half, 2);
      } else {
        std::memcpy(out, &bits, 4);
      }
    }
  }
}

}  // namespace tsr::engines
