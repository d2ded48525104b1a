// SPDX-License-Identifier: Apache-2.0
#include "buffers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "error.hpp"
#include "session.hpp"

namespace tsr::tools {
namespace {

constexpr std::uint32_t kMaxBytes = 1U << 30;

std::vector<std::uint8_t> read_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::uint8_t> data{std::istreambuf_iterator<char>(stream), {}};
  if (!stream || stream.bad()) {
    throw InputError(fmt::format("--in {}: cannot be read: {}", file, std::strerror(errno)));
  }
  if (data.empty() || data.size() > kMaxBytes) {
    throw InputError(
        fmt::format("--in {}: {} bytes; a buffer has 1 byte to 1 GiB", file, data.size()));
  }
  return data;
}

/// "BYTES=FILE"
std::pair<std::uint32_t, std::string> parse_out(const std::string& text) {
  const auto equals = text.find('=');
  std::uint32_t bytes = 0;
  const char* const end = text.data() + std::min(equals, text.size());
  const auto [stop, error] = std::from_chars(text.data(), end, bytes);
  if (equals == std::string::npos || equals + 1 == text.size() || error != std::errc{} ||
      stop != end || bytes == 0 || bytes > kMaxBytes) {
    throw InputError(
        fmt::format("--out {}: expected BYTES=FILE with 1 to {} bytes, as in --out 4096=result.bin",
                    text, kMaxBytes));
  }
  return {bytes, text.substr(equals + 1)};
}

void add_words(std::vector<std::uint32_t>& words, std::uint64_t address, std::size_t bytes) {
  words.push_back(static_cast<std::uint32_t>(address));
  words.push_back(static_cast<std::uint32_t>(address >> 32));
  words.push_back(static_cast<std::uint32_t>(bytes));
}

}  // namespace

void Buffers::add_to(CLI::App& app) {
  app.add_option("--in", in_files_,
                 "Copy this file into HBM; the kernel gets a tsr_buffer_t (repeatable)")
      ->allow_extra_args(false);
  app.add_option(
         "--out", out_texts_,
         "BYTES=FILE: give the kernel a zeroed tsr_buffer_t of BYTES in HBM, and write it to\n"
         "FILE when the kernel has ended well (repeatable)")
      ->allow_extra_args(false);
}

void Buffers::load() {
  for (const auto& file : in_files_) in_.push_back({file, read_file(file), 0});
  for (const auto& text : out_texts_) {
    auto [bytes, file] = parse_out(text);
    require_writable(file);
    out_.push_back({std::move(file), std::vector<std::uint8_t>(bytes), 0});
  }
}

std::vector<std::uint32_t> Buffers::place(Platform& chip) {
  std::vector<std::uint32_t> words;
  for (auto* list : {&in_, &out_}) {
    for (auto& buffer : *list) {
      buffer.address = chip.allocate(buffer.data.size());
      chip.write(buffer.address, buffer.data.data(), buffer.data.size());
      add_words(words, buffer.address, buffer.data.size());
    }
  }
  return words;
}

void Buffers::save(Platform& chip) const {
  for (const auto& buffer : out_) {
    std::vector<char> data(buffer.data.size());
    chip.read(buffer.address, data.data(), data.size());
    std::ofstream stream(buffer.file, std::ios::binary);
    stream.write(data.data(), static_cast<std::streamsize>(data.size()));
    stream.close();
    if (!stream) {
      throw InputError(
          fmt::format("--out {}: cannot be written: {}", buffer.file, std::strerror(errno)));
    }
  }
}

}  // namespace tsr::tools
