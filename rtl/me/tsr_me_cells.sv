// SPDX-License-Identifier: Apache-2.0

/// Cells of the matrix engine: each a fused dot product of one beat's elements and two accumulators, one that works and
/// one that drains the last block and takes the next preload.
///
/// *Latency:* 3 cycles: products, their sum, accumulate.
/// *Backpressure:* none; the engine gives the enables.
/// *Throughput:* one group a cycle and cell.
/// *Reset:* none; the engine loads the accumulators before the first beat.
///
/// Registers that only cells know are arrays of one process: it goes through the stages from the last to the first,
/// so each reads what the one before it left in the cycle before. Loops over cells are while loops, which
/// Verilator leaves as they are: a C++ compiler makes vector instructions of them.
module tsr_me_cells
  import tsr_me_pkg::*;
#(
  /// Of these cells, 2 and more.
  parameter int unsigned Rows = 8,
  parameter int unsigned Cols = 8,
  /// Rows that are preloaded at once.
  parameter int unsigned PreRows = 2
) (
  input  logic                                     clk_i,

  // Stage 1: operands as tsr_me_pkg describes them.
  input  logic                                     part_en_i,
  input  mode_e                                    part_mode_i,
  /// Some element is Inf or NaN.
  input  logic                                     part_special_i,
  input  logic [3:0][Rows-1:0][15:0]               row_x_i,
  input  logic [3:0][Rows-1:0][15:0]               row_y_i,
  input  logic [3:0][Cols-1:0][15:0]               col_x_i,
  input  logic [3:0][Cols-1:0][15:0]               col_y_i,

  // Stage 2: the sum, and the operands' block scales.
  input  logic                                     grp_en_i,
  input  group_cfg_t                               grp_cfg_i,
  /// part_special_i of the beat; some scale is NaN.
  input  logic                                     grp_special_i,
  input  logic                                     grp_nan_i,
  input  logic [Rows-1:0][7:0]                     row_scale_i,
  input  logic [Cols-1:0][7:0]                     col_scale_i,

  // Stage 3: accumulate; with swap_i the sum goes to the other accumulator, and the working one
  // takes what that held (keep_i) or zero.
  input  logic                                     acc_en_i,
  input  logic                                     acc_int32_i,
  /// grp_special_i or grp_nan_i of the beat.
  input  logic                                     acc_special_i,
  input  logic                                     swap_i,
  input  logic                                     keep_i,
  /// Load the working accumulator without a beat; never with acc_en_i.
  input  logic                                     load_i,

  // Preload of the other accumulators, by rows; row r takes pre_i[r%PreRows].
  input  logic [Rows-1:0]                          pre_en_i,
  input  logic                                     pre_int32_i,
  input  logic [PreRows-1:0][Cols-1:0][31:0]       pre_i,

  /// The other accumulators, for the drain.
  output acc_t [Rows-1:0][Cols-1:0]                alt_o
);

  typedef logic [15:0] rows_t [4][Rows];         // lanes of the rows' operands
  typedef logic [15:0] cols_t [4][Cols];
  typedef logic [31:0] words_t [4][Rows][Cols];
  typedef logic [31:0] sums_t [Rows][Cols];
  typedef logic [47:0] mants_t [Rows][Cols];
  typedef exp_t        exps_t [Rows][Cols];
  typedef exp_t        row_exps_t [Rows];
  typedef exp_t        col_exps_t [Cols];
  typedef flags_t      specials_t [Rows][Cols];

  // ---------------------------------------------------------------- stage 1

  function automatic void float_parts(input rows_t ax, input rows_t ay, input cols_t bx, input cols_t by,
                                      output words_t w, output exps_t e);
    /* verilator no_inline_task */
    int unsigned r, c;
    logic [31:0] e0, e1, e2, e3, top;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        e0  = {16'b0, ax[0][r]} + {16'b0, bx[0][c]};
        e1  = {16'b0, ax[1][r]} + {16'b0, bx[1][c]};
        e2  = {16'b0, ax[2][r]} + {16'b0, bx[2][c]};
        e3  = {16'b0, ax[3][r]} + {16'b0, bx[3][c]};
        top = max32(max32(e0, e1), max32(e2, e3));
        w[0][r][c] = float_part(ay[0][r], by[0][c], top - e0);
        w[1][r][c] = float_part(ay[1][r], by[1][c], top - e1);
        w[2][r][c] = float_part(ay[2][r], by[2][c], top - e2);
        w[3][r][c] = float_part(ay[3][r], by[3][c], top - e3);
        e[r][c]    = {1'b0, top[8:0]} + 10'd64;  // minus 2 * 256
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void fp8_parts(input rows_t ax, input rows_t ay, input cols_t bx, input cols_t by,
                                    output words_t w, output exps_t e);
    /* verilator no_inline_task */
    int unsigned r, c;
    logic [31:0] e0, e1, e2, e3, e4, e5, e6, e7, top;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        e0  = {24'b0, ax[0][r][7:0]} + {24'b0, bx[0][c][7:0]};
        e1  = {24'b0, ax[0][r][15:8]} + {24'b0, bx[0][c][15:8]};
        e2  = {24'b0, ax[1][r][7:0]} + {24'b0, bx[1][c][7:0]};
        e3  = {24'b0, ax[1][r][15:8]} + {24'b0, bx[1][c][15:8]};
        e4  = {24'b0, ax[2][r][7:0]} + {24'b0, bx[2][c][7:0]};
        e5  = {24'b0, ax[2][r][15:8]} + {24'b0, bx[2][c][15:8]};
        e6  = {24'b0, ax[3][r][7:0]} + {24'b0, bx[3][c][7:0]};
        e7  = {24'b0, ax[3][r][15:8]} + {24'b0, bx[3][c][15:8]};
        top = max32(max32(max32(e0, e1), max32(e2, e3)), max32(max32(e4, e5), max32(e6, e7)));
        w[0][r][c] = {fp8_part(ay[0][r][15:8], by[0][c][15:8], 6'(top - e1)),
                      fp8_part(ay[0][r][7:0], by[0][c][7:0], 6'(top - e0))};
        w[1][r][c] = {fp8_part(ay[1][r][15:8], by[1][c][15:8], 6'(top - e3)),
                      fp8_part(ay[1][r][7:0], by[1][c][7:0], 6'(top - e2))};
        w[2][r][c] = {fp8_part(ay[2][r][15:8], by[2][c][15:8], 6'(top - e5)),
                      fp8_part(ay[2][r][7:0], by[2][c][7:0], 6'(top - e4))};
        w[3][r][c] = {fp8_part(ay[3][r][15:8], by[3][c][15:8], 6'(top - e7)),
                      fp8_part(ay[3][r][7:0], by[3][c][7:0], 6'(top - e6))};
        e[r][c]    = {2'b0, top[7:0]} + 10'd160;  // minus 2 * 64, plus 2 * 112 for the bias of E5M2, plus 64
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void fp32_parts(input rows_t ax, input rows_t ay, input cols_t bx, input cols_t by,
                                     output words_t w, output exps_t e);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        w[0][r][c] = fp32_part({ax[1][r][7:0], ax[0][r]}, {bx[1][c][7:0], bx[0][c]});
        w[1][r][c] = {31'b0, ay[0][r][15] ^ by[0][c][15]};
        w[2][r][c] = '0;
        w[3][r][c] = '0;
        // Minus 2 * 64 and 2, plus 64.
        e[r][c]    = {ax[2][r][1:0], ax[1][r][15:8]} + {bx[2][c][1:0], bx[1][c][15:8]} - 10'd66;
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void int8_parts(input rows_t ax, input cols_t bx, output words_t w);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        for (int unsigned k = 0; k < 4; k++) w[k][r][c] = int_part(int8_part(ax[k][r], bx[k][c]));
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void fp6_parts(input rows_t ax, input rows_t ay, input cols_t bx, input cols_t by,
                                    output words_t w);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        for (int unsigned k = 0; k < 2; k++) begin
          w[k][r][c]   = int_part(fp6_part(ax[2*k][r], bx[2*k][c]) + fp6_part(ax[2*k+1][r], bx[2*k+1][c]));
          w[k+2][r][c] = int_part(fp6_part(ay[2*k][r], by[2*k][c]) + fp6_part(ay[2*k+1][r], by[2*k+1][c]));
        end
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void nibble_parts(input rows_t ax, input rows_t ay, input cols_t bx, input cols_t by,
                                       output words_t w);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        for (int unsigned k = 0; k < 2; k++) begin
          w[k][r][c]   = int_part(nibble_part(ax[2*k][r], bx[2*k][c]) + nibble_part(ax[2*k+1][r], bx[2*k+1][c]));
          w[k+2][r][c] = int_part(nibble_part(ay[2*k][r], by[2*k][c]) + nibble_part(ay[2*k+1][r], by[2*k+1][c]));
        end
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void all_exps(input exp_t value, output exps_t e);
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) e[r][c] = value;
    end
  endfunction

  /// Flags of the groups. The lanes that a format does not use are zeros; `ax`, `bx` tell zeros of FP32.
  function automatic void part_flags(input mode_e mode, input rows_t ax, input rows_t ay, input cols_t bx,
                                     input cols_t by, output specials_t f);
    /* verilator no_inline_task */
    int unsigned r, c;
    float_sig_t  a, b;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        f[r][c] = '0;
        a = ay[0][r];
        b = by[0][c];
        if (mode == ModeFp32) begin
          f[r][c] = special_product(a.sign ^ b.sign, a.inf, a.nan, {ax[1][r][7:0], ax[0][r]} == '0,
                                    b.inf, b.nan, {bx[1][c][7:0], bx[0][c]} == '0);
        end else if (mode == ModeFp8) begin
          for (int unsigned k = 0; k < 4; k++) begin
            f[r][c] = f[r][c] | fp8_special(ay[k][r][15:8], by[k][c][15:8]) |
                      fp8_special(ay[k][r][7:0], by[k][c][7:0]);
          end
        end else begin
          for (int unsigned k = 0; k < 4; k++) f[r][c] = f[r][c] | float_special(ay[k][r], by[k][c]);
        end
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  // ---------------------------------------------------------------- stage 2

  function automatic void float_sums(input words_t w, output sums_t s);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        s[r][c] = float_term(w[0][r][c]) + float_term(w[1][r][c]) + float_term(w[2][r][c]) + float_term(w[3][r][c]);
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void fp8_sums(input words_t w, output sums_t s);
    /* verilator no_inline_task */
    int unsigned r, c;
    logic [31:0] sum;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        sum = '0;
        for (int unsigned k = 0; k < 4; k++) sum = sum + fp8_term(w[k][r][c][31:16]) + fp8_term(w[k][r][c][15:0]);
        s[r][c] = sum;
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void fp32_sums(input words_t w, output sums_t s);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        s[r][c] = (w[0][r][c] ^ {32{w[1][r][c][0]}}) + {31'b0, w[1][r][c][0]};
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void int_sums(input group_cfg_t cfg, input words_t w, output sums_t s);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        s[r][c] = int_window(int_term(w[0][r][c]) + int_term(w[1][r][c]) + int_term(w[2][r][c]) + int_term(w[3][r][c]),
                             cfg.mode, cfg.int32);
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  /// Block scales of a row and a column add to the exponents. (Clang 19 with -march=x86-64-v3 gets shifts of a packed
  /// word by the loop variable wrong, so the scales are arrays.)
  function automatic void scaled_exps(input exps_t e, input row_exps_t a, input col_exps_t b, output exps_t o);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        o[r][c] = e[r][c] + a[r] + b[c] - 10'd254;
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  /// A scale of 0xff is NaN.
  function automatic void scaled_flags(input logic special, input specials_t f, input logic [Rows-1:0][7:0] a,
                                       input logic [Cols-1:0][7:0] b, output specials_t o);
    /* verilator no_inline_task */
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) begin
        o[r][c] = (special ? f[r][c] : '0) | {a[r] == '1 || b[c] == '1, 2'b0};
      end
    end
  endfunction

  // ---------------------------------------------------------------- stage 3

  function automatic void float_adds(input mants_t m, input exps_t e, input sums_t s, input exps_t eg,
                                     output mants_t m_sum, output exps_t e_sum);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        float_add(m[r][c], e[r][c], s[r][c], eg[r][c], m_sum[r][c], e_sum[r][c]);
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  /// Integers of 32 bits, which wrap.
  function automatic void int_adds(input mants_t m, input sums_t s, output mants_t m_sum);
    /* verilator no_inline_task */
    int unsigned r, c;
    r = 0;
    c = 0;
    while (r < Rows) begin
      while (c < Cols) begin
        m_sum[r][c] = {16'b0, m[r][c][31:0] + s[r][c]};
        c++;
      end
      c = 0;
      r++;
    end
  endfunction

  function automatic void add_flags(input specials_t a, input specials_t b, output specials_t o);
    /* verilator no_inline_task */
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) o[r][c] = a[r][c] | b[r][c];
    end
  endfunction

  // ---------------------------------------------------------------- the pipeline
  acc_t [Rows-1:0][Cols-1:0] alt_q;

  always_ff @(posedge clk_i) begin : cells
    // Registers.
    static words_t    part_q;      // stage 1
    static exps_t     part_e_q;
    static specials_t part_flag_q;  // only if special
    static sums_t     grp_q;       // stage 2
    static exps_t     grp_e_q;
    static specials_t grp_flag_q;   // only if special
    static mants_t    acc_m_q;     // stage 3
    static exps_t     acc_e_q;
    static specials_t acc_flag_q;

    // Stage 3.
    if (acc_en_i) begin
      mants_t    m;
      exps_t     e;
      specials_t f;
      e = acc_e_q;
      f = acc_flag_q;
      if (acc_int32_i) int_adds(acc_m_q, grp_q, m);
      else float_adds(acc_m_q, acc_e_q, grp_q, grp_e_q, m, e);
      if (acc_special_i) add_flags(acc_flag_q, grp_flag_q, f);
      if (swap_i) begin
        for (int unsigned r = 0; r < Rows; r++) begin
          for (int unsigned c = 0; c < Cols; c++) alt_q[r][c] <= '{rsvd: '0, flags: f[r][c], e: e[r][c], m: m[r][c]};
        end
      end
      acc_m_q    = m;
      acc_e_q    = e;
      acc_flag_q = f;
    end
    if (load_i || (acc_en_i && swap_i)) begin
      for (int unsigned r = 0; r < Rows; r++) begin
        for (int unsigned c = 0; c < Cols; c++) begin
          acc_m_q[r][c]    = keep_i ? alt_q[r][c].m : '0;
          acc_e_q[r][c]    = keep_i ? alt_q[r][c].e : '0;
          acc_flag_q[r][c] = keep_i ? alt_q[r][c].flags : '0;
        end
      end
    end
    for (int unsigned r = 0; r < Rows; r++) begin
      if (pre_en_i[r]) begin
        for (int unsigned c = 0; c < Cols; c++) begin
          if (pre_int32_i) alt_q[r][c] <= int32_preload(pre_i[r%PreRows][c]);
          else alt_q[r][c] <= fp32_preload(pre_i[r%PreRows][c]);
        end
      end
    end

    // Stage 2.
    if (grp_en_i) begin
      case (grp_cfg_i.mode)
        ModeFloat: float_sums(part_q, grp_q);
        ModeFp8: fp8_sums(part_q, grp_q);
        ModeFp32: fp32_sums(part_q, grp_q);
        default: int_sums(grp_cfg_i, part_q, grp_q);
      endcase
      if (grp_cfg_i.mx) begin
        row_exps_t a;
        col_exps_t b;
        for (int unsigned r = 0; r < Rows; r++) a[r] = {2'b0, row_scale_i[r]};
        for (int unsigned c = 0; c < Cols; c++) b[c] = {2'b0, col_scale_i[c]};
        scaled_exps(part_e_q, a, b, grp_e_q);
      end else begin
        grp_e_q = part_e_q;
      end
      if (grp_nan_i) scaled_flags(grp_special_i, part_flag_q, row_scale_i, col_scale_i, grp_flag_q);
      else if (grp_special_i) grp_flag_q = part_flag_q;
    end

    // Stage 1.
    if (part_en_i) begin
      rows_t ax, ay;
      cols_t bx, by;
      for (int unsigned k = 0; k < 4; k++) begin
        for (int unsigned r = 0; r < Rows; r++) begin
          ax[k][r] = row_x_i[k][r];
          ay[k][r] = row_y_i[k][r];
        end
        for (int unsigned c = 0; c < Cols; c++) begin
          bx[k][c] = col_x_i[k][c];
          by[k][c] = col_y_i[k][c];
        end
      end
      case (part_mode_i)
        ModeFloat: float_parts(ax, ay, bx, by, part_q, part_e_q);
        ModeFp8: fp8_parts(ax, ay, bx, by, part_q, part_e_q);
        ModeInt8: int8_parts(ax, bx, part_q);
        ModeFp6: fp6_parts(ax, ay, bx, by, part_q);
        ModeNibble: nibble_parts(ax, ay, bx, by, part_q);
        default: fp32_parts(ax, ay, bx, by, part_q, part_e_q);
      endcase
      if (is_int(part_mode_i)) all_exps(int_exp(part_mode_i), part_e_q);
      if (part_special_i) part_flags(part_mode_i, ax, ay, bx, by, part_flag_q);
    end
  end

  assign alt_o = alt_q;

endmodule
