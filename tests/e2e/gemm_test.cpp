// SPDX-License-Identifier: Apache-2.0
/// GEMMs of random shapes on the whole chip, compared bit for bit with the golden model.
#include <fmt/format.h>

#include <cstring>
#include <random>

#include "engines/me.hpp"
#include "process.hpp"
#include "tessera_abi.h"

namespace tsr::e2e {
namespace {

constexpr std::uint8_t kGuard = 0xa5;

/// One matrix product, its operands, and the golden result.
struct Problem {
  tsr_gemm_args_t args{};
  Rect tiles{};
  std::vector<std::uint8_t> a, b, golden;
  std::vector<std::uint32_t> bias;

  bool has(std::uint32_t flag) const { return (args.flags & flag) != 0; }
  std::string text() const {
    return fmt::format("{} {} x {} x {}, flags {:#x}, pitches {} {} {}, tiles ({}, {})..({}, {})",
                       args.format == TSR_GEMM_INT8 ? "INT8" : "BF16", args.m, args.n, args.k,
                       args.flags, args.lda, args.ldb, args.ldc, tiles.lo.x, tiles.lo.y, tiles.hi.x,
                       tiles.hi.y);
  }
};

class Generator {
 public:
  Generator(std::uint64_t seed, Rect tiles) : rng_(seed), tiles_(tiles) {}

  Problem problem(std::uint32_t format) {
    Problem p;
    auto& args = p.args;
    const bool int8 = format == TSR_GEMM_INT8;
    args.format = format;
    args.m = side();
    args.n = side();
    args.k = side();
    args.flags = below(16);
    if (int8) args.flags &= ~std::uint32_t{TSR_GEMM_OUT_BF16};
    const std::uint32_t out_bytes = p.has(TSR_GEMM_OUT_BF16) ? 2 : 4;
    const std::uint32_t k_bytes = args.k * (int8 ? 1 : 2);
    args.lda = k_bytes + padding();
    args.ldb = k_bytes + padding();
    args.ldc = args.n * out_bytes + padding();
    p.tiles = rectangle();
    p.a = matrix(args.m, k_bytes, args.lda, int8);
    p.b = matrix(args.n, k_bytes, args.ldb, int8);
    p.bias.resize(args.n);
    for (auto& value : p.bias) {
      value =
          int8 ? static_cast<std::uint32_t>(rng_()) : std::uint32_t{bf16()} << 16 | below(65536);
    }
    engines::GemmShape shape;
    shape.m = args.m;
    shape.n = args.n;
    shape.k = args.k;
    shape.lda = args.lda;
    shape.ldb = args.ldb;
    shape.ldc = args.ldc;
    shape.format = int8 ? engines::MeFormat::Int8 : engines::MeFormat::Bf16;
    shape.relu = p.has(TSR_GEMM_RELU);
    shape.out_bf16 = p.has(TSR_GEMM_OUT_BF16);
    p.golden.assign(std::size_t{args.m} * args.ldc, kGuard);
    engines::gemm(shape, p.a.data(), p.b.data(), p.has(TSR_GEMM_BIAS) ? p.bias.data() : nullptr,
                  p.golden.data());
    return p;
  }

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(rng_() % n); }

 private:
  /// 1..200; small and odd sizes often.
  std::uint32_t side() { return 1 + below(below(3) == 0 ? 17 : 200); }
  /// Rows need not touch each other.
  std::uint32_t padding() { return below(2) == 0 ? 0 : 4 * below(20); }
  Rect rectangle() {
    if (below(2) == 0) return tiles_;
    const auto pick = [&](unsigned lo, unsigned hi) { return lo + below(hi - lo + 1); };
    const Node lo{pick(tiles_.lo.x, tiles_.hi.x), pick(tiles_.lo.y, tiles_.hi.y)};
    return {lo, {pick(lo.x, tiles_.hi.x), pick(lo.y, tiles_.hi.y)}};
  }
  /// Mostly ordinary values, some of any bit pattern (infinities, NaN, subnormals, extremes).
  std::uint16_t bf16() {
    const auto random = rng_();
    if (wild_ && random % 200 == 0) return static_cast<std::uint16_t>(random >> 16);
    return static_cast<std::uint16_t>((random >> 16 & 0x807f) | (120 + (random >> 40) % 12) << 7);
  }
  std::vector<std::uint8_t> matrix(std::size_t rows, std::size_t row_bytes, std::size_t pitch,
                                   bool int8) {
    wild_ = !int8 && below(3) == 0;
    std::vector<std::uint8_t> bytes(rows * pitch, kGuard);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < row_bytes; i += int8 ? 1 : 2) {
        const auto value = int8 ? static_cast<std::uint16_t>(rng_()) : bf16();
        std::memcpy(bytes.data() + row * pitch + i, &value, int8 ? 1 : 2);
      }
    }
    return bytes;
  }

  std::mt19937_64 rng_;
  Rect tiles_;
  bool wild_ = false;
};

