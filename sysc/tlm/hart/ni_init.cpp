// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/ni_init.hpp"

#include <algorithm>

#include "noc/router_page.hpp"
#include "tlm/hart/atomic_unit.hpp"
#include "tlm/hart/core_port.hpp"
#include "tlm/hart/core_runner.hpp"
#include "tlm/hart/host_slots.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

constexpr unsigned kTagBits = 6;
constexpr std::uint8_t kAtomicTag = 1U << 5;

unsigned space_of(std::uint64_t address) { return static_cast<unsigned>(address >> 52) & 15; }
std::uint32_t page_of(std::uint64_t address) { return static_cast<std::uint32_t>(address >> 12); }
bool one_node(const Message& message) { return !message.mcast; }

/// Page of a node's local address, as windows count.
std::uint32_t node_page(Node node, std::uint32_t local) { return node.pack() << 20 | local >> 12; }

/// What windows and records look at: of a message to a rectangle its first byte in the first node.
std::uint64_t address_of(const tlm::tlm_generic_payload& payload, const Message& message) {
  if (!message.mcast) return payload.get_address();
  return node_address(message.dst.lo, static_cast<std::uint32_t>(payload.get_address()));
}

/// Blocks of 64 bytes that an answer brings.
unsigned blocks(const tlm::tlm_generic_payload& payload, const Message& message) {
  if (message.kind != Kind::kRead || failed(payload)) return 1;
  const std::uint64_t first = payload.get_address() / 64;
  const std::uint64_t last = (payload.get_address() + payload.get_data_length() - 1) / 64;
  return static_cast<unsigned>(last - first + 1);
}

}  // namespace

bool NiInit::send(Initiator initiator, tlm::tlm_generic_payload& payload, std::uint64_t& cycle) {
  Message& message = hart::message(payload);
  const auto node = parts_.config.route(address_of(payload, message));
  const Err err = node ? check(payload, message, *node) : Err::kUnmapped;
  if (err == Err::kNone) {
    address(initiator, payload, *node, cycle);
    return transmit(initiator, payload, cycle);
  }
  parts_.regs->error(
      ErrLog::refused(ErrLog::kOutgoing, err, parts_.node(), address_of(payload, message)));
  if (answered(message.kind)) {
    refuse(payload, err);
  } else {
    accept(payload);  // dropped: nobody is told
  }
  cycle += 1;
  return true;
}

Err NiInit::check(const tlm::tlm_generic_payload& payload, const Message& message, Node node) {
  const unsigned number = (node.y & 7U) << 3 | (node.x & 7U);
  if (one_node(message) && parts_.regs->unreachable(number)) return Err::kUnmapped;
  if (message.mcast || message.spread) {
    const Rect& rect = message.mcast ? message.dst : message.spread_dst;
    if (!parts_.config.in_mesh(rect.hi) || rect.lo.x > rect.hi.x || rect.lo.y > rect.hi.y) {
      return Err::kUnmapped;
    }
  }
  return allowed(payload, message, node) ? Err::kNone : Err::kForbidden;
}

bool NiInit::allowed(const tlm::tlm_generic_payload& payload, const Message& message,
                     Node destination) {
  const std::uint64_t address = address_of(payload, message);
  const unsigned space = space_of(address);
  const bool in_nodes = space == static_cast<unsigned>(Space::kNode);
  if (parts_.is_ctl) return true;
  if (in_nodes && (address & 0xfffff000) == kRouterPage) return false;
  if (in_nodes && destination == parts_.node() && !message.mcast && !message.spread) return true;
  unsigned write_space = space;
  std::uint32_t near = page_of(address);
  std::uint32_t far = near;
  const auto local = static_cast<std::uint32_t>(address);
  if (message.mcast) far = node_page(message.dst.hi, local);
  if (message.spread) {
    write_space = static_cast<unsigned>(Space::kNode);
    near = node_page(message.spread_dst.lo, kSpmBase + message.doff);
    far = node_page(message.spread_dst.hi, kSpmBase + message.doff + payload.get_data_length() - 1);
  }
  bool may_read = message.kind != Kind::kRead && message.kind != Kind::kAtomic;
  bool may_write = message.kind == Kind::kRead && !message.spread;
  for (unsigned i = 0; i < 8; ++i) {
    const auto window = parts_.regs->window(i);
    const std::uint32_t page = page_of(address);
    may_read |= window.read && window.space == space && page >= window.base && page <= window.limit;
    may_write |=
        window.write && window.space == write_space && near >= window.base && far <= window.limit;
  }
  return may_read && may_write;
}

