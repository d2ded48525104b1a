// SPDX-License-Identifier: Apache-2.0
/// Texts of the wave filters: one function a format, from the values of its fields by path.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tsr::waves {

/// Values of a format's fields; every field is there. A text begins with `?color?` if its box is
/// coloured.
using FieldValues = std::map<std::string, std::uint64_t>;

std::string flit_text(const FieldValues& v);      ///< header of a flit
std::string request_text(const FieldValues& v);   ///< request to the network interface
std::string response_text(const FieldValues& v);  ///< response of the network interface
std::string host_text(const FieldValues& v);      ///< request of the host
std::string command_text(const FieldValues& v);   ///< command of an engine
std::string done_text(const FieldValues& v);      ///< completion of a command
std::string wait_text(const FieldValues& v);      ///< what a command waits for
std::string state_text(const FieldValues& v);     ///< state of an engine
std::string insn_text(const FieldValues& v);      ///< retired instruction
std::string spm_text(const FieldValues& v);       ///< access to the scratchpad
std::string beat_text(const FieldValues& v);      ///< beat of a stream
std::string register_text(const FieldValues& v);  ///< access over the register bus
std::string row_text(const FieldValues& v);       ///< row command of DRAM
std::string column_text(const FieldValues& v);    ///< column command of DRAM
std::string links_text(const FieldValues& v);     ///< set of a router's ports
std::string ports_text(const FieldValues& v);     ///< set of a tile's scratchpad ports

}  // namespace tsr::waves
