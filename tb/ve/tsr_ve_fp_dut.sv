// SPDX-License-Identifier: Apache-2.0

/// The functions of tsr_ve_fp_pkg on ports, one kind at a time.
///
/// *Latency:* 0.
/// *Backpressure:* none.
/// *Throughput:* one result an evaluation.
/// *Reset:* none.
module tsr_ve_fp_dut
  import tsr_tile_pkg::*;
  import tsr_ve_pkg::*;
  import tsr_ve_fp_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  /// 0: a * b + c; 1: ALU operation; 2: input conversion of a; 3: output conversion of a.
  input  logic [1:0]  kind_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  input  logic [31:0] c_i,
  input  op_e         op_i,
  input  rm_e         rm_i,
  input  fmt_e        fmt_i,
  input  logic        to_f_i,
  input  logic        from_i_i,
  input  logic        sat_i,
  input  logic        mx_i,
  input  logic [7:0]  scale_i,
  input  logic [31:0] random_i,
  output logic [31:0] r_o,
  /// Kind 3: {overflow, NaN}.
  output logic [1:0]  flags_o
);

  stored_t stored;

  always_comb begin
    stored = '0;
    if (kind_i == 2'd3) begin
      stored = store_code(fmt_i, rm_i, sat_i, mx_i,
                          store_cut(fmt_i, rm_i, random_i, mx_i, scale_i, store_norm(from_i_i, a_i)));
    end
    unique case (kind_i)
      2'd0: r_o = fma_round(fma_add(fma_mul(a_i, b_i, c_i), c_i));
      2'd1: r_o = alu(op_i, rm_i, a_i, b_i, c_i);
      2'd2: r_o = load_element(fmt_i, to_f_i, a_i);
      2'd3: r_o = stored.code;
    endcase
  end

  assign flags_o = {stored.overflow, stored.nan};

  logic unused;
  assign unused = &{1'b0, clk_i, rst_ni};

endmodule
