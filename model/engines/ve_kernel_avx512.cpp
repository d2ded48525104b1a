// SPDX-License-Identifier: Apache-2.0
// Sixteen lanes of the vector engine at a time. Floating-point instructions round to nearest even
// and keep subnormals (the default of MXCSR); their NaNs are replaced by the canonical one.
#include "engines/ve_kernel.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>
#include <type_traits>

#include "engines/me_kernel.hpp"
#include "numerics/special.hpp"

#define TSR_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,f16c,fma")))
#define TSR_AVX512_INLINE TSR_AVX512 __attribute__((always_inline)) inline

namespace tsr::engines {

namespace {

using numerics::ElementFormat;

TSR_AVX512_INLINE __m512i get(const VeWords& x) { return _mm512_load_si512(x.w); }
TSR_AVX512_INLINE void put(VeWords& out, __m512i x) { _mm512_store_si512(out.w, x); }
TSR_AVX512_INLINE __m512i words(std::uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
/// Lanes 0..7 or 8..15.
TSR_AVX512_INLINE __m256i half_of(__m512i x, int i) {
  return i == 0 ? _mm512_castsi512_si256(x) : _mm512_extracti64x4_epi64(x, 1);
}
TSR_AVX512_INLINE __m512 real(__m512i x) { return _mm512_castsi512_ps(x); }
TSR_AVX512_INLINE __m512i bits(__m512 x) { return _mm512_castps_si512(x); }
TSR_AVX512_INLINE __mmask16 nans(__m512i x) {
  return _mm512_cmp_ps_mask(real(x), real(x), _CMP_UNORD_Q);
}
TSR_AVX512_INLINE __m512i canonical(__m512i x) {
  return _mm512_mask_mov_epi32(x, nans(x), words(numerics::kFp32Nan));
}

// ------------------------------------------------------------------ loads

/// All words of an 8-bit format.
template <ElementFormat F>
const std::array<std::uint32_t, 256>& table() {
  static const std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> out{};
    for (unsigned code = 0; code < 256; ++code) out[code] = numerics::load_element(F, code);
    return out;
  }();
  return kTable;
}

TSR_AVX512_INLINE __m512i nibbles(const std::uint8_t* data) {
  const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(data));
  const __m128i low = _mm_and_si128(packed, _mm_set1_epi8(15));
  const __m128i high = _mm_and_si128(_mm_srli_epi16(packed, 4), _mm_set1_epi8(15));
  return _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(low, high));
}
TSR_AVX512_INLINE __m512i bytes(const std::uint8_t* data) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)));
}
TSR_AVX512_INLINE __m256i halves(const std::uint8_t* data) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
}

