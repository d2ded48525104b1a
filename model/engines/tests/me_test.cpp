// SPDX-License-Identifier: Apache-2.0
/// Functional matrix engine and golden GEMM against plain arithmetic.
#include "engines/me.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <ctime>
#include <random>

#include "numerics/convert.hpp"
#include "numerics/matrix.hpp"

namespace tsr::engines {
namespace {

std::uint16_t bf16(float x) { return numerics::fp32_to_bf16(numerics::bits_of(x)); }

GemmShape shape_of(std::size_t m, std::size_t n, std::size_t k, std::size_t lda, std::size_t ldb,
                   std::size_t ldc, MeFormat format, bool relu, bool out_bf16) {
  GemmShape shape;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  shape.lda = lda;
  shape.ldb = ldb;
  shape.ldc = ldc;
  shape.format = format;
  shape.relu = relu;
  shape.out_bf16 = out_bf16;
  return shape;
}

/// Contexts for row-major A[m][k], B[n][k], O[m][n] with m, n multiples of 8 and whole beats of K.
MeContext plain_context(const MeConfig& me, unsigned m, unsigned n, unsigned k_bytes) {
  MeContext context;
  context.me = me.to_row();
  AguConfig a;
  a.pitch = k_bytes;
  a.count = {k_bytes / 8, n / 8, m / 8, 1, 1, 1};
  a.set_strides({8, 0, static_cast<std::int32_t>(8 * k_bytes), 0, 0, 0});
  AguConfig b = a;
  b.set_strides({8, static_cast<std::int32_t>(8 * k_bytes), 0, 0, 0, 0});
  AguConfig o;
  o.w_log2 = 2;
  o.pitch = n * 4;
  o.count = {4, n / 8, m / 8, 1, 1, 1};
  o.set_strides({static_cast<std::int32_t>(8 * n), 32, static_cast<std::int32_t>(32 * n), 0, 0, 0});
  context.a = a.to_row();
  context.b = b.to_row();
  context.c = o.to_row();
  context.o = o.to_row();
  return context;
}

TEST(Gemm, SmallIntegersAreExact) {
  // Sums of small integers are exact in FP32: any correct order gives the same bits.
  std::mt19937 rng(1);
  const std::size_t m = 19, n = 23, k = 37;
  std::vector<std::uint16_t> a(m * k), b(n * k);
  std::vector<float> fa(a.size()), fb(b.size()), bias(n), c(m * n);
  const auto draw = [&] { return static_cast<float>(static_cast<int>(rng() % 17) - 8); };
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = bf16(fa[i] = draw());
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = bf16(fb[i] = draw());
  for (float& x : bias) x = draw();
  GemmShape shape;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  shape.lda = shape.ldb = 2 * k;
  shape.ldc = 4 * n;
  shape.relu = true;
  std::vector<std::uint32_t> bias_bits(n);
  std::memcpy(bias_bits.data(), bias.data(), 4 * n);
  gemm(shape, a.data(), b.data(), bias_bits.data(), c.data());
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      float sum = bias[j];
      for (std::size_t t = 0; t < k; ++t) sum += fa[i * k + t] * fb[j * k + t];
      ASSERT_EQ(c[i * n + j], sum > 0 ? sum : 0.0F);
    }
  }
}

TEST(Gemm, Int8EqualsIntegerArithmetic) {
  std::mt19937 rng(2);
  const std::size_t m = 9, n = 11, k = 29;
  std::vector<std::int8_t> a(m * k), b(n * k);
  for (auto& x : a) x = static_cast<std::int8_t>(rng());
  for (auto& x : b) x = static_cast<std::int8_t>(rng());
  std::vector<std::int32_t> c(m * n);
  gemm(shape_of(m, n, k, k, k, 4 * n, MeFormat::Int8, false, false), a.data(), b.data(), nullptr,
       c.data());
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      std::int32_t sum = 0;
      for (std::size_t t = 0; t < k; ++t) sum += a[i * k + t] * b[j * k + t];
      ASSERT_EQ(c[i * n + j], sum);
    }
  }
}

TEST(Gemm, OutputsBf16WithPitch) {
  const std::uint16_t a[4] = {bf16(1), bf16(1), bf16(1), bf16(1)};
  const std::uint16_t b[4] = {bf16(256), bf16(0.75F), bf16(0.5F), 0};
  std::uint16_t c[2] = {0xaaaa, 0xaaaa};
  gemm(shape_of(1, 1, 4, 8, 8, 4, MeFormat::Bf16, false, true), a, b, nullptr, c);
  EXPECT_EQ(c[0], bf16(257.25F));
  EXPECT_EQ(c[1], 0xaaaa);
}

