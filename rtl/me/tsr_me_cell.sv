// SPDX-License-Identifier: Apache-2.0

/// One cell of the matrix engine: a fused dot product of one beat's elements and two accumulators, one
/// that works and one that drains the last block and takes the next preload.
///
/// *Latency:* 3 cycles: products, their sum, accumulate.
/// *Backpressure:* none; the engine gives the enables.
/// *Throughput:* one group a cycle.
/// *Reset:* none; the engine loads the accumulator before the first beat.
module tsr_me_cell
  import tsr_me_pkg::*;
(
  input  logic        clk_i,

  // Stage 1: operands as tsr_me_pkg describes them.
  input  logic        part_en_i,
  input  mode_e       part_mode_i,
  input  logic [63:0] row_x_i,
  input  logic [63:0] row_y_i,
  input  logic [63:0] col_x_i,
  input  logic [63:0] col_y_i,

  // Stage 2: the sum, and the operands' block scales.
  input  logic        grp_en_i,
  input  group_cfg_t  grp_cfg_i,
  input  logic [7:0]  row_scale_i,
  input  logic [7:0]  col_scale_i,

  // Stage 3: accumulate; with swap_i the sum goes to the other accumulator, and the working one
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

  logic [63:0] part_x_q, part_y_q;
  head_t       head_q;
  grp_t        grp_q;
  acc_t        acc_q, alt_q;

  always_ff @(posedge clk_i) begin
    if (part_en_i) begin
      logic [63:0] x, y;
      head_t       head;
      head   = '0;
      head.e = int_exp(part_mode_i);
      case (part_mode_i)
        ModeFloat: float_parts(row_x_i, row_y_i, col_x_i, col_y_i, x, y, head);
        ModeFp8: fp8_parts(row_x_i, row_y_i, col_x_i, col_y_i, x, y, head);
        ModeInt8: begin
          x = int8_parts(row_x_i[31:0], col_x_i[31:0]);
          y = int8_parts(row_x_i[63:32], col_x_i[63:32]);
        end
        ModeFp6: begin
          x = fp6_parts(row_x_i, col_x_i);
          y = fp6_parts(row_y_i, col_y_i);
        end
        ModeNibble: begin
          x = nibble_parts(row_x_i, col_x_i);
          y = nibble_parts(row_y_i, col_y_i);
        end
        default: fp32_parts(row_x_i, row_y_i, col_x_i, col_y_i, x, y, head);
      endcase
      part_x_q <= x;
      part_y_q <= y;
      head_q   <= head;
    end
  end

  always_ff @(posedge clk_i) begin
    if (grp_en_i) begin
      grp_t g;
      case (grp_cfg_i.mode)
        ModeFloat: g.s = float_sum(part_x_q, part_y_q);
        ModeFp8: g.s = fp8_sum(part_x_q, part_y_q);
        ModeFp32: g.s = fp32_sum(part_x_q, part_y_q);
        default: g.s = int_sum(part_x_q, part_y_q, grp_cfg_i.mode, grp_cfg_i.int32);
      endcase
      g.head = grp_cfg_i.mx ? scaled(head_q, row_scale_i, col_scale_i) : head_q;
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
