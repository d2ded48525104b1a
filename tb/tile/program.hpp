// SPDX-License-Identifier: Apache-2.0
/// Command programs for a whole tile: commands of all five engines with their contexts, ordered by
/// semaphores, and the functional executor that runs the same words on byte images.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engines/agu.hpp"
#include "engines/dma.hpp"
#include "engines/me.hpp"
#include "engines/ve.hpp"

namespace tsr::tb {

/// The engines, in the order of their command queues.
constexpr unsigned kEngines = 5;
const char* engine_name(unsigned engine);

/// The eight contexts of a tile, as firmware wrote them.
using Contexts = std::array<std::array<engines::ContextRow, 8>, 8>;

/// Bytes that a command may touch: scratchpad offsets, or global addresses. Holes may be included.
struct Span {
  bool memory = false;
  bool write = false;
  std::uint64_t begin = 0, end = 0;
};

bool conflict(const Span& x, const Span& y);
bool conflict(const std::vector<Span>& x, const std::vector<Span>& y);

/// One command.
struct ProgramCommand {
  unsigned engine = 0;
  std::array<std::uint32_t, 16> words{};
  std::vector<Span> spans;
  int partner = -1;        ///< other end of a chain between ME and VE; the neighbour in the list
  bool bad = false;        ///< made to fail
  bool dead = false;       ///< never runs, because `bad` or what it waits for never happens
  std::bitset<32> before;  ///< commands that are complete when it starts

  unsigned context() const { return (words[0] >> 8) & 7; }
  unsigned opcode() const { return words[0] & 255; }
  unsigned id() const { return words[0] >> 16; }
  bool overlap() const { return (words[0] >> 12 & 1) != 0; }
  bool irq() const { return (words[0] >> 11 & 1) != 0; }
  /// Half word of wait or post `slot` (0, 1).
  unsigned wait(unsigned slot) const { return words[1] >> (16 * slot) & 0xffff; }
  unsigned post(unsigned slot) const { return words[2] >> (16 * slot) & 0xffff; }
};

/// A post that the bench sends at some time after the start.
struct Gate {
  unsigned semaphore;
  unsigned n;
};

struct Program {
  unsigned number = 0;
  Contexts contexts{};
  std::vector<ProgramCommand> commands;  ///< a topological order
  std::vector<Gate> gates;

  std::string describe() const;
  /// The command whose write span holds the byte, the last one in order; "nobody" if none does.
  std::string writer(bool memory, std::uint64_t address) const;
};

/// What a tile and the world around it hold.
struct World {
  std::vector<std::uint8_t> spm;
  std::map<std::uint64_t, std::uint8_t> memory;     ///< global bytes outside
  std::map<std::uint64_t, std::uint8_t> multicast;  ///< node-local bytes sent to other nodes
  std::set<std::uint64_t> bad_blocks;               ///< 64-byte blocks that answer Unmapped
  std::uint64_t own_spm = 0;                        ///< global address of the tile's scratchpad
};

/// How a command ends.
struct Outcome {
  engines::CmdError error = engines::CmdError::Ok;
  unsigned info = 0;
  std::uint64_t address = 0;
  bool nan = false;       ///< matrix and vector engine: a result is NaN
  bool overflow = false;  ///< matrix engine: a finite result became infinite; vector engine: a
                          ///< result is infinite or too large for its format
};

/// Run the commands that are not dead, and the bad one, in order on `world`. One outcome a command.
std::vector<Outcome> execute(const Program& program, World& world);

/// Run command `index`, and its partner behind it.
std::pair<Outcome, Outcome> execute(const Program& program, std::size_t index, World& world);

}  // namespace tsr::tb
