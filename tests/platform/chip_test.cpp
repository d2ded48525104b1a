// SPDX-License-Identifier: Apache-2.0
/// The whole RTL chip through the host library, before any program is loaded: host port, registers
/// of every node, HBM, errors, threads, traces.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "regs/hbm_regs.hpp"
#include "regs/tile_regs.hpp"
#include "tessera/host.hpp"

namespace tsr {
namespace {

constexpr std::uint32_t kRegs = 0x0002'0000;

/// Error code of what `call` throws.
template <class Call>
ExitCode code_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::Ok;
}

/// Wait until HBM answers: the boot ROM initializes it.
void wait_for_hbm(Platform& chip) {
  for (const Node node : chip.config().memories) {
    const auto status = node_address(node, kRegs + regs::hbm::kStatusOffset);
    for (int i = 0; i < 200 && (chip.read32(status) & 1) == 0; ++i) chip.advance(500);
    ASSERT_EQ(chip.read32(status) & 3, 1U);
  }
}

TEST(PlatformChip, HostReachesTheRegistersOfEveryNode) {
  auto chip = Platform::open("t4");
  for (const Node tile : chip->config().tiles) {
    const auto id = chip->read32(node_address(tile, kRegs + regs::tile::kIdOffset));
    EXPECT_EQ(id & 0x3f, tile.x);
    EXPECT_EQ(id >> 8 & 0x3f, tile.y);
    EXPECT_EQ(id >> 20, static_cast<unsigned>(chip->config().spm_kib));
    const auto scratch = node_address(tile, kRegs + regs::tile::kScratchOffset);
    chip->write32(scratch, 0x1234'0000 + tile.y * 64 + tile.x);
  }
  for (const Node tile : chip->config().tiles) {
    const auto scratch = node_address(tile, kRegs + regs::tile::kScratchOffset);
    EXPECT_EQ(chip->read32(scratch), 0x1234'0000 + tile.y * 64 + tile.x);
  }
}

TEST(PlatformChip, HbmKeepsWhatTheHostWrites) {
  auto chip = Platform::open("t4");
  wait_for_hbm(*chip);
  std::vector<std::uint8_t> data(5000);
  std::iota(data.begin(), data.end(), 3);
  const auto at = chip->allocate(data.size() + 64);
  for (const unsigned skew : {0U, 1U, 37U}) {
    chip->write(at + skew, data.data(), data.size());
    std::vector<std::uint8_t> back(data.size());
    chip->read(at + skew, back.data(), back.size());
    EXPECT_TRUE(back == data) << skew;
  }
}

TEST(PlatformChip, TileMemoryKeepsWhatTheHostWrites) {
  auto chip = Platform::open("t4");
  const Node tile = chip->config().tiles.back();
  std::vector<std::uint8_t> data(1000);
  std::iota(data.begin(), data.end(), 9);
  for (const std::uint32_t local : {0x0100'0000U, 0x0001'0000U, 0x0U}) {
    chip->write(node_address(tile, local), data.data(), data.size());
    std::vector<std::uint8_t> back(data.size());
    chip->read(node_address(tile, local), back.data(), back.size());
    EXPECT_TRUE(back == data) << fmt::format("{:#x}", local);
  }
}

TEST(PlatformChip, BadAddressesGetErrorsAndNothingHangs) {
  auto chip = Platform::open("t4");
  wait_for_hbm(*chip);
  const Node bare{1, 0};
  EXPECT_EQ(code_of([&] { chip->read32(node_address(bare, 0)); }), ExitCode::ChipFault);
  EXPECT_EQ(code_of([&] { chip->read32(node_address({5, 5}, 0)); }), ExitCode::ChipFault);
  EXPECT_EQ(code_of([&] { chip->read32(hbm_address(chip->config().straps().hbm_bytes())); }),
            ExitCode::ChipFault);
  EXPECT_EQ(code_of([&] { chip->write32(node_address(chip->config().tiles[0], 0x0f00'0000), 1); }),
            ExitCode::ChipFault);
  EXPECT_EQ(code_of([&] { chip->read32(9ULL << 52); }), ExitCode::ChipFault);
  const auto id = node_address(chip->config().tiles[0], kRegs + regs::tile::kIdOffset);
  EXPECT_EQ(code_of([&] { chip->read32(id); }), ExitCode::Ok) << "the chip works on";
  try {
    chip->read32(node_address(bare, 0x40));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("nothing answers at this address"), std::string::npos)
        << error.what();
  }
}

TEST(PlatformChip, CycleLimitEndsTheRun) {
  PlatformOptions options;
  options.max_cycles = 300;
  auto chip = Platform::open("t4", options);
  EXPECT_EQ(code_of([&] {
              for (;;) chip->advance(1000);
            }),
            ExitCode::Timeout);
  EXPECT_EQ(chip->cycle(), 300U);
}

TEST(PlatformChip, ThreadsGiveTheSameCyclesAndData) {
  std::vector<std::vector<std::uint64_t>> runs;
  for (const unsigned threads : {1U, 2U}) {
    PlatformOptions options;
    options.threads = threads;
    auto chip = Platform::open("t4", options);
    wait_for_hbm(*chip);
    std::vector<std::uint64_t> log;
    std::vector<std::uint32_t> data(500);
    for (std::uint32_t i = 0; i < 5; ++i) {
      std::iota(data.begin(), data.end(), i);
      chip->write(hbm_address(4096 * i), data.data(), 4 * data.size());
      chip->read(hbm_address(4096 * i), data.data(), 4 * data.size());
      log.push_back(chip->cycle());
      log.push_back(data[i]);
    }
    runs.push_back(log);
  }
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(PlatformChip, OnlyOnePlatformAtATime) {
  auto chip = Platform::open("t4");
  EXPECT_EQ(code_of([] { Platform::open("t4"); }), ExitCode::BadInput);
  chip.reset();
  EXPECT_EQ(code_of([] { Platform::open("t4"); }), ExitCode::Ok);
}

TEST(PlatformChip, WritesWavesAsFstAndVcd) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("tsr_chip_test_{}", getpid());
  std::filesystem::create_directories(folder);
  PlatformOptions options;
  options.trace_file = (folder / "chip.fst").string();
  options.vcd_file = (folder / "chip.vcd").string();
  options.trace_from = 10;
  options.trace_to = 40;
  {
    auto chip = Platform::open("t4", options);
    chip->advance(60);
  }
  std::ifstream vcd(folder / "chip.vcd");
  const std::string text{std::istreambuf_iterator<char>(vcd), {}};
  for (const char* scope : {"tile_0_1", "router_1_2", "ctl_0_0", "mem_1_3", "bare_1_0"}) {
    EXPECT_NE(text.find(scope), std::string::npos) << scope;
  }
  EXPECT_NE(text.find("#12500\n"), std::string::npos) << "cycle 10 begins at 12.5 ns";
  EXPECT_EQ(text.find("#52500\n"), std::string::npos) << "cycle 42 is outside the window";
  std::filesystem::remove_all(folder);
}

TEST(PlatformChip, MissingProgramsAreRefused) {
  auto chip = Platform::open("t4");
  EXPECT_EQ(code_of([&] { chip->load("/nonexistent.elf"); }), ExitCode::BadInput);
  const std::uint32_t none = 0;
  EXPECT_EQ(code_of([&] { chip->launch("kernel_x", chip->all_tiles(), &none, 4); }),
            ExitCode::BadInput);
  EXPECT_EQ(code_of([&] { chip->free(77); }), ExitCode::BadInput);
  EXPECT_EQ(code_of([&] { chip->allocate(1ULL << 40); }), ExitCode::BadInput);
}

}  // namespace
}  // namespace tsr
