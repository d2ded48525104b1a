// SPDX-License-Identifier: Apache-2.0
/// Traces and access patterns of the HBM benchmark.
#include "hbm/trace.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "error.hpp"
#include "hbm/patterns.hpp"

namespace tsr::tools {
namespace {

HbmTrace parse(const std::string& text) {
  std::istringstream stream(text);
  return parse_hbm_trace(stream, "some.trc");
}

void expect_refused(const std::string& text, const std::string& message) {
  SCOPED_TRACE(text);
  try {
    parse(text);
    ADD_FAILURE() << "accepted";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(HbmTrace, ReadsLinesCommentsAndBothBases) {
  const HbmTrace trace = parse("# a comment\n\nR 0x1f40 64 3 100\nW 96 4096 0 0x10  # another\r\n");
  ASSERT_EQ(trace.size(), 2U);
  EXPECT_FALSE(trace[0].write);
  EXPECT_EQ(trace[0].address, 0x1f40U);
  EXPECT_EQ(trace[0].bytes, 64U);
  EXPECT_EQ(trace[0].source, 3U);
  EXPECT_EQ(trace[0].earliest, 100U);
  EXPECT_TRUE(trace[1].write);
  EXPECT_EQ(trace[1].address, 96U);
  EXPECT_EQ(trace[1].earliest, 16U);
  EXPECT_EQ(hbm_atoms(trace), 2U + 128U);
}

TEST(HbmTrace, RoundsAddressesDownToAtoms) { EXPECT_EQ(parse("R 0x2b 32 0 0")[0].address, 32U); }

TEST(HbmTrace, RefusesBadLinesByNumber) {
  expect_refused("R 0 64 0 0\nX 0 64 0 0\n", "some.trc:2: \"X\" is not R or W");
  expect_refused("R 0 64 0\n", "some.trc:1: 4 words; a line is: R|W");
  expect_refused("\n# c\nR zero 64 0 0\n", "some.trc:3: address \"zero\" is not a number");
  expect_refused("R 0x 64 0 0\n", "address \"0x\" is not a number");
  expect_refused("R -32 64 0 0\n", "address \"-32\" is not a number");
  expect_refused("R 0 64k 0 0\n", "bytes \"64k\" is not a number");
  expect_refused("R 0 64 0 1.5\n", "earliest clock \"1.5\" is not a number");
  expect_refused("R 0 64 0 99999999999999999999\n", "is not a number");
  expect_refused("R 0 0 0 0\n", "multiple of 32, not 0");
  expect_refused("R 0 48 0 0\n", "multiple of 32, not 0");
  expect_refused("R 0 64 0x100000000 0\n", "at most 32 bits");
  expect_refused("R 0x1fffffe0 64 0 0\n", "beyond the pseudo channel's 512 MiB");
  expect_refused("R 0x20000000 32 0 0\n", "beyond the pseudo channel's 512 MiB");
  expect_refused("# nothing\n", "some.trc: no access in it");
}

TEST(HbmTrace, RefusesAMissingFile) {
  EXPECT_THROW(load_hbm_trace("no/such/file.trc"), InputError);
}

TEST(HbmPatterns, AreRepeatableAndHaveTheirSize) {
  for (const auto& name : hbm_pattern_names()) {
    SCOPED_TRACE(name);
    const HbmTrace trace = make_hbm_pattern(name, 7, 1 << 18);
    const std::uint64_t atoms = hbm_atoms(trace);
    EXPECT_GE(atoms * kHbmAtom, 1U << 18);
    EXPECT_LT(atoms * kHbmAtom, (1U << 18) + 16 * 256);
    const HbmTrace again = make_hbm_pattern(name, 7, 1 << 18);
    ASSERT_EQ(again.size(), trace.size());
    for (std::size_t i = 0; i < trace.size(); ++i) {
      ASSERT_EQ(again[i].address, trace[i].address);
      ASSERT_EQ(again[i].write, trace[i].write);
      ASSERT_EQ(trace[i].address % kHbmAtom, 0U);
      ASSERT_LE(trace[i].address + trace[i].bytes, kHbmChannelBytes);
    }
  }
  EXPECT_NE(make_hbm_pattern("rnd_rd64", 1, 4096)[0].address,
            make_hbm_pattern("rnd_rd64", 2, 4096)[0].address);
  EXPECT_THROW(make_hbm_pattern("nothing", 1, 4096), InputError);
}

TEST(HbmPatterns, MixReadsAndWritesAsNamed) {
  const auto writes = [](const std::string& name) {
    std::uint64_t atoms = 0;
    const HbmTrace trace = make_hbm_pattern(name, 1, 3 << 16);
    for (const auto& access : trace) atoms += access.write ? access.bytes / kHbmAtom : 0;
    return static_cast<double>(atoms) / static_cast<double>(hbm_atoms(trace));
  };
  EXPECT_EQ(writes("seq_rd"), 0);
  EXPECT_EQ(writes("seq_wr"), 1);
  EXPECT_NEAR(writes("mix21_256"), 1.0 / 3, 0.001);
  EXPECT_NEAR(writes("mix11_256"), 0.5, 0.001);
  EXPECT_NEAR(writes("rnd_mix21_64"), 1.0 / 3, 0.001);
  EXPECT_NEAR(writes("s16_14r2w_256"), 0.125, 0.001);
}

}  // namespace
}  // namespace tsr::tools
