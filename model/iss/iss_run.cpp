// SPDX-License-Identifier: Apache-2.0
#include "iss/iss_execute.hpp"

namespace tsr {

void Iss::attach(const IssFastMemory& memory) {
  fast_ = memory;
  itcm_ops_.assign(memory.itcm_bytes / 4, {});
  rom_ops_.assign(memory.rom_bytes / 4, {});
}

void Iss::invalidate(std::uint32_t addr, std::uint32_t bytes) {
  for (std::uint32_t at = addr & ~3U; at < addr + bytes && at < fast_.itcm_bytes; at += 4) {
    itcm_ops_[at / 4].kind = IssKind::Undecoded;
  }
}

inline IssOp* Iss::decoded(std::uint32_t pc) {
  if (pc < fast_.itcm_bytes) return &itcm_ops_[pc / 4];
  const std::uint32_t offset = pc - kRomBase;
  return offset < fast_.rom_bytes ? &rom_ops_[offset / 4] : nullptr;
}

IssOp* Iss::decode_at(std::uint32_t pc, IssOp& place) {
  const std::uint8_t* from = pc < fast_.itcm_bytes ? fast_.itcm + pc : fast_.rom + (pc - kRomBase);
  std::uint32_t insn = 0;
  std::memcpy(&insn, from, sizeof insn);
  place = iss_decode(insn);
  return &place;
}

IssStop Iss::stop_reason(IssKind kind) const {
  if (kind == IssKind::Wfi) return IssStop::Wfi;
  return kind == IssKind::Ebreak ? IssStop::Ebreak : IssStop::Bus;
}

IssStop Iss::run(std::uint64_t until) {
  std::uint64_t now = now_;
  std::uint64_t count = 0;
  IssStep step;
  step.pc = pc_;
  wfi_ = false;
  // What the slow parts look at is written back in front of them only.
  const auto save = [&] {
    now_ = now;
    pc_ = step.pc;
    instret_ += count;
    retired_ += count;
    count = 0;
  };
  while (now < until) {
    IssOp* op = decoded(step.pc);
    if (op == nullptr) {
      save();
      enter_trap(iss::kCauseFetchFault, step.pc);
      step.pc = pc_;
      now += 2;
      continue;
    }
    if (op->kind == IssKind::Undecoded) decode_at(step.pc, *op);
    if (op->kind == IssKind::Csr) {
      save();
      instret_written_ = false;
    }
    step.extra = 0;
    switch (execute<false>(*op, step, nullptr)) {
      case IssFlow::Next:
        step.pc += 4;
        now += 1 + step.extra;
        ++count;
        break;
      case IssFlow::Jump: {
        const bool mret = op->kind == IssKind::Mret;
        step.pc = step.target;
        now += 2;
        ++count;
        if (mret && pending_interrupt()) {
          save();
          return IssStop::Interrupt;
        }
        break;
      }
      case IssFlow::Csr:
        count_instruction();
        step.pc += 4;
        ++now;
        if (pending_interrupt()) {
          save();
          return IssStop::Interrupt;
        }
        break;
      case IssFlow::Trap:
        save();
        enter_trap(step.cause, step.tval);
        step.pc = pc_;
        now += 2;
        break;
      case IssFlow::Stop:
        save();
        return stop_reason(op->kind);
    }
  }
  save();
  return IssStop::Time;
}

}  // namespace tsr
