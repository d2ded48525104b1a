// SPDX-License-Identifier: Apache-2.0

/// One cell of the matrix engine: a fused dot product of one beat's elements and two accumulators, one
/// that works and one that drains the last block and takes the next preload.
///
/// *Latency:* 2 cycles: group sum, accumulate.
/// *Backpressure:* none; the engine gives the enables.
/// *Throughput:* one group a cycle.
/// *Reset:* none; the engine loads the accumulator before the first beat.
module tsr_me_cell
  import tsr_me_pkg::*;
(
  input  logic        clk_i,

  // Stage 1: operands as tsr_me_pkg describes them, and their block scales.
  input  logic        grp_en_i,
  input  group_cfg_t  grp_cfg_i,
  input  logic [63:0] row_x_i,
  input  logic [63:0] row_y_i,
  input  logic [7:0]  row_scale_i,
  input  logic [63:0] col_x_i,
  input  logic [63:0] col_y_i,
  input  logic [7:0]  col_scale_i,

  // Stage 2: accumulate; with swap_i the sum goes to the other accumulator, and the working one
  // takes what that held (keep_i) or zero.
  input  logic        acc_en_i,
  input  logic        acc_int32_i,
  input  logic        swap_i,
  input  logic        keep_i,
  /// Load the working accumulator without a beat.
  input  logic        load_i,

  /// Preload of the other accumulator.
  input  logic        pre_en_i,
  input  logic        pre_int32_i,
  input  logic [31:0] pre_i,

  /// The other accumulator, for the drain.
  output acc_t        alt_o
);

  grp_t grp_q;
  acc_t acc_q, alt_q;

  always_ff @(posedge clk_i) begin
    if (grp_en_i) begin
      grp_t g;
      case (grp_cfg_i.mode)
        ModeFloat:  g = float_group(row_x_i, row_y_i, col_x_i, col_y_i);
        ModeInt8:   g = int8_group(row_x_i, col_x_i, grp_cfg_i.int32);
        ModeFp8:    g = fp8_group(row_x_i, row_y_i, col_x_i, col_y_i);
        ModeFp6:    g = fp6_group(row_x_i, row_y_i, col_x_i, col_y_i);
        ModeNibble: g = nibble_group(row_x_i, row_y_i, col_x_i, col_y_i, grp_cfg_i.int32);
        default:    g = fp32_group(row_x_i, row_y_i, col_x_i, col_y_i);
      endcase
      if (grp_cfg_i.mx) g = scaled(g, row_scale_i, col_scale_i);
      grp_q <= g;
    end
  end

  always_ff @(posedge clk_i) begin
    if (acc_en_i) begin
      acc_t sum;
      if (acc_int32_i) sum = int_add(acc_q, grp_q);
      else sum = float_add(acc_q, grp_q);
      if (swap_i) begin
        acc_q <= keep_i ? alt_q : '0;
        alt_q <= sum;
      end else begin
        acc_q <= sum;
      end
    end
    if (load_i) acc_q <= keep_i ? alt_q : '0;
    if (pre_en_i) begin
      if (pre_int32_i) alt_q <= int32_preload(pre_i);
      else alt_q <= fp32_preload(pre_i);
    end
  end

  assign alt_o = alt_q;

endmodule
