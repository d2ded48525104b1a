// SPDX-License-Identifier: Apache-2.0
/// Address mapping (C++ against RTL), DFI packing (C++ against RTL), and the device's back door.
#include "dram/dram_device.hpp"

#include <Vhbm_map.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "common/bench.hpp"
#include "dram/dfi.hpp"
#include "dram/dram_profile.hpp"

namespace tsr {
namespace {

class HbmMap : public tb::Bench<Vhbm_map> {};

TEST_F(HbmMap, CppEqualsRtlAndInverts) {
  for (int i = 0; i < 200000; ++i) {
    const std::uint64_t offset =
        i < 4096 ? static_cast<std::uint64_t>(i) * 8 : rand_in(0, kDramNodeBytes - 1);
    const DramAddress a = dram_address(offset);
    dut().offset_i = static_cast<std::uint32_t>(offset);
    dut().eval();
    ASSERT_EQ(dut().pc_o, a.pc) << offset;
    ASSERT_EQ(dut().bank_o, a.bank) << offset;
    ASSERT_EQ(dut().row_o, a.row) << offset;
    ASSERT_EQ(dut().col_o, a.col) << offset;
    ASSERT_EQ(dram_offset(a), offset & ~std::uint64_t{kDramAtomBytes - 1});
  }
}

TEST_F(HbmMap, GranuleHasTwoBlocksInOneRowOfEachChannel) {
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t granule = rand_in(0, kDramNodeBytes / 256 - 1) * 256;
    unsigned blocks[kDramPcs] = {0, 0};
    const DramAddress first[kDramPcs] = {dram_address(granule), dram_address(granule + 64)};
    for (unsigned b = 0; b < 4; ++b) {
      const DramAddress a = dram_address(granule + b * 64);
      ++blocks[a.pc];
      const DramAddress& peer = first[0].pc == a.pc ? first[0] : first[1];
      EXPECT_EQ(a.bank, peer.bank);
      EXPECT_EQ(a.row, peer.row);
    }
    ASSERT_EQ(blocks[0], 2U);
    ASSERT_EQ(blocks[1], 2U);
  }
}

TEST_F(HbmMap, PowerOfTwoStridesVisitAllBanks) {
  for (unsigned log2 = 15; log2 <= 25; ++log2) {
    std::set<unsigned> banks;
    for (std::uint64_t i = 0; i < 16; ++i) banks.insert(dram_address(i << log2).bank);
    EXPECT_EQ(banks.size(), kDramBanks) << "stride 2^" << log2;
  }
}

TEST_F(HbmMap, DfiPackingEqualsRtl) {
  for (int i = 0; i < 1000; ++i) {
    DfiCommand c;
    c.reset_n = chance(0.5);
    c.wdata_valid = chance(0.5);
    c.col_valid = chance(0.5);
    c.col_cmd = static_cast<ColCmd>(rand_in(0, 2));
    c.col_phase = static_cast<unsigned>(rand_in(0, 1));
    c.col_bank = static_cast<unsigned>(rand_in(0, 15));
    c.col = static_cast<unsigned>(rand_in(0, 31));
    c.row_valid = chance(0.5);
    c.row_cmd = static_cast<RowCmd>(rand_in(0, 7));
    c.row_phase = static_cast<unsigned>(rand_in(0, 1));
    c.row_bank = static_cast<unsigned>(rand_in(0, 15));
    c.row = static_cast<unsigned>(rand_in(0, kDramRows - 1));
    dut().cmd_i = c.pack();
    dut().eval();
    ASSERT_EQ(dut().reset_n_o, c.reset_n);
    ASSERT_EQ(dut().wdata_valid_o, c.wdata_valid);
    ASSERT_EQ(dut().col_valid_o, c.col_valid);
    ASSERT_EQ(dut().col_cmd_o, static_cast<unsigned>(c.col_cmd));
    ASSERT_EQ(dut().col_phase_o, c.col_phase);
    ASSERT_EQ(dut().col_bank_o, c.col_bank);
    ASSERT_EQ(dut().cmd_col_o, c.col);
    ASSERT_EQ(dut().row_valid_o, c.row_valid);
    ASSERT_EQ(dut().row_cmd_o, static_cast<unsigned>(c.row_cmd));
    ASSERT_EQ(dut().row_phase_o, c.row_phase);
    ASSERT_EQ(dut().row_bank_o, c.row_bank);
    ASSERT_EQ(dut().cmd_row_o, c.row);
    ASSERT_EQ(DfiCommand::unpack(c.pack()).pack(), c.pack());
  }
}

TEST_F(HbmMap, RandomErrorsComeAtTheirRateAndFromTheirSeed) {
  for (const double rate : {1e-2, 1e-4, 1e-6}) {
    constexpr std::uint64_t kAtoms = 1'000'000;
    BitErrors errors, same, other;
    errors.set_rate(rate, 5);
    same.set_rate(rate, 5);
    other.set_rate(rate, 6);
    std::uint64_t differences = 0;
    std::set<unsigned> bits;
    for (std::uint64_t atom = 0; atom < kAtoms; ++atom) {
      differences += errors.due() != other.due();
      for (; errors.due(); bits.insert(errors.next())) {
        ASSERT_TRUE(same.due());
        same.next();
      }
      while (other.due()) other.next();
      errors.pass();
      same.pass();
      other.pass();
    }
    const double expected = rate * kEccCodeBits * kAtoms;
    EXPECT_NEAR(static_cast<double>(errors.count()), expected, 6 * std::sqrt(expected));
    EXPECT_EQ(same.count(), errors.count());
    EXPECT_GT(differences, 0U);
    EXPECT_LT(*bits.rbegin(), kEccCodeBits);
    if (rate > 1e-5) EXPECT_EQ(bits.size(), kEccCodeBits) << "every bit is hit";
  }
  BitErrors none;
  EXPECT_FALSE(none.any());
  EXPECT_FALSE(none.due());
}

TEST_F(HbmMap, BrokenCellsInvertWhatIsRead) {
  BitErrors errors;
  errors.break_cell(7, 0);
  errors.break_cell(7, 260);
  EXPECT_TRUE(errors.any());
  DramAtom data{1, 2, 3, 4};
  std::uint16_t side = 0;
  errors.apply(8, data, side);
  EXPECT_EQ(data, (DramAtom{1, 2, 3, 4}));
  errors.apply(7, data, side);
  EXPECT_EQ(data, (DramAtom{0, 2, 3, 4}));
  EXPECT_EQ(side, 1U << 4);
  EXPECT_EQ(errors.count(), 2U);
}

TEST_F(HbmMap, FlipsHitTheNamedBit) {
  DramDevice device(load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/hbm3-6400.toml").timing);
  device.flip(4096 + 5, 70);
  DramAtom atom;
  device.read(4096, atom.data(), sizeof atom);
  EXPECT_EQ(atom, (DramAtom{0, 64, 0, 0}));
  EXPECT_EQ(device.side(4096), 0);
  device.flip(4096, 257);
  EXPECT_EQ(device.side(4096), 2);
  std::uint8_t byte = 1;
  device.write(4096, &byte, 1);
  device.read(4096, atom.data(), sizeof atom);
  EXPECT_EQ(device.side(4096), ecc_side(atom)) << "a write by the back door makes it good again";
  EXPECT_THROW(device.flip(0, kEccCodeBits), std::out_of_range);
  EXPECT_THROW(device.break_cell(kDramNodeBytes, 0), std::out_of_range);
}

// A device whose controller was not clocked is where one is that saw nothing but idle cycles, and
// says the same at the same clocks.
TEST_F(HbmMap, TimePassesAsInSteps) {
  const auto timing = load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/hbm3-6400.toml").timing;
  DramDevice stepped(timing), passed(timing);
  const auto both = [&](const DfiCommand& command) {
    std::array<DfiIn, kDramPcs> in{};
    std::array<DfiOut, kDramPcs> out{};
    for (auto& channel : in) channel.command = command.pack();
    stepped.step(in.data(), out.data());
    passed.step(in.data(), out.data());
  };
  const auto wait = [&](std::uint64_t cycles) {
    std::array<DfiIn, kDramPcs> in{};
    std::array<DfiOut, kDramPcs> out{};
    for (auto& channel : in) channel.command = DfiCommand().pack();
    for (std::uint64_t i = 0; i < cycles; ++i) stepped.step(in.data(), out.data());
    passed.pass(cycles);
  };
  const auto row = [&](RowCmd cmd, unsigned bank, unsigned value) {
    DfiCommand command;
    command.row_valid = true;
    command.row_cmd = cmd;
    command.row_bank = bank;
    command.row = value;
    both(command);
  };
  DfiCommand reset;
  reset.reset_n = false;
  both(reset);
  wait(5000);
  EXPECT_EQ(passed.next_deadline(), ~0ULL);
  row(RowCmd::kMrs, kMrCl, static_cast<unsigned>(timing.cl));
  wait(20);
  row(RowCmd::kMrs, kMrCwl, static_cast<unsigned>(timing.cwl));
  wait(20);
  row(RowCmd::kMrs, kMrEnable, 1);
  wait(20);
  // The deadline comes nine intervals after the refresh, and is reported in its cycle.
  row(RowCmd::kRefAb, 0, 0);
  const std::uint64_t deadline = passed.next_deadline();
  ASSERT_NE(deadline, ~0ULL);
  wait(deadline - passed.cycle());
  EXPECT_EQ(passed.violation_count(), 0U);
  wait(1);
  EXPECT_EQ(passed.violation_count(), std::uint64_t{kDramPcs} * kDramBanks);
  for (int i = 0; i < 5; ++i) wait(rand_in(1, 8000));
  row(RowCmd::kSre, 0, 0);
  wait(100000);
  row(RowCmd::kPdx, 0, 0);
  wait(30000);
  EXPECT_EQ(stepped.cycle(), passed.cycle());
  for (unsigned p = 0; p < kDramPcs; ++p)
    EXPECT_EQ(stepped.refresh_debt(p), passed.refresh_debt(p));
  ASSERT_EQ(stepped.violation_count(), passed.violation_count());
  // Within a pass the channels come one after the other.
  const auto in_order = [](const DramDevice& device) {
    std::vector<std::string> messages;
    for (const auto& violation : device.violations()) messages.push_back(violation.message);
    std::sort(messages.begin(), messages.end());
    return messages;
  };
  EXPECT_GT(in_order(stepped).size(), 200U);
  EXPECT_EQ(in_order(stepped), in_order(passed));
}

TEST_F(HbmMap, NoTimePassesWithDataUnderWay) {
  DramDevice device(load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/hbm3-6400.toml").timing);
  DfiCommand read;
  read.col_valid = true;
  read.col_cmd = ColCmd::kMrr;
  std::array<DfiIn, kDramPcs> in{};
  std::array<DfiOut, kDramPcs> out{};
  for (auto& channel : in) channel.command = read.pack();
  device.step(in.data(), out.data());
  device.clear_violations();
  device.pass(1);
  ASSERT_EQ(device.violation_count(), std::uint64_t{kDramPcs});
  EXPECT_EQ(device.violations()[0].rule, "DataUnderWay");
}

TEST_F(HbmMap, BackDoorReadsWhatItWrote) {
  DramDevice device(load_dram_profile(std::string(TSR_DRAM_PROFILES) + "/hbm3-6400.toml").timing);
  const std::uint64_t base = 12345;
  std::vector<std::uint8_t> reference(70000);
  std::vector<std::uint8_t> back(reference.size(), 0xee);
  device.read(base, back.data(), back.size());
  EXPECT_EQ(back, reference) << "unwritten memory reads as zero";
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t at = rand_in(0, reference.size() - 1);
    const std::uint64_t bytes = rand_in(0, std::min<std::uint64_t>(3000, reference.size() - at));
    for (std::uint64_t b = 0; b < bytes; ++b) {
      reference[at + b] = static_cast<std::uint8_t>(rng()());
    }
    device.write(base + at, reference.data() + at, bytes);
  }
  device.read(base, back.data(), back.size());
  EXPECT_EQ(back, reference);
  std::uint8_t byte = 0x5a;
  device.write(kDramNodeBytes - 1, &byte, 1);
  byte = 0;
  device.read(kDramNodeBytes - 1, &byte, 1);
  EXPECT_EQ(byte, 0x5a);
  EXPECT_THROW(device.write(kDramNodeBytes, &byte, 1), std::out_of_range);
  EXPECT_THROW(device.read(kDramNodeBytes - 1, back.data(), 2), std::out_of_range);
}

}  // namespace
}  // namespace tsr
