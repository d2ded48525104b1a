// SPDX-License-Identifier: Apache-2.0
/// Which cycles of a resource that serves one user a cycle are taken: a link, a column bus.
#pragma once

#include <array>
#include <cstdint>

namespace tsr {

/// Users ask for the first free cycle from some cycle on, in any order of time: one that asks later
/// for an earlier cycle finds the gaps that are left. Remembers a window of kWindow cycles; beyond
/// it everything counts as free.
template <unsigned kWords>
class Calendar {
 public:
  static constexpr std::uint64_t kWindow = std::uint64_t{kWords} * 64;

  /// Free cycles of the 64 from `cycle` on, bit i for cycle + i. Cycles behind the window are free.
  std::uint64_t free(std::uint64_t cycle) const {
    const unsigned shift = cycle % 64;
    const std::uint64_t low = taken(cycle / 64) >> shift;
    if (shift == 0) return ~low;
    return ~(low | taken(cycle / 64 + 1) << (64 - shift));
  }
  /// Take a cycle.
  void take(std::uint64_t cycle) {
    const std::uint64_t number = cycle / 64;
    Word& word = words_[number % kWords];
    if (word.number != number) {
      if (word.number > number) return;  // long past
      word = {number, 0};
    }
    word.taken |= std::uint64_t{1} << (cycle % 64);
  }
  /// Take the first free cycle from `cycle` on.
  std::uint64_t claim(std::uint64_t cycle) {
    for (;; cycle = (cycle / 64 + 1) * 64) {
      const std::uint64_t number = cycle / 64;
      Word& word = words_[number % kWords];
      const std::uint64_t bit = std::uint64_t{1} << cycle % 64;
      if (word.number != number) {
        if (word.number < number) word = {number, bit};  // else it is long past
        return cycle;
      }
      const std::uint64_t bits = ~word.taken & (0 - bit);
      if (bits == 0) continue;
      word.taken |= bits & (0 - bits);
      return number * 64 + static_cast<unsigned>(__builtin_ctzll(bits));
    }
  }

 private:
  struct Word {
    std::uint64_t number = 0;  ///< cycles number * 64 .. + 63
    std::uint64_t taken = 0;
  };

  std::uint64_t taken(std::uint64_t number) const {
    const Word& word = words_[number % kWords];
    return word.number == number ? word.taken : 0;
  }

  std::array<Word, kWords> words_{};
};

}  // namespace tsr
