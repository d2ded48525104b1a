// SPDX-License-Identifier: Apache-2.0
#include "debug/rsp.hpp"

#include <gtest/gtest.h>

namespace tsr::debug {
namespace {

using Kind = RspReader::Kind;

TEST(Rsp, FramesAndReadsBack) {
  EXPECT_EQ(rsp_frame("OK"), "$OK#9a");
  EXPECT_EQ(rsp_frame(""), "$#00");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  RspReader reader;
  reader.feed("+" + rsp_frame(all) + "+" + rsp_frame("g"));
  auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, Kind::kPacket);
  EXPECT_EQ(event->payload, all);
  event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->payload, "g");
  EXPECT_FALSE(reader.next());
}

TEST(Rsp, TakesPacketsInPieces) {
  RspReader reader;
  for (const char c : rsp_frame("m10000,4")) {
    EXPECT_FALSE(reader.next());
    reader.feed(std::string(1, c));
  }
  const auto event = reader.next();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->payload, "m10000,4");
}

TEST(Rsp, SeesDamageAndInterrupts) {
  RspReader reader;
  reader.feed("$OK#9b\x03$OK#zz$c#63");
  EXPECT_EQ(reader.next()->kind, Kind::kDamaged);
  EXPECT_EQ(reader.next()->kind, Kind::kInterrupt);
  EXPECT_EQ(reader.next()->kind, Kind::kDamaged);
  EXPECT_EQ(reader.next()->payload, "c");
}

TEST(Rsp, Hexadecimal) {
  EXPECT_EQ(to_hex("hi"), "6869");
  EXPECT_EQ(*from_hex("6869"), "hi");
  EXPECT_FALSE(from_hex("686"));
  EXPECT_FALSE(from_hex("6g"));
  EXPECT_EQ(word_to_hex(0x12345678), "78563412");
  EXPECT_EQ(*word_from_hex("78563412"), 0x12345678U);
  EXPECT_FALSE(word_from_hex("785634"));
}

TEST(Rsp, Parser) {
  RspParser parser("1a,ff:rest;more");
  EXPECT_EQ(*parser.number(), 0x1aU);
  EXPECT_FALSE(parser.number());
  EXPECT_TRUE(parser.accept(","));
  EXPECT_FALSE(parser.accept(","));
  EXPECT_EQ(*parser.number(), 0xffU);
  EXPECT_TRUE(parser.accept(":"));
  EXPECT_EQ(parser.until(";"), "rest");
  EXPECT_EQ(parser.rest(), ";more");
  EXPECT_EQ(parser.until("#"), ";more");
  EXPECT_TRUE(parser.rest().empty());
}

}  // namespace
}  // namespace tsr::debug
