// SPDX-License-Identifier: Apache-2.0
/// What a hart node (tile or ctl, RTL or TLM) tells its observers while it runs: retired
/// instructions, engine commands, writes of its scratchpad.
///
/// A probe belongs to one node. It is called by the thread that evaluates the node, one call at a
/// time, within a cycle; it must not touch other nodes. Within a cycle the order is: writes,
/// commands done, commands started, retired instructions.
#pragma once

#include <array>
#include <cstdint>

#include "iss/retire.hpp"

namespace tsr {

/// Engines in the order of their command queues.
enum class Engine : std::uint8_t { Rdma = 0, Wdma = 1, Me = 2, Ve = 3, Tdma = 4 };
inline constexpr unsigned kEngines = 5;

/// Who wrote to the scratchpad.
enum class SpmWriter : std::uint8_t {
  Rdma = 0,
  Wdma = 1,
  Me = 2,
  Ve = 3,
  Tdma = 4,
  Network = 5,
  Core = 6
};

/// A command that its engine has taken from its queue.
struct CommandStart {
  Engine engine = Engine::Rdma;
  std::array<std::uint32_t, 16> words{};  ///< as firmware pushed them; id = words[0] >> 16
};

/// A command that has ended. Commands of an engine end in the order in which they started.
struct CommandDone {
  Engine engine = Engine::Rdma;
  std::uint16_t id = 0;
  std::uint8_t error = 0;     ///< cmd_err_e, 0: fine
  std::uint8_t info = 0;      ///< err_e of a bus error
  std::uint64_t address = 0;  ///< offending address
};

/// One accepted write of up to 64 bytes as eight words of 8 bytes, each with its own address.
struct SpmWrite {
  SpmWriter writer = SpmWriter::Core;
  std::array<std::uint32_t, 8> offset{};  ///< bytes from the scratchpad's start, multiples of 8
  std::uint64_t strobe = 0;  ///< byte enables, 8 a word; words without one are not written
  std::array<std::uint64_t, 8> data{};
};

class NodeProbe {
 public:
  virtual ~NodeProbe() = default;
  virtual void retire(std::uint64_t /*cycle*/, const Retire& /*retire*/) {}
  virtual void command_start(std::uint64_t /*cycle*/, const CommandStart& /*command*/) {}
  virtual void command_done(std::uint64_t /*cycle*/, const CommandDone& /*command*/) {}
  virtual void spm_write(std::uint64_t /*cycle*/, const SpmWrite& /*write*/) {}
};

}  // namespace tsr
