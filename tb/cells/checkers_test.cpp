// SPDX-License-Identifier: Apache-2.0
/// The protocol checkers stay silent on legal traffic and name the rule on each violation.
#include <array>
#include <string>

#include "Vcells.h"
#include "common/bench.hpp"
#include "noc/flit.hpp"

namespace tsr::tb {
namespace {

class Checkers : public Bench<Vcells> {
 protected:
  void SetUp() override {
    Bench::SetUp();
    dut().clr_i = 0;  // unset inputs are random
    dut().in_valid_i = 0;
    dut().rr_req_i = 0;
    dut().chk_valid_i = 0;
    dut().chk_ready_i = 0;
    dut().chk_data_i = 0;
    dut().req_valid_i = 0;
    dut().rsp_valid_i = 0;
    dut().req_credit_i = 0;
    dut().rsp_credit_i = 0;
    reset();
  }

  /// Run `action` and return what the assertions printed; the errors are taken off the account.
  std::string complaints(const std::function<void()>& action) {
    testing::internal::CaptureStdout();
    action();
    std::string text = testing::internal::GetCapturedStdout();
    EXPECT_EQ(context().errorCount() > 0, text.find("failed") != std::string::npos) << text;
    context().errorCount(0);
    return text;
  }

  static Flit legal_request() {
    Flit f;
    f.kind = Kind::kRead;
    f.addr = node_address({1, 2}, 0x01000040);
    f.strb = 64;
    f.set_dst({1, 2});
    return f;
  }
  static Flit legal_response() {
    Flit f;
    f.kind = Kind::kReadRsp;
    f.addr = 0x40;
    f.strb = ~0ULL;
    f.data = {1, 2, 3, 4, 5, 6, 7, 8};
    return f;
  }

  /// One flit and, two cycles later, its credit.
  void send(const Flit& flit, bool response) {
    flit.to_words(dut().flit_i.data());
    (response ? dut().rsp_valid_i : dut().req_valid_i) = 1;
    tick();
    dut().rsp_valid_i = dut().req_valid_i = 0;
    tick();
    (response ? dut().rsp_credit_i : dut().req_credit_i) = flit.vc ? 2 : 1;
    tick();
    dut().rsp_credit_i = dut().req_credit_i = 0;
  }

