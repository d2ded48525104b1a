// SPDX-License-Identifier: Apache-2.0
// Sixteen cells at a time: vector v holds rows 2v and 2v + 1 of a tile. Elements with a special
// value count as zeros here; their flags are set apart, as they do not depend on the order.
#include "engines/me_kernel.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <utility>

#define TSR_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd")))
#define TSR_AVX512_INLINE TSR_AVX512 __attribute__((always_inline)) inline

namespace tsr::engines {

namespace {

using numerics::ElementFormat;

/// Added to the exponents of either operand, so that those of products are positive; elements that
/// are zero have the exponent 0, far below every other.
constexpr int kBias = 8192;

/// How elements of a format are taken apart.
struct Layout {
  int bits;           // in memory
  int exponent_bits;  // 0: fixed point or integer
  int fraction_bits;
  int padding;  // low bits that do not count
  int up;       // left shift of the significand
  bool ieee;    // the largest exponent means infinity or NaN
  bool e4m3;    // all ones mean NaN
};

constexpr Layout layout_of(ElementFormat format) {
  const numerics::ElementInfo info = numerics::element_info(format);
  if (!info.is_float) return {info.storage_bits, 0, 0, 0, 0, false, false};
  return {info.storage_bits,
          info.as_float.exponent_bits,
          info.as_float.fraction_bits,
          info.as_float.padding,
          format == ElementFormat::E5m2 ? 1 : 0,
          info.as_float.specials == numerics::Specials::Ieee,
          info.as_float.specials == numerics::Specials::NanOnly};
}

constexpr bool fixed_point(ElementFormat f) {
  return numerics::is_fp6(f) || f == ElementFormat::E2m1 || f == ElementFormat::Int8 ||
         f == ElementFormat::Int4;
}

/// Sixteen elements. Fixed point and integers: signed significands. Floating point: magnitudes,
/// shifted left by half of the group's window, and exponents, with the sign in bit 31: so the sum
/// of two has the product's sign there.
struct Split {
  __m512i significand;
  __m512i exponent;
  __mmask16 special;
};

/// Codes to signed integers in the format's unit.
template <ElementFormat F>
TSR_AVX512_INLINE __m512i split_fixed(__m512i code) {
  if constexpr (F == ElementFormat::Int8) {
    return _mm512_srai_epi32(_mm512_slli_epi32(code, 24), 24);
  } else if constexpr (F == ElementFormat::Int4) {
    return _mm512_srai_epi32(_mm512_slli_epi32(code, 28), 28);
  } else if constexpr (F == ElementFormat::E2m1) {
    const __m512i table =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    return _mm512_permutexvar_epi32(code, table);
  } else {
    constexpr Layout kLayout = layout_of(F);
    const __m512i mantissa =
        _mm512_and_si512(code, _mm512_set1_epi32((1 << kLayout.fraction_bits) - 1));
    const __m512i exponent = _mm512_and_si512(_mm512_srli_epi32(code, kLayout.fraction_bits),
                                              _mm512_set1_epi32((1 << kLayout.exponent_bits) - 1));
    const __mmask16 normal = _mm512_test_epi32_mask(exponent, exponent);
    __m512i x = _mm512_mask_or_epi32(mantissa, normal, mantissa,
                                     _mm512_set1_epi32(1 << kLayout.fraction_bits));
    // The unit is 2^-4: that of a subnormal of E3M2, half that of one of E2M3.
    const int base = F == ElementFormat::E2m3 ? 0 : -1;
    const __m512i shift = _mm512_mask_add_epi32(_mm512_set1_epi32(base + 1), normal, exponent,
                                                _mm512_set1_epi32(base));
    x = _mm512_sllv_epi32(x, shift);
    const __mmask16 negative = _mm512_test_epi32_mask(
        code,
        _mm512_set1_epi32(static_cast<int>(1U << (kLayout.fraction_bits + kLayout.exponent_bits))));
    return _mm512_mask_sub_epi32(x, negative, _mm512_setzero_si512(), x);
  }
}

template <ElementFormat F>
TSR_AVX512_INLINE Split split_float(__m512i code) {
  constexpr Layout kLayout = layout_of(F);
  constexpr int kMax = (1 << kLayout.exponent_bits) - 1;
  Split out{};
  if constexpr (kLayout.padding != 0) code = _mm512_srli_epi32(code, kLayout.padding);
  const __m512i mantissa =
      _mm512_and_si512(code, _mm512_set1_epi32((1 << kLayout.fraction_bits) - 1));
  const __m512i exponent =
      _mm512_and_si512(_mm512_srli_epi32(code, kLayout.fraction_bits), _mm512_set1_epi32(kMax));
  const __mmask16 normal = _mm512_test_epi32_mask(exponent, exponent);
  out.special = 0;
  if constexpr (kLayout.ieee) {
    out.special = _mm512_cmpeq_epi32_mask(exponent, _mm512_set1_epi32(kMax));
  } else if constexpr (kLayout.e4m3) {
    out.special = _mm512_cmpeq_epi32_mask(_mm512_and_si512(code, _mm512_set1_epi32(0x7f)),
                                          _mm512_set1_epi32(0x7f));
  }
  __m512i x = _mm512_mask_or_epi32(mantissa, normal, mantissa,
                                   _mm512_set1_epi32(1 << kLayout.fraction_bits));
  __m512i e = _mm512_max_epi32(exponent, _mm512_set1_epi32(1));
  if constexpr (F == ElementFormat::Fp32) {
    // Normalized: bit 23 is set.
    const __m512i up = _mm512_sub_epi32(_mm512_lzcnt_epi32(x), _mm512_set1_epi32(8));
    x = _mm512_sllv_epi32(x, up);
    e = _mm512_sub_epi32(e, up);
  }
  constexpr int kWindow = numerics::group_rule(F, F, false).window;
  constexpr int kUp = kLayout.up + (kWindow > 0 ? kWindow / 2 : 0);
  if constexpr (kUp != 0) x = _mm512_slli_epi32(x, kUp);
  const auto keep = static_cast<__mmask16>(_mm512_test_epi32_mask(x, x) & ~out.special);
  out.significand = _mm512_maskz_mov_epi32(keep, x);
  const __m512i sign =
      _mm512_and_si512(_mm512_slli_epi32(code, 31 - kLayout.fraction_bits - kLayout.exponent_bits),
                       _mm512_set1_epi32(static_cast<int>(0x8000'0000U)));
  out.exponent = _mm512_or_si512(sign, _mm512_maskz_add_epi32(keep, e, _mm512_set1_epi32(kBias)));
  return out;
}

template <ElementFormat F>
TSR_AVX512_INLINE Split split(__m512i code) {
  if constexpr (fixed_point(F)) {
    return {split_fixed<F>(code), _mm512_setzero_si512(), 0};
  } else {
    return split_float<F>(code);
  }
}

/// Element `i` of the eight 64-bit lanes of a beat.
template <int Bits>
TSR_AVX512_INLINE __m256i element(__m512i beat, unsigned i) {
  const __m512i moved = _mm512_srl_epi64(beat, _mm_cvtsi32_si128(static_cast<int>(i) * Bits));
  return _mm512_cvtepi64_epi32(moved);
}
template <int Bits>
TSR_AVX512_INLINE __m512i cut(__m512i code) {
  if constexpr (Bits == 32) return code;
  return _mm512_and_si512(code, _mm512_set1_epi32(static_cast<int>((1U << (Bits % 32)) - 1)));
}

/// Elements `i` of both operands; rows of A in the low half, columns of B in the high half.
template <ElementFormat A, ElementFormat B>
TSR_AVX512_INLINE Split split_both(__m512i a, __m512i b, unsigned i) {
  constexpr int kBits = layout_of(A).bits;
  const __m256i x = element<kBits>(a, i);
  const __m256i y = element<kBits>(b, i);
  const __m512i code = cut<kBits>(_mm512_inserti64x4(_mm512_castsi256_si512(x), y, 1));
  if constexpr (A == B) {
    return split<A>(code);
  } else {
    const Split p = split<A>(code);
    const Split q = split<B>(code);
    constexpr __mmask16 kHigh = 0xff00;
    return {_mm512_mask_mov_epi32(p.significand, kHigh, q.significand),
            _mm512_mask_mov_epi32(p.exponent, kHigh, q.exponent),
            static_cast<__mmask16>((p.special & ~kHigh) | (q.special & kHigh))};
  }
}

/// Rows 2v and 2v + 1 of what the low half holds, eight times each.
TSR_AVX512_INLINE __m512i rows(__m512i x, int v) {
  const __m512i first = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  return _mm512_permutexvar_epi32(_mm512_add_epi32(first, _mm512_set1_epi32(2 * v)), x);
}
/// The high half twice.
TSR_AVX512_INLINE __m512i columns(__m512i x) { return _mm512_shuffle_i64x2(x, x, 0xee); }

/// Sixteen accumulators.
struct Cells {
  __m512i m[2];
  __m512i e;
};

/// Both halves of sixteen 32-bit words, as unsigned 64-bit words.
TSR_AVX512_INLINE __m512i low_words(__m512i x) {
  return _mm512_cvtepu32_epi64(_mm512_castsi512_si256(x));
}
TSR_AVX512_INLINE __m512i high_words(__m512i x) {
  return _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(x, 1));
}
TSR_AVX512_INLINE __mmask16 join(__mmask8 low, __mmask8 high) {
  return static_cast<__mmask16>(_mm512_kunpackb(high, low));
}

/// numerics::accumulate: add s * 2^(e - 280).
TSR_AVX512_INLINE void add_group(Cells& acc, __m512i s, __m512i e) {
  const __mmask16 counts = _mm512_test_epi32_mask(s, s);
  const __mmask16 empty = join(_mm512_testn_epi64_mask(acc.m[0], acc.m[0]),
                               _mm512_testn_epi64_mask(acc.m[1], acc.m[1]));
  const auto above = static_cast<__mmask16>((_mm512_cmpge_epi32_mask(e, acc.e) | empty) & counts);
  const auto below = static_cast<__mmask16>(~above & counts);
  // Accumulators of 32 bits move down to meet the group, by up to 15 bits.
  const __m512i half = _mm512_set1_epi64(std::int64_t{1} << 31);
  const __m512i whole = _mm512_set1_epi64(std::int64_t{1} << 32);
  const __mmask16 fits = join(_mm512_cmplt_epu64_mask(_mm512_add_epi64(acc.m[0], half), whole),
                              _mm512_cmplt_epu64_mask(_mm512_add_epi64(acc.m[1], half), whole));
  const __m512i gap = _mm512_maskz_sub_epi32(below, acc.e, e);
  const __m512i left = _mm512_maskz_min_epi32(fits, gap, _mm512_set1_epi32(15));
  // A count of 64 or more leaves the sign; so does that of an empty accumulator, whose value is 0.
  const __m512i right = _mm512_maskz_sub_epi32(above, e, acc.e);
  acc.e = _mm512_mask_mov_epi32(_mm512_sub_epi32(acc.e, left), above, e);
  s = _mm512_srav_epi32(s, _mm512_sub_epi32(gap, left));
  acc.m[0] = _mm512_srav_epi64(_mm512_sllv_epi64(acc.m[0], low_words(left)), low_words(right));
  acc.m[1] = _mm512_srav_epi64(_mm512_sllv_epi64(acc.m[1], high_words(left)), high_words(right));
  acc.m[0] = _mm512_add_epi64(acc.m[0], _mm512_cvtepi32_epi64(_mm512_castsi512_si256(s)));
  acc.m[1] = _mm512_add_epi64(acc.m[1], _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(s, 1)));
  const __m512i limit = _mm512_set1_epi64(std::int64_t{1} << 46);
  const __m512i range = _mm512_set1_epi64(std::int64_t{1} << 47);
  const __mmask8 over0 = _mm512_cmpge_epu64_mask(_mm512_add_epi64(acc.m[0], limit), range);
  const __mmask8 over1 = _mm512_cmpge_epu64_mask(_mm512_add_epi64(acc.m[1], limit), range);
  const __mmask16 over = join(over0, over1);
  if (__builtin_expect(over != 0, 0)) {
    acc.m[0] = _mm512_mask_srai_epi64(acc.m[0], over0, acc.m[0], 8);
    acc.m[1] = _mm512_mask_srai_epi64(acc.m[1], over1, acc.m[1], 8);
    acc.e = _mm512_mask_add_epi32(acc.e, over, acc.e, _mm512_set1_epi32(8));
  }
}

TSR_AVX512_INLINE Cells load_cells(const MeTile& tile, int v) {
  return {{_mm512_load_si512(tile.m + 16 * v), _mm512_load_si512(tile.m + 16 * v + 8)},
          _mm512_load_si512(tile.e + 16 * v)};
}
TSR_AVX512_INLINE void store_cells(const Cells& cells, MeTile& tile, int v) {
  _mm512_store_si512(tile.m + 16 * v, cells.m[0]);
  _mm512_store_si512(tile.m + 16 * v + 8, cells.m[1]);
  _mm512_store_si512(tile.e + 16 * v, cells.e);
}

/// Exponents of the block scales of rows 2v, 2v + 1 and all columns, without their biases.
TSR_AVX512_INLINE __m512i scales(const MeBeats& beats, std::size_t beat, int v) {
  const __m512i both = _mm512_cvtepu8_epi32(_mm_unpacklo_epi64(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(beats.scale_a + 8 * beat)),
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(beats.scale_b + 8 * beat))));
  return _mm512_sub_epi32(_mm512_add_epi32(rows(both, v), columns(both)), _mm512_set1_epi32(254));
}

TSR_AVX512_INLINE bool nan_scale(const MeBeats& beats, std::size_t beat) {
  const __m128i both = _mm_unpacklo_epi64(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(beats.scale_a + 8 * beat)),
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(beats.scale_b + 8 * beat)));
  return _mm_cmpeq_epi8_mask(both, _mm_set1_epi8(-1)) != 0;
}

