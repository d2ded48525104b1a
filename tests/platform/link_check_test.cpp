// SPDX-License-Identifier: Apache-2.0
/// The checker of the network's links: every rule, broken by hand.
#include "kernel/link_check.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "test_endpoint.hpp"

namespace tsr {
namespace {

constexpr unsigned kRequests = 0, kResponses = 1;

Flit legal(Kind kind) {
  Flit flit;
  flit.kind = kind;
  flit.src = {1, 2};
  flit.set_dst({3, 4});
  flit.addr = 0x1040;
  flit.strb = kind == Kind::kRead ? 64 : ~0ULL;
  if (kind == Kind::kErrRsp) flit.err = Err::kUnmapped;
  flit.data[5] = 0x123;
  flit.seal();
  return flit;
}

/// The rule that a legal flit breaks after `change`, or "".
std::string fault(Kind kind, const std::function<void(Flit&)>& change, bool seal = true) {
  Flit flit = legal(kind);
  change(flit);
  if (seal) flit.seal();
  const unsigned net = static_cast<unsigned>(kind) >= 8 ? kResponses : kRequests;
  const char* const rule = flit_fault(flit, net, true);
  return rule != nullptr ? rule : "";
}

TEST(PlatformLinkCheck, EveryKindIsLegalOnItsNetworkOnly) {
  for (unsigned kind = 0; kind < 16; ++kind) {
    const bool request = kind >= 1 && kind <= 5;
    const bool response = kind >= 8 && kind <= 10;
    const Flit flit = legal(static_cast<Kind>(kind));
    EXPECT_EQ(flit_fault(flit, kRequests, false) == nullptr, request) << kind;
    EXPECT_EQ(flit_fault(flit, kResponses, false) == nullptr, response) << kind;
  }
}

TEST(PlatformLinkCheck, EveryRuleOfAFlit) {
  const auto none = [](Flit&) {};
  EXPECT_EQ(fault(Kind::kRead, none), "");
  EXPECT_EQ(fault(
                Kind::kWrite, [](Flit& f) { f.strb ^= 2; }, false),
            "wrong parity of the header");
  EXPECT_EQ(fault(
                Kind::kWrite, [](Flit& f) { f.data[7] ^= 1ULL << 63; }, false),
            "wrong parity of the data");
  EXPECT_EQ(fault(Kind::kWrite, [](Flit& f) { f.spare = 1; }), "spare bits are set");
  EXPECT_EQ(fault(Kind::kWrite,
                  [](Flit& f) {
                    f.dst.hi = {4, 4};
                  }),
            "a unicast names several nodes");
  const auto multicast = [](Flit& f) {
    f.mcast = true;
    f.dst = {{1, 1}, {2, 3}};
  };
  EXPECT_EQ(fault(Kind::kWritePosted, multicast), "");
  EXPECT_EQ(fault(Kind::kSemPost, multicast), "");
  EXPECT_EQ(fault(Kind::kReadRsp, multicast), "");
  EXPECT_EQ(fault(Kind::kWrite, multicast), "a multicast that needs answers");
  EXPECT_EQ(fault(Kind::kWriteRsp, multicast), "a multicast that needs answers");
  EXPECT_EQ(fault(Kind::kWritePosted,
                  [](Flit& f) {
                    f.mcast = true;
                    f.dst = {{2, 1}, {1, 3}};
                  }),
            "the corners of the rectangle are swapped");
  EXPECT_EQ(fault(Kind::kRead, [](Flit& f) { f.spread = true; }), "");
  EXPECT_EQ(fault(Kind::kWrite, [](Flit& f) { f.spread = true; }),
            "spread is set in what is no read");
  EXPECT_EQ(fault(Kind::kReadRsp,
                  [](Flit& f) {
                    f.owner = {1, 0};
                  }),
            "owner is set in what is no read response by multicast");
  EXPECT_EQ(fault(Kind::kReadRsp,
                  [&](Flit& f) {
                    multicast(f);
                    f.owner = {1, 0};
                  }),
            "");
  EXPECT_EQ(fault(Kind::kErrRsp, [](Flit& f) { f.err = Err::kNone; }),
            "an error code in what is no error response, or none in one");
  EXPECT_EQ(fault(Kind::kReadRsp, [](Flit& f) { f.err = Err::kPoison; }),
            "an error code in what is no error response, or none in one");
}

TEST(PlatformLinkCheck, AddressesAndLengths) {
  const auto read = [](std::uint64_t address, std::uint64_t bytes) {
    return fault(Kind::kRead, [=](Flit& f) {
      f.addr = address;
      f.strb = bytes;
    });
  };
  EXPECT_EQ(read(0, 256), "");
  EXPECT_EQ(read(255, 1), "");
  EXPECT_EQ(read(0, 0), "a read of no byte, or of over 256");
  EXPECT_EQ(read(0, 257), "a read of no byte, or of over 256");
  EXPECT_EQ(read(1, 256), "a read across a 256-byte granule");
  EXPECT_EQ(read(255, 2), "a read across a 256-byte granule");
  for (const Kind kind : {Kind::kWrite, Kind::kWritePosted, Kind::kReadRsp}) {
    EXPECT_EQ(fault(kind, [](Flit& f) { f.addr = 0x1020; }), "the address is not a multiple of 64");
  }
  EXPECT_EQ(fault(Kind::kAtomic, [](Flit& f) { f.addr = 0x1022; }),
            "an atomic at an address that is no multiple of 4");
  EXPECT_EQ(fault(Kind::kAtomic, [](Flit& f) { f.amo = static_cast<Amo>(7); }),
            "an atomic of no known operation");
}

TEST(PlatformLinkCheck, BeatsAreEmptyAndBetweenRouters) {
  Flit beat;
  beat.dst.lo = Node::unpack(0xfff);
  EXPECT_EQ(flit_fault(beat, kRequests, true), nullptr);
  EXPECT_NE(flit_fault(beat, kRequests, false), nullptr);
  beat.data[0] = 1;
  EXPECT_STREQ(flit_fault(beat, kRequests, true), "a beat without a kind is not empty");
}

/// A model of which only the flit registers matter.
class LinkRules : public testing::Test {
 protected:
  /// A cycle in which the model gets the credits `in` and sends `flit` on `net`, if any.
  std::string step(Pins in, const Flit* flit = nullptr, unsigned net = kRequests) {
    if (flit != nullptr) flit->to_words(words_.data());
    model_.tx_flit[net] = words_.data();
    const auto fault =
        check_.step(1, model_, false, in, flit != nullptr ? valid_pin(net * kPorts) : 0);
    if (fault.rule == nullptr) return "";
    return std::to_string(fault.link) + ": " + fault.rule;
  }

