// SPDX-License-Identifier: Apache-2.0
#include "conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "attribution.hpp"
#include "engines/me.hpp"
#include "operand.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::size_t kWord = 8;  // bytes of K that a cell takes at once

/// Sizes that follow from the options. A depthwise convolution is one of groups of 8 channels with
/// block-diagonal filters, as the matrix engine computes it.
struct Geometry {
  std::uint32_t out_h = 0, out_w = 0;
  bool depthwise = false;
  std::size_t groups = 1;                 // as computed
  std::size_t channels = 0, filters = 0;  // of a group
  std::size_t tap_bytes = 0;              // of a group's pixel
  std::size_t row_bytes = 0;              // of K: taps at multiples of 8 bytes
  std::size_t pixels = 0;                 // of the output
};

Geometry geometry(const ConvOptions& o, const BenchFormat& format) {
  Geometry g;
  const std::uint32_t tall = o.dilation * (o.r - 1) + 1, wide = o.dilation * (o.s - 1) + 1;
  if (o.h + 2 * o.pad < tall || o.w + 2 * o.pad < wide) {
    throw InputError(
        fmt::format("--r {} --s {} --dilation {}: the filter covers {}x{}, more than "
                    "the padded picture",
                    o.r, o.s, o.dilation, tall, wide));
  }
  if (o.c % o.groups != 0 || o.k % o.groups != 0) {
    throw InputError(fmt::format("--groups {} must divide --c {} and --k {}", o.groups, o.c, o.k));
  }
  g.out_h = (o.h + 2 * o.pad - tall) / o.stride + 1;
  g.out_w = (o.w + 2 * o.pad - wide) / o.stride + 1;
  g.depthwise = o.groups > 1 && o.groups == o.c && o.groups == o.k;
  if (g.depthwise && (o.c % 8 != 0 || format.bits() < 8)) {
    throw InputError("depthwise convolutions need --c in multiples of 8 and 8 bits or more");
  }
  g.groups = g.depthwise ? o.c / 8 : o.groups;
  g.channels = o.c / g.groups;
  g.filters = o.k / g.groups;
  const std::size_t tap_bits = g.channels * format.bits();
  if (tap_bits % 8 != 0 || (g.groups > 1 && tap_bits % (8 * kWord) != 0)) {
    throw InputError(fmt::format("--c {}: the channels of a group must fill whole {}", o.c,
                                 g.groups > 1 ? "8 bytes" : "bytes"));
  }
  g.tap_bytes = tap_bits / 8;
  g.row_bytes = std::size_t{o.r} * o.s * ((g.tap_bytes + kWord - 1) / kWord * kWord);
  g.pixels = std::size_t{o.n} * g.out_h * g.out_w;
  return g;
}

/// Dense arrays as they lie in HBM; `output` is golden()'s.
struct Problem {
  std::vector<std::uint8_t> input, filters, output;
};

/// Random filters; depthwise ones get their tap at its channel and zeros elsewhere.
std::vector<std::uint8_t> make_filters(const ConvOptions& o, const Geometry& g,
                                       const BenchFormat& format, std::mt19937_64& rng) {
  const std::size_t taps = std::size_t{o.k} * o.r * o.s;
  std::vector<std::uint8_t> out(taps * g.tap_bytes);
  Matrix tap(1, g.channels, format.bits());
  for (std::size_t i = 0; i < taps; ++i) {
    const std::size_t k = i / (std::size_t{o.r} * o.s);
    for (std::size_t c = 0; c < g.channels; ++c) {
      const auto code = random_element(format.element, rng);
      tap.set(0, c, g.depthwise && c != k % 8 ? 0 : code);
    }
    std::memcpy(&out[i * g.tap_bytes], tap.bytes.data(), g.tap_bytes);
  }
  return out;
}

/// The golden convolution: for each group the rows of K that the hardware walks (filter rows,
/// filter columns, channels; each tap at a multiple of 8 bytes), multiplied by the golden GEMM.
void golden(const ConvOptions& o, const Geometry& g, const BenchFormat& format, Problem& p) {
  const std::size_t pixel_bytes = std::size_t{o.c} * format.bits() / 8;
  const std::size_t tap_pitch = g.row_bytes / (std::size_t{o.r} * o.s);
  for (std::size_t group = 0; group < g.groups; ++group) {
    std::vector<std::uint8_t> a(g.pixels * g.row_bytes), b(g.filters * g.row_bytes);
    for (std::size_t pixel = 0; pixel < g.pixels; ++pixel) {
      const std::size_t x = pixel % g.out_w, y = pixel / g.out_w % g.out_h;
      const std::size_t picture = pixel / (std::size_t{g.out_w} * g.out_h);
      for (std::size_t tap = 0; tap < std::size_t{o.r} * o.s; ++tap) {
        const auto row = static_cast<std::int64_t>(y * o.stride + tap / o.s * o.dilation) - o.pad;
        const auto col = static_cast<std::int64_t>(x * o.stride + tap % o.s * o.dilation) - o.pad;
        if (row < 0 || row >= o.h || col < 0 || col >= o.w) continue;
        const std::size_t from =
            (picture * o.h + static_cast<std::size_t>(row)) * o.w + static_cast<std::size_t>(col);
        std::memcpy(&a[pixel * g.row_bytes + tap * tap_pitch],
                    &p.input[from * pixel_bytes + group * g.tap_bytes], g.tap_bytes);
      }
    }
    for (std::size_t i = 0; i < g.filters * o.r * o.s; ++i) {
      std::memcpy(&b[i * tap_pitch], &p.filters[(group * g.filters * o.r * o.s + i) * g.tap_bytes],
                  g.tap_bytes);
    }
    engines::GemmShape shape;
    shape.m = g.pixels;
    shape.n = g.filters;
    shape.k = g.row_bytes * 8 / format.bits();
    shape.lda = shape.ldb = g.row_bytes;
    shape.ldc = 4 * std::size_t{o.k};
    shape.format = format.element;
    engines::gemm(shape, a.data(), b.data(), nullptr, &p.output[4 * group * g.filters]);
  }
}

