// SPDX-License-Identifier: Apache-2.0
/// The view after a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../fst/fst_file.hpp"
#include "noc/address_map.hpp"

namespace tsr::waves {

/// A command that ended with an error.
struct FailedCommand {
  unsigned engine = 0;  ///< RDMA, WDMA, ME, VE, TDMA
  std::uint64_t id = 0;
  std::uint64_t end = 0;               ///< cycle of its completion
  std::optional<std::uint64_t> start;  ///< cycle in which its queue offered it, if the trace has it
  std::string command, error;          ///< as the filters `cmd` and `done` write them
};

/// The last command of a hart node (scope of tsr_hart_node) that has failed up to `cycle`.
std::optional<FailedCommand> failed_command(FstFile& trace, const std::string& hart_node,
                                            std::uint64_t cycle);

/// What a save file after a failure shows.
struct FailureView {
  std::string view, node;  ///< node: "X,Y", empty if it is not known
  std::uint64_t cycle = 0;
};

/// Write the save file `save` for the trace `fst` of a failure: view `failure` at a node with a
/// core, `memory` or `router` at another one, `chip` without a node. Only signals that the trace
/// has are named. Throws InputError if a file cannot be read or written.
void write_failure_view(const std::string& fst, const std::string& save, std::uint64_t cycle,
                        std::optional<Node> node);

/// What write_failure_view() wrote to this file; nothing if it did not.
std::optional<FailureView> read_failure_view(const std::string& save);

}  // namespace tsr::waves
