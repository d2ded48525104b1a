// SPDX-License-Identifier: Apache-2.0
/// The host's port into the chip (rtl/ctl's tsr_hostport).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class HostSlots {
 public:
  HostSlots(Parts& parts, HostPort& port);

  void reset();
  /// The host has put requests into the port.
  void wake();
  bool idle() const { return used_ == 0 && port_.requests.empty(); }
  void answered(tlm::tlm_generic_payload& payload);

 private:
  static constexpr unsigned kSlots = 32;
  struct Slot {
    Request* request = nullptr;  ///< null: free
    std::uint8_t tag = 0;        ///< the host's
    bool old = false;            ///< was under way when the interval began
    bool generation = false;
  };

  void take();
  bool send(const HostRequest& request);
  void fill(Request& own, const HostRequest& request, unsigned slot);
  void answer(const HostResponse& response, std::uint64_t cycle);
  void hand_over(std::uint32_t place);
  void tick();
  void release(Slot& slot);

  Parts& parts_;
  HostPort& port_;
  Alarm taking_;
  Alarm interval_;
  std::array<Slot, kSlots> slots_;
  std::vector<HostResponse> responses_;  ///< on their way to the pins
  std::vector<std::uint32_t> places_;    ///< free ones of them
  unsigned used_ = 0;
  std::uint64_t next_ = 0;  ///< first cycle in which a request can be taken
};

}  // namespace tsr::hart
