// SPDX-License-Identifier: Apache-2.0
/// Random command programs, those of the tile's bench, on the TLM engines against the functional
/// executor: all engines with random contexts, semaphores, overlap, chains, illegal commands, and a
/// network with random latencies.
///
/// TSR_SCALE multiplies the number of programs, TSR_SEED sets the seed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "fake_host.hpp"
#include "tile/program_maker.hpp"

namespace tsr::tb {
namespace {

constexpr Node kSelf{1, 2};
constexpr Node kOther{2, 1};
constexpr std::uint32_t kSpm = 0x0100'0000;
constexpr unsigned kPrograms = 80;

unsigned long from_env(const char* name, unsigned long otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoul(text, nullptr, 0) : otherwise;
}

/// What the DMA engines tell of their requests: each is answered once, later, and in full.
class DmaWatch final : public NodeProbe {
 public:
  void dma_request(std::uint64_t cycle, const DmaRequest& request) override {
    const auto kind = static_cast<Kind>(request.kind);
    const auto bytes = kind == Kind::kRead ? request.strobe : popcount(request.strobe);
    EXPECT_GE(cycle, last_[index(request.engine)]) << "requests come in order";
    last_[index(request.engine)] = cycle;
    ++requests;
    if (kind == Kind::kWritePosted) return;
    auto& open = open_[index(request.engine)];
    EXPECT_EQ(open.count(request.tag), 0U) << "tag " << unsigned{request.tag};
    open[request.tag] = {cycle, request.address, bytes, bytes};
  }
  void dma_response(std::uint64_t cycle, const DmaResponse& response) override {
    if (response.heard) return;
    auto& open = open_[index(response.engine)];
    const auto it = open.find(response.tag);
    ASSERT_NE(it, open.end()) << "tag " << unsigned{response.tag};
    EXPECT_GT(cycle, it->second.cycle);
    if (static_cast<Kind>(response.kind) == Kind::kReadRsp) {
      EXPECT_EQ(response.address % 64, 0U);
      EXPECT_LT(response.address, it->second.address + it->second.bytes);
      it->second.left -= popcount(response.strobe);
      if (it->second.left != 0) return;
    }
    open.erase(it);
  }
  /// Nothing is under way.
  void expect_quiet() const {
    for (const auto& open : open_) EXPECT_TRUE(open.empty());
  }
  std::size_t requests = 0;

 private:
  struct Open {
    std::uint64_t cycle, address, bytes, left;
  };
  static std::size_t index(Engine engine) { return static_cast<std::size_t>(engine); }
  static std::uint64_t popcount(std::uint64_t strobe) {
    return static_cast<unsigned>(__builtin_popcountll(strobe));
  }

