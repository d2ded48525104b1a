// SPDX-License-Identifier: Apache-2.0
#include "mlp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataset.hpp"
#include "engines/me.hpp"
#include "meter.hpp"
#include "tessera_abi.h"

namespace tsr::tools {
namespace {

constexpr std::array<const char*, 10> kClasses = {
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"};
constexpr std::uint64_t kRowAlign =
    64;  // rows start at flits: every DMA element is as short as it can be

std::uint16_t to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >>
                                    16);  // nearest-even; finite
}

float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::uint64_t pitch_of(std::uint64_t row_bytes) {
  return (row_bytes + kRowAlign - 1) & ~(kRowAlign - 1);
}

/// Copy `rows` rows to HBM with the device's pitch between them; returns their address.
std::uint64_t upload(Platform& chip, const void* data, std::size_t rows, std::size_t row_bytes) {
  const auto pitch = pitch_of(row_bytes);
  std::vector<std::uint8_t> padded(rows * pitch);
  for (std::size_t i = 0; i < rows; ++i) {
    std::memcpy(padded.data() + i * pitch, static_cast<const std::uint8_t*>(data) + i * row_bytes,
                row_bytes);
  }
  const auto at = chip.allocate(padded.size());
  chip.write(at, padded.data(), padded.size());
  return at;
}

/// One layer on the device.
struct DeviceLayer {
  tsr_gemm_args_t args{};
  std::uint64_t macs = 0;
};

/// What the golden model says of the whole network.
struct Golden {
  std::vector<std::vector<std::uint16_t>> hidden;  ///< activations after each layer but the last
  std::vector<std::uint32_t> logits;
};

Golden golden_network(const std::vector<Layer>& layers, const std::vector<std::uint16_t>& input,
                      unsigned images) {
  Golden golden;
  const std::vector<std::uint16_t>* activations = &input;
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
  return golden;
}

/// Rows as true classes, columns as answers.
using Confusion = std::vector<std::vector<unsigned>>;

void print_confusion(Session& session, const Confusion& confusion) {
  std::string header = fmt::format("{:>10}", "");
  for (std::size_t i = 0; i < confusion.size(); ++i) header += fmt::format("{:>5}", i);
  session.line("\nconfusion (rows: true class, columns: answer)\n" + header);
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    std::string row = fmt::format("{:>8} {}", i < kClasses.size() ? kClasses[i] : "class", i);
    for (const auto count : confusion[i]) row += count != 0 ? fmt::format("{:>5}", count) : "    .";
    session.line(row);
  }
}

}  // namespace

void MlpOptions::add_to(CLI::Option_group& app) {
  app.add_option("--images", images, "Test images to classify")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10000U));
  app.add_option("--dataset", dataset, "Folder of the Fashion-MNIST files")->capture_default_str();
  app.add_option("--min-accuracy", min_accuracy, "Fail below this fraction of right answers")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--weights", weights, "Network file (default: the shipped one)");
}