/// Magnitudes of products; FP32: their 30 high bits.
template <ElementFormat F>
TSR_AVX512_INLINE __m512i multiply(__m512i a, __m512i b) {
  // Significands of the others have 15 bits at most.
  if constexpr (F != ElementFormat::Fp32) return _mm512_madd_epi16(a, b);
  const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(a, b), 18);
  const __m512i odd =
      _mm512_srli_epi64(_mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), 18);
  return _mm512_or_si512(even, _mm512_slli_epi64(odd, 32));
}

/// A beat taken apart.
template <int Elements>
struct Beat {
  __m512i sig_a[Elements], exp_a[Elements];  // of 8 rows, in the low half
  __m512i sig_b[Elements], exp_b[Elements];  // of 8 columns, twice
};

/// Sum of the group of products from element `First` on for vector `v`, and its exponent.
template <ElementFormat F, int Products, int Elements>
TSR_AVX512_INLINE __m512i sum_group(const Beat<Elements>& beat, int first, int v, __m512i& top) {
  const __m512i size = _mm512_set1_epi32(0x7fff'ffff);
  const __m512i zero = _mm512_setzero_si512();
  __m512i product[Products], exponent[Products];
  __mmask16 negative[Products];
  top = zero;
#pragma GCC unroll 8
  for (int i = 0; i < Products; ++i) {
    product[i] = multiply<F>(rows(beat.sig_a[first + i], v), beat.sig_b[first + i]);
    const __m512i both = _mm512_add_epi32(rows(beat.exp_a[first + i], v), beat.exp_b[first + i]);
    negative[i] = _mm512_movepi32_mask(both);
    exponent[i] = _mm512_and_si512(both, size);
    top = _mm512_max_epi32(top, exponent[i]);
  }
  __m512i sum = zero;
#pragma GCC unroll 8
  for (int i = 0; i < Products; ++i) {
    // Cut toward zero: the magnitude is shifted. A product of zero may be shifted by anything.
    const __m512i aligned = _mm512_srlv_epi32(product[i], _mm512_sub_epi32(top, exponent[i]));
    sum = _mm512_add_epi32(sum, _mm512_mask_sub_epi32(aligned, negative[i], zero, aligned));
  }
  return sum;
}

/// Floating-point formats.
template <ElementFormat A, ElementFormat B>
TSR_AVX512 void run_float(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  constexpr numerics::GroupRule kRule = numerics::group_rule(A, B, false);
  constexpr int kElements = 64 / layout_of(A).bits;
  const __m512i offset = _mm512_set1_epi32(kRule.exponent - 2 * kBias);
  for (std::size_t n = 0; n < beats.count; ++n) {
    const __m512i a = _mm512_loadu_si512(beats.a + 64 * n);
    const __m512i b = _mm512_loadu_si512(beats.b + 64 * n);
    unsigned special = kind.mx && nan_scale(beats, n) ? 1 : 0;
    Beat<kElements> beat;
#pragma GCC unroll 8
    for (unsigned i = 0; i < kElements; ++i) {
      const Split both = split_both<A, B>(a, b, i);
      special |= both.special;
      beat.sig_a[i] = both.significand;
      beat.exp_a[i] = both.exponent;
      beat.sig_b[i] = columns(both.significand);
      beat.exp_b[i] = columns(both.exponent);
    }
    if (special != 0) me_flags(kind, beats, n, tile);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      Cells cells = load_cells(tile, v);
#pragma GCC unroll 2
      for (int first = 0; first < kElements; first += kRule.products) {
        __m512i e;
        const __m512i sum = sum_group<A, kRule.products, kElements>(beat, first, v, e);
        e = _mm512_add_epi32(e, offset);
        if (kind.mx) e = _mm512_add_epi32(e, scales(beats, n, v));
        add_group(cells, sum, e);
      }
      store_cells(cells, tile, v);
    }
  }
}

