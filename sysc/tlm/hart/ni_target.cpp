// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/ni_target.hpp"

#include <algorithm>
#include <cstring>

#include "noc/amo.hpp"
#include "tlm/hart/local_bus.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

constexpr unsigned kBlock = 64;
constexpr unsigned kReadStates = 3;  // of a block of the scratchpad
constexpr unsigned kAtomicStates = 4;
constexpr unsigned kLastAtomicByte = 3;

std::uint32_t local_of(const tlm::tlm_generic_payload& payload) {
  return static_cast<std::uint32_t>(payload.get_address());
}
bool is_write(Kind kind) { return kind == Kind::kWrite || kind == Kind::kWritePosted; }

/// Last byte that a request names, as the RTL looks at it.
std::uint32_t last_of(const tlm::tlm_generic_payload& payload, Kind kind) {
  const std::uint32_t local = local_of(payload);
  if (kind == Kind::kRead) return local + payload.get_data_length() - 1;
  return kind == Kind::kAtomic ? local | kLastAtomicByte : local;
}

}  // namespace

// ---------------------------------------------------------------- when

bool NiTarget::receive(tlm::tlm_generic_payload& payload, std::uint64_t& cycle) {
  const Kind kind = message(payload).kind;
  const bool now = cycle <= parts_.now();
  if (kind == Kind::kReadRsp) {
    if (now) {
      hear(payload.get_data_ptr(), message(payload));
    } else {
      hear_later(payload, cycle);
    }
    return true;
  }
  if (now) {
    cycle = serve(payload);
    return true;
  }
  serve_later(payload, cycle);
  return false;
}

void NiTarget::serve_later(tlm::tlm_generic_payload& payload, std::uint64_t cycle) {
  if (payload.has_mm()) payload.acquire();
  parts_.later.at(cycle, [this, &payload] {
    sc_core::sc_time delay = to_time(serve(payload) - parts_.now());
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    (*parts_.target_socket)->nb_transport_bw(payload, phase, delay);
    if (payload.has_mm()) payload.release();
  });
}

std::uint64_t NiTarget::serve(tlm::tlm_generic_payload& payload) {
  const std::uint64_t begin = std::max(parts_.now() + 1, free_);
  ++parts_.counts.request_rx;
  const Message& message = hart::message(payload);
  Service service{verdict(payload, message), 0};
  if (service.err == Err::kParity) ++parts_.counts.parity;
  if (service.err == Err::kNone) service = perform(payload, begin);
  finish(payload, service, begin);
  free_ = begin + service.states + 1;
  return free_;  // the answer's last flit is on the link in the cycle after it was sent
}

void NiTarget::finish(tlm::tlm_generic_payload& payload, const Service& service,
                      std::uint64_t /*begin*/) {
  const Message& message = hart::message(payload);
  if (service.err != Err::kNone) {
    refuse(payload, service.err);
    parts_.regs->error(
        ErrLog::refused(ErrLog::kIncoming, service.err, message.src, payload.get_address()));
    if (answered(message.kind)) ++parts_.counts.response_tx;
    return;
  }
  accept(payload);
  if (!answered(message.kind)) return;
  if (message.kind != Kind::kRead) {
    ++parts_.counts.response_tx;
    return;
  }
  const std::uint32_t local = local_of(payload);
  parts_.counts.response_tx +=
      (local + payload.get_data_length() - 1) / kBlock - local / kBlock + 1;
}

// ---------------------------------------------------------------- may it be

bool NiTarget::trusted(const Message& message) const {
  return message.src == parts_.config.ctl || message.src == parts_.node();
}

Err NiTarget::verdict(const tlm::tlm_generic_payload& payload, const Message& message) const {
  const Kind kind = message.kind;
  const std::uint32_t local = local_of(payload);
  const std::uint32_t last = last_of(payload, kind);
  const bool read = kind == Kind::kRead;
  const bool amo = kind == Kind::kAtomic;
  const bool in_spm = local >= kSpmBase && last < parts_.spm_end() && local <= last;
  if (kind == Kind::kSemPost) {
    return trusted(message) || parts_.regs->remote_post() ? Err::kNone : Err::kForbidden;
  }
  if (!read && !amo && !is_write(kind)) return Err::kUnsupported;
  if (!read && message.poison) return Err::kParity;
  const unsigned bytes = payload.get_data_length();
  if (read && (bytes == 0 || bytes > kGranuleBytes || message.spread)) return Err::kUnsupported;
  if (is_write(kind) && local % kBlock != 0) return Err::kUnsupported;
  if (amo && (!in_spm || local % 4 != 0 || message.amo > Amo::kMax)) return Err::kUnsupported;
  if (in_spm) {
    const std::uint32_t end = is_write(kind) ? local + kBlock - 1 : last;
    return may_touch(message, local - kSpmBase, end - kSpmBase) ? Err::kNone : Err::kForbidden;
  }
  if (local >> 24 != 0 || last >> 24 != 0) return Err::kUnmapped;
  const bool in_contexts = local >> 12 == kCtxBase >> 12;
  const bool from_ctl = message.src == parts_.config.ctl;
  if (!from_ctl && !(message.src == parts_.node() && in_contexts)) return Err::kForbidden;
  return read && local / kBlock != last / kBlock ? Err::kUnsupported : Err::kNone;
}

