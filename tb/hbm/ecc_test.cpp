// SPDX-License-Identifier: Apache-2.0
/// Error correction code: RTL against the C++ encoder, every single and every double error.
#include "dram/ecc.hpp"

#include <Vhbm_ecc.h>

#include "common/bench.hpp"

namespace tsr {
namespace {

class HbmEcc : public tb::Bench<Vhbm_ecc> {
 protected:
  DramAtom random_atom() { return {rng()(), rng()(), rng()(), rng()()}; }

  void judge(const DramAtom& data, std::uint16_t side) {
    for (unsigned i = 0; i < 4; ++i) {
      dut().data_i[2 * i] = static_cast<std::uint32_t>(data[i]);
      dut().data_i[2 * i + 1] = static_cast<std::uint32_t>(data[i] >> 32);
    }
    dut().side_i = side;
    dut().eval();
  }
  DramAtom corrected() {
    DramAtom data;
    for (unsigned i = 0; i < 4; ++i) {
      data[i] = dut().data_o[2 * i] | static_cast<std::uint64_t>(dut().data_o[2 * i + 1]) << 32;
    }
    return data;
  }
};

TEST_F(HbmEcc, RtlEncodesAsCpp) {
  for (int i = 0; i < 20000; ++i) {
    DramAtom data = random_atom();
    if (i < 256) data = {};
    if (i < 256) data[static_cast<unsigned>(i) / 64] = std::uint64_t{1} << (i % 64);
    const bool poison = chance(0.3);
    dut().poison_i = poison;
    judge(data, 0);
    ASSERT_EQ(dut().side_o, ecc_side(data, poison));
  }
}

TEST_F(HbmEcc, GoodAtomsPass) {
  for (int i = 0; i < 1000; ++i) {
    const DramAtom data = i == 0 ? DramAtom{} : random_atom();
    const bool poison = i != 0 && chance(0.5);
    judge(data, i == 0 ? 0 : ecc_side(data, poison));
    ASSERT_EQ(corrected(), data);
    ASSERT_EQ(dut().poison_o, poison);
    ASSERT_FALSE(dut().fixed_o || dut().lost_o);
  }
}

TEST_F(HbmEcc, EverySingleErrorIsCorrected) {
  for (int i = 0; i < 20; ++i) {
    const DramAtom good = random_atom();
    const bool poison = i % 2 != 0;
    for (unsigned bit = 0; bit < kEccCodeBits; ++bit) {
      DramAtom data = good;
      std::uint16_t side = ecc_side(good, poison);
      ecc_flip(data, side, bit);
      judge(data, side);
      ASSERT_EQ(corrected(), good) << "bit " << bit;
      ASSERT_TRUE(dut().fixed_o) << "bit " << bit;
      ASSERT_FALSE(dut().lost_o) << "bit " << bit;
      ASSERT_EQ(dut().poison_o, poison) << "bit " << bit;
    }
  }
}

TEST_F(HbmEcc, EveryDoubleErrorIsDetectedOrCorrected) {
  for (const bool poison : {false, true}) {
    const DramAtom good = random_atom();
    for (unsigned first = 0; first < kEccCodeBits; ++first) {
      for (unsigned second = first + 1; second < kEccCodeBits; ++second) {
        DramAtom data = good;
        std::uint16_t side = ecc_side(good, poison);
        ecc_flip(data, side, first);
        ecc_flip(data, side, second);
        judge(data, side);
        // The copies of the poison mark have a majority of their own.
        const bool coded = second < kEccDataBits + kEccCheckBits;
        ASSERT_EQ(dut().lost_o, coded) << first << " " << second;
        ASSERT_EQ(dut().fixed_o, !coded) << first << " " << second;
        ASSERT_EQ(dut().poison_o, poison) << first << " " << second;
        if (!coded) ASSERT_EQ(corrected(), good) << first << " " << second;
      }
    }
  }
}

}  // namespace
}  // namespace tsr
