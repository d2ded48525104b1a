// SPDX-License-Identifier: Apache-2.0
#include "engines/tdma.hpp"

#include <algorithm>
#include <cstring>

#include "engines/stream_walk.hpp"

namespace tsr::engines {
namespace {

constexpr std::uint32_t kMaxCount = 1U << 20;
constexpr std::uint64_t kMaxAccesses = std::uint64_t{1} << 48;

TdmaResult failed(CmdError error, std::uint64_t address = 0) {
  TdmaResult result;
  result.error = error;
  result.address = address;
  return result;
}

std::uint64_t total(const std::array<std::uint16_t, 3>& iter) {
  return std::uint64_t{iter[0]} * iter[1] * iter[2];
}

/// Address of element `e` of one side, modulo 2^32.
std::uint32_t walked(std::uint32_t base, std::uint64_t e, const std::array<std::int32_t, 3>& stride,
                     const std::array<std::uint16_t, 3>& iter) {
  const std::uint64_t i0 = e % iter[0];
  const std::uint64_t i1 = e / iter[0] % iter[1];
  const std::uint64_t i2 = e / iter[0] / iter[1];
  const auto offset = static_cast<std::int64_t>(i0) * stride[0] +
                      static_cast<std::int64_t>(i1) * stride[1] +
                      static_cast<std::int64_t>(i2) * stride[2];
  return static_cast<std::uint32_t>(base + offset);
}

bool base_bad(std::uint32_t base) { return base % 8 != 0 || base > kSpmAddressMask; }

/// A row that a stream of this engine takes.
bool stream_legal(const ContextRow& row, bool transposes) {
  const AguConfig config = AguConfig::from_row(row);
  return AguConfig::legal(row) && !config.gather && (transposes || config.xpose == Transpose::None);
}

/// Product of the counts, or kMaxAccesses if it is not smaller.
std::uint64_t accesses(const AguConfig& config) {
  std::uint64_t product = 1;
  for (const std::uint32_t count : config.count) {
    product *= count;
    if (product >= kMaxAccesses) return kMaxAccesses;
  }
  return product;
}

std::vector<std::uint8_t> mirrored(const std::vector<std::uint8_t>& bytes, TdmaUnit unit) {
  std::vector<std::uint8_t> out(bytes.rbegin(), bytes.rend());
  if (unit == TdmaUnit::Nibble) {
    for (auto& b : out) b = static_cast<std::uint8_t>(b << 4 | b >> 4);
    return out;
  }
  const std::size_t size = unit == TdmaUnit::Bytes4 ? 4 : unit == TdmaUnit::Bytes2 ? 2 : 1;
  for (std::size_t i = 0; i + size <= out.size(); i += size) {
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(i),
                 out.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
  return out;
}

// ------------------------------------------------------------------ Copy, Fill, Gather, Scatter

TdmaResult check_move(const TdmaCommand& command, const TdmaConfig& config, TdmaOp op) {
  const bool indexed = op == TdmaOp::Gather || op == TdmaOp::Scatter;
  const bool src_walks = op == TdmaOp::Copy || op == TdmaOp::Scatter;
  const bool dst_walks = op != TdmaOp::Scatter;
  if (config.count == 0 || (src_walks && total(config.src_iter) == 0) ||
      (dst_walks && total(config.dst_iter) == 0)) {
    return failed(CmdError::Zero);
  }
  bool bad = config.count > kMaxCount || config.nibble || config.to_row() != command.tdma;
  if (indexed) {
    bad |= config.idx_scale == 0 || config.idx_scale > kMaxCount;
    bad |= !stream_legal(command.rd, false);
  }
  if (config.mirror) {
    const std::uint32_t size = config.unit == TdmaUnit::Bytes4   ? 4
                               : config.unit == TdmaUnit::Bytes2 ? 2
                                                                 : 1;
    bad |= op != TdmaOp::Copy || config.count % size != 0 || command.src % size != 0;
    for (const std::int32_t stride : config.src_stride) {
      bad |= static_cast<std::uint32_t>(stride) % size != 0;
    }
  }
  if (bad) return failed(CmdError::Context);
  if (indexed && base_bad(command.index)) return failed(CmdError::Range, command.index);
  if (op == TdmaOp::Copy && total(config.src_iter) != total(config.dst_iter)) {
    return failed(CmdError::Shape);
  }
  return {};
}

/// Words of an index list up to the first access outside the scratchpad; `result` tells of that.
std::vector<std::uint32_t> read_indices(const TdmaCommand& command,
                                        const std::vector<std::uint8_t>& spm, TdmaResult& result) {
  std::vector<std::uint32_t> words;
  for (Agu agu(AguConfig::from_row(command.rd), command.index); !agu.done(); agu.next()) {
    const Access access = agu.current();
    if (out_of_range(access, spm.size())) {
      result = failed(CmdError::Range, access.base);
      return words;
    }
    const StreamBeat beat = read_beat(access, Transpose::None, spm);
    for (unsigned i = 0; i < 64; i += 4) {
      if (((beat.strb >> i) & 1) == 0) continue;
      std::uint32_t word = 0;
      for (unsigned b = 0; b < 4; ++b) word |= std::uint32_t{beat.data[i + b]} << (8 * b);
      words.push_back(word);
    }
  }
  return words;
}

/// Tell of `count` bytes at `at`, 64 at a time as the engine writes them.
void tell(WriteObserver* observer, const std::vector<std::uint8_t>& spm, std::uint64_t at,
          std::uint64_t count) {
  const std::uint64_t end = at + count;
  for (std::uint64_t base = at & ~std::uint64_t{7}; observer != nullptr && base < end; base += 64) {
    Access access;
    access.base = static_cast<std::uint32_t>(base);
    BeatBytes data{};
    for (unsigned i = 0; i < 64; ++i) {
      if (i % 8 == 0) access.lane[i / 8] = static_cast<std::uint32_t>(base + i);
      if (base + i < at || base + i >= end) continue;
      access.strb |= std::uint64_t{1} << i;
      data[i] = spm[base + i];
    }
    observer->write(access, data);
  }
}

TdmaResult run_move(const TdmaCommand& command, TdmaOp op, std::vector<std::uint8_t>& spm,
                    WriteObserver* observer) {
  const TdmaConfig config = TdmaConfig::from_row(command.tdma);
  TdmaResult result = check_move(command, config, op);
  if (result.error != CmdError::Ok) return result;

  const bool gather = op == TdmaOp::Gather;
  const bool scatter = op == TdmaOp::Scatter;
  const bool fill = op == TdmaOp::Fill;
  TdmaResult list;
  std::vector<std::uint32_t> indices;
  if (gather || scatter) indices = read_indices(command, spm, list);

  const std::uint64_t elements = total(scatter ? config.src_iter : config.dst_iter);
  const std::uint32_t count = config.count;
  for (std::uint64_t e = 0; e < elements; ++e) {
    bool over = false;
    std::uint64_t row = 0;
    if (gather || scatter) {
      if (e >= indices.size()) {
        return list.error != CmdError::Ok ? list : failed(CmdError::Shape);
      }
      over = config.idx_limit != 0 && indices[e] >= config.idx_limit;
      row = (gather ? command.src : command.dst) + std::uint64_t{indices[e]} * config.idx_scale;
    }
    const std::uint64_t src = gather ? row
                              : fill ? 0
                                     : walked(command.src, e, config.src_stride, config.src_iter);
    const std::uint64_t dst =
        scatter ? row : walked(command.dst, e, config.dst_stride, config.dst_iter);
    if (!fill && (src + count > spm.size() || (gather && over))) {
      return failed(CmdError::Range, src);
    }
    if (dst + count > spm.size() || (scatter && over)) return failed(CmdError::Range, dst);

    if (fill) {
      for (std::uint32_t i = 0; i < count; ++i) {
        spm[dst + i] = static_cast<std::uint8_t>(command.pattern >> (8 * ((dst + i) % 4)));
      }
    } else if (config.mirror) {
      const auto first = spm.begin() + static_cast<std::ptrdiff_t>(src);
      const auto bytes = mirrored({first, first + count}, config.unit);
      std::copy(bytes.begin(), bytes.end(), spm.begin() + static_cast<std::ptrdiff_t>(dst));
    } else {
      std::memmove(&spm[dst], &spm[src], count);
    }
    tell(observer, spm, dst, count);
    result.bytes += count;
  }
  if (list.error != CmdError::Ok) return list;
  if (indices.size() > elements && (gather || scatter)) return failed(CmdError::Shape);
  return result;
}

// ------------------------------------------------------------------ Transpose

unsigned nibble_at(const std::array<BeatBytes, 2>& rows, unsigned row, unsigned col) {
  const unsigned byte = rows[row / 8][8 * (row % 8) + col / 2];
  return (byte >> (4 * (col % 2))) & 15;
}

TdmaResult check_transpose(const TdmaCommand& command) {
  const TdmaConfig config = TdmaConfig::from_row(command.tdma);
  TdmaConfig only_nibble = config;
  only_nibble.mirror = false;
  if (only_nibble.to_row() != command.tdma || !stream_legal(command.rd, true) ||
      !stream_legal(command.wr, false)) {
    return failed(CmdError::Context);
  }
  if (base_bad(command.src)) return failed(CmdError::Range, command.src);
  if (base_bad(command.dst)) return failed(CmdError::Range, command.dst);
  const AguConfig from = AguConfig::from_row(command.rd);
  const AguConfig to = AguConfig::from_row(command.wr);
  const std::uint64_t beats = accesses(from);
  if (beats == kMaxAccesses || beats != accesses(to) || (config.nibble && beats % 2 != 0)) {
    return failed(CmdError::Shape);
  }
  return {};
}

TdmaResult run_transpose(const TdmaCommand& command, std::vector<std::uint8_t>& spm,
                         WriteObserver* observer) {
  TdmaResult result = check_transpose(command);
  if (result.error != CmdError::Ok) return result;
  const TdmaConfig config = TdmaConfig::from_row(command.tdma);
  const AguConfig from = AguConfig::from_row(command.rd);
  const AguConfig to = AguConfig::from_row(command.wr);
  StreamWalk reads(from, command.src);
  StreamWalk writes(to, command.dst);
  while (!reads.done()) {
    const unsigned group = config.nibble ? 2 : 1;
    std::array<BeatBytes, 2> in;
    for (unsigned i = 0; i < group; ++i, reads.next()) {
      if (reads.out_of_range(spm.size())) return failed(CmdError::Range, reads.base());
      reads.read(spm, in[i].data());
    }
    for (unsigned i = 0; i < group; ++i, writes.next()) {
      BeatBytes out = in[i];
      if (config.nibble) {
        for (unsigned col = 0; col < 8; ++col) {
          for (unsigned b = 0; b < 8; ++b) {
            out[8 * col + b] = static_cast<std::uint8_t>(
                nibble_at(in, 2 * b, 8 * i + col) | nibble_at(in, 2 * b + 1, 8 * i + col) << 4);
          }
        }
      }
      writes.write(spm, out.data());
      if (observer != nullptr) observer->write(writes.access(), out);
      if (writes.out_of_range(spm.size())) return failed(CmdError::Range, writes.base());
      result.bytes += static_cast<unsigned>(__builtin_popcountll(writes.strobe()));
    }
  }
  return result;
}

}  // namespace

// ------------------------------------------------------------------ words

TdmaConfig TdmaConfig::from_row(const ContextRow& row) {
  TdmaConfig c;
  c.count = row[0];
  // Six half words from word 7 on.
  const auto half = [&](std::size_t n) {
    return static_cast<std::uint16_t>(row[7 + n / 2] >> (16 * (n % 2)));
  };
  for (std::size_t i = 0; i < 3; ++i) {
    c.src_stride[i] = static_cast<std::int32_t>(row[1 + i]);
    c.dst_stride[i] = static_cast<std::int32_t>(row[4 + i]);
    c.src_iter[i] = half(i);
    c.dst_iter[i] = half(3 + i);
  }
  c.idx_scale = row[10];
  c.idx_limit = row[11];
  c.unit = static_cast<TdmaUnit>(row[12] & 3);
  c.mirror = (row[12] & 4) != 0;
  c.nibble = (row[12] & 8) != 0;
  return c;
}

ContextRow TdmaConfig::to_row() const {
  ContextRow row{};
  row[0] = count;
  for (std::size_t i = 0; i < 3; ++i) {
    row[1 + i] = static_cast<std::uint32_t>(src_stride[i]);
    row[4 + i] = static_cast<std::uint32_t>(dst_stride[i]);
  }
  row[7] = src_iter[0] | std::uint32_t{src_iter[1]} << 16;
  row[8] = src_iter[2] | std::uint32_t{dst_iter[0]} << 16;
  row[9] = dst_iter[1] | std::uint32_t{dst_iter[2]} << 16;
  row[10] = idx_scale;
  row[11] = idx_limit;
  row[12] = static_cast<std::uint32_t>(unit) | (mirror ? 4U : 0U) | (nibble ? 8U : 0U);
  return row;
}

std::array<std::uint32_t, 16> TdmaCommand::to_words(unsigned context, std::uint16_t id) const {
  std::array<std::uint32_t, 16> words{};
  words[0] = op | (context & 7U) << 8 | std::uint32_t{id} << 16;
  words[5] = src;
  words[6] = dst;
  words[7] = index;
  words[9] = pattern;
  return words;
}

std::array<ContextRow, 4> TdmaCommand::context_rows() const {
  const bool transpose = op == static_cast<std::uint8_t>(TdmaOp::Transpose);
  const ContextRow none{};
  return {tdma, transpose ? rd : none, transpose ? wr : none, transpose ? none : rd};
}

TdmaResult tdma_check(const TdmaCommand& command) {
  const auto op = static_cast<TdmaOp>(command.op);
  switch (op) {
    case TdmaOp::Nop:
      return {};
    case TdmaOp::Copy:
    case TdmaOp::Gather:
    case TdmaOp::Scatter:
    case TdmaOp::Fill:
      return check_move(command, TdmaConfig::from_row(command.tdma), op);
    case TdmaOp::Transpose:
      return check_transpose(command);
  }
  return failed(CmdError::Opcode);
}

TdmaResult tdma_run(const TdmaCommand& command, std::vector<std::uint8_t>& spm,
                    WriteObserver* observer) {
  const auto op = static_cast<TdmaOp>(command.op);
  switch (op) {
    case TdmaOp::Nop:
      return {};
    case TdmaOp::Copy:
    case TdmaOp::Gather:
    case TdmaOp::Scatter:
    case TdmaOp::Fill:
      return run_move(command, op, spm, observer);
    case TdmaOp::Transpose:
      return run_transpose(command, spm, observer);
  }
  return failed(CmdError::Opcode);
}

// ------------------------------------------------------------------ builders

namespace {

TdmaCommand moved(TdmaOp op, std::uint32_t src, std::uint32_t dst, TdmaConfig config,
                  const std::vector<TdmaLoop>& loops) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    config.src_stride.at(i) = loops[i].src_stride;
    config.dst_stride.at(i) = loops[i].dst_stride;
    config.src_iter.at(i) = loops[i].count;
    config.dst_iter.at(i) = loops[i].count;
  }
  TdmaCommand command;
  command.op = static_cast<std::uint8_t>(op);
  command.src = src;
  command.dst = dst;
  command.tdma = config.to_row();
  return command;
}

std::int32_t as_stride(std::uint32_t bytes) { return static_cast<std::int32_t>(bytes); }

TdmaUnit unit_of(TdmaElement element) {
  switch (element) {
    case TdmaElement::Bits4:
      return TdmaUnit::Nibble;
    case TdmaElement::Bytes2:
      return TdmaUnit::Bytes2;
    case TdmaElement::Bytes4:
      return TdmaUnit::Bytes4;
    default:
      return TdmaUnit::Bytes1;
  }
}

/// `rows` rows; a negative step of the destination puts the first row last.
std::vector<TdmaLoop> row_loops(std::uint32_t rows, std::int32_t src_stride,
                                std::int32_t dst_stride, const std::vector<TdmaLoop>& batch) {
  std::vector<TdmaLoop> loops{{static_cast<std::uint16_t>(rows), src_stride, dst_stride}};
  loops.insert(loops.end(), batch.begin(), batch.end());
  return loops;
}

/// Index list of `rows` words.
ContextRow index_row(std::uint32_t rows) {
  AguBuilder agu;
  agu.w = 8;
  agu.loops = {{(rows + 15) / 16, 64}};
  agu.edge_bytes(0, std::uint64_t{rows} * 4, 64);
  return agu.row();
}

TdmaCommand nchw(bool to_nhwc, TdmaElement element, std::uint32_t n, std::uint32_t c,
                 std::uint32_t hw, std::uint32_t src, std::uint32_t dst) {
  // From c x hw to hw x c, or back.
  const std::uint32_t rows = to_nhwc ? c : hw;
  const std::uint32_t cols = to_nhwc ? hw : c;
  const std::uint32_t src_pitch = tdma_bytes(element, cols);
  const std::uint32_t dst_pitch = tdma_bytes(element, rows);
  const TdmaLoop batch{static_cast<std::uint16_t>(n), as_stride(src_pitch * rows),
                       as_stride(dst_pitch * cols)};
  if (((src | dst | src_pitch | dst_pitch) & 7U) == 0) {
    return tdma_turn(element, rows, cols, {src, src_pitch}, {dst, dst_pitch}, TdmaTurn::Transpose,
                     {batch});
  }
  const std::uint32_t size = tdma_bytes(element, 1);
  return tdma_copy(src, dst, size,
                   {{static_cast<std::uint16_t>(cols), as_stride(size), as_stride(dst_pitch)},
                    {static_cast<std::uint16_t>(rows), as_stride(src_pitch), as_stride(size)},
                    batch});
}

}  // namespace

