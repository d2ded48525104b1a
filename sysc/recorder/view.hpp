// SPDX-License-Identifier: Apache-2.0
/// Save files for GTKWave, made for a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "noc/address_map.hpp"

namespace tsr {

/// Write a save file with the signals that tell why a node failed (core, queues, semaphores,
/// engines, network interface, router), or with cores and engines of all hart nodes without
/// `node`. The cycle is marked. Only signals that the trace has are named. Throws InputError if a
/// file cannot be read or written.
void write_view(const std::string& fst, const std::string& view, std::uint64_t cycle,
                std::optional<Node> node);

}  // namespace tsr
