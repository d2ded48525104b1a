// SPDX-License-Identifier: Apache-2.0
/// First-fit allocator of an address range, with neighbours merged on free.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace tsr {

/// Hands out parts of [0, bytes).
class Heap {
 public:
  explicit Heap(std::uint64_t bytes) { free_[0] = bytes; }

  /// Start of a free range, or nothing if there is none. `alignment`: power of two.
  std::optional<std::uint64_t> allocate(std::uint64_t bytes, std::uint64_t alignment) {
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      const auto [start, size] = *it;
      const std::uint64_t at = (start + alignment - 1) & ~(alignment - 1);
      const std::uint64_t skipped = at - start;
      if (skipped > size || bytes > size - skipped) continue;
      free_.erase(it);
      if (skipped != 0) free_[start] = skipped;
      if (size - skipped > bytes) free_[at + bytes] = size - skipped - bytes;
      used_[at] = bytes;
      return at;
    }
    return std::nullopt;
  }

  /// False if `start` is not an allocated range.
  bool free(std::uint64_t start) {
    const auto used = used_.find(start);
    if (used == used_.end()) return false;
    auto it = free_.emplace(start, used->second).first;
    used_.erase(used);
    const auto next = std::next(it);
    if (next != free_.end() && it->first + it->second == next->first) {
      it->second += next->second;
      free_.erase(next);
    }
    if (it != free_.begin()) {
      const auto previous = std::prev(it);
      if (previous->first + previous->second == it->first) {
        previous->second += it->second;
        free_.erase(it);
      }
    }
    return true;
  }

  std::uint64_t largest() const {
    std::uint64_t best = 0;
    for (const auto& range : free_) best = range.second > best ? range.second : best;
    return best;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;
  std::map<std::uint64_t, std::uint64_t> used_;
};

}  // namespace tsr
