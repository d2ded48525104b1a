// SPDX-License-Identifier: Apache-2.0
/// TLM model of tsr_bare: the endpoint of a node that has only a router.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "noc/address_map.hpp"
#include "tlm/message.hpp"
#include "tlm/router_port.hpp"

namespace tsr {

/// Shows the router's counters to the ctl node, answers with ErrUnmapped else.
class BareNode : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BareNode> initiator;  ///< silent
  tlm_utils::simple_target_socket<BareNode> target;

  /// `router` outlives the node.
  BareNode(sc_core::sc_module_name name, const ChipConfig& config, RouterPort& router);

 private:
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay);

  Node ctl_;
  RouterPort& router_;
};

}  // namespace tsr
