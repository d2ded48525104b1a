// SPDX-License-Identifier: Apache-2.0
// Every driver against a mocked register bus: exact writes, guards without side effects, timeouts.
#include <gtest/gtest.h>

#include <array>

#include "bus.hpp"

extern "C" {
#include "drivers/cmdq.h"
#include "drivers/dma.h"
#include "drivers/fuse.h"
#include "drivers/hbm.h"
#include "drivers/mailbox.h"
#include "drivers/me.h"
#include "drivers/sys.h"
#include "drivers/tdma.h"
#include "drivers/tile.h"
#include "drivers/timer.h"
#include "drivers/uart.h"
#include "drivers/ve.h"
#include "drivers/wdog.h"
#include "regs/fuse_regs.h"
#include "regs/hbm_regs.h"
#include "regs/mailbox_regs.h"
#include "regs/sys_regs.h"
#include "regs/tile_regs.h"
#include "regs/timer_regs.h"
#include "regs/uart_regs.h"
#include "regs/wdog_regs.h"
#include "runtime/common/node.h"
}

namespace tsr {
namespace {

constexpr uint32_t Base = 0x1000;
using Writes = std::vector<std::pair<uint32_t, uint32_t>>;

TEST(UartDriver, InitSetsBitTimeAndEnables) {
  RegisterBus bus;
  const tsr_uart_t h = {{Base}};
  EXPECT_EQ(tsr_uart_init(&h, 3), TSR_INVALID);
  EXPECT_EQ(tsr_uart_init(&h, 65536), TSR_INVALID);
  EXPECT_EQ(tsr_uart_init(nullptr, 8), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_uart_init(&h, 8), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_UART_DIVISOR_OFFSET, 8},
                                {Base + TSR_UART_CTRL_OFFSET, 3},
                                {Base + TSR_UART_IRQ_ENABLE_OFFSET, 0}}));
}

TEST(UartDriver, PutWaitsForRoomAndTimesOut) {
  RegisterBus bus;
  const tsr_uart_t h = {{Base}};
  bus.answer(Base + TSR_UART_STATUS_OFFSET, {1, 1, 0});
  EXPECT_EQ(tsr_uart_put(&h, 'x'), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_UART_DATA_OFFSET, 'x'}}));
  bus.writes.clear();
  bus.answer(Base + TSR_UART_STATUS_OFFSET, {1});
  bus.step = 1000;
  EXPECT_EQ(tsr_uart_put(&h, 'x'), TSR_TIMEOUT);
  EXPECT_TRUE(bus.writes.empty());
}

TEST(UartDriver, PrintsTextAndNumbers) {
  RegisterBus bus;
  const tsr_uart_t h = {{Base}};
  EXPECT_EQ(tsr_uart_print(&h, "a\n"), TSR_OK);
  EXPECT_EQ(tsr_uart_print_hex(&h, 0x1af09), TSR_OK);
  std::string text;
  for (const auto& [address, value] : bus.writes) text += static_cast<char>(value);
  EXPECT_EQ(text, "a\r\n0001af09");
  EXPECT_EQ(tsr_uart_print(&h, nullptr), TSR_INVALID);
}

TEST(UartDriver, GetTakesReceivedBytes) {
  RegisterBus bus;
  const tsr_uart_t h = {{Base}};
  uint8_t byte = 7;
  bus.answer(Base + TSR_UART_DATA_OFFSET, {0x155, 0x55});
  EXPECT_EQ(tsr_uart_get(&h, &byte), TSR_OK);
  EXPECT_EQ(byte, 0x55);
  EXPECT_EQ(tsr_uart_get(&h, &byte), TSR_BUSY);
}

TEST(UartDriver, FlushWaitsForIdle) {
  RegisterBus bus;
  const tsr_uart_t h = {{Base}};
  bus.answer(Base + TSR_UART_STATUS_OFFSET, {0, 0, 2});
  EXPECT_EQ(tsr_uart_flush(&h), TSR_OK);
  bus.answer(Base + TSR_UART_STATUS_OFFSET, {0});
  bus.step = 1000;
  EXPECT_EQ(tsr_uart_flush(&h), TSR_TIMEOUT);
}

TEST(TimerDriver, ArmsWhileDisabled) {
  RegisterBus bus;
  const tsr_timer_t h = {{Base}};
  EXPECT_EQ(tsr_timer_arm(&h, 0x100000002ull, 50), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TIMER_CTRL_OFFSET, 0},
                                {Base + TSR_TIMER_COMPARE_LO_OFFSET, 2},
                                {Base + TSR_TIMER_COMPARE_HI_OFFSET, 1},
                                {Base + TSR_TIMER_PERIOD_OFFSET, 50},
                                {Base + TSR_TIMER_IRQ_STATE_OFFSET, 3},
                                {Base + TSR_TIMER_CTRL_OFFSET, 1}}));
}

TEST(TimerDriver, ReadsTimeLowWordFirstAndTakesExpiry) {
  RegisterBus bus;
  const tsr_timer_t h = {{Base}};
  bus.memory[Base + TSR_TIMER_TIME_LO_OFFSET] = 5;
  bus.memory[Base + TSR_TIMER_TIME_HI_OFFSET] = 6;
  uint64_t now = 0;
  EXPECT_EQ(tsr_timer_now(&h, &now), TSR_OK);
  EXPECT_EQ(now, 0x600000005ull);
  bool expired = false, missed = true;
  bus.answer(Base + TSR_TIMER_IRQ_STATE_OFFSET, {1});
  EXPECT_EQ(tsr_timer_take(&h, &expired, &missed), TSR_OK);
  EXPECT_TRUE(expired);
  EXPECT_FALSE(missed);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TIMER_IRQ_STATE_OFFSET, 1}}));
  EXPECT_EQ(tsr_timer_disarm(&h), TSR_OK);
  EXPECT_EQ(tsr_timer_now(&h, nullptr), TSR_INVALID);
}

