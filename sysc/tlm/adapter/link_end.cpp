// SPDX-License-Identifier: Apache-2.0
#include "tlm/adapter/link_end.hpp"

#include <algorithm>

namespace tsr {

LinkEnd::LinkEnd(Timeline& timeline) : timeline_(timeline) {
  for (unsigned net = 0; net < kNets; ++net) {
    tx_flit[net] = tx_[net].data();
    rx_flit[net] = rx_[net].data();
    credits_[net].fill(kVcDepth);
  }
}

void LinkEnd::set_reset(bool active) {
  reset_ = active;
  for (unsigned net = 0; net < kNets; ++net) {
    credits_[net].fill(kVcDepth);
    owed_[net].fill(0);
    inbox_[net].clear();
    for (auto& queue : queue_[net]) queue.clear();
  }
}

void LinkEnd::send(unsigned net, std::uint64_t cycle, const Flit& flit, void* what) {
  // What comes in is looked at a cycle late: make it up here.
  if (cycle > 0) --cycle;
  auto& queue = queue_[net][flit.vc ? 1 : 0];
  const auto behind = std::upper_bound(
      queue.begin(), queue.end(), cycle,
      [](std::uint64_t value, const Waiting& waiting) { return value < waiting.cycle; });
  queue.insert(behind, {cycle, flit, what});
  timeline_.at(cycle == 0 ? 0 : cycle - 1, *this);
}

Pins LinkEnd::put_out(unsigned net, std::uint64_t now) {
  for (unsigned i = 0; i < kNumVcs; ++i) {
    const unsigned vc = (turn_[net] + i) % kNumVcs;
    auto& queue = queue_[net][vc];
    // A flit that is put out now is on the link in the next cycle.
    if (queue.empty() || queue.front().cycle > now + 1 || credits_[net][vc] == 0) continue;
    Waiting& next = queue.front();
    next.flit.birth = static_cast<std::uint16_t>(std::min(next.cycle, now));
    next.flit.seal();
    next.flit.to_words(tx_[net].data());
    if (next.what != nullptr) outbox_.push_back(next.what);
    queue.pop_front();
    --credits_[net][vc];
    turn_[net] = 1 - vc;
    return valid_pin(net * kPorts);
  }
  return 0;
}

bool LinkEnd::due(std::uint64_t now) const {
  for (const auto& net : queue_) {
    for (const auto& queue : net) {
      if (!queue.empty() && queue.front().cycle <= now + 2) return true;
    }
  }
  return false;
}

Pins LinkEnd::step(std::uint64_t now, Pins in) {
  if (reset_) return kIdlePin;
  Pins out = 0;
  bool owes = false;
  for (unsigned net = 0; net < kNets; ++net) {
    const unsigned link = net * kPorts;
    for (unsigned vc = 0; vc < kNumVcs; ++vc) {
      const unsigned pin = credit_pin(link) + vc;
      credits_[net][vc] += (in >> pin) & 1U;
      if (owed_[net][vc] == 0) continue;
      --owed_[net][vc];
      out |= 1U << pin;
      owes |= owed_[net][vc] != 0;
    }
    if ((in & valid_pin(link)) != 0) inbox_[net].push_back(Flit::from_words(rx_[net].data()));
    out |= put_out(net, now);
  }
  if (!owes && !due(now)) out |= kIdlePin;
  return out;
}

void LinkEnd::exchange() {
  refresh();
  for (unsigned net = 0; net < kNets; ++net) {
    if (inbox_[net].empty()) continue;
    for (const Flit& flit : inbox_[net]) {
      ++owed_[net][flit.vc ? 1 : 0];
      received(net, flit);
    }
    inbox_[net].clear();
    wake(0);
  }
  if (outbox_.empty()) return;
  std::vector<void*> out;
  out.swap(outbox_);
  for (void* what : out) sent(what);
}

}  // namespace tsr
