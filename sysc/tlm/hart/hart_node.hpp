// SPDX-License-Identifier: Apache-2.0
/// TLM model of a hart node (tile or ctl node): core, registers, network interface and, in the ctl
/// node, peripherals and host port. Its engines come from an EngineComplex.
///
/// `initiator` sends the node's requests, `target` takes those of other nodes, both as message.hpp
/// says. The delay of a request is when its flit is on the node's link, that of an answer when its
/// last flit is there. Messages at `target` take effect when their delay has passed.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <systemc>

#include "doctor/chip_state.hpp"
#include "host_target/host_port.hpp"
#include "noc/address_map.hpp"
#include "probe/node_probe.hpp"
#include "rtl/node_model.hpp"
#include "tlm/engine_complex.hpp"
#include "tlm/message.hpp"
#include "tlm/router_port.hpp"
#include "tlm/timeline.hpp"
#include "uart/uart_terminal.hpp"

namespace tsr {

/// What every hart node needs. Pointers belong to the caller and outlive the node.
struct HartSetup {
  std::string name;  ///< instance name, as in waves
  Node node;
  const ChipConfig* config = nullptr;
  Timeline* timeline = nullptr;
  std::uint32_t spm_bytes = 262144;  ///< multiple of 4096, up to 3 MiB; ctl: 65536
  unsigned grid = 8;                 ///< of the matrix engine: 8 or 16
  /// Makes the engines: make_engine_complex().
  std::function<std::unique_ptr<EngineComplex>(const EngineSetup&, EngineHost&)> engines;
  RouterPort* router = nullptr;  ///< null: ROUTER_COUNT reads 0
  /// Called when a debugger has halted the core (true), or it goes on. May be empty.
  std::function<void(bool halted)> on_halt;
  unsigned quantum = 128;      ///< cycles that the core may run ahead of the chip, at least 1
  unsigned timeout_log2 = 20;  ///< log2 of the cycles that the core waits for the network, 4..31
};

/// What the ctl node needs beside that.
struct CtlSetup {
  ChipFuses fuses;
  HostPort* host = nullptr;
  UartTerminal* uart = nullptr;
};

/// What a core does, for people who look for the reason of a hang.
struct HartState {
  enum class Core : std::uint8_t { Held, Running, Wfi, Halted, Waiting };
  Core core = Core::Held;
  std::uint32_t pc = 0;       ///< of the next instruction
  std::uint64_t retired = 0;  ///< instructions since the core was started
  std::uint32_t pending = 0;  ///< mip
  std::uint32_t enabled = 0;  ///< mie
  std::uint64_t address = 0;  ///< Waiting: global address of the access under way
  std::uint64_t since = 0;    ///< Waiting: cycle in which it left
  bool write = false;         ///< Waiting: it is a store
  /// "waits for 0x0010000000000 since cycle 1234", "sleeps (WFI), pending 0x0 of 0x80000".
  std::string to_string() const;
};

class TlmHartNode : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<TlmHartNode> initiator;
  tlm_utils::simple_target_socket<TlmHartNode> target;

  ~TlmHartNode() override = default;

  /// Reset: everything that software sees as after power-on; memories keep their contents. The ctl
  /// core starts at Timeline::now(). To be called before anything else.
  virtual void reset() = 0;
  /// Observer, or null. Slows the core down.
  virtual void set_probe(NodeProbe* probe) = 0;
  /// ctl: HostPort::requests has grown. Takes them from Timeline::now() on, one a cycle.
  virtual void wake_host() = 0;
  /// Whether a debugger holds the core.
  virtual bool halted() const = 0;
  /// Nothing happens in here until something arrives.
  virtual bool idle() const = 0;
  virtual HartState state() const = 0;
  /// All of it but place, kind, and which instructions the core has retired.
  virtual void look(doctor::NodeState& node) const = 0;
  virtual EngineComplex& engines() = 0;
  /// Instructions executed by the core since the node was made.
  virtual std::uint64_t instructions() const = 0;

 protected:
  explicit TlmHartNode(sc_core::sc_module_name name);

  /// A message that comes in at `target`, an answer that comes to `initiator`.
  virtual tlm::tlm_sync_enum request_from_network(tlm::tlm_generic_payload& payload,
                                                  tlm::tlm_phase& phase,
                                                  sc_core::sc_time& delay) = 0;
  virtual tlm::tlm_sync_enum answer_from_network(tlm::tlm_generic_payload& payload,
                                                 tlm::tlm_phase& phase,
                                                 sc_core::sc_time& delay) = 0;
};

std::unique_ptr<TlmHartNode> make_tlm_tile(const HartSetup& setup);
std::unique_ptr<TlmHartNode> make_tlm_ctl(const HartSetup& setup, const CtlSetup& ctl);

}  // namespace tsr
