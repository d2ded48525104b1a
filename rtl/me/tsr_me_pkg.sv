// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the matrix engine as pure functions: of one element, one product, one cell.
///
/// Written for synthesis and for simulation speed alike: values of at most 64 bits, shift amounts just
/// as wide as the shifted value needs, selections in place of branches. tsr_me_decode and tsr_me_cells call these
/// functions in loops over all rows, columns or cells, which a C++ compiler turns into vector instructions. The C++
/// mirror is `model/numerics/matrix.hpp`; docs/numerics.md is the contract in words.
///
/// An operand is the 8 bytes that a beat brings for one row or column, decoded once for all cells of
/// the row or column into two times four lanes of 16 bits, x and y:
///
/// | mode | formats | x | y |
/// |---|---|---|---|
/// | ModeFloat | BF16, FP16, TF32 | exponent of element k | float_sig_t |
/// | ModeFp8 | E4M3, E5M2 | exponents of elements 2k and 2k+1 | two fp8_sig_t |
/// | ModeFp32 | FP32 | lanes 0..2: exponent, normalized significand | lane 0: float_sig_t, its sig not used |
/// | ModeInt8 | INT8 | 2 bytes | |
/// | ModeFp6 | E3M2, E2M3 | elements 0..3, signed | elements 4..7 |
/// | ModeNibble | E2M1, INT4 | elements 0..7, signed, 8 bits each | elements 8..15 |
///
/// A group on its way to the sum is four words of 32 bits.
package tsr_me_pkg;
  import tsr_tile_pkg::*;

  // ---------------------------------------------------------------- types

  /// What a cell does with a beat.
  typedef enum logic [2:0] {
    ModeFloat = 3'd0, ModeInt8 = 3'd1, ModeFp8 = 3'd2, ModeFp6 = 3'd3, ModeNibble = 3'd4, ModeFp32 = 3'd5
  } mode_e;

  /// Configuration of the group sum.
  typedef struct packed {
    mode_e mode;
    logic  int32;  // results are INT32: plain INT8 and INT4
    logic  mx;     // add the block scales
  } group_cfg_t;


  /// A floating-point element besides its exponent.
  typedef struct packed {
    logic        sign;
    logic        inf;
    logic        nan;
    logic [1:0]  rsvd;
    logic [10:0] sig;   // significand with the hidden bit: 1.10 bits; 0 for a zero only
  } float_sig_t;

  /// An FP8 element besides its exponent.
  typedef struct packed {
    logic       sign;
    logic       inf;
    logic       nan;
    logic       rsvd;
    logic [3:0] sig;   // 1.3 bits
  } fp8_sig_t;

  /// The fields of me_cfg_t, bits 17:0.
  typedef struct packed {
    logic       chain_o;
    logic       chain_a;
    logic [2:0] kloop;
    logic       mx;
    fmt_e       fmt_b;
    outfmt_e    out;
    logic       relu;
    logic       preload;
    fmt_e       fmt;
  } me_fields_t;

  /// What special elements make of a group, or of an accumulator.
  typedef struct packed {
    logic nan;
    logic pinf;
    logic ninf;
  } flags_t;

  /// Exponent of a group or an accumulator plus 64: not negative, see docs/numerics.md for the range.
  typedef logic [9:0] exp_t;

  /// A product on its way to the sum: (p << 6) >> shift, with its sign.
  typedef struct packed {
    logic        sign;
    logic [3:0]  rsvd;
    logic [21:0] p;
    logic [4:0]  shift;
  } float_part_t;

  /// A product of FP8 elements: (p << 20) >> shift, with its sign. Two make a word.
  typedef struct packed {
    logic       sign;
    logic       rsvd;
    logic [7:0] p;
    logic [5:0] shift;
  } fp8_part_t;

  /// Accumulator: m * 2^(e-344), or the integer m[31:0].
  typedef struct packed {
    logic [2:0]  rsvd;
    flags_t      flags;  // sticky
    exp_t        e;
    logic [47:0] m;      // signed, never normalized
  } acc_t;

  /// How a block drains, and where to.
  typedef struct packed {
    logic int32;
    logic relu;
    logic bf16;   // results of 2 bytes
    logic chain;  // to the vector engine
    logic epoch;
    logic fin;    // last block of its command
  } drain_cfg_t;

  /// An accumulator on its way out, its significand as a magnitude: m * 2^(e-344). An integer is m[31:0].
  typedef struct packed {
    logic        nan;
    logic        inf;
    logic        neg;  // of an infinity too
    logic [9:0]  e;    // behind the normalization: of bit 47, and m[47] is the leading one unless m is 0
    logic [47:0] m;
  } mag_t;

  /// A drained result.
  typedef struct packed {
    logic        nan;   // it is NaN
    logic        over;  // a finite sum became infinite
    logic [31:0] bits;
  } result_t;

  /// A read request of the scratchpad without what is constant in it.
  typedef struct packed {
    logic [1:0]  w_log2;
    spm_addr_t   base;
    spm_addr_t   pitch;
    logic [63:0] strb;
  } rd_req_t;

  localparam logic [31:0] Fp32Nan = 32'h7fc0_0000;
  localparam logic [31:0] Fp32Inf = 32'h7f80_0000;

  // ---------------------------------------------------------------- configuration

  function automatic logic is_fp8(fmt_e f);
    return f == FmtE4m3 || f == FmtE5m2;
  endfunction

  function automatic logic is_fp6(fmt_e f);
    return f == FmtE3m2 || f == FmtE2m3;
  endfunction

  function automatic mode_e mode_of(fmt_e f);
    if (f == FmtInt8) return ModeInt8;
    if (f == FmtFp32) return ModeFp32;
    if (f == FmtE2m1 || f == FmtInt4) return ModeNibble;
    if (is_fp8(f)) return ModeFp8;
    if (is_fp6(f)) return ModeFp6;
    return ModeFloat;
  endfunction

  /// The elements are integers.
  function automatic logic is_int(mode_e mode);
    return mode == ModeInt8 || mode == ModeFp6 || mode == ModeNibble;
  endfunction

  /// Results are INT32.
  function automatic logic int32_of(fmt_e f, logic mx);
    return (f == FmtInt8 && !mx) || f == FmtInt4;
  endfunction

  /// Products of one cell and one cycle.
  function automatic logic [4:0] products_of(fmt_e f);
    if (f == FmtE2m1 || f == FmtInt4) return 5'd16;
    if (f == FmtInt8 || is_fp8(f) || is_fp6(f)) return 5'd8;
    if (f == FmtTf32) return 5'd2;
    if (f == FmtFp32) return 5'd1;
    return 5'd4;
  endfunction

  /// A field of the engine's row that cannot be honoured.
  function automatic logic me_bad(me_fields_t c);
    logic known, pair, scaled;
    known = c.fmt == FmtInt8 || c.fmt == FmtInt4 || c.fmt == FmtE2m1 || is_fp8(c.fmt) || is_fp6(c.fmt) ||
            c.fmt == FmtBf16 || c.fmt == FmtFp16 || c.fmt == FmtTf32 || c.fmt == FmtFp32;
    pair   = c.fmt == c.fmt_b || (is_fp8(c.fmt) && is_fp8(c.fmt_b)) || (is_fp6(c.fmt) && is_fp6(c.fmt_b));
    scaled = is_fp8(c.fmt) || is_fp6(c.fmt) || c.fmt == FmtE2m1 || c.fmt == FmtInt8;
    return !known || !pair || (c.mx && (!scaled || c.chain_a)) || c.kloop > 3'd5 ||
           !(c.out == OutFull || (c.out == OutBf16 && !int32_of(c.fmt, c.mx)));
  endfunction

  /// Stream of an operand's scales: its loops are the operand's, but for loop 0, which counts blocks of 8
  /// scale bytes. A transposed operand has its rows along the bytes of memory.
  function automatic agu_cfg_t scale_cfg(agu_cfg_t operand, scale_agu_t scale, logic fp4);
    agu_cfg_t    r;
    logic [16:0] beats;
    r     = operand;
    beats = {1'b0, operand.loop[0].count} + (fp4 ? 17'd15 : 17'd31);
    r.loop[0].count = fp4 ? {3'b0, beats[16:4]} : {4'b0, beats[16:5]};
    for (int unsigned j = 0; j < 6; j++) r.step[j].delta = scale.delta[j][SpmAw-1:0];
    r.base      = scale.base;
    r.pitch     = scale.pitch[SpmAw-1:0];
    r.w_log2    = '0;
    r.xpose     = XposeNone;
    r.redge_sub = 1'b0;
    r.bedge_en  = 1'b0;
    if (operand.xpose != XposeNone) begin
      r.redge_en   = operand.bedge_en;
      r.redge_loop = operand.bedge_loop;
      r.redge_n    = operand.bedge_m[3:0];
    end
    return r;
  endfunction

  function automatic logic scale_bad(scale_agu_t c);
    logic bad;
    bad = c.pitch[2:0] != '0;
    for (int unsigned j = 0; j < 6; j++) bad |= c.delta[j][2:0] != '0;
    return bad;
  endfunction

  /// Second half of a 16-row operand: 8 rows on.
  function automatic agu_cfg_t upper_half(agu_cfg_t c);
    agu_cfg_t r;
    r      = c;
    r.base = c.base + ((c.xpose == XposeNone) ? {7'b0, c.pitch, 3'b0} : 32'd8 << c.w_log2);
    return r;
  endfunction

  // ---------------------------------------------------------------- helpers

  /// Arithmetic shift right of a 64-bit value (floor).
  function automatic logic [63:0] sra64(logic [63:0] x, logic [5:0] n);
    logic [63:0] sign;
    sign = {64{x[63]}};
    return ((x ^ sign) >> n) ^ sign;
  endfunction

  function automatic logic [31:0] max32(logic [31:0] a, logic [31:0] b);
    return (a > b) ? a : b;
  endfunction

  // ---------------------------------------------------------------- decode: BF16, FP16, TF32

  // Exponents: 256 + exponent with BF16's bias (subnormals as 1), 0 for a zero element. So the sum of two
  // is at least 514 if the product is not zero and at most 511 if it is.

  function automatic logic [15:0] bf16_exp(logic [15:0] x);
    return (x[14:7] != '0) ? {8'h01, x[14:7]} : (x[6:0] != '0) ? 16'h0101 : '0;
  endfunction

  function automatic float_sig_t bf16_sig(logic [15:0] x);
    return '{sign: x[15], inf: x[14:0] == 15'h7f80, nan: x[14:0] > 15'h7f80, rsvd: '0, sig: {x[14:7] != '0, x[6:0], 3'b0}};
  endfunction

  function automatic logic [15:0] fp16_exp(logic [15:0] x);
    return (x[14:10] != '0) ? 16'd368 + {11'b0, x[14:10]} : (x[9:0] != '0) ? 16'd369 : '0;  // 256 + 127 - 15
  endfunction

  function automatic float_sig_t fp16_sig(logic [15:0] x);
    return '{sign: x[15], inf: x[14:0] == 15'h7c00, nan: x[14:0] > 15'h7c00, rsvd: '0, sig: {x[14:10] != '0, x[9:0]}};
  endfunction

  function automatic logic [15:0] tf32_exp(logic [18:0] x);
    return (x[17:10] != '0) ? {8'h01, x[17:10]} : (x[9:0] != '0) ? 16'h0101 : '0;
  endfunction

  function automatic float_sig_t tf32_sig(logic [18:0] x);
    return '{sign: x[18], inf: x[17:0] == 18'h3fc00, nan: x[17:0] > 18'h3fc00, rsvd: '0,
             sig: {x[17:10] != '0, x[9:0]}};
  endfunction

  // ---------------------------------------------------------------- decode: FP32

  /// Bits 23:0: significand with its leading one in bit 23, 0 for zero; bits 33:24: 64 + exponent, which a
  /// subnormal has at or below 0.
  function automatic logic [47:0] fp32_x(logic [31:0] x);
    /* verilator no_inline_task */
    logic [23:0] sig;
    logic [9:0]  e;
    sig = {x[30:23] != '0, x[22:0]};
    e   = 10'd64 + ((x[30:23] == '0) ? 10'd1 : {2'b0, x[30:23]});
    if (x[30:23] == '0) begin
      for (int unsigned i = 5; i > 0; i--) begin
        if ((sig >> (24 - (1 << (i - 1)))) == '0) begin
          sig = sig << (1 << (i - 1));
          e   = e - 10'(1 << (i - 1));
        end
      end
    end
    return {14'b0, e, sig};
  endfunction

  function automatic float_sig_t fp32_sig(logic [31:0] x);
    return '{sign: x[31], inf: x[30:0] == Fp32Inf[30:0], nan: x[30:0] > Fp32Inf[30:0], rsvd: '0, sig: '0};
  endfunction

  // ---------------------------------------------------------------- decode: 8 bits and less

  /// Exponent with E5M2's bias (subnormals as 1) plus 64, 0 for a zero element: the sum of two is at
  /// least 130 if the product is not zero and at most 95 if it is.
  function automatic logic [7:0] fp8_exp(logic [6:0] x, logic e5m2);
    logic [7:0] e5, e4;
    e5 = (x[6:2] != '0) ? {3'b010, x[6:2]} : 8'd65;
    e4 = (x[6:3] != '0) ? 8'd72 + {4'b0, x[6:3]} : 8'd73;  // 64 + 15 - 7
    return (x == '0) ? '0 : e5m2 ? e5 : e4;
  endfunction

  function automatic fp8_sig_t fp8_sig(logic [7:0] x, logic e5m2);
    if (e5m2) return '{sign: x[7], inf: x[6:0] == 7'h7c, nan: x[6:0] > 7'h7c, rsvd: 1'b0, sig: {x[6:2] != '0, x[1:0], 1'b0}};
    return '{sign: x[7], inf: 1'b0, nan: x[6:0] == '1, rsvd: 1'b0, sig: {x[6:3] != '0, x[2:0]}};
  endfunction

  /// An FP6 element as an integer in units of 2^-4.
  function automatic logic [15:0] fp6_int(logic [5:0] x, logic e3m2);
    logic [15:0] v;
    if (e3m2) v = {13'b0, x[4:2] != '0, x[1:0]} << ((x[4:2] == '0) ? 3'd0 : x[4:2] - 3'd1);
    else v = {12'b0, x[4:3] != '0, x[2:0]} << ((x[4:3] == '0) ? 2'd1 : x[4:3]);
    return x[5] ? -v : v;
  endfunction

  /// A nibble as an integer: INT4, or E2M1 in units of 2^-1.
  function automatic logic [7:0] nibble_int(logic [3:0] x, logic fp4);
    logic [7:0] v;
    v = {6'b0, x[2:1] != '0, x[0]} << ((x[2:1] == '0) ? 2'd0 : x[2:1] - 2'd1);
    if (x[3]) v = -v;
    return fp4 ? v : {{4{x[3]}}, x};
  endfunction

  // ---------------------------------------------------------------- groups, step 1: products

  // Special elements only set flags: what they add to the sum never reaches a result.

  /// What the product of two elements sets; `zero`: the element is zero.
  function automatic flags_t special_product(logic sign, logic a_inf, logic a_nan, logic a_zero,
                                             logic b_inf, logic b_nan, logic b_zero);
    return '{nan: a_nan || b_nan || (a_inf && b_zero) || (a_zero && b_inf),
             pinf: (a_inf || b_inf) && !sign, ninf: (a_inf || b_inf) && sign};
  endfunction

  function automatic flags_t float_special(float_sig_t a, float_sig_t b);
    return special_product(a.sign ^ b.sign, a.inf, a.nan, a.sig == '0, b.inf, b.nan, b.sig == '0);
  endfunction

  function automatic flags_t fp8_special(fp8_sig_t a, fp8_sig_t b);
    return special_product(a.sign ^ b.sign, a.inf, a.nan, a.sig == '0, b.inf, b.nan, b.sig == '0);
  endfunction

  /// One product and its distance to the largest exponent.
  function automatic float_part_t float_part(float_sig_t a, float_sig_t b, logic [31:0] shift);
    return '{sign: a.sign ^ b.sign, rsvd: '0, p: 22'({21'b0, a.sig} * {21'b0, b.sig}),
             shift: (shift > 32'd31) ? 5'd31 : shift[4:0]};
  endfunction

  /// One FP8 product. The exponents of products that are not zero are at most 58 apart, and a product of zero may be
  /// shifted by anything: 6 bits of the distance are enough.
  function automatic fp8_part_t fp8_part(fp8_sig_t a, fp8_sig_t b, logic [5:0] shift);
    return '{sign: a.sign ^ b.sign, rsvd: 1'b0, p: 8'({28'b0, a.sig} * {28'b0, b.sig}), shift: shift};
  endfunction

  /// One FP32 product, its lowest 18 bits cut off.
  function automatic logic [31:0] fp32_part(logic [23:0] a, logic [23:0] b);
    return 32'(({40'b0, a} * {40'b0, b}) >> 18);
  endfunction

  /// A partial sum of integers as a word: 28 bits.
  function automatic logic [31:0] int_part(logic [31:0] sum);
    return {4'b0, sum[27:0]};
  endfunction

  /// Two INT8 products.
  function automatic logic [31:0] int8_part(logic [15:0] a, logic [15:0] b);
    return 32'($signed(a[15:8])) * 32'($signed(b[15:8])) + 32'($signed(a[7:0])) * 32'($signed(b[7:0]));
  endfunction

  /// One FP6 product.
  function automatic logic [31:0] fp6_part(logic [15:0] a, logic [15:0] b);
    return 32'($signed(a[9:0])) * 32'($signed(b[9:0]));
  endfunction

  /// Two INT4 or E2M1 products.
  function automatic logic [31:0] nibble_part(logic [15:0] a, logic [15:0] b);
    return 32'($signed(a[12:8])) * 32'($signed(b[12:8])) + 32'($signed(a[4:0])) * 32'($signed(b[4:0]));
  endfunction

  /// Exponent of a group of integers: INT8 with MX scales counts in units of 2^-12, FP6 of 2^-8, E2M1 of 2^-2; their
  /// sums then move to the window.
  function automatic exp_t int_exp(mode_e mode);
    if (mode == ModeFp6) return 10'd328;
    return (mode == ModeInt8) ? 10'd321 : 10'd325;
  endfunction

  // ---------------------------------------------------------------- groups, step 2: sum

  /// A product in the 32-bit window below the largest exponent, truncated on the magnitude, then signed.
  function automatic logic [31:0] float_term(float_part_t x);
    return (({4'b0, x.p, 6'b0} >> x.shift) ^ {32{x.sign}}) + {31'b0, x.sign};
  endfunction

  function automatic logic [31:0] fp8_term(fp8_part_t x);
    logic [31:0] t;
    t = x.shift[5] ? '0 : {4'b0, x.p, 20'b0} >> x.shift[4:0];
    return (t ^ {32{x.sign}}) + {31'b0, x.sign};
  endfunction

  /// The partial sum in a word.
  function automatic logic [31:0] int_term(logic [31:0] x);
    return 32'($signed(x[27:0]));
  endfunction

  /// A sum of integers in the window.
  function automatic logic [31:0] int_window(logic [31:0] s, mode_e mode, logic int32);
    if (int32) return s;
    if (mode == ModeFp6) return s << 8;
    return (mode == ModeInt8) ? s << 11 : s << 17;
  endfunction

  // ---------------------------------------------------------------- accumulators

  /// Add the group s * 2^(eg-344) to the accumulator m * 2^(e-344): the operand with the smaller exponent is shifted
  /// (floor); an accumulator that fits 32 bits is first moved down by up to 15 bits, so that small groups are not lost.
  function automatic void float_add(input logic [47:0] m, input exp_t e, input logic [31:0] s, input exp_t eg,
                                    output logic [47:0] m_sum, output exp_t e_sum);
    logic [63:0] a, g, t, ea, ge, d, k;
    logic        up, wide;
    a    = 64'($signed(m));
    g    = 64'($signed(s));
    ea   = {54'b0, e};
    ge   = {54'b0, eg};
    up   = ge >= ea || m == '0;  // an accumulator of zero has no exponent, and no distance matters to it
    wide = ((a + 64'h8000_0000) >> 32) != '0;
    d    = (up ? ge - ea : ea - ge) & 64'h3ff;
    k    = (up || wide) ? '0 : (d > 64'd15) ? 64'd15 : d;
    a    = sra64(a, !up ? '0 : (d > 64'd47) ? 6'd47 : d[5:0]) << k[3:0];
    ea   = up ? ge : ea - k;
    d    = d - k;
    g    = sra64(g, up ? '0 : (d > 64'd31) ? 6'd31 : d[5:0]);
    t    = a + g;
    if (t[47] != t[46]) begin
      t  = sra64(t, 6'd8);
      ea = ea + 64'd8;
    end
    m_sum = (s == '0) ? m : t[47:0];
    e_sum = (s == '0) ? e : ea[9:0];
  endfunction

  /// Accumulator that holds the FP32 number `x` exactly.
  function automatic acc_t fp32_preload(logic [31:0] x);
    /* verilator no_inline_task */
    acc_t        r;
    logic [47:0] sig;
    r   = '0;
    sig = {17'b0, x[30:23] != '0, x[22:0], 7'b0};
    r.m = x[31] ? -sig : sig;
    r.e = ((x[30:23] == '0) ? 10'd1 : {2'b0, x[30:23]}) + 10'd187;  // 123 and 64
    if (x[30:23] == '1) begin
      r.flags.nan  = x[22:0] != '0;
      r.flags.pinf = x[22:0] == '0 && !x[31];
      r.flags.ninf = x[22:0] == '0 && x[31];
    end
    return r;
  endfunction

  function automatic acc_t int32_preload(logic [31:0] x);
    acc_t r;
    r   = '0;
    r.m = {16'b0, x};
    return r;
  endfunction

  // ---------------------------------------------------------------- drain

  /// Step 1: magnitude.
  function automatic mag_t drain_mag(acc_t a, logic int32);
    /* verilator no_inline_task */
    mag_t r;
    r.nan = (a.flags.nan || (a.flags.pinf && a.flags.ninf)) && !int32;
    r.inf = (a.flags.pinf || a.flags.ninf) && !int32;
    r.neg = (r.inf ? a.flags.ninf : a.m[47]) && !int32;
    r.e   = a.e;
    r.m   = (a.m[47] && !int32) ? -a.m : a.m;
    return r;
  endfunction

  /// Step 2: the leading one to bit 47, by halving; bit 10 stands for itself and all below.
  function automatic mag_t drain_norm(mag_t a, logic int32);
    /* verilator no_inline_task */
    mag_t        r;
    logic [63:0] q;
    logic [5:0]  n;
    q = {a.m, 16'b0};
    n = '0;
    for (int unsigned i = 6; i > 0; i--) begin
      if ((q >> (64 - (1 << (i - 1)))) == '0) begin
        q = q << (1 << (i - 1));
        n = n | 6'(1 << (i - 1));
      end
    end
    r = a;
    if (!int32) r.m = {q[63:27], q[26:16] != '0, 10'b0};
    r.e = a.e + 10'd47 - {4'b0, n};
    return r;
  endfunction

  /// Step 3: round once, nearest-even, to FP32.
  function automatic result_t drain_round(mag_t a);
    /* verilator no_inline_task */
    result_t     o;
    logic [31:0] e, field, r;
    logic [63:0] m;
    logic [5:0]  n;
    e = {22'b0, a.e};
    // Biased exponent minus 1 of the result; bits below 2^-149 are lost too.
    field = '0;
    n     = '0;
    if (e > 32'd218) field = e - 32'd218;
    else n = (32'd218 - e > 32'd26) ? 6'd26 : 6'(32'd218 - e);
    m      = {a.m[47:10], 26'b0} >> n;  // nothing is cut off
    r      = (field << 23) + {8'b0, m[63:40]} + {31'b0, m[39] && (m[40] || m[38:0] != '0)};
    o.nan  = a.nan;
    o.over = 1'b0;
    if (!a.m[47]) begin
      r = '0;
    end else begin
      if (field >= 32'd254 || r >= Fp32Inf) begin
        r      = Fp32Inf;
        o.over = 1'b1;
      end
      r[31] = a.neg;
    end
    if (a.inf || a.nan) begin
      r      = a.nan ? Fp32Nan : {a.neg, Fp32Inf[30:0]};
      o.over = 1'b0;
    end
    o.bits = r;
    return o;
  endfunction

  /// All behind step 2, or an integer as it is; then optional ReLU (negative numbers, -0 and -Inf to +0; NaN stays).
  function automatic result_t drain(mag_t a, logic int32, logic relu);
    result_t r;
    if (int32) r = '{nan: 1'b0, over: 1'b0, bits: a.m[31:0]};
    else r = drain_round(a);
    if (relu && r.bits[31]) r.bits = '0;  // the canonical NaN is positive
    return r;
  endfunction

  /// FP32 to BF16, nearest-even; NaN becomes the canonical one.
  function automatic logic [15:0] fp32_to_bf16(logic [31:0] x);
    logic [31:0] r;
    r = x + 32'h7fff + {31'b0, x[16]};
    if (x[30:0] > Fp32Inf[30:0]) r = Fp32Nan;
    return r[31:16];
  endfunction

  /// The rounding to BF16 made a finite number infinite.
  function automatic logic bf16_over(logic [31:0] x);
    return x[30:0] >= 31'h7f7f_8000 && x[30:0] < Fp32Inf[30:0];
  endfunction

endpackage
