// SPDX-License-Identifier: Apache-2.0
/// Where the checkers of a node leave the first difference that they find.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace tsr::check {

/// The first difference of a node.
struct Difference {
  std::uint64_t cycle = 0;          ///< in which it was found
  std::string text;                 ///< one line, without the node's name
  std::optional<std::uint32_t> pc;  ///< of the instruction that differs
};

class CheckLog {
 public:
  /// `stop` is called once, within the cycle of the difference.
  explicit CheckLog(std::function<void()> stop) : stop_(std::move(stop)) {}

  /// Keep the first difference; later ones only follow from it.
  void report(Difference difference) {
    if (difference_) return;
    difference_ = std::move(difference);
    if (stop_) stop_();
  }
  bool failed() const { return difference_.has_value(); }
  const std::optional<Difference>& difference() const { return difference_; }

 private:
  std::function<void()> stop_;
  std::optional<Difference> difference_;
};

}  // namespace tsr::check
