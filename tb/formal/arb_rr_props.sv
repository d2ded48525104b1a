// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Proof of tsr_arb_rr: one grant, to a requester; kept until taken with Lock; nobody waits longer than Num - 1 grants.
///
/// Requests and ready are arbitrary; the requester whose wait is counted is any one.
module arb_rr_props #(
  /// As tsr_arb_rr.
  parameter int unsigned Num = 5,
  parameter bit Lock = 1'b1
) (
  input logic           clk_i,
  input logic [Num-1:0] req_i,
  input logic           ready_i,
  /// Sampled in reset: the requester watched.
  input logic [2:0]     watch_i
);

  localparam int unsigned IdxW = tsr_pkg::idx_width(Num);

  logic rst_ni = 1'b0;
  always_ff @(posedge clk_i) rst_ni <= 1'b1;

  logic [Num-1:0]  gnt, gnt_q, watch_q;
  logic [IdxW-1:0] idx;
  logic            kept_q;
  logic [3:0]      waited_q;  // grants to others since the watched one requests

  tsr_arb_rr #(.Num(Num), .Lock(Lock)) u_dut (.clk_i, .rst_ni, .req_i, .ready_i, .gnt_o(gnt), .idx_o(idx));

  always_ff @(posedge clk_i) begin
    gnt_q  <= gnt;
    kept_q <= rst_ni && (gnt != '0) && !ready_i;
    if ((req_i & watch_q) == '0) waited_q <= '0;
    else if (ready_i) waited_q <= ((gnt & watch_q) != '0) ? '0 : waited_q + 1'b1;
    if (!rst_ni) begin
      watch_q  <= Num'(1) << watch_i;
      waited_q <= '0;
    end
  end

  `TSR_ASSERT(OneGrant, (gnt & (gnt - 1'b1)) == '0)
  `TSR_ASSERT(ToARequester, (gnt & ~req_i) == '0)
  `TSR_ASSERT(GrantIfAnyAsks, (gnt != '0) == (req_i != '0))
  `TSR_ASSERT(IndexOfGrant, (req_i == '0) ? (idx == '0) : gnt[idx])
  `TSR_ASSERT(KeptUntilTaken, !(Lock && kept_q && ((req_i & gnt_q) != '0)) || (gnt == gnt_q))
  `TSR_ASSERT(WaitIsBounded, waited_q < 4'(Num))

endmodule
