// SPDX-License-Identifier: Apache-2.0
// The functional DMA model alone: formats and known answers.
#include <gtest/gtest.h>

#include "engines/dma.hpp"

namespace tsr::engines {
namespace {

std::uint8_t count_up(std::uint64_t address, std::uint8_t* data, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::uint8_t>(address + i);
  return 0;
}

DmaConfig one_element(std::uint32_t count) {
  DmaConfig c;
  c.count = count;
  c.src_iter = {1, 1, 1};
  c.dst_iter = {1, 1, 1};
  return c;
}

TEST(DmaModel, ReadsTheWordsOfAContextRow) {
  DmaConfig::Words words{};
  for (std::uint32_t i = 0; i < 16; ++i) words[i] = 0x10000U * (100 + i) + i;
  const DmaConfig c = DmaConfig::from_words(words);
  EXPECT_EQ(c.count, words[0]);
  EXPECT_EQ(c.src_stride[2], static_cast<std::int32_t>(words[3]));
  EXPECT_EQ(c.dst_stride[0], static_cast<std::int32_t>(words[4]));
  EXPECT_EQ(c.src_iter, (std::array<std::uint16_t, 3>{7, 107, 8}));
  EXPECT_EQ(c.dst_iter, (std::array<std::uint16_t, 3>{108, 9, 109}));
  EXPECT_EQ(c.timeout, words[10]);
  const DmaConfig again = DmaConfig::from_words(c.to_words());
  EXPECT_EQ(again.src_iter, c.src_iter);
  EXPECT_EQ(again.dst_iter, c.dst_iter);
}

TEST(DmaModel, ReadsTheWordsOfACommand) {
  DmaCommand::Words words{};
  words[0] = 0xabcd0312;
  words[4] = 0x3f020100 | 0x00000005;
  words[5] = 1;
  words[8] = 4;
  words[9] = 0x99;
  const DmaCommand c = DmaCommand::from_words(words);
  EXPECT_EQ(c.op, 0x12);
  EXPECT_EQ(c.context, 3);
  EXPECT_EQ(c.id, 0xabcd);
  EXPECT_EQ(c.x0, 5);
  EXPECT_EQ(c.y0, 1);
  EXPECT_EQ(c.x1, 2);
  EXPECT_EQ(c.y1, 0x3f);
  EXPECT_EQ(c.arg, (std::array<std::uint32_t, 4>{1, 0, 0, 4}));
  EXPECT_EQ(c.pattern, 0x99U);
  EXPECT_EQ(c.to_words(), words);
}

TEST(DmaModel, GathersATransposedSlice) {
  // Two rows of three bytes, read column by column.
  DmaCommand command;
  command.op = static_cast<std::uint8_t>(DmaOp::Read);
  command.arg = {0x10, 0, 0, 0};
  DmaConfig c = one_element(1);
  c.src_iter = {2, 3, 1};
  c.src_stride = {0x20, 1, 0};
  c.dst_iter = {6, 1, 1};
  c.dst_stride = {1, 0, 0};
  const DmaOutcome outcome = run_rdma(command, c, 64, count_up);
  ASSERT_EQ(outcome.error, CmdError::Ok);
  const std::array<std::uint8_t, 6> expected{0x10, 0x30, 0x11, 0x31, 0x12, 0x32};
  ASSERT_EQ(outcome.writes.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(outcome.writes[i].address, i);
    EXPECT_EQ(outcome.writes[i].data[0], expected[i]);
  }
  EXPECT_EQ(outcome.bytes, 6U);
}

TEST(DmaModel, StopsAtABusError) {
  DmaCommand command;
  command.op = static_cast<std::uint8_t>(DmaOp::Read);
  command.arg = {0xf0, 0, 0, 0};
  const auto fails = [](std::uint64_t address, std::uint8_t* data, std::size_t bytes) {
    return address >= 0x100 ? std::uint8_t{2} : count_up(address, data, bytes);
  };
  const DmaOutcome outcome = run_rdma(command, one_element(32), 64, fails);
  EXPECT_EQ(outcome.error, CmdError::Bus);
  EXPECT_EQ(outcome.info, 2);
  EXPECT_EQ(outcome.address, 0x100U);
  const std::vector<std::uint8_t> spm(64);
  command.op = static_cast<std::uint8_t>(DmaOp::Write);
  command.arg = {0, 0, 0xf0, 0};
  const DmaOutcome write = run_wdma(command, one_element(32), spm.data(), spm.size(),
                                    [](std::uint64_t address, std::size_t) {
                                      return static_cast<std::uint8_t>(address >= 0x100 ? 2 : 0);
                                    });
  EXPECT_EQ(write.error, CmdError::Bus);
  EXPECT_EQ(write.address, 0x100U);
  EXPECT_EQ(write.bytes, 16U);
}

TEST(DmaModel, FillsByAddress) {
  DmaCommand command;
  command.op = static_cast<std::uint8_t>(DmaOp::Fill);
  command.pattern = 0x44332211;
  command.arg = {0, 0, 0x102, 0};
  const DmaOutcome outcome = run_wdma(command, one_element(5), nullptr, 0);
  ASSERT_EQ(outcome.writes.size(), 1U);
  EXPECT_EQ(outcome.writes[0].data, (std::vector<std::uint8_t>{0x33, 0x44, 0x11, 0x22, 0x33}));
}

}  // namespace
}  // namespace tsr::engines
