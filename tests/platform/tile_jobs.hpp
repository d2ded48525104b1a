// SPDX-License-Identifier: Apache-2.0
/// One small job for each engine and the core of a tile board: enough to wake every planted bug.
#pragma once

#include <random>

#include "core/rv_asm.hpp"
#include "engines/dma.hpp"
#include "engines/me.hpp"
#include "engines/tdma.hpp"
#include "engines/ve.hpp"
#include "tile_board.hpp"

namespace tsr::test {

constexpr std::uint32_t kJobBytes = 2048;     ///< of input at scratchpad offset 0
constexpr std::uint32_t kJobOutput = 0x4000;  ///< scratchpad offset
constexpr std::uint16_t kJobId = 0x123;       ///< of the command

/// BF16 numbers from 1 to 2, as input of all jobs.
inline void write_input(TileBoard& board) {
  std::mt19937 rng(5);
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t i = 0; i < kJobBytes / 2; ++i) {
    const auto number = static_cast<std::uint16_t>(0x3f80 | (rng() & 0x7f));
    bytes.push_back(static_cast<std::uint8_t>(number));
    bytes.push_back(static_cast<std::uint8_t>(number >> 8));
  }
  board.write_scratchpad(0, bytes);
}

/// Words of a command without semaphores.
inline std::array<std::uint32_t, 16> job_words(std::uint32_t opcode,
                                               std::initializer_list<std::uint32_t> args) {
  std::array<std::uint32_t, 16> words{};
  words[0] = opcode | std::uint32_t{kJobId} << 16;
  std::copy(args.begin(), args.end(), words.begin() + 5);
  return words;
}

inline engines::AguBuilder rows_of(std::uint32_t pitch, unsigned w,
                                   std::vector<engines::AguLoop> loops) {
  engines::AguBuilder builder;
  builder.pitch = pitch;
  builder.w = w;
  builder.loops = std::move(loops);
  return builder;
}

/// C[8][8] = A[8][64] * B[8][64]^T.
inline void start_me(TileBoard& board) {
  board.context(0, 0, engines::MeConfig().to_row());
  board.context(0, 1, rows_of(128, 1, {{16, 8}}).row());
  board.context(0, 2, rows_of(128, 1, {{16, 8}}).row());
  board.context(0, 4, rows_of(32, 4, {{4, 64}}).row());
  board.command(2, job_words(0x21, {0, 1024, 0, kJobOutput}));
}

/// A copy of 256 bytes by the vector engine.
inline void start_ve(TileBoard& board) {
  engines::VeConfig config;
  config.in[0].en = true;
  config.out[0].en = true;
  board.context(0, 0, config.stage_row());
  board.context(0, 1, config.io_row());
  board.context(0, 2, rows_of(0, 8, {{4, 64}}).row());
  board.context(0, 5, rows_of(0, 8, {{4, 64}}).row());
  board.command(3, job_words(0x31, {0, 0, 0, kJobOutput}));
}

inline void start_tdma(TileBoard& board) {
  const auto copy = engines::tdma_copy(0, kJobOutput, 256);
  const auto rows = copy.context_rows();
  for (unsigned row = 0; row < rows.size(); ++row) board.context(0, row, rows[row]);
  board.command(4, copy.to_words(0, kJobId));
}

/// Copy 1 KiB of the own scratchpad through the network: by RDMA, or by WDMA.
inline void start_dma(TileBoard& board, bool write) {
  engines::DmaConfig config;
  config.count = 1024;
  config.src_iter = config.dst_iter = {1, 1, 1};
  board.context(0, write ? 6 : 5, config.to_words());
  const std::uint64_t global =
      node_address(TileBoard::tile(), TileBoard::kScratchpad + (write ? kJobOutput : 0));
  const auto low = static_cast<std::uint32_t>(global);
  const auto high = static_cast<std::uint32_t>(global >> 32);
  board.command(write ? 1 : 0, write ? job_words(0x11, {0, 0, low, high})
                                     : job_words(0x01, {low, high, kJobOutput, 0}));
}

/// A program that shifts right.
inline void start_core(TileBoard& board) {
  board.start_program({rv::addi(1, 0, 0x700), rv::i_type(8, 1, 5, 2, 0x13), rv::jal(0, 0)});
}

/// Start the job that wakes the bug `name` (planted_bug.hpp).
inline void start_job(TileBoard& board, const std::string& name) {
  if (name == "me") return start_me(board);
  if (name == "ve") return start_ve(board);
  if (name == "tdma") return start_tdma(board);
  if (name == "core") return start_core(board);
  start_dma(board, name == "wdma");
}

}  // namespace tsr::test
