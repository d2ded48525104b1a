// SPDX-License-Identifier: Apache-2.0
/// The special functions' RTL package against numerics/special.hpp, bit for bit.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "Vtsr_sfu_bench.h"
#include "common/bench.hpp"
#include "numerics/special.hpp"

namespace tsr::tb {
namespace {

constexpr const char* kNames[8] = {"exp2", "log2", "rcp", "rsqrt", "tanh", "sin", "cos", "phi"};

/// Multiplies the random counts: TSR_SCALE, or 1.
int scale_from_env() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? std::atoi(text) : 1;
}

class Sfu : public testing::Test {
 protected:
  void SetUp() override {
    rng_.seed(seed_from_env());
    fmt::print("seed {} (set TSR_SEED to change it)\n", seed_from_env());
  }

  /// All eight functions of `a`, in steps and at once.
  void check(std::uint32_t a) {
    dut_.a_i = a;
    dut_.eval();
    for (int f = 0; f < 8; ++f) {
      const std::uint32_t expected = numerics::special(static_cast<numerics::Special>(f), a);
      ASSERT_EQ(dut_.y_o[f], expected) << fmt::format("{}({:08x}) = {:08x}, expected {:08x}",
                                                      kNames[f], a, dut_.y_o[f], expected);
      ASSERT_EQ(dut_.eval_o[f], expected) << fmt::format("sfu_eval {}({:08x})", kNames[f], a);
    }
  }

  Vtsr_sfu_bench dut_;
  std::mt19937_64 rng_;
};

TEST_F(Sfu, EveryBf16Argument) {
  for (std::uint32_t a = 0; a < 0x10000; ++a) {
    check(a << 16);
    if (HasFatalFailure()) return;
  }
}

TEST_F(Sfu, EdgesOfEveryBinadeAndOfEveryInterval) {
  for (std::uint32_t high = 0; high < 0x1'0000; ++high) {
    // Seven fraction bits choose the interval of most tables.
    for (const std::uint32_t low : {1U, 0xffffU}) {
      check(high << 16 | low);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(Sfu, RandomArguments) {
  const int count = 2'000'000 * scale_from_env();
  for (int i = 0; i < count; ++i) {
    auto a = static_cast<std::uint32_t>(rng_());
    // Half of them where the functions have their shape: 2^-14 to 2^8.
    if (i % 2 != 0) a = (a & 0x807f'ffff) | static_cast<std::uint32_t>(113 + rng_() % 23) << 23;
    check(a);
    if (HasFatalFailure()) return;
  }
}

TEST_F(Sfu, RandomSubnormalArguments) {
  const int count = 200'000 * scale_from_env();
  for (int i = 0; i < count; ++i) {
    const auto a = static_cast<std::uint32_t>(rng_());
    check((a & 0x807f'ffff) >> (a >> 23 & 15));
    check((a & 0x7f'ffff) >> (a >> 23 & 15));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tsr::tb
