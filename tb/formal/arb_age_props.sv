// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of tsr_arb_age: the grant goes to a requester with the largest key, of several to the first.
///
/// So a requester waits only for those with larger keys. Where keys are ages that grow alike, nobody who comes later
/// overtakes it: its wait ends with the requesters that were there before it.
module arb_age_props #(
  /// As tsr_arb_age.
  parameter int unsigned Num = 6,
  parameter int unsigned KeyW = 8
) (
  input logic                     clk_i,
  input logic [Num-1:0]           req_i,
  input logic [Num-1:0][KeyW-1:0] key_i
);

  localparam int unsigned IdxW = tsr_pkg::idx_width(Num);

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic [Num-1:0]  gnt;
  logic [IdxW-1:0] idx;
  tsr_arb_age #(.Num(Num), .KeyW(KeyW)) u_dut (.req_i, .key_i, .gnt_o(gnt), .idx_o(idx));

  `TSR_ASSERT(OneGrant, (gnt & (gnt - 1'b1)) == '0)
  `TSR_ASSERT(ToARequester, (gnt & ~req_i) == '0)
  `TSR_ASSERT(GrantIfAnyAsks, (gnt != '0) == (req_i != '0))
  `TSR_ASSERT(IndexOfGrant, (req_i == '0) ? (idx == '0) : gnt[idx])
  for (genvar a = 0; a < Num; a++) begin : gen_winner
    for (genvar b = 0; b < Num; b++) begin : gen_loser
      `TSR_ASSERT(LargestWins, !(gnt[a] && req_i[b]) || (key_i[a] > key_i[b]) || ((key_i[a] == key_i[b]) && (a <= b)))
    end
  end

endmodule
