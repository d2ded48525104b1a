// SPDX-License-Identifier: Apache-2.0
/// Reads FST waves by signal name.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tsr {

/// Picoseconds of a cycle in the waves of a chip or a bench; cycle = time / kWavePeriodPs.
inline constexpr std::uint64_t kWavePeriodPs = 1250;

/// An open trace. Names are hierarchical with dots, as in GTKWave's save files; the range of a
/// vector ("[31:0]") may be left out.
class FstFile {
 public:
  static constexpr std::uint32_t kNone = 0;

  /// Throws InputError if the file is no trace.
  explicit FstFile(const std::string& file);
  ~FstFile();
  FstFile(const FstFile&) = delete;
  FstFile& operator=(const FstFile&) = delete;

  const std::string& file() const { return file_; }
  /// First and last time that values are known for, picoseconds.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  /// Every signal with its range, in the order of the file. Several may share a handle.
  const std::vector<std::string>& names() const { return names_; }
  /// Every scope, in alphabetical order.
  const std::set<std::string>& scopes() const { return scopes_; }
  /// Handle of a signal, kNone if there is none of this name.
  std::uint32_t find(const std::string& name) const;
  /// The name with its range, "" if there is no such signal.
  std::string full_name(const std::string& name) const;
  /// Bits of a signal, 0 if there is none of this name.
  unsigned width(const std::string& name) const;

  /// Called for every change, in the order of time; `bits` has a character 0, 1, x or z a bit, the
  /// most significant first.
  using OnChange =
      std::function<void(std::uint64_t time, std::uint32_t handle, std::string_view bits)>;
  /// Walk the changes of some signals from the start of the file to `to`, inclusive.
  void walk(const std::vector<std::uint32_t>& handles, std::uint64_t to, const OnChange& change);
  /// Values of signals at a time by handle; signals without a value are missing.
  std::unordered_map<std::uint32_t, std::string> values(const std::vector<std::uint32_t>& handles,
                                                        std::uint64_t at);
  /// First time at which a signal (its lowest 64 bits) is at least `value`.
  std::optional<std::uint64_t> reaches(const std::string& name, std::uint64_t value);

 private:
  void read_names();

  std::string file_;
  void* reader_;
  std::uint64_t begin_ = 0, end_ = 0;
  std::vector<std::string> names_;
  std::set<std::string> scopes_;
  struct Signal {
    std::uint32_t handle;
    std::size_t index;  ///< in names_
    unsigned width;
  };
  std::unordered_map<std::string, Signal> signals_;  ///< by name without range
};

/// Number of a value's bits `high`..`low` (at most 64); bits that are not 0 or 1 count as 0.
std::uint64_t wave_bits(std::string_view bits, unsigned high, unsigned low);
/// Number of a whole value (its lowest 64 bits).
std::uint64_t wave_number(std::string_view bits);

}  // namespace tsr
