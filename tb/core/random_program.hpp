// SPDX-License-Identifier: Apache-2.0
/// Random code for lock-step runs: never ends, survives every trap, never writes over itself.
///
/// Registers x24..x31 are fixed: x24 all interrupt enables, x25/x26 bus, x27/x28 start of the code,
/// x29 scratch of the handler, x30 ITCM data, x31 DTCM data. Random code only reads them.
#pragma once

#include <random>

#include "core/rv_asm.hpp"

namespace tsr::tb {

/// What random code may contain.
struct RandomMix {
  bool system = true;    // CSRs, traps, WFI, MRET, illegal words, misaligned and wild accesses
  bool backward = true;  // backward branches and jumps
  bool bus = true;       // loads and stores outside the TCMs
};

class RandomProgram {
 public:
  static constexpr rv::Word kSetup = 0x3000;
  static constexpr rv::Word kTable = 0x2000;
  static constexpr rv::Word kCode = 0x4000;
  static constexpr rv::Word kDtcmData = 0x10800;
  static constexpr rv::Word kItcmData = 0xc000;

  RandomProgram(std::mt19937_64& rng, RandomMix mix) : rng_(rng), mix_(mix) {}

  /// Fixed registers, random others, mtvec, interrupts on, jump to the code.
  rv::Program setup(bool vectored) {
    rv::Program program(kSetup);
    if (mix_.system) {
      program.li(31, kTable | (vectored ? 1 : 0));
      program << rv::csrw(rv::kMtvec, 31);
    }
    for (rv::Word r = 1; r < 24; ++r) program.li(r, value());
    program.li(24, 0xffff0888).li(25, 0x01000800).li(26, 0x80000800).li(27, kCode).li(28, kCode);
    program.li(29, 0).li(30, kItcmData).li(31, kDtcmData);
    if (mix_.system) program << rv::csrw(rv::kMie, 24) << rv::csrsi(rv::kMstatus, 8);
    program << rv::jalr(0, 27, 0);
    return program;
  }

  /// Trap handlers. Exceptions continue behind the instruction, fetch faults at the start of the
  /// code; interrupts at the instruction or, by the parity of mcycle, behind it, which breaks
  /// endless loops.
  static rv::Program table() {
    using namespace rv;
    Program program(kTable);
    program << jal(0, 0x100);
    for (int i = 1; i < 32; ++i) program << jal(0, 0x180 - 4 * i);
    program.pad_to(kTable + 0x100);
    program << csrr(29, kMcause) << blt(29, 0, 0x7c);  // direct mode: interrupt
    program << addi(29, 29, -1) << beq(29, 0, 0x14);   // fetch fault
    program << csrr(29, kMepc) << addi(29, 29, 4) << csrw(kMepc, 29) << kMret;
    program << csrw(kMepc, 28) << kMret;
    program.pad_to(kTable + 0x180);
    program << csrr(29, kMcycle) << andi(29, 29, 1) << beq(29, 0, 0x10);
    program << csrr(29, kMepc) << addi(29, 29, 4) << csrw(kMepc, 29) << kMret;
    return program;
  }

  /// `count` random instructions, then back to the start (or kStop without backward jumps).
  rv::Program code(unsigned count) {
    rv::Program program(kCode);
    const rv::Word end = kCode + 4 * count;
    while (program.here() < end) program << instruction(program.here(), end);
    program << (mix_.backward ? rv::jalr(0, 28, 0) : rv::kStop);
    return program;
  }

 private:
  rv::Word pick(rv::Word low, rv::Word high) {
    return std::uniform_int_distribution<rv::Word>(low, high)(rng_);
  }
  int signed_pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(rng_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(rng_); }
  rv::Word rd() { return pick(0, 23); }
  /// Mostly recent registers, so that forwarding is busy.
  rv::Word rs() { return chance(0.1) ? pick(24, 31) : pick(0, chance(0.5) ? 5 : 23); }
  rv::Word value() {
    static constexpr rv::Word kCorners[] = {0,          1,          2,          0xffffffff,
                                            0x80000000, 0x7fffffff, 0x80000001, 31};
    return chance(0.4) ? kCorners[pick(0, 7)] : static_cast<rv::Word>(rng_());
  }

