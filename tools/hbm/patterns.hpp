// SPDX-License-Identifier: Apache-2.0
/// Access patterns that the HBM benchmark makes itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hbm/trace.hpp"

namespace tsr::tools {

/// Names of all patterns:
///   seq_rd, seq_wr                   64-byte blocks in order
///   mix21_256, mix11_256             streams of 256-byte pieces at random places, 2 (1) read to 1
///   written rnd_rd64, rnd_rd256, rnd_wr64    random blocks of that many bytes rnd_mix21_64 random
///   blocks, every third written stride_16k                       64 bytes every 16 KiB s16_64,
///   s16_256                  16 streams read in turn, pieces of that many bytes s16_256_al the
///   same, 32 MiB apart: all in one bank but for the hash s16_14r2w_256                    14
///   streams read, 2 written
const std::vector<std::string>& hbm_pattern_names();

/// The pattern with `bytes` bytes in all. Throws InputError for an unknown name.
HbmTrace make_hbm_pattern(const std::string& name, std::uint64_t seed, std::uint64_t bytes);

}  // namespace tsr::tools
