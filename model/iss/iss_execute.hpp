// SPDX-License-Identifier: Apache-2.0
/// Execution of one decoded instruction, shared by Iss::step() (with a record, memory by calls) and
/// Iss::run() (without, memory by pointers).
#pragma once

#include <cstring>

#include "iss/iss.hpp"
#include "iss/iss_op.hpp"

namespace tsr {

/// What an instruction leads to.
enum class IssFlow : std::uint8_t {
  Next,  ///< the instruction behind it
  Jump,  ///< IssStep::target
  Trap,  ///< IssStep::cause, tval
  Csr,   ///< as Next, but interrupts may be enabled now
  Stop,  ///< nothing was done: a case for the caller
};

struct IssStep {
  std::uint32_t pc = 0;
  std::uint32_t target = 0;
  std::uint32_t cause = 0;
  std::uint32_t tval = 0;
  std::uint32_t extra = 0;  ///< cycles beyond the first
};

namespace iss {

constexpr std::uint32_t kCauseFetchMisaligned = 0;
constexpr std::uint32_t kCauseFetchFault = 1;
constexpr std::uint32_t kCauseIllegal = 2;
constexpr std::uint32_t kCauseBreakpoint = 3;
constexpr std::uint32_t kCauseLoadMisaligned = 4;
constexpr std::uint32_t kCauseLoadFault = 5;
constexpr std::uint32_t kCauseStoreMisaligned = 6;
constexpr std::uint32_t kCauseStoreFault = 7;
constexpr std::uint32_t kCauseEcall = 11;

// What the core's stages cost beyond the first cycle: rtl/core/README.md.
constexpr std::uint32_t kMulExtra = 1;
constexpr std::uint32_t kDivExtra = 33;
constexpr std::uint32_t kItcmDataExtra = 1;

constexpr std::int32_t as_signed(std::uint32_t value) { return static_cast<std::int32_t>(value); }

constexpr std::uint32_t high(std::int64_t product) {
  return static_cast<std::uint32_t>(product >> 32);
}

constexpr std::uint32_t divide(std::uint32_t a, std::uint32_t b) {
  if (b == 0) return ~0U;
  return static_cast<std::uint32_t>(std::int64_t{as_signed(a)} / as_signed(b));
}

constexpr std::uint32_t remainder(std::uint32_t a, std::uint32_t b) {
  if (b == 0) return a;
  return static_cast<std::uint32_t>(std::int64_t{as_signed(a)} % as_signed(b));
}

constexpr std::uint32_t lane_mask(std::uint32_t strb) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    if ((strb >> i) & 1) mask |= 0xffU << (8 * i);
  }
  return mask;
}

inline IssFlow trap(IssStep& step, std::uint32_t cause, std::uint32_t tval) {
  step.cause = cause;
  step.tval = tval;
  return IssFlow::Trap;
}

inline IssFlow jump(IssStep& step, std::uint32_t target) {
  if ((target & 3) != 0) return trap(step, kCauseFetchMisaligned, target);
  step.target = target;
  return IssFlow::Jump;
}

}  // namespace iss

template <bool kRecord>
[[gnu::always_inline]] inline IssFlow Iss::write_rd(const IssOp& op, std::uint32_t value,
                                                    Retire* retire) {
  x_[op.rd] = value;
  if (kRecord && op.rd != kIssNoRegister) {
    retire->rd_we = true;
    retire->rd = op.rd;
    retire->rd_wdata = value;
  }
  return IssFlow::Next;
}

template <bool kRecord>
[[gnu::always_inline]] inline IssFlow Iss::link(const IssOp& op, IssStep& step,
                                                std::uint32_t target, Retire* retire) {
  const IssFlow flow = iss::jump(step, target);
  if (flow == IssFlow::Jump) write_rd<kRecord>(op, step.pc + 4, retire);
  return flow;
}

