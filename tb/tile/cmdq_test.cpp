// SPDX-License-Identifier: Apache-2.0
// Bench of tsr_cmdq against a list of commands.
#include <array>
#include <deque>
#include <optional>

#include "Vcmdq.h"
#include "common/bench.hpp"

namespace {

using tsr::tb::get_bits;
using Words = std::array<std::uint32_t, 16>;

constexpr unsigned kDepth = 8;

struct RemotePost {
  unsigned id;
  unsigned n;
  std::uint32_t rect;
};

bool operator==(const RemotePost& a, const RemotePost& b) {
  return a.id == b.id && a.n == b.n && a.rect == b.rect;
}

class CmdQueue : public tsr::tb::Bench<Vcmdq> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    dut().stage_valid_i = 0;
    dut().flush_i = 0;
    dut().void_i = 0;
    dut().wait_gnt_i = 0;
    dut().cmd_ready_i = 0;
    dut().rpost_ready_i = 0;
    finish(std::nullopt);
    reset();
  }

  /// Stage all words; word 15 pushes. Returns whether the push was taken.
  bool push(const Words& words) {
    bool refused = false;
    for (unsigned i = 0; i < 16; ++i) {
      dut().stage_valid_i = 1;
      dut().stage_word_i = i;
      dut().stage_data_i = words[i];
      dut().eval();
      refused = dut().push_err_o != 0;
      tick();
    }
    dut().stage_valid_i = 0;
    return !refused;
  }

  /// Drive done_i: id and error of the command that finishes now.
  void finish(std::optional<std::pair<unsigned, unsigned>> id_error) {
    for (unsigned i = 0; i < 3; ++i) dut().done_i[i] = 0;
    if (!id_error) return;
    // done_t from bit 0: addr 56, info 3, err 4, id 16, valid 1.
    tsr::tb::set_bits(dut().done_i, 59, 4, id_error->second);
    tsr::tb::set_bits(dut().done_i, 63, 16, id_error->first);
    tsr::tb::set_bits(dut().done_i, 79, 1, 1);
  }

  Words offered() {
    Words words{};
    for (unsigned i = 0; i < 16; ++i) words[i] = dut().cmd_o[i];
    return words;
  }

  Words random_command() {
    Words words{};
    for (auto& word : words) word = static_cast<std::uint32_t>(rng()());
    return words;
  }

  /// A command without waits and posts.
  static Words plain(unsigned id) {
    Words words{};
    words[0] = id << 16;
    return words;
  }

  void offer_and_accept() {
    dut().cmd_ready_i = 1;
    ASSERT_TRUE(run_until(
        [this] {
          dut().eval();
          return dut().cmd_valid_o != 0;
        },
        20));
    tick();
    dut().cmd_ready_i = 0;
  }
};

TEST_F(CmdQueue, HandsTheCommandOnUnchanged) {
  const Words words = random_command();
  Words no_waits = words;
  no_waits[1] = 0;
  ASSERT_TRUE(push(no_waits));
  ASSERT_TRUE(run_until(
      [this] {
        dut().eval();
        return dut().cmd_valid_o != 0;
      },
      5));
  EXPECT_EQ(offered(), no_waits);
}

TEST_F(CmdQueue, StagingWordsPersistBetweenPushes) {
  Words words = plain(7);
  words[5] = 0x1234;
  ASSERT_TRUE(push(words));
  offer_and_accept();
  dut().stage_valid_i = 1;
  dut().stage_word_i = 15;
  dut().stage_data_i = 99;
  tick();
  dut().stage_valid_i = 0;
  ASSERT_TRUE(run_until(
      [this] {
        dut().eval();
        return dut().cmd_valid_o != 0;
      },
      5));
  words[15] = 99;
  EXPECT_EQ(offered(), words);
}

TEST_F(CmdQueue, RefusesAPushWhenFull) {
  // One more than the queue: the first one moves to the head register.
  for (unsigned i = 0; i <= kDepth; ++i) ASSERT_TRUE(push(plain(i))) << i;
  EXPECT_EQ(dut().free_o, 0);
  EXPECT_FALSE(push(plain(100)));
  for (unsigned i = 0; i <= kDepth; ++i) {
    offer_and_accept();
    finish(std::make_pair(i, 0U));
    tick();
    finish(std::nullopt);
  }
  run(5);
  EXPECT_EQ(dut().cmd_valid_o, 0) << "the refused command must not appear";
  EXPECT_EQ(dut().busy_o, 0);
}

TEST_F(CmdQueue, WaitsForItsSemaphores) {
  Words words = plain(1);
  words[1] = 0x0013 | 2U << 8;  // wait 0: semaphore 3, enabled, two
  ASSERT_TRUE(push(words));
  run(10);
  EXPECT_EQ(dut().wait_valid_o, 1);
  EXPECT_EQ(dut().cmd_valid_o, 0);
  dut().wait_gnt_i = 1;
  tick();
  dut().wait_gnt_i = 0;
  run(2);
  EXPECT_EQ(dut().wait_valid_o, 0);
  EXPECT_EQ(dut().cmd_valid_o, 1);
}

