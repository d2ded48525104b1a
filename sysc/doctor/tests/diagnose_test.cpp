// SPDX-License-Identifier: Apache-2.0
/// Diagnoses of states made by hand.
#include "doctor/diagnose.hpp"

#include <gtest/gtest.h>

#include "doctor/state_text.hpp"
#include "error.hpp"

namespace tsr::doctor {
namespace {

/// 2 x 3: ctl and a bare node, two tiles, two memory nodes. Nothing happens.
ChipState quiet_chip() {
  ChipState state;
  state.config.mesh_w = 2;
  state.config.mesh_h = 3;
  state.config.mem = {{0, 2}, {1, 2}};
  const auto add = [&](Node node, Kind kind) {
    NodeState n;
    n.node = node;
    n.kind = kind;
    if (kind != Kind::Memory) {
      n.core.running = n.core.asleep = true;
      n.core.observed = 5000;
      n.core.wake.enabled = kind == Kind::Ctl ? 1U << 27 : 1U << 18;  // watchdog, launch
      for (const char* name : {"RDMA", "WDMA", "ME", "VE", "TDMA"}) {
        EngineState engine;
        engine.name = name;
        n.engines.push_back(engine);
      }
    }
    state.nodes.push_back(n);
  };
  add({0, 0}, Kind::Ctl);
  add({0, 1}, Kind::Tile);
  add({1, 1}, Kind::Tile);
  add({0, 2}, Kind::Memory);
  add({1, 2}, Kind::Memory);
  for (unsigned y = 0; y < 3; ++y) {
    for (unsigned x = 0; x < 2; ++x) {
      for (unsigned out = 0; out < kNumDirs; ++out) {
        for (const bool response : {false, true}) {
          state.outputs.push_back({{x, y}, response, static_cast<Dir>(out), {8, 8}, false, false});
        }
      }
    }
  }
  return state;
}

CoreState waits_for_commands() {
  CoreState core;
  core.running = core.asleep = true;
  core.wake.enabled = 1U << 16;
  core.observed = 5000;
  return core;
}

OutputState& output(ChipState& state, Node node, bool response, Dir out) {
  for (auto& o : state.outputs) {
    if (o.node == node && o.response == response && o.out == out) return o;
  }
  throw std::logic_error("no such output");
}

TEST(Diagnose, AQuietChipHasNothing) {
  const auto found = diagnose(quiet_chip());
  EXPECT_EQ(found.kind, "none");
  EXPECT_TRUE(found.waits.empty());
  EXPECT_EQ(found.cores.size(), 3U);
}

TEST(Diagnose, APostThatNobodyMakes) {
  auto state = quiet_chip();
  auto& tile = state.nodes[1];
  tile.core = waits_for_commands();
  tile.engines[0].head_waits = true;
  tile.engines[0].queued = {{7, {{5, 2, {}}}, {}}};
  tile.semaphores[5] = 1;
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "missing post");
  EXPECT_NE(found.cause.find("semaphore 5 of tile (0, 1) is waited for (has 1)"), std::string::npos)
      << found.text();
  ASSERT_EQ(found.waits.size(), 2U);
  EXPECT_EQ(found.waits[1].who, "RDMA of tile (0, 1)");
}

TEST(Diagnose, APostFromAnotherTileIsFollowedToItsCause) {
  auto state = quiet_chip();
  auto& near = state.nodes[1];
  auto& far = state.nodes[2];
  near.core = waits_for_commands();
  near.engines[2].head_waits = true;
  near.engines[2].queued = {{1, {{3, 1, {}}}, {}}};
  far.core = waits_for_commands();
  far.engines[1].running = {{2, {}, {{3, 1, Rect{{0, 1}, {1, 1}}}}}};
  far.engines[1].transactions = {{hbm_address(0), true, 70'000, false}};
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "no answer");
  EXPECT_NE(found.cause.find("memory (0, 2) does not answer"), std::string::npos) << found.text();
  EXPECT_NE(found.text().find("semaphore 3 of tile (0, 1) -> WDMA of tile (1, 1)"),
            std::string::npos)
      << found.text();
  ASSERT_EQ(found.transactions.size(), 1U);
}

TEST(Diagnose, ACircleOfWaits) {
  auto state = quiet_chip();
  auto& tile = state.nodes[2];
  tile.core = waits_for_commands();
  for (unsigned e : {0U, 1U}) {
    tile.engines[e].head_waits = true;
    tile.engines[e].queued = {{e, {{e, 1, {}}}, {{1 - e, 1, {}}}}};
  }
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "deadlock");
  EXPECT_EQ(found.cycle.size(), 4U);
}

TEST(Diagnose, AFullQueueThatACorePolls) {
  auto state = quiet_chip();
  auto& tile = state.nodes[1];
  tile.core = waits_for_commands();
  tile.core.asleep = false;
  tile.core.pcs = 12;
  tile.core.retired = 3000;
  tile.core.pc_low = 0x100;
  tile.core.pc_high = 0x140;
  tile.engines[2].full = tile.engines[2].head_waits = true;
  tile.engines[2].queued.assign(9, {4, {{6, 1, {}}}, {}});
  const auto found = diagnose(state);
  EXPECT_TRUE(found.kind == "missing post" || found.kind == "queue full") << found.text();
  EXPECT_NE(
      found.text().find("the command queue of the ME of tile (0, 1) is full (9 commands) and the "
                        "first one waits for semaphore 6 (has 0, needs 1)"),
      std::string::npos)
      << found.text();
}

TEST(Diagnose, ALoop) {
  auto state = quiet_chip();
  auto& core = state.nodes[2].core;
  core = {};
  core.running = true;
  core.pcs = 2;
  core.retired = 4000;
  core.pc_low = 0x200;
  core.pc_high = 0x204;
  core.observed = 5000;
  const auto found =
      diagnose(state, [](Kind, std::uint32_t pc) { return pc == 0x200 ? "spin" : "spin+0x4"; });
  EXPECT_EQ(found.kind, "loop");
  EXPECT_NE(found.cause.find("2 instructions between 0x200 (spin) and 0x204 (spin+0x4) for 5000"),
            std::string::npos)
      << found.text();
}

TEST(Diagnose, ACoreThatHasJustWokenDoesNotLoop) {
  auto state = quiet_chip();
  auto& core = state.nodes[0].core;
  core.asleep = false;
  core.pcs = core.retired = 9;
  EXPECT_EQ(diagnose(state).kind, "none");
}

TEST(Diagnose, LostCreditsOfALink) {
  auto state = quiet_chip();
  state.buffers.push_back({{0, 1}, false, Dir::kLocal, 0, 3, {Dir::kEast}});
  output(state, {0, 1}, false, Dir::kEast).credits = {0, 8};
  auto found = diagnose(state);
  EXPECT_EQ(found.kind, "lost credit");
  EXPECT_NE(found.cause.find("router (0, 1) east"), std::string::npos) << found.text();
  // With flits on the other side it is only a jam.
  state.buffers.push_back({{1, 1}, false, Dir::kWest, 0, 8, {Dir::kSouth}});
  found = diagnose(state);
  EXPECT_NE(found.kind, "lost credit") << found.text();
  EXPECT_EQ(found.waits.front().whom, "request buffer west vc 0 of router (1, 1)");
}

TEST(Diagnose, LostCreditsOfAMemoryNodeAndAJamInFrontOfOne) {
  auto state = quiet_chip();
  state.buffers.push_back({{1, 2}, false, Dir::kNorth, 0, 8, {Dir::kLocal}});
  output(state, {1, 2}, false, Dir::kLocal).credits = {0, 0};
  EXPECT_EQ(diagnose(state).kind, "lost credit");
  state.nodes[4].reads = 64;
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "not taken");
  EXPECT_NE(found.cause.find("memory (1, 2) takes nothing"), std::string::npos) << found.text();
}

