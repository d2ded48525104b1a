// SPDX-License-Identifier: Apache-2.0
/// Random command programs on a whole tile against the functional executor: all engines with random
/// contexts, semaphores, overlap, chains, illegal commands, stalls everywhere, and other nodes that
/// use the scratchpad meanwhile.
///
/// TSR_SCALE multiplies the number of programs. A failure prints the program; TSR_SEED and the name
/// of the test repeat it.
#include "tile/program_maker.hpp"
#include "tile/spm_view.hpp"
#include "tile/tile_bench.hpp"

namespace tsr::tb {
namespace {

constexpr unsigned kShards = 8;
constexpr unsigned kProgramsOfShard = 150;  // 1,200 in all

unsigned scale_from_env() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? static_cast<unsigned>(std::max(1L, std::strtol(text, nullptr, 0))) : 1;
}

/// Another node that reads and writes its part of the scratchpad at random times.
struct Neighbour {
  static constexpr std::uint8_t kTag = 200;
  static constexpr std::uint32_t kBytes = 1024;
  std::uint32_t base = 0;  // multiple of 64
  double chance = 0;       // of a request in a cycle without one
  bool busy = false;
  bool reads = false;
  Flit flit{};
  unsigned answered = 0;
};

class TileProgram : public TileBench, public testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    TileBench::SetUp();
    std::seed_seq seeds{seed() & 0xffff'ffff, seed() >> 32, std::uint64_t{GetParam()}};
    rng().seed(seeds);
    place_data();
    maker_ = std::make_unique<ProgramMaker>(rng(), layout_);
    open_windows();
    set(reg::kRemoteBaseOffset, neighbour_.base);
    set(reg::kRemoteLimitOffset, neighbour_.base + Neighbour::kBytes - 1);
    set(reg::kRemoteCtrlOffset, 3);
    after_edge([this] { be_neighbour(); });
    fill_everything();
  }