std::uint32_t tdma_bytes(TdmaElement element, std::uint32_t n) {
  switch (element) {
    case TdmaElement::Bits4:
      return (n + 1) / 2;
    case TdmaElement::Bytes1:
      return n;
    case TdmaElement::Bytes2:
      return 2 * n;
    case TdmaElement::Bytes4:
      return 4 * n;
    case TdmaElement::Bytes8:
      return 8 * n;
  }
  return 0;
}

TdmaCommand tdma_copy(std::uint32_t src, std::uint32_t dst, std::uint32_t count,
                      const std::vector<TdmaLoop>& loops) {
  TdmaConfig config;
  config.count = count;
  return moved(TdmaOp::Copy, src, dst, config, loops);
}

TdmaCommand tdma_copy_2d(TdmaPlane src, TdmaPlane dst, std::uint32_t rows, std::uint32_t row_bytes,
                         const std::vector<TdmaLoop>& batch) {
  const std::uint64_t bytes = std::uint64_t{rows} * row_bytes;
  if (src.pitch == row_bytes && dst.pitch == row_bytes && bytes <= kMaxCount) {
    return tdma_copy(src.base, dst.base, static_cast<std::uint32_t>(bytes), batch);
  }
  return tdma_copy(src.base, dst.base, row_bytes,
                   row_loops(rows, as_stride(src.pitch), as_stride(dst.pitch), batch));
}