TEST(MailboxDriver, TakesACommandAndFreesTheDoorbell) {
  RegisterBus bus;
  const tsr_mailbox_t h = {{Base}};
  tsr_mailbox_command_t command = {};
  EXPECT_EQ(tsr_mailbox_take(&h, &command), TSR_BUSY);
  EXPECT_TRUE(bus.writes.empty());
  bus.memory[Base + TSR_MAILBOX_DOORBELL_OFFSET] = 1;
  bus.memory[Base + TSR_MAILBOX_CMD_OFFSET] = 3;
  for (uint32_t i = 0; i < 4; i++) bus.memory[Base + TSR_MAILBOX_ARG(i)] = 10 + i;
  EXPECT_EQ(tsr_mailbox_take(&h, &command), TSR_OK);
  EXPECT_EQ(command.code, 3u);
  EXPECT_EQ(command.args[3], 13u);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_MAILBOX_DOORBELL_OFFSET, 1}}));
}

TEST(MailboxDriver, WritesDetailsBeforeStatusBeforeInterrupt) {
  RegisterBus bus;
  const tsr_mailbox_t h = {{Base}};
  const uint32_t details[4] = {1, 2, 3, 4};
  EXPECT_EQ(tsr_mailbox_set_status(&h, 0x180, details), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_MAILBOX_DETAIL(0), 1},
                                {Base + TSR_MAILBOX_DETAIL(1), 2},
                                {Base + TSR_MAILBOX_DETAIL(2), 3},
                                {Base + TSR_MAILBOX_DETAIL(3), 4},
                                {Base + TSR_MAILBOX_STATUS_OFFSET, 0x180},
                                {Base + TSR_MAILBOX_HOST_RAISE_OFFSET, 2}}));
  bus.writes.clear();
  EXPECT_EQ(tsr_mailbox_raise_done(&h), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_MAILBOX_HOST_RAISE_OFFSET, 1}}));
}

TEST(FuseDriver, ReadsMapsAndLocks) {
  RegisterBus bus;
  const tsr_fuse_t h = {{Base}};
  bus.memory[Base + TSR_FUSE_DEAD_TILES(1)] = 1;
  bus.memory[Base + TSR_FUSE_DEAD_EAST(0)] = 2;
  bus.memory[Base + TSR_FUSE_DEAD_SOUTH(0)] = 3;
  bus.memory[Base + TSR_FUSE_DEBUG_FUSE_OFFSET] = 1;
  tsr_fuse_map_t map = {};
  EXPECT_EQ(tsr_fuse_read(&h, &map), TSR_OK);
  EXPECT_EQ(map.dead_tiles, 1ull << 32);
  EXPECT_EQ(map.dead_east, 2u);
  EXPECT_EQ(map.dead_south, 3u);
  EXPECT_TRUE(map.debug_open);
  EXPECT_EQ(tsr_fuse_lock_debug(&h), TSR_OK);
  bus.answer(Base + TSR_FUSE_DEBUG_LOCK_OFFSET, {0});
  EXPECT_EQ(tsr_fuse_lock_debug(&h), TSR_FAILED);
}

TEST(WdogDriver, StartsKicksAndStops) {
  RegisterBus bus;
  const tsr_wdog_t h = {{Base}};
  EXPECT_EQ(tsr_wdog_start(&h, 0), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_wdog_start(&h, 1000), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_WDOG_CTRL_OFFSET, 0},
                                {Base + TSR_WDOG_TIMEOUT_OFFSET, 1000},
                                {Base + TSR_WDOG_STATE_OFFSET, 1},
                                {Base + TSR_WDOG_CTRL_OFFSET, 1}}));
  bus.writes.clear();
  EXPECT_EQ(tsr_wdog_kick(&h), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 1u);
  EXPECT_EQ(bus.writes[0].first, Base + TSR_WDOG_KICK_OFFSET);
  bool expired = true;
  bus.answer(Base + TSR_WDOG_STATE_OFFSET, {2, 3});
  EXPECT_EQ(tsr_wdog_expired(&h, &expired), TSR_OK);
  EXPECT_FALSE(expired);
  EXPECT_EQ(tsr_wdog_expired(&h, &expired), TSR_OK);
  EXPECT_TRUE(expired);
  EXPECT_EQ(tsr_wdog_stop(&h), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_WDOG_CTRL_OFFSET], 0u);
}

TEST(SysDriver, ReadsTheConfiguration) {
  RegisterBus bus;
  const tsr_sys_t h = {{Base}};
  tsr_sys_info_t info = {};
  EXPECT_EQ(tsr_sys_read(&h, &info), TSR_FAILED);  // no identity
  bus.memory[Base + TSR_SYS_ID_OFFSET] = TSR_SYS_ID_RESET;
  bus.memory[Base + TSR_SYS_MESH_OFFSET] = 4 | 6 << 8;
  bus.memory[Base + TSR_SYS_CTL_OFFSET] = 3 | 1 << 8;
  bus.memory[Base + TSR_SYS_MEM_OFFSET] = 2 | 512 << 16;
  bus.memory[Base + TSR_SYS_MEM_NODE(0)] = 0x80000000u | 0 | 5 << 8;
  bus.memory[Base + TSR_SYS_TILE_MAP(0)] = 0x0f0f0f00;
  bus.memory[Base + TSR_SYS_TILE_MAP(1)] = 0x0f;
  EXPECT_EQ(tsr_sys_read(&h, &info), TSR_FAILED);  // memory node 1 is missing
  bus.memory[Base + TSR_SYS_MEM_NODE(1)] = 0x80000000u | 1 | 5 << 8;
  EXPECT_EQ(tsr_sys_read(&h, &info), TSR_OK);
  EXPECT_EQ(info.mesh_w, 4u);
  EXPECT_EQ(info.mesh_h, 6u);
  EXPECT_EQ(info.ctl.x, 3);
  EXPECT_EQ(info.ctl.y, 1);
  EXPECT_EQ(info.mem_count, 2u);
  EXPECT_EQ(info.mem_mib, 512u);
  EXPECT_EQ(info.mem[1].x, 1);
  EXPECT_EQ(info.mem[1].y, 5);
  EXPECT_EQ(info.tiles, 0x0f0f0f0f00ull);
}

