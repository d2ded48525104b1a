// SPDX-License-Identifier: Apache-2.0
/// Links that die under load: the job that they hit ends with a report, the chip finds them, routes
/// around them, and the same job then runs to the last byte.
#include <fmt/format.h>

#include <random>

#include "apps/apps_abi.h"
#include "process.hpp"

namespace tsr::e2e {
namespace {

constexpr std::uint32_t kBytes = 1U << 20;
constexpr std::uint32_t kTimeout = 100'000;  // cycles; the job takes some 15,000

/// All 16 tiles copy a share of a buffer each, again and again.
class EndToEndLinks : public testing::Test {
 protected:
  void boot(PlatformOptions options = {}) {
    options.max_cycles = 30'000'000;
    chip_ = Platform::open("t16", options);
    chip_->load(app("memcpy"));
    args_.src = chip_->allocate(kBytes);
    args_.dst = chip_->allocate(kBytes);
    args_.bytes = kBytes;
    source_.resize(kBytes);
    for (auto& byte : source_) byte = static_cast<std::uint8_t>(rng_());
    chip_->write(args_.src, source_.data(), kBytes);
  }
  /// The job runs, and copies what it should.
  void expect_good_job() {
    const std::vector<std::uint8_t> zeros(kBytes);
    chip_->write(args_.dst, zeros.data(), kBytes);
    const auto failure = failure_of([&] { launch_and_wait(); });
    EXPECT_EQ(failure.code, ExitCode::Ok) << failure;
    std::vector<std::uint8_t> copy(kBytes);
    chip_->read(args_.dst, copy.data(), kBytes);
    EXPECT_TRUE(copy == source_);
  }
  void launch_and_wait() { chip_->run("kernel_main", chip_->all_tiles(), args_, kTimeout); }

  /// A link dies at a random time under the job.
  void kill_under_load(const MeshLink& link) {
    const bool east = link.port == Dir::kEast;
    const std::uint64_t death = chip_->cycle() + 2000 + rng_() % 8000;
    SCOPED_TRACE(
        fmt::format("link {},{},{}@{}", link.node.x, link.node.y, east ? "east" : "south", death));
    const auto before = chip_->recoveries().size();
    chip_->kill_link({link, death});
    const auto failure = failure_of([&] { launch_and_wait(); });
    EXPECT_NE(failure.code, ExitCode::Ok) << "the link is in use";
    EXPECT_NE(failure.code, ExitCode::CheckFailed) << failure;
    EXPECT_TRUE(failure.says("1 dead link was found and routed around")) << failure;
    ASSERT_EQ(chip_->recoveries().size(), before + 1) << failure;
    const Recovery& recovery = chip_->recoveries().back();
    EXPECT_EQ(recovery.links, 1U);
    fmt::print(
        "link {},{},{} died in cycle {}: launch over and chip ready {} cycles later, of which "
        "recovery {}\n",
        link.node.x, link.node.y, east ? "east" : "south", death, recovery.ready - death,
        recovery.cycles);
    EXPECT_LT(recovery.cycles, 2'000'000U);
    expect_good_job();
  }

  std::mt19937_64 rng_{seed()};
  std::unique_ptr<Platform> chip_;
  tsr_memcpy_args_t args_{};
  std::vector<std::uint8_t> source_;
};

TEST_F(EndToEndLinks, DieOneAfterTheOtherAndTheChipWorksOn) {
  boot();
  expect_good_job();
  kill_under_load({{2, 4}, Dir::kSouth});  // next to a memory node
  kill_under_load({{0, 0}, Dir::kSouth});  // next to the ctl node
  kill_under_load({{1, 2}, Dir::kEast});   // amid the tiles
}

TEST_F(EndToEndLinks, DeadOnesInTheFusesAreAvoidedFromTheStart) {
  PlatformOptions options;
  options.faults.dead_links = {{{0, 0}, Dir::kEast}, {{3, 4}, Dir::kSouth}};
  options.faults.dead_links.push_back(
      {{static_cast<unsigned>(rng_() % 3), 1 + static_cast<unsigned>(rng_() % 4)}, Dir::kEast});
  boot(options);
  expect_good_job();
  EXPECT_TRUE(chip_->recoveries().empty());
}

}  // namespace
}  // namespace tsr::e2e
