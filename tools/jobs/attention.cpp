// SPDX-License-Identifier: Apache-2.0
#include "attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attribution.hpp"
#include "operand.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kBlock = 64;         // queries and keys of a block
constexpr std::uint32_t kStep = 2 * kBlock;  // of sequence lengths
constexpr std::uint32_t kMaxSeq = 4096;
constexpr double kLog2e = 1.4426950408889634;
/// Largest absolute error allowed, as a part of the largest |V|. Probabilities and results are
/// rounded to BF16 (2^-9 each, of values up to |V|), scores and sums are FP32.
constexpr double kTolerance = 0x1p-7;

/// BF16 numbers, as bits and as values.
struct Tensor {
  std::vector<std::uint16_t> bits;
  std::vector<double> values;

  explicit Tensor(std::size_t count) : bits(count), values(count) {}
  void set(std::size_t i, std::uint16_t code) {
    const std::uint32_t word = std::uint32_t{code} << 16;
    float value = 0;
    std::memcpy(&value, &word, sizeof(value));
    bits[i] = code;
    values[i] = static_cast<double>(value);
  }
  std::uint64_t upload(Platform& chip) const {
    const auto at = chip.allocate(2 * bits.size());
    chip.write(at, bits.data(), 2 * bits.size());
    return at;
  }
};

Tensor random_tensor(std::size_t count, std::mt19937_64& rng) {
  Tensor out(count);
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < count; ++i) {
    const float x = normal(rng);
    std::uint32_t word = 0;
    std::memcpy(&word, &x, sizeof(word));
    out.set(i, static_cast<std::uint16_t>(word >> 16));
  }
  return out;
}

/// softmax(q k^T / sqrt(dim)) v for one head's rows of the tensors.
std::vector<double> reference(const AttentionOptions& o, const Tensor& q, const Tensor& k,
                              const Tensor& v) {
  const std::size_t dim = o.head_dim, seq = o.seq;
  const double scale = 1 / std::sqrt(static_cast<double>(dim));
  std::vector<double> out(q.values.size()), p(seq);
  for (std::size_t row = 0; row < o.heads * seq; ++row) {
    const std::size_t head = row / seq * seq;
    const std::size_t keys = o.causal ? row % seq + 1 : seq;
    const double* query = &q.values[row * dim];
    double top = -INFINITY, sum = 0;
    for (std::size_t j = 0; j < keys; ++j) {
      const double* key = &k.values[(head + j) * dim];
      double dot = 0;
      for (std::size_t i = 0; i < dim; ++i) dot += query[i] * key[i];
      p[j] = dot * scale;
      top = std::max(top, p[j]);
    }
    for (std::size_t j = 0; j < keys; ++j) sum += p[j] = std::exp(p[j] - top);
    for (std::size_t j = 0; j < keys; ++j) {
      const double* value = &v.values[(head + j) * dim];
      for (std::size_t i = 0; i < dim; ++i) out[row * dim + i] += p[j] / sum * value[i];
    }
  }
  return out;
}

void check(const AttentionOptions& o) {
  if (o.seq % kStep != 0 || o.seq == 0 || o.seq > kMaxSeq) {
    throw InputError(fmt::format("--seq {}: use a multiple of {} up to {}", o.seq, kStep, kMaxSeq));
  }
  if (o.head_dim % 16 != 0 || o.head_dim == 0 || o.head_dim > kBlock) {
    throw InputError(
        fmt::format("--head-dim {}: use a multiple of 16 up to {}", o.head_dim, kBlock));
  }
}

}  // namespace

int run_attention_bench(const SessionOptions& session_options, const AttentionOptions& options) {
  check(options);
  Session session(session_options);
  auto& chip = session.chip();
  session.begin("boot");
  chip.load();
  session.end();
  const std::size_t count = std::size_t{options.heads} * options.seq * options.head_dim;
  std::mt19937_64 rng(session_options.seed);
  const auto q = random_tensor(count, rng), k = random_tensor(count, rng),
             v = random_tensor(count, rng);
  const auto scale = static_cast<float>(kLog2e / std::sqrt(static_cast<double>(options.head_dim)));
  tsr_attention_args_t args{};
  args.heads = options.heads;
  args.seq = options.seq;
  args.dim = options.head_dim;
  args.format = TSR_FORMAT_BF16;
  args.flags = options.causal ? TSR_ATTENTION_CAUSAL : 0;
  std::memcpy(&args.scale, &scale, sizeof(scale));
  session.begin("copy data to HBM");
  args.q = q.upload(chip);
  args.k = k.upload(chip);
  args.v = v.upload(chip);
  args.o = chip.allocate(2 * count);
  session.end();

  const bool one_tile = options.scope == "tile";
  const auto tiles = one_tile ? first_tile(chip) : chip.all_tiles();
  const auto what =
      fmt::format("attention {} heads, {} x {}", options.heads, options.seq, options.head_dim);
  session.begin(what);
  const auto launch = run_kernel(session, "kernel_attention", tiles, &args, sizeof(args), what,
                                 "Make the sequence shorter");
  session.end();
  const auto attribution = read_attribution(
      chip, one_tile ? std::vector<Node>{chip.config().tiles.front()} : chip.config().tiles);

  Tensor result(count);
  chip.read(args.o, result.bits.data(), 2 * count);
  const auto expected = reference(options, q, k, v);
  double largest = 0, error = 0;
  for (std::size_t i = 0; i < count; ++i) {
    result.set(i, result.bits[i]);
    largest = std::max(largest, std::fabs(v.values[i]));
    const double distance = std::fabs(result.values[i] - expected[i]);
    error = distance <= error ? error : distance;  // NaN is kept
  }
  const bool right = error <= kTolerance * largest;

  // Multiply-adds of the blocks of 64 x 64 scores that are needed, twice: Q K^T and P V.
  const std::uint64_t blocks = options.seq / kBlock;
  const std::uint64_t needed = options.causal ? blocks * (blocks + 1) / 2 : blocks * blocks;
  const std::uint64_t macs = 2 * options.heads * needed * kBlock * kBlock * options.head_dim;
  const std::uint64_t peak = chip.config().bf16_macs_per_cycle() * attribution.tiles;
  const auto cycles = attribution.window;
  const double utilization =
      static_cast<double>(macs) / (static_cast<double>(peak) * static_cast<double>(cycles));
  attribution.print(session);
  session.line(
      fmt::format("\ncycles       {} from the first command to the last, {} with the launch",
                  cycles, launch.cycles));
  session.line(
      fmt::format("macs         {} needed, {:.1f} % of the matrix engines' peak ({} a cycle)", macs,
                  100 * utilization, peak));
  session.line(fmt::format("error        {:.3g} at most, {:.3g} of the largest |V|; allowed {:.3g}",
                           error, error / largest, kTolerance));
  auto& json = session.result;
  json["scope"] = options.scope;
  json["format"] = options.format;
  json["seq"] = options.seq;
  json["head_dim"] = options.head_dim;
  json["heads"] = options.heads;
  json["causal"] = options.causal;
  json["cycles"] = cycles;
  json["macs"] = macs;
  json["peak_macs_per_cycle"] = peak;
  json["utilization"] = utilization;
  json["error"] = error / largest;
  json["tolerance"] = kTolerance;
  json["launch_cycles"] = launch.cycles;
  json["attribution"] = attribution.json();
  session.finish(right ? "result       right" : "result       wrong");
  return right ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
