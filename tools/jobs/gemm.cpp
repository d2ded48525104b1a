// SPDX-License-Identifier: Apache-2.0
#include "gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "engines/me.hpp"
#include "meter.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::uint64_t kHbmBytesPerCycle = 64;  // of one memory node

/// A random matrix, rows of `row_bytes` at a pitch of whole flits.
struct Matrix {
  std::size_t rows, row_bytes, pitch;
  std::vector<std::uint8_t> bytes;

  Matrix(std::size_t row_count, std::size_t width)
      : rows(row_count), row_bytes(width), pitch((width + 63) / 64 * 64), bytes(row_count * pitch) {}

  /// BF16 values of either sign between 2^-4 and 2^3, or any INT8.
  void fill(bool bf16, std::mt19937_64& rng) {
    for (std::size_t r = 0; r < rows; ++r) {
      std::uint8_t* row = bytes.data() + r * pitch;
      for (std::size_t i = 0; i < row_bytes; i += bf16 ? 2 : 1) {
        const auto random = rng();
        if (bf16) {
          const auto exponent = static_cast<std::uint16_t>(123 + random % 7);
          const auto value = static_cast<std::uint16_t>((random >> 8 & 0x807f) | exponent << 7);
          std::memcpy(row + i, &value, sizeof(value));
        } else {
          row[i] = static_cast<std::uint8_t>(random);
        }
      }
    }
  }
};

std::uint64_t upload(Platform& chip, const Matrix& matrix) {
  const auto at = chip.allocate(matrix.bytes.size());
  chip.write(at, matrix.bytes.data(), matrix.bytes.size());
  return at;
}

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

}  // namespace

