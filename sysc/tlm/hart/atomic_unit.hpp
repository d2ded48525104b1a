// SPDX-License-Identifier: Apache-2.0
/// Atomics of the core, started through registers (rtl/tile's tsr_atomic).
#pragma once

#include <cstdint>

#include "tlm/hart/parts.hpp"

namespace tsr::hart {

class AtomicUnit {
 public:
  explicit AtomicUnit(Parts& parts);

  void reset();
  /// False: refused, one is under way or there is no such operation.
  bool start(std::uint32_t operation, std::uint64_t address, std::uint32_t operand,
             std::uint32_t expected);
  bool busy() const { return busy_; }
  std::uint32_t status() const { return (busy_ ? 1U : 0U) | static_cast<std::uint32_t>(err_) << 4; }
  std::uint32_t result() const { return result_; }

  void answered(tlm::tlm_generic_payload& payload);

 private:
  void finish(Err err);

  Parts& parts_;
  Alarm timeout_;
  bool busy_ = false;
  Err err_ = Err::kNone;
  std::uint32_t result_ = 0;
  std::uint8_t tag_ = 0;
  Request* current_ = nullptr;
};

}  // namespace tsr::hart