/// Formats whose products all have one exponent, and integers.
template <ElementFormat A, ElementFormat B>
TSR_AVX512 void run_fixed(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  constexpr int kElements = 64 / layout_of(A).bits;
  const __m512i offset = _mm512_set1_epi32(kind.rule.exponent);
  const __m128i window = _mm_cvtsi32_si128(kind.rule.window);
  const __m512i low = _mm512_set1_epi32(0xffff);
  for (std::size_t beat = 0; beat < beats.count; ++beat) {
    const __m512i a = _mm512_loadu_si512(beats.a + 64 * beat);
    const __m512i b = _mm512_loadu_si512(beats.b + 64 * beat);
    __m512i sum[4] = {};
#pragma GCC unroll 8
    for (unsigned i = 0; i < kElements; i += 2) {
      // Two elements in the halves of a lane.
      const __m512i even = split_both<A, B>(a, b, i).significand;
      const __m512i odd = split_both<A, B>(a, b, i + 1).significand;
      const __m512i pair = _mm512_or_si512(_mm512_and_si512(even, low), _mm512_slli_epi32(odd, 16));
      const __m512i y = columns(pair);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        sum[v] = _mm512_add_epi32(sum[v], _mm512_madd_epi16(rows(pair, v), y));
      }
    }
    if (kind.rule.int32) {
      for (int v = 0; v < 4; ++v) {
        const __m512i old = _mm512_load_si512(tile.sum + 16 * v);
        _mm512_store_si512(tile.sum + 16 * v, _mm512_add_epi32(old, sum[v]));
      }
      continue;
    }
    if (kind.mx && nan_scale(beats, beat)) me_flags(kind, beats, beat, tile);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      Cells cells = load_cells(tile, v);
      __m512i e = offset;
      if (kind.mx) e = _mm512_add_epi32(e, scales(beats, beat, v));
      add_group(cells, _mm512_sll_epi32(sum[v], window), e);
      store_cells(cells, tile, v);
    }
  }
}

}  // namespace