TEST(HbmDriver, WaitsForInitialization) {
  RegisterBus bus;
  const tsr_hbm_t h = {{Base}};
  EXPECT_EQ(tsr_hbm_start_init(&h), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_HBM_CTRL_OFFSET, 1}}));
  bus.answer(Base + TSR_HBM_STATUS_OFFSET, {4, 4, 1});
  EXPECT_EQ(tsr_hbm_wait_init(&h, 1000), TSR_OK);
  bus.answer(Base + TSR_HBM_STATUS_OFFSET, {4, 2});
  EXPECT_EQ(tsr_hbm_wait_init(&h, 1000), TSR_FAILED);
  bus.answer(Base + TSR_HBM_STATUS_OFFSET, {4});
  EXPECT_EQ(tsr_hbm_wait_init(&h, 1000), TSR_TIMEOUT);
}

TEST(TileDriver, Identifies) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  bus.memory[Base + TSR_TILE_ID_OFFSET] = 2 | 3 << 8 | 1 << 16 | 256u << 20;
  tsr_tile_identity_t id = {};
  EXPECT_EQ(tsr_tile_identify(&h, &id), TSR_OK);
  EXPECT_EQ(id.node.x, 2);
  EXPECT_EQ(id.node.y, 3);
  EXPECT_TRUE(id.is_ctl);
  EXPECT_EQ(id.spm_bytes, 262144u);
}

TEST(TileDriver, GuardsHaveNoSideEffects) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  uint32_t value = 0;
  uint64_t wide = 0;
  const tsr_tile_access_t backwards = {0, 2, 1, true, true};
  const tsr_tile_remote_t empty = {true, true, true, 64, 63};
  EXPECT_EQ(tsr_tile_set_boot_pc(&h, 2), TSR_INVALID);
  EXPECT_EQ(tsr_tile_irq_clear(&h, 8), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_irq(&h, 16, 1), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_irq(&h, 0, 65536), TSR_INVALID);
  EXPECT_EQ(tsr_tile_space_irq(&h, 6), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_read(&h, 16, &value), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_post(&h, 0, 0), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_post(&h, 0, 256), TSR_INVALID);
  EXPECT_EQ(tsr_tile_sem_take(&h, 0, 0), TSR_INVALID);
  EXPECT_EQ(tsr_tile_post(&h, {64, 0}, 0, 1), TSR_INVALID);
  EXPECT_EQ(tsr_tile_core_window(&h, 8, 0), TSR_INVALID);
  EXPECT_EQ(tsr_tile_access_window(&h, 0, &backwards), TSR_INVALID);
  EXPECT_EQ(tsr_tile_remote(&h, &empty), TSR_INVALID);
  EXPECT_EQ(tsr_tile_counter(&h, TSR_TILE_COUNTERS, &wide), TSR_INVALID);
  EXPECT_EQ(tsr_tile_scratch_write(&h, 8, 0), TSR_INVALID);
  EXPECT_EQ(tsr_tile_errors_enable(&h, 32, false, false), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
}

TEST(TileDriver, SemaphoresAddAndSubtract) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  EXPECT_EQ(tsr_tile_sem_post(&h, 3, 255), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TILE_SEM(3), 255}}));
  bus.writes.clear();
  bus.answer(Base + TSR_TILE_SEM(3), {299, 300});
  EXPECT_EQ(tsr_tile_sem_take(&h, 3, 300), TSR_BUSY);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_tile_sem_take(&h, 3, 300), TSR_OK);
  EXPECT_EQ(bus.writes,
            (Writes{{Base + TSR_TILE_SEM(3), 0x800000ffu}, {Base + TSR_TILE_SEM(3), 0x8000002du}}));
  bus.writes.clear();
  bus.answer(Base + TSR_TILE_SEM(3), {0});
  EXPECT_EQ(tsr_tile_sem_clear(&h, 3), TSR_OK);
  EXPECT_TRUE(bus.writes.empty());
}

TEST(TileDriver, EncodesPostsWindowsAndInterrupts) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  EXPECT_EQ(tsr_tile_post(&h, {2, 5}, 15, 128), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_POST_OFFSET], 15u | 128 << 8 | 2 << 16 | 5 << 24);
  EXPECT_EQ(tsr_tile_core_window(&h, 1, tsr_addr_node(3, 2, 0)), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_CORE_WIN(1)], 1u << 24 | 2 << 10 | 3 << 4);
  EXPECT_EQ(tsr_tile_core_window(&h, 1, tsr_addr_hbm(0x30000000)), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_CORE_WIN(1)], 3u);
  EXPECT_EQ(tsr_tile_sem_irq(&h, 15, 300), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_SEM_IRQ_OFFSET], 15u | 16 | 300u << 16);
  EXPECT_EQ(tsr_tile_sem_irq(&h, 0, 0), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_SEM_IRQ_OFFSET], 0u);
  EXPECT_EQ(tsr_tile_space_irq(&h, TSR_ENGINE_ME), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_SPACE_IRQ_OFFSET], 2u | 16);
  EXPECT_EQ(tsr_tile_space_irq(&h, TSR_ENGINES), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_SPACE_IRQ_OFFSET], 0u);
}

