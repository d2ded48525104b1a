// SPDX-License-Identifier: Apache-2.0
/// Bench of tsr_hostport: a host with credits on one side, a network that stalls, reorders, fails,
/// loses and delays on the other.
#include <array>
#include <deque>
#include <map>

#include "Vctl_hostport.h"
#include "common/bench.hpp"

namespace {

using tsr::tb::get_bits;
using tsr::tb::set_bits;

enum Kind : unsigned { kRead = 1, kWrite = 2, kReadRsp = 8, kWriteRsp = 9, kErrRsp = 10 };
enum Err : unsigned { kNone = 0, kUnmapped = 1, kUnsupported = 3, kTimeout = 4, kPoison = 5 };
constexpr std::uint64_t kTimeoutCycles = 1024;  // TimeoutLog2 of the model

using Data = std::array<std::uint64_t, 8>;

struct HostRequest {
  bool write;
  std::uint64_t addr, strb;
  unsigned tag;
  Data data;
};

struct NetRequest {
  unsigned kind, tag;
  std::uint64_t addr, strb;
  Data data;
};

struct NetResponse {
  std::uint64_t due;  // first cycle in which it may be offered
  unsigned kind, err, poison, tag;
  Data data;
};

struct HostResponse {
  unsigned tag, err;
  Data data;
};

class HostPort : public tsr::tb::Bench<Vctl_hostport> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    auto& d = dut();
    d.host_req_valid_i = 0;
    d.req_ready_i = 0;
    d.rsp_valid_i = 0;
    d.now_i = 0;
    reset();
    before_edge([this] { sample(); });
    after_edge([this] { drive(); });
  }

  // ---- behaviour of the network, replaced by tests
  double ready_ = 1.0;
  /// Queues the answer, or none, to a request.
  std::function<void(const NetRequest&)> serve_ = [this](const NetRequest& r) { answer(r, 5); };

  void answer(const NetRequest& r, std::uint64_t delay, unsigned err = kNone, bool poison = false) {
    NetResponse out{
        cycle() + delay, r.kind == kRead ? kReadRsp : kWriteRsp, err, poison, r.tag, {}};
    if (err != kNone) out.kind = kErrRsp;
    for (unsigned i = 0; i < 8; ++i) out.data[i] = lane(r.addr, i);
    responses_.push_back(out);
  }

  /// Memory content: any function of the block's address.
  static std::uint64_t lane(std::uint64_t addr, unsigned i) {
    return ((addr >> 6) * 8 + i + 1) * 0x9e3779b97f4a7c15ULL;
  }

  void send(const HostRequest& request) { outbox_.push_back(request); }

  HostRequest random_request(unsigned tag) {
    HostRequest r{chance(0.5), rng()() & ((1ULL << 56) - 1), 0, tag, {}};
    for (auto& word : r.data) word = rng()();
    if (r.write) {
      r.addr &= ~63ULL;
      r.strb = rng()();
    } else {
      r.strb = rand_in(1, 64 - (r.addr & 63));
    }
    return r;
  }

  /// Expects idle_o to be `want` in this cycle.
  void settle_idle(bool want) {
    dut().clk_i = 0;
    dut().eval();
    EXPECT_EQ(dut().idle_o, want);
  }

  // ---- recorded
  std::deque<HostRequest> outbox_;
  std::vector<NetRequest> accepted_;
  std::vector<HostResponse> received_;
  std::deque<NetResponse> responses_;
  int credits_ = 8;
  bool shuffle_ = true;

 private:
  void sample() {
    auto& d = dut();
    if (d.host_credit_o) ++credits_;
    ASSERT_LE(credits_, 8);
    if (d.host_rsp_valid_o) {
      HostResponse r{static_cast<unsigned>(get_bits(d.host_rsp_o, 515, 6)),
                     static_cast<unsigned>(get_bits(d.host_rsp_o, 512, 3)),
                     {}};
      for (unsigned i = 0; i < 8; ++i) r.data[i] = get_bits(d.host_rsp_o, 64 * i, 64);
      received_.push_back(r);
    }
    if (d.req_valid_o) {
      NetRequest r{static_cast<unsigned>(get_bits(d.req_o, 692, 4)),
                   static_cast<unsigned>(get_bits(d.req_o, 512, 6)),
                   get_bits(d.req_o, 606, 56),
                   get_bits(d.req_o, 542, 64),
                   {}};
      EXPECT_EQ(get_bits(d.req_o, 662, 30), 0U) << "multicast";
      EXPECT_EQ(get_bits(d.req_o, 518, 24), 0U) << "doff";
      for (unsigned i = 0; i < 8; ++i) r.data[i] = get_bits(d.req_o, 64 * i, 64);
      if (held_) {
        EXPECT_EQ(held_->tag, r.tag);
        EXPECT_EQ(held_->addr, r.addr);
        EXPECT_EQ(held_->data, r.data);
      }
      held_ = std::make_unique<NetRequest>(r);
      if (d.req_ready_i) {
        held_.reset();
        accepted_.push_back(r);
        serve_(r);
      }
    } else {
      EXPECT_FALSE(held_) << "request withdrawn";
    }
    if (d.rsp_valid_i && d.rsp_ready_o) offering_ = false;
  }

  void drive() {
    auto& d = dut();
    d.now_i = cycle() + 1;
    d.req_ready_i = chance(ready_);
    d.host_req_valid_i = 0;
    if (!outbox_.empty() && credits_ > 0 && chance(host_rate_)) {
      const HostRequest& r = outbox_.front();
      for (unsigned i = 0; i < 8; ++i) set_bits(d.host_req_i, 64 * i, 64, r.data[i]);
      set_bits(d.host_req_i, 512, 6, r.tag);
      set_bits(d.host_req_i, 518, 64, r.strb);
      set_bits(d.host_req_i, 582, 56, r.addr);
      set_bits(d.host_req_i, 638, 1, r.write);
      d.host_req_valid_i = 1;
      --credits_;
      outbox_.pop_front();
    }
    if (!offering_) {
      std::vector<std::size_t> due;
      for (std::size_t i = 0; i < responses_.size(); ++i) {
        if (responses_[i].due <= cycle()) due.push_back(i);
      }
      if (!due.empty() && chance(response_rate_)) {
        const std::size_t pick = due[shuffle_ ? rand_in(0, due.size() - 1) : 0];
        const NetResponse r = responses_[pick];
        responses_.erase(responses_.begin() + static_cast<std::ptrdiff_t>(pick));
        for (unsigned i = 0; i < 8; ++i) set_bits(d.rsp_i, 64 * i, 64, r.data[i]);
        set_bits(d.rsp_i, 520, 6, r.tag);
        set_bits(d.rsp_i, 670, 1, r.poison);
        set_bits(d.rsp_i, 671, 3, r.err);
        set_bits(d.rsp_i, 674, 4, r.kind);
        offering_ = true;
      }
    }
    d.rsp_valid_i = offering_;
  }

  std::unique_ptr<NetRequest> held_;
  bool offering_ = false;

 protected:
  double host_rate_ = 1.0;
  double response_rate_ = 1.0;
};

