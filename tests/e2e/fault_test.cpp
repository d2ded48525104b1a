// SPDX-License-Identifier: Apache-2.0
/// Everything that can go wrong on the chip: the report, and the launch after it.
#include <fmt/format.h>

#include <regex>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

/// How tile programs misbehave, and what the host is to say.
struct Misbehaviour {
  std::uint32_t kind;
  ExitCode code;
  const char* message;  ///< regular expression for what follows "tile (x, y)"
};
const Misbehaviour kMisbehaviours[] = {
    {TSR_MISBEHAVE_RETURN, ExitCode::JobFailed, " returned 77"},
    {TSR_MISBEHAVE_TRAP, ExitCode::ChipFault,
     ": trap: illegal instruction \\(cause 2\\) at pc 0x[0-9a-f]+ \\(kernel_main\\+0x[0-9a-f]+\\), "
     "address 0x0"},
    {TSR_MISBEHAVE_OPCODE, ExitCode::ChipFault,
     ": matrix engine error: illegal opcode .*command id 4660"},
    {TSR_MISBEHAVE_CONTEXT, ExitCode::ChipFault,
     ": matrix engine error: illegal field in the context .*command id 85"},
    {TSR_MISBEHAVE_READ_UNMAPPED, ExitCode::ChipFault,
     ": RDMA error: .*address 0xff000000[0-9a-f]+: nothing answers at this address"},
    {TSR_MISBEHAVE_WRITE_UNMAPPED, ExitCode::ChipFault,
     ": WDMA error: .*address 0xff000000[0-9a-f]+: nothing answers at this address"},
    {TSR_MISBEHAVE_READ_FORBIDDEN, ExitCode::ChipFault,
     ": RDMA error: .*address 0x10000001000000: access forbidden"},
    {TSR_MISBEHAVE_WRITE_FORBIDDEN, ExitCode::ChipFault,
     ": WDMA error: .*address 0x10000000020000: access forbidden"},
    {TSR_MISBEHAVE_ZERO, ExitCode::ChipFault, ": RDMA error: zero elements or iterations"},
    {TSR_MISBEHAVE_RANGE, ExitCode::ChipFault,
     ": RDMA error: address outside the scratchpad .*address 0x3ffc0"},
    {TSR_MISBEHAVE_BURST, ExitCode::ChipFault,
     ": trap: breakpoint \\(cause 3\\) at pc 0x[0-9a-f]+"},
    {TSR_MISBEHAVE_SPIN, ExitCode::Timeout, " did not finish in time"},
    {TSR_MISBEHAVE_SLEEP, ExitCode::Timeout, " did not finish in time"},
    {TSR_MISBEHAVE_WRECK, ExitCode::Timeout, " did not finish in time"},
};
constexpr std::uint32_t kTimeout = 60'000;  // cycles; good work takes a few thousand

/// A chip with the misbehaving program, and all of its free memory near the start overwritten:
/// what a restart needs must not lie there.
class EndToEndFaults : public testing::Test {
 protected:
  void boot() {
    PlatformOptions options;
    options.max_cycles = 30'000'000;
    chip_ = Platform::open("t4", options);
    chip_->load(app("misbehave"));
    std::vector<std::uint8_t> junk(512 * 1024, 0xff);
    chip_->write(chip_->allocate(junk.size()), junk.data(), junk.size());
    args_.address = chip_->allocate(256 * 1024);
  }

  Failure run(std::uint32_t kind, std::uint32_t index) {
    args_.kind = kind;
    args_.index = index;
    return failure_of([&] { chip_->run("kernel_main", chip_->all_tiles(), args_, kTimeout); });
  }

  /// The next launch works, on every tile.
  void expect_recovered() {
    const std::vector<std::uint32_t> zeros(16);
    chip_->write(args_.address, zeros.data(), 64);
    const auto failure = run(TSR_MISBEHAVE_NOT, TSR_MISBEHAVE_ALL);
    EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
    for (std::uint32_t i = 0; i < chip_->config().tiles.size(); ++i) {
      EXPECT_EQ(chip_->read32(args_.address + 4 * i), TSR_HELLO_WORD + i) << "tile " << i;
    }
  }