TEST(Diagnose, AnswersThatDoNotGetAway) {
  auto state = quiet_chip();
  state.nodes[4].answers_held = true;
  EXPECT_EQ(diagnose(state).kind, "none");  // nobody waits for long: it is just under way
  auto& tile = state.nodes[1];
  tile.core = waits_for_commands();
  tile.engines[0].running = {{1, {}, {}}};
  tile.engines[0].transactions = {{hbm_address(256), false, 4000, false}};
  auto found = diagnose(state);
  EXPECT_EQ(found.kind, "no answer");
  EXPECT_NE(found.cause.find("memory (1, 2) does not answer: it holds"), std::string::npos)
      << found.text();
  state.buffers.push_back({{1, 2}, true, Dir::kLocal, 0, 8, {Dir::kWest}});
  found = diagnose(state);
  EXPECT_NE(found.cause.find("1 request is in flight"), std::string::npos) << found.text();
}

TEST(Diagnose, StoppedEnginesDebuggersAndDeadLinks) {
  auto state = quiet_chip();
  state.nodes[1].engines[3].stopped = true;
  EXPECT_EQ(diagnose(state).kind, "stopped");
  state.nodes[2].core.halted = true;
  EXPECT_EQ(diagnose(state).kind, "debugger");
  output(state, {0, 1}, true, Dir::kSouth).stuck = true;
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "dead link");
  EXPECT_EQ(found.others.size(), 2U);
}

