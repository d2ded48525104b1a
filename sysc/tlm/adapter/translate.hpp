// SPDX-License-Identifier: Apache-2.0
/// Between flits and TLM payloads.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <tlm>

#include "noc/flit.hpp"
#include "tlm/message.hpp"

namespace tsr {

/// A payload with its header and its data.
struct Transaction {
  tlm::tlm_generic_payload payload;
  Message message;
  std::array<std::uint8_t, 256> data{};

  Transaction() { payload.set_extension(&message); }
  ~Transaction() { payload.clear_extension(&message); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Become the request (or the block for a listener) that a flit carries.
  void load(const Flit& flit);
};

/// Flit of a request, or of a block for a listener.
Flit request_flit(const tlm::tlm_generic_payload& payload, const Message& message);

/// Flits of the answer to a request, each with the cycle in which it is due. `target`: who
/// answers.
void answer_flits(const tlm::tlm_generic_payload& payload, const Message& message, Node target,
                  std::uint64_t cycle,
                  const std::function<void(std::uint64_t cycle, const Flit&)>& emit);

/// A request whose answer comes as flits.
struct Awaited {
  tlm::tlm_generic_payload* payload = nullptr;
  unsigned blocks = 0;  ///< still to come

  void begin(tlm::tlm_generic_payload& request);
  /// True: this was the last flit.
  bool take(const Flit& flit, std::uint64_t cycle);
};

}  // namespace tsr
