// SPDX-License-Identifier: Apache-2.0
/// A TLM endpoint behind an RTL router: its payloads become flits and back.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <systemc>
#include <vector>

#include "tlm/adapter/link_end.hpp"
#include "tlm/adapter/translate.hpp"
#include "tlm/router_port.hpp"

namespace tsr {

/// Stands in the kernel as the node's endpoint.
class TlmEndpoint final : public sc_core::sc_module, public LinkEnd, public RouterPort {
 public:
  tlm_utils::simple_target_socket<TlmEndpoint> from_endpoint;
  tlm_utils::simple_initiator_socket<TlmEndpoint> to_endpoint;

  TlmEndpoint(sc_core::sc_module_name name, Timeline& timeline, Node node);

  void select(unsigned counter) override;
  std::uint32_t count() override { return count_; }

 private:
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void received(unsigned net, const Flit& flit) override;
  void sent(void* what) override;
  void request(const Flit& flit);
  void response(const Flit& flit);
  void finish(tlm::tlm_generic_payload& payload);
  void answer(Transaction& transaction, std::uint64_t cycle);
  std::unique_ptr<Transaction> fresh();

  Node node_;
  std::array<Awaited, 256> awaited_;  ///< by tag
  std::vector<std::unique_ptr<Transaction>> free_;
  std::vector<std::unique_ptr<Transaction>> served_;  ///< requests that the endpoint works on
  std::uint8_t select_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace tsr
