// SPDX-License-Identifier: Apache-2.0
/// Memory nodes in a mesh: the RTL controller with its DRAM behind routers, driven by a C++
/// endpoint that plays the ctl node.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "config.hpp"
#include "dram/dram_channel.hpp"
#include "dram/dram_device.hpp"
#include "kernel/kernel.hpp"
#include "regs/hbm_regs.hpp"
#include "rtl/sim_context.hpp"
#include "test_endpoint.hpp"

namespace tsr {
namespace {

using test::TestEndpoint;

constexpr std::uint32_t kRegs = 0x0002'0000;

/// "E." over "MM": the endpoint at (0, 0) is the ctl node, two memory nodes below.
class Board {
 public:
  explicit Board(unsigned threads) : context_(1) {
    const auto profile = config_folder() + "/dram/hbm3-6400.toml";
    chip_.mesh_w = chip_.mesh_h = 2;
    chip_.mem = {{0, 1}, {1, 1}};
    chip_.mem_mib = 64;
    std::vector<MeshNode> nodes;
    for (const Node here : {Node{0, 0}, Node{1, 0}, Node{0, 1}, Node{1, 1}}) {
      const auto straps = [&](const char* kind) {
        return NodeStraps{&context_, fmt::format("board.{}_{}_{}", kind, here.x, here.y), here,
                          &chip_};
      };
      MeshNode node;
      node.router = make_router(straps("router"));
      if (here == chip_.ctl) {
        auto endpoint = std::make_unique<TestEndpoint>(here);
        endpoint_ = endpoint.get();
        node.endpoint = std::move(endpoint);
      } else if (here.y == 0) {
        node.endpoint = make_bare(straps("bare"));
      } else {
        drams_.push_back(std::make_unique<DramChannel>(profile, fmt::format("memory {}", here.x),
                                                       [this] { kernel_->request_stop(); }));
        node.endpoint = make_memory(straps("mem"), *drams_.back());
      }
      nodes.push_back(std::move(node));
    }
    kernel_ = std::make_unique<Kernel>(2, 2, std::move(nodes), threads, &context_);
    kernel_->reset();
  }

  /// Send a request and run until its answers are complete; returns them.
  std::vector<Flit> ask(Flit flit, unsigned answers) {
    flit.tag = tag_++;
    const auto target = chip_.route(flit.addr);
    flit.set_dst(target.value_or(Node{1, 0}));
    endpoint_->arrivals.clear();
    endpoint_->send(flit);
    kernel_->wake_endpoint(0);
    for (int i = 0; i < 5000 && endpoint_->arrivals.size() < answers; ++i) kernel_->run(1);
    std::vector<Flit> flits;
    for (const auto& arrival : endpoint_->arrivals) {
      EXPECT_EQ(arrival.flit.tag, flit.tag);
      flits.push_back(arrival.flit);
    }
    EXPECT_EQ(flits.size(), answers);
    EXPECT_EQ(violations(), "");
    return flits;
  }
  Flit read(std::uint64_t address, unsigned bytes) {
    Flit flit;
    flit.kind = Kind::kRead;
    flit.addr = address;
    flit.strb = bytes;
    const auto answers = ask(flit, 1);
    return answers.empty() ? Flit{} : answers[0];
  }
  Flit write(std::uint64_t address, const std::array<std::uint64_t, 8>& data,
             std::uint64_t strobe) {
    Flit flit;
    flit.kind = Kind::kWrite;
    flit.addr = address;
    flit.strb = strobe;
    flit.data = data;
    const auto answers = ask(flit, 1);
    return answers.empty() ? Flit{} : answers[0];
  }
  void write_register(Node node, std::uint32_t offset, std::uint32_t value) {
    std::array<std::uint64_t, 8> data{};
    const unsigned at = offset % 64;
    std::memcpy(reinterpret_cast<std::uint8_t*>(data.data()) + at, &value, 4);
    EXPECT_EQ(write(node_address(node, (kRegs + offset) & ~63U), data, 0xfULL << at).kind,
              Kind::kWriteRsp);
  }
  std::uint32_t read_register(Node node, std::uint32_t offset) {
    const Flit flit = read(node_address(node, kRegs + offset), 4);
    EXPECT_EQ(flit.kind, Kind::kReadRsp);
    std::uint32_t value;
    std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(flit.data.data()) + offset % 64, 4);
    return value;
  }
  void initialize() {
    for (const Node node : chip_.mem) write_register(node, regs::hbm::kCtrlOffset, 1);
    for (const Node node : chip_.mem) {
      for (int i = 0; i < 100 && (read_register(node, regs::hbm::kStatusOffset) & 1) == 0; ++i)
        kernel_->run(200);
      EXPECT_EQ(read_register(node, regs::hbm::kStatusOffset) & 3, 1U);
    }
  }
  std::string violations() const {
    std::string all;
    for (const auto& dram : drams_) all += dram->violation();
    if (const auto& violation = kernel_->violation()) all += violation->text;
    return all;
  }
  Kernel& kernel() { return *kernel_; }
  const ChipConfig& chip() const { return chip_; }
  DramChannel& dram(std::size_t i) { return *drams_[i]; }

