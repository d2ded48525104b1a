// SPDX-License-Identifier: Apache-2.0
#include "iss/iss.hpp"

namespace tsr {

namespace {

constexpr std::uint32_t bits(std::uint32_t value, unsigned high, unsigned low) {
  return (value >> low) & ((2U << (high - low)) - 1);
}

constexpr std::uint32_t sign_extend(std::uint32_t value, unsigned width) {
  const std::uint32_t sign = 1U << (width - 1);
  return (value ^ sign) - sign;
}

constexpr std::int32_t as_signed(std::uint32_t value) { return static_cast<std::int32_t>(value); }

constexpr std::uint32_t imm_i(std::uint32_t insn) { return sign_extend(bits(insn, 31, 20), 12); }
constexpr std::uint32_t imm_s(std::uint32_t insn) {
  return sign_extend(bits(insn, 31, 25) << 5 | bits(insn, 11, 7), 12);
}
constexpr std::uint32_t imm_b(std::uint32_t insn) {
  return sign_extend(bits(insn, 31, 31) << 12 | bits(insn, 7, 7) << 11 | bits(insn, 30, 25) << 5 |
                         bits(insn, 11, 8) << 1,
                     13);
}
constexpr std::uint32_t imm_j(std::uint32_t insn) {
  return sign_extend(bits(insn, 31, 31) << 20 | bits(insn, 19, 12) << 12 |
                         bits(insn, 20, 20) << 11 | bits(insn, 30, 21) << 1,
                     21);
}

constexpr std::uint32_t lane_mask(std::uint8_t strb) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    if ((strb >> i) & 1) mask |= 0xffU << (8 * i);
  }
  return mask;
}

/// Shared by OP and OP-IMM; `alternate` = SUB or SRA.
std::uint32_t alu(std::uint32_t funct3, bool alternate, std::uint32_t a, std::uint32_t b) {
  switch (funct3) {
    case 0:
      return alternate ? a - b : a + b;
    case 1:
      return a << (b & 31);
    case 2:
      return as_signed(a) < as_signed(b) ? 1 : 0;
    case 3:
      return a < b ? 1 : 0;
    case 4:
      return a ^ b;
    case 5:
      return alternate ? static_cast<std::uint32_t>(as_signed(a) >> (b & 31)) : a >> (b & 31);
    case 6:
      return a | b;
    default:
      return a & b;
  }
}

std::uint32_t mul_div(std::uint32_t funct3, std::uint32_t a, std::uint32_t b) {
  const std::int64_t sa = as_signed(a);
  const std::int64_t sb = as_signed(b);
  const std::int64_t ua = a;
  const std::int64_t ub = b;
  switch (funct3) {
    case 0:
      return a * b;
    case 1:
      return static_cast<std::uint32_t>((sa * sb) >> 32);
    case 2:
      return static_cast<std::uint32_t>((sa * ub) >> 32);
    case 3:
      return static_cast<std::uint32_t>((static_cast<std::uint64_t>(a) * b) >> 32);
    case 4:
      return b == 0 ? ~0U : static_cast<std::uint32_t>(sa / sb);
    case 5:
      return b == 0 ? ~0U : static_cast<std::uint32_t>(ua / ub);
    case 6:
      return b == 0 ? a : static_cast<std::uint32_t>(sa % sb);
    default:
      return b == 0 ? a : a % b;
  }
}

std::optional<bool> branch_taken(std::uint32_t funct3, std::uint32_t a, std::uint32_t b) {
  switch (funct3) {
    case 0:
      return a == b;
    case 1:
      return a != b;
    case 4:
      return as_signed(a) < as_signed(b);
    case 5:
      return as_signed(a) >= as_signed(b);
    case 6:
      return a < b;
    case 7:
      return a >= b;
    default:
      return std::nullopt;
  }
}

constexpr std::uint32_t kCauseFetchMisaligned = 0;
constexpr std::uint32_t kCauseFetchFault = 1;
constexpr std::uint32_t kCauseIllegal = 2;
constexpr std::uint32_t kCauseBreakpoint = 3;
constexpr std::uint32_t kCauseLoadMisaligned = 4;
constexpr std::uint32_t kCauseLoadFault = 5;
constexpr std::uint32_t kCauseStoreMisaligned = 6;
constexpr std::uint32_t kCauseStoreFault = 7;
constexpr std::uint32_t kCauseEcall = 11;

constexpr std::uint64_t with_low(std::uint64_t value, std::uint32_t low) {
  return (value & 0xffffffff00000000) | low;
}
constexpr std::uint64_t with_high(std::uint64_t value, std::uint32_t high) {
  return (value & 0xffffffff) | static_cast<std::uint64_t>(high) << 32;
}

}  // namespace

