// SPDX-License-Identifier: Apache-2.0
#include "tlm/adapter/tlm_endpoint.hpp"

#include <algorithm>

namespace tsr {
namespace {

/// Posted messages that wait in the adapter before their sender has to.
constexpr std::size_t kPostedRoom = 8;

}  // namespace

TlmEndpoint::TlmEndpoint(sc_core::sc_module_name name, Timeline& timeline, Node node)
    : sc_module(name),
      LinkEnd(timeline),
      from_endpoint("from_endpoint"),
      to_endpoint("to_endpoint"),
      node_(node) {
  from_endpoint.register_nb_transport_fw(this, &TlmEndpoint::forward);
  to_endpoint.register_nb_transport_bw(this, &TlmEndpoint::backward);
  count_select_out = &select_;
  count_in = &count_;
}

void TlmEndpoint::select(unsigned counter) {
  select_ = static_cast<std::uint8_t>(counter);
  if (on_wake) on_wake();
}

std::unique_ptr<Transaction> TlmEndpoint::fresh() {
  if (free_.empty()) return std::make_unique<Transaction>();
  auto transaction = std::move(free_.back());
  free_.pop_back();
  return transaction;
}

// ---------------------------------------------------------------- requests of the endpoint

tlm::tlm_sync_enum TlmEndpoint::forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                        sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_COMPLETED;
  Message& message = *payload.get_extension<Message>();
  const std::uint64_t cycle = timeline_.now() + to_cycles(delay);
  const Flit flit = request_flit(payload, message);
  if (message.kind != Kind::kWritePosted && message.kind != Kind::kSemPost) {
    awaited_[message.tag].begin(payload);
    send(0, cycle, flit);
    return tlm::TLM_ACCEPTED;
  }
  message.err = Err::kNone;
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  const bool room = waiting(0) < kPostedRoom;
  send(0, cycle, flit, room ? nullptr : &payload);
  return room ? tlm::TLM_COMPLETED : tlm::TLM_ACCEPTED;
}

void TlmEndpoint::finish(tlm::tlm_generic_payload& payload) {
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  from_endpoint->nb_transport_bw(payload, phase, delay);
}

void TlmEndpoint::sent(void* what) { finish(*static_cast<tlm::tlm_generic_payload*>(what)); }

void TlmEndpoint::response(const Flit& flit) {
  if (flit.mcast && flit.owner != node_) {
    Transaction block;
    block.load(flit);
    block.payload.set_address(flit.addr);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    to_endpoint->nb_transport_fw(block.payload, phase, delay);
    return;
  }
  Awaited& awaited = awaited_[flit.tag];
  if (awaited.payload == nullptr || !awaited.take(flit, timeline_.now())) return;
  tlm::tlm_generic_payload& payload = *awaited.payload;
  awaited.payload = nullptr;
  finish(payload);
}

// ---------------------------------------------------------------- requests to the endpoint

void TlmEndpoint::received(unsigned net, const Flit& flit) {
  if (net == 1) {
    response(flit);
  } else {
    request(flit);
  }
}

void TlmEndpoint::request(const Flit& flit) {
  auto transaction = fresh();
  transaction->load(flit);
  Transaction& ours = *transaction;
  served_.push_back(std::move(transaction));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  if (to_endpoint->nb_transport_fw(ours.payload, phase, delay) == tlm::TLM_COMPLETED) {
    answer(ours, timeline_.now() + to_cycles(delay));
  }
}

void TlmEndpoint::answer(Transaction& transaction, std::uint64_t cycle) {
  const Kind kind = transaction.message.kind;
  if (kind != Kind::kWritePosted && kind != Kind::kSemPost) {
    answer_flits(transaction.payload, transaction.message, node_, cycle,
                 [this](std::uint64_t due, const Flit& flit) { send(1, due, flit); });
  }
  const auto found = std::find_if(served_.begin(), served_.end(),
                                  [&](const auto& served) { return served.get() == &transaction; });
  free_.push_back(std::move(*found));
  served_.erase(found);
}

tlm::tlm_sync_enum TlmEndpoint::backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                         sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_COMPLETED;
  const auto found = std::find_if(served_.begin(), served_.end(),
                                  [&](const auto& served) { return &served->payload == &payload; });
  if (found != served_.end()) answer(**found, timeline_.now() + to_cycles(delay));
  return tlm::TLM_COMPLETED;
}

}  // namespace tsr
