// SPDX-License-Identifier: Apache-2.0
#include "tlm/adapter/translate.hpp"

#include <algorithm>
#include <cstring>

namespace tsr {
namespace {

constexpr unsigned kBlockBytes = 64;

/// Blocks of a granule that a read touches.
unsigned touched(const tlm::tlm_generic_payload& payload) {
  const auto low = static_cast<unsigned>(payload.get_address() % kGranuleBytes);
  return (low + std::max(1U, payload.get_data_length()) - 1) / kBlockBytes - low / kBlockBytes + 1;
}

Flit answer_head(const tlm::tlm_generic_payload& payload, const Message& message, Node target) {
  Flit flit;
  flit.src = target;
  flit.set_dst(message.src);
  flit.cls = message.cls;
  flit.vc = message.vc;
  flit.tag = message.tag;
  flit.doff = message.doff;
  flit.addr = payload.get_address();
  return flit;
}

/// Block `at` (aligned) of the answer to a read.
Flit block_flit(const tlm::tlm_generic_payload& payload, const Message& message, Node target,
                std::uint64_t at) {
  Flit flit = answer_head(payload, message, target);
  const std::uint64_t address = payload.get_address();
  flit.kind = Kind::kReadRsp;
  flit.poison = message.poison;
  flit.addr = at;
  flit.doff = static_cast<std::uint32_t>(message.doff + (at - address)) & 0xffffffU;
  if (message.spread) {
    flit.mcast = true;
    flit.dst = message.spread_dst;
    flit.owner = message.src;
    flit.rsvd = message.listen.pack();
  }
  auto* bytes = reinterpret_cast<std::uint8_t*>(flit.data.data());
  for (unsigned i = 0; i < kBlockBytes; ++i) {
    if (at + i < address || at + i >= address + payload.get_data_length()) continue;
    bytes[i] = payload.get_data_ptr()[at + i - address];
    flit.strb |= std::uint64_t{1} << i;
  }
  return flit;
}

/// Old value of an atomic: the word in its block.
Flit atomic_flit(const tlm::tlm_generic_payload& payload, const Message& message, Node target) {
  Flit flit = answer_head(payload, message, target);
  const auto low = static_cast<unsigned>(flit.addr % kBlockBytes);
  flit.kind = Kind::kReadRsp;
  flit.poison = message.poison;
  flit.addr -= low;
  flit.doff = (flit.doff - low) & 0xffffffU;
  flit.strb = 0xfULL << low;
  std::memcpy(reinterpret_cast<std::uint8_t*>(flit.data.data()) + low, payload.get_data_ptr(), 4);
  return flit;
}

}  // namespace

void Transaction::load(const Flit& flit) {
  message = Message{};
  message.kind = flit.kind;
  message.amo = flit.amo;
  message.poison = flit.poison;
  message.cls = flit.cls;
  message.vc = flit.vc;
  message.mcast = flit.mcast;
  message.dst = flit.dst;
  message.src = flit.src;
  message.tag = flit.tag;
  message.doff = flit.doff;
  message.owner = flit.owner;
  message.spread = flit.spread;
  if (flit.spread) {
    const std::uint64_t to = flit.data[0];
    message.spread_dst = {Node::unpack(static_cast<std::uint32_t>(to)),
                          Node::unpack(static_cast<std::uint32_t>(to >> 12))};
    message.listen = {(to >> 28 & 1U) != 0, static_cast<unsigned>(to >> 24 & 15U)};
  }
  if (flit.kind == Kind::kReadRsp) {
    message.listen = {(flit.rsvd & 16U) != 0, flit.rsvd & 15U};
  }
  const bool read = flit.kind == Kind::kRead;
  unsigned length = read ? std::min(256U, static_cast<unsigned>(flit.strb & 0x1ffU)) : kBlockBytes;
  if (flit.kind == Kind::kAtomic) length = 8;
  if (flit.kind == Kind::kSemPost) length = 0;
  if (!read) message.strb = flit.strb;
  payload.set_command(read ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
  payload.set_address(flit.mcast && !read ? flit.addr & 0xffffffffU : flit.addr);
  payload.set_data_ptr(data.data());
  payload.set_data_length(length);
  payload.set_streaming_width(length);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (!read) std::memcpy(data.data(), flit.data.data(), kBlockBytes);
}

Flit request_flit(const tlm::tlm_generic_payload& payload, const Message& message) {
  Flit flit;
  flit.kind = message.kind;
  flit.amo = message.amo;
  flit.poison = message.poison;
  flit.cls = message.cls;
  flit.vc = message.vc;
  flit.mcast = message.mcast;
  flit.dst = message.dst;
  flit.src = message.src;
  flit.tag = message.tag;
  flit.doff = message.doff;
  flit.addr = payload.get_address();
  if (message.mcast && message.kind == Kind::kWritePosted) {
    flit.addr = node_address(message.dst.lo, static_cast<std::uint32_t>(payload.get_address()));
  }
  flit.strb = message.strb;
  if (message.kind == Kind::kRead) {
    flit.strb = payload.get_data_length();
    flit.spread = message.spread;
    if (message.spread) flit.data[0] = pack_spread(message.spread_dst, message.listen);
  } else if (message.kind != Kind::kSemPost) {
    std::memcpy(flit.data.data(), payload.get_data_ptr(),
                std::min(kBlockBytes, payload.get_data_length()));
  }
  if (message.kind == Kind::kReadRsp) {
    flit.owner = message.owner;
    flit.rsvd = message.listen.pack();
  }
  return flit;
}

void answer_flits(const tlm::tlm_generic_payload& payload, const Message& message, Node target,
                  std::uint64_t cycle,
                  const std::function<void(std::uint64_t cycle, const Flit&)>& emit) {
  if (message.err != Err::kNone || message.kind == Kind::kWrite) {
    Flit flit = answer_head(payload, message, target);
    flit.kind = message.err != Err::kNone ? Kind::kErrRsp : Kind::kWriteRsp;
    flit.err = message.err;
    emit(cycle, flit);
    return;
  }
  if (message.kind == Kind::kAtomic) {
    emit(cycle, atomic_flit(payload, message, target));
    return;
  }
  const std::uint64_t first = payload.get_address() & ~std::uint64_t{kBlockBytes - 1};
  const unsigned blocks = touched(payload);
  for (unsigned i = 0; i < blocks; ++i) {
    const std::uint64_t at = first + std::uint64_t{i} * kBlockBytes;
    const std::uint64_t ready = message.ready[at % kGranuleBytes / kBlockBytes];
    emit(ready != 0 ? ready : cycle, block_flit(payload, message, target, at));
  }
}

void Awaited::begin(tlm::tlm_generic_payload& request) {
  Message& message = *request.get_extension<Message>();
  payload = &request;
  blocks = message.kind == Kind::kRead ? touched(request) : 1;
  message.err = Err::kNone;
  message.poison = false;
  message.ready = {};
}

bool Awaited::take(const Flit& flit, std::uint64_t cycle) {
  Message& message = *payload->get_extension<Message>();
  message.err = flit.err;
  message.poison = message.poison || flit.poison;
  payload->set_response_status(flit.kind == Kind::kErrRsp ? tlm::TLM_GENERIC_ERROR_RESPONSE
                                                          : tlm::TLM_OK_RESPONSE);
  if (flit.kind != Kind::kReadRsp) return true;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(flit.data.data());
  const std::uint64_t address = payload->get_address();
  const std::uint64_t length = message.kind == Kind::kAtomic ? 4 : payload->get_data_length();
  for (unsigned i = 0; i < kBlockBytes; ++i) {
    const std::uint64_t at = (flit.addr & ~std::uint64_t{kBlockBytes - 1}) + i;
    if ((flit.strb >> i & 1U) == 0 || at < address || at >= address + length) continue;
    payload->get_data_ptr()[at - address] = bytes[i];
  }
  message.ready[flit.addr % kGranuleBytes / kBlockBytes] = cycle;
  return --blocks == 0;
}

}  // namespace tsr