/// Run it; returns C with its padding.
std::vector<std::uint8_t> run(Platform& chip, Problem& p, Generator& random) {
  std::vector<std::uint64_t> held;
  // Operands begin at any element, not at lines of the memory.
  const auto upload = [&](const void* data, std::size_t bytes) {
    held.push_back(chip.allocate(bytes + 64));
    const auto at = held.back() + 4 * random.below(16);
    chip.write(at, data, bytes);
    return at;
  };
  std::vector<std::uint8_t> c(p.golden.size(), kGuard);
  p.args.a = upload(p.a.data(), p.a.size());
  p.args.b = upload(p.b.data(), p.b.size());
  p.args.bias = upload(p.bias.data(), 4 * p.bias.size());
  p.args.c = upload(c.data(), c.size());
  chip.run("kernel_gemm", p.tiles, p.args);
  chip.read(p.args.c, c.data(), c.size());
  for (const auto at : held) chip.free(at);
  return c;
}

void run_random(std::uint32_t format, unsigned count) {
  PlatformOptions options;
  options.max_cycles = 20'000'000;
  auto chip = Platform::open("t4", options);
  chip->load();
  Generator random(seed() * 2 + format, chip->all_tiles());
  for (unsigned i = 0; i < count; ++i) {
    auto problem = random.problem(format);
    SCOPED_TRACE(fmt::format("number {}: {}", i, problem.text()));
    const auto c = run(*chip, problem, random);
    for (std::size_t at = 0; at < c.size(); ++at) {
      ASSERT_EQ(c[at], problem.golden[at])
          << "row " << at / problem.args.ldc << " byte " << at % problem.args.ldc;
    }
  }
}

TEST(EndToEndGemm, RandomBf16EqualsTheGoldenModel) { run_random(TSR_GEMM_BF16, 20); }

TEST(EndToEndGemm, RandomInt8EqualsTheGoldenModel) { run_random(TSR_GEMM_INT8, 20); }

TEST(EndToEndGemm, ImpossibleArgumentsAreRefusedAndTheChipWorksOn) {
  auto chip = Platform::open("t4");
  chip->load();
  Generator random(5, chip->all_tiles());
  auto good = random.problem(TSR_GEMM_BF16);
  good.args.a = good.args.b = good.args.bias = good.args.c = chip->allocate(1 << 20);
  const struct {
    std::uint32_t value;
    void (*spoil)(tsr_gemm_args_t&);
  } cases[] = {
      {TSR_GEMM_BAD_SHAPE, [](tsr_gemm_args_t& a) { a.m = 0; }},
      {TSR_GEMM_BAD_SHAPE, [](tsr_gemm_args_t& a) { a.k = 0; }},
      {TSR_GEMM_BAD_SHAPE, [](tsr_gemm_args_t& a) { a.lda = 2 * a.k - 1; }},
      {TSR_GEMM_BAD_SHAPE, [](tsr_gemm_args_t& a) { a.ldc = 1; }},
      {TSR_GEMM_BAD_FORMAT, [](tsr_gemm_args_t& a) { a.format = TSR_FORMAT_INT16; }},
      {TSR_GEMM_BAD_FORMAT, [](tsr_gemm_args_t& a) { a.flags = 1U << 31; }},
  };
  for (const auto& bad : cases) {
    auto args = good.args;
    bad.spoil(args);
    const auto failure = failure_of([&] { chip->run("kernel_gemm", chip->all_tiles(), args); });
    EXPECT_EQ(failure.code, ExitCode::JobFailed) << failure;
    EXPECT_TRUE(failure.says(fmt::format("returned {}", bad.value))) << failure;
  }
  EXPECT_TRUE(run(*chip, good, random) == good.golden);
}

}  // namespace
}  // namespace tsr::e2e
