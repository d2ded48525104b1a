// SPDX-License-Identifier: Apache-2.0
// Address generators and the matrix engine from their descriptions alone: plain loops over a
// context's words and a scratchpad image, to check what the firmware writes into contexts.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace tsr {

/// One access of an address generator: eight lanes with byte masks as they lie in memory.
struct Access {
  std::array<uint32_t, 8> lane;
  std::array<uint8_t, 8> mask;
  uint32_t last;   ///< bit j: loops 0..j are at their last iteration
  uint32_t xpose;  ///< in-beat transpose: 0, or element of 1, 2, 4 bytes as 1, 2, 3
};

/// Word of a context row.
using RowWords = std::function<uint32_t(uint32_t word)>;
/// Word of a context: row, word.
using ContextWords = std::function<uint32_t(uint32_t row, uint32_t word)>;

/// All accesses of a row, from its description in tsr_tile_pkg.sv, without gather.
std::vector<Access> walk(const RowWords& word, uint32_t base);

/// Bytes of a beat as they leave a read stream; masked ones are zero.
std::array<std::array<uint8_t, 8>, 8> read_lanes(const Access& access,
                                                 const std::vector<uint8_t>& spm);

/// Cycles that the banks need for an access: lanes of one hyperbank on one bank go one after
/// another. `copies`: lanes of one address are served together.
uint32_t bank_cycles(const Access& access, bool copies, size_t spm_bytes);

/// Bits of an element of a matrix engine format (fmt_e).
uint32_t format_bits(uint32_t format);
/// Value of an element; exact, NaN and infinities as such.
double format_decode(uint32_t format, uint32_t bits);
/// Bits of a value that the format has; throws if it has not.
uint32_t format_encode(uint32_t format, double value);
/// Element `index` of a row of bytes.
uint32_t get_element(const uint8_t* row, uint32_t format, uint64_t index);
void put_element(uint8_t* row, uint32_t format, uint64_t index, uint32_t bits);

struct MeStats {
  uint64_t conflicts = 0;  ///< cycles lost to banks
  uint64_t shared = 0;     ///< beats in which A and B came from the same hyperbank
};

/// Execute an OpGemm with plain arithmetic: exact as long as sums fit a double. Throws
/// std::runtime_error where the hardware would fail. `cmd`: the 16 words.
void me_execute(const ContextWords& context, const std::array<uint32_t, 16>& cmd,
                std::vector<uint8_t>& spm, MeStats* stats);

}  // namespace tsr
