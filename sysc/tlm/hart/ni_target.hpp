// SPDX-License-Identifier: Apache-2.0
/// Target side of the network interface: other nodes' requests to this node, and blocks that it
/// listens to (rtl/tile's tsr_ni_target and tsr_listen).
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class NiTarget {
 public:
  explicit NiTarget(Parts& parts) : parts_(parts) {}

  void reset() { free_ = 0; }
  /// A message that is on the link in `cycle`. True: completed, `cycle` is when the last flit of
  /// its answer is on the link. False: the answer comes through the target socket.
  bool receive(tlm::tlm_generic_payload& payload, std::uint64_t& cycle);

 private:
  /// What serving takes: states of the RTL's machine beyond the first, until the answer is sent.
  struct Service {
    Err err = Err::kNone;
    unsigned states = 0;
  };
  void serve_later(tlm::tlm_generic_payload& payload, std::uint64_t cycle);
  std::uint64_t serve(tlm::tlm_generic_payload& payload);
  void finish(tlm::tlm_generic_payload& payload, const Service& service, std::uint64_t begin);
  Err verdict(const tlm::tlm_generic_payload& payload, const Message& message) const;
  bool may_touch(const Message& message, std::uint32_t first, std::uint32_t last) const;
  bool trusted(const Message& message) const;
  Service perform(tlm::tlm_generic_payload& payload, std::uint64_t begin);
  Service read_spm(tlm::tlm_generic_payload& payload, std::uint64_t begin);
  void write_spm(const tlm::tlm_generic_payload& payload, std::uint64_t strobe);
  Service atomic(tlm::tlm_generic_payload& payload);
  Service words(tlm::tlm_generic_payload& payload);

  void hear_later(const tlm::tlm_generic_payload& payload, std::uint64_t cycle);
  void hear(const std::uint8_t* data, const Message& message);
  Err unheard(const Message& message, std::uint32_t first, std::uint32_t last) const;

  Parts& parts_;
  std::uint64_t free_ = 0;  ///< first cycle in which the next request can be looked at
};

}  // namespace tsr::hart
