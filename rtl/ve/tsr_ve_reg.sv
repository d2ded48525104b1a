// SPDX-License-Identifier: Apache-2.0

/// Register for the four values of a group. What is not needed any more stays still.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* none; the pipeline gives the enable.
/// *Throughput:* one group a cycle.
/// *Reset:* none.
module tsr_ve_reg
  import tsr_ve_types_pkg::*;
(
  input  logic       clk_i,

  /// A group enters.
  input  logic       en_i,
  /// Values that are stored.
  input  logic [3:0] keep_i,

  input  vec_t       v0_i,
  input  vec_t       v1_i,
  input  vec_t       v2_i,
  input  vec_t       v3_i,
  output vec_t       v0_o,
  output vec_t       v1_o,
  output vec_t       v2_o,
  output vec_t       v3_o
);

  vec_t v0_q, v1_q, v2_q, v3_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (keep_i[0]) v0_q <= v0_i;
      if (keep_i[1]) v1_q <= v1_i;
      if (keep_i[2]) v2_q <= v2_i;
      if (keep_i[3]) v3_q <= v3_i;
    end
  end

  assign v0_o = v0_q;
  assign v1_o = v1_q;
  assign v2_o = v2_q;
  assign v3_o = v3_q;

endmodule
