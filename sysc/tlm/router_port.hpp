// SPDX-License-Identifier: Apache-2.0
/// The side band between a TLM endpoint and its router, RTL or TLM.
#pragma once

#include <cstdint>

namespace tsr {

/// Counters of a node's router, as ROUTER_SEL and ROUTER_COUNT show them. Belongs to the network.
class RouterPort {
 public:
  virtual ~RouterPort() = default;
  /// As ROUTER_SEL: bit 3 the network, 2:0 the counter.
  virtual void select(unsigned counter) = 0;
  /// The selected counter; behind an RTL router it follows select() by four cycles.
  virtual std::uint32_t count() = 0;
};

}  // namespace tsr