int run_mlp(const SessionOptions& session_options, const MlpOptions& options) {
  const auto images = read_images(options.dataset, options.images);
  const auto file = options.weights.empty() ? data_file("mlp.bin") : options.weights;
  const auto layers = read_network(file);
  if (layers.front().in != images.pixels) {
    throw InputError(fmt::format("{}: the network wants {} inputs, an image has {} pixels", file,
                                 layers.front().in, images.pixels));
  }
  const auto count = options.images;
  const auto classes = layers.back().out;
  std::vector<std::uint16_t> input(images.images.size());
  std::transform(images.images.begin(), images.images.end(), input.begin(),
                 [](std::uint8_t pixel) { return to_bf16(static_cast<float>(pixel) / 255.0F); });

  Session session(session_options);
  auto& chip = session.chip();
  const Rect tiles = chip.all_tiles();
  std::string shape = fmt::format("{}", layers.front().in);
  for (const auto& layer : layers) shape += fmt::format("-{}", layer.out);
  session.line(fmt::format("{}: {} tiles, {} Fashion-MNIST test images through {} in BF16",
                           chip.config().name, chip.config().tiles.size(), count, shape));

  session.begin("boot");
  chip.load();
  session.result["boot_cycles"] = session.end();

  session.begin("copy data to HBM");
  std::vector<DeviceLayer> device(layers.size());
  std::uint64_t activations = upload(chip, input.data(), count, 2 * std::size_t{images.pixels});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& layer = layers[i];
    const bool last = i + 1 == layers.size();
    auto& args = device[i].args;
    args.m = count;
    args.n = layer.out;
    args.k = layer.in;
    args.format = TSR_GEMM_BF16;
    args.flags = TSR_GEMM_BIAS | (last ? 0U : TSR_GEMM_RELU | TSR_GEMM_OUT_BF16);
    args.lda = args.ldb = static_cast<std::uint32_t>(pitch_of(2 * std::uint64_t{layer.in}));
    args.ldc = static_cast<std::uint32_t>(pitch_of((last ? 4 : 2) * std::uint64_t{layer.out}));
    args.a = activations;
    args.b = upload(chip, layer.weights.data(), layer.out, 2 * std::size_t{layer.in});
    args.bias = upload(chip, layer.bias.data(), 1, 4 * std::size_t{layer.out});
    args.c = chip.allocate(std::uint64_t{count} * args.ldc);
    activations = args.c;
    device[i].macs = std::uint64_t{count} * layer.in * layer.out;
  }
  session.result["copy_cycles"] = session.end();

  Meter meter(chip);
  meter.start();
  std::uint64_t kernel_cycles = 0;
  std::uint64_t macs = 0;
  const double peak =
      static_cast<double>(chip.config().bf16_macs_per_cycle() * chip.config().tiles.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    session.begin(fmt::format("layer {}: {} x {} x {}", i + 1, count, layers[i].out, layers[i].in));
    const auto done = chip.run("kernel_gemm", tiles, device[i].args);
    kernel_cycles += done.cycles;
    macs += device[i].macs;
    const double utilization =
        static_cast<double>(device[i].macs) / (peak * static_cast<double>(done.cycles));
    session.end(
        fmt::format("kernel {} cycles, ME utilization {:.1f} %", done.cycles, 100 * utilization));
    session.result[fmt::format("layer{}_cycles", i + 1)] = done.cycles;
    session.result[fmt::format("layer{}_utilization", i + 1)] = utilization;
  }
  session.begin("read counters");
  const Totals totals = meter.read();
  session.end();

  session.begin("read logits");
  const auto& last = device.back().args;
  std::vector<std::uint8_t> raw(std::size_t{count} * last.ldc);
  chip.read(last.c, raw.data(), raw.size());
  session.result["read_cycles"] = session.end();

  const Golden golden = golden_network(layers, input, count);
  std::size_t mismatches = 0;
  std::string first_mismatch;
  unsigned correct = 0;
  Confusion confusion(classes, std::vector<unsigned>(classes));
  for (unsigned image = 0; image < count; ++image) {
    unsigned best = 0;
    float best_value = 0;
    for (unsigned c = 0; c < classes; ++c) {
      std::uint32_t bits;
      std::memcpy(&bits, raw.data() + std::size_t{image} * last.ldc + 4 * std::size_t{c},
                  sizeof(bits));
      const auto expected = golden.logits[std::size_t{image} * classes + c];
      if (bits != expected) {
        if (mismatches == 0) {
          first_mismatch =
              fmt::format("image {} class {}: chip {:#010x} ({}), golden model {:#010x} ({})",
                          image, c, bits, from_bits(bits), expected, from_bits(expected));
        }
        ++mismatches;
      }
      if (c == 0 || from_bits(bits) > best_value) {
        best = c;
        best_value = from_bits(bits);
      }
    }
    const unsigned label = images.labels[image];
    if (label < classes) ++confusion[label][best];
    if (best == label) ++correct;
  }
  const double accuracy = static_cast<double>(correct) / count;
  const double utilization =
      static_cast<double>(macs) / (peak * static_cast<double>(kernel_cycles));
  print_confusion(session, confusion);
  const auto stats = chip.stats();
  session.line(
      fmt::format("\naccuracy            {:.2f} % ({} of {})", 100 * accuracy, correct, count));
  session.line(fmt::format(
      "golden model        {}",
      mismatches == 0 ? fmt::format("all {} logits agree bit for bit", golden.logits.size())
                      : fmt::format("{} of {} logits differ; {}", mismatches, golden.logits.size(),
                                    first_mismatch)));
  session.line(fmt::format("kernels             {} cycles, ME utilization {:.1f} %", kernel_cycles,
                           100 * utilization));
  session.line(fmt::format("HBM                 {} read, {} written",
                           human_bytes(totals.hbm_bytes_read),
                           human_bytes(totals.hbm_bytes_written)));
  session.line(fmt::format("network             {} to and from the tiles",
                           human_bytes(totals.network_bytes)));
  session.line(fmt::format("simulation          {} cycles in {:.1f} s, {:.1f} kHz", stats.cycles,
                           stats.wall_seconds, stats.khz()));
  const bool counted = totals.macs >= macs;
  if (!counted) {
    session.line(fmt::format("the matrix engines counted {} multiply-adds; the network needs {}",
                             totals.macs, macs));
  }
  const bool accurate = accuracy >= options.min_accuracy;
  if (!accurate) {
    session.line(fmt::format("accuracy is below {:.0f} %", 100 * options.min_accuracy));
  }
  const bool good = mismatches == 0 && counted && accurate;
  session.line(good ? "PASSED" : "FAILED");

  auto& result = session.result;
  result["images"] = count;
  result["accuracy"] = accuracy;
  result["logit_mismatches"] = mismatches;
  result["cycles"] = kernel_cycles;
  result["macs"] = macs;
  result["utilization"] = utilization;
  result["hbm_bytes_read"] = totals.hbm_bytes_read;
  result["hbm_bytes_written"] = totals.hbm_bytes_written;
  result["network_bytes"] = totals.network_bytes;
  result["passed"] = good;
  session.finish();
  return good ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
