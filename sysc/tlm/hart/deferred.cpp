// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/deferred.hpp"

#include <algorithm>

namespace tsr::hart {

void Deferred::put(std::uint64_t cycle, const Call& call) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(calls_.size()));
    calls_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  calls_[slot] = call;
  ++pending_;
  timeline_.at(cycle, *this, slot);
}

void Deferred::clear() {
  // The events stay in the queue: a slot is free again when its event has come.
  for (Call& call : calls_) call.run = [](void*) {};
}

void Deferred::wake(std::uint32_t what) {
  Call call = calls_[what];
  free_.push_back(what);
  --pending_;
  call.run(call.held);
}

void Alarm::set(std::uint64_t cycle) {
  due_ = std::max(cycle, timeline_.now());
  if (due_ >= next_) return;
  next_ = due_;
  timeline_.at(due_, *this);
}

void Alarm::wake(std::uint32_t /*what*/) {
  const std::uint64_t now = timeline_.now();
  if (next_ <= now) next_ = Timeline::kNever;
  if (due_ == Timeline::kNever) return;
  if (due_ > now) return set(due_);
  due_ = Timeline::kNever;
  action_();
}

}  // namespace tsr::hart
