// SPDX-License-Identifier: Apache-2.0
#include "hbm/patterns.hpp"

#include <functional>
#include <map>
#include <random>

#include "error.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint64_t kBlock = 64;
constexpr std::uint64_t kPage = 4096;  // streams at random places start on a page

/// What a pattern is made from.
struct Recipe {
  std::mt19937_64 rng;
  std::uint64_t bytes;

  std::uint64_t below(std::uint64_t limit) { return rng() % limit; }

  HbmTrace blocks(const std::function<HbmAccess(std::uint64_t)>& make,
                  std::uint64_t size = kBlock) {
    HbmTrace trace;
    for (std::uint64_t i = 0; i < bytes / size; ++i) trace.push_back(make(i));
    return trace;
  }

  HbmTrace sequence(bool write) {
    return blocks([write](std::uint64_t i) {
      return HbmAccess{write, i * kBlock % kHbmChannelBytes, kBlock, 0, 0};
    });
  }

  HbmTrace random(std::uint64_t size, const std::function<bool(std::uint64_t)>& write) {
    return blocks(
        [&](std::uint64_t i) {
          return HbmAccess{write(i), below(kHbmChannelBytes / size) * size, size, 0, 0};
        },
        size);
  }

  HbmTrace stride(std::uint64_t step) {
    std::uint64_t at = 0;
    return blocks([&](std::uint64_t) {
      const HbmAccess access{false, at, kBlock, 0, 0};
      at += step;
      if (at >= kHbmChannelBytes) at = at % kHbmChannelBytes + kBlock;
      return access;
    });
  }

  /// Streams in turn, `piece` bytes each, one for every letter of `kinds` (R or W).
  HbmTrace streams(const std::string& kinds, std::uint64_t piece, bool aligned) {
    const std::uint64_t share = kHbmChannelBytes / kinds.size() / kPage * kPage;
    std::vector<std::uint64_t> at;
    for (std::uint64_t s = 0; s < kinds.size(); ++s) {
      at.push_back(s * share + (aligned ? 0 : below(share / 2 / kPage) * kPage));
    }
    HbmTrace trace;
    while (trace.size() * kBlock < bytes) {
      for (std::uint32_t s = 0; s < kinds.size(); ++s) {
        for (std::uint64_t done = 0; done < piece; done += kBlock, at[s] += kBlock) {
          trace.push_back({kinds[s] == 'W', at[s] % kHbmChannelBytes, kBlock, s, 0});
        }
      }
    }
    return trace;
  }
};

using Maker = std::function<HbmTrace(Recipe&)>;

const std::vector<std::pair<std::string, Maker>>& makers() {
  static const auto reads = [](std::uint64_t) { return false; };
  static const auto writes = [](std::uint64_t) { return true; };
  static const auto third = [](std::uint64_t i) { return i % 3 == 2; };
  static const std::string sixteen(16, 'R');
  static const std::string two_write = "RRRRRRRWRRRRRRRW";
  static const std::vector<std::pair<std::string, Maker>> all = {
      {"seq_rd", [](Recipe& r) { return r.sequence(false); }},
      {"seq_wr", [](Recipe& r) { return r.sequence(true); }},
      {"mix21_256", [](Recipe& r) { return r.streams("RRW", 256, false); }},
      {"mix11_256", [](Recipe& r) { return r.streams("RW", 256, false); }},
      {"rnd_rd64", [](Recipe& r) { return r.random(64, reads); }},
      {"rnd_rd256", [](Recipe& r) { return r.random(256, reads); }},
      {"rnd_wr64", [](Recipe& r) { return r.random(64, writes); }},
      {"rnd_mix21_64", [](Recipe& r) { return r.random(64, third); }},
      {"stride_16k", [](Recipe& r) { return r.stride(16384); }},
      {"s16_64", [](Recipe& r) { return r.streams(sixteen, 64, false); }},
      {"s16_256", [](Recipe& r) { return r.streams(sixteen, 256, false); }},
      {"s16_256_al", [](Recipe& r) { return r.streams(sixteen, 256, true); }},
      {"s16_14r2w_256", [](Recipe& r) { return r.streams(two_write, 256, false); }},
  };
  return all;
}

}  // namespace

const std::vector<std::string>& hbm_pattern_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& maker : makers()) all.push_back(maker.first);
    return all;
  }();
  return names;
}

HbmTrace make_hbm_pattern(const std::string& name, std::uint64_t seed, std::uint64_t bytes) {
  for (const auto& [known, make] : makers()) {
    if (known != name) continue;
    Recipe recipe{std::mt19937_64(seed), bytes};
    return make(recipe);
  }
  throw InputError("no access pattern is called " + name);
}

}  // namespace tsr::tools
