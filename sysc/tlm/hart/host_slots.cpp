// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/host_slots.hpp"

#include <algorithm>
#include <cstring>

#include "tlm/hart/ni_init.hpp"

namespace tsr::hart {

namespace {

constexpr unsigned kTimeoutLog2 = 20;
constexpr std::uint64_t kToOffer = 2;   // from the pins to the network interface
constexpr std::uint64_t kFromNode = 1;  // from its response to the pins

bool malformed(const HostRequest& request) {
  const std::uint64_t lane = request.address % kHostBlockBytes;
  if (request.write) return lane != 0;
  return request.bytes == 0 || lane + request.bytes > kHostBlockBytes;
}

}  // namespace

HostSlots::HostSlots(Parts& parts, HostPort& port)
    : parts_(parts),
      port_(port),
      taking_(parts.timeline, [this] { take(); }),
      interval_(parts.timeline, [this] { tick(); }) {}

void HostSlots::reset() {
  taking_.cancel();
  interval_.cancel();
  slots_ = {};
  responses_.clear();
  places_.clear();
  used_ = 0;
  next_ = parts_.now();
  if (!port_.requests.empty()) wake();
}

void HostSlots::wake() {
  if (!taking_.armed()) taking_.set(std::max(parts_.now(), next_));
}

/// One request a cycle while there are slots.
void HostSlots::take() {
  if (port_.requests.empty() || used_ == kSlots) return;
  const HostRequest request = port_.requests.front();
  if (port_.on_request) port_.on_request(request);
  port_.requests.pop_front();
  if (malformed(request)) {
    HostResponse response;
    response.tag = request.tag;
    response.error = static_cast<unsigned>(Err::kUnsupported);
    answer(response, parts_.now() + kToOffer);
  } else {
    send(request);
  }
  next_ = parts_.now() + 1;
  if (!port_.requests.empty()) taking_.set(next_);
}

bool HostSlots::send(const HostRequest& request) {
  unsigned index = 0;
  while (slots_[index].request != nullptr) ++index;
  Slot& slot = slots_[index];
  Request* own = parts_.pool.take();
  fill(*own, request, index);
  slot.request = own;
  slot.tag = request.tag;
  slot.old = false;
  ++used_;
  std::uint64_t cycle = parts_.now() + kToOffer;
  if (parts_.init->send(Initiator::Host, *own, cycle)) {
    parts_.later.at(cycle, [this, own] { answered(*own); });
    return true;
  }
  if (!interval_.armed()) interval_.set(((parts_.now() >> kTimeoutLog2) + 1) << kTimeoutLog2);
  return true;
}

void HostSlots::fill(Request& own, const HostRequest& request, unsigned slot) {
  if (request.write) {
    own.begin(Kind::kWrite, request.address, kHostBlockBytes);
    own.set_strobe(request.strobe);
    std::memcpy(own.bytes().data(), request.data.data(), kHostBlockBytes);
  } else {
    own.begin(Kind::kRead, request.address, request.bytes);
    own.header().strb = request.bytes;
  }
  own.header().tag = static_cast<std::uint8_t>(slot | (slots_[slot].generation ? 32U : 0U));
}

void HostSlots::answered(tlm::tlm_generic_payload& payload) {
  const unsigned index = message(payload).tag % kSlots;
  Slot& slot = slots_[index];
  if (slot.request == &payload) {
    const Message& header = message(payload);
    HostResponse response;
    response.tag = slot.tag;
    response.error = static_cast<unsigned>(failed(payload) ? header.err
                                           : header.poison ? Err::kPoison
                                                           : Err::kNone);
    if (payload.is_read() && response.error == 0) {
      std::memcpy(reinterpret_cast<std::uint8_t*>(response.data.data()) +
                      payload.get_address() % kHostBlockBytes,
                  payload.get_data_ptr(), payload.get_data_length());
    }
    release(slot);
    answer(response, parts_.now() + kFromNode);
  }
  payload.release();
}

void HostSlots::release(Slot& slot) {
  slot.request = nullptr;
  slot.old = false;
  --used_;
  if (!port_.requests.empty()) wake();
}

void HostSlots::answer(const HostResponse& response, std::uint64_t cycle) {
  if (places_.empty()) {
    places_.push_back(static_cast<std::uint32_t>(responses_.size()));
    responses_.emplace_back();
  }
  const std::uint32_t place = places_.back();
  places_.pop_back();
  responses_[place] = response;
  parts_.later.at(cycle, [this, place] { hand_over(place); });
}

void HostSlots::hand_over(std::uint32_t place) {
  const HostResponse response = responses_[place];
  places_.push_back(place);
  port_.on_response(response);
}

/// Every 2^20 cycles: what was already under way at the last one has timed out.
void HostSlots::tick() {
  for (Slot& slot : slots_) {
    if (slot.request == nullptr) continue;
    if (!slot.old) {
      slot.old = true;
      continue;
    }
    HostResponse response;
    response.tag = slot.tag;
    response.error = static_cast<unsigned>(Err::kTimeout);
    slot.generation = !slot.generation;
    release(slot);
    answer(response, parts_.now() + kFromNode);
  }
  if (used_ != 0) interval_.set(parts_.now() + (1ULL << kTimeoutLog2));
}

}  // namespace tsr::hart