TEST_F(HostPort, ReadsABlock) {
  send({false, 0x10000000000c8, 24, 17, {}});
  ASSERT_TRUE(run_until([this] { return received_.size() == 1; }, 50));
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_[0].kind, kRead);
  EXPECT_EQ(accepted_[0].addr, 0x10000000000c8U);
  EXPECT_EQ(accepted_[0].strb, 24U);
  EXPECT_EQ(received_[0].tag, 17U);
  EXPECT_EQ(received_[0].err, kNone);
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(received_[0].data[i], lane(0x10000000000c8, i));
}

TEST_F(HostPort, WritesABlock) {
  const HostRequest write{true, 0x12340, 0x00ff00ff12345678, 63, {1, 2, 3, 4, 5, 6, 7, 8}};
  send(write);
  ASSERT_TRUE(run_until([this] { return received_.size() == 1; }, 50));
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_[0].kind, kWrite);
  EXPECT_EQ(accepted_[0].strb, write.strb);
  EXPECT_EQ(accepted_[0].data, write.data);
  EXPECT_EQ(received_[0].tag, 63U);
  EXPECT_EQ(received_[0].err, kNone);
}

TEST_F(HostPort, AnswersMalformedRequestsItself) {
  const std::vector<HostRequest> bad = {
      {true, 0x1001, ~0ULL, 0, {}},  {true, 0x1020, 1, 1, {}},     {false, 0x1000, 0, 2, {}},
      {false, 0x1000, 65, 3, {}},    {false, 0x1001, 64, 4, {}},   {false, 0x103f, 2, 5, {}},
      {false, 0x1000, 0x1ff, 6, {}}, {false, 0x1000, 0x100, 7, {}}};
  for (const auto& request : bad) send(request);
  ASSERT_TRUE(run_until([&] { return received_.size() == bad.size(); }, 100));
  EXPECT_TRUE(accepted_.empty());
  for (unsigned i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(received_[i].tag, i);
    EXPECT_EQ(received_[i].err, kUnsupported);
  }
  run(5);
  EXPECT_EQ(credits_, 8);
  send({false, 0x103f, 1, 9, {}});  // the largest that fits
  ASSERT_TRUE(run_until([&] { return received_.size() == bad.size() + 1; }, 50));
  EXPECT_EQ(received_.back().err, kNone);
}

