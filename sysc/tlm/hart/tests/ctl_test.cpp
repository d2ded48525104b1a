// SPDX-License-Identifier: Apache-2.0
// The TLM ctl node: host port, peripherals, start from the boot ROM.
#include "hart_bench.hpp"
#include "regs/fuse_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/sys_regs.hpp"
#include "regs/timer_regs.hpp"
#include "regs/uart_regs.hpp"
#include "regs/wdog_regs.hpp"

namespace tsr::tb {
namespace {

constexpr std::uint32_t kUart = 0x0010'0000, kTimer = 0x0010'1000, kMailbox = 0x0010'2000,
                        kFuse = 0x0010'3000, kWdog = 0x0010'4000, kSys = 0x0010'5000;

class HartCtl : public HartBench {
 protected:
  HartCtl() : uart(8, nullptr) {
    self = kCtl;
    fuses.tiles = 0xf0;
    fuses.dead_tiles = 0x20;
    fuses.dead_south = 1ULL << 40;
  }

  void SetUp() override {
    host.on_response = [this](const HostResponse& response) {
      responses.push_back(response);
      answered_at.push_back(clock.now());
    };
    host.on_interrupt = [this](bool level) { interrupts.push_back(level); };
    host.on_watchdog = [this] { ++fatal; };
    HartSetup ctl = setup();
    ctl.spm_bytes = 65536;
    connect(make_tlm_ctl(ctl, {fuses, &host, &uart}));
  }
  /// Hold the core: the boot firmware is not what is tested.
  void hold_core() {
    set(reg::kDbgCtrlOffset, 1);
    ASSERT_TRUE(run_until([this] { return node->halted(); }));
    responses.clear();
  }
  std::uint32_t word(std::uint32_t local) { return read(local, 4).word(); }
  void put_word(std::uint32_t local, std::uint32_t value) {
    ASSERT_EQ(write_word(local, value).err, Err::kNone) << fmt::format("{:08x}", local);
  }
  void give(const HostRequest& request) {
    host.requests.push_back(request);
    node->wake_host();
  }

  ChipFuses fuses;
  HostPort host;
  UartTerminal uart;
  std::vector<HostResponse> responses;
  std::vector<std::uint64_t> answered_at;
  std::vector<bool> interrupts;
  int fatal = 0;
};

TEST_F(HartCtl, StartsFromTheBootRom) {
  EXPECT_EQ(node->state().pc, 0x80000U);
  run(1000);
  EXPECT_GT(node->instructions(), 100U);
  EXPECT_FALSE(node->halted());
}

TEST_F(HartCtl, TheHostReadsAndWrites) {
  hold_core();
  HostRequest request;
  request.write = true;
  request.tag = 5;
  request.address = node_address(kCtl, kSpm + 0x40);
  request.strobe = 0xf0;
  request.data[1] = 0xfeedbeef;
  const auto begin = clock.now();
  give(request);
  run(50);
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].tag, 5);
  EXPECT_EQ(responses[0].error, 0U);
  EXPECT_GE(answered_at.back() - begin, 7U);
  request = {};
  request.tag = 9;
  request.address = node_address(kCtl, kSpm + 0x44);
  request.bytes = 4;
  give(request);
  run(50);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(responses[1].data[1], 0xfeedbeefU);
}

TEST_F(HartCtl, TheHostReachesMemoryWithManyRequestsAtOnce) {
  hold_core();
  for (unsigned i = 0; i < 256; ++i) hbm[i] = static_cast<std::uint8_t>(i);
  for (std::uint8_t i = 0; i < 4; ++i) {
    HostRequest request;
    request.tag = i;
    request.address = 64U * i;
    request.bytes = 64;
    give(request);
  }
  run(100);
  ASSERT_EQ(responses.size(), 4U);
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_EQ(responses[i].tag, i);
    EXPECT_EQ(responses[i].data[0] & 0xff, 64 * i);
  }
  EXPECT_EQ(answered_at.back() - answered_at.front(), 3U) << "one request a cycle";
  EXPECT_EQ(seen.back().header.vc, true);
  EXPECT_EQ(seen.back().header.tag >> 6, 3);
}