  std::string complaints_about(Flit flit, bool response = false) {
    flit.seal();
    return complaints([&] { send(flit, response); });
  }
  static bool names(const std::string& text, const std::string& rule) {
    return text.find(rule + " failed") != std::string::npos;
  }
};

TEST_F(Checkers, StreamCheckerAcceptsHeldItems) {
  std::string text = complaints([&] {
    for (int i = 0; i < 200; ++i) {
      if (!dut().chk_valid_i || dut().chk_ready_i) {
        dut().chk_valid_i = chance(0.5);
        dut().chk_data_i = static_cast<SData>(rand_in(0, 0xffff));
      }
      dut().chk_ready_i = chance(0.5);
      tick();
    }
  });
  EXPECT_EQ(text, "");
}

TEST_F(Checkers, StreamCheckerCatchesDroppedValid) {
  EXPECT_TRUE(names(complaints([&] {
                      dut().chk_valid_i = 1;
                      tick();
                      dut().chk_valid_i = 0;
                      tick();
                    }),
                    "ValidHeldUntilReady"));
}

TEST_F(Checkers, StreamCheckerCatchesChangedData) {
  EXPECT_TRUE(names(complaints([&] {
                      dut().chk_valid_i = 1;
                      dut().chk_data_i = 5;
                      tick();
                      dut().chk_data_i = 6;
                      tick();
                    }),
                    "DataHeldUntilReady"));
}

TEST_F(Checkers, FlitCheckerAcceptsLegalTraffic) {
  for (Kind kind : {Kind::kRead, Kind::kWrite, Kind::kWritePosted, Kind::kAtomic, Kind::kSemPost}) {
    Flit f = legal_request();
    f.kind = kind;
    EXPECT_EQ(complaints_about(f), "") << static_cast<int>(kind);
    f.vc = true;
    EXPECT_EQ(complaints_about(f), "") << static_cast<int>(kind);
  }
  for (Kind kind : {Kind::kReadRsp, Kind::kWriteRsp, Kind::kErrRsp}) {
    Flit f = legal_response();
    f.kind = kind;
    f.err = kind == Kind::kErrRsp ? Err::kForbidden : Err::kNone;
    EXPECT_EQ(complaints_about(f, true), "") << static_cast<int>(kind);
  }
  Flit mcast = legal_request();
  mcast.kind = Kind::kWritePosted;
  mcast.mcast = true;
  mcast.dst = {{0, 0}, {3, 4}};
  EXPECT_EQ(complaints_about(mcast), "");
}

TEST_F(Checkers, FlitCheckerCatchesOverdrawnCredit) {
  for (unsigned vc = 0; vc < kNumVcs; ++vc) {
    Flit f = legal_request();
    f.vc = vc != 0;
    f.seal();
    f.to_words(dut().flit_i.data());
    dut().req_valid_i = 1;
    EXPECT_EQ(complaints([&] { run(kVcDepth); }), "");
    EXPECT_TRUE(names(complaints([&] { tick(); }), "CreditNotOverdrawn"));
    dut().req_valid_i = 0;
  }
}

TEST_F(Checkers, FlitCheckerCatchesOverpaidCredit) {
  for (unsigned vc = 0; vc < kNumVcs; ++vc) {
    EXPECT_TRUE(names(complaints([&] {
                        dut().rsp_credit_i = static_cast<CData>(1U << vc);
                        tick();
                        dut().rsp_credit_i = 0;
                      }),
                      "CreditNotOverpaid"));
  }
}

TEST_F(Checkers, FlitCheckerCatchesParityErrors) {
  for (unsigned bit : {512U, 600U, 640U, 700U, 730U, 743U, 767U}) {  // header bits, par among them
    Flit f = legal_response();
    f.seal();
    auto lanes = f.to_lanes();
    lanes[bit / 64] ^= 1ULL << (bit % 64);
    EXPECT_TRUE(
        names(complaints([&] { send(Flit::from_lanes(lanes), true); }), "HeaderParityGood"));
  }
  for (unsigned lane = 0; lane < 8; ++lane) {
    Flit f = legal_response();
    f.seal();
    f.data[lane] ^= 1ULL << rand_in(0, 63);
    EXPECT_TRUE(names(complaints([&] { send(f, true); }), "DataParityGood"));
  }
}

TEST_F(Checkers, FlitCheckerCatchesIllegalFields) {
  struct Case {
    const char* rule;
    bool response;
    std::function<void(Flit&)> damage;
  };
  const std::array cases = {
      Case{"KindOfThisNetwork", false, [](Flit& f) { f.kind = Kind::kWriteRsp; }},
      Case{"KindOfThisNetwork", false, [](Flit& f) { f.kind = Kind::kNone; }},
      Case{"KindOfThisNetwork", true, [](Flit& f) { f.kind = Kind::kRead; }},
      Case{"SpareBitsZero", false, [](Flit& f) { f.spare = 1; }},
      Case{"SpreadLegal", false,
           [](Flit& f) {
             f.kind = Kind::kWrite;
             f.addr &= ~63ULL;
             f.spread = true;
           }},
      Case{"SpreadLegal", true,
           [](Flit& f) {
             f.owner = {1, 1};
           }},
      Case{"UnicastHasOneTarget", false, [](Flit& f) { f.dst.hi.x = f.dst.lo.x + 1; }},
      Case{"MulticastRectOrdered", false,
           [](Flit& f) {
             f.kind = Kind::kSemPost;
             f.mcast = true;
             f.dst = {{2, 2}, {1, 3}};
           }},
      Case{"MulticastRectOrdered", false,
           [](Flit& f) {
             f.kind = Kind::kSemPost;
             f.mcast = true;
             f.dst = {{2, 2}, {3, 1}};
           }},
      Case{"MulticastNeedsNoAnswer", false, [](Flit& f) { f.mcast = true; }},
      Case{"ReadInsideGranule", false, [](Flit& f) { f.strb = 0; }},
      Case{"ReadInsideGranule", false, [](Flit& f) { f.strb = 193; }},
      Case{"ReadInsideGranule", false, [](Flit& f) { f.strb = 1024 + 8; }},
      Case{"WriteAligned", false,
           [](Flit& f) {
             f.kind = Kind::kWrite;
             f.addr += 8;
           }},
      Case{"AtomicLegal", false,
           [](Flit& f) {
             f.kind = Kind::kAtomic;
             f.addr += 2;
           }},
      Case{"AtomicLegal", false,
           [](Flit& f) {
             f.kind = Kind::kAtomic;
             f.amo = static_cast<Amo>(7);
           }},
      Case{"ReadRspAligned", true, [](Flit& f) { f.addr += 1; }},
      Case{"ErrorOnlyInErrRsp", true, [](Flit& f) { f.err = Err::kUnmapped; }},
      Case{"ErrorOnlyInErrRsp", true, [](Flit& f) { f.kind = Kind::kErrRsp; }},
      Case{"ErrorOnlyInErrRsp", false, [](Flit& f) { f.err = Err::kBusy; }},
  };
  for (const Case& c : cases) {
    Flit f = c.response ? legal_response() : legal_request();
    c.damage(f);
    EXPECT_TRUE(names(complaints_about(f, c.response), c.rule)) << c.rule;
  }
}

}  // namespace
}  // namespace tsr::tb
