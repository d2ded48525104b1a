// SPDX-License-Identifier: Apache-2.0
#include "gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "apps/apps_abi.h"
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
      : rows(row_count),
        row_bytes(width),
        pitch((width + 63) / 64 * 64),
        bytes(row_count * pitch) {}

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

/// What both kinds of run measure.
struct Measured {
  std::uint64_t cycles = 0;         ///< from the first command to the end of the last
  std::uint64_t launch_cycles = 0;  ///< from launch to completion
  std::uint64_t bytes = 0;          ///< every operand and the result once over the network
  std::size_t mismatches = 0;
  Totals totals;
  double khz = 0;
};

double khz_between(const SimulationStats& before, const SimulationStats& after) {
  const double seconds = after.wall_seconds - before.wall_seconds;
  return seconds > 0 ? static_cast<double>(after.cycles - before.cycles) / seconds / 1e3 : 0;
}

/// One tile multiplies matrices of ones that are already in its scratchpad.
Measured run_from_spm(Session& session, const GemmOptions& options) {
  auto& chip = session.chip();
  const bool bf16 = options.format == "bf16";
  const Node tile = chip.config().tiles.front();
  session.begin("boot");
  chip.load(Platform::firmware("apps/me_loop.elf"));
  session.end();
  tsr_me_loop_args_t args{};
  args.rows = options.m;
  args.cols = options.n;
  args.k = options.k;
  args.format = bf16 ? TSR_GEMM_BF16 : TSR_GEMM_INT8;
  args.repeat = 1;
  session.begin(fmt::format("{} {}x{}x{}", options.format, options.m, options.n, options.k));
  Measured measured;
  const auto before = chip.stats();
  try {
    measured.launch_cycles = chip.run("kernel_main", {tile, tile}, args).cycles;
  } catch (const Error& error) {
    if (error.code() != ExitCode::JobFailed) throw;
    throw InputError(fmt::format("{}x{}x{} {} does not fit the scratchpad of {} KiB: {}", options.m,
                                 options.n, options.k, options.format, chip.config().spm_kib,
                                 error.what()));
  }
  measured.khz = khz_between(before, chip.stats());
  session.end();
  measured.totals = Meter(chip).read();
  // The kernel clears the counters before its first command.
  measured.cycles = measured.totals.command_cycles;

  // The result lies at the end of the scratchpad, rows at an odd multiple of 32 bytes
  // (drivers/me.h).
  const std::size_t pitch = ((options.n + 7) / 8 | 1U) * 32;
  std::vector<std::uint8_t> result(options.m * pitch);
  const auto spm_end = 0x0100'0000U + static_cast<std::uint32_t>(chip.config().spm_kib) * 1024;
  chip.read(node_address(tile, spm_end - static_cast<std::uint32_t>(result.size())), result.data(),
            result.size());
  const float sum = static_cast<float>(options.k);
  std::uint32_t expected = options.k;
  if (bf16) std::memcpy(&expected, &sum, sizeof(expected));
  for (std::size_t r = 0; r < options.m; ++r) {
    for (std::size_t c = 0; c < options.n; ++c) {
      measured.mismatches += std::memcmp(&result[r * pitch + 4 * c], &expected, 4) != 0;
    }
  }
  return measured;
}

/// Random matrices in HBM, on one tile or on all; the result is compared with the golden model.
Measured run_from_hbm(Session& session, const GemmOptions& options) {
  auto& chip = session.chip();
  const bool bf16 = options.format == "bf16";
  const std::size_t element = bf16 ? 2 : 1;
  Matrix a(options.m, options.k * element);
  Matrix b(options.n, options.k * element);
  std::mt19937_64 rng(session.options().seed);
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
  const Node first = chip.config().tiles.front();
  const Rect tiles = options.scope == "tile" ? Rect{first, first} : chip.all_tiles();
  session.begin(fmt::format("{} {}x{}x{}", options.format, options.m, options.n, options.k));
  Measured measured;
  const auto before = chip.stats();
  measured.launch_cycles = chip.run("kernel_gemm", tiles, args).cycles;
  measured.khz = khz_between(before, chip.stats());
  session.end();
  measured.totals = meter.read();
  measured.cycles = measured.totals.command_cycles;
  measured.bytes = a.rows * a.row_bytes + b.rows * b.row_bytes + options.m * c_row;

  session.begin("read result");
  Matrix result(options.m, c_row);
  chip.read(args.c, result.bytes.data(), result.bytes.size());
  session.end();
  for (std::size_t r = 0; r < result.rows; ++r) {
    for (std::size_t i = r * result.pitch; i < r * result.pitch + c_row; i += 4) {
      measured.mismatches += std::memcmp(&result.bytes[i], &expected.bytes[i], 4) != 0;
    }
  }
  return measured;
}

}  // namespace