  void expect_reported(const Misbehaviour& bad, std::uint32_t index) {
    SCOPED_TRACE(fmt::format("kind {} on tile {}", bad.kind, static_cast<int>(index)));
    const auto failure = run(bad.kind, index);
    EXPECT_EQ(failure.code, bad.code) << failure;
    const Node tile = chip_->config().tiles[index == TSR_MISBEHAVE_ALL ? 0 : index];
    const auto where = index == TSR_MISBEHAVE_ALL
                           ? std::string("tile \\(\\d, \\d\\)")
                           : fmt::format("tile \\({}, {}\\)", tile.x, tile.y);
    EXPECT_TRUE(
        std::regex_search(failure.message, std::regex("^kernel_main: " + where + bad.message)))
        << failure;
    expect_recovered();
  }

  std::unique_ptr<Platform> chip_;
  tsr_misbehave_args_t args_{};
};

TEST_F(EndToEndFaults, OneTileIsNamedAndTheNextLaunchWorks) {
  boot();
  expect_recovered();
  std::uint32_t index = 0;
  for (const auto& bad : kMisbehaviours) {
    index = (index + 1) % 4;
    expect_reported(bad, index);
  }
}

TEST_F(EndToEndFaults, AllTilesAtOnceAreReportedAndTheNextLaunchWorks) {
  boot();
  for (const auto& bad : kMisbehaviours) expect_reported(bad, TSR_MISBEHAVE_ALL);
}

TEST_F(EndToEndFaults, LaunchesThatWaitBehindAFaultStillRun) {
  boot();
  args_.index = TSR_MISBEHAVE_ALL;
  std::vector<std::uint32_t> launches;
  for (const std::uint32_t kind : {TSR_MISBEHAVE_NOT, TSR_MISBEHAVE_TRAP, TSR_MISBEHAVE_NOT,
                                   TSR_MISBEHAVE_ZERO, TSR_MISBEHAVE_NOT}) {
    args_.kind = kind;
    launches.push_back(
        chip_->launch("kernel_main", chip_->all_tiles(), &args_, sizeof(args_), kTimeout));
  }
  std::vector<ExitCode> codes;
  for (const auto launch : launches) {
    codes.push_back(failure_of([&] { chip_->wait(launch); }).code);
  }
  EXPECT_EQ(codes, (std::vector<ExitCode>{ExitCode::Ok, ExitCode::ChipFault, ExitCode::Ok,
                                          ExitCode::ChipFault, ExitCode::Ok}));
}

TEST_F(EndToEndFaults, FaultTrapKindsNameCauseAndAddress) {
  PlatformOptions options;
  options.max_cycles = 5'000'000;
  chip_ = Platform::open("t4", options);
  chip_->load(app("fault_trap"));
  const struct {
    std::uint32_t kind;
    const char* cause;
    const char* address;
  } cases[] = {
      {TSR_TRAP_ILLEGAL, "illegal instruction (cause 2)", "address 0x0"},
      {TSR_TRAP_LOAD, "load access fault (cause 5)", "address 0xf00000"},
      {TSR_TRAP_STORE, "store access fault (cause 7)", "address 0x80000000"},
      {TSR_TRAP_MISALIGNED, "load address misaligned (cause 4)", "address 0x10001"},
      {TSR_TRAP_FETCH, "instruction access fault (cause 1) at pc 0x10000", "address 0x10000"}};
  for (int round = 0; round < 2; ++round) {
    for (const auto& trap : cases) {
      const tsr_fault_trap_args_t args{trap.kind};
      const auto failure = failure_of([&] { chip_->run("kernel_main", chip_->all_tiles(), args); });
      EXPECT_EQ(failure.code, ExitCode::ChipFault) << failure;
      for (const std::string text : {"tile (", "at pc 0x", trap.cause, trap.address}) {
        EXPECT_TRUE(failure.says(text)) << failure << "\nexpected: " << text;
      }
    }
  }
}

