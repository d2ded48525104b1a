// SPDX-License-Identifier: Apache-2.0
/// Shows the checks of tsr_stream_pkg to a test.
///
/// *Latency:* combinational. *Reset:* none needed.
module tsr_stream_rules
  import tsr_tile_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  agu_cfg_t    cfg_i,
  input  logic [31:0] base_i,
  /// The stream has gather, has transposes.
  input  logic        gather_i,
  input  logic        xpose_i,
  output logic        agu_bad_o,
  output logic        agu_lacks_o,
  output logic        base_bad_o
);

  logic unused_clock;
  assign unused_clock = clk_i ^ rst_ni;

  assign agu_bad_o   = tsr_stream_pkg::agu_bad(cfg_i);
  assign agu_lacks_o = tsr_stream_pkg::agu_lacks(cfg_i, gather_i, xpose_i);
  assign base_bad_o  = tsr_stream_pkg::base_bad(base_i);

endmodule
