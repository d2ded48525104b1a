// SPDX-License-Identifier: Apache-2.0
/// Initiator side of the network interface: checks the node's requests, sends them, gives answers
/// back (rtl/tile's tsr_ni_init).
#pragma once

#include <array>
#include <cstdint>

#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class NiInit {
 public:
  /// Cycles from the offer of a request to the link, and from the link to the initiator.
  static constexpr std::uint64_t kToLink = 2;
  static constexpr std::uint64_t kFromLink = 1;

  explicit NiInit(Parts& parts) : parts_(parts) {}

  void reset() { last_leave_ = {}; }
  /// Send a request that `initiator` offers in `cycle`, at least now. Its header holds what only
  /// the initiator knows: kind, amo, rectangle of a multicast, spread, doff, strb, tag (6 bits).
  /// True: completed; `cycle` is when the initiator has the answer, or for a posted request when
  /// it is on its way. False: answered() comes.
  bool send(Initiator initiator, tlm::tlm_generic_payload& payload, std::uint64_t& cycle);
  /// Semaphore post; `cycle` when it is offered.
  void post(const Rect& nodes, unsigned semaphore, unsigned amount, std::uint64_t cycle);
  /// Not before everything that `engine` has sent.
  void post_behind(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                   std::uint64_t cycle);
  /// Late answer of the network.
  void response(tlm::tlm_generic_payload& payload, std::uint64_t cycle);

 private:
  Err check(const tlm::tlm_generic_payload& payload, const Message& message, Node node);
  bool allowed(const tlm::tlm_generic_payload& payload, const Message& message, Node destination);
  void address(Initiator initiator, tlm::tlm_generic_payload& payload, Node node,
               std::uint64_t cycle);
  bool transmit(Initiator initiator, tlm::tlm_generic_payload& payload, std::uint64_t& cycle);
  void arrived(tlm::tlm_generic_payload& payload);
  void deliver(tlm::tlm_generic_payload& payload);

  Parts& parts_;
  std::array<std::uint64_t, 5> last_leave_{};
};

}  // namespace tsr::hart