bool me_has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512cd") != 0;
}

namespace {

/// 2^e as doubles.
TSR_AVX512_INLINE __m512d power(__m256i e) {
  const __m512i wide = _mm512_cvtepi32_epi64(_mm256_add_epi32(e, _mm256_set1_epi32(1023)));
  return _mm512_castsi512_pd(_mm512_slli_epi64(wide, 52));
}

}  // namespace

TSR_AVX512 void me_drain_avx512(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16,
                                MeDrained& out) {
  const std::uint64_t special = tile.nan | tile.pinf | tile.ninf;
  const std::uint64_t nan = tile.nan | (tile.pinf & tile.ninf);
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x8000'0000U));
  const __m512i infinity = _mm512_set1_epi32(0x7f80'0000);
  out.nan = kind.rule.int32 ? 0 : nan;
  out.overflow = 0;
  for (int v = 0; v < 4; ++v) {
    __m512i x = _mm512_load_si512(tile.sum + 16 * v);
    const auto cells = [v](std::uint64_t bits) { return static_cast<__mmask16>(bits >> (16 * v)); };
    if (!kind.rule.int32) {
      // Sums have 47 bits, so doubles hold them exactly; far outside of FP32 the exponent is cut.
      const __m512i e = _mm512_min_epi32(
          _mm512_max_epi32(
              _mm512_sub_epi32(_mm512_load_si512(tile.e + 16 * v), _mm512_set1_epi32(280)),
              _mm512_set1_epi32(-900)),
          _mm512_set1_epi32(900));
      const __m512d low = _mm512_mul_pd(_mm512_cvtepi64_pd(_mm512_load_si512(tile.m + 16 * v)),
                                        power(_mm512_castsi512_si256(e)));
      const __m512d high = _mm512_mul_pd(_mm512_cvtepi64_pd(_mm512_load_si512(tile.m + 16 * v + 8)),
                                         power(_mm512_extracti64x4_epi64(e, 1)));
      x = _mm512_castps_si512(_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)),
                                                 _mm512_cvtpd_ps(high), 1));
      x = _mm512_mask_mov_epi32(x, cells(tile.pinf), infinity);
      x = _mm512_mask_mov_epi32(x, cells(tile.ninf), _mm512_or_si512(sign, infinity));
      x = _mm512_mask_mov_epi32(x, cells(nan), _mm512_set1_epi32(0x7fc0'0000));
      const __mmask16 infinite = _mm512_cmpeq_epi32_mask(_mm512_andnot_si512(sign, x), infinity);
      out.overflow |= std::uint64_t(infinite & static_cast<unsigned>(~cells(special)) & 0xffff)
                      << (16 * v);
    }
    if (relu) x = _mm512_max_epi32(x, _mm512_setzero_si512());
    if (to_bf16) {
      const __mmask16 infinite = _mm512_cmpeq_epi32_mask(_mm512_andnot_si512(sign, x), infinity);
      const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(x, 16), _mm512_set1_epi32(1));
      x = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(x, _mm512_set1_epi32(0x7fff)), odd),
                            16);
      const __mmask16 rounded = _mm512_cmpeq_epi32_mask(
          _mm512_and_si512(x, _mm512_set1_epi32(0x7fff)), _mm512_set1_epi32(0x7f80));
      out.overflow |= std::uint64_t(rounded & static_cast<unsigned>(~infinite) & 0xffff)
                      << (16 * v);
    }
    _mm512_store_si512(out.bits + 16 * v, x);
  }
}

