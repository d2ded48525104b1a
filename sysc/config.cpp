// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <sstream>

#include "error.hpp"

namespace tsr {
namespace {

constexpr int kMaxMesh = 62;
constexpr unsigned kMaxTileCoordinate = 7;  // the ctl node's maps of tiles are 8 x 8
constexpr int kMaxMemoryNodeMib = 1024;     // two pseudo channels of 512 MiB

/// Reads one file's keys and makes every error name file, line and key.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    throw InputError(fmt::format("{}: {}: {}", file_, key, message));
  }

  void refuse_unknown(const toml::table& table, const std::string& prefix,
                      std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : table) {
      bool found = false;
      for (const auto name : known) found = found || key.str() == name;
      if (found) continue;
      std::string list;
      for (const auto name : known) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
      fail(prefix + std::string(key.str()),
           fmt::format("unknown key (line {}). Known here: {}", value.source().begin.line, list));
    }
  }

  const toml::table* table(const toml::table& root, const std::string& key) const {
    const auto* node = root.get(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) fail(key, "must be a table");
    return node->as_table();
  }

  int integer(const toml::table* table, const std::string& prefix, const std::string& key, int low,
              int high, std::optional<int> fallback) const {
    const auto* node = table != nullptr ? table->get(key) : nullptr;
    if (node == nullptr) {
      if (fallback) return *fallback;
      fail(prefix + key, "missing");
    }
    if (!node->is_integer()) fail(prefix + key, "must be an integer");
    const auto value = node->as_integer()->get();
    if (value < low || value > high) {
      fail(prefix + key, fmt::format("{} is outside {}..{}", value, low, high));
    }
    return static_cast<int>(value);
  }

  std::string string(const toml::table* table, const std::string& prefix,
                     const std::string& key) const {
    const auto* node = table != nullptr ? table->get(key) : nullptr;
    if (node == nullptr) fail(prefix + key, "missing");
    if (!node->is_string() || node->as_string()->get().empty()) {
      fail(prefix + key, "must be a non-empty string");
    }
    return node->as_string()->get();
  }

 private:
  std::string file_;
};

bool is_plain_name(const std::string& text) {
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-' && c != '.') {
      return false;
    }
  }
  return true;
}

void read_floor_plan(const Reader& reader, const toml::table& root, Config& config) {
  const auto* node = root.get("nodes");
  if (node == nullptr) reader.fail("nodes", "missing: the floor plan, one string a row");
  const auto* rows = node->as_array();
  if (rows == nullptr || rows->empty())
    reader.fail("nodes", "must be a non-empty array of strings");
  if (rows->size() > kMaxMesh) {
    reader.fail("nodes", fmt::format("{} rows; at most {} are possible", rows->size(), kMaxMesh));
  }
  int ctls = 0;
  for (std::size_t y = 0; y < rows->size(); ++y) {
    const auto* text = rows->get(y)->as_string();
    if (text == nullptr) reader.fail("nodes", fmt::format("row {} is not a string", y));
    const std::string& row = text->get();
    if (row.empty() || row.size() > kMaxMesh) {
      reader.fail("nodes",
                  fmt::format("row {} has {} nodes; 1..{} are possible", y, row.size(), kMaxMesh));
    }
    if (y == 0) config.mesh_w = static_cast<int>(row.size());
    if (row.size() != static_cast<std::size_t>(config.mesh_w)) {
      reader.fail("nodes",
                  fmt::format("row {} has {} nodes, row 0 has {}: all rows must be equally long", y,
                              row.size(), config.mesh_w));
    }
    for (std::size_t x = 0; x < row.size(); ++x) {
      const Node here{static_cast<unsigned>(x), static_cast<unsigned>(y)};
      switch (row[x]) {
        case 'C':
          config.ctl = here;
          ++ctls;
          break;
        case 'T':
          config.tiles.push_back(here);
          break;
        case 'M':
          config.memories.push_back(here);
          break;
        case '.':
          break;
        default:
          reader.fail("nodes", fmt::format("row {} column {} is '{}'; use C (ctl), T (tile), M "
                                           "(memory) or . (bare router)",
                                           y, x, row[x]));
      }
      config.nodes.push_back(static_cast<NodeKind>(row[x]));
    }
  }
  config.mesh_h = static_cast<int>(rows->size());
  if (ctls != 1)
    reader.fail("nodes", fmt::format("{} ctl nodes (C); a chip has exactly one", ctls));
  if (config.tiles.empty()) reader.fail("nodes", "no tile (T); at least one is needed");
  for (const Node tile : config.tiles) {
    if (tile.x > kMaxTileCoordinate || tile.y > kMaxTileCoordinate) {
      reader.fail("nodes",
                  fmt::format("tile at row {} column {}: tiles must lie in rows and columns 0..{}",
                              tile.y, tile.x, kMaxTileCoordinate));
    }
  }
  const auto memories = config.memories.size();
  if (memories != 1 && memories != 2 && memories != 4 && memories != 8) {
    reader.fail("nodes",
                fmt::format("{} memory nodes (M); the address map needs 1, 2, 4 or 8", memories));
  }
}

}  // namespace

const char* to_string(NodeKind kind) {
  switch (kind) {
    case NodeKind::Ctl:
      return "ctl";
    case NodeKind::Tile:
      return "tile";
    case NodeKind::Memory:
      return "memory";
    default:
      return "bare router";
  }
}

