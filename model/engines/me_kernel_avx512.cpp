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

/// Exponent of elements that are zero: far below every product's.
constexpr int kNone = -4096;

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

/// Signed significands (sign and magnitude apart for FP32) and exponents of sixteen elements.
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
  if constexpr (kLayout.up != 0) x = _mm512_slli_epi32(x, kLayout.up);
  const auto keep = static_cast<__mmask16>(_mm512_test_epi32_mask(x, x) & ~out.special);
  x = _mm512_maskz_mov_epi32(keep, x);
  out.exponent = _mm512_mask_mov_epi32(_mm512_set1_epi32(kNone), keep, e);
  const __mmask16 negative = _mm512_test_epi32_mask(
      code,
      _mm512_set1_epi32(static_cast<int>(1U << (kLayout.fraction_bits + kLayout.exponent_bits))));
  out.significand = _mm512_mask_sub_epi32(x, negative, _mm512_setzero_si512(), x);
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

/// numerics::accumulate: add s * 2^(e - 280).
TSR_AVX512_INLINE void add_group(Cells& acc, __m512i s, __m512i e) {
  const __m512i zero = _mm512_setzero_si512();
  const __mmask16 counts = _mm512_test_epi32_mask(s, s);
  const auto empty = static_cast<__mmask16>(
      _mm512_testn_epi64_mask(acc.m[0], acc.m[0]) |
      static_cast<unsigned>(_mm512_testn_epi64_mask(acc.m[1], acc.m[1])) << 8);
  const __mmask16 above =
      static_cast<__mmask16>(_mm512_cmpge_epi32_mask(e, acc.e) | empty) & counts;
  const auto below = static_cast<__mmask16>(~above & counts);
  const __m512i distance = _mm512_sub_epi32(e, acc.e);
  // A count of 64 or more leaves the sign; so does that of an empty accumulator, whose value is 0.
  const __m512i right = _mm512_maskz_mov_epi32(above, distance);
  acc.e = _mm512_mask_mov_epi32(acc.e, above, e);
  acc.m[0] = _mm512_srav_epi64(acc.m[0], _mm512_cvtepu32_epi64(_mm512_castsi512_si256(right)));
  acc.m[1] =
      _mm512_srav_epi64(acc.m[1], _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(right, 1)));
  if (below != 0) {
    const __m512i gap = _mm512_maskz_sub_epi32(below, zero, distance);
    const __m512i low0 = _mm512_srai_epi64(_mm512_slli_epi64(acc.m[0], 32), 32);
    const __m512i low1 = _mm512_srai_epi64(_mm512_slli_epi64(acc.m[1], 32), 32);
    const auto fits =
        static_cast<__mmask16>(_mm512_cmpeq_epi64_mask(acc.m[0], low0) |
                               static_cast<unsigned>(_mm512_cmpeq_epi64_mask(acc.m[1], low1)) << 8);
    const __m512i left = _mm512_maskz_min_epi32(fits, gap, _mm512_set1_epi32(15));
    acc.m[0] = _mm512_sllv_epi64(acc.m[0], _mm512_cvtepu32_epi64(_mm512_castsi512_si256(left)));
    acc.m[1] =
        _mm512_sllv_epi64(acc.m[1], _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(left, 1)));
    acc.e = _mm512_sub_epi32(acc.e, left);
    s = _mm512_srav_epi32(s, _mm512_sub_epi32(gap, left));
  }
  acc.m[0] = _mm512_add_epi64(acc.m[0], _mm512_cvtepi32_epi64(_mm512_castsi512_si256(s)));
  acc.m[1] = _mm512_add_epi64(acc.m[1], _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(s, 1)));
  const __m512i limit = _mm512_set1_epi64(std::int64_t{1} << 46);
  const __m512i range = _mm512_set1_epi64(std::int64_t{1} << 47);
  const __mmask8 over0 = _mm512_cmpge_epu64_mask(_mm512_add_epi64(acc.m[0], limit), range);
  const __mmask8 over1 = _mm512_cmpge_epu64_mask(_mm512_add_epi64(acc.m[1], limit), range);
  acc.m[0] = _mm512_mask_srai_epi64(acc.m[0], over0, acc.m[0], 8);
  acc.m[1] = _mm512_mask_srai_epi64(acc.m[1], over1, acc.m[1], 8);
  const auto over = static_cast<__mmask16>(over0 | static_cast<unsigned>(over1) << 8);
  acc.e = _mm512_mask_add_epi32(acc.e, over, acc.e, _mm512_set1_epi32(8));
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

