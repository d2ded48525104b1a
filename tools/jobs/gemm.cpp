// SPDX-License-Identifier: Apache-2.0
#include "gemm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

#include "engines/me.hpp"
#include "numerics/matrix.hpp"
#include "operand.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::uint64_t kHbmBytesPerCycle = 64;  // of one memory node
constexpr unsigned kBeatBytes = 8;               // of a row of A or B

struct Formats {
  BenchFormat a, b;
};

Formats formats_of(const GemmOptions& options) {
  Formats f;
  f.a = bench_format(options.format);
  f.b = options.format_b.empty() ? f.a : bench_format(options.format_b);
  if (f.a.mx != f.b.mx || !numerics::is_matrix_pair(f.a.element, f.b.element)) {
    throw InputError(fmt::format(
        "--format {} --format-b {}: the engine multiplies equal formats, any two FP8, or any two "
        "FP6, both with or both without block scales",
        options.format, options.format_b));
  }
  return f;
}

/// Refuse options that do not go together, before a chip is built.
void check(const GemmOptions& options) {
  const Formats f = formats_of(options);
  const bool spm = options.source == "spm";
  if (spm && options.scope != "tile") {
    throw InputError(
        "--source spm needs --scope tile: the operands of a chip-wide product come from HBM");
  }
  if (!spm && options.repeat != 1) throw InputError("--repeat needs --source spm");
  if (!spm && options.order != "nt") {
    throw InputError("--order needs --source spm: products from HBM are nt");
  }
  if (f.a.bits() == 4 && options.order != "nt") {
    throw InputError("--order: operands of 4-bit elements cannot be transposed; use nt");
  }
  if (f.a.bits() == 4 && options.k % 2 != 0) {
    throw InputError("--k: rows of 4-bit elements must fill whole bytes; use an even number");
  }
  if (!spm && std::uint64_t{options.k} * f.a.bits() / 8 > TSR_GEMM_WHOLE_K_BYTES) {
    throw InputError(fmt::format(
        "--k {}: rows of more than {} bytes are summed in parts, each rounded; use at most {}",
        options.k, TSR_GEMM_WHOLE_K_BYTES, TSR_GEMM_WHOLE_K_BYTES * 8 / f.a.bits()));
  }
}

/// Operands on the host, as C = A B^T; `c` is golden()'s.
struct Problem {
  Formats formats;
  Matrix a, b, c;
  std::optional<Matrix> a_scales, b_scales;
  std::vector<std::uint32_t> bias;
};

Problem make_problem(const GemmOptions& options, std::uint64_t seed) {
  const Formats f = formats_of(options);
  std::mt19937_64 rng(seed);
  Problem p{f,
            random_matrix(options.m, options.k, f.a.element, rng),
            random_matrix(options.n, options.k, f.b.element, rng),
            Matrix(options.m, options.n, 32),
            {},
            {},
            {}};
  if (f.a.mx) {
    p.a_scales = random_scales(options.m, options.k, rng);
    p.b_scales = random_scales(options.n, options.k, rng);
  }
  if (options.bias) {
    const auto format =
        f.a.integer_results() ? numerics::ElementFormat::Int32 : numerics::ElementFormat::Fp32;
    for (std::uint32_t i = 0; i < options.n; ++i) p.bias.push_back(random_element(format, rng));
  }
  return p;
}

/// Fill in the result.
void golden(Problem& p) {
  engines::GemmShape shape;
  shape.m = p.c.rows;
  shape.n = p.c.cols;
  shape.k = p.a.cols;
  shape.lda = p.a.pitch;
  shape.ldb = p.b.pitch;
  shape.ldc = p.c.pitch;
  shape.format = p.formats.a.element;
  shape.format_b = p.formats.b.element;
  shape.mixed = true;
  if (p.formats.a.mx) {
    shape.mx = true;
    shape.scale_a = p.a_scales->bytes.data();
    shape.scale_b = p.b_scales->bytes.data();
    shape.ld_scale_a = p.a_scales->pitch;
    shape.ld_scale_b = p.b_scales->pitch;
  }
  engines::gemm(shape, p.a.bytes.data(), p.b.bytes.data(), p.bias.empty() ? nullptr : p.bias.data(),
                p.c.bytes.data());
}

