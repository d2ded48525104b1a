// SPDX-License-Identifier: Apache-2.0
/// Signal-level side of the ctl node's host port: what the ctl model drives and samples every
/// cycle.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>

namespace tsr {

inline constexpr unsigned kHostBlockBytes = 64;

/// One request: bytes of one aligned 64-byte block of global address space.
struct HostRequest {
  bool write = false;
  std::uint8_t tag = 0;
  std::uint64_t address = 0;  ///< read: first byte; write: of the block
  std::uint32_t bytes = 0;    ///< read: bytes wanted, 1..64, inside the block
  std::uint64_t strobe = 0;   ///< write: byte enables
  std::array<std::uint32_t, kHostBlockBytes / 4> data{};
};

/// Answer to the request with the same tag.
struct HostResponse {
  std::uint8_t tag = 0;
  unsigned error = 0;                                     ///< tsr_pkg::err_e, 0 = fine
  std::array<std::uint32_t, kHostBlockBytes / 4> data{};  ///< read: the block, wanted bytes valid
};

/// Queue in front of the pins. The host fills it between cycles, the ctl model empties it.
class HostPort {
 public:
  /// Requests not yet taken by the chip, oldest first.
  std::deque<HostRequest> requests;
  /// Called by the model, within a cycle, for every request that goes onto the pins. May be empty;
  /// the flight recorder's, if there is one: observers call the one that they replace.
  std::function<void(const HostRequest&)> on_request;
  /// Called by the model, within a cycle, for every answer.
  std::function<void(const HostResponse&)> on_response;
  /// Called by the model, within a cycle, when the interrupt pin changes.
  std::function<void(bool)> on_interrupt;
  /// Called by the model, within a cycle, when the watchdog declares the chip dead.
  std::function<void()> on_watchdog;
};

}  // namespace tsr