  test::TestEndpoint model_{{0, 0}};
  std::array<std::uint32_t, kFlitWords> words_{};
  LinkCheck check_{2};
};

TEST_F(LinkRules, AFlitNeedsACreditOfItsVc) {
  Flit first = legal(Kind::kRead), second = legal(Kind::kRead);
  second.vc = true;
  second.seal();
  const Flit response = legal(Kind::kWriteRsp);
  const Pins credit = 1U << credit_pin(0);
  for (unsigned i = 0; i < kVcDepth; ++i) ASSERT_EQ(step(0, &first), "");
  EXPECT_EQ(step(0, &second), "");                // the other VC has room
  EXPECT_EQ(step(0, &response, kResponses), "");  // and so has the other network
  EXPECT_EQ(step(credit, &first), "");            // one is back: one more
  EXPECT_EQ(step(0, &first), "0: a flit without a credit");
  check_.reset();
  EXPECT_EQ(step(0, &first), "");
}

TEST_F(LinkRules, ACreditNeedsAFlit) {
  const Flit response = legal(Kind::kWriteRsp);
  const Pins credit = 1U << credit_pin(kPorts);
  EXPECT_EQ(step(0, &response, kResponses), "");
  EXPECT_EQ(step(credit), "");
  EXPECT_EQ(step(credit), "5: it gets a credit for a flit that it has not sent");
  EXPECT_EQ(step(credit << 1), "5: it gets a credit for a flit that it has not sent");
}

}  // namespace
}  // namespace tsr
