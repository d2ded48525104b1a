// SPDX-License-Identifier: Apache-2.0
// Register bus under the firmware when it runs on the host: the drivers' accesses, time and sleep
// go to the Bus in use.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace tsr {

/// What the core sees outside its memories.
class Bus {
 public:
  Bus();
  virtual ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  virtual uint32_t read(uint32_t address) = 0;
  virtual void write(uint32_t address, uint32_t value) = 0;
  virtual uint64_t cycles() = 0;
  /// Sleep until an interrupt of `mask` (bits of mip) is pending.
  virtual void sleep(uint32_t mask) = 0;
};

/// Plain registers: remembers writes, answers reads from a queue for the address, else from its
/// memory.
class RegisterBus : public Bus {
 public:
  uint32_t read(uint32_t address) override;
  void write(uint32_t address, uint32_t value) override;
  uint64_t cycles() override { return now += step; }
  void sleep(uint32_t mask) override { sleeps.push_back(mask); }

  /// The next reads of `address` give these values, then the last one forever.
  void answer(uint32_t address, std::vector<uint32_t> values) {
    answers[address] = std::move(values);
  }

  std::map<uint32_t, uint32_t> memory;
  std::map<uint32_t, std::vector<uint32_t>> answers;
  std::vector<std::pair<uint32_t, uint32_t>> writes;  ///< address, value, in order
  std::vector<uint32_t> sleeps;                       ///< masks
  uint64_t now = 0;
  uint64_t step = 1;  ///< cycles that pass at each look at the time
};

}  // namespace tsr
