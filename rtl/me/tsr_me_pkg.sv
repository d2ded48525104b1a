// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the matrix engine as pure functions.
///
/// Written for synthesis and for simulation speed alike: values of at most 64 bits, shift amounts just
/// as wide as the shifted value needs. Simulation shares one copy of the large functions (no_inline_task): that is
/// faster than many inlined ones. The C++ mirror is `model/numerics/matrix.hpp`; docs/numerics.md is
/// the contract in words.
///
/// An operand is the 8 bytes that a beat brings for one row or column, decoded once for all cells of
/// the row or column into two words x and y:
///
/// | mode | formats | x | y |
/// |---|---|---|---|
/// | ModeFloat | BF16, FP16, TF32 | 4 exponents of 16 bits | float_y_t |
/// | ModeFp8 | E4M3, E5M2 | 8 exponents of 8 bits | fp8_y_t |
/// | ModeFp32 | FP32 | exponent, normalized significand | float_y_t of element 0 |
/// | ModeInt8 | INT8 | 8 bytes | |
/// | ModeFp6 | E3M2, E2M3 | elements 0..3, signed, 16 bits each | elements 4..7 |
/// | ModeNibble | E2M1, INT4 | elements 0..7, signed, 8 bits each | elements 8..15 |
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

  /// Two to four floating-point elements besides their exponents. Bit or index k belongs to element k.
  typedef struct packed {
    logic [5:0]       rsvd;
    logic             special;  // some element is Inf or NaN
    logic             nan;      // some element is NaN
    logic [3:0]       inf;
    logic [3:0]       zero;
    logic [3:0]       sign;
    logic [3:0][10:0] sig;      // significand with the hidden bit: 1.10 bits
  } float_y_t;

  /// Eight FP8 elements besides their exponents.
  typedef struct packed {
    logic [5:0]      rsvd;
    logic            special;
    logic            nan;
    logic [7:0]      inf;
    logic [7:0]      zero;
    logic [7:0]      sign;
    logic [7:0][3:0] sig;       // 1.3 bits
  } fp8_y_t;

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

  /// What a group's sum has besides its significand.
  typedef struct packed {
    logic               nan;
    logic               pinf;
    logic               ninf;
    logic signed [12:0] e;
  } head_t;

  /// Sum of one group: s * 2^(e-280), or the plain integer `s`.
  typedef struct packed {
    head_t       head;
    logic [31:0] s;  // signed
  } grp_t;

  /// A product on its way to the sum: (p << 6) >> shift, with its sign. Two make a word.
  typedef struct packed {
    logic [3:0]  rsvd;
    logic        sign;
    logic [4:0]  shift;
    logic [21:0] p;
  } float_part_t;

  /// A product of FP8 elements: (p << 20) >> shift, with its sign. Four make a word.
  typedef struct packed {
    logic       rsvd;
    logic       sign;
    logic [5:0] shift;
    logic [7:0] p;
  } fp8_part_t;

  /// Accumulator: m * 2^(e-280), or the integer m[31:0].
  typedef struct packed {
    logic               nan;   // sticky
    logic               pinf;  // sticky
    logic               ninf;  // sticky
    logic signed [12:0] e;     // -46..554 in use, see docs/numerics.md
    logic [47:0]        m;     // signed, never normalized
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

  function automatic logic [63:0] bf16_x(logic [63:0] lane);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [15:0] x;
    r = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      x = lane[16*k+:16];
      if (x[14:7] != '0) r[16*k+:16] = {8'h01, x[14:7]};
      else if (x[6:0] != '0) r[16*k+:16] = 16'h0101;
    end
    return r;
  endfunction

  function automatic float_y_t bf16_y(logic [63:0] lane);
    float_y_t    r;
    logic [15:0] x;
    r = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      x = lane[16*k+:16];
      r.sign[k] = x[15];
      r.zero[k] = x[14:0] == '0;
      r.sig[k]  = {x[14:7] != '0, x[6:0], 3'b0};
      if (x[14:7] == '1) begin
        r.special = 1'b1;
        if (x[6:0] == '0) r.inf[k] = 1'b1;
        else r.nan = 1'b1;
      end
    end
    return r;
  endfunction

  function automatic logic [63:0] fp16_x(logic [63:0] lane);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [15:0] x;
    r = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      x = lane[16*k+:16];
      if (x[14:10] != '0) r[16*k+:16] = 16'd368 + {11'b0, x[14:10]};  // 256 + 127 - 15
      else if (x[9:0] != '0) r[16*k+:16] = 16'd369;
    end
    return r;
  endfunction

  function automatic float_y_t fp16_y(logic [63:0] lane);
    float_y_t    r;
    logic [15:0] x;
    r = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      x = lane[16*k+:16];
      r.sign[k] = x[15];
      r.zero[k] = x[14:0] == '0;
      r.sig[k]  = {x[14:10] != '0, x[9:0]};
      if (x[14:10] == '1) begin
        r.special = 1'b1;
        if (x[9:0] == '0) r.inf[k] = 1'b1;
        else r.nan = 1'b1;
      end
    end
    return r;
  endfunction

  function automatic logic [63:0] tf32_x(logic [63:0] lane);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [18:0] x;
    r = '0;
    for (int unsigned k = 0; k < 2; k++) begin
      x = lane[32*k+13+:19];
      if (x[17:10] != '0) r[16*k+:16] = {8'h01, x[17:10]};
      else if (x[9:0] != '0) r[16*k+:16] = 16'h0101;
    end
    return r;
  endfunction

  function automatic float_y_t tf32_y(logic [63:0] lane);
    float_y_t    r;
    logic [18:0] x;
    r      = '0;
    r.zero = '1;
    for (int unsigned k = 0; k < 2; k++) begin
      x = lane[32*k+13+:19];
      r.sign[k] = x[18];
      r.zero[k] = x[17:0] == '0;
      r.sig[k]  = {x[17:10] != '0, x[9:0]};
      if (x[17:10] == '1) begin
        r.special = 1'b1;
        if (x[9:0] == '0) r.inf[k] = 1'b1;
        else r.nan = 1'b1;
      end
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- decode: FP32

  /// Bits 23:0: significand with its leading one in bit 23, 0 for zero; bits 33:24: 64 + exponent, which a
  /// subnormal has at or below 0.
  function automatic logic [63:0] fp32_x(logic [31:0] x);
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
    return {30'b0, e, sig};
  endfunction

  function automatic float_y_t fp32_y(logic [31:0] x);
    /* verilator no_inline_task */
    float_y_t r;
    r         = '0;
    r.sign[0] = x[31];
    r.zero    = {3'b111, x[30:0] == '0};
    if (x[30:23] == '1) begin
      r.special = 1'b1;
      if (x[22:0] == '0) r.inf[0] = 1'b1;
      else r.nan = 1'b1;
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- decode: 8 bits and less

  /// Exponents with E5M2's bias (subnormals as 1) plus 64, 0 for a zero element: the sum of two is at
  /// least 130 if the product is not zero and at most 95 if it is.
  function automatic logic [63:0] fp8_x(logic [63:0] lane, logic e5m2);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [6:0]  x;
    r = '0;
    for (int unsigned k = 0; k < 8; k++) begin
      x = lane[8*k+:7];
      if (e5m2) begin
        if (x[6:2] != '0) r[8*k+:8] = {3'b010, x[6:2]};
        else if (x[1:0] != '0) r[8*k+:8] = 8'd65;
      end else begin
        if (x[6:3] != '0) r[8*k+:8] = 8'd72 + {4'b0, x[6:3]};  // 64 + 15 - 7
        else if (x[2:0] != '0) r[8*k+:8] = 8'd73;
      end
    end
    return r;
  endfunction

  function automatic fp8_y_t fp8_y(logic [63:0] lane, logic e5m2);
    fp8_y_t     r;
    logic [6:0] x;
    r = '0;
    for (int unsigned k = 0; k < 8; k++) begin
      x = lane[8*k+:7];
      r.sign[k] = lane[8*k+7];
      r.zero[k] = x == '0;
      if (e5m2) begin
        r.sig[k] = {x[6:2] != '0, x[1:0], 1'b0};
        if (x[6:2] == '1) begin
          r.special = 1'b1;
          if (x[1:0] == '0) r.inf[k] = 1'b1;
          else r.nan = 1'b1;
        end
      end else begin
        r.sig[k] = {x[6:3] != '0, x[2:0]};
        if (x == '1) begin
          r.special = 1'b1;
          r.nan     = 1'b1;
        end
      end
    end
    return r;
  endfunction

  /// Four FP6 elements as integers in units of 2^-4.
  function automatic logic [63:0] fp6_ints(logic [31:0] bytes, logic e3m2);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [5:0]  x;
    logic [15:0] v;
    for (int unsigned k = 0; k < 4; k++) begin
      x = bytes[8*k+:6];
      if (e3m2) v = {13'b0, x[4:2] != '0, x[1:0]} << ((x[4:2] == '0) ? 3'd0 : x[4:2] - 3'd1);
      else v = {12'b0, x[4:3] != '0, x[2:0]} << ((x[4:3] == '0) ? 2'd1 : x[4:3]);
      r[16*k+:16] = x[5] ? -v : v;
    end
    return r;
  endfunction

  /// Eight nibbles as integers: INT4, or E2M1 in units of 2^-1.
  function automatic logic [63:0] nibble_ints(logic [31:0] nibbles, logic fp4);
    /* verilator no_inline_task */
    logic [63:0] r;
    logic [3:0]  x;
    logic [7:0]  v;
    for (int unsigned k = 0; k < 8; k++) begin
      x = nibbles[4*k+:4];
      if (fp4) begin
        v = {6'b0, x[2:1] != '0, x[0]} << ((x[2:1] == '0) ? 2'd0 : x[2:1] - 2'd1);
        if (x[3]) v = -v;
      end else begin
        v = {{4{x[3]}}, x};
      end
      r[8*k+:8] = v;
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- groups, step 1: products

  // The parts of a group are two words x and y of lanes, and a head: its exponent and what special elements make of it.
  // Special elements only set flags: what they add to the sum never reaches a result.

  /// One product and its distance to the largest exponent.
  function automatic logic [31:0] float_part(logic [10:0] a, logic [10:0] b, logic sign, logic [31:0] shift);
    float_part_t r;
    r.rsvd  = '0;
    r.sign  = sign;
    r.shift = (shift > 32'd31) ? 5'd31 : shift[4:0];
    r.p     = 22'({21'b0, a} * {21'b0, b});
    return r;
  endfunction

  /// Four products.
  function automatic void float_parts(logic [63:0] ax, float_y_t ay, logic [63:0] bx, float_y_t by,
                                      output logic [63:0] x, output logic [63:0] y, output head_t head);
    /* verilator no_inline_task */
    logic [63:0] ep;
    logic [31:0] e0, e1, e2, e3, top;
    logic [3:0]  sign, inf;
    ep   = ax + bx;  // lanes cannot carry: 511 + 511 < 2^16
    e0   = {16'b0, ep[15:0]};
    e1   = {16'b0, ep[31:16]};
    e2   = {16'b0, ep[47:32]};
    e3   = {16'b0, ep[63:48]};
    top  = max32(max32(e0, e1), max32(e2, e3));
    sign = ay.sign ^ by.sign;
    x    = {float_part(ay.sig[1], by.sig[1], sign[1], top - e1), float_part(ay.sig[0], by.sig[0], sign[0], top - e0)};
    y    = {float_part(ay.sig[3], by.sig[3], sign[3], top - e3), float_part(ay.sig[2], by.sig[2], sign[2], top - e2)};
    head   = '0;
    head.e = {4'b0, top[8:0]};  // minus 2 * 256
    if (ay.special || by.special) begin
      inf       = ay.inf | by.inf;
      head.nan  = ay.nan || by.nan || ((ay.inf & by.zero) | (ay.zero & by.inf)) != '0;
      head.pinf = (inf & ~sign) != '0;
      head.ninf = (inf & sign) != '0;
    end
  endfunction

  /// One FP8 product. The exponents of products that are not zero are at most 58 apart, and a product of zero may be
  /// shifted by anything: 6 bits of the distance are enough.
  function automatic logic [15:0] fp8_part(logic [3:0] a, logic [3:0] b, logic sign, logic [5:0] shift);
    fp8_part_t r;
    r.rsvd  = 1'b0;
    r.sign  = sign;
    r.shift = shift;
    r.p     = {4'b0, a} * {4'b0, b};
    return r;
  endfunction

  /// Eight FP8 products.
  function automatic void fp8_parts(logic [63:0] ax, fp8_y_t ay, logic [63:0] bx, fp8_y_t by,
                                    output logic [63:0] x, output logic [63:0] y, output head_t head);
    /* verilator no_inline_task */
    logic [63:0] ep, d;
    logic [31:0] e0, e1, e2, e3, e4, e5, e6, e7, top;
    logic [7:0]  sign, inf;
    ep   = ax + bx;  // lanes cannot carry: 95 + 95 < 2^8
    e0   = {24'b0, ep[7:0]};
    e1   = {24'b0, ep[15:8]};
    e2   = {24'b0, ep[23:16]};
    e3   = {24'b0, ep[31:24]};
    e4   = {24'b0, ep[39:32]};
    e5   = {24'b0, ep[47:40]};
    e6   = {24'b0, ep[55:48]};
    e7   = {24'b0, ep[63:56]};
    top  = max32(max32(max32(e0, e1), max32(e2, e3)), max32(max32(e4, e5), max32(e6, e7)));
    d    = {8{top[7:0]}} - ep;  // no lane borrows
    sign = ay.sign ^ by.sign;
    x    = {fp8_part(ay.sig[3], by.sig[3], sign[3], d[24+:6]), fp8_part(ay.sig[2], by.sig[2], sign[2], d[16+:6]),
            fp8_part(ay.sig[1], by.sig[1], sign[1], d[8+:6]), fp8_part(ay.sig[0], by.sig[0], sign[0], d[0+:6])};
    y    = {fp8_part(ay.sig[7], by.sig[7], sign[7], d[56+:6]), fp8_part(ay.sig[6], by.sig[6], sign[6], d[48+:6]),
            fp8_part(ay.sig[5], by.sig[5], sign[5], d[40+:6]), fp8_part(ay.sig[4], by.sig[4], sign[4], d[32+:6])};
    head   = '0;
    head.e = {5'b0, top[7:0]} + 13'd96;  // minus 2 * 64, plus 2 * 112 for the bias of E5M2
    if (ay.special || by.special) begin
      inf       = ay.inf | by.inf;
      head.nan  = ay.nan || by.nan || ((ay.inf & by.zero) | (ay.zero & by.inf)) != '0;
      head.pinf = (inf & ~sign) != '0;
      head.ninf = (inf & sign) != '0;
    end
  endfunction

  /// One FP32 product, its lowest 18 bits cut off: the magnitude in x, the sign in y.
  function automatic void fp32_parts(logic [63:0] ax, float_y_t ay, logic [63:0] bx, float_y_t by,
                                     output logic [63:0] x, output logic [63:0] y, output head_t head);
    /* verilator no_inline_task */
    logic sign;
    sign = ay.sign[0] ^ by.sign[0];
    x    = ({40'b0, ax[23:0]} * {40'b0, bx[23:0]}) >> 18;
    y    = {63'b0, sign};
    head   = '0;
    head.e = {3'b0, ax[33:24]} + {3'b0, bx[33:24]} - 13'd130;  // 2 * 64 and 2
    if (ay.special || by.special) begin
      head.nan  = ay.nan || by.nan || (ay.inf[0] && by.zero[0]) || (ay.zero[0] && by.inf[0]);
      head.pinf = (ay.inf[0] || by.inf[0]) && !sign;
      head.ninf = (ay.inf[0] || by.inf[0]) && sign;
    end
  endfunction

  /// Two partial sums of integers as the lanes of a word, 28 bits each.
  function automatic logic [63:0] int_lanes(logic [31:0] high, logic [31:0] low);
    return {4'b0, high[27:0], 4'b0, low[27:0]};
  endfunction

  /// Four of eight INT8 products: two sums of two.
  function automatic logic [63:0] int8_parts(logic [31:0] a, logic [31:0] b);
    /* verilator no_inline_task */
    return int_lanes(32'($signed(a[31:24])) * 32'($signed(b[31:24])) + 32'($signed(a[23:16])) * 32'($signed(b[23:16])),
                     32'($signed(a[15:8])) * 32'($signed(b[15:8])) + 32'($signed(a[7:0])) * 32'($signed(b[7:0])));
  endfunction

  /// Four of eight FP6 products: two sums of two.
  function automatic logic [63:0] fp6_parts(logic [63:0] a, logic [63:0] b);
    /* verilator no_inline_task */
    return int_lanes(32'($signed(a[57:48])) * 32'($signed(b[57:48])) + 32'($signed(a[41:32])) * 32'($signed(b[41:32])),
                     32'($signed(a[25:16])) * 32'($signed(b[25:16])) + 32'($signed(a[9:0])) * 32'($signed(b[9:0])));
  endfunction

  /// Eight of sixteen INT4 or E2M1 products: two sums of four.
  function automatic logic [63:0] nibble_parts(logic [63:0] a, logic [63:0] b);
    /* verilator no_inline_task */
    logic [31:0] low, high;
    low  = '0;
    high = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      low  = low + 32'($signed(a[8*k+:5])) * 32'($signed(b[8*k+:5]));
      high = high + 32'($signed(a[32+8*k+:5])) * 32'($signed(b[32+8*k+:5]));
    end
    return int_lanes(high, low);
  endfunction

  /// Exponent of a group of integers: INT8 with MX scales counts in units of 2^-12, FP6 of 2^-8, E2M1 of 2^-2; their
  /// sums then move to the window.
  function automatic logic signed [12:0] int_exp(mode_e mode);
    if (mode == ModeFp6) return 13'sd264;
    return (mode == ModeInt8) ? 13'sd257 : 13'sd261;
  endfunction

  // ---------------------------------------------------------------- groups, step 2: sum

  /// A product in the 32-bit window below the largest exponent, truncated on the magnitude, then signed.
  function automatic logic [31:0] float_term(float_part_t x);
    return (({4'b0, x.p, 6'b0} >> x.shift) ^ {32{x.sign}}) + {31'b0, x.sign};
  endfunction

  /// Sum of four products.
  function automatic logic [31:0] float_sum(logic [63:0] x, logic [63:0] y);
    /* verilator no_inline_task */
    return float_term(x[31:0]) + float_term(x[63:32]) + float_term(y[31:0]) + float_term(y[63:32]);
  endfunction

  function automatic logic [31:0] fp8_term(fp8_part_t x);
    logic [63:0] t;
    t = {36'b0, x.p, 20'b0} >> x.shift;
    return (t[31:0] ^ {32{x.sign}}) + {31'b0, x.sign};
  endfunction

  /// Sum of eight FP8 products.
  function automatic logic [31:0] fp8_sum(logic [63:0] x, logic [63:0] y);
    /* verilator no_inline_task */
    return fp8_term(x[15:0]) + fp8_term(x[31:16]) + fp8_term(x[47:32]) + fp8_term(x[63:48]) +
           fp8_term(y[15:0]) + fp8_term(y[31:16]) + fp8_term(y[47:32]) + fp8_term(y[63:48]);
  endfunction

  function automatic logic [31:0] fp32_sum(logic [63:0] x, logic [63:0] y);
    return (x[31:0] ^ {32{y[0]}}) + {31'b0, y[0]};
  endfunction

  /// Sum of the partial sums of integers, exact; moved to the window unless it stays an integer.
  function automatic logic [31:0] int_sum(logic [63:0] x, logic [63:0] y, mode_e mode, logic int32);
    /* verilator no_inline_task */
    logic [31:0] s;
    s = 32'($signed(x[27:0])) + 32'($signed(x[59:32])) + 32'($signed(y[27:0])) + 32'($signed(y[59:32]));
    if (int32) return s;
    if (mode == ModeFp6) return s << 8;
    return (mode == ModeInt8) ? s << 11 : s << 17;
  endfunction

  /// Block scales of a row and a column: exponents add, 0xff is NaN.
  function automatic head_t scaled(head_t h, logic [7:0] a, logic [7:0] b);
    /* verilator no_inline_task */
    head_t r;
    r     = h;
    r.e   = h.e + {5'b0, a} + {5'b0, b} - 13'd254;
    r.nan = h.nan || a == '1 || b == '1;
    return r;
  endfunction

  // ---------------------------------------------------------------- accumulators

  /// Add a group: the operand with the smaller exponent is shifted (floor); an accumulator that fits 32
  /// bits is first moved down by up to 15 bits, so that small groups are not lost.
  function automatic acc_t float_add(acc_t a, grp_t g);
    /* verilator no_inline_task */
    acc_t        r;
    logic [63:0] m, s;
    logic [31:0] e, eg, d, k;
    m  = {{16{a.m[47]}}, a.m};
    s  = {{32{g.s[31]}}, g.s};
    eg = {19'b0, g.head.e ^ 13'h1000};  // order of unsigned numbers
    e  = {19'b0, a.e ^ 13'h1000};
    if (eg >= e || m == '0) begin  // an accumulator of zero has no exponent, and no distance matters to it
      d = eg - e;
      m = sra64(m, (d > 32'd47) ? 6'd47 : d[5:0]) + s;
      e = eg;
    end else begin
      d = e - eg;
      k = (d > 32'd15) ? 32'd15 : d;
      if (((m + 64'h8000_0000) >> 32) != '0) k = '0;  // wider than 32 bits
      d = d - k;
      m = (m << k[3:0]) + sra64(s, (d > 32'd31) ? 6'd31 : d[5:0]);
      e = e - k;
    end
    if (m[47] != m[46]) begin
      m = sra64(m, 6'd8);
      e = e + 32'd8;
    end
    r = a;
    if (g.s != '0) begin
      r.m = m[47:0];
      r.e = e[12:0] ^ 13'h1000;
    end
    r.nan  = a.nan | g.head.nan;
    r.pinf = a.pinf | g.head.pinf;
    r.ninf = a.ninf | g.head.ninf;
    return r;
  endfunction

  /// Add an integer group: 32 bits, wraps.
  function automatic acc_t int_add(acc_t a, grp_t g);
    acc_t r;
    r   = '0;
    r.m = {16'b0, a.m[31:0] + g.s};
    return r;
  endfunction

  /// Accumulator that holds the FP32 number `x` exactly.
  function automatic acc_t fp32_preload(logic [31:0] x);
    /* verilator no_inline_task */
    acc_t        r;
    logic [47:0] sig;
    r   = '0;
    sig = {17'b0, x[30:23] != '0, x[22:0], 7'b0};
    r.m = x[31] ? -sig : sig;
    r.e = ((x[30:23] == '0) ? 13'd1 : {5'b0, x[30:23]}) + 13'd123;
    if (x[30:23] == '1) begin
      r.nan  = x[22:0] != '0;
      r.pinf = x[22:0] == '0 && !x[31];
      r.ninf = x[22:0] == '0 && x[31];
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
    mag_t        r;
    logic [31:0] e;
    e     = {{19{a.e[12]}}, a.e} + 32'd64;  // not negative
    r.nan = (a.nan || (a.pinf && a.ninf)) && !int32;
    r.inf = (a.pinf || a.ninf) && !int32;
    r.neg = (r.inf ? a.ninf : a.m[47]) && !int32;
    r.e   = e[9:0];
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
