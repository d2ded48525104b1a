// SPDX-License-Identifier: Apache-2.0
/// What the parts of a hart node know of each other.
#pragma once

#include <cstdint>

#include "tlm/hart/counts.hpp"
#include "tlm/hart/deferred.hpp"
#include "tlm/hart/err_log.hpp"
#include "tlm/hart/hart_node.hpp"
#include "tlm/hart/request.hpp"

namespace tsr::hart {

class AtomicUnit;
class CoreDebug;
class CorePort;
class CoreRunner;
class CtlPeriph;
class HostSlots;
class LocalBus;
class NiInit;
class NiTarget;
class TileRegs;

// Node-local address map: tsr_tile_pkg.sv.
inline constexpr std::uint32_t kRegsBase = 0x00020000;
inline constexpr std::uint32_t kCmdBase = 0x00030000;
inline constexpr std::uint32_t kCtxBase = 0x00040000;
inline constexpr std::uint32_t kRomBase = 0x00080000;
inline constexpr std::uint32_t kExtBase = 0x00100000;
inline constexpr std::uint32_t kSpmBase = 0x01000000;
inline constexpr std::uint32_t kWinBase = 0x80000000;

/// Initiators of the network interface, in the order of QOS.
enum class Initiator : std::uint8_t { Rdma = 0, Wdma = 1, Core = 2, Host = 3, Post = 4 };

struct Parts {
  explicit Parts(const HartSetup& node_setup, bool ctl)
      : setup(node_setup),
        is_ctl(ctl),
        config(*node_setup.config),
        timeline(*node_setup.timeline),
        later(timeline) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  const HartSetup setup;
  const bool is_ctl;
  const ChipConfig config;
  Timeline& timeline;
  RequestPool pool;
  Deferred later;
  NodeProbe* probe = nullptr;
  Counts counts;
  ErrLog log;

  EngineComplex* engines = nullptr;
  TileRegs* regs = nullptr;
  LocalBus* bus = nullptr;
  NiInit* init = nullptr;
  NiTarget* target = nullptr;
  CoreRunner* core = nullptr;
  CorePort* core_port = nullptr;
  CoreDebug* debug = nullptr;
  tlm_utils::simple_initiator_socket<TlmHartNode>* initiator = nullptr;
  tlm_utils::simple_target_socket<TlmHartNode>* target_socket = nullptr;
  AtomicUnit* atomic = nullptr;
  CtlPeriph* periph = nullptr;  ///< ctl only
  HostSlots* host = nullptr;    ///< ctl only

  std::uint64_t now() const { return timeline.now(); }
  Node node() const { return setup.node; }
  std::uint32_t spm_end() const { return kSpmBase + setup.spm_bytes; }
};

}  // namespace tsr::hart