TEST_F(HostPort, KeepsThirtyTwoRequestsOutstandingAndHoldsTheRest) {
  serve_ = [](const NetRequest&) {};
  for (unsigned i = 0; i < 60; ++i) send({false, 0x40 * i, 64, i, {}});
  run(200);
  EXPECT_EQ(accepted_.size(), 32U);
  EXPECT_EQ(credits_, 0);
  EXPECT_EQ(outbox_.size(), 60U - 32U - 8U);
  std::map<unsigned, int> tags;
  for (const auto& request : accepted_) ++tags[request.tag];
  EXPECT_EQ(tags.size(), 32U);
  for (const auto& request : std::vector<NetRequest>(accepted_)) answer(request, 1);
  serve_ = [this](const NetRequest& r) { answer(r, 3); };
  ASSERT_TRUE(run_until([this] { return received_.size() == 60; }, 500));
  run(10);
  EXPECT_EQ(credits_, 8);
}

TEST_F(HostPort, MovesOneRequestAndOneResponseACycle) {
  serve_ = [this](const NetRequest& r) { answer(r, 4); };
  shuffle_ = false;
  for (unsigned i = 0; i < 200; ++i) send({false, 0x40 * i, 64, i % 64, {}});
  const std::uint64_t begin = cycle();
  ASSERT_TRUE(run_until([this] { return received_.size() == 200; }, 1000));
  EXPECT_LE(cycle() - begin, 200U + 20U);
}

TEST_F(HostPort, PassesErrorsAndPoisonOn) {
  serve_ = [this](const NetRequest& r) {
    if (r.addr == 0) answer(r, 2, kUnmapped);
    if (r.addr == 0x40) answer(r, 2, kNone, true);
    if (r.addr == 0x80) answer(r, 2);
  };
  for (unsigned i = 0; i < 3; ++i) send({false, 0x40 * i, 64, i, {}});
  ASSERT_TRUE(run_until([this] { return received_.size() == 3; }, 100));
  const unsigned want[] = {kUnmapped, kPoison, kNone};
  for (const auto& response : received_) EXPECT_EQ(response.err, want[response.tag]);
}

TEST_F(HostPort, TimesOutLostRequestsAndDropsLateResponses) {
  std::vector<NetRequest> lost;
  serve_ = [&](const NetRequest& r) { lost.push_back(r); };
  const std::uint64_t begin = cycle();
  for (unsigned i = 0; i < 5; ++i) send({false, 0x40 * i, 64, i, {}});
  ASSERT_TRUE(run_until([this] { return received_.size() == 5; }, 3 * kTimeoutCycles));
  EXPECT_GE(cycle() - begin, kTimeoutCycles);
  EXPECT_LE(cycle() - begin, 2 * kTimeoutCycles + 20);
  for (const auto& response : received_) EXPECT_EQ(response.err, kTimeout);
  run(5);
  settle_idle(true);
  // The slots are used again; the late responses to their old requests arrive first.
  received_.clear();
  const auto late = lost;
  lost.clear();
  for (unsigned i = 0; i < 5; ++i) send({false, 0x1000 + 0x40 * i, 64, 10 + i, {}});
  ASSERT_TRUE(run_until([&] { return lost.size() == 5; }, 100));
  for (const auto& request : late) answer(request, 1);
  run(50);
  EXPECT_TRUE(received_.empty());
  for (const auto& request : lost) answer(request, 1);
  ASSERT_TRUE(run_until([this] { return received_.size() == 5; }, 100));
  for (const auto& response : received_) {
    EXPECT_EQ(response.err, kNone);
    for (unsigned i = 0; i < 8; ++i)
      EXPECT_EQ(response.data[i], lane(0x1000 + 0x40 * (response.tag - 10), i));
  }
}

