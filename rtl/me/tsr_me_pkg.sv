// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the matrix engine as pure functions, and the address generator's mask rule.
///
/// Written for synthesis and for simulation speed alike: values of at most 64 bits, shift amounts just
/// as wide as the shifted value needs. The C++ mirror is `model/numerics/matrix.hpp`.
package tsr_me_pkg;

  // ---------------------------------------------------------------- types

  /// What a row or column of cells must know of four BF16 elements besides their exponents.
  /// Bit or index k belongs to element k.
  typedef struct packed {
    logic            special;  // some element is Inf or NaN
    logic            nan;      // some element is NaN
    logic [3:0]      inf;
    logic [3:0]      zero;
    logic [3:0]      sign;
    logic [3:0][7:0] sig;      // significand with the hidden bit
  } meta_t;

  /// Sum of one group: s * 2^(e-280) for BF16; the plain integer `s` for INT8.
  typedef struct packed {
    logic        nan;
    logic        pinf;
    logic        ninf;
    logic [8:0]  e;
    logic [31:0] s;  // signed
  } grp_t;

  /// Accumulator: m * 2^(e-280) for BF16; the integer m[31:0] for INT8.
  typedef struct packed {
    logic        nan;   // sticky
    logic        pinf;  // sticky
    logic        ninf;  // sticky
    logic [11:0] e;     // 2..508 in use, see docs/numerics.md
    logic [47:0] m;     // signed, never normalized
  } acc_t;

  localparam logic [31:0] Fp32Nan = 32'h7fc0_0000;
  localparam logic [31:0] Fp32Inf = 32'h7f80_0000;

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

  // ---------------------------------------------------------------- BF16 operands

  /// Four exponents in 16-bit lanes: 256 + biased exponent (subnormals as 1), 0 for a zero element. So
  /// the sum of two is at least 514 if the product is not zero and at most 511 if it is.
  function automatic logic [63:0] bf16_exps(logic [63:0] lane);
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

  function automatic meta_t bf16_meta(logic [63:0] lane);
    meta_t       r;
    logic [15:0] x;
    r = '0;
    for (int unsigned k = 0; k < 4; k++) begin
      x = lane[16*k+:16];
      r.sign[k] = x[15];
      r.zero[k] = x[14:0] == '0;
      r.sig[k]  = {x[14:7] != '0, x[6:0]};
      if (x[14:7] == '1) begin
        r.special = 1'b1;
        if (x[6:0] == '0) r.inf[k] = 1'b1;
        else r.nan = 1'b1;
      end
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- groups

  /// One product, aligned: (p << 12) >> (emax - ep), truncated on the magnitude, then signed.
  function automatic logic [31:0] bf16_term(logic [7:0] a, logic [7:0] b, logic sign,
                                            logic [31:0] shift);
    logic [31:0] t, neg;
    logic [4:0]  n;
    n   = (shift > 32'd31) ? 5'd31 : shift[4:0];
    t   = (({24'b0, a} * {24'b0, b}) << 12) >> n;
    neg = {32{sign}};
    return (t ^ neg) - neg;
  endfunction

  /// Sum of four BF16 products in a 32-bit window below the largest exponent. Special elements only set
  /// flags: what they add to `s` never reaches a result.
  function automatic grp_t bf16_group(logic [63:0] ax, meta_t ay, logic [63:0] bx, meta_t by);
    grp_t        g;
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
    g    = '0;
    g.e  = top[8:0];  // minus 2 * 256
    g.s  = bf16_term(ay.sig[0], by.sig[0], sign[0], top - e0) +
           bf16_term(ay.sig[1], by.sig[1], sign[1], top - e1) +
           bf16_term(ay.sig[2], by.sig[2], sign[2], top - e2) +
           bf16_term(ay.sig[3], by.sig[3], sign[3], top - e3);
    if (ay.special || by.special) begin
      inf    = ay.inf | by.inf;
      g.nan  = ay.nan || by.nan || ((ay.inf & by.zero) | (ay.zero & by.inf)) != '0;
      g.pinf = (inf & ~sign) != '0;
      g.ninf = (inf & sign) != '0;
    end
    return g;
  endfunction

  /// Sum of eight INT8 products, exact.
  function automatic grp_t int8_group(logic [63:0] a, logic [63:0] b);
    grp_t               g;
    logic signed [31:0] s;
    s = '0;
    for (int unsigned k = 0; k < 8; k++) begin
      s += 32'($signed(a[8*k+:8])) * 32'($signed(b[8*k+:8]));
    end
    g   = '0;
    g.s = s;
    return g;
  endfunction

  // ---------------------------------------------------------------- accumulators

  /// Add a BF16 group: the operand with the smaller exponent is shifted (floor); an accumulator that
  /// fits 32 bits is first moved down by up to 15 bits, so that small groups are not lost.
  function automatic acc_t bf16_add(acc_t a, grp_t g);
    acc_t        r;
    logic [63:0] m, s;
    logic [31:0] e, eg, d, k;
    m  = {{16{a.m[47]}}, a.m};
    s  = {{32{g.s[31]}}, g.s};
    eg = {23'b0, g.e};
    e  = (m == '0) ? eg : {20'b0, a.e};
    if (eg >= e) begin
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
      r.e = e[11:0];
    end
    r.nan  = a.nan | g.nan;
    r.pinf = a.pinf | g.pinf;
    r.ninf = a.ninf | g.ninf;
    return r;
  endfunction

  /// Add an INT8 group: 32 bits, wraps.
  function automatic acc_t int8_add(acc_t a, grp_t g);
    acc_t r;
    r   = '0;
    r.m = {16'b0, a.m[31:0] + g.s};
    return r;
  endfunction

  /// Accumulator that holds the FP32 number `x` exactly.
  function automatic acc_t fp32_preload(logic [31:0] x);
    acc_t        r;
    logic [47:0] sig;
    r   = '0;
    sig = {17'b0, x[30:23] != '0, x[22:0], 7'b0};
    r.m = x[31] ? -sig : sig;
    r.e = ((x[30:23] == '0) ? 12'd1 : {4'b0, x[30:23]}) + 12'd123;
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

  /// Round the accumulator once, nearest-even, to FP32.
  function automatic logic [31:0] fp32_drain(acc_t a);
    logic [63:0] mag, half, q;
    logic [5:0]  top, n;
    logic [31:0] e, shift, field, r;
    logic        neg;
    neg = a.m[47];
    mag = {16'b0, neg ? -a.m : a.m};
    // Position of the leading one, by halving.
    top = '0;
    q   = mag;
    for (int unsigned i = 6; i > 0; i--) begin
      if ((q >> (1 << (i - 1))) != '0) begin
        q   = q >> (1 << (i - 1));
        top = top | 6'(1 << (i - 1));
      end
    end
    // Weight of bit 0 of the result's significand: bit top - 23, or 2^-149 if that is higher.
    e     = {20'b0, a.e};
    field = '0;  // biased exponent minus 1 of the result
    if (e + {26'b0, top} > 32'd154) field = e + {26'b0, top} - 32'd154;
    if (field + 32'd131 > e) begin  // bits are lost
      shift = field + 32'd131 - e;
      n     = (shift > 32'd50) ? 6'd50 : shift[5:0];
      half  = 64'd1 << (n - 6'd1);
      q     = (mag + half - 64'd1 + {63'b0, 1'(mag >> n)}) >> n;
    end else begin
      shift = e - field - 32'd131;
      q     = mag << shift[4:0];  // the result has at most 24 bits
    end
    r = (field << 23) + q[31:0];
    if (field >= 32'd254 || r >= Fp32Inf) r = Fp32Inf;
    if (a.m == '0) r = '0;
    r[31] = neg;
    if (a.pinf) r = Fp32Inf;
    if (a.ninf) r = Fp32Inf | 32'h8000_0000;
    if (a.nan || (a.pinf && a.ninf)) r = Fp32Nan;
    return r;
  endfunction

  /// Drain step: format, then optional ReLU (negative numbers, -0 and -Inf to +0; NaN stays).
  function automatic logic [31:0] drain(acc_t a, logic int8, logic relu);
    logic [31:0] r;
    if (int8) r = a.m[31:0];
    else r = fp32_drain(a);
    if (relu && r[31]) r = '0;  // the canonical NaN is positive
    return r;
  endfunction

  /// FP32 to BF16, nearest-even; NaN becomes the canonical one.
  function automatic logic [15:0] fp32_to_bf16(logic [31:0] x);
    logic [31:0] r;
    r = x + 32'h7fff + {31'b0, x[16]};
    if (x[30:0] > Fp32Inf[30:0]) r = Fp32Nan;
    return r[31:16];
  endfunction

  // ---------------------------------------------------------------- address generator

  /// Valid bytes of an access: lane l is column l mod w of row l / w. Rows from `rows` on are
  /// masked, counted from `row0`; so are bytes from `bytes` on in each row group.
  function automatic logic [63:0] agu_strb(logic [1:0] w_log2, logic [3:0] row0, logic row_en,
                                           logic [3:0] rows, logic byte_en, logic [6:0] bytes);
    logic [63:0] r;
    logic [4:0]  row;
    logic [3:0]  col;
    logic [6:0]  n;
    r = '0;
    for (int unsigned l = 0; l < 8; l++) begin
      row = {1'b0, row0} + (5'(l) >> w_log2);
      col = 4'(l) & ((4'd1 << w_log2) - 4'd1);
      n   = (bytes <= {col, 3'b0}) ? '0 : bytes - {col, 3'b0};
      if (!byte_en || n > 7'd8) n = 7'd8;
      if (!row_en || row < {1'b0, rows}) r[8*l+:8] = ~(8'hff << n[3:0]);
    end
    return r;
  endfunction

endpackage
