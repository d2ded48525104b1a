// SPDX-License-Identifier: Apache-2.0
/// Faults as they are named on the command line.
#include "faults.hpp"

#include <gtest/gtest.h>

#include "error.hpp"

namespace tsr {
namespace {

std::string refusal(const ChipFaults& faults) {
  try {
    check_faults(load_config("t4"), faults);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

template <class Parse>
std::string refusal_of(Parse&& parse, const std::string& text) {
  try {
    parse(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(PlatformFaults, AreReadFromText) {
  const MeshLink link = parse_link("1,2,south");
  EXPECT_EQ(link.node, (Node{1, 2}));
  EXPECT_EQ(link.port, Dir::kSouth);
  const LinkDeath death = parse_link_death("0,3,east@123456789012");
  EXPECT_EQ(death.link.node, (Node{0, 3}));
  EXPECT_EQ(death.link.port, Dir::kEast);
  EXPECT_EQ(death.cycle, 123456789012U);
  EXPECT_EQ(parse_node("7,0"), (Node{7, 0}));
  const LostOutput loss = parse_lost_output("2,5@7", 1);
  EXPECT_EQ(loss.node, (Node{2, 5}));
  EXPECT_EQ(loss.net, 1U);
  EXPECT_EQ(loss.cycle, 7U);
}

TEST(PlatformFaults, BadTextIsRefusedWithTheFormat) {
  for (const char* text : {"", "1", "1,", ",1", "1,2,", "x,1", "-1,2", "1,2,3", "1 ,2", "+1,2"}) {
    EXPECT_NE(refusal_of(parse_node, text).find("give X,Y"), std::string::npos) << text;
  }
  for (const char* text : {"", "1,2", "1,2,west", "1,2,east@5", "1,east", "1,2,3,east"}) {
    EXPECT_NE(refusal_of(parse_link, text).find("give X,Y,east or X,Y,south"), std::string::npos)
        << text;
  }
  for (const char* text : {"", "1,2,east", "1,2,east@", "1,2,east@x", "1,2,east@-1", "@5",
                           "1,2,east@99999999999999999999"}) {
    EXPECT_NE(refusal_of(parse_link_death, text).find("X,Y,east@CYCLE"), std::string::npos) << text;
  }
  const auto parse_loss = [](const std::string& text) { return parse_lost_output(text, 0); };
  for (const char* text : {"", "1,2", "1,2@", "1@5", "1,2@x", "1,2,east@5"}) {
    EXPECT_NE(refusal_of(parse_loss, text).find("give X,Y@CYCLE"), std::string::npos) << text;
  }
}

TEST(PlatformFaults, WhatDoesNotExistCannotBeBroken) {
  // t4: ctl and a bare router above four tiles above two memory nodes.
  EXPECT_EQ(refusal({{{0, 1}, {1, 2}},
                     {{{0, 0}, Dir::kEast}},
                     {{{{1, 2}, Dir::kSouth}, 5}},
                     {{{1, 3}, 1, 9}}}),
            "accepted");
  EXPECT_EQ(refusal({{{0, 3}}, {}, {}, {}}), "node 0,3 of t4 is no tile (it is a memory)");
  EXPECT_EQ(refusal({{{2, 1}}, {}, {}, {}}), "node 2,1 is outside of t4's mesh of 2 x 4");
  EXPECT_EQ(refusal({{}, {{{1, 0}, Dir::kEast}}, {}, {}}),
            "node 1,0 of t4 has no eastern neighbour, so no link");
  EXPECT_EQ(refusal({{}, {}, {{{{0, 3}, Dir::kSouth}, 0}}, {}}),
            "node 0,3 of t4 has no southern neighbour, so no link");
  EXPECT_EQ(refusal({{}, {}, {}, {{{2, 0}, 1, 0}}}), "node 2,0 is outside of t4's mesh of 2 x 4");
}

}  // namespace
}  // namespace tsr