  rv::Word instruction(rv::Word here, rv::Word end) {
    const rv::Word kind = pick(0, 99);
    if (kind < 20) return register_register();
    if (kind < 40) return register_immediate();
    if (kind < 50) return rv::muldiv(pick(0, chance(0.6) ? 3 : 7), rd(), rs(), rs());
    if (kind < 55) return (chance(0.5) ? rv::lui(rd(), value()) : rv::auipc(rd(), value()));
    if (kind < 78 || !mix_.system) return kind % 2 != 0 ? memory() : control(here, end);
    if (kind < 86) return control(here, end);
    return system();
  }

  rv::Word register_register() {
    const rv::Word funct3 = pick(0, 7);
    const bool alternate = (funct3 == 0 || funct3 == 5) && chance(0.5);
    return rv::r_type(alternate ? 0x20 : 0, rs(), rs(), funct3, rd());
  }

  rv::Word register_immediate() {
    const rv::Word funct3 = pick(0, 7);
    int imm = signed_pick(-2048, 2047);
    if (funct3 == 1) imm &= 31;
    if (funct3 == 5) imm = (imm & 31) | (chance(0.5) ? 0x400 : 0);
    return rv::i_type(imm, rs(), funct3, rd(), 0x13);
  }

  rv::Word memory() {
    static constexpr rv::Word kLoads[] = {0, 1, 2, 4, 5};
    const bool is_store = chance(0.5);
    const rv::Word funct3 = is_store ? pick(0, 2) : kLoads[pick(0, 4)];
    rv::Word base = mix_.bus ? pick(25, 31) : pick(30, 31);
    if (base >= 27 && base <= 29) base = 31;
    int imm = signed_pick(chance(0.5) ? -16 : -2048, chance(0.5) ? 15 : 2047);
    if (!mix_.system || chance(0.9)) imm &= ~((1 << (funct3 & 3)) - 1);
    if (is_store) return rv::store(funct3, rs(), base, imm);
    if (mix_.system && chance(0.1)) base = rs();  // wild load
    return rv::load(funct3, rd(), base, imm);
  }

  /// Branch or jump that stays in the code, mostly forward.
  rv::Word control(rv::Word here, rv::Word end) {
    static constexpr rv::Word kBranches[] = {0, 1, 4, 5, 6, 7};
    int offset = static_cast<int>(4 * pick(1, 12));
    if (mix_.backward && chance(0.15)) offset = -offset;
    const auto target = static_cast<std::int64_t>(here) + offset;
    if (target < kCode || target > end) offset = 4;
    if (chance(0.7)) return rv::b_type(kBranches[pick(0, 5)], rs(), rs(), offset);
    if (!mix_.backward || chance(0.7)) return rv::jal(rd(), offset);
    const bool wild = mix_.system && chance(0.2);
    return rv::jalr(rd(), wild ? rs() : 27,
                    static_cast<int>(4 * pick(0, 500)) + (chance(0.9) ? 0 : 2));
  }

  rv::Word system() {
    using namespace rv;
    static constexpr Word kFree[] = {kMscratch, kMepc,    kMcause,  kMtval,   kMip,       kMcycle,
                                     kMinstret, kInstret, kTime,    kMcycleh, kMinstreth, kTimeh,
                                     kMstatus,  kMisa,    kMhartid, 0x323,    0x7b0,      kCycle};
    static constexpr Word kOps[] = {1, 2, 3, 5, 6, 7};
    switch (pick(0, 9)) {
      case 0:
        return chance(0.3) ? kWfi : kFenceI;
      case 1:
        return chance(0.5) ? kEcall : kEbreak;
      case 2:
        return chance(0.2) ? kMret : kFence;
      case 3:
        return static_cast<Word>(rng_()) | (chance(0.5) ? 0x7c : 0);  // mostly illegal
      case 4:
        return csr(1, rd(), kMie, 24);  // all enables: WFI always wakes
      case 5:
      case 6:
        return csrsi(kMstatus, 8);
      default:
        return csr(kOps[pick(0, 5)], rd(), kFree[pick(0, 17)], chance(0.3) ? 0 : rs());
    }
  }

  std::mt19937_64& rng_;
  RandomMix mix_;
};

}  // namespace tsr::tb
