// SPDX-License-Identifier: Apache-2.0
#include "tlm/fabric/bare_node.hpp"

#include <cstring>

namespace tsr {
namespace {

constexpr std::uint32_t kCounterBase = 0x0002'0000;
constexpr std::uint64_t kAnswerCycles = 2, kCounterCycles = 5;

}  // namespace

BareNode::BareNode(sc_core::sc_module_name name, const ChipConfig& config, RouterPort& router)
    : sc_module(name), initiator("initiator"), target("target"), ctl_(config.ctl), router_(router) {
  target.register_nb_transport_fw(this, &BareNode::forward);
}

tlm::tlm_sync_enum BareNode::forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                     sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_COMPLETED;
  Message& message = *payload.get_extension<Message>();
  const auto offset = static_cast<std::uint32_t>(payload.get_address());
  const bool counter = message.kind == Kind::kRead && payload.get_data_length() == 4 &&
                       payload.get_address() >> 52 == static_cast<std::uint64_t>(Space::kNode) &&
                       (offset & ~63U) == kCounterBase && offset % 4 == 0;
  message.err = !counter ? Err::kUnmapped : message.src == ctl_ ? Err::kNone : Err::kForbidden;
  std::uint64_t cycles = kAnswerCycles;
  if (message.err == Err::kNone) {
    router_.select(offset / 4 % 16);
    const std::uint32_t value = router_.count();
    std::memcpy(payload.get_data_ptr(), &value, 4);
    cycles = kCounterCycles;
  }
  payload.set_response_status(message.err == Err::kNone ? tlm::TLM_OK_RESPONSE
                                                        : tlm::TLM_GENERIC_ERROR_RESPONSE);
  delay += to_time(cycles);
  return tlm::TLM_COMPLETED;
}

}  // namespace tsr
