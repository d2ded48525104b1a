// SPDX-License-Identifier: Apache-2.0
/// The composition kernel with RTL routers and bare nodes, and endpoints in C++.
#include "kernel/kernel.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "error.hpp"
#include "rtl/sim_context.hpp"
#include "test_endpoint.hpp"

namespace tsr {
namespace {

using test::Arrival;
using test::TestEndpoint;

/// A mesh of routers; nodes where `plan` has 'E' carry a TestEndpoint, the others tsr_bare.
class Mesh {
 public:
  Mesh(std::vector<std::string> plan, unsigned threads, TraceWindow trace = {})
      : plan_(std::move(plan)), context_(1) {
    chip_.mesh_w = static_cast<unsigned>(plan_[0].size());
    chip_.mesh_h = static_cast<unsigned>(plan_.size());
    chip_.mem = {{0, 0}};
    std::vector<MeshNode> nodes;
    for (unsigned y = 0; y < chip_.mesh_h; ++y) {
      for (unsigned x = 0; x < chip_.mesh_w; ++x) {
        const Node here{x, y};
        const auto straps = [&](const char* kind) {
          return NodeStraps{&context_, fmt::format("mesh.{}_{}_{}", kind, x, y), here, &chip_};
        };
        MeshNode node;
        node.weight = Kernel::kHeavyWeight;
        node.router = make_router(straps("router"));
        if (plan_[y][x] == 'E') {
          auto endpoint = std::make_unique<TestEndpoint>(here);
          endpoints_.push_back(endpoint.get());
          node.endpoint = std::move(endpoint);
        } else {
          node.endpoint = make_bare(straps("bare"));
        }
        nodes.push_back(std::move(node));
      }
    }
    kernel_ =
        std::make_unique<Kernel>(static_cast<int>(chip_.mesh_w), static_cast<int>(chip_.mesh_h),
                                 std::move(nodes), threads, &context_, std::move(trace));
    kernel_->check_links(true);
    kernel_->reset();
  }

  Kernel& kernel() { return *kernel_; }
  TestEndpoint& endpoint(std::size_t i) { return *endpoints_[i]; }
  std::size_t endpoints() const { return endpoints_.size(); }
  SimContext& context() { return context_; }

  /// Run until everything sleeps, at most `limit` cycles; returns whether it does.
  bool run_until_asleep(std::uint64_t limit) {
    while (!kernel_->all_asleep() && kernel_->cycle() < limit) kernel_->run(16);
    return kernel_->all_asleep();
  }

  /// Queue `count` reads from every endpoint to random nodes at random times, less than `pace`
  /// cycles apart.
  void random_reads(unsigned count, std::uint64_t seed, unsigned pace = 8) {
    std::mt19937_64 rng(seed);
    for (auto* endpoint : endpoints_) {
      std::uint64_t cycle = 0;
      for (unsigned i = 0; i < count; ++i) {
        cycle += rng() % pace;
        const Node target{static_cast<unsigned>(rng() % chip_.mesh_w),
                          static_cast<unsigned>(rng() % chip_.mesh_h)};
        endpoint->read(target, node_address(target, 64 * i), static_cast<std::uint8_t>(i), cycle);
      }
    }
  }

  std::vector<std::vector<Arrival>> arrivals() const {
    std::vector<std::vector<Arrival>> all;
    for (const auto* endpoint : endpoints_) all.push_back(endpoint->arrivals);
    return all;
  }

