// SPDX-License-Identifier: Apache-2.0
/// Steps of the fast vector engine on one group of sixteen lanes, chosen once a command: portable
/// ones out of numerics, and some for processors with AVX-512. Results are the same bit for bit.
#pragma once

#include <cstdint>

#include "engines/ve.hpp"

namespace tsr::engines {

/// Sixteen words.
struct alignas(64) VeWords {
  std::uint32_t w[kVeLanes];
};

/// What a conversion lost: bit 0 NaN, bit 1 overflow.
using VeFlags = unsigned;

/// Elements at `data` to the words that a stage computes with.
using VeLoadFn = void (*)(const std::uint8_t* data, VeWords& out);
/// An operation of a stage.
using VeOpFn = void (*)(const VeWords& a, const VeWords& b, const VeWords& c, VeWords& out);
/// Words to elements at `data`; flags of the lanes in `mask`.
using VeStoreFn = VeFlags (*)(const VeWords& in, unsigned mask, std::uint8_t* data);
/// numerics::sum_group.
using VeSumFn = numerics::SumGroup (*)(const VeWords& x, unsigned mask);

/// Fast versions, or null where there is none: then the functions of numerics are called lane by
/// lane.
VeLoadFn ve_fast_load(const VeInPort& port);
VeOpFn ve_fast_op(const VeStage& stage);
VeStoreFn ve_fast_store(const VeOutPort& port);
VeSumFn ve_fast_sum();

}  // namespace tsr::engines
