// SPDX-License-Identifier: Apache-2.0
/// What the parts of a chip do in one cycle, as far as it tells what they wait for. Read from waves
/// (wave_state.hpp) or filled in by models.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "noc/address_map.hpp"
#include "noc/flit.hpp"

namespace tsr::doctor {

inline constexpr unsigned kSemaphores = 16;

/// An amount of a semaphore of the node, or with `remote` of every node of a rectangle.
struct Tokens {
  unsigned semaphore = 0;
  unsigned amount = 1;
  std::optional<Rect> remote;
};

struct Command {
  unsigned id = 0;
  std::vector<Tokens> waits;  ///< before it starts
  std::vector<Tokens> posts;  ///< when it is done
};

/// Something that was sent and not yet answered.
struct Transaction {
  std::optional<std::uint64_t> address;  ///< global; unknown: none
  bool write = false;
  std::uint64_t age = 0;  ///< cycles since it was sent
  bool older = false;     ///< it is at least this old
};

enum class Activity : std::uint8_t { Idle, Busy, WaitSem, Starved, Blocked, Conflict, Config };

/// An engine with its command queue.
struct EngineState {
  std::string name;
  Activity activity = Activity::Idle;
  bool stopped = false;          ///< a command failed: nothing is taken until the queue is flushed
  bool head_waits = false;       ///< the first queued command lacks tokens
  bool full = false;             ///< the queue has no room
  unsigned posts_waiting = 0;    ///< posts to other nodes that the network has not taken
  std::vector<Command> running;  ///< taken by the engine, oldest first; only posts are known
  std::vector<Command> queued;   ///< first one first
  std::vector<Transaction> transactions;
};

/// What may wake a sleeping core.
struct WakeUp {
  std::uint32_t enabled = 0;         ///< interrupts, as in mie
  std::uint32_t pending = 0;         ///< as in mip
  bool timer = false;                ///< the core's timer will go off
  std::optional<Tokens> semaphore;   ///< SEM_IRQ: raised when it holds so many
  std::optional<unsigned> space_of;  ///< SPACE_IRQ: engine whose queue gets room
};

struct CoreState {
  bool running = false;  ///< out of reset
  bool halted = false;   ///< by a debugger
  bool asleep = false;   ///< WFI
  WakeUp wake;
  std::uint32_t pc = 0;                   ///< latest retired
  std::uint32_t pc_low = 0, pc_high = 0;  ///< range of the pcs retired while it was observed
  unsigned pcs = 0;                       ///< how many different ones (none: 0)
  std::uint64_t retired = 0;              ///< instructions
  std::uint64_t observed = 0;             ///< cycles
  std::optional<Transaction> access;      ///< load or store on the network that it waits for
};

enum class Kind : std::uint8_t { Tile, Ctl, Memory };

struct NodeState {
  Node node;
  Kind kind = Kind::Tile;
  CoreState core;                    ///< tile, ctl
  std::vector<EngineState> engines;  ///< tile, ctl; in the order of their numbers
  std::array<unsigned, kSemaphores> semaphores{};
  unsigned reads = 0, writes = 0;  ///< memory: queued
  bool answers_held = false;       ///< memory: an answer waits for the network
};

/// Flits in a router's input buffer.
struct BufferState {
  Node node;
  bool response = false;  ///< network
  Dir in = Dir::kLocal;
  unsigned vc = 0;
  unsigned flits = 0;
  std::vector<Dir> wants;  ///< outputs that the first one still needs
};

/// A router's output.
struct OutputState {
  Node node;
  bool response = false;
  Dir out = Dir::kLocal;
  std::array<unsigned, kNumVcs> credits{};
  bool stuck = false;  ///< the link's watchdog has given it up
  bool dead = false;   ///< closed by firmware
};

struct ChipState {
  std::uint64_t cycle = 0;
  ChipConfig config;  ///< for the nodes behind addresses
  std::vector<NodeState> nodes;
  std::vector<BufferState> buffers;  ///< those that hold flits
  std::vector<OutputState> outputs;
};

}  // namespace tsr::doctor
