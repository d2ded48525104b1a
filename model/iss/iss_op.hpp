// SPDX-License-Identifier: Apache-2.0
/// Decoded instructions of the instruction-set model.
#pragma once

#include <cstdint>

namespace tsr {

enum class IssKind : std::uint8_t {
  Undecoded,  ///< empty place of a cache
  Illegal,
  Lui,
  Auipc,
  Jal,
  Jalr,
  Beq,
  Bne,
  Blt,
  Bge,
  Bltu,
  Bgeu,
  Lb,
  Lh,
  Lw,
  Lbu,
  Lhu,
  Sb,
  Sh,
  Sw,
  Addi,
  Slli,
  Slti,
  Sltiu,
  Xori,
  Srli,
  Srai,
  Ori,
  Andi,
  Add,
  Sub,
  Sll,
  Slt,
  Sltu,
  Xor,
  Srl,
  Sra,
  Or,
  And,
  Mul,
  Mulh,
  Mulhsu,
  Mulhu,
  Div,
  Divu,
  Rem,
  Remu,
  Fence,
  FenceI,
  Ecall,
  Ebreak,
  Mret,
  Wfi,
  Csr,
};

/// One instruction. `rd` is kIssNoRegister if nothing is written.
struct IssOp {
  IssKind kind = IssKind::Undecoded;
  std::uint8_t rd = 0;
  std::uint8_t rs1 = 0;
  std::uint8_t rs2 = 0;
  std::uint32_t imm = 0;  ///< immediate; Illegal, Csr: the instruction word
};

/// Index of the place where results for x0 go.
inline constexpr std::uint8_t kIssNoRegister = 32;

IssOp iss_decode(std::uint32_t insn);

inline bool is_load(IssKind kind) { return kind >= IssKind::Lb && kind <= IssKind::Lhu; }
inline bool is_store(IssKind kind) { return kind >= IssKind::Sb && kind <= IssKind::Sw; }
inline bool is_mul_div(IssKind kind) { return kind >= IssKind::Mul && kind <= IssKind::Remu; }
/// Bytes of a load or store.
inline std::uint32_t access_bytes(IssKind kind) {
  switch (kind) {
    case IssKind::Lw:
    case IssKind::Sw:
      return 4;
    case IssKind::Lh:
    case IssKind::Lhu:
    case IssKind::Sh:
      return 2;
    default:
      return 1;
  }
}

}  // namespace tsr