TEST_F(HartCtl, TheHostHearsOfErrors) {
  hold_core();
  HostRequest request;
  request.address = hbm_address(0);
  request.bytes = 65;
  give(request);
  run(50);
  request.bytes = 4;
  request.address = hbm_address(1ULL << 39);
  give(request);
  run(50);
  poison = true;
  request.address = 0;
  give(request);
  run(50);
  ASSERT_EQ(responses.size(), 3U);
  EXPECT_EQ(responses[0].error, 3U) << "wrong shape";
  EXPECT_EQ(responses[1].error, 1U) << "unmapped";
  EXPECT_EQ(responses[2].error, 5U) << "poison";
}

TEST_F(HartCtl, SilenceTimesOut) {
  hold_core();
  lose = true;
  HostRequest request;
  request.tag = 3;
  request.bytes = 4;
  const auto begin = clock.now();
  give(request);
  run(3U << 20);
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].error, 4U);
  EXPECT_GE(answered_at.back() - begin, 1U << 20);
  EXPECT_LE(answered_at.back() - begin, (2U << 20) + 8);
}

TEST_F(HartCtl, TheUartSendsAtThePaceOfTheLine) {
  hold_core();
  const std::size_t before = uart.text().size();
  const auto begin = clock.now();
  for (const char c : {'H', 'i', '\n'})
    put_word(kUart + regs::uart::kDataOffset, static_cast<std::uint32_t>(c));
  run(60);
  EXPECT_EQ(word(kUart + regs::uart::kStatusOffset) & 2, 0U) << "on the line";
  ASSERT_TRUE(run_until([&] { return uart.text().size() == before + 3; }));
  EXPECT_EQ(uart.text().substr(before), "Hi\n");
  EXPECT_GE(clock.now() - begin, 240U);
  EXPECT_LE(clock.now() - begin, 280U);
  run(10);
  EXPECT_EQ(word(kUart + regs::uart::kStatusOffset) & 2, 2U);
  EXPECT_EQ(uart.framing_errors(), 0U);
}

TEST_F(HartCtl, TheUartLosesBytesBehindAFullFifoAndHearsItself) {
  hold_core();
  put_word(kUart + regs::uart::kDivisorOffset, 100);
  put_word(kUart + regs::uart::kCtrlOffset, 7);
  for (std::uint32_t i = 0; i < 18; ++i) put_word(kUart + regs::uart::kDataOffset, 'a' + i);
  EXPECT_EQ(word(kUart + regs::uart::kErrorsOffset), 1U);
  run(17 * 1000 + 100);
  EXPECT_EQ(word(kUart + regs::uart::kErrorsOffset), 3U) << "the seventeenth found no room";
  for (std::uint32_t i = 0; i < 16; ++i) {
    EXPECT_EQ(word(kUart + regs::uart::kDataOffset), 0x100 | ('a' + i));
  }
  EXPECT_EQ(word(kUart + regs::uart::kDataOffset), 0U);
}

TEST_F(HartCtl, TheTimerExpiresOnceOrPeriodically) {
  hold_core();
  const auto at = static_cast<std::uint32_t>(clock.now() + 500);
  put_word(kTimer + regs::timer::kCompareHiOffset, 0);
  put_word(kTimer + regs::timer::kCompareLoOffset, at);
  put_word(kTimer + regs::timer::kCtrlOffset, 1);
  clock.run(at);
  EXPECT_EQ(node->state().pending & 1U << 25, 0U);
  run(2);
  EXPECT_EQ(node->state().pending & 1U << 25, 1U << 25);
  EXPECT_EQ(word(kTimer + regs::timer::kCtrlOffset), 0U);
  put_word(kTimer + regs::timer::kIrqStateOffset, 3);
  EXPECT_EQ(node->state().pending & 1U << 25, 0U);
  put_word(kTimer + regs::timer::kPeriodOffset, 100);
  put_word(kTimer + regs::timer::kCompareLoOffset, at + 1000);
  put_word(kTimer + regs::timer::kCtrlOffset, 1);
  clock.run(at + 1250);
  EXPECT_EQ(word(kTimer + regs::timer::kIrqStateOffset), 3U) << "missed";
  EXPECT_EQ(word(kTimer + regs::timer::kCompareLoOffset), at + 1300);
}