/// Products of one pair of vectors, shifted left by `Window` and without sign; FP32: 30 high bits.
template <int Window>
TSR_AVX512_INLINE __m512i magnitude(__m512i x, __m512i y) {
  const __m512i a = _mm512_abs_epi32(x);
  const __m512i b = _mm512_abs_epi32(y);
  if constexpr (Window >= 0) {
    // Significands have 15 bits at most.
    return _mm512_slli_epi32(_mm512_madd_epi16(a, b), Window);
  } else {
    const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(a, b), -Window);
    const __m512i odd = _mm512_srli_epi64(
        _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), -Window);
    return _mm512_or_si512(even, _mm512_slli_epi64(odd, 32));
  }
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

/// Floating-point formats.
template <ElementFormat A, ElementFormat B>
TSR_AVX512 void run_float(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  constexpr numerics::GroupRule kRule = numerics::group_rule(A, B, false);
  constexpr int kElements = 64 / layout_of(A).bits;
  const __m512i offset = _mm512_set1_epi32(kRule.exponent);
  for (std::size_t beat = 0; beat < beats.count; ++beat) {
    const __m512i a = _mm512_loadu_si512(beats.a + 64 * beat);
    const __m512i b = _mm512_loadu_si512(beats.b + 64 * beat);
    unsigned special = kind.mx && nan_scale(beats, beat) ? 1 : 0;
    __m512i sig_a[kElements], exp_a[kElements], sig_b[kElements], exp_b[kElements];
#pragma GCC unroll 8
    for (unsigned i = 0; i < kElements; ++i) {
      const Split both = split_both<A, B>(a, b, i);
      special |= both.special;
      sig_a[i] = both.significand;
      exp_a[i] = both.exponent;
      sig_b[i] = columns(both.significand);
      exp_b[i] = columns(both.exponent);
    }
    if (special != 0) me_flags(kind, beats, beat, tile);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      Cells cells = load_cells(tile, v);
#pragma GCC unroll 2
      for (int first = 0; first < kElements; first += kRule.products) {
        __m512i product[kRule.products], exponent[kRule.products], sign[kRule.products];
        __m512i top = _mm512_set1_epi32(2 * kNone);
#pragma GCC unroll 8
        for (int i = 0; i < kRule.products; ++i) {
          const __m512i x = rows(sig_a[first + i], v);
          const __m512i y = sig_b[first + i];
          product[i] = magnitude<kRule.window>(x, y);
          sign[i] = _mm512_xor_si512(x, y);
          exponent[i] = _mm512_add_epi32(rows(exp_a[first + i], v), exp_b[first + i]);
          top = _mm512_max_epi32(top, exponent[i]);
        }
        __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
        for (int i = 0; i < kRule.products; ++i) {
          // Cut toward zero: the magnitude is shifted.
          const __m512i aligned = _mm512_srlv_epi32(product[i], _mm512_sub_epi32(top, exponent[i]));
          const __mmask16 negative = _mm512_movepi32_mask(sign[i]);
          sum = _mm512_add_epi32(
              sum, _mm512_mask_sub_epi32(aligned, negative, _mm512_setzero_si512(), aligned));
        }
        __m512i e = _mm512_add_epi32(top, offset);
        if (kind.mx) e = _mm512_add_epi32(e, scales(beats, beat, v));
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

void me_accumulate_avx512(const MeKind& kind, const MeBeats& beats, MeTile& tile) {
  me_accumulate_portable(kind, beats, tile);
}

}  // namespace tsr::engines

#endif