TdmaCommand tdma_fill(std::uint32_t dst, std::uint32_t count, std::uint32_t pattern,
                      const std::vector<TdmaLoop>& loops) {
  TdmaConfig config;
  config.count = count;
  TdmaCommand command = moved(TdmaOp::Fill, 0, dst, config, loops);
  command.pattern = pattern;
  return command;
}

TdmaCommand tdma_memset(std::uint32_t dst, std::uint32_t bytes, std::uint32_t pattern) {
  // Longer than an element: equal elements that overlap by less than their number of bytes.
  const std::uint32_t parts = bytes > kMaxCount ? bytes / kMaxCount + 1 : 1;
  const std::uint32_t step = bytes / parts;
  return tdma_fill(dst, bytes - (parts - 1) * step, pattern,
                   {{static_cast<std::uint16_t>(parts), 0, as_stride(step)}});
}

TdmaCommand tdma_turn(TdmaElement element, std::uint32_t rows, std::uint32_t cols, TdmaPlane src,
                      TdmaPlane dst, TdmaTurn turn, const std::vector<TdmaLoop>& batch) {
  struct Block {
    std::uint32_t rows, cols;  // elements of a block of the source
    unsigned src_w, dst_w;     // lanes of a row of it, here and there
    Transpose xpose;
  };
  static constexpr Block kBlocks[] = {{16, 16, 1, 1, Transpose::None},
                                      {8, 8, 1, 1, Transpose::Bytes1},
                                      {4, 8, 2, 1, Transpose::Bytes2},
                                      {2, 8, 4, 1, Transpose::Bytes4},
                                      {8, 1, 1, 8, Transpose::None}};
  const Block& block = kBlocks[static_cast<unsigned>(element)];
  const bool nibble = element == TdmaElement::Bits4;
  const bool rows_back = turn == TdmaTurn::Rotate90 || turn == TdmaTurn::AntiTranspose;
  const bool cols_back = turn == TdmaTurn::Rotate270 || turn == TdmaTurn::AntiTranspose;
  const std::uint32_t src_pitch = (rows_back ? 0U - src.pitch : src.pitch) & kSpmAddressMask;
  const std::uint32_t dst_pitch = (cols_back ? 0U - dst.pitch : dst.pitch) & kSpmAddressMask;
  const std::uint32_t blocks_r = (rows + block.rows - 1) / block.rows;
  const std::uint32_t blocks_c = (cols + block.cols - 1) / block.cols;
  const unsigned first = nibble ? 1 : 0;  // loop of the blocks; below it the halves of a block

  AguBuilder from;
  from.pitch = src_pitch;
  from.w = block.src_w;
  from.xpose = block.xpose;
  AguBuilder to;
  to.pitch = dst_pitch;
  to.w = block.dst_w;
  if (nibble) {
    from.loops.push_back({2, as_stride(8 * src_pitch)});
    to.loops.push_back({2, as_stride(8 * dst_pitch)});
  }
  from.loops.push_back({blocks_c, as_stride(8 * block.src_w)});
  to.loops.push_back({blocks_c, as_stride(block.cols * dst_pitch)});
  from.loops.push_back({blocks_r, as_stride(block.rows * src_pitch)});
  to.loops.push_back({blocks_r, as_stride(8 * block.dst_w)});
  for (const TdmaLoop& loop : batch) {
    from.loops.push_back({loop.count, loop.src_stride});
    to.loops.push_back({loop.count, loop.dst_stride});
  }
  from.edge_rows(first + 1, rows, block.rows);
  from.edge_bytes(first, tdma_bytes(element, cols), 8 * block.src_w);
  to.edge_rows(first, cols, block.cols);
  to.edge_bytes(first + 1, tdma_bytes(element, rows), 8 * block.dst_w);
  from.rows.over_loop0 = nibble;
  to.rows.over_loop0 = nibble;

  TdmaConfig config;
  config.nibble = nibble;
  TdmaCommand command;
  command.op = static_cast<std::uint8_t>(TdmaOp::Transpose);
  command.src = rows_back ? src.base + (rows - 1) * src.pitch : src.base;
  command.dst = cols_back ? dst.base + (cols - 1) * dst.pitch : dst.base;
  command.tdma = config.to_row();
  command.rd = from.row();
  command.wr = to.row();
  return command;
}