TEST(Diagnose, ACoreThatSleepsForNothing) {
  auto state = quiet_chip();
  state.nodes[1].core = waits_for_commands();
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "asleep");
  EXPECT_NE(found.cause.find("core of tile (0, 1) sleeps at 0x0"), std::string::npos)
      << found.text();
}

TEST(Diagnose, ALoadThatTakesForever) {
  auto state = quiet_chip();
  state.nodes[1].core.asleep = false;
  state.nodes[1].core.access = Transaction{node_address({1, 1}, 0x20000), false, 4000, false};
  const auto found = diagnose(state);
  EXPECT_EQ(found.kind, "no answer");
  EXPECT_NE(found.cause.find("tile (1, 1) does not answer: 1 request is in flight"),
            std::string::npos)
      << found.text();
}

TEST(Doctor, StatesAsTextAreTheSame) {
  ChipState state = quiet_chip();
  NodeState& tile = state.nodes[1];
  tile.core.access = Transaction{0x123456789abcULL, true, 77, true};
  tile.core.wake.semaphore = Tokens{3, 2, {}};
  tile.core.wake.space_of = 4;
  tile.core.pc = 0x1000;
  tile.core.pcs = 5;
  tile.core.observed = 1500;
  tile.semaphores[9] = 8;
  EngineState& engine = tile.engines[1];
  engine.activity = Activity::WaitSem;
  engine.head_waits = engine.full = true;
  engine.running = {{7, {}, {{1, 2, Rect{{0, 1}, {1, 2}}}}}};
  engine.queued = {{8, {{5, 1, {}}}, {}}};
  engine.transactions = {{std::nullopt, true, 9, false}};
  const auto text = to_text(state.nodes);
  const auto again = nodes_of(text);
  EXPECT_EQ(to_text(again), text);
  state.nodes = again;
  const auto& told = again[1];
  EXPECT_EQ(told.core.access->address, 0x123456789abcULL);
  EXPECT_EQ(told.core.wake.space_of, 4U);
  EXPECT_EQ(told.semaphores[9], 8U);
  EXPECT_EQ(told.engines[1].running[0].posts[0].remote->hi, (Node{1, 2}));
  EXPECT_EQ(told.engines[1].queued[0].waits[0].semaphore, 5U);
  EXPECT_FALSE(told.engines[1].transactions[0].address);
  for (const char* bad : {"", "{}x", "[[1]]", "[1, 2"}) EXPECT_THROW(nodes_of(bad), Error) << bad;
}

}  // namespace
}  // namespace tsr::doctor