Problem make_problem(const ConvOptions& o, const Geometry& g, const BenchFormat& format,
                     std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  Problem p;
  const Matrix pixel(1, o.c, format.bits());
  for (std::size_t i = 0; i < std::size_t{o.n} * o.h * o.w; ++i) {
    const Matrix random = random_matrix(1, o.c, format.element, rng);
    p.input.insert(p.input.end(), random.bytes.begin(),
                   random.bytes.begin() + static_cast<std::ptrdiff_t>(pixel.row_bytes));
  }
  p.filters = make_filters(o, g, format, rng);
  p.output.resize(g.pixels * o.k * 4);
  return p;
}

}  // namespace

int run_conv_bench(const SessionOptions& session_options, const ConvOptions& options) {
  const auto format = bench_format(options.format);
  const auto g = geometry(options, format);
  Session session(session_options);
  auto& chip = session.chip();
  session.begin("boot");
  chip.load();
  session.end();
  auto p = make_problem(options, g, format, session_options.seed);
  tsr_conv_args_t args{};
  args.n = options.n;
  args.h = options.h;
  args.w = options.w;
  args.c = options.c;
  args.k = options.k;
  args.r = options.r;
  args.s = options.s;
  args.stride = options.stride;
  args.dilation = options.dilation;
  args.pad = options.pad;
  args.groups = options.groups;
  args.format = args.format_b = static_cast<std::uint32_t>(format.element);
  args.repeat = options.repeat;
  session.begin("copy data to HBM");
  args.input = upload(chip, p.input);
  args.filters = upload(chip, p.filters);
  args.output = chip.allocate(p.output.size());
  session.end();

  const auto what = fmt::format("{} {}x{}x{}x{} * {}x{}x{}", options.format, options.n, options.h,
                                options.w, options.c, options.k, options.r, options.s);
  session.begin(what);
  const auto launch = run_kernel(session, "kernel_conv", first_tile(chip), &args, sizeof(args),
                                 what, "Take fewer pictures, channels or filters");
  session.end();
  const auto attribution = read_attribution(chip, {chip.config().tiles.front()});
  std::vector<std::uint8_t> result(p.output.size());
  chip.read(args.output, result.data(), result.size());
  golden(options, g, format, p);
  std::size_t mismatches = 0;
  for (std::size_t i = 0; i < result.size(); i += 4) {
    mismatches += std::memcmp(&result[i], &p.output[i], 4) != 0;
  }

  const std::uint64_t macs = std::uint64_t{options.repeat} * g.pixels * options.k * options.r *
                             options.s * (options.c / options.groups);
  const std::uint64_t peak = chip.config().bf16_macs_per_cycle() / 4 * format.macs_per_cell();
  const auto cycles = attribution.window;
  const double utilization =
      static_cast<double>(macs) / (static_cast<double>(peak) * static_cast<double>(cycles));
  attribution.print(session);
  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  cycles, launch.cycles));
  session.line(fmt::format("output       {}x{}x{}x{}", options.n, g.out_h, g.out_w, options.k));
  session.line(fmt::format("macs         {}, {:.1f} % of the matrix engine's peak ({} a cycle){}",
                           macs, 100 * utilization, peak,
                           g.depthwise ? ": depthwise uses one channel in 8" : ""));
  auto& json = session.result;
  json["format"] = options.format;
  json["n"] = options.n;
  json["h"] = options.h;
  json["w"] = options.w;
  json["c"] = options.c;
  json["k"] = options.k;
  json["r"] = options.r;
  json["s"] = options.s;
  json["stride"] = options.stride;
  json["dilation"] = options.dilation;
  json["pad"] = options.pad;
  json["groups"] = options.groups;
  json["out_h"] = g.out_h;
  json["out_w"] = g.out_w;
  json["repeat"] = options.repeat;
  json["cycles"] = cycles;
  json["macs"] = macs;
  json["peak_macs_per_cycle"] = peak;
  json["utilization"] = utilization;
  json["launch_cycles"] = launch.cycles;
  json["attribution"] = attribution.json();
  return conclude(session, mismatches);
}

}  // namespace tsr::tools
