// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "formats.hpp"

namespace tsr::waves {
namespace {

const char* const kRegs[] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                             "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                             "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

const std::map<unsigned, const char*> kCsrs = {
    {0x300, "mstatus"},  {0x301, "misa"},          {0x304, "mie"},       {0x305, "mtvec"},
    {0x310, "mstatush"}, {0x320, "mcountinhibit"}, {0x340, "mscratch"},  {0x341, "mepc"},
    {0x342, "mcause"},   {0x343, "mtval"},         {0x344, "mip"},       {0x7a0, "tselect"},
    {0x7a1, "tdata1"},   {0x7a2, "tdata2"},        {0x7a4, "tinfo"},     {0x7b0, "dcsr"},
    {0xb00, "mcycle"},   {0xb02, "minstret"},      {0xb80, "mcycleh"},   {0xb82, "minstreth"},
    {0xc00, "cycle"},    {0xc01, "time"},          {0xc02, "instret"},   {0xc80, "cycleh"},
    {0xc81, "timeh"},    {0xc82, "instreth"},      {0xf11, "mvendorid"}, {0xf12, "marchid"},
    {0xf13, "mimpid"},   {0xf14, "mhartid"},       {0xf15, "mconfigptr"}};

struct Insn {
  std::uint32_t bits, pc;
  unsigned field(unsigned low, unsigned width) const { return bits >> low & ((1U << width) - 1); }
  unsigned funct3() const { return field(12, 3); }
  const char* rd() const { return kRegs[field(7, 5)]; }
  const char* rs1() const { return kRegs[field(15, 5)]; }
  const char* rs2() const { return kRegs[field(20, 5)]; }
  std::int32_t imm_i() const { return static_cast<std::int32_t>(bits) >> 20; }
  std::int32_t imm_s() const {
    return (static_cast<std::int32_t>(bits) >> 25) * 32 + static_cast<std::int32_t>(field(7, 5));
  }
  std::uint32_t branch() const {
    return pc + static_cast<std::uint32_t>((static_cast<std::int32_t>(bits) >> 31) * 4096) +
           (field(7, 1) << 11 | field(25, 6) << 5 | field(8, 4) << 1);
  }
  std::uint32_t jal() const {
    return pc + static_cast<std::uint32_t>((static_cast<std::int32_t>(bits) >> 31) * 1048576) +
           (field(12, 8) << 12 | field(20, 1) << 11 | field(21, 10) << 1);
  }
};

std::string unknown(const Insn& i) { return fmt::format(".word {:#010x}", i.bits); }

std::string op_imm(const Insn& i) {
  const char* const names[] = {"addi", "slli", "slti", "sltiu", "xori", "srli", "ori", "andi"};
  const unsigned f = i.funct3(), high = i.field(25, 7);
  if (f == 1 || f == 5) {
    if (high != 0 && (f == 1 || high != 0x20)) return unknown(i);
    return fmt::format("{} {},{},{:#x}", high != 0 ? "srai" : names[f], i.rd(), i.rs1(),
                       i.field(20, 5));
  }
  return fmt::format("{} {},{},{}", names[f], i.rd(), i.rs1(), i.imm_i());
}

std::string op(const Insn& i) {
  const char* const base[] = {"add", "sll", "slt", "sltu", "xor", "srl", "or", "and"};
  const char* const mul[] = {"mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"};
  const unsigned f = i.funct3(), high = i.field(25, 7);
  const char* name = nullptr;
  if (high == 0) name = base[f];
  if (high == 1) name = mul[f];
  if (high == 0x20 && f == 0) name = "sub";
  if (high == 0x20 && f == 5) name = "sra";
  if (name == nullptr) return unknown(i);
  return fmt::format("{} {},{},{}", name, i.rd(), i.rs1(), i.rs2());
}

std::string branch(const Insn& i) {
  const char* const names[] = {"beq", "bne", nullptr, nullptr, "blt", "bge", "bltu", "bgeu"};
  if (names[i.funct3()] == nullptr) return unknown(i);
  return fmt::format("{} {},{},{:x}", names[i.funct3()], i.rs1(), i.rs2(), i.branch());
}

std::string memory(const Insn& i, bool store) {
  const char* const loads[] = {"lb", "lh", "lw", nullptr, "lbu", "lhu", nullptr, nullptr};
  const char* const stores[] = {"sb", "sh", "sw", nullptr, nullptr, nullptr, nullptr, nullptr};
  const char* name = (store ? stores : loads)[i.funct3()];
  if (name == nullptr) return unknown(i);
  return fmt::format("{} {},{}({})", name, store ? i.rs2() : i.rd(), store ? i.imm_s() : i.imm_i(),
                     i.rs1());
}

std::string system(const Insn& i) {
  if (i.bits == 0x00000073) return "ecall";
  if (i.bits == 0x00100073) return "ebreak";
  if (i.bits == 0x30200073) return "mret";
  if (i.bits == 0x10500073) return "wfi";
  const char* const names[] = {nullptr, "csrrw",  "csrrs",  "csrrc",
                               nullptr, "csrrwi", "csrrsi", "csrrci"};
  const unsigned f = i.funct3();
  if (names[f] == nullptr) return unknown(i);
  const auto known = kCsrs.find(i.field(20, 12));
  const auto csr = known == kCsrs.end() ? fmt::format("{:#x}", i.field(20, 12)) : known->second;
  const auto source = f < 4 ? std::string(i.rs1()) : fmt::format("{}", i.field(15, 5));
  return fmt::format("{} {},{},{}", names[f], i.rd(), csr, source);
}

}  // namespace

std::string disassemble(std::uint32_t insn, std::uint32_t pc) {
  const Insn i{insn, pc};
  switch (i.field(0, 7)) {
    case 0x37:
      return fmt::format("lui {},{:#x}", i.rd(), i.field(12, 20));
    case 0x17:
      return fmt::format("auipc {},{:#x}", i.rd(), i.field(12, 20));
    case 0x6f:
      return fmt::format("jal {},{:x}", i.rd(), i.jal());
    case 0x67:
      if (i.funct3() != 0) return unknown(i);
      return fmt::format("jalr {},{}({})", i.rd(), i.imm_i(), i.rs1());
    case 0x63:
      return branch(i);
    case 0x03:
      return memory(i, false);
    case 0x23:
      return memory(i, true);
    case 0x13:
      return op_imm(i);
    case 0x33:
      return op(i);
    case 0x0f:
      return i.funct3() == 0 ? "fence" : i.funct3() == 1 ? "fence.i" : unknown(i);
    case 0x73:
      return system(i);
    default:
      return unknown(i);
  }
}

}  // namespace tsr::waves
