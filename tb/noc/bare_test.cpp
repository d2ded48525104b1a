// SPDX-License-Identifier: Apache-2.0
/// The null endpoint of bare routers.
#include "Vnoc_blocks.h"
#include "common/bench.hpp"
#include "net_model.hpp"
#include "noc/address_map.hpp"

namespace tsr::tb {
namespace {

class BareEndpoint : public Bench<Vnoc_blocks> {
 protected:
  static constexpr Node kHere{3, 5};
  static constexpr Node kCtl{1, 1};

  void SetUp() override {
    Bench::SetUp();
    dut().link_valid_i = 0;  // unset inputs are random
    dut().link_ready_i = 0;
    dut().flip_i = 0;
    dut().req_rx_valid_i = 0;
    dut().rsp_rx_valid_i = 0;
    dut().rsp_tx_credit_i = 0;
    dut().bare_node_i = static_cast<SData>(kHere.pack());
    ChipConfig config;
    config.mesh_w = config.mesh_h = 8;
    config.ctl = kCtl;
    config.mem = {{0, 0}};
    const auto words = config.pack();
    for (unsigned i = 0; i < ChipConfig::kWords; ++i) dut().cfg_i[i] = words[i];
    dut().bare_cnt_i = 0;
    before_edge([this] {
      selected_ = dut().bare_sel_o;
      if (!dut().rst_ni) return;
      EXPECT_FALSE(dut().req_tx_valid_o) << "a bare endpoint has no requests";
      request_.credit(dut().req_rx_credit_o);
      response_.credit(dut().rsp_rx_credit_o);
      if (dut().rsp_tx_valid_o) {
        const Flit got = Flit::from_words(dut().rsp_tx_flit_o.data());
        sink_.receive(got);
        answers_.push_back(got);
      }
    });
    after_edge([this] {
      dut().now_i = cycle() + 1;
      dut().bare_cnt_i = 0x1000 * (selected_ + 1);  // the router answers one cycle later
      drive(request_, dut().req_rx_valid_i, dut().req_rx_flit_i.data());
      drive(response_, dut().rsp_rx_valid_i, dut().rsp_rx_flit_i.data());
      dut().rsp_tx_credit_i = static_cast<CData>(chance(drain_) ? sink_.drain() : 0);
    });
    reset();
  }
  void drive(LinkSource& source, CData& valid, std::uint32_t* words) {
    const auto flit = source.next();
    valid = flit.has_value();
    if (flit) flit->to_words(words);
  }
  Flit request(Kind kind, bool vc) {
    Flit f = random_flit(0, {static_cast<unsigned>(rand_in(0, 63)), 2}, {kHere, kHere}, 0, rng());
    f.kind = kind;
    f.vc = vc;
    f.cls = chance(0.5);
    f.seal();
    return f;
  }

