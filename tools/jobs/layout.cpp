// SPDX-License-Identifier: Apache-2.0
#include "layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "attribution.hpp"
#include "operand.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

/// Names by TSR_LAYOUT_*.
const std::vector<std::string> kNames = {"transpose", "rotate90", "rotate270", "antitranspose",
                                         "mirrorx",   "mirrory",  "rotate180", "copy",
                                         "pad",       "fill",     "gather",    "scatter"};
constexpr std::uint32_t kPattern = 0x5a5a5a5a;  // the same wherever it begins

std::uint32_t number_of(const std::string& op) {
  return static_cast<std::uint32_t>(std::find(kNames.begin(), kNames.end(), op) - kNames.begin());
}

/// A matrix of elements, one a word.
struct Plane {
  std::size_t rows = 0, cols = 0;
  std::vector<std::uint32_t> codes;

  Plane(std::size_t r, std::size_t c) : rows(r), cols(c), codes(r * c) {}
  std::uint32_t& at(std::size_t r, std::size_t c) { return codes[r * cols + c]; }
  std::uint32_t at(std::size_t r, std::size_t c) const { return codes[r * cols + c]; }
};

/// Dense bytes of a plane.
std::vector<std::uint8_t> pack(const Plane& plane, unsigned bits) {
  std::vector<std::uint8_t> out;
  Matrix row(1, plane.cols, bits);
  for (std::size_t r = 0; r < plane.rows; ++r) {
    for (std::size_t c = 0; c < plane.cols; ++c) row.set(0, c, plane.at(r, c));
    out.insert(out.end(), row.bytes.begin(),
               row.bytes.begin() + static_cast<std::ptrdiff_t>(row.row_bytes));
  }
  return out;
}

/// The golden operation. `out` holds what was there before.
void apply(std::uint32_t op, const Plane& in, const std::vector<std::uint32_t>& index,
           std::uint32_t pad, unsigned bits, Plane& out) {
  const std::size_t last_r = in.rows - 1, last_c = in.cols - 1;
  const std::uint32_t fill = bits == 32 ? kPattern : kPattern & ((1U << bits) - 1);
  if (op == TSR_LAYOUT_PAD || op == TSR_LAYOUT_FILL) {
    std::fill(out.codes.begin(), out.codes.end(), fill);
  }
  for (std::size_t r = 0; r < (op == TSR_LAYOUT_GATHER ? out.rows : in.rows); ++r) {
    for (std::size_t c = 0; c < in.cols; ++c) {
      switch (op) {
        case TSR_LAYOUT_TRANSPOSE:
          out.at(c, r) = in.at(r, c);
          break;
        case TSR_LAYOUT_ROTATE90:
          out.at(c, last_r - r) = in.at(r, c);
          break;
        case TSR_LAYOUT_ROTATE270:
          out.at(last_c - c, r) = in.at(r, c);
          break;
        case TSR_LAYOUT_ANTI_TRANSPOSE:
          out.at(last_c - c, last_r - r) = in.at(r, c);
          break;
        case TSR_LAYOUT_MIRROR_X:
          out.at(r, last_c - c) = in.at(r, c);
          break;
        case TSR_LAYOUT_MIRROR_Y:
          out.at(last_r - r, c) = in.at(r, c);
          break;
        case TSR_LAYOUT_ROTATE180:
          out.at(last_r - r, last_c - c) = in.at(r, c);
          break;
        case TSR_LAYOUT_PAD:
          out.at(r + pad, c + pad) = in.at(r, c);
          break;
        case TSR_LAYOUT_GATHER:
          out.at(r, c) = in.at(index[r], c);
          break;
        case TSR_LAYOUT_SCATTER:
          out.at(index[r], c) = in.at(r, c);
          break;
        case TSR_LAYOUT_COPY:
          out.at(r, c) = in.at(r, c);
          break;
        default:
          break;
      }
    }
  }
}

Plane random_plane(std::size_t rows, std::size_t cols, unsigned bits, std::mt19937_64& rng) {
  Plane out(rows, cols);
  for (auto& code : out.codes) {
    code = static_cast<std::uint32_t>(rng()) & (bits == 32 ? ~0U : (1U << bits) - 1);
  }
  return out;
}

}  // namespace

