// SPDX-License-Identifier: Apache-2.0
/// What each tile does in `tessera bench stream`, and which bytes lie where before and after.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stream.hpp"
#include "tessera_abi.h"

namespace tsr::tools {

/// One tile's part of a launch.
struct StreamPlan {
  std::vector<tsr_stream_shape_t> shapes;
  std::vector<tsr_stream_step_t> reads, writes;
  std::vector<tsr_stream_step_t> heard;  ///< other tiles' reads that are for this one too
  std::uint32_t credits = 0;

  /// Bytes of a step.
  std::uint32_t bytes(const tsr_stream_step_t& step) const;
  std::uint64_t bytes(const std::vector<tsr_stream_step_t>& steps) const;
  /// Memory image of the program: header and steps. `interval`: cycles between samples.
  std::vector<std::uint8_t> image(std::uint32_t interval, std::uint32_t max_samples) const;
  /// Call `visit(memory address, scratchpad offset, bytes)` for each element of a step.
  template <class Visit>
  void elements(const tsr_stream_step_t& step, Visit visit) const {
    const auto& s = shapes[step.shape];
    std::uint32_t at = step.scratchpad;
    for (std::int64_t k = 0; k < s.iterations[2]; ++k) {
      for (std::int64_t j = 0; j < s.iterations[1]; ++j) {
        for (std::int64_t i = 0; i < s.iterations[0]; ++i, at += s.element) {
          const std::int64_t offset = i * s.stride[0] + j * s.stride[1] + k * s.stride[2];
          visit(step.memory + static_cast<std::uint64_t>(offset), at, s.element);
        }
      }
    }
  }
};

/// The options with every default filled in. Throws InputError for what cannot be.
StreamOptions checked(const StreamOptions& options);

/// Bytes that a tile reads and writes.
struct StreamShare {
  std::uint32_t read = 0, written = 0;
};
StreamShare stream_share(const StreamOptions& options);

/// A tile that reads from `source` on and writes from `target` on (its own parts); random: anywhere
/// from `source` on. Scratchpad: what is read lies from 0 on, what is written behind it; copy
/// writes what it has read.
StreamPlan stream_plan(const StreamOptions& options, std::uint64_t source, std::uint64_t target,
                       std::uint64_t seed);

/// Each of `tiles` tiles reads some of the steps of `whole`, in turn, and all get everything.
std::vector<StreamPlan> spread_plans(const StreamPlan& whole, std::size_t tiles);

/// The same steps the other way round: writes what `plan` reads.
StreamPlan reversed(const StreamPlan& plan);

/// The 8 bytes that belong to a multiple of 8 of memory: no two places have the same.
std::uint64_t stream_word(std::uint64_t address, std::uint64_t seed);

}  // namespace tsr::tools