/// Copy the operands to HBM, as the order asks, and describe the product.
tsr_gemm_args_t describe(Platform& chip, const GemmOptions& options, const Problem& p) {
  const bool a_trans = options.order[0] == 't', b_trans = options.order[1] == 'n';
  tsr_gemm_args_t args{};
  args.m = options.m;
  args.n = options.n;
  args.k = options.k;
  args.format = static_cast<std::uint32_t>(p.formats.a.element);
  args.format_b = static_cast<std::uint32_t>(p.formats.b.element);
  const Matrix a = a_trans ? p.a.transposed() : p.a;
  const Matrix b = b_trans ? p.b.transposed() : p.b;
  args.lda = static_cast<std::uint32_t>(a.pitch);
  args.ldb = static_cast<std::uint32_t>(b.pitch);
  args.ldc = static_cast<std::uint32_t>(p.c.pitch);
  args.a = upload(chip, a.bytes);
  args.b = upload(chip, b.bytes);
  args.c = chip.allocate(p.c.bytes.size());
  args.flags = (a_trans ? TSR_GEMM_A_TRANS : 0U) | (b_trans ? TSR_GEMM_B_TRANS : 0U);
  if (p.formats.a.mx) {
    args.flags |= TSR_GEMM_MX;
    args.a_scale = upload(chip, p.a_scales->bytes);
    args.b_scale = upload(chip, p.b_scales->bytes);
    args.lda_scale = static_cast<std::uint32_t>(p.a_scales->pitch);
    args.ldb_scale = static_cast<std::uint32_t>(p.b_scales->pitch);
  }
  if (!p.bias.empty()) {
    args.flags |= TSR_GEMM_BIAS;
    args.bias = chip.allocate(4 * p.bias.size());
    chip.write(args.bias, p.bias.data(), 4 * p.bias.size());
  }
  return args;
}

void release(Platform& chip, const tsr_gemm_args_t& args) {
  for (const auto at : {args.a, args.b, args.c, args.bias, args.a_scale, args.b_scale}) {
    if (at != 0) chip.free(at);
  }
}

std::uint64_t needed_bytes(const Problem& p) {
  std::uint64_t bytes =
      p.a.rows * p.a.row_bytes + p.b.rows * p.b.row_bytes + p.c.rows * p.c.row_bytes;
  if (p.formats.a.mx) {
    bytes += p.a_scales->rows * p.a_scales->row_bytes + p.b_scales->rows * p.b_scales->row_bytes;
  }
  return bytes;
}

}  // namespace

GemmRun run_gemm(Session& session, const GemmOptions& options) {
  check(options);
  auto& chip = session.chip();
  const auto& config = chip.config();
  const bool spm = options.source == "spm";
  Problem p = make_problem(options, session.options().seed);

  GemmRun run;
  const auto rows = static_cast<unsigned>(config.me_rows),
             cols = static_cast<unsigned>(config.me_cols);
  run.peak = std::uint64_t{rows} * cols * p.formats.a.macs_per_cell();
  run.beats = ceil_div(options.m, rows) * ceil_div(options.n, cols) *
              ceil_div(p.a.row_bytes, kBeatBytes) *
              (p.formats.a.element == numerics::ElementFormat::Fp32 ? 2 : 1);
  session.begin("copy data to HBM");
  tsr_gemm_spm_args_t args{};
  args.gemm = describe(chip, options, p);
  args.repeat = options.repeat;
  session.end();

  const Rect tiles = options.scope == "tile" ? first_tile(chip) : chip.all_tiles();
  const auto what = fmt::format("{} {}x{}x{}", options.format, options.m, options.n, options.k);
  session.begin(what);
  const auto before = chip.stats();
  run.launch_cycles =
      spm ? run_kernel(session, "kernel_gemm_spm", tiles, &args, sizeof(args), what,
                       "Make it smaller, or take the operands from HBM (--source hbm)")
                .cycles
          : run_kernel(session, "kernel_gemm", tiles, &args.gemm, sizeof(args.gemm), what,
                       "Make K smaller")
                .cycles;
  const auto after = chip.stats();
  session.end();
  const double seconds = after.wall_seconds - before.wall_seconds;
  if (seconds > 0) run.khz = static_cast<double>(after.cycles - before.cycles) / seconds / 1e3;
  run.attribution = read_attribution(
      chip, options.scope == "tile" ? std::vector<Node>{config.tiles.front()} : config.tiles);
  run.cycles = run.attribution.window;
  if (!spm) run.bytes = needed_bytes(p);

  session.begin("read result");
  Matrix result(options.m, options.n, 32);
  chip.read(args.gemm.c, result.bytes.data(), result.bytes.size());
  release(chip, args.gemm);
  session.end();
  golden(p);
  for (std::size_t r = 0; r < result.rows; ++r) {
    for (std::size_t c = 0; c < result.cols; ++c) {
      run.mismatches += result.get(r, c) != p.c.get(r, c);
    }
  }
  return run;
}

