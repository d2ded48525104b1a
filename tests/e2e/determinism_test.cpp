// SPDX-License-Identifier: Apache-2.0
/// The same seed gives the same cycles, records and memory, however the run is simulated: with one
/// thread or two, with snapshots or without, traced or not.
#include <fmt/format.h>

#include <array>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

/// What of a run must not depend on how it is simulated.
struct Result {
  std::vector<std::uint64_t> numbers;  ///< cycles and completion records, in order
  std::uint64_t memory = 14695981039346656037ULL;

  bool operator==(const Result& other) const {
    return numbers == other.numbers && memory == other.memory;
  }
};
std::ostream& operator<<(std::ostream& stream, const Result& result) {
  return stream << fmt::format("{}, memory {:#x}", fmt::join(result.numbers, " "), result.memory);
}

/// FNV-1a over memory as the host reads it.
void hash(Platform& chip, std::uint64_t address, std::size_t bytes, std::uint64_t& sum) {
  std::vector<std::uint8_t> data(bytes);
  chip.read(address, data.data(), data.size());
  for (const auto byte : data) sum = (sum ^ byte) * 1099511628211ULL;
}

struct Way {
  unsigned threads;
  bool snapshots;
  bool traced;
};

PlatformOptions options_of(const Way& way, const TempFolder& folder) {
  PlatformOptions options;
  options.threads = way.threads;
  options.seed = seed();
  options.max_cycles = 5'000'000;
  if (way.snapshots) {
    options.recorder.every = 30'000;
    options.recorder.file = folder / "flight.fst";
  }
  if (way.traced) {
    options.trace_file = folder / "trace.fst";
    options.trace_from = 264'000;
    options.trace_to = 266'000;
  }
  return options;
}

/// Launches that move data with every tile, one that fails, and what they leave.
Result run(const Way& way) {
  const TempFolder folder;
  const auto chip = Platform::open("t4", options_of(way, folder));
  Result result;
  const auto note = [&](std::uint64_t number) { result.numbers.push_back(number); };
  chip->load(app("memcpy"));
  note(chip->cycle());
  constexpr std::uint32_t kBytes = 20'000;
  const auto source = chip->allocate(kBytes);
  const auto target = chip->allocate(kBytes);
  std::vector<std::uint8_t> data(kBytes);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
  chip->write(source, data.data(), data.size());
  tsr_memcpy_args_t args{};
  args.src = source;
  args.dst = target;
  args.bytes = kBytes;
  const auto done = chip->run("kernel_main", chip->all_tiles(), args);
  for (const std::uint64_t number :
       {done.cycles, std::uint64_t{done.value}, std::uint64_t{done.tiles}}) {
    note(number);
  }
  note(chip->cycle());
  args.src = 0xffull << 32;  // nothing answers there
  const auto failure = failure_of([&] { chip->run("kernel_main", chip->all_tiles(), args); });
  note(static_cast<std::uint64_t>(failure.code));
  note(chip->cycle());
  if (way.snapshots) {
    const auto report = chip->record_failure();
    EXPECT_TRUE(report && report->written) << (report ? report->text : "none");
    // The snapshot had to do exactly what the run did.
    EXPECT_EQ(report->text.find("Caution"), std::string::npos) << report->text;
  }
  hash(*chip, hbm_address(0), 256 * 1024, result.memory);
  hash(*chip, target, kBytes, result.memory);
  for (const Node tile : chip->config().tiles) {
    hash(*chip, node_address(tile, 0x0100'0000), 16 * 1024, result.memory);
  }
  note(chip->cycle());
  return result;
}

class Determinism : public testing::TestWithParam<Way> {};

TEST_P(Determinism, SameCyclesRecordsAndMemory) {
  static const Result plain = run({1, false, false});
  EXPECT_EQ(run(GetParam()), plain);
}

constexpr Way kWays[] = {{1, false, false}, {1, false, true}, {1, true, false}, {1, true, true},
                         {2, false, false}, {2, false, true}, {2, true, false}, {2, true, true}};

INSTANTIATE_TEST_SUITE_P(Ways, Determinism, testing::ValuesIn(kWays), [](const auto& way) {
  return fmt::format("threads{}{}{}", way.param.threads, way.param.snapshots ? "Snapshots" : "",
                     way.param.traced ? "Traced" : "");
});

}  // namespace
}  // namespace tsr::e2e