TEST(TileDriver, DoesAtomicsThroughTheRegisters) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  const uint64_t address = tsr_addr_node(3, 2, TSR_SPM_BASE + 8);
  bus.answer(Base + TSR_TILE_ATOMIC_STATUS_OFFSET, {0, 1, 1, 0});
  bus.memory[Base + TSR_TILE_ATOMIC_RESULT_OFFSET] = 41;
  uint32_t old = 0;
  EXPECT_EQ(tsr_tile_atomic(&h, TSR_AMO_CAS, address, 42, 41, &old), TSR_OK);
  EXPECT_EQ(old, 41u);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TILE_ATOMIC_ADDR_LO_OFFSET, TSR_SPM_BASE + 8},
                                {Base + TSR_TILE_ATOMIC_ADDR_HI_OFFSET, 0x100083},
                                {Base + TSR_TILE_ATOMIC_OPERAND_OFFSET, 42},
                                {Base + TSR_TILE_ATOMIC_EXPECT_OFFSET, 41},
                                {Base + TSR_TILE_ATOMIC_GO_OFFSET, 4}}));
  bus.writes.clear();
  const uint32_t timeout = 4 << 4, forbidden = 2 << 4;
  bus.answer(Base + TSR_TILE_ATOMIC_STATUS_OFFSET, {0, timeout});
  EXPECT_EQ(tsr_tile_atomic(&h, TSR_AMO_ADD, address, 1, 0, &old), TSR_TIMEOUT);
  bus.answer(Base + TSR_TILE_ATOMIC_STATUS_OFFSET, {timeout, forbidden});
  EXPECT_EQ(tsr_tile_atomic(&h, TSR_AMO_ADD, address, 1, 0, NULL), TSR_FAILED);
  bus.writes.clear();
  bus.answer(Base + TSR_TILE_ATOMIC_STATUS_OFFSET, {1});
  EXPECT_EQ(tsr_tile_atomic(&h, TSR_AMO_ADD, address, 1, 0, NULL), TSR_BUSY);
  EXPECT_EQ(tsr_tile_atomic(&h, TSR_AMO_ADD, address + 2, 1, 0, NULL), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_tile_qos(&h, TSR_TILE_QOS_RDMA | TSR_TILE_QOS_POSTS), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_QOS_OFFSET], 0x11u);
  EXPECT_EQ(tsr_tile_qos(&h, 0x20), TSR_INVALID);
}

TEST(TileDriver, ClosesAnAccessWindowWhileItChanges) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  const tsr_tile_access_t access = {TSR_SPACE_NODE, 0x10, 0x20, false, true};
  EXPECT_EQ(tsr_tile_access_window(&h, 2, &access), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TILE_ACCESS_CTRL(2), 0},
                                {Base + TSR_TILE_ACCESS_BASE(2), 0x10},
                                {Base + TSR_TILE_ACCESS_LIMIT(2), 0x20},
                                {Base + TSR_TILE_ACCESS_CTRL(2), 1 | 0x20}}));
}

TEST(TileDriver, TimerNeverFiresEarly) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  EXPECT_EQ(tsr_tile_timer(&h, 0x500000007ull), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{Base + TSR_TILE_MTIMECMP_HI_OFFSET, 0xffffffff},
                                {Base + TSR_TILE_MTIMECMP_LO_OFFSET, 7},
                                {Base + TSR_TILE_MTIMECMP_HI_OFFSET, 5}}));
}

TEST(TileDriver, ReadsErrorsAndCounters) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  bus.memory[Base + TSR_TILE_ERR_STATUS_OFFSET] = 3;
  bus.memory[Base + TSR_TILE_ERR_FIRST_OFFSET] = 4 | 2 << 4 | 2 << 8 | 0x0102u << 16;
  bus.memory[Base + TSR_TILE_ERR_LAST_OFFSET] = 0 | 6 << 4 | 2 << 8 | 77u << 16;
  bus.memory[Base + TSR_TILE_ERR_LAST_ADDR_LO_OFFSET] = 0x1234;
  bus.memory[Base + TSR_TILE_ERR_LAST_ADDR_HI_OFFSET] = 0x10;
  tsr_tile_error_t first = {}, last = {};
  EXPECT_EQ(tsr_tile_errors(&h, &first, &last), TSR_OK);
  EXPECT_TRUE(first.valid);
  EXPECT_EQ(first.source, 4);
  EXPECT_EQ(first.cmd, 0x0102);
  EXPECT_EQ(last.source, 0);
  EXPECT_EQ(last.code, TSR_CMD_ERR_BUS);
  EXPECT_EQ(last.info, 2);
  EXPECT_EQ(last.cmd, 77);
  EXPECT_EQ(last.address, 0x1000001234ull);
  bus.memory[Base + TSR_TILE_COUNT_LO_OFFSET] = 8;
  bus.memory[Base + TSR_TILE_COUNT_HI_OFFSET] = 9;
  uint64_t value = 0;
  EXPECT_EQ(tsr_tile_counter(&h, 41, &value), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_COUNT_SEL_OFFSET], 41u);
  EXPECT_EQ(value, 0x900000008ull);
}

TEST(TileDriver, EnablesErrorSourcesAndReadsFormatFlags) {
  RegisterBus bus;
  const tsr_tile_t h = {{Base}};
  EXPECT_EQ(tsr_tile_errors_enable(&h, 0x12, true, false), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_ERR_ENABLE_OFFSET], 0x32u);
  EXPECT_EQ(tsr_tile_errors_enable(&h, 31, false, true), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_ERR_ENABLE_OFFSET], 0x5fu);
  bus.memory[Base + TSR_TILE_FMT_STATUS_OFFSET] = TSR_TILE_FMT_ME_NAN | TSR_TILE_FMT_VE_OVF;
  bus.memory[Base + TSR_TILE_FMT_FIRST_OFFSET] = 2 | 1 << 4 | 0x77u << 16;
  bus.memory[Base + TSR_TILE_FMT_LAST_OFFSET] = 3 | 1 << 5 | 0x78u << 16;
  uint32_t flags = 0;
  tsr_tile_format_t first = {}, last = {};
  EXPECT_EQ(tsr_tile_formats(&h, &flags, &first, &last), TSR_OK);
  EXPECT_EQ(flags, 9u);
  EXPECT_EQ(first.engine, TSR_ENGINE_ME);
  EXPECT_TRUE(first.nan && !first.overflow);
  EXPECT_EQ(first.cmd, 0x77);
  EXPECT_EQ(last.engine, TSR_ENGINE_VE);
  EXPECT_TRUE(!last.nan && last.overflow);
  EXPECT_EQ(tsr_tile_formats_clear(&h), TSR_OK);
  EXPECT_EQ(bus.memory[Base + TSR_TILE_FMT_STATUS_OFFSET], 15u);
}

