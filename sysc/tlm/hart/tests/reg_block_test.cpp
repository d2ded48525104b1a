// SPDX-License-Identifier: Apache-2.0
// Register storage of the TLM models against the tables of the register descriptions.
#include "tlm/hart/reg_block.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "regs/fuse_regs.hpp"
#include "regs/mailbox_regs.hpp"
#include "regs/sys_regs.hpp"
#include "regs/tile_regs.hpp"
#include "regs/timer_regs.hpp"
#include "regs/uart_regs.hpp"
#include "regs/wdog_regs.hpp"

namespace tsr::hart {
namespace {

/// A block in which hardware does nothing, but set bits if a test wants it.
class Bare : public RegBlock {
 public:
  explicit Bare(const regs::Block& block) : RegBlock(block) {}
  using RegBlock::set_bits;
};

std::uint32_t lanes(std::uint8_t strb) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= (strb >> i & 1U) != 0 ? 0xffU << 8 * i : 0;
  return mask;
}

/// Stored bits of a register by what software may do with them.
std::uint32_t bits(const regs::Register& reg, regs::Access access) {
  std::uint32_t mask = 0;
  for (const auto& field : reg) {
    if (field.access == access && !field.live()) mask |= field.mask();
  }
  return mask;
}

std::uint32_t initial(const regs::Register& reg) {
  std::uint32_t value = 0;
  for (const auto& field : reg) {
    if (field.readable() && !field.live()) value |= field.reset << field.lsb;
  }
  return value;
}

class RegBlocks : public testing::TestWithParam<const regs::Block*> {};

TEST_P(RegBlocks, BehaveAsDescribed) {
  const regs::Block& table = *GetParam();
  Bare block(table);
  std::mt19937 rng(1);
  for (std::uint32_t offset = 0; offset < table.size + 8; ++offset) {
    const regs::Register* reg = offset % 4 == 0 ? table.find(offset) : nullptr;
    SCOPED_TRACE(fmt::format("{} {:03x}", table.name, offset));
    const RegAnswer first = block.access({false, true, offset});
    ASSERT_EQ(first.err, reg == nullptr) << "holes and unaligned addresses are refused";
    if (reg == nullptr) continue;
    ASSERT_EQ(first.data, initial(*reg));
    if (reg->priv) {
      EXPECT_TRUE(block.access({true, false, offset, ~0U}).err);
      EXPECT_EQ(block.access({false, false, offset}).data, initial(*reg));
    }
    std::uint32_t value = initial(*reg);
    for (int i = 0; i < 20; ++i) {
      const auto data = static_cast<std::uint32_t>(rng());
      const auto strb = static_cast<std::uint8_t>(rng() % 16);
      const auto set = static_cast<std::uint32_t>(rng()) & bits(*reg, regs::Access::kRw1c);
      block.set_bits(offset, set);
      value |= set;
      EXPECT_EQ(block.access({true, true, offset, data, strb}).err, !reg->writable());
      const std::uint32_t mask = lanes(strb);
      const std::uint32_t rw = bits(*reg, regs::Access::kRw) & mask;
      value = (value & ~rw) | (data & rw);
      value &= ~(data & mask & bits(*reg, regs::Access::kRw1c));
      ASSERT_EQ(block.access({false, false, offset}).data, value);
    }
  }
  block.reset();
  for (const auto& reg : table) {
    EXPECT_EQ(block.access({false, true, reg.offset}).data, initial(reg)) << reg.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, RegBlocks,
                         testing::Values(&regs::tile::kBlock, &regs::uart::kBlock,
                                         &regs::timer::kBlock, &regs::mailbox::kBlock,
                                         &regs::fuse::kBlock, &regs::wdog::kBlock,
                                         &regs::sys::kBlock),
                         [](const auto& suite) { return std::string(suite.param->name); });

}  // namespace
}  // namespace tsr::hart