Iss::Iss(IssMemory& memory, std::uint32_t hart_id) : memory_(memory), hart_id_(hart_id) {}

void Iss::reset(std::uint32_t boot_pc) {
  x_.fill(0);
  pc_ = boot_pc & ~3U;
  wfi_ = false;
  cycle_offset_ = 0;
  instret_ = 0;
  mie_ = 0;
  status_mie_ = false;
  status_mpie_ = false;
  mtvec_ = 0;
  mscratch_ = 0;
  mepc_ = 0;
  mcause_ = 0;
  mtval_ = 0;
}

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

std::optional<std::uint32_t> Iss::pending_interrupt() const {
  const std::uint32_t pending = mip_ & mie_;
  if (!status_mie_ || pending == 0) return std::nullopt;
  for (std::uint32_t code = 16; code < 32; ++code) {
    if ((pending >> code) & 1) return code;
  }
  for (const std::uint32_t code : {11U, 3U, 7U}) {
    if ((pending >> code) & 1) return code;
  }
  return std::nullopt;
}

void Iss::enter_trap(Retire& retire, std::uint32_t cause, std::uint32_t tval) {
  retire.trap = true;
  retire.cause = cause;
  retire.tval = tval;
  status_mpie_ = status_mie_;
  status_mie_ = false;
  mepc_ = pc_;
  mcause_ = cause;
  mtval_ = tval;
  const bool interrupt = (cause >> 31) != 0;
  const std::uint32_t base = mtvec_ & ~3U;
  pc_ = base + ((interrupt && (mtvec_ & 1) != 0) ? 4 * (cause & 31) : 0);
  wfi_ = false;
}

Retire Iss::take_interrupt(std::uint32_t code) {
  Retire retire;
  retire.valid = true;
  retire.intr = true;
  retire.pc = pc_;
  enter_trap(retire, 0x80000000U | code, 0);
  return retire;
}

Retire Iss::step() {
  Retire retire;
  retire.valid = true;
  retire.pc = pc_;
  wfi_ = false;
  instret_written_ = false;
  std::uint32_t insn = 0;
  if (!memory_.fetch(pc_, insn)) {
    enter_trap(retire, kCauseFetchFault, pc_);
    return retire;
  }
  retire.insn = insn;
  next_pc_ = pc_ + 4;
  if (const auto exception = execute(insn, retire)) {
    enter_trap(retire, exception->cause, exception->tval);
    return retire;
  }
  if (!instret_written_) ++instret_;
  pc_ = next_pc_;
  return retire;
}

void Iss::write_rd(Retire& retire, std::uint32_t insn, std::uint32_t value) {
  const std::uint32_t rd = bits(insn, 11, 7);
  if (rd == 0) return;
  x_[rd] = value;
  retire.rd_we = true;
  retire.rd = static_cast<std::uint8_t>(rd);
  retire.rd_wdata = value;
}

std::optional<Iss::Exception> Iss::jump(std::uint32_t target) {
  if ((target & 3) != 0) return Exception{kCauseFetchMisaligned, target};
  next_pc_ = target;
  return std::nullopt;
}

std::optional<Iss::Exception> Iss::execute(std::uint32_t insn, Retire& retire) {
  const Exception illegal{kCauseIllegal, insn};
  const std::uint32_t funct3 = bits(insn, 14, 12);
  const std::uint32_t funct7 = bits(insn, 31, 25);
  const std::uint32_t a = x_[bits(insn, 19, 15)];
  const std::uint32_t b = x_[bits(insn, 24, 20)];
  switch (insn & 0x7f) {
    case 0x37:
      write_rd(retire, insn, insn & 0xfffff000);
      return std::nullopt;
    case 0x17:
      write_rd(retire, insn, pc_ + (insn & 0xfffff000));
      return std::nullopt;
    case 0x6f:
      if (const auto fault = jump(pc_ + imm_j(insn))) return fault;
      write_rd(retire, insn, pc_ + 4);
      return std::nullopt;
    case 0x67:
      if (funct3 != 0) return illegal;
      if (const auto fault = jump((a + imm_i(insn)) & ~1U)) return fault;
      write_rd(retire, insn, pc_ + 4);
      return std::nullopt;
    case 0x63: {
      const auto taken = branch_taken(funct3, a, b);
      if (!taken) return illegal;
      return *taken ? jump(pc_ + imm_b(insn)) : std::nullopt;
    }
    case 0x03:
      return execute_load(insn, retire);
    case 0x23:
      return execute_store(insn, retire);
    case 0x13: {
      const bool shift = funct3 == 1 || funct3 == 5;
      const bool alternate = funct3 == 5 && funct7 == 0x20;
      if (shift && funct7 != 0 && !alternate) return illegal;
      write_rd(retire, insn, alu(funct3, alternate, a, imm_i(insn)));
      return std::nullopt;
    }
    case 0x33: {
      if (funct7 == 1) {
        write_rd(retire, insn, mul_div(funct3, a, b));
        return std::nullopt;
      }
      const bool alternate = funct7 == 0x20 && (funct3 == 0 || funct3 == 5);
      if (funct7 != 0 && !alternate) return illegal;
      write_rd(retire, insn, alu(funct3, alternate, a, b));
      return std::nullopt;
    }
    case 0x0f:
      if (funct3 > 1) return illegal;
      return std::nullopt;
    case 0x73:
      return execute_system(insn, retire);
    default:
      return illegal;
  }
}