TEST(Gemm, IsFastEnoughForLayersOfARealNetwork) {
  const std::size_t m = 256, n = 128, k = 784;
  std::mt19937 rng(3);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> a(m * k), b(n * k);
  for (auto& x : a) x = bf16(normal(rng));
  for (auto& x : b) x = bf16(normal(rng));
  std::vector<std::uint32_t> c(m * n);
  const std::clock_t start = std::clock();
  gemm(shape_of(m, n, k, 2 * k, 2 * k, 4 * n, MeFormat::Bf16, false, false), a.data(), b.data(),
       nullptr, c.data());
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 1.0);
}

TEST(RunGemm, EqualsTheGoldenGemm) {
  std::mt19937 rng(4);
  std::normal_distribution<float> normal;
  for (const MeFormat format : {MeFormat::Bf16, MeFormat::Int8}) {
    const unsigned m = 16, n = 24, k_bytes = 64;
    std::vector<std::uint8_t> spm(16384);
    for (std::size_t i = 0; i + 2 <= (m + n) * k_bytes; i += 2) {
      const std::uint16_t x =
          format == MeFormat::Bf16 ? bf16(normal(rng)) : static_cast<std::uint16_t>(rng());
      std::memcpy(&spm[i], &x, 2);
    }
    const std::uint32_t o = (m + n) * k_bytes;
    std::vector<std::uint8_t> golden(m * n * 4);
    const std::size_t k = format == MeFormat::Bf16 ? k_bytes / 2 : k_bytes;
    gemm(shape_of(m, n, k, k_bytes, k_bytes, 4 * n, format, false, false), spm.data(),
         &spm[m * k_bytes], nullptr, golden.data());
    MeConfig me;
    me.set_format(format);
    const auto result = run_gemm(plain_context(me, m, n, k_bytes), {0, m * k_bytes, 0, o}, spm);
    EXPECT_EQ(result.error, CmdError::Ok);
    EXPECT_EQ(result.beats, 2U * 3 * 8);
    EXPECT_EQ(std::memcmp(golden.data(), &spm[o], golden.size()), 0);

    // Once more with the result as preload: twice the sum for integers.
    if (format == MeFormat::Int8) {
      me.preload = true;
      EXPECT_EQ(run_gemm(plain_context(me, m, n, k_bytes), {0, m * k_bytes, o, o}, spm).error,
                CmdError::Ok);
      for (std::size_t i = 0; i < m * n; ++i) {
        std::int32_t once, twice;
        std::memcpy(&once, &golden[4 * i], 4);
        std::memcpy(&twice, &spm[o + 4 * i], 4);
        ASSERT_EQ(twice, 2 * once);
      }
    }
  }
}

TEST(RunGemm, RefusesIllegalCommands) {
  std::vector<std::uint8_t> spm(4096, 0x11);
  const auto before = spm;
  const auto good = plain_context(MeConfig{}, 8, 8, 16);
  auto context = good;
  context.me[0] = 11;  // INT16
  EXPECT_EQ(run_gemm(context, {0, 0, 0, 512}, spm).error, CmdError::Context);
  context = good;
  context.a[4] = 0;
  EXPECT_EQ(run_gemm(context, {0, 0, 0, 512}, spm).error, CmdError::Context);
  context = good;
  context.o[4] = 3;
  EXPECT_EQ(run_gemm(context, {0, 0, 0, 512}, spm).error, CmdError::Shape);
  EXPECT_EQ(run_gemm(good, {4, 0, 0, 512}, spm).error, CmdError::Range);
  const auto result = run_gemm(good, {0, 4096, 0, 512}, spm);
  EXPECT_EQ(result.error, CmdError::Range);
  EXPECT_EQ(result.address, 4096U);
  EXPECT_EQ(spm, before);
}

TEST(RunGemm, EveryFormatEqualsPlainArithmetic) {
  // Small values whose sums are exact: any correct order gives the same result.
  std::mt19937 rng(5);
  for (int f = 0; f < numerics::kElementFormats; ++f) {
    const auto format = static_cast<MeFormat>(f);
    if (!numerics::is_matrix_format(format)) continue;
    const auto bits = static_cast<unsigned>(numerics::element_bits(format));
    const unsigned k = 128 / bits * 8;  // 16 beats
    const unsigned k_bytes = k * bits / 8;
    std::vector<std::uint8_t> spm(16384);
    std::vector<int> a(8 * k), b(8 * k);
    const auto put = [&](std::vector<int>& values, std::uint32_t at) {
      for (unsigned i = 0; i < 8 * k; ++i) {
        values[i] = static_cast<int>(rng() % 7) - 3;
        std::uint32_t code = static_cast<std::uint32_t>(values[i]) & ((1U << (bits % 32)) - 1U);
        if (numerics::is_float(format)) {
          code = numerics::convert(numerics::kFp32, numerics::float_format(format),
                                   numerics::bits_of(static_cast<float>(values[i])));
        }
        if (bits == 4) {
          spm[at + i / 2] |= static_cast<std::uint8_t>(code << (4 * (i % 2)));
        } else {
          std::memcpy(&spm[at + i * bits / 8], &code, bits / 8);
        }
      }
    };
    put(a, 0);
    put(b, 8 * k_bytes);
    MeConfig me;
    me.set_format(format);
    const std::uint32_t o = 16 * k_bytes;
    const auto result = run_gemm(plain_context(me, 8, 8, k_bytes), {0, 8 * k_bytes, 0, o}, spm);
    ASSERT_EQ(result.error, CmdError::Ok);
    for (unsigned i = 0; i < 8; ++i) {
      for (unsigned j = 0; j < 8; ++j) {
        int sum = 0;
        for (unsigned t = 0; t < k; ++t) sum += a[i * k + t] * b[j * k + t];
        std::uint32_t got;
        std::memcpy(&got, &spm[o + 4 * (8 * i + j)], 4);
        const std::uint32_t want = me.int32_results() ? static_cast<std::uint32_t>(sum)
                                                      : numerics::bits_of(static_cast<float>(sum));
        ASSERT_EQ(got, want) << numerics::element_name(format);
      }
    }
  }
}

