// SPDX-License-Identifier: Apache-2.0
/// Functional model of the DMA engines: what a command moves, or why it fails.
///
/// The result is exact for every command that ends without a bus error: same bytes at the same
/// addresses, same error, same error address as the RTL. After a bus error the hardware may already
/// have moved later parts of the command; the model stops at the first one that fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "engines/me.hpp"

namespace tsr::engines {

/// Opcodes of the DMA engines, tsr_tile_pkg::opcode_e.
enum class DmaOp : std::uint8_t {
  Nop = 0x00,
  Read = 0x01,       ///< RDMA: global -> own scratchpad
  SpmFill = 0x02,    ///< RDMA: pattern -> own scratchpad
  Spread = 0x03,     ///< RDMA: HBM -> same scratchpad offset of a rectangle that holds the own node
  Write = 0x11,      ///< WDMA: own scratchpad -> global, acknowledged
  Multicast = 0x12,  ///< WDMA: own scratchpad -> a rectangle of nodes, posted
  Fill = 0x13,       ///< WDMA: pattern -> global, acknowledged
};

/// Command, 16 words as firmware writes them (tsr_tile_pkg::cmd_t). Only the fields that DMA uses.
struct DmaCommand {
  std::uint8_t op = 0;
  std::uint8_t context = 0;
  std::uint16_t id = 0;
  std::uint8_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< rectangle of Multicast, Spread
  std::array<std::uint32_t, 4> arg{};           ///< source low/high, destination low/high
                                                ///< (Spread: scratchpad offset, tsr_pkg::listen_t)
  std::uint32_t pattern = 0;
  bool overlap = false;  ///< may start while the command before is unfinished (RDMA)

  using Words = std::array<std::uint32_t, 16>;
  static DmaCommand from_words(const Words& words);
  Words to_words() const;
};

/// Context row, 16 words (tsr_tile_pkg::dma_cfg_t).
struct DmaConfig {
  std::uint32_t count = 0;                   ///< bytes of an element, 1..2^20
  std::array<std::int32_t, 3> src_stride{};  ///< bytes
  std::array<std::int32_t, 3> dst_stride{};
  std::array<std::uint16_t, 3> src_iter{};  ///< iterations, 0 innermost
  std::array<std::uint16_t, 3> dst_iter{};
  std::uint32_t timeout = 0;  ///< cycles without progress; 0 = 65,536

  using Words = std::array<std::uint32_t, 16>;
  static DmaConfig from_words(const Words& words);
  Words to_words() const;
};

/// A run of bytes that the command writes: one element, or one part of it.
/// `address` is a scratchpad offset (RDMA), a global address (WDMA), or for a multicast the
/// node-local offset in every node of the command's rectangle.
struct DmaWrite {
  std::uint64_t address = 0;
  std::vector<std::uint8_t> data;
};

/// Result of a command. `writes` in the order in which the elements are visited.
struct DmaOutcome {
  CmdError error = CmdError::Ok;
  std::uint8_t info = 0;      ///< tsr_pkg::err_e of a bus error
  std::uint64_t address = 0;  ///< offending address, 0 if there is none
  std::uint64_t bytes = 0;    ///< moved
  std::vector<DmaWrite> writes;
};

/// Reads `bytes` bytes (1..256, within one 256-byte granule) of global memory into `data`.
/// Returns 0, or the tsr_pkg::err_e of the failure.
using DmaReadFn =
    std::function<std::uint8_t(std::uint64_t address, std::uint8_t* data, std::size_t bytes)>;

/// Asked before each write of global memory (1..64 bytes within one 64-byte block).
/// Returns 0, or the tsr_pkg::err_e of the failure.
using DmaCheckFn = std::function<std::uint8_t(std::uint64_t address, std::size_t bytes)>;

/// Run a command of the read engine. `spm_bytes`: size of the scratchpad.
DmaOutcome run_rdma(const DmaCommand& command, const DmaConfig& config, std::size_t spm_bytes,
                    const DmaReadFn& read);

/// Run a command of the write engine on the scratchpad contents `spm`. Without `check` every write
/// succeeds.
DmaOutcome run_wdma(const DmaCommand& command, const DmaConfig& config, const std::uint8_t* spm,
                    std::size_t spm_bytes, const DmaCheckFn& check = {});

}  // namespace tsr::engines