TdmaCommand tdma_mirror_x(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                          TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch) {
  TdmaConfig config;
  config.count = tdma_bytes(element, cols);
  config.mirror = true;
  config.unit = unit_of(element);
  return moved(TdmaOp::Copy, src.base, dst.base, config,
               row_loops(rows, as_stride(src.pitch), as_stride(dst.pitch), batch));
}

TdmaCommand tdma_mirror_y(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                          TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch) {
  return tdma_copy(src.base, dst.base + (rows - 1) * dst.pitch, tdma_bytes(element, cols),
                   row_loops(rows, as_stride(src.pitch), -as_stride(dst.pitch), batch));
}

TdmaCommand tdma_rotate180(TdmaElement element, std::uint32_t rows, std::uint32_t cols,
                           TdmaPlane src, TdmaPlane dst, const std::vector<TdmaLoop>& batch) {
  TdmaCommand command = tdma_mirror_x(element, rows, cols, src, dst, batch);
  TdmaConfig config = TdmaConfig::from_row(command.tdma);
  config.dst_stride[0] = -as_stride(dst.pitch);
  command.dst = dst.base + (rows - 1) * dst.pitch;
  command.tdma = config.to_row();
  return command;
}

std::vector<TdmaCommand> tdma_pad(TdmaPlane src, TdmaPlane dst, std::uint32_t rows,
                                  std::uint32_t row_bytes, const TdmaBorder& border,
                                  std::uint32_t pattern) {
  const std::uint32_t out_rows = border.top + rows + border.bottom;
  const std::uint32_t out_bytes = border.left + row_bytes + border.right;
  std::vector<TdmaCommand> commands;
  if (dst.pitch == out_bytes) {
    commands.push_back(tdma_memset(dst.base, out_rows * out_bytes, pattern));
  } else {
    commands.push_back(
        tdma_fill(dst.base, out_bytes, pattern, row_loops(out_rows, 0, as_stride(dst.pitch), {})));
  }
  commands.push_back(tdma_copy_2d(src, {dst.base + border.top * dst.pitch + border.left, dst.pitch},
                                  rows, row_bytes));
  return commands;
}

