// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Spill register: cuts valid, data and ready of a stream; every output comes from a flop.
///
/// *Latency:* 1 cycle.
/// *Backpressure:* in_ready_o comes from a register; two items are kept.
/// *Throughput:* one item a cycle.
/// *Reset:* empties the register; data are not reset.
module tsr_spill #(
  /// Bits of an item, when T is not given; >= 1.
  parameter int unsigned Width = 32,
  /// Item type, packed.
  parameter type T = logic [Width-1:0]
) (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic in_valid_i,
  output logic in_ready_o,
  input  T     in_data_i,

  output logic out_valid_o,
  input  logic out_ready_i,
  output T     out_data_o
);

  logic out_full_q, spill_full_q;
  T     out_q, spill_q;
  logic take, free;

  assign in_ready_o  = !spill_full_q;
  assign out_valid_o = out_full_q;
  assign out_data_o  = out_q;
  assign take        = in_valid_i && in_ready_o;
  assign free        = !out_full_q || out_ready_i;

  always_ff @(posedge clk_i) begin
    if (free) begin
      if (spill_full_q) out_q <= spill_q;
      else if (take) out_q <= in_data_i;
      out_full_q   <= spill_full_q || take;
      spill_full_q <= 1'b0;
    end else if (take) begin
      spill_q      <= in_data_i;
      spill_full_q <= 1'b1;
    end
    if (!rst_ni) begin
      out_full_q   <= 1'b0;
      spill_full_q <= 1'b0;
    end
  end

  `TSR_ASSERT(SpillNeedsOut, !spill_full_q || out_full_q)

endmodule