 private:
  std::vector<std::string> plan_;
  ChipConfig chip_;
  SimContext context_;
  std::vector<TestEndpoint*> endpoints_;
  std::unique_ptr<Kernel> kernel_;
};

TEST(PlatformKernel, RequestToBareNodeGetsAnErrorAndNothingHangs) {
  Mesh mesh({"E..", "...", "..."}, 1);
  const Node targets[] = {{1, 0}, {2, 2}, {0, 2}, {1, 1}};
  for (std::uint8_t i = 0; i < 4; ++i)
    mesh.endpoint(0).read(targets[i], node_address(targets[i], 0), i);
  ASSERT_TRUE(mesh.run_until_asleep(1000));
  ASSERT_EQ(mesh.endpoint(0).arrivals.size(), 4U);
  for (const auto& arrival : mesh.endpoint(0).arrivals) {
    EXPECT_EQ(arrival.flit.kind, Kind::kErrRsp);
    EXPECT_EQ(arrival.flit.err, Err::kUnmapped);
    EXPECT_EQ(arrival.flit.src, targets[arrival.flit.tag]);
    EXPECT_EQ(arrival.flit.addr, node_address(targets[arrival.flit.tag], 0));
  }
  EXPECT_FALSE(mesh.kernel().violation());
}

TEST(PlatformKernel, AFlitThatBreaksARuleEndsTheRun) {
  for (const unsigned threads : {1U, 2U}) {
    Mesh mesh({"E.E.", "E.E."}, threads);
    for (const std::size_t bad : {3, 1}) {
      mesh.endpoint(bad).read({0, 0}, node_address({0, 0}, 0), 0, 100);
      mesh.endpoint(bad).spoil = [](Flit& flit) { flit.addr ^= 1; };
    }
    EXPECT_EQ(mesh.kernel().run(1000), 101U);
    ASSERT_TRUE(mesh.kernel().violation());
    EXPECT_EQ(
        mesh.kernel().violation()->text,
        "cycle 100: endpoint of node (2, 0), local port, request network: wrong parity of the "
        "header");
    EXPECT_EQ(mesh.kernel().violation()->node, 2U);
    EXPECT_EQ(mesh.kernel().violation()->cycle, 100U);
  }
}

TEST(PlatformKernel, HopTakesTwoCycles) {
  Mesh mesh({"E....."}, 1);
  mesh.run_until_asleep(100);
  std::vector<std::uint64_t> trip;
  for (unsigned x = 1; x <= 5; ++x) {
    const auto start = mesh.kernel().cycle();
    mesh.endpoint(0).read({x, 0}, node_address({x, 0}, 0), 0);
    mesh.kernel().wake_endpoint(0);
    ASSERT_TRUE(mesh.run_until_asleep(start + 1000));
    trip.push_back(mesh.endpoint(0).arrivals.back().cycle - start);
  }
  for (std::size_t i = 1; i < trip.size(); ++i) EXPECT_EQ(trip[i] - trip[i - 1], 4U) << i;
}

TEST(PlatformKernel, EveryRequestIsAnsweredOnceUnderLoad) {
  Mesh mesh({"E.E.", ".E.E", "EEEE", "...."}, 1);
  mesh.random_reads(200, 1);
  ASSERT_TRUE(mesh.run_until_asleep(100'000));
  for (std::size_t i = 0; i < mesh.endpoints(); ++i) {
    std::vector<unsigned> seen(256, 0);
    for (const auto& arrival : mesh.endpoint(i).arrivals) ++seen[arrival.flit.tag];
    for (unsigned tag = 0; tag < 200; ++tag) EXPECT_EQ(seen[tag], 1U) << i << " " << tag;
  }
}

/// Status word of a bare node's router: endpoint 0 stands where the ctl node is.
Flit status_read(Node node, unsigned net, std::uint8_t tag) {
  Flit flit;
  flit.kind = Kind::kRead;
  flit.set_dst(node);
  flit.addr = node_address(node, 0x20000 + 4 * (8 * net + 7));
  flit.strb = 4;
  flit.tag = tag;
  return flit;
}

TEST(PlatformKernel, AKilledLinkSwallowsEverythingAndIsFound) {
  constexpr std::uint64_t kDeath = 200;
  Mesh mesh({"E..E"}, 1);
  mesh.kernel().kill_link(1, static_cast<unsigned>(Dir::kEast), kDeath);
  for (std::uint8_t i = 0; i < 3; ++i) {
    mesh.endpoint(0).read({3, 0}, node_address({3, 0}, 0), i, i == 0 ? 100 : kDeath + 10 * i);
  }
  mesh.endpoint(1).read({0, 0}, node_address({0, 0}, 0), 9, kDeath - 4);  // no answer comes back
  ASSERT_TRUE(mesh.run_until_asleep(20'000)) << "the watchdogs have given up";
  EXPECT_GT(mesh.kernel().cycle(), kDeath + 4096);
  ASSERT_EQ(mesh.endpoint(0).arrivals.size(), 1U);
  EXPECT_EQ(mesh.endpoint(0).arrivals[0].flit.tag, 0);
  EXPECT_TRUE(mesh.endpoint(1).arrivals.empty());
  mesh.endpoint(0).arrivals.clear();

  for (std::uint8_t net = 0; net < 2; ++net) {
    mesh.endpoint(0).send(status_read({1, 0}, net, net));
    mesh.kernel().wake_endpoint(0);
    ASSERT_TRUE(mesh.run_until_asleep(mesh.kernel().cycle() + 1000));
  }
  ASSERT_EQ(mesh.endpoint(0).arrivals.size(), 2U);
  for (unsigned net = 0; net < 2; ++net) {
    const Flit& answer = mesh.endpoint(0).arrivals[net].flit;
    EXPECT_EQ(answer.kind, Kind::kReadRsp);
    const unsigned at = 8 * net + 7;
    EXPECT_EQ(static_cast<std::uint32_t>(answer.data[at / 2] >> 32),
              net == 0 ? 1U << static_cast<unsigned>(Dir::kEast) : 0U);
  }
  EXPECT_FALSE(mesh.kernel().violation());
}

TEST(PlatformKernel, KilledLinksLeaveTheOthersAloneWithAnyNumberOfThreads) {
  const std::vector<std::string> plan = {"EEEE", "E..E"};
  const auto run = [&](unsigned threads, bool sleep) {
    auto mesh = std::make_unique<Mesh>(plan, threads);
    mesh->kernel().allow_sleep(sleep);
    mesh->kernel().kill_link(5, static_cast<unsigned>(Dir::kEast), 150);
    mesh->kernel().kill_link(2, static_cast<unsigned>(Dir::kSouth), 90);
    mesh->random_reads(100, 3);
    mesh->kernel().run(10'000);
    EXPECT_FALSE(mesh->kernel().violation());
    return mesh;
  };
  const auto one = run(1, true);
  std::size_t answers = 0;
  for (const auto& arrivals : one->arrivals()) answers += arrivals.size();
  EXPECT_LT(answers, 6U * 100U - 10U) << "some went over a dead link";
  EXPECT_GT(answers, 6U * 100U / 3U);
  for (unsigned x : {0U, 1U}) {  // no way of theirs crosses a dead link
    one->endpoint(0).arrivals.clear();
    one->endpoint(0).read({x, 0}, node_address({x, 0}, 0), 1);
    one->kernel().wake_endpoint(0);
    one->kernel().run(200);
    EXPECT_EQ(one->endpoint(0).arrivals.size(), 1U) << "drained";
  }
  const auto again = run(1, true);
  for (const auto& other : {run(2, true), run(1, false)}) {
    EXPECT_TRUE(other->arrivals() == again->arrivals());
  }
}

TEST(PlatformKernel, ThreadsChangeNothing) {
  const std::vector<std::string> plan = {"EEEE", "E..E", "EEEE", "EEEE"};
  Mesh one(plan, 1);
  one.random_reads(150, 7);
  ASSERT_TRUE(one.run_until_asleep(100'000));
  for (const unsigned threads : {2U, 3U}) {
    Mesh many(plan, threads);
    many.random_reads(150, 7);
    ASSERT_TRUE(many.run_until_asleep(100'000));
    EXPECT_EQ(many.kernel().cycle(), one.kernel().cycle());
    EXPECT_TRUE(many.arrivals() == one.arrivals());
    EXPECT_GT(many.kernel().stats().parallel_cycles, 100U);
    EXPECT_EQ(many.kernel().stats().router_steps, one.kernel().stats().router_steps);
  }
}

TEST(PlatformKernel, CountsTheFlitsOfEveryLink) {
  const std::vector<std::string> plan = {"EEEE", "E..E", "EEEE", "EEEE"};
  for (const unsigned threads : {1U, 3U}) {
    Mesh mesh(plan, threads);
    std::vector<std::uint64_t> seen(16U * kLinks);
    mesh.kernel().observe_flits([&](std::uint64_t, std::size_t node, unsigned link,
                                    const std::uint32_t*) { ++seen[node * kLinks + link]; });
    mesh.random_reads(150, 7);
    ASSERT_TRUE(mesh.run_until_asleep(100'000));
    std::uint64_t sum = 0;
    for (std::size_t node = 0; node < 16; ++node) {
      for (unsigned link = 0; link < kLinks; ++link) {
        EXPECT_EQ(mesh.kernel().link_flits(node, link), seen[node * kLinks + link]);
        sum += seen[node * kLinks + link];
      }
    }
    EXPECT_GT(sum, 14U * 150U * 2U);
  }
}

TEST(PlatformKernel, SleepingChangesNothing) {
  const std::vector<std::string> plan = {"E..", ".E.", "..E"};
  Mesh asleep(plan, 1);
  Mesh awake(plan, 1);
  awake.kernel().allow_sleep(false);
  for (auto* mesh : {&asleep, &awake}) {
    mesh->random_reads(100, 3);
    mesh->kernel().run(4000);
  }
  EXPECT_TRUE(asleep.kernel().all_asleep());
  EXPECT_TRUE(asleep.arrivals() == awake.arrivals());
  EXPECT_LT(asleep.kernel().stats().router_steps, awake.kernel().stats().router_steps / 2);
}

TEST(PlatformKernel, WakingByItselfChangesNothingWithAnyNumberOfThreads) {
  const std::vector<std::string> plan = {"EEEE", "E..E"};
  const auto run = [&](unsigned threads, bool sleep, bool names_wake, unsigned pace) {
    auto mesh = std::make_unique<Mesh>(plan, threads);
    mesh->kernel().allow_sleep(sleep);
    for (std::size_t i = 0; i < mesh->endpoints(); ++i) {
      mesh->endpoint(i).names_wake = names_wake;
    }
    mesh->random_reads(60, 3, pace);
    mesh->kernel().run(30'000);
    EXPECT_TRUE(!sleep || mesh->kernel().all_asleep());
    return mesh;
  };
  for (const unsigned pace : {8U, 100U, 400U}) {
    SCOPED_TRACE(pace);
    const auto reference = run(1, false, false, pace);
    const auto one = run(1, true, true, pace);
    EXPECT_TRUE(one->arrivals() == reference->arrivals());
    const auto steps = one->kernel().stats().endpoint_steps;
    EXPECT_LT(steps, run(1, true, false, pace)->kernel().stats().endpoint_steps);
    for (const unsigned threads : {2U, 3U}) {
      const auto many = run(threads, true, true, pace);
      EXPECT_TRUE(many->arrivals() == reference->arrivals());
      EXPECT_EQ(many->kernel().stats().endpoint_steps, steps);
    }
  }
}

/// Sleeps whenever it may and names the times of a script; remembers when it was clocked.
class Alarm final : public NodeModel {
 public:
  Pins step(std::uint64_t now, Pins) override {
    if (!reset_) clocked.push_back(now);
    wake_at =
        times.lower_bound(now + ahead) == times.end() ? kNever : *times.lower_bound(now + ahead);
    return kIdlePin;
  }
  Pins rise(std::uint64_t now, Pins in) override { return step(now, in); }
  void fall() override {}
  void set_reset(bool active) override { reset_ = active; }
  void trace(SimContext&) override {}

  std::set<std::uint64_t> times;
  std::uint64_t ahead = 1;  ///< 0: also names the cycle that it has just run
  std::vector<std::uint64_t> clocked;

 private:
  bool reset_ = false;
};

class PlatformKernelAlarms : public ::testing::TestWithParam<unsigned> {
 protected:
  /// A row of nodes with nothing but an alarm in each.
  void build(std::vector<std::set<std::uint64_t>> times) {
    std::vector<MeshNode> nodes;
    for (auto& node_times : times) {
      auto alarm = std::make_unique<Alarm>();
      alarm->times = std::move(node_times);
      alarms_.push_back(alarm.get());
      MeshNode node;
      node.endpoint = std::move(alarm);
      node.weight = Kernel::kHeavyWeight;
      nodes.push_back(std::move(node));
    }
    kernel_ = std::make_unique<Kernel>(static_cast<int>(times.size()), 1, std::move(nodes),
                                       GetParam(), nullptr);
    kernel_->reset();
  }
  Alarm& alarm(std::size_t i) { return *alarms_[i]; }

  std::vector<Alarm*> alarms_;
  std::unique_ptr<Kernel> kernel_;
};

using Cycles = std::vector<std::uint64_t>;

TEST_P(PlatformKernelAlarms, WakeInTheirCyclesAndNoOthers) {
  build({{3, 4, 100, 1'000'000'000'000}, {}, {1, 2, 100, 101}, {99}, {100}});
  EXPECT_EQ(kernel_->run(50), 50U);
  EXPECT_FALSE(kernel_->all_asleep()) << "some will wake";
  EXPECT_EQ(kernel_->run(2'000'000'000'000), 2'000'000'000'000U);
  EXPECT_TRUE(kernel_->all_asleep());
  EXPECT_EQ(alarm(0).clocked, (Cycles{0, 3, 4, 100, 1'000'000'000'000}));
  EXPECT_EQ(alarm(1).clocked, (Cycles{0}));
  EXPECT_EQ(alarm(2).clocked, (Cycles{0, 1, 2, 100, 101}));
  EXPECT_EQ(alarm(3).clocked, (Cycles{0, 99}));
  EXPECT_EQ(alarm(4).clocked, (Cycles{0, 100}));
}

TEST_P(PlatformKernelAlarms, OneWhoseTimeHasPassedStaysAwake) {
  build({{10}, {}});
  alarm(0).ahead = 0;
  kernel_->run(15);
  EXPECT_EQ(alarm(0).clocked, (Cycles{0, 10, 11})) << "in 10 it says 10 again, then nothing";
  EXPECT_TRUE(kernel_->all_asleep());
}

TEST_P(PlatformKernelAlarms, TheTimeNamedLastCounts) {
  build({{100, 200}, {150}});
  kernel_->run(50);
  alarm(0).times = {300};
  kernel_->wake_endpoint(0);
  kernel_->run(100);
  alarm(1).times = {};
  kernel_->wake_endpoint(1);  // in the cycle of its alarm
  kernel_->run(1000);
  EXPECT_EQ(alarm(0).clocked, (Cycles{0, 50, 300}));
  EXPECT_EQ(alarm(1).clocked, (Cycles{0, 150}));
  EXPECT_TRUE(kernel_->all_asleep());
}

TEST_P(PlatformKernelAlarms, TicksCutTheSleepAndChangeNothing) {
  build({{45, 50}, {75}});
  Cycles ticks;
  kernel_->observe_time(25, [&](std::uint64_t cycle) { ticks.push_back(cycle); });
  kernel_->run(101);
  EXPECT_EQ(ticks, (Cycles{25, 50, 75, 100}));
  EXPECT_EQ(alarm(0).clocked, (Cycles{0, 45, 50}));
  EXPECT_EQ(alarm(1).clocked, (Cycles{0, 75}));
}

INSTANTIATE_TEST_SUITE_P(Threads, PlatformKernelAlarms, ::testing::Values(1U, 2U, 3U));

TEST(PlatformKernel, TraceHoldsTheWindowAndChangesNothing) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("tsr_kernel_test_{}", getpid());
  std::filesystem::create_directories(folder);
  const auto file = (folder / "mesh.fst").string();
  Mesh plain({"E.", ".E"}, 1);
  Mesh traced({"E.", ".E"}, 1, {file, 20, 60});
  for (auto* mesh : {&plain, &traced}) {
    mesh->random_reads(30, 5);
    mesh->kernel().run(500);
  }
  EXPECT_TRUE(plain.arrivals() == traced.arrivals());
  EXPECT_GT(std::filesystem::file_size(file), 1000U);
  std::filesystem::remove_all(folder);
}

TEST(PlatformKernel, UnwritableTraceFileIsRefused) {
  EXPECT_THROW(Mesh({"E."}, 1, {"/nonexistent/mesh.fst"}), InputError);
}

TEST(PlatformKernel, StopEndsTheRunAfterTheCycle) {
  Mesh mesh({"E."}, 1);
  mesh.endpoint(0).on_arrival = [&] { mesh.kernel().request_stop(); };
  mesh.endpoint(0).read({1, 0}, node_address({1, 0}, 0), 0, 50);
  const auto done = mesh.kernel().run(10'000);
  ASSERT_EQ(mesh.endpoint(0).arrivals.size(), 1U);
  EXPECT_EQ(done, mesh.endpoint(0).arrivals[0].cycle + 1);
  EXPECT_EQ(mesh.kernel().cycle(), done);
}

TEST(PlatformKernel, TimePassesAtOnceWhileEverythingSleeps) {
  Mesh mesh({"E."}, 1);
  ASSERT_TRUE(mesh.run_until_asleep(100));
  const auto start = mesh.kernel().cycle();
  EXPECT_EQ(mesh.kernel().run(1'000'000'000'000), 1'000'000'000'000U);
  EXPECT_EQ(mesh.kernel().cycle(), start + 1'000'000'000'000U);
}

}  // namespace
}  // namespace tsr