 private:
  SimContext context_;
  ChipConfig chip_;
  std::vector<std::unique_ptr<DramChannel>> drams_;
  TestEndpoint* endpoint_ = nullptr;
  std::unique_ptr<Kernel> kernel_;
  std::uint8_t tag_ = 0;
};

TEST(PlatformMemory, AccessBeforeInitializationIsRefused) {
  Board board(1);
  const Flit answer = board.read(hbm_address(0), 64);
  EXPECT_EQ(answer.kind, Kind::kErrRsp);
  EXPECT_EQ(answer.err, Err::kUnsupported);
}

TEST(PlatformMemory, DataComesBackFromBothNodes) {
  Board board(1);
  board.initialize();
  std::mt19937_64 rng(1);
  std::vector<std::pair<std::uint64_t, std::array<std::uint64_t, 8>>> written;
  for (int i = 0; i < 60; ++i) {
    std::array<std::uint64_t, 8> data{};
    for (auto& word : data) word = rng();
    const std::uint64_t address = hbm_address((rng() % board.chip().hbm_bytes()) & ~63ULL);
    EXPECT_EQ(board.write(address, data, ~0ULL).kind, Kind::kWriteRsp);
    written.emplace_back(address, data);
  }
  unsigned at_node[2] = {};
  for (const auto& [address, data] : written) {
    const Flit answer = board.read(address, 64);
    EXPECT_EQ(answer.kind, Kind::kReadRsp);
    EXPECT_EQ(answer.data, data);
    ++at_node[board.chip().hbm_node(address)];
  }
  EXPECT_GT(at_node[0], 0U);
  EXPECT_GT(at_node[1], 0U);
}

TEST(PlatformMemory, AddressBeyondCapacityGetsAnError) {
  Board board(1);
  board.initialize();
  const Flit answer = board.read(board.chip().hbm_bytes(), 64);  // sent to the bare node
  EXPECT_EQ(answer.kind, Kind::kErrRsp);
  EXPECT_EQ(answer.err, Err::kUnmapped);
}

TEST(PlatformMemory, ThreadsChangeNothing) {
  std::vector<std::uint64_t> cycles;
  for (const unsigned threads : {1U, 2U}) {
    Board board(threads);
    board.initialize();
    const std::array<std::uint64_t, 8> data{1, 2, 3, 4, 5, 6, 7, 8};
    for (std::uint64_t i = 0; i < 20; ++i) board.write(hbm_address(i * 4096), data, ~0ULL);
    cycles.push_back(board.kernel().cycle());
  }
  EXPECT_EQ(cycles[0], cycles[1]);
}

/// What a run with long pauses leaves behind.
struct Trail {
  std::vector<std::uint64_t> cycles;  ///< after each access
  std::vector<std::uint32_t> counters;
  std::vector<std::uint64_t> commands;
  std::uint64_t steps = 0;
  bool operator==(const Trail& other) const {
    return cycles == other.cycles && counters == other.counters && commands == other.commands;
  }
};

/// Accesses with pauses; then every counter is read. `power`: cycles without work to power-down.
Trail pauses(bool sleep, std::uint32_t power) {
  Board board(1);
  board.kernel().allow_sleep(sleep);
  board.initialize();
  Trail trail;
  for (const Node node : board.chip().mem) {
    board.write_register(node, regs::hbm::kPowerOffset, power);
    board.write_register(node, regs::hbm::kScrubCtrlOffset, 1U | 3000U << 8);
  }
  std::mt19937_64 rng(power + 1);
  const std::array<std::uint64_t, 8> data{1, 2, 3, 4, 5, 6, 7, 8};
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t address = hbm_address((rng() % board.chip().hbm_bytes()) & ~63ULL);
    if (rng() % 2 != 0) {
      board.write(address, data, ~0ULL);
    } else {
      board.read(address, 64);
    }
    board.kernel().run(rng() % 4000);
    trail.cycles.push_back(board.kernel().cycle());
  }
  for (const Node node : board.chip().mem) {
    for (unsigned select = 0; select < 128; ++select) {
      board.write_register(node, regs::hbm::kCountSelOffset, select);
      trail.counters.push_back(board.read_register(node, regs::hbm::kCountLoOffset));
    }
  }
  for (unsigned i = 0; i < 2; ++i) {
    for (unsigned p = 0; p < kDramPcs; ++p) {
      const auto& counts = board.dram(i).device().counts(p);
      trail.commands.insert(trail.commands.end(),
                            {counts.activates, counts.precharges, counts.reads, counts.writes,
                             counts.refreshes, counts.power_downs});
    }
  }
  trail.cycles.push_back(board.kernel().cycle());
  trail.steps = board.kernel().stats().endpoint_steps;
  EXPECT_EQ(board.violations(), "");
  return trail;
}

