// SPDX-License-Identifier: Apache-2.0
/// Event queue of the TLM models, in chip cycles. All TLM models of a chip share one; it is run by
/// one thread, between the cycles of the RTL models if there are any.
#pragma once

#include <cstdint>
#include <vector>

namespace tsr {

/// Something that wants to be called in a cycle.
class TimelineClient {
 public:
  /// `what` as given to Timeline::at(). Timeline::now() is the cycle asked for.
  virtual void wake(std::uint32_t what) = 0;

 protected:
  ~TimelineClient() = default;
};

/// Events of the same cycle fire in the order in which they were asked for, so a run does not
/// depend on addresses or threads.
class Timeline {
 public:
  static constexpr std::uint64_t kNever = ~0ULL;

  std::uint64_t now() const { return now_; }
  /// Call `client.wake(what)` in `cycle`, or now() if that has passed. The client outlives the
  /// event.
  void at(std::uint64_t cycle, TimelineClient& client, std::uint32_t what = 0);
  /// Cycle of the next event, or kNever.
  std::uint64_t next() const { return heap_.empty() ? kNever : heap_.front().cycle; }
  /// Fire everything before `end`, or until stop(); afterwards now() is `end`, or the cycle in
  /// which it was stopped.
  void run(std::uint64_t end);
  /// End run() after the event that fires.
  void stop() { stop_ = true; }
  /// Events fired so far.
  std::uint64_t fired() const { return fired_; }

 private:
  struct Event {
    std::uint64_t cycle;
    std::uint64_t order;
    TimelineClient* client;
    std::uint32_t what;
  };
  static bool later(const Event& a, const Event& b) {
    return a.cycle != b.cycle ? a.cycle > b.cycle : a.order > b.order;
  }

  std::vector<Event> heap_;
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t fired_ = 0;
  bool stop_ = false;
};

}  // namespace tsr
