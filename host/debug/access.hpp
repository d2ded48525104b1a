// SPDX-License-Identifier: Apache-2.0
/// What a debugger needs of a running chip.
#pragma once

#include <cstddef>
#include <cstdint>

#include "noc/address_map.hpp"

namespace tsr::debug {

/// The chip as the debugger sees it: global address space with the rights of the ctl node, and
/// time.
class ChipAccess {
 public:
  virtual ~ChipAccess() = default;
  ChipAccess(const ChipAccess&) = delete;
  ChipAccess& operator=(const ChipAccess&) = delete;

  /// Copy from or to global addresses. Returns false if the chip refuses. Takes simulated time.
  virtual bool read(std::uint64_t address, void* data, std::size_t bytes) = 0;
  virtual bool write(std::uint64_t address, const void* data, std::size_t bytes) = 0;
  /// Whether the debugger holds the core of a node. Takes no simulated time.
  virtual bool halted(Node node) = 0;
  /// Let the chip run for at most `cycles`, or until a core halts.
  virtual void advance(std::uint64_t cycles) = 0;
  /// The chip's cycle counter.
  virtual std::uint64_t cycle() const = 0;

 protected:
  ChipAccess() = default;
};

}  // namespace tsr::debug