TEST(PlatformMemory, SleepingBetweenRefreshesChangesNothing) {
  for (const std::uint32_t power : {0U, 16U}) {
    const Trail asleep = pauses(true, power);
    const Trail awake = pauses(false, power);
    EXPECT_TRUE(asleep == awake) << "power " << power;
    EXPECT_LT(asleep.steps, awake.steps / 4);
  }
}

// The device misses a refresh while the controller sleeps: the run ends in that very cycle.
TEST(PlatformMemory, MissingRefreshEndsTheRunInItsCycle) {
  std::vector<std::uint64_t> cycles;
  std::vector<std::string> messages;
  for (const bool sleep : {true, false}) {
    Board board(1);
    board.kernel().allow_sleep(sleep);
    board.initialize();
    for (const Node node : board.chip().mem) {
      board.write_register(node, regs::hbm::kRefreshOffset, 0);
    }
    board.kernel().run(1'000'000);
    cycles.push_back(board.kernel().cycle());
    messages.push_back(board.violations());
  }
  EXPECT_NE(messages[0].find("missing refresh"), std::string::npos) << messages[0];
  EXPECT_EQ(messages[0], messages[1]);
  EXPECT_EQ(cycles[0], cycles[1]);
}

TEST(PlatformMemory, TimingViolationIsReported) {
  Board board(1);
  board.initialize();
  DfiCommand command;  // a second activate of a bank without a precharge
  command.row_valid = true;
  DfiIn in[2];
  DfiOut out[2];
  in[0].command = command.pack();
  in[1].command = DfiCommand().pack();
  board.dram(1).device().step(in, out);
  board.dram(1).device().step(in, out);
  EXPECT_EQ(board.dram(1).violation().rfind("memory 1: ", 0), 0U) << board.dram(1).violation();
}

}  // namespace
}  // namespace tsr
