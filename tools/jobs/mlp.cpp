// SPDX-License-Identifier: Apache-2.0
#include "mlp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataset.hpp"
#include "meter.hpp"
#include "mlp_golden.hpp"
#include "tessera_abi.h"
#include "ve/compiler.hpp"
#include "ve/library.hpp"

namespace tsr::tools {
namespace {

constexpr std::array<const char*, 10> kClasses = {
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"};
constexpr std::uint64_t kRowAlign =
    64;  // rows start at flits: every DMA element is as short as it can be
constexpr std::uint32_t kMaxClasses = 255;  // of kernel_classify
constexpr unsigned kShown = 5;              // images whose answer is printed

float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::uint32_t pitch_of(std::uint64_t row_bytes) {
  return static_cast<std::uint32_t>((row_bytes + kRowAlign - 1) & ~(kRowAlign - 1));
}

/// Rows of elements in HBM, at the device's pitch.
struct Rows {
  std::uint64_t at = 0;
  std::size_t rows = 0, row_bytes = 0;
  std::uint32_t pitch = 0;

  Rows() = default;
  Rows(Platform& chip, std::size_t count, std::size_t bytes)
      : at(chip.allocate(count * pitch_of(bytes))),
        rows(count),
        row_bytes(bytes),
        pitch(pitch_of(bytes)) {}

  void write(Platform& chip, const void* data) const {
    std::vector<std::uint8_t> padded(rows * pitch);
    for (std::size_t i = 0; i < rows; ++i) {
      std::memcpy(padded.data() + i * pitch, static_cast<const std::uint8_t*>(data) + i * row_bytes,
                  row_bytes);
    }
    chip.write(at, padded.data(), padded.size());
  }
  std::vector<std::uint32_t> read(Platform& chip) const {
    std::vector<std::uint8_t> raw(rows * pitch);
    chip.read(at, raw.data(), raw.size());
    std::vector<std::uint32_t> words(rows * row_bytes / 4);
    for (std::size_t i = 0; i < rows; ++i) {
      std::memcpy(words.data() + i * row_bytes / 4, raw.data() + i * pitch, row_bytes);
    }
    return words;
  }
};

Rows upload(Platform& chip, const void* data, std::size_t rows, std::size_t row_bytes) {
  const Rows out(chip, rows, row_bytes);
  out.write(chip, data);
  return out;
}

/// Arguments of the job's four kinds of launches, and where its results lie.
struct Device {
  tsr_vec_args_t normalize{};
  std::vector<tsr_gemm_args_t> layers;
  tsr_classify_args_t classify{};
  Rows logits, probabilities, answers;
  std::vector<std::uint64_t> macs;  ///< of the layers

  Device(Platform& chip, const std::vector<Layer>& network, const ImageSet& images,
         std::uint32_t count);

 private:
  void add_normalize(Platform& chip, const Rows& pixels, const Rows& input);
  void add_layer(Platform& chip, const Layer& layer, bool last, const Rows& a, const Rows& c);
};

/// The expression `dequantize` of the library: y = x * scale, bytes to BF16.
void Device::add_normalize(Platform& chip, const Rows& pixels, const Rows& input) {
  ve::CompileOptions options;
  options.fixed = {{"scale", kPixelScale}, {"zero", 0}};
  const auto program =
      ve::compile(ve::library("dequantize"), {{"x", "uint8"}, {"y", "bf16"}}, options);
  const auto& pass = program.passes.front();
  const auto elements = static_cast<std::uint32_t>(pixels.row_bytes);
  tsr_vec_program_t description{};
  description.buffers = 2;
  description.passes = 1;
  description.buffer[0] = {pixels.at, pixels.pitch, elements, 8, TSR_VEC_IN};
  description.buffer[1] = {input.at, input.pitch, elements, 16, TSR_VEC_OUT};
  auto& to = description.pass[0];
  std::copy(pass.stages.begin(), pass.stages.end(), to.program);
  std::copy(pass.io.begin(), pass.io.end(), to.program + pass.stages.size());
  std::fill(std::begin(to.buffer), std::end(to.buffer), std::uint8_t{TSR_VEC_NONE});
  to.buffer[0] = 0;  // I0
  to.buffer[3] = 1;  // O0
  normalize.program = chip.allocate(sizeof(description));
  chip.write(normalize.program, &description, sizeof(description));
  normalize.rows = static_cast<std::uint32_t>(pixels.rows);
}

void Device::add_layer(Platform& chip, const Layer& layer, bool last, const Rows& a,
                       const Rows& c) {
  const auto b = upload(chip, layer.weights.data(), layer.out, 2 * std::size_t{layer.in});
  tsr_gemm_args_t args{};
  args.m = static_cast<std::uint32_t>(a.rows);
  args.n = layer.out;
  args.k = layer.in;
  args.format = TSR_GEMM_BF16;
  args.flags = TSR_GEMM_BIAS | (last ? 0U : TSR_GEMM_RELU | TSR_GEMM_OUT_BF16);
  args.lda = a.pitch;
  args.ldb = b.pitch;
  args.ldc = c.pitch;
  args.a = a.at;
  args.b = b.at;
  args.bias = upload(chip, layer.bias.data(), 1, 4 * std::size_t{layer.out}).at;
  args.c = c.at;
  layers.push_back(args);
  macs.push_back(std::uint64_t{a.rows} * layer.in * layer.out);
}

Device::Device(Platform& chip, const std::vector<Layer>& network, const ImageSet& images,
               std::uint32_t count) {
  const auto pixels = upload(chip, images.images.data(), count, images.pixels);
  Rows activations(chip, count, 2 * std::size_t{images.pixels});
  add_normalize(chip, pixels, activations);
  for (std::size_t i = 0; i < network.size(); ++i) {
    const bool last = i + 1 == network.size();
    const Rows c(chip, count, (last ? 4 : 2) * std::size_t{network[i].out});
    add_layer(chip, network[i], last, activations, c);
    activations = c;
  }
  logits = activations;
  probabilities = Rows(chip, count, logits.row_bytes);
  answers = Rows(chip, 1, 4 * std::size_t{count});
  classify = {count,     network.back().out, logits.pitch, probabilities.pitch,
              logits.at, probabilities.at,   answers.at};
}

/// What the chip gave, beside the golden model's.
struct Check {
  std::size_t mismatches = 0;
  std::string first;  ///< the first one in words

  void compare(const std::string& what, std::size_t columns, const std::vector<std::uint32_t>& got,
               const std::vector<std::uint32_t>& want) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (got[i] == want[i]) continue;
      if (mismatches++ == 0) {
        first = fmt::format("{} of image {}, class {}: chip {:#010x}, golden model {:#010x}", what,
                            i / columns, i % columns, got[i], want[i]);
      }
    }
  }
};

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

std::string class_name(std::uint32_t number) {
  return number < kClasses.size() ? kClasses[number] : fmt::format("class {}", number);
}

/// Answers of the chip with their probabilities; returns how many are right.
unsigned report_answers(Session& session, const std::vector<std::uint32_t>& answers,
                        const std::vector<std::uint32_t>& probabilities,
                        const std::vector<std::uint8_t>& labels) {
  const std::size_t classes = probabilities.size() / answers.size();
  Confusion confusion(classes, std::vector<unsigned>(classes));
  unsigned correct = 0;
  auto& json = session.result;
  json["answers"] = answers;
  json["probabilities"] = nlohmann::ordered_json::array();
  session.line("");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::uint32_t answer = answers[i];
    const bool any = answer < classes;
    const float p = any ? from_bits(probabilities[i * classes + answer]) : 0;
    json["probabilities"].push_back(p);
    if (i < kShown) {
      session.line(fmt::format("image {}: {:<8} {:5.1f} %   (is {})", i, class_name(answer),
                               static_cast<double>(100 * p), class_name(labels[i])));
    }
    if (any && labels[i] < classes) ++confusion[labels[i]][answer];
    if (answer == labels[i]) ++correct;
  }
  print_confusion(session, confusion);
  return correct;
}

