// SPDX-License-Identifier: Apache-2.0
/// Worker threads that run the two phases of a cycle in lock-step with the caller.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tsr {

/// Waits for a condition that another thread makes true soon: spins, then yields the processor.
template <class Condition>
inline void spin_until(Condition&& condition) {
  for (unsigned i = 0; !condition(); ++i) {
    if (i < 600) {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    } else {
      std::this_thread::yield();
    }
  }
}

/// `workers` threads beside the caller. Between resume() and park() they spin; parked they sleep.
class WorkerPool {
 public:
  using Phase = std::function<void(unsigned worker)>;

  /// `setup` runs once on every new thread; `first` and `second` are the two phases of a cycle.
  WorkerPool(unsigned workers, const std::function<void()>& setup, Phase first, Phase second);
  ~WorkerPool();

  void resume();
  void park();
  bool resumed() const { return resumed_; }

  /// Both phases on all workers 1..n, and as worker 0 on the caller; a barrier after each phase.
  void cycle() {
    const std::uint64_t base = 2 * workers_ * generation_;
    ++generation_;
    go_.store(generation_, std::memory_order_release);
    first_(0);
    spin_until([&] { return done_.load(std::memory_order_acquire) >= base + workers_; });
    half_.store(generation_, std::memory_order_release);
    second_(0);
    spin_until([&] { return done_.load(std::memory_order_acquire) >= base + 2 * workers_; });
  }

 private:
  void work(unsigned worker);

  std::uint64_t workers_;
  Phase first_;
  Phase second_;
  bool resumed_ = false;
  std::uint64_t generation_ = 0;  ///< cycles started
  alignas(64) std::atomic<std::uint64_t> go_{0};
  alignas(64) std::atomic<std::uint64_t> half_{0};
  alignas(64) std::atomic<std::uint64_t> done_{0};
  alignas(64) std::atomic<bool> parked_{true};
  std::atomic<bool> quit_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
};

}  // namespace tsr
