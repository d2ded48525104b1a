// SPDX-License-Identifier: Apache-2.0
/// The global address map in C++: mirror of the functions and `chip_cfg_t` in
/// rtl/common/tsr_pkg.sv.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <vector>

namespace tsr {

/// Mesh coordinate: x grows east, y grows south; both 0..63.
struct Node {
  unsigned x = 0;
  unsigned y = 0;

  friend bool operator==(Node a, Node b) { return a.x == b.x && a.y == b.y; }
  friend bool operator!=(Node a, Node b) { return !(a == b); }
  /// Row-major order.
  friend bool operator<(Node a, Node b) { return a.y != b.y ? a.y < b.y : a.x < b.x; }

  /// As `node_t`: y << 6 | x.
  std::uint32_t pack() const { return (y & 63U) << 6 | (x & 63U); }
  static Node unpack(std::uint32_t bits) { return {bits & 63U, (bits >> 6) & 63U}; }
};

/// Inclusive rectangle of nodes: `lo` north-west, `hi` south-east.
struct Rect {
  Node lo;
  Node hi;

  friend bool operator==(const Rect& a, const Rect& b) { return a.lo == b.lo && a.hi == b.hi; }
  bool contains(Node n) const { return n.x >= lo.x && n.x <= hi.x && n.y >= lo.y && n.y <= hi.y; }
};

/// Address space, address bits 55:52.
enum class Space : std::uint8_t { kHbm = 0, kNode = 1 };

constexpr unsigned kAddrBits = 56;
/// HBM interleaves over the memory nodes at this granule.
constexpr std::uint64_t kGranuleBytes = 256;

/// Global address of byte `offset` of the chip's HBM.
constexpr std::uint64_t hbm_address(std::uint64_t offset) { return offset & ((1ULL << 40) - 1); }

/// Global address of node-local byte `offset` of `node`.
constexpr std::uint64_t node_address(Node node, std::uint32_t offset) {
  return 1ULL << 52 | static_cast<std::uint64_t>(node.y & 63U) << 38 |
         static_cast<std::uint64_t>(node.x & 63U) << 32 | offset;
}

/// Static straps of a chip, as every node gets them in `chip_cfg_t`.
class ChipConfig {
 public:
  /// Bits and 32-bit words of the packed `chip_cfg_t`.
  static constexpr unsigned kBits = 138;
  static constexpr unsigned kWords = 5;

  unsigned mesh_w = 1;     ///< columns, 1..63
  unsigned mesh_h = 1;     ///< rows, 1..63
  Node ctl;                ///< the ctl node
  std::vector<Node> mem;   ///< memory nodes: 1, 2, 4 or 8
  unsigned mem_mib = 512;  ///< capacity of one memory node in MiB, 1..65535

  /// log2 of the number of memory nodes. Throws std::invalid_argument unless there are 1, 2, 4
  /// or 8.
  unsigned mem_log2() const {
    for (unsigned log2 = 0; log2 < 4; ++log2) {
      if (mem.size() == std::size_t{1} << log2) return log2;
    }
    throw std::invalid_argument("a chip has 1, 2, 4 or 8 memory nodes");
  }

  /// Total HBM bytes.
  std::uint64_t hbm_bytes() const {
    return static_cast<std::uint64_t>(mem_mib) << 20 << mem_log2();
  }

  /// True when `node` lies in the mesh.
  bool in_mesh(Node node) const { return node.x < mesh_w && node.y < mesh_h; }

  /// The straps as 32-bit words of `chip_cfg_t`, least significant first.
  std::array<std::uint32_t, kWords> pack() const {
    std::array<std::uint32_t, kWords> words{};
    unsigned position = 0;
    const auto put = [&](std::uint32_t value, unsigned width) {
      for (unsigned i = 0; i < width; ++i, ++position) {
        words[position / 32] |= ((value >> i) & 1U) << (position % 32);
      }
    };
    put(mesh_w, 6);
    put(mesh_h, 6);
    put(ctl.pack(), 12);
    put(mem_log2(), 2);
    put(mem_mib, 16);
    for (const Node& node : mem) put(node.pack(), 12);
    return words;
  }

  /// Index of the memory node that holds HBM byte `offset`: all higher bit groups folded together.
  unsigned hbm_node(std::uint64_t offset) const {
    const unsigned log2 = mem_log2();
    if (log2 == 0) return 0;
    unsigned folded = 0;
    for (std::uint64_t rest = (offset & ((1ULL << 40) - 1)) >> 8; rest != 0; rest >>= log2) {
      folded ^= static_cast<unsigned>(rest) & ((1U << log2) - 1);
    }
    return folded;
  }

  /// Byte offset inside the memory node that hbm_node() names.
  std::uint64_t hbm_local(std::uint64_t offset) const {
    return ((offset & ((1ULL << 40) - 1)) >> (8 + mem_log2())) << 8 | (offset & 0xff);
  }

  /// Inverse of hbm_node() and hbm_local(): HBM offset of byte `local` of memory node `index`.
  std::uint64_t hbm_offset(unsigned index, std::uint64_t local) const {
    const unsigned log2 = mem_log2();
    const std::uint64_t upper = (local >> 8) << (8 + log2) | (local & 0xff);
    return upper | static_cast<std::uint64_t>(hbm_node(upper) ^ index) << 8;
  }

  /// Destination node of a global address; nothing when it is unmapped.
  std::optional<Node> route(std::uint64_t address) const {
    if (((address >> 44) & 0xff) != 0) return std::nullopt;  // another chip
    const std::uint64_t space = (address >> 52) & 0xf;
    if (space == static_cast<std::uint64_t>(Space::kHbm)) {
      if ((address & ((1ULL << 44) - 1)) >= hbm_bytes()) return std::nullopt;
      return mem[hbm_node(address)];
    }
    if (space == static_cast<std::uint64_t>(Space::kNode)) {
      const Node node = Node::unpack(static_cast<std::uint32_t>(address >> 32));
      if (in_mesh(node)) return node;
    }
    return std::nullopt;
  }
};

}  // namespace tsr
