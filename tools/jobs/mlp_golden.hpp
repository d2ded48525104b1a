// SPDX-License-Identifier: Apache-2.0
/// What the functional models say of the main job: every value that the chip computes, bit for bit.
#pragma once

#include <cstdint>
#include <vector>

#include "dataset.hpp"

namespace tsr::tools {

struct MlpGolden {
  std::vector<std::uint16_t> input;                ///< BF16 pixels
  std::vector<std::vector<std::uint16_t>> hidden;  ///< activations after each layer but the last
  std::vector<std::uint32_t> logits;               ///< FP32 [images][classes]
  std::vector<std::uint32_t> probabilities;        ///< FP32 [images][classes]
  std::vector<std::uint32_t> answers;              ///< class of each image
};

/// The factor of the pixels: 255 becomes 1.
inline constexpr double kPixelScale = 1.0 / 255;

MlpGolden mlp_golden(const std::vector<Layer>& layers, const std::vector<std::uint8_t>& pixels,
                     unsigned images);

}  // namespace tsr::tools
