// SPDX-License-Identifier: Apache-2.0
#include "models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "error.hpp"
#include "faults.hpp"

namespace tsr {
namespace {

std::optional<Fidelity> fidelity_of(const std::string& text) {
  if (text == "rtl") return Fidelity::Rtl;
  if (text == "tlm") return Fidelity::Tlm;
  return std::nullopt;
}

Fidelity of_kind(const Models& models, NodeKind kind) {
  switch (kind) {
    case NodeKind::Ctl:
      return models.ctl;
    case NodeKind::Tile:
      return models.tile;
    case NodeKind::Memory:
      return models.hbm;
    default:
      return models.noc;
  }
}

}  // namespace

const char* to_string(Fidelity fidelity) { return fidelity == Fidelity::Rtl ? "rtl" : "tlm"; }

Fidelity Models::of(const Config& config, Node node) const {
  const auto single = std::find_if(nodes.rbegin(), nodes.rend(),
                                   [&](const auto& entry) { return entry.first == node; });
  return single != nodes.rend() ? single->second : of_kind(*this, config.kind(node));
}

bool Models::all_tlm(const Config& config) const {
  if (noc == Fidelity::Rtl) return false;
  for (std::size_t i = 0; i < config.nodes.size(); ++i) {
    const auto width = static_cast<std::size_t>(config.mesh_w);
    if (of(config, {static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)}) ==
        Fidelity::Rtl) {
      return false;
    }
  }
  return true;
}

bool Models::any_tlm(const Config& config) const {
  if (noc == Fidelity::Tlm) return true;
  for (std::size_t i = 0; i < config.nodes.size(); ++i) {
    const auto width = static_cast<std::size_t>(config.mesh_w);
    if (of(config, {static_cast<unsigned>(i % width), static_cast<unsigned>(i / width)}) ==
        Fidelity::Tlm) {
      return true;
    }
  }
  return false;
}

std::string Models::to_text(const Config& config) const {
  if (!any_tlm(config)) return "rtl";
  if (all_tlm(config)) return "tlm";
  std::string text = fmt::format("noc {}, ctl {}, hbm {}, tile {}", to_string(noc), to_string(ctl),
                                 to_string(hbm), to_string(tile));
  for (const auto& [node, fidelity] : nodes) {
    text += fmt::format(", {},{} {}", node.x, node.y, to_string(fidelity));
  }
  return text;
}

Models tlm_models() { return {Fidelity::Tlm, Fidelity::Tlm, Fidelity::Tlm, Fidelity::Tlm, {}}; }

Models default_models() {
  const char* const text = std::getenv("TESSERA_MODELS");
  return parse_models(text != nullptr ? text : "");
}

Models parse_models(const std::string& text) {
  std::istringstream words(text);
  Models models;
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    const std::string part = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? word : word.substr(equals + 1);
    const Fidelity fidelity = parse_model(value, "models");
    if (equals == std::string::npos) {
      models = fidelity == Fidelity::Tlm ? tlm_models() : Models{};
    } else if (part == "tile") {
      models.tile = fidelity;
    } else if (part == "noc") {
      models.noc = fidelity;
    } else if (part == "hbm") {
      models.hbm = fidelity;
    } else if (part == "ctl") {
      models.ctl = fidelity;
    } else {
      models.nodes.emplace_back(parse_node(part), fidelity);
    }
  }
  return models;
}

Fidelity parse_model(const std::string& text, const std::string& option) {
  const auto fidelity = fidelity_of(text);
  if (!fidelity) throw InputError(fmt::format("{} {}: give rtl or tlm", option, text));
  return *fidelity;
}

void parse_model(const std::string& text, const std::string& option, Fidelity& kind,
                 Models& models) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) {
    kind = parse_model(text, option);
    return;
  }
  const auto fidelity = fidelity_of(text.substr(equals + 1));
  if (!fidelity) {
    throw InputError(
        fmt::format("{} {}: give rtl or tlm, or for one node X,Y=rtl or X,Y=tlm", option, text));
  }
  models.nodes.emplace_back(parse_node(text.substr(0, equals)), *fidelity);
}

void check_models(const Config& config, const Models& models) {
  for (const auto& [node, fidelity] : models.nodes) {
    const bool inside = node.x < static_cast<unsigned>(config.mesh_w) &&
                        node.y < static_cast<unsigned>(config.mesh_h);
    if (!inside || (config.kind(node) != NodeKind::Tile && config.kind(node) != NodeKind::Memory)) {
      throw InputError(fmt::format("{},{}={}: node {},{} of {} is neither a tile nor a memory node",
                                   node.x, node.y, to_string(fidelity), node.x, node.y,
                                   config.name));
    }
  }
}

}  // namespace tsr