TEST(CmdqDriver, WritesOnlyWordsThatChanged) {
  RegisterBus bus;
  tsr_cmdq_t h;
  EXPECT_EQ(tsr_cmdq_init(&h, 0, 5), TSR_INVALID);
  ASSERT_EQ(tsr_cmdq_init(&h, 0, TSR_ENGINE_WDMA), TSR_OK);
  const uint32_t stage = TSR_CMD_BASE + 64;
  bus.memory[TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET] = 0x88888;
  tsr_cmd_t cmd;
  tsr_dma_write_cmd(&cmd, 2, 5, 0x100, 0x123456789aull);
  EXPECT_EQ(tsr_cmdq_push(&h, &cmd), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 16u);  // the staging words are unknown at first
  EXPECT_EQ(bus.memory[stage], 0x11u | 2 << 8 | 5 << 16);
  EXPECT_EQ(bus.memory[stage + 4 * 7], 0x3456789au);
  EXPECT_EQ(bus.memory[stage + 4 * 8], 0x12u);
  EXPECT_EQ(bus.writes.back().first, stage + 60);
  bus.writes.clear();
  tsr_dma_write_cmd(&cmd, 2, 6, 0x100, 0x1234567890ull);
  EXPECT_EQ(tsr_cmdq_push(&h, &cmd), TSR_OK);
  EXPECT_EQ(
      bus.writes,
      (Writes{{stage, 0x11u | 2 << 8 | 6 << 16}, {stage + 28, 0x34567890u}, {stage + 60, 0}}));
}

TEST(CmdqDriver, RefusesAFullQueueAndReportsState) {
  RegisterBus bus;
  tsr_cmdq_t h;
  ASSERT_EQ(tsr_cmdq_init(&h, 0, TSR_ENGINE_ME), TSR_OK);
  bus.memory[TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET] = 4u << 25 | 4u << 20 | 0x88088;
  tsr_cmd_t cmd;
  tsr_cmd_init(&cmd, TSR_OP_NOP, 0, 0);
  EXPECT_EQ(tsr_cmdq_push(&h, &cmd), TSR_BUSY);
  EXPECT_TRUE(bus.writes.empty());
  tsr_cmdq_state_t state = {};
  EXPECT_EQ(tsr_cmdq_state(&h, &state), TSR_OK);
  EXPECT_EQ(state.free, 0u);
  EXPECT_TRUE(state.busy);
  EXPECT_TRUE(state.stopped);
  EXPECT_EQ(tsr_cmdq_flush(&h), TSR_OK);
  EXPECT_EQ(bus.memory[TSR_REGS_BASE + TSR_TILE_ENGINE_CTRL_OFFSET], 4u);
}

TEST(CmdqDriver, EncodesWaitsPostsAndRectangles) {
  tsr_cmd_t cmd;
  tsr_cmd_init(&cmd, TSR_OP_GEMM, 7, 0xffff);
  tsr_cmd_irq(&cmd);
  tsr_cmd_wait(&cmd, 0, 3, 1);
  tsr_cmd_wait(&cmd, 1, 15, 255);
  tsr_cmd_post(&cmd, 1, 4, 2);
  tsr_cmd_post_remote(&cmd, {1, 2, 3, 4}, 5, 6);
  EXPECT_EQ(cmd.w[0], 0x21u | 7 << 8 | 1 << 11 | 0xffffu << 16);
  EXPECT_EQ(cmd.w[1], 0xff1f0113u);
  EXPECT_EQ(cmd.w[2], 0x02140635u);
  EXPECT_EQ(cmd.w[3], 0x04030201u);
}

TEST(DmaDriver, EncodesShapes) {
  RegisterBus bus;
  const tsr_dma_t h = {{TSR_CTX_BASE}};
  tsr_dma_shape_t shape = tsr_dma_rows(3, 100, 200, 104);
  shape.src.stride[1] = -8;
  shape.src.iterations[1] = 5;
  shape.src.iterations[2] = 6;
  shape.dst.iterations[1] = 30;
  shape.timeout = 77;
  EXPECT_EQ(tsr_dma_set_context(&h, TSR_DMA_RDMA, 8, &shape), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_dma_set_context(&h, TSR_DMA_RDMA, 2, &shape), TSR_OK);
  const uint32_t row = TSR_CTX_BASE + 2 * 512 + 5 * 64;
  const std::vector<uint32_t> want = {100,         200,         0xfffffff8u,  0, 104, 0, 0,
                                      3 | 5 << 16, 6 | 3 << 16, 30 | 1 << 16, 77};
  for (uint32_t i = 0; i < want.size(); i++) EXPECT_EQ(bus.memory[row + 4 * i], want[i]) << i;
  EXPECT_EQ(tsr_dma_set_context(&h, TSR_DMA_WDMA, 0, &shape), TSR_OK);
  EXPECT_EQ(bus.memory[TSR_CTX_BASE + 6 * 64], 100u);
}

