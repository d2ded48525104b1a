// SPDX-License-Identifier: Apache-2.0
// A core with small TCMs (4 KiB and 1 KiB): what lies behind their ends faults and stays off the
// bus.
#include "Vcore_small.h"
#include "core/core_bench.hpp"

namespace {

using namespace tsr;
using namespace tsr::rv;

class CoreSmall : public tb::CoreBench<Vcore_small, 4096, 1024> {};

TEST_F(CoreSmall, FaultsBehindTheEndOfTheTcms) {
  Program handler(0x800);
  handler << csrr(30, kMepc) << addi(30, 30, 4) << csrw(kMepc, 30) << addi(29, 29, 1) << kMret;
  write_program(handler);
  write_tcm(0xffc, {17});
  write_tcm(0x103fc, {18});
  Program program;
  program.li(31, 0x800);
  program << csrw(kMtvec, 31);
  program.li(5, 0x1000).li(6, 0x10400);
  program << lw(1, 5, -4) << sw(1, 5, -4) << lw(1, 6, -4) << sw(1, 6, -4);  // last words
  program << lw(1, 5, 0) << sw(1, 5, 0) << lw(1, 6, 0) << sw(1, 6, 0);      // behind them
  program.li(5, 0xfffc).li(6, 0x1fffc);
  program << lw(1, 5, 0) << sw(1, 6, 0) << kStop;
  execute(program);
  EXPECT_EQ(iss().reg(29), 6U);
  EXPECT_EQ(bus_accesses(), 0U);
}

TEST_F(CoreSmall, FetchFaultsBehindTheEndOfTheItcm) {
  write_tcm(0, {kStop});
  write_tcm(0xffc, {addi(1, 0, 1)});
  start(0xffc);
  run_to_stop();
  EXPECT_EQ(retired()[1].cause, 1U);
  EXPECT_EQ(retired()[1].tval, 0x1000U);
}

TEST_F(CoreSmall, DebugRefusesBehindTheEndOfTheTcms) {
  write_tcm(0, {kStop});
  pulse_halt();
  start();
  ASSERT_TRUE(wait_halted());
  EXPECT_FALSE(debug_load(0xffc).error);
  EXPECT_TRUE(debug_load(0x1000).error);
  EXPECT_TRUE(debug_store(0x10400, 1).error);
}

}  // namespace