int run_gemm_bench(const SessionOptions& session_options, const GemmOptions& options) {
  const bool one_tile = options.scope == "tile";
  const bool from_spm = options.source == "spm";
  if (from_spm && !one_tile) {
    throw InputError(
        "--source spm needs --scope tile: the operands of a chip-wide product come from HBM");
  }
  Session session(session_options);
  const auto measured = from_spm ? run_from_spm(session, options) : run_from_hbm(session, options);

  // Bounds: all multiply-adds at peak; every operand and the result once over the narrowest place,
  // one tile's link with a flit of 64 bytes a cycle, or the chip's memory nodes with one each.
  const auto& config = session.chip().config();
  const std::uint64_t tiles = one_tile ? 1 : config.tiles.size();
  const std::uint64_t macs = std::uint64_t{options.m} * options.n * options.k;
  const std::uint64_t peak =
      config.bf16_macs_per_cycle() * (options.format == "bf16" ? 1 : 2) * tiles;
  const std::uint64_t rate = kHbmBytesPerCycle * (one_tile ? 1 : config.memories.size());
  const std::uint64_t compute_cycles = ceil_div(macs, peak);
  const std::uint64_t memory_cycles = ceil_div(measured.bytes, rate);
  const std::uint64_t bound_cycles = std::max(compute_cycles, memory_cycles);
  const char* bound = compute_cycles >= memory_cycles ? "compute" : "memory";
  const auto cycles = static_cast<double>(measured.cycles);
  const double utilization = static_cast<double>(macs) / (static_cast<double>(peak) * cycles);
  const double roofline = static_cast<double>(bound_cycles) / cycles;

  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  measured.cycles, measured.launch_cycles));
  session.line(fmt::format("macs         {}, {:.1f} % of the matrix engines' peak", macs,
                           100 * utilization));
  session.line(fmt::format("bound        {} cycles ({}), reached {:.1f} %", bound_cycles, bound,
                           100 * roofline));
  if (!from_spm) {
    session.line(fmt::format("HBM          {} needed, {} read, {} written",
                             human_bytes(measured.bytes),
                             human_bytes(measured.totals.hbm_bytes_read),
                             human_bytes(measured.totals.hbm_bytes_written)));
  }
  session.line(measured.mismatches == 0
                   ? "result       right, bit for bit"
                   : fmt::format("result       {} elements are wrong", measured.mismatches));

  auto& json = session.result;
  json["scope"] = options.scope;
  json["source"] = options.source;
  json["format"] = options.format;
  json["m"] = options.m;
  json["n"] = options.n;
  json["k"] = options.k;
  json["cycles"] = measured.cycles;
  json["macs"] = macs;
  json["utilization"] = utilization;
  json["bytes"] = measured.bytes;
  json["bound_cycles"] = bound_cycles;
  json["bound"] = bound;
  json["roofline"] = roofline;
  json["launch_cycles"] = measured.launch_cycles;
  json["hbm_bytes_read"] = measured.totals.hbm_bytes_read;
  json["hbm_bytes_written"] = measured.totals.hbm_bytes_written;
  json["network_bytes"] = measured.totals.network_bytes;
  json["mismatches"] = measured.mismatches;
  json["khz"] = measured.khz;
  session.finish();
  return measured.mismatches == 0 ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
