// SPDX-License-Identifier: Apache-2.0
/// A register block as its description says (docs/registers.md): decode, storage, strobes,
/// refusals.
#pragma once

#include <cstdint>
#include <vector>

#include "regs/reg_table.hpp"

namespace tsr::hart {

/// One access of the register bus.
struct RegAccess {
  bool write = false;
  bool priv = false;         ///< the ctl node's
  std::uint32_t offset = 0;  ///< bytes in the block
  std::uint32_t data = 0;
  std::uint8_t strb = 0xf;
};

struct RegAnswer {
  bool err = false;
  std::uint32_t data = 0;
};

class RegBlock {
 public:
  explicit RegBlock(const regs::Block& block);
  virtual ~RegBlock() = default;

  RegAnswer access(const RegAccess& access);
  virtual void reset();

 protected:
  /// Value of a register: `stored` are the fields that the block holds.
  virtual std::uint32_t on_read(std::uint32_t /*offset*/, std::uint32_t stored) { return stored; }
  /// A legal write; what the block holds was updated. `data`: bytes without strobe are zero.
  /// False: refused.
  virtual bool on_write(std::uint32_t /*offset*/, std::uint32_t /*data*/) { return true; }

  /// Stored fields of the register at `offset`.
  std::uint32_t get(std::uint32_t offset) const { return places_[offset / 4].value; }
  void set(std::uint32_t offset, std::uint32_t value) { places_[offset / 4].value = value; }
  void set_bits(std::uint32_t offset, std::uint32_t bits) { places_[offset / 4].value |= bits; }

 private:
  struct Place {
    const regs::Register* reg = nullptr;  ///< null: a hole
    std::uint32_t value = 0;
    std::uint32_t rw = 0;       ///< bits that a write stores
    std::uint32_t rw1c = 0;     ///< bits that a write of 1 clears
    std::uint32_t initial = 0;  ///< after reset
  };
  static Place place(const regs::Register& reg);

  std::vector<Place> places_;
};

}  // namespace tsr::hart
