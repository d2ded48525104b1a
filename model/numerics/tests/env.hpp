// SPDX-License-Identifier: Apache-2.0
/// Knobs of the numerics tests. Environment: TSR_SEED=<n> sets the random seed, TSR_SCALE=<n>
/// multiplies the random counts.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <random>

namespace tsr::numerics {

/// Random numbers of a test; prints the seed.
inline std::mt19937_64 seeded_rng() {
  const char* text = std::getenv("TSR_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
  fmt::print("seed {} (set TSR_SEED to change it)\n", seed);
  return std::mt19937_64(seed);
}

/// A random count times TSR_SCALE.
inline std::int64_t scaled(std::int64_t count) {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? count * std::strtoll(text, nullptr, 0) : count;
}

}  // namespace tsr::numerics