TEST(DmaDriver, BuildsCommands) {
  tsr_cmd_t cmd;
  tsr_dma_read_cmd(&cmd, 1, 2, 0x10203040506070ull, 0x80);
  EXPECT_EQ(cmd.w[0], 0x01u | 1 << 8 | 2 << 16);
  EXPECT_EQ(cmd.w[5], 0x40506070u);
  EXPECT_EQ(cmd.w[6], 0x102030u);
  EXPECT_EQ(cmd.w[7], 0x80u);
  tsr_dma_spread_cmd(&cmd, 1, 2, 0x1200000034ull, 0x40, {0, 1, 3, 4}, 15);
  EXPECT_EQ(cmd.w[0], TSR_OP_SPREAD | 1u << 8 | 2u << 16);
  EXPECT_EQ(cmd.w[4], 0u | 1u << 8 | 3u << 16 | 4u << 24);
  EXPECT_EQ(cmd.w[5], 0x34u);
  EXPECT_EQ(cmd.w[6], 0x12u);
  EXPECT_EQ(cmd.w[7], 0x40u);
  EXPECT_EQ(cmd.w[8], 0x1fu);
  tsr_dma_spread_cmd(&cmd, 1, 2, 0, 0x40, {0, 1, 3, 4}, TSR_DMA_NO_SEM);
  EXPECT_EQ(cmd.w[8], 0u);
  EXPECT_EQ(tsr_dma_blocks(0x1000, 64), 1u);
  EXPECT_EQ(tsr_dma_blocks(0x103f, 2), 2u);
  EXPECT_EQ(tsr_dma_blocks(0x1001, 64), 2u);
  EXPECT_EQ(tsr_dma_blocks(0x1033, 1000), 17u);
  tsr_dma_mcast_cmd(&cmd, 1, 2, 0x40, {0, 1, 3, 4}, 0x1fe00);
  EXPECT_EQ(cmd.w[0] & 0xff, 0x12u);
  EXPECT_EQ(cmd.w[4], 0x04030100u);
  EXPECT_EQ(cmd.w[5], 0x40u);
  EXPECT_EQ(cmd.w[7], 0x1fe00u);
  tsr_dma_spm_fill_cmd(&cmd, 0, 0, 0xabcd, 0x100);
  EXPECT_EQ(cmd.w[0] & 0xff, 0x02u);
  EXPECT_EQ(cmd.w[7], 0x100u);
  EXPECT_EQ(cmd.w[9], 0xabcdu);
  tsr_dma_fill_cmd(&cmd, 0, 0, 0xabcd, 0x100000000ull);
  EXPECT_EQ(cmd.w[0] & 0xff, 0x13u);
  EXPECT_EQ(cmd.w[8], 1u);
}

/// Context words of a stream that nothing masks.
std::vector<uint32_t> row_words(const uint32_t* row) { return {row, row + 16}; }

TEST(MeDriver, EncodesStreamsWithRewinding) {
  tsr_me_gemm_t gemm = {};
  gemm.format = TSR_ME_BF16;
  gemm.preload = TSR_ME_PRELOAD_MATRIX;
  gemm.rows = 16;
  gemm.cols = 24;
  gemm.k_bytes = 80;
  gemm.a_pitch = 88;
  gemm.b_pitch = 104;
  gemm.c_pitch = 96;
  gemm.o_pitch = 160;
  tsr_me_context_t context;
  ASSERT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  const auto words = [](uint32_t w2, uint32_t pitch, std::array<uint32_t, 3> count,
                        std::array<int, 3> delta) {
    return std::vector<uint32_t>{0,
                                 pitch,
                                 w2,
                                 0,
                                 count[0],
                                 count[1],
                                 count[2],
                                 1,
                                 1,
                                 1,
                                 uint32_t(delta[0]) & 0x3fffff,
                                 uint32_t(delta[1]) & 0x3fffff,
                                 uint32_t(delta[2]) & 0x3fffff,
                                 0,
                                 0,
                                 0};
  };
  // A: 10 beats along K, again for each of 3 column blocks, then 8 rows further.
  EXPECT_EQ(row_words(context.row[1]), words(0, 88, {10, 3, 2}, {8, -72, 8 * 88 - 72}));
  // B: 10 beats along K, then 8 columns further, and back for the next row block.
  EXPECT_EQ(row_words(context.row[2]),
            words(0, 104, {10, 3, 2}, {8, 8 * 104 - 72, -72 - 2 * 8 * 104}));
  EXPECT_EQ(row_words(context.row[3]),
            words(2, 96, {4, 3, 2}, {192, 32 - 3 * 192, 8 * 96 - 3 * 192 - 2 * 32}));
  EXPECT_EQ(row_words(context.row[4]),
            words(2, 160, {4, 3, 2}, {320, 32 - 3 * 320, 8 * 160 - 3 * 320 - 2 * 32}));
  gemm.out_bf16 = true;
  ASSERT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  EXPECT_EQ(row_words(context.row[4]),
            words(1, 160, {2, 3, 2}, {640, 16 - 640, 8 * 160 - 640 - 2 * 16}));
}

TEST(MeDriver, EncodesEdges) {
  tsr_me_gemm_t gemm = {};
  gemm.format = TSR_ME_INT8;
  gemm.preload = TSR_ME_PRELOAD_ROW;
  gemm.rows = 13;
  gemm.cols = 11;
  gemm.k_bytes = 21;
  gemm.a_pitch = gemm.b_pitch = 24;
  gemm.o_pitch = 96;
  tsr_me_context_t context;
  ASSERT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  const uint32_t k_tail = 1 << 16 | 0 << 17 | 5u << 24;
  EXPECT_EQ(context.row[1][2], (1u << 4 | 2 << 5 | 5 << 12) | k_tail);
  EXPECT_EQ(context.row[2][2], (1u << 4 | 1 << 5 | 3 << 12) | k_tail);
  const uint32_t result = 2u | 1 << 4 | 2 << 5 | 1 << 8 | 5 << 12 | 1 << 16 | 1 << 17 | 12u << 24;
  EXPECT_EQ(context.row[3][2], result);
  EXPECT_EQ(context.row[4][2], result);
  EXPECT_EQ(context.row[4][4], 4u);
  EXPECT_EQ(context.row[4][5], 2u);
  EXPECT_EQ(context.row[4][6], 2u);
}

TEST(MeDriver, RefusesImpossibleProducts) {
  tsr_me_context_t context;
  tsr_me_gemm_t gemm = {};
  gemm.format = TSR_ME_INT8;
  gemm.rows = gemm.cols = gemm.k_bytes = 8;
  gemm.a_pitch = gemm.b_pitch = 8;
  gemm.o_pitch = 32;
  EXPECT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  gemm.out_bf16 = true;
  EXPECT_EQ(tsr_me_encode(&gemm, &context), TSR_INVALID);
  gemm.out_bf16 = false;
  gemm.rows = 0;
  EXPECT_EQ(tsr_me_encode(&gemm, &context), TSR_INVALID);
  gemm.rows = 8;
  gemm.a_pitch = 12;
  EXPECT_EQ(tsr_me_encode(&gemm, &context), TSR_INVALID);
}

