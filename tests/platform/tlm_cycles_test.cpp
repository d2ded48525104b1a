// SPDX-License-Identifier: Apache-2.0
/// The TLM hart nodes against the RTL: the same programs on a tile's core, the same accesses of the
/// host, cycle for cycle.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/rv_asm.hpp"
#include "regs/hbm_regs.hpp"
#include "regs/tile_regs.hpp"
#include "tessera/host.hpp"

namespace tsr {
namespace {

using namespace rv;
namespace reg = regs::tile;

constexpr std::uint32_t kRegs = 0x0002'0000;
constexpr std::uint32_t kCtx = 0x0004'0000;
constexpr std::uint32_t kSpm = 0x0100'0000;
constexpr std::uint32_t kDtcm = 0x0001'0000;

/// A chip whose boot ROM waits for an image, one tile of it prepared for programs.
class Machine {
 public:
  explicit Machine(Fidelity tiles) {
    PlatformOptions options;
    options.models.tile = tiles;
    chip_ = Platform::open("t4", std::move(options));
    tile_ = chip_->config().tiles.back();
    other_ = chip_->config().tiles.front();
    const Node memory = chip_->config().memories.front();
    const auto status = node_address(memory, kRegs + regs::hbm::kStatusOffset);
    while ((chip_->read32(status) & 1) == 0) chip_->advance(500);
    chip_->advance(20000);  // the boot ROM has written its message
    open_window(0, 0, 0xff'ffff, 3);
    open_window(1, node_address(tile_, 0), node_address(tile_, 0xffff'ffff), 3);
    open_window(2, node_address(other_, kSpm), node_address(other_, kSpm + 0x3'ffff), 3);
    set(tile_, reg::kCoreWinOffset + 4, static_cast<std::uint32_t>(node_address(tile_, 0) >> 28));
    set(tile_, reg::kCoreWinOffset + 8, static_cast<std::uint32_t>(node_address(other_, 0) >> 28));
    set(other_, reg::kRemoteLimitOffset, 0x3'ffff);
    set(other_, reg::kRemoteCtrlOffset, 7);
  }

  /// Cycles that the core needs for `words`; a trap ends them.
  std::uint32_t core_cycles(const std::vector<Word>& words) {
    constexpr Word kHandler = 0x400;
    Program program;
    program.li(5, kRegs).li(6, kSpm).li(7, 0x8000'0000).li(8, kDtcm).li(9, 0x9100'0000);
    program.li(11, 0xa100'0000).li(12, kCtx).li(13, kHandler);
    program << csrw(kMtvec, 13) << csrr(20, kMcycle);
    for (const Word word : words) program << word;
    const auto end = [&program] {
      program << csrr(21, kMcycle) << sub(21, 21, 20) << sw(21, 8, 0) << kStop;
    };
    end();
    program.pad_to(kHandler);
    end();
    set(tile_, reg::kCoreCtrlOffset, 0);
    chip_->write(node_address(tile_, 0), program.words().data(), 4 * program.words().size());
    set(tile_, reg::kBootPcOffset, 0);
    set(tile_, reg::kCoreCtrlOffset, 1);
    chip_->advance(600);
    return chip_->read32(node_address(tile_, kDtcm)) - 1;
  }

  /// Cycles that the host needs to move `bytes` to or from the tile.
  std::uint64_t host_cycles(bool write, std::uint32_t local, std::size_t bytes) {
    std::vector<std::uint8_t> data(bytes);
    const std::uint64_t begin = chip_->cycle();
    if (write) {
      chip_->write(node_address(tile_, local), data.data(), bytes);
    } else {
      chip_->read(node_address(tile_, local), data.data(), bytes);
    }
    return chip_->cycle() - begin;
  }

 private:
  void set(Node node, std::uint32_t offset, std::uint32_t value) {
    chip_->write32(node_address(node, kRegs + offset), value);
  }
  void open_window(std::uint32_t index, std::uint64_t first, std::uint64_t last, unsigned rights) {
    const auto page = [](std::uint64_t at) { return static_cast<std::uint32_t>(at >> 12); };
    set(tile_, reg::kAccessBaseOffset + 16 * index, page(first));
    set(tile_, reg::kAccessLimitOffset + 16 * index, page(last));
    set(tile_, reg::kAccessCtrlOffset + 16 * index,
        static_cast<std::uint32_t>(first >> 52 & 15) | rights << 4);
  }

  std::unique_ptr<Platform> chip_;
  Node tile_, other_;
};

constexpr int offset(std::uint32_t value) { return static_cast<int>(value); }

TEST(PlatformTlmCycles, CoreAccessesTakeThoseOfTheRtl) {
  // x5 registers, x6 scratchpad, x7 HBM, x9 own scratchpad by the network, x11 another tile's,
  // x12 contexts.
  const std::pair<const char*, std::vector<Word>> programs[] = {
      {"nothing", {nop()}},
      {"register read", {lw(10, 5, 0)}},
      {"register write", {sw(10, 5, offset(reg::kScratchOffset))}},
      {"scratchpad", {lw(10, 6, 0), sw(10, 6, 4), sw(10, 6, 8)}},
      {"context read", {lw(10, 12, 0)}},
      {"context write", {sw(10, 12, 0)}},
      {"hole", {lw(10, 12, 0x7fc)}},
      {"privileged register", {sw(10, 5, offset(reg::kRemoteCtrlOffset))}},
      {"nowhere", {lui(14, 0x2000'0000), lw(10, 14, 0)}},
      {"HBM write", {sw(10, 7, 0)}},
      {"own scratchpad by the network", {lw(10, 9, 0), sw(10, 9, 0)}},
      {"other tile", {lw(10, 11, 0), sw(10, 11, 0)}},
      {"refused by a window", {lui(14, 0xa000'0000), lw(10, 14, 0)}},
      {"atomic",
       {lui(14, kSpm), sw(14, 5, offset(reg::kAtomicAddrLoOffset)),
        sw(0, 5, offset(reg::kAtomicAddrHiOffset)), sw(10, 5, offset(reg::kAtomicGoOffset)),
        lw(10, 5, offset(reg::kAtomicStatusOffset)), andi(10, 10, 1), bne(10, 0, -8)}},
      {"timer",
       {addi(10, 0, 0x80), csrw(kMie, 10), csrr(10, kTime), addi(10, 10, 200),
        sw(10, 5, offset(reg::kMtimecmpLoOffset)), sw(0, 5, offset(reg::kMtimecmpHiOffset)), kWfi}},
      {"interrupt by LAUNCH",
       {lui(10, 0x4'0000), csrw(kMie, 10), csrsi(kMstatus, 8),
        sw(10, 5, offset(reg::kLaunchOffset)), nop(), nop(), nop(), nop()}},
      {"semaphore that wakes",
       {lui(10, 0x8'0000), csrw(kMie, 10), lui(14, 0x1'0000), addi(14, 14, 0x11),
        sw(14, 5, offset(reg::kSemIrqOffset)), addi(10, 0, 1),
        sw(10, 5, offset(reg::kSemOffset + 4)), kWfi}},
  };
  const auto measure = [&programs](Fidelity tiles) {
    Machine machine(tiles);
    std::vector<std::uint32_t> cycles;
    for (const auto& program : programs) cycles.push_back(machine.core_cycles(program.second));
    return cycles;
  };
  const auto rtl = measure(Fidelity::Rtl);
  const auto tlm = measure(Fidelity::Tlm);
  for (std::size_t i = 0; i < rtl.size(); ++i) {
    EXPECT_EQ(tlm[i], rtl[i]) << programs[i].first;
    EXPECT_GT(rtl[i], 0U) << programs[i].first;
  }
}

TEST(PlatformTlmCycles, AccessesOfTheHostTakeThoseOfTheRtl) {
  struct Case {
    std::uint32_t local;
    std::size_t bytes;
    bool write;
  };
  std::vector<Case> cases;
  for (const bool write : {true, false}) {
    cases.push_back({kRegs + reg::kScratchOffset, 4, write});
    for (const std::uint32_t local : {0x100U, kDtcm, kCtx, kSpm}) {
      for (const std::size_t bytes : {4U, 64U, 256U, 2048U}) cases.push_back({local, bytes, write});
    }
  }
  const auto measure = [&cases](Fidelity tiles) {
    Machine machine(tiles);
    std::vector<std::uint64_t> cycles;
    for (const Case& c : cases) cycles.push_back(machine.host_cycles(c.write, c.local, c.bytes));
    return cycles;
  };
  const auto rtl = measure(Fidelity::Rtl);
  const auto tlm = measure(Fidelity::Tlm);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(tlm[i], rtl[i]) << fmt::format("{:08x}, {} bytes, {}", cases[i].local, cases[i].bytes,
                                             cases[i].write ? "write" : "read");
  }
}

}  // namespace
}  // namespace tsr