TEST(RunGemm, ScalesOfEachBlock) {
  // One row and column of E4M3 ones, K = 64: 2^(sa + sb - 254) * 32 for each of two blocks.
  std::vector<std::uint8_t> spm(4096);
  for (unsigned i = 0; i < 64; ++i) spm[i] = spm[512 + i] = 0x38;
  const std::array<std::uint8_t, 4> scale{127, 130, 126, 127};
  spm[1024] = scale[0];
  spm[1025] = scale[1];
  spm[1088] = scale[2];
  spm[1089] = scale[3];
  MeConfig me;
  me.set_format(MeFormat::E4m3);
  me.mx = true;
  MeJob job;
  job.context = plain_context(me, 8, 8, 64);
  ScaleConfig scales;
  scales.pitch = 8;
  job.context.scale = scale_row(scales, scales);
  job.base = {0, 512, 0, 2048};
  job.scale_base = {1024, 1088};
  ASSERT_EQ(run_gemm(job, spm).error, CmdError::Ok);
  float got;
  std::memcpy(&got, &spm[2048], 4);
  EXPECT_EQ(got, 32 * 0.5F + 32 * 8.0F);
}

TEST(RunGemm, SmallGridIgnoresRowsThatItDoesNotHave) {
  // Row and column 5 of what the streams bring make a NaN, but a grid of 4 x 4 has no such cell.
  MeConfig me;
  MeJob job;
  job.grid = 4;
  AguConfig operand;
  operand.pitch = 8;
  AguConfig out;
  out.w_log2 = 1;
  out.pitch = 16;
  job.context.me = me.to_row();
  job.context.a = job.context.b = operand.to_row();
  job.context.o = out.to_row();
  job.base = {0, 64, 0, 128};
  std::vector<std::uint8_t> spm(4096);
  const std::uint16_t nan = 0x7fc0;
  std::memcpy(&spm[5 * 8], &nan, 2);
  std::memcpy(&spm[64 + 5 * 8], &nan, 2);
  MeResult result = run_gemm(job, spm);
  EXPECT_EQ(result.error, CmdError::Ok);
  EXPECT_FALSE(result.nan);
  std::memcpy(&spm[3 * 8], &nan, 2);
  result = run_gemm(job, spm);
  EXPECT_TRUE(result.nan);
}

TEST(RunGemm, WordsOfACommand) {
  std::array<ContextRow, 8> rows{};
  for (unsigned r = 0; r < 8; ++r) rows[r][0] = 100 + r;
  std::array<std::uint32_t, 16> command{};
  for (unsigned w = 0; w < 16; ++w) command[w] = w;
  const MeJob job = MeJob::from_words(rows, command, 16);
  EXPECT_EQ(job.context.o[0], 104U);
  EXPECT_EQ(job.context.scale[0], 107U);
  EXPECT_EQ(job.base[3], 8U);
  EXPECT_EQ(job.scale_base[1], 11U);
  EXPECT_EQ(job.grid, 16U);
}

TEST(AguConfig, RowsRoundTrip) {
  AguConfig config;
  config.pitch = 264;
  config.w_log2 = 2;
  config.redge_en = true;
  config.redge_loop = 5;
  config.redge_sub = true;
  config.redge_n = 7;
  config.bedge_en = true;
  config.bedge_loop = 3;
  config.bedge_m = 20;
  config.count = {4, 65535, 3, 2, 1, 9};
  config.delta = {8, -16, 24, -8192, 0, 64};
  const ContextRow row = config.to_row();
  EXPECT_TRUE(AguConfig::legal(row));
  EXPECT_EQ(AguConfig::from_row(row).to_row(), row);
}

}  // namespace
}  // namespace tsr::engines