TEST(MeDriver, WritesOnlyWhatTheEngineReads) {
  RegisterBus bus;
  const tsr_me_t h = {{TSR_CTX_BASE}};
  tsr_me_gemm_t gemm = {};
  gemm.rows = gemm.cols = gemm.k_bytes = 8;
  gemm.a_pitch = gemm.b_pitch = 8;
  gemm.o_pitch = 32;
  tsr_me_context_t context;
  ASSERT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  EXPECT_EQ(tsr_me_set_context(&h, 8, &context), TSR_INVALID);
  EXPECT_TRUE(bus.writes.empty());
  EXPECT_EQ(tsr_me_set_context(&h, 3, &context), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 1u + 3 * 15);
  bus.writes.clear();
  gemm.preload = TSR_ME_PRELOAD_ROW;
  ASSERT_EQ(tsr_me_encode(&gemm, &context), TSR_OK);
  EXPECT_EQ(tsr_me_set_context(&h, 3, &context), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 1u + 4 * 15);
  EXPECT_EQ(bus.memory[TSR_CTX_BASE + 3 * 512], 0x10u);
  EXPECT_EQ(bus.memory[TSR_CTX_BASE + 3 * 512 + 3 * 64 + 4], 0u);  // the row repeats
}

TEST(MeDriver, PitchesAreFreeOfBankConflicts) {
  for (uint32_t n = 1; n < 300; n++) {
    EXPECT_GE(tsr_me_operand_pitch(n), n);
    EXPECT_EQ(tsr_me_operand_pitch(n) / 8 % 2, 1u);
    EXPECT_GE(tsr_me_wide_pitch(n), 4 * n);
    EXPECT_EQ(tsr_me_wide_pitch(n) / 8 % 8, 4u);
    EXPECT_GE(tsr_me_bf16_pitch(n), 2 * n);
    EXPECT_EQ(tsr_me_bf16_pitch(n) / 8 % 4, 2u);
  }
}

TEST(VeDriver, WritesTheStreamsThatAProgramHas) {
  RegisterBus bus;
  const tsr_ve_t h = {{TSR_CTX_BASE}};
  tsr_ve_context_t context = {};
  for (uint32_t i = 0; i < 32; i++) context.program[i] = 0x1000 + i;
  for (uint32_t port = 0; port < 5; port++) {
    context.program[24 + port] = 0;
    for (uint32_t i = 0; i < 16; i++) context.stream[port][i] = 0x100 * (port + 1) + i;
  }
  context.program[24] = 1 << 4;            // I0
  context.program[26] = 1 << 4;            // I2
  context.program[27] = 1 << 4 | 1 << 19;  // O0 with block scales: O1 brings them
  const auto rows = [&] {
    bus.writes.clear();
    EXPECT_EQ(tsr_ve_set_context(&h, 3, &context), TSR_OK);
    std::vector<uint32_t> r;
    for (const auto& [address, value] : bus.writes) {
      const uint32_t row = (address - TSR_CTX_BASE - 3 * 512) / 64, word = address / 4 % 16;
      if (word == 0) r.push_back(row);
      EXPECT_EQ(value, row < 2 ? context.program[16 * row + word] : context.stream[row - 2][word]);
    }
    EXPECT_EQ(bus.writes.size(), 16 * r.size());
    return r;
  };
  EXPECT_EQ(rows(), (std::vector<uint32_t>{0, 1, 2, 4, 5, 6}));
  context.program[24] |= 1 << 14;          // I0 from the matrix engine
  context.program[27] = 1 << 4 | 1 << 20;  // O0 to it
  EXPECT_EQ(rows(), (std::vector<uint32_t>{0, 1, 4}));
  EXPECT_EQ(tsr_ve_set_context(&h, 8, &context), TSR_INVALID);
}

TEST(VeDriver, BuildsCommandsWithScalars) {
  const uint32_t base[5] = {8, 16, 24, 32, 40}, scalar[5] = {1, 2, 3, 4, 5};
  tsr_cmd_t cmd;
  tsr_ve_cmd(&cmd, 4, 9, base);
  tsr_ve_scalars(&cmd, scalar);
  tsr_cmd_overlap(&cmd);
  EXPECT_EQ(cmd.w[0], 0x31u | 4 << 8 | 1 << 12 | 9 << 16);
  for (uint32_t i = 0; i < 5; i++) {
    EXPECT_EQ(cmd.w[5 + i], base[i]);
    EXPECT_EQ(cmd.w[10 + i], scalar[i]);
  }
  uint32_t program[32] = {};
  program[31] = 0xff00ffu;
  tsr_ve_set_patch(program, 0x13);
  EXPECT_EQ(program[31], 0xff0013u);
}

