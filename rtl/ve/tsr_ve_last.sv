// SPDX-License-Identifier: Apache-2.0

/// Last register of a stage with a unit: the unit's last step and the value that it replaces.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* none; the stage gives the enable.
/// *Throughput:* one group a cycle.
/// *Reset:* none.
module tsr_ve_last
  import tsr_ve_types_pkg::*;
  import tsr_ve_fp_pkg::*;
  import tsr_sfu_pkg::*;
#(
  /// The unit: 1 special functions, 0 multiplier.
  parameter bit Sfu = 1'b0
) (
  input  logic       clk_i,

  /// A group enters.
  input  logic       en_i,
  /// Values that are stored.
  input  logic [3:0] keep_i,
  /// The unit has worked for it, and its result replaces value dst_i (4: none).
  input  logic       unit_i,
  input  logic [2:0] dst_i,
  input  wide_t      unit_r_i,

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
      if (unit_i && !dst_i[2]) begin
        vec_t r;
        for (int unsigned l = 0; l < tsr_ve_pkg::Lanes; l++) begin
          if (Sfu) r[l] = sfu_step_finish(unit_r_i[l][$bits(sfu_norm_t)-1:0]);
          else r[l] = fma_round(unit_r_i[l]);
        end
        unique case (dst_i[1:0])
          2'd0: v0_q <= r;
          2'd1: v1_q <= r;
          2'd2: v2_q <= r;
          2'd3: v3_q <= r;
        endcase
      end
    end
  end

  assign v0_o = v0_q;
  assign v1_o = v1_q;
  assign v2_o = v2_q;
  assign v3_o = v3_q;

endmodule
