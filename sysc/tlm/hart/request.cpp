// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/request.hpp"

namespace tsr::hart {

RequestPool::~RequestPool() = default;

Request* RequestPool::take() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Request>(*this));
    free_.push_back(all_.back().get());
  }
  Request* request = free_.back();
  free_.pop_back();
  request->acquire();
  return request;
}

void RequestPool::free(tlm::tlm_generic_payload* payload) {
  free_.push_back(static_cast<Request*>(payload));
}

Request::Request(RequestPool& pool) : tlm_generic_payload(&pool), header_(new Message) {
  set_extension(header_);
  set_data_ptr(bytes_.data());
}

void Request::begin(Kind kind, std::uint64_t address, unsigned length) {
  *header_ = Message{};
  header_->kind = kind;
  set_command(kind == Kind::kRead      ? tlm::TLM_READ_COMMAND
              : kind == Kind::kSemPost ? tlm::TLM_IGNORE_COMMAND
                                       : tlm::TLM_WRITE_COMMAND);
  set_address(address);
  set_data_length(length);
  set_streaming_width(length);
  set_byte_enable_ptr(nullptr);
  set_byte_enable_length(0);
  set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
}

void Request::set_strobe(std::uint64_t strobe) {
  header_->strb = strobe;
  for (unsigned i = 0; enabled_ != strobe && i < enables_.size(); ++i) {
    enables_[i] = (strobe >> i & 1U) != 0 ? TLM_BYTE_ENABLED : TLM_BYTE_DISABLED;
  }
  enabled_ = strobe;
  set_byte_enable_ptr(enables_.data());
  set_byte_enable_length(static_cast<unsigned>(enables_.size()));
}

}  // namespace tsr::hart