  LinkSource request_;
  LinkSource response_;
  LinkSink sink_;
  std::deque<Flit> answers_;
  double drain_ = 1.0;
  std::uint32_t selected_ = 0;
};

TEST_F(BareEndpoint, AnswersEveryRequestThatWantsOneWithUnmapped) {
  for (double drain : {1.0, 0.1}) {
    drain_ = drain;
    std::array<std::deque<Flit>, kNumVcs> expected;
    for (int i = 0; i < 400; ++i) {
      const Kind kind = std::array{Kind::kRead, Kind::kWrite, Kind::kAtomic, Kind::kWritePosted,
                                   Kind::kSemPost}[rand_in(0, 4)];
      const Flit f = request(kind, chance(0.5));
      request_.push(f);
      if (kind == Kind::kWritePosted || kind == Kind::kSemPost) continue;
      Flit answer;
      answer.kind = Kind::kErrRsp;
      answer.err = Err::kUnmapped;
      answer.src = kHere;
      answer.set_dst(f.src);
      answer.tag = f.tag;
      answer.doff = f.doff;
      answer.addr = f.addr;
      answer.vc = f.vc;
      answer.cls = f.cls;
      expected[f.vc].push_back(answer);
    }
    const std::size_t count = expected[0].size() + expected[1].size();
    ASSERT_TRUE(run_until([&] { return answers_.size() == count; }, 20000));
    run(20);
    for (const Flit& got : answers_) {
      ASSERT_FALSE(expected[got.vc].empty());
      Flit want = expected[got.vc].front();
      expected[got.vc].pop_front();
      want.birth = got.birth;
      want.seal();
      EXPECT_TRUE(want == got);
    }
    answers_.clear();
    EXPECT_TRUE(request_.all_credits_back());
  }
}

TEST_F(BareEndpoint, ShowsTheRoutersCountersToCtl) {
  for (double drain : {1.0, 0.2}) {
    drain_ = drain;
    std::vector<Flit> sent;
    for (unsigned i = 0; i < 200; ++i) {
      const unsigned counter = static_cast<unsigned>(rand_in(0, 15));
      Flit f = request(Kind::kRead, true);
      f.src = kCtl;
      f.addr = node_address(kHere, 0x20000 + 4 * counter);
      f.strb = 4;
      const auto change = rand_in(0, 9);
      if (change == 0) f.src = {2, 1};
      if (change == 1) f.strb = 8;
      if (change == 2) f.addr += 0x40;
      if (change == 3) f.addr += 2;
      if (change == 4) f.kind = Kind::kWrite;
      f.seal();
      request_.push(f);
      sent.push_back(f);
    }
    ASSERT_TRUE(run_until([&] { return answers_.size() == sent.size(); }, 10000));
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const Flit& f = sent[i];
      const Flit& got = answers_[i];
      EXPECT_EQ(got.tag, f.tag);
      EXPECT_EQ(got.dst.lo, f.src);
      EXPECT_TRUE(got.vc);
      const std::uint64_t offset = f.addr & 0xffffffff;
      const bool counter = f.kind == Kind::kRead && f.strb == 4 && offset >= 0x20000 &&
                           offset < 0x20040 && offset % 4 == 0;
      if (!counter || f.src != kCtl) {
        EXPECT_EQ(got.kind, Kind::kErrRsp);
        EXPECT_EQ(got.err, counter ? Err::kForbidden : Err::kUnmapped);
        continue;
      }
      ASSERT_EQ(got.kind, Kind::kReadRsp);
      const unsigned at = offset % 64;
      EXPECT_EQ(got.addr, f.addr - at);
      EXPECT_EQ(got.strb, 0xfULL << at);
      EXPECT_EQ((got.doff + at) & 0xffffff, f.doff);
      EXPECT_EQ(static_cast<std::uint32_t>(got.data[at / 8] >> (8 * (at % 8))),
                0x1000 * (offset / 4 % 16 + 1));
    }
    answers_.clear();
    run(40);
    EXPECT_TRUE(dut().bare_idle_o);
    EXPECT_TRUE(request_.all_credits_back());
  }
}

TEST_F(BareEndpoint, SwallowsResponses) {
  for (int i = 0; i < 100; ++i) {
    Flit f = random_flit(1, {1, 1}, {kHere, kHere}, 0, rng());
    f.vc = chance(0.5);
    f.seal();
    response_.push(f);
  }
  EXPECT_TRUE(run_until([&] { return response_.waiting() == 0; }, 150));
  run(10);
  EXPECT_TRUE(response_.all_credits_back());
  EXPECT_TRUE(answers_.empty());
}

TEST_F(BareEndpoint, SleepsWhenDoneAndNotBefore) {
  run(5);
  EXPECT_TRUE(dut().bare_idle_o);
  drain_ = 0.0;  // the ninth answer has no credit
  for (unsigned i = 0; i < kVcDepth + 1; ++i) request_.push(request(Kind::kRead, false));
  run(40);
  EXPECT_FALSE(dut().bare_idle_o);
  EXPECT_EQ(answers_.size(), kVcDepth);
  drain_ = 1.0;
  run(20);
  EXPECT_TRUE(dut().bare_idle_o);
  EXPECT_EQ(answers_.size(), kVcDepth + 1);
}

}  // namespace
}  // namespace tsr::tb
