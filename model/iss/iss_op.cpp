// SPDX-License-Identifier: Apache-2.0
#include "iss/iss_op.hpp"

namespace tsr {

namespace {

constexpr std::uint32_t bits(std::uint32_t value, unsigned high, unsigned low) {
  return (value >> low) & ((2U << (high - low)) - 1);
}

constexpr std::uint32_t sign_extend(std::uint32_t value, unsigned width) {
  const std::uint32_t sign = 1U << (width - 1);
  return (value ^ sign) - sign;
}

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

constexpr IssKind offset(IssKind base, std::uint32_t n) {
  return static_cast<IssKind>(static_cast<std::uint32_t>(base) + n);
}

IssKind branch_kind(std::uint32_t funct3) {
  if (funct3 == 2 || funct3 == 3) return IssKind::Illegal;
  return offset(IssKind::Beq, funct3 < 2 ? funct3 : funct3 - 2);
}

IssKind load_kind(std::uint32_t funct3) {
  if (funct3 == 3 || funct3 > 5) return IssKind::Illegal;
  return offset(IssKind::Lb, funct3 < 3 ? funct3 : funct3 - 1);
}

IssKind immediate_kind(std::uint32_t funct3, std::uint32_t funct7) {
  static constexpr IssKind kKinds[] = {IssKind::Addi, IssKind::Slli, IssKind::Slti, IssKind::Sltiu,
                                       IssKind::Xori, IssKind::Srli, IssKind::Ori,  IssKind::Andi};
  if (funct3 == 5 && funct7 == 0x20) return IssKind::Srai;
  if ((funct3 == 1 || funct3 == 5) && funct7 != 0) return IssKind::Illegal;
  return kKinds[funct3];
}

IssKind register_kind(std::uint32_t funct3, std::uint32_t funct7) {
  static constexpr IssKind kKinds[] = {IssKind::Add, IssKind::Sll, IssKind::Slt, IssKind::Sltu,
                                       IssKind::Xor, IssKind::Srl, IssKind::Or,  IssKind::And};
  if (funct7 == 1) return offset(IssKind::Mul, funct3);
  if (funct7 == 0x20 && funct3 == 0) return IssKind::Sub;
  if (funct7 == 0x20 && funct3 == 5) return IssKind::Sra;
  return funct7 == 0 ? kKinds[funct3] : IssKind::Illegal;
}

IssKind system_kind(std::uint32_t insn) {
  switch (insn) {
    case 0x00000073:
      return IssKind::Ecall;
    case 0x00100073:
      return IssKind::Ebreak;
    case 0x30200073:
      return IssKind::Mret;
    case 0x10500073:
      return IssKind::Wfi;
    default:
      return (insn >> 12 & 3) == 0 ? IssKind::Illegal : IssKind::Csr;
  }
}

}  // namespace

IssOp iss_decode(std::uint32_t insn) {
  const std::uint32_t funct3 = bits(insn, 14, 12);
  const std::uint32_t funct7 = bits(insn, 31, 25);
  const std::uint32_t rd = bits(insn, 11, 7);
  IssOp op;
  op.kind = IssKind::Illegal;
  op.rd = rd == 0 ? kIssNoRegister : static_cast<std::uint8_t>(rd);
  op.rs1 = static_cast<std::uint8_t>(bits(insn, 19, 15));
  op.rs2 = static_cast<std::uint8_t>(bits(insn, 24, 20));
  switch (insn & 0x7f) {
    case 0x37:
    case 0x17:
      op.kind = (insn & 0x20) != 0 ? IssKind::Lui : IssKind::Auipc;
      op.imm = insn & 0xfffff000;
      break;
    case 0x6f:
      op.kind = IssKind::Jal;
      op.imm = imm_j(insn);
      break;
    case 0x67:
      if (funct3 == 0) op.kind = IssKind::Jalr;
      op.imm = imm_i(insn);
      break;
    case 0x63:
      op.kind = branch_kind(funct3);
      op.imm = imm_b(insn);
      break;
    case 0x03:
      op.kind = load_kind(funct3);
      op.imm = imm_i(insn);
      break;
    case 0x23:
      if (funct3 < 3) op.kind = offset(IssKind::Sb, funct3);
      op.imm = imm_s(insn);
      break;
    case 0x13:
      op.kind = immediate_kind(funct3, funct7);
      op.imm = (funct3 & 3) == 1 ? bits(insn, 24, 20) : imm_i(insn);
      break;
    case 0x33:
      op.kind = register_kind(funct3, funct7);
      break;
    case 0x0f:
      if (funct3 < 2) op.kind = funct3 == 0 ? IssKind::Fence : IssKind::FenceI;
      break;
    case 0x73:
      op.kind = system_kind(insn);
      op.imm = insn;
      break;
    default:
      break;
  }
  if (op.kind == IssKind::Illegal) op.imm = insn;
  return op;
}

}  // namespace tsr
