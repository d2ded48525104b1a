// SPDX-License-Identifier: Apache-2.0
/// What engines of a TLM hart node have in common: how they meet their command queue and what they
/// share.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tlm/engine_complex.hpp"
#include "tlm/engines/command.hpp"
#include "tlm/engines/meter.hpp"
#include "tlm/fabric/calendar.hpp"

namespace tsr {

inline constexpr unsigned kHyperbanks = 8;

/// Scratchpad and contexts of a node.
struct EngineStores {
  EngineSetup setup;
  std::vector<std::uint8_t> spm;
  std::array<engines::ContextRow, 64> contexts{};
  /// Cycles in which each hyperbank serves DMA engines and network: one access a cycle.
  std::array<Calendar<64>, kHyperbanks> hyperbanks;

  /// Take the hyperbank of a block at `offset` in the first free cycle from `cycle` on.
  std::uint64_t access(std::uint64_t offset, std::uint64_t cycle) {
    const std::uint64_t bank = offset * kHyperbanks / setup.spm_bytes;
    return hyperbanks[bank % kHyperbanks].claim(cycle);
  }

  Context context(unsigned index) const {
    Context rows;
    for (unsigned r = 0; r < 8; ++r) rows[r] = contexts[8 * std::size_t{index} + r];
    return rows;
  }
};

/// How a command ended.
struct Outcome {
  std::uint8_t error = 0;     ///< cmd_err_e
  std::uint8_t info = 0;      ///< err_e of a bus error
  std::uint64_t address = 0;  ///< offending address
  bool nan = false;
  bool overflow = false;
  bool given_up = false;  ///< its chain was broken: no effects, not even an error
};

/// The side of a command queue that its engine sees.
class UnitQueue {
 public:
  /// The engine has taken the command that was offered.
  virtual void taken() = 0;
  /// The oldest command that was taken has ended.
  virtual void done(const Outcome& outcome) = 0;
  /// More commands wait behind the one that was offered last, or nothing does.
  virtual bool empty() const = 0;

 protected:
  ~UnitQueue() = default;
};

/// An engine. Commands end in the order in which they were taken.
class EngineUnit : public TimelineClient {
 public:
  virtual ~EngineUnit() = default;

  /// A command whose waits hold, from cycle `at` on. It stands until taken() or withdraw().
  virtual void offer(const EngineCommand& command, std::uint64_t at) = 0;
  virtual void withdraw() = 0;
  /// The queue was flushed: answers that are still owed will not come.
  virtual void forget() {}
  virtual void response(tlm::tlm_generic_payload& /*payload*/) {}
  /// Requests whose answers are owed in cycle `now`.
  virtual std::vector<doctor::Transaction> in_flight(std::uint64_t /*now*/) const { return {}; }
  /// Count the cycles before `now` of what is under way.
  virtual void count(EngineMeter& meter, std::uint64_t now) const = 0;
};

}  // namespace tsr
