// SPDX-License-Identifier: Apache-2.0
/// Test access port and debug transport module, seen from the pins.
#include "debug_bench.hpp"

namespace {

using tsr::tb::DebugBench;

class Jtag : public DebugBench {};

/// IEEE 1149.1, figure 6-1: next state for TMS 0 and 1, in the order below.
enum State {
  kReset,
  kIdle,
  kSelDr,
  kCapDr,
  kShDr,
  kEx1Dr,
  kPauDr,
  kEx2Dr,
  kUpdDr,
  kSelIr,
  kCapIr,
  kShIr,
  kEx1Ir,
  kPauIr,
  kEx2Ir,
  kUpdIr
};
constexpr State kNext[16][2] = {
    {kIdle, kReset},  {kIdle, kSelDr},  {kCapDr, kSelIr}, {kShDr, kEx1Dr},
    {kShDr, kEx1Dr},  {kPauDr, kUpdDr}, {kPauDr, kEx2Dr}, {kShDr, kUpdDr},
    {kIdle, kSelDr},  {kCapIr, kReset}, {kShIr, kEx1Ir},  {kShIr, kEx1Ir},
    {kPauIr, kUpdIr}, {kPauIr, kEx2Ir}, {kShIr, kUpdIr},  {kIdle, kSelDr}};

/// A test access port whose data registers are plain queues of bits.
struct TapModel {
  State state = kReset;
  unsigned instruction = 1;
  std::deque<bool> dr, ir;

