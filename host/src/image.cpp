// SPDX-License-Identifier: Apache-2.0
#include "image.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <map>

#include "error.hpp"
#include "tessera_abi.h"

namespace tsr {
namespace {

constexpr std::uint32_t kBlock = 64;

struct Piece {
  std::uint32_t target;
  std::uint32_t dest;
  std::vector<std::uint8_t> bytes;
};

/// A program as runs of whole 64-byte blocks.
void add_pieces(std::vector<Piece>& pieces, const ElfImage& elf, std::uint32_t target) {
  std::map<std::uint32_t, std::array<std::uint8_t, kBlock>> blocks;
  for (const auto& segment : elf.segments()) {
    for (std::size_t i = 0; i < segment.bytes.size(); ++i) {
      const auto address = segment.address + static_cast<std::uint32_t>(i);
      blocks[address & ~(kBlock - 1)][address % kBlock] = segment.bytes[i];
    }
  }
  std::uint32_t next = 0;
  bool open = false;
  for (const auto& [address, bytes] : blocks) {
    if (!open || address != next) pieces.push_back({target, address, {}});
    open = true;
    pieces.back().bytes.insert(pieces.back().bytes.end(), bytes.begin(), bytes.end());
    next = address + kBlock;
  }
}

}  // namespace

std::vector<std::uint8_t> build_image(const ElfImage& ctl, const ElfImage& tile) {
  std::vector<Piece> pieces;
  add_pieces(pieces, ctl, TSR_TARGET_CTL);
  add_pieces(pieces, tile, TSR_TARGET_TILES);
  if (pieces.size() > TSR_IMAGE_MAX_SEGMENTS) {
    throw InputError(
        fmt::format("{} and {} together have {} separate memory areas; a boot image holds {}",
                    ctl.name(), tile.name(), pieces.size(), TSR_IMAGE_MAX_SEGMENTS));
  }
  tsr_image_header_t header{};
  header.magic = TSR_IMAGE_MAGIC;
  header.version = TSR_IMAGE_VERSION;
  header.ctl_entry = ctl.entry();
  header.tile_entry = tile.entry();
  header.segment_count = static_cast<std::uint32_t>(pieces.size());
  std::vector<std::uint8_t> image(sizeof(header));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    header.segments[i] = {pieces[i].target, pieces[i].dest,
                          static_cast<std::uint32_t>(image.size()),
                          static_cast<std::uint32_t>(pieces[i].bytes.size())};
    image.insert(image.end(), pieces[i].bytes.begin(), pieces[i].bytes.end());
  }
  if (image.size() > TSR_IMAGE_MAX_BYTES) {
    throw InputError(fmt::format("{} and {}: a boot image of {} bytes; at most {} are possible",
                                 ctl.name(), tile.name(), image.size(), TSR_IMAGE_MAX_BYTES));
  }
  header.total_bytes = static_cast<std::uint32_t>(image.size());
  std::memcpy(image.data(), &header, sizeof(header));
  constexpr std::size_t kChecked = 16;  // the CRC covers what follows itself
  header.crc32 = static_cast<std::uint32_t>(
      crc32(0, image.data() + kChecked, static_cast<uInt>(image.size() - kChecked)));
  std::memcpy(image.data(), &header, sizeof(header));
  return image;
}

}  // namespace tsr
