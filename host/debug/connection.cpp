// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "error.hpp"

namespace tsr::debug {
namespace {

/// Whether something can be read or accepted.
bool ready(int descriptor, bool wait) {
  pollfd entry{descriptor, POLLIN, 0};
  int count = 0;
  do {
    count = poll(&entry, 1, wait ? -1 : 0);
  } while (count < 0 && errno == EINTR && wait);
  return count > 0;
}

}  // namespace

Connection::Connection(std::uint16_t port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener_ < 0 || setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const std::string why = std::strerror(errno);
    if (listener_ >= 0) ::close(listener_);
    throw InputError(
        fmt::format("port {} cannot be served: {}. Choose another one, or 0 for any", port, why));
  }
  socklen_t length = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
}

Connection::~Connection() {
  close();
  ::close(listener_);
}

void Connection::listen() { ::listen(listener_, 1); }

bool Connection::accept(bool wait) {
  if (connected()) return true;
  if (!ready(listener_, wait)) return false;
  client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (!connected()) return false;
  const int on = 1;
  setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return true;
}

std::string Connection::receive(bool wait) {
  if (!connected() || !ready(client_, wait)) return "";
  char buffer[65536];
  const ssize_t count = recv(client_, buffer, sizeof(buffer), 0);
  if (count <= 0) {
    close();
    return "";
  }
  return std::string(buffer, static_cast<std::size_t>(count));
}

bool Connection::await(std::chrono::microseconds patience) const {
  if (!connected()) return false;
  pollfd entry{client_, POLLIN, 0};
  const timespec time{patience.count() / 1'000'000, patience.count() % 1'000'000 * 1'000};
  return ppoll(&entry, 1, &time, nullptr) > 0;
}

void Connection::send(std::string_view bytes) {
  while (connected() && !bytes.empty()) {
    const ssize_t count = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      close();
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Connection::close() {
  if (connected()) ::close(client_);
  client_ = -1;
}

}  // namespace tsr::debug
