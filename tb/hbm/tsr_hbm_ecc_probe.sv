// SPDX-License-Identifier: Apache-2.0
/// Shows the error correction code of tsr_hbm_ecc_pkg to a test.
///
/// *Latency:* combinational. *Reset:* none needed.
module tsr_hbm_ecc_probe
  import tsr_hbm_pkg::*;
  import tsr_hbm_ecc_pkg::*;
(
  input  logic  clk_i,
  input  logic  rst_ni,
  /// Atom to encode, or to judge with these side bits.
  input  atom_t data_i,
  input  logic  poison_i,
  input  side_t side_i,
  output side_t side_o,
  output logic  fixed_o,
  output logic  lost_o,
  output logic  poison_o,
  output atom_t data_o
);
  verdict_t verdict;
  logic     unused_ports;

  assign unused_ports = clk_i ^ rst_ni;
  assign side_o       = ecc_side(data_i, poison_i);
  assign verdict      = ecc_verdict(data_i, side_i);
  assign fixed_o      = verdict.fixed;
  assign lost_o       = verdict.lost;
  assign poison_o     = verdict.poison;
  assign data_o       = verdict.flip ? flip_bit(data_i, verdict.index) : data_i;
endmodule