TEST_F(EndToEndFaults, HostAccessesThatTheChipRefusesAreReportedAndTheChipWorksOn) {
  boot();
  const Node tile = chip_->config().tiles[0];
  const struct {
    std::uint64_t address;
    const char* message;
  } cases[] = {
      {hbm_address(chip_->config().straps().hbm_bytes()), "nothing answers at this address"},
      {node_address({1, 0}, 0), "nothing answers at this address"},
      {node_address({7, 7}, 0), "nothing answers at this address"},
      {node_address(tile, 0x00f0'0000), "nothing answers at this address"},
      {9ULL << 52, "nothing answers at this address"},
  };
  for (const auto& bad : cases) {
    for (const bool write : {false, true}) {
      const auto failure = failure_of([&] {
        std::uint32_t word = 0;
        if (write) {
          chip_->write32(bad.address, word);
        } else {
          word = chip_->read32(bad.address);
        }
      });
      EXPECT_EQ(failure.code, ExitCode::ChipFault) << failure;
      EXPECT_TRUE(failure.says(bad.message)) << failure;
      EXPECT_TRUE(failure.says(fmt::format("{:#x}", bad.address))) << failure;
    }
  }
  expect_recovered();
}

TEST_F(EndToEndFaults, CycleLimitEndsEverything) {
  for (const std::uint64_t limit : {1ULL, 5'000ULL, 150'000ULL, 240'000ULL}) {
    PlatformOptions options;
    options.max_cycles = limit;
    const auto failure = failure_of([&] {
      chip_ = Platform::open("t4", options);
      chip_->load(app("hang"));
      chip_->wait(chip_->launch("kernel_main", chip_->all_tiles(), nullptr, 0));
    });
    EXPECT_EQ(failure.code, ExitCode::Timeout) << failure;
    EXPECT_TRUE(failure.says("cycle limit")) << failure;
    EXPECT_EQ(chip_->cycle(), limit);
    chip_.reset();
  }
}

TEST_F(EndToEndFaults, DramTimingViolationEndsTheRun) {
  // The memory controller works with the timing of its registers; a slower device notices.
  const TempFolder folder;
  std::string text = read_file(config_folder() + "/t4.toml");
  const std::string profile = "hbm3-6400";
  const auto slow = read_file(config_folder() + "/dram/" + profile + ".toml");
  ASSERT_NE(slow.find("rcdrd = 31"), std::string::npos);
  ASSERT_NE(text.find(profile), std::string::npos);
  text.replace(text.find(profile), profile.size(), "slow");
  folder.write("dram/slow.toml", std::regex_replace(slow, std::regex("rcdrd = 31"), "rcdrd = 60"));
  const auto outcome =
      tessera({"run", app("hello"), "--config", folder.write("slow.toml", text), "--json", "-",
               "--flight", folder / "flight.fst", "--window", "1000"});
  EXPECT_EQ(outcome.code, 5) << outcome;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(
      outcome.err, found, std::regex("DRAM timing violation: memory node \\(([0-9]), ([0-9])\\)")))
      << outcome;
  // The waves end with the cycle of the command.
  const auto flight = outcome.json()["flight"];
  EXPECT_TRUE(outcome.says(fmt::format("(cycle {} is marked)", flight["to"].get<unsigned>())))
      << outcome;
  EXPECT_EQ(outcome.json()["exit_code"], 5) << outcome;
}

TEST_F(EndToEndFaults, DramBitErrorsAreCorrectedOrFound) {
  const TempFolder folder;
  // Broken cells all over the part of memory that boot image and program lie in.
  std::string one = "# address, bits\n", two;
  for (unsigned atom = 0; atom < 8192; ++atom) {
    one += fmt::format("{:#x} {}\n", atom * 32, atom % 272);
    two += fmt::format("{:#x} 3 200\n", atom * 32);
  }
  const auto run = [](const std::string& option, const std::string& value) {
    return tessera({"run", app("hello"), "--config", "t4", option, value, "--json", "-"});
  };
  for (const auto& outcome :
       {run("--dram-errors", folder.write("one.txt", one)), run("--dram-error-rate", "1e-5,7")}) {
    EXPECT_EQ(outcome.code, 0) << outcome;
    EXPECT_GT(nlohmann::json::parse(outcome.out)["dram_bit_errors"], 0) << outcome;
  }
  const auto outcome = run("--dram-errors", folder.write("two.txt", two));
  EXPECT_EQ(outcome.code, 3) << outcome;
  EXPECT_EQ(outcome.json()["exit_code"], 3) << outcome;
  EXPECT_TRUE(run("--dram-errors", folder.write("bad.txt", "0 1\n64\n"))
                  .says("bad.txt:2: ADDRESS BIT... expected"));
  EXPECT_TRUE(run("--dram-errors", folder.write("far.txt", "0xff00000000 1\n"))
                  .says("beyond the chip's memory"));
}

}  // namespace
}  // namespace tsr::e2e
