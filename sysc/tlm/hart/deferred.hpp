// SPDX-License-Identifier: Apache-2.0
/// Calls to be made in later cycles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#include "tlm/timeline.hpp"

namespace tsr::hart {

class Deferred final : public TimelineClient {
 public:
  explicit Deferred(Timeline& timeline) : timeline_(timeline) {}

  /// Call `action` in `cycle`, unless clear() comes first. It may hold a few pointers and numbers.
  template <class Action>
  void at(std::uint64_t cycle, const Action& action) {
    static_assert(std::is_trivially_copyable_v<Action> && sizeof(Action) <= sizeof(Call::held));
    static_assert(alignof(Action) <= alignof(std::max_align_t));
    Call call;
    std::memcpy(call.held, &action, sizeof action);
    call.run = [](void* held) { (*static_cast<Action*>(held))(); };
    put(cycle, call);
  }
  /// Forget everything.
  void clear();
  /// Calls that are due.
  std::uint32_t pending() const { return pending_; }
  void wake(std::uint32_t what) override;

 private:
  struct Call {
    alignas(std::max_align_t) std::byte held[32];
    void (*run)(void*) = nullptr;
  };
  void put(std::uint64_t cycle, const Call& call);

  Timeline& timeline_;
  std::vector<Call> calls_;
  std::vector<std::uint32_t> free_;
  std::uint32_t pending_ = 0;
};

/// One call in a cycle that moves: the newest time counts. Puts at most one event for each time
/// that is earlier than all before into the queue.
class Alarm final : public TimelineClient {
 public:
  Alarm(Timeline& timeline, std::function<void()> action)
      : timeline_(timeline), action_(std::move(action)) {}

  void set(std::uint64_t cycle);
  void cancel() { due_ = Timeline::kNever; }
  bool armed() const { return due_ != Timeline::kNever; }
  std::uint64_t due() const { return due_; }
  void wake(std::uint32_t what) override;

 private:
  Timeline& timeline_;
  std::function<void()> action_;
  std::uint64_t due_ = Timeline::kNever;
  std::uint64_t next_ = Timeline::kNever;  ///< earliest event in the queue
};

}  // namespace tsr::hart
