// SPDX-License-Identifier: Apache-2.0
/// The network's messages from firmware, on sixteen tiles: one read for all, and words shared by
/// atomics.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "apps/apps_abi.h"
#include "process.hpp"
#include "regs/tile_regs.h"

namespace tsr::e2e {
namespace {

constexpr std::uint32_t kRegs = 0x0002'0000;
constexpr std::uint32_t kSpm = 0x0100'0000;

std::unique_ptr<Platform> boot(const std::string& name) {
  PlatformOptions options;
  options.max_cycles = 5'000'000;
  auto chip = Platform::open("t16", std::move(options));
  chip->load(app(name));
  return chip;
}

TEST(EndToEndMessage, OneReadFeedsSixteenTiles) {
  auto chip = boot("spread");
  std::mt19937_64 rng(seed());
  const auto& memories = chip->config().memories;
  // Whole granules, and a piece that neither begins nor ends with a block.
  for (const std::uint32_t bytes : {65'536U, 5'001U}) {
    const bool whole = bytes % 1024 == 0;
    std::vector<std::uint8_t> source(bytes), copies(16 * bytes);
    for (auto& byte : source) byte = static_cast<std::uint8_t>(rng());
    tsr_spread_args_t args{};
    args.src = chip->allocate(bytes + 256) + (whole ? 0 : 77);
    args.dst = chip->allocate(copies.size());
    args.bytes = bytes;
    args.reader = static_cast<std::uint32_t>(rng() % 16);
    chip->write(args.src, source.data(), source.size());
    chip->clear_counters();
    chip->run("kernel_main", chip->all_tiles(), args);
    std::uint64_t total = 0;
    for (const Node& memory : memories) {
      const auto read = chip->memory_counters(memory).bytes_read;
      total += read;
      if (!whole) continue;
      // Each granule once; the rest is the ctl node reading its command ring.
      EXPECT_GE(read, bytes / memories.size());
      EXPECT_LE(read, bytes / memories.size() + 2048);
    }
    fmt::print("{} bytes for 16 tiles: {} bytes read from HBM\n", bytes, total);
    EXPECT_LE(total, bytes + 8192);
    chip->read(args.dst, copies.data(), copies.size());
    for (std::size_t tile = 0; tile < 16; ++tile) {
      const auto begin = copies.begin() + static_cast<std::ptrdiff_t>(tile * bytes);
      EXPECT_TRUE(std::equal(source.begin(), source.end(), begin)) << "tile " << tile;
    }
  }
}

TEST(EndToEndMessage, SixteenTilesShareWordsByAtomics) {
  auto chip = boot("atomics");
  const Rect tiles = chip->all_tiles();
  const std::uint32_t words = kSpm + 0x8000;
  const Node home = tiles.lo;
  tsr_atomics_args_t args{};
  args.counter = node_address(home, words);
  args.out = chip->allocate(8 * 16);
  args.rounds = 20;
  // Tiles may not read each other's scratchpads unless ctl lets them.
  const auto refused = failure_of([&] { chip->run("kernel_main", tiles, args); });
  EXPECT_EQ(refused.code, ExitCode::JobFailed) << refused;
  for (unsigned y = tiles.lo.y; y <= tiles.hi.y; ++y) {
    for (unsigned x = tiles.lo.x; x <= tiles.hi.x; ++x) {
      const std::uint32_t control =
          kRegs + TSR_TILE_ACCESS_CTRL_OFFSET + TSR_TILE_ACCESS_CTRL_STRIDE;
      const std::uint64_t window = node_address({x, y}, control);
      chip->write32(window, chip->read32(window) | TSR_TILE_ACCESS_CTRL_READ_MASK);
    }
  }
  const std::uint64_t remote = node_address(home, kRegs + TSR_TILE_REMOTE_CTRL_OFFSET);
  chip->write32(remote, chip->read32(remote) | TSR_TILE_REMOTE_CTRL_READ_MASK);
  for (unsigned i = 0; i < 3; ++i) chip->write32(args.counter + 4 * i, 0);
  chip->run("kernel_main", tiles, args);

  const std::uint32_t total = 16 * args.rounds;
  EXPECT_EQ(chip->read32(args.counter), total);
  EXPECT_EQ(chip->read32(args.counter + 4), 15U) << "the greatest index";
  std::uint64_t sum = 0;
  std::vector<std::uint32_t> exchanged{chip->read32(args.counter + 8)};
  for (unsigned i = 0; i < 16; ++i) {
    sum += chip->read32(args.out + 8 * i);
    exchanged.push_back(chip->read32(args.out + 8 * i + 4));
  }
  EXPECT_EQ(sum, std::uint64_t{total} * (total - 1) / 2) << "every tile saw other values";
  std::vector<std::uint32_t> all(17);
  std::iota(all.begin(), all.end(), 0U);
  std::sort(exchanged.begin(), exchanged.end());
  EXPECT_EQ(exchanged, all) << "what is exchanged is neither lost nor doubled";
}

}  // namespace
}  // namespace tsr::e2e
