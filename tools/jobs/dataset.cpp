// SPDX-License-Identifier: Apache-2.0
#include "dataset.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "error.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kMaxLayers = 8, kMaxSide = 65536;

/// A gzip file read from front to end.
class GzFile {
 public:
  explicit GzFile(const std::string& name) : name_(name), file_(gzopen(name.c_str(), "rb")) {
    if (file_ == nullptr) {
      throw InputError(
          fmt::format("{}: cannot be opened. Install the package dataset-fashion-mnist, or "
                      "name the folder with --dataset",
                      name));
    }
  }
  ~GzFile() { gzclose(file_); }
  GzFile(const GzFile&) = delete;
  GzFile& operator=(const GzFile&) = delete;

  void read(void* data, std::size_t bytes) {
    if (gzread(file_, data, static_cast<unsigned>(bytes)) != static_cast<int>(bytes)) {
      throw InputError(fmt::format("{}: truncated or damaged", name_));
    }
  }
  std::uint32_t big_endian() {
    std::uint8_t b[4];
    read(b, sizeof(b));
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }
  void expect(std::uint32_t value, const char* what) {
    const auto found = big_endian();
    if (found != value) {
      throw InputError(fmt::format("{}: {} is {:#x}, expected {:#x}", name_, what, found, value));
    }
  }

 private:
  std::string name_;
  gzFile file_;
};

}  // namespace

ImageSet read_images(const std::string& folder, unsigned count) {
  constexpr std::uint32_t kImagesMagic = 0x803, kLabelsMagic = 0x801;
  ImageSet set;
  GzFile images(folder + "/t10k-images-idx3-ubyte.gz");
  images.expect(kImagesMagic, "magic number");
  const auto available = images.big_endian();
  if (count > available) {
    throw InputError(fmt::format("{}: {} images; {} were asked for", folder, available, count));
  }
  const auto rows = images.big_endian();
  const auto columns = images.big_endian();
  if (rows == 0 || columns == 0 || rows > 1024 || columns > 1024) {
    throw InputError(fmt::format("{}: images of {} x {} pixels", folder, rows, columns));
  }
  set.pixels = rows * columns;
  set.images.resize(std::size_t{count} * set.pixels);
  images.read(set.images.data(), set.images.size());

  GzFile labels(folder + "/t10k-labels-idx1-ubyte.gz");
  labels.expect(kLabelsMagic, "magic number");
  labels.expect(available, "number of labels");
  set.labels.resize(count);
  labels.read(set.labels.data(), set.labels.size());
  return set;
}

std::vector<Layer> read_network(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InputError(fmt::format("{}: cannot be opened", file));
  const auto read = [&](void* data, std::size_t bytes) {
    stream.read(static_cast<char*>(data), static_cast<std::streamsize>(bytes));
    if (!stream) throw InputError(fmt::format("{}: truncated", file));
  };
  char magic[8];
  read(magic, sizeof(magic));
  if (std::memcmp(magic, "TSRMLP1", 8) != 0)
    throw InputError(fmt::format("{}: not a network file", file));
  std::uint32_t count = 0;
  read(&count, sizeof(count));
  if (count == 0 || count > kMaxLayers) throw InputError(fmt::format("{}: {} layers", file, count));
  std::vector<Layer> layers(count);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto& layer = layers[i];
    read(&layer.in, sizeof(layer.in));
    read(&layer.out, sizeof(layer.out));
    if (layer.in == 0 || layer.out == 0 || layer.in > kMaxSide || layer.out > kMaxSide ||
        (i > 0 && layer.in != layers[i - 1].out)) {
      throw InputError(fmt::format("{}: layer {} is {} to {}, which does not fit", file, i,
                                   layer.in, layer.out));
    }
    layer.weights.resize(std::size_t{layer.in} * layer.out);
    layer.bias.resize(layer.out);
    read(layer.weights.data(), layer.weights.size() * sizeof(layer.weights[0]));
    read(layer.bias.data(), layer.bias.size() * sizeof(layer.bias[0]));
  }
  return layers;
}

std::string data_file(const std::string& name) {
  const char* folder = std::getenv("TESSERA_DATA");
  return (std::filesystem::path(folder != nullptr ? folder : TSR_DATA_DIR) / name).string();
}

}  // namespace tsr::tools