template <class Value>
[[gnu::always_inline]] inline IssFlow Iss::load_fast(const IssOp& op, IssStep& step) {
  const std::uint32_t addr = x_[op.rs1] + op.imm;
  if (addr % sizeof(Value) != 0) return iss::trap(step, iss::kCauseLoadMisaligned, addr);
  const std::uint8_t* place = nullptr;
  if (addr - kDtcmBase < fast_.dtcm_bytes) {
    place = fast_.dtcm + (addr - kDtcmBase);
  } else if (addr < fast_.itcm_bytes) {
    place = fast_.itcm + addr;
    step.extra = iss::kItcmDataExtra;
  } else {
    if (addr >= kBusBase) return IssFlow::Stop;
    return iss::trap(step, iss::kCauseLoadFault, addr);
  }
  Value value = 0;
  std::memcpy(&value, place, sizeof value);
  x_[op.rd] = static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
  return IssFlow::Next;
}

template <class Value>
[[gnu::always_inline]] inline IssFlow Iss::store_fast(const IssOp& op, IssStep& step) {
  const std::uint32_t addr = x_[op.rs1] + op.imm;
  if (addr % sizeof(Value) != 0) return iss::trap(step, iss::kCauseStoreMisaligned, addr);
  const auto value = static_cast<Value>(x_[op.rs2]);
  if (addr - kDtcmBase < fast_.dtcm_bytes) {
    std::memcpy(fast_.dtcm + (addr - kDtcmBase), &value, sizeof value);
  } else if (addr < fast_.itcm_bytes) {
    std::memcpy(fast_.itcm + addr, &value, sizeof value);
    itcm_ops_[addr / 4].kind = IssKind::Undecoded;
    step.extra = iss::kItcmDataExtra;
  } else {
    if (addr >= kBusBase) return IssFlow::Stop;
    return iss::trap(step, iss::kCauseStoreFault, addr);
  }
  return IssFlow::Next;
}

/// `Value`: type of the bytes in memory, signed if the load extends the sign.
template <bool kRecord, class Value>
[[gnu::always_inline]] inline IssFlow Iss::load(const IssOp& op, IssStep& step, Retire* retire) {
  if constexpr (kRecord) {
    return load_slow(op, step, *retire);
  } else {
    return load_fast<Value>(op, step);
  }
}

template <bool kRecord, class Value>
[[gnu::always_inline]] inline IssFlow Iss::store(const IssOp& op, IssStep& step, Retire* retire) {
  if constexpr (kRecord) {
    return store_slow(op, step, *retire);
  } else {
    return store_fast<Value>(op, step);
  }
}