int run_gemm_bench(const SessionOptions& session_options, const GemmOptions& options) {
  check(options);
  Session session(session_options);
  session.begin("boot");
  session.chip().load();
  session.end();
  const auto run = run_gemm(session, options);

  // Bounds: all multiply-adds at peak; every operand and the result once over the narrowest place,
  // one tile's link with a flit of 64 bytes a cycle, or the chip's memory nodes with one each.
  const auto& config = session.chip().config();
  const bool one_tile = options.scope == "tile";
  const std::uint64_t tiles = one_tile ? 1 : config.tiles.size();
  const std::uint64_t macs = std::uint64_t{options.m} * options.n * options.k * options.repeat;
  const std::uint64_t peak = run.peak * tiles;
  const std::uint64_t rate = kHbmBytesPerCycle * (one_tile ? 1 : config.memories.size());
  const std::uint64_t compute_cycles = ceil_div(macs, peak);
  const std::uint64_t memory_cycles = ceil_div(run.bytes, rate);
  const std::uint64_t bound_cycles = std::max(compute_cycles, memory_cycles);
  const char* bound = compute_cycles >= memory_cycles ? "compute" : "memory";
  const auto cycles = static_cast<double>(run.cycles);
  const double utilization = static_cast<double>(macs) / (static_cast<double>(peak) * cycles);
  const double roofline = static_cast<double>(bound_cycles) / cycles;
  std::uint64_t read = 0, written = 0, flits = 0;
  for (const Node memory : config.memories) {
    const auto counters = session.chip().memory_counters(memory);
    read += counters.bytes_read;
    written += counters.bytes_written;
  }
  using Counter = Platform::TileCounter;
  for (const Node tile : config.tiles) {
    for (const auto counter : {Counter::RequestFlitsSent, Counter::RequestFlitsReceived,
                               Counter::ResponseFlitsSent, Counter::ResponseFlitsReceived}) {
      flits += session.chip().tile_counter(tile, counter);
    }
  }

  run.attribution.print(session);
  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  run.cycles, run.launch_cycles));
  if (options.repeat > 1) {
    session.line(fmt::format("             {:.1f} a product, {} chained", cycles / options.repeat,
                             options.repeat));
  }
  session.line(fmt::format("macs         {}, {:.1f} % of the matrix engines' peak ({} a cycle)",
                           macs, 100 * utilization, peak));
  session.line(fmt::format("bound        {} cycles ({}), reached {:.1f} %", bound_cycles, bound,
                           100 * roofline));
  if (options.source == "hbm") {
    session.line(fmt::format("HBM          {} needed, {} read, {} written", human_bytes(run.bytes),
                             human_bytes(read), human_bytes(written)));
  }

  constexpr std::uint64_t kFlitBytes = 96;
  auto& json = session.result;
  json["scope"] = options.scope;
  json["source"] = options.source;
  json["format"] = options.format;
  json["format_b"] = options.format_b.empty() ? options.format : options.format_b;
  json["order"] = options.order;
  json["m"] = options.m;
  json["n"] = options.n;
  json["k"] = options.k;
  json["repeat"] = options.repeat;
  json["cycles"] = run.cycles;
  json["macs"] = macs;
  json["peak_macs_per_cycle"] = peak;
  json["utilization"] = utilization;
  json["bytes"] = run.bytes;
  json["bound_cycles"] = bound_cycles;
  json["bound"] = bound;
  json["roofline"] = roofline;
  json["launch_cycles"] = run.launch_cycles;
  json["hbm_bytes_read"] = read;
  json["hbm_bytes_written"] = written;
  json["network_bytes"] = kFlitBytes * flits;
  json["khz"] = run.khz;
  json["attribution"] = run.attribution.json();
  return conclude(session, run.mismatches);
}

}  // namespace tsr::tools