bool NiTarget::may_touch(const Message& message, std::uint32_t first, std::uint32_t last) const {
  if (trusted(message)) return true;
  const TileRegs& regs = *parts_.regs;
  const bool reads = message.kind == Kind::kRead || message.kind == Kind::kAtomic;
  if (reads && !regs.remote_read()) return false;
  if (message.kind != Kind::kRead && !regs.remote_write()) return false;
  return first >= regs.remote_base() && last <= regs.remote_limit();
}

// ---------------------------------------------------------------- do it

NiTarget::Service NiTarget::perform(tlm::tlm_generic_payload& payload, std::uint64_t begin) {
  const Message& message = hart::message(payload);
  if (message.kind == Kind::kSemPost) {
    parts_.engines->post(message.doff & 15, message.doff >> 8 & 0xff);
    parts_.regs->update_interrupts();
    return {};
  }
  const std::uint32_t local = local_of(payload);
  if (local < kSpmBase) return words(payload);
  if (message.kind == Kind::kAtomic) return atomic(payload);
  if (message.kind == Kind::kRead) return read_spm(payload, begin);
  write_spm(payload, message.strb);
  const std::uint64_t at = parts_.engines->network_access(local - kSpmBase, begin);
  return {Err::kNone, static_cast<unsigned>(at - begin)};
}

NiTarget::Service NiTarget::read_spm(tlm::tlm_generic_payload& payload, std::uint64_t begin) {
  const std::uint32_t offset = local_of(payload) - kSpmBase;
  const std::uint32_t bytes = payload.get_data_length();
  std::memcpy(payload.get_data_ptr(), parts_.engines->spm().data() + offset, bytes);
  Message& message = hart::message(payload);
  message.ready = {};
  unsigned states = 0;
  for (std::uint32_t at = offset / kBlock; at <= (offset + bytes - 1) / kBlock; ++at) {
    const std::uint64_t from = begin + states;
    const std::uint64_t granted = parts_.engines->network_access(kBlock * at, from);
    states += kReadStates + static_cast<unsigned>(granted - from);
    message.ready[at % message.ready.size()] = begin + states + 1;
  }
  return {Err::kNone, states};
}

void NiTarget::write_spm(const tlm::tlm_generic_payload& payload, std::uint64_t strobe) {
  const std::uint32_t offset = local_of(payload) - kSpmBase;
  std::uint8_t* place = parts_.engines->spm().data() + offset;
  const std::uint8_t* data = payload.get_data_ptr();
  if (strobe == ~0ULL) {
    std::memcpy(place, data, kBlock);
  } else {
    for (unsigned i = 0; i < kBlock; ++i) {
      if ((strobe >> i & 1U) != 0) place[i] = data[i];
    }
  }
  if (parts_.probe == nullptr) return;
  SpmWrite write;
  write.writer = SpmWriter::Network;
  write.strobe = strobe;
  for (unsigned i = 0; i < 8; ++i) write.offset[i] = offset + 8 * i;
  std::memcpy(write.data.data(), data, kBlock);
  parts_.probe->spm_write(parts_.now(), write);
}

NiTarget::Service NiTarget::atomic(tlm::tlm_generic_payload& payload) {
  const std::uint32_t offset = local_of(payload) - kSpmBase;
  std::uint8_t* place = parts_.engines->spm().data() + offset;
  std::uint32_t operands[2] = {0, 0};
  std::uint32_t old = 0;
  std::memcpy(operands, payload.get_data_ptr(), sizeof operands);
  std::memcpy(&old, place, sizeof old);
  const std::uint32_t value = amo_result(message(payload).amo, old, operands[0], operands[1]);
  std::memcpy(place, &value, sizeof value);
  std::memcpy(payload.get_data_ptr(), &old, sizeof old);
  if (parts_.probe != nullptr) {
    SpmWrite write;
    write.writer = SpmWriter::Network;
    const std::uint32_t word = offset % kBlock / 8;
    for (unsigned i = 0; i < 8; ++i) write.offset[i] = offset / kBlock * kBlock + 8 * i;
    write.strobe = 0xfULL << (offset % kBlock);
    write.data[word] = value | static_cast<std::uint64_t>(value) << 32;
    parts_.probe->spm_write(parts_.now(), write);
  }
  return {Err::kNone, kAtomicStates};
}

/// Registers, core memories and so on, a word at a time.
NiTarget::Service NiTarget::words(tlm::tlm_generic_payload& payload) {
  const Message& message = hart::message(payload);
  const bool write = message.kind != Kind::kRead;
  const std::uint32_t local = local_of(payload);
  const std::uint32_t block = local / kBlock * kBlock;
  const std::uint32_t last = last_of(payload, message.kind);
  Service service{Err::kNone, 2};
  std::uint32_t gathered[kBlock / 4] = {};
  for (unsigned w = 0; w < kBlock / 4; ++w) {
    WordAccess access{true, write, block + 4 * w, 0, 0xf};
    if (write) {
      access.strb = static_cast<std::uint8_t>(message.strb >> 4 * w & 15);
      std::memcpy(&access.data, payload.get_data_ptr() + 4 * w, 4);
    }
    const bool touched =
        write ? access.strb != 0 : access.addr / 4 >= local / 4 && access.addr / 4 <= last / 4;
    if (!touched) continue;
    const WordAnswer answer = parts_.bus->access(access);
    gathered[w] = answer.data;
    service.err = answer.err;
    service.states += answer.cycles + 1;
    if (service.err != Err::kNone) break;
  }
  if (!write && service.err == Err::kNone) {
    std::memcpy(payload.get_data_ptr(),
                reinterpret_cast<const std::uint8_t*>(gathered) + (local - block),
                last - local + 1);
  }
  return service;
}

}  // namespace tsr::hart
