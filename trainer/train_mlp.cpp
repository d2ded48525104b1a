// SPDX-License-Identifier: Apache-2.0
/// Trains the Fashion-MNIST multilayer perceptron of the main job and writes data/mlp.bin.
///
/// Network: 784-128-10, ReLU, softmax cross entropy. Mini-batch gradient descent with momentum, a
/// cosine learning-rate schedule, weight decay and random one-pixel shifts. Everything random comes
/// from one seed; the weights are rounded to BF16 (nearest even) at the end and the test accuracy
/// is that of the rounded network with inputs pixel / 255 rounded to BF16.
///
/// File (little endian): "TSRMLP1\0", u32 layers, then per layer u32 inputs, u32 outputs, BF16
/// weights [outputs][inputs], FP32 bias [outputs].
#include <fmt/format.h>
#include <zlib.h>

#include <CLI/CLI.hpp>
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXf;

constexpr int kSide = 28;
constexpr int kPixels = kSide * kSide;
constexpr int kClasses = 10;

struct Dataset {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
  int size() const { return static_cast<int>(labels.size()); }
};

std::vector<std::uint8_t> read_gz(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw std::runtime_error(
        fmt::format("{}: cannot open; install Debian's package dataset-fashion-mnist", path));
  }
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> chunk(1 << 16);
  int got = 0;
  while ((got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0) {
    bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + got);
  }
  gzclose(file);
  if (got < 0) throw std::runtime_error(fmt::format("{}: damaged gzip file", path));
  return bytes;
}

Dataset load(const std::string& folder, const std::string& stem) {
  auto images = read_gz(fmt::format("{}/{}-images-idx3-ubyte.gz", folder, stem));
  auto labels = read_gz(fmt::format("{}/{}-labels-idx1-ubyte.gz", folder, stem));
  if (images.size() < 16 || labels.size() < 8 ||
      images.size() - 16 != (labels.size() - 8) * kPixels) {
    throw std::runtime_error(fmt::format("{}/{}: images and labels do not match", folder, stem));
  }
  return {{images.begin() + 16, images.end()}, {labels.begin() + 8, labels.end()}};
}

std::uint16_t to_bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7fffU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(bits >> 16);
}

float from_bf16(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Uniform in [0, 1) from 53 random bits: the same on every standard library.
double uniform(std::mt19937_64& rng) { return static_cast<double>(rng() >> 11) * 0x1p-53; }

struct Layer {
  Matrix weights;  // [outputs][inputs]
  Vector bias;
  Matrix weights_step;
  Vector bias_step;

  Layer(int inputs, int outputs, std::mt19937_64& rng)
      : weights(outputs, inputs),
        bias(Vector::Zero(outputs)),
        weights_step(Matrix::Zero(outputs, inputs)),
        bias_step(Vector::Zero(outputs)) {
    const double limit = std::sqrt(6.0 / inputs);
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      weights.data()[i] = static_cast<float>((2 * uniform(rng) - 1) * limit);
    }
  }

  void descend(const Matrix& gradient, const Vector& bias_gradient, float rate, float decay) {
    constexpr float kMomentum = 0.9F;
    weights_step = kMomentum * weights_step + gradient + decay * weights;
    bias_step = kMomentum * bias_step + bias_gradient;
    weights -= rate * weights_step;
    bias -= rate * bias_step;
  }

  void round_weights() {
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      weights.data()[i] = from_bf16(to_bf16(weights.data()[i]));
    }
  }
};

/// Copies image `index` into `row`, moved by (dx, dy) pixels with zeros moving in.
void fetch(const Dataset& set, int index, int dx, int dy, float* row) {
  const std::uint8_t* image = set.pixels.data() + static_cast<std::size_t>(index) * kPixels;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int sx = x - dx;
      const int sy = y - dy;
      const bool inside = sx >= 0 && sx < kSide && sy >= 0 && sy < kSide;
      row[y * kSide + x] =
          from_bf16(to_bf16(inside ? static_cast<float>(image[sy * kSide + sx]) / 255.0F : 0.0F));
    }
  }
}

double accuracy(const Dataset& set, const Layer& hidden, const Layer& output) {
  int right = 0;
  constexpr int kBatch = 500;
  for (int start = 0; start < set.size(); start += kBatch) {
    const int count = std::min(kBatch, set.size() - start);
    Matrix x(count, kPixels);
    for (int i = 0; i < count; ++i) fetch(set, start + i, 0, 0, x.row(i).data());
    Matrix h = ((x * hidden.weights.transpose()).rowwise() + hidden.bias.transpose()).cwiseMax(0);
    for (Eigen::Index i = 0; i < h.size(); ++i) h.data()[i] = from_bf16(to_bf16(h.data()[i]));
    Matrix z = (h * output.weights.transpose()).rowwise() + output.bias.transpose();
    for (int i = 0; i < count; ++i) {
      Eigen::Index best = 0;
      z.row(i).maxCoeff(&best);
      const int image = start + i;
      right += best == set.labels[static_cast<std::size_t>(image)] ? 1 : 0;
    }
  }
  return static_cast<double>(right) / set.size();
}

