// SPDX-License-Identifier: Apache-2.0
#include "dram/ecc.hpp"

namespace tsr {
namespace {

bool odd(unsigned value) {
  bool result = false;
  for (; value != 0; value &= value - 1) result = !result;
  return result;
}

/// What each value of each byte of an atom adds to the check bits.
struct ByteTable {
  std::array<std::array<std::uint16_t, 256>, kEccDataBits / 8> sums{};
  ByteTable() {
    for (unsigned byte = 0; byte < sums.size(); ++byte) {
      for (unsigned value = 0; value < 256; ++value) {
        for (unsigned b = 0; b < 8; ++b) {
          if ((value >> b & 1U) != 0) sums[byte][value] ^= ecc_column(8 * byte + b);
        }
      }
    }
  }
};

}  // namespace

std::uint16_t ecc_column(unsigned bit) {
  // The number of the bit would leave bit 0 with a column of its own check bit.
  if (bit == 0) return 0x1ff;
  return static_cast<std::uint16_t>(0x200U | (odd(bit) ? 0x100U : 0U) | bit);
}

std::uint16_t ecc_side(const DramAtom& data, bool poison) {
  static const ByteTable table;
  std::uint16_t side = poison ? ((1U << kEccPoisonCopies) - 1) << kEccCheckBits : 0;
  for (unsigned byte = 0; byte < table.sums.size(); ++byte) {
    side ^= table.sums[byte][data[byte / 8] >> (8 * (byte % 8)) & 0xff];
  }
  return side;
}

void ecc_flip(DramAtom& data, std::uint16_t& side, unsigned bit) {
  if (bit < kEccDataBits) {
    data[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  } else {
    side = static_cast<std::uint16_t>(side ^ 1U << (bit - kEccDataBits));
  }
}

}  // namespace tsr