void NiInit::address(Initiator initiator, tlm::tlm_generic_payload& payload, Node node,
                     std::uint64_t cycle) {
  Message& message = hart::message(payload);
  bool detour = false;
  if (!message.mcast) {
    message.dst = {node, node};
    detour = parts_.regs->detour((node.y & 7U) << 3 | (node.x & 7U));
  }
  message.src = parts_.node();
  message.vc = parts_.is_ctl || detour;
  message.cls = parts_.regs->urgent(initiator);
  message.tag = static_cast<std::uint8_t>(static_cast<unsigned>(initiator) << kTagBits |
                                          (message.tag & ((1U << kTagBits) - 1)));
  if (message.birth == 0) message.birth = cycle;
}

bool NiInit::transmit(Initiator initiator, tlm::tlm_generic_payload& payload,
                      std::uint64_t& cycle) {
  std::uint64_t& last = last_leave_[static_cast<unsigned>(initiator)];
  last = std::max(cycle + kToLink, last + 1);
  ++parts_.counts.request_tx;
  sc_core::sc_time delay = to_time(last - parts_.now());
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  const bool posted = !answered(message(payload).kind);
  if ((*parts_.initiator)->nb_transport_fw(payload, phase, delay) != tlm::TLM_COMPLETED)
    return false;
  cycle = parts_.now() + to_cycles(delay);
  if (posted) return true;
  cycle += kFromLink;
  arrived(payload);
  return true;
}

/// The initiator has blocks a cycle after the link.
void NiInit::arrived(tlm::tlm_generic_payload& payload) {
  Message& message = hart::message(payload);
  parts_.counts.response_rx += blocks(payload, message);
  for (std::uint64_t& ready : message.ready) {
    if (ready != 0) ready += kFromLink;
  }
}

void NiInit::response(tlm::tlm_generic_payload& payload, std::uint64_t cycle) {
  if (!answered(message(payload).kind)) return deliver(payload);  // the network has taken it
  arrived(payload);
  parts_.later.at(cycle + kFromLink, [this, &payload] { deliver(payload); });
}

void NiInit::deliver(tlm::tlm_generic_payload& payload) {
  const Message& message = hart::message(payload);
  const auto tag = static_cast<std::uint8_t>(message.tag & ((1U << kTagBits) - 1));
  switch (message.tag >> kTagBits) {
    case 0:
      if (message.kind == Kind::kSemPost) {
        payload.release();
      } else {
        parts_.engines->response(Engine::Rdma, payload);
      }
      break;
    case 1:
      parts_.engines->response(Engine::Wdma, payload);
      break;
    case 2:
      if ((tag & kAtomicTag) != 0) {
        parts_.atomic->answered(payload);
      } else {
        parts_.core_port->answered(payload);
      }
      break;
    default:
      parts_.host->answered(payload);
      break;
  }
}

void NiInit::post(const Rect& nodes, unsigned semaphore, unsigned amount, std::uint64_t cycle) {
  constexpr std::uint32_t kSemOffset = 0x80;  // regs/tile.toml
  Request* request = parts_.pool.take();
  request->begin(Kind::kSemPost, node_address(nodes.lo, kRegsBase + kSemOffset + 4 * semaphore), 0);
  Message& header = request->header();
  header.mcast = nodes.lo != nodes.hi;
  header.dst = nodes;
  header.doff = semaphore | amount << 8;
  if (send(Initiator::Post, *request, cycle)) request->release();
}

void NiInit::post_behind(Engine engine, const Rect& nodes, unsigned semaphore, unsigned amount,
                         std::uint64_t cycle) {
  const std::uint64_t last = last_leave_[static_cast<unsigned>(engine)];
  if (last + 1 > cycle + kToLink) cycle = last + 1 - kToLink;
  post(nodes, semaphore, amount, cycle);
}

}  // namespace tsr::hart
