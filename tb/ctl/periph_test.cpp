// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_ctl_periph: page decode, interrupt numbers, straps, and that sleeping changes
/// nothing.
#include "Vctl_ctl_periph.h"
#include "periph_bench.hpp"
#include "regs/fuse_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/sys_regs.hpp"
#include "regs/timer_regs.hpp"
#include "regs/uart_regs.hpp"
#include "regs/wdog_regs.hpp"

namespace {

namespace regs = tsr::regs;
using tsr::tb::set_bits;

constexpr std::uint32_t kUart = 0x0000, kTimer = 0x1000, kMailbox = 0x2000, kWdog = 0x4000,
                        kSys = 0x5000;
constexpr const regs::Block* kPages[] = {&regs::uart::kBlock,    &regs::timer::kBlock,
                                         &regs::mailbox::kBlock, &regs::fuse::kBlock,
                                         &regs::wdog::kBlock,    &regs::sys::kBlock};

struct Chip {
  unsigned mesh_w, mesh_h, ctl_x, ctl_y, mem_log2, mem_mib;
  unsigned mem_x[8], mem_y[8];
  std::uint64_t tiles, dead;
};

class CtlPeriph : public tsr::tb::PeriphBench<Vctl_ctl_periph> {
 protected:
  void SetUp() override {
    PeriphBench::SetUp();
    start(random_chip());
  }

  Chip random_chip() {
    Chip chip{};
    const auto coordinate = [this] { return static_cast<unsigned>(rand_in(0, 63)); };
    chip.mesh_w = coordinate();
    chip.mesh_h = coordinate();
    chip.ctl_x = coordinate();
    chip.ctl_y = coordinate();
    chip.mem_log2 = static_cast<unsigned>(rand_in(0, 3));
    chip.mem_mib = static_cast<unsigned>(rand_in(1, 0xffff));
    for (int i = 0; i < 8; ++i) {
      chip.mem_x[i] = coordinate();
      chip.mem_y[i] = coordinate();
    }
    chip.tiles = rng()();
    chip.dead = rng()() & rng()();
    return chip;
  }

  static void strap(Vctl_ctl_periph& model, const Chip& chip) {
    set_bits(model.cfg_i, 0, 6, chip.mesh_w);
    set_bits(model.cfg_i, 6, 6, chip.mesh_h);
    set_bits(model.cfg_i, 12, 6, chip.ctl_x);
    set_bits(model.cfg_i, 18, 6, chip.ctl_y);
    set_bits(model.cfg_i, 24, 2, chip.mem_log2);
    set_bits(model.cfg_i, 26, 16, chip.mem_mib);
    for (unsigned i = 0; i < 8; ++i) {
      set_bits(model.cfg_i, 42 + 12 * i, 6, chip.mem_x[i]);
      set_bits(model.cfg_i, 48 + 12 * i, 6, chip.mem_y[i]);
    }
    for (unsigned i = 0; i < 257; ++i) set_bits(model.fuse_i, i, 1, 0);
    set_bits(model.fuse_i, 0, 64, chip.tiles);
    set_bits(model.fuse_i, 64, 64, chip.dead);
  }

  void start(const Chip& chip) {
    chip_ = chip;
    strap(dut(), chip);
    dut().uart_rx_i = 1;
    reset();
  }

  std::uint32_t irqs() {
    settle();
    return dut().irq_o;
  }

