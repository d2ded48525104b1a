// SPDX-License-Identifier: Apache-2.0
#include "jtag_server.hpp"

#include <string>

namespace tsr::debug {
namespace {

/// Cycles of the chip for which TCK stays high and low (rtl/debug/tsr_jtag_tap.sv).
constexpr unsigned kHigh = 1, kLow = 3;
/// For which TRST stays, in either state.
constexpr unsigned kReset = 4;
/// A client that sends nothing for so long is silent.
constexpr auto kSilence = std::chrono::microseconds(500);
constexpr unsigned kTck = 4, kTms = 2, kTdi = 1;

}  // namespace

void JtagServer::serve() {
  if (!connection_.accept(false)) return;
  if (!attached_) set_reset(false);
  attached_ = true;
  while (connection_.await(kSilence)) {
    handle(connection_.receive(false));
    if (!connected()) break;
  }
  if (connected()) return;
  attached_ = false;
  set_reset(true);
}

void JtagServer::handle(std::string_view commands) {
  std::string answer;
  for (const char command : commands) {
    switch (command) {
      case 'R':
        answer += pins_.tdo() ? '1' : '0';
        break;
      case 'Q':
        connection_.send(answer);
        connection_.close();
        return;
      case 'r':  // bit 1 of the distance: TRST, bit 0: SRST, which the chip does not have
      case 's':
      case 't':
      case 'u':
        set_reset(((command - 'r') & 2) != 0);
        break;
      default:
        if (command >= '0' && command <= '7') write(static_cast<unsigned>(command - '0'));
    }
  }
  connection_.send(answer);
}

void JtagServer::write(unsigned bits) {
  const bool edge = ((bits ^ bits_) & kTck) != 0;
  const bool high = (bits & kTck) != 0;
  bits_ = bits;
  // Without an edge TMS and TDI mean nothing: they take the time of the next one.
  pins_.drive(high, (bits & kTms) != 0, (bits & kTdi) != 0, reset_,
              !edge  ? 0
              : high ? kHigh
                     : kLow);
}

void JtagServer::set_reset(bool active) {
  reset_ = active;
  pins_.drive((bits_ & kTck) != 0, (bits_ & kTms) != 0, (bits_ & kTdi) != 0, reset_, kReset);
}

}  // namespace tsr::debug
