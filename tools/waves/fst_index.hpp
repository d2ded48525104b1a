// SPDX-License-Identifier: Apache-2.0
/// Names of the scopes and signals of an FST trace, and a search for a value.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace tsr::waves {

/// A cycle is 1,250 units of 1 ps in every trace of the platform and of the benches.
constexpr std::uint64_t kCycleTime = 1250;

struct Signal {
  std::string name;      ///< full name with its range, as GTKWave shows it
  unsigned width;        ///< bits
  std::uint32_t handle;  ///< of the FST reader
};

class FstIndex {
 public:
  /// Read the hierarchy. Throws InputError if the file is missing or not an FST trace.
  explicit FstIndex(const std::string& file);

  const std::string& file() const { return file_; }
  std::uint64_t first_time() const { return first_; }
  std::uint64_t last_time() const { return last_; }
  const std::set<std::string>& scopes() const { return scopes_; }
  std::size_t size() const { return signals_.size(); }

  /// Signal by its full name without range, or nullptr.
  const Signal* find(const std::string& name) const;
  /// First time at which the signal (at most 64 bits) is at least `value`.
  std::optional<std::uint64_t> reaches(const Signal& signal, std::uint64_t value) const;

 private:
  std::string file_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  std::set<std::string> scopes_;
  std::unordered_map<std::string, Signal> signals_;
};

}  // namespace tsr::waves
