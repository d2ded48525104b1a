// SPDX-License-Identifier: Apache-2.0
/// The built-in job `mlp`: classify Fashion-MNIST test images with a trained network on all tiles.
#pragma once

#include <string>

#include "session.hpp"

namespace tsr::tools {

struct MlpOptions {
  unsigned images = 256;
  std::string dataset = "/usr/share/datasets/fashion-mnist";
  double min_accuracy = 0.8;
  std::string weights;  ///< empty: the shipped file

  void add_to(CLI::Option_group& app);
};

/// Returns 0 only if every logit, probability and answer equals the golden model's bit for bit,
/// every engine of the tiles had work, and the accuracy is reached.
int run_mlp(const SessionOptions& session, const MlpOptions& options);

}  // namespace tsr::tools
