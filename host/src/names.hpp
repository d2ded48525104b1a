// SPDX-License-Identifier: Apache-2.0
/// Names of the codes that completion records and responses carry.
#pragma once

#include <cstdint>
#include <string>

namespace tsr {

/// RISC-V exception cause ("load access fault").
std::string trap_name(std::uint32_t cause);
/// tsr_tile_pkg::cmd_err_e ("descriptor with zero elements or iterations").
std::string command_error_name(std::uint32_t error);
/// tsr_pkg::err_e ("nothing answers at this address").
std::string network_error_name(std::uint32_t error);
/// Engine of a tile ("RDMA").
std::string engine_name(std::uint32_t engine);

}  // namespace tsr
