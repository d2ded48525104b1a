// SPDX-License-Identifier: Apache-2.0
#include "core_check.hpp"

#include <fmt/format.h>

namespace tsr::check {
namespace {

constexpr std::uint32_t kTcmEnd = 0x20000;
constexpr std::uint32_t kRomPage = 8;  // address bits 31:16
constexpr std::uint32_t kCauseLoadFault = 5, kCauseStoreFault = 7;

void merge(std::uint32_t& place, std::uint32_t word, std::uint8_t strobe) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= (strobe >> i & 1U) != 0 ? 0xffU << (8 * i) : 0U;
  place = (place & ~mask) | (word & mask);
}

/// The fields that differ, as "rd_wdata: expected 0x5, got 0x4".
std::string differences(const Retire& model, const Retire& rtl) {
  std::string text;
  const auto field = [&](const char* name, std::uint32_t expected, std::uint32_t got) {
    if (expected == got) return;
    text += fmt::format("{}{}: expected {:#x}, got {:#x}", text.empty() ? "" : "; ", name, expected,
                        got);
  };
  field("pc", model.pc, rtl.pc);
  field("instruction", model.insn, rtl.insn);
  field("trap", model.trap ? 1 : 0, rtl.trap ? 1 : 0);
  field("cause", model.cause, rtl.cause);
  field("trap value", model.tval, rtl.tval);
  if (model.rd_we || rtl.rd_we) {
    field("register written", model.rd, rtl.rd);
    field(fmt::format("value of x{}", rtl.rd).c_str(), model.rd_wdata, rtl.rd_wdata);
  }
  field("memory access", model.mem_valid ? 1 : 0, rtl.mem_valid ? 1 : 0);
  field("memory write", model.mem_write ? 1 : 0, rtl.mem_write ? 1 : 0);
  field("memory address", model.mem_addr, rtl.mem_addr);
  field("memory byte lanes", model.mem_strb, rtl.mem_strb);
  field("memory data", model.mem_data, rtl.mem_data);
  return text;
}

}  // namespace

std::uint32_t* CoreMemory::tcm(std::uint32_t address) {
  auto& memory = (address >> 16 & 1U) != 0 ? dtcm_ : itcm_;
  return &memory[(address & 0xffffU) / 4];
}

void CoreMemory::write(std::uint32_t address, std::uint8_t strobe, std::uint32_t word) {
  merge(*tcm(address), word, strobe);
}

bool CoreMemory::fetch(std::uint32_t address, std::uint32_t& insn) {
  if (address < CoreMemory::kTcmBytes) {
    insn = itcm_[address / 4];
    return true;
  }
  if (address >> 16 != kRomPage || retire_->insn == 0) return false;
  auto& word = rom_[(address & 0xffffU) / 4];
  if (!word) word = retire_->insn;
  insn = *word;
  return true;
}

bool CoreMemory::load(std::uint32_t address, std::uint8_t, std::uint32_t& word) {
  if (address < kTcmEnd) {
    word = *tcm(address);
    return true;
  }
  word = retire_->mem_data;
  return !(retire_->trap && retire_->cause == kCauseLoadFault);
}

bool CoreMemory::store(std::uint32_t address, std::uint8_t strobe, std::uint32_t word) {
  if (address < kTcmEnd) {
    merge(*tcm(address), word, strobe);
    return true;
  }
  return !(retire_->trap && retire_->cause == kCauseStoreFault);
}

void CoreCheck::core_start(std::uint64_t, std::uint32_t pc) {
  iss_.reset(pc);
  started_ = true;
}

void CoreCheck::interrupts(std::uint64_t, std::uint32_t mip) { iss_.set_irq(mip); }

void CoreCheck::tcm_write(std::uint64_t, std::uint32_t address, std::uint8_t strobe,
                          std::uint32_t data) {
  memory_.write(address, strobe, data);
}

void CoreCheck::debug_write(std::uint64_t, std::uint32_t address, std::uint32_t data) {
  if (address < 32) {
    iss_.set_reg(address, data);
  } else if (address == 32) {
    iss_.set_pc(data);
  } else if (address >= 0x1000) {
    iss_.set_csr(address - 0x1000, data);  // those of the debugger alone are not in the model
  }
}

void CoreCheck::retire(std::uint64_t cycle, const Retire& retire) {
  if (!started_ || log_.failed()) return;
  ++compared_;
  iss_.set_now(cycle);
  memory_.follow(retire);
  if (retire.intr && !iss_.pending_interrupt()) {
    log_.report({cycle, "core: an interrupt was taken and none is pending: " + retire.to_string(),
                 retire.pc});
    return;
  }
  const Retire model = retire.intr ? iss_.take_interrupt(*iss_.pending_interrupt()) : iss_.step();
  if (model == retire) return;
  log_.report({cycle,
               fmt::format("core: instruction {:#010x} at pc {:#x}: {}", retire.insn, retire.pc,
                           differences(model, retire)),
               retire.pc});
}

}  // namespace tsr::check
