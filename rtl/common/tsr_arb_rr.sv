// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Round-robin arbiter: after a requester is served it has the lowest priority.
///
/// *Latency:* combinational from req_i to gnt_o.
/// *Backpressure:* the turn advances only with ready_i. With Lock a grant that was not taken stays where
/// it is while its request lasts, so gnt_o may steer a valid/ready stream.
/// *Throughput:* one grant a cycle; every requester is served within Num grants.
/// *Reset:* requester 0 comes first.
module tsr_arb_rr #(
  /// Requesters; >= 1.
  parameter int unsigned Num = 4,
  /// 1: hold an untaken grant.
  parameter bit Lock = 1'b1,
  localparam int unsigned IdxW = tsr_pkg::idx_width(Num)
) (
  input  logic            clk_i,
  input  logic            rst_ni,

  input  logic [Num-1:0]  req_i,
  /// The granted requester is served in this cycle.
  input  logic            ready_i,
  /// One-hot grant, zero without requests.
  output logic [Num-1:0]  gnt_o,
  /// Index of the grant, 0 without requests.
  output logic [IdxW-1:0] idx_o
);

  `TSR_STATIC_ASSERT(NumLegal, Num >= 1)

  // Requesters above the one served last go first; the rest follow.
  logic [Num-1:0] above_q, held_q;
  logic [Num-1:0] cand, high;

  assign cand = (Lock && (|(req_i & held_q))) ? req_i & held_q : req_i;
  assign high = (|(cand & above_q)) ? cand & above_q : cand;
  assign gnt_o = high & (~high + 1'b1);

  always_comb begin
    idx_o = '0;
    for (int unsigned i = 0; i < Num; i++) if (gnt_o[i]) idx_o = IdxW'(i);
  end

  always_ff @(posedge clk_i) begin
    if (|req_i) begin
      held_q <= ready_i ? '0 : gnt_o;
      if (ready_i) above_q <= ~((gnt_o << 1) - 1'b1);
    end else begin
      held_q <= '0;
    end
    if (!rst_ni) begin
      above_q <= '0;
      held_q  <= '0;
    end
  end

  `TSR_ASSERT(GrantOneHot, (gnt_o & (gnt_o - 1'b1)) == '0)
  `TSR_ASSERT(GrantOnlyRequests, (gnt_o & ~req_i) == '0)
  `TSR_ASSERT(GrantWhenRequested, (|gnt_o) == (|req_i))

endmodule
