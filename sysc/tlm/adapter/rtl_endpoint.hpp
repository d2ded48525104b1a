// SPDX-License-Identifier: Apache-2.0
/// An RTL endpoint at the TLM network: takes its flits, gives credits, brings it messages as flits.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <map>
#include <memory>
#include <systemc>
#include <vector>

#include "tlm/adapter/link_end.hpp"
#include "tlm/adapter/translate.hpp"
#include "tlm/router_port.hpp"

namespace tsr {

/// Stands in the kernel in place of the node's router.
class RtlEndpoint final : public sc_core::sc_module, public LinkEnd {
 public:
  tlm_utils::simple_initiator_socket<RtlEndpoint> initiator;
  tlm_utils::simple_target_socket<RtlEndpoint> target;

  /// `router` and `endpoint` outlive the adapter.
  RtlEndpoint(sc_core::sc_module_name name, Timeline& timeline, Node node, RouterPort& router,
              NodeModel& endpoint);

 private:
  /// Of a request that went to the endpoint as a flit: who asked, and its tag.
  using Key = std::uint32_t;
  static Key key(Node source, std::uint8_t tag) { return source.pack() << 8 | tag; }

  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time& delay);
  void received(unsigned net, const Flit& flit) override;
  void refresh() override;
  void sent(void*) override {}
  void request(const Flit& flit);
  void response(const Flit& flit);
  void answer(Transaction& transaction, std::uint64_t cycle);
  std::unique_ptr<Transaction> fresh();

  Node node_;
  RouterPort& router_;
  NodeModel& endpoint_;
  std::map<Key, Awaited> awaited_;
  std::vector<std::unique_ptr<Transaction>> free_;
  std::vector<std::unique_ptr<Transaction>> asked_;  ///< requests of the endpoint under way
  std::uint8_t select_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace tsr