template <ElementFormat F, bool ToF>
TSR_AVX512 void load(const std::uint8_t* data, VeWords& out) {
  __m512i x;
  if constexpr (F == ElementFormat::Fp32) {
    x = canonical(_mm512_loadu_si512(data));
  } else if constexpr (F == ElementFormat::Tf32) {
    x = canonical(_mm512_and_si512(_mm512_loadu_si512(data), words(0xffff'e000)));
  } else if constexpr (F == ElementFormat::Bf16) {
    x = canonical(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves(data)), 16));
  } else if constexpr (F == ElementFormat::Fp16) {
    x = canonical(bits(_mm512_cvtph_ps(halves(data))));
  } else if constexpr (F == ElementFormat::Int32) {
    x = _mm512_loadu_si512(data);
  } else if constexpr (F == ElementFormat::Int16) {
    x = _mm512_cvtepi16_epi32(halves(data));
  } else if constexpr (F == ElementFormat::Int4) {
    x = _mm512_srai_epi32(_mm512_slli_epi32(nibbles(data), 28), 28);
  } else if constexpr (F == ElementFormat::E2m1) {
    x = _mm512_i32gather_epi32(nibbles(data), table<F>().data(), 4);
  } else {
    x = _mm512_i32gather_epi32(bytes(data), table<F>().data(), 4);
  }
  if constexpr (ToF) x = bits(_mm512_cvtepi32_ps(x));
  put(out, x);
}

template <ElementFormat F>
VeLoadFn load_of(bool to_f) {
  if constexpr (numerics::is_integer(F)) {
    if (to_f) return load<F, true>;
  }
  return load<F, false>;
}

// ------------------------------------------------------------------ operations

/// fp32_key.
TSR_AVX512_INLINE __m512i key(__m512i x) {
  return _mm512_xor_si512(x, _mm512_srli_epi32(_mm512_srai_epi32(x, 31), 1));
}

/// fp32_min, fp32_max.
template <bool Max>
TSR_AVX512_INLINE __m512i extreme(__m512i a, __m512i b) {
  const __mmask16 nan_a = nans(a);
  const __mmask16 nan_b = nans(b);
  const __mmask16 second =
      Max ? _mm512_cmpgt_epi32_mask(key(b), key(a)) : _mm512_cmplt_epi32_mask(key(b), key(a));
  const auto take_b = static_cast<__mmask16>((second | nan_a) & ~nan_b);
  const __m512i x = _mm512_mask_mov_epi32(a, take_b, b);
  return _mm512_mask_mov_epi32(x, nan_a & nan_b, words(numerics::kFp32Nan));
}

TSR_AVX512_INLINE __m512i mask_words(__mmask16 mask) { return _mm512_movm_epi32(mask); }

// -- special functions: argument reduction, interpolation, one rounding

struct Reduced {
  __m512i address;  // of the table
  __m512i x;        // position in the interval
  __m512i exponent;
};

/// slope() and value() of numerics::sfu for eight lanes.
TSR_AVX512_INLINE __m512i interpolate(__m256i address, __m256i x) {
  const __m512i word = _mm512_i32gather_epi64(address, numerics::kSfuTable, 8);
  const __m512i at = _mm512_cvtepu32_epi64(x);
  const __m512i c1 = _mm512_srai_epi64(_mm512_slli_epi64(word, 27), 42);
  const __m512i c2 = _mm512_srai_epi64(_mm512_slli_epi64(word, 49), 49);
  const __m512i slope =
      _mm512_add_epi64(_mm512_slli_epi64(c1, 2),
                       _mm512_srai_epi64(_mm512_mul_epi32(c2, _mm512_srli_epi64(at, 5)), 11));
  const __m512i c0 = _mm512_srli_epi64(word, 37);
  return _mm512_add_epi64(_mm512_slli_epi64(c0, 2),
                          _mm512_srai_epi64(_mm512_mul_epi32(slope, at), 19));
}

/// 2^e as a double.
TSR_AVX512_INLINE __m512d power(__m256i e) {
  return _mm512_castsi512_pd(
      _mm512_slli_epi64(_mm512_cvtepi32_epi64(_mm256_add_epi32(e, _mm256_set1_epi32(1023))), 52));
}

/// v * 2^(exponent - 28), or exponent + v * 2^-28, rounded once: doubles hold it exactly.
template <bool Log>
TSR_AVX512_INLINE __m512i scaled(const Reduced& r) {
  __m256 half[2];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const __m512d v = _mm512_cvtepi64_pd(interpolate(half_of(r.address, i), half_of(r.x, i)));
    const __m256i e = half_of(r.exponent, i);
    __m512d exact;
    if constexpr (Log) {
      exact = _mm512_add_pd(_mm512_cvtepi32_pd(e), _mm512_mul_pd(v, _mm512_set1_pd(0x1p-28)));
    } else {
      exact = _mm512_mul_pd(v, power(_mm256_sub_epi32(e, _mm256_set1_epi32(28))));
    }
    half[i] = _mm512_cvtpd_ps(exact);
  }
  return bits(_mm512_insertf32x8(_mm512_castps256_ps512(half[0]), half[1], 1));
}