std::vector<std::string> layout_names() { return kNames; }

int run_layout_bench(const SessionOptions& session_options, const LayoutOptions& options) {
  const auto op = number_of(options.op);
  const auto bits =
      static_cast<unsigned>(std::lround(8 * std::strtod(options.bytes.c_str(), nullptr)));
  const bool turn = op <= TSR_LAYOUT_ANTI_TRANSPOSE;
  const bool indexed = op == TSR_LAYOUT_GATHER || op == TSR_LAYOUT_SCATTER;
  const std::uint32_t pad = op == TSR_LAYOUT_PAD ? options.pad : 0;
  const std::size_t out_rows = turn ? options.cols : options.rows + 2 * pad;
  const std::size_t out_cols = turn ? options.rows : options.cols + 2 * pad;
  if (options.cols * bits % 8 != 0 || out_cols * bits % 8 != 0 || pad * bits % 8 != 0) {
    throw InputError(
        "--bytes 0.5: rows of both sides and borders must fill whole bytes; use even sizes");
  }
  if (indexed && options.batch != 1) throw InputError("--batch: gather and scatter do one matrix");
  Session session(session_options);
  auto& chip = session.chip();
  session.begin("boot");
  chip.load();
  session.end();

  std::mt19937_64 rng(session_options.seed);
  std::vector<std::uint32_t> index(options.rows);
  std::iota(index.begin(), index.end(), 0U);
  std::shuffle(index.begin(), index.end(), rng);
  std::vector<std::uint8_t> input, before, expected;
  const auto append = [](std::vector<std::uint8_t>& to, const std::vector<std::uint8_t>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (std::uint32_t i = 0; i < options.batch; ++i) {
    const auto in = random_plane(options.rows, options.cols, bits, rng);
    auto out = random_plane(out_rows, out_cols, bits, rng);
    append(input, pack(in, bits));
    append(before, pack(out, bits));
    apply(op, in, index, pad, bits, out);
    append(expected, pack(out, bits));
  }
  tsr_layout_args_t args{};
  args.op = op;
  args.bits = bits;
  args.rows = options.rows;
  args.cols = options.cols;
  args.batch = options.batch;
  args.top = args.bottom = args.left = args.right = pad;
  args.pattern = kPattern;
  args.out_rows = indexed ? options.rows : 0;
  args.repeat = options.repeat;
  session.begin("copy data to HBM");
  args.input = upload(chip, input);
  args.output = upload(chip, before);
  args.index = chip.allocate(4 * index.size());
  chip.write(args.index, index.data(), 4 * index.size());
  session.end();

  const auto what =
      fmt::format("{} {}x{} of {} bytes", options.op, options.rows, options.cols, options.bytes);
  session.begin(what);
  const auto launch = run_kernel(session, "kernel_layout", first_tile(chip), &args, sizeof(args),
                                 what, "Take fewer rows, columns or matrices");
  session.end();
  const auto attribution = read_attribution(chip, {chip.config().tiles.front()});
  std::vector<std::uint8_t> result(expected.size());
  chip.read(args.output, result.data(), result.size());
  std::size_t mismatches = 0;
  for (std::size_t i = 0; i < result.size(); ++i) mismatches += result[i] != expected[i];

  constexpr double kPeak = 64;  // bytes a cycle
  const std::uint64_t bytes = expected.size() * options.repeat;
  const double rate = static_cast<double>(bytes) / static_cast<double>(attribution.window);
  attribution.print(session);
  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  attribution.window, launch.cycles));
  session.line(fmt::format("rate         {} bytes written, {:.2f} a cycle, {:.1f} % of {}", bytes,
                           rate, 100 * rate / kPeak, kPeak));
  auto& json = session.result;
  json["op"] = options.op;
  json["element_bits"] = bits;
  json["rows"] = options.rows;
  json["cols"] = options.cols;
  json["batch"] = options.batch;
  json["repeat"] = options.repeat;
  json["cycles"] = attribution.window;
  json["bytes"] = bytes;
  json["bytes_per_cycle"] = rate;
  json["utilization"] = rate / kPeak;
  json["launch_cycles"] = launch.cycles;
  json["attribution"] = attribution.json();
  return conclude(session, mismatches);
}

}  // namespace tsr::tools
