// SPDX-License-Identifier: Apache-2.0
#include "tlm/adapter/rtl_endpoint.hpp"

#include <algorithm>

namespace tsr {

RtlEndpoint::RtlEndpoint(sc_core::sc_module_name name, Timeline& timeline, Node node,
                         RouterPort& router, NodeModel& endpoint)
    : sc_module(name),
      LinkEnd(timeline),
      initiator("initiator"),
      target("target"),
      node_(node),
      router_(router),
      endpoint_(endpoint) {
  initiator.register_nb_transport_bw(this, &RtlEndpoint::backward);
  target.register_nb_transport_fw(this, &RtlEndpoint::forward);
  count_select_in = &select_;
  count_out = &count_;
}

/// The counter that the endpoint has selected.
void RtlEndpoint::refresh() {
  router_.select(select_);
  count_ = router_.count();
  if (endpoint_.count_in != nullptr) *endpoint_.count_in = count_;
}

std::unique_ptr<Transaction> RtlEndpoint::fresh() {
  if (free_.empty()) return std::make_unique<Transaction>();
  auto transaction = std::move(free_.back());
  free_.pop_back();
  return transaction;
}

// ---------------------------------------------------------------- messages to the endpoint

tlm::tlm_sync_enum RtlEndpoint::forward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                        sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_REQ) return tlm::TLM_COMPLETED;
  const Message& message = *payload.get_extension<Message>();
  const std::uint64_t cycle = timeline_.now() + to_cycles(delay);
  Flit flit = request_flit(payload, message);
  const bool answered =
      message.kind == Kind::kRead || message.kind == Kind::kWrite || message.kind == Kind::kAtomic;
  if (answered) awaited_[key(message.src, message.tag)].begin(payload);
  send(message.kind == Kind::kReadRsp ? 1 : 0, cycle, flit);
  return answered ? tlm::TLM_ACCEPTED : tlm::TLM_COMPLETED;
}

void RtlEndpoint::response(const Flit& flit) {
  const auto found = awaited_.find(key(flit.mcast ? flit.owner : flit.dst.lo, flit.tag));
  if (found == awaited_.end() || !found->second.take(flit, timeline_.now())) return;
  tlm::tlm_generic_payload& payload = *found->second.payload;
  awaited_.erase(found);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  target->nb_transport_bw(payload, phase, delay);
}

// ---------------------------------------------------------------- messages of the endpoint

void RtlEndpoint::received(unsigned net, const Flit& flit) {
  if (net == 1) {
    response(flit);
  } else {
    request(flit);
  }
}

void RtlEndpoint::request(const Flit& flit) {
  auto transaction = fresh();
  transaction->load(flit);
  Transaction& ours = *transaction;
  asked_.push_back(std::move(transaction));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  if (initiator->nb_transport_fw(ours.payload, phase, delay) == tlm::TLM_COMPLETED) {
    answer(ours, timeline_.now() + to_cycles(delay));
  }
}

void RtlEndpoint::answer(Transaction& transaction, std::uint64_t cycle) {
  const Kind kind = transaction.message.kind;
  if (kind != Kind::kWritePosted && kind != Kind::kSemPost) {
    const Node from = transaction.message.dst.lo;
    answer_flits(transaction.payload, transaction.message, from, cycle,
                 [this](std::uint64_t due, const Flit& flit) { send(1, due, flit); });
  }
  const auto found = std::find_if(asked_.begin(), asked_.end(),
                                  [&](const auto& asked) { return asked.get() == &transaction; });
  free_.push_back(std::move(*found));
  asked_.erase(found);
}

tlm::tlm_sync_enum RtlEndpoint::backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                         sc_core::sc_time& delay) {
  if (phase != tlm::BEGIN_RESP) return tlm::TLM_COMPLETED;
  const auto found = std::find_if(asked_.begin(), asked_.end(),
                                  [&](const auto& asked) { return &asked->payload == &payload; });
  if (found != asked_.end()) answer(**found, timeline_.now() + to_cycles(delay));
  return tlm::TLM_COMPLETED;
}

}  // namespace tsr
