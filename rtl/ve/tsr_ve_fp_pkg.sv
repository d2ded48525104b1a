// SPDX-License-Identifier: Apache-2.0
/// Arithmetic of the vector engine as pure functions on 32-bit words that are FP32 or INT32: operations
/// of a stage, multiply-add in three steps, conversions of the ports, the reduction. The C++ mirrors are
/// `model/numerics/{convert,vector}.hpp`.
package tsr_ve_fp_pkg;
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_sfu_pkg::*;

  localparam logic [31:0] Nan  = 32'h7fc0_0000;  // the one NaN that results use
  localparam logic [31:0] Inf  = 32'h7f80_0000;
  localparam logic [31:0] Sign = 32'h8000_0000;
  localparam logic [31:0] One  = 32'h3f80_0000;

  function automatic logic is_nan(logic [31:0] x);
    return x[30:0] > Inf[30:0];
  endfunction

  /// Order of FP32 numbers as unsigned integers; -0 is just below +0. Not for NaN.
  function automatic logic [31:0] float_key(logic [31:0] x);
    return x[31] ? ~x : x | Sign;
  endfunction

  function automatic logic [31:0] reversed(logic [31:0] x);
    logic [31:0] r;
    r = ((x >> 1) & 32'h5555_5555) | ((x & 32'h5555_5555) << 1);
    r = ((r >> 2) & 32'h3333_3333) | ((r & 32'h3333_3333) << 2);
    r = ((r >> 4) & 32'h0f0f_0f0f) | ((r & 32'h0f0f_0f0f) << 4);
    r = ((r >> 8) & 32'h00ff_00ff) | ((r & 32'h00ff_00ff) << 8);
    return (r >> 16) | (r << 16);
  endfunction

  /// Zeros above the leading one; 31 for 0 and 1.
  function automatic logic [4:0] leading_zeros(logic [31:0] x);
    logic [31:0] y;
    logic [4:0]  n;
    y = x;
    n = '0;
    for (int unsigned i = 5; i > 0; i--) begin
      if ((y >> (32 - (1 << (i - 1)))) == '0) begin
        y = y << (1 << (i - 1));
        n = n | 5'(1 << (i - 1));
      end
    end
    return n;
  endfunction

  /// One is added to a magnitude whose last bit is `odd`, of which a half bit and lower bits were lost.
  function automatic logic rounds_up(rm_e rm, logic negative, logic odd, logic half, logic low);
    unique case (rm)
      RmZero: return 1'b0;
      RmUp: return !negative && (half || low);
      RmDown: return negative && (half || low);
      default: return half && (low || odd);
    endcase
  endfunction

  // ---------------------------------------------------------------- operations of every stage

  /// Operations OpPass..OpUnord; one shifter and one adder serve all of them, but OpI2F normalizes while it counts.
  function automatic logic [31:0] alu(op_e op, rm_e rm, logic [31:0] a, logic [31:0] b, logic [31:0] c);
    // verilator no_inline_task
    logic [31:0] in, low, q, x, y, sum;
    logic [33:0] t;
    logic [5:0]  n;
    logic [4:0]  lz;
    logic [7:0]  e;
    logic        left, to_f, less, equal, un, half, more, up, carry, over;
    q    = '0;
    up   = 1'b0;
    low  = '0;
    lz   = '0;
    e    = a[30:23];
    left = op == OpShl;
    to_f = op == OpI2F;

    // Shifts to the right; left shifts on the reversed word. `low` masks what is below the half bit.
    if ((op >= OpShl && op <= OpSar) || (op >= OpF2I && op <= OpRound)) begin
      n  = {1'b0, b[4:0]};
      in = a;
      if (op == OpF2I || op == OpRound) begin
        n   = (e >= 8'd158) ? 6'd0 : (e < 8'd125) ? 6'd33 : 6'(8'd158 - e);
        in  = {e != '0, a[22:0], 8'b0};
        low = 32'(~(33'h1_ffff_ffff << n) >> 1);
      end
      t = {op == OpSar && a[31], left ? reversed(in) : in, 1'b0};
      t = 34'($signed(t) >>> n);
      q = left ? reversed(t[32:1]) : t[32:1];
      if (to_f) begin
        q = a[31] ? -a : a;
        for (int unsigned i = 5; i > 0; i--) begin
          if ((q >> (32 - (1 << (i - 1)))) == '0) begin
            q  = q << (1 << (i - 1));
            lz = lz | 5'(1 << (i - 1));
          end
        end
      end
      half = to_f ? q[7] : t[0];
      more = to_f ? q[6:0] != '0 : (in & low) != '0;
      up   = rounds_up(rm, a[31], to_f ? q[8] : q[0], half, more);
    end

    // Addition; comparisons subtract, FP32 numbers as keys in the order of unsigned integers.
    x     = a;
    y     = b;
    carry = 1'b0;
    unique case (op)
      OpMinF, OpMaxF, OpEqF, OpLtF, OpLeF: begin
        x     = float_key(a);
        y     = ~float_key(b);
        carry = 1'b1;
      end
      OpMinI, OpMaxI, OpEqI, OpLtI, OpLeI: begin
        x     = a ^ Sign;
        y     = ~(b ^ Sign);
        carry = 1'b1;
      end
      OpSubI, OpSubSat: begin
        y     = ~b;
        carry = 1'b1;
      end
      OpF2I: begin
        x     = a[31] ? ~q : q;
        y     = '0;
        carry = a[31] ? !up : up;
      end
      OpI2F: begin
        x     = {1'b0, 8'd158 - {3'b0, lz}, q[30:8]};
        y     = '0;
        carry = up;
      end
      OpRound: begin
        if (e < 8'd127) begin
          x = a & Sign;
          y = up ? One : '0;
        end else begin  // low[29:7]: the bits of the fraction below 1
          x     = a | {9'b0, low[29:7]};
          y     = '0;
          carry = up;
        end
      end
      default: ;
    endcase
    {over, sum} = {1'b0, x} + {1'b0, y} + {32'b0, carry};
    less        = !over;
    equal       = sum == '0;

    unique case (op)
      OpAddI, OpSubI: return sum;
      OpAddSat, OpSubSat: return (x[31] == y[31] && sum[31] != x[31]) ? {x[31], {31{!x[31]}}} : sum;
      OpMinI, OpMaxI: return (less == (op == OpMinI)) ? a : b;
      OpMinF, OpMaxF: begin
        if (is_nan(a) && is_nan(b)) return Nan;
        return (is_nan(b) || (!is_nan(a) && less == (op == OpMinF))) ? a : b;
      end
      OpEqI: return {32{equal}};
      OpLtI: return {32{less}};
      OpLeI: return {32{less || equal}};
      OpEqF, OpLtF, OpLeF: begin
        un = is_nan(a) || is_nan(b);
        if (a[30:0] == '0 && b[30:0] == '0) return {32{op != OpLtF}};
        return {32{!un && ((less && op != OpEqF) || (equal && op != OpLtF))}};
      end
      OpUnord: return {32{is_nan(a) || is_nan(b)}};
      OpSel: return a[31] ? b : c;
      OpAnd: return a & b;
      OpOr: return a | b;
      OpXor: return a ^ b;
      OpShl, OpShr, OpSar: return q;
      OpF2I: return (e < 8'd158) ? sum : is_nan(a) ? '0 : {a[31], {31{!a[31]}}};
      OpI2F: return (a == '0) ? '0 : sum | (a & Sign);
      OpRound: begin
        if (e >= 8'd150) return is_nan(a) ? Nan : a;
        return (e < 8'd127) ? sum : sum & ~{9'b0, low[29:7]};
      end
      default: return a;
    endcase
  endfunction

  // ---------------------------------------------------------------- multiply-add

  /// Exact product p * 2^(e-173), or what the result will be whatever is added.
  typedef struct packed {
    logic              nan;
    logic              inf;   // with `sign`
    logic              sign;
    logic signed [9:0] e;     // -125..381; -125 for zero
    logic [47:0]       p;
  } fma_prod_t;

  /// Sum s * 2^(e-176). e = 0: s[1:0] tells a NaN or an infinity of that sign.
  typedef struct packed {
    logic               sign;  // of the sum if s >= 0
    logic               diff;  // of numbers of unlike sign
    logic [8:0]         e;
    logic signed [52:0] s;
  } fma_sum_t;

  /// Step 1: a * b. `c` decides together with the product whether the result is NaN or infinite.
  function automatic fma_prod_t fma_mul(logic [31:0] a, logic [31:0] b, logic [31:0] c);
    // verilator no_inline_task
    fma_prod_t  r;
    logic [9:0] ea, eb;
    logic       za, zb;
    za     = a[30:0] == '0;
    zb     = b[30:0] == '0;
    ea     = {2'b0, a[30:23]} | {9'b0, a[30:23] == '0};
    eb     = {2'b0, b[30:23]} | {9'b0, b[30:23] == '0};
    r.sign = a[31] ^ b[31];
    r.p    = {24'b0, a[30:23] != '0, a[22:0]} * {24'b0, b[30:23] != '0, b[22:0]};
    r.e    = (za || zb) ? -10'sd125 : 10'(ea + eb - 10'd127);
    r.nan  = 1'b0;
    r.inf  = 1'b0;
    if (&a[30:23] || &b[30:23] || &c[30:23]) begin
      logic pi, ci;
      pi    = a[30:0] == Inf[30:0] || b[30:0] == Inf[30:0];
      ci    = c[30:0] == Inf[30:0];
      r.nan = is_nan(a) || is_nan(b) || is_nan(c) || (pi && (za || zb)) ||
              (pi && ci && r.sign != c[31]);
      r.inf = pi || ci;
      if (!pi) r.sign = c[31];
    end
    return r;
  endfunction

  /// Step 2: add c, aligned to the larger exponent; what is shifted out stays as a sticky bit 0.
  function automatic fma_sum_t fma_add(fma_prod_t p, logic [31:0] c);
    // verilator no_inline_task
    fma_sum_t    r;
    logic [9:0]  ec, d;
    logic [63:0] high, low, shifted;
    logic [5:0]  n;
    ec = {2'b0, c[30:23]} | {9'b0, c[30:23] == '0};
    if ($signed(ec) > p.e) begin
      d      = ec - p.e;
      r.e    = ec[8:0];
      r.sign = c[31];
      high    = {14'b0, c[30:23] != '0, c[22:0], 26'b0};
      low  = {13'b0, p.p, 3'b0};
    end else begin
      d      = p.e - ec;
      r.e    = p.e[8:0];
      r.sign = p.sign;
      high    = {13'b0, p.p, 3'b0};
      low  = {14'b0, c[30:23] != '0, c[22:0], 26'b0};
    end
    n       = (d > 10'd52) ? 6'd52 : d[5:0];
    shifted = low >> n;
    if ((low & ~(64'hffff_ffff_ffff_ffff << n)) != '0) shifted[0] = 1'b1;
    r.diff = p.sign != c[31];
    r.s    = r.diff ? 53'(high - shifted) : 53'(high + shifted);
    if (p.nan || p.inf) begin
      r.e      = '0;
      r.sign   = p.sign;
      r.s[1:0] = {p.nan, !p.nan};
    end
    return r;
  endfunction

  /// Zeros above the leading one of 52 bits; 63 for 0.
  function automatic logic [5:0] leading_zeros52(logic [51:0] x);
    logic [63:0] y;
    logic [5:0]  n;
    y = {x, 12'b0};
    n = '0;
    for (int unsigned i = 6; i > 0; i--) begin
      if ((y >> (64 - (1 << (i - 1)))) == '0) begin
        y = y << (1 << (i - 1));
        n = n | 6'(1 << (i - 1));
      end
    end
    return n;
  endfunction

  /// Step 3: normalize and round, nearest-even.
  function automatic logic [31:0] fma_round(fma_sum_t x);
    // verilator no_inline_task
    logic [51:0] m;
    logic [5:0]  lz;
    logic [9:0]  field;   // exponent field minus 1: the hidden bit adds one, and so may the rounding
    logic [31:0] r;
    m  = x.s[52] ? 52'(-x.s) : x.s[51:0];
    lz = leading_zeros52(m);
    // The exponent does not go below 1.
    if ({4'b0, lz} > {1'b0, x.e} + 10'd1) lz = 6'(x.e[5:0] + 6'd1);
    field = {1'b0, x.e} + 10'd1 - {4'b0, lz};
    m     = m << lz;
    if (field > 10'd254) field = 10'd254;
    r = {1'b0, field[7:0], 23'b0} + {8'b0, m[51:28]} +
        {31'b0, m[27] && (m[28] || m[26:0] != '0)};
    if (r[31] || r[30:23] == '1) r = Inf;
    r[31] = x.sign ^ x.s[52];
    if (x.s == '0) r = {x.sign && !x.diff, 31'b0};
    if (x.e == '0) r = x.s[1] ? Nan : {x.sign, Inf[30:0]};
    return r;
  endfunction

  // ---------------------------------------------------------------- special functions

  /// Behind the lookup: position, and what the last step needs.
  typedef struct packed {
    sfu_ctl_t    ctl;
    logic [19:0] x;
  } sfu_point_t;

  /// Behind the slope.
  typedef struct packed {
    sfu_point_t  point;
    logic [24:0] slope;
  } sfu_slope_t;

  /// Behind the interpolation.
  typedef struct packed {
    sfu_ctl_t    ctl;
    logic [29:0] v;
  } sfu_value_t;

  function automatic sfu_align_t sfu_step_align(op_e op, logic [31:0] a);
    // verilator no_inline_task
    return sfu_align(sfu_op_e'(op[2:0]), a);
  endfunction

  function automatic sfu_slope_t sfu_step_slope(sfu_word_t w, sfu_point_t p);
    // verilator no_inline_task
    sfu_slope_t s;
    s.point = p;
    s.slope = sfu_slope(w, p.x);
    return s;
  endfunction

  /// c0: constant term of the table word.
  function automatic sfu_value_t sfu_step_value(logic [26:0] c0, sfu_slope_t s);
    // verilator no_inline_task
    sfu_value_t v;
    sfu_word_t  w;
    w     = '0;
    w.c0  = c0;
    v.ctl = s.point.ctl;
    v.v   = sfu_value(w, s.slope, s.point.x);
    return v;
  endfunction

  function automatic sfu_norm_t sfu_step_norm(sfu_value_t v);
    // verilator no_inline_task
    return sfu_norm(v.ctl, v.v);
  endfunction

  function automatic logic [31:0] sfu_step_finish(sfu_norm_t x);
    // verilator no_inline_task
    return sfu_finish(x);
  endfunction

  // ---------------------------------------------------------------- ports

  /// log2 of the bits of an element, minus 2: 0 for 4 bits .. 3 for 32 bits.
  function automatic logic [1:0] size_of(fmt_e fmt);
    unique case (fmt)
      FmtE2m1, FmtInt4: return 2'd0;
      FmtBf16, FmtFp16, FmtInt16: return 2'd2;
      FmtTf32, FmtFp32, FmtInt32: return 2'd3;
      default: return 2'd1;
    endcase
  endfunction

  /// Byte in a beat where group n (or element n, if scalar) begins; 64 behind the last one.
  function automatic logic [6:0] byte_of(logic [7:0] n, logic [1:0] size, logic scalar);
    logic [10:0] bits;
    bits = {3'b0, n} << ({2'b0, size} + (scalar ? 4'd2 : 4'd6));
    return bits[9:3];
  endfunction

  /// Element `raw` (bits above its own are ignored) to FP32, exactly; integers to INT32, or with to_f to
  /// FP32, nearest-even. Every NaN becomes the canonical one.
  function automatic logic [31:0] load_element(fmt_e fmt, logic to_f, logic [31:0] raw);
    // verilator no_inline_task
    logic [31:0] m, r;     // magnitude, weight of bit 31: 2^(e-127)
    logic [7:0]  e;
    logic        sign, special, integral;
    m        = '0;
    e        = '0;
    sign     = 1'b0;
    special  = 1'b0;
    integral = 1'b0;
    r        = raw;
    unique case (fmt)
      FmtFp32: ;
      FmtTf32: r[12:0] = '0;
      FmtBf16: r = {raw[15:0], 16'b0};
      FmtE8m0: r = (raw[7:0] == '1) ? Nan : {1'b0, raw[7:0], raw[7:0] == '0, 22'b0};
      FmtFp16: begin
        sign    = raw[15];
        special = raw[14:10] == '1;
        m       = {raw[14:10] != '0, raw[9:0], 21'b0};
        e       = 8'd112 + {3'b0, raw[14:10]} + {7'b0, raw[14:10] == '0};
      end
      FmtE5m2: begin
        sign    = raw[7];
        special = raw[6:2] == '1;
        m       = {raw[6:2] != '0, raw[1:0], 29'b0};
        e       = 8'd112 + {3'b0, raw[6:2]} + {7'b0, raw[6:2] == '0};
      end
      FmtE4m3: begin
        sign    = raw[7];
        special = raw[6:0] == '1;
        m       = {raw[6:3] != '0, raw[2:0], 28'b0};
        e       = 8'd120 + {4'b0, raw[6:3]} + {7'b0, raw[6:3] == '0};
      end
      FmtE3m2: begin
        sign = raw[5];
        m    = {raw[4:2] != '0, raw[1:0], 29'b0};
        e    = 8'd124 + {5'b0, raw[4:2]} + {7'b0, raw[4:2] == '0};
      end
      FmtE2m3: begin
        sign = raw[5];
        m    = {raw[4:3] != '0, raw[2:0], 28'b0};
        e    = 8'd126 + {6'b0, raw[4:3]} + {7'b0, raw[4:3] == '0};
      end
      FmtE2m1: begin
        sign = raw[3];
        m    = {raw[2:1] != '0, raw[0], 30'b0};
        e    = 8'd126 + {6'b0, raw[2:1]} + {7'b0, raw[2:1] == '0};
      end
      FmtInt4: r = {{28{raw[3]}}, raw[3:0]};
      FmtInt8: r = {{24{raw[7]}}, raw[7:0]};
      FmtInt16: r = {{16{raw[15]}}, raw[15:0]};
      FmtUint8: r = {24'b0, raw[7:0]};
      default: ;  // FmtInt32
    endcase
    unique case (fmt)
      FmtFp32, FmtTf32, FmtBf16: return is_nan(r) ? Nan : r;
      FmtE8m0: return r;
      FmtInt4, FmtInt8, FmtInt16, FmtInt32, FmtUint8: begin
        if (!to_f) return r;
        integral = 1'b1;
        sign     = r[31];
        m        = r[31] ? -r : r;
        e        = 8'd158;
      end
      default: ;
    endcase
    if (m == '0) return {sign, 31'b0};
    if (special) return (fmt != FmtE4m3 && m[30:0] == '0) ? {sign, Inf[30:0]} : Nan;
    if (!m[31]) begin
      logic [4:0] lz;
      lz = leading_zeros(m);
      m  = m << lz;
      e  = e - {3'b0, lz};
    end
    r     = {1'b0, e, m[30:8]} + {31'b0, integral && m[7] && (m[8] || m[6:0] != '0)};
    r[31] = sign;
    return r;
  endfunction

  /// A number on its way out: m * 2^(e-31), leading one of m at bit 31.
  typedef struct packed {
    logic              nan;
    logic              inf;
    logic              zero;
    logic              sign;
    logic signed [9:0] e;
    logic [31:0]       m;
  } norm_t;

  /// Step 1 of an output conversion: an FP32 or INT32 word, normalized.
  function automatic norm_t store_norm(logic from_i, logic [31:0] x);
    // verilator no_inline_task
    norm_t      r;
    logic [4:0] lz;
    r.nan  = !from_i && is_nan(x);
    r.inf  = !from_i && x[30:0] == Inf[30:0];
    r.sign = x[31];
    if (from_i) begin
      r.zero = x == '0;
      r.m    = x[31] ? -x : x;
      r.e    = 10'sd31;
    end else begin
      r.zero = x[30:0] == '0;
      r.m    = {x[30:23] != '0, x[22:0], 8'b0};
      r.e    = 10'({2'b0, x[30:23]} + {9'b0, x[30:23] == '0} - 10'd127);
    end
    if (!r.m[31]) begin
      lz  = leading_zeros(r.m);
      r.m = r.m << lz;
      r.e = r.e - 10'(lz);
    end
    return r;
  endfunction

  /// An element on its way out, with its format flags.
  typedef struct packed {
    logic        overflow;
    logic        nan;
    logic [31:0] code;
  } stored_t;

  /// An element format as the output conversion sees it.
  typedef struct packed {
    logic               floating;
    logic               ieee;     // the codes behind the largest number are infinity and NaN
    logic               has_nan;
    logic [4:0]         p;        // bits of the significand
    logic signed [10:0] emin;
    logic [31:0]        top;      // largest finite code, or largest magnitude
  } format_t;

  function automatic format_t format_of(fmt_e fmt);
    format_t f;
    f = '{floating: 1'b1, ieee: 1'b1, has_nan: 1'b1, p: '0, emin: -11'sd126, top: '0};
    unique case (fmt)
      FmtFp32, FmtE8m0: begin f.p = 5'd24; f.top = 32'h7f7f_ffff; end
      FmtTf32: begin f.p = 5'd11; f.top = 32'h0003_fbff; end
      FmtBf16: begin f.p = 5'd8;  f.top = 32'h0000_7f7f; end
      FmtFp16: begin f.p = 5'd11; f.top = 32'h0000_7bff; f.emin = -11'sd14; end
      FmtE5m2: begin f.p = 5'd3;  f.top = 32'h0000_007b; f.emin = -11'sd14; end
      FmtE4m3: begin f.p = 5'd4;  f.top = 32'h0000_007e; f.emin = -11'sd6; f.ieee = 1'b0; end
      FmtE3m2: begin f.p = 5'd3;  f.top = 32'h0000_001f; f.emin = -11'sd2; f.ieee = 1'b0; f.has_nan = 1'b0; end
      FmtE2m3: begin f.p = 5'd4;  f.top = 32'h0000_001f; f.emin = 11'sd0;  f.ieee = 1'b0; f.has_nan = 1'b0; end
      FmtE2m1: begin f.p = 5'd2;  f.top = 32'h0000_0007; f.emin = 11'sd0;  f.ieee = 1'b0; f.has_nan = 1'b0; end
      FmtInt4: begin f.floating = 1'b0; f.top = 32'h0000_0007; end
      FmtInt8: begin f.floating = 1'b0; f.top = 32'h0000_007f; end
      FmtInt16: begin f.floating = 1'b0; f.top = 32'h0000_7fff; end
      FmtUint8: begin f.floating = 1'b0; f.top = 32'h0000_00ff; end
      default: begin f.floating = 1'b0; f.top = 32'h7fff_ffff; end
    endcase
    return f;
  endfunction

  /// Rounding mode of an output conversion.
  function automatic rm_e store_rm(fmt_e fmt, rm_e rm, logic mx);
    return (mx || fmt == FmtE8m0) ? RmNearest : rm;
  endfunction

  /// Behind step 2: the significand's bits that the format has.
  typedef struct packed {
    logic        nan;
    logic        inf;
    logic        zero;
    logic        sign;
    logic        off;    // the block's scale is NaN
    logic        up;     // to be rounded up
    logic [10:0] lift;   // exponents above the least one; an integer: not 0 beyond 32 bits
    logic [31:0] q;
  } store_t;

  /// Step 2: cut to the element format. `random` is for RmStochastic. With `mx` the number is an element of a block
  /// whose scale byte is `scale`: multiplied by 2^(127-scale), nearest-even, saturated.
  function automatic store_t store_cut(fmt_e fmt, rm_e rm_in, logic [31:0] random, logic mx, logic [7:0] scale,
                                       norm_t x);
    // verilator no_inline_task
    store_t             r;
    format_t            f;
    rm_e                rm;
    logic               inexact;
    logic signed [10:0] e, n;
    logic [63:0]        wide;
    logic [31:0]        lost;
    f  = format_of(fmt);
    rm = store_rm(fmt, rm_in, mx);
    // Bits below the last one of the result go out of the upper word.
    e = 11'(x.e);
    if (mx) e = e + 11'sd127 - $signed({3'b0, scale}) + ((fmt == FmtInt8) ? 11'sd6 : 11'sd0);
    if (!f.floating) n = 11'sd31 - e;
    else n = 11'sd32 - $signed({6'b0, f.p}) + ((e < f.emin) ? f.emin - e : 11'sd0);
    wide    = (n > 11'sd63) ? '0 : {x.m, 32'b0} >> n[5:0];
    lost    = wide[31:0];
    inexact = lost != '0 || n > 11'sd32;
    r.q     = wide[63:32];
    if (rm == RmStochastic) r.up = lost > random;
    else r.up = rounds_up(rm, x.sign, wide[32], lost[31], lost[30:0] != '0 || (inexact && !lost[31]));
    if (!f.floating) r.lift = {10'b0, e > 11'sd31};
    else r.lift = (e > f.emin) ? 11'(e - f.emin) : '0;
    r.nan  = x.nan;
    r.inf  = x.inf;
    r.zero = x.zero;
    r.sign = x.sign;
    r.off  = mx && scale == '1;
    return r;
  endfunction

  /// Step 3: round and encode; E8M0: the exponent of the FP32 number. Overflow: infinite, or beyond the largest number
  /// of the format after rounding; block scales bring every finite number into range.
  function automatic stored_t store_code(fmt_e fmt, rm_e rm_in, logic sat_in, logic mx, store_t x);
    // verilator no_inline_task
    format_t     f;
    rm_e         rm;
    logic        sat, inward, over;
    logic [31:0] top, r;
    logic [32:0] code;
    f    = format_of(fmt);
    rm   = store_rm(fmt, rm_in, mx);
    sat  = mx || (sat_in && fmt != FmtE8m0);
    top  = f.top;
    code = 33'(x.q) + 33'(x.up);
    if (f.floating) begin
      code   = code + (33'(x.lift) << (f.p - 5'd1));
      over   = code > {1'b0, top} || x.inf;
      inward = rm == RmZero || (rm == RmUp && x.sign) || (rm == RmDown && !x.sign);
      r      = code[31:0];
      if (over) begin
        r = top;
        if (x.inf ? f.has_nan && !(sat && size_of(fmt) == 2'd1) : f.has_nan && !sat && !inward) r = top + 32'd1;
      end
      if (x.zero) r = '0;
      // Below infinity's code is the largest number; E4M3's next one is its NaN, which has no sign.
      if (x.sign && !(over && !x.zero && !f.ieee && f.has_nan && r != top)) begin
        unique case (fmt)
          FmtFp32: r[31] = 1'b1;
          FmtTf32: r[18] = 1'b1;
          FmtBf16, FmtFp16: r[15] = 1'b1;
          FmtE5m2, FmtE4m3: r[7] = 1'b1;
          FmtE3m2, FmtE2m3: r[5] = 1'b1;
          default: r[3] = 1'b1;
        endcase
      end
      if (x.nan) begin
        r = f.has_nan ? top + 32'd1 : top;
        if (f.ieee) r = r | (32'd1 << (f.p - 5'd2));
      end
      if (fmt == FmtTf32) r = r << 13;
      if (fmt == FmtE8m0) r = {24'b0, r[30:23]};
      if (mx && (x.nan || x.inf || x.off)) r = '0;
    end else begin
      if (fmt == FmtUint8 && x.sign) top = '0;
      else if (x.sign && !mx) top = top + 32'd1;
      over = x.lift[0] || code > {1'b0, top} || x.inf;
      r    = over ? top : code[31:0];
      if (x.sign) r = -r;
      if (x.zero || x.nan || (mx && (x.inf || x.off))) r = '0;
    end
    return '{overflow: mx ? x.inf : over && !x.zero && !x.nan, nan: x.nan, code: r};
  endfunction

  /// Shared scale byte of a block of MX elements with the largest biased exponent `top` (255: a NaN or an
  /// infinity; subnormals count as 0, which gives the same scale).
  function automatic logic [7:0] mx_scale(fmt_e fmt, logic [7:0] top);
    logic [7:0] emax;
    unique case (fmt)
      FmtE4m3: emax = 8'd8;
      FmtE5m2: emax = 8'd15;
      FmtE3m2: emax = 8'd4;
      FmtE2m3, FmtE2m1: emax = 8'd2;
      default: emax = 8'd0;
    endcase
    if (top == '1) return '1;
    return (top < emax) ? '0 : top - emax;
  endfunction

  /// Step of the generator for stochastic rounding (xorshift32).
  function automatic logic [31:0] xorshift(logic [31:0] x);
    logic [31:0] r;
    r = x ^ (x << 13);
    r = r ^ (r >> 17);
    return r ^ (r << 5);
  endfunction

  /// State of a lane's generator before the first step.
  function automatic logic [31:0] seed_of(logic [31:0] seed, int unsigned lane, int unsigned port);
    logic [31:0] r;
    r = seed ^ (32'h9e37_79b9 * 32'(1 + lane + 16 * port));
    return (r == '0) ? 32'd1 : r;
  endfunction

  // ---------------------------------------------------------------- reduction

  /// Exponent of a number that counts in a sum's alignment; 0 for zero, infinity and NaN.
  function automatic logic [7:0] sum_exp(logic [31:0] x);
    if (x[30:23] == '1 || x[30:0] == '0) return '0;
    return x[30:23] | {7'b0, x[30:23] == '0};
  endfunction

  /// Number x in units of 2^(emax-162), cut toward zero.
  function automatic logic [63:0] sum_term(logic [31:0] x, logic [7:0] emax);
    // verilator no_inline_task
    logic [63:0] t;
    logic [7:0]  e, d;
    e = sum_exp(x);
    if (e == '0) return '0;
    d = emax - e;
    t = {28'b0, x[30:23] != '0, x[22:0], 12'b0};
    t = (d > 8'd36) ? '0 : t >> d[5:0];
    return x[31] ? -t : t;
  endfunction

  /// Sum over groups: m * 2^(e-162).
  typedef struct packed {
    logic        nan;
    logic        pinf;
    logic        ninf;
    logic [9:0]  e;
    logic [59:0] m;
  } sum_t;

  /// Add a group's sum s * 2^(eg-162). The operand with the smaller exponent is shifted (floor); a sum that
  /// fits 44 bits is first moved down by up to 15 bits, so that small groups are not lost.
  function automatic sum_t sum_add(sum_t a, logic [63:0] s, logic [7:0] eg);
    sum_t        r;
    logic [63:0] m, t;
    logic [9:0]  e, d, k;
    r = a;
    if (s == '0) return r;
    m = {{4{a.m[59]}}, a.m};
    t = s;
    e = (m == '0) ? {2'b0, eg} : a.e;
    if ({2'b0, eg} >= e) begin
      d = {2'b0, eg} - e;
      m = 64'($signed(m) >>> ((d > 10'd59) ? 6'd59 : d[5:0]));
      e = {2'b0, eg};
    end else begin
      d = e - {2'b0, eg};
      k = (d > 10'd15) ? 10'd15 : d;
      if (m[59:43] != '0 && m[59:43] != '1) k = '0;
      d = d - k;
      e = e - k;
      m = m << k[3:0];
      t = 64'($signed(t) >>> ((d > 10'd47) ? 6'd47 : d[5:0]));
    end
    m = m + t;
    if (m[59] != m[58]) begin
      m = {{12{m[59]}}, m[59:8]};
      e = e + 10'd8;
    end
    r.m = m[59:0];
    r.e = e;
    return r;
  endfunction

  /// The sum rounded once, nearest-even, to FP32.
  function automatic logic [31:0] sum_round(sum_t x);
    logic [63:0] m;
    logic [10:0] left;
    logic [31:0] r;
    m    = x.m[59] ? {4'b0, 60'(-x.m)} : {4'b0, x.m};
    left = {1'b0, x.e} + 11'd23;
    for (int unsigned i = 6; i > 0; i--) begin
      if ((m >> (60 - (1 << (i - 1)))) == '0 && left >= 11'(1 << (i - 1))) begin
        m    = m << (1 << (i - 1));
        left = left - 11'(1 << (i - 1));
      end
    end
    if (left > 11'd254) left = 11'd254;
    r = {1'b0, left[7:0], 23'b0} + {8'b0, m[59:36]} +
        {31'b0, m[35] && (m[36] || m[34:0] != '0)};
    if (r[31] || r[30:23] == '1) r = Inf;
    r[31] = x.m[59];
    if (x.m == '0) r = '0;
    if (x.pinf) r = Inf;
    if (x.ninf) r = Inf | Sign;
    if (x.nan || (x.pinf && x.ninf)) r = Nan;
    return r;
  endfunction

  /// Candidate of a minimum or maximum: the largest key wins, at equal keys the lower lane.
  typedef struct packed {
    logic        valid;
    logic [31:0] key;    // 0: NaN
    logic [3:0]  lane;
  } cand_t;

  function automatic cand_t better(cand_t low, cand_t high);
    return ({high.valid, high.key} > {low.valid, low.key}) ? high : low;
  endfunction

  function automatic logic red_is_float(red_e op);
    return op <= RedArgMinF;
  endfunction

  function automatic logic red_is_min(red_e op);
    return op == RedMinF || op == RedArgMinF || op == RedMinI || op == RedArgMinI;
  endfunction

  /// Key of a word for minimum or maximum.
  function automatic logic [31:0] red_key(red_e op, logic [31:0] x);
    logic [31:0] k;
    if (!red_is_float(op)) k = x ^ Sign;
    else k = float_key(x);
    if (red_is_min(op)) k = ~k;
    if (red_is_float(op) && is_nan(x)) k = '0;
    return k;
  endfunction

  /// The word that a key stands for.
  function automatic logic [31:0] red_value(red_e op, logic [31:0] key);
    logic [31:0] k;
    k = red_is_min(op) ? ~key : key;
    if (!red_is_float(op)) return k ^ Sign;
    if (key == '0) return Nan;
    return k[31] ? k & ~Sign : ~k;
  endfunction

endpackage
