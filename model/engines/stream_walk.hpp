// SPDX-License-Identifier: Apache-2.0
/// The accesses of an address generator, as Agu gives them, but fast: addresses and positions are
/// advanced instead of computed, masks are made of whole row groups. No gather.
#pragma once

#include "engines/agu.hpp"

namespace tsr::engines {

class StreamWalk {
 public:
  /// `row_base`: as for Agu.
  StreamWalk(const AguConfig& config, std::uint32_t base, unsigned row_base = 0);

  bool done() const { return done_; }
  /// Bit j: loops 0..j are at their last iteration.
  unsigned last() const { return last_; }
  std::uint32_t base() const { return address_; }
  /// Valid bytes as they lie in memory, 8 a lane.
  std::uint64_t strobe() const { return plain_ ? ~std::uint64_t{0} : masked_strobe(); }
  Access access() const;
  void next();

  /// A lane with a valid byte lies beyond `spm_bytes`.
  bool out_of_range(std::size_t spm_bytes) const;
  /// Beat of a read stream into `data`, in the engine's order, masked bytes zero; returns its mask.
  /// Lanes outside the scratchpad read as zero.
  std::uint64_t read(const std::vector<std::uint8_t>& spm, std::uint8_t* data) const;
  /// Write the valid bytes of `data`; lanes outside the scratchpad are left out.
  void write(std::vector<std::uint8_t>& spm, const std::uint8_t* data) const;

 private:
  std::uint64_t masked_strobe() const;
  void find_last();
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

/// As transpose() and transpose_mask(), in place.
void transpose_in_place(std::uint8_t* data, Transpose mode);

}  // namespace tsr::engines
