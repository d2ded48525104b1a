// SPDX-License-Identifier: Apache-2.0

/// One cell of the matrix engine: a fused dot product of 4 BF16 or 8 INT8 elements and two
/// accumulators, one that works and one that drains the last block and takes the next preload.
///
/// *Latency:* 2 cycles: group sum, accumulate.
/// *Backpressure:* none; the engine gives the enables.
/// *Throughput:* one beat a cycle.
/// *Reset:* none; the engine loads the accumulator before the first beat.
module tsr_me_cell
  import tsr_me_pkg::*;
(
  input  logic        clk_i,

  /// Format, constant while the pipeline holds beats.
  input  logic        int8_i,

  // Stage 1: operands. Exponents (BF16) or elements (INT8), and what goes with them.
  input  logic        grp_en_i,
  input  logic [63:0] row_x_i,
  input  meta_t       row_y_i,
  input  logic [63:0] col_x_i,
  input  meta_t       col_y_i,

  // Stage 2: accumulate; with swap_i the sum goes to the other accumulator, and the working one
  // takes what that held (keep_i) or zero.
  input  logic        acc_en_i,
  input  logic        swap_i,
  input  logic        keep_i,
  /// Load the working accumulator without a beat.
  input  logic        load_i,

  /// Preload of the other accumulator.
  input  logic        pre_en_i,
  input  logic [31:0] pre_i,

  /// The other accumulator, for the drain.
  output acc_t        alt_o
);

  grp_t grp_q;
  acc_t acc_q, alt_q;

  always_ff @(posedge clk_i) begin
    if (grp_en_i) begin
      if (int8_i) grp_q <= int8_group(row_x_i, col_x_i);
      else grp_q <= bf16_group(row_x_i, row_y_i, col_x_i, col_y_i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (acc_en_i) begin
      acc_t sum;
      if (int8_i) sum = int8_add(acc_q, grp_q);
      else sum = bf16_add(acc_q, grp_q);
      if (swap_i) begin
        acc_q <= keep_i ? alt_q : '0;
        alt_q <= sum;
      end else begin
        acc_q <= sum;
      end
    end
    if (load_i) acc_q <= keep_i ? alt_q : '0;
    if (pre_en_i) begin
      if (int8_i) alt_q <= int32_preload(pre_i);
      else alt_q <= fp32_preload(pre_i);
    end
  end

  assign alt_o = alt_q;

endmodule
