// SPDX-License-Identifier: Apache-2.0
/// Types of the generated register tables (see docs/registers.md).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tsr::regs {

/// What software may do with a field.
enum class Access { kRw, kRo, kRw1c, kWo };

/// One field. Bit positions are those of element 0 in the packed structs reg2hw_t (q, qe, re) and
/// hw2reg_t (d, de) of the register top; -1 where the struct has no such member.
struct Field {
  const char* name;
  unsigned lsb;
  unsigned width;
  Access access;
  std::uint32_t reset;
  bool external;
  int q, qe, re;
  int d, de;

  /// The field's bits in place.
  constexpr std::uint32_t mask() const { return (width == 32 ? ~0U : (1U << width) - 1U) << lsb; }
  constexpr bool readable() const { return access != Access::kWo; }
  constexpr bool writable() const { return access != Access::kRo; }
  /// Value comes straight from hardware.
  constexpr bool live() const { return external || (access == Access::kRo && d >= 0); }
};

/// One register, or an array of `count` registers `stride` bytes apart.
struct Register {
  const char* name;
  std::uint32_t offset;
  unsigned count;
  unsigned stride;
  bool priv;
  bool external;
  const Field* fields;
  std::size_t field_count;
  /// Bits of one element in reg2hw_t and hw2reg_t.
  int reg2hw_stride, hw2reg_stride;
  /// Position of element 0's `err` in hw2reg_t, -1 if there is none.
  int err;

  constexpr const Field* begin() const { return fields; }
  constexpr const Field* end() const { return fields + field_count; }
  constexpr bool writable() const {
    for (const Field& field : *this) {
      if (field.writable()) return true;
    }
    return false;
  }
};

/// A register block of `size` bytes.
struct Block {
  const char* name;
  std::uint32_t size;
  const Register* registers;
  std::size_t register_count;
  /// Bits of reg2hw_t and hw2reg_t; 0: the register top has no such port.
  int reg2hw_width, hw2reg_width;

  constexpr const Register* begin() const { return registers; }
  constexpr const Register* end() const { return registers + register_count; }

  /// Register whose element `index` lies at byte `offset`, or null: a hole.
  constexpr const Register* find(std::uint32_t offset, unsigned* index = nullptr) const {
    for (const Register& reg : *this) {
      for (unsigned i = 0; i < reg.count; ++i) {
        if (reg.offset + i * reg.stride == offset) {
          if (index != nullptr) *index = i;
          return &reg;
        }
      }
    }
    return nullptr;
  }
};

}  // namespace tsr::regs