  static std::deque<bool> bits(std::uint64_t value, unsigned count) {
    std::deque<bool> out;
    for (unsigned i = 0; i < count; ++i) out.push_back((value >> i & 1U) != 0);
    return out;
  }
  void rise(bool tms, bool tdi) {
    if (state == kCapIr) ir = bits(1, 5);
    if (state == kCapDr) {
      if (instruction == 1)
        dr = bits(0x17e55001, 32);
      else if (instruction == 0x10)
        dr = bits(0x7071, 32);
      else
        dr = bits(0, 1);
    }
    if (state == kShIr || state == kShDr) {
      auto& reg = state == kShIr ? ir : dr;
      reg.pop_front();
      reg.push_back(tdi);
    }
    state = kNext[state][tms ? 1 : 0];
    if (state == kUpdIr) {
      instruction = 0;
      for (unsigned i = 0; i < 5; ++i) instruction |= (ir[i] ? 1U : 0U) << i;
      if (instruction == 0x11) instruction = 0x1f;  // the walk stays away from DMI
    }
    if (state == kReset) instruction = 1;
  }
  bool shifts() const { return state == kShIr || state == kShDr; }
  bool tdo() const { return state == kShIr ? ir.front() : dr.front(); }
};

TEST_F(Jtag, WalksAsTheStandardSays) {
  TapModel model;
  test_reset();
  model.state = kIdle;
  unsigned shifted = 0;
  for (unsigned i = 0; i < 30'000; ++i) {
    // Mostly short ways, sometimes long shifts.
    bool tms = model.shifts() ? chance(0.06) : chance(0.45);
    bool tdi = chance(0.5);
    // Never load DMI: its register moves the debug module.
    if (model.state == kEx1Ir || model.state == kEx2Ir) {
      unsigned next = 0;
      for (unsigned b = 0; b < 5; ++b) next |= (model.ir[b] ? 1U : 0U) << b;
      if (next == 0x11) tms = false;
    }
    // TDO follows the falling edge.
    const State before = model.state;
    dut().jtag_tck_i = 0;
    dut().jtag_tms_i = tms ? 1 : 0;
    dut().jtag_tdi_i = tdi ? 1 : 0;
    run(rand_in(3, 5));
    ASSERT_EQ(dut().jtag_tdo_oe_o != 0, before == kShIr || before == kShDr) << "state " << before;
    if (model.shifts()) {
      ASSERT_EQ(dut().jtag_tdo_o != 0, model.tdo()) << "step " << i;
      ++shifted;
    }
    dut().jtag_tck_i = 1;
    run(rand_in(1, 4));
    model.rise(tms, tdi);
  }
  EXPECT_GT(shifted, 3'000U);
}

TEST_F(Jtag, ShowsItsNameAfterEveryKindOfReset) {
  test_reset();
  EXPECT_EQ(scan_dr(kIdcode, 0, 32), 0x17e55001U);
  EXPECT_EQ(scan_ir(kBypass), 1U);
  EXPECT_EQ(scan_dr(kBypass, 0x2d, 8), 0x5aU) << "one bit late";
  scan_ir(9);
  EXPECT_EQ(scan_dr(9, 0x2d, 8), 0x5aU) << "an unknown instruction is a bypass";
  dut().jtag_trst_ni = 0;
  run(4);
  dut().jtag_trst_ni = 1;
  run(4);
  clock(false, false);
  go({true, false, false});
  EXPECT_EQ(shift(0, 32), 0x17e55001U);
  scan_ir(kBypass);
  test_reset();
  go({true, false, false});
  EXPECT_EQ(shift(0, 32), 0x17e55001U);
}

TEST_F(Jtag, WorksAtItsHighestSpeed) {
  test_reset();
  for (int i = 0; i < 20; ++i) {
    // High 1 cycle, low 3: pins that change with the chip's clock.
    std::uint64_t out = 0;
    const auto step = [&](bool tms, bool tdi) {
      dut().jtag_tck_i = 0;
      dut().jtag_tms_i = tms;
      dut().jtag_tdi_i = tdi;
      run(3);
      const bool tdo = dut().jtag_tdo_o != 0;
      dut().jtag_tck_i = 1;
      run(1);
      return tdo;
    };
    for (const bool tms : {true, false, false}) step(tms, false);
    for (unsigned b = 0; b < 32; ++b) out |= static_cast<std::uint64_t>(step(b == 31, false)) << b;
    for (const bool tms : {true, false}) step(tms, false);
    ASSERT_EQ(out, 0x17e55001U);
  }
}

TEST_F(Jtag, TellsItsVersionAndRefusesAccessesThatComeTooSoon) {
  test_reset();
  EXPECT_EQ(dtmcs(), 0x7071U) << "version 1, 7 address bits, no error, 7 idle cycles";
  set(kControl, kActive);
  slowest_delay_ = 1;
  ready_ = 0;  // the network stands
  dmi(1, kStatus);
  EXPECT_EQ(dmi(0).op, 3U);
  EXPECT_EQ(dtmcs() >> 10 & 3U, 3U);
  ready_ = 1;
  run(500);
  EXPECT_EQ(dmi(0).op, 3U) << "sticky";
  EXPECT_EQ(dmi(2, kData0, 77).op, 3U) << "and accesses are dropped";
  dtmcs(1U << 16);
  EXPECT_EQ(dtmcs() >> 10 & 3U, 0U);
  const Dmi late = dmi(0);
  EXPECT_EQ(late.op, 0U);
  EXPECT_EQ(late.data, kVersion | kAuthenticated | kRunning | kHaveReset)
      << "the answer of the first one";
  EXPECT_EQ(get(kData0), 0U);
}

TEST_F(Jtag, ForgetsAnAccessOnRequest) {
  test_reset();
  set(kControl, kActive);
  set(kData0, 0x1234'5678);
  EXPECT_EQ(get(kData0), 0x1234'5678U);
  ready_ = 0;
  dmi(1, kStatus);
  dtmcs(1U << 17);  // hard reset
  ready_ = 1;
  run(500);
  const Dmi answer = dmi(0);
  EXPECT_EQ(answer.op, 0U) << "no error";
  EXPECT_EQ(answer.data, 0x1234'5678U) << "the answer of the access was dropped";
  EXPECT_EQ(get(kStatus) & 0xffU, kVersion | kAuthenticated);
}

TEST_F(Jtag, SleepsUnlessItsPinsMove) {
  test_reset();
  EXPECT_TRUE(run_until([this] { return dut().idle_o != 0; }, 20));
  dut().jtag_tms_i = 0;
  dut().jtag_tdi_i = 1;
  run(3);
  EXPECT_TRUE(dut().idle_o) << "without an edge they mean nothing";
  dut().jtag_tck_i = 0;
  dut().eval();
  EXPECT_FALSE(dut().idle_o) << "in the same cycle";
  EXPECT_TRUE(run_until([this] { return dut().idle_o != 0; }, 20));
  set(kControl, kActive);
  dmi(1, kStatus);
  ready_ = 0;
  run(20);
  EXPECT_FALSE(dut().idle_o) << "an access is under way";
  ready_ = 1;
  EXPECT_TRUE(run_until([this] { return dut().idle_o != 0; }, 300));
  dut().jtag_trst_ni = 0;
  dut().eval();
  EXPECT_FALSE(dut().idle_o);
}

}  // namespace
