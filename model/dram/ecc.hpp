// SPDX-License-Identifier: Apache-2.0
/// Error correction code of an atom: independent counterpart of rtl/hbm/tsr_hbm_ecc_pkg.sv.
#pragma once

#include <cstdint>

#include "dram/dfi.hpp"

namespace tsr {

constexpr unsigned kEccDataBits = 256;
constexpr unsigned kEccCheckBits = 10;
constexpr unsigned kEccPoisonCopies = 6;
/// Data and side bits of an atom: numbers of the bits that can go wrong.
constexpr unsigned kEccCodeBits = kEccDataBits + kEccCheckBits + kEccPoisonCopies;

/// Check bits that an error in bit `bit` (below kEccDataBits) changes.
std::uint16_t ecc_column(unsigned bit);

/// Side bits that belong to `data`: check bits, above them the copies of the poison mark.
std::uint16_t ecc_side(const DramAtom& data, bool poison = false);

/// Flip bit `bit` (below kEccCodeBits) of a stored atom.
void ecc_flip(DramAtom& data, std::uint16_t& side, unsigned bit);

}  // namespace tsr
