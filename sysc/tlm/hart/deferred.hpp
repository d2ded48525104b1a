// SPDX-License-Identifier: Apache-2.0
/// Calls to be made in later cycles.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tlm/timeline.hpp"

namespace tsr::hart {

class Deferred final : public TimelineClient {
 public:
  explicit Deferred(Timeline& timeline) : timeline_(timeline) {}

  /// Call `action` in `cycle`, unless clear() comes first.
  void at(std::uint64_t cycle, std::function<void()> action);
  /// Forget everything.
  void clear();
  /// Calls that are due.
  std::uint32_t pending() const { return pending_; }
  void wake(std::uint32_t what) override;

 private:
  Timeline& timeline_;
  std::vector<std::function<void()>> actions_;
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
