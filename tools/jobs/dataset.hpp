// SPDX-License-Identifier: Apache-2.0
/// Readers of the main job's files: IDX images and labels (gzip), and the network.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsr::tools {

/// Test images and their labels.
struct ImageSet {
  unsigned pixels = 0;               ///< of one image
  std::vector<std::uint8_t> images;  ///< one after the other
  std::vector<std::uint8_t> labels;
};

/// Reads the first `count` test images of the folder. Throws InputError naming the file.
ImageSet read_images(const std::string& folder, unsigned count);

/// One fully connected layer.
struct Layer {
  std::uint32_t in = 0, out = 0;
  std::vector<std::uint16_t> weights;  ///< BF16 [out][in]
  std::vector<std::uint32_t> bias;     ///< FP32 bit patterns [out]
};

/// Reads a network file ("TSRMLP1"). Throws InputError naming the file.
std::vector<Layer> read_network(const std::string& file);

/// Path of a shipped data file: $TESSERA_DATA, or the folder configured at build time.
std::string data_file(const std::string& name);

}  // namespace tsr::tools