  void place_data() {
    // Near the beginning, somewhere, or up to the last byte.
    const std::uint32_t total = layout_.arena.bytes + ProgramLayout::kListBytes + Neighbour::kBytes;
    const std::uint32_t most = (kSpmBytes - total) / 64;
    const auto at = GetParam() == 0   ? 0
                    : GetParam() == 1 ? most
                                      : static_cast<std::uint32_t>(rand_in(0, most));
    neighbour_.base = 64 * at;
    layout_.lists = neighbour_.base + Neighbour::kBytes;
    layout_.arena.base = layout_.lists + ProgramLayout::kListBytes;
    layout_.memory = {{hbm_address(0x40'0000 + rand_in(0, 5000)), 4096},
                      {node_address(kOther, kSpm + 0x2000), 2048}};
    layout_.unmapped = {hbm_address(0x80'0000), 8192};
    layout_.own_spm = node_address(kSelf, kSpm);
    layout_.own_x = kSelf.x;
    layout_.own_y = kSelf.y;
    layout_.report_rect = kOther.x | kOther.y << 8 | kOther.x << 16 | kOther.y << 24;
    for (std::uint64_t block = 0; block < layout_.unmapped.bytes; block += 64) {
      bad_blocks_.insert(layout_.unmapped.base + block);
    }
    world_.bad_blocks = bad_blocks_;
    world_.own_spm = layout_.own_spm;
  }

  /// The whole scratchpad and the memory outside.
  void fill_everything() {
    links().send_chance = links().credit_chance = 1;
    world_.spm = random_bytes(kSpmBytes);
    maker_->write_lists(world_);
    maker_->refresh(world_, 1);
    store_blocks(0, kSpmBytes);
    for (const auto& region : layout_.memory) {
      for (std::uint64_t i = 0; i < region.bytes; ++i) {
        const auto byte = static_cast<std::uint8_t>(chance(0.3) ? rand_in(0, 255) : 0x3f);
        world_.memory[region.base + i] = memory_[region.base + i] = byte;
      }
    }
    for (unsigned context = 0; context < 8; ++context) {
      for (unsigned row = 0; row < 8; ++row) write_context(context, row, contexts_[context][row]);
    }
  }

  void store_blocks(std::uint32_t begin, std::uint32_t end) {
    std::vector<BlockWrite> writes;
    for (std::uint32_t at = begin; at < end; at += 64) {
      BlockWrite write{kSpm + at, ~std::uint64_t{0}, {}};
      std::memcpy(write.data.data(), &world_.spm[at], 64);
      writes.push_back(write);
    }
    ASSERT_TRUE(write_batch(writes));
  }

  // ---------------------------------------------------------------- the other node

  void be_neighbour() {
    if (neighbour_.busy) {
      auto& list = links().responses.received;
      const auto it = std::find_if(list.begin(), list.end(),
                                   [](const Flit& f) { return f.tag == Neighbour::kTag; });
      if (it == list.end()) return;
      check_neighbour(*it);
      list.erase(it);
      neighbour_.busy = false;
      ++neighbour_.answered;
      return;
    }
    if (neighbour_.chance == 0 || !chance(neighbour_.chance)) return;
    const std::uint32_t at =
        neighbour_.base + 64 * static_cast<std::uint32_t>(rand_in(0, Neighbour::kBytes / 64 - 1));
    neighbour_.reads = chance(0.5);
    Flit& flit = neighbour_.flit;
    flit = request(kOther, neighbour_.reads ? Kind::kRead : Kind::kWrite, kSpm + at);
    flit.tag = Neighbour::kTag;
    if (neighbour_.reads) {
      flit.strb = 64;
    } else {
      flit.strb = rng()();
      for (auto& word : flit.data) word = rng()();
      for (unsigned i = 0; i < 64; ++i) {
        if ((flit.strb >> i & 1) != 0) {
          world_.spm[at + i] = static_cast<std::uint8_t>(flit.data[i / 8] >> (8 * (i % 8)));
        }
      }
    }
    flit.seal();
    links().to_request.queue.push_back(flit);
    neighbour_.busy = true;
  }

  void check_neighbour(const Flit& rsp) {
    EXPECT_EQ(rsp.kind, neighbour_.reads ? Kind::kReadRsp : Kind::kWriteRsp);
    if (!neighbour_.reads || rsp.kind != Kind::kReadRsp) return;
    const std::size_t at = (neighbour_.flit.addr & 0xff'ffff);
    EXPECT_EQ(std::memcmp(rsp.data.data(), &world_.spm[at], 64), 0) << "read by the other node";
  }

  // ---------------------------------------------------------------- running a program

  void random_stalls() {
    static constexpr double kChance[] = {1, 1, 0.6, 0.3};
    links().send_chance = kChance[rand_in(0, 3)];
    links().credit_chance = kChance[rand_in(0, 3)];
    answer_chance_ = kChance[rand_in(0, 3)];
    static constexpr double kTraffic[] = {0, 0.02, 0.2};
    neighbour_.chance = kTraffic[rand_in(0, 2)];
  }

  /// The words of all contexts that changed.
  void write_contexts(const Contexts& contexts) {
    std::vector<BlockWrite> writes;
    for (unsigned context = 0; context < 8; ++context) {
      for (unsigned row = 0; row < 8; ++row) {
        unsigned mask = 0;
        for (unsigned w = 0; w < 16; ++w) {
          if (contexts[context][row][w] != contexts_[context][row][w]) mask |= 1U << w;
        }
        if (mask == 0) continue;
        writes.push_back(
            word_write(kContexts + context * 512 + row * 64, contexts[context][row], mask));
      }
    }
    contexts_ = contexts;
    ASSERT_TRUE(write_batch(writes));
  }

  /// Push all commands, each queue in order, the queues in any order.
  void push_all(const Program& program) {
    std::array<std::vector<const ProgramCommand*>, kEngines> lists;
    for (const auto& command : program.commands) lists[command.engine].push_back(&command);
    std::array<std::size_t, kEngines> next{};
    std::vector<Gate> gates = program.gates;
    const std::uint64_t limit = cycle() + 100'000;
    for (std::size_t left = program.commands.size(); left > 0;) {
      ASSERT_LT(cycle(), limit) << "queues do not drain";
      const auto engine = static_cast<unsigned>(rand_in(0, kEngines - 1));
      if (next[engine] == lists[engine].size()) continue;
      if (!gates.empty() && chance(0.2)) {
        post_semaphore(gates.back().semaphore, gates.back().n);
        gates.pop_back();
      }
      // A refused push would be recorded as an error.
      if (next[engine] >= 8 && (get(reg::kQueueStatusOffset) >> (4 * engine) & 15) == 0) {
        if (!lists[engine][next[engine]]->dead) continue;
        ++next[engine];  // behind a failed command no room will come
        --left;
        continue;
      }
      const Words& words = lists[engine][next[engine]]->words;
      unsigned mask = 1U << 15;
      for (unsigned w = 0; w < 15; ++w) {
        if (!staging_[engine] || words[w] != (*staging_[engine])[w]) mask |= 1U << w;
      }
      staging_[engine] = words;
      const BlockWrite write = word_write(kCommands + engine * 64, words, mask);
      const Err err = write_block(write.offset, write.strb, write.data);
      ASSERT_EQ(err, Err::kNone);
      ++next[engine];
      --left;
    }
    for (const Gate& gate : gates) {
      if (chance(0.5)) run(rand_in(0, 60));
      post_semaphore(gate.semaphore, gate.n);
    }
  }

  std::uint32_t commands_done(unsigned engine) {
    set(reg::kCountSelOffset, 16 * engine + 8);
    return get(reg::kCountLoOffset);
  }

  /// Wait for every command that can finish.
  bool finish(const Program& program) {
    std::array<unsigned, kEngines> expected{};
    unsigned busy = 0;
    for (const auto& command : program.commands) {
      if (!command.dead || command.bad) ++expected[command.engine];
      if (command.dead) busy |= 1U << command.engine;
    }
    for (unsigned e = 0; e < kEngines; ++e) total_[e] += expected[e];
    const std::uint64_t limit = cycle() + 100'000;
    while ((get(reg::kQueueStatusOffset) >> 20 & 31 & ~busy) != 0) {
      if (cycle() > limit) return false;
    }
    for (unsigned e = 0; e < kEngines; ++e) {
      if ((busy >> e & 1) == 0) continue;
      while (commands_done(e) != total_[e]) {
        if (cycle() > limit) return false;
      }
    }
    neighbour_.chance = 0;
    return run_until([&] { return !neighbour_.busy && links().to_request.queue.empty(); }, 5000);
  }

  // ---------------------------------------------------------------- comparing

  void check_reports(const Program& program) {
    run(40);  // posts on their way
    std::array<std::vector<unsigned>, kEngines> expected, got;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
      const auto& command = program.commands[i];
      if (!command.dead && (command.post(0) & 0x30) == 0x30) {
        expected[command.engine].push_back(static_cast<unsigned>(i + 1));
      }
    }
    for (const Flit& post : posts_) {
      const unsigned engine = post.doff & 15;
      ASSERT_LT(engine, kEngines);
      EXPECT_TRUE((post.dst == Rect{kOther, kOther}));
      got[engine].push_back(post.doff >> 8 & 255);
    }
    posts_.clear();
    for (unsigned e = 0; e < kEngines; ++e) {
      EXPECT_EQ(got[e], expected[e])
          << "completions of " << engine_name(e) << ", command numbers + 1";
    }
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
        if (waits && (!command.dead || command.bad))
          expected[wait & 15] -= static_cast<int>(wait >> 8);
        if ((post >> 4 & 3) == 1 && !command.dead)
          expected[post & 15] += static_cast<int>(post >> 8);
      }
    }
    const Answer answer = read(kRegs + reg::kSemOffset, 64);
    ASSERT_EQ(answer.err, Err::kNone);
    for (unsigned s = 0; s < 16; ++s) {
      std::uint32_t value = 0;
      std::memcpy(&value, &answer.bytes[4 * s], 4);
      if (!open[s]) EXPECT_EQ(static_cast<int>(value), expected[s]) << "semaphore " << s;
      for (; value > 0; value -= std::min(value, 255U)) {
        set(reg::kSemOffset + 4 * s, 0x8000'0000 | std::min(value, 255U));
      }
    }
  }

  void check_status(const Program& program, const std::vector<Outcome>& outcomes) {
    const ProgramCommand* bad = nullptr;
    Outcome failure;
    unsigned flags = 0;
    bool irq = false;
    for (std::size_t i = 0; i < program.commands.size(); ++i) {
      const auto& command = program.commands[i];
      if (command.bad) {
        bad = &command;
        failure = outcomes[i];
        continue;
      }
      if (command.dead) continue;
      EXPECT_EQ(outcomes[i].error, engines::CmdError::Ok) << "the generator made command " << i;
      const unsigned own = (outcomes[i].nan ? 1U : 0U) | (outcomes[i].overflow ? 2U : 0U);
      flags |= command.engine == 3 ? own << 2 : own;
      irq = irq || command.irq();
    }
    const std::uint32_t status = get(reg::kQueueStatusOffset);
    EXPECT_EQ(status >> 25 & 31, bad != nullptr ? 1U << bad->engine : 0U) << "stopped queues";
    EXPECT_EQ(get(reg::kErrStatusOffset), bad != nullptr ? 1U : 0U) << "errors captured";
    EXPECT_EQ(get(reg::kFmtStatusOffset), flags) << "NaN, overflow of ME, of VE";
    EXPECT_EQ(get(reg::kIrqStateOffset) & 3, (irq ? 1U : 0U) | (bad != nullptr ? 2U : 0U));
    set(reg::kFmtStatusOffset, 15);
    if (bad != nullptr) {
      const std::uint32_t first = get(reg::kErrFirstOffset);
      EXPECT_EQ(first & 7, bad->engine);
      EXPECT_EQ(first >> 4 & 15, static_cast<unsigned>(failure.error));
      EXPECT_EQ(first >> 8 & 7, failure.info);
      EXPECT_EQ(first >> 16, bad->id());
      EXPECT_EQ(get(reg::kErrLastOffset), first);
      if (failure.error != engines::CmdError::Bus) {  // else: of any request in flight
        EXPECT_EQ(get(reg::kErrFirstAddrLoOffset), static_cast<std::uint32_t>(failure.address));
      }
      set(reg::kEngineCtrlOffset, 31);
      set(reg::kErrStatusOffset, 3);
      run(5);
      EXPECT_EQ(get(reg::kQueueStatusOffset), 0x0008'8888U) << "flushed";
    }
    set(reg::kIrqStateOffset, 3);
  }

  void check_data(const Program& program) {
    // Multicasts are data of other nodes.
    std::map<std::uint64_t, std::uint8_t> multicast;
    for (const Flit& flit : posted_) {
      EXPECT_EQ(flit.mcast, !(flit.dst.lo == flit.dst.hi));
      EXPECT_FALSE(flit.dst.contains(kSelf));
      for (unsigned i = 0; i < 64; ++i) {
        if ((flit.strb >> i & 1) == 0) continue;
        multicast[(flit.addr & 0xffff'ffff) + i] =
            static_cast<std::uint8_t>(flit.data[i / 8] >> (8 * (i % 8)));
        memory_.erase(flit.addr + i);
      }
    }
    posted_.clear();
    EXPECT_TRUE(multicast == world_.multicast) << "multicast data";
    world_.multicast.clear();
    const auto first_difference = [&](const char* what, bool memory, std::uint64_t address,
                                      unsigned got, unsigned expected) {
      ADD_FAILURE() << fmt::format("{} {:#x} is {:02x}, expected {:02x}; last written by {}", what,
                                   address, got, expected, program.writer(memory, address));
    };
    const Bytes spm = scratchpad(dut());
    for (std::size_t i = 0; i < spm.size() && spm != world_.spm; ++i) {
      if (spm[i] == world_.spm[i]) continue;
      first_difference("scratchpad", false, i, spm[i], world_.spm[i]);
      break;
    }
    if (memory_ == world_.memory) return;
    for (const auto& [address, byte] : memory_) {
      const auto it = world_.memory.find(address);
      if (it != world_.memory.end() && it->second == byte) continue;
      first_difference("memory", true, address, byte, it == world_.memory.end() ? 0 : it->second);
      break;
    }
  }

  void run_program(unsigned number, bool failing) {
    random_stalls();
    for (const std::uint32_t page : maker_->refresh(world_, 0.4)) {
      const auto at = static_cast<std::uint32_t>(layout_.arena.base + page * ProgramLayout::kPage);
      store_blocks(at, at + ProgramLayout::kPage);
    }
    const Program program = maker_->make(world_, number, failing);
    SCOPED_TRACE(fmt::format("seed {} shard {} {}", seed(), GetParam(), program.describe()));
    const auto outcomes = execute(program, world_);
    write_contexts(program.contexts);
    push_all(program);
    ASSERT_TRUE(finish(program)) << "commands do not finish: queue status " << std::hex
                                 << get(reg::kQueueStatusOffset);
    check_reports(program);
    check_semaphores(program);
    check_status(program, outcomes);
    check_data(program);
    for (const auto& command : program.commands) {
      ++ran_[command.engine];
      if (command.partner >= 0) ++chained_;
      if (command.overlap()) ++overlapped_;
      if (command.bad) ++failed_;
      if ((command.words[1] & 0x0010'0010) != 0) ++waited_;
    }
  }

  ProgramLayout layout_;
  World world_;
  std::unique_ptr<ProgramMaker> maker_;
  Neighbour neighbour_;
  Contexts contexts_{};                                 // as the tile has them
  std::array<std::optional<Words>, kEngines> staging_;  // likewise; nothing is known after reset
  std::array<std::uint32_t, kEngines> total_{};         // completed commands
  std::array<unsigned, kEngines> ran_{};
  unsigned chained_ = 0, overlapped_ = 0, failed_ = 0, waited_ = 0;
};

TEST_P(TileProgram, LeavesWhatTheFunctionalModelLeaves) {
  const unsigned programs = kProgramsOfShard * scale_from_env();
  const std::uint64_t begin = cycle();
  for (unsigned number = 0; number < programs && !HasFailure(); ++number) {
    run_program(number, chance(0.08));
  }
  fmt::print(
      "{} programs, {} cycles; commands: {} RDMA, {} WDMA, {} ME, {} VE, {} TDMA; {} chained, "
      "{} overlapped, {} with waits, {} illegal; {} accesses by another node\n",
      programs, cycle() - begin, ran_[0], ran_[1], ran_[2], ran_[3], ran_[4], chained_, overlapped_,
      waited_, failed_, neighbour_.answered);
  if (HasFailure()) return;
  // The mix is what it is meant to be.
  for (const unsigned n : ran_) EXPECT_GT(n, programs);
  EXPECT_GT(chained_, programs / 8);
  EXPECT_GT(overlapped_, programs);
  EXPECT_GT(waited_, programs);
  EXPECT_GT(failed_, programs / 40);
  // Through the network the scratchpad looks the same.
  links().send_chance = links().credit_chance = 1;
  EXPECT_EQ(read_bytes(kSpm, kSpmBytes), world_.spm);
}

INSTANTIATE_TEST_SUITE_P(Shard, TileProgram, testing::Range(0U, kShards));

}  // namespace
}  // namespace tsr::tb
