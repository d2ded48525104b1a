// SPDX-License-Identifier: Apache-2.0
/// Everything that reached a chip from outside, in memory that snapshots of the process share.
#pragma once

#include <cstdint>

#include "../faults.hpp"
#include "../host_target/host_port.hpp"

namespace tsr {

/// One input. It takes effect in `cycle`: it is there before that cycle runs.
struct ChipInput {
  enum class Kind : std::uint8_t { Request, LinkDeath };
  std::uint64_t cycle = 0;
  Kind kind = Kind::Request;
  /// A TLM ctl node's request that the host made when it got an answer, within event number
  /// `event` of the TLM half; else that many had happened before.
  bool inside = false;
  std::uint64_t event = 0;
  HostRequest request;  ///< Request: goes to the host port
  LinkDeath death;      ///< LinkDeath
};

/// Ring of the latest inputs, numbered from 0. One process writes, others read what they were told
/// exists.
class InputLog {
 public:
  static constexpr std::uint64_t kCapacity = 1U << 17;

  /// Throws Error if the memory cannot be mapped.
  InputLog();
  ~InputLog();
  InputLog(const InputLog&) = delete;
  InputLog& operator=(const InputLog&) = delete;

  void add(const ChipInput& input) {
    ring_[count_ % kCapacity] = input;
    ++count_;
  }
  /// Inputs so far.
  std::uint64_t count() const { return count_; }
  /// Number `index`, which is one of the latest kCapacity.
  const ChipInput& at(std::uint64_t index) const { return ring_[index % kCapacity]; }

 private:
  ChipInput* ring_;
  std::uint64_t count_ = 0;
};

}  // namespace tsr
