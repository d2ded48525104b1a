// SPDX-License-Identifier: Apache-2.0
#include "iss/iss.hpp"

#include "iss/iss_execute.hpp"

namespace tsr {

Iss::Iss(IssMemory& memory, std::uint32_t hart_id) : memory_(memory), hart_id_(hart_id) {}

void Iss::reset(std::uint32_t boot_pc) {
  x_.fill(0);
  pc_ = boot_pc & ~3U;
  wfi_ = false;
  cycle_offset_ = 0;
  instret_ = 0;
  retired_ = 0;
  mie_ = 0;
  status_mie_ = false;
  status_mpie_ = false;
  mtvec_ = 0;
  mscratch_ = 0;
  mepc_ = 0;
  mcause_ = 0;
  mtval_ = 0;
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

void Iss::enter_trap(std::uint32_t cause, std::uint32_t tval) {
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

void Iss::return_from_trap() {
  status_mie_ = status_mpie_;
  status_mpie_ = true;
}

Retire Iss::take_interrupt(std::uint32_t code) {
  Retire retire;
  retire.valid = true;
  retire.intr = true;
  retire.pc = pc_;
  retire.trap = true;
  retire.cause = 0x80000000U | code;
  enter_trap(retire.cause, 0);
  return retire;
}

Retire Iss::step() {
  Retire retire;
  retire.valid = true;
  retire.pc = pc_;
  wfi_ = false;
  instret_written_ = false;
  IssStep step;
  step.pc = pc_;
  IssFlow flow = IssFlow::Trap;
  busy_ = 1;
  if (memory_.fetch(pc_, retire.insn)) {
    const IssOp op = iss_decode(retire.insn);
    flow = execute<true>(op, step, &retire);
    if (is_mul_div(op.kind)) busy_ += step.extra;
  } else {
    iss::trap(step, iss::kCauseFetchFault, pc_);
    retire.insn = 0;
  }
  cycles_ = 1 + step.extra;
  if (flow == IssFlow::Trap) {
    retire.trap = true;
    retire.cause = step.cause;
    retire.tval = step.tval;
    enter_trap(step.cause, step.tval);
    cycles_ = 2;
    return retire;
  }
  count_instruction();
  pc_ = flow == IssFlow::Jump ? step.target : pc_ + 4;
  if (flow == IssFlow::Jump) ++cycles_;
  return retire;
}

void Iss::count_instruction() {
  if (!instret_written_) ++instret_;
  ++retired_;
}

IssFlow Iss::load_slow(const IssOp& op, IssStep& step, Retire& retire) {
  const std::uint32_t bytes = access_bytes(op.kind);
  const std::uint32_t addr = x_[op.rs1] + op.imm;
  if (addr % bytes != 0) return iss::trap(step, iss::kCauseLoadMisaligned, addr);
  const std::uint32_t offset = addr & 3;
  const auto strb = static_cast<std::uint8_t>(((1U << bytes) - 1) << offset);
  std::uint32_t word = 0;
  if (!memory_.load(addr & ~3U, strb, word)) return iss::trap(step, iss::kCauseLoadFault, addr);
  if (addr < kDtcmBase) step.extra = iss::kItcmDataExtra;
  retire.mem_valid = true;
  retire.mem_addr = addr & ~3U;
  retire.mem_data = word & iss::lane_mask(strb);
  retire.mem_strb = strb;
  std::uint32_t value = retire.mem_data >> (8 * offset);
  if (op.kind == IssKind::Lb) value = (value ^ 0x80) - 0x80;
  if (op.kind == IssKind::Lh) value = (value ^ 0x8000) - 0x8000;
  return write_rd<true>(op, value, &retire);
}

IssFlow Iss::store_slow(const IssOp& op, IssStep& step, Retire& retire) {
  const std::uint32_t bytes = access_bytes(op.kind);
  const std::uint32_t addr = x_[op.rs1] + op.imm;
  if (addr % bytes != 0) return iss::trap(step, iss::kCauseStoreMisaligned, addr);
  const std::uint32_t offset = addr & 3;
  const auto strb = static_cast<std::uint8_t>(((1U << bytes) - 1) << offset);
  const std::uint32_t word = (x_[op.rs2] << (8 * offset)) & iss::lane_mask(strb);
  if (!memory_.store(addr & ~3U, strb, word)) return iss::trap(step, iss::kCauseStoreFault, addr);
  if (addr < kDtcmBase) step.extra = iss::kItcmDataExtra;
  if (addr < fast_.itcm_bytes) itcm_ops_[addr / 4].kind = IssKind::Undecoded;
  retire.mem_valid = true;
  retire.mem_write = true;
  retire.mem_addr = addr & ~3U;
  retire.mem_data = word;
  retire.mem_strb = strb;
  return IssFlow::Next;
}

bool Iss::csr_instruction(std::uint32_t insn, std::uint32_t& old) {
  const std::uint32_t funct3 = (insn >> 12) & 7;
  const std::uint32_t address = insn >> 20;
  const std::uint32_t field = (insn >> 15) & 31;
  const std::uint32_t source = (funct3 & 4) != 0 ? field : x_[field];
  const auto value = csr(address);
  if (!value) return false;
  old = *value;
  const std::uint32_t op = funct3 & 3;
  if (op != 1 && field == 0) return true;
  return set_csr(address, op == 1 ? source : op == 2 ? old | source : old & ~source);
}

std::optional<IssAccess> Iss::access() const {
  std::uint32_t insn = 0;
  if (!memory_.fetch(pc_, insn)) return std::nullopt;
  const IssOp op = iss_decode(insn);
  if (!is_load(op.kind) && !is_store(op.kind)) return std::nullopt;
  IssAccess access;
  access.addr = x_[op.rs1] + op.imm;
  access.bytes = access_bytes(op.kind);
  access.write = is_store(op.kind);
  const std::uint32_t offset = access.addr & 3;
  access.strb = static_cast<std::uint8_t>(((1U << access.bytes) - 1) << offset);
  if (access.write) access.data = (x_[op.rs2] << (8 * offset)) & iss::lane_mask(access.strb);
  return access;
}

}  // namespace tsr