std::optional<Iss::Exception> Iss::execute_load(std::uint32_t insn, Retire& retire) {
  const std::uint32_t funct3 = bits(insn, 14, 12);
  if (funct3 == 3 || funct3 > 5) return Exception{kCauseIllegal, insn};
  const std::uint32_t bytes = 1U << (funct3 & 3);
  const std::uint32_t addr = x_[bits(insn, 19, 15)] + imm_i(insn);
  if (addr % bytes != 0) return Exception{kCauseLoadMisaligned, addr};
  const std::uint32_t offset = addr & 3;
  const auto strb = static_cast<std::uint8_t>(((1U << bytes) - 1) << offset);
  std::uint32_t word = 0;
  if (!memory_.load(addr & ~3U, strb, word)) return Exception{kCauseLoadFault, addr};
  retire.mem_valid = true;
  retire.mem_addr = addr & ~3U;
  retire.mem_data = word & lane_mask(strb);
  retire.mem_strb = strb;
  std::uint32_t value = retire.mem_data >> (8 * offset);
  if (funct3 < 2) value = sign_extend(value, 8 * bytes);
  write_rd(retire, insn, value);
  return std::nullopt;
}

std::optional<Iss::Exception> Iss::execute_store(std::uint32_t insn, Retire& retire) {
  const std::uint32_t funct3 = bits(insn, 14, 12);
  if (funct3 > 2) return Exception{kCauseIllegal, insn};
  const std::uint32_t bytes = 1U << funct3;
  const std::uint32_t addr = x_[bits(insn, 19, 15)] + imm_s(insn);
  if (addr % bytes != 0) return Exception{kCauseStoreMisaligned, addr};
  const std::uint32_t offset = addr & 3;
  const auto strb = static_cast<std::uint8_t>(((1U << bytes) - 1) << offset);
  const std::uint32_t word = (x_[bits(insn, 24, 20)] << (8 * offset)) & lane_mask(strb);
  if (!memory_.store(addr & ~3U, strb, word)) return Exception{kCauseStoreFault, addr};
  retire.mem_valid = true;
  retire.mem_write = true;
  retire.mem_addr = addr & ~3U;
  retire.mem_data = word;
  retire.mem_strb = strb;
  return std::nullopt;
}

std::optional<Iss::Exception> Iss::execute_system(std::uint32_t insn, Retire& retire) {
  const std::uint32_t funct3 = bits(insn, 14, 12);
  const Exception illegal{kCauseIllegal, insn};
  switch (insn) {
    case 0x00000073:
      return Exception{kCauseEcall, 0};
    case 0x00100073:
      return Exception{kCauseBreakpoint, 0};
    case 0x30200073:
      status_mie_ = status_mpie_;
      status_mpie_ = true;
      next_pc_ = mepc_;
      return std::nullopt;
    case 0x10500073:
      wfi_ = true;
      return std::nullopt;
    default:
      break;
  }
  if ((funct3 & 3) == 0) return illegal;

  const std::uint32_t address = bits(insn, 31, 20);
  const std::uint32_t field = bits(insn, 19, 15);
  const std::uint32_t source = (funct3 & 4) != 0 ? field : x_[field];
  const auto old = csr(address);
  if (!old) return illegal;
  const std::uint32_t op = funct3 & 3;
  if (op == 1 || field != 0) {
    const std::uint32_t value = op == 1 ? source : op == 2 ? *old | source : *old & ~source;
    if (!set_csr(address, value)) return illegal;
  }
  write_rd(retire, insn, *old);
  return std::nullopt;
}

}  // namespace tsr
