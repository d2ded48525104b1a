// SPDX-License-Identifier: Apache-2.0
#include "png.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "error.hpp"

namespace tsr::tools {
namespace {

const std::string kMagic = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kHeader = 13;  // bytes of IHDR

std::uint32_t number(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8U | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

std::string bytes_of(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes += static_cast<char>(value >> (shift - 8) & 0xff);
  }
  return bytes;
}

std::string chunk(const std::string& type, const std::string& data) {
  const auto body = type + data;
  const auto sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return bytes_of(static_cast<std::uint32_t>(data.size())) + body +
         bytes_of(static_cast<std::uint32_t>(sum));
}

[[noreturn]] void refuse(const std::string& file) {
  throw InputError(fmt::format("{}: not a PNG file with 8-bit RGB pixels", file));
}

struct Picture {
  std::string header, packed;
};

Picture take_apart(const std::string& bytes) {
  Picture picture;
  if (bytes.compare(0, kMagic.size(), kMagic) != 0) return picture;
  for (std::size_t at = kMagic.size(); at + 12 <= bytes.size();) {
    const auto size = number(bytes, at);
    const auto type = bytes.substr(at + 4, 4);
    if (type == "IHDR") picture.header = bytes.substr(at + 8, size);
    if (type == "IDAT") picture.packed += bytes.substr(at + 8, size);
    at += 12 + std::size_t{size};
  }
  return picture;
}

unsigned predict(unsigned left, unsigned above, unsigned corner) {
  const int guess = static_cast<int>(left + above) - static_cast<int>(corner);
  const auto miss = [&](unsigned value) { return std::abs(guess - static_cast<int>(value)); };
  if (miss(left) <= miss(above) && miss(left) <= miss(corner)) return left;
  return miss(above) <= miss(corner) ? above : corner;
}

/// Lines that are packed as differences from the pixels left and above become plain ones.
void unfilter(std::string& raw, std::size_t line, std::size_t pixel) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(raw[at]); };
  for (std::size_t start = 0; start < raw.size(); start += line) {
    const auto method = byte(start);
    raw[start] = 0;
    for (std::size_t i = 1; i < line; ++i) {
      const unsigned left = i > pixel ? byte(start + i - pixel) : 0;
      const unsigned above = start != 0 ? byte(start + i - line) : 0;
      const unsigned corner = start != 0 && i > pixel ? byte(start + i - line - pixel) : 0;
      const unsigned guess = method == 1   ? left
                             : method == 2 ? above
                             : method == 3 ? (left + above) / 2
                             : method == 4 ? predict(left, above, corner)
                                           : 0;
      raw[start + i] = static_cast<char>(byte(start + i) + guess);
    }
  }
}

}  // namespace

void crop_png(const std::string& file, unsigned rows) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  auto picture = take_apart(bytes);
  if (picture.header.size() != kHeader || picture.header[8] != 8) refuse(file);
  const auto kind = picture.header[9];
  if ((kind != 2 && kind != 6) || picture.header[12] != 0) refuse(file);
  const std::size_t pixel = kind == 2 ? 3 : 4;
  const std::size_t line = 1 + number(picture.header, 0) * pixel;
  const auto height = number(picture.header, 4);
  rows = std::min(rows, height);
  std::string raw(line * rows, '\0');
  uLongf size = raw.size();
  const int unpacked =
      uncompress(reinterpret_cast<Bytef*>(raw.data()), &size,
                 reinterpret_cast<const Bytef*>(picture.packed.data()), picture.packed.size());
  // Z_BUF_ERROR: there is more, the lines to cut off.
  if ((unpacked != Z_OK && unpacked != Z_BUF_ERROR) || size != raw.size()) refuse(file);
  unfilter(raw, line, pixel);
  std::string packed(compressBound(raw.size()), '\0');
  size = packed.size();
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
            reinterpret_cast<const Bytef*>(raw.data()), raw.size(), Z_BEST_SPEED);
  packed.resize(size);
  picture.header.replace(4, 4, bytes_of(rows));
  std::ofstream out(file, std::ios::binary);
  out << kMagic << chunk("IHDR", picture.header) << chunk("IDAT", packed) << chunk("IEND", "");
  if (!out.flush()) throw InputError(fmt::format("{}: cannot be written", file));
}

}  // namespace tsr::tools
