// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/hart_node.hpp"

#include <fmt/format.h>

#include "tlm/hart/inside.hpp"

namespace tsr {

TlmHartNode::TlmHartNode(sc_core::sc_module_name name)
    : sc_module(name), initiator("initiator"), target("target") {
  initiator.register_nb_transport_bw(this, &TlmHartNode::answer_from_network);
  target.register_nb_transport_fw(this, &TlmHartNode::request_from_network);
}

std::string HartState::to_string() const {
  switch (core) {
    case Core::Held:
      return "held in reset";
    case Core::Running:
      return fmt::format("runs at pc 0x{:05x}", pc);
    case Core::Wfi:
      return fmt::format("sleeps (WFI) at pc 0x{:05x}, interrupts pending 0x{:x}, enabled 0x{:x}",
                         pc, pending, enabled);
    case Core::Halted:
      return fmt::format("halted by the debugger at pc 0x{:05x}", pc);
    case Core::Waiting:
      return fmt::format("waits at pc 0x{:05x} for address 0x{:014x} since cycle {}", pc, address,
                         since);
  }
  return {};
}

namespace hart {

Inside::Inside(sc_core::sc_module_name name, const HartSetup& setup, const CtlSetup* ctl)
    : TlmHartNode(name),
      parts_(setup, ctl != nullptr),
      regs_(parts_),
      bus_(parts_),
      init_(parts_),
      target_side_(parts_),
      port_(parts_),
      core_(parts_),
      debug_(parts_),
      atomic_(parts_) {
  parts_.regs = &regs_;
  parts_.bus = &bus_;
  parts_.init = &init_;
  parts_.target = &target_side_;
  parts_.core_port = &port_;
  parts_.core = &core_;
  parts_.debug = &debug_;
  parts_.atomic = &atomic_;
  parts_.initiator = &initiator;
  parts_.target_socket = &target;
  if (ctl != nullptr) {
    periph_ = std::make_unique<CtlPeriph>(parts_, *ctl);
    host_ = std::make_unique<HostSlots>(parts_, *ctl->host);
    parts_.periph = periph_.get();
    parts_.host = host_.get();
  }
  engines_ = setup.engines({ctl != nullptr, setup.spm_bytes, setup.grid}, *this);
  parts_.engines = engines_.get();
}

void Inside::reset() {
  parts_.later.clear();
  debug_.reset();
  port_.reset();
  atomic_.reset();
  init_.reset();
  target_side_.reset();
  if (periph_) periph_->reset();
  regs_.reset();
  core_.reset();
  if (host_) host_->reset();
  regs_.update_interrupts();
}

void Inside::wake_host() {
  if (host_) host_->wake();
}

bool Inside::idle() const {
  return core_.idle() && !port_.busy() && !atomic_.busy() && !debug_.busy() && engines_->idle() &&
         parts_.later.pending() == 0 && !regs_.timer_armed() && (!periph_ || periph_->idle()) &&
         (!host_ || host_->idle());
}

void Inside::look(doctor::NodeState& node) const {
  using Core = HartState::Core;
  const HartState state = core_.state();
  doctor::CoreState& core = node.core;
  core.running = state.core != Core::Held;
  core.halted = state.core == Core::Halted;
  core.asleep = state.core == Core::Wfi;
  core.pc = state.pc;
  core.wake = regs_.wake_up();
  core.wake.enabled = state.enabled;
  core.wake.pending = state.pending;
  if (state.core == Core::Waiting) {
    core.access =
        doctor::Transaction{state.address, state.write, parts_.now() - state.since, false};
  }
  for (unsigned s = 0; s < doctor::kSemaphores; ++s) {
    node.semaphores[s] = engines_->semaphore(s) & 0xffff;
  }
  const unsigned engines = parts_.is_ctl ? 2 : kEngines;
  for (unsigned e = 0; e < engines; ++e) {
    node.engines.push_back(engines_->look(static_cast<Engine>(e)));
  }
}

// ---------------------------------------------------------------- engines

bool Inside::request(Engine engine, tlm::tlm_generic_payload& payload, std::uint64_t& cycle) {
  return init_.send(engine == Engine::Rdma ? Initiator::Rdma : Initiator::Wdma, payload, cycle);
}

void Inside::remote_post(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                         std::uint64_t cycle) {
  if (engine == Engine::Rdma || engine == Engine::Wdma) {
    init_.post_behind(engine, nodes, semaphore, amount, cycle);
  } else {
    init_.post(nodes, semaphore, amount, cycle);
  }
}

void Inside::command_done(const CommandDone& done, bool interrupt) {
  if (done.error != 0) {
    regs_.error(ErrLog::failed(done));
  } else if (interrupt) {
    regs_.command_done();
  } else {
    regs_.update_interrupts();
  }
}

void Inside::format_event(Engine engine, std::uint16_t id, bool nan, bool overflow) {
  regs_.format_event(engine, id, nan, overflow);
}

void Inside::changed() { regs_.update_interrupts(); }

// ---------------------------------------------------------------- network

tlm::tlm_sync_enum Inside::request_from_network(tlm::tlm_generic_payload& payload,
                                                tlm::tlm_phase& /*phase*/,
                                                sc_core::sc_time& delay) {
  std::uint64_t cycle = parts_.now() + to_cycles(delay);
  if (!target_side_.receive(payload, cycle)) return tlm::TLM_ACCEPTED;
  delay = to_time(cycle - parts_.now());
  return tlm::TLM_COMPLETED;
}

tlm::tlm_sync_enum Inside::answer_from_network(tlm::tlm_generic_payload& payload,
                                               tlm::tlm_phase& /*phase*/, sc_core::sc_time& delay) {
  init_.response(payload, parts_.now() + to_cycles(delay));
  return tlm::TLM_COMPLETED;
}

}  // namespace hart

std::unique_ptr<TlmHartNode> make_tlm_tile(const HartSetup& setup) {
  return std::make_unique<hart::Inside>(setup.name.c_str(), setup, nullptr);
}

std::unique_ptr<TlmHartNode> make_tlm_ctl(const HartSetup& setup, const CtlSetup& ctl) {
  return std::make_unique<hart::Inside>(setup.name.c_str(), setup, &ctl);
}

}  // namespace tsr
