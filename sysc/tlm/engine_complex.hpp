// SPDX-License-Identifier: Apache-2.0
/// The part of a TLM hart node that works without its core: command queues, semaphores, contexts,
/// scratchpad and engines. The hart node (core, registers, network interface) uses it through
/// EngineComplex and serves it through EngineHost.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "doctor/chip_state.hpp"
#include "noc/address_map.hpp"
#include "probe/node_probe.hpp"
#include "tlm/message.hpp"
#include "tlm/timeline.hpp"

namespace tsr {

/// Structure of the node.
struct EngineSetup {
  bool is_ctl = false;  ///< RDMA and WDMA only
  std::uint32_t spm_bytes = 262144;
  unsigned grid = 8;
};

/// What the complex needs of its node.
class EngineHost {
 public:
  virtual ~EngineHost() = default;
  virtual Timeline& timeline() = 0;
  /// Send a request of the RDMA or WDMA into the network, `cycle` >= now(), after the checks of the
  /// initiator side (windows, unreachable nodes); the node fills in source, class and channel.
  /// True: completed, `cycle` is when the answer arrives (a refusal is an answer too). False: the
  /// node will call EngineComplex::response().
  virtual bool request(Engine engine, tlm::tlm_generic_payload& payload, std::uint64_t& cycle) = 0;
  /// Semaphore post to other nodes, behind everything that the engine has sent.
  virtual void remote_post(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                           std::uint64_t cycle) = 0;
  /// A command has ended: for error registers and interrupts. `interrupt`: its flag in word 0.
  virtual void command_done(const CommandDone& done, bool interrupt) = 0;
  /// Results with NaN or overflow, for FMT_STATUS.
  virtual void format_event(Engine engine, std::uint16_t id, bool nan, bool overflow) = 0;
  /// A semaphore, or the room in a queue, has changed: level interrupts may have.
  virtual void changed() = 0;
  /// Observer of the node, or null.
  virtual NodeProbe* probe() = 0;
};

/// All calls take effect at timeline().now(), unless they say otherwise.
class EngineComplex {
 public:
  virtual ~EngineComplex() = default;

  /// False: the queue is full and nothing changed.
  virtual bool push(Engine engine, const std::array<std::uint32_t, 16>& words) = 0;
  virtual unsigned free_entries(Engine engine) const = 0;
  virtual bool busy(Engine engine) const = 0;
  virtual bool stopped(Engine engine) const = 0;
  /// What an engine and its queue do, for people who look for the reason of a hang.
  virtual doctor::EngineState look(Engine engine) const = 0;
  /// ENGINE_CTRL.FLUSH, bit e for engine e.
  virtual void flush(std::uint32_t engines) = 0;

  virtual std::uint32_t semaphore(unsigned index) const = 0;
  virtual void post(unsigned index, unsigned amount) = 0;
  virtual void take(unsigned index, unsigned amount) = 0;

  /// Word of the context store, byte offset 0..4095, multiple of 4.
  virtual std::uint32_t context_word(std::uint32_t offset) const = 0;
  virtual void set_context_word(std::uint32_t offset, std::uint32_t value) = 0;

  /// Contents. Core and network read and write them directly (and tell the probe); a write must be
  /// in the cycle in which it happens.
  virtual std::vector<std::uint8_t>& spm() = 0;
  /// The network accesses a block at `offset` of the scratchpad, in `cycle` or when its hyperbank
  /// is free; returns when.
  virtual std::uint64_t network_access(std::uint32_t offset, std::uint64_t cycle) = 0;

  /// Counter of COUNT_SEL as far as it is an engine's or the scratchpad's.
  virtual std::uint64_t counter(unsigned selector) const = 0;
  virtual void clear_counters() = 0;

  /// Late answer to a request().
  virtual void response(Engine engine, tlm::tlm_generic_payload& payload) = 0;
  /// A block of another tile's spread read arrived: `offset` in the scratchpad, listen as in the
  /// message. Stores it and posts; rights were checked by the node.
  virtual void heard(std::uint32_t offset, const std::uint8_t* data, std::uint64_t strobe,
                     const Listen& listen) = 0;
  /// Nothing to do and nothing under way.
  virtual bool idle() const = 0;
};

std::unique_ptr<EngineComplex> make_engine_complex(const EngineSetup& setup, EngineHost& host);

}  // namespace tsr
