// SPDX-License-Identifier: Apache-2.0
#include "worker_pool.hpp"

namespace tsr {

WorkerPool::WorkerPool(unsigned workers, const std::function<void()>& setup, Phase first,
                       Phase second)
    : workers_(workers), first_(std::move(first)), second_(std::move(second)) {
  for (unsigned i = 1; i <= workers; ++i) {
    threads_.emplace_back([this, i, setup] {
      setup();
      work(i);
    });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    quit_.store(true);
    parked_.store(false);
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void WorkerPool::resume() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    parked_.store(false);
  }
  wake_.notify_all();
  resumed_ = true;
}

void WorkerPool::park() {
  parked_.store(true);
  resumed_ = false;
}

void WorkerPool::work(unsigned worker) {
  std::uint64_t seen = 0;
  while (!quit_.load()) {
    spin_until([&] {
      return go_.load(std::memory_order_acquire) != seen ||
             parked_.load(std::memory_order_relaxed) || quit_.load(std::memory_order_relaxed);
    });
    if (go_.load(std::memory_order_acquire) == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !parked_.load() || quit_.load(); });
      continue;
    }
    ++seen;
    first_(worker);
    done_.fetch_add(1, std::memory_order_release);
    spin_until([&] { return half_.load(std::memory_order_acquire) >= seen; });
    second_(worker);
    done_.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace tsr
