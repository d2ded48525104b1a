// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Age arbiter: grants the requester with the largest key; the lowest index wins a tie.
///
/// The key is {class, age} in the network and {quality of service, age} in the memory controller.
///
/// *Latency:* combinational, a tree of ceil(log2(Num)) comparisons.
/// *Backpressure, Throughput, Reset:* none: it holds no state.
module tsr_arb_age #(
  /// Requesters; >= 1.
  parameter int unsigned Num = 4,
  /// Bits of a key; >= 1.
  parameter int unsigned KeyW = 13,
  localparam int unsigned IdxW = tsr_pkg::idx_width(Num)
) (
  input  logic [Num-1:0]           req_i,
  /// Key of each requester, unsigned; the largest wins.
  input  logic [Num-1:0][KeyW-1:0] key_i,
  /// One-hot grant, zero without requests.
  output logic [Num-1:0]           gnt_o,
  /// Index of the grant, 0 without requests.
  output logic [IdxW-1:0]          idx_o
);

  `TSR_STATIC_ASSERT(NumLegal, Num >= 1)

  localparam int unsigned Levels = $clog2(Num);
  localparam int unsigned Leaves = 1 << Levels;

  // Heap-ordered tree: node 1 is the root, node n has the children 2n and 2n + 1.
  logic [2*Leaves-1:0]           any;
  logic [2*Leaves-1:0][KeyW-1:0] best;
  logic [2*Leaves-1:0][IdxW-1:0] index;

  always_comb begin
    any   = '0;
    best  = '0;
    index = '0;
    for (int unsigned i = 0; i < Num; i++) begin
      any[Leaves+i]   = req_i[i];
      best[Leaves+i]  = key_i[i];
      index[Leaves+i] = IdxW'(i);
    end
    for (int unsigned n = Leaves - 1; n >= 1; n--) begin
      any[n] = any[2*n] | any[2*n+1];
      if (any[2*n] && (!any[2*n+1] || (best[2*n] >= best[2*n+1]))) begin
        best[n]  = best[2*n];
        index[n] = index[2*n];
      end else begin
        best[n]  = best[2*n+1];
        index[n] = index[2*n+1];
      end
    end
  end

  assign idx_o = any[1] ? index[1] : '0;
  always_comb begin
    gnt_o = '0;
    for (int unsigned i = 0; i < Num; i++) gnt_o[i] = any[1] && (index[1] == IdxW'(i));
  end

endmodule