void write_layer(std::ofstream& out, const Layer& layer) {
  const std::uint32_t shape[2] = {static_cast<std::uint32_t>(layer.weights.cols()),
                                  static_cast<std::uint32_t>(layer.weights.rows())};
  out.write(reinterpret_cast<const char*>(shape), sizeof shape);
  for (Eigen::Index i = 0; i < layer.weights.size(); ++i) {
    const std::uint16_t half = to_bf16(layer.weights.data()[i]);
    out.write(reinterpret_cast<const char*>(&half), sizeof half);
  }
  out.write(reinterpret_cast<const char*>(layer.bias.data()), layer.bias.size() * 4);
}

struct Options {
  std::string folder = "/usr/share/datasets/fashion-mnist";
  std::string output = "mlp.bin";
  int epochs = 30;
  int hidden = 128;
  std::uint64_t seed = 1;
};

void train(const Options& options) {
  const Dataset training = load(options.folder, "train");
  const Dataset test = load(options.folder, "t10k");
  std::mt19937_64 rng(options.seed);
  Layer hidden(kPixels, options.hidden, rng);
  Layer output(options.hidden, kClasses, rng);

  constexpr int kBatch = 100;
  constexpr float kDecay = 1e-4F;
  const int steps = training.size() / kBatch;
  std::vector<int> order(static_cast<std::size_t>(training.size()));
  std::iota(order.begin(), order.end(), 0);

  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[rng() % (i + 1)]);
    double loss = 0;
    for (int step = 0; step < steps; ++step) {
      const double progress = (epoch + static_cast<double>(step) / steps) / options.epochs;
      const auto rate = static_cast<float>(0.05 * (1 + std::cos(3.14159265358979 * progress)));
      Matrix x(kBatch, kPixels);
      std::vector<int> label(kBatch);
      for (int i = 0; i < kBatch; ++i) {
        const int place = step * kBatch + i;
        const int index = order[static_cast<std::size_t>(place)];
        const bool shift = rng() % 4 == 0;
        const int dx = shift ? static_cast<int>(rng() % 3) - 1 : 0;
        const int dy = shift ? static_cast<int>(rng() % 3) - 1 : 0;
        fetch(training, index, dx, dy, x.row(i).data());
        label[static_cast<std::size_t>(i)] = training.labels[static_cast<std::size_t>(index)];
      }
      const Matrix h =
          ((x * hidden.weights.transpose()).rowwise() + hidden.bias.transpose()).cwiseMax(0);
      Matrix p = (h * output.weights.transpose()).rowwise() + output.bias.transpose();
      for (int i = 0; i < kBatch; ++i) {
        p.row(i).array() -= p.row(i).maxCoeff();
        p.row(i) = p.row(i).array().exp();
        p.row(i) /= p.row(i).sum();
        const int right = label[static_cast<std::size_t>(i)];
        loss -= std::log(std::max(p(i, right), 1e-12F));
        p(i, right) -= 1.0F;
      }
      p /= static_cast<float>(kBatch);
      const Matrix back = ((p * output.weights).array() * (h.array() > 0).cast<float>()).matrix();
      output.descend(p.transpose() * h, p.colwise().sum().transpose(), rate, kDecay);
      hidden.descend(back.transpose() * x, back.colwise().sum().transpose(), rate, kDecay);
    }
    fmt::print("epoch {:2d}  loss {:.4f}  test accuracy {:.4f}\n", epoch + 1,
               loss / (steps * kBatch), accuracy(test, hidden, output));
    std::fflush(stdout);
  }

  hidden.round_weights();
  output.round_weights();
  fmt::print("BF16 weights: training accuracy {:.4f}, test accuracy {:.4f}\n",
             accuracy(training, hidden, output), accuracy(test, hidden, output));

  std::ofstream out(options.output, std::ios::binary);
  const std::uint32_t layers = 2;
  out.write("TSRMLP1\0", 8);
  out.write(reinterpret_cast<const char*>(&layers), sizeof layers);
  write_layer(out, hidden);
  write_layer(out, output);
  if (!out.flush()) throw std::runtime_error(fmt::format("{}: cannot write", options.output));
  fmt::print("wrote {}\n", options.output);
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Train the Fashion-MNIST network of the main job.");
  Options options;
  app.add_option("-o,--output", options.output, "File to write")->capture_default_str();
  app.add_option("--dataset", options.folder, "Folder of the IDX files")->capture_default_str();
  app.add_option("--epochs", options.epochs, "Passes over the training set")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--hidden", options.hidden, "Hidden units")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Random seed")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  train(options);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "train_mlp: %s\n", error.what());
  return 1;
}
