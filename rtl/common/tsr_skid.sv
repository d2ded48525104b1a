// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Skid buffer: cuts the ready path of a stream; valid and data pass straight through.
///
/// *Latency:* 0 cycles.
/// *Backpressure:* in_ready_o comes from a register; one item that arrives while the output stalls is kept.
/// *Throughput:* one item a cycle.
/// *Reset:* empties the buffer; data are not reset.
module tsr_skid #(
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

  logic full_q;
  T     data_q;

  assign in_ready_o  = !full_q;
  assign out_valid_o = full_q || in_valid_i;
  assign out_data_o  = full_q ? data_q : in_data_i;

  always_ff @(posedge clk_i) begin
    if (in_valid_i && in_ready_o && !out_ready_i) data_q <= in_data_i;
    full_q <= out_valid_o && !out_ready_i;
    if (!rst_ni) full_q <= 1'b0;
  end

endmodule
