// SPDX-License-Identifier: Apache-2.0
#include "stream_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace tsr::tools {
namespace {

constexpr std::uint32_t kMaxElement = 1U << 20;  // of the DMA engines
constexpr std::uint32_t kMaxIterations = 65535;
constexpr std::uint32_t kDefaultBytes = 224 * 1024;
constexpr std::uint32_t kWord = 64;  // sizes are multiples of it
constexpr std::uint32_t kMaxHeard = 65536;
constexpr std::uint32_t kAhead = 4;              // commands that reads may be ahead of writes
constexpr std::uint32_t kLattice[] = {4, 2, 2};  // random blocks of a command

std::uint32_t lattice_blocks() { return kLattice[0] * kLattice[1] * kLattice[2]; }

/// Elements one behind the other.
tsr_stream_shape_t dense(std::uint32_t burst, std::uint32_t element) {
  tsr_stream_shape_t shape{};
  shape.element = element;
  shape.stride[0] = static_cast<std::int32_t>(element);
  shape.iterations[0] = static_cast<std::uint16_t>(burst / element);
  shape.iterations[1] = shape.iterations[2] = 1;
  return shape;
}

tsr_stream_step_t step(std::uint64_t memory, std::uint32_t scratchpad, std::uint8_t shape = 0) {
  tsr_stream_step_t out{};
  out.memory = memory;
  out.scratchpad = scratchpad;
  out.shape = shape;
  return out;
}

/// Commands of blocks on random lattices: three random strides a shape, a random base a command.
void add_random(StreamPlan& plan, const StreamOptions& o, std::uint64_t region,
                std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  const std::uint64_t blocks = (std::uint64_t{o.region_mib} << 20) / o.element;
  const std::uint64_t widest = blocks / (2 * (kLattice[0] + kLattice[1] + kLattice[2]));
  for (std::uint32_t i = 0; i < TSR_STREAM_SHAPES; ++i) {
    auto& shape = plan.shapes.emplace_back();
    shape.element = o.element;
    for (std::size_t loop = 0; loop < 3; ++loop) {
      shape.stride[loop] = static_cast<std::int32_t>((1 + rng() % widest) * o.element);
      shape.iterations[loop] = static_cast<std::uint16_t>(kLattice[loop]);
    }
  }
  for (std::uint32_t at = 0; at < o.bytes; at += o.burst) {
    const auto base = region + rng() % (blocks / 2) * o.element;
    plan.reads.push_back(step(base, at, static_cast<std::uint8_t>(rng() % TSR_STREAM_SHAPES)));
  }
}

}  // namespace

std::vector<std::string> stream_patterns() {
  return {"read", "write", "copy", "mix", "random", "mcast"};
}

std::uint32_t StreamPlan::bytes(const tsr_stream_step_t& step) const {
  const auto& s = shapes[step.shape];
  return s.element * s.iterations[0] * s.iterations[1] * s.iterations[2];
}

std::uint64_t StreamPlan::bytes(const std::vector<tsr_stream_step_t>& steps) const {
  std::uint64_t sum = 0;
  for (const auto& s : steps) sum += bytes(s);
  return sum;
}

std::vector<std::uint8_t> StreamPlan::image(std::uint32_t interval,
                                            std::uint32_t max_samples) const {
  tsr_stream_program_t header{};
  header.reads = static_cast<std::uint32_t>(reads.size());
  header.writes = static_cast<std::uint32_t>(writes.size());
  header.credits = credits;
  header.interval = interval;
  header.heard = static_cast<std::uint32_t>(bytes(heard) / kWord);
  header.max_samples = max_samples;
  std::copy(shapes.begin(), shapes.end(), header.shape);
  std::vector<std::uint8_t> out(sizeof(header));
  std::memcpy(out.data(), &header, sizeof(header));
  for (const auto* steps : {&reads, &writes}) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(steps->data());
    out.insert(out.end(), first, first + steps->size() * sizeof(tsr_stream_step_t));
  }
  return out;
}

