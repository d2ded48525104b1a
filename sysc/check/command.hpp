// SPDX-License-Identifier: Apache-2.0
/// What the checkers of all engines share: commands with their contexts, the mirror of the
/// scratchpad, how results are compared.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "engines/agu.hpp"
#include "probe/node_probe.hpp"

namespace tsr::check {

/// A command that an engine has taken, with its context as it was then.
struct Command {
  Engine engine = Engine::Rdma;
  std::array<std::uint32_t, 16> words{};
  std::array<engines::ContextRow, 8> rows{};
  std::uint64_t start = 0;  ///< cycle

  std::uint8_t opcode() const { return static_cast<std::uint8_t>(words[0]); }
  std::uint16_t id() const { return static_cast<std::uint16_t>(words[0] >> 16); }
  /// "matrix engine, command 7 (started in cycle 120)".
  std::string name() const;
};

/// How a command ends: cmd_err_e, what `info` says about it, offending address.
struct Ending {
  std::uint8_t error = 0;
  std::uint8_t info = 0;
  std::uint64_t address = 0;

  friend bool operator==(const Ending& a, const Ending& b) {
    return a.error == b.error && a.info == b.info && a.address == b.address;
  }
  std::string to_string() const;
};
inline Ending ending_of(const CommandDone& done) { return {done.error, done.info, done.address}; }

/// Bit mask of a lane's byte strobes.
std::uint64_t lane_mask(std::uint8_t strobe);

/// Mirror of a scratchpad. It starts with zeros, as the RTL model does.
struct Scratchpad {
  std::vector<std::uint8_t> bytes;

  explicit Scratchpad(std::size_t size) : bytes(size) {}
  void apply(const SpmWrite& write);
};

/// A byte in which two writes differ.
struct ByteDifference {
  unsigned index = 0;  ///< 0..63: lane * 8 + byte of the lane
  std::uint32_t offset = 0;
  std::uint8_t expected = 0;
  std::uint8_t got = 0;
};

/// Text of what is wrong with `got`, where `expected` should have been written, or "". `value`, if
/// not null, gets the differing byte if addresses and strobes agree.
std::string compare(const SpmWrite& expected, const SpmWrite& got, ByteDifference* value = nullptr);

/// Expected write of `count` bytes (1..64) at consecutive offsets from `offset`, as one or two
/// accesses of a DMA engine whose first word is that of `offset`; what lies behind `spm_bytes` is
/// left out. Returns how many accesses are in `out`.
unsigned consecutive(std::uint32_t offset, const std::uint8_t* data, std::uint64_t valid,
                     std::size_t spm_bytes, std::array<SpmWrite, 2>& out);

}  // namespace tsr::check
