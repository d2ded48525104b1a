// SPDX-License-Identifier: Apache-2.0
/// Packets of GDB's Remote Serial Protocol (GDB manual, appendix E): framing, checksums,
/// hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tsr::debug {

/// Takes bytes of the connection apart.
class RspReader {
 public:
  enum class Kind { kPacket, kInterrupt, kDamaged };
  struct Event {
    Kind kind;
    std::string payload;  ///< of a packet, unescaped
  };

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next complete event, if there is one. Acknowledgements and noise between packets are
  /// dropped.
  std::optional<Event> next();

 private:
  std::string buffer_;
};

/// `$payload#checksum`, escaped.
std::string rsp_frame(std::string_view payload);

/// Two lowercase digits a byte.
std::string to_hex(const void* data, std::size_t bytes);
std::string to_hex(std::string_view text);
/// Bytes of hexadecimal digits; nothing if they are odd in number or no digits.
std::optional<std::string> from_hex(std::string_view digits);
/// A register value as GDB sends it: four bytes, least significant first.
std::string word_to_hex(std::uint32_t value);
std::optional<std::uint32_t> word_from_hex(std::string_view digits);

/// Reads numbers and separators off the front of a packet.
class RspParser {
 public:
  explicit RspParser(std::string_view text) : text_(text) {}

  /// Hexadecimal number of at least one digit.
  std::optional<std::uint64_t> number();
  /// The text comes next; skips it.
  bool accept(std::string_view expected);
  /// Everything up to one of the characters, or the end.
  std::string_view until(std::string_view stops);
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

}  // namespace tsr::debug
