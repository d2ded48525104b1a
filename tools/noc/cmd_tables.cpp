// SPDX-License-Identifier: Apache-2.0
/// `tessera noc-tables`: routes around the faults of a mesh, as the model computes them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "commands.hpp"
#include "noc/faults.hpp"
#include "noc/route_check.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

struct TableOptions {
  std::string config = "t16";
  std::string faults_file;
  std::vector<std::string> dead_links;
  std::string json_file;
};

using Json = nlohmann::ordered_json;

std::string name(Node node) { return fmt::format("{},{}", node.x, node.y); }

FaultMap faults_of(const TableOptions& options, const Config& config) {
  if (config.mesh_w > static_cast<int>(kMaxMeshSide) ||
      config.mesh_h > static_cast<int>(kMaxMeshSide)) {
    throw InputError(fmt::format("{}: routing tables cover {} x {} nodes", config.name,
                                 kMaxMeshSide, kMaxMeshSide));
  }
  FaultMap faults(static_cast<unsigned>(config.mesh_w), static_cast<unsigned>(config.mesh_h));
  if (!options.faults_file.empty()) read_faults(options.faults_file, faults);
  ChipFaults named;
  for (const auto& text : options.dead_links) named.dead_links.push_back(parse_link(text));
  check_faults(config, named);
  for (const auto& link : named.dead_links) {
    faults.kill_link(link.node, *faults.mesh_neighbour(link.node, link.port));
  }
  return faults;
}

/// A letter for each node: the port that leads there, . for none. Rows as the mesh has them.
std::vector<std::string> letters(const FaultMap& faults, const RouterTable& table, unsigned phase) {
  std::vector<std::string> rows;
  for (unsigned y = 0; y < faults.height(); ++y) {
    std::string row;
    for (unsigned x = 0; x < faults.width(); ++x) {
      const auto port = table.port[phase][RouterTable::entry({x, y})];
      row += port < kNumDirs ? "LNESW"[port] : '.';
    }
    rows.push_back(row);
  }
  return rows;
}

/// Nodes of one layer seen from a source.
std::vector<std::string> nodes_of(const FaultRoutes& routes, Node source, Layer layer) {
  std::vector<std::string> nodes;
  for (unsigned d = 0; d < routes.faults().nodes(); ++d) {
    const Node to = routes.faults().node(d);
    if (routes.layer(source, to) == layer) nodes.push_back(name(to));
  }
  return nodes;
}

Json router_json(const FaultRoutes& routes, Node node) {
  const RouterTable& table = routes.tables()[routes.faults().index(node)];
  return {{"node", name(node)},
          {"control", table.control()},
          {"up", letters(routes.faults(), table, 0)},
          {"down", letters(routes.faults(), table, 1)},
          {"vc1", nodes_of(routes, node, Layer::kTables)},
          {"unreachable", nodes_of(routes, node, Layer::kNone)}};
}

void print_router(const Json& router) {
  fmt::print("\nrouter {}  control {:#06x}\n", router["node"].get<std::string>(),
             router["control"].get<std::uint32_t>());
  for (std::size_t y = 0; y < router["up"].size(); ++y) {
    fmt::print("  {}   {}\n", router["up"][y].get<std::string>(),
               router["down"][y].get<std::string>());
  }
  for (const char* list : {"vc1", "unreachable"}) {
    if (router[list].empty()) continue;
    fmt::print("  {}:", list);
    for (const auto& node : router[list]) fmt::print(" {}", node.get<std::string>());
    fmt::print("\n");
  }
}

int noc_tables(const TableOptions& options) {
  const Config config = load_config(options.config);
  const FaultMap faults = faults_of(options, config);
  const bool print = options.json_file != "-";
  Json json;
  json["config"] = config.name;
  bool good = true;
  for (unsigned net = 0; net < 2; ++net) {
    const FaultRoutes routes(faults, net);
    const auto report = check_routes(faults, net, routes.tables(), [&](Node s, Node d) {
      return routes.layer(s, d) == Layer::kTables;
    });
    const char* title = net == 0 ? "request" : "response";
    const std::string verdict =
        report.good() ? "no cycle, every connected pair is reached" : report.text();
    good = good && report.good();
    json[title] = {{"good", report.good()}, {"verdict", verdict}, {"routers", Json::array()}};
    if (print) fmt::print("{}{} network: {}\n", net == 0 ? "" : "\n", title, verdict);
    for (unsigned i = 0; i < faults.nodes(); ++i) {
      if (!faults.alive(faults.node(i))) continue;
      json[title]["routers"].push_back(router_json(routes, faults.node(i)));
      if (print) print_router(json[title]["routers"].back());
    }
  }
  write_json(json, options.json_file);
  return good ? 0 : static_cast<int>(ExitCode::CheckFailed);
}

}  // namespace

void add_noc_tables(CLI::App& app, int& code) {
  auto options = std::make_shared<TableOptions>();
  auto* cmd = app.add_subcommand("noc-tables", "Show routes around dead links and routers");
  cmd->description(
      "Show routes around dead links and routers, as the model computes them: for each router the\n"
      "port (L local, N, E, S, W) towards every node, on the left for flits that may still go up,\n"
      "on the right for those that may only go down; nodes that it sends to on virtual channel 1;\n"
      "and nodes that cannot be reached. The independent checker judges the tables.");
  cmd->add_option("-c,--config", options->config, "Chip: t4, t16 or a TOML file")
      ->capture_default_str();
  cmd->add_option("--faults", options->faults_file,
                  "File with lines 'link X,Y X,Y' and 'router X,Y'; # begins a comment");
  cmd->add_option("--dead-link", options->dead_links,
                  "A dead link: X,Y,east or X,Y,south (repeatable)")
      ->allow_extra_args(false);
  cmd->add_option("--json", options->json_file,
                  "Write it as JSON to this file; - is standard output");
  cmd->callback([options, &code] { code = noc_tables(*options); });
}

}  // namespace tsr::tools
