// SPDX-License-Identifier: Apache-2.0
#include "tlm/memory/memory_node.hpp"

#include <algorithm>
#include <cstring>

#include "noc/amo.hpp"

namespace tsr {
namespace {

constexpr std::uint32_t kRegBase = 0x0002'0000, kRegBytes = 0x1000;
constexpr unsigned kBlockBytes = 64;
/// Request link to answer link of what needs no DRAM.
constexpr std::uint64_t kLocalCycles = 5;

bool rect_around(const Rect& rect, Node who, const ChipConfig& config) {
  return rect.contains(who) && rect.hi.x < config.mesh_w && rect.hi.y < config.mesh_h;
}

unsigned atoms_of(std::uint64_t strobe) {
  return (static_cast<std::uint32_t>(strobe) != 0 ? 1U : 0U) + ((strobe >> 32) != 0 ? 1U : 0U);
}

}  // namespace

MemoryNode::MemoryNode(sc_core::sc_module_name name, Timeline& timeline, const MemoryParts& parts)
    : sc_module(name),
      initiator("initiator"),
      target("target"),
      timeline_(timeline),
      parts_(parts),
      regs_(parts, store_, time_) {
  target.register_nb_transport_fw(this, &MemoryNode::forward);
  target.register_get_direct_mem_ptr(this, &MemoryNode::direct);
}

bool MemoryNode::direct(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& region) {
  const std::uint64_t address = payload.get_address();
  const auto route = parts_.config->route(address);
  const bool hbm = address >> 52 == static_cast<std::uint64_t>(Space::kHbm);
  if (!hbm || !route || *route != parts_.node || !store_.sound() || !regs_.ecc()) return false;
  const std::uint64_t local = parts_.config->hbm_local(address) & ~(kGranuleBytes - 1);
  region.set_dmi_ptr(store_.make_page(local) + local % MemoryStore::kPageBytes);
  region.set_start_address(address & ~(kGranuleBytes - 1));
  region.set_end_address(address | (kGranuleBytes - 1));
  region.allow_read_write();
  return true;
}

// ---------------------------------------------------------------- what is served

Err MemoryNode::check_register(const tlm::tlm_generic_payload& payload,
                               const Message& message) const {
  const auto offset = static_cast<std::uint32_t>(payload.get_address());
  if (offset < kRegBase || offset >= kRegBase + kRegBytes) return Err::kUnmapped;
  if (message.src != parts_.config->ctl) return Err::kForbidden;
  if (message.spread) return Err::kUnsupported;
  if (message.kind == Kind::kRead) {
    return offset % 4 + payload.get_data_length() > 4 ? Err::kUnsupported : Err::kNone;
  }
  unsigned words = 0;
  for (unsigned word = 0; word < 16; ++word)
    words += (message.strb >> 4 * word & 0xfU) != 0 ? 1 : 0;
  return words != 1 ? Err::kUnsupported : Err::kNone;
}

Err MemoryNode::check_space(const tlm::tlm_generic_payload& payload, const Message& message,
                            std::uint64_t cycle) const {
  if (message.mcast || !regs_.serves(cycle)) return Err::kUnsupported;
  if (message.spread && (message.kind != Kind::kRead ||
                         !rect_around(message.spread_dst, message.src, *parts_.config))) {
    return Err::kUnsupported;
  }
  if (parts_.config->hbm_local(payload.get_address()) >= kDramNodeBytes) return Err::kUnmapped;
  return Err::kNone;
}

MemoryNode::Refusal MemoryNode::check(const tlm::tlm_generic_payload& payload,
                                      const Message& message, std::uint64_t cycle) const {
  const std::uint64_t address = payload.get_address();
  const bool read = message.kind == Kind::kRead;
  const bool write = message.kind == Kind::kWrite || message.kind == Kind::kWritePosted;
  const bool atomic = message.kind == Kind::kAtomic;
  const bool hbm = !message.mcast && address >> 52 == static_cast<std::uint64_t>(Space::kHbm);
  if (!read && !write && !atomic) return {Err::kUnsupported, hbm};
  const auto route = parts_.config->route(address);
  if (!message.mcast && (!route || *route != parts_.node)) return {Err::kUnmapped, hbm};
  if (read && (payload.get_data_length() == 0 ||
               address % kGranuleBytes + payload.get_data_length() > kGranuleBytes)) {
    return {Err::kUnsupported, hbm};
  }
  if (write && address % kBlockBytes != 0) return {Err::kUnsupported, hbm};
  if (atomic && (!hbm || address % 4 != 0 || message.amo > Amo::kMax)) {
    return {Err::kUnsupported, hbm};
  }
  if ((write || atomic) && message.poison && !(write && hbm && regs_.ecc())) {
    return {Err::kPoison, hbm};
  }
  return {hbm ? check_space(payload, message, cycle) : check_register(payload, message), hbm};
}

// ---------------------------------------------------------------- requests

tlm::tlm_sync_enum MemoryNode::forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_COMPLETED;
  Message& message = *payload.get_extension<Message>();
  if (message.kind == Kind::kReadRsp) return tlm::TLM_COMPLETED;  // a block for others
  const std::uint64_t cycle = timeline_.now() + to_cycles(delay);
  if (regs_.scrubs()) regs_.scrub_to(cycle);
  Refusal refusal = check(payload, message, cycle);
  std::uint64_t done = cycle + kLocalCycles;
  if (refusal.err == Err::kNone && refusal.hbm) {
    done = access(payload, message, cycle);
  } else if (refusal.err == Err::kNone && !access_register(payload, message, cycle)) {
    refusal.err = Err::kUnmapped;
  }
  if (refusal.err != Err::kNone) {
    regs_.refuse(payload.get_address(), message.src, message.kind, refusal.err, message.tag);
  }
  if (message.kind == Kind::kWrite || refusal.err != Err::kNone) message.poison = false;
  message.err = refusal.err;
  payload.set_response_status(refusal.err == Err::kNone ? tlm::TLM_OK_RESPONSE
                                                        : tlm::TLM_GENERIC_ERROR_RESPONSE);
  delay = to_time(done - timeline_.now());
  return tlm::TLM_COMPLETED;
}