  Chip chip_{};
};

TEST_F(CtlPeriph, SysShowsTheChip) {
  for (int i = 0; i < 30; ++i) {
    start(random_chip());
    EXPECT_EQ(read(kSys + regs::sys::kIdOffset), 0x41525354U);
    EXPECT_EQ(read(kSys + regs::sys::kMeshOffset), chip_.mesh_w | chip_.mesh_h << 8);
    EXPECT_EQ(read(kSys + regs::sys::kCtlOffset), chip_.ctl_x | chip_.ctl_y << 8);
    EXPECT_EQ(read(kSys + regs::sys::kMemOffset), (1U << chip_.mem_log2) | chip_.mem_mib << 16);
    const std::uint64_t usable = chip_.tiles & ~chip_.dead;
    EXPECT_EQ(read(kSys + regs::sys::kTilesOffset),
              static_cast<unsigned>(__builtin_popcountll(usable)));
    EXPECT_EQ(read(kSys + regs::sys::kTileMapOffset), static_cast<std::uint32_t>(usable));
    EXPECT_EQ(read(kSys + regs::sys::kTileMapOffset + 4), static_cast<std::uint32_t>(usable >> 32));
    for (unsigned m = 0; m < 8; ++m) {
      const std::uint32_t node = 1U << 31 | chip_.mem_x[m] | chip_.mem_y[m] << 8;
      EXPECT_EQ(read(kSys + regs::sys::kMemNodeOffset + 4 * m),
                m < (1U << chip_.mem_log2) ? node : 0);
    }
  }
}

TEST_F(CtlPeriph, EveryPageAnswersItsRegistersAndNothingElse) {
  for (std::uint32_t addr = 0; addr < 0x10000; addr += 4) {
    const std::uint32_t page = addr >> 12;
    const bool known = page < 6 && kPages[page]->find(addr & 0xfff) != nullptr;
    ASSERT_EQ(access(false, addr, 0).err, !known) << addr;
  }
}

TEST_F(CtlPeriph, PagesDoNotDisturbEachOther) {
  write(kMailbox + regs::mailbox::kArgOffset, 0x11111111);
  write(kSys + regs::sys::kScratchOffset, 0x22222222);
  write(kTimer + regs::timer::kPeriodOffset, 0x33333333);
  EXPECT_EQ(read(kMailbox + regs::mailbox::kArgOffset), 0x11111111U);
  EXPECT_EQ(read(kSys + regs::sys::kScratchOffset), 0x22222222U);
  EXPECT_EQ(read(kTimer + regs::timer::kPeriodOffset), 0x33333333U);
}

TEST_F(CtlPeriph, InterruptsHaveTheirNumbers) {
  EXPECT_EQ(irqs(), 0U);
  write(kUart + regs::uart::kIrqEnableOffset, 2);
  EXPECT_EQ(irqs(), 1U << 8);
  write(kUart + regs::uart::kIrqEnableOffset, 0);
  write(kTimer + regs::timer::kCompareHiOffset, 0);
  write(kTimer + regs::timer::kCompareLoOffset, 0);
  write(kTimer + regs::timer::kCtrlOffset, 1);
  tick();
  EXPECT_EQ(irqs(), 1U << 9);
  write(kTimer + regs::timer::kIrqStateOffset, 1);
  write(kMailbox + regs::mailbox::kCmdOffset, 1);
  tick();
  EXPECT_EQ(irqs(), 1U << 10);
  write(kMailbox + regs::mailbox::kDoorbellOffset, 1);
  write(kWdog + regs::wdog::kTimeoutOffset, 10);
  write(kWdog + regs::wdog::kCtrlOffset, 1);
  run(14);
  EXPECT_EQ(irqs(), 1U << 11);
  EXPECT_FALSE(dut().fatal_o);
  run(14);
  EXPECT_TRUE(dut().fatal_o);
}

TEST_F(CtlPeriph, SleepingWhileIdleChangesNothing) {
  // A twin that is not clocked from the cycle after it says idle until something arrives, or until
  // its wake-up time, must look like the one that always is.
  Vctl_ctl_periph twin(&context(), "twin");
  strap(twin, chip_);
  const auto copy_inputs = [&] {
    twin.rst_ni = dut().rst_ni;
    twin.now_i = now();
    twin.reg_i = dut().reg_i;
    twin.uart_rx_i = dut().uart_rx_i;
  };
  std::uint64_t slept = 0, woken = 0, different = 0;
  bool asleep = false;
  std::uint64_t wake = 0;
  before_edge([&] {
    copy_inputs();
    twin.clk_i = 0;
    twin.eval();
    if (twin.rst_ni) {
      different += twin.reg_o != dut().reg_o || twin.irq_o != dut().irq_o ||
                   twin.uart_tx_o != dut().uart_tx_o || twin.host_irq_o != dut().host_irq_o ||
                   twin.fatal_o != dut().fatal_o || twin.dbg_lock_o != dut().dbg_lock_o ||
                   twin.idle_o != dut().idle_o || (twin.idle_o && twin.wake_o != dut().wake_o);
    }
    const bool arrives = !twin.rst_ni || dut().reg_i != 0 || !dut().uart_rx_i;
    if (asleep && !arrives && now() < wake) {
      ++slept;
      return;
    }
    woken += asleep && !arrives;
    asleep = twin.rst_ni && twin.idle_o;
    wake = twin.wake_o;
    twin.clk_i = 1;
    twin.eval();
  });
  const auto restart = [&] {
    reset();
    read(kTimer + regs::timer::kTimeLoOffset);  // TIME_HI is undefined before
    write(kTimer + regs::timer::kCompareHiOffset, 0);
  };
  // Near, or just passed, so that timer and watchdog wake it often.
  const auto soon = [&] { return static_cast<std::uint32_t>(now() + rand_in(0, 200) - 10); };
  restart();
  for (int i = 0; i < 60000; ++i) {
    if (dut().fatal_o && chance(0.01)) restart();
    if (chance(0.01)) {
      write(kTimer + regs::timer::kCompareLoOffset, soon());
      write(kTimer + regs::timer::kCompareHiOffset, 0);
      write(kTimer + regs::timer::kCtrlOffset, 1);
    } else if (chance(0.01)) {
      write(kWdog + regs::wdog::kTimeoutOffset, static_cast<std::uint32_t>(rand_in(0, 300)));
      write(kWdog + regs::wdog::kCtrlOffset, 1);
    } else if (chance(0.02)) {
      const unsigned page = static_cast<unsigned>(rand_in(0, 5));
      const regs::Block& block = *kPages[page];
      const regs::Register& reg = block.registers[rand_in(0, block.register_count - 1)];
      // Small values, and mostly disabling writes, so that time is spent asleep too.
      std::uint32_t data = static_cast<std::uint32_t>(rand_in(0, 7));
      if (page == 1 && reg.offset == regs::timer::kCompareLoOffset) data = soon();
      if (page == 1 && reg.offset == regs::timer::kPeriodOffset) data *= chance(0.5) ? 0 : 37;
      if (page == 4) data = chance(0.5) ? 0 : data;
      access(chance(0.6), page * 0x1000 + reg.offset, data);
    } else if (chance(dut().uart_rx_i ? 0.001 : 0.01)) {
      dut().uart_rx_i = !dut().uart_rx_i;
      tick();
    } else {
      tick();
    }
    ASSERT_EQ(different, 0U) << i;
  }
  EXPECT_GT(slept, 10000U);
  EXPECT_GT(woken, 100U);
  twin.final();
}

}  // namespace
