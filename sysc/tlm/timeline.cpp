// SPDX-License-Identifier: Apache-2.0
#include "tlm/timeline.hpp"

#include <algorithm>

namespace tsr {

void Timeline::append(std::uint64_t cycle, TimelineClient& client, std::uint32_t what) {
  std::uint32_t event = free_;
  if (event != kNone) {
    free_ = events_[event].next;
    events_[event] = {&client, what, kNone};
  } else {
    event = static_cast<std::uint32_t>(events_.size());
    events_.push_back({&client, what, kNone});
  }
  List& list = lists_[cycle % kWindow];
  if (list.first == kNone) {
    list.first = event;
    busy_[cycle % kWindow / 64] |= std::uint64_t{1} << cycle % 64;
  } else {
    events_[list.last].next = event;
  }
  list.last = event;
}

/// The first event of a cycle that has one.
Timeline::Event Timeline::take(std::uint64_t cycle) {
  List& list = lists_[cycle % kWindow];
  const std::uint32_t at = list.first;
  const Event event = events_[at];
  list.first = event.next;
  if (event.next == kNone) busy_[cycle % kWindow / 64] &= ~(std::uint64_t{1} << cycle % 64);
  events_[at].next = free_;
  free_ = at;
  return event;
}

void Timeline::at(std::uint64_t cycle, TimelineClient& client, std::uint32_t what) {
  cycle = std::max(cycle, now_);
  if (cycle - now_ < kWindow) {
    append(cycle, client, what);
    return;
  }
  heap_.push_back({cycle, order_++, &client, what});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

/// Time passes. Events of cycles that have a list from now on are moved there before anybody can
/// ask for such a cycle: so they stay in front.
void Timeline::move_to(std::uint64_t cycle) {
  now_ = cycle;
  while (!heap_.empty() && heap_.front().cycle - now_ < kWindow) {
    const Late& late = heap_.front();
    append(late.cycle, *late.client, late.what);
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
}

std::uint64_t Timeline::next_listed() const {
  const auto from = static_cast<unsigned>(now_ % kWindow);
  std::uint64_t bits = busy_[from / 64] >> from % 64;
  if (bits != 0) return now_ + static_cast<unsigned>(__builtin_ctzll(bits));
  // The word that now() is in comes again at last, with the cycles before it.
  for (unsigned i = 1; i <= kWords; ++i) {
    bits = busy_[(from / 64 + i) % kWords];
    if (bits == 0) continue;
    return now_ - from % 64 + std::uint64_t{64} * i + static_cast<unsigned>(__builtin_ctzll(bits));
  }
  return kNever;
}

std::uint64_t Timeline::next() const {
  const std::uint64_t listed = next_listed();
  return listed == kNever && !heap_.empty() ? heap_.front().cycle : listed;
}

void Timeline::fire_first(std::uint64_t cycle) {
  const Event event = take(cycle);
  ++fired_;
  event.client->wake(event.what);
}

void Timeline::fire(std::uint64_t count) {
  for (std::uint64_t cycle = next(); fired_ < count && cycle != kNever; cycle = next()) {
    move_to(cycle);
    fire_first(cycle);
  }
}

void Timeline::run(std::uint64_t end) {
  stop_ = false;
  for (std::uint64_t cycle = next(); cycle < end; cycle = next()) {
    move_to(cycle);
    while (lists_[cycle % kWindow].first != kNone) {
      fire_first(cycle);
      if (stop_) return;
    }
  }
  if (end > now_) move_to(end);
}

}  // namespace tsr
