// SPDX-License-Identifier: Apache-2.0
/// Instruction words of RV32IM and Zicsr for tests, and a growing program.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tsr::rv {

using Word = std::uint32_t;

enum Csr : Word {
  kMstatus = 0x300,
  kMisa = 0x301,
  kMie = 0x304,
  kMtvec = 0x305,
  kMscratch = 0x340,
  kMepc = 0x341,
  kMcause = 0x342,
  kMtval = 0x343,
  kMip = 0x344,
  kDcsr = 0x7b0,
  kMcycle = 0xb00,
  kMinstret = 0xb02,
  kMcycleh = 0xb80,
  kMinstreth = 0xb82,
  kCycle = 0xc00,
  kTime = 0xc01,
  kInstret = 0xc02,
  kTimeh = 0xc81,
  kMhartid = 0xf14
};

// ---- formats

constexpr Word r_type(Word funct7, Word rs2, Word rs1, Word funct3, Word rd, Word opcode = 0x33) {
  return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
constexpr Word i_type(int imm, Word rs1, Word funct3, Word rd, Word opcode) {
  return (static_cast<Word>(imm) & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
}
constexpr Word s_type(int imm, Word rs2, Word rs1, Word funct3) {
  const Word i = static_cast<Word>(imm);
  return ((i >> 5) & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (i & 0x1f) << 7 | 0x23;
}
constexpr Word b_type(Word funct3, Word rs1, Word rs2, int offset) {
  const Word i = static_cast<Word>(offset);
  return ((i >> 12) & 1) << 31 | ((i >> 5) & 0x3f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 |
         ((i >> 1) & 0xf) << 8 | ((i >> 11) & 1) << 7 | 0x63;
}

// ---- instructions

constexpr Word add(Word rd, Word a, Word b) { return r_type(0, b, a, 0, rd); }
constexpr Word sub(Word rd, Word a, Word b) { return r_type(0x20, b, a, 0, rd); }
constexpr Word sll(Word rd, Word a, Word b) { return r_type(0, b, a, 1, rd); }
constexpr Word slt(Word rd, Word a, Word b) { return r_type(0, b, a, 2, rd); }
constexpr Word sltu(Word rd, Word a, Word b) { return r_type(0, b, a, 3, rd); }
constexpr Word xor_(Word rd, Word a, Word b) { return r_type(0, b, a, 4, rd); }
constexpr Word srl(Word rd, Word a, Word b) { return r_type(0, b, a, 5, rd); }
constexpr Word sra(Word rd, Word a, Word b) { return r_type(0x20, b, a, 5, rd); }
constexpr Word or_(Word rd, Word a, Word b) { return r_type(0, b, a, 6, rd); }
constexpr Word and_(Word rd, Word a, Word b) { return r_type(0, b, a, 7, rd); }
/// MUL, MULH, MULHSU, MULHU, DIV, DIVU, REM, REMU by funct3.
constexpr Word muldiv(Word funct3, Word rd, Word a, Word b) { return r_type(1, b, a, funct3, rd); }
constexpr Word mul(Word rd, Word a, Word b) { return muldiv(0, rd, a, b); }
constexpr Word div(Word rd, Word a, Word b) { return muldiv(4, rd, a, b); }

constexpr Word addi(Word rd, Word a, int imm) { return i_type(imm, a, 0, rd, 0x13); }
constexpr Word slti(Word rd, Word a, int imm) { return i_type(imm, a, 2, rd, 0x13); }
constexpr Word sltiu(Word rd, Word a, int imm) { return i_type(imm, a, 3, rd, 0x13); }
constexpr Word xori(Word rd, Word a, int imm) { return i_type(imm, a, 4, rd, 0x13); }
constexpr Word ori(Word rd, Word a, int imm) { return i_type(imm, a, 6, rd, 0x13); }
constexpr Word andi(Word rd, Word a, int imm) { return i_type(imm, a, 7, rd, 0x13); }
constexpr Word slli(Word rd, Word a, int shift) { return i_type(shift, a, 1, rd, 0x13); }
constexpr Word srli(Word rd, Word a, int shift) { return i_type(shift, a, 5, rd, 0x13); }
constexpr Word srai(Word rd, Word a, int shift) { return i_type(shift | 0x400, a, 5, rd, 0x13); }
constexpr Word nop() { return addi(0, 0, 0); }

constexpr Word lui(Word rd, Word value) { return (value & 0xfffff000) | rd << 7 | 0x37; }
constexpr Word auipc(Word rd, Word value) { return (value & 0xfffff000) | rd << 7 | 0x17; }
constexpr Word jal(Word rd, int offset) {
  const Word i = static_cast<Word>(offset);
  return ((i >> 20) & 1) << 31 | ((i >> 1) & 0x3ff) << 21 | ((i >> 11) & 1) << 20 |
         ((i >> 12) & 0xff) << 12 | rd << 7 | 0x6f;
}
constexpr Word jalr(Word rd, Word a, int imm) { return i_type(imm, a, 0, rd, 0x67); }
constexpr Word beq(Word a, Word b, int offset) { return b_type(0, a, b, offset); }
constexpr Word bne(Word a, Word b, int offset) { return b_type(1, a, b, offset); }
constexpr Word blt(Word a, Word b, int offset) { return b_type(4, a, b, offset); }
constexpr Word bge(Word a, Word b, int offset) { return b_type(5, a, b, offset); }

/// LB, LH, LW, LBU, LHU by funct3.
constexpr Word load(Word funct3, Word rd, Word a, int imm) { return i_type(imm, a, funct3, rd, 3); }
/// SB, SH, SW by funct3.
constexpr Word store(Word funct3, Word src, Word a, int imm) { return s_type(imm, src, a, funct3); }
constexpr Word lw(Word rd, Word a, int imm) { return load(2, rd, a, imm); }
constexpr Word sw(Word src, Word a, int imm) { return store(2, src, a, imm); }

/// CSRRW 1, CSRRS 2, CSRRC 3, immediate forms 5, 6, 7 by funct3.
constexpr Word csr(Word funct3, Word rd, Word number, Word a) {
  return number << 20 | a << 15 | funct3 << 12 | rd << 7 | 0x73;
}
constexpr Word csrr(Word rd, Word number) { return csr(2, rd, number, 0); }
constexpr Word csrw(Word number, Word a) { return csr(1, 0, number, a); }
constexpr Word csrwi(Word number, Word imm) { return csr(5, 0, number, imm); }
constexpr Word csrsi(Word number, Word imm) { return csr(6, 0, number, imm); }

constexpr Word kFence = 0x0ff0000f;
constexpr Word kFenceI = 0x0000100f;
constexpr Word kEcall = 0x00000073;
constexpr Word kEbreak = 0x00100073;
constexpr Word kMret = 0x30200073;
constexpr Word kWfi = 0x10500073;
/// End of a test program: jump to itself.
constexpr Word kStop = jal(0, 0);

/// Instructions laid down from `base` on.
class Program {
 public:
  explicit Program(Word base = 0) : base_(base) {}

  /// Address of the next instruction.
  Word here() const { return base_ + 4 * static_cast<Word>(words_.size()); }
  Word base() const { return base_; }
  const std::vector<Word>& words() const { return words_; }

  Program& operator<<(Word word) {
    words_.push_back(word);
    return *this;
  }
  /// Load any constant; always two instructions.
  Program& li(Word rd, Word value) {
    const Word low = value & 0xfff;
    *this << lui(rd, value + 0x800)
          << addi(rd, rd, static_cast<int>(low) - (low >= 0x800 ? 4096 : 0));
    return *this;
  }
  /// NOPs up to `address`.
  Program& pad_to(Word address) {
    while (here() < address) *this << nop();
    return *this;
  }
  void patch(Word address, Word word) { words_[(address - base_) / 4] = word; }

 private:
  Word base_;
  std::vector<Word> words_;
};

}  // namespace tsr::rv