int run_gemm_bench(const SessionOptions& session_options, const GemmOptions& options) {
  const bool bf16 = options.format == "bf16";
  const bool one_tile = options.scope == "tile";
  const bool from_spm = options.source == "spm";
  if (from_spm && !one_tile) {
    throw InputError("--source spm needs --scope tile: the operands of a chip-wide product come from HBM");
  }
  const std::size_t element = bf16 ? 2 : 1;
  Matrix a(options.m, options.k * element);
  Matrix b(options.n, options.k * element);
  std::mt19937_64 rng(session_options.seed);
  a.fill(bf16, rng);
  b.fill(bf16, rng);
  const std::size_t c_row = 4 * std::size_t{options.n};
  Matrix expected(options.m, c_row);
  engines::GemmShape shape;
  shape.m = options.m;
  shape.n = options.n;
  shape.k = options.k;
  shape.lda = a.pitch;
  shape.ldb = b.pitch;
  shape.ldc = expected.pitch;
  shape.format = bf16 ? engines::MeFormat::Bf16 : engines::MeFormat::Int8;
  engines::gemm(shape, a.bytes.data(), b.bytes.data(), nullptr, expected.bytes.data());

  Session session(session_options);
  auto& chip = session.chip();
  const auto& config = chip.config();
  const Rect tiles = one_tile ? Rect{config.tiles.front(), config.tiles.front()} : chip.all_tiles();
  const std::uint64_t tile_count = one_tile ? 1 : config.tiles.size();
  session.begin("boot");
  chip.load();
  session.end();

  session.begin("copy data to HBM");
  tsr_gemm_args_t args{};
  args.m = options.m;
  args.n = options.n;
  args.k = options.k;
  args.format = bf16 ? TSR_GEMM_BF16 : TSR_GEMM_INT8;
  args.lda = static_cast<std::uint32_t>(a.pitch);
  args.ldb = static_cast<std::uint32_t>(b.pitch);
  args.ldc = static_cast<std::uint32_t>(expected.pitch);
  args.a = upload(chip, a);
  args.b = upload(chip, b);
  args.c = chip.allocate(expected.bytes.size());
  session.end();

  Meter meter(chip);
  meter.start();
  const auto kernel = from_spm ? "kernel_gemm_spm" : "kernel_gemm";
  session.begin(fmt::format("{} {}x{}x{}", options.format, options.m, options.n, options.k));
  const auto stats_before = chip.stats();
  const auto done = chip.run(kernel, tiles, args);
  const auto stats_after = chip.stats();
  session.end();
  const Totals totals = meter.read();

  session.begin("read result");
  Matrix result(options.m, c_row);
  chip.read(args.c, result.bytes.data(), result.bytes.size());
  session.end();
  std::size_t mismatches = 0;
  for (std::size_t r = 0; r < result.rows; ++r) {
    for (std::size_t i = 0; i < c_row; i += 4) {
      mismatches += std::memcmp(&result.bytes[r * result.pitch + i], &expected.bytes[r * expected.pitch + i], 4) != 0;
    }
  }

  // Bounds: all multiply-adds at peak; every operand once over HBM.
  const std::uint64_t macs = std::uint64_t{options.m} * options.n * options.k;
  const std::uint64_t peak = config.bf16_macs_per_cycle() * (bf16 ? 1 : 2) * tile_count;
  const std::uint64_t bytes = from_spm ? 0 : a.rows * a.row_bytes + b.rows * b.row_bytes + options.m * c_row;
  const std::uint64_t compute_cycles = ceil_div(macs, peak);
  // One tile's link carries a flit of 64 bytes a cycle; the chip's memory nodes one each.
  const std::uint64_t rate = kHbmBytesPerCycle * (one_tile ? 1 : config.memories.size());
  const std::uint64_t memory_cycles = ceil_div(bytes, rate);
  const std::uint64_t bound_cycles = std::max(compute_cycles, memory_cycles);
  const char* bound = compute_cycles >= memory_cycles ? "compute" : "memory";
  // From the scratchpad: the time during which the matrix engine had commands.
  const std::uint64_t cycles = from_spm ? totals.me_cycles_max : done.cycles;
  const double utilization = static_cast<double>(macs) / (static_cast<double>(peak) * static_cast<double>(cycles));
  const double roofline = static_cast<double>(bound_cycles) / static_cast<double>(cycles);

  session.line(fmt::format("\ncycles       {} (launch to completion {})", cycles, done.cycles));
  session.line(fmt::format("macs         {}, {:.1f} % of the matrix engines' peak", macs, 100 * utilization));
  session.line(fmt::format("bound        {} cycles ({}), reached {:.1f} %", bound_cycles, bound, 100 * roofline));
  session.line(fmt::format("HBM          {} needed, {} read, {} written", human_bytes(bytes),
                           human_bytes(totals.hbm_bytes_read), human_bytes(totals.hbm_bytes_written)));
  session.line(mismatches == 0 ? "result       equals the golden model bit for bit"
                               : fmt::format("result       {} elements differ from the golden model", mismatches));

  auto& json = session.result;
  json["scope"] = options.scope;
  json["source"] = options.source;
  json["format"] = options.format;
  json["m"] = options.m;
  json["n"] = options.n;
  json["k"] = options.k;
  json["cycles"] = cycles;
  json["macs"] = macs;
  json["utilization"] = utilization;
  json["bytes"] = bytes;
  json["bound_cycles"] = bound_cycles;
  json["bound"] = bound;
  json["roofline"] = roofline;
  json["launch_cycles"] = done.cycles;
  json["hbm_bytes_read"] = totals.hbm_bytes_read;
  json["hbm_bytes_written"] = totals.hbm_bytes_written;
  json["network_bytes"] = totals.network_bytes;
  json["mismatches"] = mismatches;
  const double seconds = stats_after.wall_seconds - stats_before.wall_seconds;
  json["khz"] = seconds > 0 ? static_cast<double>(stats_after.cycles - stats_before.cycles) / seconds / 1e3 : 0.0;
  session.finish();
  return mismatches == 0 ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
