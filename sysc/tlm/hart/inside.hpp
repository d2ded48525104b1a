// SPDX-License-Identifier: Apache-2.0
/// The hart node as it is made of its parts.
#pragma once

#include <memory>

#include "tlm/hart/atomic_unit.hpp"
#include "tlm/hart/core_debug.hpp"
#include "tlm/hart/core_port.hpp"
#include "tlm/hart/core_runner.hpp"
#include "tlm/hart/ctl_periph.hpp"
#include "tlm/hart/host_slots.hpp"
#include "tlm/hart/local_bus.hpp"
#include "tlm/hart/ni_init.hpp"
#include "tlm/hart/ni_target.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

class Inside final : public TlmHartNode, private EngineHost {
 public:
  /// `ctl`: null for a tile.
  Inside(sc_core::sc_module_name name, const HartSetup& setup, const CtlSetup* ctl);

  void reset() override;
  void set_probe(NodeProbe* probe) override { parts_.probe = probe; }
  void wake_host() override;
  bool halted() const override { return core_.halted(); }
  bool idle() const override;
  HartState state() const override { return core_.state(); }
  void look(doctor::NodeState& node) const override;
  EngineComplex& engines() override { return *engines_; }
  std::uint64_t instructions() const override { return core_.instructions(); }

 private:
  // What the engines ask for.
  Timeline& timeline() override { return parts_.timeline; }
  bool request(Engine engine, tlm::tlm_generic_payload& payload, std::uint64_t& cycle) override;
  void remote_post(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                   std::uint64_t cycle) override;
  void command_done(const CommandDone& done, bool interrupt) override;
  void format_event(Engine engine, std::uint16_t id, bool nan, bool overflow) override;
  void changed() override;
  NodeProbe* probe() override { return parts_.probe; }

  // What the network calls.
  tlm::tlm_sync_enum request_from_network(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                          sc_core::sc_time& delay) override;
  tlm::tlm_sync_enum answer_from_network(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                         sc_core::sc_time& delay) override;

  Parts parts_;
  TileRegs regs_;
  LocalBus bus_;
  NiInit init_;
  NiTarget target_side_;
  CorePort port_;
  CoreRunner core_;
  CoreDebug debug_;
  AtomicUnit atomic_;
  std::unique_ptr<CtlPeriph> periph_;
  std::unique_ptr<HostSlots> host_;
  std::unique_ptr<EngineComplex> engines_;
};

}  // namespace tsr::hart