TEST_F(HartCtl, TheMailboxRingsBothWays) {
  hold_core();
  put_word(kMailbox + regs::mailbox::kArgOffset + 4, 77);
  put_word(kMailbox + regs::mailbox::kCmdOffset, 3);
  EXPECT_EQ(node->state().pending & 1U << 26, 1U << 26);
  put_word(kMailbox + regs::mailbox::kDoorbellOffset, 1);
  EXPECT_EQ(node->state().pending & 1U << 26, 0U);
  EXPECT_EQ(word(kMailbox + regs::mailbox::kArgOffset + 4), 77U);
  put_word(kMailbox + regs::mailbox::kHostRaiseOffset, 2);
  run(5);
  put_word(kMailbox + regs::mailbox::kHostIrqOffset, 2);
  run(5);
  EXPECT_EQ(interrupts, (std::vector<bool>{true, false}));
}

TEST_F(HartCtl, TheWatchdogInterruptsThenIsFatal) {
  hold_core();
  put_word(kWdog + regs::wdog::kTimeoutOffset, 1000);
  put_word(kWdog + regs::wdog::kCtrlOffset, 1);
  run(800);
  put_word(kWdog + regs::wdog::kKickOffset, 0);
  run(900);
  EXPECT_EQ(word(kWdog + regs::wdog::kStateOffset), 0U);
  run(200);
  EXPECT_EQ(word(kWdog + regs::wdog::kStateOffset), 3U);
  EXPECT_EQ(node->state().pending & 1U << 27, 1U << 27);
  EXPECT_EQ(fatal, 0);
  run(1000);
  EXPECT_EQ(fatal, 1);
  run(5000);
  EXPECT_EQ(fatal, 1);
  EXPECT_EQ(word(kWdog + regs::wdog::kStateOffset) & 4, 4U);
}

TEST_F(HartCtl, ShowsFusesAndStrapsAndLocksDebug) {
  EXPECT_EQ(word(kFuse + regs::fuse::kDeadTilesOffset), 0x20U);
  EXPECT_EQ(word(kFuse + regs::fuse::kDeadSouthOffset + 4), 1U << 8);
  EXPECT_EQ(word(kSys + regs::sys::kIdOffset), 0x41525354U);
  EXPECT_EQ(word(kSys + regs::sys::kMeshOffset), 0x404U);
  EXPECT_EQ(word(kSys + regs::sys::kMemOffset), 1U | 64U << 16);
  EXPECT_EQ(word(kSys + regs::sys::kTilesOffset), 3U);
  EXPECT_EQ(word(kSys + regs::sys::kTileMapOffset), 0xd0U);
  EXPECT_EQ(word(kSys + regs::sys::kMemNodeOffset), kMem.x | 1U << 31);
  EXPECT_EQ(word(kSys + regs::sys::kMemNodeOffset + 4), 0U);
  put_word(kFuse + regs::fuse::kDebugLockOffset, 1);
  EXPECT_EQ(write_word(kRegs + reg::kDbgCtrlOffset, 1).err, Err::kForbidden);
  EXPECT_EQ(read(kSys + 0x800, 4).err, Err::kForbidden) << "a hole";
  EXPECT_EQ(read(0x0010'6000, 4).err, Err::kForbidden) << "no such page";
}

TEST_F(HartCtl, ReadsItsRomAndRefusesWritesToIt) {
  hold_core();
  EXPECT_NE(word(0x80000), 0U);
  EXPECT_EQ(word(0x83ffc), 0U) << "behind the image";
  EXPECT_EQ(write_word(0x80000, 1).err, Err::kForbidden);
}

}  // namespace
}  // namespace tsr::tb
