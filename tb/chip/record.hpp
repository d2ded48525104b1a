// SPDX-License-Identifier: Apache-2.0
/// What can be seen of a chip in a run: every flit of every router output, and the host port.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "host_target/host_port.hpp"
#include "noc/flit.hpp"

namespace tsr::tb {

/// A flit that a router output holds after the edge of `cycle`.
struct FlitEvent {
  std::uint64_t cycle = 0;
  std::uint32_t node = 0;  ///< y * width + x
  std::uint32_t link = 0;  ///< network * 5 + port
  std::uint32_t words[kFlitWords] = {};

  bool operator==(const FlitEvent& o) const { return std::memcmp(this, &o, sizeof(*this)) == 0; }
};

struct RequestEvent {
  std::uint64_t cycle = 0;  ///< the edge that takes it
  HostRequest request;
};

struct ResponseEvent {
  std::uint64_t cycle = 0;
  HostResponse response;

  bool operator==(const ResponseEvent& o) const {
    return cycle == o.cycle && response.tag == o.response.tag &&
           response.error == o.response.error && response.data == o.response.data;
  }
};

struct InterruptEvent {
  std::uint64_t cycle = 0;
  bool level = false;

  bool operator==(const InterruptEvent& o) const { return cycle == o.cycle && level == o.level; }
};

/// In order of cycles; flits of a cycle in order of node and link.
struct Record {
  std::uint64_t cycles = 0;
  std::vector<FlitEvent> flits;
  std::vector<RequestEvent> requests;
  std::vector<ResponseEvent> responses;
  std::vector<InterruptEvent> interrupts;
};

/// Cycle, place and header of a flit, on one line.
std::string describe(const FlitEvent& event, unsigned width);

/// The first difference of two runs with the same host traffic, both sides described, or "".
std::string first_difference(const Record& expected, const char* expected_name,
                             const Record& actual, const char* actual_name, unsigned width);

}  // namespace tsr::tb
