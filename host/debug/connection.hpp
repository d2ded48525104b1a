// SPDX-License-Identifier: Apache-2.0
/// A TCP port of this machine that serves one client at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace tsr::debug {

class Connection {
 public:
  /// Take a port of 127.0.0.1. Port 0: any free one. Throws InputError if the port is taken.
  /// Clients are refused until listen().
  explicit Connection(std::uint16_t port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::uint16_t port() const { return port_; }
  /// From now on clients may come.
  void listen();
  bool connected() const { return client_ >= 0; }
  /// Take a client that waits; with `wait`, until one comes. Returns whether there is one now.
  bool accept(bool wait);
  /// What the client sent; with `wait`, at least one byte. Empty: nothing now, or it has gone
  /// (connected()).
  std::string receive(bool wait);
  /// Wait until the client has sent something or gone, for so long at most; returns whether it has.
  bool await(std::chrono::microseconds patience) const;
  /// Everything, or the client has gone.
  void send(std::string_view bytes);
  void close();

 private:
  int listener_ = -1;
  int client_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace tsr::debug
