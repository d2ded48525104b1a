// SPDX-License-Identifier: Apache-2.0
/// What a tile may not reach, tried by every way that it has: each attempt must fail visibly, be
/// recorded with initiator and address, and change nothing.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "apps/apps_abi.h"
#include "process.hpp"
#include "regs/hbm_regs.hpp"
#include "regs/tile_regs.hpp"

namespace tsr::e2e {
namespace {

namespace tile_reg = regs::tile;

// Node-local places, rtl/tile/tsr_tile_pkg.sv.
constexpr std::uint32_t kItcm = 0, kDtcm = 0x1'0000, kRegs = 0x2'0000, kStaging = 0x3'0000,
                        kContexts = 0x4'0000, kRom = 0x8'0000, kExt = 0x10'0000, kSpm = 0x100'0000,
                        kRouterPage = 0xffff'f000;
constexpr std::uint32_t kRegisterAccess = kRegs + tile_reg::kBootPcOffset;
constexpr std::uint32_t kDebug = kRegs + 0x1a0, kDebugData = kRegs + 0x1b0;  // DBG_CTRL, DBG_DATA
constexpr std::uint32_t kSpmBytes = 256 * 1024;
constexpr unsigned kLoadFault = 5, kStoreFault = 7;                  // mcause
constexpr unsigned kUnmapped = 1, kForbidden = 2, kUnsupported = 3;  // err_e
constexpr unsigned kRangeError = 5, kBusError = 6;                   // cmd_err_e
constexpr unsigned kByOther = 5, kByThis = 6, kHeard = 7;            // sources of errors
constexpr std::uint64_t kOpenBytes = 64 * 1024, kSecretBytes = 8 * 1024;

const Node kCtl{0, 0}, kBare{1, 0}, kAttacker{0, 1}, kFriend{1, 1}, kStranger{0, 2}, kLast{1, 2},
    kMemory{0, 3}, kFarMemory{1, 3};

/// Where a refusal is recorded.
enum class Record { Attacker, Target, Memory, Trap, Nowhere };

struct Attempt {
  std::uint32_t kind;
  std::uint64_t address;
  Record record = Record::Attacker;
  unsigned err = kForbidden;
  Rect rect{};
  unsigned victim_bytes = 64;  ///< compared at the address; 0: cannot be read
};

bool is_load(std::uint32_t kind) {
  return kind == TSR_PROTECT_LOAD || kind == TSR_PROTECT_LOAD_OWN;
}
bool is_core(std::uint32_t kind) { return kind <= TSR_PROTECT_STORE_OWN; }
bool is_silent(std::uint32_t kind) {
  return kind == TSR_PROTECT_MCAST || kind == TSR_PROTECT_POST || kind == TSR_PROTECT_POST_RECT;
}

/// A captured error.
struct Captured {
  unsigned source, code, info, cmd;
  std::uint64_t address;
};

/// One chip for all tests: they leave everything as it was.
class EndToEndProtection : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    PlatformOptions options;
    options.max_cycles = 30'000'000;
    chip_ = Platform::open("t4", options);
    chip_->load(app("protect"));
  }
  static void TearDownTestSuite() { chip_.reset(); }

  void SetUp() override {
    // Memory: a secret on both sides of what the attacker may reach.
    const auto at = chip_->allocate(kOpenBytes + 2 * kSecretBytes, 4096);
    open_ = at + kSecretBytes;
    before_ = noise(kOpenBytes + 2 * kSecretBytes);
    chip_->write(at, before_.data(), before_.size());
    for (const Node tile : {kFriend, kStranger, kLast}) {
      const auto data = noise(kSpmBytes);
      chip_->write(node_address(tile, kSpm), data.data(), data.size());
    }
    narrow_windows();
    for (const Node tile : {kFriend, kStranger, kLast}) snapshots_.push_back(snapshot(tile));
  }

