// SPDX-License-Identifier: Apache-2.0
/// Registers of a TLM memory node (regs/hbm.toml): values, what hardware puts into them, counters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dram/timing.hpp"
#include "noc/address_map.hpp"
#include "noc/flit.hpp"
#include "tlm/memory/dram_time.hpp"
#include "tlm/memory/memory_store.hpp"
#include "tlm/router_port.hpp"

namespace tsr {

/// What the registers show of their node.
struct MemoryParts {
  Node node;
  const ChipConfig* config = nullptr;
  DramTiming device;             ///< of the DRAM; an initialization with another read latency fails
  RouterPort* router = nullptr;  ///< null: ROUTER_COUNT reads 0
};

/// All calls say in which cycle they happen; cycles never go back by much.
class MemoryRegs {
 public:
  MemoryRegs(const MemoryParts& parts, MemoryStore& store, std::array<DramTime, kDramPcs>& time);

  void reset();
  /// Value of the register at byte `offset`; nothing: a hole.
  std::optional<std::uint32_t> read(std::uint32_t offset, std::uint64_t cycle);
  /// False: a hole, or nothing in it can be written.
  bool write(std::uint32_t offset, std::uint32_t value, std::uint32_t mask, std::uint64_t cycle);

  /// HBM accesses are served.
  bool serves(std::uint64_t cycle) const { return init_at_ <= cycle && !failed_ && !asleep(); }
  bool ecc() const { return ecc_; }
  /// A request was refused.
  void refuse(std::uint64_t address, Node source, Kind kind, Err err, std::uint8_t tag);
  /// Keep what the store came across, and count.
  void note_events(bool scrub);
  void count_modify(bool atomic) { ++(atomic ? atomics_ : modifies_); }
  void count_bytes(unsigned pc, bool write, unsigned bytes) {
    time_[pc].counts().value[write ? DramTime::kBytesWritten : DramTime::kBytesRead] += bytes;
  }
  /// Let the scrubber do what was due up to a cycle.
  void scrub_to(std::uint64_t cycle);
  bool scrubs() const { return scrubs_; }
  /// Last access to HBM, for power-down.
  void touch(std::uint64_t cycle) { last_access_ = cycle; }

 private:
  static constexpr std::uint64_t kNever = ~0ULL;

  struct Record {
    std::uint32_t address = 0;
    std::uint32_t info = 0;
  };

  std::uint32_t& value(std::uint32_t offset) { return values_[offset / 4]; }
  std::uint32_t value(std::uint32_t offset) const { return values_[offset / 4]; }
  bool asleep() const;
  std::uint32_t live(std::uint32_t offset, std::uint64_t cycle);
  std::uint32_t status(std::uint64_t cycle) const;
  std::uint64_t counter(std::uint64_t cycle);
  std::uint64_t mode_counter(unsigned pc, unsigned which) const;
  void written(std::uint32_t offset, std::uint32_t value, std::uint64_t cycle);
  void initialize(std::uint64_t cycle);
  DramTiming timing() const;
  void clear(std::uint64_t cycle);

  MemoryParts parts_;
  MemoryStore& store_;
  std::array<DramTime, kDramPcs>& time_;
  std::array<std::uint32_t, 1024> values_{};
  std::uint64_t init_at_ = kNever;  ///< cycle in which the initialization ends
  bool failed_ = false;
  bool ecc_ = true;
  bool scrubs_ = false;
  std::uint64_t last_access_ = 0;
  std::uint64_t start_ = 0;  ///< of the elapsed time
  std::uint64_t refused_ = 0;
  std::uint64_t err_address_ = 0;
  std::uint32_t err_info_ = 0;
  std::uint32_t count_high_ = 0;
  std::array<std::uint64_t, kDramPcs> cleared_refreshes_{};
  Record fixed_, lost_;
  std::uint32_t fixed_count_ = 0, lost_count_ = 0, modifies_ = 0, atomics_ = 0;
  std::uint32_t scrub_count_ = 0, repaired_ = 0;
  std::uint64_t scrub_block_ = 0;
  std::uint64_t scrubbed_to_ = 0;  ///< cycle up to which the scrubber has worked
};

}  // namespace tsr
