// SPDX-License-Identifier: Apache-2.0
`include "tsr_assert.svh"

/// Event counter.
///
/// *Latency:* count_o shows an increment one cycle after it.
/// *Throughput:* one increment of any size a cycle. *Backpressure:* none.
/// *Reset:* to zero. Nothing toggles while inc_i is zero.
module tsr_counter #(
  /// Bits of the counter; >= 1.
  parameter int unsigned Width = 32,
  /// Bits of the increment; 1..Width.
  parameter int unsigned IncW = 1,
  /// 1: stop at all ones; 0: wrap.
  parameter bit Saturate = 1'b0
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  /// Set to zero; an increment in the same cycle is lost.
  input  logic             clr_i,
  input  logic [IncW-1:0]  inc_i,
  output logic [Width-1:0] count_o
);

  `TSR_STATIC_ASSERT(WidthLegal, (Width >= 1) && (IncW >= 1) && (IncW <= Width))

  logic [Width-1:0] count_q;
  logic [Width:0]   sum;

  assign sum     = {1'b0, count_q} + (Width + 1)'(inc_i);
  assign count_o = count_q;

  always_ff @(posedge clk_i) begin
    if (inc_i != '0) count_q <= (Saturate && sum[Width]) ? '1 : sum[Width-1:0];
    if (!rst_ni || clr_i) count_q <= '0;
  end

endmodule
