// SPDX-License-Identifier: Apache-2.0
/// The whole chip with its firmware: boot, launches, results, and every way to fail.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "apps/apps_abi.h"
#include "engines/me.hpp"
#include "tessera/host.hpp"
#include "tessera_abi.h"

namespace tsr {
namespace {

/// t4 with a program of firmware/apps on its tiles.
std::unique_ptr<Platform> boot(const std::string& app, PlatformOptions options = {}) {
  if (options.max_cycles == 0) options.max_cycles = 3'000'000;
  auto chip = Platform::open("t4", std::move(options));
  chip->load(Platform::firmware("apps/" + app + ".elf"));
  return chip;
}

/// What a run of kernel_main on all tiles throws.
struct Failure {
  ExitCode code = ExitCode::Ok;
  std::string message;
};
template <class Args>
Failure failure_of(Platform& chip, const Args& args, std::uint32_t timeout = 0) {
  try {
    chip.run("kernel_main", chip.all_tiles(), args, timeout);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}
#define EXPECT_SAYS(failure, text) \
  EXPECT_NE((failure).message.find(text), std::string::npos) << (failure).message

const std::uint32_t kNoArgs = 0;

TEST(PlatformSystem, BootsAndEveryTileRunsTheKernel) {
  std::vector<std::string> lines;
  PlatformOptions options;
  options.uart = [&](const std::string& line) { lines.push_back(line); };
  auto chip = boot("hello", options);
  ASSERT_GE(lines.size(), 3U);
  EXPECT_NE(lines.front().find("boot ROM"), std::string::npos);
  EXPECT_EQ(chip->kernels(), std::vector<std::string>{"kernel_main"});
  tsr_hello_args_t args{};
  args.address = chip->allocate(256);
  for (int round = 0; round < 3; ++round) {  // launch after launch
    const auto done = chip->run("kernel_main", chip->all_tiles(), args);
    EXPECT_GT(done.cycles, 0U);
  }
  for (std::uint32_t i = 0; i < 4; ++i)
    EXPECT_EQ(chip->read32(args.address + 4 * i), TSR_HELLO_WORD + i);
  const Node tile = chip->config().tiles[2];
  args.address = chip->allocate(256);
  chip->run("kernel_main", {tile, tile}, args);
  EXPECT_EQ(chip->read32(args.address), TSR_HELLO_WORD);
  EXPECT_EQ(chip->read32(args.address + 4), 0U) << "only one tile ran";
}

TEST(PlatformSystem, SeveralLaunchesMayWait) {
  auto chip = boot("hello");
  tsr_hello_args_t args{};
  std::vector<std::uint64_t> results;
  std::vector<std::uint32_t> launches;
  for (int i = 0; i < 5; ++i) {
    args.address = chip->allocate(256);
    results.push_back(args.address);
    launches.push_back(chip->launch("kernel_main", chip->all_tiles(), &args, sizeof(args)));
  }
  for (const auto launch : launches) chip->wait(launch);
  for (const auto at : results) EXPECT_EQ(chip->read32(at + 12), TSR_HELLO_WORD + 3);
}

TEST(PlatformSystem, LaunchesMayOutnumberTheRing) {
  auto chip = boot("hello");
  tsr_hello_args_t args{};
  args.address = chip->allocate(256);
  for (unsigned i = 0; i < TSR_RING_ENTRIES + 3; ++i)
    chip->run("kernel_main", chip->all_tiles(), args);
  EXPECT_EQ(chip->read32(args.address), TSR_HELLO_WORD);
}

TEST(PlatformSystem, KernelFailureNamesTileAndValue) {
  auto chip = boot("hello");
  tsr_hello_args_t args{};
  args.address = chip->allocate(256);
  args.return_index = 1;
  const auto failure = failure_of(*chip, args);
  EXPECT_EQ(failure.code, ExitCode::JobFailed);
  EXPECT_SAYS(failure, "returned");
}

TEST(PlatformSystem, TrapNamesTileCausePcAndAddress) {
  const struct {
    std::uint32_t kind;
    const char* cause;
  } cases[] = {{TSR_TRAP_ILLEGAL, "illegal instruction"},
               {TSR_TRAP_LOAD, "load access fault"},
               {TSR_TRAP_STORE, "store access fault"},
               {TSR_TRAP_MISALIGNED, "load address misaligned"},
               {TSR_TRAP_FETCH, "instruction access fault"}};
  for (const auto& trap : cases) {
    auto chip = boot("fault_trap");
    const auto failure = failure_of(*chip, tsr_fault_trap_args_t{trap.kind});
    EXPECT_EQ(failure.code, ExitCode::ChipFault);
    EXPECT_SAYS(failure, "tile (0, 1): trap: ");
    EXPECT_SAYS(failure, trap.cause);
    EXPECT_SAYS(failure, "at pc 0x");
    EXPECT_SAYS(failure, "address 0x");
    if (trap.kind != TSR_TRAP_FETCH) EXPECT_SAYS(failure, "kernel_main+");
  }
}

TEST(PlatformSystem, EngineErrorsAreDecoded) {
  const struct {
    const char* app;
    const char* message;
  } cases[] = {{"fault_dma_unmapped", "nothing answers at this address"},
               {"fault_dma_forbidden", "access forbidden"},
               {"dma_zero_count", "zero elements or iterations"},
               {"dma_range", "address outside the scratchpad"},
               {"bad_opcode", "illegal opcode"}};
  for (const auto& bad : cases) {
    auto chip = boot(bad.app);
    const auto failure = failure_of(*chip, kNoArgs);
    EXPECT_EQ(failure.code, ExitCode::ChipFault) << bad.app;
    EXPECT_SAYS(failure, bad.message);
    EXPECT_SAYS(failure, "command id");
  }
}

TEST(PlatformSystem, KernelThatNeverEndsHitsTheWatchdog) {
  auto chip = boot("hang");
  const auto failure = failure_of(*chip, kNoArgs, 20'000);
  EXPECT_EQ(failure.code, ExitCode::Timeout);
  EXPECT_SAYS(failure, "did not finish in time");
}

TEST(PlatformSystem, KernelThatNeverEndsHitsTheCycleLimit) {
  PlatformOptions options;
  options.max_cycles = 300'000;
  auto chip = boot("hang", options);
  const auto failure = failure_of(*chip, kNoArgs);
  EXPECT_EQ(failure.code, ExitCode::Timeout);
  EXPECT_SAYS(failure, "cycle limit");
}

TEST(PlatformSystem, LaunchOnANodeThatIsNoTileIsRefused) {
  auto chip = boot("hello");
  try {
    chip->wait(chip->launch("kernel_main", {{0, 0}, {1, 0}}, nullptr, 0));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::BadInput) << error.what();
  }
}

/// A random BF16 GEMM on all tiles of t4.
struct GemmRun {
  std::vector<std::uint32_t> result;
  std::uint64_t kernel_cycles = 0, cycles = 0;
  bool right = false;
};
GemmRun gemm(unsigned threads, std::uint32_t m, std::uint32_t n, std::uint32_t k) {
  PlatformOptions options;
  options.threads = threads;
  auto chip = Platform::open("t4", options);
  chip->load();
  std::mt19937_64 rng(11);
  const auto random = [&](std::size_t count) {
    std::vector<std::uint16_t> values(count);
    for (auto& value : values)
      value = static_cast<std::uint16_t>((rng() & 0x807f) | (124 + rng() % 6) << 7);
    return values;
  };
  const auto a = random(std::size_t{m} * k), b = random(std::size_t{n} * k);
  std::vector<std::uint32_t> bias(n);
  for (auto& value : bias) value = 0x3f800000U + static_cast<std::uint32_t>(rng() % 0x800000);
  tsr_gemm_args_t args{};
  args.m = m;
  args.n = n;
  args.k = k;
  args.format = TSR_GEMM_BF16;
  args.flags = TSR_GEMM_BIAS | TSR_GEMM_RELU;
  args.lda = args.ldb = 2 * k;
  args.ldc = 4 * n;
  args.a = chip->allocate(2 * a.size());
  args.b = chip->allocate(2 * b.size());
  args.bias = chip->allocate(4 * bias.size());
  GemmRun run;
  run.result.resize(std::size_t{m} * n);
  args.c = chip->allocate(4 * run.result.size());
  chip->write(args.a, a.data(), 2 * a.size());
  chip->write(args.b, b.data(), 2 * b.size());
  chip->write(args.bias, bias.data(), 4 * bias.size());
  run.kernel_cycles = chip->run("kernel_gemm", chip->all_tiles(), args).cycles;
  chip->read(args.c, run.result.data(), 4 * run.result.size());
  run.cycles = chip->cycle();
  engines::GemmShape shape;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  shape.lda = shape.ldb = 2 * std::size_t{k};
  shape.ldc = 4 * std::size_t{n};
  shape.relu = true;
  std::vector<std::uint32_t> expected(run.result.size());
  engines::gemm(shape, a.data(), b.data(), bias.data(), expected.data());
  run.right = expected == run.result;
  return run;
}

TEST(PlatformSystem, GemmEqualsTheGoldenModelAndThreadsChangeNothing) {
  const auto one = gemm(1, 70, 37, 90);
  EXPECT_TRUE(one.right);
  const auto two = gemm(2, 70, 37, 90);
  EXPECT_TRUE(two.result == one.result);
  EXPECT_EQ(two.kernel_cycles, one.kernel_cycles);
  EXPECT_EQ(two.cycles, one.cycles);
}

/// The ctl firmware waits for launches in WFI with its watchdog running, and for their end with a
/// timeout.
TEST(PlatformSystem, SleepingChangesNothing) {
  std::vector<std::vector<std::uint64_t>> runs;
  for (const bool sleep : {true, false}) {
    PlatformOptions options;
    options.sleep = sleep;
    auto chip = boot("hang", options);
    std::vector<std::uint64_t> run{chip->cycle()};
    for (const std::uint32_t timeout : {5000U, 7777U}) {
      const auto failure = failure_of(*chip, kNoArgs, timeout);
      EXPECT_SAYS(failure, "did not finish in time");
      run.push_back(chip->cycle());
      chip->advance(10'000);
    }
    runs.push_back(run);
  }
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(PlatformSystem, CountersAddUp) {
  auto chip = boot("me_loop");
  tsr_me_loop_args_t args{};
  args.rows = args.cols = args.k = 64;
  args.repeat = 4;
  const Node tile = chip->config().tiles[1];
  chip->run("kernel_main", {tile, tile}, args);
  const auto counters = chip->tile_counters(tile);
  EXPECT_EQ(counters.me.operations, 4U * 64 * 64 * 64);
  EXPECT_EQ(counters.me.commands, 4U);
  EXPECT_GE(counters.me.busy, 4U * 1024);
  EXPECT_GT(counters.instructions, 0U);
  EXPECT_GE(counters.elapsed, counters.me.busy);
  chip->clear_counters();
  EXPECT_EQ(chip->tile_counters(tile).me.operations, 0U);
  for (const Node memory : chip->config().memories)
    EXPECT_EQ(chip->memory_counters(memory).bytes_written, 0U);
  std::vector<std::uint8_t> data(64 * 1024, 5);
  chip->write(chip->allocate(data.size()), data.data(), data.size());
  chip->advance(5000);
  std::uint64_t written = 0;
  for (const Node memory : chip->config().memories)
    written += chip->memory_counters(memory).bytes_written;
  EXPECT_EQ(written, data.size());
}

}  // namespace
}  // namespace tsr