template <bool kRecord>
[[gnu::always_inline]] inline IssFlow Iss::execute(const IssOp& op, IssStep& step, Retire* retire) {
  const std::uint32_t a = x_[op.rs1];
  const std::uint32_t b = x_[op.rs2];
  const std::uint32_t imm = op.imm;
  const auto write = [&](std::uint32_t value) { return write_rd<kRecord>(op, value, retire); };
  const auto branch = [&](bool taken) {
    return taken ? iss::jump(step, step.pc + imm) : IssFlow::Next;
  };
  const auto slow = [&](std::uint32_t cycles, std::uint32_t value) {
    step.extra = cycles;
    return write(value);
  };
  switch (op.kind) {
    case IssKind::Lui:
      return write(imm);
    case IssKind::Auipc:
      return write(step.pc + imm);
    case IssKind::Jal:
      return link<kRecord>(op, step, step.pc + imm, retire);
    case IssKind::Jalr:
      return link<kRecord>(op, step, (a + imm) & ~1U, retire);
    case IssKind::Beq:
      return branch(a == b);
    case IssKind::Bne:
      return branch(a != b);
    case IssKind::Blt:
      return branch(iss::as_signed(a) < iss::as_signed(b));
    case IssKind::Bge:
      return branch(iss::as_signed(a) >= iss::as_signed(b));
    case IssKind::Bltu:
      return branch(a < b);
    case IssKind::Bgeu:
      return branch(a >= b);
    case IssKind::Lb:
      return load<kRecord, std::int8_t>(op, step, retire);
    case IssKind::Lh:
      return load<kRecord, std::int16_t>(op, step, retire);
    case IssKind::Lw:
      return load<kRecord, std::int32_t>(op, step, retire);
    case IssKind::Lbu:
      return load<kRecord, std::uint8_t>(op, step, retire);
    case IssKind::Lhu:
      return load<kRecord, std::uint16_t>(op, step, retire);
    case IssKind::Sb:
      return store<kRecord, std::uint8_t>(op, step, retire);
    case IssKind::Sh:
      return store<kRecord, std::uint16_t>(op, step, retire);
    case IssKind::Sw:
      return store<kRecord, std::uint32_t>(op, step, retire);
    case IssKind::Addi:
      return write(a + imm);
    case IssKind::Slli:
      return write(a << (imm & 31));
    case IssKind::Slti:
      return write(iss::as_signed(a) < iss::as_signed(imm) ? 1 : 0);
    case IssKind::Sltiu:
      return write(a < imm ? 1 : 0);
    case IssKind::Xori:
      return write(a ^ imm);
    case IssKind::Srli:
      return write(a >> (imm & 31));
    case IssKind::Srai:
      return write(static_cast<std::uint32_t>(iss::as_signed(a) >> (imm & 31)));
    case IssKind::Ori:
      return write(a | imm);
    case IssKind::Andi:
      return write(a & imm);
    case IssKind::Add:
      return write(a + b);
    case IssKind::Sub:
      return write(a - b);
    case IssKind::Sll:
      return write(a << (b & 31));
    case IssKind::Slt:
      return write(iss::as_signed(a) < iss::as_signed(b) ? 1 : 0);
    case IssKind::Sltu:
      return write(a < b ? 1 : 0);
    case IssKind::Xor:
      return write(a ^ b);
    case IssKind::Srl:
      return write(a >> (b & 31));
    case IssKind::Sra:
      return write(static_cast<std::uint32_t>(iss::as_signed(a) >> (b & 31)));
    case IssKind::Or:
      return write(a | b);
    case IssKind::And:
      return write(a & b);
    case IssKind::Mul:
      return slow(iss::kMulExtra, a * b);
    case IssKind::Mulh:
      return slow(iss::kMulExtra, iss::high(std::int64_t{iss::as_signed(a)} * iss::as_signed(b)));
    case IssKind::Mulhsu:
      return slow(iss::kMulExtra, iss::high(std::int64_t{iss::as_signed(a)} * std::int64_t{b}));
    case IssKind::Mulhu:
      return slow(iss::kMulExtra, static_cast<std::uint32_t>((std::uint64_t{a} * b) >> 32));
    case IssKind::Div:
      return slow(iss::kDivExtra, iss::divide(a, b));
    case IssKind::Divu:
      return slow(iss::kDivExtra, b == 0 ? ~0U : a / b);
    case IssKind::Rem:
      return slow(iss::kDivExtra, iss::remainder(a, b));
    case IssKind::Remu:
      return slow(iss::kDivExtra, b == 0 ? a : a % b);
    case IssKind::Fence:
      return IssFlow::Next;
    case IssKind::FenceI:
      step.target = step.pc + 4;
      return IssFlow::Jump;
    case IssKind::Ecall:
      return iss::trap(step, iss::kCauseEcall, 0);
    case IssKind::Ebreak:
      if (!kRecord && halt_on_ebreak_) return IssFlow::Stop;
      return iss::trap(step, iss::kCauseBreakpoint, 0);
    case IssKind::Mret:
      return_from_trap();
      step.target = mepc_;
      return IssFlow::Jump;
    case IssKind::Wfi:
      if (!kRecord && (mip_ & mie_) == 0) return IssFlow::Stop;
      wfi_ = true;
      return IssFlow::Next;
    case IssKind::Csr: {
      std::uint32_t old = 0;
      if (!csr_instruction(op.imm, old)) return iss::trap(step, iss::kCauseIllegal, op.imm);
      write(old);
      return IssFlow::Csr;
    }
    default:
      return iss::trap(step, iss::kCauseIllegal, op.imm);
  }
}

}  // namespace tsr
