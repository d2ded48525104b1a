// SPDX-License-Identifier: Apache-2.0
/// Context images as C headers.
#include "ve/header.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace tsr::ve {
namespace {

std::string hex(std::uint32_t word) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08xu", word);
  return text;
}

TEST(VeHeader, EntriesBecomeRowsAndConstants) {
  const HeaderEntry entry = parse_entry("norm = rmsnorm x=bf16 gamma=bf16 y=fp8e4m3:sat eps:=1e-6");
  EXPECT_EQ(entry.program.passes.size(), 2u);
  const std::string text = c_header({entry}, "TEST_H");
  for (const char* wanted :
       {"#ifndef TEST_H", "enum { TSR_VE_NORM_PASSES = 2 };", "TSR_VE_NORM_0_IN_X = 0",
        "TSR_VE_NORM_0_OUT_V = 3", "TSR_VE_NORM_1_IN_GAMMA = ", "TSR_VE_NORM_1_OUT_Y = 3",
        "TSR_VE_NORM_1_WORD_INV_N = 10", "static const uint32_t tsr_ve_norm_0_stages[16] = {",
        "static const uint32_t tsr_ve_norm_1_io[16] = {", "out y: fp8e4m3:sat, stream"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << "\n" << text;
  }
  for (const Pass& pass : entry.program.passes) {
    for (const std::uint32_t word : pass.io) {
      EXPECT_NE(text.find(hex(word)), std::string::npos) << hex(word);
    }
  }
  EXPECT_EQ(text.find("EPS"), std::string::npos) << "a fixed parameter takes no command word";
}

TEST(VeHeader, OptionsReachTheCompiler) {
  const HeaderEntry entry = parse_entry("s = sum row_loop=3 contract");
  EXPECT_EQ(entry.program.passes[0].config.reduce.loop, 3u);
}

TEST(VeHeader, MalformedEntriesAreRefused) {
  for (const char* line : {"relu", "a = ", "a = no_such", "a = relu x", "a = relu q=bf16",
                           "a = affine scale:=two", "a = relu x=bf17"}) {
    EXPECT_THROW(parse_entry(line), std::invalid_argument) << line;
  }
}

}  // namespace
}  // namespace tsr::ve
