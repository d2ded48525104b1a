// SPDX-License-Identifier: Apache-2.0
/// Event queue of the TLM models, in chip cycles. All TLM models of a chip share one; it is run by
/// one thread, between the cycles of the RTL models if there are any.
#pragma once

#include <array>
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
  std::uint64_t next() const;
  /// Fire everything before `end`, or until stop(); afterwards now() is `end`, or the cycle in
  /// which it was stopped.
  void run(std::uint64_t end);
  /// Fire until `count` events have been fired since the beginning.
  void fire(std::uint64_t count);
  /// End run() after the event that fires.
  void stop() { stop_ = true; }
  /// Events fired so far.
  std::uint64_t fired() const { return fired_; }

 private:
  /// Nearly all events come within so many cycles: each of these has a list, so that neither asking
  /// nor firing has to search. What comes later waits in a heap until its cycle has a list.
  static constexpr unsigned kWindow = 1024;
  static constexpr unsigned kWords = kWindow / 64;
  static constexpr std::uint32_t kNone = ~0U;

  struct Event {
    TimelineClient* client;
    std::uint32_t what;
    std::uint32_t next;  ///< of its list
  };
  struct List {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };
  struct Late {
    std::uint64_t cycle;
    std::uint64_t order;
    TimelineClient* client;
    std::uint32_t what;
  };
  static bool later(const Late& a, const Late& b) {
    return a.cycle != b.cycle ? a.cycle > b.cycle : a.order > b.order;
  }

  void append(std::uint64_t cycle, TimelineClient& client, std::uint32_t what);
  Event take(std::uint64_t cycle);
  void fire_first(std::uint64_t cycle);
  void move_to(std::uint64_t cycle);
  std::uint64_t next_listed() const;

  std::array<List, kWindow> lists_{};         ///< by cycle modulo kWindow: now() and what follows
  std::array<std::uint64_t, kWords> busy_{};  ///< lists that are not empty
  std::vector<Event> events_;
  std::uint32_t free_ = kNone;  ///< of events_, as a list
  std::vector<Late> heap_;      ///< from now() + kWindow on
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t fired_ = 0;
  bool stop_ = false;
};

}  // namespace tsr
