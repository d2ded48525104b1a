// SPDX-License-Identifier: Apache-2.0
#include "iss/iss.hpp"

namespace tsr {

namespace {

constexpr std::uint64_t with_low(std::uint64_t value, std::uint32_t low) {
  return (value & 0xffffffff00000000) | low;
}
constexpr std::uint64_t with_high(std::uint64_t value, std::uint32_t high) {
  return (value & 0xffffffff) | static_cast<std::uint64_t>(high) << 32;
}

}  // namespace

std::optional<std::uint32_t> Iss::csr(std::uint32_t address) const {
  const std::uint64_t cycle = now_ - cycle_offset_;
  switch (address) {
    case 0x300:
      return 0x1800U | (status_mpie_ ? 0x80U : 0U) | (status_mie_ ? 0x8U : 0U);
    case 0x301:
      return 0x40001100;
    case 0x304:
      return mie_;
    case 0x305:
      return mtvec_;
    case 0x340:
      return mscratch_;
    case 0x341:
      return mepc_;
    case 0x342:
      return mcause_;
    case 0x343:
      return mtval_;
    case 0x344:
      return mip_;
    case 0xb00:
    case 0xc00:
      return static_cast<std::uint32_t>(cycle);
    case 0xb80:
    case 0xc80:
      return static_cast<std::uint32_t>(cycle >> 32);
    case 0xc01:
      return static_cast<std::uint32_t>(now_);
    case 0xc81:
      return static_cast<std::uint32_t>(now_ >> 32);
    case 0xb02:
    case 0xc02:
      return static_cast<std::uint32_t>(instret_);
    case 0xb82:
    case 0xc82:
      return static_cast<std::uint32_t>(instret_ >> 32);
    case 0xf13:
      return 1;
    case 0xf14:
      return hart_id_;
    case 0x310:
    case 0x320:
    case 0xf11:
    case 0xf12:
    case 0xf15:
      return 0;
    default:
      break;
  }
  const auto in = [&](std::uint32_t low, std::uint32_t high) {
    return address >= low && address <= high;
  };
  if (in(0x323, 0x33f) || in(0xb03, 0xb1f) || in(0xb83, 0xb9f)) return 0;
  return std::nullopt;
}

bool Iss::set_csr(std::uint32_t address, std::uint32_t value) {
  if (!csr(address) || (address >> 10) == 3) return false;
  const std::uint64_t cycle = now_ - cycle_offset_;
  switch (address) {
    case 0x300:
      status_mie_ = (value & 0x8) != 0;
      status_mpie_ = (value & 0x80) != 0;
      break;
    case 0x304:
      mie_ = value & kIrqMask;
      break;
    case 0x305:
      mtvec_ = value & ~2U;
      break;
    case 0x340:
      mscratch_ = value;
      break;
    case 0x341:
      mepc_ = value & ~3U;
      break;
    case 0x342:
      mcause_ = value & 0x8000001f;
      break;
    case 0x343:
      mtval_ = value;
      break;
    case 0xb00:
      cycle_offset_ = now_ - with_low(cycle, value);
      break;
    case 0xb80:
      cycle_offset_ = now_ - with_high(cycle, value);
      break;
    case 0xb02:
      instret_ = with_low(instret_, value);
      instret_written_ = true;
      break;
    case 0xb82:
      instret_ = with_high(instret_, value);
      instret_written_ = true;
      break;
    default:
      break;
  }
  return true;
}

}  // namespace tsr
