// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Several readers on one scratchpad port, in turn; an answer goes to the reader whose access was
/// accepted in the cycle before.
///
/// *Latency:* combinational.
/// *Backpressure:* an offered request stays until it is accepted.
/// *Throughput:* one access a cycle.
/// *Reset:* reader 0 comes first.
module tsr_me_share
  import tsr_tile_pkg::*;
  import tsr_me_pkg::*;
#(
  /// Readers, >= 2.
  parameter int unsigned Num = 3
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  // Readers.
  input  logic [Num-1:0]     valid_i,
  output logic [Num-1:0]     ready_o,
  input  rd_req_t [Num-1:0]  req_i,
  output logic [Num-1:0]     rsp_valid_o,

  // Port; the response's data goes to all readers.
  output logic               spm_valid_o,
  input  logic               spm_ready_i,
  output spm_req_t           spm_req_o,
  input  logic               spm_rsp_valid_i
);

  localparam int unsigned IdxW = tsr_pkg::idx_width(Num);

  logic [Num-1:0]  gnt, served_q;
  logic [IdxW-1:0] idx;

  tsr_arb_rr #(.Num(Num)) u_arb (
    .clk_i, .rst_ni, .req_i(valid_i), .ready_i(spm_ready_i), .gnt_o(gnt), .idx_o(idx)
  );

  assign spm_valid_o = valid_i != '0;
  assign spm_req_o   = '{pad: '0, write: 1'b0, w_log2: req_i[idx].w_log2, base: req_i[idx].base,
                         pitch: req_i[idx].pitch, strb: req_i[idx].strb, wdata: '0};
  assign ready_o     = spm_ready_i ? gnt : '0;

  always_ff @(posedge clk_i) begin
    if (valid_i != '0) served_q <= gnt;
  end

  assign rsp_valid_o = spm_rsp_valid_i ? served_q : '0;

endmodule