TEST_F(CmdQueue, StopsOnAnErrorAndRestartsAfterFlush) {
  Words words = plain(1);
  words[0] |= 1U << 11;  // interrupt
  words[2] = 0x0112;     // post 0: semaphore 2, enabled, one
  ASSERT_TRUE(push(words));
  ASSERT_TRUE(push(plain(2)));
  offer_and_accept();
  finish(std::make_pair(1U, 5U));
  dut().eval();
  EXPECT_EQ(dut().post_valid_o, 0) << "a failed command posts nothing";
  EXPECT_EQ(dut().irq_o, 0);
  tick();
  finish(std::nullopt);
  run(10);
  EXPECT_EQ(dut().stopped_o, 1);
  EXPECT_EQ(dut().cmd_valid_o, 0) << "the next command must wait";
  dut().flush_i = 1;
  tick();
  dut().flush_i = 0;
  run(5);
  EXPECT_EQ(dut().stopped_o, 0);
  EXPECT_EQ(dut().busy_o, 0) << "flush drops what was queued";
  ASSERT_TRUE(push(plain(3)));
  ASSERT_TRUE(run_until(
      [this] {
        dut().eval();
        return dut().cmd_valid_o != 0;
      },
      5));
  EXPECT_EQ(offered()[0] >> 16, 3U);
}

TEST_F(CmdQueue, AGivenUpCommandEndsWithoutEffects) {
  Words words = plain(3);
  words[0] |= 1U << 11;               // interrupt
  words[2] = 0x0112 | 0x0113U << 16;  // posts
  for (const bool given_up : {true, false}) {
    ASSERT_TRUE(push(words));
    offer_and_accept();
    dut().void_i = given_up ? 1 : 0;
    finish(std::make_pair(3U, 0U));
    dut().eval();
    EXPECT_EQ(dut().post_valid_o, given_up ? 0 : 3);
    EXPECT_EQ(dut().irq_o, given_up ? 0 : 1);
    tick();
    finish(std::nullopt);
    dut().void_i = 0;
    dut().eval();
    EXPECT_EQ(dut().busy_o, 0);
  }
}

TEST_F(CmdQueue, RandomCommandsInOrderWithTheirEffects) {
  std::deque<Words> queued;
  std::deque<Words> flying;
  std::deque<RemotePost> remote;
  Words staged{};
  unsigned stage_index = 16;  // word of `staged` to write next
  bool waited = false;
  int accepted = 0;
  for (int cycle = 0; cycle < 60000; ++cycle) {
    if (stage_index == 16 && chance(0.3)) {
      staged = random_command();
      if (chance(0.5)) staged[1] = 0;
      stage_index = 0;
    }
    dut().stage_valid_i = stage_index < 16 && chance(0.8);
    if (dut().stage_valid_i) {
      dut().stage_word_i = stage_index;
      dut().stage_data_i = staged[stage_index];
    }
    dut().cmd_ready_i = chance(0.5);
    dut().rpost_ready_i = chance(0.3);
    dut().wait_gnt_i = 0;
    const bool finishing = !flying.empty() && chance(0.3);
    finish(finishing ? std::make_optional(std::make_pair(flying.front()[0] >> 16, 0U))
                     : std::nullopt);
    dut().eval();
    if (dut().wait_valid_o && chance(0.4)) {
      dut().wait_gnt_i = 1;
      dut().eval();
    }

    if (finishing) {
      const std::uint32_t posts = flying.front()[2];
      const bool remote0 = (posts & 0x30U) == 0x30U;
      const unsigned expect = ((posts & 0x30U) == 0x10U ? 1U : 0U) | ((posts >> 20) & 1U) << 1;
      ASSERT_EQ(dut().post_valid_o, expect) << "cycle " << cycle;
      if (expect != 0) ASSERT_EQ(dut().post_o, posts);
      ASSERT_EQ(dut().irq_o, (flying.front()[0] >> 11) & 1U);
      if (remote0) remote.push_back({posts & 15U, (posts >> 8) & 255U, flying.front()[3]});
      flying.pop_front();
    } else {
      ASSERT_EQ(dut().post_valid_o, 0);
      ASSERT_EQ(dut().irq_o, 0);
    }
    if (dut().rpost_valid_o && dut().rpost_ready_i) {
      ASSERT_FALSE(remote.empty());
      ASSERT_TRUE(
          (remote.front() == RemotePost{dut().rpost_id_o, dut().rpost_n_o, dut().rpost_rect_o}));
      remote.pop_front();
    }
    if (dut().wait_valid_o) {
      ASSERT_FALSE(queued.empty());
      ASSERT_EQ(dut().wait_o, queued.front()[1]);
      if (dut().wait_gnt_i) waited = true;
    }
    if (dut().cmd_valid_o) {
      ASSERT_FALSE(queued.empty());
      ASSERT_EQ(offered(), queued.front()) << "cycle " << cycle;
      const bool needs = (queued.front()[1] & 0x100010U) != 0;
      ASSERT_TRUE(!needs || waited) << "offered before its semaphores were granted";
      if (dut().cmd_ready_i) {
        flying.push_back(queued.front());
        queued.pop_front();
        waited = false;
        ++accepted;
        ASSERT_LE(flying.size(), 4U);
      }
    }
    if (dut().stage_valid_i) {
      if (stage_index == 15 && !dut().push_err_o) queued.push_back(staged);
      ++stage_index;
    }
    tick();
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
