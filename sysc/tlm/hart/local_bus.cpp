// SPDX-License-Identifier: Apache-2.0
#include "tlm/hart/local_bus.hpp"

#include "tlm/hart/boot_rom.hpp"
#include "tlm/hart/core_runner.hpp"
#include "tlm/hart/ctl_periph.hpp"
#include "tlm/hart/tile_regs.hpp"

namespace tsr::hart {

namespace {

constexpr std::uint32_t kTcmEnd = 0x20000;
constexpr std::uint32_t kRomBytes = 0x4000;

WordAnswer of(const RegAnswer& answer) {
  return {answer.err ? Err::kForbidden : Err::kNone, answer.data, 2};
}

}  // namespace

WordAnswer LocalBus::access(const WordAccess& access) {
  const std::uint32_t addr = access.addr;
  const RegAccess reg{access.write, parts_.is_ctl || access.network, 0, access.data, access.strb};
  const auto in = [addr](std::uint32_t base, std::uint32_t bytes) { return addr - base < bytes; };
  if (addr < kTcmEnd) return access.network ? tcm(access) : WordAnswer{Err::kUnmapped, 0, 2};
  if (in(kRegsBase, 0x1000)) {
    RegAccess own = reg;
    own.offset = addr - kRegsBase;
    return of(parts_.regs->checked(own));
  }
  if (in(kCmdBase, 64 * kEngines)) return stage(access);
  if (in(kCtxBase, 0x1000)) return context(access);
  if (parts_.is_ctl && in(kRomBase, kRomBytes)) return rom(access);
  if (parts_.is_ctl && in(kExtBase, 0x10000)) {
    RegAccess own = reg;
    own.offset = addr - kExtBase;
    return of(parts_.periph->access(own));
  }
  return {Err::kUnmapped, 0, 2};
}

WordAnswer LocalBus::tcm(const WordAccess& access) {
  WordAnswer answer{Err::kNone, 0, 3};
  if (access.write) {
    parts_.core->write_tcm(access.addr, access.data, access.strb);
  } else {
    answer.data = parts_.core->read_tcm(access.addr);
  }
  return answer;
}

WordAnswer LocalBus::stage(const WordAccess& access) {
  if (!access.write || access.strb != 0xf) return {Err::kUnsupported, 0, 2};
  const std::uint32_t offset = access.addr - kCmdBase;
  const unsigned engine = offset / 64;
  const unsigned word = offset % 64 / 4;
  auto& words = staged_[engine];
  if (word != 15) {
    words[word] = access.data;
    return {};
  }
  auto command = words;
  command[15] = access.data;
  if (!parts_.engines->push(static_cast<Engine>(engine), command)) return {Err::kBusy, 0, 2};
  words = command;
  parts_.regs->update_interrupts();
  return {};
}

WordAnswer LocalBus::context(const WordAccess& access) {
  const std::uint32_t offset = access.addr - kCtxBase;
  if (!access.write) return {Err::kNone, parts_.engines->context_word(offset), 3};
  if (access.strb != 0xf) return {Err::kUnsupported, 0, 2};
  parts_.engines->set_context_word(offset, access.data);
  return {};
}

WordAnswer LocalBus::rom(const WordAccess& access) {
  if (access.write) return {Err::kForbidden, 0, 3};
  return {Err::kNone, boot_rom_word(access.addr - kRomBase), 3};
}

}  // namespace tsr::hart
