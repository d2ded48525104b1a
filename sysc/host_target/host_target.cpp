// SPDX-License-Identifier: Apache-2.0
#include "host_target.hpp"

#include <algorithm>
#include <cstring>

namespace tsr {
namespace {

constexpr unsigned kErrUnmapped = 1;  // tsr_pkg::ErrUnmapped

}  // namespace

HostTarget::HostTarget(sc_core::sc_module_name name, HostPort& port, Control control)
    : sc_module(name), socket("socket"), port_(port), control_(std::move(control)) {
  socket.register_b_transport(this, &HostTarget::b_transport);
  port_.on_response = [this](const HostResponse& answer) { response(answer); };
}

void HostTarget::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& /*delay*/) {
  const auto length = payload.get_data_length();
  if (payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    return;
  }
  if (length == 0 || payload.get_streaming_width() < length) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (!payload.is_read() && !payload.is_write()) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  write_ = payload.is_write();
  next_address_ = payload.get_address();
  next_data_ = payload.get_data_ptr();
  remaining_ = length;
  failure_ = {};
  refill();
  while (remaining_ != 0 || busy_ != 0) control_.advance();
  (write_ ? bytes_written_ : bytes_read_) += length;
  payload.set_response_status(failure_.error == 0              ? tlm::TLM_OK_RESPONSE
                              : failure_.error == kErrUnmapped ? tlm::TLM_ADDRESS_ERROR_RESPONSE
                                                               : tlm::TLM_GENERIC_ERROR_RESPONSE);
}

/// Cut the next requests off the payload, as many as there are free tags.
void HostTarget::refill() {
  while (busy_ != ~0U && remaining_ != 0) {
    const auto tag = static_cast<unsigned>(__builtin_ctz(~busy_));
    Pending& slot = pending_[tag];
    const auto offset = static_cast<std::uint32_t>(next_address_ % kHostBlockBytes);
    const auto bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kHostBlockBytes - offset, remaining_));
    HostRequest request;
    request.write = write_;
    request.tag = static_cast<std::uint8_t>(tag);
    request.bytes = bytes;
    if (write_) {
      request.address = next_address_ - offset;
      request.strobe = (bytes == kHostBlockBytes ? ~0ULL : (1ULL << bytes) - 1) << offset;
      std::memcpy(reinterpret_cast<std::uint8_t*>(request.data.data()) + offset, next_data_, bytes);
    } else {
      request.address = next_address_;
    }
    slot = {write_ ? nullptr : next_data_, next_address_, bytes};
    busy_ |= 1U << tag;
    port_.requests.push_back(request);
    next_address_ += bytes;
    next_data_ += bytes;
    remaining_ -= bytes;
  }
  if (!port_.requests.empty()) control_.wake();
}

void HostTarget::response(const HostResponse& answer) {
  const unsigned tag = answer.tag % kMaxOutstanding;
  const Pending& slot = pending_[tag];
  if ((busy_ >> tag & 1U) == 0) return;
  if (answer.error != 0) {
    if (failure_.error == 0) failure_ = {answer.error, slot.address};
    remaining_ = 0;  // what is under way still finishes
  } else if (slot.data != nullptr) {
    std::memcpy(
        slot.data,
        reinterpret_cast<const std::uint8_t*>(answer.data.data()) + slot.address % kHostBlockBytes,
        slot.bytes);
  }
  busy_ &= ~(1U << tag);
  if (remaining_ != 0) refill();
  if (remaining_ == 0 && busy_ == 0) control_.stop();
}

}  // namespace tsr

/// SystemC's library wants this entry point; programs here have an ordinary main().
extern "C" int sc_main(int, char**) { return 0; }