  std::array<std::map<unsigned, Open>, 2> open_;
  std::array<std::uint64_t, 2> last_{};
};

class TlmProgram : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    seed_ = from_env("TSR_SEED", 1);
    std::seed_seq seeds{seed_, std::uint64_t{GetParam()}};
    rng_.seed(seeds);
    host_.rng.seed(static_cast<unsigned>(rng_()));
    complex_ = make_engine_complex({}, host_);
    host_.complex = complex_.get();
    host_.observer = &watch_;
    layout_.lists = 4096;
    layout_.arena.base = layout_.lists + ProgramLayout::kListBytes;
    layout_.memory = {{hbm_address(0x40'0000 + rng_() % 5000), 4096},
                      {node_address(kOther, kSpm + 0x2000), 2048}};
    layout_.unmapped = {hbm_address(0x80'0000), 8192};
    layout_.own_spm = node_address(kSelf, kSpm);
    layout_.own_x = kSelf.x;
    layout_.own_y = kSelf.y;
    layout_.report_rect = kOther.x | kOther.y << 8 | kOther.x << 16 | kOther.y << 24;
    for (std::uint64_t at = 0; at < layout_.unmapped.bytes; at += 64) {
      host_.bad_blocks.insert(layout_.unmapped.base + at);
    }
    world_.bad_blocks = host_.bad_blocks;
    world_.own_spm = host_.own_spm = layout_.own_spm;
    maker_ = std::make_unique<ProgramMaker>(rng_, layout_);
    world_.spm.resize(complex_->spm().size());
    for (auto& byte : world_.spm) byte = static_cast<std::uint8_t>(rng_());
    maker_->write_lists(world_);
    maker_->refresh(world_, 1);
    for (const auto& region : layout_.memory) {
      for (std::uint64_t i = 0; i < region.bytes; ++i) {
        world_.memory[region.base + i] = static_cast<std::uint8_t>(rng_() % 3 == 0 ? rng_() : 0x3f);
      }
    }
  }

  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(rng_) < p; }

  void push_all(const Program& program) {
    std::array<std::vector<const ProgramCommand*>, kEngines> lists;
    for (const auto& command : program.commands) lists[command.engine].push_back(&command);
    std::array<std::size_t, kEngines> next{};
    std::vector<Gate> gates = program.gates;
    const std::uint64_t limit = host_.clock.now() + 100'000;
    for (std::size_t left = program.commands.size(); left > 0;) {
      ASSERT_LT(host_.clock.now(), limit) << "queues do not drain";
      const auto engine = static_cast<unsigned>(rng_() % kEngines);
      if (next[engine] == lists[engine].size()) continue;
      if (!gates.empty() && chance(0.2)) {
        complex_->post(gates.back().semaphore, gates.back().n);
        gates.pop_back();
      }
      host_.run(rng_() % 8);
      const ProgramCommand& command = *lists[engine][next[engine]];
      const unsigned room = complex_->free_entries(static_cast<Engine>(engine));
      const bool pushed = complex_->push(static_cast<Engine>(engine), command.words);
      EXPECT_EQ(pushed, room != 0);
      if (!pushed && !command.dead) continue;  // behind a failed command no room will come
      ++next[engine];
      --left;
    }
    for (const Gate& gate : gates) {
      host_.run(rng_() % 60);
      complex_->post(gate.semaphore, gate.n);
    }
    host_.settle(100'000);
  }

  void check_ends(const Program& program, const std::vector<Outcome>& outcomes) {
    std::array<std::vector<const FakeHost::Done*>, kEngines> ends;
    for (const auto& done : host_.done) {
      ends[static_cast<unsigned>(done.done.engine)].push_back(&done);
    }
    std::array<std::size_t, kEngines> next{};
    unsigned flags = 0;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
      const auto& command = program.commands[i];
      if (command.dead && !command.bad) continue;
      auto& list = ends[command.engine];
      ASSERT_LT(next[command.engine], list.size()) << "command " << i << " has not ended";
      const auto& end = *list[next[command.engine]++];
      EXPECT_EQ(end.done.id, command.id());
      EXPECT_EQ(end.done.error, static_cast<unsigned>(outcomes[i].error)) << "command " << i;
      EXPECT_EQ(end.done.info, outcomes[i].info);
      if (outcomes[i].error != engines::CmdError::Bus) {
        EXPECT_EQ(end.done.address, outcomes[i].address);
      }
      EXPECT_EQ(end.interrupt, command.irq() && !command.bad);
      if (command.bad) continue;
      const unsigned own = (outcomes[i].nan ? 1U : 0U) | (outcomes[i].overflow ? 2U : 0U);
      flags |= command.engine == 3 ? own << 2 : own;
    }
    for (unsigned e = 0; e < kEngines; ++e) EXPECT_EQ(next[e], ends[e].size());
    EXPECT_EQ(host_.flags, flags) << "NaN, overflow of ME, of VE";
  }

  void check_reports(const Program& program) {
    std::array<std::vector<unsigned>, kEngines> expected, got;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
      const auto& command = program.commands[i];
      if (!command.dead && (command.post(0) & 0x30) == 0x30) {
        expected[command.engine].push_back(static_cast<unsigned>(i + 1));
      }
    }
    for (const auto& post : host_.posts) {
      EXPECT_TRUE((post.nodes == Rect{kOther, kOther}));
      got.at(post.semaphore).push_back(post.amount);
    }
    for (unsigned e = 0; e < kEngines; ++e) EXPECT_EQ(got[e], expected[e]) << engine_name(e);
  }

  void check_semaphores(const Program& program) {
    std::array<int, 16> expected{};
    std::array<bool, 16> open{};  // depends on what the stopped queue had already taken
    for (const Gate& gate : program.gates) expected[gate.semaphore] += static_cast<int>(gate.n);
    for (const auto& command : program.commands) {
      for (unsigned slot = 0; slot < 2; ++slot) {
        const unsigned wait = command.wait(slot), post = command.post(slot);
        const bool waits = (wait >> 4 & 1) != 0;
        if (waits && command.dead && !command.bad) open[wait & 15] = true;
        if (waits && (!command.dead || command.bad)) {
          expected[wait & 15] -= static_cast<int>(wait >> 8);
        }
        if ((post >> 4 & 3) == 1 && !command.dead) {
          expected[post & 15] += static_cast<int>(post >> 8);
        }
      }
    }
    for (unsigned s = 0; s < 16; ++s) {
      if (!open[s]) EXPECT_EQ(static_cast<int>(complex_->semaphore(s)), expected[s]) << s;
      while (const std::uint32_t value = complex_->semaphore(s)) {
        complex_->take(s, std::min(value, 255U));
      }
    }
  }

  void check_data(const Program& program) {
    EXPECT_TRUE(host_.multicast == world_.multicast) << "multicast data";
    const auto& spm = complex_->spm();
    for (std::size_t i = 0; i < spm.size(); ++i) {
      if (spm[i] == world_.spm[i]) continue;
      ADD_FAILURE() << fmt::format("scratchpad {:#x} is {:02x}, expected {:02x}; written by {}", i,
                                   spm[i], world_.spm[i], program.writer(false, i));
      break;
    }
    for (const auto& [address, byte] : world_.memory) {
      if (host_.memory[address] == byte) continue;
      ADD_FAILURE() << fmt::format("memory {:#x} is {:02x}, expected {:02x}; written by {}",
                                   address, host_.memory[address], byte,
                                   program.writer(true, address));
      break;
    }
    EXPECT_EQ(host_.memory.size(), world_.memory.size());
  }

  /// Every cycle of an engine belongs to one state.
  void check_counters() {
    for (unsigned e = 0; e < kEngines; ++e) {
      std::uint64_t sum = 0;
      for (unsigned n = 0; n <= 6; ++n) sum += complex_->counter(16 * e + n);
      EXPECT_EQ(sum, complex_->counter(112)) << engine_name(e);
    }
  }

  void run_program(unsigned number, bool failing) {
    static constexpr unsigned kLatency[] = {1, 20, 150, 600};
    host_.least = kLatency[rng_() % 2];
    host_.most = kLatency[2 + rng_() % 2];
    host_.late = chance(0.5) ? 0 : 0.5;
    maker_->refresh(world_, 0.4);
    complex_->spm() = world_.spm;
    host_.memory = world_.memory;
    const Program program = maker_->make(world_, number, failing);
    SCOPED_TRACE(fmt::format("seed {} shard {} {}", seed_, GetParam(), program.describe()));
    const auto outcomes = execute(program, world_);
    for (unsigned context = 0; context < 8; ++context) {
      for (unsigned w = 0; w < 128; ++w) {
        complex_->set_context_word(512 * context + 4 * w,
                                   program.contexts[context][w / 16][w % 16]);
      }
    }
    push_all(program);
    check_ends(program, outcomes);
    check_reports(program);
    check_semaphores(program);
    check_data(program);
    check_counters();
    for (unsigned e = 0; e < kEngines; ++e) {
      const bool stopped = complex_->stopped(static_cast<Engine>(e));
      bool bad = false;
      for (const auto& command : program.commands) bad |= command.bad && command.engine == e;
      EXPECT_EQ(stopped, bad) << engine_name(e);
    }
    complex_->flush(31);
    host_.settle(1000);
    EXPECT_TRUE(complex_->idle());
    EXPECT_LE(host_.most_under_way(), 96);
    watch_.expect_quiet();
    EXPECT_EQ(watch_.requests, host_.requests.size());
    watch_.requests = 0;
    world_.multicast.clear();
    host_.multicast.clear();
    host_.done.clear();
    host_.posts.clear();
    host_.requests.clear();
    host_.flags = 0;
  }

  unsigned long seed_ = 1;
  std::mt19937_64 rng_;
  DmaWatch watch_;
  FakeHost host_;
  std::unique_ptr<EngineComplex> complex_;
  ProgramLayout layout_;
  World world_;
  std::unique_ptr<ProgramMaker> maker_;
};

TEST_P(TlmProgram, LeavesWhatTheFunctionalModelLeaves) {
  const unsigned programs = kPrograms * static_cast<unsigned>(from_env("TSR_SCALE", 1));
  for (unsigned number = 0; number < programs && !HasFailure(); ++number) {
    run_program(number, chance(0.1));
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, TlmProgram, testing::Range(0U, 4U));

}  // namespace
}  // namespace tsr::tb