/// Normalized argument: 2^e * (1 + m * 2^-23).
struct Parts {
  __m512i e, m;
};
TSR_AVX512_INLINE Parts parts_of(__m512i a) {
  const __m512i fraction = _mm512_and_si512(a, words(0x7f'ffff));
  const __m512i biased = _mm512_and_si512(_mm512_srli_epi32(a, 23), words(0xff));
  const __mmask16 subnormal = _mm512_testn_epi32_mask(biased, biased);
  const __m512i lead = _mm512_sub_epi32(_mm512_lzcnt_epi32(fraction), words(8));
  Parts out;
  out.m = _mm512_and_si512(_mm512_mask_sllv_epi32(fraction, subnormal, fraction, lead),
                           words(0x7f'ffff));
  out.e = _mm512_sub_epi32(biased, words(127));
  out.e = _mm512_mask_sub_epi32(out.e, subnormal, words(static_cast<std::uint32_t>(-126)), lead);
  return out;
}

TSR_AVX512_INLINE __m512i exp2(__m512i a) {
  const __mmask16 nan = nans(a);
  const __mmask16 negative = _mm512_movepi32_mask(a);
  const __m512i biased = _mm512_and_si512(_mm512_srli_epi32(a, 23), words(0xff));
  const __m512i fraction = _mm512_and_si512(a, words(0x7f'ffff));
  const __mmask16 normal = _mm512_test_epi32_mask(biased, biased);
  const __m512i significand = _mm512_mask_or_epi32(fraction, normal, fraction, words(1U << 23));
  const __m512i place = _mm512_max_epi32(biased, words(1));
  // Beyond 2^8 the result is decided. Counts out of range give zero.
  const __mmask16 decided = _mm512_cmpge_epi32_mask(biased, words(135));
  const __m512i right = _mm512_sub_epi32(words(122), place);
  Reduced r;
  __m512i low, whole;  // the fixed-point number's 28 fraction bits and its integer part
  {
    __m256i low_half[2], whole_half[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const __m512i wide = _mm512_cvtepu32_epi64(half_of(significand, i));
      const __m512i count = _mm512_cvtepi32_epi64(half_of(right, i));
      const __m512i down = _mm512_srlv_epi64(wide, count);
      const __m512i up = _mm512_sllv_epi64(wide, _mm512_sub_epi64(_mm512_setzero_si512(), count));
      const __mmask8 small = _mm512_cmpgt_epi64_mask(count, _mm512_setzero_si512());
      __m512i fixed = _mm512_mask_mov_epi64(up, small, down);
      const auto minus = static_cast<__mmask8>(i == 0 ? negative : negative >> 8);
      fixed = _mm512_mask_sub_epi64(fixed, minus, _mm512_setzero_si512(), fixed);
      low_half[i] = _mm512_cvtepi64_epi32(_mm512_and_si512(fixed, _mm512_set1_epi64(0xfff'ffff)));
      whole_half[i] = _mm512_cvtepi64_epi32(_mm512_srai_epi64(fixed, 28));
    }
    low = _mm512_inserti64x4(_mm512_castsi256_si512(low_half[0]), low_half[1], 1);
    whole = _mm512_inserti64x4(_mm512_castsi256_si512(whole_half[0]), whole_half[1], 1);
  }
  r.address = _mm512_srli_epi32(low, 23);
  r.x = _mm512_and_si512(_mm512_srli_epi32(low, 3), words(0xf'ffff));
  r.exponent = _mm512_mask_mov_epi32(whole, decided, _mm512_setzero_si512());
  __m512i out = scaled<false>(r);
  out = _mm512_mask_mov_epi32(out, decided, words(numerics::kFp32Inf));
  out = _mm512_mask_mov_epi32(out, decided & negative, _mm512_setzero_si512());
  return _mm512_mask_mov_epi32(out, nan, words(numerics::kFp32Nan));
}

/// Rcp, Rsqrt, Log2.
template <numerics::VecOp Op>
TSR_AVX512_INLINE __m512i of_normalized(__m512i a) {
  using numerics::VecOp;
  const __mmask16 negative = _mm512_movepi32_mask(a);
  const __m512i sign = _mm512_and_si512(a, words(numerics::kFp32Sign));
  const __m512i size = _mm512_andnot_si512(words(numerics::kFp32Sign), a);
  const __mmask16 zero = _mm512_testn_epi32_mask(size, size);
  const __mmask16 infinite = _mm512_cmpeq_epi32_mask(size, words(numerics::kFp32Inf));
  auto nan = nans(a);
  const Parts part = parts_of(size);
  const __m512i infinity = words(numerics::kFp32Inf);
  Reduced r;
  __m512i out;
  if constexpr (Op == VecOp::Rsqrt) {
    const __m512i odd = _mm512_and_si512(part.e, words(1));
    r.address = _mm512_add_epi32(_mm512_add_epi32(words(192), _mm512_slli_epi32(odd, 5)),
                                 _mm512_srli_epi32(part.m, 18));
    r.x = _mm512_and_si512(_mm512_slli_epi32(part.m, 2), words(0xf'ffff));
    r.exponent = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_srai_epi32(part.e, 1));
    out = scaled<false>(r);
    nan = static_cast<__mmask16>(nan | (negative & ~zero));
    out = _mm512_mask_mov_epi32(out, zero, _mm512_or_si512(sign, infinity));
    out = _mm512_mask_mov_epi32(out, infinite, _mm512_setzero_si512());
  } else if constexpr (Op == VecOp::Rcp) {
    r.address = _mm512_add_epi32(words(128), _mm512_srli_epi32(part.m, 17));
    r.x = _mm512_and_si512(_mm512_slli_epi32(part.m, 3), words(0xf'ffff));
    r.exponent = _mm512_sub_epi32(_mm512_setzero_si512(), part.e);
    out = _mm512_or_si512(scaled<false>(r), sign);
    out = _mm512_mask_mov_epi32(out, zero, _mm512_or_si512(sign, infinity));
    out = _mm512_mask_mov_epi32(out, infinite, sign);
  } else {
    r.address = _mm512_add_epi32(words(64), _mm512_srli_epi32(part.m, 17));
    r.x = _mm512_and_si512(_mm512_slli_epi32(part.m, 3), words(0xf'ffff));
    r.exponent = part.e;
    out = scaled<true>(r);
    nan = static_cast<__mmask16>(nan | (negative & ~zero));
    out = _mm512_mask_mov_epi32(out, infinite, infinity);
    out = _mm512_mask_mov_epi32(out, zero, words(numerics::kFp32Inf | numerics::kFp32Sign));
  }
  return _mm512_mask_mov_epi32(out, nan, words(numerics::kFp32Nan));
}

template <numerics::VecOp Op>
TSR_AVX512 void op(const VeWords& left, const VeWords& right, const VeWords& third, VeWords& out) {
  using numerics::VecOp;
  const __m512i a = get(left);
  const __m512i b = get(right);
  const __m512i c = get(third);
  __m512i x = a;
  if constexpr (Op == VecOp::AddI) x = _mm512_add_epi32(a, b);
  if constexpr (Op == VecOp::SubI) x = _mm512_sub_epi32(a, b);
  if constexpr (Op == VecOp::MinI) x = _mm512_min_epi32(a, b);
  if constexpr (Op == VecOp::MaxI) x = _mm512_max_epi32(a, b);
  if constexpr (Op == VecOp::MinF) x = extreme<false>(a, b);
  if constexpr (Op == VecOp::MaxF) x = extreme<true>(a, b);
  if constexpr (Op == VecOp::EqI) x = mask_words(_mm512_cmpeq_epi32_mask(a, b));
  if constexpr (Op == VecOp::LtI) x = mask_words(_mm512_cmplt_epi32_mask(a, b));
  if constexpr (Op == VecOp::LeI) x = mask_words(_mm512_cmple_epi32_mask(a, b));
  if constexpr (Op == VecOp::EqF) x = mask_words(_mm512_cmp_ps_mask(real(a), real(b), _CMP_EQ_OQ));
  if constexpr (Op == VecOp::LtF) x = mask_words(_mm512_cmp_ps_mask(real(a), real(b), _CMP_LT_OQ));
  if constexpr (Op == VecOp::LeF) x = mask_words(_mm512_cmp_ps_mask(real(a), real(b), _CMP_LE_OQ));
  if constexpr (Op == VecOp::Unord) {
    x = mask_words(_mm512_cmp_ps_mask(real(a), real(b), _CMP_UNORD_Q));
  }
  if constexpr (Op == VecOp::Sel) x = _mm512_mask_mov_epi32(c, _mm512_movepi32_mask(a), b);
  if constexpr (Op == VecOp::And) x = _mm512_and_si512(a, b);
  if constexpr (Op == VecOp::Or) x = _mm512_or_si512(a, b);
  if constexpr (Op == VecOp::Xor) x = _mm512_xor_si512(a, b);
  if constexpr (Op == VecOp::Shl || Op == VecOp::Shr || Op == VecOp::Sar) {
    const __m512i n = _mm512_and_si512(b, words(31));
    x = Op == VecOp::Shl   ? _mm512_sllv_epi32(a, n)
        : Op == VecOp::Shr ? _mm512_srlv_epi32(a, n)
                           : _mm512_srav_epi32(a, n);
  }
  if constexpr (Op == VecOp::I2F) x = bits(_mm512_cvtepi32_ps(a));
  if constexpr (Op == VecOp::Fma) {
    x = canonical(bits(_mm512_fmadd_ps(real(a), real(b), real(c))));
  }
  if constexpr (Op == VecOp::Mul) x = canonical(bits(_mm512_mul_ps(real(a), real(b))));
  if constexpr (Op == VecOp::Add) x = canonical(bits(_mm512_add_ps(real(a), real(b))));
  if constexpr (Op == VecOp::Sub) x = canonical(bits(_mm512_sub_ps(real(a), real(b))));
  if constexpr (Op == VecOp::Exp2) x = exp2(a);
  if constexpr (Op == VecOp::Log2 || Op == VecOp::Rcp || Op == VecOp::Rsqrt)
    x = of_normalized<Op>(a);
  put(out, x);
}

// ------------------------------------------------------------------ stores

TSR_AVX512_INLINE VeFlags flags_of(__mmask16 nan, __mmask16 overflow, unsigned mask) {
  return ((nan & mask) != 0 ? 1U : 0U) | ((overflow & mask) != 0 ? 2U : 0U);
}

template <ElementFormat F>
TSR_AVX512 VeFlags store_float(const VeWords& in, unsigned mask, std::uint8_t* data) {
  const __m512i x = get(in);
  const __mmask16 nan = nans(x);
  const __m512i size = _mm512_andnot_si512(words(numerics::kFp32Sign), x);
  if constexpr (F == ElementFormat::Fp32) {
    _mm512_storeu_si512(data, _mm512_mask_mov_epi32(x, nan, words(numerics::kFp32Nan)));
    return flags_of(nan, _mm512_cmpeq_epi32_mask(size, words(numerics::kFp32Inf)), mask);
  } else if constexpr (F == ElementFormat::Bf16) {
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(x, 16), words(1));
    __m512i y = _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(x, words(0x7fff)), odd), 16);
    y = _mm512_mask_mov_epi32(y, nan, words(0x7fc0));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), _mm512_cvtepi32_epi16(y));
    const __mmask16 overflow =
        _mm512_cmpeq_epi32_mask(_mm512_and_si512(y, words(0x7fff)), words(0x7f80));
    return flags_of(nan, overflow, mask);
  } else {
    const __m256i half = _mm512_cvtps_ph(real(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512i y = _mm512_cvtepu16_epi32(half);
    y = _mm512_mask_mov_epi32(y, nan, words(0x7e00));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), _mm512_cvtepi32_epi16(y));
    const __mmask16 overflow =
        _mm512_cmpeq_epi32_mask(_mm512_and_si512(y, words(0x7fff)), words(0x7c00));
    return flags_of(nan, overflow, mask);
  }
}

/// Integers of up to 16 bits.
template <ElementFormat F, bool FromI>
TSR_AVX512 VeFlags store_int(const VeWords& in, unsigned mask, std::uint8_t* data) {
  constexpr numerics::IntFormat kTo = numerics::int_format(F);
  __m512i x = get(in);
  __mmask16 nan = 0;
  if constexpr (!FromI) {
    nan = nans(x);
    // Far outside of the range, and within INT32.
    const __m512 near =
        _mm512_min_ps(_mm512_max_ps(real(x), _mm512_set1_ps(-1e6F)), _mm512_set1_ps(1e6F));
    x = _mm512_maskz_mov_epi32(
        static_cast<__mmask16>(~nan),
        _mm512_cvt_roundps_epi32(near, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  const __m512i y =
      _mm512_min_epi32(_mm512_max_epi32(x, _mm512_set1_epi32(static_cast<int>(kTo.min()))),
                       _mm512_set1_epi32(static_cast<int>(kTo.max())));
  const __mmask16 cut = _mm512_cmpneq_epi32_mask(x, y);
  if constexpr (kTo.bits == 16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(data), _mm512_cvtepi32_epi16(y));
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(data), _mm512_cvtepi32_epi8(y));
  }
  return flags_of(nan, cut, mask);
}

TSR_AVX512 VeFlags store_same(const VeWords& in, unsigned /*mask*/, std::uint8_t* data) {
  _mm512_storeu_si512(data, get(in));
  return 0;
}

// ------------------------------------------------------------------ sum of a group

TSR_AVX512 numerics::SumGroup sum(const VeWords& in, unsigned mask) {
  const __m512i x = _mm512_maskz_mov_epi32(static_cast<__mmask16>(mask), get(in));
  const __m512i fraction = _mm512_and_si512(x, words(0x7f'ffff));
  const __m512i biased = _mm512_and_si512(_mm512_srli_epi32(x, 23), words(0xff));
  const __mmask16 normal = _mm512_test_epi32_mask(biased, biased);
  const __mmask16 special = _mm512_cmpeq_epi32_mask(biased, words(0xff));
  __m512i significand = _mm512_mask_or_epi32(fraction, normal, fraction, words(1U << 23));
  significand = _mm512_maskz_mov_epi32(static_cast<__mmask16>(~special), significand);
  const __mmask16 counts = _mm512_test_epi32_mask(significand, significand);
  const __m512i exponent = _mm512_max_epi32(biased, words(1));
  numerics::SumGroup group;
  group.e = _mm512_mask_reduce_max_epi32(counts, exponent);
  if (counts == 0) group.e = 0;
  const __m512i shift = _mm512_sub_epi32(_mm512_set1_epi32(group.e), exponent);
  const __mmask16 negative = _mm512_movepi32_mask(x);
  __m512i total = _mm512_setzero_si512();
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    // Lanes that do not count have a significand of zero, whatever their shift.
    const __m512i wide = _mm512_cvtepu32_epi64(half_of(significand, i));
    const __m512i term =
        _mm512_srlv_epi64(_mm512_slli_epi64(wide, 12), _mm512_cvtepi32_epi64(half_of(shift, i)));
    const auto minus = static_cast<__mmask8>(i == 0 ? negative : negative >> 8);
    total =
        _mm512_add_epi64(total, _mm512_mask_sub_epi64(term, minus, _mm512_setzero_si512(), term));
  }
  group.s = _mm512_reduce_add_epi64(total);
  if (special != 0) {
    const __mmask16 infinite = special & _mm512_testn_epi32_mask(fraction, fraction);
    group.nan = (special & ~infinite) != 0;
    group.pinf = (infinite & ~negative) != 0;
    group.ninf = (infinite & negative) != 0;
  }
  return group;
}

bool fast() {
  static const bool has = me_has_avx512() && __builtin_cpu_supports("fma") != 0;
  return has;
}

template <numerics::VecOp... Ops>
VeOpFn find_op(numerics::VecOp wanted) {
  VeOpFn found = nullptr;
  static_cast<void>(((wanted == Ops ? (found = op<Ops>, true) : false) || ...));
  return found;
}

}  // namespace

VeLoadFn ve_fast_load(const VeInPort& port) {
  using F = ElementFormat;
  if (!fast()) return nullptr;
  switch (port.format) {
    case F::Bf16:
      return load_of<F::Bf16>(port.to_f);
    case F::Int8:
      return load_of<F::Int8>(port.to_f);
    case F::Fp16:
      return load_of<F::Fp16>(port.to_f);
    case F::Tf32:
      return load_of<F::Tf32>(port.to_f);
    case F::Fp32:
      return load_of<F::Fp32>(port.to_f);
    case F::E4m3:
      return load_of<F::E4m3>(port.to_f);
    case F::E5m2:
      return load_of<F::E5m2>(port.to_f);
    case F::E3m2:
      return load_of<F::E3m2>(port.to_f);
    case F::E2m3:
      return load_of<F::E2m3>(port.to_f);
    case F::E2m1:
      return load_of<F::E2m1>(port.to_f);
    case F::Int4:
      return load_of<F::Int4>(port.to_f);
    case F::Int16:
      return load_of<F::Int16>(port.to_f);
    case F::Int32:
      return load_of<F::Int32>(port.to_f);
    case F::E8m0:
      return load_of<F::E8m0>(port.to_f);
    case F::Uint8:
      return load_of<F::Uint8>(port.to_f);
  }
  return nullptr;
}

VeOpFn ve_fast_op(const VeStage& stage) {
  using numerics::VecOp;
  if (!fast()) return nullptr;
  const bool nearest = stage.rm == Rounding::NearestEven || stage.rm == Rounding::Stochastic;
  if (stage.op == VecOp::I2F && !nearest) return nullptr;
  return find_op<VecOp::Pass, VecOp::AddI, VecOp::SubI, VecOp::MinI, VecOp::MaxI, VecOp::MinF,
                 VecOp::MaxF, VecOp::EqI, VecOp::LtI, VecOp::LeI, VecOp::EqF, VecOp::LtF,
                 VecOp::LeF, VecOp::Unord, VecOp::Sel, VecOp::And, VecOp::Or, VecOp::Xor,
                 VecOp::Shl, VecOp::Shr, VecOp::Sar, VecOp::I2F, VecOp::Fma, VecOp::Mul, VecOp::Add,
                 VecOp::Sub, VecOp::Exp2, VecOp::Log2, VecOp::Rcp, VecOp::Rsqrt>(stage.op);
}

VeStoreFn ve_fast_store(const VeOutPort& port) {
  using F = ElementFormat;
  if (!fast() || port.mx) return nullptr;
  const bool nearest = port.rm == Rounding::NearestEven;
  if (port.format == F::Int32 && port.from_i) return store_same;
  if (port.from_i) {
    switch (port.format) {
      case F::Int8:
        return store_int<F::Int8, true>;
      case F::Uint8:
        return store_int<F::Uint8, true>;
      case F::Int16:
        return store_int<F::Int16, true>;
      default:
        return nullptr;
    }
  }
  switch (port.format) {
    case F::Fp32:
      return store_float<F::Fp32>;
    case F::Bf16:
      return nearest && !port.sat ? store_float<F::Bf16> : nullptr;
    case F::Fp16:
      return nearest && !port.sat ? store_float<F::Fp16> : nullptr;
    case F::Int8:
      return nearest ? store_int<F::Int8, false> : nullptr;
    case F::Uint8:
      return nearest ? store_int<F::Uint8, false> : nullptr;
    case F::Int16:
      return nearest ? store_int<F::Int16, false> : nullptr;
    default:
      return nullptr;
  }
}

VeSumFn ve_fast_sum() { return fast() ? sum : nullptr; }

}  // namespace tsr::engines

#else

namespace tsr::engines {

VeLoadFn ve_fast_load(const VeInPort& /*port*/) { return nullptr; }
VeOpFn ve_fast_op(const VeStage& /*stage*/) { return nullptr; }
VeStoreFn ve_fast_store(const VeOutPort& /*port*/) { return nullptr; }
VeSumFn ve_fast_sum() { return nullptr; }

}  // namespace tsr::engines

#endif
