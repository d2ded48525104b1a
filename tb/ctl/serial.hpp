// SPDX-License-Identifier: Apache-2.0
/// The other end of a serial line, 8N1, written without looking at the RTL: fed or asked once a
/// cycle.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace tsr::tb {

/// Decodes a line by sampling the middle of each bit.
class SerialDecoder {
 public:
  explicit SerialDecoder(std::uint64_t cycles_per_bit) : bit_(cycles_per_bit) {}

  /// Level of the line in the next cycle.
  void sample(bool level) {
    if (level != last_) edges_.push_back(time_);
    if (!busy_ && last_ && !level) {
      busy_ = true;
      start_ = time_;
      starts.push_back(time_);
      byte_ = 0;
    } else if (busy_) {
      const std::uint64_t offset = time_ - start_;
      if (offset % bit_ == bit_ / 2) {
        const std::uint64_t index = offset / bit_;
        if (index == 0 && level) ++errors;
        if (index >= 1 && index <= 8 && level) byte_ |= 1U << (index - 1);
        if (index == 9) {
          if (!level) ++errors;
          bytes.push_back(static_cast<std::uint8_t>(byte_));
          // Every edge of the frame lies on a multiple of the bit time.
          for (const std::uint64_t edge : edges_) {
            if (edge >= start_ && (edge - start_) % bit_ != 0) ++errors;
          }
          edges_.clear();
          busy_ = false;
        }
      }
    }
    last_ = level;
    ++time_;
  }

  std::vector<std::uint8_t> bytes;
  std::vector<std::uint64_t> starts;  // cycle of each start bit
  int errors = 0;                     // framing errors, misplaced edges

 private:
  std::uint64_t bit_;
  bool last_ = true;
  bool busy_ = false;
  unsigned byte_ = 0;
  std::uint64_t start_ = 0;
  std::uint64_t time_ = 0;
  std::vector<std::uint64_t> edges_;
};

/// Encodes bytes; the bit time may be fractional to model another clock.
class SerialEncoder {
 public:
  explicit SerialEncoder(double cycles_per_bit) : bit_(cycles_per_bit) {}

  void send(std::uint8_t byte) { frame(byte, true); }
  /// A frame whose stop bit is low.
  void send_without_stop(std::uint8_t byte) { frame(byte, false); }
  /// The line at `level` for a number of cycles.
  void hold(bool level, double cycles) { levels_.push_back({level, cycles}); }

  /// Level of the line in the next cycle.
  bool next() {
    while (!levels_.empty() && elapsed_ >= levels_.front().cycles) {
      elapsed_ -= levels_.front().cycles;
      levels_.pop_front();
    }
    if (levels_.empty()) {
      elapsed_ = 0;
      return true;
    }
    elapsed_ += 1;
    return levels_.front().level;
  }
  bool done() const { return levels_.empty(); }

 private:
  struct Level {
    bool level;
    double cycles;
  };

  void frame(std::uint8_t byte, bool stop) {
    hold(false, bit_);
    for (int i = 0; i < 8; ++i) hold((byte >> i) & 1, bit_);
    hold(stop, bit_);
  }

  double bit_;
  double elapsed_ = 0;
  std::deque<Level> levels_;
};

}  // namespace tsr::tb
