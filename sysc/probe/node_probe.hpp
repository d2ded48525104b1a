// SPDX-License-Identifier: Apache-2.0
/// What a hart node (tile or ctl, RTL or TLM) tells its observers while it runs: retired
/// instructions, engine commands, writes of its scratchpad.
///
/// A probe belongs to one node. It is called by the thread that evaluates the node, one call at a
/// time, within a cycle; it must not touch other nodes. Within a cycle the order is: writes,
/// contexts, responses, requests, commands done, commands started, core_start and interrupts,
/// retired instruction, then what changed the core from outside (tcm_write, debug_write).
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
  bool given_up = false;      ///< flushed while it waited in a chain: without effects
};

/// One accepted write of up to 64 bytes as eight words of 8 bytes, each with its own address.
struct SpmWrite {
  SpmWriter writer = SpmWriter::Core;
  std::uint8_t port = 0;                  ///< of the writer: VE 0, 1 stand for O0, O1; else 0
  std::array<std::uint32_t, 8> offset{};  ///< bytes from the scratchpad's start, multiples of 8
  std::uint64_t strobe = 0;  ///< byte enables, 8 a word; words without one are not written
  std::array<std::uint64_t, 8> data{};
};

/// A request that RDMA or WDMA has handed to the network interface.
struct DmaRequest {
  Engine engine = Engine::Rdma;
  std::uint8_t tag = 0;   ///< of the engine; its responses bring it back
  std::uint8_t kind = 0;  ///< tsr::Kind
  bool multicast = false;
  std::uint32_t rect = 0;     ///< of a multicast: nodes, low corner in bits 11:0 (Node::pack)
  std::uint32_t doff = 0;     ///< of a read: where its first byte goes
  std::uint64_t address = 0;  ///< global
  std::uint64_t strobe = 0;   ///< of a write: bytes of the aligned 64-byte block; read: byte count
  std::array<std::uint64_t, 8> data{};
};

/// A response that RDMA or WDMA has taken.
struct DmaResponse {
  Engine engine = Engine::Rdma;
  std::uint8_t tag = 0;
  std::uint8_t kind = 0;      ///< tsr::Kind
  std::uint8_t error = 0;     ///< tsr::Err; kPoison: the data are bad
  bool heard = false;         ///< RDMA: answer to another node's read, which is stored here too
                              ///< (of a TLM node without tag and address)
  std::uint32_t doff = 0;     ///< scratchpad offset of the block's first byte, modulo 2^24
  std::uint64_t address = 0;  ///< global
  std::uint64_t strobe = 0;   ///< valid bytes of the aligned 64-byte block at `address`
  std::array<std::uint64_t, 8> data{};
};

/// A node without memory of the kind never calls what belongs to it. TLM nodes tell requests and
/// responses of the DMA engines when they know of them: their cycles may lie ahead, those of an
/// engine's requests grow, and a response comes behind its request.
class NodeProbe {
 public:
  virtual ~NodeProbe() = default;
  virtual void retire(std::uint64_t /*cycle*/, const Retire& /*retire*/) {}
  virtual void command_start(std::uint64_t /*cycle*/, const CommandStart& /*command*/) {}
  virtual void command_done(std::uint64_t /*cycle*/, const CommandDone& /*command*/) {}
  virtual void spm_write(std::uint64_t /*cycle*/, const SpmWrite& /*write*/) {}
  /// Word `index` of the contexts (128 a context, 16 a row) was written.
  virtual void context_write(std::uint64_t /*cycle*/, unsigned /*index*/, std::uint32_t /*data*/) {}
  virtual void dma_request(std::uint64_t /*cycle*/, const DmaRequest& /*request*/) {}
  virtual void dma_response(std::uint64_t /*cycle*/, const DmaResponse& /*response*/) {}
  /// The core leaves reset and starts at `pc`; its registers are clear.
  virtual void core_start(std::uint64_t /*cycle*/, std::uint32_t /*pc*/) {}
  /// The core's interrupt lines are `mip` from this cycle on; zero at the start.
  virtual void interrupts(std::uint64_t /*cycle*/, std::uint32_t /*mip*/) {}
  /// A word of a TCM (`address` as the core sees it) was written by somebody else than a store of
  /// the core; it holds for instructions retired in later cycles.
  virtual void tcm_write(std::uint64_t /*cycle*/, std::uint32_t /*address*/,
                         std::uint8_t /*strobe*/, std::uint32_t /*data*/) {}
  /// The debug port has written register `address`: 0..31 x, 32 pc, 0x1000 + n CSR n.
  virtual void debug_write(std::uint64_t /*cycle*/, std::uint32_t /*address*/,
                           std::uint32_t /*data*/) {}
};

}  // namespace tsr