StreamOptions checked(const StreamOptions& options) {
  StreamOptions o = options;
  const bool random = o.pattern == "random";
  if (random) {
    if (o.element == 0) o.element = 256;
    if (o.burst != 0 && o.burst != o.element * lattice_blocks()) {
      throw InputError(
          fmt::format("--burst {}: a command of pattern random has {} blocks of "
                      "--element bytes; leave it out",
                      o.burst, lattice_blocks()));
    }
    o.burst = o.element * lattice_blocks();
  }
  if (o.burst == 0) o.burst = o.pattern == "mix" ? 8192 : o.pattern == "mcast" ? 4096 : 16384;
  if (o.element == 0) o.element = o.burst;
  if (o.element % kWord != 0 || o.element > kMaxElement) {
    throw InputError(
        fmt::format("--element {}: use a multiple of {} up to {}", o.element, kWord, kMaxElement));
  }
  if (o.burst % o.element != 0 || o.burst / o.element > kMaxIterations) {
    throw InputError(fmt::format("--burst {}: use 1 to {} elements of {} bytes (--element)",
                                 o.burst, kMaxIterations, o.element));
  }
  const std::uint32_t unit = o.pattern == "mix" ? 3 * o.burst : o.burst;
  if (o.pattern == "mcast" && o.bytes / kWord >= kMaxHeard) {
    throw InputError(fmt::format("--bytes {}: a semaphore counts less than {} blocks of {} bytes",
                                 o.bytes, kMaxHeard, kWord));
  }
  if (o.bytes == 0) o.bytes = std::max(kDefaultBytes / unit, 1U) * unit;
  if (o.bytes % unit != 0) {
    throw InputError(fmt::format("--bytes {}: use a multiple of {} (--burst{})", o.bytes, unit,
                                 unit == o.burst ? "" : ", two for reads and one for writes"));
  }
  if (random && (std::uint64_t{o.region_mib} << 20) / o.element < 1024) {
    throw InputError(fmt::format("--region {}: it must hold 1024 elements of {} bytes",
                                 o.region_mib, o.element));
  }
  return o;
}

StreamShare stream_share(const StreamOptions& o) {
  if (o.pattern == "write") return {0, o.bytes};
  if (o.pattern == "copy") return {o.bytes, o.bytes};
  if (o.pattern == "mix") return {o.bytes / 3 * 2, o.bytes / 3};
  return {o.bytes, 0};
}

StreamPlan stream_plan(const StreamOptions& o, std::uint64_t source, std::uint64_t target,
                       std::uint64_t seed) {
  StreamPlan plan;
  if (o.pattern == "random") {
    add_random(plan, o, source, seed);
    return plan;
  }
  const auto share = stream_share(o);
  const std::uint32_t first_written = o.pattern == "copy" ? 0 : share.read;
  plan.shapes.push_back(dense(o.burst, o.element));
  for (std::uint32_t at = 0; at < share.read; at += o.burst) {
    plan.reads.push_back(step(source + at, at));
  }
  for (std::uint32_t at = 0; at < share.written; at += o.burst) {
    plan.writes.push_back(step(target + at, first_written + at));
  }
  // Both at once keep their ratio: a write takes what its reads give, and gives that back. Reads
  // may be some commands ahead.
  if (!plan.reads.empty() && !plan.writes.empty()) {
    const auto ratio = static_cast<std::uint8_t>(plan.reads.size() / plan.writes.size());
    plan.credits = kAhead;
    for (auto& s : plan.reads) s.take = s.give = 1;
    for (auto& s : plan.writes) s.take = s.give = ratio;
  }
  return plan;
}

std::vector<StreamPlan> spread_plans(const StreamPlan& whole, std::size_t tiles) {
  std::vector<StreamPlan> plans(tiles);
  for (auto& plan : plans) plan.shapes = whole.shapes;
  for (std::size_t i = 0; i < whole.reads.size(); ++i) {
    auto step = whole.reads[i];
    for (std::size_t t = 0; t < tiles; ++t) {
      const bool own = t == i % tiles;
      step.spread = own ? 1 : 0;
      (own ? plans[t].reads : plans[t].heard).push_back(step);
    }
  }
  return plans;
}

StreamPlan reversed(const StreamPlan& plan) {
  StreamPlan out;
  out.shapes = plan.shapes;
  out.writes = plan.reads;
  return out;
}

std::uint64_t stream_word(std::uint64_t address, std::uint64_t seed) {
  // A bijection of the address (splitmix64).
  std::uint64_t z = (address >> 3) + seed * 0x9e37'79b9'7f4a'7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebULL;
  return z ^ (z >> 31);
}

}  // namespace tsr::tools