TEST_F(HostPort, WaitingForTheNetworkIsNotATimeout) {
  ready_ = 0;
  send({false, 0, 64, 1, {}});
  run(4 * kTimeoutCycles);
  EXPECT_TRUE(received_.empty());
  ready_ = 1;
  ASSERT_TRUE(run_until([this] { return received_.size() == 1; }, 50));
  EXPECT_EQ(received_[0].err, kNone);
}

TEST_F(HostPort, IsIdleOnlyWithNothingOutstanding) {
  run(3);
  settle_idle(true);
  serve_ = [](const NetRequest&) {};
  send({false, 0, 64, 1, {}});
  run(2);
  for (int i = 0; i < 100; ++i) {
    settle_idle(false);
    tick();
  }
  answer(accepted_.at(0), 1);
  ASSERT_TRUE(run_until([this] { return received_.size() == 1; }, 50));
  run(3);
  settle_idle(true);
}

TEST_F(HostPort, AnswersEveryRequestOnceUnderRandomStallsErrorsAndLosses) {
  struct Expectation {
    HostRequest request;
    unsigned err;
  };
  std::map<unsigned, Expectation> open;    // by host tag
  std::map<std::uint64_t, unsigned> plan;  // by address: the error to make
  std::vector<unsigned> seen(8, 0);        // responses by error
  ready_ = 0.6;
  host_rate_ = 0.8;
  response_rate_ = 0.7;
  serve_ = [&](const NetRequest& r) {
    const auto it = plan.find(r.addr);
    ASSERT_NE(it, plan.end()) << "a request nobody made: " << r.addr;
    const unsigned err = it->second;
    plan.erase(it);
    if (err == kTimeout) {
      // Lost, or later than any timeout.
      if (chance(0.5)) answer(r, 2 * kTimeoutCycles + rand_in(50, 800));
    } else if (err == kPoison) {
      answer(r, rand_in(0, 60), kNone, true);
    } else {
      answer(r, rand_in(0, 60), err);
    }
  };
  unsigned sent = 0, finished = 0;
  const unsigned total = 6000;
  for (std::uint64_t i = 0; i < 400000 && finished < total; ++i) {
    if (sent < total && outbox_.size() < 4 && open.size() < 64) {
      unsigned tag = static_cast<unsigned>(rand_in(0, 63));
      while (open.count(tag) != 0) tag = (tag + 1) % 64;
      HostRequest request = random_request(tag);
      unsigned err = kNone;
      const double dice = static_cast<double>(rand_in(0, 9999)) / 10000;
      if (dice < 0.05) {
        err = kUnsupported;
        if (request.write) {
          request.addr |= rand_in(1, 63);
        } else {
          request.strb = chance(0.3) ? 0 : 65 - (request.addr & 63);
        }
      } else if (dice < 0.10) {
        err = kUnmapped;
      } else if (dice < 0.13 && !request.write) {
        err = kPoison;
      } else if (dice < 0.135) {
        err = kTimeout;
      }
      if (err != kUnsupported && !plan.emplace(request.addr, err).second) continue;
      open[tag] = {request, err};
      send(request);
      ++sent;
    }
    tick();
    for (const HostResponse& response : received_) {
      const auto it = open.find(response.tag);
      ASSERT_NE(it, open.end()) << "response without request, tag " << response.tag;
      const Expectation& want = it->second;
      ASSERT_EQ(response.err, want.err) << "tag " << response.tag;
      ++seen[response.err];
      if (response.err == kNone && !want.request.write) {
        for (unsigned w = 0; w < 8; ++w) ASSERT_EQ(response.data[w], lane(want.request.addr, w));
      }
      open.erase(it);
      ++finished;
    }
    received_.clear();
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(finished, total);
  EXPECT_TRUE(plan.empty());
  for (const unsigned err : {kNone, kUnmapped, kUnsupported, kTimeout, kPoison})
    EXPECT_GT(seen[err], 5U) << err;
  run(4 * kTimeoutCycles);
  EXPECT_TRUE(received_.empty());
  EXPECT_EQ(credits_, 8);
  settle_idle(true);
}

}  // namespace
