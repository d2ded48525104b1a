// SPDX-License-Identifier: Apache-2.0
/// The ctl node's host port as a TLM-2.0 target: loads and stores anywhere in global address space.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <functional>
#include <string>
#include <systemc>
#include <tlm>

#include "host_port.hpp"

namespace tsr {

/// Generic payload: address = 56-bit global address, data of any length and alignment, no byte
/// enables, no streaming. A payload is cut at 64-byte blocks into host port requests, at most 32 of
/// them under way. b_transport advances the simulation until the last answer is in; the timing
/// annotation stays as it came. Response status: TLM_OK_RESPONSE, TLM_ADDRESS_ERROR_RESPONSE
/// (unmapped), TLM_GENERIC_ERROR_RESPONSE (any other refusal); last_error() has the details.
class HostTarget : public sc_core::sc_module {
 public:
  static constexpr unsigned kMaxOutstanding = 32;  ///< tags have a bit each

  /// What went wrong first in the last payload.
  struct Failure {
    unsigned error = 0;         ///< tsr_pkg::err_e
    std::uint64_t address = 0;  ///< of the refused block
  };

  tlm_utils::simple_target_socket<HostTarget> socket;

  /// `advance` runs the chip until `finished` of stop() or throws; `stop` ends the running cycle's
  /// run; `wake` wakes the ctl node.
  struct Control {
    std::function<void()> advance;
    std::function<void()> stop;
    std::function<void()> wake;
  };

  HostTarget(sc_core::sc_module_name name, HostPort& port, Control control);

  const Failure& last_error() const { return failure_; }
  /// Bytes moved so far.
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct Pending {
    std::uint8_t* data = nullptr;  ///< where read bytes go; null: write
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
  };

  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void refill();
  void response(const HostResponse& response);

  HostPort& port_;
  Control control_;
  Pending pending_[kMaxOutstanding];
  std::uint32_t busy_ = 0;  ///< bit per tag
  bool write_ = false;
  std::uint64_t next_address_ = 0;
  std::uint64_t remaining_ = 0;
  std::uint8_t* next_data_ = nullptr;
  Failure failure_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace tsr
