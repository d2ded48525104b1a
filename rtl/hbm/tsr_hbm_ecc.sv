// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Checks and corrects the blocks that one pseudo channel has read.
///
/// Only atoms that the reader touches are looked at: the others hold nothing.
///
/// *Latency:* one cycle. *Backpressure:* valid/ready on both sides. *Throughput:* one block a cycle.
/// *Reset:* empty; data is not reset.
module tsr_hbm_ecc
  import tsr_hbm_pkg::*;
  import tsr_hbm_ecc_pkg::*;
(
  input  logic           clk_i,
  input  logic           rst_ni,
  /// 0: data passes as it is.
  input  logic           enable_i,

  input  logic           in_valid_i,
  output logic           in_ready_o,
  input  rd_meta_t       in_meta_i,
  input  tsr_pkg::data_t in_data_i,
  input  side_t [1:0]    in_side_i,

  /// `out_bad_o`: the atom is poison, or lost. `out_fixed_o`: it was corrected.
  output logic           out_valid_o,
  input  logic           out_ready_i,
  output rd_meta_t       out_meta_o,
  output tsr_pkg::data_t out_data_o,
  output logic [1:0]     out_bad_o,
  output logic [1:0]     out_fixed_o,

  /// One cycle for every block, whether it is taken or not.
  output logic [1:0]     fixed_o,
  output logic [1:0]     lost_o,
  output check_t [1:0]   syndrome_o
);

  logic           valid_q, fresh_q;
  rd_meta_t       meta_q;
  tsr_pkg::data_t data_q;
  logic [1:0]     bad_q, fixed_q, lost_q;
  check_t [1:0]   syndrome_q;

  assign in_ready_o  = !valid_q || out_ready_i;
  assign out_valid_o = valid_q;
  assign out_meta_o  = meta_q;
  assign out_data_o  = data_q;
  assign out_bad_o   = bad_q;
  assign out_fixed_o = fixed_q;
  assign fixed_o     = fresh_q ? fixed_q : '0;
  assign lost_o      = fresh_q ? lost_q : '0;
  assign syndrome_o  = syndrome_q;

  always_ff @(posedge clk_i) begin
    automatic verdict_t v;
    automatic atom_t    atom;
    fresh_q <= in_valid_i && in_ready_o;
    if (in_ready_o) valid_q <= in_valid_i;
    if (in_valid_i && in_ready_o) begin
      meta_q <= in_meta_i;
      for (int unsigned a = 0; a < 2; a++) begin
        v    = '0;
        atom = in_data_i[4*a+:4];
        if (enable_i && ((a == 0) ? !in_meta_i.lo[5] : in_meta_i.hi[5])) v = ecc_verdict(atom, in_side_i[a]);
        data_q[4*a+:4] <= v.flip ? flip_bit(atom, v.index) : atom;
        bad_q[a]       <= v.lost || v.poison;
        fixed_q[a]     <= v.fixed;
        lost_q[a]      <= v.lost;
        syndrome_q[a]  <= v.syndrome;
      end
    end
    if (!rst_ni) begin
      valid_q <= 1'b0;
      fresh_q <= 1'b0;
    end
  end

endmodule
