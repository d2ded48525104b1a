// SPDX-License-Identifier: Apache-2.0
#include "iss/retire.hpp"

#include <cstdio>
#include <tuple>

namespace tsr {

namespace {

auto tie(const Retire& r) {
  return std::tie(r.valid, r.trap, r.intr, r.cause, r.tval, r.pc, r.insn, r.rd_we, r.rd, r.rd_wdata,
                  r.mem_valid, r.mem_write, r.mem_addr, r.mem_data, r.mem_strb);
}

std::string hex(std::uint32_t value, int digits = 8) {
  char text[9];
  std::snprintf(text, sizeof text, "%0*x", digits, static_cast<unsigned>(value));
  return text;
}

/// Takes fields off the packed struct, last field first.
class BitReader {
 public:
  explicit BitReader(const std::array<std::uint32_t, kRetireWords>& words) : words_(words) {}

  std::uint32_t take(unsigned width) {
    const unsigned word = low_ / 32;
    std::uint64_t pair = words_[word];
    if (word + 1 < kRetireWords) pair |= static_cast<std::uint64_t>(words_[word + 1]) << 32;
    pair >>= low_ % 32;
    low_ += width;
    return static_cast<std::uint32_t>(pair & ((std::uint64_t{1} << width) - 1));
  }

 private:
  const std::array<std::uint32_t, kRetireWords>& words_;
  unsigned low_ = 0;
};

}  // namespace

bool Retire::operator==(const Retire& other) const { return tie(*this) == tie(other); }

std::string Retire::to_string() const {
  std::string text = "pc " + hex(pc) + " insn " + hex(insn);
  if (!valid) text += " (not valid)";
  if (rd_we) text += " x" + std::to_string(rd) + "=" + hex(rd_wdata);
  if (mem_valid) {
    text += std::string(mem_write ? " store" : " load") + " [" + hex(mem_addr) + "] " +
            hex(mem_data) + " lanes " + hex(mem_strb, 1);
  }
  if (trap) {
    text += std::string(intr ? " interrupt" : " exception") + " cause " + hex(cause) + " tval " +
            hex(tval);
  }
  return text;
}

Retire unpack_retire(const std::array<std::uint32_t, kRetireWords>& words) {
  BitReader bits(words);
  Retire r;
  r.mem_strb = static_cast<std::uint8_t>(bits.take(4));
  r.mem_data = bits.take(32);
  r.mem_addr = bits.take(32);
  r.mem_write = bits.take(1) != 0;
  r.mem_valid = bits.take(1) != 0;
  r.rd_wdata = bits.take(32);
  r.rd = static_cast<std::uint8_t>(bits.take(5));
  r.rd_we = bits.take(1) != 0;
  r.insn = bits.take(32);
  r.pc = bits.take(32);
  r.tval = bits.take(32);
  r.cause = bits.take(32);
  r.intr = bits.take(1) != 0;
  r.trap = bits.take(1) != 0;
  r.valid = bits.take(1) != 0;
  return r;
}

}  // namespace tsr