std::uint64_t MemoryNode::access(tlm::tlm_generic_payload& payload, Message& message,
                                 std::uint64_t cycle) {
  regs_.touch(cycle);
  const std::uint64_t done = message.kind == Kind::kRead     ? read(payload, message, cycle)
                             : message.kind == Kind::kAtomic ? atomic(payload, message, cycle)
                                                             : write(payload, message, cycle);
  if (!store_.sound()) regs_.note_events(false);
  return done;
}

std::uint64_t MemoryNode::read(tlm::tlm_generic_payload& payload, Message& message,
                               std::uint64_t cycle) {
  const std::uint64_t local = parts_.config->hbm_local(payload.get_address());
  const std::uint64_t end = local + payload.get_data_length();
  std::uint8_t* data = payload.get_data_ptr();
  std::uint64_t done = 0;
  message.poison = false;
  for (std::uint64_t at = local; at < end;) {
    const std::uint64_t next = std::min(end, (at / kBlockBytes + 1) * kBlockBytes);
    const auto bytes = static_cast<unsigned>(next - at);
    if (store_.read(at, bytes, data, regs_.ecc())) message.poison = true;
    const DramAddress block = dram_address(at);
    const unsigned atoms = at % kBlockBytes < 32 && (next - 1) % kBlockBytes >= 32 ? 2 : 1;
    const std::uint64_t ready = time_[block.pc].read(block, atoms, message.cls, cycle);
    regs_.count_bytes(block.pc, false, atoms * kDramAtomBytes);
    message.ready[at % kGranuleBytes / kBlockBytes] = ready;
    done = std::max(done, ready);
    data += bytes;
    at = next;
  }
  return done;
}

std::uint64_t MemoryNode::write(tlm::tlm_generic_payload& payload, Message& message,
                                std::uint64_t cycle) {
  if (message.strb == 0) return cycle + kLocalCycles;
  const std::uint64_t local = parts_.config->hbm_local(payload.get_address());
  const bool poison = message.poison;
  const bool modifies =
      store_.write(local, payload.get_data_ptr(), message.strb, poison, regs_.ecc());
  const DramAddress block = dram_address(local);
  DramTime& channel = time_[block.pc];
  const unsigned atoms = atoms_of(message.strb);
  std::uint64_t from = cycle;
  if (modifies) {
    from = channel.modify(cycle);
    channel.read(block, atoms, false, from);
    regs_.count_modify(false);
  }
  regs_.count_bytes(block.pc, true,
                    modifies ? atoms * kDramAtomBytes
                             : static_cast<unsigned>(__builtin_popcountll(message.strb)));
  return channel.write(block, atoms, from);
}

std::uint64_t MemoryNode::atomic(tlm::tlm_generic_payload& payload, Message& message,
                                 std::uint64_t cycle) {
  const std::uint64_t local = parts_.config->hbm_local(payload.get_address());
  std::uint32_t words[2] = {};
  std::memcpy(words, payload.get_data_ptr(), sizeof(words));
  std::uint32_t old = 0;
  message.poison = store_.read(local, 4, reinterpret_cast<std::uint8_t*>(&old), regs_.ecc());
  if (!message.poison) {
    std::uint8_t block[kBlockBytes] = {};
    const std::uint32_t result = amo_result(message.amo, old, words[0], words[1]);
    std::memcpy(block + local % kBlockBytes, &result, 4);
    store_.write(local / kBlockBytes * kBlockBytes, block, 0xfULL << local % kBlockBytes, false,
                 regs_.ecc());
  }
  words[0] = old;
  std::memcpy(payload.get_data_ptr(), words, sizeof(words));
  const DramAddress at = dram_address(local);
  DramTime& channel = time_[at.pc];
  regs_.count_modify(true);
  const std::uint64_t from = channel.modify(cycle);
  const std::uint64_t done = channel.read(at, 1, message.cls, from);
  channel.write(at, 1, from);
  return done;
}

bool MemoryNode::access_register(tlm::tlm_generic_payload& payload, const Message& message,
                                 std::uint64_t cycle) {
  const auto offset = static_cast<std::uint32_t>(payload.get_address()) - kRegBase;
  std::uint8_t* data = payload.get_data_ptr();
  if (message.kind == Kind::kRead) {
    const auto value = regs_.read(offset & ~3U, cycle);
    if (!value) return false;
    const std::uint32_t shifted = *value >> 8 * (offset % 4);
    std::memcpy(data, &shifted, payload.get_data_length());
    return true;
  }
  const auto word = static_cast<unsigned>(__builtin_ctzll(message.strb)) / 4;
  std::uint32_t value;
  std::memcpy(&value, data + 4 * word, 4);
  std::uint32_t mask = 0;
  for (unsigned byte = 0; byte < 4; ++byte) {
    if ((message.strb >> (4 * word + byte) & 1U) != 0) mask |= 0xffU << 8 * byte;
  }
  return regs_.write((offset & ~63U) + 4 * word, value, mask, cycle);
}

}  // namespace tsr
