// SPDX-License-Identifier: Apache-2.0
/// Tile programs through the host library: the drivers' self test on the simulated cores, data
/// movement, queued launches.
#include <fmt/format.h>

#include <random>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

std::unique_ptr<Platform> boot(const std::string& name, PlatformOptions options = {}) {
  if (options.max_cycles == 0) options.max_cycles = 5'000'000;
  auto chip = Platform::open("t4", std::move(options));
  chip->load(app(name));
  return chip;
}

TEST(EndToEndProgram, DriversPassTheirSelfTestOnEveryTile) {
  auto chip = boot("selftest");
  tsr_selftest_args_t args{};
  args.address = chip->allocate(TSR_SELFTEST_BYTES * chip->config().tiles.size());
  const auto failure = failure_of([&] {
    for (int round = 0; round < 2; ++round) chip->run("kernel_main", chip->all_tiles(), args);
  });
  EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
}

TEST(EndToEndProgram, EveryEngineWorksAgainAfterEveryError) {
  auto chip = boot("recover");
  tsr_selftest_args_t args{};
  args.address = chip->allocate(TSR_SELFTEST_BYTES * chip->config().tiles.size());
  const auto failure = failure_of([&] { chip->run("kernel_main", chip->all_tiles(), args); });
  EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
}

TEST(EndToEndProgram, HelloWritesFromTheTilesOfAnyRectangle) {
  auto chip = boot("hello");
  const Rect all = chip->all_tiles();
  for (unsigned x0 = all.lo.x; x0 <= all.hi.x; ++x0) {
    for (unsigned y0 = all.lo.y; y0 <= all.hi.y; ++y0) {
      const Rect tiles{{x0, y0}, all.hi};
      const auto count = (all.hi.x - x0 + 1) * (all.hi.y - y0 + 1);
      tsr_hello_args_t args{};
      args.address = chip->allocate(256);
      const std::vector<std::uint32_t> zeros(64);
      chip->write(args.address, zeros.data(), 256);
      chip->run("kernel_main", tiles, args);
      for (std::uint32_t i = 0; i < 5; ++i) {
        EXPECT_EQ(chip->read32(args.address + 4 * i), i < count ? TSR_HELLO_WORD + i : 0U)
            << i << " of " << count;
      }
    }
  }
  EXPECT_NE(chip->uart_text().find("tiles ready: 00000004"), std::string::npos)
      << chip->uart_text();
}

TEST(EndToEndProgram, MemcpyMovesEveryByteAndNoOther) {
  auto chip = boot("memcpy");
  std::mt19937_64 rng(seed());
  for (const std::uint32_t bytes : {1U, 3U, 63U, 257U, 5001U, 40'000U}) {
    std::vector<std::uint8_t> source(bytes), around(bytes + 512, 0x5a);
    for (auto& byte : source) byte = static_cast<std::uint8_t>(rng());
    const auto from = chip->allocate(bytes + 64) + rng() % 64;
    const auto frame = chip->allocate(around.size());
    const auto skew = 128 + rng() % 256;
    chip->write(from, source.data(), source.size());
    chip->write(frame, around.data(), around.size());
    tsr_memcpy_args_t args{};
    args.src = from;
    args.dst = frame + skew;
    args.bytes = bytes;
    chip->run("kernel_main", chip->all_tiles(), args);
    auto expected = around;
    std::copy(source.begin(), source.end(), expected.begin() + static_cast<std::ptrdiff_t>(skew));
    chip->read(frame, around.data(), around.size());
    EXPECT_TRUE(around == expected) << bytes << " bytes to " << fmt::format("{:#x}", args.dst);
  }
}

TEST(EndToEndProgram, SeedChangesNoResult) {
  for (const std::uint64_t value : {2ULL, 0xffff'ffff'ffffULL}) {
    PlatformOptions options;
    options.seed = value;
    auto chip = boot("hello", options);
    tsr_hello_args_t args{};
    args.address = chip->allocate(256);
    chip->run("kernel_main", chip->all_tiles(), args);
    EXPECT_EQ(chip->read32(args.address + 12), TSR_HELLO_WORD + 3);
  }
}

TEST(EndToEndProgram, HostMistakesAreRefusedAndTheChipWorksOn) {
  auto chip = boot("hello");
  tsr_hello_args_t args{};
  args.address = chip->allocate(256);
  const std::vector<std::uint8_t> many(193);
  const Rect all = chip->all_tiles();
  const struct {
    const char* message;
    std::function<void()> call;
  } cases[] = {
      {"no kernel 'kernel_none'. There is: kernel_main",
       [&] { chip->run("kernel_none", all, args); }},
      {"no kernel 'main'", [&] { chip->run("main", all, args); }},
      {"193 bytes of arguments",
       [&] { chip->launch("kernel_main", all, many.data(), many.size()); }},
      {"rectangle",
       [&] {
         chip->run("kernel_main", Rect{{0, 0}, {1, 1}}, args);
       }},
      {"rectangle",
       [&] {
         chip->run("kernel_main", Rect{{1, 2}, {0, 1}}, args);
       }},
      {"wait for launch 99", [&] { chip->wait(99); }},
      {"not the start of an allocation", [&] { chip->free(args.address + 1); }},
      {"no room for", [&] { chip->allocate(1ULL << 40); }},
      {"not a power of two", [&] { chip->allocate(64, 3); }},
      {"already", [&] { chip->load(app("hello")); }},
      {"already open", [] { Platform::open("t4"); }},
  };
  for (const auto& bad : cases) {
    const auto failure = failure_of(bad.call);
    EXPECT_EQ(failure.code, ExitCode::BadInput) << bad.message << ": " << failure;
    EXPECT_TRUE(failure.says(bad.message)) << bad.message << ": " << failure;
    const auto next = failure_of([&] { chip->run("kernel_main", all, args); });
    EXPECT_EQ(next.code, ExitCode::Ok) << next << "\nafter: " << bad.message;
  }
}

TEST(EndToEndProgram, PlatformThatCannotBeOpenedDoesNotBlockTheNext) {
  PlatformOptions options;
  options.trace_file = "/nonexistent/waves.fst";
  const auto failure = failure_of([&] { Platform::open("t4", options); });
  EXPECT_EQ(failure.code, ExitCode::BadInput) << failure;
  EXPECT_TRUE(failure.says("/nonexistent/waves.fst: the trace file cannot be written")) << failure;
  EXPECT_EQ(failure_of([] { Platform::open("t5"); }).code, ExitCode::BadInput);
  auto chip = Platform::open("t4");
  chip->advance(100);
  EXPECT_EQ(chip->cycle(), 100U);
}

}  // namespace
}  // namespace tsr::e2e
