// SPDX-License-Identifier: Apache-2.0
/// Mixes of RTL and TLM models: whatever stands for a part of the chip, programs do the same and
/// leave the same bytes in HBM.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "apps/apps_abi.h"
#include "models.hpp"
#include "tessera/host.hpp"
#include "tessera_abi.h"

namespace tsr {
namespace {

constexpr std::size_t kHeapBytes = 256 * 1024;

/// The chip's HBM as far as these jobs use it, and the cycles of the kernels.
struct Outcome {
  std::vector<std::uint8_t> memory;
  std::vector<std::uint64_t> cycles;
};

std::vector<std::uint8_t> random_bytes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<std::uint8_t> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng());
  return bytes;
}

/// BF16 numbers of moderate size.
std::vector<std::uint8_t> random_bf16(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<std::uint8_t> bytes(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::uint16_t>((rng() & 0x807f) | (124 + rng() % 6) << 7);
    std::memcpy(bytes.data() + 2 * i, &value, 2);
  }
  return bytes;
}

/// A GEMM that spreads its operands over all tiles, with bias and ReLU.
std::uint64_t gemm(Platform& chip, std::uint64_t base) {
  constexpr std::uint32_t kM = 40, kN = 56, kK = 96;
  tsr_gemm_args_t args{};
  args.m = kM;
  args.n = kN;
  args.k = kK;
  args.format = TSR_GEMM_BF16;
  args.flags = TSR_GEMM_BIAS | TSR_GEMM_RELU;
  args.lda = args.ldb = 2 * kK;
  args.ldc = 4 * kN;
  args.a = base;
  args.b = base + 0x4000;
  args.bias = base + 0x8000;
  args.c = base + 0xa000;
  const auto a = random_bf16(kM * kK, 1), b = random_bf16(kN * kK, 2),
             bias = random_bf16(2 * kN, 3);
  chip.write(args.a, a.data(), a.size());
  chip.write(args.b, b.data(), b.size());
  chip.write(args.bias, bias.data(), bias.size());
  return chip.run("kernel_gemm", chip.all_tiles(), args).cycles;
}

Outcome run(const std::string& models) {
  PlatformOptions options;
  options.max_cycles = 5'000'000;
  options.models = parse_models(models);
  auto chip = Platform::open("t4", options);
  chip->load();
  const std::uint64_t base = chip->allocate(kHeapBytes, 4096);
  const auto before = random_bytes(kHeapBytes, 9);
  chip->write(base, before.data(), before.size());
  Outcome outcome;
  outcome.cycles.push_back(gemm(*chip, base));
  outcome.memory.resize(kHeapBytes);
  chip->read(base, outcome.memory.data(), outcome.memory.size());
  return outcome;
}

const Outcome& rtl() {
  static const Outcome outcome = run("rtl");
  return outcome;
}

class TlmMix : public ::testing::TestWithParam<const char*> {};

TEST_P(TlmMix, LeavesTheSameBytesAsRtl) {
  const Outcome outcome = run(GetParam());
  EXPECT_TRUE(outcome.memory == rtl().memory);
  for (std::size_t i = 0; i < rtl().cycles.size(); ++i) {
    const auto cycles = static_cast<double>(rtl().cycles[i]);
    EXPECT_NEAR(static_cast<double>(outcome.cycles[i]), cycles, 0.1 * cycles);
  }
}

INSTANTIATE_TEST_SUITE_P(, TlmMix,
                         ::testing::Values("tlm", "tlm noc=rtl", "tlm hbm=rtl", "tlm ctl=rtl",
                                           "tlm tile=rtl", "tlm 1,1=rtl", "1,2=tlm", "noc=tlm",
                                           "hbm=tlm", "0,3=tlm", "noc=tlm 0,3=tlm 1,1=tlm"));

TEST(TlmChip, ThreadsChangeNothing) {
  std::vector<std::uint64_t> cycles;
  for (const unsigned threads : {1U, 2U}) {
    PlatformOptions options;
    options.threads = threads;
    options.models = parse_models("tile=tlm 0,1=rtl 1,1=rtl 0,2=rtl hbm=tlm");
    auto chip = Platform::open("t4", options);
    chip->load();
    cycles.push_back(gemm(*chip, chip->allocate(kHeapBytes, 4096)));
    cycles.push_back(chip->cycle());
  }
  EXPECT_EQ(cycles[0], cycles[2]);
  EXPECT_EQ(cycles[1], cycles[3]);
}

TEST(TlmChip, EndsAtTheCycleLimit) {
  PlatformOptions options;
  options.models = tlm_models();
  options.max_cycles = 100'000;
  auto chip = Platform::open("t4", options);
  try {
    chip->load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::Timeout) << error.what();
    EXPECT_EQ(chip->cycle(), 100'000U);
  }
}

TEST(TlmModels, SayWhatTheyAre) {
  const Config config = load_config("t4");
  EXPECT_EQ(parse_models("").to_text(config), "rtl");
  EXPECT_EQ(parse_models("tlm").to_text(config), "tlm");
  EXPECT_EQ(parse_models("tlm noc=rtl 1,2=rtl").to_text(config),
            "noc rtl, ctl tlm, hbm tlm, tile tlm, 1,2 rtl");
  EXPECT_EQ(parse_models("tile=tlm 1,2=rtl").of(config, {1, 2}), Fidelity::Rtl);
  EXPECT_EQ(parse_models("tile=tlm 1,2=rtl").of(config, {1, 1}), Fidelity::Tlm);
  for (const char* bad : {"fast", "noc=", "1,=tlm", "x=tlm"}) {
    EXPECT_THROW(parse_models(bad), InputError) << bad;
  }
  EXPECT_THROW(check_models(config, parse_models("0,0=tlm")), InputError);
  EXPECT_THROW(check_models(config, parse_models("9,9=tlm")), InputError);
}

}  // namespace
}  // namespace tsr
