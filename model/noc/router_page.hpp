// SPDX-License-Identifier: Apache-2.0
/// The routing table of a router, and the posted writes that load it: mirror of the router page in
/// rtl/noc.
#pragma once

#include <array>
#include <cstdint>

#include "noc/fault_map.hpp"
#include "noc/flit.hpp"

namespace tsr {

/// Node-local offset of the page that routers take posted writes to out of the request network.
constexpr std::uint32_t kRouterPage = 0xfffff000;
/// A network's part of the page, and its control word within.
constexpr std::uint32_t kRouterNetStride = 0x80;
constexpr std::uint32_t kRouterControl = 0x40;

/// What a router knows of its way to every node on VC 1, of one network.
struct RouterTable {
  static constexpr std::uint8_t kNone = 7;  ///< no way: such a flit is dropped and counted
  using Ports = std::array<std::uint8_t, kMaxMeshSide * kMaxMeshSide>;  ///< Dir, by y * 8 + x

  /// [0]: for flits that may still go up, [1]: for those that may only go down.
  std::array<Ports, 2> port;
  std::uint8_t down = 0;  ///< bit per port: flits that come in there have gone down
  std::uint8_t dead = 0;  ///< bit per port: nothing is sent there, on either VC
  bool enable = false;    ///< VC 1 follows the table; else dimension order

  RouterTable() {
    for (auto& phase : port) phase.fill(kNone);
  }
  static unsigned entry(Node node) { return node.y * kMaxMeshSide + node.x; }
  /// Port for a flit that came in by `in`.
  std::uint8_t way(unsigned in, Node destination) const {
    return port[down >> in & 1U][entry(destination)];
  }
  /// The control word.
  std::uint32_t control() const {
    return (enable ? 1U : 0U) | (down & 0x1eU) | std::uint32_t{dead} << 8;
  }
};

/// A posted write to the router page of `destination`; seal it after its last change.
inline Flit router_page_write(Node source, Node destination, std::uint32_t offset) {
  Flit flit;
  flit.kind = Kind::kWritePosted;
  flit.src = source;
  flit.set_dst(destination);
  flit.addr = node_address(destination, kRouterPage + offset);
  return flit;
}

/// All 16 rows of a network's table: word `phase * 8 + y` holds three bits a column.
inline Flit table_write(Node source, Node destination, unsigned net, const RouterTable& table) {
  Flit flit = router_page_write(source, destination, net * kRouterNetStride);
  flit.strb = ~0ULL;
  for (unsigned word = 0; word < 16; ++word) {
    std::uint64_t row = 0;
    for (unsigned x = 0; x < kMaxMeshSide; ++x) {
      row |= std::uint64_t{table.port[word / 8][word % 8 * kMaxMeshSide + x]} << 3 * x;
    }
    flit.data[word / 2] |= row << 32 * (word % 2);
  }
  return flit;
}

/// The control word of a network.
inline Flit control_write(Node source, Node destination, unsigned net, const RouterTable& table) {
  Flit flit = router_page_write(source, destination, net * kRouterNetStride + kRouterControl);
  flit.strb = 0xf;
  flit.data[0] = table.control();
  return flit;
}

}  // namespace tsr