  /// The attacker may reach part of memory, and all of ctl, of itself and one tile, and of one
  /// memory node.
  void narrow_windows() {
    const auto window = [this](unsigned i, std::uint64_t first, std::uint64_t last) {
      set(kAttacker, tile_reg::kAccessCtrlOffset + 16 * i, 0);
      set(kAttacker, tile_reg::kAccessBaseOffset + 16 * i, static_cast<std::uint32_t>(first >> 12));
      set(kAttacker, tile_reg::kAccessLimitOffset + 16 * i, static_cast<std::uint32_t>(last >> 12));
      set(kAttacker, tile_reg::kAccessCtrlOffset + 16 * i,
          static_cast<std::uint32_t>(first >> 52) | 0x30);
    };
    window(0, open_, open_ + kOpenBytes - 1);
    unsigned i = 1;
    for (const Rect nodes : {Rect{kCtl, kCtl}, Rect{kAttacker, kFriend}, Rect{kMemory, kMemory}}) {
      window(i++, node_address(nodes.lo, 0), node_address(nodes.hi, 0xffff'ffff));
    }
    set(kFriend, tile_reg::kRemoteBaseOffset, 0x1000);
    set(kFriend, tile_reg::kRemoteLimitOffset, 0x1fff);
    set(kFriend, tile_reg::kRemoteCtrlOffset, 2);  // writes alone
  }

  void set(Node node, std::uint32_t offset, std::uint32_t value) {
    chip_->write32(node_address(node, kRegs + offset), value);
  }
  std::uint32_t get(Node node, std::uint32_t offset) {
    return chip_->read32(node_address(node, kRegs + offset));
  }

  std::vector<std::uint8_t> noise(std::size_t bytes) {
    std::vector<std::uint8_t> out(bytes);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(rng_());
    return out;
  }

  std::vector<std::uint8_t> read(std::uint64_t address, std::size_t bytes) {
    std::vector<std::uint8_t> out(bytes);
    if (bytes == 4) {
      const auto word = chip_->read32(address);
      for (unsigned i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(word >> (8 * i));
    } else if (bytes != 0) {
      chip_->read(address, out.data(), bytes);
    }
    return out;
  }

  /// Memories and settings of a sleeping tile, one behind the other.
  std::vector<std::uint8_t> snapshot(Node tile) {
    std::vector<std::uint8_t> out;
    const auto add = [&](std::uint32_t offset, std::size_t bytes) {
      const auto part = read(node_address(tile, offset), bytes);
      out.insert(out.end(), part.begin(), part.end());
    };
    add(kSpm, kSpmBytes);
    add(kItcm, 0x1'0000);
    add(kDtcm, 0x1'0000);
    add(kContexts, 0x1000);
    for (std::uint32_t r = tile_reg::kAccessBaseOffset; r <= tile_reg::kRemoteLimitOffset; r += 4) {
      if (r < tile_reg::kRemoteCtrlOffset && r % 16 == 12) continue;  // a hole
      add(kRegs + r, 4);
    }
    for (std::uint32_t sem = 0; sem < 16; ++sem) add(kRegs + tile_reg::kSemOffset + 4 * sem, 4);
    add(kRegs + tile_reg::kCoreCtrlOffset, 4);
    add(kRegs + tile_reg::kBootPcOffset, 4);
    return out;
  }

  std::vector<Captured> log_of(Node node) {
    std::vector<Captured> out;
    const auto status = get(node, tile_reg::kErrStatusOffset);
    if ((status & 1U) == 0) return out;
    for (const auto at : {tile_reg::kErrFirstOffset, tile_reg::kErrLastOffset}) {
      const auto word = get(node, at);
      const std::uint64_t low = get(node, at + 4), high = get(node, at + 8);
      out.push_back({word & 7, (word >> 4) & 15, (word >> 8) & 7, word >> 16, low | high << 32});
    }
    return out;
  }
  void clear_logs() {
    for (const Node node : {kCtl, kAttacker, kFriend, kStranger, kLast}) {
      set(node, tile_reg::kErrStatusOffset, 3);
    }
    for (const Node node : {kMemory, kFarMemory}) set(node, regs::hbm::kErrStatusOffset, 3);
  }

  tsr_protect_result_t attempt(const Attempt& a) {
    clear_logs();
    const Rect r = a.rect;
    const tsr_protect_args_t args{a.address, a.kind,
                                  r.lo.x | r.lo.y << 8 | r.hi.x << 16 | r.hi.y << 24, open_};
    const auto failure = failure_of([&] {
      chip_->run("kernel_main", {kAttacker, kAttacker}, args);
    });
    EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
    tsr_protect_result_t result{};
    chip_->read(node_address(kAttacker, kSpm + TSR_PROTECT_RESULT), &result, sizeof(result));
    return result;
  }

  static bool holds(const std::vector<Captured>& log, unsigned source, unsigned code, unsigned cmd,
                    std::uint64_t address) {
    return std::any_of(log.begin(), log.end(), [&](const Captured& c) {
      return c.source == source && c.code == code && c.cmd == cmd && c.address == address;
    });
  }

  /// The attempt was recorded where it was refused, and nowhere else.
  void expect_record(const Attempt& a, std::uint64_t address) {
    const unsigned attacker = kAttacker.y << 6 | kAttacker.x;
    const Node target{static_cast<unsigned>(a.address >> 32 & 63),
                      static_cast<unsigned>(a.address >> 38 & 63)};
    for (const Node node : {kCtl, kAttacker, kFriend, kStranger, kLast}) {
      const auto log = log_of(node);
      const bool here = (a.record == Record::Target && node == target) ||
                        (a.record == Record::Attacker && node == kAttacker);
      if (here) {
        const bool own = a.record == Record::Attacker;
        EXPECT_TRUE(holds(log, own ? kByThis : kByOther, a.err, attacker, address));
      } else if (node != kAttacker) {
        EXPECT_TRUE(log.empty()) << "node " << node.x << ", " << node.y;
      }
    }
    const auto memory = [&](std::uint32_t offset) { return get(kMemory, offset); };
    const bool here = a.record == Record::Memory;
    EXPECT_EQ(memory(regs::hbm::kErrStatusOffset) & 1U, here ? 1U : 0U);
    if (!here) return;
    const std::uint64_t high = memory(regs::hbm::kErrAddrHiOffset);
    EXPECT_EQ(memory(regs::hbm::kErrAddrLoOffset) | high << 32, address);
    const auto info = memory(regs::hbm::kErrInfoOffset);
    EXPECT_EQ(info & 63, kAttacker.x);
    EXPECT_EQ((info >> 8) & 63, kAttacker.y);
    EXPECT_EQ((info >> 20) & 7, a.err);
  }

  void expect_refused(const Attempt& a) {
    SCOPED_TRACE(fmt::format("kind {} at {:#x}, rectangle {},{} {},{}", a.kind, a.address,
                             a.rect.lo.x, a.rect.lo.y, a.rect.hi.x, a.rect.hi.y));
    const auto before = read(a.address, a.victim_bytes);
    const auto result = attempt(a);
    // Writes of the network name their block of 64 bytes.
    const bool block = a.kind == TSR_PROTECT_STORE;
    expect_record(a, block ? a.address & ~63ULL : a.address);
    EXPECT_EQ(result.trapped, is_core(a.kind) ? 1U : 0U);
    if (is_core(a.kind)) {
      EXPECT_EQ(result.cause, is_load(a.kind) ? kLoadFault : kStoreFault);
      const bool own = a.kind == TSR_PROTECT_LOAD_OWN || a.kind == TSR_PROTECT_STORE_OWN;
      const auto core_address = own ? a.address : 0x9000'0000 + (a.address & 0xfff'ffff);
      EXPECT_EQ(result.value, core_address);
    } else {
      EXPECT_EQ(result.stopped, is_silent(a.kind) ? 0U : 1U);
    }
    if (!is_core(a.kind) && !is_silent(a.kind) && a.kind != TSR_PROTECT_ATOMIC) {
      const unsigned engine = a.kind == TSR_PROTECT_RDMA || a.kind == TSR_PROTECT_SPREAD ? 0 : 1;
      EXPECT_TRUE(holds(log_of(kAttacker), engine, kBusError, TSR_PROTECT_ID, a.address));
    }
    EXPECT_EQ(read(a.address, a.victim_bytes), before);
  }

  /// Every way of the core and the DMA engines to a place; atomics have a test of their own.
  void expect_closed(std::uint64_t address, Record record, unsigned bytes = 64,
                     unsigned err = kForbidden) {
    for (const std::uint32_t kind : {TSR_PROTECT_LOAD, TSR_PROTECT_STORE, TSR_PROTECT_RDMA,
                                     TSR_PROTECT_WDMA, TSR_PROTECT_FILL}) {
      expect_refused({kind, address, record, err, {}, bytes});
    }
  }

  void TearDown() override {
    std::size_t i = 0;
    for (const Node tile : {kFriend, kStranger, kLast}) {
      EXPECT_TRUE(snapshot(tile) == snapshots_[i++]) << "tile " << tile.x << ", " << tile.y;
    }
    EXPECT_TRUE(read(open_ - kSecretBytes, before_.size()) == before_);
    chip_->free(open_ - kSecretBytes);
  }

  std::mt19937_64 rng_{seed()};
  static inline std::unique_ptr<Platform> chip_;
  std::uint64_t open_ = 0;
  std::vector<std::uint8_t> before_;
  std::vector<std::vector<std::uint8_t>> snapshots_;
};

TEST_F(EndToEndProtection, WhatIsOpenWorks) {
  const auto at = open_ + 4096;
  for (const std::uint32_t kind : {TSR_PROTECT_LOAD, TSR_PROTECT_STORE, TSR_PROTECT_RDMA,
                                   TSR_PROTECT_WDMA, TSR_PROTECT_FILL}) {
    const auto result = attempt({kind, at});
    EXPECT_EQ(result.trapped + result.stopped, 0U) << kind;
    EXPECT_TRUE(log_of(kAttacker).empty()) << kind;
    if (kind == TSR_PROTECT_LOAD) {
      EXPECT_EQ(result.word, chip_->read32(at));
    } else if (kind != TSR_PROTECT_RDMA) {
      EXPECT_EQ(chip_->read32(at), TSR_PROTECT_WORD);
      chip_->write(at, &before_[kSecretBytes + 4096], 64);
    }
  }
  const auto shared = node_address(kFriend, kSpm + 0x1000);
  const auto old = read(shared, 64);
  EXPECT_EQ(attempt({TSR_PROTECT_WDMA, shared}).stopped, 0U);
  EXPECT_EQ(chip_->read32(shared), TSR_PROTECT_WORD);
  chip_->write(shared, old.data(), old.size());
}

TEST_F(EndToEndProtection, MemoryOutsideTheWindows) {
  expect_closed(open_ - 64, Record::Attacker);
  expect_closed(open_ + kOpenBytes, Record::Attacker);
  const auto end = hbm_address(chip_->config().straps().hbm_bytes());
  for (const std::uint64_t nowhere :
       {end, std::uint64_t{9} << 52, std::uint64_t{1} << 44, node_address({7, 7}, kSpm)}) {
    expect_closed(nowhere, Record::Attacker, 0, kUnmapped);
  }
}

TEST_F(EndToEndProtection, NodesOutsideTheWindows) {
  expect_closed(node_address(kStranger, kSpm + 0x2000), Record::Attacker);
  for (const std::uint32_t place : {kItcm, kDtcm, kContexts}) {
    expect_closed(node_address(kStranger, place), Record::Attacker);
  }
  for (const std::uint32_t place : {kRegisterAccess, kDebug, kDebugData}) {
    expect_closed(node_address(kStranger, place & ~63U), Record::Attacker, 0);
  }
  expect_closed(node_address(kStranger, kStaging), Record::Attacker, 0);
  expect_closed(node_address(kFarMemory, kRegs), Record::Attacker, 4);
  expect_closed(node_address(kBare, kSpm), Record::Attacker, 0);
  const Rect alone{kStranger, kStranger};
  expect_refused({TSR_PROTECT_MCAST, node_address(kStranger, kSpm + 0x1000), Record::Attacker,
                  kForbidden, alone});
  for (const std::uint32_t kind : {TSR_PROTECT_POST, TSR_PROTECT_POST_RECT}) {
    expect_refused({kind, node_address(kStranger, kRegs + tile_reg::kSemOffset + 20),
                    Record::Attacker, kForbidden, alone, 4});
  }
}

TEST_F(EndToEndProtection, WhatAnOpenTileKeepsForItself) {
  for (const std::uint32_t offset : {0xfc0U, 0x2000U}) {
    expect_closed(node_address(kFriend, kSpm + offset), Record::Target);
  }
  for (const std::uint32_t kind : {TSR_PROTECT_LOAD, TSR_PROTECT_RDMA}) {
    expect_refused({kind, node_address(kFriend, kSpm + 0x1000), Record::Target});
  }
  for (const std::uint32_t place : {kItcm, kDtcm, kContexts}) {
    expect_closed(node_address(kFriend, place), Record::Target);
  }
  for (const std::uint32_t place : {kRegisterAccess, kDebug, kDebugData, kStaging}) {
    expect_closed(node_address(kFriend, place & ~63U), Record::Target, 0);
  }
  const Rect alone{kFriend, kFriend};
  expect_refused(
      {TSR_PROTECT_MCAST, node_address(kFriend, kSpm + 0x2000), Record::Target, kForbidden, alone});
  expect_refused(
      {TSR_PROTECT_MCAST, node_address(kFriend, kRegs), Record::Target, kForbidden, alone, 0});
  for (const std::uint32_t kind : {TSR_PROTECT_POST, TSR_PROTECT_POST_RECT}) {
    expect_refused({kind, node_address(kFriend, kRegs + tile_reg::kSemOffset + 20), Record::Target,
                    kForbidden, alone, 4});
  }
}

TEST_F(EndToEndProtection, TheCtlNode) {
  // Its peripherals one by one: UART, timer, mailbox, fuses, watchdog, chip registers.
  for (const std::uint32_t place :
       {kRegs, kDebug & ~63U, kDtcm, kContexts, kStaging, kRom, kExt, kExt + 0x1000, kExt + 0x2000,
        kExt + 0x3000, kExt + 0x4000, kExt + 0x5000}) {
    expect_closed(node_address(kCtl, place), Record::Target, 0);
  }
  expect_closed(node_address(kCtl, kSpm + 0x8000), Record::Target);
}

TEST_F(EndToEndProtection, RectanglesThatReachBeyondAWindow) {
  const Rect beyond{kFriend, kLast};  // begins in a window
  expect_refused({TSR_PROTECT_MCAST, node_address(kFriend, kSpm + 0x1000), Record::Attacker,
                  kForbidden, beyond});
  expect_refused({TSR_PROTECT_POST_RECT, node_address(kFriend, kRegs + tile_reg::kSemOffset + 20),
                  Record::Attacker, kForbidden, beyond, 4});
  expect_refused({TSR_PROTECT_SPREAD, open_, Record::Attacker, kForbidden, {kAttacker, kLast}, 64});
}

TEST_F(EndToEndProtection, ReadsForOthers) {
  const Rect both{kAttacker, kFriend};
  for (const std::uint64_t secret : {open_ - 64, open_ + kOpenBytes}) {
    expect_refused({TSR_PROTECT_SPREAD, secret, Record::Attacker, kForbidden, both});
  }
  // From open memory, but to a place that the other tile keeps for itself: it does not listen.
  const auto place = node_address(kFriend, kSpm + TSR_PROTECT_LANDING);
  const auto before = read(place, 64);
  const auto result = attempt({TSR_PROTECT_SPREAD, open_, Record::Target, kForbidden, both});
  EXPECT_EQ(result.stopped, 0U);
  EXPECT_TRUE(holds(log_of(kFriend), kHeard, kForbidden, kAttacker.y << 6 | kAttacker.x, place));
  EXPECT_EQ(read(place, 64), before);
}

TEST_F(EndToEndProtection, Atomics) {
  const auto refused = [this](std::uint64_t address, Record record, unsigned err, unsigned bytes) {
    expect_refused({TSR_PROTECT_ATOMIC, address, record, err, {}, bytes});
  };
  refused(open_ - 64, Record::Attacker, kForbidden, 64);
  refused(open_ + kOpenBytes, Record::Attacker, kForbidden, 64);
  refused(node_address(kStranger, kSpm + 0x2000), Record::Attacker, kForbidden, 64);
  refused(node_address(kFarMemory, kRegs + 0x40), Record::Attacker, kForbidden, 4);
  refused(node_address(kFriend, kRouterPage + 0x40), Record::Attacker, kForbidden, 0);
  for (const std::uint32_t offset : {0x1000U, 0x2000U}) {  // may be written, but not read
    refused(node_address(kFriend, kSpm + offset), Record::Target, kForbidden, 64);
  }
  refused(node_address(kFriend, kRegisterAccess), Record::Target, kUnsupported, 4);
  refused(node_address(kCtl, kSpm + 0x8000), Record::Target, kForbidden, 64);
  refused(node_address(kCtl, kRegs), Record::Target, kUnsupported, 4);
  refused(node_address(kMemory, kRegs + 0x40), Record::Memory, kUnsupported, 4);
}

TEST_F(EndToEndProtection, RegistersOfMemoryNodes) {
  for (const std::uint32_t offset : {0U, 0x40U, 0x80U, 0x100U}) {
    expect_closed(node_address(kMemory, kRegs + offset), Record::Memory, offset == 0x100 ? 0 : 4);
  }
  expect_closed(node_address(kMemory, 0), Record::Memory, 0, kUnmapped);
  const Rect alone{kMemory, kMemory};
  expect_refused({TSR_PROTECT_MCAST, node_address(kMemory, kRegs + 0x40), Record::Memory,
                  kForbidden, alone, 4});
}

TEST_F(EndToEndProtection, RouterPages) {
  // What is written there would stop all links of the router.
  for (const Node node : {kAttacker, kFriend, kCtl, kMemory}) {
    for (const std::uint32_t kind : {TSR_PROTECT_MCAST, TSR_PROTECT_WDMA, TSR_PROTECT_STORE}) {
      expect_refused({kind,
                      node_address(node, kRouterPage + 0x40),
                      Record::Attacker,
                      kForbidden,
                      {node, node},
                      0});
    }
  }
}

TEST_F(EndToEndProtection, TheOwnNode) {
  const auto own = [](std::uint32_t offset) { return std::uint64_t{kRegs} + offset; };
  // Registers of the ctl node's, debug after boot's lock.
  for (std::uint32_t r = tile_reg::kAccessBaseOffset; r <= tile_reg::kRemoteLimitOffset; r += 4) {
    if (r % 16 == 12 && r < tile_reg::kRemoteCtrlOffset) continue;
    if (r % 16 != 0 && r % 48 != 4 && r < tile_reg::kRemoteCtrlOffset) continue;  // some of them
    const auto before = get(kAttacker, r);
    expect_refused({TSR_PROTECT_STORE_OWN, own(r), Record::Trap, 0, {}, 0});
    EXPECT_EQ(get(kAttacker, r), before);
  }
  for (const std::uint32_t r : {tile_reg::kCoreCtrlOffset, tile_reg::kBootPcOffset,
                                tile_reg::kQosOffset, 0x1a0U, 0x1a8U, 0x1acU, 0x1b0U, 0x1b4U}) {
    expect_refused({TSR_PROTECT_STORE_OWN, own(r), Record::Trap, 0, {}, 0});
  }
  // Through the network: nothing but scratchpad, semaphores and contexts.
  for (const std::uint32_t place : {kItcm, kDtcm, kRegs, kStaging}) {
    expect_closed(node_address(kAttacker, place), Record::Target, 0);
  }
}

TEST_F(EndToEndProtection, EnginesStayInTheScratchpad) {
  const struct {
    std::uint32_t kind;
    unsigned engine;
  } engines[] = {{TSR_PROTECT_SPM_RDMA, 0},
                 {TSR_PROTECT_SPM_WDMA, 1},
                 {TSR_PROTECT_SPM_ME, 2},
                 {TSR_PROTECT_SPM_VE, 3},
                 {TSR_PROTECT_SPM_TDMA, 4}};
  for (const auto& e : engines) {
    for (const std::uint32_t offset : {kSpmBytes - 32, kSpmBytes, 0x3f'ffc0U}) {
      SCOPED_TRACE(fmt::format("engine {} at {:#x}", e.engine, offset));
      const auto result = attempt({e.kind, offset});
      EXPECT_EQ(result.stopped, 1U);
      const auto log = log_of(kAttacker);
      ASSERT_FALSE(log.empty());
      EXPECT_EQ(log[0].source, e.engine);
      EXPECT_EQ(log[0].code, kRangeError);
      EXPECT_EQ(log[0].cmd, TSR_PROTECT_ID);
    }
  }
}

TEST_F(EndToEndProtection, TheHostCannotDebugAfterTheLock) {
  for (const Node node : {kCtl, kAttacker, kStranger}) {
    for (const std::uint32_t r : {0x1a0U, 0x1a8U, 0x1acU, 0x1b0U}) {
      const auto failure = failure_of([&] { set(node, r, 1); });
      EXPECT_EQ(failure.code, ExitCode::ChipFault) << node.x << ", " << node.y << " " << r;
      EXPECT_TRUE(failure.says("forbidden")) << failure;
    }
    set(node, 0x1b4, 0);  // does not unlock
    EXPECT_EQ(failure_of([&] { set(node, 0x1a0, 1); }).code, ExitCode::ChipFault);
    EXPECT_EQ(get(node, 0x1a4) & 1U, 0U) << "halted";
  }
}

}  // namespace
}  // namespace tsr::e2e
