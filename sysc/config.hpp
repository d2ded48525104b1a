// SPDX-License-Identifier: Apache-2.0
/// Chip configuration: the floor plan and sizes that a TOML file gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "noc/address_map.hpp"

namespace tsr {

/// What stands behind a router; the value is the letter of the floor plan.
enum class NodeKind : char { Ctl = 'C', Tile = 'T', Memory = 'M', Bare = '.' };

/// Human name of a node kind ("tile", ...).
const char* to_string(NodeKind kind);

/// A validated configuration. Nodes are numbered row by row: index = y * mesh_w + x.
struct Config {
  std::string name;
  std::string file;             ///< where it was read from
  int mesh_w = 0;               ///< columns, 1..62
  int mesh_h = 0;               ///< rows, 1..62
  std::vector<NodeKind> nodes;  ///< mesh_w * mesh_h entries
  Node ctl{};
  std::vector<Node> tiles;     ///< row by row
  std::vector<Node> memories;  ///< row by row: memory node i of the address map
  int memory_mib = 0;          ///< capacity of the whole chip
  std::string dram;            ///< timing profile name
  int spm_kib = 256;
  int me_rows = 8;
  int me_cols = 8;
  int uart_cycles_per_bit = 8;

  NodeKind kind(Node node) const { return nodes[index(node)]; }
  std::size_t index(Node node) const {
    return static_cast<std::size_t>(node.y) * static_cast<std::size_t>(mesh_w) + node.x;
  }
  /// Matrix engine cells times the four BF16 products of a cell: peak multiply-adds a cycle and
  /// tile.
  std::uint64_t bf16_macs_per_cycle() const {
    return 4ULL * static_cast<std::uint64_t>(me_rows) * static_cast<std::uint64_t>(me_cols);
  }
  /// The straps of the RTL and of the C++ address map.
  ChipConfig straps() const;
  /// The floor plan as text, one row a line, with coordinates.
  std::string drawing() const;
};

/// Read a configuration: a name ("t16": <name>.toml of the configuration folder) or the path of a
/// TOML file. Throws InputError naming file and key on anything missing, unknown or impossible.
Config load_config(const std::string& name_or_file);

/// As load_config, from text; `file` is only used in messages.
Config parse_config(const std::string& text, const std::string& file);

/// Folder of the shipped configurations: $TESSERA_CONFIGS, or the one configured at build time.
std::string config_folder();

/// Path of a DRAM timing profile. Throws InputError when there is none of that name.
std::string dram_profile_file(const Config& config);

}  // namespace tsr
