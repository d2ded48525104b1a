// SPDX-License-Identifier: Apache-2.0
#include "rsp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tsr::debug {
namespace {

constexpr char kEscape = '}', kEscapeFlip = 0x20, kInterruptByte = 0x03;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

unsigned checksum(std::string_view text) {
  unsigned sum = 0;
  for (const char c : text) sum += static_cast<unsigned char>(c);
  return sum & 0xff;
}

}  // namespace

std::optional<RspReader::Event> RspReader::next() {
  while (!buffer_.empty() && buffer_.front() != '$') {
    const bool interrupt = buffer_.front() == kInterruptByte;
    buffer_.erase(0, 1);
    if (interrupt) return Event{Kind::kInterrupt, ""};
  }
  const std::size_t end = buffer_.find('#');
  if (end == std::string::npos || end + 2 >= buffer_.size()) return std::nullopt;
  const std::string body = buffer_.substr(1, end - 1);
  const int high = digit(buffer_[end + 1]), low = digit(buffer_[end + 2]);
  buffer_.erase(0, end + 3);
  if (high < 0 || low < 0 || checksum(body) != static_cast<unsigned>(high * 16 + low)) {
    return Event{Kind::kDamaged, ""};
  }
  Event event{Kind::kPacket, ""};
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == kEscape && i + 1 < body.size()) {
      event.payload += static_cast<char>(body[++i] ^ kEscapeFlip);
    } else {
      event.payload += body[i];
    }
  }
  return event;
}

std::string rsp_frame(std::string_view payload) {
  std::string body;
  for (const char c : payload) {
    if (c == '$' || c == '#' || c == kEscape || c == '*') {
      body += kEscape;
      body += static_cast<char>(c ^ kEscapeFlip);
    } else {
      body += c;
    }
  }
  return fmt::format("${}#{:02x}", body, checksum(body));
}

std::string to_hex(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const std::uint8_t*>(data);
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", at[i]);
  return text;
}

std::string to_hex(std::string_view text) { return to_hex(text.data(), text.size()); }

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string word_to_hex(std::uint32_t value) {
  const std::uint8_t bytes[] = {
      static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
      static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)};
  return to_hex(bytes, sizeof(bytes));
}

std::optional<std::uint32_t> word_from_hex(std::string_view digits) {
  const auto bytes = from_hex(digits);
  if (!bytes || bytes->size() != 4) return std::nullopt;
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<std::uint8_t>((*bytes)[i])} << (8 * i);
  }
  return value;
}

std::optional<std::uint64_t> RspParser::number() {
  std::uint64_t value = 0;
  std::size_t used = 0;
  while (used < text_.size() && used < 16 && digit(text_[used]) >= 0) {
    value = value << 4 | static_cast<std::uint64_t>(digit(text_[used++]));
  }
  if (used == 0) return std::nullopt;
  text_.remove_prefix(used);
  return value;
}

bool RspParser::accept(std::string_view expected) {
  if (text_.substr(0, expected.size()) != expected) return false;
  text_.remove_prefix(expected.size());
  return true;
}

std::string_view RspParser::until(std::string_view stops) {
  const std::size_t end = std::min(text_.find_first_of(stops), text_.size());
  const auto part = text_.substr(0, end);
  text_.remove_prefix(end);
  return part;
}

}  // namespace tsr::debug
