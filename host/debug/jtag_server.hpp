// SPDX-License-Identifier: Apache-2.0
/// OpenOCD's remote_bitbang protocol for the chip's JTAG pins.
///
/// One character a command: '0'..'7' set TCK, TMS and TDI (bits 2, 1, 0), 'R' asks for TDO,
/// 'r'..'u' set TRST and SRST, 'B' and 'b' blink, 'Q' says goodbye. Every level of TCK lasts as
/// many cycles as the port needs; nothing else of the chip stands still for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "connection.hpp"

namespace tsr::debug {

/// The JTAG pins of a running chip.
class JtagAccess {
 public:
  virtual ~JtagAccess() = default;
  JtagAccess(const JtagAccess&) = delete;
  JtagAccess& operator=(const JtagAccess&) = delete;

  /// Drive the pins (`trst`: the port is held in reset), then let `cycles` pass.
  virtual void drive(bool tck, bool tms, bool tdi, bool trst, unsigned cycles) = 0;
  virtual bool tdo() = 0;

 protected:
  JtagAccess() = default;
};

class JtagServer {
 public:
  /// Serves the pins at a port of 127.0.0.1 (0: any free one). Clients are refused until listen().
  /// Throws InputError if the port is taken.
  JtagServer(JtagAccess& pins, std::uint16_t port) : pins_(pins), connection_(port) {}

  std::uint16_t port() const { return connection_.port(); }
  void listen() { connection_.listen(); }
  bool connected() const { return connection_.connected(); }
  /// Wait for a client.
  void accept() { connection_.accept(true); }
  /// Take a client that waits, and do what the client wants. Returns when it has been silent for
  /// some hundred microseconds, so that time passes by its TCK alone while it talks.
  void serve();

 private:
  void handle(std::string_view commands);
  void write(unsigned bits);
  void set_reset(bool active);

  JtagAccess& pins_;
  Connection connection_;
  unsigned bits_ = 2;      ///< TCK, TMS, TDI as last written
  bool reset_ = true;      ///< TRST
  bool attached_ = false;  ///< a client is being served
};

}  // namespace tsr::debug
