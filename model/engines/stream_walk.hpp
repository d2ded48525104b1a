// SPDX-License-Identifier: Apache-2.0
/// The accesses of an address generator, as Agu gives them, but fast: addresses and positions are
/// advanced instead of computed, masks are made of whole row groups. No gather.
#pragma once

#include <cstring>

#include "engines/agu.hpp"

namespace tsr::engines {

/// As transpose(), in place.
void transpose_in_place(std::uint8_t* data, Transpose mode);

class StreamWalk {
 public:
  /// `row_base`: as for Agu.
  StreamWalk(const AguConfig& config, std::uint32_t base, unsigned row_base = 0);

  bool done() const { return done_; }
  /// Bit j: loops 0..j are at their last iteration.
  unsigned last() const { return last_; }
  std::uint32_t base() const { return address_; }
  /// No byte is ever masked.
  bool plain() const { return plain_; }
  /// Valid bytes as they lie in memory, 8 a lane.
  std::uint64_t strobe() const { return plain_ ? ~std::uint64_t{0} : masked_strobe(); }
  Access access() const;
  void next() {
    if (index_[0] + 1 >= config_.count[0]) return advance();
    ++index_[0];
    move(0);
    if (index_[0] + 1 == config_.count[0]) find_last();
  }

  /// A lane with a valid byte lies beyond `spm_bytes`.
  bool out_of_range(std::size_t spm_bytes) const {
    return !inside(spm_bytes) && lanes_out_of_range(spm_bytes);
  }
  /// Beat of a read stream into `data`, in the engine's order, masked bytes zero; returns its mask.
  /// Lanes outside the scratchpad read as zero.
  std::uint64_t read(const std::vector<std::uint8_t>& spm, std::uint8_t* data) const {
    if (!plain_ || !inside(spm.size())) return read_masked(spm, data);
    const std::uint8_t* from = spm.data() + address_;
    for (unsigned l = 0; l < 8; ++l) std::memcpy(data + 8 * std::size_t{l}, from + offset_[l], 8);
    transpose_in_place(data, config_.xpose);
    return ~std::uint64_t{0};
  }
  /// The next `beats` beats are in a row: of one loop 0, each 8 bytes behind the one before, whole,
  /// not turned, in the scratchpad.
  bool in_a_row(std::size_t beats, std::size_t spm_bytes) const {
    return plain_ && config_.xpose == Transpose::None && config_.w_log2 == 0 &&
           config_.delta[0] == 8 && index_[0] + beats <= config_.count[0] && !wraps_ &&
           std::size_t{address_} + 8 * (beats - 1) + reach_ <= spm_bytes;
  }
  /// Read `beats` beats that are in a row, 64 bytes each; next() is left to skip().
  void read_row(const std::vector<std::uint8_t>& spm, std::uint8_t* data, std::size_t beats) const;
  /// next() for `beats` beats that are in a row, at least one.
  void skip(std::size_t beats) {
    const auto before = static_cast<std::uint32_t>(beats - 1);
    index_[0] += before;
    address_ += 8 * before;
    next();
  }
  /// Write the valid bytes of `data`; lanes outside the scratchpad are left out.
  void write(std::vector<std::uint8_t>& spm, const std::uint8_t* data) const;

 private:
  std::uint64_t masked_strobe() const;
  std::uint64_t read_masked(const std::vector<std::uint8_t>& spm, std::uint8_t* data) const;
  bool lanes_out_of_range(std::size_t spm_bytes) const;
  void find_last();
  void advance();
  /// Loop j has advanced.
  void move(unsigned j) {
    address_ = (address_ + static_cast<std::uint32_t>(config_.delta[j])) & kSpmAddressMask;
    x_ += config_.dx[j];
    y_ += config_.dy[j];
  }
  /// All lanes lie in the scratchpad, without wrapping around.
  bool inside(std::size_t spm_bytes) const {
    return std::size_t{address_} + reach_ <= spm_bytes && !wraps_;
  }
  std::uint32_t lane(unsigned l) const { return (address_ + offset_[l]) & kSpmAddressMask; }

  AguConfig config_;
  unsigned row_base_;
  std::array<std::uint32_t, 8> offset_{};  // of the lanes
  std::uint32_t reach_ = 0;                // bytes from the base to behind the highest lane
  bool wraps_ = false;                     // the pitch is negative
  bool plain_ = false;                     // nothing is ever masked
  std::uint64_t byte_edge_ = 0;            // mask of a byte edge
  std::array<std::uint32_t, 6> index_{};
  std::uint32_t address_;
  std::int64_t x_ = 0, y_ = 0;
  unsigned last_ = 0;
  bool done_ = false;
};

}  // namespace tsr::engines
