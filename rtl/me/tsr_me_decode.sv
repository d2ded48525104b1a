// SPDX-License-Identifier: Apache-2.0

/// Operand registers of the matrix engine: each row (or column) of a beat, decoded once for all cells.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* none; the engine gives the enable.
/// *Throughput:* one beat a cycle.
/// *Reset:* none.
module tsr_me_decode
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Rows or columns.
  parameter int unsigned Num = 8
) (
  input  logic                      clk_i,

  input  logic                      en_i,
  input  fmt_e                      fmt_i,
  /// FP32: which of the two elements.
  input  logic                      half_i,
  /// Take the scales too.
  input  logic                      mx_i,
  input  logic [Num-1:0][63:0]      data_i,
  /// Take this instead of data_i.
  input  logic                      chain_i,
  input  logic [Num-1:0][63:0]      chain_data_i,
  input  logic [Num-1:0][7:0]       scale_i,

  // Lanes as tsr_me_pkg describes them.
  output logic [3:0][Num-1:0][15:0] x_o,
  output logic [3:0][Num-1:0][15:0] y_o,
  /// Some element is Inf or NaN.
  output logic                      special_o,
  output logic [Num-1:0][7:0]       scale_o
);

  typedef logic [15:0] lanes_t [4][Num];

  // One loop for each result: the C++ compiler need not find out whether they overlap.

  function automatic void decode_bf16(input lanes_t d, output lanes_t x, output lanes_t y);
    /* verilator no_inline_task */
    int unsigned k, i;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        x[k][i] = bf16_exp(d[k][i]);
        i++;
      end
      i = 0;
      k++;
    end
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        y[k][i] = bf16_sig(d[k][i]);
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  function automatic void decode_fp16(input lanes_t d, output lanes_t x, output lanes_t y);
    /* verilator no_inline_task */
    int unsigned k, i;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        x[k][i] = fp16_exp(d[k][i]);
        i++;
      end
      i = 0;
      k++;
    end
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        y[k][i] = fp16_sig(d[k][i]);
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  function automatic void decode_tf32(input lanes_t d, output lanes_t x, output lanes_t y);
    /* verilator no_inline_task */
    int unsigned k, i;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        x[k][i] = (k < 2) ? tf32_exp({d[(2*k+1)%4][i], d[(2*k)%4][i][15:13]}) : '0;
        i++;
      end
      i = 0;
      k++;
    end
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        y[k][i] = (k < 2) ? tf32_sig({d[(2*k+1)%4][i], d[(2*k)%4][i][15:13]}) : '0;
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  function automatic void decode_fp32(input logic half, input lanes_t d, output lanes_t x, output lanes_t y);
    /* verilator no_inline_task */
    logic [31:0] v;
    for (int unsigned i = 0; i < Num; i++) begin
      v = half ? {d[3][i], d[2][i]} : {d[1][i], d[0][i]};
      {x[2][i], x[1][i], x[0][i]} = fp32_x(v);
      x[3][i] = '0;
      y[0][i] = fp32_sig(v);
      for (int unsigned k = 1; k < 4; k++) y[k][i] = '0;
    end
  endfunction

  function automatic void decode_fp8(input logic e5m2, input lanes_t d, output lanes_t x, output lanes_t y);
    /* verilator no_inline_task */
    int unsigned k, i;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        x[k][i] = {fp8_exp(d[k][i][14:8], e5m2), fp8_exp(d[k][i][6:0], e5m2)};
        i++;
      end
      i = 0;
      k++;
    end
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        y[k][i] = {fp8_sig(d[k][i][15:8], e5m2), fp8_sig(d[k][i][7:0], e5m2)};
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  /// Elements 0..3 (x) or 4..7 (y).
  function automatic void decode_fp6(input logic e3m2, input logic upper, input lanes_t d, output lanes_t o);
    /* verilator no_inline_task */
    int unsigned k, i;
    logic [15:0] pair;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        pair    = upper ? d[2+k/2][i] : d[k/2][i];
        o[k][i] = fp6_int(k % 2 == 1 ? pair[13:8] : pair[5:0], e3m2);
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  /// Elements 0..7 (x) or 8..15 (y).
  function automatic void decode_nibble(input logic fp4, input logic upper, input lanes_t d, output lanes_t o);
    /* verilator no_inline_task */
    int unsigned k, i;
    logic [15:0] quad;
    logic [7:0]  pair;
    k = 0;
    i = 0;
    while (k < 4) begin
      while (i < Num) begin
        quad    = upper ? d[2+k/2][i] : d[k/2][i];
        pair    = k % 2 == 1 ? quad[15:8] : quad[7:0];
        o[k][i] = {nibble_int(pair[7:4], fp4), nibble_int(pair[3:0], fp4)};
        i++;
      end
      i = 0;
      k++;
    end
  endfunction

  /// An element is Inf or NaN: bits `mask` of a lane.
  function automatic logic any_special(input lanes_t y, input logic [15:0] mask);
    /* verilator no_inline_task */
    int unsigned i;
    logic [15:0] bits;
    i    = 0;
    bits = '0;
    while (i < Num) begin
      for (int unsigned k = 0; k < 4; k++) bits = bits | y[k][i];
      i++;
    end
    return (bits & mask) != '0;
  endfunction

  // ---------------------------------------------------------------- registers
  logic [3:0][Num-1:0][15:0] x_q, y_q;
  logic                      special_q;
  logic [Num-1:0][7:0]       scale_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      lanes_t      d, x, y;
      logic [15:0] mask;
      for (int unsigned i = 0; i < Num; i++) begin
        for (int unsigned k = 0; k < 4; k++) d[k][i] = chain_i ? chain_data_i[i][16*k+:16] : data_i[i][16*k+:16];
      end
      mask = '0;
      case (fmt_i)
        FmtBf16: begin
          decode_bf16(d, x, y);
          mask = 16'h6000;
        end
        FmtFp16: begin
          decode_fp16(d, x, y);
          mask = 16'h6000;
        end
        FmtTf32: begin
          decode_tf32(d, x, y);
          mask = 16'h6000;
        end
        FmtFp32: begin
          decode_fp32(half_i, d, x, y);
          mask = 16'h6000;
        end
        FmtE4m3, FmtE5m2: begin
          decode_fp8(fmt_i == FmtE5m2, d, x, y);
          mask = 16'h6060;
        end
        FmtE3m2, FmtE2m3: begin
          decode_fp6(fmt_i == FmtE3m2, 1'b0, d, x);
          decode_fp6(fmt_i == FmtE3m2, 1'b1, d, y);
        end
        FmtE2m1, FmtInt4: begin
          decode_nibble(fmt_i == FmtE2m1, 1'b0, d, x);
          decode_nibble(fmt_i == FmtE2m1, 1'b1, d, y);
        end
        default: begin
          x = d;
          y = d;
        end
      endcase
      for (int unsigned k = 0; k < 4; k++) begin
        for (int unsigned i = 0; i < Num; i++) begin
          x_q[k][i] <= x[k][i];
          y_q[k][i] <= y[k][i];
        end
      end
      special_q <= any_special(y, mask);
      if (mx_i) scale_q <= scale_i;
    end
  end

  assign x_o       = x_q;
  assign y_o       = y_q;
  assign special_o = special_q;
  assign scale_o   = scale_q;

endmodule