std::vector<TdmaCommand> tdma_concat_columns(const std::vector<TdmaPart>& parts, TdmaPlane dst) {
  std::vector<TdmaCommand> commands;
  std::uint32_t at = dst.base;
  for (const TdmaPart& part : parts) {
    commands.push_back(tdma_copy_2d(part.plane, {at, dst.pitch}, part.rows, part.row_bytes));
    at += part.row_bytes;
  }
  return commands;
}

std::vector<TdmaCommand> tdma_concat_rows(const std::vector<TdmaPart>& parts, TdmaPlane dst) {
  std::vector<TdmaCommand> commands;
  std::uint32_t at = dst.base;
  for (const TdmaPart& part : parts) {
    commands.push_back(tdma_copy_2d(part.plane, {at, dst.pitch}, part.rows, part.row_bytes));
    at += part.rows * dst.pitch;
  }
  return commands;
}

TdmaCommand tdma_nchw_to_nhwc(TdmaElement element, std::uint32_t n, std::uint32_t c,
                              std::uint32_t h, std::uint32_t w, std::uint32_t src,
                              std::uint32_t dst) {
  return nchw(true, element, n, c, h * w, src, dst);
}

TdmaCommand tdma_nhwc_to_nchw(TdmaElement element, std::uint32_t n, std::uint32_t c,
                              std::uint32_t h, std::uint32_t w, std::uint32_t src,
                              std::uint32_t dst) {
  return nchw(false, element, n, c, h * w, src, dst);
}

TdmaCommand tdma_gather(const TdmaTable& table, std::uint32_t index, TdmaPlane packed,
                        std::uint32_t rows, std::uint32_t row_bytes) {
  TdmaConfig config;
  config.count = row_bytes;
  config.idx_scale = table.scale;
  config.idx_limit = table.limit;
  TdmaCommand command = moved(TdmaOp::Gather, table.base, packed.base, config,
                              row_loops(rows, 0, as_stride(packed.pitch), {}));
  command.index = index;
  command.rd = index_row(rows);
  return command;
}

TdmaCommand tdma_scatter(TdmaPlane packed, std::uint32_t index, const TdmaTable& table,
                         std::uint32_t rows, std::uint32_t row_bytes) {
  TdmaConfig config;
  config.count = row_bytes;
  config.idx_scale = table.scale;
  config.idx_limit = table.limit;
  TdmaCommand command = moved(TdmaOp::Scatter, packed.base, table.base, config,
                              row_loops(rows, as_stride(packed.pitch), 0, {}));
  command.index = index;
  command.rd = index_row(rows);
  return command;
}

}  // namespace tsr::engines
