// SPDX-License-Identifier: Apache-2.0
/// The functional address generator against plain loops, its context rows, its builder, and
/// convolutions against six nested loops over pixels.
#include <fmt/format.h>

#include "conv_ref.hpp"
#include "stream_ref.hpp"

namespace tsr::tb {
namespace {

using engines::Agu;
using engines::AguConfig;
using engines::ContextRow;
using engines::ConvShape;

std::mt19937_64 make_rng() {
  const char* text = std::getenv("TSR_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
  fmt::print("seed {} (set TSR_SEED to change it)\n", seed);
  return std::mt19937_64(seed);
}

void check_walk(const RefRun& run, unsigned row_base) {
  ASSERT_EQ(run.config.error(), nullptr);
  const auto expected = reference(run, row_base);
  // Through the row: what software writes is what the walk sees.
  const ContextRow row = run.config.row();
  const AguConfig config = AguConfig::from_row(row);
  ASSERT_EQ(config.accesses(), expected.size());
  Agu agu(config, row[0], run.indexes, row_base);
  for (const auto& want : expected) {
    ASSERT_FALSE(agu.done());
    const auto got = agu.current();
    ASSERT_EQ(got.base, want.base);
    ASSERT_EQ(got.strb, want.strb);
    ASSERT_EQ(got.last, want.last);
    for (unsigned l = 0; l < 8; ++l) {
      ASSERT_EQ(
          got.lane[l],
          (want.base + l / run.config.w * run.config.pitch + l % run.config.w * 8) & 0x3fffff);
    }
    agu.next();
  }
  EXPECT_TRUE(agu.done());
}

TEST(AguModel, RandomRunsMatchPlainLoops) {
  auto rng = make_rng();
  for (int i = 0; i < scaled(10000) && !testing::Test::HasFatalFailure(); ++i) {
    check_walk(random_run(rng, {}), i % 4 == 0 ? 8 : 0);
  }
}

TEST(AguModel, RowsRoundTrip) {
  auto rng = make_rng();
  for (int i = 0; i < 1000; ++i) {
    ContextRow row;
    for (auto& word : row) word = static_cast<std::uint32_t>(rng());
    row[0] = 0;
    row[2] &= ~0x00800e00U;  // reserved bits
    EXPECT_EQ(AguConfig::from_row(row).to_row(), row);
  }
}

TEST(AguModel, TransposesAreThoseOfMatrices) {
  auto rng = make_rng();
  for (unsigned mode = 0; mode < 4; ++mode) {
    const auto xpose = static_cast<Transpose>(mode);
    BeatBytes in;
    for (auto& byte : in) byte = static_cast<std::uint8_t>(rng());
    EXPECT_EQ(engines::transpose(in, xpose), transposed(in, xpose));
    const std::uint64_t strb = rng();
    EXPECT_EQ(engines::transpose_mask(strb, xpose), transposed_mask(strb, xpose));
  }
}

TEST(AguModel, MaskedBytesAreNeitherReadNorWritten) {
  std::vector<std::uint8_t> spm(256, 0xaa);
  AguBuilder c;
  c.w = 8;
  c.base = 64;
  c.bytes = {true, 0, 5, false};
  Agu agu(c.config(), c.base);
  const auto access = agu.current();
  const auto beat = engines::read_beat(access, Transpose::None, spm);
  EXPECT_EQ(beat.strb, 0x1fU);
  EXPECT_EQ(beat.data[4], 0xaa);
  EXPECT_EQ(beat.data[5], 0);
  BeatBytes data{};
  engines::write_beat(access, data, spm);
  EXPECT_EQ(spm[68], 0);
  EXPECT_EQ(spm[69], 0xaa);
  EXPECT_EQ(spm[63], 0xaa);
  EXPECT_FALSE(engines::out_of_range(access, 72));
  EXPECT_TRUE(engines::out_of_range(access, 71));
}

TEST(AguBuilder, SaysWhatDoesNotFit) {
  AguBuilder good;
  good.loops = {{4, 8}};
  EXPECT_EQ(good.error(), nullptr);
  const auto expect_error = [&good](auto change) {
    AguBuilder c = good;
    change(c);
    EXPECT_NE(c.error(), nullptr);
  };
  expect_error([](AguBuilder& c) { c.loops.resize(7); });
  expect_error([](AguBuilder& c) { c.loops[0].count = 0; });
  expect_error([](AguBuilder& c) { c.loops[0].count = 65536; });
  expect_error([](AguBuilder& c) { c.loops[0].stride = 4; });
  expect_error([](AguBuilder& c) { c.pitch = 12; });
  expect_error([](AguBuilder& c) { c.pitch = 1U << 22; });
  expect_error([](AguBuilder& c) { c.base = 4; });
  expect_error([](AguBuilder& c) { c.w = 3; });
  expect_error([](AguBuilder& c) { c.rows = {true, 6, 1, false}; });
  expect_error([](AguBuilder& c) { c.rows = {true, 0, 17, false}; });
  expect_error([](AguBuilder& c) { c.bytes = {true, 6, 1, false}; });
  expect_error([](AguBuilder& c) { c.bytes = {true, 0, 128, false}; });
  expect_error([](AguBuilder& c) { c.window.w = 4096; });
  expect_error([](AguBuilder& c) { c.window.pad_x = 16; });
  expect_error([](AguBuilder& c) { c.window.xstep = 1024; });
  expect_error([](AguBuilder& c) {
    c.window.w = 1;
    c.loops[0].dy = 512;
  });
  expect_error([](AguBuilder& c) {
    c.window.w = 1;
    c.loops[0].dx = 40000;
  });
  expect_error([](AguBuilder& c) { c.xpose = Transpose::Bytes2; });
  expect_error([](AguBuilder& c) {
    c.gather = true;
    c.gather_loop = 7;
  });
}

TEST(AguBuilder, EdgesOnlyWhereATailIs) {
  AguBuilder c;
  c.edge_rows(2, 24, 8);
  EXPECT_FALSE(c.rows.on);
  c.edge_rows(2, 27, 8);
  EXPECT_TRUE(c.rows.on);
  EXPECT_EQ(c.rows.n, 3U);
  c.edge_bytes(0, 16, 8);
  EXPECT_FALSE(c.bytes.on);
  c.edge_bytes(0, 13, 8);
  EXPECT_EQ(c.bytes.n, 5U);
}

TEST(Convolution, MatchesSixLoopsOverPixels) {
  for (const ConvShape& shape : conv_shapes()) {
    const AguBuilder c = engines::conv_stream(shape);
    ASSERT_EQ(c.error(), nullptr) << name_of(shape);
    const auto expected = conv_reference(shape);
    Agu agu(c.config(), c.base);
    for (std::size_t i = 0; i < expected.size(); ++i, agu.next()) {
      ASSERT_FALSE(agu.done());
      ASSERT_EQ(conv_mismatch(shape, expected[i], agu.current()), "")
          << name_of(shape) << ", access " << i;
    }
    EXPECT_TRUE(agu.done()) << name_of(shape);
  }
}

TEST(Convolution, RandomShapesMatchSixLoopsOverPixels) {
  auto rng = make_rng();
  for (int i = 0; i < scaled(1000); ++i) {
    const ConvShape shape = random_conv(rng);
    const AguBuilder c = engines::conv_stream(shape);
    if (c.loops.size() > 6) {
      EXPECT_NE(c.error(), nullptr);
      continue;
    }
    ASSERT_EQ(c.error(), nullptr) << name_of(shape);
    const auto expected = conv_reference(shape);
    Agu agu(c.config(), c.base);
    for (std::size_t n = 0; n < expected.size(); ++n, agu.next()) {
      ASSERT_EQ(conv_mismatch(shape, expected[n], agu.current()), "")
          << name_of(shape) << ", access " << n;
    }
    EXPECT_TRUE(agu.done());
  }
}

}  // namespace
}  // namespace tsr::tb
