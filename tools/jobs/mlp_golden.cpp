// SPDX-License-Identifier: Apache-2.0
#include "mlp_golden.hpp"

#include <cstring>

#include "engines/me.hpp"
#include "numerics/special.hpp"

namespace tsr::tools {
namespace {

using numerics::VecOp;

std::uint32_t bits_of(double value) {
  const auto rounded = static_cast<float>(value);
  std::uint32_t bits = 0;
  std::memcpy(&bits, &rounded, sizeof(bits));
  return bits;
}

/// Products of the layers.
void layers_golden(const std::vector<Layer>& layers, unsigned images, MlpGolden& golden) {
  const std::vector<std::uint16_t>* activations = &golden.input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& layer = layers[i];
    const bool last = i + 1 == layers.size();
    engines::GemmShape shape;
    shape.m = images;
    shape.n = layer.out;
    shape.k = layer.in;
    shape.lda = shape.ldb = 2 * std::size_t{layer.in};
    shape.ldc = (last ? 4 : 2) * std::size_t{layer.out};
    shape.relu = shape.out_bf16 = !last;
    void* c = nullptr;
    if (last) {
      golden.logits.resize(std::size_t{images} * layer.out);
      c = golden.logits.data();
    } else {
      golden.hidden.emplace_back(std::size_t{images} * layer.out);
      c = golden.hidden.back().data();
    }
    engines::gemm(shape, activations->data(), layer.weights.data(), layer.bias.data(), c);
    if (!last) activations = &golden.hidden.back();
  }
}

/// Softmax of an image's logits in the order of the vector engine's operations, and the first class
/// with the largest one.
std::uint32_t classify(const std::uint32_t* logits, std::uint32_t classes, std::uint32_t* out) {
  const std::uint32_t log2e = bits_of(1.4426950408889634);
  std::uint32_t top = numerics::fp32_neg(numerics::kFp32Inf), sum = 0, answer = 255;
  for (std::uint32_t c = 0; c < classes; ++c) top = numerics::fp32_max(top, logits[c]);
  for (std::uint32_t c = 0; c < classes; ++c) {
    const auto below = numerics::fp32_mul(numerics::fp32_sub(logits[c], top), log2e);
    out[c] = numerics::vec_op(VecOp::Exp2, below, 0, 0);
    sum = numerics::fp32_add(sum, out[c]);
    if (answer == 255 && numerics::fp32_eq(logits[c], top)) answer = c;
  }
  const auto factor = numerics::vec_op(VecOp::Rcp, sum, 0, 0);
  for (std::uint32_t c = 0; c < classes; ++c) out[c] = numerics::fp32_mul(out[c], factor);
  return answer;
}

}  // namespace

MlpGolden mlp_golden(const std::vector<Layer>& layers, const std::vector<std::uint8_t>& pixels,
                     unsigned images) {
  MlpGolden golden;
  const std::uint32_t scale = bits_of(kPixelScale);
  golden.input.reserve(pixels.size());
  for (const std::uint8_t pixel : pixels) {
    golden.input.push_back(numerics::fp32_to_bf16(numerics::fp32_mul(numerics::i2f(pixel), scale)));
  }
  layers_golden(layers, images, golden);
  const auto classes = layers.back().out;
  golden.probabilities.resize(golden.logits.size());
  for (unsigned i = 0; i < images; ++i) {
    const std::size_t at = std::size_t{i} * classes;
    golden.answers.push_back(classify(&golden.logits[at], classes, &golden.probabilities[at]));
  }
  return golden;
}

}  // namespace tsr::tools
