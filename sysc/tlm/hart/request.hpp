// SPDX-License-Identifier: Apache-2.0
/// The node's own requests: payloads with their header and data, from a pool.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "tlm/message.hpp"

namespace tsr::hart {

/// Response of a message, as its header and payload say.
inline bool failed(const tlm::tlm_generic_payload& payload) {
  return payload.get_response_status() != tlm::TLM_OK_RESPONSE;
}
inline Message& message(tlm::tlm_generic_payload& payload) {
  return *payload.get_extension<Message>();
}
inline void refuse(tlm::tlm_generic_payload& payload, Err err) {
  message(payload).err = err;
  payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
}
inline void accept(tlm::tlm_generic_payload& payload) {
  message(payload).err = Err::kNone;
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}
/// Has an answer.
inline bool answered(Kind kind) { return kind != Kind::kWritePosted && kind != Kind::kSemPost; }

class Request;

/// Requests that are not in use. Outlives them.
class RequestPool final : public tlm::tlm_mm_interface {
 public:
  RequestPool() = default;
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;
  ~RequestPool() override;

  /// With one reference: release() it.
  Request* take();
  void free(tlm::tlm_generic_payload* payload) override;

 private:
  std::vector<std::unique_ptr<Request>> all_;
  std::vector<Request*> free_;
};

/// A payload that can be given to the network.
class Request : public tlm::tlm_generic_payload {
 public:
  explicit Request(RequestPool& pool);

  Message& header() { return *header_; }
  std::array<std::uint8_t, kGranuleBytes>& bytes() { return bytes_; }
  std::uint32_t word(unsigned index) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + 4 * index, sizeof value);
    return value;
  }
  void set_word(unsigned index, std::uint32_t value) {
    std::memcpy(bytes_.data() + 4 * index, &value, sizeof value);
  }
  /// Make it a request of `kind` for `length` bytes at `address`; header otherwise empty.
  void begin(Kind kind, std::uint64_t address, unsigned length);
  /// Byte enables of a write.
  void set_strobe(std::uint64_t strobe);

 private:
  Message* header_;  ///< the payload's extension, which owns it
  std::array<std::uint8_t, kGranuleBytes> bytes_{};
  std::array<std::uint8_t, 64> enables_{};
  std::uint64_t enabled_ = 0;  ///< what enables_ says
};

}  // namespace tsr::hart
