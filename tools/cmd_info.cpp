// SPDX-License-Identifier: Apache-2.0
/// `tessera info`: configuration, mesh, address map.
#include <fmt/format.h>

#include "commands.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

struct InfoOptions {
  std::string config = "t16";
  std::string json_file;
  SessionOptions models;  ///< only which models
};

constexpr double kClockMhz = 800;

/// Node-local address map, as in rtl/tile/tsr_tile_pkg.sv.
struct Range {
  std::uint32_t base;
  std::uint32_t bytes;
  const char* name;
};
std::vector<Range> node_map(const Config& config) {
  return {{0x0000'0000, 0x1'0000, "instruction memory (ITCM)"},
          {0x0001'0000, 0x1'0000, "data memory (DTCM)"},
          {0x0002'0000, 0x1000, "registers"},
          {0x0003'0000, 0x140, "command staging, 64 bytes an engine"},
          {0x0004'0000, 0x1000, "contexts, 8 of 512 bytes"},
          {0x0008'0000, 0x4000, "boot ROM (ctl only)"},
          {0x0010'0000, 0x1'0000, "peripherals, 4 KiB each (ctl only)"},
          {0x0100'0000, static_cast<std::uint32_t>(config.spm_kib) * 1024, "scratchpad (tile)"}};
}

nlohmann::ordered_json node_json(Node node) { return {{"x", node.x}, {"y", node.y}}; }

int info(const InfoOptions& options) {
  const Config config = load_config(options.config);
  const ChipConfig straps = config.straps();
  const double peak = static_cast<double>(config.bf16_macs_per_cycle() * config.tiles.size());
  const double hbm_bytes_per_cycle = 64.0 * static_cast<double>(config.memories.size());

  const Models models = models_of(options.models);
  check_models(config, models);

  nlohmann::ordered_json json;
  json["config"] = config.name;
  json["file"] = config.file;
  json["mesh_w"] = config.mesh_w;
  json["mesh_h"] = config.mesh_h;
  json["ctl"] = node_json(config.ctl);
  json["tiles"] = nlohmann::ordered_json::array();
  for (const Node node : config.tiles) json["tiles"].push_back(node_json(node));
  json["memories"] = nlohmann::ordered_json::array();
  for (const Node node : config.memories) json["memories"].push_back(node_json(node));
  json["hbm_bytes"] = straps.hbm_bytes();
  json["dram"] = config.dram;
  json["spm_kib"] = config.spm_kib;
  json["me_rows"] = config.me_rows;
  json["me_cols"] = config.me_cols;
  json["clock_mhz"] = kClockMhz;
  json["bf16_macs_per_cycle"] = peak;
  json["hbm_bytes_per_cycle"] = hbm_bytes_per_cycle;
  json["node_map"] = nlohmann::ordered_json::array();
  for (const auto& range : node_map(config)) {
    json["node_map"].push_back(
        {{"base", range.base}, {"bytes", range.bytes}, {"name", range.name}});
  }
  json["models"] = models.to_text(config);
  write_json(json, options.json_file);
  if (options.json_file == "-") return 0;

  fmt::print("{} ({})\n\n{}\n", config.name, config.file, config.drawing());
  fmt::print("  C ctl, T tile, M memory node, . bare router\n\n");
  fmt::print("tiles        {}: {} KiB scratchpad, {} x {} matrix engine\n", config.tiles.size(),
             config.spm_kib, config.me_rows, config.me_cols);
  fmt::print("peak         {:.0f} BF16 multiply-adds a cycle, {:.2f} TFLOP/s at {:.0f} MHz\n", peak,
             2 * peak * kClockMhz * 1e6 / 1e12, kClockMhz);
  fmt::print("HBM          {} MiB in {} nodes ({}), {:.0f} bytes a cycle, {:.1f} GB/s\n",
             config.memory_mib, config.memories.size(), config.dram, hbm_bytes_per_cycle,
             hbm_bytes_per_cycle * kClockMhz * 1e6 / 1e9);
  fmt::print("models       {} (--tlm, --tile, --noc, --hbm and --ctl choose)\n",
             models.to_text(config));
  fmt::print("\nglobal addresses (56 bits)\n");
  fmt::print("  {:#016x} .. {:#016x}  HBM, {} byte granules over the memory nodes\n",
             hbm_address(0), hbm_address(straps.hbm_bytes() - 1), kGranuleBytes);
  fmt::print("  {:#016x} + y << 38 + x << 32   node (x, y), 32-bit node-local address:\n",
             node_address({0, 0}, 0));
  for (const auto& range : node_map(config)) {
    fmt::print("    {:#010x} .. {:#010x}  {}\n", range.base, range.base + range.bytes - 1,
               range.name);
  }
  return 0;
}

}  // namespace

void add_info(CLI::App& app, int& code) {
  auto options = std::make_shared<InfoOptions>();
  auto* cmd =
      app.add_subcommand("info", "Show a configuration: mesh, sizes, peak rates, address map");
  cmd->add_option("-c,--config", options->config, "Chip: t4, t16 or a TOML file")
      ->capture_default_str();
  cmd->add_option("--json", options->json_file,
                  "Write it as JSON to this file; - is standard output");
  add_model_options(*cmd, options->models);
  cmd->callback([options, &code] { code = info(*options); });
}

}  // namespace tsr::tools