Config parse_config(const std::string& text, const std::string& file) {
  const Reader reader(file);
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}:{}:{}: not valid TOML: {}", file, error.source().begin.line,
                                 error.source().begin.column, error.description()));
  }
  reader.refuse_unknown(root, "", {"name", "nodes", "memory", "tile", "uart"});

  Config config;
  config.file = file;
  config.name = reader.string(&root, "", "name");
  if (!is_plain_name(config.name))
    reader.fail("name", "use letters, digits, '_', '-' and '.' only");
  read_floor_plan(reader, root, config);

  const auto* memory = reader.table(root, "memory");
  if (memory == nullptr) reader.fail("memory", "missing: capacity_mib and dram are needed");
  reader.refuse_unknown(*memory, "memory.", {"capacity_mib", "dram"});
  const int count = static_cast<int>(config.memories.size());
  config.memory_mib = reader.integer(memory, "memory.", "capacity_mib", count,
                                     count * kMaxMemoryNodeMib, std::nullopt);
  if (config.memory_mib % count != 0) {
    reader.fail("memory.capacity_mib",
                fmt::format("{} MiB cannot be divided evenly over {} memory nodes",
                            config.memory_mib, count));
  }
  config.dram = reader.string(memory, "memory.", "dram");
  if (!is_plain_name(config.dram)) reader.fail("memory.dram", "is a profile name, not a path");

  if (const auto* tile = reader.table(root, "tile"); tile != nullptr) {
    reader.refuse_unknown(*tile, "tile.", {"spm_kib", "me"});
    config.spm_kib = reader.integer(tile, "tile.", "spm_kib", 64, 3072, config.spm_kib);
    if (const auto* me = tile->get("me"); me != nullptr) {
      const auto* grid = me->as_array();
      if (grid == nullptr || grid->size() != 2 || !grid->get(0)->is_integer() ||
          !grid->get(1)->is_integer()) {
        reader.fail("tile.me", "must be [rows, columns]");
      }
      config.me_rows = static_cast<int>(grid->get(0)->as_integer()->get());
      config.me_cols = static_cast<int>(grid->get(1)->as_integer()->get());
    }
  }
  if (config.spm_kib != TSR_BUILT_SPM_KIB) {
    reader.fail("tile.spm_kib", fmt::format("{} KiB, but the tile model was built with {} KiB",
                                            config.spm_kib, TSR_BUILT_SPM_KIB));
  }
  if (config.me_rows != TSR_BUILT_ME_ROWS || config.me_cols != TSR_BUILT_ME_COLS) {
    reader.fail("tile.me",
                fmt::format("[{}, {}], but the tile model was built with [{}, {}]", config.me_rows,
                            config.me_cols, TSR_BUILT_ME_ROWS, TSR_BUILT_ME_COLS));
  }

  if (const auto* uart = reader.table(root, "uart"); uart != nullptr) {
    reader.refuse_unknown(*uart, "uart.", {"cycles_per_bit"});
    config.uart_cycles_per_bit =
        reader.integer(uart, "uart.", "cycles_per_bit", 4, 65535, config.uart_cycles_per_bit);
  }
  return config;
}

std::string config_folder() {
  const char* folder = std::getenv("TESSERA_CONFIGS");
  return folder != nullptr ? folder : TSR_CONFIG_DIR;
}

Config load_config(const std::string& name_or_file) {
  namespace fs = std::filesystem;
  const bool is_file =
      name_or_file.find('/') != std::string::npos || fs::path(name_or_file).extension() == ".toml";
  const fs::path path =
      is_file ? fs::path(name_or_file) : fs::path(config_folder()) / (name_or_file + ".toml");
  if (!fs::is_regular_file(path)) {
    std::string names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(config_folder(), ignored)) {
      if (entry.path().extension() == ".toml") names += " " + entry.path().stem().string();
    }
    throw InputError(fmt::format("configuration '{}': no such file: {}. Shipped configurations:{}",
                                 name_or_file, path.string(), names.empty() ? " none" : names));
  }
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) throw InputError(fmt::format("{}: cannot be read", path.string()));
  return parse_config(text.str(), path.string());
}

std::string dram_profile_file(const Config& config) {
  namespace fs = std::filesystem;
  const fs::path beside = fs::path(config.file).parent_path() / "dram" / (config.dram + ".toml");
  if (fs::is_regular_file(beside)) return beside.string();
  const fs::path shipped = fs::path(config_folder()) / "dram" / (config.dram + ".toml");
  if (fs::is_regular_file(shipped)) return shipped.string();
  throw InputError(fmt::format("{}: memory.dram: no profile '{}': {} does not exist", config.file,
                               config.dram, shipped.string()));
}

ChipConfig Config::straps() const {
  ChipConfig chip;
  chip.mesh_w = static_cast<unsigned>(mesh_w);
  chip.mesh_h = static_cast<unsigned>(mesh_h);
  chip.ctl = ctl;
  chip.mem = memories;
  chip.mem_mib = static_cast<unsigned>(memory_mib) / static_cast<unsigned>(memories.size());
  return chip;
}

std::string Config::drawing() const {
  std::string text = "      ";
  for (int x = 0; x < mesh_w; ++x) text += fmt::format("{:>4}", x);
  text += "\n";
  for (int y = 0; y < mesh_h; ++y) {
    text += fmt::format("  {:>4}", y);
    for (int x = 0; x < mesh_w; ++x) {
      const Node here{static_cast<unsigned>(x), static_cast<unsigned>(y)};
      text += fmt::format("   {}", static_cast<char>(kind(here)));
    }
    text += "\n";
  }
  return text;
}

}  // namespace tsr
