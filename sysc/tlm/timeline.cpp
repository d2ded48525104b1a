// SPDX-License-Identifier: Apache-2.0
#include "tlm/timeline.hpp"

#include <algorithm>

namespace tsr {

void Timeline::at(std::uint64_t cycle, TimelineClient& client, std::uint32_t what) {
  heap_.push_back({std::max(cycle, now_), order_++, &client, what});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void Timeline::run(std::uint64_t end) {
  stop_ = false;
  while (!heap_.empty() && heap_.front().cycle < end) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    now_ = event.cycle;
    ++fired_;
    event.client->wake(event.what);
    if (stop_) return;
  }
  now_ = std::max(now_, end);
}

}  // namespace tsr
