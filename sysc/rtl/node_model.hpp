// SPDX-License-Identifier: Apache-2.0
/// One verilated block behind a pimpl: what the composition kernel needs of a router or an
/// endpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "noc/address_map.hpp"
#include "noc/flit.hpp"

namespace tsr {

class DramChannel;
class HostPort;
struct JtagPins;
class NodeProbe;
class SimContext;
class UartTerminal;

/// The single-bit link pins of a model in one word, outputs and inputs alike:
/// bits 0..4 request valid of port p, 5..9 response valid, 10..19 request credits (two bits a
/// port), 20..29 response credits. An endpoint only has port 0.
using Pins = std::uint32_t;

inline constexpr unsigned kNets = 2;          ///< request, response
inline constexpr unsigned kPorts = kNumDirs;  ///< of a router, in the order of Dir
inline constexpr unsigned kLinks = kNets * kPorts;
inline constexpr unsigned kCreditShift = kLinks;
inline constexpr Pins kValidMask = (1U << kLinks) - 1;
inline constexpr Pins kPinMask = (1U << (3 * kLinks)) - 1;
inline constexpr Pins kIdlePin = 1U << 31;    ///< outputs only: the model's idle_o
inline constexpr Pins kHaltedPin = 1U << 30;  ///< outputs only: a debugger holds the core

/// Link `net * kPorts + port`: its bit among the valid pins.
constexpr Pins valid_pin(unsigned link) { return 1U << link; }
/// The same link's first credit pin.
constexpr unsigned credit_pin(unsigned link) { return kCreditShift + 2 * link; }

/// Routers and endpoints. All calls are made by one thread at a time.
class NodeModel {
 public:
  virtual ~NodeModel() = default;
  NodeModel(const NodeModel&) = delete;
  NodeModel& operator=(const NodeModel&) = delete;

  /// One clock cycle with these input pins (and the flits in rx_flit() where valid).
  /// Returns the output pins as they are after the rising edge, and kIdlePin.
  virtual Pins step(std::uint64_t now, Pins in) = 0;
  /// step() in two halves, for tracing: the rising edge, then the falling one.
  virtual Pins rise(std::uint64_t now, Pins in) = 0;
  virtual void fall() = 0;
  virtual void set_reset(bool active) = 0;
  /// Adds the model's signals to the context's trace file.
  virtual void trace(SimContext& context) = 0;
  /// From the next cycle on tell `probe` what the node does; null: nobody. Only hart nodes do.
  virtual void set_probe(NodeProbe* /*probe*/) {}

  static constexpr std::uint64_t kNever = ~0ULL;
  /// Valid while step() returns kIdlePin: the cycle (its `now`) in which the model must be clocked
  /// again even if nothing arrives; kNever: none.
  std::uint64_t wake_at = kNever;
  /// Latest cycle in which the core took a trap or an interrupt. Nodes without a core: kNever.
  std::uint64_t last_trap = kNever;

  /// Flit registers of link 0 of a network; port p is kFlitWords * p further.
  const std::uint32_t* tx_flit[kNets] = {};
  std::uint32_t* rx_flit[kNets] = {};
  /// Router counter side band: an endpoint has the first pair, a router the second; else null.
  const std::uint8_t* count_select_out = nullptr;
  std::uint32_t* count_in = nullptr;
  std::uint8_t* count_select_in = nullptr;
  const std::uint32_t* count_out = nullptr;

 protected:
  NodeModel() = default;
};

/// What every model of a chip shares.
struct NodeStraps {
  SimContext* context;
  std::string name;          ///< instance name, as in waves
  Node node;                 ///< coordinate
  const ChipConfig* config;  ///< straps of the chip
};

std::unique_ptr<NodeModel> make_router(const NodeStraps& straps);
std::unique_ptr<NodeModel> make_bare(const NodeStraps& straps);
std::unique_ptr<NodeModel> make_tile(const NodeStraps& straps);
/// `dram` belongs to the caller and outlives the model.
std::unique_ptr<NodeModel> make_memory(const NodeStraps& straps, DramChannel& dram);
/// Fuses and build straps of the ctl node: bit n = y * 8 + x of a map stands for node (x, y).
struct ChipFuses {
  std::uint64_t tiles = 0;       ///< nodes that were built with a tile
  std::uint64_t dead_tiles = 0;  ///< tiles that must not be used
  std::uint64_t dead_east = 0;   ///< nodes whose link to the eastern neighbour is dead
  std::uint64_t dead_south = 0;
  bool debug_open = false;  ///< debug access stays open after boot
};
/// `host`, `uart` and `jtag` belong to the caller and outlive the model.
std::unique_ptr<NodeModel> make_ctl(const NodeStraps& straps, const ChipFuses& fuses,
                                    HostPort& host, UartTerminal& uart, JtagPins& jtag);

}  // namespace tsr
