// SPDX-License-Identifier: Apache-2.0
/// Named layout operations against plain loops over elements: builders and functional model
/// together.
#include "engines/tdma.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

namespace tsr::engines {
namespace {

constexpr std::size_t kSpmBytes = 65536;
constexpr TdmaElement kElements[] = {TdmaElement::Bits4, TdmaElement::Bytes1, TdmaElement::Bytes2,
                                     TdmaElement::Bytes4, TdmaElement::Bytes8};

using Memory = std::vector<std::uint8_t>;

Memory random_memory(std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  Memory memory(kSpmBytes);
  for (auto& b : memory) b = static_cast<std::uint8_t>(rng());
  return memory;
}

/// Element `col` of a row that begins at `row`.
std::uint64_t get(const Memory& m, TdmaElement e, std::uint32_t row, std::uint32_t col) {
  if (e == TdmaElement::Bits4) return (m[row + col / 2] >> (4 * (col % 2))) & 15;
  std::uint64_t value = 0;
  std::memcpy(&value, &m[row + tdma_bytes(e, col)], tdma_bytes(e, 1));
  return value;
}

void put(Memory& m, TdmaElement e, std::uint32_t row, std::uint32_t col, std::uint64_t value) {
  if (e == TdmaElement::Bits4) {
    auto& byte = m[row + col / 2];
    const unsigned shift = 4 * (col % 2);
    byte = static_cast<std::uint8_t>((byte & ~(15U << shift)) | value << shift);
    return;
  }
  std::memcpy(&m[row + tdma_bytes(e, col)], &value, tdma_bytes(e, 1));
}

void run(const TdmaCommand& command, Memory& memory) {
  const TdmaResult result = tdma_run(command, memory);
  EXPECT_EQ(result.error, CmdError::Ok);
}

/// Where element (r, c) of an R x C matrix goes.
using Place = std::function<std::pair<unsigned, unsigned>(unsigned r, unsigned c)>;

void check_matrix(const TdmaCommand& command, TdmaElement e, unsigned rows, unsigned cols,
                  TdmaPlane src, TdmaPlane dst, const Place& place) {
  const Memory before = random_memory(rows * 1000 + cols);
  Memory expected = before, seen = before;
  for (unsigned r = 0; r < rows; ++r) {
    for (unsigned c = 0; c < cols; ++c) {
      const auto [y, x] = place(r, c);
      put(expected, e, dst.base + y * dst.pitch, x, get(before, e, src.base + r * src.pitch, c));
    }
  }
  run(command, seen);
  EXPECT_TRUE(seen == expected) << rows << " x " << cols << " element " << static_cast<unsigned>(e);
}

TEST(TdmaModel, TurnsMatricesOfAnySize) {
  constexpr TdmaPlane kSrc{64, 264};
  constexpr TdmaPlane kDst{32768, 328};
  for (const TdmaElement e : kElements) {
    for (const unsigned rows : {1U, 2U, 7U, 8U, 16U, 17U, 33U}) {
      for (const unsigned cols : {1U, 3U, 8U, 15U, 16U, 31U}) {
        // The last nibble of an odd row is written with the others.
        const unsigned r_even = e == TdmaElement::Bits4 ? (rows + 1) & ~1U : rows;
        const unsigned c_even = e == TdmaElement::Bits4 ? (cols + 1) & ~1U : cols;
        if (r_even != rows || c_even != cols) continue;
        check_matrix(tdma_turn(e, rows, cols, kSrc, kDst), e, rows, cols, kSrc, kDst,
                     [](unsigned r, unsigned c) { return std::pair(c, r); });
        check_matrix(tdma_turn(e, rows, cols, kSrc, kDst, TdmaTurn::Rotate90), e, rows, cols, kSrc,
                     kDst, [&](unsigned r, unsigned c) { return std::pair(c, rows - 1 - r); });
        check_matrix(tdma_turn(e, rows, cols, kSrc, kDst, TdmaTurn::Rotate270), e, rows, cols, kSrc,
                     kDst, [&](unsigned r, unsigned c) { return std::pair(cols - 1 - c, r); });
        check_matrix(tdma_turn(e, rows, cols, kSrc, kDst, TdmaTurn::AntiTranspose), e, rows, cols,
                     kSrc, kDst,
                     [&](unsigned r, unsigned c) { return std::pair(cols - 1 - c, rows - 1 - r); });
      }
    }
  }
}

TEST(TdmaModel, ClearsTheLastNibbleOfAnOddRow) {
  Memory memory = random_memory(1);
  const Memory before = memory;
  run(tdma_turn(TdmaElement::Bits4, 3, 2, {0, 8}, {4096, 8}), memory);
  for (unsigned c = 0; c < 2; ++c) {
    for (unsigned r = 0; r < 3; ++r) {
      EXPECT_EQ(get(memory, TdmaElement::Bits4, 4096 + 8 * c, r),
                get(before, TdmaElement::Bits4, 8 * r, c));
    }
    EXPECT_EQ(get(memory, TdmaElement::Bits4, 4096 + 8 * c, 3), 0U);
  }
}

TEST(TdmaModel, MirrorsAtAnyAlignment) {
  for (const TdmaElement e : kElements) {
    if (e == TdmaElement::Bytes8) continue;
    const std::uint32_t size = tdma_bytes(e, 1);
    for (const unsigned cols : {2U, 4U, 30U, 34U, 128U, 130U}) {
      for (unsigned offset = 0; offset < 8; offset += size) {
        const TdmaPlane src{64 + offset, 600 + size};
        const TdmaPlane dst{32771 - offset, 641};
        constexpr unsigned kRows = 5;
        check_matrix(tdma_mirror_x(e, kRows, cols, src, dst), e, kRows, cols, src, dst,
                     [&](unsigned r, unsigned c) { return std::pair(r, cols - 1 - c); });
        check_matrix(tdma_mirror_y(e, kRows, cols, src, dst), e, kRows, cols, src, dst,
                     [&](unsigned r, unsigned c) { return std::pair(kRows - 1 - r, c); });
        check_matrix(
            tdma_rotate180(e, kRows, cols, src, dst), e, kRows, cols, src, dst,
            [&](unsigned r, unsigned c) { return std::pair(kRows - 1 - r, cols - 1 - c); });
      }
    }
  }
}

TEST(TdmaModel, ChangesTensorLayouts) {
  for (const TdmaElement e : {TdmaElement::Bytes1, TdmaElement::Bytes2, TdmaElement::Bytes4}) {
    for (const unsigned c : {3U, 8U, 20U}) {
      for (const unsigned w : {5U, 8U}) {
        constexpr unsigned kN = 2, kH = 4;
        constexpr std::uint32_t kDst = 32768;
        const Memory before = random_memory(c * w);
        for (const bool to_nhwc : {true, false}) {
          Memory seen = before, expected = before;
          for (unsigned n = 0; n < kN; ++n) {
            for (unsigned y = 0; y < kH; ++y) {
              for (unsigned x = 0; x < w; ++x) {
                for (unsigned k = 0; k < c; ++k) {
                  const unsigned chw = ((n * c + k) * kH + y) * w + x;
                  const unsigned hwc = ((n * kH + y) * w + x) * c + k;
                  if (to_nhwc)
                    put(expected, e, kDst, hwc, get(before, e, 0, chw));
                  else
                    put(expected, e, kDst, chw, get(before, e, 0, hwc));
                }
              }
            }
          }
          run(to_nhwc ? tdma_nchw_to_nhwc(e, kN, c, kH, w, 0, kDst)
                      : tdma_nhwc_to_nchw(e, kN, c, kH, w, 0, kDst),
              seen);
          EXPECT_TRUE(seen == expected) << c << " channels, width " << w << ", to NHWC " << to_nhwc;
        }
      }
    }
  }
}

TEST(TdmaModel, PadsAndConcatenates) {
  const Memory before = random_memory(5);
  for (const std::uint32_t pitch : {47U, 64U}) {
    Memory seen = before, expected = before;
    for (unsigned y = 0; y < 12; ++y) {
      for (unsigned x = 0; x < 47; ++x) {
        const bool inside = y >= 2 && y < 2 + 7 && x >= 5 && x < 5 + 31;
        const std::uint32_t at = 20000 + y * pitch + x;
        expected[at] = inside ? before[3 + (y - 2) * 40 + x - 5]
                              : static_cast<std::uint8_t>(0x44332211U >> (8 * (at % 4)));
      }
    }
    for (const auto& command :
         tdma_pad({3, 40}, {20000, pitch}, 7, 31, {2, 3, 5, 11}, 0x44332211)) {
      run(command, seen);
    }
    EXPECT_TRUE(seen == expected);
  }

  const std::vector<TdmaPart> parts{{{1, 50}, 4, 13}, {{1000, 32}, 4, 32}, {{2003, 77}, 4, 1}};
  Memory seen = before, expected = before;
  for (const auto& command : tdma_concat_columns(parts, {30000, 46})) run(command, seen);
  std::uint32_t at = 0;
  for (const auto& part : parts) {
    for (unsigned y = 0; y < 4; ++y) {
      for (unsigned x = 0; x < part.row_bytes; ++x) {
        expected[30000 + 46 * y + at + x] = before[part.plane.base + y * part.plane.pitch + x];
      }
    }
    at += part.row_bytes;
  }
  EXPECT_TRUE(seen == expected);

  const std::vector<TdmaPart> stack{{{1, 50}, 4, 32}, {{1000, 32}, 3, 32}};
  seen = expected = before;
  for (const auto& command : tdma_concat_rows(stack, {30000, 32})) run(command, seen);
  for (unsigned y = 0; y < 7; ++y) {
    for (unsigned x = 0; x < 32; ++x) {
      expected[30000 + 32 * y + x] =
          y < 4 ? before[1 + 50 * y + x] : before[1000 + 32 * (y - 4) + x];
    }
  }
  EXPECT_TRUE(seen == expected);
}

TEST(TdmaModel, SetsMoreThanAnElementHolds) {
  for (const std::uint32_t bytes :
       {1U, 4096U, 1U << 20, (1U << 20) + 1, 3U << 20, (1U << 22) - 9}) {
    Memory memory(1U << 22, 0);
    run(tdma_memset(7, bytes, 0xa5a5a5a5), memory);
    for (std::uint32_t i = 0; i < memory.size(); ++i) {
      ASSERT_EQ(memory[i], i >= 7 && i < 7 + bytes ? 0xa5 : 0) << bytes << " at " << i;
    }
  }
}

TEST(TdmaModel, GathersAndScatters) {
  for (const std::uint32_t row_bytes : {1U, 8U, 13U, 64U, 100U}) {
    for (const unsigned rows : {1U, 15U, 16U, 50U}) {
      Memory before = random_memory(rows);
      std::mt19937 rng(rows);
      for (unsigned i = 0; i < rows; ++i) {
        const std::uint32_t index = rng() % 100;
        std::memcpy(&before[60000 + 4 * i], &index, 4);
      }
      const TdmaTable table{11, 104, 100};
      Memory gathered = before, scattered = before;
      Memory expected_g = before, expected_s = before;
      for (unsigned i = 0; i < rows; ++i) {
        std::uint32_t index = 0;
        std::memcpy(&index, &before[60000 + 4 * i], 4);
        for (unsigned b = 0; b < row_bytes; ++b) {
          expected_g[30001 + 111 * i + b] = before[11 + 104 * index + b];
          expected_s[11 + 104 * index + b] = before[30001 + 111 * i + b];
        }
      }
      run(tdma_gather(table, 60000, {30001, 111}, rows, row_bytes), gathered);
      run(tdma_scatter({30001, 111}, 60000, table, rows, row_bytes), scattered);
      EXPECT_TRUE(gathered == expected_g);
      EXPECT_TRUE(scattered == expected_s);
    }
  }
}

TEST(TdmaModel, RowsKeepEveryField) {
  std::mt19937 rng(3);
  ContextRow row{};
  for (std::size_t i = 0; i < 12; ++i) row[i] = static_cast<std::uint32_t>(rng());
  row[12] = 15;
  EXPECT_EQ(TdmaConfig::from_row(row).to_row(), row);
}

TEST(TdmaModel, ReportsTheFirstBadIndex) {
  Memory memory = random_memory(9);
  const std::uint32_t indices[] = {3, 4, 200, 1};
  std::memcpy(&memory[60000], indices, sizeof indices);
  const Memory before = memory;
  const TdmaResult result = tdma_run(tdma_gather({0, 64, 100}, 60000, {30000, 64}, 4, 64), memory);
  EXPECT_EQ(result.error, CmdError::Range);
  EXPECT_EQ(result.address, 200U * 64);
  EXPECT_EQ(std::memcmp(&memory[30000], &before[3 * 64], 64), 0);
  EXPECT_EQ(std::memcmp(&memory[30128], &before[30128], 64), 0);
}

}  // namespace
}  // namespace tsr::engines
