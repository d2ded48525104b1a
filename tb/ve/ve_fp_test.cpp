// SPDX-License-Identifier: Apache-2.0
/// The vector engine's arithmetic functions, one at a time: multiply-add against std::fma,
/// everything against model/numerics.
#include <cmath>
#include <cstdlib>
#include <vector>

#include "Vtsr_ve_fp.h"
#include "common/bench.hpp"
#include "numerics/convert.hpp"
#include "numerics/vector.hpp"

namespace tsr::tb {
namespace {

using numerics::ElementFormat;
using numerics::Rounding;

/// Multiplies the counts of random tests: TSR_SCALE, default 1.
unsigned scale_from_env() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : 1;
}

/// Words where something happens: ends of ranges, around one, around powers of two, NaN.
const std::vector<std::uint32_t> kCorners = {
    0x00000000, 0x00000001, 0x00000002, 0x003fffff, 0x00400000, 0x007fffff, 0x00800000, 0x00800001,
    0x00ffffff, 0x01000000, 0x0c000000, 0x0c800000, 0x1f800000, 0x337fffff, 0x33800000, 0x33800001,
    0x34000000, 0x3e7fffff, 0x3e800000, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff, 0x3f800000,
    0x3f800001, 0x3fbfffff, 0x3fc00000, 0x3fffffff, 0x40000000, 0x40200000, 0x40600000, 0x42fe0000,
    0x43000000, 0x437f8000, 0x43e80000, 0x46fffe00, 0x47000000, 0x477fefff, 0x477ff000, 0x4affffff,
    0x4b000000, 0x4b000001, 0x4b7fffff, 0x4b800000, 0x4effffff, 0x4f000000, 0x4f000001, 0x4f7fffff,
    0x5f800000, 0x7e800000, 0x7f000000, 0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, 0x7f800000, 0x7f800001,
    0x7fbfffff, 0x7fc00000, 0x7fc00001, 0x7fffffff};

class VeFp : public Bench<Vtsr_ve_fp> {
 protected:
  std::uint32_t corner() {
    return kCorners[rand_in(0, kCorners.size() - 1)] | (chance(0.5) ? 0x8000'0000U : 0);
  }
  std::uint32_t word() { return static_cast<std::uint32_t>(rng()()); }
  /// A number of one of many distributions.
  std::uint32_t number(unsigned mix) {
    const std::uint32_t fraction = word() & 0x807f'ffff;
    switch (mix % 6) {
      case 0:
        return word();
      case 1:  // near one
        return fraction | static_cast<std::uint32_t>(rand_in(115, 140)) << 23;
      case 2:  // subnormal and tiny
        return (fraction & ~(0x7f'ffffU << rand_in(0, 23))) |
               static_cast<std::uint32_t>(chance(0.6) ? 0 : rand_in(0, 60)) << 23;
      case 3:  // few bits, so that ties and exact cancellation happen
        return (fraction & (0xff80'0000U | 0x7f'0000U << rand_in(0, 7))) |
               static_cast<std::uint32_t>(rand_in(100, 154)) << 23;
      case 4:
        return corner();
      default:  // anything that cannot overflow a product
        return fraction | static_cast<std::uint32_t>(rand_in(40, 190)) << 23;
    }
  }

  std::uint32_t fma(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    dut().kind_i = 0;
    dut().a_i = a;
    dut().b_i = b;
    dut().c_i = c;
    dut().eval();
    return dut().r_o;
  }

  static std::uint32_t host_fma(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    const float r = std::fma(numerics::float_of(a), numerics::float_of(b), numerics::float_of(c));
    return std::isnan(r) ? numerics::kFp32Nan : numerics::bits_of(r);
  }

  std::uint32_t alu(unsigned op, unsigned rm, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    dut().kind_i = 1;
    dut().op_i = static_cast<CData>(op);
    dut().rm_i = static_cast<CData>(rm);
    dut().a_i = a;
    dut().b_i = b;
    dut().c_i = c;
    dut().eval();
    return dut().r_o;
  }

  std::uint32_t load(ElementFormat format, bool to_f, std::uint32_t code) {
    dut().kind_i = 2;
    dut().fmt_i = static_cast<CData>(format);
    dut().to_f_i = to_f ? 1 : 0;
    dut().a_i = code;
    dut().eval();
    return dut().r_o;
  }

  std::uint32_t store(ElementFormat format, std::uint32_t x, const numerics::StoreMode& mode) {
    dut().kind_i = 3;
    dut().fmt_i = static_cast<CData>(format);
    dut().a_i = x;
    dut().from_i_i = mode.from_int ? 1 : 0;
    dut().sat_i = mode.saturate ? 1 : 0;
    dut().rm_i = static_cast<CData>(mode.rounding);
    dut().random_i = mode.random;
    dut().mx_i = 0;
    dut().eval();
    return mask(format, dut().r_o);
  }

  std::uint32_t store_mx(ElementFormat format, std::uint32_t x, std::uint8_t scale) {
    store(format, x, {});
    dut().mx_i = 1;
    dut().scale_i = scale;
    dut().eval();
    return mask(format, dut().r_o);
  }

  /// The packer takes an element's own bits only.
  static std::uint32_t mask(ElementFormat format, std::uint32_t code) {
    const int bits = numerics::element_bits(format);
    return bits == 32 ? code : code & ((1U << bits) - 1);
  }

  /// Input conversion in words: integers to INT32, or with to_f rounded to FP32.
  static std::uint32_t expected_load(ElementFormat format, bool to_f, std::uint32_t code) {
    const std::uint32_t word = numerics::load_element(format, code);
    return to_f && numerics::is_integer(format) ? numerics::i2f(word) : word;
  }
};

TEST_F(VeFp, MultiplyAddEqualsTheHost) {
  const std::uint64_t n = 1'500'000ULL * scale_from_env();
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint32_t a = number(static_cast<unsigned>(i));
    const std::uint32_t b = number(static_cast<unsigned>(i / 6));
    std::uint32_t c = number(static_cast<unsigned>(i / 36));
    if (i % 3 == 0) {  // near cancellation
      const float product = -numerics::float_of(a) * numerics::float_of(b);
      c = numerics::bits_of(product) + static_cast<std::uint32_t>(rand_in(0, 4)) - 2;
    }
    ASSERT_EQ(fma(a, b, c), host_fma(a, b, c))
        << fmt::format("{:#010x} * {:#010x} + {:#010x}", a, b, c);
  }
}

TEST_F(VeFp, MultiplyAddOfEveryCornerTriple) {
  std::vector<std::uint32_t> x = kCorners;
  for (const std::uint32_t c : kCorners) x.push_back(c | 0x8000'0000U);
  for (const std::uint32_t a : x) {
    for (const std::uint32_t b : x) {
      for (const std::uint32_t c : x) {
        const std::uint32_t expected = numerics::fp32_fma(a, b, c);
        ASSERT_EQ(expected, host_fma(a, b, c));
        ASSERT_EQ(fma(a, b, c), expected) << fmt::format("{:#010x} * {:#010x} + {:#010x}", a, b, c);
      }
    }
  }
}

TEST_F(VeFp, EveryOperationOnCornersAndRandomWords) {
  for (unsigned op = 0; op <= 25; ++op) {
    const bool rounds = op >= 22 && op <= 24;
    for (unsigned rm = 0; rm < (rounds ? 5U : 1U); ++rm) {
      const auto check = [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
        const std::uint32_t expected = numerics::arithmetic_op(static_cast<numerics::VecOp>(op), a,
                                                               b, c, static_cast<Rounding>(rm));
        ASSERT_EQ(alu(op, rm, a, b, c), expected)
            << fmt::format("op {} rm {}: {:#010x} {:#010x} {:#010x}", op, rm, a, b, c);
      };
      for (const std::uint32_t p : kCorners) {
        for (const std::uint32_t q : kCorners) {
          for (unsigned sign = 0; sign < 4; ++sign) {
            check(p | sign << 31, q | (sign & 2) << 30, word());
            if (HasFatalFailure()) return;
          }
        }
      }
      for (unsigned i = 0; i < 20'000 * scale_from_env(); ++i) {
        const std::uint32_t a = number(i);
        check(a, chance(0.1) ? a : number(i / 6), number(i / 36));
        if (HasFatalFailure()) return;
      }
      if (!rounds) continue;
      for (unsigned i = 0; i < 20'000; ++i) {  // where integers end, and halves
        check((word() & 0x80ff'ffff) + static_cast<std::uint32_t>(rand_in(120, 160) << 23), 0, 0);
        check(static_cast<std::uint32_t>(word()) >> rand_in(0, 31), 0, 0);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(VeFp, InputConversionOfEveryElement) {
  for (int f = 0; f < numerics::kElementFormats; ++f) {
    const auto format = static_cast<ElementFormat>(f);
    const int bits = numerics::element_bits(format);
    const std::uint32_t end = bits == 32 ? 0 : 1U << bits;
    for (const bool to_f : {false, true}) {
      for (std::uint32_t code = 0; code < end; ++code) {
        ASSERT_EQ(load(format, to_f, code), expected_load(format, to_f, code))
            << numerics::element_name(format) << fmt::format(" {:#x}", code);
        // Bits above the element belong to its neighbours.
        const std::uint32_t noise = word() << (bits - 1) << 1;
        ASSERT_EQ(load(format, to_f, code | noise), expected_load(format, to_f, code));
      }
      if (bits < 32) continue;
      for (unsigned i = 0; i < 60'000 * scale_from_env(); ++i) {
        const std::uint32_t code = chance(0.3) ? word() >> rand_in(0, 31) : number(i);
        ASSERT_EQ(load(format, to_f, code), expected_load(format, to_f, code))
            << numerics::element_name(format) << fmt::format(" {:#x}", code);
      }
    }
  }
}

TEST_F(VeFp, OutputConversionInEveryMode) {
  for (int f = 0; f < numerics::kElementFormats; ++f) {
    const auto format = static_cast<ElementFormat>(f);
    for (unsigned rm = 0; rm < 5; ++rm) {
      for (unsigned variant = 0; variant < 4; ++variant) {
        numerics::StoreMode mode;
        mode.rounding = static_cast<Rounding>(rm);
        mode.saturate = (variant & 1) != 0;
        mode.from_int = (variant & 2) != 0;
        const auto check = [&](std::uint32_t x) {
          mode.random = chance(0.3) ? word() & 0xff00'0000 : word();
          if (chance(0.02)) mode.random = 0;
          ASSERT_EQ(store(format, x, mode), numerics::store_element(format, x, mode))
              << numerics::element_name(format)
              << fmt::format(" rm {} sat {} int {} random {:#010x}: {:#010x}", rm, mode.saturate,
                             mode.from_int, mode.random, x);
          const auto flags = numerics::store_flags(format, x, mode);
          ASSERT_EQ(dut().flags_o, (flags.overflow ? 2 : 0) | (flags.nan ? 1 : 0))
              << numerics::element_name(format)
              << fmt::format(" rm {} int {} random {:#010x}: {:#010x}", rm, mode.from_int,
                             mode.random, x);
        };
        for (const std::uint32_t x : kCorners) {
          check(x);
          check(x | 0x8000'0000U);
          if (HasFatalFailure()) return;
        }
        for (unsigned i = 0; i < 4'000 * scale_from_env(); ++i) {
          check(chance(0.3) ? static_cast<std::uint32_t>(static_cast<std::int32_t>(word()) >>
                                                         rand_in(0, 31))
                            : number(i));
          // About the format's own range.
          check((word() & 0x807f'ffff) | static_cast<std::uint32_t>(rand_in(100, 150) << 23));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(VeFp, SixteenBitFormatsRoundTripAndRoundBetweenNeighbours) {
  // Every element of the 16-bit formats comes back, and what lies around it rounds as the
  // reference.
  for (const auto format : {ElementFormat::Fp16, ElementFormat::Bf16, ElementFormat::Int16}) {
    const bool integer = format == ElementFormat::Int16;
    for (std::uint32_t code = 0; code < 65536; ++code) {
      const std::uint32_t x = numerics::load_element(format, code);
      for (unsigned rm = 0; rm < 5; ++rm) {
        numerics::StoreMode mode;
        mode.rounding = static_cast<Rounding>(rm);
        mode.from_int = integer;
        mode.random = word();
        ASSERT_EQ(store(format, x, mode), numerics::store_element(format, x, mode));
        mode.from_int = false;
        const std::uint32_t near = x + (word() >> rand_in(8, 31));
        ASSERT_EQ(store(format, near, mode), numerics::store_element(format, near, mode));
      }
    }
  }
}

TEST_F(VeFp, ElementsOfMxBlocks) {
  for (int f = 0; f < numerics::kElementFormats; ++f) {
    const auto format = static_cast<ElementFormat>(f);
    if (!numerics::is_mx(format)) continue;
    for (unsigned i = 0; i < 60'000 * scale_from_env(); ++i) {
      const std::uint32_t x = number(i);
      const int near = static_cast<int>((x >> 23) & 255) - numerics::mx_emax(format) +
                       static_cast<int>(rand_in(0, 12)) - 3;
      const auto scale =
          static_cast<std::uint8_t>(chance(0.2) ? word() : static_cast<unsigned>(near & 255));
      ASSERT_EQ(store_mx(format, x, scale), numerics::mx_element(format, x, scale))
          << numerics::element_name(format) << fmt::format(" {:#010x} scale {}", x, scale);
    }
  }
}

}  // namespace
}  // namespace tsr::tb
