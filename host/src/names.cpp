// SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <cstddef>

namespace tsr {
namespace {

template <std::size_t N>
std::string pick(const char* const (&names)[N], std::uint32_t index, const char* what) {
  if (index < N && names[index] != nullptr) return names[index];
  return std::string("unknown ") + what + " " + std::to_string(index);
}

}  // namespace

std::string trap_name(std::uint32_t cause) {
  static const char* const kNames[] = {"instruction address misaligned",
                                       "instruction access fault",
                                       "illegal instruction",
                                       "breakpoint",
                                       "load address misaligned",
                                       "load access fault",
                                       "store address misaligned",
                                       "store access fault",
                                       nullptr,
                                       nullptr,
                                       nullptr,
                                       "environment call"};
  return pick(kNames, cause, "trap cause");
}

std::string command_error_name(std::uint32_t error) {
  static const char* const kNames[] = {"no error",
                                       "illegal opcode",
                                       "illegal field in the context",
                                       "zero elements or iterations",
                                       "element counts of source and destination differ",
                                       "address outside the scratchpad",
                                       "error response from the network"};
  return pick(kNames, error, "command error");
}

std::string network_error_name(std::uint32_t error) {
  static const char* const kNames[] = {"no error",
                                       "nothing answers at this address",
                                       "access forbidden",
                                       "kind, size or alignment that the target does not serve",
                                       "no response in time",
                                       "the data is known to be bad",
                                       "the target has no room",
                                       "damaged on the way (parity)"};
  return pick(kNames, error, "network error");
}

std::string engine_name(std::uint32_t engine) {
  static const char* const kNames[] = {"RDMA", "WDMA", "matrix engine", "vector engine",
                                       "layout engine"};
  return pick(kNames, engine, "engine");
}

}  // namespace tsr