/// Commands and busy cycles of every engine, these also as a part of the kernels' cycles; returns
/// whether all engines had work.
bool report_engines(Session& session, const Totals& totals, std::uint64_t kernel_cycles) {
  static const std::array<const char*, kEngines> names = {"rdma", "wdma", "me", "ve", "tdma"};
  const std::size_t tiles = session.chip().config().tiles.size();
  bool used = true;
  auto& json = session.result["engines"];
  session.line(fmt::format("\n{:<10}{:>10}{:>14}{:>14}", "engine", "commands", "busy cycles",
                           "utilization"));
  for (std::size_t i = 0; i < kEngines; ++i) {
    const auto& e = totals.engine[i];
    const double part = static_cast<double>(e.busy) / static_cast<double>(kernel_cycles * tiles);
    json[names[i]] = {{"commands", e.commands}, {"busy", e.busy}, {"utilization", part}};
    session.line(
        fmt::format("{:<10}{:>10}{:>14}{:>12.2f} %", names[i], e.commands, e.busy, 100 * part));
    used = used && e.commands > 0 && e.busy > 0;
  }
  if (!used) session.line("an engine had nothing to do");
  return used;
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
  if (classes > kMaxClasses) {
    throw InputError(fmt::format("{}: {} classes; at most {}", file, classes, kMaxClasses));
  }

  Session session(session_options);
  auto& chip = session.chip();
  const Rect tiles = chip.all_tiles();
  std::string shape = fmt::format("{}", layers.front().in);
  for (const auto& layer : layers) shape += fmt::format("-{}", layer.out);
  const auto& nodes = chip.config().nodes;
  const auto built = std::count(nodes.begin(), nodes.end(), NodeKind::Tile);
  const auto used = static_cast<std::ptrdiff_t>(chip.config().tiles.size());
  session.result["tiles"] = used;
  if (used != built) session.line(fmt::format("{} of {} tiles work", used, built));
  session.line(fmt::format("{}: {} tiles, {} Fashion-MNIST test images through {} in BF16",
                           chip.config().name, chip.config().tiles.size(), count, shape));

  session.begin("boot");
  chip.load();
  session.result["boot_cycles"] = session.end();

  session.begin("copy data to HBM");
  const Device device(chip, layers, images, count);
  session.result["copy_cycles"] = session.end();

  Meter meter(chip);
  meter.start();
  std::uint64_t kernel_cycles = 0;
  std::uint64_t macs = 0;
  const double peak =
      static_cast<double>(chip.config().bf16_macs_per_cycle() * chip.config().tiles.size());
  session.begin("normalize: bytes to BF16");
  auto done = chip.run("kernel_vector", tiles, device.normalize);
  session.end(fmt::format("kernel {} cycles", done.cycles));
  session.result["normalize_cycles"] = done.cycles;
  kernel_cycles += done.cycles;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    session.begin(fmt::format("layer {}: {} x {} x {}", i + 1, count, layers[i].out, layers[i].in));
    done = chip.run("kernel_gemm", tiles, device.layers[i]);
    kernel_cycles += done.cycles;
    macs += device.macs[i];
    const double utilization =
        static_cast<double>(device.macs[i]) / (peak * static_cast<double>(done.cycles));
    session.end(
        fmt::format("kernel {} cycles, ME utilization {:.1f} %", done.cycles, 100 * utilization));
    session.result[fmt::format("layer{}_cycles", i + 1)] = done.cycles;
    session.result[fmt::format("layer{}_utilization", i + 1)] = utilization;
  }
  session.begin("classify: softmax, largest");
  done = chip.run("kernel_classify", tiles, device.classify);
  session.measured();
  session.end(fmt::format("kernel {} cycles", done.cycles));
  session.result["classify_cycles"] = done.cycles;
  kernel_cycles += done.cycles;

  session.begin("read counters");
  const Totals totals = meter.read();
  session.end();

  session.begin("read results");
  const auto logits = device.logits.read(chip);
  const auto probabilities = device.probabilities.read(chip);
  const auto answers = device.answers.read(chip);
  session.result["read_cycles"] = session.end();

  const MlpGolden golden = mlp_golden(layers, images.images, count);
  Check check_logits, check_results;
  check_logits.compare("logit", classes, logits, golden.logits);
  check_results.compare("probability", classes, probabilities, golden.probabilities);
  check_results.compare("answer", 1, answers, golden.answers);
  const bool equal = check_logits.mismatches + check_results.mismatches == 0;

  const unsigned correct = report_answers(session, answers, probabilities, images.labels);
  const double accuracy = static_cast<double>(correct) / count;
  const double utilization =
      static_cast<double>(macs) / (peak * static_cast<double>(kernel_cycles));
  const bool all_engines = report_engines(session, totals, kernel_cycles);
  const auto stats = chip.stats();
  session.line(
      fmt::format("\naccuracy            {:.2f} % ({} of {})", 100 * accuracy, correct, count));
  session.line(fmt::format(
      "golden model        {}",
      equal
          ? fmt::format("all {} logits, probabilities and {} answers agree bit for bit",
                        golden.logits.size(), golden.answers.size())
          : fmt::format("{} logits, {} probabilities and answers differ; {}",
                        check_logits.mismatches, check_results.mismatches,
                        check_logits.mismatches != 0 ? check_logits.first : check_results.first)));
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
  const bool good = equal && counted && accurate && all_engines;

  auto& result = session.result;
  result["images"] = count;
  result["accuracy"] = accuracy;
  result["logit_mismatches"] = check_logits.mismatches;
  result["result_mismatches"] = check_results.mismatches;
  result["cycles"] = kernel_cycles;
  result["macs"] = macs;
  result["utilization"] = utilization;
  result["hbm_bytes_read"] = totals.hbm_bytes_read;
  result["hbm_bytes_written"] = totals.hbm_bytes_written;
  result["network_bytes"] = totals.network_bytes;
  result["passed"] = good;
  session.finish(good ? "PASSED" : "FAILED");
  return good ? 0 : static_cast<int>(ExitCode::JobFailed);
}

}  // namespace tsr::tools
