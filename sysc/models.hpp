// SPDX-License-Identifier: Apache-2.0
/// Which kind of model stands for which part of a chip: RTL, cycle for cycle, or TLM, fast.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config.hpp"
#include "noc/address_map.hpp"

namespace tsr {

enum class Fidelity { Rtl, Tlm };

const char* to_string(Fidelity fidelity);

/// Any mix runs. Bare nodes, and tiles that the fuses call dead, are as the network is.
struct Models {
  Fidelity tile = Fidelity::Rtl;
  Fidelity noc = Fidelity::Rtl;
  Fidelity hbm = Fidelity::Rtl;
  Fidelity ctl = Fidelity::Rtl;
  std::vector<std::pair<Node, Fidelity>> nodes;  ///< single tiles and memory nodes, the last counts

  /// Model of a node's endpoint.
  Fidelity of(const Config& config, Node node) const;
  /// Nothing is RTL.
  bool all_tlm(const Config& config) const;
  /// Something is TLM.
  bool any_tlm(const Config& config) const;
  /// "rtl", "tlm", or the parts: "noc tlm, ctl tlm, hbm rtl, tile tlm but rtl at 1,2".
  std::string to_text(const Config& config) const;
};

/// All of it TLM.
Models tlm_models();

/// Words "rtl", "tlm" (all of it), "tile=tlm", "noc=rtl", "hbm=tlm", "ctl=tlm", "X,Y=rtl"; the last
/// counts. Throws InputError.
Models parse_models(const std::string& text);
/// What $TESSERA_MODELS says in these words; without it all is RTL. Throws InputError.
Models default_models();

/// "rtl" or "tlm". `option` names the command line option in messages. These throw InputError.
Fidelity parse_model(const std::string& text, const std::string& option);
/// The same into `kind`, or "X,Y=rtl" and "X,Y=tlm" into `models.nodes`.
void parse_model(const std::string& text, const std::string& option, Fidelity& kind,
                 Models& models);

/// Throws InputError unless every node in `models.nodes` is a tile or a memory node.
void check_models(const Config& config, const Models& models);

}  // namespace tsr