TEST(TdmaDriver, WritesTheRowsThatAnOperationReads) {
  RegisterBus bus;
  const tsr_tdma_t h = {{TSR_CTX_BASE}};
  const tsr_tdma_loop_t loops[3] = {{5, 40, 48}, {0, 0, 0}, {3, 1000, -8}};
  tsr_tdma_op_t op;
  ASSERT_EQ(tsr_tdma_copy(100, 203, 33, loops, &op), TSR_OK);
  ASSERT_EQ(tsr_tdma_set_context(&h, 2, &op), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 16u);
  const uint32_t row = TSR_CTX_BASE + 2 * 512;
  const std::vector<uint32_t> want = {33, 40,          0,           1000,        48,
                                      0,  0xfffffff8u, 5 | 1 << 16, 3 | 5 << 16, 1 | 3 << 16};
  for (uint32_t i = 0; i < 16; i++) {
    EXPECT_EQ(bus.memory[row + 4 * i], i < want.size() ? want[i] : 0) << i;
  }
  tsr_cmd_t cmd;
  tsr_tdma_cmd(&cmd, 2, 7, &op);
  EXPECT_EQ(cmd.w[0], 0x41u | 2 << 8 | 7 << 16);
  EXPECT_EQ(cmd.w[5], 100u);
  EXPECT_EQ(cmd.w[6], 203u);
  bus.writes.clear();
  ASSERT_EQ(
      tsr_tdma_turn(TSR_TDMA_BYTES2, 8, 8, {0, 16}, {128, 16}, TSR_TDMA_TRANSPOSE, {1, 0, 0}, &op),
      TSR_OK);
  ASSERT_EQ(tsr_tdma_set_context(&h, 2, &op), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 48u);
  bus.writes.clear();
  ASSERT_EQ(tsr_tdma_gather({0, 64}, 10, 256, {512, 64}, 4, 64, &op), TSR_OK);
  ASSERT_EQ(tsr_tdma_set_context(&h, 2, &op), TSR_OK);
  EXPECT_EQ(bus.writes.size(), 32u);
  EXPECT_EQ(bus.memory[row + 40], 64u);
  EXPECT_EQ(bus.memory[row + 44], 10u);
  EXPECT_EQ(tsr_tdma_set_context(&h, 8, &op), TSR_INVALID);
}

TEST(TdmaDriver, RefusesWhatTheEngineCannot) {
  const tsr_tdma_loop_t loops[3] = {}, many[3] = {{65536, 0, 0}};
  tsr_tdma_op_t op;
  EXPECT_EQ(tsr_tdma_copy(0, 0, 0, loops, &op), TSR_INVALID);
  EXPECT_EQ(tsr_tdma_copy(0, 0, TSR_TDMA_MAX_COUNT + 1, loops, &op), TSR_INVALID);
  EXPECT_EQ(tsr_tdma_fill(0, 8, 0, many, &op), TSR_INVALID);
  EXPECT_EQ(tsr_tdma_mirror(TSR_TDMA_BITS4, 2, 3, {0, 8}, {64, 8}, true, false, &op), TSR_INVALID);
  EXPECT_EQ(
      tsr_tdma_turn(TSR_TDMA_BYTES1, 8, 8, {0, 12}, {64, 8}, TSR_TDMA_TRANSPOSE, {1, 0, 0}, &op),
      TSR_INVALID);
  EXPECT_EQ(tsr_tdma_gather({0, 0}, 0, 0, {64, 8}, 1, 8, &op), TSR_INVALID);
  EXPECT_EQ(tsr_tdma_gather({0, 8}, 0, 4, {64, 8}, 1, 8, &op), TSR_INVALID);
  EXPECT_EQ(tsr_tdma_scatter({0, 8}, 8, {64, 8}, 0, 0, 8, &op), TSR_INVALID);
}

TEST(Node, RestartFlushesBeforeAndBehindTheRunningCommand) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  bus.writes.clear();
  const uint32_t ctrl = TSR_REGS_BASE + TSR_TILE_ENGINE_CTRL_OFFSET;
  const uint32_t busy = 1u << (TSR_TILE_QUEUE_STATUS_BUSY_SHIFT + TSR_ENGINE_TDMA);
  bus.answer(TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET, {busy, busy, 0});
  EXPECT_EQ(tsr_node_restart(&node, TSR_ENGINE_TDMA), TSR_OK);
  EXPECT_EQ(bus.writes, (Writes{{ctrl, 16}, {ctrl, 16}}));
  bus.answer(TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET, {busy});
  bus.step = 1u << 20;
  EXPECT_EQ(tsr_node_restart(&node, TSR_ENGINE_TDMA), TSR_TIMEOUT);
  EXPECT_EQ(tsr_node_restart(&node, TSR_ENGINES), TSR_INVALID);
}

TEST(Node, WaitSleepsUntilTheSemaphoreHoldsEnough) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  const uint32_t sem = TSR_REGS_BASE + TSR_TILE_SEM(4);
  bus.answer(sem, {1, 1, 2});
  EXPECT_EQ(tsr_node_wait(&node, 4, 2, 0), TSR_OK);
  EXPECT_EQ(bus.sleeps.size(), 2u);
  EXPECT_EQ(bus.memory[TSR_REGS_BASE + TSR_TILE_SEM_IRQ_OFFSET], 0u);
}

TEST(Node, WaitEndsOnTimeoutAndOnErrors) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  bus.step = 10;
  EXPECT_EQ(tsr_node_wait(&node, 4, 2, 100), TSR_TIMEOUT);
  EXPECT_EQ(bus.memory[TSR_REGS_BASE + TSR_TILE_MTIMECMP_HI_OFFSET], 0xffffffffu);
  bus.memory[TSR_REGS_BASE + TSR_TILE_IRQ_STATE_OFFSET] = TSR_TILE_IRQ_ERROR;
  EXPECT_EQ(tsr_node_wait(&node, 4, 2, 0), TSR_FAILED);
}

TEST(Node, PushSleepsWhileTheQueueIsFull) {
  RegisterBus bus;
  tsr_node_t node;
  ASSERT_EQ(tsr_node_init(&node), TSR_OK);
  bus.answer(TSR_REGS_BASE + TSR_TILE_QUEUE_STATUS_OFFSET, {0, 0, 1});
  tsr_cmd_t cmd;
  tsr_cmd_init(&cmd, TSR_OP_NOP, 0, 0);
  EXPECT_EQ(tsr_node_push(&node, TSR_ENGINE_RDMA, &cmd), TSR_OK);
  EXPECT_EQ(bus.sleeps.size(), 2u);
  EXPECT_EQ(bus.writes.back(),
            (std::pair<uint32_t, uint32_t>{TSR_REGS_BASE + TSR_TILE_SPACE_IRQ_OFFSET, 0}));
}

}  // namespace
}  // namespace tsr
