// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/periph_small.hpp"

#include "regs/fuse_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/sys_regs.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

std::uint32_t half(std::uint64_t map, std::uint32_t index) {
  return static_cast<std::uint32_t>(map >> 32 * index);
}

std::uint32_t coordinates(Node node) { return node.x | node.y << 8; }

}  // namespace

// ---------------------------------------------------------------- mailbox

Mailbox::Mailbox(Parts& parts, HostPort& host)
    : RegBlock(regs::mailbox::kBlock), parts_(parts), host_(host) {}

void Mailbox::reset() {
  RegBlock::reset();
  update_pin();
}

bool Mailbox::interrupt() const { return (get(regs::mailbox::kDoorbellOffset) & 1) != 0; }

bool Mailbox::on_write(std::uint32_t offset, std::uint32_t data) {
  switch (offset) {
    case regs::mailbox::kCmdOffset:
      set_bits(regs::mailbox::kDoorbellOffset, 1);
      break;
    case regs::mailbox::kHostRaiseOffset:
      set_bits(regs::mailbox::kHostIrqOffset, data & 3);
      break;
    default:
      break;
  }
  parts_.regs->update_interrupts();
  constexpr std::uint64_t kToPin = 3;
  if ((get(regs::mailbox::kHostIrqOffset) != 0) != pin_) {
    parts_.later.at(parts_.now() + kToPin, [this] { update_pin(); });
  }
  return true;
}

void Mailbox::update_pin() {
  const bool level = get(regs::mailbox::kHostIrqOffset) != 0;
  if (level == pin_) return;
  pin_ = level;
  if (host_.on_interrupt) host_.on_interrupt(level);
}

// ---------------------------------------------------------------- fuses

Fuse::Fuse(const ChipFuses& fuses) : RegBlock(regs::fuse::kBlock), fuses_(fuses) {}

void Fuse::reset() {
  RegBlock::reset();
  locked_ = false;
}

std::uint32_t Fuse::on_read(std::uint32_t offset, std::uint32_t stored) {
  using namespace regs::fuse;
  if (offset == kDebugFuseOffset) return fuses_.debug_open ? 1 : 0;
  if (offset == kDebugLockOffset) return locked_ ? 1 : 0;
  const std::uint32_t index = offset / 4 % 2;
  if (offset < kDeadEastOffset) return half(fuses_.dead_tiles, index);
  if (offset < kDeadSouthOffset) return half(fuses_.dead_east, index);
  return offset < kDebugFuseOffset ? half(fuses_.dead_south, index) : stored;
}

bool Fuse::on_write(std::uint32_t offset, std::uint32_t data) {
  if (offset == regs::fuse::kDebugLockOffset && (data & 1) != 0) locked_ = true;
  return true;
}

// ---------------------------------------------------------------- straps

Sys::Sys(const ChipConfig& config, const ChipFuses& fuses)
    : RegBlock(regs::sys::kBlock), config_(config), tiles_(fuses.tiles & ~fuses.dead_tiles) {}

std::uint32_t Sys::on_read(std::uint32_t offset, std::uint32_t stored) {
  using namespace regs::sys;
  switch (offset) {
    case kMeshOffset:
      return config_.mesh_w | config_.mesh_h << 8;
    case kCtlOffset:
      return coordinates(config_.ctl);
    case kMemOffset:
      return static_cast<std::uint32_t>(config_.mem.size()) | config_.mem_mib << 16;
    case kTilesOffset:
      return static_cast<std::uint32_t>(__builtin_popcountll(tiles_));
    case kTileMapOffset:
    case kTileMapOffset + 4:
      return half(tiles_, (offset - kTileMapOffset) / 4);
    default:
      break;
  }
  const std::uint32_t index = (offset - kMemNodeOffset) / 4;
  if (offset < kMemNodeOffset || offset >= kScratchOffset) return stored;
  return index < config_.mem.size() ? coordinates(config_.mem[index]) | 1U << 31 : 0;
}

}  // namespace tsr::hart