TSR_AVX512 void me_preload_avx512(const std::uint32_t* bits, MeTile& tile) {
  const __m512i infinity = _mm512_set1_epi32(0x7f80'0000);
  tile.nan = tile.pinf = tile.ninf = 0;
  for (int v = 0; v < 4; ++v) {
    const __m512i x = _mm512_loadu_si512(bits + 16 * v);
    const __m512i biased = _mm512_and_si512(_mm512_srli_epi32(x, 23), _mm512_set1_epi32(0xff));
    const __mmask16 normal = _mm512_test_epi32_mask(biased, biased);
    const __mmask16 special = _mm512_cmpeq_epi32_mask(biased, _mm512_set1_epi32(0xff));
    const __mmask16 negative = _mm512_movepi32_mask(x);
    __m512i m = _mm512_and_si512(x, _mm512_set1_epi32(0x7f'ffff));
    m = _mm512_mask_or_epi32(m, normal, m, _mm512_set1_epi32(1 << 23));
    m = _mm512_maskz_mov_epi32(static_cast<__mmask16>(~special), m);
    const __mmask16 counts = _mm512_test_epi32_mask(m, m);
    m = _mm512_slli_epi32(m, 7);  // 31 bits
    m = _mm512_mask_sub_epi32(m, negative, _mm512_setzero_si512(), m);
    const __m512i e = _mm512_maskz_add_epi32(counts, _mm512_max_epi32(biased, _mm512_set1_epi32(1)),
                                             _mm512_set1_epi32(280 - 157));
    _mm512_store_si512(tile.m + 16 * v, _mm512_cvtepi32_epi64(_mm512_castsi512_si256(m)));
    _mm512_store_si512(tile.m + 16 * v + 8, _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(m, 1)));
    _mm512_store_si512(tile.e + 16 * v, e);
    if (special == 0) continue;
    const __mmask16 infinite =
        _mm512_cmpeq_epi32_mask(_mm512_and_si512(x, _mm512_set1_epi32(0x7fff'ffff)), infinity);
    const auto put = [v](unsigned mask) { return std::uint64_t{mask & 0xffffU} << (16 * v); };
    tile.nan |= put(special & static_cast<unsigned>(~infinite));
    tile.pinf |= put(infinite & static_cast<unsigned>(~negative));
    tile.ninf |= put(infinite & static_cast<unsigned>(negative));
  }
}

void me_accumulate_avx512(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  using F = ElementFormat;
  const bool same = kind.a == kind.b;
  switch (kind.a) {
    case F::Bf16:
      return run_float<F::Bf16, F::Bf16>(kind, beats, tile);
    case F::Fp16:
      return run_float<F::Fp16, F::Fp16>(kind, beats, tile);
    case F::Tf32:
      return run_float<F::Tf32, F::Tf32>(kind, beats, tile);
    case F::Fp32:
      return run_float<F::Fp32, F::Fp32>(kind, beats, tile);
    case F::E4m3:
      return same ? run_float<F::E4m3, F::E4m3>(kind, beats, tile)
                  : run_float<F::E4m3, F::E5m2>(kind, beats, tile);
    case F::E5m2:
      return same ? run_float<F::E5m2, F::E5m2>(kind, beats, tile)
                  : run_float<F::E5m2, F::E4m3>(kind, beats, tile);
    case F::E3m2:
      return same ? run_fixed<F::E3m2, F::E3m2>(kind, beats, tile)
                  : run_fixed<F::E3m2, F::E2m3>(kind, beats, tile);
    case F::E2m3:
      return same ? run_fixed<F::E2m3, F::E2m3>(kind, beats, tile)
                  : run_fixed<F::E2m3, F::E3m2>(kind, beats, tile);
    case F::E2m1:
      return run_fixed<F::E2m1, F::E2m1>(kind, beats, tile);
    case F::Int4:
      return run_fixed<F::Int4, F::Int4>(kind, beats, tile);
    default:
      return run_fixed<F::Int8, F::Int8>(kind, beats, tile);
  }
}

}  // namespace tsr::engines

#else

namespace tsr::engines {

bool me_has_avx512() { return false; }

void me_drain_avx512(const MeKind& kind, const MeTile& tile, bool relu, bool to_bf16,
                     MeDrained& out) {
  me_drain_portable(kind, tile, relu, to_bf16, out);
}

void me_preload_avx512(const std::uint32_t* bits, MeTile& tile) {
  for (unsigned cell = 0; cell < 64; ++cell) tile.preload(false, cell, bits[cell]);
}

void me_accumulate_avx512(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  me_accumulate_portable(kind, beats, tile);
}

}  // namespace tsr::engines

#endif
